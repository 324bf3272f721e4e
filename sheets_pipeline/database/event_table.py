"""The table ``pending_event``: one row per change that some tab does not show yet.

It lives in the platform's database, because it is filled in the same transaction as the change itself. An application
that records by hand need give no more than entity and key: the server fills in the rest.
"""

import json
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from sheets_pipeline.database.dialects import sql_function
from sheets_pipeline.database.types import Key, UtcDateTime

event_metadata = sa.MetaData()


#: The database's clock, as each database writes it.
CLOCK = {"postgresql": "pg_catalog.clock_timestamp()", "sqlite": "strftime('%Y-%m-%d %H:%M:%f000', 'now')"}
MYSQL_CLOCK = "UTC_TIMESTAMP(6)"

#: The database's clock at this very moment, not at the start of the transaction.
utc_now = sql_function("utc_now", UtcDateTime(), MYSQL_CLOCK, **CLOCK)

pending_event = sa.Table(
    "pending_event",
    event_metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column(
        "entity", sa.String(200), nullable=False, comment="what changed: a watched table, or a name of one's own"
    ),
    sa.Column(
        "key", sa.Text, nullable=False, comment="which one, as text; a JSON array where its key has several columns"
    ),
    sa.Column(
        "kind", sa.String(40), nullable=False, server_default="changed", comment="insert, update, delete or other"
    ),
    sa.Column("priority", sa.SmallInteger, nullable=False, server_default="1", comment="0 urgent, 1 normal, 2 bulk"),
    sa.Column(
        "held", sa.Text, comment="JSON object: what the row held in the columns that tabs need; null: look it up"
    ),
    sa.Column("changed", sa.Text, comment="JSON array: columns that an update changed, of those that tell tabs apart"),
    sa.Column("created_at", UtcDateTime, nullable=False, default=utc_now(), server_default=utc_now()),
    sa.Column("attempts", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("set_aside_at", UtcDateTime, comment="when we stopped trying"),
    sa.Column("reason", sa.Text, comment="why the last attempt failed"),
    sa.Column("retry_at", UtcDateTime, comment="not before this moment, after a failed attempt"),
    sa.Column("waits_for", sa.Text, comment="JSON: tabs that do not show it yet; null: all that it touches"),
    sa.Column("part", sa.Integer, comment="which of several event syncs shows it; null: not told yet, or there is one"),
    # A deleted id must never come back: events are deleted by id after their rows have been written.
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mariadb_engine="InnoDB",
    mariadb_charset="utf8mb4",
)


class Event(NamedTuple):
    """One change, as recorded. ``reason`` and ``set_aside_at`` are None while all is well.

    ``key`` is the primary key as text, a JSON array where it has several columns; ``held`` and ``changed`` are JSON, see the
    table; ``waits_for`` is a JSON list of tabs once the others that it touches have been written.
    """

    id: int
    entity: str
    key: str
    kind: str
    priority: int
    held: str | None
    changed: str | None
    created_at: datetime
    attempts: int
    set_aside_at: datetime | None
    reason: str | None
    waits_for: str | None = None

    @property
    def tabs(self) -> frozenset[str] | None:
        """Titles of the tabs that do not show it yet; None for all that it touches."""
        return _names(self.waits_for)

    @property
    def changed_columns(self) -> frozenset[str] | None:
        """What an update changed; None where it is not known."""
        return _names(self.changed)

    @property
    def row(self) -> dict[str, str | None]:
        """What the row held, as texts; empty where it has to be looked up."""
        values = _parsed(self.held)
        if not isinstance(values, dict):
            return {}
        return {str(name): None if value is None else str(value) for name, value in values.items()}


def _names(text: str | None) -> frozenset[str] | None:
    names = _parsed(text)
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return frozenset(names) if is_list else None


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except (ValueError, TypeError, RecursionError):  # somebody else wrote it: then nothing is known
        return None
