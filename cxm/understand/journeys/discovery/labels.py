"""The names of steps for readers, and the fields by which steps may be filtered."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from cxm.record.customers.timeline import kind_label
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.understand.journeys.definition import MapDefinition, ProcessDefinition
from cxm.understand.journeys.discovery.suggesting import event_names_in_log, properties_of
from cxm.understand.journeys.models import Process
from cxm.understand.metrics.fields import NEWEST, TRAITS_SQL, PathsRow

MOST_TRAITS = MOST_PROPERTIES = 40
KNOWN_ELSEWHERE = ("channel", "touchpoint")


class Names:
    """What to call each label: a touchpoint by its name, an event as timelines do, all else as it is."""

    def __init__(self, known: Mapping[str, str], events: bool) -> None:
        self._known, self._events = known, events

    def get(self, label: str, other: str = "") -> str:
        if found := self._known.get(label):
            return found
        return _event_name(label, get_language() or "en") if self._events else other or label


@lru_cache(maxsize=5000)
def _event_name(name: str, language: str) -> str:
    return kind_label(name)


def process_name(process: Process) -> str:
    """Its own, or that of its map."""
    return process.map.name if process.map else process.name


def label_names(process: Process) -> Names:
    definition = process.definition
    if process.map is None:
        return Names({}, events=not definition.get("labels") and not definition.get("label_by"))
    try:
        drawn = msgspec.convert(process.map.definition, MapDefinition)
    except msgspec.ValidationError:
        return Names({}, events=False)
    return Names({one.key: one.name for one in drawn.touchpoints()}, events=False)


def filter_fields(process: Process) -> list[tuple[str, str]]:
    """What steps may be filtered by, with its name: channel, touchpoint, traits of the customers, properties of the
    events."""
    workspace = Scope(process.workspace_id)
    rows = ask(
        TRAITS_SQL, workspace, row=PathsRow, name="journeys.fields", table="customers", newest=NEWEST
    ).rows  # fmt: skip
    traits = rows[0].paths[:MOST_TRAITS] if rows else []
    named = names_of(process) or event_names_in_log(process.workspace_id)
    properties = [one for one in properties_of(process.workspace_id, named) if one not in KNOWN_ELSEWHERE]
    return [
        ("channel", _("Channel")), ("touchpoint", _("Touchpoint")), ("label", _("Step")),
        *((f"trait.{name}", name) for name in traits),
        *((f"property.{name}", name) for name in properties[:MOST_PROPERTIES]),
    ]  # fmt: skip


def names_of(process: Process) -> list[str]:
    """The events that are steps of the process; none: any."""
    definition = msgspec.convert(process.definition, ProcessDefinition)
    named = [rule.event for label in definition.labels for rule in label.events]
    return list(dict.fromkeys(named or definition.events))
