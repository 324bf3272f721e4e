"""What conditional formats make of cells: the first rule that holds says each part of the look that it names.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/sheets#ConditionalFormatRule
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from local_sheets.condition_formulas import ConditionFormulas
from local_sheets.filter_conditions import holds
from local_sheets.formulas.areas import Place
from local_sheets.model.cell import AnyCell, effective
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab
from local_sheets.page.formats import compact_format
from local_sheets.references import grid_rect

#: Processor time for the conditions of one block.
_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Rule:
    areas: list[Rect]
    condition: Mapping[str, Any]
    written_at: Place
    look: Mapping[str, Any]

    def covers(self, row: int, column: int) -> bool:
        return any(area.row0 <= row < area.row1 and area.col0 <= column < area.col1 for area in self.areas)


class ConditionalFormats:
    """The rules of a tab that may concern a block of its cells; colour scales are none of them."""

    def __init__(self, spreadsheet: Spreadsheet, block: Rect) -> None:
        self._locale, self._tab = spreadsheet.locale, block.tab
        self._formulas = ConditionFormulas(spreadsheet, seconds=_SECONDS)
        rules = (_rule(spreadsheet, block.tab, one) for one in block.tab.sheet.get("conditionalFormats", ()))
        self._rules = [rule for rule in rules if rule and any(area.meets(block) for area in rule.areas)]

    def applies(self, row: int) -> bool:
        """Whether any rule may concern cells of this row."""
        return any(area.row0 <= row < area.row1 for rule in self._rules for area in rule.areas)

    def holding(self, cell: AnyCell, shown: str, row: int, column: int) -> tuple[int, ...]:
        """The rules that hold for a cell, by their numbers; the first one comes first."""
        return tuple(
            number
            for number, rule in enumerate(self._rules)
            if rule.covers(row, column) and self._holds(rule, cell, shown, Place(self._tab.title, row, column))
        )

    def look(self, numbers: tuple[int, ...]) -> dict[str, Any]:
        """What some rules say of a cell's look together."""
        return {name: value for number in reversed(numbers) for name, value in self._rules[number].look.items()}

    def _holds(self, rule: _Rule, cell: AnyCell, shown: str, place: Place) -> bool:
        if rule.condition.get("type") == "CUSTOM_FORMULA":
            return self._formulas.hold(rule.condition, place, rule.written_at)
        condition = self._formulas.computed(rule.condition, place, rule.written_at)
        return holds(effective(cell), shown, condition, self._locale)


def _rule(spreadsheet: Spreadsheet, tab: Tab, kept: Mapping[str, Any]) -> _Rule | None:
    boolean, ranges = kept.get("booleanRule"), kept.get("ranges")
    if not boolean or not ranges:
        return None
    areas = [grid_rect(spreadsheet, {"sheetId": tab.sheet_id, **one}) for one in ranges]
    written_at = Place(tab.title, areas[0].row0, areas[0].col0)
    return _Rule(areas, boolean.get("condition", {}), written_at, compact_format(boolean.get("format")))
