"""Runs whose worker ended before it began, found by the daemon that starts next."""

import os
import subprocess
import sys
import threading

import dagster as dg
import pytest
from dagster._core.events import EngineEventData

from sheets_pipeline.dagster_runtime import run_launcher
from sheets_pipeline.dagster_runtime.orphans import end_orphans, launch_notes
from sheets_pipeline.dagster_runtime.warm_client import WarmClient


@dg.job
def work() -> None:
    """Nothing."""


@pytest.fixture
def gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def test_only_runs_of_this_host_whose_process_is_gone_are_ended(gone: int) -> None:
    other = launch_notes(gone) | {"host": "another"}
    cases = {
        "gone": launch_notes(gone),
        "alive": launch_notes(os.getpid()),
        "another host": other,
        "older": {"pid": "1"},
    }
    with dg.DagsterInstance.ephemeral() as instance:
        runs = {name: instance.create_run_for_job(work, status=dg.DagsterRunStatus.STARTING) for name in cases}
        for name, notes in cases.items():
            instance.report_engine_event("Launched run worker.", runs[name], EngineEventData(notes))
        instance.create_run_for_job(work, status=dg.DagsterRunStatus.STARTING)  # nobody has launched it
        assert end_orphans(instance) == [runs["gone"].run_id]
        failed = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
        assert [run.run_id for run in failed] == [runs["gone"].run_id]
        assert end_orphans(instance) == []


@pytest.mark.parametrize("is_daemon", [True, False])
def test_the_daemon_looks_for_them_as_it_starts_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch, is_daemon: bool
) -> None:
    looked = threading.Event()
    monkeypatch.setattr(run_launcher, "is_daemon", lambda: is_daemon)
    monkeypatch.setattr(run_launcher, "keep_connections", lambda _instance: None)
    monkeypatch.setattr(run_launcher, "end_orphans", lambda _instance: looked.set())
    monkeypatch.setattr(WarmClient, "prepare", lambda _client: None)
    launcher = run_launcher.WarmRunLauncher()
    with dg.DagsterInstance.ephemeral() as instance:
        launcher.register_instance(instance)
        assert looked.wait(30 if is_daemon else 0) is is_daemon
