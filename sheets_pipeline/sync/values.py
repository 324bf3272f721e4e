"""One value of the database as one cell: what is clear converts, what is not is refused with the kind of value found.

Every function here takes a value that is not NULL and gives its cell, or raises ``Misfit``. A message never holds the
value itself.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from math import isinf
from typing import Any

import numpy as np
import pandas as pd

from sheets_pipeline.sync.cells import EPOCH, MAX_CELL_CHARACTERS, MAX_EXACT_INTEGER, MICROSECONDS_PER_DAY, Cell
from sheets_pipeline.sync.json_text import digits, is_finite, is_many, is_nan, json_text, parsed, unwrapped
from sheets_pipeline.sync.tab import ColumnType

#: What neither JSON nor the API can carry.
UNSENDABLE = re.compile("[\x00\ud800-\udfff]")

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_NO_NUMBERS = {"nan": None, "infinity": "Infinity", "+infinity": "Infinity", "-infinity": "-Infinity"}
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d[\d:.+Z -]*)?", re.ASCII)
_TRUTH = dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True)
_TRUTH |= dict.fromkeys(("false", "f", "no", "n", "off", "0"), False)

LOST_DIGITS = (
    "a float beyond 2^53, which may have lost digits when the rows were read (pandas makes floats of whole numbers "
    "beside NULL; `read_frame` does not)"
)

EXPECTED = {
    ColumnType.TEXT: "text",
    ColumnType.INTEGER: "a whole number",
    ColumnType.DECIMAL: "a number",
    ColumnType.PERCENT: "a number",
    ColumnType.BOOLEAN: "true or false",
    ColumnType.DATE: "a date",
    ColumnType.DATETIME: "a date and time",
    ColumnType.JSON: "json",
}


class Misfit(Exception):
    """A value that cannot be what its column says. ``kind`` says what it is instead: "text", "infinity" ..."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(kind)


def converter(column_type: ColumnType, time_zone: tzinfo) -> Callable[[Any], Cell]:
    """What turns a value of a column of this type into its cell; ``time_zone`` is the spreadsheet's."""
    if column_type is ColumnType.DATETIME:
        return lambda value: datetime_cell(value, time_zone)
    return _CONVERTERS[column_type]


# Text and json ---------------------------------------------------------------------------------------------------------


def text_cell(value: Any) -> Cell:
    """Text as it is; what JSON or the API cannot carry (NUL, lone surrogates) becomes U+FFFD."""
    text = value if type(value) is str else _text(value)
    if UNSENDABLE.search(text):
        text = UNSENDABLE.sub("\ufffd", text)
    return text or None


def json_cell(value: Any) -> Cell:
    """Canonical JSON text; a text that is JSON already is brought into this form, too."""
    if isinstance(value, str):
        if not value.strip():
            return None
        value = parsed(value)
        if value is None:
            return None
    return text_cell(json_text(value, _text))


def _text(value: Any) -> str:
    value = unwrapped(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, timedelta):
        return _duration_text(pd.Timedelta(value))
    if isinstance(value, float | Decimal):
        return _number_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _decoded(value)
    if isinstance(value, Mapping) or is_many(value):
        return json_text(value, _text)
    if getattr(type(value), "__str__", None) is object.__str__:  # its address in memory: another text at every sync
        raise Misfit(kind_of(value))
    return str.__str__(str(value))


def _number_text(number: float | Decimal) -> str:
    if not is_finite(number):
        return _unbounded(number) or ""
    if isinstance(number, Decimal):
        return digits(number)
    if number.is_integer():  # a whole number that was read as a float, as pandas does beside NULL
        return str(_whole_float(number))
    return digits(Decimal(repr(number)))


def _decoded(value: bytes | bytearray | memoryview) -> str:
    text = bytes(value).decode()
    if any(c < " " and c not in "\t\r\n" for c in text):
        raise Misfit(kind_of(value))
    return text


def _duration_text(value: pd.Timedelta) -> str:
    """``26:03:04``, as databases and spreadsheets write it."""
    seconds, microseconds = divmod(abs(value) // pd.Timedelta(microseconds=1), 1_000_000)
    hours, rest = divmod(seconds, 3600)
    fraction = f".{microseconds:06}".rstrip("0") if microseconds else ""
    return f"{'-' if value < pd.Timedelta(0) else ''}{hours:02}:{rest // 60:02}:{rest % 60:02}{fraction}"


# Numbers and truth values ------------------------------------------------------------------------------------------------


def integer_cell(value: Any) -> Cell:
    """A whole number; as text beyond 2^53, where a double does not hold every one of them."""
    number = _number(value)
    if number is None or isinstance(number, str):
        if number is None:
            return None
        raise Misfit("infinity")
    if isinstance(number, float):
        if not number.is_integer():
            raise Misfit("a number with decimals")
        number = _whole_float(number)
    elif isinstance(number, Decimal):
        if number.adjusted() > MAX_CELL_CHARACTERS or number != number.to_integral_value():
            raise Misfit("a number with decimals" if number.adjusted() < MAX_CELL_CHARACTERS else "a huge number")
        number = int(number)
    return number if abs(number) <= MAX_EXACT_INTEGER else str(number)


def decimal_cell(value: Any) -> Cell:
    """A number where a double holds it exactly, else its digits as text: no digit is lost silently."""
    number = _number(value)
    if isinstance(number, Decimal):
        as_float = float(number)
        if isinf(as_float) or Decimal(repr(as_float)) != number:
            return digits(number)
        number = as_float
    if isinstance(number, float):
        return int(number) if number.is_integer() and abs(number) <= MAX_EXACT_INTEGER else number
    if isinstance(number, int):
        return number if abs(number) <= MAX_EXACT_INTEGER else str(number)
    return number


def boolean_cell(value: Any) -> Cell:
    """True and false in the ways in which databases write them; MySQL's BIT(1) is a byte."""
    value = unwrapped(value)
    if isinstance(value, bool):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        as_bytes = bytes(value)
        value = as_bytes[0] if as_bytes in (b"\x00", b"\x01") else as_bytes.decode()
    if isinstance(value, str):
        text = str.__str__(value).strip().lower()
        if not text:
            return None
        if text not in _TRUTH:
            raise Misfit("text")
        return _TRUTH[text]
    number = _number(value)
    if number is not None and number not in (0, 1):
        raise Misfit("a number that is neither 0 nor 1")
    return None if number is None else bool(number)


def _number(value: Any) -> int | float | Decimal | str | None:
    """A finite number; the text of an infinite one; None for NaN and empty text."""
    value = unwrapped(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        text = str.__str__(value).strip()
        if text.lower() in _NO_NUMBERS or not text:
            return _NO_NUMBERS.get(text.lower())
        if not _NUMBER.fullmatch(text):
            raise Misfit("text")
        return Decimal(text)
    if not isinstance(value, float | Decimal):
        raise Misfit(kind_of(value))
    return value if is_finite(value) else _unbounded(value)


def _unbounded(number: float | Decimal) -> str | None:
    """NaN is blank."""
    if is_nan(number):
        return None
    return "Infinity" if number > 0 else "-Infinity"


def _whole_float(value: float) -> int:
    if abs(value) >= MAX_EXACT_INTEGER:
        raise Misfit(LOST_DIGITS)
    return int(value)


# Dates -------------------------------------------------------------------------------------------------------------------


def date_cell(value: Any) -> Cell:
    """A day, the one that the value itself names, whatever its time zone."""
    moment = _moment(value)
    if moment is None:
        return None
    day = moment.date() if isinstance(moment, datetime) else moment
    return (day - EPOCH.date()).days


def datetime_cell(value: Any, time_zone: tzinfo) -> Cell:
    """A moment as the spreadsheet's clock shows it; one without time zone is UTC, a mere day begins there at midnight."""
    moment = _moment(value)
    if moment is None:
        return None
    if not isinstance(moment, datetime):
        return (moment - EPOCH.date()).days
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    try:
        wall = aware.astimezone(time_zone).replace(tzinfo=None) - EPOCH
    except OverflowError:
        raise Misfit("a moment outside the years 1 to 9999") from None
    serial = (wall // timedelta(microseconds=1)) / MICROSECONDS_PER_DAY
    return int(serial) if serial.is_integer() else serial


def _moment(value: Any) -> date | None:
    """A ``datetime``, or a ``date`` where no time is given; None for empty text."""
    value = unwrapped(value)
    if isinstance(value, pd.Period) and value.freqstr == "D":
        value = value.to_timestamp().date()
    if isinstance(value, str):
        return _parsed_moment(str.__str__(value).strip())
    try:
        if isinstance(value, pd.Timestamp):
            return value.to_pydatetime(warn=False)
    except ValueError:
        raise Misfit("a moment outside the years 1 to 9999") from None
    if isinstance(value, date):
        return value
    raise Misfit(kind_of(value))


def _parsed_moment(text: str) -> date | None:
    if not text:
        return None
    if not _ISO.fullmatch(text):
        raise Misfit("text that is not an ISO date")
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        raise Misfit("a date that does not exist") from None


# Kinds -------------------------------------------------------------------------------------------------------------------

_KINDS: list[tuple[Any, str]] = [
    (str, "text"),
    (bool, "true or false"),
    (int, "a whole number"),
    (float | Decimal, "a number"),
    (datetime, "a date and time"),
    (date, "a date"),
    (time, "a time of day"),
    (timedelta, "a length of time"),
    (bytes | bytearray | memoryview, "binary data"),
    (Mapping, "a json object"),
    (list | tuple | set | frozenset | np.ndarray, "a list"),
]


def kind_of(value: Any) -> str:
    """What a value is, never which: fit for a message."""
    try:
        value = unwrapped(value)
        return next(kind for types, kind in _KINDS if isinstance(value, types))
    except Exception:  # none of these, or an object that lets nobody ask what it is
        return f"a Python {type(value).__name__}"


def shown(value: Any) -> str:
    """Any object of a frame as text for people, whatever its own methods do; blank where it is missing."""
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    try:
        return str(text_cell(value) or "")
    except Exception:  # a value's own methods are asked, and may raise anything
        return f"({kind_of(value)})"


_CONVERTERS: dict[ColumnType, Callable[[Any], Cell]] = {
    ColumnType.TEXT: text_cell,
    ColumnType.INTEGER: integer_cell,
    ColumnType.DECIMAL: decimal_cell,
    ColumnType.PERCENT: decimal_cell,
    ColumnType.BOOLEAN: boolean_cell,
    ColumnType.DATE: date_cell,
    ColumnType.JSON: json_cell,
}
