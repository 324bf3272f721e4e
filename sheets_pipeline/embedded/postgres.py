"""The embedded PostgreSQL: one server per data folder, started by whoever needs it first, attached to by the others.

``ensure`` starts or attaches from any number of processes at once. What happens to a start, to the server or to us
(kill -9, a full disk, a lost state file) costs a restart at most, never data:

- ``state.json``  port, password and known databases; replaced as a whole. Lost: a new password is set, data is kept.
- ``lock``        held while somebody starts, stops or resets.
- ``life.lock``   held by the server itself while any of its processes lives; tells a stale ``postmaster.pid``.
- ``data/``       the cluster; ``data.unfinished.*/`` is an initdb that was interrupted, and is thrown away.
- ``server.log``  what the server says.

The server outlives its starter: `sheets-pipeline dev` and `sheets-pipeline local stop` stop it; after `dagster dev` or
`sheets-pipeline sync` it stays up for others to attach.
"""

import os
import secrets
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sheets_pipeline.embedded.files import read_state, write_state
from sheets_pipeline.embedded.life import EmbeddedServer
from sheets_pipeline.errors import EmbeddedPostgresError
from sheets_pipeline.processes import servers

if TYPE_CHECKING:
    from sheets_pipeline.embedded.account import Account

#: Advisory lock on making a database; any number that nobody else uses.
_CREATING_LOCK = 5_481_026_733

#: Names of databases, each with what fills it when it is new.
Databases = Mapping[str, Callable[[str], None] | None]


@dataclass(frozen=True)
class Server:
    """A running server: how to reach it and which process it is."""

    port: int
    password: str
    pid: int

    def url(self, database: str, driver: str = "psycopg") -> str:
        """A SQLAlchemy URL, with the driver named: a plain ``postgresql://`` may mean either."""
        return f"postgresql+{driver}://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def conninfo(self, database: str) -> str:
        """The same for psycopg.connect."""
        return f"host=127.0.0.1 port={self.port} user=postgres password={self.password} dbname={database}"


class EmbeddedPostgres(EmbeddedServer):
    """The server whose files are in ``folder``.

    Args:
        folder: The server's own folder; created when missing.
        server_settings: PostgreSQL settings beside those of ``cluster.SERVER_SETTINGS``.
    """

    name = "The embedded PostgreSQL"
    error = EmbeddedPostgresError
    port_taken = "could not bind"
    #: Fast shutdown (open transactions are rolled back), then an immediate one.
    ending = ((signal.SIGINT, 30), (signal.SIGQUIT, 10), (signal.SIGKILL, 10))

    def __init__(self, folder: Path, *, server_settings: dict[str, str] | None = None) -> None:
        super().__init__(folder, ("state.json", "lock", "life.lock", "server.log"))
        self.server_settings = server_settings or {}

    def running(self) -> Server | None:
        """The server if it is up and accepts connections; milliseconds, no lock.

        Raises:
            EmbeddedPostgresError: The folder belongs to another user.
        """
        try:
            state = read_state(self._state_file)
            if state is None or not {"port", "password", "home"} <= state.keys():
                return None
            process = _read_pid_file(Path(state["home"]) / "data")
        except PermissionError as error:
            raise self._anothers(error) from None
        if (
            process is None
            or not process.is_ready
            or process.port != state["port"]
            or not self._is_ours(process.pid, state)
        ):
            return None
        return Server(port=process.port, password=state["password"], pid=process.pid)

    def ensure(self, databases: Databases = MappingProxyType({})) -> Server:
        """Start the server or attach to it; create the databases that it does not have yet.

        Args:
            databases: Names, each with a function that fills the new database of a given URL (or None). A database
                exists filled or not at all: an interrupted filling is thrown away and done again.

        Raises:
            EmbeddedPostgresError: Says what stands in the way and what to do.
        """
        server = self.running()
        if server and databases.keys() <= self._known_databases():
            return server
        self._make_folder()
        with self._locked():
            server = self.running() or self._start()
            missing = databases.keys() - self._known_databases()
            for name in sorted(missing, key=lambda name: (databases[name] is not None, name)):
                self._create_database(server, name, databases[name])
        return server

    def once_per_start(self, task: str, version: str, run: Callable[[], None]) -> None:
        """Do something once for each start of the running server, and again for another ``version`` of it.

        Of several processes one does it and the others wait. Nothing but a look at the state file where it is done.
        """

        def is_done() -> bool:
            state = read_state(self._state_file) or {}
            return bool(state.get("done", {}).get(task) == [state.get("pid"), version])

        if is_done():
            return
        with self._locked():
            if not is_done():
                run()
                state = read_state(self._state_file) or {}
                done = {**state.get("done", {}), task: [state.get("pid"), version]}
                write_state(self._state_file, {**state, "done": done})

    def restart_if_crashed(self) -> Server | None:
        """The running server, started again where it crashed; None where somebody stopped it on purpose."""
        if server := self.running():
            return server
        state = read_state(self._state_file)
        return None if state is None or state.get("stopped") else self.ensure()

    def _data_folders(self) -> set[Path]:
        from sheets_pipeline.embedded.cluster import remove_unfinished

        state = read_state(self._state_file) or {}
        folders = {home / "data" for home in (self.folder, Path(state.get("home", self.folder)), self._home())}
        for data in folders:
            remove_unfinished(data)
        return folders

    def _home(self) -> Path:
        from sheets_pipeline.embedded.account import choose_account

        return choose_account(self.folder).home

    def _known_databases(self) -> set[str]:
        return set((read_state(self._state_file) or {}).get("databases", []))

    def _is_ours(self, pid: int, state: dict[str, object]) -> bool:
        """Whether this process id is our server: it lives, and it holds the lock or works in our data folder."""
        if not _is_alive(pid):
            return False
        return (servers.is_held(self._life_lock) and state.get("pid") == pid) or _works_in(
            pid, Path(str(state["home"])) / "data"
        )

    def _start(self) -> Server:
        """Bring the server up, whatever a crash has left behind. The lock is held."""
        from sheets_pipeline.embedded import cluster
        from sheets_pipeline.embedded.account import choose_account

        account = choose_account(self.folder)
        data = account.home / "data"
        self._end_leftovers(data)
        state = read_state(self._state_file) or {}
        password = str(state.get("password") or secrets.token_urlsafe(24))
        if not data.exists():
            state = {"port": state.get("port"), "password": password, "home": str(account.home)}
            write_state(self._state_file, state)
            cluster.create_cluster(account, data, password)
        cluster.check_cluster(account, data)
        account.own(data)
        if "password" not in state:
            cluster.set_password(account, data, password)
        state = {**state, "password": password, "home": str(account.home)}
        server = self._start_in(data, account, state)
        if not _lets_in(server):
            self._stop()
            cluster.set_password(account, data, password)
            server = self._start_in(data, account, state)
        return server

    def _end_leftovers(self, data: Path) -> None:
        """Wait for, then end, what is left of a server that was killed; remove its stale ``postmaster.pid``."""
        process = _read_pid_file(data)
        if process is not None and _is_alive(process.pid) and _works_in(process.pid, data):
            self._stop()  # alive, but not one that we can use
        if not servers.wait_until(lambda: not servers.is_held(self._life_lock), seconds=5):
            import psutil

            for pid in psutil.pids():
                if pid != os.getpid() and _works_in(pid, data):
                    servers.send_signal(pid, signal.SIGKILL)
            if not servers.wait_until(lambda: not servers.is_held(self._life_lock), seconds=5):
                raise EmbeddedPostgresError(
                    f"A process still holds {self._life_lock}, perhaps on another machine or in another container that "
                    "shares this folder. Stop it, or set LOCAL_DATA_DIR to another folder."
                )
        (data / "postmaster.pid").unlink(missing_ok=True)

    def _start_in(self, data: Path, account: "Account", state: dict[str, Any]) -> Server:
        from sheets_pipeline.embedded.account import environment
        from sheets_pipeline.embedded.cluster import SERVER_SETTINGS

        settings = {**SERVER_SETTINGS, **self.server_settings}
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]

        def command(port: int) -> list[str]:
            return [*account.command("postgres"), "-D", str(data), "-p", str(port), *options]

        def is_ready(_port: int) -> bool:
            return (process := _read_pid_file(data)) is not None and process.is_ready

        state = self._launch(state, command, is_ready, env=environment(), cwd="/", **account.popen)
        return Server(port=state["port"], password=str(state["password"]), pid=state["pid"])

    def _stop(self) -> bool:
        state = read_state(self._state_file) or {"home": str(self._home())}
        data = Path(str(state["home"])) / "data"
        process = _read_pid_file(data)
        if process is None or not _is_alive(process.pid) or not _works_in(process.pid, data):
            return False
        self._end(process.pid, lambda pid: _works_in(pid, data))
        write_state(self._state_file, {**state, "stopped": True})
        return True

    def _create_database(self, server: Server, name: str, fill: Callable[[str], None] | None) -> None:
        """Create a database, filled, under another name first. The lock is held."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(server.conninfo("postgres"), autocommit=True) as connection:
            # The session of a starter that was killed goes on until its statement is done.
            connection.execute("SELECT pg_advisory_lock(%s)", [_CREATING_LOCK])
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                unfinished = f"{name}_unfinished"
                names = {"new": sql.Identifier(unfinished), "name": sql.Identifier(name)}
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {new} WITH (FORCE)").format(**names))
                connection.execute(sql.SQL("CREATE DATABASE {new}").format(**names))
                if fill is not None:
                    fill(server.url(unfinished))
                connection.execute(sql.SQL("ALTER DATABASE {new} RENAME TO {name}").format(**names))
        state = read_state(self._state_file) or {}
        write_state(self._state_file, {**state, "databases": sorted({*state.get("databases", []), name})})


@dataclass(frozen=True)
class _PidFile:
    """What a server's ``postmaster.pid`` says."""

    pid: int
    port: int
    is_ready: bool


def _read_pid_file(data: Path) -> _PidFile | None:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        is_ready = len(lines) > 7 and lines[7].strip() == "ready"
        return _PidFile(pid=int(lines[0]), port=int(lines[3]), is_ready=is_ready)
    except (FileNotFoundError, NotADirectoryError, IndexError, ValueError):
        return None


def _is_alive(pid: int) -> bool:
    servers.reap()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _works_in(pid: int, data: Path) -> bool:
    """Whether a process works in this folder, as a PostgreSQL server does in that of its data."""
    import psutil

    try:
        return Path(psutil.Process(pid).cwd()) == data.resolve()
    except (psutil.Error, OSError):
        return False


def _lets_in(server: Server) -> bool:
    """Whether the server accepts our password (a state file may be older than the data)."""
    import psycopg

    try:
        psycopg.connect(server.conninfo("postgres"), connect_timeout=10).close()
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            return False
        raise EmbeddedPostgresError(f"The embedded PostgreSQL does not answer: {error}") from None
    return True
