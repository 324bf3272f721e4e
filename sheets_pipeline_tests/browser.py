"""A real browser for the pages of this project: Debian's chromium, driven by Playwright.

A folder of browser tests takes the fixtures in with ``from sheets_pipeline_tests.browser import ...`` in its
``conftest.py`` and marks its tests with ``browser``. There is one browser per test process; where no chromium is
installed the tests are skipped.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, expect, sync_playwright

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Milliseconds that a page has for whatever a test waits for; machines that run tests are slow at times.
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)
DEFAULTS: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of this test process."""
    # The shell has the same engine without a desktop's windows: a third less computing for each test.
    path = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium-headless-shell")
    playwright = sync_playwright().start()
    browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
    asyncio._set_running_loop(None)
    yield browser
    with _event_loop_of(browser):
        browser.close()
        playwright.stop()


@pytest.fixture(scope="session")
def shared_page(chromium: Browser) -> Iterator[Page]:
    """A page that tests use one after another: starting a new one each time would take longer than most tests."""
    with _event_loop_of(chromium):
        page = chromium.new_context(**DEFAULTS).new_page()
    yield page
    with _event_loop_of(chromium):
        page.context.close()


@pytest.fixture
def open_page(chromium: Browser, shared_page: Page) -> Iterator[OpenPage]:
    """Opens an address. Given keywords of Playwright's ``new_context``, it does so in a profile of its own.

    The test fails when a script of the page fails or the page's Content-Security-Policy blocks something.
    """
    opened: list[Page] = []
    complaints: list[str] = []

    def note_failure(error: Error) -> None:
        complaints.append(f"script failed: {error}")

    def note_refusal(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text or "Trusted" in message.text:
            complaints.append(message.text)

    def open_(url: str, **options: Any) -> Page:
        own = bool(options) or shared_page in opened
        page = chromium.new_context(**{**DEFAULTS, **options}).new_page() if own else shared_page
        opened.append(page)
        page.set_default_timeout(PATIENCE_MS)
        page.on("pageerror", note_failure)
        page.on("console", note_refusal)
        page.goto(url)
        return page

    with _event_loop_of(chromium):
        yield open_
        for page in opened:
            if page is shared_page:
                page.remove_listener("pageerror", note_failure)
                page.remove_listener("console", note_refusal)
                page.evaluate("localStorage.clear()")
                page.goto("about:blank")
            else:
                page.context.close()
    assert not complaints


@contextmanager
def _event_loop_of(browser: Browser) -> Iterator[None]:
    """Within the block Playwright can be used; outside of it other tests can run event loops of their own.

    Playwright's synchronous interface leaves its loop marked as the running one of the thread.
    """
    asyncio._set_running_loop(browser._impl_obj._loop)
    try:
        yield
    finally:
        asyncio._set_running_loop(None)
