"""Commands `sheets-pipeline local ...`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from sheets_pipeline.cli.local import local
from sheets_pipeline.embedded import services
from sheets_pipeline.errors import NotRunning
from sheets_pipeline.settings import Settings, load_settings

KEYS = [
    "database_url",
    "pipeline_database_url",
    "dagster_postgres_url",
    "sheets_api_endpoint",
    "spreadsheet_id",
    "spreadsheet_url",
    "credentials_file",
    "dagster_url",
    "control_url",
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CliRunner]:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("LOCAL_DATA_DIR", str(tmp_path / "local"))
    monkeypatch.setattr(services, "fill_demo_platform", lambda url: None)
    monkeypatch.chdir(tmp_path)
    yield CliRunner()
    services.stop_services(load_settings())


def urls(run: CliRunner) -> dict[str, str | None]:
    addresses: dict[str, str | None] = json.loads(run.invoke(local, ["urls", "--json"]).stdout)
    return addresses


def test_start_urls_stop_and_reset(run: CliRunner, tmp_path: Path):
    assert urls(run) == dict.fromkeys(KEYS)
    started = run.invoke(local, ["start"])
    assert started.exit_code == 0
    open_to_others = [path for path in (tmp_path / "local").rglob("*") if path.lstat().st_mode & 0o077]
    assert [path for path in open_to_others if not path.is_symlink()] == []
    addresses = urls(run)
    assert list(addresses) == KEYS
    assert {key for key in KEYS if addresses[key] is None} == {"dagster_url", "control_url"}
    assert str(addresses["spreadsheet_url"]) in started.stdout
    assert run.invoke(local, ["stop"]).stdout == "Stopped: Local Sheets, PostgreSQL.\n"
    assert run.invoke(local, ["stop"]).stdout == "Nothing embedded was running.\n"
    assert urls(run) == dict.fromkeys(KEYS)

    data = tmp_path / "local" / "postgres" / "data"
    refused = run.invoke(local, ["reset"], input="n\n")
    assert (refused.exit_code, data.exists()) == (1, True)
    assert run.invoke(local, ["reset", "--yes"]).exit_code == 0
    assert not data.exists()


def test_urls_of_ones_own_services_show_without_starting_anything(run: CliRunner, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://owner:secret@db.example.org/platform")
    monkeypatch.setenv("SPREADSHEET_ID", "https://docs.google.com/spreadsheets/d/1AbC/edit#gid=0")
    addresses = urls(run)
    assert (
        addresses["database_url"]
        == addresses["pipeline_database_url"]
        == "postgresql://owner:secret@db.example.org/platform"
    )
    assert addresses["spreadsheet_url"] == "https://docs.google.com/spreadsheets/d/1AbC/edit"
    assert addresses["dagster_postgres_url"] is None


@pytest.mark.parametrize(
    "command",
    [
        *["status", "status --json", "queue status --json", "queue process", "queue retry --all", "doctor --json"],
        *["db check", "db install", "db upgrade", "simulate", "serve", "clean-up", "local urls --json", "local stop"],
    ],
)
def test_a_command_that_asks_starts_nothing_and_says_so(run: CliRunner, tmp_path: Path, command: str):
    from sheets_pipeline.cli.main import main

    asked = run.invoke(main, command.split())
    assert list(tmp_path.iterdir()) == []
    if command.startswith("local"):
        return
    assert asked.exit_code == 1
    said = " ".join(asked.output.split())
    assert "of " + str(tmp_path / "local") in said
    assert "this command starts nothing" in said
    assert "perhaps this is the wrong directory" in said
    assert "`sheets-pipeline dev`" in said


def test_after_attach_only_connections_follow_a_server_and_start_none(run: CliRunner):
    settings = load_settings()
    services.ensure_services(settings)
    services.attach_only()
    try:
        services_ = services.ensure_services(settings)
        engine = sa.create_engine(services_.database_url, poolclass=sa.NullPool)
        services.stop_services(settings)
        with pytest.raises(sa.exc.OperationalError):
            engine.connect()
        with pytest.raises(NotRunning, match=r"PostgreSQL and Local Sheets .* are not running"):
            services.ensure_services(settings)
        with pytest.raises(NotRunning, match=r"PostgreSQL of .* is not running"):
            services.ensure_dagster_postgres(settings)
    finally:
        services.attach_only(wanted=False)
