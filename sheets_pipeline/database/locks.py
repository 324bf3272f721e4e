"""Named locks held in the database: one writer per tab, over all processes and hosts.

The lock lives as long as its connection, so a process that dies lets go at once.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import sqlalchemy as sa

from sheets_pipeline.errors import DatabaseError, TabBusy

_POLL_SECONDS = 0.05


@contextmanager
def named_lock(engine: sa.Engine, name: str, *, timeout_seconds: float = 120) -> Iterator[Callable[[], None]]:
    """Hold the lock ``name`` for the length of the block.

    Gives a function that raises ``TabBusy`` once the lock is lost (the database was restarted, the connection broke):
    to be called before each step that must not meet another writer's.

    Raises:
        TabBusy: Somebody else held it for all of ``timeout_seconds``.
    """
    if engine.dialect.name == "sqlite":
        with _file_lock(engine, name, timeout_seconds):
            yield lambda: None
        return
    argument: dict[str, int | str]
    digest = hashlib.sha256(name.encode()).digest()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if engine.dialect.name == "postgresql":
            number = int.from_bytes(digest[:8], "big", signed=True)
            take, let_go, argument = "select pg_try_advisory_lock(:n)", "select pg_advisory_unlock(:n)", {"n": number}
        else:
            take, let_go, argument = "select get_lock(:n, 0)", "select release_lock(:n)", {"n": digest.hex()[:60]}
        _wait_until(lambda: bool(connection.scalar(sa.text(take), argument)), name, timeout_seconds)
        try:
            yield lambda: _assert_alive(connection, name)
        finally:
            if not connection.invalidated:
                connection.execute(sa.text(let_go), argument)


def _assert_alive(connection: sa.Connection, name: str) -> None:
    try:
        connection.execute(sa.text("select 1"))
    except (sa.exc.DBAPIError, DatabaseError):
        connection.invalidate()
        raise TabBusy(
            f"{name}: the connection that kept other writers away was lost, so nothing more is written. "
            "The next sync goes on from there."
        ) from None


def _wait_until(taken: Callable[[], bool], name: str, timeout_seconds: float) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not taken():
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
