"""Tables of any name, key and schema: what their triggers record leads to the rows of the tabs that watch them."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import events, triggers
from sheets_pipeline.database.chains import QUEUE
from sheets_pipeline.database.dialects import quoted
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.event_faults import malformed
from sheets_pipeline.database.event_keys import TabEvents, keys_of_tab
from sheets_pipeline.database.queue_check import look
from sheets_pipeline.database.touched import MOST_QUERIES, touched
from sheets_pipeline.database.waiting import waiting
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.sync.cells import KEY_SEPARATOR
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline.sync.watch import Watch, WatchedTable, watched_tables
from sheets_pipeline_tests.database.rows import TABS, add_basics

_TEXT, _NUMBER = Column("t"), Column("n", ColumnType.INTEGER)


def keys(connection: sa.Connection, tabs: dict[str, TabEvents]) -> dict[str, set[str] | None]:
    """What all pending events touch; they are taken off the queue."""
    due = events.pending(connection)
    leads_to = touched(connection, due, tabs)
    assert not leads_to.failed
    assert not leads_to.unusable
    events.delete(connection, [event.id for event in due])
    return leads_to.keys


def installed(engine: sa.Engine, tabs: dict[str, TabEvents]) -> None:
    watched = watched_tables({title: tab.watches for title, tab in tabs.items()})
    triggers.install(engine, watched)
    assert triggers.check(engine, watched).problems == []


#: Mixed case, blanks, reserved words, quotes: what people call their tables and columns.
NAMES = [
    ("Order Line", "Region", "select"),
    ("group", "key", "order"),
    ("it's", 'a"b', "üñí$$"),
    ("50 %s: `x`", "%s", ":co%l"),
    ("t" * 60, "c1", "c2"),
]


@pytest.mark.parametrize(("table", "first", "second"), NAMES)
def test_a_key_of_two_columns_with_names_of_all_kinds(engine: sa.Engine, table: str, first: str, second: str):
    metadata = sa.MetaData()
    lines = sa.Table(
        table,
        metadata,
        sa.Column(first, sa.String(20), primary_key=True),
        sa.Column(second, sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("Pieces", sa.Integer),
        sa.Column("note", sa.Text),
    )
    metadata.create_all(engine)
    tabs = {"Lines": TabEvents((Watch(table, key=(first, second), columns=("Pieces",)),), (), (_TEXT, _NUMBER))}
    installed(engine, tabs)

    def key(*parts: object) -> str:
        return KEY_SEPARATOR.join(map(str, parts))

    with engine.begin() as connection:
        connection.execute(lines.insert(), [{first: "EU,\"'\\", second: 7}, {first: "ü", second: 8}])
        assert keys(connection, tabs) == {"Lines": {key("EU,\"'\\", 7), key("ü", 8)}}
        connection.execute(lines.update().where(lines.c[second] == 8).values(note="of no matter"))
        assert keys(connection, tabs) == {}
        connection.execute(lines.update().where(lines.c[second] == 8).values(Pieces=3))
        assert keys(connection, tabs) == {"Lines": {key("ü", 8)}}
        connection.execute(lines.update().where(lines.c[second] == 8).values({second: 9}))
        assert keys(connection, tabs) == {"Lines": {key("ü", 8), key("ü", 9)}}
        connection.execute(lines.delete().where(lines.c[second] == 7))
        assert keys(connection, tabs) == {"Lines": {key("EU,\"'\\", 7)}}


def test_what_is_recorded_does_not_depend_on_settings_of_the_application(database_url: str):
    engine = connect(database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE reading (day date, value float8, for_ interval, PRIMARY KEY (day, value))"
        )
        connection.exec_driver_sql("CREATE TABLE label (day date, n integer)")
        connection.exec_driver_sql("INSERT INTO label VALUES ('2026-02-01', 5)")
    by_query = Watch("reading", keys_sql="SELECT n FROM label WHERE day = :day")
    by_key = Watch("reading", key=("value", "for_"))
    tabs = {"L": TabEvents((by_query,), (), (_NUMBER,)), "R": TabEvents((by_key,), (), (_TEXT, _TEXT))}
    installed(engine, tabs)
    with engine.begin() as connection:
        for setting in ("DateStyle = 'German'", "extra_float_digits = -9", "IntervalStyle = 'iso_8601'"):
            connection.exec_driver_sql(f"SET LOCAL {setting}")
        connection.exec_driver_sql("INSERT INTO reading VALUES ('2026-02-01', 0.12345678901234, '1 year')")
    with engine.begin() as connection:
        assert keys(connection, tabs) == {"L": {"5"}, "R": {f"0.12345678901234{KEY_SEPARATOR}1 year"}}
    engine.dispose()


def test_a_table_that_replaced_another_is_watched_in_its_place(engine: sa.Engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE stock (id INTEGER PRIMARY KEY)")
    tabs = {"Stock": TabEvents((Watch("stock", key=("id",)),), (), (_NUMBER,))}
    installed(engine, tabs)
    with engine.begin() as connection:  # as tools do that change large tables
        connection.exec_driver_sql("ALTER TABLE stock RENAME TO stock_old")
        connection.exec_driver_sql("CREATE TABLE stock (id INTEGER PRIMARY KEY)")
    installed(engine, tabs)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO stock VALUES (1)")
        connection.exec_driver_sql("INSERT INTO stock_old VALUES (2)")
        assert keys(connection, tabs) == {"Stock": {"1"}}


def test_a_table_off_the_search_path_with_uuids_in_partitions(database_url: str):
    engine = connect(database_url)
    one = "6f1c0000-0000-4000-8000-000000000001"
    with engine.begin() as connection:
        connection.exec_driver_sql('CREATE SCHEMA "My Shop"')
        connection.exec_driver_sql(
            'CREATE TABLE "My Shop"."Item" (id uuid, "Day" date, price numeric, PRIMARY KEY (id, "Day")) PARTITION BY RANGE ("Day")'
        )
        connection.exec_driver_sql(
            'CREATE TABLE "My Shop".of_2026 PARTITION OF "My Shop"."Item" FOR VALUES FROM (\'2026-01-01\') TO (\'2027-01-01\')'
        )
    tabs = {"Items": TabEvents((Watch("My Shop.Item", key=("id",)),), (), (_TEXT,))}
    installed(engine, tabs)
    report = triggers.check(engine, watched_tables({"Items": tabs["Items"].watches}))
    assert report.warnings == []  # which would keep the doctor from green for ever
    assert [note.partition(" or")[0] for note in report.notes] == ["table My Shop.Item has partitions"]
    with engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO \"My Shop\".\"Item\" VALUES ('{one}', '2026-05-05', 1.5)")
        assert keys(connection, tabs) == {"Items": {one}}
        connection.exec_driver_sql('UPDATE "My Shop"."Item" SET price = 2')
        assert keys(connection, tabs) == {"Items": {one}}
        events.record_event(connection, "My Shop.Item", (one, "2026-05-05"), "by hand")
        assert keys(connection, tabs) == {"Items": {one}}
        connection.exec_driver_sql('DELETE FROM "My Shop"."Item"')
        assert keys(connection, tabs) == {"Items": {one}}
        connection.exec_driver_sql('TRUNCATE "My Shop"."Item"')
        assert keys(connection, tabs) == {"Items": None}
    assert triggers.remove(engine)
    engine.dispose()


def test_a_truncated_table_has_its_tabs_written_as_a_whole(postgresql: sa.Engine):
    triggers.install(postgresql, WATCHED)
    assert triggers.check(postgresql, WATCHED).problems == []
    with postgresql.begin() as connection:
        add_basics(connection)
        keys(connection, TABS)
        connection.exec_driver_sql("TRUNCATE transcript_requests")
        assert keys(connection, TABS) == {"TranscriptRequests": None}
        connection.exec_driver_sql("TRUNCATE quizzes CASCADE")  # and the responses, which refer to them
        due = events.pending(connection)
        assert {(event.entity, event.kind) for event in due} == {("quiz", "truncate"), ("quiz_response", "truncate")}
        assert malformed(due, TABS, {}) == {}
        assert keys(connection, TABS) == dict.fromkeys(("UserProfiles", "course_statistics", "quiz_responses"))
    with postgresql.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE pending_event RENAME TO gone")
        connection.exec_driver_sql("TRUNCATE transcript_requests")  # works all the same
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO pending_event")
        connection.exec_driver_sql("DROP TRIGGER " + _truncating(connection, "users") + " ON users")
    assert "trigger sheets_pipeline_users_truncate" in "; ".join(triggers.check(postgresql, WATCHED).missing)
    triggers.remove(postgresql)
    with postgresql.connect() as connection:
        assert look(connection, WATCHED).functions == {}


def _truncating(connection: sa.Connection, table: str) -> str:
    query = "SELECT tgname FROM pg_trigger WHERE tgname LIKE %s"
    return str(connection.exec_driver_sql(query, (f"sheets_pipeline_{table}_truncate%",)).scalar_one())


def test_a_table_that_nobody_watches_any_more_loses_its_triggers(platform: sa.Engine):
    triggers.install(platform, WATCHED)
    fewer = [table for table in WATCHED if table.name != "users"]
    report = triggers.check(platform, fewer)
    assert {name.split("_")[2] for name in report.unwatched} == {"users"}
    triggers.install(platform, fewer)
    assert triggers.check(platform, fewer).is_complete
    with platform.begin() as connection:
        add_basics(connection)
        assert "user" not in {event.entity for event in events.pending(connection)}


def test_a_table_without_a_primary_key_is_told(engine: sa.Engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE logbook (entry INTEGER)")
    watched = watched_tables({"Log": [Watch("logbook", key=("entry",))]})
    triggers.install(engine, watched)
    [problem] = triggers.check(engine, watched).problems
    assert problem == (
        "table logbook has no primary key, so its changes are not recorded: full syncs show them. Give it one"
    )


def test_a_keys_sql_that_fails_concerns_its_tab_alone(platform: sa.Engine):
    triggers.install(platform, WATCHED)
    broken = Watch("courses", keys_sql="SELECT nothing FROM nowhere WHERE id = :id", entity="course")
    wrong = Watch("courses", keys_sql="SELECT id, id FROM courses WHERE id = :id", entity="course")
    tabs = TABS | {"Broken": TabEvents((broken,), (), (_NUMBER,)), "Wrong": TabEvents((wrong,), (), (_NUMBER,))}
    with platform.begin() as connection:
        add_basics(connection)
        due = events.pending(connection)
        leads_to = touched(connection, due, tabs)
        assert leads_to.keys["course_statistics"] == {"1", "2"}
        assert leads_to.failed.keys() == {"Broken", "Wrong"}
        assert "keys_sql of its watch of courses fails" in leads_to.failed["Broken"]
        assert "has 2 values for 1 key columns" in leads_to.failed["Wrong"]
        assert waiting(connection, tabs)["Broken"].events == 2


def test_a_watch_of_a_column_that_is_not_there_concerns_its_tab_alone(engine: sa.Engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE item (id INTEGER PRIMARY KEY, price INTEGER, note VARCHAR(9))")
    good, lost = Watch("item", key=("id",), columns=("price",)), Watch("item", key=("id",), columns=("note", "gone"))
    wrong = Watch("item", keys_sql="SELECT id FROM item WHERE id = :nr", columns=("price",))
    tabs = {title: TabEvents((watch,), (), (_NUMBER,)) for title, watch in {"A": good, "B": lost, "C": wrong}.items()}
    watched = watched_tables({title: tab.watches for title, tab in tabs.items()})
    triggers.install(engine, watched)
    [problem] = triggers.check(engine, watched).problems
    assert "item.nr, item.gone" in problem
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO item VALUES (1, 5, '')")
        connection.exec_driver_sql("UPDATE item SET price = 6")
        leads_to = touched(connection, events.pending(connection), tabs)
        assert (leads_to.keys, leads_to.unusable) == ({"A": {"1"}, "B": {"1"}}, {})
        assert leads_to.failed == {"C": "Its watch of item names the column nr, which the table does not have"}


def test_a_key_of_several_columns_may_have_a_null_part(engine: sa.Engine):
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE seat (id INTEGER PRIMARY KEY, hall VARCHAR(9), place INTEGER)")
    by_key = Watch("seat", key=("hall", "place"))
    by_query = Watch("seat", keys_sql="SELECT hall, place FROM seat WHERE id = :id")
    tabs = {title: TabEvents((watch,), (), (_TEXT, _NUMBER)) for title, watch in (("A", by_key), ("B", by_query))}
    installed(engine, tabs)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO seat VALUES (1, 'x', NULL), (2, NULL, 7), (3, NULL, NULL)")
        both = {f"x{KEY_SEPARATOR}", f"{KEY_SEPARATOR}7"}
        assert keys(connection, tabs) == {"A": both, "B": both}


_DAY = Column("day", ColumnType.DATE)


@pytest.mark.parametrize(
    ("columns", "key", "of_tab"),
    [
        ((_NUMBER,), "007", {"7"}),
        ((_TEXT,), "007", {"007"}),
        ((Column("d", ColumnType.DECIMAL),), "1.50", {"1.5"}),
        ((_TEXT, _NUMBER), f"x{KEY_SEPARATOR}+1", {f"x{KEY_SEPARATOR}1"}),
        ((_TEXT, _NUMBER), f"x{KEY_SEPARATOR}", {f"x{KEY_SEPARATOR}"}),
        ((_NUMBER,), "abc", {"abc"}),  # the database says what is wrong with it
        ((_DAY,), "2026-05-05", None),
        ((_TEXT, Column("at", ColumnType.DATETIME)), f"x{KEY_SEPARATOR}2026-05-05 10:00:00+02", None),
        ((Column("b", ColumnType.BOOLEAN),), "t", None),
    ],
)
def test_keys_of_events_are_those_of_the_tab_or_its_whole(
    columns: tuple[Column, ...], key: str, of_tab: set[str] | None
):
    assert keys_of_tab(Tab("T", tuple(column.name for column in columns), columns), [key]) == of_tab


def test_too_many_questions_make_it_the_whole_tab(platform: sa.Engine):
    triggers.install(platform, WATCHED)
    with platform.begin() as connection:
        add_basics(connection)
        events.delete(connection, [event.id for event in events.pending(connection)])
        for number in range(MOST_QUERIES + 1):
            held = {"id": number, "user_id": 1, "quiz_id": number}
            events.record_event(connection, "quiz_response", number, "insert", held=held)
        leads_to = touched(connection, events.pending(connection), TABS)
        assert leads_to.keys["course_statistics"] is None
        assert leads_to.keys["UserProfiles"] == {"1"}


def test_pending_events_of_an_earlier_version_stay(platform: sa.Engine):
    with platform.begin() as connection:
        QUEUE.run_after(connection, None, until="0001", catalog=look(connection, WATCHED))
    with platform.begin() as connection:
        add_basics(connection)
        key = platform.dialect.identifier_preparer.quote("key")
        for row in ("'quiz_response', '5', 'quiz_submitted', 2, NULL, 1", "'user', '1', 'user_renamed', 1, NULL, NULL"):
            connection.exec_driver_sql(
                f"INSERT INTO pending_event (entity, {key}, kind, user_id, course_id, quiz_id) VALUES ({row})"
            )
    assert not triggers.check(platform, WATCHED).is_complete
    triggers.install(platform, WATCHED)
    assert triggers.check(platform, WATCHED).problems == []
    with platform.begin() as connection:
        response, renamed = sorted(events.pending(connection))
        assert response.row == {"user_id": "2", "course_id": None, "quiz_id": "1"}
        assert touched(connection, [response], TABS).keys == {
            "UserProfiles": {"2"},
            "course_statistics": {"1"},
            "quiz_responses": {"5"},
        }
        assert touched(connection, [renamed], TABS).keys["UserProfiles"] == {"1"}
        connection.execute(sa.text("update users set email = 'x@example.org' where id = 3"))
        assert max(event.id for event in events.pending(connection)) > renamed.id


def test_what_triggers_of_this_version_have_recorded_stays_when_the_former_columns_go(platform: sa.Engine):
    with platform.begin() as connection:
        QUEUE.run_after(connection, None, until="0002", catalog=look(connection, WATCHED))
    with platform.begin() as connection:
        key = platform.dialect.identifier_preparer.quote("key")
        held = '{"id": "7"}'
        connection.exec_driver_sql(
            f"INSERT INTO pending_event (entity, {key}, held, user_id) VALUES ('user', '7', '{held}', 3)"
        )
    triggers.install(platform, WATCHED)
    with platform.connect() as connection:
        assert [event.row for event in events.pending(connection)] == [{"id": "7"}]


A = Watch("t", key=("id",), columns=("a", "b"))
B = Watch("t", key=("id",), columns=("b",), operations=("update",))
EVERY = Watch("t", key=("id",))


@pytest.mark.parametrize(
    ("watch", "operation", "changed", "hit"),
    [
        (A, "update", ["a"], True),
        (A, "update", ["c"], False),
        (A, "update", ["id"], True),
        (A, "update", None, True),
        (A, "insert", None, True),
        (B, "insert", None, False),
        (B, "delete", None, False),
        (B, "renamed", ["a"], True),  # by hand: nobody knows what it means
        (EVERY, "update", ["z"], True),
        (EVERY, "truncate", None, True),
        (B, "truncate", None, False),
    ],
)
def test_which_events_matter_to_a_watch(watch: Watch, operation: str, changed: list[str] | None, hit: bool):
    assert watch.is_hit(operation, changed) is hit


def test_what_a_table_records_does_not_depend_on_the_order_of_its_watches():
    def recorded(*watches: Watch) -> tuple[object, ...]:
        table = WatchedTable("t", watches)
        return table.needs, table.columns, table.told_apart, table.operations, table.priority

    assert (
        recorded(A, B)
        == recorded(B, A)
        == (("id",), ("a", "b", "id"), ("a", "b", "id"), ["insert", "update", "delete"], 1)
    )
    assert recorded(A) == (("id",), ("a", "b", "id"), (), ["insert", "update", "delete"], 1)
    assert recorded(A, EVERY)[1:3] == ((), ("a", "b", "id"))
    assert recorded(B)[3] == ["update"]


@pytest.mark.parametrize(
    ("declare", "words"),
    [
        (lambda: Watch("t"), "either key or keys_sql"),
        (lambda: Watch("t", key=("id",), keys_sql="select 1"), "either key or keys_sql"),
        (lambda: Watch("t", key=("id",), operations=("upsert",)), "expected some of"),
    ],
)
def test_a_watch_that_makes_no_sense_is_refused(declare: Callable[[], object], words: str):
    with pytest.raises(ValueError, match=words):
        declare()


@pytest.mark.parametrize(("names", "entity"), [(("", ""), "t"), (("", "x"), "x"), (("y", "x"), "x")])
def test_events_of_a_table_have_one_name(names: tuple[str, str], entity: str):
    tabs = {str(n): [Watch("t", ("id",), entity=name)] for n, name in enumerate(names)}
    assert [table.entity for table in watched_tables(tabs)] == [entity]


def test_colons_that_are_no_parameters_are_none():
    sql = "select x::text, '12:30', y from t where id = :id and a=:a and b = :id -- :c"
    sql += """\nand j @> '{"a":true}' and "x:y" = 1 and s[1:n] = :"Order %" and `p:q` = :größe"""
    assert Watch("t", keys_sql=sql).needs == ("id", "a", "Order %", "größe")


def test_tables_whose_names_are_quoted_are_watched_beside_plain_ones(engine: sa.Engine):
    names = ("plain", "Order Line", "select")
    with engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f"CREATE TABLE {quoted(engine.dialect, name)} (id INTEGER PRIMARY KEY)")
    installed(engine, {name: TabEvents((Watch(name, key=("id",)),), (), (_NUMBER,)) for name in names})


def test_keys_sql_may_name_any_column_and_hold_any_text(engine: sa.Engine):
    order, share = (quoted(engine.dialect, name) for name in ("Order No", '50% "off"'))
    with engine.begin() as connection:
        options = {"no_parameters": True}
        text = f"CREATE TABLE item ({order} INTEGER PRIMARY KEY, {share} VARCHAR(9))"
        connection.exec_driver_sql(text, execution_options=options)
    sql = f"SELECT {order} FROM item WHERE {share} NOT LIKE ':x%' AND {share} = "
    sql += ':"50% ""off""" -- :y'
    tabs = {"A": TabEvents((Watch("item", keys_sql=sql),), (), (_NUMBER,))}
    installed(engine, tabs)
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO item VALUES (7, 'half')")
        assert keys(connection, tabs) == {"A": {"7"}}
