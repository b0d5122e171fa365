"""REST: recovery plays with what became of their customers, and improvement measures with their effect."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field, Query, Router, Schema

from cxm.accounts.models import Role, User, Workspace
from cxm.accounts.rest import PageOut, PageQuery, Problem, page_of, require_key
from cxm.lib.conditions import Condition

from . import improving, recovery
from .conditions import loaded
from .effects import report
from .errors import Refused
from .models import Case, Cause, Measure, Play, PlayAssignment
from .models.measures import CASES_PER_WEEK

router = Router(tags=["recovery"])
SHAPE = "A condition on cases; see the reference of conditions. Empty: every case of a known customer"


class PlayOut(Schema):
    id: UUID
    name: str
    kind: str = Field(description="call, apology, refund, fix or other")
    text: str
    condition: dict[str, Any] = Field(description=SHAPE)
    hold_out: float = Field(description="Share of the customers that chance holds out, 0 to 0.5")
    customers: int = Field(description="Customers in the test, both arms together")
    window_days: int
    cost: float
    currency: str
    position: int
    state: str = Field(description="draft, running or ended")
    started_at: datetime | None
    full_at: datetime | None = Field(description="Since when the test has all its customers")
    ended_at: datetime | None


class PlayIn(Schema):
    name: str = Field(max_length=100)
    kind: str = "call"
    text: str = Field("", max_length=5000)
    condition: dict[str, Any] = Field({}, description=SHAPE)
    hold_out: float = Field(0.2, ge=0, le=0.5)
    customers: int = Field(400, ge=recovery.LEAST, le=recovery.MOST)
    window_days: int = Field(30, ge=1, le=365)
    cost: float = Field(0, ge=0, le=1e9)
    currency: str = Field("", max_length=3)
    position: int = Field(0, ge=0, le=1000)


class PlayEstimateOut(Schema):
    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str


class DifferenceOut(Schema):
    """Helped minus held out (or minus the others), with its 95 % interval."""

    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    n_before: int = Field(description="Customers held out, or others")
    n_after: int = Field(description="Customers with the play")


class EffectOut(Schema):
    outcome: str = Field(description="next_score, recovered, repeat_contact, churn or revenue")
    kind: str = Field(description="share (0 to 1), score (0 to 100 of the scale) or money")
    held_out: PlayEstimateOut
    helped: PlayEstimateOut
    difference: DifferenceOut
    result: str = Field(description="works, harms, no_evidence or too_early")
    bounds: tuple[float, float] | None = Field(
        description="Of the effect on those who answer either way, where the arms answer differently often"
    )


class PlayChangeOut(Schema):
    outcome: str
    kind: str
    others: PlayEstimateOut
    helped: PlayEstimateOut
    difference: DifferenceOut
    start_others: float | None
    start_helped: float | None


class PlayReportOut(Schema):
    has_test: bool
    assigned: int
    held_out: int
    counted: int
    waiting: int
    complete: bool
    cases: int
    done: int
    due: int
    done_anyway: int
    spent: float
    effects: list[EffectOut] = Field(description="Of a play with a test: as chance made the arms")
    cost: PlayEstimateOut | None = Field(description="Of a recovered customer; high is null where there is no end")
    smallest: float | None
    changes: list[PlayChangeOut] = Field(description="Of a play without a test: difference-in-differences")


class CarriedOutIn(Schema):
    cost: float | None = Field(None, ge=0, le=1e9, description="Where it was another than usual")


class AssignmentOut(Schema):
    case_id: UUID
    play_id: UUID
    customer_id: UUID
    arm: str = Field(description="play or held_out")
    reason: str = Field(description="chance, again, severe or no_test")
    place: int | None
    at: datetime
    done_at: datetime | None
    cost: float | None


class MeasureOut(Schema):
    id: UUID
    name: str
    text: str
    cause_id: int | None
    owner: str = Field(description="E-mail of the member; empty: nobody yet")
    due_on: date | None
    state: str = Field(description="planned, in_effect or dropped")
    metric: str
    filters: list[str]
    expected: float | None
    weeks: int
    in_effect_at: datetime | None

    @staticmethod
    def resolve_owner(one: Measure) -> str:
        return one.owner.email if one.owner else ""


class MeasureIn(Schema):
    name: str = Field(max_length=200)
    text: str = Field("", max_length=5000)
    cause_id: int | None = Field(None, ge=1, le=2**63 - 1)
    owner: str = Field("", max_length=254, description="E-mail of a member")
    due_on: date | None = None
    metric: str = Field(CASES_PER_WEEK, max_length=60, description=f"{CASES_PER_WEEK}, or the key of a metric")
    filters: list[str] = Field([], max_length=50)
    expected: float | None = None
    weeks: int = Field(12, ge=1, le=52)


class ImprovementOut(Schema):
    unit: str
    before: float | None
    after: float | None
    difference: DifferenceOut
    weeks: int
    result: str = Field(description="better, worse, no_evidence or too_early")
    as_expected: bool | None
    undecided: int


class EffectFrom(Schema):
    at: datetime | None = Field(None, description="Since when customers feel it; now unless told")


@contextmanager
def refusals() -> Iterator[None]:
    try:
        yield
    except Refused as refusal:
        raise Problem(422, "refused", str(refusal)) from refusal


def condition_in(said: dict[str, Any]) -> Condition | None:
    try:
        return loaded(said)
    except msgspec.ValidationError as error:
        raise Problem(422, "bad_condition", _("The condition is not complete.")) from error


def play_for(workspace: Workspace, play_id: UUID) -> Play:
    return get_object_or_404(Play, workspace=workspace, pk=play_id)


@router.get("/plays", response=PageOut[PlayOut], summary="List recovery plays")
def list_plays(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    return page_of(Play.objects.filter(workspace=require_key(request).workspace), query)


@router.post("/plays", response={201: PlayOut}, summary="Make a recovery play as a draft")
def create_play(request: HttpRequest, body: PlayIn) -> tuple[int, Play]:
    key = require_key(request, Role.ANALYST)
    values = {**body.dict(), "condition": condition_in(body.condition)}
    with refusals():
        return 201, recovery.save_play(workspace=key.workspace, by=key, **values)


@router.get("/plays/{uuid:play_id}", response=PlayOut, summary="Get a recovery play")
def get_play(request: HttpRequest, play_id: UUID) -> Play:
    return play_for(require_key(request).workspace, play_id)


@router.put("/plays/{uuid:play_id}", response=PlayOut, summary="Change a recovery play")
def change_play(request: HttpRequest, play_id: UUID, body: PlayIn) -> Play:
    """What defines the test stays as it is once the play has begun."""
    key = require_key(request, Role.ANALYST)
    play = play_for(key.workspace, play_id)
    values = {**body.dict(), "condition": condition_in(body.condition)}
    with refusals():
        return recovery.save_play(workspace=key.workspace, by=key, play=play, **values)


@router.post("/plays/{uuid:play_id}/start", response=PlayOut, summary="Start a recovery play")
def start_play(request: HttpRequest, play_id: UUID) -> Play:
    key = require_key(request, Role.ANALYST)
    play = play_for(key.workspace, play_id)
    with refusals():
        recovery.start_play(play=play, by=key)
    return play


@router.post("/plays/{uuid:play_id}/end", response=PlayOut, summary="End a recovery play")
def end_play(request: HttpRequest, play_id: UUID) -> Play:
    key = require_key(request, Role.ANALYST)
    play = play_for(key.workspace, play_id)
    with refusals():
        recovery.end_play(play=play, by=key)
    return play


@router.delete("/plays/{uuid:play_id}", response={204: None}, summary="Remove a draft of a recovery play")
def remove_play(request: HttpRequest, play_id: UUID) -> tuple[int, None]:
    key = require_key(request, Role.ANALYST)
    with refusals():
        recovery.remove_play(play=play_for(key.workspace, play_id), by=key)
    return 204, None


@router.get("/plays/{uuid:play_id}/effect", response=PlayReportOut, summary="What became of the customers of a play")
def play_effect(request: HttpRequest, play_id: UUID) -> dict[str, Any]:
    return asdict(report(play_for(require_key(request).workspace, play_id)))


@router.post("/plays/of/{uuid:case_id}/done", response=AssignmentOut, summary="Say that the play of a case was done")
def carry_out(request: HttpRequest, case_id: UUID, body: CarriedOutIn) -> PlayAssignment:
    key = require_key(request, Role.AGENT)
    case = get_object_or_404(Case, workspace=key.workspace, pk=case_id)
    with refusals():
        return recovery.carry_out(case=case, by=key, cost=body.cost)


@router.get("/measures", response=PageOut[MeasureOut], summary="List improvement measures")
def list_measures(request: HttpRequest, query: Query[PageQuery]) -> dict[str, Any]:
    rows = Measure.objects.filter(workspace=require_key(request).workspace).select_related("owner")
    return page_of(rows, query)


@router.post("/measures", response={201: MeasureOut}, summary="Make an improvement measure")
def create_measure(request: HttpRequest, body: MeasureIn) -> tuple[int, Measure]:
    key = require_key(request, Role.ANALYST)
    with refusals():
        return 201, improving.save_measure(workspace=key.workspace, by=key, **measure_in(key.workspace, body))


@router.put("/measures/{uuid:measure_id}", response=MeasureOut, summary="Change an improvement measure")
def change_measure(request: HttpRequest, measure_id: UUID, body: MeasureIn) -> Measure:
    key = require_key(request, Role.ANALYST)
    measure = get_object_or_404(Measure, workspace=key.workspace, pk=measure_id)
    values = measure_in(key.workspace, body)
    with refusals():
        return improving.save_measure(workspace=key.workspace, by=key, measure=measure, **values)


def measure_in(workspace: Workspace, body: MeasureIn) -> dict[str, Any]:
    values = body.dict()
    cause_id, owner = values.pop("cause_id"), values.pop("owner")
    values["cause"] = get_object_or_404(Cause, workspace=workspace, pk=cause_id) if cause_id else None
    values["owner"] = get_object_or_404(User, memberships__workspace=workspace, email__iexact=owner) if owner else None
    return values


@router.post("/measures/{uuid:measure_id}/effect", response=MeasureOut, summary="Say that a measure is in effect")
def take_effect(request: HttpRequest, measure_id: UUID, body: EffectFrom) -> Measure:
    key = require_key(request, Role.ANALYST)
    measure = get_object_or_404(Measure, workspace=key.workspace, pk=measure_id)
    with refusals():
        improving.take_effect(measure=measure, by=key, at=body.at)
    return measure


@router.get("/measures/{uuid:measure_id}/effect", response=ImprovementOut | None, summary="Did a measure help?")
def measure_effect(request: HttpRequest, measure_id: UUID) -> dict[str, Any] | None:
    """Null before it is in effect and a week is over."""
    workspace = require_key(request).workspace
    measure = get_object_or_404(Measure.objects.select_related("workspace"), workspace=workspace, pk=measure_id)
    with refusals():
        found = improving.improvement_of(measure)
    return asdict(found) if found else None
