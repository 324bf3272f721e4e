"""Edits that nothing told of: their message was lost, and their cell was typed over before anybody read the tab.

The next message of the cell says what the cell held. Where nobody knows of that value, somebody had typed it: the ledger
keeps a line of it, superseded, without a person. Should its own message come after all, the line becomes that message's.
"""

import math
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.state import sync_base_row
from sheets_pipeline.edits.base import as_cell, zone_named
from sheets_pipeline.edits.ledger import Seen, Source, State, as_json, select
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.merge import Unknown
from sheets_pipeline.sync.typed_cells import Moment, Typed

_REASON = "the cell was typed over before anything told of this edit; the edit after it did"
#: How the line's event id ends until its own message comes.
_SUFFIX = ":before"
#: Lines of its ledger in which the value of a cell is looked for.
_LINES = 20
#: How far the clocks of a spreadsheet and of the ledger, and of two scripts, may be apart here, in seconds.
_CLOCKS = 2.0

#: Lines of edits that nothing but the edit after them has told of.
IS_UNTOLD: sa.ColumnElement[bool] = sheet_edit.c.event_id.endswith(_SUFFIX)


def is_told(told: Typed | Unknown, cell: Typed | Unknown, zone: tzinfo) -> bool:
    """Whether what an event tells of a cell, a text at first, is what the cell is known to hold or to have held."""
    one, other = _plain(told, zone), _plain(cell, zone)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9)
    return one == other


def untold_line(
    connection: sa.Connection, tab_id: int, cell: Seen, stood: Cell | Unknown, source: Source
) -> dict[str, Any]:
    """What to note of the edit before this one; empty where what the message says that the cell held is known.

    A write of ours since this edit was made may have changed what is known of the cell: then nothing is concluded.
    """
    zone = zone_named(source.time_zone)
    if not cell.is_old_sure or isinstance(stood, Unknown) or isinstance(cell.old, Unknown):
        return {}
    if is_told(cell.old, stood, zone):
        return {}
    columns, rows = sheet_edit.c, sync_base_row.c
    mine = (columns.tab_id == tab_id) & (columns.row_key == cell.row_key) & (columns.column_name == cell.column)
    for edit in select(connection, mine, limit=_LINES, newest=True):
        if any(is_told(cell.old, one, zone) for one in (edit.typed, edit.base, edit.in_database, edit.stored)):
            return {}
    row = (rows.tab_id == tab_id) & (rows.row_key == cell.row_key)
    written_at = connection.scalar(sa.select(rows.written_at).where(row))
    if written_at is None or written_at > source.typed_at - _CLOCKS:
        return {}
    return {
        "event_id": f"{source.event_id}{_SUFFIX}",
        "row_key": cell.row_key,
        "column_name": cell.column,
        "base": as_json(stood),
        "typed": as_json(cell.old),
        "editor": "",
        "is_told": False,
        "state": State.SUPERSEDED.value,
        "reason": _REASON,
    }


def is_typed_over(cell: Seen, stood: Cell | Unknown, source: Source) -> bool:
    """Whether a cell whose event tells of something else than it holds by now was typed over.

    Where it holds what it is known to have held, rows have moved since, or it was taken back: then nobody knows which cell
    was meant, and the tab is read.
    """
    return not isinstance(stood, Unknown) and not is_told(cell.now, stood, zone_named(source.time_zone))


def typed_over_line(cell: Seen, stood: Cell | Unknown) -> dict[str, Any]:
    """What to note of an edit whose cell was typed over before the script read it: what stands there is not this person's."""
    base = stood if isinstance(cell.old, Unknown) else cell.old
    return {
        "base": as_json(base),
        "typed": as_json(cell.typed),
        "state": State.SUPERSEDED.value,
        "reason": "the cell was typed over before the script read it",
    }


def adopt_untold(connection: sa.Connection, tab_id: int, own: Mapping[str, Any], cell: Seen, source: Source) -> bool:
    """Give the line of an untold edit to its own message, which came late; False where there is none."""
    columns, zone = sheet_edit.c, zone_named(source.time_zone)
    mine = (columns.tab_id == tab_id) & (columns.row_key == cell.row_key) & (columns.column_name == cell.column)
    # Of two scripts at once, that of the first edit may be the later one to look at its clock.
    for edit in select(connection, mine & IS_UNTOLD & (columns.typed_at >= source.typed_at - _CLOCKS)):
        if is_told(edit.typed, cell.typed, zone):
            values = source.as_row() | {"event_id": own["event_id"], "typed": own["typed"]}
            connection.execute(sheet_edit.update().where(columns.id == edit.id).values(values))
            return True
    return False


def _plain(value: Typed | Unknown, zone: tzinfo) -> str | float:
    """A value that is the same however it is told of: a message holds texts, the Sheets API numbers."""
    if isinstance(value, Unknown):
        return "?"
    cell = as_cell(value, zone) if isinstance(value, Moment) else value
    if cell is None or isinstance(cell, bool):
        return {None: "", True: "TRUE", False: "FALSE"}[cell]
    try:
        number = float(cell)
    except ValueError:
        return str(cell)
    return number if math.isfinite(number) else str(cell)
