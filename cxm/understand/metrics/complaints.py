"""Complaints per 100 customers, and satisfaction with resolution.

- `complaints_per_100`: tickets that are complaints in their present state and were last reported in the period, per
  100 customers active in it (with any event, so everyone who complained is among them). Merged profiles are one
  customer. It is a ratio of two counts, not a share: one customer may complain twice. The interval is that of a ratio
  over customers (each brings complaints y and activity x = 1).
- `resolution_satisfaction`: the top-box share of csat answers about a resolution: those whose touchpoint or question is
  named by the options `touchpoint` (by default "resolution") and `question`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext_lazy as _

from cxm.record.eventlog.scope import Filter
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import ratio

from .counted import ask_cells
from .metric import Cell, Measurement, Metric, Option, Question
from .scores import ON_SCALE, SHARE_SQL, ShareRow, ask_scores, excluded, share_cells


@dataclass(frozen=True, slots=True)
class Row:
    period: date
    by: str
    n: int
    complaints: int
    squares: float


SQL = """
SELECT period, by, toUInt64(count()) AS n, toUInt64(sum(mine)) AS complaints, toFloat64(sum(mine * mine)) AS squares
FROM (
  SELECT $period AS period, $by AS by, $customer AS customer_key,
         countIf(event_id IN (
           SELECT argMax(event_id, (version, event_id)) FROM tickets WHERE $workspace GROUP BY ticket_id
           HAVING argMax(ifNull(complaint, false) AND state != 'merged', (version, event_id)))) AS mine
  FROM events $join $merges
  WHERE $scope AND $known
  GROUP BY period, by, customer_key
)
GROUP BY period, by ORDER BY period, by
"""


def complaints_per_100(question: Question) -> Measurement:
    sql = SQL.replace(" IN (", " GLOBAL IN (", 1)
    answer = ask_cells(question, sql, Row, name="complaints", table="events")
    cells = []
    for row in answer.rows:
        made, n = float(row.complaints), float(row.n)
        estimate = scaled(ratio(row.n, made, n, row.squares, n, made), 100)
        cells.append(Cell(row.period, row.by, estimate, None, {"complaints": made, "customers": n}))
    return Measurement(cells, answer.sql, answer.parameters)


def scaled(estimate: Estimate, factor: float) -> Estimate:
    def times(number: float | None) -> float | None:
        return None if number is None else number * factor

    low = times(estimate.low)
    return Estimate(
        times(estimate.value), None if low is None else max(low, 0.0), times(estimate.high), estimate.n, estimate.method
    )


TOUCHPOINT = Option("touchpoint", _("Touchpoint of the resolution"), "text", default="resolution")
RESOLUTION_QUESTION = Option("question", _("Question"), "texts", default=())
TOP = Option("top", _("Lowest score that counts as satisfied"), "number", low=-1000, high=1000)


def about_resolution(question: Question) -> Question:
    """The same question, of the answers about a resolution only."""
    if question.options["question"]:
        return question
    scope = question.scope.where(Filter("touchpoint", "is", (question.options["touchpoint"],)))
    return Question(scope, question.grain, question.by, question.weighted, question.options, question.now)


def resolution_satisfaction(question: Question) -> Measurement:
    question = about_resolution(question)
    answer = ask_scores(
        question, SHARE_SQL, ShareRow, name="resolution.satisfaction", kinds=("csat",), top=question.options["top"]
    )
    return share_cells(answer, question.weighted)


COMPLAINTS_PER_100 = Metric(
    key="complaints_per_100",
    name=_("Complaints per 100 customers"),
    definition=_(
        "Tickets that are complaints in their present state, last reported in the period, per 100 customers with any"
        " event in the period. Merged customers count once; unknown customers do not count."
    ),
    formula="100 × complaints / customers with an event",
    interval="ratio_t",
    unit="per_100",
    direction="lower",
    table="events",
    measure=complaints_per_100,
    source="Cochran, Sampling Techniques, 1977, section 6.4",
    events="ticket_updated (complaint) and any event",
)
RESOLUTION_SATISFACTION = Metric(
    key="resolution_satisfaction",
    name=_("Satisfaction with resolution"),
    definition=_(
        "The share of satisfied answers (one of the two highest scores of their scale) among satisfaction answers about"
        " a resolution: those given at the touchpoint chosen, or to the questions chosen."
    ),
    formula="100 × answers with a top-two score / answers about a resolution",
    interval="wilson",
    unit="percent",
    direction="higher",
    table="feedback",
    measure=resolution_satisfaction,
    options=(RESOLUTION_QUESTION, TOUCHPOINT, TOP),
    weighted=True,
    kinds=("csat",),
    excluded=lambda question: excluded(about_resolution(question), ("csat",)),
    counted=ON_SCALE,
    events="answer_given (metric csat, touchpoint or question of the resolution)",
)
