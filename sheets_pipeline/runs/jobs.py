"""What is to be written in a round: each tab in each spreadsheet that its rows concern.

A tab in one spreadsheet is one job. Of a tab in each of a list the touched rows are computed once, to see where they belong
and where they stand now; each spreadsheet concerned is a job. A row that moves is first written where it belongs; the job
that takes it away follows.
"""

import shlex
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.errors import GuardRefused, RowsLeft
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.computed import ComputedTab, compute_all
from sheets_pipeline.runs.parted import Parted, parted
from sheets_pipeline.runs.targets import Target, part_of, targets
from sheets_pipeline.sync.live_rows import keys_of
from sheets_pipeline.sync.spreadsheet import Each
from sheets_pipeline.sync.tab import Tab

#: Computes the rows of some keys of the tab.
ReadTouched = Callable[[Collection[Any]], pd.DataFrame]


@dataclass(frozen=True, eq=False)
class Job:
    """One target and what is to be written there.

    ``keys`` are those of the rows, None for the whole tab. ``planned`` says into which parts each of them belonged when the
    job was made, for a tab in several spreadsheets. ``departs``: takes rows away, once they stand elsewhere. ``whole`` are
    all rows of the target where they have been computed, ``leave`` keys of rows that stand there and are to be left alone.
    ``tab`` is the declared one with what its declaration leaves to the rows, where that is known. ``fresh`` are keys of rows
    that did not stand there when the job was made, for a tab in several spreadsheets.
    """

    target: Target
    keys: frozenset[str] | None
    planned: Mapping[str, Collection[str]] = field(default_factory=dict)
    departs: bool = False
    whole: ComputedTab | None = None
    leave: frozenset[str] = frozenset()
    tab: Tab | None = None
    fresh: frozenset[str] = frozenset()

    def without_those_of(self, parts: Collection[str | None]) -> "Job":
        """The same without rows that belong into these parts, which could not be written there."""
        left = {key for key in self.keys or () if not set(self.planned.get(key, ())) & set(parts)}
        return replace(self, keys=frozenset(left))


def jobs_of(
    pipeline: Pipeline, tab_asset: TabAsset, tab: Tab, keys: Collection[str] | None, read: ReadTouched
) -> list[Job]:
    """The jobs that these keys of a tab lead to; several where it stands in each spreadsheet of a list.

    ``tab`` is the declared one with what its declaration leaves to the rows.

    Raises:
        SheetsPipelineError: The tab's spreadsheets or its rows cannot be read.
    """
    each, asked = tab_asset.tab.spreadsheet, None if keys is None else frozenset(keys)
    all_of_them = targets(pipeline, tab_asset)
    if not isinstance(each, Each):
        return [Job(one, asked) for one in all_of_them]
    usable = [one for one in all_of_them if one.spreadsheet.problem is None]
    if asked is None:
        return whole_jobs(pipeline, compute_all(pipeline, tab_asset), usable)[0]
    rows = parted(pipeline, tab, each.by, read(asked), usable, asked)
    arrivals = {one: frozenset(rows.keys_here(one) & asked | rows.gone_from(one, asked)) for one in usable}
    jobs = [
        Job(one, keys, rows.parts_of_key, fresh=frozenset(rows.not_held_by(one, keys)))
        for one, keys in arrivals.items()
        if keys
    ]
    return [*jobs, *_departures(rows, usable)]


def whole_jobs(
    pipeline: Pipeline,
    computed: ComputedTab,
    usable: Collection[Target],
    chosen: Collection[str] | None = None,
    *,
    may_empty: bool = False,
) -> tuple[list[Job], int]:
    """The jobs of all rows of a tab that stands in each of these spreadsheets, and how many rows belong into none.

    Only those of the ``chosen`` parts, where there are any. ``may_empty`` allows that all of them lose all rows.

    Raises:
        TabProblem: The rows do not say where they belong, or there are none although rows stand in the spreadsheets.
    """
    each = computed.tab.spreadsheet
    if not isinstance(each, Each):
        raise TypeError(f"The tab {computed.tab.title!r} stands in one spreadsheet.")
    rows = parted(pipeline, computed.tab, each.by, computed.rows, usable)
    if not len(computed.rows) and rows.holders and not may_empty and computed.tab.max_deletes_share < 1:
        raise GuardRefused(
            computed.tab.name,
            f"the database gives no rows at all, and {len(rows.holders):,} stand in its spreadsheets. Nothing was sent. If "
            f"this is meant, run `sheets-pipeline sync --tab {shlex.quote(computed.tab.name)} --allow-deletes "
            f"{len(rows.holders)}` or add the run tag sheets_pipeline/allow_deletes={len(rows.holders)}.",
        )
    mine = [one for one in usable if chosen is None or one.spreadsheet.part in chosen]
    jobs = [
        Job(one, None, whole=replace(computed, rows=rows.here(one)), leave=frozenset(rows.moved_away(one)))
        for one in mine
    ]
    return [*jobs, *_departures(rows, mine)], rows.without_spreadsheet


def _departures(rows: Parted, writing: Collection[Target]) -> list[Job]:
    """Rows that leave a spreadsheet as they stand in another, or are about to be written there."""
    written = {one.spreadsheet.part for one in writing}
    jobs = []
    for one in writing:
        away = {key for key in rows.moved_away(one) if rows.parts_of_key[key] & written or rows.has_arrived(key)}
        if away:
            jobs.append(Job(one, frozenset(away), rows.parts_of_key, departs=True))
    return jobs


def rows_here(job: Job, tab: Tab, rows: pd.DataFrame) -> pd.DataFrame:
    """Those of the rows, computed anew, that belong into the job's spreadsheet.

    Raises:
        RowsLeft: One of the job's rows belongs into a third one by now.
    """
    if not isinstance(tab.spreadsheet, Each):
        return rows
    here = job.target.spreadsheet.part
    parts = [part_of(value) for value in rows[tab.spreadsheet.by]]
    now: dict[str, set[str]] = {}
    for key, part in zip(keys_of(tab, rows), parts, strict=True):
        now.setdefault(key, set()).add(part)
    for key in job.keys or ():
        if now.get(key) and here not in now[key] and not now[key] & set(job.planned.get(key, ())):
            raise RowsLeft(
                f"Rows of tab {job.target.name!r} moved to another spreadsheet meanwhile; it is looked at again."
            )
    return rows[pd.Series([part == here for part in parts], index=rows.index, dtype=bool)]


def by_spreadsheet(jobs: Collection[Job]) -> Mapping[str, list[Job]]:
    """The jobs of each spreadsheet, whose requests can be shared."""
    together: dict[str, list[Job]] = {}
    for job in jobs:
        together.setdefault(job.target.spreadsheet.id, []).append(job)
    return together
