"""The number format that a formula's result takes on: a date stays a date when a day is added to it."""

from typing import Any

from local_sheets.a1 import Area
from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.number_format import is_date_format, render
from local_sheets.formulas.operands import Scalar, Workbook, is_number, to_text
from local_sheets.formulas.syntax import Binary, Call, Name, Node, Reference, Unary

NumberFormat = dict[str, Any]

#: Operators whose result has no format of its own.
_WITHOUT_FORMAT = ("&", "=", "<>", "<", ">", "<=", ">=", "^")

_DATES = {"DATE", "TODAY", "EDATE", "EOMONTH", "DATEVALUE", "TO_DATE", "WORKDAY"}
_TIMES = {"TIME", "TIMEVALUE"}
#: Functions whose result is of the kind of their first argument.
_OF_FIRST = {"SUM", "MIN", "MAX", "AVERAGE", "MEDIAN", "ABS", "ROUND", "ROUNDUP", "ROUNDDOWN", "SUMIF", "SUMIFS",
             "INDEX", "SORT", "UNIQUE", "FILTER", "ARRAYFORMULA", "TRANSPOSE", "IFERROR", "IFNA", "MINIFS", "MAXIFS",
             "AVERAGEIF", "AVERAGEIFS", "LARGE", "SMALL"}  # fmt: skip
#: Functions whose result is of the kind of their second, or third, argument.
_OF_OTHER = {"IF": 1, "IFS": 1, "VLOOKUP": 1, "HLOOKUP": 1, "XLOOKUP": 2, "CHOOSE": 1, "SWITCH": 2}


def node_format(node: Node, workbook: Workbook, title: str) -> NumberFormat | None:
    """The format of a node's value, None for the automatic one."""
    match node:
        case Reference(tab, start, _):
            found = title if tab is None else workbook.tab(tab)
            return None if found is None else _cell_format(workbook, found, start.row or 0, start.col or 0)
        case Name(text):
            area = workbook.named_range(text)
            return None if area is None else _area_format(workbook, area, title)
        case Unary("%", _):
            return {"type": "PERCENT", "pattern": "0%"}
        case Unary(_, operand):
            return node_format(operand, workbook, title)
        case Binary():
            return _chain_format(node, workbook, title)
        case Call():
            return _call_format(node, workbook, title)
    return None


def _cell_format(workbook: Workbook, title: str, row: int, col: int) -> NumberFormat | None:
    rows, cols = workbook.size(title)
    found = workbook.number_format(title, row, col) if row < rows and col < cols else None
    return None if found and found.get("type") == "TEXT" else found


def _area_format(workbook: Workbook, area: Area, title: str) -> NumberFormat | None:
    return _cell_format(workbook, area.title or title, area.row0 or 0, area.col0 or 0)


def _chain_format(node: Node, workbook: Workbook, title: str) -> NumberFormat | None:
    """Of ``a+b-c``, from its first operand on: it may be very long."""
    chain: list[Binary] = []
    while isinstance(node, Binary) and node.operator not in _WITHOUT_FORMAT:
        chain.append(node)
        node = node.left
    found = None if isinstance(node, Binary) else node_format(node, workbook, title)
    for link in reversed(chain):
        found = _binary_format(link.operator, found, node_format(link.right, workbook, title))
    return found


def _binary_format(operator: str, left: NumberFormat | None, right: NumberFormat | None) -> NumberFormat | None:
    """Date minus date is a number of days, date plus number a date; products keep a currency or percentage."""
    if operator == "-" and is_date_format(left) and is_date_format(right):
        return None
    if operator in ("+", "-"):
        return left or right
    if is_date_format(left) or is_date_format(right):
        return None
    if operator == "/" and left and right:
        return None
    return left if left and left.get("type") == "CURRENCY" else right if operator == "*" and right else left


def _call_format(node: Call, workbook: Workbook, title: str) -> NumberFormat | None:
    locale = get_locale(workbook.locale)
    if node.name in _DATES:
        return {"type": "DATE", "pattern": locale.date_pattern}
    if node.name == "NOW":
        return {"type": "DATE_TIME", "pattern": locale.date_time_pattern}
    if node.name in _TIMES:
        return {"type": "TIME", "pattern": locale.time_pattern}
    place = 0 if node.name in _OF_FIRST else _OF_OTHER.get(node.name, -1)
    if not 0 <= place < len(node.arguments):
        return None
    return node_format(node.arguments[place], workbook, title)


def shown_text(value: Scalar, number_format: NumberFormat | None, locale: str) -> str:
    """Text as ``&`` joins it: a number under a date format as the date.

    Raises:
        Fault: The value is an error.
    """
    if is_number(value) and is_date_format(number_format):
        return render(value, number_format, locale)
    return to_text(value)
