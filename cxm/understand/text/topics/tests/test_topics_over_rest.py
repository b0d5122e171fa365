"""Topics over REST: planted, written, matched, counted, merged and taken back; a key sees its workspace only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.testing.cast import answer, given_events, make_customer, make_user, make_workspace
from cxm.understand.text.annotating import annotate_workspace
from cxm.understand.text.models import Topic
from cxm.understand.text.panel import context

pytestmark = [pytest.mark.django_db, pytest.mark.once]  # pages and forms: the questions to the log are tested apart


class Rest:
    def __init__(self, workspace: Workspace, role: Role = Role.ANALYST) -> None:
        owner = workspace.memberships.get(role=Role.OWNER).user
        self.key = create_api_key(workspace=workspace, name=str(role), kind=ApiKey.Kind.SECRET, role=role, by=owner)[1]

    def __call__(self, method: str, address: str, body: Any = None) -> Any:
        client, headers = Client(), {"Authorization": f"Bearer {self.key}"}
        call: Any = (
            client.get(f"/api/v1/topics{address}", headers=headers)
            if method == "get"
            else getattr(client, method)(
                f"/api/v1/topics{address}", json.dumps(body), content_type="application/json", headers=headers
            )
        )
        self.status = call.status_code
        return json.loads(call.content) if call.content else None


def test_topics_are_kept_over_rest() -> None:
    workspace, other = make_workspace(), make_workspace("Other", owner=make_user("other@example.com"))
    rest, stranger, viewer = Rest(workspace), Rest(other), Rest(workspace, Role.VIEWER)
    assert {one["key"] for one in rest("get", "/starters")} >= {"retail", "bank", "clinic"}
    assert len(rest("post", "/starters/bank")) == 29
    made = rest("post", "", {"names": {"en": "Kettles"}, "words": {"en": ["kettle"]}, "parent": "cards"})
    assert (rest.status, made["key"], made["parent"], made["version"]) == (201, "kettles", "cards", 1)
    assert rest("post", "", {"names": {}})["code"] == "refused"
    assert rest("post", "", {"names": {"en": "X"}, "parent": "nothing"})["code"] == "not_found"
    [found] = rest("post", "/match", {"texts": ["Great kettle, but the ATM is bad."]})
    text = "Great kettle, but the ATM is bad."
    assert {one["topic"]: text[slice(*one["spans"][0])] for one in found} == {"kettles": "kettle", "atm": "ATM"}
    feels = {one["topic"]: one["sentiment"] for one in found}
    assert feels["kettles"] > 0 > feels["atm"]
    ada = make_customer(workspace, "Ada")
    day = timezone.now().strftime("%Y-%m-%d")
    given_events([answer(workspace, 5, f"{day} 00:00:00", customer_id=ada.pk, comment="Bad ATM.") for _n in range(12)])
    given_events([answer(workspace, 5, f"{day} 00:00:00", comment="A kettle.") for _n in range(8)])
    annotate_workspace(workspace.pk)
    counts = rest("get", "/counts")
    by_key = {one["topic"]: one["texts"] for one in counts["topics"]}
    assert (counts["texts"], by_key) == (20, {"cards": 20, "kettles": 8, "atm": 12})  # both stand below cards
    panel = context(workspace.memberships.get(role=Role.OWNER), [ada.pk])["customer_topics"]
    assert [(topic.key, n) for topic, n, _mood in panel] == [("cards", 12), ("atm", 12)]
    assert rest("patch", "/kettles", {"words": {"en": ["teapot"]}})["version"] == 2
    assert rest("post", "/kettles/merge", {"into": "atm"})["words"]["en"][-1] == "teapot"
    assert rest("get", "/kettles")["merged_into"] == "atm"
    by_key = {one["topic"]: one["texts"] for one in rest("get", "/counts")["topics"]}
    assert by_key == {"cards": 20, "atm": 20}  # what was counted came along
    assert rest("post", "/kettles/restore", {"number": 1})["words"] == {"en": ["kettle"]}
    assert [one["verb"] for one in rest("get", "/kettles/versions")] == ["restored", "merged", "changed", "created"]
    assert rest("post", "/kettles/move", {"parent": "", "before": "cards"})["parent"] is None
    assert rest("get", "")[0]["key"] == "kettles"
    [part] = rest("post", "/kettles/split", {"parts": [{"names": {"en": "Pots"}, "words": {"en": ["kettle"]}}]})
    assert part["parent"] == "kettles"
    example = rest("post", "/kettles/examples", {"text": "It whistles", "fits": True})
    assert [one["text"] for one in rest("get", "/kettles/examples")["items"]] == ["It whistles"]
    rest("delete", f"/kettles/examples/{example['id']}")
    assert rest.status == 204
    # Who may not
    n = Topic.objects.count()
    assert viewer("post", "", {"names": {"en": "Mine"}})["code"] == "role_too_small"
    assert stranger("get", "/kettles")["code"] == "not_found"
    assert stranger("patch", "/kettles", {"is_on": False})["code"] == "not_found"
    assert Topic.objects.count() == n
    assert stranger("get", "") == []
