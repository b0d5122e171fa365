"""The experience score: what is known of a ticket, a model that says how good it is, and none before that."""

from __future__ import annotations

import math
import uuid
from datetime import timedelta

import numpy as np
import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from cxm.accounts.models import Role, Workspace
from cxm.record.eventlog.append import Event
from cxm.record.eventlog.snapshot import customer_row, put_customers
from cxm.record.eventlog.texts import Annotation, write_annotations
from cxm.testing.cast import answer, at, event, given_events, make_member, make_workspace
from cxm.testing.effort import full_or
from cxm.understand.text.experience import fitting, jobs, keeping, signals
from cxm.understand.text.experience.signals import Interaction
from cxm.understand.text.models import ExperienceModel

ADA, BOB = uuid.UUID(int=1), uuid.UUID(int=2)
NOW = at("2026-04-01 00:00")


@pytest.fixture
def workspace(db: None) -> Workspace:
    return make_workspace()


def ticket(workspace: Workspace, name: str, who: uuid.UUID, opened: str, **more: object) -> Event:
    opened_at = at(opened).isoformat()
    return event(workspace, "ticket_updated", opened, customer_id=who, ticket_id=name, opened_at=opened_at, **more)


def said(workspace: Workspace, who: uuid.UUID, when: str, sentiment: float, effort: bool = False) -> None:
    """A message that has been read already."""
    one = event(workspace, "message_received", when, customer_id=who, metric="text", question="message", comment="…")
    given_events([one])
    write_annotations([
        Annotation(
            workspace_id=workspace.pk, event_id=one.event_id, customer_id=who, occurred_at=at(when),
            import_id=uuid.UUID(int=0), version=version, model="m", language="en", script="", sentiment="",
            sentiment_score=score, emotion="", intent="", effort=effort, urgent=False, topics=(), topic_sentiments=(),
            personal=(), tags="{}",
        )
        for version, score in ((1, 0.0), (2, sentiment))  # only the newer reading holds
    ])  # fmt: skip


def test_a_ticket_knows_its_texts_waits_repeats_and_answer(workspace: Workspace) -> None:
    given_events([
        ticket(workspace, "T1", ADA, "2026-03-01 12:00", version=1, state="open"),
        ticket(
            workspace, "T1", ADA, "2026-03-01 12:00", version=2, state="resolved", reassigned=2, reopened=1,
            first_responded_at=at("2026-03-01 15:00").isoformat(), resolved_at=at("2026-03-02 12:00").isoformat(),
        ),
        ticket(workspace, "T2", ADA, "2026-03-20 12:00", version=1, state="open"),
        ticket(workspace, "T3", BOB, "2026-03-05 12:00", version=1, state="open"),
        answer(workspace, 2, "2026-03-04 12:00", metric="csat", question="csat", scale="1-5", customer_id=ADA),
        answer(workspace, 5, "2026-03-05 12:00", metric="csat", question="csat", scale="1-5", customer_id=ADA),
        answer(workspace, 4, "2026-03-01 10:00", metric="csat", question="csat", scale="1-5", customer_id=BOB),
    ])  # fmt: skip
    said(workspace, ADA, "2026-03-01 11:30", -0.8)
    said(workspace, ADA, "2026-03-02 11:00", 0.2, effort=True)
    said(workspace, ADA, "2026-03-03 12:00", 0.9)  # after the solution
    newest, *_rest = found = signals.interactions(workspace.pk, now=NOW)
    assert [one.ticket_id for one in found] == ["T2", "T3", "T1"] and newest.is_open
    by_name = {one.ticket_id: one for one in found}
    one = by_name["T1"]
    # Mean of −0.8 and 0.2; 3 hours to the first answer, 24 to the solution; the first answer after it is the 2.
    assert one.sentiment == pytest.approx(-0.3)
    assert (one.texts, one.effort) == (2, True)
    assert (one.first_answer_h, one.solution_h, one.handovers, one.repeats) == (3, 24, 2, 1)
    assert (one.score, one.scale, one.is_open) == (2, "1-5", False)
    # T2 came 19 days after T1, so the customer came again; it has waited 11.5 days until now.
    assert (by_name["T2"].repeats, by_name["T2"].first_answer_h, by_name["T2"].score) == (1, 11.5 * 24, None)
    assert (by_name["T3"].texts, by_name["T3"].score) == (0, None)
    assert signals.numbers(one) == pytest.approx([-0.3, 0, 1, 2, math.log2(25), 2, 1])
    assert signals.interaction(workspace.pk, "T1", NOW) == one
    assert signals.interaction(workspace.pk, "T9", NOW) is None
    # As soon as answers name their tickets, only the name counts.
    given_events([
        answer(workspace, 1, "2026-03-25 12:00", metric="csat", question="csat", scale="1-5", customer_id=BOB,
               properties={"ticket_id": "T3"}),
    ])  # fmt: skip
    scores = {one.ticket_id: one.score for one in signals.interactions(workspace.pk, now=NOW)}
    assert scores == {"T1": None, "T2": None, "T3": 1}


def test_profiles_that_were_merged_are_one_customer(workspace: Workspace) -> None:
    given_events([
        ticket(workspace, "T1", ADA, "2026-03-01 12:00", version=1, state="open"),
        ticket(
            workspace, "T2", BOB, "2026-03-10 12:00", version=1, state="resolved",
            resolved_at=at("2026-03-11 12:00").isoformat(),
        ),
        answer(workspace, 2, "2026-03-12 12:00", metric="csat", question="csat", scale="1-5", customer_id=ADA),
    ])  # fmt: skip
    said(workspace, ADA, "2026-03-10 13:00", -0.8)
    before = signals.interaction(workspace.pk, "T2", NOW)
    assert before is not None and (before.texts, before.repeats, before.score) == (0, 0, None)
    put_customers([customer_row(workspace.pk, who, {}, canonical_id=ADA) for who in (ADA, BOB)])
    # Bob is Ada: she wrote while T2 was open, had opened T1 nine days before, and answered after the solution.
    after = signals.interaction(workspace.pk, "T2", NOW)
    assert after is not None and (after.texts, after.repeats, after.score) == (1, 1, 2)
    assert after in signals.interactions(workspace.pk, now=NOW)


def drawn(rng: np.random.Generator, n: int, slope: float) -> list[Interaction]:
    """Tickets whose customers answer 1 to 5: each doubling of the first wait multiplies the odds by e^−slope."""
    made = []
    for number in range(n):
        wait = float(rng.lognormal(1, 1.2))
        mood = float(rng.uniform(-1, 1))
        latent = 2 + slope * (mood - math.log2(1 + wait)) + rng.logistic()
        score = 1.0 + sum(latent > cut for cut in (-2, -0.5, 0.5, 2))
        made.append(Interaction(str(number), 1, mood, False, wait, wait + 5, 0, 0, score, "1-5", False))
    return made


@pytest.mark.once
def test_the_published_effects_hold_the_truth_and_an_interaction_is_told_with_its_interval() -> None:
    rng = np.random.default_rng(5)
    rounds, inside, covered = full_or(400, 40), 0, 0
    truth = None
    for _round in range(rounds):
        found = fitting.calibrate(drawn(rng, 250, 0.7))
        assert [one.signal for one in found.effects] == ["sentiment", "first_answer", "solution"] and found.enough
        wait = found.effects[1].ratio
        assert wait.low is not None and wait.high is not None
        inside += wait.low <= math.exp(-0.7) <= wait.high
        told = fitting.score(Interaction("x", 1, -0.5, False, 7, 12, 0, 0, None, "", False), found)
        # log2(1 + 7) = 3: latent mean 2 + 0.7 (−0.5 − 3) = −0.45; P(above a cut) = logistic(−0.45 − cut).
        truth = 1 + sum(1 / (1 + math.exp(cut + 0.45)) for cut in (-2, -0.5, 0.5, 2))
        assert told.expected.low is not None and told.expected.high is not None
        covered += told.expected.low <= truth <= told.expected.high
        assert (told.lowest, told.highest) == (1, 5) and 0 < told.satisfied < 1
    slack = 3.3 * math.sqrt(0.95 * 0.05 / rounds)
    assert inside / rounds > 0.94 - slack and covered / rounds > 0.94 - slack
    again = fitting.read(fitting.kept(found))
    assert fitting.score(drawn(rng, 1, 1)[0], again).lowest == 1
    assert again.effects == found.effects and again.r_squared.value == found.r_squared.value
    assert all(share.ratio > 0 for share in told.shares)
    with pytest.raises(fitting.TooFewAnswers) as refused:
        fitting.calibrate(drawn(rng, 59, 0.7))
    assert refused.value.n == 59


@pytest.mark.once
def test_signals_that_tell_nothing_are_not_called_enough() -> None:
    rng = np.random.default_rng(11)
    rounds = full_or(200, 20)
    called = sum(fitting.calibrate(drawn(rng, 120, 0.0)).enough for _round in range(rounds))
    assert called / rounds <= 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / rounds)


def test_a_workspace_is_scored_only_when_the_model_beats_the_mean(workspace: Workspace) -> None:
    analyst = make_member(workspace, Role.ANALYST, "ana@example.com")
    with pytest.raises(PermissionDenied):
        keeping.ask_for_calibration(workspace=workspace, by=make_member(workspace, Role.AGENT, "petro@example.com"))
    assert not ExperienceModel.objects.exists()
    assert keeping.ask_for_calibration(workspace=workspace, by=analyst).state == "waiting"
    few = keeping.calibrate(workspace.pk, NOW)
    assert (few.state, few.enough, few.answers) == ("refused", False, 0)
    events = []
    for number in range(100):
        hours = 1 + number % 10
        opened = at("2026-03-01 00:00") + timedelta(hours=5 * number)
        name, who = f"T{number}", uuid.UUID(int=100 + number)
        times = {"first_responded_at": opened + timedelta(hours=hours), "resolved_at": opened + timedelta(hours=20)}
        stamps = {key: time.isoformat() for key, time in times.items()}
        when = opened.strftime("%Y-%m-%d %H:%M")
        events += [
            ticket(workspace, name, who, when, version=1, state="resolved", **stamps),
            # The longer they waited, the worse; every seventh answers the other way round.
            answer(workspace, (5 if hours <= 5 else 1) if number % 7 else 3, when, metric="csat", question="csat",
                   scale="1-5", customer_id=who, properties={"ticket_id": name}),
        ]  # fmt: skip
    given_events(events)
    done = keeping.calibrate(workspace.pk, timezone.now())
    assert (done.state, done.enough, done.answers) == ("done", True, 100)
    slow, quick = keeping.experience_of(workspace.pk, "T9"), keeping.experience_of(workspace.pk, "T1")
    assert slow is not None and quick is not None
    assert slow.expected.value is not None and quick.expected.value is not None
    assert slow.expected.value < 2 < 4 < quick.expected.value
    assert [(share.signal, share.ratio < 1) for share in slow.shares] == [("first_answer", True)]
    assert keeping.experience_of(workspace.pk, "T999") is None
    assert jobs.calibrate_due() == 0
    ExperienceModel.objects.update(calibrated_at=timezone.now() - timedelta(days=8))
    assert (jobs.calibrate_due(), jobs.calibrate_due()) == (1, 0)
