"""Copying, cutting, pasting, filling; finding, replacing, trimming; duplicates; sorting."""

import pytest

from local_sheets_tests.api_client import Api, columns, grid, rows

CHECKED_AGAINST = ("recording",)


def test_a_copy_is_repeated_over_a_multiple_of_its_size(api: Api):
    api.put("A1", [["a", "b"]])
    api.batch({"copyPaste": {"source": grid(0, 1, 0, 2), "destination": grid(1, 3, 0, 4), "pasteType": "PASTE_NORMAL"}})
    assert api.values("A1:D3") == [["a", "b"], ["a", "b", "a", "b"], ["a", "b", "a", "b"]]


@pytest.mark.parametrize(
    ("kind", "formula", "bold"),
    [
        ("PASTE_NORMAL", "=B1*2", True),
        ("PASTE_VALUES", 2, False),
        ("PASTE_FORMULA", "=B1*2", False),
        ("PASTE_FORMAT", "", True),
    ],
)
def test_each_way_of_pasting_takes_its_part(api: Api, kind: str, formula: object, bold: bool):
    api.type("A1", [[1, "=A1*2"]])
    form = {"userEnteredFormat": {"textFormat": {"bold": True}}}
    api.batch({"repeatCell": {"range": grid(0, 1, 1, 2), "cell": form, "fields": "userEnteredFormat"}})
    api.batch({"copyPaste": {"source": grid(0, 1, 1, 2), "destination": grid(0, 1, 2, 3), "pasteType": kind}})
    shown = api.values("C1", valueRenderOption="FORMULA") or [[""]]
    assert shown == [[formula]]
    [[cell]] = api.cells("C1", "userEnteredValue,userEnteredFormat")
    assert ("userEnteredFormat" in cell) == bold


def test_a_copy_can_be_turned(api: Api):
    api.put("A1", [["a", "b", "c"]])
    paste = {"source": grid(0, 1, 0, 3), "destination": grid(2, 3, 0, 1), "pasteOrientation": "TRANSPOSE"}
    api.batch({"copyPaste": {**paste, "pasteType": "PASTE_NORMAL"}})
    assert api.values("A3:A5") == [["a"], ["b"], ["c"]]


def test_formulas_follow_cells_that_are_cut(api: Api):
    api.type("A1", [[5, "=A1+1"]])
    api.batch({"mergeCells": {"range": grid(0, 2, 0, 1)}})
    cut = {"source": grid(0, 2, 0, 1), "destination": {"sheetId": 0, "rowIndex": 4, "columnIndex": 3}}
    api.batch({"cutPaste": {**cut, "pasteType": "PASTE_NORMAL"}})
    assert api.values("A1:B1", valueRenderOption="FORMULA") == [["", "=D5+1"]]
    assert api.values("B1") == [["6"]]
    [merge] = api.sheet("merges")["merges"]
    assert (merge["startRowIndex"], merge["startColumnIndex"]) == (4, 3)


def test_pasted_text_is_read_as_typed(api: Api):
    at = {"sheetId": 0, "rowIndex": 0, "columnIndex": 1}
    api.batch(
        {"pasteData": {"coordinate": at, "data": 'a,"b,c"\n1,2020-01-01', "type": "PASTE_NORMAL", "delimiter": ","}}
    )
    assert api.values("B1:C2", valueRenderOption="UNFORMATTED_VALUE") == [["a", "b,c"], [1, 43831]]
    table = "<table><tr><td>x</td><th>7</th></tr></table>"
    api.batch({"pasteData": {"coordinate": at, "data": table, "html": True}})
    assert api.values("B1:C1", valueRenderOption="UNFORMATTED_VALUE") == [["x", 7]]


def test_series_go_on(api: Api):
    api.type("A1", [[1, "2020-01-01", "Item 09", "same", "=A1*10"], [3, "2020-01-02", "Item 10", "same", "=A2*10"]])
    api.batch({"autoFill": {"range": grid(0, 4, 0, 5)}})
    assert api.values("A3:E4") == [
        ["5", "2020-01-03", "Item 11", "same", "50"],
        ["7", "2020-01-04", "Item 12", "same", "70"],
    ]
    api.type("G1", [["Pen 1", "Q1"], ["Ink 1", "Q3"]])  # each for itself; evenly
    api.batch({"autoFill": {"range": grid(0, 4, 6, 8)}})
    assert api.values("G3:H4") == [["Pen 2", "Q5"], ["Ink 2", "Q7"]]
    there = {"source": grid(0, 1, 0, 1), "dimension": "COLUMNS", "fillLength": 0}
    assert api.batch({"autoFill": {"sourceAndDestination": {**there, "dimension": "ROWS", "fillLength": 1}}}) == [{}]


def test_texts_are_parted_into_columns(api: Api):
    api.put("A1", [["a;1"], ["b; 2"]])
    api.batch({"textToColumns": {"source": grid(0, 2, 0, 1), "delimiterType": "AUTODETECT"}})
    assert api.values("A1:B2", valueRenderOption="UNFORMATTED_VALUE") == [["a", 1], ["b", 2]]


def test_texts_are_found_and_replaced(api: Api):
    api.type("A1", [["Apple pie", "apple"], ['="apple"', 5]])
    [reply] = api.batch({"findReplace": {"find": "apple", "replacement": "pear", "sheetId": 0}})
    assert reply["findReplace"] == {"valuesChanged": 2, "rowsChanged": 1, "sheetsChanged": 1, "occurrencesChanged": 2}
    assert api.values("A1:B2") == [["pear pie", "pear"], ["apple", "5"]]
    [reply] = api.batch(
        {"findReplace": {"find": "pear", "replacement": "x", "matchEntireCell": True, "allSheets": True}}
    )
    assert reply["findReplace"]["valuesChanged"] == 1
    [reply] = api.batch(
        {
            "findReplace": {
                "find": "(p)(e)",
                "replacement": "$2$1",
                "searchByRegex": True,
                "matchCase": True,
                "range": grid(0, 1),
            }
        }
    )
    assert api.values("A1:B1") == [["epar pie", "x"]]
    [reply] = api.batch(
        {"findReplace": {"find": "apple", "replacement": "fig", "includeFormulas": True, "allSheets": True}}
    )
    assert reply["findReplace"]["formulasChanged"] == 1
    assert api.values("A2") == [["fig"]]
    assert api.refused({"findReplace": {"find": "x"}}).endswith("Must specify a scope: range, sheetId or allSheets.")


def test_rows_that_are_equal_are_deleted_once(api: Api):
    api.put("A1", [["a", 1], ["A", 2], ["b", 3], ["a", 4]])
    request_ = {"deleteDuplicates": {"range": grid(0, 4, 0, 2), "comparisonColumns": [columns(0, 1)]}}
    assert api.batch(request_) == [{"deleteDuplicates": {"duplicatesRemovedCount": 2}}]
    assert api.values("A1:B4") == [["a", "1"], ["b", "3"]]
    assert api.batch(request_) == [{"deleteDuplicates": {}}]


def test_blanks_are_trimmed(api: Api):
    api.put("A1", [["  a   b ", "c", 5]])
    assert api.batch({"trimWhitespace": {"range": grid(0, 1)}}) == [{"trimWhitespace": {"cellsChangedCount": 1}}]
    assert api.values("A1:C1") == [["a b", "c", "5"]]


def test_rows_are_sorted_by_several_columns_blanks_last(api: Api):
    api.put("A1", [["h", "h"], ["b", 1], ["a", 2], ["", 9], ["B", 0], ["a", 1], [5, 5], [True, 7]])
    specs = [{"dimensionIndex": 0, "sortOrder": "ASCENDING"}, {"dimensionIndex": 1, "sortOrder": "DESCENDING"}]
    api.batch({"sortRange": {"range": grid(1, 8, 0, 2), "sortSpecs": specs}})
    assert api.values("A2:B8") == [["5", "5"], ["a", "2"], ["a", "1"], ["b", "1"], ["B", "0"], ["TRUE", "7"], ["", "9"]]


def test_hidden_rows_stay_where_they_are_when_others_are_sorted(api: Api):
    api.put("A1", [[3], [9], [1], [2]])
    hide = {"range": rows(1, 2), "properties": {"hiddenByUser": True}, "fields": "hiddenByUser"}
    api.batch({"updateDimensionProperties": hide})
    api.batch({"sortRange": {"range": grid(0, 4), "sortSpecs": [{"dimensionIndex": 0}]}})
    assert api.values("A1:A4") == [["1"], ["9"], ["2"], ["3"]]


def test_vertical_merges_and_starts_past_the_grid_cannot_be_sorted(api: Api):
    api.batch({"mergeCells": {"range": grid(1, 3, 0, 1)}})
    message = api.refused({"sortRange": {"range": grid(0, 9), "sortSpecs": [{}]}})
    assert message.endswith("You can't sort a range containing vertical merges. There is a vertical merge at A2:A3")
    message = api.refused({"sortRange": {"range": grid(1000), "sortSpecs": [{}]}})
    assert message == "Invalid requests[0].sortRange: range.startRowIndex is larger than current grid size (1000)"


def test_sorted_formulas_read_their_own_row(api: Api):
    api.type("A1", [[3, "=A1*10"], [1, "=A2*10"]])
    api.batch({"sortRange": {"range": grid(0, 2, 0, 2), "sortSpecs": [{"dimensionIndex": 0}]}})
    assert api.values("A1:B2") == [["1", "10"], ["3", "30"]]


def test_a_shuffled_range_keeps_its_rows(api: Api):
    values = [[str(number), f"v{number}"] for number in range(20)]
    api.put("A1", values)
    api.batch({"randomizeRange": {"range": grid(0, 20, 0, 2)}})
    assert sorted(api.values("A1:B20")) == sorted(values)
