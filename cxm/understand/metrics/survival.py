"""Survival of customers' subscriptions: Kaplan–Meier.

Population: subscriptions counted at the time of their report, each once, in its present state. A subscription lasts its
`tenure` in months where the source says one, else from `started_at` to `ended_at`, or to now while it runs, in months
of 365.25 / 12 days. An active one is censored at that length; an ended one left then. Ties: those who leave at a time
leave before those censored at it. Subscriptions with no length, or that ended nobody knows when, are left out.
`survival` is the share still there `at` months (12 unless told) after the start; `curve` gives all steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext_lazy as _

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import SEGMENT
from cxm.stats.survival import CurveRow, kaplan_meier_from_counts, survival_at

from .churn import PRESENT
from .metric import Cell, Measurement, Metric, Option, Question
from .scores import fill

AT = Option("at", _("Months after the start"), "number", default=12.0, low=0, high=1200)
MONTHS = (
    "coalesce(tenure, if(started_at IS NULL OR (status != 'active' AND ended_at IS NULL), NULL,"
    " dateDiff('second', started_at, ifNull(ended_at, {now:DateTime64(3, 'UTC')})) / 2629800.))"
)


@dataclass(frozen=True, slots=True)
class Row:
    period: date
    by: str
    months: float
    ended: int
    censored: int


SQL = """
SELECT $period AS period, $by AS by, assumeNotNull($months) AS months,
       toUInt64(countIf(status != 'active')) AS ended, toUInt64(countIf(status = 'active')) AS censored
FROM subscriptions $join
WHERE $scope AND $present AND $months >= 0
GROUP BY period, by, months ORDER BY period, by, months
"""


def curves(question: Question) -> tuple[dict[tuple[date, str], list[CurveRow]], Measurement]:
    """The curve of every period and group, and the question without cells."""
    if question.by == SEGMENT:
        found: dict[tuple[date, str], list[CurveRow]] = {}
        asked = Measurement([], "", {})
        for segment, alone in question.of_each_segment():
            some, asked = curves(alone)
            found |= {(period, segment): steps for (period, _by), steps in some.items()}
        return found, asked
    # Long curves have a row for every length: the limit on rows is not for them.
    answer = ask(
        fill(SQL, months=MONTHS, present=PRESENT), question.scope, row=Row, name="metrics.survival",
        table="subscriptions", grain=question.grain, by=question.by, now=question.now,
    )  # fmt: skip
    groups: dict[tuple[date, str], list[tuple[float, int, int]]] = {}
    for row in answer.rows:
        groups.setdefault((row.period, row.by), []).append((row.months, row.ended, row.censored))
    found = {key: kaplan_meier_from_counts(counts) for key, counts in groups.items()}
    return found, Measurement([], answer.sql, answer.parameters)


def survival(question: Question) -> Measurement:
    found, asked = curves(question)
    cells = []
    for (period, by), steps in found.items():
        ended = sum(step.ended for step in steps)
        cells.append(Cell(period, by, survival_at(steps, question.options["at"]), None, {"ended": ended}))
    return Measurement(cells, asked.sql, asked.parameters)


@dataclass(frozen=True, slots=True)
class ExcludedRow:
    without_length: int


def excluded(question: Question) -> dict[str, int]:
    sql = fill(
        "SELECT countIf(NOT (ifNull($months, -1) >= 0)) AS without_length FROM subscriptions $join"
        " WHERE $scope AND $present",
        months=MONTHS, present=PRESENT,
    )  # fmt: skip
    row = ask(
        sql, question.scope, row=ExcludedRow, name="metrics.excluded", table="subscriptions", now=question.now
    ).rows[0]
    return {"without_length": row.without_length}


SURVIVAL = Metric(
    key="survival",
    name=_("Survival of subscriptions"),
    definition=_(
        "The share of subscriptions still running some months (12 unless told) after their start, by the Kaplan–Meier"
        " method: running ones count as long as they have been seen. The length is the tenure that the source reports,"
        " or the time from start to end. Subscriptions whose length nobody knows do not count."
    ),
    formula="∏ over times t up to the chosen one of (1 − left at t / at risk at t)",
    interval="greenwood_log_log",
    unit="percent",
    direction="higher",
    table="subscriptions",
    measure=survival,
    options=(AT,),
    excluded=excluded,
    source="Kaplan and Meier, JASA 53, 1958; Kalbfleisch and Prentice, 2002, section 1.4",
    counted=PRESENT,
    events="subscription_updated (tenure, or started_at and ended_at)",
)
