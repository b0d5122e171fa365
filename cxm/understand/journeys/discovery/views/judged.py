"""Paths taken and groups of journeys, each with how its journeys were judged."""

from __future__ import annotations

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from cxm.understand.journeys.discovery.grouping import MOST_GROUPS
from cxm.understand.journeys.discovery.grouping import groups as find_groups
from cxm.understand.journeys.discovery.outcomes import Outcome, asked_outcomes
from cxm.understand.journeys.discovery.paths import OUTCOME_NAMES, paths_of, score_chart
from cxm.understand.journeys.discovery.reading import texts, whole
from cxm.understand.journeys.steps.funnels import MOST_STEPS

from . import Page, answering


def outcome_of(page: Page, available: list[Outcome]) -> Outcome | None:
    """The kind of score that the address asks for; the most answered one unless told."""
    wanted = page.request.GET.get("outcome", "")
    return next((one for one in available if one == wanted), available[0] if available else None)


@require_safe
@answering
def variants(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    page = Page(request, slug, process_id)
    available = asked_outcomes(page.workspace.pk)
    outcome = outcome_of(page, available)
    found = paths_of(page.process, page.scope, outcome, texts(request.GET, "expected"))
    rows = [
        (
            one,
            [page.named(label) for label in one.path],
            page.journeys_url(path=str(one.key)),
            page.url("variants", expected=one.path, outcome=outcome or ""),
            page.url("funnel", funnel=list(dict.fromkeys(one.path))[:MOST_STEPS]),
        )
        for one in found.rows
    ]
    return page.show(
        "journeys/paths/variants.html", "variants", found=found, rows=rows, outcome=outcome,
        outcomes=[(one, OUTCOME_NAMES[one]) for one in available],
        expected=[page.named(label) for label in found.expected],
        chart=score_chart(found), sql=found.sql, csv_url=page.csv_url("variants", outcome=outcome or ""),
    )  # fmt: skip


@require_safe
@answering
def groups(request: HttpRequest, slug: str, process_id: int) -> HttpResponseBase:
    page = Page(request, slug, process_id)
    wanted = min(whole(request.GET, "groups"), MOST_GROUPS)
    available = asked_outcomes(page.workspace.pk)
    outcome = outcome_of(page, available)
    found = find_groups(page.process, page.scope, wanted, outcome)
    rows = [
        (
            one,
            [(mark, page.named(mark.label)) for mark in one.marks],
            [(page.named(label), mean) for label, mean in one.common],
            page.journeys_url(group=str(one.number), groups=str(wanted) if wanted else ""),
            [page.named(label) for label in one.path],
        )
        for one in found.groups
    ]
    return page.show(
        "journeys/paths/groups.html", "groups", found=found, rows=rows, wanted=wanted, outcome=outcome,
        outcomes=[(one, OUTCOME_NAMES[one]) for one in available], choices=range(2, MOST_GROUPS + 1),
        unit="points" if outcome == "nps" else "score", sql=found.sql,
        csv_url=page.csv_url("groups", groups=str(wanted) if wanted else "", outcome=outcome or ""),
    )  # fmt: skip
