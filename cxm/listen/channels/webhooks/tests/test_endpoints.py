"""Endpoints on pages and by REST: made, changed, rotated, tested, replayed, by administrators only."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.test import Client
from django.utils import timezone

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role, User, Workspace
from cxm.listen.channels.actions import Refused
from cxm.listen.channels.webhook_models import WebhookAttempt, WebhookEndpoint, WebhookMessage, WebhookSecret
from cxm.listen.channels.webhooks import actions
from cxm.testing.cast import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db
URL = "https://example.com/hooks"


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def workspace(owner: User) -> Workspace:
    return make_workspace(owner=owner)


def by(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response: Any) -> str:
    return str(response.content.decode())


def test_an_administrator_makes_uses_and_removes_an_endpoint_on_pages(workspace: Workspace, owner: User) -> None:
    client, home = by(owner), f"/w/{workspace.slug}/webhooks/"
    assert "No endpoints yet" in text_of(client.get(home))
    bad = client.post(home + "new/", {"url": "https://10.0.0.1/", "scheme": "v1"})
    assert bad.status_code == 422 and "public addresses only" in text_of(bad)
    assert not WebhookEndpoint.objects.exists()
    made = client.post(
        home + "new/",
        {"url": URL, "name": "Slack", "types": ["case.created"], "more": "mine.of_tea, case", "scheme": "v1"},
    )
    endpoint, secret = WebhookEndpoint.objects.get(), WebhookSecret.objects.get()
    assert secret.secret in text_of(made)
    page = f"{home}{endpoint.pk}/"
    assert secret.secret not in text_of(client.get(page)) and "whsec_" not in text_of(client.get(page))
    assert endpoint.types == ["case.created", "mine.of_tea", "case"]
    assert "Slack" in text_of(client.get(home))

    changed = client.post(page + "change/", {"url": URL + "/2", "name": "", "types": [], "more": "no type!"})
    assert changed.status_code == 422 and "is no type" in text_of(changed)
    assert client.post(page + "change/", {"url": URL + "/2", "types": [], "more": ""}).status_code == 302
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.types, endpoint.name) == (URL + "/2", [], "")

    rotated = text_of(client.post(page + "rotate/", {"scheme": "v1a", "hours": "1"}))
    newest = WebhookSecret.objects.order_by("-pk")[0]
    assert newest.public in rotated and newest.secret not in rotated
    assert newest.public in text_of(client.get(page)), "a public key may be seen again"
    assert client.post(page + "rotate/", {"scheme": "v1", "hours": "1000"}).status_code == 422

    sent = client.post(page + "test/")
    message = WebhookMessage.objects.get()
    assert sent["Location"] == f"{page}messages/{message.pk}/"
    WebhookAttempt.objects.create(
        message=message, number=1, at=timezone.now(), status=500, answer="<b>boom</b>", duration_ms=12
    )
    shown = text_of(client.get(sent["Location"]))
    assert "webhook.test" in shown and "&lt;b&gt;boom&lt;/b&gt;" in shown and message.public_id in shown
    assert "on its way already" in text_of(client.post(sent["Location"] + "replay/", follow=True))
    WebhookMessage.objects.update(state="failed", attempts=10)
    assert message.type in text_of(client.get(page + "?state=failed&type=webhook"))
    assert "No messages" in text_of(client.get(page + "?state=delivered"))
    client.post(sent["Location"] + "replay/")
    assert WebhookMessage.objects.filter(state="waiting", attempts=0).count() == 1
    WebhookMessage.objects.update(state="failed")
    now = timezone.now()
    span = {
        "since": f"{now - timedelta(hours=1):%Y-%m-%dT%H:%M}",
        "until": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M}",
    }
    assert "1 message is sent again" in text_of(client.post(page + "replay/", span, follow=True))
    assert client.post(page + "replay/", {"since": span["until"], "until": span["since"]}).status_code == 422

    client.post(page + "switch/", {"to": "off"})
    assert client.post(page + "test/", follow=True).status_code == 200 and WebhookMessage.objects.count() == 1
    client.post(page + "switch/", {"to": "on"})
    client.post(page + "remove/")
    assert not WebhookEndpoint.objects.exists() and not WebhookMessage.objects.exists()
    verbs = set(AuditEntry.objects.filter(subject="webhookendpoint").values_list("verb", flat=True))
    assert verbs == {
        "created", "changed", "rotated", "tested", "replayed", "switched off", "switched on", "removed"
    }  # fmt: skip


def test_others_see_and_change_nothing(workspace: Workspace, owner: User) -> None:
    endpoint = actions.create_endpoint(workspace=workspace, url=URL, by=owner)[0]
    analyst = make_member(workspace, Role.ANALYST, "analyst@example.com")
    stranger = make_user("stranger@example.com", "Stranger")
    for user, status in ((analyst, 403), (stranger, 404)):
        client = by(user)
        for address in ("", "new/", f"{endpoint.pk}/", f"{endpoint.pk}/change/"):
            assert client.get(f"/w/{workspace.slug}/webhooks/{address}").status_code == status
        for address in ("new/", f"{endpoint.pk}/remove/", f"{endpoint.pk}/rotate/", f"{endpoint.pk}/switch/"):
            assert client.post(f"/w/{workspace.slug}/webhooks/{address}", {"url": URL}).status_code == status
    with pytest.raises(PermissionDenied):
        actions.rotate(endpoint=endpoint, by=analyst)
    assert (WebhookEndpoint.objects.count(), WebhookSecret.objects.count()) == (1, 1)
    endpoint.refresh_from_db()
    assert endpoint.off_at is None


def test_a_program_keeps_endpoints_by_rest(workspace: Workspace, owner: User) -> None:
    _key, secret = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="ops", role=Role.ADMIN, by=owner)
    _small, agent = create_api_key(
        workspace=workspace, kind=ApiKey.Kind.SECRET, name="agent", role=Role.AGENT, by=owner
    )

    def ask(method: str, path: str, body: Any = None, key: str = secret) -> Any:
        return Client(headers={"authorization": f"Bearer {key}"}).generic(
            method, f"/api/v1/webhooks/{path}", data=json.dumps(body or {}), content_type="application/json"
        )

    assert ask("POST", "endpoints", {"url": "ftp://example.com"}).status_code == 422
    assert ask("POST", "endpoints", {"url": URL}, agent).status_code == 403
    made = ask("POST", "endpoints", {"url": URL, "types": ["case"], "scheme": "v1"})
    assert made.status_code == 201
    assert made.json()["secret"]["secret"].startswith("whsec_")
    at = f"endpoints/{made.json()['endpoint']['id']}"
    shown = ask("GET", at).json()
    assert (shown["url"], shown["types"], shown["off_reason"], shown["public_keys"]) == (URL, ["case"], "", [])
    assert "secret" not in str(shown)
    assert ask("PATCH", at, {"name": "Ops"}).json()["name"] == "Ops"
    rotated = ask("POST", f"{at}/rotate", {"scheme": "v1a", "overlap_s": 60}).json()
    assert rotated["secret"].startswith("whpk_")
    assert ask("GET", at).json()["public_keys"] == [rotated["secret"]]
    assert ask("GET", "endpoints").json()["items"][0]["name"] == "Ops"
    test = ask("POST", f"{at}/test").json()
    assert (test["type"], test["state"]) == ("webhook.test", "waiting")
    [listed] = ask("GET", f"{at}/messages?state=waiting").json()["items"]
    assert listed["webhook_id"] == test["webhook_id"]
    whole = ask("GET", f"{at}/messages/{test['id']}").json()
    assert whole["tries"] == [] and '"type":"webhook.test"' in whole["body"]
    assert ask("POST", f"{at}/messages/{test['id']}/replay").status_code == 422, "it is on its way"
    WebhookMessage.objects.update(state="cancelled")
    assert ask("POST", f"{at}/messages/{test['id']}/replay").json()["state"] == "waiting"
    WebhookMessage.objects.update(state="failed")
    span = {"since": "2020-01-01T00:00:00Z", "until": "2100-01-01T00:00:00Z"}
    assert ask("POST", f"{at}/replay", span).json() == {"messages": 1}
    assert (
        ask("POST", f"{at}/replay", {"since": "2020-01-01T00:00:00", "until": "2100-01-01T00:00:00Z"}).status_code
        == 422
    )
    assert ask("POST", f"{at}/off").json()["off_reason"] == "person"
    assert ask("POST", f"{at}/test").status_code == 422
    assert ask("POST", f"{at}/on").json()["off_at"] is None
    types = {one["type"]: one for one in ask("GET", "types", key=agent).json()}
    assert types["case.created"]["data"]["required"][0] == "event_id"
    assert ask("DELETE", at).status_code == 204
    assert ask("GET", at).status_code == 404


def test_limits_are_kept(workspace: Workspace, owner: User, monkeypatch: Any) -> None:
    monkeypatch.setattr(actions, "MOST_ENDPOINTS", 1)
    actions.create_endpoint(workspace=workspace, url=URL, by=owner)
    with pytest.raises(Refused):
        actions.create_endpoint(workspace=workspace, url=URL, by=owner)
    for types in (["a b"], [f"t{n}" for n in range(101)], ["x" * 101], [".a"], ["a."]):
        with pytest.raises(Refused):
            actions.checked_types(types)
    for url in (
        "https://127.0.0.1/",
        "http://[::1]:8000/",
        "https://169.254.169.254/latest",
        "https://e.example/" + "a" * 2000,
    ):
        with pytest.raises(Refused):
            actions.checked_url(url)
    with pytest.raises(ValueError), transaction.atomic():
        actions.tell(workspace=workspace, type="a..b", data={}, at=timezone.now())
