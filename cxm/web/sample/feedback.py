"""Surveys: who was invited after what, who answered, with which score, and in which words."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .comments import Mood, Writer
from .orders import Order
from .people import Person
from .sink import Sink
from .stories import (
    BEST_STORE,
    BEST_STORE_SATISFACTION,
    CHECKOUT_EASE,
    CHECKOUT_EASE_NEW,
    CHECKOUT_NEW_FROM,
    LATE_COSTS,
    NORDPOST_CARELESS,
    NORDPOST_WORSE_FROM,
    PRICE_RISE_BILLING,
    PRICE_RISE_FROM,
    PRICE_RISE_NPS,
    PRICE_RISE_PLAN,
    STORE_SATISFACTION,
    UNDERSTAFFED_COSTS,
    Calendar,
    Size,
)
from .subscriptions import Invoice
from .tickets import Ticket
from .visits import Visit

LATE_COSTS_NPS = 1.6  # points of likelihood to recommend, for two months after a late parcel
MOODS: dict[str, tuple[int, int]] = {"nps": (6, 8), "csat": (2, 3), "ces": (3, 4)}  # highest bad, highest mixed score
COMMENTED: dict[Mood, float] = {"bad": 0.85, "mixed": 0.5, "good": 0.6}


@dataclass(frozen=True, slots=True)
class Survey:
    name: str
    metric: str
    question: str
    scale: tuple[int, int]
    rate: float  # share of the invited who answer
    topic: str
    spread: float  # standard deviation of one answer around its mean


RELATIONSHIP = Survey("Relationship", "nps", "How likely are you to recommend us?", (0, 10), 0.20, "overall", 1.7)
DELIVERY = Survey("Delivery", "csat", "How satisfied are you with the delivery?", (1, 5), 0.30, "delivery", 0.75)
STORE = Survey("Store visit", "csat", "How satisfied are you with your visit?", (1, 5), 0.14, "store", 0.9)
SUPPORT = Survey("After support", "csat", "How satisfied are you with our support?", (1, 5), 0.30, "support", 1.0)
BILLING = Survey("Billing", "csat", "How satisfied are you with our billing?", (1, 5), 0.15, "billing", 0.9)
CHECKOUT = Survey("Checkout", "ces", "How easy was it to place your order?", (1, 7), 0.36, "checkout", 1.2)


@dataclass(slots=True)
class Occasion:
    person: Person
    at: datetime
    touchpoint: str
    channel: str
    mean: float
    late: bool = False
    partner: str = ""
    store: str = ""
    price: bool = False  # on the plan that got dearer
    properties: dict[str, str | bool] = field(default_factory=dict)


def feedback(
    people: list[Person],
    orders: list[Order],
    tickets: list[Ticket],
    invoices: list[Invoice],
    visits: list[Visit],
    size: Size,
    seed: int,
    calendar: Calendar,
    sink: Sink,
) -> None:
    rng = random.Random(f"feedback {seed}")
    writer = Writer(random.Random(f"comments {seed}"))
    alive = [one for one in people if one.same_as is None]
    plans: list[tuple[Survey, int, Callable[[], list[Occasion]]]] = [
        (RELATIONSHIP, size.nps, lambda: _relationship(rng, alive, round(size.nps / RELATIONSHIP.rate), calendar)),
        (DELIVERY, size.delivery, lambda: _deliveries(orders, calendar)),
        (STORE, size.store, lambda: [_visit(visit) for visit in visits]),
        (SUPPORT, size.support, lambda: _support(tickets)),
        (BILLING, size.billing, lambda: [_billing(invoice, calendar) for invoice in invoices]),
        (CHECKOUT, size.checkout, lambda: _checkouts(orders, calendar)),
    ]
    for survey, wanted, occasions in plans:
        _run(rng, writer, survey, wanted, [one for one in occasions() if one.at < calendar.now], calendar, sink)


def _run(
    rng: random.Random,
    writer: Writer,
    survey: Survey,
    wanted: int,
    pool: list[Occasion],
    calendar: Calendar,
    sink: Sink,
) -> None:
    """Invite as many as the response rate asks for; exactly `wanted` of them answer, sooner in the app than by mail."""
    invited = rng.sample(pool, min(len(pool), round(wanted / survey.rate)))
    # The lowest keys answer; who is asked in the app or in the chat answers half again as often.
    eager = [rng.expovariate(1.5 if one.channel in {"app", "chat"} else 1.0) for one in invited]
    answering = set(sorted(range(len(invited)), key=eager.__getitem__)[:wanted])
    for number, one in enumerate(invited):
        key = f"{survey.name} {number}"
        about = {
            "survey": survey.name,
            "metric": survey.metric,
            "question": survey.question,
            "channel": one.channel,
            "touchpoint": one.touchpoint,
            "language": one.person.language,
        }
        sink.add("survey_invited", one.person.id, one.at, key, response_id=key, **about)
        if number in answering:
            _answer(rng, writer, survey, one, key, about, calendar, sink)


def _answer(
    rng: random.Random,
    writer: Writer,
    survey: Survey,
    one: Occasion,
    key: str,
    about: dict[str, str],
    calendar: Calendar,
    sink: Sink,
) -> None:
    low, high = survey.scale
    score = min(high, max(low, round(rng.gauss(one.mean, survey.spread))))
    bad, mixed = MOODS[survey.metric]
    mood: Mood = "bad" if score <= bad else "mixed" if score <= mixed else "good"
    comment = ""
    if rng.random() < COMMENTED[mood]:
        topic = survey.topic
        if mood == "bad" and one.late and rng.random() < 0.8:
            topic = "late"
        elif mood == "bad" and one.price and rng.random() < 0.6:
            topic = "price"
        person = one.person
        comment = writer.comment(
            person.language, topic, mood, female=person.female, partner=one.partner, store=one.store, plan=person.plan
        )
    answered_at = min(one.at + timedelta(minutes=rng.lognormvariate(4.5, 1.6)), calendar.now)
    sink.add(
        "answer_given",
        one.person.id,
        answered_at,
        key,
        scale=f"{low}-{high}",
        score=score,
        weight=1,
        response_id=key,
        comment=comment,
        properties=one.properties,
        **about,
    )


def _relationship(rng: random.Random, people: list[Person], invitations: int, calendar: Calendar) -> list[Occasion]:
    months = calendar.weights(seasonal=False)
    made: list[Occasion] = []
    while len(made) < invitations:
        person, when = rng.choice(people), calendar.draw(rng, months)
        if when < person.joined_at:
            continue
        dear = person.plan == PRICE_RISE_PLAN and calendar.month(when) >= PRICE_RISE_FROM
        late = person.late_at is not None and timedelta() < when - person.late_at < timedelta(days=60)
        channel, touchpoint = rng.choices((("email", "website"), ("app", "app")), (0.7, 0.3))[0]
        mean = 8.1 + 0.9 * person.nature - (LATE_COSTS_NPS if late else 0) - (PRICE_RISE_NPS if dear else 0)
        made.append(Occasion(person, when, touchpoint, channel, mean, late=late, price=dear))
    return made


def _deliveries(orders: list[Order], calendar: Calendar) -> list[Occasion]:
    made = []
    for order in orders:
        if order.delivered_at is None or not order.partner:
            continue
        careless = order.partner == "NordPost" and calendar.month(order.placed_at) >= NORDPOST_WORSE_FROM
        mean = 4.45 + 0.2 * order.person.nature - (LATE_COSTS if order.late else 0)
        made.append(
            Occasion(
                order.person,
                order.delivered_at + timedelta(hours=2),
                "delivery",
                "app" if order.channel == "app" else "email",
                mean - (NORDPOST_CARELESS if careless else 0),
                late=order.late,
                partner=order.partner,
                properties={"delivery_partner": order.partner, "late": order.late, "order_id": order.key},
            )
        )
    return made


def _visit(visit: Visit) -> Occasion:
    mean = (BEST_STORE_SATISFACTION if visit.store == BEST_STORE else STORE_SATISFACTION) + 0.2 * visit.person.nature
    return Occasion(
        visit.person,
        visit.at + timedelta(hours=3),
        "store",
        "sms",
        mean,
        store=visit.store,
        properties={"store": visit.store},
    )


def _support(tickets: list[Ticket]) -> list[Occasion]:
    made = []
    for ticket in tickets:
        if ticket.resolved_at is None or ticket.touchpoint == "website":
            continue
        mean = 4.1 + 0.2 * ticket.person.nature - (UNDERSTAFFED_COSTS if ticket.understaffed else 0)
        channel = "chat" if ticket.touchpoint == "live chat" else "sms"
        made.append(
            Occasion(
                ticket.person,
                ticket.resolved_at + timedelta(minutes=10),
                ticket.touchpoint,
                channel,
                mean,
                properties={"ticket_id": ticket.key},
            )
        )
    return made


def _billing(invoice: Invoice, calendar: Calendar) -> Occasion:
    plan = invoice.person.plan
    dear = plan == PRICE_RISE_PLAN and calendar.month(invoice.paid_at) >= PRICE_RISE_FROM
    mean = 4.1 + 0.15 * invoice.person.nature - (PRICE_RISE_BILLING if dear else 0)
    return Occasion(
        invoice.person,
        invoice.paid_at + timedelta(days=1),
        "billing",
        "email",
        mean,
        price=dear,
        properties={"plan": plan},
    )


def _checkouts(orders: list[Order], calendar: Calendar) -> list[Occasion]:
    made = []
    for order in orders:
        if order.channel == "store":
            continue
        new = calendar.month(order.placed_at) >= CHECKOUT_NEW_FROM
        mean = (CHECKOUT_EASE_NEW if new else CHECKOUT_EASE) + 0.2 * order.person.nature
        made.append(
            Occasion(
                order.person,
                order.placed_at + timedelta(seconds=30),
                "checkout",
                "app" if order.channel == "app" else "website",
                mean,
                properties={"order_id": order.key, "checkout": "new" if new else "old"},
            )
        )
    return made
