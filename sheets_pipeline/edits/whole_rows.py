"""Rows that were inserted or deleted for good: all of them is kept in the ledger, and taking that back starts from it.

A row goes again only where it still is what the insertion left, and no row of another table refers to it. It comes again only where
nothing else has its key.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.edit_refusals import Kind, refusal
from sheets_pipeline.database.edit_target import TargetRow
from sheets_pipeline.database.whole_row import WholeRow
from sheets_pipeline.edits.base import zone_of
from sheets_pipeline.edits.ledger import Edit, Ended, State
from sheets_pipeline.edits.marked_rows import LEFT
from sheets_pipeline.edits.row import target_key
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.editing import Edits
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline.sync.values import Misfit, converter

_TAKEN = "another row has its key now"
_OTHERWISE = "the database stored another row than was kept"


@dataclass(frozen=True, slots=True)
class Kept:
    """A row: what the tab shows of it, and all of it as the ledger keeps it."""

    shown: dict[str, Cell]
    whole: str


@dataclass(frozen=True, slots=True)
class Held:
    """What the database holds where a row was inserted or deleted, beside what was kept of that row.

    ``shown`` is None where there is no row. ``changed`` are columns of the table that hold something else than was kept;
    ``referring`` are tables of which rows refer to it.
    """

    shown: dict[str, Cell] | None
    changed: frozenset[str] = frozenset()
    referring: tuple[str, ...] = ()


def keep(platform: sa.Connection, tab: Tab, key: Mapping[str, Any], edit: Edit, *, lock: bool = False) -> Kept | None:
    """A row of the tab's own table as it is now; None where it is not there, or may not be read as a whole."""
    own = (tab.edits or Edits()).own
    try:
        with platform.begin_nested():
            row = WholeRow(platform, own.table, key)
            texts = row.texts(lock=lock) if row.columns else None
            return None if texts is None else Kept(_shown(row, tab, edit), _as_text(own.table, texts))
    except Exception as error:
        if refusal(error).kind in (Kind.AGAIN, Kind.AWAY):
            raise
        return None


def referred_to(tables: tuple[str, ...] | list[str]) -> str:
    """Why a row to which others refer stays."""
    return f"rows of {', '.join(tables)} refer to it, and would be lost or changed with it"


def taken_back(platform: sa.Connection, tab: Tab, undo: Edit, kept: str) -> Ended:
    """Take an insertion or a deletion back, as far as nothing came in between.

    Raises:
        SQLAlchemyError: The database failed otherwise than by a rule of its own.
    """
    try:
        row, texts = _row(platform, tab, undo, kept)
        held = row.texts(lock=True)
    except (LookupError, Misfit) as error:
        return Ended(undo, State.REJECTED, str(error))
    try:
        with platform.begin_nested():
            return _removed(row, tab, undo, texts, held) if undo.typed is None else _made(row, tab, undo, texts, held)
    except _Refused as refused:
        return Ended(undo, State.REJECTED, str(refused))
    except Exception as error:
        why = refusal(error)
        if why.kind is not Kind.REFUSED or isinstance(error, DatabaseError):
            raise
        return Ended(undo, State.REJECTED, why.reason)


def look(platform: sa.Connection, tab: Tab, edit: Edit, kept: str) -> Held | None:
    """What taking an edit back would meet; nothing is locked or changed. None where that cannot be told."""
    try:
        row, texts = _row(platform, tab, edit, kept)
        held = row.texts()
        if held is None:
            return Held(None)
        return Held(_shown(row, tab, edit), frozenset(_changed(texts, held)), tuple(row.referring()))
    except (LookupError, Misfit):
        return None


class _Refused(Exception):
    """The row was not taken as it was given."""


def _row(platform: sa.Connection, tab: Tab, edit: Edit, kept: str) -> tuple[WholeRow, dict[str, Any]]:
    """The row's place in the database, and what is kept of it.

    Raises:
        LookupError: The tab's rows are of another table now, or its key is not known.
        Misfit: Its key is not of the declared type any more.
    """
    own, read = (tab.edits or Edits()).own, json.loads(kept)
    if own.table != read["table"]:
        raise LookupError(f"rows of the tab are not those of {read['table']} any more")
    return WholeRow(platform, own.table, target_key(tab, own.table, edit.row_key, {}, zone_of(edit))), read["texts"]


def _as_text(table: str, texts: Mapping[str, Any]) -> str:
    return json.dumps({"table": table, "texts": dict(texts)})


def _changed(kept: Mapping[str, Any], held: Mapping[str, Any]) -> list[str]:
    """Columns that hold something else than was kept, and those that came or went."""
    return [one for one in {**kept, **held} if one not in kept or one not in held or kept[one] != held[one]]


def _removed(row: WholeRow, tab: Tab, undo: Edit, kept: Mapping[str, Any], held: Mapping[str, Any] | None) -> Ended:
    if held is None:
        return Ended(undo, State.SAME, in_database=None, stored=None)
    shown = _shown(row, tab, undo)
    if changed := _changed(kept, held):
        return Ended(undo, State.CONFLICT, f"{', '.join(changed)} changed since: the row is kept", in_database=shown)
    if tables := row.referring():
        return Ended(undo, State.CONFLICT, f"{referred_to(tables)}: the row is kept", in_database=shown)
    try:
        is_gone = row.delete()
    except Exception as error:
        why = refusal(error)
        if why.kind is not Kind.REFUSED or isinstance(error, DatabaseError):
            raise
        raise _Refused(why.reason.replace("there is no such row to refer to", "other rows refer to it")) from None
    if not is_gone:
        raise _Refused(LEFT)
    return Ended(undo, State.APPLIED, in_database=shown, stored=None)


def _made(row: WholeRow, tab: Tab, undo: Edit, kept: Mapping[str, Any], held: Mapping[str, Any] | None) -> Ended:
    if held is not None:
        shown = _shown(row, tab, undo)
        if _changed(kept, held):
            return Ended(undo, State.CONFLICT, _TAKEN, in_database=shown)
        return Ended(undo, State.SAME, in_database=shown, stored=shown)
    if gone := [one for one in kept if one not in row.columns]:
        raise _Refused(f"the table has no column {', '.join(gone)} any more")
    row.make(kept)
    if (made := row.texts()) is None:
        raise _Refused(LEFT)
    end = Ended(undo, State.APPLIED, None, in_database=None, stored=_shown(row, tab, undo))
    differs = any(made[one] != text for one, text in kept.items())
    return replace(end, reason=_OTHERWISE if differs else None, whole_row=_as_text(_own(tab), made))


def _own(tab: Tab) -> str:
    return (tab.edits or Edits()).own.table


def _shown(row: WholeRow, tab: Tab, edit: Edit) -> dict[str, Cell]:
    """What the tab shows of a row: its key, and the columns that people may edit."""
    own = (tab.edits or Edits()).own
    columns = {name: column for column, name in own.key.items()}
    columns |= {name: one.target.column for name, one in tab.edited.items() if one.target.table == own.table}
    held = TargetRow(row.connection, own.table, row.key, list(columns.values()), known=row.known).read() or {}
    return {name: _cell(tab, edit, name, held.get(column)) for name, column in columns.items()}


def _cell(tab: Tab, edit: Edit, name: str, value: Any) -> Cell:
    if value is None:
        return None
    try:
        return converter(tab.column(name).type, zone_of(edit))(value)
    except Misfit:
        return str(value)
