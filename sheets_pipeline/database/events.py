"""The queue of changes that tabs do not show yet: reading it, emptying it, and what each change touches.

Rows get in through triggers (``triggers.py``) or ``record_event``, in the transaction of the change itself. They are
read as a whole and deleted by id after their rows have been written, so there is no cursor that could pass over a
transaction that commits late.
"""

import json
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sheets_pipeline.database.dialects import is_one_of
from sheets_pipeline.database.event_faults import readable_moment
from sheets_pipeline.database.event_keys import stored_key
from sheets_pipeline.database.event_table import Event, pending_event, utc_now
from sheets_pipeline.database.types import UtcDateTime
from sheets_pipeline.sync.watch import Priority

#: After so many seconds an event goes before all others, whatever its priority: bulk work is never starved.
PROMOTED_AFTER_SECONDS = 60

#: Time between two looks at the queue while waiting; each costs the database about 0.1 ms.
POLL_SECONDS = 0.03

#: Pauses of an event after its failed attempts: 10 s, 40 s, 160 s ...
_FIRST_PAUSE_SECONDS, _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS = 10.0, 4.0, 3600.0

#: Keys in one statement where there are no arrays.
_CHUNK = 1000

#: Conditions beside those of a function's own.
Only = Sequence[sa.ColumnElement[bool]]

is_pending = pending_event.c.set_aside_at.is_(None)
#: After a failed attempt an event waits a while, and nobody behind it does.
is_due = is_pending & (pending_event.c.retry_at.is_(None) | (pending_event.c.retry_at <= utc_now()))

_NOT_RECORDED = (
    "Changes are not recorded as events; full syncs show them. `sheets-pipeline db install` installs the triggers."
)
_NONE_EXPECTED = "No tab is refreshed by events: none watches a table, and full syncs show all changes."
_IS_REPLICA = (
    "DATABASE_URL names a read replica, and only its primary can take events off the queue: full syncs show every "
    "change. To have them shown within a second, name the primary."
)

#: Oldest first. Numbers alone do not tell: each session of the application takes some in advance.
_age = (pending_event.c.created_at, pending_event.c.id)

#: When it was recorded; now, where people have written what is no moment.
_created = sa.func.coalesce(readable_moment(pending_event.c.created_at), utc_now(), type_=UtcDateTime()).label(
    "created"
)
#: Urgent, normal or bulk, whatever number stands there.
_priority = sa.case((pending_event.c.priority <= 0, 0), (pending_event.c.priority == 1, 1), else_=2).label("urgency")


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """Pending events by priority (0 urgent, 1 normal, 2 bulk) and entity; those set aside are counted apart."""

    pending: int
    pending_by_priority: dict[str, int]
    pending_by_entity: dict[str, int]
    oldest_seconds: float | None
    set_aside: int


def why_none_are_taken(connection: sa.Connection, *, are_expected: bool = True) -> str | None:
    """Why only full syncs show changes of this database: nobody records them, or it is a replica; None where it is not so.

    The queue of a read replica is a copy: only the primary can take events off it. Where no tab is refreshed by events, they
    are not ``are_expected``.
    """
    if not are_expected:
        return _NONE_EXPECTED
    if not sa.inspect(connection).has_table(pending_event.name):
        return _NOT_RECORDED
    return _IS_REPLICA if is_read_only(connection) else None


def is_read_only(connection: sa.Connection) -> bool:
    """Whether the whole server takes no changes, as a read replica."""
    query = {"postgresql": "SELECT pg_is_in_recovery()", "sqlite": "SELECT 0"}
    return bool(connection.exec_driver_sql(query.get(connection.dialect.name, "SELECT @@global.read_only")).scalar())


def pending(connection: sa.Connection, limit: int | None = None, only: Only = ()) -> list[Event]:
    """Events that are due, urgent ones first, old ones before all; everything where there is no limit.

    An event that failed is due again after a pause. ``only`` are further conditions.
    """
    long_ago = datetime.now(UTC) - timedelta(seconds=PROMOTED_AFTER_SECONDS)
    turn = sa.case((pending_event.c.created_at < long_ago, Priority.URGENT), else_=pending_event.c.priority)
    query = sa.select(pending_event).where(is_due, *only).order_by(turn, *_age).limit(limit)
    return _events(connection, query)


def set_aside(connection: sa.Connection, limit: int | None = None) -> list[Event]:
    """Events that were given up, each with its reason, oldest first; all of them where there is no limit."""
    return _events(connection, sa.select(pending_event).where(~is_pending).order_by(*_age).limit(limit))


def failed(connection: sa.Connection, limit: int) -> list[Event]:
    """Events that failed at least once, those set aside among them, oldest first."""
    query = sa.select(pending_event).where(pending_event.c.attempts > 0).order_by(*_age).limit(limit)
    return _events(connection, query)


def still_there(connection: sa.Connection, ids: Collection[int]) -> list[Event]:
    """Those of these events that nobody has dealt with meanwhile, as they are now."""
    return [
        event for some in chosen(connection, ids) for event in _events(connection, sa.select(pending_event).where(some))
    ]


def _events(connection: sa.Connection, query: sa.Select[Any]) -> list[Event]:
    looked_up = {
        "created_at": _created,
        "set_aside_at": readable_moment(pending_event.c.set_aside_at).label("set_aside_at"),
    }
    query = query.with_only_columns(*(looked_up.get(name, pending_event.c[name]) for name in Event._fields))
    return [Event(*row) for row in connection.execute(query)]


def count(connection: sa.Connection) -> int:
    """How many events wait."""
    return int(connection.scalar(sa.select(sa.func.count()).select_from(pending_event).where(is_pending)) or 0)


def count_due(engine: sa.Engine, only: Only = ()) -> int:
    """How many events could be taken now."""
    query = sa.select(sa.func.count()).select_from(pending_event).where(is_due, *only)
    with engine.connect() as connection:
        return int(connection.scalar(query) or 0)


def status(connection: sa.Connection) -> QueueStatus:
    """Counts and age of the queue, in one statement."""
    columns = pending_event.c
    is_set_aside = columns.set_aside_at.is_not(None).label("is_set_aside")
    oldest_of = sa.func.min(_created.element, type_=UtcDateTime())
    query = sa.select(is_set_aside, _priority, columns.entity, sa.func.count(), oldest_of).group_by(
        is_set_aside, _priority, columns.entity
    )
    priorities = {priority.name.lower(): 0 for priority in Priority}
    entities: dict[str, int] = {}
    oldest: datetime | None = None
    aside = 0
    for given_up, priority, entity, n, since in connection.execute(query):
        if given_up:
            aside += n
            continue
        priorities[Priority(priority).name.lower()] += n
        entities[entity] = entities.get(entity, 0) + n
        oldest = since if oldest is None else min(oldest, since)
    age = None if oldest is None else max(0.0, (_now(connection) - oldest).total_seconds())
    return QueueStatus(sum(entities.values()), priorities, entities, age, aside)


def _now(connection: sa.Connection) -> datetime:
    """The database's clock, which also stamps the events."""
    now = connection.scalar(sa.select(sa.type_coerce(utc_now(), pending_event.c.created_at.type)))
    if not isinstance(now, datetime):
        raise TypeError(f"Expected the database's clock to give a datetime, found {now!r}.")
    return now


def delete(connection: sa.Connection, ids: Collection[int], only: Only = ()) -> int:
    """Remove events whose rows have been written; returns how many there were."""
    gone = pending_event.delete().where(*only) if only else pending_event.delete()
    return sum(connection.execute(gone.where(some)).rowcount for some in chosen(connection, ids))


def record_failure(
    connection: sa.Connection,
    ids: Collection[int],
    reason: str,
    max_attempts: int,
    *,
    waits_for: Collection[str] | None = None,
    first_pause_seconds: float = _FIRST_PAUSE_SECONDS,
    only: Only = (),
) -> int:
    """Count a failed attempt; the next one comes after a pause that grows fourfold, to an hour.

    Events that failed ``max_attempts`` times are set aside; returns how many are now. ``waits_for`` names the tabs that
    failed: those that did not are not written again for these events.
    """
    before = pending_event.c.attempts
    attempts = sa.case((before >= max_attempts, max_attempts), (before < 0, 1), else_=before + 1)
    now = _now(connection)
    pauses = [min(first_pause_seconds * _PAUSE_GROWTH**n, _LONGEST_PAUSE_SECONDS) for n in range(max_attempts)]
    moments = {n: sa.literal(now + timedelta(seconds=pause), UtcDateTime) for n, pause in enumerate(pauses, start=1)}
    # MySQL assigns from left to right, each assignment seeing the one before.
    change = pending_event.update().ordered_values(
        (pending_event.c.set_aside_at, sa.case((attempts >= max_attempts, utc_now()))),
        (pending_event.c.retry_at, sa.case(moments, value=attempts)),
        (pending_event.c.attempts, attempts),
        (pending_event.c.reason, reason),
        (pending_event.c.waits_for, as_json(waits_for)),
    )
    given_up = 0
    for some in chosen(connection, ids):
        connection.execute(change.where(some, is_pending, *only))
        given_up += connection.scalar(sa.select(sa.func.count()).where(some, ~is_pending, *only)) or 0
    return given_up


def put_aside(connection: sa.Connection, reasons: Mapping[str, Collection[int]]) -> int:
    """Set events aside at once, by reason; returns how many."""
    number = 0
    for reason, ids in reasons.items():
        change = pending_event.update().values(set_aside_at=utc_now(), attempts=1, reason=reason)
        number += sum(connection.execute(change.where(some, is_pending)).rowcount for some in chosen(connection, ids))
    return number


def keep_for(connection: sa.Connection, ids: Collection[int], waits_for: Collection[str], only: Only = ()) -> None:
    """Note that these tabs alone do not show the events yet; no attempt is counted, and they stay due."""
    change = pending_event.update().values(waits_for=as_json(waits_for))
    for some in chosen(connection, ids):
        connection.execute(change.where(some, *only))


def as_json(titles: Collection[str] | None) -> str | None:
    return None if titles is None else json.dumps(sorted(titles))


def retry(connection: sa.Connection, ids: Collection[int] | None = None) -> int:
    """Let events that were set aside (all of them, or these) wait again, as if new; returns how many."""
    fresh = {"set_aside_at": None, "attempts": 0, "reason": None, "retry_at": None}
    change = pending_event.update().where(~is_pending).values(fresh)
    return sum(connection.execute(change.where(some)).rowcount for some in chosen(connection, ids))


def drop(connection: sa.Connection, ids: Collection[int] | None = None) -> int:
    """Forget events that were set aside (all of them, or these); returns how many."""
    change = pending_event.delete().where(~is_pending)
    return sum(connection.execute(change.where(some)).rowcount for some in chosen(connection, ids))


def chosen(connection: sa.Connection, ids: Collection[int] | None) -> Iterable[sa.ColumnElement[bool]]:
    """Conditions that together choose these events."""
    if ids is None or connection.dialect.name == "postgresql":
        yield is_one_of(pending_event.c.id, ids)
        return
    # Literal keys: with anything else MySQL would lock the whole table against new events.
    remaining = iter(sorted(ids))
    while some := list(islice(remaining, _CHUNK)):
        yield pending_event.c.id.in_(some)


def wait_for_event(
    engine: sa.Engine,
    timeout_seconds: float,
    *,
    urgent: bool = False,
    poll_seconds: float = POLL_SECONDS,
    only: Only = (),
) -> bool:
    """Return True as soon as an event (an urgent one) is due, False after ``timeout_seconds``.

    Looks instead of listening: PostgreSQL's NOTIFY takes one lock for the whole database at every commit, which would
    make the application's users wait for each other.
    Source: https://www.postgresql.org/docs/current/sql-notify.html
    """
    wanted = is_due & (pending_event.c.priority == Priority.URGENT) if urgent else is_due
    query = sa.select(pending_event.c.id).where(wanted, *only).limit(1)
    end = time.monotonic() + timeout_seconds
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while True:
            if connection.execute(query).first() is not None:
                return True
            if (left := end - time.monotonic()) <= 0:
                return False
            time.sleep(min(poll_seconds, left))


def record_event(
    session: Session | sa.Connection,
    entity: str,
    key: object,
    kind: str,
    *,
    priority: Priority = Priority.NORMAL,
    held: Mapping[str, object] | None = None,
) -> None:
    """Record a change by hand, in the transaction of the session: commit and rollback take both or neither.

    For applications that want no triggers.

    Args:
        session: The change itself is flushed first.
        entity: What events of a watched table are called (the table's name, unless its watches say otherwise), or an entity
            that tabs declare.
        key: The row's primary key; a tuple where it has several columns.
        kind: ``insert``, ``update`` or ``delete``, or a word of your own, which matters to all tabs that watch the table.
        priority: Who goes first.
        held: What the row holds in the columns that watches need. Needed where it will not be there any more when the event
            is read: before a delete, and with the former values where an update moves a row from one key to another.
    """
    if isinstance(session, Session):
        session.flush()
    values = {
        "entity": entity,
        "key": stored_key(key),
        "kind": kind,
        "priority": priority,
        "held": None if held is None else json.dumps({name: _plain(value) for name, value in held.items()}),
    }
    session.execute(pending_event.insert().values(values))


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, str | int | float) else str(value)
