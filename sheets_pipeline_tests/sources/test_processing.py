"""Processing sources: tasks, versions, schema changes, notices, and processes that die; over HTTP and in PostgreSQL."""

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import sqlalchemy as sa

from sheets_pipeline.components.declared import DeclaredSource
from sheets_pipeline.components.yaml_nodes import Fault
from sheets_pipeline.database import source_notices, source_tasks
from sheets_pipeline.errors import DatabaseError, SourceProblem
from sheets_pipeline.sheets.retry import RetryPolicy
from sheets_pipeline.sources import processing
from sheets_pipeline.sources import reading as reading_module
from sheets_pipeline.sources.api import Sources
from sheets_pipeline.sources.postgresql import PostgresqlStore
from sheets_pipeline.sources.processing import Processed, process
from sheets_pipeline.sources.telling import SIGNATURE_HEADER, TIMESTAMP_HEADER, tell_due
from sheets_pipeline.sync.source import OnChange, OnSchemaChange, Source, SourceRange
from sheets_pipeline_tests.learning_platform import Platform, platform

__all__ = ["platform"]


class Killed(BaseException):
    """What ends a process at some moment."""


@pytest.fixture
def ground(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """The spreadsheet has a tab of somebody's; two sources may be declared of it."""
    monkeypatch.setattr(reading_module, "SETTLE_SECONDS", 0.01)
    put(platform, [["id", "name"], [1, "Ada"], [2, "Grace"]])
    return platform


def put(platform: Platform, rows: list[list[Any]]) -> None:
    spreadsheet = f"/v4/spreadsheets/{platform.spreadsheet_id}"
    platform.server.call("POST", f"{spreadsheet}/values/A1:Z100:clear", {})
    body = {"valueInputOption": "USER_ENTERED", "data": [{"range": "A1", "values": rows}]}
    platform.server.call("POST", f"{spreadsheet}/values:batchUpdate", body)


def declared(platform: Platform, name: str = "people", **options: Any) -> DeclaredSource:
    source = Source(name, name, options.pop("spreadsheet_id", platform.spreadsheet_id), **options)
    return DeclaredSource(name, "f.yaml", "/f.yaml", 1, source=source)


def one(done: list[Processed]) -> Processed:
    [only] = done
    return only


def test_a_source_is_read_stored_and_unchanged_the_next_time(ground: Platform):
    source, pipeline = declared(ground), ground.pipeline
    first = one(process(pipeline, [source], run_id="one"))
    assert (first.task.id, first.task.state, first.task.changed, first.task.rows) == (
        "one:people",
        "completed",
        True,
        2,
    )
    second = one(process(pipeline, [source], run_id="two"))
    assert (second.task.state, second.task.changed) == ("completed", False)
    assert second.task.content_hash == first.task.content_hash
    put(ground, [["id", "name"], [1, "Ada"], [2, "Grace"], [3, "Edsger"]])
    third = one(process(pipeline, [source], run_id="three"))
    assert third.version is not None
    assert (third.task.changed, third.version.number, third.task.rows) == (True, 2, 3)
    assert third.task.result is not None
    assert third.task.result["previous_rows"] == 2
    assert [task.run_id for task in source_tasks.recent(pipeline.state, source="people")] == ["three", "two", "one"]


def test_what_is_wrong_with_one_source_is_its_own(ground: Platform):
    broken = DeclaredSource("broken", "f.yaml", "/f.yaml", 7, faults=(Fault(7, "url is missing"),))
    gone = declared(ground, "gone", ranges=(SourceRange(tab="Nowhere"),))
    elsewhere = declared(ground, "elsewhere", spreadsheet_id="1" * 44)
    seen: list[str] = []
    done = process(
        ground.pipeline,
        [broken, gone, declared(ground), elsewhere],
        progress=lambda done: seen.append(done.declared.id),
    )
    assert [one.task.state for one in done] == ["failed", "failed", "completed", "failed"]
    assert sorted(seen) == ["broken", "elsewhere", "gone", "people"]
    assert "f.yaml, line 7: url is missing." in str(done[0].task.error)
    assert "Nowhere" in str(done[1].task.error)


def test_sources_of_one_spreadsheet_share_one_request(ground: Platform):
    sources = [declared(ground, f"s{i}") for i in range(3)]
    process(ground.pipeline, sources)
    before = len(ground.server.requests())
    process(ground.pipeline, sources)
    assert len(ground.server.requests()) - before == 1


@pytest.mark.parametrize("when", list(OnSchemaChange))
def test_other_columns_are_taken_held_or_refused(ground: Platform, when: OnSchemaChange):
    source, pipeline = declared(ground, on_schema_change=when), ground.pipeline
    first = one(process(pipeline, [source])).version
    put(ground, [["id", "name", "mail"], [1, "Ada", "a@example.org"]])
    second = one(process(pipeline, [source]))
    latest = PostgresqlStore(pipeline.state).latest("people")
    if when is OnSchemaChange.ACCEPT:
        assert (second.task.state, second.schema_change, second.is_held) == ("completed", "new: mail", False)
        assert latest == second.version != first
    elif when is OnSchemaChange.HOLD:
        assert (second.task.state, second.is_held, latest) == ("completed", True, first)
        assert second.task.result == {"held": "new: mail"}
        sources = Sources(pipeline=pipeline)
        sources.declared = [source]
        with pytest.raises(SourceProblem, match="something else is held back by now: new: mail"):
            sources.accept("people", "new: age")
        assert sources.accept("people") == "new: mail"
        put(ground, [["id", "name", "mail", "age"], [1, "Ada", "a@example.org", 36]])
        assert one(process(pipeline, [source])).is_held  # that is another change
        put(ground, [["id", "name", "mail", ""], [1, "Ada", "a@example.org", ""]])
        assert one(process(pipeline, [source])).schema_change == "new: mail"
        put(ground, [["id", "name"], [1, "Ada"]])
        assert one(process(pipeline, [source])).is_held  # what was accepted is done with
        put(ground, [["id", "name", "mail"], [2, "Ada", "a@example.org"]])
        assert not one(process(pipeline, [source])).is_held
        with pytest.raises(SourceProblem, match="nothing of it is held back"):
            sources.accept("people")
    else:
        assert (second.task.state, latest) == ("failed", first)
        assert "(new: mail)" in str(second.task.error)


def test_a_store_that_is_down_fails_tasks_and_the_next_run_goes_on(ground: Platform, monkeypatch: pytest.MonkeyPatch):
    source, pipeline = declared(ground), ground.pipeline

    def down(*_: object) -> None:
        raise DatabaseError("The store cannot be reached.")

    with monkeypatch.context() as patch:
        patch.setattr(processing, "open_store", down)
        failed = one(process(pipeline, [source]))
        assert (failed.task.state, failed.task.error) == ("failed", "The store cannot be reached.")
    with monkeypatch.context() as patch:
        patch.setattr(PostgresqlStore, "put", down)
        assert one(process(pipeline, [source])).task.failures == 2
    assert one(process(pipeline, [source])).task.changed is True


@pytest.mark.parametrize("status", [403, 429, 503])
@pytest.mark.parametrize("after", range(4))
def test_a_source_that_is_taken_away_in_mid_read_keeps_its_versions_and_goes_on_later(
    ground: Platform, after: int, status: int, monkeypatch: pytest.MonkeyPatch
):
    """Unshared, without quota, or Google down: at the first request, and after so many were answered."""
    source, pipeline = declared(ground), ground.pipeline
    monkeypatch.setattr("sheets_pipeline.sheets.client.RetryPolicy", lambda: RetryPolicy(total_seconds=0.05))
    first = one(process(pipeline, [source])).version
    assert first is not None
    put(ground, [["id", "name"], [1, "Ada"], [2, "Bob"], [3, "Cyd"]])
    ground.server.faults(action="error", status=status, spreadsheet=ground.spreadsheet_id, skip=after, count=None)
    failed = one(process(pipeline, [source]))
    store = PostgresqlStore(pipeline.state)
    assert (failed.task.state, store.versions("people")) == ("failed", [first])
    assert len(list(store.rows(first))) == 2
    ground.server.clear_faults()
    done = one(process(pipeline, [source]))
    assert (done.task.state, done.task.rows, done.task.changed) == ("completed", 3, True)


#: Where a process is killed: the function that it no longer ends, and whether the version was stored by then.
MOMENTS = [
    pytest.param("read_group", id="while it reads"),
    pytest.param("keep", id="after the version was stored"),
    pytest.param("note_change", id="while it notes whom to tell"),
    pytest.param("tell_due", id="before others were told"),
]


@pytest.mark.parametrize("moment", MOMENTS)
def test_wherever_a_process_is_killed_the_next_one_goes_on(
    ground: Platform, receiver: "Receiver", moment: str, monkeypatch: pytest.MonkeyPatch
):
    source, pipeline = declared(ground, on_change=(OnChange(receiver.url, "s3cret"),)), ground.pipeline

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(processing, moment, killed)
        with pytest.raises(Killed):
            process(pipeline, [source], run_id="killed")
    store = PostgresqlStore(pipeline.state)
    for version in store.versions("people"):
        assert len(list(store.rows(version))) == version.rows == 2
    with pipeline.state.begin() as connection:
        long_ago = source_tasks.source_task.c.alive_at - source_tasks.DEAD_SECONDS - 1
        connection.execute(sa.update(source_tasks.source_task).values(alive_at=long_ago))
    done = one(process(pipeline, [source], run_id="next"))
    assert (done.task.state, done.task.rows) == ("completed", 2)
    assert {task.state for task in source_tasks.recent(pipeline.state)} <= {"completed", "failed"}
    assert [message["version"] for message in receiver.messages] == [1]
    assert source_notices.untold(pipeline.state) == {}


class Receiver:
    """Takes webhooks; answers with the codes that it is given, then with 200."""

    def __init__(self) -> None:
        self.codes: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                code = receiver.codes.pop(0) if receiver.codes else 200
                if code == 200:
                    receiver.got.append((dict(self.headers), body))
                self.send_response(code)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/hook"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_a_new_version_is_told_signed_and_again_until_it_is_taken(ground: Platform, receiver: Receiver):
    receiver.codes = [503]
    source = declared(ground, on_change=(OnChange(receiver.url, "s3cret"),), tags=("law",))
    pipeline = ground.pipeline
    process(pipeline, [source])
    assert source_notices.untold(pipeline.state) == {"people": "The webhook answered 503."}
    with pipeline.state.begin() as connection:
        connection.execute(sa.update(source_notices.source_notice).values(due_at=0))
    assert tell_due(pipeline.state, [source]) == 1
    process(pipeline, [source])  # nothing has changed
    [(headers, body)] = receiver.got
    signed = headers[TIMESTAMP_HEADER].encode() + b"." + body
    assert headers[SIGNATURE_HEADER] == hmac.new(b"s3cret", signed, hashlib.sha256).hexdigest()
    message = json.loads(body)
    assert (message["source"], message["rows"], message["previous_rows"], message["tags"]) == (
        "people",
        2,
        None,
        ["law"],
    )
    assert b"Ada" not in body
    assert message["link"].endswith(f"/spreadsheets/d/{ground.spreadsheet_id}/edit")


def test_an_address_of_apprises_is_told_and_again_until_it_takes_it(ground: Platform, receiver: Receiver):
    receiver.codes = [500]
    source = declared(ground, on_change=(OnChange(notify=receiver.url.replace("http", "json")),))
    process(ground.pipeline, [source])
    assert source_notices.untold(ground.pipeline.state) == {"people": "The address did not take the message."}
    with ground.pipeline.state.begin() as connection:
        connection.execute(sa.update(source_notices.source_notice).values(due_at=0))
    assert tell_due(ground.pipeline.state, [source]) == 1
    [message] = receiver.messages
    assert message["title"] == "people has changed"
    assert message["message"].startswith("Version 1 has 2 rows. Hash ")
    assert message["message"].endswith(f"/spreadsheets/d/{ground.spreadsheet_id}/edit")


def test_an_address_that_the_declaration_names_no_longer_is_told_nothing(ground: Platform, receiver: Receiver):
    receiver.codes = [503]
    source = declared(ground, on_change=(OnChange(receiver.url),))
    process(ground.pipeline, [source])
    with ground.pipeline.state.begin() as connection:
        connection.execute(sa.update(source_notices.source_notice).values(due_at=0))
    other = replace(source, source=replace(source.source, on_change=()))  # type: ignore[type-var]
    assert tell_due(ground.pipeline.state, [other]) == 0
    assert receiver.got == []
    assert not source_notices.any_due(ground.pipeline.state)
