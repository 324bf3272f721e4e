"""Bodies of any size, packing and speed; requests that stand for others; connections that keep the server waiting."""

import asyncio
import gzip
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
import uvicorn
from starlette.types import Message

from local_sheets.api_error import ApiError
from local_sheets.server import connection, door
from local_sheets.server.accounts import make_private
from local_sheets.server.connection import Connection
from local_sheets.server.context import Options, Server
from local_sheets.testing import LocalSheetsServer
from local_sheets_tests.api_client import Api

MEBIBYTE = b" " * 1024 * 1024


def url_of(api: Api, path: str = "") -> str:
    return f"{api.server.endpoint}/v4/spreadsheets/{api.spreadsheet_id}{path}"


@pytest.mark.parametrize(
    "path", ["/v4/spreadsheets", "/drive/v3/files", "/token", "/_local/faults", "/page/api/spreadsheets"]
)
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_without_end_is_not_read_to_its_end(shared_server: LocalSheetsServer, path: str, chunked: bool):
    with socket.create_connection(("127.0.0.1", shared_server.port), timeout=30) as client:
        size = "Transfer-Encoding: chunked" if chunked else "Content-Length: 5000000000"
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{shared_server.port}\r\n{size}\r\n\r\n".encode())
        sent = 0
        try:
            while chunked and sent < 100:
                client.sendall(b"100000\r\n" + MEBIBYTE + b"\r\n")
                sent += 1
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        except ConnectionError:  # closed while we were still sending
            assert chunked
            return
    assert sent < 100
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"Request payload size exceeds the limit" in answer


def test_packed_bodies_are_unpacked(api: Api):
    body = gzip.compress(json.dumps({"values": [["packed"]]}).encode())
    for packed in (body, gzip.compress(b'{"values":') + gzip.compress(b'[["packed"]]}')):
        answer = requests.put(
            url_of(api, "/values/A1?valueInputOption=RAW"),
            data=packed,
            headers={"Content-Encoding": "gzip"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        assert api.values("A1") == [["packed"]]
        api.put("A1", [[""]])


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", gzip.compress(MEBIBYTE * 65), 413),
        ("gzip", b"no gzip", 400),
        ("gzip", gzip.compress(b'{"values": [["x"]]}')[:-9], 400),
        ("br", b"{}", 400),
        ("deflate", zlib.compress(b"{}"), 400),
        ("identity", b'{"values": [["x"]]}', 200),
    ],
    ids=["too large", "no gzip", "cut off", "unknown", "not offered", "as it is"],  # gzip's own bytes hold the time
)
def test_packed_bodies_have_the_same_limits(api: Api, encoding: str, body: bytes, status: int):
    answer = requests.put(
        url_of(api, "/values/A1?valueInputOption=RAW"), data=body, headers={"Content-Encoding": encoding}, timeout=30
    )
    assert answer.status_code == status


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "$httpMethod"])
def test_a_post_stands_for_another_request(api: Api, header: str):
    def post(verb: str, path: str, **more) -> requests.Response:
        if header == "$httpMethod":
            return requests.post(url_of(api, path), params={header: verb}, timeout=30, **more)
        return requests.post(url_of(api, path), timeout=30, headers={header: verb, **more.pop("headers", {})}, **more)

    assert post("PUT", "/values/A1?valueInputOption=RAW", json={"values": [["x"]]}).status_code == 200
    assert post("get", "/values/A1").json()["values"] == [["x"]]
    assert post("GET", "/values/A1", json={"ignored": 1}).json()["values"] == [["x"]]
    assert post("NONSENSE", "/values/A1").status_code == 404


def test_a_get_that_is_too_long_comes_as_a_form(api: Api):
    api.put("A1:B2", [["a", "b"], ["c", "d"]])
    ranges = ["A1:A2", "Sheet1!B1:B2"] * 300
    form = "&".join(f"ranges={quote(one, safe='')}" for one in ranges)
    headers = {
        "X-HTTP-Method-Override": "GET",
        "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        "Content-Encoding": "gzip",
    }
    answer = requests.post(
        url_of(api, "/values:batchGet?majorDimension=COLUMNS"),
        data=gzip.compress(form.encode()),
        headers=headers,
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    found = answer.json()["valueRanges"]
    assert len(found) == 600
    assert found[1]["values"] == [["b", "d"]]


def test_drives_requests_may_come_as_posts(api: Api):
    files = f"{api.server.endpoint}/drive/v3/files"
    headers = {"X-HTTP-Method-Override": "PATCH"}
    assert requests.post(f"{files}/{api.spreadsheet_id}", json={"name": "New"}, headers=headers, timeout=30).ok
    headers = {"X-HTTP-Method-Override": "GET", "Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(f"{files}/{api.spreadsheet_id}", data="fields=name", headers=headers, timeout=30)
    assert answer.json() == {"name": "New"}
    headers = {"X-HTTP-Method-Override": "DELETE"}
    assert requests.post(f"{files}/{api.spreadsheet_id}", headers=headers, timeout=30).status_code == 204


def test_only_the_apis_take_an_override(api: Api):
    headers = {"X-HTTP-Method-Override": "DELETE"}
    assert requests.post(f"{api.server.endpoint}/_local/requests", headers=headers, timeout=30).status_code == 405


def test_a_slow_body_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(door, "PART_SECONDS", 0.05)
    sent: list[Message] = []

    async def app(*_: object) -> None:
        raise AssertionError("not reached")

    async def never() -> Message:
        await asyncio.sleep(60)
        raise AssertionError("not reached")

    async def send(message: Message) -> None:
        sent.append(message)

    server = Server(Options(tmp_path, port=80))
    headers = [(b"host", b"localhost:80"), (b"content-length", b"10")]
    scope = {"type": "http", "method": "POST", "path": "/v4/x", "query_string": b"", "headers": headers}
    asyncio.run(door.Door(app, server)(scope, never, send))
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]
    server.close()


def test_bodies_under_way_are_limited_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(door, "_MOST_BYTES_TOGETHER", 100)
    server = Server(Options(tmp_path))
    entrance = door.Door(lambda *_: None, server)  # type: ignore[arg-type]
    first, second = door._Held(entrance), door._Held(entrance)
    first.add(80)
    with pytest.raises(ApiError):
        second.add(30)
    second.release()
    first.release()
    door._Held(entrance).add(100)
    server.close()


# -- connections


@pytest.fixture
def bare_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, uvicorn.Server]]:
    """A server that keeps connections waiting for a short time only, and its port."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(connection, "READING_SECONDS", 0.3)

    async def app(scope, receive, send) -> None:
        size = int(scope["query_string"] or b"1")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x" * size})

    # What else closes a connection comes too late to be taken for it.
    config = uvicorn.Config(app, http=Connection, port=0, lifespan="off", log_level="error", timeout_keep_alive=600)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    yield listener.getsockname()[1], server
    server.should_exit = server.force_exit = True
    thread.join()


@pytest.fixture
def bare_port(bare_server: tuple[int, uvicorn.Server]) -> int:
    return bare_server[0]


def closed_after(client: socket.socket, seconds: float = 30) -> float:
    """How long the server kept a connection open."""
    client.settimeout(seconds)
    started = time.monotonic()
    try:
        while client.recv(65536):
            pass
    except ConnectionError:
        pass
    return time.monotonic() - started


@pytest.mark.parametrize("start", [b"", b"\r\n", b"GET / HT", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_a_connection_that_asks_nothing_is_closed(bare_port: int, start: bytes):
    with socket.create_connection(("127.0.0.1", bare_port)) as client:
        client.sendall(start)
        assert closed_after(client) < 10


def test_a_connection_that_goes_on_with_half_a_request_is_closed(bare_port: int):
    with socket.create_connection(("127.0.0.1", bare_port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        client.sendall(b"GET / HT")
        assert closed_after(client) < 10


def test_an_answer_that_nobody_reads_is_given_up(bare_server: tuple[int, uvicorn.Server]):
    port, server = bare_server
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.settimeout(30)
        client.sendall(b"GET /?50000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(1, socket.MSG_PEEK)
        end = time.monotonic() + 30
        while server.server_state.connections:
            assert time.monotonic() < end
            time.sleep(0.01)
        received = 0
        try:
            while part := client.recv(1 << 20):
                received += len(part)
        except ConnectionError:
            pass
        assert received < 50_000_000


def test_headers_without_end_are_refused(bare_port: int):
    with socket.create_connection(("127.0.0.1", bare_port)) as client:
        client.settimeout(30)
        try:
            client.sendall(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200_000)
            answer = client.recv(100)
        except ConnectionError:
            return
        assert answer.startswith(b"HTTP/1.1 400")


def connected(port: int) -> socket.socket:
    """A connection; tried again where so many wait to be taken that the system leaves another one unanswered for seconds."""
    end = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=0.3)
        except TimeoutError:
            assert time.monotonic() < end


def test_idle_connections_shut_nobody_out(tmp_path: Path):
    # A server that gives nobody up for being slow: only room that is made for others lets them in.
    code = (
        "from local_sheets.server import connection, door; connection.HEAD_SECONDS = door.PART_SECONDS = 600.0\n"
        "from local_sheets.__main__ import main; main()"
    )
    options = ["--port", "0", "--auth", "off", "--quota", "off", "--data-dir", str(tmp_path / "data")]
    process = subprocess.Popen(
        ["bash", "-c", 'ulimit -n 128; exec "$@"', "bash", sys.executable, "-c", code, *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    endpoint = process.stdout.readline().removeprefix("Local Sheets: ").strip()
    port = int(endpoint.rpartition(":")[2])
    idle = []
    try:
        for number in range(200):
            idle.append(connected(port))
            idle[-1].sendall(
                (b"", b"GET / HT", b"POST /v4/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")[number % 3]
            )
        for number in range(5):
            answer = requests.post(
                f"{endpoint}/v4/spreadsheets", json={"properties": {"title": str(number)}}, timeout=30
            )
            assert answer.status_code == 200
    finally:
        for client in idle:
            client.close()
        os.kill(process.pid, signal.SIGTERM)
        process.communicate(timeout=60)


# -- files


def test_files_are_their_owners_alone(new_local_sheets, tmp_path: Path):
    folder = tmp_path / "parent" / "data"
    folder.parent.mkdir(mode=0o755)
    subprocess.run(["mkdir", "-m", "755", str(folder)], check=True)
    server = new_local_sheets(data_dir=folder)
    server.create_spreadsheet("One")
    server.add_account("other")
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*") if path.name != "server.stderr"}
    assert {path.name for path in modes} >= {"spreadsheets", "accounts", "server.lock", "token-secret"}
    assert [path for path, mode in modes.items() if mode & 0o077] == []


def test_files_of_an_earlier_version_are_made_private(tmp_path: Path):
    (tmp_path / "spreadsheets").mkdir(mode=0o755)
    ours, foreign = tmp_path / "spreadsheets" / "a.sqlite3", tmp_path / "notes.txt"
    for path in (ours, foreign, tmp_path / "folders.json"):
        path.write_text("x")
        path.chmod(0o644)
    (tmp_path / "token-secret").symlink_to(foreign)
    make_private(tmp_path)
    assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE((tmp_path / "folders.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "spreadsheets").stat().st_mode) == 0o700
    assert stat.S_IMODE(foreign.stat().st_mode) == 0o644
