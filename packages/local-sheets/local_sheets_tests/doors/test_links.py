"""Export, publication, queries, discovery and identity, of a server where people have to show who they are."""

import json
from urllib.error import HTTPError

import pandas as pd
import pytest
import requests
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials
from googleapiclient.discovery import build

from local_sheets_tests.clients.conftest import SCOPES

CHECKED_AGAINST = (
    "reference https://developers.google.com/discovery/v1/reference/apis",
    "client google-api-python-client",
    "client pandas",
)

pytestmark = pytest.mark.xdist_group("clients")


@pytest.fixture(scope="module")
def discovered(server, credentials):
    """Makes a client from the document that the server gives, and nothing else."""

    def make(api, version, address):
        url = f"{server.endpoint}{address}"
        return build(api, version, credentials=credentials, discoveryServiceUrl=url, static_discovery=False)

    return make


@pytest.fixture(scope="module")
def shared_with_anyone(discovered):
    return _made(discovered, [{"type": "anyone", "role": "reader"}])


@pytest.fixture(scope="module")
def kept_private(discovered):
    return _made(discovered, [])


def _made(discovered, permissions):
    sheets = discovered("sheets", "v4", "/$discovery/rest?version=v4").spreadsheets()
    body = {"properties": {"title": "Open"}, "sheets": [{"properties": {"title": "A"}}, {"properties": {"title": "B"}}]}
    made = sheets.create(body=body).execute()
    key = made["spreadsheetId"]
    sheets.values().update(
        spreadsheetId=key, range="B!A1", valueInputOption="RAW", body={"values": [["n", "t"], [1, "x"]]}
    ).execute()
    drive = discovered("drive", "v3", "/discovery/v1/apis/drive/v3/rest")
    for permission in permissions:
        drive.permissions().create(fileId=key, body=permission).execute()
    return key, made["sheets"][1]["properties"]["sheetId"]


LINKS = ("export?format=csv&gid={gid}", "pub?output=csv&gid={gid}", "gviz/tq?tqx=out:csv&gid={gid}")


@pytest.mark.parametrize("link", LINKS)
def test_pandas_reads_what_is_shared_with_anyone(server, shared_with_anyone, link):
    key, gid = shared_with_anyone
    found = pd.read_csv(f"{server.endpoint}/spreadsheets/d/{key}/{link.format(gid=gid)}")
    assert found.to_dict("records") == [{"n": 1, "t": "x"}]


@pytest.mark.parametrize("link", LINKS)
def test_nobody_reads_what_is_not_shared(server, kept_private, credentials, link):
    key, gid = kept_private
    url = f"{server.endpoint}/spreadsheets/d/{key}/{link.format(gid=gid)}"
    with pytest.raises(HTTPError, match="401"):
        pd.read_csv(url)
    answer = requests.get(url, timeout=30)
    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "Sign in" in answer.text
    assert requests.get(url, headers={"Authorization": "Bearer wrong"}, timeout=30).status_code == 401
    credentials.refresh(Request())
    answer = requests.get(url, headers={"Authorization": f"Bearer {credentials.token}"}, timeout=30)
    assert (answer.status_code, answer.text.split()[0].replace('"', "")) == (200, "n,t")
    gone = url.replace(key, "1" * 44)
    assert requests.get(gone, timeout=30).status_code == 404


def test_a_query_of_what_is_not_shared_is_refused_where_scripts_can_read_it(server, kept_private):
    answer = requests.get(f"{server.endpoint}/spreadsheets/d/{kept_private[0]}/gviz/tq", timeout=30)
    assert answer.status_code == 200
    assert '"reason":"user_not_authenticated"' in answer.text
    stranger = Credentials.from_service_account_file(server.add_account("stranger"), scopes=SCOPES)
    stranger.refresh(Request())
    sent = {"Authorization": f"Bearer {stranger.token}"}
    answer = requests.get(f"{server.endpoint}/spreadsheets/d/{kept_private[0]}/gviz/tq", headers=sent, timeout=30)
    assert '"reason":"access_denied"' in answer.text


def test_what_is_published_has_the_formats_of_exports(server, shared_with_anyone):
    base = f"{server.endpoint}/spreadsheets/d/{shared_with_anyone[0]}"
    assert requests.get(f"{base}/pub?output=xlsx", timeout=30).content.startswith(b"PK")
    assert requests.get(f"{base}/export?format=tsv&gid={shared_with_anyone[1]}", timeout=30).text == "n\tt\r\n1\tx"
    for page in (requests.get(f"{base}/{name}", timeout=30) for name in ("pub", "pubhtml")):
        assert (page.headers["content-type"], page.text.count("<table")) == ("text/html; charset=utf-8", 2)
    export = f"{base}/export?format=csv&gid={shared_with_anyone[1]}&range="
    assert [requests.get(export + one, timeout=30).text for one in ("B1:C2", "A2", "D1:D2")] == ["t\r\nx", "1", ""]
    assert requests.get(f"{export}nonsense!", timeout=30).status_code == 400


@pytest.mark.parametrize(
    ("api", "version", "address"),
    [
        ("sheets", "v4", "/$discovery/rest?version=v4"),
        ("sheets", "v4", "/discovery/v1/apis/{api}/{apiVersion}/rest"),
        ("drive", "v3", "/discovery/v1/apis/{api}/{apiVersion}/rest"),
    ],
)
def test_a_client_made_of_a_served_document_calls_this_server(
    server, discovered, shared_with_anyone, api, version, address
):
    service, key = discovered(api, version, address), shared_with_anyone[0]
    if api == "sheets":
        assert service.spreadsheets().get(spreadsheetId=key).execute()["properties"]["title"] == "Open"
    else:
        assert service.files().get(fileId=key).execute()["name"] == "Open"
        assert service.files().export(fileId=key, mimeType="text/csv").execute() == b""


def test_the_directory_lists_the_documents(server):
    items = requests.get(f"{server.endpoint}/discovery/v1/apis", timeout=30).json()["items"]
    assert [item["id"] for item in items] == ["sheets:v4", "drive:v3"]
    for item in items:
        document = requests.get(item["discoveryRestUrl"], timeout=30).json()
        assert document["id"] == item["id"]
        assert document["baseUrl"] == document["rootUrl"] + document["servicePath"]
        assert document["rootUrl"] == f"{server.endpoint}/"
    for missing in ("/discovery/v1/apis/gmail/v1/rest", "/$discovery/rest?version=v1"):
        assert requests.get(server.endpoint + missing, timeout=30).status_code == 404


def test_a_token_is_told_who_it_is(server, credentials):
    with_email = credentials.with_scopes([*credentials.scopes, "https://www.googleapis.com/auth/userinfo.email"])
    with_email.refresh(Request())
    key = json.loads(server.credentials_file.read_text())
    user = requests.get(
        f"{server.endpoint}/v1/userinfo", headers={"Authorization": f"Bearer {with_email.token}"}, timeout=30
    ).json()
    assert (user["email"], user["email_verified"]) == (server.account_email, True)
    for address in ("/tokeninfo", "/oauth2/v3/tokeninfo"):
        found = requests.get(server.endpoint + address, params={"access_token": with_email.token}, timeout=30).json()
        assert (found["azp"], found["aud"], found["sub"]) == (key["client_id"], key["client_id"], user["sub"])
        assert set(found["scope"].split()) == set(with_email.scopes)
        assert 3500 < int(found["expires_in"]) <= 3600
        assert (found["email"], found["email_verified"]) == (server.account_email, "true")
    old = requests.post(f"{server.endpoint}/oauth2/v1/tokeninfo", data={"access_token": with_email.token}, timeout=30)
    assert (old.json()["audience"], old.json()["user_id"]) == (key["client_id"], user["sub"])
    assert isinstance(old.json()["expires_in"], int)
    credentials.refresh(Request())
    quiet = requests.get(f"{server.endpoint}/tokeninfo", params={"access_token": credentials.token}, timeout=30)
    assert "email" not in quiet.json()


@pytest.mark.parametrize(
    ("address", "status", "error"),
    [
        ("/tokeninfo?access_token=wrong", 400, "invalid_token"),
        ("/oauth2/v1/tokeninfo", 400, "invalid_request"),
        ("/v1/userinfo", 401, "invalid_request"),
        ("/v1/userinfo?access_token=ya29.local.e30.x", 401, "invalid_request"),
    ],
)
def test_what_is_no_token_is_refused(server, address, status, error):
    answer = requests.get(server.endpoint + address, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
