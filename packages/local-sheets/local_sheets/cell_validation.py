"""Data validation: which values a cell's rule takes, and what people see of it.

Rules are checked where a person types; a paste and the API go past them, as Google has it. See
https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/cells#DataValidationRule
"""

from collections.abc import Mapping
from typing import Any

from local_sheets.a1 import column_letters
from local_sheets.api_error import ApiError
from local_sheets.cell_values import user_entered
from local_sheets.cell_values.number_format import is_date_format, render
from local_sheets.condition_formulas import ConditionFormulas, WorkbookWithCell
from local_sheets.condition_values import WRITTEN_AT
from local_sheets.filter_conditions import holds
from local_sheets.formulas.areas import Place
from local_sheets.model.cell import AnyCell, Cell, Shared, effective, number_format_of, unpack
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.references import clip, read_rect

Message = Mapping[str, Any]


def entries(spreadsheet: Spreadsheet, condition: Message) -> list[str] | None:
    """What the dropdown of a condition offers; None where it has none."""
    values = [one.get("userEnteredValue", "") for one in condition.get("values", ())]
    if condition.get("type") == "ONE_OF_LIST":
        return values
    if condition.get("type") != "ONE_OF_RANGE" or not values:
        return None
    try:
        area = clip(read_rect(spreadsheet, values[0].removeprefix("=").replace("$", "")))
    except ApiError:
        return []
    texts = [_shown(cell, spreadsheet.locale) for cells in area.tab.read(area) for cell in cells]
    return list(dict.fromkeys(text for text in texts if text))


def fits(
    spreadsheet: Spreadsheet, cell: AnyCell, rule: Message, place: Place, formulas: ConditionFormulas | None = None
) -> bool:
    """Whether a cell holds what its rule takes; a blank one always does. ``formulas``: shared by many cells."""
    condition = rule.get("condition", {})
    value, kind, locale = effective(cell), condition.get("type", ""), spreadsheet.locale
    if value is None or value == "":
        return True
    if (offered := entries(spreadsheet, condition)) is not None:
        shown = _shown(cell, locale)
        return shown in offered or any(_same(value, user_entered.parse(one, locale).value) for one in offered)
    if kind == "BOOLEAN":
        own = [one.get("userEnteredValue", "") for one in condition.get("values", ())]
        return _shown(cell, locale) in own if own else isinstance(value, bool)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind == "DATE_IS_VALID":
        return is_number and is_date_format(number_format_of(cell))
    computing = formulas or ConditionFormulas(spreadsheet)
    written_at = Place(place.title, *rule.get(WRITTEN_AT, (place.row, place.col)))
    if kind == "CUSTOM_FORMULA":
        return computing.hold(condition, place, written_at)
    return holds(value, _shown(cell, locale), computing.computed(condition, place, written_at), locale)


def refusal(spreadsheet: Spreadsheet, cell: AnyCell, text: str, place: Place) -> str | None:
    """Why a text must not be typed into a cell; None where its rule takes it, or only marks what it does not."""
    rule = cell.validation.body if isinstance(cell, Cell) and cell.validation is not None else {}
    if not rule.get("strict") or text.startswith("="):  # a formula's result is not known before
        return None
    typed = _typed(spreadsheet, cell, text)
    formulas = ConditionFormulas(spreadsheet, WorkbookWithCell(spreadsheet, place, typed))
    if fits(spreadsheet, typed, rule, place, formulas):
        return None
    address, said = f"{column_letters(place.col)}{place.row + 1}", rule.get("inputMessage", "")
    return f"The data you entered in cell {address} violates the data validation rules set on this cell. {said}".strip()


def _typed(spreadsheet: Spreadsheet, cell: AnyCell, text: str) -> Cell:
    """The cell as it would be."""
    value, implied = user_entered.parse(text, spreadsheet.locale, dict(number_format_of(cell) or {}) or None)
    look = unpack(cell).format
    return Cell(value, format=look if implied is None else Shared(0, {"numberFormat": implied}))


def _shown(cell: AnyCell, locale: str) -> str:
    value = effective(cell)
    return "" if value is None else render(value, number_format_of(cell), locale)


def _same(value: Any, other: Any) -> bool:
    return isinstance(value, bool) == isinstance(other, bool) and bool(value == other)
