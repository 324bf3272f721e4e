"""The processes of a Celery worker, each of which takes one run and ends.

Celery takes a process for free between the end of its run and its own end. A run that comes then is written into the pipe of
a process that reads no more. Its successor gets that pipe: the run waits until the successor is ready, while another process
beside it is free. And a process that has closed its files but is not gone yet gets its successor at one of the later looks, up
to five seconds later.
"""

import time
from typing import Any

from celery.concurrency.asynpool import AsynPool
from celery.concurrency.prefork import TaskPool

#: A process that has closed its files is gone within so many seconds, and is looked for so often.
_GONE_SECONDS, _LOOK_SECONDS = 1.0, 0.005


class _Processes(AsynPool):  # type: ignore[misc]
    """Of these, one that has had a run is never free again, and is replaced as soon as it is gone."""

    def on_job_ready(self, job: Any, i: Any, obj: Any, inqW_fd: int) -> None:  # noqa: N803 - Celery's name
        """Called by Celery at the end of a run, for the process to be given another."""

    def on_process_alive(self, pid: int) -> None:
        """Called by Celery when a process is ready: it is free, whoever had its pipe before."""
        self._busy_workers.intersection_update(self._all_inqueues)
        super().on_process_alive(pid)

    def _event_process_exit(self, hub: Any, proc: Any) -> None:
        """Called by Celery when a process has closed its files."""
        end = time.monotonic() + _GONE_SECONDS
        while proc.exitcode is None and time.monotonic() < end:
            time.sleep(_LOOK_SECONDS)
        super()._event_process_exit(hub, proc)


class OneRunEach(TaskPool):  # type: ignore[misc]
    """Celery's pool of forked processes; for ``worker_max_tasks_per_child=1`` alone."""

    Pool = _Processes
