"""Connecting to a database, with every failure that a person must mend said in one paragraph."""

import re
from functools import partial
from typing import Any

import sqlalchemy as sa

from sheets_pipeline import urls
from sheets_pipeline.database.answers import ANSWER_WITHIN_SECONDS, NO_ANSWER, BoundedConnection
from sheets_pipeline.database.drivers import keep_all_values
from sheets_pipeline.database.idle_connections import ask_idle_connections
from sheets_pipeline.errors import DatabaseError

#: How our sessions are called in the server's own views (pg_stat_activity, session_connect_attrs).
APPLICATION_NAME = "sheets-pipeline"
#: Longest wait for a connection, in seconds.
CONNECT_TIMEOUT_SECONDS = 10
#: Longest wait for a free connection of the pool, in seconds.
POOL_TIMEOUT_SECONDS = 30

_DRIVERS = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
#: How a missing driver is installed.
_INSTALL = {"pymysql": 'Install it (pip install "sheets-pipeline[mysql]")'}


def connect(
    url: str | sa.URL, *, answer_within_seconds: float | None = ANSWER_WITHIN_SECONDS, **options: Any
) -> sa.Engine:
    """An engine for this URL; connections are made when they are needed. ``options`` go to ``create_engine``.

    A server that gives no answer for ``answer_within_seconds`` is taken for gone; None waits for ever.

    Failures a person must mend (wrong password, unreachable host, unknown database, missing table, no permission) come
    as ``DatabaseError`` from whatever is executed; all others as SQLAlchemy raises them.

    Raises:
        DatabaseError: The URL cannot be read, or names a driver that is not installed.
    """
    try:
        parsed = url if isinstance(url, sa.URL) else urls.parsed(url)
        parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
        # Parameters are what stands in cells: no error message and no log shows them.
        engine = sa.create_engine(
            parsed, **({"hide_parameters": True} | _options(parsed, answer_within_seconds) | options)
        )
    except (sa.exc.ArgumentError, ValueError, TypeError):  # their messages quote the URL, or parts of it
        raise DatabaseError(f"The database URL cannot be read: it {urls.EXPECTED}.") from None
    except ImportError as error:
        raise DatabaseError(
            f"The database URL asks for {parsed.drivername!r}, and the Python module {error.name!r} is not installed. "
            f"{_INSTALL.get(str(error.name), 'Install it')}, or use postgresql://, which needs nothing more."
        ) from None
    sa.event.listen(engine, "handle_error", _translate)
    sa.event.listen(engine, "reset", _end_reading)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
    if engine.dialect.name in {"mysql", "mariadb"}:
        sa.event.listen(engine, "connect", partial(_lock_rows_alone, engine.dialect))
    if engine.dialect.driver == "psycopg":
        _bound_answers(engine, answer_within_seconds)
        ask_idle_connections(engine)
    keep_all_values(engine)
    return engine


def _bound_answers(engine: sa.Engine, seconds: float | None) -> None:
    def do_connect(_dialect: Any, _record: Any, cargs: Any, cparams: Any) -> BoundedConnection:
        connection = BoundedConnection.connect(*cargs, **cparams)
        connection.answer_within_seconds = seconds
        return connection

    sa.event.listen(engine, "do_connect", do_connect)


def read_only(engine: sa.Engine, statement_timeout_seconds: float = 0) -> sa.Engine:
    """The same engine with the same pool, on which every transaction only reads and no statement takes longer.

    For computing rows. What changes something (deleting events, our own tables) goes through ``engine`` itself.

    Args:
        engine: Made by ``connect``.
        statement_timeout_seconds: Longest time of one statement on the server; 0 for no limit. SQLite has none.
    """
    reading = engine.execution_options()

    def begin(connection: sa.Connection) -> None:
        statements, afterwards = _reading(connection.dialect, statement_timeout_seconds)
        connection.info[_AFTER_READING] = afterwards
        for statement in statements:
            connection.exec_driver_sql(statement)

    sa.event.listen(reading, "begin", begin)
    return reading


#: Under this name a connection keeps the statement that undoes what outlives its reading transaction.
_AFTER_READING = "sheets_pipeline_after_reading"


def _reading(dialect: sa.Dialect, seconds: float) -> tuple[list[str], str | None]:
    """What makes a transaction a reading one, and what undoes that when the connection goes back to the pool."""
    if dialect.name == "postgresql":  # one round trip; all end with the transaction
        # One core per query: parallel workers would take the others from the application.
        politely = "SET LOCAL max_parallel_workers_per_gather = 0"
        return [f"SET LOCAL statement_timeout = {round(seconds * 1000)}; {politely}; SET TRANSACTION READ ONLY"], None
    if dialect.name == "sqlite":
        return ["PRAGMA query_only = ON"], "PRAGMA query_only = OFF"
    if getattr(dialect, "is_mariadb", False):
        name, limit = "max_statement_time", f"{seconds:.3f}"
    else:
        name, limit = "max_execution_time", str(round(seconds * 1000))
    # A TIMESTAMP is shown in the session's time zone; moments without one are taken for UTC.
    settings, undone = f"{name} = {limit}, time_zone = '+00:00'", f"{name} = DEFAULT, time_zone = DEFAULT"
    return [f"SET SESSION {settings}", "START TRANSACTION READ ONLY"], f"SET SESSION {undone}"


def _end_reading(connection: Any, record: Any, _state: Any) -> None:
    """Listener: a connection that comes back to the pool may write again."""
    afterwards = record.info.pop(_AFTER_READING, None) if record is not None else None
    if afterwards:
        cursor = connection.cursor()
        cursor.execute(afterwards)
        cursor.close()


def described(url: sa.URL) -> str:
    """The URL for messages: user, host, port and name, never the password or query."""
    return url.set(password=None, query={}).render_as_string(hide_password=True)


def _options(url: sa.URL, answer_within_seconds: float | None) -> dict[str, Any]:
    backend = url.get_backend_name()
    if backend == "sqlite":
        return {"connect_args": {"timeout": CONNECT_TIMEOUT_SECONDS}}
    arguments: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_SECONDS}
    if backend == "postgresql":
        # A connection whose other end vanished without a word is given up after a minute, not after two hours.
        arguments |= {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
        arguments |= {"application_name": APPLICATION_NAME}
        if url.get_driver_name() == "psycopg":
            # A pooler that gives transactions gives the next one to another server, which knows no statement of ours.
            arguments |= {"prepare_threshold": None}
            # A server without a say in it (SQL_ASCII) gives bytes, which even SQLAlchemy's first question does not expect.
            arguments |= {"client_encoding": "utf8"}
    elif url.get_driver_name() == "pymysql":
        arguments |= {"program_name": APPLICATION_NAME}
        arguments |= {"read_timeout": answer_within_seconds, "write_timeout": answer_within_seconds}
    arguments = {name: value for name, value in arguments.items() if name not in url.query}
    # Looking for hstore compares with an operator of whoever may create one in a schema on the search path.
    dialect = {"use_native_hstore": False} if url.get_driver_name() in {"psycopg", "psycopg2"} else {}
    return dialect | {
        "connect_args": arguments,
        "pool_pre_ping": url.get_driver_name() != "psycopg",  # as ``ask_idle_connections`` does
        "pool_recycle": 1800,
        "pool_timeout": POOL_TIMEOUT_SECONDS,
    }


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Foreign keys as elsewhere; readers and a writer at the same time."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")


def _lock_rows_alone(dialect: sa.Dialect, connection: Any, _record: Any) -> None:
    """MySQL and MariaDB: no locks between rows, over which transactions of ours end in deadlocks; as PostgreSQL does.

    A server that writes statements into its binary log would refuse to change anything then, and keeps its own way.
    """
    name = "tx_isolation" if getattr(dialect, "is_mariadb", False) else "transaction_isolation"
    kept = f"@@log_bin AND @@binlog_format = 'STATEMENT', @@{name}"
    with connection.cursor() as cursor:
        cursor.execute(f"SET SESSION {name} = IF({kept}, 'READ-COMMITTED')")


#: What is said of a server whose disk is full.
NO_ROOM = "has no room left on its disk"

#: A column that a table of ours lacks, in the words of PostgreSQL, MySQL and SQLite; to be filled in: the table.
_NO_COLUMN = (
    r"column \"[^\"]+\" of relation \"({0})\" does not exist|(?:column |no such column: |unknown column ')({0}\.[a-z_]+)"
    r"|table ({0}) has no column"
)

#: What a failure looks like (driver's message, lower case) and what to say: (pattern, what failed, remedy, transient).
_FAILURES: list[tuple[str, str, str, bool]] = [
    (
        r"password authentication failed|access denied for user .*using password|no password supplied"
        r"|role \"[^\"]*\" does not exist",
        "refused the user name or password",
        "Check user and password in the database URL (percent-encode special characters).",
        False,
    ),
    (
        r"database \"[^\"]*\" does not exist|no such database: |unknown database|access denied for user .* to database",
        "has no such database, or this user may not see it",
        "Check the name after the last slash of the database URL, or create that database.",
        False,
    ),
    (
        r"no pg_hba.conf entry|ssl (?:is )?required|insecure transport",
        "does not accept this kind of connection from this host",
        "Add this host to the server's pg_hba.conf, or add ?sslmode=require to the database URL.",
        False,
    ),
    (
        NO_ANSWER + r"|query_wait_timeout|lost connection to mysql server during query \(.*timed out",
        "accepts connections and does not answer",
        "Check the server itself and what stands in between: a pooler or proxy does this while its database is away.",
        True,
    ),
    (
        r"transaction blocks not allowed in statement pooling mode",
        "is reached through a pooler that allows single statements only",
        "Set pool_mode = transaction (or session) for this database in the pooler, or connect to the server itself.",
        False,
    ),
    (
        r"unsupported startup parameter:? ?(?:in options: )?(\S*)",
        "is reached through a pooler that does not take the parameter {detail}",
        "Take it out of the database URL, or name it in ignore_startup_parameters of the pooler.",
        False,
    ),
    (
        r"canceling statement due to statement timeout|maximum statement execution time exceeded"
        r"|max_statement_time exceeded",
        "stopped a query that took longer than DATABASE_STATEMENT_TIMEOUT_SECONDS allows",
        "Nothing was written. If it happens again, see what that query waits for (a lock, a missing index, statistics "
        "that ANALYZE would renew, a busy server), or raise DATABASE_STATEMENT_TIMEOUT_SECONDS.",
        True,
    ),
    (
        r"no space left on device|database or disk is full|disk full|the table '[^']*' is full",
        NO_ROOM,
        "Make room on the disk of the database server. Nothing was lost; syncs go on by themselves then.",
        True,
    ),
    (
        r"cannot execute ([a-z ]+) in a read-only transaction|cannot execute statement in a (read only) transaction"
        r"|running with the (--?[a-z_-]*read[_-]only)",
        "accepts no changes here ({detail})",
        "Where it is a read replica, give the pipeline's own tables another database with PIPELINE_DATABASE_URL; "
        "events need the primary.",
        False,
    ),
    (
        _NO_COLUMN.format("sync_[a-z_]+"),
        "holds the pipeline's tables as another version made them ({detail})",
        "Run `sheets-pipeline db upgrade`: it mends them, as every start of the pipeline does.",
        False,
    ),
    (
        _NO_COLUMN.format("pending_event"),
        "holds the event queue as another version made it ({detail})",
        "Run `sheets-pipeline db install`: it adds what is missing, and pending events stay.",
        False,
    ),
    (
        r"(?<!of )relation \"([^\"]+)\" does not exist|no such table: (\S+)|table '([^']+)' doesn't exist",
        "has no table {detail}",
        "Check that the database URL names the platform's database and schema; "
        "if only pending_event is missing, run `sheets-pipeline db install`.",
        False,
    ),
    (
        r"permission denied for (\S+ \S+)|command denied to user|must be owner of (\S+ \S+)"
        r"|must be (?:member of role|able to set role) (\S+)"
        r"|attempt to write a readonly database",
        "does not let this user do that ({detail})",
        "Grant the missing right to the user of the database URL, or use another user.",
        False,
    ),
    (
        r"could not translate host name|failed to resolve|name or service not known|nodename nor servname"
        r"|name resolution|getaddrinfo",
        "cannot be found: its host name does not resolve",
        "Check the host in the database URL and this machine's name resolution.",
        True,
    ),
    (
        r"connection refused|no route to host|network is unreachable|timed? ?out expired|connection timeout"
        r"|can't connect to mysql server|no such file or directory|is the server running",
        "cannot be reached",
        "Check host and port in the database URL, that the server runs, and that no firewall is in between.",
        True,
    ),
    (
        r"unable to open database file",
        "cannot be opened",
        "Check the path in the database URL; its folder must exist and be writable.",
        False,
    ),
    (
        r"too many clients|too many connections|no more connections allowed|remaining connection slots",
        "has no free connection",
        "Raise the server's max_connections, or close other clients.",
        True,
    ),
    (
        r"the database system is (?:starting up|shutting down|in recovery|not (?:yet )?accepting)|server closed the connection"
        r"|server_login_retry|server login has been failing|pgbouncer cannot connect|bouncer shutting down"
        r"|terminating connection|lost connection|server has gone away|connection is closed"
        r"|connection (?:not open|reset|to server .* lost)|consuming input failed",
        "ended the connection or is restarting",
        "Try again; if it stays so, read the server's log.",
        True,
    ),
]


def explain(error: BaseException, url: sa.URL | None = None) -> DatabaseError | None:
    """The failure as one paragraph, or None where it is not one that settings or people cause.

    ``is_transient`` of the result is true where trying again can help. Without a ``url`` it is Dagster's storage.
    """
    name = f"The database {described(url)}" if url is not None else "Dagster's storage (DAGSTER_POSTGRES_URL)"
    words = str(getattr(error, "orig", None) or error)  # SQLAlchemy wraps the driver's error
    message = " ".join(_without_secrets(words, url).split())
    for pattern, problem, remedy, transient in _FAILURES:
        if match := re.search(pattern, message, re.IGNORECASE):
            detail = next((group for group in match.groups() if group), match[0])
            text = f"{name} {problem.format(detail=detail)}. {remedy}"
            explained = DatabaseError(
                f"{text} (The server's words: {message if len(message) <= 300 else message[:300] + '…'})"
            )
            explained.is_transient = transient
            return explained
    return None


def _without_secrets(message: str, url: sa.URL | None) -> str:
    for secret in sorted(urls.secrets_in_url(url), key=len, reverse=True) if url is not None else ():
        message = message.replace(secret, "***")
    return message


def _translate(context: sa.ExceptionContext) -> None:
    """Listener: replace what SQLAlchemy would raise by our explanation, where we have one."""
    url = context.engine.url if context.engine is not None else None
    # Pre-ping must see its own kind of failure, or it could not reconnect.
    if url is None or context.is_pre_ping or isinstance(context.original_exception, DatabaseError):
        return
    # Looking whether a table exists is answered, on MySQL, by the very error that says it does not.
    is_reflection = (context.statement or "").lstrip().upper().startswith(("DESCRIBE", "SHOW"))
    if is_reflection or not isinstance(context.sqlalchemy_exception, sa.exc.DBAPIError):
        return
    if explained := explain(context.original_exception, url):
        raise explained from context.original_exception
