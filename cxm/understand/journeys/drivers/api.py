"""REST: driver models with their figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from django.db import transaction
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from ninja import Field, Router, Schema, Status

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import Problem, require_key
from cxm.understand.journeys.models import DriverModel

from . import actions, jobs
from .computing import definition_of, findings_of
from .definition import Driver, DriverDefinition, Findings, Found, Numbers, Outcome
from .errors import Refused, told
from .fitting import to_fix
from .queries import models_of
from .wording import Names, outcome_said

router = Router(tags=["drivers"])
WHOLE = 2**31 - 1


class OutcomeIn(Schema):
    kind: Literal["answer", "left", "returned"] = Field("answer", description="A question, or what customers did")
    metric: str = Field("", max_length=50, description="Of an answer: nps, csat, ces or rating")
    question: str = Field("", max_length=500)
    days: int = Field(90, ge=1, le=3650, description="Within which a customer returns")


class DriverIn(Schema):
    kind: Literal["rating", "topic", "fact", "passed", "group"]
    key: str = Field(
        max_length=500,
        description="The question, the topic's key, the fact (contacts, waiting, hand_overs, reopened, days_late), the"
        " step, or the field of the group (property.NAME, trait.NAME)",
    )
    metric: str = Field("", max_length=50, description="Of a rating")
    process: int = Field(0, ge=0, le=WHOLE, description="Of a step: the number of its process")
    value: str = Field("", max_length=500, description="Of a group")
    target: float | None = Field(None, ge=-1e9, le=1e9, description="What would be good enough, in the driver's unit")
    owner: int | None = Field(None, ge=1, le=WHOLE, description="Number of the member who answers for it")


class DefinitionIn(Schema):
    outcome: OutcomeIn
    drivers: list[DriverIn] = Field(max_length=100)
    missing: Literal["complete", "mean"] = "complete"
    window_days: int = Field(90, ge=1, le=3650)
    period_days: int = Field(0, ge=0, le=36500, description="0: all outcomes")
    filters: list[str] = Field([], max_length=50, description="field:operator:value, as for metrics")
    weighted: bool = False


class ModelIn(Schema):
    name: str = Field(max_length=200)
    definition: DefinitionIn


class ModelChange(Schema):
    """What is left out stays as it is."""

    name: str | None = Field(None, max_length=200)
    definition: DefinitionIn | None = None


class NumbersOut(Schema):
    value: float
    low: float | None
    high: float | None


class FoundOut(Schema):
    name: str = Field(description="In the language of Accept-Language")
    driver: DriverIn
    share: NumbersOut = Field(description="Of the outcome's variation; the shares add up to r2")
    p_value: float = Field(description="That noise gets as much, over all drivers together")
    matters: bool
    places: tuple[int, int] = Field(description="Best and worst place that the data leave open")
    vif: float | None = Field(description="Variance inflation; null: it follows from other drivers")
    standardised: float | None
    slope: float
    mean: float
    n: int
    missing: int
    target: float
    at_target: NumbersOut
    concerned: float
    distance: float
    step: NumbersOut = Field(description="Change of the outcome if the driver were one point better")
    gain: NumbersOut = Field(description="Change of the outcome if all reached the target")
    fix: int | None = Field(description="Its place in what to fix first")


class FindingsOut(Schema):
    rows: int
    n: int
    unit: str
    mean: float
    r2: NumbersOut
    adjusted_r2: float | None
    condition: float | None
    error: float
    drivers: list[FoundOut]
    left_out: list[dict[str, Any]]
    sql: list[str]


class ModelOut(Schema):
    id: UUID
    name: str
    outcome: str
    definition: DefinitionIn
    under_way: bool
    computed_at: datetime | None
    problem: str = Field(description="Why there are no figures; empty: there are, or they are under way")
    findings: FindingsOut | None


def model_for(key: ApiKey, model_id: UUID) -> DriverModel:
    found = DriverModel.objects.select_related("workspace").filter(workspace=key.workspace, pk=model_id).first()
    if found is None:
        raise Http404
    return found


@contextmanager
def problems() -> Iterator[None]:
    try:
        yield
    except Refused as error:
        raise Problem(422, "refused", str(error)) from error


def _definition(said: DefinitionIn) -> DriverDefinition:
    try:
        return msgspec.convert(said.dict(), DriverDefinition)
    except msgspec.ValidationError as error:
        raise Problem(422, "bad_definition", _("The definition cannot be read.")) from error


def _numbers(one: Numbers) -> NumbersOut:
    return NumbersOut(value=one.value, low=one.low, high=one.high)


def _driver(one: Driver) -> DriverIn:
    return DriverIn(**msgspec.to_builtins(one))


def _outcome(one: Outcome) -> OutcomeIn:
    return OutcomeIn(**msgspec.to_builtins(one))


def _found(one: Found, names: Names, fixes: dict[str, int]) -> FoundOut:
    return FoundOut(
        name=names.of(one.driver), driver=_driver(one.driver), share=_numbers(one.share), p_value=one.p_value,
        matters=one.matters, places=(one.first, one.last), vif=one.vif, standardised=one.standardised,
        slope=one.slope, mean=one.mean, n=one.n, missing=one.missing, target=one.target,
        at_target=_numbers(one.at_target), concerned=one.concerned, distance=one.distance, step=_numbers(one.step),
        gain=_numbers(one.gain), fix=fixes.get(one.driver.name),
    )  # fmt: skip


def _findings(found: Findings, definition: DriverDefinition, names: Names) -> FindingsOut:
    fixes = {one.driver.name: place for place, (one, _gain) in enumerate(to_fix(found, definition.outcome.kind), 1)}
    return FindingsOut(
        rows=found.rows, n=found.n, unit=found.unit, mean=found.mean, r2=_numbers(found.r2),
        adjusted_r2=found.adjusted_r2, condition=found.condition, error=found.error,
        drivers=[_found(one, names, fixes) for one in found.found],
        left_out=[{"driver": _driver(one.driver), "reason": one.reason, "known": one.known} for one in found.left_out],
        sql=[one.sql for one in found.asked],
    )  # fmt: skip


def _out(model: DriverModel) -> ModelOut:
    definition, found = definition_of(model), findings_of(model)
    names = Names(model.workspace, definition.drivers)
    return ModelOut(
        id=model.pk, name=model.name, outcome=outcome_said(definition.outcome),
        definition=DefinitionIn(
            outcome=_outcome(definition.outcome), drivers=[_driver(one) for one in definition.drivers],
            missing=definition.missing, window_days=definition.window_days, period_days=definition.period_days,
            filters=list(definition.filters), weighted=definition.weighted,
        ),
        under_way=model.is_under_way, computed_at=model.computed_at, problem=told(model.problem),
        findings=_findings(found, definition, names) if found else None,
    )  # fmt: skip


def _enqueue(model: DriverModel) -> None:
    transaction.on_commit(lambda: jobs.compute_model.enqueue(str(model.pk)))


@router.get("/drivers", response=list[ModelOut], summary="The driver models")
def list_models(request: HttpRequest) -> list[ModelOut]:
    rows = models_of(require_key(request).workspace).select_related("workspace")
    return [_out(one) for one in rows]


@router.post("/drivers", response={201: ModelOut}, summary="Make a driver model and have it computed")
def create_model(request: HttpRequest, wanted: ModelIn) -> Status[ModelOut]:
    key = require_key(request, Role.ANALYST)
    with problems():
        made = actions.create_model(
            workspace=key.workspace, name=wanted.name, definition=_definition(wanted.definition), by=key
        )
    _enqueue(made)
    return Status(201, _out(made))


@router.get("/drivers/{model_id}", response=ModelOut, summary="A driver model with its figures")
def show_model(request: HttpRequest, model_id: UUID) -> ModelOut:
    return _out(model_for(require_key(request), model_id))


@router.patch("/drivers/{model_id}", response=ModelOut, summary="Change a driver model")
def change_model(request: HttpRequest, model_id: UUID, change: ModelChange) -> ModelOut:
    key = require_key(request, Role.ANALYST)
    model = model_for(key, model_id)
    definition = _definition(change.definition) if change.definition else None
    with problems():
        kept = actions.change_model(model=model, name=change.name, definition=definition, by=key)
    if kept.is_under_way:
        _enqueue(kept)
    return _out(kept)


@router.post("/drivers/{model_id}/compute", response={202: ModelOut}, summary="Have a driver model computed anew")
def compute_model(request: HttpRequest, model_id: UUID) -> Status[ModelOut]:
    key = require_key(request, Role.ANALYST)
    model = model_for(key, model_id)
    if actions.want_model(model=model, by=key):
        _enqueue(model)
    return Status(202, _out(model_for(key, model_id)))


@router.delete("/drivers/{model_id}", response={204: None}, summary="Remove a driver model")
def remove_model(request: HttpRequest, model_id: UUID) -> Status[None]:
    key = require_key(request, Role.ANALYST)
    actions.remove_model(model=model_for(key, model_id), by=key)
    return Status(204, None)
