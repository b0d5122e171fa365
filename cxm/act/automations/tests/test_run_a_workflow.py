"""What workflows do when something happens: once, in order, as far as they come; and where they stop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from cxm.accounts.models import Role
from cxm.act.automations import actions, effects, running
from cxm.act.automations.definition import Path, Step, Trigger, way_of
from cxm.act.automations.models import Run, RunStep, Workflow
from cxm.act.automations.steps import run_automations
from cxm.act.cases import actions as cases
from cxm.act.cases.alerts.wording import about
from cxm.act.cases.models import AlertNotice, Case, Task, Team
from cxm.listen.channels import causes
from cxm.listen.channels.models import Delivery, Message
from cxm.listen.surveys.definition import Question
from cxm.listen.surveys.models import Invitation
from cxm.record.customers.models import Consent, Customer, Identity
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.models import OutboxFact
from cxm.testing.answered import make_survey
from cxm.testing.cast import at, event, given_events, make_customer, make_member, make_workspace

from .given import carry_on, happened, made, when

pytestmark = pytest.mark.django_db


def steps_of(run: Run) -> list[tuple[str, str]]:
    return list(run.steps.order_by("pk").values_list("step", "outcome"))


def test_a_story_of_a_detractor() -> None:
    """Everything that a workflow can do, in one run over ten days, however often the flow shows the event."""
    workspace = make_workspace()
    olha = make_member(workspace, Role.AGENT, "olha@example.com")
    team = Team.objects.create(workspace=workspace, name="Recovery")
    survey = make_survey(workspace, Question(id="q", kind="nps", title={"en": "Would you?"}), key="after")
    ada = make_customer(workspace, "Ada Byron", email="ada@example.com", language="pl", traits={"plan": "gold"})
    made(
        workspace,
        [
            Step(id="case", kind="case", subject={"en": "{first_name} gave {property.score}"},
                 text={"en": "Plan: {trait.plan|none}"}, priority=3, category="recovery", team="Recovery"),
            Step(id="tag", kind="tag", name="unhappy"),
            Step(id="trait", kind="trait", name="last_score", value="{property.score}"),
            Step(id="mail", kind="mail", subject={"en": "Sorry", "pl": "Przepraszamy"},
                 text={"en": "Dear {name}", "pl": "Dzień dobry {first_name|Państwo}, sprawa {case.number}"}),
            Step(id="tell", kind="notify", subject={"en": "{name} needs you"},
                 people=["olha@example.com", "stranger@example.com"]),
            Step(id="card", kind="task", subject={"en": "Write a card to {name}"}),
            Step(id="wait", kind="wait", days=10),
            Step(id="up", kind="change_case", priority=4, name="late", text={"en": "Ten days."}),
            Step(id="ask", kind="survey", survey="after"),
            Step(id="ad", kind="mail", subject={"en": "Sale"}, text={"en": "Buy"}, marketing=True),
        ],
        trigger=Trigger(kind="answer", metric="nps"),
        condition=when("property.score", "at_most", 6),
    )  # fmt: skip
    OutboxFact.objects.all().delete()
    answer = happened(workspace, "answer_given", ada.pk, metric="nps", score=2, channel="email")
    run_automations([answer, happened(workspace, "answer_given", ada.pk, metric="nps", score=9)])
    run_automations([answer])  # the batch comes again
    carry_on()
    carry_on()
    run_automations([answer])

    [run] = Run.objects.all()
    made_first = ["case", "tag", "trait", "mail", "tell", "card"]
    assert steps_of(run) == [(one, "done") for one in made_first]
    [case] = Case.objects.all()
    assert (case.subject, case.priority, case.team, case.category) == ("Ada gave 2", 3, team, "recovery")
    assert case.opened_by == f"rule:{run.pk.hex}:case"
    assert case.entries.get(kind="note").text == "Plan: gold"
    assert Task.objects.get().text == "Write a card to Ada Byron"
    ada.refresh_from_db()
    assert ada.traits == {"plan": "gold", "last_score": 2}
    assert [tag.name for tag in ada.tags.all()] == ["unhappy"]
    message = Message.objects.get()
    assert (message.text, message.is_automatic) == (f"Dzień dobry Ada, sprawa {case.number}", True)
    notice = Delivery.objects.get(cause__startswith="notice:")
    assert (notice.to, notice.message["subject"]) == (olha.email, "Ada Byron needs you")
    assert notice.message["text"].endswith(f"/w/{workspace.slug}/cases/{case.number}/")
    [bell] = AlertNotice.objects.all()
    assert (bell.user, bell.seen_at, bell.alert.case, bell.alert.customer) == (olha, None, case, ada)
    assert about(bell.alert) == "Ada Byron needs you"
    facts = {fact.name: fact.properties for fact in OutboxFact.objects.all()}
    for name in ("case_opened", "customer_tagged", "profile_changed", "message_sent", "ticket_updated"):
        assert (facts[name]["cause"], facts[name]["depth"]) == (str(answer.event_id), 1), name
    assert run.due_at is not None and run.due_at - timezone.now() > timedelta(days=9, hours=23)

    carry_on(run.due_at - timedelta(seconds=1))
    assert steps_of(run)[-1] == ("card", "done")
    carry_on(run.due_at)
    run = Run.objects.get()
    assert (run.state, run.position, run.due_at) == ("done", "", None)
    assert steps_of(run)[-3:] == [("up", "done"), ("ask", "done"), ("ad", "done")]
    case.refresh_from_db()
    assert (case.priority, case.tags) == (4, ["late"])
    assert Invitation.objects.get(survey=survey).customer == ada
    advertisement = Delivery.objects.get(cause=f"automation:{run.pk.hex}:ad")
    letter = causes.make(advertisement)
    assert letter is not None and letter.bulk and "/u/" in letter.text and letter.subject == "Sale"
    ran = OutboxFact.objects.get(name="rule_ran").properties
    assert ran["effects"] == [*(kind for kind in ("case", "tag", "trait", "mail", "notify", "task")),
                              "change_case", "survey", "mail"]  # fmt: skip


def test_a_run_goes_on_in_the_case_into_which_its_own_was_merged() -> None:
    workspace = make_workspace()
    ada = make_customer(workspace, "Ada")
    made(
        workspace,
        [
            Step(id="case", kind="case", subject={"en": "Unhappy"}),
            Step(id="wait", kind="wait", days=1),
            Step(id="up", kind="change_case", name="late"),
            Step(id="card", kind="task", subject={"en": "Write a card"}),
        ],
    )
    run_automations([happened(workspace, customer_id=ada.pk)])
    carry_on()
    own = Case.objects.get()
    other = cases.open_case(workspace=workspace, subject="Kettle", opened_by="person:1", customer=ada, by=None)
    cases.merge(case=own, into=other, by=None)
    run = Run.objects.get()
    carry_on(run.due_at)
    assert steps_of(run)[-2:] == [("up", "done"), ("card", "done")]
    other.refresh_from_db()
    assert (other.tags, Task.objects.get().case, Case.objects.count()) == (["late"], other, 2)


def test_what_cannot_be_done_is_skipped_with_its_reason() -> None:
    workspace = make_workspace()
    made(
        workspace,
        [
            Step(id="mail", kind="mail", subject={"en": "Hello"}, text={"en": "You"}),
            Step(id="ad", kind="mail", subject={"en": "Sale"}, text={"en": "Buy"}, marketing=True),
            Step(id="up", kind="change_case", priority=4),
            Step(id="ask", kind="survey", survey="gone"),
            Step(id="tell", kind="notify", subject={"en": "Hello"}, people=["nobody@example.com"]),
        ],
    )  # fmt: skip
    ada = make_customer(workspace, "Ada")
    bob = make_customer(workspace, "Bob", email="bob@example.com")
    Consent.objects.create(customer=bob, purpose="marketing", granted=False)
    run_automations(
        [happened(workspace, customer_id=ada.pk), happened(workspace, customer_id=bob.pk), happened(workspace)]
    )
    carry_on()

    def reasons(customer: Customer | None) -> list[str]:
        run = Run.objects.get(customer=customer)
        assert run.state == "done"
        return [one.detail.get("reason", "") for one in run.steps.order_by("pk")]

    assert reasons(ada) == ["no_address", "no_address", "no_case", "no_survey", "nobody"]
    assert reasons(bob) == ["", "consent", "no_case", "no_survey", "nobody"]
    assert reasons(None) == ["no_customer", "no_customer", "no_case", "no_customer", "nobody"]
    assert all(set(reasons(one)) <= {"", *effects.REASONS} for one in (ada, bob, None))


def test_advertisements_stay_within_their_limits() -> None:
    workspace = make_workspace()
    ada = make_customer(workspace, "Ada", email="ada@example.com")
    made(workspace, [Step(id="ad", kind="mail", subject={"en": "Sale"}, text={"en": "Buy"}, marketing=True)])
    run_automations([happened(workspace, customer_id=ada.pk) for _n in range(4)])
    carry_on()
    outcomes = list(RunStep.objects.order_by("pk").values_list("outcome", flat=True))
    assert outcomes == ["done", "done", "done", "skipped"]  # three in seven days
    assert Delivery.objects.filter(cause__startswith="automation:").count() == 3


def test_branches_splits_and_waits_lead_where_they_should() -> None:
    workspace = make_workspace(time_zone="Europe/Kyiv")
    paths = [Path(share=30, name="a", steps=[Step(id="a", kind="tag", name="A")]),
             Path(share=70, name="b", steps=[Step(id="b", kind="tag", name="B")])]  # fmt: skip
    workflow = made(
        workspace,
        [
            Step(id="if", kind="branch", condition=when("trait.plan", "is", "gold"),
                 then=[Step(id="split", kind="split", paths=paths)],
                 otherwise=[Step(id="end", kind="stop")]),
            Step(id="paid", kind="wait_until", condition=when("tag", "is", "paid"), days=5,
                 then=[Step(id="thanks", kind="tag", name="thanked")],
                 otherwise=[Step(id="remind", kind="tag", name="reminded")]),
            Step(id="last", kind="tag", name="last"),
        ],
    )  # fmt: skip
    gold = [make_customer(workspace, f"G{n}", traits={"plan": "gold"}) for n in range(2)]
    poor = make_customer(workspace, "Poor")
    run_automations([happened(workspace, customer_id=one.pk) for one in (*gold, poor)])
    carry_on()
    assert steps_of(Run.objects.get(customer=poor)) == [("if", "done"), ("end", "done")]
    for one in gold:
        way = ["A", "B"][int(way_of(Step(id="split", kind="split", paths=paths), workflow.pk, one.pk))]
        assert [tag.name for tag in one.tags.all()] == [way]
    shares = [way_of(Step(id="split", kind="split", paths=paths), workflow.pk, str(n)) for n in range(2000)]
    assert 0.27 < shares.count("0") / 2000 < 0.33

    # What it waits for comes for one of them: an event of theirs wakes the run at once, long before its next look.
    from cxm.record.customers import marks

    marks.tag(workspace=workspace, customers=[gold[0]], name="paid", by=None)
    carry_on()
    assert Run.objects.get(customer=gold[0]).state == "active"
    run_automations([happened(workspace, "customer_tagged", gold[0].pk)])
    carry_on()
    assert steps_of(Run.objects.get(customer=gold[0]))[-2:] == [("thanks", "done"), ("last", "done")]
    late = Run.objects.get(customer=gold[1])
    assert late.wait_until is not None
    carry_on(late.wait_until)
    assert steps_of(late)[-2:] == [("remind", "done"), ("last", "done")]


def test_a_wait_keeps_to_the_clock_on_the_wall() -> None:
    kyiv = ZoneInfo("Europe/Kyiv")
    # Clocks went forward on 29 March 2026 at 3:00: a day later it is again half past nine.
    start = datetime(2026, 3, 28, 9, 30, tzinfo=kyiv).astimezone(UTC)
    assert running.end_of_wait(Step(id="w", kind="wait", days=1), start, kyiv) == at("2026-03-29 06:30")
    assert running.end_of_wait(Step(id="w", kind="wait", hours=24), start, kyiv) == at("2026-03-29 07:30")
    until = Step(id="w", kind="wait_until", until="time", hour=9, weekdays=[1, 5])
    assert running.end_of_wait(until, start, kyiv) == at("2026-03-30 06:00")  # a Saturday: Monday, in summer time
    monday = datetime(2026, 3, 30, 9, 59, tzinfo=kyiv).astimezone(UTC)
    assert running.end_of_wait(until, monday, kyiv) == monday  # it is nine just now
    assert running.end_of_wait(until, monday + timedelta(minutes=1), kyiv) == at("2026-04-03 06:00")


def test_a_step_that_breaks_is_tried_again_and_nothing_before_it_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace()
    ada = make_customer(workspace, "Ada")
    made(workspace, [Step(id="first", kind="tag", name="first"), Step(id="bad", kind="untag", name="x"),
                     Step(id="last", kind="tag", name="last")])  # fmt: skip

    def broken(_doing: effects.Doing) -> dict[str, Any]:
        make_customer(workspace, "Ghost")
        raise ZeroDivisionError("no")

    monkeypatch.setitem(effects.EFFECTS, "untag", broken)
    run_automations([happened(workspace, customer_id=ada.pk)])
    now = timezone.now()
    for _attempt in range(3):
        carry_on(now)
    run = Run.objects.get()
    assert (run.attempts, run.position, run.error) == (1, "bad", "ZeroDivisionError: no")
    for days in range(1, 6):
        carry_on(now + timedelta(days=days))
    run.refresh_from_db()
    assert run.state == "failed"
    assert steps_of(run) == [("first", "done"), ("bad", "failed")]
    assert not Customer.objects.filter(name="Ghost").exists()
    monkeypatch.undo()
    actions.repeat_run(run=run, by=None)
    carry_on()
    assert steps_of(run) == [("first", "done"), ("bad", "done"), ("last", "done")]


def test_rules_do_not_go_in_circles() -> None:
    workspace = make_workspace()
    ada = make_customer(workspace, "Ada")
    by_tag = Trigger(kind="event", event="customer_tagged")
    made(workspace, [Step(id="a", kind="untag", name="t")], trigger=by_tag, name="Off")
    made(
        workspace,
        [Step(id="a", kind="tag", name="t")],
        trigger=Trigger(kind="event", event="customer_untagged"),
        name="On",
    )
    seen = happened(workspace, "customer_tagged", ada.pk, tag="t")
    ada.tags.create(workspace=workspace, name="t")
    for _round in range(6):
        OutboxFact.objects.all().delete()
        run_automations([seen])
        carry_on()
        facts = [fact for fact in OutboxFact.objects.order_by("pk") if fact.name.startswith("customer_")]
        if not facts:
            break
        seen = happened(workspace, facts[-1].name, ada.pk, **facts[-1].properties)
    # Each began once for what a person did, though the tag came and went.
    assert sorted(Run.objects.values_list("workflow__name", "depth")) == [("Off", 1), ("On", 2)]
    deep = happened(workspace, "customer_tagged", ada.pk, cause=str(seen.event_id), depth=5)
    run_automations([deep])
    assert Run.objects.count() == 2
    spoofed = happened(workspace, "customer_tagged", ada.pk, source="capture", cause=str(seen.event_id), depth=5)
    run_automations([spoofed])  # what comes from outside says nothing about our own chains
    assert Run.objects.count() == 3


def test_who_may_enter_again_and_how_many_at_once() -> None:
    workspace = make_workspace()
    ada, bob = make_customer(workspace, "Ada"), make_customer(workspace, "Bob")
    step = [Step(id="a", kind="tag", name="t")]
    once = made(workspace, step, name="Once", again_days=None)
    weekly = made(workspace, step, name="Weekly", again_days=7)
    always = made(workspace, step, name="Always", most_per_hour=2)
    events = [happened(workspace, customer_id=one.pk) for one in (ada, ada, bob)]
    run_automations(events[:1])
    run_automations(events)
    runs = {one.name: one.runs.count() for one in (once, weekly, always)}
    assert runs == {"Once": 2, "Weekly": 2, "Always": 3}
    carry_on()
    assert always.runs.filter(state="done").count() == 2
    [held] = always.runs.filter(state="active")
    assert held.due_at is not None
    carry_on(held.due_at - timedelta(seconds=1))
    assert always.runs.filter(state="done").count() == 2
    carry_on(held.due_at)
    assert always.runs.filter(state="done").count() == 3
    Run.objects.filter(workflow=weekly).update(created_at=timezone.now() - timedelta(days=8))
    run_automations([happened(workspace, customer_id=ada.pk)])
    assert (once.runs.count(), weekly.runs.count()) == (2, 3)


def test_the_right_customer_is_found_and_the_condition_asks_about_them() -> None:
    """Captured events name an identity, a merged profile stands for the whole person, the log is asked for events."""
    workspace = make_workspace()
    whole = make_customer(workspace, "Ada", traits={"plan": "gold"})
    part = make_customer(workspace, "A.", merged_into=whole, canonical=whole)
    Identity.objects.create(workspace=workspace, customer=part, kind="user_id", value="u1")
    made(
        workspace, [Step(id="a", kind="tag", name="t")],
        condition=when("event.call_ended", "at_least", 3, within_days=7),
    )  # fmt: skip

    def call(days: int, who: Customer) -> Event:
        when = timezone.now() - timedelta(days=days)
        return event(workspace, "call_ended", f"{when:%Y-%m-%d %H:%M}", customer_id=who.pk)

    given_events([call(days, part) for days in (1, 2, 9)])
    seen = [happened(workspace, source="capture", user_id="u1")]
    run_automations(seen)
    assert Run.objects.count() == 0  # two within seven days
    given_events([call(3, whole)])
    run_automations(seen)
    assert [run.customer for run in Run.objects.all()] == [whole]


def test_off_means_that_nobody_enters_and_stopped_that_nobody_goes_on() -> None:
    workspace = make_workspace()
    ada = make_customer(workspace, "Ada")
    workflow = made(workspace, [Step(id="w", kind="wait", days=1), Step(id="a", kind="tag", name="t")])
    run_automations([happened(workspace, customer_id=ada.pk, at=timezone.now() - timedelta(days=8))])  # history
    assert Run.objects.count() == 0
    run_automations([happened(workspace, customer_id=ada.pk)])
    carry_on()
    actions.turn_off(workflow=workflow, by=None)
    run_automations([happened(workspace, customer_id=ada.pk)])
    assert Run.objects.count() == 1
    tomorrow = timezone.now() + timedelta(days=2)
    assert actions.turn_off(workflow=workflow, by=None, stop=True) == 1
    carry_on(tomorrow)
    assert Run.objects.get().state == "stopped"
    assert not ada.tags.exists()
    actions.turn_on(workflow=workflow, by=None)
    run_automations([happened(workspace, customer_id=ada.pk, at=timezone.now() - timedelta(minutes=1))])
    assert Run.objects.count() == 1  # it happened before it was turned on
    assert Workflow.objects.get().on_since is not None
