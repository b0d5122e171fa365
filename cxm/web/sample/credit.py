"""Cars on credit: from the first look to the first service, with a bank and a payment partner in between.

The payment partner loses 8 % of those who reach it; nobody is asked about the registration at the office.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from .comments import Mood, Writer
from .people import Person
from .sink import Sink
from .stories import CREDIT_DOWN_PAYMENT, CREDIT_LOST, CREDIT_LOST_ELSEWHERE, Calendar, Size

BANK, PAYMENTS, OFFICE = "Meridian Bank", "PayLink", "Registration office"
QUESTION: Final = "How satisfied are you with this step?"
SURVEY: Final = "Car on credit"
MODELS: Final = ("Lumo Drive S", "Lumo Drive M", "Lumo Drive L")


@dataclass(frozen=True, slots=True)
class Step:
    """`hours`: median time until it, from the step before. `asked`: share of those who pass that answer."""

    event: str
    touchpoint: str
    channel: str
    hours: float
    partner: str = ""
    asked: float = 0.08
    content: float = 4.2  # mean satisfaction before rounding, 1 to 5
    topic: str = "car"


PATH: Final = (
    Step("car_viewed", "car_page", "website", 0),
    Step("test_drive_booked", "test_drive_booking", "website", 20),
    Step("test_drive_done", "test_drive", "store", 60, content=4.4),
    Step("credit_calculated", "credit_calculator", "app", 15),
    Step("credit_application_sent", "credit_application", "app", 30, content=4.1),
    Step("credit_decided", "credit_decision", "email", 26, BANK),
    Step("contract_signed", "contract", "store", 40),
    Step("down_payment_started", "down_payment", "website", 10, PAYMENTS, 0.1, CREDIT_DOWN_PAYMENT, "payment"),
    Step("down_payment_confirmed", "payment_confirmation", "email", 0.2),
    Step("car_registered", "registration", "office", 70, OFFICE, 0),
    Step("car_handed_over", "hand_over", "store", 50, content=4.5),
    Step("first_service_done", "first_service", "store", 700),
)
LOSES: Final = "down_payment_started"
CALL: Final = "credit_call_ended"  # who lost the way calls, and so do a few others


def cars_on_credit(people: list[Person], size: Size, seed: int, calendar: Calendar, sink: Sink) -> None:
    """`size.credits` customers set out to buy a car; nothing of the future is known yet."""
    rng = random.Random(f"credit {seed}")
    writer = Writer(random.Random(f"credit comments {seed}"))
    months = calendar.weights(seasonal=False)
    buyers = [one for one in people if one.same_as is None]
    for number, person in enumerate(rng.sample(buyers, min(size.credits, len(buyers))), 1):
        begun_at = max(calendar.draw(rng, months), person.joined_at + timedelta(hours=1))
        _buy(rng, writer, f"K-{number:06d}", person, begun_at, calendar, sink)


def _buy(
    rng: random.Random, writer: Writer, key: str, person: Person, when: datetime, calendar: Calendar, sink: Sink
) -> None:
    about = {"application_id": key, "model": rng.choice(MODELS), "amount": rng.randrange(9, 32) * 1000}
    for step in PATH:
        when += timedelta(hours=step.hours * rng.lognormvariate(0, 0.5))
        if when > calendar.now:
            return
        sink.add(
            step.event, person.id, when, key, touchpoint=step.touchpoint, channel=step.channel,
            **about, **({"partner": step.partner} if step.partner else {}),
        )  # fmt: skip
        lost = rng.random() < (CREDIT_LOST if step.event == LOSES else CREDIT_LOST_ELSEWHERE)
        if rng.random() < step.asked:
            _answer(rng, writer, key, step, person, when, lost, calendar, sink)
        if (lost and step.event == LOSES and rng.random() < 0.6) or rng.random() < 0.01:
            called_at = when + timedelta(hours=rng.uniform(1, 30))
            if called_at < calendar.now:
                sink.add(
                    CALL, person.id, called_at, f"{key} {step.event}", touchpoint="support call", channel="phone",
                    **about,
                )  # fmt: skip
        if lost:
            return


def _answer(
    rng: random.Random, writer: Writer, key: str, step: Step, person: Person, when: datetime, lost: bool,
    calendar: Calendar, sink: Sink,
) -> None:  # fmt: skip
    score = min(5, max(1, round(rng.gauss(step.content + 0.2 * person.nature - (1.5 if lost else 0), 0.8))))
    mood: Mood = "bad" if score <= 2 else "mixed" if score == 3 else "good"
    comment = ""
    if rng.random() < {"bad": 0.85, "mixed": 0.5, "good": 0.6}[mood]:
        comment = writer.comment(person.language, step.topic, mood, female=person.female)
    response = f"{SURVEY} {key} {step.event}"
    sink.add(
        "answer_given", person.id, min(when + timedelta(hours=rng.lognormvariate(0.5, 1)), calendar.now), response,
        survey=SURVEY, metric="csat", question=QUESTION, scale="1-5", score=score, weight=1, comment=comment,
        channel="email", touchpoint=step.touchpoint, language=person.language, response_id=response,
        properties={"application_id": key, "step": step.event},
    )  # fmt: skip
