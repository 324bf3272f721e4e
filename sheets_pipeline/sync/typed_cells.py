"""What a person typed into a cell, read as the spreadsheet means it: by its locale, its time zone and the column's type.

A spreadsheet has mostly made numbers and dates of what was typed already. What is still text (the cell is formatted as text,
or a quote stands before it) is read here by the same rules: ``1,5`` is a number in de_DE, ``3/4`` a day of April in en_GB.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property, lru_cache
from math import isfinite
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import get_date_format, get_month_names
from babel.numbers import NumberFormatError, parse_decimal

from sheets_pipeline.sync.cells import EPOCH, Cell, from_serial
from sheets_pipeline.sync.json_text import digits
from sheets_pipeline.sync.tab import ColumnType
from sheets_pipeline.sync.values import (
    Misfit,
    boolean_cell,
    date_cell,
    datetime_cell,
    decimal_cell,
    integer_cell,
    text_cell,
)

#: What a formula that fails shows. Source: https://support.google.com/docs/answer/3238305
ERRORS = ("#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!", "#ERROR!", "#SPILL!", "#CALC!")

#: True and false as spreadsheets of other languages show them.
_TRUTH = {
    "de": ("wahr", "falsch"),
    "fr": ("vrai", "faux"),
    "es": ("verdadero", "falso"),
    "it": ("vero", "falso"),
    "pt": ("verdadeiro", "falso"),
    "nl": ("waar", "onwaar"),
}

_SPACES = "\u00a0\u202f\u2009"
_APOSTROPHES = "'\u2019"
_TIME = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d)(\.\d{1,6})?)?\s*([ap]\.?m\.?)?", re.IGNORECASE)
_PARTICLES = ("de", "of")
#: Two digits of a year below this one belong to the 2000s, as in spreadsheets.
_PIVOT = 30


@dataclass(frozen=True, slots=True)
class Moment:
    """A date of Apps Script: milliseconds since 1970, UTC."""

    milliseconds: int


#: What came for a cell: as the Sheets API gives it, or a moment.
Typed = Cell | Moment


@dataclass(frozen=True)
class Reader:
    """Reads typed cells of a spreadsheet.

    Args:
        locale: As the spreadsheet names it: ``de_DE``, ``en_GB``; an unknown one is read as en_US.
        zone: The spreadsheet's time zone.
        today: What a date without a year is a day of the year of.
    """

    locale: str
    zone: tzinfo
    today: date

    def read(self, typed: Typed, column_type: ColumnType) -> Cell:
        """The cell that the database would show for what was typed; None for blank.

        Raises:
            Misfit: It cannot be what the column says; ``kind`` says what it is instead, never its text.
        """
        if isinstance(typed, str):
            if typed.strip().upper() in ERRORS:
                raise Misfit(f"the error {typed.strip().upper()}")
            if column_type is not ColumnType.TEXT:
                typed = typed.strip()
        if typed is None or typed == "":
            return None
        return _READERS[column_type](self, typed)

    @cached_property
    def babel(self) -> Locale:
        """The locale's data."""
        return _locale(self.locale)

    def _text(self, typed: Typed) -> Cell:
        if isinstance(typed, Moment):
            raise Misfit("a date")
        return text_cell(typed)

    def _integer(self, typed: Typed) -> Cell:
        return integer_cell(self._number(typed))

    def _decimal(self, typed: Typed) -> Cell:
        return decimal_cell(self._number(typed))

    def _number(self, typed: Typed) -> int | float | Decimal:
        if isinstance(typed, Moment):
            raise Misfit("a date")
        if isinstance(typed, bool):
            raise Misfit("true or false")
        if isinstance(typed, float) and not isfinite(typed):
            raise Misfit("no finite number")
        return typed if isinstance(typed, int | float) else self._parsed_number(str(typed))

    def _parsed_number(self, text: str) -> Decimal:
        text = text.replace("\u2212", "-")
        is_percent = text.endswith("%") or text.startswith("%")
        text = text.strip("% " + _SPACES)
        group = self.babel.number_symbols["latn"]["group"]
        if group in _SPACES:
            text = re.sub(rf"[ {_SPACES}]", group, text)
        elif group in _APOSTROPHES:
            text = re.sub(f"[{_APOSTROPHES}]", group, text)
        is_negative = text.startswith("-")
        text = text[1:].strip() if text.startswith(("+", "-")) else text
        if not re.match(r"[0-9.,]", text):
            raise Misfit("text")
        try:
            number = parse_decimal(text, self.babel, strict=group in text)
        except NumberFormatError:
            raise Misfit("text") from None
        if not number.is_finite():
            raise Misfit("text")
        parts = number.as_tuple()  # arithmetic would round to 28 digits
        exponent = int(parts.exponent) - (2 if is_percent else 0)
        return Decimal((int(is_negative), parts.digits, exponent))

    def _boolean(self, typed: Typed) -> Cell:
        if isinstance(typed, Moment):
            raise Misfit("a date")
        yes, no = _TRUTH.get(self.babel.language, ("true", "false"))
        if isinstance(typed, str) and typed.casefold() in (yes, no):
            return typed.casefold() == yes
        return boolean_cell(typed)

    def _date(self, typed: Typed) -> Cell:
        moment = self._wall(typed)
        if moment.time() != time():
            raise Misfit("a date with a time of day")
        return date_cell(moment.date())

    def _datetime(self, typed: Typed) -> Cell:
        return datetime_cell(existing(self._wall(typed), self.zone), self.zone)

    def _wall(self, typed: Typed) -> datetime:
        """What the spreadsheet's clock shows."""
        if isinstance(typed, Moment):
            try:
                utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=typed.milliseconds)
                return utc.astimezone(self.zone).replace(tzinfo=None)
            except OverflowError:
                raise Misfit("a moment outside the years 1 to 9999") from None
        if isinstance(typed, bool):
            raise Misfit("true or false")
        if isinstance(typed, int | float):
            try:
                return from_serial(typed)
            except (OverflowError, ValueError):
                raise Misfit("a moment outside the years 1 to 9999") from None
        return self._parsed_moment(str(typed))

    def _parsed_moment(self, text: str) -> datetime:
        clock = time()
        if match := re.search(rf"(?:^|[\sT,]+){_TIME.pattern}$", text, re.IGNORECASE):
            clock, text = _clock(match), text[: match.start()].strip()
        day = self._parsed_day(text.strip(" ,"))
        return datetime.combine(day, clock)

    def _parsed_day(self, text: str) -> date:
        parts = [part for part in re.split(r"[\s,./-]+", text.casefold()) if part and part not in _PARTICLES]
        names = [i for i, part in enumerate(parts) if not part.isdecimal()]
        order = self._order
        if names:
            month = self._months.get(parts[names[0]].rstrip(".")) if len(names) == 1 else None
            if month is None:
                raise Misfit("text that is not a date")
            parts[names[0]] = str(month)
            day_first = names[0] == 1
            order = "dMy" if day_first else "Mdy"
        if len(parts) not in (2, 3) or not all(part.isascii() and len(part) <= 4 for part in parts):
            raise Misfit("text that is not a date")
        if len(parts) == 3 and len(parts[0]) == 4:
            order = "yMd"
        values = dict(zip(order if len(parts) == 3 else order.replace("y", ""), map(int, parts), strict=True))
        year = values.get("y", self.today.year)
        if len(parts) == 3 and len(parts[order.index("y")]) <= 2:
            year += 2000 if year < _PIVOT else 1900
        try:
            return date(year, values["M"], values["d"])
        except ValueError:
            raise Misfit("a date that does not exist") from None

    @cached_property
    def _order(self) -> str:
        """``dMy``, ``Mdy`` or ``yMd``."""
        pattern = get_date_format("short", self.babel).pattern
        return "".join(sorted("dMy", key=lambda letter: pattern.replace("L", "M").find(letter)))

    @cached_property
    def _months(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for locale in (Locale("en"), self.babel):
            for width in ("wide", "abbreviated"):
                for number, name in get_month_names(width, "format", locale).items():
                    found[name.casefold().rstrip(".")] = number
        return found


def _clock(match: re.Match[str]) -> time:
    hours, minutes, seconds, fraction, half = match.groups()
    hour = int(hours)
    if half:
        if not 1 <= hour <= 12:
            raise Misfit("a time that does not exist")
        hour = hour % 12 + (12 if half[0].casefold() == "p" else 0)
    try:
        return time(hour, int(minutes), int(seconds or 0), round(float(fraction or 0) * 1_000_000))
    except ValueError:
        raise Misfit("a time that does not exist") from None


def existing(wall: datetime, zone: tzinfo) -> datetime:
    """The moment of a wall clock; of an hour that the clock shows twice the first.

    Raises:
        Misfit: The clock was put forward over it.
    """
    moment = wall.replace(tzinfo=zone)
    try:
        again = moment.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        raise Misfit("a moment outside the years 1 to 9999") from None
    if again != wall:
        raise Misfit("a time of day that the clocks skipped")
    return moment


def database_value(cell: Cell, column_type: ColumnType, zone: tzinfo) -> Any:
    """What a statement is given for a cell that ``Reader.read`` made: text, int, Decimal, bool, date, aware datetime, None.

    Raises:
        Misfit: It is a moment that does not exist.
    """
    if cell is None:
        return None
    if column_type is ColumnType.INTEGER:
        return int(cell)
    if column_type in (ColumnType.DECIMAL, ColumnType.PERCENT):
        return Decimal(cell) if isinstance(cell, str | int) else Decimal(repr(cell))
    if column_type is ColumnType.DATE:
        return (EPOCH + timedelta(days=float(cell))).date()
    if column_type is ColumnType.DATETIME:
        return existing(from_serial(float(cell)), zone).astimezone(UTC)
    return cell


def shown(cell: Cell, column_type: ColumnType) -> str:
    """A cell as a person reads it in the ledger."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float) and column_type is ColumnType.DATE:
        return (EPOCH + timedelta(days=cell)).date().isoformat()
    if isinstance(cell, int | float) and column_type is ColumnType.DATETIME:
        return from_serial(cell).isoformat(" ", "seconds")
    return digits(Decimal(repr(cell))) if isinstance(cell, float) else str(cell)


@lru_cache(maxsize=200)
def _locale(name: str) -> Locale:
    try:
        return Locale.parse(name.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        return Locale("en", "US")


_READERS: dict[ColumnType, Callable[[Reader, Any], Cell]] = {
    ColumnType.TEXT: Reader._text,
    ColumnType.INTEGER: Reader._integer,
    ColumnType.DECIMAL: Reader._decimal,
    ColumnType.PERCENT: Reader._decimal,
    ColumnType.BOOLEAN: Reader._boolean,
    ColumnType.DATE: Reader._date,
    ColumnType.DATETIME: Reader._datetime,
}
