"""What a person does while the page still waits for an answer: nothing of it is lost, undone or done to something else."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from local_sheets_tests.page.driver import SheetDriver, Spreadsheet, eventually

pytestmark = pytest.mark.browser
Show = Callable[..., SheetDriver]


class Held:
    """Answers that the server has given and the page has not got yet."""

    def __init__(self) -> None:
        self.answers: list[tuple[Route, APIResponse]] = []
        self.is_over = False

    def hold(self, route: Route) -> None:
        if self.is_over or route.request.method != "GET":
            route.fallback()
            return
        self.answers.append((route, route.fetch()))

    def release_first(self) -> None:
        route, response = self.answers.pop(0)
        route.fulfill(response=response)

    def wait_for(self, page: Page, count: int = 1) -> None:
        def so_many() -> bool:
            page.evaluate("1")  # Playwright works on what has come in the meantime
            return len(self.answers) >= count

        eventually(so_many, expected=True)


@contextmanager
def answers_held(page: Page, url: str) -> Iterator[Held]:
    """Answers to GET of these addresses reach the page only when they are released, or at the end."""
    held = Held()
    page.route(url, held.hold)
    try:
        yield held
    finally:
        held.is_over = True
        while held.answers:
            held.release_first()
        page.unroute(url)


def test_what_is_typed_while_its_cells_are_being_read_stays(people: Spreadsheet, show: Show):
    sheet = show(people)
    with answers_held(sheet.page, "**/cells?*") as held:
        people.write("people!A5", [["by the API"]])
        held.wait_for(sheet.page)
        sheet.type_into("C3", "71")
        eventually(lambda: people.read("people!C3"), [[71]])
        held.release_first()
        sheet.expect_text("A5", "by the API")
        sheet.expect_text("C3", "71")
        sheet.select("C3")
        sheet.press("F2")
        assert sheet.page.locator(".cell-editor").input_value() == "71"
        sheet.press("Escape")
    expect(sheet.cell("C3")).not_to_have_class("cell pending")
    sheet.expect_text("C3", "71")


def test_a_button_that_is_pressed_while_its_list_is_read_anew_does_what_it_says(people: Spreadsheet, show: Show):
    sheet = show(people)
    page = sheet.page
    path = f"/drive/v3/files/{people.id}/comments"
    people.api.post(path, params={"fields": "*"}, json={"content": "first"}).raise_for_status()
    sheet.button("Comments").click()
    listed = page.locator("#comments > li")
    expect(listed).to_have_count(1)
    listed.get_by_role("button", name="Resolve").hover()
    page.mouse.down()
    with page.expect_response("**/comments*"):
        people.api.post(path, params={"fields": "*"}, json={"content": "second"}).raise_for_status()
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    page.mouse.up()
    expect(listed).to_contain_text(["second"])
    found = people.api.get(path, params={"fields": "comments(content,resolved)"}).json()["comments"]
    assert {one["content"]: one["resolved"] for one in found} == {"first": True, "second": False}


def test_nothing_is_typed_until_the_present_is_shown_again(people: Spreadsheet, show: Show):
    sheet = show(people)
    page = sheet.page
    sheet.type_into("B2", "Eve")
    eventually(lambda: people.read("people!B2"), [["Eve"]])
    sheet.begin_version()
    sheet.button("Version history").click()
    listed = page.locator("#versions button")
    expect(listed).to_have_count(2)
    listed.nth(1).click()
    sheet.expect_text("B2", "Eve")
    with answers_held(page, f"**/page/api/spreadsheets/{people.id}") as held:
        sheet.button("Back to the present").click()
        held.wait_for(page)
        page.keyboard.type("lost?")
        expect(page.locator(".banner").first).to_be_visible()
    expect(page.locator(".banner:visible")).to_have_count(0)
    sheet.type_into("B3", "Fay")
    eventually(lambda: people.read("people!B2:B3"), [["Eve"], ["Fay"]])


def test_the_editor_of_a_script_takes_no_text_before_the_script_is_there(people: Spreadsheet, show: Show):
    people.api.put(
        f"/_local/apps-script/{people.id}/content",
        json={"files": [{"name": "Code", "type": "SERVER_JS", "source": "function kept() {}"}]},
    ).raise_for_status()
    sheet = show(people)
    page = sheet.page
    with answers_held(page, f"**/_local/apps-script/{people.id}") as held:
        page.reload()
        sheet.button("Apps Script").click()
        sheet.button("Open the editor").click()
        held.wait_for(page)
        page.keyboard.type("x")
        page.keyboard.press("Control+s")
        assert page.locator("#script-text").input_value() == ""
    expect(page.locator("#script-text")).to_have_value("function kept() {}")
    page.locator("#script-text").press("Control+Home")
    page.keyboard.type("// more\n")
    page.keyboard.press("Control+s")

    def source() -> Any:
        return people.api.get(f"/_local/apps-script/{people.id}").json()["files"][0]["source"]

    eventually(source, "// more\nfunction kept() {}")


def test_a_question_that_was_answered_is_not_shown_again(people: Spreadsheet, show: Show):
    script = f"/_local/apps-script/{people.id}"
    code = "const ask = text => SpreadsheetApp.getUi().alert(text);\n"
    code += "function onEdit() { ask('one'); }\nfunction edited() { ask('other'); }"
    files = [{"name": "Code", "type": "SERVER_JS", "source": code}]
    people.api.put(f"{script}/content", json={"files": files}).raise_for_status()
    trigger = {"function": "edited", "eventType": "ON_EDIT"}
    people.api.post(f"{script}/triggers", json=trigger).raise_for_status()
    sheet = show(people)
    text = sheet.page.locator("#script-dialog[open] p")
    with answers_held(sheet.page, "**/dialogs") as held:
        sheet.type_into("B2", "Eve")
        held.wait_for(sheet.page, 2)  # the page asks at each question; the second answer holds both
        held.release_first()
        first = text.inner_text()
        sheet.button("OK").click()
        held.release_first()
        expect(text).to_have_text("other" if first == "one" else "one")
        sheet.button("OK").click()
    expect(text).to_have_count(0)
    eventually(lambda: people.api.get(f"{script}/dialogs").json()["dialogs"], [])
