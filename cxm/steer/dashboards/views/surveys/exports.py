"""Exports of responses: ask for one, see how far it is, fetch it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.access import may_export_personal, membership_for, require
from cxm.accounts.models import Role
from cxm.listen.surveys.wordings import definition_of
from cxm.steer.dashboards import jobs
from cxm.steer.dashboards.models import ResultsExport
from cxm.steer.dashboards.surveys import exporting, files
from cxm.steer.dashboards.surveys.results import Results
from cxm.steer.dashboards.views import person

from . import context_of, opened, survey_for

SHOWN = 20


@require_http_methods(["GET", "HEAD", "POST"])
def export(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, results, reading = opened(request, slug, survey_id)
    if request.method == "POST":
        require(membership, Role.AGENT)
        personal = request.POST.get("personal") == "1"
        if personal and not may_export_personal(membership):
            raise PermissionDenied
        return _ask(request, results, slug, personal=personal)
    made = ResultsExport.objects.filter(survey=results.survey)[:SHOWN]
    context = context_of(request, membership, results, reading) | {
        "tab": "export",
        "exports": [(one, 100 * one.done / one.total if one.total else None) for one in made],
        "running": any(one.state in {"waiting", "running"} for one in made),
        "forms": ResultsExport.Form.choices,
        "languages": languages_of(results),
        "may_personal": may_export_personal(membership),
    }
    if request.headers.get("HX-Request"):
        return render(request, "results/_exports.html", context)
    return render(request, "results/export.html", context)


def languages_of(results: Results) -> list[str]:
    """The survey's languages, the reader's first where it is one of them."""
    version = results.survey.versions.order_by("-number").first()
    known = definition_of(version).languages if version else []
    return sorted(known, key=lambda one: one != results.language) or [results.language]


def _ask(request: HttpRequest, results: Results, slug: str, *, personal: bool) -> HttpResponse:
    form, language = request.POST.get("form", ""), request.POST.get("language", "")
    if form not in ResultsExport.Form.values or language not in languages_of(results):
        messages.error(request, _("Choose a form and a language of the list."))
        return redirect("results:export", slug=slug, survey_id=results.survey.pk)
    made = exporting.ask_for(
        survey=results.survey, form=form, language=language, codes=request.POST.get("codes") == "1",
        view=results.view, by=person(request), personal=personal,
    )  # fmt: skip
    jobs.run_export.enqueue(str(made.pk))
    return redirect("results:export", slug=slug, survey_id=results.survey.pk)


@require_safe
def fetch(request: HttpRequest, slug: str, survey_id: int, export_id: UUID) -> HttpResponseBase:
    membership = membership_for(request.user, slug)
    survey = survey_for(membership, survey_id)
    one = ResultsExport.objects.filter(survey=survey, pk=export_id, state=ResultsExport.State.DONE).first()
    if one is None or not (file := exporting.file_of(one)).exists():
        raise Http404
    if one.personal and not may_export_personal(membership):
        raise PermissionDenied
    name = f"{slugify(survey.name) or survey.key}-{one.created_at:%Y-%m-%d}.{files.SUFFIXES[one.form]}"
    return FileResponse(file.open("rb"), as_attachment=True, filename=name, content_type=files.TYPES[one.form])
