"""Job ``edit_sync`` and its sensor: edits that the process of the webhook left, because it is away or does not run."""

import dagster as dg

from sheets_pipeline.dagster_runtime.connections import shared
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.defs.running import CONSOLE, RUN_CONFIG
from sheets_pipeline.edits import ledger, looks
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import gate
from sheets_pipeline.runs.edit_looks import look_everywhere

#: Edits that are due for less are still being applied by whoever took them in.
_LEFT_SECONDS = 5.0
_LONGEST_SECONDS = 120.0


@dg.op(out=dg.Out(dg.Nothing), description="Reads tabs of which that is wanted; applies edits that are due.")
def apply_edits(context: dg.OpExecutionContext, pipeline: PipelineResource) -> dg.Output[None]:
    """Says in its metadata what became of them."""
    opened = pipeline.opened()
    read = look_everywhere(opened)
    counts = apply_due(opened, seconds=_LONGEST_SECONDS)
    context.log.info(
        "Edits: %s", ", ".join(f"{state}: {number}" for state, number in counts.by_state.items()) or "none"
    )
    return dg.Output(None, metadata={"tabs_read": read, "edits": counts.total, **counts.by_state})


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
    description="Asks for one edit_sync run while edits wait that nobody else applies, or tabs that nobody else reads.",
)
def edits_left(context: dg.SensorEvaluationContext, pipeline: PipelineResource) -> dg.RunRequest | dg.SkipReason:
    """One run for all that is due, while no such run is under way."""
    try:
        opened = pipeline.opened()
        if not opened.settings.edits_on:
            return dg.SkipReason("Edits are off (EDITS_ENABLED).")
        if not _are_left(opened):
            return dg.SkipReason("No edits wait.")
    except gate.UNREACHABLE as error:
        return dg.SkipReason(gate.in_one_line(error))
    if shared(context).get_runs_count(dg.RunsFilter(job_name="edit_sync", statuses=gate.UNDER_WAY)):
        return dg.SkipReason("Edits wait; an edit_sync run is under way.")
    return dg.RunRequest()


def _are_left(opened: Pipeline) -> bool:
    with opened.state.connect() as connection:
        return ledger.are_due_for(connection, _LEFT_SECONDS) or looks.are_due_for(connection, _LEFT_SECONDS)
