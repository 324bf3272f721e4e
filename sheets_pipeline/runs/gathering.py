"""Waits of an event sync in which events gather: many cost as much as one.

Before a round, when quota gets short; after a round, while the application is so busy that our work would be felt (see
docs/decisions/0012). An urgent event ends either.
"""

import time
from collections.abc import Collection, Mapping

import dagster as dg

from sheets_pipeline.database import events
from sheets_pipeline.database.quota import URGENT, WINDOW_SECONDS, Kind
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.rests import rest_seconds

#: Share of a budget that rounds use up as quickly as they can ...
_FREE_SHARE = 1 / 2
#: ... and the share that a steady stream of them settles at; the rest is for full syncs and urgent events.
_STEADY_SHARE = 3 / 4

#: Events per second from which on the application is busy. Below, a round is for whoever waits for its rows.
_BUSY_PER_SECOND = 50

#: While resting, how often to look whether the application is busy still, and whether an urgent event has come.
_LOOK_SECONDS = 1.0
_URGENT_POLL_SECONDS = 0.2


def let_gather(pipeline: Pipeline) -> None:
    """When quota gets short, wait for a while since the round before."""
    quota = pipeline.quota(URGENT)
    in_use = quota.in_use()
    ages = {kind: [age for age, _ in slots] for kind, slots in in_use.items()}
    last_round = min((age for slots in in_use.values() for age, priority in slots if priority == URGENT), default=None)
    seconds = seconds_between_rounds(ages, quota.limits)
    if last_round is not None and seconds > last_round and events.wait_for_event(pipeline.platform, 0):
        _wait_for_urgent(pipeline, seconds - last_round)


def seconds_between_rounds(ages: Mapping[Kind, Collection[float]], limits: Mapping[Kind, int]) -> float:
    """How far apart rounds shall be from now on, so that they never run into a full stop; 0 for as quickly as they can.

    A round costs one request of each kind, whatever tabs it touches. Each request comes back a minute after it was sent,
    so by the time at which the n-th of those in use is back, no more rounds may have begun than are left now and have come
    back by then. That, or the steady pace, whichever is slower.

    Args:
        ages: Seconds since each request in use was sent, by kind.
        limits: Requests per minute by kind.
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


def rest_while_busy(
    context: dg.OpExecutionContext, pipeline: Pipeline, round_seconds: float, busy_seconds: float
) -> bool:
    """After a round, leave database and processor to the application while it is busy; returns whether that was so.

    As long as ``SYNC_WORK_SHARE`` says, at most. It is over as soon as fewer events come, so a burst is not kept waiting.

    Args:
        context: Of the run.
        pipeline: Its queue is looked at.
        round_seconds: Time since the round took its events: what is pending now came since.
        busy_seconds: The part of it in which the round was at work.
    """
    settings = pipeline.settings
    longest = rest_seconds(busy_seconds, settings.sync_work_share, settings.sync_interval_seconds)
    end, since = time.monotonic() + longest, round_seconds
    before, now = 0, events.count_due(pipeline.platform)
    rested = False
    while now - before >= _BUSY_PER_SECOND * since and (left := end - time.monotonic()) > 0:
        if not rested:
            context.log.info(
                "Resting for up to %.1f s after %.2f s of work: %d or more events a second come in (SYNC_WORK_SHARE).",
                longest,
                busy_seconds,
                _BUSY_PER_SECOND,
            )
        rested, since = True, min(_LOOK_SECONDS, left)
        if _wait_for_urgent(pipeline, since):
            break
        before, now = now, events.count_due(pipeline.platform)
    return rested


def _wait_for_urgent(pipeline: Pipeline, seconds: float) -> bool:
    """Whether an urgent event came within so many seconds."""
    return events.wait_for_event(pipeline.platform, seconds, urgent=True, poll_seconds=_URGENT_POLL_SECONDS)
