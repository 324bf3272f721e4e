"""What the parts of a request that point into a spreadsheet mean: A1 ranges, GridRange, DimensionRange ...

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets/other#GridRange
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from local_sheets.a1 import Area, RangeError, parse_range
from local_sheets.api_error import invalid
from local_sheets.model.spreadsheet import Spreadsheet, beyond_grid
from local_sheets.model.tab import Rect, Tab

Message = Mapping[str, Any]

ROWS, COLUMNS = "ROWS", "COLUMNS"


@dataclass(frozen=True, slots=True)
class Span:
    """Rows or columns of a tab, 0-based and half-open; ``dimension`` is ``ROWS`` or ``COLUMNS``."""

    tab: Tab
    dimension: str
    start: int
    end: int

    @property
    def is_rows(self) -> bool:
        return self.dimension == ROWS

    @property
    def length(self) -> int:
        return self.end - self.start

    def rect(self) -> Rect:
        """All cells of these rows or columns."""
        if self.is_rows:
            return self.tab.rect(self.start, self.end)
        return self.tab.rect(col0=self.start, col1=self.end)


def read_area(sheet: Spreadsheet, text: str) -> Area:
    """The area of an A1 range, sides still open.

    Raises:
        ApiError: ``Unable to parse range: X``.
    """
    try:
        return sheet.area_of(text)
    except RangeError as error:
        raise invalid(str(error)) from None


def rect_on(sheet: Spreadsheet, tab: Tab, text: str) -> Rect:
    """The rectangle of an A1 range that means this tab where it names none, clipped to the grid.

    Raises:
        ApiError: It starts outside of the grid.
        RangeError: The text is no range.
    """
    area = parse_range(text, {known.title for known in sheet.tabs}, sheet.named_areas())
    return clip(sheet.rect_of(replace(area, title=tab.title) if area.title is None else area))


def read_rect(sheet: Spreadsheet, text: str) -> Rect:
    """The rectangle of an A1 range, clipped to the grid.

    Raises:
        ApiError: The text is no range, or starts outside of the grid.
    """
    return clip(sheet.rect_of(read_area(sheet, text)))


def clip(rect: Rect) -> Rect:
    """The part of a rectangle that lies on the grid."""
    tab = rect.tab
    return Rect(tab, rect.row0, min(rect.row1, tab.row_count), rect.col0, min(rect.col1, tab.column_count))


def tab_of_grid(sheet: Spreadsheet, sheet_id: int) -> Tab:
    """The tab that a GridRange names.

    Raises:
        ApiError: ``No grid with id: N``.
    """
    tab = sheet.tab_by_id(sheet_id)
    if tab is None:
        raise invalid(f"No grid with id: {sheet_id}")
    return tab


def tab_of_id(sheet: Spreadsheet, sheet_id: int) -> Tab:
    """The tab that a ``sheetId`` names.

    Raises:
        ApiError: ``No sheet with id: N``.
    """
    tab = sheet.tab_by_id(sheet_id)
    if tab is None:
        raise invalid(f"No sheet with id: {sheet_id}")
    return tab


def grid_rect(sheet: Spreadsheet, grid_range: Message | None, *, must_fit: bool = True) -> Rect:
    """The rectangle of a GridRange, clipped to the grid.

    Raises:
        ApiError: Its tab does not exist, its sides are the wrong way round, or it starts outside of the grid.
    """
    if grid_range is None:
        raise invalid("Must specify a range.")
    tab = tab_of_grid(sheet, grid_range.get("sheetId", 0))
    row0, row1 = grid_range.get("startRowIndex"), grid_range.get("endRowIndex")
    col0, col1 = grid_range.get("startColumnIndex"), grid_range.get("endColumnIndex")
    for name, start, end in (("Row", row0, row1), ("Column", col0, col1)):
        if (start or 0) < 0 or (end is not None and end < (start or 0)):
            raise invalid(f"GridRange.start{name}Index[{start or 0}] is after endIndex[{end}]")
    rect = tab.rect(row0, row1, col0, col1)
    if must_fit and ((row0 or 0) >= tab.row_count or (col0 or 0) >= tab.column_count):
        raise beyond_grid(tab, Area(tab.title, row0, row1, col0, col1))
    return clip(rect)


def read_coordinate(sheet: Spreadsheet, message: Message | None) -> tuple[Tab, int, int]:
    """Tab, row and column of a GridCoordinate.

    Raises:
        ApiError: It is missing, or lies outside of the grid.
    """
    if message is None:
        raise invalid("Must specify a start.")
    tab = tab_of_grid(sheet, message.get("sheetId", 0))
    row, col = message.get("rowIndex", 0), message.get("columnIndex", 0)
    if row < 0 or col < 0:
        raise invalid("GridCoordinate indexes must be >= 0")
    if row >= tab.row_count:
        raise invalid(f"GridCoordinate.rowIndex[{row}] is after last row in grid[{tab.row_count - 1}]")
    if col >= tab.column_count:
        raise invalid(f"GridCoordinate.columnIndex[{col}] is after last column in grid[{tab.column_count - 1}]")
    return tab, row, col


def dimension_span(sheet: Spreadsheet, message: Message | None) -> Span:
    """The rows or columns of a DimensionRange; an open end is the grid's.

    Raises:
        ApiError: Its tab does not exist, no dimension is given, or it is empty or the wrong way round.
    """
    if message is None:
        raise invalid("Must specify a range.")
    tab = tab_of_grid(sheet, message.get("sheetId", 0))
    dimension = message.get("dimension", "")
    if dimension not in (ROWS, COLUMNS):
        raise invalid("Must specify a dimension.")
    total = tab.row_count if dimension == ROWS else tab.column_count
    start, end = message.get("startIndex", 0), message.get("endIndex", total)
    if start < 0 or end < 0:
        raise invalid("DimensionRange indexes must be >= 0")
    if end < start:
        raise invalid(f"DimensionRange.startIndex[{start}] must be before endIndex[{end}]")
    return Span(tab, dimension, start, end)
