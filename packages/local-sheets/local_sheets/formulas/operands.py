"""Values inside an evaluation: blanks, scalars, arrays and ranges, and how one kind turns into another."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from local_sheets.a1 import Area
from local_sheets.budget import spend
from local_sheets.cell_values.locales import get_locale
from local_sheets.cell_values.model import CellError, Formula, plain_number
from local_sheets.cell_values.number_format import is_date_format, render
from local_sheets.cell_values.user_entered import parse as parse_typed
from local_sheets.formulas.faults import NOT_CALLED, Fault, not_a_boolean, not_a_number

#: A single value; None is a blank cell or an argument left out.
Scalar = float | int | str | bool | CellError | None
Rows = Sequence[Sequence[Any]]


class Workbook(Protocol):
    """What an evaluation asks of the spreadsheet it stands in. Rows and columns are 0-based, spans half-open."""

    @property
    def locale(self) -> str:
        """Such as ``en_US``."""

    def tab(self, title: str) -> str | None:
        """The title of the tab that a formula means (any case), None when there is none."""

    def size(self, title: str) -> tuple[int, int]:
        """Rows and columns of the tab's grid."""

    def values(self, title: str, row0: int, row1: int, col0: int, col1: int) -> Rows:
        """Effective values, numbers with the format that they are shown in; trailing blanks may be missing."""

    def titles(self) -> list[str]:
        """The titles of all tabs, in their order."""

    def formula(self, title: str, row: int, col: int) -> str | None:
        """The formula that stands in a cell, None when there is none."""

    def hidden_rows(self, title: str, row0: int, row1: int, also_by_hand: bool) -> set[int]:
        """Which of these rows a filter hides, or ``also_by_hand`` a person."""

    def subtotals(self, title: str, row0: int, row1: int, col0: int, col1: int) -> set[tuple[int, int]]:
        """Which cells of an area hold a formula with SUBTOTAL."""

    def named_range(self, name: str) -> Area | None:
        """The area of a named range, or the rows of a table below its header (any case)."""

    def table(self, name: str) -> "TableArea | None":
        """The table of this name (any case)."""

    def imported(self, spreadsheet: str, cells: str) -> Rows:
        """The values of another spreadsheet's range.

        Raises:
            Fault: There is none, or this spreadsheet may not see it.
        """

    def now(self) -> datetime:
        """The present moment in the spreadsheet's time zone."""


#: What stands in an array beyond the end of a smaller one that it is combined with.
NOTHING_THERE = CellError("N_A", "Argument value could not be found.")


class Formatted(float):
    """A number with the ``NumberFormat`` that it is shown in: a date stays one through arrays, lookups and names."""

    __slots__ = ("number_format",)
    number_format: dict[str, Any]

    def __new__(cls, number: float, number_format: dict[str, Any]) -> "Formatted":
        made = super().__new__(cls, number)
        made.number_format = number_format
        return made


@dataclass(frozen=True, slots=True)
class TableArea:
    """A table of a tab: its cells with the header, 0-based and half-open, and its columns' names from the left."""

    title: str
    row0: int
    row1: int
    col0: int
    col1: int
    columns: tuple[str, ...]


@dataclass(slots=True)
class Array:
    """Rows of equal length."""

    rows: list[list[Scalar]]

    @property
    def height(self) -> int:
        return len(self.rows)

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    def __iter__(self) -> Iterator[Scalar]:
        for row in self.rows:
            yield from row

    def lines(self) -> Rows:
        """The rows."""
        return self.rows

    def at(self, row: int, col: int) -> Scalar:
        """The value there; one row or one column is repeated to any length."""
        row = 0 if self.height == 1 else row
        col = 0 if self.width == 1 else col
        if row >= self.height or col >= self.width:
            return NOTHING_THERE
        return self.rows[row][col]


@dataclass(slots=True)
class Range:
    """An area of a tab, closed to the grid; its values are read when first asked for."""

    title: str
    row0: int
    row1: int
    col0: int
    col1: int
    workbook: Workbook
    _array: Array | None = field(default=None, repr=False)

    @property
    def height(self) -> int:
        return self.row1 - self.row0

    @property
    def width(self) -> int:
        return self.col1 - self.col0

    def filled(self) -> Iterator[Scalar]:
        """The values row by row; trailing blanks may be missing."""
        rows = self.lines()
        spend(sum(map(len, rows)))
        for row in rows:
            yield from row

    def lines(self) -> Rows:
        """The rows; blanks at the end of each, and rows at the end, may be missing."""
        if self._array is not None:
            return self._array.rows
        return self.workbook.values(self.title, self.row0, self.row1, self.col0, self.col1)

    def array(self) -> Array:
        """All values, with their blanks."""
        if self._array is None:
            spend(self.height * self.width)
            found = self.workbook.values(self.title, self.row0, self.row1, self.col0, self.col1)
            rows = [[*row, *[None] * (self.width - len(row))] for row in found]
            rows.extend([None] * self.width for _ in range(self.height - len(rows)))
            self._array = Array(rows)
        return self._array

    def corner(self) -> Scalar:
        """The value of the top left cell."""
        if self._array is not None:
            return self._array.rows[0][0]
        found = self.workbook.values(self.title, self.row0, self.row0 + 1, self.col0, self.col0 + 1)
        value: Scalar = found[0][0] if found and found[0] else None
        return value


@dataclass(frozen=True, slots=True, eq=False)
class Lambda:
    """``LAMBDA(x, x + 1)``: ``body`` is evaluated where ``scope`` stands, under the names that it saw."""

    parameters: tuple[str, ...]
    body: Any
    scope: Any


Operand = Scalar | Array | Range | Lambda


def as_array(operand: Operand) -> Array:
    """All values of an operand as rows.

    Raises:
        Fault: It is a function.
    """
    if isinstance(operand, Range):
        return operand.array()
    if isinstance(operand, Lambda):
        raise Fault(NOT_CALLED)
    return operand if isinstance(operand, Array) else Array([[operand]])


def format_of(value: Operand) -> dict[str, Any] | None:
    """The number format that a value carries."""
    return value.number_format if type(value) is Formatted else None


def plain_value(value: Scalar) -> Scalar:
    """A value as a cell keeps it: a number without its format, whole ones as whole ones."""
    return plain_number(float(value)) if type(value) is Formatted else value


def with_format(value: Scalar, number_format: dict[str, Any] | None) -> Scalar:
    """A number under another format; what is no number stays as it is."""
    if number_format is None or not is_number(value):
        return value
    return Formatted(value, number_format)  # type: ignore[arg-type]


def each_value(operand: Operand) -> Iterator[Scalar]:
    """All values of an operand; trailing blanks of a range may be missing."""
    if isinstance(operand, Range):
        yield from operand.filled()
    elif isinstance(operand, Array):
        yield from operand
    elif isinstance(operand, Lambda):
        raise Fault(NOT_CALLED)
    else:
        yield operand


def raise_error(value: Scalar) -> Scalar:
    """The value itself.

    Raises:
        Fault: It is an error.
    """
    if isinstance(value, CellError):
        raise Fault(value)
    return value


def is_number(value: Scalar) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number_in(text: str, locale: str) -> float | int | None:
    """The number, date or time that a text means, None when it means none."""
    stripped = text.strip()
    if not stripped or stripped[0] in "='":
        return None
    value = parse_typed(stripped, locale).value
    if isinstance(value, bool | Formula) or not isinstance(value, int | float):
        return None
    return value


def to_number(value: Scalar, function: str, place: int, locale: str) -> float | int:
    """A number as a function takes it: blank is 0, TRUE is 1, text is read.

    Raises:
        Fault: ``#VALUE!`` for other text, or the error that the value is.
    """
    if value is None:
        return 0
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return value
    if isinstance(value, CellError):
        raise Fault(value)
    found = number_in(value, locale)
    if found is None:
        raise Fault(not_a_number(function, place, value))
    return found


def to_boolean(value: Scalar, function: str, place: int) -> bool:
    """A truth value: numbers other than 0 are true, ``"TRUE"`` and ``"FALSE"`` are read.

    Raises:
        Fault: ``#VALUE!`` for other text, or the error that the value is.
    """
    if isinstance(value, CellError):
        raise Fault(value)
    if isinstance(value, str):
        if value.upper() in ("TRUE", "FALSE"):
            return value.upper() == "TRUE"
        if value == "":
            return False
        raise Fault(not_a_boolean(function, place, value))
    return bool(value)


def to_text(value: Scalar, locale: str | None = None) -> str:
    """Text as ``&`` joins it: numbers with up to 15 significant digits and the locale's point, dates as they are shown.

    Raises:
        Fault: The value is an error.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, CellError):
        raise Fault(value)
    if type(value) is Formatted and is_date_format(value.number_format):
        return render(float(value), value.number_format, locale)
    if isinstance(value, int | float):
        text = number_text(value)
        return text.replace(".", get_locale(locale).decimal) if "." in text else text
    return value


def number_text(number: float | int) -> str:
    """``0.333333333333333``, ``1E+20``, ``5``."""
    text = f"{number:.15G}"
    if "E" in text and 1e-5 <= abs(number) < 1:
        return f"{Decimal(text):f}"
    return text


def type_rank(value: Scalar) -> int:
    """Numbers sort before text, text before booleans."""
    if isinstance(value, bool):
        return 2
    return 1 if isinstance(value, str) else 0


def compare(left: Scalar, right: Scalar) -> int:
    """-1, 0 or 1; a blank equals 0, ``""`` and FALSE, text is compared without regard to case.

    Raises:
        Fault: One of them is an error.
    """
    raise_error(left)
    raise_error(right)
    left, right = _blank_as(left, right), _blank_as(right, left)
    if type_rank(left) != type_rank(right):
        return -1 if type_rank(left) < type_rank(right) else 1
    if isinstance(left, str) and isinstance(right, str):
        left, right = left.casefold(), right.casefold()
    if left == right:
        return 0
    return -1 if left < right else 1  # type: ignore[operator]


def _blank_as(value: Scalar, other: Scalar) -> Scalar:
    if value is not None:
        return value
    if isinstance(other, str):
        return ""
    return False if isinstance(other, bool) else 0
