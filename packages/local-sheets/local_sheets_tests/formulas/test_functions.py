"""Tests of packages/local-sheets/local_sheets/formulas/functions."""

import pytest

from local_sheets.cell_values.model import CellError
from local_sheets.formulas.functions.catalog import FUNCTIONS
from local_sheets_tests.formulas.twin import TwinWorkbook

BOOK = TwinWorkbook(
    {
        "T": [
            ["name", "qty", "price", "due"],
            ["apple", 3, 1.5, 43831],
            ["pear", 5, 2, 43862],
            ["Apple pie", 1, 12.5, 43891],
            ["plum", None, "n/a", None],
        ]
    }
)

CASES = {
    "numbers": [
        ("=SUM(B2:B5)", 9), ("=SUM(B2:B5,\"4\")", 13), ("=SUM(TRUE,1)", 2), ("=PRODUCT(B2:B4)", 15),
        ("=AVERAGE(B2:B5)", 3), ("=MEDIAN(B2:B5)", 3), ("=MIN(B2:C5)", 1), ("=MAX(B2:C5)", 12.5), ("=MAX(A1:A2)", 0),
        ("=COUNT(A1:D5)", 9), ("=COUNT(1,\"2\",\"x\",TRUE)", 3), ("=COUNTA(A1:D5)", 18), ("=COUNTBLANK(A1:D5)", 2),
        ("=COUNTUNIQUE(1,1,2,\"a\")", 3), ("=LARGE(B2:B4,2)", 3), ("=SMALL(B2:B4,1)", 1), ("=LARGE(B2:B4,9)", "#NUM!"),
        ("=STDEV(B2:B4)", 2), ("=VARP({1,3})", 1), ("=SUMPRODUCT(B2:B4,C2:C4)", 27),
        ("=ROUND(2.345,2)", 2.35), ("=ROUND(-2.5)", -3), ("=ROUND(1234,-2)", 1200), ("=ROUNDUP(2.1)", 3),
        ("=ROUNDDOWN(-2.9)", -2), ("=TRUNC(2.99,1)", 2.9), ("=INT(-2.1)", -3), ("=ABS(-2)", 2), ("=SIGN(-3)", -1),
        ("=MOD(-1,3)", 2), ("=MOD(5.5,2)", 1.5), ("=QUOTIENT(7,2)", 3), ("=POWER(2,10)", 1024), ("=SQRT(16)", 4),
        ("=EXP(0)", 1), ("=LN(1)", 0), ("=LOG10(1000)", 3), ("=LOG(8,2)", 3), ("=LOG(0)", "#NUM!"), ("=LOG(8,1)", "#NUM!"),
        ("=CEILING(2.1)", 3), ("=CEILING(7,5)", 10), ("=FLOOR(7,5)", 5), ("=FLOOR(7,0)", 0), ("=MROUND(7,5)", 5),
        ("=ADD(1,2)", 3), ("=MINUS(1,2)", -1), ("=MULTIPLY(2,3)", 6), ("=DIVIDE(1,0)", "#DIV/0!"),
        ("=ISEVEN(2)", True), ("=ISODD(2)", False), ("=ROUND(PI(),4)", 3.1416), ("=0^-1", "#DIV/0!"),
        ("=RAND()<1", True), ("=RANDBETWEEN(3,3)", 3), ("=RANDBETWEEN(3,2)", "#NUM!"),
    ],
    "conditions": [
        ("=COUNTIF(B2:B5,\">2\")", 2), ("=COUNTIF(A2:A5,\"apple\")", 1), ("=COUNTIF(A2:A5,\"apple*\")", 2),
        ("=COUNTIF(A2:A5,\"p?um\")", 1), ("=COUNTIF(B2:B5,\"\")", 1), ("=COUNTIF(B2:B5,\"<>3\")", 3),
        ("=COUNTIF(B2:B5,3)", 1), ("=COUNTIF(A2:A5,\">=pear\")", 2), ("=COUNTIF({\"*\",\"a\"},\"~*\")", 1),
        ("=COUNTIF({TRUE,1},TRUE)", 1), ("=COUNTIFS(A2:A5,\"apple*\",B2:B5,\">2\")", 1),
        ("=SUMIF(A2:A5,\"apple*\",B2:B5)", 4), ("=SUMIF(B2:B5,\">2\")", 8), ("=SUMIF(A2:A5,\"apple*\",B2)", 4),
        ("=SUMIFS(B2:B5,A2:A5,\"apple*\",C2:C5,\"<10\")", 3), ("=AVERAGEIF(B2:B5,\">2\")", 4),
        ("=AVERAGEIF(B2:B5,\">9\")", "#DIV/0!"), ("=AVERAGEIFS(B2:B5,C2:C5,\"<10\")", 4),
        ("=MINIFS(B2:B5,C2:C5,\"<10\")", 3), ("=MAXIFS(B2:B5,C2:C5,\"<10\")", 5), ("=COUNTIFS(A2:A5,\"x\",B2:B3,1)", "#VALUE!"),
    ],
    "logic": [
        ("=IF(1>2,\"y\",\"n\")", "n"), ("=IF(FALSE,1)", False), ("=IF(\"x\",1)", "#VALUE!"), ("=IF(TRUE,1,1/0)", 1),
        ("=IFS(FALSE,1,TRUE,2)", 2), ("=IFS(FALSE,1)", "#N/A"), ("=IFERROR(1/0,\"e\")", "e"), ("=IFERROR(1/0)", None),
        ("=IFERROR(5,1)", 5), ("=IFNA(NA(),1)", 1), ("=IFNA(1/0,1)", "#DIV/0!"), ("=AND(TRUE,1)", True),
        ("=AND(B2:B5)", True), ("=OR(FALSE,0)", False), ("=XOR(TRUE,TRUE)", False), ("=NOT(0)", True),
        ("=SWITCH(2,1,\"a\",2,\"b\")", "b"), ("=SWITCH(3,1,\"a\",\"other\")", "other"), ("=SWITCH(3,1,2)", "#N/A"),
        ("=CHOOSE(2,\"a\",\"b\")", "b"), ("=CHOOSE(3,1,2)", "#NUM!"), ("=TRUE()", True),
    ],
    "information": [
        ("=ISBLANK(B5)", True), ("=ISBLANK(A1)", False), ("=ISNUMBER(B2)", True), ("=ISNUMBER(\"1\")", False),
        ("=ISTEXT(A1)", True), ("=ISNONTEXT(A1)", False), ("=ISLOGICAL(TRUE)", True), ("=ISERROR(1/0)", True),
        ("=ISERR(NA())", False), ("=ISNA(NA())", True), ("=N(TRUE)", 1), ("=N(\"x\")", 0), ("=ROW(B7)", 7), ("=ROW()", 21),
        ("=COLUMN(C1)", 3), ("=COLUMN()", 11), ("=ROWS(A1:B3)", 3), ("=COLUMNS(A1:B3)", 2), ("=ROW(5)", "#N/A"),
    ],
    "text": [
        ("=CONCATENATE(\"a\",1,TRUE)", "a1TRUE"), ("=CONCATENATE(A2:A3)", "applepear"), ("=CONCAT(1,2)", "12"),
        ("=JOIN(\"-\",B2:B4)", "3-5-1"), ("=TEXTJOIN(\",\",TRUE,B2:B5)", "3,5,1"), ("=TEXTJOIN(\",\",FALSE,B4:B5)", "1,"),
        ("=TEXT(1234.5,\"#,##0.00\")", "1,234.50"), ("=TEXT(D2,\"yyyy-mm-dd\")", "2020-01-01"), ("=TEXT(0.5,\"0%\")", "50%"),
        ("=TEXT(\"x\",\"0\")", "x"), ("=VALUE(\"$1,000\")", 1000), ("=VALUE(\"2020-01-01\")", 43831), ("=VALUE(\"x\")", "#VALUE!"),
        ("=LEN(\"añ🌵\")", 4), ("=LEFT(\"abc\",2)", "ab"), ("=LEFT(\"abc\")", "a"), ("=RIGHT(\"abc\",2)", "bc"),
        ("=RIGHT(\"abc\",0)", ""), ("=MID(\"abcd\",2,2)", "bc"), ("=LEFT(\"abc\",-1)", "#VALUE!"), ("=MID(\"abc\",0,1)", "#NUM!"),
        ("=UPPER(\"aß\")", "ASS"), ("=LOWER(\"ÀB\")", "àb"), ("=PROPER(\"the old-man\")", "The Old-Man"),
        ("=TRIM(\"  a   b \")", "a b"), ("=REPT(\"ab\",3)", "ababab"), ("=REPT(\"ab\",30000)", "#VALUE!"),
        ("=EXACT(\"a\",\"A\")", False), ("=SUBSTITUTE(\"a-b-c\",\"-\",\"+\")", "a+b+c"),
        ("=SUBSTITUTE(\"a-b-c\",\"-\",\"+\",2)", "a-b+c"), ("=SUBSTITUTE(\"abc\",\"\",\"x\")", "abc"),
        ("=REPLACE(\"abcdef\",2,3,\"X\")", "aXef"), ("=FIND(\"b\",\"abcb\")", 2), ("=FIND(\"b\",\"abcb\",3)", 4),
        ("=FIND(\"B\",\"abc\")", "#VALUE!"), ("=SEARCH(\"B\",\"abc\")", 2), ("=SEARCH(\"b*d\",\"abcd\")", 2),
        ("=CHAR(65)", "A"), ("=CODE(\"A\")", 65), ("=CODE(\"\")", "#VALUE!"), ("=T(1)", ""), ("=T(\"x\")", "x"),
        ("=HYPERLINK(\"u\")", "u"), ("=CLEAN(\"a\"&CHAR(7))", "a"), ("=DOLLAR(1234.567)", "$1,234.57"),
        ("=REGEXMATCH(\"abc\",\"^a.c$\")", True), ("=REGEXREPLACE(\"a1b2\",\"([0-9])\",\"<$1>\")", "a<1>b<2>"),
        ("=REGEXEXTRACT(\"id: 42\",\"([0-9]+)\")", "42"), ("=REGEXEXTRACT(\"x\",\"[0-9]\")", "#N/A"), ("=REGEXMATCH(\"a\",\"(\")", "#REF!"),
        ("=REGEXMATCH(1,\"1\")", "#VALUE!"), ("=SPLIT(\"a1b\",\"\")", "#VALUE!"), ("=1/3&\"\"", "0.333333333333333"),
    ],
    "dates": [
        ("=DATE(2020,1,1)", 43831), ("=DATE(2020,13,1)", 44197), ("=DATE(2020,1,0)", 43830), ("=DATE(20,1,1)", 7306),
        ("=DATE(-1,1,1)", "#NUM!"), ("=TIME(12,0,0)", 0.5), ("=TIME(25,0,0)", 1 / 24), ("=TODAY()", 46348),
        ("=NOW()-TODAY()", 18.5 / 24), ("=YEAR(D2)", 2020), ("=MONTH(D3)", 2), ("=DAY(D3)", 1), ("=HOUR(0.75)", 18),
        ("=MINUTE(\"10:45\")", 45), ("=SECOND(\"10:45:07\")", 7), ("=YEAR(\"2021-05-06\")", 2021), ("=YEAR(1E9)", "#NUM!"),
        ("=WEEKDAY(D2)", 4), ("=WEEKDAY(D2,2)", 3), ("=WEEKDAY(D2,9)", "#NUM!"), ("=ISOWEEKNUM(D2)", 1), ("=DAYS(D3,D2)", 31),
        ("=EDATE(\"2020-01-31\",1)", 43890), ("=EOMONTH(D2,0)", 43861), ("=DATEVALUE(\"2020-01-01\")", 43831),
        ("=DATEVALUE(\"x\")", "#VALUE!"), ("=TIMEVALUE(\"12:00\")", 0.5), ("=DATEDIF(D2,D4,\"M\")", 2),
        ("=DATEDIF(\"2020-01-31\",\"2021-03-01\",\"Y\")", 1), ("=DATEDIF(\"2020-01-15\",\"2020-03-10\",\"MD\")", 24),
        ("=DATEDIF(\"2020-01-15\",\"2021-03-10\",\"YD\")", 54), ("=DATEDIF(D3,D2,\"D\")", "#NUM!"),
        ("=NETWORKDAYS(\"2020-01-01\",\"2020-01-08\")", 6), ("=NETWORKDAYS(\"2020-01-01\",\"2020-01-08\",D2)", 5),
    ],
    "lookup": [
        ("=VLOOKUP(\"pear\",A1:C5,3,FALSE)", 2), ("=VLOOKUP(\"PEAR\",A1:C5,3,FALSE)", 2), ("=VLOOKUP(\"p*\",A1:C5,2,FALSE)", 5),
        ("=VLOOKUP(4,B2:C4,2)", 1.5), ("=VLOOKUP(\"x\",A1:C5,3,FALSE)", "#N/A"), ("=VLOOKUP(\"pear\",A1:C5,4,FALSE)", "#REF!"),
        ("=VLOOKUP(\"pear\",A1:C5,0,FALSE)", "#VALUE!"), ("=HLOOKUP(\"price\",A1:C3,3,FALSE)", 2),
        ("=MATCH(\"pear\",A1:A5,0)", 3), ("=MATCH(4,{1,3,5})", 2), ("=MATCH(4,{5,3,1},-1)", 1), ("=MATCH(0,{1,2})", "#N/A"),
        ("=MATCH(1,A1:B2,0)", "#N/A"), ("=INDEX(A1:C5,3,1)", "pear"), ("=INDEX(A1:C1,2)", "qty"), ("=INDEX(A1:C5,9,1)", "#NUM!"),
        ("=INDEX(A:A,MATCH(\"pear\",A:A,0))", "pear"), ("=XLOOKUP(\"pear\",A1:A5,C1:C5)", 2),
        ("=XLOOKUP(\"x\",A1:A5,C1:C5)", "#N/A"), ("=XLOOKUP(\"x\",A1:A5,C1:C5,\"none\")", "none"),
        ("=XLOOKUP(4,{1,3,5},{\"a\",\"b\",\"c\"},,-1)", "b"), ("=XLOOKUP(4,{1,3,5},{\"a\",\"b\",\"c\"},,1)", "c"),
        ("=XLOOKUP(1,{1,1},{\"a\",\"b\"},,0,-1)", "b"), ("=XLOOKUP(\"p*\",A1:A5,B1:B5,,2)", 5),
        ("=OFFSET(A1,1,1)", 3), ("=SUM(OFFSET(B2,0,0,3,1))", 9), ("=OFFSET(A1,-1,0)", "#REF!"),
    ],
    "shapes": [
        ("=FILTER(A2:A5,B2:B5>9)", "#N/A"), ("=FILTER(A2:A5,B2:B3)", "#N/A"), ("=UNIQUE({1,1,2},TRUE)", [[1, 2]]),
        ("=UNIQUE({1;1;2},FALSE,TRUE)", 2), ("=SORT({3;1;2})", [[1], [2], [3]]), ("=SORT({\"b\";1;TRUE;2})", [[1], [2], ["b"], [True]]),
        ("=SORT(A2:B4,B2:B4,TRUE)", [["Apple pie", 1], ["apple", 3], ["pear", 5]]), ("=SORT(A2:B4,3,TRUE)", "#VALUE!"),
        ("=SUM(FILTER(B2:B5,B2:B5>2))", 8), ("=ARRAYFORMULA(SUM(B2:B4*C2:C4))", 27), ("=SEQUENCE(0)", "#NUM!"),
        ("=SUM(SEQUENCE(3,1,10,5))", 45), ("=ARRAYFORMULA(ROW(A1:A3))", [[1], [2], [3]]),
        ("=ARRAYFORMULA(VLOOKUP({\"pear\";\"x\"},A1:C5,2,FALSE))", [[5], ["#N/A"]]),
        ("=ARRAYFORMULA(ISBLANK(B4:B5))", [[False], [True]]), ("=ARRAYFORMULA(IFERROR({1;0}/{1;0},\"-\"))", [[1], ["-"]]),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "value"),
    [pytest.param(*case, id=f"{family}:{case[0]}") for family, listed in CASES.items() for case in listed],
)
def test_a_function_yields_its_value(formula, value):
    found = BOOK.shown(formula)
    if isinstance(value, float):
        assert found == pytest.approx(value)
    else:
        assert (found, type(found)) == (value, type(value))


def test_errors_among_the_values_come_through_or_are_passed_over():
    book = TwinWorkbook({"T": [[1], [CellError("REF", "gone")], [3]]})
    assert book.shown("=SUM(A1:A3)") == "#REF!"
    assert book.shown("=COUNT(A1:A3)") == 2
    assert book.shown("=COUNTA(A1:A3)") == 3
    assert book.shown("=VLOOKUP(3,A1:A3,1,FALSE)") == 3
    assert book.shown("=IFERROR(A2,0)") == 0
    assert book.shown("=ISERROR(A2)") is True


def test_all_promised_functions_are_there():
    promised = """SUM AVERAGE COUNT COUNTA COUNTIF COUNTIFS SUMIF SUMIFS AVERAGEIF MIN MAX MEDIAN ROUND ROUNDUP ROUNDDOWN
    ABS INT MOD POWER SQRT IF IFS IFERROR IFNA AND OR NOT ISBLANK ISNUMBER ISTEXT CONCATENATE CONCAT JOIN TEXT VALUE LEN
    LEFT RIGHT MID UPPER LOWER TRIM SUBSTITUTE FIND SEARCH EXACT REPT TODAY NOW DATE YEAR MONTH DAY HOUR MINUTE SECOND
    DAYS VLOOKUP HLOOKUP INDEX MATCH XLOOKUP ROW COLUMN ROWS COLUMNS HYPERLINK UNIQUE SORT FILTER ARRAYFORMULA TRANSPOSE"""
    assert set(promised.split()) <= set(FUNCTIONS)
