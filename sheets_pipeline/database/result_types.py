"""What kind of column a query gives, as the database itself says: nothing is guessed from values where it says so."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from sheets_pipeline.sync.tab import ColumnType

#: Changes a value to one that says the same in a cell.
Change = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class ResultColumn:
    """A column of a query's result; ``binary`` is what the database calls it where it holds bytes, which no cell can."""

    name: str
    type: ColumnType
    change: Change | None = None
    binary: str | None = None


def column_types(
    connection: sa.Connection,
    description: Sequence[Any],
    fields: Sequence[Any],
    values: Sequence[Sequence[Any]],
    sql: str,
) -> list[ResultColumn]:
    """The columns of a result.

    Args:
        connection: It came from.
        description: Of the driver's cursor.
        fields: What PyMySQL knows beyond that.
        values: All values, column by column.
        sql: The query, as SQLite tells types of a view alone.
    """
    names = [str(column[0]) for column in description]
    if connection.dialect.name == "postgresql":
        others = _other_types(connection, {column[1] for column in description} - _POSTGRESQL.keys())
        return [_postgresql(column, others) for column in description]
    if connection.dialect.name == "sqlite":
        return [_sqlite(*one) for one in zip(names, _declared(connection, sql), values, strict=True)]
    return [_mysql(*one) for one in zip(names, fields, values, strict=True)]


# PostgreSQL ------------------------------------------------------------------------------------------------------------

_POSTGRESQL = (
    dict.fromkeys((20, 21, 23, 26), ColumnType.INTEGER)  # int8, int2, int4, oid
    | dict.fromkeys((700, 701, 1700), ColumnType.DECIMAL)  # float4, float8, numeric
    | dict.fromkeys((18, 19, 25, 705, 790, 1042, 1043, 1083, 1186, 1266, 2950), ColumnType.TEXT)  # money is text, too
    | dict.fromkeys((114, 3802, 2249), ColumnType.JSON)  # json, jsonb, record
    | {16: ColumnType.BOOLEAN, 1082: ColumnType.DATE, 1114: ColumnType.DATETIME, 1184: ColumnType.DATETIME}
)
_BYTEA, _NUMERIC = 17, 1700
_KINDS = sa.text("select oid, typcategory = 'A' as is_array from pg_type where oid in :oids").bindparams(
    sa.bindparam("oids", expanding=True)
)


def _other_types(connection: sa.Connection, oids: set[int]) -> Mapping[int, bool]:
    """Types that are not listed above → whether it is an array; enums, ranges and whatever people define."""
    oids.discard(_BYTEA)
    if not oids:
        return {}
    return {row.oid: row.is_array for row in connection.execute(_KINDS, {"oids": list(oids)})}


def _postgresql(column: Any, others: Mapping[int, bool]) -> ResultColumn:
    name, oid = column[0], column[1]
    if oid == _BYTEA:
        return ResultColumn(name, ColumnType.TEXT, binary="bytea")
    if others.get(oid):
        return ResultColumn(name, ColumnType.JSON, array_from_text)
    if oid == _NUMERIC and column.scale == 0:
        return ResultColumn(name, ColumnType.INTEGER)
    return ResultColumn(name, _POSTGRESQL.get(oid, ColumnType.TEXT))


_ARRAY_PARTS = re.compile(r'([{}])|"((?:[^"\\]|\\.)*)"|([^{},"]+)', re.DOTALL)


def array_from_text(value: Any) -> Any:
    """The list that PostgreSQL writes as ``{a,"b c",NULL}``; any other value as it is: the driver knows most arrays."""
    if not isinstance(value, str) or not value.endswith("}"):
        return value
    within: list[list[Any]] = [[]]
    for bracket, quoted, plain in _ARRAY_PARTS.findall(value[value.index("{") :]):
        if bracket == "{":
            within.append([])
        elif bracket:
            done = within.pop()
            within[-1].append(done)
        elif plain:
            within[-1].append(None if plain.upper() == "NULL" else plain)
        else:
            within[-1].append(re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL))
    return within[0][0]


# MySQL and MariaDB -----------------------------------------------------------------------------------------------------

_TINY, _BIT, _NULL, _JSON = 1, 16, 6, 245
_MYSQL = (
    dict.fromkeys((1, 2, 3, 8, 9, 13), ColumnType.INTEGER)  # tinyint to bigint, year
    | dict.fromkeys((0, 4, 5, 246), ColumnType.DECIMAL)
    | dict.fromkeys((7, 12), ColumnType.DATETIME)
    | {10: ColumnType.DATE, _JSON: ColumnType.JSON}
)
_MYSQL_DECIMALS = {0, 246}
_MYSQL_STRINGS = {249, 250, 251, 252, 253, 254}
_BINARY_CHARSET = 63


def _mysql(name: str, field: Any, values: Sequence[Any]) -> ResultColumn:
    kind = field.type_code
    if kind == _BIT:
        if field.length == 1:
            return ResultColumn(name, ColumnType.BOOLEAN)
        return ResultColumn(name, ColumnType.INTEGER, lambda value: int.from_bytes(value, "big"))
    if (
        kind == _TINY and field.length == 1 and all(value in (0, 1, None) for value in values)
    ):  # what BOOLEAN stands for
        return ResultColumn(name, ColumnType.BOOLEAN)
    if kind in _MYSQL_DECIMALS and field.scale == 0:
        return ResultColumn(name, ColumnType.INTEGER)
    if kind in _MYSQL_STRINGS and field.charsetnr == _BINARY_CHARSET:
        return ResultColumn(name, ColumnType.TEXT, binary="blob" if kind != 253 else "varbinary")
    return ResultColumn(name, _MYSQL.get(kind, ColumnType.TEXT))


# SQLite ----------------------------------------------------------------------------------------------------------------

#: Words in a column's declared type, the first that fits; NUM alone is what SQLite says of expressions.
_SQLITE = (
    (r"BOOL", ColumnType.BOOLEAN, int),
    (r"DATETIME|TIMESTAMP", ColumnType.DATETIME, str),
    (r"DATE", ColumnType.DATE, str),
    (r"JSON", ColumnType.JSON, str),
    (r"INTERVAL", ColumnType.TEXT, str),
    (r"INT", ColumnType.INTEGER, int | str),
    (r"NUMERIC|DECIMAL|REAL|FLOA|DOUB", ColumnType.DECIMAL, int | float | str),
    (r"CHAR|CLOB|TEXT|TIME|UUID|ENUM", ColumnType.TEXT, object),
)
_VIEW = "temp.sheets_pipeline_types"


def _declared(connection: sa.Connection, sql: str) -> list[str]:
    """The types that the tables' columns were declared with; blank for expressions."""
    was_reading = bool(connection.exec_driver_sql("PRAGMA query_only").scalar())
    connection.exec_driver_sql("PRAGMA query_only = OFF")  # a temporary view is written, too; nothing else is
    try:
        connection.exec_driver_sql(f"CREATE TEMP VIEW sheets_pipeline_types AS {sql}")
        found = connection.exec_driver_sql("PRAGMA temp.table_info(sheets_pipeline_types)").all()
        connection.exec_driver_sql(f"DROP VIEW {_VIEW}")
    finally:
        connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if was_reading else 'OFF'}")
    return [str(column[2]).upper() for column in found]


def _sqlite(name: str, declared: str, values: Sequence[Any]) -> ResultColumn:
    kinds = {type(value) for value in values} - {type(None)}
    if bytes in kinds or declared == "BLOB":
        return ResultColumn(name, ColumnType.TEXT, binary="blob")
    for pattern, column_type, holds in _SQLITE:
        if re.search(pattern, declared) and all(issubclass(kind, holds) for kind in kinds):
            return ResultColumn(name, column_type)
    if kinds == {int}:
        return ResultColumn(name, ColumnType.INTEGER)
    numbers = kinds and kinds <= {int, float}
    return ResultColumn(name, ColumnType.DECIMAL if numbers else ColumnType.TEXT)
