"""From a statement to a frame, column by column, without touching single cells in Python."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import numpy as np
import pandas as pd
import sqlalchemy as sa

#: Rows turned from tuples into columns at a time.
CHUNK_ROWS = 20_000


def _texts(values: list[Any]) -> Any:
    return pd.Series(values, dtype=object)


def _nullable(dtype: str) -> Callable[[list[Any]], Any]:
    return lambda values: pd.Series(values, dtype=cast(Any, dtype))


def _floats(values: list[Any]) -> Any:
    return pd.Series(pd.array(np.array(values, dtype=np.float64), dtype="Float64"))


def _moments(values: list[Any]) -> Any:
    """Wall-clock UTC as the statements give it: naive datetimes, or ISO text where there is no type for them."""
    try:
        return pd.Series(np.array(values, dtype="datetime64[us]")).dt.tz_localize("UTC")
    except ValueError:  # one that is none (``infinity``, a zero date) costs its own row, not the others
        return _texts(values)


#: How columns of each type are kept: nullable, so that a missing value never turns an integer into a float.
_KEEP: list[tuple[type[sa.types.TypeEngine[Any]], Callable[[list[Any]], Any]]] = [
    (sa.Integer, _nullable("Int64")),
    (sa.Float, _floats),
    (sa.Boolean, _nullable("boolean")),
    (sa.DateTime, _moments),
]


def fetch_frame(connection: sa.Connection, statement: sa.Select[Any]) -> pd.DataFrame:
    """All rows of a statement whose columns have types.

    Datetimes must come as wall-clock UTC (``dialects.utc_wall_clock``). Integers are ``Int64``, floats ``Float64``,
    booleans ``boolean``, datetimes ``datetime64[us, UTC]``, all else objects (None where NULL).
    """
    types = types_of(statement)
    columns: list[list[Any]] = [[] for _ in types]
    result = connection.execute(statement)
    try:
        # The driver's own cursor: its tuples need no Row objects around them.
        cursor = result.cursor
        while rows := cursor.fetchmany(CHUNK_ROWS) if cursor is not None else []:
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
    finally:
        result.close()
    return typed_frame(types, columns)


def types_of(statement: sa.Select[Any]) -> dict[str, sa.types.TypeEngine[Any]]:
    """The columns of a statement, by name."""
    return {column.name: column.type for column in statement.selected_columns}


def typed_frame(types: Mapping[str, sa.types.TypeEngine[Any]], columns: Sequence[list[Any]]) -> pd.DataFrame:
    """The columns of a result as ``fetch_frame`` keeps them."""
    return pd.DataFrame(
        {name: _keep(kind)(values) for (name, kind), values in zip(types.items(), columns, strict=True)}
    )


def _keep(kind: sa.types.TypeEngine[Any]) -> Callable[[list[Any]], Any]:
    return next((keep for known, keep in _KEEP if isinstance(kind, known)), _texts)


def read_frame(
    connection: sa.Connection, query: str | sa.Executable, params: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """All rows of a query, every value as the database gives it.

    Use it in assets instead of ``pandas.read_sql``, which makes floats of whole numbers beside NULL and of decimals, and
    so loses what a float does not hold: 9007199254740993 becomes 9007199254740992, 12345678901234567.89 becomes
    12345678901234568. Here whole numbers are ``Int64`` (as objects beyond 64 bits), truth values ``boolean``, floats
    ``Float64``, moments ``datetime64[us]`` (in UTC where they have a time zone); all else (text, ``Decimal``, dates,
    json, arrays) is what the driver gives, None where NULL.

    Args:
        connection: The one that the asset was given.
        query: SQL with ``:name`` for parameters, or a statement of SQLAlchemy's.
        params: The parameters by name.
    """
    result = connection.execute(sa.text(query) if isinstance(query, str) else query, dict(params or {}))
    names = list(result.keys())
    columns: list[list[Any]] = [[] for _ in names]
    for rows in result.partitions(CHUNK_ROWS):
        for column, values in zip(columns, zip(*rows, strict=True), strict=True):
            column.extend(values)
    # Names may stand there twice; which of them is meant is told where the tab's columns are looked up.
    frame = pd.DataFrame(dict(enumerate(map(_kept, columns))))
    return frame.set_axis(names, axis="columns")


def _kept(values: list[Any]) -> Any:
    """A column in the dtype that holds its values exactly."""
    types = set(map(type, values)) - {type(None)}
    try:
        if types == {int}:
            return pd.Series(values, dtype="Int64")
        if types == {bool}:
            return pd.Series(values, dtype="boolean")
        if types == {float}:
            return _floats(values)
        if types == {datetime}:
            aware = {value.tzinfo is not None for value in values if value is not None}
            if aware == {True}:
                return pd.Series(pd.to_datetime(values, utc=True)).astype("datetime64[us, UTC]")
            if aware == {False}:
                return pd.Series(np.array(values, dtype="datetime64[us]"))
    except (OverflowError, ValueError):  # beyond 64 bits, or beyond the years that pandas knows
        pass
    return _texts(values)
