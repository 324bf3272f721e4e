"""Tests of packages/local-sheets/local_sheets/cell_values/number_format.py."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from local_sheets.cell_values.date_format import render_date
from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.model import CellError
from local_sheets.cell_values.number_format import effective_pattern, is_date_format, render
from local_sheets.cell_values.pattern import read_pattern

NOON_2020 = 43831.5


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        ("text", "text"),
        (True, "TRUE"),
        (0, "0"),
        (42, "42"),
        (42.0, "42"),
        (42.01, "42.01"),
        (1 / 1024, "0.0009765625"),
        (1 / 3, "0.3333333333"),
        (-2.5, "-2.5"),
        (0.1 + 0.2, "0.3"),
        (123456789.123, "123456789.1"),
        (123456789012345, "123456789012345"),
        (1e15, "1E+15"),
        (1.5e-7, "1.5E-07"),
        (CellError("DIVIDE_BY_ZERO"), "#DIV/0!"),
        (CellError("N_A"), "#N/A"),
    ],
)
def test_a_value_without_a_format_is_shown_as_google_shows_it(value, text):
    assert render(value, None, "en_US") == text


@pytest.mark.parametrize(
    ("value", "pattern", "text"),
    [
        (1234.567, "#,##0.00", "1,234.57"),
        (1234567, "#,##0", "1,234,567"),
        (999, "#,##0", "999"),
        (0.1234, "0.00%", "12.34%"),
        (0.5, "0%", "50%"),
        (20.5, '"$"#,##0.00', "$20.50"),
        (1, '"$"#,##0.00', "$1.00"),
        (-5, '"$"#,##0.00', "-$5.00"),
        (5, "[$€]#,##0", "€5"),
        (5, "[$€-407]#,##0", "€5"),
        (-5, "0;(0)", "(5)"),
        (0, '0;(0);"zero"', "zero"),
        (5, "[Red]0", "5"),
        (5, '[<10]"low";[>=10]"high"', "low"),
        (15, '[<10]"low";"other"', "other"),
        (12345, "0.00E+00", "1.23E+04"),
        (0.00012, "0.00E+00", "1.20E-04"),
        (12345, "##0.0E+0", "12.3E+3"),
        (3.25, "# ?/?", "3 1/4"),
        (0.5, "# ?/?", "1/2"),
        (2, "# ?/?", "2"),
        (0.3, "0/10", "3/10"),
        (0.5, "#.##", ".5"),
        (1.5, "0.0#", "1.5"),
        (1.25, "0.0#", "1.25"),
        (7, "000", "007"),
        (123456789, "000-00-0000", "123-45-6789"),
        (1234567, '0.0,,"M"', "1.2M"),
        (1234567, "0,", "1235"),
        (9.995, "0.00", "10.00"),
        (1.005, "0.00", "1.01"),
        (0.4, "#", ""),
        (5, "0 \\x", "5 x"),
        (5, "_(0_)", " 5 "),
        (5, "General", "5"),
        (-0.001, "0.00", "0.00"),
    ],
)
def test_a_number_goes_through_its_pattern(value, pattern, text):
    assert render(value, {"type": "NUMBER", "pattern": pattern}, "en_US") == text


@pytest.mark.parametrize(
    ("value", "pattern", "text"),
    [
        (NOON_2020, "yyyy-mm-dd hh:mm", "2020-01-01 12:00"),
        (NOON_2020, "h:mm am/pm", "12:00 PM"),
        (43831.25, "h:mm AM/PM", "6:00 AM"),
        (43831.25, "h a/p", "6 a"),
        (43831, "dddd, mmmm d, yyyy", "Wednesday, January 1, 2020"),
        (43831, "ddd mmm yy", "Wed Jan 20"),
        (43831, "M/d/yyyy", "1/1/2020"),
        (43831, "MMMMM", "J"),
        (43831.5, "h:MM", "12:01"),
        (0.5, "mm:ss", "00:00"),
        (1.5, "[h]:mm:ss", "36:00:00"),
        (-0.5, "[h]:mm", "-12:00"),
        (1.0 / 24 / 60 / 2, "[mm]:ss.000", "00:30.000"),
        (0.521009837962963, "hh:mm:ss.000", "12:30:15.250"),
        (43831, '"on" d\\.m', "on 1.1"),
        (2.5, "yyyy-mm-dd", "1900-01-01"),
        (-1, "yyyy-mm-dd", "1899-12-29"),
    ],
)
def test_a_date_goes_through_its_pattern(value, pattern, text):
    assert render(value, {"type": "DATE", "pattern": pattern}, "en_US") == text


@pytest.mark.parametrize(
    ("kind", "locale", "text"),
    [
        ("NUMBER", "en_US", "43,831.50"),
        ("PERCENT", "en_US", "4383150.00%"),
        ("CURRENCY", "en_US", "$43,831.50"),
        ("DATE", "en_US", "1/1/2020"),
        ("TIME", "en_US", "12:00:00 PM"),
        ("DATE_TIME", "en_US", "1/1/2020 12:00:00"),
        ("SCIENTIFIC", "en_US", "4.38E+04"),
        ("TEXT", "en_US", "43831.5"),
        ("NUMBER", "de_DE", "43.831,50"),
        ("CURRENCY", "de_DE", "43.831,50\u00a0€"),
        ("DATE", "de_DE", "01.01.2020"),
        ("DATE", "en_GB", "01/01/2020"),
        ("DATE", "fr_FR", "01/01/2020"),
        ("TIME", "de", "12:00:00"),
        ("DATE", "xx_XX", "1/1/2020"),
    ],
)
def test_a_type_without_a_pattern_has_the_locales_own(kind, locale, text):
    assert render(NOON_2020, {"type": kind}, locale) == text


#: Tuesday, April 5, 2016, 4:08:53.528 PM, and a duration of 3 hours, 13 minutes, 41.255 seconds, as in Google's guide.
MOMENT, DURATION = 42465.67284175926, 11621.255 / 86_400


@pytest.mark.parametrize(
    ("value", "pattern", "text"),
    [
        # The examples of https://developers.google.com/workspace/sheets/api/guides/formats
        (MOMENT, "h:mm:ss.00 a/p", "4:08:53.53 p"),
        (MOMENT, 'hh:mm A/P".M."', "04:08 P.M."),
        (MOMENT, "yyyy-mm-dd", "2016-04-05"),
        (MOMENT, "mmmm d \\[dddd\\]", "April 5 [Tuesday]"),
        (MOMENT, "h PM, ddd mmm dd", "4 PM, Tue Apr 05"),
        (MOMENT, "dddd, m/d/yy at h:mm", "Tuesday, 4/5/16 at 16:08"),
        (DURATION, "[hh]:[mm]:[ss].000", "03:13:41.255"),
        (DURATION, "[mmmm]:[ss].000", "0193:41.255"),
        (12345.125, "####.#", "12345.1"),
        (12.34, "000.0000", "012.3400"),
        (12, "#.0#", "12.0"),
        (5.125, "# ???/???", "5 1/8"),
        (12000, "#,###", "12,000"),
        (1230000, '0.0,,"M"', "1.2M"),
        (1234500000, "0.00e+00", "1.23e+09"),
        (50, '[<100]"Low";[>500]"Hi";000', "Low"),
        (700, '[<100]"Low";[>500]"Hi";000', "Hi"),
        (300, '[<100]"Low";[>500]"Hi";000', "300"),
        # Others of their kind
        (MOMENT, "h AM", "4 PM"),
        (0.25, "h am", "6 AM"),
        (MOMENT, "mm:ss.0", "08:53.5"),
        (MOMENT, "ss.000", "53.528"),
        (0.999999, "s.0", "59.9"),
        (0.9999997, "h:mm:ss.0", "0:00:00.0"),
        (MOMENT, "mmmmmm", "April"),
        (MOMENT, "dddddd", "Tuesday"),
        (2.5, "[h]:[mm]", "60:00"),
        (2.5, '[h]"h" [s]"s"', "60h 0s"),
        (-0.6, "[h]:mm", "-14:24"),
        (-0.6, "[h]:[mm]:[ss]", "-14:24:00"),
        (999, '[<1000]0;[<1000000]0.0,"K";0.0,,"M"', "999"),
        (1500, '[<1000]0;[<1000000]0.0,"K";0.0,,"M"', "1.5K"),
        (2500000, '[<1000]0;[<1000000]0.0,"K";0.0,,"M"', "2.5M"),
        (5, '[color12][=5]"five";0', "five"),
        (5, "* 0", "5"),
    ],
)
def test_googles_examples_of_patterns(value, pattern, text):
    assert render(value, {"type": "NUMBER", "pattern": pattern}, "en_US") == text


def test_names_of_months_and_truth_follow_the_locale():
    assert render(43891, {"type": "DATE", "pattern": "d. mmmm yyyy"}, "de_DE") == "1. März 2020"
    assert render(True, None, "de_DE") == "WAHR"
    assert render(1.5, None, "fr_FR") == "1,5"


def test_text_goes_through_a_text_section():
    assert render("x", {"type": "TEXT", "pattern": '0;0;0;"<"@">"'}, "en_US") == "<x>"
    assert render("x", {"type": "NUMBER", "pattern": "0.00"}, "en_US") == "x"


def test_a_number_beyond_all_dates_is_shown_as_a_number():
    assert render(1e9, {"type": "DATE"}, "en_US") == "1000000000"


@pytest.mark.parametrize(
    ("number_format", "is_date"),
    [
        (None, False),
        ({"type": "DATE"}, True),
        ({"type": "NUMBER", "pattern": "yyyy"}, True),
        ({"type": "DATE", "pattern": "0.00"}, False),
        ({"type": "CURRENCY"}, False),
    ],
)
def test_a_format_shows_dates_or_not(number_format, is_date):
    assert is_date_format(number_format) is is_date


def test_an_automatic_format_has_no_pattern():
    assert effective_pattern({}, "en_US") == effective_pattern(None, "en_US") == ""


@example(1234.5, "E+0")
@example(1234.5, "/0")
@given(st.floats(allow_nan=False, allow_infinity=False), st.text(alphabet='0#?.,%E+-/$@ymdhs"[];: x', max_size=12))
def test_no_pattern_breaks_the_rendering(value, pattern):
    assert isinstance(render(value, {"type": "NUMBER", "pattern": pattern}, "en_US"), str)


@given(st.integers(-(10**14), 10**14))
def test_whole_numbers_show_all_their_digits(number):
    assert render(number, None, "en_US") == str(number)
    assert render(number, {"type": "NUMBER", "pattern": "#,##0"}, "en_US") == f"{number:,}"


@given(
    st.sampled_from(
        [
            "yyyy-mm-dd hh:mm:ss",
            "dd/mm/yy",
            "hh:mm",
            'yyyy"%%"mm',
            "mm:ss",
            "yyyymmdd",
            "yyyy年mm月",
            "hh:mm:ss.000",
            "m/d/yy",
        ]
    ),
    st.one_of(st.integers(-5, 2_958_470), st.floats(-5, 2_958_470), st.floats(0, 1)),
)
def test_a_date_is_shown_alike_by_the_quick_way_and_by_the_whole_one(pattern: str, days: float):
    section = read_pattern(pattern)[0]
    try:
        expected = render_date(days, section, get_locale("en_US"))
    except OverflowError:
        return
    assert render(days, {"type": "DATE", "pattern": pattern}, "en_US") == expected
