"""Tabs are read soon where a message does not tell everything: once for all who ask, by whoever comes first."""

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_edit_message
from sheets_pipeline.database.row_tables import sheet_tab_look
from sheets_pipeline.edits import ledger, looks
from sheets_pipeline.edits.applier import Applier
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.edits.ends import Ends
from sheets_pipeline.edits.look import look_due
from sheets_pipeline_tests.edits.stage import Stage
from sheets_pipeline_tests.edits.test_way_of_an_edit import Way, way
from sheets_pipeline_tests.learning_platform import platform

__all__ = ["platform", "way"]


def _due_now(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        past = datetime.now(UTC) - timedelta(minutes=1)
        connection.execute(sheet_tab_look.update().where(sheet_tab_look.c.due_at.is_not(None)).values(due_at=past))


def test_a_look_is_claimed_once_and_whoever_asks_meanwhile_is_not_forgotten(stage: Stage) -> None:
    def claim() -> looks.Claim | None:
        return looks.claim(stage.state, "SHEET", "Tasks")

    def ask(seconds: float = 0.0) -> None:
        with ledger.writing(stage.state) as connection:
            looks.ask(connection, stage.tab_id, seconds)

    def due() -> Any:
        with stage.state.connect() as connection:
            return looks.next_due(connection)

    ask(60)
    assert claim() is None
    later = due()
    ask()
    assert due() < later  # the sooner counts
    ask(60)
    before = datetime.now(UTC)
    first = claim()
    assert first is not None
    assert claim() is None
    looks.finish(stage.state, first, None, ["a"])
    assert due() is None
    with stage.state.connect() as connection:
        assert looks.doubled_keys(connection, stage.tab_id) == {"a"}
    ask()
    assert due() - before > timedelta(seconds=looks.APART_SECONDS - 1)  # it has only just been read
    _due_now(stage.state)
    second = claim()
    assert second is not None
    ask()
    looks.finish(stage.state, second, None, [])
    assert due() is not None
    _due_now(stage.state)
    third = claim()
    assert third is not None
    looks.finish(stage.state, third, 60, [])
    assert due() > datetime.now(UTC) + timedelta(seconds=50)


def test_who_takes_messages_in_reads_first_what_was_typed_while_nobody_did(stage: Stage) -> None:
    def due() -> Any:
        with stage.state.connect() as connection:
            return looks.next_due(connection)

    message = {"id": "m", "spreadsheet_id": "SHEET", "tab": "Tasks", "kind": "edit", "cells": 1}
    with stage.state.begin() as connection:
        ago = datetime.now(UTC) - timedelta(hours=2)
        connection.execute(sheet_edit_message.insert().values(**message, received_at=ago))
    assert stage.tab_id
    looks.ask_after_absence(stage.state, ["Tasks"])
    assert due() is None  # nobody has edited it lately, or its script is not there any more
    with stage.state.begin() as connection:
        connection.execute(sheet_edit_message.update().values(received_at=datetime.now(UTC)))
    looks.ask_after_absence(stage.state, ["Others"])
    assert due() is None
    looks.ask_after_absence(stage.state, ["Tasks"])
    assert due() < datetime.now(UTC) + timedelta(seconds=looks.APART_SECONDS + 1)


def test_a_process_that_takes_messages_in_asks_for_that_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[sa.Engine] = []
    monkeypatch.setattr(looks, "ask_after_absence", lambda engine, _tabs: asked.append(engine))
    pipeline: Any = SimpleNamespace(state=stage.state, settings=SimpleNamespace(edits_poll_seconds=None))
    applier = Applier(lambda: pipeline, lambda: 0)
    for _ in range(2):
        applier._read(pipeline)
    assert asked == [stage.state]


def test_whatever_fails_edits_go_on(caplog: pytest.LogCaptureFixture) -> None:
    applier, wanted, tried = Applier(lambda: cast(Ends, None), lambda: 0), threading.Event(), [0]

    def work(_: Ends) -> float:
        tried[0] += 1
        wanted.set()
        if tried[0] == 2:
            applier.end()
            return 0.0
        raise OSError("value of a cell")

    applier._run(work, wanted)
    assert tried == [2]
    assert "Edits wait: OSError" in caplog.text
    assert "of a cell" not in caplog.text


def test_what_a_message_does_not_tell_is_read_without_a_sync(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks.ask, "__defaults__", (60.0,))  # as it would be late on a slow machine
    before = way.user(4).email
    for cell, value in (("B2", "Ada"), ("B3", "Grace"), ("F3", "99")):
        way.put(f"UserProfiles!{cell}", value)
    way.put("UserProfiles!A5", 3)  # a copy of the row above
    way.put("UserProfiles!B5", "Copied")
    assert way.send(way.message("", "", []) | {"kind": "look", "columns": []}).status_code == 202
    assert look_due(way.pipeline) == 0  # more may come at once
    _due_now(way.pipeline.state)
    assert look_due(way.pipeline) == 1
    assert look_due(way.pipeline) == 0
    apply_due(way.pipeline)
    assert (way.user(1).full_name, way.user(2).full_name) == ("Ada", "Grace")
    told = [("rejected", "row")]  # of the copy
    assert [(edit["state"], edit["seen_by"]) for edit in way.edits()] == [*told, *[("applied", "read")] * 2]
    assert way.platform.values("UserProfiles!F3") == [[99]]  # nothing is repaired
    # Cells of a key that stands on several rows wait for a person.
    way.send(way.message("UserProfiles", "full_name", [[3, "Copied"]]))
    apply_due(way.pipeline)
    assert (way.edits()[0]["state"], way.user(3).full_name != "Copied") == ("awaiting", True)
    # A row without a key, or with one that is not ours, asks for a look, and cells that may have been cut out elsewhere: what
    # stood there is blank by now. A cell of a row that is known, which was typed into, does not.
    for key, new, asks in ((None, before, True), (4711, before, True), (4, None, True), (4, before, False)):
        answer = way.send(way.message("UserProfiles", "email", [[key, before]], new=new))
        assert answer.status_code == 202
        with way.pipeline.state.connect() as connection:
            assert (looks.next_due(connection) is not None) == asks
        _due_now(way.pipeline.state)
        look_due(way.pipeline)


@pytest.mark.usefixtures("patient_tabs")
def test_a_poll_reads_all_tabs_of_a_spreadsheet_with_one_request(way: Way) -> None:
    titles = ("UserProfiles", "quiz_responses", "TranscriptRequests")
    for title in titles[1:]:
        way.sync(title)
    way.put("UserProfiles!B2", "Ada Löwe")
    looks.poll(way.pipeline.state, titles, 0.0)
    way.platform.server.reset_stats()
    assert look_due(way.pipeline) == 3
    assert (
        way.platform.server.stats()["totals"]["reads"] <= 2
    )  # one of all tabs; locale and time zone for what was found
    assert [edit["typed"] for edit in way.edits()] == ["Ada Löwe"]
