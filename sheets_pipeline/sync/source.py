"""The source model: which ranges of somebody's spreadsheet are read, and how they become a typed table. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

from sheets_pipeline.sync.spreadsheet import DEFAULT

#: Between readings of a source.
INTERVAL_SECONDS = 300


class CellType(StrEnum):
    """What the cells of a column are, judged by the whole column, never by its first rows."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    #: Cells of several types, each kept as what it is.
    MIXED = "mixed"
    #: No cell holds anything.
    EMPTY = "empty"


class OnSchemaChange(StrEnum):
    """What happens to a reading whose columns are not those of the version before."""

    ACCEPT = "accept"
    HOLD = "hold"
    FAIL = "fail"


class IntoMode(StrEnum):
    """What a table of the database holds of a source."""

    #: The rows of the latest version.
    REPLACE = "replace"
    #: Rows by their key; those that left the source stay.
    UPSERT = "upsert"
    #: The rows of every version, with its number.
    APPEND_VERSIONS = "append-versions"


@dataclass(frozen=True, slots=True)
class Into:
    """The table of the database that a source is written into."""

    table: str
    mode: IntoMode = IntoMode.REPLACE


@dataclass(frozen=True, slots=True)
class OnChange:
    """Whom a new version is told: a webhook, signed where it has a secret, or an address of Apprise's. One of both is given."""

    webhook: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    notify: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SourceRange:
    """Cells of one tab: all of it, a range in A1 notation, or a named range.

    One of ``tab`` (its title, or a pattern of titles like ``2026-*``), ``tab_id`` (Google's sheetId) and ``named`` says where;
    without any it is the first tab. ``cells`` is the range in that tab, such as ``A1:D`` or ``C:F``; all of it where None.
    """

    tab: str | None = None
    tab_id: int | None = None
    cells: str | None = None
    named: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One source; ``components/source_declaration.py`` tells what each of these means to who declares it.

    ``interval`` is in seconds, ``priority`` the lower the earlier. ``header_row`` is the number of the row within the range,
    from 1; None looks for it, 0 says that there is none. ``columns`` maps names of columns to declared types.
    """

    id: str
    name: str
    spreadsheet_id: str
    ranges: tuple[SourceRange, ...] = (SourceRange(),)
    description: str = ""
    credential: str = DEFAULT
    interval: int = INTERVAL_SECONDS
    enabled: bool = True
    priority: int = 5
    tags: tuple[str, ...] = ()
    header_row: int | None = None
    types: dict[str, CellType] | None = None
    #: False keeps every cell as its text.
    infer: bool = True
    ignore_columns: tuple[str, ...] = ()
    fill_merged: bool = False
    on_schema_change: OnSchemaChange = OnSchemaChange.ACCEPT
    keep_versions: int = 100
    key: tuple[str, ...] = ()
    into: Into | None = None
    on_change: tuple[OnChange, ...] = ()
