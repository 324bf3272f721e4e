"""How a tab's watches fit the database: tables, columns and keys are there, and an index for what an event looks up."""

import warnings
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.components.tab_asset import TabAsset
from sheets_pipeline.components.tab_declaration import nearest
from sheets_pipeline.components.yaml_nodes import Place
from sheets_pipeline.database.dialects import quoted
from sheets_pipeline.database.lookups import Lookup, looked_up, looked_up_by_key
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.sync.parameters import positional
from sheets_pipeline.sync.privacy import without_values
from sheets_pipeline.sync.watch import Watch


def watch_problems(connection: sa.Connection, tab_asset: TabAsset) -> Iterator[tuple[Place, str]]:
    """What does not fit, with its place in the declaration. Reads the catalog alone."""
    tables = _Tables(connection)
    tab = tab_asset.tab
    for i, watch in enumerate(tab.watches):
        place: Place = ("watches", i)
        found = list(_of_table(tables, watch))
        yield from ((place + more, f"watches[{i + 1}]: {text}") for more, text in found)
        if found or not watch.keys_sql:
            continue
        if (wrong := _wrong_keys_sql(connection, watch, len(tab.key))) is not None:
            yield (*place, "keys_sql"), f"watches[{i + 1}].keys_sql {wrong}"
        elif missing := tables.without_index(looked_up(watch.keys_sql, tables.columns)):
            yield (*place, "keys_sql"), f"watches[{i + 1}].keys_sql {tables.advice(missing)}"
    query = tab_asset.declared.query if tab_asset.declared else None
    if tab.watches and query is not None:
        lookups = looked_up_by_key(query.query, tab.key, tables.columns)
        missing = tables.without_index(lookups)
        if missing and len(missing) == len(lookups):  # one indexed column of a join is enough
            yield ("key",), f"the query for the rows of an event {tables.advice(missing)}"


class _Tables:
    """The catalog, asked once for each table."""

    def __init__(self, connection: sa.Connection) -> None:
        self._inspector = sa.inspect(connection)
        self._quote = partial(quoted, connection.dialect)
        self._columns: dict[str, list[str] | None] = {}

    def columns(self, name: str) -> list[str] | None:
        """Of a table; None where there is no such table. A view has no index, so it is none either."""
        if name not in self._columns:
            schema, table = self._parts(name)
            self._columns[name] = None
            if self._is_table(schema, table):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", sa.exc.SAWarning)  # types that SQLAlchemy does not know
                    columns = self._inspector.get_columns(table, schema=schema)
                self._columns[name] = [column["name"] for column in columns]
        return self._columns[name]

    def _is_table(self, schema: str | None, table: str) -> bool:
        """Whether it is one that this user may see; MySQL says of what is not there that nobody may."""
        if schema and schema not in self._inspector.get_schema_names():
            return False
        try:
            return self._inspector.has_table(table, schema=schema) and table not in self._views(schema)
        except sa.exc.OperationalError:
            return False

    def key(self, name: str) -> Sequence[str]:
        """The columns of its primary key."""
        schema, table = self._parts(name)
        return list(self._inspector.get_pk_constraint(table, schema=schema)["constrained_columns"])

    def names(self, name: str) -> list[str]:
        """The tables beside it."""
        return self._inspector.get_table_names(self._parts(name)[0])

    def without_index(self, lookups: Collection[Lookup]) -> list[Lookup]:
        """Those for which no index begins with a column that is looked up."""
        return [one for one in lookups if not any(first in one.columns for first in self._first_columns(one.table))]

    def advice(self, missing: list[Lookup]) -> str:
        """What is slow, and the statement that mends it."""
        [first, *_] = missing
        name = "_".join((self._parts(first.table)[1], *first.columns))[:60]
        table = ".".join(self._quote(part) for part in self._parts(first.table) if part)
        columns = ", ".join(map(self._quote, first.columns))
        return (
            f"looks {first.table} up by {', '.join(first.columns)}, and no index begins with that: each event reads the "
            f"whole table. Make one: create index {self._quote(name)} on {table} ({columns})"
        )

    def _first_columns(self, name: str) -> Iterator[str]:
        schema, table = self._parts(name)
        groups: list[Any] = [self.key(name)]
        groups += [one["column_names"] for one in self._inspector.get_unique_constraints(table, schema=schema)]
        groups += [one["column_names"] for one in self._inspector.get_indexes(table, schema=schema)]
        yield from (columns[0] for columns in groups if columns and columns[0])

    def _views(self, schema: str | None) -> list[str]:
        return self._inspector.get_view_names(schema)

    @staticmethod
    def _parts(name: str) -> tuple[str | None, str]:
        schema, _, table = name.rpartition(".")
        return schema or None, table


def _of_table(tables: _Tables, watch: Watch) -> Iterator[tuple[Place, str]]:
    if (columns := tables.columns(watch.table)) is None:
        yield ("table",), f"there is no table {watch.table!r}{nearest(watch.table, tables.names(watch.table))}"
        return
    if not tables.key(watch.table):
        yield (
            ("table",),
            f"table {watch.table} has no primary key, so triggers cannot say which row changed. Give it one",
        )
    where = "key" if watch.key else "keys_sql"
    for name in watch.needs:
        if name not in columns:
            yield (where,), f"table {watch.table} has no column {name!r}{nearest(name, columns)}"
    for name in watch.columns:
        if name not in columns:
            yield ("columns",), f"table {watch.table} has no column {name!r}{nearest(name, columns)}"


def _wrong_keys_sql(connection: sa.Connection, watch: Watch, key_columns: int) -> str | None:
    """Run it for a row that is nowhere."""
    query, names = positional(watch.keys_sql, "?" if connection.dialect.name == "sqlite" else "%s")
    try:
        with connection.begin_nested(), connection.exec_driver_sql(query, (None,) * len(names)) as result:
            given = list(result.keys())
    except DatabaseError as error:
        return f"fails: {error}"
    except sa.exc.DBAPIError as error:
        return f"fails: {without_values(error)}"
    if len(given) != key_columns:
        return (
            f"gives {len(given)} columns ({', '.join(given)}); expected {key_columns}, for each key column of the tab"
        )
    return None
