"""The writer keeps its promises on a server that answers as Google does."""

import copy
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from sheets_pipeline.errors import GuardRefused, HeaderMismatch, LimitExceeded, TabBusy
from sheets_pipeline.sheets.reader import NeedsFullSync
from sheets_pipeline.sync.tab import Column, ColumnType, OnRemoved, Tab
from sheets_pipeline.testing import PEOPLE, Bench, people
from sheets_pipeline_tests.sheets.losing_lock import LosingLock

HEADER = ["id", "Full name", "score", "seen", "active"]
ROW = [1.5, 46082.5, True]


def test_a_missing_tab_is_created_with_types_and_a_frozen_header(bench: Bench) -> None:
    report = bench.sync({1: "Ada", 2: "007"})
    assert report.created
    assert bench.values() == [HEADER, [1, "Ada", *ROW], [2, "007", *ROW]]
    assert bench.sheet()["gridProperties"]["frozenRowCount"] == 1
    assert bench.values("people!D2", "FORMATTED_VALUE") == [["2026-03-01 12:00:00"]]


def test_an_unchanged_tab_costs_one_read_and_no_write(bench: Bench) -> None:
    rows = {i: f"n{i}" for i in range(200)}
    bench.sync(rows)
    bench.server.reset_stats()
    report = bench.sync(rows)
    assert bench.sent() == (1, 0, 0)
    assert (report.traffic.read_requests, report.traffic.write_requests, report.cells) == (1, 0, 0)


def test_inserts_and_updates_are_one_write_of_the_cells_that_differ(bench: Bench) -> None:
    rows: dict[int, Any] = {i: f"n{i}" for i in range(100)}
    bench.sync(rows)
    bench.server.reset_stats()
    bench.sync(rows | {3: "x", 50: ("n50", 9), 200: "new"})
    assert bench.sent() == (1, 1, 2 + 5)


def test_deletes_add_one_write(bench: Bench) -> None:
    rows: dict[int, Any] = {i: f"n{i}" for i in range(100)}
    bench.sync(rows)
    bench.server.reset_stats()
    changed = {key: name for key, name in rows.items() if key % 20} | {3: "x", 300: "new"}
    report = bench.sync(changed)
    assert (report.inserts, report.updates, report.deletes) == (1, 1, 5)
    assert bench.sent()[:2] == (1, 2)
    assert {row[0]: row[1] for row in bench.values()[1:]} == changed


def test_hostile_text_comes_out_as_it_went_in(bench: Bench) -> None:
    names = [
        "007",
        "+1-555",
        "1E5",
        "TRUE",
        "=1+1",
        "'quoted",
        "@a",
        "-3",
        "#REF!",
        " x ",
        "a\nb",
        "שלום",
        "👩‍🚀",
        "1/2",
    ]
    bench.sync(dict(enumerate(names, start=1)))
    assert [row[1] for row in bench.values(option="FORMULA")[1:]] == names
    bench.server.reset_stats()
    bench.sync(dict(enumerate(names, start=1)))
    assert bench.sent() == (1, 0, 0)


def test_peoples_columns_notes_and_formulas_stay_on_their_rows(bench: Bench) -> None:
    bench.sync({i: f"n{i}" for i in range(1, 6)})
    sheet_id = bench.sheet()["sheetId"]
    insert = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}
    bench.edit({"insertDimension": {"range": insert, "inheritFromBefore": True}})
    bench.put("people!B1:B6", [["note"], ["=A2*2"], ["two"], ["three"], ["=SUM(A2:A3)"], ["five"]])
    bench.sync({5: "moved up", 2: "n2", 4: "n4", 7: "new"})
    result = {row[0]: row[1:3] for row in bench.values(option="FORMULA")[1:]}
    assert result == {2: ["two", "n2"], 4: ["=SUM(A2:A2)", "n4"], 5: ["five", "moved up"], 7: ["", "new"]}


def test_people_may_move_sort_and_insert(bench: Bench) -> None:
    bench.sync({i: f"n{i}" for i in range(1, 6)})
    sheet_id = bench.sheet()["sheetId"]
    column = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": 0, "endIndex": 1}
    grid = {"sheetId": sheet_id, "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 5}
    row = {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": 2, "endIndex": 3}
    bench.edit(
        {"moveDimension": {"source": column, "destinationIndex": 3}},
        {"sortRange": {"range": grid, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]}},
        {"insertDimension": {"range": row}},
    )
    bench.put("people!A3", [["between"]])
    report = bench.sync({i: f"N{i}" for i in range(1, 6)})
    assert report.updates == 5
    assert report.inserts == 0
    assert [row[0] for row in bench.values()[1:]] == ["N5", "between", "N4", "N3", "N2", "N1"]


def test_a_renamed_tab_is_still_ours_and_a_copy_with_its_title_is_not(bench: Bench) -> None:
    bench.sync({1: "a"})
    sheet_id = bench.sheet()["sheetId"]
    rename = {"properties": {"sheetId": sheet_id, "title": "Staff's own name"}, "fields": "title"}
    copy = {"sourceSheetId": sheet_id, "newSheetName": "people", "newSheetId": 99}
    bench.edit({"updateSheetProperties": rename}, {"duplicateSheet": copy})
    bench.sync({1: "b"})
    assert bench.values("'Staff''s own name'!B2") == [["b"]]
    assert bench.values("people!B2") == [["a"]]


def test_a_tab_deleted_by_hand_is_created_anew(bench: Bench) -> None:
    bench.sync({1: "a", 2: "b"})
    bench.edit({"deleteSheet": {"sheetId": bench.sheet()["sheetId"]}})
    with pytest.raises(NeedsFullSync):
        bench.event({1: "x"}, {"1"})
    assert bench.sync({1: "a", 2: "b"}).created
    assert len(bench.values()) == 3


def test_an_empty_tab_with_our_title_is_filled(bench: Bench) -> None:
    bench.edit({"addSheet": {"properties": {"title": "people"}}})
    bench.sync({1: "a"})
    assert bench.values() == [HEADER, [1, "a", *ROW]]


def test_a_renamed_header_is_recognised(bench: Bench) -> None:
    bench.sync({1: "a"})
    bench.put("people!B1", [["Name of the person"]])
    report = bench.sync({1: "b"})
    assert report.renamed_columns == {"name": "Name of the person"}
    assert bench.values()[0][1] == "Name of the person"
    assert bench.values()[1][1] == "b"
    bench.server.reset_stats()
    bench.sync({1: "b"})
    assert bench.sent() == (1, 0, 0)


def test_a_deleted_column_is_an_error_that_says_so(bench: Bench) -> None:
    bench.sync({1: "a"})
    span = {"sheetId": bench.sheet()["sheetId"], "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}
    bench.edit({"deleteDimension": {"range": span}})
    with pytest.raises(HeaderMismatch, match="Full name"):
        bench.sync({1: "b"})
    bench.use(replace(PEOPLE, restores_columns=True))
    bench.sync({1: "b"})
    assert bench.values() == [["id", "score", "seen", "active", "Full name"], [1, *ROW, "b"]]


def test_a_new_column_is_added_at_the_right_end_and_a_released_one_stays(bench: Bench) -> None:
    bench.sync({1: "a"})
    bench.put("people!F1:F2", [["note"], ["mine"]])
    columns = (*(column for column in PEOPLE.columns if column.name != "active"), Column("extra", ColumnType.INTEGER))
    bench.use(Tab("people", ("id",), columns))
    frame = pd.DataFrame({"id": [1], "name": ["a"], "score": [1.5], "seen": [None], "extra": [7]})
    report = bench.writer.full_sync(frame, computed_at=bench.memory.now())
    assert (report.added_columns, report.released_columns) == (["extra"], ["active"])
    assert bench.values() == [[*HEADER, "note", "extra"], [1, "a", 1.5, "", True, "mine", 7]]


def test_rows_of_people_stay_and_doubled_keys_are_reported(bench: Bench) -> None:
    bench.sync({1: "a", 2: "b"})
    bench.put("people!A4:B6", [[77, "typed"], ["", "no key"], [1, "a copy"]])
    report = bench.sync({1: "x"})
    assert bench.values("people!A2:B5") == [[1, "x"], [77, "typed"], ["", "no key"], [1, "a copy"]]
    assert report.foreign_keys == ["77"]
    assert report.doubled_keys == {"1": [2, 6]}
    assert report.keyless_rows == [5]


def test_a_row_that_leaves_is_marked_where_the_tab_says_so(bench: Bench) -> None:
    bench.use(replace(PEOPLE, on_removed=OnRemoved.MARK))
    bench.sync({1: "a", 2: "b"})
    bench.sync({1: "a"})
    assert [row[5:] for row in bench.values()] == [["row_status"], [], ["removed"]]
    bench.server.reset_stats()
    bench.sync({1: "a"})
    assert bench.sent() == (1, 0, 0)
    bench.sync({1: "a", 2: "b"})
    assert [row[5:] for row in bench.values()] == [["row_status"], [], []]


def test_a_mass_delete_is_refused_before_anything_is_sent(bench: Bench) -> None:
    bench.sync(dict.fromkeys(range(100), "x"))
    bench.server.reset_stats()
    with pytest.raises(GuardRefused, match="60 of 100 rows would be deleted"):
        bench.sync(dict.fromkeys(range(40), "y"))
    assert bench.sent() == (1, 0, 0)
    assert bench.sync(dict.fromkeys(range(40), "y"), allow_deletes=60).deletes == 60


def test_a_dry_run_sends_nothing(bench: Bench) -> None:
    bench.server.reset_stats()
    report = bench.sync({1: "a"}, dry_run=True)
    assert (report.inserts, report.planned_cells, report.cells) == (1, 10, 0)
    assert bench.sent() == (1, 0, 0)
    assert [s["properties"]["title"] for s in bench.call("GET", "?fields=sheets.properties")["sheets"]] == ["Sheet1"]


def test_growth_beyond_the_cell_limit_is_refused(bench: Bench) -> None:
    bench.edit(
        {"addSheet": {"properties": {"title": "big", "gridProperties": {"rowCount": 99_735, "columnCount": 100}}}}
    )
    with pytest.raises(LimitExceeded, match="10,000,000"):
        bench.sync({1: "a"})


def _bloat(bench: Bench, rows: int = 50_000) -> None:
    grid = {"sheetId": bench.sheet()["sheetId"], "gridProperties": {"rowCount": rows}}
    bench.edit({"updateSheetProperties": {"properties": grid, "fields": "gridProperties.rowCount"}})


def _rows_of_the_grid(bench: Bench) -> int:
    return int(bench.sheet()["gridProperties"]["rowCount"])


def test_a_grid_that_is_mostly_empty_shrinks_and_costs_one_look(bench: Bench) -> None:
    bench.sync({1: "a", 2: "b"})
    _bloat(bench)
    bench.put("people!H500", [["below"]])
    bench.server.reset_stats()
    bench.sync({1: "a", 3: "c"})
    assert bench.sent()[:2] == (2, 2)
    assert _rows_of_the_grid(bench) == 1000
    assert [row for row in bench.values("people!A1:B") if row] == [["id", "Full name"], [1, "a"], [3, "c"]]
    assert bench.values("people!H500") == [["below"]]
    bench.server.reset_stats()
    bench.sync({1: "a", 3: "c"})
    assert bench.sent()[:2] == (1, 0)


@pytest.mark.parametrize(
    "kept",
    [
        {"repeatCell": {"cell": {"userEnteredFormat": {"backgroundColor": {"red": 1}}}, "fields": "userEnteredFormat"}},
        {"repeatCell": {"cell": {"note": "keep"}, "fields": "note"}},
        {"mergeCells": {"mergeType": "MERGE_ALL"}},
        {"addProtectedRange": {"protectedRange": {}}},
        {"addNamedRange": {"namedRange": {"name": "mine"}}},
    ],
    ids=lambda kept: next(iter(kept)),
)
def test_a_mostly_empty_grid_in_which_anything_stands_far_below_is_left_alone(bench: Bench, kept: Any) -> None:
    bench.sync({1: "a"})
    _bloat(bench)
    place = {"sheetId": bench.sheet()["sheetId"], "startRowIndex": 40_000, "endRowIndex": 40_002}
    place |= {"startColumnIndex": 7, "endColumnIndex": 9}
    [(name, body)] = copy.deepcopy(kept).items()
    next((value for value in body.values() if isinstance(value, dict) and "Range" in name), body)["range"] = place
    bench.edit({name: body})
    bench.sync({1: "a"})
    assert _rows_of_the_grid(bench) == 50_000
    bench.server.reset_stats()
    bench.sync({1: "a"})
    assert bench.sent()[:2] == (1, 0)


def test_events_write_only_their_rows_with_one_read_of_the_keys(bench: Bench) -> None:
    rows: dict[int, Any] = {i: f"n{i}" for i in range(1, 1001)}
    bench.sync(rows)
    bench.server.reset_stats()
    report = bench.event({5: "x", 2000: "new"}, {"5", "2000", "7"})
    assert (report.rows, report.inserts, report.updates, report.deletes) == (1000, 1, 1, 1)
    assert bench.sent() == (1, 2, 1 + 5)
    bench.server.reset_stats()
    assert bench.event({5: "x"}, {"5"}).cells == 0
    assert bench.sent() == (1, 0, 0)


def test_a_full_sync_leaves_rows_that_an_event_wrote_after_its_frame(bench: Bench) -> None:
    bench.sync({1: "old", 2: "b", 3: "c"})
    computed_at = bench.memory.now()
    bench.event({1: "newer", 9: "new"}, {"1", "9", "3"})
    bench.writer.full_sync(people({1: "old", 2: "B", 3: "c"}), computed_at=computed_at)
    assert {row[0]: row[1] for row in bench.values()[1:]} == {1: "newer", 2: "B", 9: "new"}


def sort_before_the_next_write(bench: Bench) -> None:
    """Somebody sorts the tab, notes and all, between our read and our write."""
    span = {"sheetId": bench.sheet()["sheetId"], "startRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 7}
    sort = {"sortRange": {"range": span, "sortSpecs": [{"dimensionIndex": 0, "sortOrder": "DESCENDING"}]}}
    write = bench.client.write

    def someone_sorts_first(path: str, **request: Any) -> Any:
        bench.client.write = write  # type: ignore[method-assign]
        bench.edit(sort)
        return write(path, **request)

    bench.client.write = someone_sorts_first  # type: ignore[method-assign]


def test_rows_moved_between_read_and_write_are_noticed_and_mended(bench: Bench) -> None:
    bench.sync({i: f"n{i}" for i in range(1, 11)})
    bench.put("people!G1:G11", [["note"], *([f"about {i}"] for i in range(1, 11))])
    sort_before_the_next_write(bench)
    report = bench.sync({i: f"n{i}" for i in range(1, 11) if i != 4} | {2: "changed"})
    assert report.rounds == 2
    rows = {row[0]: (row[1], row[6]) for row in bench.values()[1:]}
    assert rows == {i: (f"n{i}" if i != 2 else "changed", f"about {i}") for i in range(1, 11) if i != 4}


def test_rows_moved_while_an_event_is_written_call_for_a_full_sync_which_mends_all_of_them(bench: Bench) -> None:
    old = {i: f"n{i}" for i in range(1, 11)}
    bench.sync(old)
    sort_before_the_next_write(bench)
    with pytest.raises(NeedsFullSync):
        bench.event({2: "changed"}, {"2"})
    assert {row[0]: row[1] for row in bench.values()[1:]} == old | {9: "changed"}  # where row 2 had been
    bench.sync(old | {2: "changed"})
    assert {row[0]: row[1] for row in bench.values()[1:]} == old | {2: "changed"}


def test_a_large_load_takes_no_more_requests_than_its_payload(bench: Bench) -> None:
    rows = dict.fromkeys(range(5000), "x" * 1000)
    bench.server.reset_stats()
    report = bench.sync(rows)
    assert report.traffic.write_requests == 1 + 3
    assert len(bench.values()) == 5001
    bench.server.reset_stats()
    bench.sync(rows)
    assert bench.sent() == (1, 0, 0)


@pytest.mark.parametrize("good_for", [0, 1])
@pytest.mark.parametrize("kind", ["full", "events"])
def test_nothing_is_written_once_the_lock_is_lost(bench: Bench, kind: str, good_for: int) -> None:
    old = {i: f"n{i}" for i in range(1, 11)}
    bench.sync(old)
    bench.writer.lock = LosingLock(good_for)
    bench.server.reset_stats()
    new = {i: name for i, name in old.items() if i != 4} | {2: "changed", 11: "new"}  # one write, and one of deletes
    with pytest.raises(TabBusy):
        bench.sync(new) if kind == "full" else bench.event({2: "changed", 11: "new"}, {"2", "4", "11"})
    assert bench.sent()[1] == good_for
