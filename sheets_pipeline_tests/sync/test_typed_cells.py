"""What people type is read as their spreadsheet means it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from babel.dates import format_date
from babel.numbers import format_decimal
from hypothesis import given, settings
from hypothesis import strategies as st

from sheets_pipeline.sync.cells import EPOCH
from sheets_pipeline.sync.tab import ColumnType as T
from sheets_pipeline.sync.typed_cells import Moment, Reader, database_value
from sheets_pipeline.sync.values import Misfit

BERLIN = ZoneInfo("Europe/Berlin")
LOCALES = ["en_US", "en_GB", "de_DE", "de_CH", "fr_FR", "pl_PL", "sv_SE", "pt_BR", "ja_JP", "en_IN", "hu_HU"]


def read(typed: Any, kind: T, locale: str = "en_US") -> Any:
    return Reader(locale, BERLIN, date(2026, 5, 1)).read(typed, kind)


def day(*ymd: int) -> int:
    return (datetime(*ymd) - EPOCH).days  # type: ignore[arg-type]


READ = [
    pytest.param("1,5", T.DECIMAL, "de_DE", 1.5, id="decimal comma"),
    pytest.param("1.234,5", T.DECIMAL, "de_DE", 1234.5, id="German groups"),
    pytest.param("1 234,5", T.DECIMAL, "fr_FR", 1234.5, id="a typed blank as group"),
    pytest.param("1'234.5", T.DECIMAL, "de_CH", 1234.5, id="a typed apostrophe as group"),
    pytest.param("1\u2019234.5", T.DECIMAL, "de_CH", 1234.5, id="a printed apostrophe as group"),
    pytest.param("1,23,450", T.INTEGER, "en_IN", 123450, id="Indian groups"),
    pytest.param("1,234.5", T.DECIMAL, "en_US", 1234.5, id="American groups"),
    pytest.param("12.5 %", T.PERCENT, "en_US", 0.125, id="percent"),
    pytest.param("12,5 %", T.PERCENT, "de_DE", 0.125, id="German percent"),
    pytest.param("\u22125", T.INTEGER, "en_US", -5, id="minus sign"),
    pytest.param(3.0, T.INTEGER, "en_US", 3, id="whole double"),
    pytest.param("007", T.INTEGER, "en_US", 7, id="leading zeros of a number"),
    pytest.param("007", T.TEXT, "en_US", "007", id="leading zeros of a text"),
    pytest.param(" x ", T.TEXT, "en_US", " x ", id="blanks of a text"),
    pytest.param(5.0, T.TEXT, "en_US", "5", id="number in a text column"),
    pytest.param("", T.TEXT, "en_US", None, id="empty"),
    pytest.param("  ", T.DECIMAL, "en_US", None, id="blank number"),
    pytest.param(True, T.BOOLEAN, "en_US", True, id="truth"),
    pytest.param("falsch", T.BOOLEAN, "de_DE", False, id="German truth"),
    pytest.param("VRAI", T.BOOLEAN, "fr_FR", True, id="French truth"),
    pytest.param(0, T.BOOLEAN, "en_US", False, id="zero"),
    pytest.param("3/4", T.DATE, "en_GB", day(2026, 4, 3), id="3/4 in Britain"),
    pytest.param("3/4", T.DATE, "en_US", day(2026, 3, 4), id="3/4 in America"),
    pytest.param("3.4.26", T.DATE, "de_DE", day(2026, 4, 3), id="German date"),
    pytest.param("31.12.99", T.DATE, "de_DE", day(1999, 12, 31), id="two digits of the last century"),
    pytest.param("2026-04-03", T.DATE, "de_DE", day(2026, 4, 3), id="ISO anywhere"),
    pytest.param("3. März 2026", T.DATE, "de_DE", day(2026, 3, 3), id="German month"),
    pytest.param("Apr 3, 2026", T.DATE, "en_US", day(2026, 4, 3), id="American month"),
    pytest.param(46115, T.DATE, "en_US", 46115, id="serial"),
    pytest.param(46115.5, T.DATETIME, "en_US", 46115.5, id="serial with time"),
    pytest.param("3/4/2026 1:30 pm", T.DATETIME, "en_US", day(2026, 3, 4) + 13.5 / 24, id="afternoon"),
    pytest.param("3.4.2026 13:30", T.DATETIME, "de_DE", day(2026, 4, 3) + 13.5 / 24, id="German time"),
    pytest.param(Moment(1775167200000), T.DATE, "en_US", day(2026, 4, 3), id="moment, midnight in Berlin"),
    pytest.param(Moment(1775167200000), T.DATETIME, "en_US", day(2026, 4, 3), id="moment with time"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "kind", "locale", "cell"), READ)
def test_what_is_typed_is_read_by_locale_and_type(typed: Any, kind: T, locale: str, cell: Any) -> None:
    found = read(typed, kind, locale)
    assert found == pytest.approx(cell) if isinstance(cell, float) else (found, type(found)) == (cell, type(cell))


MISFITS = [
    pytest.param("#N/A", T.TEXT, "en_US", "the error #N/A", id="error in a text column"),
    pytest.param("#div/0!", T.DECIMAL, "en_US", "the error #DIV/0!", id="error in a number column"),
    pytest.param("1,5", T.DECIMAL, "en_US", "text", id="a German number in America"),
    pytest.param("1.5", T.DECIMAL, "de_DE", "text", id="an American number in Germany"),
    pytest.param("--5", T.INTEGER, "en_US", "text", id="two signs"),
    pytest.param("NaN", T.DECIMAL, "en_US", "text", id="no number"),
    pytest.param("Infinity", T.DECIMAL, "en_US", "text", id="infinity"),
    pytest.param(Moment(0), T.DECIMAL, "en_US", "a date", id="3/4 that became a date"),
    pytest.param(Moment(0), T.TEXT, "en_US", "a date", id="a date in a text column"),
    pytest.param(True, T.INTEGER, "en_US", "true or false", id="truth in a number column"),
    pytest.param(1.5, T.INTEGER, "en_US", "a number with decimals", id="decimals"),
    pytest.param("maybe", T.BOOLEAN, "en_US", "text", id="no truth"),
    pytest.param(2, T.BOOLEAN, "en_US", "a number that is neither 0 nor 1", id="two"),
    pytest.param("13/13/2026", T.DATE, "en_US", "a date that does not exist", id="thirteenth month"),
    pytest.param("soon", T.DATE, "en_US", "text that is not a date", id="no date"),
    pytest.param(46115.25, T.DATE, "en_US", "a date with a time of day", id="a time in a date column"),
    pytest.param(1e12, T.DATE, "en_US", "a moment outside the years 1 to 9999", id="far future"),
    pytest.param("2026-03-29 02:30", T.DATETIME, "de_DE", "a time of day that the clocks skipped", id="skipped hour"),
    pytest.param("2026-03-28 25:30", T.DATETIME, "de_DE", "a time that does not exist", id="hour 25"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "kind", "locale", "says"), MISFITS)
def test_what_cannot_be_meant_is_refused_by_its_kind(typed: Any, kind: T, locale: str, says: str) -> None:
    with pytest.raises(Misfit) as misfit:
        read(typed, kind, locale)
    assert misfit.value.kind == says


def test_the_first_of_two_equal_hours_is_meant() -> None:
    cell = read("2026-10-25 02:30", T.DATETIME)
    assert database_value(cell, T.DATETIME, BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from(LOCALES))
def test_numbers_shown_in_a_locale_are_read_back(number: Decimal, locale: str) -> None:
    text = format_decimal(number, locale=locale)
    assert database_value(read(text, T.DECIMAL, locale), T.DECIMAL, BERLIN) == number
    assert database_value(read(f"{text} %", T.PERCENT, locale), T.PERCENT, BERLIN) == number / 100


@given(st.dates(date(1930, 1, 1), date(2029, 12, 31)), st.sampled_from(LOCALES))
def test_dates_shown_in_a_locale_are_read_back(shown: date, locale: str) -> None:
    if locale != "ja_JP":  # whose long form has no blanks
        assert database_value(read(format_date(shown, "long", locale), T.DATE, locale), T.DATE, BERLIN) == shown
    assert database_value(read(format_date(shown, "short", locale), T.DATE, locale), T.DATE, BERLIN) == shown


@settings(max_examples=60)
@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.none()), st.sampled_from(LOCALES))
def test_whatever_is_typed_is_a_cell_or_a_misfit(typed: Any, locale: str) -> None:
    for kind in (T.TEXT, T.INTEGER, T.DECIMAL, T.PERCENT, T.BOOLEAN, T.DATE, T.DATETIME):
        try:
            cell = read(typed, kind, locale)
        except Misfit:
            continue
        value = database_value(cell, kind, BERLIN)
        assert cell is None or database_value(read(cell, kind), kind, BERLIN) == value
