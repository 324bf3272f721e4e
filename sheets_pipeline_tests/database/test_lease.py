"""A lock whose holder stands still is taken back by the server, and the holder finds out before it does anything more."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline_tests.databases import needs_mariadb

_HOLDER = """
import sys
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.errors import TabBusy

with named_lock(connect(sys.stdin.readline().strip()), "tab", lease_seconds=1) as still_held:
    print("held", flush=True)
    for _ in sys.stdin:
        try:
            still_held()
        except TabBusy as busy:
            print("lost" if "was lost" in str(busy) else busy, flush=True)
        else:
            print("held", flush=True)
"""


@pytest.fixture(
    params=["postgresql", pytest.param("mariadb", marks=[needs_mariadb, pytest.mark.xdist_group("mariadb")])]
)
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "mariadb":
        return str(request.getfixturevalue("mariadb_url").render_as_string(hide_password=False))
    return str(request.getfixturevalue("database_url"))


@contextmanager
def holder(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another process with the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        assert process.stdin is not None
        process.stdin.write(f"{url}\n")
        assert _says(process) == "held"
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.communicate()


def _says(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _ask(process: subprocess.Popen[str]) -> str:
    assert process.stdin is not None
    process.stdin.write("?\n")
    return _says(process)


def test_a_holder_that_stands_still_loses_its_lock_and_notices(url: str) -> None:
    engine = connect(url)
    with ExitStack() as holders:
        for _ in range(5):  # a machine that stands still for a second may cost one that lives its lock, too
            other = holders.enter_context(holder(url))
            time.sleep(1.5)
            if (told := _ask(other)) == "held":
                break
        assert told == "held", "its lease was not renewed while it lived"
        other.send_signal(signal.SIGSTOP)
        with named_lock(engine, "tab", timeout_seconds=30) as still_held:
            other.send_signal(signal.SIGCONT)
            assert _ask(other) == "lost"
            still_held()
    engine.dispose()


def test_a_connection_that_held_a_lock_stays_as_others_are(url: str) -> None:
    engine = connect(url, pool_size=1, max_overflow=0)
    mariadb = engine.dialect.name != "postgresql"
    asks = sa.text("select @@wait_timeout" if mariadb else "show idle_in_transaction_session_timeout")
    with engine.connect() as connection:
        before = connection.scalar(asks)
    with named_lock(engine, "tab", lease_seconds=5):
        pass
    with engine.connect() as connection:
        assert connection.scalar(asks) == before
    engine.dispose()
