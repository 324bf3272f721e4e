"""A tab in memory: its rows and columns, and the rest of the API's ``Sheet`` message kept as a plain dict.

Everything that changes a tab takes the transaction, which remembers the state before the first change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from local_sheets.a1 import format_range
from local_sheets.model.cell import AnyCell
from local_sheets.model.rows import Row, RowSequence, calculate


class Changing(Protocol):
    """What a tab needs of the transaction that changes it (``transaction.py``)."""

    @property
    def serial(self) -> int:
        """Its number: rows that it made itself need no copy."""

    def touch(self, tab: Tab) -> None:
        """Remember how the tab was, before it is changed for the first time."""


@dataclass(frozen=True, slots=True)
class Rect:
    """Rows and columns of a tab, 0-based and half-open."""

    tab: Tab
    row0: int
    row1: int
    col0: int
    col1: int

    @property
    def rows(self) -> int:
        return max(0, self.row1 - self.row0)

    @property
    def columns(self) -> int:
        return max(0, self.col1 - self.col0)

    @property
    def cells(self) -> int:
        return self.rows * self.columns

    def a1(self) -> str:
        """The range as Google echoes it; an empty one is named by the cell it starts at."""
        row1, col1 = max(self.row1, self.row0 + 1), max(self.col1, self.col0 + 1)
        return format_range(self.tab.title, self.row0, row1, self.col0, col1)

    def grid_range(self) -> dict[str, Any]:
        """The API's ``GridRange``; a sheet id of 0 is left out as proto3 does."""
        full = {
            "sheetId": self.tab.sheet_id,
            "startRowIndex": self.row0,
            "endRowIndex": self.row1,
            "startColumnIndex": self.col0,
            "endColumnIndex": self.col1,
        }
        return {k: v for k, v in full.items() if not (k == "sheetId" and v == 0)}

    def meets(self, other: Rect) -> bool:
        """Whether the two have a cell in common."""
        return (
            self.tab is other.tab
            and self.row0 < other.row1
            and other.row0 < self.row1
            and self.col0 < other.col1
            and other.col0 < self.col1
        )

    def holds(self, other: Rect) -> bool:
        """Whether the other one lies inside."""
        return (
            self.tab is other.tab
            and self.row0 <= other.row0
            and other.row1 <= self.row1
            and self.col0 <= other.col0
            and other.col1 <= self.col1
        )


class Column:
    """Width and visibility of a column, and the developer metadata on it; never changed, only replaced."""

    __slots__ = ("metadata", "properties")

    def __init__(self, properties: dict[str, Any] | None = None, metadata: tuple[int, ...] = ()) -> None:
        self.properties, self.metadata = properties, metadata


class Tab:
    """One tab. ``sheet`` is the ``Sheet`` message without cells: ``properties``, ``merges``, ``filterViews`` ..."""

    def __init__(self, sheet: dict[str, Any]) -> None:
        self.sheet = sheet
        self.columns: list[Column | None] = []
        self.rows = RowSequence()
        self.next_row_id = 1
        self._places: tuple[int, dict[int, int]] | None = None

    # -- what it is

    @property
    def properties(self) -> dict[str, Any]:
        found: dict[str, Any] = self.sheet["properties"]
        return found

    @property
    def sheet_id(self) -> int:
        return int(self.properties["sheetId"])

    @property
    def title(self) -> str:
        return str(self.properties["title"])

    @property
    def grid(self) -> dict[str, Any]:
        """``GridProperties``: ``rowCount``, ``columnCount``, ``frozenRowCount`` ..."""
        found: dict[str, Any] = self.properties["gridProperties"]
        return found

    @property
    def row_count(self) -> int:
        return int(self.grid["rowCount"])

    @property
    def column_count(self) -> int:
        return int(self.grid["columnCount"])

    @property
    def cell_count(self) -> int:
        return self.row_count * self.column_count

    def rect(
        self, row0: int | None = None, row1: int | None = None, col0: int | None = None, col1: int | None = None
    ) -> Rect:
        """The rectangle with open sides filled up to the grid; nothing is clipped."""
        return Rect(
            self,
            0 if row0 is None else row0,
            self.row_count if row1 is None else row1,
            0 if col0 is None else col0,
            self.column_count if col1 is None else col1,
        )

    # -- reading cells

    def row_cells(self, index: int) -> Sequence[AnyCell]:
        """Cells of a row without empty ones at the end."""
        row = self.rows.get(index)
        return () if row is None else row.cells

    def cell(self, row: int, col: int) -> AnyCell:
        cells = self.row_cells(row)
        return cells[col] if col < len(cells) else None

    def read(self, area: Rect) -> Iterable[Sequence[AnyCell]]:
        """The cells of each row of an area, ragged at the end, for as many rows as there are."""
        col0, col1 = area.col0, area.col1
        for row in self.rows.between(area.row0, area.row1):
            yield () if row is None else row.cells[col0:col1]

    def used_width(self) -> int:
        """Length of the longest row."""
        return max((len(row.cells) for block in self.rows.blocks for row in block.rows if row is not None), default=0)

    # -- changing cells

    def put_cells(self, tx: Changing, row_index: int, col0: int, cells: Sequence[AnyCell]) -> None:
        """Replace as many cells of a row as are given."""
        tx.touch(self)
        old = self.rows.get(row_index)
        merged = _spliced(() if old is None else old.cells, col0, cells)
        if old is None and not merged:
            return
        self.rows.put(row_index, self._row_with(old, merged), tx.serial)

    def put_block(self, tx: Changing, row0: int, col0: int, rows: Sequence[Sequence[AnyCell]]) -> None:
        """Replace the given cells of many rows that follow each other."""
        tx.touch(self)
        current: list[Row | None] = list(self.rows.between(row0, row0 + len(rows)))
        current += [None] * (len(rows) - len(current))
        fresh: list[Row | None] = []
        merged: Sequence[AnyCell] = ()
        calculates, last = False, None
        for old, cells in zip(current, rows, strict=True):
            held = () if old is None else old.cells
            if last is None or held is not last[0] or cells is not last[1]:  # rows that share their cells go on to
                merged = _spliced(held, col0, cells)
                calculates, last = calculate(merged), (held, cells)
            fresh.append(None if old is None and not merged else self._row_with(old, merged, calculates))
        if any(row is not None for row in fresh):
            self.rows.replace_all(row0, fresh, tx.serial)

    def _row_with(self, old: Row | None, cells: Sequence[AnyCell], calculates: bool | None = None) -> Row:
        if old is None:
            return self.new_row(cells, calculates=calculates)
        return Row(old.row_id, cells, old.properties, old.metadata, calculates)

    def new_row(
        self,
        cells: Sequence[AnyCell] = (),
        properties: dict[str, Any] | None = None,
        calculates: bool | None = None,
    ) -> Row:
        """A row with an id of its own, not yet in any place."""
        row = Row(self.next_row_id, cells, properties, calculates=calculates)
        self.next_row_id += 1
        return row

    def own_row(self, tx: Changing, index: int) -> Row:
        """The row at an index, made if it held nothing."""
        tx.touch(self)
        row = self.rows.get(index)
        if row is None:
            row = self.new_row()
            self.rows.put(index, row, tx.serial)
        return row

    def replace_row(
        self,
        tx: Changing,
        index: int,
        *,
        properties: dict[str, Any] | None = None,
        metadata: tuple[int, ...] | None = None,
    ) -> None:
        """Give a row other properties or other metadata; what is None stays."""
        row = self.own_row(tx, index)
        fresh = Row(
            row.row_id,
            row.cells,
            row.properties if properties is None else (properties or None),
            row.metadata if metadata is None else metadata,
        )
        self.rows.put(index, fresh, tx.serial)

    # -- columns

    def column(self, index: int) -> Column | None:
        return self.columns[index] if index < len(self.columns) else None

    def replace_column(
        self,
        tx: Changing,
        index: int,
        *,
        properties: dict[str, Any] | None = None,
        metadata: tuple[int, ...] | None = None,
    ) -> None:
        """Give a column other properties or other metadata; what is None stays."""
        tx.touch(self)
        self.columns += [None] * (index + 1 - len(self.columns))
        old = self.columns[index] or Column()
        self.columns[index] = Column(
            old.properties if properties is None else (properties or None),
            old.metadata if metadata is None else metadata,
        )

    # -- where developer metadata is

    def row_places(self) -> dict[int, int]:
        """Row index of each piece of developer metadata that lives on a row."""
        if self._places is None or self._places[0] != self.rows.version:
            places: dict[int, int] = {}
            start = 0
            for block in self.rows.blocks:
                for offset, row in enumerate(block.rows):
                    if row is not None and row.metadata:
                        places.update(dict.fromkeys(row.metadata, start + offset))
                start += len(block.rows)
            self._places = (self.rows.version, places)
        return self._places[1]

    def column_places(self) -> dict[int, int]:
        """Column index of each piece of developer metadata that lives on a column."""
        return {
            key: index for index, column in enumerate(self.columns) if column is not None for key in column.metadata
        }


def _spliced(old: Sequence[AnyCell], col0: int, cells: Sequence[AnyCell]) -> Sequence[AnyCell]:
    """A row's cells with some replaced, without empty ones at the end."""
    if col0 == 0 and len(cells) >= len(old):
        merged = list(cells)
    else:
        merged = list(old)
        if len(merged) < col0:
            merged += [None] * (col0 - len(merged))
        merged[col0 : col0 + len(cells)] = cells
    while merged and merged[-1] is None:
        merged.pop()
    return merged
