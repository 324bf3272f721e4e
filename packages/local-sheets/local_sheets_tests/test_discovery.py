"""Tests of packages/local-sheets/local_sheets/discovery.py."""

import pytest

from local_sheets.discovery import check_answer, check_message, field_names, match_route, methods

CHECKED_AGAINST = ("discovery",)


def test_all_seventeen_methods_are_known():
    assert len(methods()) == 17
    assert methods()["sheets.spreadsheets.values.update"].verb == "PUT"


@pytest.mark.parametrize(
    ("verb", "path", "method", "values"),
    [
        ("POST", "/v4/spreadsheets", "create", {}),
        ("GET", "/v4/spreadsheets/a-B_1", "get", {"spreadsheetId": "a-B_1"}),
        ("POST", "/v4/spreadsheets/x:batchUpdate", "batchUpdate", {"spreadsheetId": "x"}),
        ("POST", "/v4/spreadsheets/x%3AbatchUpdate", "batchUpdate", {"spreadsheetId": "x"}),
        ("GET", "/v4/spreadsheets/x/values/S!A1:B2", "values.get", {"spreadsheetId": "x", "range": "S!A1:B2"}),
        ("GET", "/v4/spreadsheets/x/values/%27a%2Fb%27%21A1%3AB2", "values.get", {"spreadsheetId": "x", "range": "'a/b'!A1:B2"}),
        ("PUT", "/v4/spreadsheets/x/values/A1", "values.update", {"spreadsheetId": "x", "range": "A1"}),
        ("POST", "/v4/spreadsheets/x/values/S!A1:B2:append", "values.append", {"spreadsheetId": "x", "range": "S!A1:B2"}),
        ("POST", "/v4/spreadsheets/x/values/S%21A1%3AB2%3Aclear", "values.clear", {"spreadsheetId": "x", "range": "S!A1:B2"}),
        ("POST", "/v4/spreadsheets/x/values:batchUpdate", "values.batchUpdate", {"spreadsheetId": "x"}),
        ("GET", "/v4/spreadsheets/x/", "get", {"spreadsheetId": "x"}),
        ("POST", "/v4/spreadsheets/x/:batchUpdate", "batchUpdate", {"spreadsheetId": "x"}),
        ("GET", "/v4/spreadsheets/x/values/A1/", "values.get", {"spreadsheetId": "x", "range": "A1"}),
        ("GET", "/v4/spreadsheets/x/values:batchGet", "values.batchGet", {"spreadsheetId": "x"}),
        ("GET", "/v4/spreadsheets/x/developerMetadata/7", "developerMetadata.get", {"spreadsheetId": "x", "metadataId": "7"}),
        ("POST", "/v4/spreadsheets/x/sheets/0:copyTo", "sheets.copyTo", {"spreadsheetId": "x", "sheetId": "0"}),
    ],
)  # fmt: skip
def test_a_path_finds_its_method(verb, path, method, values):
    found = match_route(verb, path)
    assert found is not None
    assert found.method.id == f"sheets.spreadsheets.{method}"
    assert found.path_values == values


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("PATCH", "/v4/spreadsheets/x"),
        ("GET", "/v4/spreadsheets"),
        ("GET", "/v5/spreadsheets/x"),
        ("DELETE", "/v4/spreadsheets/x"),
    ],
)
def test_what_the_api_does_not_have_finds_no_method(verb, path):
    assert match_route(verb, path) is None


def test_a_fitting_answer_has_no_problems():
    answer = {"range": "S!A1:B2", "majorDimension": "ROWS", "values": [["a", 1, None, True], []]}
    assert check_answer("sheets.spreadsheets.values.get", answer) == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"rnage": "x"}, "ValueRange.rnage is not a field of ValueRange."),
        ({"range": 5}, "ValueRange.range is int: expected string."),
        ({"majorDimension": "DIAGONAL"}, "ValueRange.majorDimension is 'DIAGONAL': expected one of"),
        ({"values": "a"}, "ValueRange.values is str: expected a list."),
        ({"values": ["a"]}, "ValueRange.values[0] is str: expected a list."),
        ([], "ValueRange is list: expected an object."),
    ],
)
def test_what_does_not_fit_an_answer_is_told(answer, problem):
    [found] = check_answer("sheets.spreadsheets.values.get", answer)
    assert found.startswith(problem)


def test_problems_deep_in_an_answer_are_told_with_their_place():
    body = {"sheets": [{"properties": {"gridProperties": {"rowCount": "5", "frozen": 1}}}]}
    assert check_message("Spreadsheet", body) == [
        "Spreadsheet.sheets[0].properties.gridProperties.rowCount is str: expected integer.",
        "Spreadsheet.sheets[0].properties.gridProperties.frozen is not a field of GridProperties.",
    ]


def test_the_fields_of_a_message_are_known():
    assert field_names("ValueRange") == ("majorDimension", "range", "values")
