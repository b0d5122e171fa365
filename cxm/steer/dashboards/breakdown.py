"""Each group of a breakdown against all the others together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cxm.record.eventlog.scope import MANY, SEGMENT, Filter, Scope
from cxm.understand.metrics.comparison import change_of
from cxm.understand.metrics.figure import Change, Figure
from cxm.understand.metrics.measuring import figure_of, measured
from cxm.understand.metrics.metric import Metric, Question
from cxm.understand.metrics.queries import compare, question_of

from .sums import ADDITIVE, summed

MOST_GROUPS = 12  # on a page; the CSV has all


def groups(
    metric: Metric, scope: Scope, by: str, *, weighted: bool, options: dict[str, list[str]], now: datetime
) -> tuple[list[Figure], dict[str, Change]]:
    """The figures of all groups, and for the largest MOST_GROUPS their difference to the rest (the rest is `before`).

    Where the metric is made of sums, the rest is the sum of the other groups, so that one question answers all; else,
    and where a record can be in several groups, each group and its rest are asked for.
    """
    question = question_of(metric, scope, by=by, weighted=weighted, now=now, options=options)
    found = measured(metric, question)
    cells = [cell for _question, _measurement, cell in found]
    figures = [figure_of(metric, *one) for one in found]
    apart = by not in MANY and by != SEGMENT
    largest = sorted(range(len(cells)), key=lambda place: -cells[place].estimate.n)[:MOST_GROUPS]
    changes = {}
    for place in largest if len(cells) > 1 else []:
        cell = cells[place]
        others = [other for number, other in enumerate(cells) if number != place]
        rest = summed(others) if apart and metric.key in ADDITIVE else None
        if rest is None:
            changes[cell.by] = _asked(metric, question, cell.by, options)
        else:
            changes[cell.by] = change_of(
                metric, rest, cell, figure_of(metric, question, found[place][1], rest), figures[place]
            )
    return figures, changes


def _asked(metric: Metric, question: Question, group: str, options: dict[str, list[str]]) -> Change:
    assert question.by
    alone = next(
        (one for one in question.scope.segments if one.values == (group,)), Filter(question.by, "is", (group,))
    )
    return compare(
        metric.key,
        question.scope.where(replace(alone, operator="is_not")),
        question.scope.where(alone),
        weighted=question.weighted,
        now=question.now,
        options=options,
    )
