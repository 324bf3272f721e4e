"""Spreadsheets whose credential is bound to hosts (``hosts: LABEL``): its key lies there alone, and runs with a tag go there.

Every other run leaves them. It notes that the tab is to be written there, and settles what brought it to that; a run with
the tag then writes the tab as a whole in these spreadsheets. Where one host executes all runs, nothing is bound.
"""

from collections.abc import Collection, Iterable
from datetime import datetime

from sheets_pipeline.components.tab_asset import TabAsset, declared_credentials
from sheets_pipeline.database import held_tabs
from sheets_pipeline.pipeline import Pipeline, hosts_of
from sheets_pipeline.runs.jobs import Job
from sheets_pipeline.runs.targets import Target, usable_targets


def for_hosts(placed: Iterable[Target], hosts: str | None) -> tuple[list[Target], list[Target]]:
    """Those that a run with this tag, None for one without, is for; and those that it leaves."""
    mine: list[Target] = []
    left: list[Target] = []
    for one in placed:
        (mine if hosts_of(one.spreadsheet.credential, one.pipeline.settings) == hosts else left).append(one)
    return mine, left


def note(left: Iterable[Target]) -> None:
    """Have these written as a whole by runs of the hosts that reach them."""
    for one in left:
        if hosts_of(one.spreadsheet.credential, one.pipeline.settings) is not None:
            held_tabs.hold_anew(one.pipeline.state, one.spreadsheet.id, one.tab_asset.tab.name)


def leave(jobs: Collection[Job]) -> list[Job]:
    """The jobs that no run without the tag is for; they are noted."""
    left = [
        job for job in jobs if hosts_of(job.target.spreadsheet.credential, job.target.pipeline.settings) is not None
    ]
    note(job.target for job in left)
    return left


def noted_in(targets: Iterable[Target]) -> dict[tuple[str, str], datetime]:
    """What is noted of these: (id of the spreadsheet, name of the tab) → when."""
    targets = list(targets)
    if not targets:
        return {}
    wanted = {(one.spreadsheet.id, one.tab_asset.tab.name) for one in targets}
    return {place: at for place, at in held_tabs.since(targets[0].pipeline.state).items() if place in wanted}


def forget(pipeline: Pipeline, noted: dict[tuple[str, str], datetime]) -> None:
    """What was noted has been tried, unless it was noted anew meanwhile; where it failed, the next full sync notes it."""
    for (spreadsheet_id, name), at in noted.items():
        held_tabs.release(pipeline.state, spreadsheet_id, name, noted_at=at)


def wanted_runs(pipeline: Pipeline, tab_assets: Collection[TabAsset]) -> dict[str, tuple[set[str], set[str]]]:
    """What is noted of these tabs of a list: label of the hosts → ids of spreadsheets in the list, names of tabs."""
    if pipeline.settings.celery_broker_url is None:
        return {}
    if not any(one.declaration.hosts for one in declared_credentials().values()):
        return {}
    placed = usable_targets(pipeline, tab_assets)
    noted = noted_in(placed)
    wanted: dict[str, tuple[set[str], set[str]]] = {}
    for one in placed:
        label = hosts_of(one.spreadsheet.credential, pipeline.settings)
        if label is not None and (one.spreadsheet.id, one.tab_asset.tab.name) in noted:
            parts, names = wanted.setdefault(label, (set(), set()))
            parts.add(str(one.spreadsheet.part))
            names.add(one.tab_asset.tab.name)
    return wanted
