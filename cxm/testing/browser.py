"""Tests in a real browser: the system's Chromium, driven by Playwright, with the product's own pages and policies.

`page` is a desktop page; `open_page(width=375, dark=True)` makes others. `log_in(page, live_server, user)` puts a
session cookie in; `check_accessible(page)` runs axe; `check_quiet(page)` and `check_width(page)` say the rest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

    from cxm.accounts.models import User

AXE = Path(__file__).resolve().parent.parent / "web" / "static" / "vendor" / "axe.min.js"
# The one without windows first: it takes half of the processor's time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_MS = 60_000  # until a state that does not come counts as missing
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
OpenPage = Callable[..., "Page"]


def find_browser() -> str | None:
    """The path of Chromium or Chrome: the variable CHROME, or the first of the usual names."""
    for name in (os.environ.get("CHROME", ""), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    return None


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = find_browser()
    if executable is None:
        pytest.skip("needs Chromium: run `sh bin/system-packages`, or set CHROME to the path of a browser")
    if not AXE.exists():
        pytest.fail("the pages have no scripts yet: run `python frontend/build.py`")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)  # its own five seconds are short for a machine that runs other tests, too
    # Playwright keeps an event loop in this thread; Django would take every query of a test for one made inside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Make a page of its own context: width, dark, locale, and whatever else Playwright's new_context takes."""
    contexts = []

    def make(width: int = 1280, dark: bool = False, locale: str = "en", **options: Any) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            locale=locale,
            has_touch=width < 600,
            **options,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        noise: list[str] = []
        page.on("console", lambda message: noise.append(_line(message)) if message.type == "error" else None)
        page.on("pageerror", lambda error: noise.append(str(error)))
        _noise[page] = noise
        return page

    yield make
    for context in contexts:
        context.close()
    _noise.clear()


_noise: dict[Page, list[str]] = {}


def _line(message: ConsoleMessage) -> str:
    """The message and the address that it is about: that of a picture which did not load is not in the text."""
    return f"{message.text} ({message.location['url']})"


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()


def log_in(page: Page, live_server: Any, user: User) -> None:
    """Give the page the session of a user, without filling in the login form."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])


def check_accessible(page: Page) -> None:
    """No violation of WCAG 2.2 A and AA that axe can find."""
    page.evaluate(AXE.read_text(encoding="utf-8"))  # not as a script tag: the page's policy would refuse it
    found = page.evaluate("rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES)
    lines = []
    for violation in found["violations"]:
        lines.append(f"{violation['id']} ({violation['impact']}): {violation['help']}")
        for node in violation["nodes"][:5]:
            lines.append(f"    {node['html'][:200]}")
            lines.append(f"        {node['failureSummary'].splitlines()[-1].strip()}")
    assert not lines, f"{page.url} is not accessible:\n" + "\n".join(lines)


def check_quiet(page: Page, ignore: str = "\0") -> None:
    """Nothing on the console: no error of a script, nothing that the content security policy refused."""
    noise = [line for line in _noise[page] if ignore not in line]
    assert not noise, f"{page.url} complains:\n" + "\n".join(noise)


def check_width(page: Page) -> None:
    """The page does not scroll sideways."""
    wide = page.evaluate(
        """() => {
            const room = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= room) return [];
            return [...document.querySelectorAll('body *')]
                .filter(e => e.getBoundingClientRect().right > room + 1)
                .filter(e => !e.parentElement.closest('.table-responsive'))
                .slice(0, 5).map(e => e.outerHTML.slice(0, 160));
        }"""
    )
    assert not wide, f"{page.url} is wider than the window:\n" + "\n".join(wide)
