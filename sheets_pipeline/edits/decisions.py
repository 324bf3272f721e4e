"""What people decide about edits: put one in after all, refuse it, take it back. Each goes through the same merge."""

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.edits import ledger, notes
from sheets_pipeline.edits.base import base_of, note_base
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.edits.recording import put_in
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.sync.merge import UNKNOWN, Unknown


class NotPossible(SheetsPipelineError):
    """An edit is in a state in which this cannot be done, or there is none of this number."""

    remedy = "`sheets-pipeline edits list` shows the edits and their states."


def find(connection: sa.Connection, edit_id: int) -> Edit:
    """The edit of this number.

    Raises:
        NotPossible: There is none.
    """
    edits = ledger.select(connection, sheet_edit.c.id == edit_id)
    if not edits:
        raise NotPossible(f"There is no edit {edit_id}. `sheets-pipeline edits list` shows those that there are.")
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
        base = edit.base if isinstance(edit.in_database, Unknown) else edit.in_database
        if not ledger.set_state(connection, edit, State.NEW, who, None, base=ledger.as_json(base)):
            raise NotPossible(f"Somebody else was quicker with edit {edit_id}.")
        return find(connection, edit_id)


def reject(engine: sa.Engine, edit_id: int, who: str) -> Edit:
    """Refuse an edit that waits; the tab shows the database's value again at its next sync."""
    with ledger.writing(engine) as connection:
        edit = find(connection, edit_id)
        if edit.state not in (State.AWAITING, State.NEW):
            raise NotPossible(f"Edit {edit_id} is {edit.state}; expected one that waits.")
        reason = f"refused by {who}"
        if not ledger.set_state(connection, edit, State.REJECTED, who, reason, settled_at=utc_now()):
            raise NotPossible(f"Somebody else was quicker with edit {edit_id}.")
        notes.wish(connection, [notes.Ended(edit, State.REJECTED, reason)])
        _, base = base_of(connection, edit)
        note_base(connection, [edit], base or {})
        return find(connection, edit_id)


def waiting_in(engine: sa.Engine, batch: str) -> list[int]:
    """Edits of a batch that wait for a person.

    Raises:
        NotPossible: There is none.
    """
    where = (sheet_edit.c.batch == batch) & (sheet_edit.c.state == State.AWAITING.value)
    with engine.connect() as connection:
        ids = list(connection.scalars(sa.select(sheet_edit.c.id).where(where).order_by(sheet_edit.c.id)))
    if not ids:
        raise NotPossible(f"No edit of a batch {batch!r} waits for a person.")
    return ids


def undo(engine: sa.Engine, edit_ids: Sequence[int], who: str) -> int:
    """Take back edits that were applied, the latest first, as one batch of new edits; returns how many.

    A cell that has changed since keeps what it holds now: its edit ends as a conflict.
    """
    batch = f"undo-{uuid.uuid4()}"
    with ledger.writing(engine) as connection:
        edits = [find(connection, edit_id) for edit_id in sorted(set(edit_ids), reverse=True)]
        for edit in edits:
            if edit.state is not State.APPLIED or isinstance(edit.stored, Unknown) or edit.in_database is UNKNOWN:
                raise NotPossible(f"Edit {edit.id} is {edit.state}; only what was applied can be taken back.")
        for edit in edits:
            if not isinstance(edit.stored, Unknown) and not isinstance(edit.in_database, Unknown):
                put_in(connection, edit, edit.in_database, edit.stored, who, batch)
        return len(edits)
