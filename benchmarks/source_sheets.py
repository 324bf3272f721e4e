"""Awkward sheets: what people complain of when spreadsheets are read, and what the right table of each is.

Each sheet is a tab; its cells are put in as people would have them. Python's values stand for cells: a text that begins with
``=`` is a formula, ``Text`` one that only looks so, ``Shown`` a number with a format.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple


class Shown(NamedTuple):
    """A number as a cell shows it: by the type and pattern of its format."""

    number: float
    type: str
    pattern: str


class Text(NamedTuple):
    """A text, whatever it looks like."""

    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A tab, how it is declared, and the table that it is: columns as ``(name, type)``, and rows."""

    name: str
    cells: Sequence[Sequence[Any]]
    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[Any, ...]]
    declared: dict[str, Any] = field(default_factory=dict)
    merges: Sequence[str] = ()
    #: Rows (from 0) that are hidden.
    hidden: Sequence[int] = ()


_EPOCH = datetime(1899, 12, 30)


def day(text: str, pattern: str = "yyyy-mm-dd") -> Shown:
    """A cell that shows a day."""
    return Shown((datetime.fromisoformat(text) - _EPOCH).days, "DATE", pattern)


def moment(text: str, pattern: str = "yyyy-mm-dd hh:mm:ss", kind: str = "DATE_TIME") -> Shown:
    """A cell that shows a moment."""
    return Shown((datetime.fromisoformat(text) - _EPOCH) / timedelta(days=1), kind, pattern)


def clock(hours: float, pattern: str = "hh:mm:ss") -> Shown:
    """A cell that shows a time of the day, or a duration."""
    return Shown(hours / 24, "TIME", pattern)


D = date.fromisoformat
M = datetime.fromisoformat

SHEETS = [
    Sheet("plain", [["id", "name"], [1, "Ann"], [2, "Bob"]], [("id", "integer"), ("name", "text")], [(1, "Ann"), (2, "Bob")]),
    Sheet("first cells empty", [["id", "note", "day"], [1, "", ""], [2, "late", day("2024-01-05")]],
          [("id", "integer"), ("note", "text"), ("day", "date")], [(1, None, None), (2, "late", D("2024-01-05"))]),
    Sheet("blank rows and columns before", [[], [], ["", "", "id", "name"], ["", "", 1, "Ann"]],
          [("id", "integer"), ("name", "text")], [(1, "Ann")]),
    Sheet("title above", [["Report 2024"], [], ["id", "name", "score"], [1, "Ann", 5]],
          [("id", "integer"), ("name", "text"), ("score", "integer")], [(1, "Ann", 5)]),
    Sheet("merged title above", [["Grades of all courses"], ["id", "name", "score"], [1, "Ann", 5]],
          [("id", "integer"), ("name", "text"), ("score", "integer")], [(1, "Ann", 5)], merges=["A1:C1"]),
    Sheet("groups of columns above", [["", "Spring", "", "Autumn", ""], ["name", "a", "b", "a", "b"], ["Ann", 1, 2, 3, 4]],
          [("name", "text"), ("a", "integer"), ("b", "integer"), ("a_2", "integer"), ("b_2", "integer")],
          [("Ann", 1, 2, 3, 4)], merges=["B1:C1", "D1:E1"]),
    Sheet("days", [["id", "day"], [1, day("2024-02-29")], [2, day("1970-01-01", "d/m/yy")]],
          [("id", "integer"), ("day", "date")], [(1, D("2024-02-29")), (2, D("1970-01-01"))]),
    Sheet("numbers that could be days", [["day", "number"], [day("2024-01-01"), 45292], [day("2024-01-02"), 45293]],
          [("day", "date"), ("number", "integer")], [(D("2024-01-01"), 45292), (D("2024-01-02"), 45293)]),
    Sheet("day by the cell, not the column", [["what", "value"], ["n", 45292], ["d", day("2024-01-01")]],
          [("what", "text"), ("value", "mixed")], [("n", 45292), ("d", D("2024-01-01"))]),
    Sheet("moments", [["at"], [moment("2024-03-31T02:30:15")], [moment("2024-03-31T23:59:59.500000")]],
          [("at", "datetime")], [(M("2024-03-31T02:30:15"),), (M("2024-03-31T23:59:59.500000"),)]),
    Sheet("moments at midnight", [["at"], [moment("2024-03-31T00:00:00", "m/d/yyyy h:mm")]],
          [("at", "datetime")], [(M("2024-03-31T00:00:00"),)]),
    Sheet("days and moments", [["at"], [day("2024-03-31")], [moment("2024-03-31T10:00:00")]],
          [("at", "datetime")], [(M("2024-03-31T00:00:00"),), (M("2024-03-31T10:00:00"),)]),
    Sheet("a day that hides its time", [["at"], [moment("2024-03-31T10:15:00", "yyyy-mm-dd", "DATE")]],
          [("at", "datetime")], [(M("2024-03-31T10:15:00"),)]),
    Sheet("times", [["at"], [clock(9.5)], [clock(23.75, "h:mm am/pm")]], [("at", "time")], [(time(9, 30),), (time(23, 45),)]),
    Sheet("durations", [["took"], [clock(25.5, "[h]:mm:ss")], [clock(1.25, "[h]:mm:ss")]],
          [("took", "text")], [("25:30:00",), ("1:15:00",)]),
    Sheet("early days", [["day"], [day("1899-12-31")], [day("1815-06-18")]], [("day", "date")],
          [(D("1899-12-31"),), (D("1815-06-18"),)]),
    Sheet("percent", [["share"], [Shown(0.5, "PERCENT", "0%")], [Shown(0.123, "PERCENT", "0.0%")]],
          [("share", "decimal")], [(Decimal("0.5"),), (Decimal("0.123"),)]),
    Sheet("currency", [["price"], [Shown(1234.5, "CURRENCY", '"$"#,##0.00')], [Shown(10, "CURRENCY", '"€"#,##0.00')]],
          [("price", "decimal")], [(Decimal("1234.5"),), (10,)]),
    Sheet("numbers rounded by their format", [["n"], [Shown(1.23456, "NUMBER", "0.0")], [Shown(1234567, "NUMBER", "#,##0")]],
          [("n", "decimal")], [(Decimal("1.23456"),), (1234567,)]),
    Sheet("leading zeros", [["code"], [Text("007")], [Text("010")]], [("code", "text")], [("007",), ("010",)]),
    Sheet("numbers as text with a comma", [["n"], [Text("1,5")], [Text("2,25")]], [("n", "text")], [("1,5",), ("2,25",)]),
    Sheet("numbers as text, declared", [["n"], [Text("1,500.5")], [Text("$ 20")], [Text("7%")], [3]], [("n", "decimal")],
          [(Decimal("1500.5"),), (20,), (Decimal("0.07"),), (3,)], {"columns": [{"name": "n", "type": "decimal"}]}),
    Sheet("what cannot be as declared", [["n"], [1], [Text("none")]], [("n", "mixed")], [(1,), ("none",)],
          {"columns": [{"name": "N", "type": "integer"}]}),
    Sheet("codes as numbers, declared text", [["zip"], [Shown(501, "NUMBER", "00000")], [Text("10115")]], [("zip", "text")],
          [("00501",), ("10115",)], {"columns": [{"name": "zip", "type": "text"}]}),
    Sheet("days as text, declared", [["day"], [Text("2024-05-06")], [Text("5/7/2024")]], [("day", "date")],
          [(D("2024-05-06"),), (D("2024-05-07"),)], {"columns": [{"name": "day", "type": "date"}]}),
    Sheet("all as text", [["n", "day", "ok"], [Shown(0.5, "PERCENT", "0%"), day("2024-05-06", "d/m/yyyy"), True]],
          [("n", "text"), ("day", "text"), ("ok", "text")], [("50%", "6/5/2024", "TRUE")], {"types": "text"}),
    Sheet("numbers and texts", [["n"], [1], ["n/a"], [2.5]], [("n", "mixed")], [(1,), ("n/a",), (Decimal("2.5"),)]),
    Sheet("a fraction in the last row", [["n"], *([i] for i in range(30)), [0.5]], [("n", "decimal")],
          [*((i,) for i in range(30)), (Decimal("0.5"),)]),
    Sheet("a text in the last row", [["n"], *([i] for i in range(30)), ["?"]], [("n", "mixed")],
          [*((i,) for i in range(30)), ("?",)]),
    Sheet("truth values", [["ok"], [True], [False]], [("ok", "boolean")], [(True,), (False,)]),
    Sheet("checkboxes to the end", [["task", "done"], ["a", True], ["b", False], ["", False], ["", False]],
          [("task", "text"), ("done", "boolean")], [("a", True), ("b", False)]),
    Sheet("truth values alone", [["ok"], [False], [False]], [("ok", "boolean")], [(False,), (False,)]),
    Sheet("a stray note far right", [["id", "name"], ["a", "Ann"], ["b", "Bob", "", "see", "the", "mail"], ["c", "Cyd"]],
          [("id", "text"), ("name", "text"), ("unnamed", "text"), ("unnamed_2", "text"), ("unnamed_3", "text")],
          [("a", "Ann", None, None, None), ("b", "Bob", "see", "the", "mail"), ("c", "Cyd", None, None, None)]),
    Sheet("several lines of titles", [["Report"], ["of the office"], ["2024"], ["id", "name", "n"], [1, "Ann", 2]],
          [("id", "integer"), ("name", "text"), ("n", "integer")], [(1, "Ann", 2)]),
    Sheet("words for truth values", [["ok"], [Text("TRUE")], [Text("no")]], [("ok", "text")], [("TRUE",), ("no",)]),
    Sheet("truth values and numbers", [["ok"], [True], [1], [0]], [("ok", "mixed")], [(True,), (1,), (0,)]),
    Sheet("errors", [["n", "m"], ["=1/0", 1], [5, "=NA()"]], [("n", "integer"), ("m", "integer")], [(None, 1), (5, None)]),
    Sheet("formulas", [["a", "b", "c"], [2, "=A2*2", '=A2&"x"'], [3, "=A3*2", "=DATE(2024,1,A3)"]],
          [("a", "integer"), ("b", "integer"), ("c", "mixed")], [(2, 4, "2x"), (3, 6, D("2024-01-03"))]),
    Sheet("formulas that show nothing", [["a", "b"], [1, '=IF(A2>5,"big","")'], [9, '=IF(A3>5,"big","")']],
          [("a", "integer"), ("b", "text")], [(1, None), (9, "big")]),
    Sheet("texts like formulas", [["t"], [Text("=1+1")], [Text("+49 30 1")], [Text("1E5")]], [("t", "text")],
          [("=1+1",), ("+49 30 1",), ("1E5",)]),
    Sheet("long numbers", [["n", "t"], [9007199254740991, Text("12345678901234567890")]], [("n", "integer"), ("t", "text")],
          [(9007199254740991, "12345678901234567890")]),
    Sheet("large and small numbers", [["n"], [1e20], [1e-7], [-0.25]], [("n", "decimal")],
          [(10**20,), (Decimal("1E-7"),), (Decimal("-0.25"),)]),
    Sheet("blanks in cells", [["a", "b"], ["  ", 1], [" x ", Text(" ")]], [("a", "text"), ("b", "integer")],
          [(None, 1), (" x ", None)]),
    Sheet("equal headers", [["name", "grade", "grade", "grade_2"], ["Ann", 1, 2, 3]],
          [("name", "text"), ("grade", "integer"), ("grade_3", "integer"), ("grade_2", "integer")], [("Ann", 1, 2, 3)]),
    Sheet("headers equal but for capitals and blanks", [["Name", " name ", "NAME"], ["a", "b", "c"]],
          [("name", "text"), ("name_2", "text"), ("name_3", "text")], [("a", "b", "c")]),
    Sheet("blank headers", [["id", "", "name", ""], [1, "x", "Ann", 5]],
          [("id", "integer"), ("unnamed", "text"), ("name", "text"), ("unnamed_2", "integer")], [(1, "x", "Ann", 5)]),
    Sheet("cells beyond the headers", [["id", "name"], [1, "Ann", "note"], [2, "Bob"]],
          [("id", "integer"), ("name", "text"), ("unnamed", "text")], [(1, "Ann", "note"), (2, "Bob", None)]),
    Sheet("a blank column between", [["id", "", "name"], [1, "", "Ann"]], [("id", "integer"), ("name", "text")], [(1, "Ann")]),
    Sheet("headers of several lines", [["Full\nname", "Score (max. 10)"], ["Ann", 5]],
          [("full_name", "text"), ("score_max_10", "integer")], [("Ann", 5)]),
    Sheet("years as headers", [["product", 2023, 2024], ["Pen", 1.5, 2.5]],
          [("product", "text"), ("2023", "decimal"), ("2024", "decimal")], [("Pen", Decimal("1.5"), Decimal("2.5"))]),
    Sheet("days as headers", [["product", day("2024-01-31"), day("2024-02-29")], ["Pen", 1, 2]],
          [("product", "text"), ("2024_01_31", "integer"), ("2024_02_29", "integer")], [("Pen", 1, 2)]),
    Sheet("no headers", [[1, 2.5], [2, 3.5]], [("column_1", "integer"), ("column_2", "decimal")],
          [(1, Decimal("2.5")), (2, Decimal("3.5"))]),
    Sheet("no headers, declared", [["Ann", "x"], ["Bob", "y"]], [("column_1", "text"), ("column_2", "text")],
          [("Ann", "x"), ("Bob", "y")], {"header_row": "none"}),
    Sheet("header row declared", [["made by", "Ann"], ["a", "b"], ["id", "name"], [1, "x"]],
          [("id", "integer"), ("name", "text")], [(1, "x")], {"header_row": 3}),
    Sheet("headers alone", [["id", "name"]], [("id", "empty"), ("name", "empty")], []),
    Sheet("nothing at all", [], [], []),
    Sheet("blank rows between and after", [["id"], [1], [], [2], [], []], [("id", "integer")], [(1,), (2,)]),
    Sheet("a row of totals", [["what", "n"], ["a", 1], ["b", 2], ["Total", "=SUM(B2:B3)"]], [("what", "text"), ("n", "integer")],
          [("a", 1), ("b", 2), ("Total", 3)]),
    Sheet("hidden rows", [["id"], [1], [2], [3]], [("id", "integer")], [(1,), (2,), (3,)], hidden=[2]),
    Sheet("merged cells", [["team", "name"], ["red", "Ann"], ["", "Bob"], ["blue", "Cyd"]], [("team", "text"), ("name", "text")],
          [("red", "Ann"), (None, "Bob"), ("blue", "Cyd")], merges=["A2:A3"]),
    Sheet("merged cells, filled", [["team", "n"], ["red", 1], ["", 2], ["blue", 3]], [("team", "text"), ("n", "integer")],
          [("red", 1), ("red", 2), ("blue", 3)], {"fill_merged": True}, merges=["A2:A3"]),
    Sheet("right to left", [["שם", "ציון"], ["דנה", 90], ["יוסי", 85]], [("שם", "text"), ("ציון", "integer")],
          [("דנה", 90), ("יוסי", 85)]),
    Sheet("any script", [["名前", "Größe 📏", "👍"], ["山田", 170, True]],
          [("名前", "text"), ("größe", "integer"), ("thumbs_up_sign", "boolean")], [("山田", 170, True)]),
    Sheet("columns left out", [["id", "now", "name"], [1, "=NOW()", "Ann"]], [("id", "integer"), ("name", "text")], [(1, "Ann")],
          {"ignore_columns": ["Now"]}),
    Sheet("some columns", [["a", "b", "c"], [1, 2, 3]], [("b", "integer"), ("c", "integer")], [(2, 3)], {"range": "B:C"}),
]  # fmt: skip


# Putting them into a spreadsheet -----------------------------------------------------------------------------------------


def requests_for(sheets: Sequence[Sheet]) -> list[dict[str, Any]]:
    """What makes a tab of each, as requests of batchUpdate; the first one's sheet id is 1000."""
    made: list[dict[str, Any]] = []
    for number, sheet in enumerate(sheets, 1000):
        made.append({"addSheet": {"properties": {"sheetId": number, "title": sheet.name}}})
        rows = [{"values": [_cell(cell) for cell in row]} for row in sheet.cells]
        start = {"sheetId": number, "rowIndex": 0, "columnIndex": 0}
        fields = "userEnteredValue,userEnteredFormat.numberFormat"
        if rows:
            made.append({"updateCells": {"start": start, "rows": rows, "fields": fields}})
        made += [{"mergeCells": {"range": _area(number, one), "mergeType": "MERGE_ALL"}} for one in sheet.merges]
        for row in sheet.hidden:
            span = {"sheetId": number, "dimension": "ROWS", "startIndex": row, "endIndex": row + 1}
            made.append(
                {"updateDimensionProperties": {"range": span, "properties": {"hiddenByUser": True}, "fields": "*"}}
            )
    return made


def _cell(cell: Any) -> dict[str, Any]:
    if isinstance(cell, Shown):
        found: dict[str, Any] = {"userEnteredFormat": {"numberFormat": {"type": cell.type, "pattern": cell.pattern}}}
        return found | {"userEnteredValue": {"numberValue": cell.number}}
    if isinstance(cell, Text):
        return {"userEnteredValue": {"stringValue": cell.text}}
    if isinstance(cell, bool):
        return {"userEnteredValue": {"boolValue": cell}}
    if isinstance(cell, int | float):
        return {"userEnteredValue": {"numberValue": cell}}
    if cell == "":
        return {}
    return {"userEnteredValue": {"formulaValue" if cell.startswith("=") else "stringValue": cell}}


def _area(sheet_id: int, text: str) -> dict[str, int]:
    (left, top), (right, bottom) = ((ord(end[0]) - 65, int(end[1:]) - 1) for end in text.split(":"))
    rows = {"startRowIndex": top, "endRowIndex": bottom + 1}
    return {"sheetId": sheet_id, **rows, "startColumnIndex": left, "endColumnIndex": right + 1}
