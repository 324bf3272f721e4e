"""Runs through the launcher: warm, cold, failing, terminated, killed."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import psutil
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, ManagedGrpcPythonEnvCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from sheets_pipeline.dagster_runtime.orphans import launch_notes
from sheets_pipeline.dagster_runtime.run_launcher import WarmRunLauncher, _server_id
from sheets_pipeline.errors import ERROR_TAG, SettingsError
from sheets_pipeline_tests.dagster_runtime.harness import Harness, eventually, harness

#: One worker of pytest-xdist, so that all share one warm process.
pytestmark = pytest.mark.xdist_group("launcher")


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """A launcher whose warm process is ready."""
    os.environ["ORDER"] = "for runs"
    try:
        with harness(tmp_path_factory.mktemp("launcher")) as ours:
            ours.warm_up()
            yield ours
    finally:
        del os.environ["ORDER"]


def yields(printed: str) -> bool:
    """Whether a worker leaves the processor to others: its session, too, where Linux shares by session."""
    return "nice 10, session 10" in printed or "nice 10, session none" in printed


def test_a_launcher_refuses_a_priority_that_there_is_not():
    with pytest.raises(SettingsError, match="nice is 20; expected 0 to 19"):
        WarmRunLauncher(nice=20)


def test_a_run_is_a_fork_of_the_warm_process_in_a_session_of_its_own(warm: Harness):
    run_id = warm.launch("speaking")
    assert warm.end_of(run_id) is dg.DagsterRunStatus.SUCCESS
    worker, parent = warm.worker(run_id).pid, warm.launcher.warm.pid
    out, err = warm.printed(run_id)
    assert f"process {worker} of {parent} in session {worker}" in out
    assert "ORDER=for runs" in out
    assert "a warning" in err
    assert yields(out)
    assert f"(pid: {worker}): forked from warm process {parent}" in warm.messages(run_id)


def test_a_run_that_fails_is_marked_as_failed_and_leaves_no_process(warm: Harness):
    run_id = warm.launch("failing")
    assert warm.end_of(run_id) is dg.DagsterRunStatus.FAILURE
    assert "on purpose" in str([e.dagster_event for e in warm.instance.all_logs(run_id) if e.is_dagster_event])
    eventually(lambda: not psutil.pid_exists(warm.worker(run_id).pid))


def test_a_run_is_terminated_by_a_process_that_did_not_launch_it(warm: Harness):
    run_id, worker = warm.launch_waiting()
    with dg.DagsterInstance.from_config(str(warm.folder)) as other:
        assert other.run_launcher.terminate(run_id)
        assert warm.end_of(run_id) is dg.DagsterRunStatus.CANCELED
        eventually(lambda: not worker.is_alive())
        assert not other.run_launcher.terminate(run_id)


def test_a_worker_that_does_not_hear_is_killed_after_the_grace_time(warm: Harness):
    run_id, worker = warm.launch_waiting(stubborn=True)
    assert warm.launcher.terminate(run_id)
    assert warm.end_of(run_id) is dg.DagsterRunStatus.CANCELED
    eventually(lambda: not worker.is_alive())


def test_a_killed_worker_is_noticed_at_once(warm: Harness):
    run_id, worker = warm.launch_waiting()
    assert warm.launcher.check_run_worker_health(warm.run(run_id)).status is WorkerStatus.RUNNING
    os.kill(worker.pid, signal.SIGKILL)
    assert warm.end_of(run_id) is dg.DagsterRunStatus.FAILURE
    assert "signal SIGKILL" in warm.messages(run_id)


def test_runs_outlive_the_warm_process_and_their_death_shows_in_run_monitoring(tmp_path: Path):
    with harness(tmp_path) as ours:
        warm_pid = ours.warm_up()
        run_id, worker = ours.launch_waiting()
        not_begun, not_ready = ours.create("speaking"), subprocess.Popen(["sleep", "60"])
        notes = EngineEventData(launch_notes(not_ready.pid))
        ours.instance.report_engine_event("Launched run worker.", ours.run(not_begun), notes)
        os.kill(warm_pid, signal.SIGKILL)
        assert worker.is_alive()
        time.sleep(0.2)
        not_ready.kill()
        not_ready.wait()
        assert ours.end_of(not_begun) is dg.DagsterRunStatus.FAILURE  # long before Dagster's start timeout
        os.kill(worker.pid, signal.SIGKILL)
        eventually(lambda: not worker.is_alive())
        health = ours.launcher.check_run_worker_health(ours.run(run_id))
        assert health.status is WorkerStatus.NOT_FOUND
        assert ours.run(run_id).tags[ERROR_TAG] == "ProcessDied"
        # Without a warm process the next run starts cold, and the one after it warm again.
        cold = ours.launch("speaking")
        assert ours.end_of(cold) is dg.DagsterRunStatus.SUCCESS
        assert "cold start" in ours.messages(cold)
        out, err = ours.printed(cold)
        assert "a warning" in err
        assert yields(out)
        assert ours.warm_up() != warm_pid


def test_a_cold_worker_that_is_killed_is_noticed(tmp_path: Path):
    with harness(tmp_path) as ours:
        run_id, worker = ours.launch_waiting()
        assert "cold start" in ours.messages(run_id)
        os.kill(worker.pid, signal.SIGKILL)
        assert ours.end_of(run_id) is dg.DagsterRunStatus.FAILURE
        assert "signal SIGKILL" in ours.messages(run_id)
        assert ours.run(run_id).tags[ERROR_TAG] == "ProcessDied"


@pytest.mark.parametrize(("origin", "expected"), [("managed", None), ("shared", "server-2")])
def test_a_code_server_that_the_daemon_replaces_every_minute_says_nothing_of_the_code(
    origin: str, expected: str | None
):
    target = LoadableTargetOrigin(python_file="defs.py")
    origins = {
        "managed": ManagedGrpcPythonEnvCodeLocationOrigin(target, "here"),
        "shared": GrpcServerCodeLocationOrigin("localhost", 4266, location_name="here"),
    }
    location = SimpleNamespace(origin=origins[origin], server_id="server-2")
    workspace = SimpleNamespace(has_code_location=lambda _name: True, get_code_location=lambda _name: location)
    assert _server_id(SimpleNamespace(workspace=workspace), "here") == expected  # type: ignore[arg-type]
