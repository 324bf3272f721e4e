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
    browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
    _release_event_loop()
    yield browser
    browser.close()
    playwright.stop()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    """Opens an address in a profile of its own; keywords are those of Playwright's ``new_context``.

    The test fails when a script of the page fails or the page's Content-Security-Policy blocks something.
    """
    contexts, complaints = [], []

    def open_(url: str, **options: Any) -> Page:
        context = chromium.new_context(
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
    _release_event_loop()
    assert not complaints


def _release_event_loop() -> None:
    """Let other tests of this process run event loops of their own.

    Playwright's synchronous interface leaves its loop marked as the running one, and marks it again at its next call.
    """
    asyncio._set_running_loop(None)
