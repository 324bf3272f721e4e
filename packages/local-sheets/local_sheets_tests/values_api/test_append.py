"""values.append: the table it finds, where rows go, how the grid grows."""

import pytest

from local_sheets_tests.api_client import Api

CHECKED_AGAINST = (
    "recording",
    "reference https://developers.google.com/workspace/sheets/api/guides/values#append_values",
)


def append(api: Api, a1_range: str, values: list, **query: str) -> dict:
    query.setdefault("valueInputOption", "RAW")
    return api.call("POST", f"/values/{a1_range}:append", {"values": values}, **query)


def test_an_empty_tab_has_no_table_range(api: Api):
    answer = append(api, "Sheet1", [["a"]])
    assert "tableRange" not in answer
    assert answer["updates"]["updatedRange"] == "Sheet1!A1"


def test_rows_go_under_the_table(api: Api):
    api.put("B2", [["h1", "h2"], ["x", "y"]])
    answer = append(api, "Sheet1", [["z"]])
    assert (answer["tableRange"], answer["updates"]["updatedRange"]) == ("Sheet1!B2:C3", "Sheet1!B4")


def test_nulls_at_the_end_of_all_rows_are_not_among_what_was_updated(api: Api):
    api.put("A1", [["id", "name", "tags", "last", "note"]])
    found = append(api, "Sheet1!A1", [["1", "x", "", None, None], ["2", None, None, None, None]])["updates"]
    assert (found["updatedRange"], found["updatedColumns"], found["updatedCells"]) == ("Sheet1!A2:C3", 3, 4)


def test_an_empty_column_parts_tables(api: Api):
    api.put("A1", [["t1", "", "t3"]])
    last = append(api, "Sheet1", [["x"]])
    first = append(api, "Sheet1!A1", [["y"]])
    assert (last["tableRange"], last["updates"]["updatedRange"]) == ("Sheet1!C1", "Sheet1!C2")
    assert (first["tableRange"], first["updates"]["updatedRange"]) == ("Sheet1!A1", "Sheet1!A2")


def test_of_four_islands_in_a_row_the_last_is_the_table(api: Api):
    api.put("A1", [["a", "", "", "b", "", "", "c", "", "", "d"]])
    assert append(api, "Sheet1", [["x"]])["tableRange"] == "Sheet1!J1"


def test_inner_blanks_belong_to_the_table(api: Api):
    api.put("A1", [["h1", "h2", "h3"], ["a", "", "c"], ["", "b", ""]])
    assert append(api, "Sheet1!A1", [["x"]])["tableRange"] == "Sheet1!A1:C3"


def test_overwrite_writes_over_what_lies_below(api: Api):
    api.put("A1", [["t"], [], ["other"]])
    append(api, "Sheet1!A1", [["x"], ["y"]])
    assert api.values("A1:A3") == [["t"], ["x"], ["y"]]


def test_insert_rows_pushes_down_what_lies_below(api: Api):
    api.put("A1", [["t"], [], ["other"]])
    append(api, "Sheet1!A1", [["x"], ["y"]], insertDataOption="INSERT_ROWS")
    assert api.values("A1:A6") == [["t"], ["x"], ["y"], [], ["other"]]
    assert api.sheet("properties.gridProperties.rowCount")["properties"]["gridProperties"]["rowCount"] == 1002


@pytest.mark.parametrize("option", ["OVERWRITE", "INSERT_ROWS"])
def test_the_grid_grows_at_its_end(api: Api, option: str):
    api.put("A1000", [["last"]])
    append(api, "Sheet1!A1000", [["x"] * 30], insertDataOption=option)
    size = api.sheet("properties.gridProperties")["properties"]["gridProperties"]
    assert (size["rowCount"], size["columnCount"]) == (1001, 30)
    assert api.values("A1001:AD1001") == [["x"] * 30]


def test_columns_can_be_appended(api: Api):
    body = {"majorDimension": "COLUMNS", "values": [["a", "b"], ["c"]]}
    answer = api.call("POST", "/values/Sheet1:append", body, valueInputOption="RAW")
    assert answer["updates"]["updatedRange"] == "Sheet1!A1:B2"
    assert api.values("A1:B2") == [["a", "c"], ["b"]]


def test_ten_million_cells_are_the_limit(new_api):
    api = new_api("Big")
    size = {"sheetId": 0, "gridProperties": {"rowCount": 384_615, "columnCount": 26}}
    api.batch({"updateSheetProperties": {"properties": size, "fields": "gridProperties"}})
    api.put("A384615", [["x"]])
    error = api.error("POST", "/values/Big!A384615:append", {"values": [["y"]]}, valueInputOption="RAW")
    text = "This action would increase the number of cells in the workbook above the limit of 10000000 cells."
    assert error["message"] == text
