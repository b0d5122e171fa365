"""Cars on credit: the map from its template, the failure of the bank on it, its customers, a measure; and every page
about journeys."""

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
from cxm.understand.journeys.definition import MapDefinition
from cxm.understand.journeys.drivers import computing
from cxm.understand.journeys.drivers.actions import create_model
from cxm.understand.journeys.drivers.definition import Driver, DriverDefinition, Outcome
from cxm.understand.journeys.maps.actions import create_map, keep_version
from cxm.understand.journeys.maps.queries import definition_of
from cxm.understand.journeys.maps.talking import add_comment, share_map
from cxm.understand.journeys.models import JourneyMap, Process
from cxm.understand.journeys.steps.building import build_steps
from cxm.understand.text.annotating import annotate_workspace
from cxm.web.sample.credit import QUESTION, cars_on_credit, draw_the_map
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
    lost = int(failure.locator("p").first.inner_text().split()[0])  # about 8 % of some 560 contracts: the day decides
    failure.get_by_role("link", name="Customers").press("Enter")
    page.get_by_role("heading", name="Customers who went no further").wait_for()
    page.get_by_text(f"{lost} journeys. Journeys that are still young").wait_for()
    assert page.locator("tbody tr").count() == min(lost, 50) > 0  # 50 to a page
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


def test_every_page_about_journeys_is_accessible_quiet_and_no_wider_than_a_phone(
    open_page: OpenPage, live_server: Any, workspace: Workspace
) -> None:
    """One walk in one test: a page more is one address more."""
    owner = workspace.memberships.get(role=Role.OWNER).user
    drawn = draw_the_map(workspace, owner)
    add_comment(journey_map=drawn, text="Who answers for the bank?", touchpoint="contract_signed", by=owner)
    keep_version(journey_map=drawn, note="Before the workshop", by=owner)
    share = share_map(journey_map=drawn, by=owner)
    model = create_model(
        workspace=workspace, name="What moves satisfaction", by=owner,
        definition=DriverDefinition(
            outcome=Outcome(metric="csat", question=QUESTION), window_days=30,
            drivers=(
                Driver("group", "property.step", value="credit_paid_out"),
                Driver("group", "property.step", value="car_handed_over"),
            ),
        ),
    )  # fmt: skip
    computing.run(model.pk)
    process = Process.objects.get(map=drawn)

    def address(name: str, *arguments: object) -> str:
        return str(reverse(name, args=[workspace.slug, *arguments]))

    maps = ("edit", "drawing", "comments", "versions", "pair", "share")
    paths = ("graph", "matrix", "streams", "variants", "groups", "funnel", "times", "returning", "journeys")
    pages = [
        address("journeys:list"), address("journeys:new"), *(address(f"journeys:{name}", drawn.pk) for name in maps),
        address("evidence:show", drawn.pk), address("evidence:compare", drawn.pk),
        address("evidence:compare", drawn.pk) + "?since=2020-01-01&until_b=2030-01-01",
        address("evidence:conformance", drawn.pk), address("evidence:customers", drawn.pk, "contract_signed", "lost"),
        address("evidence:moments"), address("evidence:channels"),
        address("paths:list"), address("paths:new"), *(address(f"paths:{name}", process.pk) for name in paths),
        address("drivers:list"), address("drivers:new"), address("drivers:show", model.pk),
        address("drivers:edit", model.pk), reverse("shared_map", args=[share.token]),
    ]  # fmt: skip
    desktop, phone = open_page(), open_page(width=375, dark=True)
    for page in (desktop, phone):
        log_in(page, live_server, owner)
        # What a page shows to the eye and to a screen reader is the same at both widths but for what folds; so every
        # second one is looked at in each, and those with pictures and wide tables in both.
        for number, path in enumerate(pages):
            both = any(one in path for one in ("streams", "/drivers/", "/moments/", "/j/")) or path == pages[8]
            if not both and number % 2 == (page is phone):
                continue
            answer = page.goto(live_server.url + path)
            assert answer is not None and answer.status == 200, path
            page.wait_for_load_state("networkidle")
            check_accessible(page)
            check_width(page)
            check_quiet(page)

    # The pictures of paths as files, with the styles that the page has.
    for name in ("graph", "streams"):
        desktop.goto(live_server.url + address(f"paths:{name}", process.pk))
        for kind, begin in (("svg", b"<svg"), ("png", b"\x89PNG")):
            with desktop.expect_download() as download:
                desktop.locator(f"[data-save-as={kind}]").click()
            saved = download.value.path().read_bytes()
            assert download.value.suggested_filename.endswith(f".{kind}") and saved.startswith(begin)
            assert kind == "png" or (b"Car on credit" in saved and b"var(" not in saved and b"href" not in saved)
        with desktop.expect_download() as download:
            desktop.locator(".chart-tools").get_by_role("link", name="CSV").click()
        assert len(download.value.path().read_bytes().splitlines()) > 10
    check_quiet(desktop)


def test_a_map_is_drawn_by_keyboard_alone(open_page: OpenPage, live_server: Any) -> None:
    workspace = make_workspace("Lumo Home")
    owner = workspace.memberships.get(role=Role.OWNER).user
    drawn = create_map(workspace=workspace, name="Returns", definition=MapDefinition(), by=owner)
    page = open_page()
    log_in(page, live_server, owner)
    page.goto(live_server.url + reverse("journeys:edit", args=[workspace.slug, drawn.pk]))
    keys = page.keyboard

    def tab_to(name: str) -> None:
        """Go on with Tab until the thing with that name has the focus, as somebody without a mouse does."""
        for _step in range(80):
            keys.press("Tab")
            said = page.evaluate("(document.activeElement.getAttribute('aria-label')"
                                 " ?? document.activeElement.innerText).trim()")  # fmt: skip
            if said == name or said.startswith(f"{name} "):
                return
        pytest.fail(f"Tab never comes to {name!r}")

    def board() -> list[tuple[str, list[str]]]:
        definition = definition_of(JourneyMap.objects.get(pk=drawn.pk))
        return [(stage.name, [one.name for one in stage.touchpoints]) for stage in definition.stages]

    def named(button: str, name: str) -> None:
        """Press a button that makes a part: the field of its name is chosen then, and what is typed saves itself."""
        tab_to(button)
        keys.press("Enter")
        page.locator("#part [name=name]:focus").wait_for()
        keys.type(name)
        keys.press("Tab")
        page.locator("#map-board", has_text=name).wait_for()

    named("Add a stage", "Sends it back")
    named("Add a touchpoint", "Prints the label")
    named("Add a touchpoint", "Brings the parcel")
    named("Add a stage", "Gets the money")
    assert board() == [("Sends it back", ["Prints the label", "Brings the parcel"]), ("Gets the money", [])]
    # Choose the second touchpoint, move it up, to the next stage, and take both back.
    tab_to("Brings the parcel")
    keys.press("Enter")
    page.locator("#map-board .map-card.current", has_text="Brings the parcel").wait_for()
    moved = page.locator("#map-board .map-column").first
    keys.press("Alt+ArrowUp")
    page.locator("#map-board .map-card:first-child", has_text="Brings the parcel").wait_for()
    assert board()[0] == ("Sends it back", ["Brings the parcel", "Prints the label"])
    keys.press("Alt+ArrowRight")
    page.locator("#map-board .map-column").nth(1).get_by_text("Brings the parcel").wait_for()
    assert board() == [("Sends it back", ["Prints the label"]), ("Gets the money", ["Brings the parcel"])]
    keys.press("Control+z")
    moved.get_by_text("Brings the parcel").wait_for()
    assert board()[0] == ("Sends it back", ["Brings the parcel", "Prints the label"])
    check_accessible(page)
    check_quiet(page)
