"""Texts with search, two questions crossed, waves and groups compared, and questions combined over surveys."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cxm.accounts.access import membership_for
from cxm.lib import numbers
from cxm.steer.dashboards.address import View, read
from cxm.steer.dashboards.asking import UNANSWERED, sentence
from cxm.steer.dashboards.names import GRAINS
from cxm.steer.dashboards.surveys import asking, crosstabs, roles, waves
from cxm.steer.dashboards.surveys.results import Results
from cxm.steer.dashboards.views import page_context, plain_address

from . import context_of, opened

TEXTS = 50  # on one page


def whole(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


@require_safe
def texts(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, results, reading = opened(request, slug, survey_id)
    search = request.GET.get("search", "").strip()[:200].replace("\x00", "")
    written = [one for one in results.questions if one.kind in {"short_text", "long_text"}]
    names = {one.newest.explains or one.id: one for one in written}
    chosen = request.GET.get("q", "")
    wanted = [name for name, one in names.items() if chosen in {name, one.id}] if chosen else list(names)
    if chosen and not wanted and results.question(chosen):
        wanted = [chosen]  # the texts of "other" of a choice
    page = whole(request.GET.get("page", "1"))
    context = context_of(request, membership, results, reading) | {
        "tab": "texts",
        "search": search,
        "chosen": chosen,
        "text_questions": [(one.id, one.title(results.language)) for one in written],
    }
    try:
        rows, total = asking.texts(
            results.asking, [*wanted, *(names[name].id for name in wanted if name in names)], search=search, page=page,
            size=TEXTS,
        )  # fmt: skip
    except UNANSWERED as error:
        return render(request, "results/texts.html", context | {"refused": sentence(error)})
    pages: Paginator[int] = Paginator(range(total), TEXTS)
    context |= {
        "rows": [(row, _title(results, row.question)) for row in rows],
        "total": total,
        "page_obj": pages.get_page(page),
    }
    return render(request, "results/texts.html", context)


def _title(results: Results, name: str) -> str:
    asked = results.question(name)
    return asked.title(results.language) if asked else name


@require_safe
def crosstab(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, results, reading = opened(request, slug, survey_id)
    sides = crosstabs.sides_of(results)
    names = {side.name: side for side in sides}
    first = names.get(request.GET.get("a", ""), sides[0] if sides else None)
    second = names.get(request.GET.get("b", ""), sides[1] if len(sides) > 1 else None)
    context = context_of(request, membership, results, reading) | {
        "tab": "crosstab",
        "sides": sides,
        "first": first,
        "second": second,
        "more_fields": "results/_two_questions.html",
    }
    if first is None or second is None:
        return render(request, "results/crosstab.html", context | {"refused": _("This needs two questions to choose.")})
    if first is second or first.name == second.name:
        return render(request, "results/crosstab.html", context | {"refused": _("Choose two different questions.")})
    try:
        table = crosstabs.crosstab(results, first, second)
    except UNANSWERED as error:
        return render(request, "results/crosstab.html", context | {"refused": sentence(error)})
    context |= {
        "table": table,
        "heads": list(zip(table.columns, [numbers.amount(one, "count") for one in table.totals], strict=True)),
    }
    return render(request, "results/crosstab.html", context)


@require_safe
def compare(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, results, reading = opened(request, slug, survey_id)
    choices: list[tuple[str, Any]] = [(grain, GRAINS[grain]) for grain in waves.GRAINS]
    choices.append((waves.VERSION, waves.by_name(waves.VERSION)))
    context = context_of(request, membership, results, reading)
    choices += [
        (field.name, field.label) for field in context["fields"] if not field.name.startswith(asking.ANSWER)
    ]  # fmt: skip
    by = results.view.by or "month"
    context |= {"tab": "compare", "by": by, "by_choices": choices, "more_fields": "results/_compare_by.html"}
    if by not in dict(choices):
        return render(request, "results/compare.html", context | {"refused": _("Choose of the list what to compare.")})
    try:
        context["comparison"] = waves.compared(results, by)
    except UNANSWERED as error:
        context["refused"] = sentence(error)
    return render(request, "results/compare.html", context)


@require_safe
def combined(request: HttpRequest, slug: str) -> HttpResponse:
    """Questions that ask the same thing in several surveys, put together by their role."""
    membership = membership_for(request.user, slug)
    reading = read(request.GET, View(comparison="none"))
    if short := plain_address(request, reading):
        return short
    today = timezone.localdate()
    days = reading.view.days(today)
    context = page_context(membership, reading.view, days, None) | {"problems": reading.problems}
    context["role"] = request.GET.get("role", "")[:100]
    try:
        context["found"] = roles.combined(
            membership.workspace, days, reading.view.filters, context["role"], get_language() or "en"
        )
    except UNANSWERED as error:
        context["refused"] = sentence(error)
    return render(request, "results/combined.html", context)
