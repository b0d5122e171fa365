"""The journeys behind a figure of a map: the same lists for its pages, their files and REST.

A list is named by a touchpoint's key and a kind: passed, lost, on, again, back or switch; late-0, late-1 and so on, to
whom that promise was broken; a kind of deviation from the expected path; or `way`, with the id of a way in the place of
the key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from ..definition import MapDefinition
from ..models import JourneyMap
from ..steps.actions import process_for_map
from . import queries
from .conformance import KINDS, deviating, taking
from .figures import Evidence
from .keeping import scope_of

WAY = "way"
SWITCH = "switch"


@dataclass(frozen=True, slots=True)
class Journeys:
    """Some of the `n` journeys of a list; `labels` are the steps of a way."""

    rows: Sequence[queries.Behind] = ()
    n: int = 0
    labels: tuple[str, ...] = ()


def is_list(definition: MapDefinition, key: str, kind: str) -> bool:
    if kind == WAY:
        return True
    point = next((one for one in definition.touchpoints() if one.key == key), None)
    known = kind in queries.WHO or kind in KINDS or kind == SWITCH
    return point is not None and (known or promise(kind) in range(len(point.promises)))


def promise(kind: str) -> int:
    """The number of the promise that `late-0` and the like are about; -1 for what is about none."""
    number = kind.removeprefix("late-")
    return int(number) if number != kind and number.isdecimal() and len(number) < 4 else -1


def needs_figures(kind: str) -> bool:
    """Whether there is a list only once the map was computed."""
    return kind not in KINDS and kind != WAY


def journeys_behind(
    journey_map: JourneyMap, definition: MapDefinition, filters: str, evidence: Evidence | None, *, key: str, kind: str,
    limit: int, offset: int = 0,
) -> Journeys:  # fmt: skip
    """A list that there is (see `is_list`), without figures an empty one where it needs them.

    Raises Refused of metrics, UnknownField, EventlogError.
    """
    scope, process = scope_of(journey_map, definition, filters), process_for_map(journey_map).pk
    if kind in KINDS or kind == WAY:
        labels: tuple[str, ...] = ()
        if kind == WAY:
            labels, found = taking(definition, process, scope, timezone.now(), key)
        else:
            found = deviating(definition, process, scope, timezone.now(), kind=kind, key=key)
        return Journeys(found[offset : offset + limit], len(found), labels)
    if evidence is None:
        return Journeys()
    if kind == SWITCH:
        return Journeys(*queries.switched(definition, process, scope, key=key, limit=limit, offset=offset))
    if (number := promise(kind)) >= 0:
        return Journeys(*queries.late(
            definition, process, scope, evidence.at, key=key, number=number, limit=limit, offset=offset
        ))  # fmt: skip
    return Journeys(*queries.behind(
        definition, process, scope, evidence.at, key=key, kind=kind, patience_s=evidence.of(key).patience_s,
        limit=limit, offset=offset,
    ))  # fmt: skip
