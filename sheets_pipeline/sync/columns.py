"""Columns of ours as requests: header, number format, and the mark by which they are found again."""

from collections.abc import Collection, Iterator
from typing import Any

from sheets_pipeline.sync.tab import NUMBER_FORMATS, ColumnType, Tab

#: Developer metadata that marks a column as ours; its value is the column's name.
COLUMN_METADATA_KEY = "sheets_pipeline.column"


def header_requests(tab: Tab, sheet_id: int) -> Iterator[dict[str, Any]]:
    """The header row of a new tab, and all that makes its columns ours."""
    yield header_request(sheet_id, 0, [column.header for column in tab.columns])
    for i, column in enumerate(tab.columns):
        yield from column_requests(sheet_id, i, column.name, column.type)


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


def new_column_requests(
    tab: Tab, sheet_id: int, layout: dict[str, int], length: int, names: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Headers at the right end of the tab, in ``length`` more columns."""
    if length:
        yield {"appendDimension": {"sheetId": sheet_id, "dimension": "COLUMNS", "length": length}}
    for name in names:
        column = tab.column(name)
        yield header_request(sheet_id, layout[name], [column.header])
        yield from column_requests(sheet_id, layout[name], name, column.type)


def column_requests(sheet_id: int, index: int, name: str, column_type: ColumnType) -> Iterator[dict[str, Any]]:
    """Make a column of a new tab ours: its number format below the header, and our mark."""
    yield from number_format_requests(sheet_id, index, column_type, 1)
    span = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": index, "endIndex": index + 1}
    metadata = {
        "metadataKey": COLUMN_METADATA_KEY,
        "metadataValue": name,
        "location": {"dimensionRange": span},
        "visibility": "DOCUMENT",
    }
    yield {"createDeveloperMetadata": {"developerMetadata": metadata}}


def number_format_requests(
    sheet_id: int, index: int, column_type: ColumnType, first_row: int
) -> Iterator[dict[str, Any]]:
    """The number format of a column from ``first_row`` (0-based) on, where its type has one."""
    if column_type not in NUMBER_FORMATS:
        return
    kind, pattern = NUMBER_FORMATS[column_type]
    span = {"sheetId": sheet_id, "startRowIndex": first_row, "startColumnIndex": index, "endColumnIndex": index + 1}
    yield {
        "repeatCell": {
            "range": span,
            "cell": {"userEnteredFormat": {"numberFormat": {"type": kind, "pattern": pattern}}},
            "fields": "userEnteredFormat.numberFormat",
        }
    }
