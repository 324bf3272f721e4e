"""The gate before every automatic sync: switches, circuit breaker and the governor, in one sentence."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Literal

import dagster as dg
import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.database import history
from sheets_pipeline.errors import ERROR_TAG, NEEDS_PERSON_TAG, SheetsPipelineError, SpreadsheetPaused, is_within_tab
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import governor
from sheets_pipeline.runs.run_tags import credential_name, is_of_less, run_tags
from sheets_pipeline.runs.switches import FULL_SYNC_SCHEDULE, declared_tabs, switch_name
from sheets_pipeline.sync.circuit import (
    GROWING_PAUSES,
    Circuit,
    RunOutcome,
    RunState,
    circuit,
    why_not,
)
from sheets_pipeline.sync.spreadsheet import DEFAULT

Kind = Literal["full", "events"]

#: Statuses of runs that have begun or will.
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_TELLING = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, *UNDER_WAY]

#: So many of all runs are looked through for ours before the storage is asked for them by tag.
_PAGES = (3, 20)

#: What reading the pipeline's tables raises while a database is down, or has no connection left.
UNREACHABLE = (SheetsPipelineError, sa.exc.DBAPIError, sa.exc.TimeoutError)

#: Records of a spreadsheet's syncs that are looked through: several tabs in each of the runs that the circuit can need.
_RECORDS = 60

#: Runs that may be under way beside the ones that ended.
_SPARE = 8


def reason_to_skip(instance: dg.DagsterInstance, pipeline: Pipeline, kind: Kind, *, others: bool = False) -> str | None:
    """Why no sync may start now, until when and what to do; None where one may.

    With ``others`` it is one that leaves the default spreadsheet alone, whose circuit does not matter then.
    """
    off = switched_off(instance)
    tabs = declared_tabs(pipeline.settings)
    if all(switch_name(tab_asset.tab) in off for tab_asset in tabs):
        return "Every tab is switched off."
    try:
        if others:
            return governor.may_start(pipeline.state, pipeline.platform, pipeline.settings, kind).reason
        state = current_circuit(instance, pipeline)
        if reason := why_not(state):
            return reason
        if state.state == "half_open" and kind == "events" and FULL_SYNC_SCHEDULE not in off:
            return f"Waiting for a full sync as a trial run. {state.reason} {state.remedy}"
        return governor.may_start(pipeline.state, pipeline.platform, pipeline.settings, kind).reason
    except UNREACHABLE as error:
        return in_one_line(error)


def default_rests(instance: dg.DagsterInstance, pipeline: Pipeline, kind: Kind, tabs: Collection[TabAsset]) -> bool:
    """Whether of these tabs only those in other spreadsheets than the default one may be synced now."""
    return (
        any(tab_asset.tab.spreadsheet != DEFAULT for tab_asset in tabs)
        and reason_to_skip(instance, pipeline, kind) is not None
        and reason_to_skip(instance, pipeline, kind, others=True) is None
    )


def in_one_line(error: SheetsPipelineError | sa.exc.SQLAlchemyError) -> str:
    """The error in one line; the database's own words where we have none."""
    if isinstance(error, SheetsPipelineError):
        return str(error)
    words = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return f"A database does not answer: {' '.join(str(words).split())[:300]}"


def current_circuit(instance: dg.DagsterInstance, pipeline: Pipeline) -> Circuit:
    """The circuit of our spreadsheet and credential, from the newest runs."""
    return circuit_after(_telling_runs(instance, pipeline), pipeline)


def _telling_runs(instance: dg.DagsterInstance, pipeline: Pipeline) -> list[dg.RunRecord]:
    """Our newest runs back to one that succeeded: mostly one or two.

    Looks through the newest runs of all, which is far quicker than asking for tags, as long as ours are among them.
    """
    tags, records = run_tags(pipeline).items(), list[dg.RunRecord]()
    cursor: str | None = None
    for size in _PAGES:
        page = instance.get_run_records(dg.RunsFilter(statuses=_TELLING), limit=size, cursor=cursor)
        for record in page:
            if tags <= record.dagster_run.tags.items():
                records.append(record)
                if record.dagster_run.is_success:
                    return records
        if len(page) < size:
            return records
        cursor = page[-1].dagster_run.run_id
    return recent_runs(instance, pipeline)


def circuit_after(records: list[dg.RunRecord], pipeline: Pipeline) -> Circuit:
    """The circuit after these runs, newest first."""
    return circuit(
        outcomes(records, pipeline),
        datetime.now(UTC),
        max_failures=pipeline.settings.sync_max_consecutive_failures,
        credential=credential_name(pipeline),
        url=pipeline.spreadsheet.url,
    )


def spreadsheet_circuit(pipeline: Pipeline) -> Circuit:
    """The circuit of another spreadsheet than the default one, from the record of its syncs: runs serve many of them."""
    runs = history.newest_runs(pipeline.state, pipeline.spreadsheet.id, _RECORDS)
    return circuit(
        [_outcome_of_records(records) for records in runs],
        datetime.now(UTC),
        max_failures=pipeline.settings.sync_max_consecutive_failures,
        credential=credential_name(pipeline),
        url=pipeline.spreadsheet.url,
    )


def assert_not_paused(pipeline: Pipeline, name: str) -> None:
    """Leave another spreadsheet than the default one alone while its circuit is open; ``name`` is that of the target.

    Raises:
        SpreadsheetPaused: Says why, until when, and what to do.
    """
    if (reason := why_not(spreadsheet_circuit(pipeline))) is not None:
        raise SpreadsheetPaused(name, reason)


def _outcome_of_records(records: list[history.SyncRecord]) -> RunOutcome:
    """What the syncs of one run mean to the circuit of their spreadsheet."""
    ended = max(record.ended_at or record.started_at for record in records)
    failed = [one for one in records if one.outcome != "success" and not is_within_tab(one.error_kind)]
    if len(failed) < len(records) or not failed:
        return RunOutcome(RunState.REACHED, ended)
    return RunOutcome(RunState.FAILED, ended, failed[0].error_kind, any(one.needs_person for one in failed))


def recent_runs(instance: dg.DagsterInstance, pipeline: Pipeline) -> list[dg.RunRecord]:
    """Our newest runs, as many as the circuit can need."""
    limit = pipeline.settings.sync_max_consecutive_failures + GROWING_PAUSES + _SPARE
    filters = dg.RunsFilter(tags=run_tags(pipeline), statuses=_TELLING)
    return list(instance.get_run_records(filters, limit=limit))


def outcomes(records: list[dg.RunRecord], pipeline: Pipeline) -> list[RunOutcome]:
    """What these runs mean to the circuit; up to the newest that reached the spreadsheet."""
    failed = [r.dagster_run.run_id for r in records if r.dagster_run.status == dg.DagsterRunStatus.FAILURE]
    newest = records and records[0].dagster_run.status == dg.DagsterRunStatus.SUCCESS
    reached = history.reached_in(pipeline.state, pipeline.spreadsheet.id, failed) if failed and not newest else set()
    return [_outcome(record, reached) for record in records]


def _outcome(record: dg.RunRecord, reached: set[str]) -> RunOutcome:
    run = record.dagster_run
    if not run.is_finished:
        return RunOutcome(RunState.UNDER_WAY)
    ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
    error = run.tags.get(ERROR_TAG)
    if run.is_success or run.run_id in reached or is_of_less(error):
        return RunOutcome(RunState.REACHED, ended)
    return RunOutcome(RunState.FAILED, ended, error, run.tags.get(NEEDS_PERSON_TAG) == "true")
