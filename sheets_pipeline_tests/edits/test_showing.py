"""Looking edits up: by state, tab, person, batch and time, in pages, as people read them, as CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline.edits.showing import as_json, csv_lines, found, text
from sheets_pipeline.edits.which import Which
from sheets_pipeline.sync.tab import ColumnType as T
from sheets_pipeline_tests.edits.stage import Stage


def test_edits_are_found_by_each_filter_and_in_pages(small: Stage) -> None:
    small.type(title="Draw", points=4)
    small.apply()
    with small.state.begin() as connection:
        connection.execute(sheet_edit.update().values(seen_at=datetime(2026, 1, 1, tzinfo=UTC)))
    small.type(note="x", editor="bob@example.org")
    ids = [edit.id for edit in small.edits()][::-1]

    def meant(limit: int = 100, **which: Any) -> list[int]:
        return [edit.id for edit in found(small.state, Which(**which), limit)]

    assert meant() == ids
    assert meant(state="applied") == ids[1:]
    assert meant(editor="bob@example.org") == ids[:1]
    assert meant(tab="Tasks") == ids
    assert meant(tab="Other") == []
    assert meant(batch=small.edits()[0].batch) == ids[1:]
    now = datetime.now(UTC)
    assert meant(since=now - timedelta(hours=1)) == ids[:1]
    assert meant(until=now - timedelta(hours=1)) == ids[1:]
    assert meant(limit=2) == ids[:2]
    assert meant(before=ids[1]) == ids[2:]


@pytest.mark.parametrize(
    ("cell", "kind", "shown"),
    [
        (None, T.DATE, ""), ("#N/A", T.DATE, "#N/A"), (46115, T.DATE, "2026-04-03"), (10**12, T.DATE, "1000000000000"),
        (46115.5, T.DATETIME, "2026-04-03 12:00:00"), (0.253, T.PERCENT, "25.3%"), (1, T.PERCENT, "100%"),
        (True, T.BOOLEAN, "TRUE"), (1.5, T.DECIMAL, "1.5"), (46115, T.INTEGER, "46115"),
    ],
)  # fmt: skip
def test_values_are_shown_as_people_read_them(cell: Any, kind: T, shown: str) -> None:
    assert text(cell, kind) == shown


def test_csv_holds_all_pages_and_no_formula(small: Stage) -> None:
    for title in ("plain", "=1+1", "-5", "@x", "+49 30", 'a "b", c'):
        small.type(title=title)
    lines = list(csv.DictReader(io.StringIO("".join(csv_lines(small.state, Which(), page=2)))))
    assert [line["to"] for line in lines] == ['a "b", c', "'+49 30", "'@x", "-5", "'=1+1", "plain"]
    assert lines[0]["key"] == "EU / 7"
    assert [
        line["id"] for line in csv.DictReader(io.StringIO("".join(csv_lines(small.state, Which(), most=3, page=2))))
    ] == [line["id"] for line in lines[:3]]


def test_the_json_tells_raw_and_shown_values(small: Stage) -> None:
    small.type(share=0.5)
    small.apply()
    facts = as_json(small.last(), {small.tab.title: small.tab})
    assert (facts["key"], facts["typed"], facts["database"]) == (["EU", "7"], 0.5, 0.25)
    assert facts["shown"] == {"base": "25%", "typed": "50%", "database": "25%", "stored": "50%"}
