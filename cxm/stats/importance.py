"""What moves an outcome: how much of its variation each driver explains, and what a change of a driver would do.

The share of a driver is the mean of what it adds to R² over all orders in which the drivers can be taken up (Lindeman,
Merenda and Gold 1980, p. 119 ff.; the Shapley value of R²; "general dominance" of Budescu, Psychological Bulletin 114,
1993). Of a yes-or-no outcome the same is done to McFadden's R², 1 − deviance / deviance without drivers. Shares are
never negative for least squares and add up to R².

Which method and why: `docs/reference/importance.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from cxm.stats.alllogits import logistic
from cxm.stats.allsubsets import Fitted, linear
from cxm.stats.estimate import Estimate, around
from cxm.stats.refusals import Floats

EXACT_UP_TO: Final = 15
"""Drivers up to which all subsets are fitted; beyond, orders are drawn."""
BINARY_EXACT_UP_TO: Final = 10
"""The same of a yes-or-no outcome, of which each subset is a fit by iteration."""
BINARY_UP_TO: Final = 20
"""Drivers that a yes-or-no outcome takes."""
MOST: Final = 40
LEVEL: Final = 0.04
"""Noise is called important in at most 5 % of models; the draws of noise are themselves only so exact."""
REPLICATIONS: Final = 1000
BINARY_REPLICATIONS: Final = 400


@dataclass(frozen=True, slots=True)
class Share:
    """One driver. `share`: of the outcome's variation, 0..1; all shares add up to R².

    `p_value`: how often a driver without any bearing would get such a share, made stricter for the number of drivers
    (Holm); `matters`: it is at most LEVEL. `first` and `last`: the places (1 is the most important) that the data leave
    open. `vif`: by how much the other drivers inflate the variance of its effect; None where they determine it.
    """

    share: Estimate
    p_value: float
    matters: bool
    first: int
    last: int
    vif: float | None


@dataclass(frozen=True, slots=True)
class Importance:
    """`error`: largest standard error of a share from drawing orders; 0 where all subsets were fitted.

    `condition`: root of the ratio of the largest to the smallest eigenvalue of the correlations of the columns; None
    where a column follows from others. `average`: the share of a driver if all had the same.
    """

    r2: Estimate
    shares: list[Share]
    n: int
    error: float
    condition: float | None

    @property
    def average(self) -> float:
        return (self.r2.value or 0.0) / max(len(self.shares), 1)


def importance(
    columns: ArrayLike,
    outcome: ArrayLike,
    *,
    groups: Sequence[int] | None = None,
    weights: ArrayLike | None = None,
    binary: bool = False,
    seed: int = 0,
    replications: int = REPLICATIONS,
) -> Importance:
    """Shares of the drivers in the variation of the outcome, with bootstrap intervals.

    `columns`: n rows of k numbers; `outcome`: n numbers, 0 or 1 with `binary`. `groups`: how many neighbouring columns
    belong to each driver (one each unless told): they are taken up together. `weights`: survey weights, ≥ 0.

    Interval (`bootstrap`): 2.5 % and 97.5 % of resampled shares, moved by twice their bias (a share cannot be
    negative, so chance adds to small ones, and resampling adds it once more), and down to 0 where the driver may be
    noise. Beyond 4 000 rows, rows are bundled at random and bundles are drawn. The same seed gives the same figures.

    Raises ValueError for shapes that do not fit, numbers that are not finite, an outcome that never varies, too few
    rows (more than twice the columns are needed) or too many drivers.
    """
    x, y, w = checked(columns, outcome, weights, binary)
    sizes = [1] * x.shape[1] if groups is None else list(groups)
    if sum(sizes) != x.shape[1] or min(sizes, default=0) < 1:
        raise ValueError("groups must say how many columns belong to each driver, and name them all")
    most = BINARY_UP_TO if binary else MOST
    if len(sizes) > most:
        raise ValueError(f"at most {most} drivers, got {len(sizes)}")
    rng = np.random.default_rng(seed)
    if binary:
        fitted = logistic(
            x, y, w, sizes, rng, min(replications, BINARY_REPLICATIONS), exact=len(sizes) <= BINARY_EXACT_UP_TO
        )
    else:
        fitted = linear(x, y, w, sizes, rng, replications, exact=len(sizes) <= EXACT_UP_TO)
    correlations = correlations_of(x, w)
    inflation = _inflation(correlations, sizes)
    adjusted = _holm([float(p) for p in fitted.p_values])
    bias = fitted.draws.mean(axis=0) - fitted.draws_from
    first, last = _places(fitted, bias)
    shares = []
    for place in range(len(sizes)):
        matters = adjusted[place] <= LEVEL
        low, high = _bounds(fitted.draws[:, place], bias[place], fitted.shares[place] - fitted.draws_from[place])
        estimate = around(float(fitted.shares[place]), low if matters else 0.0, high, len(y), "bootstrap")
        shares.append(
            Share(estimate, adjusted[place], matters, int(first[place]), int(last[place]), inflation[place])
        )  # fmt: skip
    total = fitted.draws.sum(axis=1)
    low, high = _bounds(total, total.mean() - fitted.draws_from.sum(), 0.0)
    return Importance(
        r2=around(float(fitted.shares.sum()), low, high, len(y), "bootstrap"), shares=shares, n=len(y),
        error=fitted.error, condition=_condition(correlations),
    )  # fmt: skip


def _bounds(draws: Floats, bias: float, apart: float) -> tuple[float, float]:
    """`apart`: by how much the share lies beside the one that the draws are draws of (orders drawn anew)."""
    low, high = np.quantile(draws, [0.025, 0.975]) - 2 * bias + apart
    return float(np.clip(low, 0.0, 1.0)), float(np.clip(high, 0.0, 1.0))


def _places(fitted: Fitted, bias: Floats) -> tuple[Floats, Floats]:
    """The best and the worst place of each driver that no difference of two shares speaks against."""
    n = len(fitted.shares)
    larger = np.zeros(n)
    smaller = np.zeros(n)
    for one in range(n):
        draws = fitted.draws[:, [one]] - fitted.draws
        low, high = np.quantile(draws, [0.025, 0.975], axis=0) - 2 * (bias[one] - bias)
        larger[one] = np.count_nonzero(high < 0)
        smaller[one] = np.count_nonzero(low > 0)
    return 1 + larger, n - smaller


def _holm(p_values: Sequence[float]) -> list[float]:
    """p-values that hold for all at once (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, worst = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        worst = max(worst, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = worst
    return adjusted


def checked(
    columns: ArrayLike, outcome: ArrayLike, weights: ArrayLike | None, binary: bool
) -> tuple[Floats, Floats, Floats]:
    x: Floats = np.asarray(columns, dtype=np.float64)
    y: Floats = np.asarray(outcome, dtype=np.float64)
    if x.ndim != 2 or y.shape != (x.shape[0],) or x.shape[1] == 0:
        raise ValueError("columns must be n rows of numbers, and outcome n numbers")
    w: Floats = np.ones(len(y)) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != y.shape or not (w >= 0).all():
        raise ValueError("weights must be n numbers, none negative")
    if not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(w).all()):
        raise ValueError("columns, outcome and weights must be finite numbers; deal with missing ones first")
    if (w == 0).any():
        x, y, w = x[w > 0], y[w > 0], w[w > 0]
    if len(y) <= 2 * (x.shape[1] + 1):
        raise ValueError(f"{len(y)} rows are too few for {x.shape[1]} columns")
    if binary and not np.isin(y, (0.0, 1.0)).all():
        raise ValueError("a yes-or-no outcome must be 0 or 1")
    if y.min() == y.max():
        raise ValueError("the outcome never varies")
    return x, y, w


def correlations_of(x: Floats, w: Floats) -> Floats:
    """Correlations of the columns; a column that never varies has none, and 1 with itself."""
    centred = x - np.average(x, axis=0, weights=w)
    spread = np.sqrt(np.average(centred**2, axis=0, weights=w))
    scaled = centred / np.where(spread > 0, spread, 1.0)
    found: Floats = (scaled * w[:, None]).T @ scaled / w.sum()
    np.fill_diagonal(found, 1.0)
    return found


def _inflation(correlations: Floats, sizes: Sequence[int]) -> list[float | None]:
    """Variance inflation of each driver; of one with several columns, Fox and Monette's generalised one (JASA 87,
    1992), root of as many."""
    whole, found = _log_determinant(correlations), []
    start = 0
    for size in sizes:
        own = np.arange(start, start + size)
        others = np.setdiff1d(np.arange(len(correlations)), own)
        parts = sum(_log_determinant(correlations[np.ix_(some, some)]) for some in (own, others))
        tied = not np.isfinite(whole) and np.isfinite(parts)
        ratio = float(np.exp(min((parts - whole) / size, 50.0))) if np.isfinite(whole) else 1.0
        found.append(None if tied or ratio > 1e9 else max(ratio, 1.0))
        start += size
    return found


def _log_determinant(matrix: Floats) -> float:
    if not len(matrix):
        return 0.0
    values = np.linalg.eigvalsh(matrix)
    return float(np.log(values).sum()) if values.min() > 1e-10 else -np.inf


def _condition(correlations: Floats) -> float | None:
    values = np.linalg.eigvalsh(correlations)
    return float(np.sqrt(values.max() / values.min())) if values.min() > 1e-10 else None


@dataclass(frozen=True, slots=True)
class Slopes:
    """A fitted model: least squares, or with `binary` logistic regression.

    `values`: by how much the outcome (its log-odds) differs per unit of each column, with their robust `covariance`
    (intercept first there: Huber and White's, HC1). `standardised`: per standard deviation of both, least squares only.
    """

    intercept: float
    values: Floats
    covariance: Floats
    standardised: Floats
    r2: float
    n: int
    binary: bool


def slopes(columns: ArrayLike, outcome: ArrayLike, *, weights: ArrayLike | None = None, binary: bool = False) -> Slopes:
    """Fit the outcome on all columns. A column that follows from others gets the smallest slopes that fit.

    Raises ValueError as `importance` does.
    """
    x, y, w = checked(columns, outcome, weights, binary)
    n, k = x.shape
    design = np.column_stack([np.ones(n), x])
    beta, inner = _newton(design, y, w) if binary else _least_squares(design, y, w)
    mean = _odds(design @ beta) if binary else design @ beta
    scores = design * (w * (y - mean))[:, None]
    bread = np.linalg.pinv(inner, hermitian=True)
    covariance = bread @ (scores.T @ scores) @ bread * (n / (n - k - 1))
    centre = np.average(y, weights=w)
    spread = np.sqrt(np.average((x - np.average(x, axis=0, weights=w)) ** 2, axis=0, weights=w))
    own = np.sqrt(np.average((y - centre) ** 2, weights=w))
    if binary:
        r2 = 1 - _deviance(y, mean, w) / _deviance(y, np.full(n, centre), w)
    else:
        r2 = 1 - np.average((y - mean) ** 2, weights=w) / own**2
    return Slopes(float(beta[0]), beta[1:], covariance, beta[1:] * spread / own, float(r2), n, binary)


def what_if(
    model: Slopes, columns: ArrayLike, change: ArrayLike, *, weights: ArrayLike | None = None
) -> Estimate:  # fmt: skip
    """The mean change of the outcome (of its share, for a yes-or-no one) if each row changed so.

    `change`: n rows of what is added to each column. Interval (`delta`): normal, from the covariance of the slopes; it
    is about these rows, as the drivers hang together today, and no proof that one causes the other.
    """
    x: Floats = np.asarray(columns, dtype=np.float64)
    added: Floats = np.asarray(change, dtype=np.float64)
    w: Floats = np.ones(len(x)) if weights is None else np.asarray(weights, dtype=np.float64)
    if x.shape != added.shape or x.shape[1:] != model.values.shape:
        raise ValueError("columns and change must have the shape of the fitted columns")
    if model.binary:
        before = np.column_stack([np.ones(len(x)), x])
        after = np.column_stack([np.ones(len(x)), x + added])
        beta = np.concatenate([[model.intercept], model.values])
        p0, p1 = _odds(before @ beta), _odds(after @ beta)
        value = float(np.average(p1 - p0, weights=w))
        slope = (p1 * (1 - p1))[:, None] * after - (p0 * (1 - p0))[:, None] * before
        gradient = np.average(slope, axis=0, weights=w)
    else:
        mean = np.average(added, axis=0, weights=w)
        value = float(mean @ model.values)
        gradient = np.concatenate([[0.0], mean])
    half = 1.959963984540054 * float(np.sqrt(max(float(gradient @ model.covariance @ gradient), 0.0)))
    return around(value, value - half, value + half, len(x), "delta")


def _least_squares(design: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
    inner: Floats = (design * w[:, None]).T @ design
    beta: Floats = np.linalg.pinv(inner, hermitian=True, rcond=1e-12) @ (design.T @ (w * y))
    return beta, inner


def _newton(design: Floats, y: Floats, w: Floats) -> tuple[Floats, Floats]:
    """Maximum likelihood by Newton's steps, held in by a ridge so weak that it shows only where a column tells yes
    from no without fail."""
    ridge = 1e-6 * w.sum() * np.average(design**2, axis=0, weights=w) * (np.arange(design.shape[1]) > 0)
    beta = np.zeros(design.shape[1])
    inner = np.eye(design.shape[1])
    for _step in range(50):
        p = _odds(design @ beta)
        inner = (design * (w * p * (1 - p))[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.pinv(inner, hermitian=True) @ (design.T @ (w * (y - p)) - ridge * beta)
        beta = beta + step
        if np.abs(step).max() < 1e-9:
            break
    return beta, inner


def _odds(log_odds: Floats) -> Floats:
    found: Floats = 1 / (1 + np.exp(-np.clip(log_odds, -35, 35)))
    return found


def _deviance(y: Floats, p: Floats, w: Floats) -> float:
    return float(-2 * (w * np.log(np.where(y == 1, p, 1 - p))).sum())
