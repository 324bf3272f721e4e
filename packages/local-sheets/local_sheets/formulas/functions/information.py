"""What kind of value a cell holds, and where it is."""

from typing import Any

from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.formula_shapes import row_of
from local_sheets.formulas.operands import Array, Operand, Range, Scalar, as_array, is_number, to_number
from local_sheets.formulas.registry import lazy, operands, scalar
from local_sheets.formulas.syntax import Node, Reference


def _value_or_error(e: Any, node: Node) -> Scalar:
    try:
        found: Scalar = e.scalar(node)
    except Fault as fault:
        return fault.error
    return found


def _question(name: str, test: Any) -> None:
    @lazy(name, 1)
    def run(e: Any, node: Node) -> Operand:
        if not e.over_arrays:
            return bool(test(_value_or_error(e, node)))
        try:
            operand = e.operand(node)
        except Fault as fault:
            return bool(test(fault.error))
        if isinstance(operand, Array | Range):
            return Array([[bool(test(value)) for value in row] for row in as_array(operand).rows])
        return bool(test(operand))


_question("ISBLANK", lambda value: value is None)
_question("ISNUMBER", is_number)
_question("ISTEXT", lambda value: isinstance(value, str))
_question("ISNONTEXT", lambda value: not isinstance(value, str))
_question("ISLOGICAL", lambda value: isinstance(value, bool))
_question("ISERROR", lambda value: isinstance(value, CellError))
_question("ISERR", lambda value: isinstance(value, CellError) and value.type != "N_A")
_question("ISNA", lambda value: isinstance(value, CellError) and value.type == "N_A")


@scalar("N", 1)
def as_number(e: Any, value: Scalar) -> float | int:
    return 0 if isinstance(value, str) else to_number(value, "N", 1, e.locale)


def _place(name: str, first: str, own: str) -> None:
    """ROW and COLUMN: of a reference, or of the formula's own cell."""

    @lazy(name, 0, 1)
    def run(e: Any, node: Node | None = None) -> Operand:
        if node is None:
            return int(getattr(e, own)) + 1
        if isinstance(node, Reference) and node.end is None and node.title is None:  # also beyond the grid
            place = row_of(node.start.row, e.rows) if own == "row" else node.start.col
            if place is not None:
                return place + 1
        area = e.operand(node)
        if not isinstance(area, Range):
            raise Fault(CellError("N_A", "Argument must be a range."))
        start = int(getattr(area, first)) + 1
        count = area.height if own == "row" else area.width
        if not e.over_arrays or count == 1:
            return start
        places: list[Scalar] = list(range(start, start + count))
        return Array([[place] for place in places]) if own == "row" else Array([places])


_place("ROW", "row0", "row")
_place("COLUMN", "col0", "col")


@operands("ROWS", 1)
def rows(_: Any, given: Operand) -> int:
    return given.height if isinstance(given, Array | Range) else 1


@operands("COLUMNS", 1)
def columns(_: Any, given: Operand) -> int:
    return given.width if isinstance(given, Array | Range) else 1
