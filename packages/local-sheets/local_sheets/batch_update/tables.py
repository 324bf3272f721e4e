"""addTable, updateTable, deleteTable: typed ranges with named columns.

See https://developers.google.com/workspace/sheets/api/guides/tables
"""

import secrets
from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.kept_items import add_item, find_item, replace_item, whole_range
from local_sheets.cell_block import clear
from local_sheets.model.cell import effective, with_value
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import grid_rect
from local_sheets.spreadsheets_api.answer import without_zero_sheet_id
from local_sheets.spreadsheets_api.contents import merge_masked, read_fields
from local_sheets.table_columns import rename_in_formulas

Message = dict[str, Any]

_NAME, _ID = "tables", "tableId"


def add_table(tx: Transaction, request: Message) -> Message:
    """addTable: column names that are not given are taken from the header row."""
    sheet, given = tx.spreadsheet, request.get("table", {})
    tab, place = whole_range(sheet, given.get("range"))
    area = grid_rect(sheet, place)
    for other in tab.sheet.get(_NAME, []):
        if grid_rect(sheet, other["range"]).meets(area):
            raise invalid("A table cannot overlap another table.")
    key = given.get(_ID) or str(secrets.randbelow(2**31))
    taken = {t[_ID] for other in sheet.tabs for t in other.sheet.get(_NAME, [])}
    if key in taken:
        raise invalid(f"{_ID} {key} already exists.")
    item = {_ID: key, "name": given.get("name") or _free_name(tx), "range": place}
    for name in ("rowsProperties",):
        if name in given:
            item[name] = given[name]
    item["columnProperties"] = _columns(tx, tab, area, given.get("columnProperties", []))
    add_item(tx, tab, _NAME, item)
    return {"table": without_zero_sheet_id(item)}


def _free_name(tx: Transaction) -> str:
    names = {t["name"] for tab in tx.spreadsheet.tabs for t in tab.sheet.get(_NAME, [])}
    number = 1
    while f"Table{number}" in names:
        number += 1
    return f"Table{number}"


def _columns(tx: Transaction, tab: Tab, area: Any, given: list[Message]) -> list[Message]:
    """One entry per column, and its name in the header row."""
    by_index = {one.get("columnIndex", 0): one for one in given}
    if any(not 0 <= index < area.columns for index in by_index):
        raise invalid(f"A columnIndex is outside of the table's {area.columns} columns.")
    found: list[Message] = []
    for index in range(area.columns):
        one = by_index.get(index, {})
        header = tab.cell(area.row0, area.col0 + index)
        name = one.get("columnName") or str(effective(header) or f"Column {index + 1}")
        if effective(header) != name:
            tab.put_cells(tx, area.row0, area.col0 + index, [with_value(header, name)])
        rest = {k: v for k, v in one.items() if k not in ("columnIndex", "columnName")}
        found.append({**({"columnIndex": index} if index else {}), "columnName": name, **rest})
    tx.note(tab.rect(area.row0, area.row0 + 1, area.col0, area.col1))
    return found


def update_table(tx: Transaction, request: Message) -> None:
    """updateTable"""
    given, mask = request.get("table", {}), read_fields(request.get("fields"))
    tab, place = find_item(tx.spreadsheet, _NAME, _ID, given.get(_ID, ""), "table")
    old = tab.sheet[_NAME][place]
    merged = {**merge_masked(old, given, mask), _ID: old[_ID]}
    merged.setdefault("name", old["name"])
    _, merged["range"] = whole_range(tx.spreadsheet, merged.get("range") or old["range"])
    area = grid_rect(tx.spreadsheet, merged["range"])
    merged["columnProperties"] = _columns(tx, tab, area, merged.get("columnProperties", []))
    replace_item(tx, tab, _NAME, place, merged)
    rename_in_formulas(tx, old["name"], merged["name"], _renamed(old, merged))


def _renamed(old: Message, new: Message) -> dict[str, str]:
    """The new names of columns by the old ones in lower case; columns are the same where they stand in the same place."""
    before, after = (
        {
            table["range"].get("startColumnIndex", 0) + place: column["columnName"]
            for place, column in enumerate(table["columnProperties"])
        }
        for table in (old, new)
    )
    pairs = ((name, after.get(place, name)) for place, name in before.items())
    return {name.casefold(): changed for name, changed in pairs if changed != name}


def delete_table(tx: Transaction, request: Message) -> None:
    """deleteTable: the cells go with it."""
    tab, place = find_item(tx.spreadsheet, _NAME, _ID, request.get(_ID, ""), "table")
    clear(tx, grid_rect(tx.spreadsheet, tab.sheet[_NAME][place]["range"]))
    replace_item(tx, tab, _NAME, place, None)
