"""Is this change real? Two scopes, or the periods of a trend, compared; and the verdicts of a whole page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from cxm.record.eventlog.scope import SEGMENT, Grain, Scope
from cxm.stats.comparison import (
    Difference,
    Verdict,
    difference_from_intervals,
    difference_mean,
    difference_nps,
    difference_share,
    verdicts,
)
from cxm.stats.estimate import nothing
from cxm.stats.planning import answers_needed_mean, answers_needed_nps, answers_needed_share
from cxm.stats.samples import NpsSample, ShareSample

from .figure import Change, Figure
from .measuring import ALL_TIME, Measured, all_cells, factor, figure_of, measured, question_of
from .metric import Cell, Means, Measurement, Metric, Question
from .refusals import Refused
from .registry import metric_called


def compare(
    metric: str,
    before: Scope,
    after: Scope,
    *,
    weighted: bool = False,
    now: datetime | None = None,
    options: Mapping[str, Any] | None = None,
    **more: Any,
) -> Change:
    """The change of a metric from one scope to another: two periods, or two segments (by filters)."""
    (change,) = compare_groups(
        metric, before, after, by=None, weighted=weighted, now=now, options={**(options or {}), **more}
    )
    return change


def compare_groups(
    metric: str,
    before: Scope,
    after: Scope,
    *,
    by: str | None,
    weighted: bool = False,
    now: datetime | None = None,
    options: Mapping[str, Any] | None = None,
    **more: Any,
) -> list[Change]:
    """The change of every group of a breakdown that has data on either side, in order of the groups."""
    found = metric_called(metric)
    sides = []
    for scope in (before, after):
        question = question_of(found, scope, by=by, weighted=weighted, now=now, options={**(options or {}), **more})
        sides.append((question, {one[2].by: one for one in measured(found, question)}))
    changes = []
    for group in sorted({group for _question, groups in sides for group in groups}):
        first, second = (groups.get(group) or without_data(question, group) for question, groups in sides)
        changes.append(change_of(found, first[2], second[2], figure_of(found, *first), figure_of(found, *second)))
    return changes


def without_data(question: Question, group: str) -> Measured:
    """The empty cell of a group that has data on the other side only."""
    if question.by == SEGMENT:
        alone = [one for one in question.scope.segments if one.values == (group,)]
        question = replace(question, scope=question.scope.where(*alone))
    return question, Measurement([], "", {}), Cell(ALL_TIME, group, nothing())


@dataclass(frozen=True, slots=True)
class Trend:
    """The figures of a metric by period, and the change between the last two periods that are over."""

    figures: list[Figure]
    change: Change | None


def trend(
    metric: str,
    scope: Scope,
    *,
    grain: Grain,
    weighted: bool = False,
    now: datetime | None = None,
    options: Mapping[str, Any] | None = None,
    **more: Any,
) -> Trend:
    """A tile of a board in one question: what `measure` gives by period, and what `compare` says of the last two.

    The period that `now` lies in is not over: it has a figure, but is not compared.
    """
    found = metric_called(metric)
    question = question_of(found, scope, grain=grain, weighted=weighted, now=now, options={**(options or {}), **more})
    measurement = found.measure(question)
    cells = all_cells(found, question, measurement)
    figures = [figure_of(found, question, measurement, cell) for cell in cells]
    over = [place for place, figure in enumerate(figures) if figure.until is not None and figure.until <= question.now]
    if len(over) < 2:
        return Trend(figures, None)
    first, second = over[-2:]
    return Trend(figures, change_of(found, cells[first], cells[second], figures[first], figures[second]))


def change_of(metric: Metric, before: Cell, after: Cell, first: Figure, second: Figure) -> Change:
    found = difference(before, after)
    by = factor(metric.unit)

    def shown(number: float | None) -> float | None:
        return None if number is None else number * by

    return Change(
        metric=metric.key,
        difference=shown(found.value),
        low=shown(found.low),
        high=shown(found.high),
        p_value=found.p_value,
        n_before=found.n_before,
        n_after=found.n_after,
        unit=metric.unit,
        before=first,
        after=second,
    )


def difference(before: Cell, after: Cell) -> Difference:
    """By the test that was made for the kind of number; from the two intervals where there is none."""
    match before.sample, after.sample:
        case NpsSample() as first, NpsSample() as second:
            return difference_nps(first, second)
        case ShareSample() as first, ShareSample() as second:
            return difference_share(first, second)
        case Means() as first, Means() as second if first.bounds == second.bounds:
            return difference_mean(first.sample, second.sample, first.bounds)
        case _:
            return difference_from_intervals(before.estimate, after.estimate)


def judge(changes: Sequence[Change]) -> list[Verdict]:
    """Up, down or no evidence for every comparison that one page shows: pass them all at once.

    The false-discovery rate is held over all of them (`cxm.stats.comparison.verdicts`).
    """
    return verdicts(
        [
            Difference(change.difference, change.low, change.high, change.p_value, change.n_before, change.n_after)
            for change in changes
        ]
    )


def answers_needed(figure: Figure, change: float) -> int:
    """How many answers each of two periods needs to see the figure move by `change` (in the figure's unit).

    With 80 % power at 5 %, taking the spread of the answers from this figure. Refused where the number is no NPS,
    share or mean, or the change is impossible.
    """
    parts = figure.parts
    try:
        if figure.unit == "points" and figure.n:
            total = parts["promoters"] + parts["passives"] + parts["detractors"]
            up, down = parts["promoters"] / total, parts["detractors"] / total
            return answers_needed_nps(change, max(up + down - (up - down) ** 2, 0.01))
        if figure.unit == "percent" and figure.value is not None:
            return answers_needed_share(figure.value / 100, (figure.value + change) / 100)
        if parts.get("deviation"):
            return answers_needed_mean(change, parts["deviation"])
    except ValueError as error:
        raise Refused(_("This figure cannot change by %(change)g.") % {"change": change}) from error
    raise Refused(_("How many answers are needed can be told for a score, a share or a mean that has answers."))
