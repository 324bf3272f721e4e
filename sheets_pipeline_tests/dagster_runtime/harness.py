"""A Dagster instance with our launcher in a temporary folder, and runs of sample jobs in it."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.storage.compute_log_manager import ComputeIOType

from sheets_pipeline.dagster_runtime.run_launcher import WarmRunLauncher
from sheets_pipeline.processes.identity import WORKER_TAG, WorkerIdentity

SAMPLE_JOBS = Path(__file__).with_name("sample_jobs.py").read_text()

CONFIG = """
telemetry: {{enabled: false}}
run_launcher:
  module: sheets_pipeline.dagster_runtime.run_launcher
  class: WarmRunLauncher
  config: {{modules: [{module}], termination_grace_seconds: 2}}
run_coordinator:
  module: sheets_pipeline.dagster_runtime.coordinator
  class: EventsFirstRunCoordinator
run_monitoring: {{enabled: true}}
"""


class Harness:
    """Launches jobs of a module of its own, so that no edit elsewhere makes its warm process retire."""

    def __init__(self, folder: Path, code: str) -> None:
        self.folder = folder
        self.module = f"jobs_{uuid4().hex}"
        self.write_code(code)
        (folder / "dagster.yaml").write_text(CONFIG.format(module=self.module))
        self.instance = dg.DagsterInstance.from_config(str(folder))

    def write_code(self, code: str) -> None:
        """Change the source of the jobs."""
        (self.folder / f"{self.module}.py").write_text(code)

    @property
    def launcher(self) -> WarmRunLauncher:
        """The launcher of our instance."""
        launcher = self.instance.run_launcher
        assert isinstance(launcher, WarmRunLauncher)
        return launcher

    def warm_up(self) -> int:
        """Wait for a warm process; gives its id."""
        self.launcher.warm.prepare()
        return eventually(lambda: self.launcher.warm.pid, seconds=60)

    def create(self, job: str, **options: Any) -> str:
        """A run that has not been launched; gives its id."""
        repository = ReconstructableRepository.for_module(self.module, "defs", str(self.folder))
        origin = repository.get_reconstructable_job(job).get_python_origin()
        job_def = repository.get_definition().get_job(job)
        return self.instance.create_run_for_job(job_def, job_code_origin=origin, **options).run_id

    def launch(self, job: str, **options: Any) -> str:
        """Start a run; gives its id."""
        run_id = self.create(job, **options)
        self.instance.launch_run(run_id, workspace=None)  # type: ignore[arg-type] # ours needs no workspace
        return run_id

    def launch_waiting(self, *, stubborn: bool = False) -> tuple[str, WorkerIdentity]:
        """Start a run that waits, once it does; gives its id and its worker."""
        started = self.folder / f"started-{time.monotonic_ns()}"
        config = {"ops": {"wait_long": {"config": {"started": str(started), "stubborn": stubborn}}}}
        run_id = self.launch("waiting", run_config=config)
        eventually(started.exists)
        return run_id, self.worker(run_id)

    def worker(self, run_id: str) -> WorkerIdentity:
        """Who executes a run."""
        worker = WorkerIdentity.from_tag(self.run(run_id).tags.get(WORKER_TAG))
        assert worker is not None
        return worker

    def run(self, run_id: str) -> dg.DagsterRun:
        """The run as stored."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def end_of(self, run_id: str) -> dg.DagsterRunStatus:
        """Wait for the end of a run; gives how it ended."""
        eventually(lambda: self.run(run_id).is_finished, seconds=60)
        return self.run(run_id).status

    def messages(self, run_id: str) -> str:
        """All that Dagster noted about the run."""
        return "\n".join(
            entry.dagster_event.message or "" if entry.dagster_event else entry.user_message
            for entry in self.instance.all_logs(run_id)
        )

    def printed(self, run_id: str) -> tuple[str, str]:
        """Captured standard output and error."""
        manager = self.instance.compute_log_manager
        [captured] = self.instance.all_logs(run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED)
        assert captured.dagster_event is not None
        key = [run_id, "compute_logs", captured.dagster_event.logs_captured_data.file_key]
        streams: list[Any] = []
        for kind in (ComputeIOType.STDOUT, ComputeIOType.STDERR):
            with manager.open_log_stream(key, kind) as stream:
                assert stream is not None
                stream.seek(0)
                streams.append(stream.read())
        return streams[0], streams[1]


@contextmanager
def harness(folder: Path, code: str = SAMPLE_JOBS) -> Iterator[Harness]:
    """A harness that leaves no process behind."""
    with pytest.MonkeyPatch.context() as patch:
        # Run workers find the module in PYTHONPATH, this process in sys.path; in no cache, as tests rewrite it.
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        patch.syspath_prepend(str(folder))
        ours = Harness(folder, code)
        with ours.instance:
            yield ours
        sys.modules.pop(ours.module, None)


def eventually(condition: Callable[[], Any], *, seconds: float = 30) -> Any:
    """Wait until the condition gives something true, and give that."""
    deadline = time.monotonic() + seconds
    while not (outcome := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition}"
        time.sleep(0.02)
    return outcome
