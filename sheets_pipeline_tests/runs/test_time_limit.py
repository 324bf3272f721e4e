"""A tab's function that does not end holds up no other tab, and what it gives too late is dropped."""

import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from typing import Any

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import history
from sheets_pipeline.errors import NEEDS_PERSON_TAG
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline.runs import gate, preflight
from sheets_pipeline.runs.time_limit import Reading, TookTooLong
from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline_tests.learning_platform import Platform
from sheets_pipeline_tests.runs.test_alone_with_its_faults import computed_by, failures, run, tab


@pytest.fixture
def stuck(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The rows of ``UserProfiles`` are computed once the event is set, and two seconds are allowed."""
    monkeypatch.setenv("SYNC_TAB_TIMEOUT_SECONDS", "2")  # which is enough for the other tabs on a slow machine, too
    platform.reopen()
    may_end, ended, original = threading.Event(), threading.Event(), tab("UserProfiles").compute

    def wait(connection: sa.Connection, ids: Any) -> Any:
        may_end.wait(60)
        try:
            return original(connection, ids)
        finally:
            ended.set()

    with computed_by("UserProfiles", wait):
        yield may_end, ended
        may_end.set()


def test_a_full_sync_goes_on_without_it_and_drops_what_comes_late(platform: Platform, stuck: Any) -> None:
    may_end, ended = stuck
    result = run(platform)
    [(step, message)] = failures(result).items()
    assert step == "user_profiles"
    assert "took longer than 2 s (SYNC_TAB_TIMEOUT_SECONDS)" in message
    assert "test_alone_with_its_faults.py" in message
    assert len(result.asset_materializations_for_node("course_statistics")) == 1
    recorded = platform.instance.get_run_by_id(result.run_id)
    assert recorded is not None
    assert recorded.tags[NEEDS_PERSON_TAG] == "true"
    assert gate.current_circuit(platform.instance, platform.pipeline) == Circuit()
    may_end.set()
    assert ended.wait(30)
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


def test_slow_tabs_go_on_beside_each_other(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_PATIENCE_SECONDS", {False: 0.05, True: 0.05})
    meeting = threading.Barrier(2, timeout=30)
    with ExitStack() as stack:
        for title in ("UserProfiles", "course_statistics"):
            original = tab(title).compute

            def meet(connection: sa.Connection, ids: Any, original: Any = original) -> Any:
                meeting.wait()
                return original(connection, ids)

            stack.enter_context(computed_by(title, meet))
        assert run(platform).success


def test_no_more_slow_tabs_go_on_at_once_than_have_connections(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "_PATIENCE_SECONDS", {False: 0.01, True: 0.01})
    monkeypatch.setattr(preflight, "_SLOW_AT_ONCE", 1)
    under_way, most = [0], [0]
    with ExitStack() as stack:
        for title in ("UserProfiles", "course_statistics", "TranscriptRequests"):
            original = tab(title).compute

            def count(connection: sa.Connection, ids: Any, original: Any = original) -> Any:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
                time.sleep(0.2)
                under_way[0] -= 1
                return original(connection, ids)

            stack.enter_context(computed_by(title, count))
        assert run(platform).success
    assert most == [1]


def test_tabs_left_behind_take_no_connection_from_the_others(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_TAB_TIMEOUT_SECONDS", "0.1")
    platform.reopen()
    may_end = threading.Event()

    def wait(connection: sa.Connection) -> None:
        connection.execute(sa.text("select 1"))  # a transaction is open
        may_end.wait(60)

    try:
        for _ in range(20):
            with pytest.raises(TookTooLong):
                Reading(platform.pipeline.source, wait, 0.05).result()
        assert Reading(platform.pipeline.source, lambda c: c.scalar(sa.text("select 3")), 30).result() == 3
        idle = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in%'"

        def are_free() -> bool:
            """Once the server has noticed."""
            with platform.engine.connect() as connection:
                return connection.scalar(sa.text(idle)) == 0

        assert wait_until(are_free, seconds=30)
    finally:
        may_end.set()


def test_a_query_under_way_is_not_waited_for(platform: Platform) -> None:
    began = time.monotonic()
    with pytest.raises(TookTooLong):
        Reading(platform.pipeline.source, lambda c: c.scalar(sa.text("select pg_sleep(30)")), 0.2).result()
    assert time.monotonic() - began < 20


def test_a_function_that_closed_its_connection_itself_is_left_behind_as_others(platform: Platform) -> None:
    may_end = threading.Event()

    def close_and_wait(connection: sa.Connection) -> None:
        connection.close()
        may_end.wait(60)

    try:
        with pytest.raises(TookTooLong):
            Reading(platform.pipeline.source, close_and_wait, 0.1).result()
    finally:
        may_end.set()


def test_what_is_in_time_is_as_if_nobody_had_looked_at_the_clock(platform: Platform) -> None:
    source = platform.pipeline.source
    assert Reading(source, lambda _: 3, 30).result() == Reading(source, lambda _: 3, 0).result() == 3
    with pytest.raises(KeyError, match="x"):
        Reading(source, lambda _: dict[str, int]()["x"], 30).result()


_WITH_THREADS_OF_ITS_OWN = """
import threading, time
from concurrent.futures import ThreadPoolExecutor
from sheets_pipeline.processes import abandoned_threads
def hang():
    ThreadPoolExecutor().submit(time.sleep, 60)  # the interpreter waits for it, though its thread is a daemon
    time.sleep(60)
thread = threading.Thread(target=hang, daemon=True)
thread.start()
time.sleep(0.2)
abandoned_threads.note(thread)
"""


@pytest.mark.parametrize(
    "end",
    [
        "abandoned_threads.end_process(7)",
        "from sheets_pipeline.dagster_runtime import warm_process; warm_process._leave(7)",  # as runs end
    ],
)
def test_a_process_ends_in_spite_of_what_a_function_left_running(end: str) -> None:
    ended = subprocess.run([sys.executable, "-c", f"{_WITH_THREADS_OF_ITS_OWN}{end}"], timeout=30, check=False)
    assert ended.returncode == 7
