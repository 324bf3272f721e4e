"""Tests of packages/local-sheets/local_sheets/formulas/evaluator.py: references, operators, errors, results."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sheets.cell_values.model import CellError
from local_sheets_tests.formulas.twin import TwinWorkbook

DATE = {"type": "DATE", "pattern": "yyyy-mm-dd"}
BOOK = TwinWorkbook(
    {
        "Data": [
            [1, "a", True, 43831],
            [2, "b", None, 5],
            [3, "c", "x", 7.5],
            [None, None, None, CellError("N_A", "no")],
        ],
        "Other tab": [[10], [20]],
    },
    formats={("Data", 0, 3): DATE},
    named={"Prices": "Data!A1:A3"},
)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("=1+2*3", 7),
        ("=(1+2)*3", 9),
        ("=-2^2", 4),
        ("=2^3^2", 64),
        ("=2^-1", 0.5),
        ("=10-4-3", 3),
        ("=50%", 0.5),
        ("=200%%", 0.02),
        ("= 1 / 1024", 0.0009765625),
        ("=1e3", 1000),
        ("=.5", 0.5),
        ('="a""b"', 'a"b'),
        ('="a"&"b"&1', "ab1"),
        ("=TRUE", True),
        ("=true=TRUE", True),
        ("=1<2", True),
        ("=1<>1", False),
        ('="a"="A"', True),
        ('="b">"A"', True),
        ('="2">1', True),
        ("=C2=0", True),
        ('=C2=""', True),
        ("=A1", 1),
        ("=$A$2", 2),
        ("=a3", 3),
        ("=Data!A1+'Other tab'!A2", 21),
        ("='other TAB'!A1", 10),
        ("=SUM(A1:A3)", 6),
        ("=SUM(A:A)", 6),
        ("=SUM(1:1)", 43832),
        ("=SUM(A2:A)", 5),
        ("=SUM(Prices)", 6),
        ("=SUM(prices,4)", 10),
        ("=SUM(A3:A1)", 6),
        ("=+A1", 1),
        ("=--A1", 1),
        ('="5"+1', 6),
        ("=C1+1", 2),
        ("=C2+1", 1),
        ("=IF(,1,2)", 2),
        ("=SUM(1,,2)", 3),
        ("=0.1+0.2=0.3", False),
    ],
)
def test_a_formula_has_its_value(formula, value):
    found = BOOK.shown(formula)
    assert found == pytest.approx(value) if isinstance(value, float) else found == value


@pytest.mark.parametrize(
    ("formula", "kind", "message"),
    [
        ("=FOO(1)", "NAME", "Unknown function: 'FOO'."),
        ("=foo", "NAME", "Unknown range name: 'FOO'."),
        ("=1/0", "DIVIDE_BY_ZERO", "Function DIVIDE parameter 2 cannot be zero."),
        ("=MOD(1,0)", "DIVIDE_BY_ZERO", "Function MOD parameter 2 cannot be zero."),
        ("=A1+B1", "VALUE",
         "Function ADD parameter 2 expects number values. But 'a' is a text and cannot be coerced to a number."),
        ("=SUM(", "ERROR", "Formula parse error."),
        ("=1 2", "ERROR", "Formula parse error."),
        ("=A0", "NAME", "Unknown range name: 'A0'."),
        ("=)", "ERROR", "Formula parse error."),
        ("=", "ERROR", "Formula parse error."),
        ("=~", "ERROR", "Formula parse error."),
        ("=Nope!A1", "REF", "Unresolved sheet name 'Nope'."),
        ("=#REF!", "REF", "Reference does not exist."),
        ("=ZZ1", "REF", "Reference does not exist."),
        ("=SUM()", "N_A", "Wrong number of arguments to SUM. Expected at least 1 arguments, but got 0 arguments."),
        ("=ABS(1,2)", "N_A", "Wrong number of arguments to ABS. Expected 1 arguments, but got 2 arguments."),
        ("=ROUND()", "N_A",
         "Wrong number of arguments to ROUND. Expected between 1 and 2 arguments, but got 0 arguments."),
        ("=D4", "N_A", "no"),
        ("=D4+1", "N_A", "no"),
        ("=SUM(D1:D4)", "N_A", "no"),
        ("=A1:A3", "VALUE", "An array value could not be found."),
        ("=SQRT(-1)", "NUM",
         "Function SQRT parameter 1 value is negative. It should be greater than or equal to zero."),
        ("=AVERAGE(B1:B3)", "DIVIDE_BY_ZERO", "Evaluation of function AVERAGE caused a divide by zero error."),
        ("=VLOOKUP(9,A1:B3,2,FALSE)", "N_A", "Did not find value '9' in VLOOKUP evaluation."),
        ("=AND(\"x\")", "VALUE",
         "Function AND parameter 1 expects boolean values. But 'x' is a text and cannot be coerced to a boolean."),
        ("=10^400", "NUM", "POW evaluates to an imaginary or too large number."),
        ("=1e308*10", "NUM", "Result is not a number."),
    ],
)  # fmt: skip
def test_an_error_has_googles_type_and_message(formula, kind, message):
    assert BOOK.evaluate(formula).value == CellError(kind, message)


@pytest.mark.parametrize(
    ("formula", "rows"),
    [
        ("={1,2;3,4}", [[1, 2], [3, 4]]),
        ("={A1:A3}", [[1], [2], [3]]),
        ("={A1:A2,B1:B2}", [[1, "a"], [2, "b"]]),
        ("=ARRAYFORMULA(A1:A3*2)", [[2], [4], [6]]),
        ("=ARRAYFORMULA(A1:A2&B1:B2)", [["1a"], ["2b"]]),
        ("=ARRAYFORMULA(IF(A1:A3>1,A1:A3,0))", [[0], [2], [3]]),
        ("=ARRAYFORMULA(ROUND(A1:A2/3,1))", [[0.3], [0.7]]),
        ("=ARRAYFORMULA(10/{1,0})", [[10, "#DIV/0!"]]),
        ("=FILTER(A1:B3,A1:A3>1)", [[2, "b"], [3, "c"]]),
        ("=SORT(A1:B3,1,FALSE)", [[3, "c"], [2, "b"], [1, "a"]]),
        ("=UNIQUE({1;2;1})", [[1], [2]]),
        ("=TRANSPOSE(A1:B2)", [[1, 2], ["a", "b"]]),
        ("=SEQUENCE(2,2)", [[1, 2], [3, 4]]),
        ('=SPLIT("a,b",",")', [["a", "b"]]),
        ("=INDEX(A1:B3,2)", [[2, "b"]]),
    ],
)
def test_a_formula_that_yields_many_cells_spills(formula, rows):
    assert BOOK.shown(formula) == rows


def test_a_range_in_place_of_one_value_gives_the_one_in_the_same_row():
    assert BOOK.evaluate("=A1:A3", row=1, col=10).value == 2
    assert BOOK.evaluate("=A1:A3*10", row=2, col=10).value == 30
    assert BOOK.evaluate("=A1:D1", row=9, col=1).value == "a"


@pytest.mark.parametrize(
    ("formula", "number_format"),
    [
        ("=D1", DATE),
        ("=D1+1", DATE),
        ("=1+D1", DATE),
        ("=D1-D1", None),
        ("=D1*2", None),
        ("=A1", None),
        ("=MAX(D1:D3)", DATE),
        ("=IF(TRUE,D1,0)", DATE),
        ("=TODAY()", {"type": "DATE", "pattern": "M/d/yyyy"}),
        ("=DATE(2020,1,1)", {"type": "DATE", "pattern": "M/d/yyyy"}),
        ("=NOW()", {"type": "DATE_TIME", "pattern": "M/d/yyyy H:mm:ss"}),
        ("=TIME(1,2,3)", {"type": "TIME", "pattern": "h:mm:ss AM/PM"}),
        ("=50%", {"type": "PERCENT", "pattern": "0%"}),
        ('=D1&"x"', None),
        ("=YEAR(D1)", None),
    ],
)
def test_a_result_takes_on_the_format_of_what_it_is_made_of(formula, number_format):
    assert BOOK.evaluate(formula).number_format == number_format


def test_a_date_is_joined_as_it_is_shown():
    assert BOOK.shown('=D1&" due"') == "2020-01-01 due"
    assert BOOK.shown('=CONCATENATE("due ",D1)') == "due 2020-01-01"


def test_a_hyperlink_shows_its_label_and_keeps_its_address():
    result = BOOK.evaluate('=HYPERLINK("https://example.com","here")')
    assert (result.value, result.hyperlink) == ("here", "https://example.com")
    assert BOOK.evaluate("=1").hyperlink is None


def test_a_locale_with_decimal_comma_parts_arguments_by_semicolon():
    book = TwinWorkbook({"T": [[1.5]]}, locale="de_DE")
    assert book.shown("=SUM(1,5;A1)") == 3
    assert book.shown('=A1&""') == "1,5"
    assert book.shown("={1\\2;3\\4}") == [[1, 2], [3, 4]]


def test_large_integers_become_doubles_as_sheets_keeps_them():
    assert BOOK.shown("=99999999999*99999999999") == 99999999999.0 * 99999999999.0
    assert isinstance(BOOK.shown("=12345678901234567890"), float)
    assert isinstance(BOOK.shown("=2^52+1"), int)


def error(value: object) -> str:
    assert isinstance(value, CellError)
    return value.type


def test_arrays_beyond_all_grids_are_refused_before_they_are_made():
    book = TwinWorkbook({"T": [[1]]}, size=(100_000, 26))
    assert error(book.evaluate("=ARRAYFORMULA(A:A*TRANSPOSE(A:A))").value) == "ERROR"
    assert error(book.evaluate("=SEQUENCE(1000,100000)").value) == "NUM"


def test_very_deep_nesting_is_an_error_and_not_a_crash():
    assert error(BOOK.evaluate("=" + "(" * 5000 + "1" + ")" * 5000).value) == "ERROR"
    assert error(BOOK.evaluate("=" + "-" * 5000 + "1").value) == "ERROR"


def assert_fits_a_cell(value: object) -> None:
    """Numbers without end and NaN cannot stand in a cell, nor in JSON."""
    assert value is None or isinstance(value, bool | int | float | str | CellError)
    assert not isinstance(value, float) or math.isfinite(value)


@given(st.text(max_size=30))
def test_no_text_breaks_the_evaluation(text):
    assert_fits_a_cell(BOOK.evaluate("=" + text).value)


@given(st.text(alphabet="A1B2:$!,;(){}\"'+-*/^&=<>% SUMIF", max_size=25))
def test_no_formula_breaks_the_evaluation(text):
    assert_fits_a_cell(BOOK.evaluate("=" + text).value)
