"""The clean-up removes what is old with all that belongs to it, keeps what says how things stand, and stays within time."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.instance.utils import RUNLESS_RUN_ID
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, TickData, TickStatus

from sheets_pipeline.database import history
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.defs.retention import Removed, clean_up_all
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.settings import Settings
from sheets_pipeline.sync.report import SyncReport

TABLES = ("runs", "run_tags", "event_logs", "asset_check_executions", "asset_event_tags")


@dg.asset(check_specs=[dg.AssetCheckSpec("is_true", asset="tab")], tags={"kind": "tab"})
def tab(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult | dg.AssetCheckResult]:
    """A tab with one check; it prints, so that there is a captured log."""
    print("written")  # noqa: T201
    yield dg.MaterializeResult(tags={"part": "one"})
    yield dg.AssetCheckResult(check_name="is_true", passed=True)


@dg.op
def write() -> None:
    """Writes nothing."""


@dg.job(executor_def=dg.in_process_executor)
def event_sync() -> None:
    """Has the name that the clean-up knows."""
    write()


class Bench:
    """A Dagster instance on PostgreSQL, and the pipeline's tables beside it."""

    def __init__(self, url: str, folder: Path) -> None:
        storage = sa.make_url(url).set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
        (folder / "dagster.yaml").write_text(
            f"storage: {{postgres: {{postgres_url: '{storage}'}}}}\ntelemetry: {{enabled: false}}\n"
        )
        self.folder, self.engine = folder, connect(url)
        install_state(self.engine)
        self.instance = dg.DagsterInstance.from_config(str(folder))

    def full_sync(self) -> str:
        """A run of the asset; gives its id."""
        resources = {"io_manager": dg.mem_io_manager}
        tags = {"sheets_pipeline/sync": "full"}
        return dg.materialize([tab], instance=self.instance, resources=resources, tags=tags).run_id

    def age(self, run_id: str, days: float) -> None:
        """Make a run look as if it had ended so long ago."""
        shift = f"- interval '{days} days'"
        with self.engine.begin() as connection:
            for statement in (
                f"update runs set update_timestamp = update_timestamp {shift} where run_id = :id",
                f"update asset_check_executions set create_timestamp = create_timestamp {shift} where run_id = :id",
                f"update event_logs set timestamp = timestamp {shift} where run_id = :id",
            ):
                connection.execute(sa.text(statement), {"id": run_id})

    def rows_of(self, run_id: str) -> dict[str, int]:
        with self.engine.connect() as connection:
            tables = [name for name in TABLES if name != "asset_event_tags"]
            return {
                name: int(connection.scalar(sa.text(f"select count(*) from {name} where run_id = :id"), {"id": run_id}))
                for name in tables
            }

    def count(self, table: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.scalar(sa.text(f"select count(*) from {table}")) or 0)

    def clean(self, longest_seconds: float = 60, **days: Any) -> Removed:
        settings = Settings(_env_file=None, **days)
        return clean_up_all(self.instance, self.engine, settings, datetime.now(UTC), longest_seconds)


@pytest.fixture(scope="module")
def module_bench(postgres_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One instance for all tests here: making its tables takes a second."""
    with psycopg.connect(postgres_server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE retention_{os.getpid()}")
    folder = tmp_path_factory.mktemp("retention")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("DAGSTER_HOME", str(folder))
        bench = Bench(postgres_server.url(f"retention_{os.getpid()}"), folder)
        with bench.instance:
            yield bench
    bench.engine.dispose()


@pytest.fixture
def bench(module_bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """The instance with nothing in it."""
    monkeypatch.setenv("DAGSTER_HOME", str(module_bench.folder))
    monkeypatch.chdir(module_bench.folder)
    with module_bench.engine.begin() as connection:
        tables = ", ".join([*TABLES, "asset_keys", "sync_history", "sync_base_row", "sync_tab"])
        connection.execute(sa.text(f"truncate {tables} restart identity cascade"))
    return module_bench


def test_an_old_run_goes_with_its_events_tags_checks_and_logs(bench: Bench) -> None:
    old, newer = bench.full_sync(), bench.full_sync()
    assert all(bench.rows_of(old).values())
    logs = bench.folder / "storage" / old
    assert logs.is_dir()
    bench.age(old, 15)
    removed = bench.clean()
    assert (removed.runs, removed.check_evaluations, removed.is_complete) == (1, 1, True)
    assert not any(bench.rows_of(old).values())
    assert not logs.exists()
    assert all(bench.rows_of(newer).values())
    assert bench.count("asset_event_tags") == 1


def test_successful_event_runs_are_kept_for_a_shorter_time_than_others(bench: Bench) -> None:
    event, full = event_sync.execute_in_process(instance=bench.instance).run_id, bench.full_sync()
    failed = event_sync.execute_in_process(instance=bench.instance).run_id
    with bench.engine.begin() as connection:
        connection.execute(sa.text("update runs set status = 'FAILURE' where run_id = :id"), {"id": failed})
    for run_id in (event, full, failed):
        bench.age(run_id, 3)
    assert bench.clean().event_runs == 1
    assert not any(bench.rows_of(event).values())
    assert bench.rows_of(failed)["runs"] == bench.rows_of(full)["runs"] == 1


def test_the_run_that_wrote_an_asset_last_and_its_checks_stay_however_old(bench: Bench) -> None:
    last = bench.full_sync()
    bench.age(last, 400)
    removed = bench.clean()
    assert (removed.runs, removed.check_evaluations) == (0, 0)
    assert bench.instance.get_latest_materialization_event(tab.key) is not None


def test_runs_under_way_stay(bench: Bench) -> None:
    run = bench.instance.create_run_for_job(event_sync, status=dg.DagsterRunStatus.STARTED)
    bench.age(run.run_id, 400)
    bench.clean()
    assert bench.rows_of(run.run_id)["runs"] == 1


def test_of_events_without_a_run_the_newest_of_each_kind_stays(bench: Bench) -> None:
    for _ in range(3):
        bench.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=tab.key, check_name="is_true", passed=False)
        )
    bench.age(RUNLESS_RUN_ID, 20)
    with bench.engine.connect() as connection:
        before = connection.scalar(sa.text("select count(*) from event_logs where run_id = ''"))
    removed = bench.clean()
    assert before == 3
    assert removed.events_without_run == 2


def test_old_records_of_syncs_and_rows_long_gone_are_removed(bench: Bench) -> None:
    for _ in range(2):
        sync = history.begin(bench.engine, "s", "tab", "full", "run")
        history.complete(bench.engine, sync, SyncReport("tab"))
    store = TabStore(bench.engine, "s", "tab")
    store.confirm({"1": {"a": 1}, "2": {"a": 2}})
    store.forget(["1"])
    with bench.engine.begin() as connection:
        connection.execute(sa.text("update sync_history set started_at = started_at - interval '31 days' where id = 1"))
        connection.execute(sa.text("update sync_base_row set written_at = written_at - 401 * 86400"))
    removed = bench.clean()
    assert (removed.syncs, removed.gone_rows) == (1, 1)
    assert store.base(["2"]) == {"2": {"a": 2}}


@pytest.mark.parametrize(
    ("days", "left"),
    [
        pytest.param({}, {2, 3, 4, 5, 6, 7, 8}, id="event syncs that succeeded: two days"),
        pytest.param({"keep_event_runs_days": 5}, {1, 2, 3, 4, 5, 6, 7, 8}, id="longer"),
        pytest.param({"keep_runs_days": 1}, {3, 4, 5, 6, 7, 8}, id="no longer than other runs"),
        pytest.param({"keep_history_days": 1}, {3, 6}, id="all records: as long as KEEP_HISTORY_DAYS says"),
    ],
)
def test_records_of_syncs_are_kept_as_long_as_the_settings_say(
    bench: Bench, days: dict[str, int], left: set[int]
) -> None:
    """Numbered 1 to 3 event syncs that succeeded 60, 36 and 12 hours ago; 4 to 6 full ones; 7 failed, 8 is open."""
    for kind in ("events", "full"):
        for _ in range(3):
            history.complete(bench.engine, history.begin(bench.engine, "s", "tab", kind, "run"), SyncReport("tab"))
    history.complete(bench.engine, history.begin(bench.engine, "s", "tab", "events", "run"), ValueError("no"))
    history.begin(bench.engine, "s", "tab", "events", "run")
    with bench.engine.begin() as connection:
        for hours, ids in ((60, (1, 4, 7, 8)), (36, (2, 5)), (12, (3, 6))):
            aged = sa.text(
                f"update sync_history set started_at = started_at - interval '{hours} hours' where id = any(:ids)"
            )
            connection.execute(aged, {"ids": list(ids)})
    removed = bench.clean(**days)
    with bench.engine.connect() as connection:
        assert set(connection.scalars(sa.text("select id from sync_history"))) == left
    assert removed.syncs == 8 - len(left)


def test_old_ticks_are_removed_also_of_sensors_that_are_no_longer_in_the_code(bench: Bench) -> None:
    location = RegisteredCodeLocationOrigin("sheets_pipeline")
    sensor = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "gone")
    mine = (sensor.get_id(), sensor.get_selector().get_id())
    state = InstigatorState(sensor, InstigatorType.SENSOR, InstigatorStatus.RUNNING)
    bench.instance.add_instigator_state(state)
    for days in (15, 13):
        moment = (datetime.now(UTC) - timedelta(days=days)).timestamp()
        data = TickData(mine[0], "gone", InstigatorType.SENSOR, TickStatus.SKIPPED, moment, selector_id=mine[1])
        bench.instance.create_tick(data)
    bench.clean()
    [kept] = bench.instance.get_ticks(*mine)
    assert datetime.now(UTC).timestamp() - kept.timestamp < 14 * 86400


def test_a_clean_up_whose_time_is_over_says_so_and_the_next_goes_on(bench: Bench) -> None:
    old, _ = bench.full_sync(), bench.full_sync()
    bench.age(old, 15)
    removed = bench.clean(longest_seconds=0)
    assert (removed.runs, removed.is_complete) == (0, False)
    assert bench.clean().runs == 1


def test_where_the_storage_is_not_postgresql_dagster_removes_runs_itself(bench: Bench) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        event_sync.execute_in_process(instance=instance)
        event_sync.execute_in_process(instance=instance)
        later = datetime.now(UTC) + timedelta(days=3)
        removed = clean_up_all(instance, bench.engine, Settings(_env_file=None), later)
        assert removed.event_runs == 2
        assert instance.get_runs_count() == 0
