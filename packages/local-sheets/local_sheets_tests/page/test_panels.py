"""The side panels: requests as they come in, gauges, faults, edit events; and the page on a telephone."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from local_sheets_tests.page.driver import SheetDriver, Spreadsheet, eventually
from local_sheets_tests.page.receiver import receiver

pytestmark = pytest.mark.browser
Show = Callable[..., SheetDriver]


def _open(sheet: SheetDriver, name: str) -> None:
    button = sheet.button(name)
    if button.get_attribute("aria-pressed") != "true":
        button.click()


def _announce_to(sheet: SheetDriver, url: str) -> None:
    """Set the address of the edit events, and wait until the server has it."""
    sheet.page.get_by_label("Address", exact=True).fill(url)
    with sheet.page.expect_response("**/page/api/on-edit"):
        sheet.button("Save").click()


def test_requests_show_as_they_come_in(people: Spreadsheet, show: Show):
    sheet = show(people)
    _open(sheet, "Requests")
    people.read("people!A1:C4")
    newest = sheet.page.locator("#requests li").first
    expect(newest.locator(".method")).to_have_text("values.get")
    expect(newest.locator(".range")).to_have_text("people!A1:C4")
    expect(newest.locator(".status")).to_have_text("200")
    expect(newest.locator(".facts")).to_contain_text("12 cells")
    people.api.get(f"/v4/spreadsheets/{people.id}/values/nowhere!A1")
    expect(newest.locator(".status")).to_have_text("400")


def test_gauges_count_clients_and_leave_edits_on_the_page_alone(people: Spreadsheet, show: Show):
    people.api.put("/_local/quota", json={"quota": "reads=500,writes=500"})
    sheet = show(people)
    _open(sheet, "Requests")

    def stats() -> dict[str, Any]:
        found: dict[str, Any] = people.api.get("/_local/stats").json()
        return found

    writes = stats()["totals"]["writes"]
    meter = sheet.page.get_by_role("meter", name="writes in the last minute")
    expect(meter).to_have_attribute("aria-valuemax", "500")
    sheet.type_into("B2", "x")
    expect(sheet.page.locator("#requests li").first).to_contain_text("edit on the page")
    people.write("people!B3", [["y"]])
    assert stats()["totals"]["writes"] == writes + 1

    def shows_the_count() -> bool:
        return meter.get_attribute("aria-valuenow") == str(stats()["by_user"]["anybody"]["writes"])

    eventually(shows_the_count, expected=True)  # writes of a minute ago, by other tests, go out of it meanwhile


def test_a_fault_is_set_hits_the_next_request_and_is_counted(people: Spreadsheet, show: Show):
    sheet = show(people)
    _open(sheet, "Faults")
    sheet.page.get_by_label("What happens").select_option("503 unavailable")
    sheet.page.get_by_label("To which requests").select_option("Reads")
    sheet.button("Set fault").click()
    expect(sheet.page.locator("#fault-rules")).to_contain_text("503 unavailable")
    path = f"/v4/spreadsheets/{people.id}/values/people!A1"
    assert people.api.get(path).status_code == 503
    assert people.api.get(path).status_code == 200
    expect(sheet.page.locator("#fault-counts")).to_contain_text("error 503")
    expect(sheet.page.locator("#fault-rules")).to_contain_text("None")


def test_a_random_fault_is_set_and_removed_and_spares_edits_on_the_page(people: Spreadsheet, show: Show):
    sheet = show(people)
    _open(sheet, "Faults")
    sheet.page.get_by_label("How often").select_option("At random")
    sheet.page.get_by_label("Percent of them").fill("100")
    sheet.button("Set fault").click()
    expect(sheet.page.locator("#fault-rules")).to_contain_text("every one")
    assert people.api.get(f"/v4/spreadsheets/{people.id}").status_code == 429
    sheet.type_into("B2", "works")
    sheet.button("Remove: 429 quota exceeded").click()
    expect(sheet.page.locator("#fault-rules")).to_contain_text("None")
    eventually(lambda: people.read("people!B2"), [["works"]])


def test_each_edit_is_announced_with_the_value_it_replaced(people: Spreadsheet, show: Show):
    sheet = show(people)
    with receiver() as (url, taken):
        _open(sheet, "Edit events")
        _announce_to(sheet, url)
        expect(sheet.page.locator("#panel-announcements .state")).to_contain_text("delivered")
        sheet.type_into("B2", "Ada L.")
        eventually(lambda: len(taken), 1)
        sheet.cell_menu("B3", "Delete row")
        eventually(lambda: len(taken), 2)
        sheet.select("B2")
        sheet.press("Control+x")
        sheet.select("E2")
        sheet.press("Control+v")
        eventually(lambda: len(taken), 4)
        _announce_to(sheet, "")
    first, second, moved, left = taken
    assert first.pop("time")
    assert first == {
        "spreadsheetId": people.id,
        "sheetId": 0,
        "title": "people",
        "range": "people!B2",
        "values": [["Ada L."]],
        "oldValue": "Ada",
        "changeType": "EDIT",
        "user": "owner@localhost",
    }
    assert (second["changeType"], second["range"]) == ("REMOVE_ROW", "people!A3:L3")
    assert (moved["range"], moved["values"]) == ("people!E2", [["Ada L."]])
    assert (left["range"], left["values"], left["oldValue"]) == ("people!B2", [], "Ada L.")
    expect(sheet.page.locator("#announcements li").first).to_contain_text("people!B2")


def test_a_receiver_that_fails_is_shown_and_blocks_no_edit(people: Spreadsheet, show: Show):
    sheet = show(people)
    with receiver() as (url, _):
        pass
    _open(sheet, "Edit events")
    _announce_to(sheet, url)
    sheet.type_into("B2", "still written")
    expect(sheet.page.locator("#announcements li").first).to_contain_text("no answer from 127.0.0.1")
    eventually(lambda: people.read("people!B2"), [["still written"]])
    _announce_to(sheet, "")


def test_an_address_that_is_none_is_refused(people: Spreadsheet, show: Show, api: httpx.Client):
    sheet = show(people)
    _open(sheet, "Edit events")
    sheet.page.get_by_label("Address", exact=True).fill("ftp://somewhere")
    sheet.button("Save").click()
    expect(sheet.page.get_by_role("alert")).to_contain_text("expected http")


def test_the_page_is_usable_at_the_width_of_a_telephone(people: Spreadsheet, show: Show):
    sheet = show(people, viewport={"width": 390, "height": 780}, has_touch=True, is_mobile=True)
    assert sheet.page.evaluate("document.documentElement.scrollWidth") <= 390
    sheet.cell("B2").tap()
    sheet.cell("B2").tap()
    sheet.page.locator(".cell-editor").fill("by thumb")
    sheet.press("Enter")
    sheet.expect_text("B2", "by thumb")
    _open(sheet, "Requests")
    expect(sheet.page.locator("#gauges")).to_be_in_viewport()
    sheet.button("Close the panel").tap()
    expect(sheet.page.locator("#panel")).to_be_hidden()
