"""Setting up teams, calendars, routing, policies and the acknowledgement by pages, as a browser sends them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.act.cases import actions
from cxm.act.cases.conditions import loaded
from cxm.act.cases.definition import Deed, Definition, Step, read
from cxm.act.cases.models import Acknowledgement, Calendar, CaseClock, PolicyVersion, RoutingRule, ServicePolicy, Team
from cxm.lib.conditions import Condition
from cxm.testing.cast import make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db
READ = ["teams/", "routing/", "levels/", "calendars/", "acknowledgement/"]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def where(workspace: Workspace, path: str) -> str:
    return f"/w/{workspace.slug}/cases/{path}"


def test_an_administrator_sets_up_everything_by_pages() -> None:
    workspace = make_workspace(time_zone="Europe/Kyiv")
    boss = workspace.memberships.get(role=Role.OWNER).user
    agent = make_member(workspace, Role.AGENT, "petro@example.com")
    client = signed_in(boss)

    def get(path: str) -> str:
        answer = client.get(where(workspace, path))
        assert answer.status_code == 200, path
        return str(answer.content.decode())

    def send(path: str, data: dict[str, Any], status: int = 302) -> str:
        answer = client.post(where(workspace, path), data)
        assert answer.status_code == status, answer.content.decode()[:3000]
        return str(answer.content.decode())

    for path in READ:
        get(path)
    # A calendar: what cannot be read is said beside the day, and nothing is lost.
    days = {"name": "Office", "time_zone": "Europe/Kyiv", "day_0": "9:00-13:00, 14:00-18:00", "day_5": "10-12"}
    text = send("calendars/new/", days, 422)
    assert "“10” cannot be read" in text and "9:00-13:00, 14:00-18:00" in text and not Calendar.objects.exists()
    assert "“2026-13-01” cannot be read" in send(
        "calendars/new/", {**days, "day_5": "", "holidays": "2026-13-01 x"}, 422
    )
    assert "never open" in send("calendars/new/", {**days, "day_0": "", "day_5": ""}, 422)
    holidays = "12-25 Christmas\n2026-12-24 09:00-12:00 Christmas Eve"
    send("calendars/new/", {**days, "day_5": "", "holidays": holidays})
    calendar = Calendar.objects.get()
    assert calendar.week == [[["09:00", "13:00"], ["14:00", "18:00"]], [], [], [], [], [], []]
    assert calendar.holidays == [
        {"on": "12-25", "name": "Christmas", "hours": []},
        {"on": "2026-12-24", "name": "Christmas Eve", "hours": [["09:00", "12:00"]]},
    ]
    text = get(f"calendars/{calendar.pk}/")
    assert "2026-12-24 09:00-12:00 Christmas Eve" in text and "09:00–13:00, 14:00–18:00" in text
    send(f"calendars/{calendar.pk}/", {**days, "day_5": "", "holidays": holidays, "name": "Kyiv"})
    # A team and a member.
    send("teams/new/", {"name": "Service", "calendar": calendar.pk, "is_default": "on"})
    team = Team.objects.get()
    assert (team.calendar, team.is_default, team.gives_cases) == (calendar, True, False)
    assert "Make another one the default" in send(f"teams/{team.pk}/", {"name": "Service"}, 422)
    member = {"person": str(agent.uuid), "capacity": "5", "languages": "uk, en", "skills": "refunds"}
    send(f"teams/{team.pk}/members/new/", member)
    (row,) = team.members.all()
    assert (row.user, row.capacity, row.languages, row.skills) == (agent, 5, ["uk", "en"], ["refunds"])
    assert "Petro" in get(f"teams/{team.pk}/") and "refunds" in get(f"teams/{team.pk}/members/{row.pk}/")
    # A rule with a condition: a button of the conditions changes nothing but the page.
    rule = {"name": "Bills", "team": team.pk, "skills": "refunds", "when-0-join": "all"}
    leaf = {"when-0.0-field": "category", "when-0.0-shown": "category", "when-0.0-operator": "is",
            "when-0.0-value": "billing"}  # fmt: skip
    assert 'value="Bills"' in send("routing/new/", {**rule, "when-do": "add:0"}, 200)
    send("routing/new/", {**rule, **leaf})
    made = RoutingRule.objects.get()
    assert loaded(made.condition) == Condition(all=(Condition(field="category", values=("billing",)),))
    assert made.skills == ["refunds"]
    assert "billing" in get("routing/") and "billing" in get(f"routing/{made.pk}/")
    send(f"routing/{made.pk}/move/", {"to": "up"})
    # A policy: its targets as people write times, what happens, an escalation.
    policy = {
        "name": "Standard", "business": "yes", "pauses": "on", "warn_at": "80", "first_reply_2": "4:30",
        "resolution_2": "72:00", "warning-tell": ["notify_owner"], "breach-tell": ["notify_owner", "notify_team"],
        "breach-raise_priority": "on", "breach-tag": "late", "step0-after": "1:00",
        "step0-notify_person": str(boss.uuid), "step1-after": "", "when-0-join": "all",
    }  # fmt: skip
    assert "Write hours and minutes" in send("levels/new/", {**policy, "first_reply_2": "soon"}, 422)
    assert "at least one target" in send("levels/new/", {**policy, "first_reply_2": "", "resolution_2": ""}, 422)
    assert "Say after what time" in send("levels/new/", {**policy, "step1-tag": "x"}, 422)
    assert not ServicePolicy.objects.exists()
    send("levels/new/", policy)
    written = read(PolicyVersion.objects.get().definition)
    assert written == Definition(
        {"first_reply": {"2": 270}, "resolution": {"2": 4320}}, warn_at=80, on_warning=(Deed("notify_owner"),),
        on_breach=(Deed("notify_owner"), Deed("notify_team"), Deed("tag", "late"), Deed("raise_priority")),
        escalation=(Step(60, (Deed("notify_person", str(boss.uuid)),)),),
    )  # fmt: skip
    standard = ServicePolicy.objects.get()
    page = get(f"levels/{standard.pk}/")
    assert 'value="4:30"' in page and 'value="1:00"' in page and 'name="step1-after"' in page
    actions.open_case(workspace=workspace, subject="Leak", opened_by="message:1", by=None)
    assert CaseClock.objects.count() == 2
    text = get("1/")
    assert "First reply: due" in " ".join(text.split()) and "Resolution: due" in " ".join(text.split())
    assert "72:00" in get("levels/") and "One open case goes by it" in get("levels/")
    # As it was sent, it is the same again: no new version. With a condition, it is one.
    send(f"levels/{standard.pk}/", policy)
    assert PolicyVersion.objects.count() == 1
    send(f"levels/{standard.pk}/", {**policy, **leaf})
    assert read(PolicyVersion.objects.get(number=2).definition).condition == loaded(made.condition)
    send(f"levels/{standard.pk}/move/", {"to": "down"})
    # The acknowledgement.
    assert "stands for nothing" in send("acknowledgement/", {"within_s": 60, "text_en": "{customer.nam}"}, 422)
    send("acknowledgement/", {"is_on": "on", "within_s": 60, "text_en": "Hi {customer.name}!"})
    setting = Acknowledgement.objects.get()
    assert (setting.is_on, setting.promises, setting.within_s) == (True, False, 60)
    assert setting.texts == {"en": {"text": "Hi {customer.name}!"}} and "No promise" in get("acknowledgement/")

    # An agent looks and changes nothing; a stranger sees nothing.
    before = AuditEntry.objects.count()
    change = ["teams/new/", f"teams/{team.pk}/", "routing/new/", "levels/new/", f"levels/{standard.pk}/",
              "calendars/new/", f"calendars/{calendar.pk}/"]  # fmt: skip
    post = [f"levels/{standard.pk}/delete/", f"calendars/{calendar.pk}/delete/", f"routing/{made.pk}/delete/",
            f"teams/{team.pk}/members/{row.pk}/remove/", "acknowledgement/"]  # fmt: skip
    for user, seen, changed in ((agent, 200, 403), (make_user("stranger@example.com"), 404, 404)):
        other = signed_in(user)
        for path in READ:
            assert other.get(where(workspace, path)).status_code == seen
        for path in change:
            assert other.get(where(workspace, path)).status_code == changed
        for path in post:
            assert other.post(where(workspace, path), {"is_on": ""}).status_code == changed
    assert AuditEntry.objects.count() == before

    for path in (post[3], post[2], post[0], post[1]):
        send(path, {})
    send(f"teams/{team.pk}/delete/", {})  # refused: it has a case and takes the rest
    team.refresh_from_db()
    assert (team.calendar, RoutingRule.objects.count(), ServicePolicy.objects.count()) == (None, 0, 0)
    assert CaseClock.objects.filter(ended_at=None).count() == 0
