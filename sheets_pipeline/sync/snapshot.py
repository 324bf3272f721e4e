"""What a tab holds at one time, and where in it our columns and rows are."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sheets_pipeline.sync.cells import Cell, row_keys
from sheets_pipeline.sync.tab import Tab

_RANGE_END = re.compile(r"!\$?[A-Z]+\$?\d+:\$?([A-Z]+)\$?(\d+)$")


@dataclass(slots=True)
class TabSnapshot:
    """A tab as read: its title, the size of its grid, and cells column by column, header row included.

    Columns are ragged: blank cells at the end of a column may be missing. All columns are known from the row
    ``known_from`` (0-based) on; above it an event sync reads the header and the key columns alone.
    """

    title: str
    row_count: int
    column_count: int
    columns: list[list[Cell]]
    known_from: int = 0

    @property
    def last_row(self) -> int:
        """Number of rows up to the last one that holds anything."""
        return max((len(column) for column in self.columns), default=0)

    @property
    def cell_count(self) -> int:
        """Cells that were read, blank ones above others among them."""
        return sum(map(len, self.columns))

    def column_cells(self, index: int) -> list[Cell]:
        """The cells below the header of one column, as long as the longest column."""
        cells = self.columns[index][1:] if index < len(self.columns) else []
        return cells + [None] * (self.last_row - 1 - len(cells))

    def cell(self, row: int, column: int) -> Cell:
        """One cell (0-based); None where the tab ends before it."""
        cells = self.columns[column] if column < len(self.columns) else []
        return cells[row] if row < len(cells) else None

    def holds(self, row: int, columns: Iterable[int]) -> bool:
        """Whether anything stands in one of these columns of a row."""
        return any(self.cell(row, column) not in (None, "") for column in columns)


def grid_size(echoed_range: str) -> tuple[int, int]:
    """Rows and columns of the grid, from the range that Google echoes for a whole tab (``'My tab'!A1:Z1000``)."""
    match = _RANGE_END.search(echoed_range)
    if match is None:  # a grid of one cell is echoed as ``Tab!A1``
        return 1, 1
    return int(match[2]), column_number(match[1])


def column_number(letters: str) -> int:
    """1 for A, 27 for AA."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def column_letters(index: int) -> str:
    """A for 0, AA for 26."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def row_runs(rows: Iterable[int]) -> list[tuple[int, int]]:
    """Neighbouring rows, given in order, as (first, one after the last)."""
    runs: list[tuple[int, int]] = []
    for row in rows:
        if runs and row == runs[-1][1]:
            runs[-1] = (runs[-1][0], row + 1)
        else:
            runs.append((row, row + 1))
    return runs


@dataclass(slots=True)
class RowIndex:
    """Which row of the tab (0-based, header is 0) holds which key.

    Where a key stands on several rows, the topmost is ours; the others are listed in ``doubled`` (row numbers as the
    user sees them) and left alone. Rows without a key are people's; those that hold something in our columns all the
    same are listed in ``keyless``.
    """

    row_of: dict[str, int]
    doubled: dict[str, list[int]]
    keyless: list[int]


def index_rows(tab: Tab, snapshot: TabSnapshot, layout: dict[str, int]) -> RowIndex:
    """Find every row's key."""
    keys = row_keys([snapshot.column_cells(layout[name]) for name in tab.key])
    row_of: dict[str, int] = {}
    doubled: dict[str, list[int]] = {}
    blank: list[int] = []
    for row, key in enumerate(keys, start=1):
        if not key:
            blank.append(row)
        elif key in row_of:
            doubled.setdefault(key, [row_of[key] + 1]).append(row + 1)
        else:
            row_of[key] = row
    return RowIndex(row_of, doubled, [row + 1 for row in blank if snapshot.holds(row, layout.values())])
