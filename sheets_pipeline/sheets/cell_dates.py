"""Which cells a spreadsheet shows as dates, times or durations: their values are numbers like any others."""

from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Any

from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sync.snapshot import column_letters

#: Row (0-based) and column (0-based) of a cell.
Place = tuple[int, int]

_PROPERTIES = "properties(locale,timeZone)"
_FORMATS = "sheets(data(startRow,startColumn,rowData(values(effectiveFormat(numberFormat(type))))))"
_DATES = ("DATE", "TIME", "DATE_TIME")
#: Cells that stand no further apart than this are asked for as one range.
_GAP = 50


def read_dates(client: SheetsClient, title: str, places: Collection[Place]) -> tuple[dict[str, str], set[Place]]:
    """The spreadsheet's locale and time zone, and those of the cells of a tab that it shows as dates. One read request."""
    if not places:
        return dict(client.read(params={"fields": _PROPERTIES}).get("properties", {})), set()
    quoted = "'" + title.replace("'", "''") + "'"
    body = {"dataFilters": [{"a1Range": f"{quoted}!{one}"} for one in _ranges(places)], "includeGridData": True}
    answer = client.read(":getByDataFilter", params={"fields": f"{_PROPERTIES},{_FORMATS}"}, body=body)
    shown = {place for sheet in answer.get("sheets", []) for data in sheet.get("data", []) for place in _dates(data)}
    return dict(answer.get("properties", {})), shown.intersection(places)


def _ranges(places: Collection[Place]) -> Iterator[str]:
    rows_of: dict[int, list[int]] = {}
    for row, column in sorted(places):
        rows_of.setdefault(column, []).append(row)
    for column, rows in rows_of.items():
        ends = [i for i, (one, after) in enumerate(pairwise(rows), start=1) if after - one > _GAP]
        letters = column_letters(column)
        for start, end in pairwise([0, *ends, len(rows)]):
            yield f"{letters}{rows[start] + 1}:{letters}{rows[end - 1] + 1}"


def _dates(data: dict[str, Any]) -> Iterator[Place]:
    top, left = data.get("startRow", 0), data.get("startColumn", 0)
    for row, cells in enumerate(data.get("rowData", []), start=top):
        for column, cell in enumerate(cells.get("values", []), start=left):
            if cell.get("effectiveFormat", {}).get("numberFormat", {}).get("type") in _DATES:
                yield row, column
