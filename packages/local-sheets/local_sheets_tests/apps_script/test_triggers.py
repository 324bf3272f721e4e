"""Triggers fire for what people do on the page, as Google fires them: what fires which, and what the event holds."""

import json
import time
from datetime import datetime
from typing import Any

import pytest

from local_sheets.testing import LocalSheetsServer
from local_sheets.testing_scripts import ScriptOfSpreadsheet
from local_sheets_tests.api_client import Api
from local_sheets_tests.apps_script.hook import SENDING_SCRIPT, Hook

CHECKED_AGAINST = ("reference https://developers.google.com/apps-script/guides/triggers",)

_TELL = (
    "function edited(e) { console.log(JSON.stringify(e)); }\nfunction changed(e) { console.log(JSON.stringify(e)); }\n"
)


def _told(executions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [json.loads(one["logs"][0]["message"]) for one in executions]


@pytest.fixture
def told(script: ScriptOfSpreadsheet) -> ScriptOfSpreadsheet:
    """A script that logs each event."""
    script.set(_TELL)
    script.install("edited", "ON_EDIT")
    script.install("changed", "ON_CHANGE")
    return script


def test_a_typed_cell_reaches_a_webhook_with_the_right_signature(script: ScriptOfSpreadsheet, hook: Hook):
    script.set(SENDING_SCRIPT)
    assert script.run("setup", answers=[f"{hook.url}/hook", "shh-secret"])["execution"]["error"] is None
    script.paste("Sheet1!A1:B2", [["id", "näme"], [7, "Bob"]])
    script.wait_for_executions(1, "ON_EDIT")
    script.type("Sheet1!B2", "Zoë", user="ann@example.org")
    script.wait_for_executions(2, "ON_EDIT")
    message = json.loads(hook.taken[-1][3])
    del message["uuid"]
    assert hook.signed("shh-secret")
    assert message == {
        "tab": "Sheet1", "header": ["id", "näme"], "row": ["7", "Zoë"], "value": "Zoë", "user": "ann@example.org"
    }  # fmt: skip


def test_values_are_told_of_single_cells_alone(told: ScriptOfSpreadsheet):
    told.type("Sheet1!B2", "5")
    told.type("Sheet1!B2", "TRUE")
    told.clear("Sheet1!B2")
    told.paste("Sheet1!B2", [["x"]])
    told.paste("Sheet1!B2:C3", [["x", "y"], [1, 2]])
    told.clear("Sheet1!B2:C3")
    events = _told(told.wait_for_executions(6, "ON_EDIT"))
    values = [{name: event[name] for name in ("value", "oldValue") if name in event} for event in events]
    assert values == [{"value": "5"}, {"value": "TRUE", "oldValue": "5"}, {"oldValue": "TRUE"}, {}, {}, {}]
    assert events[4]["range"] == {"columnEnd": 3, "columnStart": 2, "rowEnd": 3, "rowStart": 2}
    assert {event["authMode"] for event in events} == {"FULL"}
    assert all(event["triggerUid"] for event in events)


def test_fill_and_move_name_the_range_they_filled(told: ScriptOfSpreadsheet):
    told.type("Sheet1!A1", "x")
    source = {"sheetId": 0, "startRowIndex": 0, "endRowIndex": 1, "startColumnIndex": 0, "endColumnIndex": 1}
    move = {
        "cutPaste": {
            "source": source,
            "destination": {"sheetId": 0, "rowIndex": 4, "columnIndex": 0},
            "pasteType": "PASTE_NORMAL",
        }
    }
    target = {"startRowIndex": 4, "endRowIndex": 5, "startColumnIndex": 0, "endColumnIndex": 1}
    told.edit({"batchUpdate": {"requests": [move]}}, sheetId=0, ranges=[target, source])
    event = _told(told.wait_for_executions(2, "ON_EDIT"))[1]
    assert (event["range"]["rowStart"], "value" in event, "oldValue" in event) == (5, False, False)


@pytest.mark.parametrize(
    "kind",
    ["INSERT_ROW", "REMOVE_ROW", "INSERT_COLUMN", "REMOVE_COLUMN", "INSERT_GRID", "REMOVE_GRID", "FORMAT", "OTHER"],
)
def test_what_is_no_edit_fires_on_change_alone(told: ScriptOfSpreadsheet, kind: str):
    request = {"updateSheetProperties": {"properties": {"sheetId": 0, "gridProperties": {"frozenRowCount": 1}}, "fields": "gridProperties.frozenRowCount"}}  # fmt: skip
    told.edit({"batchUpdate": {"requests": [request]}}, "Sheet1!1:1", change_type=kind)
    [event] = _told(told.wait_for_executions(1, "ON_CHANGE"))
    assert (event["changeType"], "range" in event) == (kind, False)
    assert told.executions("ON_EDIT") == []


def test_neither_the_api_nor_scripts_nor_refused_edits_fire(
    told: ScriptOfSpreadsheet, shared_server: LocalSheetsServer
):
    told.set(_TELL + "function write() { SpreadsheetApp.getActive().getRange('A1').setValue(1).setNote('x'); }")
    told.run("write")
    api = Api(shared_server)
    api.spreadsheet_id = told.spreadsheet_id
    api.put("Sheet1!A2", [["x"]])
    with pytest.raises(OSError, match="400"):
        told.type("Sheet1!A99999", "x")
    told.type("Sheet1!A3", "x")
    assert len(told.wait_for_executions(1, "ON_EDIT")) == 1
    assert len(told.executions("ON_CHANGE")) == 1


def test_simple_triggers_run_uninstalled_and_may_not_fetch(
    script: ScriptOfSpreadsheet, hook: Hook, shared_server: LocalSheetsServer
):
    script.set(
        f"function onEdit(e) {{ e.range.setNote(e.value); console.log(e.authMode, typeof e.triggerUid, e.user.getEmail()); UrlFetchApp.fetch('{hook.url}'); }}\n"
        "function onOpen(e) { SpreadsheetApp.getUi().createMenu('Mine').addItem('Send', 'send').addToUi(); }"
    )
    script.open()
    script.type("Sheet1!B2", "hi", user="")
    [edit] = script.wait_for_executions(1, "ON_EDIT")
    assert (edit["processType"], edit["logs"][0]["message"]) == ("SIMPLE_TRIGGER", "LIMITED undefined ")
    assert edit["error"]["message"].startswith("You do not have permission to call UrlFetchApp.fetch.")
    mine = [one for one in shared_server.requests() if one["spreadsheet_id"] == script.spreadsheet_id]
    assert [(one["kind"], one["method"].rpartition(".")[2]) for one in mine] == [
        ("page", "update"),
        ("script", "batchUpdate"),
    ]
    assert script.run("onOpen", {})["execution"]["error"] is None
    assert script.state()["menus"] == [{"caption": "Mine", "items": [{"caption": "Send", "functionName": "send"}]}]


def test_scripts_install_list_and_delete_their_triggers(script: ScriptOfSpreadsheet):
    script.set(
        "function install() { const b = ScriptApp.newTrigger('install').forSpreadsheet(SpreadsheetApp.getActive()); b.onChange().create();\n"
        " ScriptApp.newTrigger('install').timeBased().everyMinutes(5).create();\n"
        " return ScriptApp.getProjectTriggers().map(t => [t.getHandlerFunction(), String(t.getEventType()), t.getEventType() === ScriptApp.EventType.CLOCK]); }\n"
        "function remove() { ScriptApp.getProjectTriggers().forEach(t => ScriptApp.deleteTrigger(t)); }"
    )
    assert script.run("install")["result"] == [["install", "ON_CHANGE", False], ["install", "CLOCK", True]]
    script.run("remove")
    assert script.state()["triggers"] == []


def test_the_clock_fires_once_after_a_while(script: ScriptOfSpreadsheet):
    script.set("function tick(e) { return console.log(typeof e.year, e.timezone); }")
    script.install("tick", "CLOCK", afterSeconds=0.1)
    [tick] = script.wait_for_executions(1, "CLOCK")
    assert (tick["processType"], tick["logs"][0]["message"], script.state()["triggers"]) == (
        "TIME_DRIVEN",
        "number UTC",
        [],
    )


def test_faults_delay_and_lose_triggers(told: ScriptOfSpreadsheet, shared_server: LocalSheetsServer):
    method = "script.triggers.on_edit"
    rules = ({"action": "delay", "method": method, "seconds": 0.3}, {"action": "error", "method": method})
    shared_server.faults(*rules, {"action": "error", "method": "*"})  # the last one is for requests to the API alone
    typed = time.time()
    told.type("Sheet1!A1", "late")
    told.type("Sheet1!A2", "lost")
    told.type("Sheet1!A3", "there")
    found = told.wait_for_executions(3, "ON_EDIT")
    changes = told.wait_for_executions(3, "ON_CHANGE")
    faults = [one["action"] for one in shared_server.fault_state()["injected"] if one["method"] == method]
    shared_server.clear_faults()
    assert [one["processStatus"] for one in changes] == ["COMPLETED"] * 3
    assert [one["processStatus"] for one in found] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert "was lost" in found[1]["error"]["message"]
    assert faults[-2:] == ["delay", "error"]
    assert datetime.fromisoformat(found[0]["startTime"]).timestamp() - typed > 0.29
