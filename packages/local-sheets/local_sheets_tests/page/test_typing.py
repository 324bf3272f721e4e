"""Typing, clearing, copying and pasting; moving about with the keyboard."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from local_sheets_tests.page.driver import SheetDriver, Spreadsheet, eventually

pytestmark = pytest.mark.browser
Show = Callable[..., SheetDriver]


def test_what_is_typed_is_understood_as_in_the_api_and_enter_goes_down(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.type_into("B2", "Ada Lovelace")
    assert sheet.active_address() == "B3"
    sheet.type_into("C3", "12.5%")
    sheet.type_into("D2", "=C2+1")
    sheet.expect_text("C3", "12.50%")
    sheet.expect_text("D2", "91")
    assert people.read("people!B2:D3") == [["Ada Lovelace", 90, 91], ["Bob", 0.125]]


def test_tab_goes_right_and_enter_returns_below_the_first_cell(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.type_into("A5", "4", end="Tab")
    sheet.page.keyboard.type("Dan")
    sheet.press("Tab")
    sheet.page.keyboard.type("60")
    sheet.press("Enter")
    assert sheet.active_address() == "A6"
    eventually(lambda: people.read("people!A5:C5"), [[4, "Dan", 60]])


def test_escape_takes_back_what_was_typed(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.type_into("B2", "wrong", end="Escape")
    sheet.expect_text("B2", "Ada")
    expect(sheet.page.locator("#formula")).to_have_value("Ada")
    assert people.read("people!B2") == [["Ada"]]


def test_f2_edits_the_text_that_stands_there(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("B2")
    sheet.press("F2")
    sheet.page.keyboard.type(" L.")
    sheet.press("Enter")
    eventually(lambda: people.read("people!B2"), [["Ada L."]])


def test_a_formula_names_the_cells_that_are_pressed_on_while_it_wants_some(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("D2")
    sheet.page.keyboard.type("=SUM(")
    sheet.cell("A2").click()
    sheet.cell("C2").click()  # the other cell instead
    sheet.page.keyboard.type(",")
    sheet.page.mouse.move(*middle(sheet, "C3"))
    sheet.page.mouse.down()
    sheet.page.mouse.move(*middle(sheet, "C4"))
    sheet.page.mouse.up()
    expect(sheet.page.locator("#formula")).to_have_value("=SUM(C2,C3:C4")
    for fixed in ("$C$3:$C$4", "C$3:C$4", "$C3:$C4"):
        sheet.press("F4")
        expect(sheet.page.locator("#formula")).to_have_value(f"=SUM(C2,{fixed}")
    sheet.page.keyboard.type(")")
    sheet.cell("B2").click()
    eventually(lambda: people.read("people!D2", "FORMULA"), [["=SUM(C2,$C3:$C4)"]])
    assert sheet.active_address() == "B2"


def middle(sheet: SheetDriver, a1: str) -> tuple[float, float]:
    box = sheet.cell(a1).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_formulas_are_filled_down_and_a_copied_cell_fills_the_selection(people: Spreadsheet, show: Show):
    people.write("people!D2", [["=C2*2"]])
    sheet = show(people)
    sheet.select("D2", "D3")
    sheet.press("Control+d")
    eventually(lambda: people.read("people!D2:D4", "FORMULA"), [["=C2*2"], ["=C3*2"]])
    sheet.select("D4")
    sheet.press("Control+d")
    eventually(lambda: people.read("people!D4", "FORMULA"), [["=C4*2"]])
    sheet.select("D2")
    sheet.press("Control+c")
    sheet.select("E2", "F3")
    sheet.press("Control+v")
    eventually(lambda: people.read("people!E2:F3", "FORMULA"), [["=D2*2", "=E2*2"], ["=D3*2", "=E3*2"]])
    sheet.select("B2", "C2")
    sheet.press("Control+r")
    eventually(lambda: people.read("people!B2:C2"), [["Ada", "Ada"]])


def test_the_handle_of_a_selection_goes_on_with_what_stands_in_it(people: Spreadsheet, show: Show):
    people.write("people!E1", [["=C1&1", "Mon 1", 5], ["=C2*2", "Mon 2", 7]])
    sheet = show(people)
    sheet.select("F1", "G2")
    handle = sheet.page.locator(".pane-main .fill-handle")
    sheet.drag(handle, sheet.cell("G5"))
    eventually(lambda: people.read("people!F3:G5"), [["Mon 3", 9], ["Mon 4", 11], ["Mon 5", 13]])
    assert sheet.active_address() == "F1:G5"
    people.write("people!D1", [["x"]] * 4)
    sheet.expect_text("D4", "x")
    sheet.select("E2")
    handle.dblclick()
    eventually(lambda: people.read("people!E2:E5", "FORMULA"), [["=C2*2"], ["=C3*2"], ["=C4*2"]])


def test_a_double_click_and_an_edit_without_change_write_nothing(people: Spreadsheet, show: Show):
    people.write("people!B2", [["007"]], option="RAW")
    sheet = show(people)
    before = people.api.get("/_local/stats").json()["by_method"].get("sheets.spreadsheets.values.update", 0)
    sheet.cell("B2").dblclick()
    expect(sheet.page.locator(".cell-editor")).to_have_value("'007")
    sheet.press("Enter")
    assert people.read("people!B2") == [["007"]]
    assert people.api.get("/_local/stats").json()["by_method"].get("sheets.spreadsheets.values.update", 0) == before


def test_the_formula_bar_shows_and_edits_what_was_entered(people: Spreadsheet, show: Show):
    people.write("people!D2", [["=C2*2"]])
    sheet = show(people)
    sheet.select("D2")
    bar = sheet.page.locator("#formula")
    expect(bar).to_have_value("=C2*2")
    bar.fill("=C2*3")
    bar.press("Enter")
    sheet.expect_text("D2", "270")


def test_delete_clears_the_selected_cells(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("B2", "C3")
    sheet.press("Delete")
    sheet.expect_text("B2", "")
    eventually(lambda: people.read("people!A2:C4"), [[1], [2], [3, "Cyd", 80]])


def test_a_block_from_another_program_is_pasted_and_the_grid_grows_for_it(make_spreadsheet, show: Show):
    sheet_ = make_spreadsheet(rowCount=5, columnCount=4)
    sheet = show(sheet_)
    sheet.select("C4")
    sheet.page.evaluate(
        """() => {
            const data = new DataTransfer();
            data.setData("text/plain", 'x\\t1\\ty\\n"two\\nlines"\\t"a" b\\t3%\\nlast\\t5\\t"6\\n');
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
        }"""
    )
    sheet.expect_text("E6", '"6')
    assert sheet_.read("people!C4:E6") == [["x", 1, "y"], ["two\nlines", '"a" b', 0.03], ["last", 5, '"6']]
    assert sheet_.sheets()[0]["gridProperties"] == {"rowCount": 6, "columnCount": 5, "frozenRowCount": 1}


def test_copied_cells_keep_their_formulas_relative(people: Spreadsheet, show: Show):
    people.write("people!D2", [["=C2*2"]])
    sheet = show(people, permissions=["clipboard-read", "clipboard-write"])
    sheet.select("D2")
    sheet.press("Control+c")
    sheet.select("D3")
    sheet.press("Control+v")
    sheet.expect_text("D3", "140")
    assert people.read("people!D3", "FORMULA") == [["=C3*2"]]
    sheet.select("D4")
    sheet.press("Control+Shift+v")
    eventually(lambda: people.read("people!D4", "FORMULA"), [[180]])


def test_cut_cells_move(people: Spreadsheet, show: Show):
    sheet = show(people, permissions=["clipboard-read", "clipboard-write"])
    sheet.select("B2", "C2")
    sheet.press("Control+x")
    sheet.select("E6")
    sheet.press("Control+v")
    sheet.expect_text("E6", "Ada")
    sheet.expect_text("B2", "")
    assert people.read("people!E6:F6") == [["Ada", 90]]


def test_copying_gives_other_programs_tab_separated_text(people: Spreadsheet, show: Show):
    sheet = show(people, permissions=["clipboard-read", "clipboard-write"])
    copied = "navigator.clipboard.readText()"
    sheet.select("A2", "B3")
    sheet.press("Control+c")
    assert sheet.page.evaluate(copied) == "1\tAda\n2\tBob"
    # What is done to a selection spares the rows that a filter hides.
    filter_ = {"range": {"sheetId": 0, "endRowIndex": 5}, "criteria": {"1": {"hiddenValues": ["Bob"]}}}
    people.batch_update({"setBasicFilter": {"filter": filter_}})
    expect(sheet.cell("B3")).to_have_count(0)
    sheet.select("A2", "B4")
    sheet.press("Control+c")
    assert sheet.page.evaluate(copied) == "1\tAda\n3\tCyd"
    sheet.select("E6")
    sheet.press("Control+v")
    eventually(lambda: people.read("people!E6:F8"), [[1, "Ada"], [3, "Cyd"]])
    sheet.select("C2", "C4")
    sheet.press("Control+d")
    eventually(lambda: people.read("people!C2:C4"), [[90], [70], [90]])
    sheet.press("Delete")
    eventually(lambda: people.read("people!C2:C4"), [[], [70]])
    sheet.row_head(2).click()
    sheet.row_head(4).click(modifiers=["Shift"])
    sheet.row_head(4).click(button="right")
    sheet.choose("Delete 2 rows")
    eventually(lambda: people.read("people!A1:C3"), [["id", "name", "score"], [2, "Bob", 70]])


def test_arrow_keys_move_and_shift_selects(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("A1")
    sheet.press("ArrowDown", "ArrowRight")
    assert sheet.active_address() == "B2"
    sheet.press("Shift+ArrowDown", "Shift+ArrowRight")
    assert sheet.active_address() == "B2:C3"
    sheet.press("Control+Home", "Control+ArrowDown")
    assert sheet.active_address() == "A4"
    sheet.press("Control+ArrowDown")
    assert sheet.active_address() == "A100"
    sheet.press("Control+a")
    assert sheet.active_address() == "A1:L100"


def _goes_to(sheet: SheetDriver, name: str) -> str:
    sheet.page.locator("#address").fill(name)
    sheet.page.locator("#address").press("Enter")
    return sheet.active_address()


def test_the_address_field_goes_to_a_cell(people: Spreadsheet, show: Show):
    sheet = show(people)
    address = sheet.page.locator("#address")
    address.fill("c90")
    address.press("Enter")
    assert sheet.active_address() == "C90"
    expect(sheet.cell("C90")).to_be_in_viewport()
    place = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 4, "startColumnIndex": 2, "endColumnIndex": 3}
    people.batch_update({"addNamedRange": {"namedRange": {"name": "Scores", "range": place}}})
    eventually(lambda: _goes_to(sheet, "scores"), "C2:C4")
    address.fill("nonsense")
    address.press("Enter")
    expect(sheet.page.get_by_role("alert").filter(has_text="“nonsense” is no address")).to_be_visible()


def test_typing_into_a_cell_at_the_edge_keeps_letters_and_cells_in_line(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.column_head("I").evaluate("node => node.scrollIntoView()")
    sheet.type_into("I2", "at the edge")
    eventually(lambda: people.read("people!I2"), [["at the edge"]])
    left = "node => Math.round(node.getBoundingClientRect().left)"
    for letter in "BCDEFGHI":
        assert sheet.cell(f"{letter}2").evaluate(left) == sheet.column_head(letter).evaluate(left)
        assert sheet.cell(f"{letter}1").evaluate(left) == sheet.column_head(letter).evaluate(left)


def test_a_refused_edit_says_why_and_the_cell_shows_what_it_holds(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("B2")
    sheet.page.evaluate("document.querySelector('.cell-editor').value = 'x'.repeat(50001)")
    sheet.page.evaluate("document.querySelector('.cell-editor').dispatchEvent(new Event('input', {bubbles: true}))")
    sheet.press("Enter")
    expect(sheet.page.get_by_role("alert")).to_contain_text("50000 characters")
    sheet.expect_text("B2", "Ada")


def _to_address(sheet: SheetDriver) -> None:
    sheet.page.locator("#address").fill("b3")
    sheet.press("Enter")


def _to_name(sheet: SheetDriver) -> None:
    sheet.page.locator("#address").fill("Scores")
    sheet.press("Enter")


def _rename_spreadsheet(sheet: SheetDriver) -> None:
    sheet.page.locator("#title").fill("Another title")
    sheet.press("Enter")


def _rename_tab(sheet: SheetDriver) -> None:
    sheet.page.get_by_role("tab", name="people").dblclick()
    sheet.page.locator("dialog[open] input").fill("people")
    sheet.press("Enter")


@pytest.mark.parametrize("leave", [_to_address, _to_name, _rename_spreadsheet, _rename_tab])
def test_the_key_that_leads_to_the_cells_is_typed_into_none(
    people: Spreadsheet, show: Show, leave: Callable[[SheetDriver], None]
):
    place = {"sheetId": 0, "startRowIndex": 2, "endRowIndex": 3, "startColumnIndex": 1, "endColumnIndex": 2}
    people.batch_update({"addNamedRange": {"namedRange": {"name": "Scores", "range": place}}})
    before = people.read("people!A1:L20")
    sheet = show(people)
    leave(sheet)
    expect(sheet.page.locator(".cell-editor")).to_be_focused()
    assert sheet.page.locator(".cell-editor").input_value() == ""
    sheet.select("C2")
    sheet.type_into("C4", "81")
    eventually(lambda: people.read("people!C4"), [[81]])
    people.write("people!C4", [[80]])
    assert people.read("people!A1:L20") == before
