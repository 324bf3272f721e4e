"""``Orders[Amount]``: from a table's name and the names of its columns to cells."""

from typing import Any

from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import NO_REFERENCE, Fault
from local_sheets.formulas.operands import Range, TableArea
from local_sheets.formulas.syntax import TableReference

_PARTS = ("#ALL", "#DATA", "#HEADERS", "#TOTALS")


def table_area(table: TableArea, node: TableReference, workbook: Any) -> Range:
    """The cells that a reference to a table stands for.

    Raises:
        Fault: ``#REF!``, the table has no such column or part.
    """
    if node.part not in _PARTS or node.part == "#TOTALS":
        raise Fault(NO_REFERENCE)
    row0 = table.row0 if node.part in ("#ALL", "#HEADERS") else table.row0 + 1
    row1 = table.row0 + 1 if node.part == "#HEADERS" else table.row1
    if row0 >= row1:
        raise Fault(NO_REFERENCE)
    places = [_place(table, name) for name in node.columns] or [0, len(table.columns) - 1]
    return Range(table.title, row0, row1, table.col0 + min(places), table.col0 + max(places) + 1, workbook)


def _place(table: TableArea, name: str) -> int:
    folded = name.casefold()
    for place, column in enumerate(table.columns):
        if column.casefold() == folded:
            return place
    raise Fault(CellError("REF", f"Column '{name}' does not exist in the table."))
