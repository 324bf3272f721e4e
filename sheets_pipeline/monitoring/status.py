"""The status of everything, collected from where it is kept: Dagster's runs and switches, and the pipeline's tables."""

import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset, declared_sources, is_refreshed_by_events, tab_events, watched
from sheets_pipeline.dagster_runtime.instance import hands_out_runs
from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.database import events, history, leases, triggers, waiting
from sheets_pipeline.database.host_processes import host_processes
from sheets_pipeline.database.state import sheet_ids
from sheets_pipeline.edits.apply import editable_tabs
from sheets_pipeline.edits.counts import traffic
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.monitoring.unrecorded import unrecorded_failures
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import gate, loaded_code, switches
from sheets_pipeline.runs.targets import Target, targets
from sheets_pipeline.sources.showing import counts
from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline.sync.health import (
    Answers,
    LastError,
    QuotaUse,
    Status,
    Steering,
    TabHealth,
    TabHistory,
    TabWait,
    overall,
    tab_health,
    with_failures,
)
from sheets_pipeline.sync.hosts import host_findings
from sheets_pipeline.sync.spreadsheet import DEFAULT, Each
from sheets_pipeline.sync.turns import next_tick

#: Without these nothing is started.
_DAEMONS = {"SCHEDULER", "SENSOR"}
#: A daemon that was silent for longer is taken for gone.
_DAEMON_SILENT_SECONDS = 300


def collect(instance: dg.DagsterInstance, pipeline: Pipeline) -> Status:
    """The status at this moment. Completes records of syncs whose process died, so that all readers see them.

    Raises:
        DatabaseError: One of the databases cannot be reached.
    """
    complete_dead_syncs(instance, pipeline)
    now = datetime.now(UTC)
    settings = pipeline.settings
    off = switched_off(instance)
    waits, queue = _queue(pipeline)
    runs = gate.recent_runs(instance, pipeline)
    steering = Steering(
        circuit=gate.circuit_after(runs, pipeline),
        at=now,
        interval_seconds=settings.sync_interval_seconds,  # a tab's own goes before it
        paused_until=leases.paused_until(pipeline.state, settings.sync_pause_limit_seconds),
        full_sync_on=switches.FULL_SYNC_SCHEDULE not in off,
        event_sync_on=switches.EVENT_SENSOR not in off,
        records_events=bool(queue["installed"]),
    )
    tabs = _tabs(pipeline, steering, waits, off, unrecorded_failures(instance, pipeline, runs))
    quota, answers = _quota(pipeline)
    full_disk = pipeline.full_disk()
    daemon_at = daemon_heard_at(instance)
    stale, ticks = _of_the_code_location(instance, pipeline) if _is_lately(daemon_at) else (None, [])
    hosts = host_processes(pipeline.state)
    of_hosts = host_findings(hosts, now, daemon_at, by_workers=hands_out_runs(instance))
    health, reason = overall(
        tabs,
        steering,
        quota=quota,
        answers=answers,
        full_disk=full_disk,
        host_findings=of_hosts,
        set_aside_events=queue["set_aside"],
        stale_code=stale,
        failed_ticks=ticks,
    )
    return Status(
        health=health,
        reason=reason,
        circuit=steering.circuit,
        paused_until=steering.paused_until,
        tabs=tabs,
        queue=queue,
        quota=quota,
        at=now,
        daemon_running=_is_lately(daemon_at),
        answers=answers,
        full_disk=full_disk,
        stale_code=stale,
        failed_ticks=ticks,
        edits=_edits(pipeline),
        sources=counts(pipeline.state, declared_sources()),
        hosts=hosts,
        host_findings=of_hosts,
    )


def _edits(pipeline: Pipeline) -> dict[str, Any] | None:
    return asdict(traffic(pipeline)) if editable_tabs() else None


def _of_the_code_location(instance: dg.DagsterInstance, pipeline: Pipeline) -> tuple[str | None, list[str]]:
    """How declarations on disk differ from what is loaded, and ticks that failed."""
    return loaded_code.stale_code(instance, pipeline), loaded_code.failed_ticks(instance)


def complete_dead_syncs(instance: dg.DagsterInstance, pipeline: Pipeline) -> None:
    """Complete records of syncs whose Dagster run is over or unknown."""
    begun = history.under_way(pipeline.state)
    if not begun:
        return
    runs = instance.get_runs(dg.RunsFilter(run_ids=sorted(set(begun.values()))))
    alive = {run.run_id for run in runs if not run.is_finished}
    if dead := [sync_id for sync_id, run_id in begun.items() if run_id not in alive]:
        history.mark_dead(pipeline.state, dead)


def daemon_running(instance: dg.DagsterInstance) -> bool:
    """Whether the daemons that start schedules and sensors have been heard of lately."""
    return _is_lately(daemon_heard_at(instance))


def _is_lately(heard_at: datetime | None) -> bool:
    return heard_at is not None and heard_at.timestamp() > time.time() - _DAEMON_SILENT_SECONDS


def daemon_heard_at(instance: dg.DagsterInstance) -> datetime | None:
    """When the one of these daemons that has been silent for longest was heard of; None where not all ever were."""
    statuses = instance.get_daemon_statuses()
    beats = [statuses[kind].last_heartbeat if kind in statuses else None for kind in _DAEMONS]
    if not all(beats):
        return None
    return datetime.fromtimestamp(min(beat.timestamp for beat in beats if beat), UTC)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a declared tab stands, or why that cannot be told."""

    tab_asset: TabAsset
    target: Target | None = None
    problem: str | None = None


def _tabs(
    pipeline: Pipeline,
    steering: Steering,
    waits: Mapping[str, TabWait],
    off: Collection[str],
    unrecorded: Mapping[str, list[LastError]],
) -> dict[str, TabHealth]:
    """The health of each tab in each of its spreadsheets, by name."""
    places = [
        place for tab_asset in switches.declared_tabs(pipeline.settings) for place in _places(pipeline, tab_asset)
    ]
    ids = {place.target.spreadsheet.id for place in places if place.target is not None}
    histories = history.tab_histories(pipeline.state, ids)
    sheets = sheet_ids(pipeline.state, ids)
    tabs: dict[str, TabHealth] = {}
    for place in places:
        tab, target = place.tab_asset.tab, place.target
        where = (target.spreadsheet.id if target else "", tab.title)
        known = histories.get(where, TabHistory())
        if failures := unrecorded.get(tab.name):
            known = with_failures(known, failures)
        seconds = switches.interval_seconds(tab, pipeline.settings)
        own = replace(steering, interval_seconds=seconds, next_full_sync=next_tick(steering.at, seconds))
        if target and target.spreadsheet.name != DEFAULT:
            # Runs serve many spreadsheets, so their circuits are told from records, where something failed at all.
            own = replace(
                own, circuit=gate.spreadsheet_circuit(target.pipeline) if known.consecutive_failures else Circuit()
            )
        url, name = target.spreadsheet.url if target else "", target.name if target else tab.name
        tabs[name] = tab_health(
            name,
            known,
            waits.get(name, TabWait()),
            own,
            enabled=switches.switch_name(tab) not in off,
            url=f"{url}#gid={sheets[where]}" if where in sheets else url,
            problem=place.tab_asset.problem.text if place.tab_asset.problem else place.problem,
        )
    return tabs


def _places(pipeline: Pipeline, tab_asset: TabAsset) -> list[_Place]:
    if tab_asset.problem is not None and isinstance(tab_asset.tab.spreadsheet, Each):
        return [_Place(tab_asset)]
    try:
        return [_Place(tab_asset, one, one.spreadsheet.problem) for one in targets(pipeline, tab_asset)]
    except SheetsPipelineError as error:
        return [_Place(tab_asset, None, str(error))]


def _queue(pipeline: Pipeline) -> tuple[dict[str, TabWait], dict[str, Any]]:
    """Waits by tab, and the queue's counts.

    Where no events are taken the counts are 0, ``installed`` is False, and ``none_taken`` says why.
    """
    installed = triggers.check(pipeline.platform, watched(), record_for_a_try=False).is_complete
    with pipeline.platform.connect() as connection:
        if reason := events.why_none_are_taken(connection, are_expected=is_refreshed_by_events()):
            nothing = events.QueueStatus(0, {"urgent": 0, "normal": 0, "bulk": 0}, {}, None, 0)
            return {}, {**asdict(nothing), "installed": False, "none_taken": reason}
        counts = asdict(events.status(connection))
        return waiting.waiting(connection, tab_events()), {**counts, "installed": installed, "none_taken": None}


def _quota(pipeline: Pipeline) -> tuple[list[QuotaUse], Answers]:
    """What was sent and how it was answered; empty where there are no credentials to count for."""
    try:
        quota = pipeline.quota()
    except SheetsPipelineError:
        return [], Answers()
    return [QuotaUse(kind, quota.used(kind), quota.limits[kind]) for kind in ("read", "write")], quota.answers()


def as_json(status: Status) -> dict[str, Any]:
    """The shape of ``status --json``; times are ISO 8601 in UTC."""
    known: dict[str, Any] = _plain(asdict(status))
    return known


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime) else value
