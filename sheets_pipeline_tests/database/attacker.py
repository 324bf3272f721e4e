"""An attacker on PostgreSQL: roles, a schema of theirs with types that bite, and what they got hold of."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from sheets_pipeline.database import queue_check
from sheets_pipeline.platform.watches import WATCHED
from sheets_pipeline_tests.database.rows import add_basics

ROLES = ("attacker", "app_owner", "app_writer", "pipeline_role")

#: A type of the attacker's whose cast and operators note who runs them.
EVIL = """
    CREATE TABLE evil.loot (who text);
    GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT INSERT ON evil.loot TO PUBLIC;
    CREATE TYPE evil.thing AS (id bigint);
    CREATE FUNCTION evil.note() RETURNS void LANGUAGE sql AS 'INSERT INTO evil.loot VALUES (current_user)';
    CREATE FUNCTION evil.to_text(evil.thing) RETURNS text LANGUAGE sql AS 'SELECT evil.note(); SELECT ''7''';
    CREATE FUNCTION evil.to_number(evil.thing) RETURNS bigint LANGUAGE sql AS 'SELECT evil.note(); SELECT 7::bigint';
    CREATE FUNCTION evil.same(evil.thing, evil.thing) RETURNS boolean LANGUAGE sql AS 'SELECT evil.note(); SELECT false';
    CREATE CAST (evil.thing AS text) WITH FUNCTION evil.to_text(evil.thing) AS IMPLICIT;
    CREATE CAST (evil.thing AS bigint) WITH FUNCTION evil.to_number(evil.thing) AS IMPLICIT;
    CREATE OPERATOR evil.= (LEFTARG = evil.thing, RIGHTARG = evil.thing, FUNCTION = evil.same);
    CREATE OPERATOR evil.<> (LEFTARG = evil.thing, RIGHTARG = evil.thing, FUNCTION = evil.same);
"""


@pytest.fixture
def database(postgresql: sa.Engine) -> Iterator[sa.Engine]:
    """The platform's tables, some roles, and a schema of the attacker's with types that bite."""
    with postgresql.begin() as connection:
        for role in ROLES:
            connection.exec_driver_sql(f"DROP ROLE IF EXISTS {role}")
            connection.exec_driver_sql(f"CREATE ROLE {role}")
        connection.exec_driver_sql("CREATE SCHEMA evil AUTHORIZATION attacker")
        connection.exec_driver_sql("SET LOCAL ROLE attacker")
        connection.exec_driver_sql(EVIL)
    with postgresql.begin() as connection:
        add_basics(connection)
    yield postgresql
    with postgresql.begin() as connection:
        for role in ROLES:
            connection.exec_driver_sql(f"DROP OWNED BY {role} CASCADE")
            connection.exec_driver_sql(f"DROP ROLE {role}")


def act_as(engine: sa.Engine, role: str, *statements: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
        for statement in statements:
            connection.exec_driver_sql(statement)


def loot(engine: sa.Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.exec_driver_sql("SELECT who FROM evil.loot").scalars())


def functions(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(queue_check.look(connection, WATCHED).functions)


def run(engine: sa.Engine, *statements: str) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def engine_of(engine: sa.Engine, role: str) -> sa.Engine:
    made = sa.create_engine(engine.url)

    @sa.event.listens_for(made, "begin")
    def take_on(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL SESSION AUTHORIZATION {role}")

    return made
