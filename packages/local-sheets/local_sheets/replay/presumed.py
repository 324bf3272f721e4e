"""What a recording presumes: spreadsheets and folders that were there before its first request, as its reads show them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from local_sheets.drive.resources import FOLDER, ROOT_ID, SPREADSHEET
from local_sheets.replay.exchange import Exchange
from local_sheets.replay.twin import Twin

_SPREADSHEET = re.compile(r"/v4/spreadsheets/([^/:?]+)(.*)|/spreadsheets/d/([^/?]+)")
_FILE = re.compile(r"/(?:upload/)?drive/v[23]/files/([^/?]+)(.*)")
_LIST = re.compile(r"/drive/v3/files/?(?:\?|$)")
_IN_PARENTS = re.compile(r"['\"]([\w-]+)['\"] in parents")
_RANGE = re.compile(r"^(?:'((?:[^']|'')+)'|([^'!]+))!")

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
            for file_id, about in _presumed_by(exchange)
            if file_id not in self._made and not self._twin.ids.knows(file_id)
        ]
        for file_id, about in presumed:
            _make(self._twin, file_id, about, self._exchanges[place:])
        for file_id, about in presumed:
            _put_in_place(self._twin, file_id, about)
        if exchange.method == "POST":
            self._made |= set(_ids_in(exchange.answer_json()))


def _presumed_by(exchange: Exchange) -> Iterable[tuple[str, dict[str, Any]]]:
    """Ids of files that must be there for the exchange, with what it says of them."""
    if match := _SPREADSHEET.match(exchange.path):
        yield unquote(match[1] or match[3]), {}
    elif (match := _FILE.match(exchange.path)) and match[1] not in ("root", "generateIds", "trash"):
        about = exchange.answer_json() if exchange.method == "GET" and match[2][:1] in ("", "?") else None
        yield unquote(match[1]), about if isinstance(about, dict) else {}
    elif exchange.method == "GET" and _LIST.match(exchange.path):
        yield from _listed(exchange)


def _listed(exchange: Exchange) -> Iterable[tuple[str, dict[str, Any]]]:
    """The files of a list, folders first; a folder that the request asks for holds them."""
    query = parse_qs(urlsplit(exchange.url).query).get("q", [""])[0]
    asked = [folder for folder in _IN_PARENTS.findall(query) if folder != "root"]
    answer = exchange.answer_json()
    files = answer.get("files", ()) if isinstance(answer, dict) else ()
    kind = FOLDER if re.search(rf"mimeType\s*=\s*['\"]{re.escape(FOLDER)}", query) else SPREADSHEET
    known = [
        {"mimeType": kind, "modifiedTime": _time_of_rank(rank), "parents": asked[:1], **file}
        for rank, file in enumerate(files)
    ]
    for file in sorted(known, key=lambda file: bool(file["mimeType"] != FOLDER)):
        if "id" in file and file["mimeType"] in (SPREADSHEET, FOLDER):
            yield file["id"], file


def _time_of_rank(rank: int) -> str:
    """Lists start with what was changed last."""
    return (datetime(2020, 1, 1, tzinfo=UTC) - timedelta(seconds=rank)).isoformat()


def _ids_in(answer: Any) -> Iterable[str]:
    if isinstance(answer, dict):
        yield from (answer[name] for name in ("id", "spreadsheetId") if isinstance(answer.get(name), str))


def _make(twin: Twin, file_id: str, about: dict[str, Any], rest: Sequence[Exchange]) -> None:
    ours = [exchange for exchange in rest if file_id in unquote(exchange.path)]
    here = _new_folder(twin, about) if about.get("mimeType") == FOLDER else _new_spreadsheet(twin, file_id, about, ours)
    twin.ids.learn(file_id, here)
    for exchange in _before_first_write(ours):
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
    """A spreadsheet with the tabs of the first read that shows them, or those whose ranges are named."""
    known = next(filter(None, (_shown_tabs(exchange) for exchange in ours)), None)
    properties = dict((known or {}).get("properties", {}))
    if "name" in about:
        properties.setdefault("title", about["name"])
    kept = {name: properties[name] for name in ("title", "locale", "timeZone") if name in properties}
    sheets = (known or {}).get("sheets") or [
        {"properties": {"title": title}} for title in _named_tabs(ours) or ["Sheet1"]
    ]
    plain = [{"properties": sheet["properties"]} for sheet in sheets]
    spare = [{"properties": {k: v for k, v in s["properties"].items() if k in ("title", "sheetId")}} for s in sheets]
    bodies: list[dict[str, Any]] = [
        {"properties": kept, "sheets": sheets, "namedRanges": (known or {}).get("namedRanges", [])},
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


def _shown_tabs(exchange: Exchange) -> dict[str, Any] | None:
    """The answer of spreadsheets.get, where it shows tabs with their titles."""
    match = _SPREADSHEET.match(exchange.path)
    found = exchange.answer_json() if match and exchange.method == "GET" and match[2][:1] in ("", "?") else None
    sheets = found.get("sheets") if isinstance(found, dict) and exchange.status == 200 else None
    return found if sheets and all("title" in sheet.get("properties", {}) for sheet in sheets) else None


def _named_tabs(ours: Sequence[Exchange]) -> list[str]:
    """Titles of tabs in the ranges that requests name, in their order."""
    titles: list[str] = []
    for exchange in ours:
        query = parse_qs(urlsplit(exchange.url).query)
        path = unquote(urlsplit(exchange.url).path).partition("/values/")[2]
        message = exchange.request_json()
        data = message.get("data", ()) if isinstance(message, dict) else ()
        ranges = [path, *query.get("ranges", ()), *(one.get("range", "") for one in data if isinstance(one, dict))]
        for text in ranges:
            if match := _RANGE.match(str(text)):
                titles.append((match[1] or match[2]).replace("''", "'"))
    return list(dict.fromkeys(titles))


def _before_first_write(ours: Sequence[Exchange]) -> list[Exchange]:
    """Reads of values of tabs that nothing was written to before, those of formulas last."""
    shown = next(filter(None, (_shown_tabs(exchange) for exchange in ours)), {})
    properties = [sheet["properties"] for sheet in shown.get("sheets", ())]
    titles = {str(one.get("sheetId", 0)): str(one["title"]) for one in properties}
    written: set[str] = set()
    reads = []
    for exchange in ours:
        if exchange.method != "GET" and not exchange.path.partition("?")[0].endswith("ByDataFilter"):
            numbers = re.findall(rb'"(?:\w*[sS]heetId)"\s*:\s*"?(\d+)', exchange.body)
            written |= {titles.get(number.decode(), "") for number in numbers} | set(_named_tabs([exchange]))
        elif exchange.status == 200 and not written & set(_read_tabs(exchange, titles)):
            reads.append(exchange)
    return sorted(reads, key=lambda exchange: "valueRenderOption=FORMULA" in exchange.path)


def _read_tabs(exchange: Exchange, titles: Mapping[str, str]) -> Iterable[str]:
    """The tabs whose cells an answer shows."""
    answer = exchange.answer_json()
    if not isinstance(answer, dict):
        return
    for found in answer.get("valueRanges", [answer]):
        if match := _RANGE.match(str(found.get("valueRange", found).get("range", ""))):
            yield (match[1] or match[2]).replace("''", "'")
    for sheet in answer.get("sheets", ()):
        if "data" in sheet:
            yield titles.get(str(sheet.get("properties", {}).get("sheetId", 0)), "")


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
