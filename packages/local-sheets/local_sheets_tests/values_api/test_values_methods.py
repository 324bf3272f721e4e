"""values.get, update, clear and their batch forms, over HTTP."""

import pytest

from local_sheets_tests.api_client import Api

CHECKED_AGAINST = (
    "recording",
    "reference https://developers.google.com/workspace/sheets/api/reference/rest/v4/spreadsheets.values",
)

NOTHING = {"majorDimension": "ROWS"}


def test_an_empty_range_has_no_values_key(api: Api):
    assert api.call("GET", "/values/Sheet1!A1:B2") == {"range": "Sheet1!A1:B2", **NOTHING}


@pytest.mark.parametrize(
    ("asked", "echoed"),
    [
        ("Sheet1", "Sheet1!A1:Z1000"),
        ("Sheet1!A:A", "Sheet1!A1:A1000"),
        ("Sheet1!1:2", "Sheet1!A1:Z2"),
        ("Sheet1!A5:A", "Sheet1!A5:A1000"),
        ("A1:1", "Sheet1!A1:Z1"),
        ("B1", "Sheet1!B1"),
        ("Sheet1!D4:A1", "Sheet1!A1:D4"),
        ("Sheet1!R1C1:R2C2", "Sheet1!A1:B2"),
        ("Sheet1!A1:Z2000", "Sheet1!A1:Z1000"),
    ],
)
def test_ranges_are_echoed_filled_to_the_grid(api: Api, asked: str, echoed: str):
    assert api.call("GET", f"/values/{asked}")["range"] == echoed


def test_titles_are_quoted_only_where_needed(new_api):
    api = new_api("Plain", "My tab", "D3", "🌵 x")
    assert api.call("GET", "/values/My tab!A1")["range"] == "'My tab'!A1"
    assert api.call("GET", "/values/'D3'")["range"] == "'D3'!A1:Z1000"
    assert api.call("GET", "/values/'🌵 x'!A1:A10")["range"] == "'🌵 x'!A1:A10"
    assert api.call("GET", "/values/D3")["range"] == "Plain!D3"


def test_trailing_blanks_are_trimmed_and_inner_ones_kept(api: Api):
    api.put("A1", [["a", "", "c", ""], [], ["", "b"]])
    assert api.values("Sheet1") == [["a", "", "c"], [], ["", "b"]]
    assert api.values("Sheet1", majorDimension="COLUMNS") == [["a"], ["", "", "b"], ["c"]]


def test_null_leaves_a_cell_alone_and_empty_text_clears_it(api: Api):
    api.put("A1", [["a", "b"]])
    answer = api.put("A1", [[None, ""]])
    assert answer["updatedCells"] == 1
    assert api.values("A1:B1") == [["a"]]


def test_counts_are_of_cells_that_were_written(api: Api):
    answer = api.put("A1:D6", [["x", None], [None, None], [None, "y"]])
    assert answer["updatedRange"] == "Sheet1!A1:B3"
    assert (answer["updatedRows"], answer["updatedColumns"], answer["updatedCells"]) == (2, 2, 2)


def test_batch_totals_count_rows_and_columns_once(api: Api):
    data = [
        {"range": "A1:A4", "values": [[1], [2], [3], [4]]},
        {"range": "B1:D2", "values": [[1, 2, 3], [4, 5, 6]]},
    ]
    answer = api.call("POST", "/values:batchUpdate", {"valueInputOption": "RAW", "data": data})
    totals = [answer[f"totalUpdated{what}"] for what in ("Rows", "Columns", "Cells", "Sheets")]
    assert totals == [4, 4, 10, 1]
    assert [one["updatedRange"] for one in answer["responses"]] == ["Sheet1!A1:A4", "Sheet1!B1:D2"]


def test_one_bad_range_of_a_batch_writes_nothing(api: Api):
    data = [{"range": "A1", "values": [["kept out"]]}, {"range": "Nope!A1", "values": [[1]]}]
    error = api.error("POST", "/values:batchUpdate", {"valueInputOption": "RAW", "data": data})
    assert error["message"] == "Invalid data[1]: Unable to parse range: Nope!A1"
    assert api.values("A1") == []


@pytest.mark.parametrize(
    ("a1_range", "values", "message"),
    [
        ("Nope!A1", [[1]], "Unable to parse range: Nope!A1"),
        ("A1:B2", [[1], [2], [3]], "Requested writing within range [Sheet1!A1:B2], but tried writing to row [3]"),
        ("A1:B2", [[1, 2, 3]], "Requested writing within range [Sheet1!A1:B2], but tried writing to column [C]"),
        ("Sheet1", [[1]] * 1001, "Requested writing within range [Sheet1!A1:Z1000], but tried writing to row [1001]"),
        ("A1000", [[1]] * 2, "Range (Sheet1!A1000:A1001) exceeds grid limits. Max rows: 1000, max columns: 26"),
        ("A1001", [[1]], "Range (Sheet1!A1001) exceeds grid limits. Max rows: 1000, max columns: 26"),
        ("A1", [["x" * 50_001]], "Your input contains more than the maximum of 50000 characters in a single cell."),
    ],
)
def test_values_that_do_not_fit_are_refused(api: Api, a1_range: str, values: list, message: str):
    error = api.error("PUT", f"/values/{a1_range}", {"values": values}, valueInputOption="RAW")
    assert error == {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}


def test_a_start_outside_of_the_grid_cannot_be_read(api: Api):
    message = api.error("GET", "/values/Sheet1!AB1")["message"]
    assert message == "Range (Sheet1!AB1) exceeds grid limits. Max rows: 1000, max columns: 26"


def test_the_input_option_is_required(api: Api):
    error = api.error("PUT", "/values/A1", {"values": [[1]]})
    assert error["message"] == "'valueInputOption' is required but not specified"


def test_body_and_address_must_name_the_same_range(api: Api):
    body = {"range": "Sheet1!B2", "values": [[1]]}
    error = api.error("PUT", "/values/Sheet1!A1", body, valueInputOption="RAW")
    assert error["message"] == "Request range[Sheet1!A1] does not match value's range[Sheet1!B2]"


def test_a_body_range_that_is_no_range_is_refused(api):
    body = {"range": "Nope!A1", "values": [[1]]}
    path = f"/{api.spreadsheet_id}/values/Sheet1!A1"
    answer = api.send("PUT", path, body, valueInputOption="RAW")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Unable to parse range: Nope!A1"


def test_raw_keeps_types_and_text(api: Api):
    values = [["10", "=1+1", "007", "TRUE", 1.5, 10, True]]
    api.put("A1", values)
    assert api.values("A1:G1", valueRenderOption="UNFORMATTED_VALUE") == values


def test_typed_text_is_read_as_a_person_means_it(api: Api):
    api.type("A1", [["0042", "2020-01-01", "$20.50", "5%", "'007", "=1/1024", "yes", "TRUE"]])
    unformatted = api.values("A1:H1", valueRenderOption="UNFORMATTED_VALUE")
    assert unformatted == [[42, 43831, 20.5, 0.05, "007", 0.0009765625, "yes", True]]
    formatted = api.values("A1:H1")
    assert formatted == [["42", "2020-01-01", "$20.50", "5%", "007", "0.0009765625", "yes", "TRUE"]]
    formulas = api.values("A1:H1", valueRenderOption="FORMULA")
    assert formulas == [[42, 43831, 20.5, 0.05, "007", "=1/1024", "yes", True]]
    dates = api.values("B1", valueRenderOption="UNFORMATTED_VALUE", dateTimeRenderOption="FORMATTED_STRING")
    assert dates == [["2020-01-01"]]


def test_a_typed_amount_keeps_the_pattern_of_the_cell(api: Api):
    api.type("A1", [["$20.50"]])
    api.type("A1", [["$1"]])
    assert api.values("A1") == [["$1.00"]]


def test_update_can_answer_with_what_it_wrote(api: Api):
    answer = api.put(
        "A1",
        [["1", "=A1"]],
        "USER_ENTERED",
        includeValuesInResponse="true",
        responseValueRenderOption="FORMULA",
    )
    assert answer["updatedData"] == {"range": "Sheet1!A1:B1", "majorDimension": "ROWS", "values": [[1, "=A1"]]}


def test_values_in_the_answer_are_of_the_whole_range_asked_for(api: Api):
    api.put("A1", [["a", "b"], ["c", "d"]])
    answer = api.put("A1:B2", [["x"]], includeValuesInResponse="true")
    assert answer["updatedRange"] == "Sheet1!A1"
    assert answer["updatedData"]["values"] == [["x", "b"], ["c", "d"]]


def test_columns_are_written_as_columns(api: Api):
    body = {"majorDimension": "COLUMNS", "values": [["a", "b"], ["c"]]}
    api.call("PUT", "/values/A1", body, valueInputOption="RAW")
    assert api.values("A1:B2") == [["a", "c"], ["b"]]


def test_clearing_takes_values_only(api: Api):
    api.type("A1", [["$5", "x"]])
    assert api.call("POST", "/values/A1:A:clear", {}) == {
        "spreadsheetId": api.spreadsheet_id,
        "clearedRange": "Sheet1!A1:A1000",
    }
    assert api.values("A1:B1") == [["", "x"]]
    api.put("A1", [[7]])
    assert api.values("A1") == [["$7"]]


def test_batch_clear_lists_its_ranges(api: Api):
    api.put("A1", [[1, 2, 3]])
    answer = api.call("POST", "/values:batchClear", {"ranges": ["A1", "C:C"]})
    assert answer["clearedRanges"] == ["Sheet1!A1", "Sheet1!C1:C1000"]
    assert api.values("1:1") == [["", "2"]]
    error = api.error("POST", "/values:batchClear", {"ranges": ["A1001"]})
    assert error["message"].startswith("Invalid range[0]: Range (Sheet1!A1001) exceeds grid limits.")


def test_batch_get_reads_several_ranges(api: Api):
    api.put("A1", [[1, 2], [3, 4]])
    answer = api.call("GET", "/values:batchGet", ranges=["A1:A2", "B2"])
    assert [one.get("values") for one in answer["valueRanges"]] == [[["1"], ["3"]], [["4"]]]


def test_a_list_in_a_cell_is_refused(api: Api):
    error = api.error("PUT", "/values/A1", {"values": [[[1]]]}, valueInputOption="RAW")
    assert error["message"].startswith("Invalid values[0][0]: list_value")


def test_integers_beyond_doubles_lose_digits_as_in_a_double(api: Api):
    api.put("A1", [[12345678901234567890, 9007199254740993]])
    assert api.values("A1:B1", valueRenderOption="UNFORMATTED_VALUE") == [[1.2345678901234567e19, 9007199254740992]]
