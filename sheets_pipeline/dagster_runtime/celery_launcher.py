"""The run launcher for several hosts: runs go to Celery workers (``sheets-pipeline worker``), of which any may take one.

What dagster-celery's launcher leaves open is settled by a lock in the pipeline's database that a worker holds while it
executes a run. The server takes it back from a worker whose host died, was cut off or stands still, so whoever can take it
knows that nobody executes the run: no clock of any host counts. It also makes a run that was sent twice run once, so a run
that a broker lost is simply sent again.
"""

import logging
import threading
import time
from dataclasses import dataclass
from functools import cached_property

import dagster as dg
import sqlalchemy as sa
from celery import Celery
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, serialize_value
from dagster_celery.launcher import CeleryRunLauncher
from kombu.entity import Queue
from kombu.exceptions import OperationalError

from sheets_pipeline.dagster_runtime.at_once import HOSTS_TAG
from sheets_pipeline.dagster_runtime.celery_app import EXECUTE_RUN, broker_url, celery_app, queue_of
from sheets_pipeline.dagster_runtime.fingerprint import code_version
from sheets_pipeline.dagster_runtime.orphans import notes_of_launch
from sheets_pipeline.dagster_runtime.process_kind import is_daemon
from sheets_pipeline.dagster_runtime.run_lock import run_lock, run_locks
from sheets_pipeline.errors import ProcessDied, TabBusy
from sheets_pipeline.processes.identity import WORKER_TAG, WorkerIdentity
from sheets_pipeline.settings import load_settings

logger = logging.getLogger(__name__)

#: Under this name a launched run notes for which version of the code it is.
_CODE = "code"

#: A run that no worker has begun is looked at so often, and sent again after so long, in seconds.
_LOOK_SECONDS, _AGAIN_SECONDS = 5.0, 20.0


@dataclass(slots=True)
class _Sent:
    """A run on its way to a worker; ``sent_at`` is None while the broker has not taken it, and ``is_told`` that in the run's log."""

    queue: Queue
    args: str
    sent_at: float | None = None
    is_told: bool = False


class CeleryHostsRunLauncher(CeleryRunLauncher):
    """Starts runs on any host with a worker of the same code; takes the configuration of dagster-celery's launcher.

    Where that names no ``broker``, it is that of CELERY_BROKER_URL.
    """

    def __init__(
        self,
        default_queue: str,
        broker: str | None = None,
        backend: str | None = None,
        include: list[str] | None = None,
        config_source: dict[str, object] | None = None,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        broker = broker or broker_url(load_settings())
        super().__init__(default_queue, broker, backend, include, config_source, inst_data)
        self._app: Celery = celery_app(broker)
        self._app.conf.update(config_source or {})
        self._on_the_way: dict[str, _Sent] = {}
        self._looking = threading.Lock()
        self._wake = threading.Event()
        self._looks: threading.Thread | None = None

    @cached_property
    def _locks(self) -> sa.Engine:
        return run_locks()

    # launching

    def launch_run(self, context: LaunchRunContext) -> None:
        """Send the run to the workers; returns at once, also while the broker is away."""
        run = context.dagster_run
        version = code_version()
        sent = _sent(run, version)
        notes = EngineEventData({_CODE: version})
        self._instance.report_engine_event(f"For workers with code {version}.", run, notes, cls=type(self))
        self._look_for({run.run_id: sent})

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Called by Dagster once; the daemon takes up runs that another host's has sent, which may have died with their worker."""
        super().register_instance(instance)
        if is_daemon():
            threading.Thread(target=self._take_up, name="taking-up", daemon=True).start()

    def _take_up(self) -> None:
        """A run that is with a worker by now, or comes to two, is executed once. One of other code waits for Dagster's start timeout."""
        version = code_version()
        taken_up = {}
        for run in self._instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])):
            if run.job_code_origin and notes_of_launch(self._instance, run.run_id, _CODE).get(_CODE) == version:
                taken_up[run.run_id] = _sent(run, version)
        self._look_for(taken_up)

    def _look_for(self, runs: dict[str, _Sent]) -> None:
        with self._looking:
            self._on_the_way |= runs
            if self._looks is None:
                self._looks = threading.Thread(target=self._look_after, name="runs-on-the-way", daemon=True)
                self._looks.start()
        self._wake.set()

    def _send(self, run: dg.DagsterRun, sent: _Sent) -> None:
        try:
            self._app.send_task(EXECUTE_RUN, args=[sent.args], queue=sent.queue, task_id=run.run_id, retry=False)
        except (OperationalError, OSError) as error:
            if not sent.is_told:
                sent.is_told = True
                text = (
                    f"The broker does not take the run ({type(error).__name__}); it is tried every {_LOOK_SECONDS:g} s."
                )
                self._instance.report_engine_event(text, run, cls=type(self))
        else:
            sent.sent_at = time.monotonic()

    def _look_after(self) -> None:
        while True:
            self._wake.wait(_LOOK_SECONDS)
            self._wake.clear()
            with self._looking:
                waiting = dict(self._on_the_way)
            for run_id, sent in waiting.items():
                try:
                    self._look_at(run_id, sent)
                except Exception as error:  # Dagster's storage may be away for a while
                    logger.info("Run %s was not looked at (%s).", run_id, type(error).__name__)

    def _look_at(self, run_id: str, sent: _Sent) -> None:
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.status not in (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED):
            with self._looking:
                self._on_the_way.pop(run_id, None)
        elif sent.sent_at is None or time.monotonic() - sent.sent_at > _AGAIN_SECONDS:
            self._send(run, sent)

    # terminating

    def terminate(self, run_id: str) -> bool:
        """Have the run's worker end it, which looks for that every other second; False where there is nothing to end."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        if WORKER_TAG not in run.tags:
            self._end_unstarted(run)
        return True

    def _end_unstarted(self, run: dg.DagsterRun) -> None:
        try:
            with run_lock(self._locks, run.run_id):
                self._instance.report_run_canceled(run, "No worker had begun it.")
        except TabBusy:  # one has, this very moment
            return

    # run monitoring

    @property
    def supports_resume_run(self) -> bool:
        """False: a run whose worker died fails, and is retried as a whole."""
        return False

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether some worker executes the run, as the database sees it."""
        try:
            with run_lock(self._locks, run.run_id):
                latest = self._instance.get_run_by_id(run.run_id)
        except TabBusy:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if latest is None or latest.is_finished:
            return CheckRunHealthResult(WorkerStatus.SUCCESS)
        self._instance.add_run_tags(run.run_id, ProcessDied.tags)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"{_described(run)} is gone.")

    def get_run_worker_debug_info(self, run: dg.DagsterRun, include_container_logs: bool | None = True) -> str | None:
        """Where the run is or was executed."""
        if WORKER_TAG not in run.tags:
            bound = f" with HOST_LABELS={hosts}" if (hosts := run.tags.get(HOSTS_TAG)) else ""
            return f"No worker has taken it. Is one with this code running{bound} (sheets-pipeline worker), and is the broker?"
        return f"{_described(run)} executes it."

    def dispose(self) -> None:
        """Called by Dagster; runs go on."""
        self._app.close()


def _sent(run: dg.DagsterRun, version: str) -> _Sent:
    if run.job_code_origin is None:
        raise ValueError(f"run {run.run_id} does not say where its code is; launch it from a code location")
    return _Sent(queue_of(run, version), serialize_value(ExecuteRunArgs(run.job_code_origin, run.run_id, None)))


def _described(run: dg.DagsterRun) -> str:
    worker = WorkerIdentity.from_tag(run.tags.get(WORKER_TAG))
    return f"Process {worker.pid} on {worker.host}" if worker else "Its worker"
