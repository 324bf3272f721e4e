"""Who is served: this machine or the bearer of the token, never a page of another origin."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from sheets_pipeline.control.app import create_app
from sheets_pipeline.control.security import refusal
from sheets_pipeline.control.server import run_server
from sheets_pipeline.errors import DatabaseError, SettingsError
from sheets_pipeline.settings import load_settings
from sheets_pipeline.web.addresses import check_reachable_safely, is_loopback
from sheets_pipeline.web.origin import route_path
from sheets_pipeline_tests.control.stage import TOKEN, Stage


def client(stage: Stage, token: str | None, *, peer: str = "127.0.0.1", host: str = "localhost:3100") -> TestClient:
    """Of an application of its own, as seen by a peer that asks for a host."""
    return TestClient(create_app(stage.operations, token), base_url=f"http://{host}", client=(peer, 50_000))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "::ffff:127.0.0.1", "LOCALHOST."])
def test_these_are_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "10.0.0.7", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "::"])  # noqa: S104
def test_these_are_not(host: str) -> None:
    assert not is_loopback(host)


def test_without_a_token_other_machines_are_refused(opened_stage: Stage) -> None:
    for path in ("/", "/sync/status", "/dashboard", "/metrics", "/openapi.json"):
        answer = client(opened_stage, None, peer="10.0.0.7").get(path)
        assert answer.status_code == 403
        assert "CONTROL_API_TOKEN" in answer.json()["error"]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:3100", "localhost.evil.example"])
def test_without_a_token_a_foreign_name_of_this_machine_is_refused(opened_stage: Stage, host: str) -> None:
    assert client(opened_stage, None, host=host).get("/sync/status").status_code == 403


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Via"])
def test_without_a_token_what_comes_through_a_proxy_is_refused(opened_stage: Stage, name: str) -> None:
    assert client(opened_stage, None).get("/sync/status", headers={name: "10.0.0.7"}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Origin": "http://evil.example"}, 403, id="another origin"),
        pytest.param({"Origin": "null"}, 403, id="a sandboxed frame"),
        pytest.param({"Origin": "http://localhost:9999"}, 403, id="another port of this machine"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="cross-site fetch"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="same-site fetch"),
        pytest.param({"Content-Type": "text/plain"}, 415, id="what a form can send"),
        pytest.param({"Content-Type": "application/x-www-form-urlencoded"}, 415, id="what another form can send"),
        pytest.param({"Content-Type": "text/plain; a=application/json"}, 415, id="JSON as a parameter"),
        pytest.param({"Content-Type": ""}, 200, id="a program without content type"),
        pytest.param({"Content-Type": "", "User-Agent": "Mozilla/5.0"}, 415, id="a browser without content type"),
        pytest.param({"Content-Type": "", "Referer": "http://evil.example/"}, 415, id="an old browser's beacon"),
        pytest.param({"Content-Type": "", "Cookie": "a=1"}, 415, id="with cookies"),
        pytest.param({"Content-Type": "", "Sec-Fetch-Site": "same-origin"}, 415, id="our page without content type"),
        pytest.param({"Origin": "http://localhost:3100", "Sec-Fetch-Site": "same-origin"}, 200, id="our own page"),
    ],
)
@pytest.mark.parametrize("token", [None, TOKEN])
def test_foreign_pages_can_trigger_nothing(
    opened_stage: Stage, headers: dict[str, str], status: int, token: str | None
) -> None:
    given = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}", **headers}
    answer = client(opened_stage, token).post("/sync/resume", content="{}", headers=given)
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize("given", [None, {"seconds": 5, "holder": "curl"}])
def test_a_program_may_leave_the_content_type_out(opened_stage: Stage, given: Any) -> None:
    path = "/sync/resume" if given is None else "/sync/pause"
    body = b"" if given is None else json.dumps(given).encode()
    port = httpx.URL(opened_stage.url).port
    lines = [f"POST {path} HTTP/1.1", f"Host: localhost:{port}", "User-Agent: curl/8.0", f"Content-Length: {len(body)}"]
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode()
    with socket.create_connection(("127.0.0.1", port or 0), timeout=10) as connection:
        connection.sendall(head + body)
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 200")
    opened_stage.client.post("/sync/resume", json={})


#: Paths and headers that some part of a server might take for an open page while another serves what is closed.
LYING = [
    ("/sync/status", {"Host": "x/dashboard?"}),
    ("/sync/status", {"Host": "x/page/"}),
    ("/sync/status", {"Host": "localhost/dashboard#"}),
    ("/sync/status", {"Host": "user@localhost"}),
    ("/page/../sync/status", {}),
    ("/page/%2e%2e/sync/status", {}),
    ("/page%2f..%2fsync%2fstatus", {}),
    ("/page/static/..%2f..%2f..%2fapp.py", {}),
    ("/dashboard%2f..%2fsync/status", {}),
    ("//sync/status", {}),
    ("/sync/status?/dashboard", {}),
    ("/sync/status?path=/page/", {}),
    ("/sync/status/", {}),
    ("/sync/status%3f/dashboard", {}),
    ("/sync/status", {"X-Original-URL": "/dashboard", "X-Rewrite-URL": "/dashboard"}),
    ("/sync/status", {"X-Forwarded-Prefix": "/page", "X-Script-Name": "/page"}),
    ("/sync/status", {"X-HTTP-Method-Override": "OPTIONS"}),
    ("/openapi.json/../stats", {}),
]


@pytest.mark.parametrize(("path", "headers"), LYING)
def test_nothing_but_the_path_of_the_route_decides_what_is_open(
    opened_stage: Stage, path: str, headers: dict[str, str]
) -> None:
    port = httpx.URL(opened_stage.token_url).port or 0
    given = {"Host": f"localhost:{port}", **headers}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "Connection: close"]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = connection.makefile("rb").read()
    assert answer.split(b" ")[1] in (b"400", b"401", b"404"), answer
    assert b'"tabs"' not in answer


@pytest.mark.parametrize(
    ("path", "root", "expected"),
    [
        ("/dashboard", "", "/dashboard"),
        ("/proxy/sync/status", "/proxy", "/sync/status"),
        ("/proxy/sync/status", "/proxy/", "/sync/status"),
        ("/page/sync/status", "/page", "/sync/status"),
        ("/pages/sync", "/page", "/pages/sync"),
        ("/page", "/page", ""),
    ],
)
def test_a_prefix_of_a_proxy_is_no_part_of_the_route(path: str, root: str, expected: str) -> None:
    assert route_path({"path": path, "root_path": root}) == expected
    headers = [(b"host", b"x")]
    asked = {"type": "http", "method": "GET", "path": path, "root_path": root, "headers": headers, "client": None}
    refused = refusal(asked, TOKEN)
    assert (refused is None) == (expected == "/dashboard")


def test_a_preflight_is_answered_without_any_permission(opened_stage: Stage) -> None:
    asked = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client(opened_stage, None).options("/sync/force", headers=asked)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer ÿ".encode("latin-1")]
)
def test_with_a_token_nothing_but_the_token_opens(opened_stage: Stage, given: Any) -> None:
    headers = {} if given is None else {"Authorization": given}
    answer = httpx.get(f"{opened_stage.token_url}/sync/status", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in answer.text


def test_with_the_token_any_machine_is_served_and_health_needs_none(opened_stage: Stage) -> None:
    elsewhere = client(opened_stage, TOKEN, peer="10.0.0.7", host="pipeline.example")
    assert elsewhere.get("/sync/status", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert elsewhere.get("/metrics").status_code == 401
    told = elsewhere.get("/", headers={"Accept": "*/*"})
    assert told.status_code in (200, 503)
    assert set(told.json()) == {"health"}
    for wrong in ("Bearer wrong", f"Basic {TOKEN}"):
        assert set(elsewhere.get("/", headers={"Accept": "*/*", "Authorization": wrong}).json()) == {"health"}
    assert elsewhere.get("/", headers={"Accept": "*/*", "Authorization": f"Bearer {TOKEN}"}).json()["reason"]


def test_without_the_token_health_names_no_database(opened_stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise DatabaseError("The database 'learning_platform' at db.example.org refuses user 'pipeline'. Mend it.")

    monkeypatch.setattr(opened_stage.operations, "status", fail)
    answer = httpx.get(opened_stage.token_url, headers={"Accept": "*/*"})
    assert (answer.status_code, answer.json()) == (503, {"health": "unknown"})
    assert "db.example.org" in httpx.get(opened_stage.url, headers={"Accept": "*/*"}).json()["reason"]


@pytest.mark.parametrize("is_declared", [True, False])
def test_a_body_beyond_the_limit_is_refused_unread(opened_stage: Stage, is_declared: bool) -> None:
    sent = 0

    def body() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(2000):
            sent += 100_000
            yield b" " * 100_000

    headers = {"Content-Type": "application/json", **({"Content-Length": "1500000000"} if is_declared else {})}
    try:
        answer = opened_stage.client.post("/sync/pause", content=body(), headers=headers)
        assert answer.status_code == 413
        assert "65536 bytes" in answer.json()["error"]
    except httpx.WriteError:  # the connection was closed before all was sent
        pass
    assert sent < 50_000_000


def test_listening_for_others_without_a_token_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONTROL_API_TOKEN", raising=False)
    with pytest.raises(SettingsError, match="CONTROL_API_TOKEN is not set"):
        check_reachable_safely(load_settings(), "0.0.0.0")  # noqa: S104
    check_reachable_safely(load_settings(control_api_token=TOKEN), "0.0.0.0")  # noqa: S104
    check_reachable_safely(load_settings(), "127.0.0.1")


def test_a_port_that_is_taken_is_told_with_what_to_do(opened_stage: Stage) -> None:
    taken = httpx.URL(opened_stage.url).port or 0
    with pytest.raises(SettingsError, match=f"127.0.0.1:{taken} .*CONTROL_API_PORT"):
        run_server(load_settings(), "127.0.0.1", taken)
