"""Orders and their way to the customer: placed, approved, shipped, delivered, some of them late."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from .people import ORDERS, Person
from .sink import Sink
from .stories import PARTNERS, Calendar, Size, late_share

CATEGORIES = {"kitchen": 0.45, "cleaning": 0.2, "comfort": 0.2, "filters and parts": 0.15}
CHANNELS = {"website": 0.5, "app": 0.35, "store": 0.15}


@dataclass(slots=True)
class Order:
    number: int
    person: Person
    channel: str
    placed_at: datetime
    partner: str = ""  # empty: collected in a store
    delivered_at: datetime | None = None  # None: cancelled, or still on its way
    late: bool = False

    @property
    def key(self) -> str:
        return f"O-{self.number:06d}"


def orders(people: list[Person], size: Size, seed: int, calendar: Calendar, sink: Sink) -> list[Order]:
    rng = random.Random(f"orders {seed}")
    buyers = [one for one in people if one.same_as is None]
    often = list(accumulate(ORDERS[one.segment] * rng.gammavariate(1.2, 1) for one in buyers))
    months = calendar.weights(seasonal=True)
    made = []
    for number in range(1, size.orders + 1):
        [person] = rng.choices(buyers, cum_weights=often)
        placed_at = calendar.draw(rng, months)
        if placed_at < person.joined_at:
            # Whoever joins during the period orders afterwards, most of all in the first weeks.
            room = (calendar.now - person.joined_at).total_seconds()
            placed_at = person.joined_at + timedelta(seconds=min(rng.expovariate(1 / 3_000_000), room * rng.random()))
        order = Order(number, person, rng.choices(list(CHANNELS), list(CHANNELS.values()))[0], placed_at)
        _deliver(rng, order, calendar, sink)
        made.append(order)
    return made


def _deliver(rng: random.Random, order: Order, calendar: Calendar, sink: Sink) -> None:
    person, placed_at = order.person, order.placed_at
    [category] = rng.choices(list(CATEGORIES), list(CATEGORIES.values()))
    amount = round(rng.lognormvariate(3.9, 0.6), 2)
    promised_at = (placed_at + timedelta(days=rng.randint(3, 5))).replace(hour=18, minute=0, second=0)
    if order.channel != "store":
        [order.partner] = rng.choices(list(PARTNERS), list(PARTNERS.values()))
    more = {"category": category, "items": rng.choice((1, 1, 1, 2, 2, 3)), "country": person.country}
    if order.partner:
        more["delivery_partner"] = order.partner

    def tell(milestone: str, when: datetime, touchpoint: str) -> bool:
        """Nothing of the future is known yet."""
        if when > calendar.now:
            return False
        sink.add(
            f"order_{milestone}", person.id, when, order.key, order_id=order.key, amount=amount, currency="EUR",
            promised_at=promised_at.isoformat(), touchpoint=touchpoint, channel=order.channel, properties=more,
        )  # fmt: skip
        return True

    tell("placed", placed_at, "checkout")
    if rng.random() < 0.025:
        tell("cancelled", placed_at + timedelta(hours=rng.uniform(0.5, 30)), "checkout")
        return
    approved_at = placed_at + timedelta(hours=rng.uniform(0.1, 10))
    tell("approved", approved_at, "checkout")
    place = "delivery" if order.partner else "store"
    tell("shipped", approved_at + timedelta(hours=rng.uniform(6, 36)), place)
    order.late = bool(order.partner) and rng.random() < late_share(order.partner, calendar.month(placed_at), calendar)
    if order.late:
        delivered_at = promised_at + timedelta(hours=rng.uniform(14, 24) + min(rng.expovariate(1 / 48), 240))
    else:
        delivered_at = promised_at - timedelta(hours=rng.uniform(1, 30))
    if tell("delivered", delivered_at, place):
        order.delivered_at = delivered_at
        if order.late and (person.late_at is None or person.late_at < delivered_at):
            person.late_at = delivered_at
