"""Where ``append`` puts its rows: the table that touches the range, found as Google finds it.

A table is a block of filled cells; its rows are bounded by an empty row, its columns by an empty column. See
https://developers.google.com/workspace/sheets/api/guides/values#append_values
"""

from collections.abc import Iterator

from local_sheets.model.cell import AnyCell, entered
from local_sheets.model.rows import Row
from local_sheets.model.tab import Rect, Tab


def find_table(area: Rect) -> Rect | None:
    """The table that new rows go under, or None where the range holds none.

    It is the last one that has a cell in the range: from the range's last filled row, its last filled cell, grown
    to the whole block of cells around it.
    """
    seed = _last_filled(area)
    return None if seed is None else _grow(area.tab, *seed)


def _last_filled(area: Rect) -> tuple[int, int] | None:
    tab = area.tab
    end = min(area.row1, len(tab.rows))
    for row, found in zip(range(end - 1, area.row0 - 1, -1), tab.rows.before(end), strict=False):
        cells = () if found is None else found.cells
        for col in range(min(area.col1, len(cells)) - 1, area.col0 - 1, -1):
            if _filled(cells[col]):
                return row, col
    return None


def _filled(cell: AnyCell) -> bool:
    return entered(cell) is not None


def _grow(tab: Tab, row: int, col: int) -> Rect:
    """The block around a cell: widened until rows and columns next to it are empty along its whole side."""
    row0, row1, col0, col1 = row, row + 1, col, col + 1
    while True:
        before = row0, row1, col0, col1
        sides = max(col0 - 1, 0), col1 + 1
        row0 -= _filled_rows(tab.rows.before(row0), *sides)
        row1 += _filled_rows(tab.rows.between(row1, len(tab.rows)), *sides)
        while col0 > 0 and _column_filled(tab, col0 - 1, row0, row1):
            col0 -= 1
        while _column_filled(tab, col1, row0, row1):
            col1 += 1
        if (row0, row1, col0, col1) == before:
            return Rect(tab, row0, row1, col0, col1)


def _filled_rows(rows: Iterator[Row | None], col0: int, col1: int) -> int:
    """How many rows follow each other that hold a value between two columns."""
    count = 0
    for row in rows:
        if row is None or not any(_filled(cell) for cell in row.cells[col0:col1]):
            break
        count += 1
    return count


def _column_filled(tab: Tab, col: int, row0: int, row1: int) -> bool:
    return any(
        row is not None and col < len(row.cells) and _filled(row.cells[col]) for row in tab.rows.between(row0, row1)
    )
