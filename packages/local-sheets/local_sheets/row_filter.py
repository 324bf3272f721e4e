"""Which rows a filter hides: its criteria, with formulas and relative dates computed."""

from collections.abc import Mapping, Sequence
from typing import Any

from local_sheets.condition_formulas import ConditionFormulas
from local_sheets.filter_conditions import hides
from local_sheets.formulas.areas import Place
from local_sheets.model.cell import AnyCell
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab


class RowFilter:
    """The criteria of one filter; formulas are written for the first row below its header."""

    def __init__(self, spreadsheet: Spreadsheet, tab: Tab, kept: Mapping[str, Any], *, but: int | None = None) -> None:
        """``but``: a column whose criteria are left out."""
        self._spreadsheet, self._title = spreadsheet, tab.title
        self._first = kept.get("range", {}).get("startRowIndex", 0) + 1
        self._formulas = ConditionFormulas(spreadsheet)
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
        return self._formulas.hold(condition, Place(self._title, row, column), Place(self._title, self._first, column))

    def _computed(self, criteria: Mapping[str, Any], column: int) -> Mapping[str, Any]:
        """Criteria whose bounds are values: formulas are computed once, relative dates are those of today."""
        condition = criteria.get("condition")
        if condition is None or condition.get("type") == "CUSTOM_FORMULA":
            return criteria
        first = Place(self._title, self._first, column)
        return {**criteria, "condition": self._formulas.computed(condition, first, first)}
