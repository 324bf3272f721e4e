"""The control API over HTTP, against a real database and a real Dagster webserver."""

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import httpx
import pytest

from sheets_pipeline.control.operations import Operations
from sheets_pipeline.database import leases
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline.settings import load_settings
from sheets_pipeline_tests.control import run_launcher
from sheets_pipeline_tests.control.stage import Stage


def test_health_is_200_while_the_sheets_are_true_and_503_when_not(stage: Stage) -> None:
    assert stage.get("/")["health"] in ("healthy", "warning")
    stage.fail("UserProfiles")
    answer = stage.client.get("/")
    assert answer.status_code == 503
    assert answer.json()["health"] == "degraded"
    assert "UserProfiles" in answer.json()["reason"]


def test_a_browser_at_the_root_gets_the_dashboard(stage: Stage) -> None:
    answer = stage.client.get("/", headers={"Accept": "text/html,*/*"}, follow_redirects=True)
    assert answer.url.path == "/dashboard"
    assert "<main>" in answer.text


def test_status_tells_each_tab_and_where_to_look(stage: Stage) -> None:
    status = stage.get("/sync/status")
    assert set(status["tabs"]) == set(stage.operations.titles())
    assert status["tabs"]["UserProfiles"]["total_syncs"] == 1
    assert status["dagster_url"] == stage.dagster_url
    assert status["everything_enabled"] is True
    assert status["under_way"] == []


def test_force_starts_one_run_that_a_second_force_joins(stage: Stage) -> None:
    run_launcher.may_end.clear()
    first = stage.post("/sync/force").json()
    assert wait_until(lambda: len(stage.operations.under_way()) == 1, seconds=30)
    second = stage.post("/sync/force", tab="UserProfiles").json()
    assert (first["joined"], second["joined"]) == (False, True)
    assert first["run_id"] == second["run_id"]
    assert first["url"] == f"{stage.dagster_url}/runs/{first['run_id']}"
    run_launcher.may_end.set()
    assert wait_until(lambda: not stage.operations.under_way(), seconds=30)
    run = stage.instance.get_run_by_id(first["run_id"])
    assert run is not None
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert {line["tab"] for line in stage.get("/logs")["logs"] if line["run_id"] == first["run_id"]} == set(
        stage.operations.titles()
    )


def test_force_of_one_tab_syncs_that_tab_alone(stage: Stage) -> None:
    answer = stage.client.post("/sync/force", params={"tab": "UserProfiles"}, json={}).json()
    assert answer["tabs"] == ["UserProfiles"]
    assert wait_until(lambda: not stage.operations.under_way(), seconds=30)
    tabs = [line["tab"] for line in stage.get("/logs")["logs"] if line["run_id"] == answer["run_id"]]
    assert tabs == ["UserProfiles"]


def test_a_tab_that_is_switched_off_is_off_in_dagster_and_cannot_be_forced(stage: Stage) -> None:
    assert stage.post("/sync/disable", tab="UserProfiles").json()["switches"] == ["tab_UserProfiles"]
    assert stage.get("/sync/status")["tabs"]["UserProfiles"]["enabled"] is False
    assert stage.operations.dagster.definitions().switches["tab_UserProfiles"].is_on is False
    refused = stage.post("/sync/force", tab="UserProfiles")
    assert (refused.status_code, "switched off" in refused.json()["error"]) == (409, True)
    forced = stage.post("/sync/force").json()
    assert "UserProfiles" not in forced["tabs"]
    assert stage.post("/sync/enable", tab="UserProfiles").status_code == 200
    assert stage.get("/sync/status")["tabs"]["UserProfiles"]["enabled"] is True


def test_everything_is_switched_by_the_schedule_and_the_sensor(stage: Stage) -> None:
    answer = stage.post("/sync/disable").json()
    assert answer["switches"] == ["full_sync_schedule", "pending_events"]
    assert stage.get("/sync/status")["everything_enabled"] is False
    assert stage.client.get("/").status_code == 503
    stage.post("/sync/enable")
    assert stage.get("/sync/status")["everything_enabled"] is True


def test_a_pause_is_a_lease_that_can_be_renewed_and_given_back(stage: Stage) -> None:
    until = datetime.fromisoformat(stage.post("/sync/pause", seconds=60, reason="Release").json()["paused_until"])
    assert timedelta(seconds=50) < until - datetime.now(UTC) <= timedelta(seconds=61)
    later = datetime.fromisoformat(stage.post("/sync/pause", seconds=120).json()["paused_until"])
    assert later > until
    assert stage.get("/sync/status")["paused_until"] is not None
    leases.take(stage.pipeline.state, "middleware", 30)
    assert stage.post("/sync/resume", holder="control API").json()["paused_until"] is not None
    assert stage.post("/sync/resume").json()["paused_until"] is None


def test_logs_are_filtered_and_hold_no_cells(stage: Stage) -> None:
    stage.fail("UserProfiles")
    failed = stage.get("/logs", outcome="failed")["logs"]
    assert [line["tab"] for line in failed] == ["UserProfiles", "UserProfiles"]
    assert failed[0]["error_kind"] == "HeaderMismatch"
    assert len(stage.get("/logs", tab="UserProfiles", limit=2)["logs"]) == 2
    assert stage.get("/logs", since=(datetime.now(UTC) + timedelta(hours=1)).isoformat())["logs"] == []
    with stage.pipeline.platform.connect() as connection:
        names = connection.exec_driver_sql("select email from users").scalars().all()
    text = stage.client.get("/logs").text + stage.client.get("/stats").text
    assert not [name for name in names if name in text]


def test_stats_give_counts_and_the_queue_over_time(stage: Stage) -> None:
    list(submit_quizzes(stage.pipeline.platform, 1, 100))
    stage.operations.sample()
    stats = stage.get("/stats")
    tab = stats["tabs"]["UserProfiles"]
    assert (tab["syncs"], tab["successful"], tab["failed"]) == (1, 1, 0)
    assert [point["outcome"] for point in tab["history"]] == ["success"]
    assert stats["queue"][-1]["pending"] > 0


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/sync/force", {"tab": "Nope"}, 404, "Known tabs: "),
        ("/sync/enable", {"tab": "Nope"}, 404, "There is no tab 'Nope'"),
        ("/sync/force", {"tabs": "UserProfiles"}, 422, "body.tabs: input should be a valid list"),
        ("/sync/force", {"tables": []}, 422, "body.tables: extra inputs are not permitted"),
        ("/sync/pause", {}, 422, "body.seconds: field required"),
        ("/sync/pause", {"seconds": -1}, 422, "body.seconds: input should be greater than 0"),
        ("/sync/pause", {"seconds": 5000}, 422, "at most 900 seconds (SYNC_PAUSE_LIMIT_SECONDS)"),
        ("/sync/pause", {"seconds": 5, "reason": "a\u0000b"}, 422, "without control characters"),
        ("/sync/pause", {"seconds": 5, "holder": "\ud800"}, 422, "body"),
        ("/sync/pause", "{", 422, "JSON decode error"),
    ],
)
def test_wrong_input_is_told_in_words(opened_stage: Stage, path: str, body: Any, status: int, said: str) -> None:
    import json

    content = "{" if body == "{" else json.dumps(body)
    answer = opened_stage.client.post(path, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert said in answer.json()["error"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "since=never", "since=0001-01-01T00:00:00Z", "outcome=good"])
def test_wrong_filters_are_told_in_words(opened_stage: Stage, query: str) -> None:
    answer = opened_stage.client.get(f"/logs?{query}")
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("query.")


def test_without_a_webserver_force_says_what_was_tried_and_what_to_do(stage: Stage) -> None:
    nobody = "http://127.0.0.1:9"
    operations = Operations(load_settings(dagster_url=nobody), lambda: stage.pipeline, stage.instance)
    from fastapi.testclient import TestClient

    from sheets_pipeline.control.app import create_app

    with TestClient(create_app(operations, None), base_url="http://localhost", client=("127.0.0.1", 1)) as client:
        for path in ("/sync/force", "/sync/disable", "/sync/enable"):
            answer = client.post(path, json={})
            assert answer.status_code == 503
            assert nobody in answer.json()["error"]
            assert "set DAGSTER_URL" in answer.json()["error"]
        assert client.get("/sync/status").status_code == 200


def test_while_the_database_is_away_the_api_answers_503_and_recovers(stage: Stage) -> None:
    import sqlalchemy as sa

    from sheets_pipeline.errors import DatabaseError

    def away() -> Any:
        raise DatabaseError("The database cannot be reached. Start it.") from sa.exc.TimeoutError()

    stage.operations.forget_status()
    before, stage.operations._open = stage.operations._open, away
    try:
        assert stage.client.get("/").json() == {
            "health": "unknown",
            "reason": "The database cannot be reached. Start it.",
        }
        assert stage.client.get("/sync/status").status_code == 503
        assert "sheets_pipeline_status_readable 0.0" in stage.client.get("/metrics").text
    finally:
        stage.operations._open = before
    stage.operations.forget_status()
    assert stage.get("/")["health"] == "healthy"


def test_what_could_not_start_at_all_is_unhealthy_and_no_metric_says_otherwise() -> None:
    from fastapi.testclient import TestClient

    from sheets_pipeline.control.app import create_app
    from sheets_pipeline.errors import DatabaseError

    def away() -> Any:
        raise DatabaseError("The database cannot be reached. Start it.")

    operations = Operations(load_settings(), away, dg.DagsterInstance.ephemeral())
    with TestClient(create_app(operations, None), base_url="http://localhost", client=("127.0.0.1", 1)) as client:
        answer = client.get("/", headers={"Accept": "*/*"})
        assert (answer.status_code, answer.json()["health"]) == (503, "unhealthy")
        assert "Start it." in answer.json()["reason"]
        assert "sheets_pipeline_health 4.0" in client.get("/metrics").text


def test_the_pages_load_nothing_from_elsewhere(opened_stage: Stage) -> None:
    for page in ("/dashboard", "/docs"):
        answer = opened_stage.client.get(page)
        assert answer.status_code == 200
        assert "//" not in answer.text.replace("<!doctype html>", "")
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert httpx.get(f"{opened_stage.url}/page/fonts/fonts.css").status_code == 200
