"""The editor of workflows in a real browser: usable with keys alone, accessible, quiet, and as wide as the window."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from cxm.accounts.models import Role
from cxm.act.automations.models import Workflow
from cxm.testing.browser import check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import answer, given_events, make_customer, make_member, make_workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from cxm.testing.browser import OpenPage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]


def test_a_recipe_becomes_a_workflow(live_server: Any, page: Page, open_page: OpenPage) -> None:
    workspace = make_workspace()
    user = make_member(workspace, Role.ANALYST, "ann@example.com")
    ada = make_customer(workspace, "Ada", email="ada@example.com")
    given_events([answer(workspace, 2, f"{timezone.now():%Y-%m-%d %H:%M}", customer_id=ada.pk)])
    log_in(page, live_server, user)
    page.set_default_timeout(70_000)
    base = f"{live_server.url}/w/{workspace.slug}/automations/"
    page.goto(base + "new/")
    check_accessible(page)
    page.get_by_role("button", name=re.compile("Use this recipe ?: Win detractors back")).click()
    page.get_by_text("When somebody answers a question of NPS").first.wait_for()
    check_accessible(page)
    # A row more by htmx, without a new page; then a step, filled in and saved.
    page.get_by_role("link", name=re.compile("Change ?: When somebody")).click()
    page.get_by_role("button", name=re.compile("^Add")).first.click()
    page.locator("[name='when-0.1-field'], [name='when-0.0-field']").first.wait_for()
    check_accessible(page)
    page.get_by_role("link", name="Cancel").click()
    page.get_by_label("Kind of the next step", exact=True).select_option("tag")
    page.get_by_role("button", name="Add", exact=True).last.click()
    page.get_by_label("Tag").fill("called")
    page.get_by_role("button", name="Save").last.click()
    page.get_by_text("Add the tag “called”").first.wait_for()
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("button", name="Turn on").click()
    page.get_by_role("button", name="Turn off").first.wait_for()
    assert Workflow.objects.get().is_on
    page.get_by_role("link", name="Dry run").click()
    page.get_by_role("cell", name="Ada", exact=True).wait_for()
    check_accessible(page)
    check_quiet(page)

    phone = open_page(width=375, dark=True)
    log_in(phone, live_server, user)
    for address in (base, f"{base}{Workflow.objects.get().pk}/", f"{base}{Workflow.objects.get().pk}/dry-run/"):
        phone.goto(address)
        check_width(phone)
    check_accessible(phone)
    check_quiet(phone)
