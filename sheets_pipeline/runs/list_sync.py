"""Full sync of the tabs that stand in each spreadsheet of a list: every tab is computed once, every spreadsheet read once.

One spreadsheet that cannot be reached fails for itself: its partition of each tab is told, with whom to ask, and the others
are written. Its circuit keeps it from being asked again and again.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import dagster as dg

from sheets_pipeline.components.names import dagster_name
from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.dagster_runtime.at_once import HOSTS_TAG
from sheets_pipeline.database.quota import BULK
from sheets_pipeline.errors import ERROR_TAG, SheetsPipelineError, SpreadsheetPaused, TabProblem
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs import bound
from sheets_pipeline.runs.computed import compute_all
from sheets_pipeline.runs.covered_events import settle_covered
from sheets_pipeline.runs.event_round import sync_touched
from sheets_pipeline.runs.failures import explained, wait_before_retry
from sheets_pipeline.runs.gate import assert_not_paused
from sheets_pipeline.runs.job_pool import Outcome, plan_whole, run_jobs, write_whole
from sheets_pipeline.runs.jobs import Job, whole_jobs
from sheets_pipeline.runs.metadata import report_metadata
from sheets_pipeline.runs.run_tags import ELSEWHERE, add_missing
from sheets_pipeline.runs.tab_failures import writing
from sheets_pipeline.runs.tab_sync import Open
from sheets_pipeline.runs.targets import Target, targets
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sync.report import SyncReport

#: Run tags: the spreadsheets (JSON array of their ids in the list) and tabs that a run is for; all where left out.
PARTS_TAG, TABS_TAG = "sheets_pipeline/parts", "sheets_pipeline/tabs"

_LISTED = 20


def list_job(list_name: str) -> str:
    """Name of the job that serves a list, and of its sensor."""
    return f"full_sync_{dagster_name(list_name)}"


@dataclass
class ListRound:
    """What became of the tabs: reports and errors by name of the target, errors of whole tabs by name of the tab."""

    reports: dict[str, SyncReport] = field(default_factory=dict)
    errors: dict[str, SheetsPipelineError] = field(default_factory=dict)
    #: Whom to ask about a spreadsheet that failed, as a sentence.
    owners: dict[str, str] = field(default_factory=dict)
    #: Of the syncs that saw a whole tab; where rows left it afterwards, ``reports`` has the one of that.
    whole: dict[str, SyncReport] = field(default_factory=dict)
    #: Of those that changed.
    materializations: list[dg.AssetMaterialization] = field(default_factory=list)
    #: Rows that belong into no spreadsheet of the list, by name of the tab.
    without_spreadsheet: dict[str, int] = field(default_factory=dict)

    @property
    def metadata(self) -> dict[str, Any]:
        """Numbers for the step."""
        reports = self.reports.values()
        numbers: dict[str, Any] = {
            "synced": len(reports),
            "changed": sum(report.cells > 0 for report in reports),
            "failed": len(self.errors),
            "cells": sum(report.cells for report in reports),
            "read_requests": sum(report.traffic.read_requests for report in reports),
            "write_requests": sum(report.traffic.write_requests for report in reports),
        }
        if left_over := {name: number for name, number in self.without_spreadsheet.items() if number}:
            numbers["rows_without_spreadsheet"] = left_over
        if self.errors:
            numbers["failures"] = self.told()
        return numbers

    def __str__(self) -> str:
        return ", ".join(f"{name}: {value}" for name, value in self.metadata.items() if isinstance(value, int))

    def told(self) -> list[str]:
        """The first failures, with whom to ask."""
        return [f"{name}: {error}{self.owners.get(name, '')}" for name, error in self.errors.items()][:_LISTED]


def sync_list(
    pipeline: Pipeline,
    tab_assets: Collection[TabAsset],
    context: dg.OpExecutionContext | dg.AssetExecutionContext,
    *,
    chosen: Collection[str] | None = None,
    allowance: Allowance | None = None,
) -> ListRound:
    """Write these tabs in the chosen spreadsheets of their list, all for None; what fails is in the result."""
    done, jobs = ListRound(), list[Job]()
    failed_before, hosts, noted = {}, context.run.tags.get(HOSTS_TAG), dict[tuple[str, str], datetime]()
    writes, covers_all = allowance is None or not allowance.dry_run, chosen is None
    for tab_asset in tab_assets:
        name = tab_asset.tab.name
        try:
            with writing(tab_asset.tab):
                everywhere = targets(pipeline, tab_asset)
                placed, left = bound.for_hosts(_chosen(everywhere, chosen), hosts)
                if left and hosts is None and writes:
                    bound.note(left)
                    context.log.info("Tab %r: %d spreadsheets are left to the hosts that reach them", name, len(left))
                    covers_all = False
                noted |= bound.noted_in(placed) if hosts and writes else {}
                usable = list(_usable(placed, done))
                computed = compute_all(pipeline, tab_asset)
                failed_before[name] = computed.failed_events
                everywhere = [one for one in everywhere if one.spreadsheet.problem is None]
                some, done.without_spreadsheet[name] = whole_jobs(
                    pipeline,
                    computed,
                    everywhere,
                    {str(one.spreadsheet.part) for one in usable},
                    may_empty=allowance is not None and allowance.deletes is not None,
                )
                jobs += some
        except SheetsPipelineError as error:
            done.errors[name] = error
    if allowance is not None and allowance.dry_run:  # what leaves once it stands elsewhere is not there yet
        jobs = [job for job in jobs if not job.departs]
    outcomes = run_jobs(jobs, lambda job, client: _write(job, client, context.run.run_id, allowance), BULK)
    for job, outcome in outcomes.items():
        _note(job, outcome, context, done)
    for tab_asset in tab_assets:
        if covers_all:
            _settle(pipeline, tab_asset, failed_before.get(tab_asset.tab.name, ()), done)
    bound.forget(pipeline, noted)
    return done


def keep_in_list(
    open_pipeline: Open, tab_asset: TabAsset, context: dg.AssetExecutionContext, allowance: Allowance
) -> None:
    """Write one tab in the spreadsheets that are the run's partitions; started by hand or by a backfill.

    Raises:
        dagster.Failure: Names the spreadsheets that could not be written; the others are.
    """
    wait_before_retry(context, open_pipeline, tab_asset.tab.spreadsheet)
    with explained(context.instance, context.run.run_id, open_pipeline, tab_asset.tab.words, tab_asset.tab.spreadsheet):
        pipeline = open_pipeline()
        chosen = set(context.partition_keys)
        done = sync_list(pipeline, [tab_asset], context, chosen=chosen, allowance=allowance)
        for one in done.materializations:
            context.op_execution_context.log_event(one)
        context.log.info("%s", done)
        raise_failures(done, context)


def raise_failures(done: ListRound, context: dg.OpExecutionContext | dg.AssetExecutionContext) -> None:
    """Fail the step where something of it failed; the run's tags say that it says nothing of the default spreadsheet.

    Raises:
        dagster.Failure: With the first errors; tried again only where that can help.
    """
    if errors := list(done.errors.values()):
        retry = any(error.is_transient for error in errors)
        add_missing(context.instance, context.run, {ERROR_TAG: type(errors[0]).__name__ + ELSEWHERE})
        text = f"{len(errors)} of {len(errors) + len(done.reports)} could not be written. {' '.join(done.told())}"
        raise dg.Failure(text, metadata=done.metadata, allow_retries=retry)


def _chosen(placed: list[Target], chosen: Collection[str] | None) -> list[Target]:
    return [one for one in placed if chosen is None or one.spreadsheet.part in chosen]


def _usable(placed: Iterable[Target], done: ListRound) -> Iterator[Target]:
    """Those that can be tried now; the others are errors of ``done``."""
    for one in placed:
        if one.spreadsheet.problem is not None:
            done.errors[one.name] = TabProblem(one.name, one.spreadsheet.problem)
            continue
        try:
            assert_not_paused(one.pipeline, one.name)
        except SpreadsheetPaused as error:
            done.errors[one.name] = error
        else:
            yield one


def _write(job: Job, client: SheetsClient, run_id: str, allowance: Allowance | None) -> SyncReport:
    if job.departs:
        return sync_touched(job, client, run_id)
    if allowance is not None and allowance.dry_run:
        return plan_whole(job, allowance)
    return write_whole(job, client, run_id, allowance)


def _note(
    job: Job, outcome: Outcome, context: dg.OpExecutionContext | dg.AssetExecutionContext, done: ListRound
) -> None:
    name = job.target.name
    if isinstance(outcome, SheetsPipelineError):
        if (owner := job.target.spreadsheet.owner) and not isinstance(outcome, TabProblem):
            done.owners[name] = f" Its owner is {owner}."
        context.log.error("Tab %r: %s%s", name, outcome, done.owners.get(name, ""))
        done.errors[name] = outcome
        return
    done.reports[name] = outcome
    if not job.departs:
        done.whole[name] = outcome
    if outcome.cells:
        metadata = report_metadata(job.target.tab_asset.tab, outcome)
        key, part = job.target.tab_asset.key, job.target.spreadsheet.part
        done.materializations.append(dg.AssetMaterialization(key, metadata=metadata, partition=part))


def _settle(
    pipeline: Pipeline,
    tab_asset: TabAsset,
    failed_before: Collection[Any],
    done: ListRound,
) -> None:
    """Events that failed before are covered where every spreadsheet of the list was written."""
    mine = {name for name in done.errors if name == tab_asset.tab.name or name.startswith(f"{tab_asset.tab.title} @ ")}
    if not failed_before or mine:
        return
    whole = SyncReport(tab_asset.tab.title)
    whole.set_aside = [row for name, report in done.reports.items() for row in report.set_aside]
    settle_covered(pipeline, tab_asset.tab, failed_before, whole)
