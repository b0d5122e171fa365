"""Early and last impressions: which of a customer's moments goes with what they do and say later.

The peak–end rule (Kahneman et al., Psychological Science 4, 1993) says that people remember the strongest moment and
the last one. Here it is a question to the own log: of each customer the first, the worst and the last moment *before*
an outcome, and the outcome:

- **score**: the newest answer of the chosen metric. Answers of that metric are no moments here, since they would
  foretell themselves;
- **return**: whether an order was placed within `RETURN_DAYS` after the last moment that lies so many days back.

For each of the three, customers for whom it was bad are compared with the others. As the three often coincide, they are
also held against each other: a least-squares line of the outcome on all three says what one of them adds where the
other two are the same, with intervals that allow for unequal scatter (HC3; MacKinnon and White, Journal of Econometrics
29, 1985).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxm.record.eventlog.scope import Scope
from cxm.stats.comparison import Difference, Verdict, difference_mean, difference_nps, difference_share, verdicts
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of, nps_of, share_of, student
from cxm.stats.samples import MeanSample, NpsSample, ShareSample

from .moments import BAD, Source, ask_moments

Outcome = Literal["nps", "csat", "ces", "return"]
Which = Literal["first", "worst", "last"]
WHICH: tuple[Which, ...] = ("first", "worst", "last")
RETURN_DAYS = 90
DAY_MS = 86_400_000
LEAST = 30  # customers that a line through three moments needs

# Rows of customers by what their moments were; `outcome` is the score, or 1 for those who came back.
SCORES = """
SELECT earlier[1].2 AS first, arrayMin(one -> one.2, earlier) AS worst, earlier[-1].2 AS last, answer.4 AS outcome,
       count() AS n
FROM (
    SELECT arrayLast(one -> one.4 >= 0, moments) AS answer,
           arrayFilter(one -> one.4 < 0 AND one.1 < answer.1, moments) AS earlier
    FROM ($sequences)
) WHERE notEmpty(earlier) AND answer.4 >= 0
GROUP BY first, worst, last, outcome ORDER BY first, worst, last, outcome
"""
RETURNS = """
SELECT earlier[1].2 AS first, arrayMin(one -> one.2, earlier) AS worst, earlier[-1].2 AS last,
       toFloat64(arrayExists(one -> one.2 = 2 AND one.1 > earlier[-1].1 AND one.1 <= earlier[-1].1 + {within:Int64},
                             everything)) AS outcome, count() AS n
FROM (
    SELECT everything, arrayFilter(one -> one.1 <= {until:Int64} - {within:Int64}, moments) AS earlier FROM ($sequences)
) WHERE notEmpty(earlier)
GROUP BY first, worst, last, outcome ORDER BY first, worst, last, outcome
"""


@dataclass(frozen=True, slots=True)
class Row:
    """So many customers whose first, worst and last moments were these (1, 0, −1), with this outcome."""

    first: int
    worst: int
    last: int
    outcome: float
    n: int


@dataclass(frozen=True, slots=True)
class Impression:
    """One of the three moments. `difference`: the outcome after a bad one less that after others, in `unit`.

    `alone`: what it adds where the other two moments are the same, from neutral to good or from bad to neutral; in
    points of the scale, or as a share of 0–1. None where that cannot be told apart.
    """

    which: Which
    after_bad: Estimate
    after_others: Estimate
    difference: Difference
    verdict: Verdict
    alone: Estimate | None


@dataclass(frozen=True, slots=True)
class Impressions:
    outcome: Outcome
    unit: str
    customers: int
    rows: list[Impression]


def impressions(scope: Scope, source: Source, outcome: Outcome, until_ms: int) -> Impressions:
    """`until_ms`: the moment up to which we know whether customers came back, in milliseconds since 1970."""
    if outcome == "return":
        answer = ask_moments(
            RETURNS, scope, source, Row, "returns", orders=True, until=until_ms, within=RETURN_DAYS * DAY_MS
        )
    else:
        answer = ask_moments(SCORES, scope, source, Row, "impressions", outcome=outcome)
    return judge(answer.rows, outcome)


def judge(rows: Sequence[Row], outcome: Outcome) -> Impressions:
    lines = _lines(rows)
    compared = []
    for which in WHICH:
        bad = [row for row in rows if getattr(row, which) == BAD]
        others = [row for row in rows if getattr(row, which) != BAD]
        compared.append((which, *_compare(others, bad, outcome)))
    judged = verdicts([difference for _which, _others, _bad, difference in compared])
    unit = {"nps": "points", "return": "percent"}.get(outcome, "score")
    return Impressions(
        outcome, unit, sum(row.n for row in rows),
        [
            Impression(which, bad, others, difference, verdict, lines.get(which))
            for (which, others, bad, difference), verdict in zip(compared, judged, strict=True)
        ],
    )  # fmt: skip


def _compare(before: Sequence[Row], after: Sequence[Row], outcome: Outcome) -> tuple[Estimate, Estimate, Difference]:
    if outcome == "nps":
        one, two = _nps(before), _nps(after)
        return nps_of(one), nps_of(two), difference_nps(one, two)
    if outcome == "return":
        first, second = _share(before), _share(after)
        return share_of(first), share_of(second), difference_share(first, second)
    mean1, mean2 = _mean(before), _mean(after)
    return mean_of(mean1), mean_of(mean2), difference_mean(mean1, mean2)


def _nps(rows: Sequence[Row]) -> NpsSample:
    good = sum(row.n for row in rows if row.outcome >= 9)
    bad = sum(row.n for row in rows if row.outcome <= 6)
    return NpsSample(good, sum(row.n for row in rows) - good - bad, bad)


def _share(rows: Sequence[Row]) -> ShareSample:
    return ShareSample(sum(row.n for row in rows if row.outcome), sum(row.n for row in rows))


def _mean(rows: Sequence[Row]) -> MeanSample:
    return MeanSample(
        sum(row.n for row in rows),
        sum(row.n * row.outcome for row in rows),
        sum(row.n * row.outcome**2 for row in rows),
    )


def _lines(rows: Sequence[Row]) -> dict[Which, Estimate]:
    """The three slopes of outcome on first, worst and last moment, with HC3 intervals; empty where they merge."""
    n = sum(row.n for row in rows)
    if n < LEAST:
        return {}
    x = np.array([[1.0, row.first, row.worst, row.last] for row in rows])
    y = np.array([row.outcome for row in rows])
    w = np.array([row.n for row in rows], dtype=float)
    gram = x.T @ (x * w[:, None])
    if np.linalg.matrix_rank(gram) < 4:
        return {}
    inverse = np.linalg.inv(gram)
    slopes: NDArray[np.float64] = inverse @ (x.T @ (w * y))
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    scatter = w * ((y - x @ slopes) / np.maximum(1 - leverage, 1e-9)) ** 2
    errors = np.sqrt(np.diag(inverse @ (x.T @ (x * scatter[:, None])) @ inverse))
    reach = student(n - 4)
    return {
        which: Estimate(float(slope), float(slope - reach * error), float(slope + reach * error), n, "ols_hc3")
        for which, slope, error in zip(WHICH, slopes[1:], errors[1:], strict=True)
    }
