"""Finding values in ranges."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, not_found, out_of_range
from local_sheets.formulas.lines import Line, line_of
from local_sheets.formulas.operands import (
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
from local_sheets.formulas.operators import mapped, stacked
from local_sheets.formulas.registry import arrays, lazy, operands
from local_sheets.formulas.syntax import Node
from local_sheets.patterns import Wildcard


def _equal_to(wanted: Scalar, *, wildcards: bool) -> Callable[[Scalar], bool]:
    if isinstance(wanted, str):
        if wildcards and any(char in wanted for char in "*?~"):
            wildcard = Wildcard(wanted)
            return lambda value: isinstance(value, str) and wildcard.fits(value)
        folded = wanted.casefold()
        return lambda value: isinstance(value, str) and value.casefold() == folded
    return lambda value: value is not None and type_rank(value) == type_rank(wanted) and value == wanted


def _looked_up(function: str, wanted: Scalar, line: Line, is_sorted: bool) -> int:
    raise_error(wanted)
    found = line.last_not_after(wanted) if is_sorted else line.first(wanted)
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


def _part(area: Operand, row: int | None, col: int | None) -> Operand:
    """One row, one column or one cell of an operand."""
    if isinstance(area, Range):
        row0, row1 = (area.row0, area.row1) if row is None else (area.row0 + row, area.row0 + row + 1)
        col0, col1 = (area.col0, area.col1) if col is None else (area.col0 + col, area.col0 + col + 1)
        return Range(area.title, row0, row1, col0, col1, area.workbook)
    rows = as_array(area).rows
    chosen = rows if row is None else rows[row : row + 1]
    return Array([values if col is None else values[col : col + 1] for values in chosen])


@operands("VLOOKUP", 3, 4)
def vertical(e: Any, wanted: Operand, area: Operand, index: Operand, is_sorted: Operand = True) -> Operand:
    width = area.width if isinstance(area, Array | Range) else 1
    keys = line_of(_part(area, None, 0))
    ordered = to_boolean(e.single(is_sorted), "VLOOKUP", 4)

    def one(value: Scalar, place: Scalar) -> Scalar:
        spend(1)
        col = _column(e, "VLOOKUP", place, width)
        found: Scalar = e.single(_part(area, _looked_up("VLOOKUP", value, keys, ordered), col))
        return found

    if e.over_arrays:
        return mapped(one, [wanted, index])
    return one(e.single(wanted), e.single(index))


@operands("HLOOKUP", 3, 4, each=(0, 2))
def horizontal(e: Any, wanted: Operand, area: Operand, index: Operand, is_sorted: Operand = True) -> Scalar:
    height = area.height if isinstance(area, Array | Range) else 1
    row = _column(e, "HLOOKUP", index, height)
    ordered = to_boolean(e.single(is_sorted), "HLOOKUP", 4)
    found = _looked_up("HLOOKUP", e.single(wanted), line_of(_part(area, 0, None)), ordered)
    value: Scalar = e.single(_part(area, row, found))
    return value


def _check_line(operand: Operand, function: str) -> None:
    """Refuse what is neither one row nor one column.

    Raises:
        Fault: ``#N/A``.
    """
    if isinstance(operand, Array | Range) and operand.height != 1 and operand.width != 1:
        raise Fault(CellError("N_A", f"{function} range must be a single row or a single column."))


@operands("LOOKUP", 2, 3, each=(0,))
def lookup(e: Any, wanted: Operand, area: Operand, result: Operand = None) -> Operand:
    """In values in rising order; without a result range the last row or column of the searched one, the longer way."""
    height, width = _size(area)
    line, answers = area, area if result is None else result
    if result is None and height != 1 and width != 1:
        line = _part(area, None, 0) if height >= width else _part(area, 0, None)
        answers = _part(area, None, width - 1) if height >= width else _part(area, height - 1, None)
    else:
        _check_line(area, "LOOKUP")
        _check_line(answers, "LOOKUP")
    place = _looked_up("LOOKUP", e.single(wanted), line_of(line), is_sorted=True)
    values = list(as_array(answers))
    if place >= len(values):
        raise Fault(CellError("REF", "LOOKUP evaluates to an out of bounds range."))
    return values[place]


@operands("XMATCH", 2, 4, each=(0,))
def x_match(e: Any, wanted: Operand, area: Operand, kind: Operand = 0, order: Operand = 1) -> int:
    value = raise_error(e.single(wanted))
    _check_line(area, "XMATCH")
    mode = int(to_number(e.single(kind), "XMATCH", 3, e.locale))
    found = _x_found(area, value, mode, int(to_number(e.single(order), "XMATCH", 4, e.locale)))
    if found is None:
        raise Fault(not_found("XMATCH", to_text(value)))
    return found + 1


@operands("MATCH", 2, 3, each=(0,))
def match(e: Any, wanted: Operand, area: Operand, kind: Operand = 1) -> int:
    value = raise_error(e.single(wanted))
    order = to_number(e.single(kind), "MATCH", 3, e.locale)
    _check_line(area, "MATCH")
    line = line_of(area)
    if order == 0:
        found = line.first(value)
    else:
        found = line.last_not_after(value) if order > 0 else line.last_not_before(value)
    if found is None:
        raise Fault(not_found("MATCH", to_text(value)))
    return found + 1


@lazy("XLOOKUP", 3, 6)
def x_lookup(e: Any, wanted: Node, area: Node, result: Node, *others: Node) -> Operand:
    looked_in, results = e.operand(area), e.operand(result)
    _check_line(looked_in, "XLOOKUP")
    _check_sizes(looked_in, results)
    missing = others[0] if others else None
    mode = int(to_number(e.scalar(others[1]), "XLOOKUP", 5, e.locale)) if len(others) > 1 else 0
    order = int(to_number(e.scalar(others[2]), "XLOOKUP", 6, e.locale)) if len(others) > 2 else 1

    def one(value: Scalar) -> Operand:
        found = _x_found(looked_in, raise_error(value), mode, order)
        if found is not None:
            return _x_result(results, found, looked_in)
        if missing is None or e.operand(missing) is None:
            raise Fault(not_found("XLOOKUP", to_text(value)))
        otherwise: Operand = e.operand(missing)
        return otherwise

    given = e.operand(wanted)
    if e.over_arrays and isinstance(given, Array | Range) and given.height * given.width > 1:
        if given.width == 1:  # each value may bring a row of results
            return stacked(one, [row[0] for row in as_array(given).rows])
        return mapped(lambda value: e.single(one(value)), [given])
    return one(e.single(given))


def _x_found(looked_in: Operand, value: Scalar, mode: int, order: int) -> int | None:
    if mode == 0 and order == 1 and value is not None:
        return line_of(looked_in).exact(value)
    return _x_place(line_of(looked_in).values, value, mode, backwards=order in (-1, -2))


def _x_place(keys: Sequence[Scalar], wanted: Scalar, mode: int, *, backwards: bool) -> int | None:
    spend(len(keys))
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


def _check_sizes(looked_in: Operand, results: Operand) -> None:
    height, width = _size(looked_in)
    if not (width == 1 and _size(results)[0] == height) and not (height == 1 and _size(results)[1] == width):
        raise Fault(CellError("VALUE", "Array arguments to XLOOKUP are of different size."))


def _x_result(result: Operand, found: int, looked_in: Operand) -> Operand:
    height, width = _size(looked_in)
    is_column = width == 1 and _size(result)[0] == height
    return _one_or_array(_part(result, found, None) if is_column else _part(result, None, found))


def _size(operand: Operand) -> tuple[int, int]:
    return (operand.height, operand.width) if isinstance(operand, Array | Range) else (1, 1)


def _one_or_array(operand: Operand) -> Operand:
    array = as_array(operand)
    return array.rows[0][0] if array.height == array.width == 1 else array


@arrays("INDEX", 1, 3)
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
