"""Tabs in a named spreadsheet and in each of a list: YAML and SQL of tables that the project has never seen."""

import json
import time
import uuid
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from sheets_pipeline.cli import run_sync
from sheets_pipeline.components import tab_asset
from sheets_pipeline.components.tab_asset import tab_assets, watched
from sheets_pipeline.control.operations import Operations
from sheets_pipeline.dagster_runtime.at_once import HOSTS_TAG
from sheets_pipeline.database import held_tabs, history
from sheets_pipeline.database.triggers import install
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs.event_sync import pending_events
from sheets_pipeline.defs.full_sync import request_full_sync
from sheets_pipeline.defs.io_managers import SheetsIOManager
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.edits import looks
from sheets_pipeline.edits.apply import apply_due
from sheets_pipeline.edits.intake import Intake, Taken
from sheets_pipeline.edits.messages import MessageRefused
from sheets_pipeline.edits.signature import secret_of, sign
from sheets_pipeline.errors import TabProblem, UnknownTab
from sheets_pipeline.monitoring.doctor_facts import Facts
from sheets_pipeline.monitoring.doctor_spreadsheets import other_spreadsheets
from sheets_pipeline.monitoring.status import collect
from sheets_pipeline.monitoring.why import explain
from sheets_pipeline.runs.edit_looks import look_everywhere
from sheets_pipeline.runs.gate import current_circuit, spreadsheet_circuit
from sheets_pipeline.runs.job_pool import in_turns
from sheets_pipeline.runs.list_sync import PARTS_TAG, TABS_TAG
from sheets_pipeline.runs.parted import Parted
from sheets_pipeline.runs.run_tags import SPREADSHEET_TAG, run_tags
from sheets_pipeline.runs.tick_wait import TickWait
from sheets_pipeline.settings import load_settings
from sheets_pipeline.sync.spreadsheet import Credential, Spreadsheet
from sheets_pipeline_tests.school import TABS, School


@pytest.mark.usefixtures("patient_tabs")
def test_each_copy_holds_its_own_rows_and_a_row_that_moves_is_never_in_neither(school: School) -> None:
    assert school.run("full_sync").success
    assert school.values(school.office) == [["Ada", 1, 1, 91.5], ["Ada", 2, 1], ["Bob", 1, 2, 7.25]]
    assert school.run("full_sync_courses").success
    assert school.course("1") == [["Ada", 1, 1, 91.5], ["Ada", 2, 1]]
    assert school.course("2") == [["Bob", 1, 2, 7.25]]
    assert school.course("3") == []
    assert school.course("1", "Best") == [["Ada", 1, 91.5]]
    assert school.run("event_sync").success

    school.server.reset_stats()
    assert school.run("full_sync_courses").success
    assert school.requests() == (3, 0)  # one read for both tabs of each spreadsheet

    school.sql("update attempt set score = 8 where learner = 'Bob'; update attempt set course = 3 where lesson = 2")
    assert school.run("event_sync").success
    assert (school.course("1"), school.course("2")) == ([["Ada", 1, 1, 91.5]], [["Bob", 1, 2, 8]])
    assert school.course("3") == [["Ada", 2, 3]]
    assert school.values(school.office)[1] == ["Ada", 2, 3]

    school.sql("alter table attempt disable trigger all; update attempt set course = 2 where lesson = 2")
    assert school.run("full_sync_courses").success
    assert (school.course("2"), school.course("3")) == ([["Ada", 2, 2], ["Bob", 1, 2, 8]], [])
    school.sql("alter table attempt enable trigger all; delete from attempt where learner = 'Bob'")
    assert school.run("event_sync").success
    assert (school.course("2"), school.course("2", "Best")) == ([["Ada", 2, 2]], [["Ada", 2]])


def test_a_spreadsheet_that_is_gone_fails_alone_and_is_left_alone_afterwards(school: School) -> None:
    assert school.run("full_sync_courses").success
    school.sql("update attempt set score = 1; update school_course set sheet = 'in_the_bin' where id = 2")
    result = school.run("full_sync_courses")
    assert not result.success
    assert school.course("1")[0] == ["Ada", 1, 1, 1]
    [failure] = [event for event in result.all_events if event.is_step_failure]
    text = str(failure.step_failure_data.user_failure_data)
    assert "2 of 6 could not be written" in text
    assert "teacher2@example.org" in text
    school.sql("update attempt set score = 2")
    assert school.run("event_sync").success  # its circuit is open: no request, and a full sync writes it once it can
    assert school.course("1")[0] == ["Ada", 1, 1, 2]
    assert len(history.recent(school.platform.pipeline.state, spreadsheet_id="in_the_bin")) == 2
    circuits = {part: spreadsheet_circuit(school.at(part)).state for part in "123"}
    assert circuits == {"1": "closed", "2": "open", "3": "closed"}
    operations = Operations(load_settings(), lambda: school.platform.pipeline, school.platform.instance)
    failed = {record.tab for record in operations.recent(outcome="failed")}
    assert failed == {"Attempts @ courses/2", "Best @ courses/2"}
    assert {record.tab for record in operations.recent(tab="Attempts @ courses/1")} == {"Attempts @ courses/1"}
    assert {record.tab for record in operations.recent(tab="Best", by_copy=False)} == {"Best"}
    stats = operations.stats(5)
    assert (stats["Best"]["failed"], stats["Courses"]["syncs"]) == (1, 0)
    assert stats["Best"]["syncs"] == 1 + stats["Best"]["successful"] == 1 + len(operations.recent(tab="Best")) - 1
    facts = Facts()
    facts.settings, facts.services = school.platform.pipeline.settings, school.platform.pipeline.services
    school.sql("update school_course set sheet = 'no address!' where id = 3")
    finding = other_spreadsheets(facts)
    assert finding.level == "fail"
    assert finding.message.startswith("2 of 4 spreadsheets cannot be kept in step.")
    assert "courses/2:" in finding.message
    assert "Its owner is teacher2@example.org" in finding.message
    assert "the url of the spreadsheet '3' of 'courses' must be" in finding.message
    school.sql(f"update school_course set sheet = '{school.sheets['3']}'")
    school.sql("update attempt set course = null; delete from school_course where id < 3")
    school.sql(f"insert into school_course values (4, '{school.server.create_spreadsheet('New')}', null)")
    assert other_spreadsheets(facts).message == "3 spreadsheets, 1 not yet written"
    assert current_circuit(school.platform.instance, school.platform.pipeline).state == "closed"


EDITED = """\
type: sheets_pipeline.Tab
attributes:
  title: Scores
  key: [learner, lesson]
  sql: select learner, lesson, course, score from attempt
  columns:
    - {name: learner}
    - {name: lesson, type: integer}
    - {name: course, type: integer}
    - {name: score, type: decimal, editable: true, writes_to: attempt.score}
  edits: {row: {table: attempt, key: {learner: learner, lesson: lesson}}}
  watches: [{table: attempt, key: [learner, lesson]}]
  spreadsheet: {each: courses, by: course}
---
type: sheets_pipeline.Tab
attributes:
  title: Scores
  key: id
  sql: select id, owner from school_course
  columns: [{name: id, type: integer}, {name: owner, editable: true, writes_to: school_course.owner}]
  edits: {row: {table: school_course, key: {id: id}}}
"""


def test_events_of_a_tab_that_cannot_be_used_are_passed_by_and_it_is_written_once_it_can(
    school: School, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def declare(text: str) -> None:
        (tmp_path / "tabs" / "school.yaml").write_text(text)
        for name in ("_BY_KEY", "_LOADED"):
            monkeypatch.setattr(tab_asset, name, {})
        monkeypatch.setattr(tab_asset, "_DECLARED", [])

    declare(TABS + "  watches: [{table: school_course, key: id}]\n")
    install(school.platform.engine, watched())
    assert school.run("full_sync").success
    declare(TABS + "  watches: [{table: school_course, key: id}]\n  onremoved: keep\n")
    school.sql("update school_course set owner = 'new' where id = 1; update attempt set score = 5 where lesson = 1")
    school.sql("insert into pending_event (entity, key) values ('attempt', 'nonsense')")
    assert school.run("event_sync").success
    assert school.values(school.office)[0] == ["Ada", 1, 1, 5]
    with school.platform.engine.connect() as connection:
        left = connection.exec_driver_sql("select entity, key from pending_event").all()
    assert left == [("attempt", "nonsense")]  # which is nobody's, whatever is mended
    declare(TABS + "  watches: [{table: school_course, key: id}]\n")
    assert school.run("full_sync").success
    assert school.values(school.platform.spreadsheet_id, "Courses")[0] == [1, "new"]


def test_edits_come_back_from_each_spreadsheet_into_the_table_of_its_tab(
    school: School, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("EDITS_ENABLED", "true")
    (tmp_path / "tabs" / "scores.yaml").write_text(EDITED)
    monkeypatch.setattr(tab_asset, "_BY_KEY", {})
    monkeypatch.setattr(tab_asset, "_LOADED", {})
    monkeypatch.setattr(tab_asset, "_DECLARED", [])
    install(school.platform.engine, watched())
    school.platform.reopen()
    pipeline = school.platform.pipeline
    assert school.run("full_sync").success
    assert school.run("full_sync_courses").success

    def type_in(where: str, cell: str, value: Any) -> None:
        path = f"/v4/spreadsheets/{where}/values/Scores!{cell}?valueInputOption=USER_ENTERED"
        school.server.call("PUT", path, {"values": [[value]]})

    def held(sql: str) -> Any:
        with school.platform.engine.connect() as connection:
            return connection.exec_driver_sql(sql).scalar()

    bobs = "select score from attempt where learner = 'Bob'"
    type_in(school.sheets["2"], "D2", 8)
    assert school.run("full_sync_courses").success  # found by reading
    assert held(bobs) == 8
    assert school.course("2", "Scores") == [["Bob", 1, 2, 8]]

    def message(where: str, column: str, key: list[Any], value: Any) -> Taken:
        now = int(time.time())
        said = {"id": str(uuid.uuid4()), "kind": "edit", "spreadsheet": where, "tab": "Scores", "at": now * 1000}
        said |= {"locale": "en_US", "zone": "Etc/UTC", "columns": [column], "rows": [{"key": key, "cells": [value]}]}
        said |= {"new": str(value)}
        body = json.dumps(said).encode()
        intake = Intake(lambda: pipeline, "secret", is_enabled=lambda: True)
        return intake.receive(body, str(now), sign(secret_of(where, "secret"), str(now), body))

    type_in(school.sheets["2"], "D2", 9)
    assert message(school.sheets["2"], "score", ["Bob", 1], 9).cells == 1
    type_in(school.platform.spreadsheet_id, "B2", "Grace")
    assert message(school.platform.spreadsheet_id, "owner", [1], "Grace").cells == 1
    apply_due(pipeline)
    assert (held(bobs), held("select owner from school_course where id = 1")) == (9, "Grace")
    with pytest.raises(MessageRefused, match="another"):
        message("not_ours", "score", ["Bob", 1], 9)

    type_in(school.sheets["2"], "D2", 7)  # its message says nothing of the cell: the tab is read
    assert message(school.sheets["2"], "score", ["Nobody", 1], 1).asks_for_look
    with school.platform.engine.begin() as connection:
        connection.exec_driver_sql("update sheet_tab_look set due_at = now() - interval '1 minute'")
    assert look_everywhere(pipeline) == 1
    with school.platform.engine.begin() as connection:  # as of a spreadsheet that has left its list
        connection.exec_driver_sql(
            "with gone as (insert into sync_tab (spreadsheet_id, tab) values ('gone', 'Scores') returning id) "
            "insert into sheet_tab_look (tab_id, due_at) select id, now() - interval '1 minute' from gone"
        )
    assert looks.spreadsheets_due(pipeline.state) == {"gone"}
    assert look_everywhere(pipeline) == 0
    assert looks.spreadsheets_due(pipeline.state) == set()  # or whoever waits for the next one would never rest
    apply_due(pipeline)
    assert held(bobs) == 7
    assert school.run("event_sync").success
    school.server.reset_stats()
    assert school.run("full_sync_courses").success
    assert school.requests()[1] == 0


def test_why_a_row_is_as_it_is_is_told_where_it_belongs_and_of_each_copy(school: School) -> None:
    assert school.run("full_sync_courses").success
    instance, pipeline = school.platform.instance, school.platform.pipeline
    tab = next(one for one in tab_assets().values() if one.tab.name == "Attempts @ courses")
    found = explain(instance, pipeline, tab, ["Bob", "1"], None)
    assert (found.name, found.row_number) == ("Attempts @ courses/2", 2)
    assert found.reasons == ["The tab holds what the database gives."]
    school.sql("update attempt set course = 3 where learner = 'Bob'")
    found = explain(instance, pipeline, tab, ["Bob", "1"], "score")
    assert (found.name, found.row_number) == ("Attempts @ courses/3", None)
    assert any("event is on its way" in reason for reason in found.reasons)
    assert found.reasons[-1] == "A row with its key stands in courses/2, too."
    left = explain(instance, pipeline, tab, ["Bob", "1"], None, "2")
    assert left.facts.database is None
    assert "no longer in the query's result" in left.reasons[0]
    school.sql("update attempt set course = null where learner = 'Ada'; delete from pending_event")
    assert school.run("full_sync_courses").success
    with pytest.raises(TabProblem, match=r"belongs into none of them: its course is ''"):
        explain(instance, pipeline, tab, ["Ada", "1"], None)
    with pytest.raises(TabProblem, match="has no spreadsheet '9'"):
        explain(instance, pipeline, tab, ["Bob", "1"], None, "9")


def test_checks_judge_each_copy_and_name_those_with_a_problem(school: School) -> None:
    key = next(one.key for one in tab_assets().values() if one.tab.name == "Attempts @ courses")
    checks = dg.AssetSelection.checks(dg.AssetCheckKey(key, "no_drift"), dg.AssetCheckKey(key, "header_intact"))
    again = dg.define_asset_job("again", selection=checks)

    def found(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str | None]]:
        evaluations = [one for one in result.get_asset_check_evaluations() if one.asset_key == key]
        return {one.check_name: (one.passed, one.description) for one in evaluations}

    first = found(school.run("full_sync_courses"))
    assert len(first) == 7
    assert all(passed for passed, _ in first.values())
    cell = f"/v4/spreadsheets/{school.sheets['2']}/values/Attempts!D2?valueInputOption=RAW"
    school.server.call("PUT", cell, {"values": [["typed"]]})
    passed, told = found(school.run("full_sync_courses"))["no_drift"]
    assert not passed
    assert told
    assert told.startswith("Attempts @ courses/2: People changed 1 cells")
    school.server.call("PUT", cell, {"values": [["typed"]]})
    school.sql("alter table attempt disable trigger all")
    school.sql("insert into attempt values ('Eve', 1, 2, 5); alter table attempt enable trigger all")
    assert found(school.run("full_sync_courses"))["no_drift"] == (False, told)
    school.server.call("PUT", cell, {"values": [["typed"]]})
    school.sql("alter table attempt disable trigger all; update attempt set course = 3 where learner = 'Eve'")
    moved = found(school.run("full_sync_courses"))
    assert moved["no_drift"] == (False, told)  # the copy that a row left was looked at, too
    assert moved["row_count_equal"][0], moved
    school.sql("alter table attempt enable trigger all")
    job = dg.Definitions.merge(defs(), dg.Definitions(jobs=[again])).resolve_job_def("again")
    by_hand = found(job.execute_in_process(instance=school.platform.instance))
    assert by_hand["no_drift"] == (False, told)
    assert by_hand["header_intact"][0]
    school.server.call("PUT", cell.replace("D2", "B1"), {"values": [["lesson"]]})
    school.server.call("PUT", cell.replace("D2", "F1"), {"values": [["lesson"]]})
    school.sql("update attempt set score = 12 where learner = 'Ada'")
    result = school.run("full_sync_courses")
    assert found(result)["no_drift"] == (True, None)  # it was repaired
    passed, told = found(result)["header_intact"]
    assert (passed, str(told)[:21]) == (False, "Attempts @ courses/2:")
    written = [one.partition for one in result.all_events if one.is_step_materialization]
    assert "1" in written  # although the step failed


def test_while_the_default_spreadsheet_rests_the_others_are_kept_in_step(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance, pipeline = school.platform.instance, school.platform.pipeline
    monkeypatch.setattr("sheets_pipeline.sync.circuit.FIRST_PAUSE_SECONDS", 600)
    monkeypatch.setattr("sheets_pipeline.defs.event_sync._tick_wait", TickWait(5.0, most_seconds=0.1))
    context = dg.build_sensor_context(instance=instance, resources={"pipeline": PipelineResource()})

    def events() -> dict[str, Any] | None:
        asked = pending_events(context)
        return dict(asked.tags) | {"sheets_pipeline/next_tick": "0"} if isinstance(asked, dg.RunRequest) else None

    assert school.run("full_sync", tags=run_tags(pipeline)).success
    assert school.run("full_sync_courses").success
    school.server.faults(action="error", status=403, count=None, spreadsheet=school.platform.spreadsheet_id)
    assert not school.run("full_sync", tags=run_tags(pipeline)).success
    for by_hand in (True, False):
        tags = {} if by_hand else run_tags(pipeline, others=True)
        assert school.run("full_sync_courses", tags=tags).success
    assert current_circuit(instance, pipeline).state == "open"

    school.sql("update attempt set score = 3; insert into school_course values (7, null, 'new@example.org')")
    asked_for = events()
    assert asked_for
    assert SPREADSHEET_TAG not in asked_for
    assert school.run("event_sync", tags=asked_for).success
    assert school.course("1")[0] == ["Ada", 1, 1, 3]
    assert school.values(school.office)[0] == ["Ada", 1, 1, 3]
    school.sql("insert into pending_event (entity, key) values ('school_course', '[7]')")
    assert events() is None or school.run("event_sync", tags=events()).success
    held_tabs.hold(pipeline.state, pipeline.spreadsheet.id, {"Courses"})
    assert events() is None  # what the default one missed waits, without runs

    school.sql("alter table attempt disable trigger all; update attempt set score = 4")
    asked = request_full_sync(instance, PipelineResource(), datetime(2026, 5, 4, 10, 0, tzinfo=UTC))
    assert isinstance(asked, dg.RunRequest), asked
    assert len(asked.asset_selection or []) == 1
    assert school.run("full_sync", tags=dict(asked.tags), asset_selection=asked.asset_selection).success
    assert school.values(school.office)[0] == ["Ada", 1, 1, 4]
    assert current_circuit(instance, pipeline).state == "open"

    school.server.clear_faults()
    assert school.run("full_sync", tags=run_tags(pipeline)).success
    assert current_circuit(instance, pipeline).state == "closed"
    assert [row[1] for row in school.values(school.platform.spreadsheet_id, "Courses")][-1] == "new@example.org"


def test_a_new_course_is_a_partition_and_is_filled_without_a_reload(school: School) -> None:
    instance, pipeline = school.platform.instance, school.platform.pipeline
    sensor = defs().resolve_sensor_def("full_sync_courses")

    def tick() -> Any:
        context = dg.build_sensor_context(
            instance=instance, resources={"pipeline": PipelineResource()}, definitions=defs()
        )
        return sensor.evaluate_tick(context)

    first = tick()
    [add] = first.dynamic_partitions_requests or []
    assert list(add.partition_keys) == ["1", "2", "3"]
    instance.add_dynamic_partitions("courses", ["1", "2", "3", "9"])
    [request] = first.run_requests or []
    assert school.run("full_sync_courses", tags=dict(request.tags)).success
    sheet = school.server.create_spreadsheet("Course 4")
    school.sql(f"insert into school_course values (4, '{sheet}'); update attempt set course = 4 where learner = 'Bob'")
    second = tick()
    assert [list(change.partition_keys) for change in second.dynamic_partitions_requests or []] == [["4"], ["9"]]
    [request] = second.run_requests or []
    assert school.run("full_sync_courses", tags=dict(request.tags)).success
    assert school.values(sheet) == [["Bob", 1, 4, 7.25]]
    assert pipeline is school.platform.pipeline


def test_a_partition_is_written_by_itself_and_leaves_no_row_in_neither(school: School) -> None:
    assert school.run("full_sync_courses").success
    school.platform.instance.add_dynamic_partitions("courses", ["1", "2", "3"])
    school.sql("update attempt set course = 3")
    key = dg.AssetKey(next(one.key.path for one in tab_assets().values() if one.tab.name == "Attempts @ courses"))

    def materialize(part: str) -> bool:
        assets = [one.asset for one in tab_assets().values()]
        return dg.materialize(
            assets,
            selection=[key],
            partition_key=part,
            instance=school.platform.instance,
            resources={"pipeline": PipelineResource(), "sheets_io_manager": SheetsIOManager.definition()},
        ).success

    assert materialize("1")
    assert school.course("1") == [["Ada", 1, 1, 91.5], ["Ada", 2, 1]]  # they do not stand elsewhere yet
    assert materialize("3")
    assert len(school.course("3")) == 3
    assert materialize("1")
    assert school.course("1") == []


def test_spreadsheets_that_cannot_be_used_are_told(school: School) -> None:
    school.sql(
        f"insert into school_course values (5, 'no id'), (6, '{school.sheets['1']}'), (7, null);"
        "insert into attempt values ('Eve', 1, 5, 1), ('Eve', 2, 6, 1), ('Eve', 3, 77, 1)".replace("77", "7")
    )
    result = school.run("full_sync_courses")
    assert not result.success
    text = str([event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure])
    assert "the url of the spreadsheet '5' of 'courses' must be" in text
    assert "it is the same spreadsheet as '1'" in text
    assert len(school.course("1")) == 2


def test_a_list_that_loses_all_rows_at_once_is_asked_about(school: School) -> None:
    assert school.run("full_sync_courses").success
    school.sql("alter table attempt disable trigger all; delete from attempt")
    result = school.run("full_sync_courses")
    assert not result.success
    assert len(school.course("1")) == 2


def test_status_and_the_command_name_each_copy(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_sync, "opened_instance", lambda: nullcontext(school.platform.instance))
    result = run_sync.run_sync([], None)
    copies = {f"{title} @ courses/{part}" for title in ("Attempts", "Best") for part in "123"}
    plain = {"Attempts @ office", "Best", "Courses"}
    assert set(result["tabs"]) == copies | {"Attempts @ office", "Courses"}
    assert result["status"] == "success"
    school.sql("update school_course set sheet = 'in_the_bin' where id = 2")
    again = run_sync.run_sync(["Best"], None, spreadsheet="courses")
    assert (set(again["tabs"]), set(again["errors"])) == (
        {"Best @ courses/1", "Best @ courses/3"},
        {"Best @ courses/2"},
    )
    assert run_sync.failed_titles() == ["Best @ courses/2"]
    one = run_sync.run_sync(["Attempts @ courses/3"], None)
    assert set(one["tabs"]) == {"Attempts @ courses/3"}
    assert set(run_sync.plan_sync([], None, spreadsheet="courses/1")) == {"Attempts @ courses/1", "Best @ courses/1"}
    with pytest.raises(UnknownTab, match="Known: courses, default, office"):
        run_sync.run_sync([], None, spreadsheet="offices")
    status = collect(school.platform.instance, school.platform.pipeline)
    assert set(status.tabs) == copies | plain - {"Best"}
    switch = defs().resolve_sensor_def("tab_Best")
    resources = {"pipeline": PipelineResource()}
    context = dg.build_sensor_context(instance=school.platform.instance, resources=resources, definitions=defs())
    assert "stopped: " in str(switch.evaluate_tick(context).skip_message)
    assert {name: tab.consecutive_failures for name, tab in status.tabs.items() if tab.consecutive_failures} == {
        "Best @ courses/2": 1
    }
    assert status.tabs["Best @ courses/1"].url.startswith(
        f"{school.server.endpoint}/spreadsheets/d/{school.sheets['1']}/"
    )


def test_a_row_that_moves_into_a_spreadsheet_out_of_reach_stays_where_it_is(school: School) -> None:
    assert school.run("full_sync_courses").success
    school.sql("update school_course set sheet = 'in_the_bin' where id = 3; delete from pending_event")
    stays = [["Ada", 1, 1, 91.5], ["Ada", 2, 1]]
    school.sql("update attempt set course = 3 where lesson = 2")
    for _ in range(2):  # tried, then left alone as its circuit is open
        assert school.run("event_sync").success
        assert school.course("1") == stays
        school.sql("update attempt set score = 5 where lesson = 2")
    assert not school.run("full_sync_courses").success
    assert school.course("1") == stays


def test_spreadsheets_take_turns_by_credential() -> None:
    def job(credential: str, number: int) -> Any:
        return SimpleNamespace(
            number=number, target=SimpleNamespace(spreadsheet=Spreadsheet("", "", "", Credential(credential)))
        )

    jobs = [[job("a", 1)], [job("a", 2)], [job("a", 3)], [job("b", 4)]]
    assert [vars(together[0])["number"] for together in in_turns(jobs)] == [1, 4, 2, 3]


@pytest.mark.parametrize(("leaves", "moved", "gone"), [(True, {"k"}, set()), (False, set(), {"k"})])
def test_a_row_that_is_marked_or_kept_where_it_stood_need_not_wait_to_leave(
    leaves: bool, moved: set[str], gone: set[str]
) -> None:
    here: Any = SimpleNamespace(spreadsheet=Spreadsheet("", "A", "", part="1"))
    rows = Parted(pd.DataFrame(), {"k": {"2"}}, {"1": "A", "2": "B"}, leaves, {"k": {"A"}}, pd.Series(dtype=object))
    assert (rows.moved_away(here), rows.gone_from(here, {"k"})) == (moved, gone)


BOUND = """\
type: sheets_pipeline.Credential
attributes: {name: teacher, key_file: teacher.json, hosts: school_a}
---
"""


def test_spreadsheets_of_a_credential_that_is_bound_to_hosts_are_written_there_alone(
    school: School, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    query = "select id, sheet as url, owner from"
    with_credential = query.replace("owner", "owner, case when id = 2 then 'teacher' end as credential")
    (tmp_path / "tabs" / "school.yaml").write_text(BOUND + TABS.replace(query, with_credential))
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setattr(school.platform.pipeline, "settings", load_settings())
    for name in ("_BY_KEY", "_LOADED"):
        monkeypatch.setattr(tab_asset, name, {})
    key = Path(school.server.credentials_file)
    sensor = defs().resolve_sensor_def("full_sync_courses")

    def asked() -> list[Any]:
        """Tags of the runs that the sensor asks for, for hosts."""
        context = dg.build_sensor_context(school.platform.instance, resources={"pipeline": PipelineResource()})
        result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        return [run.tags for run in result.run_requests or [] if HOSTS_TAG in run.tags]

    def on_its_hosts() -> bool:
        [tags] = asked()
        (tmp_path / "teacher.json").write_bytes(key.read_bytes())  # there is none elsewhere
        try:
            return school.run("full_sync_courses", tags=tags).success
        finally:
            (tmp_path / "teacher.json").unlink()

    assert school.run("full_sync_courses").success
    assert school.course("1", "Best") == [["Ada", 1, 91.5]]
    titles = school.server.call("GET", f"/v4/spreadsheets/{school.sheets['2']}")["sheets"]
    assert [one["properties"]["title"] for one in titles] == ["Sheet1"]
    [tags] = asked()
    assert (tags[HOSTS_TAG], tags[PARTS_TAG], tags[TABS_TAG]) == (
        "school_a",
        '["2"]',
        '["Attempts @ courses", "Best"]',
    )
    assert on_its_hosts()
    assert school.course("2") == [["Bob", 1, 2, 7.25]]
    assert asked() == []

    school.sql("update attempt set score = 8 where learner = 'Bob'; update attempt set course = 2 where lesson = 2")
    assert school.run("event_sync").success
    assert school.course("2") == [["Bob", 1, 2, 7.25]]
    assert school.course("1") == [["Ada", 1, 1, 91.5], ["Ada", 2, 1]]  # it stays until it stands where it belongs
    assert on_its_hosts()
    assert school.course("2") == [["Ada", 2, 2], ["Bob", 1, 2, 8]]
    assert school.run("full_sync_courses").success
    assert school.course("1") == [["Ada", 1, 1, 91.5]]
