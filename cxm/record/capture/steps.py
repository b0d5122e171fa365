"""What the flow does with captured events on this shelf: learn their names, properties and types."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

import msgspec
from django.db import transaction

from .models import PropertySeen, Source
from .schema import said_properties, seen_types

MOST_ROWS = 5_000  # of one source: what sends a new name with every event must not fill the database
LONGEST_EVENT = 200
_object = msgspec.json.Decoder(dict[str, Any])

Key = tuple[int, str, str, str]  # source, event, property, type


class Event(Protocol):
    """What this step reads of an event of the log."""

    @property
    def source_id(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def properties(self) -> str: ...


@transaction.atomic
def learn_schema(events: Iterable[Event]) -> None:
    """Remember what came. The times only widen, so learning from the same events twice changes nothing."""
    seen = sightings(events)
    if not seen:
        return
    living = set(Source.objects.filter(pk__in={key[0] for key in seen}).values_list("pk", flat=True))
    seen = {key: times for key, times in seen.items() if key[0] in living}
    rows = PropertySeen.objects.filter(source_id__in=living, event__in={key[1] for key in seen})
    known: dict[Key, PropertySeen] = {(row.source_id, row.event, row.property, row.type): row for row in rows}
    widened = []
    for key, (first, last) in seen.items():
        if (row := known.get(key)) and (first < row.first_at or last > row.last_at):
            row.first_at, row.last_at = min(first, row.first_at), max(last, row.last_at)
            widened.append(row)
    PropertySeen.objects.bulk_update(widened, ["first_at", "last_at"], batch_size=200)
    new = {key: times for key, times in seen.items() if key not in known}
    room = {
        source: MOST_ROWS - PropertySeen.objects.filter(source=source).count() for source in {key[0] for key in new}
    }
    made = []
    for (source, event, name, type_), (first, last) in sorted(new.items()):
        if room[source] > 0:
            room[source] -= 1
            made.append(
                PropertySeen(source_id=source, event=event, property=name, type=type_, first_at=first, last_at=last)
            )
    PropertySeen.objects.bulk_create(made, batch_size=500, ignore_conflicts=True)


def sightings(events: Iterable[Event]) -> dict[Key, tuple[datetime, datetime]]:
    """Each name and type in a batch, with the first and the last receipt."""
    seen: dict[Key, tuple[datetime, datetime]] = {}
    for event in events:
        if not event.source_id:
            continue
        try:
            came = _object.decode(event.properties)
        except (msgspec.DecodeError, RecursionError):
            came = {}
        at, name = event.received_at, event.name[:LONGEST_EVENT]
        found = [("", event.type[:10]), *seen_types(said_properties(name, came))]
        for one, type_ in found:
            key = (event.source_id, name, one, type_)
            first, last = seen.get(key, (at, at))
            seen[key] = min(first, at), max(last, at)
    return seen
