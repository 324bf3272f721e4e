"""Dropdowns, checkboxes, values that do not fit, and the question before what is protected with a warning."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from local_sheets_tests.page.driver import SheetDriver, Spreadsheet, eventually

pytestmark = pytest.mark.browser
Show = Callable[..., SheetDriver]


#: What another program put into the clipboard comes as text.
_PASTE = """text => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""


def rule(column: int, kind: str, *values: str, **more: Any) -> dict[str, Any]:
    """A request that gives the people's cells of a column this rule."""
    span = {
        "sheetId": 0,
        "startRowIndex": 1,
        "endRowIndex": 4,
        "startColumnIndex": column,
        "endColumnIndex": column + 1,
    }
    condition = {"type": kind, "values": [{"userEnteredValue": value} for value in values]}
    made = {"condition": condition, "strict": True, "showCustomUi": True, **more}
    return {"setDataValidation": {"range": span, "rule": made}}


@pytest.fixture
def guarded(people: Spreadsheet) -> Spreadsheet:
    people.write("people!D1", [["state", "done", "size"], ["open", True, "S"], ["shut", False, "XL"]])
    people.batch_update(
        rule(2, "NUMBER_BETWEEN", "0", "100", inputMessage="A score."),
        rule(3, "ONE_OF_LIST", "open", "shut"),
        rule(4, "BOOLEAN"),
        rule(5, "ONE_OF_LIST", "S", "M", strict=False),
        rule(6, "CUSTOM_FORMULA", "=G2<=C2", inputMessage="At most the score."),
    )
    return people


def test_dropdowns_and_checkboxes_work_by_mouse_and_keyboard(guarded: Spreadsheet, show: Show):
    sheet = show(guarded)
    sheet.cell("D2").locator(".list-arrow").click()
    sheet.choose("shut")
    eventually(lambda: guarded.read("people!D2"), [["shut"]])
    sheet.select("D4")
    sheet.press("Enter", "Enter")
    eventually(lambda: guarded.read("people!D4"), [["open"]])
    sheet.cell("E2").locator("span").click()
    eventually(lambda: guarded.read("people!E2"), [[False]])
    expect(sheet.cell("E2")).to_have_class("cell has-box")  # what the next key turns is what the page shows
    sheet.select("D2")
    sheet.press("ArrowRight", " ")
    eventually(lambda: guarded.read("people!E2"), [[True]])
    expect(sheet.cell("E2")).to_have_class("cell has-box checked")
    sheet.cell("E4").locator("span").click()  # blank: it looks like one that says no
    eventually(lambda: guarded.read("people!E4"), [[True]])
    sheet.select("D2")
    sheet.press("ArrowRight", "Shift+ArrowDown", "Shift+ArrowDown", " ")  # all that are selected, as the first
    eventually(lambda: guarded.read("people!E2:E4"), [[False], [False], [False]])


def test_what_does_not_fit_is_refused_or_marked_and_a_paste_goes_past(guarded: Spreadsheet, show: Show):
    sheet = show(guarded)
    sheet.type_into("C2", "many")
    expect(sheet.page.locator(".toast.error")).to_contain_text(
        "The data you entered in cell C2 violates the data validation rules set on this cell. A score."
    )
    sheet.expect_text("C2", "90")
    sheet.type_into("C3", "55")
    eventually(lambda: guarded.read("people!C3"), [[55]])
    sheet.type_into("G3", "5000")
    expect(sheet.page.locator(".toast.error").filter(has_text="At most the score.")).to_be_visible()
    sheet.type_into("F2", "L")  # a rule that only warns
    expect(sheet.cell("F2")).to_have_class("cell is-invalid")
    sheet.cell("F3").hover()
    expect(sheet.page.locator("#note")).to_contain_text("Invalid: ")
    expect(sheet.cell("F4")).not_to_have_class("is-invalid")  # blank
    sheet.select("C4")
    sheet.page.evaluate(_PASTE, "101")
    eventually(lambda: guarded.read("people!C4"), [[101]])
    expect(sheet.cell("C4")).to_have_class("cell is-invalid")


def test_people_are_asked_before_they_edit_what_is_protected_with_a_warning(people: Spreadsheet, show: Show):
    span = {"sheetId": 0, "startColumnIndex": 0, "endColumnIndex": 1}
    people.batch_update({"addProtectedRange": {"protectedRange": {"range": span, "warningOnly": True}}})
    sheet = show(people)
    dialog = sheet.page.locator("dialog[open]")
    sheet.type_into("A2", "7")
    expect(dialog).to_contain_text("Heads up!")
    sheet.page.get_by_role("button", name="Cancel").click()
    sheet.expect_text("A2", "1")
    sheet.type_into("B2", "Eve")
    eventually(lambda: people.read("people!A2:B2"), [[1, "Eve"]])
    sheet.type_into("A2", "7")
    dialog.get_by_role("checkbox").check()
    sheet.page.get_by_role("button", name="OK").click()
    eventually(lambda: people.read("people!A2"), [[7]])
    sheet.type_into("A3", "8")
    eventually(lambda: people.read("people!A3"), [[8]])
