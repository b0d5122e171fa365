"""Writing a segment in a real browser: with scripts by keyboard on a phone, and without scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from cxm.lib.conditions import Condition
from cxm.record.customers.models import Segment
from cxm.record.customers.segments import condition_of
from cxm.record.customers.snapshot import put_snapshot
from cxm.record.customers.traits import learn
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_customer

from .cast import Firm

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def given() -> Firm:
    firm = Firm()
    made = [make_customer(firm.workspace, name, traits={"plan": plan, "seats": seats})
            for name, plan, seats in (("Ada", "pro", 5), ("Bob", "free", 3), ("Eva", "pro", 1))]  # fmt: skip
    learn(firm.workspace, made[0].traits)
    put_snapshot(firm.workspace.pk, [one.pk for one in made])
    return firm


def opened(page: Page, live_server: Any, firm: Firm) -> None:
    log_in(page, live_server, firm.agent)
    page.goto(live_server.url + reverse("customers:segment_new", args=[firm.workspace.slug]))


def fine(page: Page) -> None:
    check_quiet(page)
    check_width(page)
    check_accessible(page)


def test_a_segment_is_written_on_a_phone_by_keyboard_and_counts_as_it_changes(
    open_page: OpenPage, live_server: Any
) -> None:
    from playwright.sync_api import expect

    firm = given()
    page = open_page(320)
    opened(page, live_server, firm)
    count = page.locator("#segment-count strong")
    expect(count).to_have_text("3")
    page.get_by_label("Name").first.fill("Large")
    page.get_by_role("button", name="Add a condition").press("Enter")
    field = page.get_by_label("What it looks at")
    field.wait_for()
    assert field.evaluate("one => one === document.activeElement")  # the new row is where the keyboard is
    field.select_option("trait.plan")
    page.get_by_label("Value", exact=True).fill("pro")
    page.get_by_label("Value", exact=True).press("Tab")
    expect(count).to_have_text("2")
    page.get_by_role("button", name="Add a group").press("Enter")
    second = page.get_by_role("group", name="Condition 2.1")
    second.get_by_label("What it looks at").select_option("trait.seats")
    second.get_by_label("Comparison").select_option("at_least")
    second.get_by_label("Value", exact=True).fill("3")
    second.get_by_label("Value", exact=True).press("Tab")
    expect(count).to_have_text("1")
    fine(page)
    second.get_by_role("button", name="not (Condition 2.1)").press("Enter")
    page.wait_for_selector(".conditions-not")
    second.get_by_label("Value", exact=True).press("Enter")  # Enter saves; it must not remove or negate anything
    page.wait_for_url("**/segments/*-*/")
    assert "Eva" in page.locator("main").inner_text() and "Ada" not in page.locator("main").inner_text()
    fine(page)
    plan = Condition(field="trait.plan", values=("pro",))
    seats = Condition(field="trait.seats", operator="at_least", values=(3.0,))
    assert condition_of(Segment.objects.get()) == Condition(all=(plan, Condition(any=(Condition(not_=seats),))))


def test_a_segment_is_written_without_scripts(open_page: OpenPage, live_server: Any) -> None:
    firm = given()
    page = open_page(java_script_enabled=False)
    opened(page, live_server, firm)
    page.get_by_label("Name").first.fill("Professionals")
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_label("What it looks at").select_option("trait.plan")
    page.get_by_role("button", name="Show (Condition 1)").click()
    page.get_by_label("Value", exact=True).fill("pro")
    page.get_by_role("button", name="or another value (Condition 1)").click()
    page.get_by_label("Another value", exact=True).fill("free")
    page.get_by_role("button", name="Count the customers", exact=True).click()
    assert page.locator("#segment-count strong").inner_text() == "3"
    page.get_by_role("button", name="Add a condition").click()
    page.get_by_role("button", name="Remove condition 2").click()
    page.get_by_role("button", name="Save", exact=True).click()
    assert condition_of(Segment.objects.get()) == Condition(
        all=(Condition(field="trait.plan", values=("pro", "free")),)
    )
