"""The running system that edits are measured on: databases, Dagster, ``serve`` and Local Sheets with the shipped script.

Local Sheets has Google's quotas and the limits that scripts of a Workspace account have. What dies is started again.
"""

import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from benchmarks.edit_page import Page
from benchmarks.edit_values import Tables, Values
from benchmarks.stack import Keeper, Stack, running_stack
from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.components.tab_asset import reload_tabs, tab_assets
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.ledger import Edit
from sheets_pipeline.edits.local_script import install
from sheets_pipeline.processes.servers import free_port

SECRET = secrets.token_hex()

#: Tab → table, key and editable columns of the demo.
DEMO = {
    "UserProfiles": ("users", "id", ("full_name", "email")),
    "quiz_responses": ("quiz_responses", "id", ("score", "passed")),
    "TranscriptRequests": ("transcript_requests", "id", ("status", "pdf_generate")),
}


@dataclass
class EditGround:
    """All of it, running; ``page`` and ``values`` look at its two ends."""

    stack: Stack
    sheets: LocalSheetsServer
    page: Page
    values: Values
    port: int
    scripts: "ScriptUse" = field(init=False)

    def __post_init__(self) -> None:
        self.scripts = ScriptUse(self.page)

    @property
    def url(self) -> str:
        """Of the database."""
        return self.stack.services.database_url

    def edits(self) -> list[Edit]:
        """The whole ledger."""
        with self.values.engine.connect() as connection:
            return ledger.select(connection)

    def settled(self, seconds: float) -> bool:
        """Wait until no edit is new and no event waits."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(sa.exc.SQLAlchemyError), self.values.engine.connect() as connection:
                new = connection.scalar(sa.text("select count(*) from sheet_edit where state = 'new'"))
                pending = connection.scalar(sa.text("select count(*) from pending_event"))
                if not new and not pending:
                    return True
            time.sleep(0.5)
        return False


@contextmanager
def running_edits(
    name: str, tables: Tables, prepare: str = "", project: str | None = None, **environment: str
) -> Iterator[EditGround]:
    """The system with filled tabs, the script installed, edits on; all of it is ended afterwards.

    ``prepare`` is SQL for the database, before anything else looks at it; ``project`` a folder of tabs in place of the demo's.
    """
    port = free_port()
    with LocalSheetsServer(quota="on", auth="service-account", options=("--apps-script-limits=workspace",)) as sheets:
        spreadsheet_id = sheets.create_spreadsheet("Edits")
        settings = {
            "SPREADSHEET_ID": spreadsheet_id,
            "SHEETS_API_ENDPOINT": sheets.endpoint,
            "GOOGLE_APPLICATION_CREDENTIALS": str(sheets.credentials_file),
            "EDITS_ENABLED": "true",
            "EDITS_WEBHOOK_SECRET": SECRET,
            "CONTROL_API_PORT": str(port),
        }
        if project is not None:
            settings["PROJECT_DIR"] = project
        with running_stack(name, **settings, **environment) as stack:
            reload_tabs()
            values = Values(stack.services.database_url, tables, prepare)
            stack.start_daemon()
            stack.start_serve()
            keeper = Keeper(stack)
            try:
                page = Page(sheets, spreadsheet_id)
                _wait_until_filled(page, tables, stack)
                install(sheets.endpoint, spreadsheet_id, f"http://127.0.0.1:{port}/webhook", SECRET)
                yield EditGround(stack, sheets, page, values, port)
            finally:
                keeper.close()
                values.close()
    for setting in settings:
        os.environ.pop(setting, None)


def _wait_until_filled(page: Page, tables: Tables, stack: Stack, seconds: float = 300) -> None:
    """Wait for the first full sync of all tabs, and for serve."""
    titles = {asset.tab.title for asset in tab_assets().values()}
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if titles <= page.tabs().keys() and all(page.look(title).rows for title in titles):
            time.sleep(5)  # a tab that is being filled
            for title in titles:
                page.look(title)
            return
        time.sleep(2)
    raise RuntimeError(f"The tabs are not filled after {seconds:g} s; see {stack.folder / 'daemon.log'}.")


class ScriptUse:
    """What the script's executions used of Google's limits; Local Sheets keeps the last 500, so it is asked often."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.seen: dict[int, dict[str, Any]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._stop.wait(3):
            with suppress(OSError):
                self.look()

    def look(self) -> None:
        """Note executions that are over."""
        for one in self.page.script.executions():
            if one["processStatus"] not in ("RUNNING", "PENDING"):
                self.seen[one["number"]] = one

    def close(self) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join()

    def take(self) -> list[dict[str, Any]]:
        """Executions since the last time."""
        self.look()
        taken, self.seen = self.seen, {}
        return list(taken.values())
