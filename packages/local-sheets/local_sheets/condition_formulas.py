"""What conditions say by formulas: custom ones, bounds that are computed, days counted from today.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/other#BooleanCondition
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from local_sheets.budget import LIMIT_REACHED, ROUND_SECONDS, Clock
from local_sheets.cell_values.serial import to_serial
from local_sheets.formula_texts import uses_decimal_comma
from local_sheets.formulas.areas import Place
from local_sheets.formulas.evaluator import evaluate
from local_sheets.formulas.operands import Rows, Scalar, plain_value
from local_sheets.formulas.shift import copy_formula
from local_sheets.model.cell import AnyCell
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.workbook import SpreadsheetWorkbook, values_of

Condition = Mapping[str, Any]
_DAYS_AGO = {"TODAY": 0, "YESTERDAY": 1, "TOMORROW": -1, "PAST_WEEK": 7, "PAST_MONTH": 30, "PAST_YEAR": 365}


class ConditionFormulas:
    """Computes conditions of one spreadsheet; all of them together have their time.

    A formula is written for one cell and read as copied to another: ``written_at`` and ``place``.
    """

    def __init__(
        self, spreadsheet: Spreadsheet, workbook: SpreadsheetWorkbook | None = None, seconds: float = ROUND_SECONDS
    ) -> None:
        self._workbook, self._clock = workbook or SpreadsheetWorkbook(spreadsheet), Clock(seconds)
        self._comma = uses_decimal_comma(spreadsheet)

    def hold(self, condition: Condition, place: Place, written_at: Place) -> bool:
        """Whether the custom formula of a condition is true, or takes longer than there is time."""
        [given] = condition.get("values") or [{}]
        value = self._value(given.get("userEnteredValue", ""), place, written_at)
        return value == LIMIT_REACHED or (isinstance(value, bool | int | float) and bool(value))

    def computed(self, condition: Condition, place: Place, written_at: Place) -> Condition:
        """A condition whose bounds are values."""
        values = [self._bound(given, place, written_at) for given in condition.get("values", ())]
        return {**condition, "values": values} if values else condition

    def _bound(self, given: Mapping[str, Any], place: Place, written_at: Place) -> Mapping[str, Any]:
        text = given.get("userEnteredValue", "")
        if (days := _DAYS_AGO.get(given.get("relativeDate", ""))) is not None:
            return {"userEnteredValue": to_serial(self._workbook.now().date() - timedelta(days=days))}
        if not text.startswith("="):
            return given
        value = self._value(text, place, written_at)
        return {"userEnteredValue": "" if value is None else value}

    def _value(self, text: str, place: Place, written_at: Place) -> Scalar:
        down, right = place.row - written_at.row, place.col - written_at.col
        copied = copy_formula(text, down, right, decimal_comma=self._comma)
        found = evaluate(copied, place.title, place.row, place.col, self._workbook, self._clock)
        return plain_value(found.value)


class WorkbookWithCell(SpreadsheetWorkbook):
    """A spreadsheet as it would be with another cell in one place; results of formulas are those of now."""

    def __init__(self, spreadsheet: Spreadsheet, place: Place, cell: AnyCell) -> None:
        super().__init__(spreadsheet)
        self._place, self._value = place, values_of([[cell]])[0][0]

    def values(self, title: str, row0: int, row1: int, col0: int, col1: int) -> Rows:
        """Effective values, with that of the other cell."""
        rows, place = super().values(title, row0, row1, col0, col1), self._place
        if title != place.title or not (row0 <= place.row < row1 and col0 <= place.col < col1):
            return rows
        found = [list(row) for row in rows]
        found += [[] for _ in range(place.row - row0 + 1 - len(found))]
        row = found[place.row - row0]
        row += [None] * (place.col - col0 + 1 - len(row))
        row[place.col - col0] = self._value
        return found
