"""PgBouncer between us and PostgreSQL, giving transactions: locks, quota, base rows and events must not notice."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.engine import connect, read_only
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.database.pooler import pooling
from sheets_pipeline.errors import DatabaseError, TabBusy
from sheets_pipeline.processes import servers

needs_pgbouncer = pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="PgBouncer is not installed")


@contextmanager
def pgbouncer(url: str, folder: Path, mode: str) -> Iterator[str]:
    """The URL of the same database through a pooler of its own."""
    server, port = sa.make_url(url), servers.free_port()
    password = f"password='{server.password}'" if server.password else ""
    settings = f"""
[databases]
* = host={server.host} port={server.port} user={server.username} {password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = {mode}
default_pool_size = 4
unix_socket_dir =
logfile = {folder / "log"}
"""
    folder.mkdir()
    (folder / "pgbouncer.ini").write_text(settings)
    user = []
    if os.geteuid() == 0:  # it refuses to run as root
        for path in (folder, *folder.parents):
            if path == Path("/tmp"):
                break
            path.chmod(path.stat().st_mode | 0o011)
        shutil.chown(folder, "nobody")
        (folder / "pgbouncer.ini").chmod(0o644)
        user = ["-u", "nobody"]
    pooler = subprocess.Popen(["pgbouncer", "-q", *user, str(folder / "pgbouncer.ini")], stderr=subprocess.PIPE)
    try:
        assert servers.wait_until(lambda: _listens(port), seconds=30), pooler.stderr and os.read(
            pooler.stderr.fileno(), 4096
        )
        yield server.set(host="127.0.0.1", port=port, password=None).render_as_string(hide_password=False)
    finally:
        pooler.terminate()
        pooler.wait(timeout=30)
        if pooler.stderr:
            pooler.stderr.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def pooled(database_url: str, tmp_path: Path) -> Iterator[sa.Engine]:
    """The database through a pooler that gives transactions."""
    with pgbouncer(database_url, tmp_path / "pooler", "transaction") as url:
        engine = connect(url)
        yield engine
        engine.dispose()


def test_without_a_pooler_none_is_told(database_url: str) -> None:
    engine = connect(database_url)
    assert pooling(engine) is None
    engine.dispose()


@needs_pgbouncer
@pytest.mark.parametrize("mode", ["session", "transaction"])
def test_a_pooler_is_told_with_what_it_gives(database_url: str, tmp_path: Path, mode: str) -> None:
    with pgbouncer(database_url, tmp_path / "pooler", mode) as url:
        engine = connect(url)
        assert pooling(engine) == mode
        engine.dispose()


@needs_pgbouncer
def test_one_writer_at_a_time_and_no_lock_stays_behind(pooled: sa.Engine, database_url: str) -> None:
    inside, most, errors = 0, 0, list[BaseException]()
    counting = threading.Lock()

    def write() -> None:
        nonlocal inside, most
        try:
            for _ in range(10):
                with named_lock(pooled, "tab", timeout_seconds=30) as still_held:
                    with counting:
                        inside += 1
                        most = max(most, inside)
                    with pooled.begin() as connection:  # takes the place that the lock's session would have had
                        connection.execute(sa.text("select pg_sleep(0.002)"))
                    still_held()
                    with counting:
                        inside -= 1
        except BaseException as error:
            errors.append(error)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert (most, errors) == (1, [])
    direct = connect(database_url)
    here = "database = (select oid from pg_database where datname = current_database())"
    with direct.connect() as connection:
        assert connection.scalar(sa.text(f"select count(*) from pg_locks where locktype = 'advisory' and {here}")) == 0
    with named_lock(pooled, "tab"), pytest.raises(TabBusy), named_lock(direct, "tab", timeout_seconds=0.1):
        pytest.fail("two writers at once")
    direct.dispose()


@needs_pgbouncer
def test_no_statement_is_prepared_and_no_setting_outlives_its_transaction(pooled: sa.Engine) -> None:
    with pooled.connect() as connection:
        for _ in range(12):  # psycopg would prepare a statement that it sees for the sixth time
            assert connection.scalar(sa.text("select 1 where 1 = :one"), {"one": 1}) == 1
            connection.commit()
        assert connection.scalar(sa.text("select count(*) from pg_prepared_statements")) == 0
    with read_only(pooled, 5).connect() as connection:
        assert connection.scalar(sa.text("show statement_timeout")) == "5s"
        connection.commit()
    with pooled.begin() as connection:
        connection.execute(sa.text("create table t (n int)"))
        assert connection.scalar(sa.text("show statement_timeout")) == "0"


@needs_pgbouncer
def test_a_pooler_for_single_statements_is_refused_with_its_remedy(database_url: str, tmp_path: Path) -> None:
    with pgbouncer(database_url, tmp_path / "pooler", "statement") as url:
        engine = connect(url)
        with pytest.raises(DatabaseError, match="pool_mode = transaction"), engine.connect() as connection:
            connection.execute(sa.text("select 1"))
        engine.dispose()


@needs_pgbouncer
def test_a_parameter_that_the_pooler_does_not_take_is_named(database_url: str, tmp_path: Path) -> None:
    with pgbouncer(database_url, tmp_path / "pooler", "transaction") as url:
        engine = connect(f"{url}?options=-csearch_path%3Dplatform")
        with pytest.raises(DatabaseError, match="ignore_startup_parameters"), engine.connect():
            pytest.fail("connected")
        engine.dispose()
