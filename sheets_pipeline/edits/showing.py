"""Edits for people and programs: looked up by state, tab and person, as JSON."""

from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.state import sync_tab
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.base import as_cell, zone_of
from sheets_pipeline.edits.ledger import Edit
from sheets_pipeline.sync.cells import KEY_SEPARATOR
from sheets_pipeline.sync.merge import Unknown


def found(
    engine: sa.Engine, *, state: str | None = None, tab: str | None = None, editor: str | None = None, limit: int = 100
) -> list[Edit]:
    """Edits, newest first."""
    wanted = ((sheet_edit.c.state, state), (sync_tab.c.tab, tab), (sheet_edit.c.editor, editor))
    where = [column == value for column, value in wanted if value is not None]
    with engine.connect() as connection:
        return ledger.select(connection, *where, limit=limit, newest=True)


def as_json(edit: Edit) -> dict[str, Any]:
    """All that is known of an edit; a key of several columns is a list."""
    parts = edit.row_key.split(KEY_SEPARATOR)
    values = {name: None if isinstance(cell := getattr(edit, name), Unknown) else cell for name in _VALUES}
    return {
        "id": edit.id,
        "spreadsheet": edit.spreadsheet_id,
        "tab": edit.tab,
        "key": parts[0] if len(parts) == 1 else parts,
        "column": edit.column,
        "base": values["base"],
        "typed": as_cell(edit.typed, zone_of(edit)),
        "database": values["in_database"],
        "stored": values["stored"],
        "state": edit.state.value,
        "reason": edit.reason,
        "editor": edit.editor or None,
        "seen_at": edit.seen_at.isoformat(),
        "seen_by": edit.seen_by,
        "applied_at": edit.settled_at.isoformat() if edit.settled_at and edit.state.value == "applied" else None,
        "batch": edit.batch,
        "decided_by": edit.decided_by,
        "undoes": edit.undoes,
    }


_VALUES = ("base", "in_database", "stored")
