"""The trace of a run, and where people find it: its id is a tag of the run, and stands on each line that the run logs."""

import dagster as dg

from sheets_pipeline import logs, tracing
from sheets_pipeline.settings import Settings

#: Run tag: the id of its trace, in hexadecimal digits.
TRACE_TAG = "sheets_pipeline/trace_id"


def begin_trace(settings: Settings, instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """Trace this run from now on, where somebody takes traces; the process that executes it ends the trace."""
    if settings.otel_exporter_otlp_endpoint is None:
        return
    trace = tracing.begin(
        run.job_name, settings.otel_exporter_otlp_endpoint, settings.otel_headers, job=run.job_name, run_id=run.run_id
    )
    if trace is not None and trace.id is not None:
        instance.add_run_tags(run.run_id, {TRACE_TAG: trace.id})
        logs.bind(trace_id=trace.id)
