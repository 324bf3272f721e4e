"""Sums, counts and averages over ranges."""

import math
import statistics
from collections.abc import Iterable
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, nothing_to_divide, out_of_range
from local_sheets.formulas.operands import (
    Array,
    Formatted,
    Operand,
    Range,
    as_array,
    each_value,
    is_number,
    number_in,
    raise_error,
    to_number,
)
from local_sheets.formulas.registry import arrays, operands

_NUMBERS = frozenset({int, float, Formatted})


def numbers_in(e: Any, function: str, given: tuple[Operand, ...]) -> list[float]:
    """The numbers of all operands: text and booleans in ranges are skipped, typed as arguments they are read.

    Raises:
        Fault: A value is an error, or an argument is text that is no number.
    """
    found: list[float] = []
    for place, operand in enumerate(given, 1):
        if isinstance(operand, Array | Range):
            values = [value for row in operand.lines() for value in row]
            spend(len(values))
            kinds = set(map(type, values))
            if CellError in kinds:
                raise_error(next(value for value in values if type(value) is CellError))
            found += values if kinds <= _NUMBERS else [value for value in values if type(value) in _NUMBERS]
        elif operand is not None:
            found.append(to_number(e.single(operand), function, place, e.locale))
    return found


@operands("SUM", 1, None)
def total(e: Any, *given: Operand) -> float:
    return tidy_sum(numbers_in(e, "SUM", given))


def tidy_sum(numbers: Iterable[float]) -> float:
    """An exact sum where whole numbers suffice, else one without the noise of many additions."""
    listed = list(numbers)
    return sum(listed) if set(map(type, listed)) <= {int} else math.fsum(listed)


@operands("PRODUCT", 1, None)
def product(e: Any, *given: Operand) -> float:
    listed = [float(number) for number in numbers_in(e, "PRODUCT", given)]
    return math.prod(listed) if listed else 0


@operands("AVERAGE", 1, None)
def average(e: Any, *given: Operand) -> float:
    listed = list(numbers_in(e, "AVERAGE", given))
    if not listed:
        raise Fault(nothing_to_divide("AVERAGE"))
    return math.fsum(listed) / len(listed)


@operands("MEDIAN", 1, None)
def median(e: Any, *given: Operand) -> float:
    listed = list(numbers_in(e, "MEDIAN", given))
    if not listed:
        raise Fault(CellError("NUM", "MEDIAN has no valid input data."))
    return statistics.median(listed)


@operands("MIN", 1, None)
def minimum(e: Any, *given: Operand) -> float:
    return min(numbers_in(e, "MIN", given), default=0)


@operands("MAX", 1, None)
def maximum(e: Any, *given: Operand) -> float:
    return max(numbers_in(e, "MAX", given), default=0)


@operands("COUNT", 1, None, takes_errors=True)
def count(e: Any, *given: Operand) -> int:
    found = 0
    for operand in given:
        if isinstance(operand, Array | Range):
            found += sum(is_number(value) for value in each_value(operand))
        else:
            found += _counts(operand, e.locale)
    return found


def _counts(value: Operand, locale: str) -> bool:
    if isinstance(value, str):
        return number_in(value, locale) is not None
    return isinstance(value, int | float)


@operands("COUNTA", 1, None, takes_errors=True)
def count_filled(_: Any, *given: Operand) -> int:
    return sum(value is not None for operand in given for value in each_value(operand))


@operands("COUNTUNIQUE", 1, None, takes_errors=True)
def count_unique(_: Any, *given: Operand) -> int:
    seen = {(type(value) is bool, value) for operand in given for value in each_value(operand)}
    return len(seen - {(False, None)})


def _ranked(name: str, largest: bool) -> None:
    @operands(name, 2, each=(1,))
    def run(e: Any, data: Operand, place: Operand) -> float:
        listed = sorted(numbers_in(e, name, (data,)), reverse=largest)
        wanted = math.ceil(to_number(e.single(place), name, 2, e.locale))
        if not 1 <= wanted <= len(listed):
            raise Fault(out_of_range(name, 2, str(wanted), f"Valid values are between 1 and {len(listed)} inclusive."))
        return listed[wanted - 1]


_ranked("LARGE", True)
_ranked("SMALL", False)


def _spread(name: str, population: bool, root: bool) -> None:
    @operands(name, 1, None)
    def run(e: Any, *given: Operand) -> float:
        listed = [float(number) for number in numbers_in(e, name, given)]
        if len(listed) < (1 if population else 2):
            raise Fault(nothing_to_divide(name))
        mean = math.fsum(listed) / len(listed)
        squares = math.fsum((number - mean) ** 2 for number in listed)
        variance = squares / (len(listed) if population else len(listed) - 1)
        return math.sqrt(variance) if root else variance


for _name, _population, _root in (
    ("STDEV", False, True),
    ("STDEVP", True, True),
    ("VAR", False, False),
    ("VARP", True, False),
    ("STDEV.S", False, True),
    ("STDEV.P", True, True),
    ("VAR.S", False, False),
    ("VAR.P", True, False),
):
    _spread(_name, _population, _root)


@arrays("SUMPRODUCT", 1, None)
def sum_of_products(_: Any, *given: Operand) -> float:
    listed = [as_array(operand) for operand in given]
    if len({(array.height, array.width) for array in listed}) > 1:
        raise Fault(CellError("VALUE", "SUMPRODUCT has mismatched range sizes."))
    found: list[float] = []
    for row in range(listed[0].height):
        spend(listed[0].width * len(listed))
        for col in range(listed[0].width):
            values = [raise_error(array.rows[row][col]) for array in listed]
            if all(is_number(value) or isinstance(value, bool) for value in values):
                found.append(math.prod(map(float, values)))  # type: ignore[arg-type]
    return tidy_sum(iter(found))
