"""Versions of sources in Elasticsearch or OpenSearch.

Rows and chunks are documents that never change, with an ``_id`` made of source and hash, so writing one again changes nothing. The
metadata document of a version is created last, once all else was refreshed and counted: with it the version is there, and of two
writers of one number the second is told so. What a killed writer left is no version's, and goes when versions are forgotten.
"""

import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from sheets_pipeline.errors import SourceProblem, SourceStoreError
from sheets_pipeline.sources.canonical import ID_BYTES, Chunk, Fingerprint, chunks, decoder, encoded, fingerprint
from sheets_pipeline.sources.content import Content, Row, SourceColumn
from sheets_pipeline.sources.elasticsearch_client import ElasticsearchClient
from sheets_pipeline.sources.elasticsearch_indices import CHUNKS, METADATA, ROWS, make_indices
from sheets_pipeline.sources.store import Found, Stored, Version, the_version
from sheets_pipeline.sources.words import row_words, searched
from sheets_pipeline.sync.source import CellType

#: Documents that are read at once.
_AT_ONCE, _CHUNKS_AT_ONCE = 1000, 8
#: Versions of a source that are looked at.
_MOST_VERSIONS = 10_000
#: Chunks that are no version's may be of one that is on its way, until they are as old as this.
_ON_ITS_WAY = timedelta(hours=1)


class ElasticsearchStore:
    """``SourceStore`` on Elasticsearch 8 and 9 and OpenSearch; makes its indices where they are not there yet."""

    def __init__(self, url: str) -> None:
        self.client = ElasticsearchClient(url)
        make_indices(self.client)

    def put(self, source: str, content: Content) -> Stored:
        """Make the content the source's latest version; the same content as the latest stores nothing."""
        printed = fingerprint(content)
        whole = [*chunks(printed.row_ids)]
        size = 0
        while True:
            latest = self.latest(source)
            if latest is not None and latest.content_hash == printed.content_hash:
                return Stored(latest, is_new=False)
            # A chunk that no version holds may lack rows: whoever wrote it was killed.
            held = set(self._chunks_of(latest)) if latest else set()
            new = [chunk for chunk in whole if chunk.id not in held]
            wanted = {row_id for chunk in new for row_id in chunk.row_ids}
            known = self._known(ROWS, source, [*wanted]) if latest else set()
            size += self._store(source, content, printed, new, wanted - known)
            version = Version(
                source,
                latest.number + 1 if latest else 1,
                printed.content_hash,
                content.columns,
                len(content.rows),
                datetime.now(UTC),
            )
            if self._make(version, whole):
                # Another process may have forgotten the last version that held them, before this one did.
                lost = known - self._known(ROWS, source, [*known])
                size += self._store(source, content, printed, [], lost)
                return Stored(version, is_new=True, new_bytes=size + ID_BYTES * len(whole))

    def latest(self, source: str) -> Version | None:
        """The latest version, None where there is none yet."""
        return next(iter(self.versions(source, limit=1)), None)

    def version(self, source: str, content_hash: str) -> Version:
        """The latest version with that hash, or with the only hash that begins so.

        Raises:
            SourceProblem: There is none, or there are several hashes that begin so.
        """
        begins = content_hash.lower()
        every = self.versions(source, limit=_MOST_VERSIONS)
        return the_version(source, content_hash, [one for one in every if one.content_hash.startswith(begins)])

    def versions(self, source: str, limit: int = 100) -> list[Version]:
        """Versions, the latest first."""
        query = {
            "query": {"term": {"source": source}},
            "sort": [{"number": "desc"}],
            "size": min(limit, _MOST_VERSIONS),
        }
        hits = self.client.ask("POST", f"/{METADATA}/_search", query | {"_source": {"excludes": ["chunks"]}})["hits"][
            "hits"
        ]
        return [_version(hit["_source"]) for hit in hits]

    def rows(self, version: Version, *, offset: int = 0, limit: int | None = None) -> Iterator[Row]:
        """Its rows in the order of the sheet.

        Raises:
            SourceProblem: The version is kept no longer.
        """
        ids = self.row_ids(version)
        until = len(ids) if limit is None else min(len(ids), offset + limit)
        for begin in range(offset, until, _AT_ONCE):
            yield from self.rows_of(version, ids[begin : min(until, begin + _AT_ONCE)])

    def row_ids(self, version: Version) -> list[bytes]:
        """The hashes of its rows in their order: rows with the same cells have the same one."""
        document = self.client.ask("GET", f"/{METADATA}/_doc/{_version_id(version)}", expected=(200, 404))
        if not document.get("found"):
            raise _kept_no_longer(version)
        held = self._chunk_rows(version.source, _split(document["_source"]["chunks"]))
        return [row_id for rows in held if rows is not None for row_id in rows]

    def rows_of(self, version: Version, row_ids: Sequence[bytes]) -> list[Row]:
        """Rows by their hashes, in this order; all of them are in memory."""
        decoded = decoder(version.columns)
        rows = []
        for begin in range(0, len(row_ids), _AT_ONCE):
            part = row_ids[begin : begin + _AT_ONCE]
            forms: dict[bytes, str | None] = dict(
                zip(dict.fromkeys(part), self._forms(version.source, part), strict=True)
            )
            if None in forms.values():
                raise _kept_no_longer(version)
            rows += [decoded(forms[row_id] or "") for row_id in part]
        return rows

    def search(self, text: str, *, source: str | None = None, limit: int = 100) -> list[Found]:
        """Rows of latest versions in which words begin with each word of the text; none for a text without words."""
        words = searched(text)
        found: list[Found] = []
        places: dict[str, tuple[Version | None, dict[bytes, list[int]]]] = {}
        conditions: list[dict[str, Any]] = [{"prefix": {"words": word}} for word in words]
        conditions += [{"term": {"source": source}}] if source is not None else []
        for hit in self._scan(ROWS, conditions, ["source", "row", "cells"], ["source", "row"]) if words else ():
            name = hit["source"]
            if name not in places:
                places[name] = self._places(name)
            version, numbers = places[name]
            if version is not None:
                row = decoder(version.columns)(hit["cells"]) if bytes.fromhex(hit["row"]) in numbers else ()
                found += [Found(version, number, row) for number in numbers.get(bytes.fromhex(hit["row"]), ())]
            if len(found) >= limit:
                break
        return sorted(found, key=lambda one: (one.version.source, one.number))[:limit]

    def forget(self, source: str, *, keep: int) -> int:
        """Take out all but the latest ``keep`` versions, and rows that no version holds any more; how many versions went."""
        versions = self.versions(source, limit=_MOST_VERSIONS)
        gone, kept = versions[keep:], versions[:keep]
        if not gone:
            return 0
        of_gone = {chunk_id for version in gone for chunk_id in self._chunks_of(version)}
        self.client.bulk(({"delete": {"_index": METADATA, "_id": _raw_version_id(version)}}, None) for version in gone)
        self.client.ask("POST", f"/{METADATA},{CHUNKS}/_refresh")
        held = {chunk_id for version in kept for chunk_id in self._chunks_of(version)}
        before = (datetime.now(UTC) - _ON_ITS_WAY).isoformat()
        unheld = [
            chunk_id
            for hit in self._scan(CHUNKS, [{"term": {"source": source}}], ["chunk", "stored_at"], ["chunk"])
            if (chunk_id := bytes.fromhex(hit["chunk"])) not in held
            and (chunk_id in of_gone or hit["stored_at"] < before)
        ]
        rows = {row_id for part in self._chunk_rows(source, unheld) for row_id in part or ()}
        rows -= {row_id for part in self._chunk_rows(source, [*held]) for row_id in part or ()}
        self.client.bulk(({"delete": {"_index": ROWS, "_id": _id(source, row_id)}}, None) for row_id in rows)
        self.client.bulk(({"delete": {"_index": CHUNKS, "_id": _id(source, chunk_id)}}, None) for chunk_id in unheld)
        return len(gone)

    def _store(
        self, source: str, content: Content, printed: Fingerprint, new: Sequence[Chunk], row_ids: set[bytes]
    ) -> int:
        """Write chunks and rows; how many bytes that took."""
        numbers = {row_id: i for i, row_id in enumerate(printed.row_ids) if row_id in row_ids}
        now = datetime.now(UTC).isoformat()
        # Chunks first: what of a killed writer's rows no version holds is found by them.
        made = {CHUNKS: self.client.bulk(_chunk_documents(source, new, printed.content_hash, now))}
        size = sum(ID_BYTES * len(chunk.row_ids) for chunk in new)

        def rows() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
            nonlocal size
            ids = [*numbers]
            for begin in range(0, len(ids), _AT_ONCE):
                part = ids[begin : begin + _AT_ONCE]
                cells = [content.rows[numbers[row_id]] for row_id in part]
                for row_id, row, words in zip(part, cells, row_words(cells), strict=True):
                    form = encoded(row)
                    size += len(form)
                    document = {"source": source, "row": row_id.hex(), "stored_by": printed.content_hash}
                    found = {"cells": form.decode(), "words": sorted(set(words.split()))}
                    yield _creating(ROWS, source, row_id), document | found

        made[ROWS] = self.client.bulk(rows())
        for index, count in made.items():
            self._counted(index, source, printed.content_hash, count)
        return size

    def _counted(self, index: str, source: str, content_hash: str, made: int) -> None:
        """See that what was written can be found."""
        if not made:
            return
        self.client.ask("POST", f"/{index}/_refresh")
        query = {"query": {"bool": {"filter": [{"term": {"source": source}}, {"term": {"stored_by": content_hash}}]}}}
        found = self.client.ask("POST", f"/{index}/_count", query)["count"]
        if found < made:
            raise SourceStoreError(
                f"Elasticsearch at {self.client.address} took {made} documents of source {source!r} and shows {found} of them, so "
                "no version was made of them. Look at the server's log and its disk."
            )

    def _make(self, version: Version, whole: Sequence[Chunk]) -> bool:
        """Create the version's metadata document; False where another writer made that number."""
        maker = uuid.uuid4().hex
        columns = [{"name": one.name, "header": one.header, "type": one.type.value} for one in version.columns]
        document = {
            "source": version.source,
            "number": version.number,
            "content_hash": version.content_hash,
            "columns": columns,
            "headers": [column.header for column in version.columns],
            "rows": version.rows,
            "chunks": b"".join(chunk.id for chunk in whole).hex(),
            "read_at": version.read_at.isoformat(),
            "status": "completed",
            "maker": maker,
        }
        path = f"{METADATA}/_create/{_version_id(version)}?refresh=true"
        self.client.ask("PUT", f"/{path}", document, expected=(200, 201, 409))
        made = self.client.ask("GET", f"/{METADATA}/_doc/{_version_id(version)}")  # a lost answer was sent again
        return bool(made["_source"]["maker"] == maker)

    def _known(self, index: str, source: str, ids: Sequence[bytes]) -> set[bytes]:
        documents = self._get(index, source, ids, "_source=false")
        return {one for one, document in zip(ids, documents, strict=True) if document.get("found")}

    def _forms(self, source: str, row_ids: Sequence[bytes]) -> list[str | None]:
        documents = self._get(ROWS, source, [*dict.fromkeys(row_ids)], "_source_includes=cells")
        return [document["_source"]["cells"] if document.get("found") else None for document in documents]

    def _chunk_rows(self, source: str, chunk_ids: Sequence[bytes]) -> list[list[bytes] | None]:
        """The ids of rows of each chunk; None where there is no such chunk."""
        documents = self._get(CHUNKS, source, chunk_ids, "_source_includes=rows")
        return [_split(document["_source"]["rows"]) if document.get("found") else None for document in documents]

    def _get(self, index: str, source: str, ids: Sequence[bytes], what: str) -> list[dict[str, Any]]:
        documents: list[dict[str, Any]] = []
        for begin in range(0, len(ids), _AT_ONCE):
            asked = {"ids": [_id(source, one) for one in ids[begin : begin + _AT_ONCE]]}
            documents += self.client.ask("POST", f"/{index}/_mget?{what}", asked)["docs"]
        return documents

    def _chunks_of(self, version: Version) -> list[bytes]:
        document = self.client.ask("GET", f"/{METADATA}/_doc/{_version_id(version)}", expected=(200, 404))
        return _split(document["_source"]["chunks"]) if document.get("found") else []

    def _places(self, source: str) -> tuple[Version | None, dict[bytes, list[int]]]:
        """The latest version, and the numbers at which each of its rows stands."""
        version = self.latest(source)
        numbers: dict[bytes, list[int]] = {}
        for number, row_id in enumerate(self.row_ids(version) if version else ()):
            numbers.setdefault(row_id, []).append(number)
        return version, numbers

    def _scan(
        self, index: str, conditions: Sequence[dict[str, Any]], fields: list[str], order: list[str]
    ) -> Iterator[dict[str, Any]]:
        """All documents with these conditions, a page at a time."""
        query: dict[str, Any] = {"query": {"bool": {"filter": [*conditions]}}, "size": _AT_ONCE, "_source": fields}
        query["sort"] = [{field: "asc"} for field in order]
        while True:
            hits = self.client.ask("POST", f"/{index}/_search", query)["hits"]["hits"]
            yield from (hit["_source"] for hit in hits)
            if len(hits) < _AT_ONCE:
                return
            query["search_after"] = hits[-1]["sort"]


def _chunk_documents(
    source: str, new: Sequence[Chunk], content_hash: str, now: str
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for chunk in {chunk.id: chunk for chunk in new}.values():
        document = {"source": source, "chunk": chunk.id.hex(), "rows": b"".join(chunk.row_ids).hex()}
        yield _creating(CHUNKS, source, chunk.id), document | {"stored_by": content_hash, "stored_at": now}


def _creating(index: str, source: str, of: bytes) -> dict[str, Any]:
    return {"create": {"_index": index, "_id": _id(source, of)}}


def _id(source: str, of: bytes) -> str:
    return f"{source}:{of.hex()}"


def _raw_version_id(version: Version) -> str:
    return f"{version.source}:{version.number}"


def _version_id(version: Version) -> str:
    return quote(_raw_version_id(version), safe="")


def _split(ids: str) -> list[bytes]:
    whole = bytes.fromhex(ids)
    return [whole[i : i + ID_BYTES] for i in range(0, len(whole), ID_BYTES)]


def _version(document: dict[str, Any]) -> Version:
    columns = tuple(SourceColumn(one["name"], one["header"], CellType(one["type"])) for one in document["columns"])
    read_at = datetime.fromisoformat(document["read_at"])
    return Version(document["source"], document["number"], document["content_hash"], columns, document["rows"], read_at)


def _kept_no_longer(version: Version) -> SourceProblem:
    return SourceProblem(version.source, f"version {version.number} is kept no longer.")
