"""Counts: answers, customers who answered, comments, tickets, orders, events. And the median score.

A count of what was recorded is exact and has no interval. Answers, tickets (by opening) and orders (by placing) count
once each; customers once however many of their profiles were merged; events as they were received.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from cxm.stats.quantiles import quantile_from_counts

from .counted import HitsRow, ask_cells, count_estimate, hit_cells
from .metric import Cell, Measurement, Metric, Option, Question
from .refusals import MixedScales
from .scores import ON_SCALE, QUESTION, answers_filter, ask_scores, asked, fill
from .tickets import PRESENT

KINDS = ("nps", "csat", "ces", "rating")
KIND = Option("kind", _("Kind of question"), "choice", default="nps", values=KINDS)
ANY_KIND = Option("kind", _("Kind of question"), "choice", default="any", values=("any", *KINDS, "text"))
MILESTONE = Option(
    "milestone", _("Milestone"), "choice", default="placed",
    values=("placed", "approved", "shipped", "delivered", "cancelled"),
)  # fmt: skip
NAME = Option("name", _("Event name"), "texts", default=())


@dataclass(frozen=True, slots=True)
class CountRow:
    period: date
    by: str
    n: int


COUNT_SQL = """
SELECT $period AS period, $by AS by, toUInt64($what) AS n
FROM $from $join
WHERE $scope AND $counted
GROUP BY period, by HAVING n > 0 ORDER BY period, by
"""


def count(question: Question, *, name: str, table: str, what: str, counted: str, **parameters: Any) -> Measurement:
    sql = fill(COUNT_SQL, **{"from": table, "what": what, "counted": counted})
    answer = ask_cells(question, sql, CountRow, name=name, table=table, **parameters)
    cells = [Cell(row.period, row.by, count_estimate(row.n)) for row in answer.rows]
    return Measurement(cells, answer.sql, answer.parameters)


def of_kind(question: Question) -> str:
    kind = question.options["kind"]
    return answers_filter(question, (*KINDS, "text") if kind == "any" else (kind,))


def answers(question: Question) -> Measurement:
    return count(
        question, name="answers", table="feedback", what="count()", counted=of_kind(question), **asked(question)
    )


# Grouped twice: one table of groups takes two thirds of the memory of one set for each cell and thread, at equal speed.
RESPONDENTS_SQL = """
SELECT period, by, toUInt64(count()) AS n FROM (
  SELECT $period AS period, $by AS by, $customer AS customer_key
  FROM feedback $join $merges
  WHERE $scope AND $answers AND $known
  GROUP BY period, by, customer_key
)
GROUP BY period, by ORDER BY period, by
"""


def respondents(question: Question) -> Measurement:
    answer = ask_cells(
        question, fill(RESPONDENTS_SQL, answers=of_kind(question)), CountRow, name="respondents", table="feedback",
        **asked(question),
    )  # fmt: skip
    return Measurement(
        [Cell(row.period, row.by, count_estimate(row.n)) for row in answer.rows], answer.sql, answer.parameters
    )


COMMENTED_SQL = """
SELECT $period AS period, $by AS by, toUInt64(countIf(comment != '')) AS hits, toUInt64(count()) AS total
FROM feedback $join
WHERE $scope AND $answers
GROUP BY period, by ORDER BY period, by
"""


def commented(question: Question) -> Measurement:
    sql = fill(COMMENTED_SQL, answers=of_kind(question))
    answer = ask_cells(question, sql, HitsRow, name="commented", table="feedback", **asked(question))
    return hit_cells(answer, hits="with_comment", total="answers")


@dataclass(frozen=True, slots=True)
class ScoreRow:
    period: date
    by: str
    scale_name: str
    point: float
    answers: int


MEDIAN_SQL = """
SELECT $period AS period, $by AS by, toString($scale) AS scale_name, assumeNotNull(score) AS point,
       toUInt64(sum($n)) AS answers
FROM $table $join
WHERE $scope AND $answers AND score BETWEEN $low AND $high
GROUP BY period, by, $scale, point ORDER BY period, by, scale_name, point
"""


def median_score(question: Question) -> Measurement:
    answer = ask_scores(question, MEDIAN_SQL, ScoreRow, name="median", kinds=(question.options["kind"],))
    groups: dict[tuple[date, str], list[ScoreRow]] = {}
    for row in answer.rows:
        groups.setdefault((row.period, row.by), []).append(row)
    cells = []
    for (period, by), rows in groups.items():
        if len({row.scale_name for row in rows}) > 1:
            raise MixedScales(sorted({row.scale_name for row in rows}))
        estimate = quantile_from_counts([row.point for row in rows], [row.answers for row in rows], 0.5)
        cells.append(Cell(period, by, estimate))
    return Measurement(cells, answer.sql, answer.parameters)


def events(question: Question) -> Measurement:
    names = question.options["name"]
    return count(
        question, name="events", table="events", what="count()",
        counted="name IN {names:Array(String)}" if names else "1", **({"names": list(names)} if names else {}),
    )  # fmt: skip


def tickets(question: Question) -> Measurement:
    return count(question, name="tickets", table="tickets", what="count()", counted=PRESENT)


def orders(question: Question) -> Measurement:
    return count(
        question, name="orders", table="order_milestones", what="uniqExact(order_id)",
        counted="milestone = {milestone:String}", milestone=question.options["milestone"],
    )  # fmt: skip


CUSTOMERS_SQL = """
SELECT period, by, toUInt64(count()) AS n FROM (
  SELECT $period AS period, $by AS by, $customer AS customer_key
  FROM events $join $merges
  WHERE $scope AND $known
  GROUP BY period, by, customer_key
)
GROUP BY period, by ORDER BY period, by
"""


def customers(question: Question) -> Measurement:
    answer = ask_cells(question, CUSTOMERS_SQL, CountRow, name="customers", table="events")
    return Measurement(
        [Cell(row.period, row.by, count_estimate(row.n)) for row in answer.rows], answer.sql, answer.parameters
    )


ANSWERS = Metric(
    key="answers",
    name=_("Answers"),
    definition=_("How many answers were given in the period, with or without a score."),
    formula="number of answers",
    interval="count",
    unit="count",
    direction="neutral",
    table="feedback",
    measure=answers,
    options=(ANY_KIND, QUESTION),
    kinds=(*KINDS, "text"),
    events="answer_given",
)
RESPONDENTS = Metric(
    key="respondents",
    name=_("Customers who answered"),
    definition=_(
        "How many different customers gave an answer in the period. Merged customers count once; answers of unknown"
        " customers do not count."
    ),
    formula="number of different customers",
    interval="count",
    unit="count",
    direction="neutral",
    table="feedback",
    measure=respondents,
    options=(ANY_KIND, QUESTION),
    kinds=(*KINDS, "text"),
    events="answer_given",
)
COMMENTED = Metric(
    key="commented",
    name=_("Answers with a comment"),
    definition=_("The share of answers that carry a comment, among all answers given in the period."),
    formula="100 × answers with a comment / answers",
    interval="wilson",
    unit="percent",
    direction="neutral",
    table="feedback",
    measure=commented,
    options=(ANY_KIND, QUESTION),
    kinds=(*KINDS, "text"),
    counted="comment != ''",
    events="answer_given",
)
MEDIAN_SCORE = Metric(
    key="median_score",
    name=_("Median score"),
    definition=_(
        "The middle score of all answers to questions of one kind, in points of their scale. Answers without a score,"
        " or with one outside their scale, do not count."
    ),
    formula="score in the middle of all sorted scores (the mean of the two middle ones)",
    interval="order_statistics",
    unit="score",
    direction="higher",
    table="feedback",
    measure=median_score,
    options=(KIND, QUESTION),
    kinds=KINDS,
    counted=ON_SCALE,
    events="answer_given",
)
CUSTOMERS = Metric(
    key="customers",
    name=_("Active customers"),
    definition=_(
        "How many different customers have an event of any kind in the period. Merged customers count once; events of"
        " unknown customers do not count."
    ),
    formula="number of different customers",
    interval="count",
    unit="count",
    direction="higher",
    table="events",
    measure=customers,
    events="any event",
)
TICKETS = Metric(
    key="tickets",
    name=_("Tickets"),
    definition=_("How many tickets were opened in the period. Each counts once, in its present state."),
    formula="number of tickets",
    interval="count",
    unit="count",
    direction="neutral",
    table="tickets",
    measure=tickets,
    counted=PRESENT,
    events="ticket_updated",
)
ORDERS = Metric(
    key="orders",
    name=_("Orders"),
    definition=_("How many different orders reached a milestone (placed, unless another is chosen) in the period."),
    formula="number of different orders",
    interval="count",
    unit="count",
    direction="higher",
    table="order_milestones",
    measure=orders,
    options=(MILESTONE,),
    counted="milestone = 'placed'",
    events="order_placed, order_approved, order_shipped, order_delivered, order_cancelled",
)
EVENTS = Metric(
    key="events",
    name=_("Events"),
    definition=_("How many events happened in the period, of any name or of the names chosen."),
    formula="number of events",
    interval="count",
    unit="count",
    direction="neutral",
    table="events",
    measure=events,
    options=(NAME,),
    events="any event",
)
