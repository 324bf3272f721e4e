"""Bonds and treasury bills: coupons, prices, yields, accrued interest; depreciation between two moments."""

import calendar
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.cell_values.serial import to_serial
from local_sheets.formulas.faults import Fault, out_of_range
from local_sheets.formulas.functions.dates import moment_of
from local_sheets.formulas.functions.finance import root
from local_sheets.formulas.functions.workdays import fraction_of_years
from local_sheets.formulas.operands import Scalar, to_number
from local_sheets.formulas.registry import scalar


@dataclass(frozen=True, slots=True)
class Coupons:
    """The coupons of a bond as seen from its settlement: days of the running period, and how many are to come."""

    previous: date
    next: date
    count: int
    days: float
    days_before: float
    days_after: float
    frequency: int

    @property
    def share(self) -> float:
        """The part of the running period that is to come."""
        return self.days_after / self.days


def _months_before(day: date, months: int) -> date:
    """Ends of months stay ends of months."""
    place = day.year * 12 + day.month - 1 - months
    year, month = place // 12, place % 12 + 1
    last = calendar.monthrange(year, month)[1]
    is_end = day.day == calendar.monthrange(day.year, day.month)[1]
    return date(year, month, last if is_end else min(day.day, last))


def _days(first: date, last: date, basis: int) -> float:
    return round(fraction_of_years(first, last, basis) * 360) if basis in (0, 4) else (last - first).days


def _coupons(name: str, settled: date, matures: date, frequency: float, basis: float) -> Coupons:
    count, kind, number = 1, math.trunc(basis), math.trunc(frequency)
    if number not in (1, 2, 4) or not 0 <= kind <= 4:
        raise Fault(CellError("NUM", f"{name} takes 1, 2 or 4 coupons a year, and 0 to 4 for the way to count days."))
    step = 12 // number
    while (previous := _months_before(matures, count * step)) > settled:
        spend(1)
        count += 1
    following = _months_before(matures, (count - 1) * step)
    whole = {1: (following - previous).days, 3: 365 / number}.get(kind, 360 / number)
    before = _days(previous, settled, kind)
    after = whole - before if kind in (0, 4) else (following - settled).days
    return Coupons(previous, following, count, whole, before, after, number)


def _span(e: Any, name: str, settled: Scalar, matures: Scalar) -> tuple[date, date]:
    first, last = moment_of(e, name, settled).date(), moment_of(e, name, matures, 2).date()
    if first >= last:
        raise Fault(out_of_range(name, 1, str(first), f"It should be before {last}."))
    return first, last


def _numbers(e: Any, name: str, first_place: int, *given: Scalar) -> list[float]:
    return [float(to_number(value, name, place, e.locale)) for place, value in enumerate(given, first_place)]


def _of_coupons(name: str, read: Callable[[Coupons], Any]) -> None:
    @scalar(name, 3, 4)
    def run(e: Any, settled: Scalar, matures: Scalar, frequency: Scalar, basis: Scalar = 0) -> Any:
        first, last = _span(e, name, settled, matures)
        return read(_coupons(name, first, last, *_numbers(e, name, 3, frequency, basis)))


for _name, _read in (
    ("COUPDAYBS", lambda coupons: coupons.days_before), ("COUPDAYS", lambda coupons: coupons.days),
    ("COUPDAYSNC", lambda coupons: coupons.days_after), ("COUPNUM", lambda coupons: coupons.count),
    ("COUPNCD", lambda coupons: to_serial(coupons.next)), ("COUPPCD", lambda coupons: to_serial(coupons.previous)),
):  # fmt: skip
    _of_coupons(_name, _read)


def _price(coupons: Coupons, rate: float, yielded: float, redeemed: float) -> float:
    paid, each = 100 * rate / coupons.frequency, yielded / coupons.frequency
    spend(coupons.count)
    accrued = paid * coupons.days_before / coupons.days
    if coupons.count == 1:
        return (paid + redeemed) / (1 + each * coupons.share) - accrued
    worth = (paid / (1 + each) ** (place + coupons.share) for place in range(coupons.count))
    return float(redeemed / (1 + each) ** (coupons.count - 1 + coupons.share)) + math.fsum(worth) - accrued


@scalar("PRICE", 6, 7)
def price(
    e: Any, settled: Scalar, matures: Scalar, rate: Scalar, yielded: Scalar, redeemed: Scalar, frequency: Scalar,
    basis: Scalar = 0,
) -> float:  # fmt: skip
    first, last = _span(e, "PRICE", settled, matures)
    interest, wanted, end, often, kind = _numbers(e, "PRICE", 3, rate, yielded, redeemed, frequency, basis)
    if interest < 0 or wanted < 0 or end <= 0:
        raise Fault(CellError("NUM", "PRICE takes no rates below 0, and a redemption above 0."))
    return _price(_coupons("PRICE", first, last, often, kind), interest, wanted, end)


@scalar("YIELD", 6, 7)
def yield_of(
    e: Any, settled: Scalar, matures: Scalar, rate: Scalar, cost: Scalar, redeemed: Scalar, frequency: Scalar,
    basis: Scalar = 0,
) -> float:  # fmt: skip
    first, last = _span(e, "YIELD", settled, matures)
    interest, paid, end, often, kind = _numbers(e, "YIELD", 3, rate, cost, redeemed, frequency, basis)
    coupons = _coupons("YIELD", first, last, often, kind)
    return root("YIELD", lambda wanted: _price(coupons, interest, wanted, end) - paid, interest or 0.05)


def _duration(name: str, *, modified: bool) -> None:
    @scalar(name, 5, 6)
    def run(
        e: Any, settled: Scalar, matures: Scalar, rate: Scalar, yielded: Scalar, frequency: Scalar, basis: Scalar = 0
    ) -> float:
        first, last = _span(e, name, settled, matures)
        interest, wanted, often, kind = _numbers(e, name, 3, rate, yielded, frequency, basis)
        coupons = _coupons(name, first, last, often, kind)
        spend(coupons.count)
        each, paid = 1 + wanted / coupons.frequency, 100 * interest / coupons.frequency
        times = [place + coupons.share for place in range(coupons.count)]
        flows = [paid] * (coupons.count - 1) + [paid + 100]
        worth = [flow / each**time for flow, time in zip(flows, times, strict=True)]
        years = math.fsum(w * t for w, t in zip(worth, times, strict=True)) / math.fsum(worth) / coupons.frequency
        return years / each if modified else years


_duration("DURATION", modified=False)
_duration("MDURATION", modified=True)


def _years(first: date, last: date, basis: float) -> float:
    return fraction_of_years(first, last, math.trunc(basis))


@scalar("ACCRINTM", 4, 5)
def accrued_at_maturity(
    e: Any, issued: Scalar, matures: Scalar, rate: Scalar, redeemed: Scalar, basis: Scalar = 0
) -> float:
    first, last = _span(e, "ACCRINTM", issued, matures)
    interest, amount, kind = _numbers(e, "ACCRINTM", 3, rate, redeemed, basis)
    return amount * interest * _years(first, last, kind)


@scalar("ACCRINT", 6, 7)
def accrued(
    e: Any, issued: Scalar, _first: Scalar, settled: Scalar, rate: Scalar, redeemed: Scalar, _frequency: Scalar,
    basis: Scalar = 0,
) -> float:  # fmt: skip
    first, last = _span(e, "ACCRINT", issued, settled)
    interest, amount, _, kind = _numbers(e, "ACCRINT", 4, rate, redeemed, _frequency, basis)
    return amount * interest * _years(first, last, kind)


def _at_maturity(name: str, compute: Callable[[float, float, float, float, float], float]) -> None:
    @scalar(name, 5, 6)
    def run(
        e: Any, settled: Scalar, matures: Scalar, issued: Scalar, rate: Scalar, other: Scalar, basis: Scalar = 0
    ) -> float:
        first, last = _span(e, name, settled, matures)
        start = moment_of(e, name, issued, 3).date()
        interest, amount, kind = _numbers(e, name, 4, rate, other, basis)
        spans = (_years(start, last, kind), _years(first, last, kind), _years(start, first, kind))
        return compute(interest, amount, *spans)


_at_maturity("PRICEMAT", lambda rate, y, whole, rest, gone: 100 * ((1 + whole * rate) / (1 + rest * y) - gone * rate))
_at_maturity("YIELDMAT", lambda rate, p, whole, rest, gone: ((1 + whole * rate) / (p / 100 + gone * rate) - 1) / rest)


def _bill(name: str, compute: Callable[[float, int], float]) -> None:
    @scalar(name, 3)
    def run(e: Any, settled: Scalar, matures: Scalar, given: Scalar) -> float:
        first, last = _span(e, name, settled, matures)
        amount, days = to_number(given, name, 3, e.locale), (last - first).days
        if days > 366 or amount <= 0:
            raise Fault(CellError("NUM", f"{name} takes an amount above 0, and at most a year between its dates."))
        return compute(amount, days)


def _bond_equivalent(discount: float, days: int) -> float:
    if days <= 182:
        return 365 * discount / (360 - discount * days)
    years, paid = days / (366 if days == 366 else 365), 1 - discount * days / 360
    return (-2 * years + 2 * math.sqrt(years**2 - (2 * years - 1) * (1 - 1 / paid))) / (2 * years - 1)


_bill("TBILLEQ", _bond_equivalent)
_bill("TBILLPRICE", lambda discount, days: 100 * (1 - discount * days / 360))
_bill("TBILLYIELD", lambda paid, days: (100 - paid) / paid * 360 / days)


@scalar("VDB", 5, 7)
def declining_between(
    e: Any, cost: Scalar, salvage: Scalar, life: Scalar, start: Scalar, end: Scalar, factor: Scalar = 2,
    no_switch: Scalar = False,
) -> float:  # fmt: skip
    worth, least, periods, first, last, speed, stays = _numbers(
        e, "VDB", 1, cost, salvage, life, start, end, factor, no_switch
    )
    if not 0 <= first <= last <= periods or worth < 0 or least < 0 or speed <= 0 or periods > 100_000:
        raise Fault(CellError("NUM", "VDB takes a period within the life, and no amounts below 0."))
    total = 0.0
    for place in range(math.ceil(last)):
        spend(1)
        share = max(min(worth * min(speed / periods, 1), worth - least), 0)
        if not stays:
            share = max(share, (worth - least) / (periods - place))
        total += share * max(min(place + 1, last) - max(place, first), 0)
        worth -= share
    return total


@scalar("AMORLINC", 6, 7)
def linear_depreciation(
    e: Any, cost: Scalar, bought: Scalar, first_end: Scalar, salvage: Scalar, period: Scalar, rate: Scalar,
    basis: Scalar = 0,
) -> float:  # fmt: skip
    """French depreciation: the first period counts from the purchase, the last one takes what is left."""
    worth, least, place, share, kind = _numbers(e, "AMORLINC", 1, cost, salvage, period, rate, basis)
    start, end = moment_of(e, "AMORLINC", bought, 2).date(), moment_of(e, "AMORLINC", first_end, 3).date()
    if worth < 0 or not 0 <= least <= worth or place < 0 or share < 0 or start > end or not 0 <= kind <= 4:
        raise Fault(
            CellError("NUM", "AMORLINC takes amounts that are not negative, in order, and 0 to 4 for the basis.")
        )
    each, number = worth * share, math.trunc(place)
    first = min(each * fraction_of_years(start, end, math.trunc(kind)), worth - least)
    whole = math.trunc((worth - least - first) / each) if each else 0
    if number == 0 or not each:
        return first if number == 0 else 0.0
    rest = worth - least - first - each * whole
    return each if number <= whole else rest if number == whole + 1 else 0.0
