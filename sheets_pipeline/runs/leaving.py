"""Rows that must leave a spreadsheet again, as two event syncs were at work on them at the same moment.

Where a row belongs is told before it is written. Meanwhile it may have moved into the part of another event sync, or be gone,
and that one has not seen it in a place where it did not stand yet. So each looks again after it has written: what it put
somewhere for the first time, and what stands in several places. Of two, the one that notes last what it wrote sees both.
"""

from collections.abc import Mapping
from dataclasses import replace

from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.database.state import holders
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.jobs import Job, ReadTouched
from sheets_pipeline.runs.parted import parted
from sheets_pipeline.runs.targets import Target, targets
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.spreadsheet import Each


def leaving(pipeline: Pipeline, tab_asset: TabAsset, written: Mapping[Job, SyncReport], read: ReadTouched) -> list[Job]:
    """Jobs that take away, or mark, what stands where it does not belong; whatever part the spreadsheet is of.

    A row leaves once it stands where it belongs, or at once where that is nowhere.

    Raises:
        SheetsPipelineError: The tab's spreadsheets or its rows cannot be read.
        KeysRefused: The tab's query cannot take one of the keys.
    """
    each = tab_asset.tab.spreadsheet
    if not isinstance(each, Each):
        raise TypeError(f"The tab {tab_asset.tab.title!r} stands in one spreadsheet.")
    usable = [one for one in targets(pipeline, tab_asset) if one.spreadsheet.problem is None]
    doubtful = _doubtful(pipeline, tab_asset.tab.title, usable, written)
    if not doubtful:
        return []
    tab = next((job.tab for job in written if job.tab is not None), tab_asset.tab)
    rows = parted(pipeline, tab, each.by, read(doubtful), usable, doubtful)
    jobs: list[Job] = []
    for one in usable:
        away = rows.gone_from(one, doubtful) | {key for key in rows.moved_away(one) if rows.has_arrived(key)}
        if away:
            jobs.append(replace(Job(one, frozenset(away), rows.parts_of_key), tab=tab))
    return jobs


def _doubtful(
    pipeline: Pipeline, title: str, usable: list[Target], written: Mapping[Job, SyncReport]
) -> frozenset[str]:
    keys = {key for job in written for key in job.keys or ()}
    held = holders(pipeline.state, title, [one.spreadsheet.id for one in usable], keys)
    doubtful = {key for key, ids in held.items() if len(ids) > 1}.union(*(job.fresh for job in written))
    whole = [job.target.spreadsheet.id for job, report in written.items() if report.kind != "events"]
    return frozenset(doubtful | holders(pipeline.state, title, whole).keys())
