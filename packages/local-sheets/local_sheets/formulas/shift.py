"""Formulas after rows and columns were inserted, deleted or moved, cells moved or copied, tabs renamed or deleted.

Only the text of references changes; spaces and everything else stay as they were entered.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from local_sheets.a1 import MAX_COLUMNS, column_letters, quote_title
from local_sheets.formulas.faults import Fault
from local_sheets.formulas.parser import read_reference
from local_sheets.formulas.syntax import Point, Reference
from local_sheets.formulas.tokens import Kind, tokenize

_LOST = "#REF!"
_MAX_ROWS = 10_000_000

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Inserted:
    """``count`` rows (or columns) were inserted before ``at`` in the tab ``title``."""

    title: str
    is_rows: bool
    at: int
    count: int

    def moved(self, span: Span) -> Span | None:
        """Where a half-open span of rows or columns is now."""
        start, end = span
        return (start + self.count * (start >= self.at), end + self.count * (end > self.at))


@dataclass(frozen=True, slots=True)
class Deleted:
    """The rows (or columns) from ``start`` to before ``end`` were deleted in the tab ``title``."""

    title: str
    is_rows: bool
    start: int
    end: int

    def moved(self, span: Span) -> Span | None:
        """Where a half-open span is now, None when nothing of it is left."""
        start, end = (edge - max(0, min(edge, self.end) - self.start) for edge in span)
        return (start, end) if start < end else None


@dataclass(frozen=True, slots=True)
class Moved:
    """The rows (or columns) from ``start`` to before ``end`` were moved before ``to``, counted before the move."""

    title: str
    is_rows: bool
    start: int
    end: int
    to: int

    def place(self, index: int) -> int:
        """Where one row or column is now."""
        count = self.end - self.start
        if self.start <= index < self.end:
            return index - self.start + (self.to if self.to <= self.start else self.to - count)
        if self.to <= index < self.start:
            return index + count
        return index - count if self.end <= index < self.to else index

    def moved(self, span: Span) -> Span | None:
        """Where a half-open span is now: with its first and last rows, whichever of them comes first."""
        first, last = self.place(span[0]), self.place(span[1] - 1)
        return min(first, last), max(first, last) + 1


Change = Inserted | Deleted | Moved


@dataclass(frozen=True, slots=True)
class CellsMoved:
    """A rectangle of cells (0-based, half-open) was cut and pasted; references to cells within it follow."""

    title: str
    row0: int
    row1: int
    col0: int
    col1: int
    to_title: str
    row_delta: int
    col_delta: int


#: Within the brackets of ``Orders[[#ALL],[Amount]:[Tax]]``.
_COLUMN_NAME = re.compile(r"[^\[\]:]+")


def shift_formula(text: str, own_title: str, change: Change, *, decimal_comma: bool = False) -> str:
    """The formula after a change of rows or columns; ``own_title`` is the tab it stands in.

    References that lost all their cells become ``#REF!``.
    """

    def rewrite(reference: Reference) -> Reference | None:
        if not _is_tab(reference, own_title, change.title):
            return reference
        return _shifted(reference, change)

    return _rewrite(text, rewrite, decimal_comma)


def copy_formula(text: str, row_delta: int, col_delta: int, *, decimal_comma: bool = False) -> str:
    """The formula in a cell that lies so much further down and right; parts with a ``$`` stay."""

    def moved(point: Point) -> Point | None:
        row = point.row if point.row is None or point.row_fixed else point.row + row_delta
        col = point.col if point.col is None or point.col_fixed else point.col + col_delta
        inside = (row is None or 0 <= row < _MAX_ROWS) and (col is None or 0 <= col < MAX_COLUMNS)
        return replace(point, row=row, col=col) if inside else None

    def rewrite(reference: Reference) -> Reference | None:
        start = moved(reference.start)
        end = moved(reference.end) if reference.end else None
        if start is None or (reference.end is not None and end is None):
            return None
        return replace(reference, start=start, end=end)

    return _rewrite(text, rewrite, decimal_comma) if row_delta or col_delta else text


def move_cells(text: str, own_title: str, change: CellsMoved, *, decimal_comma: bool = False) -> str:
    """The formula after cells that it may refer to were cut and pasted; references not wholly among them stay."""

    def moved(point: Point) -> Point:
        row = None if point.row is None else point.row + change.row_delta
        col = None if point.col is None else point.col + change.col_delta
        return replace(point, row=row, col=col)

    def rewrite(reference: Reference) -> Reference:
        points = [reference.start, *([reference.end] if reference.end else [])]
        within = all(
            point.row is not None
            and point.col is not None
            and change.row0 <= point.row < change.row1
            and change.col0 <= point.col < change.col1
            for point in points
        )
        if not within or not _is_tab(reference, own_title, change.title):
            return reference
        title = reference.title if change.to_title == change.title else change.to_title
        return Reference(title, moved(reference.start), moved(reference.end) if reference.end else None)

    return _rewrite(text, rewrite, decimal_comma)


def rename_tab(text: str, old: str, new: str, *, decimal_comma: bool = False) -> str:
    """The formula after a tab got another title."""

    def rewrite(reference: Reference) -> Reference:
        if reference.title is None or reference.title.casefold() != old.casefold():
            return reference
        return replace(reference, title=new)

    return _rewrite(text, rewrite, decimal_comma)


def rename_table(text: str, old: str, new: str, columns: Mapping[str, str], *, decimal_comma: bool = False) -> str:
    """The formula after a table got another name, or columns did: their new names by the old ones in lower case."""
    try:
        tokens = tokenize(text, decimal_comma=decimal_comma)
    except Fault:
        return text
    for token in reversed(tokens):
        name, bracket, inside = token.text.partition("[")
        if token.kind not in (Kind.TABLE, Kind.NAME) or name.casefold() != old.casefold():
            continue
        parts = _COLUMN_NAME.sub(lambda found: columns.get(found[0].strip().casefold(), found[0]), inside)
        text = text[: token.start] + new + bracket + parts + text[token.end :]
    return text


def drop_tab(text: str, title: str, *, decimal_comma: bool = False) -> str:
    """The formula after a tab was deleted: references to it become ``#REF!``."""

    def rewrite(reference: Reference) -> Reference | None:
        gone = reference.title is not None and reference.title.casefold() == title.casefold()
        return None if gone else reference

    return _rewrite(text, rewrite, decimal_comma)


def _is_tab(reference: Reference, own_title: str, title: str) -> bool:
    return (reference.title if reference.title is not None else own_title).casefold() == title.casefold()


def _shifted(reference: Reference, change: Change) -> Reference | None:
    axis = "row" if change.is_rows else "col"
    start, end = reference.start, reference.end
    first: int | None = getattr(start, axis)
    last: int | None = getattr(end, axis) if end else first
    if first is None and last is None:
        return reference
    if first is None or last is None:
        return _shifted_open(reference, change, axis, first if last is None else last)
    span = change.moved((min(first, last), max(first, last) + 1))
    if span is None:
        return None
    low, high = span[0], span[1] - 1
    new_first, new_last = (low, high) if first <= last else (high, low)
    shifted_end = _with_edge(end, axis, new_last) if end else None
    return Reference(reference.title, _with_edge(start, axis, new_first), shifted_end)


def _shifted_open(reference: Reference, change: Change, axis: str, edge: int | None) -> Reference | None:
    """``A5:A`` runs to the grid's end: its start moves, and a deleted start becomes the row after the gap."""
    span = change.moved((edge or 0, _MAX_ROWS))
    if span is None:
        return None
    place = change.place(edge or 0) if isinstance(change, Moved) else span[0]
    start, end = reference.start, reference.end
    if getattr(start, axis) is not None:
        return replace(reference, start=_with_edge(start, axis, place))
    return replace(reference, end=_with_edge(end, axis, place)) if end else reference


def _with_edge(point: Point, axis: str, index: int) -> Point:
    return replace(point, row=index) if axis == "row" else replace(point, col=index)


def _rewrite(text: str, change: Callable[[Reference], Reference | None], decimal_comma: bool) -> str:
    """Replace the references of a formula; text that is no formula stays as it is."""
    try:
        tokens = tokenize(text, decimal_comma=decimal_comma)
        found = [(token, read_reference(token.text)) for token in tokens if token.kind is Kind.REFERENCE]
    except Fault:
        return text
    for token, reference in reversed(found):
        changed = change(reference)
        if changed is not reference and changed != reference:
            shown = _LOST if changed is None else show_reference(changed)
            text = text[: token.start] + shown + text[token.end :]
    return text


def show_reference(reference: Reference) -> str:
    """The text of a reference: ``'My tab'!$A$1:B``."""
    cells = _show_point(reference.start) + (f":{_show_point(reference.end)}" if reference.end else "")
    return cells if reference.title is None else f"{quote_title(reference.title)}!{cells}"


def _show_point(point: Point) -> str:
    col = "" if point.col is None else ("$" if point.col_fixed else "") + column_letters(point.col)
    row = "" if point.row is None else ("$" if point.row_fixed else "") + str(point.row + 1)
    return col + row
