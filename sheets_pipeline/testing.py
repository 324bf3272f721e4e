"""What tests of tabs and writers import: twins of memory and quota, a tab on Local Sheets, a database of PostgreSQL.

    from local_sheets.testing import LocalSheetsServer
    from sheets_pipeline.testing import Bench, database_url, postgres_server  # the last two are pytest fixtures

    with LocalSheetsServer() as server:
        bench = Bench(server, MY_TAB)
        report = bench.sync(my_frame)
        assert bench.values() == [...]

Tests of a project's own tabs (``tests/test_tabs.py``, which ``sheets-pipeline init`` writes):

    TABS = declared_tabs(Path(__file__).parents[1])

    @pytest.mark.parametrize("title", TABS)
    def test_declaration_can_be_used(title):
        check_declaration(title)

Needs pytest, and for a bench or a database what is embedded (``sheets-pipeline[embedded]``).
"""

import itertools
import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pandas as pd
import psycopg
import pytest
from google.auth.credentials import AnonymousCredentials

from sheets_pipeline.components.tab_asset import reload_tabs, tab_assets
from sheets_pipeline.embedded.postgres import EmbeddedPostgres, Server
from sheets_pipeline.embedded.services import attach_only
from sheets_pipeline.errors import SheetsPipelineError
from sheets_pipeline.runs import trial
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sheets.client import NoQuota as NoQuota
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.credentials import Identity
from sheets_pipeline.sheets.memory import BaseRows, Sent, TabFacts
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sheets.retry import RetryPolicy
from sheets_pipeline.sheets.shared_requests import Participant
from sheets_pipeline.sheets.writer import TabWriter
from sheets_pipeline.sync.cells import Cell
from sheets_pipeline.sync.marks import Owner
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import Column, ColumnType, Tab

if TYPE_CHECKING:
    from local_sheets.testing import LocalSheetsServer
    from sheets_pipeline.components.tab_asset import TabAsset

#: Short waits between tries; as patient with a single request as a machine under load needs.
FAST = RetryPolicy(total_seconds=20, first_wait_seconds=0.02, longest_wait_seconds=0.1, timeout_seconds=(5, 10))

#: Where an answer that does not come is what is tested.
IMPATIENT = replace(FAST, timeout_seconds=(5, 0.5))

#: The server does not wait for the disk: nothing of it outlives the tests.
FAST_POSTGRES = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "32MB"}

#: A tab with a column of each kind, and its rows as ``people`` makes them.
PEOPLE = Tab(
    "people",
    ("id",),
    (
        Column("id", ColumnType.INTEGER),
        Column("name", header="Full name"),
        Column("score", ColumnType.DECIMAL),
        Column("seen", ColumnType.DATETIME),
        Column("active", ColumnType.BOOLEAN),
    ),
)


class FakeOwnership:
    """Follows the protocol ``Ownership``."""

    def __init__(self, installation: str = "a1b2c3d4e5", name: str = "database 'learning' on db.example.org") -> None:
        self.me = Owner(installation, name, "2026-03-01 12:00:00 UTC")

    def owner(self, *, anew: bool = False) -> Owner:
        return self.me

    def renew(self) -> Owner:
        self.me = Owner(self.me.installation + "x", self.me.name, self.me.since)
        return self.me


class FakeMemory:
    """Follows the protocol ``TabMemory``."""

    def __init__(self) -> None:
        self.known: TabFacts | None = None
        self.rows: BaseRows = {}
        self.written_at: dict[str, float] = {}
        self.gone: set[str] = set()
        #: What stood in rows before what is on its way, and what that is.
        self.before: BaseRows = {}
        self.flying: dict[str, Sent] = {}

    def now(self) -> float:
        return time.time()

    def facts(self) -> TabFacts | None:
        return self.known

    def save_facts(self, facts: TabFacts | None) -> None:
        if facts is None or (self.known is not None and self.known.sheet_id != facts.sheet_id):
            self.gone |= set(self.rows)
            self.rows.clear()
        self.known = facts

    def distrust(self) -> None:
        self.rows = dict.fromkeys(self.rows)
        self.before.clear()
        self.flying.clear()

    def owned(self, keys: Collection[str]) -> set[str]:
        return set(keys) & set(self.rows)

    def once_owned(self, keys: Collection[str]) -> set[str]:
        return set(keys) & self.gone

    def base(self, keys: Collection[str]) -> BaseRows:
        return {key: self.rows[key] for key in keys if key in self.rows}

    def written_since(self, moment: float) -> set[str]:
        return {key for key, at in self.written_at.items() if at >= moment}

    def intend(self, keys: Collection[str]) -> None:
        self._landed(keys)
        self.rows |= dict.fromkeys(keys)
        self.gone -= set(keys)

    def send(self, rows: Mapping[str, Sent]) -> None:
        self.before |= {key: known for key in rows if (known := self.rows.get(key)) is not None}
        self.rows |= dict.fromkeys(rows)
        self.gone -= set(rows)
        self.flying |= rows

    def in_flight(self) -> dict[str, Sent]:
        return dict(self.flying)

    def stood(self, keys: Collection[str]) -> BaseRows:
        return {key: self.rows[key] or self.before.get(key) for key in keys if key in self.rows}

    def settle(self, rows: BaseRows) -> None:
        self._landed(rows)
        self.before |= rows
        self.rows |= {key: None for key in rows if key in self.rows}

    def _landed(self, keys: Collection[str]) -> None:
        for key in keys:
            self.before.pop(key, None)
            self.flying.pop(key, None)

    def confirm(self, rows: Mapping[str, Mapping[str, Cell]]) -> None:
        self._landed(rows)
        self.rows |= rows
        self.gone -= set(rows)
        self.written_at |= dict.fromkeys(rows, self.now())

    def forget(self, keys: Collection[str]) -> None:
        self._landed(keys)
        for key in keys:
            self.rows.pop(key, None)
            self.gone.add(key)
            self.written_at[key] = self.now()

    def confirmed(self) -> int:
        return sum(cells is not None for cells in self.rows.values())


class Bench:
    """A tab, its writer, and the tab as people see it."""

    def __init__(self, server: "LocalSheetsServer", tab: Tab = PEOPLE, spreadsheet_id: str | None = None) -> None:
        self.server = server
        self.spreadsheet_id = spreadsheet_id or server.create_spreadsheet("Test")
        self.memory, self.ownership, self.policy = FakeMemory(), FakeOwnership(), FAST
        self.use(tab)

    def use(self, tab: Tab, participant: Participant | None = None) -> None:
        """Go on with another declaration of the tab, or as one of several that share their requests."""
        self.tab = tab
        self.client = SheetsClient(
            Identity(AnonymousCredentials(), "robot@example.org"),
            self.spreadsheet_id,
            budget=NoQuota(),
            endpoint=self.server.endpoint,
            policy=self.policy,
            participant=participant,
        )
        self.writer = TabWriter(tab, self.client, self.memory, self.client.taking_part, self.ownership)

    def sync(
        self, rows: Any, *, allow_deletes: int | None = None, dry_run: bool = False, take_over: bool = False
    ) -> SyncReport:
        computed_at = self.memory.now()
        return self.writer.full_sync(
            _frame(rows), computed_at=computed_at, allowance=Allowance(allow_deletes, dry_run, take_over)
        )

    def event(self, rows: Any, keys: set[str]) -> SyncReport:
        return self.writer.event_sync(lambda: _frame(rows), keys)

    # As people see and use it

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.server.call(method, f"/v4/spreadsheets/{self.spreadsheet_id}{path}", body)

    def edit(self, *requests: dict[str, Any]) -> Any:
        return self.call("POST", ":batchUpdate", {"requests": list(requests)})

    def put(self, a1_range: str, values: list[list[Any]], option: str = "USER_ENTERED") -> None:
        self.call("PUT", f"/values/{quote(a1_range)}?valueInputOption={option}", {"values": values})

    def a1(self, cells: str) -> str:
        """A range of the tab."""
        title = self.tab.title.replace("'", "''")
        return f"'{title}'!{cells}"

    def values(self, a1_range: str | None = None, option: str = "UNFORMATTED_VALUE") -> list[list[Any]]:
        """Of the whole tab by default."""
        path = f"/values/{quote(a1_range or self.a1('A:Z'))}?valueRenderOption={option}"
        return list(self.call("GET", path).get("values", []))

    def sheet(self, title: str | None = None) -> dict[str, Any]:
        """Properties of the tab, or of another one."""
        sheets = self.call("GET", "?fields=sheets.properties")["sheets"]
        return dict(next(s["properties"] for s in sheets if s["properties"]["title"] == (title or self.tab.title)))

    def sent(self) -> tuple[int, int, int]:
        """Reads, writes and cells written since ``reset``, as the server counts them."""
        totals = self.server.stats()["totals"]
        return totals["reads"], totals["writes"], totals["cells_written"]


def _frame(rows: Any) -> pd.DataFrame:
    return rows if isinstance(rows, pd.DataFrame) else people(rows)


def people(rows: Any) -> pd.DataFrame:
    """A frame of ``{id: name}`` or ``{id: (name, score)}``."""
    pairs = {key: value if isinstance(value, tuple) else (value, 1.5) for key, value in rows.items()}
    return pd.DataFrame(
        {
            "id": pd.Series(list(pairs), dtype="Int64"),
            "name": pd.Series([name for name, _ in pairs.values()], dtype="object"),
            "score": pd.Series([score for _, score in pairs.values()], dtype="object"),
            "seen": pd.Series([pd.Timestamp("2026-03-01T12:00Z")] * len(pairs), dtype="datetime64[us, UTC]"),
            "active": pd.Series([True] * len(pairs), dtype="boolean"),
        }
    )


# A project's own tabs ---------------------------------------------------------------------------------------------------


def declared_tabs(folder: Path) -> list[str]:
    """Titles of the tabs that a project's folder declares, with those that cannot be used; works in that folder from then on."""
    if not (folder / "tabs").is_dir():
        raise ValueError(f"{str(folder)!r} is no project: expected a folder tabs/ in it.")
    os.chdir(folder)  # where .env and tabs/ are
    reload_tabs()
    return [declared.tab.title for declared in tab_assets().values()]


def check_declaration(title: str) -> None:
    """Fail the test where the declaration of a tab cannot be used, with file, line and reason."""
    if problem := _declared(title).problem:
        pytest.fail(problem.text, pytrace=False)


def check_query(title: str) -> None:
    """Fail the test where a tab's query does not fit the database; skip it where none can be reached. Writes nothing."""
    check_declaration(title)
    attach_only()
    try:
        engine = trial.database()
    except SheetsPipelineError as error:
        pytest.skip(str(error))
    verdict = trial.judge(engine, _declared(title), load_settings().sync_tab_timeout_seconds)
    if verdict.problem:
        pytest.fail(f"Tab {title!r}: {verdict.problem}", pytrace=False)


def _declared(title: str) -> "TabAsset":
    return next(declared for declared in tab_assets().values() if declared.tab.title == title)


_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running embedded PostgreSQL, stopped at the end of the session."""
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), server_settings=FAST_POSTGRES)
    try:
        server = embedded.ensure()
        with psycopg.connect(server.conninfo("postgres")) as connection:
            # To hash the password 4,096 times is half of what it takes to connect, and tests connect often.
            connection.execute("SET scram_iterations = 1")
            connection.execute(f"ALTER ROLE CURRENT_USER PASSWORD '{server.password}'")
        yield server
    finally:
        embedded.stop()


@contextmanager
def new_database(server: Server, template: str = "template1") -> Iterator[str]:
    """The URL of a database, empty or a copy of another one, for the length of the block."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        yield server.url(name)
        _end_sessions(connection, name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _end_sessions(connection: psycopg.Connection[Any], database: str) -> None:
    """And see them gone: DROP DATABASE would wait a tenth of a second for one that is still leaving."""
    sessions = "FROM pg_stat_activity WHERE datname = %s"
    connection.execute(f"SELECT pg_terminate_backend(pid) {sessions}", [database])
    end = time.monotonic() + 1
    while connection.execute(f"SELECT {sessions}", [database]).fetchone() and time.monotonic() < end:
        time.sleep(0.001)


@pytest.fixture
def database_url(postgres_server: Server) -> Iterator[str]:
    """The URL of an empty database that only this test uses."""
    with new_database(postgres_server) as url:
        yield url
