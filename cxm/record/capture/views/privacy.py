"""Privacy requests: what was asked about whom, how far it is, and asking for one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.access import membership_for
from cxm.accounts.models import Role
from cxm.record.capture import jobs, regulating
from cxm.record.capture.actions import Refused
from cxm.record.capture.forms import RegulationForm
from cxm.record.capture.models import Regulation, Suppression
from cxm.record.capture.queries import regulation_for, regulations_of

from .sources import context_of


@require_http_methods(["GET", "HEAD", "POST"])
def regulations(request: HttpRequest, slug: str) -> HttpResponse:
    posted = request.method == "POST"
    membership = membership_for(request.user, slug, Role.ADMIN if posted else Role.VIEWER)
    workspace = membership.workspace
    form = RegulationForm(request.POST or None)
    if posted and form.is_valid():
        try:
            made = regulating.create_regulation(
                workspace=workspace, kind=Regulation.Type(form.cleaned_data["type"]),
                subject_ids=form.cleaned_data["subject_ids"], by=membership.user,
            )  # fmt: skip
            if regulating.needs_job(made):
                jobs.run_regulation.enqueue(str(made.pk))
            messages.success(request, _("The privacy request is taken."))
            return redirect("sources:regulations", slug)
        except Refused as refusal:
            form.add_error("subject_ids", str(refusal))
    shown = {
        "page_obj": Paginator(regulations_of(workspace), 50).get_page(request.GET.get("page")), "form": form,
        "suppressed": Suppression.objects.filter(workspace=workspace).count(), "tab": "privacy",
    }  # fmt: skip
    return render(request, "sources/privacy.html", context_of(membership, **shown), status=422 if form.errors else 200)


@require_safe
def regulation(request: HttpRequest, slug: str, regulation_id: UUID) -> HttpResponse:
    membership = membership_for(request.user, slug)
    one = regulation_for(membership.workspace, regulation_id)
    active = one.status in {Regulation.Status.INITIALIZED, Regulation.Status.RUNNING}
    done = one.subjects - len(one.subject_ids)
    shown = {"one": one, "active": active, "progress": 100 * done / one.subjects if one.subjects else None}
    template = "sources/_regulation.html" if request.htmx else "sources/regulation.html"  # type: ignore[attr-defined]  # django-htmx
    return render(request, template, context_of(membership, tab="privacy", **shown))
