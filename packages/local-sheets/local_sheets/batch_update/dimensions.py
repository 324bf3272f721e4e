"""Requests on rows and columns: insert, delete, move, append, size and visibility."""

from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.merges import merges_of
from local_sheets.limits import resize
from local_sheets.model.protection import check_protection, check_whole_tab
from local_sheets.model.transaction import Transaction
from local_sheets.references import COLUMNS, ROWS, Span, dimension_span, tab_of_grid
from local_sheets.spreadsheets_api.contents import merge_masked, read_fields
from local_sheets.spreadsheets_api.defaults import COLUMN_PIXELS, ROW_PIXELS, without_defaults
from local_sheets.structure import delete_columns, delete_rows, insert_columns, insert_rows, move_columns, move_rows
from local_sheets.values_api.rendering import renderer

Message = dict[str, Any]


def _total(span: Span) -> int:
    return span.tab.row_count if span.is_rows else span.tab.column_count


def insert_dimension(tx: Transaction, request: Message) -> None:
    """insertDimension"""
    span = dimension_span(tx.spreadsheet, request.get("range"))
    inherit = request.get("inheritFromBefore", False)
    total = _total(span)
    if not inherit and span.start >= total:
        raise invalid(f"range.startIndex must be less than the grid size ({total}) if inheritFromBefore is false.")
    if span.start > total:
        raise invalid(f"range.startIndex is larger than current grid size ({total})")
    if inherit and span.start == 0:
        raise invalid("inheritFromBefore cannot be true when inserting at index 0.")
    check_whole_tab(tx.spreadsheet, span.tab, tx.editor)
    insert = insert_rows if span.is_rows else insert_columns
    insert(tx, span.tab, span.start, span.length, inherit=inherit)


def delete_dimension(tx: Transaction, request: Message) -> None:
    """deleteDimension"""
    span = dimension_span(tx.spreadsheet, request.get("range"))
    total, tab = _total(span), span.tab
    name = "rows" if span.is_rows else "columns"
    if span.start >= total or span.end > total:
        missing = max(span.start, total)
        one = name.removesuffix("s")
        raise invalid(
            f"Cannot delete a {one} that doesn't exist. Tried to delete {one} index {missing} "
            f"but there are only {total} {name}."
        )
    if span.length >= total:
        raise invalid(f"You can't delete all the {name} on the sheet.")
    frozen = tab.grid.get("frozenRowCount" if span.is_rows else "frozenColumnCount", 0)
    if frozen and span.start <= frozen and span.end >= total:
        raise invalid(f"Sorry, it is not possible to delete all non-frozen {name}.")
    check_protection(tx.spreadsheet, span.rect(), tx.editor)
    if span.length:
        (delete_rows if span.is_rows else delete_columns)(tx, tab, span.start, span.end)


def move_dimension(tx: Transaction, request: Message) -> None:
    """moveDimension; the destination is counted before the move."""
    span = dimension_span(tx.spreadsheet, request.get("source"))
    destination, total = request.get("destinationIndex", 0), _total(span)
    if span.end > total or not 0 <= destination <= total:
        name = "rows" if span.is_rows else "columns"
        raise invalid(f"Cannot move {name} {span.start} to {span.end} to {destination}: the sheet has {total} {name}.")
    if span.start <= destination <= span.end:
        return
    _check_merges(span, destination)
    check_protection(tx.spreadsheet, span.rect(), tx.editor)
    (move_rows if span.is_rows else move_columns)(tx, span.tab, span.start, span.end, destination)


def _check_merges(span: Span, destination: int) -> None:
    """Refuse a move that would tear a merged range apart.

    Raises:
        ApiError: One reaches over an end of what is moved, or over the destination.
    """
    for rect, _ in merges_of(span.tab):
        start, end = (rect.row0, rect.row1) if span.is_rows else (rect.col0, rect.col1)
        meets = start < span.end and span.start < end
        if (meets and not (span.start <= start and end <= span.end)) or start < destination < end:
            one = "row" if span.is_rows else "column"
            raise invalid(
                f"Sorry, it is not possible to move a {one} to a position that crosses a merged cell. "
                "Please unmerge and try again."
            )


def append_dimension(tx: Transaction, request: Message) -> None:
    """appendDimension"""
    tab = tab_of_grid(tx.spreadsheet, request.get("sheetId", 0))
    length, dimension = request.get("length", 0), request.get("dimension")
    if dimension not in (ROWS, COLUMNS):
        raise invalid("Must specify a dimension.")
    if length <= 0:
        raise invalid(f"length must be greater than 0: {length}")
    rows, columns = (length, 0) if dimension == ROWS else (0, length)
    check_whole_tab(tx.spreadsheet, tab, tx.editor)
    resize(tx, tab, tab.row_count + rows, tab.column_count + columns)


def update_dimension_properties(tx: Transaction, request: Message) -> None:
    """updateDimensionProperties"""
    if "dataSourceSheetRange" in request:
        raise invalid("Data sources are not kept by Local Sheets.")
    mask = read_fields(request.get("fields"))
    span = dimension_span(tx.spreadsheet, request.get("range"))
    if span.start >= _total(span):
        raise invalid(f"The range starts at {span.start}: the sheet has {_total(span)} {span.dimension.lower()}.")
    check_whole_tab(tx.spreadsheet, span.tab, tx.editor)
    given = request.get("properties", {})
    if "pixelSize" in given and given["pixelSize"] < 0:
        raise invalid(f"pixelSize must not be negative: {given['pixelSize']}")
    for index in range(span.start, min(span.end, _total(span))):
        set_dimension(tx, span, index, lambda old: without_defaults(merge_masked(old, given, mask)))
    tx.note_tab(span.tab, "dimensions")


def set_dimension(tx: Transaction, span: Span, index: int, change: Any) -> None:
    """Give one row or column other ``DimensionProperties``."""
    tab = span.tab
    if span.is_rows:
        row = tab.rows.get(index)
        old = (row.properties if row is not None else None) or {}
        if (fresh := change(old)) != old:
            tab.replace_row(tx, index, properties=fresh)
    else:
        column = tab.column(index)
        old = (column.properties if column is not None else None) or {}
        if (fresh := change(old)) != old:
            tab.replace_column(tx, index, properties=fresh)


def auto_resize_dimensions(tx: Transaction, request: Message) -> None:
    """autoResizeDimensions: columns get the width of their longest text, rows their usual height."""
    if "dataSourceSheetDimensions" in request:
        raise invalid("Data sources are not kept by Local Sheets.")
    span = dimension_span(tx.spreadsheet, request.get("dimensions"))
    widths = {} if span.is_rows else _widths(tx, span)
    for index in range(span.start, min(span.end, _total(span))):
        pixels = ROW_PIXELS if span.is_rows else widths.get(index, COLUMN_PIXELS)
        set_dimension(tx, span, index, lambda old, pixels=pixels: {**old, "pixelSize": pixels})
    tx.note_tab(span.tab, "dimensions")


#: Pixels of a character of 10 pt Arial on average, and of the padding on both sides.
_CHARACTER_PIXELS, _PADDING_PIXELS = 6.5, 10


def _widths(tx: Transaction, span: Span) -> dict[int, int]:
    show = renderer(tx.spreadsheet.locale, "FORMATTED_VALUE", None)
    longest: dict[int, int] = {}
    for cells in span.tab.read(span.rect()):
        for place, cell in enumerate(cells):
            lines = str(show(cell)).split("\n")
            longest[place] = max(longest.get(place, 0), *(len(line) for line in lines))
    return {
        span.start + place: max(21, round(length * _CHARACTER_PIXELS) + _PADDING_PIXELS)
        for place, length in longest.items()
        if length
    }
