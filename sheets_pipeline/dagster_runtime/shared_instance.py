"""One Dagster instance per process of the code server, which keeps its connections.

Each tick of a sensor would open an instance of its own: nine connections to Dagster's storage and a look at its tables
before the first statement, and one more connection for every statement.
"""

import os
import threading

import dagster as dg
from dagster._core.instance import InstanceRef

from sheets_pipeline.dagster_runtime.connections import keep_connections

_lock = threading.Lock()
#: Process id (a fork must not use its parent's connections), where the storage is, the instance.
_shared: list[tuple[int, InstanceRef, dg.DagsterInstance]] = []


def shared(context: dg.SensorEvaluationContext | dg.ScheduleEvaluationContext) -> dg.DagsterInstance:
    """An instance on the tick's storage that this process keeps; the tick's own where it lives in memory only."""
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
