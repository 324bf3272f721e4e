"""Failures that no tab's record tells of: full syncs that failed before it was their tabs' turn.

Credentials that are refused, or a database that is down, stop a run before a tab's sync is begun. Its tabs were not
synced all the same, so the run counts as a failed sync of each of them.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import dagster as dg

from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.database import history
from sheets_pipeline.errors import ERROR_TAG, NEEDS_PERSON_TAG, ProcessDied
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.sync.health import LastError
from sheets_pipeline.sync.spreadsheet import Each

#: Of a run whose events are gone.
_UNKNOWN = "The run failed; its log in the Dagster UI tells more."


def unrecorded_failures(
    instance: dg.DagsterInstance, pipeline: Pipeline, records: Iterable[dg.RunRecord]
) -> dict[str, list[LastError]]:
    """Name of the tab → failures, newest first, of those among these runs (newest first) that have no record of the tab."""
    failed = [r for r in records if r.dagster_run.status == dg.DagsterRunStatus.FAILURE]
    # Those of lists record what they begin, and are told by the circuits of their spreadsheets.
    full = [r for r in failed if r.dagster_run.job_name == "full_sync" or r.dagster_run.asset_selection]
    if not full:
        return {}
    known = history.tabs_of_runs(pipeline.state, [r.dagster_run.run_id for r in full])
    by_title: dict[str, list[LastError]] = {}
    for record in full:
        run_id = record.dagster_run.run_id
        missing = [one for one in _targets(record.dagster_run) if (run_id, one.tab.title) not in known]
        # Only the newest message is ever shown, and reading them costs a few milliseconds.
        unread = any(one.tab.name not in by_title for one in missing)
        messages = _messages(instance, run_id) if unread else {}
        for tab_asset in missing:
            own = messages.get(tab_asset.key.to_python_identifier())
            message = own or next(iter(messages.values()), _UNKNOWN)
            by_title.setdefault(tab_asset.tab.name, []).append(_error(record, message))
    return by_title


def _targets(run: dg.DagsterRun) -> list[TabAsset]:
    """The tabs that a run was to sync; all where it names none."""
    chosen = run.asset_selection
    return [
        tab_asset
        for key, tab_asset in tab_assets().items()
        if (not chosen or key in chosen) and not isinstance(tab_asset.tab.spreadsheet, Each)
    ]


def _error(record: dg.RunRecord, message: str) -> LastError:
    run = record.dagster_run
    ended = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
    kind = run.tags.get(ERROR_TAG) or ProcessDied.__name__
    return LastError(kind, message, run.tags.get(NEEDS_PERSON_TAG) == "true", ended, run.run_id)


def _messages(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """What each failed step of a run says, in their order, and last (under "") what the run says of itself.

    Of errors that are not raised on purpose only the class is told: their words may quote what stands in cells.
    """
    messages: dict[str, str] = {}
    of_run = ""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.dagster_event
        if event is None:
            continue
        if event.is_step_failure:
            data = event.step_failure_data
            own = data.user_failure_data.description if data.user_failure_data else None
            kind = data.error.cls_name if data.error else None
            messages[str(event.step_key)] = (
                own or f"Unexpected {kind or 'error'}; the run's log in the Dagster UI tells more."
            )
        else:
            error = getattr(event.event_specific_data, "error", None)
            of_run = f"The run failed with {error.cls_name}." if error else " ".join(str(event.message or "").split())
    return messages | ({"": f"{of_run} Its log in the Dagster UI tells more."} if of_run and not messages else {})
