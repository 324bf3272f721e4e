"""The few expressions that PostgreSQL, MySQL/MariaDB and SQLite write differently."""

import json
from collections.abc import Callable, Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

Expression = sa.ColumnElement[Any]


def quoted(dialect: sa.Dialect, name: str) -> str:
    """A name as it stands in SQL that is run without parameters: some drivers take ``%%`` for ``%`` where there are some."""
    text = dialect.identifier_preparer.quote(name)
    return text.replace("%%", "%") if dialect.paramstyle in {"format", "pyformat"} else text


class IntegerKeys(sa.types.TypeDecorator[Any]):
    """Any number of integer keys as one parameter: an array on PostgreSQL, JSON text elsewhere."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        """An array of ``bigint`` where there are arrays."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.ARRAY(sa.BigInteger))
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        """Sorted, so that the same keys are the same statement."""
        keys = sorted({int(key) for key in value})
        return keys if dialect.name == "postgresql" else json.dumps(keys)


def sql_function(name: str, kind: Any, mysql: str, **others: str) -> Callable[..., Expression]:
    """A function of SQL as each database writes it, with ``{0}``, ``{1}`` ... for its arguments.

    ``others`` are PostgreSQL's and SQLite's forms where they differ from MySQL's and MariaDB's.
    """
    facts = {"name": name, "type": kind, "inherit_cache": True}
    element: type[Any] = type(name, (sa.sql.functions.FunctionElement,), facts)

    @compiles(element)
    def compiled(function: Any, compiler: SQLCompiler, **kw: Any) -> str:
        arguments = (compiler.process(clause, **kw) for clause in function.clauses)
        return others.get(compiler.dialect.name, mysql).format(*arguments)

    return element


_one_of = sql_function(
    "one_of",
    sa.types.NullType(),  # as Boolean it would be asked for ``= 1``, which hides it from indexes
    "{0} IN (SELECT k.id FROM JSON_TABLE({1}, '$[*]' COLUMNS (id BIGINT PATH '$')) AS k)",
    postgresql="{0} = ANY({1})",
    sqlite="{0} IN (SELECT value FROM json_each({1}))",
)


def is_one_of(column: Expression, ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    """Whether a key column holds one of these keys; true where ``ids`` is None."""
    if ids is None:
        return sa.true()
    return _one_of(column, sa.bindparam("ids", list(ids), type_=IntegerKeys, unique=True))


_rounded_ratio = sql_function(
    "rounded_ratio",
    sa.Numeric(30, 12),
    "ROUND(CAST({0} AS DECIMAL(38, 12)) / NULLIF({1}, 0), {2})",
    postgresql="ROUND(CAST({0} AS NUMERIC) / NULLIF({1}, 0), {2})",
    sqlite="ROUND(CAST({0} AS REAL) / NULLIF({1}, 0), {2})",
)


def rounded_ratio(part: Any, whole: Any, places: int) -> Expression:
    """``part`` divided by ``whole``, rounded to so many decimals; NULL where ``whole`` is 0 or NULL."""
    return _rounded_ratio(part, whole, sa.literal_column(str(places)))


#: Sum of numbers with two decimals, the same in whatever order they come: SQLite keeps decimals as floats, and whole
#: hundredths add up exactly.
exact_sum = sql_function(
    "exact_sum", sa.Numeric(30, 2), "SUM({0})", sqlite="(SUM(CAST(ROUND({0} * 100) AS INTEGER)) / 100.0)"
)
#: A decimal as the double nearest to it.
as_float = sql_function(
    "as_float",
    sa.Double(),
    "CAST({0} AS DOUBLE)",
    postgresql="CAST({0} AS DOUBLE PRECISION)",
    sqlite="CAST({0} AS REAL)",
)
#: A moment as naive UTC, whatever the session's time zone; drivers and pandas read it several times faster.
utc_wall_clock = sql_function("utc_wall_clock", sa.DateTime(), "{0}", postgresql="({0} AT TIME ZONE 'UTC')")
#: The day of a moment in UTC, whatever the session's time zone.
utc_date = sql_function("utc_date", sa.Date(), "DATE({0})", postgresql="CAST(({0} AT TIME ZONE 'UTC') AS DATE)")
#: ``:keys(column)`` of a tab's query, for databases that do not take the condition into an aggregate by themselves; PostgreSQL
#: does, and looks each key up by itself (docs/use/own-tables.md).
keys_if_needed = sql_function("keys_if_needed", sa.types.NullType(), ":keys({0})", postgresql="true")
_days_ago = sql_function(
    "days_ago",
    sa.DateTime(timezone=True),
    "(UTC_TIMESTAMP(6) - INTERVAL {0} DAY)",
    postgresql="(statement_timestamp() - {0} * INTERVAL '1 day')",
    sqlite="strftime('%Y-%m-%d %H:%M:%f000', 'now', '-{0} days')",
)


def days_ago(days: int) -> Expression:
    """The moment so many days before now, by the database's clock."""
    return _days_ago(sa.literal_column(str(days)))
