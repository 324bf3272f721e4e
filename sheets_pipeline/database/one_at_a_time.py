"""Changing tables that an application is using: one at a time, each locked for a moment.

Whoever waits for a table lets all its later writers queue behind. So where a transaction of the application holds a table,
the attempt is given up within a fraction of a second, and made again after a pause.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from sheets_pipeline.database.engine import described
from sheets_pipeline.database.queue_check import Catalog, look
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.watch import WatchedTable

#: Longest wait for one table, in seconds: so long, at most, its writers wait behind us. MySQL counts whole seconds.
LOCK_TIMEOUT_SECONDS = 0.2
#: Longest time for all tables together, and the pauses between two attempts, in seconds.
TOTAL_SECONDS = 60.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 5.0
#: Longest wait for another installer, in seconds.
_INSTALLER_SECONDS = 10

#: Any number that nobody else uses; held while tables and triggers are changed.
_ADVISORY_LOCK = 7349216

#: Changes one table, in a transaction of its own; is given what stands there.
Part = Callable[[sa.Connection, Catalog], None]


def one_at_a_time(
    engine: sa.Engine, watched: Sequence[WatchedTable], parts: Mapping[str, Part], say: Callable[[str], None]
) -> None:
    """Carry out all parts, by the name of their table; those whose table is in use again and again.

    SQLite locks the database, not tables: there all parts are one transaction.

    Raises:
        DatabaseError: Tables were in use all the time, or one of the parts failed; all others are done.
    """
    deadline, pause = time.monotonic() + TOTAL_SECONDS, _FIRST_PAUSE_SECONDS
    failures: list[Exception] = []
    left = [list(parts)] if engine.dialect.name == "sqlite" else [[name] for name in parts]
    while left:
        busy = [names for names in left if not _attempt(engine, watched, [parts[name] for name in names], failures)]
        if not busy or failures:
            break
        named = ", ".join(name for names in busy for name in names)
        if (rest := deadline - time.monotonic()) <= 0:
            raise _in_use(engine, named, [name for name in parts if [name] not in busy])
        say(f"In use, tried again for {rest:.0f} s: {named}.")
        time.sleep(min(pause, max(rest, 0.0)))
        left, pause = busy, min(pause * 2, _LONGEST_PAUSE_SECONDS)
    if failures:
        raise failures[0]


def _attempt(engine: sa.Engine, watched: Sequence[WatchedTable], parts: list[Part], failures: list[Exception]) -> bool:
    """Carry out parts in one transaction; False where a table was in use."""
    try:
        with _exclusive(engine) as connection:
            for part in parts:
                part(connection, _look(connection, watched))
    except (sa.exc.DBAPIError, DatabaseError) as error:
        words = f"{error} {error.__cause__}".lower()
        if any(text in words for text in _BUSY):
            return False
        failures.append(error)
    return True


def _look(connection: sa.Connection, watched: Sequence[WatchedTable]) -> Catalog:
    """Without MariaDB's limit for statements: its catalog leaves out what it had no time to read, and tells nobody."""
    if not getattr(connection.dialect, "is_mariadb", False):
        return look(connection, watched)
    connection.exec_driver_sql("SET SESSION max_statement_time = 0")
    try:
        return look(connection, watched)
    finally:
        connection.exec_driver_sql(f"SET SESSION max_statement_time = {LOCK_TIMEOUT_SECONDS}")


#: What databases say where a lock was not to be had in time.
_BUSY = ("lock timeout", "lock wait timeout", "deadlock", "database is locked", "max_statement_time exceeded")


def _in_use(engine: sa.Engine, named: str, done: list[str]) -> DatabaseError:
    finished = f"Done: {', '.join(done)}. " if done else ""
    error = DatabaseError(
        f"In {described(engine.url)} a long transaction of the application held {named} for {TOTAL_SECONDS:g} s, whenever "
        f"it was tried. {finished}Nothing was lost; end that transaction, or try again "
        "at a quieter time."
    )
    error.is_transient = True
    return error


@contextmanager
def _exclusive(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction of the only installer, in which no statement waits long for a table."""
    with engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_INSTALLER_SECONDS}s'")
            # By its full name and type: in a schema on the path others may have made a function that fits better.
            connection.exec_driver_sql(f"SELECT pg_catalog.pg_advisory_xact_lock({_ADVISORY_LOCK}::pg_catalog.int8)")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS * 1000:.0f}ms'")
            yield connection
        elif connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
        else:
            with _with_lock_timeout(connection):
                yield connection


@contextmanager
def _with_lock_timeout(connection: sa.Connection) -> Iterator[None]:
    """MySQL and MariaDB: the only installer, statements end soon; settings of the session are put back."""
    connection.execute(sa.select(sa.func.get_lock("sheets_pipeline", _INSTALLER_SECONDS)))
    settings = {"lock_wait_timeout": "1"}  # whole seconds
    if getattr(connection.dialect, "is_mariadb", False):
        settings["max_statement_time"] = str(LOCK_TIMEOUT_SECONDS)
    try:
        for name, value in settings.items():
            connection.exec_driver_sql(f"SET SESSION {name} = {value}")
        yield
    finally:
        for name in settings:
            connection.exec_driver_sql(f"SET SESSION {name} = DEFAULT")
        connection.execute(sa.select(sa.func.release_lock("sheets_pipeline")))
