"""Each group of a breakdown against all the others together."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar

from cxm.record.eventlog.scope import Filter, Scope
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of, nps_of, share_of
from cxm.stats.samples import MeanSample, NpsSample, ShareSample
from cxm.understand.metrics.comparison import change_of
from cxm.understand.metrics.figure import Change, Figure
from cxm.understand.metrics.measuring import figure_of
from cxm.understand.metrics.metric import Cell, Means, Metric, Question, Sample
from cxm.understand.metrics.queries import compare, question_of

Number = TypeVar("Number", int, float)
MOST_GROUPS = 12  # on a page; the CSV has all


def groups(
    metric: Metric, scope: Scope, by: str, *, weighted: bool, options: dict[str, list[str]], now: datetime
) -> tuple[list[Figure], dict[str, Change]]:
    """The figures of all groups, and for the largest MOST_GROUPS their difference to the rest (the rest is `before`).

    Where the metric is made of sums, the rest is the sum of the other groups, so that one question answers all; else
    each group and its rest are asked for.
    """
    question = question_of(metric, scope, by=by, weighted=weighted, now=now, options=options)
    measurement = metric.measure(question)
    cells = measurement.cells
    figures = [figure_of(metric, question, measurement, cell) for cell in cells]
    largest = sorted(range(len(cells)), key=lambda place: -cells[place].estimate.n)[:MOST_GROUPS]
    changes = {}
    for place in largest if len(cells) > 1 else []:
        cell = cells[place]
        rest = rest_of([other for number, other in enumerate(cells) if number != place])
        if rest is None:
            changes[cell.by] = _asked(metric, question, cell.by, options)
        else:
            changes[cell.by] = change_of(
                metric, rest, cell, figure_of(metric, question, measurement, rest), figures[place]
            )
    return figures, changes


def rest_of(cells: list[Cell]) -> Cell | None:
    """One cell for several; None where their sums do not say it."""
    samples = [cell.sample for cell in cells]
    total = samples[0] if samples else None
    for sample in samples[1:]:
        total = _added(total, sample) if total is not None and sample is not None else None
    if total is None:
        return None
    return Cell(cells[0].period, "", estimate_of(total), total, {}, cells[0].currency)


def _added(one: Sample, other: Sample) -> Sample | None:
    match one, other:
        case NpsSample(), NpsSample():
            return NpsSample(
                one.promoters + other.promoters, one.passives + other.passives, one.detractors + other.detractors,
                _sum(one.squared_weights, other.squared_weights), _sum(one.answers, other.answers),
            )  # fmt: skip
        case ShareSample(), ShareSample():
            return ShareSample(
                one.successes + other.successes, one.total + other.total,
                _sum(one.squared_weights, other.squared_weights), _sum(one.answers, other.answers),
            )  # fmt: skip
        case Means(), Means() if one.bounds == other.bounds:
            first, second = one.sample, other.sample
            return Means(
                MeanSample(
                    first.n + second.n, first.total + second.total, first.total_of_squares + second.total_of_squares,
                    _sum(first.weight, second.weight), _sum(first.squared_weights, second.squared_weights),
                ),
                one.bounds,
            )  # fmt: skip
    return None


def _sum(one: Number | None, other: Number | None) -> Number | None:
    return None if one is None or other is None else one + other


def estimate_of(sample: Sample) -> Estimate:
    match sample:
        case NpsSample():
            return nps_of(sample)
        case ShareSample():
            return share_of(sample)
        case Means():
            return mean_of(sample.sample, sample.bounds)


def _asked(metric: Metric, question: Question, group: str, options: dict[str, list[str]]) -> Change:
    assert question.by
    return compare(
        metric.key,
        question.scope.where(Filter(question.by, "is_not", (group,))),
        question.scope.where(Filter(question.by, "is", (group,))),
        weighted=question.weighted,
        now=question.now,
        **options,
    )
