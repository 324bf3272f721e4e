"""Tests of packages/local-sheets/local_sheets/drive/revision_methods.py."""

import pytest

from local_sheets import versions
from local_sheets.discovery import load_document
from local_sheets_tests.drive.test_service import ANN, BOB, FOLDER_TYPE, fill, made

CHECKED_AGAINST = ("reference https://developers.google.com/workspace/drive/api/guides/manage-revisions", "discovery")


@pytest.fixture
def file_id(drive, engine, monkeypatch):
    """A spreadsheet of three versions."""
    monkeypatch.setattr(versions, "PAUSE_SECONDS", 0.0)  # each change makes one
    file_id = made(drive, caller=ANN)
    for value in ("first", "second"):
        fill(engine, file_id, [[value]])
    return file_id


def test_revisions_are_listed_from_the_oldest(drive, file_id):
    path = f"/drive/v3/files/{file_id}/revisions"
    listed = drive("GET", path, caller=ANN).message
    assert listed["kind"] == "drive#revisionList"
    assert [one["id"] for one in listed["revisions"]] == ["1", "2", "3"]
    assert set(listed["revisions"][0]) == {"kind", "id", "mimeType", "modifiedTime"}
    page = drive("GET", path, caller=ANN, pageSize="2", fields="nextPageToken,revisions/id").message
    assert page == {"nextPageToken": "3", "revisions": [{"id": "1"}, {"id": "2"}]}
    rest = drive("GET", path, caller=ANN, pageToken="3", fields="nextPageToken,revisions/id").message
    assert rest == {"revisions": [{"id": "3"}]}


@pytest.mark.parametrize(("key", "revision"), [("2", "2"), ("head", "3")])
def test_a_revision_is_told_and_can_be_exported(drive, file_id, key, revision):
    found = drive("GET", f"/drive/v3/files/{file_id}/revisions/{key}", caller=ANN, fields="*").message
    assert found["id"] == revision
    assert set(found) <= set(load_document("drive.v3.json")["schemas"]["Revision"]["properties"])
    content = drive(
        "GET", "/spreadsheets/export", caller=ANN, id=file_id, exportFormat="csv", revision=revision
    ).content
    assert content == {"2": b"first", "3": b"second"}[revision]
    assert found["exportLinks"]["text/csv"].endswith(f"id={file_id}&exportFormat=csv&revision={revision}")


@pytest.mark.parametrize(
    ("path", "caller", "status", "reason"),
    [
        ("{}/revisions/9", ANN, 404, "notFound"),
        ("{}/revisions", BOB, 403, "insufficientFilePermissions"),
        ("{}/revisions", "carl@example.com", 404, "notFound"),
        ("folder/revisions", ANN, 403, "revisionsNotSupported"),
        ("{}/revisions?alt=media", ANN, 403, "fileNotDownloadable"),
    ],
)
def test_revisions_that_cannot_be_seen_are_refused(drive, file_id, path, caller, status, reason):
    permission = {"type": "user", "role": "reader", "emailAddress": BOB}
    drive("POST", f"/drive/v3/files/{file_id}/permissions", permission, ANN)
    folder = drive("POST", "/drive/v3/files", {"name": "Plans", "mimeType": FOLDER_TYPE}, ANN).message["id"]
    place = path.format(file_id).replace("folder", folder)
    query = {"alt": "media"} if place.endswith("alt=media") else {}
    answer = drive("GET", f"/drive/v3/files/{place.replace('?alt=media', '/1')}", caller=caller, **query)
    assert (answer.status, answer.message["error"]["errors"][0]["reason"]) == (status, reason)


@pytest.mark.parametrize(("body", "status"), [({"keepForever": True}, 403), ({"published": True}, 400), ({}, 200)])
def test_nothing_of_a_spreadsheets_revision_is_set(drive, file_id, body, status):
    answer = drive("PATCH", f"/drive/v3/files/{file_id}/revisions/1", body, ANN)
    assert answer.status == status


def test_revisions_of_spreadsheets_cannot_be_deleted(drive, file_id):
    assert drive("DELETE", f"/drive/v3/files/{file_id}/revisions/9", caller=ANN).status == 404
    assert drive("DELETE", f"/drive/v3/files/{file_id}/revisions/1", caller=ANN).status == 403
    assert drive("GET", f"/drive/v3/files/{file_id}/revisions/1", caller=ANN).status == 200
