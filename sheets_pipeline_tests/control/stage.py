"""A whole pipeline in miniature: database, Local Sheets, Dagster's webserver, control API, each real and on this machine."""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psycopg
import pytest
import sqlalchemy as sa
import uvicorn
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.test_utils import instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.control.app import create_app
from sheets_pipeline.control.operations import Operations
from sheets_pipeline.dagster_runtime.webserver_guard import WebserverGuard
from sheets_pipeline.database import events, history, leases, triggers
from sheets_pipeline.database.clock import database_time
from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.host_processes import sync_host_process
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.defs.resources import lending
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.edits.ledger import Seen, Source
from sheets_pipeline.edits.recording import record
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.errors import HeaderMismatch
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.platform import demo
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline.settings import Settings, load_settings
from sheets_pipeline.sync.hosts import WORKER, WORKS
from sheets_pipeline.web.connections import LimitedConnection
from sheets_pipeline_tests.control import run_launcher

TOKEN = "correct horse"
TITLES = ["course_statistics", "TranscriptRequests", "UserProfiles", "quiz_responses"]


@dataclass
class Stage:
    """What tests call."""

    pipeline: Pipeline
    operations: Operations
    instance: dg.DagsterInstance
    url: str
    token_url: str
    dagster_url: str
    client: httpx.Client
    server: LocalSheetsServer
    #: What was recorded when all tabs had been synced; empty before, and where cells were typed since.
    synced: list[dict[str, Any]] = field(default_factory=list)

    def begin(self) -> None:
        """A fresh start: nothing recorded, paused or switched off; all tabs synced once."""
        run_launcher.may_end.set()
        wait_until(lambda: not self.operations.under_way(), seconds=30)
        leases.release(self.pipeline.state)
        self.operations.dagster.set_switches(self.switch_names(), on=True)
        with self.pipeline.state.begin() as connection:
            connection.execute(history.sync_history.delete())
            connection.execute(sheet_edit.delete())
            connection.execute(sync_host_process.delete())
        with self.pipeline.platform.begin() as connection:
            events.delete(connection, [event.id for event in events.pending(connection)])
        self._sync_all()
        self.operations.forget_status()

    def _sync_all(self) -> None:
        """Sync all tabs; where nobody has typed since they were, it is only recorded again, as of now."""
        if not self.synced:
            for title in self.operations.titles():
                # What ``type`` told of never stood in the tab: going by it, a sync would find edits that nobody made.
                TabStore(self.pipeline.state, self.pipeline.services.spreadsheet_id, title).distrust()
                run_launcher.sync_tab(title, str(uuid.uuid4()))
            with self.pipeline.state.connect() as connection:
                rows = connection.execute(sa.select(history.sync_history).order_by(history.sync_history.c.id))
                self.synced = [{name: row[name] for name in row if name != "id"} for row in rows.mappings()]
            return
        with self.pipeline.state.begin() as connection:
            for row in self.synced:
                again = {"run_id": str(uuid.uuid4()), "started_at": utc_now(), "ended_at": utc_now()}
                connection.execute(history.sync_history.insert().values(**row | again))

    def hear(self, **seconds_ago: float) -> None:
        """Workers of these hosts told of themselves so long ago."""
        with self.pipeline.state.begin() as connection:
            connection.execute(sync_host_process.delete())
            now = database_time(connection)
            for host, seconds in seconds_ago.items():
                values = {"id": host, "host": host, "role": WORKER, "process": "", "state": WORKS, "code": "v1"}
                connection.execute(
                    sync_host_process.insert().values(since=now - seconds, heard_at=now - seconds, **values)
                )
        self.operations.forget_status()

    def fail(self, title: str, times: int = 2) -> None:
        """Record failed syncs of a tab."""
        for _ in range(times):
            self._record(title, HeaderMismatch(title, missing=["email"], found=["mail"]))
        self.operations.forget_status()

    def type(self, key: int, editor: str = "ada@example.org", batch: str | None = None, **cells: Any) -> list[int]:
        """Edits of a row of UserProfiles as the webhook notes them; their numbers."""
        self.synced.clear()
        source = Source(batch or str(uuid.uuid4()), "webhook", time.time(), "en_US", "Etc/GMT", editor)
        with ledger.writing(self.pipeline.state) as connection:
            tab_id = ledger.tab_id_of(connection, self.pipeline.services.spreadsheet_id, "UserProfiles")
            assert tab_id is not None
            record(connection, tab_id, [Seen(str(key), name, value) for name, value in cells.items()], source)
            return [edit.id for edit in ledger.select(connection, sheet_edit.c.batch == source.as_row()["batch"])]

    def settled(self, edit_id: int) -> Any:
        """An edit once it has been looked at."""
        apply_due(self.pipeline)
        return self.get(f"/edits/{edit_id}")["edit"]

    def succeed(self, title: str) -> None:
        """Record a sync that went well."""
        run_launcher.sync_tab(title, str(uuid.uuid4()))
        self.operations.forget_status()

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(path, json=body)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def switch_names(self) -> list[str]:
        switches = self.operations.dagster.definitions().switches
        return [name for name in switches if name.startswith("tab_")] + ["full_sync_schedule", "pending_events"]

    def _record(self, title: str, error: Exception) -> None:
        spreadsheet_id = self.pipeline.services.spreadsheet_id
        sync_id = history.begin(self.pipeline.state, spreadsheet_id, title, "full", str(uuid.uuid4()))
        history.complete(self.pipeline.state, sync_id, error)


@contextmanager
def open_stage(postgres: Server, folder: Path) -> Iterator[Stage]:
    """Everything started, and stopped again."""
    with ExitStack() as stack:
        sheets = stack.enter_context(LocalSheetsServer())
        _set_environment(stack, postgres, sheets, folder)
        pipeline = Pipeline.open()
        stack.enter_context(lending(lambda: pipeline))
        run_launcher.used.append(pipeline)
        stack.callback(run_launcher.used.remove, pipeline)
        overrides = {
            "run_launcher": {"module": "sheets_pipeline_tests.control.run_launcher", "class": "ThreadRunLauncher"},
            "run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"},
            "telemetry": {"enabled": False},
        }
        instance = stack.enter_context(instance_for_test(overrides, temp_dir=str(folder)))
        dagster_url = stack.enter_context(_webserver(instance))
        operations = Operations(load_settings(dagster_url=dagster_url), lambda: pipeline, instance)
        url = stack.enter_context(serving(create_app(operations, None)))
        token_url = stack.enter_context(serving(create_app(operations, TOKEN)))
        client = stack.enter_context(httpx.Client(base_url=url, timeout=30))
        yield Stage(pipeline, operations, instance, url, token_url, dagster_url, client, sheets)


def _set_environment(stack: ExitStack, postgres: Server, sheets: LocalSheetsServer, folder: Path) -> None:
    patch = stack.enter_context(pytest.MonkeyPatch.context())
    patch.chdir(folder)
    for name in Settings.model_fields:
        patch.delenv(name.upper(), raising=False)
    name = f"control_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    engine = connect(postgres.url(name))
    demo.generate(engine, learners=20, courses=3, responses=60)
    triggers.install(engine, WATCHED)
    engine.dispose()
    for setting, value in {
        "DATABASE_URL": postgres.url(name),
        "DAGSTER_POSTGRES_URL": postgres.url(name),
        "SPREADSHEET_ID": sheets.create_spreadsheet("Platform"),
        "SHEETS_API_ENDPOINT": sheets.endpoint,
        "GOOGLE_APPLICATION_CREDENTIALS": str(sheets.credentials_file),
        "SHEETS_READS_PER_MINUTE": "10000",
        "SHEETS_WRITES_PER_MINUTE": "10000",
        "LOCAL_DATA_DIR": str(folder / "local"),
        "EDITS_ENABLED": "true",
    }.items():
        patch.setenv(setting, value)


@contextmanager
def _webserver(instance: dg.DagsterInstance) -> Iterator[str]:
    """Dagster's own webserver, guarded, with the definitions in this process."""
    target = LoadableTargetOrigin(module_name="sheets_pipeline.definitions")
    location = InProcessCodeLocationOrigin(target, location_name="sheets_pipeline")
    with (
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget([location])) as context,
        serving(WebserverGuard(create_app_from_workspace_process_context(context))) as url,
    ):
        yield url


@contextmanager
def serving(app: Any, port: int = 0) -> Iterator[str]:
    """An ASGI application on a port of 127.0.0.1, in a thread."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, http=LimitedConnection, log_level="warning", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert wait_until(lambda: server.started, seconds=30), "the server did not start"
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
