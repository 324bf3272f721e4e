"""The operators of formulas, under the names of the functions that they stand for."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from local_sheets.budget import spend
from local_sheets.cell_values.model import MAX_CHARACTERS, CellError
from local_sheets.formulas.faults import Fault, divided_by_zero, text_too_long
from local_sheets.formulas.formats import PERCENT, combined_format
from local_sheets.formulas.operands import (
    NOTHING_THERE,
    Array,
    Formatted,
    Operand,
    Range,
    Scalar,
    as_array,
    compare,
    format_of,
    to_number,
    to_text,
    with_format,
)

Given = TypeVar("Given")

#: From here on not every whole number has a double of its own.
_EXACT = 2**53

#: See https://support.google.com/docs/table/25273, category Operator.
NAMES = {"+": "ADD", "-": "MINUS", "*": "MULTIPLY", "/": "DIVIDE", "^": "POW"}


def apply_unary(operator: str, value: Scalar, locale: str) -> Scalar:
    """``-x``, ``+x`` and ``x%``; ``+`` leaves any value as it is.

    Raises:
        Fault: The value is an error or no number.
    """
    if operator == "+":
        if isinstance(value, CellError):
            raise Fault(value)
        return value
    if operator == "%":
        return Formatted(to_number(value, "UNARY_PERCENT", 1, locale) / 100, PERCENT)
    return with_format(-to_number(value, "UMINUS", 1, locale), format_of(value))


def apply_binary(operator: str, left: Scalar, right: Scalar, locale: str) -> Scalar:
    """Arithmetic, comparison or joining of two single values.

    Raises:
        Fault: One is an error or does not fit the operator.
    """
    if operator == "&":
        return joined_text(to_text(left, locale), to_text(right, locale))
    if operator not in NAMES:
        return _compared(operator, compare(left, right))
    name = NAMES[operator]
    result = arithmetic(operator, to_number(left, name, 1, locale), to_number(right, name, 2, locale), name)
    if type(left) is Formatted or type(right) is Formatted:
        return with_format(result, combined_format(operator, format_of(left), format_of(right)))
    return result


def joined_text(left: str, right: str) -> str:
    """``left & right``.

    Raises:
        Fault: ``#VALUE!``, together they are too long for a cell.
    """
    if len(left) + len(right) > MAX_CHARACTERS:
        raise Fault(text_too_long("CONCAT"))
    spend(1, len(left) + len(right))
    return left + right


def arithmetic(operator: str, one: float, other: float, name: str) -> float:
    """Two numbers; ``name`` is the function that an error names.

    Raises:
        Fault: Division by zero, or a result that is no number.
    """
    match operator:
        case "+":
            return _double(one + other)
        case "-":
            return _double(one - other)
        case "*":
            return _double(one * other)
        case "/":
            if other == 0:
                raise Fault(divided_by_zero(name))
            return one / other
    return power(one, other, name)


def _double(number: float) -> float:
    """The number as Sheets keeps it: whole numbers do not grow beyond what a double holds."""
    return float(number) if type(number) is int and not -_EXACT < number < _EXACT else number


def power(base: float, exponent: float, name: str) -> float:
    """``base ^ exponent``.

    Raises:
        Fault: ``#NUM!`` where the result is no number or too large, ``#DIV/0!`` for a negative power of zero.
    """
    if base == 0 and exponent < 0:
        raise Fault(divided_by_zero(name, 1))
    try:
        result = math.pow(base, exponent)
    except (ValueError, OverflowError):
        raise Fault(CellError("NUM", f"{name} evaluates to an imaginary or too large number.")) from None
    return result


def _compared(operator: str, order: int) -> bool:
    match operator:
        case "=":
            return order == 0
        case "<>":
            return order != 0
        case "<":
            return order < 0
        case ">":
            return order > 0
        case "<=":
            return order <= 0
    return order >= 0


def mapped(apply: Callable[..., Scalar], given: Sequence[Operand]) -> Operand:
    """Apply to single values, or to each value of arrays, smaller ones repeated; errors stay where they arise."""
    if not any(isinstance(operand, Array | Range) for operand in given):
        return apply(*given)
    arrays = [as_array(operand) for operand in given]
    height, width = max(array.height for array in arrays), max(array.width for array in arrays)
    spend(height * width)  # before any of them is made
    rows: list[list[Scalar]] = []
    for line in zip(*(_spread(array, height, width) for array in arrays), strict=True):
        spend(0)  # the time may be over
        found: list[Scalar] = []
        for values in zip(*line, strict=True):
            try:
                value = apply(*values)
            except Fault as fault:
                value = fault.error
            if type(value) is str:
                spend(0, len(value))
            found.append(value)
        rows.append(found)
    return Array(rows)


def _spread(array: Array, height: int, width: int) -> Iterator[Sequence[Scalar]]:
    """The rows of an array in a larger one: a single row or column is repeated, beyond others there is nothing."""
    if array.width == width and array.height == height:
        yield from array.rows
        return
    for row in range(height):
        values = (
            array.rows[0 if array.height == 1 else row] if array.height in (1, height) or row < array.height else []
        )
        if array.width == 1 and values:
            yield list(values) * width
        else:
            yield [*values, *[NOTHING_THERE] * (width - len(values))]


def stacked(apply: Callable[[Given], Operand], values: Sequence[Given]) -> Array:
    """The rows that values yield, one below the other, the shorter ones filled up with blanks."""
    rows: list[list[Scalar]] = []
    for value in values:
        spend(1)
        try:
            found = as_array(apply(value))
            rows.append(found.rows[0] if found.rows else [None])
        except Fault as fault:
            rows.append([fault.error])
    width = max(map(len, rows), default=0)
    return Array([[*row, *[None] * (width - len(row))] for row in rows])
