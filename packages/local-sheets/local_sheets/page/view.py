"""What the browser is given to draw: the shape of a spreadsheet, the layout of a tab, blocks of its cells.

The answers are far smaller than the API's: formats once per block, empty cells not at all, sizes only where they differ
from the default. Rows and columns count from 0; ranges are half-open unless they name their last cell.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

from local_sheets.cell_values.locales import Locale, get_locale
from local_sheets.cell_values.model import CellError, Formula, Value
from local_sheets.cell_values.number_format import is_date_format, render
from local_sheets.cell_values.user_entered import parse
from local_sheets.formulas.areas import Place
from local_sheets.imports import NOT_ALLOWED
from local_sheets.model.cell import AnyCell, Cell, effective, entered, number_format_of
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Rect, Tab
from local_sheets.page.banding import Bands
from local_sheets.page.conditional import ConditionalFormats
from local_sheets.page.filter_menu import filters_of
from local_sheets.page.formats import colour_of, compact_format
from local_sheets.page.guards import Rules, warned_areas

#: Most cells of one answer; the browser asks for blocks far smaller than this.
MAX_CELLS = 100_000
#: A second as a part of a day.
_SECOND = 1 / 86_400


def spreadsheet_view(spreadsheet: Spreadsheet) -> dict[str, Any]:
    """Title, tabs in the order in which people see them, named ranges."""
    return {
        "id": spreadsheet.spreadsheet_id,
        "title": spreadsheet.title,
        "tabs": [
            {**_tab_view(tab), "index": index}
            for index, tab in enumerate(spreadsheet.tabs)
            if "gridProperties" in tab.properties
        ],
        "names": [
            {"name": named["name"], "sheetId": tab.sheet_id, "rect": _rectangle(tab, named["range"])}
            for named in spreadsheet.named_ranges
            if (tab := spreadsheet.tab_by_id(named["range"].get("sheetId", 0))) is not None
        ],
    }


def _tab_view(tab: Tab) -> dict[str, Any]:
    return {
        "sheetId": tab.sheet_id,
        "title": tab.title,
        "hidden": bool(tab.properties.get("hidden")),
        "colour": colour_of(tab.properties, "tabColor"),
        "rowCount": tab.row_count,
        "columnCount": tab.column_count,
        "frozenRows": int(tab.grid.get("frozenRowCount") or 0),
        "frozenColumns": int(tab.grid.get("frozenColumnCount") or 0),
        "merges": [_rectangle(tab, merge) for merge in tab.sheet.get("merges", ())],
        "warned": warned_areas(tab, _rectangle),
        "filters": filters_of(tab, _rectangle),
    }


def _rectangle(tab: Tab, grid_range: dict[str, Any]) -> dict[str, int]:
    """A ``GridRange`` with its last row and column included."""
    return {
        "top": grid_range.get("startRowIndex") or 0,
        "left": grid_range.get("startColumnIndex") or 0,
        "bottom": grid_range.get("endRowIndex", tab.row_count) - 1,
        "right": grid_range.get("endColumnIndex", tab.column_count) - 1,
    }


def layout_view(tab: Tab, hidden: Collection[int] | None = None) -> dict[str, Any]:
    """Size of the grid; ``rows`` and ``columns`` list ``[index, pixels]`` where not the default, 0 where people hid
    them and -1 where a filter does.

    ``hidden`` are the rows that a filter view hides, in the place of those that the tab's own filter hides.
    """
    rows = (None if row is None else row.properties for block in tab.rows.blocks for row in block.rows)
    columns = (None if column is None else column.properties for column in tab.columns)
    return {
        "rowCount": tab.row_count,
        "columnCount": tab.column_count,
        "rows": _sizes(rows, hidden),
        "columns": _sizes(columns),
    }


def _sizes(properties: Iterable[dict[str, Any] | None], hidden: Collection[int] | None = None) -> list[list[int]]:
    found: list[list[int]] = []
    for index, own in enumerate(properties):
        by_filter = index in hidden if hidden is not None else bool(own and own.get("hiddenByFilter"))
        if own and own.get("hiddenByUser"):
            found.append([index, 0])
        elif by_filter:
            found.append([index, -1])
        elif own and own.get("pixelSize"):
            found.append([index, int(own["pixelSize"])])
    return found


def filled_runs(line: Rect) -> list[list[int]]:
    """Where one column, or one row, is filled: the first cell of each run and the one after its last."""
    rows = line.tab.read(line)
    cells = (row[0] if row else None for row in rows) if line.columns == 1 else chain.from_iterable(rows)
    runs: list[list[int]] = []
    for index, cell in enumerate(cells):
        if effective(cell) in (None, ""):
            continue
        if runs and runs[-1][1] == index:
            runs[-1][1] = index + 1
        else:
            runs.append([index, index + 1])
    return runs


def cells_view(spreadsheet: Spreadsheet, tab: Tab, rows: range, columns: range) -> dict[str, Any]:
    """The filled or formatted cells of a block.

    ``cells`` lists ``[row, column, text, type, format]`` and, where there is more to say, a dict with ``raw`` (what
    one edits), ``value`` (of a number), ``error`` (what is wrong), ``asks`` (for access to another spreadsheet), ``note``,
    ``link``, ``rule``, ``invalid``. Row and column count from the block's
    first cell, ``format`` is an index into ``formats``, ``rule`` one into ``rules``.
    """
    locale = get_locale(spreadsheet.locale)
    block = tab.rect(rows.start, rows.stop, columns.start, columns.stop)
    bands, conditional, rules = Bands(tab), ConditionalFormats(spreadsheet, block), Rules(spreadsheet)
    formats: dict[tuple[int, str | None, tuple[int, ...]], int] = {}
    bodies: list[dict[str, Any]] = []

    def format_index(cell: AnyCell, band: str | None, holding: tuple[int, ...]) -> int:
        shared = cell.format if isinstance(cell, Cell) else None
        key = (0 if shared is None else shared.key, band, holding)
        if key not in formats:
            formats[key] = len(bodies)
            body = compact_format(None if shared is None else shared.body)
            bodies.append({**({"background": band} if band else {}), **body, **conditional.look(holding)})
        return formats[key]

    cells: list[list[Any]] = []
    for row, values in enumerate(tab.read(block), rows.start):
        may_colour = bands.applies(row), conditional.applies(row)
        for column, cell in enumerate(_padded(values, any(may_colour), columns), columns.start):
            shown = _shown(cell, locale)
            band = bands.colour(row, column)
            holding = conditional.holding(cell, shown[0], row, column) if may_colour[1] else ()
            if cell is None and band is None and not holding:
                continue
            more = _more(cell, locale, rules, Place(tab.title, row, column))
            place = [row - rows.start, column - columns.start]
            cells.append([*place, *shown, format_index(cell, band, holding), *more])
    return {"formats": bodies, "rules": rules.bodies, "cells": cells}


def _padded(values: Sequence[AnyCell], may_colour: bool, columns: range) -> Sequence[AnyCell]:
    """Empty cells count where a band or a conditional format may colour them."""
    return [*values, *[None] * (len(columns) - len(values))] if may_colour else values


def _shown(cell: AnyCell, locale: Locale) -> tuple[str, str]:
    """The text that a cell shows, and the kind of its value."""
    value = effective(cell)
    return render(value, number_format_of(cell), locale), type_name(value)


def type_name(value: Value | None) -> str:
    """``text``, ``number``, ``boolean``, ``error`` or ``empty``."""
    match value:
        case None:
            return "empty"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case CellError():
            return "error"
        case _:
            return "text"


def _more(cell: AnyCell, locale: Locale, rules: Rules, place: Place) -> list[dict[str, Any]]:
    """What a cell has beside its text; nothing for most."""
    value = effective(cell)
    text = render(value, number_format_of(cell), locale)
    more: dict[str, Any] = {}
    if (raw := edit_text(cell, locale)) != text:
        more["raw"] = raw
    if type_name(value) == "number" and str(value) != text and not is_date_format(number_format_of(cell)):
        more["value"] = value
    if isinstance(value, CellError) and value.message:
        more["error"] = value.message
        if value == NOT_ALLOWED and "IMPORTRANGE" in raw.upper():
            more["asks"] = True
    if isinstance(cell, Cell):
        more |= rules.of(cell, place)
        if cell.note:
            more["note"] = cell.note
        if link := _link_of(cell):
            more["link"] = link
    return [more] if more else []


def _link_of(cell: Cell) -> str | None:
    extra = cell.extra or {}
    text = (cell.format.body.get("textFormat") or {}) if cell.format is not None else {}
    link: str | None = extra.get("hyperlink") or (text.get("link") or {}).get("uri")
    return link


def edit_text(cell: AnyCell, locale: Locale) -> str:
    """What a person edits: typed back unchanged, it gives the same value again."""
    value, number_format = entered(cell), number_format_of(cell)
    match value:
        case None:
            return ""
        case Formula(text):
            return text
        case str():
            return value if parse(value, locale, number_format).value == value else f"'{value}"
        case bool() | CellError():
            return render(value, number_format, locale)
    if is_date_format(number_format):
        return _date_text(value, number_format, locale)
    if (number_format or {}).get("type") == "PERCENT":
        return _plain_digits(value, 2, locale) + "%"
    return _plain_digits(value, 0, locale)


def _date_text(serial: float, number_format: Mapping[str, Any] | None, locale: Locale) -> str:
    """A date or time as its cell shows it where that says all of it, else in the locale's own way, to the second."""

    def says_all(text: str) -> bool:
        read = parse(text, locale, number_format).value
        return isinstance(read, int | float) and abs(read - serial) < _SECOND

    shown = [render(serial, one, locale) for one in (number_format, {"type": "DATE"}, {"type": "TIME"})]
    return next(filter(says_all, shown), None) or render(serial, {"type": "DATE_TIME"}, locale)


def _plain_digits(number: float, shift: int, locale: Locale) -> str:
    """All digits of a number and no others, its point moved ``shift`` places; exponents only where it is very large."""
    exact = Decimal(repr(number)).scaleb(shift)
    text = format(exact, "f") if -20 < exact.adjusted() < 20 else str(exact)
    return (text.rstrip("0").rstrip(".") if "." in text and "E" not in text else text).replace(".", locale.decimal)
