"""Lets a process of Dagster keep its database connections.

dagster-postgres opens a connection for every statement, except in the webserver: about 35 for one small run, 5 to 20 ms
each. ``optimize_for_webserver`` is Dagster's own switch for keeping them.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import sqlalchemy as sa
from dagster._core.instance import InstanceRef

from sheets_pipeline.dagster_runtime.instigators import switched_off
from sheets_pipeline.home import dagster_home

#: A connection unused for this long is tried before it is used again: the server may have been restarted.
_TRUSTED_SECONDS = 2.0

_lock = threading.Lock()
#: Process id (a fork must not use its parent's connections), where the storage is, the instance.
_shared: list[tuple[int, InstanceRef, dg.DagsterInstance]] = []


@contextmanager
def opened_instance() -> Iterator[dg.DagsterInstance]:
    """Dagster's instance as ``dagster.yaml`` describes it, for one command; it keeps its connections until the end."""
    with dg.DagsterInstance.from_config(str(dagster_home())) as instance:
        keep_connections(instance)
        yield instance


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Keep one connection per kind of storage; storages that are no servers do not care."""
    instance.optimize_for_webserver(statement_timeout=0, pool_recycle=3600, max_overflow=20)
    if not sa.event.contains(sa.Pool, "checkout", _check_connection):
        sa.event.listen(sa.Pool, "checkout", _check_connection)


def open_connections(instance: dg.DagsterInstance, run_id: str) -> None:
    """Make those of runs, events and sensors before they are needed, by asking each storage for something of this run."""
    instance.get_run_record_by_id(run_id)
    instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_START)
    switched_off(instance)


def _check_connection(connection: Any, record: Any, _proxy: Any) -> None:
    """Replace a connection that has died in the pool.

    Source: https://docs.sqlalchemy.org/en/20/core/pooling.html#custom-legacy-pessimistic-ping
    """
    if not type(connection).__module__.startswith("psycopg2"):
        return
    now = time.monotonic()
    if now - record.info.get("checked", 0) > _TRUSTED_SECONDS:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except connection.Error as error:
            raise sa.exc.DisconnectionError(str(error)) from error
    record.info["checked"] = now


def shared(context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext) -> dg.DagsterInstance:
    """An instance on the tick's storage that this process keeps; the tick's own where it lives in memory only.

    Each tick of a sensor would open one of its own: nine connections to Dagster's storage and a look at its tables before
    the first statement.
    """
    ref = context.instance_ref
    if ref is None:
        return context.instance
    with _lock:
        for pid, known, kept in _shared:
            if pid == os.getpid() and known == ref:
                return kept
        kept = dg.DagsterInstance.from_ref(ref)
        keep_connections(kept)
        _shared[:] = [(os.getpid(), ref, kept)]
        return kept
