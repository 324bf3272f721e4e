"""Tokens to tree, with the precedence of https://support.google.com/docs/table/25273 (operators)."""

import re
from collections.abc import Callable
from functools import lru_cache
from itertools import count

from local_sheets.a1 import column_index
from local_sheets.cell_values.model import ERROR_TYPES, CellError
from local_sheets.formulas.faults import NO_REFERENCE, PARSE_ERROR, Fault
from local_sheets.formulas.formula_shapes import Rows, Shape, shape_of
from local_sheets.formulas.syntax import (
    Apply,
    ArrayLiteral,
    Binary,
    Call,
    Constant,
    Name,
    Node,
    Point,
    Reference,
    TableReference,
    Unary,
)
from local_sheets.formulas.tokens import Kind, Token, tokenize

#: How tightly the operators bind, all of them to the left.
_TIGHTNESS = {
    **dict.fromkeys(("=", "<>", "<", ">", "<=", ">="), 1),
    "&": 2,
    **dict.fromkeys(("+", "-"), 3),
    **dict.fromkeys(("*", "/"), 4),
    "^": 5,
}
_POINT = re.compile(r"(\$?)([A-Za-z]{1,3})?(\$?)([0-9]+)?")
_MAX_DEPTH = 100
#: Trees of longer formulas are made each time: many of them would fill the memory.
_LONGEST_KEPT = 500
#: More digits than this are more than a double holds.
_EXACT_DIGITS = 15


def parse_shape(text: str, *, decimal_comma: bool = False) -> tuple[Shape, Rows]:
    """The tree that a formula shares with all that differ in their rows alone, and its rows; short ones are parsed once.

    Raises:
        Fault: ``#ERROR!``, the text is no formula.
    """
    return (_read_shape if len(text) > _LONGEST_KEPT else _read_shape_once)(text, decimal_comma)


def _read_shape(text: str, decimal_comma: bool) -> tuple[Shape, Rows]:
    found = None if len(text) > _LONGEST_KEPT else shape_of(text, _parse, decimal_comma)
    return (Shape(_parse(text, decimal_comma), is_shared=False), ()) if found is None else found


_read_shape_once = lru_cache(maxsize=16_384)(_read_shape)


def _parse(text: str, decimal_comma: bool) -> Node:
    reader = _Parser(tokenize(text, decimal_comma=decimal_comma), decimal_comma)
    node = reader.expression()
    if reader.peek() is not None:
        raise Fault(PARSE_ERROR)
    return node


def read_reference(text: str) -> Reference:
    """The reference in a token's text: ``Tab!$A$1:B``."""
    title, bang, cells = text.rpartition("!")
    if title.startswith("'"):
        title = title[1:-1].replace("''", "'")
    first, colon, second = cells.partition(":")
    return Reference(title if bang else None, _read_point(first), _read_point(second) if colon else None)


def read_table(text: str) -> TableReference:
    """``Orders[Amount]``, ``Orders[#ALL]``, ``Orders[[#HEADERS],[Amount]:[Tax]]``."""
    table, _, inside = text[:-1].partition("[")
    parts = re.findall(r"\[([^\[\]]*)\]", inside) or [inside]
    part = next((found.upper() for found in parts if found.strip().startswith("#")), "#DATA")
    columns = tuple(found.strip() for found in parts if found.strip() and not found.strip().startswith("#"))
    if len(columns) > 2:
        raise Fault(PARSE_ERROR)
    return TableReference(table, part.strip(), columns)


def _read_point(text: str) -> Point:
    match = _POINT.fullmatch(text)
    if match is None or match[4] == "0":
        raise Fault(PARSE_ERROR)
    dollar, letters, row_dollar, digits = match.groups()
    row = int(digits) - 1 if digits else None
    if row is not None and row < 0:
        raise Fault(PARSE_ERROR)
    if letters is None:
        return Point(row, None, bool(dollar or row_dollar), False)
    return Point(row, column_index(letters), bool(row_dollar), bool(dollar))


class _Parser:
    """Recursive descent over the tokens of one formula."""

    def __init__(self, tokens: list[Token], decimal_comma: bool) -> None:
        self.tokens, self.position, self.depth = tokens, 0, 0
        self.decimal_comma = decimal_comma

    def peek(self) -> Token | None:
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            raise Fault(PARSE_ERROR)
        self.position += 1
        return token

    def at(self, *texts: str) -> bool:
        token = self.peek()
        return token is not None and token.kind is not Kind.TEXT and token.text in texts

    def expression(self, least: int = 1) -> Node:
        """Operands joined by operators that bind at least so tightly."""
        node = self.unary()
        while (token := self.peek()) and token.kind is Kind.OPERATOR:
            tightness = _TIGHTNESS.get(token.text, 0)
            if tightness < least:
                break
            self.position += 1
            node = Binary(token.text, node, self.expression(tightness + 1))
        return node

    def unary(self) -> Node:
        token = self.peek()
        if token and token.kind is Kind.OPERATOR and token.text in ("+", "-"):
            self.position += 1
            return Unary(token.text, self.deeper(self.unary))
        node = self.joined()
        for depth in count(1):
            if not self.at("%"):
                return node
            if depth > _MAX_DEPTH:
                raise Fault(PARSE_ERROR)
            self.position += 1
            node = Unary("%", node)
        return node

    def joined(self) -> Node:
        """Operands with ``:`` between them, such as ``A1:INDEX(A:A,5)``."""
        node = self.called()
        while self.at(":"):
            self.position += 1
            node = Binary(":", node, self.called())
        return node

    def called(self) -> Node:
        """An operand, called as often as arguments follow it."""
        node = self.primary()
        for _ in range(_MAX_DEPTH):
            if not (isinstance(node, Call | Apply) and self.at("(")):
                return node
            node = Apply(node, self.arguments())
        raise Fault(PARSE_ERROR)

    def deeper(self, read: Callable[[], Node]) -> Node:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise Fault(PARSE_ERROR)
        node = read()
        self.depth -= 1
        return node

    def primary(self) -> Node:
        token = self.take()
        match token.kind:
            case Kind.NUMBER:
                return Constant(_number(token.text.replace(",", ".")))
            case Kind.TEXT:
                return Constant(token.text[1:-1].replace('""', '"'))
            case Kind.REFERENCE:
                return read_reference(token.text)
            case Kind.ERROR:
                kind = ERROR_TYPES[token.text[token.text.index("#") :]]
                return Constant(NO_REFERENCE if kind == "REF" else CellError(kind))
            case Kind.NAME:
                return _name(token.text)
            case Kind.TABLE:
                return read_table(token.text)
            case Kind.FUNCTION:
                return Call(token.text.upper(), self.arguments())
            case Kind.OPEN if token.text == "{":
                return self.array()
            case Kind.OPEN:
                node = self.deeper(self.expression)
                self.expect(")")
                return node
        raise Fault(PARSE_ERROR)

    def expect(self, text: str) -> None:
        if self.take().text != text:
            raise Fault(PARSE_ERROR)

    def arguments(self) -> tuple[Node, ...]:
        self.expect("(")
        if self.at(")"):
            self.position += 1
            return ()
        found = [self.argument()]
        while self.at(";") or (not self.decimal_comma and self.at(",")):
            self.position += 1
            found.append(self.argument())
        self.expect(")")
        return tuple(found)

    def argument(self) -> Node:
        return Constant(None) if self.at(",", ";", ")") else self.deeper(self.expression)

    def array(self) -> Node:
        across = "\\" if self.decimal_comma else ","
        rows: list[list[Node]] = [[]]
        while not self.at("}"):
            rows[-1].append(self.deeper(self.expression))
            if self.at(across, "\\"):
                self.position += 1
            elif self.at(";"):
                self.position += 1
                rows.append([])
            elif not self.at("}"):
                raise Fault(PARSE_ERROR)
        self.position += 1
        return ArrayLiteral(tuple(tuple(row) for row in rows if row))


def _number(text: str) -> float | int:
    return int(text) if text.isdigit() and len(text) <= _EXACT_DIGITS else float(text)


def _name(text: str) -> Node:
    folded = text.upper()
    if folded in ("TRUE", "FALSE"):
        return Constant(folded == "TRUE")
    return Name(text)
