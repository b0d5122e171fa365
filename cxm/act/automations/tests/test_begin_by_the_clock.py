"""Segments, dates and schedules begin workflows once; the dry run says beforehand for whom."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cxm.act.automations import actions
from cxm.act.automations.definition import Definition, Path, Step, Trigger
from cxm.act.automations.dry_run import rehearse
from cxm.act.automations.models import Run, Watched, Workflow
from cxm.act.automations.watching import condition_of_day, is_day_of, note_members, watch
from cxm.lib.conditions import Condition
from cxm.record.customers.models import Customer
from cxm.record.customers.segment_actions import create_segment
from cxm.record.customers.snapshot import put_snapshot
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.cast import answer, at, event, given_events, make_customer, make_workspace

from .given import carry_on, made, when

pytestmark = pytest.mark.django_db
TAG = [Step(id="a", kind="tag", name="t")]


def people(*customers: Customer) -> None:
    put_snapshot(customers[0].workspace_id, [one.pk for one in customers])


def test_who_enters_a_segment_begins_once_and_who_was_in_it_does_not() -> None:
    workspace = make_workspace()
    ada, bob, eva = (make_customer(workspace, name, traits={"plan": plan}) for name, plan in
                     (("Ada", "gold"), ("Bob", "free"), ("Eva", "free")))  # fmt: skip
    people(ada, bob, eva)
    segment = create_segment(workspace=workspace, name="Gold", condition=when("trait.plan", "is", "gold"), by=None)
    enters = made(workspace, TAG, trigger=Trigger(kind="segment_entered", segment=str(segment.pk)), name="In")
    made(workspace, TAG, trigger=Trigger(kind="segment_left", segment=str(segment.pk)), name="Out",
         condition=when("name", "is", "Ada"))  # fmt: skip
    watch()
    assert (Run.objects.count(), Watched.objects.filter(workflow=enters).count()) == (0, 1)
    Customer.objects.filter(pk=bob.pk).update(traits={"plan": "gold"})
    Customer.objects.filter(pk=ada.pk).update(traits={"plan": "free"})
    people(ada, bob)
    watch()
    watch()
    assert sorted(Run.objects.values_list("workflow__name", "customer__name")) == [("In", "Bob"), ("Out", "Ada")]
    facts = OutboxFact.objects.filter(name__startswith="segment_").values_list("name", "customer_id")
    assert sorted(facts) == [("segment_entered", bob.pk), ("segment_left", ada.pk)]  # two workflows, one fact each
    # Turned off and on again, who came meanwhile is known, not new.
    actions.turn_off(workflow=enters, by=None)
    Customer.objects.filter(pk=eva.pk).update(traits={"plan": "gold"})
    people(eva)
    actions.turn_on(workflow=enters, by=None)
    watch()
    watch()
    assert enters.runs.count() == 1


def test_dates_and_schedules_have_each_day_once() -> None:
    workspace = make_workspace(time_zone="Europe/Kyiv")  # UTC+3 in summer, +2 in winter
    ada = make_customer(workspace, "Ada", traits={"born": "1990-07-05", "ends": "2026-07-10T08:00:00Z"})
    bob = make_customer(workspace, "Bob", traits={"born": "2000-02-29"})
    people(ada, bob)
    made(workspace, TAG, trigger=Trigger(kind="date", trait="born", yearly=True, hour=9), name="Birthday")
    made(workspace, TAG, trigger=Trigger(kind="date", trait="ends", days=-3, hour=9), name="Ends")
    made(workspace, TAG, trigger=Trigger(kind="schedule", every="week", day=1, hour=9), name="Monday")
    watch(at("2026-07-05 05:59"))  # 8:59 in Kyiv: the first look only notes the day
    assert Run.objects.count() == 0
    watch(at("2026-07-05 06:00"))
    watch(at("2026-07-05 18:00"))
    assert list(Run.objects.values_list("workflow__name", "customer__name")) == [("Birthday", "Ada")]
    # The installation stood still for two days: what fell in them is made up for, once.
    watch(at("2026-07-07 10:00"))
    watch(at("2026-07-07 10:01"))
    names = sorted(Run.objects.values_list("workflow__name", "customer__name"), key=str)
    assert names == [("Birthday", "Ada"), ("Ends", "Ada"), ("Monday", None)]
    birthday = Trigger(kind="date", trait="born", yearly=True)
    assert "2000-02-29" in condition_of_day(birthday, at("2027-02-28 00:00").date()).values  # no 29th in that year
    assert "2000-02-29" not in condition_of_day(birthday, at("2028-02-28 00:00").date()).values
    month = Trigger(kind="schedule", every="month", day=31)
    assert is_day_of(month, at("2026-04-30 00:00").date()) and not is_day_of(month, at("2026-04-29 00:00").date())


def test_nothing_is_lost_between_turning_on_and_the_first_look() -> None:
    workspace = make_workspace()
    people(make_customer(workspace, "Ada", traits={"plan": "gold"}))
    segment = create_segment(workspace=workspace, name="Gold", condition=when("trait.plan", "is", "gold"), by=None)
    made(workspace, TAG, trigger=Trigger(kind="segment_entered", segment=str(segment.pk)), name="Entered")
    made(workspace, TAG, trigger=Trigger(kind="schedule", hour=9), name="Daily")
    Workflow.objects.update(on_since=at("2026-07-05 08:58"))
    assert note_members() == 0  # within seconds; Bob comes between it and the next look of all
    people(make_customer(workspace, "Bob", traits={"plan": "gold"}))
    watch(at("2026-07-05 09:03"))
    started = list(Run.objects.order_by("workflow").values_list("workflow__name", "customer__name"))
    assert started == [("Entered", "Bob"), ("Daily", None)]


def test_a_call_from_outside_begins_once_for_its_key() -> None:
    workspace = make_workspace()
    ada = make_customer(workspace, "Ada")
    workflow = made(workspace, TAG, trigger=Trigger(kind="webhook"), condition=when("property.n", "more_than", 3))
    for n, key in ((5, "k1"), (5, "k1"), (2, "k2"), (7, "k3")):
        actions.start_by_hand(workflow=workflow, customer=ada, by=None, key=key, properties={"n": n})
    assert sorted(Run.objects.values_list("key", flat=True)) == ["webhook:k1", "webhook:k3"]
    actions.turn_off(workflow=workflow, by=None)
    with pytest.raises(actions.Refused):
        actions.start_by_hand(workflow=workflow, customer=ada, by=None, key="k4", properties={"n": 5})


def test_the_dry_run_tells_who_would_have_been_reached() -> None:
    """Hand-made past of 30 days: which answers fit, what had happened until then, who was asked before."""
    workspace = make_workspace()
    now = timezone.now().replace(microsecond=0)
    whole = make_customer(workspace, "Ada", email="ada@example.com", traits={"plan": "gold"})
    part = make_customer(workspace, "A.", merged_into=whole, canonical=whole)
    bob = make_customer(workspace, "Bob", traits={"plan": "gold"})
    poor = make_customer(workspace, "Poor", email="p@example.com", traits={"plan": "free"})
    people(whole, part, bob, poor)

    def ago(days: float) -> str:
        return (now - timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S")

    given_events(
        [
            *(answer(workspace, 3, ago(days), customer_id=who.pk) for days, who in
              ((40, whole), (20, whole), (18, part), (5, whole), (10, bob), (9, poor))),
            answer(workspace, 10, ago(4), customer_id=bob.pk),  # a promoter
            answer(workspace, 1, ago(3)),  # nobody we know
            answer(workspace, 2, ago(2), metric="csat", customer_id=bob.pk),
            *(event(workspace, "call_ended", ago(days), customer_id=bob.pk) for days in (12, 11, 6)),
        ]
    )  # fmt: skip
    paths = [Path(share=100, steps=[Step(id="x", kind="tag", name="x")]), Path(share=0)]
    definition = Definition(
        trigger=Trigger(kind="answer", metric="nps"),
        condition=Condition(all=(when("property.score", "at_most", 6), when("trait.plan", "is", "gold"))),
        again_days=7,
        steps=[
            Step(id="mail", kind="mail", subject={"en": "Sorry"}, text={"en": "Sorry"}),
            Step(id="if", kind="branch", condition=when("event.call_ended", "at_least", 2, within_days=3),
                 then=[Step(id="called", kind="tag", name="called")]),
            Step(id="wait", kind="wait", days=5),
            Step(id="later", kind="branch", condition=when("event.call_ended", "at_least", 3),
                 then=[Step(id="end", kind="stop")]),
            Step(id="split", kind="split", paths=paths),
        ],
    )  # fmt: skip
    found = rehearse(workspace, definition, now=now)
    # NPS answers of 30 days: Ada 20, 18 and 5 days ago, Bob 10 and 4, Poor 9, nobody 3. Ada's second comes 2 days after
    # her first, too soon. Bob had two calls within three days by then, and three when his wait was over.
    assert (found.events, found.runs, found.customers, found.without_address) == (7, 3, 2, 1)
    assert dict(found.steps) == {"mail": 3, "if": 3, "called": 1, "wait": 3, "later": 3, "end": 1, "split": 2, "x": 2}
    assert [(one.name, one.steps) for one in found.people] == [
        ("Ada", ("mail", "if", "wait", "later", "split", "x")),
        ("Bob", ("mail", "if", "called", "wait", "later", "end")),
        ("Ada", ("mail", "if", "wait", "later", "split", "x")),
    ]
    assert (len(found.by_day), sum(n for _day, n in found.by_day)) == (30, 3)
    assert found.imported == 7  # the test wrote them as another system would
    assert (Run.objects.count(), Workflow.objects.count()) == (0, 0)

    segment = create_segment(workspace=workspace, name="Gold", condition=when("trait.plan", "is", "gold"), by=None)
    watched = Definition(trigger=Trigger(kind="segment_entered", segment=str(segment.pk)), steps=TAG)
    known = rehearse(workspace, watched, now=now)
    assert (known.looks_back, known.customers) == (False, 2)
    weekly = Definition(trigger=Trigger(kind="schedule", every="week", segment=str(segment.pk)), steps=TAG)
    assert rehearse(workspace, weekly, now=now).runs in (8, 10)  # four or five Mondays, two people
    inside = Definition(trigger=Trigger(kind="answer"), condition=when("segment", "is", str(segment.pk)), steps=TAG)
    assert rehearse(workspace, inside, now=now).runs == 6  # Ada's three, Bob's three, of any metric
    carry_on()
