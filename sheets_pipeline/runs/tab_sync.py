"""One tab's part of a full sync: its rows are computed, then written; errors are told in the tab's name and recorded."""

from collections.abc import Callable

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.database.history import recorded
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.computed import ComputedTab
from sheets_pipeline.runs.covered_events import settle_covered
from sheets_pipeline.runs.failures import explained, wait_before_retry
from sheets_pipeline.runs.preflight import Preflight
from sheets_pipeline.runs.tab_failures import record_failure, writing
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sync.report import SyncReport

#: Opens the pipeline, or raises why it cannot be.
Open = Callable[[], Pipeline]


def compute(
    open_pipeline: Open, preflight: Preflight, tab_asset: TabAsset, context: dg.AssetExecutionContext
) -> ComputedTab:
    """The rows of the asset that is asked for them; with the first one of a run those of its other tabs are computed, too.

    Raises:
        dagster.Failure: With the error's words, and a retry only where one can help.
    """
    wait_before_retry(context, open_pipeline)
    run_id = context.run.run_id
    with explained(context.instance, run_id, open_pipeline, tab_asset.tab.words):
        pipeline = open_pipeline()
        try:
            return preflight.take(pipeline, context)
        except SheetsPipelineError as error:
            record_failure(pipeline, tab_asset.tab.title, run_id, error)
            raise


def plan(
    open_pipeline: Open, computed: ComputedTab, allowance: Allowance, context: dg.AssetExecutionContext
) -> SyncReport:
    """What writing these rows would do; nothing is sent, nor recorded as a sync.

    Raises:
        dagster.Failure: With the error's words, and a retry only where one can help.
    """
    with explained(context.instance, context.run.run_id, open_pipeline, computed.tab.words), writing(computed.tab):
        writer = open_pipeline().writer(computed.tab)
        return writer.full_sync(computed.rows, computed_at=computed.computed_at, allowance=allowance)


def write(
    open_pipeline: Open, tab_asset: TabAsset, computed: ComputedTab, allowance: Allowance, context: dg.OutputContext
) -> SyncReport:
    """Make the tab as its rows say, and settle the events that they cover.

    Raises:
        dagster.Failure: With the error's words, and a retry only where one can help.
    """
    run_id = context.step_context.run_id
    with explained(context.step_context.instance, run_id, open_pipeline, computed.tab.words):
        pipeline = open_pipeline()
        spreadsheet_id = pipeline.services.spreadsheet_id
        with (
            recorded(pipeline.state, spreadsheet_id, tab_asset.tab.title, "full", run_id) as sync,
            writing(tab_asset.tab),
        ):
            writer = pipeline.writer(computed.tab)
            sync.report = report = writer.full_sync(
                computed.rows, computed_at=computed.computed_at, allowance=allowance
            )
        if pipeline.settings.edits_on and tab_asset.tab.edited:
            apply_due(pipeline, tab=tab_asset.tab.title)
        if computed.failed_events:
            settle_covered(pipeline, tab_asset.tab, computed.failed_events, report)
        return report
