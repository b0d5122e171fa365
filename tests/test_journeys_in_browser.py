"""Cars on credit: the map from its template, the failure of the bank on it, its customers, a measure."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from cxm.accounts.models import Role, Workspace
from cxm.act.cases.models import Measure
from cxm.record.customers.models import Customer
from cxm.record.eventlog.append import append
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_workspace
from cxm.understand.journeys.models import JourneyMap, Process
from cxm.understand.journeys.steps.building import build_steps
from cxm.understand.text.annotating import annotate_workspace
from cxm.web.sample.credit import cars_on_credit
from cxm.web.sample.people import people
from cxm.web.sample.sink import Sink
from cxm.web.sample.stories import SMALL, Calendar

pytestmark = [pytest.mark.browser, pytest.mark.once, pytest.mark.django_db(transaction=True)]
SHOTS = os.environ.get("CXM_SHOTS", "")


@pytest.fixture
def workspace() -> Workspace:
    """The part of the sample company that sells cars."""
    made = make_workspace("Lumo Home")
    calendar = Calendar(datetime.now(UTC))
    everyone = people(SMALL, 1, calendar, made.uuid)
    Customer.objects.bulk_create(
        Customer(id=one.id, workspace=made, name=one.name) for one in everyone if one.same_as is None
    )
    sink = Sink(made.pk, made.uuid, lambda events: append(events, known_new=True))
    cars_on_credit(everyone, SMALL, 1, calendar, sink)
    sink.flush()
    annotate_workspace(made.pk)
    return made


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_the_failure_of_the_bank_is_flagged_and_becomes_a_measure(
    open_page: OpenPage, live_server: Any, workspace: Workspace
) -> None:
    owner = workspace.memberships.get(role=Role.OWNER).user
    page = open_page()
    log_in(page, live_server, owner)

    # The map from its template; the touchpoint of the bank gets the name of the bank, and saves itself.
    page.goto(live_server.url + reverse("journeys:new", args=[workspace.slug]))
    page.get_by_role("radio", name="Buying a car on credit").check()
    page.get_by_role("button", name="Make the map").click()
    page.locator("#map-board").get_by_role("link", name="The bank pays the dealer").click()
    partner = page.locator("#part").get_by_label("Partner", exact=False).first
    partner.fill("Meridian Bank")
    partner.press("Tab")
    page.locator("#map-board .map-card.current", has_text="Meridian Bank").wait_for()
    shoot(page, "editor")
    check_accessible(page)
    drawn = JourneyMap.objects.get()
    build_steps(Process.objects.get(map=drawn))  # the server does it by itself

    page.goto(live_server.url + reverse("evidence:show", args=[workspace.slug, drawn.pk]))
    failure = page.locator(".finding", has_text="Hand-over failure")
    assert "The other side of this hand-over is Meridian Bank." in failure.inner_text()
    assert "Insures the car" in page.locator(".finding", has_text="Dark").inner_text()
    shoot(page, "living")
    check_accessible(page)
    check_quiet(page)
    check_width(page)

    # Its customers, by keyboard.
    failure.get_by_role("link", name="Customers").press("Enter")
    page.get_by_role("heading", name="Customers who went no further").wait_for()
    assert page.locator("tbody tr").count() >= 40  # 8 % of some 560 contracts, and some more
    shoot(page, "customers")
    check_accessible(page)
    page.locator("tbody a").first.click()
    page.get_by_text("contract_signed").first.wait_for(state="attached")
    page.go_back()
    page.go_back()

    failure.get_by_role("link", name="Make it a measure").click()
    assert page.get_by_label("What is done").input_value() == "Repair the hand-over at “Signs the contract”"
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The measure is saved.").wait_for()
    assert Measure.objects.get().filters == ["touchpoint:is:contract_signed"]

    phone = open_page(width=375, dark=True)
    log_in(phone, live_server, owner)
    phone.goto(live_server.url + reverse("evidence:show", args=[workspace.slug, drawn.pk]))
    # One below the other: every touchpoint begins at the same edge.
    lefts = phone.locator(".map-touchpoint").evaluate_all("all => all.map(one => one.getBoundingClientRect().left)")
    assert len(lefts) == 11 and len(set(lefts)) == 1
    shoot(phone, "phone")
    check_accessible(phone)
    check_width(phone)
