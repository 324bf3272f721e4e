"""The judge of histories of edits sees each kind of damage, and none where there is none."""

from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.edit_checker import Findings, Typed, check, check_end
from benchmarks.edit_values import Change
from sheets_pipeline.edits.ledger import Edit, State
from sheets_pipeline.sync.merge import UNKNOWN

CELL = ("Tasks", "7", "title")
WHEN = datetime(2026, 1, 1, tzinfo=UTC)


def edit(typed: str, state: State = State.APPLIED, base: str = "old", held: str = "old") -> Edit:
    """A row of the ledger."""
    values: dict[str, Any] = dict.fromkeys(Edit.__slots__)
    values |= {"id": 1, "tab": CELL[0], "row_key": CELL[1], "column": CELL[2], "typed": typed, "base": base}
    values |= {"in_database": held, "stored": typed if state is State.APPLIED else UNKNOWN, "state": state}
    return Edit(**values | {"seen_at": WHEN, "seen_by": "webhook"})


def change(seq: int, old: str, new: str, app: str = "sheets-pipeline") -> Change:
    """A value of the database's history."""
    return Change(seq, *CELL, old, new, app, float(seq))


def typed(value: str, at: float = 1.0, *, is_sure: bool = True) -> Typed:
    """What somebody typed."""
    return Typed(*CELL, value, at, is_sure)


@pytest.mark.parametrize(
    ("people", "changes", "ledger", "damage"),
    [
        pytest.param([typed("a")], [change(1, "old", "a")], [edit("a")], {}, id="well"),
        pytest.param([typed("a")], [], [], {"lost": 1}, id="lost"),
        pytest.param([typed("a"), typed("b", 2)], [change(1, "old", "b")], [edit("b")], {}, id="typed over unseen"),
        pytest.param([typed("a", is_sure=False)], [], [], {}, id="nobody knows whether it was there"),
        pytest.param([typed("a")], [], [edit("a", State.NEW)], {"not final": 1}, id="not final"),
        pytest.param(
            [typed("a")], [change(1, "old", "a"), change(2, "x", "a")], [edit("a")], {"applied twice": 1}, id="twice"
        ),
        pytest.param([], [change(1, "old", "a")], [], {"applied twice": 1}, id="by no edit"),
        pytest.param([typed("a")], [], [edit("a")], {"said, not done": 1}, id="said, not done"),
        pytest.param(
            [typed("a")], [change(1, "old", "x", "platform"), change(2, "x", "a")], [edit("a", held="x")], {"buried": 1},
            id="buried",
        ),
        pytest.param(
            [typed("a")], [change(1, "old", "x", "platform"), change(2, "x", "a")], [edit("a", base="x", held="x")], {},
            id="typed over what the application wrote",
        ),
    ],
)  # fmt: skip
def test_damage_is_seen(people: list[Typed], changes: list[Change], ledger: list[Edit], damage: dict[str, int]) -> None:
    assert dict(check(people, changes, ledger).damage) == damage


def test_sides_that_disagree_are_seen() -> None:
    found = Findings()
    other = ("Tasks", "8", "hours")
    check_end(found, {CELL: "a", other: 2.5, ("Tasks", "9", "title"): "x"}, {CELL: "b", other: "2.50"})
    assert dict(found.damage) == {"disagree": 1}
