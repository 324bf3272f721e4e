"""A running Local Sheets, spreadsheets to try things on, and a page that shows one in a real browser."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local_sheets_tests.browser import OpenPage, chromium, open_page, shared_page
from local_sheets_tests.page.driver import SheetDriver, Spreadsheet
from local_sheets_tests.page.server_process import running_server

__all__ = ["chromium", "open_page", "shared_page"]

PEOPLE: list[list[Any]] = [["id", "name", "score"], [1, "Ada", 90], [2, "Bob", 70], [3, "Cyd", 80]]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server of this test process."""
    data_dir = tmp_path_factory.mktemp("local-sheets")
    with running_server(data_dir) as endpoint:
        yield endpoint


@pytest.fixture
def api(server: str) -> Iterator[httpx.Client]:
    """A client of the API; faults, quota and the announcement's address are as at the start for each test."""
    with httpx.Client(base_url=server, timeout=30, verify=False) as client:  # noqa: S501 - plain HTTP: no certificates to read
        client.delete("/_local/faults")
        client.put("/_local/quota", json={"quota": "off"})
        yield client


@pytest.fixture
def make_spreadsheet(api: httpx.Client) -> Callable[..., Spreadsheet]:
    """Makes a spreadsheet with one tab ``people``; keywords are grid properties."""

    def make(rows: list[list[Any]] | None = None, **grid: int) -> Spreadsheet:
        properties = {"rowCount": 100, "columnCount": 12, "frozenRowCount": 1, **grid}
        sheets = [{"properties": {"title": "people", "sheetId": 0, "gridProperties": properties}}]
        answer = api.post("/v4/spreadsheets", json={"properties": {"title": "Learning platform"}, "sheets": sheets})
        answer.raise_for_status()
        spreadsheet = Spreadsheet(api, answer.json()["spreadsheetId"])
        spreadsheet.write("people!A1", PEOPLE if rows is None else rows)
        return spreadsheet

    return make


@pytest.fixture
def people(make_spreadsheet: Callable[..., Spreadsheet]) -> Spreadsheet:
    """A spreadsheet with three people: id, name, score."""
    return make_spreadsheet()


@pytest.fixture
def show(open_page: OpenPage, server: str) -> Callable[..., SheetDriver]:
    """Shows a spreadsheet in a browser; keywords are those of Playwright's ``new_context``."""

    def show_(spreadsheet: Spreadsheet, fragment: str = "", **options: Any) -> SheetDriver:
        page = open_page(f"{server}/spreadsheets/d/{spreadsheet.id}/edit{fragment}", **options)
        page.wait_for_selector('#live[data-state="live"]')
        page.wait_for_selector(".cell:not(.loading)")
        return SheetDriver(page, spreadsheet)

    return show_
