"""Medians and other quantiles with distribution-free intervals.

The value of the q-quantile of n sorted numbers is the linear interpolation at position 1 + (n − 1) q (type 7
of Hyndman and Fan, The American Statistician 50, 1996; numpy's and pandas' default, and Postgres'
`percentile_cont`).

The interval (`order_statistics`) runs between two of the sorted numbers themselves: the lower is the l-th
with the largest l for which P(Binomial(n, q) < l) ≤ 2.5 %, the upper the u-th with the smallest u for which
P(Binomial(n, q) ≥ u) ≤ 2.5 % (David and Nagaraja, Order Statistics, 2003, section 7.1). It assumes nothing
about the distribution and is conservative with ties. Where no rank is far enough out, that side is None: the
data do not bound it. A median needs n ≥ 6, a 90th percentile n ≥ 36 for its upper side.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy  # `scipy.special` loads at its first use, which keeps it out of the start of the server
from numpy.typing import ArrayLike

from cxm.stats.estimate import CONFIDENCE, Estimate, around, nothing
from cxm.stats.refusals import finite_array, refuse_fractional, refuse_outside_unit

_TAIL = (1 - CONFIDENCE) / 2


@dataclass(frozen=True, slots=True)
class QuantileRanks:
    """Ranks (1 = smallest) to fetch for one quantile of `n` sorted values.

    `position` is where the value lies, between ranks floor and ceil; `lower` and `upper` bound the interval,
    None where 95 % cannot be reached on that side.
    """

    n: int
    lower: int | None
    position: float
    upper: int | None

    @property
    def needed(self) -> tuple[int, ...]:
        """The two to four ranks whose values `quantile_from_ranks` wants, ascending."""
        wanted = {math.floor(self.position), math.ceil(self.position), self.lower, self.upper}
        return tuple(sorted(rank for rank in wanted if rank is not None))


def quantile_ranks(n: int, q: float) -> QuantileRanks:
    """The ranks a database should fetch for the q-quantile of n values, so that it need not ship them all.

    Raises ValueError for n < 1 or q outside (0, 1).
    """
    refuse_fractional(n=n)
    refuse_outside_unit(q=q)
    if n < 1:
        raise ValueError("there are no ranks among no values")
    lower, upper = _lower_rank(n, q), _lower_rank(n, 1 - q)
    # 1 + (n − 1) q can land a rounding error beside a whole rank (n = 11, q = 0.3)
    position = 1 + (n - 1) * q
    if abs(position - round(position)) < 1e-9 * n:
        position = float(round(position))
    return QuantileRanks(n, lower, position, None if upper is None else n + 1 - upper)


def _lower_rank(n: int, q: float) -> int | None:
    """Largest rank l with P(Binomial(n, q) ≤ l − 1) ≤ 2.5 %, by bisection; None when there is none."""
    none, beyond = 0, math.ceil(n * q) + 1
    while beyond - none > 1:
        middle = (none + beyond) // 2
        if scipy.special.bdtr(middle - 1, n, q) <= _TAIL:
            none = middle
        else:
            beyond = middle
    return none or None


def quantile_from_ranks(ranks: QuantileRanks, fetched: Mapping[int, float]) -> Estimate:
    """The estimate from the values at `ranks.needed` (rank -> value).

    Raises ValueError when a needed rank is missing or a value is NaN.
    """
    values: dict[int, float] = {}
    for rank in ranks.needed:
        if rank not in fetched or not math.isfinite(fetched[rank]):
            raise ValueError(f"the value at rank {rank} is missing or not finite")
        values[rank] = float(fetched[rank])
    below, above = values[math.floor(ranks.position)], values[math.ceil(ranks.position)]
    part = ranks.position - math.floor(ranks.position)
    value = below + (above - below) * part if part < 0.5 else above - (above - below) * (1 - part)
    low = None if ranks.lower is None else values[ranks.lower]
    high = None if ranks.upper is None else values[ranks.upper]
    if low is None and high is None:
        return Estimate(value, None, None, ranks.n, "none")
    if low is not None and high is not None:
        return around(value, low, high, ranks.n, "order_statistics")
    return Estimate(
        value,
        None if low is None else min(low, value),
        None if high is None else max(high, value),
        ranks.n,
        "order_statistics",
    )


def quantile(values: ArrayLike, q: float) -> Estimate:
    """The q-quantile of the values (any order), in their unit; see the module for value and interval.

    Raises ValueError for NaN among the values or q outside (0, 1).
    """
    array = finite_array("values", values)
    refuse_outside_unit(q=q)
    if array.size == 0:
        return nothing()
    ranks = quantile_ranks(array.size, q)
    places = [rank - 1 for rank in ranks.needed]
    part = np.partition(array, places)
    return quantile_from_ranks(ranks, {place + 1: float(part[place]) for place in places})


def median(values: ArrayLike) -> Estimate:
    """The middle value (mean of the two middle ones for even n): `quantile` at one half."""
    return quantile(values, 0.5)


def quantile_from_counts(values: ArrayLike, counts: ArrayLike, q: float) -> Estimate:
    """`quantile` from a histogram: distinct values (any order) and how often each occurs.

    Raises ValueError for shapes that differ, negative or fractional counts, NaN.
    """
    points, times = finite_array("values", values), finite_array("counts", counts)
    refuse_outside_unit(q=q)
    if points.shape != times.shape:
        raise ValueError("values and counts must have the same length")
    if (times < 0).any() or (times != np.floor(times)).any():
        raise ValueError("counts must be whole numbers from 0")
    n = int(times.sum())
    if n == 0:
        return nothing()
    order = np.argsort(points, kind="stable")
    reached = np.cumsum(times[order])
    ranks = quantile_ranks(n, q)
    found = np.searchsorted(reached, np.array(ranks.needed, dtype=np.float64), side="left")
    ordered = points[order]
    return quantile_from_ranks(ranks, {rank: float(ordered[i]) for rank, i in zip(ranks.needed, found, strict=True)})
