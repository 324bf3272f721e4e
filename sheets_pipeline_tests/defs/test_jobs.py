"""From database to tab, through the real jobs, database and client."""

import threading
import time
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
import sqlalchemy as sa

from sheets_pipeline.database import events, history, leases
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs import event_sync
from sheets_pipeline.defs.event_sync import pending_events
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.runs import stay
from sheets_pipeline.runs.run_tags import OTHERS_TAG
from sheets_pipeline.runs.switches import EVENT_SENSOR
from sheets_pipeline.runs.tick_wait import TickWait
from sheets_pipeline.sheets.retry import RetryPolicy
from sheets_pipeline_tests.learning_platform import Platform, job_of
from sheets_pipeline_tests.runs.test_gate import switch_off

USERS, COURSES = dg.AssetKey("user_profiles"), dg.AssetKey("course_statistics")


def run(platform: Platform, job: str, **options: object) -> dg.ExecuteInProcessResult:
    return defs().resolve_job_def(job).execute_in_process(instance=platform.instance, raise_on_error=False, **options)  # type: ignore[arg-type]


def fill(platform: Platform) -> None:
    """A full sync where something else is the subject."""
    assert job_of("full_sync").execute_in_process(instance=platform.instance).success


def pending(platform: Platform) -> int:
    with platform.engine.connect() as connection:
        return events.count(connection)


def failure(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps say."""
    failed = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    return " ".join(str(data.description) for data in failed if data)


def test_a_full_sync_fills_every_tab_and_a_second_one_writes_nothing(platform: Platform) -> None:
    result = run(platform, "full_sync")
    assert result.success
    assert len(platform.rows("UserProfiles")) == 60
    assert len(platform.rows("course_statistics")) == 4
    platform.server.reset_stats()
    assert run(platform, "full_sync").success
    totals = platform.server.stats()["totals"]
    assert (totals["writes"], totals["cells_written"]) == (0, 0)


def test_a_materialization_carries_numbers_and_a_link(platform: Platform) -> None:
    result = run(platform, "full_sync", asset_selection=[COURSES])
    [event] = result.asset_materializations_for_node("course_statistics")
    metadata: Any = event.metadata
    assert metadata["dagster/row_count"].value == 4
    assert metadata["inserts"].value == 4
    assert metadata["write_requests"].value == 1
    assert str(metadata["tab"].value).startswith("http")
    assert "preview" not in metadata


@pytest.mark.usefixtures("patient_tabs")
def test_a_quiz_submission_shows_in_both_tabs_after_event_sync(platform: Platform) -> None:
    fill(platform)
    before = platform.rows("UserProfiles"), platform.rows("course_statistics")
    [submitted] = submit_quizzes(platform.engine, 1, 100)
    assert pending(platform) > 0
    platform.server.reset_stats()
    result = run(platform, "event_sync")
    assert result.success
    assert pending(platform) == 0
    users, courses = platform.rows("UserProfiles"), platform.rows("course_statistics")
    user, course = submitted.user_id, submitted.course_id
    assert courses[course]["quiz_submissions"] == before[1][course]["quiz_submissions"] + 1
    changed = {key for key in users if users[key] != before[0][key]}
    assert changed == {user}
    assert platform.rows("quiz_responses")[submitted.response_id]["user"] == users[user]["full_name"]
    assert platform.server.stats()["totals"]["writes"] == 1
    written = [event.asset_key for event in result.all_events if event.is_step_materialization]
    keys = {key.to_user_string() for key in written if key is not None}
    assert keys == {"user_profiles", "course_statistics", "quiz_responses"}


def test_events_before_the_first_full_sync_create_the_tabs(platform: Platform) -> None:
    list(submit_quizzes(platform.engine, 1, 100))
    assert run(platform, "event_sync").success
    assert len(platform.rows("UserProfiles")) == 60


def test_events_stay_pending_until_they_are_written(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(platform)
    list(submit_quizzes(platform.engine, 2, 100))
    waiting = pending(platform)
    monkeypatch.setattr("sheets_pipeline.sheets.client.RetryPolicy", lambda: RetryPolicy(total_seconds=0.2))
    platform.server.faults(action="error", status=503, count=None)
    result = run(platform, "event_sync")
    assert not result.success
    assert "The next sync goes on where this one stopped" in failure(result)
    assert pending(platform) == waiting
    platform.server.clear_faults()
    assert run(platform, "event_sync").success
    assert pending(platform) == 0


def test_a_deleted_learner_leaves_the_tab(platform: Platform) -> None:
    fill(platform)
    with platform.engine.begin() as connection:
        for table in ("quiz_responses", "course_completions", "enrollments", "transcript_requests"):
            connection.execute(sa.text(f"delete from {table} where user_id = 7"))
        connection.execute(sa.text("delete from users where id = 7"))
    assert run(platform, "event_sync").success
    assert 7 not in platform.rows("UserProfiles")
    assert len(platform.rows("UserProfiles")) == 59


def test_an_error_that_only_a_person_can_mend_names_the_remedy_and_is_not_retried(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPREADSHEET_ID", "no-such-spreadsheet")
    platform.reopen()
    result = run(platform, "full_sync", asset_selection=[USERS])
    assert not result.success
    assert "Check SPREADSHEET_ID" in failure(result)
    stored = platform.instance.get_run_by_id(result.run_id)
    assert stored
    assert stored.tags["dagster/retry_on_asset_or_op_failure"] == "false"


def test_a_mass_delete_is_refused_unless_the_run_allows_it(platform: Platform) -> None:
    fill(platform)
    with platform.engine.begin() as connection:
        for table in ("quiz_responses", "course_completions", "enrollments", "transcript_requests", "pending_event"):
            connection.execute(sa.text(f"delete from {table}"))
        connection.execute(sa.text("delete from users"))
    result = run(platform, "full_sync", asset_selection=[USERS])
    assert "60 of 60 rows would be deleted" in failure(result)
    assert len(platform.rows("UserProfiles")) == 60
    result = run(platform, "full_sync", asset_selection=[USERS], tags={"sheets_pipeline/allow_deletes": "many"})
    assert "is 'many'; expected a whole number of rows" in failure(result)
    assert len(platform.rows("UserProfiles")) == 60
    syncs = len(history.recent(platform.pipeline.state))
    dry = {"resources": {"pipeline": {"config": {"allow_deletes": 400, "dry_run": True}}}}
    platform.server.reset_stats()
    planned = run(platform, "full_sync", asset_selection=[USERS], run_config=dry)
    assert planned.success
    assert platform.server.stats()["totals"]["writes"] == 0
    assert len(history.recent(platform.pipeline.state)) == syncs
    assert not [event for event in planned.all_events if event.is_step_materialization]
    observed = [event for event in planned.all_events if event.event_type_value == "ASSET_OBSERVATION"]
    plans = {event.asset_key: event.asset_observation_data.asset_observation.metadata for event in observed}
    assert plans[USERS]["deletes"].value == 60
    del dry["resources"]["pipeline"]["config"]["dry_run"]
    assert run(platform, "full_sync", asset_selection=[USERS], run_config=dry).success
    assert platform.rows("UserProfiles") == {}


def test_run_tags_allow_deletes_as_well(platform: Platform) -> None:
    fill(platform)
    with platform.engine.begin() as connection:
        connection.execute(sa.text("delete from quiz_responses"))
    tags = {"sheets_pipeline/allow_deletes": "400"}
    assert run(platform, "full_sync", tags=tags, asset_selection=[dg.AssetKey("quiz_responses")]).success
    assert platform.rows("quiz_responses") == {}


def test_the_launchpad_says_what_may_be_set() -> None:
    job = defs().resolve_job_def("full_sync")
    fields = job.run_config_schema.config_type.fields["resources"].config_type.fields["pipeline"]  # type: ignore[attr-defined]
    described = {
        name: field.description for name, field in fields.config_type.fields["config"].config_type.fields.items()
    }
    assert set(described) == {"dry_run", "allow_deletes", "take_over"}
    assert all(described.values())


def test_the_sensor_asks_for_one_run_while_events_are_pending(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_sync, "_tick_wait", TickWait(5.0, most_seconds=0.1))

    def tick() -> object:
        return pending_events(
            dg.build_sensor_context(instance=platform.instance, resources={"pipeline": PipelineResource()})
        )

    assert isinstance(tick(), dg.SkipReason)
    list(submit_quizzes(platform.engine, 1, 100))
    assert isinstance(tick(), dg.RunRequest)
    platform.instance.create_run_for_job(defs().resolve_job_def("event_sync"), status=dg.DagsterRunStatus.STARTED)
    skipped = tick()
    assert isinstance(skipped, dg.SkipReason)
    assert "under way" in str(skipped.skip_message)


def test_the_sensor_notices_an_event_while_it_waits(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_sync, "_tick_wait", TickWait(60.0, most_seconds=30))
    timer = threading.Timer(0.5, lambda: list(submit_quizzes(platform.engine, 1, 100)))
    began = time.monotonic()
    timer.start()
    assert isinstance(
        pending_events(dg.build_sensor_context(instance=platform.instance, resources={"pipeline": PipelineResource()})),
        dg.RunRequest,
    )
    assert time.monotonic() - began > 0.5
    timer.join()


@pytest.mark.parametrize(("ahead", "waited"), [(8, 8), (3600, 10)], ids=["", "by a clock that is an hour ahead"])
def test_a_run_writes_what_comes_until_the_next_tick(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, ahead: float, waited: float
) -> None:
    monkeypatch.setattr(stay, "IDLE_SECONDS", 0)
    fill(platform)
    platform.server.reset_stats()
    tick, waits, wait = 1000.0, list[float](), events.wait_for_event
    timer = threading.Timer(0.3, lambda: list(submit_quizzes(platform.engine, 1, 100)))

    def comes_meanwhile(engine: sa.Engine, seconds: float, **options: Any) -> bool:
        waits.append(seconds)
        timer.start()
        return wait(engine, seconds, **options)

    # Before the tick until something has come, and at the tick from then on, however long that takes.
    now = SimpleNamespace(time=lambda: tick - ahead * (not waits), sleep=time.sleep)
    monkeypatch.setattr(event_sync, "time", now)
    monkeypatch.setattr(events, "wait_for_event", comes_meanwhile)
    result = run(platform, "event_sync", tags={"sheets_pipeline/next_tick": str(tick)})
    timer.join()
    assert result.success
    assert waits == [waited]
    assert pending(platform) == 0
    assert platform.server.stats()["totals"]["writes"] > 0


def test_a_run_stays_while_events_keep_coming(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stay, "IDLE_SECONDS", 2.5)
    fill(platform)
    now, waits, told = [1000.0], list[float](), list[int]()

    def comes_twice(_: object, seconds: float, **__: object) -> bool:
        """A second and a half after the events before; then nothing."""
        [under_way] = platform.instance.get_runs(dg.RunsFilter(job_name="event_sync"))
        logged = platform.instance.all_logs(under_way.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        told.append(len(logged))
        waits.append(seconds)
        if len(waits) == 3:
            return False
        now[0] += 1.5
        list(submit_quizzes(platform.engine, 1, 100))
        return True

    monkeypatch.setattr(event_sync, "time", SimpleNamespace(time=lambda: now[0], sleep=time.sleep))
    monkeypatch.setattr(events, "wait_for_event", comes_twice)
    list(submit_quizzes(platform.engine, 1, 100))
    result = run(platform, "event_sync", tags={"sheets_pipeline/next_tick": str(now[0])})
    assert result.success
    assert pending(platform) == 0
    assert waits == [2.5] * 3
    assert 0 < told[0] < told[1] < told[2], "each round tells what it wrote"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        pytest.param("pause", "Events are pending. Paused by a person", id="a pause"),
        pytest.param("sensor", "Events are pending. pending_events is switched off.", id="its sensor off"),
        pytest.param("declarations", "Events are pending. Declarations have changed", id="other declarations"),
        pytest.param(
            "default", "Events are pending. The default spreadsheet rests no more", id="a default that is back"
        ),
        pytest.param("database", "No more events are waited for. A database does not answer: gone", id="a database"),
    ],
)
def test_a_run_that_stays_ends_well_with(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, what: str, said: str
) -> None:
    def waits(*_: object, **__: object) -> bool:
        if what == "database":
            raise sa.exc.OperationalError("select", {}, Exception("gone"))
        if what == "pause":
            leases.take(platform.pipeline.state, "a person", 60)
        elif what == "sensor":
            switch_off(platform, EVENT_SENSOR)
        elif what == "declarations":
            monkeypatch.setattr(event_sync, "differs_from_disk", lambda: True)
        list(submit_quizzes(platform.engine, 1, 100))
        return True

    fill(platform)
    monkeypatch.setattr(events, "wait_for_event", waits)
    tags = {"sheets_pipeline/next_tick": str(time.time())} | ({OTHERS_TAG: "any"} if what == "default" else {})
    result = run(platform, "event_sync", tags=tags)
    assert result.success
    assert any(said in entry.user_message for entry in platform.instance.all_logs(result.run_id))
    assert pending(platform) == (0 if what == "database" else pytest.approx(3, abs=2))


def test_after_a_failed_run_the_sensor_waits_before_the_next(platform: Platform) -> None:
    list(submit_quizzes(platform.engine, 1, 100))
    platform.server.faults(action="error", status=403, count=None)
    assert not run(platform, "event_sync").success
    skipped = pending_events(
        dg.build_sensor_context(instance=platform.instance, resources={"pipeline": PipelineResource()})
    )
    assert isinstance(skipped, dg.SkipReason)
    assert "Runs failed once, the last one of NotShared" in str(skipped.skip_message)


def test_a_row_that_cannot_be_written_is_set_aside_and_a_check_names_it(platform: Platform) -> None:
    with platform.engine.begin() as connection:
        connection.execute(sa.text("alter table users alter column full_name type text"))
        connection.execute(sa.text("update users set full_name = repeat('x', 50001) where id = 3"))
    result = run(platform, "full_sync", asset_selection=[USERS, COURSES])
    assert result.success
    assert 3 not in platform.rows("UserProfiles")
    checks = {
        (check.asset_key.to_user_string(), check.check_name): check for check in result.get_asset_check_evaluations()
    }
    check = checks["user_profiles", "all_rows_are_written"]
    assert not check.passed
    assert "50,001 characters" in str(check.metadata["set_aside_rows"].value)
    assert checks["user_profiles", "keys_stand_once"].passed
    assert checks["course_statistics", "all_rows_are_written"].passed


def test_a_run_whose_tabs_together_do_not_fit_stops_before_the_first_write(platform: Platform) -> None:
    path = f"/v4/spreadsheets/{platform.spreadsheet_id}:batchUpdate"
    big = {"title": "big", "gridProperties": {"rowCount": 99_710, "columnCount": 100}}
    platform.server.call("POST", path, {"requests": [{"addSheet": {"properties": big}}]})
    platform.server.reset_stats()
    result = run(platform, "full_sync")
    assert "10,000,000" in failure(result)
    assert "UserProfiles" in failure(result)
    assert platform.server.stats()["totals"]["writes"] == 0


def test_a_retried_run_waits_longer_each_time(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNC_RETRY_DELAY_SECONDS", "0.4")
    waits: list[float] = []
    monkeypatch.setattr("sheets_pipeline.runs.failures.time", SimpleNamespace(sleep=waits.append))
    for retry in ("2", "12"):
        run(platform, "full_sync", tags={"dagster/retry_number": retry}, asset_selection=[USERS])
    assert waits == [0.8, 300]  # five minutes at most


def test_a_copy_of_the_database_is_refused_until_it_takes_the_spreadsheet_over(platform: Platform) -> None:
    fill(platform)
    with platform.engine.begin() as connection:  # as a dump of another server, restored here, holds it
        connection.execute(sa.text('update sync_installation set place = \'{"name": "x", "anchors": []}\''))
        connection.execute(sa.text("update users set full_name = 'Staging ' || id"))
    platform.reopen()
    platform.server.reset_stats()
    refused = run(platform, "full_sync", asset_selection=[USERS])
    assert "kept by another installation" in failure(refused)
    assert "sync --take-over" in failure(refused)
    tags = platform.instance.get_run_by_id(refused.run_id).tags  # type: ignore[union-attr]
    assert (tags["sheets_pipeline/error"], tags["sheets_pipeline/needs_person"]) == ("OwnedByAnother", "true")
    assert not run(platform, "event_sync").success
    assert pending(platform) > 0
    assert platform.server.stats()["totals"]["writes"] == 0
    assert run(platform, "full_sync", asset_selection=[USERS], tags={"sheets_pipeline/take_over": "true"}).success
    assert platform.rows("UserProfiles")[1]["full_name"] == "Staging 1"
    assert run(platform, "event_sync").success


def test_a_changed_time_zone_is_followed_by_the_next_full_sync(platform: Platform) -> None:
    fill(platform)
    before = [row["last_submission_at"] for row in platform.rows("course_statistics").values()]
    path = f"/v4/spreadsheets/{platform.spreadsheet_id}:batchUpdate"
    change = {"properties": {"timeZone": "GMT-06:00"}, "fields": "timeZone"}
    platform.server.call("POST", path, {"requests": [{"updateSpreadsheetProperties": change}]})
    assert run(platform, "full_sync", asset_selection=[COURSES]).success
    after = [row["last_submission_at"] for row in platform.rows("course_statistics").values()]
    assert [round(old - new, 6) for old, new in zip(before, after, strict=True)] == [0.25] * len(before)
