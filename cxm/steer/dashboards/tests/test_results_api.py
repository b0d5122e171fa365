"""Responses and results by REST."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, Role, Workspace
from cxm.listen.surveys.models import Response, Survey
from cxm.steer.dashboards.models import ResultsExport
from cxm.steer.dashboards.surveys import exporting
from cxm.testing.cast import make_customer, make_user, make_workspace

from .given import owner_of
from .given_surveys import given_two_waves

pytestmark = pytest.mark.django_db


@pytest.fixture
def survey() -> Survey:
    return given_two_waves(make_workspace())


def key_of(workspace: Workspace, role: Role = Role.OWNER) -> str:
    return create_api_key(workspace=workspace, name="k", kind=ApiKey.Kind.SECRET, role=role, by=owner_of(workspace))[1]


class Api:
    def __init__(self, workspace: Workspace, survey: Survey, role: Role = Role.OWNER) -> None:
        self.head = {"authorization": f"Bearer {key_of(workspace, role)}"}
        self.base = f"/api/v1/surveys/{survey.pk}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        return getattr(Client(), method)(
            f"{self.base}{path}", data=body, content_type="application/json", headers=self.head
        )  # fmt: skip

    def get(self, path: str, **query: Any) -> Any:
        return Client().get(f"{self.base}{path}", query, headers=self.head)


def test_figures_come_with_intervals(survey: Survey) -> None:
    found = Api(survey.workspace, survey).get("/results", filter="channel:is:email").json()
    nps = found["questions"][0]
    # May: 2 promoters, 4 passives, 14 detractors of 20
    assert nps["figures"][0]["value"] == -60 and nps["n"] == 20 and nps["figures"][0]["method"] == "nps_plus_one"
    assert (found["completed"], found["completion"]["value"], found["seconds"]["value"]) == (20, 1.0, 120.0)
    earlier = Api(survey.workspace, survey).get("/results", until="2026-04-01T00:00:00Z").json()
    assert earlier["questions"][0]["figures"][0]["value"] == 40
    assert Api(survey.workspace, survey).get("/results", filter="nonsense").status_code == 422
    assert Api(survey.workspace, survey).get("/results", filter="property.x:is:1").status_code == 422


def test_two_questions_and_waves(survey: Survey) -> None:
    api = Api(survey.workspace, survey)
    table = api.get("/two-questions", first="plan", second="nps").json()
    assert table["rows"] == ["Free", "Paid"] and table["people"] == 36
    assert table["tests"][0]["test"] == "kruskal_wallis" and table["tests"][0]["clear"]
    assert api.get("/two-questions", first="plan", second="plan").status_code == 422
    waves = api.get("/waves", by="month").json()
    first = waves["rows"][0]["waves"]
    assert [one["value"] for one in first] == [40, -60] and first[1]["verdict"] == "down"
    assert first[1]["difference"] == -100 and first[0]["verdict"] is None


def test_responses_are_walked_and_changed(survey: Survey) -> None:
    api = Api(survey.workspace, survey)
    page = api.get("/responses", limit=30).json()
    rest = api.get("/responses", limit=30, cursor=page["next"]).json()
    assert len(page["items"]) == 30 and len(rest["items"]) == 10 and rest["next"] is None
    assert len({one["id"] for one in page["items"] + rest["items"]}) == 40
    assert api.get("/responses", cursor="bm9uc2Vuc2U=").status_code == 400
    one = page["items"][0]["id"]
    owner = owner_of(survey.workspace)
    changed = api.call("patch", f"/responses/{one}", {"tags": ["vip"], "handled": True, "assigned_to": owner.email})
    assert changed.status_code == 200 and changed.json()["tags"] == ["vip"]
    assert changed.json()["assigned_to"] == owner.email and changed.json()["handled_at"]
    assert api.call("patch", f"/responses/{one}", {"assigned_to": "eve@example.com"}).status_code == 422
    assert api.call("patch", f"/responses/{one}", {"archived": True}).json()["archived_at"]
    assert len(api.get("/responses", limit=100).json()["items"]) == 39
    assert len(api.get("/responses", archived=True).json()["items"]) == 1
    assert api.call("delete", f"/responses/{one}").status_code == 204
    assert Response.objects.count() == 39


def test_exports_are_asked_for_and_fetched(survey: Survey) -> None:
    api = Api(survey.workspace, survey)
    made = api.call("post", "/exports", {"form": "jsonl"})
    assert made.status_code == 202 and made.json()["state"] == "waiting"
    one = ResultsExport.objects.get()
    assert api.get(f"/exports/{one.pk}/file").status_code == 404
    exporting.run(one.pk)
    assert api.get(f"/exports/{one.pk}").json() | {"size": 0} == {
        "id": str(one.pk), "form": "jsonl", "state": "done", "done": 40, "total": 40, "size": 0
    }  # fmt: skip
    file = api.get(f"/exports/{one.pk}/file")
    assert b"".join(file.streaming_content).count(b"\n") == 40
    assert api.call("post", "/exports", {"form": "exe"}).status_code == 422


def test_a_strangers_key_and_a_viewers_key_change_nothing(survey: Survey) -> None:
    response = survey.responses.first()
    assert response is not None
    other = make_workspace("Other", owner=make_user("eve@example.com"))
    stranger = Api(other, survey)
    for path in ("/results", "/responses", "/waves", f"/responses/{response.pk}"):
        assert stranger.get(path).status_code == 404
    assert stranger.call("patch", f"/responses/{response.pk}", {"archived": True}).status_code == 404
    viewer = Api(survey.workspace, survey, Role.VIEWER)
    assert viewer.call("patch", f"/responses/{response.pk}", {"archived": True}).status_code == 403
    assert viewer.call("delete", f"/responses/{response.pk}").status_code == 403
    assert viewer.call("post", "/exports", {"form": "csv"}).status_code == 403
    response.refresh_from_db()
    assert response.archived_at is None and ResultsExport.objects.count() == 0


def test_a_segment_means_the_same_for_numbers_and_people(survey: Survey) -> None:
    from cxm.record.customers.models import Segment
    from cxm.record.customers.snapshotting import rebuild_snapshot
    from cxm.testing.answered import answered

    workspace = survey.workspace
    pro, free = make_customer(workspace, "Ada", traits={"plan": "pro"}), make_customer(workspace, "Bo")
    rebuild_snapshot(workspace)
    answered(survey, {"nps": 10}, customer=pro)
    answered(survey, {"nps": 0}, customer=free)
    segment = Segment.objects.create(
        workspace=workspace, name="Pro", condition={"field": "trait.plan", "operator": "is", "values": ["pro"]}
    )
    api = Api(workspace, survey)
    found = api.get("/results", filter=f"segment:is:{segment.pk}").json()
    assert found["completed"] == 1 and found["questions"][0]["figures"][0]["value"] == 100
    assert len(api.get("/responses", filter=f"segment:is:{segment.pk}").json()["items"]) == 1
    assert api.get("/results", filter="trait.plan:is:pro").json()["completed"] == 1
    assert api.get("/results", filter="trait.plan:is:pro").json()["questions"][0]["n"] == 1
    assert len(api.get("/responses", filter="trait.plan:is_not:pro", limit=500).json()["items"]) == 41  # all others
    assert api.get("/results", filter="trait.plan:is_not:pro").json()["questions"][0]["n"] == 41
    assert api.get("/results", filter="segment:is:nonsense").status_code == 422
