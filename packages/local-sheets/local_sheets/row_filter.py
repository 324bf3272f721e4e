"""Which rows a filter hides: its criteria, with formulas and relative dates computed.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/other#BooleanCondition
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from local_sheets.budget import ROUND_SECONDS, Clock
from local_sheets.cell_values.serial import to_serial
from local_sheets.filter_conditions import hides
from local_sheets.formulas.evaluator import evaluate
from local_sheets.formulas.operands import Scalar, plain_value
from local_sheets.formulas.shift import copy_formula
from local_sheets.model.cell import AnyCell
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.recalculation import uses_decimal_comma
from local_sheets.workbook import SpreadsheetWorkbook

_DAYS_AGO = {"TODAY": 0, "YESTERDAY": 1, "TOMORROW": -1, "PAST_WEEK": 7, "PAST_MONTH": 30, "PAST_YEAR": 365}


class RowFilter:
    """The criteria of one filter; formulas are written for the first row below its header."""

    def __init__(self, spreadsheet: Spreadsheet, tab: Tab, kept: Mapping[str, Any], *, but: int | None = None) -> None:
        """``but``: a column whose criteria are left out."""
        self._spreadsheet, self._title = spreadsheet, tab.title
        self._first = kept.get("range", {}).get("startRowIndex", 0) + 1
        self._workbook, self._clock = SpreadsheetWorkbook(spreadsheet), Clock(ROUND_SECONDS)
        self._criteria = {
            int(column): self._computed(one, int(column))
            for column, one in kept.get("criteria", {}).items()
            if int(column) != but
        }

    def hides(self, row: int, cells: Sequence[AnyCell]) -> bool:
        """Whether one of the criteria hides the row with these cells."""
        return any(
            hides(cells[column] if column < len(cells) else None, one, self._spreadsheet.locale)
            or not self._formula_holds(one, row, column)
            for column, one in self._criteria.items()
        )

    def _formula_holds(self, criteria: Mapping[str, Any], row: int, column: int) -> bool:
        condition = criteria.get("condition", {})
        if condition.get("type") != "CUSTOM_FORMULA":
            return True
        comma = uses_decimal_comma(self._spreadsheet)
        text = condition["values"][0].get("userEnteredValue", "")
        value = self._value(copy_formula(text, row - self._first, 0, decimal_comma=comma), row, column)
        return isinstance(value, bool | int | float) and bool(value)

    def _computed(self, criteria: Mapping[str, Any], column: int) -> Mapping[str, Any]:
        """Criteria whose bounds are values: formulas are computed once, relative dates are those of today."""
        condition = criteria.get("condition", {})
        if condition.get("type") == "CUSTOM_FORMULA":
            return criteria
        values = [self._bound(one, column) for one in condition.get("values", ())]
        return {**criteria, "condition": {**condition, "values": values}} if values else criteria

    def _bound(self, given: Mapping[str, Any], column: int) -> Mapping[str, Any]:
        text = given.get("userEnteredValue", "")
        if (days := _DAYS_AGO.get(given.get("relativeDate", ""))) is not None:
            return {"userEnteredValue": to_serial(self._workbook.now().date() - timedelta(days=days))}
        if not text.startswith("="):
            return given
        value = self._value(text, self._first, column)
        return {"userEnteredValue": "" if value is None else value}

    def _value(self, text: str, row: int, column: int) -> Scalar:
        return plain_value(evaluate(text, self._title, row, column, self._workbook, self._clock).value)
