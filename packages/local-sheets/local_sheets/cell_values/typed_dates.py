"""Dates, times and durations as people type them in a locale, with the pattern that shows them the same way."""

import re
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple

from local_sheets.cell_values.locales import DEFAULT, Locale, get_locale
from local_sheets.cell_values.pattern import read_pattern
from local_sheets.cell_values.serial import to_serial

_TIME = re.compile(
    r"(?P<hour>\d{1,4})(?P<mark>[:.])(?P<minute>\d{2})(?:(?P=mark)(?P<second>\d{2})(?P<fraction>[.,]\d{1,3})?)?(?:\s*(?P<half>[ap])\.?m?\.?)?",
    re.IGNORECASE,
)
_HOUR_ONLY = re.compile(r"(?P<hour>\d{1,2})\s*(?P<half>[ap])m", re.IGNORECASE)
_YEAR_FIRST = re.compile(r"(\d{4})([-/]|\. ?)(\d{1,2})\2(\d{1,2})(\.?)")
_THREE_PARTS = re.compile(r"(\d{1,2})([-/]|\. ?)(\d{1,2})\2(\d{4}|\d{1,2})(\.?)")
_TWO_PARTS = re.compile(r"(\d{1,2})([-/]|\. ?)(\d{1,2})(\.?)")
#: As written in China, Japan and Korea.
_WORDS = re.compile(r"(\d{4})(年|년) ?(\d{1,2})(月|월) ?(\d{1,2})(日|일)")
_SPLIT = re.compile(r"(?:,?\s+|T)(?=\d{1,4}(?:[:.]\d\d|\s*[ap]m))", re.IGNORECASE)

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
    text = _english_noon(text, locale)
    if (time := _read_time(text, locale, with_date=False)) is not None:
        return TypedDate(time.days, "TIME", time.pattern)
    if (day := _read_day(text, locale)) is not None:
        return TypedDate(day.days, "DATE", day.pattern)
    for gap in _SPLIT.finditer(text):
        day, time = _read_day(text[: gap.start()], locale), _read_time(text[gap.end() :], locale, with_date=True)
        if day is not None and time is not None and gap[0] != "T":
            return TypedDate(day.days + time.days, "DATE_TIME", f"{day.pattern} {time.pattern}")
    return None


def _english_noon(text: str, locale: Locale) -> str:
    """The locale's own words for the halves of the day as ``am`` and ``pm`` behind the time: ``오후 3:08`` is ``3:08 pm``."""
    for word, half in zip(locale.noon, ("am", "pm"), strict=True):
        place = text.casefold().find(word.casefold())
        if place < 0 or text[place - 1 : place].isalpha():
            continue
        before, after = text[:place], text[place + len(word) :].strip()
        if not after or after[0].isdigit():
            return f"{before}{after}".strip() + f" {half}"
    return text


def _read_time(text: str, locale: Locale, *, with_date: bool) -> _Part | None:
    match = _TIME.fullmatch(text) or _HOUR_ONLY.fullmatch(text)
    if match is None:
        return None
    mark = match.groupdict().get("mark") or ":"
    if mark != ":" and mark != locale.time_separator:
        return None
    parts = {"mark": mark, "minute": None, "second": None, "fraction": None, **match.groupdict()}
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
        pattern += f"{parts['mark']}mm"
    if parts["second"] is not None:
        pattern += f"{parts['mark']}ss"
    if parts["fraction"]:
        pattern += ".000"
    return pattern + (" am/pm" if parts["half"] else "")


def _read_day(text: str, locale: Locale) -> _Part | None:
    if match := _YEAR_FIRST.fullmatch(text):
        year, separator, month, day, tail = match.groups()
        width = 2 if _is_padded(month, day, by_default=True) else 1
        pattern = separator.join(("yyyy", "m" * width, "d" * width)) + tail
        return None if tail and locale.date_separator != "." else _day(int(year), int(month), int(day), pattern)
    if match := _WORDS.fullmatch(text):
        year, of_year, month, of_month, day, of_day = match.groups()
        return _day(int(year), int(month), int(day), f'yyyy"{of_year}"m"{of_month}"d"{of_day}"')
    if match := _THREE_PARTS.fullmatch(text):
        return _three_parts(match, locale)
    if (match := _TWO_PARTS.fullmatch(text)) and _two_parts_fit(match[2], match[4], locale):
        return _numeric(match[1], match[3], None, match[2], locale, match[4])
    return _named_month(text, locale) or _own_day(text, locale)


@lru_cache(maxsize=128)
def _own_form(locale: Locale) -> re.Pattern[str]:
    """Of dates in the locale's own pattern, with the words that it has."""
    fields = {"y": r"(?P<y>\d{4})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})"}
    tokens = read_pattern(locale.date_pattern)[0].tokens
    return re.compile("".join(fields[t.text[0].lower()] if t.kind == "date" else re.escape(t.text) for t in tokens))


def _own_day(text: str, locale: Locale) -> _Part | None:
    match = _own_form(locale).fullmatch(text)
    return match and _day(int(match["y"]), int(match["m"]), int(match["d"]), locale.date_pattern)


def _three_parts(match: re.Match[str], locale: Locale) -> _Part | None:
    """``24/3/4`` begins with the year where people write years first."""
    first, mark, second, third, tail = match.groups()
    if locale.date_order == "ymd" and len(third) <= 2 and len(first) == 2:
        width = 2 if _is_padded(second, third, by_default=True) else 1
        return _day(_full_year(first), int(second), int(third), mark.join(("yy", "m" * width, "d" * width)) + tail)
    return _numeric(first, second, third, mark, locale, tail) if len(third) > 1 else None


def _two_parts_fit(separator: str, tail: str, locale: Locale) -> bool:
    """``1.2`` is a number where the point is decimal; ``31.12.`` with a final point is a date in German only."""
    if separator[0] == ".":
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
    """Day and month in the locale's order."""
    if "." in separator + tail and locale.date_separator != ".":
        return None
    letters = "dm" if locale.date_order == "dmy" else "md"
    month, day = (first, second) if letters == "md" else (second, first)
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
    for known in (get_locale(DEFAULT), locale):
        for number, name in enumerate(known.short_months, 1):
            names[name.casefold().rstrip(".")] = (number, "mmm")
        for place, name in enumerate((*known.months, *known.other_months)):
            names.setdefault(name.casefold(), (place % 12 + 1, "mmmm"))
    return names


#: A letter, and on to the next space or mark: some scripts put marks of their own between letters.
_NAME = r"[^\W\d_][^\s\d.,/-]*"
_MONTH_FIRST = re.compile(rf"({_NAME})\.?[ -](\d{{1,2}})(?:,?[ -](\d{{4}}))?")
_DAY_FIRST = re.compile(rf"(\d{{1,2}})(\.?[ -]| de )({_NAME})\.?(?:(?:[ -]| de )(\d{{4}}|\d{{2}}))?")
_MONTH_YEAR = re.compile(rf"({_NAME})\.?([ -]| de )(\d{{4}})")
_WEEKDAY = re.compile(rf"({_NAME})\.?,\s+(?=.*\d)")


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
        part = _day(int(match[3]), number, 1, f"{token}{_joint(match[2])}yyyy")
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
        joint = _joint(match[2])
        year = f"{joint if 'de' in joint else joint[-1]}{'y' * len(match[4])}" if match[4] else ""
        part = _day(_full_year(match[4]), number, int(match[1]), f"{_width('d', match[1])}{joint}{token}{year}")
    return part and _Part(part.days, lead + part.pattern)


def _joint(text: str) -> str:
    """``de`` between the parts of a date is text, not a day."""
    return '" de "' if text == " de " else text


def _weekday_token(name: str, locale: Locale) -> str | None:
    folded = name.casefold()
    for known in (locale, get_locale(DEFAULT)):
        if folded in (day.casefold() for day in known.days):
            return "dddd"
        if folded in (day.casefold().rstrip(".") for day in known.short_days):
            return "ddd"
    return None
