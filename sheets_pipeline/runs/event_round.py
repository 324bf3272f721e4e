"""One round of event sync: take what is due, write the rows it touches tab by tab, settle each event.

What fails decides what becomes of the events that it concerns:

    one row (a text too long for a cell)          ┐ an attempt is counted; after SYNC_EVENT_MAX_ATTEMPTS, with growing
    one tab (header renamed, its query broken)    ┘ pauses, the event is set aside with the reason. The run succeeds
    the spreadsheet, the quota, the database        no attempt is counted, the events stay due. The run fails, and the
                                                    circuit breaker decides when the next one starts
    the tab is switched off                         the events are done; the tab is written as a whole once it is on
    another spreadsheet than the default one        where a person must mend it, the events are done: a full sync writes
                                                    the whole tab once it can. Else an attempt is counted
    the default one rests, others do not            as if its tabs were switched off

An event that touches two tabs of which one failed waits for that one alone.
"""

import math
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import dagster as dg
import pandas as pd
import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import TabAsset, tab_events
from sheets_pipeline.database import events, held_tabs, history
from sheets_pipeline.database.event_keys import key_parts, keys_of_tab
from sheets_pipeline.database.quota import URGENT
from sheets_pipeline.database.touched import MOST_QUERIES, touched
from sheets_pipeline.errors import RowsLeft, SheetsPipelineError, TabProblem
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import bound
from sheets_pipeline.runs.computed import ComputedTab, compute_all, rows_of
from sheets_pipeline.runs.gate import spreadsheet_circuit
from sheets_pipeline.runs.job_pool import Outcome, run_jobs
from sheets_pipeline.runs.jobs import Job, ReadTouched, jobs_of, rows_here, whole_jobs
from sheets_pipeline.runs.leaving import leaving
from sheets_pipeline.runs.metadata import key_in, report_metadata
from sheets_pipeline.runs.parts import Part
from sheets_pipeline.runs.refused_keys import KeysRefused, read_or_find_refused
from sheets_pipeline.runs.settling import Failure, Round, settle, without_malformed
from sheets_pipeline.runs.switches import enabled_tabs
from sheets_pipeline.runs.tab_failures import computing, writing
from sheets_pipeline.runs.targets import Target, targets
from sheets_pipeline.runs.time_limit import Reading
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sync.live_rows import with_live_rows
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.rows import SetAside
from sheets_pipeline.sync.spreadsheet import DEFAULT, Each
from sheets_pipeline.sync.tab import ColumnType, Tab
from sheets_pipeline.sync.touch_cost import FEW_ROWS, is_full_cheaper

#: Events taken at once; keeps memory flat after a long outage (about 1 KB each).
EVENTS_PER_ROUND = 50_000

#: A job whose rows moved meanwhile is made anew so often; then its events stay due.
_MOST_ANEW = 3

#: Rows are computed one tab after the other, always: two queries at once would take two cores from the application.
_computing = threading.Lock()


def sync_due_events(
    pipeline: Pipeline, context: dg.OpExecutionContext, total: Round, *, others: bool = False, part: Part | None = None
) -> None:
    """Write what is due, until nothing is; raises what concerns the whole spreadsheet, after all is settled.

    What was done is added to ``total``, also where this raises. With ``others`` the default spreadsheet is left alone, with a
    ``part`` all that are of other ones.
    """
    began = time.monotonic()
    while True:
        done = sync_round(pipeline, context, others=others, part=part)
        total.events += done.events
        total.reports |= done.reports
        total.failures += done.failures
        total.set_aside += done.set_aside
        total.materializations += done.materializations
        total.seconds = time.monotonic() - began
        if error := total.error:
            raise error
        if done.events < EVENTS_PER_ROUND:
            return


def sync_round(
    pipeline: Pipeline, context: dg.OpExecutionContext, *, others: bool = False, part: Part | None = None
) -> Round:
    """One round; errors are in the result."""
    on = {tab_asset.tab.name: tab_asset for tab_asset in usable(context.instance, others=others)}
    spreadsheet_id, only = pipeline.spreadsheet.id, part.events if part else ()
    writes_whole = part is None or part.has(spreadsheet_id)
    waiting = held_tabs.held(pipeline.state, spreadsheet_id) & set(on) if writes_whole else set()
    with pipeline.platform.connect() as connection:
        due = events.pending(connection, EVENTS_PER_ROUND, only)
    if part and not due and not waiting:
        return Round()
    with pipeline.source.connect() as reading:  # which changes nothing, and ends a query that takes too long
        leads_to = touched(reading, due, tab_events(), most_queries=None if part else MOST_QUERIES)
    done = Round(len(due))
    due, malformed = without_malformed(pipeline, due, leads_to.unusable, context.log)
    asked: dict[str, set[str] | None] = {
        title: None if title in waiting else leads_to.keys[title]
        for title in on
        if title in waiting or title in leads_to.keys
    }
    for title in sorted(leads_to.failed.keys() & on.keys()):
        context.log.error("Tab %r: %s", title, leads_to.failed[title])
        done.failures.append(Failure(title, f"Tab {title!r}: {leads_to.failed[title]}"))
    _write_all(pipeline, on, asked, context, done, part)
    for name in waiting - {failure.tab for failure in done.failures if failure.keys is None}:
        held_tabs.release(pipeline.state, spreadsheet_id, name)
    if passed_by := (leads_to.keys.keys() | leads_to.failed.keys()) - on.keys():
        held_tabs.hold(pipeline.state, spreadsheet_id, passed_by)
        listed = ", ".join(sorted(passed_by))
        context.log.info(
            "Switched off, wrongly declared, or their spreadsheet rests; written as a whole once they can be: %s",
            listed,
        )
    done.set_aside = malformed + settle(pipeline, due, done, context.log, only)
    return done


def fewest_first(asked: Mapping[str, Collection[Any] | None]) -> list[str]:
    """Titles of tabs by the number of their touched rows, whole tabs (None) last: so the sum of all waits is least."""
    return sorted(asked, key=lambda title: math.inf if (keys := asked[title]) is None else len(keys))


def tabs_to_write_anew(pipeline: Pipeline, instance: dg.DagsterInstance, *, others: bool = False) -> set[str]:
    """Titles of tabs that are on again after events had passed them by; with ``others``, of other spreadsheets."""
    waiting = held_tabs.held(pipeline.state, pipeline.spreadsheet.id)
    return waiting & {tab_asset.tab.name for tab_asset in usable(instance, others=others)} if waiting else set()


def usable(instance: dg.DagsterInstance, *, others: bool) -> list[TabAsset]:
    """The tabs that can be written; with ``others`` without those in the default spreadsheet."""
    on = [tab_asset for tab_asset in enabled_tabs(instance) if tab_asset.problem is None]
    return [tab_asset for tab_asset in on if not others or tab_asset.tab.spreadsheet != DEFAULT]


# Writing ---------------------------------------------------------------------------------------------------------------


def _write_all(
    pipeline: Pipeline,
    on: Mapping[str, TabAsset],
    asked: Mapping[str, Collection[str] | None],
    context: dg.OpExecutionContext,
    done: Round,
    part: Part | None,
) -> None:
    """Write all that is asked, of a part what stands there; what became of it is in ``done``."""

    def write(job: Job, client: SheetsClient) -> SyncReport:
        return sync_touched(job, client, context.run_id)

    left = dict(asked)
    for attempt in range(1, _MOST_ANEW + 1):
        in_turn = sorted(fewest_first(left), key=lambda name: on[name].tab.priority)
        rests = _Rests()
        jobs = [job for name in in_turn for job in _jobs(pipeline, on[name], left[name], done, rests, part)]
        outcomes = run_jobs(jobs, write, URGENT)
        anew: dict[str, set[str]] = {}
        for job, outcome in outcomes.items():
            if isinstance(outcome, RowsLeft) and attempt < _MOST_ANEW:
                anew.setdefault(job.target.tab_asset.tab.name, set()).update(job.keys or ())
            else:
                _note(job, outcome, context, done)
        if pipeline.settings.sync_event_runs > 1:
            late = _late_jobs(pipeline, outcomes, done)
            for job, outcome in run_jobs(late, write, URGENT).items():
                if not isinstance(outcome, RowsLeft):  # what moved them once more is an event of its own
                    _note(job, outcome, context, done)
        left = dict(anew)


class _Rests:
    """Which spreadsheets rest; each is asked once in a round, whatever the number of its tabs."""

    def __init__(self) -> None:
        self._known: dict[str, bool] = {}

    def rests(self, job: Job) -> bool:
        """Whether the job's spreadsheet does; the default one's circuit has been asked before the run."""
        if _is_default(job):
            return False
        spreadsheet_id = job.target.spreadsheet.id
        if spreadsheet_id not in self._known:
            self._known[spreadsheet_id] = not spreadsheet_circuit(job.target.pipeline).allows_run
        return self._known[spreadsheet_id]


def jobs_of_tab(
    pipeline: Pipeline, tab_asset: TabAsset, keys: Collection[str] | None, done: Round, *, may_be_whole: bool = True
) -> list[Job] | None:
    """The jobs of a tab; what fails is in ``done``. None where all of it is to be written, and that must not be."""
    name = tab_asset.tab.name
    try:
        with writing(tab_asset.tab):
            tab: Tab | None = None
            if isinstance(tab_asset.tab.spreadsheet, Each) and keys is not None:
                tab = _tab_of_events(pipeline, tab_asset)
                keys = None if tab is None else keys_of_tab(tab, keys)
            if keys is None and not may_be_whole:
                return None
            read = _reader(pipeline, tab_asset)
            try:
                jobs = jobs_of(pipeline, tab_asset, tab or tab_asset.tab, keys, read)
            except KeysRefused as error:
                done.failures.append(Failure(name, f"Tab {name!r}: {error}", frozenset(error.keys)))
                jobs = jobs_of(pipeline, tab_asset, tab or tab_asset.tab, set(keys or ()) - error.keys, read)
            return [replace(job, tab=tab) for job in jobs]
    except SheetsPipelineError as error:
        done.failures.append(_of_tab(name, error))
        return []


def _of_tab(name: str, error: SheetsPipelineError, keys: frozenset[str] | None = None) -> Failure:
    return Failure(name, str(error), keys, None if isinstance(error, TabProblem) else error)


def _reader(pipeline: Pipeline, tab_asset: TabAsset) -> ReadTouched:
    return lambda keys: _touched_rows(pipeline, tab_asset, keys, lambda some: some)


def _jobs(
    pipeline: Pipeline,
    tab_asset: TabAsset,
    keys: Collection[str] | None,
    done: Round,
    rests: _Rests,
    part: Part | None,
) -> list[Job]:
    """The jobs of a tab, without those of spreadsheets that wait for a full sync anyway; what fails is in ``done``."""
    jobs = jobs_of_tab(pipeline, tab_asset, keys, done) or []
    if part and keys is not None:
        jobs = _of_part(part, tab_asset, keys, jobs, done)
    paused = bound.leave(jobs)
    paused += [job for job in jobs if job not in paused and rests.rests(job)]
    unreached = {job.target.spreadsheet.part for job in paused}
    left = [job for job in jobs if job not in paused]
    return [job.without_those_of(unreached) if job.departs else job for job in left]


def _of_part(part: Part, tab_asset: TabAsset, keys: Collection[str], jobs: list[Job], done: Round) -> list[Job]:
    """Those in spreadsheets of this part; rows leave one, whose ever it is, after all has been written (``leaving``)."""
    written = [job for job in jobs if not job.departs]
    mine = [job for job in written if part.has(job.target.spreadsheet.id)]
    tab = next((job.tab for job in written if job.tab is not None), None)
    like_rows = {key: key if tab is None else next(iter(keys_of_tab(tab, [key]) or [key])) for key in keys}
    stand_here = {key for job in mine for key in job.keys or ()}
    stand = {key for job in written for key in job.keys or ()}
    here = done.here.setdefault(tab_asset.tab.name, set())
    here -= like_rows.keys()
    here |= {key for key, like in like_rows.items() if like in stand_here}
    if len(mine) < len(written):
        elsewhere = done.elsewhere.setdefault(tab_asset.tab.name, set())
        elsewhere |= {key for key, like in like_rows.items() if like in stand - stand_here}
    return mine


def _late_jobs(pipeline: Pipeline, outcomes: Mapping[Job, Outcome], done: Round) -> list[Job]:
    """What of the rows just written has to leave, as another event sync was at work on them at the same moment."""
    by_tab: dict[TabAsset, dict[Job, SyncReport]] = {}
    for job, outcome in outcomes.items():
        if isinstance(outcome, SyncReport) and job.keys is not None and job.target.spreadsheet.part is not None:
            by_tab.setdefault(job.target.tab_asset, {})[job] = outcome
    late: list[Job] = []
    for tab_asset, written in by_tab.items():
        keys = frozenset(key for job in written for key in job.keys or ())
        try:
            with writing(tab_asset.tab):
                late += leaving(pipeline, tab_asset, written, _reader(pipeline, tab_asset))
        except KeysRefused as error:
            done.failures.append(Failure(tab_asset.tab.name, f"Tab {tab_asset.tab.name!r}: {error}", keys))
        except SheetsPipelineError as error:
            done.failures.append(_of_tab(tab_asset.tab.name, error, keys))
    return late


def _is_default(job: Job) -> bool:
    return job.target.spreadsheet.name == DEFAULT


def _note(job: Job, outcome: SyncReport | SheetsPipelineError, context: dg.OpExecutionContext, done: Round) -> None:
    """Put what became of one job into ``done``, the log and the asset's history."""
    tab, name = job.target.tab_asset.tab, job.target.name
    if isinstance(outcome, SheetsPipelineError):
        context.log.error("Tab %r: %s", name, outcome)
        if not (is_default := _is_default(job)) and outcome.needs_person and not isinstance(outcome, TabProblem):
            return  # a full sync writes all of it, once somebody has mended the spreadsheet
        # What is no tab's says nothing about an event: trying again later is right, however often.
        is_counted = isinstance(outcome, TabProblem) or not is_default
        keys = None if is_default else job.keys
        done.failures.append(Failure(tab.name, str(outcome), keys, None if is_counted else outcome))
        return
    done.reports[name] = outcome
    for row in outcome.set_aside:
        if job.keys is None or row.key in job.keys:
            reason = f"Tab {name!r}, row {key_in(tab, outcome, row.key)}: {row.reason}"
            done.failures.append(Failure(tab.name, reason, frozenset({row.key})))
            context.log.warning("%s. It cannot be written until it is corrected in the database.", reason)
    touched = "all rows" if job.keys is None else _counted(len(job.keys), "row")
    context.log.info("Tab %r: %s touched, %s written", name, touched, _counted(outcome.cells, "cell"))
    key, part = job.target.tab_asset.key, job.target.spreadsheet.part
    done.materializations.append(dg.AssetMaterialization(key, metadata=report_metadata(tab, outcome), partition=part))


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sync_touched(job: Job, client: SheetsClient, run_id: str = "") -> SyncReport:
    """Write the given rows of one tab; the whole tab for None, where that is cheaper, and where it is not there yet.

    Raises:
        RowsLeft: Rows moved to another spreadsheet since the job was made.
        SheetsPipelineError: Whatever keeps the tab from being written.
    """
    pipeline, tab_asset, keys = job.target.pipeline, job.target.tab_asset, job.keys
    tab = job.tab or _tab_of_events(pipeline, tab_asset)
    found = None if tab is None or keys is None else keys_of_tab(tab, keys)
    keys = None if found is None else frozenset(found)
    writer = pipeline.writer(tab or tab_asset.tab, client)

    def some(keys: Collection[Any]) -> SyncReport:
        """The rows of these keys; those that the tab's query cannot take hold up no others."""
        try:
            return writer.event_sync(
                lambda: rows_here(job, writer.tab, _touched_rows(pipeline, tab_asset, keys, writer.memory.owned)),
                {str(key) for key in keys},
            )
        except KeysRefused as error:
            left = [key for key in keys if str(key) not in error.keys]
            report = some(left) if left else SyncReport(tab_asset.tab.title, kind="events")
            report.set_aside += [SetAside(key, str(error)) for key in sorted(error.keys)]
            return report

    def full() -> SyncReport:
        with _computing:
            whole, leave = (job.whole, job.leave) if job.whole else _whole(job.target)
        writer.recheck_archives()  # single events that it covers may concern archived rows
        writing_all = writer if whole.tab == tab else pipeline.writer(whole.tab, client)
        return writing_all.full_sync(whole.rows, computed_at=whole.computed_at, leave=leave)

    recorded = history.recorded(pipeline.state, pipeline.spreadsheet.id, tab_asset.tab.title, "events", run_id)
    with recorded as sync, writing(tab_asset.tab):
        if keys is None or (len(keys) >= FEW_ROWS and is_full_cheaper(len(keys), writer.memory.confirmed())):
            sync.report = full()
        else:
            try:
                sync.report = some(keys)
            except NeedsFullSync:
                sync.report = full()
        return sync.report


def _whole(target: Target) -> tuple[ComputedTab, frozenset[str]]:
    """All rows of a target, and keys of rows that are to stay there although they belong elsewhere."""
    computed = compute_all(target.pipeline, target.tab_asset)
    if target.spreadsheet.part is None:
        return computed, frozenset()
    usable = [one for one in targets(target.pipeline, target.tab_asset) if one.spreadsheet.problem is None]
    [job, *_] = whole_jobs(target.pipeline, computed, usable, [target.spreadsheet.part])[0]
    return job.whole or computed, job.leave


def _tab_of_events(pipeline: Pipeline, tab_asset: TabAsset) -> Tab | None:
    """The tab with what its declaration leaves to its query; None where only all rows tell what that is."""
    declared = tab_asset.declared
    if declared is None or (query := declared.query) is None or (left := declared.open_columns) == set():
        return tab_asset.tab
    with _computing, computing(pipeline.platform, tab_asset):
        seconds = pipeline.settings.sync_tab_timeout_seconds
        columns = Reading(pipeline.source, lambda connection: query.certain_columns(connection, left), seconds).result()
    return None if columns is None else declared.resolved(columns)


def _touched_rows(
    pipeline: Pipeline,
    tab_asset: TabAsset,
    keys: Collection[Any],
    owned: Callable[[Collection[str]], Collection[str]],
) -> pd.DataFrame:
    def read_touched(connection: sa.Connection) -> pd.DataFrame | KeysRefused:
        def read(some: Collection[Any] | None) -> pd.DataFrame:
            parts = None if some is None else [key_parts(key, len(tab_asset.tab.key)) for key in some]
            return rows_of(tab_asset, connection, parts)

        tab = tab_asset.tab
        try:
            rows = read_or_find_refused(read, keys, connection.rollback)
            if not tab.entities and all(tab.column(name).type is ColumnType.INTEGER for name in tab.key):
                return rows  # keys from rows of the database, with one form only
            return with_live_rows(tab, rows, {str(key) for key in keys}, owned, lambda: read(None))
        except KeysRefused as error:
            return error

    with _computing, computing(pipeline.platform, tab_asset):
        outcome = Reading(pipeline.source, read_touched, pipeline.settings.sync_tab_timeout_seconds).result()
    if isinstance(outcome, KeysRefused):
        raise outcome  # here, where nobody takes it for the tab's failure
    return outcome
