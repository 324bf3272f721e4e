"""Asset checks: the properties of each tab, taken from what its last full sync saw. They cost no request.

They run with every full sync, and by themselves in the job ``tab_checks``. A full sync that failed leaves no
materialization to judge; the sensor ``failed_sync_checks`` then reports the check that its error breaks.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import dagster as dg

from sheets_pipeline.components.declarations import Problem
from sheets_pipeline.components.tab import make_checks
from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.database import history
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.defs.running import RUN_CONFIG
from sheets_pipeline.errors import TabProblem, error_class, error_classes
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.targets import target
from sheets_pipeline.sync.guards import MAX_SPREADSHEET_CELLS, MAX_TABS
from sheets_pipeline.sync.spreadsheet import Each

#: Shares of a limit of Google's from which a check warns, and from which it calls it an error.
WARN_SHARE, ERROR_SHARE = 0.8, 0.95
MAX_CELL_CHARACTERS = 50_000

#: Materializations looked through for the last full one; event syncs leave many between two.
_PAGE, _PAGES = 200, 10

#: Executions of a check among which one that ended is looked for.
_LOOKED_BACK = 20

_WARN, _ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


class Verdict(NamedTuple):
    """``problem`` says what was found and what to do; None where all is well."""

    problem: str | None = None
    severity: dg.AssetCheckSeverity = _WARN
    metadata: Mapping[str, Any] = {}


Judge = Callable[[Mapping[str, Any]], Verdict]


def all_rows_are_written(seen: Mapping[str, Any]) -> Verdict:
    """No row was set aside because it cannot be written (blank key, a text over 50,000 characters)."""
    if not (number := seen.get("set_aside")):
        return Verdict(metadata={"set_aside": 0})
    problem = f"{number:,} rows are not in the tab. Correct them in the database; the next sync writes them."
    return Verdict(problem, metadata={"set_aside": number, "set_aside_rows": seen.get("set_aside_rows", [])})


def keys_stand_once(seen: Mapping[str, Any]) -> Verdict:
    """No key stands on two rows of the tab. The topmost row is kept up to date, the others are left alone."""
    doubled = seen.get("doubled_keys", {})
    strays = seen.get("stray_rows", [])
    numbers = {"keys_doubled": len(doubled), "rows_without_key": len(strays)}
    problems = ["Delete the rows that are copies, or change their key."] if doubled else []
    if strays:
        problems.append(
            "Rows of ours lost their key to somebody's edit and have been written anew further down. Move what people "
            "noted beside the old ones, and delete those."
        )
    details = {"doubled_keys": doubled} if doubled else {}
    details |= {"stray_rows": strays} if strays else {}
    return Verdict(" ".join(problems) or None, metadata=numbers | details)


def header_intact(seen: Mapping[str, Any]) -> Verdict:
    """Each of our columns stands in row 1 once, under its own header."""
    renamed, released = seen.get("renamed_columns", {}), seen.get("released_columns", [])
    metadata: dict[str, Any] = {"columns_renamed": len(renamed), "columns_released": len(released)}
    problems = []
    if renamed:
        problems.append(
            "People renamed columns of ours. They are followed, so nothing is lost. Rename them back in row 1, or change "
            "the header in the tab's declaration."
        )
        metadata["renamed_columns"] = renamed
    if released:
        problems.append(
            "Columns are no longer in the tab's declaration; their header is struck out and their values are no longer updated. Delete "
            "them, or give them another header to keep them as people's own."
        )
        metadata["released_columns"] = released
    return Verdict(" ".join(problems) or None, metadata=metadata)


def row_count_equal(seen: Mapping[str, Any]) -> Verdict:
    """The tab shows as many rows of ours as the database gave, as counted in the tab by the last full sync."""
    expected, shown = seen.get("rows_in_database", 0), seen.get("rows_in_tab", 0)
    numbers = {"rows_in_database": expected, "rows_in_tab": shown}
    if expected == shown:
        return Verdict(metadata=numbers)
    copies = sum(len(rows) - 1 for rows in seen.get("doubled_keys", {}).values())
    is_explained = shown == expected - seen.get("set_aside", 0) + copies
    remedy = (
        "Rows were set aside or copied; the checks all_rows_are_written and keys_stand_once name them."
        if is_explained
        else "Run full_sync again; if they still differ, compare the tab with `sheets-pipeline sync --dry-run`."
    )
    problem = f"The database gave {expected:,} rows, the tab shows {shown:,}. {remedy}"
    return Verdict(problem, _WARN if is_explained else _ERROR, numbers)


def no_drift(seen: Mapping[str, Any]) -> Verdict:
    """Nobody changed our cells or deleted our rows since the last write. What was changed has been repaired already."""
    cells, rows = seen.get("drift_cells", 0), seen.get("drift_rows", 0)
    numbers = {"drift_cells": cells, "drift_rows": rows}
    if seen.get("created") and seen.get("was_there_before"):
        return Verdict(
            "The tab was gone or emptied, and has been made anew. Columns that people added are lost from it: "
            "File > Version history in the spreadsheet still has them.",
            metadata=numbers,
        )
    if not cells and not rows:
        return Verdict(metadata=numbers)
    details = {name: seen[name] for name in ("drift", "drift_deleted_rows") if name in seen}
    problem = (
        f"People changed {cells:,} cells and deleted {rows:,} rows that the database owns. They show the database's "
        "values again. Ask people to make changes in the application and notes in columns of their own, or protect ours."
    )
    return Verdict(problem, metadata=numbers | details)


def no_row_returns(seen: Mapping[str, Any]) -> Verdict:
    """No row that left the database stood in the tab again, as after its version history was restored."""
    number = seen.get("returned_rows", 0)
    if not number:
        return Verdict(metadata={"returned_rows": 0})
    problem = (
        f"{number:,} rows that are not in the database stood in the tab and were once ours: an earlier version of the "
        "spreadsheet was restored, or an earlier state of the database, or somebody pasted them. They were dealt with as rows that leave the database (on_removed). "
        "To have them back, restore them in the database."
    )
    return Verdict(problem, metadata={"returned_rows": number})


def within_limits(seen: Mapping[str, Any]) -> Verdict:
    """The spreadsheet is well below Google's limits: 10 million cells, 200 tabs, 50,000 characters in a cell.

    The spreadsheet as a whole is counted when a tab is looked for or grows, at least once a day.
    """
    cells = max(seen.get("spreadsheet_cells", 0), seen.get("grid_cells", 0))
    longest = max(seen.get("long_texts", {}).values(), default=0)
    uses = {
        "cells": (cells, MAX_SPREADSHEET_CELLS, "Delete empty rows and columns, or give a tab its own spreadsheet."),
        "tabs": (seen.get("spreadsheet_tabs", 0), MAX_TABS, "Delete tabs that nobody needs."),
        "characters in a cell": (longest, MAX_CELL_CHARACTERS, "Shorten these texts in the query or the database."),
    }
    numbers = {unit: used for unit, (used, _, _) in uses.items()} | {"long_texts": seen.get("long_texts", {})}
    near = [(used / limit, unit, used, limit, remedy) for unit, (used, limit, remedy) in uses.items()]
    near = [use for use in near if use[0] >= WARN_SHARE]
    if not near:
        return Verdict(metadata=numbers)
    problem = " ".join(f"{used:,} of {limit:,} {unit}. {remedy}" for _, unit, used, limit, remedy in near)
    return Verdict(problem, _ERROR if max(near)[0] >= ERROR_SHARE else _WARN, numbers)


JUDGES: tuple[Judge, ...] = (
    header_intact,
    row_count_equal,
    no_drift,
    all_rows_are_written,
    keys_stand_once,
    no_row_returns,
    within_limits,
)


def result_of(check_name: str, verdict: Verdict) -> dg.AssetCheckResult:
    """A verdict as Dagster records it."""
    return dg.AssetCheckResult(
        check_name=check_name,
        passed=verdict.problem is None,
        severity=verdict.severity,
        description=verdict.problem,
        metadata=dict(verdict.metadata),
    )


def last_full_sync(instance: dg.DagsterInstance, key: dg.AssetKey) -> tuple[dict[str, Any], datetime] | None:
    """What the newest full sync of a tab saw, and when; None where there is none.

    ``was_there_before`` is added where an earlier sync wrote a tab of this spreadsheet.
    """
    newest: tuple[dict[str, Any], datetime] | None = None
    for seen, at in _synced(instance, key):
        if newest is None:
            if seen.get("sync") != "full":
                continue
            newest = seen, at
            if not seen.get("created"):
                break
        elif spreadsheet_in(seen) == spreadsheet_in(newest[0]):
            newest[0]["was_there_before"] = True
            break
    return newest


def spreadsheet_in(seen: Mapping[str, Any]) -> str:
    """The id of the spreadsheet of a materialization with this metadata."""
    return str(seen.get("tab", "")).partition("#")[0]


def _synced(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[tuple[dict[str, Any], datetime]]:
    """Metadata and time of materializations, newest first."""
    cursor: str | None = None
    for _ in range(_PAGES):
        page = instance.fetch_materializations(key, limit=_PAGE, cursor=cursor)
        for record in page.records:
            if materialization := record.asset_materialization:
                metadata = {name: value.value for name, value in materialization.metadata.items()}
                yield metadata, datetime.fromtimestamp(record.timestamp, UTC)
        if not page.has_more:
            return
        cursor = page.cursor


def judged(instance: dg.DagsterInstance, pipeline: Pipeline, tab_asset: TabAsset, judge: Judge) -> Verdict:
    """The verdict of one check on one tab: a newer failure that breaks it goes before what the last full sync saw."""
    last = last_full_sync(instance, tab_asset.key)
    if broken := _broken_since(pipeline, tab_asset, judge.__name__, last[1] if last else None):
        return broken
    if last is None:
        return Verdict("The tab has not been synced yet. Start the job full_sync.")
    seen, at = last
    verdict = judge(seen)
    return verdict._replace(metadata={**verdict.metadata, "last_full_sync": dg.MetadataValue.timestamp(at)})


def _broken_by(error_kind: str | None) -> str | None:
    """The check that an error of this class breaks."""
    kind = error_class(error_kind)
    return kind.breaks_check if kind else None


def _broken_since(pipeline: Pipeline, tab_asset: TabAsset, check_name: str, since: datetime | None) -> Verdict | None:
    """The newest sync of the tab, where it failed with what this check is about."""
    if check_name not in {kind.breaks_check for kind in error_classes()}:
        return None
    try:
        spreadsheet_id = target(pipeline, tab_asset).spreadsheet.id
    except TabProblem as error:
        return Verdict(str(error), _ERROR)
    newest = history.recent(pipeline.state, tab=tab_asset.tab.title, spreadsheet_id=spreadsheet_id, limit=1)
    if not newest or newest[0].outcome == "success" or _broken_by(newest[0].error_kind) != check_name:
        return None
    if since is not None and newest[0].started_at < since:
        return None
    return Verdict(newest[0].error, _ERROR)


def _check(tab_asset: TabAsset, judge: Judge) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=tab_asset.key, name=judge.__name__, description=judge.__doc__)
    def check(context: dg.AssetCheckExecutionContext, pipeline: PipelineResource) -> dg.AssetCheckResult:
        if isinstance(tab_asset.tab.spreadsheet, Each):
            return last_found(context.instance, dg.AssetCheckKey(tab_asset.key, judge.__name__))
        return result_of(judge.__name__, judged(context.instance, pipeline.opened(), tab_asset, judge))

    return check


def last_found(instance: dg.DagsterInstance, key: dg.AssetCheckKey) -> dg.AssetCheckResult:
    """What a check last said, again: of a tab in a list of spreadsheets only their full sync sees each copy."""
    for record in instance.event_log_storage.get_asset_check_execution_history(key, limit=_LOOKED_BACK):
        event = record.event.dagster_event if record.event else None
        if event is not None and event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            said = event.asset_check_evaluation_data
            return dg.AssetCheckResult(
                check_name=key.name,
                passed=said.passed,
                severity=said.severity,
                description=said.description,
                metadata=said.metadata,
            )
    return result_of(key.name, Verdict("No full sync has seen all of its copies yet. Start the job of its list."))


def _declaration_check(tab_asset: TabAsset, problem: Problem) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=tab_asset.key,
        name="declaration_is_valid",
        description="The module that declares the tab can be imported, and its declaration is valid.",
    )
    def check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(
            passed=False, description=problem.text, metadata={"file": problem.path, "line": problem.line}
        )

    return check


def _checks_of(tab_asset: TabAsset) -> list[dg.AssetChecksDefinition]:
    """The same checks for every tab; of one whose declaration cannot be used there is nothing else to judge."""
    if tab_asset.problem is not None:
        return [_declaration_check(tab_asset, tab_asset.problem)]
    return [_check(tab_asset, judge) for judge in JUDGES]


if _checks_of not in make_checks:
    make_checks.append(_checks_of)


def broken_checks(instance: dg.DagsterInstance, run_id: str) -> list[dg.AssetCheckEvaluation]:
    """The checks that a failed run's errors break, as failed evaluations."""
    by_step = {tab_asset.key.to_python_identifier(): tab_asset for tab_asset in tab_assets().values()}
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    broken = []
    for record in records:
        event = record.event_log_entry.dagster_event
        failure = event.step_failure_data.user_failure_data if event else None
        kind = failure.metadata.get("error") if failure else None
        if event is None or failure is None or kind is None or event.step_key not in by_step:
            continue
        if (check_name := _broken_by(str(kind.value))) is not None:
            broken.append(
                dg.AssetCheckEvaluation(
                    asset_key=by_step[event.step_key].key,
                    check_name=check_name,
                    passed=False,
                    severity=_ERROR,
                    description=failure.description,
                    metadata={"run_id": dg.MetadataValue.dagster_run(run_id)},
                )
            )
    return broken


@dg.definitions
def checks() -> dg.Definitions:
    """The same checks for every tab, and the job that runs them alone."""
    job = dg.define_asset_job(
        "tab_checks",
        selection=dg.AssetSelection.all_asset_checks(),
        description="Judges every tab again by what its last full sync saw; sends Google no request.",
        tags={"sheets_pipeline/sync": "none"},
        config=RUN_CONFIG,
    )

    @dg.run_failure_sensor(
        name="failed_sync_checks",
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description="Marks the check that a failed sync breaks: header_intact, keys_stand_once, within_limits or "
        "declaration_is_valid.",
    )
    def failed_sync_checks(context: dg.RunFailureSensorContext) -> None:
        for evaluation in broken_checks(context.instance, context.dagster_run.run_id):
            context.instance.report_runless_asset_event(evaluation)

    asset_checks = [check for tab_asset in tab_assets().values() for check in _checks_of(tab_asset)]
    return dg.Definitions(asset_checks=asset_checks, jobs=[job], sensors=[failed_sync_checks])
