"""Requests of google-auth's own, beside ours."""

import logging
import threading
from typing import Any

import pytest
import requests
from google.auth import _helpers
from google.auth.transport.requests import Request
from google.oauth2 import service_account
from urllib3.connection import HTTPSConnection

from sheets_pipeline.sheets.credentials import authorized_session


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Hosts that somebody wanted to reach; none can be."""
    hosts: list[str] = []

    def connect(connection: HTTPSConnection) -> None:
        hosts.append(connection.host)
        raise OSError("no network")

    monkeypatch.setattr(HTTPSConnection, "connect", connect)
    return hosts


def credentials() -> Any:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048)
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(encoding, kind, serialization.NoEncryption()).decode()
    info = {"client_email": "pipeline@example.org", "private_key": pem, "token_uri": "https://token.invalid/"}
    made = service_account.Credentials.from_service_account_info(info, scopes=["x"])
    made.token, made.expiry = "a token", _helpers.utcnow().replace(year=2999)
    return made


@pytest.mark.parametrize("is_google", [False, True])
def test_no_warning_is_about_what_google_auth_asks_in_the_background(
    is_google: bool, asked: list[str], caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    of_tests_before = {thread.ident for thread in threading.enumerate() if thread is not threading.current_thread()}
    session = authorized_session(credentials(), is_google=is_google)
    with pytest.raises(requests.ConnectionError):
        session.get("https://sheets.invalid/")
    for thread in threading.enumerate():
        if "Regional" in type(thread).__name__:
            thread.join(20)
    assert ("iamcredentials.googleapis.com" in asked) is is_google
    assert [record.getMessage() for record in caplog.records if record.thread not in of_tests_before] == []


def test_tokens_are_still_asked_for(asked: list[str]):
    session = authorized_session(credentials(), is_google=False)
    request = session._auth_request
    assert isinstance(request, Request)
    with pytest.raises(Exception, match="no network"):
        request("https://token.invalid/", method="POST")
    assert asked == ["token.invalid"]
