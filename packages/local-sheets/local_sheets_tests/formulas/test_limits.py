"""Whatever a cell says, its formula ends soon, takes little memory, and shows a value or an error."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from local_sheets import budget, recalculation
from local_sheets.budget import Clock, LimitReached, limited, spend
from local_sheets.engine import Engine
from local_sheets.formulas.evaluator import evaluate
from local_sheets.model.cell import effective
from local_sheets.model.transaction import Transaction
from local_sheets.patterns import PatternError, Wildcard, compile_expression, matches
from local_sheets.spreadsheets_api.defaults import spreadsheet_properties
from local_sheets.spreadsheets_api.methods import add_given_tab
from local_sheets.values_api.writing import write_rows
from local_sheets_tests.api_client import Api
from local_sheets_tests.formulas.twin import TwinWorkbook

LONG = "a" * 49_000
BOOK = TwinWorkbook({"Data": [[i, i % 7, LONG if i == 0 else None] for i in range(5000)]}, size=(5000, 26))
LIMIT = "#ERROR!"


@pytest.mark.parametrize(
    ("formula", "shown"),
    [
        ('=REGEXMATCH("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!","^(a+)+$")', False),
        ('=REGEXMATCH(C1,"(x+x+)+y")', False),
        ('=REGEXREPLACE(C1,"a?",C1)', "#VALUE!"),
        ('=REGEXREPLACE("x1y22","([0-9]+)","<$1>")', "x<1>y<22>"),
        ('=REGEXEXTRACT("x1y22","y([0-9]+)")', "22"),
        ('=REGEXMATCH("a","(?=a)")', "#REF!"),
        ('=REGEXMATCH("a","(a")', "#REF!"),
        ('=REGEXMATCH("a",REPT("(a{1000}){1000}",100))', "#REF!"),
        ('=SEARCH(REPT("*a",200)&"b",C1)', "#VALUE!"),
        ('=COUNTIF(C1:C9,REPT("*a?",500)&"b")', 0),
        ('=MATCH(REPT("a?",2000)&"b",C1:C9,0)', "#N/A"),
        ('=LEN(SUBSTITUTE(SUBSTITUTE(C1,"a",C1),"a",C1))', "#VALUE!"),
        ("=LEN(JOIN(C1,A1:A5000))", "#VALUE!"),
        ("=LEN(TEXTJOIN(C1,TRUE,A1:A5000))", "#VALUE!"),
        ("=CONCATENATE(C1,C1)", "#VALUE!"),
        ("=C1&C1", "#VALUE!"),
        ('=REPT(REPT("a",30000),30000)', "#VALUE!"),
        ("=ARRAYFORMULA(SEQUENCE(3000)*SEQUENCE(1,3000))", LIMIT),
        ("=ARRAYFORMULA(IF(SEQUENCE(900000)>0,SEQUENCE(1,900000),0))", LIMIT),
        ("=SUM(ARRAYFORMULA(LEN(SEQUENCE(900000)&C1)))", LIMIT),
        ('=ARRAYFORMULA(VLOOKUP(A1:A5000&"*",A1:B5000,2,FALSE))', LIMIT),
        ("=PRODUCT(ARRAYFORMULA(A2:A5000*1))", "#NUM!"),
        ("=9^9^9^9", "#NUM!"),
        ("=ROUND(1E300,-2)", 1e300),
        ("=FLOOR(1E300,1E-300)", "#NUM!"),
        ("=" + "1" * 5000, "#NUM!"),
        ("=" + "+".join(["1"] * 20_000), 20_000),
        ("=LEN(" + "&".join(["1"] * 3000) + ")", 3000),
        ("=" + "(" * 5000 + "1" + ")" * 5000, LIMIT),
        ("=" + "-" * 5000 + "1", LIMIT),
        ("=1" + "%" * 5000, LIMIT),
        ("=" + "{" * 5000, LIMIT),
        ("=" + "SUM(" * 90 + "1" + ")" * 90, 1),
        ('=IFERROR(ARRAYFORMULA(SEQUENCE(3000)*SEQUENCE(1,3000)),"caught")', LIMIT),
        ('=CHOOSE("x",1)', "#VALUE!"),
        ('=LEN(TEXT(1,REPT("0",40000)))', 1),
        ('=TEXT(1,"[<1.2.3]0")', "[<1.2.3]1"),
        ('=TEXT(1E300,"0.0%%%%%%%%%%%")', 1e300),
    ],
)
def test_no_formula_takes_long(monkeypatch: pytest.MonkeyPatch, formula: str, shown: object):
    # Steps and characters end them here, whatever machine this is.
    monkeypatch.setattr(limited.__init__, "__defaults__", (20.0, None, 500_000))
    started = time.thread_time()
    found = BOOK.shown(formula)
    assert time.thread_time() - started < 5
    if formula.startswith("=TEXT(1E300"):
        assert len(found) < 400
    else:
        assert found == shown


def test_lookups_of_many_values_take_a_step_each():
    book = TwinWorkbook({"Data": [[i] for i in range(20_000)]}, size=(20_000, 26))
    started = time.thread_time()
    for arguments in ("A1:A20000,1,TRUE", "A1:A20000,1,FALSE", "{A1:A20000,A1:A20000},2,TRUE", "{A1:A20000},1,FALSE"):
        rows = book.shown(f"=ARRAYFORMULA(VLOOKUP(A1:A20000,{arguments}))")
        assert rows == [[i] for i in range(20_000)]
    assert time.thread_time() - started < 8


@pytest.mark.parametrize("values", [[1, 2, 2, 5, None, 9], [9, 3, 7, "b", 1], ["b", "A", "c", 4], [5, 5, 5], [None]])
@pytest.mark.parametrize("wanted", ["0", "1", "2", "4", "5", "8", "99", '"a"', '"B"', '"zz"'])
@pytest.mark.parametrize("order", [1, -1])
def test_a_search_in_order_finds_what_reading_value_by_value_finds(values: list, wanted: str, order: int):
    """Also where the values are not in order: it ends at the first one beyond the wanted one."""
    book = TwinWorkbook({"Data": [[value] for value in values]})
    sought: Any = wanted.strip('"').casefold() if '"' in wanted else float(wanted)
    expected: object = "#N/A"
    for place, value in enumerate(values, 1):
        found: Any = value.casefold() if isinstance(value, str) else value
        if type(found) is not (str if isinstance(sought, str) else int):
            continue
        if (found > sought) if order == 1 else (found < sought):
            break
        expected = place
    assert book.shown(f"=MATCH({wanted},A1:A{len(values)},{order})") == expected


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("a*b", "aXXb", True),
        ("a*b", "ab", True),
        ("a*b", "abc", False),
        ("*b*", "abc", True),
        ("a?c", "ABC", True),
        ("a?c", "ac", False),
        ("?*?", "x", False),
        ("?*?", "xy", True),
        ("*ab*ab", "ab", False),
        ("*ab*ab", "abab", True),
        ("a~*b", "a*b", True),
        ("a~*b", "aXb", False),
        ("a~?", "a?", True),
        ("a~?", "ab", False),
        ("~~", "~", True),
        ("", "", True),
        ("*", "", True),
        ("a*?b*c", "a1bc", True),
        ("a.c", "abc", False),
        ("É*", "école", True),
        ("i*", "İ", False),
        ("a\nb*", "a\nbc", True),
    ],
)
def test_stars_and_question_marks(pattern: str, text: str, fits: bool):
    assert Wildcard(pattern).fits(text) is fits


@pytest.mark.parametrize(
    ("pattern", "start", "place"), [("b?d", 0, 1), ("c*a", 0, 2), ("*d", 1, 1), ("zz", 0, -1), ("a", 1, 4)]
)
def test_the_first_part_that_fits(pattern: str, start: int, place: int):
    assert Wildcard(pattern).find("abcdab", start) == place


def test_a_piece_full_of_question_marks_ends():
    with pytest.raises(LimitReached):
        Wildcard("*" + "aa?" * 8000 + "b*").fits("a" * 49_000)


def test_expressions_are_those_of_re2():
    assert [found[0] for found in matches(compile_expression("B+", ignore_case=True), "abBcb")] == ["bB", "b"]
    for unknown in ("(?=a)", r"(a)\1", "(", "a{2000}"):
        with pytest.raises(PatternError):
            compile_expression(unknown)
    with pytest.raises(LimitReached):
        next(matches(compile_expression("(a|aa|aaa|ab){1000}"), "a" * 5_000_000))


def _spend_for_long() -> None:
    for _ in range(10**8):
        spend(0)


def test_a_budget_ends_by_steps_characters_and_processor_time():
    for steps, characters in ((11, 0), (0, budget.MOST_CHARACTERS + 1)):
        with pytest.raises(LimitReached), limited(steps=10):
            spend(steps, characters)
    with limited(seconds=0.05), pytest.raises(LimitReached):
        _spend_for_long()
    with limited(steps=10):
        spend(10)
    spend(10**9)  # outside of an evaluation there is none


def test_time_in_which_nothing_is_computed_is_not_counted():
    clock = Clock(0.05)
    time.sleep(0.1)
    assert not clock.is_over


def test_a_round_of_many_heavy_formulas_ends_as_a_whole():
    book = TwinWorkbook({"Data": [[1]]})
    whole = Clock(0.2)
    shown, ends = [], [time.thread_time()]
    for _ in range(20):
        shown.append(evaluate("=SUM(ARRAYFORMULA(SEQUENCE(400000)*2))", "Data", 0, 5, book, whole).value)
        ends.append(time.thread_time())
    assert ends[-1] - ends[1] < ends[1] - ends[0]  # the first one takes all of the time that the round has
    assert {getattr(value, "text", None) for value in shown} == {LIMIT}


def test_others_are_served_while_a_formula_computes(new_api):
    busy, other = new_api(), new_api()
    asked: list[tuple[float, float]] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            started = time.monotonic()
            other.values("A1")
            asked.append((started, time.monotonic()))

    asking = threading.Thread(target=ask)
    asking.start()
    started = time.monotonic()
    busy.type("A1", [["=SUM(ARRAYFORMULA(SEQUENCE(300000)*SEQUENCE(300000)))"]])
    took = time.monotonic() - started
    done.set()
    asking.join()
    middle = [one for one in asked if started + 0.25 * took < one[0] and one[1] < started + 0.75 * took]
    assert len(middle) > 5


def test_a_chain_of_cells_is_followed_to_its_end(api: Api):
    api.batch({"appendDimension": {"sheetId": 0, "dimension": "ROWS", "length": 4000}})
    api.type("A1", [[1], *([f"=A{row}+1"] for row in range(1, 5000))])
    assert api.values("A5000") == [["5000"]]
    api.type("A1", [[11]])
    assert api.values("A5000") == [["5010"]]


def test_formulas_that_read_each_other_in_too_many_ways_show_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recalculation, "MOST_ORDER_STEPS", 1000)
    engine = Engine(tmp_path)
    sheet = engine.create(spreadsheet_properties({}), lambda tx: add_given_tab(tx, {}, 0))

    def write(rows: list[list[str]]) -> None:
        def work(tx: Transaction) -> None:
            write_rows(tx, tx.spreadsheet.tabs[0].rect(0, len(rows), 0, 1), rows, as_typed=True)

        engine.change(sheet.spreadsheet_id, work)

    write([["1"], *([f"=SUM(A$1:A{row})"] for row in range(1, 200))])
    assert getattr(effective(sheet.tabs[0].cell(199, 0)), "text", None) == LIMIT
    write([["1"], ["=A1+1"], *[[""]] * 198])
    assert effective(sheet.tabs[0].cell(1, 0)) == 2
    engine.close()
