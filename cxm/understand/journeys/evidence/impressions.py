"""Early and last impressions: which of a customer's moments goes with what they do and say later.

The peak–end rule (Kahneman et al., Psychological Science 4, 1993) says that people remember the strongest moment and
the last one. Here it is a question to the own log: of each customer the first, the worst and the last moment *before*
an outcome, and the outcome:

- **score**: the newest answer of the chosen metric. Answers of that metric are no moments here, since they would
  foretell themselves;
- **return**: whether an order was placed within `RETURN_DAYS` after the last moment that lies so many days back.

For each of the three, customers for whom it was bad are compared with others who had as many moments. As the three
often coincide, they are also held against each other: a least-squares line of the outcome on all three says what one of
them adds where the other two are the same, with intervals that allow for unequal scatter (HC3; MacKinnon and White,
Journal of Econometrics 29, 1985).
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
       count() AS n, toUInt8(least(length(earlier), 6)) AS met
FROM (
    SELECT arrayLast(one -> one.4 >= 0, moments) AS answer,
           arrayFilter(one -> one.4 < 0 AND one.1 < answer.1, moments) AS earlier
    FROM ($sequences)
) WHERE notEmpty(earlier) AND answer.4 >= 0
GROUP BY first, worst, last, outcome, met ORDER BY first, worst, last, outcome, met
"""
RETURNS = """
SELECT earlier[1].2 AS first, arrayMin(one -> one.2, earlier) AS worst, earlier[-1].2 AS last,
       toFloat64(arrayExists(one -> one.2 = 2 AND one.1 > earlier[-1].1 AND one.1 <= earlier[-1].1 + {within:Int64},
                             everything)) AS outcome, count() AS n,
       toUInt8(least(length(earlier), 6)) AS met
FROM (
    SELECT everything, arrayFilter(one -> one.1 <= {until:Int64} - {within:Int64}, moments) AS earlier FROM ($sequences)
) WHERE notEmpty(earlier)
GROUP BY first, worst, last, outcome, met ORDER BY first, worst, last, outcome, met
"""


@dataclass(frozen=True, slots=True)
class Row:
    """So many customers whose first, worst and last moments were these (1, 0, −1), with this outcome.

    `met`: how many moments they had, six standing for more.
    """

    first: int
    worst: int
    last: int
    outcome: float
    n: int
    met: int = 1


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
    return judge(impression_rows(scope, source, outcome, until_ms), outcome)


def impression_rows(scope: Scope, source: Source, outcome: Outcome, until_ms: int) -> list[Row]:
    """What `judge` judges."""
    if outcome == "return":
        answer = ask_moments(
            RETURNS, scope, source, Row, "returns", orders=True, until=until_ms, within=RETURN_DAYS * DAY_MS
        )
    else:
        answer = ask_moments(SCORES, scope, source, Row, "impressions", outcome=outcome)
    return answer.rows


def judge(rows: Sequence[Row], outcome: Outcome) -> Impressions:
    lines = _lines(rows)
    compared = []
    for which in WHICH:
        compared.append((which, *_compare(*_alike(rows, which), outcome)))
    judged = verdicts([difference for _which, _others, _bad, difference in compared])
    unit = {"nps": "points", "return": "percent"}.get(outcome, "score")
    return Impressions(
        outcome, unit, sum(row.n for row in rows),
        [
            Impression(which, bad, others, difference, verdict, lines.get(which))
            for (which, others, bad, difference), verdict in zip(compared, judged, strict=True)
        ],
    )  # fmt: skip


Weighted = Sequence[tuple[Row, float]]


def _alike(rows: Sequence[Row], which: Which) -> tuple[Weighted, Weighted]:
    """The others and those for whom it was bad, each row with the weight of a customer in it.

    Who meets us more often has more chances of a bad moment, and comes back more often too. So the others are weighted
    to have had as many moments as those for whom it was bad; those who have nobody like them are left out.
    """
    bad: dict[int, int] = {}
    others: dict[int, int] = {}
    for row in rows:
        side = bad if getattr(row, which) == BAD else others
        side[row.met] = side.get(row.met, 0) + row.n
    both = bad.keys() & others.keys()
    return (
        [(row, bad[row.met] / others[row.met]) for row in rows if row.met in both and getattr(row, which) != BAD],
        [(row, 1.0) for row in rows if row.met in both and getattr(row, which) == BAD],
    )


def _compare(before: Weighted, after: Weighted, outcome: Outcome) -> tuple[Estimate, Estimate, Difference]:
    if outcome == "nps":
        one, two = _nps(before), _nps(after)
        return nps_of(one), nps_of(two), difference_nps(one, two)
    if outcome == "return":
        first, second = _share(before), _share(after)
        return share_of(first), share_of(second), difference_share(first, second)
    mean1, mean2 = _mean(before), _mean(after)
    return mean_of(mean1), mean_of(mean2), difference_mean(mean1, mean2)


def _sums(rows: Weighted) -> tuple[int, float, float]:
    """Customers, and the sums of their weights and of the squares of these."""
    return (
        sum(row.n for row, _w in rows), sum(row.n * w for row, w in rows), sum(row.n * w * w for row, w in rows)
    )  # fmt: skip


def _nps(rows: Weighted) -> NpsSample:
    n, weight, squares = _sums(rows)
    good = sum(row.n * w for row, w in rows if row.outcome >= 9)
    bad = sum(row.n * w for row, w in rows if row.outcome <= 6)
    return NpsSample(good, max(weight - good - bad, 0.0), bad, squares, n)


def _share(rows: Weighted) -> ShareSample:
    n, weight, squares = _sums(rows)
    return ShareSample(sum(row.n * w for row, w in rows if row.outcome), weight, squares, n)


def _mean(rows: Weighted) -> MeanSample:
    n, weight, squares = _sums(rows)
    return MeanSample(
        n, sum(row.n * w * row.outcome for row, w in rows), sum(row.n * w * row.outcome**2 for row, w in rows),
        weight, squares,
    )  # fmt: skip


def _lines(rows: Sequence[Row]) -> dict[Which, Estimate]:
    """The three slopes of outcome on first, worst and last moment, with HC3 intervals; empty where they merge.

    How many moments there were is held equal too.
    """
    n = sum(row.n for row in rows)
    if n < LEAST:
        return {}
    x = np.array([[1.0, row.first, row.worst, row.last, row.met] for row in rows])
    if np.ptp(x[:, 4]) == 0:
        x = x[:, :4]
    y = np.array([row.outcome for row in rows])
    w = np.array([row.n for row in rows], dtype=float)
    gram = x.T @ (x * w[:, None])
    if np.linalg.matrix_rank(gram) < x.shape[1]:
        return {}
    inverse = np.linalg.inv(gram)
    slopes: NDArray[np.float64] = inverse @ (x.T @ (w * y))
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    scatter = w * ((y - x @ slopes) / np.maximum(1 - leverage, 1e-9)) ** 2
    errors = np.sqrt(np.diag(inverse @ (x.T @ (x * scatter[:, None])) @ inverse))
    reach = student(n - x.shape[1])
    return {
        which: Estimate(float(slope), float(slope - reach * error), float(slope + reach * error), n, "ols_hc3")
        for which, slope, error in zip(WHICH, slopes[1:4], errors[1:4], strict=True)
    }
