"""Cells that hold a part of an array: values that a formula next to them put there."""

from dataclasses import replace

from local_sheets.cell_values.model import CellError, Formula
from local_sheets.formulas.areas import Rectangle
from local_sheets.formulas.operands import Scalar, format_of, plain_value
from local_sheets.model.cell import IMPLIED_FORMAT, IS_ARRAY, AnyCell, Cell, pack, unpack
from local_sheets.model.tab import Tab


def with_spilled(cell: AnyCell, value: Scalar) -> AnyCell:
    """The cell with a value that a formula next to it put there."""
    old, number_format = unpack(cell), format_of(value)
    if value is None or value == "":
        return unspilled(cell) if value is None else pack(replace(unpack(unspilled(cell)), result=""))
    extra = {k: v for k, v in (old.extra or {}).items() if k != IMPLIED_FORMAT}
    if number_format:
        extra[IMPLIED_FORMAT] = number_format
    return pack(replace(old, result=plain_value(value), extra=extra or None))


def is_of_an_array(cell: AnyCell) -> bool:
    """Whether the cell is the formula of an array, or shows a part of one."""
    return type(cell) is Cell and (is_spilled(cell) or (cell.extra is not None and IS_ARRAY in cell.extra))


def is_spilled(cell: AnyCell) -> bool:
    """Whether a formula next to the cell put its value there."""
    return type(cell) is Cell and cell.value is None and cell.result is not None


#: The text of a formula that has one of these does not tell all that it reads.
_READS_MORE = ("OFFSET(", "INDIRECT(", "IMPORTRANGE(", "):", ":INDEX", ":IF", ":CHOOSE", ":XLOOKUP")


def is_to_be_asked(cell: Cell) -> bool:
    """Whether a formula is evaluated again before its dependencies are known: it may read more than its text says."""
    if isinstance(cell.result, CellError):
        return cell.result.type in ("REF", "NAME")
    if cell.result is None or not isinstance(cell.value, Formula):
        return True
    text = cell.value.text.upper()
    return any(part in text for part in _READS_MORE)


def unspilled(cell: AnyCell) -> AnyCell:
    """The cell without a value that a formula next to it put there."""
    if type(cell) is Cell and is_spilled(cell):
        extra = {k: v for k, v in (cell.extra or {}).items() if k != IMPLIED_FORMAT}
        return pack(replace(cell, result=None, extra=extra or None))
    return cell


def besides_the_first(area: Rectangle) -> list[Rectangle]:
    """All cells of an area but the top left one."""
    right = Rectangle(area.title, area.row0, area.row0 + 1, area.col0 + 1, area.col1)
    below = Rectangle(area.title, area.row0 + 1, area.row1, area.col0, area.col1)
    return [part for part in (right, below) if part.row0 < part.row1 and part.col0 < part.col1]


def beyond_grid(tab: Tab, row1: int, col1: int) -> CellError | None:
    """Why an array that reaches to this row and column finds no room in the grid, None where it does."""
    for count, what in ((row1 - tab.row_count, "rows"), (col1 - tab.column_count, "columns")):
        if count > 0:
            return CellError("REF", f"Result was not automatically expanded, please insert more {what} ({count}).")
    return None
