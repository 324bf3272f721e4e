"""What people decide about edits: put one in after all, refuse it, take it back. Each goes through the same merge."""

import uuid
from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.edits import ledger, looks, notes
from sheets_pipeline.edits.base import base_of, forgotten, note_base
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.edits.recording import put_in
from sheets_pipeline.edits.taking_back import MOST, can_be_taken_back, takings
from sheets_pipeline.edits.which import Which
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.sync.merge import UNKNOWN, Unknown


class NotPossible(SheetsPipelineError):
    """An edit is in a state in which this cannot be done."""

    remedy = "`sheets-pipeline edits list` shows the edits and their states."
    http_status = 409


class NoSuchEdit(NotPossible):
    """There is no edit of this number, or none that is meant."""

    http_status = 404


def find(connection: sa.Connection, edit_id: int) -> Edit:
    """The edit of this number.

    Raises:
        NoSuchEdit: There is none.
    """
    edits = ledger.select(connection, sheet_edit.c.id == edit_id)
    if not edits:
        raise NoSuchEdit(f"There is no edit {edit_id}. `sheets-pipeline edits list` shows those that there are.")
    return edits[0]


def accept(engine: sa.Engine, edit_id: int, who: str) -> Edit:
    """Put in what was typed: an edit that waits for it, or one that was refused or lost against the database.

    What the database holds as the edit's record says is what it replaces: where that has changed since, it is a conflict
    again.
    """
    with ledger.writing(engine) as connection:
        edit = find(connection, edit_id)
        if edit.state not in (State.AWAITING, State.CONFLICT, State.REJECTED, State.DEAD):
            raise NotPossible(f"Edit {edit_id} is {edit.state}; expected one that waits, lost or was refused.")
        if edit.column == ledger.ROW:
            if edit.row_key:
                raise NotPossible(
                    f"Edit {edit_id} is about a row that has a key. What is meant is done in the tab again."
                )
            looks.ask(connection, edit.tab_id)
        base = edit.base if isinstance(edit.in_database, Unknown) else edit.in_database
        if not ledger.set_state(connection, edit, State.NEW, who, None, base=ledger.as_json(base)):
            raise NotPossible(f"Somebody else was quicker with edit {edit_id}.")
        return find(connection, edit_id)


def reject(engine: sa.Engine, edit_id: int, who: str) -> Edit:
    """Keep the database's value: refuse an edit that waits, or leave it at that with one that lost or failed."""
    with ledger.writing(engine) as connection:
        edit = find(connection, edit_id)
        if edit.state not in (State.AWAITING, State.NEW, State.CONFLICT, State.DEAD):
            raise NotPossible(f"Edit {edit_id} is {edit.state}; expected one that waits, lost or failed.")
        reason = f"refused by {who}"
        if not ledger.set_state(connection, edit, State.REJECTED, who, reason, settled_at=utc_now()):
            raise NotPossible(f"Somebody else was quicker with edit {edit_id}.")
        if edit.column == ledger.ROW:
            if edit.row_key:  # it was taken out, and comes back
                connection.execute(forgotten(edit.tab_id, [edit.row_key]))
            return find(connection, edit_id)
        notes.wish(connection, [ledger.Ended(edit, State.REJECTED, reason)])
        if edit.state in ledger.OPEN:  # the tab still shows it
            note_base(connection, [([edit], base_of(connection, edit))])
        return find(connection, edit_id)


def waiting_in(engine: sa.Engine, batch: str) -> list[int]:
    """Edits of a batch that wait for a person.

    Raises:
        NoSuchEdit: There is none.
    """
    where = (sheet_edit.c.batch == batch) & (sheet_edit.c.state == State.AWAITING.value)
    with engine.connect() as connection:
        ids = list(connection.scalars(sa.select(sheet_edit.c.id).where(where).order_by(sheet_edit.c.id)))
    if not ids:
        raise NoSuchEdit(f"No edit of a batch {batch!r} waits for a person.")
    return ids


class TakenBack(NamedTuple):
    """Edits that are being taken back: how many, and the batch of new edits that does it."""

    edits: int
    batch: str


def undo(engine: sa.Engine, edit_ids: Sequence[int], who: str) -> TakenBack:
    """Take back edits that were applied, as one batch of new edits.

    A cell that has changed since keeps what it holds now: its edit ends as a conflict.
    """
    with ledger.writing(engine) as connection:
        return _take_back(connection, undoable(connection, edit_ids), who)


def undoable(connection: sa.Connection, edit_ids: Sequence[int]) -> list[Edit]:
    """The edits of these numbers, the oldest first.

    Raises:
        NoSuchEdit: There is none of one of the numbers.
        NotPossible: One of them was not applied.
    """
    edits = [find(connection, edit_id) for edit_id in sorted(set(edit_ids))]
    for edit in edits:
        if edit.column == ledger.ROW and edit.state is State.APPLIED and not can_be_taken_back(edit):
            what = "delete it in the tab" if edit.base is UNKNOWN else "put it in again in the database"
            raise NotPossible(
                f"Edit {edit.id} is about a row of which not all is kept, so it is not taken back: {what}."
            )
        if not can_be_taken_back(edit):
            raise NotPossible(f"Edit {edit.id} is {edit.state}; only what was applied can be taken back.")
    return edits


def undo_all(engine: sa.Engine, which: Which, who: str) -> TakenBack:
    """Take back all applied edits of a batch, or of a person in a time span.

    Raises:
        NoSuchEdit: There is none.
        NotPossible: There are too many.
    """
    with ledger.writing(engine) as connection:
        return _take_back(connection, applied(connection, which), who)


def applied(connection: sa.Connection, which: Which) -> list[Edit]:
    """The edits of these that can be taken back, the oldest first; a person's undos are none of them.

    Raises:
        NoSuchEdit: There is none.
        NotPossible: There are too many.
    """
    where = [*which.conditions(connection), sheet_edit.c.state == State.APPLIED.value]
    if which.batch is None:
        where.append(sheet_edit.c.seen_by != "undo")
    edits = [edit for edit in ledger.select(connection, *where, limit=MOST + 1) if can_be_taken_back(edit)]
    if not edits:
        raise NoSuchEdit("No applied edit is among them, so there is nothing to take back.")
    if len(edits) > MOST:
        raise NotPossible(f"More than {MOST:,} edits are meant. Name a shorter time.")
    return edits


def _take_back(connection: sa.Connection, edits: Sequence[Edit], who: str) -> TakenBack:
    batch = f"undo-{uuid.uuid4()}"
    for taking in reversed(takings(connection, edits)):
        put_in(connection, taking.first, taking.value, taking.base, who, batch)
    return TakenBack(len(edits), batch)


def became(engine: sa.Engine, batch: str) -> dict[str, int]:
    """How many edits of a batch are in which state."""
    columns = sheet_edit.c
    query = sa.select(columns.state, sa.func.count()).where(columns.batch == batch).group_by(columns.state)
    with engine.connect() as connection:
        return {row[0]: row[1] for row in connection.execute(query)}
