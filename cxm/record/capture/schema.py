"""The learned schema: which events and properties came from a source, with which types, since when.

Types are learnt from what came (steps.learn_schema); a property that has had two types has drifted, and an event or
property that first came within a week is new, unless the source itself is that young.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import yaml
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cxm.accounts.models import Workspace
from cxm.record.eventlog.ask import ask

from .arrivals import scope_of
from .models import PropertySeen, Source
from .plan import type_of
from .plan_preview import SENT_AS, WEEK

TYPES = {
    "string": _("text"),
    "date": _("date"),
    "integer": _("whole number"),
    "number": _("number"),
    "boolean": _("yes or no"),
    "list": _("list"),
    "object": _("object"),
    "null": _("nothing"),
}
NEW_FOR = timedelta(days=7)
DEEPEST = 3  # levels of objects that are taken apart
LONGEST = 200  # characters of a property's name
# What may stand beside what: a whole number among numbers is no drift, and a text may look like a date.
KINDS = {"integer": "number", "date": "string"}


def seen_types(properties: Mapping[str, Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, str]]:
    """(property, type) of everything in an event; a.b for what lies in an object."""
    for key, value in properties.items():
        name = prefix + key
        if not key or len(name) > LONGEST:
            continue
        yield name, type_of(value)
        if isinstance(value, dict) and depth < DEEPEST:
            yield from seen_types(value, f"{name}.", depth + 1)


def said_properties(name: str, came: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the sender said: events of an agreed meaning keep it below `properties`."""
    inner = came.get("properties") if name in SENT_AS else None
    return inner if isinstance(inner, dict) else came


@dataclass(slots=True)
class Property:
    """A property of an event: its types, the first that came first."""

    name: str
    types: list[PropertySeen] = field(default_factory=list)
    is_new: bool = False

    @property
    def first_at(self) -> datetime:
        return min(one.first_at for one in self.types)

    @property
    def last_at(self) -> datetime:
        return max(one.last_at for one in self.types)

    @property
    def kinds(self) -> list[PropertySeen]:
        """The first row of each kind of type, nothing left out of it: more than one means drift."""
        found: dict[str, PropertySeen] = {}
        for one in self.types:
            if one.type != "null":
                found.setdefault(KINDS.get(one.type, one.type), one)
        return list(found.values())

    @property
    def drift(self) -> bool:
        return len(self.kinds) > 1

    @property
    def type_names(self) -> list[str]:
        return [str(TYPES.get(one.type, one.type)) for one in self.types]


@dataclass(slots=True)
class SeenEvent:
    """An event name with its properties; `n` is how many came in the last week."""

    name: str
    type: str
    first_at: datetime
    last_at: datetime
    is_new: bool
    n: int = 0
    properties: list[Property] = field(default_factory=list)

    @property
    def drifted(self) -> int:
        return sum(one.drift for one in self.properties)

    @property
    def new_properties(self) -> int:
        return 0 if self.is_new else sum(one.is_new for one in self.properties)


@dataclass(frozen=True, slots=True)
class NameCount:
    name: str
    n: int


COUNTS = """
SELECT name, count() AS n FROM events
WHERE $scope AND source = 'capture' AND source_id = {source_id:UInt32} GROUP BY name
"""


def schema_of(source: Source) -> list[SeenEvent]:
    """Everything that came from a source, event by event."""
    rows = defaultdict(list)
    for row in PropertySeen.objects.filter(source=source).order_by("event", "property", "first_at", "type"):
        rows[row.event].append(row)
    counts = {
        one.name: one.n
        for one in ask(
            COUNTS, scope_of(source.workspace, timezone.now() - WEEK), row=NameCount, name="schema.counts",
            table="events", time="received_at", source_id=source.pk,
        ).rows
    }  # fmt: skip
    border = timezone.now() - NEW_FOR
    grown_up = source.created_at < border
    events = []
    for name, seen in rows.items():
        own = [row for row in seen if not row.property]
        first = min(row.first_at for row in seen)
        event = SeenEvent(
            name, own[0].type if own else "", first, max(row.last_at for row in seen), grown_up and first > border,
            counts.get(name, 0),
        )  # fmt: skip
        found: dict[str, Property] = {}
        for row in seen:
            if row.property:
                found.setdefault(row.property, Property(row.property)).types.append(row)
        for one in found.values():
            one.types.sort(key=lambda row: (row.first_at, row.type))
            one.is_new = grown_up and one.first_at > border
        event.properties = list(found.values())
        events.append(event)
    return events


def draft_plan(workspace: Workspace) -> str:
    """A plan that allows what has come so far, as YAML to start from; empty if nothing has."""
    sources = Source.objects.filter(workspace=workspace)
    events: dict[str, dict[str, Any]] = {}
    kinds: dict[tuple[str, str], set[str]] = defaultdict(set)
    tracked = set(
        PropertySeen.objects.filter(source__in=sources, property="", type="track").values_list("event", flat=True)
    )
    rows = PropertySeen.objects.filter(source__in=sources, event__in=tracked).exclude(property="")
    for event, name, type_ in rows.values_list("event", "property", "type"):
        if "." not in name and type_ != "null":
            kinds[event, name].add(type_)
    for event in sorted(tracked):
        said = sorted(SENT_AS[event])[0].title() if event in SENT_AS else event
        properties = {name: one_type(types) for (of, name), types in sorted(kinds.items()) if of == event}
        events[said] = {"properties": properties} if properties else {}
    if not events:
        return ""
    return yaml.safe_dump({"events": events, "other_events": "refused"}, allow_unicode=True, sort_keys=False, width=120)


def one_type(types: set[str]) -> str:
    """The narrowest type of a plan that all of these keep to."""
    if len(types) == 1:
        return next(iter(types))
    wide = {KINDS.get(one, one) for one in types}
    return next(iter(wide)) if len(wide) == 1 else "any"
