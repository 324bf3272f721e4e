"""SUBTOTAL, and the functions of databases: columns with a header and conditions under the same names."""

import math
import statistics
from collections.abc import Callable, Iterator
from typing import Any

from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, nothing_to_divide
from local_sheets.formulas.functions.conditions import read_criterion
from local_sheets.formulas.functions.statistics import tidy_sum
from local_sheets.formulas.operands import (
    Array,
    Operand,
    Range,
    Scalar,
    as_array,
    is_number,
    raise_error,
    to_number,
    to_text,
)
from local_sheets.formulas.registry import operands

_NAMES = {1: "AVERAGE", 2: "COUNT", 3: "COUNTA", 4: "MAX", 5: "MIN", 6: "PRODUCT", 7: "STDEV", 8: "STDEVP", 9: "SUM",
          10: "VAR", 11: "VARP"}  # fmt: skip


def combined(function: str, kind: str, values: list[Scalar]) -> float:
    """One figure of many values; only counts look at what is no number.

    Raises:
        Fault: There are too few values, or one is an error.
    """
    if kind == "COUNTA":
        return sum(value is not None for value in values)
    numbers = [float(value) if isinstance(value, float) else value for value in values if is_number(raise_error(value))]
    listed: list[float] = numbers  # type: ignore[assignment]
    if kind == "COUNT":
        return len(listed)
    least = {"AVERAGE": 1, "STDEVP": 1, "VARP": 1, "STDEV": 2, "VAR": 2}.get(kind, 0)
    if len(listed) < least:
        raise Fault(nothing_to_divide(function))
    return _FIGURES[kind](listed)


_FIGURES: dict[str, Callable[[list[float]], float]] = {
    "AVERAGE": lambda listed: math.fsum(listed) / len(listed),
    "MAX": lambda listed: max(listed, default=0),
    "MIN": lambda listed: min(listed, default=0),
    "PRODUCT": lambda listed: math.prod(listed) if listed else 0,
    "STDEV": statistics.stdev,
    "STDEVP": statistics.pstdev,
    "SUM": lambda listed: tidy_sum(iter(listed)),
    "VAR": statistics.variance,
    "VARP": statistics.pvariance,
}


@operands("SUBTOTAL", 2, None)
def subtotal(e: Any, code: Operand, *given: Operand) -> float:
    number = math.trunc(to_number(e.single(code), "SUBTOTAL", 1, e.locale))
    kind = _NAMES.get(number if number < 100 else number - 100)
    if kind is None:
        message = f"Function SUBTOTAL parameter 1 value is {number}. Valid values are 1 to 11 and 101 to 111."
        raise Fault(CellError("VALUE", message))
    values = [value for operand in given for value in _seen(e, operand, also_by_hand=number > 100)]
    return combined("SUBTOTAL", kind, values)


def _seen(e: Any, operand: Operand, *, also_by_hand: bool) -> Iterator[Scalar]:
    """The values of an operand without other subtotals and without rows that are filtered away, or hidden by hand."""
    if not isinstance(operand, Range):
        yield from as_array(operand)
        return
    hidden = e.workbook.hidden_rows(operand.title, operand.row0, operand.row1, also_by_hand)
    skipped = e.workbook.subtotals(operand.title, operand.row0, operand.row1, operand.col0, operand.col1)
    for row, values in enumerate(operand.array().rows, operand.row0):
        if row not in hidden:
            yield from (value for col, value in enumerate(values, operand.col0) if (row, col) not in skipped)


# -- databases


def _met_rows(e: Any, function: str, database: Array, criteria: Array) -> list[list[Scalar]]:
    """The rows that meet all conditions of any row of the criteria."""
    names = [to_text(value).casefold() for value in database.rows[0]]
    heads = [to_text(value).casefold() for value in criteria.rows[0]]
    choices = []
    for row in criteria.rows[1:]:
        tests = []
        for head, wanted in zip(heads, row, strict=True):
            if wanted is None or wanted == "":
                continue
            if head not in names:
                raise Fault(CellError("VALUE", f"Function {function} finds no column '{head}' in the database."))
            tests.append((names.index(head), read_criterion(_as_prefix(wanted), e.locale)))
        choices.append(tests)
    return [
        row for row in database.rows[1:] if any(all(test(row[place]) for place, test in tests) for tests in choices)
    ]


def _as_prefix(wanted: Scalar) -> Scalar:
    """Text asks for values that begin with it."""
    return f"{wanted}*" if isinstance(wanted, str) and wanted[:1] not in "=<>" else wanted


def _field(function: str, database: Array, field: Scalar) -> int:
    if isinstance(field, str):
        names = [to_text(value).casefold() for value in database.rows[0]]
        if field.casefold() in names:
            return names.index(field.casefold())
    elif is_number(field) and 1 <= int(field) <= database.width:  # type: ignore[arg-type]
        return int(field) - 1  # type: ignore[arg-type]
    raise Fault(CellError("VALUE", f"Function {function} parameter 2 names no column of the database."))


def _database(name: str, kind: str) -> None:
    @operands(name, 3)
    def run(e: Any, database: Operand, field: Operand, criteria: Operand) -> Scalar:
        data = as_array(database)
        place = _field(name, data, e.single(field))
        values = [row[place] for row in _met_rows(e, name, data, as_array(criteria))]
        if kind != "GET":
            return combined(name, kind, values)
        if len(values) != 1:
            raise Fault(CellError("NUM" if values else "VALUE", f"DGET found {len(values)} rows, expected one."))
        return values[0]


for _name, _kind in (
    ("DAVERAGE", "AVERAGE"), ("DCOUNT", "COUNT"), ("DCOUNTA", "COUNTA"), ("DMAX", "MAX"), ("DMIN", "MIN"),
    ("DPRODUCT", "PRODUCT"), ("DSTDEV", "STDEV"), ("DSTDEVP", "STDEVP"), ("DSUM", "SUM"), ("DVAR", "VAR"),
    ("DVARP", "VARP"), ("DGET", "GET"),
):  # fmt: skip
    _database(_name, _kind)
