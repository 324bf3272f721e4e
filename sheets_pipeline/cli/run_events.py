"""One event sync as a Dagster run without the UI."""

import time
from typing import Any

import dagster as dg

from sheets_pipeline.components.tab_asset import is_refreshed_by_events, tab_assets
from sheets_pipeline.dagster_runtime.connections import opened_instance
from sheets_pipeline.database import events
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs.resources import lending
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.runs.run_tags import run_tags

_STEP = "sync_pending_events"

#: Metadata of a materialization that the result repeats.
_NUMBERS = ("inserts", "updates", "deletes", "cells", "read_requests", "write_requests", "seconds")


def run_events() -> dict[str, Any]:
    """Run the job ``event_sync`` in this process, recorded in Dagster's storage.

    Returns ``run_id``, ``status`` (success or failed), ``seconds``, ``events`` taken, ``set_aside`` in this run,
    ``tabs`` (title → numbers), ``failures`` (reasons), ``error`` (None where all is well), ``still_pending``.

    Raises:
        SheetsPipelineError: The pipeline cannot be opened: no run was started.
    """
    started = time.monotonic()
    job = defs().resolve_job_def("event_sync")  # before the pipeline is opened: it creates the tables that are loaded
    pipeline = Pipeline.open()
    with pipeline.platform.connect() as connection:
        if reason := events.why_none_are_taken(connection, are_expected=is_refreshed_by_events()):
            raise DatabaseError(reason)
    with opened_instance() as instance, lending(lambda: pipeline):
        result = job.execute_in_process(
            instance=instance,
            tags=run_tags(pipeline),
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    with pipeline.platform.connect() as connection:
        left = events.count(connection)
    return _as_json(result) | {"seconds": round(time.monotonic() - started, 3), "still_pending": left}


def _as_json(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    titles = {tab_asset.key: tab_asset.tab.name for tab_asset in tab_assets().values()}
    tabs: dict[str, dict[str, Any]] = {}
    done: dict[str, Any] = {}
    error = None
    for event in result.all_events:
        if event.is_step_materialization and event.asset_key in titles:
            metadata = event.materialization.metadata
            of_tab = tabs.setdefault(titles[event.asset_key], dict.fromkeys(_NUMBERS, 0))
            for name in _NUMBERS:
                of_tab[name] += metadata[name].value
        elif event.is_successful_output and event.step_key == _STEP:
            done = {name: value.value for name, value in event.step_output_data.metadata.items()}
        elif event.is_step_failure:
            data = event.step_failure_data
            failure = data.user_failure_data
            error = failure.description if failure and failure.description else data.error_display_string
    return {
        "run_id": result.run_id,
        "status": "success" if result.success else "failed",
        "events": done.get("events", 0),
        "set_aside": done.get("events_set_aside", 0),
        "tabs": tabs,
        "failures": done.get("failures", []),
        "error": error,
    }
