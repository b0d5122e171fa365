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
    before = PropertySeen.objects.filter(source_id__in=living, event__in={key[1] for key in seen})
    known: dict[Key, PropertySeen] = {(row.source_id, row.event, row.property, row.type): row for row in before}
    new_of = {key[0] for key in seen if key not in known}
    room = {source: MOST_ROWS - PropertySeen.objects.filter(source=source).count() for source in new_of}
    rows = []
    for key, (first, last) in sorted(seen.items()):
        source, event, name, type_ = key
        if row := known.get(key):
            if first >= row.first_at and last <= row.last_at:
                continue
            first, last = min(first, row.first_at), max(last, row.last_at)
        elif room[source] > 0:
            room[source] -= 1
        else:
            continue
        rows.append(
            PropertySeen(source_id=source, event=event, property=name, type=type_, first_at=first, last_at=last)
        )
    PropertySeen.objects.bulk_create(
        rows, batch_size=500, update_conflicts=True, update_fields=["first_at", "last_at"],
        unique_fields=["source", "event", "property", "type"],
    )  # fmt: skip


def sightings(events: Iterable[Event]) -> dict[Key, tuple[datetime, datetime]]:
    """Each name and type in a batch, with the first and the last receipt."""
    grouped: dict[tuple[int, str], dict[tuple[str, str], list[datetime]]] = {}
    for event in events:
        if not event.source_id:
            continue
        try:
            came = _object.decode(event.properties)
        except (msgspec.DecodeError, RecursionError):
            came = {}
        at, name = event.received_at, event.name[:LONGEST_EVENT]
        seen = grouped.setdefault((event.source_id, name), {})
        for one in (("", event.type[:10]), *seen_types(said_properties(name, came))):
            if (times := seen.get(one)) is None:
                seen[one] = [at, at]
            elif at > times[1]:
                times[1] = at
            elif at < times[0]:
                times[0] = at
    return {
        (source, name, *one): (first, last)
        for (source, name), seen in grouped.items()
        for one, (first, last) in seen.items()
    }
