"""The triggers that fill ``pending_event``, as SQL: pure functions from a declaration to text.

PostgreSQL has one trigger per statement, so that a statement over many rows costs one insert; the others have one per
row. A trigger's name ends in a digest of its text, and an upgrade creates the new trigger before it drops the old one.

A trigger never fails the statement that fires it: what cannot be recorded is left to the next full sync, with a warning
where the database has such (PostgreSQL); ``db check`` finds the cause.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from sheets_pipeline.database.event_table import CLOCK, MYSQL_CLOCK, Priority, pending_event
from sheets_pipeline.platform import tables

PREFIX = "sheets_pipeline_"

#: A statement that changes more rows than this is bulk work, unless it is urgent.
BULK_ROWS = 100


@dataclass(frozen=True, slots=True)
class Watch:
    """What counts as a change of a table, and how it is called.

    ``kinds`` maps insert, update and delete to the kind of event; ``shown`` are the columns whose change matters.
    ``user`` and ``course`` name the columns that say whom a row belongs to; ``quiz`` the one that leads to a course: it is
    looked up when the event is read, which makes the application's own transaction a third cheaper.
    ``renamed`` is (column, kind): a change of that column is an event of its own kind.
    """

    table: sa.Table
    entity: str
    kinds: dict[str, str]
    shown: tuple[str, ...]
    user: str | None = None
    course: str | None = None
    quiz: str | None = None
    renamed: tuple[str, str] | None = None
    priority: Priority = Priority.NORMAL

    def reads(self, operation: str) -> tuple[str, ...]:
        """The columns that the trigger of an operation needs."""
        return tuple(dict.fromkeys((*self.scope, *(self.shown if operation == "update" else ()))))

    @property
    def scope(self) -> list[str]:
        """Columns whose change touches other rows than before."""
        return ["id", *(column for column in (self.user, self.course, self.quiz) if column and column != "id")]


WATCHES = [
    Watch(
        tables.quiz_responses,
        "quiz_response",
        {"insert": "quiz_submitted", "update": "response_changed", "delete": "response_deleted"},
        ("user_id", "quiz_id", "score", "passed", "submitted_at", "answer"),
        user="user_id",
        quiz="quiz_id",
    ),
    Watch(
        tables.course_completions,
        "course_completion",
        {"insert": "course_completed", "update": "completion_changed", "delete": "completion_deleted"},
        ("user_id", "course_id"),
        user="user_id",
        course="course_id",
    ),
    Watch(
        tables.enrollments,
        "enrollment",
        {"insert": "enrolled", "update": "enrollment_changed", "delete": "enrollment_deleted"},
        ("user_id", "course_id"),
        user="user_id",
        course="course_id",
    ),
    Watch(
        tables.users,
        "user",
        {"insert": "user_created", "update": "profile_changed", "delete": "user_deleted"},
        ("full_name", "email", "joined_at", "last_login_at"),
        user="id",
        renamed=("full_name", "user_renamed"),
    ),
    Watch(
        tables.transcript_requests,
        "transcript_request",
        {"insert": "transcript_requested", "update": "transcript_changed", "delete": "transcript_deleted"},
        ("user_id", "course_id", "status", "pdf_generate", "requested_at", "updated_at"),
        user="user_id",
        course="course_id",
        priority=Priority.URGENT,
    ),
    Watch(
        tables.courses,
        "course",
        {"insert": "course_created", "update": "course_renamed", "delete": "course_deleted"},
        ("title",),
        course="id",
    ),
    # A quiz shows only through its responses, so its creation changes nothing.
    Watch(
        tables.quizzes,
        "quiz",
        {"update": "quiz_changed", "delete": "quiz_deleted"},
        ("title", "kind", "course_id"),
        course="course_id",
    ),
]


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
        return self.dialect.identifier_preparer.quote(name)


def triggers(names: Names) -> list[Trigger]:
    """All triggers that should be installed."""
    return [_trigger(watch, operation, names) for watch in WATCHES for operation in watch.kinds]


def same_text(one: str, other: str) -> bool:
    """Whether two pieces of SQL differ in nothing but white space and quotes around names."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    return " ".join(text.replace('"', "").replace("`", "").split())


def _trigger(watch: Watch, operation: str, names: Names) -> Trigger:
    make = _MAKERS[names.dialect.name]
    draft = make(watch, operation, names, "NAME")
    digest = hashlib.sha256("\n".join(draft.create).encode()).hexdigest()[:8]
    return make(watch, operation, names, f"{PREFIX}{watch.table.name}_{operation}_{digest}")


def _insert(watch: Watch, operation: str, row: str, priority: str, names: Names, *, other: str = "") -> str:
    """``INSERT INTO pending_event ... SELECT`` of the columns of ``row``, without its FROM clause."""
    dialect = names.dialect.name
    of = {"user_id": watch.user, "course_id": watch.course, "quiz_id": watch.quiz}
    belongs = {column: _number(f"{row}.{names.column(source)}", dialect) for column, source in of.items() if source}
    columns = ["entity", "key", "kind", "priority", "created_at", *belongs]
    target = ", ".join(names.column(column) for column in columns)
    kind = _kind(watch, operation, row, other, names)
    key = _as_text(f"{row}.{names.column('id')}", dialect)
    values = [f"'{watch.entity}'", key, kind, priority, CLOCK.get(dialect, MYSQL_CLOCK), *belongs.values()]
    return f"INSERT INTO {names.qualify(pending_event.name)} ({target}) SELECT {', '.join(values)}"


def _as_text(value: str, dialect: str) -> str:
    """On PostgreSQL by the type's output function: a cast would be looked up, and the table's owner may have made one."""
    if dialect == "postgresql":
        return f"pg_catalog.concat({value})"
    return value if dialect == "sqlite" else f"CAST({value} AS CHAR(200))"


def _number(value: str, dialect: str) -> str:
    if dialect != "postgresql":
        return value
    return f"CASE WHEN {value} IS NOT NULL THEN CAST({_as_text(value, dialect)} AS pg_catalog.int8) END"


def _kind(watch: Watch, operation: str, row: str, other: str, names: Names) -> str:
    kind = f"'{watch.kinds[operation]}'"
    if operation == "update" and watch.renamed:
        column, renamed = watch.renamed
        return f"CASE WHEN {_differ(row, other, [column], names)} THEN '{renamed}' ELSE {kind} END"
    return kind


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


def _postgresql(watch: Watch, operation: str, names: Names, name: str) -> Trigger:
    """A function and a trigger per statement. The function runs with the rights of the queue's owner.

    So whoever may write the table need not be able to write the queue, and nobody else may hang the function anywhere.
    Nothing in it is found through the caller's search path, and no function, cast or operator of a type that others made
    is called. A warning names no value: it goes into the server's log.
    """
    rows = {"insert": "new_rows", "delete": "old_rows", "update": "new_rows"}[operation]
    priority = f"{watch.priority:d}"
    if watch.priority != Priority.URGENT:
        many = f"SELECT 1 FROM {rows} OFFSET {BULK_ROWS}"
        priority = f"CASE WHEN EXISTS ({many}) THEN {Priority.BULK:d} ELSE {watch.priority:d} END"
    if operation == "update":
        changed = _differ("n", "o", ("id", *watch.shown), names)
        moved = _differ("n", "o", watch.scope, names)
        same = f"{_as_text('n.id', 'postgresql')} OPERATOR(pg_catalog.=) {_as_text('o.id', 'postgresql')}"
        joined = f"FROM old_rows o FULL JOIN new_rows n ON {same}"
        body = [
            f"{_insert(watch, operation, 'n', priority, names, other='o')} {joined} WHERE n.id IS NOT NULL AND {changed};",
            f"{_insert(watch, operation, 'o', priority, names, other='n')} {joined} WHERE o.id IS NOT NULL AND {moved};",
        ]
    else:
        body = [f"{_insert(watch, operation, 'r', priority, names)} FROM {rows} r;"]
    tables = {
        "insert": "NEW TABLE AS new_rows",
        "delete": "OLD TABLE AS old_rows",
        "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    }[operation]
    function = names.qualify(pending_event.name).removesuffix(pending_event.name) + name
    source = "\n".join(["", "BEGIN", *body, "RETURN NULL;", _UNRECORDED, "END", ""])
    trigger = (
        f"CREATE TRIGGER {name} AFTER {operation.upper()} ON {names.qualify(watch.table.name)} "
        f"REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
    )
    create = (
        f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = pg_catalog, pg_temp AS $${source}$$"
    )
    revoke = f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"
    definition = f"{trigger} {PROPERTIES} {source}"
    return Trigger(name, watch.table.name, [create, revoke, trigger], definition, watch.reads(operation), function)


#: Language, security and settings of a function, as the check reads them from PostgreSQL's catalog.
PROPERTIES = "plpgsql definer search_path=pg_catalog, pg_temp"

_UNRECORDED = """EXCEPTION WHEN OTHERS THEN
RAISE WARNING USING MESSAGE = pg_catalog.concat('sheets_pipeline: a change of table ', TG_TABLE_NAME,
' was not recorded (SQLSTATE ', SQLSTATE, '); the next full sync shows it. Run sheets-pipeline db check.');
RETURN NULL;"""


def _by_row(watch: Watch, operation: str, names: Names, name: str) -> Trigger:
    """A trigger per row, for MySQL, MariaDB and SQLite.

    A deadlock has undone the application's transaction, so that one must be told; SQLite knows no handlers.
    """
    priority = f"{watch.priority:d}"
    is_sqlite = names.dialect.name == "sqlite"
    source = "" if is_sqlite else " FROM DUAL"
    if operation == "update":
        changed = _differ("NEW", "OLD", ("id", *watch.shown), names)
        moved = _differ("NEW", "OLD", watch.scope, names)
        body = [
            f"{_insert(watch, operation, 'NEW', priority, names, other='OLD')}{source} WHERE {changed};",
            f"{_insert(watch, operation, 'OLD', priority, names, other='NEW')}{source} WHERE {moved};",
        ]
    else:
        body = [f"{_insert(watch, operation, 'OLD' if operation == 'delete' else 'NEW', priority, names)};"]
    if is_sqlite:
        body = [statement.replace("INSERT INTO", "INSERT OR IGNORE INTO", 1) for statement in body]
    else:
        body = [
            "DECLARE EXIT HANDLER FOR 1213 RESIGNAL;",
            "DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;",
            *body,
        ]
    text = "\n".join(["BEGIN", *body, "END"])
    head = f"CREATE TRIGGER {name} AFTER {operation.upper()} ON {names.qualify(watch.table.name)} FOR EACH ROW"
    return Trigger(name, watch.table.name, [f"{head}\n{text}"], f"{head} {text}", watch.reads(operation))


_MAKERS: dict[str, Callable[[Watch, str, Names, str], Trigger]] = {
    "postgresql": _postgresql,
    "mysql": _by_row,
    "mariadb": _by_row,
    "sqlite": _by_row,
}
