"""The queue of changes that tabs do not show yet: reading it, emptying it, and what each change touches.

Rows get in through triggers (``triggers.py``) or ``record_event``, in the transaction of the change itself. They are
read as a whole and deleted by id after their rows have been written, so there is no cursor that could pass over a
transaction that commits late.
"""

import json
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from sheets_pipeline.database.dialects import is_one_of
from sheets_pipeline.database.event_faults import fault, is_no_key, readable_moment
from sheets_pipeline.database.event_keys import OwnRows, stored_key, touched_rows
from sheets_pipeline.database.event_table import Event, Priority, pending_event, utc_now
from sheets_pipeline.database.trigger_sql import WATCHES
from sheets_pipeline.database.types import UtcDateTime
from sheets_pipeline.platform.queries import (
    COURSE_STATISTICS_TAB,
    QUIZ_RESPONSES_TAB,
    TRANSCRIPT_REQUESTS_TAB,
    USER_PROFILES_TAB,
)
from sheets_pipeline.platform.tables import quiz_responses, quizzes, transcript_requests

#: After so many seconds an event goes before all others, whatever its priority: bulk work is never starved.
PROMOTED_AFTER_SECONDS = 60

#: Time between two looks at the queue while waiting; each costs the database about 0.1 ms.
POLL_SECONDS = 0.03

#: Pauses of an event after its failed attempts: 10 s, 40 s, 160 s ...
_FIRST_PAUSE_SECONDS, _PAUSE_GROWTH, _LONGEST_PAUSE_SECONDS = 10.0, 4.0, 3600.0

#: Keys in one statement where there are no arrays.
_CHUNK = 1000

_is_pending = pending_event.c.set_aside_at.is_(None)
#: After a failed attempt an event waits a while, and nobody behind it does.
_is_due = _is_pending & (pending_event.c.retry_at.is_(None) | (pending_event.c.retry_at <= utc_now()))

_NOT_RECORDED = (
    "Changes are not recorded as events; full syncs show them. `sheets-pipeline db install` installs the triggers."
)
_IS_REPLICA = (
    "DATABASE_URL names a read replica, and only its primary can take events off the queue: full syncs show every "
    "change. To have them shown within a second, name the primary."
)

#: Oldest first. Numbers alone do not tell: each session of the application takes some in advance.
_age = (pending_event.c.created_at, pending_event.c.id)

#: Triggers record which quiz was submitted; whether it belongs to a course, and to which, is looked up here.
_with_quiz = pending_event.outerjoin(quizzes, quizzes.c.id == pending_event.c.quiz_id)
_of_course = (pending_event.c.kind == "quiz_submitted") & quizzes.c.course_id.is_not(None)
#: When it was recorded; now, where people have written what is no moment.
_created = sa.func.coalesce(readable_moment(pending_event.c.created_at), utc_now(), type_=UtcDateTime()).label(
    "created"
)
#: Urgent, normal or bulk, whatever number stands there.
_priority = sa.case((pending_event.c.priority <= 0, 0), (pending_event.c.priority == 1, 1), else_=2).label("urgency")
_kind = sa.case((_of_course, "course_quiz_submitted"), else_=pending_event.c.kind).label("kind")


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """Pending events by priority (0 urgent, 1 normal, 2 bulk) and kind; those set aside are counted apart."""

    pending: int
    pending_by_priority: dict[str, int]
    pending_by_kind: dict[str, int]
    oldest_seconds: float | None
    set_aside: int


def why_none_are_taken(connection: sa.Connection) -> str | None:
    """Why only full syncs show changes of this database: nobody records them, or it is a replica; None where it is not so.

    The queue of a read replica is a copy: only the primary can take events off it.
    """
    if not sa.inspect(connection).has_table(pending_event.name):
        return _NOT_RECORDED
    return _IS_REPLICA if is_read_only(connection) else None


def is_read_only(connection: sa.Connection) -> bool:
    """Whether the whole server takes no changes, as a read replica."""
    query = {"postgresql": "SELECT pg_is_in_recovery()", "sqlite": "SELECT 0"}
    return bool(connection.exec_driver_sql(query.get(connection.dialect.name, "SELECT @@global.read_only")).scalar())


def pending(connection: sa.Connection, limit: int | None = None) -> list[Event]:
    """Events that are due, urgent ones first, old ones before all; everything where there is no limit.

    An event that failed is due again after a pause.
    """
    long_ago = datetime.now(UTC) - timedelta(seconds=PROMOTED_AFTER_SECONDS)
    turn = sa.case((pending_event.c.created_at < long_ago, Priority.URGENT), else_=pending_event.c.priority)
    query = sa.select(pending_event).where(_is_due).order_by(turn, *_age).limit(limit)
    return _events(connection, query)


def set_aside(connection: sa.Connection, limit: int | None = None) -> list[Event]:
    """Events that were given up, each with its reason, oldest first; all of them where there is no limit."""
    return _events(connection, sa.select(pending_event).where(~_is_pending).order_by(*_age).limit(limit))


def failed(connection: sa.Connection, limit: int) -> list[Event]:
    """Events that failed at least once, those set aside among them, oldest first."""
    query = sa.select(pending_event).where(pending_event.c.attempts > 0).order_by(*_age).limit(limit)
    return _events(connection, query)


def still_there(connection: sa.Connection, ids: Collection[int]) -> list[Event]:
    """Those of these events that nobody has dealt with meanwhile, as they are now."""
    return [
        event
        for some in _chosen(connection, ids)
        for event in _events(connection, sa.select(pending_event).where(some))
    ]


def _events(connection: sa.Connection, query: sa.Select[Any]) -> list[Event]:
    looked_up = {
        "kind": _kind,
        "course_id": sa.func.coalesce(pending_event.c.course_id, quizzes.c.course_id),
        "created_at": _created,
        "set_aside_at": readable_moment(pending_event.c.set_aside_at).label("set_aside_at"),
    }
    columns = [looked_up.get(name, pending_event.c[name]) for name in Event._fields]
    query = query.with_only_columns(*columns).select_from(_with_quiz)
    return [Event(*row) for row in connection.execute(query)]


def count(connection: sa.Connection) -> int:
    """How many events wait."""
    return int(connection.scalar(sa.select(sa.func.count()).select_from(pending_event).where(_is_pending)) or 0)


def count_due(engine: sa.Engine) -> int:
    """How many events could be taken now."""
    with engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(pending_event).where(_is_due)) or 0)


def status(connection: sa.Connection) -> QueueStatus:
    """Counts and age of the queue, in one statement."""
    columns = pending_event.c
    is_set_aside = columns.set_aside_at.is_not(None).label("is_set_aside")
    query = (
        sa.select(is_set_aside, _priority, _kind, sa.func.count(), sa.func.min(_created.element, type_=UtcDateTime()))
        .select_from(_with_quiz)
        .group_by(is_set_aside, _priority, _kind)
    )
    priorities = {priority.name.lower(): 0 for priority in Priority}
    kinds: dict[str, int] = {}
    oldest: datetime | None = None
    aside = 0
    for given_up, priority, kind, n, since in connection.execute(query):
        if given_up:
            aside += n
            continue
        priorities[Priority(priority).name.lower()] += n
        kinds[kind] = kinds.get(kind, 0) + n
        oldest = since if oldest is None else min(oldest, since)
    age = None if oldest is None else max(0.0, (_now(connection) - oldest).total_seconds())
    return QueueStatus(sum(kinds.values()), priorities, kinds, age, aside)


def _now(connection: sa.Connection) -> datetime:
    """The database's clock, which also stamps the events."""
    now = connection.scalar(sa.select(sa.type_coerce(utc_now(), pending_event.c.created_at.type)))
    if not isinstance(now, datetime):
        raise TypeError(f"Expected the database's clock to give a datetime, found {now!r}.")
    return now


def delete(connection: sa.Connection, ids: Collection[int]) -> int:
    """Remove events whose rows have been written; returns how many there were."""
    return sum(connection.execute(pending_event.delete().where(some)).rowcount for some in _chosen(connection, ids))


def record_failure(
    connection: sa.Connection,
    ids: Collection[int],
    reason: str,
    max_attempts: int,
    *,
    waits_for: Collection[str] | None = None,
    first_pause_seconds: float = _FIRST_PAUSE_SECONDS,
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
        (pending_event.c.waits_for, _as_json(waits_for)),
    )
    given_up = 0
    for some in _chosen(connection, ids):
        connection.execute(change.where(some, _is_pending))
        given_up += connection.scalar(sa.select(sa.func.count()).where(some, ~_is_pending)) or 0
    return given_up


def put_aside(connection: sa.Connection, reasons: Mapping[str, Collection[int]]) -> int:
    """Set events aside at once, by reason; returns how many."""
    number = 0
    for reason, ids in reasons.items():
        change = pending_event.update().values(set_aside_at=utc_now(), attempts=1, reason=reason)
        number += sum(connection.execute(change.where(some, _is_pending)).rowcount for some in _chosen(connection, ids))
    return number


def keep_for(connection: sa.Connection, ids: Collection[int], waits_for: Collection[str]) -> None:
    """Note that these tabs alone do not show the events yet; no attempt is counted, and they stay due."""
    change = pending_event.update().values(waits_for=_as_json(waits_for))
    for some in _chosen(connection, ids):
        connection.execute(change.where(some))


def _as_json(titles: Collection[str] | None) -> str | None:
    return None if titles is None else json.dumps(sorted(titles))


def retry(connection: sa.Connection, ids: Collection[int] | None = None) -> int:
    """Let events that were set aside (all of them, or these) wait again, as if new; returns how many."""
    fresh = {"set_aside_at": None, "attempts": 0, "reason": None, "retry_at": None}
    change = pending_event.update().where(~_is_pending).values(fresh)
    return sum(connection.execute(change.where(some)).rowcount for some in _chosen(connection, ids))


def drop(connection: sa.Connection, ids: Collection[int] | None = None) -> int:
    """Forget events that were set aside (all of them, or these); returns how many."""
    change = pending_event.delete().where(~_is_pending)
    return sum(connection.execute(change.where(some)).rowcount for some in _chosen(connection, ids))


def _chosen(connection: sa.Connection, ids: Collection[int] | None) -> Iterable[sa.ColumnElement[bool]]:
    """Conditions that together choose these events."""
    if ids is None or connection.dialect.name == "postgresql":
        yield is_one_of(pending_event.c.id, ids)
        return
    # Literal keys: with anything else MySQL would lock the whole table against new events.
    remaining = iter(sorted(ids))
    while some := list(islice(remaining, _CHUNK)):
        yield pending_event.c.id.in_(some)


def wait_for_event(
    engine: sa.Engine, timeout_seconds: float, *, urgent: bool = False, poll_seconds: float = POLL_SECONDS
) -> bool:
    """Return True as soon as an event (an urgent one) is due, False after ``timeout_seconds``.

    Looks instead of listening: PostgreSQL's NOTIFY takes one lock for the whole database at every commit, which would
    make the application's users wait for each other.
    Source: https://www.postgresql.org/docs/current/sql-notify.html
    """
    wanted = _is_due & (pending_event.c.priority == Priority.URGENT) if urgent else _is_due
    query = sa.select(pending_event.c.id).where(wanted).limit(1)
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
    priority: Priority | None = None,
) -> None:
    """Record a change by hand, in the transaction of the session: commit and rollback take both or neither.

    For applications that want no triggers. Call it after an insert or update, and before a delete, because whom a row
    belongs to is read from the row itself. ``entity`` is one of quiz_response, course_completion, enrollment, user,
    transcript_request, course, quiz, or a name of your own for tabs of your own; a ``key`` of several columns is a tuple.
    """
    if isinstance(session, Session):
        session.flush()
    watch = next((watch for watch in WATCHES if watch.entity == entity), None)
    default = watch.priority if watch else Priority.NORMAL
    values: dict[str, Any] = {"entity": entity, "key": stored_key(key), "kind": kind}
    values["priority"] = int(default if priority is None else priority)
    if watch is not None:
        row = watch.table
        of = {"user_id": watch.user, "course_id": watch.course, "quiz_id": watch.quiz}
        belongs = {column: row.c[source].label(column) for column, source in of.items() if source}
        ids = session.execute(sa.select(*belongs.values()).where(row.c.id == key)).mappings().first()
        values |= ids or {}
    session.execute(pending_event.insert().values(values))


def affected_keys(
    connection: sa.Connection, events: Iterable[Event], own_tabs: Mapping[str, OwnRows] | None = None
) -> dict[str, set[Any]]:
    """Tab title -> keys of the rows that these events touch, whether those rows still exist or not.

    Events carry the learner and course they belong to, so most need no look at the database; a new name or title is
    looked up wherever it shows. ``own_tabs`` adds tabs whose rows are those entities: their keys are the events' keys, as
    text. An event that waits for some tabs only touches no others.
    """
    by_tabs: dict[frozenset[str] | None, list[Event]] = {}
    for event in events:
        by_tabs.setdefault(event.tabs, []).append(event)
    by_title: dict[str, set[Any]] = {}
    for tabs, some in by_tabs.items():
        for title, keys in _touched_by(connection, some, own_tabs or {}).items():
            if tabs is None or title in tabs:
                by_title.setdefault(title, set()).update(keys)
    return by_title


def _touched_by(
    connection: sa.Connection, events: Iterable[Event], own_tabs: Mapping[str, OwnRows]
) -> dict[str, set[Any]]:
    touched = _Touched()
    by_entity: dict[str, list[Event]] = {}
    platform = {watch.entity for watch in WATCHES}
    declared = {entity for rows in own_tabs.values() for entity in rows.entities} - platform
    for event in events:
        # A key that one tab of one's own cannot use may name a row of another.
        is_own = event.entity in declared
        if is_no_key(event.key) if is_own else fault(event.entity, event.key, (event.user_id, event.course_id), {}):
            continue
        by_entity.setdefault(event.entity, []).append(event)
    for entity, some in by_entity.items():
        if entity in {"quiz_response", "enrollment", "course_completion"}:
            touched.learners.update(event.user_id for event in some)
            touched.courses.update(event.course_id for event in some)
        own = touched.of_entity.get(entity)
        if own is not None:
            own.update(int(event.key) for event in some)
    renamed = {int(event.key) for event in by_entity.get("user", []) if event.kind == "user_renamed"}
    retitled = {int(event.key) for event in by_entity.get("course", []) if event.kind == "course_renamed"}
    changed = {int(event.key) for event in by_entity.get("quiz", [])}
    touched.courses.update(event.course_id for event in by_entity.get("quiz", []))
    if renamed:
        _add_renamed_users(connection, touched, renamed)
    if retitled:
        _add_renamed_courses(connection, touched, retitled)
    if changed:
        _add_responses(connection, touched, is_one_of(quiz_responses.c.quiz_id, changed))
    by_title: dict[str, set[Any]] = touched.by_tab()
    for title, rows in own_tabs.items():
        named = [event.key for entity in declared.intersection(rows.entities) for event in by_entity.get(entity, [])]
        if keys := touched_rows(rows, named):
            by_title.setdefault(title, set()).update(keys)
    return by_title


class _Touched:
    """Keys of each tab; None stands for "belongs to no course"."""

    def __init__(self) -> None:
        self.learners: set[int | None] = set()
        self.courses: set[int | None] = set()
        self.responses: set[int | None] = set()
        self.requests: set[int | None] = set()
        #: Entities that are the rows of a tab.
        self.of_entity = {
            "user": self.learners,
            "course": self.courses,
            "quiz_response": self.responses,
            "transcript_request": self.requests,
        }

    def by_tab(self) -> dict[str, set[Any]]:
        tabs = zip(
            (USER_PROFILES_TAB, COURSE_STATISTICS_TAB, QUIZ_RESPONSES_TAB, TRANSCRIPT_REQUESTS_TAB),
            (self.learners, self.courses, self.responses, self.requests),
            strict=True,
        )
        return {title: {key for key in keys if key is not None} for title, keys in tabs if keys - {None}}


def _add_renamed_users(connection: sa.Connection, touched: _Touched, ids: set[int]) -> None:
    """Their names show beside each response and each transcript request."""
    responses = sa.select(quiz_responses.c.id).where(is_one_of(quiz_responses.c.user_id, ids))
    touched.responses.update(connection.scalars(responses))
    requested = sa.select(transcript_requests.c.id).where(is_one_of(transcript_requests.c.user_id, ids))
    touched.requests.update(connection.scalars(requested))


def _add_renamed_courses(connection: sa.Connection, touched: _Touched, ids: set[int]) -> None:
    """Their titles show beside responses and requests, and as the best course of those who answered."""
    of_course = sa.select(quizzes.c.id).where(is_one_of(quizzes.c.course_id, ids))
    _add_responses(connection, touched, quiz_responses.c.quiz_id.in_(of_course))
    requested = sa.select(transcript_requests.c.id).where(is_one_of(transcript_requests.c.course_id, ids))
    touched.requests.update(connection.scalars(requested))


def _add_responses(connection: sa.Connection, touched: _Touched, which: sa.ColumnElement[bool]) -> None:
    rows = connection.execute(sa.select(quiz_responses.c.id, quiz_responses.c.user_id).where(which)).all()
    touched.responses.update(row[0] for row in rows)
    touched.learners.update(row[1] for row in rows)
