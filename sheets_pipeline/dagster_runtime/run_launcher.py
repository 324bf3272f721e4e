"""The run launcher named in ``dagster.yaml``: a run worker is a fork of a warm process, or a new interpreter.

Each run has a process and a session of its own, noted in a tag of the run, so webserver and daemon, restarted or not,
can see whether it lives and end it.
"""

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Self

import dagster as dg
from dagster._config.config_schema import UserConfigSchema
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, serialize_value

from sheets_pipeline.dagster_runtime.at_once import AT_ONCE_TAG
from sheets_pipeline.dagster_runtime.connections import keep_connections
from sheets_pipeline.dagster_runtime.orphans import end_orphans, launch_notes
from sheets_pipeline.dagster_runtime.process_kind import is_daemon
from sheets_pipeline.dagster_runtime.warm_client import WarmClient
from sheets_pipeline.dagster_runtime.worker import describe_exit, load_data_of, report_death_to
from sheets_pipeline.errors import ProcessDied, SettingsError
from sheets_pipeline.processes.identity import WORKER_TAG, WorkerIdentity, kill_group
from sheets_pipeline.processes.priority import DEFAULT_NICE, MOST_NICE

DEFAULT_MODULES = ["pandas", "gspread", "psycopg", "psycopg2.extras", "sheets_pipeline.definitions"]

logger = logging.getLogger(__name__)

#: After the end of a warm process its workers are looked at so often; they begin their runs within a second or two.
_ORPHAN_LOOKS_SECONDS = (0.0, 1.0, 5.0)
#: A worker notes its identity about this soon after it was launched.
_IDENTITY_SECONDS = 15


class WarmRunLauncher(DefaultRunLauncher):
    """Starts run workers warm where it can, else cold."""

    def __init__(
        self,
        inst_data: ConfigurableClassData | None = None,
        modules: list[str] | None = None,
        termination_grace_seconds: int = 30,
        nice: int = DEFAULT_NICE,
    ) -> None:
        super().__init__(inst_data)
        if not 0 <= nice <= MOST_NICE:
            raise SettingsError(f"dagster.yaml: run_launcher.config.nice is {nice}; expected 0 to {MOST_NICE}.")
        self.termination_grace_seconds = termination_grace_seconds
        self.modules, self.nice = modules or DEFAULT_MODULES, nice

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """What ``dagster.yaml`` may set."""
        return {
            "modules": dg.Field(
                [str], is_required=False, description="Modules that the warm process imports beside Dagster."
            ),
            "termination_grace_seconds": dg.Field(
                int,
                default_value=30,
                is_required=False,
                description="A worker that has not ended so long after it was asked to is killed.",
            ),
            "nice": dg.Field(
                int,
                default_value=DEFAULT_NICE,
                is_required=False,
                description="Workers yield the processor to others by so many steps of nice, 0 to 19.",
            ),
        }

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Called by Dagster."""
        return cls(inst_data, **config_value)

    def register_instance(self, instance: dg.DagsterInstance) -> None:
        """Called by Dagster once; the daemon, which launches most runs, warms up now."""
        super().register_instance(instance)
        self.warm = WarmClient(self.modules, _modules_of(instance), self.nice, on_end=self._look_for_orphans)
        if is_daemon():
            keep_connections(instance)
            self.warm.prepare()
            threading.Thread(target=end_orphans, args=[instance], name="orphans", daemon=True).start()

    # launching

    def launch_run(self, context: LaunchRunContext) -> None:
        """Start a worker for the run; returns once its process exists."""
        run = context.dagster_run
        origin = run.job_code_origin
        if origin is None or origin.repository_origin.executable_path != sys.executable:
            super().launch_run(context)
            return
        instance = self._instance
        args = serialize_value(ExecuteRunArgs(origin, run.run_id, instance.get_ref()))
        location = run.remote_job_origin.location_name if run.remote_job_origin else ""
        at_once = run.tags.get(AT_ONCE_TAG) == "true"
        warm = self.warm.fork(args, location, _server_id(context, location), at_once=at_once)
        pid = warm or self._start_cold(run.run_id, args)
        how = f"forked from warm process {self.warm.pid}" if warm else "cold start, no warm process is ready"
        self._run_ids.add(run.run_id)
        instance.report_engine_event(
            f"Launched run worker (pid: {pid}): {how}.", run, EngineEventData(launch_notes(pid)), cls=type(self)
        )
        if at_once:
            self.warm.expect(args, load_data_of(run, self._instance))

    def _look_for_orphans(self) -> None:
        """Nobody looks after workers of a warm process that is gone; one that had not begun may be killed right after it."""
        for seconds in _ORPHAN_LOOKS_SECONDS:
            time.sleep(seconds)
            try:
                if self.has_instance:
                    end_orphans(self._instance)
            except Exception as error:  # Dagster's storage is away, and its start timeout remains
                logger.info("Workers of a warm process that is gone were not looked at (%s).", type(error).__name__)

    def _start_cold(self, run_id: str, serialized_args: str) -> int:
        process = subprocess.Popen(
            [sys.executable, "-m", "sheets_pipeline.dagster_runtime.worker", str(self.nice)],
            stdin=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        threading.Thread(
            target=self._watch_cold, args=[process, run_id, serialized_args], name="run-worker", daemon=True
        ).start()
        return process.pid

    def _watch_cold(self, process: subprocess.Popen[str], run_id: str, serialized_args: str) -> None:
        process.communicate(serialized_args)
        if process.returncode != 0 and self.has_instance:
            kill_group(process.pid)
            how = f"process {process.pid}, {describe_exit(process.returncode)}"
            report_death_to(self._instance, run_id, how)

    # terminating

    def terminate(self, run_id: str) -> bool:
        """Ask the run's worker to end, and kill it after the grace time; False when there is nothing to end."""
        if not self.has_instance:
            return False
        worker = self._wait_for_worker(run_id)
        if worker is None:
            return bool(super().terminate(run_id))  # type: ignore[no-untyped-call]
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        if not worker.is_on_this_host:
            message = f"The run worker is process {worker.pid} on {worker.host}: terminate the run from there."
            self._instance.report_engine_event(message, run, cls=type(self))
            return False
        if not worker.interrupt():
            report_death_to(self._instance, run_id, f"process {worker.pid} is gone")
            return False
        threading.Thread(target=self._kill_after_grace, args=[worker, run_id], name="terminate", daemon=True).start()
        return True

    def _kill_after_grace(self, worker: WorkerIdentity, run_id: str) -> None:
        deadline = time.monotonic() + self.termination_grace_seconds
        while worker.is_alive() and time.monotonic() < deadline:
            time.sleep(0.1)
        if worker.kill() and self.has_instance:
            how = f"process {worker.pid} did not end within {self.termination_grace_seconds} s and was killed"
            report_death_to(self._instance, run_id, how)

    def _wait_for_worker(self, run_id: str) -> WorkerIdentity | None:
        deadline = time.monotonic() + _IDENTITY_SECONDS
        while run := self._instance.get_run_by_id(run_id):
            worker = WorkerIdentity.from_tag(run.tags.get(WORKER_TAG))
            is_starting = run.status in (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.NOT_STARTED)
            if worker or not is_starting or time.monotonic() > deadline:
                return worker
            time.sleep(0.1)
        return None

    # run monitoring

    @property
    def supports_check_run_worker_health(self) -> bool:
        """True: run monitoring may ask ``check_run_worker_health``."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Whether the run's worker lives. One that we cannot see from here counts as alive."""
        worker = WorkerIdentity.from_tag(run.tags.get(WORKER_TAG))
        if worker is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "The code server looks after this run.")
        if not worker.is_on_this_host:
            return CheckRunHealthResult(WorkerStatus.RUNNING, f"Runs on {worker.host}, cannot be checked from here.")
        if worker.is_alive():
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(worker.pid))
        latest = self._instance.get_run_by_id(run.run_id)
        if latest is None or latest.is_finished:
            return CheckRunHealthResult(WorkerStatus.SUCCESS)
        self._instance.add_run_tags(run.run_id, ProcessDied.tags)
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, f"Process {worker.pid} is gone.", run_worker_id=str(worker.pid)
        )

    def dispose(self) -> None:
        """End the warm process; runs go on."""
        self.warm.close()


def _modules_of(instance: dg.DagsterInstance) -> list[str]:
    """Where the classes are that ``dagster.yaml`` names: a run worker imports them to reach Dagster's storage."""
    parts = instance.get_ref() if instance.is_persistent else ()
    return sorted({part.module_name for part in parts if isinstance(part, ConfigurableClassData)})


def _server_id(context: LaunchRunContext, location: str) -> str | None:
    """The code server's id, new after each reload; None where it tells nothing, which is no reason not to run.

    A code server that the daemon keeps for itself is replaced by it every minute, whether or not anything has changed.
    """
    if context.workspace is None or not context.workspace.has_code_location(location):
        return None
    code_location = context.workspace.get_code_location(location)
    if isinstance(code_location.origin, ManagedGrpcPythonEnvCodeLocationOrigin):
        return None
    server_id: str | None = getattr(code_location, "server_id", None)
    return server_id
