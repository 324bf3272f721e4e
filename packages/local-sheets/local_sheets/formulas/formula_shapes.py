"""Formulas that differ in nothing but the rows they point at, as those filled down a column do, are parsed once.

The rows are taken out of the text and marks put in their place; what is left, the formula's shape, has one tree, in which
the rows are filled in for each formula.
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
    Point,
    Reference,
    Unary,
)

Rows = Sequence[int]
_Filler = Callable[[Rows], Node]

#: Texts and titles in quotes; letters and digits of a cell's name. What surrounds these is as in ``tokens.py``.
_PIECES = re.compile(
    r"(\"(?:[^\"]|\"\")*\"|'(?:[^']|'')*')|(?<![\w.$])(\$?[A-Za-z]{1,3}\$?)([1-9][0-9]{0,7})(?![\w.(!\[])"
)
#: Rows from here on are marks; no grid reaches so far.
_FIRST_MARK = 90_000_000
_MOST_SHAPES = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The tree of a shape, with marks for its rows; ``fill`` makes the tree of a formula with rows of its own."""

    node: Node
    fill: _Filler
    is_shared: bool = True


def own_shape(node: Node) -> Shape:
    """The tree of one formula, which it shares with none."""
    return Shape(node, lambda _: node, is_shared=False)


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
    seen: list[int] = []
    fill = _filler(node, seen)
    return Shape(node, fill or (lambda _: node)) if sorted(seen) == list(range(marks)) else None


def _filler(node: Node, seen: list[int]) -> _Filler | None:
    """What fills rows into a tree, None for one without marks. The marks are added to ``seen``."""
    match node:
        case Reference():
            is_marked = [_note(point, seen) for point in (node.start, node.end)]
            return (lambda rows: filled(node, rows)) if any(is_marked) else None
        case Unary(operator, operand):
            inner = _filler(operand, seen)
            return inner and (lambda rows: Unary(operator, inner(rows)))
        case Binary():
            return _chain_filler(node, seen)
        case Call(name, arguments):
            given = _fillers(arguments, seen)
            return given and (lambda rows: Call(name, given(rows)))
        case Apply(function, arguments):
            parts = _fillers((function, *arguments), seen)
            return parts and (lambda rows: _applied(parts(rows)))
        case ArrayLiteral(lines):
            every = [(line, _fillers(line, seen)) for line in lines]
            if not any(fill for _, fill in every):
                return None
            return lambda rows: ArrayLiteral(tuple(fill(rows) if fill else line for line, fill in every))
    return None


def _chain_filler(node: Binary, seen: list[int]) -> _Filler | None:
    """``a+b-c`` leans to the left and may be very long: it is taken from its first operand on, without recursion."""
    links: list[Binary] = []
    first: Node = node
    while isinstance(first, Binary):
        links.insert(0, first)
        first = first.left
    fill_first = _filler(first, seen)
    steps = [(link.operator, link.right, _filler(link.right, seen)) for link in links]
    if fill_first is None and not any(fill for _, _, fill in steps):
        return None

    def fill_chain(rows: Rows) -> Node:
        found = fill_first(rows) if fill_first else first
        for operator, right, fill in steps:
            found = Binary(operator, found, fill(rows) if fill else right)
        return found

    return fill_chain


def _applied(parts: tuple[Node, ...]) -> Apply:
    return Apply(parts[0], parts[1:])


def _fillers(nodes: Sequence[Node], seen: list[int]) -> Callable[[Rows], tuple[Node, ...]] | None:
    every = [(node, _filler(node, seen)) for node in nodes]
    if not any(fill for _, fill in every):
        return None
    return lambda rows: tuple([fill(rows) if fill else node for node, fill in every])


def _note(point: Point | None, seen: list[int]) -> bool:
    if point is None or point.row is None or point.row < _FIRST_MARK:
        return False
    seen.append(point.row - _FIRST_MARK)
    return True


def filled(reference: Reference, rows: Rows) -> Reference:
    """A reference of a shape's tree with a formula's rows."""
    end = reference.end
    return Reference(reference.title, _filled(reference.start, rows), None if end is None else _filled(end, rows))


def _filled(point: Point, rows: Rows) -> Point:
    if point.row is None or point.row < _FIRST_MARK:
        return point
    return Point(rows[point.row - _FIRST_MARK], point.col, point.row_fixed, point.col_fixed)
