"""Is this change real? Differences of two samples with interval and p-value, and the verdicts of one page.

The null hypothesis of every p-value is "no change": both samples were drawn from the same distribution. That
is what a page claims when it shows no arrow, and it is the one under which a test can hold its size at ten
skewed answers, by conditioning on the pooled answers (permutation).

Every interval is made by squaring and adding the distances of the two single intervals (Newcombe's hybrid
method, Statistics in Medicine 17, 1998; Zou and Donner's MOVER, ibid. 27, 2008), except that of means. No
p-value is ever below 0.05 while the interval contains 0, so a verdict never contradicts the interval shown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import scipy  # `scipy.special` loads at its first use, which keeps it out of the start of the server
from numpy.typing import ArrayLike

from cxm.stats.estimate import Estimate, Z
from cxm.stats.intervals import Bounds, bounded_moments, check_bounds, nps_of, share_of, student
from cxm.stats.quantiles import quantile
from cxm.stats.refusals import Floats, finite_array, refuse_outside_unit
from cxm.stats.samples import MeanSample, NpsSample, ShareSample

LEAST_SAMPLE: Final = 10
"""Answers that each side needs before a p-value is given; the size of the tests is verified from here up."""

Verdict = Literal["up", "down", "no_evidence"]

_EXACT_CELLS = 100_000
"""Up to this many tables the conditional distribution is enumerated (ms); beyond, it is normal to the eye."""


@dataclass(frozen=True, slots=True)
class Difference:
    """After minus before, with its 95 % interval, in the unit of the two numbers.

    `p_value`: two-sided, for "no change"; None when a side has fewer than `LEAST_SAMPLE` answers or the data
    have no scatter to judge by. `value`, `low`, `high` are None where they cannot be told.
    """

    value: float | None
    low: float | None
    high: float | None
    p_value: float | None
    n_before: int
    n_after: int


def difference_nps(before: NpsSample, after: NpsSample) -> Difference:
    """Change of the Net Promoter Score in points, −200..200.

    Interval: squared and added `intervals.nps`. p-value: twice the smaller tail, with half the probability of
    the observed value (mid-p), of the score's distribution over all ways to deal the pooled promoters,
    passives and detractors to the two samples (multivariate hypergeometric), never below the interval's own
    p-value. Beyond 100 000 tables the same distribution is taken as normal. Weighted samples enter the test
    with their counts scaled to Kish's effective size and rounded to whole answers.
    """
    p1, s1, d1 = _whole(before.effective())
    p2, s2, d2 = _whole(after.effective())
    return _with_exact_p(
        difference_from_intervals(nps_of(before), nps_of(after)), _p_of_scores((p1, s1, d1), (p2, s2, d2))
    )


def difference_share(before: ShareSample, after: ShareSample) -> Difference:
    """Change of a share as a fraction, −1..1.

    Interval: squared and added `intervals.share` (Newcombe, Statistics in Medicine 17, 1998, method 10).
    p-value: Fisher's exact test, two-sided by doubling the smaller tail, with mid-p, never below the interval's
    own p-value; beyond 100 000 tables the normal approximation of the same distribution. Weighted samples as in
    `difference_nps`.
    """
    k1, f1 = _whole(before.effective())
    k2, f2 = _whole(after.effective())
    return _with_exact_p(
        difference_from_intervals(share_of(before), share_of(after)), _p_of_scores((k1, f1, 0), (k2, f2, 0))
    )


def difference_mean(before: MeanSample, after: MeanSample, bounds: Bounds | None = None) -> Difference:
    """Change of a mean, in its unit.

    The wider of two intervals, and the larger of two p-values: Welch's (Biometrika 34, 1947), and Student's
    with pooled variance. Welch's alone calls 10–35 % of unchanged skewed pairs changed when ten answers meet
    four hundred; Student's alone fails when the variances differ. Where they agree nothing is lost.

    With `bounds` (the scale's lowest and highest answer), the interval is clipped to ± their distance, and
    where Welch's variance is smaller than with three answers added (`intervals.mean`), the latter is taken
    for the interval. Without any scatter on both sides there is no p-value, nor an interval without bounds.
    """
    if bounds is not None:
        check_bounds(bounds)
    if before.empty or after.empty:
        return Difference(None, None, None, None, before.n, after.n)
    n1, m1, q1 = before.effective()
    n2, m2, q2 = after.effective()
    value = m2 - m1
    low = high = p_value = None
    half = 0.0
    if min(n1, n2) > 1 and q1 + q2 > 0:
        v1, v2 = q1 / (n1 - 1) / n1, q2 / (n2 - 1) / n2
        welch, welch_df = math.sqrt(v1 + v2), (v1 + v2) ** 2 / (v1**2 / (n1 - 1) + v2**2 / (n2 - 1))
        pooled_df = n1 + n2 - 2
        pooled = math.sqrt((q1 + q2) / pooled_df * (1 / n1 + 1 / n2))
        half = max(welch * student(welch_df), pooled * student(pooled_df))
        if min(before.n, after.n) >= LEAST_SAMPLE:
            tails = (
                scipy.special.stdtr(welch_df, -abs(value) / welch),
                scipy.special.stdtr(pooled_df, -abs(value) / pooled),
            )
            p_value = 2 * float(max(tails))
    if bounds is not None:
        sides = (n1, m1, q1), (n2, m2, q2)
        spread = sum(bounded_moments(n, m, q, bounds)[1] / (n + 3) for n, m, q in sides)
        half, reach = max(half, Z * math.sqrt(spread)), bounds[1] - bounds[0]
        low, high = max(value - half, -reach), min(value + half, reach)
        if p_value is not None and low <= 0 <= high:
            p_value = max(p_value, 2 * float(scipy.special.ndtr(-Z * abs(value) / half)))
    elif half > 0:
        low, high = value - half, value + half
    return Difference(value, low, high, p_value, before.n, after.n)


def difference_quantile(before: ArrayLike, after: ArrayLike, q: float) -> Difference:
    """Change of the q-quantile, in the unit of the values (durations, money).

    Interval: squared and added `quantiles.quantile`. p-value: how many values of each sample lie above the
    pooled q-quantile, compared by the exact test of `difference_share` (Mood's median test for q = 1/2;
    Brown and Mood 1951), never below the interval's own; without an interval there is no p-value.
    """
    first, second = finite_array("before", before), finite_array("after", after)
    refuse_outside_unit(q=q)
    difference = difference_from_intervals(quantile(first, q), quantile(second, q))
    if difference.p_value is None:
        return difference
    pooled = np.quantile(np.concatenate([first, second]), q)
    above = int((first > pooled).sum()), int((second > pooled).sum())
    rest = first.size - above[0], second.size - above[1]
    return _with_exact_p(difference, _p_of_scores((above[0], rest[0], 0), (above[1], rest[1], 0)))


def difference_median(before: ArrayLike, after: ArrayLike) -> Difference:
    """Change of the median: `difference_quantile` at one half."""
    return difference_quantile(before, after, 0.5)


def difference_from_intervals(before: Estimate, after: Estimate) -> Difference:
    """Change between any two independent estimates that carry intervals, in their unit.

    low = d − √((after.value − after.low)² + (before.high − before.value)²), high likewise with the other two
    distances. p-value: the distance of d from 0 in units of the side of that interval that faces 0, referred
    to Student's distribution with the smaller n less 1 degrees of freedom and scaled so that p is 0.05 where
    the interval ends at 0. It is as good as the two intervals are; prefer the tests made for the number.
    """
    if before.value is None or after.value is None:
        return Difference(None, None, None, None, before.n, after.n)
    value = after.value - before.value
    low = _added(value, after.value, after.low, before.value, before.high, -1)
    high = _added(value, after.value, after.high, before.value, before.low, 1)
    least = min(before.n, after.n)
    p_value = None
    if low is not None and high is not None and least >= LEAST_SAMPLE:
        if value == 0:
            p_value = 1.0
        else:
            facing = value - low if value > 0 else high - value
            df = least - 1
            p_value = 2 * float(scipy.special.stdtr(df, -student(df) * abs(value) / facing)) if facing > 0 else None
    return Difference(value, low, high, p_value, before.n, after.n)


def _added(
    value: float, after: float, after_end: float | None, before: float, before_end: float | None, sign: int
) -> float | None:
    if after_end is None or before_end is None:
        return None
    return value + sign * math.hypot(after - after_end, before - before_end)


def _with_exact_p(difference: Difference, exact: float) -> Difference:
    """The difference with the exact p-value, or its interval's own where the two disagree about 0."""
    p_value = None
    if difference.p_value is not None:
        p_value = max(exact, difference.p_value)
    return Difference(
        difference.value, difference.low, difference.high, p_value, difference.n_before, difference.n_after
    )


def _whole(counts: Sequence[float]) -> tuple[int, ...]:
    return tuple(round(count) for count in counts)


def _choose(n: int, k: Floats) -> Floats:
    """Logarithm of the binomial coefficient n over k."""
    result: Floats = (
        scipy.special.gammaln(n + 1.0) - scipy.special.gammaln(k + 1.0) - scipy.special.gammaln(n - k + 1.0)
    )
    return result


def _p_of_scores(first: Sequence[int], second: Sequence[int]) -> float:
    """Mid-p, both sides, that dealing the pooled scores +1, 0, −1 at random moves the sum so far."""
    if sum(first) > sum(second):
        first, second = second, first
    n, rest = sum(first), sum(second)
    ups, zeros, downs = (a + b for a, b in zip(first, second, strict=True))
    if n == 0:
        return 1.0
    reach_up, reach_down = min(n, ups), min(n, downs)
    if (reach_up + 1) * (reach_down + 1) > _EXACT_CELLS:
        total = n + rest
        centre = (ups - downs) / total
        variance = (ups + downs - total * centre * centre) / (total - 1) * n * rest / total
        away = abs(first[0] - first[2] - n * centre)
        return 2 * float(scipy.special.ndtr(-away / math.sqrt(variance))) if variance > 0 else 1.0
    up = np.arange(reach_up + 1.0)[:, None]
    down = np.arange(reach_down + 1.0)[None, :]
    zero = n - up - down
    possible = (zero >= 0) & (zero <= zeros)
    log_ways = _choose(ups, up) + _choose(downs, down) + _choose(zeros, np.where(possible, zero, 0.0))
    ways = np.where(possible, np.exp(log_ways - log_ways[possible].max()), 0.0)
    sums = np.bincount((up - down + n).astype(np.int64).ravel(), weights=ways.ravel(), minlength=2 * n + 1)
    sums = sums / sums.sum()
    at = first[0] - first[2] + n
    here = sums[at] / 2
    return min(1.0, 2 * float(min(sums[:at].sum(), sums[at + 1 :].sum()) + here))


def benjamini_hochberg(p_values: Sequence[float | None], q: float = 0.05) -> list[bool]:
    """Which of the hypotheses are rejected with a false-discovery rate of q (JRSS B 57, 1995).

    The k smallest p-values are rejected for the largest k with p_(k) ≤ q k / m; m counts the p-values that
    are not None. Where nothing has changed, the chance of any rejection is at most q, for independent or
    positively dependent comparisons. Raises ValueError for a p-value outside [0, 1] or NaN.
    """
    refuse_outside_unit(q=q)
    known = [p for p in p_values if p is not None]
    for p in known:
        if not 0 <= p <= 1:
            raise ValueError(f"a p-value lies in [0, 1], got {p!r}")
    limit = -1.0
    for k, p in enumerate(sorted(known), start=1):
        if p <= q * k / len(known):
            limit = p
    return [p is not None and p <= limit for p in p_values]


def verdicts(differences: Sequence[Difference], q: float = 0.05) -> list[Verdict]:
    """Up, down or no evidence for every comparison of one page, by `benjamini_hochberg` over all of them.

    Pass all comparisons that the page shows, at once: the guarantee (no arrow at all on 95 % of the pages
    where nothing changed) is lost when a page is judged tile by tile. A comparison without a p-value
    (missing or too small sample) is no evidence and does not count among the hypotheses.
    """
    real = benjamini_hochberg([difference.p_value for difference in differences], q)
    return [
        "no_evidence" if not found or not difference.value else "up" if difference.value > 0 else "down"
        for found, difference in zip(real, differences, strict=True)
    ]
