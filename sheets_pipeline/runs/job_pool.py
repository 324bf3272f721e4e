"""Runs jobs: the tabs of one spreadsheet share their requests, several spreadsheets are at work beside each other.

Spreadsheets take turns by credential, so that one with many of them keeps no other waiting, and a large spreadsheet takes
one of the places at work, never all. Jobs that take rows away follow those that write them elsewhere.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from itertools import chain, zip_longest

from sheets_pipeline.database import history
from sheets_pipeline.database.quota import BULK
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.runs.jobs import Job, by_spreadsheet
from sheets_pipeline.runs.tab_failures import writing
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sheets.shared_requests import SharedRequests
from sheets_pipeline.sync.report import SyncReport

#: Spreadsheets at work beside each other, and tabs of one of them; each tab takes connections of its own.
_SPREADSHEETS_AT_ONCE, _TABS_AT_ONCE = 5, 8

#: Nobody waits for the cells of a full sync, so that its tabs may wait longer for each other.
_PATIENCE_OF_BULK = 4

Outcome = SyncReport | SheetsPipelineError
Write = Callable[[Job, SheetsClient], SyncReport]


def run_jobs(jobs: Iterable[Job], write: Write, priority: int) -> dict[Job, Outcome]:
    """Write each job in its order; whatever goes wrong with one is given back, so that the others are written all the same.

    Args:
        jobs: The first of a spreadsheet begins first.
        write: Writes one with the client that it is given.
        priority: Of the requests.
    """
    jobs = list(jobs)
    outcomes = _wave([job for job in jobs if not job.departs], write, priority)
    failed: dict[str, set[str | None]] = {}
    for job, outcome in outcomes.items():
        if isinstance(outcome, SheetsPipelineError):
            failed.setdefault(job.target.tab_asset.tab.name, set()).add(job.target.spreadsheet.part)
    later = (job.without_those_of(failed.get(job.target.tab_asset.tab.name, set())) for job in jobs if job.departs)
    return outcomes | _wave([job for job in later if job.keys], write, priority)


def write_whole(job: Job, client: SheetsClient, run_id: str, allowance: Allowance | None) -> SyncReport:
    """Make the whole tab as the job's rows say, and record it."""
    if job.whole is None:
        raise TypeError("A job without rows cannot be written as a whole.")
    pipeline, title = job.target.pipeline, job.target.tab_asset.tab.title
    with history.recorded(pipeline.state, pipeline.spreadsheet.id, title, "full", run_id) as sync:
        with writing(job.target.tab_asset.tab):
            writer, whole = pipeline.writer(job.whole.tab, client), job.whole
            sync.report = writer.full_sync(
                whole.rows, computed_at=whole.computed_at, allowance=allowance, leave=job.leave
            )
        return sync.report


def plan_whole(job: Job, allowance: Allowance) -> SyncReport:
    """What ``write_whole`` would do; sends nothing where the allowance is that of a dry run."""
    if job.whole is None:
        raise TypeError("A job without rows cannot be planned as a whole.")
    writer, whole = job.target.pipeline.writer(job.whole.tab), job.whole
    return writer.full_sync(whole.rows, computed_at=whole.computed_at, allowance=allowance, leave=job.leave)


def _wave(jobs: list[Job], write: Write, priority: int) -> dict[Job, Outcome]:
    attempts: list[Future[dict[Job, Outcome]]] = []
    with ThreadPoolExecutor(_SPREADSHEETS_AT_ONCE) as pool:
        for together in in_turns(by_spreadsheet(jobs).values()):
            attempts.append(pool.submit(copy_context().run, _spreadsheet, together, write, priority))
    return {job: outcome for attempt in attempts for job, outcome in attempt.result().items()}


def in_turns(spreadsheets: Iterable[list[Job]]) -> Iterator[list[Job]]:
    """One spreadsheet of each credential after the other."""
    by_credential: dict[str, list[list[Job]]] = {}
    for jobs in spreadsheets:
        by_credential.setdefault(jobs[0].target.spreadsheet.credential.name, []).append(jobs)
    turns = chain.from_iterable(zip_longest(*by_credential.values()))
    return (jobs for jobs in turns if jobs is not None)


def _spreadsheet(jobs: list[Job], write: Write, priority: int) -> dict[Job, Outcome]:
    try:
        quota = jobs[0].target.pipeline.quota(priority)
    except SheetsPipelineError as error:  # there is no such key
        return dict.fromkeys(jobs, error)
    shared = SharedRequests(patience=_PATIENCE_OF_BULK if priority == BULK else 1)
    participants = {id(job): shared.join() for job in jobs}
    attempts: dict[Job, Future[Outcome]] = {}

    def attempt(job: Job) -> Outcome:
        try:
            with writing(job.target.tab_asset.tab):
                return write(job, job.target.pipeline.client(priority, participants[id(job)], quota))
        except SheetsPipelineError as error:
            return error

    with (
        quota.reserved(),
        ThreadPoolExecutor(_TABS_AT_ONCE) as pool,
    ):  # a tab that another writer is at work on holds up no other
        for job in jobs:
            attempts[job] = pool.submit(copy_context().run, attempt, job)
    return {job: attempt.result() for job, attempt in attempts.items()}
