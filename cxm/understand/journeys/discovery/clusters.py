"""Groups of journeys that are alike in what happens in them.

Each journey is a row of how often each step happens in it, as the logarithm of one more than the count, so that ten
repeats are not ten times as important as one. The rows are parted by k-means (Lloyd, 1982) from starts that lie far
apart (k-means++, Arthur and Vassilvitskii, 2007), always the same ones for the same rows; of several runs the tightest
counts. How many groups there are, unless it is said, is where the silhouette of a sample is widest (Rousseeuw, 1987).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RUNS, ROUNDS, SAMPLE = 4, 60, 800
FEWEST, MOST = 2, 8


@dataclass(frozen=True, slots=True)
class Mark:
    """A step that sets a group apart: the share of its journeys with that step, and that of all other journeys."""

    label: str
    inside: float
    outside: float


@dataclass(frozen=True, slots=True)
class Grouping:
    """`members` is the group of each row, 0 the largest group; `silhouette` −1 … 1 says how clearly they differ."""

    members: Ints
    sizes: list[int]
    marks: list[list[Mark]]
    silhouette: float


def group(counts: NDArray[np.int64], labels: list[str], wanted: int = 0) -> Grouping:
    """Group the rows of `counts` (journeys × labels) into `wanted` groups; 0: as many as fit best (2 to 8)."""
    journeys = counts.shape[0]
    rows = np.log1p(counts.astype(np.float64))
    distinct = len(np.unique(counts, axis=0)) if journeys else 0
    if distinct < 2:
        nobody = np.zeros(journeys, np.int64)
        return Grouping(nobody, [journeys] if journeys else [], [[]] if journeys else [], 0.0)
    rng = np.random.default_rng(1)
    sample = rows if journeys <= SAMPLE else rows[rng.choice(journeys, SAMPLE, replace=False)]
    best: tuple[float, Floats] | None = None
    for k in [min(wanted, distinct)] if wanted else range(FEWEST, min(MOST, distinct) + 1):
        centres = _centres(sample if not wanted else rows, k)
        width = _silhouette(sample, _nearest(sample, centres))
        if best is None or width > best[0] + 0.01:  # a group more must say something
            best = (width, centres)
    assert best is not None
    members, centres = _settle(rows, best[1])
    order = np.argsort(-np.bincount(members, minlength=len(centres)), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    members = rank[members]
    sizes = [int(n) for n in np.bincount(members, minlength=len(order)) if n]
    return Grouping(members, sizes, _marks(counts > 0, members, len(sizes), labels), round(best[0], 4))


def _centres(rows: Floats, k: int) -> Floats:
    tightest: tuple[float, Floats] | None = None
    for run in range(RUNS):
        rng = np.random.default_rng(run)
        chosen = [int(rng.integers(len(rows)))]
        away = ((rows - rows[chosen[0]]) ** 2).sum(axis=1)
        while len(chosen) < k and away.sum() > 0:
            chosen.append(int(rng.choice(len(rows), p=away / away.sum())))
            away = np.minimum(away, ((rows - rows[chosen[-1]]) ** 2).sum(axis=1))
        _members, centres = _settle(rows, rows[chosen])
        spread = float(_distances(rows, centres).min(axis=1).sum())
        if tightest is None or spread < tightest[0] - 1e-9:
            tightest = (spread, centres)
    assert tightest is not None
    return tightest[1]


def _settle(rows: Floats, centres: Floats) -> tuple[Ints, Floats]:
    members = _nearest(rows, centres)
    for _round in range(ROUNDS):
        sums = np.zeros_like(centres)
        np.add.at(sums, members, rows)
        sizes = np.bincount(members, minlength=len(centres))
        moved = np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], centres)
        again = _nearest(rows, moved)
        centres = moved
        if (again == members).all():
            break
        members = again
    return members, centres


def _distances(rows: Floats, centres: Floats) -> Floats:
    squares: Floats = (rows**2).sum(axis=1)[:, None] + (centres**2).sum(axis=1)[None, :] - 2 * rows @ centres.T
    apart: Floats = np.maximum(squares, 0)
    return apart


def _nearest(rows: Floats, centres: Floats) -> Ints:
    nearest: Ints = _distances(rows, centres).argmin(axis=1)
    return nearest


def _silhouette(rows: Floats, members: Ints) -> float:
    """The mean over all rows; a row alone in its group counts 0."""
    between = np.sqrt(_distances(rows, rows))
    groups = np.unique(members)
    if len(groups) < 2:
        return 0.0
    sizes = np.array([(members == one).sum() for one in groups])
    sums = np.stack([between[:, members == one].sum(axis=1) for one in groups], axis=1)
    own = np.searchsorted(groups, members)
    places = np.arange(len(rows))
    inside = sums[places, own] / np.maximum(sizes[own] - 1, 1)
    means = sums / sizes
    means[places, own] = np.inf
    outside = means.min(axis=1)
    largest = np.maximum(inside, outside)
    width = np.where((sizes[own] > 1) & (largest > 0), (outside - inside) / np.maximum(largest, 1e-12), 0.0)
    return float(width.mean())


def _marks(there: NDArray[np.bool_], members: Ints, groups: int, labels: list[str]) -> list[list[Mark]]:
    """For each group up to three steps whose share differs most from that of the others, at least by 15 points."""
    made = []
    for one in range(groups):
        mine = members == one
        inside = there[mine].mean(axis=0)
        outside = there[~mine].mean(axis=0) if (~mine).any() else inside
        order = np.argsort(-np.abs(inside - outside), kind="stable")[:3]
        made.append(
            [
                Mark(labels[place], float(inside[place]), float(outside[place]))
                for place in order
                if abs(inside[place] - outside[place]) >= 0.15
            ]
        )
    return made
