"""The ledger: edits by cell, what they are based on, and what became of them. One row per changed cell."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit, sheet_edit_message
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.row_tables import sheet_row_step
from sheets_pipeline.database.state import sync_tab
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.merge import UNKNOWN, Unknown
from sheets_pipeline.sync.tab import ColumnType
from sheets_pipeline.sync.typed_cells import Moment, Typed


class State(StrEnum):
    """What became of an edit."""

    NEW = "new"
    APPLIED = "applied"
    SAME = "same"  # nothing to do: the database holds it already
    CONFLICT = "conflict"  # the database changed the cell, too, and wins
    REJECTED = "rejected"
    AWAITING = "awaiting"  # a person has to accept it
    DEAD = "dead"  # it failed unexpectedly, five times
    UNDONE = "undone"
    SUPERSEDED = "superseded"  # the same cell was typed over before this was applied


#: Who typed what in rows without a key is kept so long.
STEPS_KEPT = timedelta(hours=6)
#: Those that are not final.
OPEN = (State.NEW, State.AWAITING)


class Seen(NamedTuple):
    """A cell that a person may have changed."""

    row_key: str
    column: str
    typed: Typed
    #: What the message says that the cell held before; asked where nobody else knows.
    old: Cell | Unknown = UNKNOWN
    #: Whether the cell still held what its event says was typed, so that ``old`` is sure to be of this cell.
    is_old_sure: bool = False
    #: What the cell holds by now, where that is something else than was typed: somebody typed there again, or rows moved.
    now: Typed | Unknown = UNKNOWN
    #: Whether no event says that this person typed what stands there, and the column, or another one of those that came with
    #: it, is not for all: it is not applied before a message of somebody who typed there meanwhile has had time to come.
    waits: bool = False
    #: Whether the column takes this person's edits.
    is_allowed: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """Where edits were seen, and all that holds for each of them."""

    event_id: str
    seen_by: str
    typed_at: float
    locale: str
    time_zone: str
    editor: str = ""
    #: More cells than this wait until a person accepts them.
    approval_above: int | None = None
    #: Keys that stand on several rows: whose cells these are, a person says.
    doubled: frozenset[str] = frozenset()
    #: Whether a write of ours, sent at ``typed_at``, has written over them.
    is_overwritten: bool = False
    #: Why a person has to say whose cells these are; blank where that is known.
    unsure: str = ""
    #: Whether an event says that its person typed what was found; of several cells none says so.
    is_told: bool = False

    def as_row(self) -> dict[str, Any]:
        """The same as columns of the ledger."""
        place = {"locale": self.locale[:40], "time_zone": self.time_zone[:80], "editor": self.editor[:254]}
        seen = {"typed_at": self.typed_at, "seen_by": self.seen_by, "is_overwritten": self.is_overwritten}
        return place | seen | {"batch": self.event_id, "is_told": self.is_told}


@dataclass(frozen=True, slots=True)
class Edit:
    """One row of the ledger, with the spreadsheet and the title of its tab."""

    id: int
    spreadsheet_id: str
    tab: str
    tab_id: int
    row_key: str
    column: str
    base: Cell | Unknown
    typed: Typed
    in_database: Cell | Unknown
    stored: Cell | Unknown
    locale: str
    time_zone: str
    editor: str
    typed_at: float
    seen_at: datetime
    seen_by: str
    batch: str
    state: State
    reason: str | None
    attempts: int
    settled_at: datetime | None
    decided_by: str | None
    undoes: int | None
    is_overwritten: bool
    is_told: bool

    @property
    def is_whole_row(self) -> bool:
        """Whether a row was inserted or deleted by it, and all of that row is kept."""
        return self.column == ROW and (self.in_database is None or self.stored is None)

    @property
    def is_of_sheet(self) -> bool:
        """Whether it stands as somebody typed it into the tab; not where a person put it in here.

        What was settled and is accepted after all is not in the tab any more; what only waited for a person is.
        """
        return self.seen_by != "undo" and (self.decided_by is None or self.settled_at is None)

    @property
    def is_in_tab(self) -> bool:
        """Whether the tab holds what was typed, as far as is known."""
        return self.is_of_sheet and not self.is_overwritten


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that means to write, from its first statement on."""
    with engine.begin() as connection:
        begin_writing(connection)
        yield connection


def begin_writing(connection: sa.Connection) -> None:
    """SQLite has one writer at a time: it waits here, where nothing has been read yet."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")


# Values -----------------------------------------------------------------------------------------------------------------


#: Stands for a column where an edit is about a whole row.
ROW = "(row)"


def as_json(value: Typed | Unknown | Mapping[str, Cell]) -> str | None:
    """A value, or a row's cells, as the ledger keeps it; None for one that is not known."""
    if isinstance(value, Unknown):
        return None
    if isinstance(value, Mapping):
        return json.dumps({"cells": dict(value)})
    return json.dumps({"date": value.milliseconds} if isinstance(value, Moment) else value)


def from_json(text: str | None) -> Any:
    """The value again."""
    if text is None:
        return UNKNOWN
    value = json.loads(text)
    if isinstance(value, dict):
        return value["cells"] if "cells" in value else Moment(int(value["date"]))
    return value


def is_kept(engine: sa.Engine, spreadsheet_id: str, default: str) -> bool:
    """Whether a spreadsheet is the default one, or one that tabs of ours were written to."""
    if spreadsheet_id == default:
        return True
    query = sa.select(sync_tab.c.id).where(sync_tab.c.spreadsheet_id == spreadsheet_id).limit(1)
    with engine.connect() as connection:
        return connection.execute(query).first() is not None


def tab_id_of(connection: sa.Connection, spreadsheet_id: str, tab: str) -> int | None:
    """The number of a tab that the pipeline keeps."""
    return connection.scalar(_TAB_ID, {"b_spreadsheet": spreadsheet_id, "b_tab": tab})


_TAB_ID = sa.select(sync_tab.c.id).where(
    sync_tab.c.spreadsheet_id == sa.bindparam("b_spreadsheet"), sync_tab.c.tab == sa.bindparam("b_tab")
)


#: What people did to whole rows waits for the tab to be read; what takes it back does not.
_OF_CELLS = (sheet_edit.c.column_name != ROW) | (sheet_edit.c.seen_by == "undo")


def _of_tab(column: sa.Column[Any]) -> sa.ScalarSelect[Any]:
    """What is known of an edit's tab. No join: MariaDB would begin with the tabs, and a lock would be theirs, too."""
    return sa.select(column).where(sync_tab.c.id == sheet_edit.c.tab_id).scalar_subquery()


#: Whole rows hold columns that no tab shows: they are read to take an edit back, and for nothing else.
EDITS = sa.select(
    *(column for column in sheet_edit.c if column is not sheet_edit.c.whole_row),
    _of_tab(sync_tab.c.spreadsheet_id).label("spreadsheet_id"),
    _of_tab(sync_tab.c.tab).label("tab"),
)

# What each edit asks is built once: building a statement takes as long as sending it.
_IS_NEW = sheet_edit.c.state == State.NEW.value
_CLAIMED = EDITS.where(
    sheet_edit.c.tab_id == sa.bindparam("b_tab"),
    sheet_edit.c.row_key.in_(sa.bindparam("b_keys", expanding=True)),
    _IS_NEW,
    _OF_CELLS,
    # What has had its turn waits for company, and goes with it; what has not had one yet, does not.
    (sheet_edit.c.due_at <= utc_now()) | sheet_edit.c.reason.is_not(None),
).order_by(sheet_edit.c.id)
_CLAIMED_BY = {skip: _CLAIMED.with_for_update(skip_locked=skip) for skip in (False, True)}
_FIRST = sa.func.min(sheet_edit.c.id)
_DUE = (
    sa.select(sheet_edit.c.tab_id, sheet_edit.c.row_key)
    .where(_OF_CELLS, _IS_NEW, sheet_edit.c.due_at <= utc_now())
    .group_by(sheet_edit.c.tab_id, sheet_edit.c.row_key)
    .order_by(_FIRST)
    .limit(sa.bindparam("b_most"))
)
_NEXT_DUE = sa.select(sa.func.min(sheet_edit.c.due_at)).where(_OF_CELLS, _IS_NEW)

# Reading ----------------------------------------------------------------------------------------------------------------


def select(
    connection: sa.Connection, *where: sa.ColumnElement[bool], limit: int | None = None, newest: bool = False
) -> list[Edit]:
    """Edits of the ledger, oldest first, or the ``newest`` first."""
    order = sheet_edit.c.id.desc() if newest else sheet_edit.c.id
    return edits_of(connection, EDITS.where(*where).order_by(order).limit(limit))


def edits_of(
    connection: sa.Connection, query: sa.Select[Any], parameters: Mapping[str, Any] | None = None
) -> list[Edit]:
    """The edits that a query finds, which is ``EDITS`` with conditions."""
    return [_edit(row._mapping) for row in connection.execute(query, parameters)]


def of_cell(connection: sa.Connection, edit: Edit, limit: int) -> list[Edit]:
    """All edits of this one's cell, newest first."""
    columns = sheet_edit.c
    cell = (columns.tab_id == edit.tab_id) & (columns.row_key == edit.row_key) & (columns.column_name == edit.column)
    return select(connection, cell, limit=limit, newest=True)


def whole_row(connection: sa.Connection, edit: Edit) -> str | None:
    """All of the row that an edit inserted or deleted, or is to; None where it is about something else, or not kept."""
    text: str | None = connection.scalar(sa.select(sheet_edit.c.whole_row).where(sheet_edit.c.id == edit.id))
    return text


def claimed(
    connection: sa.Connection, tab_id: int, row_keys: Collection[str], *, skip_locked: bool = False
) -> list[Edit]:
    """The new edits of rows that may have their turn, locked until the transaction ends, so that nobody else applies them.

    With ``skip_locked`` those that somebody else has locked are left out; without, they are waited for.
    """
    return edits_of(connection, _CLAIMED_BY[skip_locked], {"b_tab": tab_id, "b_keys": list(row_keys)})


def left_behind(connection: sa.Connection, edit: Edit) -> tuple[Edit, Cell] | None:
    """The edit of this cell that was settled before, and what the database holds by it, where the tab may still show what was
    typed: a value that was refused, rounded or changed by a trigger. The person typed over what they themselves had typed.
    """
    columns = sheet_edit.c
    mine = (columns.tab_id == edit.tab_id) & (columns.row_key == edit.row_key) & (columns.column_name == edit.column)
    settled = columns.state.in_([State.APPLIED.value, State.UNDONE.value, State.REJECTED.value, State.DEAD.value])
    for one in select(connection, mine & settled & (columns.id < edit.id), limit=1, newest=True):
        left = one.stored if one.state in (State.APPLIED, State.UNDONE) else one.in_database
        return None if isinstance(left, Unknown) else (one, left)
    return None


def due(connection: sa.Connection, limit: int, tab_ids: Collection[int] | None = None) -> list[tuple[int, str]]:
    """Rows with edits that are due: numbers of their tabs and keys, those that have waited longest first."""
    query = _DUE if tab_ids is None else _DUE.where(sheet_edit.c.tab_id.in_(list(tab_ids)))
    return [(row.tab_id, row.row_key) for row in connection.execute(query, {"b_most": limit})]


def are_due_for(connection: sa.Connection, seconds: float) -> bool:
    """Whether an edit has been due for so long."""
    before = now(connection) - timedelta(seconds=seconds)
    waiting = _OF_CELLS & (sheet_edit.c.state == State.NEW.value) & (sheet_edit.c.due_at <= before)
    return connection.execute(sa.select(sheet_edit.c.id).where(waiting).limit(1)).first() is not None


def next_due(connection: sa.Connection) -> datetime | None:
    """When the next new edit is due; None where none waits."""
    moment: datetime | None = connection.scalar(_NEXT_DUE)
    return moment


# Settling ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ended:
    """A new edit, what became of it, and what the database held before and holds now; ``kind`` is its column's type."""

    edit: Edit
    state: State
    reason: str | None = None
    kind: ColumnType = ColumnType.TEXT
    in_database: Cell | Unknown | Mapping[str, Cell] = UNKNOWN
    stored: Cell | Unknown | Mapping[str, Cell] = UNKNOWN
    #: All of the row that was inserted or deleted.
    whole_row: str | None = None


_SETTLE = (
    sheet_edit.update()
    .where(sheet_edit.c.id == sa.bindparam("b_id"), _IS_NEW)
    .values({name: sa.bindparam(f"b_{name}") for name in ("state", "reason", "in_database", "stored")})
    .values(settled_at=utc_now())
)


def settle(connection: sa.Connection, ended: Sequence[Ended]) -> None:
    """Note what became of new edits."""
    rows = [
        {"b_id": one.edit.id, "b_state": one.state.value, "b_reason": one.reason}
        | {"b_in_database": as_json(one.in_database), "b_stored": as_json(one.stored)}
        for one in ended
    ]
    if rows:
        connection.execute(_SETTLE, rows)
    for one in ended:
        if one.whole_row is not None:
            whole = sheet_edit.update().where(sheet_edit.c.id == one.edit.id)
            connection.execute(whole.values(whole_row=one.whole_row))
        if one.state is State.APPLIED and one.edit.undoes is not None:
            _mark_undone(connection, one.edit)


def _mark_undone(connection: sa.Connection, undo: Edit) -> None:
    """The edit that was taken back, and those of its cell after it up to the one that left what the undo replaced."""
    columns, base = sheet_edit.c, as_json(undo.base)
    cell = (columns.tab_id == undo.tab_id) & (columns.row_key == undo.row_key) & (columns.column_name == undo.column)
    since = (columns.id >= undo.undoes) & (columns.id < undo.id) & (columns.state == State.APPLIED.value)
    ids = []
    for row in connection.execute(sa.select(columns.id, columns.stored).where(cell & since).order_by(columns.id)):
        ids.append(row.id)
        if row.stored == base:
            break
    else:
        ids = ids[:1]
    undone = sheet_edit.update().where(columns.id.in_(ids))
    connection.execute(undone.values(state=State.UNDONE.value, reason=f"taken back by edit {undo.id}"))


def postpone(connection: sa.Connection, edits: Sequence[Edit], seconds: float, reason: str, *, counts: bool) -> None:
    """Look at these edits again later; ``counts`` where it was an attempt that failed."""
    change = sheet_edit.update().where(
        sheet_edit.c.id.in_([edit.id for edit in edits]), sheet_edit.c.state == State.NEW.value
    )
    later = now(connection) + timedelta(seconds=seconds)
    attempts = sheet_edit.c.attempts + (1 if counts else 0)
    connection.execute(change.values(due_at=later, reason=reason, attempts=attempts))


def set_state(connection: sa.Connection, edit: Edit, state: State, who: str, reason: str | None, **values: Any) -> bool:
    """A person's decision; False where somebody else was quicker."""
    mine = (sheet_edit.c.id == edit.id) & (sheet_edit.c.state == edit.state.value)
    changed = {"state": state.value, "decided_by": who, "reason": reason, "due_at": utc_now(), "attempts": 0} | values
    return connection.execute(sheet_edit.update().where(mine).values(changed)).rowcount == 1


def remove_before(engine: sa.Engine, moment: datetime) -> int:
    """Forget settled edits that were seen before a moment; returns how many."""
    old = (sheet_edit.c.seen_at < moment) & sheet_edit.c.state.not_in(OPEN)
    with engine.begin() as connection:
        connection.execute(sheet_edit_message.delete().where(sheet_edit_message.c.received_at < moment))
        steps = sheet_row_step.c.received_at < now(connection) - STEPS_KEPT
        connection.execute(sheet_row_step.delete().where(steps))
        return connection.execute(sheet_edit.delete().where(old)).rowcount


def _edit(row: Any) -> Edit:
    values = {
        name: row[name]
        for name in Edit.__slots__
        if name not in ("column", "base", "typed", "in_database", "stored", "state")
    }
    read = {name: from_json(row[name]) for name in ("base", "typed", "in_database", "stored")}
    return Edit(**values, **read, column=row["column_name"], state=State(row["state"]))


_NOW = sa.select(sa.type_coerce(utc_now(), sheet_edit.c.seen_at.type))


def now(connection: sa.Connection) -> datetime:
    """The database's clock."""
    moment = connection.scalar(_NOW)
    if not isinstance(moment, datetime):
        raise TypeError(f"Expected the database's clock to give a datetime, found {moment!r}.")
    return moment
