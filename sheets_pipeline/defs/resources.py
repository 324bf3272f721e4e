"""What assets, checks, sensors and schedules are given: the pipeline, opened when first needed and kept by its process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

import dagster as dg
from pydantic import PrivateAttr

from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.computed import ComputedTab
from sheets_pipeline.runs.preflight import Preflight
from sheets_pipeline.runs.tab_sync import compute
from sheets_pipeline.sync.report import SyncReport


@dataclass(frozen=True, slots=True)
class Loan:
    """A pipeline that somebody in this process has open and lends to what they run of Dagster's.

    ``reports`` says what full syncs did meanwhile, by the tabs' titles.
    """

    open_pipeline: Callable[[], Pipeline]
    reports: dict[str, SyncReport] = field(default_factory=dict)


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


@cache
def _own() -> Pipeline:
    """Kept, as a code server's ticks come every few seconds and connections are dear."""
    return Pipeline.open()


class PipelineResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The databases, the spreadsheet and the quota that the settings name (README.md, Settings)."""

    _preflight: Preflight = PrivateAttr(default_factory=Preflight)

    def opened(self) -> Pipeline:
        """Everything a sync needs; starts what is embedded.

        Raises:
            SheetsPipelineError: A setting is wrong, or a database cannot be reached.
        """
        return _loans[-1].open_pipeline() if _loans else _own()

    def computed(self, context: dg.AssetExecutionContext) -> ComputedTab:
        """The rows of the tab whose asset asks."""
        return compute(self.opened, self._preflight, tab_assets()[context.asset_key], context)

    def done(self, report: SyncReport) -> None:
        """A tab was written; who lends the pipeline may want to show it."""
        for loan in _loans:
            loan.reports[report.tab] = report


@dg.definitions
def resources() -> dg.Definitions:
    """The resource under the name that assets ask for."""
    return dg.Definitions(resources={"pipeline": PipelineResource()})
