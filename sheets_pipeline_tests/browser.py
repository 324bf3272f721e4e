"""A real browser for the pages of this project: Debian's chromium, driven by Playwright.

A folder of browser tests takes the fixtures in with ``from sheets_pipeline_tests.browser import ...`` in its
``conftest.py`` and marks its tests with ``browser``. There is one browser per test process and a fresh profile per test;
where no chromium is installed the tests are skipped.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

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
PATIENCE_MS = 10_000

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of this test process."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    playwright = sync_playwright().start()
    loop = asyncio.get_running_loop()
    browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
    asyncio._set_running_loop(None)
    yield browser
    asyncio._set_running_loop(loop)
    browser.close()
    playwright.stop()


@pytest.fixture
def browser_at_work(chromium: Browser) -> Iterator[Browser]:
    """The browser, for one test.

    Playwright's synchronous interface marks its own event loop as the running one. Between browser tests it is marked as
    not running, or no other test of the process could run an event loop.
    """
    asyncio._set_running_loop(chromium._impl_obj._loop)
    yield chromium
    asyncio._set_running_loop(None)


@pytest.fixture
def open_page(browser_at_work: Browser) -> Iterator[OpenPage]:
    """Opens an address in a profile of its own; keywords are those of Playwright's ``new_context``.

    The test fails when a script of the page fails or the page's Content-Security-Policy blocks something.
    """
    contexts, complaints = [], []

    def open_(url: str, **options: Any) -> Page:
        context = browser_at_work.new_context(
            **{"viewport": {"width": 1280, "height": 800}, "color_scheme": "light", **options}
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"script failed: {error}"))
        page.on(
            "console",
            lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None,
        )
        page.goto(url)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert not complaints
