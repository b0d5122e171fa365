"""Cases by REST: a key opens, changes, answers and ends them, and sees none of another workspace."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role, User, Workspace
from cxm.act.cases import actions, history
from cxm.act.cases.models import Case, Team
from cxm.listen.channels.models import Channel, Message
from cxm.testing.cast import make_customer, make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db


class Caller:
    def __init__(self, key: str) -> None:
        self.client, self.headers = Client(), {"authorization": f"Bearer {key}"}

    def __call__(self, method: str, path: str, body: Any = None, expect: int = 200) -> Any:
        answer = self.client.generic(
            method, f"/api/v1/{path}", json.dumps(body) if body is not None else "", "application/json",
            headers=self.headers,
        )  # fmt: skip
        assert answer.status_code == expect, answer.content
        return answer.json() if answer.content else None


def caller(workspace: Workspace, role: Role) -> Caller:
    owner = User.objects.get(memberships__workspace=workspace, memberships__role=Role.OWNER)
    _row, key = create_api_key(workspace=workspace, name=role, kind=ApiKey.Kind.SECRET, role=role, by=owner)
    return Caller(key)


def test_a_case_from_its_opening_to_its_end() -> None:
    workspace = make_workspace()
    Channel.objects.create(workspace=workspace, kind="email", name="Support", address="help@kettles.example")
    Team.objects.create(workspace=workspace, name="Billing")
    petro = make_member(workspace, Role.AGENT, "petro@example.com")
    ada = make_customer(workspace, "Ada", email="ada@example.com")
    call = caller(workspace, Role.ANALYST)
    given = {"subject": "Refund", "reference": "order-7", "customer": str(ada.pk), "priority": "high", "tags": ["x"]}
    one = call("POST", "cases", given, 201)
    assert (one["number"], one["state"], one["priority"], one["opened_by"]) == (1, "new", "high", "api:order-7")
    assert call("POST", "cases", given | {"subject": "Other"}, 201) == one, "the same reference is the same case"
    call("POST", "cases", {"subject": " "}, 422)
    call("POST", "cases", {"subject": "x", "team": "Nobody"}, 422)
    cause = call("POST", "root-causes", {"name": "Delivery"}, 201)
    change = {"tags": ["a"], "priority": "low", "complaint": True, "root_cause": cause["id"], "category": "money"}
    one = call("PATCH", "cases/1", change)
    assert (one["tags"], one["priority"], one["complaint"], one["root_cause"]) == (["a"], "low", True, cause["id"])
    one = call("POST", "cases/1/assign", {"team": "Billing", "owner": petro.email, "reason": "money"})
    assert (one["team"], one["owner"], one["reassigned"]) == ("Billing", "petro@example.com", 1)
    call("POST", "cases/1/assign", {"owner": "nobody@example.com"}, 422)
    one = call("POST", "cases/1/replies", {"text": "It is on its way."}, 201)
    assert one["first_replied_at"] is None, "a program is no person"
    assert Message.objects.get().text == "It is on its way."
    note = call("POST", "cases/1/notes", {"text": "Paid by hand"}, 201)
    assert (note["kind"], note["text"]) == ("note", "Paid by hand")
    task = call("POST", "cases/1/tasks", {"text": "Check the card", "team": "Billing"}, 201)
    call("PATCH", f"cases/1/tasks/{task['id']}", {"state": "declined"}, 422)
    assert call("PATCH", f"cases/1/tasks/{task['id']}", {"state": "done", "result": "ok"})["state"] == "done"
    call("POST", "cases/1/snooze", {"until": "2020-01-01T00:00:00Z"}, 422)
    call("POST", "cases/1/resolve", {"resolution": "whatever"}, 422)
    assert call("POST", "cases/1/resolve", {"resolution": "compensated"})["state"] == "resolved"
    assert call("POST", "cases/1/reopen")["reopened"] == 1
    call("POST", "cases", {"subject": "The same", "customer": str(ada.pk)}, 201)
    assert call("POST", "cases/2/links", {"number": 1})["number"] == 2
    assert call("POST", "cases/2/merge", {"number": 1})["number"] == 1
    assert call("GET", "cases/2")["merged_into"] == 1
    told = call("GET", "cases/1/history")
    kinds = [entry["kind"] for entry in told]
    assert kinds[:4] == ["opened", "tagged", "priority", "described"] and kinds[-1] == "took_in"
    # The key (its name is that of its role here) is named, not the person who made it, as in the audit trail.
    assert {entry["by"] for entry in told} == {"analyst"} and "analyst set the priority to Low" in [
        entry["title"] for entry in told
    ]
    assert AuditEntry.objects.filter(subject="case", verb="priority", by_name__startswith="analyst (").exists()
    assert [row["number"] for row in call("GET", "cases?state=us&team=Billing&q=refund")["items"]] == [1]
    page = call("GET", "cases?limit=1")
    assert [row["number"] for row in page["items"]] == [2]
    assert [row["number"] for row in call("GET", f"cases?limit=1&cursor={page['next']}")["items"]] == [1]
    assert call("GET", "root-causes")[0]["cases"] == 1
    call("POST", "saved-replies", {"name": "Late", "texts": {"en": "Sorry, {customer.name}"}}, 201)
    assert [one["name"] for one in call("GET", "saved-replies")] == ["Late"]
    # The customer's page shows the cases, too.
    client = Client()
    client.force_login(petro)
    page = client.get(f"/w/{workspace.slug}/cases/1/?stay=1").content.decode()
    assert "analyst set the priority to Low" in page and "<bdi>analyst</bdi></strong>" in page, "a deed and a note"
    assert "OpenCXM set" not in page
    assert "#1 <bdi>Refund</bdi>" in client.get(f"/w/{workspace.slug}/customers/{ada.pk}/").content.decode()


def test_other_workspaces_and_small_roles() -> None:
    workspace, other = make_workspace(), make_workspace("Other", make_user("o@example.com"))
    actions.open_case(workspace=workspace, subject="Secret", opened_by="person:1", by=None)
    foreign, viewer = caller(other, Role.ADMIN), caller(workspace, Role.VIEWER)
    for path in ("cases/1", "cases/1/history", "cases/1/tasks"):
        foreign("GET", path, expect=404)
        viewer("GET", path)
    deeds = {"notes": {"text": "x"}, "replies": {"text": "x"}, "resolve": {"resolution": "solved"}, "assign": {}}
    for deed, body in deeds.items():
        foreign("POST", f"cases/1/{deed}", body, 404)
        viewer("POST", f"cases/1/{deed}", body, 403)
    assert foreign("GET", "cases") == {"items": [], "next": None}
    viewer("POST", "cases", {"subject": "x"}, 403)
    caller(workspace, Role.AGENT)("POST", "root-causes", {"name": "x"}, 403)
    case = Case.objects.get()
    assert (case.version, case.entries.count()) == (1, 1)


def test_who_is_gone_is_still_named_in_the_history() -> None:
    workspace = make_workspace()
    petro = make_member(workspace, Role.AGENT, "petro@example.com")
    case = actions.open_case(workspace=workspace, subject="Refund", opened_by="person:1", by=petro)
    petro.delete()
    (entry,) = case.entries.all()
    assert (entry.by, history.sentence(entry)) == (None, "Petro opened it")
