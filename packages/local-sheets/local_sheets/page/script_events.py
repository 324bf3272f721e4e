"""What an edit by a person is to the spreadsheet's script: the events that fire its triggers.

As Google documents it: an edit of cells fires ``onEdit`` and ``onChange``; whatever else is done fires ``onChange`` alone,
without a range. ``value`` and ``oldValue`` are there where a single cell was typed into; both are texts. See
https://developers.google.com/apps-script/guides/triggers/events
"""

from typing import Any

from local_sheets.apps_script.scripts import Occurrence
from local_sheets.apps_script.sheet_services import range_message
from local_sheets.cell_values.model import CellError
from local_sheets.model.cell import AnyCell, effective
from local_sheets.model.transaction import Transaction
from local_sheets.page.person_edit import PersonEdit, cell_before, rect_of


def occurrences_of(tx: Transaction, edit: PersonEdit) -> list[Occurrence]:
    """The events of a committed edit; called at the commit."""
    changed = Occurrence("ON_CHANGE", {"changeType": edit.change_type}, edit.user)
    if edit.change_type != "EDIT" or not edit.grid_ranges:
        return [changed]
    target = edit.grid_ranges[0]  # a second one is where moved cells come from
    tab = tx.spreadsheet.tab_by_id(target.get("sheetId", edit.sheet_id or 0))
    if tab is None:
        return [changed]
    rect = rect_of(tab, target)
    fields: dict[str, Any] = {"range": range_message(rect)}
    if edit.is_typed and rect.cells == 1:
        for name, cell in (("oldValue", cell_before(tx, rect)), ("value", tab.cell(rect.row0, rect.col0))):
            if (text := _text(cell)) is not None:
                fields[name] = text
    return [Occurrence("ON_EDIT", fields, edit.user), changed]


def _text(cell: AnyCell) -> str | None:
    """A value as the event carries it; dates as serial numbers, as they stand in the cell."""
    value = effective(cell)
    match value:
        case None:
            return None
        case bool():
            return "TRUE" if value else "FALSE"
        case CellError():
            return value.text
        case _:
            return str(value)
