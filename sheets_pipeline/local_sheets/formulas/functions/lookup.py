"""Finding values in ranges."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from sheets_pipeline.local_sheets.cell_values.model import CellError
from sheets_pipeline.local_sheets.formulas.faults import Fault, not_found, out_of_range
from sheets_pipeline.local_sheets.formulas.functions.conditions import wildcard
from sheets_pipeline.local_sheets.formulas.operands import (
    Array,
    Operand,
    Range,
    Scalar,
    as_array,
    compare,
    raise_error,
    to_boolean,
    to_number,
    to_text,
    type_rank,
)
from sheets_pipeline.local_sheets.formulas.registry import lazy, operands
from sheets_pipeline.local_sheets.formulas.syntax import Node


def _equal_to(wanted: Scalar, *, wildcards: bool) -> Callable[[Scalar], bool]:
    if isinstance(wanted, str):
        if wildcards and any(char in wanted for char in "*?~"):
            expression = wildcard(wanted)
            return lambda value: isinstance(value, str) and expression.fullmatch(value) is not None
        folded = wanted.casefold()
        return lambda value: isinstance(value, str) and value.casefold() == folded
    return lambda value: value is not None and type_rank(value) == type_rank(wanted) and value == wanted


def _first(values: Sequence[Scalar], test: Callable[[Scalar], bool]) -> int | None:
    return next((index for index, value in enumerate(values) if not isinstance(value, CellError) and test(value)), None)


def _last_not_after(values: Sequence[Scalar], wanted: Scalar) -> int | None:
    """In sorted values the last one that is not greater than the wanted one; other kinds are passed over."""
    found = None
    for index, value in enumerate(values):
        if value is None or isinstance(value, CellError) or type_rank(value) != type_rank(wanted):
            continue
        if compare(value, wanted) > 0:
            break
        found = index
    return found


def _looked_up(e: Any, function: str, wanted: Scalar, values: Sequence[Scalar], is_sorted: Operand) -> int:
    raise_error(wanted)
    if to_boolean(e.single(is_sorted), function, 4):
        found = _last_not_after(values, wanted)
    else:
        found = _first(values, _equal_to(wanted, wildcards=True))
    if found is None:
        raise Fault(not_found(function, to_text(wanted)))
    return found


def _column(e: Any, function: str, index: Operand, size: int) -> int:
    place = math.trunc(to_number(e.single(index), function, 3, e.locale))
    if not 1 <= place <= size:
        if place < 1:
            raise Fault(
                CellError(
                    "VALUE",
                    f"Function {function} parameter 3 value is {place}. It should be greater than or equal to 1.",
                )
            )
        raise Fault(CellError("REF", f"{function} evaluates to an out of bounds range."))
    return place - 1


@operands("VLOOKUP", 3, 4)
def vertical(e: Any, wanted: Operand, area: Operand, index: Operand, is_sorted: Operand = True) -> Operand:
    array = as_array(area)
    col = _column(e, "VLOOKUP", index, array.width)
    keys = [row[0] for row in array.rows]
    if e.over_arrays and isinstance(wanted, Array | Range):
        return Array(
            [
                [_or_error(e, "VLOOKUP", value, keys, is_sorted, array, col)]
                for row in as_array(wanted).rows
                for value in row[:1]
            ]
        )
    return array.rows[_looked_up(e, "VLOOKUP", e.single(wanted), keys, is_sorted)][col]


def _or_error(
    e: Any, function: str, wanted: Scalar, keys: Sequence[Scalar], is_sorted: Operand, array: Array, col: int
) -> Scalar:
    try:
        return array.rows[_looked_up(e, function, wanted, keys, is_sorted)][col]
    except Fault as fault:
        return fault.error


@operands("HLOOKUP", 3, 4)
def horizontal(e: Any, wanted: Operand, area: Operand, index: Operand, is_sorted: Operand = True) -> Scalar:
    array = as_array(area)
    row = _column(e, "HLOOKUP", index, array.height)
    keys = array.rows[0] if array.rows else []
    return array.rows[row][_looked_up(e, "HLOOKUP", e.single(wanted), keys, is_sorted)]


def _line(operand: Operand, function: str) -> list[Scalar]:
    """The values of one row or one column."""
    array = as_array(operand)
    if array.height != 1 and array.width != 1:
        raise Fault(CellError("N_A", f"{function} range must be a single row or a single column."))
    return list(array)


@operands("MATCH", 2, 3)
def match(e: Any, wanted: Operand, area: Operand, kind: Operand = 1) -> int:
    value, values = raise_error(e.single(wanted)), _line(area, "MATCH")
    order = to_number(e.single(kind), "MATCH", 3, e.locale)
    if order == 0:
        found = _first(values, _equal_to(value, wildcards=True))
    elif order > 0:
        found = _last_not_after(values, value)
    else:
        found = _last_not_before(values, value)
    if found is None:
        raise Fault(not_found("MATCH", to_text(value)))
    return found + 1


def _last_not_before(values: Sequence[Scalar], wanted: Scalar) -> int | None:
    found = None
    for index, value in enumerate(values):
        if value is None or isinstance(value, CellError) or type_rank(value) != type_rank(wanted):
            continue
        if compare(value, wanted) < 0:
            break
        found = index
    return found


@lazy("XLOOKUP", 3, 6)
def x_lookup(e: Any, wanted: Node, area: Node, result: Node, *others: Node) -> Operand:
    value = raise_error(e.scalar(wanted))
    keys = _line(e.operand(area), "XLOOKUP")
    missing = others[0] if others else None
    mode = int(to_number(e.scalar(others[1]), "XLOOKUP", 5, e.locale)) if len(others) > 1 else 0
    order = int(to_number(e.scalar(others[2]), "XLOOKUP", 6, e.locale)) if len(others) > 2 else 1
    found = _x_place(keys, value, mode, backwards=order == -1)
    if found is not None:
        return _x_result(as_array(e.operand(result)), found, len(keys), e.operand(area))
    if missing is None or e.operand(missing) is None:
        raise Fault(not_found("XLOOKUP", to_text(value)))
    otherwise: Operand = e.operand(missing)
    return otherwise


def _x_place(keys: list[Scalar], wanted: Scalar, mode: int, *, backwards: bool) -> int | None:
    places = range(len(keys) - 1, -1, -1) if backwards else range(len(keys))
    test = _equal_to(wanted, wildcards=mode == 2)
    found = next((place for place in places if not isinstance(keys[place], CellError) and test(keys[place])), None)
    if found is not None or mode not in (1, -1):
        return found
    near = [
        place
        for place in places
        if keys[place] is not None
        and not isinstance(keys[place], CellError)
        and type_rank(keys[place]) == type_rank(wanted)
        and compare(keys[place], wanted) == mode
    ]
    best: int | None = None
    for place in near:
        if best is None or compare(keys[place], keys[best]) == -mode:
            best = place
    return best


def _x_result(result: Array, found: int, count: int, area: Operand) -> Operand:
    vertical_keys = as_array(area).width == 1
    if vertical_keys and result.height == count:
        row = result.rows[found]
        return row[0] if len(row) == 1 else Array([row])
    if result.width == count:
        column: list[list[Scalar]] = [[row[found]] for row in result.rows]
        return column[0][0] if len(column) == 1 else Array(column)
    raise Fault(CellError("VALUE", "Array arguments to XLOOKUP are of different size."))


@operands("INDEX", 1, 3)
def index(e: Any, area: Operand, row: Operand = 0, col: Operand = 0) -> Operand:
    down = math.trunc(to_number(e.single(row), "INDEX", 2, e.locale))
    across = math.trunc(to_number(e.single(col), "INDEX", 3, e.locale))
    height, width = (area.height, area.width) if isinstance(area, Array | Range) else (1, 1)
    if height == 1 and across == 0 and width > 1 and down > 1:
        down, across = 1, down
    if not 0 <= down <= height:
        raise Fault(_out_of_index(2, down, height))
    if not 0 <= across <= width:
        raise Fault(_out_of_index(3, across, width))
    row0, row1 = (0, height) if down == 0 else (down - 1, down)
    col0, col1 = (0, width) if across == 0 else (across - 1, across)
    if isinstance(area, Range):
        return Range(area.title, area.row0 + row0, area.row0 + row1, area.col0 + col0, area.col0 + col1, e.workbook)
    return Array([list(values[col0:col1]) for values in as_array(area).rows[row0:row1]])


def _out_of_index(place: int, got: int, size: int) -> CellError:
    found = out_of_range("INDEX", place, str(got), f"Valid values are between 0 and {size} inclusive.")
    return CellError("NUM", found.message)


@lazy("OFFSET", 3, 5)
def offset(
    e: Any, node: Node, down: Node, across: Node, height: Node | None = None, width: Node | None = None
) -> Range:
    area = e.operand(node)
    if not isinstance(area, Range):
        raise Fault(CellError("N_A", "Argument must be a range."))

    def number(given: Node | None, place: int, otherwise: int) -> int:
        value = e.scalar(given) if given is not None else None
        return otherwise if value is None else math.trunc(to_number(value, "OFFSET", place, e.locale))

    row0, col0 = area.row0 + number(down, 2, 0), area.col0 + number(across, 3, 0)
    row1, col1 = row0 + number(height, 4, area.height), col0 + number(width, 5, area.width)
    rows, cols = e.workbook.size(area.title)
    if row0 < 0 or col0 < 0 or row1 > rows or col1 > cols or row1 <= row0 or col1 <= col0:
        raise Fault(CellError("REF", "Function OFFSET evaluates to an out of bounds range."))
    return Range(area.title, row0, row1, col0, col1, e.workbook)
