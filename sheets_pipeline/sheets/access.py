"""Reading and applying: the few requests that the pipeline makes, one function each.

Tabs are addressed by sheet id, never by title, so renaming a tab cannot lead a write astray.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sheets_pipeline.errors import RequestRejected, SheetsError
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sync.batches import MAX_PAYLOAD_BYTES, Batch
from sheets_pipeline.sync.cells import Cell, key_of, row_keys
from sheets_pipeline.sync.columns import COLUMN_METADATA_KEY
from sheets_pipeline.sync.copies import COPIES_METADATA_KEY, FIRST_ROW, copies_range
from sheets_pipeline.sync.marks import OWNER_KEY
from sheets_pipeline.sync.snapshot import TabSnapshot, column_letters, grid_size, row_runs
from sheets_pipeline.sync.tab_order import POSITION_METADATA_KEY


@dataclass(frozen=True, slots=True)
class SheetProperties:
    """One tab of the spreadsheet."""

    sheet_id: int
    title: str
    row_count: int
    column_count: int
    #: Its place among ours, None for a tab of people's or one made before places were noted.
    position: int | None = None
    #: The sheet id of the tab whose cells are copied to this one, None for all other tabs (``sync/copies.py``).
    copies_of: int | None = None


@dataclass(frozen=True, slots=True)
class SpreadsheetProperties:
    """The spreadsheet and its tabs."""

    title: str
    time_zone: str
    sheets: tuple[SheetProperties, ...]
    #: Values of the marks that say who keeps it.
    owners: tuple[str, ...] = ()

    @property
    def cells(self) -> int:
        """Cells counted over the grids, as Google counts them against the 10 million."""
        return sum(sheet.row_count * sheet.column_count for sheet in self.sheets)


_PROPERTIES_MASK = (
    "properties(title,timeZone),developerMetadata(metadataKey,metadataValue),"
    "sheets(properties(sheetId,title,sheetType,gridProperties),developerMetadata(metadataKey,metadataValue))"
)


def read_spreadsheet(client: SheetsClient) -> SpreadsheetProperties:
    """Title, time zone, tabs and owner of the spreadsheet. One read request, shared with other tabs of the round."""
    answer = client.together("spreadsheet", None, 0, lambda _: client.read(params={"fields": _PROPERTIES_MASK}))
    sheets = []
    for sheet in answer.get("sheets", []):
        properties = sheet["properties"]
        grid = properties.get("gridProperties", {})
        sheets.append(
            SheetProperties(
                properties.get("sheetId", 0),
                properties["title"],
                grid.get("rowCount", 0),
                grid.get("columnCount", 0),
                _number(sheet.get("developerMetadata", []), POSITION_METADATA_KEY),
                _number(sheet.get("developerMetadata", []), COPIES_METADATA_KEY),
            )
        )
    properties = answer.get("properties", {})
    metadata = answer.get("developerMetadata", [])
    owners = tuple(entry.get("metadataValue", "") for entry in metadata if entry["metadataKey"] == OWNER_KEY)
    return SpreadsheetProperties(
        properties.get("title", ""), properties.get("timeZone", "Etc/GMT"), tuple(sheets), owners
    )


def _number(metadata: list[dict[str, Any]], key: str) -> int | None:
    values = [str(entry.get("metadataValue", "")) for entry in metadata if entry["metadataKey"] == key]
    return int(values[0]) if values and values[0].isdecimal() else None


#: A ``DeveloperMetadataLookup``.
Lookup = dict[str, Any]


#: A number or a short text, with what is between them.
_BYTES_OF_A_CELL = 20


def read_tab(
    client: SheetsClient, sheet_id: int, lookups: Sequence[Lookup] = (), *, cells: int | None = None
) -> tuple[TabSnapshot, list[Lookup]]:
    """All cells of a tab, and which of the lookups found developer metadata on its rows. One read request.

    It is shared with other tabs of the round as long as they have some 100,000 ``cells`` together; None for a tab of
    which that is not known.
    """
    size = MAX_PAYLOAD_BYTES if cells is None else cells * _BYTES_OF_A_CELL
    [values], matched = _read_filters(client, [{"sheetId": sheet_id}], lookups, size)
    row_count, column_count = grid_size(values["range"])
    return TabSnapshot(_title(values["range"]), row_count, column_count, values.get("values", [])), matched


def read_keys(
    client: SheetsClient,
    sheet_id: int,
    key_columns: list[int],
    known_from: int | None = None,
    lookups: Sequence[Lookup] = (),
) -> tuple[TabSnapshot, list[Lookup]]:
    """As ``read_tab``, of the header row, the given columns, and all columns from the row ``known_from`` (0-based) on.

    Raises:
        RequestRejected: There is no such tab, or its grid ends above ``known_from``.
    """
    filters = [{"sheetId": sheet_id, "startRowIndex": 0, "endRowIndex": 1}]
    filters += [{"sheetId": sheet_id, "startColumnIndex": i, "endColumnIndex": i + 1} for i in key_columns]
    if known_from is not None:
        filters.append({"sheetId": sheet_id, "startRowIndex": known_from})
    (header, *others), matched = _read_filters(client, filters, lookups)
    keys = others[: len(key_columns)]
    row_count = max(grid_size(values["range"])[0] for values in keys)
    columns = [list(cells[:1]) for cells in header.get("values", [])]
    columns += [[] for _ in range(max(key_columns) + 1 - len(columns))]
    if known_from is not None:
        _put_below(columns, others[-1].get("values", []), known_from)
    for column, values in zip(key_columns, keys, strict=True):
        columns[column] = (values.get("values") or [[]])[0]
    title, (_, column_count) = _title(header["range"]), grid_size(header["range"])
    first = row_count if known_from is None else known_from
    return TabSnapshot(title, row_count, column_count, columns, first), matched


def _put_below(columns: list[list[Cell]], below: list[list[Cell]], first_row: int) -> None:
    columns += [[] for _ in range(len(below) - len(columns))]
    for column, cells in zip(columns, below, strict=False):
        if cells:
            column += [None] * (first_row - len(column)) + cells


def read_column_metadata(client: SheetsClient, sheet_id: int) -> dict[str, int]:
    """Columns that carry our mark, however their header reads now: name → 0-based index. One read request."""
    lookup = {"metadataKey": COLUMN_METADATA_KEY, "locationType": "COLUMN"}
    answer = client.read("/developerMetadata:search", body={"dataFilters": [{"developerMetadataLookup": lookup}]})
    ids: dict[str, int] = {}
    for match in answer.get("matchedDeveloperMetadata", []):
        metadata = match["developerMetadata"]
        span = metadata.get("location", {}).get("dimensionRange", {})
        if span.get("sheetId", 0) == sheet_id:
            ids[metadata.get("metadataValue", "")] = span.get("startIndex", 0)
    return ids


#: All that people can put into a cell but a number format, which our columns carry down to the last row of the grid.
_LOOKS = (
    "backgroundColorStyle,borders,padding,horizontalAlignment,verticalAlignment,wrapStrategy,textDirection,textFormat,"
    "hyperlinkDisplayType,textRotation"
)
_TAIL_MASK = (
    f"namedRanges(range),sheets(properties(sheetId),merges,protectedRanges(range),tables(range),charts(position),"
    f"data(rowData(values(userEnteredValue,note,dataValidation,userEnteredFormat({_LOOKS})))))"
)


def is_bare(client: SheetsClient, sheet_id: int, title: str, first_row: int, end_row: int) -> bool:
    """Whether nothing of anybody's stands in the rows from ``first_row`` (0-based) on to ``end_row`` (past the last).

    No value, note, rule, colour, merge, protection, table or chart, and no named range. One read request.
    """
    quoted = "'" + title.replace("'", "''") + "'"
    params = {"ranges": f"{quoted}!{first_row + 1}:{end_row}", "includeGridData": "true", "fields": _TAIL_MASK}
    answer = client.read(params=params)
    sheet = next(sheet for sheet in answer["sheets"] if sheet["properties"].get("sheetId", 0) == sheet_id)
    cells = (
        value for data in sheet.get("data", []) for row in data.get("rowData", []) for value in row.get("values", [])
    )
    if any(cell.get("userEnteredFormat") or cell.keys() - {"userEnteredFormat"} for cell in cells):
        return False
    ranges = [*sheet.get("merges", [])]
    ranges += [area.get("range", {}) for kind in ("protectedRanges", "tables") for area in sheet.get(kind, [])]
    ranges += [area["range"] for area in answer.get("namedRanges", []) if area["range"].get("sheetId", 0) == sheet_id]
    starts = [area.get("startRowIndex", 0) for area in ranges]
    positions = [chart.get("position", {}).get("overlayPosition", {}) for chart in sheet.get("charts", [])]
    starts += [position.get("anchorCell", {}).get("rowIndex", 0) for position in positions]
    return all(start < first_row for start in starts)


def _read_filters(
    client: SheetsClient, grid_ranges: list[dict[str, int]], lookups: Sequence[Lookup], size: int = 0
) -> tuple[list[dict[str, Any]], list[Lookup]]:
    """Values column by column, area answer per grid range, in the order asked (Google's own order is not promised).

    Lookups that matched come back beside them. One read request, shared with other tabs of the round.
    """
    part = [{"gridRange": grid_range} for grid_range in grid_ranges]
    part += [{"developerMetadataLookup": lookup} for lookup in lookups]

    def read(parts: list[list[dict[str, Any]]]) -> Any:
        return _get_by_filters(client, [data_filter for part in parts for data_filter in part])

    answer = client.together("read", part, size, read)
    values, matched = _answered(answer, grid_ranges)
    answered = [
        _asked_for(lookup) for data_filter, _ in matched if (lookup := data_filter.get("developerMetadataLookup"))
    ]
    return values, [lookup for lookup in lookups if _asked_for(lookup) in answered]


def _get_by_filters(client: SheetsClient, data_filters: list[dict[str, Any]]) -> Any:
    return client.read(
        "/values:batchGetByDataFilter",
        body={
            "dataFilters": data_filters,
            "majorDimension": "COLUMNS",
            "valueRenderOption": "UNFORMATTED_VALUE",
            "dateTimeRenderOption": "SERIAL_NUMBER",
        },
    )


def _answered(
    answer: Any, grid_ranges: list[dict[str, int]]
) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], dict[str, Any]]]]:
    """The values of each grid range, and all pairs of a data filter and its values."""
    matched = [
        (_without_zeros(data_filter), value_range["valueRange"])
        for value_range in answer.get("valueRanges", [])
        for data_filter in value_range.get("dataFilters", [])
    ]
    ranges = [
        next((values for data_filter, values in matched if data_filter.get("gridRange") == _without_zeros(asked)), None)
        for asked in grid_ranges
    ]
    if None in ranges:
        raise SheetsError("The Sheets API left out a range that was asked for; the next sync asks again.")
    return [values for values in ranges if values is not None], matched


class RowsMoved(RequestRejected):
    """Rows no longer stand where they were read; what was to be sent has not been sent."""


def check_rows(client: SheetsClient, sheet_id: int, key_columns: list[int], expected: dict[int, str]) -> None:
    """Read the keys of these rows (0-based → key) once more. One read request, never shared.

    Raises:
        RowsMoved: One of them does not hold its key.
    """
    first, end = min(expected), max(expected) + 1
    rows = {"sheetId": sheet_id, "startRowIndex": first, "endRowIndex": end}
    spans = [rows | {"startColumnIndex": column, "endColumnIndex": column + 1} for column in key_columns]
    ranges, _ = _answered(_get_by_filters(client, [{"gridRange": span} for span in spans]), spans)
    cells = [[*(values.get("values") or [[]])[0], *[None] * (end - first)] for values in ranges]
    now = row_keys([[column[row - first] for row in expected] for column in cells])
    if moved := sum(key != current for key, current in zip(expected.values(), now, strict=True)):
        raise RowsMoved(f"{moved} of the rows to delete moved before they were.", status=400)


def _asked_for(lookup: Lookup) -> tuple[Any, ...]:
    """What tells lookups apart; an echo may carry more than was sent."""
    sheet_id = lookup.get("metadataLocation", {}).get("sheetId", 0)
    return (*(lookup.get(name) for name in ("metadataId", "metadataKey", "metadataValue")), sheet_id)


def _without_zeros(message: dict[str, Any]) -> dict[str, Any]:
    """proto3 leaves out zeros, so compare without them."""
    return {
        name: _without_zeros(value) if isinstance(value, dict) else value
        for name, value in message.items()
        if value != 0 or isinstance(value, bool)
    }


def _title(echoed_range: str) -> str:
    title = echoed_range.rpartition("!")[0] or echoed_range
    return title[1:-1].replace("''", "'") if title.startswith("'") else title


#: More ranges than this in one answer are asked for as one span, which carries the keys of all rows between.
_MOST_RANGES = 1000
_ANSWER_MASK = (
    "updatedSpreadsheet(sheets(properties(title),data(startRow,startColumn,rowData(values(effectiveValue)))))"
)


@dataclass(frozen=True, slots=True)
class CopiesBlock:
    """Where in the hidden tab of this title the copies of a batch stand, and the headers (0-based column → text) by which its columns
    are known to stand where they did."""

    title: str
    width: int
    count: int
    headers: dict[int, str]


def apply_batch(
    client: SheetsClient,
    batch: Batch,
    title: str,
    key_columns: list[int],
    check: dict[int, str],
    right_before: Callable[[], None] | None = None,
    copies: CopiesBlock | None = None,
) -> tuple[list[str], list[list[Cell]], bool]:
    """Send one batch. One write request, whose answer carries the key cells of the rows to ``check`` as they now stand.

    Args:
        check: Row (0-based) → the key it should hold after the write.
        right_before: Called each time before it is sent, after whatever waiting.
        copies: Where it copies cells to, where they are wanted back.

    Returns:
        Keys that are no longer in their row: people moved rows between our read and this write; the copies; and whether their
        columns are known to have stood where they were read.
    """
    rows, ranges = sorted(check), _key_ranges(title, key_columns, sorted(check)) if check else []
    if copies is not None:
        ranges.append(copies_range(copies.title, copies.width, copies.count))
        ranges += _key_ranges(title, [*copies.headers], [0])
    answer = _apply(client, batch.body, ranges, right_before)
    keys = _keys_in_answer(answer, title, key_columns, rows)
    block, is_sure = _block_in_answer(answer, title, copies) if copies is not None else ([], False)
    return [expected for row, expected in check.items() if keys[row] != expected], block, is_sure


def apply_requests(
    client: SheetsClient,
    requests: bytes,
    title: str,
    key_columns: list[int],
    rows: list[int],
) -> dict[int, str]:
    """Send the requests (a JSON list); gives the keys that these rows (0-based) hold afterwards."""
    answer = _apply(client, requests, _key_ranges(title, key_columns, rows) if rows else [], None)
    return _keys_in_answer(answer, title, key_columns, rows)


def _apply(client: SheetsClient, requests: bytes, ranges: list[str], right_before: Callable[[], None] | None) -> Any:
    """One write request, shared with other tabs of the round: Google applies all of it or nothing."""

    def write(parts: list[tuple[bytes, list[str], Callable[[], None] | None]]) -> Any:
        def check_all() -> None:
            for *_, check in parts:
                if check is not None:
                    check()

        params = {"fields": "spreadsheetId"}
        body = b'{"requests":[' + b",".join(requests[1:-1] for requests, *_ in parts) + b"]"
        if ranges := [a1_range for _, some, _ in parts for a1_range in some]:
            body += b',"includeSpreadsheetInResponse":true,"responseIncludeGridData":true,"responseRanges":'
            body += orjson.dumps(ranges)
            params = {"fields": _ANSWER_MASK}
        return client.write(":batchUpdate", params=params, body=body + b"}", right_before=check_all)

    return client.together("write", (requests, ranges, right_before), len(requests), write)


def _keys_in_answer(answer: Any, title: str, key_columns: list[int], rows: list[int]) -> dict[int, str]:
    if not rows:
        return {}
    cells = _cells_in_answer(answer, title)
    keys = row_keys([[cells.get((row, column)) for row in rows] for column in key_columns])
    return dict(zip(rows, keys, strict=True))


def _key_ranges(title: str, key_columns: list[int], rows: list[int]) -> list[str]:
    quoted = "'" + title.replace("'", "''") + "'"
    runs = row_runs(rows)
    if len(runs) > _MOST_RANGES:
        runs = [(rows[0], rows[-1] + 1)]
    letters = [column_letters(column) for column in key_columns]
    return [f"{quoted}!{letter}{first + 1}:{letter}{end}" for letter in letters for first, end in runs]


def _cells_in_answer(answer: Any, title: str) -> dict[tuple[int, int], Cell]:
    cells: dict[tuple[int, int], Cell] = {}
    sheets = answer.get("updatedSpreadsheet", {}).get("sheets", [])
    for sheet in (one for one in sheets if one["properties"]["title"] == title):
        for data in sheet.get("data", []):
            first, column = data.get("startRow", 0), data.get("startColumn", 0)
            for row, row_data in enumerate(data.get("rowData", []), start=first):
                for place, value in enumerate(row_data.get("values", []), start=column):
                    cells[row, place] = _effective(value.get("effectiveValue", {}))
    return cells


#: How an error of a formula is shown, by its type in the answer. Source: the types of ``ErrorValue`` in the API's reference.
_ERRORS = {
    "NULL_VALUE": "#NULL!",
    "DIVIDE_BY_ZERO": "#DIV/0!",
    "VALUE": "#VALUE!",
    "REF": "#REF!",
    "NAME": "#NAME?",
    "NUM": "#NUM!",
    "N_A": "#N/A",
    "LOADING": "Loading...",
}


def _effective(value: dict[str, Any]) -> Cell:
    """An ``ExtendedValue`` as ``values.get`` shows it."""
    if (error := value.get("errorValue")) is not None:
        return _ERRORS.get(error.get("type", ""), "#ERROR!")
    return next(iter(value.values()), None)


def _block_in_answer(answer: Any, title: str, copies: CopiesBlock) -> tuple[list[list[Cell]], bool]:
    headers, cells = _cells_in_answer(answer, title), _cells_in_answer(answer, copies.title)
    is_sure = all(key_of(headers.get((0, column))) == text.strip() for column, text in copies.headers.items())
    return [[cells.get((FIRST_ROW + i, j)) for j in range(copies.width)] for i in range(copies.count)], is_sure


def read_copies_block(client: SheetsClient, sheet_id: int, width: int, count: int) -> list[list[Cell]]:
    """The copies that stand in a hidden tab of ours, where no answer brought them. One read request.

    Raises:
        RequestRejected: The hidden tab is not there.
    """
    span = {"sheetId": sheet_id, "startRowIndex": FIRST_ROW, "endRowIndex": FIRST_ROW + count}
    span |= {"startColumnIndex": 0, "endColumnIndex": width}
    [values], _ = _read_filters(client, [span], ())
    columns = [*values.get("values", []), *([[]] * width)][:width]
    cells = [[*(None if cell == "" else cell for cell in column), *([None] * count)][:count] for column in columns]
    return [list(row) for row in zip(*cells, strict=True)]
