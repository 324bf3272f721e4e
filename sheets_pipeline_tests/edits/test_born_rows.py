"""Rows that people typed are shown as other rows are, once they are ours: rules of columns, and notes of what was not taken."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.database.engine import connect
from sheets_pipeline.edits import decisions
from sheets_pipeline.edits.apply import apply_row
from sheets_pipeline.edits.which import Which
from sheets_pipeline_tests.edits.desk import Desk, make_desk


def _cell(desk: Desk, a1: str) -> dict[str, Any]:
    fields = quote("sheets.data.rowData.values(note,dataValidation)")
    path = f"/v4/spreadsheets/{desk.pipeline.spreadsheet.id}?ranges={quote(a1)}&fields={fields}"
    data = desk.server.call("GET", path)["sheets"][0]["data"][0]
    return dict((data.get("rowData") or [{}])[0].get("values", [{}])[0])


def test_a_row_that_was_typed_takes_rules_and_notes_like_others(
    tmp_path: Path, platform_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connect(f"sqlite:///{tmp_path / 'desk.db'}")
    desk = make_desk(made, platform_server, monkeypatch)
    span = desk.grid(startRowIndex=6, endRowIndex=7, startColumnIndex=3, endColumnIndex=4)
    theirs = {"condition": {"type": "NUMBER_GREATER", "values": [{"userEnteredValue": "0"}]}, "strict": True}
    desk.batch({"setDataValidation": {"range": span, "rule": theirs}})
    desk.put("Tickets!B6:D7", ["four", 2, 1], ["five", 2, 1])
    assert "dataValidation" not in _cell(desk, "Tickets!C6")
    desk.settle()
    assert [row[0] for row in desk.rows()[4:]] == [4, 5]
    other = _cell(desk, "Tickets!C2")["dataValidation"]
    assert other["condition"]["type"] == "ONE_OF_LIST"  # of the foreign key
    assert [_cell(desk, f"Tickets!C{row}")["dataValidation"] for row in (6, 7)] == [other, other]
    assert _cell(desk, "Tickets!D6")["dataValidation"] == _cell(desk, "Tickets!D2")["dataValidation"]
    assert _cell(desk, "Tickets!D7")["dataValidation"] == theirs
    assert "dataValidation" not in _cell(desk, "Tickets!E6")
    desk.sync()
    assert desk.sync().traffic.write_requests == 0
    desk.put("Tickets!D6", ["much"])
    desk.look()
    assert desk.edits()[-1].state == "rejected"
    desk.sync()
    assert _cell(desk, "Tickets!D6")["note"].startswith("Not taken: “much”")
    desk.put("Tickets!D6", [3])
    desk.look()
    desk.sync()
    assert "note" not in _cell(desk, "Tickets!D6")
    # Both rows were pasted: one batch, taken back as one; the one whose price was changed since is kept.
    done = decisions.undo_all(desk.pipeline.state, Which(batch=desk.edits()[0].batch), "cleo")
    for key in ("4", "5"):
        apply_row(desk.pipeline, lambda _id, title: desk.tabs.get(title), desk.tab_id("Tickets"), key)
    assert decisions.became(desk.pipeline.state, done.batch) == {"applied": 1, "conflict": 1}
    desk.sync()
    assert [row[0] for row in desk.rows()[4:]] == [4]
    made.dispose()


def test_a_typed_row_that_is_refused_says_why_until_it_is_inserted(
    tmp_path: Path, platform_server: LocalSheetsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = connect(f"sqlite:///{tmp_path / 'desk.db'}")
    desk = make_desk(made, platform_server, monkeypatch)

    def notes() -> list[str]:
        return [str(_cell(desk, f"Tickets!B{row}").get("note", "")).split("\n")[-2:][0] for row in (6, 7, 8)]

    start = desk.grid(rowIndex=6, columnIndex=1)
    desk.batch({"updateCells": {"start": start, "fields": "note", "rows": [{"values": [{"note": "Ask Bo"}]}]}})
    desk.put("Tickets!B6:D8", ["five", 99, ""], ["six", 2, "much"], ["seven", 1, "2026-03-01"])
    desk.settle()
    date = "Price: expected a number, found a date."
    first, theirs, third = notes()
    assert _cell(desk, "Tickets!B6")["note"].startswith("Not inserted: this row, 2")
    assert ("no such row to refer to" in first, theirs, third) == (True, "Ask Bo", date)
    assert desk.left() == (0, 0)
    desk.settle()
    desk.sync()
    assert desk.sync().traffic.write_requests == 0
    assert notes() == [first, theirs, third]
    # Refused for another reason it says so; sorted, the note goes with its row; inserted, it has none of ours.
    desk.put("Tickets!D6", ["much"])
    desk.settle()
    assert notes() == ["Price: expected a number, found text.", "Ask Bo", date]
    desk.put("Tickets!C6:D6", [2, 7])
    desk.put("Tickets!D7:D8", [5], [6])
    desk.batch({"sortRange": {"range": desk.grid(startRowIndex=5, endRowIndex=8, startColumnIndex=0, endColumnIndex=6),
                              "sortSpecs": [{"dimensionIndex": 3, "sortOrder": "ASCENDING"}]}})  # fmt: skip
    desk.settle()
    assert [row[1] for row in desk.rows()[4:]] == ["six", "seven", "five"]
    assert [title for _, title in desk.stored()][3:] == ["six", "five"]  # the 6 of seven is shown as a date as well
    assert notes() == ["Ask Bo", date, ""]
    made.dispose()
