"""Installing, checking and removing the event queue: the table ``pending_event`` and the triggers that fill it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from sheets_pipeline.database.event_table import event_metadata, pending_event
from sheets_pipeline.database.trigger_sql import PREFIX, Names, Trigger, triggers
from sheets_pipeline.errors import DatabaseError

#: Longest wait for a table that a transaction of the application holds, in seconds.
LOCK_TIMEOUT_SECONDS = 10

#: Numbers that a session of the application takes from the sequence of ``pending_event`` at once (PostgreSQL). One at a
#: time, 50 busy sessions stand in line for it: it was half of what the triggers cost (docs/events.md).
_IDS_AT_ONCE = 32

#: Any number that nobody else uses; held while tables and triggers are changed.
_ADVISORY_LOCK = 7349216


@dataclass(frozen=True, slots=True)
class QueueReport:
    """What of the event queue is missing or not as this version wants it."""

    missing_columns: list[str]
    missing: list[str]
    outdated: list[str]
    disabled: list[str]

    @property
    def is_complete(self) -> bool:
        """Whether every change of the platform reaches the queue."""
        return not self.problems

    @property
    def problems(self) -> list[str]:
        """One sentence for each thing that is wrong."""
        return [
            *(f"{name} is missing" for name in self.missing_columns + self.missing),
            *(f"trigger {name} is of another version" for name in self.outdated),
            *(f"trigger {name} is disabled" for name in self.disabled),
        ]


def check(engine: sa.Engine) -> QueueReport:
    """Compare what is installed with what this version needs; changes nothing."""
    with engine.connect() as connection:
        return _compare(connection)


def install(engine: sa.Engine) -> QueueReport:
    """Create or upgrade the queue; safe to repeat and when several processes do it at once. Returns what was amiss.

    Where all is in place nothing is locked. On PostgreSQL everything happens in one transaction; elsewhere a new
    trigger is created before the old one is dropped, so that no change goes unnoticed.

    Raises:
        DatabaseError: A platform table is missing, held by a long transaction, or the user may not create triggers.
    """
    before = check(engine)
    if not before.is_complete:
        with _exclusive(engine) as connection:
            _amend(connection, _compare(connection))
    return before


def remove(engine: sa.Engine) -> list[str]:
    """Drop the triggers, then the table with all pending events. Returns the names of what was dropped."""
    with _exclusive(engine) as connection:
        installed = _installed(connection)
        for name in installed:
            _drop(connection, name, installed[name][0])
        found = _event_columns(connection)
        event_metadata.drop_all(connection)
    return [*installed, *([pending_event.name] if found else [])]


def _compare(connection: sa.Connection) -> QueueReport:
    present = _event_columns(connection)
    wanted = [column.name for column in pending_event.columns]
    absent = [name for name in wanted if name not in present]
    missing_columns = [f"column pending_event.{name}" for name in absent] if present else ["table pending_event"]
    installed = _installed(connection)
    names = {trigger.name for trigger in triggers(_names(connection))}
    return QueueReport(
        missing_columns if absent else [],
        [f"trigger {name}" for name in sorted(names - set(installed))] + _uncached(connection, present),
        sorted(set(installed) - names),
        sorted(name for name, (_, is_enabled) in installed.items() if name in names and not is_enabled),
    )


def _amend(connection: sa.Connection, report: QueueReport) -> None:
    """Create what is missing, then drop what is left over."""
    event_metadata.create_all(connection)
    present = _event_columns(connection)
    for column in pending_event.columns:
        if column.name not in present:
            ddl = connection.dialect.ddl_compiler(connection.dialect, None).get_column_specification(column)  # type: ignore[arg-type]
            connection.exec_driver_sql(f"ALTER TABLE {pending_event.name} ADD COLUMN {ddl}")
    if connection.dialect.name == "postgresql":
        # The table is emptied all the time: clean it by the number of deleted rows, not by a share of those left.
        connection.exec_driver_sql(
            f"ALTER TABLE {pending_event.name} SET (autovacuum_vacuum_scale_factor = 0, "
            "autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 0, "
            "autovacuum_analyze_threshold = 10000)"
        )
        if sequence := _sequence(connection):
            connection.exec_driver_sql(f"ALTER SEQUENCE {sequence} CACHE {_IDS_AT_ONCE}")
    installed = _installed(connection)
    wanted = triggers(_names(connection))
    for trigger in wanted:
        if trigger.name not in installed or trigger.name in report.disabled:
            _create(connection, trigger, replace=trigger.name in installed)
    for name in sorted(set(installed) - {trigger.name for trigger in wanted}):
        _drop(connection, name, installed[name][0])


def _create(connection: sa.Connection, trigger: Trigger, *, replace: bool) -> None:
    if replace:
        _drop(connection, trigger.name, trigger.table)
    for statement in trigger.create:
        connection.exec_driver_sql(statement)


def _drop(connection: sa.Connection, name: str, table: str) -> None:
    quote = connection.dialect.identifier_preparer.quote
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {quote(name)} ON {quote(table)}")
        connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {quote(name)}()")
    else:
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {quote(name)}")


def _event_columns(connection: sa.Connection) -> set[str]:
    inspector = sa.inspect(connection)
    if not inspector.has_table(pending_event.name):
        return set()
    return {column["name"] for column in inspector.get_columns(pending_event.name)}


def _sequence(connection: sa.Connection) -> str | None:
    """The sequence that numbers events on PostgreSQL, with its schema and quoted; none if people made the table."""
    return connection.scalar(sa.select(sa.func.pg_get_serial_sequence(pending_event.name, "id")))


def _uncached(connection: sa.Connection, present: set[str]) -> list[str]:
    """What is missing of the sequence's cache; an installation of an earlier version has none."""
    if connection.dialect.name != "postgresql" or "id" not in present:
        return []
    query = sa.text("SELECT seqcache FROM pg_sequence WHERE seqrelid = CAST(:name AS regclass)")
    cached = connection.scalar(query, {"name": _sequence(connection)})
    return [] if cached in {None, _IDS_AT_ONCE} else ["cache of the sequence of pending_event.id"]


#: Our triggers as (name, table, is enabled).
_INSTALLED = {
    "postgresql": """
        SELECT t.tgname, c.relname, t.tgenabled IN ('O', 'A')
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE t.tgname LIKE %(prefix)s AND pg_table_is_visible(c.oid) AND NOT t.tgisinternal ORDER BY 1""",
    "sqlite": "SELECT name, tbl_name, 1 FROM sqlite_master WHERE type = 'trigger' AND name LIKE :prefix ORDER BY 1",
    "mysql": """
        SELECT trigger_name, event_object_table, 1 FROM information_schema.triggers
        WHERE trigger_schema = DATABASE() AND trigger_name LIKE %(prefix)s ORDER BY 1""",
}


def _installed(connection: sa.Connection) -> dict[str, tuple[str, bool]]:
    dialect = connection.dialect.name
    prefix = PREFIX if dialect == "sqlite" else PREFIX.replace("_", r"\_")
    rows = connection.exec_driver_sql(_INSTALLED.get(dialect, _INSTALLED["mysql"]), {"prefix": f"{prefix}%"})
    return {name: (table, bool(is_enabled)) for name, table, is_enabled in rows}


def _names(connection: sa.Connection) -> Names:
    """Table names as triggers must write them: with the schema on PostgreSQL, where a caller's search path may differ."""
    quote = connection.dialect.identifier_preparer.quote
    if connection.dialect.name != "postgresql":
        return Names(connection.dialect, quote)
    query = sa.text(
        "SELECT relname, nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
        "WHERE pg_table_is_visible(c.oid) AND relkind IN ('r', 'p')"
    )
    schemas = {str(name): str(schema) for name, schema in connection.execute(query)}
    default = str(connection.scalar(sa.select(sa.func.current_schema())))
    return Names(connection.dialect, lambda name: f"{quote(schemas.get(name, default))}.{quote(name)}")


@contextmanager
def _exclusive(engine: sa.Engine) -> Iterator[sa.Connection]:
    """One installer at a time, and no long wait for tables that the application holds."""
    with engine.connect() as connection, _explained(engine), connection.begin():
        _lock(connection)
        try:
            yield connection
        finally:
            if connection.dialect.name in {"mysql", "mariadb"}:
                connection.execute(sa.select(sa.func.release_lock("sheets_pipeline")))


def _lock(connection: sa.Connection) -> None:
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_SECONDS}s'")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
    elif dialect == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql(f"SET SESSION lock_wait_timeout = {LOCK_TIMEOUT_SECONDS}")
        connection.execute(sa.select(sa.func.get_lock("sheets_pipeline", LOCK_TIMEOUT_SECONDS)))


@contextmanager
def _explained(engine: sa.Engine) -> Iterator[None]:
    try:
        yield
    except sa.exc.OperationalError as error:
        if "timeout" not in str(error).lower() and "locked" not in str(error).lower():
            raise
        explained = DatabaseError(
            f"Expected to lock the platform's tables for a moment within {LOCK_TIMEOUT_SECONDS} s, but a long "
            "transaction holds one of them. Nothing was lost; end that transaction, or try again at a quieter time."
        )
        explained.needs_person = False
        raise explained from error
