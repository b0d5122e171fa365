"""Sources and their keys are made, rotated and deleted by programs of administrators; deleting leaves the events."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.access import api_key_for
from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Role
from cxm.record.capture.models import Source
from cxm.testing.cast import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db


def test_a_source_lives_and_ends_by_rest_and_on_its_page() -> None:
    workspace, other = make_workspace(), make_workspace("Other", owner=make_user("other@example.com"))
    clear: dict[str, str] = {}
    for role in (Role.ANALYST, Role.ADMIN):
        _key, clear[role] = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="x", role=role, by=None)
    _key, clear["other"] = create_api_key(workspace=other, kind=ApiKey.Kind.SECRET, name="x", role=Role.ADMIN, by=None)

    def ask(method: str, path: str, body: Any = None, who: str = Role.ADMIN) -> tuple[int, Any]:
        reply = Client().generic(
            method, f"/api/v1/sources{path}", json.dumps(body) if body is not None else "", "application/json",
            headers={"Authorization": f"Bearer {clear[who]}"},
        )  # fmt: skip
        return reply.status_code, reply.json() if reply.content else None

    wanted = {"name": "Shop", "kind": "website", "origins": ["https://shop.example"]}
    assert ask("POST", "", wanted, Role.ANALYST)[0] == 403 and not Source.objects.filter(name="Shop").exists()
    assert ask("POST", "", {**wanted, "kind": "fridge"})[1]["code"] == "bad_kind"
    assert ask("POST", "", {**wanted, "origins": ["ftp://x"]})[1]["code"] == "bad_origin"
    status, made = ask("POST", "", wanted)
    assert status == 201, made
    assert (status, made["name"], made["enabled"], made["origins"]) == (201, "Shop", True, ["https://shop.example"])
    first, path = made["key"], f"/{made['id']}"
    assert api_key_for(first, ApiKey.Kind.WRITE)
    assert [one["name"] for one in ask("GET", "")[1]["items"] if one["id"] == made["id"]] == ["Shop"]
    assert ask("GET", path, who="other")[0] == ask("DELETE", path, who="other")[0] == 404
    status, second = ask("POST", f"{path}/keys", {"name": "new"})
    assert status == 201 and api_key_for(second["key"], ApiKey.Kind.WRITE)
    keys = ask("GET", f"{path}/keys")[1]
    assert {one["name"] for one in keys} == {"Shop", "new"} and "key" not in keys[0]
    old = next(one["id"] for one in keys if one["name"] == "Shop")
    assert ask("DELETE", f"{path}/keys/{old}")[0] == 204 and not api_key_for(first, ApiKey.Kind.WRITE)
    changed = ask("PATCH", path, {"enabled": False, "name": "Web shop"})[1]
    assert (changed["name"], changed["enabled"], changed["kind"]) == ("Web shop", False, "website")

    address = f"/w/{workspace.slug}/sources/{made['id']}/delete/"
    analyst, owner = Client(), Client()
    analyst.force_login(make_member(workspace, Role.ANALYST, "analyst@example.com"))
    owner.force_login(workspace.memberships.get(role=Role.OWNER).user)
    assert analyst.post(address).status_code == 403 and Source.objects.filter(name="Web shop").exists()
    assert "its events stay" in owner.post(address, follow=True).content.decode()
    assert not Source.objects.filter(name="Web shop").exists() and not api_key_for(second["key"], ApiKey.Kind.WRITE)
    verbs = list(AuditEntry.objects.filter(subject="source").order_by("pk").values_list("verb", flat=True))
    assert verbs[-3:] == ["changed", "changed", "deleted"]
