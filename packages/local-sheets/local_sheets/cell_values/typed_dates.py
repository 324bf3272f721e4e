"""Dates, times and durations as people type them in a locale, with the pattern that shows them the same way."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple

from local_sheets.cell_values.locales import LOCALES, Locale
from local_sheets.cell_values.serial import to_serial

_TIME = re.compile(
    r"(?P<hour>\d{1,4}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?P<fraction>[.,]\d{1,3})?)?(?:\s*(?P<half>[ap])\.?m?\.?)?",
    re.IGNORECASE,
)
_HOUR_ONLY = re.compile(r"(?P<hour>\d{1,2})\s*(?P<half>[ap])m", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_THREE_PARTS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})")
_TWO_PARTS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})(\.?)")
_SPLIT = re.compile(r"(?:,?\s+|T)(?=\d{1,4}(?::|\s*[ap]m))", re.IGNORECASE)

#: Longer texts are no dates; to find that out could take long.
_MOST_CHARACTERS = 100
#: Two-digit years below this are in the 21st century, see https://support.google.com/docs/answer/3092969
_CENTURY_TURN = 30


class TypedDate(NamedTuple):
    """Days since 1899-12-30, the API's number format type, and the pattern of the typed form."""

    days: float
    kind: str
    pattern: str


class _Part(NamedTuple):
    days: float
    pattern: str


def read_date_time(text: str, locale: Locale) -> TypedDate | None:
    """The date, time, date with time, or duration that a text means; None where it means none."""
    if len(text) > _MOST_CHARACTERS or not any(char.isdigit() for char in text):
        return None
    if (time := _read_time(text, with_date=False)) is not None:
        return TypedDate(time.days, "TIME", time.pattern)
    if (day := _read_day(text, locale)) is not None:
        return TypedDate(day.days, "DATE", day.pattern)
    pieces = _SPLIT.split(text, maxsplit=1)
    if len(pieces) != 2 or "T" in text[len(pieces[0]) : len(text) - len(pieces[1])]:
        return None
    day, time = _read_day(pieces[0], locale), _read_time(pieces[1], with_date=True)
    if day is None or time is None:
        return None
    return TypedDate(day.days + time.days, "DATE_TIME", f"{day.pattern} {time.pattern}")


def _read_time(text: str, *, with_date: bool) -> _Part | None:
    match = _TIME.fullmatch(text) or _HOUR_ONLY.fullmatch(text)
    if match is None:
        return None
    parts = {"minute": None, "second": None, "fraction": None, **match.groupdict()}
    hour, minute, second = int(match["hour"]), int(parts["minute"] or 0), int(parts["second"] or 0)
    if minute > 59 or second > 59:
        return None
    if parts["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if parts["half"].lower() == "p" else 0)
    elif hour > 23 and with_date:
        return None
    milliseconds = int(f"{(parts['fraction'] or '.0')[1:]:0<3}")
    days = ((hour * 60 + minute) * 60_000 + second * 1000 + milliseconds) / 86_400_000
    return _Part(days, _time_pattern(match["hour"], parts, elapsed=hour > 23))


def _time_pattern(hour: str, parts: dict[str, str | None], *, elapsed: bool) -> str:
    if elapsed:
        return "[h]:mm:ss" + (".000" if parts["fraction"] else "")
    pattern = "hh" if len(hour) == 2 and hour.startswith("0") else "h"
    if parts["minute"] is not None:
        pattern += ":mm"
    if parts["second"] is not None:
        pattern += ":ss"
    if parts["fraction"]:
        pattern += ".000"
    return pattern + (" am/pm" if parts["half"] else "")


def _read_day(text: str, locale: Locale) -> _Part | None:
    if match := _YEAR_FIRST.fullmatch(text):
        year, separator, month, day = match.groups()
        width = 2 if _is_padded(month, day, by_default=True) else 1
        pattern = separator.join(("yyyy", "m" * width, "d" * width))
        return _day(int(year), int(month), int(day), pattern)
    if match := _THREE_PARTS.fullmatch(text):
        return _numeric(match[1], match[3], match[4], match[2], locale)
    if (match := _TWO_PARTS.fullmatch(text)) and _two_parts_fit(match[2], match[4], locale):
        return _numeric(match[1], match[3], None, match[2], locale, match[4])
    return _named_month(text, locale)


def _two_parts_fit(separator: str, tail: str, locale: Locale) -> bool:
    """``1.2`` is a number where the point is decimal; ``31.12.`` with a final point is a date in German only."""
    if separator == ".":
        return locale.date_separator == "." and bool(tail)
    return not tail


def _width(letter: str, digits: str) -> str:
    return letter * 2 if digits.startswith("0") else letter


def _is_padded(first: str, second: str, *, by_default: bool) -> bool:
    """Whether day and month are shown with two digits: one leading zero tells, ``12`` and ``31`` leave it open."""
    if first.startswith("0") or second.startswith("0"):
        return True
    return by_default and len(first) == len(second) == 2


def _numeric(first: str, second: str, year: str | None, separator: str, locale: Locale, tail: str = "") -> _Part | None:
    """Day and month in the locale's order; where that is no date the other order is tried only for years first."""
    if separator == "." and locale.date_separator != ".":
        return None
    month, day = (first, second) if locale.date_order == "mdy" else (second, first)
    letters = "md" if locale.date_order == "mdy" else "dm"
    width = 2 if _is_padded(first, second, by_default=locale.date_pattern.startswith("dd")) else 1
    pattern = separator.join(letter * width for letter in letters)
    if year is not None:
        pattern += separator + "y" * len(year)
    return _day(_full_year(year), int(month), int(day), pattern + tail)


def _full_year(year: str | None) -> int:
    if year is None:
        return datetime.now(UTC).year
    if len(year) == 4:
        return int(year)
    return int(year) + (2000 if int(year) < _CENTURY_TURN else 1900)


def _day(year: int, month: int, day: int, pattern: str) -> _Part | None:
    try:
        return _Part(to_serial(date(year, month, day)), pattern)
    except ValueError:
        return None


@lru_cache(maxsize=32)
def _month_names(locale: Locale) -> dict[str, tuple[int, str]]:
    """Folded month names, long and short, of the locale and of English; each with its number and token."""
    names: dict[str, tuple[int, str]] = {}
    for known in (LOCALES["en_US"], locale):
        for number, name in enumerate(known.short_months, 1):
            names[name.casefold().rstrip(".")] = (number, "mmm")
        for number, name in enumerate(known.months, 1):
            names.setdefault(name.casefold(), (number, "mmmm"))
    return names


_MONTH_FIRST = re.compile(r"([^\W\d]+)\.?[ -](\d{1,2})(?:,?[ -](\d{4}))?")
_DAY_FIRST = re.compile(r"(\d{1,2})(\.?[ -])([^\W\d]+)\.?(?:[ -](\d{4}|\d{2}))?")
_MONTH_YEAR = re.compile(r"([^\W\d]+)\.?([ -])(\d{4})")
_WEEKDAY = re.compile(r"([^\W\d]+)\.?,\s+(?=.*\d)")


def _named_month(text: str, locale: Locale) -> _Part | None:
    names = _month_names(locale)
    lead = ""
    if weekday := _WEEKDAY.match(text):
        token = _weekday_token(weekday[1], locale)
        if token is None:
            return None
        text, lead = text[weekday.end() :], f"{token}, "
    part: _Part | None = None
    if (match := _MONTH_YEAR.fullmatch(text)) and match[1].casefold() in names:
        number, token = names[match[1].casefold()]
        part = _day(int(match[3]), number, 1, f"{token}{match[2]}yyyy")
    elif (match := _MONTH_FIRST.fullmatch(text)) and match[1].casefold() in names:
        number, token = names[match[1].casefold()]
        part = _day(
            _full_year(match[3]),
            number,
            int(match[2]),
            f"{token} {_width('d', match[2])}" + (", yyyy" if match[3] else ""),
        )
    elif (match := _DAY_FIRST.fullmatch(text)) and match[3].casefold() in names:
        number, token = names[match[3].casefold()]
        joint = match[2]
        year = f"{joint[-1]}{'y' * len(match[4])}" if match[4] else ""
        part = _day(_full_year(match[4]), number, int(match[1]), f"{_width('d', match[1])}{joint}{token}{year}")
    return part and _Part(part.days, lead + part.pattern)


def _weekday_token(name: str, locale: Locale) -> str | None:
    folded = name.casefold()
    for known in (locale, LOCALES["en_US"]):
        if folded in (day.casefold() for day in known.days):
            return "dddd"
        if folded in (day.casefold().rstrip(".") for day in known.short_days):
            return "ddd"
    return None
