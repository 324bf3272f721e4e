"""Bringing the pipeline's own tables up to date, whichever earlier version made them.

What an upgrade changes is a module of ``migrations/store`` each. A table, column or index that has been lost since is
mended by ``sheets-pipeline db upgrade``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from sheets_pipeline.database import (
    archive,
    chains,
    edit_tables,
    held_tabs,
    history,
    host_processes,
    installation,
    leases,
    quota,
    row_tables,
    source_notices,
    source_readings,
    source_tasks,
    state,
)
from sheets_pipeline.database.chains import STORE, NotedChain
from sheets_pipeline.database.engine import described
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.errors import DatabaseError

#: Importing one of these declares its tables.
_DECLARING = (
    archive,
    edit_tables,
    held_tabs,
    history,
    host_processes,
    installation,
    leases,
    quota,
    row_tables,
    source_notices,
    source_readings,
    source_tasks,
    state,
)

#: Longest wait for another process that changes the tables, in seconds.
_LOCK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What of the pipeline's tables is not as this version wants it.

    ``version`` is the last change that was made, None before the first; ``is_newer`` where this version does not know it.
    """

    version: str | None
    missing: list[str]
    is_newer: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether the tables can be used as they are."""
        return not self.problems

    @property
    def is_new(self) -> bool:
        """Whether nothing is there yet."""
        return self.version is None and {f"table {name}" for name in state_metadata.tables} <= set(self.missing)

    @property
    def problems(self) -> list[str]:
        """One phrase for each thing that is wrong."""
        if self.is_newer:
            return [f"they are of version {self.version}, and {STORE.head} is the last that is known here"]
        of_another = [] if self.version == STORE.head else [f"they are of {_named(self.version)}, not {STORE.head}"]
        return of_another + [f"{what} is missing" for what in self.missing]


def _named(version: str | None) -> str:
    return "a version before 0001" if version is None else f"version {version}"


def install_state(engine: sa.Engine, chain: NotedChain = STORE) -> None:
    """Make the pipeline's tables, or mend those of an earlier version; safe when several processes do it at once.

    Raises:
        DatabaseError: A newer version made the tables, or this user may not change them.
    """
    with engine.connect() as connection:
        version = chain.version(connection)
    if version != chain.head:
        _change(engine, chain, version)


def check(engine: sa.Engine) -> StoreReport:
    """Compare what is there with what this version needs; changes nothing."""
    with engine.connect() as connection:
        version = STORE.version(connection)
        is_newer = version is not None and not STORE.is_known(version)
        return StoreReport(version, [] if is_newer else sorted(chains.missing(connection, state_metadata)), is_newer)


def bring_up_to_date(engine: sa.Engine) -> StoreReport:
    """The same as ``install_state``, and mend what has been lost of tables that are up to date. Returns what was amiss."""
    before = check(engine)
    install_state(engine)
    if before.missing:
        with _alone(engine) as connection, _owner_wanted(engine, before.problems):
            for add in chains.missing(connection, state_metadata).values():
                add()
    return before


def _change(engine: sa.Engine, chain: NotedChain, version: str | None) -> None:
    with _alone(engine) as connection:
        version = chain.version(connection)  # another process may have been quicker
        if version is not None and not chain.is_known(version):
            raise DatabaseError(
                f"The pipeline's tables in {described(engine.url)} were changed by a newer version of sheets-pipeline "
                f"(to {version}; {chain.head} is the last that is known here), and this one could spoil them. Nothing was "
                "changed. Install the newer version again, or put back the dump of them from before the upgrade."
            )
        with _owner_wanted(engine, [f"they are of {_named(version)}, not {chain.head}"]):
            chain.run(connection)


@contextmanager
def _owner_wanted(engine: sa.Engine, problems: list[str]) -> Iterator[None]:
    """Say what was to be done where this user may not do it."""
    try:
        yield
    except DatabaseError as error:
        if not error.needs_person:
            raise
        raise DatabaseError(
            f"The pipeline's tables in {described(engine.url)} need a change that could not be made: "
            f"{'; '.join(problems)}. Have the pipeline started once by a user who owns these tables and may "
            f"create others (docs/run/rights.md). {error}"
        ) from error


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction of the only process that changes the tables; the next one sees what has been committed."""
    with named_lock(engine, "The pipeline's store", timeout_seconds=_LOCK_SECONDS), engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
