"""Shapley shares of R² from the fits of all subsets of drivers, with their resamples and what noise would get.

All subsets are fitted by one elimination that branches at each driver: taken up or left out. After a decision its
columns are done with, so that 2^p fits cost little more than 2^p numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cxm.stats.refusals import Floats

Orders = NDArray[np.int64]

BUNDLES: Final = 4000
"""Rows that are resampled as they are; of more, so many bundles of rows are."""
NOISE: Final = 2000
"""Draws of a driver without any bearing."""
ORDERS: Final = 4000
"""Orders of drivers that are drawn for the shares where they are not exact: half of them the reverse of others."""
ORDERS_OF_RESAMPLES: Final = 100
CELLS: Final = 1 << 22
"""Numbers that are held at once."""
TIED: Final = 1e-8
"""What is left of a column's variance, below which it follows from the columns before it."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """`shares`: one for each driver. `draws`: resampled ones, a row each, around `draws_from`. `p_values`: how often
    noise gets as much. `error`: largest standard error from drawing orders."""

    shares: Floats
    draws: Floats
    draws_from: Floats
    p_values: Floats
    error: float


def linear(
    x: Floats, y: Floats, w: Floats, sizes: Sequence[int], rng: np.random.Generator, replications: int, *, exact: bool
) -> Fitted:  # fmt: skip
    """Least squares of y on drivers that have `sizes` neighbouring columns of x each."""
    z = np.column_stack([np.ones(len(y)), scaled(x, w), scaled(y[:, None], w)])
    bundled = _bundled_products(z, w, rng)
    gram = _symmetric(bundled.sum(axis=0)[None], z.shape[1])
    resampled = _symmetric(resampled_counts(len(bundled), replications, rng) @ bundled, z.shape[1])
    effective = w.sum() ** 2 / (w**2).sum()
    noise = _noise_products(z, w, rng, max(sizes))
    if exact:
        weights = subset_weights(len(sizes))
        shares = _explained(gram, sizes)[0] @ weights
        step = max(1, CELLS >> (len(sizes) + 2))
        draws = np.concatenate([
            _explained(resampled[start : start + step], sizes) @ weights for start in range(0, replications, step)
        ])  # fmt: skip
        null = _null_of_subsets(gram[0], noise, sizes, effective)
        return Fitted(shares, draws, shares, tail(null, shares), 0.0)
    shares, errors = shares_of(gram[0], sizes, rng, exact=False)
    error = float(errors.max())
    orders = orders_drawn(len(sizes), ORDERS_OF_RESAMPLES, rng)
    draws = _shares_of_resamples(resampled, orders, sizes)
    few = shares_by_orders(gram[0], orders, sizes).mean(axis=0)
    null = _null_of_orders(gram[0], noise, orders, sizes, effective)
    return Fitted(shares, draws, few, tail(null, shares), error)


def subset_weights(p: int) -> Floats:
    """2^p × p: what the value of each subset counts for each driver's Shapley value; bit j is driver j."""
    members = (np.arange(2**p)[:, None] >> np.arange(p)) & 1
    size = members.sum(axis=1)
    taken = np.array([factorial(max(s - 1, 0)) * factorial(p - s) / factorial(p) for s in range(p + 1)])
    left = np.array([factorial(s) * factorial(max(p - s - 1, 0)) / factorial(p) for s in range(p + 1)])
    found: Floats = np.where(members == 1, taken[size][:, None], -left[size][:, None])
    return found


def scaled(x: Floats, w: Floats) -> Floats:
    centred = x - np.average(x, axis=0, weights=w)
    spread = np.sqrt(np.average(centred**2, axis=0, weights=w))
    found: Floats = centred / np.where(spread > 0, spread, 1.0)
    return found


def bundles(n: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """An order of the rows, and where in it each bundle begins and the last one ends."""
    order = rng.permutation(n) if n > BUNDLES else np.arange(n)
    return order, np.linspace(0, n, min(n, BUNDLES) + 1).astype(np.int64)


def resampled_counts(n: int, replications: int, rng: np.random.Generator) -> Floats:
    """How often each of n bundles is drawn in each replication."""
    return rng.multinomial(n, np.full(n, 1 / n), size=replications).astype(np.float64)


def _bundled_products(z: Floats, w: Floats, rng: np.random.Generator) -> Floats:
    """Sums of the products of all pairs of columns, one row for each bundle of rows."""
    n, k = z.shape
    rows, columns = np.triu_indices(k)
    order, edges = bundles(n, rng)
    found = np.empty((len(edges) - 1, len(rows)))
    step = max(1, CELLS // len(rows) // max(1, n // (len(edges) - 1)))
    for start in range(0, len(found), step):
        stop = min(start + step, len(found))
        chosen = order[edges[start] : edges[stop]]
        part = z[chosen]
        products = part[:, rows] * part[:, columns] * w[chosen][:, None]
        found[start:stop] = np.add.reduceat(products, edges[start:stop] - edges[start], axis=0)
    return found


def _symmetric(products: Floats, k: int) -> Floats:
    found = np.empty((len(products), k, k))
    rows, columns = np.triu_indices(k)
    found[:, rows, columns] = products
    found[:, columns, rows] = products
    return found


def _swept(a: Floats) -> Floats:
    """What is left of the others when the first column has explained what it can; it is dropped."""
    pivot = a[..., :1, :1]
    factor = np.where(pivot > TIED, a[..., 1:, :1] / np.where(pivot > TIED, pivot, 1.0), 0.0)
    found: Floats = a[..., 1:, 1:] - factor * a[..., :1, 1:]
    return found


def _without_constant(grams: Floats) -> Floats:
    """Centred and per unit of weight. Columns to the right of the square (noise) are centred alike."""
    return _swept(grams / grams[..., :1, :1])


def _explained(grams: Floats, sizes: Sequence[int]) -> Floats:
    """R² of every subset of drivers: one row for each Gram matrix, 2^p columns."""
    a = _without_constant(grams)
    whole = a[:, -1, -1]
    left = _branched(a[:, None], sizes)[..., 0, 0]
    found: Floats = 1 - left / np.where(whole > 0, whole, 1.0)[:, None]
    return found


def _branched(a: Floats, sizes: Sequence[int]) -> Floats:
    """… × 1 × r × c to … × 2^p × rest: what is left of the last row after each subset of drivers."""
    for size in sizes:
        taken = a
        for _column in range(size):
            taken = _swept(taken)
        a = np.concatenate([a[..., size:, size:], taken], axis=-3)
    return a


def _noise_products(z: Floats, w: Floats, rng: np.random.Generator, most: int) -> Floats:
    """Sums of products of the columns with drivers that are pure noise of variance one: columns × (draws · most)."""
    inner = (z * (w**2)[:, None]).T @ z
    values, vectors = np.linalg.eigh(inner)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    found: Floats = root @ rng.standard_normal((z.shape[1], NOISE * most))
    return found


def _null_of_subsets(gram: Floats, noise: Floats, sizes: Sequence[int], n: float) -> Floats:
    """Draws × drivers: the shares that noise would get in the place of each driver."""
    p = len(sizes)
    weights = -np.minimum(subset_weights(p), 0.0)  # of the subsets without the driver
    freedom = n / np.maximum(n - columns_of_subsets(sizes) - 1, 1.0)
    found = np.zeros((NOISE, p))
    step = max(1, CELLS >> (p + 1))
    for start in range(0, noise.shape[1], step):
        part = noise[:, start : start + step]
        a = _without_constant(np.concatenate([gram, part], axis=1)[None])
        residual = _branched(a[:, None], sizes)[0, :, 0, 1:]
        gained = (residual**2 * freedom[:, None] / a[0, -1, len(gram) - 2]).T  # draws × subsets
        add_noise(found, gained @ weights, start, sizes)
    return found


def add_noise(found: Floats, gained: Floats, start: int, sizes: Sequence[int]) -> None:
    """Noise has as many columns a draw as the largest driver; of a driver with fewer, the first ones count."""
    of = np.arange(start, start + len(gained))
    for driver, size in enumerate(sizes):
        counts = of % max(sizes) < size
        np.add.at(found[:, driver], of[counts] // max(sizes), gained[counts, driver])


def columns_of_subsets(sizes: Sequence[int]) -> Floats:
    members = (np.arange(2 ** len(sizes))[:, None] >> np.arange(len(sizes))) & 1
    found: Floats = (members @ np.asarray(sizes)).astype(np.float64)
    return found


def tail(null: Floats, shares: Floats) -> Floats:
    found: Floats = (1 + (null >= shares).sum(axis=0)) / (len(null) + 1)
    return found


def orders_drawn(p: int, n: int, rng: np.random.Generator) -> Orders:
    """n orders of p drivers, each second the reverse of the one before."""
    found = rng.permuted(np.tile(np.arange(p), (n // 2, 1)), axis=1)
    return np.stack([found, found[:, ::-1]], axis=1).reshape(-1, p)


def shares_by_orders(gram: Floats, orders: Orders, sizes: Sequence[int]) -> Floats:
    """Orders × drivers: what each driver adds to R² when they are taken up in that order."""
    a = _without_constant(gram[None])[0]
    k, ends = len(a) - 1, np.cumsum(sizes)
    driver_of = np.repeat(np.arange(len(sizes)), sizes)
    own = [np.arange(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    found = np.zeros((len(orders), len(sizes)))
    step = max(1, CELLS // (k + 1) ** 2)
    for start in range(0, len(orders), step):
        part = orders[start : start + step]
        columns = np.array([np.concatenate([*(own[driver] for driver in order), [k]]) for order in part])
        left = a[columns[:, :, None], columns[:, None, :]]
        rows = np.arange(start, start + len(part))
        for place in range(k):
            before = left[:, -1, -1]
            left = _swept(left)
            np.add.at(found, (rows, driver_of[columns[:, place]]), (before - left[:, -1, -1]) / a[-1, -1])
    return found


def _in_order(a: Floats, order: Orders, sizes: Sequence[int]) -> Floats:
    """The drivers (rows and columns) of … × r × c brought into that order."""
    ends = np.cumsum(sizes)
    moved = np.concatenate([np.arange(ends[driver] - sizes[driver], ends[driver]) for driver in order])
    rows = np.concatenate([moved, np.arange(ends[-1], a.shape[-2])])
    columns = np.concatenate([moved, np.arange(ends[-1], a.shape[-1])])
    found: Floats = a[..., rows[:, None], columns]
    return found


def shares_of(gram: Floats, sizes: Sequence[int], rng: np.random.Generator, *, exact: bool) -> tuple[Floats, Floats]:
    """Shares by least squares, and their standard errors from drawing orders."""
    if exact:
        shares: Floats = (_explained(gram[None], sizes) @ subset_weights(len(sizes)))[0]
        return shares, np.zeros(len(sizes))
    drawn = shares_by_orders(gram, orders_drawn(len(sizes), ORDERS, rng), sizes)
    pairs = drawn.reshape(-1, 2, len(sizes)).mean(axis=1)  # an order and its reverse
    return drawn.mean(axis=0), pairs.std(axis=0, ddof=1) / np.sqrt(len(pairs))


def _shares_of_resamples(grams: Floats, orders: Orders, sizes: Sequence[int]) -> Floats:
    centred = _without_constant(grams)
    whole = np.where(centred[:, -1, -1] > 0, centred[:, -1, -1], 1.0)
    found = np.zeros((len(grams), len(sizes)))
    for order in orders:
        left = _in_order(centred, order, sizes)
        for driver in order:
            before = left[:, -1, -1]
            for _column in range(sizes[driver]):
                left = _swept(left)
            found[:, driver] += (before - left[:, -1, -1]) / whole
    return found / len(orders)


def _null_of_orders(gram: Floats, noise: Floats, orders: Orders, sizes: Sequence[int], n: float) -> Floats:
    centred = _without_constant(np.concatenate([gram, noise], axis=1)[None])[0]
    whole = centred[-1, len(gram) - 2]
    gained = np.zeros((noise.shape[1], len(sizes)))
    for order in orders:
        left, taken = _in_order(centred, order, sizes), 0
        for driver in order:
            gained[:, driver] += left[-1, -noise.shape[1] :] ** 2 * n / max(n - taken - 1, 1.0) / whole
            for _column in range(sizes[driver]):
                left = _swept(left)
            taken += sizes[driver]
    found = np.zeros((NOISE, len(sizes)))
    add_noise(found, gained / len(orders), 0, sizes)
    return found
