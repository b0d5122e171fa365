"""Plays and measures by REST: the same verbs, the same refusals, and nothing for keys of others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.act.cases.actions import open_case
from cxm.act.cases.models import Cause, Play
from cxm.testing.cast import make_customer, make_user, make_workspace

pytestmark = pytest.mark.django_db


def caller(workspace: Workspace, client: Client, role: Role = Role.ADMIN) -> Any:
    owner = workspace.memberships.get(role=Role.OWNER).user
    _key, secret = create_api_key(workspace=workspace, name="k", kind=ApiKey.Kind.SECRET, role=role, by=owner)
    head: Any = {"HTTP_AUTHORIZATION": f"Bearer {secret}"}

    def call(method: str, path: str, body: Any = None) -> Any:
        return client.generic(
            method,
            f"/api/v1/recovery{path}",
            json.dumps(body).encode() if body is not None else b"",
            content_type="application/json",
            **head,
        )

    return call


def test_plays_and_measures_by_rest(client: Client) -> None:
    workspace = make_workspace()
    call = caller(workspace, client)
    condition = {"field": "category", "values": ["delivery"]}
    made = call("POST", "/plays", {"name": "Call", "condition": condition, "hold_out": 0.5, "customers": 40})
    assert made.status_code == 201, made.content
    play = made.json()
    assert (play["state"], play["condition"], play["window_days"]) == ("draft", condition, 30)
    for wrong in ({"name": "X", "kind": "dance"}, {"name": "X", "condition": {"field": "nonsense", "values": ["1"]}},
                  {"name": "X", "condition": {"nonsense": 1}}, {"name": "X", "hold_out": 0.9}):  # fmt: skip
        assert call("POST", "/plays", wrong).status_code == 422
    assert Play.objects.count() == 1
    path = f"/plays/{play['id']}"
    assert call("POST", f"{path}/start").json()["state"] == "running"
    changed = {"name": "Call", "condition": condition, "hold_out": 0.1, "customers": 40}
    assert call("PUT", path, changed).json()["code"] == "refused"
    assert call("PUT", path, {**changed, "hold_out": 0.5, "text": "Say sorry"}).json()["text"] == "Say sorry"
    case = open_case(
        workspace=workspace, subject="Late", opened_by="answer:1", customer=make_customer(workspace),
        category="delivery", by=None,
    )  # fmt: skip
    done = call("POST", f"/plays/of/{case.pk}/done", {"cost": 3}).json()
    assert (done["case_id"], done["cost"], done["place"]) == (str(case.pk), 3, 1)
    found = call("GET", f"{path}/effect").json()
    assert (found["assigned"], found["complete"], found["effects"], found["spent"]) == (1, False, [], 3)
    assert call("DELETE", path).status_code == 422
    assert call("POST", f"{path}/end").json()["state"] == "ended"
    assert [one["name"] for one in call("GET", "/plays").json()["items"]] == ["Call"]

    cause = Cause.objects.create(workspace=workspace, name="Courier")
    owner = workspace.memberships.get(role=Role.OWNER).user
    body = {"name": "New courier", "cause_id": cause.pk, "owner": owner.email, "expected": -2}
    measure = call("POST", "/measures", body).json()
    assert (measure["owner"], measure["metric"], measure["state"]) == (owner.email, "cases_per_week", "planned")
    assert call("GET", f"/measures/{measure['id']}/effect").json() is None
    assert (
        call("POST", f"/measures/{measure['id']}/effect", {"at": "2026-01-05T00:00:00Z"}).json()["state"] == "in_effect"
    )
    effect = call("GET", f"/measures/{measure['id']}/effect").json()
    assert (effect["weeks"], effect["before"], effect["after"]) == (12, 0, 0)
    assert call("PUT", f"/measures/{measure['id']}", {**body, "metric": "nonsense"}).status_code == 422

    other = caller(make_workspace("Other", make_user("else@example.com")), client)
    for method, address in (("GET", path), ("POST", f"{path}/start"), ("GET", f"/measures/{measure['id']}/effect"),
                            ("PUT", f"/measures/{measure['id']}")):  # fmt: skip
        assert other(method, address, body if method == "PUT" else None).status_code == 404
    viewer = caller(workspace, client, Role.VIEWER)
    assert viewer("GET", path).status_code == 200 and viewer("POST", "/plays", {"name": "Y"}).status_code == 403
