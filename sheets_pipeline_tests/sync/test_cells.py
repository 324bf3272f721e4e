"""Values of every type become the cells that Sheets gives back."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline.sync.cells import characters, from_serial, key_of, row_keys, same_cell
from sheets_pipeline.sync.conversion import to_cells
from sheets_pipeline.sync.tab import ColumnType

BERLIN = ZoneInfo("Europe/Berlin")


def cell(value: Any, column_type: ColumnType, zone: ZoneInfo = BERLIN) -> Any:
    return to_cells(pd.Series([value], dtype="object"), column_type, zone)[0][0]


@pytest.mark.parametrize(
    ("value", "column_type", "expected"),
    [
        pytest.param("007", ColumnType.TEXT, "007", id="leading zeros stay"),
        pytest.param("=1+1", ColumnType.TEXT, "=1+1", id="a formula is text"),
        pytest.param("", ColumnType.TEXT, None, id="empty text is blank"),
        pytest.param(None, ColumnType.TEXT, None, id="null is blank"),
        pytest.param("a\x00b\ud800c", ColumnType.TEXT, "a\ufffdb\ufffdc", id="what cannot be sent is replaced"),
        pytest.param("مرحبا\n\t\x07", ColumnType.TEXT, "مرحبا\n\t\x07", id="right to left and control characters stay"),
        pytest.param(5, ColumnType.INTEGER, 5, id="integer"),
        pytest.param(5.0, ColumnType.INTEGER, 5, id="integer from float"),
        pytest.param(2**53, ColumnType.INTEGER, 2**53, id="largest exact integer"),
        pytest.param(2**53 + 1, ColumnType.INTEGER, str(2**53 + 1), id="a larger one keeps its digits as text"),
        pytest.param(Decimal("12.50"), ColumnType.DECIMAL, 12.5, id="decimal"),
        pytest.param(
            Decimal("0.123456789012345678901234567891"),
            ColumnType.DECIMAL,
            "0.123456789012345678901234567891",
            id="30 digits stay as text",
        ),
        pytest.param(float("nan"), ColumnType.DECIMAL, None, id="NaN is blank"),
        pytest.param(float("-inf"), ColumnType.DECIMAL, "-Infinity", id="infinity is text"),
        pytest.param(0.25, ColumnType.PERCENT, 0.25, id="percent is a fraction"),
        pytest.param(False, ColumnType.BOOLEAN, False, id="false is not blank"),
        pytest.param(date(1899, 12, 31), ColumnType.DATE, 1, id="day one"),
        pytest.param(date(1850, 1, 1), ColumnType.DATE, -18260, id="before 1900"),
        pytest.param(datetime(2026, 7, 1, 10, tzinfo=UTC), ColumnType.DATETIME, 46204.5, id="summer time in Berlin"),
        pytest.param(datetime(2026, 1, 1, 11, tzinfo=UTC), ColumnType.DATETIME, 46023.5, id="winter time in Berlin"),
    ],
)
def test_a_value_becomes_its_cell(value: Any, column_type: ColumnType, expected: Any) -> None:
    result = cell(value, column_type)
    assert result == expected
    assert type(result) is type(expected)


@given(st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1)), st.timezone_keys())
def test_a_datetime_comes_back_to_the_microsecond(moment: datetime, zone_name: str) -> None:
    zone = ZoneInfo(zone_name)
    aware = moment.replace(tzinfo=UTC)
    serial = cell(aware, ColumnType.DATETIME, zone)
    wall = aware.astimezone(zone).replace(tzinfo=None)
    assert abs(from_serial(serial) - wall) <= timedelta(microseconds=5)


@given(st.lists(st.datetimes(min_value=datetime(1700, 1, 1), max_value=datetime(2200, 1, 1)) | st.none(), min_size=1))
def test_a_whole_column_of_timestamps_gives_the_same_cells_as_one_by_one(moments: list[datetime | None]) -> None:
    aware = [moment.replace(tzinfo=UTC) if moment else None for moment in moments]
    column = pd.Series(pd.to_datetime(pd.Series(aware, dtype=object), utc=True)).astype("datetime64[us, UTC]")
    one_by_one = [cell(moment, ColumnType.DATETIME) for moment in aware]
    assert all(map(same_cell, to_cells(column, ColumnType.DATETIME, BERLIN)[0], one_by_one))


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6) | st.integers())
def test_no_digit_of_a_number_is_lost(number: Any) -> None:
    result = cell(number, ColumnType.DECIMAL)
    assert Decimal(result if isinstance(result, str) else repr(result)) == number


@given(st.text())
def test_text_is_the_same_cell_whatever_becomes_of_its_line_ends(text: str) -> None:
    wanted = cell(text, ColumnType.TEXT)
    if isinstance(wanted, str):
        assert same_cell(wanted, wanted.replace("\r\n", "\n").replace("\r", "\n"))


@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [
        pytest.param(None, "", True, id="blank is blank"),
        pytest.param(0.1 + 0.2, 0.3, True, id="what no double can tell apart"),
        pytest.param(1, True, False, id="a number is no truth value"),
        pytest.param("5", 5, False, id="text is no number"),
        pytest.param(46000.5, 46000.50001, False, id="a second is a difference"),
        pytest.param(0, None, False, id="zero is not blank"),
    ],
)
def test_cells_are_the_same_or_not(wanted: Any, found: Any, same: bool) -> None:
    assert same_cell(wanted, found) is same


def test_keys_are_found_again_however_sheets_shows_them() -> None:
    assert {key_of(5), key_of(5.0), key_of("5"), key_of(" 5 ")} == {"5"}
    assert row_keys([[1, None, "a"], [2, None, None]]) == ["1\x1f2", "", "a\x1f"]


def test_characters_are_counted_as_utf_16() -> None:
    assert characters("a🌵") == 3
