"""The one place where a frame meets a tab: assets compute, this compares, writes and reports."""

from typing import Any

import dagster as dg
import pandas as pd

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.runs.computed import ComputedTab, rows_of
from sheets_pipeline.runs.metadata import report_metadata
from sheets_pipeline.runs.tab_sync import write
from sheets_pipeline.sheets.protocol import Allowance

#: Run tag that lets one run delete more rows than the guard allows.
ALLOW_DELETES_TAG = "sheets_pipeline/allow_deletes"

#: Run tag ("true") that lets one run take the spreadsheet over from another installation.
TAKE_OVER_TAG = "sheets_pipeline/take_over"


class SheetsIOManager(dg.IOManager):
    """Keeps each asset's rows in the tab that the asset declares; takes the resource ``pipeline``."""

    def handle_output(self, context: dg.OutputContext, obj: ComputedTab) -> None:
        """Make the tab as the rows say."""
        tab_asset, pipeline = tab_assets()[context.asset_key], context.resources.pipeline
        allowance = Allowance(deletes=_allowed_deletes(context), take_over=_takes_over(context))
        report = write(pipeline.opened, tab_asset, obj, allowance, context)
        context.add_output_metadata(report_metadata(obj.tab, report, obj.rows))
        pipeline.done(report)

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        """The rows that the asset last computed, from the database: the tab shows them, the database owns them."""
        tab_asset = tab_assets()[context.asset_key]
        with context.resources.pipeline.opened().source.connect() as connection:
            return rows_of(tab_asset, connection, None)

    @classmethod
    def definition(cls) -> dg.IOManagerDefinition:
        """For Dagster, which makes one per run."""
        return dg.IOManagerDefinition(lambda _: cls(), required_resource_keys={"pipeline"}, description=cls.__doc__)


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
    return dg.Definitions(resources={"sheets_io_manager": SheetsIOManager.definition()})
