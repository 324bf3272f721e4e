"""Columns for what the changed row held, of whatever table; keys of any length. The columns that named a learner, course and
quiz stay for the triggers that still fill them."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    connection, catalog = op.get_bind(), op.get_context().opts["catalog"]
    name = catalog.place.qualified("pending_event")
    columns = _columns(connection, catalog)
    for column in ("held", "changed"):
        if column not in columns:
            connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {column} TEXT")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            f"ALTER TABLE {name} ALTER COLUMN key TYPE pg_catalog.text, ALTER COLUMN entity TYPE pg_catalog.varchar(200)"
        )
    elif connection.dialect.name != "sqlite":  # which knows no lengths
        connection.exec_driver_sql(
            f"ALTER TABLE {name} MODIFY `key` TEXT NOT NULL, MODIFY entity VARCHAR(200) NOT NULL"
        )


def _columns(connection: sa.Connection, catalog: Any) -> set[str]:
    """As they are now: the change before this one may have made the table."""
    schema = catalog.place.schemas.get("pending_event", catalog.place.default_schema)
    on_postgresql = connection.dialect.name == "postgresql"
    known = sa.inspect(connection).get_columns("pending_event", schema=schema if on_postgresql else None)
    return {column["name"] for column in known}
