"""What taking edits back would do, cell by cell and row by row; nothing is changed."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_target import bound
from sheets_pipeline.edits import ledger, whole_rows
from sheets_pipeline.edits.apply import editable_tabs
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.ledger import ROW, Edit
from sheets_pipeline.edits.marked_rows import marked_as, marked_row
from sheets_pipeline.edits.places import editable_tab
from sheets_pipeline.edits.row import Later, Row
from sheets_pipeline.edits.taking_back import Place, Taking, place_of
from sheets_pipeline.edits.whole_rows import Held, referred_to
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.merge import same
from sheets_pipeline.sync.tab import ColumnType, Tab

#: Longest time in which a preview asks the database what cells hold now.
_LOOK_SECONDS = 5.0


class Outcome(StrEnum):
    """What taking back would do to a cell or a row."""

    CHANGES = "changes"
    NOTHING = "nothing"  # it holds that value already
    KEPT = "kept"  # it has changed since
    UNKNOWN = "unknown"  # its row was not found, or not looked at


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of one cell, and what it holds by then, as far as it was looked at; of a row that is kept, why."""

    taking: Taking
    outcome: Outcome
    held: Cell | dict[str, Cell]
    reason: str | None = None


@dataclass(slots=True)
class _Looked:
    """What the database holds: cells, and where whole rows were inserted or deleted (by the edit's number)."""

    cells: dict[Place, Any] = field(default_factory=dict)
    rows: dict[int, Held] = field(default_factory=dict)


def preview(pipeline: Ends, taken: Sequence[Taking]) -> list[Preview]:
    """What taking these back would do, the oldest first. Rows beyond some seconds are not looked at."""
    looked, end = _Looked(), time.monotonic() + _LOOK_SECONDS
    rows = defaultdict[tuple[int, str], list[Edit]](list)
    for taking in taken:
        rows[taking.first.tab_id, taking.first.row_key].append(taking.first)
    with pipeline.platform.connect() as platform:
        bound(platform)
        for edits in rows.values():
            tab = editable_tab(pipeline, edits[0].spreadsheet_id, edits[0].tab)
            if tab is not None and time.monotonic() < end:
                _look(pipeline, platform, tab, edits, looked)
    foreseen = _Foreseen(looked)
    return [foreseen.next(taking) for taking in reversed(taken)][::-1]


def _look(pipeline: Ends, platform: sa.Connection, tab: Tab, edits: list[Edit], looked: _Looked) -> None:
    cells = [edit for edit in edits if edit.column != ROW]
    found: dict[str, Any] = {}
    with pipeline.state.connect() as state:
        with suppress(Later):
            found = Row(platform, state, tab, cells).held() if cells else {}
        for edit in edits:
            if edit.is_whole_row and tab.edits is not None and (kept := ledger.whole_row(state, edit)) is not None:
                if (held := whole_rows.look(platform, tab, edit, kept)) is not None:
                    looked.rows[edit.id] = held
            elif edit.column == ROW and tab.edits and tab.edits.deleted_rows == "soft":
                marked = marked_row(platform, tab, edit).read()
                if marked is not None:
                    found[ROW] = marked_as(marked, tab.edits.deleted_column)
    looked.cells |= {(edits[0].tab_id, edits[0].row_key, column): cell for column, cell in found.items()}


class _Foreseen:
    """What cells and rows will hold by then: the newest edits are taken back first, and older ones meet what that left."""

    def __init__(self, looked: _Looked) -> None:
        self._looked, self._tabs = looked, editable_tabs()
        #: Rows that will be there, with what the tab shows of them, or will not (None).
        self._rows: dict[tuple[int, str], dict[str, Cell] | None] = {}
        #: Columns of the table that will be as they were before edits that are taken back.
        self._back = defaultdict[tuple[int, str], set[str]](set)

    def next(self, taking: Taking) -> Preview:
        """What the next older taking would do."""
        return self._row(taking) if taking.first.is_whole_row else self._cell(taking)

    def _row(self, taking: Taking) -> Preview:
        row = place_of(taking.first)[:2]
        held = self._looked.rows.get(taking.first.id)
        if held is None:
            return Preview(taking, Outcome.UNKNOWN, None)
        is_foreseen = row in self._rows
        now = self._rows[row] if is_foreseen else held.shown
        is_there, goes = now is not None, taking.value is None
        if is_there is not goes:
            is_same = goes or is_foreseen or not held.changed
            return Preview(taking, Outcome.NOTHING if is_same else Outcome.KEPT, now)
        if goes and not is_foreseen and (reason := self._why_kept(held, self._back[row])):
            return Preview(taking, Outcome.KEPT, now, reason)
        self._rows[row] = then = self._cells_of(taking)
        self._looked.cells |= {(*row, name): cell for name, cell in (then or {}).items()}
        return Preview(taking, Outcome.CHANGES, now)

    @staticmethod
    def _cells_of(taking: Taking) -> dict[str, Cell] | None:
        value: Any = taking.value
        return dict(value) if isinstance(value, Mapping) else None

    @staticmethod
    def _why_kept(held: Held, back: set[str]) -> str | None:
        if changed := sorted(held.changed - back):
            return f"{', '.join(changed)} changed since"
        return referred_to(held.referring) if held.referring else None

    def _cell(self, taking: Taking) -> Preview:
        place = place_of(taking.first)
        if place not in self._looked.cells:
            return Preview(taking, Outcome.KEPT if taking.later else Outcome.UNKNOWN, None)
        now, kind, column = self._looked.cells[place], ColumnType.TEXT, ""
        tab = self._tabs.get(taking.first.tab)
        if taking.first.column != ROW and tab is not None:
            kind = tab.column(taking.first.column).type
            column = tab.edited[taking.first.column].target.column
        elif tab is not None and tab.edits is not None:
            column = tab.edits.deleted_column
        if same(now, taking.value, kind):
            return Preview(taking, Outcome.NOTHING, now)
        if not same(now, taking.base, kind):
            return Preview(taking, Outcome.KEPT, now)
        self._looked.cells[place] = taking.value
        self._back[place[:2]].add(column)
        return Preview(taking, Outcome.CHANGES, now)
