"""What exchanges show of files that were there before them: pure reading, nothing is made here; see ``presumed.py``."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from local_sheets.a1 import RangeError, parse_range
from local_sheets.drive.resources import FOLDER, SPREADSHEET
from local_sheets.replay.exchange import Exchange

_SPREADSHEET = re.compile(r"/v4/spreadsheets/([^/:?]+)(.*)|/spreadsheets/d/([^/?]+)")
_FILE = re.compile(r"/(?:upload/)?drive/v[23]/files/([^/?]+)(.*)")
_LIST = re.compile(r"/drive/v3/files/?(?:\?|$)")
_IN_PARENTS = re.compile(r"['\"]([\w-]+)['\"] in parents")
_SHEET_IDS = re.compile(rb'"\w*[sS]heetId"\s*:\s*"?(\d+)')
_RANGE = re.compile(r"^(?:'((?:[^']|'')+)'|([^'!]+))!")


def presumed_by(exchange: Exchange) -> Iterable[tuple[str, dict[str, Any]]]:
    """Ids of files that must be there for the exchange, with what it says of them."""
    if match := _SPREADSHEET.match(exchange.path):
        yield unquote(match[1] or match[3]), {}
    elif (match := _FILE.match(exchange.path)) and match[1] not in ("root", "generateIds", "trash"):
        about = exchange.answer_json() if exchange.method == "GET" and _is_all(match[2]) else None
        yield unquote(match[1]), about if isinstance(about, dict) else {}
    elif exchange.method == "GET" and _LIST.match(exchange.path):
        yield from _listed(exchange)


def _is_all(rest: str | None) -> bool:
    """Whether nothing but a query follows an id, so that the file itself is asked for; some clients end it with a slash."""
    return (rest or "").partition("?")[0] in ("", "/")


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


def made_ids(answer: Any) -> Iterable[str]:
    if isinstance(answer, dict):
        yield from (answer[name] for name in ("id", "spreadsheetId") if isinstance(answer.get(name), str))


def _shown_tabs(exchange: Exchange) -> dict[str, Any] | None:
    """The answer of spreadsheets.get, where it shows tabs with their titles."""
    match = _SPREADSHEET.match(exchange.path)
    found = exchange.answer_json() if match and exchange.method == "GET" and _is_all(match[2]) else None
    sheets = found.get("sheets") if isinstance(found, dict) and exchange.status == 200 else None
    return found if sheets and all("title" in sheet.get("properties", {}) for sheet in sheets) else None


def tabs_before(ours: Sequence[Exchange]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The spreadsheet as its first read shows it, and the tabs that it had before the first exchange.

    Where nothing shows them, they are those whose ranges and numbers requests name. Tabs that requests made are left out.
    """
    for place, exchange in enumerate(ours):
        if known := _shown_tabs(exchange):
            made = [tab.get("sheetId") for tab in _made_tabs(ours[:place])]
            return known, [tab for tab in known["sheets"] if tab["properties"].get("sheetId", 0) not in made]
    return {}, [{"properties": tab} for tab in _guessed_tabs(ours)]


def _guessed_tabs(ours: Sequence[Exchange]) -> list[dict[str, Any]]:
    made = list(_made_tabs(ours))
    titles = [title for title in _named_tabs(ours) if title not in {tab.get("title") for tab in made}]
    numbers = [number for number in _named_numbers(ours) if number not in {tab.get("sheetId") for tab in made}]
    count = max(len(titles), len(numbers), 1)
    tabs: list[dict[str, Any]] = [{"title": f"Sheet{place}"} for place in range(1, count + 1)]
    for tab, title in zip(tabs, titles, strict=False):
        tab["title"] = title
    for tab, number in zip(tabs, numbers, strict=False):
        tab["sheetId"] = number
    for tab in tabs:
        if grid := next(filter(None, (_grid_shown(exchange, tab["title"]) for exchange in ours)), None):
            tab["gridProperties"] = grid
    return tabs


def _grid_shown(exchange: Exchange, title: str) -> dict[str, int] | None:
    """The size of a tab: the range that the answer names where all of the tab was asked for."""
    asked = unquote(urlsplit(exchange.url).path).partition("/values/")[2].strip("'")
    answer = exchange.answer_json()
    if exchange.method != "GET" or asked != title or not isinstance(answer, dict):
        return None
    try:
        area = parse_range(str(answer.get("range")), {title}, {})
    except RangeError:
        return None
    return {"rowCount": area.row1 or 1, "columnCount": area.col1 or 1}


def _made_tabs(ours: Sequence[Exchange]) -> Iterator[dict[str, Any]]:
    """Titles and numbers of tabs that requests added; of those that got another title, this title."""
    for exchange in ours:
        asked, answer = exchange.request_json(), exchange.answer_json()
        if exchange.path.partition("?")[0].endswith(":copyTo") and isinstance(answer, dict):
            yield answer
        for message, key in ((asked, "requests"), (answer, "replies")):
            for one in (message.get(key) or ()) if isinstance(message, dict) else ():
                yield from _made_by(one) if isinstance(one, dict) else ()


def _made_by(one: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The same of one request, or of its reply."""
    for kind in ("addSheet", "duplicateSheet"):
        if isinstance(one.get(kind), dict):
            yield one[kind].get("properties", {})
    if isinstance(one.get("duplicateSheet"), dict):
        yield {"title": one["duplicateSheet"].get("newSheetName"), "sheetId": one["duplicateSheet"].get("newSheetId")}
    if isinstance(one.get("updateSheetProperties"), dict):
        yield {"title": one["updateSheetProperties"].get("properties", {}).get("title")}


def _named_numbers(ours: Sequence[Exchange]) -> list[int]:
    """Numbers of tabs that requests name, in their order."""
    found = (number for exchange in ours for number in _SHEET_IDS.findall(exchange.body))
    return list(dict.fromkeys(int(number) for number in found))


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


def before_first_write(ours: Sequence[Exchange]) -> list[Exchange]:
    """Reads of values of tabs that nothing was written to before, those of formulas last."""
    shown = next(filter(None, (_shown_tabs(exchange) for exchange in ours)), {})
    properties = [sheet["properties"] for sheet in shown.get("sheets", ())]
    titles = {str(one.get("sheetId", 0)): str(one["title"]) for one in properties}
    written: set[str] = set()
    reads = []
    for exchange in ours:
        if exchange.method != "GET" and not exchange.path.partition("?")[0].endswith("ByDataFilter"):
            numbers = _SHEET_IDS.findall(exchange.body)
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
