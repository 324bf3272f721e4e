"""The lock in the pipeline's database that is held while a run is executed, wherever that is."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import sqlalchemy as sa

from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.embedded.services import ensure_services
from sheets_pipeline.settings import load_settings

#: A worker that has said nothing for so long does not execute its run any more, in seconds.
_LEASE_SECONDS = 15.0


def run_locks() -> sa.Engine:
    """The database with these locks; one that all hosts reach."""
    return connect(ensure_services(load_settings()).pipeline_database_url, pool_size=2, max_overflow=20)


def run_lock(engine: sa.Engine, run_id: str) -> AbstractContextManager[Callable[[], None]]:
    """The lock of a run, as ``named_lock`` has it; waits for nobody.

    Raises:
        TabBusy: A worker holds it.
    """
    return named_lock(engine, f"Run {run_id}", timeout_seconds=0, lease_seconds=_LEASE_SECONDS)
