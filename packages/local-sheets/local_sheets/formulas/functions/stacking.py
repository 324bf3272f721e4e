"""Arrays put together, taken apart and laid out anew."""

import math
from dataclasses import replace
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, out_of_range
from local_sheets.formulas.functions.shapes import sort_places
from local_sheets.formulas.operands import Array, Operand, Scalar, as_array, to_boolean, to_number
from local_sheets.formulas.registry import arrays

_PADDING = CellError("N_A", "Array arguments are of different size.")


def _number(e: Any, function: str, place: int, given: Operand, otherwise: int = 0) -> int:
    value = e.single(given)
    return otherwise if value is None else math.trunc(to_number(value, function, place, e.locale))


def _not_empty(given: tuple[Operand, ...]) -> list[Array]:
    """Arrays without those that have no cells, as ``TOCOL(,1)`` has none."""
    return [array for array in map(as_array, given) if array.width]


@arrays("HSTACK", 1, None)
def h_stack(_: Any, *given: Operand) -> Array:
    listed = _not_empty(given)
    height = max((array.height for array in listed), default=0)
    spend(height * sum(array.width for array in listed))
    return Array(
        [
            [v for a in listed for v in (a.rows[row] if row < a.height else [_PADDING] * a.width)]
            for row in range(height)
        ]
    )


@arrays("VSTACK", 1, None)
def v_stack(_: Any, *given: Operand) -> Array:
    listed = _not_empty(given)
    width = max((array.width for array in listed), default=0)
    spend(width * sum(array.height for array in listed))
    return Array([[*row, *[_PADDING] * (width - len(row))] for array in listed for row in array.rows])


@arrays("FLATTEN", 1, None)
def flatten(_: Any, *given: Operand) -> Array:
    return Array([[value] for operand in given for value in as_array(operand)])


def _listed(e: Any, function: str, given: Operand, ignore: Operand, by_column: Operand) -> list[Scalar]:
    array = as_array(given)
    skipped = _number(e, function, 2, ignore)
    if not 0 <= skipped <= 3:
        error = out_of_range(function, 2, str(skipped), "Valid values are between 0 and 3 inclusive.")
        raise Fault(replace(error, type="VALUE"))
    rows = zip(*array.rows, strict=True) if to_boolean(e.single(by_column), function, 3) else array.rows
    return [
        value
        for row in rows
        for value in row
        if not (skipped & 1 and value is None) and not (skipped & 2 and isinstance(value, CellError))
    ]


@arrays("TOCOL", 1, 3)
def to_column(e: Any, given: Operand, ignore: Operand = 0, by_column: Operand = False) -> Array:
    return Array([[value] for value in _listed(e, "TOCOL", given, ignore, by_column)])


@arrays("TOROW", 1, 3)
def to_row(e: Any, given: Operand, ignore: Operand = 0, by_column: Operand = False) -> Array:
    values = _listed(e, "TOROW", given, ignore, by_column)
    return Array([values] if values else [])


def _wrapped(e: Any, function: str, given: Operand, count: Operand, padding: Operand) -> list[list[Scalar]]:
    array = as_array(given)
    if array.height != 1 and array.width != 1:
        raise Fault(CellError("VALUE", f"{function} range must be a single row or a single column."))
    size = _number(e, function, 2, count)
    if size < 1:
        raise Fault(out_of_range(function, 2, str(size), "It should be greater than or equal to 1."))
    values, fill = list(array), e.single(padding)
    parts = [values[start : start + size] for start in range(0, len(values), size)]
    spend(len(parts) * size)
    return [[*part, *[fill] * (size - len(part))] for part in parts]


@arrays("WRAPROWS", 2, 3)
def wrap_rows(e: Any, given: Operand, count: Operand, padding: Operand = _PADDING) -> Array:
    return Array(_wrapped(e, "WRAPROWS", given, count, padding))


@arrays("WRAPCOLS", 2, 3)
def wrap_columns(e: Any, given: Operand, count: Operand, padding: Operand = _PADDING) -> Array:
    return Array([list(row) for row in zip(*_wrapped(e, "WRAPCOLS", given, count, padding), strict=True)])


def _chosen(e: Any, function: str, size: int, given: tuple[Operand, ...]) -> list[int]:
    """Places counted from 1, from the end where negative."""
    found = []
    for argument, operand in enumerate(given, 2):
        for value in as_array(operand):
            place = math.trunc(to_number(value, function, argument, e.locale))
            if place == 0 or abs(place) > size:
                expected = f"Valid values are between -{size} and {size} inclusive, and not 0."
                raise Fault(CellError("VALUE", out_of_range(function, argument, str(place), expected).message))
            found.append(place - 1 if place > 0 else size + place)
    return found


@arrays("CHOOSEROWS", 2, None)
def choose_rows(e: Any, given: Operand, *places: Operand) -> Array:
    array = as_array(given)
    return Array([list(array.rows[place]) for place in _chosen(e, "CHOOSEROWS", array.height, places)])


@arrays("CHOOSECOLS", 2, None)
def choose_columns(e: Any, given: Operand, *places: Operand) -> Array:
    array = as_array(given)
    chosen = _chosen(e, "CHOOSECOLS", array.width, places)
    spend(array.height * len(chosen))
    return Array([[row[place] for place in chosen] for row in array.rows])


@arrays("ARRAY_CONSTRAIN", 3)
def constrain(e: Any, given: Operand, rows: Operand, columns: Operand) -> Array:
    height, width = _number(e, "ARRAY_CONSTRAIN", 2, rows), _number(e, "ARRAY_CONSTRAIN", 3, columns)
    for place, size in ((2, height), (3, width)):
        if size < 1:
            raise Fault(out_of_range("ARRAY_CONSTRAIN", place, str(size), "It should be greater than or equal to 1."))
    return Array([row[:width] for row in as_array(given).rows[:height]])


@arrays("SORTN", 1, None)
def sort_n(e: Any, given: Operand, count: Operand = 1, ties: Operand = 0, *keys: Operand) -> Array:
    rows = as_array(given).rows
    wanted, mode = _number(e, "SORTN", 2, count, 1), _number(e, "SORTN", 3, ties)
    if wanted < 1:
        raise Fault(out_of_range("SORTN", 2, str(wanted), "It should be greater than or equal to 1."))
    if not 0 <= mode <= 3:
        raise Fault(out_of_range("SORTN", 3, str(mode), "Valid values are between 0 and 3 inclusive."))
    places, marks = sort_places(e, "SORTN", rows, keys, first=4)
    kept: list[list[Scalar]] = []
    groups, last = 0, None
    for place in places:
        fresh = not groups or marks[place] != last
        groups, last = groups + fresh, marks[place]
        full = len(kept) >= wanted
        if (full, full and fresh, groups > wanted, groups > wanted)[mode]:
            break
        if mode != 2 or fresh:
            kept.append(rows[place])
    return Array(kept)
