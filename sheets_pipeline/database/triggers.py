"""Installing, checking and removing the event queue: the table ``pending_event`` and the triggers that fill it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import sqlalchemy as sa

from sheets_pipeline.database import installed, queue_check, queue_rights
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.installed import Function, Installed
from sheets_pipeline.database.one_at_a_time import Part, one_at_a_time
from sheets_pipeline.database.queue_check import Catalog, QueueReport
from sheets_pipeline.database.queue_tables import amend_queue, finish_queue
from sheets_pipeline.database.trigger_sql import Trigger, triggers
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.watch import WatchedTable

Say = Callable[[str], None]


def check(engine: sa.Engine, watched: Sequence[WatchedTable], *, record_for_a_try: bool = True) -> QueueReport:
    """Compare what is installed with what this version needs; changes nothing.

    ``record_for_a_try`` has an event recorded and taken back, which costs a write.
    """
    with engine.connect() as connection:
        return queue_check.compare(connection, watched, record_for_a_try=record_for_a_try)


def install(engine: sa.Engine, watched: Sequence[WatchedTable], say: Say = lambda _text: None) -> QueueReport:
    """Create, upgrade or mend the queue; safe to repeat and when several processes do it at once.

    Where all is in place nothing is locked. A new trigger is created before the old one is dropped, so that no change
    goes unnoticed. ``say`` is told of tables that have to be waited for. Returns what was amiss before.

    Raises:
        DatabaseError: A table is held by a long transaction all the time, or the user may not do it.
    """
    before = check(engine, watched)
    if before.refused:
        raise queue_check.refusal(before.refused[0])
    if before.can_be_mended:
        parts: dict[str, Part] = {"rights of functions": _close, pending_event.name: amend_queue}
        # first: a table that was renamed took triggers along whose names the new one of its name needs
        parts |= {table: partial(_strip, table=table) for table in _no_longer_watched(engine, watched)}
        parts |= {table.name: partial(_amend, table=table.name) for table in watched}
        parts |= {"functions of earlier versions": _tidy, f"columns of {pending_event.name}": finish_queue}
        one_at_a_time(engine, watched, parts, say)
    return before


def _no_longer_watched(engine: sa.Engine, watched: Sequence[WatchedTable]) -> set[str]:
    """Tables with triggers of ours that no tab watches; PostgreSQL's go with their functions."""
    if engine.dialect.name == "postgresql":
        return set()
    with engine.connect() as connection:
        catalog = queue_check.look(connection, watched)
    return {trigger.table for trigger in catalog.triggers} - {table.name for table in watched}


def remove(engine: sa.Engine, say: Say = lambda _text: None) -> list[str]:
    """Drop the triggers, then the table with all pending events. Returns the names of what was dropped."""
    with engine.connect() as connection:
        catalog = queue_check.look(connection, ())
    parts: dict[str, Part] = {trigger.table: partial(_strip, table=trigger.table) for trigger in catalog.triggers}
    one_at_a_time(engine, (), parts | {pending_event.name: _drop_queue}, say)
    return [*(trigger.name for trigger in catalog.triggers), *([pending_event.name] if catalog.queue else [])]


def _amend(connection: sa.Connection, catalog: Catalog, *, table: str) -> None:
    """Make the triggers of one table those that it should have."""
    queue_check.refuse(connection, catalog)
    if not catalog.queue:  # else whoever made a table of that name later would be written to with our rights
        raise DatabaseError(f"Table pending_event is missing, so no trigger was put on {table}. Install again.")
    present = {
        known.name: known for known in catalog.triggers if known.table in {table, catalog.place.qualified(table)}
    }
    for trigger in catalog.possible:
        if trigger.table == table:
            old = present.pop(trigger.name, None)
            if old is None:
                _create(connection, trigger)
            elif not _is_good(catalog, trigger, old):
                _drop(connection, old)
                _create(connection, trigger)
    _close(connection, catalog)
    for left in present.values():
        _drop(connection, left)


def _is_good(catalog: Catalog, trigger: Trigger, present: Installed) -> bool:
    is_alive = present.is_enabled and catalog.definers.are_good(present)
    return is_alive and queue_check.is_as_wanted(trigger, present)


def _create(connection: sa.Connection, trigger: Trigger) -> None:
    if trigger.function:  # not OR REPLACE: that would leave the function to whoever had made one of this name
        # a procedure or aggregate of this name would be in the way, too
        connection.exec_driver_sql(f"DROP ROUTINE IF EXISTS {trigger.function}() CASCADE")
    for statement in trigger.create:
        _execute(connection, statement)


def _execute(connection: sa.Connection, statement: str) -> None:
    """Names may hold a percent sign, which drivers take for a parameter where they are given any."""
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def _close(connection: sa.Connection, catalog: Catalog) -> None:
    """PostgreSQL: let nobody but its owner execute a function or hang triggers on the queue; have functions owned by
    whoever owns the queue.

    Locks no table. Default privileges may have opened a function that has just been created.
    """
    queue_rights.close(connection, catalog.place, catalog.others)
    wanted = {trigger.function for trigger in triggers(catalog.place.can_be_watched, catalog.place.names)}
    for name, function in installed.functions(connection, catalog.place).items():
        for statement in _closing(connection, name, function, queue_check.wanted_owner(catalog)):
            if name in wanted:
                connection.exec_driver_sql(statement)
            else:  # anybody may have made one of such a name, and whoever installs may be no superuser
                _try(connection, statement)


def _closing(connection: sa.Connection, name: str, function: Function, owner: str | None) -> Iterator[str]:
    quote = connection.dialect.identifier_preparer.quote
    for other in function.executable_by:
        yield f"REVOKE ALL ON FUNCTION {name}() FROM {other if other == installed.PUBLIC else quote(other)} CASCADE"
    if owner not in {None, function.owner}:
        yield f"ALTER FUNCTION {name}() OWNER TO {quote(str(owner))}"


def _tidy(connection: sa.Connection, catalog: Catalog) -> None:
    """PostgreSQL: drop functions that no table of the application calls, and what others have hung ours on.

    They are emptied first: who holds such a table could keep us from dropping, and would keep the rights until then.
    """
    if connection.dialect.name != "postgresql":
        return
    tables = {catalog.place.qualified(table.name) for table in catalog.place.watched}
    in_use = {known.function for known in catalog.triggers if known.table in tables}
    for name in catalog.functions.keys() - in_use:
        _try(
            connection,
            f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY INVOKER "
            "AS 'BEGIN RETURN NULL; END'",
        )
        _try(connection, f"DROP FUNCTION {name}() CASCADE")
    for known in catalog.triggers:
        if known.function in in_use and known.table not in tables:
            _try(connection, _dropping(connection, known))


def _try(connection: sa.Connection, statement: str) -> None:
    """What cannot be dropped now is told by the next check."""
    with suppress(sa.exc.DBAPIError, DatabaseError), connection.begin_nested():
        _execute(connection, statement)


def _strip(connection: sa.Connection, catalog: Catalog, *, table: str) -> None:
    for trigger in catalog.triggers:
        if trigger.table == table:
            _drop(connection, trigger)


def _drop_queue(connection: sa.Connection, catalog: Catalog) -> None:
    for name in catalog.functions:
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}() CASCADE")
    if catalog.queue:
        connection.exec_driver_sql(f"DROP TABLE {catalog.place.qualified(pending_event.name)}")


def _drop(connection: sa.Connection, trigger: Installed) -> None:
    _execute(connection, _dropping(connection, trigger))


def _dropping(connection: sa.Connection, trigger: Installed) -> str:
    name = connection.dialect.identifier_preparer.quote(trigger.name)
    on = f" ON {trigger.table}" if connection.dialect.name == "postgresql" else ""
    return f"DROP TRIGGER IF EXISTS {name}{on}"
