"""Tests of packages/local-sheets/local_sheets/formulas/functions: examples of Google's help, and what people write."""

import pytest

from local_sheets.formulas.operands import TableArea
from local_sheets_tests.formulas.twin import TwinWorkbook

CHECKED_AGAINST = ("reference https://support.google.com/docs/table/25273",)

DATE = {"type": "DATE", "pattern": "yyyy-mm-dd"}
SALES = [
    ["day", "name", "amt", "region", "code"],
    [43831, "Ann", 10, "N", "a-1"],
    [43832, "Bob", 20, "S", "b-22"],
    [43833, "Ann", 30, "N", "c-333"],
    [43834, "Cid", None, "S", None],
    [None, None, None, None, None],
]
BOOK = TwinWorkbook(
    {"T": SALES, "Other tab": [["Ann", 1, "x"], ["Bob", 2, "y"]]},
    formats={("T", row, 0): DATE for row in range(1, 5)},
    named={"Amounts": "T!C2:C5"},
    tables={"sales": TableArea("T", 0, 5, 0, 5, tuple(SALES[0]))},  # type: ignore[arg-type]
    size=(40, 26),
)

CASES = {
    "names": [
        ("=LET(x,2,y,x+1,x*y)", 6), ("=LET(a,C2:C4,SUM(a)/ROWS(a))", 20), ("=LET(x,1/0,5)", 5), ("=LET(x,1/0,x)", "#DIV/0!"),
        ("=LET(1,2,3)", "#NAME?"), ("=LET(x,2)", "#N/A"), ("=LAMBDA(x,x*2)(5)", 10), ("=LAMBDA(x,y,x&y)(1,2)", "12"),
        ("=LAMBDA(x,x)", "#N/A"), ("=LAMBDA(x,x)(1,2)", "#N/A"), ("=LET(f,LAMBDA(n,n+1),f(f(1)))", 3),
        ("=LET(f,LAMBDA(a,LAMBDA(b,a+b)),f(1)(2))", 3), ("=MAP(C2:C4,LAMBDA(v,v*2))", [[20], [40], [60]]),
        ("=MAP({1,2},{3,4},LAMBDA(a,b,a*b))", [[3, 8]]), ("=MAP({1;0},LAMBDA(v,1/v))", [[1], ["#DIV/0!"]]),
        ("=MAP({1;2},{1;2;3},LAMBDA(a,b,a))", "#VALUE!"), ("=MAP(C2:C3,LAMBDA(c,ROW(c)))", [[2], [3]]),
        ("=REDUCE(0,C2:C4,LAMBDA(sum,v,sum+v))", 60), ("=REDUCE(\"\",{\"a\",\"b\"},LAMBDA(s,v,s&v))", "ab"),
        ("=SCAN(0,C2:C4,LAMBDA(sum,v,sum+v))", [[10], [30], [60]]), ("=BYROW({1,2;3,4},LAMBDA(r,SUM(r)))", [[3], [7]]),
        ("=BYCOL({1,2;3,4},LAMBDA(c,MAX(c)))", [[3, 4]]), ("=BYROW({\"a,b\";\"c\"},LAMBDA(r,SPLIT(r,\",\")))", [["a", "b"], ["c", None]]),
        ("=MAKEARRAY(2,3,LAMBDA(r,c,r*10+c))", [[11, 12, 13], [21, 22, 23]]), ("=MAP(C2:C4,5)", "#N/A"),
        ("=BYROW(C2:D4,LAMBDA(r,INDEX(r,1,2)))", [["N"], ["S"], ["N"]]), ("=SUM(BYROW({1,2;3,4},LAMBDA(r,SUM(r*2))))", 20),
        ("=LET(x,B2:B4,ARRAYFORMULA(x&\"!\"))", [["Ann!"], ["Bob!"], ["Ann!"]]),
    ],
    "stacking": [
        ("=HSTACK({1;2},{3;4})", [[1, 3], [2, 4]]), ("=HSTACK({1;2},3)", [[1, 3], [2, "#N/A"]]),
        ("=VSTACK({1,2},3)", [[1, 2], [3, "#N/A"]]), ("=FLATTEN({1,2;3,4},5)", [[1], [2], [3], [4], [5]]),
        ("=TOCOL({1,2;3,4})", [[1], [2], [3], [4]]), ("=TOCOL({1,2;3,4},0,TRUE)", [[1], [3], [2], [4]]),
        ("=TOCOL(C2:C6,1)", [[10], [20], [30]]), ("=TOROW({1;2})", [[1, 2]]), ("=TOCOL(C5:C6,1)", "#N/A"),
        ("=WRAPROWS({1,2,3},2)", [[1, 2], [3, "#N/A"]]), ("=WRAPCOLS({1,2,3},2,0)", [[1, 3], [2, 0]]),
        ("=CHOOSEROWS({1;2;3},1,-1)", [[1], [3]]), ("=CHOOSECOLS({1,2,3},{3,1})", [[3, 1]]), ("=CHOOSECOLS({1,2},3)", "#VALUE!"),
        ("=ARRAY_CONSTRAIN(B2:D4,2,2)", [["Ann", 10], ["Bob", 20]]), ("=SORTN({3;1;2},2)", [[1], [2]]),
        ("=SORTN({1;1;2;3},2,1)", [[1], [1]]), ("=SORTN({1;2;2;3},2,1)", [[1], [2], [2]]), ("=SORTN({2;1;1;3},2,2)", [[1], [2]]),
        ("=SORTN({2;1;1;3},2,3)", [[1], [1], [2]]), ("=SORTN(B2:C4,1,0,2,FALSE)", [["Ann", 30]]),
        ("=SUM(RANDARRAY(2,2)*0)", 0), ("=UNIQUE(B2:B4)", [["Ann"], ["Bob"]]),
    ],
    "references": [
        ("=INDIRECT(\"C2\")", 10), ("=SUM(INDIRECT(\"C\"&2&\":C\"&4))", 60), ("=INDIRECT(\"'Other tab'!A2\")", "Bob"),
        ("=INDIRECT(\"Amounts\")", [[10], [20], [30], [None]]), ("=SUM(INDIRECT(\"Amounts\"))", 60), ("=INDIRECT(\"nonsense\")", "#REF!"),
        ("=INDIRECT(\"R2C3\",FALSE)", 10), ("=INDIRECT(\"\")", "#REF!"), ("=ADDRESS(1,2)", "$B$1"), ("=ADDRESS(1,2,4)", "B1"),
        ("=ADDRESS(1,2,4,FALSE)", "R[1]C[2]"), ("=ADDRESS(1,28,2,TRUE,\"My tab\")", "'My tab'!AB$1"), ("=ADDRESS(0,1)", "#NUM!"),
        ("=SUM(C2:INDEX(C2:C9,3))", 60), ("=SUM(OFFSET(C1,1,0,COUNTA(C2:C),1))", 60), ("=SUM(OFFSET(C1,1,0):C3)", 30),
        ("=SUM(sales[amt])", 60), ("=SUM(Sales[Amt])", 60), ("=ROWS(sales[#ALL])", 5), ("=sales[[#HEADERS],[amt]]", "amt"),
        ("=COUNTA(sales[[name]:[region]])", 11), ("=SUM(sales[gone])", "#REF!"), ("=SUM(nope[amt])", "#NAME?"),
        ("=CELL(\"address\",C2)", "$C$2"), ("=CELL(\"row\",C2)", 2), ("=ISREF(A1)", True), ("=ISREF(1)", False), ("=SHEETS()", 2),
        ("=SHEET(\"Other tab\")", 2), ("=ERROR.TYPE(NA())", 7), ("=TYPE(\"a\")", 2), ("=ISFORMULA(A1)", False), ("=FORMULATEXT(A1)", "#N/A"),
    ],
    "lookups": [
        ("=LOOKUP(25,C2:C4,B2:B4)", "Bob"), ("=LOOKUP(3,{1,2,3;4,5,6})", 6), ("=LOOKUP(0,C2:C4)", "#N/A"),
        ("=XMATCH(\"Bob\",B1:B5)", 3), ("=XMATCH(25,C2:C4,-1)", 2), ("=ARRAYFORMULA(XLOOKUP({\"Bob\";\"no\"},B2:B4,C2:C4,\"-\"))", [[20], ["-"]]),
        ("=ARRAYFORMULA(MATCH({\"Bob\";\"Ann\"},B2:B4,0))", [[2], [1]]), ("=XLOOKUP(\"Bob\",B2:B4,C2:D4)", [[20, "S"]]),
        ("=ARRAYFORMULA(IF(B2:B6=\"\",,VLOOKUP(B2:B6,'Other tab'!A:C,3,FALSE)))", [["x"], ["y"], ["x"], ["#N/A"], [None]]),
        ("=ARRAYFORMULA(IFERROR(VLOOKUP(B2:B4,'Other tab'!A:C,{2,3},0),\"-\"))", [[1, "x"], [2, "y"], [1, "x"]]),
        ("=INDEX(FILTER(C2:C4,B2:B4=\"Ann\"),2)", 30), ("=INDEX(SORT(B2:C4,2,FALSE),1,1)", "Ann"),
        ("=ARRAYFORMULA(HLOOKUP({\"amt\",\"name\"},A1:E3,2,FALSE))", [[10, "Ann"]]),
    ],
    "over arrays": [
        ("=ARRAYFORMULA(COUNTIF(B2:B4,B2:B4))", [[2], [1], [2]]), ("=ARRAYFORMULA(SUMIF(B2:B5,{\"Ann\";\"Bob\"},C2:C5))", [[40], [20]]),
        ("=SUMPRODUCT((B2:B4=\"Ann\")*(C2:C4>10)*C2:C4)", 30), ("=SUMPRODUCT(--(D2:D5=\"N\"))", 2), ("=SUMPRODUCT(1/COUNTIF(B2:B4,B2:B4))", 2),
        ("=SUMPRODUCT((D2:D5=\"N\")*(C2:C5))", 40), ("=ARRAYFORMULA(COUNTIFS(B2:B4,{\"Ann\",\"Bob\"},D2:D4,\"N\"))", [[2, 0]]),
        ("=ARRAYFORMULA(IFS({1;2;3}=1,\"a\",{1;2;3}=2,\"b\",TRUE,\"c\"))", [["a"], ["b"], ["c"]]),
        ("=ARRAYFORMULA(SWITCH({1;2;3},1,\"a\",2,\"b\",\"z\"))", [["a"], ["b"], ["z"]]),
        ("=ARRAYFORMULA(SPLIT(E2:E4,\"-\"))", [["a", 1], ["b", 22], ["c", 333]]), ("=SUM(ARRAYFORMULA(LEN(B2:B5)))", 12),
        ("=ARRAYFORMULA(REGEXEXTRACT(E2:E4,\"([a-z])-([0-9]+)\"))", [["a", "1"], ["b", "22"], ["c", "333"]]),
        ("=REGEXEXTRACT(\"ab12\",\"([a-z]+)([0-9]+)\")", [["ab", "12"]]), ("=ARRAYFORMULA(TEXT(A2:A3,\"mmm d\"))", [["Jan 1"], ["Jan 2"]]),
        ("=ARRAYFORMULA(B2:B3&\" \"&A2:A3)", [["Ann 2020-01-01"], ["Bob 2020-01-02"]]), ("=ARRAYFORMULA(IF({1;0},\"a\",1/0))", [["a"], ["#DIV/0!"]]),
        ("=TEXTJOIN(\", \",TRUE,UNIQUE(FILTER(B2:B5,D2:D5=\"N\")))", "Ann"), ("=JOIN(\"|\",SORT(UNIQUE(B2:B4)))", "Ann|Bob"),
        ("=COUNTA(UNIQUE(B2:B5))", 3), ("=ARRAYFORMULA(SUM((B2:B4=\"Ann\")*C2:C4))", 40), ("=LEFT(A2,4)", "2020"), ("=LEN(A2)", 10), ("=SPLIT(A2,\"-\")", [[2020, 1, 1]]), ("=ARRAYFORMULA({\"h\";C2:C4*2})", [["h"], [20], [40], [60]]),
        ("={B2:B3,{1;2}}", [["Ann", 1], ["Bob", 2]]), ("={B2:B3;{1,2}}", "#VALUE!"), ("=MAX(FILTER(C2:C5,B2:B5=\"Ann\"))", 30),
        ("=FILTER(B2:C5,C2:C5>10,D2:D5=\"S\")", [["Bob", 20]]), ("=ARRAYFORMULA(MMULT({1,2;3,4},{1;1}))", [[3], [7]]),
        ("=COUNTUNIQUEIFS(B2:B5,D2:D5,\"N\")", 1), ("=SUMIFS(C2:C5,A2:A5,\">=\"&DATE(2020,1,2),A2:A5,\"<\"&DATE(2020,1,4))", 50),
        ("=ARRAYFORMULA(LARGE(C2:C4,{1,2}))", [[30, 20]]), ("=ARRAYFORMULA(N({TRUE,\"x\"}))", [[1, 0]]), ("=ARRAYFORMULA(CHOOSE({1,2},B2:B3,C2:C3))", [["Ann", 10], ["Bob", 20]]),
        ("=ARRAYFORMULA(VLOOKUP(20,CHOOSE({1,2},C2:C4,B2:B4),2,0))", "Bob"), ("=ARRAYFORMULA(ISERROR(1/0))", True), ("=FILTER(B2:B4,ISNUMBER(SEARCH(\"n\",B2:B4)))", [["Ann"], ["Ann"]]),
        ("=ARRAYFORMULA(EOMONTH(A2:A3,0))", [[43861], [43861]]), ("=INDEX(C2:C4*2,2)", 40), ("=SORT(FILTER(C2:C5,C2:C5<>\"\"),1,FALSE)", [[30], [20], [10]]),
    ],
    "query": [
        ("=QUERY(B1:D5,\"select B, sum(C) where C is not null group by B\")", [["name", "sum amt"], ["Ann", 40], ["Bob", 20]]),
        ("=QUERY(B2:C4,\"select B where C > 10\",0)", [["Bob"], ["Ann"]]), ("=QUERY({B2:C4},\"select Col2 where Col1='Bob'\",0)", 20),
        ("=QUERY(A1:C5,\"select B where A > date '2020-01-02' and C > 0\")", [["name"], ["Ann"]]), ("=QUERY(B1:C5,\"select Z\")", "#VALUE!"),
        ("=QUERY(B2:C4,\"select B where C > 99\",0)", "#N/A"), ("=QUERY(B2:C4,\"select sum(C) label sum(C) ''\",0)", 60),
        ("=QUERY(A1:C5,\"select Col3 where Col1 = date '\"&TEXT(A2,\"yyyy-mm-dd\")&\"'\")", [["amt"], [10]]),
        ("=SUM(QUERY(B2:C4,\"select C\",0))", 60), ("=QUERY(SORT(B2:C4,2,FALSE),\"select Col1 limit 1\",0)", "Ann"),
        ("=QUERY({B2:C3;B4:C4},\"select Col1, count(Col2) group by Col1 label count(Col2) 'n'\",0)", [["", "n"], ["Ann", 2], ["Bob", 1]]),
    ],
    "days": [
        ("=WORKDAY(\"2020-01-01\",5)", 43838), ("=WORKDAY(\"2020-01-01\",-1)", 43830), ("=WORKDAY(\"2020-01-01\",1,\"2020-01-02\")", 43833),
        ("=WORKDAY.INTL(\"2020-01-01\",2,7)", 43835), ("=WORKDAY.INTL(\"2020-01-01\",3,\"1111100\")", 43841),
        ("=NETWORKDAYS.INTL(\"2020-01-01\",\"2020-01-08\",11)", 7), ("=NETWORKDAYS(\"2020-01-08\",\"2020-01-01\")", -6),
        ("=NETWORKDAYS.INTL(\"2020-01-01\",\"2020-01-08\",\"x\")", "#NUM!"), ("=WEEKNUM(\"2020-01-05\")", 2), ("=WEEKNUM(\"2020-01-05\",2)", 1),
        ("=WEEKNUM(\"2020-12-31\",21)", 53), ("=ISOWEEKNUM(\"2021-01-01\")", 53), ("=YEARFRAC(\"2020-01-01\",\"2020-07-01\")", 0.5),
        ("=ROUND(YEARFRAC(\"2020-01-01\",\"2021-07-01\",1),4)", 1.4966), ("=YEARFRAC(\"2020-01-01\",\"2020-01-31\",3)", 30 / 365),
        ("=DAYS360(\"2020-01-31\",\"2020-02-29\")", 29), ("=EPOCHTODATE(1655906710)", 44734.58692129629), ("=TEXT(TO_DATE(43831),\"yyyy\")", "2020"),
        ("=TO_DATE(43831)&\"\"", "1/1/2020"), ("=ARRAYFORMULA(NETWORKDAYS({43831;43832},43838))", [[6], [5]]),
    ],
    "conversions": [
        ("=TO_TEXT(A2)", "2020-01-01"), ("=TO_TEXT(24)", "24"), ("=TO_PURE_NUMBER(A2)", 43831), ("=TO_PURE_NUMBER(50%)", 0.5),
        ("=TO_DOLLARS(40826.4)&\"\"", "40826.4"), ("=TO_TEXT(TO_PERCENT(0.5))", "50.00%"), ("=TO_TEXT(TO_DOLLARS(3))", "$3.00"),
        ("=CONVERT(5.1,\"g\",\"kg\")", 0.0051), ("=CONVERT(32,\"C\",\"F\")", 89.6), ("=ROUND(CONVERT(1,\"mi\",\"km\"),6)", 1.609344),
        ("=CONVERT(1,\"g\",\"m\")", "#N/A"), ("=CONVERT(1,\"kibyte\",\"bit\")", 8192), ("=ISBETWEEN(5,1,5)", True), ("=ISBETWEEN(5,1,5,TRUE,FALSE)", False),
        ("=EQ(\"A\",\"a\")", True), ("=GTE(1,2)", False), ("=ISEMAIL(\"a@b.co\")", True), ("=ISEMAIL(\"a@b\")", False), ("=ISURL(\"www.google.com\")", True),
        ("=ISDATE(A2)", True), ("=ISDATE(43831)", False), ("=ISDATE(\"2020-01-01\")", True), ("=ISDATE(\"5\")", False), ("=ENCODEURL(\"a b&c\")", "a%20b%26c"),
        ("=FIXED(3.14159,3)", "3.142"), ("=FIXED(1234.5,0)", "1,235"), ("=UNICHAR(68)", "D"), ("=UNICODE(\"D\")", 68), ("=LENB(\"熊a\")", 3), ("=FINDB(\"a\",\"熊a\")", 3), ("=SEARCHB(\"A\",\"熊aba\",4)", 5),
        ("=ROMAN(1999)", "MCMXCIX"), ("=ARABIC(\"XIV\")", 14), ("=ARABIC(\"\")", 0), ("=MAP(SEQUENCE(1,5,0),LAMBDA(f,ROMAN(499,f)))", [["CDXCIX", "LDVLIV", "XDIX", "VDIV", "ID"]]),
        ("=ROMAN(9,5)", "#VALUE!"), ("=REPLACEB(\"test string\",7,3,\"X\")", "test sXng"), ("=REPLACEB(\"あいう\",3,2,\"X\")", "あXう"), ("=BINOM.INV(10000,0.5,75%)", 5034), ("=BASE(199,2)", "11000111"), ("=DECIMAL(\"101\",2)", 5), ("=DEC2HEX(199,4)", "00C7"),
        ("=HEX2DEC(\"FFFFFFFFFF\")", -1), ("=BIN2DEC(\"1100100\")", 100), ("=DEC2BIN(-1)", "1111111111"), ("=BITAND(12,10)", 8), ("=BITLSHIFT(1,4)", 16),
    ],
    "mathematics": [
        ("=ROUND(SIN(PI()/2),6)", 1), ("=DEGREES(PI())", 180), ("=ATAN2(4,3)", 0.6435011087932844), ("=GCD(12,18)", 6), ("=LCM(4,6)", 12),
        ("=COMBIN(5,2)", 10), ("=PERMUT(5,2)", 20), ("=FACT(5)", 120), ("=FACT(-1)", "#NUM!"), ("=FACTDOUBLE(7)", 105), ("=MULTINOMIAL(1,2,3)", 60),
        ("=EVEN(3.1)", 4), ("=ODD(2)", 3), ("=ODD(0)", 1), ("=EVEN(-1)", -2), ("=SUMSQ(1,2,3)", 14), ("=CEILING.MATH(-5.5,2)", -4),
        ("=CEILING.MATH(-5.5,2,1)", -6), ("=FLOOR.MATH(-5.5,2)", -6), ("=SERIESSUM(2,0,1,{1,1,1})", 7), ("=MDETERM({1,2;3,4})", -2),
        ("=MINVERSE({2,0;0,4})", [[0.5, 0], [0, 0.25]]), ("=MINVERSE({1,2;2,4})", "#NUM!"), ("=MUNIT(2)", [[1, 0], [0, 1]]), ("=MMULT({1,2},{1,2})", "#VALUE!"),
        ("=SUBTOTAL(9,C2:C5)", 60), ("=SUBTOTAL(101,C2:C5)", 20), ("=SUBTOTAL(12,C2:C5)", "#VALUE!"), ("=SUBTOTAL(3,B2:B6)", 4),
    ],
    "statistics": [
        ("=PERCENTILE(C2:C4,0.5)", 20), ("=PERCENTILE({1,2,3,4},0.9)", 3.7), ("=PERCENTILE.EXC({1,2,3,4},0.5)", 2.5), ("=QUARTILE({1,2,4,8},1)", 1.75),
        ("=QUARTILE({1,2,4,8},5)", "#NUM!"), ("=RANK(20,C2:C4)", 2), ("=RANK(10,C2:C4,TRUE)", 1), ("=RANK(11,C2:C4)", "#N/A"),
        ("=RANK.AVG(1,{1,1,3},1)", 1.5), ("=ARRAYFORMULA(RANK(C2:C4,C2:C4))", [[3], [2], [1]]), ("=PERCENTRANK({1,2,3,4,5},4)", 0.75),
        ("=MODE({1,2,2,3})", 2), ("=MODE({1,2})", "#N/A"), ("=MODE.MULT({1,1,2,2})", [[1], [2]]), ("=FREQUENCY({1,2,3,4},{2,3})", [[2], [1], [1]]),
        ("=TRIMMEAN({0,1,2,3,100},0.4)", 2), ("=CORREL({1,2,3},{2,4,6})", 1), ("=SLOPE({2,4,6},{1,2,3})", 2), ("=INTERCEPT({3,5,7},{1,2,3})", 1),
        ("=FORECAST(4,{2,4,6},{1,2,3})", 8), ("=TREND({2;4;6},{1;2;3},{4;5})", [[8], [10]]), ("=LINEST({3,5,7},{1,2,3})", [[2, 1]]),
        ("=AVEDEV({1,2,3})", 2 / 3), ("=GEOMEAN({2,8})", 4), ("=HARMEAN({2,6})", 3), ("=DEVSQ({1,2,3})", 2), ("=AVERAGE.WEIGHTED({1,2},{3,1})", 1.25),
        ("=AVERAGEA({1,\"x\",TRUE})", 2 / 3), ("=STDEV.S({1,3})", 1.4142135623730951), ("=ROUND(NORMDIST(1,0,1,TRUE),6)", 0.841345),
        ("=ROUND(NORM.S.INV(0.975),4)", 1.96), ("=ROUND(BINOMDIST(4,100,0.05,FALSE),6)", 0.178143), ("=ROUND(POISSON(2,5,TRUE),6)", 0.124652),
        ("=ROUND(SKEW({1,2,9}),4)", 1.6301), ("=NORMSINV(2)", "#NUM!"), ("=COVAR({1,2,3},{1,2,3})", 2 / 3), ("=RSQ({1,2,3},{1,2,3})", 1),
        ("=DSUM(A1:E5,\"amt\",{\"name\";\"Ann\"})", 40), ("=DGET(A1:E5,\"amt\",{\"name\";\"Bob\"})", 20), ("=DCOUNTA(A1:E5,2,{\"region\",\"amt\";\"S\",\">10\"})", 1),
    ],
    "likelihoods": [
        ("=ROUND(CHIDIST(3.45,2),6)", 0.178173), ("=ROUND(CHIINV(0.05,10),4)", 18.307), ("=ROUND(CHISQ.DIST(3,2,FALSE),6)", 0.111565),
        ("=ROUND(TDIST(1.96,60,2),6)", 0.054645), ("=ROUND(TINV(0.05,10),4)", 2.2281), ("=ROUND(T.INV(0.1,5),4)", -1.4759),
        ("=ROUND(T.DIST(1,5,TRUE),6)", 0.818391), ("=ROUND(FDIST(15.2069,6,4),6)", 0.01), ("=ROUND(FINV(0.01,6,4),4)", 15.2069),
        ("=ROUND(GAMMADIST(10,9,2,TRUE),6)", 0.068094), ("=ROUND(GAMMAINV(0.068094,9,2),3)", 10), ("=ROUND(BETADIST(2,8,10,1,3),6)", 0.685471),
        ("=ROUND(BETAINV(0.685470581,8,10,1,3),4)", 2), ("=CRITBINOM(100,0.5,0.9)", 56), ("=TDIST(-1,60,2)", "#NUM!"),
        ("=ROUND(TTEST({3,4,5,8,9,1,2,4,5},{6,19,3,2,14,4,5,17,1},2,1),6)", 0.196016), ("=ROUND(FTEST({6,7,9,15,21},{20,28,31,38,40}),6)", 0.648318),
        ("=ROUND(ZTEST({3,6,7,8,6,5,4,2,1,9},4),6)", 0.090574), ("=ROUND(CHITEST({58,35;11,25;10,23},{45.35,47.65;17.56,18.44;16.09,16.91}),6)", 0.000308),
        ("=PROB({0,1,2,3},{0.2,0.3,0.1,0.4},1,3)", 0.8), ("=ROUND(CONFIDENCE.T(0.05,1,50),6)", 0.284197),
    ],
    "complex numbers": [
        ("=COMPLEX(3,4)", "3+4i"), ("=COMPLEX(0,-1,\"j\")", "-j"), ("=IMABS(\"3+4i\")", 5), ("=IMREAL(\"3-4i\")", 3), ("=IMAGINARY(\"3-i\")", -1),
        ("=IMSUM(\"1+i\",\"2-3i\",1)", "4-2i"), ("=IMPRODUCT(\"1+i\",\"1-i\")", "2"), ("=IMDIV(\"2+4i\",\"1+i\")", "3+i"), ("=IMSUB(\"4i\",\"i\")", "3i"),
        ("=IMPOWER(\"i\",2)", "-1"), ("=IMCONJUGATE(\"1+2i\")", "1-2i"), ("=IMABS(\"x\")", "#NUM!"), ("=IMSQRT(-4)", "2i"), ("=IMDIV(1,0)", "#NUM!"),
    ],
    "finance": [
        ("=ROUND(PMT(0.05/12,12,100),2)", -8.56), ("=PMT(0,10,100)", -10), ("=ROUND(FV(0.05,10,-100),2)", 1257.79), ("=ROUND(PV(0.02,12,100),2)", -1057.53),
        ("=ROUND(NPER(0.01,-100,1000),4)", 10.5886), ("=ROUND(IPMT(0.01,2,12,1000),4)", -9.2115), ("=ROUND(PPMT(0.01,2,12,1000),4)", -79.6373),
        ("=ROUND(IPMT(0.1,2,3,1000,0,1),2)", -63.44), ("=ROUND(CUMIPMT(0.01,12,1000,1,12,0),4)", -66.1855), ("=ROUND(RATE(12,-100,1000),6)", 0.029229),
        ("=ROUND(NPV(0.08,200,250),4)", 399.5199), ("=ROUND(IRR({-100,50,60,70}),4)", 0.3387), ("=IRR({1,2})", "#NUM!"),
        ("=ROUND(MIRR({-100,50,60,70},0.1,0.12),4)", 0.2598), ("=ROUND(XNPV(0.09,{-10000,2750,4250,3250,2750},{39448,39508,39751,39859,39904}),2)", 2086.65),
        ("=ROUND(XIRR({-10000,2750,4250,3250,2750},{39448,39508,39751,39859,39904}),6)", 0.373363), ("=SLN(100,10,9)", 10), ("=ROUND(SYD(100,10,9,1),2)", 18),
        ("=DDB(100,10,10,1)", 20), ("=ROUND(DB(10000,1000,6,2),2)", 2172.39), ("=ROUND(EFFECT(0.1,12),6)", 0.104713), ("=ROUND(NOMINAL(0.104713,12),4)", 0.1),
        ("=DOLLARDE(1.02,16)", 1.125), ("=DOLLARFR(1.125,16)", 1.02), ("=FVSCHEDULE(100,{0.1,0.2})", 132), ("=ROUND(RRI(10,100,200),6)", 0.071773),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("formula", "value"),
    [pytest.param(*case, id=f"{family}:{case[0]}") for family, listed in CASES.items() for case in listed],
)
def test_a_formula_yields_its_value(formula, value):
    found = BOOK.shown(formula)
    if isinstance(value, float):
        assert found == pytest.approx(value, rel=1e-9)
    elif isinstance(value, list):
        assert [[one if isinstance(one, str | None) else pytest.approx(one) for one in row] for row in value] == found
    else:
        assert found == value


#: The examples of the help pages of Google, and of Excel for the functions that they name as equals.
BONDS = [
    ("=TBILLEQ(DATE(2008,3,31),DATE(2008,6,1),9.14%)", 0.09415149), ("=TBILLPRICE(DATE(2008,3,31),DATE(2008,6,1),0.09)", 98.45),
    ("=TBILLYIELD(DATE(2008,3,31),DATE(2008,6,1),98.45)", 0.09141696), ("=ACCRINTM(DATE(2008,4,1),DATE(2008,6,15),0.1,1000,3)", 20.54794521),
    ("=ACCRINT(DATE(2008,3,1),DATE(2008,8,31),DATE(2008,5,1),0.1,1000,2,0)", 16.66666667),
    ("=PRICEMAT(DATE(2008,2,15),DATE(2008,4,13),DATE(2007,11,11),0.061,0.061,0)", 99.98449888),
    ("=YIELDMAT(DATE(2008,3,15),DATE(2008,11,3),DATE(2007,11,8),0.0625,100.0123,0)", 0.06095433),
    ("=COUPDAYBS(DATE(2011,1,25),DATE(2011,11,15),2,1)", 71), ("=COUPDAYS(DATE(2011,1,25),DATE(2011,11,15),2,1)", 181),
    ("=COUPDAYSNC(DATE(2011,1,25),DATE(2011,11,15),2,1)", 110), ("=COUPNCD(DATE(2011,1,25),DATE(2011,11,15),2,1)", 40678),
    ("=COUPPCD(DATE(2011,1,25),DATE(2011,11,15),2,1)", 40497), ("=COUPNUM(DATE(2007,1,25),DATE(2008,11,15),2,1)", 4),
    ("=PRICE(DATE(2008,2,15),DATE(2017,11,15),0.0575,0.065,100,2,0)", 94.63436162),
    ("=YIELD(DATE(2008,2,15),DATE(2016,11,15),0.0575,95.04287,100,2,0)", 0.065),
    ("=DURATION(DATE(2018,7,1),DATE(2048,1,1),0.08,0.09,2,1)", 10.9191453), ("=MDURATION(DATE(2008,1,1),DATE(2016,1,1),0.08,0.09,2,1)", 5.73566981),
    ("=VDB(2400,300,3650,0,1)", 1.31506849), ("=VDB(2400,300,120,6,18)", 396.30605326), ("=VDB(2400,300,10,0,0.875,1.5)", 315),
    ("=VDB(2400,300,10,0,10)", 2100),
    *((f"=AMORLINC(150,DATE(2015,1,1),DATE(2015,9,30),20,{n},15%,4)", v) for n, v in ((0, 16.8125), (1, 22.5), (6, 0.6875), (20, 0))),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "value"), BONDS)
def test_bonds_are_valued_as_in_the_examples(formula, value):
    assert BOOK.shown(formula) == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize(
    "formula",
    ["=PRICE(DATE(2018,2,15),DATE(2017,11,15),0.05,0.06,100,2)", "=COUPNUM(DATE(2007,1,25),DATE(2008,11,15),3)",
     "=PRICE(DATE(2008,2,15),DATE(2017,11,15),0.05,-9,100,2)",
     "=TBILLPRICE(DATE(2008,3,31),DATE(2010,6,1),0.09)", "=VDB(2400,300,10,5,4)"],
)  # fmt: skip
def test_bonds_that_cannot_be_are_refused(formula):
    assert BOOK.shown(formula) == "#NUM!"


@pytest.mark.parametrize(
    "formula",
    [
        "=A2", "=INDEX(A1:A5,2)", "=VLOOKUP(\"Ann\",{B2:B5,A2:A5},2,FALSE)", "=LET(d,A2,d+1)", "=MAX(FILTER(A2:A5,B2:B5=\"Ann\"))",
        "=IF(TRUE,A2)", "=IFERROR(A2,\"\")", "=CHOOSE(1,A2)", "=QUERY(A2:B5,\"select A limit 1\",0)", "=QUERY({A2:B5},\"select max(Col1) label max(Col1) ''\",0)",
        "=REDUCE(0,A2:A3,LAMBDA(s,v,MAX(s,v)))", "=INDIRECT(\"A2\")", "=XLOOKUP(\"Bob\",B2:B5,A2:A5)", "=TO_DATE(1)", "=WORKDAY(A2,1)", "=EDATE(A2,1)",
    ],
)  # fmt: skip
def test_a_date_stays_a_date_however_it_comes_here(formula):
    shown = BOOK.evaluate(formula).number_format
    assert shown is not None
    assert shown["type"] == "DATE"


def test_hidden_rows_are_left_out_of_subtotals_as_their_code_says():
    book = TwinWorkbook({"T": [[1], [2], [4]]})
    book.hidden = {1}
    assert book.shown("=SUBTOTAL(9,A1:A3)") == 7
    assert book.shown("=SUBTOTAL(109,A1:A3)") == 5


def test_a_locale_with_decimal_comma_has_other_separators():
    book = TwinWorkbook({"T": [[1.5, "x"], [2, "y"]]}, locale="de_DE")
    assert book.shown("=LET(a;1,5;a*2)") == 3
    assert book.shown("=MAP({1\\2};LAMBDA(v;v+0,5))") == [[1.5, 2.5]]
    assert book.shown('=QUERY(A1:B2;"select A where A > 1.7";0)') == 2
    assert book.shown('=A1&"|"&LEFT(A1;2)&LEN(A1)') == "1,5|1,3"
    assert book.shown('=COUNTIF(A1:A2;">"&A1)') == 1
    assert book.shown('=SUMPRODUCT((B1:B2="y")*A1:A2)') == 2
    assert book.shown('=TEXT(1234,5;"#.##0,00")&TEXT(0,256;" 0,0%")') == "1.234,50 25,6%"
    assert book.shown('=TEXT(45000,5;"dd.mm.yyyy hh:mm:ss")') == "15.03.2023 12:00:00"
    assert TwinWorkbook({"T": []}, locale="fr_FR").shown('=TEXT(1234,5;"# ##0,00")') == "1\u202f234,50"
