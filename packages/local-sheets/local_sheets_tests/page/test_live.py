"""Changes by the API show, highlighted; large tabs are fetched in blocks; hostile text stays text."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Request, expect

from local_sheets_tests.browser import OpenPage
from local_sheets_tests.page.driver import SheetDriver, Spreadsheet, eventually
from local_sheets_tests.page.server_process import running_server

pytestmark = pytest.mark.browser
Show = Callable[..., SheetDriver]

HOSTILE = [
    "<img src=x onerror=\"document.title='owned'\">",
    "<script>document.title='owned'</script>",
    "javascript:document.title='owned'",
    "';--\u202eabc\u0007\U0001f600",
    "{{constructor.constructor('alert(1)')()}}",
]


def test_a_change_by_the_api_shows_and_is_highlighted(people: Spreadsheet, show: Show):
    sheet = show(people)
    people.write("people!C3", [[71]])
    sheet.expect_text("C3", "71")
    expect(sheet.cell("C3")).to_have_attribute("data-changed", "1")
    assert sheet.cell("C2").get_attribute("data-changed") is None


def test_ones_own_edit_is_not_highlighted(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.type_into("C3", "71")
    expect(sheet.cell("C3")).not_to_have_class("cell pending")
    sheet.expect_text("C3", "71")
    assert sheet.cell("C3").get_attribute("data-changed") is None


def test_rows_inserted_by_the_api_move_what_is_shown_without_highlighting_all(people: Spreadsheet, show: Show):
    people.write("people!A2", [[n, f"person {n}", n] for n in range(1, 60)])
    sheet = show(people)
    sheet.select("B4")
    sheet.page.keyboard.type("typed meanwhile")
    place = {"sheetId": 0, "dimension": "ROWS", "startIndex": 1, "endIndex": 2}
    people.batch_update({"insertDimension": {"range": place}})
    sheet.expect_column("B", 2, ["", "person 1", "person 2"])
    assert sheet.page.locator("[data-changed]").count() == 0
    eventually(sheet.active_address, "B5")
    sheet.press("Enter")
    eventually(lambda: people.read("people!B4:B6"), [["person 2"], ["typed meanwhile"], ["person 4"]])
    sheet.select("B5")
    sheet.page.keyboard.type("nowhere")
    people.batch_update({"deleteDimension": {"range": {**place, "startIndex": 4, "endIndex": 5}}})
    expect(sheet.page.get_by_role("alert")).to_contain_text("deleted by somebody else")
    sheet.press("Enter")
    people.write("people!H1", [["after"]])
    sheet.expect_text("H1", "after")
    assert people.read("people!B4:B6") == [["person 2"], ["person 4"], ["person 5"]]


def test_a_tab_added_or_renamed_by_the_api_shows(people: Spreadsheet, show: Show):
    sheet = show(people)
    people.batch_update({"addSheet": {"properties": {"title": "fresh"}}})
    expect(sheet.page.get_by_role("tab", name="fresh")).to_be_visible()


def test_two_people_see_each_others_edits(people: Spreadsheet, show: Show):
    first, second = show(people), show(people)
    first.type_into("B2", "from the first")
    second.expect_text("B2", "from the first")
    expect(second.cell("B2")).to_have_attribute("data-changed", "1")


def test_a_hundred_thousand_rows_are_fetched_in_blocks_as_they_come_into_view(make_spreadsheet, show: Show):
    spreadsheet = make_spreadsheet([["id", "name"]], rowCount=100_001, columnCount=4)
    spreadsheet.write("people!A2", [[n, f"person {n}"] for n in range(1, 100_001)], "RAW")
    sheet = show(spreadsheet)
    blocks: list[str] = []

    def note(request: Request) -> None:
        if "/cells?" in request.url:
            blocks.append(request.url)

    sheet.page.on("request", note)
    sheet.page.evaluate("document.querySelector('.scroller').scrollTop = 50000 * 21")
    expect(sheet.page.get_by_text("person 50010", exact=True)).to_be_visible()
    expect(sheet.cell("B1")).to_have_text("name")
    sheet.press("Control+End")
    sheet.expect_text("B100001", "person 100000")
    spreadsheet.write("people!B90001", [[""]])
    sheet.select("B100001")
    sheet.press("Control+ArrowUp", "ArrowRight", "ArrowDown")  # what is pressed while the edge is looked for waits
    eventually(sheet.active_address, "C90003")
    assert len(blocks) <= 12
    assert sheet.page.locator(".cell").count() < 1500
    processor = sheet.page.context.new_cdp_session(sheet.page)
    processor.send("Performance.enable")
    sheet.page.evaluate(
        """async () => {
            const scroller = document.querySelector(".scroller");
            for (let step = 0; step < 40; step++) {
                scroller.scrollTop -= 400;
                await new Promise(requestAnimationFrame);
            }
        }"""
    )
    metrics = {one["name"]: one["value"] for one in processor.send("Performance.getMetrics")["metrics"]}
    processor.detach()
    assert 0 < metrics["ThreadTime"] / 40 < 0.2, "a frame takes less than 200 ms of the page's own processor time"


def test_a_tab_taller_than_browsers_can_scroll_is_reached_to_its_last_row(make_spreadsheet, show: Show):
    spreadsheet = make_spreadsheet([["id"]], rowCount=1_500_000, columnCount=2)
    spreadsheet.write("people!A1500000", [["the last"]])
    spreadsheet.write("people!A700000", [["half way"]])
    sheet = show(spreadsheet)
    address = sheet.page.locator("#address")
    address.fill("A700000")
    address.press("Enter")
    expect(sheet.page.get_by_text("half way", exact=True)).to_be_in_viewport()
    sheet.press("ArrowDown", "ArrowDown")
    sheet.page.keyboard.type("below")
    sheet.press("Enter")
    expect(sheet.page.get_by_text("below", exact=True)).to_be_in_viewport()
    eventually(lambda: spreadsheet.read("people!A700002"), [["below"]])
    sheet.press("Control+End")
    expect(sheet.page.get_by_text("the last", exact=True)).to_be_in_viewport()


def test_hostile_text_is_shown_as_text(people: Spreadsheet, show: Show):
    people.write("people!B2", [[text] for text in HOSTILE], "RAW")
    place = {"sheetId": 0, "startRowIndex": 1, "endRowIndex": 2, "startColumnIndex": 1, "endColumnIndex": 2}
    people.batch_update(
        {"updateSheetProperties": {"properties": {"sheetId": 0, "title": HOSTILE[0]}, "fields": "title"}},
        {"updateSpreadsheetProperties": {"properties": {"title": HOSTILE[0]}, "fields": "title"}},
        {"repeatCell": {"range": place, "cell": {"note": HOSTILE[0]}, "fields": "note"}},
    )
    sheet = show(people)
    for row, text in enumerate(HOSTILE, start=2):
        sheet.select(f"B{row}")
        sheet.cell(f"B{row}").hover()
        assert sheet.cell(f"B{row}").evaluate("node => node.firstChild.textContent") == text
        assert sheet.page.locator("#formula").input_value().lstrip("'") == text.lstrip("'")
    sheet.cell("B2").hover()
    expect(sheet.page.locator("#note")).to_have_text(HOSTILE[0])
    assert sheet.page.title() == f"{HOSTILE[0]} – Local Sheets"
    assert sheet.page.locator("img[src=x]").count() == 0


def test_a_page_that_was_away_catches_up(people: Spreadsheet, show: Show):
    sheet = show(people)
    hide = "document.dispatchEvent(new Event('visibilitychange'))"
    sheet.page.evaluate(f"Object.defineProperty(document, 'hidden', {{value: true, configurable: true}}); {hide}")
    people.write("people!B2", [["meanwhile"]])
    sheet.expect_text("B2", "Ada")
    sheet.page.evaluate(f"Object.defineProperty(document, 'hidden', {{value: false}}); {hide}")
    sheet.expect_text("B2", "meanwhile")


def test_a_page_outlives_a_restart_of_its_server(open_page: OpenPage, tmp_path: Path):
    with running_server(tmp_path) as endpoint, httpx.Client(base_url=endpoint, timeout=30) as api:
        answer = api.post("/v4/spreadsheets", json={"properties": {"title": "kept"}})
        spreadsheet = Spreadsheet(api, answer.json()["spreadsheetId"])
        spreadsheet.write("Sheet1!B2", [["before"]])
        page = open_page(f"{endpoint}/spreadsheets/d/{spreadsheet.id}/edit")
        sheet = SheetDriver(page, spreadsheet)
        sheet.expect_text("B2", "before")
    expect(page.locator("#live")).to_have_attribute("data-state", "lost")
    page.evaluate("document.body.dataset.isFromBefore = '1'")
    with running_server(tmp_path, "--port", endpoint.rpartition(":")[2]):
        expect(page.locator("body")).not_to_have_attribute("data-is-from-before", "1")  # it has loaded itself again
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        sheet.expect_text("B2", "before")
        sheet.type_into("B2", "after")
        sheet.expect_text("B2", "after")


def test_cells_selected_are_summed_at_the_foot(people: Spreadsheet, show: Show):
    sheet = show(people)
    sheet.select("C2", "C4")
    eventually(lambda: sheet.page.locator("#summary").inner_text(), "Sum 240 · Average 80 · Count 3")
