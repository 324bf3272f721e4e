"""Values that are looked for in, row by row: ordered once, then each search takes a few steps."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import cmp_to_key
from typing import Any
from weakref import WeakKeyDictionary

from local_sheets.budget import spend
from local_sheets.cell_values.model import CellError
from local_sheets.formulas.operands import Operand, Range, Scalar, Workbook, as_array, compare, type_rank
from local_sheets.patterns import Wildcard

Key = tuple[int, Scalar]
#: Values that are kept for all formulas of a round together.
_MOST_KEPT = 2_000_000

_ordered = cmp_to_key(compare)


def key_of(value: Scalar) -> Key:
    """Equal for values that a search takes for the same: text without regard to case, 1 is not TRUE."""
    return type_rank(value), value.casefold() if isinstance(value, str) else value


class Line:
    """The values of an area. Blanks and errors are passed over."""

    __slots__ = ("_falling", "_groups", "_places", "_rising", "values")

    def __init__(self, values: Sequence[Scalar]) -> None:
        self.values = values
        self._groups: dict[Key, list[int]] | None = None
        self._places: dict[Key, int] | None = None
        self._rising: dict[int, _Steps] = {}
        self._falling: dict[int, _Steps] = {}

    def first(self, wanted: Scalar) -> int | None:
        """Where a value stands first; text may hold wildcards."""
        if isinstance(wanted, str) and any(char in wanted for char in "*?~"):
            wildcard = Wildcard(wanted)
            return self.first_that(lambda value: isinstance(value, str) and wildcard.fits(value))
        return None if wanted is None else self.exact(wanted)

    def exact(self, wanted: Scalar) -> int | None:
        """Where a value stands first; stars and question marks are themselves."""
        if self._places is None:
            spend(len(self.values))
            self._places = {}
            for place, value in enumerate(self.values):
                if value is not None and not isinstance(value, CellError):
                    self._places.setdefault(key_of(value), place)
        return self._places.get(key_of(wanted))

    def all_exact(self, wanted: Scalar) -> list[int]:
        """Where a value stands."""
        if self._groups is None:
            spend(len(self.values))
            self._groups = {}
            for place, value in enumerate(self.values):
                if value is not None and not isinstance(value, CellError):
                    self._groups.setdefault(key_of(value), []).append(place)
        return self._groups.get(key_of(wanted), [])

    def first_that(self, test: Callable[[Scalar], bool]) -> int | None:
        """Where the first value is that meets a test."""
        for place, value in enumerate(self.values):
            spend(1)
            if not isinstance(value, CellError) and test(value):
                return place
        return None

    def last_not_after(self, wanted: Scalar) -> int | None:
        """In values in rising order the last one that is not greater; the search ends at the first that is."""
        return self._steps(self._rising, wanted, 1).last_before(_ordered(wanted))

    def last_not_before(self, wanted: Scalar) -> int | None:
        """In values in falling order the last one that is not smaller; the search ends at the first that is."""
        return self._steps(self._falling, wanted, -1).last_before(_Falling(wanted))

    def _steps(self, known: dict[int, "_Steps"], wanted: Scalar, order: int) -> "_Steps":
        """Those of the wanted value's kind; other kinds are passed over."""
        rank = type_rank(wanted)
        if rank not in known:
            spend(len(self.values))
            known[rank] = _Steps(self.values, rank, order)
        return known[rank]


class _Falling:
    """A value in descending order."""

    __slots__ = ("value",)

    def __init__(self, value: Scalar) -> None:
        self.value = value

    def __lt__(self, other: "_Falling") -> bool:
        return compare(other.value, self.value) < 0


class _Steps:
    """The places of all values of one kind, and where a new extreme is reached: these are in order, whatever is not."""

    __slots__ = ("_extremes", "_places", "_starts")

    def __init__(self, values: Sequence[Scalar], rank: int, order: int) -> None:
        self._places: list[int] = []
        self._extremes: list[Any] = []
        self._starts: list[int] = []
        extreme: Scalar = None
        for place, value in enumerate(values):
            if value is None or isinstance(value, CellError) or type_rank(value) != rank:
                continue
            if not self._extremes or compare(value, extreme) == order:
                extreme = value
                self._extremes.append(_ordered(value) if order == 1 else _Falling(value))
                self._starts.append(place)
            self._places.append(place)

    def last_before(self, bound: Any) -> int | None:
        """The last place before the first value that lies beyond the bound."""
        beyond = bisect_right(self._extremes, bound)
        end = self._starts[beyond] if beyond < len(self._starts) else None
        count = len(self._places) if end is None else bisect_left(self._places, end)
        return self._places[count - 1] if count else None


#: For each workbook (it lives as long as one round of evaluation) the lines that formulas searched, by area.
_LINES: WeakKeyDictionary[Workbook, dict[tuple[str, int, int, int, int], Line]] = WeakKeyDictionary()


def forget_lines(workbook: Workbook) -> None:
    """Values changed: lines that were made before hold old ones."""
    _LINES.pop(workbook, None)


def line_of(operand: Operand) -> Line:
    """The line of an operand; that of an area is made once however many formulas of the round look there."""
    if not isinstance(operand, Range):
        return Line(list(as_array(operand)))
    lines = _LINES.setdefault(operand.workbook, {})
    area = (operand.title, operand.row0, operand.row1, operand.col0, operand.col1)
    found = lines.get(area)
    if found is None:
        found = Line(list(operand.array()))
        if sum(len(line.values) for line in lines.values()) + len(found.values) > _MOST_KEPT:
            lines.clear()
        lines[area] = found
    return found
