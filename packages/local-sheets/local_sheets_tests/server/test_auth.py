"""Service accounts: key files, the token endpoint, scopes, sharing."""

import json
import stat
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from google.auth import crypt, jwt
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.service_account import Credentials

from local_sheets.server.accounts import ensure_key_file
from local_sheets.testing import LocalSheetsServer

CHECKED_AGAINST = (
    "client google-auth",
    "reference https://developers.google.com/identity/protocols/oauth2/service-account",
)

SPREADSHEETS = "https://www.googleapis.com/auth/spreadsheets"


@pytest.fixture(scope="module")
def server():
    with LocalSheetsServer(auth="service-account") as server:
        yield server


def session_of(key_file: Path, *scopes: str) -> AuthorizedSession:
    credentials = Credentials.from_service_account_file(key_file, scopes=scopes or [SPREADSHEETS])
    return AuthorizedSession(credentials)


def address(server: LocalSheetsServer, spreadsheet_id: str) -> str:
    return f"{server.endpoint}/v4/spreadsheets/{spreadsheet_id}"


def test_the_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path):
    path = ensure_key_file(tmp_path, "http://127.0.0.1:1")
    first = json.loads(path.read_text())
    second = json.loads(ensure_key_file(tmp_path, "http://127.0.0.1:2").read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert first["private_key"] == second["private_key"]
    assert second["token_uri"] == "http://127.0.0.1:2/token"


def test_a_shared_spreadsheet_can_be_used(server: LocalSheetsServer):
    key = server.create_spreadsheet()
    assert session_of(server.credentials_file).get(address(server, key)).status_code == 200


def test_a_spreadsheet_that_is_not_shared_is_refused(server: LocalSheetsServer):
    key = server.create_spreadsheet(share=False)
    answer = session_of(server.credentials_file).get(address(server, key))
    assert answer.status_code == 403
    assert answer.json() == {
        "error": {"code": 403, "message": "The caller does not have permission", "status": "PERMISSION_DENIED"}
    }


def test_a_reader_cannot_write(server: LocalSheetsServer):
    other = session_of(server.add_account("reader"))
    key = server.create_spreadsheet()
    server.share(key, "reader@local-sheets.iam.gserviceaccount.com", "reader")
    assert other.get(f"{address(server, key)}/values/A1").status_code == 200
    write = other.put(f"{address(server, key)}/values/A1?valueInputOption=RAW", json={"values": [[1]]})
    assert write.status_code == 403
    server.share(key, "reader@local-sheets.iam.gserviceaccount.com", None)
    assert other.get(f"{address(server, key)}/values/A1").status_code == 403


def test_who_creates_a_spreadsheet_owns_it(server: LocalSheetsServer):
    mine, theirs = session_of(server.credentials_file), session_of(server.add_account("stranger"))
    key = mine.post(f"{server.endpoint}/v4/spreadsheets", json={}).json()["spreadsheetId"]
    assert mine.get(address(server, key)).status_code == 200
    assert theirs.get(address(server, key)).status_code == 403


def test_protected_cells_are_refused_to_those_who_are_not_editors(server: LocalSheetsServer):
    owner, editor = session_of(server.credentials_file), session_of(server.add_account("editor"))
    key = owner.post(f"{server.endpoint}/v4/spreadsheets", json={}).json()["spreadsheetId"]
    server.share(key, "editor@local-sheets.iam.gserviceaccount.com")
    area = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1}
    protect = {"requests": [{"addProtectedRange": {"protectedRange": {"range": area}}}]}
    reply = owner.post(f"{address(server, key)}:batchUpdate", json=protect).json()["replies"][0]
    assert reply["addProtectedRange"]["protectedRange"]["requestingUserCanEdit"] is True
    url = f"{address(server, key)}/values/{{}}?valueInputOption=RAW"
    refused = editor.put(url.format("A1"), json={"values": [["x"]]})
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].startswith("You are trying to edit a protected cell or object.")
    span = {"sheetId": 0, "dimension": "ROWS", "startIndex": 0, "endIndex": 1}
    delete = {"requests": [{"deleteDimension": {"range": span}}]}
    assert editor.post(f"{address(server, key)}:batchUpdate", json=delete).status_code == 400
    assert editor.put(url.format("A2"), json={"values": [["x"]]}).status_code == 200
    assert owner.put(url.format("A1"), json={"values": [["x"]]}).status_code == 200
    found = owner.get(f"{address(server, key)}/values/A1:A2").json()["values"]
    assert found == [["x"], ["x"]]


def test_no_token_and_a_wrong_token_are_told_apart(server: LocalSheetsServer):
    key = server.create_spreadsheet()
    without = requests.get(address(server, key), timeout=30)
    assert (without.status_code, without.json()["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert without.json()["error"]["message"].startswith("Method doesn't allow unregistered callers")
    for token in ("nonsense", "ya29.local.e30.AAAA"):
        wrong = requests.get(address(server, key), headers={"Authorization": f"Bearer {token}"}, timeout=30)
        assert (wrong.status_code, wrong.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("drive.readonly", "GET", "changes/startPageToken", 200),
        ("drive.metadata.readonly", "POST", "channels/stop", 404),  # it is let in; there is no such channel
        ("drive.metadata.readonly", "GET", "files/x/export?mimeType=text/csv", 403),
        ("drive.readonly", "POST", "files", 403),
        ("drive.file", "POST", "files", 200),
        ("spreadsheets", "GET", "files", 403),
    ],
)
def test_each_method_of_drive_takes_the_scopes_of_its_document(
    server: LocalSheetsServer, scope: str, method: str, path: str, status: int
):
    session = session_of(server.credentials_file, f"https://www.googleapis.com/auth/{scope}")
    body = {"id": "none", "resourceId": "none"} if method == "POST" else None
    answer = session.request(method, f"{server.endpoint}/drive/v3/{path}", json=body)
    assert answer.status_code == status
    if status == 403:
        assert answer.json()["error"]["errors"][0]["reason"] == "insufficientPermissions"


def test_scopes_are_looked_at(server: LocalSheetsServer):
    key = server.create_spreadsheet()
    reading = session_of(server.credentials_file, SPREADSHEETS + ".readonly")
    assert reading.get(address(server, key)).status_code == 200
    write = reading.put(f"{address(server, key)}/values/A1?valueInputOption=RAW", json={"values": [[1]]})
    assert write.status_code == 403
    assert write.json()["error"]["message"] == "Request had insufficient authentication scopes."


def test_scopes_and_token_addresses_have_older_names(server: LocalSheetsServer):
    key, account = server.create_spreadsheet(), json.loads(server.credentials_file.read_text())
    account["token_uri"] = f"{server.endpoint}/oauth2/v4/token"  # googleauth of Ruby
    feeds = Credentials.from_service_account_info(account, scopes=["https://spreadsheets.google.com/feeds"])
    assert AuthorizedSession(feeds).get(address(server, key)).status_code == 200
    assert AuthorizedSession(feeds).get(f"{server.endpoint}/drive/v3/files").status_code == 403


def assertion(server: LocalSheetsServer, **changes: Any) -> requests.Response:
    """Ask for a token with a signed assertion of which some claims are changed."""
    account = json.loads(server.credentials_file.read_text())
    now = int(time.time())
    claims = {
        "iss": account["client_email"],
        "aud": account["token_uri"],
        "iat": now,
        "exp": now + 3600,
        "scope": SPREADSHEETS,
    }
    signer = crypt.RSASigner.from_service_account_info(account)
    token = jwt.encode(signer, {**claims, **changes}).decode()
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": token}
    return requests.post(account["token_uri"], data=form, timeout=30)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"aud": "https://example.org/token"}, "invalid_grant"),
        ({"exp": 1}, "invalid_grant"),
        ({"exp": 10**11}, "invalid_grant"),
        ({"iss": "nobody@example.org"}, "invalid_grant"),
        ({"scope": ""}, "invalid_scope"),
        ({"sub": "boss@example.org"}, "unauthorized_client"),
    ],
)
def test_assertions_are_verified(server: LocalSheetsServer, changes: dict, error: str):
    assert assertion(server, iat=int(time.time()) - 60).status_code == 200  # as Google's client for PHP makes it
    refused = assertion(server, **changes)
    assert (refused.status_code, refused.json()["error"]) == (400, error)


def test_a_foreign_signature_is_refused(server: LocalSheetsServer, tmp_path: Path):
    foreign = json.loads(ensure_key_file(tmp_path, server.endpoint).read_text())
    credentials = Credentials.from_service_account_info(foreign, scopes=[SPREADSHEETS])
    with pytest.raises(RefreshError, match="Invalid JWT Signature"):
        AuthorizedSession(credentials).get(server.endpoint + "/v4/spreadsheets/1x")


def test_tokens_outlive_a_restart(new_local_sheets):
    server = new_local_sheets(auth="service-account")
    session = session_of(server.credentials_file)
    key = server.create_spreadsheet()
    assert session.get(address(server, key)).status_code == 200
    token = session.credentials.token
    server.restart()
    assert session.get(address(server, key)).status_code == 200
    assert session.credentials.token == token
