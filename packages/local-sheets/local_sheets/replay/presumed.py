"""What a recording presumes: spreadsheets and folders that were there before its first request, as its reads show them."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import orjson

from local_sheets.drive.resources import FOLDER, ROOT_ID
from local_sheets.replay.exchange import Exchange
from local_sheets.replay.shown import before_first_write, made_ids, presumed_by, tabs_before
from local_sheets.replay.twin import Twin

#: Where an answer lists them, the request that adds one, its field, and the field of the id.
_ITEMS = (
    ("protectedRanges", "addProtectedRange", "protectedRange", "protectedRangeId"),
    ("bandedRanges", "addBanding", "bandedRange", "bandedRangeId"),
    ("filterViews", "addFilterView", "filter", "filterViewId"),
    ("tables", "addTable", "table", "tableId"),
)
_CELL_FIELDS = ("userEnteredValue", "userEnteredFormat", "note", "textFormatRuns", "dataValidation")


class Presumed:
    """What the exchanges of one recording presume; it is made when the first of them needs it."""

    def __init__(self, twin: Twin, exchanges: Sequence[Exchange]) -> None:
        self._twin, self._exchanges = twin, exchanges
        self._made: set[str] = set()

    def set_up(self, place: int) -> None:
        """Make what the exchange at a place presumes; the ids of it are then known."""
        exchange = self._exchanges[place]
        if exchange.status >= 400:
            return
        presumed = [
            (file_id, about)
            for file_id, about in presumed_by(exchange)
            if file_id not in self._made and not self._twin.ids.knows(file_id)
        ]
        for file_id, about in presumed:
            _make(self._twin, file_id, about, self._exchanges[place:])
        for file_id, about in presumed:
            _put_in_place(self._twin, file_id, about)
        if exchange.method == "POST":
            self._made |= set(made_ids(exchange.answer_json()))


def as_its_account(exchange: Exchange) -> Exchange:
    """A request that makes a spreadsheet, with the locale and time zone that the recording account gives those that name none."""
    if exchange.method != "POST" or exchange.path.partition("?")[0].rstrip("/") != "/v4/spreadsheets":
        return exchange
    sent, made = exchange.request_json() or {}, exchange.answer_json()
    if not isinstance(sent, dict) or not isinstance(made, dict):
        return exchange
    shown = {name: text for name, text in made.get("properties", {}).items() if name in ("locale", "timeZone")}
    body = {**sent, "properties": {**shown, **sent.get("properties", {})}}
    return replace(exchange, body=orjson.dumps(body)) if shown else exchange


def _make(twin: Twin, file_id: str, about: dict[str, Any], rest: Sequence[Exchange]) -> None:
    ours = [exchange for exchange in rest if file_id in unquote(exchange.path)]
    here = _new_folder(twin, about) if about.get("mimeType") == FOLDER else _new_spreadsheet(twin, file_id, about, ours)
    twin.ids.learn(file_id, here)
    for exchange in before_first_write(ours):
        _fill(twin, here, exchange)


def _put_in_place(twin: Twin, file_id: str, about: dict[str, Any]) -> None:
    """Give a file its parents and what else a list shows of it."""
    kept: dict[str, Any] = {
        name: about[name] for name in ("modifiedTime", "description", "starred", "trashed") if name in about
    }
    parents = [_parent(twin, parent) for parent in about.get("parents", ())]
    query = f"addParents={','.join(parents)}{'' if ROOT_ID in parents else '&removeParents=root'}" if parents else ""
    twin.send("PATCH", f"/drive/v3/files/{twin.ids.text(file_id)}?{query}", kept)


def _new_folder(twin: Twin, about: dict[str, Any]) -> str:
    body = {"name": about.get("name", "Folder"), "mimeType": FOLDER}
    return str(twin.send("POST", "/drive/v3/files", body).json()["id"])


def _parent(twin: Twin, recorded: str) -> str:
    """The folder that stands for a recorded one, made where there is none; ids of the top start with ``0A``."""
    if not twin.ids.knows(recorded):
        twin.ids.learn(recorded, ROOT_ID if recorded.startswith("0A") else _new_folder(twin, {}))
    return twin.ids.text(recorded)


def _new_spreadsheet(twin: Twin, file_id: str, about: dict[str, Any], ours: Sequence[Exchange]) -> str:
    """A spreadsheet with the tabs that it had, as far as reads or requests tell."""
    known, sheets = tabs_before(ours)
    properties = {**({"title": about["name"]} if "name" in about else {}), **known.get("properties", {})}
    kept = {name: properties[name] for name in ("title", "locale", "timeZone") if name in properties}
    plain = [{"properties": sheet["properties"]} for sheet in sheets]
    spare = [{"properties": {k: v for k, v in s["properties"].items() if k in ("title", "sheetId")}} for s in sheets]
    bodies: list[dict[str, Any]] = [
        {"properties": kept, "sheets": sheets, "namedRanges": known.get("namedRanges", [])},
        {"properties": kept, "sheets": plain},
        {"properties": kept, "sheets": spare},
        {"properties": {}, "sheets": []},
    ]
    for body in bodies:
        answer = twin.send("POST", "/v4/spreadsheets", body)
        if answer.status == 200:
            here = str(answer.json()["spreadsheetId"])
            _add_items(twin, here, sheets)
            return here
    raise RuntimeError(f"No spreadsheet could be made for {file_id}.")


def _add_items(twin: Twin, here: str, sheets: Sequence[dict[str, Any]]) -> None:
    """What a new spreadsheet cannot be given with its tabs; ids of it are given out anew."""
    for sheet in sheets:
        for listed, request, name, key in _ITEMS:
            for item in sheet.get(listed, ()):
                body = {request: {name: {field: value for field, value in item.items() if field != key}}}
                twin.send("POST", f"/v4/spreadsheets/{here}:batchUpdate", {"requests": [body]})


def _fill(twin: Twin, here: str, exchange: Exchange) -> None:
    """Write what a read shows, so that it is read again: typed as a person would, and as it stands where that differs."""
    answer = exchange.answer_json()
    if not isinstance(answer, dict):
        return
    for sheet in answer.get("sheets", ()):
        for data in sheet.get("data", ()):
            _fill_grid(twin, here, sheet.get("properties", {}).get("sheetId", 0), data)
    option = parse_qs(urlsplit(exchange.url).query).get("valueRenderOption", ["FORMATTED_VALUE"])[0]
    for found in answer.get("valueRanges", [answer]):
        found = found.get("valueRange", found)  # as data filters are answered
        if not found.get("values"):
            continue
        place = f"/v4/spreadsheets/{here}/values/{quote(found['range'], safe='')}"
        if option == "FORMULA":
            only = [[v if isinstance(v, str) and v.startswith("=") else None for v in row] for row in found["values"]]
            twin.send("PUT", f"{place}?valueInputOption=USER_ENTERED", {**found, "values": only})
        elif option == "UNFORMATTED_VALUE":
            twin.send("PUT", f"{place}?valueInputOption=RAW", found)
        else:
            twin.send("PUT", f"{place}?valueInputOption=USER_ENTERED", found)
            _mend(twin, place, found)


def _fill_grid(twin: Twin, here: str, sheet_id: int, data: dict[str, Any]) -> None:
    """Write cells as an answer with grid data shows them."""
    rows = [{"values": [_entered(cell) for cell in row.get("values", ())]} for row in data.get("rowData", ())]
    start = {"sheetId": sheet_id, "rowIndex": data.get("startRow", 0), "columnIndex": data.get("startColumn", 0)}
    if rows:
        request = {"updateCells": {"start": start, "rows": rows, "fields": ",".join(_CELL_FIELDS)}}
        twin.send("POST", f"/v4/spreadsheets/{here}:batchUpdate", {"requests": [request]})


def _entered(cell: dict[str, Any]) -> dict[str, Any]:
    """A cell as it would be written; of one that shows results only, these."""
    value = cell.get("userEnteredValue") or cell.get("effectiveValue")
    if value is None and "formattedValue" in cell:
        value = {"stringValue": cell["formattedValue"]}
    found = {name: cell[name] for name in _CELL_FIELDS if name in cell}
    return {**found, "userEnteredValue": value} if value and "errorValue" not in value else found


def _mend(twin: Twin, place: str, found: dict[str, Any]) -> None:
    major = found.get("majorDimension", "ROWS")
    read = twin.send("GET", f"{place}?majorDimension={major}").json().get("values", [])
    mended = [
        [value if row_here[index : index + 1] != [value] else None for index, value in enumerate(row)]
        for row, row_here in zip(found["values"], [*read, *[[]] * len(found["values"])], strict=False)
    ]
    if any(value is not None and value != "" for row in mended for value in row):
        twin.send("PUT", f"{place}?valueInputOption=RAW", {**found, "values": mended})
