"""Rows and columns: insert, delete, drag, hide, resize, freeze, sort; a column of one's own."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from local_sheets_tests.page.driver import SheetDriver, Spreadsheet, eventually

pytestmark = pytest.mark.browser
Show = Callable[..., SheetDriver]


def test_rows_are_inserted_above_and_deleted(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.cell_menu("B3", "Insert row above")
    sheet.expect_column("B", 2, ["Ada", "", "Bob"])
    sheet.cell_menu("B2", "Delete row")
    sheet.expect_column("B", 2, ["", "Bob", "Cyd"])
    assert people.read("people!B1:B4") == [["name"], [], ["Bob"], ["Cyd"]]


def test_a_row_is_added_below_the_last_one(make_spreadsheet, show: Show):
    spreadsheet = make_spreadsheet(rowCount=4)
    sheet = show(spreadsheet)
    sheet.cell_menu("B4", "Insert row below")
    sheet.type_into("B5", "Dan")
    eventually(lambda: spreadsheet.read("people!B4:B5"), [["Cyd"], ["Dan"]])


def test_several_rows_are_deleted_at_once(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.row_head(2).click()
    sheet.row_head(3).click(modifiers=["Shift"])
    sheet.row_head(3).click(button="right")
    sheet.choose("Delete 2 rows")
    sheet.expect_column("B", 1, ["name", "Cyd", ""])
    assert people.sheets()[0]["gridProperties"]["rowCount"] == 98


def test_columns_are_inserted_and_deleted(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.cell_menu("B2", "Insert column left")
    sheet.expect_text("C2", "Ada")
    sheet.cell_menu("A2", "Delete column")
    sheet.expect_text("B2", "Ada")
    assert people.read("people!A1:C2") == [["", "name", "score"], ["", "Ada", 90]]


def test_a_row_is_dragged_to_another_place(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.row_head(2).click()
    sheet.drag(sheet.row_head(2), sheet.row_head(4))
    sheet.expect_column("B", 2, ["Bob", "Cyd", "Ada"])
    assert sheet.active_address() == "4:4"
    assert people.read("people!B2:B4") == [["Bob"], ["Cyd"], ["Ada"]]


def test_two_rows_are_dragged_upwards(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.row_head(3).click()
    sheet.row_head(4).click(modifiers=["Shift"])
    sheet.drag(sheet.row_head(4), sheet.row_head(2), past_middle=False)
    sheet.expect_column("B", 2, ["Bob", "Cyd", "Ada"])


def test_a_column_is_dragged_to_another_place(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.column_head("C").click()
    sheet.drag(sheet.column_head("C"), sheet.column_head("A"), past_middle=False)
    sheet.expect_text("A2", "90")
    assert people.read("people!A1:C2") == [["score", "id", "name"], [90, 1, "Ada"]]


def test_escape_while_dragging_is_not_needed_when_dropped_at_its_own_place(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.row_head(3).click()
    sheet.drag(sheet.row_head(3), sheet.row_head(3))
    sheet.expect_column("B", 2, ["Ada", "Bob", "Cyd"])


def test_rows_are_hidden_and_shown_again(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.cell_menu("B3", "Hide row")
    expect(sheet.row_head(3)).to_have_count(0)
    assert people.row_properties()[2]["hiddenByUser"] is True
    sheet.cell_menu("B4", "Show hidden rows")
    expect(sheet.row_head(3)).to_be_visible()
    sheet.expect_text("B3", "Bob")


def test_a_column_gets_the_width_that_its_border_is_dragged_to(people: Spreadsheet, show: Show):
    sheet = show(people)
    box = sheet.column_head("B").bounding_box()
    assert box is not None
    mouse = sheet.page.mouse
    mouse.move(box["x"] + box["width"] - 1, box["y"] + 10)
    mouse.down()
    mouse.move(box["x"] + box["width"] + 59, box["y"] + 10, steps=3)
    mouse.up()
    eventually(lambda: round((sheet.column_head("B").bounding_box() or {"width": 0})["width"]), 160)
    fields = "sheets.data.columnMetadata.pixelSize"
    data = people.get(fields, includeGridData=True)["sheets"][0]["data"][0]
    assert data["columnMetadata"][1]["pixelSize"] == 160


def test_rows_are_frozen_and_stay_in_view(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.cell_menu("A2", "Unfreeze rows")
    eventually(lambda: people.sheets()[0]["gridProperties"].get("frozenRowCount"), None)
    sheet.cell_menu("A2", "Freeze up to row 2")
    eventually(lambda: people.sheets()[0]["gridProperties"].get("frozenRowCount"), 2)
    sheet.page.evaluate("document.querySelector('.scroller').scrollTop = 1200")
    expect(sheet.cell("B70")).to_be_in_viewport()
    expect(sheet.cell("B2")).to_be_in_viewport()


def test_rows_below_the_header_are_sorted_by_a_column(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("C3")
    sheet.button("Sort A to Z by this column").click()
    sheet.expect_column("B", 1, ["name", "Bob", "Cyd", "Ada"])
    sheet.button("Sort Z to A by this column").click()
    sheet.expect_column("B", 1, ["name", "Ada", "Cyd", "Bob"])
    assert people.read("people!A2:A4") == [[1], [3], [2]]
    sheet.select("A3", "B4")  # and what is selected alone, by the column that it was begun in
    sheet.cell_menu("B4", "Sort range by column A, A to Z")
    eventually(lambda: people.read("people!A2:C4"), [[1, "Ada", 90], [2, "Bob", 80], [3, "Cyd", 70]])


def test_cells_are_merged_and_parted_again(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("B2", "C3")
    sheet.button("Merge cells").click()
    sheet.page.locator("dialog[open]").get_by_role("button", name="Merge").click()
    expect(sheet.cell("C3")).to_have_count(0)
    assert people.read("people!B2:C3") == [["Ada"]]
    sheet.button("Merge cells").click()
    expect(sheet.cell("C3")).to_have_count(1)
    assert people.get("sheets.merges") == {"sheets": [{}]}


def test_a_column_of_ones_own_is_added_after_the_last_header(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.button("Add a column of your own").click()
    sheet.answer("=remarks", "Add")
    sheet.expect_text("D1", "=remarks")
    assert people.read("people!A1:D1", "FORMULA") == [["id", "name", "score", "=remarks"]]
    eventually(sheet.active_address, "D1")


def test_rows_are_inserted_with_the_keyboard_alone(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("B3")
    sheet.press("Shift+F10", "ArrowDown", "Enter")
    sheet.expect_column("B", 3, ["Bob", "", "Cyd"])


def test_cells_and_heads_are_told_as_a_grid(make_spreadsheet, show):
    """Each cell in a row, each row in the grid, nothing else between them; the grid says how large it is."""
    sheet = show(make_spreadsheet(frozenColumnCount=1))
    found = sheet.page.evaluate(
        """() => {
          const grid = document.querySelector('[role=grid]');
          const parent = (node) => node.parentElement.closest('[role]').getAttribute('role');
          const all = (selector) => [...grid.querySelectorAll(selector)];
          return {
            size: [grid.getAttribute('aria-rowcount'), grid.getAttribute('aria-colcount')],
            cells: [...new Set(all('[role=gridcell], [role=columnheader], [role=rowheader]').map(parent))],
            rows: [...new Set(all('[role=row]').map(parent))],
            strays: all('button, input, textarea, [tabindex]').filter((node) => !['gridcell', 'columnheader'].includes(parent(node)) && !node.hasAttribute('role')).length,
            empty: all('[role=row]').filter((row) => !row.querySelector('[role=gridcell], [role=columnheader], [role=rowheader]')).length,
            second: [...new Set(all('.cell[data-row="1"]').map((cell) => cell.closest('[role=row]').getAttribute('aria-rowindex')))],
            places: all('.cell[data-row="1"]').every((cell) => Number(cell.getAttribute('aria-colindex')) === Number(cell.dataset.column) + 2),
          };
        }"""
    )
    assert found == {
        "size": ["101", "13"],
        "cells": ["row"],
        "rows": ["rowgroup"],
        "strays": 0,
        "empty": 0,
        "second": ["3"],
        "places": True,
    }
