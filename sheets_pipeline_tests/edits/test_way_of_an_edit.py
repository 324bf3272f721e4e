"""From the sheet to the database over HTTP: a signed message or a full sync, the ledger, the tab again, the command line."""

import asyncio
import getpass
import json
import re
import threading
import time
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import hypothesis
import orjson
import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import strategies as st

from sheets_pipeline.cli.main import main
from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.control import webhook
from sheets_pipeline.control.app import create_app
from sheets_pipeline.control.operations import Operations
from sheets_pipeline.control.webhook import Letters, add_webhook, webhook_alone
from sheets_pipeline.database.edit_tables import sheet_edit, sheet_edit_message
from sheets_pipeline.defs.edit_sync import edit_sync, edits_left
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.edits import intake, ledger, looks, messages, typed_over
from sheets_pipeline.edits.applier import Applier
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.edits.intake import Intake, Letter, Taken
from sheets_pipeline.edits.local_script import install
from sheets_pipeline.edits.look import look_due
from sheets_pipeline.edits.messages import Message, MessageRefused, parsed
from sheets_pipeline.edits.reading import Reading
from sheets_pipeline.edits.script import code, manifest
from sheets_pipeline.edits.signature import secret_of, sign
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform.tables import transcript_requests, users
from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline.settings import Settings, load_settings
from sheets_pipeline.sync.merge import UNKNOWN
from sheets_pipeline.sync.report import SyncReport
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline_tests.control.stage import serving
from sheets_pipeline_tests.learning_platform import Platform, platform

__all__ = ["platform"]

SECRET = "correct horse battery"


class Way:
    """The platform with its tabs synced, the webhook, and hands that type."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.pipeline = platform, platform.pipeline
        operations = Operations(self.pipeline.settings, lambda: self.pipeline, platform.instance)
        self.client = TestClient(create_app(operations, "token", SECRET))

    def asset(self, title: str) -> TabAsset:
        return next(asset for asset in tab_assets().values() if asset.tab.title == title)

    def sync(self, title: str) -> SyncReport:
        asset = self.asset(title)
        writer = self.pipeline.writer(asset.tab)
        computed_at = writer.memory.now()
        with self.pipeline.source.connect() as connection:
            frame = asset.compute(connection, None)
        return writer.full_sync(frame, computed_at=computed_at)

    def message(self, title: str, column: str, rows: list[list[Any]], **more: Any) -> dict[str, Any]:
        """What the script sends for rows of key and value: typed where it is one text, else pasted."""
        typed = [value for _, value in rows if len(rows) == 1 and isinstance(value, str)]
        return {
            "id": str(uuid.uuid4()), "kind": "edit", "spreadsheet": self.platform.spreadsheet_id, "tab": title,
            "at": int(time.time() * 1000), "locale": "en_US", "zone": "Etc/GMT", "columns": [column],
            "rows": [{"key": [key], "cells": [value]} for key, value in rows], "new": typed[0] if typed else None,
        } | more  # fmt: skip

    @staticmethod
    def _named(message: Any) -> str:
        return str(message.get("spreadsheet", "")) if isinstance(message, dict) else ""

    def letter(self, message: dict[str, Any], secret: str = SECRET) -> Letter:
        body, timestamp = orjson.dumps(message), str(int(time.time()))
        return Letter(body, timestamp, sign(secret_of(self._named(message), secret), timestamp, body))

    def send(self, message: Any, *, secret: str = SECRET, age: int = 0, of: str = "") -> Any:
        """Post a message, signed with the secret of its spreadsheet, or of another one."""
        body = message if isinstance(message, bytes) else orjson.dumps(message)
        timestamp = str(int(time.time()) - age)
        signature = sign(secret_of(of or self._named(message), secret), timestamp, body)
        headers = {"X-Sheets-Pipeline-Timestamp": timestamp, "X-Sheets-Pipeline-Signature": signature}
        # As it comes from a proxy, from far away.
        return self.client.post("/webhook", content=body, headers={**headers, "X-Forwarded-For": "203.0.113.9"})

    def put(self, a1: str, value: Any) -> None:
        """Type into a cell."""
        path = f"/v4/spreadsheets/{self.platform.spreadsheet_id}/values/{a1}?valueInputOption=USER_ENTERED"
        self.platform.server.call("PUT", path, {"range": a1, "values": [[value]]})

    def user(self, key: int) -> Any:
        with self.platform.engine.connect() as connection:
            return connection.execute(sa.select(users).where(users.c.id == key)).one()

    def is_look_due(self) -> bool:
        with self.pipeline.state.connect() as connection:
            return looks.next_due(connection) is not None

    def kinds(self) -> list[str]:
        """Of the messages that were taken."""
        with self.pipeline.state.connect() as connection:
            return list(connection.scalars(sa.select(sheet_edit_message.c.kind)))

    def edits(self) -> list[dict[str, Any]]:
        result = CliRunner().invoke(main, ["edits", "list", "--json"], catch_exceptions=False)
        return list(json.loads(result.output))


@pytest.fixture
def way(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Way:
    monkeypatch.setenv("EDITS_ENABLED", "true")
    monkeypatch.setenv("EDITS_WEBHOOK_SECRET", SECRET)
    platform.reopen()
    made = Way(platform)
    made.sync("UserProfiles")
    return made


def test_what_is_typed_reaches_the_database_through_the_shipped_script(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_over, "_CLOCKS", 0.0)  # there is one clock
    applier = Applier(lambda: way.pipeline, lambda: look_due(way.pipeline))
    app = FastAPI()
    add_webhook(app, Intake(lambda: way.pipeline, SECRET, is_enabled=lambda: True), applier)
    script = way.platform.server.script(way.platform.spreadsheet_id)
    script.set(code(asset.tab for asset in tab_assets().values()), manifest=manifest())
    applier.start()
    try:
        with serving(app) as url:
            secret = secret_of(way.platform.spreadsheet_id, SECRET)
            assert script.run("setup", answers=[f"{url}/webhook", secret])["execution"]["processStatus"] == "COMPLETED"
            assert script.run("test")["result"] == 202
            shown = script.run("showConfig")["result"]
            script.type("UserProfiles!B2", "Ada Löwe", user="ann@example.org")
            script.paste("UserProfiles!B3:D4", [["Grace", "g@x.org", 1], ["Alan", "", 2]])  # joined_at is not editable
            script.type("UserProfiles!F2", "9")
            assert wait_until(lambda: len(way.edits()) == 5 and way.user(3).full_name == "Alan", seconds=30), (
                way.edits()
            )
            script.wait_for_executions(3, event_type="ON_EDIT")
            assert wait_until(lambda: not way.is_look_due(), seconds=30)  # after the paste
            way.platform.server.faults({"action": "error", "method": "script.triggers.on_edit"})
            script.type("UserProfiles!C5", "lost@x.org", user="ann@example.org")
            script.type("UserProfiles!C5", "kept@x.org", user="ann@example.org")
            assert wait_until(lambda: way.user(4).email == "kept@x.org", seconds=30), way.edits()
            script.type("UserProfiles!B1", "full_name")  # what was typed while a header was another one is read then
            assert wait_until(lambda: way.kinds().count("look") == 1, seconds=30), way.kinds()
            script.run("uninstall")
    finally:
        applier.end()
    assert "Secret: set" in shown
    assert secret not in shown
    assert (way.user(1).full_name, way.user(2).full_name, way.user(2).email, way.user(3).email) == (
        "Ada Löwe",
        "Grace",
        "g@x.org",
        None,
    )
    first = next(
        edit for edit in way.edits() if edit["column"] == "full_name" and edit["key"] == "1"
    )  # messages may overtake each other
    assert (first["typed"], first["editor"], first["seen_by"], first["key"]) == (
        "Ada Löwe",
        "ann@example.org",
        "webhook",
        "1",
    )
    assert not script.state()["triggers"]
    assert way.sync("UserProfiles").cells == 3  # what is not editable is put back, and nothing else is written
    assert way.sync("UserProfiles").traffic.write_requests == 0
    assert [edit["typed"] for edit in way.edits() if edit["state"] != "applied"] == ["lost@x.org"]


def test_messages_that_are_not_to_be_taken_are_refused(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    good = way.message("UserProfiles", "full_name", [[1, "Ada"]])
    assert way.send(good, secret="wrong").status_code == 401
    assert way.send(good, of="other").status_code == 401  # whoever edits another spreadsheet knows that one's secret
    assert way.send(good | {"spreadsheet": "other"}, of=way.platform.spreadsheet_id).status_code == 401
    body, timestamp = orjson.dumps(good), str(int(time.time()))
    with pytest.raises(MessageRefused, match="edits script"):  # the one that all are made from is no script's
        Intake(lambda: way.pipeline, SECRET, is_enabled=lambda: True).receive(
            body, timestamp, sign(SECRET, timestamp, body)
        )
    assert way.send(good, age=400).status_code == 401
    assert way.send(good, age=-400).status_code == 401
    assert way.client.post("/webhook", json=good).status_code == 401
    assert way.send(good | {"spreadsheet": "other"}).status_code == 404
    assert way.send(good | {"tab": "course_statistics"}).status_code == 404
    assert way.send(good | {"columns": ["user_id"]}).status_code == 400
    assert way.send(good | {"rows": [{"key": [1], "cells": []}]}).status_code == 400
    assert way.send(b"[" * 2000).status_code == 400
    assert way.send(b'"' + b"x" * 1_100_000 + b'"').status_code == 413
    assert way.edits() == []
    assert way.send(good).status_code == 202
    assert way.send(good).status_code == 409  # a replay
    assert len(way.edits()) == 1
    assert way.send(way.message("", "", []) | {"kind": "probe", "columns": []}).json() == {"taken": "probe", "cells": 0}
    assert way.client.get("/sync/status").status_code == 401  # nothing else is open
    probe = way.message("", "", []) | {"kind": "probe", "columns": []}
    alone = webhook_alone()
    operations = Operations(way.pipeline.settings, lambda: way.pipeline, way.platform.instance)
    control, way.client = way.client, TestClient(create_app(operations, "token", SECRET, alone))
    assert way.send(probe).status_code == 404  # it has a port of its own, and is nowhere else
    way.client = TestClient(alone)
    assert way.send(probe | {"id": str(uuid.uuid4())}).status_code == 202
    assert way.send(b'"' + b"x" * 1_100_000 + b'"').status_code == 413
    for path in ("/", "/dashboard", "/edits", "/openapi.json", "/webhook"):
        assert way.client.get(path).status_code == 404
    way.client = control
    sa.event.listen(way.pipeline.state, "before_cursor_execute", _disk_is_full)
    for way.client in (TestClient(alone), control):
        answer = way.send(probe | {"id": str(uuid.uuid4())})  # the script sends it again
        assert (answer.status_code, answer.json()["error"]) == (503, "The ledger cannot be written now. Send it again.")
    sa.event.remove(way.pipeline.state, "before_cursor_execute", _disk_is_full)
    monkeypatch.setattr(intake, "PER_SECOND", 0.001)
    monkeypatch.setattr(intake, "AT_ONCE", 0.5)
    assert way.send(probe).status_code == 429
    body, timestamp = orjson.dumps(probe), str(int(time.time()))
    for secret, is_enabled in ((None, True), (SECRET, False)):
        closed = Intake(lambda: way.pipeline, secret, is_enabled=partial(bool, is_enabled))
        with pytest.raises(MessageRefused, match="EDITS_ENABLED and EDITS_WEBHOOK_SECRET"):
            closed.receive(body, timestamp, sign(SECRET, timestamp, body))


def test_messages_that_come_together_share_a_transaction_and_one_holds_up_no_other(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typed_over, "_CLOCKS", 0.0)  # there is one clock
    taken, commits = Intake(lambda: way.pipeline, SECRET, is_enabled=lambda: True), list[object]()
    sa.event.listen(way.pipeline.state, "commit", commits.append)
    name = partial(way.message, "UserProfiles", "full_name")
    good = [name([[key, f"Person {key}"]], editor=f"{key}@x.org") for key in (1, 2, 3)]
    answers = taken.receive_all([way.letter(one) for one in good])
    assert answers == [Taken("edit", "UserProfiles", 1)] * 3
    assert len(commits) == 1
    apply_due(way.pipeline)
    assert [way.user(key).full_name for key in (1, 2, 3)] == ["Person 1", "Person 2", "Person 3"]
    assert {edit["key"]: edit["editor"] for edit in way.edits()} == {"1": "1@x.org", "2": "2@x.org", "3": "3@x.org"}
    at = int(time.time() * 1000)
    # The same row, named in another way: where both were noted at once, nobody would know of the first.
    twice = [name([[9, "First"]], at=at), name([["9", "Second"]], at=at + 1, old="First", new="Second")]
    assert [_came_to(one) for one in taken.receive_all([*map(way.letter, twice)])] == [1, 1]
    assert [edit["typed"] for edit in way.edits() if edit["key"] == "9"] == ["Second", "First"]
    mixed = [
        name([[4, "First"]], at=at),
        good[0],  # a replay
        name([[5, "In no column"]], columns=["user_id"]),
        name([["4", "Second"]], at=at + 1),
        name([[6, "Nowhere"]], zone="Mars/Phobos"),
        name([[7, "Seven"]]),
        name([["own row", "x"]]),
        way.message("", "", [], kind="look", columns=[]),
    ]
    letters = [*map(way.letter, mixed), way.letter(name([[8, "Forged"]]), "wrong")]
    came_to = taken.receive_all(letters)
    assert [_came_to(one) for one in came_to] == [1, 409, 400, 1, 400, 1, 0, 0, 401]
    assert [one.asks_for_look for one in came_to if isinstance(one, Taken)] == [False, False, False, True, True]
    apply_due(way.pipeline)
    assert (way.user(4).full_name, way.user(7).full_name) == ("Second", "Seven")
    assert [edit["state"] for edit in way.edits() if edit["key"] == "4"] == ["applied", "superseded"]


def _came_to(answer: Taken | Exception) -> int | str:
    if isinstance(answer, Taken):
        return answer.cells
    return answer.status if isinstance(answer, MessageRefused) else repr(answer)


def test_while_the_database_is_away_it_is_asked_once_for_all_that_come_together(way: Way) -> None:
    asked = list[object]()

    def away() -> Any:
        asked.append(1)
        error = DatabaseError("It does not answer.")
        error.is_transient = True
        raise error

    taken = Intake(away, SECRET, is_enabled=lambda: True)
    answers = taken.receive_all([way.letter(way.message("UserProfiles", "full_name", [[key, "x"]])) for key in (1, 2)])
    assert [type(one) for one in answers] == [DatabaseError, DatabaseError]
    assert len(asked) == 1


MESSAGES = st.lists(
    st.tuples(st.sampled_from(["edit", "edit", "look", "probe"]), st.sampled_from("ab"),
              st.lists(st.integers(1, 4), min_size=1, max_size=3), st.sampled_from([1, 700])),
    max_size=12,
)  # fmt: skip


@hypothesis.settings(max_examples=60)
@hypothesis.given(MESSAGES)
def test_a_group_is_of_one_tab_no_two_of_it_share_a_row_and_rows_keep_their_order(told: list[Any]) -> None:
    made = {
        n: Message.model_validate(
            {"id": "0" * 36, "kind": kind, "spreadsheet": "s", "tab": tab, "at": n, "columns": ["c"] * width,
             "rows": [{"key": [key], "cells": ["x"] * width} for key in keys]}
        )
        for n, (kind, tab, keys, width) in enumerate(told)
    }  # fmt: skip
    groups = intake.grouped(made)
    assert sorted(n for group in groups for n in group) == list(made)
    turn = {n: i for i, group in enumerate(groups) for n in group}
    for group in groups:
        assert len({(made[n].kind, made[n].tab) for n in group}) == 1
        assert len(group) == 1 or made[group[0]].kind == "edit"
        keys = [key for n in group for key in {tuple(row.key) for row in made[n].rows}]
        assert len(keys) == len(set(keys))
        assert len(group) == 1 or sum(len(row.cells) for n in group for row in made[n].rows) <= 2_000
    for n, one in made.items():
        for later, other in made.items():
            share = {tuple(row.key) for row in one.rows} & {tuple(row.key) for row in other.rows}
            if n < later and one.kind == other.kind == "edit" and one.tab == other.tab and share:
                assert turn[n] < turn[later]


def test_those_who_wait_are_the_next_group_and_who_has_gone_harms_nobody() -> None:
    groups, go = list[int](), threading.Event()

    def receive_all(letters: Sequence[Letter]) -> list[Taken | Exception]:
        groups.append(len(letters))
        go.wait(30)
        if letters[0].body == b"broken":
            raise ValueError
        return [MessageRefused(409, "") if one.body == b"no" else Taken("edit", "", 1) for one in letters]

    async def all_of_them() -> list[Any]:
        letters = Letters(receive_all)

        def sent(body: bytes) -> asyncio.Task[Any]:
            return asyncio.create_task(letters.take(Letter(body, "", "")))

        first = list[asyncio.Task[Any]]()
        for number, body in enumerate((b"1", b"2"), 1):
            first.append(sent(body))
            while len(groups) < number:
                await asyncio.sleep(0.001)
        waiting = [sent(body) for body in (b"3", b"no", b"gone", b"4")]
        await asyncio.sleep(0)
        waiting.pop(2).cancel()
        go.set()
        answers = await asyncio.gather(*first, *waiting, return_exceptions=True)
        return [*answers, *await asyncio.gather(sent(b"broken"), return_exceptions=True)]

    came_to = asyncio.run(all_of_them())
    assert groups == [1, 1, 4, 1]
    assert [type(one) for one in came_to] == [Taken, Taken, Taken, MessageRefused, Taken, ValueError]


def test_a_message_that_comes_as_the_last_group_ends_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_AT_ONCE", 1)

    async def one_after_the_other() -> list[Taken]:
        letters = Letters(lambda some: [Taken("edit", "", 1)] * len(some))
        return [await letters.take(Letter(b"", "", "")) for _ in range(3)]

    assert len(asyncio.run(asyncio.wait_for(one_after_the_other(), 30))) == 3


def _disk_is_full(*about: Any) -> None:
    if str(about[2]).startswith("INSERT INTO sheet_edit_message"):
        raise psycopg.errors.DiskFull("could not extend file: No space left on device")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text() | st.integers(-(2**63), 2**63 - 1),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@hypothesis.settings(max_examples=80)
@hypothesis.given(
    st.dictionaries(
        st.sampled_from(["id", "kind", "tab", "at", "zone", "columns", "rows", "old", "editor", "x"]), JSON
    ),
    st.binary(max_size=40),
)
def test_hostile_json_is_refused_without_its_words(changes: dict[str, Any], noise: bytes) -> None:
    good = {"id": str(uuid.uuid4()), "kind": "edit", "spreadsheet": "s", "at": 1}
    for body in (orjson.dumps(good | changes), noise):
        try:
            message = parsed(body)
        except MessageRefused as refused:
            shown = str(refused)
            assert len(shown) < 300
        else:
            assert message.spreadsheet == "s"


@pytest.mark.parametrize(
    ("told", "kind", "cell"),
    [("007", ColumnType.TEXT, "007"), ("1234.5", ColumnType.DECIMAL, 1234.5), ("46115.25", ColumnType.DATETIME, 46115.25),
     ("TRUE", ColumnType.BOOLEAN, True), ("many", ColumnType.INTEGER, "many"), ("nan", ColumnType.DECIMAL, "nan"),
     ("1E+20", ColumnType.DECIMAL, 1e20)],
)  # fmt: skip
def test_what_an_event_says_that_a_cell_held_is_read_whatever_the_locale(
    told: str, kind: ColumnType, cell: Any
) -> None:
    assert messages._held(told, Column("x", kind)) == cell


@pytest.mark.parametrize(
    ("new", "cell", "is_another"),
    [("ready", "sent", True), ("ready", "ready", False), ("'007", "007", False), ("ready", "", True), ("1.5", 1.5, False),
     ("1", 2, True), ("50%", 0.5, False), ("=A1", "x", False), ("TRUE", False, True), ("FALSE", False, False), ("yes", True, False),
     ("46115", {"date": 1775174400000}, False), (None, "sent", False)],
)  # fmt: skip
def test_a_cell_is_told_to_hold_something_else_than_was_typed_only_where_that_is_sure(
    new: Any, cell: Any, is_another: bool
) -> None:
    row = {"key": [1], "cells": [cell]}
    body = {
        "id": str(uuid.uuid4()),
        "kind": "edit",
        "spreadsheet": "S",
        "at": 1,
        "columns": ["x"],
        "rows": [row],
        "new": new,
    }
    tab = cast(Tab, SimpleNamespace(column=lambda name: Column(name, ColumnType.TEXT)))
    told = messages.typed_over(messages.parsed(json.dumps(body).encode()), tab)
    assert told == (new if is_another else UNKNOWN)


def test_a_full_sync_leaves_an_edit_that_is_applied_while_it_plans(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    asset, take = way.asset("UserProfiles"), Reading.take
    writer = way.pipeline.writer(asset.tab)
    computed_at = writer.memory.now()
    with way.pipeline.source.connect() as connection:
        frame = asset.compute(connection, None)
    way.put("UserProfiles!B2", "Ada")
    assert way.send(way.message("UserProfiles", "full_name", [[1, "Ada"]])).status_code == 202

    def late(*arguments: Any) -> None:
        apply_due(way.pipeline)
        take(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Reading, "take", late)
        assert writer.full_sync(frame, computed_at=computed_at).cells == 0
    assert way.user(1).full_name == "Ada"
    assert way.sync("UserProfiles").cells == 0


def test_a_full_sync_finds_what_no_message_told_and_does_not_bury_it(way: Way) -> None:
    way.put("UserProfiles!B2", "Ada")
    way.put("UserProfiles!F2", "99")  # not editable: repaired
    with way.platform.engine.begin() as connection:
        connection.execute(users.update().where(users.c.id == 2).values(full_name="Changed in the database"))
    way.put("UserProfiles!B3", "Grace")
    report = way.sync("UserProfiles")
    rows = way.platform.rows("UserProfiles")
    assert (rows[1]["full_name"], rows[2]["full_name"]) == ("Ada", "Changed in the database")
    assert report.drift is not None
    assert report.drift.cells == 2  # the one that lost, too
    way.sync("UserProfiles")  # nothing new
    apply_due(way.pipeline)
    assert way.user(1).full_name == "Ada"
    found = {edit["key"]: (edit["state"], edit["typed"], edit["seen_by"]) for edit in way.edits()}
    assert found == {"1": ("applied", "Ada", "read"), "2": ("conflict", "Grace", "read")}
    assert way.sync("UserProfiles").cells == 0  # a note tells of the one that lost
    assert way.sync("UserProfiles").traffic.write_requests == 0
    # What is refused is shown again, and is no second edit.
    way.sync("TranscriptRequests")
    with way.platform.engine.connect() as connection:
        key, status = connection.execute(
            sa.select(transcript_requests.c.id, transcript_requests.c.status).limit(1)
        ).one()
    row = next(i for i, cells in enumerate(way.platform.values("TranscriptRequests!A:A"), 1) if cells[0] == key)
    way.put(f"TranscriptRequests!D{row}", "lost")
    way.sync("TranscriptRequests")
    apply_due(way.pipeline)
    edit, *others = way.edits()
    assert (edit["state"], edit["reason"]) == ("rejected", "expected one of pending, approved, sent, rejected")
    way.sync("TranscriptRequests")
    assert way.platform.rows("TranscriptRequests")[key]["status"] == status
    assert len(way.edits()) == len(others) + 1


def test_people_decide_at_the_command_line_and_off_nothing_changes(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    way.send(way.message("UserProfiles", "full_name", [[1, "Ada"]], editor="ada@x.org"))
    apply_due(way.pipeline)
    before = way.edits()[0]["database"]
    run = CliRunner().invoke
    shown = run(main, ["edits", "show", str(way.edits()[0]["id"])], catch_exceptions=False).output
    assert "ada@x.org" in shown
    hour = ["edits", "undo", "--editor", "ada@x.org", "--since", "2000-01-01", "--until", "2100-01-01T00:00+02:00"]
    preview = run(main, [*hour, "--dry-run"], catch_exceptions=False).output
    assert preview == f"UserProfiles 1 full_name: 'Ada' -> {before!r}\n"
    assert way.user(1).full_name == "Ada"
    assert run(main, [*hour[:4], "--since", "yesterday"]).exit_code == 2
    assert run(main, hour[:6]).exit_code == 2
    assert re.search(r"^1 edits are taken back .*: applied 1\.$", run(main, hour, catch_exceptions=False).output)
    assert way.user(1).full_name == before
    assert len(run(main, ["edits", "list", "--csv"], catch_exceptions=False).output.splitlines()) == 3
    assert run(main, ["edits", "accept", "99"]).exit_code == 1
    assert run(main, ["edits", "accept"]).exit_code == 2
    with ledger.writing(way.pipeline.state) as connection:
        connection.execute(sheet_edit.update().values(state="awaiting", batch="big"))
    accepted = run(main, ["edits", "accept", "--batch", "big", "--json"], catch_exceptions=False).output
    assert [edit["decided_by"] for edit in json.loads(accepted)] == [getpass.getuser()] * 2
    assert "ada@x.org" in run(main, ["edits", "list"], catch_exceptions=False).output
    script = run(main, ["edits", "script"], catch_exceptions=False).output
    assert '"columns": {\n      "full_name": "full_name",' in script
    assert "const TABS = {};" not in script
    assert SECRET not in script
    assert secret_of(way.platform.spreadsheet_id, SECRET) in script
    other = run(
        main, ["edits", "script", "--spreadsheet", "https://docs.google.com/spreadsheets/d/other_spreadsheet_id/edit"]
    )
    assert secret_of("other_spreadsheet_id", SECRET) in other.output
    assert run(main, ["edits", "script", "--spreadsheet", "no id!"]).exit_code == 2
    way.send(way.message("UserProfiles", "full_name", [[1, "Eve"]]))
    monkeypatch.setenv("EDITS_ENABLED", "false")
    way.platform.reopen()
    before = way.user(1).full_name
    off = way.platform.pipeline
    assert apply_due(off).total == 0
    way.pipeline = off
    way.put("UserProfiles!B3", "Grace")
    way.sync("UserProfiles")
    assert way.user(1).full_name == before
    assert way.platform.rows("UserProfiles")[2]["full_name"] != "Grace"


def test_edits_are_on_by_themselves_where_all_is_embedded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    assert load_settings().edits_on
    monkeypatch.setenv("DATABASE_URL", "postgresql://u@h/d")
    assert not load_settings().edits_on
    monkeypatch.setenv("EDITS_ENABLED", "true")
    assert load_settings().edits_on


def test_the_local_spreadsheet_gets_the_script_by_itself(way: Way) -> None:
    server, spreadsheet_id = way.platform.server, way.platform.spreadsheet_id
    for url in ("http://127.0.0.1:1/webhook", "http://127.0.0.1:2/webhook"):  # each start has another secret
        install(server.endpoint, spreadsheet_id, url, SECRET)
    script = server.script(spreadsheet_id)
    assert "http://127.0.0.1:2/webhook" in script.run("showConfig")["result"]
    assert sorted(one["eventType"] for one in script.state()["triggers"]) == ["ON_CHANGE", "ON_EDIT"]
    own = server.create_spreadsheet("Own")
    server.script(own).set("function mine() { return 1; }")
    install(server.endpoint, own, url, SECRET)
    assert server.script(own).state()["functions"] == ["mine"]


def test_a_runaway_script_waits_and_no_other_spreadsheet_does(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("sheets_pipeline.edits.intake.time.monotonic", lambda: clock[0])
    quota = intake._Quota()
    assert [quota.takes("mad") for _ in range(401)] == [True] * 400 + [False]
    assert quota.takes("calm")
    clock[0] += 0.5
    assert [quota.takes("mad") for _ in range(21)] == [True] * 20 + [False]
    quota.charge("calm", 500 * 100 / intake.CELLS_AS_MESSAGE)  # a paste of 50,000 cells
    assert not quota.takes("calm")
    clock[0] += 3.0
    assert quota.takes("calm")


def test_a_poll_reads_tabs_that_nobody_asked_for(way: Way) -> None:
    way.put("UserProfiles!B2", "Polled")
    looks.poll(way.pipeline.state, ["UserProfiles"], None)
    assert look_due(way.pipeline) == 0
    looks.poll(way.pipeline.state, ["UserProfiles"], 60)
    looks.poll(way.pipeline.state, ["UserProfiles"], 60)
    assert look_due(way.pipeline) == 1
    apply_due(way.pipeline)
    assert way.user(1).full_name == "Polled"
    looks.poll(way.pipeline.state, ["UserProfiles"], 60)  # it has only just been read
    assert look_due(way.pipeline) == 0


def test_the_job_applies_what_nobody_else_did_and_the_asset_shows_what_became_of_it(way: Way) -> None:
    resources = {"pipeline": PipelineResource()}
    build = partial(dg.build_sensor_context, instance=way.platform.instance, resources=resources)

    def asked(cursor: str | None = None) -> dg.SensorResult:
        result = edits_left(build(cursor=cursor))
        assert isinstance(result, dg.SensorResult)
        return result

    assert asked().skip_reason == dg.SkipReason("No edits wait.")
    way.send(way.message("UserProfiles", "full_name", [[1, "Ada"], [2, ""], [3, 9]]))
    assert not asked().run_requests  # it has only just come
    with way.platform.engine.begin() as connection:
        connection.execute(sa.text("update sheet_edit set due_at = due_at - interval '1 minute'"))
    assert len(asked().run_requests or []) == 1
    result = edit_sync.execute_in_process(instance=way.platform.instance, resources=resources)
    assert result.success
    assert way.user(1).full_name == "Ada"
    with way.platform.engine.begin() as connection:
        connection.execute(sa.text("update sheet_edit set settled_at = settled_at - interval '1 minute'"))
        before = str(connection.scalar(sa.text("select min(settled_at) - interval '1 second' from sheet_edit")))
    looked = asked(before)
    [observation] = looked.asset_events
    assert isinstance(observation, dg.AssetObservation)
    assert observation.asset_key == way.asset("UserProfiles").key
    became = {name: entry.value for name, entry in observation.metadata.items()}
    assert became == {"spreadsheet": way.platform.spreadsheet_id, "edits": 3, "applied": 3}
    assert asked(looked.cursor).asset_events == []
