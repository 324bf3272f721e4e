"""Connections that keep the server waiting are closed, and shut nobody else out."""

import contextlib
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline.web import connections
from sheets_pipeline.web.connections import most_connections
from sheets_pipeline_tests.control.stage import serving

MOST = 12
LIMITS = {"HEAD_SECONDS": 0.3, "STALLED_SECONDS": 0.3}
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answers ``ok``, or at ``/large`` more than the system keeps for a client that does not read."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    body = b"x" * 30_000_000 if scope["path"] == "/large" else b"ok"
    length = str(len(body)).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "most_connections", lambda: MOST)
        with serving(application) as url:
            yield "127.0.0.1", httpx.URL(url).port or 0


def open_connection(address: tuple[str, int], sent: bytes) -> socket.socket:
    connection = socket.create_connection(address, timeout=10)
    connection.sendall(sent)
    return connection


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def is_kept(connection: socket.socket) -> bool:
    """Whether the server, which is in this process, has the other end of it open."""
    mine = connection.getsockname()[1]
    return any(one.raddr and one.raddr.port == mine for one in psutil.Process().net_connections("tcp"))


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow:", id="half a head"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{", id="half a body"),
    ],
)
def test_many_that_send_no_request_shut_nobody_out(address: tuple[str, int], sent: bytes) -> None:
    held = [open_connection(address, sent) for _ in range(MOST * 5)]
    try:
        for _ in range(5):
            assert httpx.get(f"http://{address[0]}:{address[1]}/", timeout=30).text == "ok"
        assert is_closed(held[0]), "the one that waited longest has made room"
    finally:
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: loc", id="half a head"),
        pytest.param(REQUEST + b"GET / HTTP/1.1\r\nHost: ", id="half a head after a request"),
    ],
)
def test_a_head_that_does_not_come_is_not_waited_for(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", LIMITS["HEAD_SECONDS"])
    with open_connection(address, sent) as connection:
        began = time.monotonic()
        for byte in b"X" * 20:  # a byte now and then keeps nothing open
            try:
                connection.sendall(bytes([byte]) if sent else b"")
            except ConnectionError:
                break
            time.sleep(0.05)
        try:
            answer = connection.makefile("rb").read()
        except ConnectionError:
            answer = b""
        assert time.monotonic() - began < 10  # sooner than the limit of others than these
        assert answer.count(b"200 OK") == sent.count(REQUEST)


def test_an_answer_that_nobody_reads_is_not_kept(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALLED_SECONDS", LIMITS["STALLED_SECONDS"])
    with open_connection(address, b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n") as connection:
        assert connection.recv(1, socket.MSG_PEEK)  # the server has begun to answer
        assert wait_until(lambda: not is_kept(connection), seconds=30)
        read = 0
        try:
            while piece := connection.recv(1_000_000):
                read += len(piece)
        except ConnectionError:
            pass
        assert read < 30_000_000


def test_a_slow_reader_who_reads_gets_everything(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALLED_SECONDS", LIMITS["STALLED_SECONDS"])
    read = 0
    for _ in range(5):  # on a machine that stands still for a moment nobody reads
        read = 0
        with (
            contextlib.suppress(httpx.TransportError),
            httpx.stream("GET", f"http://{address[0]}:{address[1]}/large", timeout=30) as answer,
        ):
            for piece in answer.iter_bytes(3_000_000):
                read += len(piece)
                time.sleep(0.1)
        if read == 30_000_000:
            break
    assert read == 30_000_000


def test_a_head_without_end_is_refused(address: tuple[str, int]) -> None:
    with open_connection(address, b"GET / HTTP/1.1\r\n") as connection:
        answer = b""
        try:
            for number in range(100):
                connection.sendall(b"X-%d: %s\r\n" % (number, b"x" * 5_000))
            answer = connection.makefile("rb").read()
        except ConnectionError:
            return
        assert b" 400 " in answer.splitlines()[0]


@pytest.mark.parametrize(("files", "expected"), [(256, 64), (1024, 256), (1_000_000, 500), (-1, 500), (16, 8)])
def test_connections_leave_files_for_everything_else(
    monkeypatch: pytest.MonkeyPatch, files: int, expected: int
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (files, files))
    assert most_connections() == expected
