"""Evidence kept warm: a row for each map and filter, shown at once and computed anew when the log or the map moved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.http import QueryDict
from django.utils import timezone

from cxm.record.eventlog.scope import Scope
from cxm.understand.metrics.asking import read_filters, read_time

from ..definition import MapDefinition
from ..models import JourneyMap, MapEvidence, Process
from ..steps.actions import process_for_map
from ..steps.building import StepsState, steps_state
from .computing import compute
from .figures import Evidence, decode, encode

AT_ONCE = 300_000  # steps up to which a page computes by itself what it lacks
PATIENCE = timedelta(minutes=10)  # after which a job that was asked for is asked for again
OLD = timedelta(hours=24)  # what counts days is computed anew each day
KEPT = timedelta(days=7)  # rows that nobody looked at for so long are no longer kept warm, then dropped
FILTERS = ("filter", "since", "until")


@dataclass(frozen=True, slots=True)
class Shown:
    """Evidence for a page. `evidence` is None while it is computed for the first time; `moving`: newer is on its way.

    `state` says how far the steps of the process are.
    """

    evidence: Evidence | None
    computed_at: datetime | None
    up_to: datetime | None
    moving: bool
    problem: str
    state: StepsState
    definition: MapDefinition


def filters_of(query: QueryDict) -> str:
    """The filters of an address and nothing else of it, always in the same order."""
    kept = QueryDict(mutable=True)
    for name in FILTERS:
        values = [one for one in query.getlist(name) if one]
        kept.setlist(name, sorted(values) if name == "filter" else values[-1:])
    return kept.urlencode()


def scope_of(journey_map: JourneyMap, definition: MapDefinition, filters: str) -> Scope:
    """Raises Refused of metrics for filters and times that cannot be read."""
    workspace, asked = journey_map.workspace, QueryDict(filters)
    texts = asked.getlist("filter")
    if definition.segment:
        texts.append(f"segment:is:{definition.segment}")
    return Scope(
        workspace.pk, workspace.time_zone, read_time(asked.get("since"), workspace.time_zone),
        read_time(asked.get("until"), workspace.time_zone), read_filters(texts, workspace.pk),
    )  # fmt: skip


def evidence_of(journey_map: JourneyMap, query: QueryDict, definition: MapDefinition) -> Shown:
    """What is known about a map. Raises Refused of metrics for bad filters, EventlogError."""
    filters = filters_of(query)
    scope_of(journey_map, definition, filters)  # bad filters are refused before a row is made for them
    row = _row(journey_map, filters)
    process = process_for_map(journey_map)
    state = steps_state(process)
    built = process.built_at is not None
    if built and (not row.body or row.revision != journey_map.revision) and state.rows <= AT_ONCE:
        row = refresh(row, process)
    elif built and _is_old(row, journey_map, state):
        want(row)
    evidence = decode(bytes(row.body)) if row.body and row.revision == journey_map.revision else None
    moving = row.wanted_at is not None or not built
    return Shown(evidence, row.computed_at, row.up_to, moving, row.problem, state, definition)


def _row(journey_map: JourneyMap, filters: str) -> MapEvidence:
    digest = hashlib.sha256(filters.encode()).hexdigest() if filters else ""
    row, made = MapEvidence.objects.get_or_create(map=journey_map, asked=digest, defaults={"filters": filters[:2000]})
    now = timezone.now()
    if not made and now - row.seen_at > timedelta(hours=1):
        MapEvidence.objects.filter(pk=row.pk).update(seen_at=now)
    row.map = journey_map
    return row


def _is_old(row: MapEvidence, journey_map: JourneyMap, state: StepsState) -> bool:
    now = timezone.now()
    if row.wanted_at and now - row.wanted_at < PATIENCE:
        return False
    moved = state.up_to is not None and (row.up_to is None or state.up_to > row.up_to)
    return (
        not row.body or row.revision != journey_map.revision or moved
        or row.computed_at is None or now - row.computed_at > OLD
    )  # fmt: skip


def want(row: MapEvidence) -> None:
    """Have it computed in the background, once however many look at it."""
    from .jobs import compute_evidence  # jobs know this module

    now = timezone.now()
    due = MapEvidence.objects.filter(Q(wanted_at=None) | Q(wanted_at__lt=now - PATIENCE), pk=row.pk)
    if due.update(wanted_at=now):
        row.wanted_at = now
        transaction.on_commit(lambda: compute_evidence.enqueue(str(row.pk)))


def refresh(row: MapEvidence, process: Process | None = None) -> MapEvidence:
    """Compute now, and keep it. Raises EventlogError, UnknownField, Refused."""
    journey_map = row.map
    definition = definition_of(journey_map)
    process = process or process_for_map(journey_map)
    state = steps_state(process)
    now = timezone.now()
    scope = scope_of(journey_map, definition, row.filters)
    body = encode(compute(definition, process.pk, scope, now))
    values = {
        "body": body, "revision": journey_map.revision, "up_to": state.up_to, "computed_at": now, "wanted_at": None,
        "problem": "",
    }  # fmt: skip
    MapEvidence.objects.filter(pk=row.pk).update(**values)
    for name, value in values.items():
        setattr(row, name, value)
    return row


def definition_of(journey_map: JourneyMap) -> MapDefinition:
    import msgspec

    return msgspec.convert(journey_map.definition, MapDefinition)


def keep_warm() -> None:
    """A clock: have the evidence of maps that people look at computed anew where the log moved, drop the rest."""
    now = timezone.now()
    MapEvidence.objects.filter(seen_at__lt=now - KEPT).exclude(asked="").delete()
    rows = MapEvidence.objects.filter(
        seen_at__gte=now - KEPT, map__archived_at=None, map__workspace__deleted_at=None
    ).order_by(F("computed_at").asc(nulls_first=True))
    for row in rows.select_related("map__workspace")[:50]:
        process = Process.objects.filter(map=row.map).first()
        if process is not None and process.built_at and _is_old(row, row.map, steps_state(process)):
            want(row)
