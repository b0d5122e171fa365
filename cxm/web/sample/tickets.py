"""Tickets: from late parcels, and from everything else; slow while support lacks people."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from .orders import Order
from .people import Person
from .sink import Sink
from .stories import (
    FIRST_RESPONSE_HOURS,
    LATE_TICKET,
    ON_TIME_TICKET,
    RESOLUTION_HOURS,
    UNDERSTAFFED,
    UNDERSTAFFED_RESOLUTION,
    UNDERSTAFFED_RESPONSE,
    Calendar,
    Size,
)

TOPICS = {  # topic: share of the other tickets, share of complaints among them
    "product question": (0.24, 0.02),
    "return": (0.20, 0.15),
    "billing": (0.16, 0.35),
    "broken product": (0.16, 0.55),
    "account": (0.14, 0.05),
    "voucher": (0.10, 0.10),
}
CHANNELS = {"phone": (0.40, "support call"), "chat": (0.35, "live chat"), "email": (0.25, "website")}
PROMISE_HOURS = {"high": 4.0, "normal": 10.0, "low": 24.0}  # first answer, as agreed
WEIGHTS = (0.15, 0.65, 0.20)


@dataclass(slots=True)
class Ticket:
    number: int
    person: Person
    topic: str
    touchpoint: str
    opened_at: datetime
    resolved_at: datetime | None
    understaffed: bool

    @property
    def key(self) -> str:
        return f"T-{self.number:06d}"


def tickets(
    people: list[Person], orders: list[Order], size: Size, seed: int, calendar: Calendar, sink: Sink
) -> list[Ticket]:
    rng = random.Random(f"tickets {seed}")
    made: list[Ticket] = []
    for order in orders:
        share = LATE_TICKET if order.late else ON_TIME_TICKET
        if order.partner and order.delivered_at and rng.random() < share and len(made) < size.tickets:
            topic = "late delivery" if order.late else "damaged parcel"
            opened_at = order.delivered_at - timedelta(hours=rng.uniform(2, 30) if order.late else -rng.uniform(1, 40))
            if opened_at < calendar.now:
                made.append(_ticket(rng, len(made) + 1, order.person, opened_at, topic, calendar, sink, order))
    months = calendar.weights(seasonal=True)
    while len(made) < size.tickets:
        [topic] = rng.choices(list(TOPICS), [share for share, _ in TOPICS.values()])
        person = rng.choice(people)
        opened_at = calendar.draw(rng, months)
        if person.joined_at < opened_at:
            made.append(_ticket(rng, len(made) + 1, person, opened_at, topic, calendar, sink, None))
    return made


def _ticket(
    rng: random.Random, number: int, person: Person, opened_at: datetime, topic: str, calendar: Calendar, sink: Sink,
    order: Order | None,
) -> Ticket:  # fmt: skip
    short = calendar.month(opened_at) in UNDERSTAFFED
    [channel] = rng.choices(list(CHANNELS), [share for share, _ in CHANNELS.values()])
    touchpoint = CHANNELS[channel][1]
    [priority] = rng.choices(list(PROMISE_HOURS), WEIGHTS)
    waited = rng.lognormvariate(0, 0.8) * FIRST_RESPONSE_HOURS * (UNDERSTAFFED_RESPONSE if short else 1)
    worked = rng.lognormvariate(0, 0.9) * RESOLUTION_HOURS * (UNDERSTAFFED_RESOLUTION if short else 1)
    responded_at = opened_at + timedelta(hours=waited)
    resolved_at = responded_at + timedelta(hours=worked)
    complaint = rng.random() < (TOPICS[topic][1] if topic in TOPICS else 0.6)
    reopened = rng.random() < (0.10 if short else 0.05)
    more = {"topic": topic, "team": "second line" if rng.random() < 0.2 else "first line"}
    if order:
        more |= {"order_id": order.key, "delivery_partner": order.partner}
    ticket = Ticket(number, person, topic, touchpoint, opened_at, None, short)
    always = {
        "ticket_id": ticket.key, "opened_at": opened_at.replace(microsecond=0).isoformat(), "complaint": complaint,
        "priority": priority, "channel": channel, "touchpoint": touchpoint, "properties": more,
    }  # fmt: skip
    sink.add("ticket_updated", person.id, opened_at, f"{ticket.key} 1", version=1, state="open", **always)
    if channel != "email" and rng.random() < 0.9:
        name = "call_ended" if channel == "phone" else "chat_ended"
        ended_at = min(responded_at, calendar.now)
        sink.add(
            name, person.id, ended_at, ticket.key, touchpoint=touchpoint, ticket_id=ticket.key,
            duration_s=int(rng.lognormvariate(5.6, 0.6)),
        )  # fmt: skip
    if responded_at > calendar.now:
        return ticket
    answered = {
        **always,
        "first_responded_at": responded_at.replace(microsecond=0).isoformat(),
        "sla_met": waited <= PROMISE_HOURS[priority],
        "reassigned": rng.choices((0, 1, 2), (0.75, 0.2, 0.05))[0],
    }
    if resolved_at > calendar.now:
        sink.add("ticket_updated", person.id, responded_at, f"{ticket.key} 2", version=2, state="open", **answered)
        return ticket
    solved = {**answered, "state": "resolved", "resolved_at": resolved_at.replace(microsecond=0).isoformat()}
    sink.add("ticket_updated", person.id, resolved_at, f"{ticket.key} 3", version=3, **solved)
    again_at = resolved_at + timedelta(hours=worked / 2 + 4)
    if reopened and again_at < calendar.now:
        solved |= {"reopened": 1, "resolved_at": again_at.replace(microsecond=0).isoformat()}
        sink.add("ticket_updated", person.id, again_at, f"{ticket.key} 4", version=4, **solved)
    closed_at = resolved_at + timedelta(days=4) + (timedelta(hours=worked) if reopened else timedelta())
    if closed_at < calendar.now and again_at < calendar.now:
        closed = {**solved, "state": "closed", "closed_at": closed_at.replace(microsecond=0).isoformat()}
        sink.add("ticket_updated", person.id, max(closed_at, again_at), f"{ticket.key} 5", version=5, **closed)
    ticket.resolved_at = resolved_at
    return ticket
