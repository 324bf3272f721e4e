"""Taking edits back: which of them go together, and what came later and is kept."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.state import chunks
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.merge import Unknown

#: Most edits that are taken back at once.
MOST = 10_000
#: A cell of the ledger: number of the tab, key of the row, column.
Place = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Taking:
    """Applied edits of one cell, one upon the other, that are taken back together; the oldest first.

    ``later`` are applied edits of the cell, or of the row that was inserted, that came afterwards and stay.
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


def can_be_taken_back(edit: Edit) -> bool:
    """Whether it was applied, and both what it replaced and what it left are known."""
    is_known = not isinstance(edit.stored, Unknown) and not isinstance(edit.in_database, Unknown)
    return edit.state is State.APPLIED and is_known


def takings(connection: sa.Connection, edits: Sequence[Edit]) -> list[Taking]:
    """The edits by cell; those that follow each other without one of others in between go together. Oldest first.

    What was done to a whole row stands alone: each time it comes back as it was then.
    """
    found: list[Taking] = []
    wanted = {edit.id for edit in edits}
    histories = _histories(connection, edits)
    for history in histories.values():
        run: list[Edit] = []
        for i, edit in enumerate(history):
            if edit.id not in wanted:
                continue
            run.append(edit)
            follows = history[i + 1] if i + 1 < len(history) else None
            if follows is None or follows.id not in wanted or not _follow(edit, follows):
                of_row = _of_row(edit, histories) if edit.is_whole_row else history
                later = tuple(one for one in of_row if one.id > edit.id and one.id not in wanted)
                found.append(Taking(tuple(run), later))
                run = []
    return sorted(found, key=lambda taking: taking.first.id)


def _follow(edit: Edit, later: Edit) -> bool:
    """Whether the later one found what this one left."""
    if edit.is_whole_row or later.is_whole_row:
        return False
    return ledger.as_json(later.in_database) == ledger.as_json(edit.stored)


def _of_row(edit: Edit, histories: Mapping[Place, list[Edit]]) -> list[Edit]:
    """All applied edits of an edit's row, oldest first."""
    row = place_of(edit)[:2]
    found = [one for place, history in histories.items() if place[:2] == row for one in history]
    return sorted(found, key=lambda one: one.id)


def _histories(connection: sa.Connection, edits: Sequence[Edit]) -> dict[Place, list[Edit]]:
    """All applied edits of these edits' cells, and of the cells of rows among them, from the oldest of these on."""
    columns, rows = sheet_edit.c, defaultdict[int, set[str]](set)
    places = {place_of(edit) for edit in edits}
    whole = {place_of(edit)[:2] for edit in edits if edit.is_whole_row}
    for tab_id, row_key, _ in places:
        rows[tab_id].add(row_key)
    since = (columns.id >= min(edit.id for edit in edits)) & (columns.state == State.APPLIED.value)
    histories = defaultdict[Place, list[Edit]](list)
    for tab_id, keys in rows.items():
        for some in chunks(keys):
            where = (columns.tab_id == tab_id) & columns.row_key.in_(some) & since
            for edit in ledger.select(connection, where):
                if (place := place_of(edit)) in places or place[:2] in whole:
                    histories[place].append(edit)
    return histories


def place_of(edit: Edit) -> Place:
    """The cell of an edit."""
    return edit.tab_id, edit.row_key, edit.column


def _known(cell: Cell | Unknown) -> Cell:
    if isinstance(cell, Unknown):
        raise ValueError("Expected an edit that was applied, found one of which no value is known.")
    return cell
