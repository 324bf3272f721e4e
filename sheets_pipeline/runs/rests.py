"""Rests of a full sync that the schedule started: nobody waits for it, and the application's requests come first.

It works a small share of its time (``SYNC_WORK_SHARE``), so that nearly every request finds database and processor as free
as ever. See docs/decisions/0011. No lock is held during a rest.
"""

import time

import dagster as dg

from sheets_pipeline.settings import Settings

#: Dagster's tag of a run that a schedule started.
_SCHEDULED = "dagster/schedule_name"

#: Shorter rests are not worth a line in the run's log.
_TOLD_SECONDS = 1.0


def rest(context: dg.AssetExecutionContext, settings: Settings, busy: float) -> None:
    """Leave database and processor alone after so many seconds of work, unless somebody waits for this run."""
    if _SCHEDULED not in context.run.tags:
        return
    seconds = rest_seconds(busy, settings.sync_work_share, settings.sync_interval_seconds)
    if seconds >= _TOLD_SECONDS:
        context.log.info("Resting for %.1f s after %.2f s of work (SYNC_WORK_SHARE).", seconds, busy)
    time.sleep(seconds)


def rest_seconds(busy: float, share: float, interval_seconds: float) -> float:
    """How long to rest after so many seconds of work, for that share of the time at work.

    At most a twentieth of the interval between two syncs, so that much work makes no sync late.
    """
    return min(busy * (1 / share - 1), interval_seconds / 20)
