"""Which installation of the pipeline this is: an id that is made once and kept in the pipeline's own tables.

A copy of the database carries the id along. So it is kept with the place where the tables are; found in another place,
they are a copy, and get an id of their own. See docs/decisions/0016.
"""

import secrets
import socket
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import sqlalchemy as sa

from sheets_pipeline.database.store import insert_ignore, state_metadata
from sheets_pipeline.sync.installation import Place, is_same_place
from sheets_pipeline.sync.marks import Owner

sync_installation = sa.Table(
    "sync_installation",
    state_metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False, comment="always 1"),
    sa.Column("installation", sa.String(40), nullable=False),
    sa.Column("since", sa.String(40), nullable=False, comment="UTC"),
    sa.Column("place", sa.Text, nullable=False, comment="JSON: where these tables are"),
    comment="Who we are, as spreadsheets that we keep are told.",
)

_ONLY_ROW = 1


class Installation:
    """This installation, read once per process."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._owner: Owner | None = None
        self._lock = threading.Lock()

    def owner(self, *, anew: bool = False) -> Owner:
        """This installation, as other ones are told; ``anew`` where another process may have renewed it."""
        with self._lock:
            if self._owner is None or anew:
                self._owner = self._read()
            return self._owner

    def renew(self) -> Owner:
        """Be another installation from now on, as a copy of the one that we were."""
        with self._lock, self.engine.begin() as connection:
            self._owner = self._make(connection, place_of(connection), is_first=False)
            return self._owner

    def _read(self) -> Owner:
        with self.engine.begin() as connection:
            place = place_of(connection)
            row = connection.execute(sa.select(sync_installation).with_for_update()).one_or_none()
            if row is None:
                return self._make(connection, place, is_first=True)
            known = Place.of_json(orjson.loads(row.place))
            if not is_same_place(known, place):
                return self._make(connection, place, is_first=False)
            if known.anchors != (both := known.together_with(place)).anchors:
                connection.execute(sa.update(sync_installation).values(place=orjson.dumps(both.as_json()).decode()))
            return Owner(row.installation, described_place(self.engine.url), row.since)

    def _make(self, connection: sa.Connection, place: Place, *, is_first: bool) -> Owner:
        values: dict[str, Any] = {
            "installation": secrets.token_hex(5),
            "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC",
            "place": orjson.dumps(place.as_json()).decode(),
        }
        insert_ignore(connection, sync_installation, {"id": _ONLY_ROW, **values})
        if not is_first:
            connection.execute(sa.update(sync_installation).values(values))
        row = connection.execute(sa.select(sync_installation)).one()
        return Owner(row.installation, described_place(self.engine.url), row.since)


def known(engine: sa.Engine) -> Owner | None:
    """This installation where it is known already; makes and changes nothing."""
    if not sa.inspect(engine).has_table(sync_installation.name):
        return None
    with engine.connect() as connection:
        row = connection.execute(sa.select(sync_installation)).one_or_none()
        if row is None or not is_same_place(Place.of_json(orjson.loads(row.place)), place_of(connection)):
            return None
    return Owner(row.installation, described_place(engine.url), row.since)


def described_place(url: sa.URL) -> str:
    """Database and host, for people who ask whose a spreadsheet is; never a user or a secret."""
    name = Path(url.database or "").name if url.get_backend_name() == "sqlite" else url.database
    host = url.host or url.query.get("host") or ""
    where = f"{host}:{url.port}" if host and url.port else str(host)
    machine = socket.gethostname()
    return f"database {name!r} on {where} (used from {machine})" if where else f"database {name!r} on {machine}"


def place_of(connection: sa.Connection) -> Place:
    """Where the database is, by whatever of it a copy has not."""
    match connection.dialect.name:
        case "postgresql":
            return _postgresql(connection)
        case "sqlite":
            return _sqlite(connection)
        case _:
            return _mysql(connection)


def _postgresql(connection: sa.Connection) -> Place:
    """The cluster's identifier: a replica has it, too; what pg_dump makes elsewhere has not."""
    name = str(connection.scalar(sa.text("select pg_catalog.concat(current_database(), '/', current_schema())")))
    may = "select has_function_privilege('pg_catalog.pg_control_system()', 'execute')"
    if connection.scalar(sa.text(may)):
        cluster = connection.scalar(sa.text("select system_identifier from pg_catalog.pg_control_system()"))
        return Place(name, frozenset({f"cluster {cluster}"}))
    query = "select oid::text || ' ' || datdba::text from pg_catalog.pg_database where datname = current_database()"
    return Place(name, frozenset({f"database {connection.scalar(sa.text(query))}"}))


def _mysql(connection: sa.Connection) -> Place:
    """Whatever of a server's identity this version tells; a host name alone changes with every container."""
    name = str(connection.scalar(sa.text("select database()")))
    asked = "('server_uuid', 'server_uid', 'hostname', 'port', 'datadir')"
    variables: dict[str, str] = dict(
        connection.execute(sa.text(f"show global variables where variable_name in {asked}")).all()
    )
    anchors = {f"{kind} {value}" for kind in ("server_uuid", "server_uid") if (value := variables.get(kind))}
    anchors.add("server " + " ".join(str(variables.get(kind)) for kind in ("hostname", "port", "datadir")))
    query = "select create_time from information_schema.tables where table_schema = database() and table_name = :table"
    anchors.add(f"tables {connection.scalar(sa.text(query), {'table': sync_installation.name})}")
    return Place(name, frozenset(anchors))


def _sqlite(connection: sa.Connection) -> Place:
    """The file: the same one, or another in its place on the same machine."""
    path = next((row[2] for row in connection.exec_driver_sql("PRAGMA database_list") if row[1] == "main"), "")
    if not path:
        return Place("memory", frozenset({"memory"}))
    database = Path(path).resolve()
    status = database.stat()
    return Place("file", frozenset({f"file {status.st_dev} {status.st_ino}", f"{socket.gethostname()} {database}"}))
