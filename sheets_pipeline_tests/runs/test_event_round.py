"""What becomes of events when a row, a tab or the whole spreadsheet cannot be written."""

import importlib
import re
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa

from sheets_pipeline.components import tab_asset as tab_asset_module
from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.database import events, triggers
from sheets_pipeline.database.event_table import pending_event
from sheets_pipeline.database.frames import read_frame
from sheets_pipeline.database.locks import named_lock
from sheets_pipeline.database.quota import BULK, URGENT, sync_quota_slot
from sheets_pipeline.definitions import defs
from sheets_pipeline.defs import event_sync
from sheets_pipeline.defs.event_sync import pending_events
from sheets_pipeline.defs.resources import PipelineResource
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.runs import event_round
from sheets_pipeline.runs.jobs import Job
from sheets_pipeline.runs.settling import Failure
from sheets_pipeline.runs.switches import enabled_tabs
from sheets_pipeline.runs.targets import Target
from sheets_pipeline.runs.tick_wait import TickWait
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.retry import RetryPolicy
from sheets_pipeline.sync.tab import Column, ColumnType, Tab
from sheets_pipeline.sync.watch import Watch
from sheets_pipeline_tests.learning_platform import Platform, job_of


def run(platform: Platform, job: str = "event_sync", **options: Any) -> dg.ExecuteInProcessResult:
    return job_of(job).execute_in_process(instance=platform.instance, raise_on_error=False, **options)


def change(platform: Platform, *statements: str) -> None:
    with platform.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def queue(platform: Platform) -> list[dict[str, Any]]:
    with platform.engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(pending_event)).mappings()]


def make_due(platform: Platform) -> None:
    """As if the pause were over."""
    change(platform, "update pending_event set retry_at = null")


def rename_header(platform: Platform, tab: str, cell: str, text: str) -> None:
    path = f"/v4/spreadsheets/{platform.spreadsheet_id}/values/{tab}!{cell}?valueInputOption=RAW"
    platform.server.call("PUT", path, {"values": [[text]]})


@contextmanager
def broken(tab: str, error: Exception) -> Iterator[None]:
    """The query of one tab raises."""
    tab_asset = next(tab_asset for tab_asset in tab_assets().values() if tab_asset.tab.title == tab)

    def compute(*_: Any) -> Any:
        raise error

    original = tab_asset.compute
    object.__setattr__(tab_asset, "compute", compute)
    try:
        yield
    finally:
        object.__setattr__(tab_asset, "compute", original)


LONG_NAME = (
    "alter table users alter column full_name type text",
    "delete from pending_event",
    "update users set full_name = repeat('x', 50001) where id = 3",
    "update users set full_name = 'Ada Short' where id = 4",
)


def test_a_row_that_cannot_be_written_is_set_aside_with_its_reason_and_holds_up_nobody(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNC_EVENT_MAX_ATTEMPTS", "2")
    platform.reopen()
    run(platform, "full_sync")
    change(platform, *LONG_NAME)
    result = run(platform)
    assert result.success
    assert platform.rows("UserProfiles")[4]["full_name"] == "Ada Short"
    left = queue(platform)
    assert {(row["key"], row["attempts"], row["set_aside_at"]) for row in left} == {("3", 1, None)}
    assert all("UserProfiles" in row["waits_for"] for row in left)
    platform.server.reset_stats()
    assert run(platform).success  # the pause is not over: nobody looks
    assert platform.server.stats()["totals"]["reads"] == 0
    make_due(platform)
    assert run(platform).success
    left = queue(platform)
    assert all(row["set_aside_at"] is not None and "50,001 characters" in row["reason"] for row in left)
    change(platform, "update users set full_name = 'Grace' where id = 3")
    with platform.engine.begin() as connection:
        events.retry(connection)
    assert run(platform).success
    assert queue(platform) == []
    assert platform.rows("UserProfiles")[3]["full_name"] == "Grace"


def test_a_broken_tab_neither_fails_the_run_nor_has_other_tabs_written_again(platform: Platform) -> None:
    run(platform, "full_sync")
    change(platform, "delete from pending_event")
    before = platform.rows("UserProfiles")
    with broken("course_statistics", RuntimeError("secret cell")):
        [submitted] = submit_quizzes(platform.engine, 1, 100)
        result = run(platform)
        assert result.success
        assert platform.rows("UserProfiles")[submitted.user_id] != before[submitted.user_id]
        left = queue(platform)
        assert {(row["waits_for"], row["attempts"]) for row in left} == {('["course_statistics"]', 1)}
        assert "Unexpected RuntimeError" in left[0]["reason"]
        assert "secret" not in left[0]["reason"]
    platform.server.reset_stats()
    make_due(platform)
    assert run(platform).success
    assert queue(platform) == []
    totals = platform.server.stats()["totals"]
    assert (totals["reads"], totals["writes"]) == (1, 1)


def test_a_renamed_header_counts_as_an_attempt_and_mending_it_lets_the_event_through(platform: Platform) -> None:
    run(platform, "full_sync")
    change(platform, "delete from pending_event")
    path = f"/v4/spreadsheets/{platform.spreadsheet_id}:batchUpdate"
    tabs = platform.server.call("GET", f"/v4/spreadsheets/{platform.spreadsheet_id}")["sheets"]
    sheet_id = next(t["properties"]["sheetId"] for t in tabs if t["properties"]["title"] == "course_statistics")
    column = {"sheetId": sheet_id, "dimension": "COLUMNS", "startIndex": 1, "endIndex": 2}
    platform.server.call("POST", path, {"requests": [{"deleteDimension": {"range": column}}]})
    list(submit_quizzes(platform.engine, 1, 100))
    assert run(platform).success
    left = queue(platform)
    assert left
    assert all(row["attempts"] == 1 and "['title']" in row["reason"] for row in left)
    empty = {"range": column, "inheritFromBefore": False}
    platform.server.call("POST", path, {"requests": [{"insertDimension": empty}]})
    rename_header(platform, "course_statistics", "B1", "title")
    make_due(platform)
    assert run(platform).success
    assert queue(platform) == []


def test_a_full_sync_settles_events_that_failed_before_it_except_for_rows_that_it_sets_aside(
    platform: Platform,
) -> None:
    run(platform, "full_sync")
    change(platform, *LONG_NAME)
    with broken("course_statistics", RuntimeError("broken")):
        submitted = list(submit_quizzes(platform.engine, 2, 100, seed=1))
        assert run(platform).success
    assert 3 not in {one.user_id for one in submitted}  # whose row is too long, so that their events would stay
    change(platform, "update pending_event set set_aside_at = now() where id = (select min(id) from pending_event)")
    before = {(row["entity"], row["waits_for"]) for row in queue(platform)}
    assert ("quiz_response", '["course_statistics"]') in before
    assert any(entity == "user" for entity, _ in before)
    run(platform, "full_sync")
    left = {row["entity"] for row in queue(platform)}
    assert left == {"user"}


def test_one_full_sync_settles_an_event_that_waited_for_two_tabs(platform: Platform) -> None:
    run(platform, "full_sync")
    change(platform, "delete from pending_event")
    with broken("course_statistics", RuntimeError("broken")), broken("UserProfiles", RuntimeError("broken")):
        list(submit_quizzes(platform.engine, 1, 100))
        assert run(platform).success
    assert {row["waits_for"] for row in queue(platform)} == {'["UserProfiles", "course_statistics"]'}
    run(platform, "full_sync")
    assert queue(platform) == []


@pytest.mark.parametrize("status", [503, 403, 429])
def test_errors_of_the_whole_spreadsheet_count_no_attempt(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    run(platform, "full_sync")
    change(platform, "delete from pending_event")
    list(submit_quizzes(platform.engine, 1, 100))
    monkeypatch.setattr("sheets_pipeline.sheets.client.RetryPolicy", lambda: RetryPolicy(total_seconds=0.2))
    platform.server.faults(action="error", status=status, count=None)
    assert not run(platform).success
    left = queue(platform)
    assert left
    assert all(row["attempts"] == 0 and row["set_aside_at"] is None and row["retry_at"] is None for row in left)


def test_a_tab_that_another_process_writes_counts_no_attempt(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(platform, "full_sync")
    change(platform, "delete from pending_event")
    list(submit_quizzes(platform.engine, 1, 100))
    monkeypatch.setattr("sheets_pipeline.pipeline.named_lock", partial(named_lock, timeout_seconds=0.3))
    name = f"Tab 'quiz_responses' of {platform.spreadsheet_id}"
    with named_lock(platform.engine, name):
        result = run(platform)
        assert not result.success
    written = {str(event.asset_key) for event in result.all_events if event.is_step_materialization}
    assert written == {"AssetKey(['course_statistics'])", "AssetKey(['user_profiles'])"}  # although the step failed
    left = queue(platform)
    assert left
    assert all(row["attempts"] == 0 and row["set_aside_at"] is None and row["retry_at"] is None for row in left)
    assert {row["waits_for"] for row in left} == {'["quiz_responses"]'}
    assert run(platform).success
    assert queue(platform) == []


@pytest.mark.parametrize(("tab", "name"), [("UserProfiles", "full_name"), ("quiz_responses", "user")])
def test_a_tab_sorted_in_the_moment_in_which_events_are_written_is_right_at_once(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tab: str, name: str
) -> None:
    change(platform, "update users set full_name = 'Learner ' || id")
    run(platform, "full_sync")
    change(platform, "delete from pending_event", "update users set full_name = full_name || '!' where id in (3, 4)")
    sheets = platform.server.call("GET", f"/v4/spreadsheets/{platform.spreadsheet_id}")["sheets"]
    sheet_id = next(one["properties"]["sheetId"] for one in sheets if one["properties"]["title"] == tab)
    order = {"dimensionIndex": 0, "sortOrder": "DESCENDING"}
    sort = {"sortRange": {"range": {"sheetId": sheet_id, "startRowIndex": 1}, "sortSpecs": [order]}}
    before, write = platform.rows(tab), SheetsClient.write

    def sorted_first(client: SheetsClient, *arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(SheetsClient, "write", write)
        path = f"/v4/spreadsheets/{platform.spreadsheet_id}:batchUpdate"
        platform.server.call("POST", path, {"requests": [sort]})
        return write(client, *arguments, **named)

    monkeypatch.setattr(SheetsClient, "write", sorted_first)
    assert run(platform).success
    after = platform.rows(tab)
    assert list(after) == sorted(before, reverse=True)
    changed = {"Learner 3": "Learner 3!", "Learner 4": "Learner 4!"}
    assert after == {key: row | {name: changed.get(row[name], row[name])} for key, row in before.items()}
    assert after != before
    assert queue(platform) == []


def test_events_of_a_switched_off_tab_let_no_queue_grow_and_the_tab_is_written_once_it_is_on(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_sync, "_tick_wait", TickWait(5.0, most_seconds=0.1))
    run(platform, "full_sync")
    change(platform, "delete from pending_event")
    everything = enabled_tabs

    def without_courses(*_: Any) -> list[TabAsset]:
        return [tab_asset for tab_asset in everything(platform.instance) if tab_asset.tab.title != "course_statistics"]

    monkeypatch.setattr(event_round, "enabled_tabs", without_courses)
    before = platform.rows("course_statistics")
    [submitted] = submit_quizzes(platform.engine, 1, 100)
    assert run(platform).success
    assert queue(platform) == []
    assert platform.rows("course_statistics") == before
    context = dg.build_sensor_context(instance=platform.instance, resources={"pipeline": PipelineResource()})
    assert isinstance(pending_events(context), dg.SkipReason)
    monkeypatch.setattr(event_round, "enabled_tabs", everything)
    assert isinstance(pending_events(context), dg.RunRequest)
    assert run(platform).success
    after = platform.rows("course_statistics")[submitted.course_id]
    assert after["quiz_submissions"] == before[submitted.course_id]["quiz_submissions"] + 1
    assert isinstance(pending_events(context), dg.SkipReason)


def test_500_transcript_requests_at_once_are_one_run_with_one_write(platform: Platform) -> None:
    change(
        platform,
        "insert into transcript_requests (user_id, course_id, status, pdf_generate, requested_at, updated_at) "
        "select 1 + n % 60, 1 + n % 4, 'pending', true, now(), now() from generate_series(1, 500) n",
    )
    run(platform, "full_sync")
    change(platform, "delete from pending_event")
    change(platform, "update transcript_requests set status = 'rejected', updated_at = now()")
    platform.server.reset_stats()
    assert run(platform).success
    totals = platform.server.stats()["totals"]
    assert totals["writes"] <= 3
    rows = platform.rows("TranscriptRequests")
    assert len(rows) >= 500
    assert {row["status"] for row in rows.values()} == {"rejected"}
    assert queue(platform) == []


@pytest.mark.usefixtures("patient_tabs")
def test_three_tabs_of_a_submission_cost_one_read_and_one_write(platform: Platform) -> None:
    run(platform, "full_sync")
    change(platform, "delete from pending_event")
    [submitted] = submit_quizzes(platform.engine, 1, 100)
    before = {title: platform.rows(title) for title in ("UserProfiles", "course_statistics")}
    platform.server.reset_stats()
    result = run(platform)
    totals = platform.server.stats()["totals"]
    assert (totals["reads"], totals["writes"]) == (1, 1)
    assert all(platform.rows(title) != rows for title, rows in before.items())
    assert submitted.response_id in platform.rows("quiz_responses")
    metadata = [event.materialization.metadata for event in result.all_events if event.is_step_materialization]
    numbers: list[dict[str, Any]] = [{name: value.value for name, value in one.items()} for one in metadata]
    assert len(numbers) == 3
    assert sum(one["read_requests"] + one["write_requests"] for one in numbers) == 2
    assert sum(one["shared_requests"] for one in numbers) == 4


def test_of_many_events_a_locked_tab_holds_up_no_other(platform: Platform) -> None:
    run(platform, "full_sync")
    change(platform, "delete from pending_event")
    submitted = list(submit_quizzes(platform.engine, 20, 1000))
    first = next(tab_asset.tab for tab_asset in tab_assets().values() if tab_asset.tab.title == "course_statistics")
    before = platform.rows("course_statistics")
    with ThreadPoolExecutor(1) as beside:
        with platform.pipeline.writer(first).lock():
            running = beside.submit(run, platform)
            wait_until(lambda: {one.response_id for one in submitted} <= platform.rows("quiz_responses").keys())
            assert platform.rows("course_statistics") == before
        assert running.result(timeout=60).success
    assert platform.rows("course_statistics") != before
    assert queue(platform) == []


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ({"a": [1, 2], "b": None, "c": [1]}, ["c", "a", "b"]),
        ({"a": None, "b": None}, ["a", "b"]),
        ({}, []),
    ],
)
def test_tabs_with_few_rows_go_first(asked: dict[str, Collection[Any] | None], order: list[str]) -> None:
    assert event_round.fewest_first(asked) == order


def kind_of_sync(result: dg.ExecuteInProcessResult) -> Any:
    """How the tab of learners was written."""
    users = [e for e in result.all_events if e.is_step_materialization and "user_profiles" in str(e.asset_key)]
    return users[0].materialization.metadata["sync"].value


def test_events_that_touch_half_of_a_large_tab_have_it_written_as_a_whole(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(platform, "full_sync")
    change(platform, "delete from pending_event", "update users set full_name = full_name || '!'")
    monkeypatch.setattr(event_round, "FEW_ROWS", 10)
    monkeypatch.setattr("sheets_pipeline.sync.touch_cost.FEW_ROWS", 10)
    result = run(platform)
    assert result.success
    assert kind_of_sync(result) == "full"
    assert all(row["full_name"].endswith("!") for row in platform.rows("UserProfiles").values())
    change(platform, "update users set full_name = full_name || '?' where id <= 20")
    result = run(platform)
    assert kind_of_sync(result) == "events"


def test_a_tab_of_ones_own_is_refreshed_by_events_of_ones_own(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(
        platform,
        "create table orders (id text primary key, total int)",
        "insert into orders values ('A-1', 5), ('A-2', 7)",
    )
    tab = Tab("Orders", ("id",), (Column("id"), Column("total", ColumnType.INTEGER)), entities=("order",))

    query = "select id, total from orders where :everything or id = any(:ids)"

    def orders(connection: sa.Connection, ids: Collection[Any] | None) -> pd.DataFrame:
        return read_frame(connection, query, {"everything": ids is None, "ids": list(ids or [])})

    monkeypatch.setattr(tab_asset_module, "_BY_KEY", tab_assets())
    tab_asset_module.tab_asset(tab)(orders)
    with platform.engine.begin() as connection:
        events.record_event(connection, "order", "A-1", "order_placed")
    assert run(platform).success  # creates the tab
    change(
        platform, "delete from pending_event", "update orders set total = 50", "insert into orders values ('A-3', 9)"
    )
    with platform.engine.begin() as connection:
        events.record_event(connection, "order", "A-1", "order_changed")
        events.record_event(connection, "order", "A-3", "order_placed")
    assert run(platform).success
    assert {key: row["total"] for key, row in platform.rows("Orders").items()} == {"A-1": 50, "A-2": 7, "A-3": 9}
    change(platform, "update orders set total = 1", "delete from orders where id = 'A-3'")
    with platform.engine.begin() as connection:
        events.record_event(connection, "order", "A-1", "order_changed")
        events.record_event(connection, "order", "A-3", "order_deleted")
    assert run(platform).success
    assert {key: row["total"] for key, row in platform.rows("Orders").items()} == {"A-1": 1, "A-2": 7}
    assert queue(platform) == []
    # A query that does not find a live row by the key it is given (here: ids in capitals) takes no row away.
    broken = query.replace("any(:ids)", "any(array(select lower(i) from unnest(cast(:ids as text[])) i))")
    change(platform, "update orders set total = 2")
    query = broken
    with platform.engine.begin() as connection:
        events.record_event(connection, "order", "A-1", "order_changed")
    assert run(platform).success
    assert {key: row["total"] for key, row in platform.rows("Orders").items()} == {"A-1": 2, "A-2": 7}


def test_a_watch_whose_query_fails_holds_up_its_own_tab_alone(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(platform, "create table orders (id text primary key, buyer bigint)", "insert into orders values ('A-1', 7)")
    broken = Watch("users", keys_sql="select id from orders where customer = :id")  # there is no such column
    tab = Tab("Orders", ("id",), (Column("id"), Column("buyer", ColumnType.INTEGER)), watches=(broken,))
    monkeypatch.setattr(tab_asset_module, "_BY_KEY", tab_assets())
    tab_asset_module.tab_asset(tab)(lambda connection, _: read_frame(connection, "select id, buyer from orders"))
    run(platform, "full_sync")
    change(platform, "delete from pending_event", "update users set full_name = 'Renamed' where id = 7")
    result = run(platform)
    assert result.success
    assert platform.rows("UserProfiles")[7]["full_name"] == "Renamed"
    [event] = queue(platform)
    assert (event["waits_for"], event["attempts"]) == ('["Orders"]', 1)
    assert "keys_sql of its watch of users fails" in event["reason"]
    assert "customer" in event["reason"]
    without = [tab_asset for tab_asset in enabled_tabs(platform.instance) if tab_asset.tab.title != "Orders"]
    monkeypatch.setattr(event_round, "enabled_tabs", lambda _: without)
    make_due(platform)
    assert run(platform).success
    assert queue(platform) == []


def test_a_watch_reads_and_changes_nothing(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    change(platform, "create table orders (id text primary key)", "insert into orders values ('A-1')")
    deletes = "with gone as (delete from orders returning id) select id from gone where cast(:id as text) <> ''"
    tab = Tab("Orders", ("id",), (Column("id"),), watches=(Watch("users", keys_sql=deletes),))
    monkeypatch.setattr(tab_asset_module, "_BY_KEY", tab_assets())
    tab_asset_module.tab_asset(tab)(lambda connection, _: read_frame(connection, "select id from orders"))
    run(platform, "full_sync")
    change(platform, "delete from pending_event", "update users set full_name = 'Renamed' where id = 7")
    assert run(platform).success
    assert "read-only" in queue(platform)[0]["reason"]
    with platform.engine.connect() as connection:
        assert connection.scalar(sa.text("select count(*) from orders")) == 1


def test_the_example_of_the_docs_with_a_key_of_two_columns_works_as_it_stands_there(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    docs = (Path(__file__).parents[2] / "docs" / "use" / "events.md").read_text()
    code = next(block for block in re.findall(r"```python\n(.*?)```", docs, re.DOTALL) if "STOCK = Tab(" in block)
    insert = next(block for block in re.findall(r"```sql\n(.*?)```", docs, re.DOTALL) if "'stock'" in block)
    monkeypatch.setattr(tab_asset_module, "_BY_KEY", tab_assets())
    (tmp_path / "stock_of_the_docs.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.import_module("stock_of_the_docs")
    change(
        platform,
        "create table stock (region text, part int, pieces int)",
        "insert into stock values ('EU', 7, 1), ('EU', 8, 2), ('US', 7, 3)",
        insert,
    )
    assert run(platform).success  # creates the tab
    change(platform, "update stock set pieces = pieces + 10", insert)
    with platform.engine.begin() as connection:
        events.record_event(connection, "stock", ("US", 7), "stock_changed")
    change(platform, "delete from stock where region = 'EU' and part = 7")
    assert run(platform).success
    assert sorted(platform.values("Stock")[1:]) == [["EU", 8, 2], ["US", 7, 13]]
    assert queue(platform) == []


@pytest.mark.parametrize(
    ("failure", "keys", "concerned"),
    [
        pytest.param(Failure("A", "r"), {"1"}, True, id="the whole tab"),
        pytest.param(Failure("A", "r", frozenset({"7"})), {"7", "8"}, True, id="one of the rows"),
        pytest.param(Failure("A", "r", frozenset({"7"})), {"8"}, False, id="another row"),
        pytest.param(Failure("A", "r", frozenset({"7"})), None, True, id="an event of the whole tab"),
    ],
)
def test_a_failure_concerns_the_events_that_touch_what_failed(
    failure: Failure, keys: set[str] | None, concerned: bool
) -> None:
    assert failure.concerns(keys) is concerned


def test_without_triggers_full_syncs_and_their_checks_go_on_and_the_sensor_says_what_to_do(platform: Platform) -> None:
    triggers.remove(platform.engine)
    job = defs().resolve_job_def("full_sync")
    result = job.execute_in_process(instance=platform.instance)
    assert result.success
    told = {
        check.description for check in result.get_asset_check_evaluations() if check.check_name == "no_events_set_aside"
    }
    assert all("sheets-pipeline db install" in str(description) for description in told)
    skipped = pending_events(
        dg.build_sensor_context(instance=platform.instance, resources={"pipeline": PipelineResource()})
    )
    assert isinstance(skipped, dg.SkipReason)
    assert "sheets-pipeline db install" in str(skipped.skip_message)


def test_a_full_sync_that_waits_for_quota_keeps_no_event_waiting(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(platform, "full_sync")
    monkeypatch.setenv("SHEETS_READS_PER_MINUTE", "60")
    platform.reopen()
    pipeline = platform.pipeline
    use_up_reads(platform, 54)  # what bulk work may use while there are urgent requests
    tab_asset = next(tab_asset for tab_asset in tab_assets().values() if tab_asset.tab.title == "UserProfiles")
    client = pipeline.client(BULK)
    with ThreadPoolExecutor(1) as beside:
        full = beside.submit(event_round.sync_touched, Job(Target(tab_asset, pipeline), None), client)
        wait_until(lambda: waiting_for_quota(platform))
        [submitted] = submit_quizzes(platform.engine, 1, 100)
        before = platform.rows("UserProfiles")[submitted.user_id]
        assert run(platform).success
        assert platform.rows("UserProfiles")[submitted.user_id] != before
        assert not full.done()
        change(platform, "delete from sync_quota_slot where state = 'answered'")
        assert full.result(timeout=30).traffic.quota_wait_seconds > 0


def use_up_reads(platform: Platform, number: int) -> None:
    """So many requests have been sent this minute, an urgent one among them."""
    quota = platform.pipeline.quota(URGENT)
    with quota.slot("read"):
        pass
    slot = {"credential": quota.credential, "kind": "read", "priority": BULK, "state": "answered", "at": time.time()}
    with platform.engine.begin() as connection:
        connection.execute(sync_quota_slot.delete())
        connection.execute(sync_quota_slot.insert(), [slot] * number)


def waiting_for_quota(platform: Platform) -> bool:
    with platform.engine.connect() as connection:
        return bool(connection.scalar(sa.text("select count(*) from sync_quota_slot where state = 'waiting'")))


def wait_until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so within {seconds:.0f} s"
        time.sleep(0.05)
