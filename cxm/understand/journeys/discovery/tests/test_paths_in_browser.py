"""Paths in a real browser: from a drawn arrow down to the customers with the keyboard alone, accessible and quiet."""

from __future__ import annotations

from typing import Any

import pytest

from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_user, make_workspace
from cxm.understand.journeys.definition import ProcessDefinition
from cxm.understand.journeys.steps.actions import create_process
from cxm.understand.journeys.steps.building import build_steps

from .shop import four_visits

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]


def test_the_keyboard_leads_from_an_arrow_to_the_customers(open_page: OpenPage, live_server: Any) -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    four_visits(workspace)
    process = create_process(
        workspace=workspace, name="Shop", definition=ProcessDefinition(events=("look", "buy")), by=owner
    )
    build_steps(process)
    base = f"{live_server.url}/w/{workspace.slug}/journeys/paths/{process.pk}/"
    page = open_page()
    log_in(page, live_server, owner)
    page.goto(base)
    page.wait_for_load_state("networkidle")
    check_accessible(page)
    page.locator("#g-detail").focus()
    page.keyboard.press("End")  # all transitions: the slider asks again by itself
    page.wait_for_url("**detail=100**")
    page.wait_for_load_state("networkidle")
    assert page.locator(".path-arrow").count() == 7  # five between steps and ends, two from the start
    page.locator(".path-arrow[aria-label^='From “Look” to “Buy”']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/journeys/**step=look&next=buy**")
    assert page.locator("tbody tr").count() == 2
    check_quiet(page)

    phone = open_page(width=375, dark=True)
    log_in(phone, live_server, owner)
    for name in ("variants/", "funnel/?funnel=look&funnel=buy"):
        phone.goto(base + name)
        phone.wait_for_load_state("networkidle")
        check_accessible(phone)
        check_width(phone)
        check_quiet(phone)
