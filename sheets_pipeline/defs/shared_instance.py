"""One Dagster instance per process that keeps its connections.

Each tick of a sensor gets a new instance, and dagster-postgres opens a connection for every statement: reading the
switches took four of them, 60 ms on a busy machine instead of 3.
"""

import os
import threading

import dagster as dg
from dagster._core.instance import InstanceRef

from sheets_pipeline.launcher.connections import keep_connections

_lock = threading.Lock()
#: Process id (a fork must not use its parent's connections), where the storage is, the instance.
_shared: list[tuple[int, InstanceRef, dg.DagsterInstance]] = []


def shared(instance: dg.DagsterInstance) -> dg.DagsterInstance:
    """An instance on the same storage that this process keeps; the same one where it lives in memory only."""
    if not instance.is_persistent or instance.is_ephemeral:
        return instance
    ref = instance.get_ref()
    with _lock:
        for pid, known, kept in _shared:
            if pid == os.getpid() and known == ref:
                return kept
        kept = dg.DagsterInstance.from_ref(ref)
        keep_connections(kept)
        _shared[:] = [(os.getpid(), ref, kept)]
        return kept
