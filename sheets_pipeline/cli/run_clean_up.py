"""One clean-up as a Dagster run without the UI."""

from typing import Any

import dagster as dg

from sheets_pipeline.dagster_runtime.connections import opened_instance
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs.resources import lending
from sheets_pipeline.pipeline import Pipeline

_STEP = "remove_what_is_old"


def run_clean_up() -> dict[str, Any]:
    """Run the job ``clean_up`` in this process, recorded in Dagster's storage.

    Returns ``run_id``, ``removed`` (the fields of ``defs.retention.Removed``; None where it failed), ``error``.

    Raises:
        SheetsPipelineError: The pipeline cannot be opened: no run was started.
    """
    pipeline = Pipeline.open()
    job = defs().resolve_job_def("clean_up")
    with opened_instance() as instance, lending(lambda: pipeline):
        result = job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
    return {"run_id": result.run_id, "removed": _removed(result), "error": _error(result)}


def _removed(result: dg.ExecuteInProcessResult) -> dict[str, Any] | None:
    for event in result.all_events:
        if event.is_successful_output and event.step_key == _STEP:
            return {name: value.value for name, value in event.step_output_data.metadata.items()}
    return None


def _error(result: dg.ExecuteInProcessResult) -> str | None:
    if result.success:
        return None
    failures = [event.step_failure_data for event in result.all_events if event.is_step_failure]
    described = [failure.user_failure_data.description for failure in failures if failure.user_failure_data]
    reasons = [reason for reason in described if reason] or [str(failure.error_display_string) for failure in failures]
    return reasons[0] if reasons else "The run ended without a reason; see it in the Dagster UI."
