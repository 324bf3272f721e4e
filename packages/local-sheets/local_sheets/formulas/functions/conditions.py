"""Functions over the values that meet a condition, such as ``">5"`` or ``"a*"``."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, nothing_to_divide
from local_sheets.formulas.functions.statistics import tidy_sum
from local_sheets.formulas.lines import key_of, line_of
from local_sheets.formulas.operands import Array, Operand, Range, Scalar, is_number, number_in, raise_error
from local_sheets.formulas.registry import operands
from local_sheets.patterns import Wildcard

_CRITERION = re.compile(r"(<=|>=|<>|=|<|>)?(.*)", re.DOTALL)

Test = Callable[[Scalar], bool]


def read_criterion(criterion: Scalar, locale: str) -> Test:
    """The test that a criterion stands for; text may hold ``*`` and ``?``, and ``~`` before them as they are."""
    if criterion is None:
        return lambda value: value == 0 and is_number(value)
    if not isinstance(criterion, str):
        return _equals(criterion)
    match = _CRITERION.fullmatch(criterion)
    operator, wanted = (match[1], match[2]) if match else (None, criterion)
    number = _literal(wanted, locale)
    if operator in (None, "=", "<>"):
        test = _equals(number) if number is not None else _matches(wanted, blank_fits=operator is not None)
        return (lambda value: not test(value)) if operator == "<>" else test
    return _orders(str(operator), number if number is not None else wanted)


def _literal(text: str, locale: str) -> float | int | bool | None:
    if text.upper() in ("TRUE", "FALSE"):
        return text.upper() == "TRUE"
    return number_in(text, locale)


def _equals(wanted: Scalar) -> Test:
    def test(value: Scalar) -> bool:
        if isinstance(wanted, bool) or isinstance(value, bool):
            return isinstance(value, bool) and value is wanted
        return value is not None and value == wanted

    return test


def _matches(pattern: str, *, blank_fits: bool) -> Test:
    if pattern == "":
        return lambda value: value is None or (not blank_fits and value == "")
    wildcard = Wildcard(pattern)
    return lambda value: isinstance(value, str) and wildcard.fits(value)


def _orders(operator: str, wanted: float | str | bool) -> Test:
    def test(value: Scalar) -> bool:
        if isinstance(wanted, str):
            if not isinstance(value, str):
                return False
            left: Any = value.casefold()
            right: Any = wanted.casefold()
        elif isinstance(value, bool) != isinstance(wanted, bool) or not isinstance(value, int | float):
            return False
        else:
            left, right = value, wanted
        return bool({"<": left < right, ">": left > right, "<=": left <= right, ">=": left >= right}[operator])

    return test


def exact_value(criterion: Scalar, locale: str) -> float | str | bool | None:
    """The value that a criterion asks for as it is, None where it asks for more than one value."""
    if not isinstance(criterion, str):
        return None if isinstance(criterion, CellError) else criterion
    match = _CRITERION.fullmatch(criterion)
    if match is None or match[1] not in (None, "="):
        return None
    number = _literal(match[2], locale)
    if number is not None:
        return number
    return None if match[2] == "" or any(char in match[2] for char in "*?~") else match[2]


def _met(e: Any, function: str, pairs: Sequence[Operand]) -> tuple[list[int], int]:
    """Which cells meet all criteria, counted row by row, and how many columns there are.

    Args:
        pairs: Ranges and criteria in turn.

    Raises:
        Fault: The ranges differ in size.
    """
    areas, criteria = pairs[::2], [e.single(operand) for operand in pairs[1::2]]
    if len(areas) != len(criteria):
        raise Fault(CellError("N_A", f"{function} expects all arguments after position 2 to be in pairs."))
    sizes = {(a.height, a.width) if isinstance(a, Array | Range) else (1, 1) for a in areas}
    if len(sizes) > 1:
        raise Fault(CellError("VALUE", "Array arguments to " + function + " are of different size."))
    lines = [line_of(area) for area in areas]
    exact = [exact_value(criterion, e.locale) for criterion in criteria]
    place = next((place for place, value in enumerate(exact) if value is not None), None)
    places: Iterable[int] = range(len(lines[0].values)) if place is None else lines[place].all_exact(exact[place])
    for number, (line, criterion) in enumerate(zip(lines, criteria, strict=True)):
        if number != place:
            places, test, values = list(places), read_criterion(criterion, e.locale), line.values
            spend(len(places))
            places = [index for index in places if test(values[index])]
    return list(places), next(iter(sizes))[1]


def _chosen(e: Any, data: Operand, met: tuple[list[int], int], height: int) -> list[float]:
    """The numbers of ``data`` where the criteria are met; a range grows to the size of the criteria's."""
    places, width = met
    if isinstance(data, Range):
        rows, cols = e.workbook.size(data.title)
        row1, col1 = min(data.row0 + height, rows), min(data.col0 + width, cols)
        data = Range(data.title, data.row0, row1, data.col0, col1, e.workbook)
    values = line_of(data).values
    own = data.width if isinstance(data, Array | Range) else 1
    if own != width:
        places = [row * own + col for row, col in (divmod(place, width) for place in places) if col < own]
    spend(len(places))
    found = (raise_error(values[place]) for place in places if place < len(values))
    return [value for value in found if is_number(value)]  # type: ignore[misc]


def _height(operand: Operand) -> int:
    return operand.height if isinstance(operand, Array | Range) else 1


@operands("COUNTIF", 2, each=(1,))
def count_if(e: Any, area: Operand, criterion: Operand) -> int:
    return len(_met(e, "COUNTIF", (area, criterion))[0])


@operands("COUNTIFS", 2, None, each_other=1)
def count_ifs(e: Any, *pairs: Operand) -> int:
    return len(_met(e, "COUNTIFS", pairs)[0])


@operands("SUMIF", 2, 3, each=(1,))
def sum_if(e: Any, area: Operand, criterion: Operand, data: Operand = None) -> float:
    met = _met(e, "SUMIF", (area, criterion))
    return tidy_sum(iter(_chosen(e, area if data is None else data, met, _height(area))))


@operands("SUMIFS", 3, None)
def sum_ifs(e: Any, data: Operand, *pairs: Operand) -> float:
    return tidy_sum(iter(_chosen(e, data, _met(e, "SUMIFS", pairs), _height(pairs[0]))))


@operands("AVERAGEIF", 2, 3, each=(1,))
def average_if(e: Any, area: Operand, criterion: Operand, data: Operand = None) -> float:
    met = _met(e, "AVERAGEIF", (area, criterion))
    return _average("AVERAGEIF", _chosen(e, area if data is None else data, met, _height(area)))


@operands("AVERAGEIFS", 3, None)
def average_ifs(e: Any, data: Operand, *pairs: Operand) -> float:
    return _average("AVERAGEIFS", _chosen(e, data, _met(e, "AVERAGEIFS", pairs), _height(pairs[0])))


@operands("COUNTUNIQUEIFS", 3, None)
def count_unique_ifs(e: Any, data: Operand, *pairs: Operand) -> int:
    values = line_of(data).values
    found = {
        key_of(values[p]) for p in _met(e, "COUNTUNIQUEIFS", pairs)[0] if p < len(values) and values[p] is not None
    }
    return len(found)


def _average(function: str, chosen: list[float]) -> float:
    if not chosen:
        raise Fault(nothing_to_divide(function))
    return math.fsum(chosen) / len(chosen)


@operands("MINIFS", 3, None)
def min_ifs(e: Any, data: Operand, *pairs: Operand) -> float:
    return min(_chosen(e, data, _met(e, "MINIFS", pairs), _height(pairs[0])), default=0)


@operands("MAXIFS", 3, None)
def max_ifs(e: Any, data: Operand, *pairs: Operand) -> float:
    return max(_chosen(e, data, _met(e, "MAXIFS", pairs), _height(pairs[0])), default=0)
