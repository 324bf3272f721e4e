"""Noting edits in the ledger: cells that differ from what the tab was last known to hold, and edits that take others back."""

import math
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.state import chunks, sync_base_row
from sheets_pipeline.edits.base import as_cell, zone_named
from sheets_pipeline.edits.ledger import (
    EDITS,
    OPEN,
    Edit,
    Seen,
    Source,
    State,
    as_json,
    edits_of,
    now,
    select,
    whole_row,
)
from sheets_pipeline.edits.typed_over import (
    IS_UNTOLD,
    adopt_untold,
    is_told,
    is_typed_over,
    typed_over_line,
    untold_line,
)
from sheets_pipeline.sync.cells import Cell, same_cell
from sheets_pipeline.sync.merge import UNKNOWN, Unknown, same
from sheets_pipeline.sync.tab import ColumnType
from sheets_pipeline.sync.typed_cells import Moment

#: A script that was slow to read what its person typed has found what somebody else typed within so long.
_SLOW_SCRIPT_SECONDS = 15.0
#: What waits for a message of somebody else (``Seen.waits``) is applied after so long.
_WAIT_SECONDS = 5.0
#: An edit that was written over may have been seen so long before the write: when the tab was read for it.
_SEEN_BEFORE_SECONDS = 60.0

# Each message asks these: built once, as building a statement takes as long as sending it.
_EDIT, _ROW = sheet_edit.c, sync_base_row.c
_TAB: sa.BindParameter[int] = sa.bindparam("b_tab")
_KEYS: sa.BindParameter[list[str]] = sa.bindparam("b_keys", expanding=True)
_BASE = sa.select(_ROW.row_key, _ROW.cells).where(_ROW.tab_id == _TAB, _ROW.row_key.in_(_KEYS))
_KNOWN_ROWS = sa.select(_ROW.row_key).where(_ROW.tab_id == _TAB, _ROW.row_key.in_(_KEYS), _ROW.is_gone.is_(False))
_NEWEST = (
    sa.select(sa.func.max(_EDIT.id))
    .where(_EDIT.tab_id == _TAB, _EDIT.row_key.in_(_KEYS), (_EDIT.state != State.SUPERSEDED.value) | IS_UNTOLD)
    .group_by(_EDIT.row_key, _EDIT.column_name)
)
_LATEST = EDITS.where(_EDIT.id.in_(_NEWEST.scalar_subquery())).order_by(_EDIT.id)
_OPEN = (
    sa.select(_EDIT.id, _EDIT.row_key, _EDIT.column_name, _EDIT.typed, _EDIT.typed_at)
    .where(_EDIT.tab_id == _TAB, _EDIT.state.in_(OPEN))
    .where(_EDIT.row_key.in_(_KEYS))
    .order_by(_EDIT.id)  # as they are claimed
    .with_for_update()
)

_OF_ANOTHERS_RIGHT = (
    "applied as an edit of {}, who had pasted there, before this message came; the column is not for this person"
)
_COPIED = "several rows of the tab have this key, so that nobody knows which of them is meant"


def record(
    connection: sa.Connection, tab_id: int, seen: Sequence[Seen], source: Source, *, known_rows_only: bool = False
) -> int:
    """Note cells that differ from what the tab was last known to hold; returns how many.

    ``known_rows_only`` passes rows over that the pipeline never wrote: people's own.

    An earlier edit of the same cell that has not been applied yet is superseded, and so is this one where a later one was
    seen before it. A cell whose latest edit is this very one, seen the other way, is passed over. An edit that only the
    message of the next one tells of is noted, too, and not counted (``typed_over.py``).
    """
    return record_all(connection, tab_id, [(seen, source)], known_rows_only=known_rows_only)[0]


def record_all(
    connection: sa.Connection,
    tab_id: int,
    batches: Sequence[tuple[Sequence[Seen], Source]],
    *,
    known_rows_only: bool = False,
) -> list[int]:
    """The same for cells from several places at once, no two of which hold a cell of the same row."""
    keys = list(dict.fromkeys(cell.row_key for seen, _ in batches for cell in seen))
    if not keys:
        return [0] * len(batches)
    _supersede(connection, tab_id, batches)
    known = _Known(tab_id, _base(connection, tab_id, keys), _latest(connection, tab_id, keys), now(connection))
    counts, lines = list[int](), list[dict[str, Any]]()
    for seen, source in batches:
        rows, untold = _lines(connection, known, seen, source, known_rows_only)
        _leave_for_approval(rows, source)
        counts.append(len(rows))
        lines += [*untold, *rows]
    if lines:
        connection.execute(sheet_edit.insert(), lines)
    return counts


class _Known(NamedTuple):
    """What is known of rows of a tab, and the moment in which their cells are noted."""

    tab_id: int
    base: dict[str, dict[str, Cell]]
    latest: dict[tuple[str, str], Edit]
    moment: datetime


def _lines(
    connection: sa.Connection, known: _Known, seen: Sequence[Seen], source: Source, known_rows_only: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lines of the ledger for what differs, and for edits that only their next one's message tells of."""
    tab_id, moment = known.tab_id, known.moment
    noted = {"tab_id": tab_id, **source.as_row(), "seen_at": moment, "due_at": moment, "attempts": 0}
    rows, untold = list[dict[str, Any]](), list[dict[str, Any]]()
    for number, cell in enumerate(seen):
        if known_rows_only and cell.row_key not in known.base:
            continue
        held = known.base.get(cell.row_key, {}).get(cell.column, UNKNOWN)
        own: dict[str, Any] = {
            "event_id": f"{source.event_id}:{number}",
            "row_key": cell.row_key,
            "column_name": cell.column,
        }
        if not isinstance(cell.now, Unknown):
            if not is_typed_over(cell, held, source):
                continue
            if line := untold_line(connection, tab_id, cell._replace(is_old_sure=True), held, source):
                untold.append(noted | line | {"settled_at": moment})
            line = own | typed_over_line(cell, held)
            if not adopt_untold(connection, tab_id, line, cell, source):
                untold.append(noted | line | {"settled_at": moment})
            continue
        before = known.latest.get((cell.row_key, cell.column))
        if before is not None and _was_typed_by_sender(before, cell, source):
            if _hand_over(connection, before, cell, noted | own | {"typed": as_json(cell.typed)}):
                continue
            before = None
        stood = _stood(held, cell, source)
        if line := untold_line(connection, tab_id, cell, held, source):
            untold.append(noted | line | {"settled_at": moment})
        if not isinstance(stood, Unknown) and not isinstance(cell.typed, Moment) and same_cell(cell.typed, stood):
            continue
        if before is not None and _was_taken_back(connection, before, cell, source):
            continue
        if before is not None and _is_known(before, cell, source):
            if source.is_overwritten:
                _note_overwritten(connection, before, stood)
            continue
        own |= {"base": as_json(stood), "typed": as_json(cell.typed)}
        beginning = _beginning(before, source, moment)
        if cell.waits:
            own["due_at"] = moment + timedelta(seconds=_WAIT_SECONDS)
        if beginning["state"] == State.NEW.value or not adopt_untold(connection, tab_id, own, cell, source):
            rows.append(noted | own | beginning)
    return rows, untold


def _stood(stood: Cell | Unknown, cell: Seen, source: Source) -> Cell | Unknown:
    """What the cell held before, as far as anybody knows; ``stood`` is what it held by the base."""
    if isinstance(stood, Unknown) or isinstance(cell.old, Unknown):
        return cell.old if isinstance(stood, Unknown) else stood
    # A sync that computed its rows before an earlier edit of the cell was applied notes what it computed. Where that is what
    # has been typed now, the message alone knows that the cell held something else in between.
    if isinstance(cell.typed, Moment):
        is_outdated = same(as_cell(cell.typed, zone_named(source.time_zone)), stood, ColumnType.DATETIME)
    else:
        is_outdated = same_cell(cell.typed, stood)
    return cell.old if is_outdated else stood


def _was_typed_by_sender(before: Edit, cell: Seen, source: Source) -> bool:
    """Whether the cell's latest edit, which somebody else's script found there, is what the person of this message typed: its
    event says that the cell held something else until then, and no event says that the other person typed it."""
    if before.state not in (State.NEW, State.AWAITING, State.APPLIED) or not before.is_of_sheet or before.is_told:
        return False
    if not (before.seen_by == source.seen_by == "webhook") or before.editor == source.editor:
        return False
    if (
        not cell.is_old_sure
        or isinstance(cell.old, Unknown)
        or abs(before.typed_at - source.typed_at) > _SLOW_SCRIPT_SECONDS
    ):
        return False
    return _same_value(before, cell, source) and not is_told(cell.old, before.typed, zone_named(source.time_zone))


def _hand_over(connection: sa.Connection, before: Edit, cell: Seen, line: dict[str, Any]) -> bool:
    """Put the other person's line down as typed over, with what they had typed; where it was applied, this person's line says
    so from now on. Returns whether nothing is left to note."""
    theirs = typed_over_line(cell, before.base) | {"typed": as_json(cell.old), "base": as_json(before.base)}
    # Open ones are locked; one that was applied may be taken back in this very moment, and this edit with it.
    change = sheet_edit.update().where(sheet_edit.c.id == before.id, sheet_edit.c.state == before.state.value)
    changed = connection.execute(
        change.values({**theirs, "settled_at": utc_now(), "in_database": None, "stored": None})
    )
    if before.state is not State.APPLIED or not changed.rowcount:
        return before.state is State.APPLIED
    reason = before.reason if cell.is_allowed else _OF_ANOTHERS_RIGHT.format(before.editor)
    outcome = {"state": before.state.value, "reason": reason, "settled_at": before.settled_at}
    values = {"in_database": as_json(before.in_database), "stored": as_json(before.stored)}
    connection.execute(sheet_edit.insert().values({**line, **outcome, **values, "base": as_json(before.base)}))
    return True


def _beginning(before: Edit | None, source: Source, moment: datetime) -> dict[str, Any]:
    """The state in which an edit begins: new, unless a later one was seen before its message came."""
    if before is not None and source.seen_by == "webhook" and _came_after(before, source.typed_at):
        reason = "a later edit of the cell was seen before this one"
        return {"state": State.SUPERSEDED.value, "reason": reason, "settled_at": moment}
    return {"state": State.NEW.value, "reason": None, "settled_at": None}


def _came_after(before: Edit, typed_at: float) -> bool:
    """Whether an edit was made after what a message tells of. A read knows when it saw a cell: what had been typed a while
    before that, clocks set aside, was no more there."""
    if before.seen_by == "read" and not before.is_overwritten:
        return before.typed_at - _SEEN_BEFORE_SECONDS > typed_at
    return (before.seen_by == "webhook" or before.is_overwritten) and before.typed_at > typed_at


def _leave_for_approval(rows: list[dict[str, Any]], source: Source) -> None:
    """Have a person look at them where they are too many, or where several rows have their key."""
    limit = source.approval_above
    reason = f"{len(rows)} cells at once, and more than {limit} wait for a person to accept them"
    for row in rows:
        why = source.unsure or (_COPIED if row["row_key"] in source.doubled else None)
        why = reason if limit is not None and len(rows) > limit else why
        if why and row["state"] == State.NEW.value:
            row |= {"state": State.AWAITING.value, "reason": why}


def _is_known(before: Edit, cell: Seen, source: Source) -> bool:
    """Whether the cell's latest edit is this one."""
    if not before.is_of_sheet or not _same_value(before, cell, source):
        return False
    if source.seen_by == "webhook":  # its message was on its way while a write of ours brought the edit back
        return before.is_overwritten and source.typed_at <= before.seen_at.timestamp()
    if before.state in OPEN:
        return True
    is_recent = before.seen_at.timestamp() >= source.typed_at - _SEEN_BEFORE_SECONDS
    return source.is_overwritten and is_recent and _told(as_json(before.base)) == _told(as_json(cell.old))


def _was_taken_back(connection: sa.Connection, before: Edit, cell: Seen, source: Source) -> bool:
    """Whether the cell's latest edit has taken this very one back, whose message comes after that."""
    if before.undoes is None or source.seen_by != "webhook":
        return False
    return any(_is_known(one, cell, source) for one in select(connection, _EDIT.id == before.undoes))


def _same_value(before: Edit, cell: Seen, source: Source) -> bool:
    """Whether both mean the same value: a message tells of a date as a moment, the API as a serial number."""
    if _told(as_json(before.typed)) == _told(as_json(cell.typed)):
        return True
    if not isinstance(before.typed, Moment) and not isinstance(cell.typed, Moment):
        return False
    zone = zone_named(source.time_zone)
    return same(as_cell(before.typed, zone), as_cell(cell.typed, zone), ColumnType.DATETIME)


def _told(text: str | None) -> str | None:
    """A value as the ledger keeps it; a blank is told of in two ways, by messages and by reading."""
    return as_json(None) if text == as_json("") else text


def _note_overwritten(connection: sa.Connection, edit: Edit, stood: Cell | Unknown) -> None:
    """A write of ours has written over an edit that was seen already: the tab does not hold it any more."""
    known = {"base": as_json(stood)} if isinstance(edit.base, Unknown) else {}
    change = sheet_edit.update().where(sheet_edit.c.id == edit.id)
    connection.execute(change.values(is_overwritten=True, **known))


def _supersede(connection: sa.Connection, tab_id: int, batches: Sequence[tuple[Sequence[Seen], Source]]) -> None:
    """Close earlier edits of these cells that nobody has begun to apply.

    This is the transaction's first statement: it waits for whoever applies one of them, and what is read afterwards is as
    that left it.
    """
    columns = sheet_edit.c
    typed = {
        (cell.row_key, cell.column): (_told(as_json(cell.typed)), source.typed_at)
        for seen, source in batches
        for cell in seen
        if isinstance(cell.now, Unknown)
    }
    reason = "the cell was typed over before this edit was applied"
    for some in chunks({key for key, _ in typed}):
        ids = []
        for row in connection.execute(_OPEN, {"b_tab": tab_id, "b_keys": some}):
            now_typed, at = typed.get((row.row_key, row.column_name), (None, -math.inf))
            if row.typed_at <= at and now_typed != _told(row.typed):
                ids.append(row.id)
        if ids:
            change = sheet_edit.update().where(columns.id.in_(ids), columns.state.in_(OPEN))
            connection.execute(change.values(state=State.SUPERSEDED.value, reason=reason, settled_at=utc_now()))


def _base(connection: sa.Connection, tab_id: int, keys: Sequence[str]) -> dict[str, dict[str, Cell]]:
    """Rows that are or were ours, with what they hold as far as is known."""
    found: dict[str, dict[str, Cell]] = {}
    for some in chunks(keys):
        # Rows that have left the tab among them: what was typed there just before is kept, too.
        for row in connection.execute(_BASE, {"b_tab": tab_id, "b_keys": some}):
            found[row.row_key] = orjson.loads(row.cells) if row.cells else {}
    return found


def known_rows(connection: sa.Connection, tab_id: int, keys: Collection[str]) -> set[str]:
    """Those of the keys whose rows we wrote, or meant to write, and that have not left the tab."""
    known = set[str]()
    for some in chunks(keys):
        known.update(connection.scalars(_KNOWN_ROWS, {"b_tab": tab_id, "b_keys": some}))
    return known


def _latest(connection: sa.Connection, tab_id: int, keys: Sequence[str]) -> dict[tuple[str, str], Edit]:
    """The latest edit of each cell of these rows, apart from those that were superseded and told of by themselves."""
    found: dict[tuple[str, str], Edit] = {}
    for some in chunks(keys):
        for edit in edits_of(connection, _LATEST, {"b_tab": tab_id, "b_keys": some}):
            found[edit.row_key, edit.column] = edit
    return found


def put_in(connection: sa.Connection, edit: Edit, value: Cell, base: Cell, who: str, batch: str) -> None:
    """Note an edit that takes another one back."""
    moment = now(connection)
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
        "typed_at": moment.timestamp(),
        "seen_at": moment,
        "seen_by": "undo",
        "batch": batch,
        "state": State.NEW.value,
        "attempts": 0,
        "due_at": moment,
        "decided_by": who,
        "undoes": edit.id,
        "whole_row": whole_row(connection, edit) if edit.is_whole_row else None,
    }
    connection.execute(sheet_edit.insert().values(values))
