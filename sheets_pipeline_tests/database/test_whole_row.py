"""A row is deleted and made again as it was, to the last bit, on each database; who refers to it is told before."""

import sqlalchemy as sa

from sheets_pipeline.database.whole_row import WholeRow
from sheets_pipeline_tests.databases import engine, mariadb_url

__all__ = ["engine", "mariadb_url"]

_ODD = {
    "postgresql": """
        create type mood as enum ('glad', 'sad');
        create table odd (
          id bigint generated always as identity primary key, "a :b%" text, bits bit(5), raw bytea, exact numeric, real4 real,
          at timestamptz, plain timestamp, span interval, many integer[], doc json, docb jsonb, mood mood, ip inet,
          days daterange, one uuid, twice bigint generated always as (id * 2) stored, flag boolean);
        insert into odd ("a :b%", bits, raw, exact, real4, at, plain, span, many, doc, docb, mood, ip, days, one, flag)
        values (E'it''s \\\\ \\n ü', b'10110', '\\x00ff10', 1234567890.1234567890123, 0.1, '2026-03-29 01:30:00.123456+00',
          'infinity', '1 year 2 days 03:04:05.6', '{1,null,3}', '{"b": 1,  "a": null}', 'null', 'sad', '10.0.0.1/8',
          '[2026-01-01,)', gen_random_uuid(), null)""",
    "mysql": """
        create table odd (
          id bigint auto_increment primary key, `a :b%` text, bits bit(9), raw varbinary(9), exact decimal(30,12), real4 float,
          real8 double, at timestamp(6), plain datetime(3), span time, kind enum('x','y'), many set('p','q'), spot point,
          born year, twice bigint as (born * 2) stored, flag boolean);
        insert into odd (`a :b%`, bits, raw, exact, real4, real8, at, plain, span, kind, many, spot, born, flag)
        values ('it''s \\\\ \\n ü', b'100000001', x'00ff10', 123456789012.123456789012, 0.1, 0.1, '2026-03-29 01:30:00.123456',
          '1000-01-01 00:00:00.001', '-300:01:02', 'y', 'p,q', point(1.5, 2), 1999, null)""",
    "sqlite": """
        create table odd (id integer primary key, "a :b%" text, raw blob, real8 real, loose, plain datetime,
          twice integer generated always as (id * 2) stored, flag boolean);
        insert into odd ("a :b%", raw, real8, loose, plain, flag)
        values ('it''s \\ ü', x'00ff10', 0.1, 9007199254740993, '2026-03-29 01:30', null)""",
}


def test_a_row_is_made_again_as_it_was(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for statement in _ODD[engine.dialect.name].split(";\n"):
            connection.execute(sa.text(statement.replace(":", r"\:")))
    every = (
        sa.text("select * from odd") if engine.dialect.name != "postgresql" else sa.text("select odd::text from odd")
    )
    with engine.begin() as connection:
        before = connection.execute(every).one()
        row = WholeRow(connection, "odd", {"id": 1})
        texts = row.texts(lock=True)
        assert texts is not None
        assert "twice" not in texts
        assert "a :b%" in texts
        assert row.delete()
        assert row.texts() is None
    with engine.begin() as connection:
        row = WholeRow(connection, "odd", {"id": 1})
        row.make(texts)
        assert row.texts() == texts
        assert connection.execute(every).one() == before


_FAMILY = """
create table parent (id integer primary key, name varchar(9) unique);
create table cascades (id integer primary key, p integer, foreign key (p) references parent (id) on delete cascade);
create table nulls (id integer primary key, n varchar(9), foreign key (n) references parent (name) on delete set null);
create table keeps (id integer primary key, p integer, foreign key (p) references parent (id));
create table own (id integer primary key, up integer, foreign key (up) references own (id) on delete cascade);
insert into parent values (1, 'a'), (2, 'b'), (3, null);
insert into cascades values (1, 1);
insert into nulls values (1, 'a'), (2, 'b');
insert into keeps values (1, 2);
insert into own values (1, 1);
insert into own values (2, 1)"""


def test_who_refers_to_a_row_is_told(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for statement in _FAMILY.split(";\n"):
            connection.exec_driver_sql(statement)
        told = {n: sorted(WholeRow(connection, "parent", {"id": n}).referring()) for n in (1, 2, 3)}
        assert told == {1: ["cascades", "nulls"], 2: ["keeps", "nulls"], 3: []}
        assert [WholeRow(connection, "own", {"id": n}).referring() for n in (1, 2)] == [["own"], []]


def test_rows_that_cannot_be_looked_at_count_where_they_would_be_harmed(postgresql: sa.Engine) -> None:
    with postgresql.begin() as connection:
        for statement in _FAMILY.split(";\n"):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("create role reader; grant select on parent to reader; set local role reader")
        try:
            told = WholeRow(connection, "parent", {"id": 3}).referring()
        finally:
            connection.exec_driver_sql("reset role; drop owned by reader; drop role reader")
    assert sorted(told) == ["cascades", "nulls"]
