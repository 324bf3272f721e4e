"""Taking a step back although the spreadsheet was changed since: what others did stays.

Where nobody changed what the step had changed, its tabs become what they were. Else each cell that still holds what the
step put there gets back what it held before, wherever it is now; rows and columns that were inserted go, if nobody wrote into
them, and deleted ones come back. What cannot be told apart (a sort of rows that others have edited since) is refused.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from local_sheets.api_error import ApiError
from local_sheets.cell_values.model import Formula
from local_sheets.formula_texts import uses_decimal_comma
from local_sheets.formulas.shift import Change as Shift
from local_sheets.formulas.shift import Deleted, Inserted, Moved, shift_formula
from local_sheets.model.cell import AnyCell, Cell, pack, unpack
from local_sheets.model.rows import Block, Row
from local_sheets.model.tab import Column, Tab
from local_sheets.model.transaction import Transaction
from local_sheets.structure import (
    crop,
    delete_columns,
    delete_rows,
    insert_columns,
    insert_rows,
    move_columns,
    move_rows,
)
from local_sheets.undo.steps import Step, TabState, outside_of, place_after

Later = Sequence[tuple[int, Shift]]


def take_back(tx: Transaction, step: Step, later: Later) -> int:
    """Take a step back; ``later`` are the changes of rows and columns since. Gives how many cells others had changed.

    Raises:
        ApiError: 409, it cannot be taken back any more.
    """
    if _is_untouched(tx, step):
        _put_all(tx, step)
        return 0
    if not _same(step.order[0], step.order[1]):
        raise _refused("tabs were added or deleted by it, and others have worked on since")
    kept_for_others = 0
    for tab, before, after in step.tabs:
        if all(tab is not other for other in tx.spreadsheet.tabs):
            raise _refused("its tab is gone")
        own = [shift for sheet_id, shift in step.shifts if sheet_id == tab.sheet_id]
        since = [shift for sheet_id, shift in later if sheet_id == tab.sheet_id]
        kept_for_others += _Merge(tx, tab, before, after, own, since).carry_out()
    if kept_for_others and step.change_type == "OTHER":
        raise _refused("others have changed what it had moved or set")
    return kept_for_others


def _refused(why: str) -> ApiError:
    return ApiError(409, f"This cannot be undone any more: {why}.")


def _same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _is_untouched(tx: Transaction, step: Step) -> bool:
    sheet = tx.spreadsheet
    return (
        _same(sheet.tabs, step.order[1])
        and outside_of(sheet) == step.outside[1]
        and all(after.is_of(tab) for tab, _, after in step.tabs)
        and all(sheet.metadata.get(key) == after for key, (_, after) in step.metadata.items())
    )


def _put_all(tx: Transaction, step: Step) -> None:
    sheet = tx.spreadsheet
    for tab, before, _ in step.tabs:
        tx.touch(tab)
        before.put(tab)
    sheet.tabs = list(step.order[0])
    outside = step.outside[0]
    sheet.properties = {**outside["properties"], "title": sheet.title}
    sheet.named_ranges = [dict(one) for one in outside["namedRanges"]]
    for key, (before_message, _) in step.metadata.items():
        tx.set_metadata(key, before_message)
    tx.shifts += [(sheet_id, inverse) for sheet_id, shift in reversed(step.shifts) for inverse in _inverse(shift)]
    for change in step.changes:
        if change.area is not None and not step.shifts:
            tx.note(change.area)
        elif (changed := sheet.tab_by_id(change.sheet_id)) is not None:
            tx.note_tab(changed, "undo")
    if not step.changes or not _same(*step.order):
        tx.note_tab(sheet.tabs[0], "undo")


def _inverse(shift: Shift) -> list[Shift]:
    match shift:
        case Inserted(title, is_rows, at, count):
            return [Deleted(title, is_rows, at, at + count)]
        case Deleted(title, is_rows, start, end):
            return [Inserted(title, is_rows, start, end - start)]
        case Moved():
            start, end, to = _way_back(shift)
            return [Moved(shift.title, shift.is_rows, start, end, to)]


def _way_back(shift: Moved) -> tuple[int, int, int]:
    landed = shift.place(shift.start)
    return landed, landed + shift.end - shift.start, shift.start if landed > shift.start else shift.end


class _Merge:
    """One tab: what a step changed in it goes back, what others did since stays."""

    def __init__(
        self, tx: Transaction, tab: Tab, before: TabState, after: TabState, own: Sequence[Shift], since: Sequence[Shift]
    ) -> None:
        self._tx, self._tab, self._before, self._after = tx, tab, before, after
        self._own, self._since = list(own), list(since)
        self._comma = uses_decimal_comma(tx.spreadsheet)
        self._kept_for_others = 0
        #: Rows or columns of the state before that the step had deleted, and where they begin now.
        self._back: tuple[bool, range, int] | None = None

    def carry_out(self) -> int:
        self._tx.touch(self._tab)
        if len(self._own) > 1:
            raise _refused("it changed rows or columns in several places, and others have worked on since")
        for shift in self._own:
            self._shape(shift)
        self._cells()
        self._columns()
        self._settings()
        self._crop()
        return self._kept_for_others

    def _shape(self, shift: Shift) -> None:
        tx, tab, is_rows = self._tx, self._tab, shift.is_rows
        match shift:
            case Inserted(_, _, at, count):
                found = [place_after(index, self._since, is_rows=is_rows) for index in range(at, at + count)]
                places = [place for place in found if place is not None]
                if places and places != list(range(places[0], places[0] + len(places))):
                    raise _refused("what it inserted is no longer in one place")
                if any(self._is_foreign(at, places, is_rows=is_rows)):
                    raise _refused("others have written into what it inserted")
                if places:
                    (delete_rows if is_rows else delete_columns)(tx, tab, places[0], places[-1] + 1)
            case Deleted(_, _, start, end):
                place = self._gap(start, is_rows=is_rows)
                (insert_rows if is_rows else insert_columns)(tx, tab, place, end - start, inherit=place > 0)
                self._back = is_rows, range(start, end), place
            case Moved():
                if any(one.is_rows == is_rows for one in self._since):
                    raise _refused("others have inserted, deleted or moved rows or columns since")
                (move_rows if is_rows else move_columns)(tx, tab, *_way_back(shift))

    def _gap(self, start: int, *, is_rows: bool) -> int:
        before = place_after(start - 1, self._since, is_rows=is_rows) if start else -1
        after = place_after(start, self._since, is_rows=is_rows) if before is None else before + 1
        if after is None:
            raise _refused("the rows or columns around it are gone")
        return after

    def _is_foreign(self, at: int, places: Sequence[int], *, is_rows: bool) -> Iterator[bool]:
        """Whether cells of inserted rows or columns hold more than the step had put there."""
        after = _rows(self._after.blocks)
        if is_rows:
            for offset, place in enumerate(places):
                own = after[at + offset] if at + offset < len(after) else None
                width = max(len(self._tab.row_cells(place)), len(own.cells) if own else 0)
                yield any(_kept(_cell(own, c)) != _kept(self._tab.cell(place, c)) for c in range(width))
            return
        for index, row in enumerate(self._tab.rows.between(0, len(self._tab.rows))):
            own = after[index] if index < len(after) else None
            yield any(_kept(_cell(row, place)) != _kept(_cell(own, at + n)) for n, place in enumerate(places))

    def _now(self, index: int, *, is_rows: bool) -> int | None:
        """Where a row or column of the state before is now."""
        if self._back is not None and self._back[0] == is_rows and index in self._back[1]:
            return self._back[2] + index - self._back[1].start
        place = place_after(self._then(index, is_rows=is_rows), self._since, is_rows=is_rows)
        if place is None or not self._own or self._own[0].is_rows != is_rows:
            return place
        match self._own[0]:
            case Inserted(_, _, at, count):
                gone = [place_after(one, self._since, is_rows=is_rows) for one in range(at, at + count)]
                return place - sum(1 for one in gone if one is not None and one < place)
            case Deleted() if self._back is not None:
                return place + len(self._back[1]) * (place >= self._back[2])
        return index

    def _then(self, index: int, *, is_rows: bool) -> int:
        """Where a row or column of the state before was after the step; it was not deleted by it."""
        found = place_after(index, self._own, is_rows=is_rows)
        return index if found is None else found

    def _cells(self) -> None:
        before, after = _rows(self._before.blocks), _rows(self._after.blocks)
        for index in range(max(len(before), len(after))):
            old = before[index] if index < len(before) else None
            came_back = self._back is not None and self._back[0] and index in self._back[1]
            then = self._then(index, is_rows=True)
            new = None if came_back else after[then] if then < len(after) else None
            if old is new and (self._back is None or self._back[0]):
                continue
            place = self._now(index, is_rows=True)
            if place is None or place >= self._tab.row_count:
                continue
            self._row(old, new, place, is_whole=came_back)

    def _row(self, old: Row | None, new: Row | None, place: int, *, is_whole: bool) -> None:
        tab = self._tab
        for column in range(max(len(old.cells) if old else 0, len(new.cells) if new else 0)):
            came_back = self._back is not None and not self._back[0] and column in self._back[1]
            held = _cell(old, column)
            put = None if is_whole or came_back else _cell(new, self._then(column, is_rows=False))
            if _kept(held) == _kept(put) and not (is_whole or came_back):
                continue
            where = self._now(column, is_rows=False)
            if where is None or where >= tab.column_count:
                continue
            if not (is_whole or came_back) and _kept(tab.cell(place, where)) != _kept(self._shifted(put)):
                self._kept_for_others += 1
                continue
            tab.put_cells(self._tx, place, where, [self._shifted(held)])
            self._tx.note(tab.rect(place, place + 1, where, where + 1))
        if (old.properties if old else None) != (new.properties if new else None):
            now = tab.rows.get(place)
            if is_whole or (now.properties if now else None) == (new.properties if new else None):
                tab.replace_row(self._tx, place, properties=dict((old.properties if old else None) or {}))
                self._tx.note_tab(tab, "rows")

    def _shifted(self, cell: AnyCell) -> AnyCell:
        """The cell with a formula that follows what was inserted, deleted and moved since."""
        if not isinstance(cell, Cell):
            return cell
        if isinstance(cell.value, Formula):
            text = cell.value.text
            for shift in self._since:
                text = shift_formula(text, self._tab.title, shift, decimal_comma=self._comma)
            return replace(cell, value=Formula(text), result=None)
        return pack(replace(cell, result=None))

    def _columns(self) -> None:
        before, after = self._before.columns, self._after.columns
        if self._own or self._since or before == after:
            return
        for index in range(max(len(before), len(after))):
            old, new = _at(before, index), _at(after, index)
            if old != new and self._tab.column(index) == new:
                self._tab.replace_column(self._tx, index, properties=dict((old.properties if old else None) or {}))

    def _settings(self) -> None:
        """Merges, filters, rules of the tab and its own properties, each as a whole."""
        if self._own:
            return
        before, after, now = self._before.sheet, self._after.sheet, self._tab.sheet
        for name in before.keys() | after.keys():
            if before.get(name) == after.get(name):
                continue
            if now.get(name) != after.get(name):
                raise _refused("others have changed the same setting of the tab")
            if name in before:
                now[name] = before[name]
            else:
                now.pop(name, None)
            self._tx.note_tab(self._tab, "undo")

    def _crop(self) -> None:
        """Let go of rows that the tab has no longer, unless somebody has written into them."""
        tab = self._tab
        beyond = list(tab.rows.between(tab.row_count, len(tab.rows)))
        if any(row is not None and row.cells for row in beyond) or tab.used_width() > tab.column_count:
            raise _refused("others have written where the tab had grown")
        if beyond:
            crop(self._tx, tab)


def _rows(blocks: Sequence[Block]) -> list[Row | None]:
    return [row for block in blocks for row in block.rows]


def _cell(row: Row | None, column: int) -> AnyCell:
    return row.cells[column] if row is not None and column < len(row.cells) else None


def _at(columns: Sequence[Column | None], index: int) -> Column | None:
    return columns[index] if index < len(columns) else None


def _kept(cell: AnyCell) -> tuple[Any, ...]:
    """What of a cell was entered; what formulas show is computed again."""
    full = unpack(cell)
    extra = {name: value for name, value in (full.extra or {}).items() if not name.startswith("~")}
    return type(full.value), full.value, full.format, full.validation, full.note, extra
