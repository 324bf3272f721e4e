"""The run coordinator named in ``dagster.yaml``: Dagster's queue, which runs that must not wait pass by."""

import dagster as dg
from dagster._core.run_coordinator.base import SubmitRunContext
from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator

from sheets_pipeline.dagster_runtime.at_once import AT_ONCE_TAG
from sheets_pipeline.dagster_runtime.process_kind import is_daemon


class EventsFirstRunCoordinator(QueuedRunCoordinator):
    """Launches runs tagged ``AT_ONCE_TAG`` in the daemon itself; queues all others, with their limits."""

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Called by Dagster once; in the daemon it makes the launcher warm up before the first run needs it."""
        super().register_instance(instance)
        if is_daemon():
            _ = instance.run_launcher

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Called by Dagster for each new run."""
        run = context.dagster_run
        at_once = run.tags.get(AT_ONCE_TAG) == "true" and run.status == dg.DagsterRunStatus.NOT_STARTED
        if not (at_once and is_daemon()):
            return super().submit_run(context)
        self._instance.launch_run(run.run_id, context.workspace)
        return self._instance.get_run_by_id(run.run_id) or run
