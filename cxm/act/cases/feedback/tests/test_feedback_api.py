"""REST over the feedback inbox."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.testing.cast import answer, given_events, make_user, make_workspace
from cxm.understand.text.annotating import annotate_workspace

pytestmark = pytest.mark.django_db


class Caller:
    def __init__(self, workspace: Workspace, role: Role) -> None:
        owner = workspace.memberships.get().user
        _key, token = create_api_key(workspace=workspace, name=role, kind=ApiKey.Kind.SECRET, role=role, by=owner)
        self.client = Client(headers={"authorization": f"Bearer {token}"})

    def get(self, path: str, status: int = 200) -> Any:
        response = self.client.get(f"/api/v1/feedback{path}")
        assert response.status_code == status, response.content
        return json.loads(response.content)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        response = self.client.post(f"/api/v1/feedback{path}", json.dumps(body), content_type="application/json")
        assert response.status_code == status, response.content
        return json.loads(response.content)


def test_texts_over_rest() -> None:
    workspace = make_workspace()
    other = make_workspace("Other", make_user("other@example.com", "Other"))
    texts = [
        answer(workspace, score, f"2026-03-0{day} 12:00", comment=comment, channel=channel)
        for day, (score, comment, channel) in enumerate(
            [(1, "Terrible delivery, very bad", "email"), (10, "Great shop", "web"), (9, "Good, good shop", "web")], 1
        )
    ]
    given_events(texts)
    annotate_workspace(workspace.pk)
    agent, reader, stranger = Caller(workspace, Role.AGENT), Caller(workspace, Role.VIEWER), Caller(other, Role.OWNER)

    page = reader.get("?limit=2")
    assert [one["text"] for one in page["items"]] == ["Good, good shop", "Great shop"] and page["more"]
    assert [one["text"] for one in reader.get("?limit=2&page=2")["items"]] == ["Terrible delivery, very bad"]
    [bad] = reader.get("?sentiment=negative&sentiment=mixed&channel=email")["items"]
    assert (bad["score"], bad["kind"], bad["language"], bad["handled_at"]) == (1, "answer", "en", None)
    shown = {tag["kind"]: [bad["text"][start:end] for start, end in tag["spans"]] for tag in bad["tags_read"]}
    assert "Terrible" in shown["sentiment"] and shown["touchpoint"] == ["delivery"]
    assert reader.get("/count?q=shop") == {"n": 2, "more_than": False}
    assert reader.get(f"/{bad['id']}")["id"] == bad["id"]
    assert stranger.get("")["items"] == []
    assert stranger.get(f"/{bad['id']}", 404)["code"]
    assert reader.get("?assignee=me", 400)["code"] == "bad_filter"
    assert reader.get(f"?segment={uuid4()}", 400)["code"] == "bad_filter"
    assert reader.get("?personal=1", 403)["code"] == "role_too_small"

    done = agent.post("/deeds", {"texts": [bad["id"]], "do": "handled"})
    assert done["changed"] == 1 and agent.get("/count?handled=yes")["n"] == 1
    assert agent.post("/deeds", {"texts": [bad["id"]], "do": "tag", "tags": ["vip"]})["changed"] == 1
    assert agent.get("?tag=vip")["items"][0]["tags"] == ["vip"]
    assert agent.post("/deeds", {"texts": [bad["id"]], "do": "assign", "to": 99999}, 422)["code"] == "refused"
    assert agent.post(f"/deeds/{done['id']}/undo")["changed"] == 0  # it was tagged since
    assert agent.post(f"/deeds/{done['id']}/undo", status=422)["code"] == "refused"
    assert stranger.post("/deeds", {"texts": [bad["id"]], "do": "handled"}, 422)["code"] == "refused"
    assert reader.post("/deeds", {"texts": [bad["id"]], "do": "reopen"}, 403)["code"] == "role_too_small"

    made = agent.post(f"/{bad['id']}/corrections", {"kind": "sentiment", "value": "neutral"})
    assert (made["before"], made["value"]) == ("negative", "neutral")
    assert agent.get(f"/{bad['id']}")["sentiment"] == "neutral" and agent.get(f"/{bad['id']}")["corrected"]
    assert agent.post(f"/{bad['id']}/corrections", {"kind": "topic", "value": "none"}, 422)["code"] == "refused"
    assert agent.post(f"/{bad['id']}/corrections/{made['id']}/undo")["undone_at"]
    assert agent.get(f"/{bad['id']}")["sentiment"] == "negative" and not agent.get(f"/{bad['id']}")["corrected"]
    assert len(agent.get(f"/{bad['id']}/corrections")) == 1

    found = reader.get("/comparison?before_first=2026-03-01&before_last=2026-03-01&first=2026-03-02&last=2026-03-03")
    assert (found["n_before"], found["n_after"]) == (1, 2)
    assert {one["louder"] for one in found["lines"]} == {"no_evidence"}  # too few to judge
