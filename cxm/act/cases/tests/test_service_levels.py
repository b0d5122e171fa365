"""Targets of a case from its opening to its end: what counts, what is done when, and what the log is told."""

from __future__ import annotations

import random
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.act.cases import actions, policies, routing, ticking
from cxm.act.cases.calendars import Hours
from cxm.act.cases.changing import change
from cxm.act.cases.definition import Deed, Definition, Step
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import Calendar, Case, CaseClock, Notice, PolicyVersion, ServicePolicy
from cxm.lib.conditions import Condition
from cxm.listen.channels.models import Delivery
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import make_member, make_user, make_workspace
from cxm.testing.effort import full_or

pytestmark = pytest.mark.django_db
State, Kind = Case.State, CaseClock.Kind
MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)  # 09:00 in Kyiv, whose winter time is two hours ahead
WEEK: list[Any] = [*[[["09:00", "13:00"], ["14:00", "18:00"]]] * 5, [], []]
Travel = Callable[[datetime], None]
MINUTE = timedelta(minutes=1)


@pytest.fixture
def travel(monkeypatch: pytest.MonkeyPatch) -> Travel:
    def to(moment: datetime) -> None:
        monkeypatch.setattr("django.utils.timezone.now", lambda: moment)

    to(MONDAY)
    return to


@pytest.fixture
def workspace(travel: Travel) -> Workspace:
    return make_workspace(time_zone="Europe/Kyiv")


@pytest.fixture
def agent(workspace: Workspace) -> User:
    return make_member(workspace, Role.AGENT, "petro@example.com")


def owner(workspace: Workspace) -> User:
    return workspace.memberships.get(role=Role.OWNER).user


def office(workspace: Workspace) -> Calendar:
    made = policies.save_calendar(
        workspace=workspace, name="Kyiv office", time_zone="Europe/Kyiv", week=WEEK, by=owner(workspace)
    )
    routing.save_team(
        workspace=workspace, name="Customer service", calendar=made, is_default=True, by=owner(workspace),
        team=actions.default_team(workspace),
    )  # fmt: skip
    return made


def policy(workspace: Workspace, name: str = "Standard", **more: Any) -> ServicePolicy:
    given = {"targets": {"first_reply": {"2": 60, "4": 15}, "next_reply": {"2": 120}, "resolution": {"2": 480}}, **more}
    return policies.save_policy(workspace=workspace, name=name, definition=Definition(**given), by=owner(workspace))


def opened(workspace: Workspace, **more: Any) -> Case:
    given = {"subject": "My kettle leaks", "opened_by": f"message:{uuid.uuid4()}", "by": None, **more}
    return actions.open_case(workspace=workspace, **given)


def clock(case: Case, kind: str, number: int = 1) -> CaseClock:
    return CaseClock.objects.get(case=case, kind=kind, number=number)


def reply(case: Case, by: User, at: datetime) -> None:
    """As reply_to_customer changes the case."""
    change(
        case, by, "replied", first_replied_at=case.first_replied_at or at, last_customer_at=None, state=State.WAITING,
        owner=by,
    )  # fmt: skip


def ticket(case: Case) -> dict[str, Any]:
    rows = OutboxFact.objects.filter(name="ticket_updated", properties__ticket_id=f"case-{case.number}")
    return max((row.properties for row in rows), key=lambda one: one["version"])


def test_a_case_by_business_hours_with_a_pause_a_new_question_and_a_return(
    workspace: Workspace, agent: User, travel: Travel
) -> None:
    office(workspace)
    policy(workspace)
    travel(at := MONDAY + timedelta(hours=8, minutes=40))  # 17:40 in Kyiv
    case = opened(workspace)
    # 20 minutes are left today; 40 more tomorrow from 09:00: 09:40 is 07:40 UTC.
    first = datetime(2026, 11, 24, 7, 40, tzinfo=UTC)
    assert (clock(case, Kind.FIRST_REPLY).due_at, case.due_at) == (first, first)
    # 8 hours: 20 minutes today, 7 h 40 tomorrow: 09–13 and 14–17:40.
    assert clock(case, Kind.RESOLUTION).due_at == datetime(2026, 11, 24, 15, 40, tzinfo=UTC)
    assert CaseClock.objects.filter(case=case).count() == 2
    assert "sla_met" not in ticket(case)

    travel(at := first)  # exactly in time is in time
    reply(case, agent, at)
    done = clock(case, Kind.FIRST_REPLY)
    assert (done.is_met, done.spent_s, done.next_at) == (True, 3600, None)
    resting = clock(case, Kind.RESOLUTION)
    assert (resting.running_since, resting.due_at, resting.next_at, resting.spent_s) == (None, None, None, 3600)
    assert case.due_at is None and ticket(case)["properties"]["first_reply_in_time"] == "true"

    travel(at := datetime(2026, 11, 24, 15, 0, tzinfo=UTC))  # Tuesday 17:00: the customer asks again
    change(case, None, "customer_wrote", state=State.OPEN, last_customer_at=at)
    # Two hours for the next reply: one today, one tomorrow until 10:00. The resolution goes on with seven hours.
    tomorrow = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
    assert clock(case, Kind.NEXT_REPLY).due_at == tomorrow == Case.objects.get(pk=case.pk).due_at
    # One of them today, four tomorrow before lunch, two after it.
    assert clock(case, Kind.RESOLUTION).due_at == datetime(2026, 11, 25, 14, 0, tzinfo=UTC)
    # A second message does not give us more time; putting it off ourselves does not either.
    travel(at + 30 * MINUTE)
    change(case, None, "customer_wrote", last_customer_at=at, text="and another thing")
    actions.snooze(case=case, until=at + timedelta(days=1), by=agent)
    assert clock(case, Kind.NEXT_REPLY).due_at == tomorrow and CaseClock.objects.filter(case=case).count() == 3

    travel(at := tomorrow + MINUTE)
    reply(case, agent, at)
    assert (clock(case, Kind.NEXT_REPLY).is_met, clock(case, Kind.NEXT_REPLY).spent_s) == (False, 7260)
    assert ticket(case)["sla_met"] is False
    actions.resolve(case=case, resolution="solved", by=agent)
    solved = clock(case, Kind.RESOLUTION)
    # One hour on Monday and Tuesday, one on Tuesday evening, one and a minute on Wednesday.
    assert (solved.is_met, solved.spent_s, solved.ended_at) == (True, 3 * 3600 + 60, at)
    assert ticket(case)["properties"] | {"closed_in_time": "true"} == ticket(case)["properties"]

    travel(at := at + timedelta(days=1))  # back: it goes on with what it had, and misses
    actions.reopen(case=case, by=agent)
    again = clock(case, Kind.RESOLUTION)
    assert (again.ended_at, again.is_met, again.running_since) == (None, None, at)
    # 4 h 59 are left at 10:01: 2 h 59 before lunch, two hours after it.
    assert again.due_at == datetime(2026, 11, 26, 14, 0, tzinfo=UTC)
    travel(at + timedelta(days=2))
    actions.resolve(case=case, resolution="solved", by=agent)
    assert clock(case, Kind.RESOLUTION).is_met is False


def test_a_warning_a_breach_and_an_escalation_each_once(workspace: Workspace, agent: User, travel: Travel) -> None:
    office(workspace)
    boss = make_member(workspace, Role.ADMIN, "boss@example.com")
    second = routing.save_team(workspace=workspace, name="Second line", by=owner(workspace))
    routing.save_member(team=actions.default_team(workspace), user=agent, by=owner(workspace))
    policy(
        workspace, warn_at=50, on_warning=(Deed("notify_owner"),),
        on_breach=(Deed("notify_owner"), Deed("raise_priority"), Deed("tag", "late")),
        escalation=(
            Step(60, (Deed("give_to_team", str(second.pk)),)),
            Step(30, (Deed("notify_person", str(boss.uuid)),)),
        ),
        targets={"first_reply": {"2": 60}},  # none of the priority to which it is raised: what was missed stays so
    )  # fmt: skip
    case = opened(workspace)
    assert ticking.tick() == 0
    travel(MONDAY + 30 * MINUTE)
    assert (ticking.tick(), ticking.tick()) == (1, 0)  # the owner is told; of a case without one, the team
    assert list(Notice.objects.filter(case=case).values_list("user", "kind")) == [(agent.pk, "warned")]
    assert Delivery.objects.filter(to=agent.email, message__subject__icontains="is near").count() == 1

    travel(MONDAY + 60 * MINUTE)
    assert ticking.tick() == 1
    case.refresh_from_db()
    assert (case.priority, case.tags, case.due_at) == (Case.Priority.HIGH, ["late"], MONDAY + 60 * MINUTE)
    assert Notice.objects.filter(case=case, kind="breached").count() == 1
    assert ticket(case)["sla_met"] is False and ticket(case)["properties"]["first_reply_in_time"] == "false"
    facts = OutboxFact.objects.filter(name__startswith="sla_").order_by("pk").values_list("name", "properties__target")
    assert sorted(facts) == [("sla_breached", "first_reply"), ("sla_warned", "first_reply")]

    travel(MONDAY + 120 * MINUTE)  # the server was down for an hour: both steps are made up for, in their order
    assert (ticking.tick(), ticking.tick()) == (2, 0)
    case.refresh_from_db()
    assert case.team == second and Notice.objects.filter(user=boss, kind="breached").count() == 1
    kinds = list(case.entries.order_by("pk").values_list("kind", flat=True))
    assert [one for one in kinds if one in ("warned", "breached", "escalated")] == [
        "warned", "breached", "escalated", "escalated",
    ]  # fmt: skip
    reply(case, agent, MONDAY + 130 * MINUTE)
    assert clock(case, Kind.FIRST_REPLY).is_met is False and ticking.tick() == 0


def test_an_answer_in_the_last_minute_stops_everything(workspace: Workspace, agent: User, travel: Travel) -> None:
    policy(workspace)
    case = opened(workspace)
    due = clock(case, Kind.FIRST_REPLY)
    assert due.due_at == MONDAY + 60 * MINUTE  # a team without a calendar works day and night
    reply(case, agent, MONDAY + 44 * MINUTE)
    travel(MONDAY + timedelta(days=1))
    assert ticking.tick() == 0 and not Notice.objects.filter(case=case).exists()
    # One whose team is not there any more does the rest, and says what it could not do.
    gone = routing.save_team(workspace=workspace, name="Gone", by=owner(workspace))
    policies.save_policy(
        workspace=workspace, name="Other", by=owner(workspace), definition=Definition(
            {"first_reply": {"3": 10}}, on_breach=(Deed("give_to_team", str(gone.pk)), Deed("tag", "late"))
        ),
    )  # fmt: skip
    ServicePolicy.objects.filter(name="Standard").update(is_paused=True)
    late = opened(workspace, priority=3)
    routing.delete_team(team=gone, by=owner(workspace))
    travel(MONDAY + timedelta(days=2))
    assert ticking.tick() == 2
    late.refresh_from_db()
    assert late.tags == ["late"]


def test_the_first_policy_that_matches_counts_and_a_case_keeps_its_version(
    workspace: Workspace, agent: User, travel: Travel
) -> None:
    urgent = policy(
        workspace, "Complaints", condition=Condition(field="complaint", operator="is", values=(True,)),
        targets={"first_reply": {"2": 30}, "resolution": {"2": 60}},
    )  # fmt: skip
    standard = policy(workspace)
    plain, complaint = opened(workspace), opened(workspace, complaint=True)
    assert clock(plain, Kind.FIRST_REPLY).due_at == MONDAY + 60 * MINUTE
    assert clock(complaint, Kind.FIRST_REPLY).due_at == MONDAY + 30 * MINUTE
    # A new version is for new cases; another name is no new version.
    targets = {"first_reply": {"2": 10, "4": 15}}
    policies.save_policy(
        workspace=workspace, name="Usual", policy=standard, definition=Definition(targets), by=owner(workspace)
    )
    policies.save_policy(
        workspace=workspace, name="Ordinary", policy=standard, definition=Definition(targets), by=owner(workspace)
    )
    standard.refresh_from_db()
    assert (standard.version, PolicyVersion.objects.filter(policy=standard).count()) == (2, 2)
    travel(MONDAY + 5 * MINUTE)
    change(plain, agent, "note", text="Looked at it.")
    assert clock(plain, Kind.FIRST_REPLY).due_at == MONDAY + 60 * MINUTE
    assert clock(opened(workspace), Kind.FIRST_REPLY).due_at == MONDAY + 15 * MINUTE
    # More urgent: fifteen minutes, of which five have passed. A complaint after all: thirty, by the other policy.
    actions.set_priority(case=plain, priority=4, by=agent)
    assert clock(plain, Kind.FIRST_REPLY).due_at == plain.due_at == MONDAY + 15 * MINUTE
    actions.set_priority(case=plain, priority=2, by=agent)
    actions.describe(case=plain, is_complaint=True, by=agent)
    assert clock(plain, Kind.FIRST_REPLY).due_at == MONDAY + 30 * MINUTE
    # The order counts: with the other one first, that holds. Then the policy goes, and the next one holds.
    policies.move_policy(policy=urgent, up=False, by=owner(workspace))
    change(plain, agent, "note", text="Again.")
    assert clock(plain, Kind.FIRST_REPLY).due_at == MONDAY + 10 * MINUTE
    policies.delete_policy(policy=standard, by=owner(workspace))
    assert clock(plain, Kind.FIRST_REPLY).due_at == MONDAY + 30 * MINUTE
    policies.delete_policy(policy=urgent, by=owner(workspace))
    plain.refresh_from_db()
    assert (plain.due_at, clock(plain, Kind.FIRST_REPLY).is_met) == (None, None)
    assert ticking.tick() == 0


def test_a_holiday_entered_late_and_another_team_move_what_is_due(
    workspace: Workspace, agent: User, travel: Travel
) -> None:
    calendar = office(workspace)
    policy(workspace)
    travel(at := MONDAY + timedelta(hours=8, minutes=40))  # 17:40
    case = opened(workspace)
    tomorrow = {"on": "2026-11-24", "name": "Power cut", "hours": []}
    policies.save_calendar(
        workspace=workspace, name="Kyiv office", time_zone="Europe/Kyiv", week=WEEK, holidays=[tomorrow],
        by=owner(workspace), calendar=calendar,
    )  # fmt: skip
    case.refresh_from_db()
    assert case.due_at == datetime(2026, 11, 25, 7, 40, tzinfo=UTC)
    night = routing.save_team(workspace=workspace, name="Night", by=owner(workspace))
    travel(at + 10 * MINUTE)
    actions.assign(case=case, team=night, by=agent)
    assert case.due_at == at + 60 * MINUTE  # ten minutes have counted; the night team needs no daylight
    policies.delete_calendar(calendar=calendar, by=owner(workspace))
    assert clock(case, Kind.FIRST_REPLY).spent_s == 600


def test_changes_that_cannot_be_are_refused_and_change_nothing(workspace: Workspace, agent: User) -> None:
    made = policy(workspace)
    entries = AuditEntry.objects.count()
    wrong: list[Definition] = [
        Definition({}),
        Definition({"first_reply": {"9": 5}}),
        Definition({"first_reply": {"2": 0}}),
        Definition({"waiting": {"2": 5}}),
        Definition({"first_reply": {"2": 5}}, warn_at=100),
        Definition({"first_reply": {"2": 5}}, on_breach=(Deed("give_to_team", "77"),)),
        Definition({"first_reply": {"2": 5}}, on_breach=(Deed("notify_person", str(make_user("x@example.com").uuid)),)),
        Definition({"first_reply": {"2": 5}}, escalation=(Step(0),)),
        Definition({"first_reply": {"2": 5}}, condition=Condition(field="weather", values=("bad",))),
        Definition({"first_reply": {"2": 5}}, condition=Condition(field="priority", operator="at_least")),
    ]
    for definition in wrong:
        with pytest.raises(Refused):
            policies.save_policy(
                workspace=workspace, name="Standard", policy=made, definition=definition, by=owner(workspace)
            )
    for zone, week, days in (
        ("Mars/Base", WEEK, []), ("UTC", [[]] * 7, []), ("UTC", [[["09:00", "08:00"]]] * 7, []), ("UTC", [[]], []),
        ("UTC", WEEK, [{"on": "2026-02-30"}]), ("UTC", [[["9", "25:00"]]] * 7, []),
    ):  # fmt: skip
        with pytest.raises(Refused):
            policies.save_calendar(workspace=workspace, name="X", time_zone=zone, week=week, holidays=days, by=None)
    made.refresh_from_db()
    assert (made.version, Calendar.objects.count(), AuditEntry.objects.count()) == (1, 0, entries)


@pytest.mark.django_db(transaction=True)
def test_two_processes_that_tick_at_once_do_each_moment_once(workspace: Workspace, travel: Travel) -> None:
    policy(workspace, targets={"first_reply": {"2": 60}}, on_breach=(Deed("raise_priority"), Deed("tag", "late")))
    cases = [opened(workspace) for _n in range(6)]
    travel(MONDAY + timedelta(days=1))
    done: list[int] = []

    def tick() -> None:
        try:
            done.append(ticking.tick())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=tick) for _n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 3 and sum(done) == 12  # a warning and a breach of each
    for case in Case.objects.filter(pk__in=[one.pk for one in cases]):
        assert (case.priority, case.tags) == (3, ["late"])
        assert case.entries.filter(kind="breached").count() == case.entries.filter(kind="warned").count() == 1
    assert OutboxFact.objects.filter(name="sla_breached").count() == 6


@pytest.mark.parametrize("seed", range(full_or(40, 4)))
def test_what_counts_is_every_open_minute_in_which_it_ran(workspace: Workspace, agent: User, travel: Travel,
                                                          seed: int) -> None:  # fmt: skip
    """A case that waits, comes back, is resolved and reopened at random, against a look at each minute."""
    chance = random.Random(seed)
    office(workspace)
    policy(workspace, targets={"resolution": {"2": 600, "4": 300}})
    hours = Hours("Europe/Kyiv", [*[[(540, 780), (840, 1080)]] * 5, [], []])
    at = MONDAY + timedelta(minutes=chance.randrange(7 * 1440))
    travel(at)
    case, counted = opened(workspace), 0
    for _step in range(8):
        pause = chance.randrange(1, 900)
        runs = case.state in ("new", "open", "snoozed")
        for minute in range(pause):
            counted += runs and hours.is_open(at + minute * MINUTE)
        at += pause * MINUTE
        travel(at)
        ticking.tick()
        case.refresh_from_db()
        choice = chance.choice(["reply", "wrote", "resolve", "reopen", "priority"])
        if choice == "reply" and case.state in ("new", "open", "snoozed"):
            reply(case, agent, at)
        elif choice == "wrote" and case.state == "waiting":
            change(case, None, "customer_wrote", state=State.OPEN, last_customer_at=at)
        elif choice == "resolve" and case.state in Case.OPEN_STATES:
            actions.resolve(case=case, resolution="solved", by=agent)
        elif choice == "reopen" and case.state == "resolved":
            actions.reopen(case=case, by=agent)
        elif choice == "priority":
            actions.set_priority(case=case, priority=chance.choice([2, 4]), by=agent)
        now = clock(case, Kind.RESOLUTION)
        running = (at - now.running_since) if now.running_since else timedelta(0)
        spent = now.spent_s + (
            hours.between(now.running_since, at).total_seconds() if now.running_since and running else 0
        )
        assert spent == counted * 60, (seed, choice)
        target = 300 if case.priority == 4 and case.state in Case.OPEN_STATES else now.target_s / 60
        if now.is_met is not None:
            assert now.is_met == (counted * 60 <= now.target_s)
        elif now.due_at and counted < target:
            assert hours.between(at, now.due_at) == (target - counted) * MINUTE
