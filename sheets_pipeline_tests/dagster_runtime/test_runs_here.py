"""Who ends the daemon for good waits for the runs that it has started on this host."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from sheets_pipeline.cli.daemon import daemon
from sheets_pipeline.dagster_runtime import runs_here, standby
from sheets_pipeline.processes.identity import WORKER_TAG, WorkerIdentity, start_of


@dg.job
def nothing() -> None:
    """A job."""


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setattr(runs_here, "_LOOK_SECONDS", 0.02)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    with dg.DagsterInstance.from_config(str(tmp_path)) as made:
        yield made
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def worker() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(120)"])
    yield process
    process.kill()
    process.wait()


def run_by(instance: dg.DagsterInstance, process: subprocess.Popen[bytes], host: str | None = None) -> None:
    identity = WorkerIdentity(process.pid, start_of(process.pid) or "", host or WorkerIdentity.of_this_process().host)
    tags = {WORKER_TAG: identity.as_tag()}
    instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED, tags=tags)


def test_a_run_that_is_executed_here_is_waited_for(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes]
) -> None:
    said: list[str] = []
    run_by(instance, worker)

    def end(line: str) -> None:
        said.append(line)
        worker.kill()
        worker.wait()

    runs_here.wait_for_runs(end)
    assert said == ["Waiting for 1 run to end; once more Ctrl-C or SIGTERM, and they are left alone."]


def test_what_takes_long_is_left_alone(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_here, "_LONGEST_SECONDS", 0.2)
    run_by(instance, worker)
    runs_here.wait_for_runs(lambda _: None)
    assert worker.poll() is None


def test_a_signal_leaves_them_alone(instance: dg.DagsterInstance, worker: subprocess.Popen[bytes]) -> None:
    run_by(instance, worker)
    runs_here.wait_for_runs(lambda _: signal.raise_signal(signal.SIGTERM))
    assert worker.poll() is None


def test_runs_of_other_hosts_dead_ones_and_those_that_nobody_takes_up_are_not_waited_for(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    run_by(instance, worker, "elsewhere")
    instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.SUCCESS)
    instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTED)  # of another launcher
    runs_here.wait_for_runs(said.append)
    assert said == []
    monkeypatch.setattr(runs_here, "_TAKEN_UP_SECONDS", 0.3)
    instance.create_run_for_job(nothing, status=dg.DagsterRunStatus.STARTING)
    runs_here.wait_for_runs(said.append)
    assert len(said) == 1


def test_runs_of_workers_are_for_these_to_wait_for(
    instance: dg.DagsterInstance, worker: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    launcher = "{module: sheets_pipeline.dagster_runtime.celery_launcher, class: CeleryHostsRunLauncher}"
    (tmp_path / "dagster.yaml").write_text(f"telemetry: {{enabled: false}}\nrun_launcher: {launcher}\n")
    run_by(instance, worker)
    said: list[str] = []
    runs_here.wait_for_runs(said.append)
    assert said == []


def test_a_storage_that_was_stopped_before_ends_the_daemon_all_the_same(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*, say: object) -> None:
        raise ConnectionError("secret")

    monkeypatch.setattr(standby, "run_daemon", lambda *_, **__: 0)
    monkeypatch.setattr(runs_here, "wait_for_runs", away)
    (tmp_path / "workspace.yaml").write_text("load_from: []\n")
    ended = CliRunner().invoke(daemon, ["-w", str(tmp_path / "workspace.yaml")])
    assert (ended.exit_code, ended.exception) == (0, None)
    assert ended.output == "Runs that are under way are left alone: Dagster's storage is away (ConnectionError).\n"
