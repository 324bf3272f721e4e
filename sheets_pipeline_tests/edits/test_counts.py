"""What is told of edits: what waits, which way found them, what became of them; the check of a tab."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from pydantic import SecretStr

from sheets_pipeline.components.tab import make_checks
from sheets_pipeline.components.tab_asset import tab_assets
from sheets_pipeline.database.edit_tables import sheet_edit, sheet_edit_message
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.defs.checks_edits import checks_edits, judged
from sheets_pipeline.edits.counts import settled, traffic, waiting_in_tab
from sheets_pipeline_tests.edits.stage import TAB, Stage


def ends(stage: Stage, *, takes_messages: bool = True) -> Any:
    settings = SimpleNamespace(
        edits_on=True, edits_webhook_secret=SecretStr("x") if takes_messages else None, spreadsheet_id="SHEET"
    )
    return SimpleNamespace(state=stage.state, settings=settings)


def test_both_ways_are_counted_and_a_silent_webhook_is_noticed(small: Stage) -> None:
    for title in ("a", "b", "c"):
        small.type(title=title, by="read")
    counted = traffic(ends(small))
    assert (counted.found_by, counted.webhook_is_silent) == ({"webhook": 0, "read": 3}, True)
    assert counted.waiting == {
        "new": 1,
        "awaiting": 0,
        "conflict": 0,
        "rejected": 0,
        "dead": 0,
    }  # the others: typed over
    assert not traffic(ends(small, takes_messages=False)).webhook_is_silent  # none is meant to come
    for kind, is_silent in (("probe", True), ("look", False)):  # a long paste asks for the tab to be read
        message = {"id": kind, "spreadsheet_id": "SHEET", "tab": TAB.title, "kind": kind, "cells": 0}
        with small.state.begin() as connection:
            connection.execute(sheet_edit_message.insert().values(message | {"received_at": utc_now()}))
        assert traffic(ends(small)).webhook_is_silent == is_silent
    small.type(title="d")
    assert traffic(ends(small)).found_by == {"webhook": 1, "read": 3}
    assert not traffic(ends(small)).webhook_is_silent


def test_rejections_of_late_are_counted_apart_from_those_by_people(small: Stage) -> None:
    small.type(points="many", low="few")
    small.apply()
    assert traffic(ends(small)).rejected_lately == 2
    with small.state.begin() as connection:
        first = sheet_edit.update().where(sheet_edit.c.column_name == "low")
        connection.execute(first.values(decided_by="ada"))
    assert traffic(ends(small)).rejected_lately == 1
    now = datetime.now(UTC)
    with small.state.connect() as connection:
        assert settled(connection, now - timedelta(hours=1), now + timedelta(hours=1)) == {
            ("SHEET", "Tasks"): {"rejected": 2}
        }
        assert settled(connection, now + timedelta(hours=1), now + timedelta(hours=2)) == {}


def test_the_check_of_a_tab_tells_what_nothing_goes_on_with(small: Stage) -> None:
    small.type(title="Draw", points=4, note="x")
    with small.state.connect() as connection:
        assert waiting_in_tab(connection, "Tasks", 60) == {}
        assert waiting_in_tab(connection, "Tasks", -1) == {"new": 3}
    with small.state.begin() as connection:
        for column, state in (("title", "awaiting"), ("points", "dead")):
            change = sheet_edit.update().where(sheet_edit.c.column_name == column)
            connection.execute(change.values(state=state))
    with small.state.connect() as connection:
        waiting = waiting_in_tab(connection, "Tasks", 60)
        assert waiting_in_tab(connection, "Other", -1) == {}
    verdict = judged(waiting)
    assert not verdict.passed
    assert "1 are above needs_approval_above" in str(verdict.description)
    assert judged({}).passed


def test_each_tab_that_people_may_edit_has_the_check() -> None:
    keys = [key for checks in checks_edits().asset_checks or [] for key in checks.check_keys]
    assert {key.name for key in keys} == {"no_edits_wait"}
    assert {key.asset_key.path[-1] for key in keys} == {"quiz_responses", "transcript_requests", "user_profiles"}


def test_tabs_that_are_loaded_as_components_have_it_too() -> None:
    found = {
        one.tab.title: [key.name for make in make_checks for checks in make(one) for key in checks.check_keys]
        for one in tab_assets().values()
    }
    assert {title for title, names in found.items() if names.count("no_edits_wait") == 1} == {
        "UserProfiles",
        "quiz_responses",
        "TranscriptRequests",
    }
    assert all(names.count("no_edits_wait") <= 1 for names in found.values())
