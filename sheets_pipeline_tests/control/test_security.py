"""Who is served: this machine or the bearer of the token, never a page of another origin."""

from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from sheets_pipeline.control.app import create_app
from sheets_pipeline.control.reach import check_reachable_safely, is_loopback
from sheets_pipeline.control.server import run_server
from sheets_pipeline.errors import SettingsError
from sheets_pipeline.settings import load_settings
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


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Real-IP"])
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
        pytest.param({"Content-Type": ""}, 415, id="no content type"),
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
    assert elsewhere.get("/", headers={"Accept": "*/*"}).status_code in (200, 503)
    assert elsewhere.get("/metrics").status_code == 401


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
