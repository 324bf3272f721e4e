"""Notices of new versions that others are to be told: an outbox, so that a process that dies loses none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.clock import database_clock, database_time
from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.database.types import Key

#: After a failed attempt the next one waits 30, 60, 120 ... seconds, at most an hour; after three days nobody is told any more.
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, GIVEN_UP_SECONDS = 30.0, 3600.0, 3 * 86_400.0
#: Delivered notices are remembered for so long.
_KEPT_SECONDS = 30 * 86_400.0

source_notice = sa.Table(
    "sheet_source_notice",
    state_metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("environment", ExactText(50), nullable=False),
    sa.Column("source", ExactText(250), nullable=False),
    sa.Column("target", ExactText(64), nullable=False, comment="hash of the address, which the declaration has"),
    sa.Column("message", sa.Text, nullable=False, comment="JSON: hash, counts and a link; no cells"),
    sa.Column("created_at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    sa.Column("due_at", sa.Double, comment="when it is tried next; null: delivered, or given up"),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, comment="of the last attempt"),
    sa.Index("sheet_source_notice_due", "due_at"),
    comment="Whom new versions of sources are still to be told.",
    **UNICODE,
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One target that is to be told of one version."""

    id: int
    source: str
    target: str
    message: Mapping[str, Any]
    attempts: int


def add(connection: sa.Connection, environment: str, source: str, target: str, message: Mapping[str, Any]) -> None:
    """Note that a target is to be told, in the caller's transaction."""
    now = database_time(connection)
    values = {"environment": environment, "source": source, "target": target, "message": json.dumps(message)}
    connection.execute(source_notice.insert().values(**values, created_at=now, due_at=now, attempts=0))


def take_due(engine: sa.Engine, environment: str = "", limit: int = 1) -> list[Notice]:
    """Notices to send now; each is due again later, should this process not say that it was delivered."""
    row = source_notice.c
    taken = []
    with engine.begin() as connection:
        now = database_time(connection)
        due = (row.environment == environment) & (row.due_at <= now)
        found = connection.execute(sa.select(source_notice).where(due).order_by(row.id).limit(limit)).all()
        for one in found:
            wait = min(FIRST_WAIT_SECONDS * 2.0**one.attempts, LONGEST_WAIT_SECONDS)
            mine = (row.id == one.id) & (row.attempts == one.attempts)
            change = sa.update(source_notice).where(mine).values(attempts=one.attempts + 1, due_at=now + wait)
            if connection.execute(change).rowcount:  # else another process was quicker
                message = json.loads(one.message)
                taken.append(Notice(one.id, one.source, one.target, message, one.attempts + 1))
    return taken


def any_due(engine: sa.Engine, environment: str = "") -> bool:
    """Whether somebody is to be told now."""
    row = source_notice.c
    with engine.connect() as connection:
        due = (row.environment == environment) & (row.due_at <= database_clock())
        return connection.scalar(sa.select(row.id).where(due).limit(1)) is not None


def delivered(engine: sa.Engine, notice: Notice) -> None:
    """Note that a target was told."""
    _settle(engine, notice, due_at=None, error=None)


def refused(engine: sa.Engine, notice: Notice, error: str, *, for_ever: bool = False) -> None:
    """Note why a target was not told; it is tried again later, unless that cannot help or took too long."""
    row = source_notice.c
    _settle(engine, notice, error=error[:500], **({"due_at": None} if for_ever else {}))
    with engine.begin() as connection:
        now = database_time(connection)
        too_old = (row.id == notice.id) & (row.created_at < now - GIVEN_UP_SECONDS)
        connection.execute(sa.update(source_notice).where(too_old).values(due_at=None))


def _settle(engine: sa.Engine, notice: Notice, **values: Any) -> None:
    with engine.begin() as connection:
        connection.execute(sa.update(source_notice).where(source_notice.c.id == notice.id).values(values))


def untold(engine: sa.Engine, environment: str = "") -> dict[str, str]:
    """Source → why somebody has not been told of it: waiting for another attempt, or given up."""
    row = source_notice.c
    open_ones = (row.environment == environment) & row.error.is_not(None)
    with engine.connect() as connection:
        found = connection.execute(sa.select(row.source, row.error).where(open_ones).order_by(row.id))
        return {one.source: one.error for one in found}


def remove_old(engine: sa.Engine) -> None:
    """Forget notices that were settled long ago."""
    row = source_notice.c
    with engine.begin() as connection:
        old = row.due_at.is_(None) & (row.created_at < database_clock() - _KEPT_SECONDS)
        connection.execute(sa.delete(source_notice).where(old))
