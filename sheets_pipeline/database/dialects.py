"""The few expressions that PostgreSQL, MySQL/MariaDB and SQLite write differently."""

import json
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

Expression = sa.ColumnElement[Any]


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


class _IsOneOf(sa.sql.functions.FunctionElement[Any]):
    inherit_cache = True
    name = "is_one_of"
    type = sa.Boolean()


def is_one_of(column: Expression, ids: Collection[int] | None) -> sa.ColumnElement[bool]:
    """Whether a key column holds one of these keys; true where ``ids`` is None."""
    if ids is None:
        return sa.true()
    return _IsOneOf(column, sa.bindparam("ids", list(ids), type_=IntegerKeys, unique=True))


@compiles(_IsOneOf)
def _is_one_of(element: _IsOneOf, compiler: SQLCompiler, **kw: Any) -> str:
    column, keys = (compiler.process(clause, **kw) for clause in element.clauses)
    if compiler.dialect.name == "postgresql":
        return f"{column} = ANY({keys})"
    if compiler.dialect.name == "sqlite":
        return f"{column} IN (SELECT value FROM json_each({keys}))"
    return f"{column} IN (SELECT k.id FROM JSON_TABLE({keys}, '$[*]' COLUMNS (id BIGINT PATH '$')) AS k)"


class _RoundedRatio(sa.sql.functions.FunctionElement[Any]):
    inherit_cache = True
    name = "rounded_ratio"
    type = sa.Numeric(30, 12)


def rounded_ratio(part: Any, whole: Any, places: int) -> Expression:
    """``part`` divided by ``whole``, rounded to so many decimals; NULL where ``whole`` is 0 or NULL."""
    return _RoundedRatio(part, whole, sa.literal_column(str(places)))


@compiles(_RoundedRatio)
def _rounded_ratio(element: _RoundedRatio, compiler: SQLCompiler, **kw: Any) -> str:
    part, whole, places = (compiler.process(clause, **kw) for clause in element.clauses)
    exact = {"postgresql": f"CAST({part} AS NUMERIC)", "sqlite": f"CAST({part} AS REAL)"}
    dividend = exact.get(compiler.dialect.name, f"CAST({part} AS DECIMAL(38, 12))")
    return f"ROUND({dividend} / NULLIF({whole}, 0), {places})"


class _ExactSum(sa.sql.functions.FunctionElement[Any]):
    inherit_cache = True
    name = "exact_sum"
    type = sa.Numeric(30, 2)


def exact_sum(value: Any) -> Expression:
    """Sum of numbers with two decimals, the same in whatever order they come."""
    return _ExactSum(value)


@compiles(_ExactSum)
def _exact_sum(element: _ExactSum, compiler: SQLCompiler, **kw: Any) -> str:
    value = compiler.process(element.clauses, **kw)
    if compiler.dialect.name == "sqlite":  # keeps decimals as floats; whole hundredths add up exactly
        return f"(SUM(CAST(ROUND({value} * 100) AS INTEGER)) / 100.0)"
    return f"SUM({value})"


class _AsFloat(sa.sql.functions.FunctionElement[Any]):
    inherit_cache = True
    name = "as_float"
    type = sa.Double()


def as_float(value: Any) -> Expression:
    """A decimal as the double nearest to it."""
    return _AsFloat(value)


@compiles(_AsFloat)
def _as_float(element: _AsFloat, compiler: SQLCompiler, **kw: Any) -> str:
    target = {"postgresql": "DOUBLE PRECISION", "sqlite": "REAL"}.get(compiler.dialect.name, "DOUBLE")
    return f"CAST({compiler.process(element.clauses, **kw)} AS {target})"


class _UtcWallClock(sa.sql.functions.FunctionElement[Any]):
    inherit_cache = True
    name = "utc_wall_clock"
    type = sa.DateTime()


def utc_wall_clock(moment: Any) -> Expression:
    """A moment as naive UTC, whatever the session's time zone; drivers and pandas read it several times faster."""
    return _UtcWallClock(moment)


@compiles(_UtcWallClock)
def _utc_wall_clock(element: _UtcWallClock, compiler: SQLCompiler, **kw: Any) -> str:
    moment = compiler.process(element.clauses, **kw)
    return f"({moment} AT TIME ZONE 'UTC')" if compiler.dialect.name == "postgresql" else moment


class _UtcDate(sa.sql.functions.FunctionElement[Any]):
    inherit_cache = True
    name = "utc_date"
    type = sa.Date()


def utc_date(moment: Any) -> Expression:
    """The day of a moment in UTC, whatever the session's time zone."""
    return _UtcDate(moment)


@compiles(_UtcDate)
def _utc_date(element: _UtcDate, compiler: SQLCompiler, **kw: Any) -> str:
    moment = compiler.process(utc_wall_clock(*element.clauses), **kw)
    return f"CAST({moment} AS DATE)" if compiler.dialect.name == "postgresql" else f"DATE({moment})"
