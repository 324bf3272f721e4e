"""google-api-python-client with its static discovery documents, led here by ``api_endpoint``."""

import io

import pytest
from google_auth_httplib2 import AuthorizedHttp
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload, MediaIoBaseUpload

from local_sheets.discovery import check_message
from local_sheets_tests.clients.addresses import LocalHttp

CHECKED_AGAINST = ("client google-api-python-client",)

pytestmark = pytest.mark.xdist_group("clients")

SHEET_TYPE = "application/vnd.google-apps.spreadsheet"


@pytest.fixture(scope="module")
def sheets(server, credentials):
    options = {"api_endpoint": server.endpoint}
    with build("sheets", "v4", credentials=credentials, client_options=options, static_discovery=True) as service:
        yield service.spreadsheets()


@pytest.fixture(scope="module")
def drive(server, credentials):
    options = {"api_endpoint": f"{server.endpoint}/drive/v3"}
    with build("drive", "v3", credentials=credentials, client_options=options, static_discovery=True) as service:
        yield service


@pytest.fixture
def spreadsheet_id(sheets):
    body = {"properties": {"title": "Budget"}, "sheets": [{"properties": {"title": "Plan"}}]}
    return sheets.create(body=body, fields="spreadsheetId").execute()["spreadsheetId"]


def test_a_spreadsheet_is_made_and_read(sheets, spreadsheet_id):
    found = sheets.get(spreadsheetId=spreadsheet_id).execute()
    assert check_message("Spreadsheet", found) == []
    assert found["properties"]["title"] == "Budget"
    assert [tab["properties"]["title"] for tab in found["sheets"]] == ["Plan"]


def test_values_are_updated_appended_read_and_cleared(sheets, spreadsheet_id):
    values = sheets.values()
    body = {"values": [["item", "cost"], ["desk", "$120.50"], ["total", "=SUM(B2:B2)"]]}
    written = values.update(
        spreadsheetId=spreadsheet_id, range="Plan!A1", valueInputOption="USER_ENTERED", body=body
    ).execute()
    assert written["updatedRange"] == "Plan!A1:B3"
    assert written["updatedCells"] == 6
    read = values.get(spreadsheetId=spreadsheet_id, range="Plan!A1:B3").execute()
    assert read["values"] == [["item", "cost"], ["desk", "$120.50"], ["total", "$120.50"]]
    appended = values.append(
        spreadsheetId=spreadsheet_id,
        range="Plan!A1",
        valueInputOption="RAW",
        insertDataOption="INSERT_ROWS",
        body={"values": [["=x", 1.5, True]]},
    ).execute()
    assert appended["tableRange"] == "Plan!A1:B3"
    assert appended["updates"]["updatedRange"] == "Plan!A4:C4"
    batch = values.batchGet(
        spreadsheetId=spreadsheet_id, ranges=["Plan!A4:C4", "Plan!B:B"], valueRenderOption="UNFORMATTED_VALUE"
    ).execute()
    assert [found.get("values") for found in batch["valueRanges"]] == [
        [["=x", 1.5, True]],
        [["cost"], [120.5], [120.5], [1.5]],
    ]
    cleared = values.clear(spreadsheetId=spreadsheet_id, range="Plan!A4:C4", body={}).execute()
    assert cleared == {"spreadsheetId": spreadsheet_id, "clearedRange": "Plan!A4:C4"}


def test_requests_are_batched_and_refused_as_a_whole(sheets, spreadsheet_id):
    requests = [
        {"addSheet": {"properties": {"title": "Other", "sheetId": 7}}},
        {"updateCells": {
            "rows": [{"values": [{"userEnteredValue": {"stringValue": "x"}}]}],
            "fields": "userEnteredValue",
            "start": {"sheetId": 7, "rowIndex": 1, "columnIndex": 1},
        }},
    ]  # fmt: skip
    answer = sheets.batchUpdate(spreadsheetId=spreadsheet_id, body={"requests": requests}).execute()
    assert check_message("BatchUpdateSpreadsheetResponse", answer) == []
    assert answer["replies"][0]["addSheet"]["properties"]["sheetId"] == 7
    assert answer["replies"][1] == {}
    bad = [{"deleteSheet": {"sheetId": 7}}, {"deleteSheet": {"sheetId": 99}}]
    with pytest.raises(HttpError, match=r"Invalid requests\[1\].deleteSheet: No sheet with id: 99"):
        sheets.batchUpdate(spreadsheetId=spreadsheet_id, body={"requests": bad}).execute()
    kept = sheets.get(spreadsheetId=spreadsheet_id, fields="sheets.properties.title").execute()
    assert kept == {"sheets": [{"properties": {"title": "Plan"}}, {"properties": {"title": "Other"}}]}


def test_a_misspelt_request_is_refused_with_its_place(sheets, spreadsheet_id):
    with pytest.raises(HttpError) as refusal:
        sheets.batchUpdate(spreadsheetId=spreadsheet_id, body={"requests": [{"addSheeet": {}}]}).execute()
    assert refusal.value.status_code == 400
    assert "Unknown name \"addSheeet\" at 'requests[0]': Cannot find field." in str(refusal.value)
    assert refusal.value.error_details[0]["fieldViolations"][0]["field"] == "requests[0]"


def test_files_are_listed_renamed_exported_and_deleted(sheets, drive, spreadsheet_id):
    files = drive.files()
    sheets.values().update(
        spreadsheetId=spreadsheet_id, range="A1", valueInputOption="RAW", body={"values": [["a", 1]]}
    ).execute()
    files.update(fileId=spreadsheet_id, body={"name": "Renamed"}).execute()
    listed = files.list(q="name = 'Renamed' and trashed = false", fields="files(id)").execute()
    assert listed == {"files": [{"id": spreadsheet_id}]}
    content = io.BytesIO()
    download = MediaIoBaseDownload(content, files.export_media(fileId=spreadsheet_id, mimeType="text/csv"))
    download.next_chunk()
    assert content.getvalue() == b"a,1"
    assert (
        drive.about().get(fields="user(emailAddress)").execute()["user"]["emailAddress"].endswith("gserviceaccount.com")
    )
    files.delete(fileId=spreadsheet_id).execute()
    with pytest.raises(HttpError, match="File not found"):
        files.get(fileId=spreadsheet_id).execute()


@pytest.mark.parametrize("resumable", [False, True])
def test_a_csv_is_uploaded_as_a_spreadsheet(server, credentials, sheets, resumable):
    """The client sends uploads to the document's own root, whatever ``api_endpoint`` says."""
    local = LocalHttp(server.endpoint)
    local.redirect_codes = local.redirect_codes - {308}  # as the client's own build_http() has it
    http = AuthorizedHttp(credentials, http=local)
    with build("drive", "v3", http=http, static_discovery=True) as drive:
        media = MediaIoBaseUpload(io.BytesIO(b"a,b\n1,2\n"), mimetype="text/csv", resumable=resumable, chunksize=5)
        made = drive.files().create(body={"name": "Uploaded", "mimeType": SHEET_TYPE}, media_body=media).execute()
    read = sheets.values().get(spreadsheetId=made["id"], range="A1:B2").execute()
    assert read["values"] == [["a", "b"], ["1", "2"]]


def test_a_get_that_is_too_long_for_an_address_is_sent_as_a_post(sheets, spreadsheet_id):
    ranges = ["Plan!A1:B2"] * 400
    found = sheets.values().batchGet(spreadsheetId=spreadsheet_id, ranges=ranges).execute()
    assert len(found["valueRanges"]) == 400


def test_changes_are_listed_and_watched(sheets, drive, spreadsheet_id, server):
    changes = drive.changes()
    token = changes.getStartPageToken().execute()["startPageToken"]
    body = {"id": f"channel-{spreadsheet_id}", "type": "web_hook", "address": "http://localhost:9/hook"}
    channel = drive.files().watch(fileId=spreadsheet_id, body=body).execute()
    assert (
        changes.watch(pageToken=token, body={**body, "id": f"all-{spreadsheet_id}"}).execute()["kind"] == "api#channel"
    )
    assert drive.channels().stop(body={"id": channel["id"], "resourceId": channel["resourceId"]}).execute() == ""
    before = drive.files().get(fileId=spreadsheet_id, fields="version,modifiedTime").execute()
    sheets.values().update(
        spreadsheetId=spreadsheet_id, range="A1", valueInputOption="RAW", body={"values": [["a"]]}
    ).execute()
    found = changes.list(
        pageToken=token, fields="newStartPageToken,changes(fileId,file(version,lastModifyingUser))"
    ).execute()
    [change] = [change for change in found["changes"] if change["fileId"] == spreadsheet_id]
    assert int(change["file"]["version"]) == int(before["version"]) + 1
    assert change["file"]["lastModifyingUser"]["emailAddress"] == server.account_email
    assert changes.list(pageToken=found["newStartPageToken"]).execute()["changes"] == []
    with pytest.raises(HttpError, match="Channel id not unique"):
        changes.watch(pageToken=token, body={**body, "id": f"all-{spreadsheet_id}"}).execute()
