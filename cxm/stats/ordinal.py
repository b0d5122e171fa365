"""Ordinal regression by proportional odds: which way, and how far, several things move an answer on a scale.

P(answer ≤ level j) = logistic(cut j − x · coefficients) for all levels but the highest (McCullagh, JRSS B 42, 1980).
A coefficient is the change of the log odds of a higher answer, whatever the level; its exponential is an odds ratio.
The scale needs no equal steps: only its order is used, except where an expected answer is told.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy  # its parts load at their first use, which keeps them out of the start of the server
from numpy.typing import ArrayLike, NDArray

from cxm.stats.estimate import Estimate, Z, around
from cxm.stats.refusals import Floats, finite_array
from cxm.stats.resampling import bootstrap

_PRIOR_SPREAD: Final = 10.0
"""A coefficient per standard deviation of its column is held by a normal prior that wide. Beside 100 answers or more it
weighs next to nothing; where one column tells the answer perfectly it keeps the estimate finite."""

_STEPS: Final = 60
_SMALLEST_GAIN: Final = 1e-10


class CannotFit(ValueError):
    """The answers say nothing about their order: fewer than two different ones, or no more of them than columns."""


@dataclass(frozen=True, slots=True)
class Ordinal:
    """A fitted model.

    `levels`: the K different answers, ascending. `cuts`: K − 1 numbers, ascending. `coefficients`: one for each column,
    in its own unit. `covariance`: of (cuts, coefficients), shape (K − 1 + columns)². `n`: answers.
    `log_likelihood`: natural logarithms, without the prior; `null_log_likelihood`: of the model without any column.
    """

    levels: tuple[float, ...]
    cuts: Floats
    coefficients: Floats
    covariance: Floats
    n: int
    log_likelihood: float
    null_log_likelihood: float

    def coefficient(self, column: int) -> Estimate:
        """A coefficient with Wald's interval (`wald`), in log odds per unit of its column."""
        value = float(self.coefficients[column])
        half = Z * math.sqrt(float(self.covariance[len(self.cuts) + column, len(self.cuts) + column]))
        return around(value, value - half, value + half, self.n, "wald")

    def probabilities(self, rows: ArrayLike) -> Floats:
        """The probability of each level, shape (rows, K), for rows of shape (rows, columns)."""
        below = _logistic(self.cuts[None, :] - (_matrix(rows) @ self.coefficients)[:, None])
        ends = np.zeros((len(below), 1))
        return np.diff(np.hstack([ends, below, ends + 1]), axis=1)

    def expected(self, rows: ArrayLike) -> Floats:
        """The mean answer of people like these, on the scale of the levels, shape (rows,)."""
        found: Floats = self.probabilities(rows) @ np.asarray(self.levels)
        return found

    def mean(self, row: ArrayLike) -> Estimate:
        """`expected` of one row with the interval of that mean by the delta method (`delta`).

        It says how well the mean of such interactions is known, not within what one person's answer will lie.
        """
        line = finite_array("row", row)
        below = _logistic(self.cuts - float(line @ self.coefficients))
        steps = np.diff(self.levels) * below * (1 - below)
        slope = np.concatenate([-steps, steps.sum() * line])
        value = float(self.expected(line[None, :])[0])
        half = Z * math.sqrt(max(float(slope @ self.covariance @ slope), 0.0))
        low, high = max(value - half, self.levels[0]), min(value + half, self.levels[-1])
        return around(value, low, high, self.n, "delta")


def fit(rows: ArrayLike, answers: ArrayLike) -> Ordinal:
    """The proportional-odds model of `answers` (n numbers) on `rows` (n × columns), by Newton's method.

    The log likelihood is concave (Pratt, JASA 76, 1981), so the maximum found is the only one. The covariance is the
    inverse of the observed information. Raises CannotFit, and ValueError for other than finite numbers.
    """
    x = _matrix(rows)
    y = finite_array("answers", answers)
    if len(x) != len(y):
        raise ValueError(f"{len(x)} rows cannot explain {len(y)} answers")
    levels, place = np.unique(y, return_inverse=True)
    if len(levels) < 2:
        raise CannotFit("All answers are the same.")
    if len(y) <= x.shape[1] + len(levels) - 1:
        raise CannotFit(f"{len(y)} answers are too few for {x.shape[1]} columns and {len(levels)} levels.")
    centre, spread = x.mean(axis=0), x.std(axis=0)
    spread[spread == 0] = 1.0
    z = (x - centre) / spread
    counted = np.bincount(place)
    shares = np.cumsum(counted)[:-1] / len(y)
    start = np.concatenate([np.log(shares / (1 - shares)), np.zeros(x.shape[1])])
    found, information = _maximise(start, z, place, len(levels))
    covariance = np.linalg.inv(information)
    # Back from columns in standard deviations around their means: coefficients / spread, and the cuts move along.
    k = len(levels) - 1
    turn = np.eye(len(found))
    turn[k:, k:] = np.diag(1 / spread)
    turn[:k, k:] = (centre / spread)[None, :]
    plain = turn @ found
    return Ordinal(
        levels=tuple(float(one) for one in levels),
        cuts=plain[:k],
        coefficients=plain[k:],
        covariance=turn @ covariance @ turn.T,
        n=len(y),
        log_likelihood=_log_likelihood(found, z, place, k),
        null_log_likelihood=float((counted * np.log(counted / len(y))).sum()),
    )


def _maximise(start: Floats, z: Floats, place: NDArray[np.intp], levels: int) -> tuple[Floats, Floats]:
    k = levels - 1
    now, best = start, -math.inf
    information = np.eye(len(start))
    for _step in range(_STEPS):
        slope, information = _slope(now, z, place, k)
        step = np.linalg.solve(information, slope)
        if math.isinf(best):
            best = _penalised(now, z, place, k)
        length = 1.0
        while True:
            there = now + length * step
            value = _penalised(there, z, place, k) if (np.diff(there[:k]) > 0).all() else -math.inf
            if value > best or length < 1e-8:
                break
            length /= 2
        if value <= best + _SMALLEST_GAIN * (1 + abs(best)):
            now = there if value > best else now
            break
        now, best = there, value
    return now, _slope(now, z, place, k)[1]


def _sides(at: Floats, z: Floats, place: NDArray[np.intp], k: int) -> tuple[Floats, Floats, Floats]:
    """The logistic function at the upper and at the lower cut of each answer, and what lies between."""
    eta = z @ at[k:]
    cuts = np.concatenate([[-np.inf], at[:k], [np.inf]])
    upper, lower = cuts[place + 1] - eta, cuts[place] - eta
    # Far out on the upper side both are nearly 1: their difference is told by the other tails, without losing digits.
    flip = lower > 0
    between = np.where(flip, _logistic(-lower) - _logistic(-upper), _logistic(upper) - _logistic(lower))
    return _logistic(upper), _logistic(lower), np.maximum(between, 1e-300)


def _log_likelihood(at: Floats, z: Floats, place: NDArray[np.intp], k: int) -> float:
    return float(np.log(_sides(at, z, place, k)[2]).sum())


def _penalised(at: Floats, z: Floats, place: NDArray[np.intp], k: int) -> float:
    return _log_likelihood(at, z, place, k) - float((at[k:] ** 2).sum()) / (2 * _PRIOR_SPREAD**2)


def _slope(at: Floats, z: Floats, place: NDArray[np.intp], k: int) -> tuple[Floats, Floats]:
    """Gradient of the penalised log likelihood, and its negative second derivatives."""
    up, down, p = _sides(at, z, place, k)
    f_up, f_down = up * (1 - up), down * (1 - down)
    by_up, by_down = f_up / p, -f_down / p
    up_up = f_up * (1 - 2 * up) / p - by_up**2
    down_down = -f_down * (1 - 2 * down) / p - by_down**2
    up_down = f_up * f_down / p**2
    columns = z.shape[1]
    size = k + columns
    slope = np.zeros(size)
    second = np.zeros((size, size))
    inner, outer = place < k, place > 0  # whether there is a cut above the answer, and one below
    slope[:k] = np.bincount(place[inner], by_up[inner], k)[:k] + np.bincount(place[outer] - 1, by_down[outer], k)[:k]
    slope[k:] = -z.T @ (by_up + by_down)
    diagonal = np.bincount(place[inner], up_up[inner], k)[:k] + np.bincount(place[outer] - 1, down_down[outer], k)[:k]
    second[range(k), range(k)] = diagonal
    both = inner & outer
    beside = np.bincount(place[both], up_down[both], k)[:k]
    for cut in range(1, k):
        second[cut, cut - 1] = second[cut - 1, cut] = beside[cut]
    by_eta_up, by_eta_down = up_up + up_down, down_down + up_down
    cross = np.zeros((k, columns))
    np.add.at(cross, place[inner], -z[inner] * by_eta_up[inner, None])
    np.add.at(cross, place[outer] - 1, -z[outer] * by_eta_down[outer, None])
    second[:k, k:], second[k:, :k] = cross, cross.T
    second[k:, k:] = (z * (up_up + 2 * up_down + down_down)[:, None]).T @ z
    slope[k:] -= at[k:] / _PRIOR_SPREAD**2
    second[range(k, size), range(k, size)] -= 1 / _PRIOR_SPREAD**2
    return slope, -second


@dataclass(frozen=True, slots=True)
class Explained:
    """How much better than the mean: `r_squared` of answers that the model had not seen, and what it said of them."""

    r_squared: Estimate
    predicted: Floats

    @property
    def better_than_the_mean(self) -> bool:
        """Whether that is more than chance would give."""
        return self.r_squared.low is not None and self.r_squared.low > 0


def cross_validated(rows: ArrayLike, answers: ArrayLike, *, folds: int = 10, seed: int = 1) -> Explained:
    """The share of the variance of unseen answers that the model explains, 1 − Σ(y − ŷ)² / Σ(y − ȳ)².

    Each answer is predicted by a model, and by a mean, that were made without its fold. So a model that knows nothing
    comes out slightly below 0, not above. Interval: bootstrap over answers (`resampling.bootstrap`). Raises CannotFit.
    """
    x = _matrix(rows)
    y = finite_array("answers", answers)
    order = np.random.default_rng(seed).permutation(len(y))
    fold = np.empty(len(y), dtype=np.intp)
    fold[order] = np.arange(len(y)) % folds
    predicted, middle = np.empty(len(y)), np.empty(len(y))
    for one in range(folds):
        seen, unseen = fold != one, fold == one
        if unseen.any():
            predicted[unseen] = fit(x[seen], y[seen]).expected(x[unseen])
            middle[unseen] = y[seen].mean()
    errors = np.column_stack([(y - predicted) ** 2, (y - middle) ** 2])
    if errors[:, 1].sum() == 0:
        raise CannotFit("All answers are the same.")

    def explained(sample: Floats) -> float:
        left = float(sample[:, 1].sum())
        return 1 - float(sample[:, 0].sum()) / left if left else 0.0

    return Explained(bootstrap(errors, explained, seed=seed, replications=1000), predicted)


def _logistic(x: Floats) -> Floats:
    found: Floats = scipy.special.expit(x)
    return found


def _matrix(rows: ArrayLike) -> Floats:
    array: NDArray[np.float64] = np.asarray(rows, dtype=np.float64)
    if array.ndim != 2:
        raise ValueError(f"rows must have two dimensions, got {array.ndim}")
    if not np.isfinite(array).all():
        raise ValueError("rows must hold finite numbers only; drop missing ones first and say how many")
    return array
