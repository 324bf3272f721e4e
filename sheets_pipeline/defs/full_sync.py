"""Job ``full_sync``, its schedule (every SYNC_INTERVAL_SECONDS), and the sensor that makes up for ticks without a run.

The schedule asks the gate first, and leaves out the tabs that are switched off. Where it had to skip (the circuit was
open, somebody paused) or did not run at all (a new instance, one that was down), ``overdue_full_sync`` starts the run as
soon as it can, instead of waiting for the next tick. It also starts the trial runs of a circuit that is half open.
"""

from datetime import UTC, datetime

import dagster as dg

from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.dagster_runtime.shared_instance import shared
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.defs.running import RUN_CONFIG
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import gate
from sheets_pipeline.runs.loaded_code import note_loaded_code, still_on_disk
from sheets_pipeline.runs.run_tags import run_tags
from sheets_pipeline.runs.switches import FULL_SYNC_SCHEDULE, declared_tabs, enabled_tabs
from sheets_pipeline.settings import Settings, load_settings
from sheets_pipeline.sync.circuit import Circuit

#: So close to a tick the schedule itself is about to start a run, or just did.
_NEAR_A_TICK_SECONDS = 15

#: How often is looked for a full sync that is overdue.
_LOOK_SECONDS = 10


def cron(interval_seconds: int) -> str:
    """The cron expression of an interval that ``Settings`` has found valid (300 → ``*/5 * * * *``)."""
    minutes = interval_seconds // 60
    if minutes < 60:
        return f"*/{minutes} * * * *" if minutes > 1 else "* * * * *"
    hours = minutes // 60
    return f"0 */{hours} * * *" if 1 < hours < 24 else "0 * * * *" if hours == 1 else "0 0 * * *"


def enabled_keys(settings: Settings) -> list[dg.AssetKey]:
    """Assets whose tab is not switched off by a setting."""
    return [tab_asset.key for tab_asset in declared_tabs(settings)]


def retries(settings: Settings, circuit: Circuit) -> int:
    """How often Dagster may try a run again: not once it would open the circuit, and never in a trial run."""
    left = settings.sync_max_consecutive_failures - circuit.failures - 1
    return max(0, min(settings.sync_max_retries, left)) if circuit.state == "closed" else 0


def overdue_reason(last_run: datetime | None, now: datetime, interval_seconds: int, circuit: Circuit) -> str | None:
    """Why a full sync should start between two ticks; None where the schedule is on time.

    Args:
        last_run: When the newest full sync was asked for; None where there never was one.
        now: With time zone.
        interval_seconds: Time between two ticks; they fall on whole multiples since 1970.
        circuit: Of the spreadsheet.
    """
    if last_run is None:
        return "There has never been a full sync."
    if circuit.state == "half_open":
        return "The pause of the circuit breaker is over."
    since_tick = now.timestamp() % interval_seconds
    if min(since_tick, interval_seconds - since_tick) < _NEAR_A_TICK_SECONDS:
        return None
    missed = last_run.timestamp() < now.timestamp() - since_tick
    return "The last tick of the schedule started no full sync." if missed else None


def request_full_sync(
    instance: dg.DagsterInstance, pipeline: PipelineResource, *, only_if_overdue: bool = False
) -> dg.RunRequest | dg.SkipReason:
    """A run of all tabs that are switched on, or why there is none now."""
    try:
        opened = pipeline.opened()
        note_loaded_code(instance, opened)
        circuit = gate.current_circuit(instance, opened)
    except gate.UNREACHABLE as error:
        return dg.SkipReason(gate.in_one_line(error))
    newest = _newest(instance, opened)
    if newest and not newest.dagster_run.is_finished:
        return dg.SkipReason("A full sync is under way.")
    if only_if_overdue:
        if FULL_SYNC_SCHEDULE in switched_off(instance):
            return dg.SkipReason(f"Full syncs are switched off ({FULL_SYNC_SCHEDULE}).")
        last_run = newest.create_timestamp.astimezone(UTC) if newest else None
        if not overdue_reason(last_run, datetime.now(UTC), opened.settings.sync_interval_seconds, circuit):
            return dg.SkipReason("No full sync is overdue; the schedule does the rest.")
    if reason := gate.reason_to_skip(instance, opened, "full"):
        return dg.SkipReason(reason)
    tabs = still_on_disk(enabled_tabs(instance))
    if not tabs:
        return dg.SkipReason("The modules of all tabs were deleted. Reload the code location.")
    return dg.RunRequest(
        asset_selection=[tab_asset.key for tab_asset in tabs],
        tags=run_tags(opened) | {"dagster/max_retries": str(retries(opened.settings, circuit))},
    )


def _newest(instance: dg.DagsterInstance, opened: Pipeline) -> dg.RunRecord | None:
    filters = dg.RunsFilter(job_name="full_sync", tags=run_tags(opened))
    return next(iter(instance.get_run_records(filters, limit=1)), None)


@dg.definitions
def full_sync() -> dg.Definitions:
    """The job, its schedule and the sensor beside it, on by default."""
    settings = load_settings()
    job = dg.define_asset_job(
        "full_sync",
        selection=dg.AssetSelection.assets(*enabled_keys(settings)),
        description="Brings every tab in step with the database; writes only what differs, repairs drift.",
        tags={"dagster/max_retries": str(settings.sync_max_retries), "sheets_pipeline/sync": "full"},
        config=RUN_CONFIG,
    )

    @dg.schedule(
        name=FULL_SYNC_SCHEDULE,
        job=job,
        cron_schedule=cron(settings.sync_interval_seconds),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"All tabs that are switched on, every {settings.sync_interval_seconds // 60} minutes.",
    )
    def schedule(context: dg.ScheduleEvaluationContext, pipeline: PipelineResource) -> dg.RunRequest | dg.SkipReason:
        return request_full_sync(shared(context), pipeline)

    return dg.Definitions(jobs=[job], schedules=[schedule], sensors=[overdue_full_sync])


@dg.sensor(
    job_name="full_sync",
    minimum_interval_seconds=_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a full_sync where the last tick of the schedule started none: the first one of a new "
    "instance, after a pause, and as a trial run of the circuit breaker.",
)
def overdue_full_sync(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.RunRequest | dg.SkipReason:
    """One full sync that is overdue."""
    return request_full_sync(shared(context), pipeline, only_if_overdue=True)
