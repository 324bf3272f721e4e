"""The triggers that fill ``pending_event``, as SQL: pure functions from a declaration to text.

PostgreSQL has one trigger per statement, so that a statement over many rows costs one insert; the others have one per
row. A trigger's name ends in a digest of its text, and an upgrade creates the new trigger before it drops the old one.

A trigger never fails the statement that fires it: what cannot be recorded is left to the next full sync, with a warning
where the database has such (PostgreSQL); ``db check`` finds the cause.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from sheets_pipeline.database.dialects import quoted
from sheets_pipeline.database.event_table import CLOCK, MYSQL_CLOCK, pending_event
from sheets_pipeline.sync.watch import TRUNCATE, Priority, WatchedTable

PREFIX = "sheets_pipeline_"

#: A statement that changes more rows than this is bulk work, unless it is urgent.
BULK_ROWS = 100


@dataclass(frozen=True, slots=True)
class Columns:
    """What the database knows of a watched table: all its columns, and those of its primary key."""

    all: tuple[str, ...]
    key: tuple[str, ...]
    #: Those whose text depends on settings of the session (PostgreSQL).
    unsettled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Watched:
    """A watched table with its columns."""

    table: WatchedTable
    columns: Columns

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns whose change is recorded."""
        return tuple(dict.fromkeys((*self.columns.key, *(self.table.columns or self.columns.all))))

    @property
    def scope(self) -> tuple[str, ...]:
        """The columns whose change touches other rows than before."""
        return tuple(dict.fromkeys((*self.columns.key, *self.table.needs)))

    @property
    def depends_on_settings(self) -> bool:
        """Whether what is recorded of a row does."""
        return not self.columns.unsettled.isdisjoint(self.scope)

    def reads(self, operation: str) -> tuple[str, ...]:
        """The columns that the trigger of an operation needs."""
        if operation == TRUNCATE:
            return ()
        return tuple(dict.fromkeys((*self.scope, *(self.shown if operation == "update" else ()))))


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger: its name, its table, the statements that create it, and how the server then describes it.

    ``reads`` are the columns that it needs; where one is gone it cannot work. ``function`` is what it calls on PostgreSQL, with its schema; the others have none.
    """

    name: str
    table: str
    create: list[str] = field(compare=False)
    definition: str = field(compare=False)
    reads: tuple[str, ...] = field(compare=False)
    function: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """How one database writes names; ``qualify`` gives a table's name as it stands in SQL, with its schema if need be."""

    dialect: sa.Dialect
    qualify: Callable[[str], str]

    def column(self, name: str) -> str:
        """A column's name, quoted where it must be."""
        return quoted(self.dialect, name)


def triggers(watched: Iterable[Watched], names: Names) -> list[Trigger]:
    """All triggers that should be installed."""
    return [_trigger(each, operation, names) for each in watched for operation in _operations(each, names.dialect.name)]


def _operations(watched: Watched, dialect: str) -> list[str]:
    """PostgreSQL alone tells of TRUNCATE; it matters where deletes do."""
    operations = watched.table.operations
    return [*operations, TRUNCATE] if dialect == "postgresql" and "delete" in operations else operations


def same_text(one: str, other: str) -> bool:
    """Whether two pieces of SQL differ in nothing but white space and quotes around names."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return " ".join(text.replace('"', "").replace("`", "").split())


def _trigger(watched: Watched, operation: str, names: Names) -> Trigger:
    make = _MAKERS[names.dialect.name]
    draft = make(watched, operation, names, "NAME")
    digest = hashlib.sha256("\n".join(draft.create).encode()).hexdigest()[:8]
    return make(watched, operation, names, f"{PREFIX}{_plain_name(watched.table.name)}_{operation}_{digest}")


def _plain_name(table: str) -> str:
    """A table's name as part of another one, which needs no quotes and is no longer than names may be."""
    return re.sub(r"[^a-z0-9]+", "_", table.lower())[:29]


def _insert(watched: Watched, operation: str, row: str, priority: str, names: Names, *, other: str = "") -> str:
    """``INSERT INTO pending_event ...`` of the columns of ``row``; a ``SELECT`` has no FROM clause yet.

    For MySQL and MariaDB of ``VALUES``: what a ``SELECT`` gives is numbered under a lock of the whole queue, which others would
    wait for until the application's statement ends.
    """
    dialect = names.dialect.name
    values = {
        "entity": _literal(watched.table.entity),
        "key": _key(watched, row, names),
        "kind": _literal(operation),
        "priority": priority,
        "created_at": CLOCK.get(dialect, MYSQL_CLOCK),
        "held": _object({column: f"{row}.{names.column(column)}" for column in watched.table.needs}, dialect),
    }
    if operation == "update" and watched.table.told_apart:
        values["changed"] = _changed(watched.table.told_apart, row, other, names)
    target, row_values = ", ".join(map(names.column, values)), ", ".join(values.values())
    chosen = f"SELECT {row_values}" if dialect in {"postgresql", "sqlite"} else f"VALUES ({row_values})"
    return f"INSERT INTO {names.qualify(pending_event.name)} ({target}) {chosen}"


def _insert_all(watched: Watched, priority: str, names: Names) -> str:
    """One event for all rows; its key only must not be blank."""
    values = {
        "entity": _literal(watched.table.entity),
        "key": "'*'",
        "kind": _literal(TRUNCATE),
        "priority": priority,
        "created_at": CLOCK[names.dialect.name],
    }
    target = ", ".join(map(names.column, values))
    return f"INSERT INTO {names.qualify(pending_event.name)} ({target}) VALUES ({', '.join(values.values())});"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _key(watched: Watched, row: str, names: Names) -> str:
    """The primary key as text; a JSON array where it has several columns."""
    values = [_as_text(f"{row}.{names.column(column)}", names.dialect.name) for column in watched.columns.key]
    if len(values) == 1:
        return values[0]
    function, wrap = _JSON[names.dialect.name]
    return wrap.format(f"{function}_array({', '.join(values)})")


def _object(values: dict[str, str], dialect: str) -> str:
    """A JSON object of texts."""
    function, wrap = _JSON[dialect]
    pairs = ", ".join(f"{_literal(name)}, {_text_or_null(value, dialect)}" for name, value in values.items())
    return wrap.format(f"{function}_object({pairs})")


#: How the functions that make JSON begin, and how their result becomes text.
_JSON = {
    "postgresql": ("pg_catalog.json_build", "pg_catalog.concat({})"),
    "mysql": ("JSON", "CAST({} AS CHAR)"),
    "mariadb": ("JSON", "{}"),
    "sqlite": ("json", "{}"),
}


def _changed(columns: tuple[str, ...], row: str, other: str, names: Names) -> str:
    """A JSON array of those of the columns in which two rows differ."""
    dialect = names.dialect.name
    parts = [
        f"CASE WHEN {_differ(row, other, [column], names)} THEN {_literal(',' + _json_text(column))} ELSE '' END"
        for column in columns
    ]
    if dialect == "sqlite":
        return f"'[' || substr({' || '.join(parts)}, 2) || ']'"
    concat, cut = ("pg_catalog.concat", "pg_catalog.substr") if dialect == "postgresql" else ("CONCAT", "SUBSTR")
    return f"{concat}('[', {cut}({concat}({', '.join(parts)}), 2), ']')"


def _json_text(text: str) -> str:
    return json.dumps(text)


def _as_text(value: str, dialect: str) -> str:
    """On PostgreSQL by the type's output function: a cast would be looked up, and the table's owner may have made one."""
    if dialect == "postgresql":
        return f"pg_catalog.concat({value})"
    return f"CAST({value} AS TEXT)" if dialect == "sqlite" else f"CAST({value} AS CHAR)"


def _text_or_null(value: str, dialect: str) -> str:
    """PostgreSQL's concat makes an empty text of NULL."""
    text = _as_text(value, dialect)
    return f"CASE WHEN {value} IS NOT NULL THEN {text} END" if dialect == "postgresql" else text


def _differ(left: str, right: str, columns: list[str] | tuple[str, ...], names: Names) -> str:
    """Whether two rows differ in one of these columns; NULL equals NULL.

    PostgreSQL compares the stored values: no operator is called, which a type of the table's owner could bring along.
    MySQL and MariaDB find ``ada`` and ``Ada`` equal, so they are asked about the bytes, too.
    """
    quoted = [names.column(column) for column in columns]
    if names.dialect.name == "postgresql":
        one, two = (
            f"CAST(ROW({', '.join(f'{row}.{column}' for column in quoted)}) AS pg_catalog.record)"
            for row in (left, right)
        )
        return f"{one} OPERATOR(pg_catalog.*<>) {two}"
    exactly = "NOT ({0} <=> {1} AND CAST({0} AS BINARY) <=> CAST({1} AS BINARY))"
    pattern = "{0} IS NOT {1}" if names.dialect.name == "sqlite" else exactly
    return "(" + " OR ".join(pattern.format(f"{left}.{column}", f"{right}.{column}") for column in quoted) + ")"


def _postgresql(watched: Watched, operation: str, names: Names, name: str) -> Trigger:
    """A function and a trigger per statement. The function runs with the rights of the queue's owner.

    So whoever may write the table need not be able to write the queue, and nobody else may hang the function anywhere.
    Nothing in it is found through the caller's search path, and no function, cast or operator of a type that others made
    is called. A warning names no value: it goes into the server's log.
    """
    urgency = watched.table.priority
    rows = {"insert": "new_rows", "delete": "old_rows", "update": "new_rows", TRUNCATE: ""}[operation]
    priority = f"{urgency:d}"
    if urgency != Priority.URGENT and operation != TRUNCATE:
        many = f"SELECT 1 FROM {rows} OFFSET {BULK_ROWS}"
        priority = f"CASE WHEN EXISTS ({many}) THEN {Priority.BULK:d} ELSE {urgency:d} END"
    if operation == "update":
        changed = _differ("n", "o", watched.shown, names)
        moved = _differ("n", "o", watched.scope, names)
        # A row has no column that tells whether it is there: where a join finds none, its key is NULL.
        first = names.column(watched.columns.key[0])
        same = f"{_key(watched, 'n', names)} OPERATOR(pg_catalog.=) {_key(watched, 'o', names)}"
        joined = f"FROM old_rows o FULL JOIN new_rows n ON {same}"
        body = [
            f"{_insert(watched, operation, 'n', priority, names, other='o')} {joined} WHERE n.{first} IS NOT NULL AND {changed};",
            f"{_insert(watched, operation, 'o', priority, names, other='n')} {joined} WHERE o.{first} IS NOT NULL AND {moved};",
        ]
    elif operation == TRUNCATE:
        body = [_insert_all(watched, priority, names)]
    else:
        body = [f"{_insert(watched, operation, 'r', priority, names)} FROM {rows} r;"]
    tables = {
        "insert": "REFERENCING NEW TABLE AS new_rows ",
        "delete": "REFERENCING OLD TABLE AS old_rows ",
        "update": "REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows ",
        TRUNCATE: "",
    }[operation]
    function = names.qualify(pending_event.name).removesuffix(pending_event.name) + name
    source = "\n".join(["", "BEGIN", *body, "RETURN NULL;", _UNRECORDED, "END", ""])
    trigger = (
        f"CREATE TRIGGER {name} AFTER {operation.upper()} ON {names.qualify(watched.table.name)} "
        f"{tables}FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
    )
    settings = _AS_WRITTEN if watched.depends_on_settings else {}
    create = (
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp"
        f"{''.join(f' SET {name} = {value}' for name, value in settings.items())} AS {_dollars(source)}"
    )
    revoke = f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"
    properties = " ".join([PROPERTIES, *(f"{name}={value}" for name, value in settings.items())])
    definition = f"{trigger} {properties} {source}"
    reads = watched.reads(operation)
    return Trigger(name, watched.table.name, [create, revoke, trigger], definition, reads, function)


def _dollars(text: str) -> str:
    """The text as a literal of PostgreSQL; names in it may hold dollars."""
    tag = "$$"
    while tag in text:
        tag = f"${tag.strip('$')}x$"
    return f"{tag}{text}{tag}"


#: Language, security and settings of a function, as the check reads them from PostgreSQL's catalog.
PROPERTIES = "plpgsql definer search_path=pg_catalog, pg_temp"

#: Settings of a session on which the text of a date, an interval or a float depends; the application's may be any.
_AS_WRITTEN = {"DateStyle": "iso, mdy", "IntervalStyle": "postgres", "extra_float_digits": "3"}

_UNRECORDED = """EXCEPTION WHEN OTHERS THEN
RAISE WARNING USING MESSAGE = pg_catalog.concat('sheets_pipeline: a change of table ', TG_TABLE_NAME,
' was not recorded (SQLSTATE ', SQLSTATE, '); the next full sync shows it. Run sheets-pipeline db check.');
RETURN NULL;"""


def _by_row(watched: Watched, operation: str, names: Names, name: str) -> Trigger:
    """A trigger per row, for MySQL, MariaDB and SQLite.

    A deadlock has undone the application's transaction, so that one must be told; SQLite knows no handlers.
    """
    priority = f"{watched.table.priority:d}"
    is_sqlite = names.dialect.name == "sqlite"
    when = "{0} WHERE {1};" if is_sqlite else "IF {1} THEN {0}; END IF;"
    if operation == "update":
        changed = _differ("NEW", "OLD", watched.shown, names)
        moved = _differ("NEW", "OLD", watched.scope, names)
        body = [
            when.format(_insert(watched, operation, "NEW", priority, names, other="OLD"), changed),
            when.format(_insert(watched, operation, "OLD", priority, names, other="NEW"), moved),
        ]
    else:
        body = [f"{_insert(watched, operation, 'OLD' if operation == 'delete' else 'NEW', priority, names)};"]
    if is_sqlite:
        body = [statement.replace("INSERT INTO", "INSERT OR IGNORE INTO", 1) for statement in body]
    else:
        body = [
            "DECLARE EXIT HANDLER FOR 1213 RESIGNAL;",
            "DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;",
            *body,
        ]
    text = "\n".join(["BEGIN", *body, "END"])
    head = f"CREATE TRIGGER {name} AFTER {operation.upper()} ON {names.qualify(watched.table.name)} FOR EACH ROW"
    return Trigger(name, watched.table.name, [f"{head}\n{text}"], f"{head} {text}", watched.reads(operation))


_MAKERS: dict[str, Callable[[Watched, str, Names, str], Trigger]] = {
    "postgresql": _postgresql,
    "mysql": _by_row,
    "mariadb": _by_row,
    "sqlite": _by_row,
}
