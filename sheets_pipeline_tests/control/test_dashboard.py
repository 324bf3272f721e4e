"""The dashboard in a real browser."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sheets_pipeline.control.app import create_app
from sheets_pipeline_tests.browser import OpenPage
from sheets_pipeline_tests.control import run_launcher
from sheets_pipeline_tests.control.stage import TOKEN, Stage, serving

pytestmark = pytest.mark.browser

PHONE = {"viewport": {"width": 375, "height": 700}, "has_touch": True, "is_mobile": True}


def show(open_page: OpenPage, url: str, **options: Any) -> Page:
    page = open_page(f"{url}/dashboard", **options)
    expect(page.locator("#live")).to_have_attribute("data-state", "live")
    return page


def keep_messages(page: Page) -> None:
    """From now on messages stay, which go after five seconds: on a slow machine before anybody has looked."""
    page.evaluate("""() => {
        document.getElementById("toasts").append = function (node) {
            node.remove = () => {};
            Element.prototype.append.call(this, node);
        };
    }""")


def test_the_verdict_follows_a_tab_that_fails_and_recovers(stage: Stage, open_page: OpenPage) -> None:
    page = show(open_page, stage.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("The sheets are in step")
    stage.fail("UserProfiles")
    expect(page.get_by_role("heading", level=1)).to_have_text("UserProfiles is behind")
    card = page.get_by_role("article", name="UserProfiles")
    expect(card).to_contain_text("Rename the headers back")
    expect(page.locator("#log")).to_contain_text("Rename the headers back")
    stage.succeed("UserProfiles")
    expect(page.get_by_role("heading", level=1)).to_have_text("The sheets are in step")


def test_a_silent_host_is_shown_with_since_when_who_does_its_work_and_what_to_do(
    stage: Stage, open_page: OpenPage
) -> None:
    stage.hear(one=-60, two=90)  # one tells of itself for so long yet, also on a slow machine
    page = show(open_page, stage.url)
    expect(page.get_by_role("heading", level=1)).to_have_text("The sheets are in step, with a warning")
    expect(page.locator("#verdict-reason")).to_contain_text(
        "Host two is silent: nothing was heard of its worker since "
    )
    told = page.get_by_role("region", name="Hosts")
    expect(told.get_by_role("listitem")).to_contain_text("one does what it did. Start the machine, or its services")
    expect(told.get_by_role("article", name="two")).to_have_attribute("data-health", "degraded")
    expect(told.get_by_role("article", name="two")).to_contain_text(re.compile(r"silent for (9\d|1[01]\d) s"))
    expect(told.get_by_role("article", name="one")).to_contain_text("works")
    stage.hear(one=-60, two=-60)
    expect(page.get_by_role("heading", level=1)).to_have_text("The sheets are in step")
    expect(told.get_by_role("listitem")).to_have_count(0)
    stage.hear()
    expect(page.locator("#hosts")).to_be_hidden()


def test_every_symbol_is_in_the_font(stage: Stage, open_page: OpenPage) -> None:
    stage.hear(one=1, two=90)
    page = show(open_page, stage.url)
    expect(page.get_by_role("article", name="two")).to_be_visible()
    page.evaluate("document.fonts.ready")
    spelled = "[...document.querySelectorAll('.icon')].filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 2)"
    assert page.evaluate(f"{spelled}.map(e => e.textContent)") == []
    assert page.evaluate("document.fonts.check('20px \"Material Symbols Outlined\"')")


def test_force_starts_a_run_and_shows_it_until_it_ends(stage: Stage, open_page: OpenPage) -> None:
    run_launcher.may_end.clear()
    page = show(open_page, stage.url)
    before = page.locator("#log li").count()
    page.get_by_role("button", name="Sync now", exact=True).click()
    expect(page.locator("#run")).to_contain_text("A full sync is running")
    [run] = stage.operations.under_way()
    expect(page.get_by_role("link", name="See the run")).to_have_attribute("href", run["url"])
    run_launcher.may_end.set()
    expect(page.locator("#run")).to_be_hidden()
    expect(page.locator("#log li")).to_have_count(before + len(stage.operations.titles()))


def test_a_pause_counts_down_and_is_ended_by_hand(stage: Stage, open_page: OpenPage) -> None:
    page = show(open_page, stage.url)
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("For how long").select_option("60")
    page.get_by_label("Reason").fill("Release")
    page.locator("#pause-form").get_by_role("button", name="Pause").click()
    timer = page.get_by_role("timer")
    expect(timer).to_have_text(re.compile(r"^(1:00|0:[45]\d)$"))
    expect(timer).not_to_have_text(timer.inner_text())
    page.get_by_role("button", name="Resume").click()
    expect(page.locator("#pause")).to_be_hidden()
    assert stage.get("/sync/status")["paused_until"] is None


def test_the_token_is_asked_for_once_and_forgotten_with_the_browser_tab(stage: Stage, open_page: OpenPage) -> None:
    page = open_page(f"{stage.token_url}/dashboard", viewport={"width": 900, "height": 700})
    page.get_by_label("Token", exact=True).fill("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("#token-hint")).to_contain_text("not the value of CONTROL_API_TOKEN")
    page.get_by_label("Token", exact=True).fill(TOKEN)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("The sheets are in step")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("The sheets are in step")
    assert page.evaluate("localStorage.length") == 0
    other = page.context.new_page()
    other.goto(f"{stage.token_url}/dashboard")
    expect(other.get_by_label("Token", exact=True)).to_be_visible()


def test_behind_a_proxy_all_pages_work_below_its_path(stage: Stage, open_page: OpenPage) -> None:
    app = create_app(stage.operations, TOKEN)

    async def below(scope: Any, receive: Any, send: Any) -> None:
        """As a proxy that takes its own path off."""
        if scope["type"] == "http":
            assert scope["path"].startswith("/pipeline/")
            scope = scope | {"path": scope["path"].removeprefix("/pipeline")}
        await app(scope, receive, send)

    with serving(below) as url:
        page = open_page(f"{url}/pipeline/")
        page.get_by_label("Token", exact=True).fill(TOKEN)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("The sheets are in step")
        for name, path in (("Edits", "dashboard/edits"), ("Sources", "dashboard/sources"), ("API", "docs")):
            page.get_by_role("link", name=name).click()
            expect(page).to_have_url(f"{url}/pipeline/{path}")
            expect(page.get_by_role("link", name="Dashboard")).to_be_visible()
        expect(page.get_by_text("/sync/status").first).to_be_visible()


def test_on_a_phone_nothing_scrolls_sideways_and_all_can_be_pressed(stage: Stage, open_page: OpenPage) -> None:
    stage.fail("UserProfiles")
    page = show(open_page, stage.url, **PHONE)
    expect(page.locator("#log li")).not_to_have_count(0)
    page.evaluate("document.fonts.ready")  # without them icons are words, which are wider
    assert page.evaluate("document.documentElement.scrollWidth") == 375
    outside = "[...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > 376).length"
    assert page.evaluate(outside) == 0
    low = "[...document.querySelectorAll('main button')].filter((e) => e.offsetHeight && e.offsetHeight < 30).length"
    assert page.evaluate(low) == 0


def test_a_tab_is_switched_off_and_on_with_the_keyboard_alone(stage: Stage, open_page: OpenPage) -> None:
    page = show(open_page, stage.url)
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText"))
        if reached[-1] == "Keep UserProfiles in step":
            break
    switch = page.get_by_role("switch", name="Keep UserProfiles in step")
    expect(switch).to_be_focused()
    assert "Skip to the tabs" in reached[0]
    page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-checked", "false")
    assert stage.get("/sync/status")["tabs"]["UserProfiles"]["enabled"] is False
    expect(switch).to_be_enabled()
    expect(switch).to_be_focused()
    page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-checked", "true")


def test_the_page_says_when_the_server_is_away_and_goes_on_by_itself(stage: Stage, open_page: OpenPage) -> None:
    page = show(open_page, stage.url)
    page.route("**/sync/status", lambda route: route.abort())
    expect(page.get_by_role("heading", level=1)).to_have_text("No news from the pipeline")
    page.unroute("**/sync/status")
    expect(page.get_by_role("heading", level=1)).to_have_text("The sheets are in step")


def test_the_api_document_is_readable(opened_stage: Stage, open_page: OpenPage) -> None:
    page = open_page(f"{opened_stage.url}/docs")
    expect(page.locator(".endpoint")).to_have_count(26)
    expect(page.locator("main")).to_contain_text("/sync/pause")


def test_hundreds_of_spreadsheets_are_searched_and_the_worst_come_first(stage: Stage, open_page: OpenPage) -> None:
    status = stage.get("/sync/status")
    [tab, *_] = status["tabs"].values()
    names = [f"Progress @ courses/{number}" for number in range(300)]
    status["tabs"] = {name: tab | {"title": name, "health": "healthy"} for name in names}
    status["tabs"][names[250]] |= {"health": "degraded", "reason": "There is no such spreadsheet."}
    page = open_page("about:blank")
    page.route("**/sync/status*", lambda route: route.fulfill(json=status))
    page.goto(f"{stage.url}/dashboard")
    cards = page.locator("#tabs article")
    expect(cards).to_have_count(24)
    expect(cards.first).to_have_attribute("data-tab", names[250])
    page.get_by_role("button", name="Show 24 more").click()
    expect(cards).to_have_count(48)
    page.get_by_label("Search by tab or spreadsheet").fill("progress /29")
    expect(cards).to_have_count(11)
    expect(page.locator("#tabs-count")).to_have_text("11 of 300")
    page.get_by_label("Search by tab or spreadsheet").fill("")
    page.locator("#tabs-health").select_option("odd")
    expect(cards).to_have_count(1)
    expect(cards.get_by_role("link").first).to_have_attribute("href", re.compile("/spreadsheets/d/"))
