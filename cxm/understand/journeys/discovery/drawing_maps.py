"""A map of a path that journeys take: a touchpoint for each step, bound to the events that the step is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from django.utils.text import slugify
from django.utils.translation import gettext as _

from cxm.understand.journeys.definition import (
    Binding,
    EventRule,
    MapDefinition,
    ProcessDefinition,
    Stage,
    Test,
    Touchpoint,
)
from cxm.understand.journeys.models import Process

from .labels import Names

MOST: Final = 40  # touchpoints of such a map


def map_of_path(process: Process, path: Sequence[str], names: Names) -> MapDefinition:
    """One stage whose touchpoints are the steps in the order of the path; a step that comes again is there once."""
    definition = msgspec.convert(process.definition, ProcessDefinition)
    touchpoints, keys = [], set[str]()
    for label in list(dict.fromkeys(path))[:MOST]:
        key = _key(label, keys)
        touchpoints.append(Touchpoint(key, names.get(label, label)[:120], binding=Binding(rules_of(definition, label))))
    if touchpoints:
        touchpoints[-1] = msgspec.structs.replace(touchpoints[-1], ends=True)
    stage = Stage("stage_1", _("The whole way"), tuple(touchpoints))
    return MapDefinition(case=definition.case, gap_s=definition.gap_s, stages=(stage,))


def rules_of(definition: ProcessDefinition, label: str) -> tuple[EventRule, ...]:
    """Which events of the log a step of the process is."""
    for one in definition.labels:
        if one.key == label:
            return one.events
    if definition.label_by and definition.events:
        test = Test(f"property.{definition.label_by}", "is", (label,))
        named = tuple(EventRule(event, (test,)) for event in definition.events)
        # An event without that property has its own name as the label.
        bare = (EventRule(label, (Test(f"property.{definition.label_by}", "is_not_set"),)),)
        return named + (bare if label in definition.events else ())
    return (EventRule(label),)


def _key(label: str, taken: set[str]) -> str:
    base = slugify(label).replace("-", "_").strip("_")[:40] or "step"
    key, number = base, 2
    while key in taken:
        key, number = f"{base}_{number}", number + 1
    taken.add(key)
    return key
