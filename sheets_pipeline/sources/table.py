"""A typed table of what was read of a source's ranges: headers, names, merged cells, types, and what is odd. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.sources.cells import Locale, Typed, as_texts, declared_column, typed_column
from sheets_pipeline.sources.content import Cell, Content, SourceColumn
from sheets_pipeline.sources.headers import column_names, find_header, is_named
from sheets_pipeline.sync.source import CellType, Source

#: So many places of odd cells are named.
_PLACES = 3
#: Rows that are looked at for headers.
_TOP = 60


@dataclass(frozen=True, slots=True)
class Merge:
    """Merged cells, counted from the first cell of the range."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class Block:
    """The cells of one range by columns, blank ones ``""``, all columns of one length.

    ``serials`` has dates as serial numbers, ``shown`` as texts; ``as_shown`` has every cell as its text, where that is needed.
    """

    serials: list[list[Any]]
    shown: list[list[Any]]
    as_shown: list[list[Any]] | None = None
    merges: Sequence[Merge] = ()
    #: Where the range begins in its tab, and how that is called.
    top: int = 0
    left: int = 0
    title: str = ""

    def place(self, row: int, column: int) -> str:
        """``B7``, or ``Tab!B7``."""
        cell = f"{column_letters(self.left + column)}{self.top + row + 1}"
        return f"{self.title}!{cell}" if self.title else cell


@dataclass(frozen=True, slots=True)
class Note:
    """Something odd about a column that its reader should know, with places and never with contents."""

    column: str
    what: str
    count: int
    places: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = ", ".join(self.places) + (", ..." if self.count > len(self.places) else "")
        return f"column {self.column!r}: {self.what}: {self.count:,} ({where})"


@dataclass(slots=True, eq=False)
class _Column:
    """A column below its header; ``origin`` says where cells come from: from which row on of which block, column and row."""

    name: str
    header: str
    serials: list[Any] = field(default_factory=list)
    shown: list[Any] = field(default_factory=list)
    as_shown: list[Any] = field(default_factory=list)
    origin: list[tuple[int, Block, int, int]] = field(default_factory=list)


def column_letters(index: int) -> str:
    """``A`` for 0, ``AA`` for 26."""
    letters, index = "", index + 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def rectangle(columns: Sequence[Sequence[Any]] | None) -> list[list[Any]]:
    """Columns as the API gives them, trimmed at their ends, all of one length and without nulls."""
    columns = columns or []
    length = max(map(len, columns), default=0)
    return [[*column, *[""] * (length - len(column))] if len(column) < length else list(column) for column in columns]


@dataclass(frozen=True, slots=True)
class Table:
    """A content, what is odd about its columns, and ignored cells: number of the block, column of it, first row."""

    content: Content
    notes: list[Note]
    ignored: list[tuple[int, int, int]]


def table_of(source: Source, blocks: Sequence[Block], locale: Locale) -> Table:
    """The table of a source, its ranges one below the other.

    Raises:
        SourceProblem: A declared column or key is not there, or ``header_row`` lies below all cells.
    """
    columns = _stacked([_columns_of(source, block) for block in blocks])
    left_out = [one for one in columns if _is_any(source.ignore_columns, one)]
    columns = [one for one in columns if one not in left_out]
    declared = _declared_types(source, columns)
    notes: list[Note] = []
    made = []
    for one in columns:
        typed = _typed(source, one, declared.get(one.name), locale)
        notes += _notes(one, typed)
        made.append((SourceColumn(one.name, one.header, typed.type), typed.cells))
    _check_key(source, columns)
    rows = [row for row in zip(*(cells for _, cells in made), strict=True) if any(cell is not None for cell in row)]
    _end_at_last(rows)
    content = Content(tuple(column for column, _ in made), rows)
    numbers = {id(block): number for number, block in enumerate(blocks)}
    ignored = [(numbers[id(block)], index, first) for one in left_out for _, block, index, first in one.origin]
    return Table(content, notes, ignored)


def _end_at_last(rows: list[tuple[Cell, ...]]) -> None:
    """Take out rows at the end that hold nothing but unticked checkboxes, which people set up down to the last row."""
    if all(cell is None or isinstance(cell, bool) for row in rows for cell in row):
        return  # the table is of truth values alone
    while all(cell is None or cell is False for cell in rows[-1]):
        rows.pop()


def _typed(source: Source, column: _Column, declared: CellType | None, locale: Locale) -> Typed:
    if not source.infer and declared is None:
        return as_texts(column.as_shown or column.shown)
    typed = typed_column(column.serials, column.shown)
    if declared is None:
        return typed
    return declared_column(typed, declared, locale, column.as_shown or None)


def needs_texts(source: Source) -> bool:
    """Whether the text that each cell shows has to be read, too."""
    return not source.infer or CellType.TEXT in (source.types or {}).values()


# Columns of a range ----------------------------------------------------------------------------------------------------


def _columns_of(source: Source, block: Block) -> list[_Column]:
    height = max(map(len, block.serials), default=0)
    row = _header_row(source, block, height)
    if source.fill_merged:
        _fill(block, 0 if row is None else row)
    first = 0 if row is None else row + 1
    headers = [_header(column, row) for column in block.shown]
    filled = [any(cell != "" for cell in column[first:]) for column in block.serials]
    used = [i for i, header in enumerate(headers) if header or filled[i]]
    names = [f"column_{i + 1}" for i in used] if row is None else column_names([headers[i] for i in used])
    return [
        _Column(
            name,
            headers[i],
            block.serials[i][first:],
            block.shown[i][first:],
            block.as_shown[i][first:] if block.as_shown else [],
            [(0, block, i, first)],
        )
        for name, i in zip(names, used, strict=True)
    ]


def _header_row(source: Source, block: Block, height: int) -> int | None:
    if source.header_row == 0:
        return None
    if source.header_row is not None:
        if source.header_row > max(height, 1):
            raise SourceProblem(
                source.id,
                f"header_row is {source.header_row}, and its cells end with row {height}. Correct header_row.",
            )
        return source.header_row - 1 if height else None
    across = {merge.top for merge in block.merges if merge.right - merge.left > 1}
    top = list(zip_longest(*(column[:_TOP] for column in block.shown), fillvalue=""))
    return find_header(top, across)


def _header(column: Sequence[Any], row: int | None) -> str:
    if row is None or row >= len(column):
        return ""
    cell = column[row]
    return cell.strip() if isinstance(cell, str) else str(cell).upper() if isinstance(cell, bool) else str(cell)


def _fill(block: Block, first: int) -> None:
    """Give every cell of merged ones what the first one holds, from this row on: what is above are titles."""
    for grid in filter(None, (block.serials, block.shown, block.as_shown)):
        height = len(grid[0])
        for merge in block.merges:
            if first <= merge.top < height and merge.left < len(grid):
                value, end = grid[merge.left][merge.top], min(merge.bottom, height)
                for column in grid[merge.left : merge.right]:
                    column[merge.top : end] = [value] * (end - merge.top)


def _stacked(parts: Sequence[list[_Column]]) -> list[_Column]:
    """Columns of equal names one below the other; where a range has no such column, its rows are blank there."""
    if len(parts) == 1:
        return parts[0]
    joined: dict[str, _Column] = {}
    length = 0
    for part in parts:
        for column in part:
            whole = joined.setdefault(column.name, _Column(column.name, column.header))
            _lengthen(whole, length)
            whole.origin += [(length, block, index, first) for _, block, index, first in column.origin]
            whole.serials += column.serials
            whole.shown += column.shown
            whole.as_shown += column.as_shown
        length += len(part[0].serials) if part else 0
    for column in joined.values():
        _lengthen(column, length)
    return list(joined.values())


def _lengthen(column: _Column, length: int) -> None:
    for cells in (column.serials, column.shown, column.as_shown):
        cells += [""] * (length - len(cells))


# What declarations name ------------------------------------------------------------------------------------------------


def _is_any(wanted: Sequence[str], column: _Column) -> bool:
    return any(is_named(name, column.header, column.name) for name in wanted)


def _declared_types(source: Source, columns: Sequence[_Column]) -> Mapping[str, CellType]:
    found: dict[str, CellType] = {}
    for wanted, kind in (source.types or {}).items():
        meant = [column.name for column in columns if is_named(wanted, column.header, column.name)]
        if not meant:
            raise _no_column(source, "columns", wanted, columns)
        found |= dict.fromkeys(meant[:1], kind)
    return found


def _check_key(source: Source, columns: Sequence[_Column]) -> None:
    for wanted in source.key:
        if not any(is_named(wanted, column.header, column.name) for column in columns):
            raise _no_column(source, "key", wanted, columns)


def _no_column(source: Source, where: str, wanted: str, columns: Sequence[_Column]) -> SourceProblem:
    names = ", ".join(column.name for column in columns[:20]) or "none"
    return SourceProblem(source.id, f"{where} names {wanted!r}, and there is no such column; found: {names}.")


# What is odd -----------------------------------------------------------------------------------------------------------

_WORDS = {
    "text": "texts among other cells",
    "number": "numbers among other cells",
    "true or false": "truth values among other cells",
    "date": "dates among other cells",
    "time": "times among other cells",
    "error": "cells with an error of a formula, taken as blank",
}


def _notes(column: _Column, typed: Typed) -> list[Note]:
    made = []
    for name, rows in typed.odd.items():
        what = _WORDS.get(name, f"cells that are {name}, kept as text")
        made.append(Note(column.name, what, len(rows), tuple(_place(column, row) for row in rows[:_PLACES])))
    return made


def _place(column: _Column, row: int) -> str:
    """Where a cell of a column stands in its tab."""
    start, block, index, first = max((part for part in column.origin if part[0] <= row), key=lambda part: part[0])
    return block.place(first + row - start, index)
