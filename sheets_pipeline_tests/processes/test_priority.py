"""The slices of processor time that a run asks for, and who inherits the wish."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sheets_pipeline.processes.priority import LONGEST_SLICE_SECONDS, ask_for_slices
from sheets_pipeline.processes.servers import send_signal, start_server
from sheets_pipeline_tests.dagster_runtime.slices import slice_seconds


@pytest.fixture
def usual() -> Iterator[float]:
    """The usual slice of this thread, which has it again after the test."""
    if (usual := slice_seconds()) is None:
        pytest.skip("needs Linux 6.12 or later with /proc/PID/sched")
    yield usual
    ask_for_slices(0, 0)


def test_a_thread_gets_the_slices_it_asks_for(usual: float):
    assert ask_for_slices(0, LONGEST_SLICE_SECONDS)
    assert slice_seconds() == LONGEST_SLICE_SECONDS != usual
    assert ask_for_slices(0, 0)
    assert slice_seconds() == usual


def test_a_wish_leaves_the_priority_as_it_was(usual: float):
    child = "import os; from sheets_pipeline.processes.priority import *; before = os.nice(3); "
    child += "assert ask_for_slices(0, 0.1) and os.nice(0) == before"
    subprocess.run([sys.executable, "-c", child], check=True)


def test_a_wish_of_a_thread_holds_for_those_that_it_starts(usual: float):
    assert ask_for_slices(0, LONGEST_SLICE_SECONDS)
    told: list[float | None] = []
    thread = threading.Thread(
        target=lambda: told.append(slice_seconds(f"{os.getpid()}/task/{threading.get_native_id()}"))
    )
    thread.start()
    thread.join()
    assert told == [LONGEST_SLICE_SECONDS]


def test_a_server_that_a_run_starts_has_the_usual_slices(usual: float, tmp_path: Path):
    assert ask_for_slices(0, LONGEST_SLICE_SECONDS)
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    server = start_server(command, life_lock=tmp_path / "life", log=tmp_path / "log")
    try:
        assert slice_seconds(server.pid) == usual
    finally:
        send_signal(server.pid, signal.SIGKILL)
        server.wait()


def test_no_slices_are_asked_for_where_somebody_chose_another_policy(usual: float):
    child = "import os; from sheets_pipeline.processes.priority import *; os.sched_setscheduler(0, os.SCHED_BATCH, "
    child += "os.sched_param(0)); assert not ask_for_slices(0, 0.1) and os.sched_getscheduler(0) == os.SCHED_BATCH"
    subprocess.run([sys.executable, "-c", child], check=True)


def test_a_thread_that_has_ended_gets_none():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert not ask_for_slices(process.pid, 0)


def test_a_sandbox_that_forbids_to_ask_stops_no_run(monkeypatch: pytest.MonkeyPatch):
    def refuse(_: int) -> int:
        raise PermissionError

    monkeypatch.setattr(os, "sched_getscheduler", refuse, raising=False)
    assert not ask_for_slices(0, LONGEST_SLICE_SECONDS)
