"""One full sync as a Dagster run without the UI, and the plan of one without sending anything."""

from collections.abc import Collection
from typing import Any

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.dagster_runtime.connections import opened_instance
from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.database import history
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs.full_sync import enabled_keys
from sheets_pipeline.defs.resources import lending
from sheets_pipeline.errors import GuardRefused, SettingsError, SheetsPipelineError, UnknownTab, error_class
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.computed import compute_all
from sheets_pipeline.runs.run_tags import run_tags
from sheets_pipeline.runs.switches import switch_name
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sync.numbers import NUMBERS
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.titles import no_such_tab


def chosen_tabs(titles: Collection[str], off: Collection[str] = ()) -> list[TabAsset]:
    """The tabs with these titles; where none is named, all that are on, by setting and by switch (``off``).

    Raises:
        UnknownTab: No tab has such a title.
        SettingsError: It is switched off.
    """
    by_title = {tab_asset.tab.title: tab_asset for tab_asset in tab_assets().values()}
    for title in titles:
        if title not in by_title:
            raise UnknownTab(no_such_tab(title, by_title))
    on = set(enabled_keys(load_settings()))
    if not_there := [title for title in titles if by_title[title].key not in on]:
        switch = str(by_title[not_there[0]].tab.switch).upper()
        raise SettingsError(f"Tab {not_there[0]!r} is switched off by {switch}=false. Set it to true to sync this tab.")
    all_on = [
        tab_asset for tab_asset in by_title.values() if tab_asset.key in on and switch_name(tab_asset.tab) not in off
    ]
    chosen = [by_title[title] for title in titles] or all_on
    if not chosen:
        raise SettingsError(
            "Every tab is switched off (SYNC_ENABLE_...=false, or its sensor in the Dagster UI), so there is nothing to "
            "sync. Switch one on, or name one with --tab."
        )
    return chosen


#: What ``sync --failed --json`` says where there is nothing to do.
NOTHING_FAILED: dict[str, Any] = {"run_id": None, "status": "success", "tabs": {}, "errors": {}}


def failed_titles() -> list[str]:
    """Tabs that are on and whose last sync failed or was refused, by the record of syncs."""
    pipeline = Pipeline.open()
    histories = history.tab_histories(pipeline.state, pipeline.services.spreadsheet_id)
    failed = {title for title, known in histories.items() if known.consecutive_failures}
    with opened_instance() as instance:
        off = switched_off(instance)
    on = [tab_asset.tab for tab_asset in tab_assets().values() if tab_asset.key in set(enabled_keys(load_settings()))]
    return [tab.title for tab in on if tab.title in failed and switch_name(tab) not in off]


def plan_sync(
    titles: Collection[str], allow_deletes: int | None, *, take_over: bool = False
) -> dict[str, SyncReport | SheetsPipelineError]:
    """What a full sync would do, per tab; reads, sends nothing."""
    plans: dict[str, SyncReport | SheetsPipelineError] = {}
    chosen_tabs(titles)  # before anything is started
    pipeline = Pipeline.open()  # a wrong setting or database is one error, not one per tab
    with opened_instance() as instance:
        chosen = chosen_tabs(titles, switched_off(instance))
    for tab_asset in chosen:
        try:
            computed = compute_all(pipeline, tab_asset)
            plans[tab_asset.tab.title] = pipeline.writer(computed.tab).full_sync(
                computed.rows,
                computed_at=computed.computed_at,
                allowance=Allowance(deletes=allow_deletes, dry_run=True, take_over=take_over),
            )
        except SheetsPipelineError as error:
            plans[tab_asset.tab.title] = error
    return plans


def run_sync(titles: Collection[str], allow_deletes: int | None, *, take_over: bool = False) -> dict[str, Any]:
    """Run the job ``full_sync`` in this process, recorded in Dagster's storage; the shape of ``sync --json``.

    Errors stand under ``errors``, by tab.
    """
    chosen_tabs(titles)
    pipeline = Pipeline.open()
    tags = run_tags(pipeline)  # a wrong setting or database is one error, not a failed run
    # The person at the terminal decides about another try.
    tags["dagster/max_retries"] = "0"
    job = defs().resolve_job_def("full_sync")
    with opened_instance() as instance, lending(lambda: pipeline) as loan:
        chosen = chosen_tabs(titles, switched_off(instance))
        result = job.execute_in_process(
            instance=instance,
            asset_selection=[tab_asset.key for tab_asset in chosen],
            tags=tags,
            raise_on_error=False,
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "resources": {"pipeline": {"config": {"allow_deletes": allow_deletes, "take_over": take_over}}},
            },
        )
        return _as_json(result, chosen, loan.reports)


def _as_json(
    result: dg.ExecuteInProcessResult, chosen: list[TabAsset], reports: dict[str, SyncReport]
) -> dict[str, Any]:
    tabs = {}
    for tab_asset in chosen:
        for event in result.asset_materializations_for_node(tab_asset.key.to_python_identifier()):
            metadata = {name: value.value for name, value in event.metadata.items()}
            tabs[tab_asset.tab.title] = {
                "rows": metadata["dagster/row_count"],
                **{name: metadata[name] for name in NUMBERS if name != "rows"},
                "set_aside_rows": reports[tab_asset.tab.title].set_aside_json()
                if tab_asset.tab.title in reports
                else [],
                "url": metadata["tab"],
            }
    titles = {tab_asset.key.to_python_identifier(): tab_asset.tab.title for tab_asset in chosen}
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
