"""Tasks of sources, on each kind of database."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import source_notices, source_tasks
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.errors import SourceProblem


@pytest.fixture
def state(engine: sa.Engine) -> sa.Engine:
    install_state(engine)
    return engine


def test_a_task_goes_from_pending_to_its_end_and_failures_in_a_row_are_counted(state: sa.Engine):
    for number in (1, 2):
        source_tasks.begin(state, "", f"run-{number}", ["a", "b"])
        assert source_tasks.latest(state)["a"].state == "pending"
        source_tasks.start(state, "", f"run-{number}", ["a"])
        assert source_tasks.latest(state)["a"].state == "processing"
        with state.begin() as connection:
            source_tasks.fail(connection, f"run-{number}", "a", SourceProblem("a", "it is gone"))
        task = source_tasks.latest(state)["a"]
        assert (task.id, task.state, task.failures, task.error_kind) == (
            f"run-{number}:a",
            "failed",
            number,
            "SourceProblem",
        )
        with state.begin() as connection:
            source_tasks.fail(connection, f"run-{number}", "b", ValueError("1234 secret cells"))
    assert "secret" not in str(source_tasks.latest(state)["b"].error)
    source_tasks.begin(state, "", "run-3", ["a"])
    with state.begin() as connection:
        source_tasks.complete(connection, "run-3", "a", rows=3, changed=True, content_hash="h", result={"version": 1})
    task = source_tasks.latest(state)["a"]
    assert (task.state, task.failures, task.rows, task.changed, task.result) == (
        "completed",
        0,
        3,
        True,
        {"version": 1},
    )
    assert [one.run_id for one in source_tasks.recent(state, source="a")] == ["run-3", "run-2", "run-1"]
    assert source_tasks.latest(state, "staging") == {}
    assert source_tasks.remove_before(state, datetime.now(UTC) + timedelta(hours=1)) == 3
    assert {name: one.run_id for name, one in source_tasks.latest(state).items()} == {"a": "run-3", "b": "run-2"}


def test_a_process_that_died_leaves_no_task_under_way(state: sa.Engine):
    source_tasks.begin(state, "", "dead", ["a", "b"])
    source_tasks.begin(state, "", "alive", ["c"])
    assert source_tasks.end_dead(state) == 0
    with state.begin() as connection:
        long_ago = source_tasks.source_task.c.alive_at - source_tasks.DEAD_SECONDS - 1
        connection.execute(sa.update(source_tasks.source_task).values(alive_at=long_ago))
    source_tasks.keep_alive(state, "alive")
    assert source_tasks.end_dead(state) == 2
    latest = source_tasks.latest(state)
    assert {name: (one.state, one.failures) for name, one in latest.items()} == {
        "a": ("failed", 1),
        "b": ("failed", 1),
        "c": ("pending", 0),
    }
    assert latest["a"].error_kind == "ProcessDied"


def test_what_is_asked_for_is_forgotten_once_its_reading_begins(state: sa.Engine):
    source_tasks.ask(state, "", ["a", "b"])
    source_tasks.ask(state, "", ["a"])
    assert source_tasks.known(state)["a"].asked_at is not None
    source_tasks.begin(state, "", "run", ["a"])
    source_tasks.start(state, "staging", "other", ["a"])  # a reading for another store
    assert source_tasks.known(state)["a"].asked_at is not None
    source_tasks.start(state, "", "run", ["a"])
    known = source_tasks.known(state)
    assert (known["a"].asked_at, known["b"].asked_at is None) == (None, False)


def test_a_notice_is_due_again_until_it_was_delivered(state: sa.Engine):
    with state.begin() as connection:
        source_notices.add(connection, "", "a", "target", {"rows": 3})
    [notice] = source_notices.take_due(state)
    assert (notice.message, notice.attempts) == ({"rows": 3}, 1)
    assert source_notices.take_due(state) == []  # its process may still be at it
    source_notices.refused(state, notice, "The webhook answered 503.")
    assert source_notices.untold(state) == {"a": "The webhook answered 503."}
    _pass(state, source_notices.FIRST_WAIT_SECONDS)
    assert source_notices.any_due(state)
    [notice] = source_notices.take_due(state)
    assert notice.attempts == 2
    _pass(state, source_notices.FIRST_WAIT_SECONDS)
    assert source_notices.take_due(state) == []  # twice as long
    source_notices.delivered(state, notice)
    _pass(state, 10_000)
    assert source_notices.take_due(state) == []
    assert source_notices.untold(state) == {}


def test_a_notice_that_nobody_takes_for_days_is_given_up(state: sa.Engine):
    with state.begin() as connection:
        source_notices.add(connection, "", "a", "target", {})
    _pass(state, source_notices.GIVEN_UP_SECONDS + 1)
    [notice] = source_notices.take_due(state)
    source_notices.refused(state, notice, "no")
    _pass(state, 10_000)
    assert source_notices.take_due(state) == []
    assert source_notices.untold(state) == {"a": "no"}


def _pass(state: sa.Engine, seconds: float) -> None:
    """So much time passes for notices."""
    row = source_notices.source_notice
    with state.begin() as connection:
        earlier = {"due_at": row.c.due_at - seconds, "created_at": row.c.created_at - seconds}
        connection.execute(sa.update(row).values(earlier))
