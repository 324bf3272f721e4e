"""What the page shows of rules and protections: dropdowns, checkboxes, cells that do not fit, areas to be warned about."""

from collections.abc import Callable
from typing import Any

from local_sheets.cell_validation import entries, fits
from local_sheets.condition_formulas import ConditionFormulas
from local_sheets.formulas.areas import Place
from local_sheets.model.cell import AnyCell, Cell
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab

#: Processor time for the formulas of one block's rules.
_SECONDS = 1.0


class Rules:
    """The rules of a block's cells, each distinct one once."""

    def __init__(self, spreadsheet: Spreadsheet) -> None:
        self._spreadsheet, self._formulas = spreadsheet, ConditionFormulas(spreadsheet, seconds=_SECONDS)
        self._index: dict[int, int] = {}
        self.bodies: list[dict[str, Any]] = []

    def of(self, cell: AnyCell, place: Place) -> dict[str, Any]:
        """What there is to say of a cell: the number of its rule, and whether it does not fit it."""
        if not isinstance(cell, Cell) or cell.validation is None:
            return {}
        body, key = cell.validation.body, cell.validation.key
        if key not in self._index:
            self._index[key] = len(self.bodies)
            self.bodies.append(_rule_view(self._spreadsheet, dict(body)))
        said: dict[str, Any] = {"rule": self._index[key]}
        return said if fits(self._spreadsheet, cell, body, place, self._formulas) else {**said, "invalid": True}


def _rule_view(spreadsheet: Spreadsheet, body: dict[str, Any]) -> dict[str, Any]:
    condition = body.get("condition", {})
    own = [one.get("userEnteredValue", "") for one in condition.get("values", ())]
    view: dict[str, Any] = {"message": body.get("inputMessage", "")}
    if condition.get("type") == "BOOLEAN":
        view["checkbox"] = [*own, "TRUE", "FALSE"][:2] if not own else [own[0], own[1] if len(own) > 1 else ""]
    elif body.get("showCustomUi") and (offered := entries(spreadsheet, condition)) is not None:
        view["list"] = offered
    return view


def warned_areas(tab: Tab, rectangle: Callable[[Tab, dict[str, Any]], dict[str, int]]) -> list[dict[str, Any]]:
    """Ranges before whose edits people are asked; ``free`` are those within that are not protected."""
    return [
        {
            **rectangle(tab, area.get("range", {})),
            "message": area.get("description", ""),
            "free": [rectangle(tab, one) for one in area.get("unprotectedRanges", ())],
        }
        for area in tab.sheet.get("protectedRanges", ())
        if area.get("warningOnly")
    ]
