"""JSON text of what a database gives for json and array columns: the same value, the same text, no digit lost."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from math import isfinite, isnan
from typing import Any

import numpy as np
import pandas as pd

#: Beyond this many digits a number is written with its exponent.
_MOST_DIGITS = 1_000


def json_text(value: Any, plain: Callable[[Any], str]) -> str:
    """Canonical JSON: keys in order, numbers with all their digits.

    Args:
        value: Of mappings, sequences, sets, numpy arrays and single values, nested at will.
        plain: Gives the text of a single value that JSON has no word for (a date, a UUID); may raise.

    Raises:
        RecursionError: It holds itself, or is nested too deeply.
    """
    value = unwrapped(value)
    if value is None or value is pd.NA or value is pd.NaT or is_nan(value):
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float) and is_finite(value):
        return repr(float(value))
    if isinstance(value, Decimal) and is_finite(value):
        return digits(value)
    if isinstance(value, Mapping):
        items = sorted((key if type(key) is str else plain(key), json_text(item, plain)) for key, item in value.items())
        return "{" + ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {text}" for name, text in items) + "}"
    if is_many(value):
        texts = [json_text(item, plain) for item in value]
        return "[" + ", ".join(sorted(texts) if isinstance(value, set | frozenset) else texts) + "]"
    return json.dumps(plain(value), ensure_ascii=False)


def parsed(text: str) -> Any:
    """What a JSON text says, with all digits of its numbers; a text that is no JSON stands for itself."""
    try:
        return json.loads(text, parse_float=Decimal, parse_int=Decimal)
    except json.JSONDecodeError:
        return text


def unwrapped(value: Any) -> Any:
    """The value of an Enum; a scalar of numpy's as Python's own."""
    if isinstance(value, Enum):
        return value.value
    if not isinstance(value, np.generic) or isinstance(value, str | bytes | float):
        return value
    if isinstance(value, np.datetime64):
        return pd.Timestamp(value)
    if isinstance(value, np.timedelta64):
        return pd.Timedelta(value)
    if isinstance(value, np.floating):  # as it is written: 0.1 in four bytes is 0.1, not 0.10000000149011612
        return Decimal(str(value)) if isinstance(value, np.longdouble) else float(str(value))
    return value.item()


def is_many(value: Any) -> bool:
    """Whether a value is a list of others in whatever form drivers and pandas have for it."""
    return isinstance(value, list | tuple | set | frozenset | np.ndarray)


def is_finite(number: float | Decimal) -> bool:
    """Whether a number is neither infinite nor NaN, of any kind and size."""
    return number.is_finite() if isinstance(number, Decimal) else isfinite(number)


def is_nan(value: Any) -> bool:
    """Whether a value is the number that is none."""
    return value.is_nan() if isinstance(value, Decimal) else isinstance(value, float) and isnan(value)


def digits(value: Decimal) -> str:
    """A finite number with all its digits, without an exponent as long as it can be read so."""
    return format(value, "f") if abs(value.adjusted()) < _MOST_DIGITS else str(value)
