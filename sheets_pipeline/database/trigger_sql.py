"""The triggers that fill ``pending_event``, as SQL: pure functions from a declaration to text.

PostgreSQL has one trigger per statement, so that a statement over many rows costs one insert; the others have one per
row. A trigger's name ends in a digest of its text: what is installed can be compared by name alone, and an upgrade
creates the new trigger before it drops the old one.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import sqlalchemy as sa

from sheets_pipeline.database import platform
from sheets_pipeline.database.event_table import CLOCK, MYSQL_CLOCK, Priority, pending_event

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

    @property
    def scope(self) -> list[str]:
        """Columns whose change touches other rows than before."""
        return ["id", *(column for column in (self.user, self.course, self.quiz) if column and column != "id")]


WATCHES = [
    Watch(
        platform.quiz_responses,
        "quiz_response",
        {"insert": "quiz_submitted", "update": "response_changed", "delete": "response_deleted"},
        ("user_id", "quiz_id", "score", "passed", "submitted_at", "answer"),
        user="user_id",
        quiz="quiz_id",
    ),
    Watch(
        platform.course_completions,
        "course_completion",
        {"insert": "course_completed", "update": "completion_changed", "delete": "completion_deleted"},
        ("user_id", "course_id"),
        user="user_id",
        course="course_id",
    ),
    Watch(
        platform.enrollments,
        "enrollment",
        {"insert": "enrolled", "update": "enrollment_changed", "delete": "enrollment_deleted"},
        ("user_id", "course_id"),
        user="user_id",
        course="course_id",
    ),
    Watch(
        platform.users,
        "user",
        {"insert": "user_created", "update": "profile_changed", "delete": "user_deleted"},
        ("full_name", "email", "joined_at", "last_login_at"),
        user="id",
        renamed=("full_name", "user_renamed"),
    ),
    Watch(
        platform.transcript_requests,
        "transcript_request",
        {"insert": "transcript_requested", "update": "transcript_changed", "delete": "transcript_deleted"},
        ("user_id", "course_id", "status", "pdf_generate", "requested_at", "updated_at"),
        user="user_id",
        course="course_id",
        priority=Priority.URGENT,
    ),
    Watch(
        platform.courses,
        "course",
        {"insert": "course_created", "update": "course_renamed", "delete": "course_deleted"},
        ("title",),
        course="id",
    ),
    # A quiz shows only through its responses, so its creation changes nothing.
    Watch(
        platform.quizzes,
        "quiz",
        {"update": "quiz_changed", "delete": "quiz_deleted"},
        ("title", "kind", "course_id"),
        course="course_id",
    ),
]


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger: its name, its table, and the statements that create it."""

    name: str
    table: str
    create: list[str] = field(compare=False)


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


def _trigger(watch: Watch, operation: str, names: Names) -> Trigger:
    statements = _STATEMENTS[names.dialect.name]
    table = watch.table.name
    text = "\n".join(statements(watch, operation, names, "NAME"))
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    name = f"{PREFIX}{table}_{operation}_{digest}"
    return Trigger(name, table, statements(watch, operation, names, name))


def _insert(watch: Watch, operation: str, row: str, priority: str, names: Names, *, other: str = "") -> str:
    """``INSERT INTO pending_event ... SELECT`` of the columns of ``row``, without its FROM clause."""
    dialect = names.dialect.name
    key = f"{row}.id" if dialect == "sqlite" else f"CAST({row}.id AS CHAR(20))"
    if dialect == "postgresql":
        key = f"CAST({row}.id AS pg_catalog.text)"
    of = {"user_id": watch.user, "course_id": watch.course, "quiz_id": watch.quiz}
    belongs = {column: f"{row}.{names.column(source)}" for column, source in of.items() if source}
    columns = ["entity", "key", "kind", "priority", "created_at", *belongs]
    target = ", ".join(names.column(column) for column in columns)
    kind = _kind(watch, operation, row, other, names)
    values = [f"'{watch.entity}'", key, kind, priority, CLOCK.get(dialect, MYSQL_CLOCK), *belongs.values()]
    return f"INSERT INTO {names.qualify(pending_event.name)} ({target}) SELECT {', '.join(values)}"


def _kind(watch: Watch, operation: str, row: str, other: str, names: Names) -> str:
    kind = f"'{watch.kinds[operation]}'"
    if operation == "update" and watch.renamed:
        column, renamed = watch.renamed
        return f"CASE WHEN {_differ(row, other, [column], names)} THEN '{renamed}' ELSE {kind} END"
    return kind


def _differ(left: str, right: str, columns: list[str] | tuple[str, ...], names: Names) -> str:
    """Whether two rows differ in one of these columns; NULL equals NULL."""
    pattern = {"postgresql": "{0} IS DISTINCT FROM {1}", "sqlite": "{0} IS NOT {1}"}
    one = pattern.get(names.dialect.name, "NOT ({0} <=> {1})")
    quoted = [names.column(column) for column in columns]
    return "(" + " OR ".join(one.format(f"{left}.{column}", f"{right}.{column}") for column in quoted) + ")"


def _postgresql(watch: Watch, operation: str, names: Names, name: str) -> list[str]:
    """A function and a trigger per statement. The function runs with the rights of who installs it.

    Nothing in it is found through the caller's search path. Where there are operators that takes a path of its own,
    which costs the application a few microseconds; inserts and deletes have none.
    """
    rows = {"insert": "new_rows", "delete": "old_rows", "update": "new_rows"}[operation]
    priority = f"{watch.priority:d}"
    if watch.priority != Priority.URGENT:
        many = f"SELECT 1 FROM {rows} OFFSET {BULK_ROWS}"
        priority = f"CASE WHEN EXISTS ({many}) THEN {Priority.BULK:d} ELSE {watch.priority:d} END"
    if operation == "update":
        changed = _differ("n", "o", ("id", *watch.shown), names)
        moved = _differ("n", "o", watch.scope, names)
        joined = "FROM old_rows o FULL JOIN new_rows n ON n.id = o.id"
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
    text = "\n".join(body)
    path = "SET search_path = pg_catalog, pg_temp " if operation == "update" else ""
    return [
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"{path}AS $$\nBEGIN\n{text}\nRETURN NULL;\nEND\n$$",
        f"CREATE TRIGGER {name} AFTER {operation.upper()} ON {names.qualify(watch.table.name)} "
        f"REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
    ]


def _by_row(watch: Watch, operation: str, names: Names, name: str) -> list[str]:
    """A trigger per row, for MySQL, MariaDB and SQLite."""
    priority = f"{watch.priority:d}"
    source = "" if names.dialect.name == "sqlite" else " FROM DUAL"
    if operation == "update":
        changed = _differ("NEW", "OLD", ("id", *watch.shown), names)
        moved = _differ("NEW", "OLD", watch.scope, names)
        body = [
            f"{_insert(watch, operation, 'NEW', priority, names, other='OLD')}{source} WHERE {changed};",
            f"{_insert(watch, operation, 'OLD', priority, names, other='NEW')}{source} WHERE {moved};",
        ]
    else:
        body = [f"{_insert(watch, operation, 'OLD' if operation == 'delete' else 'NEW', priority, names)};"]
    text = "\n".join(body)
    table = names.qualify(watch.table.name)
    return [f"CREATE TRIGGER {name} AFTER {operation.upper()} ON {table} FOR EACH ROW\nBEGIN\n{text}\nEND"]


_STATEMENTS: dict[str, Callable[[Watch, str, Names, str], list[str]]] = {
    "postgresql": _postgresql,
    "mysql": _by_row,
    "mariadb": _by_row,
    "sqlite": _by_row,
}
