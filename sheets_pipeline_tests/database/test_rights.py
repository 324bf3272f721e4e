"""Nobody gains rights through what we install: an attacker's SQL against an installation, on PostgreSQL.

The attacker is a login that may connect and make temporary tables; where a test says so, it may do more. Whatever of
theirs is executed notes with whose rights in ``loot``.
"""

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import events, queue_check, triggers
from sheets_pipeline.database.engine import connect
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform.tables import platform_metadata
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline_tests.database.attacker import act_as, engine_of, functions, loot
from sheets_pipeline_tests.database.rows import add_basics, submit

_HANG = {
    "a temporary table": ["CREATE TEMP TABLE t (id evil.thing, user_id evil.thing, quiz_id evil.thing)"],
    "a table of their schema": ["CREATE TABLE evil.t (id evil.thing, user_id evil.thing, quiz_id evil.thing)"],
    "a table of the application's name": ["CREATE TABLE evil.quiz_responses (id evil.thing, user_id int, quiz_id int)"],
    "a partitioned table": ["CREATE TABLE evil.t (id evil.thing, n int) PARTITION BY LIST (n)"],
}


@pytest.mark.parametrize("variant", _HANG)
def test_nobody_can_hang_our_functions_on_a_table_of_theirs(database: sa.Engine, variant: str):
    triggers.install(database, WATCHED)
    table = "t" if "TEMP" in _HANG[variant][0] else _HANG[variant][0].split()[2]
    for function in functions(database):
        hang = (
            f"CREATE TRIGGER x AFTER INSERT ON {table} REFERENCING NEW TABLE AS new_rows "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )
        with pytest.raises(DatabaseError, match="permission denied for function"):
            act_as(database, "attacker", *_HANG[variant], hang, f"INSERT INTO {table} (id) VALUES (ROW(1))")
    assert loot(database) == set()


def test_default_privileges_open_no_function(database: sa.Engine):
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO attacker, PUBLIC")
    triggers.install(database, WATCHED)
    assert triggers.check(database, WATCHED).problems == []
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM attacker")
        open_ones = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_proc WHERE proname LIKE 'sheets_pipeline%%' "
            "AND has_function_privilege('attacker', oid, 'EXECUTE')"
        ).scalar()
    assert open_ones == 0


def test_an_opened_function_is_told_and_closed_without_touching_its_table(database: sa.Engine):
    triggers.install(database, WATCHED)
    function = functions(database)[0]
    with database.begin() as connection:
        connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {function}() TO PUBLIC")
        connection.exec_driver_sql(f"GRANT EXECUTE ON FUNCTION {function}() TO attacker WITH GRANT OPTION")
    assert f"function {function} may be executed by PUBLIC, attacker" in triggers.check(database, WATCHED).problems[0]
    with database.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE quiz_responses, users, courses IN ROW EXCLUSIVE MODE")
        triggers.install(database, WATCHED)
    assert triggers.check(database, WATCHED).is_complete


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("INSERT INTO users (id, full_name, joined_at) VALUES (ROW(9), ROW(9), now())", id="insert"),
        pytest.param("UPDATE users SET email = 'x'", id="update"),
        pytest.param("UPDATE users SET full_name = ROW(8)", id="update of an evil column"),
        pytest.param("UPDATE users SET id = ROW(10)", id="update of an evil key"),
        pytest.param("DELETE FROM users", id="delete"),
    ],
)
def test_who_owns_a_table_of_the_application_gains_nothing_by_a_type_of_theirs(database: sa.Engine, statement: str):
    triggers.install(database, WATCHED)
    with database.begin() as connection:
        connection.exec_driver_sql(
            "TRUNCATE quiz_responses, transcript_requests, enrollments, course_completions, users CASCADE"
        )
        for constraint in ("quiz_responses", "enrollments", "course_completions", "transcript_requests"):
            connection.exec_driver_sql(f"ALTER TABLE {constraint} DROP CONSTRAINT fk_{constraint}_user_id")
        connection.exec_driver_sql("ALTER TABLE users OWNER TO attacker; GRANT CREATE ON SCHEMA public TO attacker")
    act_as(
        database,
        "attacker",
        "ALTER TABLE users DROP CONSTRAINT pk_users, ALTER COLUMN id DROP DEFAULT",
        "ALTER TABLE users ALTER COLUMN id TYPE evil.thing USING ROW(id)::evil.thing",
        "ALTER TABLE users ALTER COLUMN full_name TYPE evil.thing USING NULL",
        "INSERT INTO users (id, full_name, joined_at) VALUES (ROW(7), ROW(7), now())",
    )
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM evil.loot")
        connection.exec_driver_sql("GRANT ALL ON users TO app_writer")
    act_as(database, "app_writer", "SET LOCAL search_path = evil, public, pg_catalog", statement)
    assert loot(database) <= {"attacker", "app_writer"}


def test_a_queue_that_a_stranger_made_first_is_refused(database: sa.Engine):
    with database.begin() as connection:
        connection.exec_driver_sql("GRANT CREATE ON SCHEMA public TO PUBLIC")
    act_as(
        database,
        "attacker",
        "CREATE TABLE public.pending_event (id bigserial primary key, entity text, key text, kind text, priority int, "
        "created_at timestamptz, user_id bigint, course_id bigint, quiz_id bigint)",
        "CREATE FUNCTION public.bite() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM evil.note(); RETURN NEW; END'",
        "CREATE TRIGGER bite BEFORE INSERT ON public.pending_event FOR EACH ROW EXECUTE FUNCTION public.bite()",
    )
    with pytest.raises(DatabaseError, match="pending_event belongs to attacker"):
        triggers.install(database, WATCHED)
    assert "pending_event belongs to attacker" in triggers.check(database, WATCHED).problems[0]
    with database.begin() as connection:
        submit(connection)
    assert loot(database) == set()


def test_a_function_that_a_stranger_made_first_is_not_used(database: sa.Engine):
    triggers.install(database, WATCHED)
    names = [function.split(".")[1] for function in functions(database)]
    triggers.remove(database)
    with database.begin() as connection:
        connection.exec_driver_sql("GRANT CREATE ON SCHEMA public TO PUBLIC")
    for name in names:
        body = "BEGIN PERFORM evil.note(); RETURN NULL; END"
        create = f"CREATE FUNCTION public.{name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS '{body}'"
        act_as(database, "attacker", create)
    triggers.install(database, WATCHED)
    assert triggers.check(database, WATCHED).is_complete
    with database.begin() as connection:
        submit(connection)
    assert loot(database) == set()


def test_operators_in_a_schema_on_the_path_are_not_used_by_check_and_install(database: sa.Engine):
    with database.begin() as connection:
        connection.exec_driver_sql("GRANT CREATE ON SCHEMA public TO PUBLIC")
    bite = "CREATE FUNCTION public.bite_{0}({1}, {2}) RETURNS boolean LANGUAGE sql AS 'SELECT evil.note(); SELECT true'"
    operator = "CREATE OPERATOR public.{3} (LEFTARG = {1}, RIGHTARG = {2}, FUNCTION = public.bite_{0})"
    kinds = [("a", "name", "name", "="), ("b", "name", "name", "~~"), ("c", "name", "text", "="), ("d", "name", "varchar", "="),
             ("e", '"char"', "text", "="), ("f", "oid", "int", "="), ("g", "text", "varchar", "||"), ("h", "name", "varchar", "~~")]  # fmt: skip
    for kind in kinds:
        act_as(database, "attacker", bite.format(*kind), operator.format(*kind))
    triggers.install(database, WATCHED)
    triggers.check(database, WATCHED)
    triggers.remove(database)
    assert loot(database) == set()


#: As it was installed before functions were closed, shortened to what the attack needs.
_BEFORE = """
    CREATE FUNCTION public.sheets_pipeline_users_insert_00000000() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
    INSERT INTO public.pending_event (entity, key, kind, priority, created_at)
        SELECT 'user', CAST(r.id AS pg_catalog.text), 'k', 1, pg_catalog.clock_timestamp() FROM new_rows r;
    RETURN NULL;
    END $$;
    CREATE TRIGGER sheets_pipeline_users_insert_00000000 AFTER INSERT ON public.users REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION public.sheets_pipeline_users_insert_00000000();
"""
_HUNG = (
    "CREATE TABLE evil.t (id evil.thing)",
    "CREATE TRIGGER x AFTER INSERT ON evil.t REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT "
    "EXECUTE FUNCTION public.sheets_pipeline_users_insert_00000000()",
    "INSERT INTO evil.t VALUES (ROW(1))",
)


@pytest.mark.parametrize("holds", [False, True], ids=["", "while the attacker holds their table"])
def test_installing_ends_an_attack_that_had_worked(database: sa.Engine, holds: bool):
    triggers.install(database, WATCHED)
    with database.begin() as connection:
        connection.exec_driver_sql(_BEFORE)
    act_as(database, "attacker", *_HUNG)
    assert loot(database) == {"postgres"}  # this is what it was like
    assert any("PUBLIC" in problem for problem in triggers.check(database, WATCHED).problems)
    with database.connect() as holder:
        if holds:
            holder.exec_driver_sql("SET ROLE attacker")
            holder.exec_driver_sql("LOCK TABLE evil.t IN ACCESS SHARE MODE")
        triggers.install(database, WATCHED)
        holder.rollback()
        holder.exec_driver_sql("RESET ROLE")
        holder.commit()
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM evil.loot")
    act_as(database, "attacker", "INSERT INTO evil.t VALUES (ROW(1))")
    assert loot(database) == set()
    triggers.install(database, WATCHED)
    assert triggers.check(database, WATCHED).is_complete


def test_functions_run_with_the_rights_of_the_tables_owner_not_of_a_superuser(database: sa.Engine):
    with database.begin() as connection:
        for table in (watched.name for watched in WATCHED):
            connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO app_owner")
    triggers.install(database, WATCHED)
    assert triggers.check(database, WATCHED).is_complete
    with database.begin() as connection:
        found = queue_check.look(connection, WATCHED)
        assert {function.owner for function in found.functions.values()} == {"app_owner"}
        assert found.place.owners["pending_event"].name == "app_owner"
    function = next(name for name in found.functions if "quiz_responses_insert" in name)
    with database.begin() as connection:
        connection.exec_driver_sql(f"ALTER FUNCTION {function}() OWNER TO postgres")
    assert "runs with the rights of postgres, not of app_owner" in triggers.check(database, WATCHED).problems[0]
    triggers.install(database, WATCHED)
    assert triggers.check(database, WATCHED).is_complete


def test_a_changed_function_or_trigger_is_told_and_put_right(database: sa.Engine):
    triggers.install(database, WATCHED)
    function = next(name for name in functions(database) if "users_insert" in name)
    changes = [
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        "SET search_path = pg_catalog, pg_temp AS 'BEGIN RETURN NULL; END'",
        f"ALTER FUNCTION {function}() SECURITY INVOKER",
        f"ALTER FUNCTION {function}() SET search_path = public",
        f"ALTER FUNCTION {function}() RESET ALL",
        f"DROP TRIGGER {function.split('.')[1]} ON users; CREATE TRIGGER {function.split('.')[1]} AFTER INSERT ON users "
        f"REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT WHEN (false) EXECUTE FUNCTION {function}()",
        f"CREATE TRIGGER mine AFTER INSERT ON enrollments REFERENCING NEW TABLE AS new_rows "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
    ]
    for change in changes:
        with database.begin() as connection:
            connection.exec_driver_sql(change)
        assert not triggers.check(database, WATCHED).is_complete, change
        triggers.install(database, WATCHED)
        assert triggers.check(database, WATCHED).is_complete, change


def test_the_least_rights_that_are_documented_are_enough(database: sa.Engine):
    """docs/run/rights.md: the owner of the tables installs, the application writes, the pipeline reads and takes events."""
    with database.begin() as connection:
        for table in (watched.name for watched in WATCHED):
            connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO app_owner")
        connection.exec_driver_sql("GRANT CREATE, USAGE ON SCHEMA public TO app_owner")
        connection.exec_driver_sql("GRANT INSERT ON quiz_responses TO app_writer")
        connection.exec_driver_sql("GRANT USAGE ON SEQUENCE quiz_responses_id_seq TO app_writer")
    owner, pipeline = (engine_of(database, role) for role in ("app_owner", "pipeline_role"))
    triggers.install(owner, WATCHED)
    assert triggers.check(owner, WATCHED).is_complete
    act_as(database, "app_owner", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO pipeline_role")
    assert "may not take events off the queue" in triggers.check(pipeline, WATCHED).problems[0]
    act_as(database, "app_owner", "GRANT SELECT, UPDATE, DELETE ON pending_event TO pipeline_role")
    assert triggers.check(pipeline, WATCHED).is_complete
    act_as(database, "app_writer", "INSERT INTO quiz_responses (user_id, quiz_id, submitted_at) VALUES (1, 1, now())")
    with pipeline.begin() as connection:
        taken = events.pending(connection)
        assert [event.entity for event in taken] == ["quiz_response"]
        events.record_failure(connection, [taken[0].id], "why", 5)
        assert events.delete(connection, [taken[0].id]) == 1
    for engine in (owner, pipeline):
        engine.dispose()


@pytest.mark.xdist_group("mariadb")
def test_the_least_rights_that_are_documented_are_enough_on_mariadb(mariadb_url: sa.URL):
    root = connect(mariadb_url)
    with root.begin() as connection:
        connection.exec_driver_sql("CREATE DATABASE rights CHARACTER SET utf8mb4")
        for user in ("installer", "writer", "pipeline"):
            connection.exec_driver_sql(f"CREATE USER {user}@localhost IDENTIFIED BY 'secret-of-{user}'")
    url = mariadb_url.set(database="rights")
    admin, installer, writer, pipeline = (
        connect(url),
        *(
            connect(url.set(username=user, password=f"secret-of-{user}"))
            for user in ("installer", "writer", "pipeline")
        ),
    )
    platform_metadata.create_all(admin)
    with admin.begin() as connection:
        add_basics(connection)
        given = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, TRIGGER"
        connection.exec_driver_sql(f"GRANT {given} ON rights.* TO installer@localhost")
        connection.exec_driver_sql("GRANT INSERT ON rights.quiz_responses TO writer@localhost")
        connection.exec_driver_sql("GRANT SELECT ON rights.* TO pipeline@localhost")
    triggers.install(installer, WATCHED)
    assert triggers.check(installer, WATCHED).is_complete
    with admin.begin() as connection:
        connection.exec_driver_sql("GRANT UPDATE, DELETE ON rights.pending_event TO pipeline@localhost")
    with writer.begin() as connection:
        connection.exec_driver_sql(
            "INSERT INTO quiz_responses (user_id, quiz_id, submitted_at) VALUES (1, 1, '2026-10-01')"
        )
    with pipeline.begin() as connection:
        [taken] = events.pending(connection)
        events.record_failure(connection, [taken.id], "why", 5)
        assert events.delete(connection, [taken.id]) == 1
    triggers.remove(installer)
    with admin.begin() as connection:
        connection.exec_driver_sql("DROP DATABASE rights")
        connection.exec_driver_sql("DROP USER installer@localhost, writer@localhost, pipeline@localhost")
    for engine in (root, admin, installer, writer, pipeline):
        engine.dispose()
