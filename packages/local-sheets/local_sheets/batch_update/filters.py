"""Basic filters and filter views: kept as given, and the rows that a basic filter hides."""

from copy import deepcopy
from typing import Any

from local_sheets.batch_update.kept_items import add_item, find_item, new_item_id, replace_item, whole_range
from local_sheets.batch_update.sorting import sort_by_specs
from local_sheets.model.tab import Rect, Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import grid_rect, tab_of_id
from local_sheets.row_filter import RowFilter
from local_sheets.spreadsheets_api.answer import without_zero_sheet_id
from local_sheets.spreadsheets_api.contents import merge_masked, read_fields

Message = dict[str, Any]

_NAME, _ID = "filterViews", "filterViewId"


def set_basic_filter(tx: Transaction, request: Message) -> None:
    """setBasicFilter: replaces the one that is there, sorts and hides rows."""
    given = request.get("filter", {})
    tab, place = whole_range(tx.spreadsheet, given.get("range") or {"sheetId": 0})
    tx.touch(tab)
    tab.sheet["basicFilter"] = both_forms({**given, "range": place})
    area = grid_rect(tx.spreadsheet, place)
    body = Rect(tab, area.row0 + 1, area.row1, area.col0, area.col1)
    if given.get("sortSpecs"):
        sort_by_specs(tx, body, given["sortSpecs"])
    _hide_rows(tx, body, tab.sheet["basicFilter"])
    tx.note_tab(tab, "basicFilter")


def both_forms(message: Message) -> Message:
    """Criteria by column in both of their forms: the older map ``criteria`` and the newer list ``filterSpecs``."""
    found = dict(message)
    specs, criteria = found.pop("filterSpecs", None), found.pop("criteria", None)
    if specs:
        criteria = {str(spec.get("columnIndex", 0)): spec.get("filterCriteria", {}) for spec in specs}
    if criteria:
        ordered = sorted(criteria.items(), key=lambda item: int(item[0]))
        found["criteria"] = dict(ordered)
        found["filterSpecs"] = [{"columnIndex": int(column), "filterCriteria": one} for column, one in ordered]
    return found


def _hide_rows(tx: Transaction, body: Rect, kept: Message) -> None:
    """Mark the rows that a filter hides, and show those that it does not."""
    tab = body.tab
    if kept.get("criteria"):
        tx.settle()
    row_filter = RowFilter(tx.spreadsheet, tab, kept)
    for index in range(body.row0, min(body.row1, max(len(tab.rows), body.row0))):
        row = tab.rows.get(index)
        _set_hidden(tx, tab, index, row_filter.hides(index, () if row is None else row.cells))


def _set_hidden(tx: Transaction, tab: Tab, index: int, hidden: bool) -> None:
    row = tab.rows.get(index)
    old = (row.properties if row is not None else None) or {}
    if bool(old.get("hiddenByFilter")) != hidden:
        rest = {name: value for name, value in old.items() if name != "hiddenByFilter"}
        tab.replace_row(tx, index, properties={**rest, "hiddenByFilter": True} if hidden else rest)


def clear_basic_filter(tx: Transaction, request: Message) -> None:
    """clearBasicFilter"""
    tab = tab_of_id(tx.spreadsheet, request.get("sheetId", 0))
    tx.touch(tab)
    if tab.sheet.pop("basicFilter", None) is not None:
        for index in range(len(tab.rows)):
            _set_hidden(tx, tab, index, False)
    tx.note_tab(tab, "basicFilter")


def add_filter_view(tx: Transaction, request: Message) -> Message:
    """addFilterView"""
    given = request.get("filter", {})
    tab, place = whole_range(tx.spreadsheet, _range_of(tx, given))
    key = new_item_id(tx.spreadsheet, _NAME, _ID, given.get(_ID))
    title = given.get("title") or f"Filter {len(tab.sheet.get(_NAME, [])) + 1}"
    item = both_forms({_ID: key, "title": title, **{k: v for k, v in given.items() if k not in (_ID, "title")}})
    item["range"] = place
    add_item(tx, tab, _NAME, item)
    return {"filter": without_zero_sheet_id(item)}


def _range_of(tx: Transaction, given: Message) -> Message | None:
    if "range" not in given and "namedRangeId" in given:
        for named in tx.spreadsheet.named_ranges:
            if named["namedRangeId"] == given["namedRangeId"]:
                found: Message = named["range"]
                return found
    return given.get("range")


def update_filter_view(tx: Transaction, request: Message) -> None:
    """updateFilterView"""
    given, mask = request.get("filter", {}), read_fields(request.get("fields"))
    tab, place = find_item(tx.spreadsheet, _NAME, _ID, given.get(_ID, 0), "filter view")
    old = tab.sheet[_NAME][place]
    base = dict(old)
    if "criteria" in mask or "filterSpecs" in mask:
        base = {k: v for k, v in old.items() if k not in ("criteria", "filterSpecs")}
    merged = both_forms({**merge_masked(base, given, mask), _ID: old[_ID]})
    merged.setdefault("title", old["title"])
    _, merged["range"] = whole_range(tx.spreadsheet, merged.get("range") or old["range"])
    replace_item(tx, tab, _NAME, place, merged)


def duplicate_filter_view(tx: Transaction, request: Message) -> Message:
    """duplicateFilterView"""
    tab, place = find_item(tx.spreadsheet, _NAME, _ID, request.get("filterId", 0), "filter view")
    copy = deepcopy(tab.sheet[_NAME][place])
    copy[_ID] = new_item_id(tx.spreadsheet, _NAME, _ID, None)
    copy["title"] = f"Copy of {copy['title']}"
    add_item(tx, tab, _NAME, copy)
    return {"filter": without_zero_sheet_id(copy)}


def delete_filter_view(tx: Transaction, request: Message) -> None:
    """deleteFilterView"""
    tab, place = find_item(tx.spreadsheet, _NAME, _ID, request.get("filterId", 0), "filter view")
    replace_item(tx, tab, _NAME, place, None)
