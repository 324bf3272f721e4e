"""Bringing the pipeline's own tables up to date, whichever earlier version made them.

Missing tables, columns and indexes are added by comparing what is there with what is declared; a new column needs nothing
more than its declaration. Whatever else has to change in tables that hold rows is a step, added at the end of ``STEPS``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database import archive, held_tabs, history, installation, leases, quota, state
from sheets_pipeline.database.engine import described
from sheets_pipeline.database.exact_text import compare_exactly
from sheets_pipeline.database.locks import lock_transaction
from sheets_pipeline.database.state import forget_base_without_names
from sheets_pipeline.database.store import state_metadata
from sheets_pipeline.errors import DatabaseError

#: Importing one of these declares its tables.
_DECLARING = (archive, held_tabs, history, installation, leases, quota, state)

#: Any number that nobody else uses; held while tables are changed.
_ADVISORY_LOCK = 7349215
#: Longest wait for another process that changes the tables, in seconds.
_LOCK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Step:
    """A change of existing tables that adding columns and indexes cannot make.

    ``run`` looks what is there and does only what is left to do: on MySQL and MariaDB a step that was cut short runs again,
    and on new tables it finds nothing to do. ``name`` is kept in the store for good.
    """

    name: str
    run: Callable[[sa.Connection], None]


#: In the order in which they run. Add at the end; never rename or remove one.
STEPS: tuple[Step, ...] = (
    Step("compare_text_exactly", compare_exactly),
    Step("base_by_column_name", forget_base_without_names),
)


@dataclass(frozen=True, slots=True)
class StoreReport:
    """What of the pipeline's tables is not as this version wants it."""

    missing: list[str]
    steps: list[str]
    newer: list[str]

    @property
    def is_complete(self) -> bool:
        """Whether the tables can be used as they are."""
        return not (self.missing or self.steps or self.newer)

    @property
    def problems(self) -> list[str]:
        """One phrase for each thing that is wrong."""
        return [
            *(f"{what} is missing" for what in self.missing),
            *(f"change {name!r} has not been made yet" for name in self.steps),
            *self.newer,
        ]


def install_state(engine: sa.Engine) -> None:
    """Make the pipeline's tables, or mend those of an earlier version; safe when several processes do it at once."""
    bring_up_to_date(engine, declared())


def declared() -> sa.MetaData:
    """All tables of the pipeline's own, in whichever module they stand."""
    return state_metadata


def check(engine: sa.Engine, metadata: sa.MetaData) -> StoreReport:
    """Compare what is there with what this version needs; changes nothing."""
    with engine.connect() as connection:
        return _compare(connection, metadata)


def bring_up_to_date(engine: sa.Engine, metadata: sa.MetaData) -> StoreReport:
    """Make or mend the tables; safe to repeat and when several processes do it at once. Returns what was amiss.

    Raises:
        DatabaseError: A newer version made the tables, or this user may not change them.
    """
    before = check(engine, metadata)
    _refuse_newer(engine, before)
    if before.is_complete:
        return before
    try:
        with _alone(engine) as connection:
            _refuse_newer(engine, _compare(connection, metadata))
            _add_missing(connection, metadata)
            _run_steps(connection, metadata)
    except DatabaseError as error:
        if not error.needs_person:
            raise
        raise DatabaseError(
            f"The pipeline's tables in {described(engine.url)} need a change that could not be made: "
            f"{'; '.join(before.problems)}. Have the pipeline started once by a user who owns these tables and may "
            f"create others (docs/run/rights.md). {error}"
        ) from error
    return before


def _refuse_newer(engine: sa.Engine, report: StoreReport) -> None:
    if report.newer:
        raise DatabaseError(
            f"The pipeline's tables in {described(engine.url)} were changed by a newer version of sheets-pipeline "
            f"({'; '.join(report.newer)}), and this one could spoil them. Nothing was changed. Install the newer version "
            "again, or give this one tables of its own with PIPELINE_DATABASE_URL."
        )


def _compare(connection: sa.Connection, metadata: sa.MetaData) -> StoreReport:
    present = _columns(connection, metadata)
    missing = [f"table {name}" for name in metadata.tables if name not in present]
    newer: list[str] = []
    for name, columns in present.items():
        declared = metadata.tables[name].columns
        missing += [f"column {name}.{column.name}" for column in declared if column.name not in columns]
        newer += [
            f"column {name}.{column} is required and unknown here"
            for column, found in columns.items()
            if column not in declared and _is_required(found)
        ]
    indexes = _indexes(connection, metadata)
    missing += [
        f"index {index.name}"
        for name in present
        for index in metadata.tables[name].indexes
        if index.name not in indexes.get(name, set())
    ]
    done = _steps_done(connection, metadata) if "sync_upgrade" in present else set()
    known = [step.name for step in STEPS]
    newer += [f"its change {name!r} is unknown here" for name in sorted(done - set(known))]
    return StoreReport(sorted(missing), [name for name in known if name not in done], newer)


def _columns(connection: sa.Connection, metadata: sa.MetaData) -> dict[str, dict[str, Any]]:
    """Table → column → what is known of it, of those of our tables that are there."""
    found = sa.inspect(connection).get_multi_columns(filter_names=list(metadata.tables))
    return {name: {column["name"]: column for column in columns} for (_, name), columns in found.items()}


def _indexes(connection: sa.Connection, metadata: sa.MetaData) -> dict[str, set[str | None]]:
    found = sa.inspect(connection).get_multi_indexes(filter_names=list(metadata.tables))
    return {name: {index["name"] for index in indexes} for (_, name), indexes in found.items()}


def _is_required(column: Any) -> bool:
    """Whether an insert that does not name the column fails."""
    return not column["nullable"] and column.get("default") is None and column.get("autoincrement") is not True


def _steps_done(connection: sa.Connection, metadata: sa.MetaData) -> set[str]:
    return set(connection.scalars(sa.select(metadata.tables["sync_upgrade"].c.step)))


def _add_missing(connection: sa.Connection, metadata: sa.MetaData) -> None:
    metadata.create_all(connection)
    indexes = _indexes(connection, metadata)
    for name, columns in _columns(connection, metadata).items():
        table = metadata.tables[name]
        for column in table.columns:
            if column.name not in columns:
                add_column(connection, column)
        for index in table.indexes:
            if index.name not in indexes.get(name, set()):
                index.create(connection)


def add_column(connection: sa.Connection, column: sa.Column[Any], table: str = "") -> None:
    """Add a column to a table that may hold rows; these get its default. ``table`` is its name as it stands in SQL."""
    added = sa.Column(column.name, column.type, nullable=column.nullable, server_default=_default(connection, column))
    sa.Table(column.table.name, sa.MetaData(), added)
    ddl = connection.dialect.ddl_compiler(connection.dialect, None).get_column_specification(added)  # type: ignore[arg-type]
    table = table or connection.dialect.identifier_preparer.quote(column.table.name)
    connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {ddl}")


def _default(connection: sa.Connection, column: sa.Column[Any]) -> Any:
    """What rows get that are there already: the server's default, else the one that Python gives new rows."""
    if isinstance(column.server_default, sa.DefaultClause):
        return column.server_default.arg
    if column.nullable:
        return None
    if not isinstance(column.default, sa.ColumnDefault) or not column.default.is_scalar:
        raise ValueError(f"{column} may not be NULL and has no default: say in a Step what rows get that are there.")
    literal = sa.literal(column.default.arg, column.type)
    return sa.text(str(literal.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})))


def _run_steps(connection: sa.Connection, metadata: sa.MetaData) -> None:
    done = _steps_done(connection, metadata)
    for step in STEPS:
        if step.name not in done:
            step.run(connection)
            connection.execute(metadata.tables["sync_upgrade"].insert().values(step=step.name))


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction of the only process that changes the tables."""
    dialect = engine.dialect.name
    with engine.connect() as connection, connection.begin():
        if dialect == "postgresql":
            lock_transaction(connection, _ADVISORY_LOCK)
        elif dialect == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        elif connection.scalar(sa.select(sa.func.get_lock("sheets_pipeline_store", _LOCK_SECONDS))) != 1:
            raise _held(engine)
        try:
            yield connection
        finally:
            if dialect in {"mysql", "mariadb"}:
                connection.execute(sa.select(sa.func.release_lock("sheets_pipeline_store")))


def _held(engine: sa.Engine) -> DatabaseError:
    error = DatabaseError(
        f"Another process has been changing the pipeline's tables in {described(engine.url)} for {_LOCK_SECONDS} s. "
        "Try again when it is done."
    )
    error.is_transient = True
    return error
