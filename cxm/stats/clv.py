"""Customer lifetime value without a contract: BG/NBD for how often, Gamma–Gamma for how much.

**What goes in, from transactions.** Choose a time unit (weeks) and the end of observation. Purchases of one
customer on the same day count as one, their money added up. Then per customer

- frequency x: number of days with a purchase, less one (the first purchase is the reason we know them);
- recency t_x: time from the first to the last purchase day, 0 when x = 0;
- age T: time from the first purchase day to the end of observation, so 0 ≤ t_x ≤ T;
- mean repeat value m (for Gamma–Gamma, x > 0 only): money of the x repeat days / x, the first day excluded.

All functions take arrays of equal length. `multiplicity` says how many customers share a row: group by
(x, t_x, T) in the database first and a million customers become some thousand rows.

**Sources.** BG/NBD: Fader, Hardie and Lee, "Counting your customers the easy way", Marketing Science 24,
2005 (likelihood: equation 6 in the form of Fader and Hardie's note of 2019, expectation: equation 10).
Gamma–Gamma: Fader and Hardie, "The Gamma-Gamma model of monetary value", 2013, equations 1a and 5.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cxm.stats.estimate import Estimate, Z
from cxm.stats.refusals import Floats, finite_array, refuse_fractional, refuse_negative, refuse_non_finite

_Gradient = Callable[[Floats], tuple[float, Floats]]


class NotFitted(ValueError):
    """The likelihood has no interior maximum for these customers; more data would help, another start not."""


@dataclass(frozen=True, slots=True)
class BgNbd:
    """Fitted BG/NBD: purchase rates are Gamma(r, alpha), alpha in time units; dropout chances Beta(a, b).

    `intervals`: parameter name -> Estimate, from the observed information of the log-parameters (so always
    positive), method `information`. `errors`: standard errors. `log_likelihood`: of all customers.
    """

    r: float
    alpha: float
    a: float
    b: float
    n: int
    log_likelihood: float
    errors: Mapping[str, float]
    intervals: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Fitted Gamma–Gamma: order values are Gamma(p, ν), ν varies as Gamma(q, v); v in the money's unit."""

    p: float
    q: float
    v: float
    n: int
    log_likelihood: float
    errors: Mapping[str, float]
    intervals: Mapping[str, Estimate]


def fit_bg_nbd(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, multiplicity: ArrayLike | None = None
) -> BgNbd:
    """Maximum likelihood for BG/NBD (r, alpha, a, b), by Newton-polished BFGS on the logarithms.

    Raises ValueError for NaN, t_x > T, fractional frequencies or different lengths, and NotFitted (a
    ValueError) without any repeat customer or where a parameter runs off to 0 or infinity.
    """
    x, t_x, age_, w = _histories(frequency, recency, age, multiplicity)
    if not (w[x > 0].sum() > 0):
        raise NotFitted("no customer bought twice")
    # time is measured in mean ages while fitting: weeks or seconds must not matter to the optimiser
    unit = float(np.average(age_, weights=w)) or 1.0
    t, big_t = t_x / unit, age_ / unit

    def objective(logs: Floats) -> tuple[float, Floats]:
        return _bg_nbd_loss(logs, x, t, big_t, w)

    starts = [np.log(start) for start in ((0.5, 0.5, 1.0, 2.0), (1.0, 1.0, 0.5, 3.0), (0.2, 0.1, 0.1, 0.5))]
    logs, covariance = _maximum(objective, starts)
    n = int(w.sum())
    loss = objective(logs)[0] + float((w * x).sum()) / n * np.log(unit)
    logs = logs + np.array([0.0, np.log(unit), 0.0, 0.0])
    (r, alpha, a, b), errors, intervals = _reported(("r", "alpha", "a", "b"), logs, covariance / n, n)
    return BgNbd(r, alpha, a, b, n, -float(loss) * n, errors, intervals)


def fit_gamma_gamma(frequency: ArrayLike, mean_value: ArrayLike, multiplicity: ArrayLike | None = None) -> GammaGamma:
    """Maximum likelihood for Gamma–Gamma (p, q, v) from returning customers (x > 0, m > 0).

    The model takes how much people spend as unrelated to how often; check that the correlation of x and m is
    weak. Raises ValueError for NaN, x < 1 or m ≤ 0, and NotFitted where no interior maximum exists.
    """
    x, m = finite_array("frequency", frequency), finite_array("mean_value", mean_value)
    w = _multiplicity(multiplicity, x)
    if x.shape != m.shape:
        raise ValueError("frequency and mean_value must have the same length")
    if (x < 1).any() or (m <= 0).any():
        raise ValueError("Gamma–Gamma is for returning customers with a positive mean value: x ≥ 1 and m > 0")
    if w.sum() == 0:
        raise NotFitted("no returning customer")
    unit = float(np.average(m, weights=w))
    z = m / unit

    def objective(logs: Floats) -> tuple[float, Floats]:
        return _gamma_gamma_loss(logs, x, z, w)

    starts = [np.log(start) for start in ((2.0, 3.0, 1.0), (6.0, 4.0, 0.5), (1.0, 10.0, 5.0))]
    logs, covariance = _maximum(objective, starts)
    n = int(w.sum())
    loss = objective(logs)[0] + np.log(unit)
    logs = logs + np.array([0.0, 0.0, np.log(unit)])
    (p, q, v), errors, intervals = _reported(("p", "q", "v"), logs, covariance / n, n)
    return GammaGamma(p, q, v, n, -float(loss) * n, errors, intervals)


def expected_purchases(model: BgNbd, time: float, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
    """Purchases to expect of each customer in the next `time` units after T (equation 10).

    The hypergeometric function is used after Euler's transformation, which keeps it finite for large x.
    """
    from scipy.special import hyp2f1

    refuse_negative(time=time)
    x, t_x, big_t, _ = _histories(frequency, recency, age, None)
    # the formula is 0/0 at a = 1; its value is continuous there
    a = model.a if abs(model.a - 1) > 1e-7 else 1 + 1e-7
    z = time / (model.alpha + big_t + time)
    series = hyp2f1(a + model.b - model.r - 1, a - 1, a + model.b + x - 1, z)
    purchases = (a + model.b + x - 1) / (a - 1) * (1 - (1 - z) ** (a - 1) * series)
    # without a repeat purchase the factor b + x − 1 of numerator and denominator cancels: alive for certain
    result: Floats = purchases * probability_alive(model, x, t_x, big_t)
    return result


def probability_alive(model: BgNbd, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Floats:
    """Chance (0..1) that each customer is still active at T; 1 by construction when x = 0."""
    x, t_x, big_t, _ = _histories(frequency, recency, age, None)
    repeat = x > 0
    odds = np.zeros_like(x)
    grown = (model.r + x) * (np.log(model.alpha + big_t) - np.log(model.alpha + t_x))
    odds[repeat] = model.a / (model.b + x[repeat] - 1) * np.exp(np.minimum(grown[repeat], 700.0))
    result: Floats = 1 / (1 + odds)
    return result


def expected_average_value(model: GammaGamma, frequency: ArrayLike, mean_value: ArrayLike) -> Floats:
    """Mean value per purchase to expect of each customer: p (v + x m) / (p x + q − 1), in money (equation 5).

    A customer with x = 0 gets the population's mean pv / (q − 1); `mean_value` is then ignored. Raises
    ValueError where q ≤ 1, for then that mean is infinite.
    """
    x, m = finite_array("frequency", frequency), finite_array("mean_value", mean_value)
    if x.shape != m.shape:
        raise ValueError("frequency and mean_value must have the same length")
    if (x < 0).any():
        raise ValueError("frequency must not be negative")
    if model.q <= 1:
        raise ValueError("the mean value is infinite for q ≤ 1")
    result: Floats = model.p * (model.v + x * np.where(x > 0, m, 0.0)) / (model.p * x + model.q - 1)
    return result


def lifetime_value(
    purchases: BgNbd,
    values: ArrayLike,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    periods: int,
    period_length: float,
    discount_rate: float,
    margin: float = 1.0,
) -> Floats:
    """Discounted value of each customer over the next `periods`, in money.

    Σ over i = 1..periods of (expected purchases in period i) × value × margin / (1 + discount_rate)^i.
    `values`: expected money per purchase (`expected_average_value`); `period_length` in the model's time
    units; `discount_rate` per period (0.01 a month is 12.7 % a year); `margin`: fraction of the money kept.
    """
    refuse_fractional(periods=periods)
    refuse_negative(period_length=period_length)
    refuse_non_finite(discount_rate=discount_rate, margin=margin)
    if discount_rate <= -1:
        raise ValueError("discount_rate must be above −1")
    money = finite_array("values", values)
    total, before = np.zeros_like(money), np.zeros_like(money)
    for i in range(1, periods + 1):
        reached = expected_purchases(purchases, i * period_length, frequency, recency, age)
        if reached.shape != money.shape:
            raise ValueError("values must have one entry for each customer")
        total += (reached - before) / (1 + discount_rate) ** i
        before = reached
    return total * money * margin


def _histories(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, multiplicity: ArrayLike | None
) -> tuple[Floats, Floats, Floats, Floats]:
    x, t_x, big_t = (
        finite_array(name, values) for name, values in (("frequency", frequency), ("recency", recency), ("age", age))
    )
    if not x.shape == t_x.shape == big_t.shape:
        raise ValueError("frequency, recency and age must have the same length")
    if (x < 0).any() or (x != np.floor(x)).any():
        raise ValueError("frequency must hold whole numbers from 0")
    if (t_x < 0).any() or (t_x > big_t).any():
        raise ValueError("recency must lie between 0 and age")
    return x, t_x, big_t, _multiplicity(multiplicity, x)


def _multiplicity(multiplicity: ArrayLike | None, like: Floats) -> Floats:
    if multiplicity is None:
        return np.ones_like(like)
    w = finite_array("multiplicity", multiplicity)
    if w.shape != like.shape:
        raise ValueError("multiplicity must have one entry for each row")
    if (w < 0).any() or (w != np.floor(w)).any():
        raise ValueError("multiplicity must hold whole numbers from 0")
    return w


def _bg_nbd_loss(logs: Floats, x: Floats, t_x: Floats, big_t: Floats, w: Floats) -> tuple[float, Floats]:
    """Mean negative log-likelihood and its gradient in (log r, log alpha, log a, log b)."""
    from scipy.special import gammaln, psi

    r, alpha, a, b = np.exp(logs)
    repeat = x > 0
    b_x = np.where(repeat, b + x - 1, 1.0)
    alive = -(r + x) * np.log(alpha + big_t)
    gone = np.where(repeat, np.log(a) - np.log(b_x) - (r + x) * np.log(alpha + t_x), -np.inf)
    both = np.logaddexp(alive, gone)
    is_gone = np.exp(gone - both)
    is_alive = 1 - is_gone
    each = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + both
    each += gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    d_r = psi(r + x) - psi(r) + np.log(alpha)
    d_r -= is_alive * np.log(alpha + big_t) + is_gone * np.log(alpha + t_x)
    d_alpha = r / alpha - (r + x) * (is_alive / (alpha + big_t) + is_gone / (alpha + t_x))
    d_a = psi(a + b) - psi(a + b + x) + is_gone / a
    d_b = psi(a + b) + psi(b + x) - psi(b) - psi(a + b + x) - is_gone / b_x
    total = w.sum()
    slope = np.array([(w * d).sum() for d in (d_r, d_alpha, d_a, d_b)])
    return -float((w * each).sum() / total), -slope * np.exp(logs) / total


def _gamma_gamma_loss(logs: Floats, x: Floats, m: Floats, w: Floats) -> tuple[float, Floats]:
    """Mean negative log-likelihood and its gradient in (log p, log q, log v)."""
    from scipy.special import gammaln, psi

    p, q, v = np.exp(logs)
    shape, rate = p * x, x * m + v
    each = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(v)
    each += (shape - 1) * np.log(m) + shape * np.log(x) - (shape + q) * np.log(rate)
    d_p = x * (psi(shape + q) - psi(shape) + np.log(m) + np.log(x) - np.log(rate))
    d_q = psi(shape + q) - psi(q) + np.log(v) - np.log(rate)
    d_v = q / v - (shape + q) / rate
    total = w.sum()
    slope = np.array([(w * d).sum() for d in (d_p, d_q, d_v)])
    return -float((w * each).sum() / total), -slope * np.exp(logs) / total


def _maximum(objective: _Gradient, starts: list[Floats]) -> tuple[Floats, Floats]:
    """The best of the starts after BFGS and Newton steps, and the inverse Hessian there."""
    from scipy.optimize import minimize

    best: tuple[float, Floats] | None = None
    for start in starts:
        with np.errstate(all="ignore"):
            found = minimize(objective, start, jac=True, method="BFGS", options={"gtol": 1e-8})
        if np.isfinite(found.fun) and (best is None or found.fun < best[0] - 1e-12):
            best = (float(found.fun), np.asarray(found.x, dtype=np.float64))
    if best is None or np.abs(best[1]).max() > 15:
        raise NotFitted("the likelihood has no interior maximum for these customers")
    logs = best[1]
    for _ in range(5):
        step = np.linalg.solve(_hessian(objective, logs), objective(logs)[1])
        if not np.isfinite(step).all() or np.abs(step).max() > 0.1:
            raise NotFitted("the likelihood is too flat at its maximum for these customers")
        logs = logs - step
        if np.abs(step).max() < 1e-11:
            break
    hessian = _hessian(objective, logs)
    if np.linalg.eigvalsh(hessian).min() <= 0:
        raise NotFitted("the likelihood has no interior maximum for these customers")
    return logs, np.asarray(np.linalg.inv(hessian), dtype=np.float64)


def _hessian(objective: _Gradient, logs: Floats) -> Floats:
    """Central differences of the exact gradient, symmetrised."""
    h = 1e-5
    rows = [(objective(logs + h * e)[1] - objective(logs - h * e)[1]) / (2 * h) for e in np.eye(logs.size)]
    matrix: NDArray[np.float64] = np.array(rows)
    return (matrix + matrix.T) / 2


def _reported(
    names: tuple[str, ...], logs: Floats, covariance: Floats, n: int
) -> tuple[list[float], dict[str, float], dict[str, Estimate]]:
    """Parameters, their standard errors (delta method) and intervals, from the covariance of the logs."""
    values = [float(value) for value in np.exp(logs)]
    spreads = [float(spread) for spread in np.sqrt(np.diag(covariance))]
    errors, intervals = {}, {}
    for name, value, spread in zip(names, values, spreads, strict=True):
        reach = float(np.exp(Z * spread))
        errors[name] = value * spread
        intervals[name] = Estimate(value, value / reach, value * reach, n, "information")
    return values, errors, intervals
