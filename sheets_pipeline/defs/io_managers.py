"""The one place where a frame meets a tab: assets compute, this compares, writes and reports."""

import dagster as dg
import pandas as pd

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.runs.computed import ComputedTab, rows_of
from sheets_pipeline.runs.metadata import report_metadata


class SheetsIOManager(dg.IOManager):
    """Keeps each asset's rows in the tab that the asset declares; takes the resource ``pipeline``."""

    def handle_output(self, context: dg.OutputContext, obj: ComputedTab) -> None:
        """Make the tab as the rows say."""
        tab_asset, pipeline = tab_assets()[context.asset_key], context.resources.pipeline
        allowance = pipeline.allowance(context.step_context.dagster_run.tags)
        report = pipeline.written(tab_asset, obj, allowance, context)
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


@dg.definitions
def io_managers() -> dg.Definitions:
    """The I/O manager under the name that assets ask for."""
    return dg.Definitions(resources={"sheets_io_manager": SheetsIOManager.definition()})
