"""REST: processes, and what is asked of their steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any, TypeVar

import msgspec
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Query, Router, Status

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
from .paths import paths_of
from .retention import retention
from .sessions import sessions
from .shapes import (
    BetweenOut,
    BetweenQuery,
    CellOut,
    FlowOut,
    FunnelGroupOut,
    FunnelQuery,
    GraphOut,
    GroupsOut,
    GroupsQuery,
    JourneysOut,
    JourneysQuery,
    PathsOut,
    PathsQuery,
    ProcessIn,
    ProcessOut,
    RetentionOut,
    RetentionQuery,
    ScopeQuery,
    SessionsOut,
    SessionsQuery,
    StepsQuery,
)

router = Router(tags=["journeys"])
ONE = "/journeys/processes/{int:process_id}"
View = TypeVar("View", bound=Callable[..., Any])


def answering(view: View) -> View:
    """What cannot be answered is a Problem with its reason."""

    @wraps(view)
    def answered(*args: Any, **more: Any) -> Any:
        try:
            return view(*args, **more)
        except UnknownField as error:
            said = _("There is no field “%(name)s” here.") % {"name": error.field[:100]}
            raise Problem(422, "unknown_field", said) from error
        except (Refused, ValueError) as error:
            raise Problem(422, "refused", str(error)) from error
        except ValidationError as error:
            raise Problem(422, "refused", " ".join(error.messages)) from error
        except EventlogError as error:
            said = _("The event log cannot answer just now. Try again in a moment.")
            raise Problem(503, "log_unavailable", said) from error

    return answered  # type: ignore[return-value]  # the same signature


def process_of(key: ApiKey, process_id: int) -> Process:
    rows = Process.objects.select_related("workspace", "map")
    return get_object_or_404(rows, workspace=key.workspace, pk=process_id)


def asked(request: HttpRequest, process_id: int, query: ScopeQuery) -> tuple[Process, Scope]:
    key = require_key(request)
    zone = key.workspace.time_zone
    filters = read_filters(query.filter, key.workspace_id)
    scope = Scope(key.workspace_id, zone, read_time(query.since, zone), read_time(query.until, zone), filters)
    return process_of(key, process_id), scope


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


@router.get(ONE, response=ProcessOut, summary="One process")
@answering
def show(request: HttpRequest, process_id: int) -> dict[str, Any]:
    return shown(process_of(require_key(request), process_id))


@router.put(ONE, response=ProcessOut, summary="Another name or other steps")
@answering
def change(request: HttpRequest, process_id: int, given: ProcessIn) -> dict[str, Any]:
    key = require_key(request, Role.ANALYST)
    process = process_of(key, process_id)
    if process.map is not None:
        raise ValidationError(_("These are the steps of a map. They are changed in the map."))
    return shown(change_process(process=process, name=given.name, definition=definition_in(given), by=key))


@router.delete(ONE, response={204: None}, summary="Remove a process; all events stay")
@answering
def remove(request: HttpRequest, process_id: int) -> Status[None]:
    key = require_key(request, Role.ANALYST)
    remove_process(process=process_of(key, process_id), by=key)
    return Status(204, None)


@router.get(ONE + "/transitions", response=GraphOut, summary="The transition graph")
@answering
def graph(request: HttpRequest, process_id: int, query: Query[ScopeQuery]) -> dict[str, Any]:
    process, scope = asked(request, process_id, query)
    found = transitions(process, scope)
    labels = starts_and_ends(process, scope).rows
    return {"labels": [asdict(one) for one in labels], "transitions": [asdict(one) for one in found.rows],
            "sql": found.sql}  # fmt: skip


@router.get(ONE + "/matrix", response=list[CellOut], summary="Step by step: share of each label")
@answering
def matrix(request: HttpRequest, process_id: int, query: Query[StepsQuery]) -> list[dict[str, Any]]:
    process, scope = asked(request, process_id, query)
    return [asdict(one) for one in step_matrix(process, scope, first=query.first, last=query.last).rows]


@router.get(ONE + "/streams", response=list[FlowOut], summary="First or last steps (Sankey)")
@answering
def streams(request: HttpRequest, process_id: int, query: Query[StepsQuery]) -> list[dict[str, Any]]:
    process, scope = asked(request, process_id, query)
    return [asdict(one) for one in sankey(process, scope, first=query.first, last=query.last).rows]


@router.get(ONE + "/paths", response=PathsOut, summary="Paths with their scores and fit")
@answering
def paths(request: HttpRequest, process_id: int, query: Query[PathsQuery]) -> dict[str, Any]:
    process, scope = asked(request, process_id, query)
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


@router.get(ONE + "/funnel", response=list[FunnelGroupOut], summary="A funnel")
@answering
def funnel(request: HttpRequest, process_id: int, query: Query[FunnelQuery]) -> list[dict[str, Any]]:
    process, scope = asked(request, process_id, query)
    question = Asked(
        tuple(query.step), read_within(query.within), query.ordered, tuple(query.without), query.by or None
    )
    return [{"by": by, "levels": levels} for by, levels in funnel_of(process, scope, question).groups.items()]


@router.get(ONE + "/between", response=BetweenOut, summary="The time between two steps")
@answering
def between(request: HttpRequest, process_id: int, query: Query[BetweenQuery]) -> Any:
    return time_between(*asked(request, process_id, query), query.first, query.then)


@router.get(ONE + "/sessions", response=SessionsOut, summary="Sessions, parted by a gap")
@answering
def show_sessions(request: HttpRequest, process_id: int, query: Query[SessionsQuery]) -> Any:
    return sessions(*asked(request, process_id, query), query.gap_s)


@router.get(ONE + "/retention", response=RetentionOut, summary="Who comes back")
@answering
def show_retention(request: HttpRequest, process_id: int, query: Query[RetentionQuery]) -> dict[str, Any]:
    process, scope = asked(request, process_id, query)
    found = retention(process, scope, timezone.now(), unit=query.unit, first=query.first, then=query.then)
    cohorts = [{"began": day, "stretches": shares} for day, shares in found.cohorts.items()]
    return {"unit": found.unit, "cohorts": cohorts, "all": found.all}


@router.get(ONE + "/groups", response=GroupsOut, summary="Groups of journeys that are alike")
@answering
def show_groups(request: HttpRequest, process_id: int, query: Query[GroupsQuery]) -> Any:
    return groups(*asked(request, process_id, query), query.groups, query.outcome)


@router.get(ONE + "/journeys", response=JourneysOut, summary="The journeys behind a number")
@answering
def list_journeys(request: HttpRequest, process_id: int, query: Query[JourneysQuery]) -> dict[str, Any]:
    """Those of one number, else all.

    step, with next (or ends=1) and number or from_end: a step, what follows it, at a place; step_not and next_not in
    their place: any but these. path: one path. first and then: who comes from one to the other (reached=0: who never
    does). funnel, with level and dropped: so far in a funnel, with by and of in one
    of its groups. group, with groups: one of so many groups. stretch, with
    unit, cohort (the first day of a period; else all), first and then: the customers of whom is known whether they
    came back in that stretch; with back=1, who did; each once, with the journey that they began with.
    """
    process, scope = asked(request, process_id, query)
    found = listed(process, scope, request.GET, label_names(process), timezone.now())
    rows = found.part((query.page - 1) * query.limit, query.limit)
    ways = labels_of(process, scope, [one.journey for one in rows])
    items = [
        {"journey": one.journey, "customer": None if one.customer_id == NOBODY else one.customer_id,
         "started_at": one.started_at, "duration_s": one.duration_s, "steps": ways.get(one.journey, ())}
        for one in rows
    ]  # fmt: skip
    return {"title": found.title, "journeys": found.journeys, "customers": found.customers, "items": items}
