"""REST: what the log says about a map, and the journeys behind its figures."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest, QueryDict
from django.utils.translation import gettext as _
from ninja import Field, Path, Query, Router, Schema

from cxm.accounts.rest import Problem, require_key
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.metrics.refusals import Refused

from ..maps.queries import definition_of, map_for
from ..models import JourneyMap
from . import keeping, queries, wording
from .behind import SWITCH, WAY, is_list, journeys_behind, needs_figures
from .conformance import KINDS
from .figures import Figures
from .period import told

router = Router(tags=["journey maps"])
KIND = rf"^({'|'.join((*queries.WHO, SWITCH, *KINDS, WAY))}|late-[0-9]{{1,3}})$"


class AskedIn(Schema):
    """Of the same form as on pages and for metrics."""

    since: str = Field("", max_length=40)
    until: str = Field("", max_length=40)
    filter: list[str] = Field([], max_length=10, description="field:operator:value, such as segment:is:ID")


class BehindIn(AskedIn):
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0, le=1_000_000)


class FoundOut(Schema):
    kind: str = Field(description="handover, dead_end, broken_promise, worse, detour, dark or stale")
    touchpoint: str
    about: str
    to: str = Field(description="The touchpoint that is not reached")
    hits: int
    n: int
    who: str = Field(description="The kind of the list of the journeys behind it; empty where there is none")
    share: dict[str, Any] = Field(description="value, low, high, n")
    usual: float | None = Field(description="The same number at the other touchpoints of the map: their median")
    p_value: float | None
    text: str = Field(description="In the language of Accept-Language")


class EvidenceOut(Schema):
    computed_at: datetime | None
    up_to: datetime | None = Field(description="What was received until then is in it")
    moving: bool = Field(description="Newer figures are being computed")
    journeys: int
    customers: int
    touchpoints: list[dict[str, Any]] = Field(
        description="Figures by touchpoint: moments in milliseconds since 1970, times in seconds, shares of 0–1"
    )
    findings: list[FoundOut]
    flows: list[dict[str, Any]] = Field(description="label, next (empty at the end), n, median_s")


class BehindOut(Schema):
    customer_id: UUID
    first_at: datetime
    visits: int
    reached_after_s: float | None = Field(description="Until a later touchpoint of the expected path")


class BehindListOut(Schema):
    n: int
    items: list[BehindOut]


def _address(asked: AskedIn) -> QueryDict:
    query = QueryDict(mutable=True)
    query.setlist("filter", asked.filter)
    query["since"], query["until"] = asked.since, asked.until
    return query


def _shown(journey_map: JourneyMap, asked: AskedIn) -> keeping.Shown:
    try:
        return keeping.evidence_of(journey_map, _address(asked), definition_of(journey_map))
    except (Refused, UnknownField) as refusal:
        raise Problem(422, "bad_filter", told(refusal)) from refusal


@router.get("/journeys/maps/{uuid:map_id}/evidence", response=EvidenceOut, summary="What the log says about a map")
def evidence(request: HttpRequest, map_id: UUID, asked: Query[AskedIn]) -> dict[str, Any]:
    """Figures and findings as they were last computed; `moving` says that newer ones are on their way."""
    key = require_key(request)
    journey_map = map_for(key.workspace, map_id)
    shown = _shown(journey_map, asked)
    found = shown.evidence
    if found is None:
        raise Problem(409, "not_computed", _("The map is being computed. Ask again in a while."))
    definition = definition_of(journey_map)
    points = {one.key: one for one in definition.touchpoints()}
    return {
        "computed_at": shown.computed_at, "up_to": shown.up_to, "moving": shown.moving, "journeys": found.journeys,
        "customers": found.customers,
        "touchpoints": [msgspec.structs.asdict(one) | _plain(one) for one in found.figures],
        "findings": [
            {
                **msgspec.structs.asdict(one), "touchpoint": one.key, "share": msgspec.to_builtins(one.share),
                "who": wording.who(one), "text": wording.explanation(one, points[one.key], points, found.of(one.key)),
            }
            for one in found.findings
            if one.key in points
        ],
        "flows": [msgspec.to_builtins(one) for one in found.flows],
    }  # fmt: skip


def _plain(figures: Figures) -> dict[str, Any]:
    """The parts that are structs themselves, with empty ones left out."""
    return {
        "on": msgspec.to_builtins(figures.on), "score": msgspec.to_builtins(figures.score),
        "level": msgspec.to_builtins(figures.level), "mood": msgspec.to_builtins(figures.mood),
        "promises": [msgspec.to_builtins(one) for one in figures.promises],
        "verbatims": [msgspec.to_builtins(one) for one in figures.verbatims],
    }  # fmt: skip


@router.get(
    "/journeys/maps/{uuid:map_id}/evidence/{touchpoint}/{kind}", response=BehindListOut,
    summary="The journeys behind a figure",
)  # fmt: skip
def behind(
    request: HttpRequest, map_id: UUID, touchpoint: str, kind: Annotated[str, Path(pattern=KIND)],
    asked: Annotated[BehindIn, Query()],
) -> dict[str, Any]:  # fmt: skip
    """Which journeys, says `kind`.

    passed: who came here; lost: who went no further; on: who went on; again: who came again; back: who went back;
    switch: who went on beside the path on another channel (`visits`: how often, `reached_after_s`: until then);
    late-0, late-1 and so on: to whom that promise of the touchpoint was broken; skipped, not_reached, out_of_order,
    repeated, beyond: who deviates so from the expected path here; way: who took one way, with the `id` of the way in
    the place of the touchpoint. Of deviations and ways, `first_at` is when the journey began, and of ways `visits`
    counts its steps.
    """
    key = require_key(request)
    journey_map = map_for(key.workspace, map_id)
    definition = definition_of(journey_map)
    if not is_list(definition, touchpoint, kind):
        raise Http404
    shown = _shown(journey_map, asked)
    if shown.evidence is None and needs_figures(kind):
        raise Problem(409, "not_computed", _("The map is being computed. Ask again in a while."))
    found = journeys_behind(
        journey_map, definition, keeping.filters_of(_address(asked)), shown.evidence, key=touchpoint, kind=kind,
        limit=asked.limit, offset=asked.offset,
    )  # fmt: skip
    return {
        "n": found.n,
        "items": [
            {
                "customer_id": one.customer_id, "first_at": wording.moment(one.at), "visits": one.times,
                "reached_after_s": None if one.reach is None else one.reach / 1000,
            }
            for one in found.rows
        ],
    }  # fmt: skip
