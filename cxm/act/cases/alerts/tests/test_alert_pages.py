"""The pages of alerts and rules, and REST: who may do what, and what a reader sees."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role, User, Workspace
from cxm.act.cases.alerts.actions import create_rule
from cxm.act.cases.alerts.recipes import RECIPES
from cxm.act.cases.models import Alert, AlertRule, Case
from cxm.testing.cast import answer, given_events, make_member, make_user, make_workspace

from .test_raise_alerts import answered, flow, nps_at_most

pytestmark = pytest.mark.django_db


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def owner_of(workspace: Workspace) -> User:
    return workspace.memberships.get(role=Role.OWNER).user


def test_a_rule_is_written_from_a_recipe_tried_saved_muted_and_deleted(workspace: Workspace) -> None:
    owner = owner_of(workspace)
    client, base = signed_in(owner), f"/w/{workspace.slug}/cases/alerts/"
    given_events([answer(workspace, 2, timezone.now().strftime("%Y-%m-%d 00:00"), comment="Broken")])
    page = client.get(f"{base}rules/").content.decode()
    assert page.count("?recipe=") == len(RECIPES)
    for recipe in RECIPES:
        assert client.get(f"{base}rules/new/?recipe={recipe.key}").status_code == 200
    shown = client.get(f"{base}rules/new/?recipe=detractor")
    form, when = shown.context["form"], shown.context["when"]
    sent: dict[str, Any] = {
        name: value for name, value in ((one.html_name, one.value()) for one in form) if value not in (None, False, "")
    }
    for name, value in when.sent():
        sent.setdefault(name, []).append(value)
    tried = client.post(f"{base}rules/new/?recipe=detractor", {**sent, "do": "preview"})
    assert tried.status_code == 200
    assert (tried.context["form"].errors, tried.context["when"].problems, tried.context["problem"]) == ({}, [], "")
    assert "1 alert in the past 30 days" in tried.content.decode()
    assert "NPS 2: Broken" in tried.content.decode()
    assert not AlertRule.objects.exists()
    bad = client.post(f"{base}rules/new/?recipe=detractor", {**sent, "name": ""})
    assert bad.status_code == 422
    assert not AlertRule.objects.exists()
    assert client.post(f"{base}rules/new/?recipe=detractor", sent).status_code == 302
    rule = AlertRule.objects.get()
    assert (rule.name, rule.kind, rule.opens_case, rule.users, rule.case) == (
        "Detractor", "answer", True, [owner.pk], {"category": "recovery", "priority": 3},
    )  # fmt: skip
    assert len(rule.condition["all"]) == 2
    assert client.post(f"{base}rules/new/?recipe=detractor", sent).status_code == 422  # the name is taken
    assert client.get(f"{base}rules/{rule.pk}/").status_code == 200
    client.post(f"{base}rules/{rule.pk}/mute/", {"hours": "8"})
    client.post(f"{base}rules/{rule.pk}/switch/", {"on": "0"})
    rule.refresh_from_db()
    assert (rule.is_on, bool(rule.muted_until), rule.version) == (False, True, 3)
    assert "Off" in client.get(f"{base}rules/").content.decode()
    assert client.post(f"{base}rules/{rule.pk}/delete/").status_code == 302
    verbs = list(AuditEntry.objects.filter(subject="alertrule").order_by("pk").values_list("verb", flat=True))
    assert verbs == ["created", "muted", "changed", "deleted"]


def test_the_bell_counts_until_an_alert_is_seen_and_strangers_see_nothing(workspace: Workspace) -> None:
    owner, agent = owner_of(workspace), make_member(workspace, Role.AGENT, "petro@example.com")
    viewer, stranger = make_member(workspace, Role.VIEWER, "vera@example.com"), make_user("stranger@example.com")
    rule = create_rule(
        workspace=workspace, name="Detractor", kind="answer", condition=nps_at_most(6), by=owner, users=[agent.pk],
        opens_case=True,
    )  # fmt: skip
    AlertRule.objects.update(on_since=datetime(2026, 1, 1, tzinfo=UTC))
    flow(answered(workspace, 1, comment="<script>alert(1)</script>"), answered(workspace, 1, "bob"))
    base = f"/w/{workspace.slug}/cases/alerts/"
    client = signed_in(agent)
    page = client.get(base).content.decode()
    assert page.count('class="fw-bold"') == 2
    assert "<script>alert(1)" not in page
    assert ">2<span" in client.get(f"{base}bell/").content.decode()
    alert = Alert.objects.order_by("at").first()
    assert alert is not None
    shown = client.get(f"{base}{alert.pk}/").content.decode()
    assert "Who was told" in shown
    assert "Petro" in shown
    assert ">1<span" in client.get(f"{base}bell/").content.decode()
    assert len(client.get(f"{base}?new=1").context["rows"]) == 1
    client.post(f"{base}see/")
    assert "badge" not in client.get(f"{base}bell/").content.decode()
    # An agent mutes, but writes no rules; a viewer sees no alerts; a stranger nothing at all.
    assert client.post(f"{base}rules/{rule.pk}/mute/", {"hours": "1"}).status_code == 302
    for address in (f"{base}rules/new/?kind=answer", f"{base}rules/{rule.pk}/"):
        assert client.get(address).status_code == 403
    assert client.post(f"{base}rules/{rule.pk}/delete/").status_code == 403
    assert signed_in(viewer).get(base).status_code == 403
    for address in (base, f"{base}{alert.pk}/", f"{base}bell/", f"{base}rules/", f"{base}rules/{rule.pk}/"):
        assert signed_in(stranger).get(address).status_code == 404
    assert signed_in(stranger).post(f"{base}rules/{rule.pk}/delete/").status_code == 404
    assert AlertRule.objects.filter(pk=rule.pk, is_on=True).exists()
    # Nobody of another workspace reads this one's alerts through their own.
    other = make_workspace("Other", owner=stranger)
    assert signed_in(stranger).get(f"/w/{other.slug}/cases/alerts/{alert.pk}/").status_code == 404


def key_of(workspace: Workspace, role: Role) -> str:
    return create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name=str(role), by=None, role=role)[1]


def test_rest_has_rules_and_alerts(workspace: Workspace) -> None:
    def call(method: str, path: str, body: Any = None, role: Role = Role.ANALYST) -> Any:
        answer = Client().generic(
            method, f"/api/v1/alerts{path}", json.dumps(body) if body is not None else b"",
            content_type="application/json", headers={"Authorization": f"Bearer {keys[role]}"},
        )  # fmt: skip
        return answer.status_code, json.loads(answer.content) if answer.content else None

    keys = {role: key_of(workspace, role) for role in (Role.AGENT, Role.ANALYST)}
    rule = {"name": "Words", "kind": "words", "what": {"phrases": ["refund"]}, "opens_case": True}
    assert call("POST", "/rules", rule, Role.AGENT)[0] == 403
    assert call("POST", "/rules", {**rule, "what": {"phrases": []}})[1]["code"] == "refused"
    assert call("POST", "/rules", {**rule, "what": {"nonsense": 1}})[1]["code"] == "bad_rule"
    for what in ({"metric": "resolution"}, {"metric": "nps", "mode": "beyond"}):
        assert call("POST", "/rules", {"name": "M", "kind": "metric", "what": what})[0] == 422
    assert not AlertRule.objects.exists()
    status, made = call("POST", "/rules", rule)
    assert (status, made["what"], made["version"]) == (201, {"phrases": ["refund"]}, 1)
    AlertRule.objects.update(on_since=datetime(2026, 1, 1, tzinfo=UTC))
    flow(answered(workspace, 9, comment="refund please"))
    _status, page = call("GET", "", role=Role.AGENT)
    [alert] = page["items"]
    assert (alert["about"], alert["rule"], alert["case"]) == (
        "“refund” in: refund please", made["id"], str(Case.objects.get().pk),
    )  # fmt: skip
    assert call("GET", f"/{alert['id']}")[1]["times"] == 1
    assert call("GET", f"?rule={made['id']}")[1]["items"] == [alert]
    assert call("PATCH", f"/rules/{made['id']}", {"is_on": False})[1]["is_on"] is False
    assert call("POST", f"/rules/{made['id']}/mute", {"until": "2027-01-01T00:00:00Z"}, Role.AGENT)[0] == 200
    assert call("POST", "/rules/preview", rule)[1]["times"] == 0
    assert call("DELETE", f"/rules/{made['id']}")[0] == 204
    assert call("GET", "")[1]["items"][0]["rule"] is None
