"""Names for values, functions as values, and functions that apply them to arrays."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, wrong_argument_count
from local_sheets.formulas.operands import Array, Lambda, Operand, Range, Scalar, as_array, to_number
from local_sheets.formulas.registry import lazy, operands
from local_sheets.formulas.syntax import Name, Node


def _name(function: str, place: int, node: Node) -> str:
    """The name that stands for an argument, in upper case."""
    if not isinstance(node, Name):
        raise Fault(CellError("NAME", f"Argument {place} of {function} is not a valid name."))
    return node.text.upper()


@lazy("LET", 3, None)
def let(e: Any, *nodes: Node) -> Operand:
    if len(nodes) % 2 == 0:
        raise Fault(wrong_argument_count("LET", len(nodes) + 1, len(nodes) + 1, len(nodes)))
    for place in range(0, len(nodes) - 1, 2):
        name = _name("LET", place + 1, nodes[place])
        e = e.named_as({name: _or_error(e, nodes[place + 1])})
    found: Operand = e.operand(nodes[-1])
    return found


def _or_error(e: Any, node: Node) -> Operand:
    """A value that is only an error once it is used."""
    try:
        found: Operand = e.operand(node)
    except Fault as fault:
        return fault.error
    return found


@lazy("LAMBDA", 1, None)
def lambda_(e: Any, *nodes: Node) -> Lambda:
    names = tuple(_name("LAMBDA", place, node) for place, node in enumerate(nodes[:-1], 1))
    return Lambda(names, nodes[-1], e)


def _function(function: str, given: Operand, count: int) -> Lambda:
    if not isinstance(given, Lambda):
        raise Fault(CellError("N_A", f"The last argument of {function} must be a LAMBDA."))
    if len(given.parameters) != count:
        raise Fault(wrong_argument_count("LAMBDA", len(given.parameters), len(given.parameters), count))
    return given


def _cells(operand: Operand) -> Iterator[list[Operand]]:
    """The rows of an operand; cells of a range stay references."""
    if not isinstance(operand, Range):
        for row in as_array(operand).rows:
            yield [*row]
        return
    for place, values in enumerate(operand.array().rows, operand.row0):
        yield [
            Range(operand.title, place, place + 1, col, col + 1, operand.workbook, Array([[value]]))
            for col, value in enumerate(values, operand.col0)
        ]


def _one(e: Any, function: Lambda, given: Sequence[Operand]) -> Scalar:
    """The single value that a function yields; its error is a value."""
    try:
        found: Scalar = e.single(e.applied(function, given))
    except Fault as fault:
        return fault.error
    return found


@operands("MAP", 2, None)
def map_(e: Any, *given: Operand) -> Array:
    e = e.array_wise()
    arrays = [list(_cells(operand)) for operand in given[:-1]]
    function = _function("MAP", given[-1], len(arrays))
    if len({(len(rows), len(rows[0]) if rows else 0) for rows in arrays}) > 1:
        raise Fault(CellError("VALUE", "Array arguments to MAP are of different size."))
    return Array(
        [[_one(e, function, values) for values in zip(*rows, strict=True)] for rows in zip(*arrays, strict=True)]
    )


@operands("REDUCE", 3)
def reduce(e: Any, initial: Operand, area: Operand, last: Operand) -> Operand:
    e, function = e.array_wise(), _function("REDUCE", last, 2)
    found = initial
    for row in _cells(area):
        for value in row:
            found = e.applied(function, (found, value))
            spend(1, len(found) if isinstance(found, str) else 0)
    return found


@operands("SCAN", 3)
def scan(e: Any, initial: Operand, area: Operand, last: Operand) -> Array:
    e, function = e.array_wise(), _function("SCAN", last, 2)
    so_far = e.single(initial)
    rows: list[list[Scalar]] = []
    for row in _cells(area):
        rows.append([])
        for value in row:
            so_far = _one(e, function, (so_far, value))
            rows[-1].append(so_far)
    return Array(rows)


def _lines(operand: Operand, *, by_row: bool) -> Iterator[Operand]:
    """The rows, or columns, of an operand; those of a range stay references."""
    array = as_array(operand)
    for place in range(array.height if by_row else array.width):
        part = Array([array.rows[place]] if by_row else [[row[place]] for row in array.rows])
        if not isinstance(operand, Range):
            yield part
        elif by_row:
            row = operand.row0 + place
            yield Range(operand.title, row, row + 1, operand.col0, operand.col1, operand.workbook, part)
        else:
            col = operand.col0 + place
            yield Range(operand.title, operand.row0, operand.row1, col, col + 1, operand.workbook, part)


def _line(e: Any, function: Lambda, given: Operand) -> Array:
    try:
        return as_array(e.applied(function, (given,)))
    except Fault as fault:
        return Array([[fault.error]])


@operands("BYROW", 2)
def by_row(e: Any, area: Operand, last: Operand) -> Array:
    e, function = e.array_wise(), _function("BYROW", last, 1)
    found = [_line(e, function, row) for row in _lines(area, by_row=True)]
    if any(part.height != 1 for part in found):
        raise Fault(CellError("VALUE", "The result of the LAMBDA of BYROW must be one row."))
    width = max((part.width for part in found), default=0)
    return Array([[*part.rows[0], *[None] * (width - part.width)] for part in found])


@operands("BYCOL", 2)
def by_column(e: Any, area: Operand, last: Operand) -> Array:
    e, function = e.array_wise(), _function("BYCOL", last, 1)
    found = [_line(e, function, column) for column in _lines(area, by_row=False)]
    if any(part.width != 1 for part in found):
        raise Fault(CellError("VALUE", "The result of the LAMBDA of BYCOL must be one column."))
    height = max((part.height for part in found), default=0)
    return Array([[part.rows[row][0] if row < part.height else None for part in found] for row in range(height)])


@operands("MAKEARRAY", 3)
def make_array(e: Any, rows: Operand, columns: Operand, last: Operand) -> Array:
    e, function = e.array_wise(), _function("MAKEARRAY", last, 2)
    height = math.trunc(to_number(e.single(rows), "MAKEARRAY", 1, e.locale))
    width = math.trunc(to_number(e.single(columns), "MAKEARRAY", 2, e.locale))
    if height < 1 or width < 1:
        raise Fault(CellError("NUM", "Function MAKEARRAY parameter value is out of range. It should be at least 1."))
    return Array([[_one(e, function, (row, col)) for col in range(1, width + 1)] for row in range(1, height + 1)])
