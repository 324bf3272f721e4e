"""Cells as JSON, by value render option and date-time render option.

See https://developers.google.com/workspace/sheets/api/reference/rest/v4/ValueRenderOption
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import zip_longest
from typing import Any

from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.model import CellError, Formula, Value
from local_sheets.cell_values.number_format import is_date_format, render
from local_sheets.model.cell import AnyCell, Cell, effective, number_format_of
from local_sheets.model.tab import Rect

Renderer = Callable[[AnyCell], Any]

#: Digits, sign and point of a number whose shortest text is also what an unformatted cell shows.
_PLAIN_DIGITS = 11


def renderer(locale: str, value_option: str | None, date_option: str | None) -> Renderer:
    """The function that turns one cell into JSON; an empty cell is ``""``."""
    if value_option not in ("FORMULA", "UNFORMATTED_VALUE"):
        return _formatted(locale)
    plain: Renderer = _unformatted
    if date_option == "FORMATTED_STRING":
        plain = partial(_unformatted_with_dates, locale=locale)
    return partial(_formula, plain=plain) if value_option == "FORMULA" else plain


def _formatted(locale: str) -> Renderer:
    known = get_locale(locale)
    decimal = known.decimal

    def show(cell: AnyCell) -> str:
        kind = type(cell)
        if kind is str:
            return cell  # type: ignore[return-value]
        if cell is None:
            return ""
        if kind is int and -(10**15) < cell < 10**15:  # type: ignore[operator]
            return str(cell)
        if kind is float:
            text = repr(cell)
            if "e" not in text:
                if len(text) > _PLAIN_DIGITS:
                    text = _ten_digits(cell, text)  # type: ignore[arg-type]
                if text:
                    return text if decimal == "." else text.replace(".", decimal)
        if kind is bool:
            return known.true if cell else known.false
        return render(effective(cell), number_format_of(cell), known)

    return show


def _ten_digits(number: float, exact: str) -> str:
    """What ``render_general`` shows of a number with many digits, quicker; empty where it may come out differently.

    The two round halves differently. A number that is shown here has more digits than a half would have.
    """
    size = abs(number)
    is_plain = (1 <= size < 9e9 and len(exact) > 14) or (1e-4 <= size < 1 and len(exact) > 19)
    return f"{number:.10g}" if is_plain else ""


def _plain(value: Value | None) -> Any:
    if isinstance(value, CellError):
        return value.text
    return "" if value is None else value


def _unformatted(cell: AnyCell) -> Any:
    if cell is None:
        return ""
    return _plain(effective(cell)) if isinstance(cell, Cell) else cell


def _unformatted_with_dates(cell: AnyCell, locale: str) -> Any:
    value = effective(cell)
    if isinstance(value, int | float) and not isinstance(value, bool):
        number_format = number_format_of(cell)
        if is_date_format(number_format):
            return render(value, number_format, locale)
    return _plain(value)


def _formula(cell: AnyCell, plain: Renderer) -> Any:
    if isinstance(cell, Cell) and isinstance(cell.value, Formula):
        return cell.value.text
    return plain(cell)


def read_values(area: Rect, show: Renderer, major_dimension: str | None = None) -> list[list[Any]]:
    """The values of an area as the API returns them: empty rows and cells at the end are left out."""
    rows: list[list[Any]] = [[show(cell) for cell in cells] for cells in area.tab.read(area)]
    if major_dimension == "COLUMNS":
        rows = [list(column) for column in zip_longest(*rows, fillvalue="")]
    return trim(rows)


def trim(rows: list[list[Any]]) -> list[list[Any]]:
    """Take empty cells and empty rows off the end, in place."""
    for row in rows:
        while row and row[-1] == "":
            row.pop()
    while rows and not rows[-1]:
        rows.pop()
    return rows


def value_range(area: Rect, values: Sequence[Sequence[Any]], major_dimension: str | None) -> dict[str, Any]:
    """The API's ``ValueRange``; without ``values`` when there are none."""
    message: dict[str, Any] = {"range": area.a1(), "majorDimension": major_dimension or "ROWS"}
    if values:
        message["values"] = values
    return message


def count_cells(rows: Iterable[Sequence[Any]]) -> int:
    """Cells that were sent."""
    return sum(len(row) for row in rows)
