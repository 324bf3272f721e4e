"""What fails in one tab: the tab is named with its reason, nothing of a cell is shown, and every other tab is written."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import dagster as dg
import pandas as pd
import pytest
import sqlalchemy as sa
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.components.tab_asset import TabAsset, tab_assets
from sheets_pipeline.database import history
from sheets_pipeline.database.digits import StoredDecimal
from sheets_pipeline.errors import DatabaseError, LimitExceeded, TabFailed, TabProblem
from sheets_pipeline.monitoring.status import collect
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.runs import gate
from sheets_pipeline.runs.computed import ComputedTab, Computing, rows_of
from sheets_pipeline.runs.preflight import check_all
from sheets_pipeline.runs.run_tags import run_tags
from sheets_pipeline.runs.tab_failures import computing, computing_failed
from sheets_pipeline.sheets.client import SheetsClient
from sheets_pipeline.sheets.memory import TabFacts
from sheets_pipeline.sync.circuit import Circuit
from sheets_pipeline.sync.health import Health
from sheets_pipeline.sync.tab import Column, Tab
from sheets_pipeline_tests.learning_platform import Platform, job_of


def tab(title: str) -> TabAsset:
    return next(tab_asset for tab_asset in tab_assets().values() if tab_asset.tab.title == title)


@contextmanager
def computed_by(title: str, function: Any) -> Iterator[None]:
    """The rows of one tab come from another function."""
    tab_asset = tab(title)
    original = tab_asset.compute
    object.__setattr__(tab_asset, "compute", lambda connection, ids, **_since: function(connection, ids))
    try:
        yield
    finally:
        object.__setattr__(tab_asset, "compute", original)


def run(platform: Platform, job: str = "full_sync", **options: Any) -> dg.ExecuteInProcessResult:
    return job_of(job).execute_in_process(
        instance=platform.instance, raise_on_error=False, tags=run_tags(platform.pipeline), **options
    )


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """Failed step → what it says."""
    failed = [event for event in result.all_events if event.is_step_failure]
    return {str(event.step_key): str(event.step_failure_data.user_failure_data.description) for event in failed}  # type: ignore[union-attr]


def everything_kept(platform: Platform, result: dg.ExecuteInProcessResult) -> str:
    """All that Dagster keeps of a run, as text."""
    return " ".join(str(entry) for entry in platform.instance.all_logs(result.run_id))


def sql(text: str) -> Any:
    return lambda connection, _ids: pd.read_sql(sa.text(text), connection)


def raises(error: BaseException) -> Any:
    def compute(*_: Any) -> Any:
        raise error

    return compute


def doubled(connection: sa.Connection, _ids: Any) -> pd.DataFrame:
    return pd.read_sql(sa.text("select id as course_id, title, title from courses"), connection)


class Odd(BaseException):
    """No Exception, as SystemExit."""


BROKEN = [
    (sql("select idd from users"), 'UndefinedColumn: column "idd" does not exist LINE 1: select idd'),
    (
        sql("select full_name::integer as user_id from users"),
        "InvalidTextRepresentation: invalid input syntax for type integer: ...",
    ),
    (sql("select pg_sleep(20)"), "DATABASE_STATEMENT_TIMEOUT_SECONDS"),
    (sql("select * from no_such_table"), "has no table no_such_table"),
    (sql("select id as user_id from users"), "are missing"),
    (lambda *_: None, "expected its function to return a DataFrame, found NoneType"),
    (doubled, "more than once"),
    (raises(SystemExit("Ada Secret")), "Unexpected SystemExit (test_alone_with_its_faults.py, line "),
    (raises(Odd("Ada Secret")), "Unexpected Odd (test_alone"),
    (raises(MemoryError("Ada Secret")), "Unexpected MemoryError (test_alone"),
    (raises(ValueError("Ada Secret")), "Unexpected ValueError (test_alone"),
    (raises(AttributeError("no attribute 'x'")), "Unexpected AttributeError: no attribute 'x'"),
]

TITLES = ["course_statistics", "quiz_responses", "TranscriptRequests", "UserProfiles"]


@pytest.mark.parametrize("first", range(0, len(BROKEN), 3))
def test_what_fails_in_three_tabs_is_told_of_each_and_the_fourth_is_written(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT_SECONDS", "1")
    platform.reopen()
    some, good = BROKEN[first : first + 3], TITLES[3 - first // 3]  # the first tab of a run is a broken one, and is not
    broken = dict(zip([title for title in TITLES if title != good], some, strict=True))
    with platform.engine.begin() as connection:
        connection.execute(sa.text("update users set full_name = 'Ada Secret' where id = 3"))
    with ExitStack() as stack:
        for title, (function, _) in broken.items():
            stack.enter_context(computed_by(title, function))
        result = run(platform)
        status = collect(platform.instance, platform.pipeline)
    said = failures(result)
    assert set(said) == {tab(title).key.to_python_identifier() for title in broken}
    for title, (_, words) in broken.items():
        message = said[tab(title).key.to_python_identifier()]
        assert message.startswith(f"Tab {title!r}: ")
        assert words in message
        error = status.tabs[title].last_error
        assert error
        assert error.message == message
        assert (status.tabs[title].health, status.tabs[title].failed_syncs) == (Health.WARNING, 1)
    recorded = history.recent(platform.pipeline.state, outcome="failed")
    assert {one.tab for one in recorded} == set(broken), "known, too, once the run's log is removed"
    assert platform.rows(good)
    assert status.tabs[good].health is Health.HEALTHY
    assert gate.current_circuit(platform.instance, platform.pipeline) == Circuit()
    kept = everything_kept(platform, result)
    assert "pg_sleep" not in kept
    assert said
    assert all("Secret" not in message for message in said.values())


def batch_update(platform: Platform, request: dict[str, Any]) -> None:
    platform.server.call("POST", f"/v4/spreadsheets/{platform.spreadsheet_id}:batchUpdate", {"requests": [request]})


def sheet_id(platform: Platform, title: str) -> int:
    sheets = platform.server.call("GET", f"/v4/spreadsheets/{platform.spreadsheet_id}")["sheets"]
    return next(int(one["properties"]["sheetId"]) for one in sheets if one["properties"]["title"] == title)


@pytest.fixture
def signed_in(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """The same with a server that looks at who asks; its helpers ask as somebody else, who may edit, too."""
    with LocalSheetsServer(auth="service-account") as server:
        platform.server, platform.spreadsheet_id = server, server.create_spreadsheet("Platform")
        monkeypatch.setenv("SPREADSHEET_ID", platform.spreadsheet_id)
        monkeypatch.setenv("SHEETS_API_ENDPOINT", server.endpoint)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(server.credentials_file))
        platform.reopen()
        somebody = Credentials.from_service_account_file(
            server.add_account("somebody"), scopes=["https://www.googleapis.com/auth/spreadsheets"]
        )
        server.share(platform.spreadsheet_id, "somebody@local-sheets.iam.gserviceaccount.com")
        somebody.refresh(Request())
        signed, call = {"Authorization": f"Bearer {somebody.token}"}, server.call
        monkeypatch.setattr(server, "call", lambda method, path, body=None: call(method, path, body, signed))
        yield platform


def test_a_protected_range_concerns_its_tab_and_neither_the_others_nor_the_circuit(signed_in: Platform) -> None:
    platform = signed_in
    assert run(platform).success
    area = {"sheetId": sheet_id(platform, "UserProfiles")}
    batch_update(platform, {"addProtectedRange": {"protectedRange": {"range": area}}})
    before = platform.rows("UserProfiles"), platform.rows("course_statistics")
    for _ in range(2):
        [submitted] = submit_quizzes(platform.engine, 1, 100)
        assert run(platform, "event_sync").success
    assert platform.rows("UserProfiles") == before[0]
    assert platform.rows("course_statistics") != before[1]
    assert submitted.response_id in platform.rows("quiz_responses")
    with platform.engine.connect() as connection:
        left = connection.execute(sa.text("select waits_for, reason from pending_event")).all()
    assert {row.waits_for for row in left} == {'["UserProfiles"]'}
    assert all(row.reason.startswith("Tab 'UserProfiles': ") and "protected" in row.reason for row in left)
    said = failures(run(platform))
    assert set(said) == {"user_profiles"}
    assert said["user_profiles"].startswith("Tab 'UserProfiles': ")
    assert "choose Data > Protect sheets and ranges" in said["user_profiles"]
    alone = run(platform, asset_selection=[dg.AssetKey("user_profiles")])
    assert not alone.success
    assert gate.current_circuit(platform.instance, platform.pipeline) == Circuit()


@pytest.mark.parametrize("job", ["full_sync", "event_sync"])
def test_a_tab_renamed_between_reading_and_writing_is_read_again(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, job: str
) -> None:
    assert run(platform).success
    list(submit_quizzes(platform.engine, 1, 100))
    before, write = platform.rows("course_statistics"), SheetsClient.write
    properties = {"sheetId": sheet_id(platform, "course_statistics"), "title": "Courses by people"}

    def renamed_first(client: SheetsClient, *arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(SheetsClient, "write", write)
        batch_update(platform, {"updateSheetProperties": {"properties": properties, "fields": "title"}})
        return write(client, *arguments, **named)

    monkeypatch.setattr(SheetsClient, "write", renamed_first)
    assert run(platform, job).success
    assert platform.rows("Courses by people") != before


def test_tabs_that_need_not_grow_go_on_while_others_do_not_fit(platform: Platform) -> None:
    grows, fits = (pd.DataFrame({"n": range(rows)}) for rows in (2000, 3))
    assert run(platform).success
    big = {"title": "big", "gridProperties": {"rowCount": 99_300, "columnCount": 100}}
    batch_update(platform, {"addSheet": {"properties": big}})
    computed = {
        tab_asset.key: ComputedTab(grows if title == "UserProfiles" else fits, 0.0, tab_asset.tab)
        for title in TITLES
        if (tab_asset := tab(title))
    }
    failed = check_all(platform.pipeline, computed)
    assert set(failed) == {tab("UserProfiles").key}
    assert isinstance(failed[tab("UserProfiles").key], LimitExceeded)


def test_google_is_asked_before_a_run_where_a_tab_has_to_grow_and_only_there(platform: Platform) -> None:
    tab_asset = replace(tab("course_statistics"), tab=Tab("of a hundred rows", ("n",), (Column("n"),)))
    grid = TabFacts(1, "Etc/GMT", {}, time.time(), row_count=100)
    platform.pipeline.writer(tab_asset.tab).memory.save_facts(grid)
    for rows, reads in ((99, 0), (100, 1)):  # below the header
        platform.server.reset_stats()
        computed = ComputedTab(pd.DataFrame({"n": range(rows)}), 0.0, tab_asset.tab)
        assert check_all(platform.pipeline, {tab_asset.key: computed}) == {}
        assert platform.server.stats()["totals"]["reads"] == reads


def test_a_database_that_is_down_is_asked_once_and_told_by_every_tab(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def down(_self: Any, _pipeline: Any, tab_asset: TabAsset) -> None:
        asked.append(tab_asset.tab.title)
        raise DatabaseError("The database cannot be reached.")

    monkeypatch.setattr(Computing, "__init__", down)
    result = run(platform)
    assert set(failures(result).values()) == {"The database cannot be reached."}
    assert len(failures(result)) == 4
    assert len(asked) == 1


def test_a_query_that_fails_while_the_database_answers_never_opens_the_circuit(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT_SECONDS", "1")
    platform.reopen()
    with computed_by("UserProfiles", sql("select pg_sleep(20)")):
        key = [tab("UserProfiles").key]
        for _ in range(2):
            assert not run(platform, asset_selection=key).success
    assert gate.current_circuit(platform.instance, platform.pipeline) == Circuit()
    with platform.engine.begin() as connection:
        connection.execute(sa.text("delete from pending_event"))
    with computed_by("UserProfiles", sql("select pg_sleep(20)")), platform.engine.connect() as connection:
        list(submit_quizzes(platform.engine, 1, 100))
        assert run(platform, "event_sync").success
        assert connection.scalar(sa.text("select count(*) from pending_event where attempts = 1"))
        [record, *_] = history.recent(platform.pipeline.state, tab="UserProfiles")
    assert record.error_kind == "TabProblem"


def test_an_unexpected_error_names_its_class_and_place_and_not_its_words() -> None:
    try:
        dict[str, int]()["Ada Secret"]
    except KeyError as error:
        failure = computing_failed("Orders", error, __file__)
    assert isinstance(failure, TabFailed)
    assert not failure.needs_person
    assert "Unexpected KeyError (test_alone_with_its_faults.py, line " in str(failure)
    assert "Secret" not in str(failure)


def test_what_a_database_said_is_not_kept_beside_our_words(platform: Platform) -> None:
    with pytest.raises(TabProblem) as caught, computing(platform.pipeline.platform, tab("UserProfiles")):
        raise ValueError("Ada Secret")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_digits_that_a_tabs_reader_dropped_are_in_its_rows_again() -> None:
    exact = {column.name: [StoredDecimal("12345678901234567.89")] for column in tab("course_statistics").tab.columns}
    tab_asset = replace(tab("course_statistics"), compute=lambda *_: pd.DataFrame(exact).astype(float))
    rows = rows_of(tab_asset, sa.Connection, None)  # type: ignore[arg-type] # the function needs none
    assert str(rows["course_id"].iloc[0]) == "12345678901234567.89"
