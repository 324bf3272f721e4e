"""Tests of packages/local-sheets/local_sheets/replay: recordings of each form, what they presume, differences and secrets."""

import base64
import gzip
import json
from copy import deepcopy
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
import yaml

from local_sheets.__main__ import main
from local_sheets.replay.exchange import Exchange
from local_sheets.replay.recordings import exchanges_of
from local_sheets.replay.secrets import Striker

SHEETS, DRIVE = "https://sheets.googleapis.com", "https://www.googleapis.com"
ID = "1RecordedRecordedRecordedRecordedRecorded_id"
TOKEN = "ya29.a0secret-secret_secret"
ADDRESS, COOKIE = "ann@example.com", "SID opaque-opaque"

#: Method, address, body, status and answer, as Google gave them.
RECORDED: list = [
    ("POST", f"{DRIVE}/drive/v3/files?supportsAllDrives=True", {"name": "Orders", "mimeType": "application/vnd.google-apps.spreadsheet"},
     200, {"kind": "drive#file", "id": ID, "name": "Orders", "mimeType": "application/vnd.google-apps.spreadsheet"}),
    ("PUT", f"{SHEETS}/v4/spreadsheets/{ID}/values/%27Sheet1%27%21A1?valueInputOption=USER_ENTERED", {"values": [["a", "=1+1"]]},
     200, {"spreadsheetId": ID, "updatedRange": "Sheet1!A1:B1", "updatedRows": 1, "updatedColumns": 2, "updatedCells": 2}),
    ("GET", f"{SHEETS}/v4/spreadsheets/{ID}/values/Sheet1", None,
     200, {"range": "Sheet1!A1:Z1000", "majorDimension": "ROWS", "values": [["a", "2"]]}),
    ("GET", f"{SHEETS}/v4/spreadsheets/{ID}/values/Nowhere%21A1", None,
     400, {"error": {"code": 400, "message": "Unable to parse range: Nowhere!A1", "status": "INVALID_ARGUMENT"}}),
    ("POST", "https://oauth2.googleapis.com/token", {"refresh_token": "1//0secretsecretsecretsecret"}, 200, {"access_token": TOKEN}),
]  # fmt: skip

#: A recording that begins in the middle: the spreadsheet was there before.
PRESUMING: list = [
    ("GET", f"{SHEETS}/v4/spreadsheets/{ID}?fields=properties.title,sheets.properties(sheetId,title)", None,
     200, {"properties": {"title": "Old"}, "sheets": [{"properties": {"sheetId": 0, "title": "Sheet1"}},
                                                      {"properties": {"sheetId": 77, "title": "Dates"}}]}),
    ("GET", f"{SHEETS}/v4/spreadsheets/{ID}/values/Dates%21A1%3AC2", None,
     200, {"range": "Dates!A1:C2", "majorDimension": "ROWS", "values": [["0012", "$1.50", "2026-01-31"], ["", "50%"]]}),
    ("POST", f"{SHEETS}/v4/spreadsheets/{ID}:batchUpdate", {"requests": [{"deleteSheet": {"sheetId": 77}}]},
     200, {"spreadsheetId": ID, "replies": [{}]}),
]  # fmt: skip


def text_of(message):
    return "" if message is None else json.dumps(message)


def packed(message):
    return gzip.compress(text_of(message).encode(), mtime=0)


def vcr(recorded):
    return {
        "version": 1,
        "interactions": [
            {
                "request": {"method": method, "uri": url, "body": text_of(body), "headers": headers()},
                "response": {"status": {"code": status, "message": "OK"}, "headers": {}, "body": {"string": text_of(answer)}},
            }
            for method, url, body, status, answer in recorded
        ],
    }  # fmt: skip


def headers():
    return {
        "authorization": [f"Bearer {TOKEN}"],
        "cookie": [COOKIE],
        "Content-Type": ["application/json"],
        "x-from": [ADDRESS],
    }


def vcr_of_python_2(recorded):
    """Bodies packed, as VCR.py keeps them unless it is told otherwise."""
    document = vcr(recorded)
    for one, (*_, answer) in zip(document["interactions"], recorded, strict=True):
        one["response"]["body"]["string"] = packed(answer)
    return document


def betamax(recorded):
    return {
        "http_interactions": [
            {
                "request": {"method": method, "uri": url, "body": {"encoding": "utf-8", "string": text_of(body)}, "headers": headers()},
                "response": {
                    "status": {"code": status, "message": "OK"},
                    "body": {"encoding": "UTF-8", "base64_string": base64.b64encode(packed(answer)).decode()},
                },
            }
            for method, url, body, status, answer in recorded
        ],
        "recorded_with": "betamax/0.8.1",
    }  # fmt: skip


def ruby(recorded):
    document = betamax(recorded)
    for one, (*_, answer) in zip(document["http_interactions"], recorded, strict=True):
        one["response"]["body"] = {"encoding": "UTF-8", "string": text_of(answer)}
        one["request"]["method"] = one["request"]["method"].lower()
    return document


def go_vcr(recorded):
    return {
        "version": 2,
        "interactions": [
            {
                "request": {"method": method, "url": url, "body": text_of(body), "headers": headers()},
                "response": {"status": f"{status} OK", "code": status, "body": text_of(answer)},
            }
            for method, url, body, status, answer in recorded
        ],
    }


def har(recorded):
    return {
        "log": {
            "entries": [
                {
                    "request": {
                        "method": method,
                        "url": url,
                        "headers": [{"name": name, "value": value[0]} for name, value in headers().items()],
                        **(
                            {}
                            if body is None
                            else {"postData": {"mimeType": "application/json", "text": text_of(body)}}
                        ),
                    },
                    "response": {
                        "status": status,
                        "content": {"encoding": "base64", "text": base64.b64encode(text_of(answer).encode()).decode()},
                    },
                }
                for method, url, body, status, answer in recorded
            ]
        }
    }


def nock(recorded):
    return [
        {
            "scope": url[: url.index("/", 8)] + ":443",
            "method": method,
            "path": url[url.index("/", 8) :],
            "body": "" if body is None else body,
            "status": status,
            "response": answer if index % 2 else [packed(answer).hex()],
            "reqheaders": {"authorization": f"Bearer {TOKEN}", "cookie": COOKIE, "x-from": ADDRESS},
        }
        for index, (method, url, body, status, answer) in enumerate(recorded)
    ]


def wiremock(recorded):
    return {
        "mappings": [
            {
                "request": {
                    "method": method,
                    "url": url[url.index("/", 8) :],
                    "headers": {
                        "Cookie": {"equalTo": COOKIE},
                        "Authorization": {"equalTo": f"Bearer {TOKEN}"},
                        "x-from": {"equalTo": ADDRESS},
                    },
                    "bodyPatterns": [] if body is None else [{"equalToJson": text_of(body)}],
                },
                "response": {"status": status, "jsonBody": answer},
            }
            for method, url, body, status, answer in recorded
        ]
    }


def php(recorded):
    return vcr(recorded)["interactions"]


def java(recorded):
    """Betamax of Java has a tag at the top, and a plain status."""
    document = {"name": "tape", **vcr(recorded)}
    for one, (_, _, _, status, answer) in zip(document["interactions"], recorded, strict=True):
        one["response"] |= {"status": status, "body": text_of(answer)}
    return document


def easy_vcr(recorded):
    return [
        {
            "Request": {"Method": method, "Uri": url, "Body": text_of(body), "RequestHeaders": {"Cookie": COOKIE}},
            "Response": {"Status": {"Code": status, "Message": "OK"}, "Body": text_of(answer)},
        }
        for method, url, body, status, answer in recorded
    ]  # fmt: skip


def httpreplay(recorded):
    return {
        "Version": "0.2",
        "Entries": [
            {
                "Request": {
                    "Method": method,
                    "URL": url,
                    "Header": {"Authorization": [f"Bearer {TOKEN}"]},
                    "BodyParts": [base64.b64encode(text_of(body).encode()).decode()],
                },
                "Response": {"StatusCode": status, "Body": base64.b64encode(packed(answer)).decode()},
            }
            for method, url, body, status, answer in recorded
        ],
    }


def perl(recorded):
    """Of Google::RestApi: a document each, paths as they are before they are encoded."""
    found = []
    for method, url, body, status, answer in recorded:
        parts = urlsplit(url)
        sent = {} if body is None else {"request_content": body}
        answered = {"code": status, "content": text_of(answer), "headers": ["set-cookie", COOKIE]}
        query = {"query_params": dict(parse_qsl(parts.query))} if parts.query else {}
        found.append({"request": f"{method} {unquote(parts.path)}", **query, **sent, "response": answered})
    return found


FORMS = {
    "vcr.yaml": vcr, "vcr.json": vcr, "packed.yaml": vcr_of_python_2, "betamax.json": betamax, "ruby.yml": ruby,
    "go.yaml": go_vcr, "browser.har": har, "nock.json": nock, "wiremock.json": wiremock,
    "php.yml": php, "java.yaml": java, "easy.json": easy_vcr, "go.replay": httpreplay,
    "perl.exchanges": perl,
}  # fmt: skip


def keep(path, document):
    if path.suffix == ".exchanges":
        path.write_text(yaml.safe_dump_all(document, explicit_start=True))
        return
    text = yaml.safe_dump(document) if path.suffix in (".yaml", ".yml") else json.dumps(document)
    path.write_text(f"!tape\n{text}" if path.name == "java.yaml" else text)


@pytest.mark.parametrize("name", FORMS)
def test_recordings_of_all_forms_are_played(tmp_path, capsys, name):
    keep(tmp_path / name, FORMS[name](RECORDED))
    assert main(["replay", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "1 recordings: 4 answers are the same, 0 differ; left out: 1 sign-in." in said


@pytest.mark.parametrize("name", FORMS)
def test_copies_without_secrets_play_as_the_recordings_do(tmp_path, capsys, name):
    (tmp_path / "in").mkdir()
    keep(tmp_path / "in" / name, FORMS[name](RECORDED))
    assert main(["replay", str(tmp_path / "in"), "--strike", str(tmp_path / "out"), "--strike-emails"]) == 0
    copy = tmp_path / "out" / name
    document = (
        json.loads(copy.read_text()) if copy.suffix not in (".yaml", ".yml") else yaml.safe_load(copy.read_text())
    )
    shown = copy.read_text() + "".join(
        f"{one.url} {one.body.decode()} {one.answer.decode()} {one.headers}" for one in exchanges_of(document) or []
    )
    for secret in (TOKEN, "1//0secret", ADDRESS, COOKIE):
        assert secret not in shown
    assert main(["replay", str(tmp_path / "out")]) == 0
    assert "4 answers are the same" in capsys.readouterr().out


def test_a_recording_without_bodies_is_read():
    [exchange] = (
        exchanges_of(
            {"responses": [{"response": {"method": "get", "url": f"{SHEETS}/v4/x", "status": 200, "body": "{}"}}]}
        )
        or []
    )
    assert (exchange.method, exchange.path, exchange.answer_json()) == ("GET", "/v4/x", {})


def test_what_a_recording_presumes_is_set_up(tmp_path, capsys):
    keep(tmp_path / "old.json", vcr(PRESUMING))
    assert main(["replay", str(tmp_path / "old.json"), "--all", "--counts", str(tmp_path / "counts.json")]) == 0
    assert capsys.readouterr().out.count(" same ") == 3
    counts = json.loads((tmp_path / "counts.json").read_text())
    assert counts["answers"] == {"same": 3}
    assert counts["methods"]["sheets.spreadsheets.batchUpdate.deleteSheet"] == {"same": 1}


#: Ids that were struck out by hand, cells that only grid data shows, a new tab whose number is known by its answer alone.
_CELL = {"userEnteredValue": {"formulaValue": "=1+1"}, "formattedValue": "2"}
STRUCK_IDS = [
    ("GET", f"{SHEETS}/v4/spreadsheets/MY_ID?fields=sheets.properties(sheetId,title)", None, 200,
     {"sheets": [{"properties": {"sheetId": 5, "title": "Plan"}}]}),
    ("GET", f"{SHEETS}/v4/spreadsheets/MY_ID?includeGridData=true&fields=sheets(properties(sheetId,title),data.rowData.values(userEnteredValue,formattedValue))",
     None, 200, {"sheets": [{"properties": {"sheetId": 5, "title": "Plan"}, "data": [{"rowData": [{"values": [_CELL]}]}]}]}),
    ("POST", f"{SHEETS}/v4/spreadsheets/MY_ID:batchUpdate", {"requests": [{"addSheet": {"properties": {"title": "New"}}}]}, 200,
     {"spreadsheetId": "MY_ID", "replies": [{"addSheet": {"properties": {
         "sheetId": 123, "title": "New", "index": 1, "sheetType": "GRID", "gridProperties": {"rowCount": 1000, "columnCount": 26}}}}]}),
    ("POST", f"{SHEETS}/v4/spreadsheets/MY_ID/sheets/123:copyTo?fields=title", {"destinationSpreadsheetId": "MY_ID"}, 200,
     {"title": "Copy of New"}),
    ("POST", f"{SHEETS}/v4/spreadsheets/MY_ID:batchUpdate", {"requests": [{"deleteSheet": {"sheetId": 123}}]}, 200,
     {"spreadsheetId": "MY_ID", "replies": [{}]}),
]  # fmt: skip


#: Nothing shows the tabs: one is named by its range, one by its number, and a third is made.
BLIND = [
    ("PUT", f"{SHEETS}/v4/spreadsheets/{ID}/values/Log!A1?valueInputOption=RAW", {"values": [["x"]]}, 200,
     {"spreadsheetId": ID, "updatedRange": "Log!A1", "updatedRows": 1, "updatedColumns": 1, "updatedCells": 1}),
    ("GET", f"{SHEETS}/v4/spreadsheets/{ID}/values/%27Log%27", None, 200,
     {"range": "Log!A1:D6", "majorDimension": "ROWS", "values": [["x"]]}),
    ("POST", f"{SHEETS}/v4/spreadsheets/{ID}:batchUpdate", {"requests": [
        {"deleteDimension": {"range": {"sheetId": 987, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}}},
        {"addSheet": {"properties": {"title": "New", "sheetId": 4}}}]}, 200,
     {"spreadsheetId": ID, "replies": [{}, {"addSheet": {"properties": {
         "sheetId": 4, "title": "New", "index": 1, "sheetType": "GRID", "gridProperties": {"rowCount": 1000, "columnCount": 26}}}}]}),
    ("PUT", f"{SHEETS}/v4/spreadsheets/{ID}/values/New!A1?valueInputOption=RAW", {"values": [["x"]]}, 200,
     {"spreadsheetId": ID, "updatedRange": "New!A1", "updatedRows": 1, "updatedColumns": 1, "updatedCells": 1}),
]  # fmt: skip


#: The first read comes after a tab was made.
LATE = [
    ("POST", f"{SHEETS}/v4/spreadsheets/{ID}:batchUpdate?fields=replies.addSheet.properties.sheetId",
     {"requests": [{"addSheet": {"properties": {"title": "New"}}}]}, 200, {"replies": [{"addSheet": {"properties": {"sheetId": 55}}}]}),
    ("GET", f"{SHEETS}/v4/spreadsheets/{ID}?fields=sheets.properties(sheetId,title)", None, 200,
     {"sheets": [{"properties": {"sheetId": 0, "title": "Old"}}, {"properties": {"sheetId": 55, "title": "New"}}]}),
]  # fmt: skip


#: The address of the spreadsheet ends with a slash.
SLASH = [
    ("GET", f"{SHEETS}/v4/spreadsheets/{ID}/?fields=properties.title,sheets.properties(sheetId,title)", None, 200,
     {"properties": {"title": "Plan"}, "sheets": [{"properties": {"sheetId": 7, "title": "food.csv"}}]}),
]  # fmt: skip


@pytest.mark.parametrize("recorded", [BLIND, LATE, SLASH], ids=["blind", "late", "slash"])
def test_tabs_that_nothing_shows_are_those_that_requests_name(tmp_path, capsys, recorded):
    keep(tmp_path / "a.json", vcr(recorded))
    assert main(["replay", str(tmp_path)]) == 0, capsys.readouterr().out


def test_the_recording_account_gives_new_spreadsheets_its_locale_and_no_photo_is_compared(tmp_path, capsys):
    made = {"spreadsheetId": ID, "properties": {"title": "T", "locale": "en_GB", "timeZone": "Etc/GMT"}}
    about = {"user": {"kind": "drive#user", "photoLink": "https://lh3.googleusercontent.com/a/x", "me": True}}
    fields = "spreadsheetId,properties(title,locale,timeZone)"
    recorded = [
        ("POST", f"{SHEETS}/v4/spreadsheets?fields={fields}", {"properties": {"title": "T"}}, 200, made),
        ("GET", f"{DRIVE}/drive/v3/about?fields=user(kind,photoLink,me)", None, 200, about),
    ]
    keep(tmp_path / "a.json", vcr(recorded))
    assert main(["replay", str(tmp_path)]) == 0, capsys.readouterr().out


def test_ids_stand_for_each_other_wherever_they_stand(tmp_path, capsys):
    keep(tmp_path / "a.json", vcr(STRUCK_IDS))
    assert main(["replay", str(tmp_path)]) == 0, capsys.readouterr().out


def test_differences_are_told_by_their_place_and_without_secrets(tmp_path, capsys):
    recorded = deepcopy(RECORDED)
    recorded[2][4]["values"][0] += [f"token {TOKEN}"]
    recorded[1][4]["updatedCells"] = 3
    recorded[3] = (*recorded[3][:3], 200, {"values": []})
    keep(tmp_path / "a.json", vcr(recorded))
    assert main(["replay", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "$.updatedCells: recorded 3, here 2" in said
    assert "$.values[0]: recorded 3 of them, here 2" in said
    assert "status: recorded 200, here 400 (Unable to parse range: Nowhere!A1)" in said
    assert TOKEN not in said
    assert "1 answers are the same, 3 differ" in said


def test_an_exchange_of_no_known_form_ends_its_recording_and_no_other(tmp_path, capsys):
    broken = deepcopy(PRESUMING)
    broken[0][4]["sheets"] = [{"properties": {"title": "A"}, "data": 5}]
    keep(tmp_path / "a.json", vcr(broken))
    keep(tmp_path / "b.json", vcr(RECORDED))
    (tmp_path / "package.json").write_text("{}")
    assert main(["replay", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert "cannot be played, nor any after it: its form is not known (TypeError)" in said
    assert "2 recordings: 4 answers are the same, 1 differ" in said
    assert "1 other files are no recordings" in said


@pytest.mark.parametrize("content", [None, '{"a": 1}', "[1, 2]", "{", ": : :"])
def test_where_there_is_nothing_to_play_it_is_said(tmp_path, capsys, content):
    if content is not None:
        (tmp_path / "other.json").write_text(content)
    with pytest.raises(SystemExit) as ended:
        main(["replay", str(tmp_path)])
    assert ended.value.code == 2
    assert "no recording of a form that is known" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "status", "why"),
    [
        ("https://accounts.google.com/o/oauth2/auth", 200, "sign-in"),
        ("https://example.com/v4/spreadsheets/x", 200, "other services"),
        (f"{SHEETS}/v4/spreadsheets/x", 403, "missing rights"),
        (f"{SHEETS}/v4/spreadsheets/x", 429, "quota"),
        (f"{SHEETS}/v4/spreadsheets/x", 503, "outages"),
        (f"{SHEETS}/v4/spreadsheets/x", 404, None),
        (f"{DRIVE}/drive/v3/changes?pageToken=1", 200, None),
    ],
)
def test_what_says_nothing_of_local_sheets_is_left_out(url, status, why):
    assert Exchange("GET", url, status=status).left_out_because() == why


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {TOKEN}",
        "GET /v4/spreadsheets/x?key=AIzaSySECRETsecretsecretsecretsecretsecre&alt=json",
        'said {"access_token": "SECRET", "expires_in": 3599}',
        r'said "{\"refresh_token\": \"SECRET\"}"',
        "grant_type=x&assertion=SECRET.SECRET.SECRET&a=b",
        "client_secret=SECRET",
        '{"private_key": "-----BEGIN PRIVATE KEY-----\\nSECRET\\n-----END PRIVATE KEY-----\\n"}',
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJTRUNSRVQifQ.SECRETSECRET",
        "code=4/0AeSECRETSECRETSECRETSECRETSECRETSECRET",
    ],
)
def test_secrets_are_struck_out_of_texts(text):
    struck = Striker().text(text)
    assert "SECRET" not in struck.replace("STRUCK", "")
    assert "secret-secret" not in struck
    assert "STRUCK" in struck


def test_what_is_no_secret_stays():
    text = '{"error": {"code": 404, "key": "orders"}, "spreadsheetId": "1abc", "values": [["ann@example.com"]]}'
    assert Striker().text(text) == text
    assert Striker(emails=True).text(text) == text.replace("ann@example.com", "STRUCK@example.com")
