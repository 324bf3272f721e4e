"""Traces of runs, as a receiver of OTLP over HTTP gets them."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from sheets_pipeline import tracing
from sheets_pipeline.platform.simulate import submit_quizzes
from sheets_pipeline.runs.traced import TRACE_TAG
from sheets_pipeline.settings import Settings
from sheets_pipeline_tests.learning_platform import Platform, job_of


class Receiver(ThreadingHTTPServer):
    """Keeps what it is sent; answers with ``status`` once ``may_answer``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: set[str] = set()
        self.status, self.may_answer = 200, threading.Event()
        self.may_answer.set()
        self.endpoint = f"http://127.0.0.1:{self.server_address[1]}"

    def spans(self) -> list[dict[str, Any]]:
        """All of them, with name, attributes, trace, error and the name of the span above."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        found = [
            span for each in requests for of in each.resource_spans for scope in of.scope_spans for span in scope.spans
        ]
        names = {span.span_id: span.name for span in found}
        return [
            {
                "name": span.name,
                "trace": span.trace_id.hex(),
                "above": names.get(span.parent_span_id),
                "error": span.status.code == 2,
                **{one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes},
            }
            for span in found
        ]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.may_answer.wait(60)
        self.server.bodies.append(body)
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.paths.add(self.path)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(tracing, "_LAST_WORDS_SECONDS", 30.0)  # on a slow machine, too
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.may_answer.set()
        server.shutdown()


@pytest.mark.usefixtures("patient_tabs")
def test_each_step_of_full_and_event_syncs_is_a_span_of_the_trace_that_the_run_names(
    platform: Platform, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20secret-token")
    full = job_of("full_sync").execute_in_process(instance=platform.instance)
    tracing.end()
    assert full.success
    assert receiver.paths == {"/v1/traces"}
    assert receiver.headers[0]["authorization"] == "Bearer secret-token"
    spans = receiver.spans()
    [root] = [span for span in spans if span["above"] is None]
    assert (root["name"], root["run_id"]) == ("full_sync", full.run_id)
    run = platform.instance.get_run_by_id(full.run_id)
    assert run is not None
    assert {span["trace"] for span in spans} == {run.tags[TRACE_TAG]}
    mine = {span["name"]: span for span in spans if span.get("tab") == "UserProfiles"}
    assert mine.keys() == {"compute", "sync", "read", "plan", "write", "note"}
    assert mine["compute"]["rows"] == mine["sync"]["rows"] == 60
    assert mine["sync"]["cells"] == mine["write"]["cells"] > 60
    assert {mine[name]["spreadsheet"] for name in mine.keys() - {"compute"}} == {platform.spreadsheet_id}

    receiver.bodies.clear()
    [_] = submit_quizzes(platform.engine, 1, 100)
    assert job_of("event_sync").execute_in_process(instance=platform.instance).success
    tracing.end()
    spans = receiver.spans()
    assert sum(span["requests"] for span in spans if span["name"] == "write") == 1  # which the tabs share
    of_events = [span for span in spans if span.get("tab") == "UserProfiles"]
    assert {span["name"] for span in of_events} == {"compute", "sync", "read", "plan", "write", "note"}
    assert {span["above"] for span in of_events if span["name"] != "sync"} == {"sync"}
    assert {span["sync"] for span in of_events} == {"events"}
    name = platform.rows("UserProfiles")[1]["full_name"].encode()
    assert not any(name in body for body in receiver.bodies)


def test_of_an_error_only_its_kind_is_told(receiver: Receiver) -> None:
    trace = tracing.begin("job", receiver.endpoint)
    assert trace is not None
    with pytest.raises(ValueError, match="of a cell"), tracing.span("read", tab="people"):
        raise ValueError("text of a cell")
    tracing.end()
    [span] = [span for span in receiver.spans() if span["name"] == "read"]
    assert (span["error"], span["error.type"]) == (True, "ValueError")
    assert not any(b"of a cell" in body for body in receiver.bodies)


@pytest.mark.parametrize("how", ["refuses", "stands still", "is not there"])
def test_who_takes_no_traces_holds_up_neither_a_step_nor_the_end(
    receiver: Receiver, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "_LAST_WORDS_SECONDS", 0.3)
    monkeypatch.setattr(tracing, "_SEND_SECONDS", 30.0)
    if how == "refuses":
        receiver.status = 503
    elif how == "stands still":
        receiver.may_answer.clear()
    endpoint = "http://127.0.0.1:9" if how == "is not there" else receiver.endpoint
    began = time.monotonic()
    trace = tracing.begin("job", endpoint)
    assert trace is not None
    for _ in range(3000):  # more than are kept for sending
        with tracing.span("read"):
            pass
    tracing.end()
    assert time.monotonic() - began < 15  # sooner than an attempt is given up


def test_without_the_setting_nothing_is_imported_and_no_span_made(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "Trace", None)  # which would fail
    run = job_of("full_sync").execute_in_process(instance=platform.instance).dagster_run
    assert TRACE_TAG not in run.tags
    code = (
        "import sys\n"
        "from sheets_pipeline import tracing\n"
        "with tracing.span('read') as span: span.note(rows=1)\n"
        "tracing.import_ahead()\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_what_is_not_installed_is_told_and_the_run_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert tracing.begin("job", "http://127.0.0.1:9") is None
    assert "pip install 'sheets-pipeline[otel]'" in caplog.text


def test_headers_are_decoded_and_their_values_shown_nowhere() -> None:
    settings = Settings(_env_file=None, otel_exporter_otlp_headers="a=b%3Dc, D = e=f")
    assert settings.otel_headers == {"a": "b=c", "d": "e=f"}
    assert "b%3Dc" not in repr(settings)
