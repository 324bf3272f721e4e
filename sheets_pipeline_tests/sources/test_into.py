"""Versions of sources as tables, on each kind of database."""

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

import pytest
import sqlalchemy as sa

from sheets_pipeline.errors import SourceProblem
from sheets_pipeline.sources.content import Content, Row, SourceColumn
from sheets_pipeline.sources.into import Written, write_into
from sheets_pipeline.sources.into_columns import IntoColumn, into_columns, widened
from sheets_pipeline.sync.source import CellType, Into, IntoMode, Source
from sheets_pipeline_tests.databases import DIALECTS, empty_database
from sheets_pipeline_tests.sources.contents import PEOPLE, people, person
from sheets_pipeline_tests.sources.memory import KeptVersions


@pytest.fixture(scope="module", params=DIALECTS)
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    with empty_database(request, tmp_path_factory.mktemp("into")) as made:
        yield made


class IntoTable:
    """A source of a test's own, its store, and its table."""

    def __init__(self, engine: sa.Engine, table: str, mode: IntoMode, key: tuple[str, ...] = ("id",)) -> None:
        self.engine, self.store = engine, KeptVersions()
        self.source = Source(table, table, "S", into=Into(table, mode), key=key)

    def put(self, content: Content) -> Written:
        self.store.version(content)
        return self.write()

    def write(self) -> Written:
        written = write_into(self.engine, cast(Any, self.store), self.source)
        assert written is not None
        return written

    def rows(self, order: str = "id", columns: str = "*") -> list[tuple[Any, ...]]:
        with self.engine.connect() as connection:
            table = self.engine.dialect.identifier_preparer.quote(self.source.id)
            return [
                tuple(row) for row in connection.execute(sa.text(f"SELECT {columns} FROM {table} ORDER BY {order}"))
            ]


def _table(*columns: tuple[str, CellType], rows: list[Row]) -> Content:
    return Content(tuple(SourceColumn(name, name.title(), kind) for name, kind in columns), rows)


def test_a_table_holds_the_latest_version_typed(database: sa.Engine):
    table = IntoTable(database, "Replaced One", IntoMode.REPLACE)
    assert table.put(people(3, person(1, "O'Hara \0 🎓", note=5))) == Written("Replaced One", 1, 3)
    table.put(people(2, person(1, "O'Hara \0 🎓", note=5)))
    types = {one["name"]: one["type"] for one in sa.inspect(database).get_columns("Replaced One")}
    assert [*types] == [column.name for column in PEOPLE]
    assert isinstance(types["id"], sa.BigInteger | sa.Integer)
    assert isinstance(types["born"], sa.Date)
    assert isinstance(types["seen"], sa.DateTime)
    [_, row] = table.rows(columns="id, name, score, active, note")
    assert [*row] == [1, "O'Hara \ufffd 🎓", 1, 0, "5"]
    assert table.rows(columns="count(empty)", order="1") == [(0,)]


def test_the_same_version_is_written_once(database: sa.Engine):
    table = IntoTable(database, "once", IntoMode.REPLACE)
    table.put(people(3))
    read = table.store.rows_read
    assert table.write() == Written("once")
    assert table.store.rows_read == read


def test_views_and_rights_on_a_table_stay(database: sa.Engine):
    table = IntoTable(database, "viewed", IntoMode.REPLACE)
    table.put(people(3))
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW of_viewed AS SELECT count(*) AS n FROM viewed")
    table.put(people(5))
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT n FROM of_viewed").scalar() == 5


def test_types_widen_and_columns_come_and_stay(database: sa.Engine):
    table = IntoTable(database, "widening", IntoMode.APPEND_VERSIONS)
    first = ("id", CellType.INTEGER), ("n", CellType.INTEGER), ("d", CellType.DATE), ("e", CellType.EMPTY)
    table.put(_table(*first, rows=[(1, 7, date(2026, 1, 31), None)]))
    second = ("id", CellType.INTEGER), ("d", CellType.DATETIME), ("n", CellType.DECIMAL), ("e", CellType.INTEGER)
    table.put(_table(*second, rows=[(2, datetime(2026, 2, 1, 12), Decimal("0.5"), 5)]))
    third = ("id", CellType.INTEGER), ("n", CellType.MIXED), ("new", CellType.BOOLEAN)
    table.put(_table(*third, rows=[(3, "007", True), (10**20, 1, None)]))
    assert [[str(cell) for cell in row] for row in table.rows("source_version, id", "n, source_version")] == [
        ["7", "1"],
        ["0.5", "2"],
        ["007", "3"],
        ["1", "3"],
    ]
    [row] = table.rows(columns="e, d, new", order="id LIMIT 1 OFFSET 1")
    assert (row[0], str(row[1])[:16], row[2]) == (5, "2026-02-01 12:00", None)
    types = {one["name"]: one["type"] for one in sa.inspect(database).get_columns("widening")}
    assert isinstance(types["n"], sa.String)
    assert isinstance(types["d"], sa.DateTime)
    assert float(table.rows(columns="max(id)", order="1")[0][0]) == 1e20


def test_every_version_is_appended_once_also_those_that_were_missed(database: sa.Engine):
    table = IntoTable(database, "appended", IntoMode.APPEND_VERSIONS)
    table.put(people(1))
    for n in (2, 3):
        table.store.version(people(n))
    assert table.write() == Written("appended", 2, 5)
    assert table.rows("source_version", "source_version, source_read_at IS NULL") == [
        (n, 0) for n in (1, 2, 2, 3, 3, 3)
    ]


def test_rows_are_upserted_by_key(database: sa.Engine):
    table = IntoTable(database, "upserted", IntoMode.UPSERT)
    table.put(people(3))
    blank: Row = (None, *person(9)[1:])
    assert table.put(Content(PEOPLE, [person(1, "Grace"), person(7), blank, blank])) == Written("upserted", 1, 2, 2)
    assert table.rows(columns="id, name") == [(0, "Ada"), (1, "Grace"), (2, "Ada"), (7, "Ada")]
    with pytest.raises(SourceProblem, match="its rows 1 and 3, counted below the header, have the same key"):
        table.put(Content(PEOPLE, [person(1), person(2), person(1, "Bob")]))
    assert table.rows(columns="id, name")[1] == (1, "Grace")


def test_texts_are_keys(database: sa.Engine):
    table = IntoTable(database, "texts", IntoMode.UPSERT, ("name", "id"))
    table.put(Content(PEOPLE, [person(1, "abc"), person(1, "ABC"), person(1, "abc "), person(1, "ábc")]))
    table.put(Content(PEOPLE, [person(1, "abc", note="second")]))
    assert [row[0] for row in table.rows("id", "note") if row[0]] == ["second"]
    assert len(table.rows()) == 4


def test_tables_that_are_not_the_sources_are_refused(database: sa.Engine):
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE theirs (id integer)")
    theirs = IntoTable(database, "theirs", IntoMode.REPLACE)
    with pytest.raises(SourceProblem, match="it was there before and is not a source's"):
        theirs.put(people(1))
    table = IntoTable(database, "ours", IntoMode.REPLACE)
    table.put(people(1))
    other = IntoTable(database, "ours", IntoMode.REPLACE)
    other.source = Source("other", "Other", "S", into=Into("ours"))
    with pytest.raises(SourceProblem, match="it is that of source 'ours'"):
        other.put(people(1))
    table.source = Source("ours", "Ours", "S", into=Into("ours", IntoMode.UPSERT), key=("id",))
    with pytest.raises(SourceProblem, match="made for mode replace, not upsert"):
        table.put(people(2))
    assert len(table.rows()) == 1


def test_a_schema_may_be_named_and_is_not_made(database: sa.Engine):
    if database.dialect.name != "postgresql":
        pytest.skip("schemas are databases, or files")
    table = IntoTable(database, "sales.people", IntoMode.REPLACE)
    with pytest.raises(SourceProblem, match=r"could not be made or changed .*Make its schema"):
        table.put(people(1))
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA sales")
    table.write()
    with database.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM sales.people").scalar() == 1


def test_a_view_on_a_column_that_must_widen_is_named(database: sa.Engine):
    if database.dialect.name != "postgresql":
        pytest.skip("views of others do not hold columns")
    table = IntoTable(database, "narrow", IntoMode.REPLACE)
    table.put(_table(("id", CellType.INTEGER), rows=[(1,)]))
    with database.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW of_narrow AS SELECT id FROM narrow")
    with pytest.raises(SourceProblem, match="drop what uses the column"):
        table.put(_table(("id", CellType.TEXT), rows=[("a",)]))
    assert table.rows() == [(1,)]


def test_names_that_databases_cannot_hold_get_a_digest():
    names = ["x" * 80, "x" * 81, "ID", "id", "source_version"]
    columns = into_columns([SourceColumn(name, name, CellType.TEXT) for name in names], [], set())
    sql_names = [column.sql_name for column in columns]
    assert len({name.casefold() for name in sql_names}) == 5
    assert max(map(len, sql_names)) <= 63
    assert sql_names[2] == "ID"
    assert into_columns([SourceColumn(name, name, CellType.TEXT) for name in names[::-1]], columns, set()) == columns


@pytest.mark.parametrize(
    ("one", "other", "wide"),
    [
        ("integer", "decimal", "decimal"),
        ("date", "datetime", "datetime"),
        ("integer", "date", "text"),
        ("boolean", "integer", "text"),
        ("time", "datetime", "text"),
        ("empty", "date", "date"),
        ("text", "empty", "text"),
        ("boolean", "boolean", "boolean"),
    ],
)
def test_types_widen_to_the_narrowest_that_holds_both(one: str, other: str, wide: str):
    assert widened(CellType(one), CellType(other)) is CellType(wide)
    assert widened(CellType(other), CellType(one)) is CellType(wide)
    assert IntoColumn("a", "a", CellType(wide)).type == wide
