"""Subscriptions: begun, made dearer, ended; and the invoices that go with them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .people import Person
from .sink import Sink
from .stories import PLANS, PRICE_RISE, PRICE_RISE_FROM, PRICE_RISE_PLAN, Calendar, Size, churn_rate


@dataclass(slots=True)
class Invoice:
    number: int
    person: Person
    paid_at: datetime


def subscriptions(people: list[Person], size: Size, seed: int, calendar: Calendar, sink: Sink) -> list[Invoice]:
    rng = random.Random(f"subscriptions {seed}")
    living: list[tuple[Person, datetime, datetime]] = []  # who, from, until
    for person in people:
        if not person.plan:
            continue
        key = f"S-{person.number:06d}"
        before = person.joined_at < calendar.start
        room = (calendar.now - person.joined_at).total_seconds()
        wait = timedelta(days=rng.uniform(0, 60)) if before else timedelta(seconds=room * rng.random() ** 2)
        started_at = (person.joined_at + wait).replace(microsecond=0)
        seen_at = max(started_at, calendar.start)
        always: dict[str, Any] = {
            "subscription_id": key, "plan": person.plan, "currency": "EUR", "started_at": started_at.isoformat(),
        }  # fmt: skip
        first = calendar.month(seen_at)
        dear = person.plan == PRICE_RISE_PLAN and first >= PRICE_RISE_FROM
        amount = PLANS[person.plan] + (PRICE_RISE if dear else 0)
        sink.add(
            "subscription_updated", person.id, seen_at, f"{key} 1", version=1, status="active", amount=amount, **always
        )
        ended_at = _end(rng, person.plan, seen_at, calendar)
        if person.plan == PRICE_RISE_PLAN and not dear and (ended_at or calendar.now) > calendar.starts[14]:
            amount = round(amount + PRICE_RISE, 2)
            sink.add(
                "subscription_updated", person.id, calendar.starts[PRICE_RISE_FROM - 1], f"{key} 2",
                version=2, status="active", amount=amount, **always,
            )  # fmt: skip
        if ended_at:
            sink.add(
                "subscription_updated", person.id, ended_at, f"{key} 3",
                version=3, status="ended", amount=amount, ended_at=ended_at.isoformat(), **always,
            )  # fmt: skip
        living.append((person, seen_at, ended_at or calendar.now))
    return _invoices(rng, living, size, sink)


def _end(rng: random.Random, plan: str, since: datetime, calendar: Calendar) -> datetime | None:
    """When it ends, if it ends before today: one throw of the dice a month, for the part of the month it lives."""
    for month, (start, length) in enumerate(zip(calendar.starts, calendar.lengths, strict=True), 1):
        end = start + length
        begin = max(start, since)
        if begin >= end:
            continue
        if rng.random() < churn_rate(plan, month) * ((end - begin) / timedelta(days=30.4)):
            return (begin + rng.random() * (end - begin)).replace(microsecond=0)
    return None


def _invoices(
    rng: random.Random, living: list[tuple[Person, datetime, datetime]], size: Size, sink: Sink
) -> list[Invoice]:
    """Some of the monthly payments, evenly over the months that each subscription lived."""
    made = []
    lengths = [(until - since).total_seconds() for _, since, until in living]
    for number, (person, since, until) in enumerate(rng.choices(living, lengths, k=size.invoices), 1):
        paid_at = since + rng.random() * (until - since)
        name = "payment_failed" if rng.random() < 0.03 else "invoice_paid"
        sink.add(name, person.id, paid_at, f"I-{number:06d}", touchpoint="billing", plan=person.plan)
        made.append(Invoice(number, person, paid_at))
    return made
