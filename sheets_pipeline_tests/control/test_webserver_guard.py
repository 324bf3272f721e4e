"""Dagster's webserver behind the guard: served to people and programs by its own name, never to pages of others."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from click.testing import CliRunner
from dagster_webserver import cli as dagster_cli
from starlette.types import Scope
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_websocket
from websockets.typing import Origin, Subprotocol

from sheets_pipeline.dagster_runtime import webserver, webserver_guard
from sheets_pipeline.dagster_runtime.webserver_guard import WebserverGuard, webserver_refusal
from sheets_pipeline.embedded.children import children_of
from sheets_pipeline.embedded.postgres import Server
from sheets_pipeline.processes.servers import wait_until
from sheets_pipeline.settings import load_settings
from sheets_pipeline.web import bodies, connections
from sheets_pipeline_tests.control.stage import Stage

JSON = ("content-type", "application/json")
BROWSER = ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)")
LINK = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")]
MUTATION = 'mutation { stopSensor(id: "x") { __typename } }'


def scope(
    method: str = "GET",
    path: str = "/runs",
    *headers: tuple[str, str],
    host: str | None = "localhost:3000",
    server: str = "127.0.0.1",
    kind: str = "http",
) -> Scope:
    given = [*headers, *([("host", host)] if host is not None else [])]
    return {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": b"",
        "server": (server, 3000),
        "client": ("127.0.0.1", 50_000),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given],
    }


def status(asked: Scope, *names: str) -> int | None:
    refused = webserver_refusal(asked, names)
    return refused.status if refused else None


@pytest.mark.parametrize(
    ("host", "server", "expected"),
    [
        ("localhost:3000", "127.0.0.1", None),
        ("127.0.0.1:3000", "127.0.0.1", None),
        ("[::1]:3000", "::1", None),
        ("dagster.example.org", "127.0.0.1", None),
        ("DAGSTER.example.org:8443", "127.0.0.1", None),
        ("10.0.0.7:3000", "10.0.0.7", None),
        ("10.0.0.7:3000", "127.0.0.1", 403),
        ("evil.example", "127.0.0.1", 403),
        ("evil.example", "10.0.0.7", 403),
        ("localhost.evil.example:3000", "127.0.0.1", 403),
        ("127.0.0.1.evil.example", "127.0.0.1", 403),
        ("dagster.example.org.evil.example", "127.0.0.1", 403),
        (None, "127.0.0.1", 403),
        ("", "127.0.0.1", 400),
        ("localhost/dashboard?", "127.0.0.1", 400),
        ("localhost:3000@evil.example", "127.0.0.1", 400),
        ("user@localhost", "127.0.0.1", 400),
        ("localhost:3000 evil.example", "127.0.0.1", 400),
        ("localhost:3000:1", "127.0.0.1", 400),
        ("[::1", "127.0.0.1", 400),
    ],
)
def test_only_its_own_names_reach_it(host: str | None, server: str, expected: int | None) -> None:
    for kind in ("http", "websocket"):
        assert status(scope(host=host, server=server, kind=kind), "dagster.example.org") == expected


def test_two_hosts_are_refused_and_forwarded_names_do_not_count() -> None:
    assert status(scope("GET", "/", ("host", "localhost:3000"))) == 400
    for name in ("x-forwarded-host", "forwarded", "x-host", "x-original-host"):
        assert status(scope("GET", "/", (name, "localhost:3000"), host="evil.example")) == 403
    assert status(scope("GET", "http://localhost:3000/graphql")) == 400


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://localhost:9999", "file://", "http://localhost:3000.evil.example", "x"],
)
def test_pages_of_other_origins_are_refused(kind: str, origin: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        assert status(scope(method, "/graphql", ("origin", origin), JSON, kind=kind)) == 403
    two = [("origin", "http://localhost:3000"), ("origin", origin)]
    assert status(scope("POST", "/graphql", *two, JSON, kind=kind)) == 403


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://localhost:3000", "localhost:3000"),
        ("https://dagster.example.org", "dagster.example.org"),
        ("https://dagster.example.org", "127.0.0.1:3000"),
        ("https://dagster.example.org:443", "dagster.example.org"),
    ],
)
def test_its_own_pages_are_served_through_a_proxy_too(origin: str, host: str) -> None:
    asked = scope("POST", "/graphql", ("origin", origin), ("sec-fetch-site", "same-origin"), JSON, host=host)
    assert status(asked, "dagster.example.org") is None
    assert status(asked, "other.example.org") == (None if host == "localhost:3000" else 403)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param(LINK, None, id="a link that somebody follows"),
        pytest.param([*LINK[:2], ("sec-fetch-dest", "iframe")], 403, id="a frame"),
        pytest.param([*LINK[:2], ("sec-fetch-dest", "embed")], 403, id="an embedded page"),
        pytest.param([LINK[0], ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")], 403, id="an image"),
        pytest.param([("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")], 403, id="another port"),
        pytest.param([("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], None, id="the address bar"),
        pytest.param([("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], 403, id="both"),
        pytest.param([], None, id="a program"),
    ],
)
def test_what_a_foreign_page_may_do_is_link_to_it(headers: list[tuple[str, str]], expected: int | None) -> None:
    assert status(scope("GET", "/logs/x/1.err", *headers)) == expected
    assert status(scope("POST", "/graphql", JSON, *headers)) == (403 if headers[:1] == LINK[:1] else expected)


@pytest.mark.parametrize(
    "path", ["/graphql", "/report_asset_materialization/x", "/report_asset_check/x", "/prefix/graphql"]
)
@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param([JSON], None, id="JSON"),
        pytest.param([("content-type", "application/json; charset=utf-8"), BROWSER], None, id="with a charset"),
        pytest.param([("content-type", "text/plain")], 415, id="a form"),
        pytest.param([("content-type", "text/plain; application/json")], 415, id="a form that says JSON as parameter"),
        pytest.param([("content-type", "application/x-www-form-urlencoded")], 415, id="another form"),
        pytest.param([("content-type", "text/plain"), JSON], 415, id="two content types"),
        pytest.param([], None, id="a program without any"),
        pytest.param([BROWSER], 415, id="a browser without any"),
        pytest.param([("referer", "http://evil.example/")], 415, id="sent from a page"),
        pytest.param([("cookie", "a=1")], 415, id="with cookies"),
    ],
)
def test_changes_are_json(path: str, headers: list[tuple[str, str]], expected: int | None) -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert status(scope(method, path, *headers)) == expected


@pytest.fixture(scope="module")
def client(opened_stage: Stage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=opened_stage.dagster_url, timeout=30) as result:
        yield result


@pytest.mark.parametrize(
    "query",
    [
        MUTATION,
        f"# a comment first\n{MUTATION}",
        f"query Q {{ version }} {MUTATION.replace('mutation', 'mutation M')}",
        'mutation { harmless: stopSensor(id: "x") { __typename } }',
        'query { version } fragment F on Mutation { stopSensor(id: "x") { __typename } } mutation { ...F }',
    ],
)
def test_dagster_executes_nothing_by_get(client: httpx.Client, query: str) -> None:
    for path in ("/graphql", "/%67raphql", "//graphql", "/graphql/"):
        for accept in ("*/*", "text/html", "image/avif,image/webp,*/*"):
            asked = f"{path}?query={quote(query)}&operationName=M&variables={{}}"
            answer = client.get(asked, headers={"Accept": accept})
            assert "__typename" not in answer.text
            assert '"data"' not in answer.text
            assert answer.status_code == 405 or answer.headers["content-type"].startswith("text/html"), answer.text


def test_dagster_answers_programs_and_its_own_page(client: httpx.Client) -> None:
    given = {"Origin": str(client.base_url).rstrip("/"), "Sec-Fetch-Site": "same-origin", "User-Agent": "Mozilla/5.0"}
    for headers in ({}, given):
        answer = client.post("/graphql", json={"query": "{ version }"}, headers=headers)
        assert "version" in answer.json()["data"]
    page = client.get("/", headers={"Accept": "text/html", "User-Agent": "Mozilla/5.0"})
    assert page.status_code == 200
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    assert "script-src" in page.headers["Content-Security-Policy"]
    assert client.get("/graphql", headers={"Accept": "text/html"}).text.count("GraphiQL") > 0


def test_a_subscription_is_for_its_own_page_and_for_programs(client: httpx.Client) -> None:
    address = f"ws://{urlsplit(str(client.base_url)).netloc}/graphql"
    for origin in (None, Origin(str(client.base_url).rstrip("/"))):
        with connect_websocket(address, origin=origin, subprotocols=[Subprotocol("graphql-ws")], proxy=None) as socket_:
            socket_.send(json.dumps({"type": "connection_init"}))
            assert json.loads(socket_.recv(10))["type"] == "connection_ack"
    for foreign in ("http://evil.example", "null", "http://localhost:1"):
        with pytest.raises(InvalidStatus) as refused:
            connect_websocket(address, origin=Origin(foreign), subprotocols=[Subprotocol("graphql-ws")], proxy=None)
        assert refused.value.response.status_code == 403


def test_sockets_without_number_leave_room(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webserver_guard, "most_connections", lambda: 8)
    address = f"ws://{urlsplit(str(client.base_url)).netloc}/graphql"

    def open_socket() -> ExitStack:
        stack = ExitStack()
        stack.enter_context(connect_websocket(address, subprotocols=[Subprotocol("graphql-ws")], proxy=None))
        return stack

    with ExitStack() as held:

        def has_room() -> bool:
            """A moment after another one was closed, by a test before, too."""
            try:
                opened.append(held.enter_context(open_socket()))
            except InvalidStatus:
                return False
            return True

        opened: list[ExitStack] = []
        for _ in range(4):
            assert wait_until(has_room, seconds=30)
        with pytest.raises(InvalidStatus):
            open_socket()
        assert client.get("/server_info").status_code == 200
        opened[0].close()
        assert wait_until(has_room, seconds=30)


def raw(client: httpx.Client, request: bytes) -> bytes:
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as connection:
        connection.sendall(request)
        return connection.makefile("rb").read()


def test_requests_that_browsers_never_send_are_refused(client: httpx.Client) -> None:
    host = f"Host: 127.0.0.1:{client.base_url.port}\r\n".encode()
    assert b" 403 " in raw(client, b"GET /server_info HTTP/1.0\r\n\r\n").splitlines()[0]
    assert b" 400 " in raw(client, b"GET /server_info HTTP/1.1\r\n" + host + host + b"\r\n").splitlines()[0]
    target = b"GET http://evil.example/server_info HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n"
    assert b" 400 " in raw(client, target).splitlines()[0]
    assert b" 200 " in raw(client, b"GET /server_info HTTP/1.0\r\n" + host + b"\r\n").splitlines()[0]


async def _never(*_: Any) -> None:
    raise AssertionError("the application was reached")


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_without_end_is_read_no_further_than_the_limit(is_declared: bool) -> None:
    read = 0

    async def receive() -> dict[str, Any]:
        nonlocal read
        read += 1_000_000
        return {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}

    answer, sent = _call(receive, ("content-length", "1500000000") if is_declared else ("transfer-encoding", "chunked"))
    assert answer == 413
    assert sent["connection"] == "close"
    assert read <= (0 if is_declared else 18_000_000)


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)

    async def receive() -> dict[str, Any]:
        import asyncio

        await asyncio.sleep(30)
        raise AssertionError("waited for")

    assert _call(receive, ("content-length", "5"))[0] == 408


def _call(receive: Any, *headers: tuple[str, str]) -> tuple[int, dict[str, str]]:
    import asyncio

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(WebserverGuard(_never)(scope("POST", "/graphql", JSON, *headers), receive, send))
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], found


def test_however_the_webserver_is_started_it_is_guarded(
    postgres_server: Server, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[Any] = []
    monkeypatch.setattr(connections, "serve_http", lambda app, host, port, **_: served.append((app, host, port)))
    monkeypatch.setattr(dagster_cli, webserver._SERVE, getattr(dagster_cli, webserver._SERVE))
    monkeypatch.setenv("DAGSTER_HOME", str(Path(__file__).parents[2]))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres_server.url("postgres"))
    monkeypatch.setenv("LOCAL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DAGSTER_ALLOWED_HOSTS", "dagster.example.org")
    monkeypatch.setenv("DAGSTER_URL", "http://webserver:3000")  # by which `serve` asks for it in containers
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        dagster_cli.cli, ["--empty-workspace", "--port=34567", "--host=pipeline.internal"], catch_exceptions=False
    )
    [(app, host, port)] = served
    assert (host, port, result.exit_code) == ("pipeline.internal", 34567, 0), result.output
    assert isinstance(app, WebserverGuard)
    assert app.names == ("dagster.example.org", "webserver", "pipeline.internal")


def test_dev_guards_it_whatever_the_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(Path(__file__).parents[2]))
    monkeypatch.setenv("LOCAL_DATA_DIR", str(tmp_path))
    started = {child.name: child.command for child in children_of(load_settings(), None)}
    assert started["webserver"][1:3] == ["-m", "sheets_pipeline.dagster_runtime.webserver"]
    served: list[Any] = []
    monkeypatch.setattr(dagster_cli, webserver._SERVE, getattr(dagster_cli, webserver._SERVE))
    monkeypatch.setattr(dagster_cli, "main", lambda: served.append(getattr(dagster_cli, webserver._SERVE)))
    webserver.main()
    assert served == [webserver.serve_guarded]


def test_a_webserver_that_starts_in_another_way_is_not_served_unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(dagster_cli, webserver._SERVE)
    with pytest.raises(RuntimeError, match=r"constraints\.txt"):
        webserver.guard_this_process()
