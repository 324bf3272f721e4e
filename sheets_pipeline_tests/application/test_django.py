"""The recipes for Django, as the docs show them, in a real Django behind real servers."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import sqlalchemy as sa

from sheets_pipeline.database import events, leases
from sheets_pipeline.database.engine import connect
from sheets_pipeline.database.event_table import event_metadata
from sheets_pipeline.database.touched import touched
from sheets_pipeline.database.upgrade import install_state
from sheets_pipeline.platform import demo
from sheets_pipeline.processes.servers import free_port
from sheets_pipeline_tests.database.rows import TABS

pytest.importorskip("django")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def platform(database_url: str) -> Iterator[sa.Engine]:
    """A platform whose application records its events by hand."""
    engine = connect(database_url)
    demo.generate(engine, learners=5, courses=1, responses=10)
    event_metadata.create_all(engine)
    install_state(engine)
    yield engine
    engine.dispose()


@contextmanager
def served(platform: sa.Engine, kind: str) -> Iterator[str]:
    """The site behind uvicorn as ASGI or WSGI application; gives its address."""
    port = free_port()
    module = f"sheets_pipeline_tests.django_site.{kind}:application"
    command = [sys.executable, "-m", "uvicorn", module, "--interface", {"asgi": "asgi3"}.get(kind, kind)]
    env = os.environ | {
        "DATABASE_URL": platform.url.render_as_string(hide_password=False),
        "DJANGO_SETTINGS_MODULE": "sheets_pipeline_tests.django_site.settings",
    }
    env.pop("PIPELINE_DATABASE_URL", None)
    options = ["--port", str(port), "--log-level", "warning"]
    server = subprocess.Popen([*command, *options], cwd=ROOT, env=env)
    try:
        assert wait_until(lambda: answers(f"http://127.0.0.1:{port}/slow?seconds=0", server))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def answers(url: str, server: subprocess.Popen[Any]) -> bool:
    assert server.poll() is None, "the server ended"
    try:
        return requests.get(url, timeout=10).ok
    except requests.ConnectionError:
        return False


def wait_until(is_true: Callable[[], bool], seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not is_true() and time.monotonic() < end:
        time.sleep(0.05)
    return is_true()


def test_a_submission_and_its_event_are_committed_together_or_not_at_all(platform: sa.Engine) -> None:
    with served(platform, "asgi") as url:
        assert requests.get(f"{url}/submit", timeout=20).text == "done"
        with platform.connect() as connection:
            [event] = events.pending(connection)
            score = connection.scalar(sa.text("SELECT score FROM quiz_responses WHERE id = :id"), {"id": event.key})
            assert score == 77.5
            keys = touched(connection, [event], TABS).keys
        assert keys["UserProfiles"] == {"1"}
        assert keys["quiz_responses"] == {event.key}
        assert event.kind == "quiz_submitted"
        assert event.attempts == 0
        assert requests.get(f"{url}/submit?fail=1", timeout=20).text == "done"
        with platform.connect() as connection:
            assert events.pending(connection) == [event]


@pytest.mark.parametrize(("kind", "path", "at_once"), [("asgi", "slow", 20), ("wsgi", "slow-wsgi", 8)])
def test_syncs_are_paused_while_django_has_much_to_do(platform: sa.Engine, kind: str, path: str, at_once: int) -> None:
    with served(platform, kind) as url, ThreadPoolExecutor(at_once) as pool:
        address = f"{url}/{path}?seconds=4"
        under_way = [pool.submit(requests.get, address, timeout=30) for _ in range(at_once)]
        assert wait_until(lambda: bool(leases.leases(platform)))
        [lease] = leases.leases(platform)
        assert lease.holder.startswith({"asgi": "mysite@", "wsgi": "application@"}[kind])
        assert "requests under way" in lease.reason
        assert all(one.result().text == "slow" for one in under_way)
