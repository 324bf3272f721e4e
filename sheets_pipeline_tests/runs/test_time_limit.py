"""A tab's function that does not end holds up no other tab, and what it gives too late is dropped."""

import threading
import time
from typing import Any

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import history
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.runs import gate
from sheets_pipeline.runs.run_tags import NEEDS_PERSON_TAG
from sheets_pipeline.runs.time_limit import TookTooLong, within
from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline_tests.learning_platform import Platform
from sheets_pipeline_tests.runs.test_alone_with_its_faults import computed_by, failures, run, tab


@pytest.fixture
def stuck(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The rows of ``UserProfiles`` are computed once the event is set, and half a second is allowed."""
    monkeypatch.setenv("SYNC_TAB_TIMEOUT_SECONDS", "0.5")
    platform.reopen()
    may_end, ended, original = threading.Event(), threading.Event(), tab("UserProfiles").compute

    def wait(connection: sa.Connection, ids: Any) -> Any:
        may_end.wait(60)
        rows = original(connection, ids)
        ended.set()
        return rows

    with computed_by("UserProfiles", wait):
        yield may_end, ended
        may_end.set()


def test_a_full_sync_goes_on_without_it_and_drops_what_comes_late(platform: Platform, stuck: Any) -> None:
    may_end, ended = stuck
    result = run(platform)
    [(step, message)] = failures(result).items()
    assert step == "user_profiles"
    assert "took longer than SYNC_TAB_TIMEOUT_SECONDS" in message
    assert "test_alone_with_its_faults.py" in message
    assert len(result.asset_materializations_for_node("course_statistics")) == 1
    recorded = platform.instance.get_run_by_id(result.run_id)
    assert recorded is not None
    assert recorded.tags[NEEDS_PERSON_TAG] == "true"
    assert gate.current_circuit(platform.instance, platform.pipeline) == Circuit()
    may_end.set()
    assert ended.wait(20)
    time.sleep(0.2)
    titles = [sheet["properties"]["title"] for sheet in platform.sheets()]
    assert "course_statistics" in titles
    assert "UserProfiles" not in titles


def test_an_event_round_writes_the_other_tabs_and_counts_an_attempt(platform: Platform, stuck: Any) -> None:
    may_end, _ = stuck
    may_end.set()
    assert run(platform).success
    with platform.engine.begin() as connection:
        connection.execute(sa.text("delete from pending_event"))
    may_end.clear()
    before = platform.rows("course_statistics")
    [submitted] = submit_quizzes(platform.engine, 1, 100)
    assert run(platform, "event_sync").success
    assert platform.rows("course_statistics")[submitted.course_id] != before[submitted.course_id]
    with platform.engine.connect() as connection:
        assert connection.scalar(sa.text("select attempts from pending_event")) == 1
    [record, *_] = history.recent(platform.pipeline.state, tab="UserProfiles")
    assert record.error_kind == "TabFailed"


def test_what_is_in_time_is_as_if_nobody_had_looked_at_the_clock() -> None:
    assert within(5, lambda: 3) == within(0, lambda: 3) == 3
    with pytest.raises(KeyError, match="x"):
        within(5, lambda: {}["x"])
    with pytest.raises(TookTooLong):
        within(0.01, lambda: time.sleep(5))
