"""What a query gives is in the frame to the last digit, and from there in the tab."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
import sqlalchemy as sa

from sheets_pipeline.database.digits import noticing_dropped_digits, restored
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.frames import read_frame
from sheets_pipeline.sync.conversion import to_cells
from sheets_pipeline.sync.tab import ColumnType

LARGE = 9_007_199_254_740_993


def cells(frame: Any, **types: str) -> dict[str, Any]:
    """Column → its cells, and the kinds of its misfits."""
    zone = ZoneInfo("Europe/Berlin")
    by_column = {name: to_cells(frame[name], ColumnType(column_type), zone) for name, column_type in types.items()}
    return {name: [misfits.get(i, cell) for i, cell in enumerate(some)] for name, (some, misfits) in by_column.items()}


def test_whole_numbers_beside_null_keep_their_digits(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        query = f"select {LARGE} as id, 7 as small, 'a' as name union all select null, null, null"
        frame = read_frame(connection, query)
    assert cells(frame, id="integer", small="text", name="text") == {
        "id": [str(LARGE), None],
        "small": ["7", None],
        "name": ["a", None],
    }


def test_decimals_keep_their_digits(engine: sa.Engine) -> None:
    exact = "12345678901234567.89"
    number = f"'{exact}'" if engine.dialect.name == "sqlite" else f"cast('{exact}' as decimal(38, 2))"
    with engine.connect() as connection:
        frame = read_frame(connection, f"select {number} as amount union all select 1.5")
    assert cells(frame, amount="decimal") == {"amount": [exact, 1.5]}


def amounts(*texts: str) -> str:
    """A query of these decimals, each read with its own number of places (a union would give all the same)."""
    casts = [f"cast('{text}' as decimal(38, {len(text.partition('.')[2])})) as a{i}" for i, text in enumerate(texts)]
    return f"select {', '.join(casts)}"


def test_decimals_that_pandas_makes_floats_of_are_decimals_again(engine: sa.Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no decimals: it gives floats itself")
    query = amounts("12345678901234567.89", "1.50", "1234567.1234567891", "85.3333333333333333", "-0.1")
    with engine.connect() as connection, noticing_dropped_digits() as rounded:
        frame = pd.read_sql(sa.text(query), connection)
    assert {dtype.kind for dtype in frame.dtypes} == {"f"}
    by_column = cells(restored(frame, rounded), **{f"a{i}": "decimal" for i in range(5)})
    assert [some[0] for some in by_column.values()] == [
        "12345678901234567.89",
        1.5,
        "1234567.1234567891",
        85.33333333333333,  # of an average: places beyond the twelfth say nothing
        -0.1,
    ]


def test_a_float_that_stands_for_two_decimals_sets_its_rows_aside(engine: sa.Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has no decimals: it gives floats itself")
    exact = ["12345678901234567.88", "12345678901234567.89", "2.00"]
    query = " union all ".join(f"select cast('{text}' as decimal(38, 2)) as amount" for text in exact)
    with engine.connect() as connection, noticing_dropped_digits() as rounded:
        frame = pd.read_sql(sa.text(query), connection)
    by_column = cells(restored(frame, rounded), amount="decimal")["amount"]
    assert by_column == ["a Python DroppedDigits", "a Python DroppedDigits", 2]


def test_parameters_and_statements_of_sqlalchemy_are_taken(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        assert read_frame(connection, "select :a as a", {"a": 5})["a"].tolist() == [5]
        frame = read_frame(connection, sa.select(sa.literal(5).label("a")).where(sa.false()))
    assert (list(frame.columns), len(frame)) == (["a"], 0)


@pytest.fixture
def postgresql_alone(database_url: str) -> Iterator[sa.Engine]:
    made = connect(database_url)
    yield made
    made.dispose()


def test_arrays_and_json_are_json(postgresql_alone: sa.Engine) -> None:
    query = """
        select array[1, null, 2] as a, array['x', 'é'] as b, '{"b": 1, "a": [12345678901234567.89, 0.1]}'::jsonb as c,
            '{"b": 1,  "a": null}'::json as d, '"only text"'::jsonb as e, array[]::text[] as f,
            array['00000000-0000-0000-0000-000000000005'::uuid] as g, 'null'::jsonb as h
    """
    with postgresql_alone.connect() as connection:
        frame = read_frame(connection, query)
    for column_type in ("json", "text"):
        by_column = cells(frame, **dict.fromkeys("abcdfgh", column_type))
        assert {name: cell for name, [cell] in by_column.items()} == {
            "a": "[1, null, 2]",
            "b": '["x", "é"]',
            "c": '{"a": [12345678901234567.89, 0.1], "b": 1}',
            "d": '{"a": null, "b": 1}',
            "f": "[]",
            "g": '["00000000-0000-0000-0000-000000000005"]',
            "h": None,
        }
    assert cells(frame, e="json") == {"e": ['"only text"']}


def test_a_moment_that_python_has_not_spoils_no_other_row(postgresql_alone: sa.Engine) -> None:
    query = """
        select * from (values
            (1, timestamptz '2026-07-01 10:00+00', timestamp '2026-07-01 10:00', date '2026-07-01', numeric '1.5'),
            (2, 'infinity', '-infinity', '10000-01-01', 'NaN'),
            (3, '0044-03-15 BC', 'infinity', '-infinity', 'infinity')) as v (id, at, naive, day, amount)
    """
    with postgresql_alone.connect() as connection:
        frame = read_frame(connection, query)
    outside = "text that is not an ISO date"
    assert cells(frame, id="integer", at="datetime", naive="datetime", day="date", amount="decimal") == {
        "id": [1, 2, 3],
        "at": [46204.5, outside, outside],
        "naive": [46204.5, outside, outside],
        "day": [46204, outside, outside],
        "amount": [1.5, None, "Infinity"],
    }
