"""Making way without any code in the application: a full sync waits while the platform's database is busy.

Busy means many active sessions, or a read replica that lags behind. ``reason_to_wait`` joins that with the leases that
holders take, and bounds both by one limit, so that syncing never starves.
"""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from sheets_pipeline.database import leases
from sheets_pipeline.database.engine import APPLICATION_NAME
from sheets_pipeline.database.leases import Kind
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.settings import Settings

logger = logging.getLogger(__name__)

#: A busy database says not when it will be quiet; it is looked at again for each sync that would start.
_AS_LONG_AS_IT_TAKES = timedelta(days=1)

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
        return _postgresql_load(connection) if dialect == "postgresql" else _mysql_load(connection)


def judge(load: Load, settings: Settings) -> str | None:
    """Why a full sync should wait, in one sentence; None where it need not."""
    sessions, lag = load.active_sessions, load.replication_lag_seconds
    if settings.sync_busy_sessions and sessions is not None and sessions >= settings.sync_busy_sessions:
        return f"{sessions} sessions are active (SYNC_BUSY_SESSIONS is {settings.sync_busy_sessions})"
    longest = settings.sync_busy_replication_lag_seconds
    if longest and lag is not None and lag >= longest:
        return f"the read replica is {lag:.0f} s behind (SYNC_BUSY_REPLICATION_LAG_SECONDS is {longest:g})"
    return None


def busy_reason(engine: sa.Engine, settings: Settings) -> str | None:
    """Why a full sync should wait for the platform's database, as it is now; not bounded: see ``reason_to_wait``."""
    if not settings.sync_busy_sessions and not settings.sync_busy_replication_lag_seconds:
        return None
    return judge(measure(engine), settings)


def reason_to_wait(state: sa.Engine, platform: sa.Engine, settings: Settings, kind: Kind) -> str | None:
    """Why a sync that would start now has to wait; None where it may start. Ask once for each sync.

    A lease holds every kind up, a busy database only full syncs. Neither does for longer than
    ``SYNC_PAUSE_LIMIT_SECONDS``, counted from the first sync held up to one that goes through.
    """
    limit = settings.sync_pause_limit_seconds
    until, text = _pause(state)
    if until is None and kind == "full" and limit and (busy := busy_reason(platform, settings)):
        until = datetime.now(UTC) + _AS_LONG_AS_IT_TAKES
        text = f"The database is busy: {busy}. The full sync waits for a quieter moment, {limit} s at most."
    return text if leases.must_wait(state, kind, limit, until=until) else None


def _pause(state: sa.Engine) -> tuple[datetime | None, str]:
    alive = leases.leases(state)
    if not alive:
        return None, ""
    longest = alive[0]
    others = f" and {len(alive) - 1} more" if len(alive) > 1 else ""
    why = f" ({longest.reason})" if longest.reason else ""
    return (
        longest.until,
        f"Paused by {longest.holder}{others} until {longest.until:%H:%M:%S} UTC{why}; events stay queued.",
    )


def _postgresql_load(connection: sa.Connection) -> Load:
    active, hidden = connection.execute(_SESSIONS_POSTGRESQL, {"ours": f"{APPLICATION_NAME}%"}).one()
    lag = connection.scalar(_LAG_POSTGRESQL)
    return Load(int(active), None if lag is None else float(lag), int(hidden))


def _mysql_load(connection: sa.Connection) -> Load:
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
