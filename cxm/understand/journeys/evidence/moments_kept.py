"""Moments of truth kept: what the log said to a question of the page, shown at once, asked anew when the log moved.

Whose run was broken is not kept: people are always looked up.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
from django.db import transaction
from django.db.models import Q
from django.http import Http404, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django_tasks import task

from cxm.accounts.models import Workspace
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.metrics.refusals import Refused

from ..definition import MapDefinition
from ..maps.queries import definition_of, map_for
from ..models import JourneyMap, KeptMoments
from . import moments
from .impressions import Outcome, Row, impression_rows
from .keeping import BREATH, OLD, PATIENCE
from .moments import SHORTEST, LengthRow, PlaceRow, Source, Totals
from .period import Period, period_of
from .queries import mark

OUTCOMES: tuple[Outcome, ...] = ("nps", "csat", "ces", "return")
MOST_LETTERS = 2000  # of a question that is kept
RUNS = range(1, 11)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for; `text` is the same for addresses that ask the same."""

    period: Period
    map: JourneyMap | None
    source: Source
    names: dict[str, str]  # of the touchpoints of the map
    shortest: int
    outcome: Outcome
    text: str

    def name(self, place: str) -> str:
        return self.names.get(place, place) or _("No touchpoint named")

    @property
    def mark(self) -> str:
        """Another one: the log, the map or the usual period moved."""
        moved = mark(self.period.scope.workspace_id)
        return f"{moved} {self.map.revision if self.map else 0} {self.period.since[:40]}"


@dataclass(frozen=True, slots=True)
class Figures:
    """All that the page counts, as the log says it."""

    totals: Totals
    places: list[PlaceRow]
    lengths: list[LengthRow]
    impressions: list[Row]
    sql: str


@dataclass(frozen=True, slots=True)
class Shown:
    """`moving`: newer figures are on their way."""

    figures: Figures
    computed_at: datetime
    moving: bool


def asked(query: QueryDict, workspace: Workspace) -> Asked:
    """Raises Refused of metrics."""
    try:
        chosen = map_for(workspace, query.get("map", ""))
    except Http404:  # none, or one that is gone: then moments stand by the names that events have
        chosen = None
    source, names = moments.everywhere(), dict[str, str]()
    if chosen:
        definition: MapDefinition = definition_of(chosen)
        source = moments.of_map(definition, workspace.pk)
        names = {one.key: one.name for one in definition.touchpoints()}
    outcome: Outcome = next((one for one in OUTCOMES if one == query.get("outcome")), "nps")
    run = query.get("run", "")
    shortest = int(run) if run.isdecimal() and len(run) < 3 and int(run) in RUNS else SHORTEST
    pairs = [("map", str(chosen.pk) if chosen else ""), ("run", str(shortest)), ("outcome", outcome)]
    pairs += [(name, query.get(name, "")) for name in ("since", "until")]
    pairs += [("filter", one) for one in sorted(query.getlist("filter"))]
    text = urlencode([pair for pair in pairs if pair[1]])
    return Asked(period_of(query, workspace), chosen, source, names, shortest, outcome, text)


def figures_of(wanted: Asked) -> Shown:
    """Kept figures, or those of now where there are none. Raises UnknownField, Refused, EventlogError."""
    now = timezone.now()
    if len(wanted.text) > MOST_LETTERS:
        return Shown(count(wanted), now, moving=False)
    row, made = KeptMoments.objects.get_or_create(
        workspace_id=wanted.period.scope.workspace_id, asked=hashlib.sha256(wanted.text.encode()).hexdigest(),
        defaults={"query": wanted.text},
    )  # fmt: skip
    if not made and now - row.seen_at > timedelta(hours=1):
        KeptMoments.objects.filter(pk=row.pk).update(seen_at=now)
    if not row.body or row.computed_at is None:
        return Shown(refresh(row, wanted), now, moving=False)
    if _is_old(row, wanted):
        want(row)
    return Shown(msgspec.json.decode(bytes(row.body), type=Figures), row.computed_at, moving=row.wanted_at is not None)


def _is_old(row: KeptMoments, wanted: Asked) -> bool:
    """Whether something has happened that its figures do not have, and nobody is at it."""
    now = timezone.now()
    if row.wanted_at and now - row.wanted_at < PATIENCE:
        return False
    if row.computed_at is None or now - row.computed_at > OLD:
        return True
    return now - row.computed_at > BREATH and row.mark != wanted.mark


def count(wanted: Asked) -> Figures:
    """What the log says now. Raises UnknownField, EventlogError."""
    scope, source = wanted.period.scope, wanted.source
    every = moments.totals(scope, source)
    if not every.n:
        return Figures(every, [], [], [], "")
    places = moments.place_rows(scope, source, shortest=wanted.shortest)
    return Figures(
        every, places.rows, moments.lengths(scope, source),
        impression_rows(scope, source, wanted.outcome, wanted.period.until_ms), places.sql,
    )  # fmt: skip


def refresh(row: KeptMoments, wanted: Asked) -> Figures:
    """Count now, and keep it. Raises as `count`."""
    marked, now = wanted.mark, timezone.now()
    found = count(wanted)
    KeptMoments.objects.filter(pk=row.pk).update(
        body=msgspec.json.encode(found), mark=marked, computed_at=now, wanted_at=None
    )
    return found


def want(row: KeptMoments) -> None:
    """Have it counted in the background, once however many look at it."""
    now = timezone.now()
    due = KeptMoments.objects.filter(Q(wanted_at=None) | Q(wanted_at__lt=now - PATIENCE), pk=row.pk)
    if due.update(wanted_at=now):
        row.wanted_at = now
        transaction.on_commit(lambda: count_moments.enqueue(str(row.pk)))


@task()
def count_moments(row_id: str) -> None:
    """Count one row anew; one whose filter has become impossible goes, and its page says why."""
    row = KeptMoments.objects.select_related("workspace").filter(pk=int(row_id)).first()
    if row is None:
        return
    try:
        refresh(row, asked(QueryDict(row.query), row.workspace))
    except (Refused, UnknownField):
        row.delete()
