"""A store in memory, for tests of what reads versions."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from sheets_pipeline.sources.canonical import fingerprint, row_id
from sheets_pipeline.sources.content import Content, Row
from sheets_pipeline.sources.store import Version


class KeptVersions:
    """Versions of one source; counts the rows that were read."""

    def __init__(self) -> None:
        self.contents: dict[int, Content] = {}
        self.rows_read = 0

    def version(self, content: Content) -> Version:
        number = len(self.contents) + 1
        self.contents[number] = content
        return self._version("s", number)

    def latest(self, source: str) -> Version | None:
        return next(iter(self.versions(source)), None)

    def versions(self, source: str, limit: int = 100) -> list[Version]:
        return [self._version(source, number) for number in sorted(self.contents, reverse=True)][:limit]

    def _version(self, source: str, number: int) -> Version:
        content = self.contents[number]
        now = datetime(2026, 1, 31, tzinfo=UTC)
        return Version(source, number, fingerprint(content).content_hash, content.columns, len(content.rows), now)

    def rows(self, version: Version, *, offset: int = 0, limit: int | None = None) -> Iterator[Row]:
        self.rows_read += version.rows
        yield from self.contents[version.number].rows[offset:][:limit]

    def row_ids(self, version: Version) -> list[bytes]:
        return fingerprint(self.contents[version.number]).row_ids

    def rows_of(self, version: Version, row_ids: Sequence[bytes]) -> list[Row]:
        self.rows_read += len(row_ids)
        rows = {row_id(row): row for row in self.contents[version.number].rows}
        return [rows[one] for one in row_ids]
