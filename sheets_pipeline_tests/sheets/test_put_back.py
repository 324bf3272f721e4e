"""A spreadsheet put back to an earlier version: rows that left the database stand in the tab again."""

from dataclasses import replace
from typing import Any

import pytest

from sheets_pipeline.errors import GuardRefused
from sheets_pipeline.sync.tab import OnRemoved
from sheets_pipeline.testing import PEOPLE, Bench

ROWS = {1: "Ada", 2: "Bob", 3: "Eve", 4: "Mia"}


def put_back(bench: Bench, rows: dict[int, str]) -> None:
    """As Google's version history leaves it: the rows as they were, with notes beside them."""
    below = len(bench.values()) + 1
    put: list[list[Any]] = [[key, name, 1.5, 46082.5, True, "", f"about {name}"] for key, name in rows.items()]
    bench.put(bench.a1(f"A{below}"), put, option="RAW")


def keys(bench: Bench) -> list[Any]:
    return [row[0] for row in bench.values()[1:]]


def test_rows_that_left_the_database_leave_again(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.sync({1: "Ada", 4: "Mia"})
    put_back(bench, {2: "Bob", 3: "Eve"})
    report = bench.sync({1: "Ada", 4: "Mia"})
    assert (report.deletes, report.returned_rows, report.foreign_keys) == (2, 2, [])
    assert keys(bench) == [1, 4]
    bench.server.reset_stats()
    assert bench.sync({1: "Ada", 4: "Mia"}).returned_rows == 0
    assert bench.sent() == (1, 0, 0)


@pytest.mark.parametrize("on_removed", [OnRemoved.MARK, OnRemoved.KEEP])
def test_they_are_marked_or_kept_where_the_tab_says_so(bench: Bench, on_removed: OnRemoved) -> None:
    bench.sync(ROWS)
    bench.sync({1: "Ada"})
    put_back(bench, {2: "Bob"})
    bench.use(replace(PEOPLE, on_removed=on_removed))
    report = bench.sync({1: "Ada"})
    assert (report.returned_rows, keys(bench)) == (1, [1, 2])
    assert bench.values()[2][6] == "about Bob"
    status = [row[7:] for row in bench.values()[2:]]  # the status column is new, at the right end
    assert status == ([["removed"]] if on_removed is OnRemoved.MARK else [[]])


def test_more_of_them_than_the_guard_allows_wait_for_a_person(bench: Bench) -> None:
    many = {i: f"n{i}" for i in range(1, 101)}
    bench.sync(many)
    bench.sync({1: "n1"}, allow_deletes=99)
    put_back(bench, {i: many[i] for i in range(2, 101)})
    with pytest.raises(GuardRefused, match="99 of 100 rows"):
        bench.sync({1: "n1"})
    assert bench.sync({1: "n1"}, allow_deletes=99).returned_rows == 99
    assert keys(bench) == [1]


def test_a_pupil_put_back_in_the_database_too_is_live_again(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.sync({1: "Ada"})
    put_back(bench, {2: "Bob"})
    report = bench.sync({1: "Ada", 2: "Bob"})
    assert (report.inserts, report.deletes, report.returned_rows) == (0, 0, 0)
    assert bench.sync({1: "Ada"}).deletes == 1


def test_a_row_of_peoples_own_with_a_number_that_was_ours_stays(bench: Bench) -> None:
    bench.sync(ROWS)
    bench.sync({1: "Ada"})
    bench.put(bench.a1("A3:G4"), [[2, "", "", "", "", "", "seat 2 is free"], [77, "typed", "", "", "", "", ""]])
    report = bench.sync({1: "Ada"})
    assert (report.deletes, report.foreign_keys) == (0, ["2", "77"])
    assert keys(bench) == [1, 2, 77]


def test_a_tab_that_was_deleted_and_restored_is_known_with_its_rows(bench: Bench) -> None:
    bench.sync(ROWS)
    lost = bench.sheet()["sheetId"]
    copy = {"sourceSheetId": lost, "newSheetName": "kept", "newSheetId": 77}
    bench.edit({"duplicateSheet": copy}, {"deleteSheet": {"sheetId": lost}})
    assert bench.sync({1: "Ada", 2: "Bob"}).created
    title = {"properties": {"sheetId": 77, "title": "people"}, "fields": "title"}
    bench.edit({"deleteSheet": {"sheetId": bench.sheet()["sheetId"]}}, {"updateSheetProperties": title})
    report = bench.sync({1: "Ada", 2: "Bob"})
    assert (report.deletes, report.returned_rows) == (2, 2)
    assert keys(bench) == [1, 2]
