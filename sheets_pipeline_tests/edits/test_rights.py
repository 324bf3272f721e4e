"""docs/run/rights.md: UPDATE on the editable columns alone is enough, and what lacks it is named."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sheets_pipeline.database.edit_catalog import edit_problems
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.row_catalog import hidden_tables
from sheets_pipeline.edits.ledger import State
from sheets_pipeline.monitoring.doctor import Level, ok
from sheets_pipeline.monitoring.doctor_checks import event_syncs
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.settings import Settings
from sheets_pipeline.sync.editing import Editing, Edits, RowTarget
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
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


@pytest.mark.parametrize("engine", [one for one in DIALECTS if one != "sqlite"], indirect=True)
def test_what_several_event_syncs_lack_is_told_by_the_doctor(
    engine: sa.Engine, limited: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = Facts()
    facts.settings = Settings(_env_file=None, sync_event_runs=4)
    facts.platform = limited.platform
    on_queue, *on_sequence = GRANTS[engine.dialect.name][1:]
    found = event_syncs(facts)
    assert (found.level, "may not INSERT into pending_event" in found.message) == (Level.WARN, True)
    assert found.message.startswith("4 wanted by SYNC_EVENT_RUNS, one works")
    grant(engine, [on_queue])
    if on_sequence:
        assert "may not use the sequence pending_event_id_seq" in event_syncs(facts).message
        grant(engine, on_sequence)
    found = event_syncs(facts)
    assert found.message.startswith("4 beside each other; dagster.yaml allows 4 runs at once")
    assert found.remedy == "Set max_concurrent_runs there to 8 or more."
    (tmp_path / "dagster.yaml").write_text(
        "instance_class: {module: sheets_pipeline.dagster_runtime.instance, class: PipelineInstance}\n"
        "concurrency: {runs: {max_concurrent_runs: 5}}\n"
    )
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    assert event_syncs(facts) == ok("4 beside each other")


BAD = sa.Table(
    "bad",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("title", sa.String(20), nullable=False),
    sa.Column("lacking", sa.Integer, nullable=False),
    sa.Column("given", sa.Integer, nullable=False, server_default="1"),
    sa.Column("gone", sa.String(20)),
)
TITLE = Column("title", editing=Editing("bad.title"))


def tab(deleted_column: str, *, deleted_rows: str = "soft", needs: tuple[str, ...] = ("title",)) -> Tab:
    rows = (RowTarget("bad", {"id": "id"}),)
    edits = Edits(rows, None, bool(needs), needs, deleted_rows, deleted_column)
    return Tab("Bad", ("id",), (Column("id", ColumnType.INTEGER), TITLE), edits=edits)


def test_rows_that_the_database_would_always_refuse_are_told(engine: sa.Engine) -> None:
    BAD.create(engine)
    with engine.connect() as connection:

        def told(one: Tab) -> list[str]:
            return [text for _, text in edit_problems(connection, one)]

        [lacking, no_column] = told(tab("deleted_at"))
        assert "gives no value for lacking of bad, which may not be NULL" in lacking
        assert "has no column 'deleted_at'" in no_column
        [_, wrong_type] = told(tab("gone"))
        assert "bad.gone says that a row is deleted; expected a moment" in wrong_type
        assert told(tab("given", needs=())) == []
    if engine.dialect.name != "sqlite":  # what a trigger may fill, it may fill
        body = "BEGIN NEW.lacking := 1; RETURN NEW; END"
        made = [f"CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS '{body}'"]
        made.append("CREATE TRIGGER fills BEFORE INSERT ON bad FOR EACH ROW EXECUTE FUNCTION fill()")
        if engine.dialect.name != "postgresql":
            made = ["CREATE TRIGGER fills BEFORE INSERT ON bad FOR EACH ROW SET NEW.lacking = 1"]
        with engine.begin() as connection:
            for statement in made:
                connection.exec_driver_sql(statement)
            assert [text for _, text in edit_problems(connection, tab("given"))] == []


@pytest.mark.parametrize("engine", [one for one in DIALECTS if one != "sqlite"], indirect=True)
def test_rights_that_rows_need_are_told_until_they_are_there(engine: sa.Engine, limited: Stage) -> None:
    BAD.create(engine)

    def lacking(one: Tab) -> set[str]:
        with limited.platform.connect() as connection:
            return {text.split(" may not ")[1].split(" ")[0] for _, text in edit_problems(connection, one)}

    on_bad = ["GRANT SELECT, INSERT (title, lacking) ON bad TO {1}", "GRANT UPDATE (title) ON bad TO {1}"]
    grant(engine, ["GRANT SELECT ON bad TO {1}"])
    hard, soft = tab("x", deleted_rows="hard"), tab("given", needs=())
    by_sequence = {"count"} if engine.dialect.name == "postgresql" else set()
    assert lacking(hard) == {"change", "insert", "delete", "be"} | by_sequence
    grant(engine, on_bad)
    assert lacking(hard) == {"delete", "be"} | by_sequence
    if by_sequence:
        grant(engine, ["GRANT USAGE ON SEQUENCE bad_id_seq TO {1}"])
    assert lacking(hard) == {"delete", "be"}
    assert lacking(soft) == {"change"}
    grant(engine, ["GRANT DELETE ON bad TO {1}", "GRANT UPDATE (given) ON bad TO {1}"])
    assert (lacking(hard), lacking(soft)) == ({"be"}, set())
    if engine.dialect.name == "postgresql":
        grant(engine, ["ALTER TABLE bad ENABLE ROW LEVEL SECURITY"])
        with limited.platform.connect() as connection:
            assert hidden_tables(connection, soft) == ["bad"]
            assert hidden_tables(connection, limited.tab) == []
