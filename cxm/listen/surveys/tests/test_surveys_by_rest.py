"""Surveys by REST: list, read, create, replace, publish, states, versions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.listen.surveys.models import Survey
from cxm.testing.cast import make_user, make_workspace

from .test_publish_a_survey import made, small

pytestmark = pytest.mark.django_db


def caller(workspace: Workspace, role: Role = Role.ANALYST) -> Any:
    owner = workspace.memberships.order_by("pk")[0].user
    key = create_api_key(workspace=workspace, kind=ApiKey.Kind.SECRET, name="k", role=role, by=owner)[1]
    client = Client(headers={"Authorization": f"Bearer {key}"})

    def call(method: str, path: str, body: Any = None, status: int = 200) -> Any:
        answer = client.generic(
            method.upper(), f"/api/v1/surveys{path}", msgspec.json.encode(body) if body is not None else b"",
            content_type="application/json",
        )  # fmt: skip
        assert answer.status_code == status, answer.content
        return answer.json()

    return call


def test_a_survey_is_created_replaced_published_and_read() -> None:
    workspace = make_workspace()
    call = caller(workspace)
    definition = msgspec.to_builtins(small())
    made_here = call("post", "", {"name": "By a program", "definition": definition}, 201)
    number = made_here["survey"]["id"]
    assert (made_here["survey"]["state"], made_here["survey"]["key"], made_here["problems"]) == (
        "draft",
        "by-a-program",
        [],
    )
    definition["title"] = {"en": "Another title"}
    changed = call("put", f"/{number}/definition", {"definition": definition, "revision": 0})
    assert (changed["survey"]["revision"], changed["definition"]["title"]) == (1, {"en": "Another title"})
    call("put", f"/{number}/definition", {"definition": definition, "revision": 0}, 409)
    assert call("post", f"/{number}/publish")["question_versions"] == {"nps": 1, "why": 1}
    assert call("post", f"/{number}/publish", status=422)["code"] == "refused"
    assert call("post", f"/{number}/state", {"do": "pause"})["state"] == "paused"
    assert call("post", f"/{number}/state", {"do": "pause"}, 422)["code"] == "refused"
    call("post", f"/{number}/state", {"do": "explode"}, 422)
    assert [one["number"] for one in call("get", f"/{number}/versions")["items"]] == [1]
    assert call("get", f"/{number}/versions/1")["definition"]["title"] == {"en": "Another title"}
    call("get", f"/{number}/versions/2", status=404)
    assert [(one["question"], one["number"]) for one in call("get", f"/{number}/wordings")["items"]] == [
        ("nps", 1),
        ("why", 1),
    ]
    assert [one["id"] for one in call("get", "?state=paused")["items"]] == [number]
    assert call("get", "?archived=true")["items"] == []


def test_what_is_wrong_is_named_by_its_place() -> None:
    survey = made()
    call = caller(survey.workspace)
    definition = msgspec.to_builtins(small())
    definition["pages"][0]["sections"][0]["questions"][0]["title"] = {}
    draft = call("put", f"/{survey.pk}/definition", {"definition": definition})
    assert [(one["code"], one["place"]) for one in draft["problems"]] == [("no_text", "question:nps")]
    assert call("post", f"/{survey.pk}/publish", status=422)["errors"][0]["field"] == "question:nps"
    definition["pages"][0]["id"] = "<script>"
    call("put", f"/{survey.pk}/definition", {"definition": definition}, 422)
    call("put", f"/{survey.pk}/definition", {"definition": {"surprise": 1}}, 422)
    call("put", f"/{survey.pk}/definition", {"definition": []}, 422)


def test_a_key_reaches_its_own_workspace_and_role_only() -> None:
    survey = made()
    other = caller(make_workspace("Other", owner=make_user("o@example.com")))
    other("get", f"/{survey.pk}", status=404)
    other("post", f"/{survey.pk}/publish", status=404)
    assert other("get", "")["items"] == []
    viewer = caller(survey.workspace, Role.VIEWER)
    viewer("get", f"/{survey.pk}")
    viewer("post", f"/{survey.pk}/publish", status=403)
    viewer("get", f"/{2**70}", status=404)
    assert Survey.objects.get().version == 0
