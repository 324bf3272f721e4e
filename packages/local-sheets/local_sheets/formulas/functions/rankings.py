"""Where values stand among others: percentiles, quartiles, ranks, modes, frequencies."""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable
from typing import Any

from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, out_of_range
from local_sheets.formulas.functions.statistics import numbers_in
from local_sheets.formulas.operands import Array, Operand, to_boolean, to_number
from local_sheets.formulas.registry import operands


def sorted_numbers(e: Any, function: str, data: Operand) -> list[float]:
    """The numbers of an operand in rising order.

    Raises:
        Fault: ``#NUM!``, there are none.
    """
    listed = sorted(numbers_in(e, function, (data,)))
    if not listed:
        raise Fault(CellError("NUM", f"{function} has no valid input data."))
    return listed


def _at(listed: list[float], place: float) -> float:
    """The value at a place counted from 0, between two of them in proportion."""
    below = math.floor(place)
    above = min(below + 1, len(listed) - 1)
    return listed[below] + (listed[above] - listed[below]) * (place - below)


def inclusive(listed: list[float], share: float) -> float:
    """The percentile of numbers in rising order, the smallest at 0 and the largest at 1."""
    return _at(listed, share * (len(listed) - 1))


def _exclusive(function: str, listed: list[float], share: float) -> float:
    place = share * (len(listed) + 1)
    if not 1 <= place <= len(listed):
        raise Fault(out_of_range(function, 2, f"{share:.15G}", "It is too near to 0 or 1 for so few values."))
    return _at(listed, place - 1)


def _percentile(name: str, parts: int, *, is_exclusive: bool) -> None:
    """``parts``: 1 for percentiles, 4 for quartiles."""

    @operands(name, 2, each=(1,))
    def run(e: Any, data: Operand, wanted: Operand) -> float:
        given = to_number(e.single(wanted), name, 2, e.locale)
        share = (math.trunc(given) if parts == 4 else given) / parts
        if not 0 <= share <= 1:
            expected = f"Valid values are between 0 and {parts} inclusive."
            raise Fault(out_of_range(name, 2, f"{given:.15G}", expected))
        listed = sorted_numbers(e, name, data)
        return _exclusive(name, listed, share) if is_exclusive else inclusive(listed, share)


for _name, _parts, _is_exclusive in (
    ("PERCENTILE", 1, False),
    ("PERCENTILE.INC", 1, False),
    ("PERCENTILE.EXC", 1, True),
    ("QUARTILE", 4, False),
    ("QUARTILE.INC", 4, False),
    ("QUARTILE.EXC", 4, True),
):
    _percentile(_name, _parts, is_exclusive=_is_exclusive)


def _rank(name: str, *, average: bool) -> None:
    @operands(name, 2, 3, each=(0,))
    def run(e: Any, value: Operand, data: Operand, rising: Operand = False) -> float:
        wanted = to_number(e.single(value), name, 1, e.locale)
        listed = sorted(numbers_in(e, name, (data,)))
        first, last = bisect_left(listed, wanted), bisect_right(listed, wanted)
        if first == last:
            raise Fault(CellError("N_A", f"Function {name} could not find value {wanted:.15G} in the data."))
        upwards = to_boolean(e.single(rising), name, 3)
        best = first + 1 if upwards else len(listed) - last + 1
        return best + (last - first - 1) / 2 if average else best


_rank("RANK", average=False)
_rank("RANK.EQ", average=False)
_rank("RANK.AVG", average=True)


def _percent_rank(name: str, *, is_exclusive: bool) -> None:
    @operands(name, 2, 3, each=(1,))
    def run(e: Any, data: Operand, value: Operand, digits: Operand = 3) -> float:
        listed = sorted_numbers(e, name, data)
        wanted = to_number(e.single(value), name, 2, e.locale)
        if not listed[0] <= wanted <= listed[-1]:
            raise Fault(CellError("N_A", f"Function {name} parameter 2 value {wanted:.15G} lies outside of the data."))
        below = bisect_left(listed, wanted)
        place = float(below)
        if listed[below] != wanted:
            place = below - 1 + (wanted - listed[below - 1]) / (listed[below] - listed[below - 1])
        share = (place + 1) / (len(listed) + 1) if is_exclusive else place / max(len(listed) - 1, 1)
        scale = 10 ** math.trunc(to_number(e.single(digits), name, 3, e.locale))
        return float(math.floor(share * scale + 1e-9) / scale)


for _name, _is_exclusive in (("PERCENTRANK", False), ("PERCENTRANK.INC", False), ("PERCENTRANK.EXC", True)):
    _percent_rank(_name, is_exclusive=_is_exclusive)


def _modes(name: str, choose: Callable[[list[float]], Any]) -> None:
    @operands(name, 1, None)
    def run(e: Any, *given: Operand) -> Any:
        counts = Counter(numbers_in(e, name, given))
        most = max(counts.values(), default=0)
        if most < 2:
            raise Fault(CellError("N_A", f"{name} found no value more than once."))
        return choose([number for number, count in counts.items() if count == most])


_modes("MODE", lambda found: found[0])
_modes("MODE.SNGL", lambda found: found[0])
_modes("MODE.MULT", lambda found: Array([[number] for number in found]))


@operands("FREQUENCY", 2)
def frequency(e: Any, data: Operand, classes: Operand) -> Array:
    listed = sorted(numbers_in(e, "FREQUENCY", (data,)))
    bounds = list(numbers_in(e, "FREQUENCY", (classes,)))
    order = sorted(range(len(bounds)), key=bounds.__getitem__)
    counts, done = [0] * (len(bounds) + 1), 0
    for place in order:
        upto = bisect_right(listed, bounds[place])
        counts[place], done = upto - done, upto
    counts[-1] = len(listed) - done
    return Array([[count] for count in counts])


@operands("TRIMMEAN", 2)
def trimmed_mean(e: Any, data: Operand, share: Operand) -> float:
    listed = sorted_numbers(e, "TRIMMEAN", data)
    part = to_number(e.single(share), "TRIMMEAN", 2, e.locale)
    if not 0 <= part < 1:
        raise Fault(out_of_range("TRIMMEAN", 2, f"{part:.15G}", "It should be at least 0 and less than 1."))
    cut = math.floor(len(listed) * part / 2)
    kept = listed[cut : len(listed) - cut]
    return math.fsum(kept) / len(kept)
