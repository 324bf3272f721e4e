"""A tab with archive tabs: a small platform in PostgreSQL, a spreadsheet in Local Sheets, and what readers see."""

import random
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from google.auth.credentials import AnonymousCredentials

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database.archive import ArchiveStore
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.frames import fetch_frame
from sheets_pipeline.database.installation import Installation
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.defs.tabs.quiz_responses import QUIZ_RESPONSES
from sheets_pipeline.pipeline import StoredMemory
from sheets_pipeline.platform import queries
from sheets_pipeline.platform.response_archive import ResponseSource
from sheets_pipeline.platform.tables import platform_metadata, quiz_responses
from sheets_pipeline.sheets.archived import ArchivedWriter
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.credentials import Identity
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.testing import FAST, NoQuota
from sheets_pipeline_tests.database.rows import add_basics

MAIN = QUIZ_RESPONSES.title
#: Column of people's notes, first of the spare ones.
NOTE = 9

#: The newest response of ``fill``.
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def new_writer(
    engine: sa.Engine, endpoint: str, spreadsheet_id: str, max_rows: int = 40, budget: Any = None
) -> ArchivedWriter:
    """A writer whose memory, lock and rows are in a real database."""
    client = SheetsClient(
        Identity(AnonymousCredentials(), "robot@example.org"),
        spreadsheet_id,
        budget=budget or NoQuota(),
        endpoint=endpoint,
        policy=FAST,
    )

    def lock() -> AbstractContextManager[Callable[[], None]]:
        return named_lock(engine, spreadsheet_id, timeout_seconds=60)

    return ArchivedWriter(
        QUIZ_RESPONSES,
        "submitted_at",
        max_rows,
        client,
        ResponseSource(engine),
        ArchiveStore(engine, spreadsheet_id, MAIN),
        lambda title: StoredMemory(engine, spreadsheet_id, title),
        lock,
        Installation(engine),
    )


def full_sync(writer: ArchivedWriter, engine: sa.Engine) -> SyncReport:
    """One full sync, as the asset and the I/O manager make it."""
    computed_at = writer.memory.now()
    since = writer.since()
    with engine.connect() as connection:
        frame = fetch_frame(connection, queries.quiz_responses(since=since))
    return writer.full_sync(frame, computed_at=computed_at)


@dataclass
class Seen:
    """One look at all tabs: tab → key → the row's cells as text; ``doubled`` are keys that stand twice."""

    tabs: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    doubled: list[str] = field(default_factory=list)
    notes_without_key: int = 0

    @property
    def home(self) -> dict[str, str]:
        """Key → the tab it stands in."""
        return {key: title for title, rows in self.tabs.items() for key in rows}

    @property
    def note(self) -> dict[str, str]:
        """Key → what people wrote beside it."""
        rows = [item for some in self.tabs.values() for item in some.items()]
        return {key: cells[NOTE] if len(cells) > NOTE else "" for key, cells in rows}


class Family:
    """The platform, the spreadsheet, and a writer."""

    def __init__(self, server: LocalSheetsServer, database_url: str, max_rows: int = 40) -> None:
        self.server, self.engine, self.max_rows = server, connect(database_url), max_rows
        platform_metadata.create_all(self.engine)
        install_state(self.engine)
        with self.engine.begin() as connection:
            add_basics(connection)
        self.spreadsheet_id = server.create_spreadsheet("Responses")

    def writer(self, budget: Any = None) -> ArchivedWriter:
        return new_writer(self.engine, self.server.endpoint, self.spreadsheet_id, self.max_rows, budget)

    def sync(self, budget: Any = None) -> SyncReport:
        return full_sync(self.writer(budget), self.engine)

    def event(self, *keys: int, computing_seconds: float = 0.0) -> SyncReport:
        def compute() -> Any:
            time.sleep(computing_seconds)
            with self.engine.connect() as connection:
                return fetch_frame(connection, queries.quiz_responses().where(quiz_responses.c.id.in_(keys)))

        return self.writer().event_sync(compute, {str(key) for key in keys})

    # The platform

    def submit(self, *days_ago: float) -> list[int]:
        """Responses submitted so many days before ``NOW``; gives their keys."""
        rows = [
            {
                "user_id": 1,
                "quiz_id": 1,
                "score": 80.0,
                "passed": True,
                "submitted_at": NOW - timedelta(days=days),
                "answer": f"answer of {days:g}",
            }
            for days in days_ago
        ]
        with self.engine.begin() as connection:
            insert = quiz_responses.insert().returning(quiz_responses.c.id, sort_by_parameter_order=True)
            return list(connection.scalars(insert, rows))

    def change(self, key: int, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(quiz_responses.update().where(quiz_responses.c.id == key).values(values))

    def delete(self, *keys: int) -> None:
        with self.engine.begin() as connection:
            connection.execute(quiz_responses.delete().where(quiz_responses.c.id.in_(keys)))

    def keys(self) -> set[str]:
        with self.engine.connect() as connection:
            return {str(key) for key in connection.scalars(sa.select(quiz_responses.c.id))}

    # People

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return self.server.call(method, f"/v4/spreadsheets/{self.spreadsheet_id}{path}", body)

    def edit(self, *requests: dict[str, Any]) -> None:
        self.call("POST", ":batchUpdate", {"requests": list(requests)})

    def put(self, a1_range: str, values: list[list[Any]]) -> None:
        self.call("PUT", f"/values/{quote(a1_range)}?valueInputOption=USER_ENTERED", {"values": values})

    def values(self, a1_range: str, option: str = "UNFORMATTED_VALUE") -> list[list[Any]]:
        return list(self.call("GET", f"/values/{quote(a1_range)}?valueRenderOption={option}").get("values", []))

    def sheet_id(self, title: str = MAIN) -> int:
        sheets = self.call("GET", "?fields=sheets.properties")["sheets"]
        return int(next(s["properties"]["sheetId"] for s in sheets if s["properties"]["title"] == title))

    def write_notes(self) -> None:
        """A note beside each row of the main tab, which names the row's key."""
        keys = [row[0] for row in self.values(f"{MAIN}!A2:A")]
        self.put(f"{MAIN}!J1:J{len(keys) + 1}", [["note"], *([f"note {key}"] for key in keys)])

    def sort(self, rng: random.Random) -> None:
        """Sort the main tab by some column, up or down."""
        span = {"sheetId": self.sheet_id(), "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": NOTE + 1}
        order = {"dimensionIndex": rng.choice([0, 7, 8, NOTE]), "sortOrder": rng.choice(["ASCENDING", "DESCENDING"])}
        self.edit({"sortRange": {"range": span, "sortSpecs": [order]}})

    def look(self) -> Seen:
        """All tabs at one moment, in one request that no rule for the pipeline's own requests concerns."""
        answer = self.call(
            "GET", "?includeGridData=true&fields=sheets(properties.title,data.rowData.values.effectiveValue)"
        )
        seen = Seen()
        for sheet in answer["sheets"]:
            title = sheet["properties"]["title"]
            if not title.startswith(MAIN):
                continue
            seen.tabs[title] = {}
            for row in sheet["data"][0].get("rowData", [])[1:]:
                cells = [_text(cell) for cell in row.get("values", [])]
                if not cells or not cells[0]:
                    seen.notes_without_key += any(cells)
                elif cells[0] in seen.home:
                    seen.doubled.append(cells[0])
                else:
                    seen.tabs[title][cells[0]] = cells
        return seen


def _text(cell: dict[str, Any]) -> str:
    value = next(iter(cell.get("effectiveValue", {}).values()), "")
    return f"{value:g}" if isinstance(value, float) else str(value)


def months(title_days: Iterable[str]) -> list[str]:
    """Titles of archive tabs."""
    return [f"{MAIN} {month}" for month in title_days]
