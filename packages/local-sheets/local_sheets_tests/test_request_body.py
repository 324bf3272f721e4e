"""Tests of packages/local-sheets/local_sheets/request_body.py."""

import pytest

from local_sheets.discovery import methods
from local_sheets.request_body import InvalidPayload, check_body, check_cells, read_body, read_query

CHECKED_AGAINST = ("recording", "discovery")


def method(name):
    return methods()[f"sheets.spreadsheets.{name}"]


def refusal(name, body):
    with pytest.raises(InvalidPayload) as caught:
        check_body(method(name), body)
    return caught.value


def test_names_in_both_spellings_are_read():
    body = {"requests": [{"merge_cells": {"mergeType": "MERGE_ALL", "range": {"start_row_index": 1}}}]}
    expected = {"requests": [{"mergeCells": {"mergeType": "MERGE_ALL", "range": {"startRowIndex": 1}}}]}
    assert check_body(method("batchUpdate"), body) == expected


def test_null_is_no_value_but_stays_among_cells():
    body = {"majorDimension": None, "values": [[1, None, ""], []]}
    assert check_body(method("values.update"), body) == {"values": [[1, None, ""], []]}


def test_an_empty_list_is_no_value():
    body = {
        "requests": [{"setBasicFilter": {"filter": {"sortSpecs": [], "range": {"sheetId": 0}}}}],
        "responseRanges": [],
    }
    read = check_body(method("batchUpdate"), body)
    assert read == {"requests": [{"setBasicFilter": {"filter": {"range": {"sheetId": 0}}}}]}


def test_numbers_and_booleans_may_be_text():
    body = {
        "requests": [{"deleteSheet": {"sheetId": "5"}}, {"addSheet": {"properties": {"hidden": "true", "index": 2.0}}}]
    }
    read = check_body(method("batchUpdate"), body)
    assert read["requests"] == [
        {"deleteSheet": {"sheetId": 5}},
        {"addSheet": {"properties": {"hidden": True, "index": 2}}},
    ]


def test_one_bare_value_stands_for_a_list_of_one():
    read = check_body(method("batchUpdate"), {"requests": {"deleteSheet": {"sheetId": 5}}})
    assert read == {"requests": [{"deleteSheet": {"sheetId": 5}}]}


def test_lists_within_a_list_of_messages_are_laid_out_flat():
    read = check_body(
        method("batchUpdate"), {"requests": [[{"deleteSheet": {}}], [[{"addSheet": {}}]], {"addSheet": {}}]}
    )
    assert read == {"requests": [{"deleteSheet": {}}, {"addSheet": {}}, {"addSheet": {}}]}


def test_spaces_in_the_fields_of_an_update_are_passed_over():
    read = check_body(method("batchUpdate"), {"requests": [{"repeatCell": {"fields": "note, userEnteredValue"}}]})
    assert read["requests"][0]["repeatCell"]["fields"] == "note,userEnteredValue"


@pytest.mark.parametrize(
    ("name", "body", "field", "message"),
    [
        ("batchUpdate", {"requests": [{"frobnicate": {}}]}, "requests[0]",
         "Invalid JSON payload received. Unknown name \"frobnicate\" at 'requests[0]': Cannot find field."),
        ("values.update", {"values": "X"}, "data.values",
         "Invalid value at 'data.values' (type.googleapis.com/google.protobuf.ListValue), \"X\""),
        ("values.append", {"values": ["X"]}, "data.values[0]",
         "Invalid value at 'data.values[0]' (type.googleapis.com/google.protobuf.ListValue), \"X\""),
        ("batchUpdate", {"requests": [{"mergeCells": {"mergeType": "X"}}]}, "requests[0].merge_cells.merge_type",
         "Invalid value at 'requests[0].merge_cells.merge_type' "
         "(type.googleapis.com/google.apps.sheets.v4.MergeType), \"X\""),
        ("batchUpdate", {"requests": [{"addSheet": {"properties": {"title": 5}}}]},
         "requests[0].add_sheet.properties.title",
         "Invalid value at 'requests[0].add_sheet.properties.title' (TYPE_STRING), 5"),
        ("batchUpdate", {"requests": [{"addSheet": {"properties": {"hidden": "x"}}}]},
         "requests[0].add_sheet.properties.hidden",
         "Invalid value at 'requests[0].add_sheet.properties.hidden' (TYPE_BOOL), \"x\""),
        ("batchUpdate", {"requests": [{"deleteSheet": {"sheetId": 1.5}}]}, "requests[0].delete_sheet.sheet_id",
         "Invalid value at 'requests[0].delete_sheet.sheet_id' (TYPE_INT32), 1.5"),
        ("batchUpdate", {"requests": [{"deleteSheet": [1]}]}, "requests[0]",
         "Invalid JSON payload received. Unknown name \"deleteSheet\" at 'requests[0]': "
         "Proto field is not repeating, cannot start list."),
        ("batchUpdate", {"requests": [{"repeatCell": {"range": "A1"}}]}, "requests[0].repeat_cell.range",
         "Invalid value at 'requests[0].repeat_cell.range' "
         "(type.googleapis.com/google.apps.sheets.v4.GridRange), \"A1\""),
        ("values.batchUpdate", {"valueInputOption": "Text"}, "value_input_option",
         "Invalid value at 'value_input_option' "
         "(type.googleapis.com/google.apps.sheets.v4.ValueInputOption), \"Text\""),
        ("batchUpdate", {"requests": [{"addSheet": {}, "deleteSheet": {}}]}, "requests[0]",
         "Invalid value at 'requests[0]' (oneof), oneof field 'kind' is already set. Cannot set 'deleteSheet'"),
    ],
)  # fmt: skip
def test_a_body_that_does_not_fit_is_refused_with_googles_words(name, body, field, message):
    caught = refusal(name, body)
    assert str(caught) == message
    [details] = caught.details
    assert details == {
        "@type": "type.googleapis.com/google.rpc.BadRequest",
        "fieldViolations": [{"field": field, "description": message}],
    }


def test_all_problems_are_told_at_once():
    caught = refusal("batchUpdate", {"requests": [{"x": 1}, {"y": 2}], "z": 3})
    assert str(caught).count("Cannot find field.") == 3
    assert len(caught.details[0]["fieldViolations"]) == 3
    assert caught.details[0]["fieldViolations"][2] == {
        "description": 'Invalid JSON payload received. Unknown name "z": Cannot find field.'
    }


def test_a_body_that_is_a_list_is_refused():
    assert str(refusal("batchUpdate", [])) == (
        'Invalid JSON payload received. Unknown name "": Root element must be a message.'
    )


def test_a_body_that_is_no_json_is_refused_with_its_place():
    with pytest.raises(InvalidPayload, match=r"Unexpected token\.\n.*foo.*\n +\^") as caught:
        read_body(method("values.update"), b'{"values": [[foo]]}')
    assert caught.value.details == []


def test_an_empty_body_is_an_empty_message():
    assert read_body(method("values.clear"), b"") == {}


def test_query_parameters_get_their_types():
    pairs = [("ranges", "A1"), ("ranges", "B2"), ("includeGridData", "true"), ("fields", "x"), ("prettyPrint", "false")]
    assert read_query(method("get"), pairs) == {"ranges": ["A1", "B2"], "includeGridData": True}


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("valueInputOption", "Text")],
         "Invalid value at 'value_input_option' "
         "(type.googleapis.com/google.apps.sheets.v4.ValueInputOption), \"Text\""),
        ([("foo", "1")],
         "Invalid JSON payload received. Unknown name \"foo\": Cannot bind query parameter. "
         "Field 'foo' could not be found in request message."),
        ([("includeValuesInResponse", "maybe")],
         "Invalid value at 'include_values_in_response' (TYPE_BOOL), \"maybe\""),
    ],
)  # fmt: skip
def test_a_query_that_does_not_fit_is_refused_with_googles_words(pairs, message):
    with pytest.raises(InvalidPayload) as caught:
        read_query(method("values.update"), pairs)
    assert str(caught.value) == message


def test_a_cell_that_is_a_list_or_an_object_is_refused_with_googles_dump():
    with pytest.raises(InvalidPayload) as caught:
        check_cells([["a"], [1, ["x", 2]]])
    assert str(caught.value) == (
        'Invalid values[1][1]: list_value {\n  values {\n    string_value: "x"\n  }\n'
        "  values {\n    number_value: 2\n  }\n}\n"
    )
    with pytest.raises(InvalidPayload, match="struct_value"):
        check_cells([[{"a": 1}]])
