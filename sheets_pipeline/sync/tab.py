"""The tab model: what one tab is, declared once, next to its asset."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, cast

from sheets_pipeline.settings import OWNER, OwnSetting, wrong_interval
from sheets_pipeline.sync.editing import Editing, Edits, faults
from sheets_pipeline.sync.row_rules import row_faults
from sheets_pipeline.sync.spreadsheet import DEFAULT, Each
from sheets_pipeline.sync.watch import Priority, Watch


class ColumnType(StrEnum):
    """How a column's values are kept and shown in the tab."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    PERCENT = "percent"  # a fraction: 0.25 shows as 25%
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    JSON = "json"  # json and arrays, as JSON text


class Owner(StrEnum):
    """Whose values win in a column."""

    PIPELINE = "pipeline"


#: Rows that a sync may delete without asking, and the share of a tab's rows; whichever is more.
MAX_DELETES, MAX_DELETES_SHARE = 50, 0.2

#: What a row that left the database says in the status column of a tab that marks it.
REMOVED_STATUS = "removed"


class OnRemoved(StrEnum):
    """What happens in the tab to a row that left the database."""

    REMOVE = "remove"
    MARK = "mark"
    KEEP = "keep"


#: Number formats (type, pattern) set when a column is created, never afterwards.
NUMBER_FORMATS = {
    ColumnType.TEXT: ("TEXT", "@"),
    ColumnType.INTEGER: ("NUMBER", "0"),
    ColumnType.DECIMAL: ("NUMBER", "0.00"),
    ColumnType.PERCENT: ("PERCENT", "0.0%"),
    ColumnType.DATE: ("DATE", "yyyy-mm-dd"),
    ColumnType.DATETIME: ("DATE_TIME", "yyyy-mm-dd hh:mm:ss"),
    ColumnType.JSON: ("TEXT", "@"),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ours: its name in the frame, its header in the tab, its type, what it means, and where edits of it go."""

    name: str
    type: ColumnType = ColumnType.TEXT
    header: str = ""
    owner: Owner = Owner.PIPELINE
    description: str = ""
    #: Where edits of people go; None where the column is not theirs to edit.
    editing: Editing | None = None

    def __post_init__(self) -> None:
        if self.type not in list(ColumnType):
            raise ValueError(f"Column {self.name!r}: its type is {self.type!r}; known: {', '.join(ColumnType)}.")
        if not self.header:
            object.__setattr__(self, "header", self.name)


@dataclass(frozen=True, slots=True)
class Archive:
    """How a tab that grows for ever is parted: its newest rows stay, earlier ones go to an archive tab per month.

    ``moment`` is the column that decides; ``max_rows`` is the setting with the size that the tab may reach;
    ``source`` makes, of the platform's engine, what asks the database for these rows (``sheets/archived.py``'s Source).
    """

    moment: str
    max_rows: OwnSetting
    source: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab's title, key columns, and columns in the order in which they are created.

    ``switch`` is the setting, if it has one, that leaves the tab out. ``status_column`` is where ``OnRemoved.MARK`` writes; it is
    added to the columns by itself. ``restores_columns`` puts a column back that people deleted, instead of an error.
    ``archive`` is for a tab that grows for ever.
    ``watches`` are the tables whose changes refresh rows; ``entities`` names those whose events, recorded by hand, refresh
    the row of the same key. ``allow_values_in_event_log`` lets values of cells (a preview, old and new values, keys that are
    texts) be stored in Dagster's event log, where whoever sees the Dagster UI reads them.
    ``edits`` says which row of which table a row of the tab is, for columns that people may edit.
    ``every`` is the time between its full syncs in seconds, that of the settings where it is None.
    ``priority`` says who goes first in a full sync and among events. ``position`` is the tab's place among ours where it is
    made, and its turn among tabs of one priority: the lowest comes first.
    ``max_deletes`` and ``max_deletes_share`` are how many rows, and which share of them, a sync may delete without asking;
    whichever is more. With a share of 1 the tab may be emptied. ``owners`` are mail addresses or ``team:NAME``.
    ``spreadsheet`` names the one that it stands in, or says that it stands in each of a list. ``name`` tells it from all
    other declared tabs: its title, but for one whose title stands in several spreadsheets.
    """

    title: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    on_removed: OnRemoved = OnRemoved.REMOVE
    switch: OwnSetting | None = None
    status_column: str = "row_status"
    restores_columns: bool = False
    archive: Archive | None = None
    watches: tuple[Watch, ...] = ()
    entities: tuple[str, ...] = ()
    allow_values_in_event_log: bool = False
    position: int = 1000
    every: int | None = None
    priority: Priority = Priority.NORMAL
    max_deletes: int = MAX_DELETES
    max_deletes_share: float = MAX_DELETES_SHARE
    owners: tuple[str, ...] = ()
    edits: Edits | None = None
    spreadsheet: str | Each = DEFAULT
    name: str = ""

    @property
    def is_left_out(self) -> bool:
        """Whether its own setting leaves it out."""
        return self.switch is not None and not self.switch.read()

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.title)
        if isinstance(key := cast(Any, self.key), str):  # ("id") is a text, ("id",) is meant
            raise ValueError(f"Tab {self.title!r}: key={key!r}; expected a tuple of names, such as ({key!r},).")
        if self.on_removed is OnRemoved.MARK and self.status_column not in {column.name for column in self.columns}:
            object.__setattr__(self, "columns", (*self.columns, Column(self.status_column)))
        names = [column.name for column in self.columns]
        headers = [column.header for column in self.columns]
        if missing := set(self.key) - set(names):
            raise ValueError(f"Tab {self.title!r}: key columns {sorted(missing)} are not among its columns {names}.")
        if not self.key:
            raise ValueError(f"Tab {self.title!r}: at least one key column is needed to find its rows again.")
        if self.every is not None and (wrong := wrong_interval(self.every)) is not None:
            raise ValueError(f"Tab {self.title!r}: every={self.every!r} {wrong}.")
        if self.max_deletes < 0 or not 0 <= self.max_deletes_share <= 1:
            raise ValueError(
                f"Tab {self.title!r}: max_deletes={self.max_deletes!r}, max_deletes_share={self.max_deletes_share!r}; expected "
                "a number of rows, and a share from 0 to 1."
            )
        if others := [owner for owner in self.owners if not OWNER.fullmatch(owner)]:
            raise ValueError(
                f"Tab {self.title!r}: expected mail addresses or team:NAME as owners, found {others[0]!r}."
            )
        watches = (replace(w, priority=self.priority) if w.priority is None else w for w in self.watches)
        object.__setattr__(self, "watches", tuple(watches))
        for watch in self.watches:
            if watch.key and len(watch.key) != len(self.key):
                raise ValueError(
                    f"Tab {self.title!r}: its watch of table {watch.table!r} names {len(watch.key)} columns for a key of "
                    f"{len(self.key)}: {', '.join(self.key)}."
                )
        for kind, values in (("names", names), ("headers", headers)):
            if doubled := _doubled(values):
                raise ValueError(f"Tab {self.title!r}: column {kind} must differ, found twice: {doubled}.")
        kept = {self.status_column} if self.on_removed is OnRemoved.MARK else set()
        found = [text for _, text in faults(self.key, self.columns, self.edits, kept)]
        found += [
            text for _, text in row_faults(self.key, self.columns, self.edits, is_parted=self.archive is not None)
        ]
        if found:
            raise ValueError(f"Tab {self.title!r}: {'; '.join(found)}.")

    @property
    def turn(self) -> int:
        """Its place in the order in which tabs are computed and written; the lowest comes first."""
        return self.priority * 1_000_000 + self.position

    @property
    def words(self) -> set[str]:
        """What a person wrote into the declaration, and may be shown where values may not."""
        return {self.title, *self.entities, *(word for column in self.columns for word in (column.name, column.header))}

    @property
    def edited(self) -> dict[str, Editing]:
        """The columns that people may edit, by name."""
        return {column.name: column.editing for column in self.columns if column.editing is not None}

    def column(self, name: str) -> Column:
        """The column with this name."""
        return next(column for column in self.columns if column.name == name)


def _doubled(values: Iterable[Any]) -> list[Any]:
    return [value for value, count in Counter(values).items() if count > 1]
