"""A column of a frame as cells: whole columns at once where their type is plain, value by value where it is not."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import numpy as np
import pandas as pd

from sheets_pipeline.sync.cells import EPOCH, MAX_EXACT_INTEGER, MICROSECONDS_PER_DAY, Cell
from sheets_pipeline.sync.tab import ColumnType
from sheets_pipeline.sync.values import UNSENDABLE, Misfit, converter, kind_of

_EPOCH_MICROSECONDS = (EPOCH - datetime(1970, 1, 1)).days * MICROSECONDS_PER_DAY
#: Serial numbers of the years 1 to 9999.
_FIRST_DAY, _LAST_DAY = -693_593, 2_958_465
_NUMBERS = {ColumnType.INTEGER, ColumnType.DECIMAL, ColumnType.PERCENT}

#: Row → the kind of value found there, which cannot be what its column says.
Misfits = dict[int, str]


def to_cells(values: "pd.Series[Any]", column_type: ColumnType, time_zone: tzinfo) -> tuple[list[Cell], Misfits]:
    """Turn one column of a frame into cells; ``time_zone`` is the spreadsheet's.

    None, NaN, NaT and the empty text are blank: a spreadsheet knows no difference between them. So is a value that
    cannot be what the column says, which is listed apart. Whatever object a frame holds, nothing is raised.
    """
    if (cells := _plain_column(values, column_type, time_zone)) is not None:
        return cells, {}
    present = _as_objects(values)
    if (cells := _plain_objects(present, column_type)) is not None:
        return cells, {}
    return _one_by_one(present, converter(column_type, time_zone))


def _as_objects(values: "pd.Series[Any]") -> list[Any]:
    """Python objects, None where a value is missing."""
    if _is_narrow(values):  # as they are written, not as a double shows them
        numbers = (
            values.to_numpy() if isinstance(values.dtype, np.dtype) else values.to_numpy(np.float32, na_value=np.nan)
        )
        return [None if text == "nan" else float(text) for text in map(str, numbers)]
    objects = np.array(
        values.array, dtype=object
    )  # one of its own: with series, pandas copies what a frame knows each time
    try:
        objects[pd.isna(objects)] = None
    except Exception:  # pandas asks the objects whether they equal themselves, and those may raise anything
        return [None if value is pd.NA or value is pd.NaT else value for value in objects]
    cells: list[Any] = objects.tolist()
    return cells


def _is_narrow(values: "pd.Series[Any]") -> bool:
    return values.dtype.kind == "f" and getattr(values.dtype, "itemsize", 8) < 8


def _one_by_one(values: Sequence[Any], convert: Callable[[Any], Cell]) -> tuple[list[Cell], Misfits]:
    cells: list[Cell] = []
    misfits: Misfits = {}
    for i, value in enumerate(values):
        cell = None
        try:
            cell = None if value is None else convert(value)
        except Misfit as misfit:
            misfits[i] = misfit.kind
        except Exception:  # a value's own methods are asked, and may raise anything
            misfits[i] = kind_of(value)
        cells.append(cell)
    return cells, misfits


def _plain_column(values: "pd.Series[Any]", column_type: ColumnType, time_zone: tzinfo) -> list[Cell] | None:
    """Cells of a column whose dtype is that of the declared type; None where values must be looked at singly."""
    if isinstance(values.dtype, pd.ArrowDtype | pd.SparseDtype):
        return None
    kind = values.dtype.kind
    if kind == "M" and column_type is ColumnType.DATETIME:
        return _datetimes(values, time_zone)
    if kind == "b" and column_type is ColumnType.BOOLEAN:
        return _as_objects(values) if values.hasnans else values.tolist()
    if kind in "iu" and column_type in _NUMBERS:
        return _integers(values)
    if kind == "f" and column_type in _NUMBERS and not _is_narrow(values):
        return _floats(values, column_type)
    return None


def _plain_objects(values: list[Any], column_type: ColumnType) -> list[Cell] | None:
    """Cells of objects that are all of the one Python type that the declared type has."""
    types = set(map(type, values)) - {type(None)}
    if column_type is ColumnType.TEXT and types <= {str}:
        if UNSENDABLE.search("".join(filter(None, values))):
            return None
        return [value or None for value in values]
    if column_type is ColumnType.BOOLEAN and types <= {bool}:
        return values
    return None


def _integers(values: "pd.Series[Any]") -> list[Cell] | None:
    if not len(known := values.dropna()):
        return [None] * len(values)
    if known.max() > MAX_EXACT_INTEGER or known.min() < -MAX_EXACT_INTEGER:
        return None
    if len(known) == len(values):
        return values.tolist()
    numbers = values.fillna(0).tolist()
    return [None if missing else number for number, missing in zip(numbers, values.isna().tolist(), strict=True)]


def _floats(values: "pd.Series[Any]", column_type: ColumnType) -> list[Cell] | None:
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    is_missing = np.isnan(numbers)
    is_whole = (np.floor(numbers) == numbers) & (np.abs(numbers) <= MAX_EXACT_INTEGER)
    if np.isinf(numbers).any():
        return None
    if column_type is ColumnType.INTEGER and not (is_missing | is_whole & (np.abs(numbers) < MAX_EXACT_INTEGER)).all():
        return None
    return [
        int(number) if whole else None if missing else number
        for number, whole, missing in zip(numbers.tolist(), is_whole.tolist(), is_missing.tolist(), strict=True)
    ]


def _datetimes(values: "pd.Series[Any]", time_zone: tzinfo) -> list[Cell] | None:
    try:
        aware = values if values.dt.tz is not None else values.dt.tz_localize(UTC)
        wall = aware.dt.tz_convert(time_zone).dt.tz_localize(None).astype("datetime64[us]")
    except (OverflowError, ValueError, NotImplementedError):  # a moment beyond what pandas can shift
        return None
    days = (wall.to_numpy().astype("int64") - _EPOCH_MICROSECONDS) / MICROSECONDS_PER_DAY
    is_missing = wall.isna().to_numpy()
    if not (is_missing | (days >= _FIRST_DAY) & (days < _LAST_DAY + 1)).all():
        return None
    return [
        None if missing else int(day) if day.is_integer() else day
        for day, missing in zip(days.tolist(), is_missing.tolist(), strict=True)
    ]
