"""Waits of an event sync in which events gather: many cost as much as one.

Before a round, when quota gets short; after a round, while the application is so busy that our work would be felt (see
docs/decisions/0012). An urgent event ends either.
"""

import time
from collections.abc import Mapping

import dagster as dg

from sheets_pipeline.database import events
from sheets_pipeline.database.quota import URGENT
from sheets_pipeline.database.waiting import waiting
from sheets_pipeline.defs.rests import rest_seconds
from sheets_pipeline.wiring import Pipeline

#: Share of a budget that event syncs use without waiting for each other.
_FREE_SHARE = 2 / 3

#: Events per second from which on the application is busy. Below, a round is for whoever waits for its rows.
_BUSY_PER_SECOND = 50

#: While resting, how often to look whether the application is busy still, and whether an urgent event has come.
_LOOK_SECONDS = 1.0
_URGENT_POLL_SECONDS = 0.2


def let_gather(open_pipeline: Pipeline) -> None:
    """When quota gets short, wait until the oldest event is some seconds old."""
    quota = open_pipeline.quota(URGENT)
    used = {"read": quota.used("read"), "write": quota.used("write")}
    if gathering_seconds(0, used, quota.limits, tabs=1) == 0:
        return
    with open_pipeline.platform.connect() as connection:
        oldest = events.status(connection).oldest_seconds
        tabs = max(1, len(waiting(connection)))
    if oldest is not None:
        _wait_for_urgent(open_pipeline, gathering_seconds(oldest, used, quota.limits, tabs))


def gathering_seconds(oldest_seconds: float, used: Mapping[str, int], limits: Mapping[str, int], tabs: int) -> float:
    """Nothing while a third of each budget is left; the less there is, the longer.

    One sync after the other keeps within the budgets where they are ``60 * tabs / limit`` seconds apart; with nothing
    left the wait is twice that, so a steady stream of events settles in between, at some five sixths of the budget.

    Args:
        oldest_seconds: Age of the oldest event.
        used: Requests in the last minute by kind.
        limits: Requests per minute by kind.
        tabs: How many tabs a sync concerns; it costs one request of each kind for each of them.
    """
    shortest = 0.0
    for kind, limit in limits.items():
        share = (used[kind] - limit * _FREE_SHARE) / (limit * (1 - _FREE_SHARE))
        shortest = max(shortest, 2 * 60 * tabs / limit * min(1.0, share))
    return max(0.0, shortest - oldest_seconds)


def rest_while_busy(
    context: dg.OpExecutionContext, open_pipeline: Pipeline, round_seconds: float, busy_seconds: float
) -> bool:
    """After a round, leave database and processor to the application while it is busy; returns whether that was so.

    As long as ``SYNC_WORK_SHARE`` says, at most. It is over as soon as fewer events come, so a burst is not kept waiting.

    Args:
        context: Of the run.
        open_pipeline: Its queue is looked at.
        round_seconds: Time since the round took its events: what is pending now came since.
        busy_seconds: The part of it in which the round was at work.
    """
    settings = open_pipeline.settings
    longest = rest_seconds(busy_seconds, settings.sync_work_share, settings.sync_interval_seconds)
    end, since = time.monotonic() + longest, round_seconds
    before, now = 0, events.count_due(open_pipeline.platform)
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
        if _wait_for_urgent(open_pipeline, since):
            break
        before, now = now, events.count_due(open_pipeline.platform)
    return rested


def _wait_for_urgent(open_pipeline: Pipeline, seconds: float) -> bool:
    """Whether an urgent event came within so many seconds."""
    return events.wait_for_event(open_pipeline.platform, seconds, urgent=True, poll_seconds=_URGENT_POLL_SECONDS)
