"""A query of one's own gives each value to the last digit with its type, and the rows of given keys by itself."""

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.engine import connect, read_only
from sheets_pipeline.database.own_query import OwnQuery, result_columns
from sheets_pipeline.database.query_text import UnusableQuery, parse
from sheets_pipeline.errors import TabProblem
from sheets_pipeline.sync.conversion import to_cells

LARGE = 9_007_199_254_740_993
EXACT = "12345678901234567.89"


def query(sql: str, *key: str) -> OwnQuery:
    return OwnQuery("Orders", parse(sql, len(key)), key)


def cells(engine: sa.Engine, own: OwnQuery, keys: Any = None) -> dict[str, Any]:
    """Column → (its type, its cells), as a tab would hold them."""
    with read_only(engine).connect() as connection:
        frame = own.read(connection, keys)
    assert {str(dtype) for dtype in frame.dtypes} <= {"object"}
    found = {}
    for name, kind in result_columns(frame):
        some, misfits = to_cells(frame[name], kind, ZoneInfo("UTC"))
        found[name] = (str(kind), [misfits.get(i, cell) for i, cell in enumerate(some)])
    return found


@pytest.fixture
def learners(engine: sa.Engine) -> sa.Engine:
    """A table with quoted and reserved names, a composite key and NULLs, on each database in turn."""
    quote = engine.dialect.identifier_preparer.quote_identifier
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"create table {quote('Order')} (region varchar(10), number bigint, amount decimal(30, 2), paid boolean, "
            f"due date, {quote('at')} timestamp null, note varchar(50), primary key (region, number))"
        )
        amount = f"'{EXACT}'"
        connection.exec_driver_sql(
            f"insert into {quote('Order')} values ('EU', 1, {amount}, true, '2026-07-01', '2026-07-01 10:00:00', '50% off'), "
            f"('EU', {LARGE}, null, false, null, null, null), ('us', 1, 1.5, null, null, null, '=1+1')",
            execution_options={"no_parameters": True},
        )
    return engine


ORDERS = "select region, number, amount, paid, due, {at} as at, note from {order} where (note is null or note like '%') -- all\n;"


def orders(engine: sa.Engine, more: str = "") -> OwnQuery:
    quote = engine.dialect.identifier_preparer.quote_identifier
    return query(
        ORDERS.format(order=quote("Order"), at=quote("at")).replace("-- all", f"{more} -- all"), "region", "number"
    )


def test_every_value_keeps_its_digits_and_its_type(learners: sa.Engine) -> None:
    found = cells(learners, orders(learners))
    order = sorted(range(3), key=lambda i: (found["region"][1][i], str(found["number"][1][i])))
    rows = {name: (kind, [some[i] for i in order]) for name, (kind, some) in found.items()}
    is_sqlite = learners.dialect.name == "sqlite"  # which keeps decimals as floats
    assert rows == {
        "region": ("text", ["EU", "EU", "us"]),
        "number": ("integer", [1, str(LARGE), 1]),
        "amount": ("decimal", ["12345678901234568" if is_sqlite else EXACT, None, 1.5]),
        "paid": ("boolean", [True, False, None]),
        "due": ("date", [46204, None, None]),
        "at": ("datetime", [pytest.approx(46204 + 10 / 24), None, None]),
        "note": ("text", ["50% off", None, "=1+1"]),
    }


@pytest.mark.parametrize("more", ["", "and :keys(region, number)", "and :keys(region, (number + 0))"])
@pytest.mark.parametrize(
    ("keys", "numbers"),
    [
        ([("EU", "1")], ["EU 1"]),
        ([("EU", str(LARGE)), ("us", "1"), ("us", "2")], [f"EU {LARGE}", "us 1"]),
        ([("eu", "1"), ("US ", "1"), ("EU", "1")], ["EU 1"]),
        ([], []),
    ],
)
def test_rows_of_given_keys_come_from_the_query_of_all_rows(
    learners: sa.Engine, more: str, keys: list[tuple[str, str]], numbers: list[str]
) -> None:
    if ("US ", "1") in keys and learners.dialect.name == "mysql":  # the same key to it, of a row that comes once
        numbers = [*numbers, "us 1"]
    found = cells(learners, orders(learners, more), keys)
    assert sorted(f"{a} {b}" for a, b in zip(found["region"][1], found["number"][1], strict=True)) == numbers
    types = [kind for kind, _ in found.values()]
    assert types[:2] == ["text", "integer"]
    if learners.dialect.name != "sqlite" or numbers:
        assert types == [kind for kind, _ in cells(learners, orders(learners)).values()]


@pytest.mark.parametrize("more", ["", "where :keys(a, b)"])
def test_a_row_with_a_blank_part_in_its_key_is_found(engine: sa.Engine, more: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("create table part (a varchar(10), b int, c varchar(5))")
        connection.exec_driver_sql(
            "insert into part values ('x', null, '1'), (null, 7, '2'), ('', 8, '3'), ('x', 0, '4')"
        )
    own = query(f"select a, b, c from part {more}", "a", "b")
    assert cells(engine, own, [("x", "")])["c"][1] == ["1"]
    assert sorted(cells(engine, own, [("", "7"), ("", "8"), ("x", ""), ("x", "0"), ("y", "")])["c"][1]) == list("1234")


def test_many_keys_are_asked_for_in_several_statements(learners: sa.Engine) -> None:
    keys = [("EU", str(number)) for number in range(2, 350)] + [("EU", str(LARGE))]
    assert cells(learners, orders(learners), keys)["number"][1] == [str(LARGE)]


def test_a_key_without_declared_type_is_found(learners: sa.Engine) -> None:
    own = query("select number + 0 as n, count(*) as orders from " + _order(learners) + " group by number", "n")
    assert cells(learners, own, ["1", "7"]) == {"n": ("integer", [1]), "orders": ("integer", [2])}


def test_joins_and_ctes_are_wrapped(learners: sa.Engine) -> None:
    own = query(
        f"with counted as (select region, count(*) as n from {_order(learners)} group by region) "
        f"select distinct o.region as {_quoted(learners, 'The Region')}, n from {_order(learners)} o "
        "join counted on counted.region = o.region order by 1",
        "The Region",
    )
    assert cells(learners, own)["n"] == ("integer", [2, 1])
    assert cells(learners, own, ["EU"]) == {"The Region": ("text", ["EU"]), "n": ("integer", [2])}


def test_a_missing_key_a_doubled_column_and_bytes_are_refused_by_name(learners: sa.Engine) -> None:
    blob = {"postgresql": r"'\x00'::bytea", "sqlite": "x'00'"}.get(learners.dialect.name, "x'00'")
    blob = blob if learners.dialect.name != "mysql" else "cast('a' as binary)"
    for sql, says in [
        ("select 1 as a", "the key column 'id' is not in the query's result, which has 'a'"),
        ("select 1 as id, 2 as a, 3 as a", r"gives the columns \['a'\] more than once"),
        (f"select 1 as id, {blob} as picture", r"binary data in 'picture' \("),
    ]:
        with pytest.raises(TabProblem, match=says), learners.connect() as connection:
            query(sql, "id").read(connection)


def _order(engine: sa.Engine) -> str:
    return _quoted(engine, "Order")


def _quoted(engine: sa.Engine, name: str) -> str:
    return str(engine.dialect.identifier_preparer.quote_identifier(name))


# Types that one database has alone -------------------------------------------------------------------------------------


@pytest.fixture
def postgres(database_url: str) -> Iterator[sa.Engine]:
    made = connect(database_url)
    yield made
    made.dispose()


def test_types_of_postgresql(postgres: sa.Engine) -> None:
    with postgres.begin() as connection:
        connection.exec_driver_sql("create type mood as enum ('sad', 'o,k')")
        connection.exec_driver_sql("create domain euro as numeric(30, 2)")
    sql = f"""
        select 5 as id, 123456789012345678901234567890::numeric as n, 7::numeric(20, 0) as whole, 0.1::float4 as f,
            {EXACT}::euro as d, timestamptz '2026-07-01 12:00+02' as at, timestamp '2026-07-01 10:00' as naive,
            '10:00'::time as t, interval '1 year 2 mons 03:04:05' as long, interval '1 day 01:00' as short,
            '-12.50'::money as m, '00000000-0000-0000-0000-000000000005'::uuid as u, '{{"b": {EXACT}}}'::jsonb as j,
            array[1, null] as a, array['o,k', 'sad']::mood[] as moods, array[array['x"y', 'NULL'], array[null, '']]::text[] as deep,
            'o,k'::mood as mood, '[1,5)'::int4range as r, 'x'::char(3) as c, null as nothing, B'101' as bits, row(1, 'a') as rec
    """
    assert {name: (kind, some[0]) for name, (kind, some) in cells(postgres, query(sql, "id")).items()} == {
        "id": ("integer", 5),
        "n": ("decimal", "123456789012345678901234567890"),
        "whole": ("integer", 7),
        "f": ("decimal", 0.1),
        "d": ("decimal", EXACT),
        "at": ("datetime", pytest.approx(46204 + 10 / 24)),
        "naive": ("datetime", pytest.approx(46204 + 10 / 24)),
        "t": ("text", "10:00:00"),
        "long": ("text", "1 year 2 mons 03:04:05"),
        "short": ("text", "25:00:00"),
        "m": ("text", "-$12.50"),
        "u": ("text", "00000000-0000-0000-0000-000000000005"),
        "j": ("json", f'{{"b": {EXACT}}}'),
        "a": ("json", "[1, null]"),
        "moods": ("json", '["o,k", "sad"]'),
        "deep": ("json", '[["x\\"y", "NULL"], [null, ""]]'),
        "mood": ("text", "o,k"),
        "r": ("text", "[1, 5)"),
        "c": ("text", "x  "),
        "nothing": ("text", None),
        "bits": ("text", "101"),
        "rec": ("json", '["1", "a"]'),
    }


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("uuid", "00000000-0000-0000-0000-000000000005"),
        ("mood", "o,k"),
        ("numeric(30,2)", EXACT),
        ("char(3)", "x"),
        ("char(3)", "xyz"),
        ("bit(3)", "101"),
        ("date", "2026-07-01"),
    ],
)
def test_keys_of_any_type_are_found_on_postgresql(postgres: sa.Engine, kind: str, value: str) -> None:
    with postgres.begin() as connection:
        connection.exec_driver_sql("create type mood as enum ('sad', 'o,k')")
        connection.exec_driver_sql(f"create table thing (id {kind} primary key, n int)")
        connection.exec_driver_sql(f"insert into thing values ('{value}', 1)")
    assert cells(postgres, query("select * from thing", "id"), [value])["n"] == ("integer", [1])


def test_types_of_mariadb(mariadb: sa.Engine) -> None:
    with mariadb.begin() as connection:
        connection.exec_driver_sql(
            "create table kinds (id int primary key, b tinyint(1), small tinyint(1), bit1 bit(1), bits bit(12), "
            "u bigint unsigned, d decimal(40, 3), at timestamp null, day date, t time, y year, e enum('a', 'b'), l longtext)"
        )
        connection.exec_driver_sql("set time_zone = '+02:00'")
        connection.exec_driver_sql(
            "insert into kinds values (1, 1, 7, b'1', b'100000000001', 18446744073709551615, "
            "'12345678901234567890.123', '2026-07-01 12:00:00', '2026-07-01', '-25:00:00', 2026, 'b', 'x'), "
            "(2, 0, 0, b'0', null, null, null, null, null, null, null, null, null)"
        )
        connection.exec_driver_sql("set global time_zone = '+02:00'")
    try:
        with mariadb.connect() as connection:
            connection.invalidate()
        found = cells(mariadb, query("select kinds.*, sum(id) as s from kinds group by id", "id"))
    finally:
        with mariadb.begin() as connection:
            connection.exec_driver_sql("set global time_zone = 'SYSTEM'")
    assert found == {
        "id": ("integer", [1, 2]),
        "b": ("boolean", [True, False]),
        "small": ("integer", [7, 0]),
        "bit1": ("boolean", [True, False]),
        "bits": ("integer", [2049, None]),
        "u": ("integer", ["18446744073709551615", None]),
        "d": ("decimal", ["12345678901234567890.123", None]),
        "at": ("datetime", [pytest.approx(46204 + 10 / 24), None]),
        "day": ("date", [46204, None]),
        "t": ("text", ["-25:00:00", None]),
        "y": ("integer", [2026, None]),
        "e": ("text", ["b", None]),
        "l": ("text", ["x", None]),
        "s": ("integer", [1, 2]),
    }


# The text --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "select ':keys' as a, \":keys\" as b -- :keys ; \n, 1 /* ; :keys */",
        "  -- what it is for; really\n with x as (select 1) select x::text from x;  -- done\n ; ",
        "(select 1) union (select 2)",
        "select $$ ; :keys $$, $a$ ;$a$",
        "values (1)",
    ],
)
def test_texts_quoted_names_and_comments_hide_what_stands_in_them(sql: str) -> None:
    assert not parse(sql, 1).names_keys


def test_a_condition_on_keys_stands_where_keys_stands() -> None:
    found = parse("select * from a where :keys(coalesce(a.x, ')'), a.y) or :keys (1, 2)", 2)
    assert found.columns == (("coalesce(a.x, ')')", "a.y"), ("1", "2"))
    assert found.all_rows == "select * from a where (1 = 1) or (1 = 1)"


@pytest.mark.parametrize("sql", ["", "-- nothing", "update a set b = 1", "explain select 1", "select 1; select 2"])
def test_what_is_no_query_is_refused(sql: str) -> None:
    with pytest.raises(UnusableQuery):
        parse(sql, 1)


# Plans -----------------------------------------------------------------------------------------------------------------

#: What a database's plan says where a row is looked up by its key, and is not where all rows are read.
LOOKED_UP = {"postgresql": "Index Cond", "sqlite": "SEARCH", "mysql": "ref"}


@pytest.mark.parametrize(
    "sql",
    [
        "select region, number, amount from {order} order by amount",
        "select region, number, count(*) as n from {order} group by region, number",
        "with o as (select * from {order}) select o.region, o.number, p.amount from o join {order} p "
        "on p.region = o.region and p.number = o.number",
        "select region, number, max(amount) over (partition by region, number) as most from {order}",
        "select region, number, count(*) as n from {order} where :keys(region, number) group by region, number",
    ],
    ids=["plain", "aggregate", "join of a cte", "window", "keys"],
)
def test_an_index_of_the_key_serves_the_rows_of_keys(learners: sa.Engine, sql: str) -> None:
    own = query(sql.format(order=_order(learners)), "region", "number")
    dialect = learners.dialect.name
    with learners.connect() as connection:
        if dialect == "postgresql":
            connection.exec_driver_sql("set local enable_seqscan = off")  # for three rows it would read them all
        for sql_of_keys, parameters in own._statements(connection, [("EU", "1")]):
            if parameters is None:
                continue
            explain = "EXPLAIN QUERY PLAN " if dialect == "sqlite" else "EXPLAIN "
            plan = connection.exec_driver_sql(explain + sql_of_keys, parameters).all()
            text = "\n".join(" ".join(map(str, row)) for row in plan)
            assert LOOKED_UP[dialect] in text or "const" in text, text
            assert "SCAN Order" not in text
