"""Making the pipeline's tables in an empty database as Alembic did it before: by sending the same statements again.

To compare, inspect and compile costs Alembic a third of a second each time, and hundreds of tests start with an empty store.
The first one of a process still goes through all changes, on each kind of database, and so does each one that finds tables.
"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.chains import NotedChain

_READING = {"SELECT", "SHOW", "DESCRIBE", "EXPLAIN", "PRAGMA"}
_Statements = list[tuple[str, Any]]
Run = Callable[[NotedChain, sa.Connection], None]


def replayed(run: Run) -> Run:
    """The same as ``NotedChain.run``, which it is given."""
    recorded: dict[tuple[NotedChain, str], _Statements] = {}

    def run_or_replay(chain: NotedChain, connection: sa.Connection) -> None:
        known = (chain, connection.dialect.name)
        if _has_tables_of_ours(connection):
            run(chain, connection)
        elif known in recorded:
            for statement, parameters in recorded[known]:
                connection.exec_driver_sql(statement, parameters or None)
        else:
            recorded[known] = _recorded(lambda: run(chain, connection), connection)

    return run_or_replay


def _has_tables_of_ours(connection: sa.Connection) -> bool:
    return any(name.startswith(("sync_", "sheet")) for name in sa.inspect(connection).get_table_names())


def _recorded(run: Callable[[], None], connection: sa.Connection) -> _Statements:
    """What it sends that changes something."""
    sent: _Statements = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.split(None, 1)[0].upper() not in _READING:
            sent.append((statement, parameters))

    sa.event.listen(connection, "before_cursor_execute", note)
    try:
        run()
    finally:
        sa.event.remove(connection, "before_cursor_execute", note)
    return sent
