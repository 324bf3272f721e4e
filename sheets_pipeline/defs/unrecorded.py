"""Failures that no tab's record tells of: full syncs that failed before it was their tabs' turn.

Credentials that are refused, or a database that is down, stop a run before a tab's sync is begun. Its tabs were not
synced all the same, so the run counts as a failed sync of each of them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg

from sheets_pipeline.database import history
from sheets_pipeline.defs.run_tags import ERROR_TAG, NEEDS_PERSON_TAG
from sheets_pipeline.defs.tab_asset import TabAsset, tab_assets
from sheets_pipeline.sync.health import LastError
from sheets_pipeline.wiring import Pipeline


def unrecorded_failures(
    instance: dg.DagsterInstance, open_pipeline: Pipeline, records: Iterable[dg.RunRecord]
) -> dict[str, list[LastError]]:
    """Tab title → failures, newest first, of those among these runs (newest first) that have no record of the tab."""
    failed = [r for r in records if r.dagster_run.status == dg.DagsterRunStatus.FAILURE]
    full = [r for r in failed if r.dagster_run.job_name != "event_sync"]
    if not full:
        return {}
    known = history.tabs_of_runs(open_pipeline.state, [r.dagster_run.run_id for r in full])
    found: dict[str, list[LastError]] = {}
    for record in full:
        error: LastError | None = None
        for tab_asset in _targets(record.dagster_run):
            title = tab_asset.tab.title
            if (record.dagster_run.run_id, title) not in known:
                error = error or _error(instance, record, has_newer=bool(found.get(title)))
                found.setdefault(title, []).append(error)
    return found


def _targets(run: dg.DagsterRun) -> list[TabAsset]:
    """The tabs that a run was to sync; all where it names none."""
    chosen = run.asset_selection
    return [found for key, found in tab_assets().items() if not chosen or key in chosen]


def _error(instance: dg.DagsterInstance, record: dg.RunRecord, *, has_newer: bool) -> LastError:
    run = record.dagster_run
    ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
    kind = run.tags.get(ERROR_TAG) or "ProcessDied"
    # Only the newest message is ever shown, and reading one costs a few milliseconds.
    message = "" if has_newer else _message(instance, run.run_id)
    return LastError(kind, message, run.tags.get(NEEDS_PERSON_TAG) == "true", ended, run.run_id)


def _message(instance: dg.DagsterInstance, run_id: str) -> str:
    """What the run's first failed step says; others are mostly consequences of it."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE):
        if entry.dagster_event and (failure := entry.dagster_event.step_failure_data.user_failure_data):
            return failure.description or ""
    return "The run failed without a word of its own; its log in the Dagster UI tells more."
