"""A full sync waits while the platform's database is busy, and no longer than the limit."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import leases
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.load import Load, measure
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.runs.governor import busy_reason, may_start
from sheets_pipeline.settings import Settings


def settings(**values: float) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@contextmanager
def foreign_sessions(url: sa.URL, number: int, application_name: str = "shop") -> Iterator[None]:
    """So many sessions of another program, each in the middle of a query."""
    engine = sa.create_engine(url, connect_args={"application_name": application_name}, poolclass=sa.NullPool)
    ready = threading.Barrier(number + 1)
    pids: list[int] = []

    def work() -> None:
        with engine.connect() as connection:
            pids.append(int(connection.scalar(sa.text("SELECT pg_backend_pid()")) or 0))
            ready.wait(30)
            try:
                connection.exec_driver_sql("SELECT pg_sleep(60)")
            except sa.exc.DBAPIError:
                return  # cancelled, below

    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    ready.wait(30)
    try:
        yield
    finally:
        with engine.connect() as connection:
            for pid in pids:
                connection.execute(sa.text("SELECT pg_cancel_backend(:pid)"), {"pid": pid})
        for thread in threads:
            thread.join(10)
        engine.dispose()


def until_active(engine: sa.Engine, number: int) -> Load:
    for _ in range(1500):
        load = measure(engine)
        if load.active_sessions == number:
            break
        threading.Event().wait(0.02)
    return load


def test_active_sessions_of_others_count(postgresql: sa.Engine) -> None:
    with foreign_sessions(postgresql.url, 3):
        assert until_active(postgresql, 3) == Load(active_sessions=3)
        reason = busy_reason(measure(postgresql), settings(sync_busy_sessions=3))
        assert reason == "3 sessions are active (SYNC_BUSY_SESSIONS is 3)"
        assert busy_reason(measure(postgresql), settings(sync_busy_sessions=4)) is None


def test_our_own_sessions_do_not_count(postgresql: sa.Engine) -> None:
    with foreign_sessions(postgresql.url, 1, "shop"), foreign_sessions(postgresql.url, 2, "sheets-pipeline"):
        assert until_active(postgresql, 1).active_sessions == 1


def test_a_quiet_database_of_each_kind_is_not_busy(engine: sa.Engine) -> None:
    load = measure(engine)
    assert (load.active_sessions or 0) <= 1
    assert load.replication_lag_seconds is None
    assert busy_reason(load, settings()) is None


def test_sqlite_says_nothing_about_itself() -> None:
    assert measure(connect("sqlite://")) == Load()


def test_nothing_is_asked_where_both_limits_are_off(postgresql: sa.Engine) -> None:
    install_state(postgresql)
    unreachable = connect("postgresql://nobody:x@127.0.0.1:1/none")
    off = settings(sync_busy_sessions=0, sync_busy_replication_lag_seconds=0)
    assert may_start(postgresql, unreachable, off, "full").reason is None


@pytest.mark.parametrize(
    ("load", "says"),
    [
        pytest.param(Load(50), "50 sessions are active (SYNC_BUSY_SESSIONS is 50)", id="sessions at the limit"),
        pytest.param(Load(49, 29.9), None, id="below both"),
        pytest.param(
            Load(0, 90.4), "the read replica is 90 s behind (SYNC_BUSY_REPLICATION_LAG_SECONDS is 30)", id="lag"
        ),
        pytest.param(Load(), None, id="not known"),
    ],
)
def test_either_limit_makes_a_database_busy(load: Load, says: str | None) -> None:
    assert busy_reason(load, settings()) == says


def test_only_full_syncs_wait_for_a_busy_database_and_not_for_longer_than_the_limit(postgresql: sa.Engine) -> None:
    install_state(postgresql)
    few = settings(sync_busy_sessions=1, sync_pause_limit_seconds=900)
    with foreign_sessions(postgresql.url, 1):
        until_active(postgresql, 1)
        assert may_start(postgresql, postgresql, few, "events").reason is None
        waits = may_start(postgresql, postgresql, few, "full").reason
        assert waits is not None
        assert "1 sessions are active" in waits
        assert "900 s at most" in waits
        with postgresql.begin() as connection:
            held = leases.sync_hold.c.held_since
            connection.execute(sa.update(leases.sync_hold).values(held_since=held - 901))
        assert may_start(postgresql, postgresql, few, "full").reason is None


def test_a_lease_and_a_busy_database_share_one_limit(postgresql: sa.Engine) -> None:
    install_state(postgresql)
    few = settings(sync_busy_sessions=1, sync_pause_limit_seconds=900)
    leases.take(postgresql, "web-1", 600, "42 requests in flight")
    text = may_start(postgresql, postgresql, few, "full").reason
    assert text is not None
    assert text.startswith("Paused by web-1 until ")
    assert "(42 requests in flight)" in text
    with postgresql.begin() as connection:
        held = leases.sync_hold.c.held_since
        connection.execute(sa.update(leases.sync_hold).values(held_since=held - 901))
    leases.release(postgresql)
    with foreign_sessions(postgresql.url, 1):
        until_active(postgresql, 1)
        assert may_start(postgresql, postgresql, few, "full").reason is None


def test_a_sync_that_went_through_between_two_pauses_makes_the_time_count_anew(postgresql: sa.Engine) -> None:
    install_state(postgresql)
    leases.take(postgresql, "web-1", 600)
    assert may_start(postgresql, postgresql, settings(), "full").reason is not None
    leases.release(postgresql)
    assert may_start(postgresql, postgresql, settings(), "full").reason is None
    with postgresql.connect() as connection:
        assert connection.scalar(sa.select(leases.sync_hold.c.held_since)) is None
