"""An empty platform on each kind of database: PostgreSQL and SQLite always, MariaDB where it is installed."""

import functools
import itertools
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from pymysql.connections import Connection

from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform.tables import platform_metadata
from sheets_pipeline.testing import new_database

_numbers = itertools.count(1)

needs_mariadb = pytest.mark.skipif(
    not (shutil.which("mariadbd") and shutil.which("mariadb-install-db")), reason="MariaDB is not installed"
)
DIALECTS = [
    "postgresql",
    "sqlite",
    # One worker starts the server for all tests that need it.
    pytest.param("mariadb", marks=[needs_mariadb, pytest.mark.xdist_group("mariadb")]),
]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def mariadb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.URL]:
    """The URL of a MariaDB server of this session, with the rights to create databases."""
    folder = tmp_path_factory.mktemp("mariadb")
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={folder}", "--auth-root-authentication-method=normal"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    port = _free_port()
    options = [f"--datadir={folder}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/s"]
    # A server that starts clears its folder for temporary files, another's tables among them.
    options.append(f"--tmpdir={tmp_path_factory.mktemp('mariadb-temporary')}")
    # Nothing of it outlives the tests, so it need not wait for the disk.
    options += ["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--innodb-file-per-table=0"]
    options += ["--innodb-doublewrite=0", "--loose-sync-frm=0"]
    with Path(folder, "log").open("wb") as log:
        server = subprocess.Popen(
            ["mariadbd", "--no-defaults", "--user=root", *options],
            stdout=log,
            stderr=log,
        )
    try:
        socket_url = sa.URL.create("mysql", "root", query={"unix_socket": f"{folder}/s"})
        with _trust_read_once():
            _create_user(connect(socket_url))
            yield sa.URL.create("mysql", "tester", "secret-of-tester", "127.0.0.1", port)
    finally:
        server.terminate()
        server.wait(timeout=30)


@contextmanager
def _trust_read_once() -> Iterator[None]:
    """PyMySQL reads the machine's certificates for each connection, though this server offers no TLS: 0.06 s."""
    made = Connection._create_ssl_ctx
    default = functools.cache(lambda: made(None, {}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Connection, "_create_ssl_ctx", lambda self, asked: made(self, asked) if asked else default())
        yield


def _create_user(engine: sa.Engine) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE USER 'tester'@'localhost' IDENTIFIED BY 'secret-of-tester'")
                connection.exec_driver_sql("GRANT ALL ON *.* TO 'tester'@'localhost' WITH GRANT OPTION")
            return
        except DatabaseError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@contextmanager
def empty_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[sa.Engine]:
    """An engine for an empty database of the dialect that is the fixture's parameter."""
    with ExitStack() as stack:
        if request.param == "postgresql":
            made = connect(stack.enter_context(new_database(request.getfixturevalue("postgres_server"))))
        elif request.param == "sqlite":
            made = connect(f"sqlite:///{folder / 'platform.db'}")
        else:
            made = connect(stack.enter_context(_mariadb_database(request.getfixturevalue("mariadb_url"))))
        yield made
        made.dispose()


@contextmanager
def _mariadb_database(server: sa.URL) -> Iterator[sa.URL]:
    """A database for the length of the block: some of MariaDB's catalogs are read by opening all tables of all that there are."""
    name, engine = f"test_{next(_numbers)}", connect(server)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield server.set(database=name)
    with engine.begin() as connection:
        left = connection.exec_driver_sql("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
        for session in left.scalars().all():
            with suppress(sa.exc.DBAPIError, DatabaseError):  # it has just ended
                connection.exec_driver_sql(f"KILL {session}")
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name}")
    engine.dispose()


def emptied(engine: sa.Engine, metadata: sa.MetaData) -> sa.Engine:
    """The same, with no row left in these tables."""
    with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
    return engine


@pytest.fixture(scope="module", params=DIALECTS)
def made_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    with empty_database(request, tmp_path_factory.mktemp("store")) as made:
        install_state(made)
        yield made


@pytest.fixture
def store(made_store: sa.Engine) -> sa.Engine:
    """The pipeline's own tables, empty, on each dialect in turn; for tests that do not change the tables themselves."""
    return emptied(made_store, state_metadata)


@pytest.fixture(params=DIALECTS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An engine for an empty database, on each dialect in turn."""
    with empty_database(request, tmp_path) as made:
        yield made


@pytest.fixture
def platform(engine: sa.Engine) -> sa.Engine:
    """The platform's tables, empty, on each dialect in turn."""
    platform_metadata.create_all(engine)
    return engine


@pytest.fixture
def postgresql(database_url: str) -> Iterator[sa.Engine]:
    """The platform's tables, empty, on PostgreSQL only."""
    made = connect(database_url)
    platform_metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def mariadb(mariadb_url: sa.URL) -> Iterator[sa.Engine]:
    """The platform's tables, empty, on MariaDB."""
    with connect(mariadb_url).begin() as connection:
        connection.exec_driver_sql("CREATE DATABASE faults CHARACTER SET utf8mb4")
    engine = connect(mariadb_url.set(database="faults"))
    platform_metadata.create_all(engine)
    yield engine
    engine.dispose()
    with connect(mariadb_url).begin() as connection:
        connection.exec_driver_sql("DROP DATABASE faults")
