"""The number formats that results take on: a date stays a date when a day is added to it."""

from collections.abc import Sequence
from typing import Any

from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.number_format import is_date_format
from local_sheets.formulas.operands import Array, Operand, Range, format_of, is_number

NumberFormat = dict[str, Any]
PERCENT: NumberFormat = {"type": "PERCENT", "pattern": "0%"}

_DATES = {
    "DATE",
    "TODAY",
    "EDATE",
    "EOMONTH",
    "DATEVALUE",
    "TO_DATE",
    "WORKDAY",
    "WORKDAY.INTL",
    "EPOCHTODATE",
    "COUPNCD",
    "COUPPCD",
}
_TIMES = {"TIME", "TIMEVALUE"}
_MONEY = {"PMT", "IPMT", "PPMT", "PV", "FV", "NPV", "TO_DOLLARS"}
_PERCENTS = {"TO_PERCENT", "RATE", "IRR", "XIRR", "MIRR"}
#: Functions whose result is of the kind of the first number that they are given.
OF_FIRST = {
    "SUM", "MIN", "MAX", "AVERAGE", "MEDIAN", "MODE", "ABS", "ROUND", "ROUNDUP", "ROUNDDOWN", "INT", "TRUNC", "MINIFS",
    "MAXIFS", "LARGE", "SMALL", "SUBTOTAL", "MROUND", "CEILING", "FLOOR", "QUARTILE", "PERCENTILE", "ADD", "MINUS",
}  # fmt: skip
#: Functions whose result is of the kind of their last argument where it is given, else of their first.
OF_SUMMED = {"SUMIF", "AVERAGEIF"}
OF_FIRST_ALONE = {"SUMIFS", "AVERAGEIFS"}
#: Rows of a range that are looked at for a format.
_FEW = 20


def combined_format(operator: str, left: NumberFormat | None, right: NumberFormat | None) -> NumberFormat | None:
    """Date minus date is a number of days, date plus number a date; products keep a currency or percentage."""
    if operator == "^":
        return None
    if operator == "-" and is_date_format(left) and is_date_format(right):
        return None
    if operator in ("+", "-"):
        return left or right
    if is_date_format(left) or is_date_format(right):
        return None
    if operator == "/" and left and right:
        return None
    return left if left and left.get("type") == "CURRENCY" else right if operator == "*" and right else left


def result_format(name: str, given: Sequence[Operand], locale: str) -> NumberFormat | None:
    """The format of a function's numbers, None for what the values themselves carry."""
    if name in _DATES:
        return {"type": "DATE", "pattern": get_locale(locale).date_pattern}
    if name == "NOW":
        return {"type": "DATE_TIME", "pattern": get_locale(locale).date_time_pattern}
    if name in _TIMES:
        return {"type": "TIME", "pattern": get_locale(locale).time_pattern}
    if name in _MONEY:
        return {"type": "CURRENCY", "pattern": get_locale(locale).currency_pattern}
    if name in _PERCENTS:
        return {"type": "PERCENT", "pattern": "0.00%" if name == "TO_PERCENT" else "0%"}
    if name in OF_FIRST:
        return next((found for operand in given if (found := _first_format(operand))), None)
    if name in OF_SUMMED:
        return _first_format(given[2] if len(given) > 2 else given[0])
    return _first_format(given[0]) if name in OF_FIRST_ALONE and given else None


#: Names for which ``result_format`` has an answer.
WITH_FORMAT = _DATES | _TIMES | _MONEY | _PERCENTS | OF_FIRST | OF_SUMMED | OF_FIRST_ALONE | {"NOW"}


def _first_format(operand: Operand) -> NumberFormat | None:
    """Of the first number of an operand."""
    if isinstance(operand, Range):
        few = min(operand.row1, operand.row0 + _FEW)
        rows = operand.workbook.values(operand.title, operand.row0, few, operand.col0, operand.col1)
    elif isinstance(operand, Array):
        rows = operand.rows[:_FEW]
    else:
        return format_of(operand)
    return next((format_of(value) for row in rows for value in row if is_number(value)), None)
