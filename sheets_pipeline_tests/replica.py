"""A real read replica of an embedded PostgreSQL: a streaming standby made by ``pg_basebackup``."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import sqlalchemy as sa

from sheets_pipeline.database.engine import connect
from sheets_pipeline.embedded.account import choose_account
from sheets_pipeline.embedded.files import make_folder, write_state
from sheets_pipeline.embedded.postgres import EmbeddedPostgres, Server
from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline.testing import FAST_POSTGRES


@dataclass
class Replica:
    """Primary and standby."""

    primary_server: EmbeddedPostgres
    standby_server: EmbeddedPostgres
    primary: Server
    standby: Server

    def catch_up(self, database: str = "postgres") -> None:
        """Wait until the standby has replayed all that the primary has written."""
        with psycopg.connect(self.primary.conninfo(database), autocommit=True) as connection:
            [position] = connection.execute("SELECT pg_current_wal_lsn()::text").fetchone() or [None]
        with psycopg.connect(self.standby.conninfo(database), autocommit=True) as connection:
            replayed = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            assert wait_until(lambda: connection.execute(replayed, [position]).fetchone() == (True,), seconds=30)

    def engines(self, database: str = "postgres") -> tuple[sa.Engine, sa.Engine]:
        """Primary and standby, as the pipeline connects to them."""
        return connect(self.primary.url(database)), connect(self.standby.url(database))


@contextmanager
def running_replica(folder: Path) -> Iterator[Replica]:
    """Both servers with empty databases ``postgres`` and ``pipeline``, stopped at the end."""
    primary = EmbeddedPostgres(folder / "primary", server_settings=FAST_POSTGRES)
    standby = EmbeddedPostgres(folder / "standby", server_settings=FAST_POSTGRES)
    try:
        first = primary.ensure({"pipeline": None})
        make_folder(standby.folder)
        account = choose_account(standby.folder)
        copied = account.run(
            *("pg_basebackup", "--pgdata", str(account.home / "data"), "--write-recovery-conf", "--checkpoint", "fast"),
            *("--dbname", first.conninfo("postgres")),
        )
        assert copied.returncode == 0, copied.stderr
        write_state(standby.folder / "state.json", {"password": first.password, "home": str(account.home)})
        yield Replica(primary, standby, first, standby.ensure())
    finally:
        standby.stop()
        primary.stop()
