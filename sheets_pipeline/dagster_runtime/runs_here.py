"""Runs that this host's daemon has started: they go on without it, so who ends the daemon for good waits for them."""

import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import dagster as dg

from sheets_pipeline.dagster_runtime.connections import opened_instance
from sheets_pipeline.dagster_runtime.instance import hands_out_runs
from sheets_pipeline.processes.identity import WORKER_TAG, WorkerIdentity

#: How often it is looked whether they have ended, and how long, in seconds: an event sync stays for little more than a minute.
_LOOK_SECONDS, _LONGEST_SECONDS = 0.5, 75.0
#: A run that no process has taken up by then never will be, in seconds.
_TAKEN_UP_SECONDS = 30.0

_UNDER_WAY = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def wait_for_runs(say: Callable[[str], None]) -> None:
    """Wait a while until no run is executed on this host any more; SIGTERM or Ctrl-C leaves them alone at once.

    Does nothing where runs are handed to workers, which wait for theirs.

    Args:
        say: Is told what is waited for, in one line.
    """
    if hands_out_runs():
        return
    leaves, began, is_told = threading.Event(), time.monotonic(), False

    def leave(*_: Any) -> None:
        leaves.set()

    for asked in (signal.SIGTERM, signal.SIGINT):
        signal.signal(asked, leave)
    with opened_instance() as instance:
        while (
            not leaves.is_set()
            and (waited := time.monotonic() - began) < _LONGEST_SECONDS
            and (number := _under_way(instance, waited))
        ):
            if not is_told:
                say(
                    f"Waiting for {number} run{'s' * (number > 1)} to end; once more Ctrl-C or SIGTERM, and they are left alone."
                )
            is_told = True
            leaves.wait(_LOOK_SECONDS)


def _under_way(instance: dg.DagsterInstance, waited: float) -> int:
    """Runs that a living process of this host executes or is about to."""
    number = 0
    for run in instance.get_runs(dg.RunsFilter(statuses=_UNDER_WAY)):
        worker = WorkerIdentity.from_tag(run.tags.get(WORKER_TAG))
        if worker is None:
            number += run.status == dg.DagsterRunStatus.STARTING and waited < _TAKEN_UP_SECONDS
        else:
            number += worker.is_on_this_host and worker.is_alive()
    return number
