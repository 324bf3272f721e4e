"""Rows that people deleted: taken out of the database, or marked there as deleted, once they have been gone long enough."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_refusals import Kind, refusal
from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.edit_target import TargetRow
from sheets_pipeline.database.whole_row import WholeRow
from sheets_pipeline.edits import ledger, row_steps
from sheets_pipeline.edits.apply import transactions
from sheets_pipeline.edits.base import zone_of
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.edits.marked_rows import LEFT, NOT_THERE, ask_for_sync, marked_as, moment
from sheets_pipeline.edits.row import target_key
from sheets_pipeline.edits.whole_rows import keep, referred_to
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.editing import Edits
from sheets_pipeline.sync.merge import same
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.sync.typed_cells import Reader
from sheets_pipeline.sync.values import Misfit, converter

_CHANGED = "the database changed the row after it was deleted in the sheet, and keeps it"


def delete_row(pipeline: Ends, tab: Tab, edit: Edit) -> bool:
    """Delete a row as the tab declares it; False where that is to be tried again. One that is kept comes back to the tab.

    Raises:
        DatabaseError: The database cannot be reached.
    """
    try:
        with transactions(pipeline) as (platform, state):
            editor = row_steps.who_took_out(state, edit)
            state.execute(sheet_edit.update().where(sheet_edit.c.id == edit.id).values(editor=editor))
            refused = _refusal(tab, edit, editor)
            end = ledger.Ended(edit, State.REJECTED, refused) if refused else _deleted(platform, tab, edit)
            _settle(platform, state, tab, end)
    except Exception as error:
        why = refusal(error)
        if why.kind is Kind.AWAY and isinstance(error, DatabaseError):
            raise
        if why.kind is Kind.AGAIN:
            return False
        reason = why.reason.replace("there is no such row to refer to", "other rows refer to it")
        with transactions(pipeline) as (platform, state):
            kept = State.REJECTED if why.kind is Kind.REFUSED else State.DEAD
            _settle(platform, state, tab, ledger.Ended(edit, kept, f"the row is kept: {reason}"))
    return True


def _refusal(tab: Tab, edit: Edit, editor: str) -> str | None:
    """Why this person may not delete the row: to delete it is to clear all of its cells. None where they may."""
    base: dict[str, Cell] = edit.base if isinstance(edit.base, dict) else {}
    for name, editing in tab.edited.items():
        if base.get(name) not in (None, "") and not editing.takes_edits_of(editor):
            who = (
                f"{editor} is not among those who may" if editor else "it is not known who deleted it, and not all may"
            )
            return f"the row is kept: {who} edit the column {name}"
    return None


def _deleted(platform: sa.Connection, tab: Tab, edit: Edit) -> ledger.Ended:
    edits = tab.edits or Edits()
    base: dict[str, Cell] = edit.base if isinstance(edit.base, dict) else {}
    names = {one.target.column: name for name, one in tab.edited.items() if one.target.table == edits.own.table}
    columns = [*edits.own.key, *names, *([edits.deleted_column] if edits.deleted_rows == "soft" else [])]
    try:
        key = target_key(tab, edits.own.table, edit.row_key, base, zone_of(edit))
    except (LookupError, Misfit) as error:
        return ledger.Ended(edit, State.REJECTED, f"its row of {edits.own.table} is not found: {error}")
    row = TargetRow(platform, edits.own.table, key, list(dict.fromkeys(columns)))
    held = row.read(lock=True)
    if held is None or (edits.deleted_rows == "soft" and held[edits.deleted_column] not in (None, False, 0)):
        return ledger.Ended(edit, State.SAME, NOT_THERE)
    if any(name in base and not _is_as_known(tab, edit, name, base[name], held[c]) for c, name in names.items()):
        return ledger.Ended(edit, State.CONFLICT, _CHANGED)
    if edits.deleted_rows != "soft":
        return _deleted_for_good(platform, tab, edit, key)
    if not row.change({edits.deleted_column: moment(row.known.types.get(edits.deleted_column))}):
        return ledger.Ended(edit, State.REJECTED, LEFT)
    before, after = (marked_as(one, edits.deleted_column) for one in (held, row.read() or held))
    return ledger.Ended(edit, State.APPLIED, in_database=before, stored=after)


def _deleted_for_good(platform: sa.Connection, tab: Tab, edit: Edit, key: Mapping[str, Any]) -> ledger.Ended:
    """Delete a row to which no other refers; all of it is kept in the ledger, so that it can come back."""
    kept = keep(platform, tab, key, edit, lock=True)
    row = WholeRow(platform, (tab.edits or Edits()).own.table, key)
    if tables := row.referring():
        return ledger.Ended(edit, State.REJECTED, f"the row is kept: {referred_to(tables)}")
    if not row.delete():
        return ledger.Ended(edit, State.REJECTED, LEFT)
    if kept is None:
        return ledger.Ended(edit, State.APPLIED)
    return ledger.Ended(edit, State.APPLIED, in_database=kept.shown, stored=None, whole_row=kept.whole)


def _is_as_known(tab: Tab, edit: Edit, name: str, known: Cell, held: Any) -> bool:
    """Whether the database holds what the tab was last known to hold."""
    kind, zone = tab.column(name).type, zone_of(edit)
    try:
        cell = None if held is None else converter(kind, zone)(held)
        known = Reader(edit.locale, zone, datetime.now(zone).date()).read(known, kind)
    except Misfit:
        return False
    return same(known, cell, kind)


def _settle(platform: sa.Connection, state: sa.Connection, tab: Tab, end: ledger.Ended) -> None:
    ledger.settle(state, [end])
    if end.state in (State.REJECTED, State.CONFLICT, State.DEAD):
        ask_for_sync(platform, tab, end.edit)
