"""Marks on single rows: developer metadata that follows its row through sorts and insertions, and goes with it.

By its mark a row is found however people move it, read, and filled.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.marks import new_mark

ROW_KEY = "sheets_pipeline.row"


def mark_rows(client: SheetsClient, sheet_id: int, rows: Mapping[str, int], *, again: Collection[str] = ()) -> None:
    """Put a mark on each row (uuid → 0-based row); those of ``again`` are taken from where they are. One write request."""
    requests: list[dict[str, Any]] = [_removal(uuid) for uuid in again]
    for uuid, row in rows.items():
        span = {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": row, "endIndex": row + 1}
        requests.append(new_mark(ROW_KEY, uuid, {"dimensionRange": span}))
    client.write(":batchUpdate", params={"fields": "spreadsheetId"}, body=orjson.dumps({"requests": requests}))


def read_marked(client: SheetsClient, uuids: Sequence[str]) -> dict[str, list[Cell]]:
    """The cells of the marked rows, by mark, from column A on; those whose row is gone are left out. One read request."""
    answer = client.read(
        "/values:batchGetByDataFilter",
        body={
            "dataFilters": [as_filter(uuid) for uuid in uuids],
            "valueRenderOption": "UNFORMATTED_VALUE",
            "dateTimeRenderOption": "SERIAL_NUMBER",
        },
    )
    found = {}
    for value_range in answer.get("valueRanges", []):
        for data_filter in value_range.get("dataFilters", []):
            uuid = data_filter.get("developerMetadataLookup", {}).get("metadataValue")
            found[uuid] = (value_range["valueRange"].get("values") or [[]])[0]
    return found


def fill_marked(client: SheetsClient, cells: Mapping[str, Mapping[int, Cell]]) -> None:
    """Write these cells (mark → 0-based column → cell) into the marked rows, wherever they are. One write request."""
    data = [
        {**_in_write(uuid), "majorDimension": "ROWS", "values": [[row.get(i) for i in range(max(row) + 1)]]}
        for uuid, row in cells.items()
    ]
    client.write("/values:batchUpdateByDataFilter", body=orjson.dumps({"valueInputOption": "RAW", "data": data}))


def unmark_rows(client: SheetsClient, uuids: Collection[str], also: Sequence[Mapping[str, Any]] = ()) -> None:
    """Take the marks away, and do what else is to be done with these rows. One write request."""
    body = orjson.dumps({"requests": [*also, *map(_removal, uuids)]})
    client.write(":batchUpdate", params={"fields": "spreadsheetId"}, body=body)


def as_filter(uuid: str) -> dict[str, Any]:
    """What finds the marked row in requests by data filters."""
    return {"developerMetadataLookup": {"metadataKey": ROW_KEY, "metadataValue": uuid}}


def _in_write(uuid: str) -> dict[str, Any]:
    return {"dataFilter": as_filter(uuid)}


def _removal(uuid: str) -> dict[str, Any]:
    return {"deleteDeveloperMetadata": _in_write(uuid)}
