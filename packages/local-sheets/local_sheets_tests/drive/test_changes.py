"""Tests of packages/local-sheets/local_sheets/drive/changes.py and of the marks that changes leave in files."""

import asyncio
import json
import threading

import pytest

from local_sheets.discovery import load_document
from local_sheets.drive.access import DriveCall
from local_sheets.drive.service import DriveService
from local_sheets.engine import Engine
from local_sheets_tests.drive.test_service import ANN, BOB, FOLDER_TYPE, fill, made

CHECKED_AGAINST = ("reference https://developers.google.com/workspace/drive/api/guides/manage-changes", "discovery")

CHANGES = "/drive/v3/changes"


def token(drive, caller=None):
    return drive("GET", f"{CHANGES}/startPageToken", caller=caller).message["startPageToken"]


def listed(drive, start, caller=None, **query):
    answer = drive("GET", CHANGES, caller=caller, pageToken=start, **query)
    assert answer.status == 200, answer.message
    return answer.message


def ids(message):
    return [change["fileId"] for change in message["changes"]]


def file_of(drive, file_id, caller=None):
    return drive(
        "GET", f"/drive/v3/files/{file_id}", caller=caller, fields="version,modifiedTime,lastModifyingUser"
    ).message


def test_each_changed_file_is_listed_once_at_its_latest_change(drive, engine):
    first, second = made(drive, "First"), made(drive, "Second")
    start = token(drive)
    assert listed(drive, start)["changes"] == []
    for file_id in (first, second, first):
        fill(engine, file_id, [["x"]])
    page = listed(drive, start)
    assert ids(page) == [second, first]
    assert int(page["newStartPageToken"]) > int(start)
    assert set(page) == {"kind", "newStartPageToken", "changes"}
    assert page["changes"][1] | {"time": ""} == {
        "kind": "drive#change",
        "changeType": "file",
        "type": "file",
        "time": "",
        "removed": False,
        "fileId": first,
        "file": {
            "kind": "drive#file",
            "id": first,
            "name": "First",
            "mimeType": "application/vnd.google-apps.spreadsheet",
        },
    }
    assert listed(drive, page["newStartPageToken"])["changes"] == []


def test_a_long_list_comes_in_pages(drive, engine):
    start = token(drive)
    made_ids = [made(drive, str(number)) for number in range(5)]
    found, page = [], {"nextPageToken": start}
    while "nextPageToken" in page:
        page = listed(drive, page["nextPageToken"], pageSize="2")
        found += ids(page)
    assert found == made_ids
    assert page["newStartPageToken"] == token(drive)
    assert len(listed(drive, start, pageSize="5000")["changes"]) == 5
    assert listed(drive, start, spaces="appDataFolder")["changes"] == []


@pytest.mark.parametrize("how", ["delete", "unshare"])
def test_a_file_that_is_gone_is_listed_as_removed(drive, how):
    file_id = made(drive, caller=ANN)
    path = f"/drive/v3/files/{file_id}"
    shared = drive("POST", f"{path}/permissions", {"type": "user", "role": "reader", "emailAddress": BOB}, ANN).message
    start = token(drive)
    drive("DELETE", path if how == "delete" else f"{path}/permissions/{shared['id']}", caller=ANN)
    [change] = listed(drive, start, BOB)["changes"]
    assert (change["fileId"], change["removed"]) == (file_id, True)
    assert "file" not in change
    assert listed(drive, start, BOB, includeRemoved="false")["changes"] == []
    assert listed(drive, start, "carl@example.com")["changes"] == []
    assert ids(listed(drive, start, ANN)) == [file_id]


def test_files_of_others_are_left_out_of_my_drive(drive):
    start = token(drive)
    file_id = made(drive, caller=ANN)
    permission = {"type": "user", "role": "reader", "emailAddress": BOB}
    drive("POST", f"/drive/v3/files/{file_id}/permissions", permission, ANN)
    assert ids(listed(drive, start, BOB)) == [file_id]
    assert ids(listed(drive, start, BOB, restrictToMyDrive="true")) == []
    assert ids(listed(drive, start, ANN, restrictToMyDrive="true")) == [file_id]


def test_folders_and_the_bin_are_changes_too(drive):
    file_id = made(drive)
    start = token(drive)
    folder = drive("POST", "/drive/v3/files", {"name": "Plans", "mimeType": FOLDER_TYPE}).message["id"]
    drive("PATCH", f"/drive/v3/files/{file_id}", {"trashed": True})
    page = listed(drive, start, fields="changes(fileId,removed,file/trashed)")
    assert page == {
        "changes": [
            {"fileId": folder, "removed": False, "file": {"trashed": False}},
            {"fileId": file_id, "removed": False, "file": {"trashed": True}},
        ]
    }


def test_tokens_hold_after_a_restart(drive, engine, tmp_path):
    kept, gone = made(drive, "Kept"), made(drive, "Gone")
    start = token(drive)
    fill(engine, kept, [["x"]])
    drive("DELETE", f"/drive/v3/files/{gone}")
    engine.close()
    again_engine = Engine(tmp_path)
    again = DriveService(again_engine, tmp_path)
    answer = asyncio.run(again.serve(DriveCall("GET", CHANGES, {"pageToken": start})))
    assert [(c["fileId"], c["removed"]) for c in (answer.message or {})["changes"]] == [(kept, False), (gone, True)]
    fresh = asyncio.run(again.serve(DriveCall("GET", f"{CHANGES}/startPageToken"))).message or {}
    assert fresh["startPageToken"] == (answer.message or {})["newStartPageToken"]
    again_engine.close()


def test_a_change_under_way_is_not_passed_over(drive, engine):
    slow, quick = made(drive, "Slow"), made(drive, "Quick")
    start = token(drive)
    may_end, is_marked = threading.Event(), threading.Event()
    entry = engine._entries[slow].file
    save = entry.save

    def save_slowly(tx):
        is_marked.set()
        may_end.wait(30)
        save(tx)

    entry.save = save_slowly
    work = threading.Thread(target=fill, args=(engine, slow, [["x"]]))
    work.start()
    assert is_marked.wait(30)
    fill(engine, quick, [["y"]])
    early = listed(drive, start)
    assert early["changes"] == []
    may_end.set()
    work.join()
    assert ids(listed(drive, early["newStartPageToken"])) == [slow, quick]


@pytest.mark.parametrize(
    ("query", "code", "reason", "location"),
    [
        ({}, 400, "required", "pageToken"),
        ({"pageToken": "soon"}, 400, "invalid", "pageToken"),
        ({"pageToken": "0"}, 400, "invalid", "pageToken"),
        ({"pageToken": "1", "pageSize": "0"}, 400, "invalidParameter", "pageSize"),
        ({"pageToken": "1", "spaces": "cellar"}, 400, "invalid", "spaces"),
        ({"pageToken": "1", "includeRemoved": "maybe"}, 400, "invalid", "includeRemoved"),
        ({"pageToken": "1", "driveId": "0Axyz"}, 404, "notFound", "driveId"),
        ({"pageToken": "1", "fields": "changes(colour)"}, 400, "invalidParameter", "fields"),
    ],
)
def test_a_list_of_changes_that_cannot_be_made_is_refused(drive, query, code, reason, location):
    answer = drive("GET", CHANGES, **query)
    [error] = answer.message["error"]["errors"]
    assert (answer.status, error["reason"], error["location"]) == (code, reason, location)


def test_answers_hold_what_the_discovery_document_names(drive):
    start = token(drive)
    made(drive)
    schemas = load_document("drive.v3.json")["schemas"]
    page = listed(drive, start, fields="*")
    assert set(page) <= set(schemas["ChangeList"]["properties"])
    assert set(page["changes"][0]) <= set(schemas["Change"]["properties"])
    assert set(page["changes"][0]["file"]) <= set(schemas["File"]["properties"])
    json.dumps(page)


@pytest.mark.parametrize(
    ("what", "modifies"),
    [
        ({"name": "Other"}, True),
        ({"description": "All of it"}, True),
        ({"starred": True}, False),
        ({"trashed": True}, False),
        ("cells", True),
        ("permissions", False),
        ("comments", False),
    ],
)
def test_the_version_moves_with_each_change_and_the_time_with_content(drive, engine, what, modifies):
    file_id = made(drive, caller=ANN)
    drive("PATCH", f"/drive/v3/files/{file_id}", {"modifiedTime": "2020-01-01T01:00:00+01:00"}, ANN)
    before = file_of(drive, file_id, ANN)
    assert before["modifiedTime"] == "2020-01-01T00:00:00.000Z"
    if what == "cells":
        fill(engine, file_id, [["x"]])
    elif isinstance(what, dict):
        drive("PATCH", f"/drive/v3/files/{file_id}", what, ANN)
    else:
        permission = {"type": "user", "role": "reader", "emailAddress": BOB}
        body = permission if what == "permissions" else {"content": "Look"}
        drive("POST", f"/drive/v3/files/{file_id}/{what}", body, ANN, fields="*")
    after = file_of(drive, file_id, ANN)
    assert int(after["version"]) == int(before["version"]) + 1
    assert (after["modifiedTime"] != before["modifiedTime"]) is modifies
