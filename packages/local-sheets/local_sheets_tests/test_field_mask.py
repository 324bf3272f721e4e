"""Tests of packages/local-sheets/local_sheets/field_mask.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sheets.discovery import schemas
from local_sheets.field_mask import FieldMaskError, parse_mask

TAB = {"properties": {"sheetId": 0, "title": "T", "gridProperties": {"rowCount": 5}}, "data": [{"rowData": [{}]}]}
SPREADSHEET = {"spreadsheetId": "x", "sheets": [TAB, TAB]}


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("a", ["a"]),
        ("a,b.c(d,e)", ["a", "b.c.d", "b.c.e"]),
        ("a/b", ["a.b"]),
        ("a_b/c_d", ["aB.cD"]),
        ("*", ["*"]),
        ("sheets.properties.*", ["sheets.properties.*"]),
        ("sheets(properties(title),data/rowData)", ["sheets.properties.title", "sheets.data.rowData"]),
        ("a.b,a", ["a"]),
        ("a,a.b", ["a"]),
        ("a.b,a.c", ["a.b", "a.c"]),
    ],
)
def test_each_documented_form_is_read(text, paths):
    assert parse_mask(text).paths() == paths


@pytest.mark.parametrize(
    ("text", "picked"),
    [
        ("spreadsheetId", {"spreadsheetId": "x"}),
        ("sheets.properties.title", {"sheets": [{"properties": {"title": "T"}}] * 2}),
        ("sheets.properties.hidden", {"sheets": [{"properties": {}}] * 2}),
        ("sheets/properties/grid_properties", {"sheets": [{"properties": {"gridProperties": {"rowCount": 5}}}] * 2}),
        ("sheets.data.rowData.values.note", {"sheets": [{"data": [{"rowData": [{}]}]}] * 2}),
        ("namedRanges", {}),
        ("*", SPREADSHEET),
        ("sheets.*.title", {"sheets": [{"properties": {"title": "T"}, "data": [{}]}] * 2}),
    ],
)
def test_an_answer_keeps_what_the_mask_names(text, picked):
    assert parse_mask(text).pick(SPREADSHEET) == picked


@pytest.mark.parametrize("text", ["", "a,", ",a", "a(b", "a)b", "a..b", "a.(b)", "a,,b", "()"])
def test_a_broken_mask_is_refused(text):
    with pytest.raises(FieldMaskError):
        parse_mask(text)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sheets.sheetProperties", "sheets.sheetProperties"),
        ("properties, sheets.properties", " sheets.properties"),
        ("frobnicate", "frobnicate"),
        ("properties.title.letters", "properties.title.letters"),
    ],
)
def test_an_unknown_field_is_refused_with_googles_words(text, path):
    with pytest.raises(FieldMaskError) as refusal:
        parse_mask(text).check(schemas(), "Spreadsheet")
    assert str(refusal.value) == "Request contains an invalid argument."
    assert refusal.value.descriptions == [
        f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path}'."
    ]
    assert refusal.value.details()[0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"


@pytest.mark.parametrize(
    "text",
    [
        "spreadsheetId,properties,sheets(properties,merges)",
        "sheets.data.rowData.values.userEnteredValue",
        "sheets/data/row_data/values/note",
        "sheets.properties.*",
        "*",
    ],
)
def test_known_fields_pass(text):
    parse_mask(text).check(schemas(), "Spreadsheet")


def test_a_path_is_in_the_mask_when_any_part_of_it_is():
    mask = parse_mask("gridProperties/rowCount,title")
    assert "gridProperties" in mask
    assert "gridProperties.rowCount" in mask
    assert "gridProperties.columnCount" not in mask
    assert "title.anything.below" in mask
    assert "hidden" not in mask


def test_a_star_means_all_fields():
    mask = parse_mask("*")
    assert mask.is_everything
    assert "anything.at.all" in mask


NAMES = st.sampled_from(["a", "b", "cD", "eF"])
MESSAGES = st.recursive(
    st.dictionaries(NAMES, st.integers(), max_size=3),
    lambda inner: st.dictionaries(NAMES, inner | st.lists(inner, max_size=2), max_size=3),
    max_leaves=8,
)


@given(MESSAGES, st.lists(st.lists(NAMES, min_size=1, max_size=3).map(".".join), min_size=1, max_size=3).map(",".join))
def test_picking_twice_is_picking_once(message, text):
    mask = parse_mask(text)
    picked = mask.pick(message)
    assert mask.pick(picked) == picked
    assert set(picked) <= set(message)
