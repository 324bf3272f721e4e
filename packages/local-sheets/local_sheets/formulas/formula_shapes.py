"""Formulas that differ in nothing but the rows they point at, as those filled down a column do, are parsed once.

The rows are taken out of the text and marks put in their place; what is left, the formula's shape, has one tree, which is
evaluated with the rows of each formula.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from local_sheets.formulas.syntax import (
    Apply,
    ArrayLiteral,
    Binary,
    Call,
    Node,
    Reference,
    Unary,
)

Rows = Sequence[int]

#: Texts and titles in quotes; letters and digits of a cell's name. What surrounds these is as in ``tokens.py``.
_PIECES = re.compile(
    r"(\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*')|(?<![\w.$])(\$?[A-Za-z]{1,3}\$?)([1-9][0-9]{0,7})(?![\w.(!\[])"
)
#: Rows from here on are marks; no grid reaches so far.
_FIRST_MARK = 90_000_000
_MOST_SHAPES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The tree of a shape, with marks for its rows; one that is not shared has the rows themselves."""

    node: Node
    is_shared: bool = True


def shape_of(text: str, parse: Callable[[str, bool], Node], decimal_comma: bool) -> tuple[Shape, Rows] | None:
    """The shape of a formula, and its rows; None where it has none of its own.

    Args:
        parse: Makes the tree of a text that was not met before.

    Raises:
        Fault: The text is no formula.
    """
    if "[" in text:  # names of columns may look like cells
        return None
    pieces = _PIECES.split(text)
    digits = [found for found in pieces[3::4] if found is not None]
    del pieces[3::4]
    shape = _shape(tuple(pieces), parse, decimal_comma)
    return None if shape is None else (shape, tuple([int(row) - 1 for row in digits]))


@lru_cache(maxsize=_MOST_SHAPES)
def _shape(pieces: tuple[str | None, ...], parse: Callable[[str, bool], Node], decimal_comma: bool) -> Shape | None:
    """The shape of texts, quoted texts and letters of cells, in turn; None where a mark is not seen in its tree."""
    text, marks = str(pieces[0]), 0
    for quoted, letters, after in zip(pieces[1::3], pieces[2::3], pieces[3::3], strict=True):
        if letters is not None:
            marks += 1
            letters += str(_FIRST_MARK + marks)
        text += f"{quoted or letters}{after}"
    node = parse(text, decimal_comma)
    return Shape(node) if sorted(_marks(node)) == list(range(marks)) else None


def _marks(node: Node) -> list[int]:
    """The marks in a tree, counted from 0; long formulas lean to one side, so without recursion."""
    waiting, found = [node], []
    while waiting:
        match waiting.pop():
            case Reference(_, start, end):
                rows = (start.row, None if end is None else end.row)
                found += [row - _FIRST_MARK for row in rows if row is not None and row >= _FIRST_MARK]
            case Unary(_, operand):
                waiting.append(operand)
            case Binary(_, left, right):
                waiting += [left, right]
            case Call(_, arguments):
                waiting += arguments
            case Apply(function, arguments):
                waiting += [function, *arguments]
            case ArrayLiteral(lines):
                waiting += [item for line in lines for item in line]
    return found


def row_of(row: int | None, rows: Rows) -> int | None:
    """The row for which a mark stands; other rows, and all where there are none to be filled in, are themselves."""
    return rows[row - _FIRST_MARK] if rows and row is not None and row >= _FIRST_MARK else row
