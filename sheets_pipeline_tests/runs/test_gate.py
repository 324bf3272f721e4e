"""The circuit breaker, the switches and the record of syncs, through real runs, a real database and Local Sheets."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from sheets_pipeline.components import tab_asset
from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.database import history
from sheets_pipeline.defs import event_sync
from sheets_pipeline.defs.full_sync import overdue_full_sync, request_full_sync, retries
from sheets_pipeline.defs.io_managers import SheetsIOManager
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.monitoring.status import as_json, collect
from sheets_pipeline.runs import gate
from sheets_pipeline.runs.run_tags import SPREADSHEET_TAG, run_tags
from sheets_pipeline.runs.switches import EVENT_SENSOR, FULL_SYNC_SCHEDULE, enabled_tabs
from sheets_pipeline.runs.tick_wait import TickWait
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sheets.retry import RetryPolicy
from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline.sync.health import Health
from sheets_pipeline.sync.turns import next_tick
from sheets_pipeline_tests.learning_platform import Platform


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are given up at once."""
    monkeypatch.setattr("sheets_pipeline.sheets.client.RetryPolicy", lambda: RetryPolicy(total_seconds=0.05))


@pytest.fixture
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of the circuit are over at once."""
    monkeypatch.setattr("sheets_pipeline.sync.circuit.FIRST_PAUSE_SECONDS", 0)


#: Of the schedule, at which every tab's turn it is.
TICK = datetime(2026, 3, 1, tzinfo=UTC)

TWO_TABS = frozenset({dg.AssetKey("user_profiles"), dg.AssetKey("course_statistics")})


@cache
def full_sync_job(keys: frozenset[dg.AssetKey]) -> dg.JobDefinition:
    """The job for these tabs, without the checks, which have tests of their own."""
    selection = dg.AssetSelection.assets(*keys).without_checks()
    loaded = dg.Definitions(
        assets=[tab_asset.asset for tab_asset in tab_assets().values()],
        jobs=[dg.define_asset_job("full_sync", selection=selection)],
        resources={"pipeline": PipelineResource(), "sheets_io_manager": SheetsIOManager.definition()},
        executor=dg.in_process_executor,
    )
    return loaded.resolve_job_def("full_sync")


def run(platform: Platform, keys: frozenset[dg.AssetKey] = TWO_TABS) -> dg.ExecuteInProcessResult:
    """A full sync, tagged as the schedule tags it."""
    tags = run_tags(platform.pipeline)
    return full_sync_job(keys).execute_in_process(
        instance=platform.instance, raise_on_error=False, tags=tags, asset_selection=list(keys)
    )


def skipped(platform: Platform) -> str:
    """What the schedule says instead of starting a run."""
    answer = request_full_sync(platform.instance, PipelineResource(), TICK)
    assert isinstance(answer, dg.SkipReason)
    return str(answer.skip_message)


def requested(platform: Platform) -> dg.RunRequest:
    answer = request_full_sync(platform.instance, PipelineResource(), TICK)
    assert isinstance(answer, dg.RunRequest), answer
    return answer


def switch_off(
    platform: Platform,
    name: str,
    kind: InstigatorType = InstigatorType.SENSOR,
    status: InstigatorStatus = InstigatorStatus.STOPPED,
) -> None:
    """What the toggle in the Dagster UI does."""
    target = LoadableTargetOrigin(module_name="sheets_pipeline.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target, "sheets_pipeline")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    data = ScheduleInstigatorData("* * * * *") if kind is InstigatorType.SCHEDULE else None
    platform.instance.add_instigator_state(InstigatorState(origin, kind, status, data))


@pytest.mark.usefixtures("short_pause")
@pytest.mark.parametrize(
    ("status", "kind", "remedy"),
    [
        pytest.param(403, "NotShared", "press Share", id="access withdrawn"),
        pytest.param(401, "CredentialsRefused", "create a new key", id="credentials revoked"),
        pytest.param(404, "SpreadsheetNotFound", "restore it from the bin", id="spreadsheet deleted"),
    ],
)
def test_what_only_a_person_can_mend_opens_the_circuit_at_once_and_a_trial_closes_it(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, status: int, kind: str, remedy: str
) -> None:
    platform.server.faults(action="error", status=status, count=None)
    assert not run(platform).success
    state = gate.current_circuit(platform.instance, platform.pipeline)
    assert (state.state, state.error, state.needs_person) == ("half_open", kind, True)
    monkeypatch.setattr("sheets_pipeline.sync.circuit.FIRST_PAUSE_SECONDS", 60)
    assert kind in skipped(platform)
    assert remedy in skipped(platform)
    current = collect(platform.instance, platform.pipeline)
    assert current.health is Health.STOPPED
    assert remedy in current.reason
    monkeypatch.setattr("sheets_pipeline.sync.circuit.FIRST_PAUSE_SECONDS", 0)
    trial = requested(platform)
    assert trial.tags["dagster/max_retries"] == "0"
    platform.server.clear_faults()
    assert run(platform).success
    assert gate.current_circuit(platform.instance, platform.pipeline) == Circuit()


def test_transient_failures_open_it_after_as_many_as_the_setting_says(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_MAX_CONSECUTIVE_FAILURES", "2")
    platform.server.faults(action="error", status=503, count=None)
    run(platform)
    assert gate.current_circuit(platform.instance, platform.pipeline).state == "closed"
    assert requested(platform).tags["dagster/max_retries"] == "0"
    run(platform)
    state = gate.current_circuit(platform.instance, platform.pipeline)
    assert (state.state, state.failures, state.error) == ("open", 2, "SheetsUnavailable")
    assert "2 times in a row" in skipped(platform)
    current = collect(platform.instance, platform.pipeline)
    assert current.health is Health.DEGRADED
    tab = current.tabs["UserProfiles"]
    assert (tab.consecutive_failures, tab.failed_syncs) == (2, 2)
    assert tab.last_error
    assert "The next sync goes on" in tab.last_error.message


def test_a_refused_change_concerns_its_tab_and_not_the_circuit(platform: Platform) -> None:
    assert run(platform).success
    with platform.engine.begin() as connection:
        for table in ("quiz_responses", "course_completions", "enrollments", "transcript_requests", "users"):
            connection.execute(sa.text(f"delete from {table}"))
        connection.execute(sa.text("delete from pending_event"))
    for _ in range(2):
        assert not run(platform).success
    assert gate.current_circuit(platform.instance, platform.pipeline) == Circuit()
    current = collect(platform.instance, platform.pipeline)
    assert current.tabs["UserProfiles"].health is Health.DEGRADED
    assert "60 of 60 rows" in current.tabs["UserProfiles"].reason
    assert current.tabs["course_statistics"].health is Health.HEALTHY
    assert "UserProfiles" in current.reason


def test_another_tenants_failures_never_open_our_circuit(platform: Platform) -> None:
    job = full_sync_job(TWO_TABS)
    platform.server.faults(action="error", status=403, count=None)
    tags = run_tags(platform.pipeline) | {SPREADSHEET_TAG: "theirs"}
    for _ in range(3):
        theirs = platform.instance.create_run_for_job(
            job, tags=tags | {"sheets_pipeline/needs_person": "true"}, status=dg.DagsterRunStatus.STARTED
        )
        platform.instance.report_run_failed(theirs)
    assert gate.current_circuit(platform.instance, platform.pipeline) == Circuit()
    requested(platform)


def test_while_the_database_is_down_the_reason_says_so_and_syncs_go_on_afterwards(platform: Platform) -> None:
    assert run(platform).success
    name = platform.engine.url.database
    admin = sa.create_engine(platform.engine.url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        try:
            query = sa.text("select pg_terminate_backend(pid) from pg_stat_activity where datname = :name")
            connection.execute(query, {"name": name})
            assert "database" in skipped(platform)
            platform.reopen()
            assert "database" in skipped(platform)
        finally:
            connection.exec_driver_sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    admin.dispose()
    requested(platform)


def test_a_tab_that_is_switched_off_is_left_out_of_the_run(platform: Platform) -> None:
    switch_off(platform, "tab_UserProfiles")
    assert "UserProfiles" not in {tab_asset.tab.title for tab_asset in enabled_tabs(platform.instance)}
    request = requested(platform)
    assert request.asset_selection
    assert dg.AssetKey("user_profiles") not in request.asset_selection
    result = run(platform, TWO_TABS & set(request.asset_selection))
    assert result.success
    assert platform.rows("course_statistics")
    tab = collect(platform.instance, platform.pipeline).tabs["UserProfiles"]
    assert (tab.enabled, tab.health, tab.next_sync_in_seconds) == (False, Health.STOPPED, None)


@pytest.mark.parametrize(
    ("former", "set_since", "is_off"),
    [
        pytest.param(InstigatorStatus.STOPPED, None, True, id="switched off before the upgrade"),
        pytest.param(
            InstigatorStatus.STOPPED, InstigatorStatus.DECLARED_IN_CODE, True, id="as its first tick finds it"
        ),
        pytest.param(InstigatorStatus.STOPPED, InstigatorStatus.RUNNING, False, id="switched on since"),
        pytest.param(InstigatorStatus.RUNNING, None, False, id="was on"),
    ],
)
def test_who_had_switched_off_the_sensor_of_events_finds_it_off_under_its_new_name(
    platform: Platform,
    monkeypatch: pytest.MonkeyPatch,
    former: InstigatorStatus,
    set_since: InstigatorStatus | None,
    is_off: bool,
) -> None:
    monkeypatch.setattr(event_sync, "_tick_wait", TickWait(5.0, most_seconds=0.1))
    switch_off(platform, "quiz_submissions", status=former)
    if set_since is not None:
        switch_off(platform, EVENT_SENSOR, status=set_since)

    def tick(last: float | None) -> str:
        context = dg.build_sensor_context(instance=platform.instance, resources={"pipeline": PipelineResource()})
        context._last_tick_completion_time = last
        answer = event_sync.pending_events(context)
        assert isinstance(answer, dg.SkipReason)
        return str(answer.skip_message)

    assert ("quiz_submissions was" in tick(None)) is is_off
    assert (EVENT_SENSOR in switched_off(platform.instance)) is is_off
    assert tick(1.0) == "No events are pending."


def test_with_every_tab_switched_off_nothing_is_started(platform: Platform) -> None:
    for result in enabled_tabs(platform.instance):
        switch_off(platform, "tab_" + result.tab.title)
    assert skipped(platform) == "Every tab is switched off."


def test_the_first_full_sync_and_missed_ones_are_made_up_for_but_not_while_switched_off(platform: Platform) -> None:
    def tick() -> object:
        return overdue_full_sync(
            dg.build_sensor_context(instance=platform.instance, resources={"pipeline": PipelineResource()})
        )

    assert isinstance(tick(), dg.RunRequest)
    run(platform, frozenset(tab_assets()))
    assert "overdue" in str(tick()) or "under way" in str(tick())
    switch_off(platform, FULL_SYNC_SCHEDULE, InstigatorType.SCHEDULE)
    assert "switched off" in str(tick())


def test_each_tab_is_synced_at_its_own_interval_and_judged_by_it(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    courses = dg.AssetKey("course_statistics")
    seldom = tab_assets()[courses]
    monkeypatch.setitem(tab_asset._BY_KEY, courses, replace(seldom, tab=replace(seldom.tab, every=86_400)))

    def selected(tick: datetime | None) -> set[str] | str:
        answer = request_full_sync(platform.instance, PipelineResource(), tick)
        if isinstance(answer, dg.SkipReason):
            return str(answer.skip_message)
        return {key.path[-1] for key in answer.asset_selection or ()}

    everything = {key.path[-1] for key in tab_assets()}
    assert selected(TICK) == selected(None) == everything
    assert selected(TICK + timedelta(hours=1)) == everything - {"course_statistics"}
    assert selected(TICK + timedelta(minutes=1)) == "No tab that is switched on is due at this tick."
    run(platform, frozenset({courses}))
    assert selected(None) == everything - {"course_statistics"}
    for _ in range(6):  # runs of others, so that only the record of syncs still knows of it
        run(platform, frozenset({dg.AssetKey("user_profiles")}))
    assert "course_statistics" not in selected(None)
    state = platform.pipeline.state
    two_days_ago = datetime.now(UTC) - timedelta(hours=49)
    with state.begin() as connection:
        change = history.sync_history.update().where(history.sync_history.c.tab == "course_statistics")
        connection.execute(change.values(started_at=two_days_ago, ended_at=two_days_ago))
    assert "course_statistics" in selected(None)
    current = collect(platform.instance, platform.pipeline).tabs
    assert "more than 2 intervals" in current["course_statistics"].reason
    change = change.values(ended_at=two_days_ago + timedelta(hours=2))
    with state.begin() as connection:
        connection.execute(change)
    current = collect(platform.instance, platform.pipeline).tabs
    assert current["course_statistics"].health is Health.HEALTHY  # 47 hours are less than two days
    waits = [current[title].next_sync_in_seconds or 0 for title in ("UserProfiles", "course_statistics")]
    until_midnight = (next_tick(datetime.now(UTC), 86_400) - datetime.now(UTC)).total_seconds()
    assert waits[0] <= 300
    assert waits[1] == pytest.approx(until_midnight, abs=30)


@pytest.mark.parametrize(
    ("circuit", "expected"),
    [(Circuit(), 1), (Circuit(failures=1), 0), (Circuit("half_open", failures=9), 0)],
)
def test_runs_are_not_retried_beyond_what_opens_the_circuit(
    circuit: Circuit, expected: int, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.chdir(str(tmp_path))
    monkeypatch.delenv("SYNC_MAX_RETRIES", raising=False)
    assert retries(load_settings(sync_max_consecutive_failures=2), circuit) == expected


def test_a_sync_whose_process_died_is_counted_and_named(platform: Platform) -> None:
    assert run(platform).success
    pipeline = platform.pipeline
    history.begin(pipeline.state, platform.spreadsheet_id, "UserProfiles", "full", "gone")
    tab = collect(platform.instance, pipeline).tabs["UserProfiles"]
    assert (tab.health, tab.consecutive_failures) == (Health.WARNING, 1)
    assert tab.last_error
    assert "process died" in tab.last_error.message


def test_after_a_sync_all_is_healthy_and_the_json_has_the_documented_keys(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("QUIZ_RESPONSES", "TRANSCRIPT_REQUESTS"):
        monkeypatch.setenv(f"SYNC_ENABLE_{name}", "false")
    assert run(platform).success
    current = collect(platform.instance, platform.pipeline)
    assert current.health is Health.HEALTHY, current.reason
    shape = as_json(current)
    assert {"health", "circuit", "paused_until", "tabs"} <= set(shape)
    assert {
        "health",
        "enabled",
        "last_success",
        "lag_seconds",
        "pending_events",
        "total_syncs",
        "successful_syncs",
        "failed_syncs",
        "success_rate_percent",
        "last_duration_seconds",
        "average_duration_seconds",
        "consecutive_failures",
        "last_error",
        "next_sync_in_seconds",
    } <= set(shape["tabs"]["UserProfiles"])
    assert shape["tabs"]["UserProfiles"]["successful_syncs"] == 1
    assert shape["tabs"]["UserProfiles"]["url"].startswith("http")
