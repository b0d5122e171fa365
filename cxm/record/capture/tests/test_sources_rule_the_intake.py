"""What is set on the pages of sources is what the tracking API does, and what it did is what they show."""

from __future__ import annotations

from typing import Any

import pytest

from cxm.accounts.models import Workspace
from cxm.record.capture import debugger, regulating
from cxm.record.capture import source_actions as actions
from cxm.record.capture.debugger import Wanted
from cxm.record.capture.models import Regulation, Source
from cxm.record.capture.reasons import Reason
from cxm.testing.cast import make_workspace
from cxm.testing.tracking import Tracking

from .given import owner_of
from .test_source_pages import address, logged_in

pytestmark = pytest.mark.django_db
PLAN = """events:
  Order Completed: {properties: {total: number}}
"""
GOOD = {"event": "Order Completed", "userId": "u1", "properties": {"total": 5, "currency": "EUR"}}
BAD = {"event": "Order Completed", "userId": "u1", "properties": {"total": "5", "currency": "EUR"}}
UNNAMED = {"event": "Ordr", "userId": "u1"}


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def source(workspace: Workspace) -> Source:
    return actions.create_source(workspace=workspace, name="Shop", kind=Source.Kind.WEBSITE, by=owner_of(workspace))[0]


@pytest.fixture
def api(workspace: Workspace, source: Source) -> Tracking:
    _key, clear = actions.create_key(source=source, name="of the test", by=owner_of(workspace))
    return Tracking(workspace, clear)


def send(api: Tracking, *calls: dict[str, Any]) -> list[int]:
    api.learn()
    return [api.post("/v1/track", call).rejected for call in calls]


def test_a_plan_refuses_or_warns(api: Tracking, workspace: Workspace, source: Source) -> None:
    owner = owner_of(workspace)
    actions.save_plan(workspace=workspace, yaml=PLAN, by=owner)
    assert send(api, GOOD, BAD, UNNAMED) == [0, 0, 0]  # nobody asked for the plan
    actions.set_plan_mode(source=source, mode=Source.PlanMode.BLOCK, by=owner)
    assert send(api, GOOD, BAD, UNNAMED) == [0, 1, 1]
    assert api.rejected() == [(Reason.NOT_IN_PLAN, 1), (Reason.PROPERTY_INVALID, 1)]
    actions.set_plan_mode(source=source, mode=Source.PlanMode.WARN, by=owner)
    assert send(api, GOOD, BAD, UNNAMED) == [0, 0, 0]
    assert api.rejected() == [(Reason.NOT_IN_PLAN, 1), (Reason.PROPERTY_INVALID, 1)]  # a warning refuses nothing
    assert len(api.stored()) == 3 + 1 + 3
    notes = [one for one in debugger.latest(source, Wanted(show="refused")) if isinstance(one, debugger.Refused)]
    assert sorted((one.reason, one.name, one.detail, one.n) for one in notes) == [
        ("not_in_plan", "Ordr", "event 'Ordr'", 0),
        ("not_in_plan", "Ordr", "event 'Ordr'", 1),
        ("property_invalid", "Order Completed", "total: expected number, got string", 0),
        ("property_invalid", "Order Completed", "total: expected number, got string", 1),
    ]


def test_a_plan_does_not_stop_a_no_to_analytics(api: Tracking, workspace: Workspace, source: Source) -> None:
    actions.save_plan(workspace=workspace, yaml=PLAN, by=None)
    actions.set_plan_mode(source=source, mode=Source.PlanMode.BLOCK, by=None)
    consent = {"consent": {"categoryPreferences": {"analytics": False}}}
    assert send(api, {"event": "Consent Updated", "userId": "u1", "context": consent}) == [0]


def test_pages_of_other_sites_are_refused_and_subdomains_may_send(api: Tracking, source: Source) -> None:
    actions.change_source(
        source=source, name="Shop", kind=Source.Kind.WEBSITE, by=None,
        origins=["https://shop.example", "https://*.shop.example"],
    )  # fmt: skip
    api.learn()
    assert api.post("/v1/track", GOOD, origin="https://shop.example").status == 200
    assert api.post("/v1/track", GOOD, origin="https://www.shop.example").status == 200
    assert api.post("/v1/track", GOOD).status == 200  # a server says no origin
    assert api.post("/v1/track", GOOD, origin="https://shop.example.evil.example").status >= 400
    assert len(api.stored()) == 3
    assert api.rejected() == [(Reason.ORIGIN_NOT_ALLOWED, 1)]


def test_a_disabled_key_and_a_source_that_is_off_write_nothing(api: Tracking, source: Source) -> None:
    actions.switch_source(source=source, enabled=False, by=None)
    api.learn()
    assert api.post("/v1/track", GOOD).status == 404
    actions.switch_source(source=source, enabled=True, by=None)
    for key in source.keys.all():
        actions.disable_key(key=key, by=None)
    api.learn()
    assert api.post("/v1/track", GOOD).status == 401
    assert api.stored() == []
    assert api.rejected() == [(Reason.SOURCE_DISABLED, 1)]


def test_nothing_is_stored_about_a_suppressed_person_until_it_is_lifted(api: Tracking, workspace: Workspace) -> None:
    kinds = Regulation.Type
    regulating.create_regulation(workspace=workspace, kind=kinds.SUPPRESS_ONLY, subject_ids=["u1"], by=None)
    assert send(api, GOOD, {**GOOD, "userId": "u2"}) == [1, 0]
    regulating.create_regulation(workspace=workspace, kind=kinds.UNSUPPRESS, subject_ids=["u1"], by=None)
    assert send(api, GOOD) == [0]
    assert api.stored("user_id") == ["u2", "u1"]
    assert api.rejected() == [(Reason.SUPPRESSED, 1)]


def test_what_was_sent_is_in_the_debugger(api: Tracking, workspace: Workspace, source: Source) -> None:
    send(api, GOOD, {"userId": "u1"})
    api.rejected()
    page = logged_in(workspace).get(address(source, "debugger/")).content.decode()
    assert ">order_placed</a>" in page
    assert ">No event name</a>" in page
    assert logged_in(workspace).get(address(source)).content.decode().count("Waiting for your first event") == 0
