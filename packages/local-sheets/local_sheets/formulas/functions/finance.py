"""Money over time: annuities, interest rates, present values, depreciation."""

import math
from collections.abc import Callable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.faults import Fault, divided_by_zero, out_of_range
from local_sheets.formulas.functions.dates import moment_of
from local_sheets.formulas.functions.statistics import numbers_in
from local_sheets.formulas.functions.workdays import fraction_of_years
from local_sheets.formulas.operands import Operand, Scalar, as_array, to_number
from local_sheets.formulas.registry import operands, scalar


def _numbers(e: Any, name: str, given: Sequence[Scalar]) -> list[float]:
    return [float(to_number(value, name, place, e.locale)) for place, value in enumerate(given, 1)]


def growth(rate: float, periods: float) -> tuple[float, float]:
    """What 1 becomes, and what payments of 1 at the end of each period become."""
    grown = (1 + rate) ** periods
    return grown, (grown - 1) / rate if rate else periods


def payment(rate: float, periods: float, present: float, future: float = 0, start: float = 0) -> float:
    """The payment of each period; with ``start`` at its beginning."""
    grown, paid = growth(rate, periods)
    return -(future + present * grown) / (paid * (1 + rate * bool(start)))


def future_value(rate: float, periods: float, paid: float, present: float = 0, start: float = 0) -> float:
    """What is there after all payments."""
    grown, sum_of_payments = growth(rate, periods)
    return -(present * grown + paid * sum_of_payments * (1 + rate * bool(start)))


def _present_value(rate: float, periods: float, paid: float, future: float = 0, start: float = 0) -> float:
    grown, sum_of_payments = growth(rate, periods)
    return -(future + paid * sum_of_payments * (1 + rate * bool(start))) / grown


def _period_count(rate: float, paid: float, present: float, future: float = 0, start: float = 0) -> float:
    if rate == 0:
        return -(present + future) / paid
    due = paid * (1 + rate * bool(start))
    return math.log((due - future * rate) / (due + present * rate)) / math.log1p(rate)


def _interest(rate: float, period: float, periods: float, present: float, future: float = 0, start: float = 0) -> float:
    if not 1 <= period <= periods:
        raise ValueError
    if start and period == 1:
        return 0
    paid = payment(rate, periods, present, future, start)
    found = future_value(rate, period - 1, paid, present, start) * rate
    return found / (1 + rate) if start else found


def _principal(
    rate: float, period: float, periods: float, present: float, future: float = 0, start: float = 0
) -> float:
    paid = payment(rate, periods, present, future, start)
    return paid - _interest(rate, period, periods, present, future, start)


def _cumulated(compute: Callable[..., float]) -> Callable[..., float]:
    def run(rate: float, periods: float, present: float, first: float, last: float, start: float) -> float:
        if not 1 <= first <= last <= periods or rate <= 0 or present <= 0 or last > 10_000:
            raise ValueError
        listed = range(math.trunc(first), math.trunc(last) + 1)
        return math.fsum(compute(rate, period, periods, present, 0, start) for period in listed)

    return run


def _straight(cost: float, salvage: float, life: float) -> float:
    return (cost - salvage) / life


def _sum_of_years(cost: float, salvage: float, life: float, period: float) -> float:
    if not 0 < period <= life:
        raise ValueError
    return (cost - salvage) * (life - period + 1) * 2 / (life * (life + 1))


def _double_declining(cost: float, salvage: float, life: float, period: float, factor: float = 2) -> float:
    if not 0 < period <= life or cost < 0 or factor <= 0:
        raise ValueError
    share = min(factor / life, 1)
    before = cost * (1 - share) ** (period - 1)
    return float(max(min(before * share, before - salvage), 0))


def _declining(cost: float, salvage: float, life: float, period: float, months: float = 12) -> float:
    if not 0 < period <= life + (months < 12) or cost <= 0 or salvage < 0 or life > 10_000:
        raise ValueError
    rate = round(1 - (salvage / cost) ** (1 / life), 3)
    first = cost * rate * months / 12
    if period == 1:
        return float(first)
    total = first
    found = first
    for place in range(2, math.trunc(period) + 1):
        part = (12 - months) / 12 if place == life + 1 else 1
        found = (cost - total) * rate * part
        total += found
    return float(found)


def _effective(nominal: float, periods: float) -> float:
    if nominal <= 0 or periods < 1:
        raise ValueError
    return (1 + nominal / math.trunc(periods)) ** math.trunc(periods) - 1


def _nominal(effective: float, periods: float) -> float:
    if effective <= 0 or periods < 1:
        raise ValueError
    return float(math.trunc(periods) * ((1 + effective) ** (1 / math.trunc(periods)) - 1))


def _dollar(fraction: float, parts: float, *, to_decimal: bool) -> float:
    base = math.trunc(parts)
    if base < 1:
        raise ValueError
    whole, rest = math.trunc(fraction), math.fmod(fraction, 1)
    scale = 10 ** math.ceil(math.log10(base))
    return float(whole + (rest * scale / base if to_decimal else rest * base / scale))


def _of_numbers(name: str, least: int, most: int, compute: Callable[..., float]) -> None:
    @scalar(name, least, most)
    def run(e: Any, *given: Scalar) -> float:
        try:
            return compute(*_numbers(e, name, given))
        except ZeroDivisionError:
            raise Fault(divided_by_zero(name, 1)) from None
        except (ValueError, ArithmeticError, TypeError):
            message = f"An argument of {name} is outside of the range that the function has values for."
            raise Fault(CellError("NUM", message)) from None


for _name, _least, _most, _compute in (
    ("PMT", 3, 5, payment), ("FV", 3, 5, future_value), ("PV", 3, 5, _present_value), ("NPER", 3, 5, _period_count),
    ("IPMT", 4, 6, _interest), ("PPMT", 4, 6, _principal), ("CUMIPMT", 6, 6, _cumulated(_interest)),
    ("CUMPRINC", 6, 6, _cumulated(_principal)), ("SLN", 3, 3, _straight), ("SYD", 4, 4, _sum_of_years),
    ("DDB", 4, 5, _double_declining), ("DB", 4, 5, _declining), ("EFFECT", 2, 2, _effective),
    ("NOMINAL", 2, 2, _nominal), ("RRI", 3, 3, lambda periods, present, future: (future / present) ** (1 / periods) - 1),
    ("PDURATION", 3, 3, lambda rate, present, future: math.log(future / present) / math.log1p(rate)),
    ("ISPMT", 4, 4, lambda rate, period, periods, present: -present * rate * (1 - period / periods)),
    ("DOLLARDE", 2, 2, lambda value, parts: _dollar(value, parts, to_decimal=True)),
    ("DOLLARFR", 2, 2, lambda value, parts: _dollar(value, parts, to_decimal=False)),
):  # fmt: skip
    _of_numbers(_name, _least, _most, _compute)


# -- rates that only a search finds

_NO_RATE = CellError("NUM", "Unable to find a solution for the internal rate of return.")


def root(name: str, value_at: Callable[[float], float], guess: float) -> float:
    """The rate at which a value is zero: by Newton's steps, and by halving where these lead nowhere.

    Raises:
        Fault: ``#NUM!``, there is none.
    """
    if guess <= -1:
        raise Fault(CellError("NUM", f"The guess of {name} should be greater than -1."))
    rate = guess
    for _ in range(60):
        spend(10)
        try:
            value = value_at(rate)
            slope = (value_at(rate + 1e-6) - value_at(rate - 1e-6)) / 2e-6
            step = value / slope
        except (ArithmeticError, ValueError):
            break
        rate -= step
        if isinstance(rate, complex) or rate <= -1:
            break
        if abs(step) < 1e-12 * max(1, abs(rate)):
            return rate
    return _halved(name, value_at)


def _halved(name: str, value_at: Callable[[float], float]) -> float:
    edges = [-0.999999, -0.9, -0.5, -0.2, -0.05, 0.0, 0.05, 0.2, 0.5, 1, 3, 10, 100, 10_000]
    spend(400)
    for low, high in pairwise(edges):
        try:
            below, above = value_at(low), value_at(high)
        except (ArithmeticError, ValueError):
            continue
        if below * above > 0:
            continue
        for _ in range(200):
            middle = (low + high) / 2
            if value_at(low) * value_at(middle) <= 0:
                high = middle
            else:
                low = middle
        return (low + high) / 2
    raise Fault(CellError("NUM", f"{name}: {_NO_RATE.message}"))


@scalar("RATE", 3, 6)
def rate_of(
    e: Any, periods: Scalar, paid: Scalar, present: Scalar, future: Scalar = 0, start: Scalar = 0, guess: Scalar = 0.1
) -> float:
    count, each, now, later, due, first = _numbers(e, "RATE", (periods, paid, present, future, start, guess))
    return root("RATE", lambda rate: later - future_value(rate, count, each, now, due), first)


def _net_present(rate: float, flows: Sequence[float]) -> float:
    return math.fsum(flow / (1 + rate) ** place for place, flow in enumerate(flows))


@operands("NPV", 2, None)
def net_present_value(e: Any, rate: Operand, *flows: Operand) -> float:
    discount = to_number(e.single(rate), "NPV", 1, e.locale)
    if discount == -1:
        raise Fault(divided_by_zero("NPV", 1))
    return _net_present(discount, list(numbers_in(e, "NPV", flows))) / (1 + discount)


def _both_signs(name: str, flows: Sequence[float]) -> None:
    if not flows or max(flows) <= 0 or min(flows) >= 0:
        raise Fault(CellError("NUM", f"{name} takes at least one positive and one negative amount."))


@operands("IRR", 1, 2)
def internal_rate(e: Any, flows: Operand, guess: Operand = 0.1) -> float:
    listed = list(numbers_in(e, "IRR", (flows,)))
    _both_signs("IRR", listed)
    first = to_number(e.single(guess), "IRR", 2, e.locale)
    return root("IRR", lambda rate: _net_present(rate, listed), first)


@operands("MIRR", 3)
def modified_rate(e: Any, flows: Operand, finance: Operand, reinvested: Operand) -> float:
    listed = list(numbers_in(e, "MIRR", (flows,)))
    _both_signs("MIRR", listed)
    cost, gain = (
        to_number(e.single(value), "MIRR", place, e.locale) for place, value in ((2, finance), (3, reinvested))
    )
    last = len(listed) - 1
    gains = math.fsum(flow * (1 + gain) ** (last - place) for place, flow in enumerate(listed) if flow > 0)
    costs = math.fsum(flow / (1 + cost) ** place for place, flow in enumerate(listed) if flow < 0)
    return float((gains / -costs) ** (1 / last) - 1)


def _dated(e: Any, name: str, flows: Operand, days: Operand, place: int) -> tuple[list[float], list[float]]:
    amounts, moments = list(as_array(flows)), list(as_array(days))
    if len(amounts) != len(moments):
        raise Fault(CellError("NUM", f"{name} takes as many dates as amounts."))
    listed = [to_number(value, name, place, e.locale) for value in amounts]
    dates = [math.floor(to_number(value, name, place + 1, e.locale)) for value in moments]
    if not dates or min(dates) < dates[0]:
        raise Fault(out_of_range(name, place + 1, "before the first date", "No date may come before the first."))
    return listed, [(day - dates[0]) / 365 for day in dates]


def _dated_value(rate: float, flows: Sequence[float], years: Sequence[float]) -> float:
    return math.fsum(flow / (1 + rate) ** year for flow, year in zip(flows, years, strict=True))


@operands("XNPV", 3)
def dated_net_present_value(e: Any, rate: Operand, flows: Operand, days: Operand) -> float:
    discount = to_number(e.single(rate), "XNPV", 1, e.locale)
    if discount <= -1:
        raise Fault(out_of_range("XNPV", 1, f"{discount:.15G}", "It should be greater than -1."))
    return _dated_value(discount, *_dated(e, "XNPV", flows, days, 2))


@operands("XIRR", 2, 3)
def dated_internal_rate(e: Any, flows: Operand, days: Operand, guess: Operand = 0.1) -> float:
    amounts, years = _dated(e, "XIRR", flows, days, 1)
    _both_signs("XIRR", amounts)
    first = to_number(e.single(guess), "XIRR", 3, e.locale)
    return root("XIRR", lambda rate: _dated_value(rate, amounts, years), first)


@operands("FVSCHEDULE", 2)
def scheduled_future_value(e: Any, principal: Operand, rates: Operand) -> float:
    start = to_number(e.single(principal), "FVSCHEDULE", 1, e.locale)
    return math.prod((start, *(1 + rate for rate in numbers_in(e, "FVSCHEDULE", (rates,)))))


# -- securities without coupons


def _security(name: str, compute: Callable[[float, float, float], float]) -> None:
    """Functions of settlement, maturity, two amounts and a way to count days."""

    @scalar(name, 4, 5)
    def run(e: Any, settled: Scalar, matures: Scalar, one: Scalar, other: Scalar, basis: Scalar = 0) -> float:
        first, last = moment_of(e, name, settled).date(), moment_of(e, name, matures, 2).date()
        if first >= last:
            raise Fault(out_of_range(name, 1, str(first), f"It should be before {last}."))
        amounts = [to_number(value, name, place, e.locale) for place, value in ((3, one), (4, other))]
        return compute(_years(first, last, to_number(basis, name, 5, e.locale)), *amounts)


def _years(first: date, last: date, basis: float) -> float:
    return fraction_of_years(first, last, math.trunc(basis))


_security("DISC", lambda years, price, redeemed: (redeemed - price) / redeemed / years)
_security("INTRATE", lambda years, paid, redeemed: (redeemed - paid) / paid / years)
_security("RECEIVED", lambda years, paid, discount: paid / (1 - discount * years))
_security("PRICEDISC", lambda years, discount, redeemed: redeemed * (1 - discount * years))
_security("YIELDDISC", lambda years, price, redeemed: (redeemed / price - 1) / years)
