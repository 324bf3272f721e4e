"""Rows that people add and delete, told by the shipped Apps Script: typed on the page, in the database, with their key in the tab."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from local_sheets.testing import LocalSheetsServer
from local_sheets.testing_scripts import ScriptOfSpreadsheet
from sheets_pipeline.control.webhook import add_webhook
from sheets_pipeline.database.engine import connect
from sheets_pipeline.edits import apply, intake, looks, places, rows
from sheets_pipeline.edits.applier import Applier
from sheets_pipeline.edits.intake import Intake
from sheets_pipeline.edits.look import look_due
from sheets_pipeline.edits.script import code, manifest
from sheets_pipeline.edits.signature import secret_of
from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline.sync.editing import Editing
from sheets_pipeline.sync.tab import Tab
from sheets_pipeline_tests.control.stage import serving
from sheets_pipeline_tests.edits.desk import TICKET, TICKETS, Desk, make_desk

SECRET = "correct horse battery"


@pytest.fixture
def scripted(
    tmp_path: Path, platform_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Desk, ScriptOfSpreadsheet]]:
    """The desk, with the shipped script set up in its spreadsheet."""
    engine = connect(f"sqlite:///{tmp_path / 'desk.db'}")
    desk = make_desk(engine, platform_server, monkeypatch)
    desk.tabs["Tickets"] = _price_is_anns()
    declared = {title: SimpleNamespace(tab=tab, problem=None) for title, tab in desk.tabs.items()}
    for module in (apply, intake, places):
        monkeypatch.setattr(module, "tab_assets", lambda: declared)
    for module, name in ((rows, "REST_SECONDS"), (rows, "GONE_SECONDS"), (looks, "APART_SECONDS")):
        monkeypatch.setattr(module, name, 0.3)
    applier = Applier(lambda: desk.pipeline, lambda: look_due(desk.pipeline))
    app = FastAPI()
    add_webhook(app, Intake(lambda: desk.pipeline, SECRET, is_enabled=lambda: True), applier)
    script = platform_server.script(desk.pipeline.spreadsheet.id)
    script.set(code(desk.tabs.values()), manifest=manifest())
    applier.start()
    try:
        with serving(app) as url:
            script.run("setup", answers=[f"{url}/webhook", secret_of(desk.pipeline.spreadsheet.id, SECRET)])
            yield desk, script
            script.run("uninstall")
    finally:
        applier.end()
        engine.dispose()


def test_rows_are_added_and_deleted_through_the_shipped_script(scripted: tuple[Desk, ScriptOfSpreadsheet]) -> None:
    desk, script = scripted
    script.type("Tickets!B6", "four", user="ann@example.org")
    script.paste("Tickets!C6:D6", [[2, 2.5]], user="ann@example.org")
    assert wait_until(lambda: len(desk.stored()) == 4 and desk.rows()[-1][0] == 4, seconds=30), [
        (e.row_key, e.state, e.reason, e.editor) for e in desk.edits()
    ]
    script.type("Tickets!E6", "and a note", user="ann@example.org")
    assert wait_until(lambda: desk.stored(TICKET, "note")[3] == ("and a note",), seconds=30), [
        (e.row_key, e.state, e.reason, e.editor) for e in desk.edits()
    ]
    span = desk.grid(startIndex=2, endIndex=3) | {"dimension": "ROWS"}
    delete = {"batchUpdate": {"requests": [{"deleteDimension": {"range": span}}]}}
    script.edit(delete, None, "REMOVE_ROW", user="ann@example.org")
    assert wait_until(lambda: desk.stored(TICKET, "deleted_at")[1] != (None,), seconds=30), [
        (e.row_key, e.state, e.reason, e.editor) for e in desk.edits()
    ]
    # Bob may not type a price, and may delete no row that has one.
    script.paste("Tickets!B7:D7", [["five", 2, 5]], user="bob@example.org")
    assert wait_until(lambda: _refused(desk) == 1, seconds=30), [
        (e.row_key, e.state, e.reason, e.editor) for e in desk.edits()
    ]
    script.edit(delete, None, "REMOVE_ROW", user="bob@example.org")
    assert wait_until(lambda: _refused(desk) == 2, seconds=30), [
        (e.row_key, e.state, e.reason, e.editor) for e in desk.edits()
    ]
    assert desk.stored(TICKET, "id", "title", "person_id", "price")[3] == (4, "four", 2, 2.5)
    assert len(desk.stored()) == 4
    lines = [(edit.row_key, edit.column, edit.state.value, edit.editor) for edit in desk.edits()]
    assert sorted(line for line in lines if line[2] != "superseded") == [
        ("", "(row)", "rejected", "bob@example.org"), ("2", "(row)", "applied", "ann@example.org"),
        ("3", "(row)", "rejected", "bob@example.org"), ("4", "(row)", "applied", "ann@example.org"),
        ("4", "note", "applied", "ann@example.org"),
    ]  # fmt: skip
    assert desk.left() == (0, 0)


def test_a_renamed_tab_and_renamed_columns_are_followed_and_a_copy_is_none_of_ours(
    scripted: tuple[Desk, ScriptOfSpreadsheet],
) -> None:
    desk, script = scripted
    script.type("Tickets!B1", "Subject")
    script.type("Tickets!A1", "Number")
    for text in ("first", "second"):  # each is told by its own message
        script.type("Tickets!B2", text, user="ann@example.org")
    assert wait_until(lambda: _told(desk) == ["first", "second"], seconds=30), _told(desk)
    grid = desk.grid()["sheetId"]
    _rename(script, grid, "Anna's")
    for text in ("third", "fourth"):
        script.type("'Anna''s'!B2", text, user="ann@example.org")
    assert wait_until(lambda: _told(desk)[2:] == ["third", "fourth"], seconds=30), _told(desk)
    script.edit(
        {"batchUpdate": {"requests": [{"duplicateSheet": {"sourceSheetId": grid, "newSheetId": 77}}]}}, None, "OTHER"
    )
    _rename(script, 77, "Tickets")
    script.type("Tickets!B3", "of the copy", user="ann@example.org")
    script.type("'Anna''s'!B2", "fifth", user="ann@example.org")
    assert wait_until(lambda: _told(desk)[4:] == ["fifth"], seconds=30), _told(desk)
    assert wait_until(lambda: desk.stored(TICKET, "title")[0] == ("fifth",), seconds=30)


def _rename(script: ScriptOfSpreadsheet, sheet_id: int, title: str) -> None:
    properties = {"properties": {"sheetId": sheet_id, "title": title}, "fields": "title"}
    script.edit({"batchUpdate": {"requests": [{"updateSheetProperties": properties}]}}, None, "OTHER")


def _told(desk: Desk) -> list[object]:
    return [edit.typed for edit in desk.edits() if edit.editor == "ann@example.org"]


def _price_is_anns() -> Tab:
    columns = [
        replace(one, editing=Editing("ticket.price", editors=("ann@example.org",))) if one.name == "price" else one
        for one in TICKETS.columns
    ]
    return replace(TICKETS, columns=tuple(columns))


def _refused(desk: Desk) -> int:
    reason = "bob@example.org is not among those who may edit the column price"
    return sum(edit.state == "rejected" and reason in (edit.reason or "") for edit in desk.edits())
