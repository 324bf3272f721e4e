"""The tabs at the bottom, and the spreadsheet's title."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from local_sheets_tests.page.driver import SheetDriver, Spreadsheet, eventually

pytestmark = pytest.mark.browser
Show = Callable[..., SheetDriver]


def _titles(sheet: SheetDriver) -> list[str]:
    return sheet.page.locator(".tab").all_inner_texts()


def test_a_tab_is_added_and_shown(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.button("Add a tab").click()
    eventually(lambda: _titles(sheet), ["people", "Sheet2"])
    expect(sheet.page.get_by_role("tab", name="Sheet2")).to_have_attribute("aria-selected", "true")
    sheet.type_into("A1", "hello")
    eventually(lambda: people.read("Sheet2!A1"), [["hello"]])


def test_a_tab_is_renamed(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.page.get_by_role("tab", name="people").click()
    sheet.choose("Rename")
    sheet.answer("students' list", "Rename")
    eventually(lambda: _titles(sheet), ["students' list"])
    sheet.type_into("B2", "Ann")
    eventually(lambda: people.read("'students'' list'!B2"), [["Ann"]])


def test_a_tab_is_duplicated_moved_coloured_hidden_and_shown(people: Spreadsheet, show: Show):
    sheet = show(people)

    def choose(title: str, label: str) -> None:
        sheet.page.get_by_role("tab", name=title, exact=True).click(button="right")
        sheet.choose(label)

    choose("people", "Duplicate")
    eventually(lambda: _titles(sheet), ["people", "Copy of people"])
    sheet.expect_text("B2", "Ada")
    choose("Copy of people", "Move left")
    eventually(lambda: _titles(sheet), ["Copy of people", "people"])
    choose("Copy of people", "Colour")
    sheet.page.locator(".swatch").first.click()
    eventually(lambda: "tabColorStyle" in people.sheets()[0], expected=True)
    choose("Copy of people", "Hide")
    eventually(lambda: _titles(sheet), ["people"])
    choose("people", "Show “Copy of people”")
    eventually(lambda: _titles(sheet), ["Copy of people", "people"])


def test_a_tab_is_deleted_after_a_question(people: Spreadsheet, show: Show):
    people.batch_update({"addSheet": {"properties": {"title": "old", "sheetId": 5}}})
    sheet = show(people, "#gid=5")
    sheet.page.get_by_role("tab", name="old").click(button="right")
    sheet.choose("Delete")
    sheet.page.locator("dialog").get_by_role("button", name="Delete").click()
    eventually(lambda: _titles(sheet), ["people"])
    sheet.expect_text("B2", "Ada")
    assert [one["title"] for one in people.sheets()] == ["people"]


def test_each_tab_keeps_its_own_cells_and_place(people: Spreadsheet, show: Show):
    people.batch_update({"addSheet": {"properties": {"title": "other", "sheetId": 5}}})
    people.write("other!B2", [["elsewhere"]])
    sheet = show(people)
    sheet.select("C3")
    sheet.page.get_by_role("tab", name="other").click()
    sheet.expect_text("B2", "elsewhere")
    assert sheet.active_address() == "A1"
    sheet.page.get_by_role("tab", name="people").click()
    sheet.expect_text("B2", "Ada")
    assert sheet.active_address() == "C3"


def test_the_title_is_changed_in_place(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.page.locator("#title").fill("Winter term")
    sheet.page.locator("#title").press("Enter")
    eventually(lambda: people.get("properties.title"), {"properties": {"title": "Winter term"}})
    expect(sheet.page).to_have_title("Winter term – Local Sheets")
