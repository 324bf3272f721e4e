"""Functions that yield arrays: filtering, sorting, turning."""

import math
from functools import cmp_to_key
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.operands import Array, Operand, Scalar, as_array, compare, to_boolean, to_number, type_rank
from local_sheets.formulas.registry import arrays, lazy, operands
from local_sheets.formulas.syntax import Node


@lazy("ARRAYFORMULA", 1)
def array_formula(e: Any, node: Node) -> Operand:
    found: Operand = e.array_wise().operand(node)
    return found


@arrays("TRANSPOSE", 1)
def transpose(_: Any, given: Operand) -> Array:
    return Array([list(column) for column in zip(*as_array(given).rows, strict=True)])


@arrays("UNIQUE", 1, 3)
def unique(_: Any, given: Operand, by_column: Operand = False, exactly_once: Operand = False) -> Array:
    array = as_array(given)
    by_columns = to_boolean(as_array(by_column).at(0, 0), "UNIQUE", 2)
    once = to_boolean(as_array(exactly_once).at(0, 0), "UNIQUE", 3)
    rows = [list(column) for column in zip(*array.rows, strict=True)] if by_columns else array.rows
    seen: dict[Any, list[list[Scalar]]] = {}
    for row in rows:
        seen.setdefault(tuple((type(value).__name__ == "bool", value) for value in row), []).append(row)
    kept = [found[0] for found in seen.values() if len(found) == 1 or not once]
    return Array([list(column) for column in zip(*kept, strict=True)] if by_columns else kept)


@arrays("FILTER", 2, None)
def filter_(_: Any, given: Operand, *conditions: Operand) -> Array:
    array, tests = as_array(given), [as_array(condition) for condition in conditions]
    if all(test.width == 1 and test.height == array.height for test in tests):
        kept = [row for index, row in enumerate(array.rows) if all(_true(test.rows[index][0]) for test in tests)]
    elif all(test.height == 1 and test.width == array.width for test in tests):
        places = [col for col in range(array.width) if all(_true(test.rows[0][col]) for test in tests)]
        kept = [[row[col] for col in places] for row in array.rows] if places else []
    else:
        message = f"FILTER has mismatched range sizes. Expected row count: {array.height}. column count: 1. "
        actual = f"Actual row count: {tests[0].height}, column count: {tests[0].width}."
        raise Fault(CellError("N_A", message + actual))
    if not kept:
        raise Fault(CellError("N_A", "No matches are found in FILTER evaluation."))
    return Array(kept)


def _true(value: Scalar) -> bool:
    return False if isinstance(value, CellError | str) else bool(value)


@arrays("SORT", 1, None)
def sort(e: Any, given: Operand, *keys: Operand) -> Array:
    rows = list(as_array(given).rows)
    return Array([rows[place] for place in sort_places(e, "SORT", rows, keys, first=2)[0]])


def sort_places(
    e: Any, function: str, rows: list[list[Scalar]], keys: tuple[Operand, ...], first: int
) -> tuple[list[int], list[Any]]:
    """The places of rows in their order, and for each row what it is sorted by; without keys by all columns.

    Args:
        first: The first key's number among the function's arguments.
    """
    order: list[tuple[list[Scalar], bool]] = []
    keys = keys or tuple(key for column in range(len(rows[0]) if rows else 0) for key in (column + 1, True))
    for place in range(0, len(keys), 2):
        column = keys[place]
        upwards = to_boolean(e.single(keys[place + 1]), function, place + first + 1) if place + 1 < len(keys) else True
        order.append((_sort_column(e, function, rows, column, place + first), upwards))
    places = list(range(len(rows)))
    for values, upwards in reversed(order):
        places.sort(key=lambda index, of=values, up=upwards: sort_key(of[index], up))  # type: ignore[misc]
    return places, [tuple(_mark(values[index]) for values, _ in order) for index in range(len(rows))]


def _mark(value: Scalar) -> Any:
    """Equal for values that are sorted as equal."""
    return type_rank(value), value.casefold() if isinstance(value, str) else value


def _sort_column(e: Any, function: str, rows: list[list[Scalar]], column: Operand, place: int) -> list[Scalar]:
    array = as_array(column)
    if array.height == len(rows) and array.height > 1:
        return [row[0] for row in array.rows]
    number = math.trunc(to_number(array.at(0, 0), function, place, e.locale))
    if rows and not 1 <= number <= len(rows[0]):
        message = f"{function} parameter {place} value is {number}. "
        raise Fault(CellError("VALUE", message + f"Valid values are between 1 and {len(rows[0])} inclusive."))
    return [row[number - 1] for row in rows]


def _paid_comparison(left: Scalar, right: Scalar) -> int:
    spend(1)
    return compare(left, right)


_ordered = cmp_to_key(_paid_comparison)


def sort_key(value: Scalar, upwards: bool = True) -> Any:
    """Orders values as Google sorts them: numbers, text, booleans, errors, and blanks last either way."""
    if value is None:
        return (2,)
    if isinstance(value, CellError):
        return (1,)
    return (0, _ordered(value) if upwards else _Reversed(value))


class _Reversed:
    """A value in descending order."""

    __slots__ = ("value",)

    def __init__(self, value: Scalar) -> None:
        self.value = value

    def __lt__(self, other: "_Reversed") -> bool:
        spend(1)
        return compare(other.value, self.value) < 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and compare(other.value, self.value) == 0

    def __hash__(self) -> int:
        return hash(self.value)


def _left_out(e: Any, given: Operand, otherwise: Scalar) -> Scalar:
    value: Scalar = e.single(given)
    return otherwise if value is None else value


@operands("SEQUENCE", 1, 4)
def sequence(e: Any, rows: Operand, columns: Operand = 1, start: Operand = 1, step: Operand = 1) -> Array:
    height = math.trunc(to_number(e.single(rows), "SEQUENCE", 1, e.locale))
    width = math.trunc(to_number(_left_out(e, columns, 1), "SEQUENCE", 2, e.locale))
    if height < 1 or width < 1 or height * width > 1_000_000:
        raise Fault(CellError("NUM", "Function SEQUENCE parameter value is out of range. It should be at least 1."))
    spend(height * width)
    first = to_number(_left_out(e, start, 1), "SEQUENCE", 3, e.locale)
    by = to_number(_left_out(e, step, 1), "SEQUENCE", 4, e.locale)
    return Array([[first + by * (row * width + col) for col in range(width)] for row in range(height)])
