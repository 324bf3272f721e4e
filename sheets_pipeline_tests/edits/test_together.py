"""Edits of many rows at once end as they would have ended one by one, and take few statements."""

import itertools
import random
import re
import threading
import time
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from sheets_pipeline.database import edit_target
from sheets_pipeline.database.edit_tables import sheet_edit, sheet_note
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.state import TabStore, sync_base_row
from sheets_pipeline.edits import ledger
from sheets_pipeline.edits.apply import apply_row, apply_rows
from sheets_pipeline.edits.ledger import Seen, Source
from sheets_pipeline.edits.recording import record
from sheets_pipeline.sync.cells import KEY_SEPARATOR
from sheets_pipeline_tests.edits.stage import CELLS, OWNER, TAB, TASK, Stage

#: Two regions hold the same rows: edits of one are applied together, those of the other one by one.
TOGETHER, ALONE = "T", "A"

#: Column → values that people type: right ones, refused by type, list, length, CHECK, foreign key; what is there already.
VALUES: dict[str, list[Any]] = {
    "title": ["Draw", "Sand", "", "Paint", "x" * 21],
    "note": ["fine", None],
    "points": [4, 3, "many", 10**15],
    "price": [2.5, 1.239, "#N/A"],
    "is_done": [True, "perhaps"],
    "low": [2, 9],
    "high": [6, 0],
    "owner_id": [2, 3, 9],
    "mail": ["taken@x.org", "new@x.org"],
}
#: What became of the row meanwhile.
FATES = ["left alone"] * 6 + ["changed", "not in the database", "not ours", "being written"]

CELL = st.sampled_from(list(VALUES)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(VALUES[name])))
ROW = st.tuples(st.lists(CELL, min_size=1, max_size=4), st.sampled_from(FATES))


class Twins:
    """The same rows twice."""

    def __init__(self, stage: Stage, rows: list[tuple[list[tuple[str, Any]], str]], first: int = 100) -> None:
        self.stage, self.rows, self.first = stage, rows, first
        self.numbers = range(first, first + len(rows))
        self.store = TabStore(stage.state, "SHEET", TAB.title)
        for region in (TOGETHER, ALONE):
            self._make(region)
            self._type(region)

    def keys(self, region: str) -> list[str]:
        return [KEY_SEPARATOR.join((region, str(number))) for number in self.numbers]

    def _owner(self, region: str, number: int) -> int:
        return 2 * number + (region == ALONE)

    def _make(self, region: str) -> None:
        tasks = [
            {"region": region, "nr": n, "owner_id": 1, "title": "Paint", "points": 3, "price": 1.5, "is_done": False}
            | {"low": 1, "high": 5}
            for n, (_, fate) in zip(self.numbers, self.rows, strict=True)
            if fate != "not in the database"
        ]
        owners = [{"id": self._owner(region, n), "mail": f"{region}-{n}@x.org"} for n in self.numbers]
        with self.stage.platform.begin() as connection:
            connection.execute(OWNER.insert(), owners)
            if tasks:
                connection.execute(TASK.insert(), tasks)
        cells = {
            key: CELLS | {"region": region, "nr": n, "of": self._owner(region, n), "mail": f"{region}-{n}@x.org"}
            for n, key in zip(self.numbers, self.keys(region), strict=True)
        }
        self.store.confirm({key: one | {"share": None, "due": None, "at": None} for key, one in cells.items()})

    def _type(self, region: str) -> None:
        keys = self.keys(region)
        for i in range(max(len(cells) for cells, _ in self.rows)):
            seen = [
                Seen(key, name, f"{region}-new-{key[-3:]}@x.org" if value == "new@x.org" else value)
                for key, (cells, _) in zip(keys, self.rows, strict=True)
                for name, value in cells[i : i + 1]
            ]
            number = next(self.stage.numbers)
            source = Source(f"m{number}", "webhook", 1000.0 + number, "en_US", "Etc/UTC", "ada@example.org")
            with ledger.writing(self.stage.state) as connection:
                record(connection, self.stage.tab_id, seen, source)
        for number, key, (_, fate) in zip(self.numbers, keys, self.rows, strict=True):
            self._meet(region, number, key, fate)

    def _meet(self, region: str, number: int, key: str, fate: str) -> None:
        if fate == "changed":
            with self.stage.platform.begin() as connection:
                mine = (TASK.c.region == region) & (TASK.c.nr == number)
                connection.execute(TASK.update().where(mine).values(title="theirs", points=77))
        elif fate == "not ours":
            self.store.forget([key])
        elif fate == "being written":
            self.store.intend([key])

    def wait(self) -> None:
        """Past the time in which refused cells wait for company."""
        old = datetime(2026, 1, 1, tzinfo=UTC)
        with self.stage.state.begin() as connection:
            connection.execute(sheet_edit.update().values(seen_at=old, due_at=old))

    def apply(self) -> None:
        self.wait()
        declared: Any = lambda *_: TAB  # noqa: E731
        apply_rows(self.stage.pipeline, declared, self.stage.tab_id, self.keys(TOGETHER))
        for key in self.keys(ALONE):
            apply_row(self.stage.pipeline, declared, self.stage.tab_id, key)

    def outcome(self, region: str) -> dict[str, Any]:
        """All that is known of one twin's rows, without what tells it from the other one."""
        e, b, n, keys = sheet_edit.c, sync_base_row.c, sheet_note.c, self.keys(region)
        edit = (e.row_key, e.column_name, e.base, e.typed, e.in_database, e.stored, e.state, e.reason)
        owners = {self._owner(region, number): number for number in self.numbers}
        with self.stage.state.connect() as connection:
            found: dict[str, Any] = {
                "edits": connection.execute(sa.select(*edit).where(e.row_key.in_(keys)).order_by(e.id)).all(),
                "base": connection.execute(sa.select(b.row_key, b.cells).where(b.row_key.in_(keys))).all(),
                "notes": connection.execute(
                    sa.select(n.row_key, n.column_name, n.wanted).where(n.row_key.in_(keys))
                ).all(),
            }
        with self.stage.platform.connect() as connection:
            mine = (TASK.c.region == region) & TASK.c.nr.in_(self.numbers)
            found["tasks"] = connection.execute(sa.select(TASK).where(mine)).all()
            rows = connection.execute(sa.select(OWNER).where(OWNER.c.id.in_(owners)))
            found["owners"] = [(owners[row.id], row.mail) for row in rows]
            events = connection.execute(sa.select(pending_event.c.key)).scalars()
            found["events"] = [key for key in events if orjson.loads(key)[0] == region]
        return {name: sorted(_alike(region, str(tuple(one))) for one in some) for name, some in found.items()}


def _alike(region: str, text: str) -> str:
    for own in (f"'{region}'", f'"{region}"', f"{region}-", f"{region}\\x1f"):
        text = text.replace(own, "REGION ")
    return re.sub(r"edit \d+|\"of\":\d+|\d\d:\d\d", "...", text)


def settled_twice(stage: Stage, rows: list[tuple[list[tuple[str, Any]], str]], first: int = 100) -> None:
    """The outcome of both ways is the same."""
    twins = Twins(stage, rows, first)
    twins.apply()
    together, alone = twins.outcome(TOGETHER), twins.outcome(ALONE)
    for name, found in together.items():
        assert found == alone[name], name


@pytest.fixture
def taken(stage: Stage) -> Stage:
    """A mail address that nobody else may have."""
    with stage.platform.begin() as connection:
        connection.execute(OWNER.insert(), [{"id": 99, "mail": "taken@x.org"}])
    return stage


def test_rows_applied_together_end_as_one_by_one(taken: Stage) -> None:
    rng = random.Random(1)
    rows = [
        (
            [(name, rng.choice(VALUES[name])) for name in rng.choices(list(VALUES), k=rng.randint(1, 4))],
            rng.choice(FATES),
        )
        for _ in range(40)
    ]
    settled_twice(taken, rows)


def test_any_rows_applied_together_end_as_one_by_one(small: Stage) -> None:
    numbers = itertools.count(100, 10)
    with small.platform.begin() as connection:
        connection.execute(OWNER.insert(), [{"id": 99, "mail": "taken@x.org"}])

    @given(st.lists(ROW, min_size=2, max_size=6))
    @settings(max_examples=12)
    def run(rows: Any) -> None:
        settled_twice(small, rows, next(numbers))

    run()


def test_a_paste_takes_few_statements_and_its_three_faults_are_named(stage: Stage) -> None:
    pasted: list[tuple[list[tuple[str, Any]], str]] = [
        ([("title", f"Task {n}"), ("points", n + 9), ("note", "fine")], "left alone") for n in range(60)
    ]
    for at, cell in ((7, ("price", "many")), (30, ("low", 9)), (31, ("owner_id", 9))):
        pasted[at][0].append(cell)
    twins, statements = Twins(stage, pasted), list[str]()
    sa.event.listen(stage.platform, "before_cursor_execute", lambda _c, _k, text, *_: statements.append(text))
    twins.wait()
    apply_rows(stage.pipeline, lambda *_: TAB, stage.tab_id, twins.keys(TOGETHER))
    assert len(statements) < 150  # one by one they were 800
    with stage.state.connect() as connection:
        refused = ledger.select(connection, sheet_edit.c.state == "rejected")
    found = {(edit.row_key.partition(KEY_SEPARATOR)[2], edit.column, str(edit.reason)) for edit in refused}
    assert {one[:2] for one in found} == {("107", "price"), ("130", "low"), ("131", "owner_id")}
    assert any("expected a number" in one[2] for one in found)
    assert any("in_order" in one[2] for one in found)
    with stage.platform.connect() as connection:
        mine = (TASK.c.region == TOGETHER) & (TASK.c.note == "fine")
        assert connection.scalar(sa.select(sa.func.count()).select_from(TASK).where(mine)) == 60


def test_a_row_that_a_trigger_changes_beside_another_is_merged_anew(small: Stage) -> None:
    """One by one, the second edit would have met what the trigger made of its cell."""
    with small.platform.begin() as connection:
        connection.exec_driver_sql(
            "create trigger next_one after update of title on task when new.title = 'Draw' begin "
            "update task set points = 50 where region = new.region and nr = new.nr + 1; end"
        )
    rows: list[tuple[list[tuple[str, Any]], str]] = [
        ([("title", "Draw")], "left alone"),
        ([("points", 4), ("price", 2)], "left alone"),
    ]
    settled_twice(small, rows)
    assert [edit.in_database for edit in small.edits() if edit.column == "points"] == [50, 50]


def test_rows_of_one_row_of_a_table_are_settled_one_after_the_other(small: Stage) -> None:
    """Two rows of the tab lead to one owner."""
    twins = Twins(small, [([("mail", "a@x.org")], "left alone"), ([("mail", "b@x.org")], "left alone")])
    keys = twins.keys(TOGETHER)
    base = twins.store.base(keys)
    twins.store.confirm({key: {**(base[key] or {}), "of": 200} for key in keys})
    twins.wait()
    apply_rows(small.pipeline, lambda *_: TAB, small.tab_id, keys)
    assert sorted(edit.state.value for edit in small.edits() if edit.row_key in keys) == ["applied", "conflict"]


def test_a_row_that_somebody_has_locked_is_waited_for_alone(taken: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are applied and free again before that."""
    monkeypatch.setattr(edit_target, "LOCK_SECONDS", 60)  # or it is over on a slow machine before they are looked at
    monkeypatch.setattr(edit_target, "STATEMENT_SECONDS", 60)
    if taken.platform.dialect.name == "sqlite":
        pytest.skip("SQLite locks no rows")
    twins = Twins(taken, [([("title", f"Task {n}")], "left alone") for n in range(4)])
    twins.wait()
    keys = twins.keys(TOGETHER)
    with taken.platform.begin() as theirs:
        theirs.execute(TASK.update().where(TASK.c.region == TOGETHER, TASK.c.nr == 101).values(points=8))
        worker = threading.Thread(target=apply_rows, args=(taken.pipeline, lambda *_: TAB, taken.tab_id, keys))
        worker.start()
        query = sa.select(sa.func.count()).select_from(TASK).where(TASK.c.region == TOGETHER, TASK.c.title != "Paint")
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with taken.platform.connect() as connection:
                if connection.scalar(query) == 3:
                    break
            time.sleep(0.02)
        assert time.monotonic() < end
        assert worker.is_alive()
    worker.join()
    assert {edit.state.value for edit in taken.edits() if edit.row_key in keys} == {"applied"}
