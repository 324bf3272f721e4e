"""Commands `sheets-pipeline local ...`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sheets_pipeline.local import services
from sheets_pipeline.local.cli import local
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
    found: dict[str, str | None] = json.loads(run.invoke(local, ["urls", "--json"]).stdout)
    return found


def test_start_urls_stop_and_reset(run: CliRunner, tmp_path: Path):
    assert urls(run) == dict.fromkeys(KEYS)
    started = run.invoke(local, ["start"])
    assert started.exit_code == 0
    found = urls(run)
    assert list(found) == KEYS
    assert {key for key in KEYS if found[key] is None} == {"dagster_url", "control_url"}
    assert str(found["spreadsheet_url"]) in started.stdout
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
    found = urls(run)
    assert (
        found["database_url"] == found["pipeline_database_url"] == "postgresql://owner:secret@db.example.org/platform"
    )
    assert found["spreadsheet_url"] == "https://docs.google.com/spreadsheets/d/1AbC/edit"
    assert found["dagster_postgres_url"] is None
