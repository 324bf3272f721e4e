"""Several event syncs beside each other, each for its part of the spreadsheets: what belongs where, and when an event may go."""

import logging
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pandas as pd
import pytest

from sheets_pipeline.database import event_parts
from sheets_pipeline.database.event_parts import Piece
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs.event_sync import pending_events
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.runs import event_round, jobs
from sheets_pipeline.runs.event_round import sync_due_events
from sheets_pipeline.runs.parts import PART_TAG, Part, part_in, part_of, pieces
from sheets_pipeline.runs.placing import place_events
from sheets_pipeline.runs.run_tags import SPREADSHEET_TAG
from sheets_pipeline.runs.settling import Round, settle
from sheets_pipeline.runs.tick_wait import TickWait
from sheets_pipeline.sheets.retry import RetryPolicy
from sheets_pipeline_tests.school import School

FIRST, SECOND = Part(0, 2), Part(1, 2)


def test_a_spreadsheet_is_of_one_part_everywhere_and_parts_are_of_a_size() -> None:
    assert part_of("1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms", 8) == Part(5, 8)
    assert part_in({PART_TAG: str(Part(7, 8))}) == Part(7, 8)
    assert part_in({}) is None
    sizes = Counter(part_of(f"spreadsheet {number}", 8).number for number in range(800))
    assert min(sizes.values()) > 70


def test_an_event_is_divided_by_tab_and_part_and_what_cannot_be_told_stays() -> None:
    assert pieces({}) == []
    assert pieces({"A": {1}, "B": {1}}) == [Piece(1)]
    assert pieces({"A": {1, 3}, "B": {3}}) == [Piece(1, frozenset("A")), Piece(3, frozenset("AB"))]
    assert pieces({"A": {1}}, {"C"}) == [Piece(None, frozenset("C")), Piece(1, frozenset("A"))]
    assert pieces({}, {"C"}) == [Piece(None)]


class Syncs:
    """A school whose first course is kept by the first of two event syncs, its second one by the other."""

    def __init__(self, school: School) -> None:
        self.school, self.pipeline = school, school.platform.pipeline
        for course, part in (("1", FIRST), ("2", SECOND)):
            while not part.has(school.sheets[course]):
                school.sheets[course] = school.server.create_spreadsheet(f"Course {course}")
            school.sql(f"update school_course set sheet = '{school.sheets[course]}' where id = {course}")

    def work(self, part: Part) -> Round:
        """A round of this part, as its run does it."""
        total = Round()
        self.place(part.of, total)
        sync_due_events(self.pipeline, self.context, total, part=part)
        return total

    def place(self, of: int, total: Round) -> None:
        place_events(self.pipeline, self.context, total, of)

    @property
    def context(self) -> dg.OpExecutionContext:
        found = SimpleNamespace(instance=self.school.platform.instance, log=logging.getLogger("parts"), run_id="run")
        return cast(dg.OpExecutionContext, found)

    def pending(self, columns: str = "part, waits_for, attempts") -> list[tuple[Any, ...]]:
        with self.school.platform.engine.connect() as connection:
            query = f"select {columns} from pending_event order by part, waits_for"
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def courses(self) -> list[list[list[Any]]]:
        return [self.school.course("1"), self.school.course("2")]


@pytest.fixture
def asked(school: School, monkeypatch: pytest.MonkeyPatch) -> Syncs:
    """Nothing has been written yet."""
    monkeypatch.setenv("SYNC_EVENT_RUNS", "2")
    school.platform.reopen()
    return Syncs(school)


@pytest.fixture
def syncs(asked: Syncs) -> Syncs:
    assert asked.school.run("full_sync_courses").success
    asked.school.sql("delete from pending_event")
    return asked


def test_an_event_goes_once_every_part_has_shown_it(syncs: Syncs, monkeypatch: pytest.MonkeyPatch) -> None:
    school = syncs.school
    school.server.faults(action="error", status=503, count=None, spreadsheet=school.sheets["2"])
    school.sql("update attempt set score = 5 where lesson = 1")

    with monkeypatch.context() as broken:  # killed while events are handed over, and while they are settled
        broken.setattr(event_parts, "_copy", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            syncs.work(FIRST)
        assert {part for part, *_ in syncs.pending()} == {None}
    with monkeypatch.context() as broken:
        broken.setattr(event_round, "settle", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            syncs.work(FIRST)
    assert len(syncs.pending()) == 3  # Ada's and Bob's, and of one of them the office's copy is another part's
    assert school.course("1")[0] == ["Ada", 1, 1, 5]

    school.requests()
    syncs.work(FIRST)
    assert school.requests()[1] == 0  # shown already
    assert {part for part, *_ in syncs.pending()} == {201}
    with monkeypatch.context() as impatient:
        impatient.setattr("sheets_pipeline.sheets.client.RetryPolicy", lambda: RetryPolicy(total_seconds=0.05))
        assert syncs.work(SECOND).error is None  # one spreadsheet fails for Bob; Ada's row in the office is shown
    assert syncs.pending() == [(201, '["Attempts @ courses", "Best"]', 1)]
    assert [row[3] for row in school.values(school.office) if row[1] == 1] == [5, 5]

    school.server.clear_faults()
    school.sql("update pending_event set retry_at = null")
    assert not syncs.work(FIRST).reports
    assert [failure.reason for failure in syncs.work(SECOND).failures] == []
    assert syncs.pending() == []
    assert school.course("2") == [["Bob", 1, 2, 5]]

    school.sql("update attempt set course = 2 where lesson = 2")  # a row moves, and is in one of them at any moment
    syncs.work(FIRST)
    assert syncs.courses() == [[["Ada", 1, 1, 5], ["Ada", 2, 1]], [["Bob", 1, 2, 5]]]
    syncs.work(SECOND)
    assert syncs.courses() == [[["Ada", 1, 1, 5]], [["Ada", 2, 2], ["Bob", 1, 2, 5]]]
    assert syncs.pending() == []

    school.sql("update attempt set score = 3 where lesson = 2")
    syncs.work(FIRST)
    school.sql("alter table attempt disable trigger all; update attempt set course = 1 where lesson = 2")
    school.sql("alter table attempt enable trigger all")
    syncs.work(SECOND)  # it belongs to the other part since it was told whose it is
    syncs.work(FIRST)
    assert syncs.courses() == [[["Ada", 1, 1, 5], ["Ada", 2, 1, 3]], [["Bob", 1, 2, 5]]]
    assert syncs.pending() == []

    school.sql("update attempt set score = 4")  # then there are three parts, whoever had been told apart before
    syncs.work(SECOND)
    assert 200 in {part for part, *_ in syncs.pending()}

    def settle_late(*arguments: Any) -> int:
        syncs.place(3, Round())
        return settle(*arguments)

    with monkeypatch.context() as late:  # they are other parts' before the run that has shown them settles them
        late.setattr(event_round, "settle", settle_late)
        syncs.work(FIRST)
    assert {part // 100 for part, *_ in syncs.pending()} == {3}
    for number in range(3):
        syncs.work(Part(number, 3))
    for number in range(3):
        syncs.work(Part(number, 3))
    assert syncs.pending() == []
    assert [row[3] for rows in syncs.courses() for row in rows] == [4, 4, 4]

    school.sql("delete from attempt where learner = 'Ada'")
    syncs.work(SECOND)
    syncs.work(FIRST)
    assert syncs.courses() == [[], [["Bob", 1, 2, 4]]]


def test_what_another_part_deals_with_while_a_row_is_written_leaves_no_row_behind(
    syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    school, rows_here = syncs.school, jobs.rows_here

    def in_courses_after(change: str) -> list[list[int]]:
        """What stands where, of a row that is written to the first course while this change is shown by the other part."""

        def meanwhile(job: jobs.Job, *arguments: Any) -> pd.DataFrame:
            rows = rows_here(job, *arguments)
            if job.target.name == "Attempts @ courses/1":
                monkeypatch.setattr(event_round, "rows_here", rows_here)
                school.sql(f"{change} where learner = 'Cleo'")
                syncs.work(SECOND)
            return rows

        school.sql("insert into attempt values ('Cleo', 1, 1, 3)")
        monkeypatch.setattr(event_round, "rows_here", meanwhile)
        syncs.work(FIRST)
        return [[row[2] for row in rows if row[0] == "Cleo"] for rows in syncs.courses()]

    assert in_courses_after("update attempt set course = 2") == [[], [2]]
    school.sql("delete from attempt where learner = 'Cleo'")
    for part in (FIRST, SECOND, FIRST):
        syncs.work(part)
    assert syncs.pending() == []
    assert in_courses_after("delete from attempt") == [[], []]


def test_the_sensor_asks_for_a_run_of_each_part_that_has_something_to_do(
    asked: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs = asked
    monkeypatch.setattr("sheets_pipeline.defs.event_sync._tick_wait", TickWait(5.0, most_seconds=0.1))
    instance, school = syncs.school.platform.instance, syncs.school
    context = dg.build_sensor_context(instance=instance, resources={"pipeline": PipelineResource()})

    def wanted() -> dict[str, bool]:
        found = pending_events(context)
        requests = found if isinstance(found, list) else []
        return {request.tags[PART_TAG]: SPREADSHEET_TAG in request.tags for request in requests}

    def under_way(part: Part) -> Callable[[], None]:
        job = defs().resolve_job_def("event_sync")
        run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={PART_TAG: str(part)})
        return lambda: instance.delete_run(run.run_id)

    home = part_of(school.platform.spreadsheet_id, 2)
    both = {str(part): part == home for part in (FIRST, SECOND)}
    assert wanted() == {}
    school.sql("update attempt set score = 6 where lesson = 1")
    assert wanted() == both
    ended = under_way(FIRST)
    assert wanted() == {str(SECOND): home == SECOND}
    ended()
    ended = under_way(Part(1, 3))
    assert wanted() == {}
    ended()
    school.sql("delete from pending_event; insert into pending_event (entity, key) values ('attempt', 'nonsense')")
    assert wanted() == {str(home): True}  # a run tells what is wrong with it
    result = school.run("event_sync", tags={PART_TAG: str(home)})
    assert result.success
    assert syncs.pending("reason like 'Malformed%%', attempts") == [(True, 1)]
    school.sql("alter table pending_event drop column part")
    school.sql("update attempt set score = 7")
    assert isinstance(pending_events(context), dg.RunRequest)  # one for all, until the queue is upgraded
