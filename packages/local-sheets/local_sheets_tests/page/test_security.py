"""Who may use the page's routes, and what the page may load."""

import re
from pathlib import Path

import httpx
import pytest

from local_sheets.page.assets import STATIC
from local_sheets_tests.page.server_process import running_server


def _session_of(endpoint: str) -> str:
    """The secret that a server puts into its own pages."""
    found = re.search(r'name="local-sheets-session" content="([\w-]{20,})"', httpx.get(endpoint, timeout=30).text)
    assert found is not None
    return found[1]


@pytest.fixture
def session(server: str) -> str:
    """The secret of the server that all tests share."""
    return _session_of(server)


EDIT = {
    "request": {"valuesUpdate": {"range": "Sheet1!A1", "values": [["x"]]}},
    "edited": {"changeType": "EDIT", "sheetId": 0, "ranges": []},
}


@pytest.fixture
def edits(api: httpx.Client) -> str:
    """Path for edits of a fresh spreadsheet."""
    return f"/page/api/spreadsheets/{api.post('/v4/spreadsheets', json={}).json()['spreadsheetId']}/edits"


@pytest.mark.parametrize("path", ["/", "/spreadsheets/d/any/edit", "/page/static/js/sheet.js", "/page/fonts/fonts.css"])
def test_pages_and_files_forbid_foreign_content_and_frames(api: httpx.Client, path: str):
    answer = api.get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http:" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_edit_needs_the_session(api: httpx.Client, edits: str, session: str):
    assert api.post(edits, json=EDIT).status_code == 403
    assert api.post(edits, json=EDIT, headers={"X-Local-Sheets-Session": "guess"}).status_code == 403
    assert api.post(edits, json=EDIT, headers={"X-Local-Sheets-Session": session}).status_code == 200


def test_reading_needs_the_session(api: httpx.Client):
    assert api.get("/page/api/spreadsheets").status_code == 403


def test_a_form_cannot_carry_an_edit(api: httpx.Client, edits: str, session: str):
    headers = {"X-Local-Sheets-Session": session, "Content-Type": "text/plain"}
    assert api.post(edits, content='{"request": {}}', headers=headers).status_code == 400


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
@pytest.mark.parametrize("path", ["/", "/page/api/stream", "/page/static/js/sheet.js"])
def test_foreign_hosts_and_origins_are_refused(api: httpx.Client, path: str, headers: dict[str, str]):
    assert api.get(path, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "path", ["/page/static/../routes.py", "/page/static/%2e%2e/routes.py", "/page/fonts/fonts/../ORIGIN.md"]
)
def test_no_file_outside_the_folders_is_served(api: httpx.Client, path: str):
    raw = httpx.URL(str(api.base_url)).copy_with(raw_path=path.encode())
    assert api.get(raw).status_code in (403, 404)


@pytest.mark.parametrize(
    "edited",
    [
        None,
        {"changeType": "HACK"},
        {"changeType": "EDIT", "sheetId": "0"},
        {"changeType": "EDIT", "sheetId": 0, "ranges": [{"startRowIndex": 0}]},
        {"changeType": "EDIT", "sheetId": 0, "ranges": [1, 2, 3, 4]},
    ],
)
def test_a_malformed_edit_is_refused_before_anything_is_written(
    api: httpx.Client, edits: str, session: str, edited: object
):
    answer = api.post(edits, json={**EDIT, "edited": edited}, headers={"X-Local-Sheets-Session": session})
    assert answer.status_code == 400
    spreadsheet_id = edits.split("/")[4]
    assert "values" not in api.get(f"/v4/spreadsheets/{spreadsheet_id}/values/Sheet1!A1").json()


@pytest.mark.parametrize(
    "query", ["", "rows=0-10", "rows=10-0&columns=0-1", "rows=a-b&columns=0-1", "rows=0-9999999&columns=0-26"]
)
def test_a_block_that_makes_no_sense_is_refused(api: httpx.Client, edits: str, session: str, query: str):
    path = edits.replace("/edits", f"/tabs/0/cells?{query}")
    assert api.get(path, headers={"X-Local-Sheets-Session": session}).status_code == 400


def test_a_tab_that_is_not_there_is_404(api: httpx.Client, edits: str, session: str):
    path = edits.replace("/edits", "/tabs/77/layout")
    assert api.get(path, headers={"X-Local-Sheets-Session": session}).status_code == 404


def test_the_person_at_the_machine_needs_no_credentials_and_clients_still_do(tmp_path: Path):
    with running_server(tmp_path, "--auth", "service-account", "--quota", "reads=1,writes=1") as endpoint:
        headers = {"X-Local-Sheets-Session": _session_of(endpoint)}
        with httpx.Client(base_url=endpoint, headers=headers, timeout=30) as page:
            path = f"/page/api/spreadsheets/{page.post('/page/api/spreadsheets', json={'title': 'mine'}).json()['id']}"
            for text in ("one", "two", "three"):
                request = {"valuesUpdate": {"range": "Sheet1!A1", "values": [[text]]}}
                assert page.post(f"{path}/edits", json={**EDIT, "request": request}).status_code == 200
            cells = page.get(f"{path}/tabs/0/cells?rows=0-1&columns=0-1").json()["cells"]
            assert [cell[2] for cell in cells] == ["three"]
            assert page.get(path.replace("/page/api", "/v4")).status_code == 403
            kinds = [entry["kind"] for entry in page.get("/_local/requests").json()]
            assert kinds == ["page", "page", "page", "page", "read"]


def test_scripts_never_read_text_as_markup_and_load_nothing_from_elsewhere():
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://(?!www\.w3\.org)"
    )
    for script in STATIC.glob("js/*.js"):
        hits = [
            line
            for line in script.read_text().splitlines()
            if forbidden.search(line) and not line.strip().startswith(("/**", "*", "//"))
        ]
        assert [line for line in hits if "placeholder" not in line] == [], script.name
