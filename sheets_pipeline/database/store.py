"""The pipeline's own tables: the list that each module adds its tables to, and inserting where others may be quicker."""

import random
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

state_metadata = sa.MetaData()

T = TypeVar("T")

#: So often a transaction is begun that databases undo in favour of another one.
_TRIES = 10
#: What they call that: MySQL's and MariaDB's number, PostgreSQL's SQLSTATE.
_DEADLOCK = (1213, "40P01")


def in_transaction(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    """Do some work in a transaction, and do it again where it ended in a deadlock, in which nothing was done."""
    tries_left = _TRIES
    while True:
        tries_left -= 1
        try:
            with engine.begin() as connection:
                return work(connection)
        except sa.exc.OperationalError as error:
            number = next(iter(getattr(error.orig, "args", ())), None)
            if not tries_left or not {number, getattr(error.orig, "sqlstate", None)} & set(_DEADLOCK):
                raise
        time.sleep(random.uniform(0.001, 0.02))  # noqa: S311 # so that two do not meet again


def insert_ignore(connection: sa.Connection, table: sa.Table, values: Mapping[str, object]) -> None:
    """Insert a row unless another process was quicker."""
    name = connection.dialect.name
    if name == "postgresql":
        connection.execute(postgresql.insert(table).values(values).on_conflict_do_nothing())
    elif name == "sqlite":
        connection.execute(sqlite.insert(table).values(values).on_conflict_do_nothing())
    else:
        # IGNORE would share the lock on a row that is there, and two that have it wait for each other with their next statement
        [key, *_] = table.primary_key.columns
        connection.execute(mysql.insert(table).values(values).on_duplicate_key_update({key.name: key}))
