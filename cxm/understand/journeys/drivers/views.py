"""The list of driver models, one model with its figures, and its form."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.lib.csv import stream
from cxm.record.eventlog.engine import EventlogError
from cxm.understand.journeys.models import DriverModel

from . import actions, jobs, pictures, queries, showing
from .computing import definition_of, findings_of
from .errors import Refused, told
from .forms import DriverModelForm
from .wording import Names, outcome_said


def context_of(membership: Membership, **more: Any) -> dict[str, Any]:
    return {
        "membership": membership, "workspace": membership.workspace, "tab": "drivers",
        "may_change": Role(membership.role).includes(Role.ANALYST), **more,
    }  # fmt: skip


def model_for(membership: Membership, model_id: UUID) -> DriverModel:
    rows = DriverModel.objects.select_related("workspace")
    return get_object_or_404(rows, workspace=membership.workspace, pk=model_id)


def enqueue(model: DriverModel) -> None:
    transaction.on_commit(lambda: jobs.compute_model.enqueue(str(model.pk)))


@require_safe
def show_list(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    rows = [showing.row_of(one) for one in queries.models_of(membership.workspace)]
    asked = True
    if not rows:
        try:
            asked = bool(queries.scored_questions(membership.workspace))
        except EventlogError:
            asked = True
    return render(request, "drivers/list.html", context_of(membership, rows=rows, asked=asked))


@require_safe
def show(request: HttpRequest, slug: str, model_id: UUID) -> HttpResponse:
    """A result that is half a day old is computed anew when somebody looks at it; the old one is shown until then."""
    membership = membership_for(request.user, slug)
    model = model_for(membership, model_id)
    if actions.is_stale(model) and actions.want_model(model=model, by=membership.user):
        enqueue(model)
        model.refresh_from_db()
    definition, findings = definition_of(model), findings_of(model)
    names = Names(membership.workspace, definition.drivers)
    shown = context_of(
        membership, model=model, outcome=outcome_said(definition.outcome), problem=told(model.problem),
        said=showing.said_of(membership.workspace, definition, findings, names) if findings else None,
        bars=pictures.importance_bars(findings, names) if findings else None,
        map=pictures.importance_map(findings, names) if findings else None,
        findings=findings, definition=definition,
    )  # fmt: skip
    fragment = request.headers.get("HX-Request") and model.is_under_way
    return render(request, "drivers/_progress.html" if fragment else "drivers/show.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, slug: str, model_id: UUID | None = None) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    workspace = membership.workspace
    model = model_for(membership, model_id) if model_id else None
    definition = definition_of(model) if model else None
    initial = {"name": model.name} if model else {"outcome": request.GET.get("outcome", "")}
    form = DriverModelForm(request.POST or None, workspace=workspace, definition=definition, initial=initial)
    if request.method == "POST" and form.is_valid():
        name, chosen = form.cleaned_data["name"], form.chosen()
        try:
            if model:
                saved = actions.change_model(model=model, name=name, definition=chosen, by=membership.user)
            else:
                saved = actions.create_model(workspace=workspace, name=name, definition=chosen, by=membership.user)
        except Refused as refused:
            form.add_error(None, str(refused))
        else:
            if saved.is_under_way:
                enqueue(saved)
            return redirect("drivers:show", slug, saved.pk)
    shown = context_of(membership, form=form, model=model)
    return render(request, "drivers/edit.html", shown, status=422 if form.is_bound else 200)


@require_POST
def compute(request: HttpRequest, slug: str, model_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    model = model_for(membership, model_id)
    if actions.want_model(model=model, by=membership.user):
        enqueue(model)
    return redirect("drivers:show", slug, model.pk)


@require_POST
def remove(request: HttpRequest, slug: str, model_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug, Role.ANALYST)
    model = model_for(membership, model_id)
    actions.remove_model(model=model, by=membership.user)
    messages.success(request, _("“%(name)s” is removed.") % {"name": model.name})
    return redirect("drivers:list", slug)


@require_safe
def export(request: HttpRequest, slug: str, model_id: UUID) -> StreamingHttpResponse:
    membership = membership_for(request.user, slug)
    model = model_for(membership, model_id)
    rows = showing.table_rows(membership.workspace, model)
    response = StreamingHttpResponse(stream(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{slugify(model.name) or "drivers"}.csv"'
    return response
