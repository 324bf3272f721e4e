"""The base of edits: what the tab was last known to hold in a row, and what it holds once something was typed there."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, tzinfo

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.clock import database_clock
from sheets_pipeline.database.state import sync_base_row
from sheets_pipeline.edits.ledger import Edit
from sheets_pipeline.errors import SheetsError
from sheets_pipeline.sheets.time_zones import time_zone
from sheets_pipeline.sync.cells import EPOCH, MICROSECONDS_PER_DAY, Cell, from_serial, same_cell
from sheets_pipeline.sync.merge import Unknown
from sheets_pipeline.sync.typed_cells import Moment, Typed


def bases_of(
    connection: sa.Connection, tab_id: int, keys: Collection[str], *, skip_locked: bool = False
) -> dict[str, dict[str, Cell] | None]:
    """What we last wrote in rows of a tab; None while a sync writes it. Locked; rows that are not ours are left out."""
    rows = connection.execute(_BASES[skip_locked], {"b_tab": tab_id, "b_keys": list(keys)})
    return {row.row_key: orjson.loads(row.cells) if row.cells else None for row in rows}


# Each edit asks these: built once, as building a statement takes as long as sending it.
_ROW = sync_base_row.c
_OURS = _ROW.row_key.in_(sa.bindparam("b_keys", expanding=True)) & _ROW.is_gone.is_(False)
_BASE = sa.select(_ROW.row_key, _ROW.cells).where(_ROW.tab_id == sa.bindparam("b_tab"), _OURS)
_BASES = {skip: _BASE.with_for_update(skip_locked=skip) for skip in (False, True)}
_CHANGE = (
    sync_base_row.update()
    .where(_ROW.tab_id == sa.bindparam("b_tab"), _ROW.row_key == sa.bindparam("b_key"))
    # A full sync that computed its rows before this leaves the row alone.
    .values(cells=sa.bindparam("b_cells"), written_at=database_clock())
)


def base_of(connection: sa.Connection, edit: Edit) -> dict[str, Cell]:
    """The same of an edit's row; empty where it is not known."""
    return bases_of(connection, edit.tab_id, [edit.row_key]).get(edit.row_key) or {}


def note_base(connection: sa.Connection, rows: Sequence[tuple[Sequence[Edit], Mapping[str, Cell]]]) -> None:
    """The tab's rows hold what was typed, unless something else has been written there since.

    A sync compares with that: it writes where the database holds something else, and takes nothing for another edit.

    Args:
        connection: To the ledger.
        rows: The edits of each row, with its base.
    """
    changed = [(edits[0], text) for edits, base in rows if (text := _changed(edits, base)) is not None]
    if changed:
        parameters = [{"b_tab": one.tab_id, "b_key": one.row_key, "b_cells": text} for one, text in changed]
        connection.execute(_CHANGE, parameters)


def _changed(edits: Sequence[Edit], base: Mapping[str, Cell]) -> str | None:
    changed = dict(base)
    for edit in edits:
        stood = changed.get(edit.column)
        is_as_seen = isinstance(edit.base, Unknown) or same_cell(stood, edit.base)
        if edit.is_in_tab and edit.column in changed and is_as_seen:
            changed[edit.column] = as_cell(edit.typed, zone_of(edit))
    text = orjson.dumps(changed)
    return None if text == orjson.dumps(dict(base)) else text.decode()


def forgotten(tab_id: int, keys: Collection[str]) -> sa.Update:
    """The statement after which a sync puts these rows into the tab again, as new ones."""
    columns = sync_base_row.c
    mine = (columns.tab_id == tab_id) & columns.row_key.in_(list(keys))
    return sync_base_row.update().where(mine).values(is_gone=True, cells=None)


def as_cell(typed: Typed, zone: tzinfo) -> Cell:
    """What was typed as the Sheets API gives it."""
    if not isinstance(typed, Moment):
        return typed
    wall = datetime.fromtimestamp(typed.milliseconds / 1000, UTC).astimezone(zone).replace(tzinfo=None) - EPOCH
    serial = (wall.total_seconds() * 1_000_000) / MICROSECONDS_PER_DAY
    return int(serial) if serial.is_integer() else serial


def as_moment(cell: Typed, zone: tzinfo) -> Typed:
    """A number that is shown as a date, as Apps Script gives it; as it is where it is no day of the years 1 to 9999."""
    if not isinstance(cell, int | float):
        return cell
    try:
        moment = from_serial(cell).replace(tzinfo=zone).timestamp()
    except (OverflowError, ValueError):
        return cell
    return Moment(round(moment * 1000))


def zone_of(edit: Edit) -> tzinfo:
    """The time zone of an edit's spreadsheet."""
    return zone_named(edit.time_zone)


def zone_named(name: str) -> tzinfo:
    """A spreadsheet's time zone; UTC where this machine does not know it."""
    try:
        return time_zone(name)
    except SheetsError:
        return UTC
