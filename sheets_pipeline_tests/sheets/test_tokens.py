"""Tokens go from one run to the next, and no private key is loaded while there is one."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from google.auth import crypt
from google.auth.exceptions import RefreshError

from local_sheets.testing import LocalSheetsServer
from sheets_pipeline.errors import AccessDenied
from sheets_pipeline.sheets import credentials as module
from sheets_pipeline.sheets import tokens
from sheets_pipeline.sheets.access import read_spreadsheet
from sheets_pipeline.sheets.client import NoQuota, SheetsClient
from sheets_pipeline.sheets.credentials import ensure_token, load_identity
from sheets_pipeline.testing import FAST


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What another process would be told; nothing is known before."""
    texts: list[str] = []
    monkeypatch.setattr(tokens, "_known", {})
    monkeypatch.setattr(tokens, "_renewing", set())
    monkeypatch.setattr(tokens, "on_new", texts.append)
    return texts


@pytest.fixture(scope="module")
def server() -> Iterator[LocalSheetsServer]:
    """One that wants tokens."""
    with LocalSheetsServer(auth="service-account") as started:
        yield started


@pytest.fixture(scope="module")
def key(server: LocalSheetsServer) -> Path:
    return Path(server.credentials_file)


def no_key(*_: Any, **__: Any) -> Any:
    raise AssertionError("a private key was loaded")


def known_for(key: Path, lasts: timedelta) -> None:
    """As if another process had told of a token of this key."""
    info = json.loads(key.read_text())
    name = f"{info['client_email']} {info['private_key_id']}"
    tokens.learn(json.dumps([name, "a token", (datetime.now(UTC).replace(tzinfo=None) + lasts).isoformat()]))


def test_a_token_is_told_once_and_spares_the_next_process_key_and_request(
    key: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_identity(None, key)
    ensure_token(first.credentials)
    ensure_token(first.credentials)
    assert len(told) == 1
    monkeypatch.setattr(tokens, "_known", {})  # the next process
    tokens.learn(told[0])
    monkeypatch.setattr(crypt.RSASigner, "from_service_account_info", no_key)
    monkeypatch.setattr(module, "_refresh", no_key)
    second = load_identity(None, key)
    ensure_token(second.credentials)
    assert (second.name, second.credentials.token) == (first.name, first.credentials.token)


def test_credentials_that_began_with_a_token_get_another_when_it_ends(key: Path) -> None:
    known_for(key, timedelta(hours=1))
    identity = load_identity(None, key)
    assert identity.credentials.token == "a token"
    identity.credentials.expiry = datetime.now(UTC).replace(tzinfo=None)
    ensure_token(identity.credentials)
    assert identity.credentials.token != "a token"


@pytest.mark.parametrize("lasts", [timedelta(minutes=4), timedelta(hours=-1)])
def test_a_token_that_is_over_or_nearly_so_is_not_begun_with(key: Path, lasts: timedelta) -> None:
    known_for(key, lasts)
    assert load_identity(None, key).credentials.token is None


def test_a_key_that_is_none_is_refused_as_before(key: Path) -> None:
    info = json.loads(key.read_text())
    for broken in ({**info, "private_key": "x", "private_key_id": "another"}, {"type": "service_account"}):
        with pytest.raises(AccessDenied, match="holds no service account key"):
            load_identity(json.dumps(broken))


def test_a_token_that_ends_soon_is_replaced_beside_the_work_and_told(
    key: Path, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    known_for(key, timedelta(minutes=14))
    identity, began = load_identity(None, key), threading.Event()
    refresh, go_on = module._refresh, threading.Event()

    def slowly(credentials: Any) -> None:
        began.set()
        go_on.wait(30)
        refresh(credentials)

    monkeypatch.setattr(module, "_refresh", slowly)
    ensure_token(identity.credentials)
    assert began.wait(30)
    assert identity.credentials.token == "a token"  # nobody waits
    go_on.set()
    for thread in threading.enumerate():
        if thread.name == "token":
            thread.join(30)
    assert identity.credentials.token != "a token"
    assert identity.credentials.token in told[0]


def test_that_no_other_token_is_to_be_had_yet_harms_nobody(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known_for(key, timedelta(minutes=14))
    identity = load_identity(None, key)

    def refused(_: Any) -> None:
        raise RefreshError("no")

    monkeypatch.setattr(module, "_refresh", refused)
    ensure_token(identity.credentials)
    for thread in threading.enumerate():
        if thread.name == "token":
            thread.join(30)
    assert identity.credentials.token == "a token"


def test_a_known_token_that_is_refused_is_replaced_for_later_runs_too(
    server: LocalSheetsServer, key: Path, told: list[str]
) -> None:
    known_for(key, timedelta(hours=1))
    identity = load_identity(None, key)
    client = SheetsClient(
        identity, server.create_spreadsheet("Test"), budget=NoQuota(), endpoint=server.endpoint, policy=FAST
    )
    assert read_spreadsheet(client).title == "Test"
    assert "a token" not in told[0]
