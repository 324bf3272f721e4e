"""Tests of packages/local-sheets/local_sheets/formulas/shift.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sheets.formulas.shift import (
    CellsMoved,
    Deleted,
    Inserted,
    Moved,
    copy_formula,
    drop_tab,
    move_cells,
    rename_tab,
    shift_formula,
)


@pytest.mark.parametrize(
    ("formula", "change", "shifted"),
    [
        ("=A1+A5", Inserted("S", True, 2, 3), "=A1+A8"),
        ("=A3", Inserted("S", True, 2, 1), "=A4"),
        ("=SUM(A1:A5)", Inserted("S", True, 2, 1), "=SUM(A1:A6)"),
        ("=SUM(A1:A5)", Inserted("S", True, 0, 1), "=SUM(A2:A6)"),
        ("=SUM(A1:A5)", Inserted("S", True, 5, 1), "=SUM(A1:A5)"),
        ("=SUM(A5:A1)", Inserted("S", True, 2, 1), "=SUM(A6:A1)"),
        ("=$A$3&A$3", Inserted("S", True, 0, 1), "=$A$4&A$4"),
        ("=A:A+B:C", Inserted("S", False, 1, 1), "=A:A+C:D"),
        ("=2:3", Inserted("S", True, 0, 1), "=3:4"),
        ("=A2:A", Inserted("S", True, 0, 2), "=A4:A"),
        ("=SUM(A1:A5)", Deleted("S", True, 1, 3), "=SUM(A1:A3)"),
        ("=SUM(A2:A3)", Deleted("S", True, 3, 4), "=SUM(A2:A3)"),
        ("=SUM(A2:A3)", Deleted("S", True, 1, 2), "=SUM(A2:A2)"),
        ("=SUM(A2:A3)", Deleted("S", True, 1, 3), "=SUM(#REF!)"),
        ("=A2+A9", Deleted("S", True, 1, 2), "=#REF!+A8"),
        ("=A2:A", Deleted("S", True, 0, 4), "=A1:A"),
        ("=B1", Deleted("S", False, 0, 1), "=A1"),
        ("=A1+A5", Moved("S", True, 4, 5, 0), "=A2+A1"),
        ("=A1+A5", Moved("S", True, 0, 1, 5), "=A5+A4"),
        ("=SUM(A1:A3)", Moved("S", True, 1, 2, 9), "=SUM(A1:A2)"),
        ("=B1", Moved("S", False, 1, 2, 4), "=D1"),
        ("=T!A1+A1", Inserted("T", True, 0, 1), "=T!A2+A1"),
        ("='t'!A1", Inserted("T", True, 0, 1), "=t!A2"),
        ("='My tab'!A1", Inserted("my tab", True, 0, 1), "='My tab'!A2"),
        ('="A1"&A1', Inserted("S", True, 0, 1), '="A1"&A2'),
        ("=sum( A1 , 2 )", Inserted("S", True, 0, 1), "=sum( A2 , 2 )"),
        ("=LOG10(A1)", Inserted("S", True, 0, 1), "=LOG10(A2)"),
        ("=A1 +", Inserted("S", True, 0, 1), "=A2 +"),
        ("=~A1", Inserted("S", True, 0, 1), "=~A1"),
    ],
)
def test_a_formula_follows_its_rows_and_columns(formula, change, shifted):
    assert shift_formula(formula, "S", change) == shifted


@pytest.mark.parametrize(
    ("formula", "delta", "copied"),
    [
        ("=A1", (1, 2), "=C2"),
        ("=$A1+A$1+$A$1", (1, 2), "=$A2+C$1+$A$1"),
        ("=A1:B2", (1, 1), "=B2:C3"),
        ("=A:A+1:1", (2, 1), "=B:B+3:3"),
        ("=A1", (-1, 0), "=#REF!"),
        ("=B1", (0, -1), "=A1"),
        ("=T!A1", (1, 0), "=T!A2"),
        ("=A1", (0, 0), "=A1"),
        ("=ZZZ1", (0, 1), "=#REF!"),
    ],
)
def test_a_copied_formula_points_as_far_as_before(formula, delta, copied):
    assert copy_formula(formula, *delta) == copied


def test_references_follow_cells_that_are_cut_and_pasted():
    change = CellsMoved("S", 0, 2, 0, 2, "S", 10, 3)
    assert move_cells("=A1+B2+C3", "S", change) == "=D11+E12+C3"
    assert move_cells("=SUM(A1:B2)+SUM(A1:A9)", "S", change) == "=SUM(D11:E12)+SUM(A1:A9)"
    assert move_cells("=A1", "Elsewhere", change) == "=A1"
    assert move_cells("=S!A1", "Elsewhere", change) == "=S!D11"
    assert move_cells("=A1", "S", CellsMoved("S", 0, 1, 0, 1, "New tab", 0, 0)) == "='New tab'!A1"


def test_formulas_follow_a_renamed_and_lose_a_deleted_tab():
    assert rename_tab("=Old!A1+'old'!B:B+Other!A1", "Old", "New one") == "='New one'!A1+'New one'!B:B+Other!A1"
    assert drop_tab("=Old!A1+A1", "Old") == "=#REF!+A1"


def test_a_decimal_comma_is_no_separator():
    assert shift_formula("=SUM(1,5;A1)", "S", Inserted("S", True, 0, 1), decimal_comma=True) == "=SUM(1,5;A2)"


CELLS = st.tuples(st.integers(0, 40), st.integers(0, 20))


@given(CELLS, st.integers(0, 30), st.integers(1, 5))
def test_deleting_what_was_inserted_brings_the_formula_back(cell, at, count):
    formula = f"=SUM(A{cell[0] + 1}:B{cell[0] + cell[1] + 1})+C{cell[0] + 1}"
    grown = shift_formula(formula, "S", Inserted("S", True, at, count))
    assert shift_formula(grown, "S", Deleted("S", True, at, at + count)) == formula


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 5), st.integers(0, 25))
def test_a_moved_cell_is_where_a_list_would_have_it(cell, start, count, to):
    end = start + count
    if start < to < end:
        to = end
    rows = list(range(60))
    target = to if to <= start else to - count
    block, rest = rows[start:end], rows[:start] + rows[end:]
    moved = rest[:target] + block + rest[target:]
    shifted = shift_formula(f"=A{cell + 1}", "S", Moved("S", True, start, end, to))
    assert shifted == f"=A{moved.index(cell) + 1}"


@given(st.text(max_size=25), st.integers(0, 5), st.integers(0, 5))
def test_copying_there_and_back_changes_nothing_without_lost_references(text, down, across):
    there = copy_formula("=" + text, down, across)
    if "#REF!" not in there and "=" + text == copy_formula("=" + text, 0, 0):
        again = copy_formula(there, -down, -across)
        assert again.casefold() == ("=" + text).casefold() or "'" in text
