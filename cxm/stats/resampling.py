"""The bootstrap, for a statistic that has no interval of its own here."""

from collections.abc import Callable

import numpy as np
import scipy  # `scipy.special` loads at its first use, which keeps it out of the start of the server
from numpy.typing import ArrayLike

from cxm.stats.estimate import Estimate, Z, around, nothing, without_interval
from cxm.stats.refusals import Floats

_JACKKNIFE_UP_TO = 2000


def bootstrap(values: ArrayLike, statistic: Callable[[Floats], float], seed: int, replications: int = 2000) -> Estimate:
    """A statistic of the rows of `values` with Efron's BCa interval (JASA 82, 1987).

    `values`: n numbers, or n rows of numbers, drawn together; `statistic` maps such an array to one number.
    Percentiles of `replications` resamples, corrected for bias and, up to 2 000 rows, for skewness by the
    jackknife (beyond that the acceleration is taken as 0, where it is negligible). The same seed gives the
    same interval. n = 1, or a statistic that never varies, gives no interval. Below about 20 rows the
    interval is too narrow (it covers near 90 %); prefer a method made for the number.

    Raises ValueError for NaN among the values or the statistics, or fewer than 100 replications.
    """
    rows: Floats = np.asarray(values, dtype=np.float64)
    if rows.ndim not in (1, 2) or not np.isfinite(rows).all():
        raise ValueError("values must be n numbers or n rows of numbers, all finite")
    if replications < 100:
        raise ValueError(f"replications must be 100 or more, got {replications!r}")
    n = rows.shape[0]
    if n == 0:
        return nothing()
    value = float(statistic(rows))
    rng = np.random.default_rng(seed)
    draws = np.array([statistic(rows[rng.integers(0, n, n)]) for _ in range(replications)], dtype=np.float64)
    if not np.isfinite(draws).all() or not np.isfinite(value):
        raise ValueError("the statistic is not finite on every resample")
    if n == 1 or draws.min() == draws.max():
        return without_interval(value, n)
    below = (np.count_nonzero(draws < value) + np.count_nonzero(draws == value) / 2) / replications
    bias = float(scipy.special.ndtri(np.clip(below, 1 / replications, 1 - 1 / replications)))
    acceleration = _acceleration(rows, statistic) if n <= _JACKKNIFE_UP_TO else 0.0
    shifted = np.array([bias - Z, bias + Z])
    levels = scipy.special.ndtr(bias + shifted / np.maximum(1 - acceleration * shifted, 0.1))
    low, high = np.quantile(draws, levels)
    return around(value, float(low), float(high), n, "bootstrap")


def _acceleration(rows: Floats, statistic: Callable[[Floats], float]) -> float:
    without = (np.delete(rows, i, axis=0) for i in range(rows.shape[0]))
    left_out = np.array([statistic(rest) for rest in without], dtype=np.float64)
    if not np.isfinite(left_out).all():
        return 0.0
    away = left_out.mean() - left_out
    spread = float((away**2).sum())
    return float((away**3).sum() / (6 * spread**1.5)) if spread > 0 else 0.0
