"""How busy a database is: its active sessions, and how far a read replica lags behind."""

import logging
from dataclasses import dataclass

import sqlalchemy as sa

from sheets_pipeline.database.engine import APPLICATION_NAME
from sheets_pipeline.errors import DatabaseError

logger = logging.getLogger(__name__)

#: Sessions that work right now, and sessions whose state this user may not see; ours left out.
_SESSIONS_POSTGRESQL = sa.text("""
    select count(*) filter (where state = 'active') as active, count(*) filter (where state is null) as hidden
    from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
        and coalesce(application_name, '') not like :ours
""")

#: Seconds by which a standby lags behind, null on a primary. 0 where it hears its primary (which may be idle) and has
#: replayed all; one that was cut off counts as late from the last transaction it replayed, or from its start.
#: Sources: https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-RECOVERY-CONTROL and
#: https://www.postgresql.org/docs/current/monitoring-stats.html#MONITORING-PG-STAT-WAL-RECEIVER-VIEW
_LAG_POSTGRESQL = sa.text("""
    select case
        when not pg_is_in_recovery() then null
        when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() and exists (select from pg_stat_wal_receiver) then 0
        else extract(epoch from clock_timestamp()
            - coalesce(pg_last_xact_replay_timestamp(), pg_postmaster_start_time())) end
""")


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a database is; None where it does not say.

    ``hidden_sessions`` are those whose state our user may not see (PostgreSQL without the role pg_read_all_stats).
    """

    active_sessions: int | None = None
    replication_lag_seconds: float | None = None
    hidden_sessions: int = 0


def measure(engine: sa.Engine) -> Load:
    """How busy the database is now; three short queries, nothing on SQLite."""
    dialect = engine.dialect.name
    if dialect == "sqlite":
        return Load()
    with engine.connect() as connection:
        if dialect == "postgresql":
            active, hidden = connection.execute(_SESSIONS_POSTGRESQL, {"ours": f"{APPLICATION_NAME}%"}).one()
            lag = connection.scalar(_LAG_POSTGRESQL)
            return Load(int(active), None if lag is None else float(lag), int(hidden))
        running = connection.exec_driver_sql("SHOW GLOBAL STATUS LIKE 'Threads_running'").one()
        return Load(max(0, int(running[1]) - 1), _mysql_lag(connection))  # one of them is this very query


def _mysql_lag(connection: sa.Connection) -> float | None:
    """Seconds behind the source, None where this is no replica or we may not know.

    Source: https://dev.mysql.com/doc/refman/8.4/en/show-replica-status.html
    """
    try:
        row = connection.exec_driver_sql("SHOW REPLICA STATUS").mappings().first()
    except (sa.exc.DBAPIError, DatabaseError) as error:
        logger.debug("Replication lag is not known: %s", error)
        return None
    if row is None:
        return None
    behind = row.get("Seconds_Behind_Source", row.get("Seconds_Behind_Master"))
    return None if behind is None else float(behind)
