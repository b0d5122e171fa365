"""Teams, calendars, rules, policies and the acknowledgement by the REST API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from cxm.accounts.actions import create_api_key
from cxm.accounts.models import ApiKey, AuditEntry, Membership, Role, Workspace
from cxm.act.cases import actions
from cxm.testing.cast import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db
DAY = [["09:00", "17:00"]]
SUBJECTS = {"routing-rules": "routingrule", "service-levels": "servicepolicy"}


def test_a_program_sets_up_a_team_with_hours_rules_and_targets() -> None:
    workspace, other = make_workspace(), make_workspace("Other", make_user("x@example.com"))
    agent = make_member(workspace, Role.AGENT, "petro@example.com")

    def key(of: Workspace, role: Role) -> str:
        by = Membership.objects.get(workspace=of, role=Role.OWNER).user
        return create_api_key(workspace=of, kind=ApiKey.Kind.SECRET, name="test", by=by, role=role)[1]

    secret = key(workspace, Role.ADMIN)

    def ask(method: str, path: str, body: Any = None, status: int = 200, by: str = secret) -> Any:
        answer = Client().generic(
            method, f"/api/v1/{path}", b"" if body is None else json.dumps(body),
            content_type="application/json", headers={"Authorization": f"Bearer {by}"},
        )  # fmt: skip
        assert answer.status_code == status, (path, answer.content)
        return answer.json() if answer.content else None

    week = [DAY, DAY, DAY, DAY, DAY, [], []]
    calendar = ask("POST", "calendars", {"name": "Office", "time_zone": "Europe/Kyiv", "week": week}, 201)
    assert calendar["week"] == week and ask("GET", "calendars") == [calendar]
    assert ask("POST", "calendars", {"name": "O", "time_zone": "Mars", "week": week}, 422)["code"] == "refused"
    changed = {**calendar, "holidays": [{"on": "12-25", "name": "Christmas", "hours": []}]}
    assert ask("PUT", f"calendars/{calendar['id']}", changed)["holidays"] == changed["holidays"]
    team = ask("POST", "teams", {"name": "Service", "calendar_id": calendar["id"], "is_default": True,
                                 "gives_cases": True}, 201)  # fmt: skip
    member = ask("PUT", f"teams/{team['id']}/members", {"person": str(agent.uuid), "skills": ["refunds"]})
    assert (member["name"], member["skills"], member["capacity"]) == ("Petro", ["refunds"], 20)
    condition = {"field": "category", "operator": "is", "values": ["billing"]}
    rule = ask("POST", "routing-rules", {"name": "Bills", "team_id": team["id"], "condition": condition}, 201)
    assert ask("GET", "routing-rules") == [rule]
    wrong = {"name": "Bills", "team_id": team["id"], "condition": {"field": "weather", "values": ["bad"]}}
    assert ask("PUT", f"routing-rules/{rule['id']}", wrong, 422)["code"] == "refused"
    assert ask("POST", "routing-rules", {**wrong, "condition": {"a": 1}}, 422)["code"] == "invalid_input"
    definition = {"targets": {"first_reply": {"2": 60}}, "on_breach": [{"do": "tag", "to": "late"}]}
    level = ask("POST", "service-levels", {"name": "Standard", "definition": definition}, 201)
    assert (level["version"], level["definition"]) == (1, definition)
    assert ask("PUT", f"service-levels/{level['id']}", {"name": "S", "definition": {"targets": {}}}, 422)
    again = ask("PUT", f"service-levels/{level['id']}", {"name": "S", "definition": {**definition, "warn_at": 50}})
    assert again["version"] == 2
    setting = {"is_on": True, "promises": False, "within_s": 30, "texts": {"en": {"text": "Hi"}}}
    assert ask("PUT", "acknowledgement", setting) == ask("GET", "acknowledgement") == setting
    expected = ask("GET", f"teams/{team['id']}/expected-answer")
    assert (expected["at"], expected["answers"], expected["waiting"]) == (None, 0, 0)
    case = actions.open_case(workspace=workspace, subject="Leak", opened_by="message:1", by=None)
    (clock,) = ask("GET", f"cases/{case.number}/clocks")
    assert (clock["kind"], clock["target_s"], clock["policy_version"]) == ("first_reply", 3600, 2)
    case.refresh_from_db()
    assert case.owner == agent

    more = {"routing-rules": {"name": "All", "team_id": team["id"]},
            "service-levels": {"name": "Gold", "definition": definition}}  # fmt: skip
    for path, body in more.items():
        first, second = ask("GET", path)[0]["id"], ask("POST", path, body, 201)["id"]
        for wrong_ids in ([first], [first, first, second], [second, first, 10**6], []):
            assert ask("PUT", f"{path}/order", {"ids": wrong_ids}, 422)["code"] == "refused"
        assert [one["id"] for one in ask("GET", path)] == [first, second], "nothing changed"
        assert [one["id"] for one in ask("PUT", f"{path}/order", {"ids": [second, first]})] == [second, first]
        assert [(one["id"], one["position"]) for one in ask("GET", path)] == [(second, 0), (first, 1)]
        moved = AuditEntry.objects.filter(verb="moved", subject=SUBJECTS[path]).order_by("pk")
        assert [(one.subject_id, one.changes) for one in moved] == [
            (str(second), {"position": [1, 0]}), (str(first), {"position": [0, 1]})
        ]  # fmt: skip
        ask("PUT", f"{path}/order", {"ids": [second, first]})
        assert moved.count() == 2, "who kept their place did not move"
        ask("DELETE", f"{path}/{second}", None, 204)

    before = AuditEntry.objects.count()
    small, foreign = key(workspace, Role.AGENT), key(other, Role.ADMIN)
    before += 2  # the two keys
    for path in ("teams", "calendars", "routing-rules", "service-levels"):
        assert len(ask("GET", path, by=small)) == 1 and ask("GET", path, by=foreign) == []
    for path, body in (
        (f"teams/{team['id']}", {"name": "X"}), (f"calendars/{calendar['id']}", changed),
        (f"service-levels/{level['id']}", {"name": "X", "definition": definition}),
        (f"routing-rules/{rule['id']}", {"name": "X", "team_id": team["id"]}),
    ):  # fmt: skip
        order = f"{path.partition('/')[0]}/order"
        if order.partition("/")[0] in SUBJECTS:
            ask("PUT", order, {"ids": [int(path.rpartition("/")[2])]}, 403, by=small)
            ask("PUT", order, {"ids": [int(path.rpartition("/")[2])]}, 422, by=foreign)
        ask("PUT", path, body, 403, by=small)
        ask("PUT", path, body, 404, by=foreign)
        ask("DELETE", path, None, 403, by=small)
        ask("DELETE", path, None, 404, by=foreign)
    assert AuditEntry.objects.count() == before
    ask("DELETE", f"teams/{team['id']}", None, 422)
    ask("DELETE", f"teams/{team['id']}/members/{agent.uuid}", None, 204)
    for path in (f"routing-rules/{rule['id']}", f"service-levels/{level['id']}", f"calendars/{calendar['id']}"):
        ask("DELETE", path, None, 204)
    assert ask("GET", "calendars") == ask("GET", "service-levels") == []
