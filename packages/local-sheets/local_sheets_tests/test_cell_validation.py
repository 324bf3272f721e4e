"""Which values rules take, and what typing is refused."""

from typing import Any

import pytest

from local_sheets.cell_validation import entries, fits, refusal
from local_sheets.model.cell import AnyCell, Cell
from local_sheets.model.spreadsheet import Spreadsheet
from local_sheets.model.tab import Tab
from local_sheets.model.transaction import Transaction


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
    ],
)
def test_a_rule_takes_what_fits(spreadsheet: Spreadsheet, kind: str, values: Any, good: Any, bad: Any):
    asked = condition(kind, *values)
    assert [fits(spreadsheet, value, asked) for value in good] == [True] * len(good)
    assert [fits(spreadsheet, value, asked) for value in bad] == [False] * len(bad)


def test_what_is_typed_is_read_by_the_locale_before_it_is_judged(spreadsheet: Spreadsheet):
    def cell(kind: str, *values: str, **more: Any) -> AnyCell:
        body = {"condition": condition(kind, *values), "strict": True, **more}
        return Cell(validation=spreadsheet.pool.intern(body))

    assert refusal(spreadsheet, cell("DATE_IS_VALID"), "3.4.2026", "B2") is None
    assert refusal(spreadsheet, cell("NUMBER_BETWEEN", "0", "2"), "1,5", "B2") is None
    assert refusal(spreadsheet, cell("NUMBER_BETWEEN", "0", "2", inputMessage="Small."), "1.500", "B2") == (
        "The data you entered in cell B2 violates the data validation rules set on this cell. Small."
    )
    assert refusal(spreadsheet, cell("NUMBER_BETWEEN", "0", "2", strict=False), "x", "B2") is None
    assert refusal(spreadsheet, cell("NUMBER_BETWEEN", "0", "2"), "=1/0", "B2") is None
    assert refusal(spreadsheet, "plain", "x", "B2") is None
    assert entries(spreadsheet, condition("ONE_OF_RANGE", "=Gone!A1:A2")) == []
