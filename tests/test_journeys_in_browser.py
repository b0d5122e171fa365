"""The sample company's cars on credit: the map from its template, the bank's failure on it, its customers, a measure."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any

import pytest
from django.urls import reverse

from cxm.accounts.models import Role, Workspace
from cxm.record.customers.models import Customer
from cxm.record.eventlog.append import append
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_workspace
from cxm.understand.journeys.models import JourneyMap, Process
from cxm.understand.journeys.steps.building import build_steps
from cxm.understand.text.annotating import annotate_workspace
from cxm.web.sample.credit import cars_on_credit, draw_the_map
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
    found = draw_the_map(workspace, owner)
    page = open_page()
    log_in(page, live_server, owner)
    page.goto(live_server.url + reverse("evidence:show", args=[workspace.slug, found.pk]))
    shoot(page, "living")
    check_accessible(page)
    check_quiet(page)
    check_width(page)
    failure = page.locator(".finding", has_text="Hand-over failure")
    failure.get_by_role("link", name="Customers").press("Enter")
    page.get_by_role("heading", name="Customers who went no further").wait_for()
    shoot(page, "customers")
    check_accessible(page)
    page.go_back()
    failure.get_by_role("link", name="Make it a measure").click()
    assert page.get_by_label("What is done").input_value() == "Repair the hand-over at “Signs the contract”"
    shoot(page, "measure")
    phone = open_page(width=375, dark=True)
    log_in(phone, live_server, owner)
    phone.goto(live_server.url + reverse("evidence:show", args=[workspace.slug, found.pk]))
    shoot(phone, "phone")
    check_accessible(phone)
    check_width(phone)
