"""Alembic, as this project uses it: which changes there are, running them, and what is missing beside what is declared.

Alembic is imported when something is to be done only; opening an up-to-date store asks for one number.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

_FOLDER = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Chain:
    """Changes that follow each other; ``head`` is the last of them."""

    folder: Path
    head: str

    def is_known(self, version: str) -> bool:
        """Whether it is one of these changes; else a newer version of this project made it."""
        return version in {revision.revision for revision in self._script().walk_revisions()}

    def run_after(self, connection: sa.Connection, version: str | None, until: str, **facts: Any) -> None:
        """Make the changes after this one, in the connection's transaction; ``facts`` are their context's ``opts``."""
        from alembic.operations import Operations
        from alembic.runtime.migration import MigrationContext

        after = [*self._script().iterate_revisions(until, version or "base")]
        with Operations.context(MigrationContext.configure(connection, opts=facts)):
            for revision in reversed(after):
                revision.module.upgrade()

    def _script(self) -> Any:
        from alembic.script import ScriptDirectory

        return ScriptDirectory.from_config(self.config())

    def config(self) -> Any:
        """What Alembic's commands are given."""
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")
        config.set_main_option("version_locations", str(self.folder).replace("%", "%%"))
        return config


@dataclass(frozen=True, slots=True)
class NotedChain(Chain):
    """One whose last change is noted in a table of its own."""

    table: str

    def version(self, connection: sa.Connection) -> str | None:
        """The last change that was made; None before the first."""
        if not sa.inspect(connection).has_table(self.table):
            return None
        number = connection.scalar(sa.select(sa.column("version_num")).select_from(sa.table(self.table)))
        return None if number is None else str(number)

    def run(self, connection: sa.Connection) -> None:
        """Make all changes that have not been made, in the connection's transaction."""
        from alembic import command

        config = self.config()
        config.attributes.update(connection=connection, table=self.table)
        command.upgrade(config, "head")


STORE = NotedChain(_FOLDER / "store", "0015", "sheets_pipeline_version")
SOURCES = NotedChain(_FOLDER / "sources", "0001", "sheet_source_tables_version")
QUEUE = Chain(_FOLDER / "queue", "0004")


def missing(connection: sa.Connection, metadata: sa.MetaData) -> dict[str, Callable[[], object]]:
    """Tables, columns and indexes that are declared and not there: "column sync_tab.facts" → what adds it, in this order."""
    from alembic.autogenerate import produce_migrations
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(
        connection,
        opts={
            "include_name": lambda name, kind, _parents: kind != "table" or name in metadata.tables,
            "compare_type": False,
        },
    )
    operations = Operations(context)
    script = produce_migrations(context, metadata).upgrade_ops
    added = {_described(each): each for each in _each(script.ops if script else []) if _described(each)}
    return {name: partial(operations.invoke, each) for name, each in added.items()}


def _each(operations: list[Any]) -> Iterator[Any]:
    for operation in operations:
        if hasattr(operation, "ops"):
            yield from _each(operation.ops)
        else:
            yield operation


def _described(operation: Any) -> str:
    """What an operation adds; empty for one that changes or takes away."""
    from alembic.operations import ops

    if isinstance(operation, ops.CreateTableOp):
        return f"table {operation.table_name}"
    if isinstance(operation, ops.AddColumnOp):
        return f"column {operation.table_name}.{operation.column.name}"
    if isinstance(operation, ops.CreateIndexOp):
        return f"index {operation.index_name}"
    return ""
