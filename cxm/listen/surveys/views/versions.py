"""The versions of a survey, and how they differ."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from cxm.listen.surveys import actions
from cxm.listen.surveys.kinds import KIND
from cxm.listen.surveys.models import Version
from cxm.listen.surveys.queries import draft_of
from cxm.listen.surveys.wording import Difference, differences

from . import context_for, language_of, person, survey_for

WHAT: dict[str, Promise] = {
    "added": gettext_lazy("New"),
    "removed": gettext_lazy("Removed"),
    "moved": gettext_lazy("The order has changed"),
    "kind": gettext_lazy("Another kind of question: the trend breaks here"),
    "scale": gettext_lazy("Another scale: the trend breaks here"),
    "wording": gettext_lazy("Another wording"),
    "choices": gettext_lazy("Other choices"),
    "logic": gettext_lazy("Shown, required or checked in another way"),
    "changed": gettext_lazy("Changed"),
}
PARTS: dict[str, Promise] = {
    "pages": gettext_lazy("Pages and sections"),
    "rules": gettext_lazy("Rules"),
    "quotas": gettext_lazy("Quotas"),
    "endings": gettext_lazy("End screens"),
    "look": gettext_lazy("Look"),
    "languages": gettext_lazy("Languages"),
    "title": gettext_lazy("Title"),
    "intro": gettext_lazy("Introduction"),
    "purpose": gettext_lazy("Who gets the answers, and what for"),
}


def named(found: list[Difference]) -> list[dict[str, Any]]:
    """Differences as a table shows them."""
    return [
        {
            "name": one.name or PARTS.get(one.place.part, ""),
            "what": WHAT[one.what],
            "breaks": one.what in ("kind", "scale"),
            "before": KIND[one.before].name if one.what == "kind" else one.before,
            "after": KIND[one.after].name if one.what == "kind" else one.after,
        }
        for one in found
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def versions(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, survey = survey_for(request, slug, survey_id)
    if request.method == "POST":
        number = request.POST.get("number", "")
        try:
            actions.restore_version(survey=survey, number=int(number) if number.isdigit() else 0, by=person(request))
        except actions.SurveyRefused as error:
            messages.error(request, str(error))
            return redirect("surveys:versions", slug=slug, survey_id=survey.pk)
        messages.success(
            request, _("The draft is as version %(number)s was. “Undo” takes that back.") % {"number": number}
        )
        return redirect("surveys:edit", slug=slug, survey_id=survey.pk)
    rows = list(Version.objects.filter(survey=survey).select_related("published_by").order_by("-number"))
    definition = draft_of(survey)
    language = language_of(request, definition)
    chosen = [request.GET.get(name, "") for name in ("from", "to")]
    context = context_for(membership, survey, "versions", definition=definition, versions=rows, language=language)
    if rows:
        by_number = {str(one.number): one.definition for one in rows} | {"draft": survey.draft}
        first = chosen[0] if chosen[0] in by_number else str(rows[0].number)
        second = chosen[1] if chosen[1] in by_number else "draft"
        if any(one and one not in by_number for one in chosen):
            raise Http404
        before, after = (actions.read_definition(by_number[one]) for one in (first, second))
        context |= {"first": first, "second": second, "changed": named(differences(before, after, language))}
    return render(request, "surveys/versions.html", context)
