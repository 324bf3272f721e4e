"""The rows a tab should hold: a frame turned into cells, with the rows that cannot be written set aside."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import tzinfo

import pandas as pd

from sheets_pipeline.errors import KeysNotUnique, TabProblem
from sheets_pipeline.sync.cells import MAX_CELL_CHARACTERS, MAX_KEY_CHARACTERS, Cell, characters, row_keys
from sheets_pipeline.sync.conversion import Misfits, to_cells
from sheets_pipeline.sync.privacy import shown_key
from sheets_pipeline.sync.tab import ColumnType, OnRemoved, Tab
from sheets_pipeline.sync.values import EXPECTED


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row of the source that cannot be written, and why."""

    key: str
    reason: str


@dataclass(slots=True)
class Rows:
    """Rows as cells, column by column: ``keys[i]`` identifies row i, ``columns[name][i]`` is one of its cells."""

    keys: list[str]
    columns: dict[str, list[Cell]]
    set_aside: list[SetAside] = field(default_factory=list)
    #: Number columns → how many of their values are text, because a double would lose digits.
    kept_as_text: dict[str, int] = field(default_factory=dict)
    #: Columns with a text of more than half of what a cell holds → characters of the longest that can be written.
    long_texts: dict[str, int] = field(default_factory=dict)
    #: Row of each key.
    position: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.position = {key: i for i, key in enumerate(self.keys)}

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def held(self) -> set[str]:
        """Keys of rows that are in the database and cannot be written: their rows in the tab stay as they are."""
        return {row.key for row in self.set_aside if row.key}

    def row(self, i: int) -> dict[str, Cell]:
        """The cells of row i, by column name."""
        return {name: cells[i] for name, cells in self.columns.items()}


def rows_from_frame(tab: Tab, frame: pd.DataFrame, time_zone: tzinfo) -> Rows:
    """Turn a frame with the tab's columns into rows of cells; ``time_zone`` is the spreadsheet's.

    Rows with a blank key, a value that cannot be what its column says, or a text over the cell limit are set aside.

    Raises:
        TabProblem: The frame lacks declared columns, or has one twice.
        KeysNotUnique: Two rows have the same key.
    """
    if tab.on_removed is OnRemoved.MARK and tab.status_column not in frame.columns:
        frame = frame.assign(**{tab.status_column: None})
    check_columns(tab, frame)
    converted = {column.name: to_cells(frame[column.name], column.type, time_zone) for column in tab.columns}
    columns = {name: cells for name, (cells, _) in converted.items()}
    misfits = {name: kinds for name, (_, kinds) in converted.items() if kinds}
    keys = row_keys([columns[name] for name in tab.key])
    set_aside, long_texts = _unwritable(tab, keys, columns, misfits)
    if set_aside:
        keep = [i for i in range(len(keys)) if i not in set_aside]
        keys = [keys[i] for i in keep]
        columns = {name: [cells[i] for i in keep] for name, cells in columns.items()}
    if len(set(keys)) < len(keys):
        doubled = [key for key, count in Counter(keys).items() if count > 1]
        first = [shown for key in doubled[:5] if (shown := shown_key(tab, key)) is not None]
        raise KeysNotUnique(
            tab.title,
            f"expected one row per {' + '.join(tab.key)}, found {len(doubled)} keys more than once"
            f"{f' (first: {first})' if first else ''}. Make the query give one row per key; nothing was written.",
        )
    return Rows(keys, columns, list(set_aside.values()), _kept_as_text(tab, columns), long_texts)


def check_columns(tab: Tab, frame: pd.DataFrame) -> None:
    """Refuse a frame that lacks a declared column or has one twice; a column for marks may be left out.

    Raises:
        TabProblem: Names the columns.
    """
    counts = Counter(frame.columns)
    if doubled := [column.name for column in tab.columns if counts[column.name] > 1]:
        raise TabProblem(
            tab.title, f"its rows have the columns {doubled} more than once. Give each column a name of its own (as)."
        )
    optional = tab.status_column if tab.on_removed is OnRemoved.MARK else None
    if missing := [column.name for column in tab.columns if not counts[column.name] and column.name != optional]:
        raise TabProblem(
            tab.title,
            f"expected its rows to have columns {[column.name for column in tab.columns]}, {missing} are missing. "
            "Add them to the query, or remove them from the tab's declaration.",
        )


_NUMBERS = {ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.PERCENT}


def _kept_as_text(tab: Tab, columns: dict[str, list[Cell]]) -> dict[str, int]:
    counts = {c.name: sum(type(cell) is str for cell in columns[c.name]) for c in tab.columns if c.type in _NUMBERS}
    return {name: count for name, count in counts.items() if count}


def _unwritable(
    tab: Tab, keys: list[str], columns: dict[str, list[Cell]], misfits: dict[str, Misfits]
) -> tuple[dict[int, SetAside], dict[str, int]]:
    """Rows that cannot be written, and the columns whose texts come near to the limit."""
    long_texts: dict[str, int] = {}
    set_aside: dict[int, SetAside] = {}
    for name in sorted(misfits, key=lambda name: name not in tab.key):  # a key that cannot be read says more
        for i, kind in misfits[name].items():
            reason = f"{name} holds {kind}, where {EXPECTED[tab.column(name).type]} was expected"
            set_aside.setdefault(i, SetAside(keys[i], reason))
    for i, key in enumerate(keys):
        if not key:
            set_aside.setdefault(i, SetAside("", f"its key ({' + '.join(tab.key)}) is blank"))
        elif len(key) > MAX_KEY_CHARACTERS:
            set_aside.setdefault(
                i, SetAside(key, f"its key has {len(key):,} characters, at most {MAX_KEY_CHARACTERS} are allowed")
            )
    for column in tab.columns:
        for i, cell in enumerate(columns[column.name]):
            # A code point counts for at most two units, so most texts need no closer look.
            if type(cell) is not str or len(cell) <= MAX_CELL_CHARACTERS // 2:
                continue
            if (n := characters(cell)) > MAX_CELL_CHARACTERS:
                reason = f"{column.name} has {n:,} characters, a cell holds {MAX_CELL_CHARACTERS:,}"
                set_aside.setdefault(i, SetAside(keys[i], reason))
            else:
                long_texts[column.name] = max(n, long_texts.get(column.name, 0))
    return set_aside, long_texts
