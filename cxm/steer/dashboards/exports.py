"""The tables of a metric page as rows for a CSV: plain numbers, in the units of the figures; the heading first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from cxm.stats.survival import CurveRow
from cxm.understand.metrics import queries as metrics
from cxm.understand.metrics.figure import Figure

from . import breakdown, records
from .asking import Asked
from .metric_page import survival_of

Rows = Iterable[Sequence[object]]
FIGURE: Final = ["value", "low", "high", "n", "unit", "method"]


def trend(asked: Asked) -> Rows:
    return _figures(["period", "since", "until"], asked.measured(asked.grain), _period)


def _period(figure: Figure) -> list[object]:
    return [figure.period, figure.since, figure.until]


def _figures(head: list[str], figures: Sequence[Figure], lead: Callable[[Figure], list[object]]) -> Rows:
    return [
        [*head, *FIGURE],
        *([*lead(one), one.value, one.low, one.high, one.n, one.currency or one.unit, one.method] for one in figures),
    ]


def groups(asked: Asked) -> Rows:
    """Every group, and the difference of the largest ones to the rest."""
    view = asked.view
    if not view.by:
        return _figures(["group"], [asked.figure()], lambda figure: [""])
    figures, changes = breakdown.groups(
        asked.metric, asked.scope, view.by, weighted=view.weighted, options=asked.options, now=asked.now
    )
    verdicts = dict(zip(changes, metrics.judge(list(changes.values())), strict=True))
    return _groups(view.by, figures, changes, verdicts)


def _groups(
    by: str, figures: Sequence[Figure], changes: Mapping[str, metrics.Change], verdicts: Mapping[str, str]
) -> Iterator[list[object]]:
    yield [by, *FIGURE, "against_rest", "against_rest_low", "against_rest_high", "p_value", "verdict"]
    for one in figures:
        row: list[object] = [one.by, one.value, one.low, one.high, one.n, one.currency or one.unit, one.method]
        if change := changes.get(one.by):
            row += [change.difference, change.low, change.high, change.p_value, verdicts[one.by]]
        yield row


def distribution(asked: Asked) -> Rows:
    bars = metrics.distribution(
        asked.metric.key, asked.scope, weighted=asked.view.weighted, now=asked.now, options=asked.options
    )
    return [["scale", "score", "n", "weight"], *([bar.scale, bar.score, bar.n, bar.weight] for bar in bars)]


def survival(asked: Asked) -> Rows:
    return _curves(survival_of(asked))


def _curves(curves: Mapping[str, Sequence[CurveRow]]) -> Iterator[list[object]]:
    yield ["group", "months", "at_risk", "ended", "survival", "low", "high"]
    for group, rows in curves.items():
        for row in rows:
            yield [group, row.time, row.at_risk, row.ended, row.survival, row.low, row.high]


TABLES: Final[Mapping[str, Callable[[Asked], Rows]]] = {
    "trend": trend,
    "breakdown": groups,
    "distribution": distribution,
    "survival": survival,
    "answers": records.exported,
}
