"""What a service level policy says, as it is stored with each of its versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Literal

import msgspec
from msgspec import Struct, field

from cxm.lib.conditions import Condition

Do = Literal[
    "notify_owner", "notify_team", "notify_watchers", "notify_person", "give_to_team", "give_to_person",
    "raise_priority", "tag",
]  # fmt: skip
TARGETS = ("first_reply", "next_reply", "resolution")
MOST_STEPS = 10
MOST_MINUTES = 525_600  # a year


class Deed(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is done then. `to` is the number of a team, the UUID of a person or a tag."""

    do: Do
    to: str = ""


class Step(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One step of the escalation: so many minutes after the breach, counted as the target is."""

    after: int
    deeds: tuple[Deed, ...] = ()


class Definition(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """`targets`: for first_reply, next_reply and resolution, minutes by priority ("1" low to "4" urgent)."""

    targets: dict[str, dict[str, int]]
    condition: Condition | None = None  # none: all cases
    business: bool = True  # minutes of the team's calendar; else of day and night
    pauses: bool = True  # the resolution does not run while the case waits for the customer
    warn_at: int = 75  # percent of the target; 0: no warning
    on_warning: tuple[Deed, ...] = (Deed("notify_owner"),)
    on_breach: tuple[Deed, ...] = (Deed("notify_owner"), Deed("notify_team"))
    escalation: tuple[Step, ...] = field(default_factory=tuple)

    def target(self, kind: str, priority: int) -> timedelta | None:
        minutes = self.targets.get(kind, {}).get(str(priority))
        return timedelta(minutes=minutes) if minutes else None


class Moment(Struct, frozen=True):
    """A point on the way of a target at which something is done."""

    after: timedelta  # of counted time since the clock began
    kind: Literal["warning", "breach", "escalation"]
    deeds: tuple[Deed, ...] = ()


def moments_of(definition: Definition | None, target: timedelta) -> tuple[Moment, ...]:
    """In the order in which they come. A promise has no definition: only that it was broken is noted."""
    if definition is None:
        return (Moment(target, "breach"),)
    found = list[Moment]()
    if 0 < definition.warn_at < 100:
        found.append(Moment(target * definition.warn_at / 100, "warning", definition.on_warning))
    found.append(Moment(target, "breach", definition.on_breach))
    steps = sorted(definition.escalation, key=lambda step: step.after)
    found += [Moment(target + timedelta(minutes=step.after), "escalation", step.deeds) for step in steps]
    return tuple(found)


def read(stored: Mapping[str, Any]) -> Definition:
    return msgspec.convert(stored, Definition)


def written(definition: Definition) -> dict[str, Any]:
    """As a table gives it back, with lists instead of tuples, so that two can be compared."""
    return dict(msgspec.json.decode(msgspec.json.encode(definition)))


def deeds_of(definition: Definition) -> Iterator[Deed]:
    yield from definition.on_warning
    yield from definition.on_breach
    for step in definition.escalation:
        yield from step.deeds
