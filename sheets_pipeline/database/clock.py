"""The database's clock: one time for all processes and hosts."""

import sqlalchemy as sa

from sheets_pipeline.database.dialects import sql_function

#: Seconds since 1970 by the database's clock, to the millisecond or better, to be evaluated in a statement.
database_clock = sql_function(
    "database_clock",
    sa.Double(),
    "unix_timestamp(now(6))",
    postgresql="extract(epoch from clock_timestamp())",
    sqlite="((julianday('now') - 2440587.5) * 86400.0)",
)


def database_time(connection: sa.Connection) -> float:
    """Seconds since 1970 by the database's clock, asked now."""
    return float(connection.execute(_ASKED).scalar_one())


_ASKED = sa.select(database_clock())
