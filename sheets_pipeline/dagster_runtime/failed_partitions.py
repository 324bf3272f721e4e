"""Shows partitions as failed that a run of an op, which Dagster does not know to be of an asset, could not materialize."""

from collections.abc import Iterable

import dagster as dg
from dagster._core.events import AssetMaterializationPlannedData, DagsterEvent


def note_failed(context: dg.OpExecutionContext, key: dg.AssetKey, partitions: Iterable[str]) -> None:
    """Note that these were to be materialized: Dagster shows them as failed once the run has, until a later one does better."""
    for partition in partitions:
        planned = AssetMaterializationPlannedData(key, partition=partition)
        event = DagsterEvent.build_asset_materialization_planned_event(context.job_name, context.op_def.name, planned)
        context.instance.report_dagster_event(event, context.run_id)
