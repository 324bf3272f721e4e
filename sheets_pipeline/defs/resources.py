"""What assets, checks, sensors and schedules are given: the pipeline, opened when first needed and kept by its process."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import dagster as dg
from pydantic import Field, PrivateAttr

from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.dagster_runtime.at_once import ahead, beside
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.ahead import open_ahead, open_beside
from sheets_pipeline.runs.computed import ComputedTab
from sheets_pipeline.runs.list_sync import keep_in_list
from sheets_pipeline.runs.metadata import report_metadata
from sheets_pipeline.runs.preflight import Preflight
from sheets_pipeline.runs.tab_sync import compute, plan, write
from sheets_pipeline.runs.traced import begin_trace
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sync.report import SyncReport

#: Run tag that lets one run delete more rows than the guard allows.
ALLOW_DELETES_TAG = "sheets_pipeline/allow_deletes"

#: Run tag ("true") that lets one run take the spreadsheet over from another installation.
TAKE_OVER_TAG = "sheets_pipeline/take_over"


@dataclass(frozen=True, slots=True)
class Loan:
    """A pipeline that somebody in this process has open and lends to what they run of Dagster's.

    ``reports`` says what full syncs did meanwhile, by the tabs' titles; of lists of spreadsheets, by name of the copy.
    """

    open_pipeline: Callable[[], Pipeline]
    reports: dict[str, SyncReport] = field(default_factory=dict)
    list_reports: dict[str, SyncReport] = field(default_factory=dict)
    errors: dict[str, SheetsPipelineError] = field(default_factory=dict)


#: The one in use stands last.
_loans: list[Loan] = []


@contextmanager
def lending(open_pipeline: Callable[[], Pipeline]) -> Iterator[Loan]:
    """While Dagster's jobs, checks and sensors run in this process for somebody who has a pipeline of their own."""
    loan = Loan(open_pipeline)
    _loans.append(loan)
    try:
        yield loan
    finally:
        _loans.remove(loan)


_opening = threading.Lock()


@cache
def _opened() -> Pipeline:
    return Pipeline.open()


def _own() -> Pipeline:
    """Kept, as a code server's ticks come every few seconds and connections are dear."""
    with _opening:
        return _opened()


def _open_ahead() -> None:
    open_ahead(_own())


def _open_beside() -> None:
    open_beside(_own())


ahead(_open_ahead)
beside(_open_beside)


class PipelineResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The databases, the spreadsheet and the quota that the settings name (README.md, Settings)."""

    dry_run: bool = Field(
        default=False, description="Plan what a full sync would change, as an observation of the asset; send nothing."
    )
    allow_deletes: int | None = Field(
        default=None,
        ge=0,
        description="Rows per tab that this run may delete; the tab's own guard decides where left out.",
    )
    take_over: bool = Field(
        default=False,
        description="Take the spreadsheet over from another installation that keeps it, once and for all.",
    )

    _preflight: Preflight = PrivateAttr(default_factory=Preflight)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """A run begins: it is traced where somebody takes traces. For a tick of a sensor or schedule nothing is done."""
        if context.run is not None and context.instance is not None:
            begin_trace(load_settings(), context.instance, context.run)

    def opened(self) -> Pipeline:
        """Everything a sync needs; starts what is embedded.

        Raises:
            SheetsPipelineError: A setting is wrong, or a database cannot be reached.
        """
        return _loans[-1].open_pipeline() if _loans else _own()

    def computed(self, context: dg.AssetExecutionContext) -> ComputedTab | None:
        """The rows of the tab whose asset asks; None where its plan was all that was asked for, which is told then."""
        tab_asset = tab_assets()[context.asset_key]
        computed = compute(self.opened, self._preflight, tab_asset, context)
        if not self.dry_run:
            return computed
        report = plan(self.opened, tab_asset, computed, self.allowance(context.run.tags), context)
        metadata = report_metadata(computed.tab, report, computed.rows) | {"planned_cells": report.planned_cells}
        context.log_event(
            dg.AssetObservation(context.asset_key, description="Dry run: planned, not written", metadata=metadata)
        )
        return None

    def allowance(self, tags: Mapping[str, str]) -> Allowance:
        """What a person has allowed for this run, by its configuration or by tags.

        Raises:
            dagster.Failure: A tag says what cannot be.
        """
        deletes, take_over = tags.get(ALLOW_DELETES_TAG), tags.get(TAKE_OVER_TAG, "false")
        if deletes is not None and not deletes.isdecimal():
            wrong = f"The run tag {ALLOW_DELETES_TAG} is {deletes!r}; expected a whole number of rows, such as 120."
            raise dg.Failure(wrong, allow_retries=False)
        if take_over not in ("true", "false"):
            raise dg.Failure(
                f"The run tag {TAKE_OVER_TAG} is {take_over!r}; expected true or false.", allow_retries=False
            )
        tagged = None if deletes is None else int(deletes)
        allowed = tagged if self.allow_deletes is None else self.allow_deletes
        return Allowance(deletes=allowed, dry_run=self.dry_run, take_over=self.take_over or take_over == "true")

    def written(
        self, tab_asset: TabAsset, computed: ComputedTab, allowance: Allowance, context: dg.OutputContext
    ) -> SyncReport:
        """Make the tab as its rows say."""
        return write(self.opened, self._preflight, tab_asset, computed, allowance, context)

    def kept(self, context: dg.AssetExecutionContext) -> None:
        """Keep the tab whose asset asks in the spreadsheets of its list that are the run's partitions."""
        keep_in_list(self.opened, tab_assets()[context.asset_key], context, self.allowance(context.run.tags))

    def done_in_list(self, reports: Mapping[str, SyncReport], errors: Mapping[str, SheetsPipelineError]) -> None:
        """The tabs of a list were written, or were not; by name of the copy."""
        for loan in _loans:
            loan.list_reports.update(reports)
            loan.errors.update(errors)

    def done(self, report: SyncReport) -> None:
        """A tab was written; who lends the pipeline may want to show it."""
        for loan in _loans:
            loan.reports[report.tab] = report


@dg.definitions
def resources() -> dg.Definitions:
    """The resource under the name that assets ask for."""
    return dg.Definitions(resources={"pipeline": PipelineResource()})
