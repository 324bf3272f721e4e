"""The operators of formulas, under the names of the functions that they stand for."""

import math

from local_sheets.budget import spend
from local_sheets.cell_values.model import MAX_CHARACTERS, CellError
from local_sheets.formulas.faults import Fault, divided_by_zero, text_too_long
from local_sheets.formulas.operands import Scalar, compare, to_number, to_text

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
        return to_number(value, "UNARY_PERCENT", 1, locale) / 100
    return -to_number(value, "UMINUS", 1, locale)


def apply_binary(operator: str, left: Scalar, right: Scalar, locale: str) -> Scalar:
    """Arithmetic, comparison or joining of two single values.

    Raises:
        Fault: One is an error or does not fit the operator.
    """
    if operator == "&":
        return joined_text(to_text(left), to_text(right))
    if operator not in NAMES:
        return _compared(operator, compare(left, right))
    name = NAMES[operator]
    return arithmetic(operator, to_number(left, name, 1, locale), to_number(right, name, 2, locale), name)


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
