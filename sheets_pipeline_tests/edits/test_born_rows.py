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
