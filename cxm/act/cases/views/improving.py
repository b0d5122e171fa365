"""Pages of improvement measures: the list, and one measure with its form and its effect."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role, Workspace
from cxm.act.cases import improving
from cxm.act.cases.errors import Refused
from cxm.act.cases.models import Measure
from cxm.act.cases.recovery_forms import MeasureForm
from cxm.act.cases.recovery_words import improvement_said
from cxm.understand.metrics.asking import BadTime, read_time

from .recovery import context_of


def measure_for(workspace: Workspace, measure_id: UUID) -> Measure:
    return get_object_or_404(Measure.objects.select_related("workspace", "cause"), workspace=workspace, pk=measure_id)


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    rows = Measure.objects.filter(workspace=membership.workspace).select_related("cause", "owner")
    return render(
        request,
        "recovery/measures.html",
        context_of(membership, measures=rows.order_by("state", "due_on", "created_at")),
    )


@require_safe
def show(request: HttpRequest, slug: str, measure_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug)
    measure = measure_for(membership.workspace, measure_id)
    problem, found = "", None
    try:
        found = improving.improvement_of(measure)
    except Refused as refusal:
        problem = str(refusal)
    shown = context_of(membership, measure=measure, effect=found and improvement_said(found, measure), problem=problem)
    return render(request, "recovery/measure.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, measure_id: UUID | None = None) -> HttpResponse:
    """A new measure, or a change of one. The address may fill the form in: causes, maps and drivers lead here."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    workspace = membership.workspace
    measure = measure_for(workspace, measure_id) if measure_id else None
    asked = {} if measure else {name: request.GET[name] for name in MeasureForm.ASKED if name in request.GET}
    form = MeasureForm(request.POST or None, workspace=workspace, measure=measure, initial=asked)
    if request.method == "POST" and form.is_valid():
        try:
            saved = improving.save_measure(workspace=workspace, by=membership.user, measure=measure, **form.values())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The measure is saved."))
            return redirect("recovery:measure", slug, saved.pk)
    shown = context_of(membership, form=form, measure=measure)
    return render(request, "recovery/edit_measure.html", shown, status=422 if form.is_bound else 200)


@require_POST
def do(request: HttpRequest, slug: str, measure_id: UUID, deed: str) -> HttpResponse:
    """It takes effect, or is dropped."""
    membership = membership_for(request.user, slug, Role.ANALYST)
    measure = measure_for(membership.workspace, measure_id)
    try:
        if deed == "effect":
            at = read_time(str(request.POST.get("at") or ""), membership.workspace.time_zone)
            improving.take_effect(measure=measure, by=membership.user, at=at)
        elif deed == "drop":
            improving.drop_measure(measure=measure, by=membership.user)
        else:
            raise Http404
    except (Refused, BadTime) as refusal:
        messages.error(request, str(refusal))
    return redirect("recovery:measure", slug, measure.pk)
