"""The pages of results: what each of them starts with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils import timezone

from cxm.accounts.access import membership_for
from cxm.accounts.models import Membership, Role
from cxm.listen.surveys.models import Survey
from cxm.steer.dashboards.address import Reading, View, read, written
from cxm.steer.dashboards.names import GRAINS, OPERATORS
from cxm.steer.dashboards.surveys.results import Results, fields_of, filter_words, results_of, without_filter
from cxm.steer.dashboards.views import address, page_context


def survey_for(membership: Membership, survey_id: int) -> Survey:
    """The survey of that workspace; Http404 for any other id."""
    found = Survey.objects.filter(workspace=membership.workspace, pk=survey_id).first()
    if found is None:
        raise Http404
    found.workspace = membership.workspace
    return found


def opened(
    request: HttpRequest, slug: str, survey_id: int, at_least: Role = Role.VIEWER
) -> tuple[Membership, Results, Reading]:
    """Who asks, the results that the address shows, and what of the address could not be read."""
    membership = membership_for(request.user, slug, at_least)
    survey = survey_for(membership, survey_id)
    reading = read(request.GET, View(comparison="none"))
    view = replace(reading.view, weighted=False, options=())
    return membership, results_of(survey, view, timezone.now()), Reading(view, reading.problems)


def context_of(request: HttpRequest, membership: Membership, results: Results, reading: Reading) -> dict[str, Any]:
    """What every page of results needs: tabs, period, filters."""
    view, survey, slug = results.view, results.survey, membership.workspace.slug
    names = ("survey", "dropoff", "texts", "crosstab", "compare", "responses", "export")
    links = {name: address(reverse(f"results:{name}", args=[slug, survey.pk]), view) for name in names}
    role = Role(membership.role)
    return page_context(membership, view, results.days, None) | {
        "survey": survey,
        "results": results,
        "links": links,
        "problems": reading.problems,
        "grain_names": list(GRAINS.items()),
        "operator_names": list(OPERATORS.items()),
        "fields": fields_of(results),
        "chips": [
            {
                "text": filter_words(results, one),
                "written": written(one),
                "without_url": address(request.path, without_filter(view, one)),
            }
            for one in view.filters
        ],
        "may_handle": role.includes(Role.AGENT),
        "may_share": role.includes(Role.ANALYST),
    }
