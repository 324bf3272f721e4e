"""JSON values into cells: RAW and USER_ENTERED, the bounds of a range, what an update answers.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/ValueInputOption
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any

from local_sheets.a1 import Area, RangeError, column_letters, format_range
from local_sheets.api_error import invalid
from local_sheets.cell_values import user_entered
from local_sheets.cell_values.model import plain_number
from local_sheets.limits import SURELY_SHORT, check_text
from local_sheets.model.cell import AnyCell, Cell, number_format_of, pack, unpack, with_value
from local_sheets.model.spreadsheet import Spreadsheet, beyond_grid
from local_sheets.model.tab import Rect
from local_sheets.model.transaction import Transaction
from local_sheets.request_body import InvalidPayload, check_cells

#: From here on not every integer has a double of its own, and Sheets keeps numbers as doubles.
_EXACT_INTEGERS = 2**53

Rows = Sequence[Sequence[Any]]
_NESTED = {list, dict}


@dataclass(slots=True)
class Written:
    """What one range of an update did. ``area`` is the rectangle that the rows cover, nulls included."""

    area: Rect
    rows: set[int] = field(default_factory=set)
    columns: set[int] = field(default_factory=set)
    cells: int = 0

    @property
    def reached(self) -> Rect:
        """The area without columns and rows at its end that hold nothing but nulls; an area without cells is one row."""
        area = self.area
        if self.cells:
            return Rect(area.tab, area.row0, max(self.rows) + 1, area.col0, max(self.columns) + 1)
        return area if area.cells else Rect(area.tab, area.row0, area.row0 + 1, area.col0, area.col0 + 1)

    def counts(self) -> dict[str, int]:
        """``updatedRows``, ``updatedColumns``, ``updatedCells``; zeros are left out."""
        found = {"updatedRows": len(self.rows), "updatedColumns": len(self.columns), "updatedCells": self.cells}
        return {name: count for name, count in found.items() if count}


def require_input_option(option: str | None) -> bool:
    """Whether text is to be read as typed by a person.

    Raises:
        ApiError: No option was given.
    """
    if option in (None, "INPUT_VALUE_OPTION_UNSPECIFIED"):
        raise invalid("'valueInputOption' is required but not specified")
    return option == "USER_ENTERED"


def rows_of(value_range: dict[str, Any]) -> list[list[Any]]:
    """The rows of a ValueRange of either major dimension; a value that is not there is None.

    Raises:
        ApiError: A cell is a list or an object.
    """
    values: list[list[Any]] = value_range.get("values", [])
    if any(not _NESTED.isdisjoint(map(type, row)) for row in values):
        try:
            check_cells(values)
        except InvalidPayload as error:
            raise invalid(str(error)) from None
    if value_range.get("majorDimension") == "COLUMNS":
        return [list(row) for row in zip_longest(*values)]
    return values


def check_same_range(sheet: Spreadsheet, url_range: str, value_range: dict[str, Any]) -> None:
    """Refuse a body whose range is another than the URL's.

    Raises:
        ApiError: ``Request range[X] does not match value's range[Y]``, or one of them is no range.
    """
    body_range = value_range.get("range")
    if body_range and body_range != url_range:
        try:
            asked, given = sheet.area_of(url_range), sheet.area_of(body_range)
        except RangeError as error:
            raise invalid(str(error)) from None
        if asked != given:
            raise invalid(f"Request range[{_echo(asked)}] does not match value's range[{_echo(given)}]")


def _echo(area: Area) -> str:
    return format_range(area.title, area.row0, area.row1, area.col0, area.col1)


def place_rows(sheet: Spreadsheet, area: Area, rows: Rows) -> Rect:
    """The rectangle that the rows will cover.

    A single cell is where writing starts; a larger range is the bound of it, and may itself reach past the grid.

    Raises:
        ApiError: The values do not fit into the range, or the range not into the grid.
    """
    bound = sheet.rect_of(area)
    tab = bound.tab
    height, width = len(rows), max((len(row) for row in rows), default=0)
    target = Rect(tab, bound.row0, bound.row0 + height, bound.col0, bound.col0 + width)
    is_origin = bound.rows == 1 and bound.columns == 1
    asked = f"Requested writing within range [{bound.a1()}], but tried writing to "
    if target.row1 > bound.row1 and not is_origin:
        raise invalid(f"{asked}row [{bound.row1 + 1}]")
    if target.col1 > bound.col1 and not is_origin:
        raise invalid(f"{asked}column [{column_letters(bound.col1)}]")
    if target.row1 > tab.row_count or target.col1 > tab.column_count:
        written = Area(tab.title, target.row0, target.row1, target.col0, target.col1)
        raise beyond_grid(tab, written if is_origin else area)
    return target


def write_rows(tx: Transaction, target: Rect, rows: Rows, *, as_typed: bool) -> Written:
    """Write values from the top left of a rectangle on; None leaves a cell alone, ``""`` empties it.

    Raises:
        ApiError: A text is too long.
    """
    tab, written = target.tab, Written(target)
    fresh: list[list[AnyCell]] = []
    row_index = target.row0
    for old, row in zip_longest(tab.read(target), rows, fillvalue=()):
        cells = list(old[: len(row)])
        if not as_typed and None not in row and Cell not in map(type, cells):
            cells = [_plain_value(value) for value in row]
            written.columns.update(range(target.col0, target.col0 + len(row)))
            count = len(row)
        else:
            count = _write_each(tx, cells, row, written.columns, target.col0, as_typed=as_typed)
        if count:
            written.rows.add(row_index)
            written.cells += count
        fresh.append(cells)
        row_index += 1
    tab.put_block(tx, target.row0, target.col0, fresh)
    tx.cells_written += written.cells
    if written.cells:
        tx.note(target)
    return written


def _plain_value(value: Any) -> str | float | int | bool | None:
    """``raw_value``, quicker for what needs no look."""
    kind = type(value)
    if (
        (kind is str and 0 < len(value) <= SURELY_SHORT)
        or kind is bool
        or (kind is int and -_EXACT_INTEGERS < value < _EXACT_INTEGERS)
    ):
        plain: str | float | int | bool = value
        return plain
    return raw_value(value)


def _write_each(
    tx: Transaction, cells: list[AnyCell], row: Sequence[Any], columns: set[int], col0: int, *, as_typed: bool
) -> int:
    """Write values into a row's cells, in place; gives how many were written."""
    locale, count = tx.spreadsheet.locale, 0
    cells += [None] * (len(row) - len(cells))
    if not as_typed and None not in row:
        cells[: len(row)] = [with_value(cell, _plain_value(value)) for cell, value in zip(cells, row, strict=False)]
        columns.update(range(col0, col0 + len(row)))
        return len(row)
    for place, value in enumerate(row):
        if value is None:
            continue
        cells[place] = _entered_cell(tx, cells[place], value, locale) if as_typed else _raw_cell(cells[place], value)
        columns.add(col0 + place)
        count += 1
    return count


def _raw_cell(cell: AnyCell, value: Any) -> AnyCell:
    return with_value(cell, raw_value(value))


def raw_value(value: Any) -> str | float | int | bool | None:
    """The cell value of a JSON value; ``""`` is an empty cell.

    Raises:
        ApiError: A text is too long.
    """
    if isinstance(value, str):
        check_text(value)
        return value or None
    if isinstance(value, bool):
        return value
    return stored_number(value)


def stored_number(value: float) -> float | int:
    """A number as a double holds it; whole ones as ``int``."""
    if isinstance(value, int) and abs(value) < _EXACT_INTEGERS:
        return value
    return plain_number(float(value))


def _entered_cell(tx: Transaction, cell: AnyCell, value: Any, locale: str) -> AnyCell:
    if not isinstance(value, str) or not value:
        return _raw_cell(cell, value)
    check_text(value)
    parsed, implied = user_entered.parse(value, locale, dict(number_format_of(cell) or {}) or None)
    fresh = with_value(cell, None if parsed == "" else parsed)
    return fresh if implied is None else with_number_format(tx, fresh, implied)


def with_number_format(tx: Transaction, cell: AnyCell, number_format: dict[str, Any]) -> AnyCell:
    """The cell with another number format."""
    full = unpack(cell)
    body = dict(full.format.body) if full.format is not None else {}
    return pack(replace(full, format=tx.spreadsheet.pool.intern({**body, "numberFormat": number_format})))


def clear_values(tx: Transaction, area: Rect) -> int:
    """Empty the values of an area, formats and notes stay. Returns the number of cells that held something."""
    tab, cleared = area.tab, 0
    rows: list[list[AnyCell]] = []
    for cells in tab.read(area):
        cleared += sum(1 for cell in cells if cell is not None)
        rows.append([with_value(cell, None) for cell in cells])
    if cleared:
        tab.put_block(tx, area.row0, area.col0, rows)
        tx.note(area)
    tx.cells_written += cleared
    return cleared
