"""Rows that are marked as deleted (``deleted_rows: soft``): what the mark is, and taking that back."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_target import TargetRow
from sheets_pipeline.database.event_keys import edit_entity, stored_key
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.base import zone_of
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.edits.row import has_queue, target_key
from sheets_pipeline.sync.cells import KEY_SEPARATOR, Cell
from sheets_pipeline.sync.editing import Edits
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.sync.watch import Priority

LEFT = "the database left the row as it was"
NOT_THERE = "the database does not have it any more"


def marked_as(held: Mapping[str, Any], column: str) -> dict[str, Cell]:
    """What the column that marks deleted rows holds, as the ledger keeps it."""
    value = held[column]
    return {column: value if value is None or isinstance(value, bool | int) else str(value)}


def taken_back(platform: sa.Connection, tab: Tab, undo: Edit) -> ledger.Ended:
    """Mark a row as not deleted any more, or deleted again, where it is still marked as that left it."""
    edits = tab.edits or Edits()
    wanted: dict[str, Cell] = undo.typed if isinstance(undo.typed, dict) else {}
    if edits.deleted_rows == "soft" and list(wanted) == [edits.deleted_column]:
        return _taken_back(platform, tab, undo, wanted[edits.deleted_column])
    gone = f"rows of the tab are not marked as deleted by {', '.join(wanted)} any more"
    return ledger.Ended(undo, State.REJECTED, gone)


def _taken_back(platform: sa.Connection, tab: Tab, undo: Edit, mark: Cell) -> ledger.Ended:
    row, name = marked_row(platform, tab, undo), (tab.edits or Edits()).deleted_column
    held = row.read(lock=True)
    if held is None:
        return ledger.Ended(undo, State.CONFLICT, NOT_THERE)
    before = marked_as(held, name)
    if ledger.as_json(before) == ledger.as_json(undo.typed):
        return ledger.Ended(undo, State.SAME, in_database=before, stored=before)
    if ledger.as_json(before) != ledger.as_json(undo.base):
        return ledger.Ended(undo, State.CONFLICT, f"{name} has changed since, and is kept", in_database=before)
    is_again = mark not in (None, False, 0)
    if not row.change({name: moment(row.known.types.get(name)) if is_again else mark}):
        return ledger.Ended(undo, State.REJECTED, LEFT, in_database=before)
    return ledger.Ended(undo, State.APPLIED, in_database=before, stored=marked_as(row.read() or held, name))


def marked_row(platform: sa.Connection, tab: Tab, edit: Edit) -> TargetRow:
    """The row of the database that an edit deleted softly, with the column that says so."""
    edits = tab.edits or Edits()
    key = target_key(tab, edits.own.table, edit.row_key, {}, zone_of(edit))
    return TargetRow(platform, edits.own.table, key, [edits.deleted_column])


def moment(kind: "sa.types.TypeEngine[Any] | None") -> datetime | date | bool | int:
    """What says that a row was deleted, for a column of this type."""
    if isinstance(kind, sa.Boolean):
        return True
    if isinstance(kind, sa.Integer):
        return 1
    return datetime.now(UTC)


def ask_for_sync(platform: sa.Connection, tab: Tab, edit: Edit) -> None:
    """Have the row synced, where events are recorded."""
    if not has_queue(platform.engine):
        return
    key = stored_key(tuple(edit.row_key.split(KEY_SEPARATOR)))
    values = {"entity": edit_entity(tab.title), "key": key, "kind": "update", "priority": Priority.NORMAL}
    platform.execute(pending_event.insert().values(**values))
