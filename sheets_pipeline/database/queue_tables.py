"""The table ``pending_event`` itself: bringing it up to date, and what no version decides: how it is cleaned, whose it is."""

import sqlalchemy as sa

from sheets_pipeline.database import queue_rights
from sheets_pipeline.database.chains import QUEUE
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.queue_check import (
    IDS_AT_ONCE,
    Catalog,
    look,
    queue_version,
    refuse,
    sequence_of,
    wanted_owner,
)

#: The table is emptied all the time: clean it by the number of deleted rows, not by a share of those left.
_STORAGE = (
    "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_insert_threshold = -1, "
    "autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 10000"
)


#: The last change that triggers of earlier versions can live with.
_BEFORE_TRIGGERS = "0002"


def amend_queue(connection: sa.Connection, catalog: Catalog) -> None:
    """Create the table, or make the changes that one of an earlier version has not seen; pending events stay."""
    refuse(connection, catalog)
    version = queue_version(catalog.queue)
    if version != QUEUE.head:
        QUEUE.run_after(connection, version, until=_BEFORE_TRIGGERS, catalog=catalog)
    if connection.dialect.name == "postgresql":
        _tune(connection, look(connection, catalog.place.watched, catalog.place.path))


def finish_queue(connection: sa.Connection, catalog: Catalog) -> None:
    """The changes that triggers of earlier versions could not live with, once there are none any more."""
    refuse(connection, catalog)
    version = queue_version(catalog.queue)
    if version != QUEUE.head:
        QUEUE.run_after(connection, version, until=QUEUE.head, catalog=catalog)


def _tune(connection: sa.Connection, catalog: Catalog) -> None:
    """PostgreSQL: how it is cleaned, how its numbers are handed out, whose it is."""
    name = catalog.place.qualified(pending_event.name)
    connection.exec_driver_sql(f"ALTER TABLE {name} SET ({_STORAGE})")
    if sequence := sequence_of(connection, catalog.place):
        connection.exec_driver_sql(f"ALTER SEQUENCE {sequence} CACHE {IDS_AT_ONCE}")
    owner = wanted_owner(catalog)
    if owner is not None and catalog.place.owners[pending_event.name].name != owner:
        quoted = connection.dialect.identifier_preparer.quote(owner)
        connection.exec_driver_sql(f"ALTER TABLE {name} OWNER TO {quoted}")
    queue_rights.close(connection, catalog.place, catalog.others)
