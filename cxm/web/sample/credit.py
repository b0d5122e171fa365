"""Cars on credit: from the first look to the first service, with a bank and an insurer in between.

The bank does not pay the dealer for 8 % of the contracts, and nobody is asked about the insurance.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.utils.translation import override

from cxm.accounts.models import User, Workspace
from cxm.understand.journeys.definition import Binding, EventRule, MapDefinition, Touchpoint
from cxm.understand.journeys.evidence.keeping import warm
from cxm.understand.journeys.maps.actions import create_map
from cxm.understand.journeys.maps.starter import starter_maps
from cxm.understand.journeys.models import JourneyMap
from cxm.understand.journeys.steps.actions import process_for_map
from cxm.understand.journeys.steps.building import build_steps

from .comments import Mood, Writer
from .people import Person
from .sink import Sink
from .stories import CREDIT_LOST, CREDIT_LOST_ELSEWHERE, CREDIT_PAYOUT, Calendar, Size

BANK, INSURER = "Meridian Bank", "Tarcza Insurance"
QUESTION: Final = "How satisfied are you with this step?"
SURVEY: Final = "Car on credit"
MODELS: Final = ("Lumo Drive S", "Lumo Drive M", "Lumo Drive L")


@dataclass(frozen=True, slots=True)
class Step:
    """`name` is that of the event and of the touchpoint. `hours`: median time until it, from the step before. `asked`:
    share of those who pass that answer; `content`: mean satisfaction before rounding, 1 to 5."""

    name: str
    channel: str
    hours: float
    partner: str = ""
    asked: float = 0.08
    content: float = 4.2
    topic: str = "car"


# The touchpoints of the map that one begins with, see journeys/maps/starters/car_credit.yaml.
PATH: Final = (
    Step("car_configured", "web", 0),
    Step("dealer_visited", "store", 50),
    Step("test_drive_taken", "store", 20, content=4.4),
    Step("credit_applied", "store", 24, content=4.1),
    Step("credit_decided", "phone", 20, BANK),
    Step("contract_signed", "store", 40),
    Step("loan_paid_out", "online", 30, BANK, 0.1, CREDIT_PAYOUT, "payout"),
    Step("car_insured", "online", 20, INSURER, 0),
    Step("car_handed_over", "store", 60, content=4.5),
    Step("instalment_paid", "app", 500, BANK),
    Step("service_visited", "store", 900),
)
LAST_BEFORE_LOSS: Final = "contract_signed"  # the bank does not pay, and nobody notices
CALL: Final = "credit_call_ended"  # who lost the way calls, and so do a few others


def cars_on_credit(people: list[Person], size: Size, seed: int, calendar: Calendar, sink: Sink) -> None:
    """`size.credits` customers set out to buy a car; nothing of the future is known yet."""
    rng = random.Random(f"credit {seed}")
    writer = Writer(random.Random(f"credit comments {seed}"))
    months = calendar.weights(seasonal=False)
    buyers = [one for one in people if one.same_as is None]
    for number, person in enumerate(rng.sample(buyers, min(size.credits, len(buyers))), 1):
        begun_at = max(calendar.draw(rng, months), person.joined_at + timedelta(hours=1))
        _buy(rng, writer, f"K-{number:06d}", person, min(begun_at, calendar.now), calendar, sink)


def _buy(
    rng: random.Random, writer: Writer, key: str, person: Person, when: datetime, calendar: Calendar, sink: Sink
) -> None:
    about: dict[str, object] = {
        "application_id": key, "model": rng.choice(MODELS), "amount": rng.randrange(9, 32) * 1000,
    }  # fmt: skip
    for step in PATH:
        when += timedelta(hours=step.hours * rng.lognormvariate(0, 0.5))
        if when > calendar.now:
            return
        sink.add(
            step.name, person.id, when, key, touchpoint=step.name, channel=step.channel,
            **about, **({"partner": step.partner} if step.partner else {}),
        )  # fmt: skip
        fails = step.name == LAST_BEFORE_LOSS and rng.random() < CREDIT_LOST
        if rng.random() < step.asked:
            _answer(rng, writer, key, step, person, when, False, calendar, sink)
        if (fails and rng.random() < 0.6) or rng.random() < 0.01:
            _call(rng, f"{key} {step.name}", person, when, about, calendar, sink)
        if fails:
            if rng.random() < 0.3:  # asked about the payment that never came
                payout = next(one for one in PATH if one.topic == "payout")
                _answer(rng, writer, key, payout, person, when + timedelta(days=9), True, calendar, sink)
            return
        if rng.random() < CREDIT_LOST_ELSEWHERE:
            return


def _call(
    rng: random.Random, key: str, person: Person, when: datetime, about: dict[str, object], calendar: Calendar,
    sink: Sink,
) -> None:  # fmt: skip
    called_at = when + timedelta(hours=rng.uniform(1, 30))
    if called_at < calendar.now:
        sink.add(CALL, person.id, called_at, key, touchpoint="support call", channel="phone", **about)


def _answer(
    rng: random.Random, writer: Writer, key: str, step: Step, person: Person, when: datetime, failed: bool,
    calendar: Calendar, sink: Sink,
) -> None:  # fmt: skip
    if when > calendar.now:
        return
    score = min(5, max(1, round(rng.gauss(step.content + 0.2 * person.nature - (1.5 if failed else 0), 0.8))))
    mood: Mood = "bad" if score <= 2 else "mixed" if score == 3 else "good"
    comment = ""
    if rng.random() < {"bad": 0.85, "mixed": 0.5, "good": 0.6}[mood]:
        comment = writer.comment(person.language, step.topic, mood, female=person.female)
    response = f"{SURVEY} {key} {step.name}"
    sink.add(
        "answer_given", person.id, min(when + timedelta(hours=rng.lognormvariate(0.5, 1)), calendar.now), response,
        survey=SURVEY, metric="csat", question=QUESTION, scale="1-5", score=score, weight=1, comment=comment,
        channel="email", touchpoint=step.name, language=person.language, response_id=response,
        properties={"application_id": key, "step": step.name},
    )  # fmt: skip


NAME: Final = "Car on credit"
COSTS: Final = {"dealer_visited": 18.0, "test_drive_taken": 35.0, "credit_applied": 22.0, "credit_call": 7.5}
TARGET: Final = 80.0  # per cent of the answers that are satisfied


def draw_the_map(workspace: Workspace, owner: User) -> JourneyMap:
    """The map of these purchases, from the one that everybody may begin with, its steps built and its figures known."""
    found = JourneyMap.objects.filter(workspace=workspace, name=NAME).first()
    if found is None:
        with override("en"):
            definition = finished(starter_maps()["car_credit"].definition, owner)
        found = create_map(workspace=workspace, name=NAME, definition=definition, by=owner)
    build_steps(process_for_map(found))
    warm(found)
    return found


def finished(definition: MapDefinition, owner: User) -> MapDefinition:
    """With the firm's own partners, costs, owners and targets, and the calls beside the path."""
    partners = {one.name: one.partner for one in PATH}
    call = Touchpoint(
        "credit_call", "Calls about the credit", channel="phone", optional=True, cost=COSTS["credit_call"],
        binding=Binding(events=(EventRule(CALL),)),
    )  # fmt: skip

    def own(one: Touchpoint) -> Touchpoint:
        return msgspec.structs.replace(
            one, partner=partners.get(one.key, one.partner), cost=COSTS.get(one.key), target=TARGET,
            owner=owner.pk if one.moment_of_truth else None,
        )  # fmt: skip

    stages = tuple(
        msgspec.structs.replace(
            stage,
            touchpoints=(*map(own, stage.touchpoints), *([call] if stage.key == "financing" else [])),
        )
        for stage in definition.stages
    )
    return msgspec.structs.replace(definition, stages=stages, case="application_id", currency="EUR")
