"""Which runs pass by the queue."""

import sys
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.run_coordinator.base import SubmitRunContext

from sheets_pipeline.dagster_runtime.at_once import AT_ONCE_TAG
from sheets_pipeline.dagster_runtime.coordinator import EventsFirstRunCoordinator

pytestmark = pytest.mark.xdist_group("launcher")


@dg.job
def nothing() -> None:
    """Has no ops."""


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """An instance with our coordinator and the stock launcher."""
    ours = {"module": EventsFirstRunCoordinator.__module__, "class": EventsFirstRunCoordinator.__name__}
    folder = tmp_path_factory.mktemp("instance")
    with dg.DagsterInstance.local_temp(str(folder), overrides={"run_coordinator": ours}) as temporary:
        yield temporary


@pytest.mark.parametrize(
    ("program", "tags", "starts"),
    [
        pytest.param("dagster-daemon", {AT_ONCE_TAG: "true"}, True, id="tagged, in the daemon"),
        pytest.param("dagster/_daemon/__main__.py", {AT_ONCE_TAG: "true"}, True, id="tagged, under dagster dev"),
        pytest.param("dagster-daemon", {}, False, id="not tagged"),
        pytest.param("dagster-webserver", {AT_ONCE_TAG: "true"}, False, id="tagged, by hand in the UI"),
    ],
)
def test_only_tagged_runs_start_at_once_and_only_in_the_daemon(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, program: str, tags: dict[str, str], starts: bool
):
    monkeypatch.setattr(sys, "argv", [program])
    launched: list[str] = []
    monkeypatch.setattr(
        instance.run_launcher, "launch_run", lambda context: launched.append(context.dagster_run.run_id)
    )
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("location"), "repository"), "nothing")
    run = instance.create_run_for_job(nothing, tags=tags, remote_job_origin=origin)
    context = SubmitRunContext(run, workspace=None)  # type: ignore[arg-type] # neither needs it
    submitted = instance.run_coordinator.submit_run(context)
    assert launched == ([run.run_id] if starts else [])
    assert submitted.status is (dg.DagsterRunStatus.STARTING if starts else dg.DagsterRunStatus.QUEUED)
