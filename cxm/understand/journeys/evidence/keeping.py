"""Evidence kept warm: a row for each map and filter, shown at once and computed anew when the log or the map moved."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks import task

from cxm.record.eventlog.scope import Scope, UnknownField
from cxm.understand.metrics.asking import read_filters, read_time
from cxm.understand.metrics.refusals import Refused

from ..definition import MapDefinition
from ..maps.queries import definition_of
from ..models import JourneyMap, KeptMoments, MapEvidence, Process
from ..steps.actions import process_for_map
from ..steps.building import steps_state
from .computing import compute
from .figures import Evidence, decode, encode
from .period import in_order, known_filters, told
from .queries import mark

AT_ONCE = 300_000  # steps up to which a page computes by itself what it lacks
BREATH = timedelta(seconds=30)  # figures so young are shown as they are, however fast the log moves
PATIENCE = timedelta(minutes=10)  # after which a job that was asked for is asked for again
OLD = timedelta(hours=24)  # what counts days is computed anew each day
KEPT = timedelta(days=7)  # rows that nobody looked at for so long are no longer kept warm, then dropped
FILTERS = ("filter", "since", "until")


@dataclass(frozen=True, slots=True)
class Shown:
    """Evidence for a page. `evidence` is None while it is computed for the first time; `moving`: newer is on its way.

    `up_to`: what was received until then is in it. `progress`: of the steps, in per cent, while they are being built.
    """

    evidence: Evidence | None
    computed_at: datetime | None
    up_to: datetime | None
    moving: bool
    problem: str
    progress: int | None


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
    # Read apart: two values of one field would mean either, and who is looked for must be in both segments.
    own = read_filters([f"segment:is:{definition.segment}"] if definition.segment else [], workspace.pk)
    if any(one.members is None for one in own):
        raise Refused(_("The segment of this map does not exist any more. Choose another one."))
    return in_order(Scope(
        workspace.pk, workspace.time_zone, read_time(asked.get("since"), workspace.time_zone),
        read_time(asked.get("until"), workspace.time_zone),
        own + known_filters(asked.getlist("filter"), workspace.pk),
    ))  # fmt: skip


def evidence_of(journey_map: JourneyMap, query: QueryDict, definition: MapDefinition) -> Shown:
    """What is known about a map. Raises Refused of metrics for bad filters, EventlogError."""
    filters = filters_of(query)
    scope_of(journey_map, definition, filters)  # bad filters are refused before a row is made for them
    row = _row(journey_map, filters)
    process = process_for_map(journey_map)
    state = steps_state(process)
    if not state.building and row.revision != journey_map.revision and state.rows <= AT_ONCE:
        row = refresh(row)
    elif not state.building and _is_old(row):
        want(row)
    return Shown(
        decode(bytes(row.body)) if row.body else None, row.computed_at, row.up_to,
        moving=state.building or row.wanted_at is not None, problem=row.problem,
        progress=state.done * 100 // state.total if state.total else None,
    )  # fmt: skip


def _row(journey_map: JourneyMap, filters: str) -> MapEvidence:
    digest = hashlib.sha256(filters.encode()).hexdigest() if filters else ""
    row, made = MapEvidence.objects.get_or_create(map=journey_map, asked=digest, defaults={"filters": filters[:2000]})
    now = timezone.now()
    if not made and now - row.seen_at > timedelta(hours=1):
        MapEvidence.objects.filter(pk=row.pk).update(seen_at=now)
    row.map = journey_map
    return row


def _is_old(row: MapEvidence) -> bool:
    """Whether something has happened that its figures do not have, and nobody is at it."""
    now = timezone.now()
    if row.wanted_at and now - row.wanted_at < PATIENCE:
        return False
    if not row.body or row.revision != row.map.revision or row.computed_at is None or now - row.computed_at > OLD:
        return True
    return now - row.computed_at > BREATH and row.mark != mark(row.map.workspace_id)


def want(row: MapEvidence) -> None:
    """Have it computed in the background, once however many look at it."""
    now = timezone.now()
    due = MapEvidence.objects.filter(Q(wanted_at=None) | Q(wanted_at__lt=now - PATIENCE), pk=row.pk)
    if due.update(wanted_at=now):
        row.wanted_at = now
        transaction.on_commit(lambda: compute_evidence.enqueue(str(row.pk)))


@task()
def compute_evidence(row_id: str) -> None:
    """Compute one row anew; a filter that has become impossible is said on the page."""
    row = MapEvidence.objects.select_related("map__workspace").filter(pk=int(row_id)).first()
    if row is None:
        return
    try:
        refresh(row)
    except (Refused, UnknownField) as refusal:
        MapEvidence.objects.filter(pk=row.pk).update(problem=told(refusal)[:500], wanted_at=None)


def refresh(row: MapEvidence) -> MapEvidence:
    """Compute now, and keep it. Raises EventlogError, UnknownField, Refused."""
    journey_map = row.map
    definition = definition_of(journey_map)
    process = process_for_map(journey_map)
    marked, state = mark(journey_map.workspace_id), steps_state(process)
    now = timezone.now()
    scope = scope_of(journey_map, definition, row.filters)
    values = {
        "body": encode(compute(definition, process.pk, scope, now)), "revision": journey_map.revision, "mark": marked,
        "up_to": state.up_to, "computed_at": now, "wanted_at": None, "problem": "",
    }  # fmt: skip
    MapEvidence.objects.filter(pk=row.pk).update(**values)
    for name, value in values.items():
        setattr(row, name, value)
    return row


def warm(journey_map: JourneyMap) -> MapEvidence:
    """Compute what the page of the map shows without filters. Raises as `refresh`."""
    return refresh(_row(journey_map, ""))


def keep_warm() -> None:
    """A clock: have the evidence of maps that people look at computed anew where the log moved; drop what nobody
    looks at, of moments too."""
    now = timezone.now()
    MapEvidence.objects.filter(seen_at__lt=now - KEPT).exclude(asked="").delete()
    KeptMoments.objects.filter(seen_at__lt=now - KEPT).delete()
    rows = MapEvidence.objects.filter(
        seen_at__gte=now - KEPT, map__archived_at=None, map__workspace__deleted_at=None
    ).order_by(F("computed_at").asc(nulls_first=True))
    for row in rows.select_related("map__workspace")[:50]:
        process = Process.objects.filter(map=row.map).first()
        if process is not None and process.built_at and _is_old(row):
            want(row)
