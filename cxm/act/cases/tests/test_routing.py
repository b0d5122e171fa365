"""Who gets which case: by rule, language, skill and room, in turn, and fairly when many come at once."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.http import Http404

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.act.cases import actions, routing
from cxm.act.cases.changing import change
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import Case, RoutingRule, Team, TeamMember
from cxm.lib.conditions import Condition
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_customer, make_member, make_user, make_workspace
from cxm.testing.effort import full_or


def owner(workspace: Workspace) -> User:
    return workspace.memberships.get(role=Role.OWNER).user


def opened(workspace: Workspace, **more: Any) -> Case:
    given = {"subject": "My kettle leaks", "opened_by": f"message:{uuid.uuid4()}", "by": None, **more}
    case = actions.open_case(workspace=workspace, **given)
    case.refresh_from_db()
    return case


def make_team(workspace: Workspace, name: str, **more: Any) -> Team:
    return routing.save_team(workspace=workspace, name=name, by=owner(workspace), gives_cases=True, **more)


def join(team: Team, name: str, **more: Any) -> User:
    email = f"{name}@example.com"
    user = User.objects.filter(email=email).first() or make_member(team.workspace, Role.AGENT, email)
    routing.save_member(team=team, user=user, by=owner(team.workspace), **more)
    return user


def leaf(field: str, *values: Any, operator: Any = "is") -> Condition:
    return Condition(field=field, operator=operator, values=values)


@pytest.mark.django_db
def test_a_case_goes_to_the_team_of_the_first_rule_and_there_to_whom_it_suits() -> None:
    workspace = make_workspace()
    by = owner(workspace)
    default, billing = make_team(workspace, "Service", is_default=True), make_team(workspace, "Billing")
    anna, bo = join(billing, "anna", languages=["uk"], skills=["refunds"]), join(billing, "bo", capacity=2)
    carla = join(default, "carla")
    save = routing.save_rule
    vip = Condition(all=(leaf("trait.plan", "gold"), leaf("category", "billing")))
    save(workspace=workspace, name="Gold", team=billing, condition=vip, skills=["refunds"], by=by)
    save(workspace=workspace, name="Bills", team=billing, condition=leaf("category", "billing"), by=by)
    ada = make_customer(workspace, "Ada", traits={"plan": "gold"}, language="uk")

    case = opened(workspace, customer=ada, category="billing")
    assert (case.team, case.owner, case.reassigned) == (billing, anna, 0)  # only she can refund
    (entry,) = case.entries.filter(kind="routed")
    assert entry.data["rule"] == "Gold" and entry.by is None
    newest = OutboxFact.objects.filter(name="ticket_updated").order_by("-id")[0].properties
    assert newest["properties"]["team"] == "Billing" and newest["reassigned"] == 0
    assert opened(workspace).owner == carla  # no rule: the default team
    # In turn, with room for two at Bo's; Anna does not speak German, so the third waits.
    assert [opened(workspace, category="billing", language="de").owner for _n in range(3)] == [bo, bo, None]
    assert opened(workspace, category="billing", language="uk-UA").owner == anna
    # Room again: what waits for the customer takes none, and the clock gives what lies there.
    mine = Case.objects.filter(owner=bo)[0]
    change(mine, bo, "replied", state=Case.State.WAITING, last_customer_at=None)
    assert (routing.fill(), routing.fill()) == (1, 0)
    assert Case.objects.filter(owner=None).count() == 0
    # Nobody there: it waits in the team. Given to the team by hand, it finds somebody there all the same.
    routing.save_member(team=default, user=carla, is_away=True, by=by)
    assert opened(workspace).owner is None
    assert opened(workspace, team=billing, language="uk").owner == anna
    # A paused rule does not count, and the order does.
    bills = RoutingRule.objects.get(name="Bills")
    save(workspace=workspace, name="All", team=default, by=by)
    routing.move_rule(rule=RoutingRule.objects.get(name="All"), up=True, by=by)
    assert opened(workspace, category="billing").team == default
    routing.delete_rule(rule=RoutingRule.objects.get(name="All"), by=by)
    save(workspace=workspace, name="Bills", team=billing, condition=leaf("category", "billing"), is_paused=True,
         rule=bills, by=by)  # fmt: skip
    assert opened(workspace, category="billing").team == default


@pytest.mark.django_db
def test_who_may_not_or_asks_for_what_cannot_be_changes_nothing() -> None:
    workspace, other = make_workspace(), make_workspace("Other", make_user("x@example.com"))
    by, agent = owner(workspace), make_member(workspace, Role.AGENT, "agent@example.com")
    team, foreign = make_team(workspace, "Service", is_default=True), make_team(other, "Foreign")
    opened(workspace, team=team)
    before = AuditEntry.objects.count()
    stranger = owner(other)
    for refused, who in ((PermissionDenied, agent), (Http404, stranger)):
        with pytest.raises(refused):
            routing.save_team(workspace=workspace, name="Mine", by=who)
        with pytest.raises(refused):
            routing.save_rule(workspace=workspace, name="Mine", team=team, by=who)
    for wrong in (
        lambda: routing.save_team(workspace=workspace, name="Service", by=by),
        lambda: routing.save_team(workspace=workspace, name=" ", by=by),
        lambda: routing.save_team(workspace=workspace, name="Service", team=team, is_default=False, by=by),
        lambda: routing.delete_team(team=team, by=by),
        lambda: routing.save_member(team=team, user=stranger, by=by),
        lambda: routing.save_member(team=team, user=agent, capacity=-1, by=by),
        lambda: routing.save_rule(workspace=workspace, name="X", team=foreign, by=by),
        lambda: routing.save_rule(workspace=workspace, name="X", team=team, condition=leaf("weather", "bad"), by=by),
    ):
        with pytest.raises(Refused):
            wrong()
    assert (AuditEntry.objects.count(), Team.objects.count(), RoutingRule.objects.count()) == (before, 2, 0)
    assert not TeamMember.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_cases_that_come_at_once_go_round_and_nobody_gets_more_than_they_have_room_for() -> None:
    workspace = make_workspace()
    team = make_team(workspace, "Service", is_default=True)
    rooms = {join(team, name, capacity=room).pk: room for name, room in (("a", 9), ("b", 9), ("c", 2))}
    Team.objects.filter(pk=team.pk).update(gives_cases=False)
    n = full_or(24, 12)
    cases = [opened(workspace) for _n in range(n)]
    Team.objects.filter(pk=team.pk).update(gives_cases=True)
    failures: list[BaseException] = []

    def give(some: list[Case]) -> None:
        try:
            for case in some:
                routing.give(Case.objects.select_related("team", "workspace").get(pk=case.pk))
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=give, args=(cases[place::4],)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    had: Counter[int | None] = Counter(Case.objects.values_list("owner", flat=True))
    assert all(had[user] <= room for user, room in rooms.items())
    a, b, c = (had[user] for user in rooms)
    # c is full with two; the others share the rest, each as many as the other or one more, up to nine.
    assert c == 2 and abs(a - b) <= 1 and a + b == min(n - 2, 18)
    assert had[None] == max(0, n - 20)
