"""The public results: their switch for members, and the page that everybody with the address may read."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from cxm.accounts.models import Role
from cxm.listen.surveys.models import Survey
from cxm.steer.dashboards.address import View
from cxm.steer.dashboards.asking import UNANSWERED, sentence
from cxm.steer.dashboards.surveys import people
from cxm.steer.dashboards.surveys.results import results_of
from cxm.steer.dashboards.surveys.sharing import LEAST_ANSWERS, public_questions, stop_sharing
from cxm.steer.dashboards.surveys.sharing import share as share_results
from cxm.steer.dashboards.views import person

from . import context_of, opened


@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, results, reading = opened(request, slug, survey_id, Role.ANALYST)
    survey = results.survey
    if request.method == "POST":
        if request.POST.get("do") == "stop":
            stop_sharing(survey=survey, by=person(request))
        else:
            share_results(survey=survey, by=person(request))
        return redirect("results:share", slug=slug, survey_id=survey_id)
    context = context_of(request, membership, results, reading)
    if survey.results_token:
        context["public_url"] = settings.BASE_URL + reverse("public_results", args=[survey.results_token])
    return render(request, "results/share.html", context)


@login_not_required
@never_cache
@require_safe
def public(request: HttpRequest, token: str) -> HttpResponse:
    """Aggregates only; see surveys.sharing for what is held back."""
    survey = Survey.objects.select_related("workspace").filter(results_token=token, workspace__deleted_at=None).first()
    if survey is None or not token or not constant_time_compare(survey.results_token, token):
        raise Http404
    results = results_of(survey, View(period="all", comparison="none"), timezone.now())
    context = {"survey": survey, "public": True, "least": LEAST_ANSWERS}
    try:
        overview = people.overview(people.responses_of(survey, results.scope))
        context["enough"] = overview.completed >= LEAST_ANSWERS
        context["completed"] = overview.completed
        context["questions"] = public_questions(results)
    except UNANSWERED as error:
        context["refused"] = sentence(error)
    response = render(request, "results/public.html", context)
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Referrer-Policy"] = "no-referrer"
    return response
