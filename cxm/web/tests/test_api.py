"""The REST API: its key, its errors, its pages, and what it says of a workspace."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.actions import create_api_key, rename_workspace
from cxm.accounts.models import ApiKey, AuditEntry, Role, Workspace
from cxm.testing.cast import make_member, make_user, make_workspace
from cxm.web.api import api

pytestmark = pytest.mark.django_db


def get(path: str, key: str = "", **headers: str) -> Any:
    if key:
        headers["authorization"] = f"Bearer {key}"
    return Client().get(f"/api/v1{path}", headers=headers)


def make_key(workspace: Workspace, role: Role = Role.ADMIN) -> str:
    return create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="test", by=None, role=role)[1]


def test_a_key_sees_its_own_workspace() -> None:
    workspace = make_workspace(time_zone="Europe/Kyiv")
    make_workspace("Other", owner=make_user("stranger@example.com"))
    answer = get("/workspace", make_key(workspace, Role.VIEWER))
    assert answer.status_code == 200
    assert answer.json() == {
        "uuid": str(workspace.uuid), "slug": "kyiv-kettles", "name": "Kyiv Kettles", "time_zone": "Europe/Kyiv",
        "currency": "EUR", "is_sample": False, "created_at": answer.json()["created_at"],
    }  # fmt: skip


def test_members_come_in_pages() -> None:
    workspace = make_workspace()
    for n in range(4):
        make_member(workspace, Role.AGENT, f"agent{n}@example.com")
    key = make_key(workspace)
    page = get("/members?limit=2", key).json()
    seen, pages = [one["email"] for one in page["items"]], 1
    while page["next"]:
        page = get(f"/members?limit=2&cursor={page['next']}", key).json()
        seen += [one["email"] for one in page["items"]]
        pages += 1
    assert pages == 3  # 2 + 2 + 1
    assert seen == ["olena@example.com", *(f"agent{n}@example.com" for n in range(4))]


def test_the_audit_trail_needs_an_administrators_key() -> None:
    workspace = make_workspace()
    rename_workspace(workspace=workspace, name="Kettles", by=None)
    refused = get("/audit", make_key(workspace, Role.ANALYST))
    assert (refused.status_code, refused.json()["code"]) == (403, "role_too_small")
    entries = get("/audit?verb=changed", make_key(workspace)).json()["items"]
    assert [(one["verb"], one["subject"], one["changes"]) for one in entries] == [
        ("changed", "workspace", {"name": ["Kyiv Kettles", "Kettles"]})
    ]
    newest_first = [one["verb"] for one in get("/audit", make_key(workspace)).json()["items"]]
    assert newest_first[-2:] == ["changed", "created"]


def test_errors_have_a_code_and_a_sentence() -> None:
    workspace = make_workspace()
    key = make_key(workspace)
    for path, used, status, code in [
        ("/workspace", "", 401, "key_required"),
        ("/workspace", "cxm_secret_nonsense", 401, "key_required"),
        ("/members?cursor=%00", key, 400, "bad_cursor"),
        ("/members?cursor=zzzz", key, 400, "bad_cursor"),
        ("/members?limit=0", key, 422, "invalid_input"),
        ("/audit?since=yesterday", key, 422, "invalid_input"),
        ("/nothing", key, 404, "no_such_address"),
    ]:
        answer = get(path, used)
        assert answer["Content-Type"] == "application/problem+json", path
        problem = answer.json()
        assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code), path
        assert problem["detail"].endswith((".", "”.")) and problem["type"] == "about:blank"
    assert get("/workspace").headers["WWW-Authenticate"] == "Bearer"
    assert get("/members?limit=0", key).json()["errors"][0]["field"].endswith("limit")


def test_a_failure_of_ours_is_a_problem_too(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    key = make_key(workspace)
    monkeypatch.setattr("cxm.accounts.api.members_of", lambda _workspace: 1 / 0)
    answer = get("/members", key)
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "ZeroDivision" not in answer.content.decode()


def test_the_use_of_a_key_is_noted_once_a_minute() -> None:
    workspace = make_workspace()
    key = make_key(workspace)
    get("/workspace", key)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    get("/workspace", key)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=timezone.now() - timedelta(seconds=61))
    get("/workspace", key)
    noted = ApiKey.objects.get().last_used_at
    assert noted is not None and noted >= first
    assert AuditEntry.objects.filter(subject="apikey").count() == 1  # reading is no change


def test_the_reference_shows_every_operation_and_loads_nothing_from_elsewhere(client: Client) -> None:
    page = client.get("/api/v1/docs").content.decode()
    for path in api.get_openapi_schema()["paths"]:
        assert path in page
    assert "http" not in "".join(part.split('"')[0] for part in page.split('src="')[1:])
