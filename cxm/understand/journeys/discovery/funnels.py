"""A funnel as its address says it, and its answer with intervals.

funnel=A&funnel=B              the steps, in their order
within=7d                      the time that all of them may take: a number with m, h or d
any=1                          in any order
without=C                      steps that may not lie in between
by=trait.segment               groups by channel, touchpoint, a trait or property.NAME of the event
of=is:loyal                    of a list: the journeys of that group; of=is_not_set: of the one without a value
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import QueryDict

from cxm.record.eventlog.scope import Scope
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.funnels import MOST_STEPS, funnel, funnel_journeys, known_breakdown

from .reading import texts

UNITS = {"m": 60, "h": 3600, "d": 86_400}
MOST_GROUPS = 12
NO_GROUP = "is_not_set"


@dataclass(frozen=True, slots=True)
class Asked:
    steps: tuple[str, ...]
    within_s: int | None = None
    ordered: bool = True
    exclusions: tuple[str, ...] = ()
    by: str | None = None
    group: str | None = None  # of `by`; None: all

    @property
    def possible(self) -> bool:
        return len(self.steps) >= 2


def read_funnel(given: QueryDict) -> Asked:
    """Steps that come twice and exclusions that are steps too are left out."""
    steps = tuple(dict.fromkeys(texts(given, "funnel")))[:MOST_STEPS]
    without = tuple(one for one in dict.fromkeys(texts(given, "without")) if one not in steps)
    by = given.get("by", "")
    known = bool(by) and known_breakdown(by)
    return Asked(
        steps, read_within(given.get("within", "")), given.get("any") != "1", without, by if known else None,
        read_group(given.get("of", "")) if known else None,
    )  # fmt: skip


def read_group(text: str) -> str | None:
    if text == NO_GROUP:
        return ""
    return text.removeprefix("is:") if text.startswith("is:") else None


def write_group(group: str) -> str:
    return f"is:{group}" if group else NO_GROUP


def read_within(text: str) -> int | None:
    """Seconds of 30m, 12h or 7d; None for no limit, and for what cannot be read."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", text)
    return int(found[1]) * UNITS[found[2]] if found else None


@dataclass(frozen=True, slots=True)
class Level:
    """One step of a funnel: shares of those who began, and of those who came to the step before."""

    number: int
    label: str
    n: int
    of_first: Estimate
    of_before: Estimate | None
    dropped: int  # who came here and no further; 0 at the last step


@dataclass(frozen=True, slots=True)
class Funnel:
    """`groups` maps a value of the breakdown (empty without one) to its levels, the largest group first."""

    groups: Mapping[str, list[Level]]
    left_out: int  # groups beyond the largest ones
    sql: str
    parameters: Mapping[str, Any]


def funnel_of(process: Process, scope: Scope, asked: Asked) -> Funnel:
    found = funnel(
        process, scope, asked.steps, within_s=asked.within_s, ordered=asked.ordered, exclusions=asked.exclusions,
        by=asked.by,
    )  # fmt: skip
    counts: dict[str, list[int]] = {}
    for row in found.rows:
        counts.setdefault(row.by, [0] * len(asked.steps))[row.level - 1] = row.n
    order = sorted(counts, key=lambda by: (-counts[by][0], by))
    return Funnel(
        {by: _levels(asked.steps, counts[by]) for by in order[:MOST_GROUPS]},
        max(len(order) - MOST_GROUPS, 0), found.sql, found.parameters,
    )  # fmt: skip


def _levels(steps: Sequence[str], counts: Sequence[int]) -> list[Level]:
    return [
        Level(
            place + 1, label, counts[place], share(counts[place], counts[0]),
            share(counts[place], counts[place - 1]) if place else None,
            counts[place] - counts[place + 1] if place + 1 < len(steps) else 0,
        )
        for place, label in enumerate(steps)
    ]  # fmt: skip


def funnel_size(process: Process, scope: Scope, asked: Asked, level: int, *, dropped: bool) -> int:
    found = funnel(
        process, scope, asked.steps, within_s=asked.within_s, ordered=asked.ordered, exclusions=asked.exclusions,
        by=None if asked.group is None else asked.by,
    )  # fmt: skip
    counts = {row.level: row.n for row in found.rows if row.by == (asked.group or "")}
    return counts.get(level, 0) - (counts.get(level + 1, 0) if dropped else 0)


def funnel_ids(
    process: Process, scope: Scope, asked: Asked, level: int, *, dropped: bool, start: int, size: int
) -> list[UUID]:  # fmt: skip
    found = funnel_journeys(
        process, scope, asked.steps, level, dropped=dropped, within_s=asked.within_s, ordered=asked.ordered,
        exclusions=asked.exclusions, by=None if asked.group is None else asked.by, group=asked.group, limit=size,
        offset=start,
    )  # fmt: skip
    return [row.journey for row in found.rows]
