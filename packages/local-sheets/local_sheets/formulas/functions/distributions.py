"""Spread, correlation, and the usual distributions."""

import math
from collections.abc import Callable, Iterator
from statistics import NormalDist
from typing import Any

from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, nothing_to_divide, wrong_argument_count
from local_sheets.formulas.functions.statistics import numbers_in, tidy_sum
from local_sheets.formulas.operands import (
    Array,
    Operand,
    Range,
    Scalar,
    as_array,
    is_number,
    raise_error,
    to_number,
)
from local_sheets.formulas.registry import operands, scalar

_NORMAL = NormalDist()


def _listed(e: Any, name: str, given: tuple[Operand, ...], least: int = 1) -> list[float]:
    listed = [float(number) for number in numbers_in(e, name, given)]
    if len(listed) < least:
        raise Fault(nothing_to_divide(name))
    return listed


def _mean(listed: list[float]) -> float:
    return math.fsum(listed) / len(listed)


def _of_numbers(name: str, least: int, compute: Callable[[list[float]], float]) -> None:
    @operands(name, 1, None)
    def run(e: Any, *given: Operand) -> float:
        try:
            return compute(_listed(e, name, given, least))
        except ZeroDivisionError:
            raise Fault(nothing_to_divide(name)) from None
        except ValueError:
            raise Fault(CellError("NUM", f"{name} takes numbers greater than 0.")) from None


def _deviations(listed: list[float], power: int) -> float:
    mean = _mean(listed)
    return math.fsum((number - mean) ** power for number in listed)


def _skew(listed: list[float]) -> float:
    n, spread = len(listed), math.sqrt(_deviations(listed, 2) / (len(listed) - 1))
    return n / ((n - 1) * (n - 2)) * _deviations(listed, 3) / spread**3


def _skew_of_all(listed: list[float]) -> float:
    return float(_deviations(listed, 3) / len(listed) / (_deviations(listed, 2) / len(listed)) ** 1.5)


def _kurtosis(listed: list[float]) -> float:
    n, variance = len(listed), _deviations(listed, 2) / (len(listed) - 1)
    head = n * (n + 1) / ((n - 1) * (n - 2) * (n - 3)) * _deviations(listed, 4) / variance**2
    return head - 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))


def _average_deviation(listed: list[float]) -> float:
    mean = _mean(listed)
    return _mean([abs(number - mean) for number in listed])


for _name, _least, _compute in (
    ("AVEDEV", 1, _average_deviation),
    ("DEVSQ", 1, lambda listed: _deviations(listed, 2)),
    ("GEOMEAN", 1, lambda listed: math.exp(_mean([math.log(number) for number in listed]))),
    ("HARMEAN", 1, lambda listed: len(listed) / math.fsum(1 / number for number in listed)),
    ("SKEW", 3, _skew),
    ("SKEW.P", 1, _skew_of_all),
    ("KURT", 4, _kurtosis),
):
    _of_numbers(_name, _least, _compute)


def _with_text(name: str, compute: Callable[[list[float]], float], least: int = 1) -> None:
    """Functions that take text in ranges for 0 and TRUE for 1; text as an argument must be a number."""

    @operands(name, 1, None)
    def run(e: Any, *given: Operand) -> float:
        listed = []
        for place, operand in enumerate(given, 1):
            is_typed = not isinstance(operand, Array | Range)
            for value in as_array(operand):
                if raise_error(value) is not None:
                    is_zero = isinstance(value, str) and not is_typed
                    listed.append(0.0 if is_zero else float(to_number(value, name, place, e.locale)))
        if len(listed) < least:
            raise Fault(nothing_to_divide(name))
        return compute(listed)


_with_text("AVERAGEA", _mean)
_with_text("MAXA", max)
_with_text("MINA", min)
_with_text("VARA", lambda listed: _deviations(listed, 2) / (len(listed) - 1), 2)
_with_text("VARPA", lambda listed: _deviations(listed, 2) / len(listed))
_with_text("STDEVA", lambda listed: math.sqrt(_deviations(listed, 2) / (len(listed) - 1)), 2)
_with_text("STDEVPA", lambda listed: math.sqrt(_deviations(listed, 2) / len(listed)))


# -- pairs of values


def _pairs(name: str, one: Operand, other: Operand) -> tuple[list[float], list[float]]:
    left, right = list(as_array(one)), list(as_array(other))
    if len(left) != len(right):
        raise Fault(CellError("N_A", f"Array arguments to {name} are of different size."))
    kept = [
        (float(x), float(y))  # type: ignore[arg-type]
        for x, y in zip(left, right, strict=True)
        if is_number(raise_error(x)) and is_number(raise_error(y))
    ]
    return [x for x, _ in kept], [y for _, y in kept]


def _product_sum(left: list[float], right: list[float]) -> float:
    """The sum of the products of deviations from the means."""
    x, y = _mean(left), _mean(right)
    return math.fsum((a - x) * (b - y) for a, b in zip(left, right, strict=True))


def _slope(ys: list[float], xs: list[float]) -> float:
    return _product_sum(xs, ys) / _product_sum(xs, xs)


def _correlation(left: list[float], right: list[float]) -> float:
    return _product_sum(left, right) / math.sqrt(_product_sum(left, left) * _product_sum(right, right))


def _standard_error(ys: list[float], xs: list[float]) -> float:
    rest = _product_sum(ys, ys) - _product_sum(xs, ys) ** 2 / _product_sum(xs, xs)
    return math.sqrt(max(rest, 0) / (len(xs) - 2))


def _of_pairs(name: str, compute: Callable[[list[float], list[float]], float]) -> None:
    @operands(name, 2)
    def run(_: Any, one: Operand, other: Operand) -> float:
        left, right = _pairs(name, one, other)
        try:
            return compute(left, right)
        except ZeroDivisionError:
            raise Fault(nothing_to_divide(name)) from None


for _pair_name, _of_pair in {
    "CORREL": _correlation,
    "PEARSON": _correlation,
    "RSQ": lambda ys, xs: _correlation(ys, xs) ** 2,
    "COVAR": lambda left, right: _product_sum(left, right) / len(left),
    "COVARIANCE.P": lambda left, right: _product_sum(left, right) / len(left),
    "COVARIANCE.S": lambda left, right: _product_sum(left, right) / (len(left) - 1),
    "SLOPE": _slope,
    "INTERCEPT": lambda ys, xs: _mean(ys) - _slope(ys, xs) * _mean(xs),
    "STEYX": _standard_error,
    "SUMX2MY2": lambda xs, ys: tidy_sum(x * x - y * y for x, y in zip(xs, ys, strict=True)),
    "SUMX2PY2": lambda xs, ys: tidy_sum(x * x + y * y for x, y in zip(xs, ys, strict=True)),
    "SUMXMY2": lambda xs, ys: tidy_sum((x - y) ** 2 for x, y in zip(xs, ys, strict=True)),
}.items():
    _of_pairs(_pair_name, _of_pair)


@operands("AVERAGE.WEIGHTED", 2, None)
def weighted_average(_: Any, *given: Operand) -> float:
    """Takes values and their weights in turn."""
    name = "AVERAGE.WEIGHTED"
    numbers: list[float] = []
    by: list[float] = []
    if len(given) % 2:
        raise Fault(wrong_argument_count(name, len(given) + 1, len(given) + 1, len(given)))
    for values, weights in zip(given[::2], given[1::2], strict=True):
        more, more_weights = _pairs(name, values, weights)
        numbers, by = numbers + more, by + more_weights
    if any(weight < 0 for weight in by):
        raise Fault(CellError("VALUE", f"Weights of {name} must not be negative."))
    if math.fsum(by) == 0:
        raise Fault(nothing_to_divide(name))
    return math.fsum(map(float.__mul__, numbers, by)) / math.fsum(by)


def _forecast(name: str) -> None:
    @operands(name, 3, each=(0,))
    def run(e: Any, x: Operand, ys: Operand, xs: Operand) -> float:
        left, right = _pairs(name, ys, xs)
        try:
            slope = _slope(left, right)
        except ZeroDivisionError:
            raise Fault(nothing_to_divide(name)) from None
        return _mean(left) + slope * (to_number(e.single(x), name, 1, e.locale) - _mean(right))


_forecast("FORECAST")
_forecast("FORECAST.LINEAR")


# -- distributions


def _numbers(e: Any, name: str, given: tuple[Scalar, ...]) -> Iterator[float]:
    for place, value in enumerate(given, 1):
        yield float(to_number(value, name, place, e.locale))


def _distribution(name: str, count: int, compute: Callable[..., float], maximum: int | None = None) -> None:
    @scalar(name, count, maximum or count)
    def run(e: Any, *given: Scalar) -> float:
        try:
            return compute(*_numbers(e, name, given))
        except (ValueError, ZeroDivisionError, ArithmeticError):
            message = f"An argument of {name} is outside of the range that the function has values for."
            raise Fault(CellError("NUM", message)) from None


def _normal(x: float, mean: float, spread: float, cumulative: float) -> float:
    known = NormalDist(mean, spread)
    return known.cdf(x) if cumulative else known.pdf(x)


def _log_normal(x: float, mean: float, spread: float, cumulative: float = 1) -> float:
    known = NormalDist(mean, spread)
    return known.cdf(math.log(x)) if cumulative else known.pdf(math.log(x)) / x


def _comb(n: int, k: int) -> float:
    return math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1))


def _binomial(successes: float, trials: float, share: float, cumulative: float) -> float:
    k, n = math.trunc(successes), math.trunc(trials)
    if not 0 <= k <= n or n > 1_000_000 or not 0 <= share <= 1:
        raise ValueError

    def one(count: int) -> float:
        if share in (0, 1):
            return float(count == (n if share else 0))
        return math.exp(
            math.lgamma(n + 1)
            - math.lgamma(count + 1)
            - math.lgamma(n - count + 1)
            + count * math.log(share)
            + (n - count) * math.log1p(-share)
        )

    return math.fsum(map(one, range(k + 1))) if cumulative else one(k)


def _negative_binomial(failures: float, successes: float, share: float, cumulative: float = 0) -> float:
    f, s = math.trunc(failures), math.trunc(successes)
    if f < 0 or s < 1 or f > 1_000_000 or not 0 <= share <= 1:
        raise ValueError
    counts = range(f + 1) if cumulative else (f,)
    return math.fsum(_comb(count + s - 1, s - 1) * share**s * (1 - share) ** count for count in counts)


def _hypergeometric(k: float, n: float, marked: float, size: float, cumulative: float = 0) -> float:
    found, drawn, good, total = (math.trunc(number) for number in (k, n, marked, size))
    if not 0 <= found <= min(drawn, good) or drawn > total or good > total or total > 1_000_000:
        raise ValueError
    counts = [c for c in (range(found + 1) if cumulative else (found,)) if drawn - c <= total - good]
    return math.fsum(math.comb(good, c) * math.comb(total - good, drawn - c) / math.comb(total, drawn) for c in counts)


def _poisson(x: float, mean: float, cumulative: float) -> float:
    count = math.trunc(x)
    if count < 0 or count > 1_000_000 or mean < 0:
        raise ValueError

    def one(k: int) -> float:
        return math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) if mean else float(k == 0)

    return math.fsum(map(one, range(count + 1))) if cumulative else one(count)


def _exponential(x: float, rate: float, cumulative: float) -> float:
    if x < 0 or rate <= 0:
        raise ValueError
    return 1 - math.exp(-rate * x) if cumulative else rate * math.exp(-rate * x)


def _weibull(x: float, shape: float, scale: float, cumulative: float) -> float:
    if x < 0 or shape <= 0 or scale <= 0:
        raise ValueError
    if cumulative:
        return 1 - math.exp(-((x / scale) ** shape))
    return float(shape / scale * (x / scale) ** (shape - 1) * math.exp(-((x / scale) ** shape)))


def _between(low: float, high: float) -> None:
    if not low < high:
        raise ValueError


def _inverse_normal(share: float, mean: float = 0, spread: float = 1) -> float:
    _between(0, share)
    return NormalDist(mean, spread).inv_cdf(share)


def _confidence(alpha: float, spread: float, size: float) -> float:
    if size < 1 or spread <= 0:
        raise ValueError
    return _NORMAL.inv_cdf(1 - alpha / 2) * spread / math.sqrt(math.trunc(size))


def _standardized(x: float, mean: float, spread: float) -> float:
    _between(0, spread)
    return (x - mean) / spread


def _fisher(x: float) -> float:
    return math.atanh(x)


for _name, _count, _of, _maximum in (
    ("NORMDIST", 4, _normal, None), ("NORM.DIST", 4, _normal, None), ("NORMSDIST", 1, _NORMAL.cdf, None),
    ("NORM.S.DIST", 1, lambda x, cumulative=1: _normal(x, 0, 1, cumulative), 2), ("NORMINV", 3, _inverse_normal, None),
    ("NORM.INV", 3, _inverse_normal, None), ("NORMSINV", 1, _inverse_normal, None),
    ("NORM.S.INV", 1, _inverse_normal, None), ("PHI", 1, _NORMAL.pdf, None),
    ("GAUSS", 1, lambda x: _NORMAL.cdf(x) - 0.5, None), ("LOGNORMDIST", 3, _log_normal, None),
    ("LOGNORM.DIST", 4, _log_normal, None), ("LOGINV", 3, lambda p, m, s: math.exp(_inverse_normal(p, m, s)), None),
    ("LOGNORM.INV", 3, lambda p, m, s: math.exp(_inverse_normal(p, m, s)), None),
    ("BINOMDIST", 4, _binomial, None), ("BINOM.DIST", 4, _binomial, None),
    ("NEGBINOMDIST", 3, _negative_binomial, None), ("NEGBINOM.DIST", 4, _negative_binomial, None),
    ("HYPGEOMDIST", 4, _hypergeometric, None), ("HYPGEOM.DIST", 5, _hypergeometric, None),
    ("POISSON", 3, _poisson, None), ("POISSON.DIST", 3, _poisson, None), ("EXPONDIST", 3, _exponential, None),
    ("EXPON.DIST", 3, _exponential, None), ("WEIBULL", 4, _weibull, None), ("WEIBULL.DIST", 4, _weibull, None),
    ("CONFIDENCE", 3, _confidence, None), ("CONFIDENCE.NORM", 3, _confidence, None),
    ("STANDARDIZE", 3, _standardized, None), ("FISHER", 1, _fisher, None), ("FISHERINV", 1, math.tanh, None),
):  # fmt: skip
    _distribution(_name, _count, _of, _maximum)
