"""Summary and drop-off: each question with its figures and charts, and how far people came."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cxm.lib import numbers
from cxm.lib.charts import Bar, Bars
from cxm.steer.dashboards.asking import UNANSWERED, sentence
from cxm.steer.dashboards.surveys import people
from cxm.steer.dashboards.surveys.results import shown_questions
from cxm.steer.dashboards.views import plain_address

from . import context_of, opened


@require_safe
def summary(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, results, reading = opened(request, slug, survey_id)
    if short := plain_address(request, reading):
        return short
    context = context_of(request, membership, results, reading) | {"tab": "summary"}
    try:
        context |= {
            "overview": people.overview(people.responses_of(results.survey, results.scope)),
            "questions": shown_questions(results),
        }
    except UNANSWERED as error:
        context["refused"] = sentence(error)
    return render(request, "results/summary.html", context)


@require_safe
def dropoff(request: HttpRequest, slug: str, survey_id: int) -> HttpResponse:
    membership, results, reading = opened(request, slug, survey_id)
    if short := plain_address(request, reading):
        return short
    context = context_of(request, membership, results, reading) | {"tab": "dropoff"}
    try:
        found = people.responses_of(results.survey, results.scope)
        asked = [one for one in results.questions if one.present]
        funnel = people.funnel(found, asked)
    except UNANSWERED as error:
        return render(request, "results/dropoff.html", context | {"refused": sentence(error)})
    titles = {one.id: one.title(results.language) for one in asked}
    chart = Bars(
        title=_("People who answered each question, of those who saw it"),
        bars=[
            Bar(
                label=titles[step.asked.id], value=step.answer_rate.value, low=step.answer_rate.low,
                high=step.answer_rate.high, n=step.seen,
            )
            for step in funnel.steps
        ],
        group=_("Question"), sort=False, unit="percent", note=_("Lines: 95 % interval"),
        name=f"{results.survey.key}-drop-off",
    )  # fmt: skip
    rows = [
        {
            "title": titles[step.asked.id],
            "seen": numbers.amount(step.seen, "count"),
            "answered": numbers.amount(step.answered, "count"),
            "rate": numbers.amount(step.answer_rate.value, "percent"),
            "lost": numbers.amount(step.lost, "count"),
            "loss": numbers.amount(step.loss.value, "percent"),
            "loss_interval": numbers.interval(step.loss.low, step.loss.high, "percent"),
            "seconds": numbers.decimal(step.seconds.value, 1) if step.seconds.value is not None else numbers.NOTHING,
        }
        for step in funnel.steps
    ]
    context |= {"funnel": funnel, "chart": chart, "rows": rows, "overview": people.overview(found)}
    return render(request, "results/dropoff.html", context)
