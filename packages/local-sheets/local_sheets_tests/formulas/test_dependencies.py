"""Tests of packages/local-sheets/local_sheets/formulas/dependencies.py and areas.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sheets.formulas.areas import AreaIndex, Place, Rectangle
from local_sheets.formulas.dependencies import Dependencies, Reads, reads_of
from local_sheets_tests.formulas.twin import TwinWorkbook

BOOK = TwinWorkbook({"S": [[]], "Other": [[]]}, named={"Prices": "Other!A2:A5"})
ENDLESS = 2**31


def at(text):
    return Place("S", int(text[1:]) - 1, ord(text[0]) - 65)


def graph(**formulas):
    found = Dependencies()
    for cell, text in formulas.items():
        found.put(at(cell), reads_of(text, "S", BOOK))
    return found


@pytest.mark.parametrize(
    ("formula", "areas"),
    [
        ("=A1", [("S", 0, 1, 0, 1)]),
        ("=A1:B2+other!C3", [("S", 0, 2, 0, 2), ("Other", 2, 3, 2, 3)]),
        ("=SUM(A:A)", [("S", 0, ENDLESS, 0, 1)]),
        ("=SUM(A2:A)", [("S", 1, ENDLESS, 0, 1)]),
        ("=SUM(2:3)", [("S", 1, 3, 0, ENDLESS)]),
        ("=SUM(Prices)", [("Other", 1, 5, 0, 1)]),
        ("={A1,-B1%}", [("S", 0, 1, 0, 1), ("S", 0, 1, 1, 2)]),
        ("=Gone!A1", []),
        ("=1+", []),
    ],
)
def test_a_formula_reads_what_it_refers_to(formula, areas):
    assert reads_of(formula, "S", BOOK) == Reads(tuple(Rectangle(*area) for area in areas), is_volatile=False)


@pytest.mark.parametrize("formula", ["=NOW()", "=1+TODAY()", "=IF(A1,RAND(),0)"])
def test_what_changes_by_itself_is_volatile(formula):
    assert reads_of(formula, "S", BOOK).is_volatile


def test_only_what_depends_on_a_change_is_evaluated_in_order():
    found = graph(B1="=A1", C1="=B1+1", D1="=SUM(A1:C1)", E1="=Z9", F1="=NOW()")
    order = found.affected([at("A1").rectangle()], volatile=False)
    assert order.ordered == (at("B1"), at("C1"), at("D1"))
    assert order.circular == frozenset()
    assert at("F1") in found.affected([at("Y9").rectangle()]).ordered


def test_a_changed_formula_is_itself_evaluated():
    found = graph(B1="=A1")
    assert found.affected([Rectangle("S", 0, 5, 0, 5)]).ordered == (at("B1"),)


def test_cells_that_read_each_other_are_circular_and_their_readers_too():
    found = graph(A1="=B1", B1="=A1", C1="=B1", D1="=D1", E1="=F1")
    order = found.everything()
    assert order.circular == {at("A1"), at("B1"), at("C1"), at("D1")}
    assert order.ordered == (at("E1"),)


def test_a_formula_that_is_gone_is_no_longer_evaluated():
    found = graph(B1="=A1", C1="=A1:A9")
    found.drop(at("B1"))
    found.put(at("C1"), reads_of("=Z1", "S", BOOK))
    assert found.affected([at("A1").rectangle()]).ordered == ()
    assert len(found) == 1


AREAS = st.tuples(st.integers(0, 300), st.integers(1, 300), st.integers(0, 20), st.integers(1, 12)).map(
    lambda a: Rectangle("S", a[0], a[0] + a[1], a[2], a[2] + a[3])
)


@given(st.lists(AREAS, max_size=12), AREAS, st.integers(0, 11))
def test_the_index_finds_what_a_plain_search_finds(areas, wanted, dropped):
    index = AreaIndex()
    kept = {}
    for number, area in enumerate(areas):
        index.add(area, Place("S", number, 0))
        kept[number] = area
    if dropped in kept:
        index.discard(kept.pop(dropped), Place("S", dropped, 0))
    assert index.meeting(wanted) == {Place("S", number, 0) for number, area in kept.items() if area.meets(wanted)}
