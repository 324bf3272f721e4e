"""sortRange and randomizeRange: rows of a range in another order; developer metadata travels with its row."""

import random
from collections.abc import Sequence
from typing import Any

from local_sheets.api_error import invalid
from local_sheets.batch_update.merges import merges_of
from local_sheets.cell_values.model import CellError
from local_sheets.formula_texts import copied, uses_decimal_comma
from local_sheets.model.cell import AnyCell, effective
from local_sheets.model.rows import Row
from local_sheets.model.tab import Rect
from local_sheets.model.transaction import Transaction
from local_sheets.references import grid_rect, tab_of_grid

Message = dict[str, Any]


def sort_range(tx: Transaction, request: Message) -> None:
    """sortRange"""
    _check_start(tx, request.get("range", {}))
    area = grid_rect(tx.spreadsheet, request.get("range"))
    specs = request.get("sortSpecs", [])
    if not specs:
        raise invalid("Must specify at least one sort spec.")
    sort_by_specs(tx, area, specs)


def _check_start(tx: Transaction, grid_range: Message) -> None:
    tab = tab_of_grid(tx.spreadsheet, grid_range.get("sheetId", 0))
    if grid_range.get("startRowIndex", 0) >= tab.row_count:
        raise invalid(f"range.startRowIndex is larger than current grid size ({tab.row_count})")


def sort_by_specs(tx: Transaction, area: Rect, specs: Sequence[Message]) -> None:
    """Sort an area's rows by columns, the first spec first.

    Raises:
        ApiError: A column lies outside of the area, or cells are merged over several rows.
    """
    for rect, _ in merges_of(area.tab):
        if rect.rows > 1 and rect.meets(area):
            where = rect.a1().rpartition("!")[2]
            raise invalid(f"You can't sort a range containing vertical merges. There is a vertical merge at {where}")
    places = _shown_rows(area)
    order = list(places)
    cells = _cells_of(area)
    for spec in reversed(specs):
        column = spec.get("dimensionIndex", 0) - area.col0
        if not 0 <= column < area.columns:
            raise invalid(f"Sort column {spec.get('dimensionIndex', 0)} is outside of the range {area.a1()}.")
        _sort(order, cells, column, descending=spec.get("sortOrder") == "DESCENDING")
    whole = list(range(area.rows))
    for place, source in zip(places, order, strict=True):
        whole[place] = source
    reorder(tx, area, whole)


def _shown_rows(area: Rect) -> list[int]:
    """Rows of an area, counted from its first, that are not hidden: hidden ones stay where they are."""
    rows = area.tab.rows.between(area.row0, area.row1)
    hidden = {
        index
        for index, row in enumerate(rows)
        if row is not None and row.properties and (row.properties.keys() & {"hiddenByUser", "hiddenByFilter"})
    }
    return [index for index in range(area.rows) if index not in hidden]


def _cells_of(area: Rect) -> list[Sequence[AnyCell]]:
    found = list(area.tab.read(area))
    return found + [()] * (area.rows - len(found))


def _sort(order: list[int], cells: list[Sequence[AnyCell]], column: int, *, descending: bool) -> None:
    """Stable sort by one column; empty cells are last in either direction."""

    keys: dict[int, Any] = {}
    empty = []
    for index in order:
        row = cells[index]
        value = effective(row[column]) if column < len(row) else None
        if value in (None, ""):
            empty.append(index)
        else:
            keys[index] = sort_key(value)
    order[:] = sorted(keys, key=keys.__getitem__, reverse=descending) + empty


def sort_key(value: Any) -> tuple[int, Any]:
    """Numbers before text before booleans before errors; text without regard to case."""
    match value:
        case bool():
            return 2, value
        case int() | float():
            return 0, value
        case CellError():
            return 3, value.text
    return 1, (str(value).casefold(), str(value).swapcase())


def randomize_range(tx: Transaction, request: Message) -> None:
    """randomizeRange"""
    area = grid_rect(tx.spreadsheet, request.get("range"))
    order = list(range(area.rows))
    random.shuffle(order)
    reorder(tx, area, order)


def reorder(tx: Transaction, area: Rect, order: Sequence[int]) -> None:
    """Put the rows of a range in another order: ``order`` says which row comes to stand at each place."""
    tab = area.tab
    tx.touch(tab)
    old: list[Row | None] = list(tab.rows.between(area.row0, area.row1))
    old += [None] * (area.rows - len(old))
    comma = uses_decimal_comma(tx.spreadsheet)
    fresh = [_with_cells_of(area, old[place], old[source], place - source, comma) for place, source in enumerate(order)]
    while fresh and fresh[-1] is None and area.row0 + len(fresh) > len(tab.rows):
        fresh.pop()
    tab.rows.replace_all(area.row0, fresh, tx.serial)
    tx.cells_written += area.cells
    tx.note(area)


def _with_cells_of(area: Rect, place: Row | None, source: Row | None, down: int, comma: bool) -> Row | None:
    """The row at a place with the cells and metadata of another one in the range's columns; its height stays."""
    if not down:
        return place
    width = area.columns
    taken = [] if source is None else list(source.cells[area.col0 : area.col1])
    if source is not None and source.calculates:
        taken = [copied(cell, down, 0, decimal_comma=comma) for cell in taken]
    before = [] if place is None else list(place.cells[: area.col0])
    after = [] if place is None else list(place.cells[area.col1 :])
    cells: list[AnyCell] = list(before)
    if taken or after:
        cells += [None] * (area.col0 - len(before)) + taken
    if after:
        cells += [None] * (width - len(taken)) + after
    while cells and cells[-1] is None:
        cells.pop()
    metadata = () if source is None else source.metadata
    if place is None and not cells and not metadata:
        return None
    row = area.tab.new_row() if place is None else place
    return Row(row.row_id, cells, row.properties, metadata)
