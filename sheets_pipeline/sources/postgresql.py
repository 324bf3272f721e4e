"""Versions of sources in PostgreSQL: each row once for its source, a version as a list of lists of rows.

What puts or forgets versions does so in one transaction that holds the source's row, so readers see whole versions, two writers
follow each other, and whoever is killed leaves nothing behind.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from sheets_pipeline.database.chains import SOURCES
from sheets_pipeline.database.engine import described, explain
from sheets_pipeline.database.source_tables import chunk_table, source_table, version_table
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.errors import DatabaseError, SourceProblem
from sheets_pipeline.sources.canonical import Chunk, Fingerprint, chunks, decoder, encoded, fingerprint
from sheets_pipeline.sources.content import Content, Row, SourceColumn
from sheets_pipeline.sources.store import Found, Stored, Version, the_version
from sheets_pipeline.sources.words import row_words, searched
from sheets_pipeline.sync.source import CellType

#: Rows that are sent, and chunks that are read, at once.
_ROWS_AT_ONCE, _CHUNKS_AT_ONCE = 2000, 8

#: Rows of latest versions with their place in them: a chunk's, and a row's in it.
_FOUND = sa.text("""
    WITH hit AS MATERIALIZED (
        SELECT w.source, w.id, CAST(w.cells AS text) AS cells, s.name
        FROM sheet_source_row w JOIN sheet_source s ON s.id = w.source
        WHERE w.words @@ CAST(:words AS tsquery) AND (CAST(:name AS text) IS NULL OR s.name = :name)
    ), latest AS (
        SELECT DISTINCT ON (source) source, number, chunks FROM sheet_source_version
        WHERE source IN (SELECT source FROM hit) ORDER BY source, number DESC
    ), place AS (
        SELECT latest.source, latest.number, r.id,
            row_number() OVER (PARTITION BY latest.source ORDER BY c.place, r.place) - 1 AS row_number
        FROM latest CROSS JOIN LATERAL unnest(latest.chunks) WITH ORDINALITY c(id, place)
        JOIN sheet_source_chunk k ON k.source = latest.source AND k.id = c.id
        CROSS JOIN LATERAL unnest(k.rows) WITH ORDINALITY r(id, place)
    )
    SELECT hit.name, place.number, place.row_number, hit.cells
    FROM hit JOIN place ON place.source = hit.source AND place.id = hit.id
    ORDER BY hit.name, place.row_number LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class _Added:
    """Rows that a version adds, by their number, and the chunks that it adds."""

    row_numbers: list[int]
    chunks: list[Chunk]


class PostgresqlStore:
    """``SourceStore`` on PostgreSQL; makes its tables where they are not there yet."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        install_state(engine, SOURCES)

    def put(self, source: str, content: Content) -> Stored:
        """Make the content the source's latest version; the same content as the latest stores nothing."""
        printed = fingerprint(content)
        latest = self.latest(source)
        if latest is not None and latest.content_hash == printed.content_hash:
            return Stored(latest, is_new=False)
        with self.engine.begin() as connection:
            number = _held(connection, source)
            latest = next(_versions(connection, source, limit=1), None)
            if latest is not None and latest.content_hash == printed.content_hash:  # another process was quicker
                return Stored(latest, is_new=False)
            whole = [*chunks(printed.row_ids)]
            added = _added(connection, number, printed, whole)
            size = self._copy_rows(connection, number, content, printed, added.row_numbers)
            _insert_chunks(connection, number, added.chunks)
            columns = [
                {"name": column.name, "header": column.header, "type": column.type.value} for column in content.columns
            ]
            version_number = latest.number + 1 if latest else 1
            values = {"source": number, "number": version_number, "content_hash": printed.content_hash}
            values |= {"columns": columns, "rows": len(content.rows)}
            inserting = insert(version_table).values(**values, chunks=[UUID(bytes=chunk.id) for chunk in whole])
            read_at = connection.execute(inserting.returning(version_table.c.read_at)).scalar_one()
        version = Version(source, version_number, printed.content_hash, content.columns, len(content.rows), read_at)
        ids = sum(len(chunk.row_ids) for chunk in added.chunks) + len(whole)
        return Stored(version, is_new=True, new_bytes=size + 16 * ids)

    def latest(self, source: str) -> Version | None:
        """The latest version, None where there is none yet."""
        return next(iter(self.versions(source, limit=1)), None)

    def version(self, source: str, content_hash: str) -> Version:
        """The latest version with that hash, or with the only hash that begins so.

        Raises:
            SourceProblem: There is none, or there are several hashes that begin so.
        """
        with self.engine.connect() as connection:
            begins = version_table.c.content_hash.startswith(content_hash.lower(), autoescape=True)
            found = [*_versions(connection, source, begins)]
        return the_version(source, content_hash, found)

    def versions(self, source: str, limit: int = 100) -> list[Version]:
        """Versions, the latest first."""
        with self.engine.connect() as connection:
            return [*_versions(connection, source, limit=limit)]

    def rows(self, version: Version, *, offset: int = 0, limit: int | None = None) -> Iterator[Row]:
        """Its rows in the order of the sheet.

        Raises:
            SourceProblem: The version is kept no longer.
        """
        decoded = decoder(version.columns)
        with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            for form in _row_forms(connection, version, offset, limit):
                yield decoded(form)

    def row_ids(self, version: Version) -> list[bytes]:
        """The hashes of its rows in their order: rows with the same cells have the same one."""
        asked = {"name": version.source, "number": version.number}
        with self.engine.connect() as connection:
            ids = [row_id.bytes for row_id in connection.scalars(_ROW_IDS, asked)]
        if len(ids) != version.rows:
            raise _kept_no_longer(version)
        return ids

    def rows_of(self, version: Version, row_ids: Sequence[bytes]) -> list[Row]:
        """Rows by their hashes, in this order; all of them are in memory."""
        decoded = decoder(version.columns)
        asked = {"name": version.source, "ids": [row_id.hex() for row_id in row_ids]}
        with self.engine.connect() as connection:
            rows = [decoded(form) for form in connection.scalars(_ROWS_OF_IDS, asked)]
        if len(rows) != len(row_ids):
            raise _kept_no_longer(version)
        return rows

    def search(self, text: str, *, source: str | None = None, limit: int = 100) -> list[Found]:
        """Rows of latest versions in which words begin with each word of the text; none for a text without words."""
        words = searched(text)
        if not words:
            return []
        asked = {"words": " & ".join(f"'{word}':*" for word in words), "name": source, "limit": limit}
        with self.engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            lines = connection.execute(_FOUND, asked).all()
            names = {(line.name, line.number) for line in lines}
            versions = {
                name: next(_versions(connection, name, version_table.c.number == number)) for name, number in names
            }
        decoders = {name: decoder(version.columns) for name, version in versions.items()}
        return [Found(versions[line.name], line.row_number, decoders[line.name](line.cells)) for line in lines]

    def forget(self, source: str, *, keep: int) -> int:
        """Take out all but the latest ``keep`` versions, and rows that no version holds any more; how many versions went."""
        if len(self.versions(source, limit=keep + 1)) <= keep:
            return 0
        with self.engine.begin() as connection:
            number = _held(connection, source)
            kept = sa.select(version_table.c.number).where(version_table.c.source == number)
            kept = kept.order_by(version_table.c.number.desc()).limit(keep)
            gone = connection.execute(
                version_table.delete().where(version_table.c.source == number, version_table.c.number.not_in(kept))
            )
            for statement in _UNHELD:
                connection.execute(statement, {"source": number})
            return gone.rowcount

    def _copy_rows(
        self, connection: sa.Connection, source: int, content: Content, printed: Fingerprint, row_numbers: Sequence[int]
    ) -> int:
        """Send rows; how many bytes their cells took."""
        size = 0
        driver: Any = connection.connection.driver_connection
        try:
            with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
                for begin in range(0, len(row_numbers), _ROWS_AT_ONCE):
                    part = row_numbers[begin : begin + _ROWS_AT_ONCE]
                    rows = [content.rows[i] for i in part]
                    forms = [encoded(row) for row in rows]
                    size += sum(map(len, forms))
                    ids = [printed.row_ids[i] for i in part]
                    copy.write(b"".join(_lines(source, ids, forms, row_words(rows))))
        except psycopg.Error as error:  # whose words may quote a row
            raise explain(error, self.engine.url) or _refused(error, self.engine.url) from None
        return size


def _lines(source: int, ids: Sequence[bytes], forms: Sequence[bytes], words: Sequence[str]) -> Iterator[bytes]:
    """Rows as COPY takes them; JSON holds neither tabs nor line breaks."""
    for row_id, form, found in zip(ids, forms, words, strict=True):
        cells = form.replace(b"\\", rb"\\")
        yield b"%d\t%s\t%s\t%s\n" % (source, row_id.hex().encode(), cells, found.encode())


_COPY = "COPY sheet_source_row (source, id, cells, words) FROM STDIN"

#: What no version of a source holds any more.
_UNHELD = (
    sa.text("""
        DELETE FROM sheet_source_chunk WHERE source = :source AND id NOT IN (
            SELECT unnest(chunks) FROM sheet_source_version WHERE source = :source)
    """),
    sa.text("""
        DELETE FROM sheet_source_row WHERE source = :source AND id NOT IN (
            SELECT unnest(rows) FROM sheet_source_chunk WHERE source = :source)
    """),
)


def _held(connection: sa.Connection, source: str) -> int:
    """The number of a source, which nobody else changes until the transaction ends."""
    connection.execute(insert(source_table).values(name=source).on_conflict_do_nothing())
    asked = sa.select(source_table.c.id).where(source_table.c.name == source).with_for_update()
    return int(connection.execute(asked).scalar_one())


def _versions(
    connection: sa.Connection, source: str, *conditions: sa.ColumnElement[bool], limit: int | None = None
) -> Iterator[Version]:
    table = version_table.c
    asked = sa.select(table.number, table.content_hash, table.columns, table.rows, table.read_at)
    asked = asked.join(source_table, source_table.c.id == table.source).where(
        source_table.c.name == source, *conditions
    )
    for line in connection.execute(asked.order_by(table.number.desc()).limit(limit)):
        columns = tuple(SourceColumn(one["name"], one["header"], CellType(one["type"])) for one in line.columns)
        yield Version(source, line.number, line.content_hash, columns, line.rows, line.read_at)


def _added(connection: sa.Connection, source: int, printed: Fingerprint, whole: Sequence[Chunk]) -> _Added:
    """What of a version is not stored yet."""
    known = _known(connection, "sheet_source_chunk", source, [chunk.id for chunk in whole])
    new = {chunk.id: chunk for chunk in whole if chunk.id not in known}
    if not known and not connection.scalar(_HAS_ROWS, {"source": source}):
        new_rows = set(printed.row_ids)
    else:
        new_rows = {row_id for chunk in new.values() for row_id in chunk.row_ids}
        new_rows -= _known(connection, "sheet_source_row", source, [*new_rows])
    row_numbers = []
    for i, row_id in enumerate(printed.row_ids) if new_rows else ():
        if row_id in new_rows:
            new_rows.remove(row_id)  # the same row may follow again
            row_numbers.append(i)
    return _Added(row_numbers, [*new.values()])


_HAS_ROWS = sa.text("SELECT true FROM sheet_source_row WHERE source = :source LIMIT 1")


def _known(connection: sa.Connection, table: str, source: int, ids: Sequence[bytes]) -> set[bytes]:
    found: set[bytes] = set()
    asked = sa.text(f"SELECT id FROM {table} WHERE source = :source AND id = ANY(CAST(:ids AS uuid[]))")
    for begin in range(0, len(ids), 10_000):
        part = [one.hex() for one in ids[begin : begin + 10_000]]
        found.update(one.bytes for one in connection.scalars(asked, {"source": source, "ids": part}))
    return found


def _insert_chunks(connection: sa.Connection, source: int, new: Sequence[Chunk]) -> None:
    if new:
        lines = [
            {"source": source, "id": UUID(bytes=chunk.id), "rows": [UUID(bytes=one) for one in chunk.row_ids]}
            for chunk in new
        ]
        connection.execute(chunk_table.insert(), lines)


def _row_forms(connection: sa.Connection, version: Version, offset: int, limit: int | None) -> Iterator[str]:
    """The rows from an offset as JSON, a few chunks at a time."""
    asked = {"name": version.source, "number": version.number}
    lengths = connection.execute(_CHUNK_LENGTHS, asked).all()
    if sum(line.length for line in lengths) != version.rows:
        raise _kept_no_longer(version)
    until = version.rows if limit is None else min(version.rows, offset + limit)
    begin = 0
    for first in range(0, len(lengths), _CHUNKS_AT_ONCE):
        part = lengths[first : first + _CHUNKS_AT_ONCE]
        end = begin + sum(line.length for line in part)
        if end > offset and begin < until:
            ids = {"ids": [str(line.id) for line in part], "source": part[0].source}
            forms = connection.scalars(_ROWS_OF_CHUNKS, ids).all()
            yield from forms[max(0, offset - begin) : until - begin]
        begin = end


_CHUNK_LENGTHS = sa.text("""
    SELECT v.source, c.id, cardinality(k.rows) AS length
    FROM sheet_source s JOIN sheet_source_version v ON v.source = s.id AND v.number = :number
    CROSS JOIN LATERAL unnest(v.chunks) WITH ORDINALITY c(id, place)
    JOIN sheet_source_chunk k ON k.source = v.source AND k.id = c.id
    WHERE s.name = :name ORDER BY c.place
""")

_ROWS_OF_CHUNKS = sa.text("""
    SELECT CAST(w.cells AS text)
    FROM unnest(CAST(:ids AS uuid[])) WITH ORDINALITY c(id, place)
    JOIN sheet_source_chunk k ON k.source = :source AND k.id = c.id
    CROSS JOIN LATERAL unnest(k.rows) WITH ORDINALITY r(id, place)
    JOIN sheet_source_row w ON w.source = :source AND w.id = r.id
    ORDER BY c.place, r.place
""")


_ROW_IDS = sa.text("""
    SELECT r.id
    FROM sheet_source s JOIN sheet_source_version v ON v.source = s.id AND v.number = :number
    CROSS JOIN LATERAL unnest(v.chunks) WITH ORDINALITY c(id, place)
    JOIN sheet_source_chunk k ON k.source = v.source AND k.id = c.id
    CROSS JOIN LATERAL unnest(k.rows) WITH ORDINALITY r(id, place)
    WHERE s.name = :name ORDER BY c.place, r.place
""")

_ROWS_OF_IDS = sa.text("""
    SELECT CAST(w.cells AS text)
    FROM sheet_source s CROSS JOIN LATERAL unnest(CAST(:ids AS uuid[])) WITH ORDINALITY r(id, place)
    JOIN sheet_source_row w ON w.source = s.id AND w.id = r.id
    WHERE s.name = :name ORDER BY r.place
""")


def _kept_no_longer(version: Version) -> SourceProblem:
    return SourceProblem(version.source, f"version {version.number} is kept no longer.")


def _refused(error: psycopg.Error, url: sa.URL) -> DatabaseError:
    return DatabaseError(
        f"The database {described(url)} refused rows of a source: {error.diag.message_primary or type(error).__name__}. "
        "Nothing was stored."
    )
