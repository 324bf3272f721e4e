"""What expressions and conditions of a query are worth for a row, and of which kind they are."""

import math
from collections.abc import Callable
from datetime import datetime

from local_sheets.cell_values.serial import from_serial, to_serial
from local_sheets.formulas.query.language import (
    Aggregate,
    Both,
    Comparison,
    Condition,
    Expression,
    Field,
    IsNull,
    Literal,
    Not,
    Scalar,
)
from local_sheets.formulas.query.table import NUMERIC, Column, QueryError, Value
from local_sheets.patterns import compile_expression

#: Reads a value of one row.
Read = Callable[[Expression], Value]
_ARITHMETIC = {"sum", "difference", "product", "quotient", "modulo"}
_OF_DATES = {"year", "month", "day", "quarter", "dayOfWeek"}
_OF_TIMES = {"hour", "minute", "second", "millisecond"}
_SECOND = 1000


def fields_of(expression: Expression) -> list[str]:
    """The ids of all columns in an expression."""
    match expression:
        case Field(key):
            return [key]
        case Aggregate(_, field):
            return [field.id]
        case Scalar(_, arguments):
            return [key for argument in arguments for key in fields_of(argument)]
    return []


def aggregates_in(expression: Expression) -> list[Aggregate]:
    """The aggregates in an expression."""
    if isinstance(expression, Aggregate):
        return [expression]
    if isinstance(expression, Scalar):
        return [found for argument in expression.arguments for found in aggregates_in(argument)]
    return []


def kind_of(expression: Expression, columns: dict[str, Column]) -> str:
    """The kind of an expression's values.

    Raises:
        QueryError: A function does not take what it is given, or there is no such column.
    """
    match expression:
        case Literal(_, kind):
            return kind
        case Field(key):
            return column_of(key, columns).kind
        case Aggregate(name, field):
            return _aggregate_kind(name, column_of(field.id, columns))
    return _scalar_kind(expression, columns)


def column_of(key: str, columns: dict[str, Column]) -> Column:
    """The column of this id.

    Raises:
        QueryError: There is none.
    """
    if key not in columns:
        raise QueryError(f"NO_COLUMN: {key}")
    return columns[key]


def _aggregate_kind(name: str, column: Column) -> str:
    if name == "count":
        return "number"
    if name in ("sum", "avg"):
        if column.kind != "number":
            raise QueryError("AVG_SUM_ONLY_NUMERIC")
        return "number"
    return column.kind


def _scalar_kind(expression: Scalar, columns: dict[str, Column]) -> str:
    name = expression.name
    kinds = [kind_of(argument, columns) for argument in expression.arguments]
    guessed = any(column.is_guessed for key in fields_of(expression) if (column := columns.get(key)))
    if name in _ARITHMETIC:
        if any(kind != "number" for kind in kinds):
            raise QueryError(f"Can't perform the function {name} on values that are not numbers")
        return "number"
    if name in ("upper", "lower"):
        if kinds != ["string"]:
            raise QueryError(f"{name} takes a text parameter")
        return "string"
    if name == "now":
        return "datetime"
    takes = {"date", "datetime"} | ({"timeofday"} - (_OF_DATES & {name} and {"timeofday"}))
    takes = takes | {"number"} if guessed or name == "toDate" else takes
    if not set(kinds) <= takes:
        what = "Date or a DateTime" if name in _OF_DATES else "TimeOfDay or a DateTime"
        raise QueryError(f"Can't perform the function {name} on a column that is not a {what} column")
    return "date" if name == "toDate" else "number"


def value_of(expression: Expression, read: Read, now: datetime) -> Value:
    """The value of an expression; columns and aggregates are read."""
    match expression:
        case Literal(value, _):
            return value
        case Scalar(name, arguments):
            return apply(name, [value_of(argument, read, now) for argument in arguments], now)
    return read(expression)


def apply(name: str, given: list[Value], now: datetime) -> Value:
    """A scalar function; null where something given is null."""
    if name == "now":
        return to_serial(now)
    if any(value is None for value in given):
        return None
    if name in ("upper", "lower"):
        return str(given[0]).upper() if name == "upper" else str(given[0]).lower()
    numbers = [float(value) if isinstance(value, float) else int(value) for value in given]  # type: ignore[arg-type]
    if name in _ARITHMETIC:
        return _calculated(name, numbers[0], numbers[1])
    if name == "dateDiff":
        return math.floor(numbers[0]) - math.floor(numbers[1])
    if name == "toDate":
        # Numbers are milliseconds since 1970 there; serial numbers are far smaller.
        days = numbers[0] if abs(numbers[0]) < 10_000_000 else numbers[0] / (86_400 * _SECOND) + 25_569
        return math.floor(days)
    return _part(name, numbers[0])


def _calculated(name: str, one: float, other: float) -> Value:
    match name:
        case "sum":
            return one + other
        case "difference":
            return one - other
        case "product":
            return one * other
    if other == 0:
        return None
    return one / other if name == "quotient" else math.fmod(one, other)


def _part(name: str, days: float) -> Value:
    try:
        moment = from_serial(days)
    except OverflowError:
        return None
    match name:
        case "month":
            return moment.month - 1  # January is 0
        case "quarter":
            return (moment.month - 1) // 3 + 1
        case "dayOfWeek":
            return moment.isoweekday() % 7 + 1  # Sunday is 1
        case "millisecond":
            return moment.microsecond // 1000
    return int(getattr(moment, name))


# -- conditions


def holds(condition: Condition, kinds: dict[Expression, str], read: Read, now: datetime) -> bool:
    """Whether a condition is true; comparisons with null are not."""
    match condition:
        case Both(parts, is_all):
            chosen = all if is_all else any
            return chosen(holds(part, kinds, read, now) for part in parts)
        case Not(inner):
            return not holds(inner, kinds, read, now)
        case IsNull(operand, negated):
            return (value_of(operand, read, now) is None) is not negated
    left, right = value_of(condition.left, read, now), value_of(condition.right, read, now)
    return _compared(condition, left, right, kinds[condition.left], kinds[condition.right])


def expressions_in(condition: Condition) -> list[Expression]:
    """The expressions that a condition compares."""
    match condition:
        case Both(parts, _):
            return [found for part in parts for found in expressions_in(part)]
        case Not(inner):
            return expressions_in(inner)
        case IsNull(operand, _):
            return [operand]
    return [condition.left, condition.right]


def _compared(condition: Comparison, left: Value, right: Value, left_kind: str, right_kind: str) -> bool:
    if condition.operator not in _ORDERS:
        return right is not None and _text_test(condition.operator, shown(left, left_kind), shown(right, right_kind))
    if left is None or right is None:
        # A blank among texts equals "".
        return condition.operator == "=" and "" in (left, right)
    if _family(left_kind) != _family(right_kind):
        return False
    return _ORDERS[condition.operator](left, right)


def _family(kind: str) -> str:
    """Kinds that are compared with each other: numbers and moments, as they are all serial numbers here."""
    return "number" if kind in NUMERIC else kind


_ORDERS: dict[str, Callable[[Value, Value], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,  # type: ignore[operator]
    ">": lambda left, right: left > right,  # type: ignore[operator]
    "<=": lambda left, right: left <= right,  # type: ignore[operator]
    ">=": lambda left, right: left >= right,  # type: ignore[operator]
}


def _text_test(operator: str, left: str, right: str) -> bool:
    match operator:
        case "contains":
            return right in left
        case "starts with":
            return left.startswith(right)
        case "ends with":
            return left.endswith(right)
        case "like":
            return _whole(_like_pattern(right), left)
    return _whole(right, left)


def _whole(pattern: str, text: str) -> bool:
    try:
        return compile_expression(f"(?s:{pattern})").fullmatch(text) is not None
    except ValueError:
        return False  # so answers Google's own engine


def _like_pattern(text: str) -> str:
    wild = {"%": ".*", "_": "."}
    return "".join(wild.get(char) or (char if char.isalnum() else f"\\x{{{ord(char):x}}}") for char in text)


def shown(value: Value, kind: str) -> str:
    """A value as text, as pivot headers and the tests of text see it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if kind in ("date", "datetime", "timeofday"):
        return _shown_moment(value, kind)
    return f"{value:.15G}"


def _shown_moment(value: float, kind: str) -> str:
    try:
        moment = from_serial(value)
    except OverflowError:
        return f"{value:.15G}"
    pattern = {"date": "%Y-%m-%d", "datetime": "%Y-%m-%d %H:%M:%S", "timeofday": "%H:%M:%S"}[kind]
    return moment.strftime(pattern)
