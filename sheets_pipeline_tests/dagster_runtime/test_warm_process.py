"""The warm process: replaced when code changes, refused when unsafe, gone when its launcher is."""

import os
import signal
import subprocess
import sys
import threading
from multiprocessing import Pipe
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.definitions.repository_definition import RepositoryLoadData
from dagster._core.instance import InstanceRef
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import deserialize_value, serialize_value

from sheets_pipeline.dagster_runtime import worker
from sheets_pipeline.dagster_runtime.at_once import AT_ONCE_TAG
from sheets_pipeline.dagster_runtime.warm_process import WarmProcess
from sheets_pipeline.dagster_runtime.worker import job_of
from sheets_pipeline.processes.identity import start_of
from sheets_pipeline.sheets import tokens
from sheets_pipeline_tests.dagster_runtime.harness import eventually, harness

pytestmark = pytest.mark.xdist_group("warm process")

CHANGING_JOB = """
import dagster as dg

@dg.op
def speak():
    print("version {version}")

@dg.job(executor_def=dg.in_process_executor)
def speaking():
    speak()

defs = dg.Definitions(jobs=[speaking])
"""

WITH_THREAD = """
import threading, time
threading.Thread(target=time.sleep, args=[60], daemon=True, name="unwanted").start()
"""

WITH_CONNECTION = """
import socket
listening = socket.create_server(("127.0.0.1", 0))
"""

AT_ONCE_JOB = """
import os, time
import dagster as dg
from sheets_pipeline.dagster_runtime.at_once import AT_ONCE_TAG, ahead, beside

opened = {}
ahead(lambda: opened.update(ahead=os.getpid()))
beside(lambda: opened.update(beside=os.getpid()))

@dg.op
def speak():
    end = time.monotonic() + 20
    while opened.get("beside") != os.getpid() and time.monotonic() < end:
        time.sleep(0.02)
    where = "this" if built == os.getpid() else "another"
    print("built in", where, "process, opened", *(word for word, pid in sorted(opened.items()) if pid == os.getpid()))

@dg.job(executor_def=dg.in_process_executor, tags={AT_ONCE_TAG: "true"})
def at_once():
    speak()

built = 0

@dg.definitions
def defs():
    global built
    built = os.getpid()
    return dg.Definitions(jobs=[at_once])
"""

LAUNCHER = """
import sys, time
from sheets_pipeline.dagster_runtime.warm_client import WarmClient
warm = WarmClient(["json"])
warm.prepare()
if sys.argv[1] == "ready":
    while warm.pid is None:
        time.sleep(0.02)
print(warm._current.process.pid, flush=True)
time.sleep(60)
"""


def test_changed_code_is_used_at_once_cold_and_then_warm(tmp_path: Path):
    with harness(tmp_path, CHANGING_JOB.format(version=1)) as ours:
        old = ours.warm_up()
        first = ours.launch("speaking")
        ours.end_of(first)
        assert "version 1" in ours.printed(first)[0]
        ours.write_code(CHANGING_JOB.format(version=22))
        cold = ours.launch("speaking")
        assert "cold start" in ours.messages(cold)
        new = ours.warm_up()
        assert new != old
        warm = ours.launch("speaking")
        assert f"forked from warm process {new}" in ours.messages(warm)
        for run_id in (cold, warm):
            assert ours.end_of(run_id) is dg.DagsterRunStatus.SUCCESS
            assert "version 22" in ours.printed(run_id)[0]
        ours.launcher.warm.prepare()  # looks after processes that have retired
        eventually(lambda: start_of(old) is None)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param(WITH_THREAD, "unwanted", id="thread"),
        pytest.param(WITH_CONNECTION, "network connections", id="connection"),
    ],
)
def test_a_module_that_makes_forks_unsafe_is_named_and_runs_start_cold(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, code: str, reason: str
):
    with harness(tmp_path, CHANGING_JOB.format(version=1) + code) as ours:
        ours.launcher.warm.prepare()
        eventually(lambda: "runs start cold" in caplog.text, seconds=60)
        assert reason in caplog.text
        assert ours.launcher.warm.pid is None
        assert ours.launcher.warm.fork("") is None


@pytest.mark.parametrize("when", ["warming", "ready"])
def test_nothing_is_left_when_the_launcher_is_killed(when: str):
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, when], stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    with launcher, launcher.stdout:
        warm = psutil.Process(int(launcher.stdout.readline()))
        os.kill(launcher.pid, signal.SIGKILL)
    warm.wait(timeout=60)


def test_a_token_that_a_worker_got_is_there_for_later_ones(monkeypatch: pytest.MonkeyPatch):
    known: list[str] = []
    monkeypatch.setattr(tokens, "learn", known.append)
    launcher, channel = Pipe()
    warm = WarmProcess(channel)
    warm._tell_token("one")
    warm._tell_token("x" * 5000)  # would not arrive as a whole beside another's
    warm._tell_token("two")
    server = threading.Thread(target=warm.serve)
    server.start()
    eventually(lambda: known == ["one", "two"])
    launcher.close()
    server.join(30)
    assert not server.is_alive()


def test_a_run_that_must_not_wait_finds_its_job_built_and_a_process_that_stood_by_for_it(tmp_path: Path):
    with harness(tmp_path, AT_ONCE_JOB) as ours:
        warm = psutil.Process(ours.warm_up())

        def worker_of_a_run() -> int:
            run_id = ours.launch("at_once", tags={AT_ONCE_TAG: "true"})
            assert ours.end_of(run_id) is dg.DagsterRunStatus.SUCCESS
            assert "opened ahead beside" in ours.printed(run_id)[0]
            eventually(lambda: not psutil.pid_exists(ours.worker(run_id).pid))
            if where:
                assert ours.printed(run_id)[0].startswith("built in another process")
            where.append(ours.worker(run_id).pid)
            return where[-1]

        where: list[int] = []
        worker_of_a_run()
        [standing_by] = eventually(warm.children)
        assert worker_of_a_run() == standing_by.pid
        [another] = eventually(warm.children)
        another.kill()
        eventually(lambda: start_of(another.pid) is None)
        assert worker_of_a_run() not in (standing_by.pid, another.pid)
        [last] = eventually(warm.children)
        ours.launcher.warm.close()
        last.wait(timeout=30)


def test_who_stands_by_serves_a_run_of_another_storage_and_one_that_was_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """What was opened ahead is used only where it is what the run needs."""
    executed: list[str] = []

    def execute(args: str) -> int:
        executed.append(args)
        return 0

    monkeypatch.setattr(worker, "execute", execute)
    monkeypatch.setattr(worker, "begin_ahead", lambda: None)
    monkeypatch.setattr(worker, "begin_beside", lambda: None)

    def args_of(folder: Path) -> str:
        (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        ref = InstanceRef.from_dir(str(folder))
        origin = ReconstructableRepository.for_module("none", "defs").get_reconstructable_job("none")
        return serialize_value(ExecuteRunArgs(origin.get_python_origin(), "a run", ref))

    (tmp_path / "other").mkdir()
    ours, theirs = args_of(tmp_path), args_of(tmp_path / "other")
    assert worker.stand_by(ours, lambda: theirs) == 0
    assert executed == [theirs]
    away = serialize_value(ExecuteRunArgs(deserialize_value(ours, ExecuteRunArgs).job_origin, "a run", None))
    assert worker.stand_by(away, lambda: away) == 0
    assert executed == [theirs, away]


def test_the_job_is_built_with_what_dagster_noted_of_its_repository(tmp_path: Path):
    """A run looks for it by both, and a job that was built without is none to it."""
    with harness(tmp_path, AT_ONCE_JOB) as ours:
        origin = ReconstructableRepository.for_module(ours.module, "defs", str(tmp_path)).get_reconstructable_job(
            "at_once"
        )
        args = serialize_value(ExecuteRunArgs(origin.get_python_origin(), "a run", ours.instance.get_ref()))
        noted = RepositoryLoadData({})
        assert job_of(args, serialize_value(noted)).repository.repository_load_data == noted
        assert job_of(args).repository.repository_load_data is None


def test_the_projects_own_definitions_leave_no_thread_behind_that_would_keep_runs_cold() -> None:
    """With everything installed that tests need, pyarrow among it, which pandas imports."""
    code = (
        "import sys; from sheets_pipeline.dagster_runtime import warm_process as warm\n"
        "warm.warm_up(['sheets_pipeline.definitions'])\n"
        "print('pyarrow' in sys.modules, warm.why_unfit())"
    )
    assert (
        subprocess.check_output([sys.executable, "-W", "ignore", "-c", code], text=True).split("\n")[-2] == "True None"
    )
