"""Dagster's storage finds its place by itself, in the embedded PostgreSQL or where the settings say."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa

from sheets_pipeline.embedded.services import embedded_postgres, stop_services
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.settings import Settings, load_settings

PROJECT = Path(__file__).parents[2]


@dg.asset
def answer() -> int:
    """The only asset of this file's runs."""
    return 42


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with our dagster.yaml and no settings."""
    for name in [*(field.upper() for field in Settings.model_fields), "DAGSTER_HOME"]:
        monkeypatch.delenv(name, raising=False)
    shutil.copy(PROJECT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    stop_services(load_settings())


def run_in(folder: Path) -> str:
    """Materialize an asset on the instance that the folder's dagster.yaml describes; returns its storage folder."""
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        assert dg.materialize([answer], instance=instance, resources={"io_manager": dg.mem_io_manager}).success
        assert instance.get_runs_count() == 1
        assert instance.run_retries_enabled
        assert instance.run_monitoring_enabled
        with dg.DagsterInstance.from_ref(instance.get_ref()) as same:  # as each of Dagster's processes does
            assert same.get_runs_count() == 1
        return instance.storage_directory()


def runs_stored_in(url: str) -> int:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        number = connection.scalar(sa.text("SELECT count(*) FROM runs WHERE status = 'SUCCESS'"))
    engine.dispose()
    return int(number or 0)


def test_without_settings_runs_are_stored_in_the_embedded_server(project: Path):
    assert str(project / ".local" / "dagster") in run_in(project)
    server = embedded_postgres(load_settings()).running()
    assert server is not None
    assert runs_stored_in(server.url("dagster")) == 1
    assert {path.name for path in project.iterdir()} <= {"dagster.yaml", ".local", ".logs_queue"}


def test_with_dagster_postgres_url_runs_are_stored_there_and_nothing_is_started(
    project: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", database_url.replace("+psycopg", ""))
    run_in(project)
    assert runs_stored_in(database_url) == 1
    assert not (project / ".local" / "postgres").exists()
    folders = [path for path in (project / ".local").rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o077 for path in folders if path.parent.name in (".local", "dagster")} == {0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"password": "wrong"}, "DAGSTER_POSTGRES_URL.*refused the user name or password"),
        ({"database": "nowhere"}, "DAGSTER_POSTGRES_URL.*no such database"),
    ],
)
def test_a_url_that_a_person_must_mend_is_refused_at_once_without_its_password(
    project: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], message: str
):
    url = sa.make_url(database_url).set(**change)  # type: ignore[arg-type]
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", url.render_as_string(hide_password=False))
    with pytest.raises(DatabaseError, match=message) as caught:
        dg.DagsterInstance.from_config(str(project))
    assert str(url.password) not in str(caught.value).replace("wrong password", "")


def test_the_catalog_is_read_once_however_many_events_assets_have(project: Path):
    statements: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    with dg.DagsterInstance.from_config(str(project)) as instance:
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            for _ in range(5):
                instance.report_runless_asset_event(dg.AssetMaterialization("answer"))
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
        assert instance.get_latest_materialization_event(dg.AssetKey("answer")) is not None
        log = instance.event_log_storage
        assert not log.has_asset_key_col("a column of a later version")  # type: ignore[attr-defined]
        assert not log.has_asset_key_col("a column of a later version")  # type: ignore[attr-defined]
    assert sum("INSERT INTO event_logs" in statement for statement in statements) == 5
    assert sum("pg_catalog.pg_attribute" in statement for statement in statements) <= 1


def test_the_catalog_is_not_read_for_ticks_and_runs_once_it_was(project: Path):
    statements: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    with dg.DagsterInstance.from_config(str(project)) as instance:
        schedules, runs = instance.schedule_storage, instance.run_storage
        assert schedules

        def ask() -> list[object]:
            return [
                schedules.all_instigator_state(),
                schedules.get_instigator_state("origin", "selector"),
                schedules.has_built_index("schedule_jobs_selector_id"),  # type: ignore[attr-defined]
                runs.has_run_stats_index_cols(),  # type: ignore[attr-defined]
                runs.has_backfill_id_column(),  # type: ignore[attr-defined]
                runs.get_backfills(),
            ]

        first = ask()
        sa.event.listen(sa.Engine, "before_cursor_execute", note)
        try:
            assert ask() == first == [[], None, True, True, True, []]
        finally:
            sa.event.remove(sa.Engine, "before_cursor_execute", note)
        assert not schedules.has_built_index("an index of a later version")  # type: ignore[attr-defined]
    asked = [statement for statement in statements if "FROM" in statement]
    assert asked
    assert not [statement for statement in asked if "pg_catalog" in statement or "secondary_indexes" in statement]
