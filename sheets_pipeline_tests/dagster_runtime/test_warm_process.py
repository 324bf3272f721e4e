"""The warm process: replaced when code changes, refused when unsafe, gone when its launcher is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import dagster as dg
import psutil
import pytest

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
        eventually(lambda: not psutil.pid_exists(old) or psutil.Process(old).status() == psutil.STATUS_ZOMBIE)


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
