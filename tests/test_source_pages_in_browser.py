"""The pages of a source, full of things, in a browser: accessible, never too wide, and alive."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.models import Workspace
from cxm.record.capture.models import PropertySeen, Regulation, Source
from cxm.record.capture.reasons import Reason
from cxm.record.capture.source_actions import save_plan
from cxm.record.capture.tests.given import given_captured, given_refused, make_source
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, log_in
from cxm.testing.cast import make_workspace

from .test_pages_in_browser import check, looks

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "a_name_that_somebody_made_by_gluing_everything_together_without_a_single_space_in_it_" * 2


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def source(workspace: Workspace) -> Source:
    """A source with everything that its pages can show."""
    made = make_source(workspace, origins=["https://shop.example"], created_at=timezone.now() - timedelta(days=60))
    for event, name, kind, days in (
        ("Old", "", "track", 50),
        ("Old", "price", "integer", 50),
        ("Old", "price", "string", 1),
    ):
        at = timezone.now() - timedelta(days=days)
        PropertySeen.objects.create(source=made, event=event, property=name, type=kind, first_at=at, last_at=at)
    for hour in range(5):
        given_captured(made, "Old", {"price": 1}, n=3, received=timezone.now() - timedelta(hours=hour))
    given_captured(made, LONG, {LONG: LONG}, user_id=LONG, context={"ip": "8.8.8.8"}, remark="future")
    given_refused(made, Reason.NO_EVENT_NAME, detail=LONG, body='{"type":"track"}', n=1234)
    save_plan(workspace=workspace, yaml="events: {Old: {properties: {price: number}}}", by=None)
    Regulation.objects.create(workspace=workspace, type="DELETE_ONLY", subject_ids=["u"], subjects=1)
    return made


def addresses(source: Source) -> list[str]:
    slug = source.workspace.slug
    regulation = Regulation.objects.get()
    own = [reverse(f"sources:{name}", args=[slug, source.uuid]) for name in ("show", "change", "debugger", "schema")]
    return [
        *own, own[-1] + "?event=Old", own[2] + "?show=refused&reason=no_event_name&name=none",
        *(reverse(f"sources:{name}", args=[slug]) for name in ("list", "plan", "regulations")),
        reverse("sources:plan_version", args=[slug, 1]), reverse("sources:regulation", args=[slug, regulation.pk]),
    ]  # fmt: skip


@looks
def test_the_pages_of_a_source_look_right(
    open_page: OpenPage, live_server: Any, source: Source, width: int, dark: bool
) -> None:
    page = open_page(width, dark)
    log_in(page, live_server, source.workspace.memberships.get().user)
    for address in addresses(source):
        page.goto(live_server.url + address)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        check(page)
    page.goto(live_server.url + reverse("sources:debugger", args=[source.workspace.slug, source.uuid]))
    for name in (LONG, "No event name"):
        page.locator("#rows").get_by_role("link", name=name, exact=True).click()
        page.locator("#inspect").get_by_role("heading", name=name).wait_for()
        check(page)


def test_waiting_turns_green_by_itself(page: Page, live_server: Any, workspace: Workspace) -> None:
    log_in(page, live_server, workspace.memberships.get().user)
    page.goto(live_server.url + reverse("sources:new", args=[workspace.slug]))
    page.get_by_label("Name").fill("Web shop")
    page.get_by_role("button", name="Add the source").click()
    page.get_by_text("Waiting for your first event…").wait_for()
    key = page.locator("#new-key").input_value()
    assert key.startswith("cxm_write_")
    assert key in page.locator("#code-browser").inner_text()
    check_accessible(page)
    given_captured(Source.objects.get(), "Song Played")
    page.get_by_text("The first event has arrived: Song Played").wait_for()
    check_accessible(page)
    check_quiet(page)


def test_the_debugger_shows_what_arrives_and_stops_when_told(
    page: Page, live_server: Any, workspace: Workspace
) -> None:
    source = make_source(workspace)
    log_in(page, live_server, workspace.memberships.get().user)
    page.goto(live_server.url + reverse("sources:debugger", args=[workspace.slug, source.uuid]))
    page.get_by_text("Nothing has come yet").wait_for()
    given_captured(source, "First", {"n": 1})
    link = page.get_by_role("link", name="First", exact=True)
    link.wait_for()
    link.focus()
    page.keyboard.press("Enter")
    page.locator("#inspect").get_by_text('"n": 1').wait_for()
    given_refused(source, Reason.NO_EVENT_NAME)
    page.get_by_role("link", name="No event name").wait_for()
    # The list was replaced; who was at a row still is, and what was opened stays open.
    assert page.evaluate("document.activeElement.textContent") == "First"
    assert page.locator("#inspect").get_by_text('"n": 1').is_visible()
    page.get_by_role("link", name="Pause").click()
    page.get_by_role("link", name="Go on").wait_for()
    given_captured(source, "Second")
    page.wait_for_timeout(2500)
    assert not page.get_by_role("link", name="Second", exact=True).is_visible()
    page.get_by_role("link", name="Go on").click()
    page.get_by_role("link", name="Second", exact=True).wait_for()
    check_quiet(page)
