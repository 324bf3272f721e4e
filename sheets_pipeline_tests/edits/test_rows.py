"""Rows that people add, copy, delete or give another key: each is done once, or told and left as it was typed."""

import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database.engine import connect
from sheets_pipeline.edits import births, decisions, intake, ledger, looks, places
from sheets_pipeline.edits.apply import apply_row
from sheets_pipeline.edits.previews import preview
from sheets_pipeline.edits.recording import record
from sheets_pipeline.edits.showing import preview_as_json
from sheets_pipeline.edits.signature import secret_of, sign
from sheets_pipeline.edits.taking_back import takings
from sheets_pipeline.errors import SheetsUnavailable
from sheets_pipeline.sheets import access
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline_tests.databases import engine, mariadb_url
from sheets_pipeline_tests.edits.desk import PART, TICKET, Desk, make_desk

__all__ = ["engine", "mariadb_url"]


@pytest.fixture
def desk(engine: sa.Engine, platform_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return make_desk(engine, platform_server, monkeypatch)


@pytest.fixture
def small(tmp_path: Path, platform_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = connect(f"sqlite:///{tmp_path / 'desk.db'}")
    yield make_desk(made, platform_server, monkeypatch)
    made.dispose()


def test_a_row_that_a_person_types_is_inserted_once_and_gets_its_key(desk: Desk) -> None:
    desk.put("Tickets!B6", ["four"])
    desk.put("Tickets!H6", ["a note of mine"])
    desk.settle()
    assert len(desk.stored()) == 3  # what it needs is not all there
    assert desk.sync().traffic.write_requests == 0
    desk.put("Tickets!C6:D6", [2, "2.5"])
    desk.look()
    assert len(desk.stored()) == 3  # it has only just been typed
    desk.look(after=4)
    assert desk.stored(TICKET, "id", "title", "person_id", "note", "stage")[3:] == [(4, "four", 2, None, "fresh")]
    row = desk.rows()[4]
    assert (row[0], row[1], row[7]) == (4, "four", "a note of mine")
    assert desk.left() == (0, 0)
    desk.settle()
    desk.event(4)
    desk.sync()
    assert len(desk.rows()) == 5
    assert desk.rows()[4][5] == "fresh"
    assert desk.sync().traffic.write_requests == 0
    assert [(edit.row_key, edit.column, edit.state) for edit in desk.edits() if edit.state == "applied"] == [
        ("4", "(row)", "applied")
    ]
    desk.put("Tickets!E6", ["edited"])
    desk.look()
    assert desk.stored(TICKET, "id", "note")[3] == (4, "edited")
    inserted, typed = (edit for edit in desk.edits() if edit.state == "applied")
    desk.undo(inserted)  # what came later is kept
    assert (desk.edits()[-1].state, desk.edits()[-1].reason) == ("conflict", "note changed since: the row is kept")
    desk.undo(inserted, typed)
    assert len(desk.stored()) == 3
    desk.event(4)
    assert [row[0] for row in desk.rows()] == [1, 2, 3]
    desk.undo(desk.edits()[-1])  # the undo of the row, not of the cell
    assert desk.stored(TICKET, "id", "title", "stage")[3:] == [(4, "four", "fresh")]
    desk.event(4)
    assert [row[:2] for row in desk.rows()[3:]] == [[4, "four"]]
    desk.settle(after=70)
    assert desk.sync().traffic.write_requests == 0


def test_what_the_database_refuses_stays_as_it_was_typed_and_is_told(desk: Desk) -> None:
    desk.put("Tickets!B6:D8", ["one", 1, ""], ["five", 99, ""], ["six", 2, "much"])
    desk.settle()
    desk.settle()
    assert len(desk.stored()) == 3
    reasons = [edit.reason or "" for edit in desk.edits()]
    assert all(edit.state == "rejected" for edit in desk.edits())
    assert len(reasons) == 3  # told once
    assert sum("another row has this value already" in reason for reason in reasons) == 1
    assert sum("no such row to refer to" in reason for reason in reasons) == 1
    assert reasons.count("price: expected a number, found text") == 1
    desk.sync()
    typed = [["", "one", 1], ["", "five", 99], ["", "six", 2, "much"]]
    assert desk.rows()[4:] == typed
    assert desk.left() == (0, 0)
    # Typed right, it is taken; accepted, it is tried again.
    desk.put("Tickets!B6", ["four"])
    desk.settle()
    five = next(edit for edit in desk.edits() if edit.state == "rejected" and "refer" in (edit.reason or ""))
    with desk.engine.begin() as connection:
        connection.execute(sa.text("insert into person (id) values (99)"))
    decisions.accept(desk.pipeline.state, five.id, "ada")
    desk.look()
    assert [title for _, title in desk.stored()] == ["one", "two", "three", "four", "five"]


def test_a_typed_key_makes_a_row_a_copied_one_is_told_and_a_changed_one_is_put_back(desk: Desk) -> None:
    desk.put("Parts!A6:C8", ["US", 7, "bolt"], ["EU", 2, "part 2"], ["US", "", "no number"])
    desk.settle("Parts")
    desk.settle("Parts")
    assert desk.stored(PART, "region", "nr", "name")[3:] == [("US", 7, "bolt")]
    assert sorted(desk.ends()) == [("EU/2", "(row)", "rejected"), ("US/7", "(row)", "applied")]
    desk.put("Parts!B2", [9])
    desk.put("Parts!A4", [""])
    desk.look("Parts")
    assert [row[:2] for row in desk.rows("Parts")[:3]] == [["EU", 1], ["EU", 2], ["EU", 3]]
    put_back = [edit for edit in desk.edits() if "put back" in (edit.reason or "")]
    assert {(edit.column, edit.base, edit.typed) for edit in put_back} == {("nr", 1, 9), ("region", "EU", "")}
    assert len(desk.stored(PART, "region", "nr")) == 4
    assert desk.sync("Parts").inserts == 0
    assert desk.left() == (0, 0)


def test_what_is_typed_in_a_row_whose_key_is_put_back_is_read_soon(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[float | None]()
    monkeypatch.setattr(looks, "finish", lambda _engine, _claim, seconds, _doubled: asked.append(seconds))
    desk.put("Tickets!A3", [9])
    desk.put("Tickets!E3", ["meanwhile"])
    desk.look()
    assert [row[0] for row in desk.rows()[:3]] == [1, 2, 3]
    desk.look()
    assert desk.stored(TICKET, "note")[1] == ("meanwhile",)
    assert asked == [looks.APART_SECONDS, None]


def test_a_row_that_stays_away_is_deleted_as_declared(desk: Desk) -> None:
    desk.delete(3)
    desk.look()
    desk.sync()
    with pytest.raises(NeedsFullSync):
        desk.event(2)
    desk.look(after=50)
    assert [row[0] for row in desk.rows()] == [1, 3]  # nobody has put it in again
    assert desk.stored(TICKET, "id", "deleted_at")[1] == (2, None)
    desk.look(after=20)
    assert [at is not None for _, at in desk.stored(TICKET, "id", "deleted_at")] == [False, True, False]
    assert desk.ends() == [("2", "(row)", "applied")]
    desk.sync()
    assert [row[0] for row in desk.rows()] == [1, 3]
    desk.delete(2, title="Parts")
    desk.settle("Parts", after=70)
    assert desk.stored(PART, "region", "nr") == [("EU", 2), ("EU", 3)]
    desk.sync("Parts")
    assert len(desk.rows("Parts")) == 2
    desk.undo(desk.edits()[-1])
    assert desk.stored(PART, "region", "nr", "name")[0] == ("EU", 1, "part 1")
    desk.sync("Parts")
    desk.settle("Parts", after=70)
    assert sorted(row[1] for row in desk.rows("Parts")) == [1, 2, 3]
    assert len(desk.stored(PART, "region", "nr")) == 3


def test_a_row_that_was_marked_as_deleted_is_taken_back(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.delete(3)
    desk.settle(after=70)
    deletion = desk.edits()[-1]
    with desk.pipeline.state.connect() as connection:
        [taking] = takings(connection, decisions.undoable(connection, [deletion.id]))
    assert ledger.as_json(taking.value) == '{"cells": {"deleted_at": null}}' != ledger.as_json(taking.base)

    monkeypatch.setattr("sheets_pipeline.edits.previews.editable_tab", lambda *_: desk.tabs["Tickets"])
    [shown] = preview(desk.pipeline, [taking])
    assert shown.outcome == "changes"
    assert preview_as_json(shown)["then"] == ""

    assert desk.undo(deletion) == ["applied"]
    assert desk.stored(TICKET, "id", "deleted_at")[1] == (2, None)
    assert [edit.state for edit in desk.edits()] == ["undone", "applied"]
    desk.sync()
    assert sorted(row[0] for row in desk.rows()) == [1, 2, 3]
    assert desk.undo(desk.edits()[-1]) == ["applied"]  # the undo, too
    assert desk.stored(TICKET, "deleted_at")[1] != (None,)
    desk.change(TICKET.update().where(TICKET.c.id == 2).values(deleted_at=datetime(2020, 1, 1)))
    assert desk.undo(desk.edits()[-1]) == ["conflict"]
    assert desk.stored(TICKET, "deleted_at")[1] == (datetime(2020, 1, 1),)


def test_what_is_no_deletion_deletes_nothing(small: Desk) -> None:
    area = small.grid(startRowIndex=1, endRowIndex=20, startColumnIndex=0, endColumnIndex=6)
    small.look()
    small.batch({"sortRange": {"range": area, "sortSpecs": [{"dimensionIndex": 1, "sortOrder": "DESCENDING"}]}})
    small.settle(after=70)
    source = small.grid(startRowIndex=1, endRowIndex=2, startColumnIndex=0, endColumnIndex=6)
    small.batch({"cutPaste": {"source": source, "destination": small.grid(rowIndex=12, columnIndex=0)}})
    small.batch({"setBasicFilter": {"filter": {"range": area}}})
    small.settle(after=70)
    assert small.edits() == []
    # Gone for a while, and back by an undo.
    row = small.rows()[1]
    small.delete(3)
    small.look()
    small.put("Tickets!A9", row)
    small.look(after=70)
    assert [edit.state for edit in small.edits()] == ["superseded"]
    # Too many at once, or a row that the database changed meanwhile, come back.
    small.tabs["Tickets"] = _with_limit(small, 1)
    small.delete(*[i for i, cells in enumerate(small.rows(), 2) if cells and cells[0] in (1, 2)])
    small.settle(after=70)
    assert [edit.state for edit in small.edits()[1:]] == ["rejected"] * 2
    assert small.sync().inserts == 2
    small.delete(*[i for i, cells in enumerate(small.rows(), 2) if cells and cells[0] == 3])
    small.look()
    small.change(TICKET.update().where(TICKET.c.id == 3).values(note="from the application"))
    small.look(after=70)
    assert small.edits()[-1].state == "conflict"
    small.sync()
    assert sorted(cells[0] for cells in small.rows() if cells and cells[0]) == [1, 2, 3]
    assert all(at is None for _, at in small.stored(TICKET, "id", "deleted_at"))


def _with_limit(desk: Desk, limit: int) -> Tab:
    return replace(desk.tabs["Tickets"], max_deletes=limit, max_deletes_share=0.0)


def test_many_new_cells_wait_for_a_person(small: Desk) -> None:
    small.put("Tickets!B6:C27", *[[f"row {i}", 1] for i in range(22)])
    small.settle()
    assert {edit.state for edit in small.edits()} == {"awaiting"}
    first, second, *_ = small.edits()
    decisions.accept(small.pipeline.state, first.id, "ada")
    decisions.reject(small.pipeline.state, second.id, "bob")
    small.look(after=4)
    assert len(small.stored()) == 4
    assert [(edit.state, edit.decided_by) for edit in small.edits()[:2]] == [("applied", "ada"), ("rejected", "bob")]


#: Typed into a whole number, a number and a text → what the reasons say that was found; blank where it is taken.
_OF_ANOTHER_KIND = [
    (["1/2/2026", "2026-03-04", "7"], ["a date", "a date", ""]),
    (["TRUE", "12:30", "3/4/2026"], ["true or false", "a date", ""]),
    (["5%", "$5", "5%"], ["a number with decimals", "", ""]),
    (["12:30", "36:00:00", "TRUE"], ["a date", "a date", ""]),
    (["=1/0", "TRUE", "=1+1"], ["the error #DIV/0!", "true or false", ""]),
]
_READ_CELLS = """function cells() { return SpreadsheetApp.getActive().getSheetByName('Tickets').getRange('C2:E6').getValues()
  .map((row) => row.map((value) => value instanceof Date ? {date: value.getTime()} : value)); }"""


@pytest.mark.parametrize("way", ["read", "webhook"])
def test_both_ways_judge_alike_what_is_of_another_kind(
    small: Desk, way: str, platform_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the script tells of cells, and what a reading finds there, end in the same states, with the same reasons."""
    small.change(TICKET.insert().values([{"title": title, "person_id": 1} for title in ("four", "five")]))
    small.sync()
    small.put("Tickets!C2:E6", *[typed for typed, _ in _OF_ANOTHER_KIND])
    if way == "webhook":
        declared = {title: SimpleNamespace(tab=tab, problem=None) for title, tab in small.tabs.items()}
        for module in (intake, places):
            monkeypatch.setattr(module, "tab_assets", lambda: declared)
        script = platform_server.script(small.pipeline.spreadsheet.id)
        script.set(_READ_CELLS)
        _tell(small, script.run("cells")["result"])
    small.look()
    edits = {(edit.row_key, edit.column): edit for edit in small.edits()}
    assert {edit.seen_by for edit in edits.values()} == {way}
    for key, (_, found) in enumerate(_OF_ANOTHER_KIND, start=1):
        for column, kind in zip(("person_id", "price", "note"), found, strict=True):
            edit = edits[str(key), column]
            assert (edit.state, (edit.reason or "").partition("found ")[2]) == ("rejected" if kind else "applied", kind)
    if way == "read":
        small.put("Tickets!B8:D8", ["six", 2, "12:30"])
        small.settle()
        line = small.edits()[-1]
        assert (line.state, line.reason) == ("rejected", "price: expected a number, found a date")


def _tell(desk: Desk, cells: list[list[Any]]) -> None:
    """The message of the script about cells of the tickets."""
    rows = [{"key": [i], "cells": row} for i, row in enumerate(cells, start=1)]
    now = time.time()
    message = {
        "id": str(uuid.uuid4()), "kind": "edit", "spreadsheet": desk.pipeline.spreadsheet.id, "tab": "Tickets",
        "at": int(now * 1000), "locale": "en_US", "zone": "Etc/GMT", "columns": ["person_id", "price", "note"], "rows": rows,
    }  # fmt: skip
    body, stamp = orjson.dumps(message), str(int(now))
    taken = intake.Intake(lambda: desk.pipeline, "secret", is_enabled=lambda: True)
    taken.receive(body, stamp, sign(secret_of(desk.pipeline.spreadsheet.id, "secret"), stamp, body))


class Killed(BaseException):
    """The process ends here."""


STEPS = ("mark_rows", "_insert", "fill_marked", "confirm", "unmark_rows")


@pytest.mark.parametrize("is_after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_ends_at_any_step_inserts_a_row_once(
    small: Desk, step: str, is_after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.put("Tickets!B6:C6", ["four", 2])
    small.look()
    owner: Any = births if hasattr(births, step) else births.Births if hasattr(births.Births, step) else None
    owner = owner or type(small.pipeline.rows(small.tabs["Tickets"], small.pipeline.client()).memory)
    real = getattr(owner, step)

    def dies(*args: Any, **more: Any) -> Any:
        if is_after:
            real(*args, **more)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, step, dies)
        with pytest.raises(Killed):
            small.look(after=4)
    # Meanwhile a person sorts, and a sync comes first.
    area = small.grid(startRowIndex=1, endRowIndex=20, startColumnIndex=0, endColumnIndex=6)
    small.batch({"sortRange": {"range": area, "sortSpecs": [{"dimensionIndex": 1}]}})
    small.sync()
    small.settle()
    small.settle()
    small.sync()
    assert [title for _, title in small.stored()] == ["one", "two", "three", "four"]
    assert sorted((row[0], row[1]) for row in small.rows()) == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
    assert small.left() == (0, 0)
    assert sum(edit.state == "applied" for edit in small.edits()) == 1


def test_a_row_that_was_cut_and_pasted_elsewhere_on_its_way_gets_its_key_there(
    small: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.put("Tickets!B6:C6", ["four", 2])
    small.look()

    def lost(*_args: Any) -> None:
        raise SheetsUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(births, "fill_marked", lost)
        with pytest.raises(SheetsUnavailable):
            small.look(after=4)
    assert len(small.stored()) == 4
    source = small.grid(startRowIndex=5, endRowIndex=6, startColumnIndex=0, endColumnIndex=6)
    small.batch({"cutPaste": {"source": source, "destination": small.grid(rowIndex=9, columnIndex=0)}})
    small.settle()
    small.settle()
    small.sync()
    assert len(small.stored()) == 4
    assert [row[:2] for row in small.rows() if row] == [[1, "one"], [2, "two"], [3, "three"], [4, "four"]]
    assert small.left() == (0, 0)


def test_with_two_databases_a_row_is_never_inserted_twice(
    tmp_path: Path, platform_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connect(f"sqlite:///{tmp_path / 'platform.db'}")
    desk = make_desk(made, platform_server, monkeypatch, f"sqlite:///{tmp_path / 'state.db'}")
    desk.put("Tickets!B6:C7", ["four", 2], ["five", 2])
    desk.settle()
    assert [title for _, title in desk.stored()] == ["one", "two", "three", "four", "five"]
    desk.put("Tickets!B8:C8", ["six", 2])
    desk.look()
    with monkeypatch.context() as patched:
        patched.setattr(ledger, "settle", _dies)
        with pytest.raises(Killed):
            desk.look(after=4)
    desk.settle()
    desk.settle()
    assert desk.edits()[-1].state == "dead"
    assert "see whether the database has it" in (desk.edits()[-1].reason or "")
    decisions.accept(desk.pipeline.state, desk.edits()[-1].id, "ada")
    desk.look()
    assert [title for _, title in desk.stored()][5:] == ["six"]
    made.dispose()


def _dies(*_args: Any, **_more: Any) -> None:
    raise Killed


def _edited_by_script(desk: Desk, note: str) -> None:
    """Somebody types a note into the second ticket; its message is taken, and applied."""
    desk.put("Tickets!E3", [note])
    source = ledger.Source(str(uuid.uuid4()), "webhook", time.time(), "en_US", "Etc/UTC", "ann@example.org")
    with ledger.writing(desk.pipeline.state) as connection:
        record(connection, desk.tab_id("Tickets"), [ledger.Seen("2", "note", note)], source)
    apply_row(desk.pipeline, lambda _id, name: desk.tabs.get(name), desk.tab_id("Tickets"), "2")


def test_what_was_read_before_an_edit_and_compared_after_it_is_no_edit(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, edits = access.read_tab, iter(["first", "second", "third"])

    def read_and_edit(*args: Any, **more: Any) -> Any:
        answer = read(*args, **more)
        if note := next(edits, None):
            _edited_by_script(desk, note)
        return answer

    monkeypatch.setattr(access, "read_tab", read_and_edit)
    for _ in range(3):
        desk.look()
    monkeypatch.undo()
    desk.sync()
    assert desk.stored(TICKET, "note")[1] == ("third",)
    assert [(edit.typed, edit.state, edit.seen_by) for edit in desk.edits()] == [
        (note, "applied", "webhook") for note in ("first", "second", "third")
    ]
    assert desk.rows()[1][4] == "third"
    assert desk.sync().traffic.write_requests == 0
