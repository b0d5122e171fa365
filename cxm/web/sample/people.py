"""The customers of the sample company: names, addresses, traits, and how content each is by nature."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cxm.record.customers.searching import normalise

from .comments import texts
from .stories import PLAN_SHARE, STORES, Calendar, Size

COUNTRIES = {  # language: share, countries
    "pl": (0.30, ("PL",)),
    "uk": (0.22, ("UA",)),
    "en": (0.22, ("GB", "GB", "IE")),
    "ru": (0.14, ("KZ",)),
    "zh-Hant": (0.12, ("TW",)),
}
PREFIX = {"PL": "+48", "UA": "+380", "GB": "+44", "IE": "+353", "KZ": "+7", "TW": "+886"}
SEGMENTS = {"new": 0.30, "regular": 0.45, "loyal": 0.20, "vip": 0.05}
CONTENT = {"new": -0.1, "regular": 0.0, "loyal": 0.5, "vip": 0.8}  # added to a person's nature
ORDERS = {"new": 0.5, "regular": 1.0, "loyal": 2.2, "vip": 4.0}  # how often they order, to each other
AGES = {"18-24": 0.12, "25-34": 0.27, "35-49": 0.33, "50-64": 0.19, "65+": 0.09}
FOUND_US = {"search": 0.35, "social": 0.22, "friend": 0.20, "store": 0.15, "advert": 0.08}


@dataclass(slots=True)
class Person:
    number: int
    id: uuid.UUID
    name: str
    email: str
    phone: str
    language: str
    country: str
    female: bool
    segment: str
    age: str
    found_us: str
    store: str
    joined_at: datetime
    nature: float  # standard normal, plus what the segment adds
    plan: str = ""
    same_as: uuid.UUID | None = None  # the profile that this one is merged into
    late_at: datetime | None = None  # the last late parcel

    @property
    def key(self) -> str:
        return f"C-{self.number:06d}"

    def traits(self) -> dict[str, Any]:
        return {
            "country": self.country,
            "segment": self.segment,
            "age": self.age,
            "found_us": self.found_us,
            "plan": self.plan or "none",
            "home_store": self.store,
            "joined_on": self.joined_at.date().isoformat(),
        }


def people(size: Size, seed: int, calendar: Calendar, namespace: uuid.UUID) -> list[Person]:
    """The customers, always the same ones for a seed and a day; the last `size.merged` are doubles of others."""
    rng = random.Random(f"people {seed}")
    languages, shares = list(COUNTRIES), [share for share, _ in COUNTRIES.values()]
    joins = calendar.weights(seasonal=True)
    made: list[Person] = []
    for number in range(1, size.customers - size.merged + 1):
        [language] = rng.choices(languages, shares)
        female = rng.random() < 0.54
        name, email = _name(rng, language, female, number)
        [segment] = rng.choices(list(SEGMENTS), list(SEGMENTS.values()))
        country = rng.choice(COUNTRIES[language][1])
        before = rng.random() < (0.25 if segment == "new" else 0.7)
        made.append(
            Person(
                number=number,
                id=uuid.uuid5(namespace, f"customer {number}"),
                name=name,
                email=email,
                phone=f"{PREFIX[country]} 000 {number // 1000:03d} {number % 1000:03d}" if rng.random() < 0.6 else "",
                language=language,
                country=country,
                female=female,
                segment=segment,
                age=rng.choices(list(AGES), list(AGES.values()))[0],
                found_us=rng.choices(list(FOUND_US), list(FOUND_US.values()))[0],
                store=rng.choice(STORES[language]),
                joined_at=(
                    calendar.start - timedelta(days=rng.randrange(1, 900), seconds=rng.randrange(86_400))
                    if before
                    else calendar.draw(rng, joins)
                ),
                nature=rng.gauss(0, 1) + CONTENT[segment],
            )
        )
    for one in rng.sample(made, min(size.subscriptions, len(made))):
        [one.plan] = rng.choices(list(PLAN_SHARE), list(PLAN_SHARE.values()))
    return made + _doubles(rng, made, size, namespace)


def _doubles(rng: random.Random, made: list[Person], size: Size, namespace: uuid.UUID) -> list[Person]:
    """The same person under a second address: found later and merged."""
    doubles = []
    for number, first in enumerate(rng.sample(made, size.merged), len(made) + 1):
        local = first.email.partition("@")[0]
        doubles.append(
            Person(
                number=number,
                id=uuid.uuid5(namespace, f"customer {number}"),
                name=first.name,
                email=f"{local}.{number}@example.net",
                phone=first.phone,
                language=first.language,
                country=first.country,
                female=first.female,
                segment=first.segment,
                age=first.age,
                found_us=first.found_us,
                store=first.store,
                joined_at=first.joined_at,
                nature=first.nature,
                same_as=first.id,
            )
        )
    return doubles


def _name(rng: random.Random, language: str, female: bool, number: int) -> tuple[str, str]:
    names = texts(language)["names"]
    first = rng.choice(names["female" if female else "male"])
    last = rng.choice(names["surnames_female" if female else "surnames_male"])
    if language == "zh-Hant":
        nickname = rng.choice(texts("en")["names"]["female" if female else "male"])
        return last + first, f"{nickname.lower()}{number}@example.com"
    return f"{first} {last}", f"{latin(first)}.{latin(last)}{number}@example.com"


def latin(name: str) -> str:
    """A name as it stands in an address."""
    return "".join(letter for letter in normalise(name) if letter.isalnum() and letter.isascii())
