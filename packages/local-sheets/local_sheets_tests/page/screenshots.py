"""Takes the pictures of the page for the docs: ``python -m local_sheets_tests.page.screenshots``.

It starts a server on a folder of its own, fills it through the API, and photographs what a visitor sees.
"""

import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from local_sheets_tests.browser import FLAGS
from local_sheets_tests.page.driver import Spreadsheet
from local_sheets_tests.page.receiver import receiver
from local_sheets_tests.page.server_process import running_server

IMAGES = Path(__file__).parents[4] / "docs" / "images"
MOST_BYTES = 200_000
LEARNERS = 240
COURSES = ("Algebra", "Biology", "Chemistry", "Drawing", "Economics", "French")
HEADER = ["user_id", "Full name", "E-mail", "Course", "Quizzes", "Average score", "Last seen", "Advisor's notes"]
NOTES = {3: "Asked for a transcript", 8: "Moves to the evening group", 15: "Call back in May"}

WIDTHS = (60, 98, 178, 88, 62, 106, 90, 182)


def _rows() -> list[list[Any]]:
    rows: list[list[Any]] = []
    for number in range(1, LEARNERS + 1):
        seen = date(2026, 3, 2) + timedelta(days=number * 7 % 90)
        score = 45 + number * 37 % 55 + number % 10 / 10
        name, address = f"Learner {number}", f"learner{number}@example.org"
        course = COURSES[number * 5 % len(COURSES)]
        rows.append(
            [number, name, address, course, number * 3 % 17, f"{score}%", seen.isoformat(), NOTES.get(number, "")]
        )
    return rows


def _cells(top: int, bottom: int, left: int, right: int) -> dict[str, int]:
    return {
        "sheetId": 0,
        "startRowIndex": top,
        "endRowIndex": bottom,
        "startColumnIndex": left,
        "endColumnIndex": right,
    }


def _look(place: dict[str, int], fields: str, **user_format: Any) -> dict[str, Any]:
    return {
        "repeatCell": {
            "range": place,
            "cell": {"userEnteredFormat": user_format},
            "fields": f"userEnteredFormat({fields})",
        }
    }


def _colour(hexadecimal: str) -> dict[str, Any]:
    parts = (int(hexadecimal[start : start + 2], 16) / 255 for start in (0, 2, 4))
    return {"rgbColor": dict(zip(("red", "green", "blue"), parts, strict=True))}


def fill(api: httpx.Client) -> Spreadsheet:
    """A spreadsheet as the pipeline keeps one: three tabs, a frozen header, people's own notes beside it."""
    for title in ("Winter term, archive", "Try-outs"):
        api.post("/v4/spreadsheets", json={"properties": {"title": title}}).raise_for_status()
    titles = ("UserProfiles", "course_statistics", "quiz_responses")
    sheets: list[dict[str, Any]] = [
        {"properties": {"title": title, "sheetId": index}} for index, title in enumerate(titles)
    ]
    sheets[0]["properties"]["gridProperties"] = {
        "rowCount": 400,
        "columnCount": 12,
        "frozenRowCount": 1,
        "frozenColumnCount": 1,
    }
    answer = api.post("/v4/spreadsheets", json={"properties": {"title": "Learning platform"}, "sheets": sheets})
    spreadsheet = Spreadsheet(api, answer.raise_for_status().json()["spreadsheetId"])
    spreadsheet.write("UserProfiles!A1", [HEADER, *_rows()])
    widths = [
        {
            "updateDimensionProperties": {
                "range": {"sheetId": 0, "dimension": "COLUMNS", "startIndex": column, "endIndex": column + 1},
                "properties": {"pixelSize": width},
                "fields": "pixelSize",
            }
        }
        for column, width in enumerate(WIDTHS)
    ]
    note = {
        "repeatCell": {
            "range": _cells(8, 9, 1, 2),
            "cell": {"note": "Spoke on the phone.\nPrefers mornings."},
            "fields": "note",
        }
    }
    header, notes = _cells(0, 1, 0, 8), _cells(1, LEARNERS + 1, 7, 8)
    spreadsheet.batch_update(
        *widths,
        note,
        _look(
            header, "textFormat,backgroundColorStyle", textFormat={"bold": True}, backgroundColorStyle=_colour("d8efe4")
        ),
        _look(notes, "textFormat", textFormat={"italic": True, "foregroundColorStyle": _colour("175cd3")}),
        _look(_cells(15, 16, 0, 8), "backgroundColorStyle", backgroundColorStyle=_colour("fef3c7")),
        _look(_cells(1, LEARNERS + 1, 5, 6), "numberFormat", numberFormat={"type": "PERCENT", "pattern": "0.0%"}),
        {
            "updateSheetProperties": {
                "properties": {"sheetId": 1, "tabColorStyle": _colour("6941c6")},
                "fields": "tabColorStyle",
            }
        },
    )
    return spreadsheet


def _traffic(spreadsheet: Spreadsheet) -> None:
    """Some of what a pipeline does: reads, a refusal, writes, an unlucky one."""
    for last in range(20, 44):
        spreadsheet.read(f"UserProfiles!A1:H{last}")
    spreadsheet.api.get(f"/v4/spreadsheets/{spreadsheet.id}/values/nowhere!A1")
    for row in range(40, 48):
        spreadsheet.write(f"UserProfiles!E{row}:F{row}", [[12, "88.5%"]])
    spreadsheet.api.post("/_local/faults", json={"action": "error", "status": 503, "kind": "write"})
    spreadsheet.api.put(
        f"/v4/spreadsheets/{spreadsheet.id}/values/UserProfiles!E9?valueInputOption=RAW", json={"values": [[1]]}
    )


def _open(browser: Browser, url: str, **options: Any) -> Page:
    page = browser.new_context(**{"viewport": {"width": 1280, "height": 620}, **options}).new_page()
    page.goto(url)
    page.evaluate("document.fonts.ready.then(() => true)")
    return page


def _open_sheet(browser: Browser, url: str, **options: Any) -> Page:
    page = _open(browser, url, **options)
    page.wait_for_selector('#live[data-state="live"]')
    page.get_by_text("learner9@example.org", exact=True).wait_for()
    return page


def _save(page: Page, name: str) -> None:
    page.wait_for_timeout(300)
    path = IMAGES / f"local-sheets-{name}.png"
    page.screenshot(path=path)
    size = path.stat().st_size
    sys.stdout.write(f"{path.name}: {size:,} bytes\n")
    if size > MOST_BYTES:
        raise SystemExit(
            f"{path.name} has {size:,} bytes: expected at most {MOST_BYTES:,}. Show less, or a smaller window."
        )
    page.context.close()


def take(browser: Browser, endpoint: str, spreadsheet: Spreadsheet) -> None:
    """All pictures, one after the other."""
    url = f"{endpoint}/spreadsheets/d/{spreadsheet.id}/edit"
    page = _open_sheet(browser, url)
    _traffic(spreadsheet)
    page.click('.cell[data-row="4"][data-column="4"]')
    page.click('.cell[data-row="10"][data-column="5"]', modifiers=["Shift"])
    spreadsheet.write("UserProfiles!D19:F20", [["Drawing", 15, "91.0%"], ["French", 9, "78.5%"]])
    page.wait_for_selector("[data-changed]")
    _save(page, "sheet")

    page = _open_sheet(browser, url, color_scheme="dark")
    page.click('.cell[data-row="11"][data-column="2"]')
    page.hover('.cell[data-row="8"][data-column="1"]')
    _save(page, "dark")

    spreadsheet.api.post("/_local/faults", json={"action": "error", "status": 429, "kind": "read", "count": 5})
    spreadsheet.api.post(
        "/_local/faults", json={"action": "reset", "after": True, "count": None, "probability": 0.1, "seed": 7}
    )
    page = _open_sheet(browser, url)
    page.get_by_role("button", name="Faults", exact=True).click()
    _save(page, "faults")
    spreadsheet.api.delete("/_local/faults")

    page = _open_sheet(browser, url)
    with receiver() as (address, taken):
        page.get_by_role("button", name="Edit events", exact=True).click()
        page.get_by_label("Address", exact=True).fill(address)
        page.get_by_role("button", name="Save", exact=True).click()
        for row, text in ((5, "Prefers Tuesdays"), (7, "Sent the reading list")):
            page.click(f'.cell[data-row="{row}"][data-column="7"]')
            page.keyboard.type(text)
            page.keyboard.press("Enter")
        page.get_by_text("2 delivered").wait_for()
        assert len(taken) == 2
    page.click('.cell[data-row="9"][data-column="7"]')
    page.keyboard.type("Writes a short")
    _save(page, "edit-events")

    _save(_open(browser, endpoint, viewport={"width": 1000, "height": 520}), "list")
    phone = {"viewport": {"width": 390, "height": 780}, "has_touch": True, "is_mobile": True, "color_scheme": "dark"}
    page = _open_sheet(browser, url, **phone)
    page.get_by_role("button", name="Requests", exact=True).tap()
    _save(page, "phone")


def main() -> None:
    """Start, fill, photograph, stop."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder), "--quota", "on") as endpoint,
        httpx.Client(base_url=endpoint, timeout=30) as api,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        take(browser, endpoint, fill(api))
        browser.close()


if __name__ == "__main__":
    main()
