"""One tab's part of a full sync: its rows are computed, then written; errors are told in the tab's name and recorded."""

from collections.abc import Callable

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.edits.look import look_due
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.computed import ComputedTab
from sheets_pipeline.runs.covered_events import settle_covered
from sheets_pipeline.runs.failures import explained, wait_before_retry
from sheets_pipeline.runs.job_pool import plan_whole
from sheets_pipeline.runs.jobs import Job
from sheets_pipeline.runs.preflight import Preflight
from sheets_pipeline.runs.tab_failures import record_failure, writing
from sheets_pipeline.runs.targets import target
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
    wait_before_retry(context, open_pipeline, tab_asset.tab.spreadsheet)
    run_id = context.run.run_id
    with explained(context.instance, run_id, open_pipeline, tab_asset.tab.words, tab_asset.tab.spreadsheet):
        pipeline = open_pipeline()
        try:
            return preflight.take(pipeline, context)
        except SheetsPipelineError as error:
            record_failure(pipeline, tab_asset, run_id, error)
            raise


def plan(
    open_pipeline: Open,
    tab_asset: TabAsset,
    computed: ComputedTab,
    allowance: Allowance,
    context: dg.AssetExecutionContext,
) -> SyncReport:
    """What writing these rows would do; nothing is sent, nor recorded as a sync.

    Raises:
        dagster.Failure: With the error's words, and a retry only where one can help.
    """
    words, place = computed.tab.words, tab_asset.tab.spreadsheet
    with explained(context.instance, context.run.run_id, open_pipeline, words, place), writing(computed.tab):
        return plan_whole(Job(target(open_pipeline(), tab_asset), None, whole=computed), allowance)


def write(
    open_pipeline: Open,
    preflight: Preflight,
    tab_asset: TabAsset,
    computed: ComputedTab,
    allowance: Allowance,
    context: dg.OutputContext,
) -> SyncReport:
    """Make the tab as its rows say, and settle the events that they cover; the run's other tabs are written with it.

    Raises:
        dagster.Failure: With the error's words, and a retry only where one can help.
    """
    run_id = context.step_context.run_id
    with explained(context.step_context.instance, run_id, open_pipeline, computed.tab.words, tab_asset.tab.spreadsheet):
        pipeline = open_pipeline()
        report = preflight.written(pipeline, tab_asset, run_id, allowance)
        if pipeline.settings.edits_on and tab_asset.tab.edited:
            at = target(pipeline, tab_asset).pipeline
            look_due(at, tab_asset.tab.title)
            apply_due(at, tab=tab_asset.tab.title)
        if computed.failed_events:
            settle_covered(pipeline, tab_asset.tab, computed.failed_events, report)
        return report
