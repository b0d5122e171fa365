"""What comments say, in one number: net sentiment, and the share of negative ones.

A comment counts once it has been read (in a language that is understood), at the time of its answer or message. Mixed
and neutral ones count among all, and on neither side. What is not supported, or not yet read, does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext_lazy as _

from cxm.record.eventlog.ask import Answer
from cxm.record.eventlog.scope import Filter
from cxm.stats.intervals import nps_of
from cxm.stats.samples import NpsSample

from .counted import HitsRow, ask_cells, hit_cells
from .metric import Cell, Measurement, Metric, Question

READ = Filter("text.sentiment", "is_set")
# As the filter says it, for whoever lists the records.
COUNTED = "event_id GLOBAL IN (SELECT event_id FROM annotations FINAL WHERE $workspace AND sentiment $which)"


@dataclass(frozen=True, slots=True)
class Row:
    period: date
    by: str
    positive: int
    negative: int
    total: int


SQL = """
SELECT $period AS period, $by AS by, toUInt64(countIf(reading.read_sentiment = 'positive')) AS positive,
       toUInt64(countIf(reading.read_sentiment = 'negative')) AS negative, toUInt64(count()) AS total
FROM feedback $join
WHERE $scope
GROUP BY period, by ORDER BY period, by
"""
NEGATIVE_SQL = """
SELECT $period AS period, $by AS by, toUInt64(countIf(reading.read_sentiment = 'negative')) AS hits,
       toUInt64(count()) AS total
FROM feedback $join
WHERE $scope
GROUP BY period, by ORDER BY period, by
"""


def net_sentiment(question: Question) -> Measurement:
    answer: Answer[Row] = ask_cells(
        question, SQL, Row, name="sentiment", table="feedback", scope=question.scope.where(READ)
    )
    cells = []
    for row in answer.rows:
        sample = NpsSample(row.positive, row.total - row.positive - row.negative, row.negative)
        parts = {"positive": row.positive, "neither": sample.passives, "negative": row.negative}
        cells.append(Cell(row.period, row.by, nps_of(sample), sample, parts))
    return Measurement(cells, answer.sql, answer.parameters)


def negative_share(question: Question) -> Measurement:
    answer = ask_cells(
        question, NEGATIVE_SQL, HitsRow, name="negative_texts", table="feedback", scope=question.scope.where(READ)
    )
    return hit_cells(answer, hits="negative", total="texts")


SENTIMENT = Metric(
    key="sentiment",
    name=_("Net sentiment"),
    definition=_(
        "The share of positive comments minus the share of negative ones among all comments that were understood, in"
        " points from −100 to 100. Neutral and mixed comments count among all. Answers, messages, reviews and calls"
        " count at their own time."
    ),
    formula="100 × (positive − negative) / comments understood",
    interval="nps_plus_one",
    unit="points",
    direction="higher",
    table="feedback",
    measure=net_sentiment,
    counted=COUNTED.replace("$which", "!= ''"),
    events="answer_given, message_received, review_received, call_transcribed (comment)",
)
NEGATIVE = Metric(
    key="negative_texts",
    name=_("Negative comments"),
    definition=_(
        "The share of negative comments among all comments that were understood. Answers, messages, reviews and calls"
        " count at their own time."
    ),
    formula="100 × negative / comments understood",
    interval="wilson",
    unit="percent",
    direction="lower",
    table="feedback",
    measure=negative_share,
    counted=COUNTED.replace("$which", "!= ''"),
    events="answer_given, message_received, review_received, call_transcribed (comment)",
)
