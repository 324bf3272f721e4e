"""Before the first write of a run: all tabs together must fit into the spreadsheet.

The first asset of a run computes the rows of all tabs of that run and checks them together; each asset then takes its
own. A tab that would not fit so stops the run before any tab was touched.
"""

import time
from dataclasses import dataclass

import dagster as dg
import pandas as pd

from sheets_pipeline.defs.rests import rest
from sheets_pipeline.defs.tab_asset import TabAsset, compute_all, tab_assets
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.archived import ArchivedWriter
from sheets_pipeline.sheets.writer import TabWriter
from sheets_pipeline.sync.archive import archive_tab
from sheets_pipeline.sync.guards import Growth, check_growth
from sheets_pipeline.wiring import Pipeline, pipeline


@dataclass(slots=True)
class _Computed:
    """Frames of a run that no asset has taken yet; ``processor_seconds`` of this process when the last one was taken."""

    frames: dict[dg.AssetKey, pd.DataFrame]
    processor_seconds: float = 0.0


#: Of the run under way in this process.
_computed: dict[str, _Computed] = {}


def take_frame(context: dg.AssetExecutionContext) -> pd.DataFrame:
    """The rows of this asset's tab; the run's other tabs are computed and checked with the first one."""
    key, computed = context.asset_key, _computed.get(context.run.run_id)
    if computed is None or key not in computed.frames:
        tabs = [found for found in tab_assets().values() if found.key in _selected(context)]
        computed = _Computed(_compute(context, tabs))
        check_all(pipeline(), {found.key: found for found in tabs}, computed.frames)
        _computed.clear()
        _computed[context.run.run_id] = computed
    else:
        rest(context, time.process_time() - computed.processor_seconds)  # another tab was written since
    computed.processor_seconds = time.process_time()
    return computed.frames.pop(key)


def _compute(context: dg.AssetExecutionContext, tabs: list[TabAsset]) -> dict[dg.AssetKey, pd.DataFrame]:
    frames: dict[dg.AssetKey, pd.DataFrame] = {}
    for found in tabs:
        began = time.monotonic()
        frames[found.key] = compute_all(found.tab, found.compute)
        rest(context, time.monotonic() - began)
    return frames


def _selected(context: dg.AssetExecutionContext) -> set[dg.AssetKey]:
    """Assets of this run that are still to come, this one among them."""
    steps = context.run.step_keys_to_execute
    keys = context.run.asset_selection or context.job_def.asset_layer.executable_asset_keys
    return {key for key in keys if steps is None or key.to_python_identifier() in steps} | {context.asset_key}


def check_all(
    open_pipeline: Pipeline, tabs: dict[dg.AssetKey, TabAsset], frames: dict[dg.AssetKey, pd.DataFrame]
) -> None:
    """Refuse a run whose tabs together would outgrow the spreadsheet; asks Google only where a tab has to grow.

    Raises:
        LimitExceeded: Too many cells or tabs; nothing was sent.
    """
    writers = {key: open_pipeline.writer(found.tab) for key, found in tabs.items()}
    known = {key: writer.memory.facts() for key, writer in writers.items()}
    if all(facts is not None and len(frames[key]) < facts.row_count for key, facts in known.items()):
        return
    spreadsheet = access.read_spreadsheet(open_pipeline.client())
    growths = []
    for key, found in tabs.items():
        facts = known[key]
        there = next(
            (
                sheet
                for sheet in spreadsheet.sheets
                if (sheet.sheet_id == facts.sheet_id if facts else sheet.title == found.tab.title)
            ),
            None,
        )
        rows, columns = (there.row_count, there.column_count) if there else (0, 0)
        growths.append(Growth(found.tab, len(frames[key]), rows, columns))
        growths += _archives(writers[key], spreadsheet)
    check_growth(growths, spreadsheet.cells, len(spreadsheet.sheets))


def _archives(writer: TabWriter | ArchivedWriter, spreadsheet: access.SpreadsheetProperties) -> list[Growth]:
    """The archive tabs that a first fill will make; how many depends on the room that there is."""
    if not isinstance(writer, ArchivedWriter):
        return []
    titles = {sheet.title for sheet in spreadsheet.sheets}
    planned = [(archive_tab(writer.tab, part.month), part.rows) for part in writer.planned_archives(spreadsheet)]
    return [Growth(tab, rows, 0, 0) for tab, rows in planned if tab.title not in titles]
