"""docs/run/rights.md: UPDATE on the editable columns alone is enough, and what lacks it is named."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.edit_catalog import edit_problems
from sheets_pipeline.database.engine import connect
from sheets_pipeline.edits.ledger import State
from sheets_pipeline_tests.databases import DIALECTS
from sheets_pipeline_tests.edits.stage import Stage, make_stage

PASSWORD = "of-the-pipeline"
READ = {
    "postgresql": ["CREATE ROLE edits_only LOGIN PASSWORD '{0}'", "GRANT SELECT ON task, owner, pending_event TO {1}"],
    "mysql": [
        "DELETE FROM mysql.db WHERE Db LIKE 'test%%'",  # where a new server lets everybody do everything
        "FLUSH PRIVILEGES",
        "CREATE USER {1} IDENTIFIED BY '{0}'",
        "GRANT SELECT ON {2}.* TO {1}",
    ],
}
#: As docs/run/rights.md gives them.
GRANTS = {
    "mysql": ["GRANT UPDATE (title, points) ON task TO {1}", "GRANT INSERT ON pending_event TO {1}"],
    "postgresql": [
        "GRANT UPDATE (title, points) ON task TO {1}",
        "GRANT INSERT ON pending_event TO {1}",
        "GRANT USAGE ON SEQUENCE pending_event_id_seq TO {1}",
    ],
}


@pytest.fixture
def limited(engine: sa.Engine, tmp_path: Path) -> Iterator[Stage]:
    """The ledger apart, the platform by a role that may only read."""
    state = connect(f"sqlite:///{tmp_path / 'state.db'}")
    make_stage(engine, state)
    grant(engine, READ[engine.dialect.name])
    own = connect(engine.url.set(username="edits_only", password=PASSWORD))
    yield Stage(own, state)
    own.dispose()
    state.dispose()
    drop = ["DROP OWNED BY {1}", "DROP ROLE {1}"] if engine.dialect.name == "postgresql" else ["DROP USER {1}"]
    grant(engine, drop)


def grant(engine: sa.Engine, statements: list[str]) -> None:
    who = "edits_only" if engine.dialect.name == "postgresql" else "edits_only@localhost"
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement.format(PASSWORD, who, engine.url.database))


@pytest.mark.parametrize("engine", [one for one in DIALECTS if one != "sqlite"], indirect=True)
def test_the_least_rights_that_are_documented_are_enough(engine: sa.Engine, limited: Stage) -> None:
    def lacking() -> set[str]:
        with limited.platform.connect() as connection:
            return {
                text.split(" may not change ")[1].split(".")[1] for _, text in edit_problems(connection, limited.tab)
            }

    assert {"title", "points", "note"} <= lacking()
    limited.type(title="Draw")
    assert limited.apply() != [State.APPLIED]
    on_columns, *on_events = GRANTS[engine.dialect.name]
    grant(engine, [on_columns])
    assert {"title", "points", "note"} & lacking() == {"note"}
    limited.type(title="Wax", note="no")
    assert sorted(limited.apply()) == [State.APPLIED, State.REJECTED]
    assert not limited.events()
    grant(engine, on_events)
    limited.type(title="Sand", points=4, note="no, too")
    assert sorted(limited.apply()) == [State.APPLIED, State.APPLIED, State.REJECTED]
    assert (limited.task().title, limited.task().points, limited.task().note) == ("Sand", 4, None)
    assert limited.events()  # the refused cell is shown again
