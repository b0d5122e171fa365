"""The pages of recovery, full of things, in a browser: accessible, never too wide, and quiet."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.models import Role, Workspace
from cxm.act.cases.actions import open_case
from cxm.act.cases.effects import report
from cxm.act.cases.improving import save_measure, take_effect
from cxm.act.cases.models import Cause, Measure, Play
from cxm.act.cases.recovery import carry_out, save_play, start_play
from cxm.act.cases.views import recovery as views
from cxm.lib.conditions import Condition
from cxm.record.eventlog.outbox import move_outbox
from cxm.testing.browser import OpenPage, log_in
from cxm.testing.cast import answer, given_events, make_customer, make_workspace

from .test_pages_in_browser import check, looks

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
LONG = "a_name_that_somebody_made_by_gluing_everything_together_without_a_single_space_in_it"


@pytest.fixture
def workspace() -> Workspace:
    """A test that is complete, a play without one, a draft, and two measures."""
    made = make_workspace()
    owner = made.memberships.get(role=Role.OWNER).user
    condition = Condition(field="category", operator="is", values=("delivery",))
    tested = save_play(workspace=made, by=owner, name="Call", kind="call", text="Say sorry.", hold_out=0.5, cost=4.5,
                       currency="EUR", customers=40, condition=condition)  # fmt: skip
    whole = save_play(workspace=made, by=owner, name=LONG, kind="apology", hold_out=0.0, position=1,
                      condition=Condition(field="category", operator="is", values=("billing",)))  # fmt: skip
    save_play(workspace=made, by=owner, name="Draft", kind="refund", position=2)
    for play in (tested, whole):
        start_play(play=play, by=owner)
    later, now = [], timezone.now()
    for number in range(60):
        category = "delivery" if number < 40 else "billing" if number < 50 else "other"
        customer = make_customer(made, f"C{number}", pk=UUID(int=made.pk << 64 | number))
        case = open_case(workspace=made, subject="Late", opened_by=f"answer:{number}", customer=customer,
                         category=category, by=None)  # fmt: skip
        helped = hasattr(case, "play") and case.play.arm == "play"
        if helped:
            carry_out(case=case, by=owner)
        for days, score in ((-3, 2), (3, min(10, number % 4 + (6 if helped else 3)))):
            when = f"{now + timedelta(days=days):%Y-%m-%d %H:%M:%S}"
            later.append(answer(made, score, when, customer_id=customer.pk, scale="0-10"))
    move_outbox()
    given_events(later)
    cause = Cause.objects.create(workspace=made, name=LONG)
    measure = save_measure(workspace=made, by=owner, name=LONG, text=LONG, cause=cause, owner=owner, expected=-2)
    take_effect(measure=measure, by=owner, at=now - timedelta(days=60))
    save_measure(workspace=made, by=owner, name="Not yet")
    return made


@looks
def test_the_pages_of_recovery_look_right(
    open_page: OpenPage, live_server: Any, workspace: Workspace, width: int, dark: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = timezone.now() + timedelta(days=31)
    monkeypatch.setattr(views, "report", lambda play: report(play, month))
    page = open_page(width, dark)
    log_in(page, live_server, workspace.memberships.get(role=Role.OWNER).user)
    slug = workspace.slug
    plays = [reverse("recovery:play", args=[slug, one.pk]) for one in Play.objects.all()]
    measures = [reverse("recovery:measure", args=[slug, one.pk]) for one in Measure.objects.all()]
    forms = [
        reverse("recovery:edit", args=[slug, Play.objects.all()[0].pk]),
        reverse("recovery:new_measure", args=[slug]),
    ]
    lists = [reverse("recovery:list", args=[slug]), reverse("recovery:measures", args=[slug])]
    for number, address in enumerate([*lists, *plays, *measures, *forms]):
        page.goto(live_server.url + address)
        check(page)
        if folder := os.environ.get("CXM_SHOTS"):
            page.screenshot(path=f"{folder}/{width}-{dark}-{number}.png", full_page=True)
