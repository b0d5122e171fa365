"""The pages of teams, routing and service levels in a browser: accessible, on a phone, in the dark, with scripts."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from cxm.accounts.models import Role, User, Workspace
from cxm.act.cases import policies, routing
from cxm.act.cases.alerts.actions import create_rule
from cxm.act.cases.alerts.notices import tell_in_app
from cxm.act.cases.definition import Deed, Definition, Step
from cxm.act.cases.models import Alert, AlertNotice, PolicyVersion
from cxm.lib.conditions import Condition
from cxm.testing.browser import OpenPage, check_accessible, check_quiet, check_width, log_in
from cxm.testing.cast import make_customer, make_member, make_workspace

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def given_alerts(workspace: Workspace, boss: User) -> list[Alert]:
    """One that a rule raised, and what a workflow has to say."""
    low = Condition(all=(Condition(field="answer.score", operator="at_most", values=(6.0,)),))
    rule = create_rule(workspace=workspace, name="Unhappy", kind="answer", by=boss, condition=low, users=[boss.pk])
    said = {"metric": "nps", "score": 0, "comment": "Я дзвоню втретє, і ніхто не відповідає."}
    one = Alert.objects.create(
        workspace=workspace, rule=rule, rule_name=rule.name, kind="answer", cause="event:1", data=said,
        customer=make_customer(workspace, "Ada"), times=2,
    )  # fmt: skip
    AlertNotice.objects.create(alert=one, workspace=workspace, user=boss)
    tell_in_app(
        workspace=workspace, name="Win back", cause="x", people=[boss], at=timezone.now(), texts={"": "Call Ada"}
    )
    return [one]


@pytest.mark.parametrize(("width", "dark"), [(1500, False), (375, True)], ids=["desktop", "phone-dark"])
def test_every_page_looks_right_and_a_condition_is_added_without_losing_what_was_typed(
    open_page: OpenPage, live_server: Any, width: int, dark: bool
) -> None:
    workspace = make_workspace(time_zone="Europe/Kyiv")
    boss = workspace.memberships.get(role=Role.OWNER).user
    agent = make_member(workspace, Role.AGENT, "petro@example.com")
    week: list[Any] = [*[[["09:00", "18:00"]]] * 5, [], []]
    calendar = policies.save_calendar(
        workspace=workspace, name="Office", time_zone="Europe/Kyiv", week=week, by=boss,
        holidays=[{"on": "12-25", "name": "Christmas", "hours": []}],
    )  # fmt: skip
    team = routing.save_team(workspace=workspace, name="Service", calendar=calendar, is_default=True, by=boss)
    member = routing.save_member(team=team, user=agent, languages=["uk"], skills=["refunds"], by=boss)
    vip = Condition(all=(Condition(field="category", operator="is", values=("billing",)),))
    rule = routing.save_rule(workspace=workspace, name="Bills", team=team, condition=vip, by=boss)
    definition = Definition(
        {"first_reply": {"2": 240, "4": 30}, "resolution": {"2": 2880}}, condition=vip,
        escalation=(Step(60, (Deed("notify_team"),)),),
    )  # fmt: skip
    level = policies.save_policy(workspace=workspace, name="Standard", definition=definition, by=boss)
    from playwright.sync_api import expect

    page = open_page(width, dark)
    log_in(page, live_server, boss)
    cases = f"{live_server.url}/w/{workspace.slug}/cases/"
    for path in (
        "teams/", f"teams/{team.pk}/", f"teams/{team.pk}/members/{member.pk}/", "routing/", f"routing/{rule.pk}/",
        "levels/", "calendars/", f"calendars/{calendar.pk}/", "acknowledgement/", f"levels/{level.pk}/",
    ):  # fmt: skip
        page.goto(cases + path)
        check_quiet(page)
        check_width(page)
        check_accessible(page)
    alerts = given_alerts(workspace, boss)
    for path in ("", f"{alerts[0].pk}/", "rules/", f"rules/{alerts[0].rule_id}/", "rules/new/?recipe=detractor"):
        page.goto(f"{cases}alerts/{path}")
        check_quiet(page)
        check_width(page)
        check_accessible(page)
    page.goto(f"{cases}levels/{level.pk}/")
    page.get_by_label("Name", exact=True).fill("Bills first")
    rows = page.locator("select[name$='-field']")
    before = rows.count()
    page.locator("button[name='when-do'][value='add:0']").click()
    expect(rows).to_have_count(before + 1)
    assert page.get_by_label("Name", exact=True).input_value() == "Bills first"
    page.locator("button[name='when-do'][value='remove:0.1']").click()
    expect(rows).to_have_count(before)
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.wait_for_url(cases + "levels/")
    check_accessible(page)
    assert PolicyVersion.objects.count() == 1, "the same definition is no new version"
    level.refresh_from_db()
    assert level.name == "Bills first"
