"""Tables of sources in the database: which are known, making one, and upserting into one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

from sheets_pipeline.database.exact_text import UNICODE, ExactText
from sheets_pipeline.database.types import UtcDateTime
from sheets_pipeline.sources.into_columns import READ_AT, VERSION, IntoColumn, sql_type
from sheets_pipeline.sources.store import Version
from sheets_pipeline.sync.source import CellType, IntoMode, Source

_metadata = sa.MetaData()

_known = sa.Table(
    "sheet_source_table",
    _metadata,
    sa.Column("name", ExactText(200), primary_key=True, comment="as declared: table, or schema.table"),
    sa.Column("source", ExactText(200), nullable=False),
    sa.Column("mode", sa.String(20), nullable=False),
    sa.Column("version", sa.Integer, nullable=False, comment="the last that was written"),
    sa.Column("content_hash", sa.String(64), nullable=False),
    sa.Column("columns", sa.JSON, nullable=False),
    **UNICODE,
)


@dataclass(frozen=True, slots=True)
class KnownTable:
    """A table that is a source's, and what was written into it last."""

    name: str
    source: str
    mode: IntoMode
    version: int
    content_hash: str
    columns: list[IntoColumn]

    def is_at(self, source: Source, version: Version) -> bool:
        """Whether this version was the last that was written, by this declaration."""
        mode = source.into and source.into.mode
        return (self.source, self.mode, self.version, self.content_hash) == (
            source.id,
            mode,
            version.number,
            version.content_hash,
        )


def known_table(bind: sa.Engine | sa.Connection, name: str) -> KnownTable | None:
    """What is noted of a table; None where it is no source's."""
    if isinstance(bind, sa.Engine):
        with bind.connect() as connection:
            return known_table(connection, name)
    if not sa.inspect(bind).has_table(_known.name):
        return None
    line = bind.execute(sa.select(_known).where(_known.c.name == name)).one_or_none()
    if line is None:
        return None
    columns = [IntoColumn(one["name"], one["column"], CellType(one["type"]), one["is_key"]) for one in line.columns]
    return KnownTable(name, line.source, IntoMode(line.mode), line.version, line.content_hash, columns)


def know(connection: sa.Connection, table: KnownTable) -> None:
    """Note that a table is a source's; before it is made, as MySQL ends a transaction with each change of a table."""
    _metadata.create_all(connection)
    columns = [
        {"name": column.name, "column": column.sql_name, "type": column.type.value, "is_key": column.is_key}
        for column in table.columns
    ]
    values: dict[str, Any] = {"source": table.source, "mode": table.mode.value, "version": table.version}
    values |= {"content_hash": table.content_hash, "columns": columns}
    changed = connection.execute(_known.update().where(_known.c.name == table.name).values(values))
    if not changed.rowcount:
        connection.execute(_known.insert().values(name=table.name, **values))


def new_table(dialect: sa.Dialect, known: KnownTable) -> sa.Table:
    """The table as it is to be, not made yet."""
    schema, name = split(known.name)
    columns = [
        sa.Column(column.sql_name, sql_type(dialect, column), primary_key=column.is_key, autoincrement=False)
        for column in known.columns
    ]
    if known.mode is IntoMode.APPEND_VERSIONS:
        columns += [
            sa.Column(VERSION, sa.Integer, nullable=False, index=True),
            sa.Column(READ_AT, UtcDateTime, nullable=False),
        ]
    return sa.Table(name, sa.MetaData(), *columns, schema=schema, **UNICODE)


def change_table(connection: sa.Connection, before: KnownTable, after: KnownTable) -> None:
    """Add columns and widen types; Alembic copies the table where the database cannot change a column."""
    schema, name = split(after.name)
    there = {column["name"] for column in sa.inspect(connection).get_columns(name, schema=schema)}
    types = {column.sql_name: column.type for column in before.columns}
    new = [column for column in after.columns if column.sql_name not in there]
    wider = [column for column in after.columns if column.type is not types.get(column.sql_name, column.type)]
    if not new and not wider:
        return
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    with Operations(MigrationContext.configure(connection)).batch_alter_table(name, schema=schema) as batch:
        for column in new:
            batch.add_column(sa.Column(column.sql_name, sql_type(connection.dialect, column)))
        for column in wider:
            kind = sql_type(connection.dialect, column)
            quoted = connection.dialect.identifier_preparer.quote(column.sql_name)
            using = f"{quoted}::{kind.compile(connection.dialect)}"
            nullable = not column.is_key
            batch.alter_column(column.sql_name, type_=kind, existing_nullable=nullable, postgresql_using=using)


def upserting(dialect: sa.Dialect, table: sa.Table, names: Sequence[str]) -> Any:
    """The statement that inserts a row, or changes the one with its key; of these columns."""
    key = [column.name for column in table.primary_key]
    others = [name for name in names if name not in key]
    if dialect.name in {"mysql", "mariadb"}:
        insert = mysql.insert(table)
        return insert.on_duplicate_key_update({name: insert.inserted[name] for name in others or key})
    inserting: Any = (postgresql if dialect.name == "postgresql" else sqlite).insert(table)
    if not others:
        return inserting.on_conflict_do_nothing(index_elements=key)
    return inserting.on_conflict_do_update(index_elements=key, set_={name: inserting.excluded[name] for name in others})


def split(table: str) -> tuple[str | None, str]:
    """Schema and name of a table."""
    schema, _, name = table.rpartition(".")
    return schema or None, name
