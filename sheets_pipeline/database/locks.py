"""Named locks held in the database: one writer per tab, over all processes and hosts.

The lock lives as long as its connection, so a process that dies lets go at once. It is a lease, too: the server ends a
connection from which nothing has come for that long, so a host that was paused or lost its network lets go as well, and
finds that out before it writes. On PostgreSQL it is a lock of a transaction that stays open and idle: one of the session
would stay behind on a pooler's connection, which others use.
"""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import sqlalchemy as sa

from sheets_pipeline.errors import DatabaseError, TabBusy

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.05

#: The server takes a lock back whose holder has said nothing for so long, by its own clock.
LEASE_SECONDS = 30.0

#: Nobody ends the transaction for being long, and for being idle only when the lease is over. It holds no snapshot, so it holds
#: up no VACUUM either.
_LEASED = sa.text(
    "select set_config(name, case name when 'transaction_timeout' then '0' else :lease end, true) from pg_settings "
    "where name in ('idle_in_transaction_session_timeout', 'transaction_timeout')"
)


@contextmanager
def named_lock(
    engine: sa.Engine, name: str, *, timeout_seconds: float = 120, lease_seconds: float = LEASE_SECONDS
) -> Iterator[Callable[[], None]]:
    """Hold the lock ``name`` for the length of the block.

    Gives a function that raises ``TabBusy`` once the lock is lost (the database was restarted, the connection broke, this
    process stood still for longer than the lease): to be called before each step that must not meet another writer's.

    Raises:
        TabBusy: Somebody else held it for all of ``timeout_seconds``.
    """
    if engine.dialect.name == "sqlite":
        with _file_lock(engine, name, timeout_seconds):
            yield lambda: None
        return
    digest = hashlib.sha256(name.encode()).digest()
    if engine.dialect.name == "postgresql":
        number = int.from_bytes(digest[:8], "big", signed=True)
        lock = _in_transaction(engine, number, name, timeout_seconds, lease_seconds)
    else:
        lock = _in_session(engine, digest.hex()[:60], name, timeout_seconds, lease_seconds)
    with lock as connection, _renewed(connection, lease_seconds) as in_use:
        yield lambda: _assert_alive(connection, name, in_use)


@contextmanager
def _in_transaction(
    engine: sa.Engine, number: int, name: str, timeout_seconds: float, lease_seconds: float
) -> Iterator[sa.Connection]:
    with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        connection.execute(_LEASED, {"lease": str(int(lease_seconds * 1000))})
        take = f"SELECT pg_catalog.pg_try_advisory_xact_lock(CAST({number} AS pg_catalog.int8))"
        _wait_until(lambda: bool(connection.exec_driver_sql(take).scalar()), name, timeout_seconds)
        try:
            yield connection
        finally:
            _release(connection.rollback, name)


@contextmanager
def _in_session(
    engine: sa.Engine, lock: str, name: str, timeout_seconds: float, lease_seconds: float
) -> Iterator[sa.Connection]:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"SET SESSION wait_timeout = {max(1, round(lease_seconds))}")
        _wait_until(lambda: bool(connection.scalar(sa.select(sa.func.get_lock(lock, 0)))), name, timeout_seconds)
        try:
            yield connection
        finally:
            if not connection.invalidated:
                _release(lambda: connection.execute(sa.select(sa.func.release_lock(lock))), name)
                _release(lambda: connection.exec_driver_sql("SET SESSION wait_timeout = DEFAULT"), name)


@contextmanager
def _renewed(connection: sa.Connection, lease_seconds: float) -> Iterator[threading.Lock]:
    """Ask the server for something now and then, until the block ends; gives what guards the connection meanwhile."""
    in_use, is_over = threading.Lock(), threading.Event()

    def renew() -> None:
        while not is_over.wait(lease_seconds / 6):
            try:
                _ask(connection, in_use)
            except (sa.exc.SQLAlchemyError, DatabaseError):  # told when the holder asks whether it still has the lock
                return

    renewing = threading.Thread(target=renew, name="lock", daemon=True)
    renewing.start()
    try:
        yield in_use
    finally:
        is_over.set()
        renewing.join()


def _ask(connection: sa.Connection, in_use: threading.Lock) -> None:
    with in_use:
        connection.execute(sa.text("select 1"))


def _release(release: Callable[[], object], name: str) -> None:
    try:
        release()
    except (sa.exc.DBAPIError, DatabaseError) as error:  # with the connection the lock has gone
        logger.info("%s: its lock had gone with its connection (%s)", name, type(error).__name__)


def _assert_alive(connection: sa.Connection, name: str, in_use: threading.Lock) -> None:
    try:
        _ask(connection, in_use)
    except (sa.exc.SQLAlchemyError, DatabaseError):
        connection.invalidate()
        raise TabBusy(
            f"{name}: the connection that kept other writers away was lost, or this process stood still for too long, so "
            "nothing more is written. "
            "The next sync goes on from there."
        ) from None


def _wait_until(try_to_take: Callable[[], bool], name: str, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not try_to_take():
        if time.monotonic() > deadline:
            raise _busy(name, timeout_seconds)
        time.sleep(_POLL_SECONDS)


@contextmanager
def _file_lock(engine: sa.Engine, name: str, timeout_seconds: float) -> Iterator[None]:
    """SQLite has no locks that outlive a transaction: a file beside the database does it."""
    database = engine.url.database
    if not database or database == ":memory:":
        yield
        return
    path = Path(f"{database}.{hashlib.sha256(name.encode()).hexdigest()[:12]}.lock")
    try:
        with filelock.FileLock(path, timeout=timeout_seconds):
            yield
    except filelock.Timeout:
        raise _busy(name, timeout_seconds) from None


def _busy(name: str, timeout_seconds: float) -> TabBusy:
    return TabBusy(
        f"{name} has been written by another process for {timeout_seconds:.0f} s. It goes on by itself when that one "
        "is done; if none is running, look for a hanging run in the Dagster UI and terminate it."
    )
