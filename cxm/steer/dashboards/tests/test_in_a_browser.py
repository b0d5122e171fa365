"""Boards and metric pages in a real browser: readable by everybody, on every width, with and without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import answer, given_events, make_workspace

from .given import days_ago, nps_answers, owner_of

if TYPE_CHECKING:
    from cxm.accounts.models import Workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "Long " * 40
PAGES = (
    "",
    "board/",
    "report/",
    "metrics/",
    "metrics/nps/?by=channel&f=channel:is_set",
    "metrics/csat/?vs=segment&f=channel:is:web&g=channel:is:email",
    "metrics/nps/why/",
    "metrics/sla/",
)


def given_two_channels() -> Workspace:
    workspace = make_workspace()
    given_events(
        [
            event
            for days in (10, 40, 100, 400)
            for channel in ("web", "email")
            for event in (
                *nps_answers(workspace, 12 if channel == "web" else 3, 4, 5, days_ago(days), channel=channel),
                *(answer(workspace, score, days_ago(days), metric="csat", scale="1-5", channel=channel, comment=LONG)
                  for score in (1, 4, 5, 5, 3, 4)),
            )
        ]
    )  # fmt: skip
    return workspace


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (375, True)])
def test_every_page_is_accessible_quiet_and_fits(
    open_page: OpenPage, live_server: Any, settings: Any, width: int, dark: bool
) -> None:
    workspace = given_two_channels()
    page = open_page(width=width, dark=dark)
    log_in(page, live_server, owner_of(workspace))
    for path in PAGES:
        page.goto(f"{live_server.url}/w/{workspace.slug}/{path}")
        page.wait_for_load_state("networkidle")
        check_accessible(page)
        check_width(page)
        check_quiet(page)


def test_the_filter_bar_works_with_and_without_scripts(open_page: OpenPage, live_server: Any) -> None:
    workspace = given_two_channels()
    for scripts in (True, False):
        page = open_page(java_script_enabled=scripts)
        log_in(page, live_server, owner_of(workspace))
        page.goto(f"{live_server.url}/w/{workspace.slug}/metrics/nps/")
        page.fill("input[name=ff]", "channel")
        page.fill("input[name=fv]", "email")
        page.fill("#by", "channel")
        page.click("button:has-text('Show')")
        page.wait_for_url("**/metrics/nps/?by=channel&f=channel%3Ais%3Aemail")
        assert "Channel is email" in page.inner_text(".filter-bar")
        page.click(".filter-chip a")
        page.wait_for_url("**/metrics/nps/?by=channel")
        check_quiet(page)


def test_a_tile_moves_without_a_new_page(open_page: OpenPage, live_server: Any) -> None:
    workspace = given_two_channels()
    page = open_page()
    log_in(page, live_server, owner_of(workspace))
    page.goto(f"{live_server.url}/w/{workspace.slug}/board/")
    page.click("button[aria-label='Move “Net Promoter Score” back']")
    page.wait_for_selector("button:has-text('Undo the last change')")
    assert page.inner_text("ol li:first-child").startswith("Customer satisfaction")
    check_quiet(page)
