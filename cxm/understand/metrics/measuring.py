"""From a metric and a scope to figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from django.utils import timezone

from cxm.record.eventlog.scope import SEGMENT, Grain, Scope
from cxm.stats.estimate import Estimate, nothing

from .counted import count_estimate
from .figure import Figure, Unit
from .metric import Cell, Measurement, Metric, Question
from .periods import bounds, day_in, first_day, starts
from .refusals import NotWeighted, TooManyGroups
from .registry import metric_called

MOST_PERIODS = 5000
ALL_TIME = date(1970, 1, 1)  # what the engine calls the period of grain all


def measure(
    metric: str,
    scope: Scope,
    *,
    grain: Grain = "all",
    by: str | None = None,
    weighted: bool = False,
    now: datetime | None = None,
    options: Mapping[str, Any] | None = None,
    **more: Any,
) -> list[Figure]:
    """The figures of a metric, by period and group, in order.

    Without `by`, every period of the scope has a figure (between the first and the last with data, where the scope
    leaves a side open), with n = 0 and no value where there was nothing; `grain` all gives exactly one. With `by`,
    there is a figure for each period and value of the field that has data; by `segment`, for each of the scope's
    segments. `weighted` uses the answers' weights.
    `now` stands in for the present (for metrics that reach up to it). Options of the metric are given by name, or as
    one mapping of what an address says.
    """
    found = metric_called(metric)
    question = question_of(
        found, scope, grain=grain, by=by, weighted=weighted, now=now, options={**(options or {}), **more}
    )
    return [figure_of(found, *cell) for cell in measured(found, question)]


Measured = tuple[Question, Measurement, Cell]  # what `figure_of` makes a figure of


def measured(metric: Metric, question: Question) -> list[Measured]:
    """The cells of a question, each with the question and the measurement that it comes from.

    Broken down by segments it is asked of each segment alone, for a customer may be in several; by period, then by
    the names of the segments. Raises UnknownField where the scope knows no segment.
    """
    if question.by != SEGMENT:
        measurement = metric.measure(question)
        return [(question, measurement, cell) for cell in all_cells(metric, question, measurement)]
    found = []
    for segment, alone in question.of_each_segment():
        measurement = metric.measure(alone)
        shown = replace(alone, by=SEGMENT)
        found += [(shown, measurement, replace(cell, by=segment)) for cell in measurement.cells if cell.estimate.n]
    return sorted(found, key=lambda one: one[2].period)


def all_cells(metric: Metric, question: Question, measurement: Measurement) -> list[Cell]:
    """The cells that a page shows: as measured with a breakdown, else one for every period."""
    empty = count_estimate(0) if metric.unit == "count" else nothing()
    return measurement.cells if question.by else list(without_gaps(measurement.cells, question, empty))


def question_of(
    metric: Metric,
    scope: Scope,
    *,
    grain: Grain = "all",
    by: str | None = None,
    weighted: bool = False,
    now: datetime | None = None,
    options: Mapping[str, Any],
) -> Question:
    """The question as the metric's module takes it; refuses weights where there are none and unknown options."""
    if weighted and not metric.weighted:
        raise NotWeighted(metric.key)
    return Question(scope, grain, by or None, weighted, metric.read_options(options), now or timezone.now())


def without_gaps(cells: list[Cell], question: Question, empty: Estimate) -> Iterator[Cell]:
    """The cells, and an empty one for every period between that has none."""
    known = {cell.period: cell for cell in cells}
    if question.grain == "all":
        yield cells[0] if cells else Cell(ALL_TIME, "", empty)
        return
    zone, since, until = question.scope.time_zone, question.scope.since, question.scope.until
    first = first_day(day_in(since, zone), question.grain) if since else min(known, default=None)
    last = day_in(until - timedelta(milliseconds=1), zone) if until else max(known, default=None)
    if first is None or last is None:
        return
    for number, start in enumerate(starts(first, last, question.grain)):
        if number >= MOST_PERIODS:
            raise TooManyGroups(MOST_PERIODS)
        yield known.get(start) or Cell(start, "", empty)


def figure_of(metric: Metric, question: Question, measurement: Measurement, cell: Cell) -> Figure:
    scope, estimate = question.scope, cell.estimate
    since, until = bounds(cell.period, question.grain, scope.time_zone, scope.since, scope.until)

    def shown(number: float | None) -> float | None:
        return None if number is None else number * factor(metric.unit)

    return Figure(
        workspace_id=scope.workspace_id,
        metric=metric.key,
        value=shown(estimate.value),
        low=shown(estimate.low),
        high=shown(estimate.high),
        n=estimate.n,
        unit=metric.unit,
        method=estimate.method,
        weighted=question.weighted,
        since=since,
        until=until,
        time_zone=scope.time_zone,
        grain=question.grain,
        period=None if question.grain == "all" else cell.period,
        by_field=question.by or "",
        by=cell.by,
        filters=scope.filters,
        options={key: value for key, value in question.options.items() if value not in (None, ())},
        sql=measurement.sql,
        parameters=measurement.parameters,
        parts=dict(cell.parts),
        currency=cell.currency,
    )


def factor(unit: Unit) -> float:
    """Shares are fractions in arithmetic and percent in figures."""
    return 100.0 if unit == "percent" else 1.0
