"""The base of edits: what the tab was last known to hold in a row, and what it holds once something was typed there."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, tzinfo

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.clock import database_clock
from sheets_pipeline.database.state import sync_base_row
from sheets_pipeline.edits.ledger import Edit
from sheets_pipeline.errors import SheetsError
from sheets_pipeline.sheets.time_zones import time_zone
from sheets_pipeline.sync.cells import EPOCH, MICROSECONDS_PER_DAY, Cell, same_cell
from sheets_pipeline.sync.merge import Unknown
from sheets_pipeline.sync.typed_cells import Moment, Typed


def base_of(connection: sa.Connection, edit: Edit) -> tuple[bool, dict[str, Cell] | None]:
    """Whether the edit's row is one that we wrote, and what we last wrote there; None while a sync writes it. Locked."""
    columns = sync_base_row.c
    mine = (columns.tab_id == edit.tab_id) & (columns.row_key == edit.row_key) & columns.is_gone.is_(False)
    row = connection.execute(sa.select(columns.cells).where(mine).with_for_update()).first()
    return row is not None, orjson.loads(row.cells) if row is not None and row.cells else None


def note_base(connection: sa.Connection, edits: Sequence[Edit], base: dict[str, Cell]) -> None:
    """The tab's row holds what was typed, unless something else has been written there since.

    A sync compares with that: it writes where the database holds something else, and takes nothing for another edit.
    """
    changed = dict(base)
    for edit in edits:
        stood = changed.get(edit.column)
        is_as_seen = isinstance(edit.base, Unknown) or same_cell(stood, edit.base)
        if edit.is_in_tab and edit.column in changed and is_as_seen:
            changed[edit.column] = as_cell(edit.typed, zone_of(edit))
    text = orjson.dumps(changed)
    if text != orjson.dumps(base):
        columns, edit = sync_base_row.c, edits[0]
        mine = (columns.tab_id == edit.tab_id) & (columns.row_key == edit.row_key)
        # A full sync that computed its rows before this leaves the row alone.
        values = {"cells": text.decode(), "written_at": database_clock(connection)}
        connection.execute(sync_base_row.update().where(mine).values(values))


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


def zone_of(edit: Edit) -> tzinfo:
    """The time zone of an edit's spreadsheet."""
    return zone_named(edit.time_zone)


def zone_named(name: str) -> tzinfo:
    """A spreadsheet's time zone; UTC where this machine does not know it."""
    try:
        return time_zone(name)
    except SheetsError:
        return UTC
