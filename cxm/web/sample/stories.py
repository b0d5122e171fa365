"""What is true in the sample company, and since when: the planted stories, with their sizes.

docs/guide/sample.md tells them in words, so that everybody can check whether the product finds them. Months are counted
from 1; month 18 is the last whole calendar month before the day of loading, and month 19 is the running one.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

MONTHS = 18
TIME_ZONE = "Europe/Warsaw"
TOUCHPOINTS = ("website", "app", "store", "checkout", "delivery", "support call", "live chat", "billing")

# 1. A delivery partner gets worse.
PARTNERS = {"NordPost": 0.40, "SwiftParcel": 0.35, "HomeRun": 0.25}  # share of the parcels
LATE = 0.08  # share of parcels delivered after the promised time
NORDPOST_WORSE_FROM = 12
NORDPOST_LATE = 0.28
NORDPOST_CARELESS = 0.35  # points of delivery satisfaction lost even when on time
LATE_COSTS = 1.9  # points of delivery satisfaction (1 to 5) that lateness costs
LATE_TICKET, ON_TIME_TICKET = 0.35, 0.03  # share of parcels that lead to a ticket

# 2. The checkout is made anew.
CHECKOUT_NEW_FROM = 8
CHECKOUT_EASE, CHECKOUT_EASE_NEW = 4.6, 5.5  # mean ease, 1 to 7

# 3. One store is better than the others.
STORES = {
    "en": ("London Camden", "Manchester North", "Dublin Docks"),
    "pl": ("Warszawa Centrum", "Kraków Galeria", "Gdańsk Port"),
    "ru": ("Almaty Dostyk", "Astana Mega"),
    "uk": ("Kyiv Podil", "Lviv Rynok"),
    "zh-Hant": ("Taipei Xinyi", "Taichung Park"),
}
BEST_STORE = "Gdańsk Port"
STORE_SATISFACTION, BEST_STORE_SATISFACTION = 3.8, 4.6  # mean before rounding, 1 to 5

# 4. The price of one plan rises.
PLANS = {"Lumo Basic": 4.99, "Lumo Plus": 9.99, "Lumo Family": 14.99}  # EUR per month
PLAN_SHARE = {"Lumo Basic": 0.45, "Lumo Plus": 0.35, "Lumo Family": 0.20}
PRICE_RISE_PLAN, PRICE_RISE_FROM, PRICE_RISE = "Lumo Plus", 15, 5.00
CHURN = {"Lumo Basic": 0.025, "Lumo Plus": 0.020, "Lumo Family": 0.015}  # share that ends in a month
CHURN_AFTER_RISE = 0.07
PRICE_RISE_NPS, PRICE_RISE_BILLING = 1.4, 1.1  # points lost by those on the plan

# 5. Winter.
SEASON = {1: 0.85, 2: 0.85, 3: 0.95, 4: 1.0, 5: 1.0, 6: 0.95, 7: 0.85, 8: 0.9, 9: 1.0, 10: 1.05, 11: 1.4, 12: 1.7}
DECEMBER_LATE = 0.06  # added to every partner's share of late parcels

# 6. Support lacks people for a quarter.
UNDERSTAFFED = range(4, 7)
FIRST_RESPONSE_HOURS, UNDERSTAFFED_RESPONSE = 2.0, 4.0  # median; times as long
RESOLUTION_HOURS, UNDERSTAFFED_RESOLUTION = 18.0, 2.2
UNDERSTAFFED_COSTS = 0.7  # points of support satisfaction (1 to 5)

# 7. Cars on credit: a partner loses customers in the middle of the way.
CREDIT_LOST = 0.08  # of the contracts, for which the bank does not pay
CREDIT_LOST_ELSEWHERE = 0.01  # at every other step
CREDIT_PAYOUT = 3.2  # mean satisfaction with the payment by the bank, 1 to 5; 4.1 to 4.5 elsewhere


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything there is."""

    customers: int = 20_000
    events: int = 300_000
    orders: int = 24_000
    tickets: int = 6_000
    subscriptions: int = 6_000
    merged: int = 160
    notes: int = 500
    store_visits: int = 9_000
    invoices: int = 8_000
    nps: int = 6_000
    delivery: int = 3_000
    store: int = 1_000
    support: int = 1_300
    billing: int = 700
    checkout: int = 3_000
    responses: int = 600  # to the survey that is live
    cases: int = 120  # on the desk, of the newest tickets
    credits: int = 1_200  # customers who set out to buy a car on credit

    @property
    def answers(self) -> int:
        return self.nps + self.delivery + self.store + self.support + self.billing + self.checkout

    def divided(self, by: int) -> Size:
        return Size(**{one.name: getattr(self, one.name) // by for one in fields(self)})


FULL = Size()
SMALL = replace(FULL.divided(20), credits=600, events=21_000)  # fewer would not show what the bank loses


class Calendar:
    """The 18 whole months and the running one, in the company's time zone; nothing happens after `now`."""

    def __init__(self, now: datetime) -> None:
        zone = ZoneInfo(TIME_ZONE)
        local = now.astimezone(zone)
        months = [divmod(local.year * 12 + local.month - 1 - MONTHS + k, 12) for k in range(MONTHS + 1)]
        self.now = now.replace(microsecond=0)
        self.starts = [datetime(year, month + 1, 1, tzinfo=zone).astimezone(UTC) for year, month in months]
        self.season = [SEASON[month + 1] for _, month in months]
        self.december = {number for number, (_, month) in enumerate(months, 1) if month == 11}
        self.start = self.starts[0]
        ends = [*self.starts[1:], self.now]
        self.lengths = [end - start for start, end in zip(self.starts, ends, strict=True)]

    def month(self, when: datetime) -> int:
        return max(1, bisect_right(self.starts, when))

    def weights(self, *, seasonal: bool, growth: float = 0.3) -> list[float]:
        """How much happens up to the end of each month, for `draw`."""
        return list(
            accumulate(
                length / timedelta(days=30) * (1 + growth * k / MONTHS) * (season if seasonal else 1)
                for k, (length, season) in enumerate(zip(self.lengths, self.season, strict=True))
            )
        )

    def draw(self, rng: random.Random, weights: Sequence[float]) -> datetime:
        """A moment of some month, mostly by day."""
        [k] = rng.choices(range(len(self.starts)), cum_weights=weights)
        days = self.lengths[k] / timedelta(days=1)
        hour = rng.triangular(5.0, 22.0, 16.0)
        when = self.starts[k] + timedelta(days=int(rng.random() * days), seconds=int(hour * 3600))
        return when if when < self.now else self.now - timedelta(seconds=int(rng.random() * min(days, 1) * 86_000) + 1)


def late_share(partner: str, month: int, calendar: Calendar) -> float:
    base = NORDPOST_LATE if partner == "NordPost" and month >= NORDPOST_WORSE_FROM else LATE
    return base + (DECEMBER_LATE if month in calendar.december else 0)


def churn_rate(plan: str, month: int) -> float:
    return CHURN_AFTER_RISE if plan == PRICE_RISE_PLAN and month >= PRICE_RISE_FROM else CHURN[plan]
