"""What customers do on the website, in the app and in the stores, and what they agree to."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from .people import Person
from .sink import Sink
from .stories import Calendar, Size

BROWSING = {  # event, touchpoint: share
    ("product_viewed", "website"): 0.42,
    ("search_made", "website"): 0.16,
    ("app_opened", "app"): 0.30,
    ("basket_left", "checkout"): 0.12,
}
PAGES = ("kettles", "coffee", "pans", "vacuum cleaners", "lamps", "filters", "offers")


@dataclass(slots=True)
class Visit:
    number: int
    person: Person
    at: datetime
    store: str


@dataclass(slots=True)
class Agreement:
    """One decision of a customer on one purpose."""

    person: Person
    purpose: str
    granted: bool
    at: datetime


def visits(people: list[Person], size: Size, seed: int, calendar: Calendar, sink: Sink) -> list[Visit]:
    rng = random.Random(f"visits {seed}")
    months = calendar.weights(seasonal=True)
    made: list[Visit] = []
    while len(made) < size.store_visits:
        person, when = rng.choice(people), calendar.draw(rng, months)
        if when < person.joined_at:
            continue
        visit = Visit(len(made) + 1, person, when, person.store)
        sink.add("store_visited", person.id, when, f"V-{visit.number:06d}", touchpoint="store", store=visit.store)
        made.append(visit)
    return made


def agreements(people: list[Person], seed: int, calendar: Calendar, sink: Sink) -> list[Agreement]:
    """Who agreed to what when joining, and who changed their mind."""
    rng = random.Random(f"agreements {seed}")
    made = []
    for person in people:
        seen_at = max(person.joined_at, calendar.start)
        given = [purpose for purpose, share in (("surveys", 0.93), ("marketing", 0.55)) if rng.random() < share]
        made += [Agreement(person, purpose, True, seen_at) for purpose in given]
        if "marketing" in given and rng.random() < 0.08:
            later = seen_at + rng.random() * (calendar.now - seen_at)
            made.append(Agreement(person, "marketing", False, later))
    quotable = random.Random(f"quotable {seed}")
    made += [
        Agreement(one, "quotes", True, max(one.joined_at, calendar.start))
        for one in people
        if quotable.random() < 0.06
    ]  # fmt: skip
    for one in made:
        sink.add(
            "consent_given" if one.granted else "consent_withdrawn", one.person.id, one.at,
            f"{one.person.key} {one.purpose}", by="OpenCXM", purpose=one.purpose, source="registration form",
        )  # fmt: skip
    return made


def identified(people: list[Person], calendar: Calendar, sink: Sink) -> None:
    """Each customer becomes known: when joining, or on the first day for those who were there before."""
    for person in people:
        when = max(person.joined_at, calendar.start)
        sink.add("customer_identified", person.id, when, person.key, traits=person.traits())


def browsing(people: list[Person], wanted: int, seed: int, calendar: Calendar, sink: Sink) -> None:
    """As many clicks as are missing from the whole."""
    rng = random.Random(f"browsing {seed}")
    months = calendar.weights(seasonal=True)
    kinds, shares = list(BROWSING), list(BROWSING.values())
    for number in range(1, wanted + 1):
        person, when = rng.choice(people), calendar.draw(rng, months)
        if when < person.joined_at:
            when = person.joined_at + timedelta(
                seconds=rng.random() * (calendar.now - person.joined_at).total_seconds()
            )
        [(name, touchpoint)] = rng.choices(kinds, shares)
        sink.add(
            name, person.id, when, f"B-{number}", touchpoint=touchpoint, page=rng.choice(PAGES),
            device="phone" if touchpoint == "app" or rng.random() < 0.6 else "computer",
        )  # fmt: skip
