"""Versions of a source as a typed table of the database, for others to query.

All rows of a change are written in one transaction: whoever reads sees the version before, then the later one. Rows are deleted
and inserted, never the table exchanged, so views, rights and indexes on it stay. Types only widen, columns only come.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NoReturn

import psycopg
import sqlalchemy as sa

from sheets_pipeline.database.engine import described, explain
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.errors import DatabaseError, SourceProblem
from sheets_pipeline.sources.into_columns import (
    READ_AT,
    VERSION,
    IntoColumn,
    NumberTooLarge,
    converter,
    into_columns,
)
from sheets_pipeline.sources.into_tables import (
    KnownTable,
    change_table,
    know,
    known_table,
    new_table,
    split,
    upserting,
)
from sheets_pipeline.sources.store import SourceStore, Version
from sheets_pipeline.sync.source import Into, IntoMode, Source

#: Rows of one statement, where there is no COPY.
_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Written:
    """What was written into a source's table; ``set_aside`` are rows that an upsert left out as their key is blank."""

    table: str
    versions: int = 0
    rows: int = 0
    set_aside: int = 0


def write_into(engine: sa.Engine, store: SourceStore, source: Source) -> Written | None:
    """Bring the table of a source up to its latest version; None where it is declared to have none.

    Args:
        engine: Of the database that the table is in, that of DATABASE_URL.
        store: What keeps the source's versions.
        source: Its declaration.

    Raises:
        SourceProblem: The table is not this source's, or rows do not fit into it.
        DatabaseError: The database cannot be reached, or does not let us.
    """
    latest = store.latest(source.id)
    if source.into is None or latest is None:
        return None
    known = known_table(engine, source.into.table)
    if known is not None and known.is_at(source, latest):
        return Written(source.into.table)
    with named_lock(engine, f"Table {source.into.table}"):
        return _Writing(engine, store, source, source.into).write(latest)


@dataclass(slots=True)
class _Writing:
    engine: sa.Engine
    store: SourceStore
    source: Source
    into: Into

    def write(self, latest: Version) -> Written:
        written = Written(self.into.table)
        for version in self._missing(latest):
            one = self._write_whole(version)
            written = replace(
                written,
                versions=written.versions + 1,
                rows=written.rows + one.rows,
                set_aside=written.set_aside + one.set_aside,
            )
        return written

    def _missing(self, latest: Version) -> list[Version]:
        """The versions to write, the earliest first."""
        if self.into.mode is not IntoMode.APPEND_VERSIONS:
            return [latest]
        known = known_table(self.engine, self.into.table)
        after = known.version if known and known.source == self.source.id and self._is_there() else 0
        versions = self.store.versions(self.source.id, limit=1_000_000)
        return [version for version in reversed(versions) if version.number > after]

    def _is_there(self) -> bool:
        schema, name = split(self.into.table)
        return sa.inspect(self.engine).has_table(name, schema=schema)

    def _write_whole(self, version: Version) -> Written:
        large: set[str] = set()
        while True:
            try:
                with self.engine.begin() as connection:
                    if (
                        connection.dialect.name == "sqlite"
                    ):  # else changes of tables would be outside of the transaction
                        connection.exec_driver_sql("BEGIN IMMEDIATE")
                    return self._write_one(connection, version, large)
            except NumberTooLarge as error:
                large.add(error.column)

    def _write_one(self, connection: sa.Connection, version: Version, large: set[str]) -> Written:
        before = self._own_table(connection)
        columns = into_columns(version.columns, before.columns if before else [], large, self._key(version))
        after = KnownTable(
            self.into.table, self.source.id, self.into.mode, version.number, version.content_hash, columns
        )
        table = self._made(connection, before, after)
        if self.into.mode is IntoMode.REPLACE:
            connection.execute(table.delete())
        elif self.into.mode is IntoMode.APPEND_VERSIONS:
            connection.execute(table.delete().where(table.c[VERSION] == version.number))
        rows = _Rows(self, version, columns)
        if self.into.mode is IntoMode.UPSERT:
            self._upsert(connection, table, rows)
        else:
            self._insert(connection, table, rows)
        know(connection, after)
        return Written(self.into.table, 1, rows.count, rows.set_aside)

    def _key(self, version: Version) -> tuple[str, ...]:
        """The columns that tell rows apart, where that matters."""
        if self.into.mode is not IntoMode.UPSERT:
            return ()
        names = [column.name for column in version.columns]
        if missing := [name for name in self.source.key if name not in names]:
            raise SourceProblem(
                self.source.id, f"its key names {', '.join(missing)}; its columns are {', '.join(names)}. Mend key."
            )
        return self.source.key

    def _own_table(self, connection: sa.Connection) -> KnownTable | None:
        """What is known of the table; None where there is none yet."""
        known = known_table(connection, self.into.table)
        schema, name = split(self.into.table)
        if not sa.inspect(connection).has_table(name, schema=schema):
            return None
        if known is None:
            self._refuse("was there before and is not a source's. Name another one in into.")
        if known.source != self.source.id:
            self._refuse(f"is that of source {known.source!r}. Name another one in into.")
        if known.mode is not self.into.mode:
            self._refuse(f"was made for mode {known.mode}, not {self.into.mode}. Name another one in into, or drop it.")
        key = {column.name for column in known.columns if column.is_key}
        if known.mode is IntoMode.UPSERT and key != set(self.source.key):
            self._refuse(
                f"was made for the key {', '.join(sorted(key))}, not {', '.join(self.source.key)}. Name another one in into, "
                "or drop it."
            )
        return known

    def _refuse(self, why: str) -> NoReturn:
        raise SourceProblem(
            self.source.id,
            f"nothing was written into the table {self.into.table!r} of {described(self.engine.url)}: it {why}",
        )

    def _made(self, connection: sa.Connection, before: KnownTable | None, after: KnownTable) -> sa.Table:
        """The table with the columns that it is to have."""
        table = new_table(connection.dialect, after)
        try:
            if before is not None:
                change_table(connection, before, after)
            else:
                # MySQL ends the transaction with each change of a table: so it is known before it is there.
                know(connection, replace(after, version=0, content_hash=""))
                table.create(connection)
        except sa.exc.DBAPIError as error:
            self._refuse(
                f"could not be made or changed ({' '.join(str(error.orig).split())[:300]}). Make its schema, or drop what uses "
                "the column and make it again afterwards."
            )
        return table

    def _upsert(self, connection: sa.Connection, table: sa.Table, rows: "_Rows") -> None:
        statement = upserting(connection.dialect, table, rows.names)
        if connection.dialect.name != "postgresql":
            self._execute(connection, statement, rows)
            return
        columns = [sa.Column(name, table.c[name].type) for name in rows.names]
        staged = sa.Table(
            "staged_source_rows", sa.MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP"
        )
        staged.create(connection)
        self._insert(connection, staged, rows)
        connection.execute(statement.from_select(rows.names, sa.select(staged)))

    def _insert(self, connection: sa.Connection, table: sa.Table, rows: "_Rows") -> None:
        if connection.dialect.name != "postgresql":
            self._execute(connection, table.insert(), rows)
            return
        quote = connection.dialect.identifier_preparer
        names = ", ".join(map(quote.quote, rows.names))
        driver: Any = connection.connection.driver_connection
        copying = f"COPY {quote.format_table(table)} ({names}) FROM STDIN"
        try:
            with driver.cursor() as cursor, cursor.copy(copying.replace("%%", "%")) as copy:
                for row in rows:
                    copy.write_row(row)
        except psycopg.Error as error:  # whose words may quote a row
            raise explain(error, self.engine.url) or DatabaseError(
                f"The database {described(self.engine.url)} refused rows of source {self.source.id!r} for table "
                f"{self.into.table!r}: {error.diag.message_primary or type(error).__name__}. Nothing was written."
            ) from None

    def _execute(self, connection: sa.Connection, statement: Any, rows: "_Rows") -> None:
        iterator = iter(rows)
        while part := [dict(zip(rows.names, row, strict=True)) for row in islice(iterator, _AT_ONCE)]:
            connection.execute(statement, part)


class _Rows:
    """The rows of a version as they are written; counts them as they go."""

    def __init__(self, writing: _Writing, version: Version, columns: Sequence[IntoColumn]) -> None:
        places = {column.name: i for i, column in enumerate(version.columns)}
        self._columns = [(places[column.name], column) for column in columns if column.name in places]
        self._writing, self._version = writing, version
        is_appended = writing.into.mode is IntoMode.APPEND_VERSIONS
        self._more = (version.number, version.read_at) if is_appended else ()
        #: The columns that are written, as the table has them.
        self.names = [column.sql_name for _, column in self._columns] + [VERSION, READ_AT][: len(self._more)]
        self.count = self.set_aside = 0

    def __iter__(self) -> Iterator[Sequence[Any]]:
        dialect = self._writing.engine.dialect
        takes = [(place, converter(dialect, column)) for place, column in self._columns]
        keys = [i for i, (_, column) in enumerate(self._columns) if column.is_key]
        seen: dict[tuple[Any, ...], int] = {}
        for number, cells in enumerate(self._writing.store.rows(self._version), start=1):
            row = (*[None if cells[i] is None else take(cells[i]) for i, take in takes], *self._more)
            if keys and not self._has_key(tuple(row[i] for i in keys), number, seen):
                continue
            self.count += 1
            yield row

    def _has_key(self, key: tuple[Any, ...], number: int, seen: dict[tuple[Any, ...], int]) -> bool:
        if None in key:
            self.set_aside += 1
            return False
        if key in seen:
            raise SourceProblem(
                self._writing.source.id,
                f"its rows {seen[key]} and {number}, counted below the header, have the same key, so neither can be upserted. "
                "Make the key unique, or name more columns in key.",
            )
        seen[key] = number
        return True
