"""Job ``edit_sync`` and its sensor: edits that the process of the webhook left, because it is away or does not run."""

from datetime import datetime, timedelta

import dagster as dg

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.dagster_runtime.connections import shared
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.defs.running import CONSOLE, RUN_CONFIG
from sheets_pipeline.edits import counts, ledger, looks
from sheets_pipeline.edits.apply import apply_due, editable_tabs
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import gate
from sheets_pipeline.runs.edit_looks import look_everywhere

#: Edits that are due for less are still being applied by whoever took them in.
_LEFT_SECONDS = 5.0
_LONGEST_SECONDS = 120.0
#: What was settled longer ago has been committed.
_COMMITTED_SECONDS = 10.0


@dg.op(out=dg.Out(dg.Nothing), description="Reads tabs of which that is wanted; applies edits that are due.")
def apply_edits(context: dg.OpExecutionContext, pipeline: PipelineResource) -> dg.Output[None]:
    """Says in its metadata what became of them."""
    opened = pipeline.opened()
    read = look_everywhere(opened)
    became = apply_due(opened, seconds=_LONGEST_SECONDS)
    context.log.info(
        "Edits: %s", ", ".join(f"{state}: {number}" for state, number in became.by_state.items()) or "none"
    )
    return dg.Output(None, metadata={"tabs_read": read, "edits": became.total, **became.by_state})


@dg.job(
    description="Reads tabs in which people did what no message tells in full; applies edits that are due. Started by edits_left.",
    # The sensor asks again while edits are due.
    tags={"dagster/max_retries": "0"},
    executor_def=dg.in_process_executor,
    logger_defs={"console": CONSOLE},
    config=RUN_CONFIG,
)
def edit_sync() -> None:
    """One step: all that is due."""
    apply_edits()


@dg.sensor(
    job=edit_sync,
    minimum_interval_seconds=10,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Asks for one edit_sync run while edits wait that nobody else applies, or tabs that nobody else reads; "
    "notes on the tabs' assets what became of edits.",
)
def edits_left(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.SensorResult:
    """One run for all that is due, while no such run is under way; and what became of edits since the last look."""
    try:
        opened = pipeline.opened()
        if not opened.settings.edits_on:
            return dg.SensorResult(skip_reason="Edits are off (EDITS_ENABLED).")
        looks.poll(opened.state, editable_tabs(), opened.settings.edits_poll_seconds)
        are_left = _are_left(opened)
        cursor, observations = _settled_since(opened, context.cursor)
    except gate.UNREACHABLE as error:
        return dg.SensorResult(skip_reason=gate.in_one_line(error))
    reason = None if are_left else "No edits wait."
    if are_left and shared(context).get_runs_count(dg.RunsFilter(job_name="edit_sync", statuses=gate.UNDER_WAY)):
        reason = "Edits wait; an edit_sync run is under way."
    asked = [] if reason else [dg.RunRequest()]
    return dg.SensorResult(run_requests=asked, skip_reason=reason, cursor=cursor, asset_events=observations)


def _settled_since(opened: Pipeline, cursor: str | None) -> tuple[str, list[dg.AssetObservation]]:
    """Until when edits were looked at now, and an observation for each tab on what became of them, whoever applied them."""
    with opened.state.connect() as connection:
        until = ledger.now(connection) - timedelta(seconds=_COMMITTED_SECONDS)
        since = datetime.fromisoformat(cursor) if cursor else until
        found = counts.settled(connection, since, until) if since < until else {}
    keys = {one.tab.title: one.key for one in tab_assets().values()}
    observations = [
        dg.AssetObservation(
            asset_key=keys[tab], metadata={"spreadsheet": place, "edits": sum(became.values()), **became}
        )
        for (place, tab), became in found.items()
        if tab in keys
    ]
    return max(since, until).isoformat(), observations


def _are_left(opened: Pipeline) -> bool:
    with opened.state.connect() as connection:
        return ledger.are_due_for(connection, _LEFT_SECONDS) or looks.are_due_for(connection, _LEFT_SECONDS)
