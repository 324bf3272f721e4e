"""What a declaration of a tab has to know of one table: its name as the database has it, its columns and its key."""

import difflib
import warnings
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.database.dialects import quoted
from sheets_pipeline.database.engine import described
from sheets_pipeline.database.result_types import ResultColumn, column_types
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.sync.tab import ColumnType

#: Rows that are looked at where only values tell a column's type (SQLite; MySQL's TINYINT(1)).
_SAMPLE_ROWS = 1000
#: Names of tables that a message lists.
_MOST_NAMES = 20


@dataclass(frozen=True, slots=True)
class TableFacts:
    """A table or a view.

    ``name`` is as watches write it, ``sql_name`` as it stands in SQL; ``key`` is the primary key, and ``why_no_watch`` says why
    a tab cannot watch the table, blank where it can. ``left_out`` are columns that hold bytes → what the database calls them.
    """

    name: str
    sql_name: str
    columns: dict[str, ColumnType]
    left_out: dict[str, str]
    key: tuple[str, ...]
    why_no_watch: str
    #: Column → as it stands in SQL.
    quoted: dict[str, str]

    @property
    def title(self) -> str:
        """The table's name without its schema."""
        return self.name.rpartition(".")[2]


def table_facts(engine: sa.Engine, wanted: str) -> TableFacts:
    """Look a table up.

    Args:
        engine: Of the database, for reading.
        wanted: The table's name, with its schema where the search path does not lead to it, in capitals or not.

    Raises:
        SettingsError: There is no such table, or no cell can hold any of its columns.
        DatabaseError: The database cannot be reached, or does not let us see the table.
    """
    with engine.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore", sa.exc.SAWarning)  # types that SQLAlchemy does not know
        inspector = sa.inspect(connection)
        schema, table = _found(connection, inspector, wanted)
        quote = partial(quoted, connection.dialect)
        sql_name = ".".join(quote(part) for part in (schema, table) if part)
        columns = _columns(connection, f"SELECT * FROM {sql_name}", 0)
        left_out = {column.name: column.binary for column in columns if column.binary}
        in_sql = {column.name: quote(column.name) for column in columns}
        if shown := ", ".join(in_sql[column.name] for column in columns if not column.binary):
            columns = _columns(connection, f"SELECT {shown} FROM {sql_name}", _SAMPLE_ROWS)
        left_out |= {column.name: column.binary for column in columns if column.binary}
        types = {column.name: column.type for column in columns if not column.binary}
        if not types:
            raise SettingsError(f"Table {wanted!r} has no column that a cell can hold, so no tab can show it.")
        key = tuple(inspector.get_pk_constraint(table, schema=schema)["constrained_columns"])
        unique = _unique(inspector, table, schema, types)
    reason = _why_no_watch(connection.dialect, schema, key, left_out)
    name = f"{schema}.{table}" if schema else table
    return TableFacts(
        name, sql_name, types, left_out, key if set(key) <= set(types) and key else unique, reason, in_sql
    )


def table_names(engine: sa.Engine) -> list[str]:
    """Tables and views of the current schema, some of them where there are many."""
    inspector = sa.inspect(engine)
    return sorted({*inspector.get_table_names(), *inspector.get_view_names()})[:_MOST_NAMES]


def _found(connection: sa.Connection, inspector: sa.Inspector, wanted: str) -> tuple[str | None, str]:
    """Schema (None for the current one) and name as the database writes them."""
    first, _, table = wanted.replace('"', "").replace("`", "").rpartition(".")
    schemas = {name.casefold(): name for name in inspector.get_schema_names()} if first else {}
    schema = first if first in schemas.values() else schemas.get(first.casefold(), first) or None
    if schema and schema == inspector.default_schema_name and connection.dialect.name != "postgresql":
        schema = None  # of MySQL and SQLite, whose watches take no schema
    known: list[str] = []
    if not schema or schema in schemas.values():
        if inspector.has_table(table, schema=schema):
            exact = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
            return schema, table if table in exact or connection.dialect.name == "postgresql" else _same(table, exact)
        known = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
        if (other := _same(table, known)) != table:
            return schema, other
    close = difflib.get_close_matches(table.casefold(), [name.casefold() for name in known], 1)
    meant = next((name for name in known if close and name.casefold() == close[0]), None)
    guess = (
        f" Did you mean {meant!r}?"
        if meant
        else f" There are: {', '.join(sorted(known)[:_MOST_NAMES])}."
        if known
        else ""
    )
    where = f"schema {schema!r} of " if schema else ""
    raise SettingsError(f"There is no table {table!r} in {where}{described(connection.engine.url)}.{guess}")


def _same(table: str, known: list[str]) -> str:
    """The one name that differs in capitals alone, else the name itself."""
    others = [name for name in known if name.casefold() == table.casefold()]
    return others[0] if len(others) == 1 else table


def _columns(connection: sa.Connection, sql: str, rows: int) -> list[ResultColumn]:
    result = connection.exec_driver_sql(f"{sql} LIMIT {rows:d}", execution_options={"no_parameters": True})
    cursor: Any = result.cursor
    description, fields = cursor.description, getattr(getattr(cursor, "_result", None), "fields", ())
    found = result.all()
    values = list(zip(*found, strict=True)) if found else [()] * len(description)
    return column_types(connection, description, fields, values, sql)


def _unique(inspector: sa.Inspector, table: str, schema: str | None, types: dict[str, ColumnType]) -> tuple[str, ...]:
    """Columns that tell rows apart where there is no primary key; the first column where nothing says so."""
    is_filled = {column["name"] for column in inspector.get_columns(table, schema=schema) if not column["nullable"]}
    indexes = [index["column_names"] for index in inspector.get_indexes(table, schema=schema) if index["unique"]]
    constraints: list[Any] = [one["column_names"] for one in inspector.get_unique_constraints(table, schema=schema)]
    for columns in [*constraints, *indexes]:
        if columns and set(columns) <= is_filled & set(types):
            return tuple(map(str, columns))
    return (next(iter(types)),)


def _why_no_watch(dialect: sa.Dialect, schema: str | None, key: tuple[str, ...], left_out: dict[str, str]) -> str:
    if not key:
        return "it has no primary key, so triggers could not say which row changed"
    if binary := [name for name in key if name in left_out]:
        return f"its primary key holds binary data ({', '.join(binary)}), which no cell can hold"
    if schema and dialect.name != "postgresql":
        return "it is in another schema than the one that DATABASE_URL names"
    return ""
