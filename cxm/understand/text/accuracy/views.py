"""The page "Accuracy": how right the tags are, what own labels bring, the experience score."""

from __future__ import annotations

from contextlib import suppress
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.record.eventlog.engine import EventlogError
from cxm.understand.text import own
from cxm.understand.text.deepening import read_by_both
from cxm.understand.text.experience import fitting, keeping
from cxm.understand.text.experience.jobs import calibrate as calibrate_job
from cxm.understand.text.learning.jobs import train_version
from cxm.understand.text.learning.labels import stock_of
from cxm.understand.text.learning.training import LEAST, LEAST_OF_A_CLASS
from cxm.understand.text.models import ExperienceModel, OwnModel
from cxm.understand.text.reading.reader import reader
from cxm.understand.text.rereading import rereading_of

from . import cards, wording

SHOWN = 10  # versions
STOCK_HOLDS = 60  # seconds: counting looks at every comment


@require_safe
def show(request: HttpRequest, slug: str) -> HttpResponse:
    """The whole page; while something is being made, htmx asks for its middle again and again."""
    membership = membership_for(request.user, slug)
    context = context_of(membership)
    if request.htmx:  # type: ignore[attr-defined]  # django-htmx
        return render(request, "text/_accuracy.html", context)
    with suppress(EventlogError):
        context["both"] = read_by_both(membership.workspace_id)
    return render(request, "text/accuracy.html", context | {"cards": cards.rows()})


def context_of(membership: Membership) -> dict[str, Any]:
    workspace = membership.workspace
    versions = list(OwnModel.objects.filter(workspace=workspace).select_related("created_by").defer("weights")[:SHOWN])
    usable = set(
        OwnModel.objects.filter(pk__in=[one.pk for one in versions]).exclude(weights=b"").values_list("pk", flat=True)
    )
    experience = keeping.model_of(workspace.pk)
    again = rereading_of(workspace)
    training = next((one for one in versions if one.state == OwnModel.State.TRAINING), None)
    context: dict[str, Any] = {
        "membership": membership, "workspace": workspace, "tab": "accuracy",
        "may_edit": Role(membership.role).includes(Role.ANALYST), "reader": reader().version,
        "may_ask_others": Role(membership.role).includes(Role.ADMIN),
        "versions": [(one, wording.compared_said(one.report), one.pk in usable) for one in versions],
        "training": training, "used": next((one for one in versions if one.is_used), None),
        "rereading": again if again and again.done_at is None else None,
        "experience": experience, "least": LEAST, "least_side": LEAST_OF_A_CLASS, "least_answers": fitting.LEAST,
        "waiting": training is not None or (experience is not None and experience.state == _WAITING),
    }  # fmt: skip
    if experience and experience.fitted:
        found = fitting.read(experience.fitted)
        context |= {
            "effects": [wording.effect_said(one) for one in found.effects], "explained": wording.explained_said(found),
        }  # fmt: skip
    try:
        stock = cache.get(key := f"text-stock-{workspace.pk}")
        if stock is None:
            cache.set(key, stock := stock_of(workspace.pk), STOCK_HOLDS)
        context |= {"stock": wording.stock_said(stock), "sides": wording.sides_said(stock.sides)}
    except EventlogError:
        context["problem"] = _("The event log does not answer just now. Try again in a moment.")
    return context


_WAITING = ExperienceModel.State.WAITING


@require_POST
def train(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    try:
        with transaction.atomic():
            version = own.new_version(workspace=membership.workspace, by=membership.user)
            transaction.on_commit(lambda: train_version.enqueue(str(version.pk)))
    except own.Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("text:settings", slug)


@require_POST
def use(request: HttpRequest, slug: str, version_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    version = get_object_or_404(OwnModel, workspace=membership.workspace, pk=version_id)
    try:
        own.use_version(version=version, by=membership.user)
    except own.Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Texts are read with version %(number)d from now on.") % {"number": version.number})
    return redirect("text:settings", slug)


@require_POST
def use_shipped(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    own.use_shipped(workspace=membership.workspace, by=membership.user)
    messages.success(request, _("Texts are read with the built-in model again."))
    return redirect("text:settings", slug)


@require_POST
def calibrate(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    with transaction.atomic():
        keeping.ask_for_calibration(workspace=membership.workspace, by=membership.user)
        transaction.on_commit(lambda: calibrate_job.enqueue(membership.workspace.pk))
    return redirect("text:settings", slug)
