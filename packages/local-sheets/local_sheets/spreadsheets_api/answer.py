"""A spreadsheet as the API's ``Spreadsheet`` message, as far as ranges and field mask ask for it."""

from collections.abc import Sequence
from typing import Any

from local_sheets.data_filters import MetadataPlace, metadata_message, metadata_places
from local_sheets.field_mask import Mask
from local_sheets.model.protection import protected_message
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab
from local_sheets.spreadsheets_api.cell_data import grid_data

#: Parts of the ``Sheet`` message that a tab keeps as they are, in the order of the answer.
_KEPT = (
    "merges",
    "conditionalFormats",
    "filterViews",
    "protectedRanges",
    "basicFilter",
    "charts",
    "bandedRanges",
    "developerMetadata",
    "rowGroups",
    "columnGroups",
    "slicers",
    "tables",
)


def spreadsheet_message(
    sheet: Spreadsheet,
    site: str,
    mask: Mask | None,
    ranges: Sequence[Rect] | None,
    include_grid_data: bool,
    caller: str | None,
) -> dict[str, Any]:
    """The whole answer of ``spreadsheets.get``; the mask is applied to it.

    Args:
        site: Start of the spreadsheet's address, such as ``https://docs.google.com``.
        caller: Who asks, for whom protected ranges look different.
        ranges: Only tabs that these meet are shown, and only these cells; None shows all.
        include_grid_data: Whether cells are shown; with a mask, the mask alone says so.
    """
    places = metadata_places(sheet) if sheet.metadata else {}
    message: dict[str, Any] = {"spreadsheetId": sheet.spreadsheet_id, "properties": sheet.properties}
    shown = [tab for tab in sheet.tabs if ranges is None or any(area.tab is tab for area in ranges)]
    if mask is None or "sheets" in mask:
        below = None if mask is None else mask.below("sheets")
        with_data = include_grid_data if below is None else ("data" in below and not below.is_everything)
        if below is not None and below.is_everything:
            with_data = include_grid_data
        message["sheets"] = [
            _sheet_message(sheet, tab, ranges, below if with_data else None, with_data, places, caller) for tab in shown
        ]
    if sheet.named_ranges:
        message["namedRanges"] = [named_range_message(named) for named in sheet.named_ranges]
    message["spreadsheetUrl"] = f"{site}/spreadsheets/d/{sheet.spreadsheet_id}/edit"
    own = [metadata_message(sheet.metadata[k], p) for k, p in sorted(places.items()) if p.kind == "SPREADSHEET"]
    if own:
        message["developerMetadata"] = own
    return message if mask is None else mask.pick(message)


def _sheet_message(
    sheet: Spreadsheet,
    tab: Tab,
    ranges: Sequence[Rect] | None,
    mask: Mask | None,
    with_data: bool,
    places: dict[int, MetadataPlace],
    caller: str | None,
) -> dict[str, Any]:
    message: dict[str, Any] = {"properties": sheet_properties_message(sheet, tab)}
    if with_data:
        below = None if mask is None else mask.below("data")
        areas = [tab.rect()] if ranges is None else [area for area in ranges if area.tab is tab]
        message["data"] = [grid_data(sheet, area, below) for area in areas]
    own = [
        metadata_message(sheet.metadata[k], p) for k, p in sorted(places.items()) if p.kind == "SHEET" and p.tab is tab
    ]
    for name in _KEPT:
        if name in tab.sheet:
            message[name] = (
                [without_zero_sheet_id(item) for item in tab.sheet[name]]
                if isinstance(tab.sheet[name], list)
                else without_zero_sheet_id(tab.sheet[name])
            )
    if "protectedRanges" in message:
        message["protectedRanges"] = [
            without_zero_sheet_id(protected_message(sheet, item, caller)) for item in tab.sheet["protectedRanges"]
        ]
    if own:
        message["developerMetadata"] = own
    return message


def sheet_properties_message(sheet: Spreadsheet, tab: Tab) -> dict[str, Any]:
    """The tab's ``SheetProperties``, with its index among the tabs."""
    properties = tab.properties
    place = next(index for index, other in enumerate(sheet.tabs) if other is tab)
    start = {"sheetId": properties["sheetId"], "title": properties["title"], "index": place}
    return {**start, **{name: value for name, value in properties.items() if name not in start}}


def named_range_message(named: dict[str, Any]) -> dict[str, Any]:
    """The API's ``NamedRange``."""
    found: dict[str, Any] = without_zero_sheet_id(named)
    return found


#: Messages with a ``sheetId`` of 0 leave it out, all but ``SheetProperties``.
def without_zero_sheet_id(message: Any) -> Any:
    """The message, at any depth, without sheet ids of 0; start indexes of 0 stay, for a missing one means unbounded."""
    if isinstance(message, dict):
        return {
            name: without_zero_sheet_id(value)
            for name, value in message.items()
            if not (name == "sheetId" and value == 0)
        }
    if isinstance(message, list):
        return [without_zero_sheet_id(item) for item in message]
    return message
