"""How people of a locale write numbers, dates and times.

All locales of the Unicode CLDR, by Babel; names as Google spells them (``pt_BR``, ``zh_TW``, ``sr``, ``iw``). Default
patterns as Google's guide on formats describes them
(https://developers.google.com/workspace/sheets/api/guides/formats). What CLDR does not hold is in ``locale_words``.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from local_sheets.cell_values.locale_words import ALIASES, PATTERNS, SYMBOLS, TRUTH

if TYPE_CHECKING:
    import babel

DEFAULT = "en_US"
_NAME = re.compile(r"[a-z]{2,3}([_-][A-Z][a-z]{3})?([_-]([A-Z]{2}|[0-9]{3}))?")
#: Marks for the direction of writing, which CLDR puts between parts of dates and amounts.
_DIRECTIONS = dict.fromkeys(map(ord, "\u200e\u200f\u061c"))
_PLAIN_TIME = re.compile(r"(AM/PM )?[Hh]{1,2}([:.])mm\2ss( ?AM/PM)?")
_QUOTED_OR_LETTERS = re.compile(r"'([^']*)'|([A-Za-z])\2*|[^A-Za-z']+")


@dataclass(frozen=True, slots=True, eq=False)
class Locale:
    """How people of one locale write. ``date_order`` is ``mdy``, ``dmy`` or ``ymd``; ``grouping`` sizes from the right."""

    decimal: str
    group: str
    grouping: tuple[int, int]
    currency: str
    currency_pattern: str
    date_order: str
    date_separator: str
    date_pattern: str
    time_pattern: str
    date_time_pattern: str
    months: tuple[str, ...]
    short_months: tuple[str, ...]
    days: tuple[str, ...]
    short_days: tuple[str, ...]
    #: Further names of months that are read: as they stand alone.
    other_months: tuple[str, ...]
    noon: tuple[str, str]
    true: str = "TRUE"
    false: str = "FALSE"

    @property
    def time_separator(self) -> str:
        """Between hours and minutes."""
        return "." if "." in self.time_pattern else ":"

    @property
    def currencies(self) -> frozenset[str]:
        """Signs of money that are read."""
        return frozenset({self.currency, SYMBOLS.get(self.currency, self.currency), *SYMBOLS, *SYMBOLS.values()})


_MONTHS = "January February March April May June July August September October November December"
#: What CLDR says of en_US. Most servers need no other locale, and start the sooner for not reading all that they share.
EN_US = Locale(
    decimal=".",
    group=",",
    grouping=(3, 3),
    currency="$",
    currency_pattern='"$"#,##0.00',
    date_order="mdy",
    date_separator="/",
    date_pattern="M/d/yyyy",
    time_pattern="h:mm:ss AM/PM",
    date_time_pattern="M/d/yyyy H:mm:ss",
    months=tuple(_MONTHS.split()),
    short_months=tuple(month[:3] for month in _MONTHS.split()),
    days=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    short_days=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    other_months=tuple(_MONTHS.split()),
    noon=("AM", "PM"),
)


def is_known(code: str) -> bool:
    """Whether there is a locale of this name."""
    return code == DEFAULT or _babel_locale(code) is not None


@lru_cache(maxsize=1024)
def get_locale(code: str | None) -> Locale:
    """The locale of a spreadsheet (``de_DE``, ``de``); en_US for none, and for one from before names were checked."""
    return EN_US if not code or code == DEFAULT or not is_known(code) else read_locale(code)


@lru_cache(maxsize=1024)
def _babel_locale(code: str) -> "babel.Locale | None":
    from babel import Locale as BabelLocale
    from babel import UnknownLocaleError

    if not _NAME.fullmatch(code):
        return None
    language, _, rest = code.replace("-", "_").partition("_")
    try:
        found = BabelLocale.parse("_".join(filter(None, (ALIASES.get(language, language), rest))))
    except (ValueError, UnknownLocaleError):
        return None
    return found if not rest or {found.territory, found.script} >= set(rest.split("_")) else None


@cache
def read_locale(code: str) -> Locale:
    """What CLDR and ``locale_words`` say of a known locale."""
    found = _babel_locale(code)
    assert found is not None, code  # noqa: S101 -- callers ask for known ones only
    symbols = found.number_symbols.get("latn") or next(iter(found.number_symbols.values()))
    grouping = found.decimal_formats[None].grouping
    currency, currency_pattern = _currency(found)
    date_pattern = PATTERNS.get(code, {}).get("date") or _pattern(found.date_formats["short"].pattern)
    time_pattern = PATTERNS.get(code, {}).get("time") or _pattern(found.time_formats["medium"].pattern)
    if not _PLAIN_TIME.fullmatch(time_pattern):
        time_pattern = "HH:mm:ss"  # CLDR's has words, as "15 h 08 min 17 s"
    true, false = TRUTH.get(found.language, ("TRUE", "FALSE"))
    months, other = found.months["format"], found.months["stand-alone"]
    days = found.days["format"]
    return Locale(
        decimal=symbols["decimal"],
        group=symbols["group"],
        grouping=(grouping[0], grouping[1]),
        currency=currency,
        currency_pattern=currency_pattern,
        date_order="".join(dict.fromkeys(re.sub(r'"[^"]*"|[^ymd]', "", date_pattern.lower()))),
        date_separator=_separator(date_pattern),
        date_pattern=date_pattern,
        time_pattern=time_pattern,
        date_time_pattern=f"{date_pattern} {'H:mm:ss' if 'AM/PM' in time_pattern else time_pattern}",
        months=tuple(months["wide"][number] for number in range(1, 13)),
        short_months=tuple(months["abbreviated"][number] for number in range(1, 13)),
        days=tuple(days["wide"][number] for number in range(7)),
        short_days=tuple(days["abbreviated"][number] for number in range(7)),
        other_months=tuple(other["wide"][number] for number in range(1, 13)),
        noon=_noon(found),
        true=true,
        false=false,
    )


def _pattern(cldr: str) -> str:
    """CLDR's pattern of a date or time as a spreadsheet's: years with four digits, ``AM/PM`` for any half of the day."""
    found = ""
    for match in _QUOTED_OR_LETTERS.finditer(cldr.translate(_DIRECTIONS)):
        text, letter = match[0], match[2]
        if match[1] is not None:
            found += f'"{match[1]}"' if match[1] else ""
        elif letter is None:
            found += re.sub(r"\s", " ", text)
        elif letter in "yuU":
            found += "yyyy"
        elif letter in "MLdHhms":
            found += text.replace("L", "M")
        elif letter in "kK":
            found += text.replace("k", "H").replace("K", "h")
        elif letter in "abB":
            found += "AM/PM " if match.end() < len(cldr) and cldr[match.end()] in "hK" else "AM/PM"
    return found.strip()


def _separator(pattern: str) -> str:
    """Between day and month: the first mark that is neither a letter nor a space."""
    return next((char for char in re.sub(r'"[^"]*"', "", pattern) if not char.isalpha() and char != " "), "/")


def _noon(found: "babel.Locale") -> tuple[str, str]:
    if found.language == "en":
        return "AM", "PM"
    names = found.day_periods["format"]["abbreviated"]
    return str(names.get("am", "AM")), str(names.get("pm", "PM"))


def _currency(found: "babel.Locale") -> tuple[str, str]:
    """The sign of the country's money, and the pattern of an amount."""
    from babel.core import get_global
    from babel.numbers import get_currency_precision, get_currency_symbol, get_territory_currencies

    territory = found.territory
    if territory is None:
        likely = get_global("likely_subtags").get(str(found), "").split("_")
        territory = likely[-1] if len(likely) > 1 else "US"
    code = next(iter(get_territory_currencies(territory) if len(territory) == 2 else ()), "USD")
    symbol = str(get_currency_symbol(code, found)).translate(_DIRECTIONS)
    symbol = {"￥": "¥"}.get(symbol, symbol)
    positive = found.currency_formats["standard"].pattern.partition(";")[0].translate(_DIRECTIONS)
    places = get_currency_precision(code)
    number = "#,##0" + (f".{'0' * places}" if places else "")
    return symbol, re.sub(r"[#0,.]+", number, positive).replace("¤", f'"{symbol}"')
