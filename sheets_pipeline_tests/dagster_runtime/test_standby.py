"""One host runs Dagster's daemon, the other stands by."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sheets_pipeline.dagster_runtime import host_clock
from sheets_pipeline.dagster_runtime.host_clock import clock_problem
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.host_processes import host_processes, sync_host_process
from sheets_pipeline.processes.identity import start_of
from sheets_pipeline.sync.hosts import ENDED, STANDS_BY, WORKS
from sheets_pipeline_tests.dagster_runtime.harness import eventually

_HOST = "import sys; from sheets_pipeline.dagster_runtime.standby import run_daemon; sys.exit(run_daemon(sys.argv[1:], print))"
#: In place of the daemon: says who it is, and lives.
_DAEMON = "import os, pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid())); time.sleep(60)"


def is_alive(pid: int) -> bool:
    return start_of(pid) is not None


class Host:
    """A process that stands by for the daemon or runs it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.mark = folder / name
        command = [sys.executable, "-c", _HOST, sys.executable, "-c", _DAEMON, str(self.mark)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def daemon(self) -> int:
        """The daemon's process where it runs here; 0 elsewhere."""
        pid = int(self.mark.read_text() or 0) if self.mark.exists() else 0
        return pid if pid and is_alive(pid) else 0

    def end(self, number: signal.Signals) -> int:
        os.kill(self.process.pid, number)
        return self.process.wait(30)


@pytest.fixture
def hosts(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Host]]:
    for name in ("DATABASE_URL", "DAGSTER_POSTGRES_URL"):
        monkeypatch.setenv(name, database_url)
    monkeypatch.setenv("SPREADSHEET_ID", "none")
    engine = connect(database_url)
    sync_host_process.create(engine)
    engine.dispose()
    made = [Host(tmp_path, "a"), Host(tmp_path, "b")]
    try:
        yield made
    finally:
        for host in made:
            if host.process.poll() is None:
                os.killpg(host.process.pid, signal.SIGKILL)
            host.process.communicate()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_one_host_runs_the_daemon_and_another_takes_over(
    hosts: list[Host], how: signal.Signals, database_url: str
) -> None:
    engine = connect(database_url)

    def told() -> list[str]:
        """What both have said of themselves; one that was killed says nothing any more."""
        return sorted(one.state for one in host_processes(engine))

    eventually(lambda: any(host.daemon() for host in hosts))
    time.sleep(1.5)
    [active] = [host for host in hosts if host.daemon()]
    [other] = [host for host in hosts if host is not active]
    daemon = active.daemon()
    eventually(lambda: told() == [STANDS_BY, WORKS])
    assert active.end(how) == (0 if how == signal.SIGTERM else -how)
    eventually(other.daemon)
    eventually(lambda: not is_alive(daemon))
    eventually(lambda: told() == ([ENDED, WORKS] if how == signal.SIGTERM else [WORKS, WORKS]))
    assert other.end(signal.SIGTERM) == 0
    assert not other.daemon()
    assert told() == ([ENDED, ENDED] if how == signal.SIGTERM else [ENDED, WORKS])
    assert all(len(one.code) == 12 for one in host_processes(engine))
    engine.dispose()


def test_a_host_that_lost_its_lock_ends_its_daemon(hosts: list[Host], database_url: str) -> None:
    eventually(lambda: any(host.daemon() for host in hosts))
    daemons = {host.daemon() for host in hosts} - {0}
    engine = connect(database_url)
    cut = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    with engine.connect() as connection:
        connection.exec_driver_sql(cut)
    engine.dispose()
    eventually(lambda: not any(map(is_alive, daemons)))
    eventually(lambda: any(host.daemon() for host in hosts))
    assert all(host.process.poll() is None for host in hosts)


def test_a_host_whose_clock_is_wrong_takes_no_part(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = connect(database_url)
    assert clock_problem(engine) is None
    now = time.time()
    monkeypatch.setattr(host_clock, "database_time", lambda _: now)  # which stands still, however slow this machine is
    for off, told in ((3600, "3,600 s ahead of"), (-90, "90 s behind"), (30, None), (-30, None)):
        monkeypatch.setattr("sheets_pipeline.dagster_runtime.host_clock.time.time", lambda off=off: now + off)
        problem = clock_problem(engine)
        assert (told in problem) if told and problem else problem is told
    engine.dispose()
    assert clock_problem(sa.create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")) is None
