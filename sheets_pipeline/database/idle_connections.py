"""Whether a connection of the pool still lives is asked before it is used again, unless it was in use just now.

SQLAlchemy's pre-ping asks each time, and each question is a round trip. A server that ends a connection says so, and what it
says waits at this end: where nothing waits, only a server that vanished without a word is left, which takes longer to notice.
"""

import selectors
from time import monotonic
from typing import Any, cast

import psycopg
import sqlalchemy as sa

#: A connection that came back so short a time ago is not asked, in seconds.
_LIVES_SECONDS = 1.0
#: Under this name a connection keeps when it came back to the pool.
_RETURNED = "sheets_pipeline_returned"
#: Needs no file descriptor of its own, of which a process may have none left.
_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)


def ask_idle_connections(engine: sa.Engine) -> None:
    """Do so for an engine of psycopg; a connection that is dead is replaced, as are all others of the pool."""
    dialect = engine.dialect

    def checkout(connection: Any, record: Any, _proxy: Any) -> None:
        returned = record.info.get(_RETURNED)
        if returned is None or (monotonic() - returned < _LIVES_SECONDS and not _has_said(connection)):
            return
        try:
            dialect.do_ping(connection)
        except psycopg.Error as error:
            if dialect.is_disconnect(cast(Any, error), connection, None):
                raise sa.exc.InvalidatePoolError from None
            raise

    def checkin(_connection: Any, record: Any) -> None:
        record.info[_RETURNED] = monotonic()

    sa.event.listen(engine, "checkout", checkout)
    sa.event.listen(engine, "checkin", checkin)


def _has_said(connection: psycopg.Connection[Any]) -> bool:
    """Whether something has come from the server that nobody has read, or its end of the connection."""
    if connection.closed:
        return True
    with _Selector() as selector:
        selector.register(connection.fileno(), selectors.EVENT_READ)
        return bool(selector.select(0))
