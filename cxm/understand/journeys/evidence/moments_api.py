"""REST: moments of truth, channels, two maps compared, and how journeys keep to a map."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from cxm.accounts.rest import DifferenceOut, EstimateOut, Problem, require_key
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import UnknownField
from cxm.understand.metrics.refusals import Refused
from cxm.understand.metrics.shapes import FILTER

from ..maps.queries import definition_of, map_for
from . import channels, moments
from .channels_page import costs_of, usual
from .comparing import compare
from .comparing_page import half_of
from .conformance_page import judged
from .impressions import judge
from .keeping import filters_of
from .moments_kept import asked, figures_of
from .period import period_of, told

router = Router(tags=["journeys"])


class PeriodQuery(Schema):
    """Without a period, the last 365 days."""

    since: str = Field("", description="A date or a time; included")
    until: str = Field("", description="A date or a time; not included")
    filter: list[str] = Field(default_factory=list, description=FILTER)


class HeldOut(Schema):
    here: EstimateOut
    difference: DifferenceOut = Field(description="Less that of the others")
    verdict: str = Field(description="up, down or no_evidence, over all comparisons of the answer")


class PlaceOut(Schema):
    touchpoint: str = Field(description="As events name it, or its key on the map; empty where none is named")
    moments: int
    good: int
    bad: int
    customers: int
    within_runs: int = Field(description="Moments that came to a customer in a run of good ones")
    breaks: int
    share: EstimateOut = Field(description="Of the moments within runs: those that ended it, 0–1")
    excess: DifferenceOut = Field(description="That share less the share of all other touchpoints")
    verdict: str


class ImpressionOut(Schema):
    which: str = Field(description="first, worst or last")
    after_bad: EstimateOut
    after_others: EstimateOut
    difference: DifferenceOut
    verdict: str
    alone: EstimateOut | None = Field(description="What one step better adds, the other two held equal")


class RunOut(Schema):
    length: int
    broken: bool
    n: int


class MomentsOut(Schema):
    customers: int
    moments: int
    good: int
    bad: int
    places: list[PlaceOut]
    runs: list[RunOut]
    outcome: str
    unit: str
    impressions: list[ImpressionOut]
    computed_at: datetime = Field(description="Everything that was received until then is in it")
    newer_on_the_way: bool = Field(description="The log moved since; figures of it are being counted")


class BrokenOut(Schema):
    customer_id: UUID
    at_ms: int
    touchpoint: str
    good_before: int
    moods: list[int] = Field(description="The moments up to it: 1, 0 or −1 each")


class HandlingOut(Schema):
    channel: str
    requests: int
    contacts: int
    solved: EstimateOut
    switched: EstimateOut
    median_s: float | None
    cost: float | None = Field(description="Of a request, in `currency`")
    results: dict[str, HeldOut] = Field(description="at_once, content and easy")


class KindOut(Schema):
    name: str
    requests: int
    advice: str = Field(description="recommend, no_evidence or only_one")
    channel: str
    because: str
    needed: int | None = Field(description="Requests on each side that would tell the difference that was seen")
    channels: list[HandlingOut]


class ChannelOut(Schema):
    name: str
    requests: int
    contacts: int
    switched: EstimateOut
    recommended: list[str]
    replaced: float = Field(description="Share of its requests of kinds that other channels handle too")
    close: bool
    results: dict[str, HeldOut]


class FlowOut(Schema):
    source: str
    target: str
    n: int


class ChannelsOut(Schema):
    by: str
    requests: int
    currency: str = Field(description="Of costs; empty where the maps name none")
    kinds: list[KindOut]
    channels: list[ChannelOut]
    changes: list[FlowOut]


class ComparedOut(Schema):
    measure: str = Field(description="on, time, score, mood or tickets")
    unit: str
    metric: str
    first: EstimateOut
    second: EstimateOut
    difference: DifferenceOut = Field(description="Of times: their ratio less one")
    better: str = Field(description="better or worse on the second side, or no_evidence")


class RowOut(Schema):
    key: str
    name: str
    stage: str
    journeys: list[int]
    numbers: list[ComparedOut]


class ComparisonOut(Schema):
    journeys: list[int]
    customers: list[int]
    differ: int
    touchpoints: list[RowOut]


class DeviationOut(Schema):
    kind: str = Field(description="skipped, not_reached, out_of_order, repeated or beyond")
    touchpoint: str
    journeys: int
    share: EstimateOut
    with_it: EstimateOut
    without_it: EstimateOut
    difference: DifferenceOut
    verdict: str


class WayOut(Schema):
    id: str = Field(description="Names it in the list of its journeys: …/evidence/{id}/way")
    touchpoints: list[str]
    journeys: int
    share: float
    fitness: float


class ConformanceOut(Schema):
    journeys: int
    judged: int
    conforms: EstimateOut
    fitness: EstimateOut
    unit: str
    conforming: EstimateOut
    deviating: EstimateOut
    difference: DifferenceOut
    verdict: str
    deviations: list[DeviationOut]
    ways: list[WayOut] = Field(description="The most frequent ways that journeys really take")


@contextmanager
def problems() -> Iterator[None]:
    try:
        yield
    except UnknownField as error:
        raise Problem(422, "unknown_field", told(error)) from error
    except Refused as refused:
        raise Problem(422, "refused", str(refused)) from refused
    except EventlogError as error:
        raise Problem(503, "log_away", _("The event log does not answer.")) from error


class MomentsQuery(PeriodQuery):
    map: UUID | None = Field(None, description="Name the touchpoints as this map does")
    run: int = Field(moments.SHORTEST, ge=1, le=10, description="Good moments that make a run")
    outcome: Literal["nps", "csat", "ces", "return"] = "nps"


def _source(workspace: Any, map_id: UUID | None) -> moments.Source:
    if map_id is None:
        return moments.everywhere()
    return moments.of_map(definition_of(map_for(workspace, map_id)), workspace.pk)


@router.get("/journeys/moments", response=MomentsOut, summary="Moments of truth: what breaks runs, what lasts")
def show_moments(request: HttpRequest, query: Query[MomentsQuery]) -> dict[str, Any]:
    workspace = require_key(request).workspace
    with problems():
        if query.map:
            map_for(workspace, query.map)  # one that is not there is refused
        shown = figures_of(asked(request.GET, workspace))
    every, found = shown.figures.totals, moments.breakers(shown.figures.places)
    lasting = judge(shown.figures.impressions, query.outcome)
    places = [
        {
            "touchpoint": one.row.place, "moments": one.row.n, "good": one.row.good, "bad": one.row.bad,
            "customers": one.row.customers, "within_runs": one.row.exposed, "breaks": one.row.breaks,
            "share": asdict(one.share), "excess": asdict(one.excess), "verdict": one.verdict,
        }
        for one in found
    ]  # fmt: skip
    return {
        "customers": every.customers, "moments": every.n, "good": every.good, "bad": every.bad, "places": places,
        "runs": [asdict(one) for one in shown.figures.lengths], "computed_at": shown.computed_at,
        "newer_on_the_way": shown.moving, "outcome": lasting.outcome, "unit": lasting.unit,
        "impressions": [asdict(one) for one in lasting.rows],
    }  # fmt: skip


class BrokenQuery(PeriodQuery):
    map: UUID | None = None
    run: int = Field(moments.SHORTEST, ge=1, le=10)
    touchpoint: str | None = Field(None, description="Without it, at all of them")
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0, le=100_000)


@router.get("/journeys/moments/broken", response=list[BrokenOut], summary="The newest broken runs of good moments")
def show_broken(request: HttpRequest, query: Query[BrokenQuery]) -> list[dict[str, Any]]:
    workspace = require_key(request).workspace
    with problems():
        rows = moments.broken(
            period_of(request.GET, workspace).scope, _source(workspace, query.map), place=query.touchpoint,
            shortest=query.run, most=query.limit, skip=query.offset,
        )  # fmt: skip
    return [
        {
            "customer_id": one.who, "at_ms": one.at, "touchpoint": one.place, "good_before": one.run,
            "moods": one.moods,
        }
        for one in rows
    ]  # fmt: skip


class ChannelsQuery(PeriodQuery):
    by: str = Field("", description="touchpoint, priority, property.NAME of tickets, or topic; empty: the likeliest")


@router.get("/journeys/channels", response=ChannelsOut, summary="Channels by kind of request, with advice")
def show_channels(request: HttpRequest, query: Query[ChannelsQuery]) -> dict[str, Any]:
    workspace = require_key(request).workspace
    with problems():
        period = period_of(request.GET, workspace)
        by = query.by or usual(channels.kinds(workspace.pk))
        rows = channels.requests(period.scope, by, period.until_ms).rows
        changes = channels.flows(channels.orders(period.scope, by, period.until_ms))
    costs, currency = costs_of(workspace)
    found = channels.judge(rows, costs)
    return {
        "by": by, "requests": found.requests, "currency": currency, "changes": [asdict(one) for one in changes],
        "channels": [asdict(one) for one in found.channels],
        "kinds": [
            {
                **{name: getattr(one, name) for name in ("name", "requests", "advice", "channel", "because", "needed")},
                "channels": [
                    {
                        "channel": each.row.channel, "requests": each.row.requests, "contacts": each.row.contacts,
                        "solved": asdict(each.solved), "switched": asdict(each.switched), "cost": each.cost,
                        "median_s": each.row.median_s,
                        "results": {name: asdict(held) for name, held in each.results.items()},
                    }
                    for each in one.handlings
                ],
            }
            for one in found.kinds
        ],
    }  # fmt: skip


class CompareQuery(Schema):
    """Two sides: names with a 2 are of the second. `channel`, `partner`: journeys that met it."""

    map2: UUID | None = Field(None, description="Another map for the second side")
    since: str = ""
    until: str = ""
    filter: list[str] = Field(default_factory=list, description=FILTER)
    channel: str = ""
    partner: str = ""
    since2: str = ""
    until2: str = ""
    filter2: list[str] = Field(default_factory=list)
    channel2: str = ""
    partner2: str = ""


@router.get("/journeys/maps/{uuid:map_id}/compare", response=ComparisonOut, summary="Compare two maps or two scopes")
def show_comparison(request: HttpRequest, map_id: UUID, query: Query[CompareQuery]) -> dict[str, Any]:
    workspace = require_key(request).workspace
    journey_map = map_for(workspace, map_id)
    if query.map2:
        map_for(workspace, query.map2)
    with problems():
        sides = [half_of(request.GET, journey_map, suffix).side() for suffix in ("", "2")]
        found = compare(sides[0], sides[1], timezone.now())
    return {
        "journeys": found.journeys, "customers": found.customers, "differ": found.found,
        "touchpoints": [
            {
                "key": row.key, "name": row.name, "stage": row.stage, "journeys": row.journeys,
                "numbers": [asdict(one) for one in row.numbers.values()],
            }
            for row in found.rows
        ],
    }  # fmt: skip


@router.get("/journeys/maps/{uuid:map_id}/conformance", response=ConformanceOut, summary="How journeys keep to a map")
def show_conformance(
    request: HttpRequest, map_id: UUID, query: Annotated[PeriodQuery, Query()]
) -> dict[str, Any]:  # fmt: skip
    """Of all time unless a period is given."""
    workspace = require_key(request).workspace
    journey_map = map_for(workspace, map_id)
    with problems():
        found = judged(journey_map, definition_of(journey_map), filters_of(request.GET))
    return {
        **{name: getattr(found, name) for name in ("journeys", "judged", "unit", "verdict")},
        **{
            name: asdict(getattr(found, name))
            for name in ("conforms", "fitness", "conforming", "deviating", "difference")
        },
        "deviations": [{**asdict(one), "touchpoint": one.key, "journeys": one.n} for one in found.deviations],
        "ways": [
            {"id": one.id, "touchpoints": one.labels, "journeys": one.n, "share": one.share,
             "fitness": one.alignment.fitness}
            for one in found.ways
        ],
    }  # fmt: skip
