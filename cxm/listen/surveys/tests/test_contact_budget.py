"""The contact budget: by hand, and against an oracle that reads nothing but the table of contacts."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connections

from cxm.accounts.models import Workspace
from cxm.listen.surveys.budget import Decision, Request, decide, sentence_of, take_back
from cxm.listen.surveys.models import Contact, ContactRule, Survey
from cxm.record.customers.consent import set_consent
from cxm.record.customers.models import Customer
from cxm.testing.cast import at, make_customer, make_workspace

DAY = timedelta(days=1)
START = at("2026-01-01 12:00")


def make_survey(workspace: Workspace, name: str = "NPS wave 3", priority: int = 50) -> Survey:
    return Survey.objects.create(workspace=workspace, name=name, key=name.lower(), priority=priority)


def make_rule(workspace: Workspace, most: int = 1, days: int = 30, **more: object) -> ContactRule:
    return ContactRule.objects.create(
        workspace=workspace, name=f"At most {most} in {days} days", most=most, days=days, **more
    )


def ask(
    survey: Survey, person: UUID, when: datetime = START, channel: str = "email", *, record: bool = True
) -> Decision:
    [decision] = decide(survey.workspace_id, [Request(person, survey.pk, channel)], now=when, record=record)
    return decision


@pytest.fixture
def workspace(db: None) -> Workspace:
    return make_workspace()


def test_without_a_rule_everybody_may_be_asked_and_it_is_kept(workspace: Workspace) -> None:
    survey, person = make_survey(workspace), uuid4()
    assert [ask(survey, person).allowed for _ in range(3)] == [True, True, True]
    assert Contact.objects.count() == 3


def test_the_refusal_says_which_survey_which_rule_and_until_when(workspace: Workspace) -> None:
    rule, survey, person = make_rule(workspace), make_survey(workspace), uuid4()
    assert ask(survey, person).allowed
    other = make_survey(workspace, "Delivery")
    decision = ask(other, person, START + 29 * DAY)
    assert (decision.allowed, decision.reason) == (False, "rule")
    assert decision.detail == {
        "rule": rule.pk, "name": "At most 1 in 30 days", "most": 1, "days": 30, "survey": "NPS wave 3",
        "at": "2026-01-01T12:00:00+00:00", "free_at": "2026-01-31T12:00:00+00:00",
    }  # fmt: skip
    assert sentence_of(decision.reason, decision.detail) == (
        "Skipped: “NPS wave 3” asked on Jan. 1, 2026, and “At most 1 in 30 days” allows 1 contact within 30 days."
        " The next one is possible from Jan. 31, 2026."
    )
    assert Contact.objects.count() == 1
    assert ask(other, person, START + 30 * DAY).allowed, "exactly 30 days later a new window begins"


def test_all_channels_share_one_budget_unless_a_rule_names_some(workspace: Workspace) -> None:
    make_rule(workspace, channels=["email"])
    survey, person = make_survey(workspace), uuid4()
    assert ask(survey, person, channel="widget").allowed
    assert ask(survey, person, channel="email").allowed
    assert not ask(survey, person, channel="email").allowed
    assert ask(survey, person, channel="widget").allowed
    make_rule(workspace, most=3)
    assert not ask(survey, person, channel="widget").allowed


def test_a_rule_may_be_about_some_surveys(workspace: Workspace) -> None:
    nps, delivery, person = make_survey(workspace), make_survey(workspace, "Delivery"), uuid4()
    make_rule(workspace, surveys=[nps.key])
    assert ask(nps, person).allowed
    assert ask(delivery, person).allowed
    assert not ask(nps, person).allowed


def test_a_rule_may_be_about_people_with_a_trait(workspace: Workspace) -> None:
    make_rule(workspace, 0, 365, condition={"field": "trait.vip", "operator": "is", "values": [True]})
    survey = make_survey(workspace)
    vip, other = make_customer(workspace, traits={"vip": True}), make_customer(workspace, "Bob", traits={"vip": False})
    decision = ask(survey, vip.pk)
    assert not decision.allowed
    assert sentence_of(decision.reason, decision.detail) == (
        "The rule “At most 0 in 365 days” says that this person is never asked."
    )
    assert ask(survey, other.pk).allowed
    assert ask(survey, uuid4()).allowed, "a visitor whom nobody knows has no traits"


def test_of_several_rules_the_one_that_forbids_longest_explains(workspace: Workspace) -> None:
    make_rule(workspace, 1, 7)
    long = make_rule(workspace, 2, 90)
    survey, person = make_survey(workspace), uuid4()
    assert ask(survey, person, START).allowed
    assert ask(survey, person, START + 10 * DAY).allowed
    decision = ask(survey, person, START + 11 * DAY)
    # 1 in 7 days is free again on day 17; 2 in 90 days when the first of the two is 90 days old.
    assert decision.detail["rule"] == long.pk
    assert decision.detail["free_at"] == (START + 90 * DAY).isoformat()


def test_among_surveys_that_want_one_person_the_most_important_asks(workspace: Workspace) -> None:
    make_rule(workspace)
    low, high = make_survey(workspace, "Low", 10), make_survey(workspace, "High", 90)
    person = uuid4()
    decisions = decide(workspace.pk, [Request(person, low.pk, "email"), Request(person, high.pk, "widget")], now=START)
    assert [(one.request.survey_id, one.allowed) for one in decisions] == [(low.pk, False), (high.pk, True)]
    assert decisions[0].detail["survey"] == "High"


def test_who_withdrew_consent_is_not_asked_until_they_give_it_again(workspace: Workspace) -> None:
    survey, customer = make_survey(workspace), make_customer(workspace)
    set_consent(customer=customer, purpose="marketing", granted=False, by=None)
    assert ask(survey, customer.pk).allowed
    set_consent(customer=customer, purpose="surveys", granted=False, by=None)
    assert ask(survey, customer.pk).reason == "consent"
    set_consent(customer=customer, purpose="surveys", granted=True, by=None)
    assert ask(survey, customer.pk).allowed


def test_merged_profiles_are_one_person_with_one_budget(workspace: Workspace) -> None:
    make_rule(workspace)
    survey = make_survey(workspace)
    main, other = make_customer(workspace), make_customer(workspace, "Ada L.")
    assert ask(survey, other.pk).allowed
    Customer.objects.filter(pk=other.pk).update(canonical=main)
    assert not ask(survey, main.pk).allowed, "what the other profile was asked counts"
    assert not ask(survey, other.pk).allowed
    assert ask(survey, other.pk, START + 30 * DAY).person == main.pk


def test_a_forecast_keeps_nothing(workspace: Workspace) -> None:
    make_rule(workspace)
    survey, person = make_survey(workspace), uuid4()
    assert ask(survey, person, record=False).allowed
    assert ask(survey, person, record=False).allowed
    assert not Contact.objects.exists()


def test_a_contact_that_did_not_happen_can_be_taken_back(workspace: Workspace) -> None:
    make_rule(workspace)
    survey, person = make_survey(workspace), uuid4()
    assert ask(survey, person).allowed
    assert take_back(workspace.pk, [(person, survey.pk, "email", START)]) == 1
    assert ask(survey, person).allowed


def test_budgets_of_workspaces_are_apart(workspace: Workspace) -> None:
    other = make_workspace("Lviv Lamps", owner=workspace.memberships.get().user)
    make_rule(workspace)
    person = uuid4()
    assert ask(make_survey(workspace), person).allowed
    assert ask(make_survey(other), person).allowed


def test_clocks_that_differ_allow_nothing_more(workspace: Workspace) -> None:
    make_rule(workspace)
    survey, person = make_survey(workspace), uuid4()
    assert ask(survey, person, START + DAY).allowed
    assert not ask(survey, person, START).allowed, "a day earlier is still within 30 days of it"


def violations(workspace: Workspace) -> int:
    """Read from the contacts alone: windows of a rule in which somebody was asked too often."""
    found = 0
    keys = dict(Survey.objects.filter(workspace=workspace).values_list("pk", "key"))
    vips = set(Customer.objects.filter(workspace=workspace, traits__vip=True).values_list("pk", flat=True))
    for rule in ContactRule.objects.filter(workspace=workspace):
        times: dict[UUID, list[datetime]] = defaultdict(list)
        for row in Contact.objects.filter(workspace=workspace).order_by("at").iterator(10_000):
            if rule.condition and row.person not in vips:
                continue
            if rule.channels and row.channel not in rule.channels:
                continue
            if rule.surveys and keys[row.survey_id] not in rule.surveys:
                continue
            times[row.person].append(row.at)
        for asked in times.values():
            found += sum(
                1 for first, last in zip(asked, asked[rule.most :], strict=False)
                if last - first < timedelta(days=rule.days)
            )  # fmt: skip
    return found


def simulate(workspace: Workspace, *, requests: int, workers: int, people: int, batch: int, seed: int = 1) -> int:
    """Random requests by several workers at once, over half a year of simulated time; returns how many were allowed."""
    surveys = [make_survey(workspace, f"S{number}", priority=10 * number) for number in range(5)]
    make_rule(workspace, 1, 7)
    make_rule(workspace, 3, 60)
    make_rule(workspace, 1, 30, channels=["email", "sms"])
    make_rule(workspace, 1, 90, surveys=[surveys[0].key])
    make_rule(workspace, 1, 45, condition={"field": "trait.vip", "operator": "is", "values": [True]})
    if not Customer.objects.filter(workspace=workspace).exists():
        Customer.objects.bulk_create(
            [Customer(workspace=workspace, name=str(n), traits={"vip": n % 3 == 0}) for n in range(people)],
            batch_size=1000,
        )
    ids = list(Customer.objects.filter(workspace=workspace).values_list("pk", flat=True))
    allowed, problems = [0] * workers, []
    share = requests // workers

    def work(number: int) -> None:
        chosen = random.Random(f"{seed} {number}")
        try:
            for done in range(0, share, batch):
                # Clocks of the workers differ by up to two days.
                now = START + timedelta(days=180 * done / share + chosen.uniform(-1, 1))
                asked = [
                    Request(chosen.choice(ids), chosen.choice(surveys).pk, chosen.choice(["email", "widget", "sms"]))
                    for _ in range(min(batch, share - done))
                ]
                allowed[number] += sum(one.allowed for one in decide(workspace.pk, asked, now=now))
        except Exception as error:  # a thread's own edge: the test fails with it
            problems.append(error)
            raise
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=[number]) for number in range(workers)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert problems == []
    return sum(allowed)


@pytest.mark.django_db(transaction=True)
def test_random_requests_of_eight_workers_never_break_a_rule() -> None:
    """20 000 here; the million is in bench/contact_budget.py, with the same functions."""
    workspace = make_workspace()
    allowed = simulate(workspace, requests=20_000, workers=8, people=300, batch=50)
    assert Contact.objects.filter(workspace=workspace).count() == allowed
    assert violations(workspace) == 0
    assert 300 < allowed < 20_000, "the rules bite, and they let something through"


@pytest.mark.django_db(transaction=True)
def test_one_by_one_they_do_not_either() -> None:
    workspace = make_workspace()
    allowed = simulate(workspace, requests=800, workers=8, people=20, batch=1, seed=2)
    assert violations(workspace) == 0
    assert Contact.objects.filter(workspace=workspace).count() == allowed > 0


@pytest.mark.django_db(transaction=True)
def test_the_oracle_sees_a_violation() -> None:
    workspace = make_workspace()
    make_rule(workspace)
    survey, person = make_survey(workspace), uuid4()
    for when in (START, START + 29 * DAY, START + 59 * DAY):
        Contact.objects.create(workspace=workspace, survey=survey, person=person, channel="email", at=when)
    assert violations(workspace) == 1
