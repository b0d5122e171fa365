"""Comparing two shares within strata: requests of the same kind, customers of the same country.

A channel that is given the hard requests looks worse than it is. Held against the others kind by kind, it does not.
"""

import math
from collections.abc import Sequence

import scipy  # `scipy.special` loads at its first use, which keeps it out of the start of the server

from cxm.stats.comparison import LEAST_SAMPLE, Difference
from cxm.stats.estimate import Z
from cxm.stats.samples import ShareSample


def difference_share_stratified(pairs: Sequence[tuple[ShareSample, ShareSample]]) -> Difference:
    """Change of a share as a fraction, −1..1: (before, after) of each stratum, taken together.

    The Mantel–Haenszel risk difference (Greenland and Robins, Biometrics 41, 1985), which weighs a stratum by
    n₁n₀/(n₁ + n₀), with Sato's variance (Biometrics 45, 1989), good both for few large and for many small strata; the
    interval and the p-value are normal. Strata in which one side is empty say nothing and do not count. No p-value with
    fewer than `LEAST_SAMPLE` on a side. For unweighted samples.
    """
    top = weight = p = q = 0.0
    n_before = n_after = 0
    for before, after in pairs:
        y, m, x, n = before.successes, before.total, after.successes, after.total
        if not m or not n:
            continue
        every = m + n
        top += (x * m - y * n) / every
        weight += m * n / every
        p += (n * n * y - m * m * x + n * m * (m - n) / 2) / every**2
        q += (x * (m - y) + y * (n - x)) / (2 * every)
        n_before, n_after = n_before + before.n, n_after + after.n
    if not weight:
        return Difference(None, None, None, None, n_before, n_after)
    value = top / weight
    error = math.sqrt(max(value * p + q, 0.0)) / weight
    if not error:
        return Difference(value, None, None, None, n_before, n_after)
    known = min(n_before, n_after) >= LEAST_SAMPLE
    p_value = 2 * float(scipy.special.ndtr(-abs(value) / error)) if known else None
    return Difference(
        value, max(value - Z * error, -1.0), min(value + Z * error, 1.0), p_value, n_before, n_after
    )  # fmt: skip
