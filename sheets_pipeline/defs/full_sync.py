"""Job ``full_sync``, its schedule, and the sensor that makes up for ticks without a run.

Every tab has an interval (``every``, else SYNC_INTERVAL_SECONDS). The schedule ticks for all of them, and starts one run of
the tabs whose turn it is. It asks the gate first, and leaves out the tabs that are switched off. Where it had to skip (the circuit was
open, somebody paused) or did not run at all (a new instance, one that was down), ``overdue_full_sync`` starts the run as
soon as it can, instead of waiting for the next tick. It also starts the trial runs of a circuit that is half open.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.dagster_runtime.connections import shared
from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.database.history import last_full_syncs
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.defs.running import RUN_CONFIG
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import gate
from sheets_pipeline.runs.loaded_code import note_loaded_code, still_on_disk
from sheets_pipeline.runs.run_tags import run_tags
from sheets_pipeline.runs.switches import (
    FULL_SYNC_SCHEDULE,
    declared_tabs,
    enabled_tabs,
    interval_seconds,
    intervals,
)
from sheets_pipeline.runs.targets import target
from sheets_pipeline.settings import Settings, load_settings
from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline.sync.spreadsheet import DEFAULT, Each
from sheets_pipeline.sync.turns import is_tick, missed, overdue

#: How often is looked for a full sync that is overdue.
_LOOK_SECONDS = 10

#: Runs looked at for when a tab was last asked for; the record of syncs knows of those before.
_LOOKED_AT = 5


def cron(interval_seconds: int) -> str:
    """The cron expression of an interval that ``Settings`` has found valid (300 → ``*/5 * * * *``)."""
    minutes = interval_seconds // 60
    if minutes < 60:
        return f"*/{minutes} * * * *" if minutes > 1 else "* * * * *"
    hours = minutes // 60
    return f"0 */{hours} * * *" if 1 < hours < 24 else "0 * * * *" if hours == 1 else "0 0 * * *"


def crons(settings: Settings) -> str | list[str]:
    """Those of the intervals of all tabs; Dagster makes one tick where several coincide."""
    found = [cron(seconds) for seconds in intervals(settings)]
    return found if len(found) > 1 else found[0]


def enabled_keys(settings: Settings) -> list[dg.AssetKey]:
    """Assets whose tab is not switched off by a setting; those of lists have jobs of their own."""
    return [one.key for one in declared_tabs(settings) if not isinstance(one.tab.spreadsheet, Each)]


def retries(settings: Settings, circuit: Circuit) -> int:
    """How often Dagster may try a run again: not once it would open the circuit, and never in a trial run."""
    left = settings.sync_max_consecutive_failures - circuit.failures - 1
    return max(0, min(settings.sync_max_retries, left)) if circuit.state == "closed" else 0


def request_full_sync(
    instance: dg.DagsterInstance, pipeline: PipelineResource, tick: datetime | None = None
) -> dg.RunRequest | dg.SkipReason:
    """A run of the tabs that are switched on and whose turn it is, or why there is none now.

    Args:
        instance: Dagster's.
        pipeline: What is asked for its tables.
        tick: Of the schedule; without one tabs are due for which the last tick started no run.
    """
    try:
        opened = pipeline.opened()
        note_loaded_code(instance, opened)
        circuit = gate.current_circuit(instance, opened)
    except gate.UNREACHABLE as error:
        return dg.SkipReason(gate.in_one_line(error))
    newest = _newest(instance, opened)
    if newest and not newest[0].dagster_run.is_finished:
        return dg.SkipReason("A full sync is under way.")
    on = [one for one in enabled_tabs(instance) if not isinstance(one.tab.spreadsheet, Each)]
    tabs = still_on_disk(on)
    due = _overdue(tabs, newest, opened, circuit) if tick is None else _of_tick(tabs, tick, opened.settings)
    if tick is None:
        if FULL_SYNC_SCHEDULE in switched_off(instance):
            return dg.SkipReason(f"Full syncs are switched off ({FULL_SYNC_SCHEDULE}).")
        if tabs and not due:
            return dg.SkipReason("No full sync is overdue; the schedule does the rest.")
    if others := gate.default_rests(instance, opened, "full", due):
        due = [tab_asset for tab_asset in due if tab_asset.tab.spreadsheet != DEFAULT]
    elif reason := gate.reason_to_skip(instance, opened, "full"):
        return dg.SkipReason(reason)
    if not tabs:
        return dg.SkipReason("The modules of all tabs were deleted. Reload the code location.")
    if not due:
        return dg.SkipReason("No tab that is switched on is due at this tick.")
    return dg.RunRequest(
        asset_selection=[tab_asset.key for tab_asset in due],
        tags=run_tags(opened, others=others) | {"dagster/max_retries": str(retries(opened.settings, circuit))},
    )


def _newest(instance: dg.DagsterInstance, opened: Pipeline) -> Sequence[dg.RunRecord]:
    """The newest full syncs; mostly the first of them tells of all tabs."""
    found = [
        record
        for others in (False, True)
        for record in instance.get_run_records(
            dg.RunsFilter(job_name="full_sync", tags=run_tags(opened, others=others)), limit=_LOOKED_AT
        )
    ]
    return sorted(found, key=lambda record: record.create_timestamp, reverse=True)


def _of_tick(tabs: Collection[TabAsset], tick: datetime, settings: Settings) -> list[TabAsset]:
    return [tab_asset for tab_asset in tabs if is_tick(tick, interval_seconds(tab_asset.tab, settings))]


def _overdue(
    tabs: Collection[TabAsset], newest: Sequence[dg.RunRecord], opened: Pipeline, circuit: Circuit
) -> list[TabAsset]:
    """The tabs whose last tick started no full sync, as far as runs and the record of syncs tell."""
    now = datetime.now(UTC)
    seconds = {tab_asset.tab.name: interval_seconds(tab_asset.tab, opened.settings) for tab_asset in tabs}
    asked_for: dict[str, datetime] = {}
    for tab_asset in tabs:
        runs = (record for record in newest if tab_asset.key in (record.dagster_run.asset_selection or {tab_asset.key}))
        if (run := next(runs, None)) is not None:
            asked_for[tab_asset.tab.name] = run.create_timestamp.astimezone(UTC)
    if older := missed(seconds, asked_for, now):
        since = now - timedelta(seconds=max(seconds[title] for title in older))
        recorded = _recorded([one for one in tabs if one.tab.name in older], opened, since)
        asked_for |= {title: max(at, asked_for.get(title, at)) for title, at in recorded.items()}
    titles = overdue(seconds, asked_for, now, is_trial=circuit.state == "half_open")
    return [tab_asset for tab_asset in tabs if tab_asset.tab.name in titles]


def _recorded(tabs: Collection[TabAsset], opened: Pipeline, since: datetime) -> dict[str, datetime]:
    """When the newest full sync of each of these tabs began, by the tab's name."""
    names: dict[str, dict[str, str]] = {}
    for one in tabs:
        try:
            where = target(opened, one).spreadsheet.id
        except SheetsPipelineError:  # its own step says so
            continue
        names.setdefault(where, {})[one.tab.title] = one.tab.name
    return {
        of_title[title]: at
        for where, of_title in names.items()
        for title, at in last_full_syncs(opened.state, where, of_title, since).items()
    }


@dg.definitions
def full_sync() -> dg.Definitions:
    """The job, its schedule and the sensor beside it, on by default."""
    settings = load_settings()
    job = dg.define_asset_job(
        "full_sync",
        selection=dg.AssetSelection.assets(*enabled_keys(settings)),
        description="Brings every tab in step with the database; writes only what differs, repairs drift.",
        tags={"dagster/max_retries": str(settings.sync_max_retries), "sheets_pipeline/sync": "full"},
        config=RUN_CONFIG | {"resources": {"pipeline": {"config": {"dry_run": False, "take_over": False}}}},
    )

    @dg.schedule(
        name=FULL_SYNC_SCHEDULE,
        job=job,
        cron_schedule=crons(settings),
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=_how_often(settings),
    )
    def schedule(context: dg.ScheduleEvaluationContext, pipeline: PipelineResource) -> dg.RunRequest | dg.SkipReason:
        return request_full_sync(shared(context), pipeline, context.scheduled_execution_time)

    return dg.Definitions(jobs=[job], schedules=[schedule], sensors=[overdue_full_sync])


def _how_often(settings: Settings) -> str:
    minutes = [str(seconds // 60) for seconds in intervals(settings)]
    each = "each at its own interval, " if len(minutes) > 1 else ""
    return f"The tabs that are switched on, {each}every {' or '.join(minutes)} minutes."


@dg.sensor(
    job_name="full_sync",
    minimum_interval_seconds=_LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for a full_sync where the last tick of the schedule started none: the first one of a new "
    "instance, after a pause, and as a trial run of the circuit breaker.",
)
def overdue_full_sync(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.RunRequest | dg.SkipReason:
    """One full sync that is overdue."""
    return request_full_sync(shared(context), pipeline)
