"""The governor: whether a sync goes on now, or in how many seconds and why. docs/run/pace.md is its page.

``decide`` does the deciding, from what is known of quota, the application's load and urgency. The functions below it
collect that and wait; they are asked before and after each round of an event sync, and after each step of a full sync.
"""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import dagster as dg

from sheets_pipeline.database import events
from sheets_pipeline.database.quota import URGENT, WINDOW_SECONDS, Kind
from sheets_pipeline.pipeline import Pipeline
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
        interval_seconds: Between two full syncs.
        events_per_second: That come in; None for work which makes way whatever the load.
        ages: Seconds since each request in use was sent, by kind.
        limits: Requests per minute by kind.
        since_round_seconds: Since the last round's request; None where there was none.
    """

    worked_seconds: float = 0.0
    rested_seconds: float = 0.0
    work_share: float = 1.0
    interval_seconds: float = 300.0
    events_per_second: float | None = None
    ages: Mapping[Kind, Collection[float]] = field(default_factory=dict)
    limits: Mapping[Kind, int] = field(default_factory=dict)
    since_round_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Go on in so many seconds (0: now), and why not earlier."""

    seconds: float = 0.0
    because: str = ""

    def __str__(self) -> str:
        return f"Going on in {self.seconds:.1f} s, because {self.because}." if self.seconds else "Going on now."


def decide(now: Situation) -> Decision:
    """Whether a sync goes on now; of two reasons to wait, the longer wait counts."""
    return max(_for_the_application(now), _for_quota(now), key=lambda decision: decision.seconds)


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


# Asking ----------------------------------------------------------------------------------------------------------------


def wait_after_step(context: dg.AssetExecutionContext, settings: Settings, worked_seconds: float) -> None:
    """After a step of a full sync: make way for the application, unless somebody waits for this run. No lock is held."""
    if _SCHEDULED not in context.run.tags:
        return
    share, interval = settings.sync_work_share, settings.sync_interval_seconds
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
    context: dg.OpExecutionContext, pipeline: Pipeline, round_seconds: float, worked_seconds: float
) -> bool:
    """After a round of an event sync: make way for the application while it is busy; returns whether that was so.

    The load is looked at again each second, so a burst that is over is not kept waiting. An urgent event ends the wait.

    Args:
        context: Of the run.
        pipeline: Its queue is looked at.
        round_seconds: Time since the round took its events: what is pending now came since.
        worked_seconds: The part of it in which the round was at work.
    """
    share, interval = pipeline.settings.sync_work_share, pipeline.settings.sync_interval_seconds
    began, waited = time.monotonic(), False
    before, seconds = 0, round_seconds
    while True:
        due = events.count_due(pipeline.platform)
        rate = (due - before) / max(seconds, 0.001)
        decision = decide(Situation(worked_seconds, time.monotonic() - began, share, interval, rate))
        if not decision.seconds:
            return waited
        if not waited:
            context.log.info("%s", decision)
        waited, before, seconds = True, due, min(_LOOK_SECONDS, decision.seconds)
        if _wait_for_urgent(pipeline, seconds):
            return True


def _tell(context: dg.OpExecutionContext | dg.AssetExecutionContext, decision: Decision) -> None:
    if decision.seconds >= _TOLD_SECONDS:
        context.log.info("%s", decision)


def _wait_for_urgent(pipeline: Pipeline, seconds: float) -> bool:
    """Whether an urgent event came within so many seconds."""
    return events.wait_for_event(pipeline.platform, seconds, urgent=True, poll_seconds=_URGENT_POLL_SECONDS)
