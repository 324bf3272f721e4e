"""The ledger: edits by cell, what they are based on, and what became of them. One row per changed cell."""

import json
import uuid
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit, sheet_edit_message
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.state import sync_base_row, sync_tab
from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.merge import UNKNOWN, Unknown
from sheets_pipeline.sync.typed_cells import Moment, Typed

_CHUNK = 500


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


#: Those that are not final.
OPEN = (State.NEW, State.AWAITING)


class Seen(NamedTuple):
    """A cell that a person may have changed."""

    row_key: str
    column: str
    typed: Typed
    #: What the message says that the cell held before; asked where nobody else knows.
    old: Cell | Unknown = UNKNOWN


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

    @property
    def is_of_sheet(self) -> bool:
        """Whether the tab holds what was typed, as far as is known; not where a person put it in here."""
        return self.seen_by != "undo" and self.decided_by is None


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


def as_json(value: Typed | Unknown) -> str | None:
    """A value as the ledger keeps it; None for one that is not known."""
    if isinstance(value, Unknown):
        return None
    return json.dumps({"date": value.milliseconds} if isinstance(value, Moment) else value)


def from_json(text: str | None) -> Any:
    """The value again."""
    if text is None:
        return UNKNOWN
    value = json.loads(text)
    return Moment(int(value["date"])) if isinstance(value, dict) else value


# Recording --------------------------------------------------------------------------------------------------------------


def tab_id_of(connection: sa.Connection, spreadsheet_id: str, tab: str) -> int | None:
    """The number of a tab that the pipeline keeps."""
    known = (sync_tab.c.spreadsheet_id == spreadsheet_id) & (sync_tab.c.tab == tab)
    return connection.scalar(sa.select(sync_tab.c.id).where(known))


def record(
    connection: sa.Connection, tab_id: int, seen: Sequence[Seen], source: Source, *, known_rows_only: bool = False
) -> int:
    """Note cells that differ from what the tab was last known to hold; returns how many.

    ``known_rows_only`` passes rows over that the pipeline never wrote: people's own.

    An earlier edit of the same cell that has not been applied yet is superseded, and so is this one where a later one was
    seen before it. A cell whose latest edit is this very one, seen the other way, is passed over.
    """
    if not seen:
        return 0
    keys = list(dict.fromkeys(cell.row_key for cell in seen))
    _supersede(connection, tab_id, seen, source)
    base = _base(connection, tab_id, keys)
    latest = _latest(connection, tab_id, keys)
    now = _now(connection)
    rows = []
    for number, cell in enumerate(seen):
        if known_rows_only and cell.row_key not in base:
            continue
        known = base.get(cell.row_key, UNKNOWN)
        stood = known if isinstance(known, Unknown) else known.get(cell.column, UNKNOWN)
        stood = cell.old if isinstance(stood, Unknown) else stood
        if not isinstance(stood, Unknown) and not isinstance(cell.typed, Moment) and same_cell(cell.typed, stood):
            continue
        before = latest.get((cell.row_key, cell.column))
        if before is not None and _is_known(before, cell, source):
            continue
        is_late = before is not None and before.seen_by == source.seen_by == "webhook"
        is_late = is_late and before is not None and before.typed_at > source.typed_at
        state = State.SUPERSEDED if is_late else State.NEW
        rows.append(
            {
                "event_id": f"{source.event_id}:{number}",
                "tab_id": tab_id,
                "row_key": cell.row_key,
                "column_name": cell.column,
                "base": as_json(stood),
                "typed": as_json(cell.typed),
                "locale": source.locale[:40],
                "time_zone": source.time_zone[:80],
                "editor": source.editor[:254],
                "typed_at": source.typed_at,
                "seen_at": now,
                "seen_by": source.seen_by,
                "batch": source.event_id,
                "state": state.value,
                "reason": "a later edit of the cell was seen before this one" if is_late else None,
                "attempts": 0,
                "due_at": now,
                "settled_at": now if is_late else None,
            }
        )
    if source.approval_above is not None and len(rows) > source.approval_above:
        reason = f"{len(rows)} cells at once, and more than {source.approval_above} wait for a person to accept them"
        for row in rows:
            row |= {"state": State.AWAITING.value, "reason": reason} if row["state"] == State.NEW.value else {}
    if rows:
        connection.execute(sheet_edit.insert(), rows)
    return len(rows)


def _is_known(before: Edit, cell: Seen, source: Source) -> bool:
    """Whether the cell's latest edit is this one."""
    if as_json(before.typed) != as_json(cell.typed) or not before.is_of_sheet:
        return False
    return before.state in OPEN and source.seen_by == "read"


def _supersede(connection: sa.Connection, tab_id: int, seen: Sequence[Seen], source: Source) -> None:
    """Close earlier edits of these cells that nobody has begun to apply.

    This is the transaction's first statement: it waits for whoever applies one of them, and what is read afterwards is as
    that left it.
    """
    columns = sheet_edit.c
    typed = {(cell.row_key, cell.column): as_json(cell.typed) for cell in seen}
    reason = "the cell was typed over before this edit was applied"
    for some in _chunks(list(typed)):
        mine = (columns.tab_id == tab_id) & columns.state.in_(OPEN) & (columns.typed_at <= source.typed_at)
        rows = sa.select(columns.id, columns.row_key, columns.column_name, columns.typed).where(
            mine, columns.row_key.in_({key for key, _ in some})
        )
        ids = [
            row.id
            for row in connection.execute(rows.with_for_update())
            if typed.get((row.row_key, row.column_name), row.typed) != row.typed
        ]
        if ids:
            change = sheet_edit.update().where(columns.id.in_(ids), columns.state.in_(OPEN))
            connection.execute(change.values(state=State.SUPERSEDED.value, reason=reason, settled_at=utc_now()))


def _base(connection: sa.Connection, tab_id: int, keys: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    columns = sync_base_row.c
    for some in _chunks(keys):
        # Rows that have left the tab among them: what was typed there just before is kept, too.
        query = sa.select(columns.row_key, columns.cells).where(columns.tab_id == tab_id, columns.row_key.in_(some))
        for row in connection.execute(query):
            found[row.row_key] = orjson.loads(row.cells) if row.cells else UNKNOWN
    return found


def _latest(connection: sa.Connection, tab_id: int, keys: Sequence[str]) -> dict[tuple[str, str], Edit]:
    """The latest edit of each cell of these rows, apart from those that were superseded."""
    found: dict[tuple[str, str], Edit] = {}
    for some in _chunks(keys):
        newest = (
            sa.select(sa.func.max(sheet_edit.c.id))
            .where(
                sheet_edit.c.tab_id == tab_id,
                sheet_edit.c.row_key.in_(some),
                sheet_edit.c.state != State.SUPERSEDED.value,
            )
            .group_by(sheet_edit.c.row_key, sheet_edit.c.column_name)
        )
        for edit in select(connection, sheet_edit.c.id.in_(newest.scalar_subquery())):
            found[edit.row_key, edit.column] = edit
    return found


def put_in(connection: sa.Connection, edit: Edit, value: Cell, base: Cell, who: str, batch: str) -> None:
    """Note an edit that takes another one back."""
    now = _now(connection)
    values = {
        "event_id": f"undo-{uuid.uuid4()}",
        "tab_id": edit.tab_id,
        "row_key": edit.row_key,
        "column_name": edit.column,
        "base": as_json(base),
        "typed": as_json(value),
        "locale": edit.locale,
        "time_zone": edit.time_zone,
        "editor": edit.editor,
        "typed_at": now.timestamp(),
        "seen_at": now,
        "seen_by": "undo",
        "batch": batch,
        "state": State.NEW.value,
        "attempts": 0,
        "due_at": now,
        "decided_by": who,
        "undoes": edit.id,
    }
    connection.execute(sheet_edit.insert().values(values))


# Reading ----------------------------------------------------------------------------------------------------------------


def select(
    connection: sa.Connection, *where: sa.ColumnElement[bool], limit: int | None = None, newest: bool = False
) -> list[Edit]:
    """Edits of the ledger, oldest first, or the ``newest`` first."""
    order = sheet_edit.c.id.desc() if newest else sheet_edit.c.id
    query = (
        sa.select(sheet_edit, sync_tab.c.spreadsheet_id, sync_tab.c.tab)
        .join(sync_tab, sync_tab.c.id == sheet_edit.c.tab_id)
        .where(*where)
        .order_by(order)
        .limit(limit)
    )
    return [_edit(row._mapping) for row in connection.execute(query)]


def claimed(connection: sa.Connection, tab_id: int, row_key: str) -> list[Edit]:
    """The new edits of a row that are due, locked until the transaction ends, so that nobody else applies them."""
    columns = sheet_edit.c
    mine = sa.select(columns.id).where(
        columns.tab_id == tab_id, columns.row_key == row_key, columns.state == State.NEW.value
    )
    ids = list(connection.scalars(mine.order_by(columns.id).with_for_update()))
    return select(connection, columns.id.in_(ids)) if ids else []


def left_behind(connection: sa.Connection, edit: Edit) -> list[Cell]:
    """What the database holds by an earlier edit of this cell, where the tab still showed what had been typed.

    A value that was refused, rounded or changed by a trigger: the person typed over what they themselves had typed.
    """
    columns = sheet_edit.c
    mine = (columns.tab_id == edit.tab_id) & (columns.row_key == edit.row_key) & (columns.column_name == edit.column)
    settled = columns.state.in_([State.APPLIED.value, State.UNDONE.value, State.REJECTED.value, State.DEAD.value])
    latest = select(connection, mine & settled & (columns.id < edit.id), limit=1, newest=True)
    left = [one.stored if one.state in (State.APPLIED, State.UNDONE) else one.in_database for one in latest]
    return [cell for cell in left if not isinstance(cell, Unknown)]


def due(connection: sa.Connection, limit: int, tab_ids: Collection[int] | None = None) -> list[tuple[int, str]]:
    """Rows with edits that are due: numbers of their tabs and keys, those that have waited longest first."""
    columns = sheet_edit.c
    ready = (columns.state == State.NEW.value) & (columns.due_at <= utc_now())
    if tab_ids is not None:
        ready &= columns.tab_id.in_(list(tab_ids))
    query = sa.select(columns.tab_id, columns.row_key, sa.func.min(columns.id).label("first")).where(ready)
    query = query.group_by(columns.tab_id, columns.row_key).order_by("first").limit(limit)
    return [(row.tab_id, row.row_key) for row in connection.execute(query)]


def are_due_for(connection: sa.Connection, seconds: float) -> bool:
    """Whether an edit has been due for so long."""
    before = _now(connection) - timedelta(seconds=seconds)
    waiting = (sheet_edit.c.state == State.NEW.value) & (sheet_edit.c.due_at <= before)
    return connection.execute(sa.select(sheet_edit.c.id).where(waiting).limit(1)).first() is not None


def next_due(connection: sa.Connection) -> datetime | None:
    """When the next new edit is due; None where none waits."""
    query = sa.select(sa.func.min(sheet_edit.c.due_at)).where(sheet_edit.c.state == State.NEW.value)
    moment: datetime | None = connection.scalar(query)
    return moment


# Settling ---------------------------------------------------------------------------------------------------------------


def settle(
    connection: sa.Connection,
    edit: Edit,
    state: State,
    reason: str | None = None,
    *,
    in_database: Cell | Unknown = UNKNOWN,
    stored: Cell | Unknown = UNKNOWN,
) -> None:
    """Note what became of a new edit."""
    values = {"state": state.value, "reason": reason, "settled_at": utc_now()}
    values |= {"in_database": as_json(in_database), "stored": as_json(stored)}
    mine = (sheet_edit.c.id == edit.id) & (sheet_edit.c.state == State.NEW.value)
    connection.execute(sheet_edit.update().where(mine).values(values))
    if state is State.APPLIED and edit.undoes is not None:
        undone = sheet_edit.update().where(sheet_edit.c.id == edit.undoes)
        connection.execute(undone.values(state=State.UNDONE.value, reason=f"taken back by edit {edit.id}"))


def postpone(connection: sa.Connection, edits: Sequence[Edit], seconds: float, reason: str, *, counts: bool) -> None:
    """Look at these edits again later; ``counts`` where it was an attempt that failed."""
    change = sheet_edit.update().where(
        sheet_edit.c.id.in_([edit.id for edit in edits]), sheet_edit.c.state == State.NEW.value
    )
    later = _now(connection) + timedelta(seconds=seconds)
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
        return connection.execute(sheet_edit.delete().where(old)).rowcount


def _edit(row: Any) -> Edit:
    values = {
        name: row[name]
        for name in Edit.__slots__
        if name not in ("column", "base", "typed", "in_database", "stored", "state")
    }
    read = {name: from_json(row[name]) for name in ("base", "typed", "in_database", "stored")}
    return Edit(**values, **read, column=row["column_name"], state=State(row["state"]))


def _now(connection: sa.Connection) -> datetime:
    """The database's clock."""
    now = connection.scalar(sa.select(sa.type_coerce(utc_now(), sheet_edit.c.seen_at.type)))
    if not isinstance(now, datetime):
        raise TypeError(f"Expected the database's clock to give a datetime, found {now!r}.")
    return now


def _chunks(items: Sequence[Any]) -> Iterator[list[Any]]:
    rest = iter(items)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
