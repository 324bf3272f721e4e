"""Tests of packages/local-sheets/local_sheets/cell_values/user_entered.py."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sheets.cell_values.model import Formula
from local_sheets.cell_values.number_format import render
from local_sheets.cell_values.serial import to_serial
from local_sheets.cell_values.user_entered import parse


def pattern_of(entry):
    return entry.number_format and entry.number_format["pattern"]


@pytest.mark.parametrize(
    ("text", "value", "pattern"),
    [
        ("42", 42, None),
        ("0042", 42, None),
        ("-7", -7, None),
        ("+7", 7, None),
        (".5", 0.5, None),
        ("5.", 5, None),
        ("  7 ", 7, None),
        ("42.01", 42.01, None),
        ("2,000,000.01", 2000000.01, "#,##0.00"),
        ("1,000", 1000, "#,##0"),
        ("10%", 0.1, "0%"),
        ("12.5%", 0.125, "0.00%"),
        ("$20.50", 20.5, '"$"#,##0.00'),
        ("$1", 1, '"$"#,##0'),
        ("-$5", -5, '"$"#,##0'),
        ("($5.00)", -5, '"$"#,##0.00'),
        ("(5)", -5, None),
        ("€5", 5, "[$€]#,##0"),
        ("1e5", 100000, "0.00E+00"),
        ("1.5E-3", 0.0015, "0.00E+00"),
        ("TRUE", True, None),
        ("false", False, None),
    ],
)
def test_numbers_and_truth_are_read(text, value, pattern):
    entry = parse(text, "en_US")
    assert entry.value == value
    assert type(entry.value) is type(value)
    assert pattern_of(entry) == pattern


@pytest.mark.parametrize(
    ("text", "value", "pattern"),
    [
        ("2020-01-01", 43831, "yyyy-mm-dd"),
        ("2020-01-31", 43861, "yyyy-mm-dd"),
        ("2020-12-25", 44190, "yyyy-mm-dd"),
        ("2020-1-12", 43842, "yyyy-m-d"),
        ("12/25/2020", 44190, "m/d/yyyy"),
        ("01/25/2020", 43855, "mm/dd/yyyy"),
        ("3/1/2016", 42430, "m/d/yyyy"),
        ("03/01/2016", 42430, "mm/dd/yyyy"),
        ("3/1/16", 42430, "m/d/yy"),
        ("3-1-2016", 42430, "m-d-yyyy"),
        ("2016/3/1", 42430, "yyyy/m/d"),
        ("Mar 1 2016", 42430, "mmm d, yyyy"),
        ("March 1, 2016", 42430, "mmmm d, yyyy"),
        ("1 Mar 2016", 42430, "d mmm yyyy"),
        ("1-Mar-16", 42430, "d-mmm-yy"),
        ("Tuesday, March 1, 2016", 42430, "dddd, mmmm d, yyyy"),
        ("Mar 2016", 42430, "mmm yyyy"),
        ("13:45", 0.5729166666666666, "h:mm"),
        ("1:45 PM", 0.5729166666666666, "h:mm am/pm"),
        ("5 pm", 17 / 24, "h am/pm"),
        ("08:00:00", 8 / 24, "hh:mm:ss"),
        ("25:00:00", 25 / 24, "[h]:mm:ss"),
        ("3/1/2016 18:00", 42430.75, "m/d/yyyy h:mm"),
        ("2016-03-01 18:00:00", 42430.75, "yyyy-mm-dd h:mm:ss"),
    ],
)
def test_dates_and_times_are_read(text, value, pattern):
    entry = parse(text, "en_US")
    assert entry.value == pytest.approx(value, abs=1e-9)
    assert pattern_of(entry) == pattern


@pytest.mark.parametrize(
    "text",
    ["abc", "1,2", "1,23,456", "1.2.3", "1 2", "12 monkeys", "Infinity", "nan", "1e999", "-", "--", ".", "$", "%", "1/2/3/4",
     "13/32/2020", "2020-02-30", "24:61", "2020-01-01T10:00:00Z", "1-555-1234-5678", "192.168.0.1", " ", "May", "=", "5%%",
     "$5%", "٣"],
)  # fmt: skip
def test_other_text_stays_text(text):
    assert parse(text, "en_US") == (text, None)


@pytest.mark.parametrize(("text", "value"), [("'=1+1", "=1+1"), ("'0042", "0042"), ("''x", "'x"), ("'", "")])
def test_a_leading_apostrophe_makes_text(text, value):
    assert parse(text, "en_US") == (value, None)


@pytest.mark.parametrize(
    ("text", "formula"), [("=1+1", "=1+1"), ("= 1 / 1024", "= 1 / 1024"), ("+1-555", "=+1-555"), ("-A1", "=-A1")]
)
def test_what_starts_with_an_operator_is_a_formula(text, formula):
    assert parse(text, "en_US") == (Formula(formula), None)


@pytest.mark.parametrize(
    ("locale", "text", "value", "pattern"),
    [
        ("de_DE", "1.234,5", 1234.5, "#,##0.00"),
        ("de_DE", "1,5", 1.5, None),
        ("de_DE", "31.12.2020", 44196, "dd.mm.yyyy"),
        ("de_DE", "01.02.2020", 43862, "dd.mm.yyyy"),
        ("de_DE", "5 €", 5, '#,##0\u00a0"€"'),
        ("de_DE", "WAHR", True, None),
        ("de_DE", "1. März 2020", 43891, "d. mmm yyyy"),
        ("de_DE", "1. Februar 2020", 43862, "d. mmmm yyyy"),
        ("fr_FR", "1 234,5", 1234.5, "#,##0.00"),
        ("fr_FR", "31/12/2020", 44196, "dd/mm/yyyy"),
        ("fr_FR", "1 février 2020", 43862, "d mmmm yyyy"),
        ("fr_FR", "VRAI", True, None),
        ("en_GB", "31/12/2020", 44196, "dd/mm/yyyy"),
        ("en_GB", "£5", 5, '"£"#,##0'),
        ("en_GB", "12/31/2020", "12/31/2020", None),
        ("en_US", "31/12/2020", "31/12/2020", None),
    ],
)
def test_the_locale_decides_how_text_is_read(locale, text, value, pattern):
    entry = parse(text, locale)
    assert (entry.value, pattern_of(entry)) == (value, pattern)


def test_a_date_without_a_year_is_of_this_year():
    assert parse("3/1", "en_US").value == to_serial(date(datetime.now(UTC).year, 3, 1))


@pytest.mark.parametrize(
    ("text", "current", "value", "number_format"),
    [
        ("5", {"type": "TEXT"}, "5", None),
        ("=1+1", {"type": "NUMBER", "pattern": "@"}, "=1+1", None),
        ("$1", {"type": "CURRENCY", "pattern": '"$"#,##0.00'}, 1, None),
        ("5", {"type": "PERCENT", "pattern": "0%"}, 0.05, None),
        ("5%", {"type": "PERCENT", "pattern": "0.00%"}, 0.05, None),
        ("5%", {"type": "NUMBER", "pattern": "0.00"}, 0.05, {"type": "PERCENT", "pattern": "0%"}),
        ("2020-01-01", {"type": "DATE", "pattern": "d mmm"}, 43831, None),
        ("1,000", {"type": "NUMBER", "pattern": "0"}, 1000, None),
    ],
)
def test_the_cells_own_format_has_a_say(text, current, value, number_format):
    assert parse(text, "en_US", current) == (value, number_format)


@given(st.integers(-(10**12), 10**12), st.integers(0, 2))
def test_a_shown_number_is_read_back(number, places):
    value = number / 10**places
    shown = render(value, {"type": "NUMBER", "pattern": "#,##0.00"}, "en_US")
    assert parse(shown, "en_US").value == pytest.approx(value)


@pytest.mark.parametrize("locale", ["en_US", "en_GB", "de_DE", "fr_FR"])
@given(day=st.dates(date(1930, 1, 1), date(2029, 12, 31)), seconds=st.integers(0, 86_399))
def test_a_shown_date_is_read_back(locale, day, seconds):
    value = to_serial(datetime(day.year, day.month, day.day) + timedelta(seconds=seconds))
    shown = render(value, {"type": "DATE_TIME"}, locale)
    assert parse(shown, locale).value == pytest.approx(value, abs=1e-6)


@given(st.text(max_size=20))
def test_what_is_shown_after_typing_is_read_as_the_same_value(text):
    entry = parse(text, "en_US")
    if isinstance(entry.value, int | float) and not isinstance(entry.value, bool) and entry.number_format is not None:
        shown = render(entry.value, entry.number_format, "en_US")
        again = parse(shown, "en_US")
        assert render(again.value, entry.number_format, "en_US") == shown
