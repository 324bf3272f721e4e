"""Lists of a tab's ``Sheet`` message whose items have an id: protected ranges, filter views, banded ranges, tables.

The families' modules use this to add, find, change and delete such items.
"""

from typing import Any

from local_sheets.api_error import invalid
from local_sheets.model.spreadsheet import Spreadsheet, fresh_id
from local_sheets.model.tab import Rect, Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import grid_rect

Message = dict[str, Any]


def full_range(sheet: Spreadsheet, grid_range: Message | None) -> tuple[Tab, Message]:
    """The tab of a GridRange, and the range as it is kept: sides that are open stay open.

    Raises:
        ApiError: The range is missing or not on the grid.
    """
    area: Rect = grid_rect(sheet, grid_range)
    given = grid_range or {}
    kept: Message = {"sheetId": area.tab.sheet_id}
    sides = {
        "startRowIndex": area.row0,
        "endRowIndex": area.row1,
        "startColumnIndex": area.col0,
        "endColumnIndex": area.col1,
    }
    kept.update({name: value for name, value in sides.items() if name in given})
    return area.tab, kept


def whole_range(sheet: Spreadsheet, grid_range: Message | None) -> tuple[Tab, Message]:
    """The tab of a GridRange, and the range with all sides closed to the grid.

    Raises:
        ApiError: The range is missing or not on the grid.
    """
    area = grid_rect(sheet, grid_range)
    return area.tab, {"sheetId": area.tab.sheet_id, **area.grid_range()}


def add_item(tx: Transaction, tab: Tab, name: str, item: Message) -> None:
    """Add an item to one of a tab's lists."""
    tx.touch(tab)
    tab.sheet.setdefault(name, []).append(item)
    tx.note_tab(tab, name)


def new_item_id(sheet: Spreadsheet, name: str, id_name: str, wanted: int | None) -> int:
    """The id for a new item: the one asked for, if it is free, or a fresh one.

    Raises:
        ApiError: The id is taken.
    """
    taken = {item.get(id_name) for tab in sheet.tabs for item in tab.sheet.get(name, [])}
    if wanted is None:
        return fresh_id(taken)
    if wanted in taken:
        raise invalid(f"{id_name} {wanted} already exists.")
    return wanted


def find_item(sheet: Spreadsheet, name: str, id_name: str, key: Any, what: str) -> tuple[Tab, int]:
    """The tab and the place in its list of the item with an id.

    Raises:
        ApiError: ``No <what> with id: N``.
    """
    for tab in sheet.tabs:
        for place, item in enumerate(tab.sheet.get(name, [])):
            if item.get(id_name) == key:
                return tab, place
    raise invalid(f"No {what} with id: {key}")


def replace_item(tx: Transaction, tab: Tab, name: str, place: int, item: Message | None) -> None:
    """Put another item in the place of one; None takes it out."""
    tx.touch(tab)
    items = list(tab.sheet[name])
    items[place : place + 1] = [] if item is None else [item]
    tab.sheet.pop(name)
    if items:
        tab.sheet[name] = items
    tx.note_tab(tab, name)
