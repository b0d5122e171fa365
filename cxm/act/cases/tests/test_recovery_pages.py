"""The pages of recovery: a play is made, tested and read; the survey after a case; an improvement measure."""

from __future__ import annotations

import html
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.models import Role, User, Workspace
from cxm.act.cases.actions import open_case
from cxm.act.cases.effects import report
from cxm.act.cases.models import Aftercare, Cause, Measure, Play, PlayAssignment
from cxm.act.cases.views import recovery as views
from cxm.record.eventlog.outbox import move_outbox
from cxm.testing.answered import make_survey
from cxm.testing.cast import answer, given_events, make_customer, make_member, make_workspace

pytestmark = pytest.mark.django_db

FORM = {
    "name": "Call back", "kind": "call", "text": "Say sorry first.", "cost": "4.50", "currency": "EUR",
    "percent": "50", "customers": "40", "window_days": "1", "position": "0",
    "when-0-join": "all", "when-0.0-field": "category", "when-0.0-shown": "category", "when-0.0-operator": "is",
    "when-0.0-value": "delivery",
}  # fmt: skip


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def analyst(workspace: Workspace, client: Client) -> User:
    user = make_member(workspace, Role.ANALYST, "ana@example.com")
    client.force_login(user)
    return user


def test_a_play_is_made_started_and_read(
    workspace: Workspace, analyst: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = f"/w/{workspace.slug}/recovery/"
    assert b"No play yet" in client.get(base).content
    assert client.get(base + "new/").status_code == 200
    wrong = client.post(base + "new/", {**FORM, "percent": "80"})
    assert wrong.status_code == 422 and not Play.objects.exists()
    assert client.post(base + "new/", FORM).status_code == 302
    play = Play.objects.get()
    assert (play.hold_out, play.cost, play.condition["all"][0]["field"]) == (0.5, 4.5, "category")
    page = f"{base}{play.pk}/"
    assert "has not begun" in client.get(page).content.decode()
    assert client.post(page + "start/").status_code == 302
    again = client.post(page + "edit/", {**FORM, "name": "Call them", "percent": "10"})
    play.refresh_from_db()
    assert again.status_code == 302 and (play.name, play.hold_out) == ("Call them", 0.5)  # the field is locked
    later, soon = [], timezone.now() + timedelta(hours=2)
    for number in range(40):
        customer = make_customer(workspace, f"C{number}")
        case = open_case(
            workspace=workspace, subject="Late", opened_by=f"answer:{number}", customer=customer, category="delivery",
            by=None,
        )  # fmt: skip
        later.append(answer(workspace, number % 11, f"{soon:%Y-%m-%d %H:%M:%S}", customer_id=customer.pk, scale="0-10"))
    move_outbox()
    given_events(later)
    assert "No customer's days are over" in html.unescape(client.get(page).content.decode())
    with monkeypatch.context() as patch:
        patch.setattr(views, "report", lambda one: report(one, soon + timedelta(days=3)))
        shown = client.get(page).content.decode()
    assert "The test is complete" in shown and "n = " in shown and "No evidence" in shown
    done = client.post(f"{base}of/{case.pk}/done/", {"cost": "7,5"})
    assert done.status_code == 302 and PlayAssignment.objects.get(case=case).cost == 7.5
    beside = client.get(f"/w/{workspace.slug}/cases/{case.number}/").content.decode()
    assert "Call them" in beside and "Carried out on" in beside
    assert client.post(page + "end/").status_code == 302
    assert client.post(page + "remove/").status_code == 302 and Play.objects.exists()
    assert client.post(page + "dance/").status_code == 404
    viewer = make_member(workspace, Role.VIEWER, "vera@example.com")
    client.force_login(viewer)
    assert client.get(page).status_code == client.get(base).status_code == 200
    assert client.post(page + "start/").status_code == client.get(base + "new/").status_code == 403
    assert client.post(f"{base}of/{case.pk}/done/").status_code == 403


def test_the_survey_after_a_case_is_chosen(workspace: Workspace, analyst: User, client: Client) -> None:
    survey = make_survey(workspace, key="after", name="After care")
    base = f"/w/{workspace.slug}/recovery/"
    assert client.post(base, {"is_on": "on", "survey": "999", "delay_hours": "1"}).status_code == 422
    assert not Aftercare.objects.exists()
    assert client.post(base, {"is_on": "on", "survey": str(survey.pk), "delay_hours": "24"}).status_code == 302
    care = Aftercare.objects.get()
    assert (care.survey, care.delay_hours, care.is_on) == (survey, 24, True)
    assert "After care" in client.get(base).content.decode()


def test_a_measure_is_made_against_a_cause_and_takes_effect(
    workspace: Workspace, analyst: User, client: Client
) -> None:
    cause = Cause.objects.create(workspace=workspace, name="Courier")
    base = f"/w/{workspace.slug}/recovery/measures/"
    assert b"No measure yet" in client.get(base).content
    assert f'value="{cause.pk}" selected' in client.get(f"{base}new/?cause={cause.pk}").content.decode()
    form = {"name": "Another courier", "cause": str(cause.pk), "owner": str(analyst.pk), "due_on": "2026-12-01",
            "metric": "cases_per_week", "filters": "", "expected": "-2", "weeks": "4"}  # fmt: skip
    assert client.post(base + "new/", {**form, "filters": "nonsense"}).status_code == 422
    assert client.post(base + "new/", form).status_code == 302
    measure = Measure.objects.get()
    page = f"{base}{measure.pk}/"
    assert client.post(page + "effect/", {"at": "nonsense"}).status_code == 302
    assert client.post(page + "effect/", {"at": "2026-01-05"}).status_code == 302
    measure.refresh_from_db()
    assert measure.in_effect_at is not None and measure.state == "in_effect"
    assert "4 weeks of 4 are over" in client.get(page).content.decode()
    changed = {**form, "metric": "nps", "filters": "touchpoint:is:delivery"}
    assert client.post(page + "edit/", changed).status_code == 302
    assert client.get(page).status_code == client.get(base).status_code == 200
    assert client.post(page + "drop/").status_code == 302
    measure.refresh_from_db()
    assert measure.state == "dropped" and client.post(page + "nothing/").status_code == 404
