"""The governor: whether a sync starts or goes on now, or in how many seconds and why. docs/run/pace.md is its page.

``decide`` does the deciding, from what is known of quota, the application's load and urgency. The functions below it
collect that and wait; they are asked before a sync starts, before and after each round of an event sync, and after each
step of a full sync.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import dagster as dg
import sqlalchemy as sa

from sheets_pipeline.database import events, leases
from sheets_pipeline.database.load import Load, measure
from sheets_pipeline.database.quota import URGENT, WINDOW_SECONDS, Kind
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.parts import Part
from sheets_pipeline.runs.switches import intervals
from sheets_pipeline.settings import Settings

#: Share of a budget that rounds use up as quickly as they can ...
_FREE_SHARE = 1 / 2
#: ... and the share that a steady stream of them settles at; the rest is for full syncs and urgent events.
_STEADY_SHARE = 3 / 4

#: Events per second from which on the application is busy. Below, a round is for whoever waits for its rows.
_BUSY_PER_SECOND = 50

#: While an event sync waits, how often to look at the load again, and whether an urgent event has come.
_LOOK_SECONDS = 1.0
_URGENT_POLL_SECONDS = 0.2

#: A busy database holds syncs up until their limit.
_AS_LONG_AS_IT_TAKES = timedelta(days=1)

#: Shorter waits are not worth a line in the run's log.
_TOLD_SECONDS = 1.0

#: Dagster's tag of a run that a schedule started: nobody waits for its end.
_SCHEDULED = "dagster/schedule_name"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a sync is about to go on; the defaults speak for going on now.

    Attributes:
        worked_seconds: Time at work since the last wait ...
        rested_seconds: ... and the time that has passed since then.
        work_share: Of the time, for a sync that makes way for the application.
        interval_seconds: Between two full syncs of the tab that has them most often.
        events_per_second: That come in; None for work which makes way whatever the load.
        ages: Seconds since each request in use was sent, by kind.
        limits: Requests per minute by kind.
        since_round_seconds: Since the last round's request; None where there was none.
        pauses: That the application holds as the sync would start, the one that lasts longest first.
        busy: Why its database counts as busy then; None where it does not.
        pause_limit_seconds: Longest time for which the two hold syncs up.
    """

    worked_seconds: float = 0.0
    rested_seconds: float = 0.0
    work_share: float = 1.0
    interval_seconds: float = 300.0
    events_per_second: float | None = None
    ages: Mapping[Kind, Collection[float]] = field(default_factory=dict)
    limits: Mapping[Kind, int] = field(default_factory=dict)
    since_round_seconds: float | None = None
    pauses: Sequence[leases.Lease] = ()
    busy: str | None = None
    pause_limit_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """Go on in so many seconds (0: now), and why not earlier."""

    seconds: float = 0.0
    because: str = ""

    @property
    def reason(self) -> str | None:
        """Why not now, as a sentence; None where it is now."""
        return f"{self.because[:1].upper()}{self.because[1:]}." if self.seconds else None

    def __str__(self) -> str:
        return f"Going on in {self.seconds:.1f} s, because {self.because}." if self.seconds else "Going on now."


def decide(now: Situation) -> Decision:
    """Whether a sync goes on now; of several reasons to wait, the longest wait counts."""
    reasons = (_for_a_pause(now), _for_a_busy_database(now), _for_the_application(now), _for_quota(now))
    return max(reasons, key=lambda decision: decision.seconds)


def _for_a_pause(now: Situation) -> Decision:
    if not now.pauses:
        return Decision()
    longest, others = now.pauses[0], f" and {len(now.pauses) - 1} more" if len(now.pauses) > 1 else ""
    why = f" ({longest.reason})" if longest.reason else ""
    because = f"paused by {longest.holder}{others} until {longest.until:%H:%M:%S} UTC{why}; events stay queued"
    return Decision(max(1.0, (longest.until - datetime.now(UTC)).total_seconds()), because)


def _for_a_busy_database(now: Situation) -> Decision:
    """A database does not say when it will be quiet; it is looked at again for each sync that would start."""
    limit = f"the full sync waits for a quieter moment, {now.pause_limit_seconds:g} s at most"
    return Decision(now.pause_limit_seconds, f"the database is busy: {now.busy}; {limit}") if now.busy else Decision()


def _for_the_application(now: Situation) -> Decision:
    """Work takes ``work_share`` of the time; a rest is at most a twentieth of the interval, so that no sync is late."""
    if now.events_per_second is not None and now.events_per_second < _BUSY_PER_SECOND:
        return Decision()
    longest = min(now.worked_seconds * (1 / now.work_share - 1), now.interval_seconds / 20)
    busy = "" if now.events_per_second is None else f" while {_BUSY_PER_SECOND} or more events a second come in"
    because = f"the application comes first{busy}, after {now.worked_seconds:.2f} s of work (SYNC_WORK_SHARE)"
    return Decision(max(0.0, longest - now.rested_seconds), because)


def _for_quota(now: Situation) -> Decision:
    if now.since_round_seconds is None:
        return Decision()
    apart = seconds_between_rounds(now.ages, now.limits)
    return Decision(max(0.0, apart - now.since_round_seconds), "quota is short, and many events cost as much as one")


def seconds_between_rounds(ages: Mapping[Kind, Collection[float]], limits: Mapping[Kind, int]) -> float:
    """How far apart rounds shall be from now on, so that they never run into a full stop; 0 for as quickly as they can.

    A round costs one request of each kind, whatever tabs it touches. Each request comes back a minute after it was sent,
    so by the time at which the n-th of those in use is back, no more rounds may have begun than are left now and have come
    back by then. That, or the steady pace, whichever is slower.
    """
    apart = 0.0
    for kind, limit in limits.items():
        if len(ages[kind]) < limit * _FREE_SHARE:
            continue
        left = limit - len(ages[kind])
        back_in = sorted(max(0.0, WINDOW_SECONDS - age) for age in ages[kind])
        paces = (seconds / (left + n) for n, seconds in enumerate(back_in, start=1) if left + n > 0)
        apart = max(apart, WINDOW_SECONDS / (limit * _STEADY_SHARE), *paces)
    return apart


def busy_reason(load: Load, settings: Settings) -> str | None:
    """Why a database counts as busy; None where it does not."""
    sessions, lag = load.active_sessions, load.replication_lag_seconds
    if settings.sync_busy_sessions and sessions is not None and sessions >= settings.sync_busy_sessions:
        return f"{sessions} sessions are active (SYNC_BUSY_SESSIONS is {settings.sync_busy_sessions})"
    longest = settings.sync_busy_replication_lag_seconds
    if longest and lag is not None and lag >= longest:
        return f"the read replica is {lag:.0f} s behind (SYNC_BUSY_REPLICATION_LAG_SECONDS is {longest:g})"
    return None


# Asking ----------------------------------------------------------------------------------------------------------------


def may_start(state: sa.Engine, platform: sa.Engine, settings: Settings, kind: leases.Kind) -> Decision:
    """Whether a sync may start now; ask once for each.

    A pause holds every kind up, a busy database only full syncs. Neither does for longer than
    ``SYNC_PAUSE_LIMIT_SECONDS``, counted from the first sync held up to one that goes through.
    """
    limit, pauses, busy = settings.sync_pause_limit_seconds, leases.leases(state), None
    is_watched = settings.sync_busy_sessions or settings.sync_busy_replication_lag_seconds
    if kind == "full" and limit and is_watched and not pauses:
        busy = busy_reason(measure(platform), settings)
    decision = decide(Situation(pauses=pauses, busy=busy, pause_limit_seconds=limit))
    until = pauses[0].until if pauses else datetime.now(UTC) + _AS_LONG_AS_IT_TAKES if busy else None
    return decision if leases.must_wait(state, kind, limit, until=until) else Decision()


def wait_after_step(context: dg.AssetExecutionContext, settings: Settings, worked_seconds: float) -> None:
    """After a step of a full sync: make way for the application, unless somebody waits for this run. No lock is held."""
    if _SCHEDULED not in context.run.tags:
        return
    share, interval = settings.sync_work_share, _shortest_interval(settings)
    decision = decide(Situation(worked_seconds, work_share=share, interval_seconds=interval))
    _tell(context, decision)
    time.sleep(decision.seconds)


def wait_before_round(context: dg.OpExecutionContext, pipeline: Pipeline) -> None:
    """Before a round of an event sync: let events gather while quota is short; an urgent one ends the wait."""
    quota = pipeline.quota(URGENT)
    in_use = quota.in_use()
    ages = {kind: [age for age, _ in slots] for kind, slots in in_use.items()}
    last = min((age for slots in in_use.values() for age, priority in slots if priority == URGENT), default=None)
    decision = decide(Situation(ages=ages, limits=quota.limits, since_round_seconds=last))
    if decision.seconds and events.wait_for_event(pipeline.platform, 0):
        _tell(context, decision)
        _wait_for_urgent(pipeline, decision.seconds)


def wait_after_round(
    context: dg.OpExecutionContext,
    pipeline: Pipeline,
    round_seconds: float,
    worked_seconds: float,
    part: Part | None = None,
) -> bool:
    """After a round of an event sync: make way for the application while it is busy; returns whether that was so.

    The load is looked at again each second, so a burst that is over is not kept waiting. An urgent event ends the wait.

    Args:
        context: Of the run.
        pipeline: Its queue is looked at.
        round_seconds: Time since the round took its events: what is pending now came since.
        worked_seconds: The part of it in which the round was at work.
        part: Of the spreadsheets, which the run is for. All parts together get the share, and the load of all counts.
    """
    runs, only = (part.of, part.events) if part else (1, ())
    share, interval = pipeline.settings.sync_work_share, _shortest_interval(pipeline.settings)
    began, waited = time.monotonic(), False
    before, seconds = 0, round_seconds
    while True:
        due = events.count_due(pipeline.platform, only)
        rate = (due - before) * runs / max(seconds, 0.001)
        decision = decide(
            Situation(worked_seconds, time.monotonic() - began, share_of_each(share, runs), interval, rate)
        )
        if not decision.seconds:
            return waited
        if not waited:
            context.log.info("%s", decision)
        waited, before, seconds = True, due, min(_LOOK_SECONDS, decision.seconds)
        if _wait_for_urgent(pipeline, seconds):
            return True


def share_of_each(share: float, runs: int) -> float:
    """Of the time, for each of several syncs that have a share of it together; all of it is no wait for any."""
    return share if share >= 1 else share / runs


def _shortest_interval(settings: Settings) -> int:
    return min(settings.sync_interval_seconds, *intervals(settings))


def _tell(context: dg.OpExecutionContext | dg.AssetExecutionContext, decision: Decision) -> None:
    if decision.seconds >= _TOLD_SECONDS:
        context.log.info("%s", decision)


def _wait_for_urgent(pipeline: Pipeline, seconds: float) -> bool:
    """Whether an urgent event came within so many seconds."""
    return events.wait_for_event(pipeline.platform, seconds, urgent=True, poll_seconds=_URGENT_POLL_SECONDS)
