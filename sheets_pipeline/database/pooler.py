"""Whether a connection pooler stands between us and PostgreSQL, and whether it gives sessions or only transactions.

Under a pooler that gives transactions (PgBouncer's ``pool_mode = transaction``) nothing may rely on a session: no prepared
statement, no lock and no setting that outlives a transaction. Nothing of ours does; this is for who looks for a fault.
Source: https://www.pgbouncer.org/features.html
"""

from typing import Literal

import sqlalchemy as sa

from sheets_pipeline.errors import DatabaseError

#: So often another client is tried: a busy pooler may give it another session by chance.
_TRIES = 5

_PID = sa.text("select pg_backend_pid()")


def pooling(engine: sa.Engine) -> Literal["session", "transaction"] | None:
    """What a pooler gives us; None where there is none, or none that shows.

    A pooler tells a client a process id of its own making. Where a second client meets the very process that served the
    first one, which is still connected, it gives transactions only.
    """
    if engine.dialect.name != "postgresql":
        return None
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as first:
        driver_pid = getattr(getattr(first.connection.dbapi_connection, "info", None), "backend_pid", None)
        if driver_pid is None or driver_pid == first.scalar(_PID):
            return None
        for _ in range(_TRIES):
            served_by = first.scalar(_PID)
            try:
                with engine.connect() as second:
                    if second.scalar(_PID) == served_by:
                        return "transaction"
            except DatabaseError:  # it has one session for us, which the first client keeps
                return "session"
        return "session"
