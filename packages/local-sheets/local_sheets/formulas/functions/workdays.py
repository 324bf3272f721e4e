"""Working days, weeks and parts of years."""

import calendar
import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.cell_values.serial import EPOCH, from_serial, to_serial
from local_sheets.formulas.faults import Fault, out_of_range
from local_sheets.formulas.functions.dates import moment_of
from local_sheets.formulas.operands import Operand, Scalar, each_value, is_number, number_in, to_number
from local_sheets.formulas.registry import operands, scalar

_SATURDAY_SUNDAY = frozenset({5, 6})
_FAR = 200 * 366


def _weekend(function: str, given: Scalar) -> frozenset[int]:
    """Free days of the week, Monday is 0: ``"0000011"``, 1 to 7 for two days on end, 11 to 17 for one.

    Raises:
        Fault: ``#NUM!``, it is none of these.
    """
    if given is None:
        return _SATURDAY_SUNDAY
    if isinstance(given, str):
        if len(given) == 7 and set(given) <= {"0", "1"} and given != "1111111":
            return frozenset(place for place, free in enumerate(given) if free == "1")
        raise Fault(CellError("NUM", f"Function {function} parameter 3 value '{given}' should be 7 digits 0 or 1."))
    number = math.trunc(to_number(given, function, 3, "en_US"))
    if 1 <= number <= 7:
        return frozenset({(number + 4) % 7, (number + 5) % 7})
    if 11 <= number <= 17:
        return frozenset({(number - 12) % 7})
    raise Fault(out_of_range(function, 3, str(number), "Valid values are 1 to 7 and 11 to 17."))


def _holidays(e: Any, given: Operand) -> set[date]:
    found = set()
    for value in each_value(given):
        number = number_in(value, e.locale) if isinstance(value, str) else value
        if is_number(number):
            found.add(from_serial(number).date())  # type: ignore[arg-type]
    return found


def _count(e: Any, function: str, start: Operand, end: Operand, weekend: frozenset[int], holidays: Operand) -> int:
    first, last = moment_of(e, function, e.single(start)).date(), moment_of(e, function, e.single(end), 2).date()
    sign = 1 if first <= last else -1
    first, last = min(first, last), max(first, last)
    weeks, rest = divmod((last - first).days + 1, 7)
    days = weeks * (7 - len(weekend))
    days += sum((first + timedelta(days=offset)).weekday() not in weekend for offset in range(rest))
    free = {day for day in _holidays(e, holidays) if first <= day <= last and day.weekday() not in weekend}
    return sign * (days - len(free))


@operands("NETWORKDAYS", 2, 3, each=(0, 1))
def working_days(e: Any, start: Operand, end: Operand, holidays: Operand = None) -> int:
    return _count(e, "NETWORKDAYS", start, end, _SATURDAY_SUNDAY, holidays)


@operands("NETWORKDAYS.INTL", 2, 4, each=(0, 1))
def working_days_of(e: Any, start: Operand, end: Operand, weekend: Operand = None, holidays: Operand = None) -> int:
    return _count(e, "NETWORKDAYS.INTL", start, end, _weekend("NETWORKDAYS.INTL", e.single(weekend)), holidays)


def _later(e: Any, function: str, start: Operand, days: Operand, weekend: frozenset[int], holidays: Operand) -> float:
    day = moment_of(e, function, e.single(start)).date()
    wanted = math.trunc(to_number(e.single(days), function, 2, e.locale))
    if abs(wanted) > _FAR:
        raise Fault(out_of_range(function, 2, str(wanted), f"It should be between -{_FAR} and {_FAR}."))
    free, step = _holidays(e, holidays), timedelta(days=1 if wanted > 0 else -1)
    spend(abs(wanted) * 2)
    left = abs(wanted)
    while left:
        day += step
        left -= day.weekday() not in weekend and day not in free
    return to_serial(day)


@operands("WORKDAY", 2, 3, each=(0, 1))
def work_day(e: Any, start: Operand, days: Operand, holidays: Operand = None) -> float:
    return _later(e, "WORKDAY", start, days, _SATURDAY_SUNDAY, holidays)


@operands("WORKDAY.INTL", 2, 4, each=(0, 1))
def work_day_of(e: Any, start: Operand, days: Operand, weekend: Operand = None, holidays: Operand = None) -> float:
    return _later(e, "WORKDAY.INTL", start, days, _weekend("WORKDAY.INTL", e.single(weekend)), holidays)


#: The first day of the week, Monday is 0, by the second argument of WEEKNUM.
_WEEK_STARTS = {1: 6, 2: 0, **{11 + day: day for day in range(7)}}


@scalar("WEEKNUM", 1, 2)
def week_number(e: Any, value: Scalar, kind: Scalar = 1) -> int:
    day = moment_of(e, "WEEKNUM", value).date()
    chosen = 1 if kind is None else math.trunc(to_number(kind, "WEEKNUM", 2, e.locale))
    if chosen == 21:
        return day.isocalendar().week
    if chosen not in _WEEK_STARTS:
        raise Fault(out_of_range("WEEKNUM", 2, str(chosen), "Valid values are 1, 2, 11 to 17 and 21."))
    first = day.replace(month=1, day=1)
    before = (first.weekday() - _WEEK_STARTS[chosen]) % 7
    return ((day - first).days + before) // 7 + 1


@scalar("DAYS360", 2, 3)
def days_of_360(e: Any, start: Scalar, end: Scalar, european: Scalar = False) -> int:
    first, last = moment_of(e, "DAYS360", start).date(), moment_of(e, "DAYS360", end, 2).date()
    return days_360(first, last, european=bool(to_number(european, "DAYS360", 3, e.locale)))


def days_360(first: date, last: date, *, european: bool) -> int:
    """Days between in a year of twelve months of 30 days."""
    start, end = first.day, last.day
    if european:
        start, end = min(start, 30), min(end, 30)
    else:
        if start == calendar.monthrange(first.year, first.month)[1]:
            start = 30
        if end == 31 and start >= 30:
            end = 30
    return (last.year - first.year) * 360 + (last.month - first.month) * 30 + end - start


@scalar("YEARFRAC", 2, 3)
def year_fraction(e: Any, start: Scalar, end: Scalar, basis: Scalar = 0) -> float:
    dates = sorted((moment_of(e, "YEARFRAC", start).date(), moment_of(e, "YEARFRAC", end, 2).date()))
    kind = math.trunc(to_number(basis, "YEARFRAC", 3, e.locale))
    if not 0 <= kind <= 4:
        raise Fault(out_of_range("YEARFRAC", 3, str(kind), "Valid values are between 0 and 4 inclusive."))
    return fraction_of_years(dates[0], dates[1], kind)


def fraction_of_years(first: date, last: date, basis: int) -> float:
    """How many years lie between, by one of the five ways to count days: 0 is the US one of 30 days a month."""
    match basis:
        case 0:
            return _us_30_360(first, last) / 360
        case 1:
            return (last - first).days / _average_year(first, last)
        case 2:
            return (last - first).days / 360
        case 3:
            return (last - first).days / 365
    return days_360(first, last, european=True) / 360


def _is_end_of_february(day: date) -> bool:
    return day.month == 2 and day.day == calendar.monthrange(day.year, 2)[1]


def _us_30_360(first: date, last: date) -> int:
    start, end = first.day, last.day
    if _is_end_of_february(first) and _is_end_of_february(last):
        end = 30
    if _is_end_of_february(first):
        start = 30
    if end == 31 and start >= 30:
        end = 30
    start = min(start, 30)
    return (last.year - first.year) * 360 + (last.month - first.month) * 30 + end - start


def _average_year(first: date, last: date) -> float:
    """Days of a year between the dates: of the one year where they are no more than one apart, else on average."""
    if (last.year, last.month, last.day) <= (first.year + 1, first.month, first.day):
        if first.year == last.year:
            return 366 if calendar.isleap(first.year) else 365
        leaps = (date(year, 2, 29) for year in (first.year, last.year) if calendar.isleap(year))
        return 366 if any(first <= leap <= last for leap in leaps) else 365
    return sum(366 if calendar.isleap(year) else 365 for year in _years(first, last)) / (last.year - first.year + 1)


def _years(first: date, last: date) -> Iterator[int]:
    yield from range(first.year, last.year + 1)


@scalar("EPOCHTODATE", 1, 2)
def epoch_to_date(e: Any, value: Scalar, unit: Scalar = 1) -> float:
    kind = math.trunc(to_number(unit, "EPOCHTODATE", 2, e.locale))
    if kind not in (1, 2, 3):
        raise Fault(out_of_range("EPOCHTODATE", 2, str(kind), "Valid values are between 1 and 3 inclusive."))
    seconds = to_number(value, "EPOCHTODATE", 1, e.locale) / 1000 ** (kind - 1)
    return float((date(1970, 1, 1) - EPOCH.date()).days + seconds / 86_400)
