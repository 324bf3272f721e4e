"""insertRange and deleteRange: cells pushed aside or pulled together within some columns or rows."""

from typing import Any

from local_sheets.api_error import invalid
from local_sheets.cell_block import Block, put, take
from local_sheets.formula_texts import rewrite_formulas, uses_decimal_comma
from local_sheets.formulas.shift import CellsMoved, move_cells
from local_sheets.limits import resize
from local_sheets.model.cell import AnyCell
from local_sheets.model.tab import Rect
from local_sheets.model.transaction import Transaction
from local_sheets.references import COLUMNS, ROWS, grid_rect

Message = dict[str, Any]


def _read(tx: Transaction, request: Message) -> tuple[Rect, bool]:
    area = grid_rect(tx.spreadsheet, request.get("range"))
    dimension = request.get("shiftDimension")
    if dimension not in (ROWS, COLUMNS):
        raise invalid("Must specify a shiftDimension.")
    return area, dimension == ROWS


def _behind(area: Rect, by_rows: bool) -> Rect:
    """What lies below the start of the area (or to its right), as far as there is anything."""
    tab = area.tab
    if by_rows:
        return Rect(tab, area.row0, max(len(tab.rows), area.row0), area.col0, area.col1)
    return Rect(tab, area.row0, area.row1, area.col0, max(tab.used_width(), area.col0))


def insert_range(tx: Transaction, request: Message) -> None:
    """insertRange: the grid grows where cells would be pushed out of it."""
    area, by_rows = _read(tx, request)
    tab = area.tab
    rest = _behind(area, by_rows)
    block = take(rest)
    if by_rows:
        resize(tx, tab, max(tab.row_count, rest.row1 + area.rows), tab.column_count)
        empty: Block = [[None] * area.columns for _ in range(area.rows)]
        fresh = empty + block
    else:
        resize(tx, tab, tab.row_count, max(tab.column_count, rest.col1 + area.columns))
        gap: list[AnyCell] = [None] * area.columns
        fresh = [gap + row for row in block]
    put(tx, tab, area.row0, area.col0, fresh)
    _follow(tx, rest, area.rows if by_rows else 0, 0 if by_rows else area.columns)


def delete_range(tx: Transaction, request: Message) -> None:
    """deleteRange: the cells below or to the right close the gap."""
    area, by_rows = _read(tx, request)
    rest = _behind(area, by_rows)
    block = take(rest)
    if by_rows:
        count = min(area.rows, len(block))
        empty: Block = [[None] * area.columns for _ in range(count)]
        fresh = block[count:] + empty
        moved = Rect(area.tab, area.row1, max(rest.row1, area.row1), area.col0, area.col1)
    else:
        fresh = [row[area.columns :] + [None] * min(area.columns, len(row)) for row in block]
        moved = Rect(area.tab, area.row0, area.row1, area.col1, max(rest.col1, area.col1))
    put(tx, area.tab, area.row0, area.col0, fresh)
    _follow(tx, moved, -area.rows if by_rows else 0, 0 if by_rows else -area.columns)


def _follow(tx: Transaction, moved: Rect, down: int, right: int) -> None:
    """Let formulas follow the cells that were moved."""
    title = moved.tab.title
    change = CellsMoved(title, moved.row0, moved.row1, moved.col0, moved.col1, title, down, right)
    comma = uses_decimal_comma(tx.spreadsheet)
    rewrite_formulas(tx, lambda text, own: move_cells(text, own, change, decimal_comma=comma))
    tx.note_tab(moved.tab, "moved")
