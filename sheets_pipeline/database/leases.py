"""Pauses: whoever needs the database or the quota for itself takes a lease, and syncs wait while one lives.

A lease ends by itself, so a holder that dies holds nothing up. However many holders there are and however often they
renew, no kind of sync waits longer than the limit: the time counts from the first sync that was held up, and when it is
used up one goes through; only then does the time count anew. What is pure decides (``decide``), the rest is SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa

from sheets_pipeline.database.clock import database_time
from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import insert_ignore, state_metadata

Kind = Literal["full", "events"]

#: Once let through, a sync and all that asks on its behalf (its schedule, its tabs) has this long to start, in seconds.
TURN_SECONDS = 30.0

#: Longest lease; a holder that needs more renews it, in seconds.
LONGEST_LEASE_SECONDS = 86_400

sync_pause = sa.Table(
    "sync_pause",
    state_metadata,
    sa.Column("holder", ExactText(200), primary_key=True),
    sa.Column("reason", ExactText(500), nullable=False, default=""),
    sa.Column("taken_at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    sa.Column("until", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    comment="Leases that hold syncs up; each ends by itself.",
    **UNICODE,
)

sync_hold = sa.Table(
    "sync_hold",
    state_metadata,
    sa.Column("kind", ExactText(10), primary_key=True, comment="full or events"),
    sa.Column("held_since", sa.Double, comment="first sync held up since the last went through; null: none was"),
    sa.Column("turn_at", sa.Double, comment="when one went through because the limit was used up"),
    comment="How long each kind of sync has been held up.",
    **UNICODE,
)


@dataclass(frozen=True, slots=True)
class Lease:
    """A living lease. Times are aware, in UTC."""

    holder: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """How long a kind of sync has been held up, in seconds since 1970; None where it is not."""

    held_since: float | None = None
    turn_at: float | None = None


def decide(hold: Hold, now: float, until: float | None, limit_seconds: float) -> tuple[bool, Hold]:
    """Whether a sync that would start now has to wait, and what to remember.

    Args:
        hold: What was remembered the last time.
        now: Seconds since 1970.
        until: When the reason to wait ends (a guess is fine); None where there is none.
        limit_seconds: Longest time from the first sync held up to one that goes through; 0 for never waiting.
    """
    if until is None or until <= now:
        return False, Hold(None, hold.turn_at)
    if hold.turn_at is not None and 0 <= now - hold.turn_at < TURN_SECONDS:
        return False, hold
    # A clock that was set back counts as a fresh start, not as a wait of years.
    since = hold.held_since if hold.held_since is not None and hold.held_since <= now else now
    if now - since >= limit_seconds:
        return False, Hold(None, now)
    return True, Hold(since, hold.turn_at)


def take(engine: sa.Engine, holder: str, seconds: float, reason: str = "") -> datetime:
    """Hold syncs up for so many seconds from now, or renew the holder's lease; gives when it ends.

    Raises:
        ValueError: No holder, or a time that is not above 0 and at most a day.
    """
    if not holder.strip() or not 0 < seconds <= LONGEST_LEASE_SECONDS:
        raise ValueError(
            f"A lease for {holder!r} of {seconds!r} s cannot be taken. Name the holder, and take more than 0 and at "
            f"most {LONGEST_LEASE_SECONDS} seconds; renew it when it is needed for longer."
        )
    holder, reason = holder.strip()[:200], reason[:500]
    with engine.begin() as connection:
        now = database_time(connection)
        values = {"reason": reason, "taken_at": now, "until": now + seconds}
        insert_ignore(connection, sync_pause, {"holder": holder, **values})
        connection.execute(sa.update(sync_pause).where(sync_pause.c.holder == holder).values(values))
        connection.execute(sa.delete(sync_pause).where(sync_pause.c.until < now - TURN_SECONDS))
    return _moment(now + seconds)


def release(engine: sa.Engine, holder: str | None = None) -> int:
    """Give a holder's lease back, or everybody's; returns how many lived."""
    with engine.begin() as connection:
        alive = sync_pause.c.until > database_time(connection)
        mine = sa.true() if holder is None else sync_pause.c.holder == holder.strip()[:200]
        lived = connection.scalar(sa.select(sa.func.count()).where(mine, alive))
        connection.execute(sa.delete(sync_pause).where(mine))
    return int(lived or 0)


def leases(engine: sa.Engine) -> list[Lease]:
    """Leases that live, the one that lasts longest first."""
    with engine.connect() as connection:
        return _alive(connection, database_time(connection))


def paused_until(engine: sa.Engine, limit_seconds: float) -> datetime | None:
    """When syncs go on, at the latest; None where nothing holds them up, or the limit is used up. Changes nothing."""
    with engine.connect() as connection:
        now = database_time(connection)
        alive = _alive(connection, now)
        if not alive:
            return None
        until = alive[0].until.timestamp()
        ends = [
            min(until, after.held_since + limit_seconds)
            for must_wait, after in (decide(hold, now, until, limit_seconds) for hold in _holds(connection).values())
            if must_wait and after.held_since is not None
        ]
    return _moment(max(ends)) if ends else None


def must_wait(engine: sa.Engine, kind: Kind, limit_seconds: float, *, until: datetime | None) -> bool:
    """Whether a sync of this kind that would start now has to wait; to be asked once for each that would.

    Remembers since when this kind has been held up, so that it never is for longer than the limit.

    Args:
        engine: The pipeline's database.
        kind: Each kind has its own count.
        limit_seconds: ``SYNC_PAUSE_LIMIT_SECONDS``.
        until: When the reason to wait ends, None where there is none.
    """
    with engine.begin() as connection:
        now = database_time(connection)
        before = _holds(connection)[kind]
        waits, after = decide(before, now, until.timestamp() if until else None, limit_seconds)
        if after != before:
            values = {"held_since": after.held_since, "turn_at": after.turn_at}
            insert_ignore(connection, sync_hold, {"kind": kind, **values})
            connection.execute(sa.update(sync_hold).where(sync_hold.c.kind == kind).values(values))
    return waits


def _alive(connection: sa.Connection, now: float) -> list[Lease]:
    pause = sync_pause.c
    query = sa.select(pause.holder, pause.reason, pause.until).where(pause.until > now).order_by(pause.until.desc())
    return [Lease(holder, reason, _moment(until)) for holder, reason, until in connection.execute(query)]


def _holds(connection: sa.Connection) -> Mapping[Kind, Hold]:
    query = sa.select(sync_hold.c.kind, sync_hold.c.held_since, sync_hold.c.turn_at)
    holds = {kind: Hold(held_since, turn_at) for kind, held_since, turn_at in connection.execute(query)}
    return {"full": holds.get("full", Hold()), "events": holds.get("events", Hold())}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
