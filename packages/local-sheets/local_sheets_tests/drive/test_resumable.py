"""Tests of packages/local-sheets/local_sheets/drive/resumable.py: content that comes after the file's data, in pieces."""

import pytest

from local_sheets.drive import resumable

CHECKED_AGAINST = (
    "reference https://developers.google.com/workspace/drive/api/guides/manage-uploads#resumable",
    "client google-api-python-client",
    "suite https://github.com/gimite/google-drive-ruby",
)

SHEET_TYPE = "application/vnd.google-apps.spreadsheet"
NEW = "/upload/drive/v3/files"
ANN, BOB = "ann@example.com", "bob@example.com"


@pytest.fixture
def begin(drive):
    def begun(path=NEW, verb="POST", **headers):
        body = {"name": "Fresh", "mimeType": SHEET_TYPE}
        told = {"host": "127.0.0.1:1", "x-upload-content-type": "text/csv", **headers}
        answer = drive(verb, path, body, ANN, headers=told, uploadType="resumable", fields="id,name")
        address = answer.headers.get("Location") or answer.headers["X-Goog-Upload-URL"]
        place, _, query = address.removeprefix("http://127.0.0.1:1").partition("?")
        assert (answer.status, place) == (200, path)
        return query.partition("upload_id=")[2]

    return begun


@pytest.fixture
def send(drive):
    def sent(key, content, verb="PUT", path=NEW, caller=ANN, **headers):
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return drive(verb, path, content, caller, "text/csv", headers=named, upload_id=key)

    return sent


def cells(engine, file_id):
    tab = engine.open(file_id).tabs[0]
    return [[getattr(cell, "value", cell) for cell in row] for row in tab.read(tab.rect())]


def test_content_comes_in_one_piece_or_several(begin, send, engine):
    whole = send(begin(), b"a,1")
    assert (whole.status, whole.message["name"], cells(engine, whole.message["id"])) == (200, "Fresh", [["a", 1]])
    key = begin()
    assert send(key, b"", content_range="bytes */*").headers == {}
    first = send(key, b"a,", content_range="bytes 0-1/*")
    assert (first.status, first.headers) == (308, {"Range": "bytes=0-1"})
    assert send(key, b"", content_range="bytes */4").headers == {"Range": "bytes=0-1"}
    as_go = send(key, b"", content_range="bytes */4", x_guploader_no_308="yes")
    assert (as_go.status, as_go.headers["X-Http-Status-Code-Override"]) == (200, "308")
    last = send(key, b",12", content_range="bytes 1-3/4")  # the piece overlaps what is there
    assert cells(engine, last.message["id"]) == [["a", 12]]
    assert send(key, b"x").status == 404


def test_a_file_is_uploaded_anew(begin, send, drive, engine):
    file_id = send(begin(), b"old").message["id"]
    path = f"{NEW}/{file_id}"
    answer = send(begin(path, "PATCH"), b"new", path=path)
    assert (answer.message["id"], cells(engine, file_id)) == (file_id, [["new"]])


def test_content_comes_with_commands_as_ruby_sends_it(begin, send, engine):
    key = begin(**{"x-goog-upload-protocol": "resumable", "x-goog-upload-header-content-type": "text/csv"})
    asked = send(key, b"", "POST", x_goog_upload_command="query")
    assert asked.headers["X-Goog-Upload-Status"] == "active"
    part = send(key, b"a", "POST", x_goog_upload_command="upload", x_goog_upload_offset="0")
    assert part.headers["X-Goog-Upload-Size-Received"] == "1"
    last = send(key, b",1", "POST", x_goog_upload_command="upload, finalize", x_goog_upload_offset="1")
    assert (last.headers["X-Goog-Upload-Status"], cells(engine, last.message["id"])) == ("final", [["a", 1]])


def test_pieces_that_do_not_fit_and_other_peoples_uploads_are_refused(begin, send, monkeypatch):
    key = begin()
    assert send(key, b"x", caller=BOB).status == 404
    assert send(key, b"x", content_range="bytes 3-3/4").status == 400
    assert send(key, b"x", content_range="words 1-2").status == 400
    monkeypatch.setattr(resumable, "MOST_BYTES", 3)
    assert send(key, b"long", content_range="bytes 0-3/9").status == 413
    assert send(key, b"x").status == 404
    kept, *_ = [begin() for _ in range(resumable._MOST_UPLOADS + 1)]
    assert send(kept, b"x").status == 404
