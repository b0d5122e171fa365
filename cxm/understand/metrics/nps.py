"""Net Promoter Score.

100 × (promoters − detractors) / answers, in points from −100 to 100. A promoter scores 9 or 10, a passive 7 or 8, a
detractor 0 to 6, on a scale from 0 to 10. Every answer counts, also several of one customer, at the time it was given.
Answers without a score, or with one outside 0–10, are left out and counted (`excluded`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext_lazy as _

from cxm.stats.intervals import nps_of
from cxm.stats.samples import NpsSample

from .metric import Cell, Measurement, Metric, Question
from .scores import QUESTION, ask_scores, excluded

KINDS = ("nps",)


@dataclass(frozen=True, slots=True)
class Row:
    period: date
    by: str
    answers: int
    promoters: float
    detractors: float
    total: float
    squares: float


SQL = """
SELECT $period AS period, $by AS by, toUInt64(sum($n)) AS answers,
       toFloat64(sumIf($w, score >= 9)) AS promoters, toFloat64(sumIf($w, score < 7)) AS detractors,
       toFloat64(sum($w)) AS total, toFloat64(sum($w2)) AS squares
FROM $table $join
WHERE $scope AND $answers AND score BETWEEN 0 AND 10
GROUP BY period, by ORDER BY period, by
"""


def nps(question: Question) -> Measurement:
    answer = ask_scores(question, SQL, Row, name="nps", kinds=KINDS)
    cells = []
    for row in answer.rows:
        passives = max(row.total - row.promoters - row.detractors, 0.0)
        sample = (
            NpsSample(row.promoters, passives, row.detractors, row.squares, row.answers)
            if question.weighted
            else NpsSample(row.promoters, passives, row.detractors)
        )
        parts = {"promoters": row.promoters, "passives": passives, "detractors": row.detractors}
        cells.append(Cell(row.period, row.by, nps_of(sample), sample, parts))
    return Measurement(cells, answer.sql, answer.parameters)


NPS = Metric(
    key="nps",
    name=_("Net Promoter Score"),
    definition=_(
        "The share of promoters (score 9 or 10) minus the share of detractors (0 to 6) among all answers, in points"
        " from −100 to 100. Every answer counts at the time it was given, also several of one customer. Answers without"
        " a score, or with one outside 0 to 10, do not count."
    ),
    formula="100 × (promoters − detractors) / answers",
    interval="nps_plus_one",
    unit="points",
    direction="higher",
    table="feedback",
    measure=nps,
    options=(QUESTION,),
    weighted=True,
    kinds=KINDS,
    excluded=lambda question: excluded(question, KINDS, (0.0, 10.0)),
    counted="score BETWEEN 0 AND 10",
    events="answer_given (metric nps)",
)
