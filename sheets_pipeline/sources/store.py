"""What a store of sources does, whichever it is: PostgreSQL, or Elasticsearch and OpenSearch.

A version is visible when all of it is there, never before; whatever ends a process leaves the versions before it as they were.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.sources.content import Content, Row, SourceColumn


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a source: its number from 1, the hash over header and typed cells, and when it was read."""

    source: str
    number: int
    content_hash: str
    columns: tuple[SourceColumn, ...]
    rows: int
    #: With a time zone, as the store's clock says.
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Stored:
    """What putting a content did: its version, whether it is a new one, and how many bytes of rows were stored anew."""

    version: Version
    is_new: bool
    new_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Found:
    """A row that a search found, with the version that it was looked up in and its number in it, from 0."""

    version: Version
    number: int
    row: Row


class SourceStore(Protocol):
    """Keeps versions of sources."""

    def put(self, source: str, content: Content) -> Stored:
        """Make the content the source's latest version; the same content as the latest stores nothing."""

    def latest(self, source: str) -> Version | None:
        """The latest version, None where there is none yet."""

    def version(self, source: str, content_hash: str) -> Version:
        """The version with that hash, or the only one whose hash begins with it.

        Raises:
            SourceProblem: There is none, or more than one.
        """

    def versions(self, source: str, limit: int = 100) -> list[Version]:
        """Versions, the latest first."""

    def rows(self, version: Version, *, offset: int = 0, limit: int | None = None) -> Iterator[Row]:
        """Its rows in the order of the sheet."""

    def row_ids(self, version: Version) -> list[bytes]:
        """The hashes of its rows in their order: rows with the same cells have the same one."""

    def rows_of(self, version: Version, row_ids: Sequence[bytes]) -> list[Row]:
        """Rows by their hashes, in this order; all of them are in memory."""

    def search(self, text: str, *, source: str | None = None, limit: int = 100) -> list[Found]:
        """Rows of latest versions in which every word of the text stands, in any language."""

    def forget(self, source: str, *, keep: int) -> int:
        """Take out all but the latest versions, and rows that no version holds any more; how many versions went."""


def the_version(source: str, content_hash: str, found: Sequence[Version]) -> Version:
    """The latest of these, whose hashes begin so.

    Raises:
        SourceProblem: There is none, or they are of several hashes.
    """
    hashes = list(dict.fromkeys(version.content_hash for version in found))
    if len(hashes) == 1:
        return max(found, key=lambda version: version.number)
    if hashes:
        shown = ", ".join(one[:16] for one in hashes[:5])
        raise SourceProblem(
            source, f"{len(hashes)} versions begin with {content_hash!r}: {shown}. Give more of the hash."
        )
    raise SourceProblem(
        source,
        f"no version {content_hash!r} is kept. `sheets-pipeline source status --source-id` lists those that are.",
    )
