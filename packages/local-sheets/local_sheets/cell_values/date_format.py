"""Show a serial number through a date-time section of a pattern."""

import re
from datetime import datetime
from functools import lru_cache

from local_sheets.cell_values.locales import Locale
from local_sheets.cell_values.pattern import Section, Token, read_pattern
from local_sheets.cell_values.serial import from_serial

_HALF = re.compile("a/p|am/pm|am|pm", re.IGNORECASE)
#: Tokens that ``strftime`` shows as we do, in years of four digits.
_PLAIN = {"yyyy": "%Y", "yy": "%y", "mm": "%m", "dd": "%d", "hh": "%H", "nn": "%M", "ss": "%S"}
_SECONDS_PER = {"h": 3600, "m": 60, "s": 1}


@lru_cache(maxsize=1024)
def plain_date(pattern: str) -> str | None:
    """For ``strftime``, a third of the time, what a pattern of a date or time says; None where it says more."""
    section, *more = read_pattern(pattern)
    tokens = [_plain(token) for token in section.tokens]
    if more or section.condition or not section.is_date or None in tokens:
        return None
    return "".join(text for text in tokens if text is not None)


def _plain(token: Token) -> str | None:
    if token.kind == "literal":
        return token.text.replace("%", "%%") if token.text.isascii() and token.text.isprintable() else None
    return _PLAIN.get(token.text.lower())


def render_date(days: float, section: Section, locale: Locale) -> str:
    """The text of a date, time or duration (days since 1899-12-30).

    Raises:
        OverflowError: The date lies outside the years 1 to 9999.
    """
    half_day = any(_HALF.fullmatch(token.text) for token in section.tokens if token.kind == "date")
    elapsed = any(token.text.startswith("[") for token in section.tokens if token.kind == "date")
    places = max((len(token.text) for token in section.tokens if token.kind == "fraction"), default=3)
    milliseconds = round(abs(days) * 86_400_000)
    if places < 3:
        step = 10 ** (3 - places)
        milliseconds = (milliseconds + step // 2) // step * step
    moment = from_serial((-1 if days < 0 and not elapsed else 1) * milliseconds / 86_400_000)
    left = milliseconds
    text = ""
    for token in section.tokens:
        if token.kind == "literal":
            text += token.text
        elif token.kind == "fraction":
            text += f"{milliseconds % 1000:03d}".ljust(len(token.text), "0")[: len(token.text)]
        elif token.text.startswith("["):
            unit = token.text[1:-1]
            whole, left = divmod(left, 1000 * _SECONDS_PER[unit[0]])
            text += str(whole).zfill(len(unit))
        else:
            text += _part(token.text, moment, half_day, locale)
    return f"-{text}" if days < 0 and elapsed else text


def _part(token: str, moment: datetime, half_day: bool, locale: Locale) -> str:
    low, length = token.lower(), len(token)
    match low[0]:
        case "y":
            return f"{moment.year % 100:02d}" if length <= 2 else f"{moment.year:04d}"
        case "m":
            return _month(moment.month, length, locale)
        case "d":
            return _day(moment, length, locale)
        case "h":
            hour = (moment.hour % 12 or 12) if half_day else moment.hour
            return str(hour).zfill(min(length, 2))
        case "n":
            return str(moment.minute).zfill(min(length, 2))
        case "s":
            return str(moment.second).zfill(min(length, 2))
    return _half(token, moment.hour, locale)


def _month(month: int, length: int, locale: Locale) -> str:
    if length <= 2:
        return str(month).zfill(length)
    if length == 3:
        return locale.short_months[month - 1]
    return locale.months[month - 1][0] if length == 5 else locale.months[month - 1]


def _day(moment: datetime, length: int, locale: Locale) -> str:
    if length <= 2:
        return str(moment.day).zfill(length)
    return (locale.short_days if length == 3 else locale.days)[moment.weekday()]


def _half(token: str, hour: int, locale: Locale) -> str:
    """The locale's ``AM`` or ``PM``; ``a/p`` keeps the case of its own letters."""
    if len(token) == 3:
        return token[0] if hour < 12 else token[2]
    return locale.noon[0] if hour < 12 else locale.noon[1]
