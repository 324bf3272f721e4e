"""A person sets the spreadsheet's script on the page, answers what it asks, and edits; the script tells a program of it."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from local_sheets_tests.apps_script.hook import SENDING_SCRIPT, running_hook
from local_sheets_tests.page.driver import SheetDriver, Spreadsheet, eventually

pytestmark = pytest.mark.browser

_MENU = "function onOpen() { SpreadsheetApp.getUi().createMenu('Webhook').addItem('Set up', 'setup').addToUi(); }\n"


def test_a_script_is_written_set_up_and_fired_on_the_page(people: Spreadsheet, show: Callable[..., SheetDriver]):
    sheet = show(people)
    page = sheet.page

    sheet.button("Apps Script").click()
    sheet.button("Open the editor").click()
    expect(page.get_by_role("tab", name="Code.gs")).to_be_visible()
    page.locator("#script-text").fill(_MENU + SENDING_SCRIPT)
    page.keyboard.press("Control+s")
    page.locator("#script-function").select_option("onOpen")
    sheet.button("Run").click()
    expect(page.locator("#script-output")).to_contain_text("Completed")
    sheet.button("Close the editor").click()
    with running_hook() as hook:
        sheet.button("Webhook").click()
        sheet.choose("Set up")
        for question, answer in (("Address", f"{hook.url}/hook"), ("Secret", "shh-secret")):
            page.locator("#script-dialog[open]").get_by_label(question).fill(answer)
            page.keyboard.press("Enter")
        expect(page.locator("#script-triggers")).to_contain_text("send · On edit")
        sheet.type_into("B2", "Zoë")
        eventually(lambda: len(hook.taken), 1)
        assert hook.signed("shh-secret")
    message = json.loads(hook.taken[0][3])
    assert (message["tab"], message["row"], message["value"]) == ("people", ["1", "Zoë", "90"], "Zoë")
    newest = page.locator("#script-executions li").first
    expect(newest).to_contain_text("send")
    expect(newest).to_contain_text("completed")
    sheet.select("B3")
    sheet.press("Delete")
    page.locator("#script-executions li").nth(1).get_by_text("trigger").wait_for()
    newest.locator("summary").click()
    expect(newest).to_contain_text("Address unavailable")


def test_a_failed_script_shows_its_line_and_marks_the_button(people: Spreadsheet, show: Callable[..., SheetDriver]):
    code = "function onEdit(e) {\n  console.log('<b>%s</b>', e.value);\n  null.x;\n}"
    files = [{"name": "Code", "type": "SERVER_JS", "source": code}]
    people.api.put(f"/_local/apps-script/{people.id}/content", json={"files": files}).raise_for_status()
    sheet = show(people)
    sheet.button("Apps Script").click()
    sheet.type_into("B2", "x")
    newest = sheet.page.locator("#script-executions li").first
    expect(newest).to_contain_text("failed")
    newest.locator("summary").click()
    expect(newest).to_contain_text("<b>x</b>")
    expect(newest).to_contain_text("(Code:3)")
    expect(sheet.page.locator("#open-scripts")).to_have_attribute("data-alert", "true")
