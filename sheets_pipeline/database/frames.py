"""From a statement to a frame, column by column, without touching single cells in Python."""

from collections.abc import Callable
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
    return pd.Series(np.array(values, dtype="datetime64[us]")).dt.tz_localize("UTC")


#: How each kind of column is kept: nullable, so that a missing value never turns an integer into a float.
_KEEP: dict[str, Callable[[list[Any]], Any]] = {
    "text": _texts,
    "integer": _nullable("Int64"),
    "float": _floats,
    "boolean": _nullable("boolean"),
    "datetime": _moments,
}


def fetch_frame(connection: sa.Connection, statement: sa.Select[Any], kinds: dict[str, str]) -> pd.DataFrame:
    """All rows of a statement; ``kinds`` names its columns in order: text, integer, float, boolean or datetime.

    Datetimes must come as wall-clock UTC (``dialects.utc_wall_clock``). Text is object (None where NULL), integers ``Int64``, floats ``Float64``, booleans ``boolean``, datetimes
    ``datetime64[us, UTC]``.
    """
    columns: list[list[Any]] = [[] for _ in kinds]
    result = connection.execute(statement)
    try:
        # The driver's own cursor: its tuples need no Row objects around them.
        cursor = result.cursor
        while rows := cursor.fetchmany(CHUNK_ROWS) if cursor is not None else []:
            for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                column.extend(values)
    finally:
        result.close()
    return pd.DataFrame(
        {name: _KEEP[kind](column) for (name, kind), column in zip(kinds.items(), columns, strict=True)}
    )
