"""Reading ranges of other people's spreadsheets: what tabs and named ranges there are, and cells, many ranges at once."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sheets_pipeline.errors import SheetsError
from sheets_pipeline.sheets.client import SheetsClient

#: How cells are asked for: as values with dates as serial numbers, the same with dates as text, all as the text that cells
#: show, or the formulas in them.
Rendering = Literal["serials", "shown", "as_shown", "formulas"]

_OPTIONS: dict[Rendering, dict[str, str]] = {
    "serials": {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "SERIAL_NUMBER"},
    "shown": {"valueRenderOption": "UNFORMATTED_VALUE", "dateTimeRenderOption": "FORMATTED_STRING"},
    "as_shown": {"valueRenderOption": "FORMATTED_VALUE"},
    "formulas": {"valueRenderOption": "FORMULA"},
}

_FIELDS = (
    "properties(title,locale,timeZone),namedRanges(name),"
    "sheets(properties(sheetId,title,sheetType,gridProperties(rowCount,columnCount)),merges)"
)

#: Cells of a grid that are asked for with one request; a larger range is read in pieces, some rows each.
MOST_CELLS = 2_000_000

Filter = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TabFacts:
    """A tab: its size, and its merged cells as the API has them."""

    id: int
    title: str
    rows: int
    columns: int
    merges: tuple[dict[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SpreadsheetFacts:
    """What is in a spreadsheet: its tabs with cells in their order, and the names of its named ranges."""

    title: str
    locale: str
    time_zone: str
    tabs: tuple[TabFacts, ...]
    named: tuple[str, ...] = ()


@dataclass(slots=True)
class RangeCells:
    """The cells of a range by columns, trimmed at their ends, with the title of its tab and where it begins there."""

    title: str
    top: int
    left: int
    columns: list[list[Any]]


def read_facts(client: SheetsClient) -> SpreadsheetFacts:
    """One read request."""
    answer = client.read(params={"fields": _FIELDS})
    properties = answer.get("properties", {})
    tabs = []
    for sheet in answer.get("sheets", []):
        found = sheet["properties"]
        if found.get("sheetType", "GRID") == "GRID":
            grid = found.get("gridProperties", {})
            size = grid.get("rowCount", 0), grid.get("columnCount", 0)
            tabs.append(TabFacts(found["sheetId"], found["title"], *size, tuple(sheet.get("merges", ()))))
    named = tuple(one["name"] for one in answer.get("namedRanges", ()) if "name" in one)
    title, locale, zone = (properties.get(name, "") for name in ("title", "locale", "timeZone"))
    return SpreadsheetFacts(title, locale, zone, tuple(tabs), named)


def read_cells(
    client: SheetsClient, filters: Sequence[Filter], sizes: Sequence[tuple[int, int]], rendering: Rendering
) -> list[RangeCells]:
    """The cells of each range: one read request, or as few as their sizes allow.

    Args:
        client: Of the spreadsheet.
        filters: The API's data filters, each of one range.
        sizes: Rows and columns of each, about; (0, 0) where they are not known.
        rendering: How cells are asked for.
    """
    pieces = [list(_pieces(one, size)) for one, size in zip(filters, sizes, strict=True)]
    answers: dict[str, RangeCells] = {}
    for batch in _batches([piece for several in pieces for piece in several]):
        answers |= _answered(client, batch, rendering)
    return [_together([answers[_key(piece)] for piece, _ in several], several) for several in pieces]


def _pieces(wanted: Filter, size: tuple[int, int]) -> Iterator[tuple[Filter, int]]:
    """A range in pieces of some rows each, with their cells; the last one has no end, as the tab may have grown."""
    rows, columns = size
    area = wanted.get("gridRange")
    if area is None or rows * columns <= MOST_CELLS:
        yield wanted, rows * columns
        return
    step = max(1, MOST_CELLS // columns)
    start = first = area.get("startRowIndex", 0)
    while start + step < first + rows:
        yield {"gridRange": area | {"startRowIndex": start, "endRowIndex": start + step}}, step * columns
        start += step
    yield {"gridRange": area | {"startRowIndex": start}}, (first + rows - start) * columns


def _batches(pieces: Sequence[tuple[Filter, int]]) -> Iterator[list[Filter]]:
    batch: dict[str, Filter] = {}
    cells = 0
    for piece, size in pieces:
        if batch and cells + size > MOST_CELLS:
            yield list(batch.values())
            batch, cells = {}, 0
        if _key(piece) not in batch:
            batch[_key(piece)] = piece
            cells += size
    if batch:
        yield list(batch.values())


def _answered(client: SheetsClient, filters: list[Filter], rendering: Rendering) -> dict[str, RangeCells]:
    body = {"dataFilters": filters, "majorDimension": "COLUMNS", **_OPTIONS[rendering]}
    answer = client.read("/values:batchGetByDataFilter", body=body)
    found: dict[str, RangeCells] = {}
    for matched in answer.get("valueRanges", []):
        values = matched["valueRange"]
        for one in matched.get("dataFilters", []):
            found[_key(one)] = RangeCells(*_place(values.get("range", "")), values.get("values", []))
    if any(_key(one) not in found for one in filters):
        raise SheetsError("The Sheets API left out a range that was asked for; the next reading asks again.")
    return found


def _key(wanted: Filter) -> str:
    """A data filter as it is asked for and as it comes back: zeros may be left out."""
    area = wanted.get("gridRange")
    return str(sorted((k, v) for k, v in area.items() if v)) if area is not None else str(wanted.get("a1Range"))


def _place(echo: str) -> tuple[str, int, int]:
    """Title, first row and first column (from 0) of the range that an answer names: ``'My tab'!B3:D9``."""
    title, _, cells = echo.rpartition("!")
    if len(title) > 1 and title[0] == title[-1] == "'":
        title = title[1:-1].replace("''", "'")
    match = re.match(r"([A-Z]*)(\d*)", cells)
    letters, digits = (match[1], match[2]) if match else ("", "")
    column = 0
    for letter in letters:
        column = column * 26 + ord(letter) - 64
    return title, max(0, int(digits or 1) - 1), max(0, column - 1)


def _together(parts: list[RangeCells], pieces: Sequence[tuple[Filter, int]]) -> RangeCells:
    """The pieces of a range one below the other."""
    whole = parts[0]
    for part, (before, _) in zip(parts[1:], pieces[:-1], strict=True):
        area = before["gridRange"]
        height = area["endRowIndex"] - pieces[0][0]["gridRange"].get("startRowIndex", 0)
        while len(whole.columns) < len(part.columns):
            whole.columns.append([])
        for mine, more in zip(whole.columns, part.columns, strict=False):
            if more:
                mine += [""] * (height - len(mine))
                mine += more
    return whole
