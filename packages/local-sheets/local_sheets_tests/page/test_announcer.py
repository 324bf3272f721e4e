"""Edit events reach their receiver, survive its failures, and never hold up an edit."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from local_sheets.page.announcer import MOST_WAITING, Announcer
from local_sheets_tests.page.receiver import receiver


def _wait(condition: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


@pytest.fixture
def announcer() -> Iterator[Announcer]:
    found = Announcer(retry_delays_seconds=(0.01, 0.01))
    yield found
    found.stop()


def test_messages_arrive_in_the_order_of_the_edits(announcer: Announcer):
    with receiver() as (url, taken):
        announcer.set_url(url)
        for number in range(5):
            announcer.announce({"range": f"orders!A{number}"})
        _wait(lambda: len(taken) == 5)
    assert [message["range"] for message in taken] == [f"orders!A{number}" for number in range(5)]


def test_a_receiver_that_fails_twice_gets_the_message_at_the_third_try(announcer: Announcer):
    with receiver([500, 503]) as (url, taken):
        announcer.set_url(url)
        announcer.announce({"range": "orders!A1"})
        _wait(lambda: announcer.state()["delivered"] == 1)
    assert taken == [{"range": "orders!A1"}]
    assert announcer.state()["recent"][0]["tries"] == 3


def test_a_receiver_that_is_down_is_reported_and_later_messages_still_go(announcer: Announcer):
    with receiver([500, 500, 500]) as (url, taken):
        announcer.set_url(url)
        announcer.announce({"range": "orders!A1"})
        announcer.announce({"range": "orders!A2"})
        _wait(lambda: len(taken) == 1)
    state = announcer.state()
    assert taken == [{"range": "orders!A2"}]
    assert state["failed"] == 1
    assert "answered 500" in state["recent"][1]["error"]


def test_nobody_listening_is_a_failure_that_names_the_receiver(announcer: Announcer):
    with receiver() as (url, _):
        pass
    announcer.set_url(url)
    announcer.announce({"range": "orders!A1"})
    _wait(lambda: announcer.state()["failed"] == 1)
    assert "no answer from 127.0.0.1" in announcer.state()["recent"][0]["error"]


def test_announcing_returns_at_once_while_the_receiver_hangs(announcer: Announcer):
    release = threading.Event()

    class Slow(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            release.wait(30)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = HTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        announcer.set_url(f"http://127.0.0.1:{server.server_port}/")
        start = time.monotonic()
        for number in range(MOST_WAITING + 10):
            announcer.announce({"range": f"orders!A{number}"})
        assert time.monotonic() - start < 15
        assert announcer.state()["failed"] >= 9, "the oldest are given up, not kept without end"
    finally:
        announcer.set_url(None)
        release.set()
        announcer.stop()
        server.shutdown()
        server.server_close()
        thread.join()


def test_without_an_address_nothing_is_announced(announcer: Announcer):
    announcer.announce({"range": "orders!A1"})
    assert announcer.state() == {"url": None, "waiting": 0, "delivered": 0, "failed": 0, "recent": []}


@pytest.mark.parametrize("url", ["ftp://host/x", "host:80", "javascript:alert(1)", "http://", "file:///etc/passwd"])
def test_only_http_addresses_are_accepted(announcer: Announcer, url: str):
    with pytest.raises(ValueError, match="expected http"):
        announcer.set_url(url)
