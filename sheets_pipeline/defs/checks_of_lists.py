"""Asset checks of tabs that stand in each spreadsheet of a list: every copy is judged by the full sync that has just seen it.

The job of the list reports them, one result for all copies; the worst five are named. Started by hand, such a check
tells again what was last found, as nothing else has seen the copies since.
"""

from collections.abc import Iterable, Iterator

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.database import history
from sheets_pipeline.defs.checks import JUDGES, Judge, Verdict, spreadsheet_in
from sheets_pipeline.errors import error_class
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.list_sync import ListRound
from sheets_pipeline.runs.metadata import report_metadata
from sheets_pipeline.sync.report import SyncReport

_NAMED = 5


def list_checks(pipeline: Pipeline, tabs: Iterable[TabAsset], done: ListRound) -> Iterator[dg.AssetCheckEvaluation]:
    """The results of all checks of these tabs, after a full sync of all their copies."""
    for tab_asset in tabs:
        mine = f"{tab_asset.tab.title} @ "
        errors = {name: error for name, error in done.errors.items() if name.startswith(mine)}
        seen = {
            name: _seen(pipeline, tab_asset, report) for name, report in done.whole.items() if name.startswith(mine)
        }
        for judge in JUDGES:
            verdicts = {name: judge(one) for name, one in seen.items()}
            for name, error in errors.items():
                kind = error_class(type(error).__name__)
                if kind is not None and kind.breaks_check == judge.__name__:
                    verdicts[name] = Verdict(str(error), dg.AssetCheckSeverity.ERROR)
            yield _together(tab_asset.key, judge, verdicts)


def _seen(pipeline: Pipeline, tab_asset: TabAsset, report: SyncReport) -> dict[str, object]:
    seen = {name: getattr(one, "value", one) for name, one in report_metadata(tab_asset.tab, report).items()}
    if report.created:
        where = spreadsheet_in(seen)
        before = history.recent(
            pipeline.state, tab=tab_asset.tab.title, spreadsheet_id=where, outcome="success", limit=2
        )
        seen["was_there_before"] = len(before) > 1
    return seen


def _together(key: dg.AssetKey, judge: Judge, verdicts: dict[str, Verdict]) -> dg.AssetCheckEvaluation:
    wrong = {name: one for name, one in verdicts.items() if one.problem is not None}
    is_error = any(one.severity is dg.AssetCheckSeverity.ERROR for one in wrong.values())
    worst_first = sorted(wrong, key=lambda name: (wrong[name].severity is not dg.AssetCheckSeverity.ERROR, name))
    told = [f"{name}: {wrong[name].problem}" for name in worst_first[:_NAMED]]
    more = [f"And {len(wrong) - _NAMED} more."] if len(wrong) > _NAMED else []
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=judge.__name__,
        passed=not wrong,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        description=" ".join([*told, *more]) or None,
        metadata={
            "spreadsheets": len(verdicts),
            "with_a_problem": len(wrong),
            **{name: _numbers(wrong[name]) for name in worst_first[:_NAMED]},
        },
    )


def _numbers(verdict: Verdict) -> dict[str, int]:
    return {name: value for name, value in verdict.metadata.items() if isinstance(value, int)}
