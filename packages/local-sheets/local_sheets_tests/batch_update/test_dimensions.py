"""Rows and columns: insert, delete, move, append, size, groups, and all that points to them."""

import pytest

from local_sheets_tests.api_client import Api, columns, grid, rows

CHECKED_AGAINST = ("recording",)


def insert(span: dict, inherit: bool = False) -> dict:
    return {"insertDimension": {"range": span, "inheritFromBefore": inherit}}


def test_rows_are_inserted_and_deleted(api: Api):
    api.put("A1", [["a"], ["b"], ["c"]])
    api.batch(insert(rows(1, 3)))
    assert api.values("A1:A5") == [["a"], [], [], ["b"], ["c"]]
    api.batch({"deleteDimension": {"range": rows(0, 3)}})
    assert api.values("A1:A2") == [["b"], ["c"]]
    assert api.sheet("properties.gridProperties.rowCount")["properties"]["gridProperties"]["rowCount"] == 999


def test_columns_are_inserted_and_deleted(api: Api):
    api.put("A1", [["a", "b", "c"], ["d"]])
    api.batch(insert(columns(1, 2)))
    assert api.values("A1:D2") == [["a", "", "b", "c"], ["d"]]
    api.batch({"deleteDimension": {"range": columns(0, 2)}})
    assert api.values("A1:B2") == [["b", "c"]]


@pytest.mark.parametrize(
    ("destination", "expected"),
    [(0, "cdabe"), (1, "acdbe"), (2, "abcde"), (4, "abcde"), (5, "abecd")],
)
def test_rows_and_columns_move_to_before_a_place_counted_before_the_move(api: Api, destination: int, expected: str):
    api.put("A1", [[letter] for letter in "abcde"])
    api.put("H1", [list("abcde")])
    api.batch({"moveDimension": {"source": rows(2, 4), "destinationIndex": destination}})
    assert [row[0] for row in api.values("A1:A5")] == list(expected)
    api.batch({"moveDimension": {"source": rows(0, 5), "destinationIndex": 5}})
    other = Api(api.server)
    other.put("A1", [list("abcde")])
    other.batch({"moveDimension": {"source": columns(2, 4), "destinationIndex": destination}})
    assert other.values("A1:E1") == [list(expected)]


def test_new_rows_look_like_the_row_before_or_after(api: Api):
    bold = {"userEnteredFormat": {"textFormat": {"bold": True}}}
    api.batch({"repeatCell": {"range": grid(1, 2, 0, 1), "cell": bold, "fields": "userEnteredFormat"}})
    api.batch(insert(rows(2, 3), inherit=True))
    assert api.cells("A3", "userEnteredFormat") == [[bold]]
    api.batch(insert(rows(4, 5)))
    assert api.cells("A5", "userEnteredFormat") == []


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"deleteDimension": {"range": rows(0, 1000)}}, "deleteDimension: You can't delete all the rows on the sheet."),
        ({"deleteDimension": {"range": columns(0, 26)}}, "deleteDimension: You can't delete all the columns on the sheet."),
        (insert(rows(0, 1), inherit=True), "insertDimension: inheritFromBefore cannot be true when inserting at index 0."),
        (insert(rows(1000, 1001)), "insertDimension: range.startIndex must be less than the grid size (1000) if inheritFromBefore is false."),
        (insert(rows(1001, 1002), inherit=True), "insertDimension: range.startIndex is larger than current grid size (1000)"),
        (insert(rows(-1, 1)), "insertDimension: DimensionRange indexes must be >= 0"),
        ({"deleteDimension": {"range": rows(1000, 1001)}}, "deleteDimension: Cannot delete a row that doesn't exist. Tried to delete row index 1000 but there are only 1000 rows."),
        (insert({**rows(0, 1), "sheetId": 9}), "insertDimension: No grid with id: 9"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(api: Api, request_: dict, message: str):
    assert api.refused(request_) == f"Invalid requests[0].{message}"


def test_a_move_tears_no_merged_range_apart(api: Api):
    api.batch({"mergeCells": {"range": grid(2, 4, 0, 1)}})
    for source, destination in ((rows(3, 5), 0), (rows(0, 1), 3)):
        message = api.refused({"moveDimension": {"source": source, "destinationIndex": destination}})
        assert "crosses a merged cell" in message
    api.batch({"moveDimension": {"source": rows(2, 4), "destinationIndex": 0}})
    assert api.sheet("merges")["merges"][0]["startRowIndex"] == 0


def test_rows_that_scroll_must_remain(api: Api):
    frozen = {
        "properties": {"sheetId": 0, "gridProperties": {"frozenRowCount": 1}},
        "fields": "gridProperties.frozenRowCount",
    }
    api.batch({"updateSheetProperties": frozen})
    message = api.refused({"deleteDimension": {"range": rows(1, 1000)}})
    assert message == "Invalid requests[0].deleteDimension: Sorry, it is not possible to delete all non-frozen rows."


def test_the_grid_is_made_longer(api: Api):
    api.batch({"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 5}})
    api.batch({"appendDimension": {"sheetId": 0, "dimension": "COLUMNS", "length": 1}})
    assert api.sheet("properties.gridProperties")["properties"]["gridProperties"] == {
        "rowCount": 1005,
        "columnCount": 27,
    }


def test_sizes_and_visibility_travel_with_their_rows(api: Api):
    update = {
        "range": rows(1, 2),
        "properties": {"pixelSize": 50, "hiddenByUser": True},
        "fields": "pixelSize,hiddenByUser",
    }
    api.batch({"updateDimensionProperties": update}, insert(rows(0, 1)))
    data = api.get("sheets.data.rowMetadata", ranges="A1:A3")["sheets"][0]["data"][0]
    assert data["rowMetadata"] == [{"pixelSize": 21}, {"pixelSize": 21}, {"hiddenByUser": True, "pixelSize": 50}]


def test_columns_fit_their_longest_text(api: Api):
    api.put("A1", [["x" * 40, "y"]])
    api.batch({"autoResizeDimensions": {"dimensions": columns(0, 2)}})
    data = api.get("sheets.data.columnMetadata.pixelSize", ranges="A1:B1")["sheets"][0]["data"][0]
    wide, narrow = (one["pixelSize"] for one in data["columnMetadata"])
    assert wide > 200
    assert narrow < 30


def test_ranges_grow_shrink_and_move_with_their_rows(api: Api):
    api.batch(
        {"mergeCells": {"range": grid(4, 6, 0, 2)}},
        {"addNamedRange": {"namedRange": {"name": "Total", "range": grid(4, 6, 0, 2)}}},
        insert(rows(5, 6)),
        insert(rows(0, 1)),
    )
    assert api.sheet("merges")["merges"] == [
        {"startRowIndex": 5, "endRowIndex": 8, "startColumnIndex": 0, "endColumnIndex": 2}
    ]
    api.batch({"deleteDimension": {"range": rows(6, 8)}})
    [named] = api.get("namedRanges")["namedRanges"]
    assert (named["range"]["startRowIndex"], named["range"]["endRowIndex"]) == (5, 6)
    api.batch({"deleteDimension": {"range": rows(5, 6)}})
    assert api.get("namedRanges") == {}


def test_formulas_follow_their_cells(api: Api):
    api.type("A1", [[1], [2], ["=A1+A2"]])
    api.batch(insert(rows(1, 2)), insert(columns(0, 1)))
    assert api.values("B4", valueRenderOption="FORMULA") == [["=B1+B3"]]
    api.batch({"deleteDimension": {"range": rows(0, 1)}})
    assert api.values("B3", valueRenderOption="FORMULA") == [["=#REF!+B2"]]
    assert api.values("B3") == [["#REF!"]]


def rule_texts(api: Api) -> list[str]:
    """The formulas of the validation of B3, of the first conditional format and of the filter."""
    [[cell]] = api.cells("B3", "dataValidation")
    tab = api.sheet("conditionalFormats,basicFilter")
    holders = [
        cell["dataValidation"]["condition"],
        tab["conditionalFormats"][0]["booleanRule"]["condition"],
        *(one["condition"] for one in tab["basicFilter"]["criteria"].values()),
    ]
    return [value["userEnteredValue"] for holder in holders for value in holder["values"]]


def test_formulas_of_rules_follow_their_cells(api: Api):
    def custom(text: str) -> dict:
        return {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": text}]}

    form = {"condition": custom("=B2>$D$9"), "format": {"textFormat": {"bold": True}}}
    api.batch(
        {"setDataValidation": {"range": grid(1, 6, 1, 2), "rule": {"condition": custom("=B2>$D$9")}}},
        {"addConditionalFormatRule": {"rule": {"ranges": [grid(1, 6, 1, 2)], "booleanRule": form}, "index": 0}},
        {
            "setBasicFilter": {
                "filter": {"range": grid(0, 6, 1, 2), "criteria": {"1": {"condition": custom("=B2>$D$9")}}}
            }
        },
    )
    api.batch(insert(rows(7, 8)))
    assert rule_texts(api) == ["=B2>$D$10"] * 3
    api.batch({"deleteDimension": {"range": rows(1, 2)}})  # the row that they are written for
    assert rule_texts(api) == ["=B2>$D$9"] * 3
    api.batch(insert(columns(0, 1)), insert(rows(0, 1)), {"deleteDimension": {"range": columns(0, 1)}})
    assert rule_texts(api) == ["=B3>$D$10"] * 3
    api.batch({"updateSheetProperties": {"properties": {"sheetId": 0, "title": "New"}, "fields": "title"}})
    in_list = {"type": "ONE_OF_RANGE", "values": [{"userEnteredValue": "=New!$D$1:$D$4"}]}
    api.batch({"setDataValidation": {"range": grid(2, 3, 1, 2), "rule": {"condition": in_list}}}, insert(rows(3, 4)))
    assert rule_texts(api)[0] == "=New!$D$1:$D$5"


def test_a_filter_follows_its_columns(api: Api):
    kept = {"range": grid(0, 6, 0, 3), "criteria": {"1": {"hiddenValues": ["x"]}, "2": {"hiddenValues": ["y"]}}}
    api.batch({"addFilterView": {"filter": {**kept, "sortSpecs": [{"dimensionIndex": 2}]}}}, insert(columns(0, 1)))
    api.batch({"deleteDimension": {"range": columns(2, 3)}})
    [view] = api.sheet("filterViews(criteria,filterSpecs,sortSpecs)")["filterViews"]
    assert view["criteria"] == {"2": {"hiddenValues": ["y"]}}
    assert [spec["columnIndex"] for spec in view["filterSpecs"]] == [2]
    assert [spec["dimensionIndex"] for spec in view["sortSpecs"]] == [2]


def test_groups_nest_and_meet_as_the_reference_says(api: Api):
    api.batch({"addDimensionGroup": {"range": rows(0, 5)}})
    [reply] = api.batch({"addDimensionGroup": {"range": rows(3, 8)}})
    found = [
        (g["range"].get("startIndex", 0), g["range"]["endIndex"], g["depth"])
        for g in reply["addDimensionGroup"]["dimensionGroups"]
    ]
    assert found == [(0, 8, 1), (3, 5, 2)]
    fold = {"dimensionGroup": {"range": rows(3, 5), "depth": 2, "collapsed": True}, "fields": "collapsed"}
    api.batch({"updateDimensionGroup": fold})
    data = api.get("sheets.data.rowMetadata.hiddenByUser", ranges="A3:A6")["sheets"][0]["data"][0]
    assert [one.get("hiddenByUser", False) for one in data["rowMetadata"]] == [False, True, True, False]
    [reply] = api.batch({"deleteDimensionGroup": {"range": rows(0, 8)}})
    [left] = reply["deleteDimensionGroup"]["dimensionGroups"]
    assert (left["range"]["startIndex"], left["range"]["endIndex"], left["depth"]) == (3, 5, 1)


def test_ranges_of_cells_are_pushed_aside_and_pulled_together(api: Api):
    api.put("A1", [["a", "b"], ["c", "d"]])
    api.type("D1", [["=A2"]])
    api.batch({"insertRange": {"range": grid(0, 1, 0, 1), "shiftDimension": "ROWS"}})
    assert api.values("A1:B3") == [["", "b"], ["a", "d"], ["c"]]
    assert api.values("D1", valueRenderOption="FORMULA") == [["=A3"]]
    api.batch({"deleteRange": {"range": grid(0, 1, 0, 1), "shiftDimension": "ROWS"}})
    assert api.values("A1:B3") == [["a", "b"], ["c", "d"]]
    api.put("D1", [[""]])
    api.batch({"insertRange": {"range": grid(0, 1, 0, 1), "shiftDimension": "COLUMNS"}})
    assert api.values("A1:C2") == [["", "a", "b"], ["c", "d"]]
    api.batch({"deleteRange": {"range": grid(0, 1, 0, 2), "shiftDimension": "COLUMNS"}})
    assert api.values("A1:C2") == [["b"], ["c", "d"]]
