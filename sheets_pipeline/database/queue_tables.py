"""The table ``pending_event`` itself: making it, and bringing one of an earlier version up to date."""

import sqlalchemy as sa

from sheets_pipeline.database import queue_rights
from sheets_pipeline.database.event_table import event_metadata, pending_event
from sheets_pipeline.database.queue_check import (
    IDS_AT_ONCE,
    Found,
    look,
    missing_columns,
    refuse,
    sequence_of,
    wanted_owner,
)
from sheets_pipeline.database.upgrade import add_column

#: The table is emptied all the time: clean it by the number of deleted rows, not by a share of those left.
_STORAGE = (
    "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_insert_threshold = -1, "
    "autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000"
)


def amend_queue(connection: sa.Connection, found: Found) -> None:
    """Create the table, or add what an earlier version's lacks; pending events stay."""
    refuse(connection, found)
    name = found.place.qualified(pending_event.name)
    if not found.queue:
        into = {None: found.place.default_schema} if connection.dialect.name == "postgresql" else {}
        event_metadata.create_all(connection.execution_options(schema_translate_map=into))
    elif missing_columns(found.queue):
        _add_missing(connection, found, name)
    if connection.dialect.name == "postgresql":
        _tune(connection, look(connection, found.place.path))


def _add_missing(connection: sa.Connection, found: Found, name: str) -> None:
    if connection.dialect.name == "sqlite":
        _make_anew(connection, found)
        return
    for column in pending_event.columns:
        if column.name not in found.queue:
            add_column(connection, column, table=name)
        elif column.server_default is not None and not found.queue[column.name]:
            default = connection.dialect.ddl_compiler(connection.dialect, None).get_column_default_string(column)  # type: ignore[arg-type]
            quoted = connection.dialect.identifier_preparer.quote(column.name)
            connection.exec_driver_sql(f"ALTER TABLE {name} ALTER COLUMN {quoted} SET DEFAULT {default}")


def _make_anew(connection: sa.Connection, found: Found) -> None:
    """SQLite cannot give a column a default later. Numbers of events that are gone are not used again."""
    for trigger in found.triggers:  # they are created anew right after, in the same transaction
        connection.exec_driver_sql(f'DROP TRIGGER "{trigger.name}"')
    kept = ", ".join(f'"{name}"' for name in pending_event.columns.keys() if name in found.queue)  # noqa: SIM118
    connection.exec_driver_sql("ALTER TABLE pending_event RENAME TO pending_event_before")
    event_metadata.create_all(connection)
    connection.exec_driver_sql(f"INSERT INTO pending_event ({kept}) SELECT {kept} FROM pending_event_before")
    last = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = 'pending_event_before'").scalar()
    connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = 'pending_event'")
    connection.exec_driver_sql("INSERT INTO sqlite_sequence (name, seq) VALUES ('pending_event', ?)", (last or 0,))
    connection.exec_driver_sql("DROP TABLE pending_event_before")


def _tune(connection: sa.Connection, found: Found) -> None:
    """PostgreSQL: how it is cleaned, how its numbers are handed out, whose it is."""
    name = found.place.qualified(pending_event.name)
    connection.exec_driver_sql(f"ALTER TABLE {name} SET ({_STORAGE})")
    if sequence := sequence_of(connection, found.place):
        connection.exec_driver_sql(f"ALTER SEQUENCE {sequence} CACHE {IDS_AT_ONCE}")
    owner = wanted_owner(found)
    if owner is not None and found.place.owners[pending_event.name].name != owner:
        quoted = connection.dialect.identifier_preparer.quote(owner)
        connection.exec_driver_sql(f"ALTER TABLE {name} OWNER TO {quoted}")
    queue_rights.close(connection, found.place, found.others)
