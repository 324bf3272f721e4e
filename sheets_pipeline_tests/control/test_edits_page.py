"""The page of edits in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from sheets_pipeline.database.edit_tables import sheet_edit
from sheets_pipeline_tests.browser import OpenPage
from sheets_pipeline_tests.control.stage import Stage
from sheets_pipeline_tests.control.test_dashboard import PHONE, keep_messages
from sheets_pipeline_tests.control.test_edits import begun, name_of, rename, stage

__all__ = ["begun", "stage"]

pytestmark = pytest.mark.browser


def show(open_page: OpenPage, stage: Stage, **options: object) -> Page:
    page = open_page(f"{stage.url}/dashboard/edits", **options)
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    return page


def conflict(stage: Stage, key: int) -> int:
    rename(stage, key, "Changed meanwhile")
    [edit] = stage.type(key, full_name=f"<b>Typed {key}")
    assert stage.settled(edit)["state"] == "conflict"
    return edit


def test_a_conflict_is_decided_with_the_keyboard_and_arrives_live(stage: Stage, open_page: OpenPage) -> None:
    page = show(open_page, stage)
    expect(page.get_by_role("heading", level=1)).to_have_text("No edit waits for you")
    edit = conflict(stage, 11)
    expect(page.get_by_role("heading", level=1)).to_have_text("One edit waits for you")
    first = open_page(f"{stage.url}/dashboard")
    expect(first.get_by_role("link", name="Edits 1")).to_be_visible()
    page.get_by_role("button", name="Conflicts 1").click()
    row = page.locator("#edits li")
    expect(row).to_have_count(1)
    row.locator("summary").press("Enter")
    expect(row.locator(".side").first).to_have_text(re.compile("ada@example.org typed<b>Typed 11"))
    expect(row.locator(".side").last).to_have_text(re.compile("The database heldChanged meanwhile"))
    keep_messages(page)
    page.get_by_role("button", name="Take the sheet's").press("Enter")
    page.get_by_label("Your name").fill("Cleo")
    page.keyboard.press("Enter")
    expect(page.get_by_text("UserProfiles · 11 · full_name: applied.")).to_be_visible()
    expect(page.locator("#edits-empty")).to_have_text("No edit is like that.")
    assert name_of(stage, 11) == "<b>Typed 11"
    assert stage.get(f"/edits/{edit}")["edit"]["decided_by"] == "Cleo"


def test_a_persons_hour_is_taken_back_after_a_preview(stage: Stage, open_page: OpenPage) -> None:
    before = name_of(stage, 12)
    stage.settled(stage.type(12, editor="eve@x.org", full_name="Eve 12")[0])
    stage.settled(stage.type(13, editor="eve@x.org", full_name="Eve 13")[0])
    rename(stage, 13, "Later")
    page = show(open_page, stage)
    page.get_by_label("Person").first.fill("eve@x.org")
    page.keyboard.press("Tab")
    expect(page.locator("#edits li")).to_have_count(2)
    page.get_by_role("button", name="Undo a time").click()
    expect(page.locator("#undo-sum")).to_have_text("1 cell would change, 1 changed since and stay.")
    expect(page.locator("#undo-cells li")).to_contain_text(["Eve 12", "Later changed since, stays"])
    page.evaluate("sessionStorage.setItem('sheets-pipeline-name', 'Cleo')")
    keep_messages(page)
    page.locator("#undo-do").click()
    expect(page.get_by_text("1 cell taken back, 1 changed since and kept.")).to_be_visible()
    assert (name_of(stage, 12), name_of(stage, 13)) == (before, "Later")


def test_more_is_shown_and_exported_and_a_phone_scrolls_nothing_sideways(stage: Stage, open_page: OpenPage) -> None:
    edit = conflict(stage, 14)
    with stage.pipeline.state.begin() as connection:
        row = dict(connection.execute(sheet_edit.select().where(sheet_edit.c.id == edit)).one()._mapping)
        del row["id"]
        many = [row | {"event_id": f"e{i}", "state": "applied", "column_name": "x" * 80} for i in range(60)]
        connection.execute(sheet_edit.insert(), many)
    page = show(open_page, stage, **PHONE)
    rows = page.locator("#edits li")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(61)
    rows.last.locator("summary").click()
    expect(page.locator(".opened")).to_be_visible()
    page.evaluate("document.fonts.ready")
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    outside = "[...document.querySelectorAll('main *:not(.place-of span)')].filter((e) => e.getBoundingClientRect().right > 376).length"
    assert page.evaluate(outside) == 0
    low = "[...document.querySelectorAll('main button')].filter((e) => e.offsetHeight && e.offsetHeight < 30).length"
    assert page.evaluate(low) == 0
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    assert len(download.value.path().read_text().splitlines()) == 62


@pytest.mark.parametrize(("scheme", "key"), [("light", 17), ("dark", 18)])
def test_axe_finds_nothing_serious_on_any_page(stage: Stage, open_page: OpenPage, scheme: str, key: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    conflict(stage, key)
    stage.hear(one=-60, two=90)
    stage.fail("UserProfiles")
    page = open_page(f"{stage.url}/dashboard", color_scheme=scheme)
    for path, sign in (("", "#hosts article"), ("/edits", "#edits li"), ("/sources", "#live[data-state=live]")):
        page.goto(f"{stage.url}/dashboard{path}")
        expect(page.locator(sign).first).to_be_visible()
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in ("critical", "serious")] == []
    stage.hear()
    stage.succeed("UserProfiles")
