"""What an edit on the page becomes: an API request, and an announcement with the values of the moment of its commit."""

from typing import Any

import pytest

from local_sheets.batch_update.merges import merge_cells
from local_sheets.formulas.shift import Change as Shift
from local_sheets.formulas.shift import Deleted, Inserted, Moved
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction
from local_sheets.page.changes import MOST_RECTANGLES, changes_of
from local_sheets.page.person_edit import PersonEdit, api_request, describe, edit_under_way, making


@pytest.fixture
def spreadsheet() -> Spreadsheet:
    found = Spreadsheet("abc", {"title": "Learning platform"})
    tab = Tab(
        {"properties": {"sheetId": 7, "title": "my orders", "gridProperties": {"rowCount": 50, "columnCount": 10}}}
    )
    found.tabs.append(tab)
    tab.put_block(Transaction(found), 0, 0, [["id", "name"], [1, "old"], [2, "b"]])
    return found


def _range(top: int, bottom: int, left: int, right: int) -> dict[str, int]:
    return {"startRowIndex": top, "endRowIndex": bottom, "startColumnIndex": left, "endColumnIndex": right}


def test_an_announcement_of_one_cell_tells_the_new_and_the_replaced_value(spreadsheet: Spreadsheet):
    tx = Transaction(spreadsheet)
    [tab] = spreadsheet.tabs
    tab.put_cells(tx, 1, 1, ["new"])
    [message] = describe(tx, PersonEdit("page", "EDIT", 7, [_range(1, 2, 1, 2)]))
    time = message.pop("time")
    assert message == {
        "spreadsheetId": "abc",
        "sheetId": 7,
        "title": "my orders",
        "range": "'my orders'!B2",
        "changeType": "EDIT",
        "user": "owner@localhost",
        "values": [["new"]],
        "oldValue": "old",
    }
    assert time.endswith("Z")


def test_an_announcement_of_a_block_tells_all_values_and_no_old_one(spreadsheet: Spreadsheet):
    [message] = describe(Transaction(spreadsheet), PersonEdit("page", "EDIT", 7, [_range(0, 3, 0, 5)]))
    assert message["values"] == [["id", "name"], [1, "old"], [2, "b"]]
    assert "oldValue" not in message


def test_cells_that_were_moved_are_told_at_both_places(spreadsheet: Spreadsheet):
    tx = Transaction(spreadsheet)
    [tab] = spreadsheet.tabs
    tab.put_cells(tx, 1, 1, [None])
    tab.put_cells(tx, 5, 1, ["old"])
    target, source = describe(
        tx, PersonEdit("page", "EDIT", 7, [_range(5, 6, 1, 2), {"sheetId": 7, **_range(1, 2, 1, 2)}])
    )
    assert (target["range"], target["values"], target["oldValue"]) == ("'my orders'!B6", [["old"]], "")
    assert (source["range"], source["values"], source["oldValue"]) == ("'my orders'!B2", [], "old")


def test_a_cleared_cell_is_told_as_no_values_and_what_it_held(spreadsheet: Spreadsheet):
    tx = Transaction(spreadsheet)
    spreadsheet.tabs[0].put_cells(tx, 2, 1, [None])
    [message] = describe(tx, PersonEdit("page", "EDIT", 7, [_range(2, 3, 1, 2)]))
    assert (message["values"], message["oldValue"]) == ([], "b")


def test_deleted_rows_are_named_without_the_values_that_moved_up(spreadsheet: Spreadsheet):
    [message] = describe(Transaction(spreadsheet), PersonEdit("page", "REMOVE_ROW", 7, [_range(1, 2, 0, 10)]))
    assert message["range"] == "'my orders'!A2:J2"
    assert "values" not in message


def test_an_edit_of_the_whole_spreadsheet_names_no_tab(spreadsheet: Spreadsheet):
    [message] = describe(Transaction(spreadsheet), PersonEdit("page", "OTHER"))
    assert (message["sheetId"], message["title"], message["range"]) == (None, None, None)


def test_a_deleted_tab_is_announced_by_its_last_title(spreadsheet: Spreadsheet):
    tx = Transaction(spreadsheet)
    spreadsheet.tabs = []
    assert describe(tx, PersonEdit("page", "REMOVE_GRID", 7))[0]["title"] == "my orders"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (
            {"valuesUpdate": {"range": "'a/b'!A1", "values": [["x"]]}},
            (
                "PUT",
                "/v4/spreadsheets/id/values/%27a%2Fb%27%21A1?valueInputOption=USER_ENTERED",
                {"range": "'a/b'!A1", "values": [["x"]]},
            ),
        ),
        ({"valuesClear": {"range": "A1:B2"}}, ("POST", "/v4/spreadsheets/id/values/A1%3AB2:clear", {})),
        (
            {"batchUpdate": {"requests": [{"addSheet": {}}]}},
            ("POST", "/v4/spreadsheets/id:batchUpdate", {"requests": [{"addSheet": {}}]}),
        ),
    ],
)
def test_an_edit_is_a_request_of_the_public_api(request_: dict[str, Any], expected: tuple[str, str, dict[str, Any]]):
    assert api_request("id", request_) == expected


@pytest.mark.parametrize("request_", [{}, {"path": "/v4/x"}, {"valuesUpdate": {"range": 1}}, {"batchUpdate": {}}])
def test_anything_else_is_no_edit(request_: dict[str, Any]):
    with pytest.raises(ValueError, match="expected batchUpdate"):
        api_request("id", request_)


def test_only_what_happens_during_an_edit_belongs_to_it():
    edit = PersonEdit("page", "EDIT")
    assert edit_under_way() is None
    with making(edit):
        assert edit_under_way() is edit
    assert edit_under_way() is None


def test_written_cells_are_told_as_rectangles(spreadsheet: Spreadsheet):
    tx = Transaction(spreadsheet)
    [tab] = spreadsheet.tabs
    tx.note(tab.rect(1, 3, 0, 2))
    rect = {"top": 1, "left": 0, "bottom": 2, "right": 1}
    assert changes_of(tx) == [{"kind": "cells", "sheetId": 7, "rect": rect}]


def test_very_many_rectangles_are_told_as_the_one_around_them(spreadsheet: Spreadsheet):
    tx = Transaction(spreadsheet)
    [tab] = spreadsheet.tabs
    for row in range(MOST_RECTANGLES + 1):
        tx.note(tab.rect(row, row + 1, 2, 3))
    [change] = changes_of(tx)
    assert change["rect"] == {"top": 0, "left": 2, "bottom": MOST_RECTANGLES, "right": 2}


@pytest.mark.parametrize(
    ("shift", "told"),
    [
        (Inserted("a", True, 2, 3), {"isRows": True, "how": "inserted", "start": 2, "end": 5}),
        (Deleted("a", False, 1, 2), {"isRows": False, "how": "deleted", "start": 1, "end": 2}),
        (Moved("a", True, 4, 6, 1), {"isRows": True, "how": "moved", "start": 4, "end": 6, "to": 1}),
    ],
)
def test_pages_are_told_where_rows_and_columns_went(spreadsheet: Spreadsheet, shift: Shift, told: dict[str, Any]):
    tx = Transaction(spreadsheet)
    tx.shifts.append((7, shift))
    assert changes_of(tx)[0] == {"kind": "moved", "sheetId": 7, **told}


def test_merged_cells_are_a_change_of_shape(spreadsheet: Spreadsheet):
    tx = Transaction(spreadsheet)
    merge_cells(tx, {"range": {"sheetId": 7, "endRowIndex": 2, "endColumnIndex": 2}})
    assert {"kind": "shape"} in changes_of(tx)


def test_a_renamed_or_added_tab_is_a_change_of_shape(spreadsheet: Spreadsheet):
    tx = Transaction(spreadsheet)
    [tab] = spreadsheet.tabs
    tx.touch(tab)
    tab.properties["title"] = "other"
    assert changes_of(tx) == [{"kind": "shape"}]
    tx = Transaction(spreadsheet)
    spreadsheet.tabs.append(Tab({"properties": {"sheetId": 8, "title": "b", "gridProperties": {}}}))
    assert changes_of(tx) == [{"kind": "shape"}]
