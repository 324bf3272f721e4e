"""A small platform in PostgreSQL and a spreadsheet in Local Sheets, with settings that point to both."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.storage.schedules import SqliteScheduleStorage

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database.engine import connect
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs.io_managers import SheetsIOManager
from sheets_pipeline.defs.resources import PipelineResource, lending
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.settings import Settings
from sheets_pipeline.testing import new_database


@dataclass
class Platform:
    """The two ends, and a Dagster instance between them."""

    engine: sa.Engine
    server: LocalSheetsServer
    spreadsheet_id: str
    instance: dg.DagsterInstance
    opened: list[Pipeline] = field(default_factory=list)

    @property
    def pipeline(self) -> Pipeline:
        """As the settings were when it was first asked for, or last reopened."""
        if not self.opened:
            self.opened.append(Pipeline.open())
        return self.opened[0]

    def reopen(self) -> None:
        """Open the pipeline anew when it is next asked for, as a new process does: the settings have changed."""
        self.opened.clear()

    def values(self, a1_range: str) -> list[list[Any]]:
        path = f"/v4/spreadsheets/{self.spreadsheet_id}/values/{quote(a1_range)}?valueRenderOption=UNFORMATTED_VALUE"
        return list(self.server.call("GET", path).get("values", []))

    def sheets(self) -> list[dict[str, Any]]:
        """All tabs of the spreadsheet, with their properties."""
        path = f"/v4/spreadsheets/{self.spreadsheet_id}?fields=sheets.properties"
        return list(self.server.call("GET", path)["sheets"])

    def rows(self, tab: str) -> dict[Any, dict[str, Any]]:
        """The tab's rows by the value in column A."""
        header, *rows = self.values(tab)
        return {row[0]: dict(zip(header, row + [""] * (len(header) - len(row)), strict=True)) for row in rows}


@cache
def job_of(name: str) -> dg.JobDefinition:
    """The job, a full sync without its checks, which have tests of their own."""
    if name != "full_sync":
        return defs().resolve_job_def(name)
    assets = [tab_asset.asset for tab_asset in tab_assets().values()]
    loaded = dg.Definitions(
        assets=assets,
        jobs=[dg.define_asset_job(name, selection=dg.AssetSelection.assets(*assets))],
        resources={"pipeline": PipelineResource(), "sheets_io_manager": SheetsIOManager.definition()},
        executor=dg.in_process_executor,
    )
    return loaded.resolve_job_def(name)


@pytest.fixture
def platform(
    platform_server: LocalSheetsServer,
    postgres_server: Server,
    platform_template: str,
    schedule_storage: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Platform]:
    """60 learners, 4 courses, 400 responses, triggers installed, nothing synced yet."""
    server = platform_server
    server.clear_faults()
    with new_database(postgres_server, platform_template) as database_url:
        shutil.copytree(schedule_storage, tmp_path / "schedules")
        yield from _platform(server, database_url, monkeypatch, tmp_path)
    server.clear_faults()


def _platform(
    server: LocalSheetsServer, database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Platform]:
    engine = connect(database_url)
    spreadsheet_id = server.create_spreadsheet("Platform")
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", database_url)
    monkeypatch.setenv("SPREADSHEET_ID", spreadsheet_id)
    monkeypatch.setenv("SHEETS_API_ENDPOINT", server.endpoint)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(server.credentials_file))
    monkeypatch.setenv("SHEETS_READS_PER_MINUTE", "10000")
    monkeypatch.setenv("SHEETS_WRITES_PER_MINUTE", "10000")
    with dg.DagsterInstance.ephemeral() as instance:
        # The switches of tabs are kept where an ephemeral instance has no place; all else stays in memory.
        instance._schedule_storage = SqliteScheduleStorage.from_local(str(tmp_path / "schedules"))
        opened = Platform(engine, server, spreadsheet_id, instance)
        with lending(lambda: opened.pipeline):
            yield opened
