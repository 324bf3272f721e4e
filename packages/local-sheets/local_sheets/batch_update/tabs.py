"""Requests that add, delete, copy and change tabs and the spreadsheet's own properties."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

from local_sheets.api_error import invalid
from local_sheets.field_mask import Mask
from local_sheets.formula_texts import rewrite_formulas, uses_decimal_comma
from local_sheets.formulas.shift import drop_tab, rename_tab
from local_sheets.limits import MAX_TABS, check_size, resize
from local_sheets.model.cell import Cell
from local_sheets.model.protection import check_tab, check_whole_tab
from local_sheets.model.spreadsheet import Spreadsheet, fresh_id
from local_sheets.model.tab import Column, Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import tab_of_id
from local_sheets.spreadsheets_api.answer import sheet_properties_message
from local_sheets.spreadsheets_api.contents import merge_masked, read_fields
from local_sheets.spreadsheets_api.defaults import check_settings, sheet_properties, with_both_colors, without_defaults
from local_sheets.structure import crop

Message = dict[str, Any]

_MAX_TITLE = 100
_WRITABLE = ("title", "hidden", "tabColor", "tabColorStyle", "rightToLeft", "gridProperties", "index", "sheetId")


def add_sheet(tx: Transaction, request: Message) -> Message:
    """addSheet"""
    sheet, given = tx.spreadsheet, request.get("properties", {})
    if len(sheet.tabs) >= MAX_TABS:
        raise invalid(f"This action would increase the number of tabs above the limit of {MAX_TABS} tabs.")
    if given.get("sheetType") not in (None, "GRID", "SHEET_TYPE_UNSPECIFIED"):
        raise invalid(f"Sheets of type {given['sheetType']} are not kept by Local Sheets.")
    sheet_id = given["sheetId"] if "sheetId" in given else sheet.new_sheet_id()
    title = given.get("title") or _free_title(sheet, f"Sheet{len(sheet.tabs) + 1}")
    check_title(sheet, title, None)
    check_new_id(sheet, sheet_id)
    tab = Tab({"properties": sheet_properties(sheet_id, title, given)})
    check_grid(tab.grid)
    check_size(tx, None, tab.row_count, tab.column_count)
    place_tab(tx, tab, given.get("index"))
    return {"properties": sheet_properties_message(sheet, tab)}


def place_tab(tx: Transaction, tab: Tab, index: int | None) -> None:
    """Put a new tab among the others, at the end when no index is given."""
    sheet = tx.spreadsheet
    if index is not None and not 0 <= index <= len(sheet.tabs):
        raise invalid(f"Sheet index must be between 0 and {len(sheet.tabs)}: {index}")
    tabs = list(sheet.tabs)
    tabs.insert(len(tabs) if index is None else index, tab)
    sheet.tabs = tabs
    tx.note_tab(tab, "added")


def _free_title(sheet: Spreadsheet, wanted: str) -> str:
    number, title = len(sheet.tabs) + 1, wanted
    while _title_taken(sheet, title, None):
        number += 1
        title = f"Sheet{number}"
    return title


def _title_taken(sheet: Spreadsheet, title: str, own: Tab | None) -> bool:
    return any(tab is not own and tab.title.casefold() == title.casefold() for tab in sheet.tabs)


def check_title(sheet: Spreadsheet, title: str, own: Tab | None) -> None:
    """Refuse a title that another tab has, or that is too long.

    Raises:
        ApiError: See above.
    """
    if len(title) > _MAX_TITLE:
        raise invalid(f"The sheet name cannot be greater than {_MAX_TITLE} characters.")
    if _title_taken(sheet, title, own):
        raise invalid(f'A sheet with the name "{title}" already exists. Please enter another name.')


def check_new_id(sheet: Spreadsheet, sheet_id: int) -> None:
    """Refuse an id that is taken or negative.

    Raises:
        ApiError: See above.
    """
    if sheet_id < 0:
        raise invalid(f"Sheet ID must be non-negative: {sheet_id}")
    if sheet.tab_by_id(sheet_id) is not None:
        raise invalid(f"Sheet with ID {sheet_id} already exists.")


def delete_sheet(tx: Transaction, request: Message) -> None:
    """deleteSheet"""
    sheet = tx.spreadsheet
    tab = tab_of_id(sheet, request.get("sheetId", 0))
    visible = [other for other in sheet.tabs if other is not tab and not other.properties.get("hidden")]
    if not visible:
        raise invalid("You can't remove all the sheets in a document.")
    check_tab(sheet, tab, tx.editor)
    for key in [*tab.row_places(), *tab.column_places()]:
        tx.set_metadata(key, None)
    for key, message in list(sheet.metadata.items()):
        if message.get("sheetId") == tab.sheet_id:
            tx.set_metadata(key, None)
    sheet.named_ranges = [n for n in sheet.named_ranges if n["range"].get("sheetId", 0) != tab.sheet_id]
    sheet.tabs = [other for other in sheet.tabs if other is not tab]
    comma = uses_decimal_comma(sheet)
    rewrite_formulas(tx, lambda text, _: drop_tab(text, tab.title, decimal_comma=comma))
    tx.note_tab(tab, "deleted")


def duplicate_sheet(tx: Transaction, request: Message) -> Message:
    """duplicateSheet"""
    sheet = tx.spreadsheet
    source = tab_of_id(sheet, request.get("sourceSheetId", 0))
    if len(sheet.tabs) >= MAX_TABS:
        raise invalid(f"This action would increase the number of tabs above the limit of {MAX_TABS} tabs.")
    sheet_id = request["newSheetId"] if "newSheetId" in request else sheet.new_sheet_id()
    check_new_id(sheet, sheet_id)
    title = request.get("newSheetName") or copy_title(sheet, source.title)
    check_title(sheet, title, None)
    check_size(tx, None, source.row_count, source.column_count)
    copy = copy_tab(tx, sheet, source, sheet_id, title)
    for name in ("rowGroupControlAfter", "columnGroupControlAfter"):
        copy.grid.pop(name, None)  # recorded: a copy has groups, but not where their buttons are
    place_tab(tx, copy, request.get("insertSheetIndex", 0))
    return {"properties": sheet_properties_message(sheet, copy)}


def copy_title(sheet: Spreadsheet, title: str) -> str:
    """A free title for a copy: ``Copy of X``, ``Copy of X 2`` ..."""
    candidate, number = f"Copy of {title}", 1
    while _title_taken(sheet, candidate, None):
        number += 1
        candidate = f"Copy of {title} {number}"
    return candidate


def copy_tab(tx: Transaction, source_sheet: Spreadsheet, source: Tab, sheet_id: int, title: str) -> Tab:
    """A copy of a tab, for the transaction's spreadsheet, not yet placed; developer metadata is not copied."""
    message = deepcopy(source.sheet)
    message["properties"] = {**message["properties"], "sheetId": sheet_id, "title": title}
    message["properties"].pop("hidden", None)
    _point_to(message, source.sheet_id, sheet_id)
    _rename_items(tx.spreadsheet, message)
    copy = Tab(message)
    copy.columns = [None if column is None else Column(column.properties) for column in source.columns]
    own = tx.spreadsheet is source_sheet
    translate = (lambda cells: list(cells)) if own else _translator(tx.spreadsheet)
    rows = [
        None if row is None else copy.new_row(translate(row.cells), row.properties)
        for row in source.rows.between(0, len(source.rows))
    ]
    copy.rows.insert(0, rows, tx.serial)
    return copy


def _translator(target: Spreadsheet) -> Any:
    """Turns cells of another spreadsheet into cells of this one: its formats are its own."""

    def translate(cells: Any) -> Any:
        return [
            replace(
                cell,
                format=target.pool.intern(cell.format.body if cell.format else None),
                validation=target.pool.intern(cell.validation.body if cell.validation else None),
            )
            if isinstance(cell, Cell)
            else cell
            for cell in cells
        ]

    return translate


#: Lists of things that have an id of their own, with its name.
_IDENTIFIED = {
    "filterViews": "filterViewId",
    "protectedRanges": "protectedRangeId",
    "bandedRanges": "bandedRangeId",
    "charts": "chartId",
    "slicers": "slicerId",
}


def _rename_items(target: Spreadsheet, message: Message) -> None:
    """Give what came along with a copied tab ids (and tables names) that are free, in place."""
    for name, id_name in _IDENTIFIED.items():
        taken = {item[id_name] for tab in target.tabs for item in tab.sheet.get(name, [])}
        for item in message.get(name, []):
            item[id_name] = fresh_id(taken)
            taken.add(item[id_name])
    tables = [table for tab in target.tabs for table in tab.sheet.get("tables", [])]
    names = {table["name"] for table in tables}
    for table in message.get("tables", []):
        table["tableId"] = str(fresh_id({int(t["tableId"]) for t in tables if str(t["tableId"]).isdecimal()}))
        while table["name"] in names:
            table["name"] += "_copy"
        names.add(table["name"])


def _point_to(message: Any, old: int, new: int) -> None:
    """Let every range of a copied tab point to the copy, in place."""
    if isinstance(message, dict):
        is_range = any(name.endswith("Index") for name in message) and "title" not in message
        if is_range and message.get("sheetId", 0) == old:
            message["sheetId"] = new
        for value in message.values():
            _point_to(value, old, new)
    elif isinstance(message, list):
        for value in message:
            _point_to(value, old, new)


def update_sheet_properties(tx: Transaction, request: Message) -> None:
    """updateSheetProperties"""
    sheet, given = tx.spreadsheet, request.get("properties", {})
    mask = read_fields(request.get("fields"))
    tab = tab_of_id(sheet, given.get("sheetId", 0))
    _check_mask(mask)
    check_whole_tab(sheet, tab, tx.editor)
    tx.touch(tab)
    if "title" in mask and (not mask.is_everything or "title" in given):
        check_title(sheet, given.get("title", ""), tab)
        if not given.get("title"):
            raise invalid("The sheet name cannot be empty.")
    old = dict(tab.properties)
    merged = merge_masked(old, given, mask)
    for name in ("sheetId", "sheetType", "title", "gridProperties"):
        if name in ("sheetId", "sheetType") or (mask.is_everything and name not in given):
            merged[name] = old[name]
    _apply_grid(tx, tab, given, mask, merged)
    merged.pop("index", None)
    order = ("sheetId", "title", "sheetType", "gridProperties", "hidden", "tabColor", "tabColorStyle", "rightToLeft")
    merged = with_both_colors(without_defaults_at_top(merged), "tabColor")
    tab.sheet["properties"] = {name: merged[name] for name in order if name in merged}
    if tab.title != old["title"]:
        comma = uses_decimal_comma(sheet)
        rewrite_formulas(tx, lambda text, _: rename_tab(text, old["title"], tab.title, decimal_comma=comma))
    _check_visible(sheet)
    if ("index" in mask and "index" in given) or (mask.below("index") is not None and not mask.is_everything):
        _move_tab(sheet, tab, given.get("index", 0))
    tx.note_tab(tab, "properties")


def without_defaults_at_top(properties: Message) -> Message:
    """The properties without false booleans; a sheet id of 0 stays."""
    return {name: value for name, value in properties.items() if value is not False}


def _check_mask(mask: Mask) -> None:
    for path in mask.paths():
        if path.partition(".")[0] not in ("*", *_WRITABLE):
            raise invalid(f"Cannot update field: {path}")


def _check_visible(sheet: Spreadsheet) -> None:
    if all(tab.properties.get("hidden") for tab in sheet.tabs):
        raise invalid("You can't hide all the sheets in a document.")


def _apply_grid(tx: Transaction, tab: Tab, given: Message, mask: Mask, merged: Message) -> None:
    """Size and frozen rows and columns; rows are cut or added at the end."""
    below = mask.below("gridProperties")
    if below is None or (mask.is_everything and "gridProperties" not in given):
        merged["gridProperties"] = tab.grid
        return
    grid = merge_masked(tab.grid, given.get("gridProperties", {}), below)
    for name in ("rowCount", "columnCount"):
        if name not in grid and (mask.is_everything or below.is_everything):
            grid[name] = tab.grid[name]
    check_grid(grid)
    rows, columns = grid["rowCount"], grid["columnCount"]
    if (rows, columns) != (tab.row_count, tab.column_count):
        resize(tx, tab, rows, columns)
        crop(tx, tab)
    order = ("rowCount", "columnCount", "frozenRowCount", "frozenColumnCount", "hideGridlines")
    clean = without_defaults(grid)
    merged["gridProperties"] = {n: clean[n] for n in (*order, *clean) if n in clean}


def check_grid(grid: Message) -> None:
    """Refuse a grid without rows or columns, or with none that scroll.

    Raises:
        ApiError: See above.
    """
    rows, columns = grid.get("rowCount", 0), grid.get("columnCount", 0)
    if rows <= 0:
        raise invalid(f"gridProperties.rowCount must be greater than 0: {rows}")
    if columns <= 0:
        raise invalid(f"gridProperties.columnCount must be greater than 0: {columns}")
    if grid.get("frozenRowCount", 0) >= rows:
        raise invalid("You can't freeze all visible rows on the sheet.")
    if grid.get("frozenColumnCount", 0) >= columns:
        raise invalid("You can't freeze all visible columns on the sheet.")


def _move_tab(sheet: Spreadsheet, tab: Tab, index: int) -> None:
    """Move a tab to before the one that now stands at the index."""
    if not 0 <= index <= len(sheet.tabs):
        raise invalid(f"Sheet index must be between 0 and {len(sheet.tabs)}: {index}")
    now = next(place for place, other in enumerate(sheet.tabs) if other is tab)
    rest = [other for other in sheet.tabs if other is not tab]
    rest.insert(index - 1 if index > now else index, tab)
    sheet.tabs = rest


def update_spreadsheet_properties(tx: Transaction, request: Message) -> None:
    """updateSpreadsheetProperties"""
    mask = read_fields(request.get("fields"))
    given, old = request.get("properties", {}), tx.spreadsheet.properties
    if mask.is_everything:
        fresh = {**old, **given}
    else:
        fresh = {**old, **merge_masked(old, given, mask)}
    check_settings({name: fresh[name] for name in ("locale", "timeZone") if fresh.get(name) != old.get(name)})
    if not fresh.get("title"):
        raise invalid("You must specify a title.")
    tx.spreadsheet.properties = fresh
    tx.note_tab(tx.spreadsheet.tabs[0], "spreadsheet")
