"""Requests that write cells from ``CellData``: updateCells, appendCells, repeatCell."""

from collections.abc import Sequence
from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.shifting import insert_range
from local_sheets.formula_texts import copied, uses_decimal_comma
from local_sheets.limits import resize
from local_sheets.model.cell import AnyCell, Cell, entered
from local_sheets.model.tab import Rect, Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import grid_rect, read_coordinate, tab_of_id
from local_sheets.spreadsheets_api.contents import CellChange, read_fields, write_row_data

Message = dict[str, Any]


def update_cells(tx: Transaction, request: Message) -> None:
    """updateCells: from a start cell, or over a range, whose cells that get no data are cleared."""
    change = CellChange(tx.spreadsheet, read_fields(request.get("fields")))
    rows = request.get("rows", [])
    height, width = len(rows), max((len(row.get("values", [])) for row in rows), default=0)
    if "range" in request:
        area = grid_rect(tx.spreadsheet, request["range"])
        _check_fits(area, height, width)
        full = [_padded(row, area.columns) for row in rows] + [_padded({}, area.columns)] * (area.rows - height)
        write_row_data(tx, area.tab, area.row0, area.col0, full, change)
        tx.note(area)
        return
    if "start" not in request:
        raise invalid("Must specify a start or range.")
    tab, row0, col0 = read_coordinate(tx.spreadsheet, request["start"])
    target = Rect(tab, row0, row0 + height, col0, col0 + width)
    if target.row1 > tab.row_count:
        raise invalid(
            f"Attempting to write row: {tab.row_count}, beyond the last requested row of: {tab.row_count - 1}"
        )
    if target.col1 > tab.column_count:
        raise _beyond_column(tab.column_count)
    write_row_data(tx, tab, row0, col0, rows, change)
    tx.note(target)


def _padded(row: Message, width: int) -> Message:
    values = row.get("values", [])
    return {"values": [*values, *[{}] * (width - len(values))]}


def _check_fits(area: Rect, height: int, width: int) -> None:
    if height > area.rows:
        raise invalid(f"Attempting to write row: {area.row1}, beyond the last requested row of: {area.row1 - 1}")
    if width > area.columns:
        raise _beyond_column(area.col1)


def _beyond_column(col1: int) -> Exception:
    return invalid(f"Attempting to write column: {col1}, beyond the last requested column of: {col1 - 1}")


def append_cells(tx: Transaction, request: Message) -> None:
    """appendCells: after the last row of the tab that holds a value; the grid grows by the rows that are missing."""
    change = CellChange(tx.spreadsheet, read_fields(request.get("fields")))
    rows = request.get("rows", [])
    width = max((len(row.get("values", [])) for row in rows), default=0)
    if "tableId" in request:
        tab, row0, col0 = _table_end(tx, request["tableId"], len(rows), width)
    else:
        tab = tab_of_id(tx.spreadsheet, request.get("sheetId", 0))
        row0, col0 = last_filled_row(tab) + 1, 0
    if col0 + width > tab.column_count:
        raise _beyond_column(tab.column_count)
    if row0 + len(rows) > tab.row_count:
        resize(tx, tab, row0 + len(rows), tab.column_count)
    write_row_data(tx, tab, row0, col0, rows, change)
    tx.note(Rect(tab, row0, row0 + len(rows), col0, col0 + width))


def _table_end(tx: Transaction, table_id: str, height: int, width: int) -> tuple[Tab, int, int]:
    """Where a table goes on: below its last filled row. It grows by the rows that are missing, what is below gives way.

    Raises:
        ApiError: There is no such table, or it has not so many columns.
    """
    for tab in tx.spreadsheet.tabs:
        for table in tab.sheet.get("tables", []):
            if table.get("tableId") == table_id:
                area = grid_rect(tx.spreadsheet, table["range"])
                if width > area.columns:
                    raise _beyond_column(area.col1)
                row0 = _after_filled(area)
                if row0 + height > area.row1:
                    _grow(tx, area, table_id, row0 + height - area.row1)
                return tab, row0, area.col0
    raise invalid(f"No table with id: {table_id}")


def _after_filled(area: Rect) -> int:
    """The row below the last one that holds a value; the first one is the header."""
    filled = [
        index for index, cells in enumerate(area.tab.read(area)) if any(entered(cell) is not None for cell in cells)
    ]
    return area.row0 + max([0, *filled]) + 1


def _grow(tx: Transaction, area: Rect, table_id: str, missing: int) -> None:
    """Make room below a table, in its columns alone, and let it reach that far."""
    tab = area.tab
    if any(
        entered(cell) is not None
        for row in range(area.row1, len(tab.rows))
        for cell in tab.row_cells(row)[area.col0 : area.col1]
    ):
        below = Rect(tab, area.row1, area.row1 + missing, area.col0, area.col1).grid_range()
        insert_range(tx, {"range": {"sheetId": tab.sheet_id, **below}, "shiftDimension": "ROWS"})
    elif area.row1 + missing > tab.row_count:
        resize(tx, tab, area.row1 + missing, tab.column_count)
    tx.touch(tab)
    for place, table in enumerate(tab.sheet["tables"]):
        if table.get("tableId") == table_id:
            tab.sheet["tables"][place] = {**table, "range": {**table["range"], "endRowIndex": area.row1 + missing}}
    tx.note_tab(tab, "tables")


def last_filled_row(tab: Tab) -> int:
    """Index of the last row that holds a value, -1 when none does."""
    index = len(tab.rows)
    empty: Sequence[AnyCell] | None = None
    for block in reversed(tab.rows.blocks):
        for row in reversed(block.rows):
            index -= 1
            if row is None or row.cells is empty:  # rows that nobody filled share their cells
                continue
            if any(entered(cell) is not None for cell in row.cells):
                return index
            empty = row.cells
    return -1


def repeat_cell(tx: Transaction, request: Message) -> None:
    """repeatCell: the same data into every cell of a range; formulas move along."""
    area = grid_rect(tx.spreadsheet, request.get("range", {}))
    change = CellChange(tx.spreadsheet, read_fields(request.get("fields")))
    data = request.get("cell", {})
    empty = change.apply(None, data, area.row0, area.col0)
    cache: dict[Any, AnyCell] = {}

    def changed(cell: AnyCell) -> AnyCell:
        if cell is None:
            return empty
        if isinstance(cell, Cell) and cell.value is None and cell.note is None and cell.extra is None:
            key = (cell.format, cell.validation)
            if key not in cache:
                cache[key] = change.apply(cell, data, area.row0, area.col0)
            return cache[key]
        return change.apply(cell, data, area.row0, area.col0)

    if "formulaValue" in data.get("userEnteredValue", {}) and "userEnteredValue" in read_fields(request.get("fields")):
        _repeat_formula(tx, area, change, data)
        return
    rows: list[list[AnyCell]] = []
    blank = fresh = [empty] * area.columns
    last: Sequence[AnyCell] | None = None
    for row in area.tab.rows.between(area.row0, area.row1):
        held = () if row is None else row.cells
        if held is not last:  # rows that share their cells go on to
            cells = held[area.col0 : area.col1]
            fresh, last = [changed(cell) for cell in cells] + blank[len(cells) :], held
        rows.append(fresh)
    if empty is not None:
        rows += [blank] * (area.rows - len(rows))
    area.tab.put_block(tx, area.row0, area.col0, rows)
    tx.cells_written += area.cells
    tx.note(area)


def _repeat_formula(tx: Transaction, area: Rect, change: CellChange, data: Message) -> None:
    comma = uses_decimal_comma(tx.spreadsheet)
    rows = []
    for down in range(area.rows):
        old = area.tab.row_cells(area.row0 + down)[area.col0 : area.col1]
        cells = [
            change.apply(old[right] if right < len(old) else None, data, area.row0, area.col0)
            for right in range(area.columns)
        ]
        rows.append([copied(cell, down, right, decimal_comma=comma) for right, cell in enumerate(cells)])
    area.tab.put_block(tx, area.row0, area.col0, rows)
    tx.cells_written += area.cells
    tx.note(area)
