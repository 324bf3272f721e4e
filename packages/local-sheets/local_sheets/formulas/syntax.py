"""The tree of a formula."""

from dataclasses import dataclass

from local_sheets.cell_values.model import CellError


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, boolean or error that stands in the formula; None is an argument left out."""

    value: float | int | str | bool | CellError | None


@dataclass(frozen=True, slots=True)
class Point:
    """One end of a reference, 0-based; None is open. ``row_fixed`` and ``col_fixed`` say whether a ``$`` stands there."""

    row: int | None
    col: int | None
    row_fixed: bool
    col_fixed: bool


@dataclass(frozen=True, slots=True)
class Reference:
    """``A1``, ``Tab!A:A``; ``end`` is None for one cell, ``title`` None for the formula's own tab."""

    title: str | None
    start: Point
    end: Point | None


@dataclass(frozen=True, slots=True)
class Name:
    """A named range, a table, or a name that LET or LAMBDA gave."""

    text: str


@dataclass(frozen=True, slots=True)
class Unary:
    """``operator`` is ``+``, ``-`` or, after its operand, ``%``."""

    operator: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Binary:
    """``operator`` between two nodes; ``:`` makes one range of two."""

    operator: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """``name`` in upper case."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Apply:
    """``LAMBDA(x, x + 1)(2)``: the value of ``function`` is called."""

    function: "Node"
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class TableReference:
    """``Orders[Amount]``: ``columns`` are names, two for all from the first to the second; ``part`` is ``#ALL`` ..."""

    table: str
    part: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArrayLiteral:
    """``{1,2;3,4}``, row by row."""

    rows: tuple[tuple["Node", ...], ...]


Node = Constant | Reference | Name | TableReference | Unary | Binary | Call | Apply | ArrayLiteral
