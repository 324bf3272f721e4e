"""Scripts that do too much are ended, and harm neither the server nor each other."""

import time
from collections.abc import Iterator

import pytest

from local_sheets.server.script_limits import ScriptLimits, parse_script_limits
from local_sheets.testing import LocalSheetsServer
from local_sheets.testing_scripts import ScriptOfSpreadsheet

_LIMITS = "simple_seconds=1,execution_seconds=2,at_once=2,triggers=2,fetches_per_day=2,trigger_seconds_per_day=0.5"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalSheetsServer]:
    with LocalSheetsServer(options=(f"--apps-script-limits={_LIMITS}",)) as found:
        yield found


@pytest.fixture
def strict(server: LocalSheetsServer) -> ScriptOfSpreadsheet:
    """A script under strict limits."""
    return server.script(server.create_spreadsheet("Test"))


def _an_edit_goes_on(strict: ScriptOfSpreadsheet, first_row: int) -> bool:
    """Whether one of several edits, each by somebody else, takes less than the second after which a script is ended.

    An edit that has to wait for scripts takes as long each time, one on a noisy machine now and then.
    """

    def seconds(row: int) -> float:
        started = time.perf_counter()
        strict.type(f"Sheet1!A{row}", "x", user=f"{row}@example.org")
        return time.perf_counter() - started

    return any(seconds(row) < 0.9 for row in range(first_row, first_row + 5))


def test_endless_loops_are_ended_and_edits_go_on_meanwhile(strict: ScriptOfSpreadsheet):
    strict.set(
        "function onEdit(e) { console.log('on'); for (;;); }\nfunction loop() { try { for (;;); } finally { for (;;); } }"
    )
    strict.type("Sheet1!A1", "x")
    assert _an_edit_goes_on(strict, 2)
    edits = strict.wait_for_executions(2, "ON_EDIT")
    assert {one["processStatus"] for one in edits} == {"TIMED_OUT"}
    assert edits[0]["logs"][0]["message"] == "on"
    ended = strict.run("loop")["execution"]
    assert (ended["processStatus"], ended["error"]["message"]) == ("TIMED_OUT", "Exceeded maximum execution time")
    assert ended["seconds"] > 1.9


def test_a_flood_of_log_lines_is_cut_and_holds_nobody_up(strict: ScriptOfSpreadsheet):
    strict.set("function onEdit() { for (;;) console.log('x'.repeat(50)); }")
    for row in (1, 2):
        strict.type(f"Sheet1!A{row}", "x", user=f"{row}@example.org")
    assert _an_edit_goes_on(strict, 3)
    logs = strict.wait_for_executions(3)[0]["logs"]
    assert len(logs) == 1001
    assert logs[-1]["message"] == "Too much was logged; the rest is left out."


def test_scripts_that_take_all_memory_or_stack_end_with_an_error(strict: ScriptOfSpreadsheet):
    strict.set(
        "function deep(n) { return deep(n + 1) + 1; }\n"
        "function much() { const kept = []; for (let i = 0; i < 40; i++) kept.push(new Uint8Array(1e7)); }"
    )
    assert "stack" in strict.run("deep", 1)["execution"]["error"]["message"].lower()
    assert "memory" in strict.run("much")["execution"]["error"]["message"]
    strict.set("function fine() { return 1; }")
    assert strict.run("fine")["result"] == 1


def test_more_at_once_than_allowed_are_refused(strict: ScriptOfSpreadsheet, server: LocalSheetsServer):
    strict.set("function edited() { SpreadsheetApp.getUi().alert('Go on?'); Utilities.sleep(300); }")
    strict.install("edited", "ON_EDIT")
    dialogs = f"/_local/apps-script/{strict.spreadsheet_id}/dialogs"

    def asked() -> list[int]:
        return [one["number"] for one in server.call("GET", dialogs)["dialogs"]]

    for row in (1, 2):
        strict.type(f"Sheet1!A{row}", "x")
    server.wait_until(lambda: len(asked()) == 2)  # their clocks stand until somebody answers
    strict.type("Sheet1!A3", "x")
    strict.wait_for_executions(1)
    for number in asked():
        server.call("POST", f"{dialogs}/{number}", {"button": "OK"})
    found = strict.wait_for_executions(3)
    refused = [one["error"]["message"] for one in found if one["processStatus"] == "FAILED"]
    assert refused == ["There are too many scripts running simultaneously for this Google user account."]
    strict.type("Sheet1!A4", "x")  # by now triggers have run for longer than a day allows
    last = strict.wait_for_executions(4)[-1]
    assert last["error"]["message"] == "Service using too much computer time for one day"


def test_a_day_has_so_many_fetches_and_a_script_so_many_triggers(
    strict: ScriptOfSpreadsheet, server: LocalSheetsServer
):
    strict.set(
        f"function get() {{ return UrlFetchApp.fetch('{server.endpoint}/_local/health').getResponseCode(); }}\n"
        "function install() { for (;;) ScriptApp.newTrigger('get').timeBased().everyHours(1).create(); }"
    )
    assert [strict.run("get")["result"] for _ in range(2)] == [200, 200]
    assert strict.run("get")["execution"]["error"]["message"] == "Service invoked too many times for one day: urlfetch."
    assert "too many triggers" in strict.run("install")["execution"]["error"]["message"]
    assert len(strict.state()["triggers"]) == 2


def test_a_lock_is_let_go_when_its_script_is_ended(strict: ScriptOfSpreadsheet):
    strict.set(
        "function hold() { LockService.getScriptLock().waitLock(10); for (;;); }\nfunction take() { return LockService.getScriptLock().tryLock(0); }"
    )
    strict.run("hold")
    assert strict.run("take")["result"] is True


def test_script_triggers_and_properties_survive_kill_9(server: LocalSheetsServer, strict: ScriptOfSpreadsheet):
    strict.set(
        "function get() { return PropertiesService.getScriptProperties().getProperties(); }\n"
        "function put() { PropertiesService.getScriptProperties().setProperty('B', '2'); }"
    )
    strict.install("get", "ON_CHANGE")
    strict.set_properties(A="1")
    strict.run("put")
    before = strict.state()
    server.kill()
    server.start()
    again = server.script(strict.spreadsheet_id)
    assert (again.state(), again.run("get")["result"]) == (before, {"A": "1", "B": "2"})


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("on", ScriptLimits()),
        ("consumer", ScriptLimits(fetches_per_day=20_000, trigger_seconds_per_day=5400)),
        ("workspace,at_once=5", ScriptLimits(at_once=5, fetches_per_day=100_000, trigger_seconds_per_day=21_600)),
    ],
)
def test_limits_are_named_as_google_names_accounts(text: str, limits: ScriptLimits):
    assert parse_script_limits(text) == limits


@pytest.mark.parametrize("text", ["gmail", "at_once", "at_once=x", "at_once=0", "on;at_once=1"])
def test_limits_that_make_no_sense_are_refused(text: str):
    with pytest.raises(ValueError, match="Limits of scripts"):
        parse_script_limits(text)
