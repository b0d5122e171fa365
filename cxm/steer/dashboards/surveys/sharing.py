"""The public results of a survey: an address that shows figures to everybody who has it, and nobody's answers.

Protection of people: a question needs ten answers; a choice that one to four people made, or one to four did not, is
not shown, and where the others would give it away, neither is the next one; no texts, no filters, no comparisons.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from cxm.accounts.audit import Actor, audit
from cxm.lib.charts import Chart, Distribution, Histogram
from cxm.listen.surveys.models import Survey

from .figures import ONE, YES_NO, Key
from .pictures import bars_of
from .results import Results, Shown, shown_questions

LEAST_ANSWERS: Final = 10
SMALL: Final = 5  # people


@transaction.atomic
def share(*, survey: Survey, by: Actor) -> str:
    """Give the results a new public address; an earlier one stops working. Returns its token."""
    survey.results_token = secrets.token_urlsafe(30)
    survey.save(update_fields=["results_token"])
    audit("shared", survey, workspace=survey.workspace, by=by)
    return survey.results_token


@transaction.atomic
def stop_sharing(*, survey: Survey, by: Actor) -> None:
    if survey.results_token:
        survey.results_token = ""
        survey.save(update_fields=["results_token"])
        audit("unshared", survey, workspace=survey.workspace, by=by)


def public_questions(results: Results) -> list[Shown]:
    """The questions as strangers may see them."""
    return [_protected(one) for one in shown_questions(results, with_texts=False)]


def _protected(shown: Shown) -> Shown:
    shown.earlier = []
    if shown.n < LEAST_ANSWERS:
        note = _("Fewer than %(least)d people answered this, so nothing is shown.") % {"least": LEAST_ANSWERS}
        return replace(shown, n=0, figures=[], charts=[], notes=[note])
    asked = shown.asked
    whole = asked.kind in ONE or asked.kind in YES_NO or (asked.kind == "matrix" and not asked.newest.several)
    hidden = hidden_figures(shown.figures, whole=whole)
    kept = [
        one for one in shown.figures if one not in hidden and one.code != "median" and one.estimate.n >= LEAST_ANSWERS
    ]
    notes = list(shown.notes)
    if hidden:
        notes.append(_("Answers that fewer than %(least)d people gave are not shown.") % {"least": SMALL})
    charts: list[Chart] = [one for one in shown.charts if not _tells(one)]
    if len(kept) < len(shown.figures) and charts:
        charts = [bars_of(shown.asked, kept)] if kept and all(one.unit == "percent" for one in kept) else []
    return replace(shown, figures=kept, charts=charts, notes=notes)


def hidden_figures(figures: list[Key], *, whole: bool) -> list[Key]:
    """Shares by which single people could be told. `whole`: the shares of a question, or of each row of a matrix, add
    up to all who answered, so that what is hidden must hold enough people together.
    """
    rows: dict[str, list[Key]] = {}
    for one in figures:
        if one.unit == "percent":
            rows.setdefault(one.of.rpartition(".")[0], []).append(one)
    hidden = []
    for shares in rows.values():
        small = [one for one in shares if _small(one)]
        if whole and len(shares) > 1 and small:
            rest = sorted((one for one in shares if one not in small), key=_people)
            while rest and (len(small) < 2 or sum(_people(one) for one in small) < SMALL):
                small.append(rest.pop(0))
        hidden += small
    return hidden


def _people(one: Key) -> int:
    return round((one.estimate.value or 0) * one.estimate.n)


def _small(one: Key) -> bool:
    return 0 < _people(one) < SMALL or 0 < one.estimate.n - _people(one) < SMALL


def _tells(chart: Chart) -> bool:
    """Whether a chart counts a group of one to four people."""
    if isinstance(chart, Histogram):
        return any(0 < one.count < SMALL for one in chart.bins)
    if isinstance(chart, Distribution):
        return any(0 < part.count < SMALL for stack in chart.stacks for part in stack.parts)
    return False
