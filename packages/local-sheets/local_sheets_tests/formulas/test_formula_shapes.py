"""Tests of packages/local-sheets/local_sheets/formulas/formula_shapes.py: shared trees are those of the texts themselves."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pytest

from local_sheets.formulas.faults import Fault
from local_sheets.formulas.formula_shapes import Rows, row_of, shape_of
from local_sheets.formulas.parser import _parse, parse_shape
from local_sheets.formulas.syntax import Node, Point
from local_sheets_tests.formulas.twin import TwinWorkbook

ROWS = (1, 2, 7, 99, 1048576)


def tree(text: str, *, decimal_comma: bool = False) -> Node | str:
    try:
        return _parse(text, decimal_comma)
    except Fault as fault:
        return f"{fault.error}"


def shared_tree(text: str, *, decimal_comma: bool = False) -> Node | str:
    try:
        shape, rows = parse_shape(text, decimal_comma=decimal_comma)
    except Fault as fault:
        return f"{fault.error}"
    return with_rows(shape.node, rows)


def with_rows(part: Any, rows: Rows) -> Any:
    """A tree, or a part of one, with rows for its marks."""
    if isinstance(part, tuple):
        return tuple(with_rows(one, rows) for one in part)
    if not is_dataclass(part):
        return part
    changed = {one.name: with_rows(getattr(part, one.name), rows) for one in fields(part)}
    if isinstance(part, Point):
        changed["row"] = row_of(part.row, rows)
    return replace(part, **changed)  # type: ignore[type-var]


@pytest.mark.parametrize(
    "text",
    [
        "=A{0}*2",
        "=$A{0}+B${0}-$C$1&-D{1}%",
        "=SUM(A{0}:B{1},C:C,{0}:{1},A{0}:A,Sheet1!A{0},'It''s A1'!B{1})",
        '=IF(A{0}="A1","B{0} ""C1""",A{1})',
        "=Tab1!A{0}+A1B2!C{1}+_A1+A1_+Ä1+R1C1",
        "=LOG10(A{0})+ATAN2(A{0},B{1})+DAYS360(A{0},A1)+A1 (2)",
        "=LOG10(A{0})+ATAN2(A{0},B{1})+DAYS360(A{0},A1)",
        "=1E5+1.5e3+A{0}E1",
        "=1E5+1.5e3+A{0}",
        "={{A{0},2;B{1},3}}",
        "={{1,2;3,4}}",
        "=LAMBDA(x,x+A{0})(B{1})",
        "=LET(x1,5,x1+A{0})",
        "=A{0}:INDEX(B:B,{1})",
        "=Tbl[A1]+A{0}",
        "=#REF!+A{0}",
        "=A0+A01+A{0}",
        "=A123456789+A{0}",
        "=90000001:90000002+A{0}",
        "=A90000001+A{0}",
        "=A{0}.+1",
        "=" + "+".join(["A{0}"] * 80),
        "=" + "-".join(["1"] * 240),
        "='A{0}",
        '="A{0}',
        "=SUM(A{0}",
        "=",
    ],
)
def test_formulas_of_one_shape_have_the_trees_of_their_texts(text):
    for row in ROWS:
        given = text.format(row, row + 1)
        assert shared_tree(given) == tree(given), given
        assert shared_tree(given, decimal_comma=True) == tree(given, decimal_comma=True), given


def test_formulas_that_differ_in_their_rows_share_a_shape():
    one, first = parse_shape("=VLOOKUP($A2,Prices!$A$2:$C$900,3,FALSE)")
    other, second = parse_shape("=VLOOKUP($A3,Prices!$A$2:$C$900,3,FALSE)")
    assert one is other
    assert (first, second) == ((1, 1, 899), (2, 1, 899))


def test_a_shape_is_parsed_once():
    parsed = []

    def parse(text: str, decimal_comma: bool) -> Node:
        parsed.append(text)
        return _parse(text, decimal_comma)

    for row in range(1, 100):
        shape_of(f"=A{row}+B{row + 1}", parse, False)
    assert len(parsed) == 1


def test_rows_are_filled_in_wherever_a_formula_looks_at_its_own_references():
    book = TwinWorkbook({"T": [[1], [2], [3]]})
    assert book.shown("=ROW(A3)") == 3
    assert book.shown("=ROWS(A2:A3)+COLUMN(B7)") == 4
    assert book.shown('=INDIRECT("A"&A2)+SUM(A2:INDIRECT("A3"))') == 7
    assert book.shown("=LET(f,LAMBDA(x,x+A3),f(A2))") == 5
    assert book.shown("=SUM(OFFSET(A1,1,0,2))") == 5
