"""JSON values as scalar fields of a protocol buffer take them, and the text form of free values.

See https://protobuf.dev/programming-guides/json/
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

_INTEGER = re.compile(r"-?[0-9]+(\.0*)?")


def read_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def read_boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


def read_integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and not value.is_integer():
        return None
    if isinstance(value, str):
        if not _INTEGER.fullmatch(value):
            return None
        value = float(value)
    if not isinstance(value, int | float) or not -(2**31) <= value < 2**31:
        return None
    return int(value)


def read_number(value: Any) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not math.isnan(value) else None


#: By the ``type`` of a discovery document; each gives None for what does not fit.
READERS: Mapping[str, Callable[[Any], Any]] = {
    "string": read_text,
    "boolean": read_boolean,
    "integer": read_integer,
    "number": read_number,
}


def dump_value(value: Any, depth: int = 0) -> str:
    """The text form of a ``google.protobuf.Value``."""
    pad = "  " * depth
    match value:
        case None:
            return f"{pad}null_value: NULL_VALUE\n"
        case bool():
            return f"{pad}bool_value: {str(value).lower()}\n"
        case int() | float():
            number = int(value) if float(value).is_integer() else value
            return f"{pad}number_value: {number}\n"
        case str():
            return f"{pad}string_value: {orjson.dumps(value).decode()}\n"
        case list():
            inner = "".join(f"{pad}  values {{\n{dump_value(item, depth + 2)}{pad}  }}\n" for item in value)
            return f"{pad}list_value {{\n{inner}{pad}}}\n"
    fields = "".join(
        f"{pad}  fields {{\n{pad}    key: {orjson.dumps(key).decode()}\n{pad}    value {{\n"
        f"{dump_value(item, depth + 3)}{pad}    }}\n{pad}  }}\n"
        for key, item in sorted(value.items())
    )
    return f"{pad}struct_value {{\n{fields}{pad}}}\n"
