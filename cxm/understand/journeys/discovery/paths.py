"""The paths that journeys take, each with how its journeys were judged and how well it fits the expected path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cxm.lib.charts import Bar, Bars
from cxm.record.eventlog.scope import Scope
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share
from cxm.understand.journeys.models import Process
from cxm.understand.journeys.steps.queries import variants

from .fitting import Fit, fit
from .outcomes import Outcome, Scores, scores_by_path

SHOWN, LOOKED_AT = 20, 2000
LARGEST = 40_000  # labels of the one path times labels of the other
OUTCOME_NAMES: Mapping[Outcome, str | Promise] = {
    "nps": gettext_lazy("Net Promoter Score"),
    "csat": gettext_lazy("Satisfaction"),
    "ces": gettext_lazy("Ease"),
    "rating": gettext_lazy("Rating"),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """One path. `share` is of all journeys; `score` is None where nobody was asked."""

    path: tuple[str, ...]
    key: int  # names it in addresses
    n: int
    share: Estimate
    median_s: float
    score: Estimate | None
    fit: Fit | None  # None: too long to be held against the expected path


@dataclass(frozen=True, slots=True)
class Paths:
    """The `SHOWN` most frequent paths. `conforming` is the share of journeys that take the expected path exactly.

    `looked_at` journeys were held against it: those of the 2 000 most frequent paths.
    """

    rows: list[Taken]
    journeys: int
    variants: int
    expected: tuple[str, ...]
    conforming: Estimate
    fitness: float | None
    looked_at: int
    scores: Scores | None
    sql: str
    parameters: Mapping[str, Any]


def paths_of(process: Process, scope: Scope, outcome: Outcome | None, expected: Sequence[str] = ()) -> Paths:
    """The expected path is the most frequent one unless it is told."""
    found = variants(process, scope, limit=LOOKED_AT)
    rows = found.rows
    path = tuple(expected) or (rows[0].labels if rows else ())
    fits = [fit(path, one.labels) if len(one.labels) * len(path) <= LARGEST else None for one in rows]
    looked_at = sum(one.n for one, held in zip(rows, fits, strict=True) if held)
    exact = sum(one.n for one in rows if one.labels == path)
    fitness = sum(held.fitness * one.n for one, held in zip(rows, fits, strict=True) if held)
    shown = rows[:SHOWN]
    scores = scores_by_path(process, scope, outcome, [one.path for one in shown]) if outcome and shown else None
    taken = [
        Taken(
            one.labels, one.path, one.n, share(one.n, found.journeys), one.median_s,
            scores.of.get(str(one.path)) if scores else None, held,
        )
        for one, held in zip(shown, fits, strict=False)
    ]  # fmt: skip
    return Paths(
        taken, found.journeys, found.distinct, path, share(exact, found.journeys),
        fitness / looked_at if looked_at else None, looked_at, scores, found.sql, found.parameters,
    )  # fmt: skip


def score_chart(found: Paths) -> Bars | None:
    """The scores of the paths that have one, the most frequent path first."""
    if found.scores is None:
        return None
    bars = []
    for place, one in enumerate(found.rows[:12], start=1):
        if one.score is not None and one.score.value is not None:
            label = _("Path %(number)s") % {"number": place}
            bars.append(Bar(label=label, value=one.score.value, low=one.score.low, high=one.score.high, n=one.score.n))
    if not bars:
        return None
    name = str(OUTCOME_NAMES[found.scores.outcome])
    return Bars(
        title=_("%(score)s by path") % {"score": name}, bars=bars, group=_("Path"), sort=False,
        unit=found.scores.unit, name="paths",
    )  # fmt: skip
