"""What of the event queue is installed in a database, as its own catalog tells it. Changes nothing.

On PostgreSQL the catalog is asked with a search path of ``pg_catalog`` alone: whoever runs the check may be a superuser,
and anybody who may create objects in a schema on their path could bring operators along that the queries would find.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.dialects import quoted
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.trigger_sql import PREFIX, Columns, Names, Watched
from sheets_pipeline.sync.watch import WatchedTable


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a table is."""

    name: str
    is_superuser: bool


@dataclass(frozen=True, slots=True)
class Place:
    """The application's tables and the queue: where they are, their columns, whose they are.

    ``columns`` maps each table that is there to its columns and whether the server has a default for them;
    ``name_conflict`` is what stands in the queue's place and is no table. Only PostgreSQL has ``schemas`` (of each table), a ``path`` on which
    tables were looked for, ``owners``, and ``virtual``: tables and columns of theirs that triggers do not see.
    ``keys`` are primary keys; ``watched`` is what was declared, whether it is there or not.
    """

    dialect: sa.Dialect
    columns: Mapping[str, Mapping[str, bool]]
    schemas: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    owners: Mapping[str, Owner] = field(default_factory=dict)
    name_conflict: str | None = None
    virtual: frozenset[tuple[str, str]] = frozenset()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    watched: tuple[WatchedTable, ...] = ()
    #: Columns of each table whose text depends on settings of the session, and tables of several parts (PostgreSQL).
    unsettled: Mapping[str, frozenset[str]] = field(default_factory=dict)
    parted: frozenset[str] = frozenset()

    @property
    def has_key(self) -> list[Watched]:
        """The watched tables that are there and have a primary key, as they are declared."""
        return [
            Watched(table, Columns(tuple(self.columns[table.name]), key, self.unsettled.get(table.name, frozenset())))
            for table in self.watched
            if table.name in self.columns and (key := self.keys.get(table.name))
        ]

    @property
    def can_be_watched(self) -> list[Watched]:
        """The same without what their columns cannot tell."""
        return [replace(each, table=each.table.of_columns(each.columns.all)) for each in self.has_key]

    @property
    def owners_of_watched(self) -> dict[str, Owner]:
        """Whose the application's tables are."""
        return {table: owner for table, owner in self.owners.items() if table != pending_event.name}

    @property
    def names(self) -> Names:
        """How triggers write table names: with the schema on PostgreSQL, where a caller's search path may differ."""
        return Names(self.dialect, self.qualified)

    @property
    def default_schema(self) -> str:
        """Where a new table goes (PostgreSQL)."""
        return self.path[0] if self.path else "public"

    def qualified(self, name: str) -> str:
        """A table's name as it stands in SQL."""
        quote = partial(quoted, self.dialect)
        schema, _, table = name.rpartition(".")
        if self.dialect.name != "postgresql":
            return f"{quote(schema)}.{quote(table)}" if schema else quote(table)
        return f"{quote(self.schemas.get(name, schema or self.default_schema))}.{quote(table)}"


@dataclass(frozen=True, slots=True)
class Installed:
    """One of our triggers, as the server describes it.

    ``definer`` is the account whose rights it has (MySQL, MariaDB), ``function`` what it calls (PostgreSQL).
    """

    name: str
    table: str
    is_enabled: bool
    definition: str
    definer: str = ""
    function: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of ours: whose rights it has, and who else may hang it on a table of theirs."""

    owner: str
    executable_by: tuple[str, ...]


def place_of(connection: sa.Connection, watched: Sequence[WatchedTable], path: tuple[str, ...] = ()) -> Place:
    """Find the tables; on PostgreSQL the transaction goes on with ``pg_catalog`` as its only search path.

    ``path`` is what it was before, where this is not the transaction's first look.
    """
    tables = [pending_event.name, *(table.name for table in watched)]
    if connection.dialect.name == "postgresql":
        return replace(_place_on_postgresql(connection, tables, path), watched=tuple(watched))
    query = {"sqlite": _SQLITE_COLUMNS}.get(connection.dialect.name, _MYSQL_COLUMNS)
    columns: dict[str, dict[str, bool]] = {}
    keys: dict[str, dict[int, str]] = {}
    for table, column, has_default, part in connection.execute(query, {"tables": tables}):
        columns.setdefault(table, {})[column] = bool(has_default)
        if part:
            keys.setdefault(table, {})[int(part)] = column
    name_conflict = None
    if pending_event.name not in columns:
        views = {"sqlite": _SQLITE_VIEWS}.get(connection.dialect.name, _MYSQL_VIEWS)
        name_conflict = connection.execute(views, {"queue": pending_event.name}).scalar()
    primary = {table: tuple(parts[n] for n in sorted(parts)) for table, parts in keys.items()}
    return Place(connection.dialect, columns, name_conflict=name_conflict, keys=primary, watched=tuple(watched))


_SQLITE_VIEWS = sa.text("SELECT 'view' FROM sqlite_master WHERE type = 'view' AND name = :queue")

_MYSQL_VIEWS = sa.text(
    "SELECT lower(table_type) FROM information_schema.tables "
    # a table was made after it had been looked for
    "WHERE table_schema = DATABASE() AND table_name = :queue AND table_type <> 'BASE TABLE'"
)


_SQLITE_COLUMNS = sa.text(
    "SELECT t.name, c.name, c.dflt_value IS NOT NULL OR c.pk, c.pk FROM sqlite_master t JOIN pragma_table_info(t.name) c "
    "WHERE t.type = 'table' AND t.name IN :tables"
).bindparams(sa.bindparam("tables", expanding=True))

_MYSQL_COLUMNS = sa.text(
    "SELECT c.table_name, c.column_name, c.column_default IS NOT NULL OR c.extra <> '', k.ordinal_position "
    "FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) "
    # MariaDB opens the tables of all databases for a schema that is named only by another column
    "LEFT JOIN information_schema.key_column_usage k ON k.table_schema = DATABASE() AND k.table_name = c.table_name "
    "AND k.column_name = c.column_name AND k.constraint_name = 'PRIMARY' "
    "WHERE c.table_schema = DATABASE() AND t.table_schema = DATABASE() AND c.table_name IN :tables "
    "AND t.table_type NOT LIKE '%VIEW' ORDER BY c.ordinal_position"
).bindparams(sa.bindparam("tables", expanding=True))


def _place_on_postgresql(connection: sa.Connection, tables: list[str], path: tuple[str, ...]) -> Place:
    path = path or tuple(connection.exec_driver_sql("SELECT pg_catalog.current_schemas(false)").scalar_one())
    connection.exec_driver_sql("SET LOCAL search_path = pg_catalog, pg_temp")
    named = [name.rpartition(".") for name in tables]
    rows = connection.exec_driver_sql(
        """SELECT c.relname, n.nspname, r.rolname, r.rolsuper, a.attname, a.atthasdef OR a.attidentity <> '',
            to_jsonb(a) ->> 'attgenerated' = 'v', a.attnum, CAST(i.indkey AS text),
            t.typcategory NOT IN ('B', 'E', 'S') AND (t.typcategory <> 'N' OR t.typname LIKE 'float%%'), c.relhassubclass
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.oid = c.relowner
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
        WHERE c.relkind IN ('r', 'p') AND c.relname = ANY(CAST(%(tables)s AS name[]))
        AND n.nspname = ANY(CAST(%(schemas)s AS name[])) ORDER BY a.attnum""",
        {"tables": [table for _, _, table in named], "schemas": [*path, *(schema for schema, _, _ in named if schema)]},
    ).all()
    there = {(row[1], row[0]) for row in rows}
    schemas: dict[str, str] = {}
    for name, (schema, _, table) in zip(tables, named, strict=True):
        first = next((place for place in ([schema] if schema else path) if (place, table) in there), None)
        if first is not None:  # the first of the path hides the others
            schemas[name] = first
    columns: dict[str, dict[str, bool]] = {}
    owners: dict[str, Owner] = {}
    virtual: set[tuple[str, str]] = set()
    keys: dict[str, dict[int, str]] = {}
    unsettled: dict[str, frozenset[str]] = {}
    parted: set[str] = set()
    for name, found in schemas.items():
        for table, schema, owner, is_superuser, column, *facts in rows:
            if (schema, table) != (found, name.rpartition(".")[2]):
                continue
            has_default, is_virtual, number, key, is_unsettled, has_parts = facts
            columns.setdefault(name, {})[column] = has_default
            virtual |= {(name, column)} if is_virtual else set()
            owners[name] = Owner(owner, is_superuser)
            unsettled[name] = unsettled.get(name, frozenset()) | ({column} if is_unsettled else set())
            parted |= {name} if has_parts else set()
            if str(number) in (numbers := (key or "").split()):
                keys.setdefault(name, {})[numbers.index(str(number))] = column
    name_conflict = None if pending_event.name in schemas else _name_conflict_on_postgresql(connection, path)
    primary = {table: tuple(parts[n] for n in sorted(parts)) for table, parts in keys.items()}
    return Place(
        connection.dialect,
        columns,
        schemas,
        path,
        owners,
        name_conflict,
        frozenset(virtual),
        primary,
        unsettled=unsettled,
        parted=frozenset(parted),
    )


def _name_conflict_on_postgresql(connection: sa.Connection, path: tuple[str, ...]) -> str | None:
    """What is no table and bears the queue's name where a new one would go, and whose it is."""
    kind: str | None = connection.exec_driver_sql(
        """SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
        WHEN 'S' THEN 'sequence' WHEN 'c' THEN 'type' ELSE 'index' END || ' of ' || pg_get_userbyid(c.relowner)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname = %(queue)s AND n.nspname = %(schema)s""",
        {"queue": pending_event.name, "schema": path[0] if path else "public"},
    ).scalar()
    return kind


def triggers(connection: sa.Connection, place: Place) -> list[Installed]:
    """Our triggers, by name; on PostgreSQL also whatever else calls a function of ours."""
    read = {"postgresql": _postgresql, "sqlite": _sqlite}.get(connection.dialect.name, _mysql)
    return sorted(read(connection, place), key=lambda trigger: trigger.name)


def functions(connection: sa.Connection, place: Place) -> dict[str, Function]:
    """Functions of ours (PostgreSQL), those that no trigger calls, too."""
    if connection.dialect.name != "postgresql":
        return {}
    return _functions(connection, place, "f.nspname = ANY(CAST(%(path)s AS name[]))")


def elsewhere(connection: sa.Connection, place: Place) -> dict[str, Function]:
    """Functions of ours off the search path, where their owner's rights matter."""
    whose = "(r.rolsuper OR r.rolname = current_user OR r.rolname = ANY(CAST(%(owners)s AS name[])))"
    return _functions(connection, place, f"p.prosecdef AND f.nspname <> ALL(CAST(%(path)s AS name[])) AND {whose}")


def _functions(connection: sa.Connection, place: Place, which: str) -> dict[str, Function]:
    owners = sorted({owner.name for owner in place.owners.values()})
    rows = connection.exec_driver_sql(
        f"SELECT {_FUNCTION}, CAST(r.rolname AS text), {_EXECUTABLE_BY} "
        "FROM pg_proc p JOIN pg_namespace f ON f.oid = p.pronamespace JOIN pg_roles r ON r.oid = p.proowner "
        "WHERE p.proname LIKE %(prefix)s AND p.prorettype = CAST('trigger' AS regtype) AND p.pronargs = 0 "
        f"AND {which} ORDER BY 1",
        {"prefix": _like(), "path": list(place.path), "owners": owners},
    )
    return {name: Function(owner, tuple(others)) for name, owner, others in rows}


def _like() -> str:
    return PREFIX.replace("_", r"\_") + "%"


#: Everybody, among those who may execute a function.
PUBLIC = "PUBLIC"

_FUNCTION = "quote_ident(f.nspname) || '.' || quote_ident(p.proname)"
_EXECUTABLE_BY = """ARRAY(
    SELECT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE CAST(pg_get_userbyid(a.grantee) AS text) END
    FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee <> p.proowner ORDER BY 1)"""


def _postgresql(connection: sa.Connection, place: Place) -> list[Installed]:
    rows = connection.exec_driver_sql(
        f"""SELECT t.tgname, quote_ident(n.nspname) || '.' || quote_ident(c.relname), t.tgenabled IN ('O', 'A'),
            pg_get_triggerdef(t.oid), l.lanname || CASE WHEN p.prosecdef THEN ' definer ' ELSE ' invoker ' END
            || coalesce(array_to_string(p.proconfig, ' '), ''), p.prosrc, {_FUNCTION}
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace f ON f.oid = p.pronamespace
        JOIN pg_language l ON l.oid = p.prolang
        WHERE NOT t.tgisinternal
        AND (t.tgname LIKE %(prefix)s AND n.nspname = ANY(CAST(%(path)s AS name[]))
             OR p.proname LIKE %(prefix)s AND f.nspname = ANY(CAST(%(path)s AS name[])))""",
        {"prefix": _like(), "path": list(place.path)},
    )
    return [
        Installed(
            name,
            table,
            is_enabled,
            f"{definition.replace('EXECUTE PROCEDURE', 'EXECUTE FUNCTION')} {properties} {source}",
            function=function,
        )
        for name, table, is_enabled, definition, properties, source, function in rows
    ]


def _sqlite(connection: sa.Connection, _place: Place) -> list[Installed]:
    query = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE :prefix"
    rows = connection.exec_driver_sql(query, {"prefix": f"{PREFIX}%"})
    return [Installed(name, table, True, sql) for name, table, sql in rows]


def _mysql(connection: sa.Connection, _place: Place) -> list[Installed]:
    rows: Any = connection.exec_driver_sql(
        "SELECT trigger_name, event_object_table, action_timing, event_manipulation, action_statement, definer "
        "FROM information_schema.triggers WHERE trigger_schema = DATABASE() AND trigger_name LIKE %(prefix)s",
        {"prefix": _like()},
    )
    return [
        Installed(name, table, True, f"CREATE TRIGGER {name} {timing} {event} ON {table} FOR EACH ROW {body}", definer)
        for name, table, timing, event, body, definer in rows
    ]
