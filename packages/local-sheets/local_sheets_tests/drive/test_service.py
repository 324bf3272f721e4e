"""Tests of packages/local-sheets/local_sheets/drive/service.py."""

import asyncio
import io
import zipfile
from datetime import datetime

import openpyxl
import pytest

from local_sheets.drive import xlsx
from local_sheets.drive.access import DriveCall
from local_sheets.drive.service import DriveService
from local_sheets.values_api.writing import write_rows

CHECKED_AGAINST = ("recording", "reference https://developers.google.com/workspace/drive/api/reference/rest/v3")

SHEET_TYPE = "application/vnd.google-apps.spreadsheet"
FOLDER_TYPE = "application/vnd.google-apps.folder"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ANN, BOB = "ann@example.com", "bob@example.com"


def made(drive, name="Budget", caller=None, **more):
    answer = drive("POST", "/drive/v3/files", {"name": name, "mimeType": SHEET_TYPE, **more}, caller)
    assert answer.status == 200
    return answer.message["id"]


def fill(engine, file_id, rows):
    def work(tx):
        tab = tx.spreadsheet.tabs[0]
        write_rows(tx, tab.rect(0, len(rows), 0, max(map(len, rows))), rows, as_typed=True)

    engine.change(file_id, work)


def values(engine, file_id):
    tab = engine.open(file_id).tabs[0]
    return [[getattr(cell, "value", cell) for cell in row] for row in tab.read(tab.rect())]


def names(answer):
    return [file["name"] for file in answer.message["files"]]


def test_a_made_spreadsheet_answers_as_google_does(drive):
    answer = drive("POST", "/drive/v3/files", {"name": "Budget", "mimeType": SHEET_TYPE}, supportsAllDrives="True")
    found = answer.message
    assert found == {"kind": "drive#file", "id": found["id"], "name": "Budget", "mimeType": SHEET_TYPE}
    assert len(found["id"]) == 44


def test_fields_choose_what_is_shown(drive):
    file_id = made(drive)
    answer = drive("GET", f"/drive/v3/files/{file_id}", fields="id, name, createdTime, owners(me)")
    assert set(answer.message) == {"id", "name", "createdTime", "owners"}
    assert answer.message["owners"] == [{"me": True}]


def test_the_folder_at_the_top_is_in_none(drive):
    root = drive("GET", "/drive/v3/files/root", fields="id,name,parents").message
    assert root == {"id": root["id"], "name": "My Drive"}
    made_there = made(drive, parents=["root"])
    assert drive("GET", f"/drive/v3/files/{made_there}", fields="parents").message == {"parents": [root["id"]]}


def test_an_unknown_field_is_refused(drive):
    answer = drive("GET", f"/drive/v3/files/{made(drive)}", fields="id,colour")
    assert (answer.status, answer.message["error"]["message"]) == (400, "Invalid field selection colour")


def test_an_unknown_file_is_not_found(drive):
    answer = drive("GET", "/drive/v3/files/nope")
    assert answer.status == 404
    assert answer.message == {
        "error": {
            "code": 404,
            "message": "File not found: nope.",
            "errors": [
                {
                    "message": "File not found: nope.",
                    "domain": "global",
                    "reason": "notFound",
                    "location": "fileId",
                    "locationType": "parameter",
                }
            ],
        }
    }


def test_files_are_listed_by_query_and_fields(drive):
    first = made(drive, "First")
    made(drive, "Second")
    answer = drive(
        "GET",
        "/drive/v3/files",
        q=f'mimeType="{SHEET_TYPE}" and name = "First"',
        fields="kind,nextPageToken,files(id,name)",
    )
    assert answer.message == {"kind": "drive#fileList", "files": [{"id": first, "name": "First"}]}


def test_lists_come_in_pages_and_in_order(drive):
    for name in ("b", "a", "c"):
        made(drive, name)
    page = drive("GET", "/drive/v3/files", pageSize="2", orderBy="name")
    assert names(page) == ["a", "b"]
    rest = drive("GET", "/drive/v3/files", pageSize="2", orderBy="name", pageToken=page.message["nextPageToken"])
    assert names(rest) == ["c"]
    assert "nextPageToken" not in rest.message
    assert names(drive("GET", "/drive/v3/files", orderBy="name desc")) == ["c", "b", "a"]


def test_files_are_found_by_what_stands_in_them(drive, engine):
    file_id = made(drive, "Numbers", description="Sales of spring")
    made(drive, "Empty")
    fill(engine, file_id, [["North region", "=1+41"]])
    for text in ("region", "42", "spring", "numbers region"):
        assert names(drive("GET", "/drive/v3/files", q=f"fullText contains '{text}'")) == ["Numbers"], text
    assert names(drive("GET", "/drive/v3/files", q="fullText contains 'south'")) == []


@pytest.mark.parametrize(
    ("order", "names_in_order"),
    [
        ("name_natural", ["a2", "a12", "folder"]),
        ("folder,name desc", ["folder", "a2", "a12"]),
        ("starred desc,name", ["a2", "a12", "folder"]),
        ("recency desc", ["a2", "folder", "a12"]),
        ("modifiedByMeTime,name", ["a12", "folder", "a2"]),
    ],
)
def test_files_are_put_in_order_by_several_keys(drive, order, names_in_order):
    made(drive, "a12", modifiedTime="2020-01-01T00:00:00Z")
    drive(
        "POST", "/drive/v3/files", {"name": "folder", "mimeType": FOLDER_TYPE, "modifiedTime": "2020-01-02T00:00:00Z"}
    )
    made(drive, "a2", starred=True, modifiedTime="2020-01-03T00:00:00Z")
    assert names(drive("GET", "/drive/v3/files", orderBy=order)) == names_in_order


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"corpora": "user"}, 1),
        ({"corpora": "allDrives", "includeItemsFromAllDrives": "true", "supportsAllDrives": "true"}, 1),
        ({"spaces": "appDataFolder"}, 0),
        ({"spaces": "drive,appDataFolder"}, 1),
        ({"supportsTeamDrives": "true", "includeTeamDriveItems": "true"}, 1),
    ],
)
def test_a_list_is_of_the_collection_that_is_asked_for(drive, query, found):
    made(drive)
    assert len(drive("GET", "/drive/v3/files", **query).message["files"]) == found


def test_there_are_no_shared_drives(drive):
    assert drive("GET", "/drive/v3/drives").message == {"kind": "drive#driveList", "drives": []}
    assert drive("GET", "/drive/v3/drives/0Ax").status == 404


@pytest.mark.parametrize(
    ("query", "code", "location"),
    [
        ({"corpora": "planet"}, 400, "corpora"),
        ({"spaces": "cellar"}, 400, "spaces"),
        ({"corpora": "drive"}, 400, "driveId"),
        ({"corpora": "allDrives"}, 400, "includeItemsFromAllDrives"),
        ({"includeItemsFromAllDrives": "true"}, 400, "supportsAllDrives"),
        ({"driveId": "0Aother"}, 404, "driveId"),
        ({"orderBy": "name upwards"}, 400, "orderBy"),
        ({"pageSize": "0"}, 400, "pageSize"),
    ],
)
def test_what_a_list_cannot_be_asked_is_refused(drive, query, code, location):
    answer = drive("GET", "/drive/v3/files", **query)
    assert (answer.status, answer.message["error"]["errors"][0]["location"]) == (code, location)


@pytest.mark.parametrize("query", [{"q": "name ="}, {"orderBy": "colour"}, {"pageSize": "x"}, {"pageToken": "-1"}])
def test_a_list_that_cannot_be_made_is_refused(drive, query):
    assert drive("GET", "/drive/v3/files", **query).status == 400


def test_a_file_is_renamed_starred_and_put_into_the_bin(drive, engine):
    file_id = made(drive)
    drive("PATCH", f"/drive/v3/files/{file_id}", {"name": "Other", "starred": True, "trashed": True})
    answer = drive("GET", f"/drive/v3/files/{file_id}", fields="name,starred,trashed")
    assert answer.message == {"name": "Other", "starred": True, "trashed": True}
    assert engine.open(file_id).title == "Other"
    assert names(drive("GET", "/drive/v3/files", q="trashed = false")) == []


def test_a_deleted_file_is_gone(drive, engine):
    file_id = made(drive)
    answer = drive("DELETE", f"/drive/v3/files/{file_id}")
    assert (answer.status, answer.message, answer.content) == (204, None, None)
    assert file_id not in engine
    assert drive("DELETE", f"/drive/v3/files/{file_id}").status == 404


def test_a_copy_holds_the_same_and_is_a_file_of_its_own(drive, engine):
    file_id = made(drive, caller=ANN)
    fill(engine, file_id, [["a", "1"], ["$2.50", "2020-01-01"]])
    answer = drive("POST", f"/drive/v3/files/{file_id}/copy", {"name": None}, ANN)
    assert answer.message["name"] == "Copy of Budget"
    copy_id = answer.message["id"]
    assert values(engine, copy_id) == values(engine, file_id) == [["a", 1], [2.5, 43831]]
    fill(engine, copy_id, [["changed"]])
    assert values(engine, file_id)[0][0] == "a"
    assert drive("POST", f"/drive/v3/files/{file_id}/copy", {"name": "Mine"}, ANN).message["name"] == "Mine"


@pytest.mark.parametrize(
    ("mime_type", "content"),
    [
        ("text/csv", b'a1,"B,2",\r\n,$2.50,"say ""hi"""'),
        ("text/tab-separated-values", b'a1\tB,2\t\r\n\t$2.50\tsay "hi"'),
    ],
)
def test_the_first_tab_is_exported_as_text(drive, engine, mime_type, content):
    file_id = made(drive)
    fill(engine, file_id, [["a1", "B,2"], ["", "$2.50", 'say "hi"']])
    answer = drive("GET", f"/drive/v3/files/{file_id}/export", mimeType=mime_type)
    assert answer.content == content
    assert answer.headers["Content-Type"] == mime_type


def test_all_tabs_are_exported_as_a_workbook(drive, engine):
    file_id = made(drive)
    fill(engine, file_id, [["name", "due"], ["=1+1", "2020-01-01"], ["'=text", "12.5%"]])
    content = drive("GET", f"/drive/v3/files/{file_id}/export", mimeType=XLSX).content
    page = openpyxl.load_workbook(io.BytesIO(content))["Sheet1"]
    assert page["A1"].value == "name"
    assert page["A2"].value == "=1+1"
    assert (page["A3"].value, page["A3"].data_type) == ("=text", "s")
    assert page["B2"].value.isoformat() == "2020-01-01T00:00:00"
    assert (page["B3"].value, page["B3"].number_format) == (0.125, "0.00%")


@pytest.mark.parametrize(
    ("mime_type", "words"), [("application/pdf", "does not export"), ("image/png", "not supported"), ("", "Required")]
)
def test_other_formats_are_refused(drive, mime_type, words):
    answer = drive("GET", f"/drive/v3/files/{made(drive)}/export", mimeType=mime_type)
    assert answer.status == 400
    assert words in answer.message["error"]["message"]


def test_the_editors_download_link_takes_a_tab(drive, engine):
    file_id = made(drive)
    fill(engine, file_id, [["x"]])
    assert drive("GET", f"/spreadsheets/d/{file_id}/export", format="csv", gid="0").content == b"x"
    assert drive("GET", "/spreadsheets/export", id=file_id, exportFormat="tsv").content == b"x"
    assert drive("GET", f"/spreadsheets/d/{file_id}/export", format="csv", gid="7").status == 400
    assert drive("GET", f"/spreadsheets/d/{file_id}/export", format="ods").status == 400


def test_a_published_page_shows_all_tabs_or_one(drive, engine):
    file_id = made(drive)
    fill(engine, file_id, [["<b>", 1], ["", "x\ny"]])
    page = drive("GET", f"/spreadsheets/d/{file_id}/pubhtml")
    assert page.headers == {"Content-Type": "text/html; charset=utf-8"}
    rows = "<tr><th>1</th><td>&lt;b&gt;</td><td>1</td></tr><tr><th>2</th><td></td><td>x<br>y</td></tr>"
    assert f"<th></th><th>A</th><th>B</th></tr></thead><tbody>{rows}</tbody>".encode() in page.content
    assert drive("GET", f"/spreadsheets/d/{file_id}/pub", gid="0").content == page.content
    assert drive("GET", f"/spreadsheets/d/{file_id}/pub", gid="7").status == 400
    assert drive("GET", f"/spreadsheets/d/{file_id}/pub", output="pdf").status == 400


def test_an_uploaded_csv_takes_the_place_of_all_tabs(drive, engine):
    file_id = made(drive)
    answer = drive(
        "PUT", f"/upload/drive/v2/files/{file_id}", b"a,1\nb,2.5\n", content_type="text/csv", uploadType="media"
    )
    assert (answer.status, answer.message["title"], answer.message["id"]) == (200, "Budget", file_id)
    assert answer.headers["ETag"] == answer.message["etag"]
    sheet = engine.open(file_id)
    assert [(tab.title, tab.row_count, tab.column_count) for tab in sheet.tabs] == [("Budget", 1000, 26)]
    assert values(engine, file_id) == [["a", 1], ["b", 2.5]]


@pytest.mark.parametrize(
    ("encoding", "content", "status"),
    [(b"", b"a,b", 200), (b"\r\nContent-Transfer-Encoding: base64", b"YSxi", 200), (b"\r\ncontent-transfer-encoding: base64", b"a", 400)],
    ids=["as it is", "in base64, as PHP's client sends it", "not in base64"],
)  # fmt: skip
def test_a_csv_is_uploaded_as_a_new_spreadsheet(drive, engine, encoding, content, status):
    body = (
        b'--x\r\nContent-Type: application/json\r\n\r\n{"name": "Fresh", "mimeType": "'
        + SHEET_TYPE.encode()
        + b'"}\r\n'
        b"--x\r\nContent-Type: text/csv" + encoding + b"\r\n\r\n" + content + b"\r\n--x--"
    )
    kind = "multipart/related; boundary=x"
    answer = drive("POST", "/upload/drive/v3/files", body, content_type=kind, uploadType="multipart")
    assert answer.status == status
    if status != 200:
        return
    assert answer.message["name"] == "Fresh"
    assert values(engine, answer.message["id"]) == [["a", "b"]]


def workbook() -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    page.title = "Sales"
    page.append(["name", "due", "share", "sum"])
    page.append(["=text", datetime(2020, 1, 2, 6), 0.125, "=_xlfn.SUM(1,0.125)"])
    page["A1"].font = openpyxl.styles.Font(bold=True)
    page["C2"].number_format = "0.0%"
    page["A2"].data_type = "s"
    page.merge_cells("A4:B5")
    page["ALL9000"] = "far"  # a thousand columns: to make all cells between would take minutes
    page.freeze_panes = "B2"
    book.create_sheet("Other").sheet_state = "hidden"
    book.defined_names["Share"] = openpyxl.workbook.defined_name.DefinedName("Share", attr_text="Sales!$C$2")
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def test_a_workbook_is_uploaded_as_a_spreadsheet(drive, engine):
    file_id = made(drive)
    path = f"/upload/drive/v3/files/{file_id}"
    answer = drive("PATCH", path, workbook(), content_type=XLSX, uploadType="media")
    assert answer.status == 200
    sheet = engine.open(file_id)
    sales, other = sheet.tabs
    assert (sales.title, other.title, other.properties["hidden"]) == ("Sales", "Other", True)
    assert sales.grid == {"rowCount": 9000, "columnCount": 1000, "frozenRowCount": 1, "frozenColumnCount": 1}
    assert sales.cell(8999, 999) == "far"
    assert sales.sheet["merges"][0]["endRowIndex"] == 5
    export = f"/spreadsheets/d/{file_id}/export"
    shown = drive("GET", export, format="csv", range="A1:D2").content
    assert shown == b"name,due,share,sum\r\n=text,2020-01-02 6:00:00,12.5%,1.125"
    assert sales.cell(0, 0).format.body == {"textFormat": {"bold": True}}
    [named] = sheet.named_ranges
    assert (named["name"], named["range"]["startColumnIndex"]) == ("Share", 2)


def _zip_bomb() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", bytes(3_000))
    return data.getvalue()


def test_content_that_is_no_table_is_refused(drive, engine, monkeypatch):
    monkeypatch.setattr(xlsx, "MOST_BYTES", 2_000)
    file_id = made(drive)
    fill(engine, file_id, [["kept"]])
    path = f"/upload/drive/v2/files/{file_id}"
    assert drive("PUT", path, b"\xff\xfe", content_type="text/csv").status == 400
    assert drive("PUT", path, b"x", content_type="image/png").status == 400
    assert drive("PUT", path, b"x", content_type=XLSX).status == 400
    assert drive("PUT", path, _zip_bomb(), content_type=XLSX).status == 400
    assert values(engine, file_id) == [["kept"]]


def test_a_file_is_shared_and_no_longer_shared(drive):
    file_id = made(drive, caller=ANN)
    path = f"/drive/v3/files/{file_id}"
    assert drive("GET", path, caller=BOB).status == 404
    shared = drive("POST", f"{path}/permissions", {"type": "user", "role": "reader", "emailAddress": BOB}, ANN)
    assert shared.message == {"kind": "drive#permission", "id": shared.message["id"], "type": "user", "role": "reader"}
    assert drive("GET", path, caller=BOB).status == 200
    assert drive("PATCH", path, {"name": "x"}, BOB).status == 403
    changed = drive("PATCH", f"{path}/permissions/{shared.message['id']}", {"role": "writer"}, ANN)
    assert changed.message["role"] == "writer"
    assert drive("PATCH", path, {"name": "x"}, BOB).status == 200
    assert drive("DELETE", path, caller=BOB).status == 403
    assert drive("DELETE", f"{path}/permissions/{shared.message['id']}", caller=ANN).status == 204
    assert drive("GET", path, caller=BOB).status == 404


def test_permissions_are_listed_with_their_addresses(drive):
    file_id = made(drive, caller=ANN)
    drive("POST", f"/drive/v3/files/{file_id}/permissions", {"type": "anyone", "role": "reader", "withLink": True}, ANN)
    answer = drive("GET", f"/drive/v3/files/{file_id}/permissions", caller=ANN, fields="nextPageToken,permissions")
    owner, anyone = answer.message["permissions"]
    assert (owner["emailAddress"], owner["role"]) == (ANN, "owner")
    assert (anyone["id"], anyone["type"]) == ("anyoneWithLink", "anyone")
    told = drive("GET", f"/drive/v3/files/{file_id}/permissions/anyoneWithLink", caller=ANN).message
    assert told == {
        "kind": "drive#permission", "id": "anyoneWithLink", "type": "anyone", "role": "reader", "allowFileDiscovery": False
    }  # fmt: skip


def test_a_file_open_to_anyone_is_found_by_id_and_not_listed(drive):
    file_id = made(drive, caller=ANN)
    drive("POST", f"/drive/v3/files/{file_id}/permissions", {"type": "anyone", "role": "reader"}, ANN)
    assert drive("GET", f"/drive/v3/files/{file_id}", caller=BOB).status == 200
    assert names(drive("GET", "/drive/v3/files", caller=BOB)) == []
    assert names(drive("GET", "/drive/v3/files", caller=ANN)) == ["Budget"]


def test_a_new_owner_leaves_the_old_one_a_writer(drive):
    file_id = made(drive, caller=ANN)
    body = {"type": "user", "role": "owner", "emailAddress": BOB}
    drive("POST", f"/drive/v3/files/{file_id}/permissions", body, ANN, transferOwnership="true")
    listed = drive("GET", f"/drive/v3/files/{file_id}/permissions", caller=BOB, fields="permissions(emailAddress,role)")
    assert listed.message["permissions"] == [
        {"emailAddress": ANN, "role": "writer"},
        {"emailAddress": BOB, "role": "owner"},
    ]


@pytest.mark.parametrize(
    "body",
    [{"role": "reader"}, {"type": "user", "role": "king", "emailAddress": BOB}, {"type": "user", "role": "reader"}],
)
def test_a_permission_that_says_too_little_is_refused(drive, body):
    assert drive("POST", f"/drive/v3/files/{made(drive)}/permissions", body).status == 400


def test_the_owners_permission_stays(drive):
    file_id = made(drive, caller=ANN)
    [owner] = drive("GET", f"/drive/v3/files/{file_id}/permissions", caller=ANN).message["permissions"]
    assert drive("DELETE", f"/drive/v3/files/{file_id}/permissions/{owner['id']}", caller=ANN).status == 403
    assert drive("DELETE", f"/drive/v3/files/{file_id}/permissions/nope", caller=ANN).status == 404


def test_comments_are_kept_and_listed(drive):
    file_id = made(drive)
    path = f"/drive/v3/files/{file_id}/comments"
    fields = "comments/content,comments/anchor,nextPageToken"
    assert drive("GET", path, fields=fields).message == {"comments": []}
    kept = drive("POST", path, {"content": "Look here", "anchor": "A1"}, fields="*").message
    assert drive("GET", path, fields=fields).message == {"comments": [{"content": "Look here", "anchor": "A1"}]}
    assert drive("DELETE", f"{path}/{kept['id']}").status == 204
    assert drive("GET", f"{path}/{kept['id']}", fields="*").status == 404
    assert drive("GET", path).status == 400


def test_comments_are_replied_to_and_resolved(drive):
    file_id = made(drive, caller=ANN)
    path = f"/drive/v3/files/{file_id}/comments"
    comment = drive("POST", path, {"content": "Right?"}, ANN, fields="id").message["id"]
    replies = f"{path}/{comment}/replies"
    first = drive("POST", replies, {"content": "Yes"}, ANN, fields="id,content,author/me").message
    assert first == {"id": first["id"], "content": "Yes", "author": {"me": True}}
    drive("POST", replies, {"action": "resolve"}, ANN, fields="id")
    assert drive("GET", f"{path}/{comment}", caller=ANN, fields="resolved").message == {"resolved": True}
    listed = drive("GET", replies, caller=ANN, fields="replies(content,action)").message
    assert listed == {"replies": [{"content": "Yes"}, {"content": "", "action": "resolve"}]}
    assert drive("GET", f"{replies}/{first['id']}", caller=ANN, fields="content").message == {"content": "Yes"}
    for verb, place, body, caller, status in (
        ("GET", f"{replies}/none", None, ANN, 404),
        ("GET", f"{path}/none/replies", None, ANN, 404),
        ("GET", replies, None, BOB, 404),
        ("POST", replies, {"action": "burn"}, ANN, 400),
    ):
        assert drive(verb, place, body, caller, fields="*").status == status
    assert drive("GET", replies, caller=ANN).status == 400


def test_comments_and_replies_are_changed_by_who_wrote_them(drive):
    file_id = made(drive, caller=ANN)
    sharing = {"type": "user", "role": "writer", "emailAddress": BOB}
    drive("POST", f"/drive/v3/files/{file_id}/permissions", sharing, ANN)
    path = f"/drive/v3/files/{file_id}/comments"
    comment = f"{path}/{drive('POST', path, {'content': 'Rihgt?'}, ANN, fields='id').message['id']}"
    reply = (
        f"{comment}/replies/{drive('POST', f'{comment}/replies', {'content': 'Yse'}, BOB, fields='id').message['id']}"
    )
    assert drive("PATCH", comment, {"content": "Right?"}, ANN, fields="content").message == {"content": "Right?"}
    assert drive("PATCH", reply, {"content": "Yes"}, BOB, fields="content").message == {"content": "Yes"}
    shown = drive("GET", comment, caller=ANN, fields="author,content,replies(author,content)").message
    ann, bob = ({"kind": "drive#user", "displayName": n, "me": n == "ann"} for n in ("ann", "bob"))
    assert shown == {"author": ann, "content": "Right?", "replies": [{"author": bob, "content": "Yes"}]}
    for place, body, caller, status in (
        (comment, {"content": "Mine"}, BOB, 403),
        (reply, {"content": "Mine"}, ANN, 403),
        (comment, {"content": ""}, ANN, 400),
        (f"{path}/none", {"content": "x"}, ANN, 404),
    ):
        assert drive("PATCH", place, body, caller, fields="*").status == status
    assert drive("DELETE", reply, caller=BOB).status == 204
    assert drive("DELETE", reply, caller=BOB).status == 404
    assert drive("GET", comment, caller=ANN, fields="replies").message == {"replies": []}


def test_emptying_the_bin_deletes_what_is_in_it_and_ones_own(drive):
    kept, binned, anns = (
        made(drive, "Kept", caller=BOB),
        made(drive, "Old", caller=BOB),
        made(drive, "Hers", caller=ANN),
    )
    for file_id, caller in ((binned, BOB), (anns, ANN)):
        drive("PATCH", f"/drive/v3/files/{file_id}", {"trashed": True}, caller)
    assert drive("DELETE", "/drive/v3/files/trash", caller=BOB).status == 204
    found = [
        drive("GET", f"/drive/v3/files/{key}", caller=who).status
        for key, who in ((kept, BOB), (binned, BOB), (anns, ANN))
    ]
    assert found == [200, 404, 200]


def test_folders_hold_files_and_outlive_the_service(drive, engine, tmp_path):
    folder = drive("POST", "/drive/v3/files", {"name": "Plans", "mimeType": FOLDER_TYPE}).message["id"]
    inside, outside = made(drive, "Inside", parents=[folder]), made(drive, "Outside")
    assert names(drive("GET", "/drive/v3/files", q=f"'{folder}' in parents")) == ["Inside"]
    assert set(names(drive("GET", "/drive/v3/files", q="'root' in parents"))) == {"Plans", "Outside"}
    drive("PATCH", f"/drive/v3/files/{outside}", addParents=folder, removeParents="root")
    assert set(names(drive("GET", "/drive/v3/files", q=f"'{folder}' in parents"))) == {"Inside", "Outside"}
    again = DriveService(engine, tmp_path)
    answer = asyncio.run(again.serve(DriveCall("GET", f"/drive/v3/files/{folder}")))
    assert (answer.message or {})["name"] == "Plans"
    assert drive("DELETE", f"/drive/v3/files/{folder}").status == 204
    assert inside not in engine


def test_about_tells_who_one_is(drive):
    answer = drive("GET", "/drive/v3/about", caller=ANN, fields="user")
    assert answer.message["user"]["emailAddress"] == ANN
    assert drive("GET", "/drive/v3/about").status == 400


@pytest.mark.parametrize("body", [b"{", b"[]"])
def test_a_body_that_is_no_object_is_refused(drive, body):
    assert drive("POST", "/drive/v3/files", body).status == 400


def test_other_types_of_files_are_not_kept(drive):
    assert drive("POST", "/drive/v3/files", {"mimeType": "application/pdf"}).status == 400


def test_what_is_no_method_of_drive_is_not_known(engine, tmp_path):
    service = DriveService(engine, tmp_path)
    assert service.method("GET", "/drive/v3/files/x/export") == "drive.files.export"
    assert service.method("GET", "/drive/v3/apps") is None
    with pytest.raises(LookupError):
        asyncio.run(service.serve(DriveCall("GET", "/drive/v3/apps")))
