"""updateCells, appendCells, repeatCell, setDataValidation, updateBorders: fields of cells by mask."""

from local_sheets_tests.api_client import Api, grid

CHECKED_AGAINST = ("recording",)

BOLD = {"textFormat": {"bold": True}}


def text(value: str) -> dict:
    return {"userEnteredValue": {"stringValue": value}}


def number(value: float) -> dict:
    return {"userEnteredValue": {"numberValue": value}}


def start(row: int = 0, col: int = 0) -> dict:
    return {"sheetId": 0, "rowIndex": row, "columnIndex": col}


def test_cells_are_written_from_a_start(api: Api):
    rows = [
        {"values": [text("=not a formula"), number(5)]},
        {"values": [{"userEnteredValue": {"boolValue": True}}, {"userEnteredValue": {"formulaValue": "=B1*2"}}]},
    ]
    api.batch({"updateCells": {"start": start(1, 1), "rows": rows, "fields": "userEnteredValue"}})
    assert api.values("B2:C3", valueRenderOption="FORMULA") == [["=not a formula", 5], [True, "=B1*2"]]


def test_a_range_that_gets_too_few_cells_is_cleared_in_the_rest(api: Api):
    api.put("A1", [["a", "b", "c"], ["d", "e", "f"]])
    api.batch(
        {"updateCells": {"range": grid(0, 2, 0, 2), "rows": [{"values": [text("x")]}], "fields": "userEnteredValue"}}
    )
    assert api.values("A1:C2") == [["x", "", "c"], ["", "", "f"]]


def test_only_the_fields_of_the_mask_change(api: Api):
    everything = {**text("a"), "note": "n", "userEnteredFormat": {**BOLD, "numberFormat": {"type": "TEXT"}}}
    api.batch({"updateCells": {"start": start(), "rows": [{"values": [everything]}], "fields": "*"}})
    change = {**text("b"), "userEnteredFormat": {"textFormat": {"italic": True}}}
    api.batch(
        {
            "updateCells": {
                "start": start(),
                "rows": [{"values": [change]}],
                "fields": "userEnteredFormat.textFormat.italic",
            }
        }
    )
    [[cell]] = api.cells("A1", "userEnteredValue,note,userEnteredFormat")
    assert cell == {
        **text("a"),
        "note": "n",
        "userEnteredFormat": {"textFormat": {"bold": True, "italic": True}, "numberFormat": {"type": "TEXT"}},
    }
    api.batch({"updateCells": {"range": grid(0, 1, 0, 1), "fields": "note,userEnteredFormat"}})
    assert api.cells("A1", "userEnteredValue,note,userEnteredFormat") == [[text("a")]]


def test_colours_stand_in_both_of_their_fields(api: Api):
    red, blue = {"red": 1}, {"blue": 1}
    api.batch(
        {
            "repeatCell": {
                "range": grid(0, 1, 0, 1),
                "cell": {"userEnteredFormat": {"backgroundColor": red}},
                "fields": "userEnteredFormat.backgroundColor",
            }
        }
    )
    [[cell]] = api.cells("A1", "userEnteredFormat")
    assert cell["userEnteredFormat"] == {"backgroundColor": red, "backgroundColorStyle": {"rgbColor": red}}
    style = {"userEnteredFormat": {"backgroundColorStyle": {"rgbColor": blue}}}
    api.batch(
        {"repeatCell": {"range": grid(0, 1, 0, 1), "cell": style, "fields": "userEnteredFormat.backgroundColorStyle"}}
    )
    [[cell]] = api.cells("A1", "userEnteredFormat")
    assert cell["userEnteredFormat"] == {"backgroundColor": blue, "backgroundColorStyle": {"rgbColor": blue}}


def test_repeated_formulas_move_along(api: Api):
    api.put("A1", [[1, 10], [2, 20]])
    cell = {"userEnteredValue": {"formulaValue": "=A1+$B$1"}}
    api.batch({"repeatCell": {"range": grid(0, 2, 2, 4), "cell": cell, "fields": "userEnteredValue"}})
    assert api.values("C1:D2", valueRenderOption="FORMULA") == [["=A1+$B$1", "=B1+$B$1"], ["=A2+$B$1", "=B2+$B$1"]]
    assert api.values("C1:D2") == [["11", "20"], ["12", "30"]]


def test_number_formats_of_a_whole_column_show_at_once(api: Api):
    api.put("A1", [[43831], [43832]])
    pattern = {"userEnteredFormat": {"numberFormat": {"type": "DATE", "pattern": "dd.mm.yyyy"}}}
    api.batch(
        {"repeatCell": {"range": grid(col0=0, col1=1), "cell": pattern, "fields": "userEnteredFormat.numberFormat"}}
    )
    api.put("A3", [[43833]])
    assert api.values("A1:A3") == [["01.01.2020"], ["02.01.2020"], ["03.01.2020"]]


def test_appended_cells_come_after_the_last_row_with_a_value(api: Api):
    api.batch(
        {"repeatCell": {"range": grid(0, 20), "cell": {"userEnteredFormat": BOLD}, "fields": "userEnteredFormat"}}
    )
    api.put("C5", [["last"]])
    api.batch({"appendCells": {"sheetId": 0, "rows": [{"values": [text("x")]}], "fields": "userEnteredValue"}})
    assert api.values("A6") == [["x"]]


def test_appended_cells_grow_rows_but_not_columns(api: Api):
    api.put("A1000", [["last"]])
    api.batch({"appendCells": {"sheetId": 0, "rows": [{"values": [text("x")]}], "fields": "*"}})
    assert api.values("A1001") == [["x"]]
    wide = {"values": [text("x")] * 27}
    message = api.refused({"appendCells": {"sheetId": 0, "rows": [wide], "fields": "*"}})
    assert (
        message
        == "Invalid requests[0].appendCells: Attempting to write column: 26, beyond the last requested column of: 25"
    )


def test_a_range_past_the_grid_is_refused_and_one_across_its_edge_is_clipped(api: Api):
    fields = {"cell": {"note": "n"}, "fields": "note"}
    message = api.refused({"repeatCell": {"range": grid(1000, None, 0, 2), **fields}})
    assert message.startswith("Invalid requests[0].repeatCell: Range (Sheet1!A1001:B) exceeds grid limits.")
    api.batch({"repeatCell": {"range": grid(999, 2000, 0, 1), **fields}})
    assert api.cells("A1000", "note") == [[{"note": "n"}]]
    assert api.sheet("properties.gridProperties.rowCount")["properties"]["gridProperties"]["rowCount"] == 1000


def test_validation_rules_are_set_and_taken_away(api: Api):
    rule = {"condition": {"type": "ONE_OF_LIST", "values": [{"userEnteredValue": "a"}]}, "strict": True}
    api.batch({"setDataValidation": {"range": grid(0, 2, 0, 1), "rule": rule}})
    assert api.cells("A2", "dataValidation") == [[{"dataValidation": rule}]]
    api.batch({"setDataValidation": {"range": grid(0, 2, 0, 1)}})
    assert api.cells("A1:A2", "dataValidation") == []
    custom = {"condition": {"type": "CUSTOM_FORMULA", "values": [{"userEnteredValue": "=A1>B1"}]}, "strict": True}
    api.batch({"setDataValidation": {"range": grid(0, 2, 0, 1), "rule": custom}})
    api.batch(
        {"repeatCell": {"range": grid(0, 1, 1, 2), "cell": {"dataValidation": custom}, "fields": "dataValidation"}}
    )
    assert api.cells("A1:B2", "dataValidation") == [[{"dataValidation": custom}] * 2, [{"dataValidation": custom}]]


def test_borders_go_round_a_range(api: Api):
    line = {"style": "SOLID", "color": {}}
    api.batch({"updateBorders": {"range": grid(0, 2, 0, 2), "top": line, "innerVertical": line}})
    [[first, second], _] = api.cells("A1:B2", "userEnteredFormat.borders")
    assert set(first["userEnteredFormat"]["borders"]) == {"top", "right"}
    assert set(second["userEnteredFormat"]["borders"]) == {"top", "left"}
    api.batch({"updateBorders": {"range": grid(0, 1, 0, 1), "top": {"style": "NONE"}, "right": {"style": "NONE"}}})
    assert api.cells("A1", "userEnteredFormat") == []


def test_a_cell_in_full_has_its_effective_format(api: Api):
    api.type("A1", [["$5.00"]])
    [[cell]] = api.cells("A1")
    assert cell["effectiveValue"] == {"numberValue": 5}
    assert cell["formattedValue"] == "$5.00"
    assert cell["userEnteredFormat"] == {"numberFormat": {"type": "CURRENCY", "pattern": '"$"#,##0.00'}}
    assert cell["effectiveFormat"]["numberFormat"]["type"] == "CURRENCY"
    assert cell["effectiveFormat"]["wrapStrategy"] == "OVERFLOW_CELL"


def test_texts_that_are_addresses_link(api: Api):
    api.put("A1", [["https://example.org/x"]])
    assert api.cells("A1", "hyperlink") == [[{"hyperlink": "https://example.org/x"}]]
    api.type("A1", [['=HYPERLINK("https://example.org/y", "label")']])
    assert api.cells("A1", "hyperlink,formattedValue") == [
        [{"hyperlink": "https://example.org/y", "formattedValue": "label"}]
    ]
