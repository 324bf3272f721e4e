"""Syncs make way for the application's traffic, and whatever fails there, the application never notices."""

import asyncio
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from sheets_pipeline.application import traffic
from sheets_pipeline.application.middleware import PauseSyncs, PauseSyncsWsgi
from sheets_pipeline.application.traffic import CALM_SECONDS, LEASE_SECONDS, Action, Threshold, TrafficGuard, Watch
from sheets_pipeline.database import leases
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.upgrade import install_state


class Notes:
    """Pauses that only take notes, or fail."""

    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[str] = []
        self.error = error

    def take(self, holder: str, seconds: float, reason: str) -> None:
        self.calls.append("take")
        if self.error:
            raise self.error

    def release(self, holder: str) -> None:
        self.calls.append("release")
        if self.error:
            raise self.error


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks and calm in hundredths of their time."""
    monkeypatch.setattr(traffic, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(traffic, "CALM_SECONDS", 0.1)
    monkeypatch.setattr(traffic, "RETRY_SECONDS", 0.05)


def wait_until(is_true: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not is_true() and time.monotonic() < end:
        time.sleep(0.01)
    return is_true()


def http(path: str = "/") -> dict[str, Any]:
    return {"type": "http", "path": path}


async def nothing(*_: Any) -> None:
    return None


# --- the decision -----------------------------------------------------------------------------------------------------


def actions(looks: list[tuple[float, int]], in_flight: int = 10) -> list[str]:
    watch = Watch(Threshold(in_flight, None))
    return [watch.look(now, found, 0).value for now, found in looks]


def test_the_lease_is_taken_at_the_threshold_and_given_back_after_calm() -> None:
    looks = [(0, 9), (1, 10), (2, 2), (CALM_SECONDS + 1.9, 2), (CALM_SECONDS + 2, 2), (CALM_SECONDS + 3, 9)]
    assert actions(looks) == ["nothing", "take", "nothing", "nothing", "release", "nothing"]


def test_traffic_just_below_the_threshold_keeps_the_lease() -> None:
    looks = [(0.0, 10), *[(float(second), 8) for second in range(1, 29)]]
    assert set(actions(looks)[1:]) == {"nothing"}


def test_the_lease_is_renewed_while_traffic_stays_high() -> None:
    looks = [(float(second), 12) for second in range(121)]
    assert actions(looks).count("take") == 1 + 120 / (LEASE_SECONDS / 2)


def test_either_threshold_is_enough() -> None:
    assert Watch(Threshold(None, 100)).look(0, 50, 100) is Action.TAKE
    assert Watch(Threshold(10, 100)).look(0, 1, 250) is Action.TAKE
    assert Watch(Threshold(10, 100)).look(0, 9, 99) is Action.NOTHING


@given(found=st.lists(st.integers(0, 30), max_size=200))
def test_while_traffic_is_high_the_lease_never_lapses(found: list[int]) -> None:
    watch, taken_at = Watch(Threshold(10, None)), None
    for now, in_flight in enumerate(found):
        action = watch.look(now, in_flight, 0)
        taken_at = now if action is Action.TAKE else None if action is Action.RELEASE else taken_at
        if in_flight >= 10:
            assert taken_at is not None
            assert now - taken_at < LEASE_SECONDS


@pytest.mark.parametrize("wrong", [{"in_flight": None}, {"in_flight": 0}, {"in_flight": -1}, {"per_second": -2.0}])
def test_thresholds_that_say_nothing_are_refused_at_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="set no threshold for high traffic"):
        TrafficGuard(pauses=Notes(), **wrong)


# --- around an application ----------------------------------------------------------------------------------------


def test_an_asgi_application_under_load_holds_a_lease_in_the_database(database_url: str, quick: None) -> None:
    engine = connect(database_url)
    install_state(engine)

    may_end = asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await may_end.wait()

    app = PauseSyncs(slow, in_flight=5, url=database_url, name="shop")

    async def load() -> list[leases.Lease]:
        requests = [asyncio.create_task(app(http(), nothing, nothing)) for _ in range(5)]
        alive: list[leases.Lease] = []
        end = time.monotonic() + 30
        while not alive and time.monotonic() < end:
            alive = await asyncio.to_thread(leases.leases, engine)
            await asyncio.sleep(0.01)
        may_end.set()
        await asyncio.gather(*requests)
        return alive

    [lease] = asyncio.run(load())
    assert lease.holder.startswith("shop@")
    assert lease.holder.endswith(f":{os.getpid()}")
    assert lease.reason.startswith("5 requests under way")
    assert wait_until(lambda: leases.leases(engine) == [])  # given back when all was calm
    app.guard.close()
    engine.dispose()


def test_an_error_of_the_application_passes_and_the_request_is_over() -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise KeyError("of the application")

    app = PauseSyncs(broken, pauses=Notes())
    with pytest.raises(KeyError):
        asyncio.run(app(http(), nothing, nothing))
    assert app.guard.counters.read() == (1, 1)
    assert app.guard.counters.read() == (0, 0)


@pytest.mark.parametrize("scope", [{"type": "websocket", "path": "/"}, {"type": "lifespan"}, http("/health/live")])
def test_only_http_requests_that_are_not_ignored_count(scope: dict[str, Any]) -> None:
    app = PauseSyncs(nothing, pauses=Notes(), ignore=("/health",))
    asyncio.run(app(scope, nothing, nothing))
    assert app.guard.counters.read() == (0, 0)


def wsgi_call(app: Any) -> Iterable[bytes]:
    environ: dict[str, Any] = {"QUERY_STRING": ""}
    setup_testing_defaults(environ)
    return app(environ, lambda *_: lambda _: None)


def test_a_wsgi_request_is_under_way_until_its_answer_was_sent() -> None:
    def streaming(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"one"
        yield b"two"

    app = PauseSyncsWsgi(streaming, pauses=Notes())
    answer = wsgi_call(validator(app))
    parts = iter(answer)
    assert next(parts) == b"one"
    assert app.guard.counters.read() == (1, 1)
    assert list(parts) == [b"two"]
    answer.close()  # type: ignore[attr-defined]
    answer.close()  # type: ignore[attr-defined]
    app.guard.counters.read()
    assert app.guard.counters.read() == (0, 0)


def test_a_wsgi_answer_that_is_complete_is_passed_on_as_it_is() -> None:
    complete = [b"all"]
    app = PauseSyncsWsgi(lambda environ, start_response: complete, pauses=Notes())
    assert wsgi_call(app) is complete
    app.guard.counters.read()
    assert app.guard.counters.read() == (0, 0)


def test_a_wsgi_application_that_fails_is_not_counted_for_ever() -> None:
    def broken(environ: Any, start_response: Any) -> Iterable[bytes]:
        raise KeyError("of the application")

    app = PauseSyncsWsgi(broken, pauses=Notes())
    with pytest.raises(KeyError):
        wsgi_call(app)
    app.guard.counters.read()
    assert app.guard.counters.read() == (0, 0)


# --- when something fails ---------------------------------------------------------------------------------------------


def told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """What the application's part says, and nobody else."""
    return [record for record in caplog.records if record.name.startswith("sheets_pipeline.application.")]


def test_a_failing_pipeline_is_logged_once_and_never_reaches_the_application(
    quick: None, caplog: pytest.LogCaptureFixture
) -> None:
    notes = Notes(RuntimeError("the database is away"))
    guard = TrafficGuard(in_flight=1, pauses=notes)
    with caplog.at_level(logging.INFO, "sheets_pipeline.application.traffic"):
        guard.enter()
        assert wait_until(lambda: len(notes.calls) >= 4)
        assert [record.levelname for record in told(caplog)] == ["WARNING"]
        assert "the database is away" in told(caplog)[0].getMessage()
        notes.error = None
        assert wait_until(lambda: len(told(caplog)) == 2)
        assert "make way for traffic again" in told(caplog)[1].getMessage()
    guard.leave()
    assert wait_until(lambda: notes.calls[-1] == "release")
    guard.close()


def test_an_unreachable_database_shows_no_password(quick: None, caplog: pytest.LogCaptureFixture) -> None:
    guard = TrafficGuard(in_flight=1, url="postgresql://someone:correct-horse@127.0.0.1:1/none")
    guard.enter()
    assert wait_until(lambda: "cannot be reached" in caplog.text)
    guard.close()
    assert "correct-horse" not in caplog.text


def test_a_request_waits_for_nothing_while_the_pipeline_hangs(quick: None) -> None:
    hanging = threading.Event()

    class Hangs(Notes):
        def take(self, holder: str, seconds: float, reason: str) -> None:
            super().take(holder, seconds, reason)
            hanging.wait(20)

    notes = Hangs()
    guard = TrafficGuard(in_flight=1, pauses=notes)
    guard.enter()
    assert wait_until(lambda: notes.calls == ["take"])
    began = time.monotonic()
    for _ in range(1000):
        guard.enter()
        guard.leave()
    assert time.monotonic() - began < 5
    hanging.set()
    guard.close()


def test_without_an_address_it_says_so_and_serves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("PIPELINE_DATABASE_URL", raising=False)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    app = PauseSyncs(nothing)
    for _ in range(2):
        asyncio.run(app(http(), nothing, nothing))
    [record] = told(caplog)
    assert "PIPELINE_DATABASE_URL" in record.getMessage()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_worker_watches_its_own_requests() -> None:
    code = """
import os, threading, time
from sheets_pipeline.application import traffic
traffic.LOOK_SECONDS = 0.02
taken = threading.Event()
class Notes:
    def take(self, holder, seconds, reason): os.write(1, holder.rsplit(':')[-1].encode()); taken.set()
    def release(self, holder): pass
guard = traffic.TrafficGuard(in_flight=2, pauses=Notes())
guard.enter()
time.sleep(0.1)
child = os.fork()
if child == 0:
    guard.enter(); guard.enter(); taken.wait(20); time.sleep(0.3); os._exit(0)
os.waitpid(child, 0)
print(f"={child}", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    taken, child = done.stdout.strip().split("=")
    assert taken == child


def test_importing_the_middleware_imports_only_the_standard_library() -> None:
    code = """
import sys
before = set(sys.modules)
import sheets_pipeline.application.middleware
roots = {name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(*sorted(roots))
import sheets_pipeline.database.leases, sheets_pipeline.database.engine
print(*sorted({'dagster', 'pandas', 'gspread', 'numpy', 'pydantic'} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "sheets_pipeline\n\n"


def test_the_guard_takes_a_lease_through_the_control_api(quick: None) -> None:
    import http.server
    import json

    seen: list[tuple[str, str | None, dict[str, Any]]] = []

    class Api(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((self.path, self.headers["Authorization"], body))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    guard = TrafficGuard(in_flight=1, url=f"http://127.0.0.1:{server.server_port}/", token="secret-token", name="shop")
    try:
        guard.enter()
        assert wait_until(lambda: len(seen) == 1)
        guard.leave()
        assert wait_until(lambda: len(seen) == 2)
    finally:
        guard.close()
        server.shutdown()
        server.server_close()
    assert [path for path, _, _ in seen] == ["/sync/pause", "/sync/resume"]
    assert {token for _, token, _ in seen} == {"Bearer secret-token"}
    assert seen[0][2]["seconds"] == LEASE_SECONDS
    assert seen[0][2]["holder"] == seen[1][2]["holder"]


def test_a_database_without_the_pipelines_tables_is_no_harm(tmp_path: Any, quick: None, caplog: Any) -> None:
    guard = TrafficGuard(in_flight=1, url=f"sqlite:///{tmp_path}/empty.db")
    guard.enter()
    assert wait_until(lambda: "has no table" in caplog.text)
    guard.close()
    assert sa.inspect(connect(f"sqlite:///{tmp_path}/empty.db")).get_table_names() == []
