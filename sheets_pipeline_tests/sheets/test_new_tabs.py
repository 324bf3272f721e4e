"""Tabs and columns as people first see them: in their order, and as wide as what stands in them."""

from dataclasses import replace

import pytest

from sheets_pipeline.testing import PEOPLE, Bench


def _widths(bench: Bench) -> list[int]:
    answer = bench.call("GET", "?ranges=people!A1:Z1&includeGridData=true&fields=sheets.data.columnMetadata.pixelSize")
    return [column["pixelSize"] for column in answer["sheets"][0]["data"][0]["columnMetadata"]]


def _titles(bench: Bench) -> list[str]:
    sheets = bench.call("GET", "?fields=sheets.properties(title)")["sheets"]
    return [sheet["properties"]["title"] for sheet in sheets]


@pytest.mark.parametrize("is_there", [False, True])
def test_new_columns_are_as_wide_as_what_stands_in_them_by_no_request_more(bench: Bench, is_there: bool) -> None:
    if is_there:
        bench.edit({"addSheet": {"properties": {"title": "people"}}})
    bench.server.reset_stats()
    bench.sync(dict.fromkeys(range(1, 4), "Wilhelmina Featherstonehaugh"))
    assert bench.sent()[1] == 1
    key, name, _, seen, _ = _widths(bench)[:5]
    assert key < 100 < seen < name


def test_widths_that_people_chose_stay_and_a_column_that_is_added_gets_its_own(bench: Bench) -> None:
    bench.use(replace(PEOPLE, columns=PEOPLE.columns[:4]))
    bench.sync({1: "Ada"})
    span = {"sheetId": bench.sheet()["sheetId"], "dimension": "COLUMNS", "startIndex": 0, "endIndex": 4}
    bench.edit({"updateDimensionProperties": {"range": span, "properties": {"pixelSize": 77}, "fields": "pixelSize"}})
    bench.use(PEOPLE)
    bench.sync({1: "Ada", 2: "Wilhelmina Featherstonehaugh"})
    assert _widths(bench)[:5] == [77, 77, 77, 77, 78]


def test_tabs_are_made_in_their_order_behind_those_of_people(bench: Bench) -> None:
    for title, position in [("second", 20), ("archive", 900), ("first", 10), ("third", 30)]:
        other = Bench(bench.server, replace(PEOPLE, title=title, position=position), bench.spreadsheet_id)
        other.ownership = bench.ownership
        other.use(other.tab)
        other.sync({1: "Ada"})
    assert _titles(bench) == ["Sheet1", "first", "second", "third", "archive"]


def test_a_tab_that_people_moved_stays_there_and_others_find_their_place(bench: Bench) -> None:
    for title, position in [("second", 20), ("third", 30)]:
        other = Bench(bench.server, replace(PEOPLE, title=title, position=position), bench.spreadsheet_id)
        other.ownership = bench.ownership
        other.use(other.tab)
        other.sync({1: "Ada"})
    moved = {"properties": {"sheetId": bench.sheet("third")["sheetId"], "index": 0}, "fields": "index"}
    bench.edit({"updateSheetProperties": moved})
    other.sync({1: "Ada", 2: "Ben"})
    assert _titles(bench) == ["third", "Sheet1", "second"]
