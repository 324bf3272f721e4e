"""What explains a row of a tab: decided from three rows and what is pending."""

from typing import Any

import pytest

from sheets_pipeline.sync.tab import Column, ColumnType, OnRemoved, Tab
from sheets_pipeline.sync.why import RowFacts, reasons

ADA, EVE = {"id": 1, "name": "Ada"}, {"id": 1, "name": "Eve"}


def told(on_removed: OnRemoved = OnRemoved.REMOVE, **facts: Any) -> str:
    tab = Tab("People", ("id",), (Column("id", ColumnType.INTEGER), Column("name")), on_removed=on_removed)
    return " ".join(reasons(tab, ["id", "name"], RowFacts(**facts), "every 5 min"))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"database": ADA, "sheet": ADA, "written": ADA}, "The tab holds what the database gives."),
        ({"database": ADA, "sheet": {"id": 1.0, "name": "Ada"}}, "The tab holds what the database gives."),
        ({"database": ADA, "sheet": EVE, "written": ADA}, "Somebody changed name in the tab; the next full sync puts it"),
        ({"database": EVE, "sheet": ADA, "written": ADA}, "The database has changed name since it was written; no event"),
        (
            {"database": EVE, "sheet": ADA, "written": ADA, "events": ["Event 7 is pending."]},
            "since it was written; an event is on its way. Event 7 is pending.",
        ),
        ({"database": EVE, "sheet": ADA}, "what we last wrote is not known for sure"),
        ({"database": ADA, "set_aside": "name is too long"}, "The row cannot be written: name is too long."),
        ({"database": ADA}, "The row was never written; the next full sync writes it (every 5 min)"),
        ({"database": ADA, "is_ours": True}, "We wrote the row, and it is gone: somebody deleted it"),
        ({"database": ADA, "in_archives": True}, "stands in an archive tab"),
        ({"sheet": ADA}, "it is a person's row, and stays"),
        ({"sheet": ADA, "is_ours": True}, "the next full sync takes it out"),
        ({"sheet": ADA, "is_ours": True, "on_removed": OnRemoved.KEEP}, "on_removed: keep, so it stays"),
        ({"sheet": ADA, "is_ours": True, "on_removed": OnRemoved.MARK}, "says so in row_status, and it stays"),
        ({"was_ours": True}, "neither in the query's result nor in the tab. It was once."),
        ({"database": ADA, "holds": ["Paused."], "last_error": "Refused."}, "Paused. The last sync of the tab failed: Refused."),
    ],
)  # fmt: skip
def test_the_nearest_cause_is_told(facts: dict[str, Any], expected: str) -> None:
    assert expected in told(**facts)


def test_what_holds_syncs_up_is_no_news_where_both_sides_agree() -> None:
    assert told(database=ADA, sheet=ADA, written=ADA, holds=["Paused."], last_error="Refused.") == (
        "The tab holds what the database gives."
    )
