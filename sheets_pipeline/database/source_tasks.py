"""Tasks of sources: one row for each reading of one source, from ``pending`` to ``completed`` or ``failed``; no cell contents.

A process renews ``alive_at`` of the tasks that it holds. What nobody renews belongs to a process that died: ``end_dead`` fails
it, whoever looks first.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from sheets_pipeline.database.clock import database_clock
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import insert_ignore, state_metadata
from sheets_pipeline.database.types import Key, UtcDateTime
from sheets_pipeline.errors import SheetsPipelineError

State = Literal["pending", "processing", "completed", "failed"]

#: How often a process says that it lives, and after how long without that it counts as dead, in seconds.
ALIVE_SECONDS, DEAD_SECONDS = 15.0, 90.0

_LONGEST_MESSAGE = 2000
#: Ids of broken sources may name their file, too.
_ID_CHARACTERS = 250

source_task = sa.Table(
    "sheet_source_task",
    state_metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("run_id", ExactText(100), nullable=False, comment="of the Dagster run"),
    sa.Column("environment", ExactText(50), nullable=False, comment="named store; blank for that of the settings"),
    sa.Column("source", ExactText(_ID_CHARACTERS), nullable=False),
    sa.Column("state", ExactText(10), nullable=False, comment="pending, processing, completed or failed"),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("completed_at", UtcDateTime, comment="when it ended, however it did"),
    sa.Column("alive_at", sa.Double, nullable=False, comment="seconds since 1970, database clock"),
    sa.Column("failures", sa.Integer, nullable=False, comment="failed tasks of the source in a row, with this one"),
    sa.Column("error_kind", ExactText(60), comment="class of the error"),
    sa.Column("error", sa.Text, comment="its message, with the remedy"),
    sa.Column("needs_person", sa.Boolean),
    sa.Column("rows", sa.Integer),
    sa.Column("content_hash", ExactText(64)),
    sa.Column("changed", sa.Boolean, comment="whether it found a new version"),
    sa.Column("result", sa.Text, comment="JSON: counts, and notes about columns"),
    sa.UniqueConstraint("run_id", "source", name="sheet_source_task_run"),
    sa.Index("sheet_source_task_source", "environment", "source", "id"),
    sa.Index("sheet_source_task_state", "state"),
    comment="One row for each reading of a source.",
    **UNICODE,
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)

source_state = sa.Table(
    "sheet_source_state",
    state_metadata,
    sa.Column("environment", ExactText(50), primary_key=True),
    sa.Column("source", ExactText(_ID_CHARACTERS), primary_key=True),
    sa.Column("told_hash", ExactText(64), comment="of the version that was last told to others"),
    sa.Column("asked_at", UtcDateTime, comment="when somebody asked for it before its time"),
    sa.Column("accepted", ExactText(64), comment="hash of the change of its columns that somebody accepted"),
    comment="What is known of each source beside its versions.",
    **UNICODE,
)


@dataclass(frozen=True, slots=True)
class Task:
    """One reading of one source. ``result`` holds further counts; times are aware, in UTC."""

    run_id: str
    source: str
    environment: str
    state: State
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failures: int = 0
    error_kind: str | None = None
    error: str | None = None
    needs_person: bool | None = None
    rows: int | None = None
    content_hash: str | None = None
    changed: bool | None = None
    result: Mapping[str, Any] | None = None

    @property
    def id(self) -> str:
        """The Dagster run and the partition."""
        return f"{self.run_id}:{self.source}"

    @property
    def is_over(self) -> bool:
        """Whether it ended, well or not."""
        return self.state in ("completed", "failed")


_FIELDS = [name for name in Task.__dataclass_fields__ if name != "result"]


def begin(engine: sa.Engine, environment: str, run_id: str, sources: Collection[str]) -> None:
    """Note tasks that wait."""
    if not sources:
        return
    with engine.begin() as connection:
        failed = _failures(connection, environment, sources)
        rows = [
            {
                "run_id": run_id,
                "environment": environment,
                "source": source,
                "state": "pending",
                "failures": failed.get(source, 0),
            }
            for source in sources
        ]
        connection.execute(source_task.insert().values(created_at=utc_now(), alive_at=database_clock()), rows)


def start(engine: sa.Engine, environment: str, run_id: str, sources: Collection[str]) -> None:
    """Note that work on tasks begins; whoever asked for them before their time gets it now."""
    mine = (source_task.c.run_id == run_id) & source_task.c.source.in_(list(sources))
    now = utc_now()
    with engine.begin() as connection:
        change = sa.update(source_task).where(mine, source_task.c.state == "pending")
        connection.execute(change.values(state="processing", started_at=now, alive_at=database_clock()))
        row = source_state.c
        asked = (row.environment == environment) & row.source.in_(list(sources)) & (row.asked_at <= now)
        connection.execute(sa.update(source_state).where(asked).values(asked_at=None))


def complete(connection: sa.Connection, run_id: str, source: str, **values: Any) -> None:
    """Note that a task ended well; ``result`` is a mapping."""
    values["result"] = json.dumps(values.get("result") or {})
    _end(connection, run_id, source, state="completed", failures=0, **values)


def fail(connection: sa.Connection, run_id: str, source: str, error: BaseException) -> None:
    """Note the error that a task ended with; words of others, which may quote a cell, are left out."""
    kind = type(error).__name__
    if isinstance(error, SheetsPipelineError):
        message, needs_person = str(error)[:_LONGEST_MESSAGE], error.needs_person
    else:
        message, needs_person = f"Unexpected {kind}; the run's log in the Dagster UI tells more.", False
    _end(
        connection,
        run_id,
        source,
        state="failed",
        failures=source_task.c.failures + 1,
        error_kind=kind[:60],
        error=message,
        needs_person=needs_person,
    )


def _end(connection: sa.Connection, run_id: str, source: str, **values: Any) -> None:
    mine = (source_task.c.run_id == run_id) & (source_task.c.source == source)
    connection.execute(sa.update(source_task).where(mine).values(completed_at=utc_now(), **values))


def keep_alive(engine: sa.Engine, run_id: str) -> None:
    """Say that the process of a run lives."""
    open_ones = (source_task.c.run_id == run_id) & source_task.c.state.in_(["pending", "processing"])
    with engine.begin() as connection:
        connection.execute(sa.update(source_task).where(open_ones).values(alive_at=database_clock()))


def end_dead(engine: sa.Engine) -> int:
    """Fail tasks whose process has died; how many."""
    task = source_task.c
    with engine.begin() as connection:
        dead = task.state.in_(["pending", "processing"]) & (task.alive_at < database_clock() - DEAD_SECONDS)
        values = {
            "state": "failed",
            "failures": task.failures + 1,
            "completed_at": utc_now(),
            "error_kind": "ProcessDied",
            "error": "The process that read it died; no half version is kept, and the next reading begins anew.",
            "needs_person": False,
        }
        return connection.execute(sa.update(source_task).where(dead).values(values)).rowcount


def latest(engine: sa.Engine, environment: str = "") -> dict[str, Task]:
    """The newest task of each source."""
    task = source_task.c
    newest = sa.select(sa.func.max(task.id)).where(task.environment == environment).group_by(task.source)
    with engine.connect() as connection:
        return {one.source: one for one in _tasks(connection, task.id.in_(newest))}


def changes(engine: sa.Engine, most: int, environment: str = "") -> dict[str, list[Task]]:
    """Of each source the newest tasks that found a new version, oldest first."""
    task = source_task.c
    place = sa.func.row_number().over(partition_by=task.source, order_by=task.id.desc())
    ranked = sa.select(task.id, place.label("place")).where(task.environment == environment, task.changed.is_(True))
    numbered = ranked.subquery()
    found: dict[str, list[Task]] = {}
    with engine.connect() as connection:
        wanted = sa.select(numbered.c.id).where(numbered.c.place <= most)
        for one in reversed(_tasks(connection, task.id.in_(wanted))):
            found.setdefault(one.source, []).append(one)
    return found


def recent(
    engine: sa.Engine,
    environment: str | None = "",
    *,
    source: str | None = None,
    run_id: str | None = None,
    since: datetime | None = None,
    state: State | None = None,
    limit: int = 100,
) -> list[Task]:
    """Tasks, newest first; of every environment for None."""
    task = source_task.c
    given = ((task.environment, environment), (task.source, source), (task.run_id, run_id), (task.state, state))
    conditions = [column == value for column, value in given if value is not None]
    if since is not None:
        conditions.append(task.created_at >= since)
    with engine.connect() as connection:
        return _tasks(connection, *conditions, limit=limit)


def _tasks(connection: sa.Connection, *conditions: sa.ColumnElement[bool], limit: int | None = None) -> list[Task]:
    task = source_task.c
    asked = sa.select(*(task[name] for name in _FIELDS), task.result).where(*conditions)
    rows = connection.execute(asked.order_by(task.id.desc()).limit(limit))
    return [
        Task(**{name: row._mapping[name] for name in _FIELDS}, result=json.loads(row.result) if row.result else None)
        for row in rows
    ]


def _failures(connection: sa.Connection, environment: str, sources: Collection[str]) -> dict[str, int]:
    """How many tasks of each source failed in a row."""
    task = source_task.c
    mine = (task.environment == environment) & task.source.in_(list(sources))
    newest = sa.select(sa.func.max(task.id)).where(mine).group_by(task.source)
    rows = connection.execute(sa.select(task.source, task.failures).where(task.id.in_(newest)))
    return {row.source: row.failures for row in rows}


def remove_before(engine: sa.Engine, moment: datetime) -> int:
    """Forget tasks that ended before a moment, but for the newest of each source, and of those with a change; how many."""
    task = source_task.c
    with engine.begin() as connection:
        newest = sa.select(sa.func.max(task.id)).group_by(task.environment, task.source)
        kept = [*connection.scalars(newest), *connection.scalars(newest.where(task.changed.is_(True)))]
        old = task.completed_at < moment
        return connection.execute(sa.delete(source_task).where(old, task.id.not_in(kept))).rowcount


# What is known of each source ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a source beside its versions."""

    told_hash: str | None = None
    asked_at: datetime | None = None
    accepted: str | None = None

    def accepts(self, change: str) -> bool:
        """Whether somebody accepted this change of columns."""
        return self.accepted == _digest(change)


def known(engine: sa.Engine, environment: str = "") -> dict[str, Known]:
    """What is known of each source."""
    row = source_state.c
    asked = sa.select(row.source, row.told_hash, row.asked_at, row.accepted).where(row.environment == environment)
    with engine.connect() as connection:
        return {one.source: Known(one.told_hash, one.asked_at, one.accepted) for one in connection.execute(asked)}


def note(connection: sa.Connection, environment: str, source: str, **values: Any) -> None:
    """Note something of a source."""
    mine = (source_state.c.environment == environment) & (source_state.c.source == source)
    change = sa.update(source_state).where(mine).values(values)
    if connection.execute(change).rowcount == 0:
        insert_ignore(connection, source_state, {"environment": environment, "source": source})
        connection.execute(change)


def ask(engine: sa.Engine, environment: str, sources: Collection[str]) -> None:
    """Ask for sources before their time."""
    now = utc_now()
    with engine.begin() as connection:
        for source in sources:
            note(connection, environment, source, asked_at=now)


def accept(engine: sa.Engine, environment: str, source: str, change: str) -> None:
    """Have the next reading take this change of columns, and no other one; it is asked for now."""
    with engine.begin() as connection:
        note(connection, environment, source, accepted=_digest(change), asked_at=utc_now())


def _digest(change: str) -> str:
    return hashlib.sha256(change.encode()).hexdigest()
