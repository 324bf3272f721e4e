"""The row that an edit changes: read under a lock, changed by one statement, read again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

#: Longest time of one statement, and of waiting for the application to release the row, in seconds.
STATEMENT_SECONDS, LOCK_SECONDS = 10, 1

#: Types of columns whose values no text of a cell stands for: drivers would make something else of it.
NO_CELL = (sa.JSON, sa.ARRAY, sa.LargeBinary)
_UNKNOWN = sa.types.NullType()

#: Names of parameters, each with a number. A column that is written must not have the name of one.
KEY, NEW, HELD = "sheets_pipeline_key_{}", "sheets_pipeline_new_{}", "sheets_pipeline_held_{}"
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class TableColumns:
    """What the database says of a table's columns: name → type, and which may be NULL."""

    types: Mapping[str, sa.types.TypeEngine[Any]]
    nullable: Collection[str]
    #: The database itself computes them.
    generated: Collection[str]

    def takes_null(self, column: str) -> bool:
        """Whether blank is NULL there."""
        return column in self.nullable or column not in self.types


class Target:
    """Columns of one table, in an open transaction."""

    def __init__(
        self,
        connection: sa.Connection,
        table: str,
        key: Collection[str],
        columns: Collection[str],
        known: TableColumns | None = None,
    ) -> None:
        """``known`` is what the database says of the table; what it said once is taken for None."""
        self.connection, self.columns = connection, list(columns)
        self.known = described(connection, table) if known is None else known
        kinds = tuple((one, self.known.types.get(one, _UNKNOWN)) for one in dict.fromkeys([*columns, *key]))
        self.table = _table(table, kinds)

    @property
    def plain(self) -> list[sa.ColumnElement[Any]]:
        """The columns as the driver gives them, which is how the tab's query gives them, too."""
        return _plain(self.table, self.columns)

    def adapted(self, column: str, value: Any) -> Any:
        """The value in the form in which drivers take it for the column's type.

        Raises:
            ValueError: No cell can say what stands there.
        """
        kind = self.known.types.get(column)
        if isinstance(kind, NO_CELL):
            raise ValueError(f"{column} is {kind}, which no cell holds")
        if value is None:
            return None if self.known.takes_null(column) or not isinstance(kind, sa.String) else ""
        if isinstance(value, datetime) and value.tzinfo is not None:
            is_aware = self.connection.dialect.name == "postgresql" and getattr(kind, "timezone", True)
            value = value if is_aware else value.astimezone(UTC).replace(tzinfo=None)
        if isinstance(kind, sa.String) and isinstance(value, date):
            return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
        if isinstance(kind, sa.Date) and isinstance(value, datetime):
            return value.date()
        if isinstance(kind, sa.Boolean) and isinstance(value, str):
            return _TRUTH.get(value.strip().lower(), value)
        if isinstance(kind, sa.Float) and isinstance(value, Decimal | int):
            return float(value)
        if isinstance(value, bool):
            is_number = isinstance(kind, sa.Integer | sa.Numeric)
            return int(value) if is_number else ("true" if value else "false") if isinstance(kind, sa.String) else value
        if isinstance(value, Decimal) and isinstance(kind, sa.Integer) and value == value.to_integral_value():
            return int(value)
        if isinstance(kind, sa.String) and isinstance(value, int | Decimal):
            return str(value)
        return value


class TargetRow(Target):
    """One row of one table."""

    def __init__(
        self,
        connection: sa.Connection,
        table: str,
        key: Mapping[str, Any],
        columns: Collection[str],
        known: TableColumns | None = None,
    ) -> None:
        super().__init__(connection, table, key, columns, known)
        self.key = key
        self._key = {one: self.adapted(one, value) for one, value in key.items()}

    def read(self, *, lock: bool = False) -> dict[str, Any] | None:
        """The values of its columns; None where there is no such row. A lock keeps others from changing it until the end.

        Raises:
            LookupError: The key finds several rows.
        """
        query = _row(self.table, tuple(self._key), tuple(self.columns), is_locked=lock)
        rows = self.connection.execute(query, self.parameters).all()
        if len(rows) > 1:
            raise LookupError("the key finds several rows")
        return dict(zip(self.columns, rows[0], strict=True)) if rows else None

    def change(self, values: Mapping[str, Any]) -> bool:
        """Write these columns in one statement; False where no row was changed."""
        new = {NEW.format(i): self.adapted(one, value) for i, (one, value) in enumerate(values.items())}
        statement = _change(self.table, tuple(self._key), tuple(values))
        return self.connection.execute(statement, self.parameters | new).rowcount == 1

    def insert(self) -> dict[str, Any]:
        """Make the row, with its key's values; gives its columns as the database filled them.

        Where a server returns nothing from INSERT, the one column that was not given is the number that it counted up.
        """
        statement = sa.insert(self.table).values({self.table.c[one]: value for one, value in self._key.items()})
        if self.connection.dialect.insert_returning:
            made = self.connection.execute(statement.returning(*self.plain)).one()
            return dict(zip(self.columns, made, strict=True))
        number = self.connection.execute(statement).lastrowid
        return {one: self._key.get(one, number) for one in self.columns}

    def delete(self) -> bool:
        """Take the row out; False where none was."""
        statement = sa.delete(self.table).where(*self.is_it())
        return self.connection.execute(statement, self.parameters).rowcount == 1

    def is_it(self) -> list[sa.ColumnElement[bool]]:
        """What tells the row, by ``parameters``."""
        return _is_it(self.table, self._key)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of its key: ``KEY`` with 0, 1 ..."""
        return {KEY.format(i): value for i, value in enumerate(self._key.values())}


# Each edit asks these of few tables: they are built once, as building a statement takes as long as sending it.


@lru_cache(maxsize=200)
def _table(name: str, columns: tuple[tuple[str, sa.types.TypeEngine[Any]], ...]) -> sa.TableClause:
    schema, _, bare = name.rpartition(".")
    return sa.table(bare, *(sa.column(*one) for one in columns), schema=schema or None)


def _plain(table: sa.TableClause, columns: Collection[str]) -> list[sa.ColumnElement[Any]]:
    return [sa.type_coerce(table.c[one], _UNKNOWN) for one in columns]


@lru_cache(maxsize=200)
def _row(table: sa.TableClause, key: tuple[str, ...], columns: tuple[str, ...], *, is_locked: bool) -> sa.Select[Any]:
    """Two rows at most, whose key columns hold the parameters ``KEY``."""
    query = sa.select(*_plain(table, columns)).where(*_is_it(table, key)).limit(2)
    return query.with_for_update(key_share=True) if is_locked else query


@lru_cache(maxsize=200)
def _change(table: sa.TableClause, key: tuple[str, ...], columns: tuple[str, ...]) -> sa.Update:
    """These columns of that row hold the parameters ``NEW`` afterwards."""
    values: dict[Any, sa.BindParameter[Any]] = {
        table.c[one]: sa.bindparam(NEW.format(i)) for i, one in enumerate(columns)
    }
    return sa.update(table).where(*_is_it(table, key)).values(values)


def _is_it(table: sa.TableClause, key: Collection[str]) -> list[sa.ColumnElement[bool]]:
    return [table.c[one] == sa.bindparam(KEY.format(i)) for i, one in enumerate(key)]


def bound(connection: sa.Connection) -> None:
    """Let no statement of this transaction take long, and none wait long for a lock; undone when it ends.

    Deferred constraints are looked at with each statement, so that what they refuse is told of the cell.
    """
    name = connection.dialect.name
    if name == "postgresql":
        connection.exec_driver_sql(
            f"SET LOCAL statement_timeout = {STATEMENT_SECONDS * 1000}; SET LOCAL lock_timeout = {LOCK_SECONDS * 1000}; "
            "SET CONSTRAINTS ALL IMMEDIATE"
        )
    elif name != "sqlite":
        settings = {"innodb_lock_wait_timeout": LOCK_SECONDS, "time_zone": "'+00:00'"}
        if getattr(connection.dialect, "is_mariadb", False):
            settings["max_statement_time"] = STATEMENT_SECONDS
        connection.exec_driver_sql("SET " + ", ".join(f"SESSION {one} = {value}" for one, value in settings.items()))
        connection.info["sheets_pipeline_after_reading"] = "SET " + ", ".join(
            f"SESSION {one} = DEFAULT" for one in settings
        )


def described(connection: sa.Connection, table: str) -> TableColumns:
    """What the database says of a table; asked once per process."""
    return _described(connection.engine, table)


@lru_cache(maxsize=200)
def _described(engine: sa.Engine, table: str) -> TableColumns:
    return describe(engine, table)


def describe(database: sa.Engine | sa.Connection, table: str) -> TableColumns:
    """The same, asked anew."""
    schema, _, name = table.rpartition(".")
    try:
        columns = sa.inspect(database).get_columns(name, schema=schema or None)
    except sa.exc.NoSuchTableError:  # in another schema of the search path: the server converts by itself
        return TableColumns({}, (), ())
    generated = {one["name"] for one in columns if one.get("computed")}
    nullable = {one["name"] for one in columns if one["nullable"]}
    return TableColumns({one["name"]: one["type"] for one in columns}, nullable, generated)
