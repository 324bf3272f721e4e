"""What is measured: one chain of syncs on one spreadsheet, each with its change, and for some a fault."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Scenario:
    """One sync. ``step`` is what changes in the database before it; ``faults`` are rules of Local Sheets."""

    name: str
    title: str
    step: str | None = None
    faults: tuple[dict[str, Any], ...] = ()
    has_people: bool = False
    is_first: bool = False


SCENARIOS = (
    Scenario("first-load", "First load into an empty tab", is_first=True),
    Scenario("no-change", "Nothing changed"),
    Scenario("few-changes", "10 updates, 5 deletes, 5 inserts", step="few"),
    Scenario("one-percent", "1 % of the rows changed, two cells each", step="percent"),
    Scenario(
        "people",
        "10 updates, 5 deletes, 5 inserts, with people's notes, formulas and colours beside the rows",
        step="few",
        has_people=True,
    ),
    Scenario(
        "429-pair",
        "10 updates, 5 deletes, 5 inserts; the first two writes are answered 429",
        step="few",
        faults=({"action": "error", "status": 429, "count": 2, "kind": "write"},),
    ),
    Scenario(
        "lost-answer",
        "10 updates, 5 deletes, 5 inserts; the first write is carried out, its answer is lost",
        step="few",
        faults=({"action": "reset", "after": True, "count": 1, "kind": "write"},),
    ),
)
