"""A tab's rows as its function gives them, with what must be known from before they were computed."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from sheets_pipeline import tracing
from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.database.digits import noticing_dropped_digits, restored
from sheets_pipeline.database.event_table import Event
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.covered_events import failed_before
from sheets_pipeline.runs.tab_failures import checked_rows, computing
from sheets_pipeline.runs.targets import target
from sheets_pipeline.runs.time_limit import Reading
from sheets_pipeline.sync.spreadsheet import Each
from sheets_pipeline.sync.tab import Tab


@dataclass(frozen=True, slots=True)
class ComputedTab:
    """All rows of a tab.

    ``tab`` is the declared one with what its declaration leaves to the rows; ``computed_at`` is the store's time from before they were computed; ``failed_events`` had failed by then, and are
    covered by these rows.
    """

    rows: pd.DataFrame
    computed_at: float
    tab: Tab
    failed_events: tuple[Event, ...] = ()


class Computing:
    """All rows of a tab, being computed.

    Raises:
        SheetsPipelineError: It could not be begun.
    """

    def __init__(self, pipeline: Pipeline, tab_asset: TabAsset) -> None:
        self._pipeline, self._tab_asset = pipeline, tab_asset
        self._failed = tuple(failed_before(pipeline, tab_asset.tab))
        place = tab_asset.tab.spreadsheet
        writer = (pipeline if isinstance(place, Each) else target(pipeline, tab_asset).pipeline).writer(tab_asset.tab)
        self._computed_at = writer.memory.now()
        options = {} if tab_asset.tab.archive is None else {"since": writer.since()}
        self._reading = Reading(
            pipeline.source,
            lambda connection: rows_of(tab_asset, connection, None, **options),
            pipeline.settings.sync_tab_timeout_seconds,
        )

    def is_done_within(self, seconds: float) -> bool:
        """Wait so long at most for the end."""
        return self._reading.is_done_within(seconds)

    def result(self) -> ComputedTab:
        """The rows, once they are there.

        Raises:
            TabProblem: The tab's own query or function failed, or took too long.
            SheetsPipelineError: Something failed that concerns more than this tab.
        """
        with computing(self._pipeline.platform, self._tab_asset):
            rows = self._reading.result()
        return ComputedTab(rows, self._computed_at, self._tab_asset.tab_of(rows), self._failed)


def compute_all(pipeline: Pipeline, tab_asset: TabAsset) -> ComputedTab:
    """All rows of a tab; raises what ``Computing`` does."""
    return Computing(pipeline, tab_asset).result()


def rows_of(
    tab_asset: TabAsset, connection: sa.Connection, keys: Collection[Any] | None, **options: Any
) -> pd.DataFrame:
    """The rows of these keys, all for None, with the digits that its reader may have dropped.

    Raises:
        TabProblem: What the function gives is no frame with each declared column once.
    """
    with tracing.span("compute", tab=tab_asset.tab.title) as span:
        with noticing_dropped_digits() as rounded:
            frame = tab_asset.compute(connection, keys, **options)
        rows = restored(checked_rows(tab_asset, frame), rounded)
        span.note(rows=len(rows))
        return rows
