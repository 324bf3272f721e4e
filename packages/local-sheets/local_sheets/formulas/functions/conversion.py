"""Values under other types, formats and units, and tests of what they are."""

import math
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from local_sheets.cell_values.model import CellError
from local_sheets.cell_values.number_format import is_date_format, render
from local_sheets.cell_values.user_entered import parse
from local_sheets.formulas.faults import Fault, out_of_range
from local_sheets.formulas.functions.numbers import round_to
from local_sheets.formulas.operands import (
    Array,
    Formatted,
    Operand,
    Range,
    Scalar,
    as_array,
    compare,
    format_of,
    is_number,
    raise_error,
    to_boolean,
    to_number,
    to_text,
)
from local_sheets.formulas.registry import lazy, operands, scalar
from local_sheets.formulas.syntax import Node


def _under_format(name: str) -> None:
    """TO_DATE and the like: a number under the format that the name implies, anything else as it is."""

    @scalar(name, 1)
    def run(_: Any, value: Scalar) -> Scalar:
        value = raise_error(value)
        return float(value) if type(value) is Formatted else value


for _name in ("TO_DATE", "TO_DOLLARS", "TO_PERCENT"):
    _under_format(_name)


@scalar("TO_PURE_NUMBER", 1)
def to_pure_number(_: Any, value: Scalar) -> Scalar:
    value = raise_error(value)
    return float(value) if type(value) is Formatted else value


@scalar("TO_TEXT", 1)
def to_to_text(e: Any, value: Scalar) -> Scalar:
    """A number as its cell shows it."""
    value = raise_error(value)
    if not is_number(value):
        return value
    return render(float(value) if type(value) is Formatted else value, format_of(value), e.locale)


def _comparison(name: str, holds: Callable[[int], bool]) -> None:
    @scalar(name, 2)
    def run(_: Any, one: Scalar, other: Scalar) -> bool:
        return holds(compare(one, other))


for _name, _holds in (
    ("EQ", lambda order: order == 0),
    ("NE", lambda order: order != 0),
    ("GT", lambda order: order > 0),
    ("GTE", lambda order: order >= 0),
    ("LT", lambda order: order < 0),
    ("LTE", lambda order: order <= 0),
):
    _comparison(_name, _holds)


@scalar("ISBETWEEN", 3, 5)
def is_between(
    _: Any, value: Scalar, low: Scalar, high: Scalar, with_low: Scalar = True, with_high: Scalar = True
) -> bool:
    from_low, from_high = compare(value, low), compare(value, high)
    above = from_low > 0 or (from_low == 0 and to_boolean(with_low, "ISBETWEEN", 4))
    return above and (from_high < 0 or (from_high == 0 and to_boolean(with_high, "ISBETWEEN", 5)))


EMAIL = re.compile(r"[^@\s,;<>()]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
URL = re.compile(
    r"(?:(?:https?|ftp|mailto|gopher)://)?[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}(?::\d+)?(?:[/?#]\S*)?"
)


@scalar("ISEMAIL", 1)
def is_email(_: Any, value: Scalar) -> bool:
    return isinstance(raise_error(value), str) and EMAIL.fullmatch(str(value)) is not None


@scalar("ISURL", 1)
def is_url(_: Any, value: Scalar) -> bool:
    return isinstance(raise_error(value), str) and URL.fullmatch(str(value)) is not None


@scalar("ISDATE", 1)
def is_date(e: Any, value: Scalar) -> bool:
    if isinstance(value, str):
        return is_date_format(parse(value.strip(), e.locale)[1])
    return is_date_format(format_of(value))


@scalar("ENCODEURL", 1)
def encode_url(_: Any, value: Scalar) -> str:
    return quote(to_text(value), safe="-_.~")


@scalar("FIXED", 1, 3)
def fixed(e: Any, value: Scalar, places: Scalar = 2, plain: Scalar = False) -> str:
    decimals = math.trunc(to_number(places, "FIXED", 2, e.locale))
    number = round_to(to_number(value, "FIXED", 1, e.locale), decimals)
    whole = "0" if to_boolean(plain, "FIXED", 3) else "#,##0"
    return render(
        number, {"type": "NUMBER", "pattern": whole + ("." + "0" * decimals if decimals > 0 else "")}, e.locale
    )


@scalar("UNICODE", 1)
def unicode_of(_: Any, value: Scalar) -> int:
    whole = to_text(value)
    if not whole:
        raise Fault(CellError("VALUE", "Function UNICODE parameter 1 value should be non-empty."))
    return ord(whole[0])


@scalar("UNICHAR", 1)
def unicode_character(e: Any, code: Scalar) -> str:
    number = math.trunc(to_number(code, "UNICHAR", 1, e.locale))
    if not 1 <= number <= 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        raise Fault(out_of_range("UNICHAR", 1, str(number), "It should be a Unicode code point."))
    return chr(number)


@scalar("ASC", 1)
def half_width(_: Any, value: Scalar) -> str:
    return "".join(
        chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else " " if c == "\u3000" else c for c in to_text(value)
    )


def _in_bytes(text: str) -> list[str]:
    """Characters, those of two bytes followed by an empty one."""
    return [part for char in text for part in ((char, "") if ord(char) > 0xFF else (char,))]


@scalar("LENB", 1)
def length_in_bytes(_: Any, value: Scalar) -> int:
    return len(_in_bytes(to_text(value)))


@scalar("LEFTB", 1, 2)
def left_bytes(e: Any, value: Scalar, count: Scalar = 1) -> str:
    return "".join(_in_bytes(to_text(value))[: math.trunc(to_number(count, "LEFTB", 2, e.locale))])


@scalar("RIGHTB", 1, 2)
def right_bytes(e: Any, value: Scalar, count: Scalar = 1) -> str:
    wanted = math.trunc(to_number(count, "RIGHTB", 2, e.locale))
    parts = _in_bytes(to_text(value))
    return "".join(parts[max(len(parts) - wanted, 0) :])


@scalar("MIDB", 3)
def middle_bytes(e: Any, value: Scalar, start: Scalar, count: Scalar) -> str:
    first = math.trunc(to_number(start, "MIDB", 2, e.locale)) - 1
    return "".join(_in_bytes(to_text(value))[first : first + math.trunc(to_number(count, "MIDB", 3, e.locale))])


@scalar("REPLACEB", 4)
def replace_bytes(e: Any, value: Scalar, start: Scalar, count: Scalar, new: Scalar) -> str:
    parts, first = _in_bytes(to_text(value, e.locale)), math.trunc(to_number(start, "REPLACEB", 2, e.locale)) - 1
    gone = math.trunc(to_number(count, "REPLACEB", 3, e.locale))
    if first < 0 or gone < 0:
        raise Fault(CellError("VALUE", "REPLACEB takes a place from 1 on, and a count that is not negative."))
    return "".join([*parts[:first], to_text(new, e.locale), *parts[first + gone :]])


@lazy("SINGLE", 1)
def single(e: Any, node: Node) -> Scalar:
    found: Scalar = e.scalar(node)
    return found


@operands("IMAGE", 1, 4)
def image(_: Any, *__: Operand) -> None:
    """Pictures are shown by nobody here; their cells are blank for who reads values, as Google's are."""


@operands("SPARKLINE", 1, 2)
def sparkline(_: Any, *__: Operand) -> None:
    """Likewise."""


@operands("COUNTBLANK", 1, None)
def count_blank(_: Any, *given: Operand) -> int:
    found = 0
    for operand in given:
        if isinstance(operand, Array | Range):
            found += sum(value in (None, "") for value in as_array(operand))
        else:
            found += operand in (None, "")
    return found


# -- units

_LENGTHS: dict[str, float] = {"m": 1, "mi": 1609.344, "Nmi": 1852, "in": 0.0254, "ft": 0.3048, "yd": 0.9144, "ang": 1e-10, "ell": 1.143,
            "ly": 9.46073047258e15, "parsec": 3.08567758128155e16, "pc": 3.08567758128155e16, "Pica": 0.0254 / 72,
            "pica": 0.0254 / 6, "survey_mi": 1609.347218694}  # fmt: skip
_MASSES: dict[str, float] = {"g": 1, "sg": 14593.9029372064, "lbm": 453.59237, "u": 1.660538782e-24, "ozm": 28.349523125,
           "grain": 0.06479891, "cwt": 45359.237, "shweight": 45359.237, "uk_cwt": 50802.34544, "lcwt": 50802.34544,
           "stone": 6350.29318, "ton": 907184.74, "uk_ton": 1016046.9088, "LTON": 1016046.9088, "brton": 1016046.9088,
           "hweight": 50802.34544}  # fmt: skip
_VOLUMES: dict[str, float] = {"l": 1, "L": 1, "lt": 1, "tsp": 0.00492892159375, "tspm": 0.005, "tbs": 0.01478676478125,
            "oz": 0.0295735295625, "cup": 0.2365882365, "pt": 0.473176473, "us_pt": 0.473176473, "uk_pt": 0.56826125,
            "qt": 0.946352946, "uk_qt": 1.1365225, "gal": 3.785411784, "uk_gal": 4.54609, "m3": 1000, "m^3": 1000,
            "in3": 0.016387064, "in^3": 0.016387064, "ft3": 28.316846592, "ft^3": 28.316846592, "yd3": 764.554857984,
            "yd^3": 764.554857984, "barrel": 158.987294928, "bushel": 35.23907016688}  # fmt: skip
_TIMES: dict[str, float] = {
    "s": 1,
    "sec": 1,
    "mn": 60,
    "min": 60,
    "hr": 3600,
    "day": 86_400,
    "d": 86_400,
    "yr": 31_557_600,
}
_OTHERS: tuple[dict[str, float], ...] = (
    {"Pa": 1, "p": 1, "atm": 101325, "at": 98066.5, "mmHg": 133.322, "psi": 6894.757293168, "Torr": 133.3223684211},
    {"N": 1, "dyn": 1e-5, "dy": 1e-5, "lbf": 4.4482216152605, "pond": 0.00980665},
    {"J": 1, "e": 1e-7, "c": 4.184, "cal": 4.1868, "eV": 1.602176487e-19, "ev": 1.602176487e-19,
     "HPh": 2684519.537696, "hh": 2684519.537696, "Wh": 3600, "wh": 3600, "flb": 1.3558179483314,
     "BTU": 1055.05585262, "btu": 1055.05585262},
    {"W": 1, "w": 1, "HP": 745.69987158227, "h": 745.69987158227, "PS": 735.49875},
    {"T": 1, "ga": 1e-4},
    {"m2": 1, "m^2": 1, "mi2": 2589988.110336, "mi^2": 2589988.110336, "in2": 0.00064516, "in^2": 0.00064516,
     "ft2": 0.09290304, "ft^2": 0.09290304, "yd2": 0.83612736, "yd^2": 0.83612736, "ar": 100, "ha": 10000,
     "uk_acre": 4046.8564224, "us_acre": 4046.87260987425, "Morgen": 2500},
    {"bit": 1, "byte": 8},
    {"m/s": 1, "m/sec": 1, "m/h": 1 / 3600, "m/hr": 1 / 3600, "mph": 0.44704, "kn": 1852 / 3600,
     "admkn": 0.514773333333333},
)  # fmt: skip
_KINDS: tuple[dict[str, float], ...] = (_LENGTHS, _MASSES, _VOLUMES, _TIMES, *_OTHERS)
#: Units that take a prefix, such as km.
_PREFIXED = {"m", "g", "u", "l", "L", "lt", "s", "sec", "Pa", "p", "atm", "at", "mmHg", "N", "dyn", "dy", "pond", "J", "e", "c", "cal",
             "eV", "ev", "Wh", "wh", "W", "w", "T", "ga", "m2", "m^2", "m3", "m^3", "bit", "byte", "ang", "ly", "parsec", "pc",
             "m/s", "m/sec", "m/h", "m/hr", "ar"}  # fmt: skip
_PREFIXES = {"Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "e": 1, "d": -1,
             "c": -2, "m": -3, "u": -6, "n": -9, "p": -12, "f": -15, "a": -18, "z": -21, "y": -24}  # fmt: skip
_BINARY = {"Yi": 80, "Zi": 70, "Ei": 60, "Pi": 50, "Ti": 40, "Gi": 30, "Mi": 20, "ki": 10}
#: Kelvin is ``(value + before) * factor``.
_TEMPERATURES = {"C": (273.15, 1.0), "cel": (273.15, 1.0), "F": (459.67, 5 / 9), "fah": (459.67, 5 / 9), "K": (0.0, 1.0),
                 "kel": (0.0, 1.0), "Rank": (0.0, 5 / 9), "Reau": (218.52, 1.25)}  # fmt: skip


def _unit(text: str) -> tuple[int, float] | None:
    """Which kind of unit it is, and how many of the kind's first unit."""
    for kind, units in enumerate(_KINDS):
        if text in units:
            return kind, units[text]
    for prefixes, base in ((_BINARY, 2.0), (_PREFIXES, 10.0)):
        for prefix, power in prefixes.items():
            rest = text.removeprefix(prefix)
            if rest == text or rest not in _PREFIXED or (base == 2 and rest not in ("bit", "byte")):
                continue
            kind = next(kind for kind, units in enumerate(_KINDS) if rest in units)
            dimensions = 2 if rest in ("m2", "m^2") else 3 if rest in ("m3", "m^3") else 1
            return kind, _KINDS[kind][rest] * base ** (power * dimensions)
    return None


@scalar("CONVERT", 3)
def convert(e: Any, value: Scalar, source: Scalar, target: Scalar) -> float:
    number, old, new = to_number(value, "CONVERT", 1, e.locale), to_text(source), to_text(target)
    if old in _TEMPERATURES and new in _TEMPERATURES:
        before, factor = _TEMPERATURES[old]
        after, by = _TEMPERATURES[new]
        return (number + before) * factor / by - after
    left, right = _unit(old), _unit(new)
    for place, text, found in ((2, old, left), (3, new, right)):
        if found is None:
            raise Fault(CellError("N_A", f"Function CONVERT parameter {place} value is '{text}'. It is no known unit."))
    if left is None or right is None or left[0] != right[0]:
        raise Fault(CellError("N_A", f"CONVERT cannot turn '{old}' into '{new}': they measure different things."))
    return number * left[1] / right[1]
