"""What people do to tabs together: undo, versions, filters, comments; and what axe says of the page meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from local_sheets_tests.page.driver import SheetDriver, Spreadsheet, eventually

pytestmark = pytest.mark.browser
Show = Callable[..., SheetDriver]


def faults_of(page: Page) -> list[tuple[str, str]]:
    """Critical and serious faults that axe-core finds, each with the first element that has it."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    return [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("critical", "serious")]


def toolbar(sheet: SheetDriver, name: str) -> Any:
    return sheet.page.locator("#toolbar").get_by_role("button", name=name)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_requests_that_went_well_and_those_that_did_not_can_be_read(people: Spreadsheet, show: Show, scheme: str):
    sheet = show(people, color_scheme=scheme)
    for status in (429, 503):
        rule = {"action": "error", "status": status, "kind": "read"}
        people.api.post("/_local/faults", json=rule).raise_for_status()
        people.api.get(f"/v4/spreadsheets/{people.id}/values/A1")
    people.read("people!A1")
    for level in ("good", "warn", "bad"):
        expect(sheet.page.locator(f".request .status.{level}").first).to_be_visible()
    assert not faults_of(sheet.page)


def test_a_person_undoes_and_redoes_what_they_did_by_keyboard_and_mouse(people: Spreadsheet, show: Show):
    sheet = show(people)
    expect(toolbar(sheet, "Undo")).to_be_disabled()
    sheet.type_into("B2", "Eva")
    sheet.button("Comments").click()
    sheet.press("Control+z")  # wherever the keyboard is
    sheet.expect_text("B2", "Ada")
    sheet.type_into("B2", "Eve")
    sheet.cell_menu("B3", "Delete row")
    sheet.expect_column("B", 2, ["Eve", "Cyd", ""])
    people.write("people!B3", [["by the API"]])
    sheet.expect_text("B3", "by the API")
    sheet.press("Control+z")
    sheet.expect_column("B", 2, ["Eve", "Bob", "by the API"])
    eventually(sheet.active_address, "A3:L3")
    sheet.press("Control+z")
    sheet.expect_column("B", 2, ["Ada", "Bob", "by the API"])
    expect(toolbar(sheet, "Undo")).to_be_disabled()
    sheet.press("Control+z")
    expect(sheet.page.locator(".toast.error")).to_contain_text("There is nothing to undo.")
    toolbar(sheet, "Redo").click()
    sheet.expect_text("B2", "Eve")
    sheet.press("Control+Shift+z")
    sheet.expect_column("B", 2, ["Eve", "by the API", ""])
    expect(toolbar(sheet, "Redo")).to_be_disabled()
    assert people.read("people!A2:B3") == [[1, "Eve"], [3, "by the API"]]


def test_undo_tells_triggers_and_takes_back_what_the_script_did(people: Spreadsheet, show: Show):
    code = "function onEdit(e) { if (e.range.getColumn() === 2) SpreadsheetApp.getActiveSheet().getRange('G' + e.range.getRow()).setValue(e.range.getValue() + '!'); }"
    files = [{"name": "Code", "type": "SERVER_JS", "source": code}]
    people.api.put(f"/_local/apps-script/{people.id}/content", json={"files": files}).raise_for_status()
    sheet = show(people)
    sheet.type_into("B2", "Eve")
    sheet.expect_text("G2", "Eve!")
    sheet.press("Control+z")  # of the script
    sheet.expect_text("G2", "")
    sheet.press("Control+z")
    sheet.expect_text("B2", "Ada")
    sheet.expect_text("G2", "Ada!")


def test_an_earlier_version_is_looked_at_and_restored(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.type_into("B2", "Eve")
    eventually(lambda: people.read("people!B2"), [["Eve"]])
    sheet.begin_version()
    sheet.cell_menu("B3", "Delete row")
    sheet.expect_column("B", 2, ["Eve", "Cyd", ""])
    sheet.button("Version history").click()
    listed = sheet.page.locator("#versions button")
    expect(listed).to_have_count(2)
    listed.nth(1).click()
    sheet.expect_column("B", 2, ["Eve", "Bob", "Cyd"])
    sheet.type_into("B2", "no")
    sheet.select("B3")
    sheet.press("Delete")
    expect(sheet.page.locator(".toast.error").first).to_contain_text("This is an earlier version")
    people.write("people!D9", [["meanwhile"]])
    sheet.expect_text("D9", "")
    assert not faults_of(sheet.page)
    sheet.button("Restore this version").click()
    sheet.page.locator("dialog[open]").get_by_role("button", name="Restore").click()
    eventually(lambda: people.read("people!B2:D4"), [["Eve", 90], ["Bob", 70], ["Cyd", 80]])
    sheet.expect_column("B", 2, ["Eve", "Bob", "Cyd"])
    expect(listed).to_have_count(3)
    expect(sheet.button("Back to the present")).to_be_hidden()
    sheet.type_into("B2", "Fay")
    eventually(lambda: people.read("people!B2"), [["Fay"]])


def test_a_filter_hides_rows_by_values_and_conditions(people: Spreadsheet, show: Show):
    sheet = show(people)
    page = sheet.page
    sheet.select("A1")
    toolbar(sheet, "Filter").click()
    sheet.choose("Filter these cells")
    sheet.cell("B1").locator(".filter-mark").click()
    assert not faults_of(page)
    page.get_by_label("Bob").uncheck()
    page.get_by_role("button", name="OK").click()
    expect(sheet.cell("B3")).to_have_count(0)
    sheet.expect_text("B4", "Cyd")
    sheet.select("C1")
    sheet.press("Alt+ArrowDown")  # the same with the keyboard alone
    expect(page.locator(".menu").get_by_role("button", name="Sort A to Z")).to_be_focused()
    page.get_by_label("Condition").select_option("Greater than")
    page.get_by_label("Value", exact=True).fill("85")
    sheet.press("Enter")
    expect(sheet.cell("B4")).to_have_count(0)
    sheet.expect_text("B2", "Ada")
    assert [row.get("hiddenByFilter", False) for row in people.row_properties()[:5]] == [
        False,
        False,
        True,
        True,
        False,
    ]
    sheet.press("Control+z")
    sheet.expect_text("B4", "Cyd")
    toolbar(sheet, "Filter").click()
    sheet.choose("Remove the filter")
    sheet.expect_text("B3", "Bob")
    expect(page.locator(".filter-mark")).to_have_count(0)


def test_a_filter_view_hides_rows_for_who_looks_alone(people: Spreadsheet, show: Show):
    sheet = show(people)
    page = sheet.page
    sheet.select("A1")
    toolbar(sheet, "Filter").click()
    sheet.choose("New filter view")
    expect(page.locator(".banner:visible")).to_contain_text("Filter 1: A1:C100")
    sheet.cell("B1").locator(".filter-mark").click()
    page.get_by_role("button", name="Clear", exact=True).click()
    page.get_by_label("Cyd").check()
    page.get_by_role("button", name="OK").click()
    expect(sheet.cell("B2")).to_have_count(0)
    sheet.expect_text("B4", "Cyd")
    assert not any(row.get("hiddenByFilter") for row in people.row_properties())
    assert people.get("sheets.filterViews.criteria")["sheets"][0]["filterViews"] == [
        {"criteria": {"1": {"hiddenValues": ["Ada", "Bob"]}}}
    ]
    sheet.button("Leave the view").click()
    sheet.expect_column("B", 2, ["Ada", "Bob", "Cyd"])
    expect(page.locator(".banner:visible")).to_have_count(0)


def test_comments_are_made_answered_and_resolved_and_follow_their_cells(people: Spreadsheet, show: Show):
    sheet = show(people)
    page = sheet.page
    sheet.select("B3")
    sheet.press("Control+Alt+m")
    page.keyboard.type("Is this <b>right</b>?")
    page.locator("#panel-comments").get_by_role("button", name="Comment").click()
    expect(sheet.cell("B3")).to_have_class("cell has-comment")
    [comment] = page.locator("#comments > li").all()
    expect(comment).to_contain_text("Is this <b>right</b>?")
    expect(comment).to_contain_text("people!B3")
    sheet.cell_menu("B2", "Insert row above")
    expect(sheet.cell("B4")).to_have_class("cell has-comment")
    expect(comment).to_contain_text("people!B4")
    comment.get_by_label("Reply").fill("It is.")
    sheet.press("Enter")
    expect(comment).to_contain_text("It is.")
    assert not faults_of(page)
    comment.get_by_role("button", name="Resolve").click()
    expect(page.locator("#comments")).to_have_text("No comments.")
    expect(sheet.cell("B4")).to_have_class("cell")
    found = people.api.get(f"/drive/v3/files/{people.id}/comments", params={"fields": "*"}).json()["comments"]
    [told] = found
    assert (told["resolved"], told["quotedFileContent"]["value"]) == (True, "Bob")
    assert [(one["content"], one.get("action")) for one in told["replies"]] == [("It is.", None), ("", "resolve")]
    page.get_by_label("Show resolved ones").check()
    sheet.button("Open again").click()
    expect(sheet.cell("B4")).to_have_class("cell has-comment")
    sheet.button("Delete the comment").click()
    expect(sheet.cell("B4")).to_have_class("cell")


def test_the_same_is_done_by_thumb_in_the_dark_without_serious_faults(people: Spreadsheet, show: Show):
    options = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True}
    sheet = show(people, color_scheme="dark", **options)
    page = sheet.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sheet.cell("B2").tap()
    sheet.cell("B2").tap()
    page.locator(".cell-editor").fill("by thumb")
    sheet.press("Enter")
    eventually(lambda: people.read("people!B2"), [["by thumb"]])
    toolbar(sheet, "Undo").tap()
    sheet.expect_text("B2", "Ada")
    sheet.cell("A1").tap()
    toolbar(sheet, "Filter").tap()
    sheet.choose("Filter these cells")
    sheet.cell("B1").locator(".filter-mark").tap()
    expect(page.get_by_role("button", name="OK")).to_be_in_viewport()
    assert not faults_of(page)
    page.get_by_label("Bob").uncheck()
    page.get_by_role("button", name="OK").tap()
    expect(sheet.cell("B3")).to_have_count(0)
    sheet.button("Comments").tap()
    expect(page.locator("#new-comment")).to_be_in_viewport()
    assert not faults_of(page)


def test_a_cell_asks_for_access_to_another_spreadsheet_and_shows_it_live(
    people: Spreadsheet, make_spreadsheet: Callable[..., Spreadsheet], show: Show
):
    donor, other = make_spreadsheet([["from afar"]]), make_spreadsheet([["also"]])
    people.write("people!E1", [[f'=IMPORTRANGE("{one.id}","A1")'] for one in (donor, other)])
    sheet = show(people)
    sheet.expect_column("E", 1, ["#REF!", "#REF!"])
    sheet.cell("E1").hover()
    note = sheet.page.locator("#note")
    expect(note).to_contain_text("You need to connect these sheets.")
    assert faults_of(sheet.page) == []
    note.get_by_role("button", name="Allow access").click()
    sheet.expect_column("E", 1, ["from afar", "#REF!"])
    donor.write("people!A1", [["changed"]])
    sheet.expect_text("E1", "changed")
    sheet.select("E2")
    sheet.press("Shift+F10")
    sheet.choose("Allow access")
    sheet.expect_text("E2", "also")
    sheet.cell_menu("E2", "Insert row above")  # such cells alone offer it
    sheet.cell("E1").click(button="right")
    expect(sheet.page.get_by_role("menuitem", name="Allow access")).to_have_count(0)
