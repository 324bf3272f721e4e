"""The judge of edits made beside each other tells ticks apart by order, and what changes nothing from what is lost."""

from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.edit_judge import AS_SHOWN, TYPED_OVER, Typed, judge
from benchmarks.edit_values import Change
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.sync.merge import UNKNOWN

CELL = ("Quiz", "7", "passed")


def tick(value: bool, at: float, shown: bool | None = None) -> Typed:
    """A tick that somebody made, over the other value where nothing else is said."""
    return Typed(*CELL, str(value).lower(), at, shown=str(not value if shown is None else shown).lower())


def row(number: int, typed: bool, at: float, state: State = State.APPLIED) -> Edit:
    """A line of the ledger."""
    values: dict[str, Any] = dict.fromkeys(Edit.__slots__)
    values |= {"id": number, "tab": CELL[0], "row_key": CELL[1], "column": CELL[2], "typed": typed, "base": not typed}
    values |= {"in_database": not typed, "stored": typed if state is State.APPLIED else UNKNOWN, "state": state}
    when = datetime.fromtimestamp(at, UTC)
    return Edit(**values | {"seen_at": when, "settled_at": when, "seen_by": "webhook"})


def change(seq: int, new: bool, at: float) -> Change:
    """A value of the database's history."""
    return Change(seq, *CELL, str(not new).lower(), str(new).lower(), "sheets-pipeline", at)


@pytest.mark.parametrize(
    ("people", "ledger", "changes", "wrong"),
    [
        pytest.param(
            [tick(True, 1), tick(False, 9), tick(True, 19)],
            [row(1, True, 2), row(2, False, 10), row(3, True, 20)],
            [change(1, True, 2), change(2, False, 10), change(3, True, 20)],
            {},
            id="well",
        ),
        pytest.param(
            [tick(True, 1), tick(False, 9), tick(True, 19)],
            [row(1, True, 2), row(2, True, 20, State.SAME)],
            [change(1, True, 2)],
            {"lost": 1},
            id="one between two of the other value is lost, and nothing else",
        ),
        pytest.param(
            [tick(True, 1), tick(False, 9, shown=False)], [row(1, True, 2)], [change(1, True, 2)],
            {"put back without a word": 1}, id="a tick that shows the old value again",
        ),
        pytest.param(
            [tick(True, 1), tick(False, 9, shown=False)], [row(1, True, 2, State.CONFLICT)], [], {},
            id="what changes nothing is no edit",
        ),
        pytest.param(
            [tick(True, 1), tick(False, 1.4)], [row(1, False, 2)], [change(1, False, 2)], {}, id="typed over"
        ),
        pytest.param([tick(True, 1)], [row(1, True, 2)], [], {"said applied, not in the database": 1}, id="not written"),
        pytest.param(
            [tick(True, 1)], [row(1, True, 2)], [change(1, True, 2), change(2, False, 3)],
            {"changed by nobody's edit": 1}, id="written once too often",
        ),
        pytest.param(
            [tick(True, 1)], [row(1, True, 2), row(2, True, 3, State.SAME)], [change(1, True, 2)],
            {"in the ledger, typed by nobody": 1}, id="noted twice",
        ),
        pytest.param([tick(True, 1)], [row(1, True, 2, State.NEW)], [], {"open": 1}, id="not final"),
    ],
)  # fmt: skip
def test_ticks_are_judged_by_their_order(
    people: list[Typed], ledger: list[Edit], changes: list[Change], wrong: dict[str, int]
) -> None:
    assert judge(people, changes, ledger)["wrong"] == wrong


def test_times_and_states_are_those_of_the_edit_itself() -> None:
    people = [
        tick(True, 1),
        tick(False, 9),
        tick(True, 19),
        tick(True, 29, shown=True),
        tick(False, 39),
        tick(True, 39.5),
    ]
    ledger = [row(1, True, 2), row(2, False, 12), row(3, True, 20), row(4, True, 40, State.SAME)]
    changes = [change(1, True, 2), change(2, False, 12), change(3, True, 20)]
    judge(people, changes, ledger)
    assert [edit.state for edit in people] == ["applied", "applied", "applied", AS_SHOWN, TYPED_OVER, "same"]
    assert [edit.committed for edit in people[:4]] == [2, 12, 20, None]
