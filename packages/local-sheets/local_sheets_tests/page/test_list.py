"""The list of spreadsheets."""

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import expect

from local_sheets_tests.browser import OpenPage
from local_sheets_tests.page.driver import Spreadsheet

pytestmark = pytest.mark.browser


def test_a_spreadsheet_is_opened_from_the_list(people: Spreadsheet, open_page: OpenPage, server: str):
    page = open_page(server)
    page.locator(f'a[href="/spreadsheets/d/{people.id}/edit"]').click()
    expect(page.locator("#title")).to_have_value("Learning platform")


def test_a_spreadsheet_is_created_and_opened(open_page: OpenPage, server: str, api: httpx.Client):
    page = open_page(server)
    page.get_by_role("button", name="New spreadsheet").click()
    page.locator("dialog .field").fill("Summer <term>")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(re.compile("/spreadsheets/d/.+/edit"))
    expect(page.locator("#title")).to_have_value("Summer <term>")
    spreadsheet_id = page.url.split("/")[5]
    assert api.get(f"/v4/spreadsheets/{spreadsheet_id}").json()["properties"]["title"] == "Summer <term>"


def test_a_spreadsheet_that_is_not_there_says_so(open_page: OpenPage, server: str):
    page = open_page(f"{server}/spreadsheets/d/missing/edit")
    expect(page.get_by_role("alert")).to_contain_text("Requested entity was not found.")
    page.get_by_role("link", name="All spreadsheets").last.click()
    expect(page.get_by_role("heading", name="Spreadsheets")).to_be_visible()


def test_the_list_shows_the_latest_first(
    make_spreadsheet: Callable[..., Spreadsheet], open_page: OpenPage, server: str
):
    first, second = make_spreadsheet(), make_spreadsheet()
    first.write("people!B2", [["later"]])
    page = open_page(server)
    expect(page.get_by_text(first.id)).to_be_visible()
    ids = page.locator(".card-id").all_inner_texts()
    assert ids.index(first.id) < ids.index(second.id)
