"""The database's clock: one time for all processes and hosts."""

import sqlalchemy as sa

_NOW = {
    "postgresql": "extract(epoch from clock_timestamp())",
    "mysql": "unix_timestamp(now(6))",
    "mariadb": "unix_timestamp(now(6))",
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
}


def database_time(connection: sa.Connection) -> float:
    """Seconds since 1970 by the database's clock, to the millisecond or better."""
    return float(connection.execute(sa.select(database_clock(connection))).scalar_one())


def database_clock(connection: sa.Connection) -> sa.ColumnElement[float]:
    """The same, to be evaluated in a statement."""
    return sa.literal_column(_NOW[connection.dialect.name], sa.Double)
