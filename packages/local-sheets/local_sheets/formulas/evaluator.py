"""Walk a formula's tree and yield its value."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from local_sheets.budget import LIMIT_REACHED, Clock, LimitReached, limited, spend
from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.model import MAX_CHARACTERS, CellError
from local_sheets.formulas.faults import (
    NO_ARRAY_VALUE,
    NO_REFERENCE,
    Fault,
    text_too_long,
    unknown_function,
    unknown_name,
    unknown_tab,
    wrong_argument_count,
)
from local_sheets.formulas.formats import NumberFormat, node_format, shown_text
from local_sheets.formulas.functions.catalog import FUNCTIONS
from local_sheets.formulas.operands import Array, Operand, Range, Scalar, Workbook, as_array
from local_sheets.formulas.operators import apply_binary, apply_unary, joined_text
from local_sheets.formulas.parser import parse_formula
from local_sheets.formulas.registry import Function, Style
from local_sheets.formulas.syntax import ArrayLiteral, Binary, Call, Constant, Name, Node, Reference, Unary

logger = logging.getLogger(__name__)

#: Sheets keeps numbers as doubles: from here on not every integer has one of its own.
_EXACT = 2**53


@dataclass(frozen=True, slots=True)
class Result:
    """What a formula yields.

    ``value`` is never None but for a blank; ``spill`` holds all rows where the formula yields more than one cell,
    the first of them ``value``. ``number_format`` is the one that a cell without its own takes on.
    """

    value: Scalar
    spill: list[list[Scalar]] | None = None
    number_format: NumberFormat | None = None
    hyperlink: str | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Where a formula stands, and what it can see. ``over_arrays`` is true inside ARRAYFORMULA and the like."""

    workbook: Workbook
    title: str
    row: int
    col: int
    over_arrays: bool = False

    @property
    def locale(self) -> str:
        return self.workbook.locale

    def array_wise(self) -> "Evaluation":
        return self if self.over_arrays else replace(self, over_arrays=True)

    def operand(self, node: Node) -> Operand:
        """The value, array or range that a node stands for.

        Raises:
            Fault: It is an error.
        """
        match node:
            case Constant(value):
                if isinstance(value, CellError):
                    raise Fault(value)
                return value
            case Reference():
                return self.range(node)
            case Name(text):
                return self.named(text)
            case Unary(operator, operand):
                inner = self.operand(operand) if self.over_arrays else self.scalar(operand)
                return _mapped(lambda value: apply_unary(operator, value, self.locale), [inner])
            case Binary():
                return self.binary(node)
            case Call():
                return self.call(node)
            case ArrayLiteral(rows):
                return self.literal(rows)

    def scalar(self, node: Node) -> Scalar:
        """The single value of a node: a range yields the value in the formula's own row or column.

        Raises:
            Fault: The node's evaluation is an error; an error that merely stands in a cell is returned.
        """
        return self.single(self.operand(node))

    def single(self, operand: Operand) -> Scalar:
        """One value of an operand."""
        if isinstance(operand, Array):
            return operand.rows[0][0] if operand.rows and operand.rows[0] else None
        if not isinstance(operand, Range):
            return operand
        if operand.height == 1 and operand.width == 1:
            return operand.corner()
        if operand.width == 1 and operand.row0 <= self.row < operand.row1:
            return replace(operand, row0=self.row, row1=self.row + 1, _array=None).corner()
        if operand.height == 1 and operand.col0 <= self.col < operand.col1:
            return replace(operand, col0=self.col, col1=self.col + 1, _array=None).corner()
        raise Fault(NO_ARRAY_VALUE)

    def text(self, node: Node) -> str:
        """A node's value as ``&`` joins it: dates as they are shown.

        Raises:
            Fault: The value is an error.
        """
        return shown_text(self.scalar(node), self.format_of(node), self.locale)

    def format_of(self, node: Node) -> NumberFormat | None:
        return node_format(node, self.workbook, self.title)

    def range(self, node: Reference) -> Range:
        title = self.title if node.title is None else self.workbook.tab(node.title)
        if title is None:
            raise Fault(unknown_tab(str(node.title)))
        rows, cols = self.workbook.size(title)
        end = node.end or node.start
        row0, row1 = span(node.start.row, end.row, rows)
        col0, col1 = span(node.start.col, end.col, cols)
        if row0 >= rows or col0 >= cols:
            raise Fault(NO_REFERENCE)
        return Range(title, row0, min(row1, rows), col0, min(col1, cols), self.workbook)

    def named(self, text: str) -> Range:
        area = self.workbook.named_range(text)
        if area is None:
            raise Fault(unknown_name(text))
        title = area.title if area.title is not None else self.title
        rows, cols = self.workbook.size(title)
        row1 = rows if area.row1 is None else min(area.row1, rows)
        col1 = cols if area.col1 is None else min(area.col1, cols)
        return Range(title, area.row0 or 0, row1, area.col0 or 0, col1, self.workbook)

    def binary(self, node: Binary) -> Operand:
        """``a+b-c`` leans to the left and may be very long: it is taken from its first operand on, without recursion."""
        chain: list[Binary] = []
        first: Node = node
        while isinstance(first, Binary):
            chain.append(first)
            first = first.left
        read = self.operand if self.over_arrays else self.scalar
        value = read(first)
        for link in reversed(chain):
            if link.operator == "&" and not self.over_arrays:
                left = shown_text(self.single(value), self.format_of(link.left), self.locale)
                value = joined_text(left, self.text(link.right))
            else:
                value = self.combined(link.operator, value, read(link.right))
        return value

    def combined(self, operator: str, left: Operand, right: Operand) -> Operand:
        return _mapped(lambda one, other: apply_binary(operator, one, other, self.locale), [left, right])

    def literal(self, rows: tuple[tuple[Node, ...], ...]) -> Array:
        found: list[list[Scalar]] = []
        for nodes in rows:
            parts = [as_array(self.array_wise().operand(node)) for node in nodes]
            height = max((part.height for part in parts), default=0)
            if any(part.height != height for part in parts):
                raise Fault(
                    CellError("VALUE", "In ARRAY_LITERAL, an Array Literal was missing values for one or more rows.")
                )
            found.extend([value for part in parts for value in part.rows[row]] for row in range(height))
        if len({len(row) for row in found}) > 1:
            raise Fault(
                CellError("VALUE", "In ARRAY_LITERAL, an Array Literal was missing values for one or more rows.")
            )
        return Array(found)

    def call(self, node: Call) -> Operand:
        function = FUNCTIONS.get(node.name)
        if function is None:
            raise Fault(unknown_function(node.name))
        count = len(node.arguments)
        if count < function.minimum or (function.maximum is not None and count > function.maximum):
            raise Fault(wrong_argument_count(node.name, function.minimum, function.maximum, count))
        return self.run(function, node.arguments)

    def run(self, function: Function, nodes: Sequence[Node]) -> Operand:
        result: Operand
        match function.style:
            case Style.LAZY:
                result = function.run(self, *nodes)
            case Style.OPERAND:
                result = function.run(self, *(self.operand(node) for node in nodes))
            case Style.ARRAY:
                inner = self.array_wise()
                result = function.run(inner, *(inner.operand(node) for node in nodes))
            case Style.SCALAR:
                read = self.operand if self.over_arrays else self.scalar
                result = _mapped(lambda *values: function.run(self, *values), [read(node) for node in nodes])
        return result


def _mapped(apply: Callable[..., Scalar], given: Sequence[Operand]) -> Operand:
    """Apply to single values, or to each value of arrays, smaller ones repeated; errors stay where they arise."""
    if not any(isinstance(operand, Array | Range) for operand in given):
        return apply(*given)
    arrays = [as_array(operand) for operand in given]
    height, width = max(array.height for array in arrays), max(array.width for array in arrays)

    def one(row: int, col: int) -> Scalar:
        try:
            found = apply(*(array.at(row, col) for array in arrays))
        except Fault as fault:
            return fault.error
        spend(1, len(found) if isinstance(found, str) else 0)
        return found

    return Array([[one(row, col) for col in range(width)] for row in range(height)])


def span(start: int | None, end: int | None, size: int) -> tuple[int, int]:
    """Half-open span of two ends in any order; where one is missing it runs to the grid's end, where both are, all."""
    if start is None and end is None:
        return 0, size
    if start is None or end is None:
        return (start if end is None else end) or 0, size
    return min(start, end), max(start, end) + 1


def evaluate(text: str, title: str, row: int, col: int, workbook: Workbook, whole_round: Clock | None = None) -> Result:
    """The value of a formula that stands in a cell (0-based); errors are values, nothing is raised.

    Args:
        whole_round: Processor time that is left for this and other formulas.
    """
    evaluation = Evaluation(workbook, title, row, col)
    try:
        with limited(whole_round=whole_round):
            node = parse_formula(text, decimal_comma=get_locale(workbook.locale).decimal == ",")
            read = evaluation.scalar if isinstance(node, Reference | Name) else evaluation.operand
            return _result(evaluation, read(node), node)
    except Fault as fault:
        return Result(fault.error)
    except LimitReached:
        return Result(LIMIT_REACHED)
    except RecursionError:
        return Result(CellError("ERROR", "Formula is nested too deeply."))
    except ArithmeticError:
        return Result(CellError("NUM", "Numeric value is greater than the largest number that can be shown."))
    except Exception as error:
        # A formula is data: whatever we have not thought of is the cell's error, and nobody's else.
        logger.error("A formula could not be evaluated: %s in Local Sheets' own code", type(error).__name__)
        return Result(CellError("ERROR", "Local Sheets cannot evaluate this formula."))


def _result(evaluation: Evaluation, operand: Operand, node: Node) -> Result:
    number_format = evaluation.format_of(node)
    link = _link(evaluation, node)
    if isinstance(operand, Range):
        operand = operand.array() if operand.height * operand.width > 1 else operand.corner()
    if not isinstance(operand, Array):
        return Result(_shown(operand), None, number_format, link)
    rows: list[list[Scalar]] = [[_shown(value) for value in row] for row in operand.rows]
    if not rows or not rows[0]:
        return Result(None, None, number_format, link)
    spill = rows if len(rows) > 1 or len(rows[0]) > 1 else None
    return Result(rows[0][0], spill, number_format, link)


def _shown(value: Any) -> Scalar:
    """Floats that JSON cannot hold become an error."""
    if isinstance(value, complex) or (isinstance(value, float) and (value != value or abs(value) == float("inf"))):
        return CellError("NUM", "Result is not a number.")
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    if isinstance(value, str) and len(value) > MAX_CHARACTERS:
        return text_too_long("this formula")
    found: Scalar = float(value) if type(value) is int and abs(value) >= _EXACT else value
    return found


def _link(evaluation: Evaluation, node: Node) -> str | None:
    """The address behind a cell whose formula is HYPERLINK."""
    if not isinstance(node, Call) or node.name != "HYPERLINK" or not node.arguments:
        return None
    try:
        return evaluation.text(node.arguments[0]) or None
    except Fault:
        return None
