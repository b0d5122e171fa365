"""Plays: who gets one, whom chance holds out, what was done, and what the log says became of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from cxm.accounts.models import AuditEntry, Role, User, Workspace
from cxm.act.cases.actions import describe, open_case
from cxm.act.cases.effects import report
from cxm.act.cases.errors import Refused
from cxm.act.cases.history import sentence
from cxm.act.cases.models import Case, Play, PlayAssignment
from cxm.act.cases.recovery import assign, carry_out, end_play, remove_play, save_play, start_play
from cxm.lib.conditions import Condition
from cxm.record.customers.merging import merge_customers
from cxm.record.customers.models import Customer
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.models import OutboxFact
from cxm.record.eventlog.outbox import move_outbox
from cxm.testing.cast import answer, event, given_events, make_customer, make_member, make_user, make_workspace

pytestmark = pytest.mark.django_db
Arm, Reason = PlayAssignment.Arm, PlayAssignment.Reason
ANGRY = Condition(field="category", operator="is", values=("delivery",))


@pytest.fixture
def workspace() -> Workspace:
    return make_workspace()


@pytest.fixture
def analyst(workspace: Workspace) -> User:
    return make_member(workspace, Role.ANALYST, "ana@example.com")


def play_of(workspace: Workspace, by: User, **values: Any) -> Play:
    wanted = {"name": "Call", "kind": "call", "hold_out": 0.5, "customers": 40, "window_days": 30, "cost": 5.0}
    play = save_play(workspace=workspace, by=by, **{**wanted, "condition": ANGRY, **values})
    start_play(play=play, by=by)
    return play


def case_of(workspace: Workspace, customer: Customer | None, number: int, **more: Any) -> Case:
    return open_case(
        workspace=workspace, subject="Late", opened_by=f"answer:{number}", customer=customer, by=None,
        **{"category": "delivery", **more},
    )  # fmt: skip


def people(workspace: Workspace, n: int, first: int = 1) -> list[Customer]:
    return [
        make_customer(workspace, f"C{one}", pk=UUID(int=workspace.pk << 64 | one)) for one in range(first, first + n)
    ]


def facts(name: str) -> list[OutboxFact]:
    return list(OutboxFact.objects.filter(name=name).order_by("pk"))


def days(moment: datetime, n: float) -> str:
    return (moment + timedelta(days=n)).strftime("%Y-%m-%d %H:%M:%S")


def test_chance_deals_once_for_each_customer_and_never_holds_out_a_severe_case(
    workspace: Workspace, analyst: User
) -> None:
    agent = make_member(workspace, Role.AGENT, "petro@example.com")
    play = play_of(workspace, analyst)
    customers = people(workspace, 60)
    cases = [case_of(workspace, one, number) for number, one in enumerate(customers[:40])]
    arms = [one.play.arm for one in cases]
    assert 8 <= arms.count(Arm.HELD_OUT) <= 32  # half of 40
    assert [one.play.place for one in cases] == list(range(1, 41))
    assert {one.play.reason for one in cases} == {Reason.CHANCE}
    # The history and the log say it; the ticket carries play and arm once it changes.
    held = next(one for one in cases if one.play.arm == Arm.HELD_OUT)
    assert held.entries.get(kind="play").data == {"play": "Call", "arm": "held_out", "reason": "chance"}
    told = facts("play_assigned")
    assert len(told) == 40
    assert told[0].properties["play_id"] == str(play.pk) and told[0].properties["place"] == 1
    assert told[0].customer_id == customers[0].pk
    # A second call changes nothing, and the customer keeps the arm at the next case, without a second place.
    assert assign(held) == held.play
    again = case_of(workspace, held.customer, 100)
    assert (again.play.arm, again.play.reason, again.play.place) == (Arm.HELD_OUT, Reason.AGAIN, None)
    # … unless it is severe; and now that the test is full, nobody is held out any more.
    severe = case_of(workspace, held.customer, 101, severe=True)
    assert (severe.play.arm, severe.play.reason) == (Arm.PLAY, Reason.SEVERE)
    late = [case_of(workspace, one, 200 + number) for number, one in enumerate(customers[40:])]
    assert {(one.play.arm, one.play.reason, one.play.place) for one in late} == {(Arm.PLAY, Reason.NO_TEST, None)}
    # A held-out case that turns out to be severe gets the play after all, and stays in its arm.
    describe(case=again, by=agent, is_severe=True)
    row = PlayAssignment.objects.get(case=again)
    assert (row.arm, row.is_held_out) == (Arm.HELD_OUT, False) and held.play.is_held_out
    assert again.entries.filter(kind="play_released").count() == 1
    assert "by chance" in sentence(held.entries.get(kind="play")).lower()
    # When the days of the customer are over, too.
    PlayAssignment.objects.filter(pk=held.pk).update(at=timezone.now() - timedelta(days=31))
    assert case_of(workspace, held.customer, 102).play.arm == Arm.PLAY
    # Nothing for those whom it does not fit, nobody knows, or who come from elsewhere with their past.
    unfit: list[tuple[Customer | None, dict[str, Any]]] = [
        (customers[0], {"category": "billing"}), (None, {}),
        (customers[0], {"opened_at": timezone.now() - timedelta(days=3)}),
    ]  # fmt: skip
    for number, (customer, more) in enumerate(unfit):
        other = case_of(workspace, customer, 300 + number, **more)
        assert not PlayAssignment.objects.filter(case=other).exists()
    # Carried out once, also for the held out, who stays in the arm.
    assert carry_out(case=held, by=agent, cost=7).cost == 7
    assert carry_out(case=held, by=agent, cost=9).cost == 7
    assert held.entries.filter(kind="play_done").count() == 1
    (done,) = facts("play_carried_out")
    assert (done.properties["arm"], done.properties["cost"]) == ("held_out", 7)
    with pytest.raises(Refused):
        carry_out(case=other, by=agent)
    with pytest.raises(Http404):
        carry_out(case=cases[0], by=make_user("stranger@example.com"))
    assert PlayAssignment.objects.filter(done_at__isnull=False).count() == 1


def test_a_play_that_runs_stays_what_it_is(workspace: Workspace, analyst: User) -> None:
    agent = make_member(workspace, Role.AGENT, "petro@example.com")
    with pytest.raises(PermissionDenied):
        save_play(workspace=workspace, by=agent, name="Call", kind="call")
    with pytest.raises(Http404):
        save_play(workspace=workspace, by=make_user("stranger@example.com"), name="Call", kind="call")
    for wrong in ({"hold_out": 0.6}, {"customers": 10}, {"window_days": 0}, {"kind": "dance"}, {"cost": -1},
                  {"name": " "}, {"condition": Condition(field="nonsense", operator="is_set")}):  # fmt: skip
        with pytest.raises(Refused):
            save_play(workspace=workspace, by=analyst, **{"name": "Call", "kind": "call", **wrong})  # type: ignore[arg-type]  # wrong on purpose
    assert not Play.objects.exists()
    play = play_of(workspace, analyst)
    with pytest.raises(Refused):
        play_of(workspace, analyst)  # the same name
    with pytest.raises(Refused):
        save_play(workspace=workspace, by=analyst, play=play, name="Call", hold_out=0.1, condition=ANGRY)
    with pytest.raises(Refused):
        start_play(play=play, by=analyst)
    with pytest.raises(Refused):
        remove_play(play=play, by=analyst)
    save_play(workspace=workspace, by=analyst, play=play, name="Call them", text="Say sorry", condition=ANGRY)
    play.refresh_from_db()
    assert (play.name, play.hold_out, play.text) == ("Call them", 0.5, "Say sorry")
    end_play(play=play, by=analyst)
    case = case_of(workspace, make_customer(workspace), 1)
    assert not PlayAssignment.objects.filter(case=case).exists()
    verbs = AuditEntry.objects.filter(subject="play").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["created", "started", "changed", "ended"]


def test_the_effect_is_what_became_of_the_customers(
    workspace: Workspace, analyst: User, django_capture_on_commit_callbacks: Any
) -> None:
    play = play_of(workspace, analyst)
    customers = people(workspace, 40)
    cases = [case_of(workspace, one, number) for number, one in enumerate(customers)]
    severe = case_of(workspace, people(workspace, 1, 90)[0], 500, severe=True)
    now = timezone.now()
    helped = [one for one in cases if one.play.arm == Arm.PLAY]
    held = [one for one in cases if one.play.arm == Arm.HELD_OUT]
    for one in (*helped[:10], severe):
        carry_out(case=one, by=analyst)
    happened: list[Event] = []
    # Helped: 9 and 7 of 10 by turns; held out: 2 and 3 of 5, which is 25 and 50 % of 1–5. One of each does not answer.
    for side, scores, scale, metric in ((helped, (9, 7), "0-10", "nps"), (held, (2, 3), "1-5", "csat")):
        for number, one in enumerate(side[1:]):
            assert one.customer is not None
            whose: dict[str, Any] = {"customer_id": one.customer.pk, "scale": scale, "metric": metric}
            happened += [
                answer(workspace, 1, days(now, 1), **{**whose, "touchpoint": "resolution"}),  # about the case itself
                answer(workspace, scores[number % 2], days(now, 2), **whose),
                answer(workspace, 1, days(now, 5), **whose),  # not the next one
            ]
    # The first two held out and the first helped come again, by a ticket of another system; one leaves after 20 days,
    # and of those who stay, one more leaves after the 30 days.
    for number, one in enumerate([*held[:2], helped[0]]):
        assert one.customer is not None
        happened.append(
            event(workspace, "ticket_updated", days(now, 3), customer_id=one.customer.pk, ticket_id=f"T{number}",
                  version=1, state="open", opened_at=(now + timedelta(days=3)).isoformat())
        )  # fmt: skip
    for number, (one, left) in enumerate([(held[0], 20), (held[1], 40), (helped[0], None), (helped[1], None)]):
        assert one.customer is not None
        ended = {} if left is None else {"ended_at": (now + timedelta(days=left)).isoformat()}
        happened.append(
            event(workspace, "subscription_updated", days(now, -1), customer_id=one.customer.pk,
                  subscription_id=f"S{number}", version=1, status="active" if left is None else "ended",
                  started_at=(now - timedelta(days=100)).isoformat(), **ended)
        )  # fmt: skip
    # Money within the days counts, cancelled orders and later ones do not.
    first = helped[0].customer
    assert first is not None
    for number, (n, amount) in enumerate([(4, 40.0), (5, 60.0), (6, 500.0), (31, 900.0)]):
        happened.append(
            event(workspace, "order_placed", days(now, n), customer_id=first.pk, order_id=f"O{number}", amount=amount,
                  currency="EUR")
        )  # fmt: skip
    happened.append(event(workspace, "order_cancelled", days(now, 7), customer_id=first.pk, order_id="O2"))
    move_outbox()
    given_events(happened)
    play.refresh_from_db()
    early = report(play, now + timedelta(days=10))
    assert (early.assigned, early.counted, early.waiting, early.complete) == (40, 0, 40, False)
    found = report(play, now + timedelta(days=31))
    assert (found.assigned, found.counted, found.held_out, found.complete) == (40, 40, len(held), True)
    assert (found.cases, found.due, found.done, found.done_anyway) == (41, len(helped) + 1, 11, 0)
    assert found.spent == 55
    effects = {one.outcome: one for one in found.effects}
    score = effects["next_score"]
    low = sum([25, 50][n % 2] for n in range(len(held) - 1)) / (len(held) - 1)
    high = sum([90, 70][n % 2] for n in range(len(helped) - 1)) / (len(helped) - 1)
    assert [score.held_out.value, score.helped.value] == pytest.approx([low, high])
    assert (score.held_out.n, score.helped.n, score.bounds) == (len(held) - 1, len(helped) - 1, None)
    assert score.difference.value == pytest.approx(high - low) and score.result == "works"
    recovered = effects["recovered"]
    assert recovered.held_out.value == 0 and recovered.helped.value == pytest.approx(1 - 1 / len(helped))
    assert recovered.result == "works"
    contact = effects["repeat_contact"]
    assert (contact.held_out.value, contact.helped.value) == (2 / len(held), 1 / len(helped))
    assert contact.result == "no_evidence"
    churn = effects["churn"]
    assert (churn.held_out.value, churn.held_out.n, churn.helped.value, churn.helped.n) == (0.5, 2, 0, 2)
    assert effects["revenue"].helped.value == pytest.approx(100 / len(helped))
    # 10 calls at 5 among the helped of the test; the severe case is not of the test.
    share = 1 - 1 / len(helped)
    assert found.cost is not None and found.cost.value == pytest.approx(50 / len(helped) / share)
    assert found.cost.high is not None and found.cost.low is not None
    # Two profiles of different arms are one person: the first case says which arm, both say what became of them.
    pair = sorted((held[3], helped[3]), key=lambda one: one.number)
    assert pair[0].customer and pair[1].customer
    with django_capture_on_commit_callbacks(execute=True):
        merge_customers(customer=pair[1].customer, into=pair[0].customer, by=analyst)
    after = report(play, now + timedelta(days=31))
    assert (after.counted, after.waiting) == (39, 1)
    sizes = {one.outcome: (one.held_out.n, one.helped.n) for one in after.effects}
    lost = pair[1].play.arm
    assert sizes["recovered"] == (len(held) - (lost == Arm.HELD_OUT), len(helped) - (lost == Arm.PLAY))
    # Ended before it was full: the numbers stay, without a verdict.
    Play.objects.filter(pk=play.pk).update(full_at=None)
    play.refresh_from_db()
    assert {one.result for one in report(play, now + timedelta(days=31)).effects} == {"too_early"}


def test_without_a_test_the_change_is_set_beside_that_of_other_cases(workspace: Workspace, analyst: User) -> None:
    play = play_of(workspace, analyst, hold_out=0.0, customers=400)
    customers = people(workspace, 6)
    now = timezone.now()
    happened = []
    for number, one in enumerate(customers):
        case_of(workspace, one, number, category="delivery" if number < 3 else "billing")
        # All had 2 of 10 before. Helped go to 8, 9, 10; the others to 4, 5, 6.
        for n, given in ((-5, 2), (2, (8 if number < 3 else 4) + number % 3)):
            happened.append(answer(workspace, given, days(now, n), customer_id=one.pk, scale="0-10"))
    move_outbox()
    given_events(happened)
    found = report(play, now + timedelta(days=31))
    assert not found.has_test and found.effects == [] and found.cost is None
    changes = {one.outcome: one for one in found.changes}
    assert set(changes) == {"next_score", "contacts"}  # nobody bought anything
    score = changes["next_score"]
    # Changes of 60, 70, 80 against 20, 30, 40 percent of the scale, both from 20: 40 more.
    assert [score.helped.value, score.others.value] == pytest.approx([70, 30])
    assert [score.start_helped, score.start_others] == pytest.approx([20, 20])
    assert score.difference.value == pytest.approx(40)
    assert score.difference.low is not None and score.difference.low > 10
    assert changes["contacts"].difference.value == 0
