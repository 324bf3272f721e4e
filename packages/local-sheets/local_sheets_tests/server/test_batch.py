"""Several requests in one: parts of any client's making, answered one by one under their names."""

import pytest
import requests
from googleapiclient.discovery import build
from googleapiclient.http import BatchHttpRequest

from local_sheets.api_error import ApiError
from local_sheets.server.batch import MOST_PARTS, read_parts
from local_sheets_tests.api_client import Api

CHECKED_AGAINST = (
    "reference https://developers.google.com/workspace/drive/api/guides/performance#batch-requests",
    "client google-api-python-client",
    "suite https://github.com/googleworkspace/ruby-samples",
)
KIND = "multipart/mixed; boundary=b"


def part(request: str, name: str = "<1>", end: str = "\r\n") -> str:
    head = ["--b", "Content-Type: application/http", *([f"Content-ID: {name}"] if name else []), "", ""]
    return end.join(head) + request + end


def test_parts_are_read_as_clients_write_them():
    plain = part("PATCH /drive/v3/files/a?fields=id HTTP/1.1\r\nContent-Length: 2\r\nX: y\r\n\r\n{}")
    whole = part("GET http://127.0.0.1:1/drive/v3/about HTTP/1.1\n\n", "", "\n")
    patch, get = read_parts((plain + whole + "--b--").encode(), KIND)
    assert (patch.content_id, patch.method, patch.target) == ("<1>", "PATCH", "/drive/v3/files/a?fields=id")
    assert (patch.headers, patch.body) == ({"x": "y"}, b"{}")
    assert (get.content_id, get.method, get.target, get.body) == ("", "GET", "/drive/v3/about", b"")


@pytest.mark.parametrize(
    ("body", "kind"),
    [("", KIND), (part(""), KIND), ("{}", "application/json"), (part("GET /drive/v3/about") * (MOST_PARTS + 1), KIND)],
    ids=["nothing", "empty part", "another type", "too many"],
)
def test_what_is_no_batch_is_refused(body: str, kind: str):
    with pytest.raises(ApiError):
        read_parts(body.encode(), kind)


def test_each_request_of_a_batch_has_its_own_answer(api: Api):
    found: dict[str, object] = {}

    def note(name: str, answer: dict, error: Exception | None) -> None:
        found[name] = answer or error

    with build("drive", "v3", developerKey="x", static_discovery=True) as drive:
        drive._baseUrl = f"{api.server.endpoint}/drive/v3/"
        batch = BatchHttpRequest(callback=note, batch_uri=f"{api.server.endpoint}/batch/drive/v3")
        batch.add(
            drive.files().update(fileId=api.spreadsheet_id, body={"name": "Änderung"}, fields="name"), request_id="ours"
        )
        batch.add(drive.files().get(fileId="none"), request_id="none")
        batch.execute()
    assert found["ours"] == {"name": "Änderung"}
    assert "File not found: none." in str(found["none"])


def test_a_batch_reaches_the_apis_and_nothing_else(api: Api):
    targets = [f"/v4/spreadsheets/{api.spreadsheet_id}?fields=spreadsheetId", "/_local/stats", "/batch"]
    body = "".join(part(f"GET {target} HTTP/1.1\r\n\r\n") for target in targets) + "--b--"
    answer = requests.post(f"{api.server.endpoint}/batch", body.encode(), headers={"Content-Type": KIND}, timeout=30)
    assert [line for line in answer.text.splitlines() if line.startswith("HTTP/1.1")] == [
        "HTTP/1.1 200 OK",
        "HTTP/1.1 404 Not Found",
        "HTTP/1.1 404 Not Found",
    ]
    assert "Content-ID: <response-1>" in answer.text
