"""Shapley shares of McFadden's R² from logistic regressions on all subsets of drivers.

A resample is not fitted anew: at the maximum the deviance is flat, so that to second order it is the sum of the drawn
rows' own deviances less what one Newton step would gain (Davison and Hinkley, Bootstrap Methods, 1997, section 9.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from cxm.stats.allsubsets import (
    NOISE,
    Fitted,
    add_noise,
    bundles,
    columns_of_subsets,
    resampled_counts,
    scaled,
    subset_weights,
    tail,
)
from cxm.stats.refusals import Floats

ROWS_OF_NOISE: Final = 4000
RIDGE: Final = 1e-6


def logistic(
    x: Floats, y: Floats, w: Floats, sizes: Sequence[int], rng: np.random.Generator, replications: int
) -> Fitted:  # fmt: skip
    """As `allsubsets.linear`, of an outcome of 0 and 1."""
    n, p = len(y), len(sizes)
    z = np.column_stack([np.ones(n), scaled(x, w)])
    weights, subsets = subset_weights(p), 1 << p
    order, edges = bundles(n, rng)
    counts = resampled_counts(len(edges) - 1, replications, rng)
    chosen = rng.choice(n, ROWS_OF_NOISE, replace=False) if n > ROWS_OF_NOISE else np.arange(n)
    ends = 1 + np.cumsum(sizes)
    deviance, information = np.empty(subsets), np.empty(subsets)
    redrawn = np.empty((replications, subsets))
    residuals = np.empty((len(chosen), subsets))
    betas = np.zeros((subsets, z.shape[1]))
    for mask in range(subsets):
        inside = [0]
        for driver in range(p):
            if mask >> driver & 1:
                inside += range(ends[driver] - sizes[driver], ends[driver])
        part = z[:, inside]
        before = betas[mask & ~(1 << mask.bit_length() - 1)] if mask else betas[0]
        beta, chance, inverse = _newton(part, y, w, before[inside])
        betas[mask, inside] = beta
        own = -2 * w * np.log(np.where(y == 1, chance, 1 - chance))
        scores = part * (w * (y - chance))[:, None]
        drawn = counts @ np.add.reduceat(np.column_stack([own, scores])[order], edges[:-1], axis=0)
        deviance[mask] = own.sum()
        redrawn[:, mask] = drawn[:, 0] - np.einsum("bi,ij,bj->b", drawn[:, 1:], inverse, drawn[:, 1:])
        residuals[:, mask] = (w * (y - chance))[chosen]
        information[mask] = (w * chance * (1 - chance)).sum()
    shares = (1 - deviance / deviance[0]) @ weights
    draws = (1 - redrawn / redrawn[:, :1]) @ weights
    effective = w.sum() ** 2 / (w**2).sum()
    room = information * np.maximum(effective - columns_of_subsets(sizes) - 1, 1.0) / effective * deviance[0]
    noise = rng.standard_normal((NOISE * max(sizes), len(chosen))) @ residuals * np.sqrt(n / len(chosen))
    null = np.zeros((NOISE, p))
    add_noise(null, (noise**2 / room) @ -np.minimum(weights, 0.0), 0, sizes)
    return Fitted(shares, draws, shares, tail(null, shares), 0.0)


def _newton(z: Floats, y: Floats, w: Floats, start: Floats) -> tuple[Floats, Floats, Floats]:
    """Slopes, chances, and the inverse of the information. A weak ridge keeps slopes finite where a column tells yes
    from no without fail."""
    ridge = np.full(z.shape[1], RIDGE * float(w.sum()))
    ridge[0] = 0.0
    beta = start.copy()
    for _step in range(50):
        chance: Floats = 1 / (1 + np.exp(-np.clip(z @ beta, -35, 35)))
        inner = (z * (w * chance * (1 - chance))[:, None]).T @ z + np.diag(ridge)
        inverse = np.asarray(np.linalg.pinv(inner, hermitian=True), dtype=np.float64)
        step = inverse @ (z.T @ (w * (y - chance)) - ridge * beta)
        if np.abs(step).max() < 1e-8:
            break
        beta += step
    return beta, chance, inverse
