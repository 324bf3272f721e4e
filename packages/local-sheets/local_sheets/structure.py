"""Rows and columns put in, taken out and moved, with all that points to them: merges, groups, named ranges ...

The cells move with their rows; ranges that lie across the place grow or shrink, as Google describes at
https://developers.google.com/workspace/sheets/api/guides/rowcolumn
"""

from collections.abc import Callable, Iterator
from typing import Any

from local_sheets.comment_anchors import shift_anchors
from local_sheets.formula_texts import follow
from local_sheets.formulas.shift import Deleted, Inserted, Moved
from local_sheets.limits import check_size
from local_sheets.model.cell import AnyCell, Cell, pack
from local_sheets.model.rows import Row
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import GROWN, Transaction
from local_sheets.rule_formulas import Written, written_in_tabs
from local_sheets.table_columns import shift_columns

#: What becomes of a half-open span of rows or columns; None when nothing of it is left.
Shift = Callable[[int, int], tuple[int, int] | None]


def insert_rows(tx: Transaction, tab: Tab, index: int, count: int, *, inherit: bool) -> None:
    """Put empty rows before ``index``; with ``inherit`` they look like the row before, else like the row after.

    Raises:
        ApiError: A limit would be passed.
    """
    check_size(tx, tab, tab.row_count + count, tab.column_count)
    tx.touch(tab)
    model = tab.rows.get(index - 1) if inherit and index > 0 else tab.rows.get(index)
    looks = _looks_of(model)
    if index < len(tab.rows) or looks:
        if index > len(tab.rows):
            tab.rows.insert(len(tab.rows), [None] * (index - len(tab.rows)), tx.serial)
        fresh: list[Row | None] = [tab.new_row(looks, calculates=False) if looks else None for _ in range(count)]
        tab.rows.insert(index, fresh, tx.serial)
    at_end = index >= tab.row_count
    tab.grid["rowCount"] = tab.row_count + count
    written = _shift_all(tx, tab, "Row", lambda start, end: _grown(start, end, index, count))
    shift = Inserted(tab.title, True, index, count)
    if at_end:  # no formula has to follow
        tx.shifts.append((tab.sheet_id, shift))
        tx.note_tab(tab, GROWN)
        return
    _follow(tx, tab, shift, written)
    tx.note_tab(tab, "rows")


def _looks_of(row: Row | None) -> list[AnyCell]:
    """Cells with the formats and rules of a row, and nothing else."""
    if row is None or not any(isinstance(cell, Cell) for cell in row.cells):
        return []
    return trimmed([_look_of(cell) for cell in row.cells])


def _look_of(cell: AnyCell) -> AnyCell:
    return pack(Cell(format=cell.format, validation=cell.validation)) if isinstance(cell, Cell) else None


def trimmed(cells: list[AnyCell]) -> list[AnyCell]:
    """Take empty cells off the end, in place."""
    while cells and cells[-1] is None:
        cells.pop()
    return cells


def delete_rows(tx: Transaction, tab: Tab, start: int, end: int) -> None:
    """Take rows out; developer metadata on them is gone."""
    tx.touch(tab)
    for row in tab.rows.delete(start, end, tx.serial):
        for key in row.metadata if row is not None else ():
            tx.set_metadata(key, None)
    tab.grid["rowCount"] = tab.row_count - (end - start)
    frozen = tab.grid.get("frozenRowCount", 0)
    if start < frozen:
        _set_frozen(tab, "frozenRowCount", frozen - (min(end, frozen) - start))
    written = _shift_all(tx, tab, "Row", lambda a, b: _shrunk(a, b, start, end))
    _follow(tx, tab, Deleted(tab.title, True, start, end), written)
    tx.note_tab(tab, "rows")


def move_rows(tx: Transaction, tab: Tab, start: int, end: int, destination: int) -> None:
    """Move rows before the row that now has the index ``destination``."""
    tx.touch(tab)
    upto = max(end, destination)
    missing = upto - len(tab.rows)
    if missing > 0:
        tab.rows.insert(len(tab.rows), [None] * missing, tx.serial)
    moved = tab.rows.delete(start, end, tx.serial)
    target = destination if destination <= start else destination - (end - start)
    tab.rows.insert(target, moved, tx.serial)
    written = _shift_all(tx, tab, "Row", lambda a, b: _moved(a, b, start, end, target))
    _follow(tx, tab, Moved(tab.title, True, start, end, destination), written)
    tx.note_tab(tab, "rows")


def insert_columns(tx: Transaction, tab: Tab, index: int, count: int, *, inherit: bool) -> None:
    """Put empty columns before ``index``, looking like the column before or after.

    Raises:
        ApiError: A limit would be passed.
    """
    check_size(tx, tab, tab.row_count, tab.column_count + count)
    tx.touch(tab)
    model = index - 1 if inherit and index > 0 else index

    def widen(cells: list[AnyCell]) -> list[AnyCell]:
        if len(cells) <= index and len(cells) <= model:
            return cells
        look = _look_of(cells[model]) if model < len(cells) else None
        cells += [None] * (index - len(cells))
        return trimmed([*cells[:index], *[look] * count, *cells[index:]])

    _rewrite_rows(tx, tab, widen)
    if index < len(tab.columns):
        tab.columns = [*tab.columns[:index], *[None] * count, *tab.columns[index:]]
    tab.grid["columnCount"] = tab.column_count + count
    written = _shift_all(tx, tab, "Column", lambda start, end: _grown(start, end, index, count))
    _follow(tx, tab, Inserted(tab.title, False, index, count), written)
    tx.note_tab(tab, "columns")


def delete_columns(tx: Transaction, tab: Tab, start: int, end: int) -> None:
    """Take columns out; developer metadata on them is gone."""
    tx.touch(tab)
    _rewrite_rows(tx, tab, lambda cells: trimmed([*cells[:start], *cells[end:]]) if len(cells) > start else cells)
    for column in tab.columns[start:end]:
        for key in column.metadata if column is not None else ():
            tx.set_metadata(key, None)
    tab.columns = [*tab.columns[:start], *tab.columns[end:]]
    tab.grid["columnCount"] = tab.column_count - (end - start)
    frozen = tab.grid.get("frozenColumnCount", 0)
    if start < frozen:
        _set_frozen(tab, "frozenColumnCount", frozen - (min(end, frozen) - start))
    written = _shift_all(tx, tab, "Column", lambda a, b: _shrunk(a, b, start, end))
    _follow(tx, tab, Deleted(tab.title, False, start, end), written)
    tx.note_tab(tab, "columns")


def move_columns(tx: Transaction, tab: Tab, start: int, end: int, destination: int) -> None:
    """Move columns before the column that now has the index ``destination``."""
    tx.touch(tab)
    target = destination if destination <= start else destination - (end - start)
    upto = max(end, destination)

    def move(cells: list[Any]) -> list[Any]:
        if len(cells) <= min(start, destination):
            return cells
        cells += [None] * (upto - len(cells))
        rest = [*cells[:start], *cells[end:]]
        return trimmed([*rest[:target], *cells[start:end], *rest[target:]])

    _rewrite_rows(tx, tab, move)
    tab.columns = move(list(tab.columns))
    written = _shift_all(tx, tab, "Column", lambda a, b: _moved(a, b, start, end, target))
    _follow(tx, tab, Moved(tab.title, False, start, end, destination), written)
    tx.note_tab(tab, "columns")


def crop(tx: Transaction, tab: Tab) -> None:
    """Drop what lies outside of the grid after it became smaller."""
    tx.touch(tab)
    for row in tab.rows.delete(tab.row_count, len(tab.rows), tx.serial):
        for key in row.metadata if row is not None else ():
            tx.set_metadata(key, None)
    width = tab.column_count
    if tab.used_width() > width:
        _rewrite_rows(tx, tab, lambda cells: trimmed(cells[:width]) if len(cells) > width else cells)
    for column in tab.columns[width:]:
        for key in column.metadata if column is not None else ():
            tx.set_metadata(key, None)
    del tab.columns[width:]


def _rewrite_rows(tx: Transaction, tab: Tab, change: Callable[[list[AnyCell]], list[AnyCell]]) -> None:
    """Give every row the cells that ``change`` makes of its own; rows that come out equal in length stay as they are."""
    fresh: list[Row | None] = []
    for row in tab.rows.between(0, len(tab.rows)):
        if row is None:
            fresh.append(None)
            continue
        cells = change(list(row.cells))
        same = len(cells) == len(row.cells) and all(a is b for a, b in zip(cells, row.cells, strict=True))
        fresh.append(row if same else Row(row.row_id, cells, row.properties, row.metadata))
    tab.rows.replace_all(0, fresh, tx.serial)


def _set_frozen(tab: Tab, name: str, count: int) -> None:
    tab.grid.pop(name, None)
    if count > 0:
        tab.grid[name] = count


# -- what points to rows and columns


def _follow(tx: Transaction, tab: Tab, shift: Inserted | Deleted | Moved, written: list[Written]) -> None:
    tx.shifts.append((tab.sheet_id, shift))
    shift_anchors(tx, tab.sheet_id, shift)
    follow(tx, shift, written)


def _grown(start: int, end: int, index: int, count: int) -> tuple[int, int]:
    if index <= start:
        return start + count, end + count
    return (start, end + count) if index < end else (start, end)


def _shrunk(start: int, end: int, gone0: int, gone1: int) -> tuple[int, int] | None:
    def map_edge(edge: int) -> int:
        return edge if edge <= gone0 else max(gone0, edge - (gone1 - gone0))

    fresh = map_edge(start), map_edge(end)
    return None if fresh[0] == fresh[1] and start != end else fresh


def _moved(start: int, end: int, from0: int, from1: int, target: int) -> tuple[int, int]:
    """A span that moves as a whole goes along; any other keeps its first and last row or column."""
    count = from1 - from0

    def map_index(index: int) -> int:
        if from0 <= index < from1:
            return target + index - from0
        rest = index if index < from0 else index - count
        return rest if rest < target else rest + count

    if from0 <= start and end <= from1:
        return map_index(start), map_index(start) + end - start
    first, last = map_index(start), map_index(end - 1)
    return min(first, last), max(first, last) + 1


def _shift_all(tx: Transaction, tab: Tab, axis: str, shift: Shift) -> list[Written]:
    """Apply a shift to every range that points into the tab, and drop what lost all of its range.

    Returns the formulas in rules of tabs, with the cells that they were written for before.
    """
    written = written_in_tabs(tx.spreadsheet)
    for table in tab.sheet.get("tables", ()) if axis == "Column" else ():
        shift_columns(table, shift)
    for name, items in _ranged_items(tab.sheet):
        kept = [item for item in items if shift_item(item, axis, shift)]
        if kept:
            tab.sheet[name] = kept
        else:
            tab.sheet.pop(name, None)
    basic = tab.sheet.get("basicFilter")
    if basic is not None and not shift_item(basic, axis, shift):
        del tab.sheet["basicFilter"]
    _shift_groups(tab, axis, shift)
    named = tx.spreadsheet.named_ranges
    sheet_id = tab.sheet_id
    tx.spreadsheet.named_ranges = [
        item for item in named if item["range"].get("sheetId", 0) != sheet_id or shift_item(item, axis, shift)
    ]
    return written


def _ranged_items(sheet: dict[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name in ("merges", "protectedRanges", "filterViews", "bandedRanges", "tables", "conditionalFormats"):
        if name in sheet:
            yield name, sheet[name]


def shift_item(item: dict[str, Any], axis: str, shift: Shift) -> bool:
    """Shift the ranges of one thing; False when it has lost all of them."""
    if "ranges" in item:
        item["ranges"] = [place for place in item["ranges"] if _shift_grid_range(place, axis, shift)]
        return bool(item["ranges"])
    place = item.get("range", item)
    if not _shift_grid_range(place, axis, shift):
        return False
    for unprotected in item.get("unprotectedRanges", []):
        _shift_grid_range(unprotected, axis, shift)
    if axis == "Column":
        _shift_criteria(item, shift)
    return True


def _shift_criteria(kept: dict[str, Any], shift: Shift) -> None:
    """Let a filter's criteria and order follow their columns."""

    def moved(index: int) -> int | None:
        place = shift(index, index + 1)
        return None if place is None else place[0]

    if "criteria" in kept:
        places = ((moved(int(column)), one) for column, one in kept["criteria"].items())
        kept["criteria"] = {str(place): one for place, one in places if place is not None}
    for name, index in (("filterSpecs", "columnIndex"), ("sortSpecs", "dimensionIndex")):
        if name in kept:
            specs = ((moved(spec.get(index, 0)), spec) for spec in kept[name])
            kept[name] = [{**spec, index: place} for place, spec in specs if place is not None]


def _shift_grid_range(place: dict[str, Any], axis: str, shift: Shift) -> bool:
    start_name, end_name = f"start{axis}Index", f"end{axis}Index"
    if start_name not in place and end_name not in place:
        return True
    open_end = end_name not in place
    start = place.get(start_name, 0)
    end = 2**31 if open_end else place[end_name]
    fresh = shift(start, end)
    if fresh is None:
        return False
    place[start_name] = fresh[0]
    if not open_end:
        place[end_name] = fresh[1]
    return True


def _shift_groups(tab: Tab, axis: str, shift: Shift) -> None:
    name = "rowGroups" if axis == "Row" else "columnGroups"
    kept = []
    for group in tab.sheet.get(name, []):
        span = group["range"]
        fresh = shift(span.get("startIndex", 0), span["endIndex"])
        if fresh is not None:
            kept.append({**group, "range": {**span, "startIndex": fresh[0], "endIndex": fresh[1]}})
    tab.sheet.pop(name, None)
    if kept:
        tab.sheet[name] = kept
