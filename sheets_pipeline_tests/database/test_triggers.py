"""Installing, checking, upgrading and removing the event queue, on each kind of database."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import events, one_at_a_time, queue_check, triggers
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline_tests.database.rows import add_basics, submit
from sheets_pipeline_tests.databases import needs_mariadb


def test_installing_twice_changes_nothing_the_second_time(platform: sa.Engine):
    assert "table pending_event is missing" in triggers.install(platform, WATCHED).problems
    assert triggers.check(platform, WATCHED).is_complete
    assert triggers.install(platform, WATCHED).problems == []


def test_removing_leaves_no_trace_and_may_be_repeated(platform: sa.Engine):
    triggers.install(platform, WATCHED)
    assert pending_event.name in triggers.remove(platform)
    assert triggers.remove(platform) == []
    with platform.begin() as connection:
        add_basics(connection)
    assert not sa.inspect(platform).has_table(pending_event.name)
    assert not triggers.check(platform, WATCHED).is_complete


def test_a_trigger_of_another_version_is_replaced_and_events_stay(platform: sa.Engine):
    triggers.install(platform, WATCHED)
    with platform.begin() as connection:
        add_basics(connection)
        before = events.count(connection)
    _age_one_trigger(platform)
    report = triggers.check(platform, WATCHED)
    assert len(report.missing) == 1
    assert len(report.outdated) == 1
    assert "is of another version" in " ".join(report.problems)
    triggers.install(platform, WATCHED)
    assert triggers.check(platform, WATCHED).is_complete
    with platform.begin() as connection:
        assert events.count(connection) == before
        submit(connection)
        assert events.count(connection) == before + 1


def _age_one_trigger(engine: sa.Engine) -> None:
    """Leave the trigger for new responses under a name that an older version would have given it."""
    with engine.connect() as connection:
        found = queue_check.look(connection, WATCHED).triggers
    name = next(known.name for known in found if "quiz_responses_insert" in known.name)
    with engine.begin() as connection:
        _rename(connection, name)


def _rename(connection: sa.Connection, name: str) -> None:
    old = f"{name[:-8]}00000000"
    dialect = connection.dialect.name
    if dialect == "postgresql":
        connection.exec_driver_sql(f"ALTER TRIGGER {name} ON quiz_responses RENAME TO {old}")
        connection.exec_driver_sql(f"ALTER FUNCTION {name}() RENAME TO {old}")
        return
    query = {"sqlite": f"SELECT sql FROM sqlite_master WHERE name = '{name}'"}
    body = connection.exec_driver_sql(query.get(dialect, f"SHOW CREATE TRIGGER {name}")).one()
    text = str(body[0] if dialect == "sqlite" else body[2])
    connection.exec_driver_sql(f"DROP TRIGGER {name}")
    connection.exec_driver_sql(text.replace(name, old))


def test_a_column_that_an_older_version_lacked_is_added(platform: sa.Engine):
    triggers.install(platform, WATCHED)
    with platform.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE pending_event DROP COLUMN reason")
    assert triggers.check(platform, WATCHED).problems == ["column pending_event.reason is missing"]
    triggers.install(platform, WATCHED)
    assert triggers.check(platform, WATCHED).is_complete


def test_a_sequence_without_a_cache_as_an_older_version_made_it_gets_one(postgresql: sa.Engine):
    triggers.install(postgresql, WATCHED)
    with postgresql.begin() as connection:
        connection.exec_driver_sql("ALTER SEQUENCE pending_event_id_seq CACHE 1")
    assert triggers.check(postgresql, WATCHED).problems == ["cache of the sequence of pending_event.id is missing"]
    triggers.install(postgresql, WATCHED)
    assert triggers.check(postgresql, WATCHED).is_complete


def test_events_are_ordered_by_age_whatever_numbers_their_sessions_took(postgresql: sa.Engine):
    triggers.install(postgresql, WATCHED)
    with postgresql.begin() as connection:
        add_basics(connection)
        connection.execute(sa.delete(pending_event))
    with postgresql.connect() as early, postgresql.connect() as late:
        for connection in (early, late, early):
            with connection.begin():
                submit(connection)
        with late.begin():
            due = events.pending(late)
    assert [event.id for event in due] != sorted(event.id for event in due)
    assert [int(event.key) for event in due] == sorted(int(event.key) for event in due)


def test_a_disabled_trigger_is_reported_and_enabled_again(postgresql: sa.Engine):
    triggers.install(postgresql, WATCHED)
    with postgresql.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE quiz_responses DISABLE TRIGGER USER")
    assert len(triggers.check(postgresql, WATCHED).disabled) == 4
    triggers.install(postgresql, WATCHED)
    assert triggers.check(postgresql, WATCHED).is_complete


def test_several_installers_at_once_install_once(platform: sa.Engine):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: triggers.install(platform, WATCHED), range(4)))
    assert triggers.check(platform, WATCHED).is_complete


def test_a_watched_table_that_is_missing_is_told_and_stops_no_other(platform: sa.Engine):
    with platform.begin() as connection:
        connection.exec_driver_sql("DROP TABLE transcript_requests")
    triggers.install(platform, WATCHED)
    [problem] = triggers.check(platform, WATCHED).problems
    assert problem.startswith("table transcript_requests is missing")
    with platform.begin() as connection:
        add_basics(connection)
        assert events.count(connection) > 0


def test_a_table_held_by_a_long_transaction_is_not_waited_for(postgresql: sa.Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(one_at_a_time, "TOTAL_SECONDS", 0.3)
    with postgresql.begin() as connection:
        add_basics(connection)
        with pytest.raises(DatabaseError, match="long transaction") as caught:
            triggers.install(postgresql, WATCHED)
    assert not caught.value.needs_person
    triggers.install(postgresql, WATCHED)


def test_a_user_who_may_only_write_the_platforms_tables_records_events(postgresql: sa.Engine):
    triggers.install(postgresql, WATCHED)
    with postgresql.begin() as connection:
        add_basics(connection)
        connection.exec_driver_sql("DROP ROLE IF EXISTS writer_only")
        connection.exec_driver_sql("CREATE ROLE writer_only")
        connection.exec_driver_sql("GRANT INSERT ON quiz_responses TO writer_only")
        connection.exec_driver_sql("GRANT USAGE ON SEQUENCE quiz_responses_id_seq TO writer_only")
        before = events.count(connection)
    with postgresql.connect() as connection:
        connection.exec_driver_sql("SET ROLE writer_only")
        connection.exec_driver_sql("SET search_path = pg_catalog")
        connection.exec_driver_sql(
            "INSERT INTO public.quiz_responses (user_id, quiz_id, submitted_at) VALUES (1, 1, now())"
        )
        connection.exec_driver_sql("RESET ROLE; RESET search_path")
        assert events.count(connection) == before + 1
        connection.rollback()
        connection.exec_driver_sql("DROP OWNED BY writer_only; DROP ROLE writer_only")
        connection.commit()


@needs_mariadb
@pytest.mark.xdist_group("mariadb")
def test_a_long_statement_of_the_application_holds_up_no_other(mariadb: sa.Engine):
    with mariadb.begin() as connection:
        add_basics(connection)  # three learners
    triggers.install(mariadb, WATCHED)

    def long() -> None:
        with mariadb.begin() as connection:
            where = "IF(id = 1, TRUE, GET_LOCK('long', 60))"
            connection.exec_driver_sql(f"UPDATE users SET email = 'x@example.org' WHERE {where}")

    waits = "SELECT count(*) FROM information_schema.processlist WHERE state = 'User lock'"
    with ThreadPoolExecutor(1) as pool, mariadb.connect() as holder:
        assert holder.exec_driver_sql("SELECT GET_LOCK('long', 0)").scalar() == 1
        running = pool.submit(long)  # one learner's event is recorded, the next one's is not
        assert wait_until(lambda: holder.exec_driver_sql(waits).scalar() == 1, seconds=30)
        with mariadb.begin() as connection:
            connection.exec_driver_sql("UPDATE courses SET title = 'other'")
        assert not running.done()
        holder.exec_driver_sql("SELECT RELEASE_LOCK('long')")
        running.result(timeout=30)
    with mariadb.connect() as connection:
        assert len(events.pending(connection)) == 5
