"""Tests of packages/local-sheets/local_sheets/formulas/query: the language, asked of the reference's own table."""

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_sheets.formulas.query.engine import run_query
from local_sheets.formulas.query.language import Query, parse_query
from local_sheets.formulas.query.table import Column, QueryError, Table, make_table

CHECKED_AGAINST = ("reference https://developers.google.com/chart/interactive/docs/querylanguage",)

# https://developers.google.com/chart/interactive/docs/querylanguage#Language_Clauses
HIRED = [38460, 39555, 38637, 38693, 39417, 38412]
STAFF = Table(
    [
        Column("A", "name", "string"),
        Column("B", "dept", "string"),
        Column("C", "lunchTime", "timeofday", "HH:mm:ss"),
        Column("D", "salary", "number"),
        Column("E", "hireDate", "date", "yyyy-mm-dd"),
        Column("F", "age", "number"),
        Column("G", "isSenior", "boolean"),
        Column("H", "seniorityStartTime", "datetime", "yyyy-mm-dd hh:mm:ss"),
    ],
    [
        ["John", "Eng", 0.5, 1000, HIRED[0], 35, True, 39417.5],
        ["Dave", "Eng", 0.5, 500, HIRED[1], 27, False, None],
        ["Sally", "Eng", 13 / 24, 600, HIRED[2], 30, False, None],
        ["Ben", "Sales", 0.5, 400, HIRED[3], 32, True, 39151.75],
        ["Dana", "Sales", 0.5, 350, HIRED[4], 25, False, None],
        ["Mike", "Marketing", 13 / 24, 800, HIRED[5], 24, True, 39447.0],
    ],
)


@pytest.mark.parametrize(
    ("query", "labels", "rows"),
    [
        ("select A, D limit 2", ["name", "salary"], [["John", 1000], ["Dave", 500]]),
        ("SELECT A WHERE D >= 600", ["name"], [["John"], ["Sally"], ["Mike"]]),
        ("select `A` where B <> 'Eng' and A starts with 'B'", ["name"], [["Ben"]]),
        ("select A where (B = 'Sales' or F > 33) and not G = false", ["name"], [["John"], ["Ben"]]),
        ("select A where H is null order by A desc", ["name"], [["Sally"], ["Dave"], ["Dana"]]),
        ("select A where H is not null", ["name"], [["John"], ["Ben"], ["Mike"]]),
        ("select A where A contains 'a' and A ends with 'y'", ["name"], [["Sally"]]),
        ("select A where A matches '.*n|D.*'", ["name"], [["John"], ["Dave"], ["Ben"], ["Dana"]]),
        ("select A where A like 'D_n%'", ["name"], [["Dana"]]),
        ("select A where E > date '2007-01-01'", ["name"], [["Dave"], ["Dana"]]),
        ("select A where H < datetime '2007-12-01 13:00:00'", ["name"], [["John"], ["Ben"]]),
        ("select A where C = timeofday '13:00:00'", ["name"], [["Sally"], ["Mike"]]),
        ("select A where year(E) = 2007 and month(E) = 11", ["name"], [["Dana"]]),
        ("select dept", None, "NO_COLUMN: dept"),
        ("select a", None, "NO_COLUMN: a"),
        ("select B, sum(D) group by B", ["dept", "sum salary"], [["Eng", 2100], ["Marketing", 800], ["Sales", 750]]),
        ("select B, max(D), count(A) group by B order by max(D) limit 1", ["dept", "max salary", "count name"],
         [["Sales", 400, 2]]),
        ("select C, sum(D) group by C", ["lunchTime", "sum salary"], [[0.5, 2250], [13 / 24, 1400]]),
        ("select sum(D) pivot B", ["Eng", "Marketing", "Sales"], [[2100, 800, 750]]),
        ("select B, sum(D) group by B pivot C", ["dept", "12:00:00", "13:00:00"],
         [["Eng", 1500, 600], ["Marketing", None, 800], ["Sales", 750, None]]),
        ("select sum(D), max(F) pivot B",
         ["Eng sum salary", "Marketing sum salary", "Sales sum salary", "Eng max age", "Marketing max age",
          "Sales max age"], [[2100, 800, 750, 35, 24, 32]]),
        ("select sum(D) pivot B, G", ["Eng,false", "Eng,true", "Marketing,true", "Sales,false", "Sales,true"],
         [[1100, 1000, 800, 350, 400]]),
        ("select A order by B, D desc limit 3", ["name"], [["John"], ["Sally"], ["Dave"]]),
        ("select A limit 2 offset 3", ["name"], [["Ben"], ["Dana"]]),
        ("select A skipping 4", ["name"], [["John"], ["Dana"]]),
        ("select A label A 'who' ", ["who"], [[name] for name in ("John", "Dave", "Sally", "Ben", "Dana", "Mike")]),
        ("select max(D) label max(D) ''", [""], [[1000]]),
        ("select sum(D) pivot B label sum(D) 'x'", ["Eng x", "Marketing x", "Sales x"], [[2100, 800, 750]]),
        ("select D * 2 + 1, D / F where A = 'Ben'", ["sum(product(salary2())1())", "quotient(salaryage)"], [[801, 12.5]]),
        ("select D % 300 where A = 'Ben'", ["modulo(salary300())"], [[100]]),
        ("select sum(D)/count(D) where B = 'Sales'", ["quotient(sum salarycount salary)"], [[375]]),
        ("select year(E), count(A) group by year(E)", ["year(hireDate)", "count name"], [[2005, 4], [2007, 1], [2008, 1]]),
        ("select upper(A), lower(B) limit 1", ["upper(name)", "lower(dept)"], [["JOHN", "eng"]]),
        ("select hour(C), minute(C), second(C), quarter(E), dayOfWeek(E), day(E) where A='Mike'",
         ["hour(lunchTime)", "minute(lunchTime)", "second(lunchTime)", "quarter(hireDate)", "dayOfWeek(hireDate)",
          "day(hireDate)"], [[13, 0, 0, 1, 3, 1]]),
        ("select dateDiff(now(), E), toDate(H) where A='John'", ["dateDiff(now()hireDate)", "toDate(seniorityStartTime)"],
         [[543, 39417]]),
        ("select (D + 1) where (D + 1) > 1000", ["sum(salary1())"], [[1001]]),
        ("select A where D > -1 limit 1", ["name"], [["John"]]),
        ("select count(A) where A = 'nobody'", ["count name"], []),
        ("select avg(A)", None, "AVG_SUM_ONLY_NUMERIC"),
        ("select A, sum(D)", None, "ADD_COL_TO_GROUP_BY_OR_AGG: A"),
        ("select * group by B", None, "ADD_COL_TO_GROUP_BY_OR_AGG: A"),
        ("select B group by B", None, "CANNOT_GROUP_WITHOUT_AGG"),
        ("select B pivot B", None, "CANNOT_PIVOT_WITHOUT_AGG"),
        ("select sum(D) group by B pivot B", None, "NO_COL_IN_GROUP_AND_PIVOT: `B`"),
        ("select sum(D) group by sum(D)", None, "CANNOT_BE_IN_GROUP_BY: sum(`D`)"),
        ("select sum(D) pivot B order by sum(D)", None, "NO_AGG_IN_ORDER_WHEN_PIVOT"),
        ("select B, sum(D) group by B order by A", None, "COL_IN_ORDER_MUST_BE_IN_SELECT: `A`"),
        ("select A label B 'x'", None, "LABEL_COL_NOT_IN_SELECT: `B`"),
        ("select A where sum(D) > 3", None, "CANNOT_BE_IN_WHERE: an aggregate"),
        ("select year(D)", None, "Can't perform the function year on a column that is not a Date or a DateTime column"),
        ("select A where", None, 'PARSE_ERROR: Encountered "<EOF>".'),
        ("select A order B", None, 'PARSE_ERROR: Encountered "order".'),
        ("select A where A ~ 1", None, 'PARSE_ERROR: Lexical error: encountered "~" at column 18.'),
        ("select A where E = date '2007-13-01'", None,
         "Invalid date literal [2007-13-01]. Date literals should be of form yyyy-MM-dd."),
    ],
)  # fmt: skip
def test_a_query_has_its_answer(query, labels, rows):
    if labels is None:
        with pytest.raises(QueryError) as refused:
            run_query(STAFF, query)
        assert str(refused.value) == rows
        return
    answer = run_query(STAFF, query, now=datetime(2006, 10, 13, 12))
    assert ([column.label for column in answer.columns], answer.rows) == (labels, rows)


def test_columns_of_an_answer_have_kinds_and_patterns():
    answer = run_query(STAFF, "select max(E), count(E), max(H), year(E), now() group by year(E) format max(E) 'dd/MM'")
    assert [(column.id, column.kind, column.pattern) for column in answer.columns] == [
        ("max-E", "date", "dd/MM"),
        ("count-E", "number", ""),
        ("max-H", "datetime", "yyyy-mm-dd hh:mm:ss"),
        ("year(E)", "number", ""),
        ("now()", "datetime", ""),
    ]


@pytest.mark.parametrize(
    ("rows", "headers", "labels", "kinds", "values"),
    [
        ([["a", "b"], ["x", 1], ["y", 2]], -1, ["a", "b"], ["string", "number"], [["x", 1], ["y", 2]]),
        ([["x", 1], ["y", 2]], -1, ["", ""], ["string", "number"], [["x", 1], ["y", 2]]),
        ([["a"], ["b"]], -1, [""], ["string"], [["a"], ["b"]]),
        ([["a", "b"], ["c", "d"], [1, 2]], 2, ["a c", "b d"], ["number", "number"], [[1, 2]]),
        ([[1], [2], ["three"], [None]], 0, [""], ["number"], [[1], [2], [None], [None]]),
        ([["one"], ["two"], [3], [True]], 0, [""], ["string"], [["one"], ["two"], [None], [None]]),
        ([[True], [False], ["x"]], 0, [""], ["boolean"], [[True], [False], [None]]),
        ([[None], [None]], -1, [""], ["string"], [[None], [None]]),
        ([], -1, [], [], []),
    ],
)
def test_the_most_values_of_a_column_tell_its_kind(rows, headers, labels, kinds, values):
    table = make_table(rows, headers)
    assert [column.label for column in table.columns] == labels
    assert [column.kind for column in table.columns] == kinds
    assert table.rows == values
    assert [column.id for column in table.columns] == [f"Col{place + 1}" for place in range(len(labels))]


def test_blanks_meet_no_comparison_but_those_with_nothing():
    table = make_table([["a", 1], [None, None], ["b", 3]], 0)
    assert run_query(table, "select Col2 where Col1 <> 'a'").rows == [[3]]
    assert run_query(table, "select Col2 where Col1 = ''").rows == [[None]]
    assert run_query(table, "select Col1 where Col2 < 5").rows == [["a"], ["b"]]
    assert run_query(table, "select Col1 where not Col1 = 'a'").rows == [[None], ["b"]]
    assert run_query(table, "select Col1 order by Col2 desc").rows == [["b"], ["a"], [None]]


def test_parentheses_around_parentheses_take_no_longer():
    query = "select A where " + "(" * 50 + "D + 1" + ")" * 50 + " > 1000"
    assert run_query(STAFF, query).rows == [["John"]]


@given(st.text(alphabet="select whrgoupbyASDC()'<>=*,.1 \"`-", max_size=60))
def test_any_text_is_a_query_or_refused(text):
    with suppress(QueryError):
        assert isinstance(parse_query(f"select {text}"), Query)
