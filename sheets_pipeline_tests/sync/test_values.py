"""What is clear becomes a cell of the declared type; what is not is refused by its kind, never by its value."""

import datetime as dt
import enum
import ipaddress
import uuid
from collections import OrderedDict, namedtuple
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sheets_pipeline.sync.cells import same_cell
from sheets_pipeline.sync.conversion import to_cells
from sheets_pipeline.sync.rows import rows_from_frame
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline.sync.values import shown

BERLIN = ZoneInfo("Europe/Berlin")
TEXT, INTEGER, DECIMAL, PERCENT, BOOLEAN, DATE, DATETIME, JSON = (ColumnType(name) for name in ColumnType)


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Mixed(str, enum.Enum):  # noqa: UP042 - as people write it
    ONE = "one"


class Plain:
    pass


class Hostile:
    """Every question put to it is answered by an error."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    __str__ = __repr__ = __eq__ = __bool__ = __len__ = __iter__ = __float__ = __int__ = __index__ = __getattribute__  # type: ignore[assignment]
    __hash__ = None  # type: ignore[assignment]


Point = namedtuple("Point", "x y")
CIRCLE: list[Any] = []
CIRCLE.append(CIRCLE)
NESTED: list[Any] = []
for _ in range(100_000):
    NESTED = [NESTED]


def name_of(value: Any) -> str:
    return type(value).__name__


def converted(value: Any, column_type: ColumnType) -> Any:
    """The cell, or ``Misfit(kind)`` as text."""
    held = pd.Series([None], dtype=object)
    held.iat[0] = value
    [cell], misfits = to_cells(held, column_type, BERLIN)
    return f"misfit: {misfits[0]}" if misfits else cell


@pytest.mark.parametrize(
    ("expected", "values"),
    [
        (True, [True, np.True_, 1, 1.0, Decimal(1), "t", "TRUE", "yes", "Y", "on", " 1 ", b"\x01", memoryview(b"1")]),
        (False, [False, np.False_, 0, 0.0, np.int8(0), "N", "f", "0", "false", "no", "Off", b"\x00", bytearray(b"0")]),
        (None, [None, pd.NA, pd.NaT, float("nan"), Decimal("NaN"), "", "  "]),
        ("misfit: text", ["Learner 1", "ja", "2", "10", "tru", "None", "-1", "0.0"]),
        ("misfit: a number that is neither 0 nor 1", [2, -1, 0.5, Decimal("0.1"), b"\x02"[0]]),
        ("misfit: binary data", [b"\xff", b"\x80"]),
        ("misfit: a list", [[], [True], (0,)]),
        ("misfit: a date", [dt.date(2026, 1, 1)]),
    ],
)
def test_a_truth_value_is_read_by_what_it_says(expected: Any, values: list[Any]) -> None:
    for value in values:
        assert converted(value, BOOLEAN) is expected or converted(value, BOOLEAN) == expected != bool(expected), value


BEYOND = "misfit: a float beyond 2^53"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("12", 12), (" -12 ", -12), ("007", 7), ("12.0", 12), ("1e3", 1000), (12.0, 12), (Decimal("12.00"), 12), (True, 1),
        (np.int64(5), 5), (np.uint64(2**64 - 1), str(2**64 - 1)), (2**53, 2**53), (2**53 + 1, str(2**53 + 1)),
        (Decimal(2**63), str(2**63)), (str(2**53 + 1), str(2**53 + 1)), (Level.HIGH, 3), ("", None),
        (12.5, "misfit: a number with decimals"), ("12.5", "misfit: a number with decimals"),
        (Decimal("0.1"), "misfit: a number with decimals"), (float("inf"), "misfit: infinity"),
        (Decimal("-Infinity"), "misfit: infinity"), (Decimal("1e999999999"), "misfit: a huge number"),
        (10**5000, "misfit: a whole number"), ("0x1F", "misfit: text"), ("1_000", "misfit: text"), ("1,5", "misfit: text"),
        ("१२", "misfit: text"), (1j, "misfit: a Python complex"), (b"12", "misfit: binary data"),
        (dt.timedelta(1), "misfit: a length of time"), (np.timedelta64(1, "D"), "misfit: a length of time"),
    ],
    ids=name_of,
)  # fmt: skip
def test_a_whole_number_keeps_every_digit(value: Any, expected: Any) -> None:
    result = converted(value, INTEGER)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize("number", [9007199254740993, -9007199254740993])
def test_a_whole_number_beside_a_missing_one_keeps_its_digits_or_is_set_aside(number: int) -> None:
    values = pd.Series([number, None, 7], dtype="Int64")
    assert to_cells(values, TEXT, BERLIN) == ([str(number), None, "7"], {})
    cells, misfits = to_cells(values, INTEGER, BERLIN)
    assert cells[1:] == [None, 7]
    assert cells[0] == str(number) or 0 in misfits


@pytest.mark.parametrize("column_type", [INTEGER, TEXT])
@pytest.mark.parametrize("values", [[9007199254740993, None], [2.0**53], [-1e22, 5.0]])
def test_a_whole_number_that_a_reader_made_a_float_is_set_aside(column_type: ColumnType, values: list[Any]) -> None:
    cells, misfits = to_cells(pd.Series(values, dtype="float64"), column_type, BERLIN)
    assert list(misfits) == [0]
    assert misfits[0].startswith("a float beyond 2^53")
    assert "read_frame" in misfits[0]
    assert cells[0] is None


@pytest.mark.parametrize("column_type", [DECIMAL, PERCENT])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Decimal("12345678901234567.89"), "12345678901234567.89"), ("12345678901234567.89", "12345678901234567.89"),
        ("0.5", 0.5), (".5", 0.5), ("1E-3", 0.001), (np.float32(0.1), 0.1), (np.float16(0.1), 0.1), (5, 5), (True, 1),
        (np.longdouble("0.5"), 0.5), (float("inf"), "Infinity"), ("-infinity", "-Infinity"), ("NaN", None), (1e300, 1e300),
        (Decimal("-0"), 0), (Decimal("sNaN"), None), (Decimal("1e400"), "1" + "0" * 400),
        (Decimal("1e-999999999"), "1E-999999999"), (1e16, 1e16),
        ("12 %", "misfit: text"), ("1.2.3", "misfit: text"), ({}, "misfit: a json object"), (dt.time(1), "misfit: a time of day"),
    ],
    ids=name_of,
)  # fmt: skip
def test_a_number_keeps_the_digits_that_no_double_holds_as_text(
    value: Any, expected: Any, column_type: ColumnType
) -> None:
    result = converted(value, column_type)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7.0, "7"), (7.5, "7.5"), (1e-7, "0.0000001"), (np.float32(0.1), "0.1"), (np.int8(7), "7"), (Decimal("7.00"), "7.00"),
        (Decimal("1E+3"), "1000"), (Decimal("1e999999"), "1E+999999"), (float("-inf"), "-Infinity"), (True, "TRUE"),
        (np.False_, "FALSE"), (Colour.RED, "red"), (Mixed.ONE, "one"), (Level.HIGH, "3"), (np.str_("007"), "007"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"), (ipaddress.ip_address("::1"), "::1"),
        (dt.date(2026, 1, 2), "2026-01-02"), (dt.time(9, 30), "09:30:00"), (dt.datetime(2026, 1, 2, 3), "2026-01-02 03:00:00"),
        (dt.timedelta(hours=26, seconds=3.5), "26:00:03.5"), (dt.timedelta(seconds=-90), "-00:01:30"),
        (np.timedelta64(90, "s"), "00:01:30"), (b"caf\xc3\xa9", "café"), (memoryview(b"abc"), "abc"), (bytearray(b""), None),
        ([1, None, "é", True], '[1, null, "é", true]'), ((), "[]"), ({"b": 1, "a": [Decimal("1.10")]}, '{"a": [1.10], "b": 1}'),
        (Point(1, 2), "[1, 2]"), ({3, 1, 2}, "[1, 2, 3]"), (np.array([[1.5, np.nan], [2, 3]]), "[[1.5, null], [2.0, 3.0]]"),
        (OrderedDict(at=dt.date(2026, 1, 2), id=uuid.UUID(int=5)), '{"at": "2026-01-02", "id": "00000000-0000-0000-0000-000000000005"}'),
        ([pd.NA, pd.NaT, np.datetime64("2026-01-02T03:04"), np.int64(2**62)], '[null, null, "2026-01-02 03:04:00", 4611686018427387904]'),
        (b"\xff\x00", "misfit: binary data"), (b"a\x00b", "misfit: binary data"), (Plain(), "misfit: a Python Plain"),
        (Plain, "misfit: a Python type"), (len, "misfit: a Python builtin_function_or_method"), ([Plain()], "misfit: a Python Plain"),
        (CIRCLE, "misfit: a list"), (NESTED, "misfit: a list"), (iter([]), "misfit: a Python list_iterator"),
    ],
    ids=name_of,
)  # fmt: skip
def test_text_is_what_the_database_says_not_what_python_says(value: Any, expected: Any) -> None:
    assert converted(value, TEXT) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": None}, '{"a": null, "b": 1}'), ('{"b":1,"a":null}', '{"a": null, "b": 1}'), ([], "[]"), ("[ ]", "[]"),
        ("plain text", '"plain text"'), ("", None), ("null", None), (None, None), (True, "true"), (5, "5"), ("5", "5"),
        ('[12345678901234567.89, 9007199254740993]', "[12345678901234567.89, 9007199254740993]"), ({1: 2}, '{"1": 2}'),
        ([float("inf"), float("nan")], '["Infinity", null]'), ("[" * 100_000, "misfit: text"),
        ({"a": "\x00\ud800"}, '{"a": "\\u0000\ufffd"}'), ([b"\xff"], "misfit: a list"),
    ],
    ids=name_of,
)  # fmt: skip
def test_json_has_one_form_whatever_the_driver_gives(value: Any, expected: Any) -> None:
    assert converted(value, JSON) == expected


OUTSIDE = "misfit: a moment outside the years 1 to 9999"


@pytest.mark.parametrize(
    ("value", "day", "moment"),
    [
        (dt.date(2026, 7, 1), 46204, 46204),
        (dt.datetime(2026, 7, 1, 10), 46204, 46204.5),
        (dt.datetime(2026, 7, 1, 23, tzinfo=dt.timezone(dt.timedelta(hours=-5))), 46204, 46205.25),
        ("2026-07-01", 46204, 46204),
        ("2026-07-01T10:00:00Z", 46204, 46204.5),
        ("2026-07-01 10:00:00.000000", 46204, 46204.5),
        (np.datetime64("2026-07-01T10:00"), 46204, 46204.5),
        (pd.Timestamp("2026-07-01T10:00Z"), 46204, 46204.5),
        (pd.Period("2026-07-01", "D"), 46204, 46204),
        ("", None, None),
        (pd.NaT, None, None),
        (dt.date(1, 1, 1), -693593, -693593),
        (dt.date.max, 2958465, 2958465),
        ("0000-00-00", "misfit: a date that does not exist", "misfit: a date that does not exist"),
        ("2026-02-30", "misfit: a date that does not exist", "misfit: a date that does not exist"),
        ("infinity", "misfit: text that is not an ISO date", "misfit: text that is not an ISO date"),
        ("10000-01-01", "misfit: text that is not an ISO date", "misfit: text that is not an ISO date"),
        ("01/02/2026", "misfit: text that is not an ISO date", "misfit: text that is not an ISO date"),
        (np.datetime64("12000-01-01"), OUTSIDE, OUTSIDE),
        (dt.datetime.max.replace(tzinfo=dt.timezone(dt.timedelta(hours=-1))), 2958465, OUTSIDE),
        (pd.Period("2026-07", "M"), "misfit: a Python Period", "misfit: a Python Period"),
        (20260701, "misfit: a whole number", "misfit: a whole number"),
        (b"2026-07-01", "misfit: binary data", "misfit: binary data"),
        (dt.time(9), "misfit: a time of day", "misfit: a time of day"),
    ],
    ids=name_of,
)
def test_dates_and_moments(value: Any, day: Any, moment: Any) -> None:
    assert (converted(value, DATE), converted(value, DATETIME)) == (day, moment)


def test_a_column_of_timestamps_with_one_out_of_reach_sets_only_that_one_aside() -> None:
    moments = np.array(["2026-07-01T10:00", "12000-01-01", "NaT"], dtype="datetime64[us]")
    cells, misfits = to_cells(pd.Series(moments), DATETIME, BERLIN)
    assert cells == [46204.5, None, None]
    assert misfits == {1: "a moment outside the years 1 to 9999"}


@pytest.mark.parametrize(
    "dtype", ["int64", "Int64", "float64", "Float64", "float32", "Float32", "object", "int64[pyarrow]"]
)
@pytest.mark.parametrize("column_type", [TEXT, INTEGER, DECIMAL])
def test_the_same_numbers_are_the_same_cells_in_whatever_dtype_they_come(dtype: str, column_type: ColumnType) -> None:
    if dtype.endswith("[pyarrow]"):
        pytest.importorskip("pyarrow")
    cells, misfits = to_cells(pd.Series([1, 0, 42], dtype=dtype), column_type, BERLIN)
    assert not misfits
    assert cells == (["1", "0", "42"] if column_type is TEXT else [1, 0, 42])
    assert {type(cell) for cell in cells} == {str if column_type is TEXT else int}


@pytest.mark.parametrize("dtype", ["Float32", "float32"])
def test_narrow_floats_gain_no_digits(dtype: str) -> None:
    assert to_cells(pd.Series([0.1, np.nan], dtype=dtype), DECIMAL, BERLIN) == ([0.1, None], {})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text() | st.binary() | st.dates()
    | st.datetimes(timezones=st.none() | st.just(dt.UTC)) | st.times() | st.timedeltas() | st.uuids() | st.complex_numbers()
    | st.sampled_from([pd.NA, pd.NaT, Plain(), Hostile, Colour.RED, np.float32(1.5), np.datetime64("NaT"), len]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3) | st.tuples(inner),
    max_leaves=4,
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ANYTHING, min_size=1, max_size=4), st.sampled_from(list(ColumnType)))
def test_no_object_of_a_frame_fails_its_tab(values: list[Any], column_type: ColumnType) -> None:
    objects = np.empty(len(values), dtype=object)
    objects[:] = [None] * len(values)
    for i, value in enumerate(values):
        objects[i] = Hostile() if value is Hostile else value
    held = pd.Series(objects, dtype=object)  # else pandas looks at them itself
    cells, misfits = to_cells(held, column_type, BERLIN)
    assert len(cells) == len(values)
    assert {type(cell) for cell in cells} <= {str, int, float, bool, type(None)}
    assert all(cells[i] is None for i in misfits)
    assert cells == to_cells(held, column_type, BERLIN)[0], "the same values are the same cells at every sync"
    assert all(isinstance(shown(value), str) for value in objects)


@settings(max_examples=100, deadline=None)
@given(st.integers(-(2**53), 2**53 - 1))
def test_whole_numbers_are_told_apart_to_the_last_digit(number: int) -> None:
    assert not same_cell(number, number + 1)
    assert same_cell(number, number)


TAB = Tab("T", ("id",), (Column("id", INTEGER), Column("n", INTEGER), Column("ok", BOOLEAN)))


def test_a_row_is_set_aside_for_its_value_and_names_key_column_and_kind() -> None:
    frame = pd.DataFrame(
        {"id": ["1", "2", "x-9", "4"], "n": [1, "secret", 3, 4], "ok": ["yes", "no", "no", "Learner 1"]}
    )
    rows = rows_from_frame(TAB, frame, BERLIN)
    assert rows.keys == ["1"]
    assert {(row.key, row.reason) for row in rows.set_aside} == {
        ("2", "n holds text, where a whole number was expected"),
        ("", "id holds text, where a whole number was expected"),
        ("4", "ok holds text, where true or false was expected"),
    }
    assert rows.held == {"2", "4"}
