"""Two tabs whose rows people add and delete, on a real database and Local Sheets, and a hand that types there."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest
import sqlalchemy as sa

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.row_tables import sheet_row_birth
from sheets_pipeline.database.types import LongText
from sheets_pipeline.edits import decisions, ledger
from sheets_pipeline.edits.apply import apply_row
from sheets_pipeline.edits.ledger import Edit
from sheets_pipeline.edits.look import look_at
from sheets_pipeline.edits.looks import Claim
from sheets_pipeline.pipeline import Pipeline
from sheets_pipeline.settings import Settings
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import Column, Tab
from sheets_pipeline.sync.tab import ColumnType as T

METADATA = sa.MetaData()
PERSON = sa.Table("person", METADATA, sa.Column("id", sa.Integer, primary_key=True))
TICKET = sa.Table(
    "ticket",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("title", sa.String(20), nullable=False, unique=True),
    sa.Column("person_id", sa.Integer, sa.ForeignKey("person.id")),
    sa.Column("price", sa.Numeric(6, 2)),
    sa.Column("note", LongText),
    sa.Column("stage", sa.String(10), server_default="fresh"),
    sa.Column("deleted_at", sa.DateTime),
)  # fmt: skip
PART = sa.Table(
    "part",
    METADATA,
    sa.Column("region", sa.String(10), primary_key=True),
    sa.Column("nr", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.String(20), nullable=False),
)
TICKETS = Tab(
    "Tickets",
    ("id",),
    (
        Column("id", T.INTEGER),
        Column("title", editing=Editing("ticket.title")),
        Column("person_id", T.INTEGER, editing=Editing("ticket.person_id")),
        Column("price", T.DECIMAL, editing=Editing("ticket.price")),
        Column("note", editing=Editing("ticket.note")),
        Column("stage"),
    ),
    edits=Edits((RowTarget("ticket", {"id": "id"}),), 40, True, ("title", "person_id"), "soft"),
)
PARTS = Tab(
    "Parts",
    ("region", "nr"),
    (Column("region"), Column("nr", T.INTEGER), Column("name", editing=Editing("part.name"))),
    edits=Edits((RowTarget("part", {"region": "region", "nr": "nr"}),), None, True, ("region", "nr", "name"), "hard"),
)
_QUERIES = {
    "Tickets": "select id, title, person_id, price, note, stage from ticket where deleted_at is null order by id",
    "Parts": "select region, nr, name from part order by region, nr",
}


@dataclass
class Desk:
    """The database with three tickets and three parts, the tabs as last synced."""

    engine: sa.Engine
    server: LocalSheetsServer
    pipeline: Pipeline
    tabs: dict[str, Tab] = field(default_factory=lambda: {"Tickets": TICKETS, "Parts": PARTS})

    def sync(self, title: str = "Tickets") -> SyncReport:
        writer = self.pipeline.writer(self.tabs[title])
        computed_at = writer.memory.now()
        with self.engine.connect() as connection:
            frame = pd.read_sql(sa.text(_QUERIES[title]), connection)
        return writer.full_sync(frame, computed_at=computed_at)

    def event(self, *keys: Any, title: str = "Tickets") -> SyncReport:
        """An event sync of these keys."""

        def compute() -> pd.DataFrame:
            with self.engine.connect() as connection:
                frame = pd.read_sql(sa.text(_QUERIES[title]), connection)
            return frame[frame["id"].isin(keys)]

        return self.pipeline.writer(self.tabs[title]).event_sync(compute, [str(key) for key in keys])

    def look(self, title: str = "Tickets", *, after: float = 0.0) -> None:
        """Read the tab for edits, as if so many seconds had passed; what is found in cells is applied."""
        tab = self.tabs[title]
        tab_id = self.tab_id(title)
        if after:
            with self.pipeline.state.begin() as connection:
                query = sa.select(sheet_edit.c.id, sheet_edit.c.seen_at).where(sheet_edit.c.state == "new")
                for row in connection.execute(query).all():
                    earlier = row.seen_at - timedelta(seconds=after)
                    connection.execute(sheet_edit.update().where(sheet_edit.c.id == row.id).values(seen_at=earlier))
        look_at(self.pipeline, tab, Claim(tab_id, title, datetime.now(UTC)), self.pipeline.client())
        with self.pipeline.state.connect() as connection:
            due = ledger.due(connection, 100)
        for _, key in due:
            apply_row(self.pipeline, lambda _id, name: self.tabs.get(name), tab_id, key)

    def settle(self, title: str = "Tickets", *, after: float = 4.0) -> None:
        """Read it twice: what was found the first time is done the second time."""
        self.look(title)
        self.look(title, after=after)

    def undo(self, *edits: Edit) -> list[str]:
        """Take edits of one row back; the states of the edits that do it."""
        decisions.undo(self.pipeline.state, [edit.id for edit in edits], "cleo")
        key = edits[0].row_key
        return [
            state.value for state in apply_row(self.pipeline, lambda _id, t: self.tabs.get(t), edits[0].tab_id, key)
        ]

    def tab_id(self, title: str) -> int:
        with self.pipeline.state.connect() as connection:
            found = ledger.tab_id_of(connection, self.pipeline.spreadsheet.id, title)
        assert found is not None
        return found

    def put(self, a1: str, *rows: list[Any]) -> None:
        """Type rows from a cell on."""
        path = f"/v4/spreadsheets/{self.pipeline.spreadsheet.id}/values/{quote(a1)}?valueInputOption=USER_ENTERED"
        self.server.call("PUT", path, {"range": a1, "values": list(rows)})

    def batch(self, *requests: Mapping[str, Any]) -> None:
        """Requests of a person's page: sorts, cuts, deletions."""
        path = f"/v4/spreadsheets/{self.pipeline.spreadsheet.id}:batchUpdate"
        self.server.call("POST", path, {"requests": list(requests)})

    def grid(self, title: str = "Tickets", **span: int) -> dict[str, int]:
        facts = self.pipeline.writer(self.tabs[title]).memory.facts()
        assert facts is not None
        return {"sheetId": facts.sheet_id, **span}

    def delete(self, *rows: int, title: str = "Tickets") -> None:
        """Delete rows (as the user counts them)."""
        for row in sorted(rows, reverse=True):
            span = self.grid(title, startIndex=row - 1, endIndex=row)
            self.batch({"deleteDimension": {"range": span | {"dimension": "ROWS"}}})

    def rows(self, title: str = "Tickets") -> list[list[Any]]:
        """What the tab holds below its header."""
        path = f"/v4/spreadsheets/{self.pipeline.spreadsheet.id}/values/{title}?valueRenderOption=UNFORMATTED_VALUE"
        return list(self.server.call("GET", path).get("values", []))[1:]

    def stored(self, table: sa.Table = TICKET, *columns: str) -> list[tuple[Any, ...]]:
        chosen = [table.c[name] for name in columns or ("id", "title")]
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.select(*chosen).order_by(*table.primary_key))]

    def change(self, statement: sa.Executable) -> None:
        """What the application does."""
        with self.engine.begin() as connection:
            connection.execute(statement)

    def edits(self) -> list[Edit]:
        with self.pipeline.state.connect() as connection:
            return ledger.select(connection)

    def ends(self) -> list[tuple[str, str, str]]:
        """Key, column and state of each line of the ledger."""
        return [(edit.row_key.replace("\x1f", "/"), edit.column, edit.state.value) for edit in self.edits()]

    def left(self) -> tuple[int, int]:
        """Births and marks that are left."""
        with self.pipeline.state.connect() as connection:
            births = connection.scalar(sa.select(sa.func.count()).select_from(sheet_row_birth))
        path = f"/v4/spreadsheets/{self.pipeline.spreadsheet.id}/developerMetadata:search"
        lookup = {"developerMetadataLookup": {"metadataKey": "sheets_pipeline.row"}}
        found = self.server.call("POST", path, {"dataFilters": [lookup]})
        return births or 0, len(found.get("matchedDeveloperMetadata", []))


def make_desk(
    engine: sa.Engine, server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch, state_url: str | None = None
) -> Desk:
    """Tables and tabs, synced once."""
    METADATA.create_all(engine)
    pending_event.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(PERSON.insert(), [{"id": 1}, {"id": 2}])
        tickets = [{"title": title, "person_id": 1, "price": 1.5, "note": None} for title in ("one", "two", "three")]
        connection.execute(TICKET.insert(), tickets)
        connection.execute(PART.insert(), [{"region": "EU", "nr": nr, "name": f"part {nr}"} for nr in (1, 2, 3)])
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    url = engine.url.render_as_string(hide_password=False)
    values = {
        "DATABASE_URL": url,
        "DAGSTER_POSTGRES_URL": "postgresql://nobody@127.0.0.1:1/none",
        "SPREADSHEET_ID": server.create_spreadsheet("Desk"),
        "SHEETS_API_ENDPOINT": server.endpoint,
        "GOOGLE_APPLICATION_CREDENTIALS": str(server.credentials_file),
        "SHEETS_READS_PER_MINUTE": "10000",
        "SHEETS_WRITES_PER_MINUTE": "10000",
        "EDITS_ENABLED": "true",
    } | ({"PIPELINE_DATABASE_URL": state_url} if state_url else {})
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    desk = Desk(engine, server, Pipeline.open())
    desk.sync("Tickets")
    desk.sync("Parts")
    return desk


Make = Callable[..., Desk]
