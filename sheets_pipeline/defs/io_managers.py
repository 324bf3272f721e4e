"""The one place where a frame meets a tab: assets compute, this compares, writes and reports."""

from typing import Any

import dagster as dg
import pandas as pd

from sheets_pipeline.components.tab_asset import COMPUTED_AT, tab_assets
from sheets_pipeline.database.history import recorded
from sheets_pipeline.pipeline import pipeline
from sheets_pipeline.runs.covered_events import FAILED_BEFORE, settle_covered
from sheets_pipeline.runs.failures import explained
from sheets_pipeline.runs.metadata import report_metadata
from sheets_pipeline.runs.tab_failures import writing
from sheets_pipeline.sheets.writer import Allowance
from sheets_pipeline.sync.report import SyncReport

#: Run tag that lets one run delete more rows than the guard allows.
ALLOW_DELETES_TAG = "sheets_pipeline/allow_deletes"

#: Run tag ("true") that lets one run take the spreadsheet over from another installation.
TAKE_OVER_TAG = "sheets_pipeline/take_over"


#: Run id → tab's title → report, of the run under way in this process: whoever started it here shows them.
_reports: dict[str, dict[str, SyncReport]] = {}


def reports_of(run_id: str) -> dict[str, SyncReport]:
    """What the syncs of a run did that was executed in this process, the latest one, by the tabs' titles."""
    return _reports.get(run_id, {})


class SheetsIOManager(dg.ConfigurableIOManager):
    """Keeps each asset's rows in the tab that the asset declares."""

    def handle_output(self, context: dg.OutputContext, obj: pd.DataFrame) -> None:
        """Make the tab as the frame says."""
        found, run_id = tab_assets()[context.asset_key], context.step_context.run_id
        with explained(context.step_context.instance, run_id, found.tab.words):
            open_pipeline = pipeline()
            spreadsheet_id = open_pipeline.services.spreadsheet_id
            with (
                recorded(open_pipeline.state, spreadsheet_id, found.tab.title, "full", run_id) as sync,
                writing(found.tab),
            ):
                writer = open_pipeline.writer(found.tab)
                computed_at = obj.attrs.get(COMPUTED_AT) or writer.memory.now()
                allowance = Allowance(deletes=_allowed_deletes(context), take_over=_takes_over(context))
                sync.report = report = writer.full_sync(obj, computed_at=computed_at, allowance=allowance)
            for other in [known for known in _reports if known != run_id]:
                del _reports[other]
            _reports.setdefault(run_id, {})[found.tab.title] = report
            if failed := obj.attrs.get(FAILED_BEFORE):
                settle_covered(open_pipeline, found.tab, failed, report)
        context.add_output_metadata(report_metadata(report, obj, values=found.tab.log_values))

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """The rows that the asset last computed, from the database: the tab shows them, the database owns them."""
        found = tab_assets()[context.asset_key]
        with pipeline().source.connect() as connection:
            return found.compute(connection, None)


def _allowed_deletes(context: dg.OutputContext) -> int | None:
    text: Any = context.step_context.dagster_run.tags.get(ALLOW_DELETES_TAG)
    if text is None:
        return None
    if not str(text).isdecimal():
        raise dg.Failure(
            f"The run tag {ALLOW_DELETES_TAG} is {text!r}; expected a whole number of rows, such as 120.",
            allow_retries=False,
        )
    return int(text)


def _takes_over(context: dg.OutputContext) -> bool:
    text: Any = context.step_context.dagster_run.tags.get(TAKE_OVER_TAG, "false")
    if text not in ("true", "false"):
        raise dg.Failure(f"The run tag {TAKE_OVER_TAG} is {text!r}; expected true or false.", allow_retries=False)
    return bool(text == "true")


@dg.definitions
def io_managers() -> dg.Definitions:
    """The I/O manager under the name that assets ask for."""
    return dg.Definitions(resources={"sheets_io_manager": SheetsIOManager()})
