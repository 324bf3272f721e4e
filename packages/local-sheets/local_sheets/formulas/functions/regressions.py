"""Lines, planes and curves through known values, by least squares: LINEST, LOGEST, TREND, GROWTH."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.functions.mathematics import eliminated
from local_sheets.formulas.operands import Array, Operand, Scalar, as_array, is_number, raise_error, to_boolean
from local_sheets.formulas.registry import arrays

Column = list[float]


@dataclass(frozen=True, slots=True)
class _Fit:
    """``slopes``: one for each variable. ``spread``: of each slope, then of the base, in units of the residuals' own."""

    slopes: list[float]
    base: float
    spread: list[float]
    count: int
    freedom: int
    explained: float
    rest: float

    def at(self, values: list[float]) -> float:
        return self.base + math.fsum(slope * value for slope, value in zip(self.slopes, values, strict=True))


def _fit(name: str, ys: Column, variables: list[Column], *, with_base: bool) -> _Fit:
    """The best fit; with a base the values are taken from their means, which also keeps powers of one apart."""
    count = len(ys)
    means = [math.fsum(xs) / count if with_base else 0.0 for xs in variables]
    mean = math.fsum(ys) / count if with_base else 0.0
    centred = [[x - middle for x in xs] for xs, middle in zip(variables, means, strict=True)]
    heights = [y - mean for y in ys]
    spend(count * len(variables) ** 2)
    inverse = _inverse(name, [[_product(one, other) for other in centred] for one in centred])
    heads = [_product(xs, heights) for xs in centred]
    slopes = [_product(row, heads) for row in inverse]
    explained = min(_product(slopes, heads), total := _product(heights, heights))
    of_base = _product(means, [_product(row, means) for row in inverse]) + 1 / count
    spread = [math.sqrt(max(row[place], 0)) for place, row in enumerate(inverse)]
    freedom = count - len(variables) - with_base
    base = mean - _product(slopes, means)
    return _Fit(slopes, base, [*spread, math.sqrt(of_base)], count, freedom, explained, total - explained)


def _product(one: Column, other: Column) -> float:
    return math.fsum(map(float.__mul__, one, other))


def _inverse(name: str, rows: list[Column]) -> list[Column]:
    wide = [[*row, *(float(place == other) for other in range(len(rows)))] for place, row in enumerate(rows)]
    if eliminated(wide) == 0:
        raise Fault(CellError("NUM", f"Variables of {name} are multiples of each other, or do not vary."))
    return [row[len(rows) :] for row in wide]


def _columns(name: str, operand: Operand, *, upright: bool) -> list[Column]:
    """The columns of an operand, or its rows."""
    rows = as_array(operand).rows
    numbers = [[_number(name, value) for value in row] for row in rows]
    return [list(line) for line in (zip(*numbers, strict=True) if upright else numbers)]


def _number(name: str, value: Scalar) -> float:
    if not is_number(raise_error(value)):
        raise Fault(CellError("VALUE", f"{name} takes numbers only."))
    return float(value)  # type: ignore[arg-type]


def _known(name: str, ys: Operand, xs: Operand) -> tuple[Column, list[Column], bool]:
    """The known values, their variables, and whether each variable stands upright."""
    shape = as_array(ys)
    values = [_number(name, value) for value in shape]
    upright = shape.width == 1 or (shape.height > 1 and xs is None)
    if xs is None:
        return values, [[float(place + 1) for place in range(len(values))]], upright
    given = as_array(xs)
    if (given.height, given.width) == (shape.height, shape.width):
        return values, [[_number(name, value) for value in given]], upright
    variables = _columns(name, xs, upright=upright)
    if any(len(column) != len(values) for column in variables):
        raise Fault(CellError("N_A", f"Array arguments to {name} are of different size."))
    return values, variables, upright


def _logarithms(name: str, values: Column) -> Column:
    if any(number <= 0 for number in values):
        raise Fault(CellError("NUM", f"{name} takes numbers greater than 0."))
    return list(map(math.log, values))


def _estimate(name: str, *, logarithmic: bool) -> None:
    """LINEST and LOGEST: the slopes from the last variable to the first, then the base; below how well they fit."""
    shown: Callable[[float], float] = math.exp if logarithmic else float

    @arrays(name, 1, 4)
    def run(e: Any, ys: Operand, xs: Operand = None, with_base: Operand = True, verbose: Operand = False) -> Array:
        values, variables, _ = _known(name, ys, xs)
        based = e.single(with_base) is None or to_boolean(e.single(with_base), name, 3)
        fit = _fit(name, _logarithms(name, values) if logarithmic else values, variables, with_base=based)
        first: list[Scalar] = [shown(number) for number in (*reversed(fit.slopes), fit.base)]
        return Array([first, *_quality(fit, based)] if to_boolean(e.single(verbose), name, 4) else [first])


def _quality(fit: _Fit, based: bool) -> list[list[Scalar]]:
    """Standard errors, how much is explained, F with its degrees of freedom, and the sums of squares."""
    error = math.sqrt(fit.rest / fit.freedom) if fit.freedom > 0 else 0.0
    share = fit.explained / (fit.explained + fit.rest) if fit.explained + fit.rest else 1.0
    by_chance = fit.rest / fit.freedom if fit.freedom > 0 else 0.0
    ratio = fit.explained / len(fit.slopes) / by_chance if by_chance else CellError("NUM", "The fit is exact.")
    *slopes, base = [error * spread for spread in fit.spread]
    errors: list[Scalar] = [*reversed(slopes), base if based else 0]
    pairs: list[list[Scalar]] = [[share, error], [ratio, fit.freedom], [fit.explained, fit.rest]]
    return [errors, *[[*pair, *[None] * (len(errors) - 2)] for pair in pairs]]


def _line_through(name: str, *, logarithmic: bool) -> None:
    """TREND and GROWTH: the values of the best line, or curve, through known ones."""
    shown: Callable[[float], float] = math.exp if logarithmic else float

    @arrays(name, 1, 4)
    def run(e: Any, ys: Operand, xs: Operand = None, new: Operand = None, with_base: Operand = True) -> Array:
        values, variables, upright = _known(name, ys, xs)
        based = e.single(with_base) is None or to_boolean(e.single(with_base), name, 4)
        fit = _fit(name, _logarithms(name, values) if logarithmic else values, variables, with_base=based)
        if len(variables) == 1:
            width = as_array(ys).width
            own = [variables[0][start : start + width] for start in range(0, len(values), width)]
            rows = own if new is None else _columns(name, new, upright=False)
            return Array([[shown(fit.at([x])) for x in row] for row in rows])
        lines = variables if new is None else _columns(name, new, upright=upright)
        if len(lines) != len(variables):
            raise Fault(CellError("REF", f"{name} takes as many new variables as known ones."))
        found: list[Scalar] = [shown(fit.at(list(point))) for point in zip(*lines, strict=True)]
        return Array([[value] for value in found] if upright else [found])


_estimate("LINEST", logarithmic=False)
_estimate("LOGEST", logarithmic=True)
_line_through("TREND", logarithmic=False)
_line_through("GROWTH", logarithmic=True)
