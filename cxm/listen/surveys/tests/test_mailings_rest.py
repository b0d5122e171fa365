"""Mailings, invitations, the contact budget and messages over REST."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.listen.channels.models import Delivery, Suppression
from cxm.listen.channels.tests.test_bounces import dsn, sent
from cxm.listen.surveys.distribution import actions, running
from cxm.listen.surveys.models import Contact, Invitation, Mailing
from cxm.record.customers.models import Segment
from cxm.record.customers.snapshot import put_snapshot
from cxm.testing.cast import make_customer, make_user, make_workspace

from .test_mailings import make_live, owner_of

pytestmark = pytest.mark.django_db


class Caller:
    def __init__(self, workspace: Workspace, role: Role = Role.ANALYST) -> None:
        _key, secret = create_api_key(
            workspace=workspace, kind=ApiKey.Kind.SECRET, name="k", role=role, by=owner_of(workspace)
        )
        self.headers = {"Authorization": f"Bearer {secret}"}

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        answer = Client().post(
            f"/api/v1{path}", json.dumps(body), content_type="application/json", headers=self.headers
        )
        return answer.status_code, answer.json() if answer.content else None

    def get(self, path: str) -> tuple[int, Any]:
        answer = Client().get(f"/api/v1{path}", headers=self.headers)
        return answer.status_code, answer.json()


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def test_a_mailing_is_made_started_and_stopped(workspace: Workspace) -> None:
    survey, caller = make_live(workspace), Caller(workspace)
    path = f"/surveys/{survey.pk}/mailings"
    assert caller.post(path, {"name": "May", "people": ["nonsense"]})[0] == 422
    status, made = caller.post(path, {"name": "May", "people": ["a@example.com"], "remind_after_days": [3]})
    assert (status, made["state"]) == (201, "draft")
    assert caller.post(f"/mailings/{made['id']}/start")[1]["state"] == "sending"
    assert caller.post(f"/mailings/{made['id']}/start")[0] == 409
    assert caller.post(f"/mailings/{made['id']}/stop")[1]["state"] == "stopped"
    assert [one["name"] for one in caller.get(path)[1]["items"]] == ["May"]
    other = Caller(make_workspace("Lviv Lamps", owner=make_user("lviv@example.com")))
    assert other.get(f"/mailings/{made['id']}")[0] == 404
    assert Caller(workspace, Role.AGENT).post(path, {"name": "x"})[0] == 403
    assert Mailing.objects.count() == 1


def test_a_mailing_goes_to_those_in_segments_and_not_in_others(workspace: Workspace) -> None:
    survey, caller = make_live(workspace), Caller(workspace)
    traits = [{"plan": "gold", "city": "Lviv"}, {"plan": "gold", "city": "Kyiv"}, {"plan": "tin", "city": "Lviv"},
              {"plan": "gold", "city": "Lviv", "asked": "lately"}]  # fmt: skip
    told = [make_customer(workspace, f"P{n}", email=f"p{n}@example.com", traits=one) for n, one in enumerate(traits)]
    put_snapshot(workspace.pk, [one.pk for one in told])

    def segment(of: Workspace, field: str, value: str) -> str:
        condition = {"field": f"trait.{field}", "operator": "is", "values": [value]}
        return str(Segment.objects.create(workspace=of, name=value, condition=condition).pk)

    gold, lviv, asked = [segment(workspace, *one) for one in (("plan", "gold"), ("city", "Lviv"), ("asked", "lately"))]
    path = f"/surveys/{survey.pk}/mailings"
    body = {"name": "May", "segment": gold, "also_in": [lviv], "not_in": [asked]}
    status, made = caller.post(path, body)
    assert (status, made["segment"]) == (201, gold)
    mailing = Mailing.objects.get(pk=made["id"])
    assert (mailing.also_in, mailing.not_in) == ([lviv], [asked])
    assert (made["also_in"], made["not_in"]) == ([lviv], [asked])
    assert list(running.wanted(mailing)) == [told[0].pk]  # gold: P0, P1, P3; in Lviv: P0, P3; P3 was asked lately
    everybody = caller.post(path, body | {"also_in": [], "not_in": []})[1]
    assert set(running.wanted(Mailing.objects.get(pk=everybody["id"]))) == {told[0].pk, told[1].pk, told[3].pk}
    theirs = segment(make_workspace("Lviv Lamps", owner=make_user("lviv@example.com")), "plan", "gold")
    refused: list[Any] = [{"also_in": [theirs]}, {"not_in": [theirs]}, {"also_in": ["nonsense"]}, {"segment": ""}]
    refused.append({"not_in": [lviv] * 11})
    assert [caller.post(path, body | one)[0] for one in refused] == [422] * 5
    assert Mailing.objects.count() == 2


def test_a_personal_link_is_made_unless_the_budget_says_no(workspace: Workspace) -> None:
    survey, caller, ada = make_live(workspace), Caller(workspace), make_customer(workspace, email="ada@example.com")
    actions.save_rule(workspace=workspace, name="Once a month", most=1, days=30, by=owner_of(workspace))
    status, made = caller.post(f"/surveys/{survey.pk}/invitations", {"customer_id": str(ada.pk)})
    assert status == 201
    assert made["link"].endswith(f"/s/i/{Invitation.objects.get().token}")
    status, problem = caller.post(f"/surveys/{survey.pk}/invitations", {"customer_id": str(ada.pk), "send": True})
    assert status == 409
    assert "“NPS wave 3” asked on" in problem["detail"]
    assert Invitation.objects.count() == 1


def test_senders_of_your_own_ask_the_same_budget(workspace: Workspace) -> None:
    survey, caller, ada = make_live(workspace), Caller(workspace), make_customer(workspace)
    actions.save_rule(workspace=workspace, name="Once a month", most=1, days=30, by=owner_of(workspace))
    one = {"customer_id": str(ada.pk), "survey_id": survey.pk, "channel": "sms"}
    looked = caller.post("/contact-budget/decisions", {"requests": [one], "record": False})[1]
    assert (looked[0]["allowed"], Contact.objects.count()) == (True, 0)
    first, second = caller.post("/contact-budget/decisions", {"requests": [one, one]})[1]
    assert (first["allowed"], second["allowed"], second["reason"]) == (True, False, "rule")
    assert second["free_at"]
    stranger = make_customer(make_workspace("Lviv Lamps", owner=make_user("lviv@example.com")))
    assert caller.post("/contact-budget/decisions", {"requests": [one | {"customer_id": str(stranger.pk)}]})[0] == 404
    assert Contact.objects.count() == 1


def test_a_bounce_is_handed_in_as_it_came(workspace: Workspace) -> None:
    caller, delivery = Caller(workspace), sent(workspace)
    answer = Client().post(
        "/api/v1/messages/reports", dsn(delivery.pk), content_type="message/rfc822", headers=caller.headers
    )
    assert (answer.status_code, answer.json()) == (200, {"taken": 1})
    assert Delivery.objects.get().state == "bounced"
    status, listed = caller.get("/messages")
    assert status == 200, listed
    assert listed["items"][0]["state"] == "bounced"
    assert caller.get("/messages/suppressions")[1]["items"][0]["reason"] == "bounced"


def test_addresses_are_suppressed_and_released(workspace: Workspace) -> None:
    caller = Caller(workspace)
    assert caller.post("/messages/suppressions", {"address": "nonsense"})[0] == 422
    status, made = caller.post("/messages/suppressions", {"address": "Ada@Example.com"})
    assert (status, made["address"]) == (201, "ada@example.com")
    gone = Client().delete(f"/api/v1/messages/suppressions/{made['id']}", headers=caller.headers)
    assert gone.status_code == 204
    assert not Suppression.objects.exists()
