"""What a person does to a spreadsheet on the page, in words of the page; and what the API says of it afterwards."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
from playwright.sync_api import Locator, Page, expect

from local_sheets.a1 import parse_range

_BEGIN_VERSION = """id => fetch(`/page/api/spreadsheets/${id}/versions/1/restore`, {method: "POST", body: "{}", headers: {
  "Content-Type": "application/json", "X-Local-Sheets-Session": document.querySelector('meta[name="local-sheets-session"]').content}})"""


class Spreadsheet:
    """A spreadsheet through the API."""

    def __init__(self, api: httpx.Client, spreadsheet_id: str) -> None:
        self.api, self.id = api, spreadsheet_id

    def write(self, a1_range: str, rows: list[list[Any]], option: str = "USER_ENTERED") -> None:
        path = f"/v4/spreadsheets/{self.id}/values/{quote(a1_range)}"
        self.api.put(path, params={"valueInputOption": option}, json={"values": rows}).raise_for_status()

    def read(self, a1_range: str, option: str = "UNFORMATTED_VALUE") -> list[list[Any]]:
        path = f"/v4/spreadsheets/{self.id}/values/{quote(a1_range)}"
        answer = self.api.get(path, params={"valueRenderOption": option}).raise_for_status()
        found: list[list[Any]] = answer.json().get("values", [])
        return found

    def batch_update(self, *requests: dict[str, Any]) -> None:
        self.api.post(f"/v4/spreadsheets/{self.id}:batchUpdate", json={"requests": list(requests)}).raise_for_status()

    def sheets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("sheets.properties")["sheets"]
        return [sheet["properties"] for sheet in found]

    def get(self, fields: str, **params: Any) -> dict[str, Any]:
        answer = self.api.get(f"/v4/spreadsheets/{self.id}", params={"fields": fields, **params}).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def cell(self, a1: str, tab: str = "people") -> dict[str, Any]:
        """Everything the API knows of one cell."""
        data = self.get("sheets.data.rowData.values", ranges=f"{tab}!{a1}", includeGridData=True)["sheets"][0]["data"]
        rows = data[0].get("rowData", [{}])
        found: dict[str, Any] = (rows[0].get("values") or [{}])[0]
        return found

    def row_properties(self, tab_index: int = 0) -> list[dict[str, Any]]:
        fields = "sheets.data.rowMetadata"
        found: list[dict[str, Any]] = self.get(fields, includeGridData=True)["sheets"][tab_index]["data"][0][
            "rowMetadata"
        ]
        return found


def eventually(condition: Callable[[], Any], expected: Any, seconds: float = 30) -> None:
    """Wait until something becomes what is expected."""
    deadline = time.monotonic() + seconds
    while (found := condition()) != expected:
        assert time.monotonic() < deadline, f"expected {expected!r}, found {found!r}"
        time.sleep(0.03)


class SheetDriver:
    """The page of one spreadsheet."""

    def __init__(self, page: Page, spreadsheet: Spreadsheet) -> None:
        self.page, self.spreadsheet = page, spreadsheet

    def cell(self, a1: str) -> Locator:
        area = parse_range(a1, {"people"}, {})
        return self.page.locator(f'.cell[data-row="{area.row0}"][data-column="{area.col0}"]')

    def begin_version(self) -> None:
        """Make the present a version of its own, as a pause of five minutes would."""
        self.page.evaluate(_BEGIN_VERSION, self.spreadsheet.id)

    def text(self, a1: str) -> str:
        return self.cell(a1).inner_text()

    def expect_text(self, a1: str, text: str) -> None:
        expect(self.cell(a1)).to_have_text(text, timeout=30_000)

    def expect_column(self, letter: str, first_row: int, texts: list[str]) -> None:
        for offset, text in enumerate(texts):
            self.expect_text(f"{letter}{first_row + offset}", text)

    def select(self, first: str, last: str | None = None) -> None:
        """Click a cell, or drag over a rectangle."""
        self.cell(first).click()
        if last is not None:
            self.cell(last).click(modifiers=["Shift"])

    def type_into(self, a1: str, text: str, end: str = "Enter") -> None:
        self.select(a1)
        self.page.keyboard.type(text)
        self.page.keyboard.press(end)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def row_head(self, number: int) -> Locator:
        return self.page.locator(f'.head[data-row="{number - 1}"]')

    def column_head(self, letter: str) -> Locator:
        area = parse_range(f"{letter}1", {"people"}, {})
        return self.page.locator(f'.head[data-column="{area.col0}"]')

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def choose(self, label: str) -> None:
        """An entry of the open menu."""
        self.page.get_by_role("menuitem", name=label, exact=False).filter(has_text=label).first.click()

    def cell_menu(self, a1: str, label: str) -> None:
        self.cell(a1).click(button="right")
        self.choose(label)

    def answer(self, text: str, action: str) -> None:
        """Fill in the dialog and confirm it."""
        dialog = self.page.locator("dialog[open]")
        dialog.locator(".field").fill(text)
        dialog.get_by_role("button", name=action, exact=True).click()

    def active_address(self) -> str:
        return self.page.locator("#address").input_value()

    def drag(self, source: Locator, target: Locator, *, past_middle: bool = True) -> None:
        """Press on the middle of one element, move onto another, release."""
        start, end = source.bounding_box(), target.bounding_box()
        assert start is not None
        assert end is not None
        share = 0.8 if past_middle else 0.2
        mouse = self.page.mouse
        mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
        mouse.down()
        mouse.move(end["x"] + end["width"] / 2, end["y"] + end["height"] / 2, steps=4)
        mouse.move(end["x"] + end["width"] * share, end["y"] + end["height"] * share, steps=2)
        mouse.up()
