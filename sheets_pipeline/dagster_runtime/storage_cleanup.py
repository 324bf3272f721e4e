"""Removal of what Dagster's storage would keep for ever: old runs with all that belongs to them, events without a run.

``DagsterInstance.delete_run`` removes one run at a time and leaves the evaluations of its asset checks behind. Where the
storage is PostgreSQL, many runs go in one transaction, with their events, tags and check evaluations; elsewhere
Dagster's own way is taken. Of everything that says how things stand now (the newest check evaluations and freshness of
an asset, the run that wrote it last) the newest is kept, however old it is.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
import sqlalchemy as sa
from dagster._core.instance.utils import RUNLESS_RUN_ID
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.runs.schema import RunsTable
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage

#: Runs removed in one transaction, and rows removed by one statement.
_RUNS_AT_ONCE = 250
_ROWS_AT_ONCE = 5000

_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]

events, check_executions = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c


@dataclass(frozen=True, slots=True)
class Until:
    """A moment (``time.monotonic``) after which no further batch is begun; the next clean-up goes on from there."""

    moment: float

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self.moment


def remove_runs(
    instance: dg.DagsterInstance, before: datetime, until: Until, *, successful_of_job: str | None = None
) -> int:
    """Remove finished runs that ended before a moment, with their events and captured logs; returns how many.

    ``successful_of_job`` narrows it to the successful runs of one job. Runs that wrote an asset last are kept.
    """
    finished = dg.RunsFilter(
        job_name=successful_of_job,
        statuses=[dg.DagsterRunStatus.SUCCESS] if successful_of_job else _FINISHED,
        updated_before=before,
    )
    entries = (record.asset_entry for record in instance.get_asset_records())
    keep = {entry.last_run_id for entry in entries}  # without them the UI would not know when an asset was last written
    removed = 0
    while not until.is_over:
        run_ids = [run for run in instance.get_run_ids(finished, limit=_RUNS_AT_ONCE + len(keep)) if run not in keep]
        if not run_ids:
            break
        for run_id in run_ids:
            instance.compute_log_manager.delete_logs(prefix=[run_id])
        _delete_runs(instance, run_ids)
        removed += len(run_ids)
    return removed


def _delete_runs(instance: dg.DagsterInstance, run_ids: Sequence[str]) -> None:
    event_storage, run_storage = instance.event_log_storage, instance.run_storage
    if not isinstance(event_storage, PostgresEventLogStorage) or not isinstance(run_storage, PostgresRunStorage):
        for run_id in run_ids:
            instance.delete_run(run_id)
        return
    of_runs = events.run_id.in_(run_ids)
    tagged = AssetEventTagsTable.c.event_id.in_(sa.select(events.id).where(of_runs))
    # Runs last: while a run is there, the next clean-up finds what is left of it.
    with event_storage.index_connection() as connection:
        connection.execute(sa.delete(AssetEventTagsTable).where(tagged))
        connection.execute(sa.delete(SqlEventLogStorageTable).where(of_runs))
    with run_storage.connect() as connection:
        connection.execute(sa.delete(RunsTable).where(RunsTable.c.run_id.in_(run_ids)))


def remove_check_evaluations(instance: dg.DagsterInstance, before: datetime, until: Until) -> int:
    """Remove evaluations of asset checks from before a moment, but the newest one of each check."""
    newest = sa.select(sa.func.max(check_executions.id)).group_by(
        check_executions.asset_key, check_executions.check_name
    )
    return _remove(
        instance,
        AssetCheckExecutionsTable,
        sa.and_(check_executions.create_timestamp < _naive(before), check_executions.id.not_in(newest)),
        until,
    )


def remove_events_without_run(instance: dg.DagsterInstance, before: datetime, until: Until) -> int:
    """Remove events that belong to no run (changes of freshness, checks of failed syncs), but the newest of each kind."""
    newest = (
        sa.select(sa.func.max(events.id))
        .where(events.run_id == RUNLESS_RUN_ID)
        .group_by(events.asset_key, events.dagster_event_type)
    )
    return _remove(
        instance,
        SqlEventLogStorageTable,
        sa.and_(events.run_id == RUNLESS_RUN_ID, events.timestamp < _naive(before), events.id.not_in(newest)),
        until,
    )


def _remove(instance: dg.DagsterInstance, table: sa.Table, which: sa.ColumnElement[bool], until: Until) -> int:
    """Delete rows in batches; nothing where the storage is not PostgreSQL."""
    storage = instance.event_log_storage
    if not isinstance(storage, PostgresEventLogStorage):
        return 0
    removed = 0
    while not until.is_over:
        some = sa.select(table.c.id).where(which).limit(_ROWS_AT_ONCE)
        with storage.index_connection() as connection:
            count = connection.execute(sa.delete(table).where(table.c.id.in_(some))).rowcount
        removed += count
        if count < _ROWS_AT_ONCE:
            break
    return removed


def remove_ticks(instance: dg.DagsterInstance, before: datetime, until: Until) -> None:
    """Remove ticks of all schedules and sensors, also of those that are no longer in the code."""
    for state in instance.all_instigator_state() if instance.schedule_storage else ():
        if until.is_over:
            return
        instance.purge_ticks(state.instigator_origin_id, state.selector_id, before=before.timestamp())


def _naive(moment: datetime) -> datetime:
    """As Dagster's tables hold times: UTC without a time zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
