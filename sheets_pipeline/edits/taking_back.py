"""Taking edits back: which of them go together, what would change, and what came later and is kept."""

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.state import chunks
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.apply import editable_tabs
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.edits.marked_rows import marked_as, marked_row
from sheets_pipeline.edits.places import editable_tab
from sheets_pipeline.edits.row import Later, Row
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.merge import Unknown, same
from sheets_pipeline.sync.tab import ColumnType, Tab

#: Most edits that are taken back at once.
MOST = 10_000
#: Longest time in which a preview asks the database what cells hold now.
_LOOK_SECONDS = 5.0

#: A cell of the ledger: number of the tab, key of the row, column.
_Place = tuple[int, str, str]


class Outcome(StrEnum):
    """What taking back would do to a cell."""

    CHANGES = "changes"
    NOTHING = "nothing"  # it holds that value already
    KEPT = "kept"  # it has changed since
    UNKNOWN = "unknown"  # its row was not found, or not looked at


@dataclass(frozen=True, slots=True)
class Taking:
    """Applied edits of one cell, one upon the other, that are taken back together; the oldest first.

    ``later`` are applied edits of the cell that came afterwards and stay.
    """

    edits: tuple[Edit, ...]
    later: tuple[Edit, ...] = ()

    @property
    def first(self) -> Edit:
        """The oldest of them."""
        return self.edits[0]

    @property
    def value(self) -> Cell:
        """What the cell held before them."""
        return _known(self.first.in_database)

    @property
    def base(self) -> Cell:
        """What they left in it."""
        return _known(self.edits[-1].stored)


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of one cell, and what the database holds there now, as far as it was looked at."""

    taking: Taking
    outcome: Outcome
    held: Cell


def can_be_taken_back(edit: Edit) -> bool:
    """Whether it was applied, and both what it replaced and what it left are known."""
    is_known = not isinstance(edit.stored, Unknown) and not isinstance(edit.in_database, Unknown)
    return edit.state is State.APPLIED and is_known


def takings(connection: sa.Connection, edits: Sequence[Edit]) -> list[Taking]:
    """The edits by cell; those that follow each other without one of others in between go together. Oldest first."""
    found: list[Taking] = []
    wanted = {edit.id for edit in edits}
    for history in _histories(connection, edits).values():
        run: list[Edit] = []
        for i, edit in enumerate(history):
            if edit.id not in wanted:
                continue
            run.append(edit)
            follows = history[i + 1] if i + 1 < len(history) else None
            if (
                follows is None
                or follows.id not in wanted
                or ledger.as_json(follows.in_database) != ledger.as_json(edit.stored)
            ):
                later = tuple(one for one in history[i + 1 :] if one.id not in wanted)
                found.append(Taking(tuple(run), later))
                run = []
    return sorted(found, key=lambda taking: taking.first.id)


def _histories(connection: sa.Connection, edits: Sequence[Edit]) -> dict[_Place, list[Edit]]:
    """All applied edits of these edits' cells, from the oldest of these on."""
    columns, rows = sheet_edit.c, defaultdict[int, set[str]](set)
    places = {_place(edit) for edit in edits}
    for tab_id, row_key, _ in places:
        rows[tab_id].add(row_key)
    since = (columns.id >= min(edit.id for edit in edits)) & (columns.state == State.APPLIED.value)
    histories = defaultdict[_Place, list[Edit]](list)
    for tab_id, keys in rows.items():
        for some in chunks(keys):
            where = (columns.tab_id == tab_id) & columns.row_key.in_(some) & since
            for edit in ledger.select(connection, where):
                if _place(edit) in places:
                    histories[_place(edit)].append(edit)
    return histories


def preview(pipeline: Ends, taken: Sequence[Taking]) -> list[Preview]:
    """What taking these back would do; nothing is changed. Rows beyond some seconds are not looked at."""
    held, end = dict[_Place, Cell](), time.monotonic() + _LOOK_SECONDS
    tabs = editable_tabs()
    rows = defaultdict[tuple[int, str], list[Edit]](list)
    for taking in taken:
        rows[taking.first.tab_id, taking.first.row_key].append(taking.first)
    with pipeline.platform.connect() as platform:
        for edits in rows.values():
            tab = editable_tab(pipeline, edits[0].spreadsheet_id, edits[0].tab)
            if tab is not None and time.monotonic() < end:
                held |= _held(pipeline, platform, tab, edits)
    return [_previewed(taking, tabs, held) for taking in taken]


def _held(pipeline: Ends, platform: sa.Connection, tab: Tab, edits: list[Edit]) -> dict[_Place, Cell]:
    with pipeline.state.connect() as state:
        try:
            found: dict[str, Any] = Row(platform, state, tab, edits).held()
        except Later:
            return {}
    for edit in edits:
        if edit.column == ledger.ROW and tab.edits and tab.edits.deleted_rows == "soft":
            held = marked_row(platform, tab, edit).read()
            if held is not None:
                found[ledger.ROW] = marked_as(held, tab.edits.deleted_column)
    return {(edits[0].tab_id, edits[0].row_key, column): cell for column, cell in found.items()}


def _previewed(taking: Taking, tabs: Mapping[str, Tab], held: Mapping[_Place, Cell]) -> Preview:
    place = _place(taking.first)
    if place not in held:
        return Preview(taking, Outcome.KEPT if taking.later else Outcome.UNKNOWN, None)
    is_row = taking.first.column == ledger.ROW
    now = held[place]
    kind = ColumnType.TEXT if is_row else tabs[taking.first.tab].column(taking.first.column).type
    if same(now, taking.value, kind):
        return Preview(taking, Outcome.NOTHING, now)
    return Preview(taking, Outcome.CHANGES if same(now, taking.base, kind) else Outcome.KEPT, now)


def _place(edit: Edit) -> _Place:
    return edit.tab_id, edit.row_key, edit.column


def _known(cell: Cell | Unknown) -> Cell:
    if isinstance(cell, Unknown):
        raise ValueError("Expected an edit that was applied, found one of which no value is known.")
    return cell
