"""Tests of packages/local-sheets/local_sheets/a1.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sheets.a1 import Area, RangeError, column_index, column_letters, format_range, parse_range, quote_title

TITLES = {"Sheet1", "My tab", "A1", "It's", "x!y", "Total", "R1C1", "2023"}
NAMED = {"Total": Area("Sheet1", 1, 3, 0, 2)}


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("A1", Area(None, 0, 1, 0, 1)),
        ("a1:b2", Area(None, 0, 2, 0, 2)),
        ("$A$1:$B$2", Area(None, 0, 2, 0, 2)),
        ("D4:A1", Area(None, 0, 4, 0, 4)),
        ("A4:D1", Area(None, 0, 4, 0, 4)),
        ("A:A", Area(None, None, None, 0, 1)),
        ("C:A", Area(None, None, None, 0, 3)),
        ("1:2", Area(None, 0, 2, None, None)),
        ("A5:A", Area(None, 4, None, 0, 1)),
        ("A2:E", Area(None, 1, None, 0, 5)),
        ("A1:1", Area(None, 0, 1, 0, None)),
        ("Sheet1", Area("Sheet1", None, None, None, None)),
        ("Sheet1!A1:B2", Area("Sheet1", 0, 2, 0, 2)),
        ("'Sheet1'!A1", Area("Sheet1", 0, 1, 0, 1)),
        ("My tab!A2:E", Area("My tab", 1, None, 0, 5)),
        ("'My tab'", Area("My tab", None, None, None, None)),
        ("'It''s'!B3", Area("It's", 2, 3, 1, 2)),
        ("'A1'", Area("A1", None, None, None, None)),
        ("'A1'!C3", Area("A1", 2, 3, 2, 3)),
        ("x!y!B3", Area("x!y", 2, 3, 1, 2)),
        ("R1C1", Area(None, 0, 1, 0, 1)),
        ("Sheet1!R1C1:R2C3", Area("Sheet1", 0, 2, 0, 3)),
        ("Sheet1!R[3]C[1]", Area("Sheet1", 3, 4, 1, 2)),
        ("Total", NAMED["Total"]),
        ("TOTAL", NAMED["Total"]),
        ("'Total'", Area("Total", None, None, None, None)),
        ("'Sheet1'!Total", NAMED["Total"]),
        ("Sheet1!total", NAMED["Total"]),
        ("Total!A1", Area("Total", 0, 1, 0, 1)),
        ("2023!A1", Area("2023", 0, 1, 0, 1)),
    ],
)
def test_a_range_names_the_area_it_should(text, area):
    assert parse_range(text, TITLES, NAMED) == area


@pytest.mark.parametrize(
    "text",
    ["", "Nope", "Nope!A1", "Sheet1!", "Sheet1!A", "Sheet1!1", "A0", "A2:A0", "A:1", "'Nope'!A1", "Sheet1!A1:", "A1:B2:C3",
     "R0C1", "Sheet1!Totals"],
)  # fmt: skip
def test_a_text_that_is_no_range_is_refused_with_googles_words(text):
    with pytest.raises(RangeError) as refusal:
        parse_range(text, TITLES, NAMED)
    assert str(refusal.value) == f"Unable to parse range: {text}"


@pytest.mark.parametrize(
    ("title", "quoted"),
    [
        ("Sheet1", "Sheet1"),
        ("course_statistics", "course_statistics"),
        ("UserProfiles", "UserProfiles"),
        ("My tab", "'My tab'"),
        ("D3", "'D3'"),
        ("It's", "'It''s'"),
        ("🌵 x", "'🌵 x'"),
        ("2023", "'2023'"),
        ("a-b", "'a-b'"),
        ("food.csv", "food.csv"),
        ("Лист1", "'Лист1'"),
        ("profiles-10.csv", "'profiles-10.csv'"),
        ("R1C1", "'R1C1'"),
    ],
)
def test_a_title_is_quoted_only_when_it_would_be_misread(title, quoted):
    assert quote_title(title) == quoted


@pytest.mark.parametrize(
    ("area", "text"),
    [
        (("Sheet1", 0, 1, 1, 2), "Sheet1!B1"),
        (("Sheet1", 0, 1000, 0, 26), "Sheet1!A1:Z1000"),
        (("D3", 0, 4, 0, 4), "'D3'!A1:D4"),
        ((None, 0, 2, 0, 2), "A1:B2"),
        (("T", 1000, None, 0, 2), "T!A1001:B"),
        (("T", None, None, 0, 2), "T!A:B"),
        (("T", 0, 2, None, None), "T!1:2"),
        (("T", None, None, None, None), "T"),
    ],
)
def test_an_area_is_echoed_as_google_echoes_it(area, text):
    assert format_range(*area) == text


@given(st.integers(0, 18_277))
def test_column_letters_and_index_undo_each_other(index):
    assert column_index(column_letters(index)) == index


def test_column_letters_have_known_ends():
    assert [column_letters(i) for i in (0, 25, 26, 701, 702, 18_277)] == ["A", "Z", "AA", "ZZ", "AAA", "ZZZ"]


@pytest.mark.parametrize("letters", ["", "A1", "Ä", "-"])
def test_letters_outside_the_alphabet_are_no_column(letters):
    with pytest.raises(ValueError, match="expected letters"):
        column_index(letters)


def test_a_negative_column_has_no_letters():
    with pytest.raises(ValueError, match="expected 0 or more"):
        column_letters(-1)


@given(
    st.text(min_size=1, max_size=20),
    st.integers(0, 9_999),
    st.integers(1, 50),
    st.integers(0, 17_000),
    st.integers(1, 50),
)
def test_an_echoed_range_is_read_back_as_the_same_area(title, row, height, col, width):
    area = Area(title, row, row + height, col, col + width)
    text = format_range(title, row, row + height, col, col + width)
    assert parse_range(text, {title}, {}) == area


@given(st.text(min_size=1, max_size=12), st.integers(0, 99) | st.none(), st.integers(0, 25) | st.none())
def test_an_open_range_is_read_back_as_the_same_area(title, row, col):
    area = (
        Area(title, row, None, col, None if col is None else col + 1)
        if col is not None
        else Area(title, None, None, None, None)
    )
    text = format_range(area.title, area.row0, area.row1, area.col0, area.col1)
    assert parse_range(text, {title}, {}) == area
