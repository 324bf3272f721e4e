"""What scripts get from the services: values and errors as Google's reference describes them."""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_sheets.apps_script.sheet_services import _last_of
from local_sheets.model.cell import Cell
from local_sheets.model.rows import Row
from local_sheets.model.tab import Tab
from local_sheets.testing import LocalSheetsServer
from local_sheets.testing_scripts import ScriptOfSpreadsheet
from local_sheets_tests.apps_script.hook import Hook

CHECKED_AGAINST = ("reference https://developers.google.com/apps-script/reference/spreadsheet",)

Evaluate = Callable[[str], Any]
_SHEET = "SpreadsheetApp.getActive().getSheetByName('Sheet1')"


def _signed(data: bytes) -> list[int]:
    return [byte - 256 if byte > 127 else byte for byte in data]


CELLS = st.lists(st.lists(st.sampled_from([None, "x", 0, Cell(note="n"), Cell(result=1)]), max_size=4), max_size=6)


@settings(max_examples=60, deadline=None)
@given(CELLS, st.sampled_from([1, 2_000]))
def test_the_last_cells_are_found_whatever_stands_blank_behind_them(cells: list[list[Any]], gap: int):
    tab, rows = Tab({"properties": {}}), list[list[Any]]()
    for found in cells:
        rows += [[]] * (gap - 1) + [found]
    tab.rows.insert(0, [Row(n + 1, row) if row else None for n, row in enumerate(rows)], owner=1)
    holding = [
        (row, column)
        for row, line in enumerate(rows, 1)
        for column, cell in enumerate(line, 1)
        if cell is not None and cell != Cell(note="n")
    ]
    last = {"row": max((row for row, _ in holding), default=0), "column": max((at for _, at in holding), default=0)}
    assert _last_of(tab) == last


def test_developer_metadata_is_found_by_key_value_and_id_where_it_is_by_now(
    script: ScriptOfSpreadsheet, evaluate: Evaluate
):
    def mark(key: str, value: str, **location: Any) -> dict[str, Any]:
        metadata = {"metadataKey": key, "metadataValue": value, "location": location, "visibility": "DOCUMENT"}
        return {"createDeveloperMetadata": {"developerMetadata": metadata}}

    def span(dimension: str, index: int) -> dict[str, Any]:
        return {"sheetId": 0, "dimension": dimension, "startIndex": index, "endIndex": index + 1}

    marks = [
        mark("k", "column", dimensionRange=span("COLUMNS", 1)),
        mark("k", "row", dimensionRange=span("ROWS", 4)),
        mark("k", "sheet", sheetId=0),
        mark("k", "whole", spreadsheet=True),
        mark("other", "row", dimensionRange=span("ROWS", 5)),
        {"insertDimension": {"range": span("COLUMNS", 0)}},
    ]
    script.edit({"batchUpdate": {"requests": marks}}, None, "OTHER")
    told = (
        ".find().map((one) => { const at = one.getLocation(); return [one.getKey(), one.getValue(), at.getLocationType(),"
        " at.getColumn() && at.getColumn().getA1Notation(), at.getRow() && at.getRow().getRow(), at.getSheet() && at.getSheet().getName(),"
        " Boolean(at.getSpreadsheet())]; })"
    )
    of_sheet = [
        ["k", "column", "COLUMN", "C1:C1000", None, None, False],
        ["k", "row", "ROW", None, 5, None, False],
        ["k", "sheet", "SHEET", None, None, "Sheet1", False],
    ]
    whole = ["k", "whole", "SPREADSHEET", None, None, None, True]

    def found(of: str, how: str) -> list[list[Any]]:
        lines: list[list[Any]] = evaluate(f"{of}.createDeveloperMetadataFinder(){how}{told}")
        return sorted(lines, key=lambda line: line[:2])

    spreadsheet = "SpreadsheetApp.getActive()"
    assert found(_SHEET, ".withKey('k')") == of_sheet
    assert found(spreadsheet, ".withKey('k')") == [*of_sheet, whole]
    assert found(spreadsheet, ".withValue('row')") == [of_sheet[1], ["other", "row", "ROW", None, 6, None, False]]
    assert found(spreadsheet, ".withKey('k').withValue('whole')") == [whole]
    first = f"{spreadsheet}.createDeveloperMetadataFinder().withValue('whole').find()[0].getId()"
    assert found(spreadsheet, f".withId({first})") == [whole]


def test_ranges_give_values_texts_formulas_and_take_them(evaluate: Evaluate):
    written = "[['name', new Date(2026, 0, 2)], [5, '=A2*2'], ['1.5', true]]"
    steps = f"const s = {_SHEET}; s.getRange(1, 1, 3, 2).setValues({written}); const r = s.getRange('A1:B3');"
    found = evaluate(
        f"(() => {{ {steps} return [r.getValues(), r.getFormulas(), s.getRange('B1').getValue() instanceof Date,"
        " r.getDisplayValues(), s.getLastRow(), s.getLastColumn(), s.getDataRange().getA1Notation()]; })()"
    )
    values = [["name", "2026-01-02T00:00:00.000Z"], [5, 10], [1.5, True]]
    texts = [["name", "1/2/2026 0:00:00"], ["5", "10"], ["1.5", "TRUE"]]
    assert found == [values, [["", ""], ["", "=A2*2"], ["", ""]], True, texts, 3, 2, "A1:B3"]


def test_notes_and_colours_are_set_and_read(evaluate: Evaluate):
    code = f"(() => {{ const r = {_SHEET}.getRange(2, 3).setNote('why').setBackground('#ff0080');"
    assert evaluate(code + " return [r.getNote(), r.getBackground(), r.setNote(null).getNote()]; })()") == [
        "why",
        "#ff0080",
        "",
    ]


def test_a_spreadsheet_tells_of_itself(evaluate: Evaluate, script: ScriptOfSpreadsheet):
    found = evaluate(
        "(s => [s.getId(), s.getName(), s.getSpreadsheetLocale(), s.getSpreadsheetTimeZone(), s.getUrl(),"
        " s.getSheets().map(x => x.getName()), s.getSheetByName('none'), s.getSheets()[0].getSheetId()])"
        "(SpreadsheetApp.getActiveSpreadsheet())"
    )
    key = script.spreadsheet_id
    url = f"https://docs.google.com/spreadsheets/d/{key}/edit"
    assert found == [key, "Test", "en_US", "Etc/GMT", url, ["Sheet1"], None, 0]


def test_hmac_digests_and_base64_are_right_for_text_and_bytes(evaluate: Evaluate):
    found = evaluate(
        "[Utilities.computeHmacSha256Signature('a.é', 'k', Utilities.Charset.UTF_8),"
        " Utilities.computeHmacSha256Signature([1, -1], [-128, 5]),"
        " Utilities.computeDigest(Utilities.DigestAlgorithm.SHA_256, 'a'),"
        " Utilities.base64Encode('é?>'), Utilities.base64EncodeWebSafe([-1, -2, 62]),"
        " Utilities.newBlob(Utilities.base64Decode('w6k=')).getDataAsString(), Utilities.computeHmacSha256Signature('é', 'k')]"
    )
    assert found == [
        _signed(hmac.digest(b"k", "a.é".encode(), "sha256")),
        _signed(hmac.digest(bytes([128, 5]), bytes([1, 255]), "sha256")),
        _signed(hashlib.sha256(b"a").digest()),
        base64.b64encode("é?>".encode()).decode(),
        base64.urlsafe_b64encode(bytes([255, 254, 62])).decode(),
        "é",
        _signed(hmac.digest(b"k", b"?", "sha256")),  # US-ASCII unless another charset is named
    ]


@pytest.mark.parametrize(
    ("zone", "pattern", "text"),
    [
        ("GMT", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "2026-07-05T08:09:03.004Z"),
        ("Europe/Berlin", "d.M.yy H 'o''clock' XXX Z", "5.7.26 10 o'clock +02:00 +0200"),
        ("America/New_York", "EEEE, MMM d, h:mm a", "Sunday, Jul 5, 4:09 AM"),
    ],
)
def test_dates_are_formatted_as_java_does(evaluate: Evaluate, zone: str, pattern: str, text: str):
    escaped = pattern.replace("'", "\\'")
    assert evaluate(f"Utilities.formatDate(new Date(1783238943004), '{zone}', '{escaped}')") == text


def test_fetch_sends_what_the_script_says_and_tells_what_came_back(evaluate: Evaluate, hook: Hook):
    options = "{method: 'post', contentType: 'application/json', headers: {'X-One': 'ü'.length + ''}, payload: '{\"a\":\"é\"}'}"
    found = evaluate(
        f"(r => [r.getResponseCode(), r.getContentText(), r.getHeaders()['Content-Type']])(UrlFetchApp.fetch('{hook.url}/a?b=1', {options}))"
    )
    assert found == [201, '{"a":"é"}', "text/plain; charset=utf-8"]
    method, path, headers, body = hook.taken[-1]
    assert (method, path, body) == ("POST", "/a?b=1", '{"a":"é"}'.encode())
    assert (headers["content-type"], headers["x-one"]) == ("application/json", "1")


def test_fetch_follows_sends_forms_and_asks_many_at_once(evaluate: Evaluate, hook: Hook):
    found = evaluate(
        f"UrlFetchApp.fetchAll(['{hook.url}/moved', {{url: '{hook.url}/form', payload: {{a: 'b c', d: '&'}}}},"
        f" {{url: '{hook.url}/status/418', muteHttpExceptions: true}}]).map(r => [r.getResponseCode(), r.getContentText()])"
    )
    assert found == [[201, ""], [201, "a=b%20c&d=%26"], [418, ""]]


def test_an_answer_that_is_an_error_is_thrown_unless_muted(script: ScriptOfSpreadsheet, hook: Hook):
    script.set(
        f"function bad() {{ UrlFetchApp.fetch('{hook.url}/status/503', {{payload: 'sorry'}}); }}\n"
        "function nobody() { UrlFetchApp.fetch('http://127.0.0.1:9/'); }"
    )
    error = script.run("bad")["execution"]["error"]
    assert (error["name"], error["stack"]) == ("Exception", [{"function": "bad", "file": "Code", "lineNumber": 1}])
    assert error["message"] == (
        f"Request failed for {hook.url} returned code 503. Truncated server response: sorry "
        "(use muteHttpExceptions option to examine full response)"
    )
    assert script.run("nobody")["execution"]["error"]["message"] == "Address unavailable: http://127.0.0.1:9/"


def test_properties_caches_and_locks_outlive_an_execution(script: ScriptOfSpreadsheet):
    script.set(
        "function put() { const p = PropertiesService.getScriptProperties(); p.setProperties({a: 1, b: '2'}).deleteProperty('b');"
        " PropertiesService.getUserProperties().setProperty('mine', 'x'); CacheService.getScriptCache().put('k', 'v');"
        " return LockService.getScriptLock().tryLock(0); }\n"
        "function get() { const p = PropertiesService.getScriptProperties(); const l = LockService.getScriptLock(); l.waitLock(100);"
        " return [p.getProperties(), p.getProperty('none'), CacheService.getScriptCache().get('k'), l.hasLock()]; }"
    )
    assert script.run("put")["result"] is True
    assert script.run("get")["result"] == [{"a": "1"}, None, "v", True]
    assert script.state()["properties"] == {"script": ["a"], "user owner@localhost": ["mine"]}


def test_what_is_not_there_is_named(script: ScriptOfSpreadsheet):
    script.set(
        "function a() { SpreadsheetApp.getActive().getEditors(); }\nfunction b() { DriveApp.getFiles(); }\n"
        "function c() { UrlFetchApp.fetch('http://127.0.0.1', {deadline: 1}); }"
    )
    errors = [script.run(name)["execution"]["error"]["message"] for name in "abc"]
    assert errors[0].startswith("Spreadsheet.getEditors is not there in Local Sheets")
    assert errors[1].startswith("DriveApp is not there in Local Sheets")
    assert "deadline is no option of UrlFetchApp.fetch" in errors[2]


def test_errors_name_file_and_line_of_several_files(script: ScriptOfSpreadsheet):
    script.set("function it() {\n  helper();\n}", Other="\n\nfunction helper() {\n  null.x;\n}")
    error = script.run("it")["execution"]["error"]
    assert error["stack"] == [
        {"function": "helper", "file": "Other", "lineNumber": 4},
        {"function": "it", "file": "Code", "lineNumber": 2},
    ]
    script.set("function it() {}", Other="\nlet let = 1;")
    error = script.run("it")["execution"]["error"]
    assert (error["name"], error["stack"][0]["file"], error["stack"][0]["lineNumber"]) == ("SyntaxError", "Other", 2)


def test_dialogs_take_answers_and_logs_hide_secrets(script: ScriptOfSpreadsheet):
    script.set(
        "function setup() { const ui = SpreadsheetApp.getUi(); const p = PropertiesService.getScriptProperties();\n"
        " p.setProperty('WEBHOOK_SECRET', ui.prompt('Secret', 'Paste it', ui.ButtonSet.OK_CANCEL).getResponseText());\n"
        " console.log('secret is %s, %d rows', p.getProperty('WEBHOOK_SECRET'), 3);\n"
        " const said = ui.alert('Sure?', ui.ButtonSet.YES_NO); Logger.log('done'); return said === ui.Button.YES; }"
    )
    answer = script.run("setup", answers=["s3cr3t-s3cr3t", {"button": "NO"}])
    logs = [(one["severity"], one["message"]) for one in answer["execution"]["logs"]]
    assert (answer["result"], logs) == (
        False,
        [("DEBUG", "secret is [hidden: a script property], 3 rows"), ("INFO", "done")],
    )
    assert "no answer is left" in script.run("setup", answers=[])["execution"]["error"]["message"]


def test_a_manifest_without_a_scope_refuses_what_needs_it(script: ScriptOfSpreadsheet, hook: Hook):
    scope = "https://www.googleapis.com/auth/"
    manifest = f'{{"timeZone": "Europe/Berlin", "oauthScopes": ["{scope}spreadsheets.currentonly"]}}'
    code = f"function it() {{ UrlFetchApp.fetch('{hook.url}/'); }} function zone() {{ return [Session.getScriptTimeZone(), new Date(2026, 0, 1).toISOString(), SpreadsheetApp.getActive().getName()]; }}"
    script.set(code, manifest=manifest)
    message = script.run("it")["execution"]["error"]["message"]
    assert (
        message
        == f"You do not have permission to call UrlFetchApp.fetch. Required permissions: {scope}script.external_request"
    )
    assert script.run("zone")["result"] == ["Europe/Berlin", "2025-12-31T23:00:00.000Z", "Test"]


def test_google_s_own_api_sets_and_runs_scripts(shared_server: LocalSheetsServer):
    spreadsheet_id = shared_server.create_spreadsheet("Test")
    project = shared_server.call("POST", "/v1/projects", {"title": "x", "parentId": spreadsheet_id})
    path = f"/v1/projects/{project['scriptId']}/content"
    source = "async function add(a, b) { await null; return a + b; }\nfunction bad() { throw new Error('no'); }"
    files = [
        {"name": "Code", "type": "SERVER_JS", "source": source},
        {"name": "appsscript", "type": "JSON", "source": "{}"},
    ]
    assert [one["name"] for one in shared_server.call("PUT", path, {"files": files})["files"]] == ["Code", "appsscript"]
    run = f"/v1/scripts/{project['scriptId']}:run"
    assert shared_server.call("POST", run, {"function": "add", "parameters": [2, 3]})["response"]["result"] == 5
    details = shared_server.call("POST", run, {"function": "bad"})["error"]["details"][0]
    assert (details["errorMessage"], details["scriptStackTraceElements"]) == (
        "Error: no",
        [{"function": "bad", "lineNumber": 2}],
    )
    path = f"/v1/processes:listScriptProcesses?scriptId={project['scriptId']}"
    assert [one["processStatus"] for one in shared_server.call("GET", path)["processes"]] == ["FAILED", "COMPLETED"]
