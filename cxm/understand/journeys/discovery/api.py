"""REST: processes, and what is asked of their steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date, datetime
from functools import wraps
from typing import Any, Literal, TypeVar
from uuid import UUID

import msgspec
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema, Status

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import Problem, require_key
from cxm.record.eventlog.append import NOBODY
from cxm.record.eventlog.engine import EventlogError
from cxm.record.eventlog.scope import Scope, UnknownField
from cxm.understand.journeys.definition import ProcessDefinition
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.actions import change_process, create_process, remove_process
from cxm.understand.journeys.steps.building import steps_state
from cxm.understand.journeys.steps.queries import labels_of, sankey, starts_and_ends, step_matrix, transitions
from cxm.understand.metrics.asking import read_filters, read_time
from cxm.understand.metrics.refusals import Refused

from .behind import listed
from .between import time_between
from .funnels import Asked, funnel_of, read_within
from .grouping import groups
from .labels import label_names
from .outcomes import Outcome
from .paths import paths_of
from .retention import Unit, retention
from .sessions import sessions

router = Router(tags=["journeys"])
View = TypeVar("View", bound=Callable[..., Any])


class ScopeQuery(Schema):
    since: str | None = Field(None, max_length=40, description="A date or a time, included; see the metrics")
    until: str | None = Field(None, max_length=40, description="A date or a time, not included")
    filter: list[str] = Field(
        [], description="field:operator:value; fields are label, channel, touchpoint, trait.NAME, segment"
    )


class ProcessIn(Schema):
    name: str = Field(max_length=200)
    definition: dict[str, Any] = Field(
        description="case, events, label_by, labels, collapse, gap_s: see the guide of paths"
    )


class ProcessOut(Schema):
    id: int
    name: str
    definition: dict[str, Any]
    map: UUID | None = Field(description="Of a map: its steps are the touchpoints")
    steps: int
    journeys: int
    built_at: datetime | None
    up_to: datetime = Field(description="Everything that was received until then is taken in")
    building: bool


class EstimateOut(Schema):
    value: float | None
    low: float | None
    high: float | None
    n: int


class LabelOut(Schema):
    label: str
    n: int
    journeys: int
    starts: int
    ends: int
    repeats: int


class TransitionOut(Schema):
    label: str
    next: str = Field(description="Empty: the journey ends")
    n: int
    journeys: int
    mean_s: float | None
    median_s: float | None
    p90_s: float | None


class GraphOut(Schema):
    labels: list[LabelOut]
    transitions: list[TransitionOut]
    sql: str


class CellOut(Schema):
    number: int
    label: str
    n: int
    share: float


class FlowOut(Schema):
    number: int
    label: str
    next: str
    n: int


class PathOut(Schema):
    path: list[str]
    key: str = Field(description="Names it in the list of journeys: path=…")
    n: int
    share: EstimateOut
    median_s: float
    score: EstimateOut | None
    fitness: float | None


class PathsOut(Schema):
    paths: list[PathOut]
    journeys: int
    variants: int
    expected: list[str]
    conforming: EstimateOut
    fitness: float | None
    outcome: str | None
    scale: str | None


class LevelOut(Schema):
    number: int
    label: str
    n: int
    of_first: EstimateOut
    of_before: EstimateOut | None
    dropped: int


class FunnelGroupOut(Schema):
    by: str
    levels: list[LevelOut]


class BetweenOut(Schema):
    begun: int
    reached: EstimateOut
    mean: EstimateOut = Field(description="Seconds")
    median: EstimateOut
    p90: EstimateOut


class SessionsOut(Schema):
    sessions: int
    journeys: int
    mean_steps: float | None
    median_steps: float | None
    single: EstimateOut
    median_s: float | None
    p90_s: float | None


class CohortOut(Schema):
    began: date
    stretches: list[EstimateOut | None] = Field(description="null: not over yet")


class RetentionOut(Schema):
    unit: str
    cohorts: list[CohortOut]
    all: list[EstimateOut | None]


class MarkOut(Schema):
    label: str
    inside: float
    outside: float


class GroupOut(Schema):
    number: int
    n: int
    share: EstimateOut
    marks: list[MarkOut]
    steps: float
    median_s: float
    score: EstimateOut | None


class GroupsOut(Schema):
    groups: list[GroupOut]
    sampled: int
    silhouette: float


class JourneyOut(Schema):
    journey: UUID
    customer: UUID | None
    started_at: datetime
    duration_s: float
    steps: list[str]


class JourneysOut(Schema):
    title: str
    journeys: int
    customers: int | None
    items: list[JourneyOut]


def answering(view: View) -> View:
    """What cannot be answered is a Problem with its reason."""

    @wraps(view)
    def answered(*args: Any, **more: Any) -> Any:
        try:
            return view(*args, **more)
        except UnknownField as error:
            raise Problem(422, "unknown_field", str(error)) from error
        except (Refused, ValueError) as error:
            raise Problem(422, "refused", str(error)) from error
        except ValidationError as error:
            raise Problem(422, "refused", " ".join(error.messages)) from error
        except EventlogError as error:
            said = _("The event log cannot answer just now. Try again in a moment.")
            raise Problem(503, "log_unavailable", said) from error

    return answered  # type: ignore[return-value]  # the same signature


def process_of(key: ApiKey, number: int) -> Process:
    rows = Process.objects.select_related("workspace", "map")
    return get_object_or_404(rows, workspace=key.workspace, pk=number)


def asked(request: HttpRequest, number: int, query: ScopeQuery) -> tuple[Process, Scope]:
    key = require_key(request)
    zone = key.workspace.time_zone
    filters = read_filters(query.filter, key.workspace_id)
    scope = Scope(key.workspace_id, zone, read_time(query.since, zone), read_time(query.until, zone), filters)
    return process_of(key, number), scope


def shown(process: Process) -> dict[str, Any]:
    state = steps_state(process)
    return {
        "id": process.pk, "name": process.map.name if process.map else process.name, "definition": process.definition,
        "map": process.map_id, "steps": state.rows, "journeys": state.journeys, "built_at": state.built_at,
        "up_to": state.up_to, "building": state.building,
    }  # fmt: skip


def definition_in(given: ProcessIn) -> ProcessDefinition:
    try:
        return msgspec.convert(given.definition, ProcessDefinition)
    except msgspec.ValidationError as error:
        raise Problem(422, "bad_definition", str(error)) from error


@router.get("/journeys/processes", response=list[ProcessOut], summary="All processes, with how fresh their steps are")
@answering
def list_processes(request: HttpRequest) -> list[dict[str, Any]]:
    key = require_key(request)
    rows = Process.objects.filter(workspace=key.workspace).select_related("workspace", "map").order_by("pk")
    return [shown(one) for one in rows]


@router.post("/journeys/processes", response={201: ProcessOut}, summary="A new process; its steps are built soon")
@answering
def create(request: HttpRequest, given: ProcessIn) -> Status[Any]:
    key = require_key(request, Role.ANALYST)
    made = create_process(workspace=key.workspace, name=given.name, definition=definition_in(given), by=key)
    return Status(201, shown(made))


@router.get("/journeys/processes/{int:number}", response=ProcessOut, summary="One process")
@answering
def show(request: HttpRequest, number: int) -> dict[str, Any]:
    return shown(process_of(require_key(request), number))


@router.put("/journeys/processes/{int:number}", response=ProcessOut, summary="Another name or other steps")
@answering
def change(request: HttpRequest, number: int, given: ProcessIn) -> dict[str, Any]:
    key = require_key(request, Role.ANALYST)
    process = process_of(key, number)
    if process.map is not None:
        raise ValidationError(_("These are the steps of a map. They are changed in the map."))
    return shown(change_process(process=process, name=given.name, definition=definition_in(given), by=key))


@router.delete("/journeys/processes/{int:number}", response={204: None}, summary="Remove a process; all events stay")
@answering
def remove(request: HttpRequest, number: int) -> Status[None]:
    key = require_key(request, Role.ANALYST)
    remove_process(process=process_of(key, number), by=key)
    return Status(204, None)


@router.get("/journeys/processes/{int:number}/transitions", response=GraphOut, summary="The transition graph")
@answering
def graph(request: HttpRequest, number: int, query: Query[ScopeQuery]) -> dict[str, Any]:
    process, scope = asked(request, number, query)
    found = transitions(process, scope)
    labels = starts_and_ends(process, scope).rows
    return {"labels": [asdict(one) for one in labels], "transitions": [asdict(one) for one in found.rows],
            "sql": found.sql}  # fmt: skip


class StepsQuery(ScopeQuery):
    first: int = Field(6, ge=1, le=50)
    last: int = Field(0, ge=0, le=50, description="Of the last steps instead, counted from the end")


@router.get(
    "/journeys/processes/{int:number}/matrix", response=list[CellOut], summary="Step by step: share of each label"
)
@answering
def matrix(request: HttpRequest, number: int, query: Query[StepsQuery]) -> list[dict[str, Any]]:
    process, scope = asked(request, number, query)
    return [asdict(one) for one in step_matrix(process, scope, first=query.first, last=query.last).rows]


@router.get("/journeys/processes/{int:number}/streams", response=list[FlowOut], summary="First or last steps (Sankey)")
@answering
def streams(request: HttpRequest, number: int, query: Query[StepsQuery]) -> list[dict[str, Any]]:
    process, scope = asked(request, number, query)
    return [asdict(one) for one in sankey(process, scope, first=query.first, last=query.last).rows]


class PathsQuery(ScopeQuery):
    outcome: Outcome | None = None
    expected: list[str] = Field([], description="The expected path; the most frequent one unless told")


@router.get("/journeys/processes/{int:number}/paths", response=PathsOut, summary="Paths with their scores and fit")
@answering
def paths(request: HttpRequest, number: int, query: Query[PathsQuery]) -> dict[str, Any]:
    process, scope = asked(request, number, query)
    found = paths_of(process, scope, query.outcome, query.expected)
    rows = [
        {"path": one.path, "key": str(one.key), "n": one.n, "share": one.share, "median_s": one.median_s,
         "score": one.score, "fitness": one.fit.fitness if one.fit else None}
        for one in found.rows
    ]  # fmt: skip
    return {
        "paths": rows, "journeys": found.journeys, "variants": found.variants, "expected": found.expected,
        "conforming": found.conforming, "fitness": found.fitness, "outcome": query.outcome,
        "scale": found.scores.scale if found.scores else None,
    }  # fmt: skip


class FunnelQuery(ScopeQuery):
    step: list[str] = Field(min_length=2, max_length=12)
    within: str = Field("", max_length=8, description="30m, 12h, 7d; no limit unless told")
    ordered: bool = True
    without: list[str] = []
    by: str | None = Field(None, max_length=200, description="channel, touchpoint or trait.NAME")


@router.get("/journeys/processes/{int:number}/funnel", response=list[FunnelGroupOut], summary="A funnel")
@answering
def funnel(request: HttpRequest, number: int, query: Query[FunnelQuery]) -> list[dict[str, Any]]:
    process, scope = asked(request, number, query)
    question = Asked(
        tuple(query.step), read_within(query.within), query.ordered, tuple(query.without), query.by or None
    )
    return [{"by": by, "levels": levels} for by, levels in funnel_of(process, scope, question).groups.items()]


class BetweenQuery(ScopeQuery):
    first: str = Field(max_length=500)
    then: str = Field(max_length=500)


@router.get("/journeys/processes/{int:number}/between", response=BetweenOut, summary="The time between two steps")
@answering
def between(request: HttpRequest, number: int, query: Query[BetweenQuery]) -> Any:
    return time_between(*asked(request, number, query), query.first, query.then)


class SessionsQuery(ScopeQuery):
    gap_s: int = Field(1800, ge=1, le=31_536_000)


@router.get("/journeys/processes/{int:number}/sessions", response=SessionsOut, summary="Sessions, parted by a gap")
@answering
def show_sessions(request: HttpRequest, number: int, query: Query[SessionsQuery]) -> Any:
    return sessions(*asked(request, number, query), query.gap_s)


class RetentionQuery(ScopeQuery):
    unit: Unit = "week"
    first: str = Field("", max_length=500)
    then: str = Field("", max_length=500)


@router.get("/journeys/processes/{int:number}/retention", response=RetentionOut, summary="Who comes back")
@answering
def show_retention(request: HttpRequest, number: int, query: Query[RetentionQuery]) -> dict[str, Any]:
    process, scope = asked(request, number, query)
    found = retention(process, scope, timezone.now(), unit=query.unit, first=query.first, then=query.then)
    cohorts = [{"began": day, "stretches": shares} for day, shares in found.cohorts.items()]
    return {"unit": found.unit, "cohorts": cohorts, "all": found.all}


class GroupsQuery(ScopeQuery):
    groups: int = Field(0, ge=0, le=8, description="0: as many as fit best")
    outcome: Outcome | None = None


@router.get("/journeys/processes/{int:number}/groups", response=GroupsOut, summary="Groups of journeys that are alike")
@answering
def show_groups(request: HttpRequest, number: int, query: Query[GroupsQuery]) -> Any:
    return groups(*asked(request, number, query), query.groups, query.outcome)


class JourneysQuery(ScopeQuery):
    step: str = Field("", max_length=500)
    next: str = Field("", max_length=500)
    ends: Literal["", "1"] = ""
    number: int = Field(0, ge=0, le=9_999_999)
    from_end: int = Field(0, ge=0, le=9_999_999)
    path: str = Field("", max_length=20)
    first: str = Field("", max_length=500)
    then: str = Field("", max_length=500)
    reached: Literal["0", "1"] = "1"
    page: int = Field(1, ge=1, le=100_000)
    limit: int = Field(50, ge=1, le=500)


@router.get("/journeys/processes/{int:number}/journeys", response=JourneysOut, summary="The journeys behind a number")
@answering
def list_journeys(request: HttpRequest, number: int, query: Query[JourneysQuery]) -> dict[str, Any]:
    """Those with a step (at a place), a transition, a path, or that come from one step to another; else all."""
    process, scope = asked(request, number, query)
    given = QueryDict(mutable=True)
    for name in ("step", "next", "ends", "number", "from_end", "path", "first", "then", "reached"):
        if value := getattr(query, name):
            given[name] = str(value)
    found = listed(process, scope, given, label_names(process))
    rows = found.part((query.page - 1) * query.limit, query.limit)
    ways = labels_of(process, scope, [one.journey for one in rows])
    items = [
        {"journey": one.journey, "customer": None if one.customer_id == NOBODY else one.customer_id,
         "started_at": one.started_at, "duration_s": one.duration_s, "steps": ways.get(one.journey, ())}
        for one in rows
    ]  # fmt: skip
    return {"title": found.title, "journeys": found.journeys, "customers": found.customers, "items": items}
