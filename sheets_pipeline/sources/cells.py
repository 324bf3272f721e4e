"""Typing the cells of one column, by all of them. Pure.

A column is read twice: with dates as serial numbers, and with dates as the text that they show. A cell that is a number in
one and a text in the other is a date, a time or a duration; nothing else differs. So each cell's own format decides, and no
format has to be read.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sheets_pipeline.sources.content import Cell
from sheets_pipeline.sync.source import CellType

#: What a cell shows whose formula failed: it holds no value.
ERRORS = frozenset(
    [
        "#NULL!",
        "#DIV/0!",
        "#VALUE!",
        "#REF!",
        "#NAME?",
        "#NUM!",
        "#N/A",
        "#ERROR!",
        "#SPILL!",
        "#CALC!",
        "#GETTING_DATA",
        "#UNKNOWN!",
    ]
)

_EPOCH = datetime(1899, 12, 30)
_EPOCH_DAY = date(1899, 12, 30).toordinal()
#: The days that both Sheets and Python know.
_FIRST_DAY, _LAST_DAY = 1 - _EPOCH_DAY, date.max.toordinal() - _EPOCH_DAY
_DAY_MS = 86_400_000
_DURATION = re.compile(r"(-?)(\d+)[:.h](\d\d)(?:[:.m](\d\d)(?:[.,]\d+)?)?s?", re.ASCII)


@dataclass(slots=True)
class Typed:
    """A column: its type, its cells, and where cells are not as one would expect (0-based), by what they are."""

    type: CellType
    cells: list[Cell]
    odd: dict[str, list[int]] = field(default_factory=dict)


def typed_column(serials: Sequence[Any], shown: Sequence[Any] | None = None) -> Typed:
    """A column's cells as what they are; blank ones are None.

    Args:
        serials: As ``UNFORMATTED_VALUE`` has them, dates as serial numbers; blank ones are ``""``.
        shown: The same with dates as text; None where the column has no numbers.
    """
    kinds = set(map(type, serials))
    odd: dict[str, list[int]] = {}
    cells: list[Any] = list(serials)
    if str in kinds:
        cells = _without_blanks(cells, odd)
        kinds = set(map(type, cells))
    kinds.discard(type(None))
    dates = _dates(serials, shown) if shown is not None and (int in kinds or float in kinds) else []
    if not kinds:
        return Typed(CellType.EMPTY, cells, odd)
    parts: list[tuple[CellType, list[int] | None]] = []
    if dates:
        kind, made = typed_dates([serials[i] for i in dates], [str(shown[i]) for i in dates] if shown else [])
        for i, cell in zip(dates, made, strict=True):
            cells[i] = cell
        parts.append((kind, dates))
    return _joined(cells, parts, odd)


def _without_blanks(cells: list[Any], odd: dict[str, list[int]]) -> list[Any]:
    """Blank cells as None, and those that show an error, which are noted."""
    texts = {cell for cell in set(cells) if isinstance(cell, str)}
    nothing = {text for text in texts if not text.strip()}
    if failed := texts & ERRORS:
        odd["error"] = [i for i, cell in enumerate(cells) if isinstance(cell, str) and cell in failed]
        nothing |= failed
    return [None if isinstance(cell, str) and cell in nothing else cell for cell in cells] if nothing else cells


def _dates(serials: Sequence[Any], shown: Sequence[Any]) -> list[int]:
    if serials == shown:
        return []
    pairs = enumerate(zip(serials, shown, strict=True))
    return [i for i, (serial, text) in pairs if type(text) is str and type(serial) in (int, float)]


def _joined(cells: list[Any], parts: list[tuple[CellType, list[int] | None]], odd: dict[str, list[int]]) -> Typed:
    """One type for all cells, where they have one."""
    kinds = set(map(type, cells)) - {type(None)}
    numbers = kinds & {int, float}
    if float in numbers:
        cells = [Decimal(repr(cell)) if type(cell) is float else cell for cell in cells]
        if kinds == numbers and all(cell is None or cell == int(cell) for cell in cells):
            cells = [None if cell is None else int(cell) for cell in cells]
            numbers = {int}
        elif not kinds & {date, datetime, time}:
            cells = [Decimal(cell) if type(cell) is int else cell for cell in cells]
    groups = {name: kind for name, kind, of in _GROUPS if kinds & of}
    if len(groups) == 1:
        [kind] = groups.values()
        if kind is CellType.DECIMAL and numbers == {int}:
            kind = CellType.INTEGER
        return Typed(parts[0][0] if parts else kind, cells, odd)
    for name, _, of in _GROUPS:
        if name in groups:
            odd[name] = [i for i, cell in enumerate(cells) if type(cell) in of]
    return Typed(CellType.MIXED, cells, odd)


_GROUPS: list[tuple[str, CellType, set[type]]] = [
    ("text", CellType.TEXT, {str}),
    ("number", CellType.DECIMAL, {int, float, Decimal}),
    ("true or false", CellType.BOOLEAN, {bool}),
    ("date", CellType.DATETIME, {date, datetime}),
    ("time", CellType.TIME, {time}),
]


def typed_dates(serials: Sequence[float], shown: Sequence[str]) -> tuple[CellType, list[Any]]:
    """Serial numbers of cells that show dates or times: days, times of a day, moments, or durations, which become texts.

    A cell that shows a day alone and holds a time of it, too, is a moment: nothing is lost.
    """
    if not all(_FIRST_DAY <= serial < _LAST_DAY + 1 for serial in serials):
        return CellType.DECIMAL, [serial if isinstance(serial, int) else Decimal(repr(serial)) for serial in serials]
    if all(0 <= serial < 1 for serial in serials) and (any(serials) or any(":" in text for text in shown)):
        return CellType.TIME, [_time(serial) for serial in serials]
    if any(not 0 <= serial < 1 and _is_duration(serial, text) for serial, text in zip(serials, shown, strict=True)):
        return CellType.TEXT, [duration(serial) for serial in serials]
    has_time = any(serial != int(serial) for serial in serials) or any(":" in text for text in shown)
    if has_time:
        return CellType.DATETIME, [moment(serial) for serial in serials]
    return CellType.DATE, [date.fromordinal(int(serial) + _EPOCH_DAY) for serial in serials]


def moment(serial: float) -> datetime:
    """The moment of a serial number, to the millisecond, as Sheets keeps it; without a time zone."""
    return _EPOCH + timedelta(milliseconds=round(serial * _DAY_MS))


def _time(serial: float) -> time:
    ms = min(round(serial * _DAY_MS), _DAY_MS - 1)
    return (_EPOCH + timedelta(milliseconds=ms)).time()


def duration(serial: float) -> str:
    """``25:30:00``, with thousandths where there are any."""
    ms = round(abs(serial) * _DAY_MS)
    seconds, rest = divmod(ms, 1000)
    text = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return ("-" if serial < 0 and ms else "") + text + (f".{rest:03}" if rest else "")


def _is_duration(serial: float, text: str) -> bool:
    match = _DURATION.fullmatch(text.strip())
    return match is not None and int(match[2]) == int(abs(serial) * 24 + 1e-6)


def hides_times(serials: Sequence[Sequence[Any]], shown: Sequence[Sequence[Any]]) -> bool:
    """Whether a cell that shows a day holds seconds that its text does not tell."""
    for numbers, texts in zip(serials, shown, strict=True):
        for i in _dates(numbers, texts) if numbers != texts else ():
            seconds = numbers[i] % 1 * 86_400
            digits = _SECONDS.search(texts[i])
            if (digits is None and round(seconds, 3) % 60) or (":" not in texts[i] and round(seconds, 3)):
                return True
            if digits is not None and abs(seconds - round(seconds)) > 0.001:
                return True
    return False


_SECONDS = re.compile(r":\d\d:\d\d")


# Declared types --------------------------------------------------------------------------------------------------------

_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,.'\s\u2019])\d{3})(?:\1\d{3})*(?:[.,]\d+)?|[+-]?\d*[.,]?\d+(?:[eE][+-]?\d+)?")
_TRUE, _FALSE = {"true", "yes", "y", "1", "x"}, {"false", "no", "n", "0"}
_DATE = re.compile(
    r"(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})(?:[T ,]+(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,6}))?)?)?", re.ASCII
)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)

#: Languages that write 1.234,5, and those of them that do not write 31/12/2026 but 12/31/2026: none but en_US does.
_COMMA = frozenset(
    [
        "af",
        "ar",
        "az",
        "be",
        "bg",
        "bs",
        "ca",
        "cs",
        "da",
        "de",
        "el",
        "es",
        "et",
        "eu",
        "fi",
        "fr",
        "gl",
        "hr",
        "hu",
        "hy",
        "id",
        "is",
        "it",
        "ka",
        "kk",
        "lt",
        "lv",
        "mk",
        "nb",
        "nl",
        "nn",
        "no",
        "pl",
        "pt",
        "ro",
        "ru",
        "sk",
        "sl",
        "sq",
        "sr",
        "sv",
        "tr",
        "uk",
        "uz",
        "vi",
    ]
)


@dataclass(frozen=True, slots=True)
class Locale:
    """How people of a spreadsheet write numbers and dates."""

    has_comma: bool = False
    is_month_first: bool = True

    @classmethod
    def of(cls, name: str) -> "Locale":
        """That of ``en_US``, ``de_DE``; of Google's name."""
        language, _, country = name.replace("-", "_").partition("_")
        has_comma = language in _COMMA and (language, country) not in {("es", "MX"), ("de", "CH"), ("it", "CH")}
        return cls(has_comma, name in ("en_US", "en", "", "en_PH"))


def declared_column(column: Typed, kind: CellType, locale: Locale, shown: Sequence[Any] | None = None) -> Typed:
    """The column as its declared type; cells that cannot be are kept as text, and noted.

    Args:
        column: As it was found.
        kind: The declared type.
        locale: Of the spreadsheet: decides about ``1,5`` and ``3/4/2026``.
        shown: What cells show, for texts.
    """
    if kind is CellType.TEXT:
        cells = [
            cell if cell is None or isinstance(cell, str) else str(shown[i]) if shown is not None else plain_text(cell)
            for i, cell in enumerate(column.cells)
        ]
        return Typed(kind, list(cells), {name: at for name, at in column.odd.items() if name == "error"})
    convert = _CONVERTERS[kind]
    made: list[Cell] = []
    wrong = []
    for i, cell in enumerate(column.cells):
        found = None if cell is None else convert(cell, locale)
        if cell is not None and found is None:
            wrong.append(i)
            found = plain_text(cell)
        made.append(found)
    odd = {name: at for name, at in column.odd.items() if name == "error"}
    return Typed(CellType.MIXED if wrong else kind, made, odd | ({f"not {kind}": wrong} if wrong else {}))


def plain_text(cell: Cell) -> str:
    """A cell as text, the same one whatever locale: ``2026-01-31``, ``0.5``, ``TRUE``."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, datetime):
        return cell.isoformat(" ")
    return (
        cell.isoformat() if isinstance(cell, date | time) else f"{cell:f}" if isinstance(cell, Decimal) else str(cell)
    )


def _decimal(cell: Any, locale: Locale) -> Decimal | None:
    if isinstance(cell, bool | date | time):
        return None
    if isinstance(cell, int | Decimal):
        return Decimal(cell)
    text = re.sub(r"^[^\d+\-.,(]+|[^\d.,)%]+$", "", str(cell).strip()).strip()
    is_negative = text.startswith("(") and text.endswith(")")
    is_percent = text.endswith("%")
    text = text.strip("()% \u00a0\u202f")
    if not _GROUPED.fullmatch(text):
        return None
    point, group = (",", ".") if locale.has_comma else (".", ",")
    plain = re.sub(rf"[\s'\u2019{re.escape(group)}]", "", text).replace(point, ".")
    try:
        number = Decimal(plain)
    except ArithmeticError:
        return None
    number = number / 100 if is_percent else number
    return -number if is_negative else number


def _integer(cell: Any, locale: Locale) -> int | None:
    if isinstance(cell, bool):
        return int(cell)
    number = _decimal(cell, locale)
    return int(number) if number is not None and number == int(number) else None


def _boolean(cell: Any, _locale: Locale) -> bool | None:
    if isinstance(cell, bool):
        return cell
    word = str(cell).strip().casefold()
    return True if word in _TRUE else False if word in _FALSE else None


def _datetime(cell: Any, locale: Locale) -> datetime | None:
    if isinstance(cell, datetime):
        return cell
    if isinstance(cell, date):
        return datetime(cell.year, cell.month, cell.day)
    match = _DATE.fullmatch(str(cell).strip().removesuffix("Z")) if isinstance(cell, str) else None
    if match is None:
        return None
    a, b, c = int(match[1]), int(match[2]), int(match[3])
    is_year_first = len(match[1]) == 4
    year, month, day = (
        (a, b, c) if is_year_first else (c, a, b) if locale.is_month_first and "/" in match[0] else (c, b, a)
    )
    year += 2000 if year < 100 and len(match[3]) < 3 and not is_year_first else 0
    try:
        return datetime(
            year,
            month,
            day,
            int(match[4] or 0),
            int(match[5] or 0),
            int(match[6] or 0),
            int((match[7] or "0").ljust(6, "0")),
        )
    except ValueError:
        return None


def _date(cell: Any, locale: Locale) -> date | None:
    found = _datetime(cell, locale)
    return found.date() if found is not None and found.time() == time() else None


def _clock(cell: Any, _locale: Locale) -> time | None:
    if isinstance(cell, time):
        return cell
    match = _CLOCK.fullmatch(str(cell).strip()) if isinstance(cell, str) else None
    try:
        return time(int(match[1]), int(match[2]), int(match[3] or 0)) if match else None
    except ValueError:
        return None


_CONVERTERS: dict[CellType, Callable[[Any, Locale], Cell]] = {
    CellType.INTEGER: _integer,
    CellType.DECIMAL: _decimal,
    CellType.BOOLEAN: _boolean,
    CellType.DATE: _date,
    CellType.DATETIME: _datetime,
    CellType.TIME: _clock,
}


def as_texts(shown: Iterable[Any]) -> Typed:
    """A column whose cells are the texts that they show; blank ones are None."""
    cells: list[Cell] = [
        None if cell == "" or cell is None else cell if isinstance(cell, str) else plain_text(cell) for cell in shown
    ]
    return Typed(CellType.TEXT if any(cell is not None for cell in cells) else CellType.EMPTY, cells)
