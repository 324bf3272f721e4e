"""Job ``clean_up`` and its daily schedule: what grows with every sync is removed once it is old enough.

Each part is removed in batches and within a bounded time. What is left, the next day's job takes; a job that was
interrupted has done no harm.
"""

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
import sqlalchemy as sa

from sheets_pipeline.dagster_runtime.storage_cleanup import (
    Until,
    remove_check_evaluations,
    remove_events_without_run,
    remove_runs,
    remove_ticks,
)
from sheets_pipeline.database import history, source_tasks
from sheets_pipeline.database.state import remove_gone_rows
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.defs.running import CONSOLE, RUN_CONFIG
from sheets_pipeline.edits import ledger
from sheets_pipeline.settings import Settings

#: Longest time of one clean-up.
LONGEST_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Removed:
    """What one clean-up has removed; ``is_complete`` is False where its time was up."""

    event_runs: int
    runs: int
    check_evaluations: int
    events_without_run: int
    syncs: int
    gone_rows: int
    edits: int
    seconds: float
    is_complete: bool


def clean_up_all(
    instance: dg.DagsterInstance,
    state: sa.Engine,
    settings: Settings,
    now: datetime,
    longest_seconds: float = LONGEST_SECONDS,
) -> Removed:
    """Remove whatever is older than the settings say, as of ``now`` (with time zone)."""
    started = time.monotonic()
    until = Until(started + longest_seconds)
    events_before = now - timedelta(days=min(settings.keep_event_runs_days, settings.keep_runs_days))
    runs_before = now - timedelta(days=settings.keep_runs_days)
    event_runs = remove_runs(instance, events_before, until, successful_of_job="event_sync")
    runs = remove_runs(instance, runs_before, until)
    evaluations = remove_check_evaluations(instance, runs_before, until)
    without_run = remove_events_without_run(instance, runs_before, until)
    remove_ticks(instance, runs_before, until)
    syncs = 0
    if not until.is_over:
        syncs = history.remove_before(state, events_before, only_successful_events=True)
        syncs += history.remove_before(state, now - timedelta(days=settings.keep_history_days))
        syncs += source_tasks.remove_before(state, now - timedelta(days=settings.keep_history_days))
    edits = 0 if until.is_over else ledger.remove_before(state, now - timedelta(days=settings.keep_edits_days))
    gone_rows = 0 if until.is_over else remove_gone_rows(state)
    seconds = round(time.monotonic() - started, 2)
    return Removed(event_runs, runs, evaluations, without_run, syncs, gone_rows, edits, seconds, not until.is_over)


@dg.op(out=dg.Out(dg.Nothing), description="Removes old runs, logs, ticks, check evaluations and records of syncs.")
def remove_what_is_old(context: dg.OpExecutionContext, pipeline: PipelineResource) -> dg.Output[None]:
    """Says in its metadata what it has removed."""
    opened = pipeline.opened()
    removed = clean_up_all(context.instance, opened.state, opened.settings, datetime.now(UTC))
    context.log.info("Removed %s", ", ".join(f"{name}: {value}" for name, value in asdict(removed).items()))
    return dg.Output(None, metadata=asdict(removed))


@dg.job(
    description="Removes what is older than KEEP_RUNS_DAYS, KEEP_EVENT_RUNS_DAYS, KEEP_HISTORY_DAYS and KEEP_EDITS_DAYS.",
    # Tomorrow's goes on where today's stopped.
    tags={"dagster/max_retries": "0"},
    executor_def=dg.in_process_executor,
    logger_defs={"console": CONSOLE},
    config=RUN_CONFIG,
)
def clean_up() -> None:
    """One step: everything that is old."""
    remove_what_is_old()


clean_up_schedule = dg.ScheduleDefinition(
    name="daily_clean_up",
    job=clean_up,
    cron_schedule="17 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every day at 03:17 UTC.",
)
