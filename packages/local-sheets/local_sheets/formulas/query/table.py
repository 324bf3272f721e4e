"""Tables that queries are asked of: columns with a kind, rows of plain values."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from local_sheets.a1 import column_letters
from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.cell_values.number_format import effective_pattern, is_date_format
from local_sheets.cell_values.pattern import read_pattern

#: Dates, times and moments are serial numbers; None is null.
Value = float | int | str | bool | None
NUMERIC = ("number", "date", "datetime", "timeofday")
_DAY_KINDS = ("date", "datetime", "timeofday")


class QueryError(Exception):
    """The query cannot be answered; the text is Google's reason, such as ``NO_COLUMN: Z``."""


@dataclass(frozen=True, slots=True)
class Column:
    """``id`` is what queries call it, ``kind`` a type of the API: ``string``, ``number``, ``boolean``, ``date`` ...

    ``is_guessed``: the numbers may be dates, nobody said so; functions of dates take them.
    """

    id: str
    label: str
    kind: str
    pattern: str = ""
    is_guessed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """``columns`` and, row by row, a value for each of them."""

    columns: list[Column]
    rows: list[list[Value]]

    @property
    def has_labels(self) -> bool:
        """Whether any column has a label: a result without any is shown without a header."""
        return any(column.label for column in self.columns)


def make_table(
    rows: Sequence[Sequence[Any]],
    headers: int = -1,
    *,
    first_column: int | None = None,
    locale: str | None = None,
) -> Table:
    """The table of a range's values.

    Args:
        rows: Rows of equal length; a number may carry its ``number_format``.
        headers: How many rows at the top are headers; -1 guesses.
        first_column: Columns are called by letters from this one (0-based) on; None calls them ``Col1``, ``Col2`` ...
    """
    spend(sum(map(len, rows)))
    width = max(map(len, rows), default=0)
    count = _guessed_headers(rows, width) if headers < 0 else min(headers, len(rows))
    columns: list[Column] = []
    lines: list[list[Value]] = []
    for place in range(width):
        values = [row[place] for row in rows]
        key = f"Col{place + 1}" if first_column is None else column_letters(first_column + place)
        label = " ".join(str(text) for value in values[:count] if (text := header_text(value)))
        column = _column(key, label, values[count:], locale)
        columns.append(column)
        lines.append([_fitting(value, column.kind) for value in values[count:]])
    return Table(columns, [list(row) for row in zip(*lines, strict=True)])


def header_text(value: Any) -> str:
    """What a header says."""
    if value is None or isinstance(value, CellError):
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    return value if isinstance(value, str) else f"{value:.15G}"


def kind_of_format(number_format: Mapping[str, Any] | None, locale: str | None = None) -> str:
    """``date``, ``datetime`` or ``timeofday`` for numbers that are shown as such, else ``number``."""
    if not is_date_format(number_format):
        return "number"
    tokens = read_pattern(effective_pattern(number_format, locale))[0].tokens
    letters = set("".join(token.text for token in tokens if token.kind == "date").lower())
    has_time = bool(letters & set("hsa"))
    has_date = bool(letters & set("yd")) or not has_time
    return "datetime" if has_date and has_time else "date" if has_date else "timeofday"


def _kind(value: Any, locale: str | None) -> str | None:
    if value is None or isinstance(value, CellError):
        return None
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    return kind_of_format(getattr(value, "number_format", None), locale)


def _column(key: str, label: str, values: Sequence[Any], locale: str | None) -> Column:
    """The kind that most values have; dates and other numbers count as one before it is said which of them."""
    counts = Counter(kind for value in values if (kind := _kind(value, locale)))
    numbers = sum(counts[kind] for kind in NUMERIC)
    if not counts or numbers < max(counts["string"], counts["boolean"]):
        kind = "boolean" if counts["boolean"] > counts["string"] else "string"
        return Column(key, label, kind)
    kind = max(NUMERIC, key=lambda known: (counts[known], known in _DAY_KINDS))
    shown = next((value for value in values if _kind(value, locale) == kind), None)
    number_format = getattr(shown, "number_format", None)
    pattern = effective_pattern(number_format, locale) if number_format else ""
    return Column(key, label, kind, pattern, is_guessed=kind == "number" and not number_format)


def _fitting(value: Any, kind: str) -> Value:
    """The value, or null where it is of another kind than its column."""
    if isinstance(value, CellError) or value is None:
        return None
    if isinstance(value, bool | str):
        fits = kind == ("boolean" if isinstance(value, bool) else "string")
        return value if fits else None
    return plain(value) if kind in NUMERIC else None


def plain(number: float | int) -> float | int:
    """A number without what it carries."""
    return number if type(number) is int else float(number)


def _guessed_headers(rows: Sequence[Sequence[Any]], width: int) -> int:
    """Rows at the top that are text over columns of something else; text alone tells nothing, so none."""
    found: int | None = None
    for place in range(width):
        values = [row[place] for row in rows]
        leading = 0
        while leading < len(values) and isinstance(values[leading], str) and values[leading]:
            leading += 1
        rest = [value for value in values[leading:] if value not in (None, "") and not isinstance(value, CellError)]
        if rest and sum(not isinstance(value, str) for value in rest) * 2 > len(rest):
            found = leading if found is None else min(found, leading)
    return found or 0
