"""Columns of ours as requests: header, number format, and the mark by which they are found again."""

from collections.abc import Iterable, Iterator
from typing import Any

from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.headers import Columns
from sheets_pipeline.sync.marks import new_mark
from sheets_pipeline.sync.rows import Rows
from sheets_pipeline.sync.tab import NUMBER_FORMATS, Column, ColumnType, Tab
from sheets_pipeline.sync.widths import width_requests

#: Developer metadata that marks a column as ours; its value is the column's name.
COLUMN_METADATA_KEY = "sheets_pipeline.column"

_NUMBER_FORMAT = "userEnteredFormat.numberFormat"


def header_requests(tab: Tab, sheet_id: int, wanted: Rows) -> Iterator[dict[str, Any]]:
    """The header row of a new tab, and all that makes its columns ours."""
    yield header_request(sheet_id, 0, [column.header for column in tab.columns])
    for i, column in enumerate(tab.columns):
        yield from column_requests(sheet_id, i, column, wanted.columns[column.name])


def header_request(sheet_id: int, first_column: int, headers: list[str]) -> dict[str, Any]:
    """Neighbouring cells of the header row, in bold."""
    bold = {"textFormat": {"bold": True}}
    cells = [{"userEnteredValue": {"stringValue": text}, "userEnteredFormat": bold} for text in headers]
    return {
        "updateCells": {
            "start": {"sheetId": sheet_id, "rowIndex": 0, "columnIndex": first_column},
            "fields": "userEnteredValue,userEnteredFormat.textFormat.bold",
            "rows": [{"values": cells}],
        }
    }


def column_changes(
    tab: Tab, sheet_id: int, layout: dict[str, int], columns: Columns, wanted: Rows, column_count: int
) -> Iterator[dict[str, Any]]:
    """What is to be done to the columns of a tab that is in use; ``column_count`` is the width of its grid."""
    for name in columns.retitled:
        yield _cell_request(sheet_id, layout[name], {"userEnteredValue": {"stringValue": tab.column(name).header}})
    for name in columns.taken_over:
        yield _struck(sheet_id, layout[name], is_struck=False)
        yield _mark_request(sheet_id, layout[name], name)
    for name in [*columns.reformatted, *columns.taken_over]:
        yield from number_format_requests(sheet_id, layout[name], tab.column(name).type, 1)
    for place in columns.struck:
        yield _struck(sheet_id, place, is_struck=True)
    if columns.added:
        yield from _new_column_requests(tab, sheet_id, layout, columns.added, wanted, column_count)


def _new_column_requests(
    tab: Tab, sheet_id: int, layout: dict[str, int], names: list[str], wanted: Rows, column_count: int
) -> Iterator[dict[str, Any]]:
    """Columns put in at the right end of what stands in the tab: nothing that people have begun there is written over."""
    first = layout[names[0]]
    span = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": first, "endIndex": first + len(names)}
    yield {"insertDimension": {"range": span, "inheritFromBefore": first >= column_count}}
    for name in names:
        column = tab.column(name)
        yield header_request(sheet_id, layout[name], [column.header])
        yield from column_requests(sheet_id, layout[name], column, wanted.columns[name])


def _cell_request(sheet_id: int, column: int, cell: dict[str, Any]) -> dict[str, Any]:
    start = {"sheetId": sheet_id, "rowIndex": 0, "columnIndex": column}
    return {"updateCells": {"start": start, "fields": ",".join(cell), "rows": [{"values": [cell]}]}}


def _struck(sheet_id: int, column: int, *, is_struck: bool) -> dict[str, Any]:
    """A header struck out says that its column is no longer kept."""
    span = {"sheetId": sheet_id, "startRowIndex": 0, "endRowIndex": 1}
    span |= {"startColumnIndex": column, "endColumnIndex": column + 1}
    look = {"userEnteredFormat": {"textFormat": {"strikethrough": is_struck}}}
    return {"repeatCell": {"range": span, "cell": look, "fields": "userEnteredFormat.textFormat.strikethrough"}}


def column_requests(sheet_id: int, index: int, column: Column, cells: Iterable[Cell] = ()) -> Iterator[dict[str, Any]]:
    """Make a new column ours: number format below the header, our mark, and the width that the cells need."""
    yield from number_format_requests(sheet_id, index, column.type, 1)
    yield _mark_request(sheet_id, index, column.name)
    yield from width_requests(sheet_id, index, column, cells)


def _mark_request(sheet_id: int, index: int, name: str) -> dict[str, Any]:
    span = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": index, "endIndex": index + 1}
    return new_mark(COLUMN_METADATA_KEY, name, {"dimensionRange": span})


def number_format_requests(
    sheet_id: int, index: int, column_type: ColumnType, first_row: int
) -> Iterator[dict[str, Any]]:
    """The number format of a column from ``first_row`` (0-based) on, where its type has one."""
    if column_type not in NUMBER_FORMATS:
        return
    span = {"sheetId": sheet_id, "startRowIndex": first_row, "startColumnIndex": index, "endColumnIndex": index + 1}
    yield {"repeatCell": {"range": span, "cell": _formatted(column_type), "fields": _NUMBER_FORMAT}}


def cell_number_format_request(sheet_id: int, row: int, index: int, column_type: ColumnType) -> dict[str, Any]:
    """The number format of a cell (0-based) as its column's type has it; none of its own where that has none."""
    start = {"sheetId": sheet_id, "rowIndex": row, "columnIndex": index}
    return {"updateCells": {"start": start, "rows": [{"values": [_formatted(column_type)]}], "fields": _NUMBER_FORMAT}}


def _formatted(column_type: ColumnType) -> dict[str, Any]:
    if column_type not in NUMBER_FORMATS:
        return {}
    kind, pattern = NUMBER_FORMATS[column_type]
    return {"userEnteredFormat": {"numberFormat": {"type": kind, "pattern": pattern}}}
