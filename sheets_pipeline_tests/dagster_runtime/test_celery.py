"""Runs on workers that a broker hands them to: real workers and a real Redis, which are killed, stopped and started again."""

import importlib
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from unittest.mock import MagicMock
from uuid import uuid4

import dagster as dg
import psutil
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.launcher.base import WorkerStatus

from sheets_pipeline.dagster_runtime import celery_launcher
from sheets_pipeline.dagster_runtime.at_once import AT_ONCE_TAG, HOSTS_TAG
from sheets_pipeline.dagster_runtime.celery_launcher import CeleryHostsRunLauncher
from sheets_pipeline.dagster_runtime.celery_pool import _Processes
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.host_processes import host_processes, sync_host_process
from sheets_pipeline.errors import ERROR_TAG
from sheets_pipeline.monitoring.doctor_dagster import workers
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.processes.identity import WORKER_TAG, WorkerIdentity
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sync.hosts import WORKER, WORKS
from sheets_pipeline_tests.dagster_runtime.harness import SAMPLE_JOBS, eventually

pytestmark = [
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="no redis-server here"),
    pytest.mark.xdist_group("celery"),
]

CONFIG = """
telemetry: {{enabled: false}}
run_launcher:
  module: sheets_pipeline.dagster_runtime.celery_launcher
  class: CeleryHostsRunLauncher
  config: {{broker: "{broker}"}}
"""

_NOTED = """
import os, pathlib, time
end = time.monotonic() + 20
while pathlib.Path({slow!r}).exists() and time.monotonic() < end:
    time.sleep(0.02)
with open({built!r}, "a") as built:
    print(os.getpid(), file=built)
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class Hosts:
    """Redis, Dagster's instance in a folder, and workers."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.folder, self.port, self.module = folder, free_port(), f"jobs_{uuid4().hex}"
        #: One line per process that has built the jobs, and a file that keeps others from it while it is there.
        self.built, self.slow = folder / "built", folder / "slow"
        (folder / f"{self.module}.py").write_text(
            SAMPLE_JOBS + _NOTED.format(slow=str(self.slow), built=str(self.built))
        )
        broker = f"redis://127.0.0.1:{self.port}/0"
        (folder / "dagster.yaml").write_text(CONFIG.format(broker=broker))
        self.environment = os.environ | {
            "CELERY_BROKER_URL": broker,
            "DAGSTER_HOME": str(folder),
            "DATABASE_URL": database_url,
            "DAGSTER_POSTGRES_URL": database_url,
            "SPREADSHEET_ID": "none",
            "HOST_LABELS": "school_a",
            "PYTHONPATH": str(folder),
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.redis = self.start_redis()

    def start_redis(self) -> subprocess.Popen[bytes]:
        command = [
            "redis-server",
            "--port",
            str(self.port),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--dir",
            str(self.folder),
        ]
        return self._start(command)

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).with_name("sheets-pipeline")), "worker", "--concurrency", "2"]
        command += ["--alive-file", str(self.folder / "alive")]
        with (self.folder / f"worker-{len(self.processes)}.log").open("w") as log:
            return self._start(command, log)

    def _start(self, command: list[str], log: Any = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            command, env=self.environment, cwd=self.folder, stdout=log, stderr=log, start_new_session=True
        )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        for process in self.processes:
            for one in (signal.SIGCONT, signal.SIGKILL):
                try:
                    os.killpg(process.pid, one)
                except ProcessLookupError:
                    break
            process.wait()

    def ready(self) -> set[int]:
        """Processes that have built the jobs, and have not ended."""
        return {int(pid) for pid in self.built.read_text().split() if psutil.pid_exists(int(pid))}

    def launch(self, instance: dg.DagsterInstance, job: str, **options: Any) -> str:
        repository = ReconstructableRepository.for_module(self.module, "defs", str(self.folder))
        origin = repository.get_reconstructable_job(job).get_python_origin()
        run = instance.create_run_for_job(repository.get_definition().get_job(job), job_code_origin=origin, **options)
        instance.launch_run(run.run_id, cast(Any, None))
        return run.run_id


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, postgres_server) -> Iterator[Hosts]:
    from sheets_pipeline.testing import new_database

    with new_database(postgres_server) as url:
        engine = connect(url)
        sync_host_process.create(engine)
        engine.dispose()
        made = Hosts(tmp_path_factory.mktemp("hosts"), url)
        patch = pytest.MonkeyPatch()
        for name, value in made.environment.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(made.folder))
        try:
            made.start_worker()
            yield made
        finally:
            made.stop()
            patch.undo()


@pytest.fixture
def instance(hosts: Hosts) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.from_config(str(hosts.folder)) as opened:
        yield opened


def run_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    return run_of(instance, run_id).status


def test_a_run_is_executed_once_by_a_worker_however_often_it_is_sent(
    hosts: Hosts, instance: dg.DagsterInstance
) -> None:
    run_id = hosts.launch(instance, "speaking", tags={AT_ONCE_TAG: "true"})
    launcher = instance.run_launcher
    assert isinstance(launcher, CeleryHostsRunLauncher)
    sent = launcher._on_the_way[run_id]
    for _ in range(5):
        launcher._send(run_of(instance, run_id), sent)
    assert str(hosts.folder / "dagster.yaml") not in sent.args  # nor passwords of the storage that it describes
    eventually(lambda: status(instance, run_id) == dg.DagsterRunStatus.SUCCESS, seconds=60)
    time.sleep(0.5)
    eventually(lambda: time.time() - (hosts.folder / "alive").stat().st_mtime < 10)
    starts = instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_START)
    assert len(starts) == 1
    worker = WorkerIdentity.from_tag(run_of(instance, run_id).tags[WORKER_TAG])
    assert worker is not None
    known = {os.getpid(), worker.pid}  # who comes after it has the jobs built before there is another run
    eventually(lambda: {int(pid) for pid in hosts.built.read_text().split()} - known)
    eventually(lambda: launcher.check_run_worker_health(run_of(instance, run_id)).status == WorkerStatus.SUCCESS)


def test_no_run_waits_for_a_process_that_gets_ready_while_another_one_is(
    hosts: Hosts, instance: dg.DagsterInstance
) -> None:
    used = {os.getpid()}

    def run() -> int:
        run_id = hosts.launch(instance, "speaking", tags={AT_ONCE_TAG: "true"})
        eventually(lambda: status(instance, run_id) == dg.DagsterRunStatus.SUCCESS, seconds=60)
        worker = WorkerIdentity.from_tag(run_of(instance, run_id).tags[WORKER_TAG])
        assert worker is not None
        used.add(worker.pid)
        return worker.pid

    def both() -> set[int]:
        """The two processes, once they are ready for a second, as nothing is left of other tests."""
        free = hosts.ready() - used
        time.sleep(1)
        return free if len(free) == 2 and hosts.ready() - used == free else set()

    importlib.import_module(hosts.module)
    for _ in range(2):
        free = eventually(both, seconds=60)
        hosts.slow.touch()
        try:
            assert {run(), run()} == free
        finally:
            hosts.slow.unlink()


def test_a_process_that_has_had_its_run_is_replaced_at_once(hosts: Hosts, instance: dg.DagsterInstance) -> None:
    def processes() -> set[int]:
        [worker] = psutil.Process(hosts.processes[-1].pid).children()
        return {one.pid for one in worker.children()}

    took = []
    for _ in range(6):
        run_id = hosts.launch(instance, "speaking", tags={AT_ONCE_TAG: "true"})
        eventually(lambda: status(instance, run_id) == dg.DagsterRunStatus.SUCCESS, seconds=60)  # noqa: B023
        worker = WorkerIdentity.from_tag(run_of(instance, run_id).tags[WORKER_TAG])
        assert worker is not None
        pid = worker.pid
        began = time.monotonic()
        eventually(lambda: pid not in processes() and len(processes()) == 2)  # noqa: B023
        took.append(time.monotonic() - began)
    assert statistics.median(took) < 2  # Celery's own pool: a second of sleep, and up to five until it looks


def test_a_process_that_has_had_a_run_is_given_no_other() -> None:
    """Whatever it is that Celery writes to it before it has ended, or finds where it was."""
    pool = object.__new__(_Processes)
    process = MagicMock(pid=1, inqW_fd=9, synqW_fd=10)
    pool._busy_workers, pool._all_inqueues, pool._pool = {3, 9}, {3}, [process]
    pool._waiting_to_start, pool._fileno_to_inq, pool._fileno_to_synq = {process}, {}, {}
    pool.on_job_ready(None, None, None, 3)
    assert 3 in pool._busy_workers
    pool.on_process_alive(1)
    assert (pool._busy_workers, pool._all_inqueues) == ({3}, {3, 9})


def _waiting(hosts: Hosts, instance: dg.DagsterInstance, *, stubborn: bool = False) -> str:
    mark = hosts.folder / uuid4().hex
    config = {"ops": {"wait_long": {"config": {"started": str(mark), "stubborn": stubborn}}}}
    run_id = hosts.launch(instance, "waiting", run_config=config)
    eventually(mark.exists, seconds=60)
    return run_id


def test_a_process_that_gets_no_answer_from_the_storage_ends(hosts: Hosts) -> None:
    """And is replaced; it would stand there for ever, and its host would seem to take runs."""
    code = (
        "import time\n"
        "from sheets_pipeline.dagster_runtime import celery_worker as worker\n"
        "worker.READY_SECONDS, worker._open = 1, lambda: time.sleep(60)\n"
        "worker._prepare()"
    )
    ended = subprocess.run([sys.executable, "-c", code], env=hosts.environment, check=False, timeout=60)
    assert ended.returncode == -signal.SIGALRM


def test_a_run_is_ended_from_elsewhere(hosts: Hosts, instance: dg.DagsterInstance) -> None:
    run_id = _waiting(hosts, instance)
    assert instance.run_launcher.terminate(run_id)
    eventually(lambda: status(instance, run_id) == dg.DagsterRunStatus.CANCELED)


def test_a_killed_worker_is_noticed_and_another_goes_on(hosts: Hosts, instance: dg.DagsterInstance) -> None:
    run_id = _waiting(hosts, instance)
    run = run_of(instance, run_id)
    assert instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    keeper = psutil.Process(hosts.processes[-1].pid)
    [worker] = keeper.children()
    keeper.suspend()  # so that there is no other worker yet
    try:
        worker.kill()
        gone = WorkerIdentity.from_tag(run.tags[WORKER_TAG])
        assert gone is not None
        eventually(lambda: not gone.is_alive())
        eventually(lambda: instance.run_launcher.check_run_worker_health(run).status == WorkerStatus.NOT_FOUND)
        waits = hosts.launch(instance, "speaking")
        assert instance.run_launcher.terminate(waits)
        assert status(instance, waits) == dg.DagsterRunStatus.CANCELED
    finally:
        keeper.resume()
    engine = connect(os.environ["DATABASE_URL"])
    eventually(
        lambda: [(one.role, one.state, one.is_heard) for one in host_processes(engine)] == [(WORKER, WORKS, True)]
    )
    engine.dispose()
    assert run_of(instance, run_id).tags[ERROR_TAG] == "ProcessDied"
    again = hosts.launch(instance, "speaking")
    eventually(lambda: status(instance, again) == dg.DagsterRunStatus.SUCCESS, seconds=60)
    assert status(instance, waits) == dg.DagsterRunStatus.CANCELED


def test_a_daemon_that_takes_over_sends_what_died_with_its_worker_and_nothing_of_other_code(
    hosts: Hosts, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:  # the host dies with what it has sent
        patch.setattr(CeleryHostsRunLauncher, "_look_for", lambda *_: None)
        lost = hosts.launch(instance, "speaking")
        patch.setattr(celery_launcher, "code_version", lambda: "of_later_on")
        of_other_code = hosts.launch(instance, "speaking")
    monkeypatch.setattr(celery_launcher, "is_daemon", lambda: True)
    with dg.DagsterInstance.from_config(str(hosts.folder)) as of_the_daemon:
        launcher = of_the_daemon.run_launcher
        assert isinstance(launcher, CeleryHostsRunLauncher)
        eventually(lambda: status(instance, lost) == dg.DagsterRunStatus.SUCCESS, seconds=60)
        assert of_other_code not in launcher._on_the_way
        assert launcher.terminate(of_other_code)


def test_a_broker_that_lost_a_run_or_was_away_is_given_it_again(
    hosts: Hosts, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery_launcher, "_LOOK_SECONDS", 0.2)
    monkeypatch.setattr(celery_launcher, "_AGAIN_SECONDS", 0.5)
    hosts.redis.kill()
    hosts.redis.wait()
    run_id = hosts.launch(instance, "speaking")
    eventually(lambda: any("does not take the run" in one.message for one in instance.all_logs(run_id)))
    hosts.redis = hosts.start_redis()
    eventually(lambda: status(instance, run_id) == dg.DagsterRunStatus.SUCCESS, seconds=60)


def test_a_run_bound_to_hosts_goes_to_those_with_the_label(hosts: Hosts, instance: dg.DagsterInstance) -> None:
    elsewhere = hosts.launch(instance, "speaking", tags={HOSTS_TAG: "school_b"})
    run_id = hosts.launch(instance, "speaking", tags={HOSTS_TAG: "school_a"})
    eventually(lambda: status(instance, run_id) == dg.DagsterRunStatus.SUCCESS, seconds=60)
    assert status(instance, elsewhere) == dg.DagsterRunStatus.STARTING
    told = instance.run_launcher.get_run_worker_debug_info(run_of(instance, elsewhere))
    assert "with HOST_LABELS=school_b" in str(told)
    instance.run_launcher.terminate(elsewhere)
    facts = Facts()
    facts.settings = load_settings()
    eventually(lambda: workers(facts).message == "1 take runs")


def test_workers_with_other_code_are_given_no_run(
    hosts: Hosts, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(celery_launcher, "code_version", lambda: "of_later_on")
    run_id = hosts.launch(instance, "speaking")
    time.sleep(1)
    assert status(instance, run_id) == dg.DagsterRunStatus.STARTING
    assert "Is one with this code running" in str(
        instance.run_launcher.get_run_worker_debug_info(run_of(instance, run_id))
    )
    instance.run_launcher.terminate(run_id)
