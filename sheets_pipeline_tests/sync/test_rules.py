"""Which rule a column's cells get, and whose a rule is."""

from typing import Any

import pytest

from sheets_pipeline.sync.editing import Editing
from sheets_pipeline.sync.rules import MOST_ENTRIES, Choices, is_ours, mark_of, rule_for, rule_mask, rule_requests
from sheets_pipeline.sync.tab import Column
from sheets_pipeline.sync.tab import ColumnType as T


def rule(kind: T, choices: Choices | None = None, one_of: tuple[Any, ...] = ()) -> Any:
    return rule_for(Column("x", kind, editing=Editing("t.x", one_of=one_of)), choices or Choices())


@pytest.mark.parametrize(
    ("kind", "choices", "one_of", "expected"),
    [
        pytest.param(T.TEXT, None, (), None, id="any text"),
        pytest.param(T.TEXT, None, ("a", "b"), ("ONE_OF_LIST", True, ["a", "b"]), id="one of"),
        pytest.param(T.INTEGER, None, (1, 2), ("ONE_OF_LIST", True, ["1", "2"]), id="one of numbers"),
        pytest.param(T.BOOLEAN, None, (True,), ("ONE_OF_LIST", True, ["TRUE"]), id="one of truths"),
        pytest.param(T.TEXT, None, ("=1+1",), None, id="an entry that would be a formula"),
        pytest.param(T.DECIMAL, None, (1.5,), ("NUMBER_BETWEEN", True, None), id="an entry with a point"),
        pytest.param(T.TEXT, Choices(entries=["a"]), (), ("ONE_OF_LIST", False, ["a"]), id="foreign key"),
        pytest.param(T.TEXT, Choices(entries=["a"]), ("b",), ("ONE_OF_LIST", True, ["b"]), id="both: as declared"),
        pytest.param(T.TEXT, Choices(entries=["a"] * (MOST_ENTRIES + 1)), (), None, id="too many"),
        pytest.param(T.BOOLEAN, Choices(takes_null=False), (), ("BOOLEAN", True, []), id="checkbox"),
        pytest.param(T.BOOLEAN, None, (), ("ONE_OF_LIST", True, ["TRUE", "FALSE"]), id="true, false or nothing"),
        pytest.param(T.DATETIME, None, (), ("DATE_IS_VALID", True, []), id="moment"),
    ],
)
def test_a_column_gets_the_rule_that_fits(kind: T, choices: Choices | None, one_of: Any, expected: Any) -> None:
    made = rule(kind, choices, one_of)
    if expected is None:
        assert made is None
        return
    condition, is_strict, entries = expected
    values = [value["userEnteredValue"] for value in made["condition"].get("values", [])]
    assert (made["condition"]["type"], made["strict"]) == (condition, is_strict)
    assert entries is None or values == entries
    assert is_ours(made, mark_of(made))
    assert is_ours({**made, "condition": {"type": condition}}, mark_of(made))  # as it is read of long lists
    assert not is_ours({**made, "strict": not is_strict}, "")
    assert not is_ours({**made, "inputMessage": "Mine"}, "")


def test_a_long_list_is_sent_once_and_read_without_its_entries() -> None:
    long = rule(T.TEXT, Choices(entries=[f"entry {i}" for i in range(MOST_ENTRIES)]))
    there = {(row, 0): {"condition": {"type": "NOT_BLANK"}} for row in range(2, 60, 2)}
    requests = list(rule_requests(5, 0, range(1, 60), long, there, ""))
    assert [next(iter(request)) for request in requests] == ["setDataValidation"] + ["copyPaste"] * 29
    assert list(rule_requests(5, 0, [1, 2], None, {(1, 0): long, (2, 0): there[2, 0]}, mark_of(long))) == [
        {
            "setDataValidation": {
                "range": {
                    "sheetId": 5,
                    "startRowIndex": 1,
                    "endRowIndex": 2,
                    "startColumnIndex": 0,
                    "endColumnIndex": 1,
                }
            }
        }
    ]
    assert rule_mask(200, [long]) == "dataValidation(condition,inputMessage,strict)"
    assert rule_mask(201, [long]) == "dataValidation(condition(type),inputMessage,strict)"
