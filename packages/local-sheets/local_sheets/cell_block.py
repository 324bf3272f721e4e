"""Rectangles of cells taken out of a tab and put back elsewhere: the common ground of copy, cut, insert and delete."""

from collections.abc import Sequence

from local_sheets.api_error import invalid
from local_sheets.model.cell import AnyCell
from local_sheets.model.tab import Rect, Tab
from local_sheets.model.transaction import Transaction

Block = list[list[AnyCell]]


def take(area: Rect) -> Block:
    """All cells of an area, every row at full width."""
    width = area.columns
    rows: Block = [[*cells, *[None] * (width - len(cells))] for cells in area.tab.read(area)]
    rows += [[None] * width for _ in range(area.rows - len(rows))]
    return rows


def put(
    tx: Transaction, tab: Tab, row0: int, col0: int, rows: Sequence[Sequence[AnyCell]], kind: str = "values"
) -> Rect:
    """Put cells in place and say so; gives the rectangle.

    Raises:
        ApiError: It does not lie on the grid, or is protected.
    """
    width = max((len(row) for row in rows), default=0)
    area = Rect(tab, row0, row0 + len(rows), col0, col0 + width)
    if row0 < 0 or col0 < 0:
        raise invalid("The cells would come to stand before the first row or column.")
    if area.row1 > tab.row_count or area.col1 > tab.column_count:
        raise invalid(
            f"Range ({area.a1()}) exceeds grid limits. Max rows: {tab.row_count}, max columns: {tab.column_count}"
        )
    tab.put_block(tx, row0, col0, rows)
    tx.cells_written += area.cells
    tx.note(area, kind)
    return area


def clear(tx: Transaction, area: Rect) -> None:
    """Empty an area altogether: values, formats, notes."""
    area.tab.put_block(tx, area.row0, area.col0, [[None] * area.columns for _ in range(area.rows)])
    tx.note(area)
