"""The methods of ``spreadsheets``, ``developerMetadata`` and ``sheets``, one function each."""

from typing import Any

from local_sheets.api_error import ApiError, invalid, not_found
from local_sheets.batch_update.tabs import check_grid, copy_tab, copy_title, place_tab
from local_sheets.call import Answer, Call
from local_sheets.data_filters import filter_rects, matching_metadata, metadata_message, metadata_places
from local_sheets.limits import check_size
from local_sheets.model.spreadsheet import Spreadsheet, fresh_id
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import clip, read_rect, tab_of_id
from local_sheets.sharing import check_access, owner_permission
from local_sheets.spreadsheets_api.answer import sheet_properties_message, spreadsheet_message
from local_sheets.spreadsheets_api.contents import fill_tab
from local_sheets.spreadsheets_api.defaults import check_settings, sheet_properties, spreadsheet_properties


def create(call: Call) -> Answer:
    """spreadsheets.create"""
    given = call.body

    def fill(tx: Transaction) -> None:
        new = tx.spreadsheet
        new.permissions.append(owner_permission(call.caller))
        for index, sheet in enumerate(given.get("sheets") or [{}]):
            add_given_tab(tx, sheet, index)
        taken: set[str] = set()
        for named in given.get("namedRanges", []):
            key = named.get("namedRangeId") or str(fresh_id(taken))
            taken.add(key)
            new.named_ranges.append({"namedRangeId": key, **named})

    try:
        check_settings(given.get("properties", {}))
    except ApiError as error:
        raise error.at("properties") from None
    sheet = call.engine.create(spreadsheet_properties(given.get("properties", {})), fill)
    call.summary = sheet.title
    return spreadsheet_message(sheet, call.site, call.mask, None, include_grid_data=False, caller=call.caller)


def add_given_tab(tx: Transaction, given: dict[str, Any], index: int) -> None:
    """Add a tab of a new spreadsheet, with the cells that came with it."""
    sheet = tx.spreadsheet
    properties = given.get("properties", {})
    first = 0 if not sheet.tabs else sheet.new_sheet_id()
    sheet_id = properties.get("sheetId", first)
    title = properties.get("title") or f"Sheet{index + 1}"
    if sheet.tab_by_title(title) is not None:
        raise invalid(
            f'Invalid sheets[{index}]: A sheet with the name "{title}" already exists. Please enter another name.'
        )
    if sheet.tab_by_id(sheet_id) is not None:
        raise invalid(f"Invalid sheets[{index}]: A sheet with the id {sheet_id} already exists.")
    tab = Tab({"properties": sheet_properties(sheet_id, title, properties)})
    try:
        check_grid(tab.grid)
        check_size(tx, None, tab.row_count, tab.column_count)
    except ApiError as error:
        raise error.at(f"sheets[{index}]") from None
    sheet.tabs.append(tab)
    fill_tab(tx, tab, given)


def get(sheet: Spreadsheet, call: Call) -> Answer:
    """spreadsheets.get"""
    asked = call.query.get("ranges")
    ranges = [read_rect(sheet, text) for text in asked] if asked else None
    call.summary = ", ".join(asked or [])[:200]
    return spreadsheet_message(
        sheet, call.site, call.mask, ranges, bool(call.query.get("includeGridData")), call.caller
    )


def get_by_data_filter(sheet: Spreadsheet, call: Call) -> Answer:
    """spreadsheets.getByDataFilter"""
    filters = call.body.get("dataFilters")
    ranges = [clip(area) for f in filters for area in filter_rects(sheet, f)] if filters else None
    return spreadsheet_message(sheet, call.site, call.mask, ranges, bool(call.body.get("includeGridData")), call.caller)


def copy_to(call: Call) -> Answer:
    """spreadsheets.sheets.copyTo: the copy is the last tab of the other spreadsheet."""
    text, destination = call.path["sheetId"], call.body.get("destinationSpreadsheetId", "")
    source_sheet = call.engine.open(call.path["spreadsheetId"])
    check_access(source_sheet.permissions, call.caller, write=False)
    source = tab_of_id(source_sheet, int(text) if text.lstrip("-").isdecimal() else -1)
    check_access(call.engine.open(destination).permissions, call.caller, write=True)

    def work(tx: Transaction) -> Answer:
        sheet = tx.spreadsheet
        check_size(tx, None, source.row_count, source.column_count)
        title = copy_title(sheet, source.title)
        copy = copy_tab(tx, source_sheet, source, sheet.new_sheet_id(), title)
        place_tab(tx, copy, None)
        return sheet_properties_message(sheet, copy)

    call.summary = source.title
    return call.engine.change(destination, work, editor=call.caller)


def get_metadata(sheet: Spreadsheet, call: Call) -> Answer:
    """spreadsheets.developerMetadata.get"""
    text = call.path["metadataId"]
    key = int(text) if text.isdecimal() else -1
    if key not in sheet.metadata:
        raise not_found()
    return metadata_message(sheet.metadata[key], metadata_places(sheet)[key])


def search_metadata(sheet: Spreadsheet, call: Call) -> Answer:
    """spreadsheets.developerMetadata.search"""
    matched: dict[int, dict[str, Any]] = {}
    for data_filter in call.body.get("dataFilters", []):
        for key, place in matching_metadata(sheet, data_filter):
            entry = matched.setdefault(
                key, {"developerMetadata": metadata_message(sheet.metadata[key], place), "dataFilters": []}
            )
            entry["dataFilters"].append(data_filter)
    call.cells = 0
    return {"matchedDeveloperMetadata": list(matched.values())} if matched else {}
