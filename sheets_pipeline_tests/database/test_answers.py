"""Servers, poolers and proxies that accept and never answer: whoever waits for them is told in bounded time."""

import time

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.errors import DatabaseError, TabBusy
from sheets_pipeline_tests.database.relay import relay
from sheets_pipeline_tests.databases import needs_mariadb

_SELECT = sa.text("select 1")


def place(url: str) -> tuple[str, int]:
    """Host and port of a server that is reached by TCP."""
    parsed = sa.make_url(url)
    return str(parsed.host), int(parsed.port or 0)


@pytest.fixture(
    params=["postgresql", pytest.param("mariadb", marks=[needs_mariadb, pytest.mark.xdist_group("mariadb")])]
)
def server_url(request: pytest.FixtureRequest) -> sa.URL:
    """A server of each kind whose driver waits for answers."""
    if request.param == "mariadb":
        result: sa.URL = request.getfixturevalue("mariadb_url")
        return result
    postgres: Server = request.getfixturevalue("postgres_server")
    return sa.make_url(postgres.url("postgres"))


def test_a_statement_that_is_never_answered_ends_and_says_so(server_url: sa.URL) -> None:
    with relay(str(server_url.host), int(server_url.port or 0)) as between:
        engine = connect(server_url.set(host="127.0.0.1", port=between.port), answer_within_seconds=1)
        with engine.connect() as connection:
            connection.execute(_SELECT)
            between.silent.set()
            began = time.monotonic()
            with pytest.raises(DatabaseError, match="accepts connections and does not answer") as silent:
                connection.execute(_SELECT)
            assert 0.5 < time.monotonic() - began < 10
            assert not silent.value.needs_person
        between.silent.clear()
        with engine.connect() as connection:  # and the pool goes on with another connection
            assert connection.scalar(_SELECT) == 1
        engine.dispose()


def test_a_commit_that_is_never_answered_ends(database_url: str) -> None:
    with relay(*place(database_url)) as between:
        engine = connect(sa.make_url(database_url).set(host="127.0.0.1", port=between.port), answer_within_seconds=1)
        with engine.connect() as connection:
            connection.execute(sa.text("create table t (n int)"))
            between.silent.set()
            with pytest.raises((DatabaseError, sa.exc.DBAPIError), match=r"does not answer|no answer"):
                connection.commit()
        engine.dispose()


def test_an_answer_that_comes_in_time_is_waited_for(database_url: str) -> None:
    engine = connect(database_url, answer_within_seconds=10)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("select 1 from pg_sleep(0.6)")) == 1
        rows = connection.execute(sa.text("select repeat('x', 100) from generate_series(1, 100000)")).all()
        assert len(rows) == 100_000
    engine.dispose()
    patient = connect(database_url, answer_within_seconds=None)
    with patient.connect() as connection:
        assert connection.scalar(sa.text("select 1 from pg_sleep(0.3)")) == 1
    patient.dispose()


def test_a_lock_whose_server_fell_silent_is_lost(database_url: str) -> None:
    with relay(*place(database_url)) as between:
        engine = connect(sa.make_url(database_url).set(host="127.0.0.1", port=between.port), answer_within_seconds=1)
        with named_lock(engine, "tab") as still_held:
            still_held()
            between.silent.set()
            for _ in range(2):
                with pytest.raises(TabBusy, match="was lost"):
                    still_held()
        engine.dispose()
