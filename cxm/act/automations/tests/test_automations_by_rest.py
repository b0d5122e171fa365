"""Workflows by programs: made, published, started and stopped over REST; and called by their own address."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role
from cxm.act.automations.models import Run, Workflow
from cxm.record.customers.models import Identity
from cxm.testing.cast import make_customer, make_user, make_workspace

from .given import carry_on

pytestmark = pytest.mark.django_db


def test_a_workflow_by_rest_and_by_its_own_address() -> None:
    owner = make_user()
    workspace = make_workspace(owner=owner)
    _row, secret = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="k", role=Role.ANALYST, by=owner)
    ada = make_customer(workspace, "Ada", email="ada@example.com")
    Identity.objects.create(workspace=workspace, customer=ada, kind="email", value="ada@example.com")

    def call(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        response = getattr(Client(), method)(
            f"/api/v1/automations{path}", data=json.dumps(body) if body is not None else None,
            content_type="application/json", headers={"authorization": f"Bearer {secret}"},
        )  # fmt: skip
        assert response.status_code == status, response.content
        return response.json() if response.content else None

    definition = {
        "trigger": {"kind": "webhook"},
        "condition": {"field": "property.total", "operator": "more_than", "values": [10]},
        "steps": [{"id": "tag", "kind": "tag", "name": "called"}, {"id": "w", "kind": "wait", "days": 1}],
    }
    assert call("post", "", {"name": "X", "definition": {"steps": 3}}, 422)["code"] == "refused"
    made = call("post", "", {"name": "Called", "definition": {**definition, "steps": []}}, 201)
    assert [one["code"] for one in made["problems"]] == ["no_steps"]
    at = f"/{made['id']}"
    assert "Add a first step." in call("post", at + "/state", {"do": "publish"}, 422)["detail"]
    assert call("patch", at, {"definition": definition})["problems"] == []
    workflow = Workflow.objects.get(name="Called")
    outside = Client(enforce_csrf_checks=True)

    def outsider(body: Any, status: int, key: str = "", **headers: str) -> Any:
        response = outside.post(
            f"/a/{key or workflow.key}", data=body, content_type="application/json", headers=headers
        )
        assert response.status_code == status, response.content
        return response.json()

    outsider('{"email": "ada@example.com"}', 404)  # not published
    call("post", at + "/state", {"do": "publish"})
    outsider('{"email": "ada@example.com"}', 409)  # off
    assert call("post", at + "/state", {"do": "on"})["is_on"] is True

    order = json.dumps({"email": "ADA@example.com", "properties": {"total": 25}})
    for _repeat in range(2):
        assert outsider(order, 202) == {"begun": 1}
    assert outsider('{"email": "ada@example.com", "total": 5}', 202) == {"begun": 0}
    outsider("[1]", 400)
    for broken in ("{", "[" * 60_000, r'{"email": "\ud800"}'):
        outsider(broken, 400)
    outsider(" " * 70_000, 413)
    outsider(order, 404, key="guess")
    assert outside.get(f"/a/{workflow.key}").status_code == 405
    assert [run.customer for run in Run.objects.all()] == [ada]
    begun = call("post", at + "/runs", {"customer_id": str(ada.pk), "key": "7", "properties": {"total": 11}}, 202)
    assert begun == {"begun": 1} and Run.objects.count() == 2
    carry_on()
    runs = call("get", at + f"/runs?state=active&customer={ada.pk}")["items"]
    assert len(runs) == 2
    one = call("get", f"/runs/{runs[0]['id']}")
    assert [(step["step"], step["outcome"]) for step in one["steps"]] == [("tag", "done")]
    call("post", f"/runs/{runs[0]['id']}/stop", status=204)
    call("post", f"/runs/{runs[0]['id']}/stop", status=422)
    assert call("get", at + "/dry-run")["looks_back"] is False
    assert call("post", at + "/state", {"do": "stop"})["is_on"] is False
    assert set(Run.objects.values_list("state", flat=True)) == {"stopped"}
    assert len(call("get", "")["items"]) == 1
    call("post", at + "/state", {"do": "archive"})
    assert call("get", "")["items"] == []
    call("get", "/999999999999999999999999", status=404)
