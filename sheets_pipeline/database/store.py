"""The pipeline's own tables: the list that each module adds its tables to, and inserting where others may be quicker."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.types import UtcDateTime

state_metadata = sa.MetaData()

sync_upgrade = sa.Table(
    "sync_upgrade",
    state_metadata,
    sa.Column("step", sa.String(100), primary_key=True),
    sa.Column("done_at", UtcDateTime, nullable=False, default=utc_now()),
    comment="Changes of the pipeline's tables that have been made.",
)


def insert_ignore(connection: sa.Connection, table: sa.Table, values: Mapping[str, object]) -> None:
    """Insert a row unless another process was quicker."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(postgresql.insert(table).values(values).on_conflict_do_nothing())
    elif name == "sqlite":
        connection.execute(sqlite.insert(table).values(values).on_conflict_do_nothing())
    else:
        connection.execute(mysql.insert(table).values(values).prefix_with("IGNORE"))
