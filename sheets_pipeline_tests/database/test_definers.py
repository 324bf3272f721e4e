"""Triggers of MySQL and MariaDB have the rights of the account that installed them; whatever it loses is told and mended."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import events, triggers
from sheets_pipeline.database.engine import connect
from sheets_pipeline.errors import DatabaseError
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline_tests.database.attacker import run
from sheets_pipeline_tests.database.rows import add_basics, submit

pytestmark = pytest.mark.xdist_group("mariadb")

_GIVEN = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, TRIGGER"


def _recorded(engine: sa.Engine) -> bool | None:
    """Whether a change is recorded; None where the application's statement fails."""
    run(engine, "DELETE FROM pending_event")
    try:
        with engine.begin() as connection:
            submit(connection)
    except DatabaseError as error:
        return None if "1142" in str(error.__cause__) else False
    with engine.begin() as connection:
        return events.count(connection) > 0


@pytest.fixture
def passing(mariadb: sa.Engine) -> Iterator[sa.Engine]:
    """An account without rights on the server as a whole, which has installed the queue."""
    run(
        mariadb,
        "CREATE OR REPLACE USER passing@localhost IDENTIFIED BY 'secret-of-passing'",
        f"GRANT {_GIVEN} ON faults.* TO passing@localhost",
    )
    with mariadb.begin() as connection:
        add_basics(connection)
    engine = connect(mariadb.url.set(username="passing", password="secret-of-passing"))
    triggers.install(engine, WATCHED)
    assert triggers.check(engine, WATCHED).is_complete
    yield engine
    engine.dispose()
    run(mariadb, "DROP USER IF EXISTS passing@localhost")


@pytest.mark.parametrize(
    ("right", "lacks", "recorded"),
    [
        ("TRIGGER", "TRIGGER ON course_completions: every such statement on table course_completions fails", None),
        ("SELECT", "SELECT ON course_completions: no change is recorded", False),
        ("INSERT", "INSERT ON pending_event: no change is recorded", False),
    ],
)
def test_a_right_that_the_account_has_lost_is_told_and_mended_by_another(
    mariadb: sa.Engine,
    passing: sa.Engine,
    right: str,
    lacks: str,
    recorded: bool | None,
):
    passing.dispose()
    assert triggers.check(mariadb, WATCHED).is_complete
    run(mariadb, f"REVOKE {right} ON faults.* FROM passing@localhost")
    assert _recorded(mariadb) is recorded
    assert f"passing@localhost, which lacks {lacks}" in triggers.check(mariadb, WATCHED).problems[0]
    triggers.install(mariadb, WATCHED)
    assert triggers.check(mariadb, WATCHED).is_complete
    assert _recorded(mariadb) is True


def test_an_account_that_may_look_at_no_other_tells_of_itself(mariadb: sa.Engine, passing: sa.Engine):
    run(mariadb, "REVOKE INSERT ON faults.* FROM passing@localhost")
    assert "passing@localhost, which lacks INSERT ON pending_event" in triggers.check(passing, WATCHED).problems[0]
    triggers.install(passing, WATCHED)  # by itself it cannot mend that
    assert not triggers.check(passing, WATCHED).is_complete
    run(mariadb, "GRANT INSERT ON faults.pending_event TO passing@localhost")
    assert triggers.check(passing, WATCHED).is_complete
    assert _recorded(mariadb) is True


def test_of_others_accounts_nothing_is_claimed_without_the_right_to_look(mariadb: sa.Engine, passing: sa.Engine):
    """Another's rights are hidden from it, which does not mean that there are none."""
    triggers.remove(passing)
    triggers.install(mariadb, WATCHED)
    assert triggers.check(passing, WATCHED).is_complete
    run(mariadb, "GRANT SELECT ON mysql.user TO passing@localhost")
    passing.dispose()
    assert triggers.check(passing, WATCHED).is_complete


@pytest.mark.parametrize(
    ("given", "is_enough"),
    [
        (f"GRANT {_GIVEN} ON *.* TO passing@localhost", True),
        (f"GRANT {_GIVEN} ON `f%lts`.* TO passing@localhost", True),
        (f"GRANT {_GIVEN} ON `f\\_lts`.* TO passing@localhost", False),
        (f"GRANT {_GIVEN} ON faults.* TO PUBLIC", True),
        (
            f"CREATE OR REPLACE ROLE many; GRANT {_GIVEN} ON faults.* TO many; GRANT many TO passing@localhost; "
            "SET DEFAULT ROLE many FOR passing@localhost",
            False,
        ),
    ],
    ids=["the server", "a pattern", "an escaped pattern", "everybody", "a role"],
)
def test_rights_count_wherever_they_were_given(mariadb: sa.Engine, passing: sa.Engine, given: str, is_enough: bool):
    """MariaDB gives triggers no rights of roles."""
    passing.dispose()
    run(mariadb, "REVOKE ALL ON faults.* FROM passing@localhost", *given.replace("%", "%%").split("; "))
    try:
        assert _recorded(mariadb) is (True if is_enough else None)
        assert triggers.check(mariadb, WATCHED).is_complete is is_enough
    finally:
        run(mariadb, "REVOKE ALL ON faults.* FROM PUBLIC" if "PUBLIC" in given else "DROP ROLE IF EXISTS many")


def test_a_view_in_the_queues_place_is_refused(mariadb: sa.Engine):
    run(mariadb, "CREATE VIEW pending_event AS SELECT 1 AS id, '' AS entity")
    with pytest.raises(DatabaseError, match="A view stands where the table pending_event belongs"):
        triggers.install(mariadb, WATCHED)
    assert "a view stands" in triggers.check(mariadb, WATCHED).problems[0]


def test_a_virtual_column_is_seen_by_triggers(mariadb: sa.Engine):
    """Unlike on PostgreSQL, where that is told."""
    triggers.install(mariadb, WATCHED)
    with mariadb.begin() as connection:
        add_basics(connection)
    run(
        mariadb,
        "ALTER TABLE users DROP COLUMN email",
        "ALTER TABLE users ADD COLUMN first varchar(20) DEFAULT 'a', ADD COLUMN email varchar(50) AS (lower(first)) VIRTUAL",
        "DELETE FROM pending_event",
        "UPDATE users SET first = 'B'",
    )
    with mariadb.begin() as connection:
        assert events.count(connection) > 0
    assert triggers.check(mariadb, WATCHED).is_complete
