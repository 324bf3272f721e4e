"""The quota budget: reads and writes per credential and per Google project, shared by all processes and hosts through the database.

A request holds a slot from before it is sent until 60 seconds after its answer came. It reaches Google somewhere in
between, so whatever the network does, no 60 seconds on Google's side see more requests than there are slots. Slots are
kept a little longer, because they also tell how Google answered lately (``answers``).
"""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import sqlalchemy as sa

from sheets_pipeline.database.clock import database_time
from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import in_transaction, insert_ignore, state_metadata
from sheets_pipeline.sync.health import Answers

Kind = Literal["read", "write"]
_KINDS: tuple[Kind, ...] = ("read", "write")

#: Google refills every minute. Source: https://developers.google.com/workspace/sheets/api/limits
WINDOW_SECONDS = 60.05

#: A slot whose process died without an answer: Google gives up on a request after 180 s.
_LONGEST_REQUEST_SECONDS = 190

#: How long it is known how a request ended. Retries are at most 40 s apart, so during an outage there are always some.
_REMEMBERED_SECONDS = 120.0

#: How a request ends: with an answer, with 429, or with an error of Google's or no answer at all.
_ANSWERED, _REFUSED, _FAILED = _ENDED = ("answered", "refused", "failed")

#: A slot in use whose request has not ended: sent, or held for one that is to come.
_SENT, _HELD = _IN_USE = ("sent", "held")

#: A waiting request says so this often; one silent for longer has gone.
_WAITER_POLL_SECONDS = 1.0
_WAITER_GONE_SECONDS = 4.0

#: While urgent requests have been seen lately, bulk leaves them this share of the budget.
_URGENT_SHARE = 10
_URGENT_LATELY_SECONDS = 600

#: From so many requests a minute on, slots can be held by those who wait for a lock: whoever has it needs some, too.
_LEAST_TO_RESERVE = 10

URGENT, BULK, SOURCES = 0, 1, 2

#: Name of a project among credentials, whose names hold no blank.
_PROJECT_LOCK = "project {}"

sync_quota_budget = sa.Table(
    "sync_quota_budget",
    state_metadata,
    sa.Column("credential", ExactText(200), primary_key=True),
    sa.Column("kind", ExactText(10), primary_key=True),
    sa.Column("urgent_at", sa.Double, nullable=False, default=0.0),
    comment="One row per credential and kind; updating it is the lock on its slots.",
    **UNICODE,
)

sync_quota_slot = sa.Table(
    "sync_quota_slot",
    state_metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("credential", ExactText(200), nullable=False),
    sa.Column("kind", ExactText(10), nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("state", ExactText(10), nullable=False, comment="waiting, held, sent; answered, refused (429), failed"),
    sa.Column("at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    sa.Column(
        "project", ExactText(200), nullable=False, server_default="", comment="of the credential; blank: not known"
    ),
    sa.Index("sync_quota_slot_budget", "credential", "kind", "state"),
    sa.Index("sync_quota_slot_project", "project", "kind", "state"),
    comment="Requests of the last minute, and those waiting for room.",
    **UNICODE,
)


# Statements, made once: each request needs ten of them, and making one costs as much as the database's answer.

_slot, _budget = sync_quota_slot.c, sync_quota_budget.c


def _is_one_of(states: Collection[str]) -> sa.ColumnElement[bool]:
    return sa.or_(*(_slot.state == state for state in states))


#: A slot in use: its request is under way, or was answered in the last minute.
_COUNTS = _is_one_of(_IN_USE) | (_is_one_of(_ENDED) & (_slot.at >= sa.bindparam("since")))
_MINE = (_slot.credential == sa.bindparam("of_credential")) & (_slot.kind == sa.bindparam("of_kind"))
_OF_PROJECT = (_slot.project == sa.bindparam("of_project")) & (_slot.kind == sa.bindparam("of_kind"))

_COUNT = sa.select(sa.func.count()).where(_MINE, _COUNTS)
_COUNT_OF_PROJECT = sa.select(sa.func.count()).where(_OF_PROJECT, _COUNTS)
_COUNT_BEFORE = sa.select(sa.func.count()).where(
    _MINE, _slot.state == "waiting", _slot.priority < sa.bindparam("of_priority")
)
_OLDEST = sa.select(sa.func.min(_slot.at)).where(_is_one_of(_ENDED), _slot.at >= sa.bindparam("since"))
_OLDEST_OF_MINE, _OLDEST_OF_BOTH = _OLDEST.where(_MINE), _OLDEST.where(_MINE | _OF_PROJECT)
_FORGET = sa.delete(sync_quota_slot).where(
    _MINE,
    (_is_one_of(_ENDED) & (_slot.at < sa.bindparam("remembered_since")))
    | (_is_one_of(_IN_USE) & (_slot.at < sa.bindparam("alive_since")))
    | ((_slot.state == "waiting") & (_slot.at < sa.bindparam("waiter_since"))),
)
_CHANGE = (
    sa.update(sync_quota_slot)
    .where(_slot.id == sa.bindparam("slot_id"))
    .values(state=sa.bindparam("becomes"), at=sa.bindparam("moment"))
)
_STILL_WAITS = sa.update(sync_quota_slot).where(_slot.id == sa.bindparam("slot_id")).values(at=sa.bindparam("moment"))
_OF_BUDGET = (_budget.credential == sa.bindparam("of_credential")) & (_budget.kind == sa.bindparam("of_kind"))
_LOCK = sa.update(sync_quota_budget).where(_OF_BUDGET).values(urgent_at=_budget.urgent_at)
_LOCK_URGENTLY = sa.update(sync_quota_budget).where(_OF_BUDGET).values(urgent_at=sa.bindparam("moment"))
_URGENT_AT = sa.select(_budget.urgent_at).where(_OF_BUDGET)


@dataclass(frozen=True, slots=True)
class ProjectQuota:
    """What a Google project grants all of its credentials together, in requests a minute by kind."""

    name: str
    limits: Mapping[Kind, int]


class DatabaseQuota:
    """The budget of one credential. ``priority`` 0 goes before 1.

    Its ``project``, where several credentials share one, must have room, too.
    """

    def __init__(
        self,
        engine: sa.Engine,
        credential: str,
        *,
        reads_per_minute: int,
        writes_per_minute: int,
        priority: int = BULK,
        project: ProjectQuota | None = None,
    ) -> None:
        self.engine, self.credential, self.priority = engine, credential, priority
        self.project = project
        self.limits: dict[Kind, int] = {"read": reads_per_minute, "write": writes_per_minute}
        #: Slots held for requests to come: kind → id, seconds waited.
        self._reserved: dict[str, tuple[int, float]] = {}
        self._is_reserving = False

    @contextmanager
    def slot(self, kind: Kind) -> Iterator[float]:
        """Wait for room and hold it for one request; gives the seconds waited."""
        slot_id, waited = self._take_reserved(kind) or self._take(kind)
        state = _ANSWERED
        try:
            yield waited
        except Exception as error:
            state = _how_it_ended(error)
            raise
        finally:
            in_transaction(self.engine, lambda connection: self._change(connection, slot_id, state))

    @contextmanager
    def reserved(self) -> Iterator[None]:
        """Hold a slot of each kind for the requests of the block, the first of each kind; give back what is not used.

        For bulk work that takes a lock in the block: it waits for quota before, so that urgent work, which needs the lock,
        does not wait for our quota, too. Urgent work holds nothing; it goes first.
        """
        is_bulk = self.priority > URGENT and min(self.limits.values()) >= _LEAST_TO_RESERVE
        if self._is_reserving:  # for all tabs of a spreadsheet
            yield
            return
        wanted, self._is_reserving = _KINDS if is_bulk else (), True
        try:
            for kind in wanted:
                self._reserved[kind] = self._take(kind, _HELD)
            yield
        finally:
            self._is_reserving = False
            if left := [slot_id for slot_id, _ in self._reserved.values()]:
                self._reserved.clear()
                given_back = sa.delete(sync_quota_slot).where(sync_quota_slot.c.id.in_(left))
                in_transaction(self.engine, lambda connection: connection.execute(given_back))

    def used(self, kind: Kind) -> int:
        """Slots in use: requests of about the last minute."""
        with self.engine.connect() as connection:
            return self._count(connection, kind, database_time(connection))

    def in_use(self) -> dict[Kind, list[tuple[float, int]]]:
        """Age in seconds and priority of each slot in use, by kind."""
        slot = sync_quota_slot.c
        with self.engine.connect() as connection:
            now = database_time(connection)
            mine = sa.select(slot.kind, slot.at, slot.priority).where(slot.credential == self.credential, _COUNTS)
            slots = connection.execute(mine, {"since": now - WINDOW_SECONDS}).all()
        by_kind: dict[Kind, list[tuple[float, int]]] = {kind: [] for kind in _KINDS}
        for kind, at, priority in slots:
            by_kind[kind].append((max(0.0, now - at), priority))
        return by_kind

    def left(self, kind: Kind) -> int:
        """Requests that could be sent now without waiting."""
        return max(0, self.limits[kind] - self.used(kind))

    def answers(self) -> Answers:
        """How Google answered this credential's requests lately."""
        slot = sync_quota_slot.c
        mine = (slot.credential == self.credential) & slot.state.in_((*_ENDED, _SENT))
        query = sa.select(slot.state, slot.at).where(mine).order_by(slot.at)
        with self.engine.connect() as connection:
            now = database_time(connection)
            slots = connection.execute(query).all()
        ended = [(state, at) for state, at in slots if state != _SENT and at >= now - _REMEMBERED_SECONDS]
        good = max((at for state, at in ended if state == _ANSWERED), default=0.0)
        bad_since = next((at for state, at in ended if state != _ANSWERED and at > good), None)
        last = max((at for state, at in ended if state != _FAILED), default=0.0)
        since = max(last, now - _LONGEST_REQUEST_SECONDS)  # a request that is older has died with its process
        waiting_since = next((at for state, at in slots if state == _SENT and at > since), now)
        return Answers(
            answered=sum(state == _ANSWERED for state, _ in ended),
            refused=sum(state == _REFUSED for state, _ in ended),
            failed=sum(state == _FAILED for state, _ in ended),
            failing_seconds=0.0 if bad_since is None else max(0.0, now - bad_since),
            silent_seconds=max(0.0, now - waiting_since),
        )

    def _take_reserved(self, kind: Kind) -> tuple[int, float] | None:
        """The slot held for this request, if there is one and nobody has taken its holder for dead meanwhile."""
        if (slot := self._reserved.pop(kind, None)) is None:
            return None
        is_there = in_transaction(self.engine, lambda connection: self._change(connection, slot[0], _SENT))
        return slot if is_there else None

    @staticmethod
    def _change(connection: sa.Connection, slot_id: int, state: str) -> bool:
        """Say what a slot is now; False where it is gone."""
        values = {"slot_id": slot_id, "becomes": state, "moment": database_time(connection)}
        return bool(connection.execute(_CHANGE, values).rowcount)

    def _take(self, kind: Kind, state: str = _SENT) -> tuple[int, float]:
        """Id of a slot of ours, and the seconds waited for it."""
        started = time.monotonic()
        slot_id = self._wait(kind, state)
        return slot_id, time.monotonic() - started

    def _wait(self, kind: Kind, state: str) -> int:
        waiting_id: int | None = None
        while True:
            waiting_id, pause = in_transaction(self.engine, partial(self._ask, kind, state, waiting_id))
            if not pause:
                return waiting_id
            time.sleep(pause)

    def _ask(self, kind: Kind, state: str, waiting_id: int | None, connection: sa.Connection) -> tuple[int, float]:
        """Id of the slot, and the seconds after which to ask again; 0 where it is ours."""
        self._lock(connection, kind)
        now = database_time(connection)
        slot_id = self._enter(connection, kind, now, waiting_id)
        if not self._has_room(connection, kind, now):
            return slot_id, self._until_next_free(connection, kind, now)
        connection.execute(_CHANGE, {"slot_id": slot_id, "becomes": state, "moment": now})
        return slot_id, 0.0

    def _lock(self, connection: sa.Connection, kind: Kind) -> None:
        is_urgent = self.priority == URGENT
        self._lock_row(connection, self.credential, kind, database_time(connection) if is_urgent else None)

    @staticmethod
    def _lock_row(connection: sa.Connection, name: str, kind: Kind, urgent_at: float | None = None) -> None:
        values: dict[str, Any] = {"of_credential": name, "of_kind": kind}
        lock = _LOCK if urgent_at is None else _LOCK_URGENTLY
        values |= {} if urgent_at is None else {"moment": urgent_at}
        if connection.execute(lock, values).rowcount == 0:
            insert_ignore(connection, sync_quota_budget, {"credential": name, "kind": kind, "urgent_at": 0})
            connection.execute(lock, values)

    def _enter(self, connection: sa.Connection, kind: Kind, now: float, waiting_id: int | None) -> int:
        """Say that this request is waiting, and drop what no longer counts."""
        since = {
            "remembered_since": now - _REMEMBERED_SECONDS,
            "alive_since": now - _LONGEST_REQUEST_SECONDS - WINDOW_SECONDS,
            "waiter_since": now - _WAITER_GONE_SECONDS,
        }
        connection.execute(_FORGET, self._mine(kind) | since)
        still = {"slot_id": waiting_id, "moment": now}
        if waiting_id is not None and connection.execute(_STILL_WAITS, still).rowcount:
            return waiting_id
        values = {
            "credential": self.credential,
            "kind": kind,
            "priority": self.priority,
            "state": "waiting",
            "at": now,
            "project": self.project.name if self.project else "",
        }
        inserted = connection.execute(sa.insert(sync_quota_slot).values(values)).inserted_primary_key
        return int(inserted[0])  # type: ignore[index] # a single-row insert always has one

    def _has_room(self, connection: sa.Connection, kind: Kind, now: float) -> bool:
        limit = self.limits[kind]
        if self.priority > URGENT:
            if connection.scalar(_COUNT_BEFORE, self._mine(kind) | {"of_priority": self.priority}):
                return False
            if (connection.scalar(_URGENT_AT, self._mine(kind)) or 0) > now - _URGENT_LATELY_SECONDS:
                limit -= limit // _URGENT_SHARE
        return self._count(connection, kind, now) < limit and self._has_room_in_project(connection, kind, now)

    def _has_room_in_project(self, connection: sa.Connection, kind: Kind, now: float) -> bool:
        """One row of the project is the lock on the slots of all its credentials."""
        if self.project is None:
            return True
        self._lock_row(connection, _PROJECT_LOCK.format(self.project.name), kind)
        mine = {"of_project": self.project.name, "of_kind": kind, "since": now - WINDOW_SECONDS}
        return int(connection.scalar(_COUNT_OF_PROJECT, mine) or 0) < self.project.limits[kind]

    def _count(self, connection: sa.Connection, kind: Kind, now: float) -> int:
        return int(connection.scalar(_COUNT, self._mine(kind) | {"since": now - WINDOW_SECONDS}) or 0)

    def _until_next_free(self, connection: sa.Connection, kind: Kind, now: float) -> float:
        values = self._mine(kind) | {"since": now - WINDOW_SECONDS}
        if self.project is None:
            oldest = connection.scalar(_OLDEST_OF_MINE, values)
        else:
            oldest = connection.scalar(_OLDEST_OF_BOTH, values | {"of_project": self.project.name})
        free_in = (oldest + WINDOW_SECONDS - now) if oldest is not None else _WAITER_POLL_SECONDS
        return float(min(max(free_in, 0.005), _WAITER_POLL_SECONDS))

    def _mine(self, kind: Kind) -> dict[str, Any]:
        """What tells this budget in a statement."""
        return {"of_credential": self.credential, "of_kind": kind}


def _how_it_ended(error: Exception) -> str:
    """From the HTTP status of an error; one without a status had no answer."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 429:
        return _REFUSED
    is_answer = status is not None and 400 <= status < 500  # success that ends in an error is somebody else's page
    return _ANSWERED if is_answer else _FAILED
