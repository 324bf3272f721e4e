"""Cells whose edits were not taken: the database's value stands there again, and a note says what was typed and why not."""

from typing import Any
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.edit_tables import sheet_note
from sheets_pipeline.database.state import TabStore
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.edits.decisions import accept
from sheets_pipeline.edits.notes import NoteStore
from sheets_pipeline.platform.tables import transcript_requests
from sheets_pipeline.sync.typed_cells import Moment
from sheets_pipeline_tests.edits.stage import Stage
from sheets_pipeline_tests.edits.test_way_of_an_edit import SECRET, Way
from sheets_pipeline_tests.learning_platform import Platform, platform

__all__ = ["platform"]

TAB = "TranscriptRequests"


class Hand:
    """Somebody at the tab, and the pipeline behind it."""

    def __init__(self, way: Way) -> None:
        self.way, self.platform = way, way.platform
        way.sync(TAB)
        with way.platform.engine.connect() as connection:
            self.key, self.status = connection.execute(
                sa.select(transcript_requests.c.id, transcript_requests.c.status).limit(1)
            ).one()
        for status in ("approved" if self.status != "approved" else "sent", self.status):
            with way.platform.engine.begin() as connection:
                mine = transcript_requests.c.id == self.key
                connection.execute(transcript_requests.update().where(mine).values(status=status))
            way.sync(TAB)  # the first write of an editable cell makes the hidden tab for copies

    @property
    def row(self) -> int:
        """Where the request stands now, as people count."""
        return next(i for i, cells in enumerate(self.platform.values(f"{TAB}!A:A"), 1) if cells[0] == self.key)

    def cell(self, column: str = "D") -> dict[str, Any]:
        """Value and note of the request's status."""
        a1 = quote(f"{TAB}!{column}{self.row}")
        path = f"/v4/spreadsheets/{self.platform.spreadsheet_id}?ranges={a1}&fields=sheets.data.rowData.values"
        data = self.platform.server.call("GET", path)["sheets"][0]["data"][0]
        return dict(data.get("rowData", [{}])[0].get("values", [{}])[0])

    def note(self) -> str:
        return str(self.cell().get("note", ""))

    def batch(self, *requests: dict[str, Any]) -> None:
        self.platform.server.call(
            "POST", f"/v4/spreadsheets/{self.platform.spreadsheet_id}:batchUpdate", {"requests": list(requests)}
        )

    @property
    def sheet_id(self) -> int:
        sheets = [one["properties"] for one in self.platform.sheets()]
        return next(int(one.get("sheetId", 0)) for one in sheets if one["title"] == TAB)

    def set_note(self, text: str) -> None:
        start = {"sheetId": self.sheet_id, "rowIndex": self.row - 1, "columnIndex": 3}
        self.batch({"updateCells": {"start": start, "fields": "note", "rows": [{"values": [{"note": text}]}]}})

    def type(self, status: str) -> None:
        """Type it, and have the script tell of it."""
        self.way.put(f"{TAB}!D{self.row}", status)
        self.way.send(self.way.message(TAB, "status", [[self.key, status]]))
        apply_due(self.way.pipeline)

    def sort(self) -> None:
        span = {"sheetId": self.sheet_id, "startRowIndex": 1}
        self.batch({"sortRange": {"range": span, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]}})

    def sync(self) -> tuple[int, int, int]:
        """Requests that read and wrote, and cells."""
        report = self.way.sync(TAB)
        return report.traffic.read_requests, report.traffic.write_requests, report.cells

    def kept(self) -> int:
        with self.way.pipeline.state.connect() as connection:
            return len(connection.execute(sa.select(sheet_note)).all())


@pytest.fixture
def hand(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Hand:
    monkeypatch.setenv("EDITS_ENABLED", "true")
    monkeypatch.setenv("EDITS_WEBHOOK_SECRET", SECRET)
    platform.reopen()
    return Hand(Way(platform))


def test_a_refused_cell_says_why_until_the_next_edit_is_taken(hand: Hand) -> None:
    assert hand.sync() == (1, 0, 0)
    hand.type("lost")
    assert hand.sync() == (2, 1, 1)
    assert (hand.cell()["effectiveValue"], hand.note()) == ({"stringValue": hand.status}, hand.note())
    assert hand.note().startswith("Not taken: “lost”, 20")
    assert "Expected one of pending, approved, sent, rejected." in hand.note()
    assert hand.sync() == (1, 0, 0)  # never twice
    hand.sort()
    before = hand.note()
    hand.type("gone")
    assert hand.sync() == (2, 1, 1)
    assert "gone" in hand.note()
    assert hand.note() != before
    hand.type("sent" if hand.status != "sent" else "approved")
    assert hand.sync()[:2] == (2, 1)
    assert (hand.note(), hand.kept(), hand.sync()) == ("", 0, (1, 0, 0))


def test_a_cell_of_numbers_in_which_a_date_was_typed_shows_and_takes_numbers_again(hand: Hand) -> None:
    """As somebody types 3/4 and means points, Google makes a date of it, and so of whatever is typed there next."""
    way, platform = hand.way, hand.platform
    way.sync("quiz_responses")
    [header, first, *_] = platform.values("quiz_responses!A1:Z3")
    column, was = header.index("score"), first[header.index("score")]
    cell = f"quiz_responses!{chr(65 + column)}2"

    def shown() -> dict[str, Any]:
        fields = "sheets.data.rowData.values(formattedValue,userEnteredFormat.numberFormat.type)"
        path = f"/v4/spreadsheets/{platform.spreadsheet_id}?ranges={quote(cell)}&fields={fields}"
        return dict(platform.server.call("GET", path)["sheets"][0]["data"][0]["rowData"][0]["values"][0])

    before = shown()
    way.put(cell, "3/4/2026")
    assert shown()["userEnteredFormat"]["numberFormat"]["type"] == "DATE"
    way.send(way.message("quiz_responses", "score", [[first[0], {"date": 1772582400000}]]))
    apply_due(way.pipeline)
    assert way.edits()[0]["reason"] == "expected a number, found a date"
    way.sync("quiz_responses")
    assert shown() == before
    assert platform.values(cell) == [[was]]
    assert way.sync("quiz_responses").traffic.write_requests == 0
    way.put(cell, "34")
    way.send(way.message("quiz_responses", "score", [[first[0], 34]]))
    apply_due(way.pipeline)
    assert (way.edits()[0]["state"], shown().get("userEnteredFormat")) == ("applied", before.get("userEnteredFormat"))


def test_notes_of_people_stay(hand: Hand) -> None:
    hand.set_note("Call her first")
    hand.type("lost")
    assert hand.sync() == (2, 1, 1)
    assert (hand.note(), hand.kept(), hand.sync()) == ("Call her first", 0, (1, 0, 0))
    hand.set_note("")
    hand.type("gone")
    hand.sync()
    theirs = hand.note() + "\nI know."
    hand.set_note(theirs)  # our words and theirs are theirs
    hand.type("pending" if hand.status != "pending" else "sent")
    hand.sync()
    assert (hand.note(), hand.kept()) == (theirs, 0)


def test_a_note_that_went_astray_is_found_and_one_of_a_lost_row_forgotten(hand: Hand) -> None:
    hand.type("lost")
    with hand.way.pipeline.state.begin() as connection:  # people sorted in the very moment of the write
        wanted = connection.scalar(sa.select(sheet_note.c.wanted))
        connection.execute(sheet_note.update().values(sent=wanted))
    row, hand.key = hand.row, 2 if hand.key != 2 else 3
    hand.set_note(str(wanted))
    hand.sync()
    assert hand.note() == ""
    hand.key = next(cells[0] for i, cells in enumerate(hand.platform.values(f"{TAB}!A:A"), 1) if i == row)
    assert hand.note() == wanted
    accept(hand.way.pipeline.state, int(hand.way.edits()[0]["id"]), "ann")
    assert apply_due(hand.way.pipeline).by_state == {"rejected": 1}  # the database refuses it still
    assert hand.sync()[1] == 0
    with hand.way.pipeline.state.begin() as connection:
        connection.execute(sheet_note.update().values(row_key="never", wanted="x"))
    assert hand.sync()[1] == 0
    assert hand.kept() == 0


def test_what_notes_say_is_kept_on_every_database(stage: Stage) -> None:
    store = NoteStore(TabStore(stage.state, "SHEET", stage.tab.title))
    stage.type(price=Moment(0), due=46115, note="x", title="x" * 300)
    stage.change(note="theirs")
    stage.apply()
    due = {note.column: str(note.wanted) for note in store.due()}
    assert due.keys() >= {"price", "note"}
    assert "“1970-01-01 01:00”, 1970-01-01 01:16.\nExpected a number, found a date.\n" in due["price"]
    assert "The database changed it, too, and its value was kept." in due["note"]
    assert all(len(text) < 500 for text in due.values())
    notes = store.due()
    store.sending(notes)
    assert {note.sent for note in store.due()} == set(due.values())
    stage.type(note="theirs")
    stage.apply()
    store.settled(notes)
    [left] = store.due()
    assert (left.column, left.wanted, left.written) == ("note", None, due["note"])
    store.forget([left._replace(wanted="something else meanwhile")])
    assert store.due() == [left]
    store.settled([left])
    assert store.due() == []
