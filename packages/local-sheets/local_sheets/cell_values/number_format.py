"""Show a value as its cell does: through its number format, in the spreadsheet's locale.

See https://developers.google.com/workspace/sheets/api/guides/formats
"""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from local_sheets.cell_values.date_format import plain_date, render_date
from local_sheets.cell_values.digits import render_digits
from local_sheets.cell_values.locales import Locale, get_locale
from local_sheets.cell_values.model import CellError, Formula, Value
from local_sheets.cell_values.pattern import MOST_CHARACTERS, Section, pieces_of, read_pattern
from local_sheets.cell_values.serial import from_serial

#: Significant digits of a number without a format, and of its scientific form.
_GENERAL_DIGITS, _SCIENTIFIC_DIGITS = 10, 6
_LARGEST_PLAIN, _SMALLEST_PLAIN = 1e15, 1e-5
#: Serial number of 9999-12-31.
_LAST_DAY = 2_958_465

#: Patterns of the types that do not depend on the locale.
_DEFAULT_PATTERNS = {"NUMBER": "#,##0.00", "PERCENT": "0.00%", "SCIENTIFIC": "0.00E+00"}


def render(value: Value | None, number_format: Mapping[str, Any] | None, locale: str | Locale | None) -> str:
    """The text that a cell shows.

    Args:
        value: The effective value; None is an empty cell.
        number_format: The API's ``NumberFormat`` (``type``, ``pattern``), None for the automatic format.
        locale: The spreadsheet's locale, such as ``en_US``.
    """
    known = locale if isinstance(locale, Locale) else get_locale(locale)
    match value:
        case None:
            return ""
        case bool():
            return known.true if value else known.false
        case int() | float():
            return _render_number(value, number_format, known)
        case str():
            return _render_text(value, number_format)
        case Formula(text):
            return text
        case CellError():
            return value.text


def effective_pattern(number_format: Mapping[str, Any] | None, locale: str | Locale | None) -> str:
    """The pattern of a number format, or its type's default in the locale; ``""`` is the automatic format."""
    if not number_format:
        return ""
    if pattern := number_format.get("pattern"):
        return str(pattern)
    known = locale if isinstance(locale, Locale) else get_locale(locale)
    match number_format.get("type"):
        case "CURRENCY":
            return known.currency_pattern
        case "DATE":
            return known.date_pattern
        case "TIME":
            return known.time_pattern
        case "DATE_TIME":
            return known.date_time_pattern
        case kind:
            return _DEFAULT_PATTERNS.get(str(kind), "")


def in_plain_signs(pattern: str, locale: str | None) -> str:
    """A pattern as people of a locale write it, with ``.`` and ``,`` for their signs: ``#.##0,00`` is ``#,##0.00``."""
    known = get_locale(locale)
    if known.decimal != "," or len(pattern) > MOST_CHARACTERS:
        return pattern
    found, is_date = "", any(section.is_date for section in read_pattern(pattern))
    for piece in pieces_of(pattern):
        before = found[-1:].lower()
        if piece == ",":
            piece = "." if before == "s" or not is_date else ","
        elif not is_date and (piece == known.group or (piece.isspace() and known.group.isspace() and before in "#0")):
            piece = ","
        found += piece
    return found


def is_date_format(number_format: Mapping[str, Any] | None) -> bool:
    """Whether numbers under this format are shown as a date, a time or a duration."""
    if not number_format:
        return False
    if pattern := number_format.get("pattern"):
        return len(pattern) <= MOST_CHARACTERS and read_pattern(str(pattern))[0].is_date
    return number_format.get("type") in ("DATE", "TIME", "DATE_TIME")


def render_general(number: float, locale: str | Locale | None = None) -> str:
    """A number without a format: up to 10 significant digits, scientific where it is very large or small."""
    known = locale if isinstance(locale, Locale) else get_locale(locale)
    size = abs(number)
    if size == 0:
        return "0"
    if size >= _LARGEST_PLAIN or size < _SMALLEST_PLAIN:
        return _scientific(number, known)
    exact = Decimal(repr(number) if isinstance(number, float) else number)
    places = max(_GENERAL_DIGITS - 1 - exact.adjusted(), 0)
    rounded = exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    text = f"{rounded:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return text.replace(".", known.decimal)


def _scientific(number: float, locale: Locale) -> str:
    mantissa, _, exponent = f"{number:.{_SCIENTIFIC_DIGITS - 1}E}".partition("E")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa.replace('.', locale.decimal)}E{exponent}"


def _render_text(text: str, number_format: Mapping[str, Any] | None) -> str:
    pattern = str((number_format or {}).get("pattern") or "")
    if "@" not in pattern or len(pattern) > MOST_CHARACTERS:
        return text
    section = read_pattern(pattern)[-1]
    if not section.has_text:
        return text
    return "".join(text if token.kind == "text" else token.text for token in section.tokens)


def _render_number(number: float, number_format: Mapping[str, Any] | None, locale: Locale) -> str:
    pattern = effective_pattern(number_format, locale)
    if not pattern or len(pattern) > MOST_CHARACTERS:
        return render_general(number, locale)
    return _through_pattern(number, pattern, locale)


@lru_cache(maxsize=100_000)
def _through_pattern(number: float, pattern: str, locale: Locale) -> str:
    """A number through a pattern; columns of dates and prices hold the same few values over and over."""
    if (plain := plain_date(pattern)) is not None and 0 <= number < _LAST_DAY:
        return from_serial(number).strftime(plain)
    section, shown = _choose(read_pattern(pattern), number)
    try:
        return _through_section(shown, section, locale)
    except ArithmeticError:  # a date beyond the year 9999, more digits than decimals have
        return render_general(number, locale)


def _through_section(shown: float, section: Section, locale: Locale) -> str:
    if section.is_date:
        return render_date(shown, section, locale)
    if any(token.kind in ("general", "text") for token in section.tokens):
        general = render_general(shown, locale)
        return "".join(general if t.kind in ("general", "text") else t.text for t in section.tokens)
    return render_digits(shown, section, locale)


def _choose(sections: tuple[Section, ...], number: float) -> tuple[Section, float]:
    """The section that shows this number, and the number as that section wants it (often without its sign)."""
    if any(section.condition for section in sections):
        return _choose_by_condition(sections, number)
    numeric = sections[:-1] if len(sections) > 1 and sections[-1].has_text else sections
    numeric = numeric[:3]
    if len(numeric) == 1:
        return numeric[0], number
    if number < 0:
        return numeric[1], -number
    return (numeric[2] if number == 0 and len(numeric) > 2 else numeric[0]), number


def _choose_by_condition(sections: tuple[Section, ...], number: float) -> tuple[Section, float]:
    for place, section in enumerate(sections):
        if section.condition is None:
            if place == len(sections) - 1 or not any(later.condition for later in sections[place + 1 :]):
                return section, number
            continue
        sign, bound = section.condition
        if _holds(number, sign, bound):
            only_negative = sign in ("<", "<=", "=") and bound <= 0 and not (sign != "<" and bound == 0)
            return section, abs(number) if only_negative else number
    return sections[-1], number


def _holds(number: float, sign: str, bound: float) -> bool:
    match sign:
        case "<":
            return number < bound
        case "<=":
            return number <= bound
        case ">":
            return number > bound
        case ">=":
            return number >= bound
        case "=":
            return number == bound
    return number != bound
