"""What a tab holds at one time, and where in it our columns and rows are."""

import re
from dataclasses import dataclass

from sheets_pipeline.errors import HeaderMismatch, TabProblem
from sheets_pipeline.sync.cells import Cell, row_keys
from sheets_pipeline.sync.tab import Tab

_RANGE_END = re.compile(r"!\$?[A-Z]+\$?\d+:\$?([A-Z]+)\$?(\d+)$")


@dataclass(slots=True)
class TabSnapshot:
    """A tab as read: its title, the size of its grid, and cells column by column, header row included.

    Columns are ragged: blank cells at the end of a column may be missing. ``columns`` may hold only the header and the
    key columns in full (an event sync reads no more).
    """

    title: str
    row_count: int
    column_count: int
    columns: list[list[Cell]]

    @property
    def last_row(self) -> int:
        """Number of rows up to the last one that holds anything."""
        return max((len(column) for column in self.columns), default=0)

    def column_cells(self, index: int) -> list[Cell]:
        """The cells below the header of one column, as long as the longest column."""
        cells = self.columns[index][1:] if index < len(self.columns) else []
        return cells + [None] * (self.last_row - 1 - len(cells))


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


def locate_columns(tab: Tab, snapshot: TabSnapshot) -> dict[str, int]:
    """Where each declared column stands: its name → 0-based index in the grid.

    Raises:
        HeaderMismatch: A declared header is missing from row 1.
        TabProblem: A declared header stands there twice, so it is unclear which column is ours.
    """
    header = [str(column[0]).strip() if column and column[0] is not None else "" for column in snapshot.columns]
    layout = {column.name: header.index(column.header) for column in tab.columns if column.header in header}
    if missing := [column.header for column in tab.columns if column.name not in layout]:
        raise HeaderMismatch(tab.title, missing=missing, found=[text for text in header if text])
    if twice := [column.header for column in tab.columns if header.count(column.header) > 1]:
        raise TabProblem(
            tab.title,
            f"the headers {twice} stand in row 1 more than once, so it is unclear which column is ours. "
            "Rename the column that is not.",
        )
    return layout


@dataclass(slots=True)
class RowIndex:
    """Which row of the tab (0-based, header is 0) holds which key.

    Where a key stands on several rows, the topmost is ours; the others are listed in ``doubled`` (row numbers as the
    user sees them) and left alone. Rows without a key are people's.
    """

    row_of: dict[str, int]
    doubled: dict[str, list[int]]


def index_rows(tab: Tab, snapshot: TabSnapshot, layout: dict[str, int]) -> RowIndex:
    """Find every row's key."""
    keys = row_keys([snapshot.column_cells(layout[name]) for name in tab.key])
    row_of: dict[str, int] = {}
    doubled: dict[str, list[int]] = {}
    for row, key in enumerate(keys, start=1):
        if not key:
            continue
        if key in row_of:
            doubled.setdefault(key, [row_of[key] + 1]).append(row + 1)
        else:
            row_of[key] = row
    return RowIndex(row_of, doubled)
