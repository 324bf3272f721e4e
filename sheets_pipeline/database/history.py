"""The record of syncs: one row per tab and sync, begun when it starts and completed when it ends; no cell contents.

A row that was never completed belongs to a process that died; ``mark_dead`` completes it once its run is known to be
over.
"""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from sheets_pipeline import tracing
from sheets_pipeline.database.event_table import utc_now
from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.database.types import Key, UtcDateTime
from sheets_pipeline.errors import GuardRefused, SheetsPipelineError
from sheets_pipeline.logs import bound
from sheets_pipeline.sync.health import LastError, TabHistory
from sheets_pipeline.sync.numbers import KEPT, NUMBERS, SyncNumbers
from sheets_pipeline.sync.report import SyncReport

logger = logging.getLogger(__name__)

Kind = Literal["full", "events"]
Outcome = Literal["success", "failed", "refused"]

_LONGEST_MESSAGE = 2000

_TYPES: dict[Any, Any] = {int: sa.Integer, float: sa.Double, "bytes_sent": sa.BigInteger}

sync_history = sa.Table(
    "sync_history",
    state_metadata,
    sa.Column("id", Key, primary_key=True, autoincrement=True),
    sa.Column("spreadsheet_id", ExactText(100), nullable=False),
    sa.Column("tab", ExactText(100), nullable=False),
    sa.Column("kind", ExactText(10), nullable=False, comment="full or events"),
    sa.Column("run_id", ExactText(100), nullable=False, comment="of the Dagster run"),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime, comment="null while under way, and where the process died"),
    sa.Column("outcome", ExactText(10), comment="success, failed or refused"),
    sa.Column("error_kind", ExactText(60), comment="class of the error"),
    sa.Column("error", sa.Text, comment="its message, with the remedy"),
    sa.Column("needs_person", sa.Boolean),
    *(sa.Column(name, _TYPES.get(name, _TYPES[NUMBERS[name][0]])) for name in KEPT),
    sa.Index("sync_history_tab", "spreadsheet_id", "tab", "outcome", "id"),
    sa.Index("sync_history_run", "run_id"),
    sa.Index("sync_history_started", "started_at"),
    comment="One row per tab and sync.",
    **UNICODE,
    sqlite_autoincrement=True,
    mysql_engine="InnoDB",
    mariadb_engine="InnoDB",
)


class SyncRecord(NamedTuple):
    """One sync of one tab; what only an ended one has is None before, ``numbers`` also where it failed."""

    id: int
    spreadsheet_id: str
    tab: str
    kind: Kind
    run_id: str
    started_at: datetime
    ended_at: datetime | None
    outcome: Outcome | None
    error_kind: str | None
    error: str | None
    needs_person: bool | None
    numbers: SyncNumbers | None


@dataclass(slots=True)
class Recording:
    """A sync under way; put its report here before the block ends."""

    id: int
    report: SyncReport | None = None


def begin(engine: sa.Engine, spreadsheet_id: str, tab: str, kind: Kind, run_id: str) -> int:
    """Note that a sync starts; returns the id to complete it with."""
    values = {"spreadsheet_id": spreadsheet_id, "tab": tab, "kind": kind, "run_id": run_id}
    with engine.begin() as connection:
        key = connection.execute(sync_history.insert().values(**values, started_at=utc_now())).inserted_primary_key
    return int(key[0])  # type: ignore[index] # a single-row insert always has one


def complete(engine: sa.Engine, sync_id: int, result: SyncReport | BaseException) -> None:
    """Note how it ended: with a report, or with the error that was raised."""
    if isinstance(result, BaseException):
        values = _failure(result)
    else:
        values = {"outcome": "success", **{name: getattr(result.numbers, name) for name in KEPT}}
    change = sync_history.update().where(sync_history.c.id == sync_id)
    with engine.begin() as connection:
        connection.execute(change.values(**values, ended_at=utc_now()))


@contextmanager
def recorded(engine: sa.Engine, spreadsheet_id: str, tab: str, kind: Kind, run_id: str) -> Iterator[Recording]:
    """Record one sync of one tab: ``with recorded(...) as sync: sync.report = writer.full_sync(...)``.

    Put the whole attempt into the block, an event sync that falls back to a full one included: what leaves it as an
    exception counts as failed.
    """
    recording = Recording(begin(engine, spreadsheet_id, tab, kind, run_id))
    try:
        with (
            bound(run_id=run_id, tab=tab, sync=kind),
            tracing.span("sync", tab=tab, spreadsheet=spreadsheet_id, sync=kind) as span,
        ):
            yield recording
            if recording.report is not None:
                _note(span, recording.report)
    except BaseException as error:
        try:
            complete(engine, recording.id, error)
        except (SheetsPipelineError, sa.exc.SQLAlchemyError) as second:  # the first error must be the one that is seen
            logger.warning("The failed sync of tab %r could not be recorded: %s", tab, second)
        raise
    if recording.report is None:
        raise ValueError(f"The sync of tab {tab!r} ended without a report; set it inside the block.")
    complete(engine, recording.id, recording.report)


def _note(span: tracing.Span, report: SyncReport) -> None:
    traffic = report.traffic
    requests = traffic.read_requests + traffic.write_requests
    waited = round(traffic.quota_wait_seconds, 3)
    span.note(rows=report.rows, cells=report.cells, requests=requests, quota_wait_seconds=waited, rounds=report.rounds)


def _failure(error: BaseException) -> dict[str, Any]:
    """Only our own messages are kept: others may quote what stands in a cell."""
    kind = type(error).__name__
    if isinstance(error, SheetsPipelineError):
        message, needs_person = str(error)[:_LONGEST_MESSAGE], error.needs_person
    else:
        message, needs_person = f"Unexpected {kind}; the run's log in the Dagster UI tells more.", False
    outcome = "refused" if isinstance(error, GuardRefused) else "failed"
    return {"outcome": outcome, "error_kind": kind[:60], "error": message, "needs_person": needs_person}


def _numbers(row: Mapping[Any, Any]) -> SyncNumbers | None:
    """Those of a sync that succeeded; what an earlier version did not count is 0."""
    return SyncNumbers(**{name: row[name] or 0 for name in KEPT}) if row["outcome"] == "success" else None


def recent(
    engine: sa.Engine,
    *,
    tab: str | None = None,
    outcome: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
    spreadsheet_id: str | None = None,
    spreadsheet_ids: Collection[str] | None = None,
) -> list[SyncRecord]:
    """Syncs, newest first; of one spreadsheet, of several, or of all."""
    columns = sync_history.c
    names = [name for name in SyncRecord._fields if name != "numbers"]
    query = sa.select(*(columns[name] for name in [*names, *KEPT])).order_by(columns.id.desc()).limit(limit)
    for column, value in ((columns.tab, tab), (columns.outcome, outcome), (columns.spreadsheet_id, spreadsheet_id)):
        if value is not None:
            query = query.where(column == value)
    if spreadsheet_ids is not None:
        query = query.where(columns.spreadsheet_id.in_(list(spreadsheet_ids)))
    if since is not None:
        query = query.where(columns.started_at >= since)
    with engine.connect() as connection:
        rows = [row._mapping for row in connection.execute(query)]
    return [SyncRecord(**{name: row[name] for name in names}, numbers=_numbers(row)) for row in rows]


def run_at(engine: sa.Engine, spreadsheet_id: str, tab: str, moment: datetime) -> str | None:
    """The run whose sync of a tab was under way at a moment; None where its record is gone."""
    columns = sync_history.c
    mine = (columns.spreadsheet_id == spreadsheet_id) & (columns.tab == tab)
    during = (columns.started_at <= moment) & (columns.ended_at.is_(None) | (columns.ended_at >= moment))
    query = sa.select(columns.run_id).where(mine, during).order_by(columns.id.desc()).limit(1)
    with engine.connect() as connection:
        return connection.scalar(query)


def remove_before(engine: sa.Engine, moment: datetime, *, only_successful_events: bool = False) -> int:
    """Forget syncs that started before a moment, all or only the event syncs that succeeded; returns how many."""
    columns = sync_history.c
    old = columns.started_at < moment
    if only_successful_events:
        old &= (columns.kind == "events") & (columns.outcome == "success")
    with engine.begin() as connection:
        return connection.execute(sync_history.delete().where(old)).rowcount


def under_way(engine: sa.Engine) -> dict[int, str]:
    """Syncs that were not completed: id → id of their run."""
    columns = sync_history.c
    query = sa.select(columns.id, columns.run_id).where(columns.outcome.is_(None))
    with engine.connect() as connection:
        return {row.id: row.run_id for row in connection.execute(query)}


def mark_dead(engine: sa.Engine, ids: Collection[int]) -> None:
    """Complete syncs whose run is over without them."""
    values = {
        "outcome": "failed",
        "error_kind": "ProcessDied",
        "error": "The run's process died; what it had not written, the next sync writes.",
        "needs_person": False,
        "ended_at": utc_now(),
    }
    still_open = sync_history.c.id.in_(list(ids)) & sync_history.c.outcome.is_(None)
    with engine.begin() as connection:
        connection.execute(sync_history.update().where(still_open).values(values))


def last_full_syncs(
    engine: sa.Engine, spreadsheet_id: str, tabs: Collection[str], since: datetime
) -> dict[str, datetime]:
    """Of each of these tabs that had a full sync since then, however it ended, when the newest began."""
    columns = sync_history.c
    query = sa.select(columns.tab, sa.func.max(columns.started_at, type_=UtcDateTime).label("started_at")).where(
        columns.spreadsheet_id == spreadsheet_id,
        columns.tab.in_(list(tabs)),
        columns.kind == "full",
        columns.started_at >= since,
    )
    with engine.connect() as connection:
        return {row.tab: row.started_at for row in connection.execute(query.group_by(columns.tab))}


def reached_in(engine: sa.Engine, spreadsheet_id: str, run_ids: Collection[str]) -> set[str]:
    """Those of the runs in which at least one tab was synced: the spreadsheet could be reached."""
    columns = sync_history.c
    query = sa.select(columns.run_id).where(
        columns.run_id.in_(list(run_ids)), columns.spreadsheet_id == spreadsheet_id, columns.outcome == "success"
    )
    with engine.connect() as connection:
        return set(connection.scalars(query))


def newest_runs(engine: sa.Engine, spreadsheet_id: str, limit: int) -> list[list[SyncRecord]]:
    """The newest syncs of a spreadsheet that ended, those of one run together; newest first."""
    runs: dict[str, list[SyncRecord]] = {}
    for record in recent(engine, spreadsheet_id=spreadsheet_id, limit=limit):
        if record.outcome is not None:
            runs.setdefault(record.run_id, []).append(record)
    return list(runs.values())


def tabs_of_runs(engine: sa.Engine, run_ids: Collection[str]) -> set[tuple[str, str]]:
    """Pairs of run and tab that have a record."""
    columns = sync_history.c
    with engine.connect() as connection:
        rows = connection.execute(sa.select(columns.run_id, columns.tab).where(columns.run_id.in_(list(run_ids))))
        return {(row.run_id, row.tab) for row in rows}


class Totals(NamedTuple):
    """What all recorded syncs of a tab come to; ``under_way`` are those that have not ended, durations of successful ones."""

    syncs: int
    successful: int
    under_way: int
    cells: int
    requests: int
    quota_wait_seconds: float
    average_seconds: float | None
    longest_seconds: float | None

    @property
    def failed(self) -> int:
        """Refused ones among them."""
        return self.syncs - self.successful - self.under_way


def totals(connection: sa.Connection, spreadsheet_ids: Collection[str]) -> dict[tuple[str, str], Totals]:
    """Spreadsheet's id and tab's title → totals."""
    row = sync_history.c
    query = (
        sa.select(
            row.spreadsheet_id,
            row.tab,
            sa.func.count(),
            sa.func.sum(sa.case((row.outcome == "success", 1), else_=0)),
            sa.func.sum(sa.case((row.outcome.is_(None), 1), else_=0)),
            sa.func.sum(row.cells),
            sa.func.sum(row.read_requests + row.write_requests),
            sa.func.sum(row.quota_wait_seconds),
            sa.func.avg(row.seconds),
            sa.func.max(row.seconds),
        )
        .where(row.spreadsheet_id.in_(list(spreadsheet_ids)))
        .group_by(row.spreadsheet_id, row.tab)
    )
    by_tab = {}
    for spreadsheet_id, tab, *counts, waited, average, longest in connection.execute(query):
        durations = (None if value is None else float(value) for value in (average, longest))
        numbers = [*(int(count or 0) for count in counts), float(waited or 0), *durations]
        by_tab[spreadsheet_id, tab] = Totals._make(numbers)
    return by_tab


def tab_histories(engine: sa.Engine, spreadsheet_ids: Collection[str]) -> dict[tuple[str, str], TabHistory]:
    """Spreadsheet's id and tab's title → what all its recorded syncs say; the same few queries for any number of them."""
    with engine.connect() as connection:
        counted = totals(connection, spreadsheet_ids)
        newest = _newest_ids(connection, spreadsheet_ids)
        failures = _failures_since(connection, spreadsheet_ids)
        ids = sorted({number for numbers in newest.values() for number in numbers if number is not None})
        rows: dict[int, Mapping[Any, Any]] = {}
        for start in range(0, len(ids), _IDS_AT_ONCE):
            some = sa.select(sync_history).where(sync_history.c.id.in_(ids[start : start + _IDS_AT_ONCE]))
            rows |= {row.id: row._mapping for row in connection.execute(some)}
    return {
        place: _tab_history(counts, [rows.get(number or 0) for number in newest[place]], failures.get(place, 0))
        for place, counts in counted.items()
    }


#: Rows asked for by one statement.
_IDS_AT_ONCE = 1000

_HAS_FAILED = sync_history.c.outcome.in_(["failed", "refused"])


def _newest_ids(
    connection: sa.Connection, spreadsheet_ids: Collection[str]
) -> dict[tuple[str, str], tuple[int | None, int | None, int | None]]:
    """The newest sync of each tab that succeeded, that succeeded as a full one, that failed."""
    row = sync_history.c
    success = row.outcome == "success"
    kinds = (success, success & (row.kind == "full"), _HAS_FAILED)  # an event sync sees only the rows that it touches
    query = (
        sa.select(row.spreadsheet_id, row.tab, *(sa.func.max(sa.case((kind, row.id))) for kind in kinds))
        .where(row.spreadsheet_id.in_(list(spreadsheet_ids)))
        .group_by(row.spreadsheet_id, row.tab)
    )
    return {(where, tab): (last, whole, failed) for where, tab, last, whole, failed in connection.execute(query)}


def _failures_since(connection: sa.Connection, spreadsheet_ids: Collection[str]) -> dict[tuple[str, str], int]:
    """How often each tab has failed since it last succeeded; those that have not are left out."""
    row, later = sync_history.c, sync_history.alias("later")
    succeeded = sa.exists().where(
        later.c.spreadsheet_id == row.spreadsheet_id,
        later.c.tab == row.tab,
        later.c.outcome == "success",
        later.c.id > row.id,
    )
    query = (
        sa.select(row.spreadsheet_id, row.tab, sa.func.count())
        .where(row.spreadsheet_id.in_(list(spreadsheet_ids)), _HAS_FAILED, ~succeeded)
        .group_by(row.spreadsheet_id, row.tab)
    )
    return {(where, tab): number for where, tab, number in connection.execute(query)}


def _tab_history(counts: Totals, newest: Sequence[Mapping[Any, Any] | None], failures: int) -> TabHistory:
    success, whole, failure = newest
    whole = whole or success
    last = max((row for row in (success, failure) if row), key=lambda row: int(row["id"]), default=None)
    return TabHistory(
        total_syncs=counts.syncs,
        successful_syncs=counts.successful,
        failed_syncs=counts.failed,
        consecutive_failures=failures,
        last_success=success["ended_at"] if success else None,
        last_duration_seconds=success["seconds"] if success else None,
        average_duration_seconds=counts.average_seconds,
        last_error=_last_error(failure) if failure else None,
        set_aside_rows=int(whole["set_aside"] or 0) if whole else 0,
        last_run_id=last["run_id"] if last else None,
    )


def _last_error(row: Mapping[Any, Any]) -> LastError:
    return LastError(row["error_kind"], row["error"], bool(row["needs_person"]), row["ended_at"], row["run_id"])
