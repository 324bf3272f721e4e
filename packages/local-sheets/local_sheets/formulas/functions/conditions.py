"""Functions over the values that meet a condition, such as ``">5"`` or ``"a*"``."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, nothing_to_divide
from local_sheets.formulas.functions.statistics import tidy_sum
from local_sheets.formulas.operands import Array, Operand, Range, Scalar, as_array, is_number, number_in, raise_error
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


def _met(e: Any, function: str, pairs: Sequence[Operand]) -> list[list[bool]]:
    """For each cell whether all criteria are met; ``pairs`` are ranges and criteria in turn.

    Raises:
        Fault: The ranges differ in size.
    """
    areas = [as_array(operand) for operand in pairs[::2]]
    tests = [read_criterion(e.single(operand), e.locale) for operand in pairs[1::2]]
    if len(areas) != len(tests):
        raise Fault(CellError("N_A", f"{function} expects all arguments after position 2 to be in pairs."))
    height, width = areas[0].height, areas[0].width
    if any((area.height, area.width) != (height, width) for area in areas):
        raise Fault(CellError("VALUE", "Array arguments to " + function + " are of different size."))
    met = []
    for row in range(height):
        spend(width * len(tests))
        met.append(
            [all(test(area.rows[row][col]) for area, test in zip(areas, tests, strict=True)) for col in range(width)]
        )
    return met


def _chosen(e: Any, data: Operand, met: list[list[bool]]) -> list[float]:
    """The numbers of ``data`` where the criteria are met; a range grows to the size of the criteria's."""
    height, width = len(met), len(met[0]) if met else 0
    if isinstance(data, Range):
        rows, cols = e.workbook.size(data.title)
        row1, col1 = min(data.row0 + height, rows), min(data.col0 + width, cols)
        data = Range(data.title, data.row0, row1, data.col0, col1, e.workbook)
    array: Array = as_array(data)
    found: list[float] = []
    for met_row, values in zip(met, array.rows, strict=False):
        for is_met, value in zip(met_row, values, strict=False):
            if is_met and is_number(raise_error(value)):
                found.append(value)  # type: ignore[arg-type]
    return found


@operands("COUNTIF", 2)
def count_if(e: Any, area: Operand, criterion: Operand) -> int:
    return sum(map(sum, _met(e, "COUNTIF", (area, criterion))))


@operands("COUNTIFS", 2, None)
def count_ifs(e: Any, *pairs: Operand) -> int:
    return sum(map(sum, _met(e, "COUNTIFS", pairs)))


@operands("SUMIF", 2, 3)
def sum_if(e: Any, area: Operand, criterion: Operand, data: Operand = None) -> float:
    met = _met(e, "SUMIF", (area, criterion))
    return tidy_sum(iter(_chosen(e, area if data is None else data, met)))


@operands("SUMIFS", 3, None)
def sum_ifs(e: Any, data: Operand, *pairs: Operand) -> float:
    return tidy_sum(iter(_chosen(e, data, _met(e, "SUMIFS", pairs))))


@operands("AVERAGEIF", 2, 3)
def average_if(e: Any, area: Operand, criterion: Operand, data: Operand = None) -> float:
    met = _met(e, "AVERAGEIF", (area, criterion))
    return _average("AVERAGEIF", _chosen(e, area if data is None else data, met))


@operands("AVERAGEIFS", 3, None)
def average_ifs(e: Any, data: Operand, *pairs: Operand) -> float:
    return _average("AVERAGEIFS", _chosen(e, data, _met(e, "AVERAGEIFS", pairs)))


def _average(function: str, chosen: list[float]) -> float:
    if not chosen:
        raise Fault(nothing_to_divide(function))
    return math.fsum(chosen) / len(chosen)


@operands("MINIFS", 3, None)
def min_ifs(e: Any, data: Operand, *pairs: Operand) -> float:
    return min(_chosen(e, data, _met(e, "MINIFS", pairs)), default=0)


@operands("MAXIFS", 3, None)
def max_ifs(e: Any, data: Operand, *pairs: Operand) -> float:
    return max(_chosen(e, data, _met(e, "MAXIFS", pairs)), default=0)
