"""REST: versions of a workspace's own heads, and the experience score of its interactions."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field, Router, Schema, Status

from cxm.accounts.models import ApiKey, Role
from cxm.accounts.rest import EstimateOut, Problem, require_key
from cxm.record.eventlog.engine import EventlogError
from cxm.stats.estimate import Estimate
from cxm.understand.text import own
from cxm.understand.text.experience import fitting, keeping
from cxm.understand.text.experience.jobs import calibrate as calibrate_job
from cxm.understand.text.learning.jobs import train_version
from cxm.understand.text.models import OwnModel

router = Router(tags=["text"])


class OwnModelOut(Schema):
    id: UUID
    number: int
    state: str = Field(description="training, ready, or refused: there were too few labels")
    is_used: bool
    progress: float = Field(description="0 to 100")
    problem: str
    reader: str = Field(description="The shipped weights that it was compared with")
    labels: dict[str, int] = Field(description="Texts by source: nps, csat, rating, correction")
    report: dict[str, Any] = Field(
        description="By kind of tag: macro-F1 before (shipped), after (own), their difference, each with low, high, n"
    )
    seconds: float | None
    created_at: datetime


class EffectOut(Schema):
    signal: str = Field(description="sentiment, silent, effort, first_answer, solution, handovers or repeats")
    ratio: EstimateOut = Field(description="The odds of a higher answer times this, for one more of the signal")
    typical: float


class ExperienceModelOut(Schema):
    state: str = Field(description="waiting, done, or refused: there are not enough answers yet")
    enough: bool = Field(description="Whether it predicts unseen answers better than their mean; only then it scores")
    answers: int
    scale: str
    r_squared: EstimateOut | None = Field(description="Share of the variance of unseen answers that it explains")
    effects: list[EffectOut]
    calibrated_at: datetime | None


class ShareOut(Schema):
    signal: str
    number: float
    ratio: float = Field(description="The odds of a higher answer times this, against a typical interaction")


class ExperienceOut(Schema):
    ticket_id: str
    expected: EstimateOut = Field(description="The answer to expect, on the scale of the answers")
    lowest: float
    highest: float
    satisfied: float = Field(description="Probability of one of the two highest answers, 0 to 1")
    mean: float = Field(description="The mean of all answers")
    shares: list[ShareOut]


def _figure(one: Estimate) -> dict[str, Any]:
    return {"value": one.value, "low": one.low, "high": one.high, "n": one.n}


def _version(key: ApiKey, model_id: UUID) -> OwnModel:
    return get_object_or_404(OwnModel.objects.select_related("workspace"), workspace=key.workspace, pk=model_id)


@router.get("/text/models", response=list[OwnModelOut], summary="The newest versions of the workspace's own model")
def list_models(request: HttpRequest) -> Any:
    return OwnModel.objects.filter(workspace=require_key(request).workspace).defer("weights")[:50]


@router.post("/text/models", response={202: OwnModelOut}, summary="Train a version; ask for its state by its id")
def train(request: HttpRequest) -> Any:
    key = require_key(request, Role.ANALYST)
    try:
        with transaction.atomic():
            version = own.new_version(workspace=key.workspace, by=key)
            transaction.on_commit(lambda: train_version.enqueue(str(version.pk)))
    except own.Refused as refusal:
        raise Problem(409, "refused", str(refusal)) from refusal
    return Status(202, version)


@router.delete("/text/models/used", response={204: None}, summary="Read texts with the shipped model again")
def use_shipped(request: HttpRequest) -> Any:
    key = require_key(request, Role.ANALYST)
    own.use_shipped(workspace=key.workspace, by=key)
    return Status(204, None)


@router.get("/text/models/{model_id}", response=OwnModelOut, summary="One version with its accuracy")
def show_model(request: HttpRequest, model_id: UUID) -> Any:
    return _version(require_key(request), model_id)


@router.post("/text/models/{model_id}/use", response=OwnModelOut, summary="Read texts with this version")
def use_model(request: HttpRequest, model_id: UUID) -> Any:
    key = require_key(request, Role.ANALYST)
    version = _version(key, model_id)
    try:
        own.use_version(version=version, by=key)
    except own.Refused as refusal:
        raise Problem(409, "refused", str(refusal)) from refusal
    version.refresh_from_db()
    return version


@router.get("/text/experience", response=ExperienceModelOut, summary="The model of the experience score")
def show_experience(request: HttpRequest) -> Any:
    row = keeping.model_of(require_key(request).workspace.pk)
    if row is None:
        raise Problem(404, "not_found", _("The experience score has not been calibrated yet."))
    told: dict[str, Any] = {"scale": "", "r_squared": None, "effects": []}
    if row.fitted:
        found = fitting.read(row.fitted)
        told = {
            "scale": found.scale, "r_squared": _figure(found.r_squared),
            "effects": [{"signal": one.signal, "ratio": _figure(one.ratio), "typical": one.typical}
                        for one in found.effects],
        }  # fmt: skip
    return {
        "state": row.state, "enough": row.enough, "answers": row.answers, "calibrated_at": row.calibrated_at, **told
    }  # fmt: skip


@router.post("/text/experience", response={202: None}, summary="Calibrate the experience score anew")
def calibrate(request: HttpRequest) -> Any:
    key = require_key(request, Role.ANALYST)
    with transaction.atomic():
        keeping.ask_for_calibration(workspace=key.workspace, by=key)
        transaction.on_commit(lambda: calibrate_job.enqueue(key.workspace.pk))
    return Status(202, None)


@router.get("/text/experience/{ticket_id}", response=ExperienceOut, summary="The experience score of a ticket or case")
def experience_of(request: HttpRequest, ticket_id: str) -> Any:
    """A case is named `case-NUMBER`. 404 while there are not enough answers, or for a ticket that nobody knows."""
    key = require_key(request)
    try:
        found = keeping.experience_of(key.workspace.pk, ticket_id)
    except EventlogError as error:
        raise Problem(503, "log_away", _("The event log does not answer just now. Try again in a moment.")) from error
    if found is None:
        raise Problem(404, "not_found", _("There is no experience score of this ticket."))
    return {
        "ticket_id": ticket_id, "expected": _figure(found.expected), "lowest": found.lowest, "highest": found.highest,
        "satisfied": found.satisfied, "mean": found.mean,
        "shares": [{"signal": one.signal, "number": one.number, "ratio": one.ratio} for one in found.shares],
    }  # fmt: skip
