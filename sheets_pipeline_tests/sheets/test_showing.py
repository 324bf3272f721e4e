"""Dropdowns, checkboxes, rules of types and warnings: set where they are wanted, never over people's, and left alone then."""

from collections.abc import Collection
from datetime import date
from typing import Any
from urllib.parse import quote

import pandas as pd
import pytest

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.sheets.showing import TabShowing
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.sync.notes import CellNote
from sheets_pipeline.sync.rules import WARNING, Choices
from sheets_pipeline.sync.tab import Column, Tab
from sheets_pipeline.sync.tab import ColumnType as T
from sheets_pipeline.testing import Bench

TYPES = {"id": T.INTEGER, "state": T.TEXT, "done": T.BOOLEAN, "score": T.DECIMAL, "due": T.DATE, "course": T.INTEGER}
PLACES = dict(zip(TYPES, "ABCDEF", strict=True))
STATES = Editing("t.state", one_of=("open", "done"))
ALL = {"state": STATES} | {name: Editing(f"t.{name}") for name in ("done", "score", "due", "course")}


def tab_of(editing: dict[str, Editing]) -> Tab:
    """``people`` with these columns editable."""
    columns = tuple(Column(name, kind, editing=editing.get(name)) for name, kind in TYPES.items())
    edits = Edits((RowTarget("t", {"id": "id"}),)) if editing else None
    return Tab(title="people", key=("id",), columns=columns, edits=edits)


class NoNotes:
    """No edit was ever refused."""

    def due(self) -> list[CellNote]:
        return []

    def sending(self, notes: Collection[CellNote]) -> None:
        """Nothing is sent."""

    settled = forget = sending

    def forget_all(self) -> None:
        """There is nothing to forget."""


class Guarded(Bench):
    """A tab whose editable columns are guarded."""

    def __init__(self, server: LocalSheetsServer) -> None:
        self.choices = {name: Choices(takes_null=name != "done") for name in ALL} | {"course": Choices(entries=[1, 2])}
        super().__init__(server, tab_of(ALL))

    def use(self, tab: Tab, *_: Any, are_edits_on: bool = True) -> None:
        super().use(tab)
        notes = NoNotes() if are_edits_on else None
        self.writer.showing = TabShowing(tab, self.client, notes, lambda: self.choices)

    def rows(self, *keys: int) -> pd.DataFrame:
        n = len(keys)
        return pd.DataFrame(
            {
                "id": pd.Series(keys, dtype="Int64"),
                "state": ["open"] * n,
                "done": pd.Series([False] * n, dtype="boolean"),
                "score": [1.5] * n,
                "due": [date(2026, 4, 3)] * n,
                "course": pd.Series([1] * n, dtype="Int64"),
            }
        )

    def rule(self, cell: str) -> dict[str, Any]:
        fields = "sheets.data.rowData.values.dataValidation"
        answer = self.call("GET", f"?ranges={quote(self.a1(cell))}&fields={fields}")
        [data] = answer["sheets"][0]["data"]
        return dict(data.get("rowData", [{}])[0].get("values", [{}])[0].get("dataValidation", {}))

    def kinds(self, row: int) -> list[str]:
        """Kinds of rules in a row, the list of a dropdown as its entries."""
        found = []
        for letter in PLACES.values():
            condition = self.rule(f"{letter}{row}").get("condition", {"type": "-"})
            is_list = condition["type"] == "ONE_OF_LIST"
            entries = ",".join(value["userEnteredValue"] for value in condition.get("values", ()))
            found.append(entries if is_list else condition["type"])
        return found

    def warned(self) -> str:
        """Letters of the columns with a warning of ours."""
        sheet = self.call("GET", "?fields=sheets.protectedRanges")["sheets"][-1]
        areas = [area for area in sheet.get("protectedRanges", ()) if area.get("description") == WARNING]
        assert all(area["warningOnly"] and "editors" not in area for area in areas)
        return "".join(sorted("ABCDEFGH"[area["range"].get("startColumnIndex", 0)] for area in areas))

    def requests(self, frame: pd.DataFrame, **more: Any) -> tuple[int, int]:
        report = self.sync(frame, **more)
        return report.traffic.read_requests, report.traffic.write_requests

    def own_rule(self, row: int, column: int, kind: str = "NOT_BLANK") -> None:
        """A person sets a rule of their own."""
        span = {"sheetId": self.sheet()["sheetId"], "startRowIndex": row - 1, "endRowIndex": row}
        span |= {"startColumnIndex": column, "endColumnIndex": column + 1}
        self.edit({"setDataValidation": {"range": span, "rule": {"condition": {"type": kind}}}})


@pytest.fixture
def guarded(sheets_server: LocalSheetsServer) -> Guarded:
    sheets_server.clear_faults()
    return Guarded(sheets_server)


FULL = ["-", "open,done", "BOOLEAN", "NUMBER_BETWEEN", "DATE_IS_VALID", "1,2"]


def test_a_new_tab_has_its_rules_and_so_have_rows_to_come(guarded: Guarded) -> None:
    assert guarded.requests(guarded.rows(1, 2))[1] == 1
    assert (guarded.kinds(2), guarded.kinds(3), guarded.kinds(4)) == (FULL, FULL, ["-"] * 6)
    assert (guarded.warned(), guarded.kinds(1)) == ("A", ["-"] * 6)
    assert guarded.requests(guarded.rows(1, 2)) == (1, 0)
    assert guarded.requests(guarded.rows(1, 2, 3, 4)) == (1, 1)
    report = guarded.event(guarded.rows(5), {"5"})
    assert (report.traffic.read_requests, report.traffic.write_requests) == (1, 1)
    assert [guarded.kinds(row) for row in (5, 6, 7)] == [FULL, FULL, ["-"] * 6]
    guarded.sync(guarded.rows(), allow_deletes=10)
    assert guarded.requests(guarded.rows(8)) == (2, 1)  # into a tab with no row above
    assert guarded.kinds(2) == FULL


def test_they_follow_the_declaration_and_the_database_and_spare_peoples(guarded: Guarded) -> None:
    guarded.sync(guarded.rows(1, 2, 3))
    guarded.own_rule(3, 1)
    guarded.own_rule(4, 5)
    sheet_id = guarded.sheet()["sheetId"]
    theirs = {"range": {"sheetId": sheet_id, "startColumnIndex": 3, "endColumnIndex": 4}, "warningOnly": True}
    guarded.edit({"addProtectedRange": {"protectedRange": {**theirs, "description": "Ask me"}}})
    guarded.choices["course"] = Choices(entries=[1, 2, 3])
    assert guarded.requests(guarded.rows(1, 2, 3)) == (2, 1)
    assert [guarded.kinds(row)[5] for row in (2, 3, 4)] == ["1,2,3", "1,2,3", "NOT_BLANK"]
    guarded.use(tab_of({"state": Editing("t.state", one_of=("open", "shut"))}))  # the others are editable no more
    assert guarded.requests(guarded.rows(1, 2, 3)) == (2, 1)
    assert [guarded.kinds(row) for row in (2, 3, 4)] == [
        ["-", "open,shut", "-", "-", "-", "-"],
        ["-", "NOT_BLANK", "-", "-", "-", "-"],
        ["-", "open,shut", "-", "-", "-", "NOT_BLANK"],
    ]
    assert guarded.warned() == "ACDEF"
    assert guarded.requests(guarded.rows(1, 2, 3)) == (1, 0)
    guarded.use(tab_of({"state": STATES}), are_edits_on=False)
    assert guarded.requests(guarded.rows(1, 2, 3)) == (2, 1)
    assert (guarded.warned(), [guarded.kinds(row)[1] for row in (2, 3, 4)]) == ("", ["-", "NOT_BLANK", "-"])
    assert guarded.requests(guarded.rows(1, 2, 3)) == (1, 0)
    [area] = guarded.call("GET", "?fields=sheets.protectedRanges")["sheets"][-1]["protectedRanges"]
    assert area["description"] == "Ask me"


def test_a_list_that_people_changed_is_theirs_and_moved_columns_keep_their_rules(guarded: Guarded) -> None:
    guarded.sync(guarded.rows(1, 2))
    rule = guarded.rule("B2")
    rule["condition"]["values"].append({"userEnteredValue": "later"})
    sheet_id = guarded.sheet()["sheetId"]
    span = {"sheetId": sheet_id, "startRowIndex": 1, "endRowIndex": 2, "startColumnIndex": 1, "endColumnIndex": 2}
    guarded.edit({"setDataValidation": {"range": span, "rule": rule}})
    moved = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}
    guarded.edit({"moveDimension": {"source": moved, "destinationIndex": 6}})
    assert guarded.requests(guarded.rows(1, 2)) == (1, 0)
    changed = tab_of(ALL | {"state": Editing("t.state", one_of=("open", "shut"))})
    guarded.use(changed)
    assert guarded.requests(guarded.rows(1, 2)) == (2, 1)
    assert (guarded.kinds(2)[5], guarded.kinds(3)[5]) == ("open,done,later", "open,shut")
    del guarded.choices["course"]  # the database does not tell
    assert guarded.requests(guarded.rows(1, 2)) == (1, 0)
    assert guarded.kinds(3)[4] == "1,2"


def test_a_tab_that_is_in_use_gets_them_once_edits_are_on(guarded: Guarded) -> None:
    guarded.use(tab_of(ALL), are_edits_on=False)
    guarded.sync(guarded.rows(1, 2))
    assert (guarded.kinds(2), guarded.warned()) == (["-"] * 6, "")
    guarded.use(tab_of(ALL))
    assert guarded.sync(guarded.rows(1, 2), dry_run=True).planned_requests == 1
    assert guarded.kinds(2) == ["-"] * 6
    assert guarded.requests(guarded.rows(1, 2)) == (2, 1)
    assert (guarded.kinds(3), guarded.warned()) == (FULL, "A")


def test_an_archive_tab_warns_of_each_column_of_ours(guarded: Guarded) -> None:
    def of_archive() -> TabShowing:
        return TabShowing(guarded.tab, guarded.client, NoNotes()).of_archive(guarded.tab)

    guarded.writer.showing = None
    assert guarded.requests(guarded.rows(1, 2))[1] == 1
    assert guarded.warned() == ""
    guarded.writer.showing = of_archive()  # of one that was made before they were wanted
    report = guarded.writer.event_sync(lambda: guarded.rows(1).assign(score=2.5), {"1"})
    assert (report.traffic.read_requests, report.traffic.write_requests) == (2, 1)
    assert guarded.warned() == "ABCDEF"
    assert guarded.kinds(2) == ["-"] * 6
    guarded.writer.showing = of_archive()
    report = guarded.writer.event_sync(lambda: guarded.rows(1).assign(score=3.5), {"1"})
    assert (report.traffic.read_requests, report.traffic.write_requests) == (1, 1)
    off = TabShowing(guarded.tab, guarded.client, None).of_archive(guarded.tab)
    guarded.writer.showing = off
    assert guarded.requests(guarded.rows(1, 2))[1] == 1
    assert guarded.warned() == ""  # edits are off
