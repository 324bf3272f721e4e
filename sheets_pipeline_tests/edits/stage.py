"""A table of every type with a tab on it, what the tab was last known to hold, and a hand that types."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.state import TabStore, sync_base_row
from sheets_pipeline.database.types import LongText, UtcDateTime
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.apply import apply_row
from sheets_pipeline.edits.ledger import Edit, Seen, Source, State
from sheets_pipeline.edits.recording import record
from sheets_pipeline.sync.cells import KEY_SEPARATOR
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.sync.merge import UNKNOWN
from sheets_pipeline.sync.tab import Column, Tab
from sheets_pipeline.sync.tab import ColumnType as T

METADATA = sa.MetaData()

OWNER = sa.Table(
    "owner", METADATA, sa.Column("id", sa.Integer, primary_key=True), sa.Column("mail", sa.String(40), unique=True)
)
TASK = sa.Table(
    "task",
    METADATA,
    sa.Column("region", sa.String(10), primary_key=True),
    sa.Column("nr", sa.Integer, primary_key=True),
    sa.Column("owner_id", sa.Integer, sa.ForeignKey("owner.id")),
    sa.Column("title", sa.String(20), nullable=False),
    sa.Column("note", LongText),
    sa.Column("points", sa.Integer),
    sa.Column("price", sa.Numeric(6, 2)),
    sa.Column("share", sa.Double),
    sa.Column("is_done", sa.Boolean),
    sa.Column("due", sa.Date),
    sa.Column("at", UtcDateTime),
    sa.Column("low", sa.Integer),
    sa.Column("high", sa.Integer),
    sa.CheckConstraint("low <= high", name="in_order"),
    mysql_charset="utf8mb4",
    mariadb_charset="utf8mb4",
)  # fmt: skip

#: Column of the tab → type and target, where people may edit it.
EDITED = {
    "title": (T.TEXT, Editing("task.title", one_of=())),
    "note": (T.TEXT, Editing("task.note")),
    "points": (T.INTEGER, Editing("task.points", on_conflict="sheet")),
    "price": (T.DECIMAL, Editing("task.price")),
    "share": (T.PERCENT, Editing("task.share")),
    "is_done": (T.BOOLEAN, Editing("task.is_done")),
    "due": (T.DATE, Editing("task.due")),
    "at": (T.DATETIME, Editing("task.at", editors=("ada@example.org", "@school.org"))),
    "low": (T.INTEGER, Editing("task.low")),
    "high": (T.INTEGER, Editing("task.high")),
    "owner_id": (T.INTEGER, Editing("task.owner_id", one_of=(1, 2, 9))),
    "mail": (T.TEXT, Editing("owner.mail")),
}

TAB = Tab(
    title="Tasks",
    key=("region", "nr"),
    columns=(
        Column("region"),
        Column("nr", T.INTEGER),
        Column("of", T.INTEGER),
        *(Column(name, kind, editing=editing) for name, (kind, editing) in EDITED.items()),
    ),
    edits=Edits((RowTarget("task", {"region": "region", "nr": "nr"}), RowTarget("owner", {"id": "of"}))),
)

#: The row that tests edit, as cells: its moments are those of Berlin.
CELLS: dict[str, Any] = {
    "region": "EU", "nr": 7, "of": 1, "title": "Paint", "note": None, "points": 3, "price": 1.5, "share": 0.25,
    "is_done": False, "due": 46115, "at": 46115.5, "low": 1, "high": 5, "owner_id": 1, "mail": "one@x.org",
}  # fmt: skip
KEY = KEY_SEPARATOR.join(("EU", "7"))


@dataclass
class Stage:
    """Platform and ledger, which may live in two databases."""

    platform: sa.Engine
    state: sa.Engine
    tab: Tab = TAB
    numbers: Any = field(default_factory=itertools.count)

    @property
    def pipeline(self) -> Any:
        return SimpleNamespace(platform=self.platform, state=self.state, settings=SimpleNamespace(edits_on=True))

    @cached_property
    def tab_id(self) -> int:
        return TabStore(self.state, "SHEET", self.tab.title).id

    def type(
        self,
        *,
        editor: str = "ada@example.org",
        when: float | None = None,
        by: str = "webhook",
        old: Any = UNKNOWN,
        is_old_sure: bool = False,
        now: Any = UNKNOWN,
        locale: str = "de_DE",
        **cells: Any,
    ) -> None:
        """A message with cells of the row, by column; ``old`` is what it says that they held, ``is_old_sure`` whether it was
        of this row, ``now`` what they held when they were read."""
        number = next(self.numbers)
        source = Source(f"m{number}", by, 1000.0 + number if when is None else when, locale, "Europe/Berlin", editor)
        seen = [Seen(KEY, name, value, old, is_old_sure, now) for name, value in cells.items()]
        with ledger.writing(self.state) as connection:
            record(connection, self.tab_id, seen, source)

    def apply(self, *, patiently: bool = True) -> list[State]:
        """Settle the row's edits, as if the time to wait for company were over."""
        seen = {}
        if patiently:
            with self.state.begin() as connection:
                waiting = sheet_edit.c.state == State.NEW.value
                seen = dict(connection.execute(sa.select(sheet_edit.c.id, sheet_edit.c.seen_at).where(waiting)).all())
                old = datetime(2026, 1, 1, tzinfo=UTC)
                connection.execute(sheet_edit.update().where(waiting).values(seen_at=old, due_at=old))
        ended = apply_row(self.pipeline, lambda *_: self.tab, self.tab_id, KEY)
        with self.state.begin() as connection:
            for number, seen_at in seen.items():
                connection.execute(sheet_edit.update().where(sheet_edit.c.id == number).values(seen_at=seen_at))
        return ended

    def edits(self) -> list[Edit]:
        with self.state.connect() as connection:
            return ledger.select(connection)

    def last(self) -> Edit:
        return self.edits()[-1]

    def task(self) -> Any:
        with self.platform.connect() as connection:
            return connection.execute(sa.select(TASK).where(TASK.c.region == "EU")).one()

    def change(self, **values: Any) -> None:
        """What the application does."""
        with self.platform.begin() as connection:
            connection.execute(TASK.update().where(TASK.c.nr == 7).values(values))

    def base(self) -> Any:
        with self.state.connect() as connection:
            text = connection.scalar(sa.select(sync_base_row.c.cells).where(sync_base_row.c.row_key == KEY))
        return text if text is None else orjson.loads(text)

    def events(self) -> list[tuple[str, str]]:
        with self.platform.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.select(pending_event.c.entity, pending_event.c.key))]


def make_stage(platform: sa.Engine, state: sa.Engine) -> Stage:
    """Tables, the row, and the base of it."""
    METADATA.create_all(platform)
    pending_event.metadata.create_all(platform)
    install_state(state)
    with platform.begin() as connection:
        connection.execute(OWNER.insert(), [{"id": 1, "mail": "one@x.org"}, {"id": 2, "mail": "two@x.org"}])
        at = datetime(2026, 4, 3, 10, tzinfo=UTC)
        connection.execute(
            TASK.insert().values(
                region="EU", nr=7, owner_id=1, title="Paint", points=3, price=1.5, share=0.25, is_done=False,
                due=date(2026, 4, 3), at=at, low=1, high=5,
            )
        )  # fmt: skip
    stage = Stage(platform, state)
    TabStore(state, "SHEET", TAB.title).confirm({KEY: CELLS})
    return stage
