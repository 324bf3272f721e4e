"""Taking back what was done to a whole row: inserted, deleted for good, or marked as deleted."""

import sqlalchemy as sa

from sheets_pipeline.edits import ledger, marked_rows, whole_rows
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.sync.tab import Tab


def take_back(platform: sa.Connection, state: sa.Connection, tab: Tab, undo: Edit) -> State:
    """Settle an edit that takes one of a row back; the tab shows what came of it at its next sync."""
    kept = ledger.whole_row(state, undo)
    if tab.edits is None:
        end = ledger.Ended(undo, State.REJECTED, "rows of the tab are not edited any more")
    elif kept is None:
        end = marked_rows.taken_back(platform, tab, undo)
    else:
        end = whole_rows.taken_back(platform, tab, undo, kept)
    ledger.settle(state, [end])
    if end.state is State.APPLIED:
        marked_rows.ask_for_sync(platform, tab, undo)
    return end.state
