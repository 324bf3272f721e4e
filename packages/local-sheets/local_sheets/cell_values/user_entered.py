"""Text as a person types it into a cell: the value it means, and the number format it brings along.

This is what ``valueInputOption=USER_ENTERED`` does to a string, see
https://developers.google.com/workspace/sheets/api/reference/rest/v4/ValueInputOption
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from local_sheets.cell_values.locales import Locale, get_locale
from local_sheets.cell_values.model import Formula, Value, plain_number
from local_sheets.cell_values.number_format import is_date_format
from local_sheets.cell_values.typed_dates import read_date_time

_GAP = "[ \\t\u00a0\u202f]*+"
#: An API ``NumberFormat``: ``{"type": ..., "pattern": ...}``.
NumberFormat = dict[str, Any]


class Entry(NamedTuple):
    """What typed text means; ``number_format`` is None where the cell keeps the format it has."""

    value: Value
    number_format: NumberFormat | None


def parse(text: str, locale: str | Locale | None, current_format: Mapping[str, Any] | None = None) -> Entry:
    """The value of typed text.

    Args:
        text: As typed; not trimmed where it stays text.
        locale: The spreadsheet's locale, such as ``en_US``.
        current_format: The cell's ``NumberFormat``: plain text keeps everything as text, a percent format reads
            ``5`` as 5 %, and a format of the same kind as the typed one stays.
    """
    known = locale if isinstance(locale, Locale) else get_locale(locale)
    if _is_plain_text(current_format):
        return Entry(text, None)
    if text.startswith("'"):
        return Entry(text[1:], None)
    if text.startswith("=") and len(text) > 1:
        return Entry(Formula(text), None)
    stripped = text.strip(" \t\u00a0")
    if not stripped:
        return Entry(text, None)
    if (truth := _read_boolean(stripped, known)) is not None:
        return Entry(truth, None)
    entry = _read_number(stripped, known) or _read_date(stripped, known)
    if entry is not None:
        return _with_current(entry, current_format)
    if stripped[0] in "+-" and stripped.strip("+- "):
        return Entry(Formula("=" + stripped), None)
    return Entry(text, None)


def _is_plain_text(current_format: Mapping[str, Any] | None) -> bool:
    if not current_format:
        return False
    return current_format.get("type") == "TEXT" or current_format.get("pattern") == "@"


def _read_boolean(text: str, locale: Locale) -> bool | None:
    folded = text.casefold()
    if folded in ("true", locale.true.casefold()):
        return True
    return False if folded in ("false", locale.false.casefold()) else None


def _with_current(entry: Entry, current_format: Mapping[str, Any] | None) -> Entry:
    """The cell's own format wins over one of the same kind."""
    if not current_format:
        return entry
    value, implied = entry
    kind = current_format.get("type")
    if implied is None:
        if kind == "PERCENT" and isinstance(value, int | float):
            return Entry(plain_number(float(repr_shift(value, -2))), None)
        return entry
    if implied["type"] == kind:
        return Entry(value, None)
    if implied["type"] == "NUMBER" and kind is not None:
        return Entry(value, None)
    if is_date_format(implied) and is_date_format(current_format):
        return Entry(value, None)
    return entry


def repr_shift(number: float, places: int) -> str:
    """A number's shortest decimal text with the point moved: no digit is made up by a multiplication."""
    return f"{number!r}e{places}" if "e" not in repr(number) else repr(number * 10.0**places)


def _read_number(text: str, locale: Locale) -> Entry | None:
    match = _number_expression(locale).fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    opened, closed = bool(parts["open"]), bool(parts["close"])
    before, after, percent = parts["before"], parts["after"], bool(parts["percent"] or parts["percent_before"])
    signs = [parts["sign"], parts["sign2"]]
    if opened != closed or (before and after) or ((before or after) and percent) or sum(map(bool, signs)) > 1:
        return None
    if opened and any(signs):
        return None
    whole, decimals = parts["whole"] or "", parts["decimals"]
    if not whole and not decimals:
        return None
    grouped = not whole.isdigit() and bool(whole)
    digits = re.sub(r"\D", "", whole) or "0"
    exponent = int(parts["exponent"] or 0) - (2 if percent else 0)
    number = float(f"{digits}.{decimals or 0}e{exponent}")
    if math.isinf(number):
        return None
    if opened or "-" in signs:
        number = -number
    implied = _implied(before or after, bool(after), percent, parts["exponent"] is not None, grouped, decimals, locale)
    return Entry(plain_number(number), implied)


def _implied(
    currency: str | None,
    currency_after: bool,
    percent: bool,
    scientific: bool,
    grouped: bool,
    decimals: str | None,
    locale: Locale,
) -> NumberFormat | None:
    places = ".00" if decimals else ""
    if percent:
        return {"type": "PERCENT", "pattern": f"0{places}%"}
    if currency:
        return {"type": "CURRENCY", "pattern": _currency_pattern(currency, currency_after, places, locale)}
    if scientific:
        return {"type": "SCIENTIFIC", "pattern": "0.00E+00"}
    if grouped:
        return {"type": "NUMBER", "pattern": f"#,##0{places}"}
    return None


def _currency_pattern(currency: str, after: bool, places: str, locale: Locale) -> str:
    if currency == locale.currency:
        return re.sub(r"#,##0(\.0+)?", "#,##0" + places, locale.currency_pattern)
    return f"#,##0{places}\u00a0[${currency}]" if after else f"[${currency}]#,##0{places}"


@lru_cache(maxsize=128)
def _number_expression(locale: Locale) -> re.Pattern[str]:
    """Sign, currency, grouped digits, decimals, exponent, percent; in brackets for a negative amount."""
    group = _group_expression(locale.group)
    first, step = locale.grouping
    grouped = rf"\d{{1,3}}(?:{group}\d{{3}})+"
    if (first, step) != (3, 3):
        grouped += rf"|\d{{1,{step}}}(?:{group}\d{{{step}}})*{group}\d{{{first}}}"
    point = re.escape(locale.decimal)
    currencies = "|".join(map(re.escape, sorted(locale.currencies, key=len, reverse=True)))
    return re.compile(
        rf"(?P<open>\()?{_GAP}(?P<sign>[+-])?{_GAP}(?P<before>{currencies})?{_GAP}(?P<percent_before>%)?(?P<sign2>[+-])?"
        rf"(?P<whole>{grouped}|\d+)?(?:{point}(?P<decimals>\d*))?"
        rf"(?:[eE](?P<exponent>[+-]?\d{{1,4}}))?{_GAP}(?P<percent>%)?{_GAP}(?P<after>{currencies})?{_GAP}(?P<close>\))?",
        re.ASCII,
    )


def _group_expression(group: str) -> str:
    """Spaces and apostrophes have several forms, of which people type the nearest."""
    if group.isspace():
        return r"[\u00a0\u202f ]"
    return "['’]" if group in "'’" else re.escape(group)


def _read_date(text: str, locale: Locale) -> Entry | None:
    found = read_date_time(text, locale)
    return None if found is None else Entry(plain_number(found.days), {"type": found.kind, "pattern": found.pattern})
