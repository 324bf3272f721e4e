"""A connection that another thread uses is ended, whatever that thread does at that moment, and the process lives on."""

import subprocess
import sys
import threading

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.severing import Severable
from sheets_pipeline.errors import DatabaseError

_AGAIN_AND_AGAIN = """
import sys, threading, time, sqlalchemy as sa
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.severing import Severable
engine = connect(sys.argv[1])
def use(connection, seen):
    try:
        with connection:
            while True:
                connection.execute(sa.text("select 1")).all()
    except Exception as error:
        seen.append(error)
for n in range(60 if engine.dialect.name != "sqlite" else 10):  # threads that go on take the processor from each other
    connection, seen = engine.connect(), []
    severable = Severable(connection)
    thread = threading.Thread(target=use, args=(connection, seen), daemon=True)
    thread.start()
    time.sleep(0.02 + 0.0005 * n)
    severable.sever()
    severable.release()
    thread.join(0.0 if engine.dialect.name == "sqlite" else 20.0)  # SQLite's goes on with its next statement
    assert seen or engine.dialect.name == "sqlite", n
with engine.connect() as connection:
    assert connection.scalar(sa.text("select 3")) == 3
"""


def test_it_harms_neither_the_process_nor_the_pool(engine: sa.Engine) -> None:
    url = engine.url.render_as_string(hide_password=False)
    arguments = [sys.executable, "-X", "faulthandler", "-c", _AGAIN_AND_AGAIN, url]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_statement_that_takes_long_ends_at_once(engine: sa.Engine) -> None:
    slow = {
        "postgresql": "select pg_sleep(30)",
        "mysql": "select sleep(30)",
        "sqlite": "with recursive n(i) as (select 1 union all select i + 1 from n limit 100000000) select count(*) from n",
    }[engine.dialect.name]
    connection = engine.connect()
    severable = Severable(connection)
    raised: list[BaseException] = []

    def use() -> None:
        try:
            with connection:
                connection.execute(sa.text(slow))
        except (DatabaseError, sa.exc.SQLAlchemyError) as error:
            raised.append(error)

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    thread.join(0.3)
    severable.sever()
    thread.join(20)
    assert not thread.is_alive()
    assert raised


def test_what_an_open_transaction_keeps_is_free_again(postgresql: sa.Engine) -> None:
    connection = postgresql.connect()
    severable = Severable(connection)
    connection.execute(sa.text("lock table users in access exclusive mode"))
    severable.sever()  # while the thread that locked it computes, or sleeps
    with postgresql.connect() as other:
        other.execute(sa.text("set lock_timeout = '10s'"))
        other.execute(sa.text("lock table users in access share mode"))
        other.rollback()
    with pytest.raises((DatabaseError, sa.exc.DBAPIError)):
        connection.execute(sa.text("select 1"))
    connection.close()


def test_it_takes_no_place_in_the_pool(engine: sa.Engine) -> None:
    severed = []
    for _ in range(20):  # more than the pool has
        connection = engine.connect()
        severable = Severable(connection)
        severable.sever()
        severable.release()
        severed.append(connection)
    for connection in severed:
        connection.close()
    with engine.connect() as connection:
        assert connection.scalar(sa.text("select 3")) == 3


def test_one_that_was_closed_meanwhile_is_left_alone(engine: sa.Engine) -> None:
    connection = engine.connect()
    severable = Severable(connection)
    connection.close()
    severable.sever()
    severable.release()
    with engine.connect() as connection:  # perhaps the same one, from the pool
        assert connection.scalar(sa.text("select 3")) == 3
