"""The embedded PostgreSQL: start, attach, stop, and what survives."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from sheets_pipeline.embedded import postgres
from sheets_pipeline.embedded.postgres import EmbeddedPostgres, Server
from sheets_pipeline.errors import EmbeddedPostgresError
from sheets_pipeline.processes.servers import free_port, wait_until

ENSURE = """
import sys
from pathlib import Path
from sheets_pipeline.embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1])).ensure({"kept": None})
print(server.pid, server.port, server.password)
"""


@pytest.fixture
def unmade(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """Nothing of its data is there."""
    embedded = EmbeddedPostgres(tmp_path / "postgres")
    yield embedded
    embedded.stop()


@pytest.fixture
def embedded(unmade: EmbeddedPostgres, ready_cluster: None) -> EmbeddedPostgres:
    """The same, and its data are soon made."""
    return unmade


def remember(server: Server, note: str) -> None:
    with psycopg.connect(server.conninfo("kept")) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS note (text text)")
        connection.execute("INSERT INTO note VALUES (%s)", [note])


def recall(server: Server) -> list[str]:
    with psycopg.connect(server.conninfo("kept")) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY text")]


def test_six_processes_at_once_start_one_server(unmade: EmbeddedPostgres):
    command = [sys.executable, "-c", ENSURE, str(unmade.folder)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    answers = {starter.communicate(timeout=60)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 6
    assert len(answers) == 1


def test_a_restart_keeps_data_port_and_password(embedded: EmbeddedPostgres):
    first = embedded.ensure({"kept": None})
    remember(first, "here")
    assert embedded.stop() is True
    assert embedded.running() is None
    assert embedded.stop() is False
    second = embedded.ensure({"kept": None})
    assert (second.port, second.password) == (first.port, first.password)
    assert recall(second) == ["here"]


def test_text_sorts_by_code_point_and_is_utf8(embedded: EmbeddedPostgres):
    server = embedded.ensure({"kept": None})
    for text in ["b", "a", "B", "é", "z", "日"]:
        remember(server, text)
    assert recall(server) == ["B", "a", "b", "z", "é", "日"]


@pytest.mark.parametrize("victim", ["postmaster", "backend"])
def test_kill_9_of_any_server_process_loses_nothing_committed(embedded: EmbeddedPostgres, victim: str):
    server = embedded.ensure({"kept": None})
    remember(server, "committed")
    with psycopg.connect(server.conninfo("kept")) as connection:
        os.kill(server.pid if victim == "postmaster" else connection.info.backend_pid, signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT pg_sleep(5)")
    assert wait_until(lambda: _accepts(embedded.ensure({"kept": None})), seconds=30)
    assert recall(embedded.ensure({"kept": None})) == ["committed"]


def _accepts(server: Server) -> bool:
    try:
        psycopg.connect(server.conninfo("kept")).close()
    except psycopg.OperationalError:
        return False
    return True


def test_a_stale_pid_file_that_names_a_foreign_process_is_seen_through(embedded: EmbeddedPostgres):
    server = embedded.ensure({"kept": None})
    remember(server, "here")
    pid_file = embedded.folder / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    os.kill(server.pid, signal.SIGKILL)
    foreign = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        wait_until(lambda: embedded.running() is None, seconds=30)
        pid_file.write_text("\n".join([str(foreign.pid), *lines[1:]]) + "\n")
        assert embedded.running() is None
        assert recall(embedded.ensure({"kept": None})) == ["here"]
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.communicate()


@pytest.mark.parametrize(
    ("content", "is_running"),
    [
        pytest.param(None, True, id="missing, server up"),
        pytest.param(None, False, id="missing, server down"),
        pytest.param("{half", True, id="torn, server up"),
    ],
)
def test_a_lost_state_file_costs_a_new_password_and_no_data(
    embedded: EmbeddedPostgres, content: str | None, is_running: bool
):
    remember(embedded.ensure({"kept": None}), "here")
    if not is_running:
        embedded.stop()
    state = embedded.folder / "state.json"
    state.unlink()
    if content is not None:
        state.write_text(content)
    assert recall(embedded.ensure({"kept": None})) == ["here"]


def test_kill_9_of_the_starter_at_any_moment_is_mended_by_the_next_start(unmade: EmbeddedPostgres):
    command = [sys.executable, "-c", ENSURE, str(unmade.folder)]
    for delay in [0.15, 0.3, 0.45, 0.6, 0.8, 1.0]:
        starter = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(delay)
        starter.kill()
        starter.wait()
    remember(unmade.ensure({"kept": None}), "here")
    for delay in [0.05, 0.15, 0.25]:
        unmade.stop()
        starter = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(delay)
        starter.kill()
        starter.wait()
        assert recall(unmade.ensure({"kept": None})) == ["here"]


def test_a_database_that_a_killed_starter_is_still_making_is_waited_for_and_made_anew(embedded: EmbeddedPostgres):
    server = embedded.ensure({"kept": None})
    with ThreadPoolExecutor(1) as beside, psycopg.connect(server.conninfo("postgres"), autocommit=True) as orphan:
        orphan.execute("SELECT pg_advisory_lock(%s)", [postgres._CREATING_LOCK])
        second = beside.submit(embedded.ensure, {"second": None})
        time.sleep(0.5)
        orphan.execute("CREATE DATABASE second_unfinished")
        assert not second.done()
        orphan.close()
        assert second.result(timeout=30).pid == server.pid
    with psycopg.connect(server.conninfo("second")) as connection:
        names = {name for (name,) in connection.execute("SELECT datname FROM pg_database")}
    assert "second_unfinished" not in names


def test_a_wrong_password_in_the_state_file_is_mended(embedded: EmbeddedPostgres):
    remember(embedded.ensure({"kept": None}), "here")
    embedded.stop()
    state_file = embedded.folder / "state.json"
    state_file.write_text(json.dumps({**json.loads(state_file.read_text()), "password": "wrong"}))
    assert recall(embedded.ensure({"kept": None})) == ["here"]


def test_a_database_is_filled_or_does_not_exist(embedded: EmbeddedPostgres):
    def fill(url: str) -> None:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE note AS SELECT 'filled' AS text"))
        engine.dispose()

    def fill_half(url: str) -> None:
        fill(url)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embedded.ensure({"kept": fill_half})
    assert recall(embedded.ensure({"kept": fill})) == ["filled"]
    assert recall(embedded.ensure({"kept": fill_half})) == ["filled"]


def test_a_half_finished_initdb_is_done_again(unmade: EmbeddedPostgres):
    unfinished = unmade.folder / "data.unfinished.0123"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    remember(unmade.ensure({"kept": None}), "here")
    assert not unfinished.exists()


def test_data_that_is_no_cluster_is_refused_and_left_alone(unmade: EmbeddedPostgres):
    data = unmade.folder / "data"
    data.mkdir(parents=True)
    (data / "letter.txt").write_text("not a database")
    with pytest.raises(EmbeddedPostgresError, match="nothing is overwritten"):
        unmade.ensure()
    assert (data / "letter.txt").exists()


def test_data_of_another_major_version_is_refused_by_name(embedded: EmbeddedPostgres):
    embedded.ensure()
    embedded.stop()
    version = embedded.folder / "data" / "PG_VERSION"
    before = version.read_text()
    version.write_text("12\n")
    with pytest.raises(EmbeddedPostgresError, match=r"written by PostgreSQL 12, the installed .* is version \d+"):
        embedded.ensure()
    version.write_text(before)


def test_a_port_taken_meanwhile_makes_way_for_another(embedded: EmbeddedPostgres):
    import socket

    server = embedded.ensure({"kept": None})
    remember(server, "here")
    embedded.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", server.port))
        other.listen()
        second = embedded.ensure({"kept": None})
        assert second.port != server.port
        assert recall(second) == ["here"]


def test_reset_starts_from_nothing(embedded: EmbeddedPostgres):
    remember(embedded.ensure({"kept": None}), "here")
    embedded.reset()
    assert embedded.running() is None
    with psycopg.connect(embedded.ensure({"kept": None}).conninfo("kept")) as connection:
        assert connection.execute("SELECT to_regclass('note')").fetchone() == (None,)


def test_secrets_are_for_their_owner_only_and_no_connection_works_without(unmade: EmbeddedPostgres):
    server = unmade.ensure()
    for name in ("state.json", "server.log", "data"):
        assert (unmade.folder / name).stat().st_mode & 0o077 == 0
    assert server.password not in (unmade.folder / "server.log").read_text()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(f"host=127.0.0.1 port={server.port} user=postgres password=guess dbname=postgres")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match="LOCAL_DATA_DIR"):
        EmbeddedPostgres(tmp_path / "file" / "postgres").ensure()


def test_the_database_of_a_test_is_empty_and_its_own(database_url: str):
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE mine (id int)"))
        assert connection.scalar(sa.text("SELECT count(*) FROM mine")) == 0
    engine.dispose()


def test_a_free_port_is_the_preferred_one_where_that_is_free():
    port = free_port()
    assert free_port(port) == port
