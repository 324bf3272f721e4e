"""Dates and times, as serial numbers."""

import calendar
import math
import re
from datetime import date, datetime, timedelta
from typing import Any

from local_sheets.cell_values.model import CellError
from local_sheets.cell_values.serial import EPOCH, from_serial, to_serial
from local_sheets.formulas.faults import Fault, out_of_range
from local_sheets.formulas.operands import Scalar, number_in, to_number
from local_sheets.formulas.registry import scalar

#: As in ``MONTH(A1&1)``, which makes a number of a month's name; typed into a cell such a text stays one.
_MONTH_AND_DAY = re.compile(r"^([^\W\d_]{3,})(\d{1,2})$")


def moment_of(e: Any, function: str, value: Scalar, place: int = 1) -> datetime:
    """The moment that an argument is.

    Raises:
        Fault: ``#NUM!``, it is beyond all calendars.
    """
    if isinstance(value, str):
        value = _MONTH_AND_DAY.sub(r"\1 \2", value)
    days = to_number(value, function, place, e.locale)
    try:
        return from_serial(days)
    except OverflowError:
        raise Fault(out_of_range(function, place, f"{days:g}", "It should be a date.")) from None


def _whole(e: Any, function: str, place: int, value: Scalar) -> int:
    return math.trunc(to_number(value, function, place, e.locale))


@scalar("TODAY", 0)
def today(e: Any) -> float:
    return to_serial(e.workbook.now().date())


@scalar("NOW", 0)
def now(e: Any) -> float:
    return to_serial(e.workbook.now())


@scalar("DATE", 3)
def date_of(e: Any, year: Scalar, month: Scalar, day: Scalar) -> float:
    years = _whole(e, "DATE", 1, year)
    if not 0 <= years <= 9999:
        raise Fault(out_of_range("DATE", 1, str(years), "It should be between 0 and 9999."))
    years += 1900 if years < 1900 else 0
    months = years * 12 + _whole(e, "DATE", 2, month) - 1
    first = _first_of(months, "DATE")
    return (first - EPOCH.date()).days + _whole(e, "DATE", 3, day) - 1


def _first_of(months: int, function: str) -> date:
    """The first day of a month counted from the year 0."""
    if not 12 <= months < 120_000:
        raise Fault(CellError("NUM", f"{function} evaluates to an out of bounds date."))
    return date(months // 12, months % 12 + 1, 1)


@scalar("TIME", 3)
def time_of(e: Any, hour: Scalar, minute: Scalar, second: Scalar) -> float:
    seconds = _whole(e, "TIME", 1, hour) * 3600 + _whole(e, "TIME", 2, minute) * 60 + _whole(e, "TIME", 3, second)
    if seconds < 0:
        raise Fault(out_of_range("TIME", 1, "negative", "It should be greater than or equal to zero."))
    return (seconds % 86_400) / 86_400


def _part(name: str, attribute: str) -> None:
    @scalar(name, 1)
    def run(e: Any, value: Scalar) -> int:
        return int(getattr(moment_of(e, name, value), attribute))


for _name in ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"):
    _part(_name, _name.lower())


@scalar("WEEKDAY", 1, 2)
def weekday(e: Any, value: Scalar, kind: Scalar = 1) -> int:
    day, chosen = moment_of(e, "WEEKDAY", value).weekday(), _whole(e, "WEEKDAY", 2, kind)
    match chosen:
        case 1:
            return (day + 1) % 7 + 1
        case 2:
            return day + 1
        case 3:
            return day
    if 11 <= chosen <= 17:  # the week begins on Monday, Tuesday ...
        return (day - (chosen - 11)) % 7 + 1
    raise Fault(out_of_range("WEEKDAY", 2, str(chosen), "Valid values are 1 to 3 and 11 to 17."))


@scalar("ISOWEEKNUM", 1)
def iso_week(e: Any, value: Scalar) -> int:
    return moment_of(e, "ISOWEEKNUM", value).isocalendar().week


@scalar("DAYS", 2)
def days(e: Any, end: Scalar, start: Scalar) -> int:
    return math.floor(to_number(end, "DAYS", 1, e.locale)) - math.floor(to_number(start, "DAYS", 2, e.locale))


def _month_later(e: Any, function: str, start: Scalar, months: Scalar) -> date:
    moment = moment_of(e, function, start)
    return _first_of(moment.year * 12 + moment.month - 1 + _whole(e, function, 2, months), function)


@scalar("EDATE", 2)
def e_date(e: Any, start: Scalar, months: Scalar) -> float:
    first = _month_later(e, "EDATE", start, months)
    last_day = calendar.monthrange(first.year, first.month)[1]
    return to_serial(first.replace(day=min(moment_of(e, "EDATE", start).day, last_day)))


@scalar("EOMONTH", 2)
def end_of_month(e: Any, start: Scalar, months: Scalar) -> float:
    first = _month_later(e, "EOMONTH", start, months)
    return to_serial(first.replace(day=calendar.monthrange(first.year, first.month)[1]))


@scalar("DATEVALUE", 1)
def date_value(e: Any, value: Scalar) -> int:
    return math.floor(_parsed(e, "DATEVALUE", value, "date"))


@scalar("TIMEVALUE", 1)
def time_value(e: Any, value: Scalar) -> float:
    return _parsed(e, "TIMEVALUE", value, "time") % 1


def _parsed(e: Any, function: str, value: Scalar, what: str) -> float:
    number = number_in(value, e.locale) if isinstance(value, str) else to_number(value, function, 1, e.locale)
    if number is None:
        raise Fault(CellError("VALUE", f"{function} parameter '{value}' cannot be parsed to {what}/time."))
    return number


@scalar("DATEDIF", 3)
def date_difference(e: Any, start: Scalar, end: Scalar, unit: Scalar) -> int:
    first, last = moment_of(e, "DATEDIF", start).date(), moment_of(e, "DATEDIF", end, 2).date()
    if first > last:
        raise Fault(out_of_range("DATEDIF", 1, "after the end date", "It should be on or before the end date."))
    months = (last.year - first.year) * 12 + last.month - first.month - (last.day < first.day)
    match str(unit).upper():
        case "D":
            return (last - first).days
        case "M":
            return months
        case "Y":
            return months // 12
        case "YM":
            return months % 12
        case "MD":
            return _days_over(first, last)
        case "YD":
            anniversary = _first_of((first.year + months // 12) * 12 + first.month - 1, "DATEDIF")
            return (last - (anniversary + timedelta(days=first.day - 1))).days
    raise Fault(
        CellError("NUM", f"Function DATEDIF parameter 3 value is {unit}. Valid values are Y, M, D, MD, YM, YD.")
    )


def _days_over(first: date, last: date) -> int:
    if last.day >= first.day:
        return last.day - first.day
    before = last.replace(day=1) - timedelta(days=1)
    return last.day + max(before.day - first.day, 0)
