"""What runs on which host: each process that syncs depend on says every few seconds that it lives, by the database's clock."""

from collections.abc import Callable
from datetime import UTC, datetime

import sqlalchemy as sa

from sheets_pipeline.database.clock import database_time
from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.sync.hosts import HostProcess

#: One that has said nothing for so long is forgotten, in seconds.
_FORGOTTEN_SECONDS = 86_400.0

sync_host_process = sa.Table(
    "sync_host_process",
    state_metadata,
    sa.Column("id", ExactText(32), primary_key=True),
    sa.Column("host", ExactText(250), nullable=False),
    sa.Column("role", ExactText(10), nullable=False, comment="daemon or worker"),
    sa.Column(
        "process",
        ExactText(500),
        nullable=False,
        comment="JSON: its number and start, for its host to see whether it lives",
    ),
    sa.Column("state", ExactText(12), nullable=False, comment="works, stands by, held back, ended"),
    sa.Column("code", ExactText(12), nullable=False, comment="version of code and declarations; blank: not known"),
    sa.Column("problem", sa.Text, comment="why it is held back"),
    sa.Column(
        "since", sa.Double, nullable=False, comment="when it came into this state; seconds since 1970, database clock"
    ),
    sa.Column("heard_at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    comment="Processes that syncs depend on, by host.",
    **UNICODE,
)

_row = sync_host_process.c


def beat(engine: sa.Engine, key: str, values: dict[str, str | None], *, is_new_state: bool) -> None:
    """Note that a process lives, with what there is to tell of it."""
    with engine.begin() as connection:
        now = database_time(connection)
        noted = values | {"heard_at": now} | ({"since": now} if is_new_state else {})
        if connection.execute(sa.update(sync_host_process).where(_row.id == key).values(noted)).rowcount:
            return
        connection.execute(sa.insert(sync_host_process).values({"id": key, "since": now} | noted))


def leave(engine: sa.Engine, key: str) -> None:
    """Forget a process that ends."""
    with engine.begin() as connection:
        connection.execute(sa.delete(sync_host_process).where(_row.id == key))


def forget(engine: sa.Engine, host: str, is_alive: Callable[[str], bool]) -> None:
    """Forget processes of this host that are gone, which only it can tell, and those of any that were silent for a day."""
    with engine.begin() as connection:
        here = connection.execute(sa.select(_row.id, _row.process).where(_row.host == host)).all()
        gone = [key for key, process in here if not is_alive(process)]
        old = _row.heard_at < database_time(connection) - _FORGOTTEN_SECONDS
        connection.execute(sa.delete(sync_host_process).where(old | _row.id.in_(gone)))


def host_processes(engine: sa.Engine) -> list[HostProcess]:
    """All that are known, by host and role."""
    columns = (_row.host, _row.role, _row.state, _row.since, _row.heard_at, _row.code, _row.problem)
    with engine.connect() as connection:
        now = database_time(connection)
        rows = connection.execute(
            sa.select(*columns).where(_row.heard_at > now - _FORGOTTEN_SECONDS).order_by(_row.host, _row.role, _row.id)
        )
        return [
            HostProcess(host, role, state, _moment(since), _moment(heard_at), max(0.0, now - heard_at), code, problem)
            for host, role, state, since, heard_at, code, problem in rows
        ]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
