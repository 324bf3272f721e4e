"""Which values rules take, and what typing is refused."""

from typing import Any

import pytest

from local_sheets.cell_validation import entries, fits, refusal
from local_sheets.condition_values import WRITTEN_AT
from local_sheets.formulas.areas import Place
from local_sheets.model.cell import AnyCell, Cell
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction

B2 = Place("Lists", 1, 1)


@pytest.fixture
def spreadsheet() -> Spreadsheet:
    made = Spreadsheet("id", {"title": "T", "locale": "de_DE"})
    made.tabs.append(
        Tab({"properties": {"sheetId": 0, "title": "Lists", "gridProperties": {"rowCount": 9, "columnCount": 3}}})
    )
    made.tabs[0].put_block(Transaction(made), 0, 0, [["a"], ["b"], [3], [None]])
    return made


def condition(kind: str, *values: str) -> dict[str, Any]:
    return {"type": kind, "values": [{"userEnteredValue": value} for value in values]}


@pytest.mark.parametrize(
    ("kind", "values", "good", "bad"),
    [
        ("ONE_OF_LIST", ("a", "1,5", "TRUE"), ["a", 1.5, True, "", None], ["A", 1, False]),
        ("ONE_OF_RANGE", ("=Lists!$A$1:$A$9",), ["a", 3], ["c", 4]),
        ("BOOLEAN", (), [True, False], ["TRUE", 1]),
        ("BOOLEAN", ("yes", "no"), ["yes", "no"], [True]),
        ("NUMBER_BETWEEN", ("-5", "5"), [0, -5], [6, "0", True]),
        ("DATE_IS_VALID", (), [], [46115, "x"]),
        ("NUMBER_GREATER", ("=$A$3*2",), [7], [6]),
        ("CUSTOM_FORMULA", ('=A2="b"',), ["x", None], []),
        ("CUSTOM_FORMULA", ("=1/0",), [""], [1]),
    ],
)
def test_a_rule_takes_what_fits(spreadsheet: Spreadsheet, kind: str, values: Any, good: Any, bad: Any):
    asked = {"condition": condition(kind, *values)}
    assert [fits(spreadsheet, value, asked, B2) for value in good] == [True] * len(good)
    assert [fits(spreadsheet, value, asked, B2) for value in bad] == [False] * len(bad)


def test_what_is_typed_is_read_by_the_locale_before_it_is_judged(spreadsheet: Spreadsheet):
    def cell(kind: str, *values: str, **more: Any) -> AnyCell:
        body = {"condition": condition(kind, *values), "strict": True, **more}
        return Cell(validation=spreadsheet.pool.intern(body))

    assert refusal(spreadsheet, cell("DATE_IS_VALID"), "3.4.2026", B2) is None
    assert refusal(spreadsheet, cell("NUMBER_BETWEEN", "0", "2"), "1,5", B2) is None
    assert refusal(spreadsheet, cell("NUMBER_BETWEEN", "0", "2", inputMessage="Small."), "1.500", B2) == (
        "The data you entered in cell B2 violates the data validation rules set on this cell. Small."
    )
    assert refusal(spreadsheet, cell("NUMBER_BETWEEN", "0", "2", strict=False), "x", B2) is None
    assert refusal(spreadsheet, cell("NUMBER_BETWEEN", "0", "2"), "=1/0", B2) is None
    assert refusal(spreadsheet, "plain", "x", B2) is None
    assert entries(spreadsheet, condition("ONE_OF_RANGE", "=Gone!A1:A2")) == []


def test_a_custom_formula_sees_what_is_typed_and_moves_along(spreadsheet: Spreadsheet):
    def why(formula: str, text: str, place: Place, **more: Any) -> str | None:
        body = {"condition": condition("CUSTOM_FORMULA", formula), "strict": True, WRITTEN_AT: [0, 1], **more}
        return refusal(spreadsheet, Cell(validation=spreadsheet.pool.intern(body)), text, place)

    assert why("=B1>A1", "4", Place("Lists", 2, 1)) is None
    assert why("=B1>A1", "2", Place("Lists", 2, 1))
    assert why("=B1>A1", "2", Place("Lists", 2, 1), strict=False) is None
    assert why("=COUNTIF($A$1:$C$9;B1)=1", "new", B2) is None
    assert why("=COUNTIF($A$1:$C$9;B1)=1", "a", B2)
    assert why("=ISNUMBER(B1)", "1,5", B2) is None
    assert why("=LEN(B1)<=3", "long", Place("Lists", 8, 1))
