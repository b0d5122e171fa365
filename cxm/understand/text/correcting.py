"""What people said better about texts: every new reading takes it over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final
from uuid import UUID

from .models import Correction
from .reading.reading import Reading, Tag

SCORES: Final = {"negative": -1.0, "positive": 1.0}


def corrections_of(workspace_id: int, event_ids: Iterable[UUID]) -> dict[UUID, list[Correction]]:
    """Those that hold, in the order in which they were made."""
    found: dict[UUID, list[Correction]] = {}
    rows = Correction.objects.filter(workspace=workspace_id, event_id__in=list(event_ids), undone_at=None)
    for one in rows.select_related("by").order_by("pk"):
        found.setdefault(one.event_id, []).append(one)
    return found


def corrected(reading: Reading, corrections: Iterable[Correction]) -> Reading:
    """The reading as people said it. What a person says has no place in the text, so the tag has no spans."""
    for one in corrections:
        others = tuple(tag for tag in reading.tags if tag.kind != one.kind)
        match one.kind:
            case "topic":
                rest = tuple(tag for tag in reading.tags if (tag.kind, tag.name) != ("topic", one.value))
                old = tuple(tag for tag in reading.tags if (tag.kind, tag.name) == ("topic", one.value))
                said = () if one.wrong else old or (Tag("topic", one.value, 1.0),)
                reading = replace(reading, tags=(*rest, *said))
            case "sentiment":
                score = SCORES.get(one.value, 0.0)
                reading = replace(
                    reading, sentiment=one.value, score=score, tags=(*others, Tag("sentiment", one.value, score))
                )
            case "emotion" | "intent":
                name = "" if one.value == "none" and one.kind == "intent" else one.value
                tags = others if one.value == "none" else (*others, Tag(one.kind, one.value, 1.0))
                if one.kind == "emotion":
                    reading = replace(reading, tags=tags, emotion=name)
                else:
                    reading = replace(reading, tags=tags, intent=name)
            case "effort" | "urgency":
                yes = one.value == "yes"
                old = tuple(tag for tag in reading.tags if tag.kind == one.kind)
                tags = (*others, *(old or (Tag(one.kind, one.kind, 1.0),))) if yes else others
                effort, urgent = (yes, reading.urgent) if one.kind == "effort" else (reading.effort, yes)
                reading = replace(reading, tags=tags, effort=effort, urgent=urgent)
    return reading
