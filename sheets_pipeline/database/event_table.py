"""The table ``pending_event``: one row per change that some tab does not show yet.

It lives in the platform's database, because it is filled in the same transaction as the change itself. An application
that records by hand need give no more than entity and key: the server fills in the rest.
"""

import json
from datetime import datetime
from enum import IntEnum
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from sheets_pipeline.database.types import Key, UtcDateTime

event_metadata = sa.MetaData()


class Priority(IntEnum):
    """Who goes first when not everything can be taken at once."""

    URGENT = 0
    NORMAL = 1
    BULK = 2


class utc_now(sa.sql.functions.FunctionElement[Any]):  # noqa: N801 - reads as the SQL function that it is
    """The database's clock at this very moment, not at the start of the transaction."""

    inherit_cache = True
    name = "utc_now"
    type = UtcDateTime()


#: ``utc_now`` as each database writes it.
CLOCK = {"postgresql": "pg_catalog.clock_timestamp()", "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')"}
MYSQL_CLOCK = "UTC_TIMESTAMP(6)"


@compiles(utc_now)
def _utc_now(_element: utc_now, compiler: SQLCompiler, **_kw: Any) -> str:
    return CLOCK.get(compiler.dialect.name, MYSQL_CLOCK)


pending_event = sa.Table(
    "pending_event",
    event_metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("entity", sa.String(40), nullable=False, comment="what changed: quiz_response, user ..."),
    sa.Column("key", sa.String(200), nullable=False, comment="which one, as text"),
    sa.Column("kind", sa.String(40), nullable=False, server_default="changed", comment="what happened to it"),
    sa.Column("priority", sa.SmallInteger, nullable=False, server_default="1", comment="0 urgent, 1 normal, 2 bulk"),
    sa.Column("user_id", Key, comment="the learner it belongs to, where there is one"),
    sa.Column("course_id", Key, comment="the course it belongs to, where there is one"),
    sa.Column("quiz_id", Key, comment="the quiz that leads to its course, where course_id does not"),
    sa.Column("created_at", UtcDateTime, nullable=False, default=utc_now(), server_default=utc_now()),
    sa.Column("attempts", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("set_aside_at", UtcDateTime, comment="when we stopped trying"),
    sa.Column("reason", sa.Text, comment="why the last attempt failed"),
    sa.Column("retry_at", UtcDateTime, comment="not before this moment, after a failed attempt"),
    sa.Column("waits_for", sa.Text, comment="JSON: tabs that do not show it yet; null: all that it touches"),
    # A deleted id must never come back: events are deleted by id after their rows have been written.
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mariadb_engine="InnoDB",
    mariadb_charset="utf8mb4",
)


class Event(NamedTuple):
    """One change, as recorded. ``key`` is text; ``reason`` and ``set_aside_at`` are None while all is well.

    ``waits_for`` is a JSON list of tabs once the others that it touches have been written.
    """

    id: int
    entity: str
    key: str
    kind: str
    priority: int
    user_id: int | None
    course_id: int | None
    created_at: datetime
    attempts: int
    set_aside_at: datetime | None
    reason: str | None
    waits_for: str | None = None

    @property
    def tabs(self) -> frozenset[str] | None:
        """Titles of the tabs that do not show it yet; None for all that it touches."""
        try:
            titles = json.loads(self.waits_for or "null")
        except (ValueError, TypeError, RecursionError):  # somebody else wrote it: then all that it touches
            return None
        is_list = isinstance(titles, list) and all(isinstance(title, str) for title in titles)
        return frozenset(titles) if is_list else None
