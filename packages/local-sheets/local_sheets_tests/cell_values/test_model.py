"""Tests of packages/local-sheets/local_sheets/cell_values/model.py and serial.py."""

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sheets.cell_values.model import CellError, Formula, from_api, plain_number, to_api
from local_sheets.cell_values.serial import from_serial, to_serial


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("x", {"stringValue": "x"}),
        (1, {"numberValue": 1}),
        (1.5, {"numberValue": 1.5}),
        (True, {"boolValue": True}),
        (Formula("=A1"), {"formulaValue": "=A1"}),
    ],
)
def test_a_value_and_its_message_stand_for_each_other(value, message):
    assert to_api(value) == message
    assert from_api(message) == value
    assert type(from_api(message)) is type(value)


def test_an_error_is_told_with_its_message():
    error = CellError("N_A", "Did not find value.")
    assert to_api(error) == {"errorValue": {"type": "N_A", "message": "Did not find value."}}
    assert error.text == "#N/A"


@pytest.mark.parametrize("message", [{}, {"stringValue": None}, {"stringValue": ""}])
def test_an_empty_message_is_an_empty_cell(message):
    assert from_api(message) is None


@pytest.mark.parametrize("message", [{"errorValue": {"type": "N_A"}}, {"stringValue": "a", "numberValue": 1}])
def test_a_message_that_cannot_be_entered_is_refused(message):
    with pytest.raises(ValueError, match="ExtendedValue holds"):
        from_api(message)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_whole_numbers_lose_their_point_and_nothing_else(number):
    assert plain_number(number) == number


@pytest.mark.parametrize(
    ("moment", "days"),
    [
        (date(1899, 12, 30), 0),
        (datetime(1900, 1, 1, 12), 2.5),
        (datetime(1900, 2, 1, 15), 33.625),
        (date(2020, 1, 1), 43831),
        (date(1999, 1, 2), 36162),
        (date(1899, 12, 29), -1),
    ],
)
def test_serial_numbers_count_days_since_1899(moment, days):
    assert to_serial(moment) == days


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))
def test_a_moment_survives_its_serial_number_to_the_millisecond(moment):
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert from_serial(to_serial(moment)) == moment


def test_a_serial_number_beyond_the_calendar_is_refused():
    with pytest.raises(OverflowError):
        from_serial(1e9)
