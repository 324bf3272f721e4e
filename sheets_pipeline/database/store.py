"""The pipeline's own tables: the list that each module adds its tables to, and inserting where others may be quicker."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

state_metadata = sa.MetaData()


def insert_ignore(connection: sa.Connection, table: sa.Table, values: Mapping[str, object]) -> None:
    """Insert a row unless another process was quicker."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(postgresql.insert(table).values(values).on_conflict_do_nothing())
    elif name == "sqlite":
        connection.execute(sqlite.insert(table).values(values).on_conflict_do_nothing())
    else:
        connection.execute(mysql.insert(table).values(values).prefix_with("IGNORE"))
