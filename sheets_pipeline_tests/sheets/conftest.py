"""One Local Sheets for all tests of a process, and a bench with a writer for each test."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
from google.auth.credentials import AnonymousCredentials

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.errors import TabBusy
from sheets_pipeline.sheets.client import Kind, SheetsClient
from sheets_pipeline.sheets.credentials import Identity
from sheets_pipeline.sheets.protocol import Allowance
from sheets_pipeline.sheets.retry import RetryPolicy
from sheets_pipeline.sheets.shared_requests import Seat
from sheets_pipeline.sheets.writer import TabWriter
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline_tests.sheets.memory import FakeMemory, FakeOwnership

TAB = Tab(
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

#: Short waits between tries; as patient with a single request as a machine under load needs.
FAST = RetryPolicy(total_seconds=20, first_wait_seconds=0.02, longest_wait_seconds=0.1, timeout_seconds=(5, 10))

#: Where an answer that does not come is what is tested.
IMPATIENT = replace(FAST, timeout_seconds=(5, 0.5))


class NoQuota:
    """Lets every request through."""

    @contextmanager
    def slot(self, kind: Kind) -> Iterator[float]:
        yield 0.0

    def left(self, kind: Kind) -> int:
        return 60

    def reserved(self) -> AbstractContextManager[None]:
        return nullcontext()


class LosingLock:
    """A lock that is lost once it was asked so many times whether it is still held."""

    def __init__(self, good_for: int) -> None:
        self.good_for = good_for

    @contextmanager
    def __call__(self) -> Iterator[Callable[[], None]]:
        yield self._ask

    def _ask(self) -> None:
        if self.good_for == 0:
            raise TabBusy("the lock was lost")
        self.good_for -= 1


class Bench:
    """A tab, its writer, and the tab as people see it."""

    def __init__(self, server: LocalSheetsServer, tab: Tab = TAB, spreadsheet_id: str | None = None) -> None:
        self.server = server
        self.spreadsheet_id = spreadsheet_id or server.create_spreadsheet("Test")
        self.memory, self.ownership, self.policy = FakeMemory(), FakeOwnership(), FAST
        self.use(tab)

    def use(self, tab: Tab, seat: Seat | None = None) -> None:
        """Go on with another declaration of the tab, or as one of several that share their requests."""
        self.tab = tab
        self.client = SheetsClient(
            Identity(AnonymousCredentials(), "robot@example.org"),
            self.spreadsheet_id,
            budget=NoQuota(),
            endpoint=self.server.endpoint,
            policy=self.policy,
            seat=seat,
        )
        self.writer = TabWriter(tab, self.client, self.memory, self.client.taking_part, self.ownership)

    def sync(
        self, rows: Any, *, allow_deletes: int | None = None, dry_run: bool = False, take_over: bool = False
    ) -> SyncReport:
        computed_at = self.memory.now()
        return self.writer.full_sync(
            frame_of(rows), computed_at=computed_at, allowance=Allowance(allow_deletes, dry_run, take_over)
        )

    def event(self, rows: Any, keys: set[str]) -> SyncReport:
        return self.writer.event_sync(lambda: frame_of(rows), keys)

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


def frame_of(rows: Any) -> pd.DataFrame:
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


@pytest.fixture(scope="session")
def sheets_server() -> Iterator[LocalSheetsServer]:
    """A server without quota and sign-in, for all tests of this process."""
    with LocalSheetsServer() as server:
        yield server


@pytest.fixture
def bench(sheets_server: LocalSheetsServer) -> Iterator[Bench]:
    """An empty spreadsheet and a writer for the tab ``people``."""
    sheets_server.clear_faults()
    yield Bench(sheets_server)
    sheets_server.clear_faults()
