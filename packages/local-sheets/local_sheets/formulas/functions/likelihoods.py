"""Distributions that follow from the gamma and beta functions: chi-squared, t, F, and tests with them."""

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.functions.statistics import numbers_in
from local_sheets.formulas.operands import Operand, Scalar, as_array, is_number, to_number
from local_sheets.formulas.registry import operands, scalar

_TINY, _MOST_TERMS = 1e-300, 10_000


def _checked(holds: bool) -> None:
    if not holds:
        raise ValueError


def gamma_share(shape: float, x: float) -> float:
    """The lower regularized incomplete gamma function.

    Source: https://dlmf.nist.gov/8.7.E1 and https://dlmf.nist.gov/8.9.E2
    """
    _checked(shape > 0 and x >= 0)
    if x == 0:
        return 0.0
    head = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1:
        term = total = 1 / shape
        for count in range(1, _MOST_TERMS):
            term *= x / (shape + count)
            total += term
            if term < total * 1e-17:
                break
        return min(head * total, 1.0)
    b = x + 1 - shape
    c, d = 1 / _TINY, 1 / b
    found = d
    for count in range(1, _MOST_TERMS):
        a = -count * (count - shape)
        b += 2
        d = 1 / (_or_tiny(a * d + b))
        c = _or_tiny(b + a / c)
        found *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return 1 - head * found


def _or_tiny(number: float) -> float:
    return number if abs(number) > _TINY else _TINY


def beta_share(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function.

    Source: https://dlmf.nist.gov/8.17.E22
    """
    _checked(a > 0 and b > 0 and 0 <= x <= 1)
    if x in (0, 1):
        return float(x)
    if x > (a + 1) / (a + b + 2):
        return 1 - beta_share(b, a, 1 - x)
    head = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    c, d = 1.0, 1 / _or_tiny(1 - (a + b) * x / (a + 1))
    found = d
    for count in range(1, _MOST_TERMS):
        for factor in (
            count * (b - count) * x / ((a + 2 * count - 1) * (a + 2 * count)),
            -(a + count) * (a + b + count) * x / ((a + 2 * count) * (a + 2 * count + 1)),
        ):
            d = 1 / _or_tiny(1 + factor * d)
            c = _or_tiny(1 + factor / c)
            found *= c * d
        if abs(c * d - 1) < 1e-16:
            break
    return head * found


def _gamma(x: float, shape: float, scale: float, cumulative: float) -> float:
    _checked(x >= 0 and shape > 0 and scale > 0)
    if cumulative:
        return gamma_share(shape, x / scale)
    if x == 0:
        return 1 / scale if shape == 1 else 0.0
    return math.exp((shape - 1) * math.log(x) - x / scale - shape * math.log(scale) - math.lgamma(shape))


def _chi(x: float, freedom: float) -> float:
    return gamma_share(math.trunc(freedom) / 2, x / 2)


def _chi_density(x: float, freedom: float, cumulative: float) -> float:
    return _gamma(x, math.trunc(freedom) / 2, 2, cumulative)


def _beta(x: float, a: float, b: float, cumulative: float, low: float = 0, high: float = 1) -> float:
    _checked(low < high)
    place = (x - low) / (high - low)
    if cumulative:
        return beta_share(a, b, place)
    _checked(0 < place < 1)
    log = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + (a - 1) * math.log(place) + (b - 1) * math.log1p(-place)
    )
    return math.exp(log) / (high - low)


def _t(x: float, freedom: float) -> float:
    """The share below."""
    freedom = math.trunc(freedom)
    _checked(freedom >= 1)
    tail = beta_share(freedom / 2, 0.5, freedom / (freedom + x * x)) / 2
    return 1 - tail if x > 0 else tail


def _t_any(x: float, freedom: float, cumulative: float) -> float:
    if cumulative:
        return _t(x, freedom)
    n = math.trunc(freedom)
    log = (
        math.lgamma((n + 1) / 2) - math.lgamma(n / 2) - math.log(n * math.pi) / 2 - (n + 1) / 2 * math.log1p(x * x / n)
    )
    return math.exp(log)


def _t_tails(x: float, freedom: float, tails: float) -> float:
    _checked(x >= 0 and math.trunc(tails) in (1, 2))
    return (1 - _t(x, freedom)) * math.trunc(tails)


def _f(x: float, one: float, other: float) -> float:
    first, second = math.trunc(one), math.trunc(other)
    _checked(x >= 0 and first >= 1 and second >= 1)
    return beta_share(first / 2, second / 2, first * x / (first * x + second))


def _f_any(x: float, one: float, other: float, cumulative: float) -> float:
    if cumulative:
        return _f(x, one, other)
    m, n = math.trunc(one), math.trunc(other)
    log = math.lgamma((m + n) / 2) - math.lgamma(m / 2) - math.lgamma(n / 2) + m / 2 * math.log(m / n)
    return math.exp(log + (m / 2 - 1) * math.log(x) - (m + n) / 2 * math.log1p(m * x / n))


def inverse(share_at: Callable[[float], float], share: float, low: float, high: float) -> float:
    """Where a rising share is reached: by halving, after the upper end was moved far enough."""
    _checked(0 < share < 1)
    for _ in range(200):
        if share_at(high) >= share:
            break
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if share_at(middle) >= share else (middle, high)
        if high - low <= 1e-15 * max(1, abs(high)):
            break
    return (low + high) / 2


def _t_inverse(share: float, freedom: float) -> float:
    if share == 0.5:
        return 0.0
    found = inverse(lambda x: _t(x, freedom), max(share, 1 - share), 0, 1)
    return found if share > 0.5 else -found


def _binomial_inverse(trials: float, share: float, wanted: float) -> float:
    count, total = math.trunc(trials), 0.0
    _checked(0 <= count <= 100_000 and 0 < share < 1 and 0 < wanted < 1)
    for k in range(count + 1):
        ways = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        total += math.exp(ways + k * math.log(share) + (count - k) * math.log1p(-share))
        if total >= wanted:
            return k
    return count


def _confidence(alpha: float, spread: float, size: float) -> float:
    _checked(spread > 0 and size > 1)
    return _t_inverse(1 - alpha / 2, size - 1) * spread / math.sqrt(size)


def _declare(name: str, count: int, compute: Callable[..., float], maximum: int | None = None) -> None:
    @scalar(name, count, maximum or count)
    def run(e: Any, *given: Scalar) -> float:
        numbers = [float(to_number(value, name, place, e.locale)) for place, value in enumerate(given, 1)]
        try:
            return compute(*numbers)
        except (ValueError, ArithmeticError):
            message = f"An argument of {name} is outside of the range that the function has values for."
            raise Fault(CellError("NUM", message)) from None


for _name, _count, _compute, _maximum in (
    ("GAMMADIST", 4, _gamma, None), ("GAMMA.DIST", 4, _gamma, None),
    ("GAMMAINV", 3, lambda p, a, b: inverse(lambda x: gamma_share(a, x / b), p, 0, 1), None),
    ("GAMMA.INV", 3, lambda p, a, b: inverse(lambda x: gamma_share(a, x / b), p, 0, 1), None),
    ("CHIDIST", 2, lambda x, n: 1 - _chi(x, n), None), ("CHISQ.DIST", 3, _chi_density, None),
    ("CHISQ.DIST.RT", 2, lambda x, n: 1 - _chi(x, n), None),
    ("CHIINV", 2, lambda p, n: inverse(lambda x: _chi(x, n), 1 - p, 0, 1), None),
    ("CHISQ.INV", 2, lambda p, n: inverse(lambda x: _chi(x, n), p, 0, 1), None),
    ("CHISQ.INV.RT", 2, lambda p, n: inverse(lambda x: _chi(x, n), 1 - p, 0, 1), None),
    ("BETADIST", 3, lambda x, a, b, low=0, high=1: _beta(x, a, b, 1, low, high), 5), ("BETA.DIST", 4, _beta, 6),
    ("BETAINV", 3, lambda p, a, b, low=0, high=1: low + (high - low) * inverse(lambda x: beta_share(a, b, x), p, 0, 1), 5),
    ("BETA.INV", 3, lambda p, a, b, low=0, high=1: low + (high - low) * inverse(lambda x: beta_share(a, b, x), p, 0, 1), 5),
    ("TDIST", 3, _t_tails, None), ("T.DIST", 3, _t_any, None), ("T.DIST.RT", 2, lambda x, n: 1 - _t(x, n), None),
    ("T.DIST.2T", 2, lambda x, n: _t_tails(x, n, 2), None), ("TINV", 2, lambda p, n: _t_inverse(1 - p / 2, n), None),
    ("T.INV", 2, _t_inverse, None), ("T.INV.2T", 2, lambda p, n: _t_inverse(1 - p / 2, n), None),
    ("FDIST", 3, lambda x, m, n: 1 - _f(x, m, n), None), ("F.DIST", 4, _f_any, None),
    ("F.DIST.RT", 3, lambda x, m, n: 1 - _f(x, m, n), None),
    ("FINV", 3, lambda p, m, n: inverse(lambda x: _f(x, m, n), 1 - p, 0, 1), None),
    ("F.INV", 3, lambda p, m, n: inverse(lambda x: _f(x, m, n), p, 0, 1), None),
    ("F.INV.RT", 3, lambda p, m, n: inverse(lambda x: _f(x, m, n), 1 - p, 0, 1), None),
    ("BINOM.INV", 3, _binomial_inverse, None), ("CRITBINOM", 3, _binomial_inverse, None),
    ("CONFIDENCE.T", 3, _confidence, None),
):  # fmt: skip
    _declare(_name, _count, _compute, _maximum)


# -- tests


def _variance(listed: list[float]) -> float:
    mean = math.fsum(listed) / len(listed)
    return math.fsum((number - mean) ** 2 for number in listed) / (len(listed) - 1)


def _t_test(one: list[float], other: list[float], tails: int, kind: int) -> float:
    if kind == 1:
        _checked(len(one) == len(other))
        gaps = [a - b for a, b in zip(one, other, strict=True)]
        t = math.fsum(gaps) / len(gaps) / math.sqrt(_variance(gaps) / len(gaps))
        return _t_tails(abs(t), len(gaps) - 1, tails)
    gap = math.fsum(one) / len(one) - math.fsum(other) / len(other)
    first, second = _variance(one) / len(one), _variance(other) / len(other)
    freedom = len(one) + len(other) - 2.0
    if kind == 2:
        pooled = (_variance(one) * (len(one) - 1) + _variance(other) * (len(other) - 1)) / freedom
        return _t_tails(abs(gap) / math.sqrt(pooled * (1 / len(one) + 1 / len(other))), freedom, tails)
    _checked(kind == 3)
    freedom = (first + second) ** 2 / (first**2 / (len(one) - 1) + second**2 / (len(other) - 1))
    t = abs(gap) / math.sqrt(first + second)
    return beta_share(freedom / 2, 0.5, freedom / (freedom + t * t)) / (2 if tails == 1 else 1)


def _lists(e: Any, name: str, given: tuple[Operand, ...]) -> list[list[float]]:
    return [[float(number) for number in numbers_in(e, name, (operand,))] for operand in given]


def _test(name: str, count: int, maximum: int, compute: Callable[..., float]) -> None:
    @operands(name, count, maximum)
    def run(e: Any, *given: Operand) -> float:
        try:
            return compute(e, *given)
        except (ValueError, ArithmeticError):
            raise Fault(CellError("NUM", f"{name} has no value for these data.")) from None


def _t_of(e: Any, one: Operand, other: Operand, tails: Operand, kind: Operand) -> float:
    first, second = _lists(e, "TTEST", (one, other))
    chosen = [
        math.trunc(to_number(e.single(value), "TTEST", place, e.locale)) for place, value in ((3, tails), (4, kind))
    ]
    return _t_test(first, second, *chosen)


def _f_of(e: Any, one: Operand, other: Operand) -> float:
    first, second = _lists(e, "FTEST", (one, other))
    share = _f(_variance(first) / _variance(second), len(first) - 1, len(second) - 1)
    return 2 * min(share, 1 - share)


def _z_of(e: Any, data: Operand, value: Operand, spread: Operand = None) -> float:
    listed = _lists(e, "ZTEST", (data,))[0]
    mean, wanted = math.fsum(listed) / len(listed), to_number(e.single(value), "ZTEST", 2, e.locale)
    given = e.single(spread)
    sigma = math.sqrt(_variance(listed)) if given is None else to_number(given, "ZTEST", 3, e.locale)
    return 1 - NormalDist().cdf((mean - wanted) / (sigma / math.sqrt(len(listed))))


def _chi_of(e: Any, observed: Operand, expected: Operand) -> float:
    seen, hoped = as_array(observed), as_array(expected)
    first, second = _lists(e, "CHITEST", (observed, expected))
    _checked(len(first) == len(second) > 1)
    x = math.fsum((a - b) ** 2 / b for a, b in zip(first, second, strict=True))
    freedom = (seen.height - 1) * (seen.width - 1) if seen.height > 1 and seen.width > 1 else len(first) - 1
    _checked(hoped.height == seen.height)
    return 1 - _chi(x, freedom)


for _test_name in ("TTEST", "T.TEST"):
    _test(_test_name, 4, 4, _t_of)
for _test_name in ("FTEST", "F.TEST"):
    _test(_test_name, 2, 2, _f_of)
for _test_name in ("ZTEST", "Z.TEST"):
    _test(_test_name, 2, 3, _z_of)
for _test_name in ("CHITEST", "CHISQ.TEST"):
    _test(_test_name, 2, 2, _chi_of)


@operands("PROB", 3, 4)
def probability(e: Any, data: Operand, shares: Operand, low: Operand, high: Operand = None) -> float:
    values, weights = list(as_array(data)), list(as_array(shares))
    first = to_number(e.single(low), "PROB", 3, e.locale)
    last = first if e.single(high) is None else to_number(e.single(high), "PROB", 4, e.locale)
    if len(values) != len(weights):
        raise Fault(CellError("NUM", "Array arguments to PROB are of different size."))
    chosen = [float(w) for v, w in zip(values, weights, strict=True) if is_number(v) and first <= v <= last]  # type: ignore[operator,arg-type]
    return math.fsum(chosen)


@operands("MARGINOFERROR", 2)
def margin_of_error(e: Any, data: Operand, confidence: Operand) -> float:
    listed = _lists(e, "MARGINOFERROR", (data,))[0]
    level = to_number(e.single(confidence), "MARGINOFERROR", 2, e.locale)
    if len(listed) < 2 or not 0 < level < 1:
        raise Fault(CellError("NUM", "MARGINOFERROR takes two values or more, and a confidence between 0 and 1."))
    return NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(_variance(listed) / len(listed))
