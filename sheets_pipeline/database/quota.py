"""The quota budget: reads and writes per credential and per Google project, shared by all processes and hosts through the database.

A request holds a slot from before it is sent until 60 seconds after its answer came. It reaches Google somewhere in
between, so whatever the network does, no 60 seconds on Google's side see more requests than there are slots. Slots are
kept a little longer, because they also tell how Google answered lately (``answers``).
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

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
            mine = (slot.credential == self.credential) & _counts(now)
            slots = connection.execute(sa.select(slot.kind, slot.at, slot.priority).where(mine)).all()
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
        values = {"state": state, "at": database_time(connection)}
        mine = sa.update(sync_quota_slot).where(sync_quota_slot.c.id == slot_id)
        return bool(connection.execute(mine.values(values)).rowcount)

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
        taken = sa.update(sync_quota_slot).where(sync_quota_slot.c.id == slot_id).values(state=state, at=now)
        connection.execute(taken)
        return slot_id, 0.0

    def _lock(self, connection: sa.Connection, kind: Kind) -> None:
        is_urgent = self.priority == URGENT
        self._lock_row(connection, self.credential, kind, database_time(connection) if is_urgent else None)

    @staticmethod
    def _lock_row(connection: sa.Connection, name: str, kind: Kind, urgent_at: float | None = None) -> None:
        mine = (sync_quota_budget.c.credential == name) & (sync_quota_budget.c.kind == kind)
        values = {"urgent_at": sync_quota_budget.c.urgent_at if urgent_at is None else urgent_at}
        lock = sa.update(sync_quota_budget).where(mine).values(values)
        if connection.execute(lock).rowcount == 0:
            insert_ignore(connection, sync_quota_budget, {"credential": name, "kind": kind, "urgent_at": 0})
            connection.execute(lock)

    def _enter(self, connection: sa.Connection, kind: Kind, now: float, waiting_id: int | None) -> int:
        """Say that this request is waiting, and drop what no longer counts."""
        slot = sync_quota_slot.c
        over = slot.state.in_(_ENDED) & (slot.at < now - _REMEMBERED_SECONDS)
        died = slot.state.in_(_IN_USE) & (slot.at < now - _LONGEST_REQUEST_SECONDS - WINDOW_SECONDS)
        gone = (slot.state == "waiting") & (slot.at < now - _WAITER_GONE_SECONDS)
        connection.execute(sa.delete(sync_quota_slot).where(self._mine(kind), over | died | gone))
        if waiting_id is not None:
            still = sa.update(sync_quota_slot).where(slot.id == waiting_id).values(at=now)
            if connection.execute(still).rowcount:
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
            slot = sync_quota_slot.c
            before_us = (slot.state == "waiting") & (slot.priority < self.priority)
            if connection.scalar(sa.select(sa.func.count()).where(self._mine(kind), before_us)):
                return False
            budget = sync_quota_budget.c
            mine = (budget.credential == self.credential) & (budget.kind == kind)
            if (connection.scalar(sa.select(budget.urgent_at).where(mine)) or 0) > now - _URGENT_LATELY_SECONDS:
                limit -= limit // _URGENT_SHARE
        return self._count(connection, kind, now) < limit and self._has_room_in_project(connection, kind, now)

    def _has_room_in_project(self, connection: sa.Connection, kind: Kind, now: float) -> bool:
        """One row of the project is the lock on the slots of all its credentials."""
        if self.project is None:
            return True
        self._lock_row(connection, _PROJECT_LOCK.format(self.project.name), kind)
        slot = sync_quota_slot.c
        mine = (slot.project == self.project.name) & (slot.kind == kind)
        used = connection.scalar(sa.select(sa.func.count()).where(mine, _counts(now))) or 0
        return int(used) < self.project.limits[kind]

    def _count(self, connection: sa.Connection, kind: Kind, now: float) -> int:
        return int(connection.scalar(sa.select(sa.func.count()).where(self._mine(kind), _counts(now))) or 0)

    def _until_next_free(self, connection: sa.Connection, kind: Kind, now: float) -> float:
        slot = sync_quota_slot.c
        holds = slot.state.in_(_ENDED) & (slot.at >= now - WINDOW_SECONDS)
        mine = self._mine(kind)
        if self.project is not None:
            mine |= (slot.project == self.project.name) & (slot.kind == kind)
        oldest = connection.scalar(sa.select(sa.func.min(slot.at)).where(mine, holds))
        free_in = (oldest + WINDOW_SECONDS - now) if oldest is not None else _WAITER_POLL_SECONDS
        return float(min(max(free_in, 0.005), _WAITER_POLL_SECONDS))

    def _mine(self, kind: Kind) -> sa.ColumnElement[bool]:
        return (sync_quota_slot.c.credential == self.credential) & (sync_quota_slot.c.kind == kind)


def _counts(now: float) -> sa.ColumnElement[bool]:
    """Whether a slot is in use: its request is under way, or was answered in the last minute."""
    slot = sync_quota_slot.c
    return slot.state.in_(_IN_USE) | (slot.state.in_(_ENDED) & (slot.at >= now - WINDOW_SECONDS))


def _how_it_ended(error: Exception) -> str:
    """From the HTTP status of an error; one without a status had no answer."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 429:
        return _REFUSED
    is_answer = status is not None and 400 <= status < 500  # success that ends in an error is somebody else's page
    return _ANSWERED if is_answer else _FAILED
