"""How wide a column of ours is made: as wide as its header and most of its values."""

from collections.abc import Iterable, Iterator
from typing import Any

from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.tab import NUMBER_FORMATS, Column, ColumnType

#: Pixels of a character on average (10 pt Arial, and in bold), of the padding on both sides, and of the arrow of a filter.
_CHARACTER, _BOLD_CHARACTER, _PADDING, _ARROW = 7.0, 7.6, 12, 20

#: Narrower is hard to hit, wider leaves no room for the others; Google's own columns have 100.
_NARROWEST, _WIDEST = 60, 320

#: Share of the values that are to be seen whole.
_SHOWN_WHOLE = 0.95


def column_width(column: Column, cells: Iterable[Cell] = ()) -> int:
    """Pixels for a new column that holds these cells."""
    lengths = sorted(_shown_length(column.type, cell) for cell in cells if cell is not None)
    longest = lengths[int((len(lengths) - 1) * _SHOWN_WHOLE)] if lengths else 0
    if column.type in (ColumnType.DATE, ColumnType.DATETIME):
        longest = max(longest, len(NUMBER_FORMATS[column.type][1]))
    pixels = max(longest * _CHARACTER, len(column.header) * _BOLD_CHARACTER + _ARROW) + _PADDING
    return min(max(round(pixels), _NARROWEST), _WIDEST)


def _shown_length(column_type: ColumnType, cell: Cell) -> int:
    if type(cell) is str:
        return max(map(len, cell.split("\n")))
    if type(cell) is bool:
        return 5
    if column_type in (ColumnType.DATE, ColumnType.DATETIME):
        return len(NUMBER_FORMATS[column_type][1])
    decimals = {ColumnType.DECIMAL: 3, ColumnType.PERCENT: 5}.get(column_type, 0)
    return len(str(int(cell or 0))) + decimals


def width_requests(sheet_id: int, index: int, column: Column, cells: Iterable[Cell] = ()) -> Iterator[dict[str, Any]]:
    """Make a column that wide."""
    span = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": index, "endIndex": index + 1}
    size = {"pixelSize": column_width(column, cells)}
    yield {"updateDimensionProperties": {"range": span, "properties": size, "fields": "pixelSize"}}
