"""What the menu of a filter shows: the filters of a tab, the values of a column, the rows that a filter view hides."""

from collections.abc import Callable, Iterator
from typing import Any

from local_sheets.api_error import not_found
from local_sheets.cell_values.number_format import render
from local_sheets.model.cell import effective, number_format_of
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.row_filter import RowFilter

Message = dict[str, Any]
Rectangle = Callable[[Tab, Message], dict[str, int]]
#: Values that a menu lists; further ones are found by a condition.
MOST_VALUES = 2000


def filters_of(tab: Tab, rectangle: Rectangle) -> Message:
    """The basic filter of a tab (None where it has none) and its filter views, as the page takes them."""

    def view(kept: Message) -> Message:
        return {
            "rect": rectangle(tab, kept.get("range", {})),
            "range": kept.get("range", {}),
            "criteria": kept.get("criteria", {}),
        }

    basic = tab.sheet.get("basicFilter")
    views = [
        {"id": one["filterViewId"], "title": one.get("title", ""), **view(one)}
        for one in tab.sheet.get("filterViews", ())
    ]
    return {"basic": None if basic is None else view(basic), "views": views}


def find_filter(tab: Tab, view_id: int | None) -> Message:
    """A tab's basic filter, or one of its filter views.

    Raises:
        ApiError: 404, there is none.
    """
    if view_id is None:
        found = tab.sheet.get("basicFilter")
    else:
        found = next((one for one in tab.sheet.get("filterViews", ()) if one["filterViewId"] == view_id), None)
    if found is None:
        raise not_found("The filter is gone: load the page again.")
    return dict(found)


def values_of(spreadsheet: Spreadsheet, tab: Tab, kept: Message, column: int) -> Message:
    """The values of a column as ``[text, is_shown]``, sorted, of the rows that the other columns' criteria leave."""
    own, others = kept.get("criteria", {}).get(str(column), {}), RowFilter(spreadsheet, tab, kept, but=column)
    hidden, locale = set(own.get("hiddenValues", ())), spreadsheet.locale
    texts: dict[str, tuple[Any, ...]] = {}
    for index, cells in _body(tab, kept):
        if others.hides(index, cells):
            continue
        value = effective(cell := cells[column] if column < len(cells) else None)
        text = "" if value is None else render(value, number_format_of(cell), locale)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        texts.setdefault(text, (0, value, "") if is_number else (1, 0, text.casefold()))
    ordered = sorted(texts, key=texts.__getitem__)
    return {
        "values": [[text, text not in hidden] for text in ordered[:MOST_VALUES]],
        "isWhole": len(ordered) <= MOST_VALUES,
        "hidden": sorted(hidden - texts.keys()),
        "condition": own.get("condition"),
    }


def hidden_rows(spreadsheet: Spreadsheet, tab: Tab, kept: Message) -> set[int]:
    """The rows that a filter view hides."""
    row_filter = RowFilter(spreadsheet, tab, kept)
    return {index for index, cells in _body(tab, kept) if row_filter.hides(index, cells)}


def _body(tab: Tab, kept: Message) -> Iterator[tuple[int, Any]]:
    """Index and cells of the rows below a filter's header."""
    place = kept.get("range", {})
    first, end = place.get("startRowIndex", 0) + 1, place.get("endRowIndex", tab.row_count)
    for index, row in enumerate(tab.rows.between(first, end), first):
        yield index, () if row is None else row.cells
