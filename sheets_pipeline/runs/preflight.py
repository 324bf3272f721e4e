"""Before the first write of a run: all tabs together must fit into the spreadsheet.

The first asset of a run computes the rows of all tabs of that run and checks them together; each asset then takes its
own. What fails of one tab is kept for that tab's own step, and the others go on: a query that is wrong, a tab that would
not fit. What concerns all of them (the database is down, the spreadsheet is not shared) is found once and told by each.
"""

import time
from dataclasses import replace

import dagster as dg
import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.database.quota import BULK
from sheets_pipeline.errors import DatabaseError, DeclarationBroken, LimitExceeded, SheetsPipelineError, TabProblem
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.computed import ComputedTab, Computing
from sheets_pipeline.runs.gate import assert_not_paused
from sheets_pipeline.runs.governor import wait_after_step
from sheets_pipeline.runs.job_pool import run_jobs, write_whole
from sheets_pipeline.runs.jobs import Job, by_spreadsheet
from sheets_pipeline.runs.tab_failures import writing
from sheets_pipeline.runs.targets import target
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.protocol import Allowance, Writer
from sheets_pipeline.sync.archive import archive_tab
from sheets_pipeline.sync.guards import Growth, check_growth
from sheets_pipeline.sync.privacy import without_values
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.spreadsheet import DEFAULT, Each
from sheets_pipeline.sync.tab import ColumnType, Tab

#: Tabs are computed one after the other, as two queries at once would take two processors from the application. One that
#: takes longer than this goes on beside the next; where one does already, this is how long the next is waited for.
_PATIENCE_SECONDS = {False: 10.0, True: 1.0}
#: Each holds a connection, so no more than these go on at once.
_SLOW_AT_ONCE = 4

#: What became of a tab: its rows, or why there are none.
Outcome = ComputedTab | SheetsPipelineError


class Preflight:
    """Of one run: outcomes that no asset has taken yet."""

    def __init__(self) -> None:
        self._outcomes: dict[dg.AssetKey, Outcome] = {}
        #: Tabs with rows that are still to be written, and what became of those that were.
        self._to_write: dict[dg.AssetKey, Job | SheetsPipelineError] = {}
        self._written: dict[dg.AssetKey, SyncReport | SheetsPipelineError] = {}
        #: Of this process, when the last one was taken.
        self._processor_seconds = 0.0

    def take(self, pipeline: Pipeline, context: dg.AssetExecutionContext) -> ComputedTab:
        """The rows of this asset's tab; the run's other tabs are computed and checked with the first one.

        Raises:
            TabProblem: This tab cannot be computed, or does not fit into the spreadsheet.
            SheetsPipelineError: Something failed that concerns all tabs.
        """
        key = context.asset_key
        if key in self._outcomes:
            another = time.process_time() - self._processor_seconds  # was written since
            wait_after_step(context, pipeline.settings, another)
        else:
            selected = _selected(context)
            in_turn = sorted(tab_assets().values(), key=lambda tab_asset: tab_asset.tab.turn)
            tabs = {
                tab_asset.key: tab_asset
                for tab_asset in in_turn
                if tab_asset.key in selected and not isinstance(tab_asset.tab.spreadsheet, Each)
            }
            self._outcomes = _compute(pipeline, context, tabs)
            self._to_write |= _jobs(pipeline, {tabs[key]: outcome for key, outcome in self._outcomes.items()})
            self._outcomes |= {key: one for key, one in self._to_write.items() if isinstance(one, SheetsPipelineError)}
        self._processor_seconds = time.process_time()
        outcome = self._outcomes.pop(key)
        if isinstance(outcome, SheetsPipelineError):
            raise outcome
        return outcome

    def written(self, pipeline: Pipeline, tab_asset: TabAsset, run_id: str, allowance: Allowance) -> SyncReport:
        """Write the tab, with all others that the run has computed: each spreadsheet is read once.

        Raises:
            SheetsPipelineError: Whatever kept this tab from being written.
        """
        if tab_asset.key not in self._written:
            jobs = {key: job for key, job in self._to_write.items() if isinstance(job, Job)}
            self._to_write.clear()
            done = run_jobs(jobs.values(), lambda job, client: write_whole(job, client, run_id, allowance), BULK)
            self._written |= {job.target.tab_asset.key: outcome for job, outcome in done.items()}
        outcome = self._written.pop(tab_asset.key)
        if isinstance(outcome, SheetsPipelineError):
            raise outcome
        return outcome


def _jobs(pipeline: Pipeline, outcomes: dict[TabAsset, Outcome]) -> dict[dg.AssetKey, Job | SheetsPipelineError]:
    """What is to be written of each tab that has been computed, or why it cannot be."""
    jobs: dict[dg.AssetKey, Job | SheetsPipelineError] = {}
    for tab_asset, outcome in outcomes.items():
        if isinstance(outcome, ComputedTab):
            try:
                jobs[tab_asset.key] = job = Job(target(pipeline, tab_asset), None, whole=outcome)
                if job.target.spreadsheet.name != DEFAULT:
                    assert_not_paused(job.target.pipeline, job.target.name)
            except SheetsPipelineError as error:
                jobs[tab_asset.key] = error
    for together in by_spreadsheet([job for job in jobs.values() if isinstance(job, Job)]).values():
        here = together[0].target.pipeline
        computed = {job.target.tab_asset.key: job.whole for job in together if job.whole is not None}
        jobs |= check_all(here, computed)
    return jobs


def _compute(
    pipeline: Pipeline, context: dg.AssetExecutionContext, tabs: dict[dg.AssetKey, TabAsset]
) -> dict[dg.AssetKey, Outcome]:
    outcomes: dict[dg.AssetKey, Outcome] = {}
    slow: dict[dg.AssetKey, Computing] = {}
    for_all: SheetsPipelineError | None = None
    for key, tab_asset in tabs.items():
        began = time.monotonic()
        begun = _begun(pipeline, tab_asset) if for_all is None or tab_asset.problem else for_all
        if isinstance(begun, Computing) and not begun.is_done_within(_PATIENCE_SECONDS[bool(slow)]):
            slow[key] = begun
            if len(slow) == _SLOW_AT_ONCE:
                outcomes |= {key: _outcome(one) for key, one in slow.items()}
                slow.clear()
            continue
        outcomes[key] = outcome = _outcome(begun)
        if isinstance(outcome, SheetsPipelineError) and not isinstance(outcome, TabProblem):
            for_all = outcome  # asking a database that is down once more, per tab, would only take its time
        wait_after_step(context, pipeline.settings, time.monotonic() - began)
    return outcomes | {key: _outcome(one) for key, one in slow.items()}


def _begun(pipeline: Pipeline, tab_asset: TabAsset) -> Computing | SheetsPipelineError:
    if tab_asset.problem is not None:
        return DeclarationBroken(tab_asset.tab.name, tab_asset.problem.text)
    try:
        return Computing(pipeline, tab_asset)
    except SheetsPipelineError as error:
        return error
    except sa.exc.SQLAlchemyError as error:  # of our own tables, or of connecting
        return _database_failed(error)


def _outcome(begun: Computing | SheetsPipelineError) -> Outcome:
    if isinstance(begun, SheetsPipelineError):
        return begun
    try:
        return begun.result()
    except SheetsPipelineError as error:
        return error
    except sa.exc.SQLAlchemyError as error:  # the tab's own query is explained already
        return _database_failed(error)


def _database_failed(error: sa.exc.SQLAlchemyError) -> DatabaseError:
    words = without_values(error) if isinstance(error, sa.exc.DBAPIError) else type(error).__name__
    return DatabaseError(f"A database failed: {words}. `sheets-pipeline doctor` tells which and why.")


def _selected(context: dg.AssetExecutionContext) -> set[dg.AssetKey]:
    """Assets of this run that are still to come, this one among them."""
    steps = context.run.step_keys_to_execute
    keys = context.run.asset_selection or context.job_def.asset_layer.executable_asset_keys
    return {key for key in keys if steps is None or key.to_python_identifier() in steps} | {context.asset_key}


def check_all(
    pipeline: Pipeline, computed_tabs: dict[dg.AssetKey, ComputedTab]
) -> dict[dg.AssetKey, SheetsPipelineError]:
    """What keeps tabs with rows from being written: that those which have to grow do not fit into the spreadsheet together.

    Asks Google, once for the run, where a tab has to grow or shows moments, which follow the spreadsheet's time zone.
    What fails then concerns all tabs that were to be checked.
    """
    frames = {key: computed.rows for key, computed in computed_tabs.items()}
    growths: dict[dg.AssetKey, list[Growth]] = {}
    failed: dict[dg.AssetKey, SheetsPipelineError] = {}
    try:
        writers = {key: pipeline.writer(computed.tab) for key, computed in computed_tabs.items()}
        known = {key: writer.memory.facts() for key, writer in writers.items()}
        fits = all(facts is not None and len(frames[key]) < facts.row_count for key, facts in known.items())
        if fits and not any(_shows_moments(computed.tab) for computed in computed_tabs.values()):
            return {}
        spreadsheet = access.read_spreadsheet(pipeline.client())
        for key, facts in known.items():
            if facts is not None and facts.time_zone != spreadsheet.time_zone:
                _note_time_zone(writers[key], spreadsheet.time_zone)
        if fits:
            return {}
    except SheetsPipelineError as error:
        return dict.fromkeys(frames, error)
    except sa.exc.DBAPIError as error:
        return dict.fromkeys(frames, _database_failed(error))
    for key, computed in computed_tabs.items():
        try:
            with writing(computed.tab):
                growths[key] = _growths(computed.tab, writers[key], len(computed.rows), spreadsheet)
        except SheetsPipelineError as error:
            failed[key] = error
    try:
        check_growth([one for some in growths.values() for one in some], spreadsheet.cells, len(spreadsheet.sheets))
    except LimitExceeded as error:
        failed |= {key: error for key, some in growths.items() if any(growth.cells for growth in some)}
    return failed


def _note_time_zone(writer: Writer, zone: str) -> None:
    with writer.lock():  # else what a writer of the tab notes meanwhile would be overwritten
        if (facts := writer.memory.facts()) is not None:
            writer.memory.save_facts(replace(facts, time_zone=zone))


def _shows_moments(tab: Tab) -> bool:
    return any(column.type is ColumnType.DATETIME for column in tab.columns)


def _growths(tab: Tab, writer: Writer, rows: int, spreadsheet: access.SpreadsheetProperties) -> list[Growth]:
    """What a tab, with its archives, needs of the spreadsheet."""
    facts = writer.memory.facts()
    grid = (0, 0)
    for sheet in spreadsheet.sheets:
        if sheet.sheet_id == facts.sheet_id if facts else sheet.title == tab.title:
            grid = (sheet.row_count, sheet.column_count)
    return [Growth(tab, rows, *grid), *_archives(writer, spreadsheet)]


def _archives(writer: Writer, spreadsheet: access.SpreadsheetProperties) -> list[Growth]:
    """The archive tabs that a first fill will make; how many depends on the room that there is."""
    titles = {sheet.title for sheet in spreadsheet.sheets}
    planned = [(archive_tab(writer.tab, part.month), part.rows) for part in writer.planned_archives(spreadsheet)]
    return [Growth(tab, rows, 0, 0) for tab, rows in planned if tab.title not in titles]
