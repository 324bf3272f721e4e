"""How cells look: what the API sets is shown, and what people set the API tells."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from local_sheets_tests.page.driver import SheetDriver, Spreadsheet, eventually

pytestmark = pytest.mark.browser
Show = Callable[..., SheetDriver]


def _repeat(a1_column: int, user_format: dict[str, Any]) -> dict[str, Any]:
    place = {
        "sheetId": 0,
        "startRowIndex": 1,
        "endRowIndex": 2,
        "startColumnIndex": a1_column,
        "endColumnIndex": a1_column + 1,
    }
    return {"repeatCell": {"range": place, "cell": {"userEnteredFormat": user_format}, "fields": "userEnteredFormat"}}


def test_bold_italics_colours_and_alignment_are_shown(people: Spreadsheet, show: Show):
    people.batch_update(
        _repeat(0, {"textFormat": {"bold": True, "italic": True, "strikethrough": True}}),
        _repeat(1, {"backgroundColorStyle": {"rgbColor": {"red": 1, "green": 0.8}}, "horizontalAlignment": "CENTER"}),
        _repeat(
            2,
            {
                "textFormat": {"foregroundColorStyle": {"rgbColor": {"red": 0.8}}},
                "numberFormat": {"type": "NUMBER", "pattern": "0.00"},
            },
        ),
    )
    sheet = show(people)
    expect(sheet.cell("A2")).to_have_css("font-weight", "700")
    expect(sheet.cell("A2")).to_have_css("font-style", "italic")
    expect(sheet.cell("A2")).to_have_css("text-decoration-line", "line-through")
    expect(sheet.cell("B2")).to_have_css("background-color", "rgb(255, 204, 0)")
    expect(sheet.cell("B2")).to_have_css("justify-content", "center")
    expect(sheet.cell("C2")).to_have_css("color", "rgb(204, 0, 0)")
    sheet.expect_text("C2", "90.00")


def test_numbers_stand_right_and_text_left(people: Spreadsheet, show: Show):
    sheet = show(people)
    expect(sheet.cell("C2")).to_have_css("justify-content", "end")
    expect(sheet.cell("B2")).to_have_css("justify-content", "start")


def test_a_key_makes_the_selection_bold(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("B2", "B3")
    sheet.press("Control+b")
    expect(sheet.cell("B3")).to_have_css("font-weight", "700")
    assert people.cell("B2")["userEnteredFormat"]["textFormat"]["bold"] is True
    expect(sheet.button("Bold (Ctrl+B)")).to_have_attribute("aria-pressed", "true")
    sheet.button("Bold (Ctrl+B)").click()
    expect(sheet.cell("B3")).to_have_css("font-weight", "400")
    sheet.page.keyboard.type("still in the cell")  # a press on a button takes no keyboard away
    expect(sheet.page.locator("#formula")).to_have_value("still in the cell")


def test_cells_are_coloured_and_the_colour_is_taken_away(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("B2")
    sheet.button("Fill colour").click()
    sheet.page.get_by_role("button", name="Fill colour #d1fadf").click()
    expect(sheet.cell("B2")).to_have_css("background-color", "rgb(209, 250, 223)")
    colour = people.cell("B2")["userEnteredFormat"]["backgroundColorStyle"]["rgbColor"]
    assert {name: round(value * 255) for name, value in colour.items()} == {"red": 209, "green": 250, "blue": 223}
    sheet.button("Fill colour").click()
    sheet.choose("None")
    eventually(lambda: "backgroundColorStyle" in people.cell("B2").get("userEnteredFormat", {}), False)


def test_text_is_coloured(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("B2")
    sheet.button("Text colour").click()
    sheet.page.get_by_role("button", name="Text colour #b42318").click()
    expect(sheet.cell("B2")).to_have_css("color", "rgb(180, 35, 24)")


def test_a_number_format_is_chosen_from_a_menu(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("C2")
    sheet.button("Number format").click()
    sheet.choose("Percent")
    sheet.expect_text("C2", "9000.00%")
    assert people.cell("C2")["userEnteredFormat"]["numberFormat"]["type"] == "PERCENT"


def test_alignment_is_set_by_a_button(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("B2")
    sheet.button("Align right").click()
    expect(sheet.cell("B2")).to_have_css("justify-content", "end")
    assert people.cell("B2")["userEnteredFormat"]["horizontalAlignment"] == "RIGHT"


def test_a_note_is_written_and_shown_under_the_pointer(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("B2")
    sheet.button("Note").click()
    sheet.answer("Ask <b>Ada</b> again", "Save")
    expect(sheet.cell("B2")).to_have_class("cell has-note")
    sheet.cell("A4").hover()
    sheet.cell("B2").hover()
    expect(sheet.page.locator("#note")).to_have_text("Ask <b>Ada</b> again")
    assert people.cell("B2")["note"] == "Ask <b>Ada</b> again"


def test_merged_cells_are_one(people: Spreadsheet, show: Show):
    place = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 3, "startColumnIndex": 1, "endColumnIndex": 3}
    people.batch_update({"mergeCells": {"range": place, "mergeType": "MERGE_ALL"}})
    sheet = show(people)
    box = sheet.cell("B2").bounding_box()
    assert box is not None
    assert (round(box["width"]), round(box["height"])) == (200, 42)
    expect(sheet.cell("C3")).to_have_count(0)
    sheet.select("B2")
    assert sheet.active_address() == "B2:C3"


def test_long_text_runs_over_empty_neighbours_only(people: Spreadsheet, show: Show):
    people.write("people!E2:E3", [["a text much longer than its column is wide"]] * 2)
    people.write("people!F3", [["here"]])
    sheet = show(people)
    inner = "node => node.firstChild.getBoundingClientRect().width"
    assert sheet.cell("E2").evaluate(inner) > 150
    assert sheet.cell("E3").evaluate(inner) < 100


def test_the_dark_scheme_follows_the_system(people: Spreadsheet, show: Show):
    sheet = show(people, color_scheme="dark")
    assert sheet.page.evaluate("getComputedStyle(document.body).color") == "rgb(230, 233, 236)"
    expect(sheet.cell("B2")).to_be_visible()
