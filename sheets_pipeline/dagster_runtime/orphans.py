"""Runs that were launched and whose worker ended before it could say that it began, with all of this host or the warm process.

Nobody but the daemon can tell, or the one that comes next: Dagster waits for such a run until its start timeout, and events
with it.
"""

import socket
from typing import Any

import dagster as dg
import psutil
from dagster._core.events import DagsterEventType

from sheets_pipeline.dagster_runtime.worker import report_death_to

_STARTING = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED)


def launch_notes(pid: int) -> dict[str, str]:
    """What the launcher notes of a worker beside the run: enough to see from its host that it is gone."""
    return {"pid": str(pid), "host": socket.gethostname()}


def end_orphans(instance: dg.DagsterInstance) -> list[str]:
    """Report the death of workers of this host that are gone; returns the ids of their runs.

    A number that another process has by now looks alive: Dagster's start timeout ends such a run.
    """
    ended = []
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_STARTING))):
        notes = notes_of_launch(instance, run.run_id, "pid", "host")
        if notes.get("host") != socket.gethostname() or psutil.pid_exists(int(notes["pid"])):
            continue
        report_death_to(instance, run.run_id, f"process {notes['pid']} is gone")
        ended.append(run.run_id)
    return ended


def notes_of_launch(instance: dg.DagsterInstance, run_id: str, *names: str) -> dict[str, str]:
    """What the launcher noted last, by these names; nothing of a run without the first of them, of another launcher."""
    for record in reversed(instance.all_logs(run_id, of_type=DagsterEventType.ENGINE_EVENT)):
        event = record.dagster_event
        metadata: dict[str, Any] = dict(event.engine_event_data.metadata) if event is not None else {}
        if names[0] in metadata:
            return {name: str(metadata[name].value) for name in names if name in metadata}
    return {}
