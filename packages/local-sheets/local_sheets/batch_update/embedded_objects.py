"""Charts and slicers: kept as given over the cells of a tab, moved, changed and deleted; nothing is drawn.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/charts
"""

from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.kept_items import add_item, replace_item
from local_sheets.model.spreadsheet import Spreadsheet, fresh_id
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import read_coordinate
from local_sheets.spreadsheets_api.answer import without_zero_sheet_id
from local_sheets.spreadsheets_api.contents import merge_masked, read_fields

Message = dict[str, Any]

#: Lists of a tab that hold objects, with the name of their id; the ids are of one kind.
_KINDS = {"charts": "chartId", "slicers": "slicerId"}
#: Size of a chart that is placed without one, in pixels.
_WIDTH, _HEIGHT = 600, 371


def _objects(sheet: Spreadsheet) -> list[tuple[Tab, str, int, Message]]:
    """All objects with tab, list and place in it."""
    return [
        (tab, kind, place, item)
        for tab in sheet.tabs
        for kind in _KINDS
        for place, item in enumerate(tab.sheet.get(kind, []))
    ]


def _find(sheet: Spreadsheet, key: int, *, kind: str | None = None) -> tuple[Tab, str, int, Message]:
    for tab, found, place, item in _objects(sheet):
        if item[_KINDS[found]] == key and kind in (None, found):
            return tab, found, place, item
    raise invalid(
        f"No embedded object with id: {key}" if kind is None else f"No {kind.removesuffix('s')} with id: {key}"
    )


def _placed(sheet: Spreadsheet, position: Message | None) -> tuple[Tab, Message]:
    """The tab that an object is on, and its position in full.

    Raises:
        ApiError: It is to be on a sheet of its own, or its anchor is outside of the grid.
    """
    position = position or {}
    if position.get("newSheet") or "sheetId" in position:
        raise invalid("Sheets that hold a single object are not kept by Local Sheets: use an overlayPosition.")
    overlay = position.get("overlayPosition", {})
    tab, row, col = read_coordinate(sheet, overlay.get("anchorCell", {"sheetId": sheet.tabs[0].sheet_id}))
    anchor = {"sheetId": tab.sheet_id, **({"rowIndex": row} if row else {}), **({"columnIndex": col} if col else {})}
    size = {"widthPixels": overlay.get("widthPixels") or _WIDTH, "heightPixels": overlay.get("heightPixels") or _HEIGHT}
    offsets = {name: overlay[name] for name in ("offsetXPixels", "offsetYPixels") if overlay.get(name)}
    return tab, {"overlayPosition": {"anchorCell": anchor, **offsets, **size}}


def _add(tx: Transaction, kind: str, given: Message) -> Message:
    id_name, sheet = _KINDS[kind], tx.spreadsheet
    if "spec" not in given:
        raise invalid("Must specify a spec.")
    tab, position = _placed(sheet, given.get("position"))
    taken = {item[_KINDS[found]] for _, found, _, item in _objects(sheet)}
    key = given[id_name] if id_name in given else fresh_id(taken)
    if key in taken:
        raise invalid(f"{id_name} {key} already exists.")
    item = {id_name: key, "spec": given["spec"], "position": position}
    if "border" in given:
        item["border"] = given["border"]
    add_item(tx, tab, kind, item)
    shown: Message = without_zero_sheet_id(item)
    return shown


def add_chart(tx: Transaction, request: Message) -> Message:
    """addChart"""
    return {"chart": _add(tx, "charts", request.get("chart", {}))}


def add_slicer(tx: Transaction, request: Message) -> Message:
    """addSlicer"""
    return {"slicer": _add(tx, "slicers", request.get("slicer", {}))}


def update_chart_spec(tx: Transaction, request: Message) -> None:
    """updateChartSpec: the whole spec is replaced."""
    tab, kind, place, item = _find(tx.spreadsheet, request.get("chartId", 0), kind="charts")
    replace_item(tx, tab, kind, place, {**item, "spec": request.get("spec", {})})


def update_slicer_spec(tx: Transaction, request: Message) -> None:
    """updateSlicerSpec"""
    mask = read_fields(request.get("fields"))
    tab, kind, place, item = _find(tx.spreadsheet, request.get("slicerId", 0), kind="slicers")
    replace_item(tx, tab, kind, place, {**item, "spec": merge_masked(item["spec"], request.get("spec", {}), mask)})


def update_embedded_object_position(tx: Transaction, request: Message) -> Message:
    """updateEmbeddedObjectPosition: the fields are those of the overlay position."""
    mask = read_fields(request.get("fields"))
    tab, kind, place, item = _find(tx.spreadsheet, request.get("objectId", 0))
    given = request.get("newPosition", {})
    overlay = merge_masked(item["position"]["overlayPosition"], given.get("overlayPosition", {}), mask)
    target, position = _placed(tx.spreadsheet, {**given, "overlayPosition": overlay})
    replace_item(tx, tab, kind, place, None)
    add_item(tx, target, kind, {**item, "position": position})
    return {"position": without_zero_sheet_id(position)}


def update_embedded_object_border(tx: Transaction, request: Message) -> None:
    """updateEmbeddedObjectBorder"""
    mask = read_fields(request.get("fields"))
    tab, kind, place, item = _find(tx.spreadsheet, request.get("objectId", 0))
    border = merge_masked(item.get("border", {}), request.get("border", {}), mask)
    replace_item(tx, tab, kind, place, {**item, "border": border})


def delete_embedded_object(tx: Transaction, request: Message) -> None:
    """deleteEmbeddedObject"""
    tab, kind, place, _ = _find(tx.spreadsheet, request.get("objectId", 0))
    replace_item(tx, tab, kind, place, None)
