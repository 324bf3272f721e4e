"""Whether a filter's criteria hide a row: values that are hidden, and conditions on text, numbers and dates.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/other#ConditionType
"""

from collections.abc import Callable, Mapping
from typing import Any

from local_sheets.cell_values import user_entered
from local_sheets.cell_values.model import Formula
from local_sheets.cell_values.number_format import render
from local_sheets.formulas.functions.conversion import EMAIL, URL
from local_sheets.model.cell import AnyCell, effective, number_format_of

Criteria = Mapping[str, Any]

_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "TEXT_CONTAINS": lambda text, wanted: wanted in text,
    "TEXT_NOT_CONTAINS": lambda text, wanted: wanted not in text,
    "TEXT_STARTS_WITH": lambda text, wanted: text.startswith(wanted),
    "TEXT_ENDS_WITH": lambda text, wanted: text.endswith(wanted),
    "TEXT_EQ": lambda text, wanted: text == wanted,
    "TEXT_NOT_EQ": lambda text, wanted: text != wanted,
}
_NUMBER: Mapping[str, Callable[[float, float], bool]] = {
    "NUMBER_GREATER": lambda number, bound: number > bound,
    "NUMBER_GREATER_THAN_EQ": lambda number, bound: number >= bound,
    "NUMBER_LESS": lambda number, bound: number < bound,
    "NUMBER_LESS_THAN_EQ": lambda number, bound: number <= bound,
    "NUMBER_EQ": lambda number, bound: number == bound,
    "NUMBER_NOT_EQ": lambda number, bound: number != bound,
    "DATE_EQ": lambda number, bound: int(number) == int(bound),
    "DATE_BEFORE": lambda number, bound: number < int(bound),
    "DATE_AFTER": lambda number, bound: number >= int(bound) + 1,
    "DATE_ON_OR_BEFORE": lambda number, bound: number < int(bound) + 1,
    "DATE_ON_OR_AFTER": lambda number, bound: number >= int(bound),
}


_BETWEEN = ("NUMBER_BETWEEN", "NUMBER_NOT_BETWEEN", "DATE_BETWEEN", "DATE_NOT_BETWEEN")
_PATTERNS = {"TEXT_IS_EMAIL": EMAIL, "TEXT_IS_URL": URL}


def hides(cell: AnyCell, criteria: Criteria, locale: str) -> bool:
    """Whether the criteria of a column hide the row of this cell; conditions that are not known hide nothing."""
    value = effective(cell)
    shown = "" if value is None else render(value, number_format_of(cell), locale)
    if shown in criteria.get("hiddenValues", ()):
        return True
    condition = criteria.get("condition")
    return condition is not None and not holds(value, shown, condition, locale)


def holds(value: Any, shown: str, condition: Mapping[str, Any], locale: str) -> bool:
    """Whether a condition holds for a value; one that is not known does."""
    kind = condition.get("type", "")
    given = [one.get("userEnteredValue", "") for one in condition.get("values", [])]
    wanted = [one if isinstance(one, str) else render(one, None, locale) for one in given]
    if kind in ("BLANK", "NOT_BLANK"):
        return bool((value in (None, "")) == (kind == "BLANK"))
    if kind in _TEXT and wanted:
        return _TEXT[kind](shown.casefold(), wanted[0].casefold())
    if kind in _PATTERNS:
        return isinstance(value, str) and _PATTERNS[kind].fullmatch(value.strip()) is not None
    bounds = [_number(one, locale) for one in given]
    numbers = [bound for bound in bounds if bound is not None]
    if kind in _BETWEEN and len(numbers) == 2:
        last = int(max(numbers)) + 1 - 1e-9 if kind.startswith("DATE") else max(numbers)
        inside = _is_number(value) and min(numbers) <= value <= last
        return bool(inside == ("NOT" not in kind))
    if kind in _NUMBER and numbers:
        return _is_number(value) and _NUMBER[kind](value, numbers[0])
    if kind == "ONE_OF_LIST":
        return shown in wanted
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(given: Any, locale: str) -> float | None:
    """A bound as it was typed, or as it was computed."""
    parsed = user_entered.parse(given, locale).value if isinstance(given, str) else given
    if isinstance(parsed, bool | Formula) or not isinstance(parsed, int | float):
        return None
    return parsed
