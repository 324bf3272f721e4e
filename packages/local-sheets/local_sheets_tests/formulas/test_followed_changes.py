"""Tests of packages/local-sheets/local_sheets/recalculation.py: after each change all cells show what they should."""

import random

import pytest

from local_sheets.engine import Engine
from local_sheets.formulas.evaluator import evaluate
from local_sheets.limits import resize
from local_sheets.model.cell import effective, number_format_of
from local_sheets.structure import insert_rows
from local_sheets_tests.formulas.book import Book


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    made = Engine(tmp_path_factory.mktemp("engine"))
    yield made
    made.close()


@pytest.fixture
def book(engine):
    return Book(engine)


def test_readers_of_spilled_cells_follow(book):
    book.write(E1="=D2*10", D1="=SORT(A1:A3)", A1=3, A2=2, A3=1)
    assert book.read("D1 D2 D3 E1") == [1, 2, 3, 20]
    book.write(A3=9)
    assert book.read("D2 E1") == [3, 30]


def test_what_is_searched_twice_in_a_round_is_searched_as_it_is_then(book):
    book.write(C1="=MATCH(3,D2:D5,0)", E1="=MATCH(3,D2:D5,0)", D1="=SORT(A1:A3)", A1=3, A2=2, A3=1)
    assert book.read("C1 E1") == [2, 2]


def test_readers_follow_where_a_result_grows_shrinks_and_is_blocked(book):
    book.write(F1="=SUM(D1:D9)", D1="=SEQUENCE(A1)", A1=3)
    assert book.read("F1") == [6]
    book.write(A1=5)
    assert book.read("D5 F1") == [5, 15]
    book.write(A1=2)
    assert book.read("D2 D3 F1") == [2, None, 3]
    book.write(D2="x")
    assert book.read("D1 F1") == ["#REF!", "#REF!"]
    book.write(D2="")
    assert book.read("D2 F1") == [2, 3]


def test_a_result_that_reads_its_own_cells_is_circular(book):
    book.write(A1="=SEQUENCE(2+0*SUM(A2:A3))", C1="=A1")
    assert book.read("A1 A2 C1") == ["#REF!", None, "#REF!"]


@pytest.mark.parametrize("formula", ['=INDIRECT("A"&B1)', "=OFFSET(A1,B1-1,0)", "=SUM(A1:INDEX(A1:A9,B1))-A1"])
def test_ranges_that_only_the_evaluation_tells_are_followed(book, formula):
    book.write(D1="=C1", C1=formula, A1="=A4*1", A2="=A4*2", A4=1, B1=2)
    first = book.read("D1")
    book.write(A4=5)
    assert book.read("D1") == [first[0] * 5]
    book.write(B1=1)
    assert book.read("D1") == ([0] if "SUM" in formula else [5])


def test_a_chain_of_indirect_references_is_evaluated_in_order(book):
    book.write(**{f"B{row}": f'=INDIRECT("B"&{row + 1})+1' for row in range(1, 9)}, B9=0)
    assert book.read("B1") == [8]
    book.write(B9=10)
    assert book.read("B1") == [18]


def test_indirect_references_to_each_other_are_circular(book):
    book.write(A1='=INDIRECT("B1")', B1='=INDIRECT("A1")')
    assert book.read("A1 B1") == ["#REF!", "#REF!"]
    book.write(B1=3)
    assert book.read("A1") == [3]


def test_where_a_cell_is_asked_for_its_own_place_is_no_circle(book):
    book.write(A1="=ROW(A1)+COLUMN(A1)+ROWS(A1:A3)")
    assert book.read("A1") == [5]


def test_dates_stay_dates_in_all_cells_of_a_result(book):
    book.write(A1="2020-01-31", A2="2019-05-01", D1="=SORT(A1:A2)", F1="=SEQUENCE(2)")
    shown = [number_format_of(book.tab.cell(row, 3)) for row in (0, 1)]
    assert [one and one["type"] for one in shown] == ["DATE", "DATE"]
    assert number_format_of(book.tab.cell(1, 5)) is None
    book.write(D1="=SEQUENCE(2)")
    assert number_format_of(book.tab.cell(1, 3)) is None


def test_a_result_that_needs_more_rows_than_there_are_says_how_many(book):
    book.write(A1="=SEQUENCE(1005)")
    assert (
        getattr(effective(book.tab.cell(0, 0)), "message", None)
        == "Result was not automatically expanded, please insert more rows (5)."
    )


def test_an_array_that_stands_where_another_wants_to_is_in_its_way_until_it_goes(book):
    book.write(A2="=SEQUENCE(1,3)", B1="=SEQUENCE(3)")
    assert book.read("A2 B2 B1 B3") == [1, 2, "#REF!", None]
    book.write(A2="")
    assert book.read("B1 B2 B3 C2") == [1, 2, 3, None]


@pytest.mark.parametrize("seed", range(4))
def test_after_many_changes_cells_show_what_a_fresh_spreadsheet_shows(engine, seed):
    """What is kept between changes makes no difference. Each column reads those before it: nothing is circular."""
    chance = random.Random(seed)
    formulas = [
        "={a}+{b}", "=SUM({a}:{b})", '=INDIRECT(CHAR(64+MOD({a},{n})+1)&2)', "=OFFSET({a},1,0)", "=IF({a}>2,{b},0)",
        "=SEQUENCE(MOD(ABS({a}),3)+1)", "=COUNT(A1:{a})", '=IFERROR(VLOOKUP(1,{a}:{b},1,FALSE),"none")', "=SORT({a}:{b},1,FALSE)",
        "=COUNTIF({a}:{b},1)",
    ]  # fmt: skip
    book, texts = Book(engine), {}
    names = " ".join(f"{column}{row}" for column in "ABCDEF" for row in range(1, 10))
    for step in range(60):
        column = chance.randint(0, 5)
        ends = [f"{chr(65 + chance.randrange(column))}{chance.randint(1, 6)}" if column else "" for _ in range(2)]
        ends[1] = ends[0][:1] + ends[1][1:]
        text = chance.choice([*(formulas if column else []), str(chance.randint(0, 3)), "x", ""])
        cell = f"{chr(65 + column)}{chance.randint(1, 6)}"
        texts[cell] = text.format(a=ends[0], b=ends[1], n=column)
        if chance.random() < 0.2:
            engine._entries[book.id].calculation = None  # as after a restart
        book.write(**{cell: texts[cell]})
        if step % 10 == 9:
            fresh = Book(engine)
            fresh.write(**texts)
            shown = zip(names.split(), book.read(names), fresh.read(names), strict=True)
            assert [(name, kept, new) for name, kept, new in shown if kept != new] == [], texts


def test_after_a_restart_only_what_a_change_touches_is_evaluated(engine, book, monkeypatch):
    book.write(A1=1, B1="=A1+1", B2="=A2+1", B3='=INDIRECT("A1")')
    engine._entries[book.id].calculation = None
    evaluated: list[str] = []

    def noted(text, *more):
        evaluated.append(text)
        return evaluate(text, *more)

    monkeypatch.setattr("local_sheets.recalculation.evaluate", noted)
    book.write(A1=5)
    assert sorted(evaluated) == ["=A1+1", '=INDIRECT("A1")']
    assert book.read("B1 B2 B3") == [6, 1, 5]


def test_a_grid_that_grows_makes_only_those_again_that_see_it(engine, book, monkeypatch):
    book.write(
        A1=1, B1="=A1+1", B2="=ROWS(A1:A)", B3='=INDIRECT("A1002")', C1="=SUM(A1:A)", D1="=SEQUENCE(1002)", F1="=A1001"
    )
    assert book.read("B3 C1 D1 F1") == ["#REF!", 1, "#REF!", "#REF!"]
    evaluated: list[str] = []

    def noted(text, *more):
        evaluated.append(text)
        return evaluate(text, *more)

    monkeypatch.setattr("local_sheets.recalculation.evaluate", noted)
    engine.change(book.id, lambda tx: resize(tx, tx.spreadsheet.tabs[0], 1002, 26))
    assert "=A1+1" not in evaluated
    assert book.read("B2 B3 C1 D1 F1") == [1002, "", 1, 1, ""]
    book.write(A5=4)
    assert book.read("C1") == [5]
    engine.change(book.id, lambda tx: insert_rows(tx, tx.spreadsheet.tabs[0], 1002, 3, inherit=True))
    assert book.read("B1 B2") == [2, 1005]
    engine.change(book.id, lambda tx: resize(tx, tx.spreadsheet.tabs[0], 1000, 26))
    assert book.read("B2 D1 F1") == [1000, "#REF!", "#REF!"]
