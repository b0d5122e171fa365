"""Shapley shares of McFadden's R² from logistic regressions on all subsets of drivers, or on those of drawn orders.

A resample is not fitted anew: at the maximum the deviance is flat, so that to second order it is the sum of the drawn
rows' own deviances less what one Newton step would gain (Davison and Hinkley, Bootstrap Methods, 1997, section 9.2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from cxm.stats.allsubsets import (
    NOISE,
    Fitted,
    Orders,
    add_noise,
    bundles,
    orders_drawn,
    resampled_counts,
    scaled,
    shares_by_orders,
    shares_of,
    subset_weights,
    tail,
)
from cxm.stats.refusals import Floats

ROWS_OF_NOISE: Final = 4000
RIDGE: Final = 1e-6
MOST_STEPS: Final = 100
CONTROL_EXACT_UP_TO: Final = 15
FITS: Final = 2000
"""Fits at most, where they are not all subsets: so many divided by the drivers are the orders that are drawn."""


def logistic(
    x: Floats, y: Floats, w: Floats, sizes: Sequence[int], rng: np.random.Generator, replications: int, *, exact: bool
) -> Fitted:  # fmt: skip
    """As `allsubsets.linear`, of an outcome of 0 and 1."""
    n, p = len(y), len(sizes)
    z = np.column_stack([np.ones(n), scaled(x, w)])
    order, edges = bundles(n, rng)
    counts = resampled_counts(len(edges) - 1, replications, rng)
    chosen = rng.choice(n, ROWS_OF_NOISE, replace=False) if n > ROWS_OF_NOISE else np.arange(n)
    drawn_orders = None if exact else orders_drawn(p, max(FITS // p // 2, 1) * 2, rng)
    masks, weights = _subsets(p, drawn_orders)
    place = {mask: number for number, mask in enumerate(masks)}
    ends = 1 + np.cumsum(sizes)
    deviance, information, taken = np.empty(len(masks)), np.empty(len(masks)), np.empty(len(masks))
    redrawn = np.empty((replications, len(masks)))
    residuals = np.empty((len(chosen), len(masks)))
    betas = np.zeros((len(masks), z.shape[1]))
    for number, mask in enumerate(masks):
        inside = [0]
        for driver in range(p):
            if mask >> driver & 1:
                inside += range(ends[driver] - sizes[driver], ends[driver])
        part = z[:, inside]
        smaller = (place.get(mask & ~(1 << driver), number) for driver in reversed(range(p)) if mask >> driver & 1)
        start = next((betas[one] for one in smaller if one < number), betas[0])  # a fit with one driver less
        beta, chance, inverse = _newton(part, y, w, start[inside])
        betas[number, inside] = beta
        own = -2 * w * np.log(np.where(y == 1, chance, 1 - chance))
        scores = part * (w * (y - chance))[:, None]
        drawn = counts @ np.add.reduceat(np.column_stack([own, scores])[order], edges[:-1], axis=0)
        deviance[number] = own.sum()
        redrawn[:, number] = drawn[:, 0] - np.einsum("bi,ij,bj->b", drawn[:, 1:], inverse, drawn[:, 1:])
        residuals[:, number] = (w * (y - chance))[chosen]
        information[number] = (w * chance * (1 - chance)).sum()
        taken[number] = len(inside) - 1
    explained = 1 - deviance / deviance[0]
    shares = explained @ weights
    draws = (1 - redrawn / redrawn[:, :1]) @ weights
    effective = w.sum() ** 2 / (w**2).sum()
    room = information * np.maximum(effective - taken - 1, 1.0) / effective * deviance[0]
    noise = rng.standard_normal((NOISE * max(sizes), len(chosen))) @ residuals * np.sqrt(n / len(chosen))
    null = np.zeros((NOISE, p))
    add_noise(null, (noise**2 / room) @ -np.minimum(weights, 0.0), 0, sizes)
    if drawn_orders is None:
        return Fitted(shares, draws, shares, tail(null, shares), 0.0)
    added = _added(drawn_orders, explained, place)
    moved, error = _steadied(added, np.column_stack([z, scaled(y[:, None], w)]), w, drawn_orders, sizes, rng)
    return Fitted(moved, draws, shares, tail(null, moved), error)


def _subsets(p: int, drawn: Orders | None) -> tuple[list[int], Floats]:
    """The subsets to fit, the empty one first and each behind one with a driver less; and what the value of each counts
    for each driver's share. All of them, or those that the drivers pass when they are taken up in the drawn orders."""
    if drawn is None:
        return list(range(1 << p)), subset_weights(p)
    place = {0: 0}
    counts: dict[tuple[int, int], float] = {}
    for one in drawn:
        mask = 0
        for driver in map(int, one):
            before, mask = mask, mask | 1 << driver
            place.setdefault(mask, len(place))
            counts[before, driver] = counts.get((before, driver), 0.0) - 1 / len(drawn)
            counts[mask, driver] = counts.get((mask, driver), 0.0) + 1 / len(drawn)
    weights = np.zeros((len(place), p))
    for (mask, driver), weight in counts.items():
        weights[place[mask], driver] = weight
    return list(place), weights


def _added(drawn: Orders, explained: Floats, place: Mapping[int, int]) -> Floats:
    """Orders × drivers: what each driver adds when they are taken up in that order."""
    added = np.zeros(drawn.shape)
    for row, one in enumerate(drawn):
        mask = 0
        for driver in map(int, one):
            before, mask = mask, mask | 1 << driver
            added[row, driver] = explained[place[mask]] - explained[place[before]]
    return added


def _steadied(
    added: Floats, z: Floats, w: Floats, drawn: Orders, sizes: Sequence[int], rng: np.random.Generator
) -> tuple[Floats, float]:
    """The shares of some orders brought nearer to those of all, and their largest standard error.

    Least squares, whose shares are known much better, err by nearly the same in the same orders: that error is taken
    away (a control variate). One factor for all drivers keeps the sum of the shares.
    """
    gram = (z * w[:, None]).T @ z
    known, doubt = shares_of(gram, sizes, rng, exact=len(sizes) <= CONTROL_EXACT_UP_TO)
    pairs = added.reshape(-1, 2, added.shape[1]).mean(axis=1)  # an order and its reverse are one draw
    control = shares_by_orders(gram, drawn, sizes).reshape(-1, 2, added.shape[1]).mean(axis=1)
    here, there = pairs - pairs.mean(axis=0), control - control.mean(axis=0)
    spread = float((there**2).sum())
    factor = float((here * there).sum()) / spread if spread > 0 else 0.0
    left = (here - factor * there).std(axis=0, ddof=1) / np.sqrt(len(pairs))
    error = np.sqrt(left**2 + (factor * doubt) ** 2)
    return pairs.mean(axis=0) + factor * (known - control.mean(axis=0)), float(error.max())


def _newton(z: Floats, y: Floats, w: Floats, start: Floats) -> tuple[Floats, Floats, Floats]:
    """Slopes, chances, and the inverse of the information. A weak ridge keeps slopes finite where a column tells yes
    from no without fail.

    The information costs as many times a gradient as there are columns, so steps go on with one inverse as long as each
    is at most a quarter of the one before; where they end, it is that of the last slopes.
    """
    columns = np.ascontiguousarray(z.T)
    ridge = np.full(len(columns), RIDGE * float(w.sum()))
    ridge[0] = 0.0
    beta, before, of_here, wanted = start.copy(), np.inf, False, True
    for _step in range(MOST_STEPS):
        chance: Floats = 1 / (1 + np.exp(-np.clip(beta @ columns, -35, 35)))
        if wanted:
            half = columns * np.sqrt(w * chance * (1 - chance))
            inverse = np.asarray(np.linalg.pinv(half @ half.T + np.diag(ridge), hermitian=True), dtype=np.float64)
            of_here, wanted = True, False
        step = inverse @ (columns @ (w * (y - chance)) - ridge * beta)
        size = np.abs(step).max()
        if size < 1e-8:
            if of_here:
                break
            wanted = True
            continue
        beta += step
        of_here, wanted, before = False, bool(size > before / 4), size
    return beta, chance, inverse
