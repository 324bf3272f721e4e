"""Values of the database as cells, exactly as the Sheets API gives them back.

A cell is ``str | int | float | bool | None``: what ``values.get`` answers for ``UNFORMATTED_VALUE`` and
``SERIAL_NUMBER``, with None for blank. So the wanted and the present can be compared as they are.
"""

import re
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from math import isinf, isnan
from typing import Any

import pandas as pd

from sheets_pipeline.sync.tab import ColumnType

Cell = str | int | float | bool | None

#: Longest text of one cell, in UTF-16 code units. Source: https://support.google.com/drive/answer/37603
MAX_CELL_CHARACTERS = 50_000

#: Beyond this, a double no longer holds every integer.
MAX_EXACT_INTEGER = 2**53

_EPOCH = datetime(1899, 12, 30)
_UNSENDABLE = re.compile("[\x00\ud800-\udfff]")
_MICROSECONDS_PER_DAY = 86_400_000_000
_EPOCH_MICROSECONDS = (_EPOCH - datetime(1970, 1, 1)).days * _MICROSECONDS_PER_DAY


def to_cells(values: "pd.Series[Any]", column_type: ColumnType, time_zone: tzinfo) -> list[Cell]:
    """Turn one column of a frame into cells; ``time_zone`` is the spreadsheet's.

    None, NaN, NaT and the empty text are blank: a spreadsheet knows no difference between them.
    """
    if column_type is ColumnType.DATETIME and values.dtype.kind == "M":
        return _datetime_cells(values, time_zone)
    present = values.astype(object).where(values.notna(), None).tolist()
    if column_type is ColumnType.DATETIME:
        return [None if value is None else _datetime_cell(value, time_zone) for value in present]
    convert = _CONVERTERS[column_type]
    return [None if value is None else convert(value) for value in present]


def text_cell(value: Any) -> Cell:
    """Text as it is; what JSON or the API cannot carry (NUL, lone surrogates) becomes U+FFFD."""
    text = value if type(value) is str else str(value)
    if _UNSENDABLE.search(text):
        text = _UNSENDABLE.sub("\ufffd", text)
    return text or None


def number_cell(value: Any) -> Cell:
    """A number where a double holds it exactly, else its digits as text: no digit is lost silently."""
    if type(value) is float:
        return _float_cell(value)
    if isinstance(value, Decimal):
        return _decimal_cell(value)
    if isinstance(value, str):
        return _decimal_cell(Decimal(value))
    if isinstance(value, float):
        return _float_cell(float(value))
    number = int(value)
    return number if abs(number) <= MAX_EXACT_INTEGER else str(number)


def _float_cell(value: float) -> Cell:
    if isnan(value):
        return None
    if isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return int(value) if value.is_integer() and abs(value) <= MAX_EXACT_INTEGER else value


def _decimal_cell(value: Decimal) -> Cell:
    if not value.is_finite():
        return None if value.is_nan() else ("Infinity" if value > 0 else "-Infinity")
    as_float = float(value)
    if isinf(as_float) or Decimal(repr(as_float)) != value:
        return format(value, "f")
    return _float_cell(as_float)


def _date_cell(value: Any) -> Cell:
    if isinstance(value, datetime):
        value = value.date()
    if not isinstance(value, date):
        value = date.fromisoformat(str(value))
    days: int = (value - _EPOCH.date()).days
    return days


def _datetime_cells(values: "pd.Series[Any]", time_zone: tzinfo) -> list[Cell]:
    """The same as ``_datetime_cell`` for a whole column of timestamps at once."""
    aware = values if values.dt.tz is not None else values.dt.tz_localize(UTC)
    wall = aware.dt.tz_convert(time_zone).dt.tz_localize(None).astype("datetime64[us]")
    days = (wall.astype("int64") - _EPOCH_MICROSECONDS) / _MICROSECONDS_PER_DAY
    blank = values.isna().tolist()
    return [
        None if is_blank else int(day) if day.is_integer() else day
        for day, is_blank in zip(days.tolist(), blank, strict=True)
    ]


def _datetime_cell(value: Any, time_zone: tzinfo) -> Cell:
    moment = value.to_pydatetime(warn=False) if isinstance(value, pd.Timestamp) else value
    if not isinstance(moment, datetime):
        moment = datetime.fromisoformat(str(moment))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    wall = moment.astimezone(time_zone).replace(tzinfo=None) - _EPOCH
    microseconds = wall.days * _MICROSECONDS_PER_DAY + wall.seconds * 1_000_000 + wall.microseconds
    serial = microseconds / _MICROSECONDS_PER_DAY
    return int(serial) if serial.is_integer() else serial


_CONVERTERS: dict[ColumnType, Any] = {
    ColumnType.TEXT: text_cell,
    ColumnType.INTEGER: number_cell,
    ColumnType.DECIMAL: number_cell,
    ColumnType.PERCENT: number_cell,
    ColumnType.BOOLEAN: bool,
    ColumnType.DATE: _date_cell,
}


def same_cell(wanted: Cell, found: Cell) -> bool:
    """Whether a cell needs no write.

    A truth value is never a number. Numbers may differ in what no double can tell apart in 15 digits, which is how far
    Sheets shows them; line ends may come back as ``\\n``.
    """
    if isinstance(wanted, bool) or isinstance(found, bool):
        return wanted is found
    if wanted == found:
        return True
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return abs(wanted - found) <= 2e-15 * max(abs(wanted), abs(found))
    if isinstance(wanted, str) and isinstance(found, str):
        return _one_newline(wanted) == _one_newline(found)
    return _is_blank(wanted) and _is_blank(found)


def _is_blank(cell: Cell) -> bool:
    return cell is None or cell == ""


def _one_newline(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def characters(text: str) -> int:
    """Length in UTF-16 code units, the longer of the two ways to count."""
    return len(text) + sum(1 for c in text if c > "\uffff") if not text.isascii() else len(text)


def key_of(cell: Cell) -> str:
    """A key cell as text, the same for 5, 5.0 and ``"5"``; blank for None."""
    if type(cell) is str:
        return cell.strip()
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


#: Between the parts of a composite key; cannot be typed into a cell.
KEY_SEPARATOR = "\x1f"


def row_keys(key_columns: list[list[Cell]]) -> list[str]:
    """One text per row that identifies it; blank where every part is blank."""
    if len(key_columns) == 1:
        return [key_of(cell) for cell in key_columns[0]]
    keys = (KEY_SEPARATOR.join(map(key_of, parts)) for parts in zip(*key_columns, strict=True))
    return ["" if not key.strip(KEY_SEPARATOR) else key for key in keys]


def from_serial(days: float) -> datetime:
    """A naive wall-clock ``datetime`` in the spreadsheet's time zone, to the microsecond.

    Args:
        days: Days since 1899-12-30; the fraction is the time of day.

    Source: https://developers.google.com/workspace/sheets/api/reference/rest/v4/DateTimeRenderOption
    """
    return _EPOCH + pd.Timedelta(microseconds=round(days * _MICROSECONDS_PER_DAY)).to_pytimedelta()
