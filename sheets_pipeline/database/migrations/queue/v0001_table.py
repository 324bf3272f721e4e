"""Create ``pending_event``, or add what one of an earlier version lacks; pending events stay."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.types import Key, UtcDateTime

revision = "0001"
down_revision = None

_metadata = sa.MetaData()
_queue = sa.Table(
    "pending_event",
    _metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("entity", sa.String(40), nullable=False, comment="what changed: quiz_response, user ..."),
    sa.Column("key", sa.String(200), nullable=False, comment="which one, as text"),
    sa.Column("kind", sa.String(40), nullable=False, server_default="changed", comment="what happened to it"),
    sa.Column("priority", sa.SmallInteger, nullable=False, server_default="1", comment="0 urgent, 1 normal, 2 bulk"),
    sa.Column("user_id", Key, comment="the learner it belongs to, where there is one"),
    sa.Column("course_id", Key, comment="the course it belongs to, where there is one"),
    sa.Column("quiz_id", Key, comment="the quiz that leads to its course, where course_id does not"),
    sa.Column("created_at", UtcDateTime, nullable=False, server_default=utc_now()),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("set_aside_at", UtcDateTime, comment="when we stopped trying"),
    sa.Column("reason", sa.Text, comment="why the last attempt failed"),
    sa.Column("retry_at", UtcDateTime, comment="not before this moment, after a failed attempt"),
    sa.Column("waits_for", sa.Text, comment="JSON: tabs that do not show it yet; null: all that it touches"),
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mariadb_engine="InnoDB",
    mariadb_charset="utf8mb4",
)


def upgrade() -> None:
    connection, catalog = op.get_bind(), op.get_context().opts["catalog"]
    if not catalog.queue:
        into = {None: catalog.place.default_schema} if connection.dialect.name == "postgresql" else {}
        _metadata.create_all(connection.execution_options(schema_translate_map=into))
    elif connection.dialect.name == "sqlite":
        _make_anew(connection, catalog)
    else:
        _add_missing(connection, catalog)


def _add_missing(connection: sa.Connection, catalog: Any) -> None:
    name = catalog.place.qualified(_queue.name)
    compiler: Any = connection.dialect.ddl_compiler(connection.dialect, None)  # type: ignore[arg-type]
    for column in _queue.columns:
        if column.name not in catalog.queue:
            connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN {compiler.get_column_specification(column)}")
        elif column.server_default is not None and not catalog.queue[column.name]:
            quoted = connection.dialect.identifier_preparer.quote(column.name)
            default = compiler.get_column_default_string(column)
            connection.exec_driver_sql(f"ALTER TABLE {name} ALTER COLUMN {quoted} SET DEFAULT {default}")


def _make_anew(connection: sa.Connection, catalog: Any) -> None:
    """SQLite cannot give a column a default later. Numbers of events that are gone are not used again."""
    for trigger in catalog.triggers:  # they are created anew right after, in the same transaction
        connection.exec_driver_sql(f'DROP TRIGGER "{trigger.name}"')
    kept = ", ".join(f'"{column.name}"' for column in _queue.columns if column.name in catalog.queue)
    connection.exec_driver_sql("ALTER TABLE pending_event RENAME TO pending_event_before")
    _metadata.create_all(connection)
    connection.exec_driver_sql(f"INSERT INTO pending_event ({kept}) SELECT {kept} FROM pending_event_before")
    last = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'pending_event_before'").scalar()
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'pending_event'")
    connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES ('pending_event', ?)", (last or 0,))
    connection.exec_driver_sql("DROP TABLE pending_event_before")
