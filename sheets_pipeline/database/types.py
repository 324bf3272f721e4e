"""Column types that mean the same on PostgreSQL, MySQL, MariaDB and SQLite."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

#: SQLite counts up by itself only in a column of type INTEGER.
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")
#: MySQL's TEXT ends at 64 KB.
LongText = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment, to the microsecond: ``timestamptz`` on PostgreSQL, wall-clock UTC where there is no such type."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """MySQL keeps fractions of a second only where it is asked to."""
        if dialect.name in {"mysql", "mariadb"}:
            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse a moment without time zone; what it means depends on who reads it."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"Expected a datetime with time zone, found {value!r}. Add tzinfo, such as datetime.UTC.")
        utc = value.astimezone(UTC)
        return utc if dialect.name == "postgresql" else utc.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Always aware, always UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
