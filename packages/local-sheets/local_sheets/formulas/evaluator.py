"""Walk a formula's tree and yield its value."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from local_sheets.a1 import Area
from local_sheets.budget import LIMIT_REACHED, Clock, LimitReached, limited, spend
from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.model import MAX_CHARACTERS, CellError
from local_sheets.formulas.areas import Rectangle
from local_sheets.formulas.faults import (
    EMPTY_ARRAY,
    NO_ARRAY_VALUE,
    NO_REFERENCE,
    NOT_CALLED,
    Fault,
    missing_rows,
    text_too_long,
    unknown_function,
    unknown_name,
    unknown_tab,
    wrong_argument_count,
)
from local_sheets.formulas.formats import WITH_FORMAT, NumberFormat, result_format
from local_sheets.formulas.formula_shapes import Rows, row_of
from local_sheets.formulas.functions.catalog import FUNCTIONS
from local_sheets.formulas.operands import (
    Array,
    Formatted,
    Lambda,
    Operand,
    Range,
    Scalar,
    Workbook,
    as_array,
    format_of,
    to_text,
    with_format,
)
from local_sheets.formulas.operators import apply_binary, apply_unary, mapped
from local_sheets.formulas.parser import parse_shape
from local_sheets.formulas.registry import Function, Style
from local_sheets.formulas.syntax import (
    Apply,
    ArrayLiteral,
    Binary,
    Call,
    Constant,
    Name,
    Node,
    Reference,
    TableReference,
    Unary,
)
from local_sheets.formulas.table_references import table_area

logger = logging.getLogger(__name__)

#: Sheets keeps numbers as doubles: from here on not every integer has one of its own.
_EXACT = 2**53


@dataclass(slots=True)
class Trace:
    """What an evaluation read besides what the formula's text names: areas, and other spreadsheets."""

    areas: set[Rectangle] = field(default_factory=set)
    imports: set[str] = field(default_factory=set)


@dataclass(slots=True)  # not frozen, which takes four times as long to make
class Result:
    """What a formula yields.

    ``value`` is never None but for a blank; ``spill`` holds all rows where the formula yields more than one cell,
    the first of them ``value``. Numbers carry the format that a cell without its own takes on.
    """

    value: Scalar
    spill: list[list[Scalar]] | None = None
    hyperlink: str | None = None
    trace: Trace = field(default_factory=Trace, compare=False)

    @property
    def number_format(self) -> NumberFormat | None:
        return format_of(self.value)


@dataclass(slots=True)  # not frozen either
class Evaluation:
    """Where a formula stands, and what it can see.

    ``rows`` are those that the marks in its tree stand for; ``over_arrays`` is true inside ARRAYFORMULA and the like; ``names``
    are those that LET and LAMBDA gave, in upper case.
    """

    workbook: Workbook
    title: str
    row: int
    col: int
    rows: Rows = ()
    over_arrays: bool = False
    names: Mapping[str, Operand] = field(default_factory=dict)
    trace: Trace = field(default_factory=Trace)

    @property
    def locale(self) -> str:
        return self.workbook.locale

    def array_wise(self) -> "Evaluation":
        return self if self.over_arrays else replace(self, over_arrays=True)

    def named_as(self, names: Mapping[str, Operand]) -> "Evaluation":
        """The same place with further names."""
        return replace(self, names={**self.names, **names})

    def operand(self, node: Node) -> Operand:
        """The value, array or range that a node stands for.

        Raises:
            Fault: It is an error.
        """
        match node:  # the most frequent first
            case Reference():
                return self.range(node)
            case Constant(value):
                if isinstance(value, CellError):
                    raise Fault(value)
                return value
            case Call():
                return self.call(node)
            case Binary():
                return self.binary(node)
            case Name(text):
                return self.known(text.upper()) if text.upper() in self.names else self.named(text)
            case TableReference():
                return self.table_part(node)
            case Apply(function, arguments):
                return self.applied(self.operand(function), [self.operand(argument) for argument in arguments])
            case Unary(operator, operand):
                inner = self.operand(operand) if self.over_arrays else self.scalar(operand)
                return mapped(lambda value: apply_unary(operator, value, self.locale), [inner])
            case ArrayLiteral(rows):
                return self.literal(rows)

    def or_error(self, node: Node) -> Operand:
        """What a node stands for, be it an error."""
        try:
            return self.operand(node)
        except Fault as fault:
            return fault.error

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
        if isinstance(operand, Lambda):
            raise Fault(NOT_CALLED)
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
        return to_text(self.scalar(node), self.locale)

    def range(self, node: Reference) -> Range:
        title = self.title if node.title is None else self.workbook.tab(node.title)
        if title is None:
            raise Fault(unknown_tab(str(node.title)))
        rows, cols = self.workbook.size(title)
        row0, row1, col0, col1 = spans(node, self.rows, rows, cols)
        if row0 >= rows or col0 >= cols:
            self.trace.areas.add(Rectangle(title, row0, row1, col0, col1))  # it may come to be there
            raise Fault(NO_REFERENCE)
        return Range(title, row0, min(row1, rows), col0, min(col1, cols), self.workbook)

    def named(self, text: str) -> Range:
        area = self.workbook.named_range(text)
        if area is None:
            raise Fault(unknown_name(text))
        return self.of_area(area)

    def known(self, name: str) -> Operand:
        """The value that LET or LAMBDA gave a name.

        Raises:
            Fault: It is an error.
        """
        found = self.names[name]
        if isinstance(found, CellError):
            raise Fault(found)
        return found

    def of_area(self, area: Area) -> Range:
        """The cells of an area with open sides."""
        title = area.title if area.title is not None else self.title
        rows, cols = self.workbook.size(title)
        row1 = rows if area.row1 is None else min(area.row1, rows)
        col1 = cols if area.col1 is None else min(area.col1, cols)
        return Range(title, area.row0 or 0, row1, area.col0 or 0, col1, self.workbook)

    def table_part(self, node: TableReference) -> Range:
        """The cells of a table's columns."""
        table = self.workbook.table(node.table)
        if table is None:
            raise Fault(unknown_name(node.table))
        return table_area(table, node, self.workbook)

    def dynamic(self, found: Range) -> Range:
        """A range that the formula's text does not name; changes in it are followed all the same."""
        self.trace.areas.add(Rectangle(found.title, found.row0, found.row1, found.col0, found.col1))
        return found

    def between(self, left: Operand, right: Operand) -> Range:
        """``left:right``, all cells from one range to the other."""
        if not isinstance(left, Range) or not isinstance(right, Range) or left.title != right.title:
            raise Fault(NO_REFERENCE)
        row0, row1 = min(left.row0, right.row0), max(left.row1, right.row1)
        col0, col1 = min(left.col0, right.col0), max(left.col1, right.col1)
        return self.dynamic(Range(left.title, row0, row1, col0, col1, self.workbook))

    def applied(self, function: Operand, given: Sequence[Operand]) -> Operand:
        """The value of a LAMBDA for these arguments.

        Raises:
            Fault: It is none, or takes another number of them.
        """
        if not isinstance(function, Lambda):
            raise Fault(CellError("N_A", "Only a LAMBDA can be called."))
        if len(given) != len(function.parameters):
            count = len(function.parameters)
            raise Fault(wrong_argument_count("LAMBDA", count, count, len(given)))
        spend(1)
        scope = function.scope
        names = {**scope.names, **dict(zip(function.parameters, given, strict=True))}
        found: Operand = replace(
            scope, names=names, over_arrays=scope.over_arrays or self.over_arrays, row=self.row, col=self.col
        ).operand(function.body)
        return found

    def binary(self, node: Binary) -> Operand:
        """``a+b-c`` leans to the left and may be very long: it is taken from its first operand on, without recursion."""
        if node.operator == ":":
            return self.between(self.operand(node.left), self.operand(node.right))
        chain: list[Binary] = []
        first: Node = node
        while isinstance(first, Binary) and first.operator != ":":
            chain.append(first)
            first = first.left
        read = self.operand if self.over_arrays else self.scalar
        value = read(first)
        for link in reversed(chain):
            value = self.combined(link.operator, value, read(link.right))
        return value

    def combined(self, operator: str, left: Operand, right: Operand) -> Operand:
        locale = self.locale
        if isinstance(left, Array | Range | Lambda) or isinstance(right, Array | Range | Lambda):
            return mapped(lambda one, other: apply_binary(operator, one, other, locale), [left, right])
        return apply_binary(operator, left, right, locale)

    def literal(self, rows: tuple[tuple[Node, ...], ...]) -> Array:
        found: list[list[Scalar]] = []
        for nodes in rows:
            parts = [as_array(self.array_wise().operand(node)) for node in nodes]
            height = max((part.height for part in parts), default=0)
            if any(part.height != height for part in parts):
                raise Fault(missing_rows())
            found.extend([value for part in parts for value in part.rows[row]] for row in range(height))
        if len({len(row) for row in found}) > 1:
            raise Fault(missing_rows())
        return Array(found)

    def call(self, node: Call) -> Operand:
        if node.name in self.names:
            return self.applied(self.names[node.name], [self.operand(argument) for argument in node.arguments])
        function = FUNCTIONS.get(node.name)
        if function is None:
            raise Fault(unknown_function(node.name))
        count = len(node.arguments)
        if count < function.minimum or (function.maximum is not None and count > function.maximum):
            raise Fault(wrong_argument_count(node.name, function.minimum, function.maximum, count))
        return self.run(function, node.arguments)

    def run(self, function: Function, nodes: Sequence[Node]) -> Operand:
        match function.style:
            case Style.LAZY:
                result: Operand = function.run(self, *nodes)
                return result
            case Style.SCALAR:
                read = self.operand if self.over_arrays else self.scalar
                return mapped(self.plain_function(function), [read(node) for node in nodes])
        e = self.array_wise() if function.style is Style.ARRAY else self
        given = [e.or_error(node) if function.takes_errors else e.operand(node) for node in nodes]
        if (function.each or function.each_other is not None) and self.over_arrays:
            return self.for_each(e, function, given)
        result = function.run(e, *given)
        if function.name in WITH_FORMAT and not isinstance(result, Array | Range | Lambda):
            return with_format(result, result_format(function.name, given, self.locale) or format_of(result))
        return result

    def plain_function(self, function: Function) -> Callable[..., Scalar]:
        """A function of single values; its numbers get the format that its name implies."""
        name = function.name
        if name not in WITH_FORMAT:
            return lambda *values: function.run(self, *values)
        return lambda *values: with_format(function.run(self, *values), result_format(name, values, self.locale))

    def for_each(self, e: "Evaluation", function: Function, given: list[Operand]) -> Operand:
        """A function that takes ranges as a whole, once for each value of an array in the place of a single value."""
        places = [place for place in function.each if place < len(given) and isinstance(given[place], Array | Range)]
        if function.each_other is not None:
            every = range(function.each_other, len(given), 2)
            places += [place for place in every if isinstance(given[place], Array | Range)]

        def one(*values: Scalar) -> Scalar:
            filled = list(given)
            for place, value in zip(places, values, strict=True):
                filled[place] = value
            return with_format(e.single(function.run(e, *filled)), result_format(function.name, filled, self.locale))

        if not places:
            return one()
        return mapped(one, [given[place] for place in places])


def spans(node: Reference, filled_in: Rows, rows: int, cols: int) -> tuple[int, int, int, int]:
    """The half-open spans of rows and columns that a reference has in a grid of this size."""
    start, end = node.start, node.end
    row, col = row_of(start.row, filled_in), start.col
    if end is None and row is not None and col is not None:
        return row, row + 1, col, col + 1
    end = end or start
    return *span(row, row_of(end.row, filled_in), rows), *span(col, end.col, cols)


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
            shape, evaluation.rows = parse_shape(text, decimal_comma=get_locale(workbook.locale).decimal == ",")
            node = shape.node
            read = evaluation.scalar if isinstance(node, Reference | Name) else evaluation.operand
            return _result(evaluation, read(node), node)
    except Fault as fault:
        return Result(fault.error, trace=evaluation.trace)
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
    link, trace = _link(evaluation, node), evaluation.trace
    if isinstance(operand, Lambda):
        raise Fault(NOT_CALLED)
    if isinstance(operand, Range):
        operand = operand.array() if operand.height * operand.width > 1 else operand.corner()
    if not isinstance(operand, Array):
        return Result(_shown(operand), None, link, trace)
    rows: list[list[Scalar]] = [[_shown(value) for value in row] for row in operand.rows]
    if not rows or not rows[0]:
        return Result(EMPTY_ARRAY, None, link, trace)
    spill = rows if len(rows) > 1 or len(rows[0]) > 1 else None
    return Result(rows[0][0], spill, link, trace)


def _shown(value: Any) -> Scalar:
    """Floats that JSON cannot hold become an error; a number keeps its format."""
    if isinstance(value, complex) or (isinstance(value, float) and (value != value or abs(value) == float("inf"))):
        return CellError("NUM", "Result is not a number.")
    if type(value) is Formatted:
        return value
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
