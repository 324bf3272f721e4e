"""Nobody gains rights through the queue itself: what hangs on it, what stands in its place, who looks at it."""

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import queue_check, triggers
from sheets_pipeline.database.engine import connect
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline_tests.database.attacker import act_as, engine_of, functions, loot, run
from sheets_pipeline_tests.database.rows import submit

_BITE = (
    "CREATE FUNCTION evil.bite() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM evil.note(); RETURN NEW; END'",
    "CREATE TRIGGER bite BEFORE INSERT ON public.pending_event FOR EACH ROW EXECUTE FUNCTION evil.bite()",
)
_QUEUE = (
    "CREATE TABLE public.pending_event (id bigserial primary key, entity text, key text, kind text default '', "
    "priority int default 1, created_at timestamptz default now(), user_id bigint, course_id bigint, quiz_id bigint, "
    "attempts int default 0, set_aside_at timestamptz, reason text, retry_at timestamptz, waits_for text)"
)


def _hand_over(engine: sa.Engine, role: str) -> None:
    run(engine, *(f"ALTER TABLE {table} OWNER TO {role}" for table in (watched.name for watched in WATCHED)))


@pytest.mark.parametrize("whom", ["attacker", "PUBLIC"])
def test_who_is_given_all_rights_on_tables_hangs_no_trigger_on_the_queue(database: sa.Engine, whom: str):
    run(database, f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {whom}")
    triggers.install(database, WATCHED)
    run(database, f"ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {whom}")
    assert triggers.check(database, WATCHED).is_complete
    with pytest.raises(DatabaseError, match="permission denied for table pending_event"):
        act_as(database, "attacker", *_BITE)
    run(database, f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {whom}")
    assert (
        f"{whom} may create triggers on pending_event or foreign keys to it"
        in triggers.check(database, WATCHED).problems[0]
    )
    triggers.install(database, WATCHED)
    assert triggers.check(database, WATCHED).is_complete
    with pytest.raises(DatabaseError, match="permission denied for table pending_event"):
        act_as(database, "attacker", *_BITE)


def test_a_trigger_of_others_on_the_queue_is_told_with_what_to_do(database: sa.Engine):
    triggers.install(database, WATCHED)
    run(database, "GRANT TRIGGER ON pending_event TO attacker")
    act_as(database, "attacker", *_BITE)
    triggers.install(database, WATCHED)
    [problem] = triggers.check(database, WATCHED).problems
    assert problem.startswith("trigger bite on pending_event calls a function of attacker")
    run(database, problem.split(": ")[1].split(" if ")[0])
    assert triggers.check(database, WATCHED).is_complete


@pytest.mark.parametrize("body", ["RESET ROLE", "SET ROLE postgres", "SET SESSION AUTHORIZATION postgres"])
def test_who_checks_lends_no_rights_to_the_owner_of_the_queue(database: sa.Engine, body: str):
    """A superuser checks and installs where a role without rights owns the application's tables, and so the queue."""
    _hand_over(database, "attacker")
    triggers.install(database, WATCHED)
    run(database, "CREATE SEQUENCE public.witness", "REVOKE ALL ON SEQUENCE public.witness FROM PUBLIC")
    bite = f"$f$BEGIN {body}; PERFORM nextval('public.witness'); RETURN NEW; END$f$"
    act_as(database, "attacker", _BITE[0].replace("'BEGIN PERFORM evil.note(); RETURN NEW; END'", bite), _BITE[1])
    assert "no event can be recorded" in triggers.check(database, WATCHED).problems[0]
    triggers.install(database, WATCHED)
    with database.connect() as connection:  # numbers that were drawn stay drawn, whatever is taken back
        assert not connection.exec_driver_sql("SELECT is_called FROM public.witness").scalar()


def test_who_checks_waits_for_nobody_for_ever(database: sa.Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sheets_pipeline.database.queue_trial.TRIAL_SECONDS", 0.2)
    _hand_over(database, "attacker")
    triggers.install(database, WATCHED)
    bite = _BITE[0].replace("PERFORM evil.note()", "PERFORM pg_sleep(60)")
    act_as(database, "attacker", bite, _BITE[1])
    assert "statement timeout" in triggers.check(database, WATCHED).problems[0]


_IN_THE_WAY = {
    "view": "CREATE VIEW public.pending_event AS SELECT 1 AS id, ''::text AS entity, ''::text AS key, ''::text AS kind, "
    "1 AS priority, now() AS created_at, 1 AS user_id, 1 AS course_id, 1 AS quiz_id",
    "materialized view": "CREATE MATERIALIZED VIEW public.pending_event AS SELECT 1 AS id",
    "sequence": "CREATE SEQUENCE public.pending_event",
    "type": "CREATE TYPE public.pending_event AS (id bigint)",
}


@pytest.mark.parametrize("kind", _IN_THE_WAY)
def test_what_stands_in_the_queues_place_is_refused_by_name(database: sa.Engine, kind: str):
    run(database, "GRANT CREATE ON SCHEMA public TO attacker")
    act_as(database, "attacker", _IN_THE_WAY[kind])
    if kind == "view":
        act_as(database, "attacker", _BITE[0], _BITE[1].replace("BEFORE", "INSTEAD OF"))
    with pytest.raises(DatabaseError, match=f"A {kind} of attacker stands where the table pending_event belongs"):
        triggers.install(database, WATCHED)
    assert f"a {kind} of attacker" in triggers.check(database, WATCHED).problems[0]
    with database.begin() as connection:
        submit(connection)
    assert loot(database) == set()


def test_what_is_put_in_the_queues_place_while_installing_is_not_written(
    database: sa.Engine, monkeypatch: pytest.MonkeyPatch
):
    """Between the look at the whole and the turn of a table."""
    run(database, "GRANT CREATE ON SCHEMA public TO attacker")
    before = triggers.check(database, WATCHED)
    act_as(database, "attacker", _IN_THE_WAY["view"], _BITE[0], _BITE[1].replace("BEFORE", "INSTEAD OF"))
    monkeypatch.setattr(triggers, "check", lambda _engine, _watched: before)
    with pytest.raises(DatabaseError, match="A view of attacker"):
        triggers.install(database, WATCHED)
    with database.begin() as connection:
        submit(connection)
    assert loot(database) == set()


def test_a_queue_of_whoever_owns_one_of_many_tables_is_refused(database: sa.Engine):
    """Who owns the queue owns its functions, and could have them run with the rights of all who write any table."""
    run(database, "GRANT CREATE ON SCHEMA public TO attacker", "ALTER TABLE quizzes OWNER TO attacker")
    hang = (
        "CREATE FUNCTION public.sheets_pipeline_quizzes_update_0() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER sheets_pipeline_quizzes_update_0 AFTER UPDATE ON quizzes EXECUTE FUNCTION "
        "public.sheets_pipeline_quizzes_update_0()",
    )
    act_as(database, "attacker", _QUEUE, *hang)
    with pytest.raises(DatabaseError, match="belongs to attacker, who does not own all of the application's tables"):
        triggers.install(database, WATCHED)


def test_functions_of_ours_off_the_search_path_are_closed_and_what_hangs_on_them_is_told(database: sa.Engine):
    run(
        database,
        "CREATE SCHEMA IF NOT EXISTS earlier; GRANT USAGE ON SCHEMA earlier TO PUBLIC",
        "CREATE FUNCTION earlier.sheets_pipeline_users_insert_0() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS "
        "'BEGIN PERFORM CAST(r.id AS pg_catalog.text) FROM new_rows r; RETURN NULL; END'",
    )
    hang = (
        "CREATE TRIGGER x AFTER INSERT ON evil.{0} REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT "
        "EXECUTE FUNCTION earlier.sheets_pipeline_users_insert_0()"
    )
    act_as(
        database,
        "attacker",
        "CREATE TABLE evil.t (id evil.thing)",
        "CREATE TABLE evil.u (id evil.thing)",
        hang.format("t"),
    )
    assert any(
        "earlier.sheets_pipeline_users_insert_0, left" in problem
        for problem in triggers.check(database, WATCHED).problems
    )
    triggers.install(database, WATCHED)
    with pytest.raises(DatabaseError, match="permission denied for function"):
        act_as(database, "attacker", hang.format("u"))
    [problem] = triggers.check(database, WATCHED).problems
    assert problem.startswith("trigger x on evil.t calls a function of ours")
    run(database, problem.split(": ")[1])
    assert triggers.check(database, WATCHED).is_complete
    run(database, "DROP SCHEMA earlier CASCADE")


def test_functions_and_operators_on_the_path_are_not_used_by_whoever_connects_and_installs(database: sa.Engine):
    """PostgreSQL takes what fits the types best, wherever on the path it is. What is drawn of a sequence stays drawn."""
    run(database, "GRANT CREATE ON SCHEMA public TO attacker")
    bite = "LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''evil.witness''); RETURN {0}; END'"
    act_as(
        database,
        "attacker",
        "CREATE SEQUENCE evil.witness",
        f"CREATE FUNCTION public.pg_advisory_xact_lock(integer) RETURNS integer {bite.format('1')}",
        f"CREATE FUNCTION public.pg_try_advisory_xact_lock(integer) RETURNS boolean {bite.format('true')}",
        f"CREATE FUNCTION public.same(oid, regtype) RETURNS boolean {bite.format('false')}",
        "CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regtype, FUNCTION = public.same)",
    )
    fresh = connect(database.url)  # looks at the server anew
    triggers.install(fresh, WATCHED)
    fresh.dispose()
    with database.connect() as connection:
        assert not connection.exec_driver_sql("SELECT is_called FROM evil.witness").scalar()


def test_a_routine_of_a_functions_name_is_not_in_the_way(database: sa.Engine):
    triggers.install(database, WATCHED)
    names = [function.split(".")[1] for function in functions(database)]
    triggers.remove(database)
    run(database, "GRANT CREATE ON SCHEMA public TO attacker")
    act_as(database, "attacker", *(f"CREATE PROCEDURE public.{name}() LANGUAGE sql AS ''" for name in names))
    triggers.install(database, WATCHED)
    assert triggers.check(database, WATCHED).is_complete


def test_a_schema_that_is_open_to_everybody_is_a_warning(database: sa.Engine):
    triggers.install(database, WATCHED)
    assert triggers.check(database, WATCHED).warnings == []
    run(database, "GRANT CREATE ON SCHEMA public TO PUBLIC")
    report = triggers.check(database, WATCHED)
    assert report.is_complete
    assert "REVOKE CREATE ON SCHEMA public FROM PUBLIC" in report.warnings[0]


def test_a_strangers_schema_on_the_path_is_a_warning_and_that_of_the_owner_is_none(database: sa.Engine):
    _hand_over(database, "app_owner")
    triggers.install(database, WATCHED)
    run(database, "GRANT CREATE ON SCHEMA public TO app_owner")
    assert triggers.check(database, WATCHED).warnings == []
    run(database, "GRANT CREATE ON SCHEMA public TO app_writer")
    [granted] = triggers.check(database, WATCHED).warnings
    assert granted.startswith("app_writer may create objects in schema public")
    run(database, "CREATE SCHEMA plain AUTHORIZATION attacker")  # nothing was granted there
    with database.connect() as connection:
        connection.exec_driver_sql("SET LOCAL search_path = plain, public")
        owned = queue_check.compare(connection, WATCHED).warnings[0]
    assert owned.startswith("attacker may create objects in schema plain")


@pytest.mark.parametrize("columns", ["", "(id)"])
def test_nobody_else_refers_to_the_queue(database: sa.Engine, columns: str):
    """A foreign key keeps events from being deleted, and what is deferred ran with the rights of whoever deletes."""
    triggers.install(database, WATCHED)
    refer = "CREATE TABLE evil.{0} (id bigint REFERENCES public.pending_event ON DELETE CASCADE)"
    run(database, f"GRANT REFERENCES {columns} ON pending_event TO attacker")
    act_as(database, "attacker", refer.format("one"))
    told, referring = triggers.check(database, WATCHED).problems
    assert told.startswith("attacker may create triggers on pending_event or foreign keys to it")
    triggers.install(database, WATCHED)
    with pytest.raises(DatabaseError, match="permission denied for table pending_event"):
        act_as(database, "attacker", refer.format("two"))
    assert triggers.check(database, WATCHED).problems == [referring]
    run(database, referring.split(": ")[1])
    assert triggers.check(database, WATCHED).is_complete


def test_without_a_queue_no_trigger_is_made(database: sa.Engine, monkeypatch: pytest.MonkeyPatch):
    """Whoever may create tables could put one there that has code of theirs run with the rights of the installer."""
    monkeypatch.setattr(triggers, "amend_queue", lambda _connection, _found: None)
    with pytest.raises(DatabaseError, match="Table pending_event is missing"):
        triggers.install(database, WATCHED)
    assert functions(database) == []


def test_a_function_of_a_strangers_keeps_nobody_from_installing(database: sa.Engine):
    """Who installs is no superuser and may not drop it."""
    _hand_over(database, "app_owner")
    run(database, "GRANT CREATE ON SCHEMA public TO attacker, app_owner")
    act_as(
        database,
        "attacker",
        "CREATE FUNCTION public.\"sheets_pipeline_%%s\"() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    )
    owner = engine_of(database, "app_owner")
    triggers.install(owner, WATCHED)
    left = [f'function public."sheets_pipeline_{end}' for end in ('%s" may be', '%s" is left', '%s" runs with')]
    assert all(problem.startswith(tuple(left)) for problem in triggers.check(owner, WATCHED).problems)
    owner.dispose()
