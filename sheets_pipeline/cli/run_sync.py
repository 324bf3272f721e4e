"""One full sync as a Dagster run without the UI, and the plan of one without sending anything."""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.dagster_runtime.connections import opened_instance
from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.database import history
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs.resources import Loan, lending
from sheets_pipeline.errors import GuardRefused, SettingsError, SheetsPipelineError, UnknownTab, error_class
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.computed import compute_all
from sheets_pipeline.runs.job_pool import plan_whole
from sheets_pipeline.runs.jobs import Job, whole_jobs
from sheets_pipeline.runs.list_sync import PARTS_TAG, TABS_TAG, list_job
from sheets_pipeline.runs.run_tags import run_tags
from sheets_pipeline.runs.switches import declared_tabs, enabled_tabs, switch_name
from sheets_pipeline.runs.targets import Target, targets
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sync.numbers import NUMBERS
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.spreadsheet import Each, titled
from sheets_pipeline.sync.titles import no_such_tab


@dataclass(frozen=True, slots=True)
class Choice:
    """The tabs to sync, and of lists of spreadsheets the chosen ones by the list's name; all of a list that has none here."""

    tabs: list[TabAsset]
    parts: dict[str, set[str]] = field(default_factory=dict)

    @property
    def lists(self) -> dict[str, list[TabAsset]]:
        """The tabs that stand in each spreadsheet of a list, by its name."""
        lists: dict[str, list[TabAsset]] = {}
        for one in self.tabs:
            if isinstance(place := one.tab.spreadsheet, Each):
                lists.setdefault(place.spreadsheets, []).append(one)
        return lists

    @property
    def single(self) -> list[TabAsset]:
        """The tabs that stand in one spreadsheet."""
        return [one for one in self.tabs if not isinstance(one.tab.spreadsheet, Each)]


def chosen_tabs(titles: Collection[str], off: Collection[str] = (), spreadsheet: str | None = None) -> Choice:
    """The tabs with these titles, or names; where none is named, all that are on, by setting and by switch (``off``).

    ``spreadsheet`` leaves those that stand in it: a name, a list's name, or one of a list (``LIST/ID``).

    Raises:
        UnknownTab: No tab has such a title, or none stands in the spreadsheet.
        SettingsError: It is switched off.
    """
    by_name = {tab_asset.tab.name: tab_asset for tab_asset in tab_assets().values()}
    named: dict[str, TabAsset] = {}
    parts: dict[str, set[str]] = {}
    for title in titles:
        found = [one for name, one in by_name.items() if title in (name, one.tab.title)]
        found = [by_name[title]] if title in by_name else found
        if not found and (copy := copy_named(title, by_name)):
            parts.setdefault(copy[1], set()).add(copy[2])
            found = [copy[0]]
        if not found:
            raise UnknownTab(no_such_tab(title, by_name))
        named |= {one.tab.name: one for one in found}
    on = {one.key for one in declared_tabs(load_settings())}
    if not_there := [name for name, one in named.items() if one.key not in on]:
        setting = by_name[not_there[0]].tab.switch
        switch = setting.variable if setting else ""
        raise SettingsError(f"Tab {not_there[0]!r} is switched off by {switch}=false. Set it to true to sync this tab.")
    all_on = [one for one in by_name.values() if one.key in on and switch_name(one.tab) not in off]
    chosen = list(named.values()) or all_on
    if not chosen:
        raise SettingsError(
            "Every tab is switched off (by a setting, or its sensor in the Dagster UI), so there is nothing to "
            "sync. Switch one on, or name one with --tab."
        )
    if spreadsheet is not None:
        where, _, part = spreadsheet.partition("/")
        chosen = [one for one in chosen if _place(one) == where and (not part or isinstance(one.tab.spreadsheet, Each))]
        if not chosen:
            raise UnknownTab(
                f"No chosen tab stands in the spreadsheet {spreadsheet!r}. Known: "
                f"{', '.join(sorted({_place(one) for one in by_name.values()}))}; one of a list is LIST/ID."
            )
        parts = {where: {part}} if part else parts
    return Choice(chosen, parts)


def _place(one: TabAsset) -> str:
    place = one.tab.spreadsheet
    return place.spreadsheets if isinstance(place, Each) else place


def copy_named(name: str, tabs: dict[str, TabAsset]) -> tuple[TabAsset, str, str] | None:
    """The tab, list and part of ``TITLE @ LIST/PART``."""
    for one in tabs.values():
        start = titled(one.tab.title, f"{_place(one)}/")
        if isinstance(one.tab.spreadsheet, Each) and name.startswith(start) and name != start:
            return one, _place(one), name.removeprefix(start)
    return None


#: What ``sync --failed --json`` says where there is nothing to do.
NOTHING_FAILED: dict[str, Any] = {"run_id": None, "status": "success", "tabs": {}, "errors": {}}


def failed_titles() -> list[str]:
    """Names of tabs that are on and whose last sync failed or was refused, by the record of syncs."""
    pipeline = Pipeline.open()
    with opened_instance() as instance:
        on = enabled_tabs(instance)
    places = [one for tab_asset in on for one in _targets(pipeline, tab_asset)]
    histories = history.tab_histories(pipeline.state, {one.spreadsheet.id for one in places})
    failed = {where for where, known in histories.items() if known.consecutive_failures}
    return [one.name for one in places if (one.spreadsheet.id, one.tab_asset.tab.title) in failed]


def _targets(pipeline: Pipeline, tab_asset: TabAsset) -> list[Target]:
    try:
        return targets(pipeline, tab_asset)
    except SheetsPipelineError:  # a sync says why
        return []


def plan_sync(
    titles: Collection[str], allow_deletes: int | None, *, take_over: bool = False, spreadsheet: str | None = None
) -> dict[str, SyncReport | SheetsPipelineError]:
    """What a full sync would do, per tab; reads, sends nothing."""
    plans: dict[str, SyncReport | SheetsPipelineError] = {}
    chosen_tabs(titles, spreadsheet=spreadsheet)  # before anything is started
    pipeline = Pipeline.open()  # a wrong setting or database is one error, not one per tab
    with opened_instance() as instance:
        chosen = chosen_tabs(titles, switched_off(instance), spreadsheet)
    allowance = Allowance(deletes=allow_deletes, dry_run=True, take_over=take_over)
    for tab_asset in chosen.tabs:
        try:
            jobs = _whole(pipeline, tab_asset, chosen)
        except SheetsPipelineError as error:
            plans[tab_asset.tab.name] = error
            continue
        for job in jobs:
            try:
                plans[job.target.name] = plan_whole(job, allowance)
            except SheetsPipelineError as error:
                plans[job.target.name] = error
    return plans


def _whole(pipeline: Pipeline, tab_asset: TabAsset, chosen: Choice) -> list[Job]:
    """A tab's jobs of all rows, without those that follow once rows stand elsewhere."""
    computed, places = compute_all(pipeline, tab_asset), targets(pipeline, tab_asset)
    if not isinstance(tab_asset.tab.spreadsheet, Each):
        return [Job(one, None, whole=computed) for one in places]
    usable = [one for one in places if one.spreadsheet.problem is None]
    jobs, _ = whole_jobs(pipeline, computed, usable, chosen.parts.get(tab_asset.tab.spreadsheet.spreadsheets))
    return [job for job in jobs if not job.departs]


def run_sync(
    titles: Collection[str], allow_deletes: int | None, *, take_over: bool = False, spreadsheet: str | None = None
) -> dict[str, Any]:
    """Run full syncs in this process, recorded in Dagster's storage; the shape of ``sync --json``.

    One run of ``full_sync``, and one for each list of spreadsheets. Errors stand under ``errors``, by tab.
    """
    chosen_tabs(titles, spreadsheet=spreadsheet)
    pipeline = Pipeline.open()
    # The person at the terminal decides about another try.
    tags = {"dagster/max_retries": "0"}
    definitions, outcomes = defs(), list[dict[str, Any]]()
    with opened_instance() as instance, lending(lambda: pipeline) as loan:
        chosen = chosen_tabs(titles, switched_off(instance), spreadsheet)
        options: dict[str, Any] = {
            "instance": instance,
            "raise_on_error": False,
            "run_config": {
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "resources": {"pipeline": {"config": {"allow_deletes": allow_deletes, "take_over": take_over}}},
            },
        }
        if single := chosen.single:
            job = definitions.resolve_job_def("full_sync")
            keys = [tab_asset.key for tab_asset in single]
            result = job.execute_in_process(asset_selection=keys, tags=tags | run_tags(pipeline), **options)
            outcomes.append(_as_json(result, single, loan.reports))
        for name, tabs in chosen.lists.items():
            wanted = run_tags(pipeline, others=True) | {TABS_TAG: json.dumps([one.tab.name for one in tabs])}
            wanted |= {PARTS_TAG: json.dumps(sorted(chosen.parts[name]))} if name in chosen.parts else {}
            result = definitions.resolve_job_def(list_job(name)).execute_in_process(tags=tags | wanted, **options)
            outcomes.append(_list_as_json(result, loan))
    return _together(outcomes)


def _list_as_json(result: dg.ExecuteInProcessResult, loan: Loan) -> dict[str, Any]:
    errors = {name: str(error) for name, error in loan.errors.items()}
    if not result.success and not errors:
        errors = {step: message for step, (_, message) in _errors(result).items()}
    refused = any(isinstance(error, GuardRefused) for error in loan.errors.values())
    tabs = {name: report.as_json() for name, report in loan.list_reports.items()}
    status = "success" if result.success else "refused" if refused else "failed"
    loan.errors.clear()
    loan.list_reports.clear()
    return {"run_id": result.dagster_run.run_id, "status": status, "tabs": tabs, "errors": errors}


def _together(outcomes: list[dict[str, Any]]) -> dict[str, Any]:
    """Several runs as one: the first one's id, the worst status."""
    statuses = [one["status"] for one in outcomes]
    worst = next((status for status in ("failed", "refused") if status in statuses), "success")
    tabs = {name: tab for one in outcomes for name, tab in one["tabs"].items()}
    errors = {name: text for one in outcomes for name, text in one["errors"].items()}
    return {"run_id": outcomes[0]["run_id"], "status": worst, "tabs": tabs, "errors": errors}


def _as_json(
    result: dg.ExecuteInProcessResult, chosen: list[TabAsset], reports: dict[str, SyncReport]
) -> dict[str, Any]:
    tabs = {}
    for tab_asset in chosen:
        for event in result.asset_materializations_for_node(tab_asset.key.to_python_identifier()):
            metadata = {name: value.value for name, value in event.metadata.items()}
            tabs[tab_asset.tab.name] = {
                "rows": metadata["dagster/row_count"],
                **{name: metadata[name] for name in NUMBERS if name != "rows"},
                "set_aside_rows": reports[tab_asset.tab.name].set_aside_json() if tab_asset.tab.name in reports else [],
                "url": metadata["tab"],
            }
    titles = {tab_asset.key.to_python_identifier(): tab_asset.tab.name for tab_asset in chosen}
    errors = {titles.get(step, step): error for step, error in _errors(result).items()}
    refused = any(error_class(kind) is GuardRefused for kind, _ in errors.values())
    status = "success" if result.success else "refused" if refused else "failed"
    stats = result.dagster_run
    return {
        "run_id": stats.run_id,
        "status": status,
        "tabs": tabs,
        "errors": {where: message for where, (_, message) in errors.items()},
    }


def _errors(result: dg.ExecuteInProcessResult) -> dict[str, tuple[str, str]]:
    """Failed steps: the kind of error and its message."""
    errors = {}
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            failure = data.user_failure_data
            kind = failure.metadata["error"].value if failure and "error" in failure.metadata else ""
            message = failure.description if failure and failure.description else str(data.error_display_string)
            errors[str(event.step_key)] = (str(kind), message)
    return errors
