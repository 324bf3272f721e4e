"""Every failure a person must mend is one paragraph with the remedy, and never shows the password."""

import os
import resource
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from sheets_pipeline.database import idle_connections
from sheets_pipeline.database.engine import connect, explain, read_only
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.errors import DatabaseError

SECRET = "correct-horse-battery"


def _failure(url: sa.URL | str, statement: str = "SELECT 1") -> DatabaseError:
    engine = connect(url)
    try:
        with pytest.raises(DatabaseError) as caught, engine.connect() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()
    message = str(caught.value)
    assert SECRET not in message
    assert "\n" not in message
    return caught.value


def test_a_wrong_password_names_the_setting_to_correct(database_url: str):
    error = _failure(sa.make_url(database_url).set(password=SECRET))
    assert "refused the user name or password" in str(error)
    assert error.needs_person


def test_an_unknown_database_is_named(database_url: str):
    error = _failure(sa.make_url(database_url).set(database="nowhere"))
    assert "nowhere" in str(error)
    assert "has no such database" in str(error)
    assert error.needs_person


def test_an_unreachable_server_is_worth_another_try():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and not listening: refuses
        error = _failure(f"postgresql://someone:{SECRET}@127.0.0.1:{closed.getsockname()[1]}/name")
    assert "cannot be reached" in str(error)
    assert not error.needs_person


def test_a_missing_table_is_named(engine: sa.Engine):
    error = _failure(engine.url, "SELECT 1 FROM no_such_table")
    assert "no_such_table" in str(error)
    assert "has no table" in str(error)


def test_an_sqlite_file_in_a_missing_folder_says_so(tmp_path: Path):
    assert "cannot be opened" in str(_failure(f"sqlite:///{tmp_path}/missing/platform.db"))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("not a url", "cannot be read", id="nonsense"),
        pytest.param("oracle://u:p@host/name", "not installed. Install it, or", id="driver that is not installed"),
        pytest.param("nosuch://u:p@host/name", "cannot be read", id="unknown dialect"),
    ],
)
def test_a_url_that_cannot_work_is_refused_at_once(url: str, says: str):
    with pytest.raises(DatabaseError, match=says):
        connect(url)


def test_a_missing_driver_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pymysql", None)
    with pytest.raises(DatabaseError, match=r'pip install "sheets-pipeline\[mysql\]"'):
        connect("mysql://u:p@host/name")


@pytest.mark.parametrize("plain", ["postgresql://h/n", "postgres://h/n"])
def test_plain_postgresql_urls_use_psycopg_3(plain: str):
    assert connect(plain).dialect.driver == "psycopg"


def test_mistakes_in_sql_stay_what_they_are(engine: sa.Engine):
    with pytest.raises(sa.exc.DBAPIError), engine.connect() as connection:
        connection.exec_driver_sql("SELEC 1")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param('FATAL:  password authentication failed for user "u"', id="postgresql"),
        pytest.param("(1045, \"Access denied for user 'u'@'h' (using password: YES)\")", id="mysql"),
    ],
)
def test_wrong_passwords_are_recognised_by_the_servers_words(words: str):
    error = explain(RuntimeError(f"{words} {SECRET}"), sa.make_url(f"postgresql://u:{SECRET}@h/n"))
    assert error is not None
    assert "refused the user name or password" in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize(
    "words",
    [
        "FATAL:  the database system is in recovery mode",
        "FATAL:  the database system is not yet accepting connections",
        "server closed the connection unexpectedly",
    ],
)
def test_a_server_that_recovers_from_a_crash_is_worth_another_try(words: str):
    error = explain(RuntimeError(words), sa.make_url("postgresql://u@h/n"))
    assert error is not None
    assert "ended the connection or is restarting" in str(error)
    assert error.needs_person is False


def test_a_full_disk_is_told_as_such(tmp_path: Path):
    engine = connect(f"sqlite:///{tmp_path / 'small.db'}")
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 3")
        connection.exec_driver_sql("CREATE TABLE t (a TEXT)")
        with pytest.raises(DatabaseError, match="has no room left on its disk") as told:
            connection.exec_driver_sql("INSERT INTO t VALUES (hex(zeroblob(20000)))")
    assert told.value.needs_person is False
    words = 'could not extend file "base/16384/16679": No space left on device'
    assert "Dagster's storage (DAGSTER_POSTGRES_URL) has no room left" in str(explain(RuntimeError(words)))


def test_of_a_server_that_vanished_one_connection_is_asked_and_all_are_made_anew(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    """Each question that is not answered takes its whole time."""
    engine = connect(database_url, pool_size=3)
    with engine.connect() as one, engine.connect() as another, engine.connect() as third:
        before = {each.scalar(sa.text("SELECT pg_backend_pid()")) for each in (one, another, third)}
    asked = []

    def no_answer(connection: object) -> bool:
        asked.append(connection)
        raise psycopg.OperationalError("consuming input failed: timeout expired")

    monkeypatch.setattr(idle_connections, "_LIVES_SECONDS", 0.0)
    monkeypatch.setattr(engine.dialect, "do_ping", no_answer)
    monkeypatch.setattr(engine.dialect, "is_disconnect", lambda *_: True)
    with engine.connect() as one, engine.connect() as another, engine.connect() as third:
        after = {each.scalar(sa.text("SELECT pg_backend_pid()")) for each in (one, another, third)}
    assert len(asked) == 1
    assert before.isdisjoint(after)


def test_a_connection_is_used_again_where_no_file_can_be_opened_any_more(database_url: str):
    engine = connect(database_url, pool_size=1)
    engine.connect().close()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, limits[1]))
    held = []
    try:
        with suppress(OSError):
            while True:
                held.append(os.open(os.devnull, os.O_RDONLY))
        with pytest.raises(OSError, match="Too many open files"):
            os.open(os.devnull, os.O_RDONLY)
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1
    finally:
        for each in held:
            os.close(each)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


@pytest.mark.parametrize("idle_seconds", [0.0, 5.0])
def test_a_restarted_server_is_reconnected_to(database_url: str, monkeypatch: pytest.MonkeyPatch, idle_seconds: float):
    """In the moment after its last use, too, in which nobody asks whether it lives."""
    engine = connect(database_url, pool_size=1)
    with engine.connect() as connection:
        pid = connection.scalar(sa.text("SELECT pg_backend_pid()"))
    other = connect(database_url)
    with other.connect() as connection:
        connection.execute(sa.text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})
    other.dispose()
    later = time.monotonic() + idle_seconds
    monkeypatch.setattr(idle_connections, "monotonic", lambda: later)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    engine.dispose()


def test_a_connection_is_asked_whether_it_lives_where_it_was_idle(database_url: str, monkeypatch: pytest.MonkeyPatch):
    engine = connect(database_url, pool_size=1)
    asked = list[object]()
    monkeypatch.setattr(engine.dialect, "do_ping", asked.append)
    counts, began = list[int](), time.monotonic()
    for idle_seconds in (0.0, 0.0, 5.0):
        now = began + idle_seconds
        with monkeypatch.context() as clock:
            clock.setattr(idle_connections, "monotonic", lambda now=now: now)
            engine.connect().close()
        counts.append(len(asked))
    assert counts == [0, 0, 1]
    engine.dispose()


# --- reading transactions ---------------------------------------------------------------------------------------------


@pytest.fixture
def numbers(engine: sa.Engine) -> sa.Engine:
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE numbers (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO numbers VALUES (1), (2)")
    return engine


def test_a_reading_transaction_reads_and_cannot_write(numbers: sa.Engine):
    reading = read_only(numbers, 5)
    with reading.connect() as connection:
        assert connection.scalar(sa.text("SELECT sum(n) FROM numbers")) == 3
    with pytest.raises(DatabaseError, match=r"accepts no changes|does not let"), reading.begin() as connection:
        connection.exec_driver_sql("DELETE FROM numbers")


def test_a_reading_query_takes_no_parallel_workers(postgresql: sa.Engine):
    workers = sa.text("SHOW max_parallel_workers_per_gather")
    with read_only(postgresql).connect() as connection:
        assert connection.scalar(workers) == "0"
    with postgresql.connect() as connection:
        assert connection.scalar(workers) != "0"


def test_the_same_connection_writes_again_afterwards(numbers: sa.Engine):
    reading = read_only(numbers, 0.2)
    with reading.connect() as connection:
        connection.scalar(sa.text("SELECT 1"))
    with numbers.begin() as connection:
        assert connection.exec_driver_sql("DELETE FROM numbers").rowcount == 2
        if engine_sleeps := SLEEP.get(connection.dialect.name):
            connection.exec_driver_sql(engine_sleeps)  # longer than the limit of reading
    assert numbers.pool.checkedin() == 1  # type: ignore[attr-defined]  # one connection did all of it


SLEEP = {"postgresql": "SELECT pg_sleep(0.5)", "mysql": "SELECT sleep(0.5)", "mariadb": "SELECT sleep(0.5)"}


def test_a_query_that_takes_too_long_is_stopped_and_the_setting_is_named(numbers: sa.Engine):
    sleep = SLEEP.get(numbers.dialect.name)
    if sleep is None:
        pytest.skip("SQLite has no statement timeout")
    reading = read_only(numbers, 0.2)
    with (
        pytest.raises(DatabaseError, match="DATABASE_STATEMENT_TIMEOUT_SECONDS") as caught,
        reading.connect() as connection,
    ):
        connection.exec_driver_sql(sleep)
    assert not caught.value.needs_person
    with read_only(numbers, 30).connect() as connection:  # the pool still works
        assert connection.scalar(sa.text("SELECT count(*) FROM numbers")) == 2


def test_no_limit_means_no_limit(numbers: sa.Engine):
    with read_only(numbers, 0).connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM numbers")) == 2


def test_the_server_shows_who_we_are(postgresql: sa.Engine):
    with postgresql.connect() as connection:
        assert connection.scalar(sa.text("SELECT current_setting('application_name')")) == "sheets-pipeline"


def test_an_error_shows_the_statement_and_not_its_parameters(engine: sa.Engine):
    with pytest.raises(sa.exc.DBAPIError) as caught, engine.connect() as connection:
        connection.execute(sa.text("SELECT nonsense_function(:cell)"), {"cell": "what a learner wrote"})
    assert "nonsense_function" in str(caught.value)
    assert "what a learner wrote" not in str(caught.value)


def test_a_database_that_knows_no_encoding_is_read_and_written_as_utf8(postgres_server: Server) -> None:
    with psycopg.connect(postgres_server.conninfo("postgres"), autocommit=True) as server:
        encoding = "ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        server.execute(f"CREATE DATABASE without_encoding {encoding}")
        server.execute("ALTER DATABASE without_encoding SET client_encoding TO 'SQL_ASCII'")
        engine = connect(postgres_server.url("without_encoding"))
        with engine.begin() as connection:
            connection.execute(sa.text("create table note (words text)"))
            connection.execute(sa.text("insert into note values (:words)"), {"words": "Żółć 😀"})
            assert connection.scalar(sa.text("select words from note")) == "Żółć 😀"
            assert connection.scalar(sa.text("show client_encoding")) == "UTF8"
        engine.dispose()
        server.execute("DROP DATABASE without_encoding")
