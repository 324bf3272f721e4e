"""Edits at the edges: rounded and taken back, clocks that are put forward, a locale that changes, loops."""

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from sheets_pipeline.definitions import defs
from sheets_pipeline.edits import decisions
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.edits.ledger import State
from sheets_pipeline.sync.typed_cells import Moment
from sheets_pipeline_tests.edits.stage import Stage
from sheets_pipeline_tests.edits.test_way_of_an_edit import Way, way
from sheets_pipeline_tests.learning_platform import platform

__all__ = ["platform", "way"]

#: Serial numbers of two Sundays of 2026 in Berlin: the clocks are put forward, and back.
FORWARD, BACK = 46110, 46320
HALF_PAST_TWO = 2.5 / 24


def test_a_value_that_the_database_rounded_is_taken_back(stage: Stage) -> None:
    stage.type(price=12.346)
    assert stage.apply() == [State.APPLIED]
    first = stage.last()
    assert first.stored in (12.35, 12.346)  # SQLite does not round
    stage.type(price=12.344)  # typed over what the tab still shows, and rounded to another value
    assert stage.apply() == [State.APPLIED]
    decisions.undo(stage.state, [stage.last().id], "eve")
    assert stage.apply() == [State.APPLIED]
    assert round(float(stage.task().price), 2) == 12.35
    decisions.undo(stage.state, [first.id], "eve")
    assert stage.apply() == [State.APPLIED]
    assert float(stage.task().price) == 1.5
    assert [edit.state for edit in stage.edits()] == ["undone", "undone", "applied", "applied"]


@pytest.mark.parametrize(
    ("typed", "held"),
    [
        pytest.param(FORWARD + HALF_PAST_TWO, None, id="skipped"),
        pytest.param("29.3.2026 2:30", None, id="skipped, as text"),
        pytest.param(FORWARD + 3 / 24, datetime(2026, 3, 29, 1, tzinfo=UTC), id="right after"),
        pytest.param(BACK + HALF_PAST_TWO, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), id="twice: the first is meant"),
        pytest.param(
            Moment(1792891800000), datetime(2026, 10, 25, 0, 30, tzinfo=UTC), id="twice, as the script read it"
        ),
    ],
)
def test_hours_that_clocks_skip_are_refused_and_of_two_the_first_is_meant(
    small: Stage, typed: Any, held: datetime | None
) -> None:
    before = small.task().at
    small.type(at=typed)
    assert small.apply() == [State.REJECTED if held is None else State.APPLIED]
    assert small.task().at == (held or before)
    if held is None:
        assert small.last().reason == "expected a date and time, found a time of day that the clocks skipped"


def test_what_was_typed_in_another_locale_means_what_it_meant_then(small: Stage) -> None:
    small.type(price="1.500")  # in de_DE, into a cell that is formatted as text
    assert small.apply() == [State.APPLIED]
    assert small.task().price == 1500
    small.type(price=1.5, locale="en_US")
    assert small.apply() == [State.APPLIED]
    assert small.task().price == 1.5
    small.type(price="1,500", locale="en_US")
    assert small.apply() == [State.APPLIED]
    assert small.task().price == 1500


def test_an_edit_comes_back_as_an_event_that_writes_nothing(way: Way) -> None:
    job, server = defs().resolve_job_def("event_sync"), way.platform.server
    way.sync("TranscriptRequests")
    assert job.execute_in_process(instance=way.platform.instance).success
    [header, first] = way.platform.values("TranscriptRequests!A1:Z2")
    column, key = header.index("pdf_generate"), first[header.index("request_id")]
    way.put(f"TranscriptRequests!{chr(65 + column)}2", typed := not first[column])
    way.send(way.message("TranscriptRequests", "pdf_generate", [[key, typed]]))
    assert apply_due(way.pipeline).by_state == {"applied": 1}
    server.reset_stats()
    for expected in (1, 0):  # the trigger's event as always; and that is the end of it
        with way.platform.engine.connect() as connection:
            assert connection.scalar(sa.text("select count(*) from pending_event")) == expected
        assert job.execute_in_process(instance=way.platform.instance).success
    methods = server.stats()["by_method"]
    assert not [name for name in methods if "batchUpdate" in name or "update" in name.rpartition(".")[2]], methods
    assert way.platform.values("TranscriptRequests!A2:Z2")[0][column] is typed


def test_what_is_only_looked_at_when_a_transaction_ends_is_refused_at_once_and_takes_nothing_along(
    stage: Stage,
) -> None:
    if not _defer_the_foreign_key(stage.platform):
        pytest.skip("MariaDB defers no constraints")
    stage.type(owner_id=9, points=4)
    states = stage.apply()
    is_sqlite = stage.platform.dialect.name == "sqlite"  # which does not tell until the end whose fault it is
    assert states == [State.REJECTED, State.REJECTED if is_sqlite else State.APPLIED]
    edit = stage.edits()[0]
    assert edit.attempts == 0
    assert "no such row" in str(edit.reason)
    assert (stage.task().owner_id, stage.task().points) == (1, 3 if is_sqlite else 4)


def _defer_the_foreign_key(engine: sa.Engine) -> bool:
    with engine.begin() as connection:
        match engine.dialect.name:
            case "postgresql":
                name = connection.scalar(
                    sa.text("select conname from pg_constraint where conrelid = 'task'::regclass and contype = 'f'")
                )
                connection.exec_driver_sql(f"alter table task alter constraint {name} deferrable initially deferred")
            case "sqlite":
                made = str(connection.scalar(sa.text("select sql from sqlite_master where name = 'task'")))
                connection.exec_driver_sql("alter table task rename to task_before")
                made = made.replace("REFERENCES owner (id)", "REFERENCES owner (id) DEFERRABLE INITIALLY DEFERRED")
                connection.exec_driver_sql(made)
                connection.exec_driver_sql("insert into task select * from task_before")
            case _:
                return False
    return True


def test_edits_are_applied_where_transactions_are_serializable(stage: Stage) -> None:
    platform = stage.platform.execution_options(isolation_level="SERIALIZABLE")
    stage.platform, stage.state = platform, platform
    for points in (4, 5):
        stage.type(points=points)
        assert stage.apply() == [State.APPLIED]
    assert stage.task().points == 5
