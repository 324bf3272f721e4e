"""Whatever becomes of the queue or of the columns that triggers read: the application's statements work, and it is told."""

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import events, one_at_a_time, triggers
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.queue_check import Catalog, look
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform.tables import platform_metadata
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline.sync.watch import WatchedTable
from sheets_pipeline_tests.database.rows import add_basics, submit

#: What people do to the queue → what the check says. PostgreSQL.
_QUEUE = {
    "DROP TABLE pending_event": "table pending_event is missing",
    "ALTER TABLE pending_event RENAME TO gone": "table pending_event is missing",
    "ALTER TABLE pending_event SET SCHEMA elsewhere": "table pending_event is missing",
    "ALTER TABLE pending_event RENAME COLUMN key TO id_of_it": "column pending_event.key is missing",
    "ALTER TABLE pending_event DROP COLUMN held": "column pending_event.held is missing",
    "ALTER TABLE pending_event ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY": "NO FORCE ROW LEVEL SECURITY",
    "ALTER TABLE pending_event ADD COLUMN tenant int NOT NULL": "violates not-null constraint",
    "ALTER TABLE pending_event ALTER COLUMN reason SET NOT NULL": "violates not-null constraint",
    "ALTER TABLE pending_event ADD CHECK (kind = 'mine') NOT VALID": "violates check constraint",
    "ALTER TABLE pending_event ALTER COLUMN key TYPE integer USING 1, ADD CHECK (key > 5) NOT VALID": "violates check",
    "CREATE UNIQUE INDEX ON pending_event ((1))": "",
    "ALTER SEQUENCE pending_event_id_seq MAXVALUE 100": "reached maximum value of sequence",
    "REVOKE ALL ON pending_event FROM app_owner": "permission denied",
    "REVOKE ALL ON SEQUENCE pending_event_id_seq FROM app_owner": "permission denied",
    "CREATE RULE nothing AS ON INSERT TO pending_event DO INSTEAD NOTHING": "puts no row into pending_event",
    "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
    "CREATE TRIGGER swallow BEFORE INSERT ON pending_event FOR EACH ROW EXECUTE FUNCTION swallow()": "puts no row into",
    "CREATE FUNCTION bite() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $m$no$m$; END'; "
    "CREATE TRIGGER bite BEFORE INSERT ON pending_event FOR EACH ROW EXECUTE FUNCTION bite()": "no event can be recorded",
}


@pytest.fixture
def owned(postgresql: sa.Engine) -> Iterator[sa.Engine]:
    """An installation whose functions have the rights of a role that is no superuser."""
    with postgresql.begin() as connection:
        connection.exec_driver_sql("DROP ROLE IF EXISTS app_owner")
        connection.exec_driver_sql("CREATE ROLE app_owner; CREATE SCHEMA elsewhere")
        add_basics(connection)
        for table in ("users", "courses", "quizzes", "quiz_responses", "enrollments", "course_completions"):
            connection.exec_driver_sql(f"ALTER TABLE {table} OWNER TO app_owner")
        connection.exec_driver_sql("ALTER TABLE transcript_requests OWNER TO app_owner")
        connection.exec_driver_sql("GRANT ALL ON SCHEMA public TO app_owner")
    triggers.install(postgresql, WATCHED)
    assert triggers.check(postgresql, WATCHED).is_complete
    yield postgresql
    with postgresql.begin() as connection:
        connection.exec_driver_sql("DROP OWNED BY app_owner CASCADE; DROP ROLE app_owner")


@pytest.mark.parametrize("change", _QUEUE)
def test_a_queue_that_takes_nothing_fails_no_statement(owned: sa.Engine, change: str):
    with owned.begin() as connection:
        connection.exec_driver_sql("SELECT setval('pending_event_id_seq', 100)")
        connection.exec_driver_sql(change)
    for _ in range(2):
        with owned.begin() as connection:
            one = submit(connection)
            connection.exec_driver_sql("UPDATE quiz_responses SET score = 1; UPDATE users SET full_name = 'new'")
            connection.exec_driver_sql(f"DELETE FROM quiz_responses WHERE id = {one}")
    assert _QUEUE[change] in "; ".join(triggers.check(owned, WATCHED).problems)


def test_what_was_not_recorded_is_told_as_a_warning_without_values(owned: sa.Engine):
    with owned.begin() as connection:
        connection.exec_driver_sql("DROP TABLE pending_event")
    notices: list[str] = []
    with owned.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.add_notice_handler(lambda said: notices.append(said.message_primary))
        submit(connection, answer="a secret answer")
    assert len(notices) == 1
    assert "quiz_responses was not recorded (SQLSTATE 42P01)" in notices[0]
    assert "secret" not in notices[0]


#: What becomes of a column that triggers read → what still works there.
_COLUMNS = [
    ("ALTER TABLE users RENAME COLUMN email TO email_address", "users.email"),
    ("ALTER TABLE users DROP COLUMN last_login_at", "users.last_login_at"),
    ("ALTER TABLE quiz_responses RENAME COLUMN user_id TO learner_id", "quiz_responses.user_id"),
]


@pytest.mark.parametrize(("change", "column"), _COLUMNS)
def test_a_column_that_is_gone_fails_no_statement_and_is_told_by_name(platform: sa.Engine, change: str, column: str):
    triggers.install(platform, WATCHED)
    with platform.begin() as connection:
        add_basics(connection)
        if platform.dialect.name == "sqlite" and "DROP" in change:  # refused: that statement names our trigger
            change = change.replace("DROP COLUMN last_login_at", "RENAME COLUMN last_login_at TO seen_at")
        connection.exec_driver_sql(change)
    user = "learner_id" if "learner_id" in change else "user_id"
    for _ in range(2):
        with platform.begin() as connection:
            connection.exec_driver_sql("UPDATE users SET full_name = 'new' WHERE id = 1")
            connection.exec_driver_sql(
                f"INSERT INTO quiz_responses ({user}, quiz_id, submitted_at) VALUES (1, 1, '2026-10-01 00:00:00')"
            )
            connection.exec_driver_sql("UPDATE quiz_responses SET score = 5")
            connection.exec_driver_sql("DELETE FROM quiz_responses")
        told = [
            problem
            for problem in triggers.check(platform, WATCHED).problems
            if f"column {column} is missing" in problem
        ]
        assert len(told) == 1
        assert "db install" in told[0]
        triggers.install(platform, WATCHED)  # what can be recorded is recorded from now on


def test_a_column_that_is_back_is_read_again(platform: sa.Engine):
    triggers.install(platform, WATCHED)
    with platform.begin() as connection:
        add_basics(connection)
        connection.exec_driver_sql("ALTER TABLE users RENAME COLUMN email TO email_address")
    triggers.install(platform, WATCHED)
    with platform.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users RENAME COLUMN email_address TO email")
    triggers.install(platform, WATCHED)
    assert triggers.check(platform, WATCHED).is_complete
    with platform.begin() as connection:
        before = events.count(connection)
        connection.exec_driver_sql("UPDATE users SET email = 'a@b.c' WHERE id = 1")
        assert events.count(connection) == before + 1


def test_on_postgresql_a_virtual_column_is_told_by_name(owned: sa.Engine):
    """Triggers see NULL there, before and after a change (PostgreSQL 18 and later know such columns)."""
    with owned.begin() as connection:
        if (connection.dialect.server_version_info or ()) < (18,):
            pytest.skip("This PostgreSQL has no virtual generated columns.")
        connection.exec_driver_sql("ALTER TABLE users DROP COLUMN email, ADD COLUMN first text DEFAULT 'a'")
        connection.exec_driver_sql("ALTER TABLE users ADD COLUMN email text GENERATED ALWAYS AS (lower(first)) VIRTUAL")
    triggers.install(owned, WATCHED)
    assert triggers.check(owned, WATCHED).problems[0].startswith("column users.email is a virtual generated column")


def test_on_sqlite_a_view_in_the_queues_place_is_refused(tmp_path: Path):
    engine = connect(f"sqlite:///{tmp_path}/platform.db")
    platform_metadata.create_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW pending_event AS SELECT 1 AS id")
    with pytest.raises(DatabaseError, match="A view stands where the table pending_event belongs"):
        triggers.install(engine, WATCHED)
    engine.dispose()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("ALTER TABLE pending_event ADD COLUMN tenant int NOT NULL", "doesn't have a default value"),
        ("RENAME TABLE pending_event TO gone", "table pending_event is missing"),
        ("ALTER TABLE pending_event DROP COLUMN held", "column pending_event.held is missing"),
        ("ALTER TABLE pending_event ADD CHECK (kind = 'mine')", "no event can be recorded"),
        ("ALTER TABLE pending_event MODIFY id tinyint auto_increment, AUTO_INCREMENT = 127", ""),
    ],
)
def test_on_mariadb_a_queue_that_takes_nothing_fails_no_statement(mariadb: sa.Engine, change: str, says: str):
    triggers.install(mariadb, WATCHED)
    with mariadb.begin() as connection:
        add_basics(connection)
        connection.exec_driver_sql("DELETE FROM pending_event")
        connection.exec_driver_sql(change)
    with mariadb.begin() as connection:
        submit(connection)
        connection.exec_driver_sql("UPDATE quiz_responses SET score = 1")
        connection.exec_driver_sql("DELETE FROM quiz_responses")
    assert says in "; ".join(triggers.check(mariadb, WATCHED).problems)


def test_on_mariadb_a_slow_catalog_is_read_to_its_end(mariadb: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off after the fifth of a second that a change may take, it would say that the queue is missing."""
    limits: list[float] = []

    def noting(connection: sa.Connection, watched: Sequence[WatchedTable]) -> Catalog:
        limits.append(connection.exec_driver_sql("SELECT @@max_statement_time").scalar_one())
        return look(connection, watched)

    monkeypatch.setattr(one_at_a_time, "look", noting)
    triggers.install(mariadb, WATCHED)
    assert set(limits) == {0}


def test_on_mariadb_a_vanished_definer_is_told_by_name_and_replaced(mariadb: sa.Engine):
    with mariadb.begin() as connection:
        connection.exec_driver_sql("CREATE OR REPLACE USER passing@localhost IDENTIFIED BY 'secret-of-passing'")
        connection.exec_driver_sql("GRANT ALL ON *.* TO passing@localhost")
    passing = connect(mariadb.url.set(username="passing", password="secret-of-passing"))
    triggers.install(passing, WATCHED)
    passing.dispose()
    with mariadb.begin() as connection:
        add_basics(connection)
        connection.exec_driver_sql("DROP USER passing@localhost")
    with pytest.raises(sa.exc.OperationalError, match="1449"), mariadb.begin() as connection:
        submit(connection)
    assert (
        "passing@localhost, which does not exist: every such statement on table"
        in triggers.check(mariadb, WATCHED).problems[0]
    )
    triggers.install(mariadb, WATCHED)
    assert triggers.check(mariadb, WATCHED).is_complete
    with mariadb.begin() as connection:
        submit(connection)


class PausesOnly:
    """A clock that counts nothing but pauses, so that as many attempts are made on any machine; they end sooner."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        time.sleep(seconds / 4)


@pytest.mark.parametrize("dialect", ["postgresql", pytest.param("mariadb", marks=pytest.mark.xdist_group("mariadb"))])
def test_writers_hardly_wait_behind_an_installer_that_waits_for_a_long_transaction(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, dialect: str
):
    engine: sa.Engine = request.getfixturevalue(dialect)
    monkeypatch.setattr(one_at_a_time, "TOTAL_SECONDS", 3.0)
    monkeypatch.setattr(one_at_a_time, "time", PausesOnly())
    with engine.begin() as connection:
        add_basics(connection)
    said: list[str] = []
    refusals: list[DatabaseError] = []
    holder = engine.connect()
    submit(holder)  # and does not commit

    def run() -> None:
        try:
            triggers.install(engine, WATCHED, said.append)
        except DatabaseError as error:
            refusals.append(error)

    installer = threading.Thread(target=run)
    installer.start()
    written = 0
    while installer.is_alive():
        with engine.begin() as connection:
            submit(connection)
        written += 1
        time.sleep(0.01)
    holder.rollback()
    holder.close()
    assert written >= 4, "writers of the table queued behind the installer"
    assert "quiz_responses" in said[0]
    assert "held quiz_responses for 3 s" in str(refusals[0])
    assert not refusals[0].needs_person
    assert all(
        "quiz_responses" in problem for problem in triggers.check(engine, WATCHED).problems
    )  # all others are done
    triggers.install(engine, WATCHED)
    assert triggers.check(engine, WATCHED).is_complete


def test_on_sqlite_a_queue_that_takes_nothing_fails_no_statement(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'platform.db'}")
    platform_metadata.create_all(engine)
    with engine.begin() as connection:
        add_basics(connection)
    triggers.install(engine, WATCHED)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM pending_event")
        connection.exec_driver_sql("CREATE UNIQUE INDEX one_of_each ON pending_event (entity)")
        for name in ("Ada", "Grace"):
            connection.exec_driver_sql(f"UPDATE users SET full_name = '{name}'")
        assert connection.exec_driver_sql("SELECT count(*) FROM pending_event WHERE entity = 'user'").scalar() == 1
    engine.dispose()
