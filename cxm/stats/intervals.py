"""95 % intervals for NPS, shares, means and ratios, from the sums a query returns.

Which method and why: `docs/reference/intervals.md`, generated from these functions.
"""

import math

import scipy  # `scipy.special` loads at its first use, which keeps it out of the start of the server

from cxm.stats.estimate import CONFIDENCE, Estimate, Z, around, nothing, without_interval
from cxm.stats.refusals import refuse_fractional, refuse_negative, refuse_non_finite
from cxm.stats.samples import MeanSample, NpsSample, ShareSample

Bounds = tuple[float, float]


def student(degrees_of_freedom: float) -> float:
    """Student's t quantile at (1 + CONFIDENCE) / 2."""
    return float(scipy.special.stdtrit(degrees_of_freedom, (1 + CONFIDENCE) / 2))


def nps(promoters: int, passives: int, detractors: int) -> Estimate:
    """Net Promoter Score in points: 100 × (promoters − detractors) / all, from −100 to 100.

    Interval (`nps_plus_one`): add one promoter, one passive and one detractor, so m = n + 3, and take the
    normal interval around the adjusted score e = (P − D) / m with variance (P + D) / m − e², over m. It is
    clipped to ±100 and stretched to contain the plain value. The plain normal interval covers 56–95 % on
    skewed splits; this one stays between 94 and 97.5 % (Agresti and Coull's idea, The American Statistician
    52, 1998, carried to three classes; compare Rocks, "Interval estimation for the NPS", 2016).

    Raises ValueError for negative, fractional or non-finite counts.
    """
    return nps_of(NpsSample(promoters, passives, detractors))


def nps_weighted(wp: float, wn: float, wd: float, w2_total: float, n: int) -> Estimate:
    """Weighted NPS in points: 100 × (Σw of promoters − Σw of detractors) / Σw.

    `wp`, `wn`, `wd`: sums of weights of promoters, passives, detractors; `w2_total`: Σw² over all answers;
    `n`: number of answers. The interval is that of `nps` on the three sums scaled to Kish's effective sample
    size (`samples.effective_size`). Equal weights give exactly the unweighted interval.
    """
    return nps_of(NpsSample(wp, wn, wd, w2_total, n))


def nps_of(sample: NpsSample) -> Estimate:
    """`nps` or `nps_weighted` of a sample."""
    if sample.n == 0 or sample.total == 0:
        return nothing()
    value = 100 * (sample.promoters - sample.detractors) / sample.total
    p, s, d = sample.effective()
    m = p + s + d + 3
    adjusted = (p - d) / m
    half = Z * math.sqrt(max((p + d + 2) / m - adjusted * adjusted, 0.0) / m)
    low, high = max(100 * (adjusted - half), -100.0), min(100 * (adjusted + half), 100.0)
    return around(value, low, high, sample.n, "nps_plus_one")


def share(successes: int, n: int) -> Estimate:
    """A share as a fraction 0..1: successes / n.

    Interval (`wilson`): Wilson's score interval (JASA 22, 1927): the shares that a score test at 5 % would not
    refuse. It stays within 0..1 and is never empty, also for none or all of n. How often it holds the truth
    varies with the share and is below 93 % for some (92.9 % for 92 % at n = 20, 91.1 % for 99 % at n = 50):
    `docs/reference/intervals.md`.

    Raises ValueError for negative, fractional or non-finite counts or successes > n.
    """
    return share_of(ShareSample(successes, n))


def share_weighted(w_success: float, w_total: float, w2_total: float, n: int) -> Estimate:
    """A weighted share as a fraction 0..1: Σw of successes / Σw.

    `w2_total`: Σw² over all answers; `n`: number of answers. The interval is that of `share` at Kish's
    effective sample size.
    """
    return share_of(ShareSample(w_success, w_total, w2_total, n))


def share_of(sample: ShareSample) -> Estimate:
    """`share` or `share_weighted` of a sample."""
    if sample.n == 0 or sample.total == 0:
        return nothing()
    value = min(sample.successes / sample.total, 1.0)
    yes, no = sample.effective()
    n = yes + no
    m = n + Z * Z
    centre = (yes + Z * Z / 2) / m
    half = Z * math.sqrt(yes * no / n + Z * Z / 4) / m
    return around(value, max(centre - half, 0.0), min(centre + half, 1.0), sample.n, "wilson")


def mean(n: int, total: float, total_of_squares: float, bounds: Bounds | None = None) -> Estimate:
    """Arithmetic mean Σx / n, in the unit of x.

    Without `bounds` (times, money): Student's interval with n − 1 degrees of freedom (`t`).

    With `bounds` = (lowest, highest possible answer of the scale): add one answer at the lowest, one at the
    middle and one at the highest point, take the normal interval around that mean with the variance divided
    by m = n + 3, clip it to the scale and stretch it to contain the plain mean (`mean_plus_one`). This is
    `nps` for any bounded scale; on −100, 0, 100 it is the same interval. Student's interval covers only
    65–94 % on a five-point scale where nine in ten give the top mark.

    n = 1 and a sample without any variation give, without bounds, a value and no interval (`none`): such data
    say nothing about spread, and an interval of width 0 would be a lie. With bounds both have an interval.

    Raises ValueError for NaN, negative n, an impossible sum of squares, or a mean outside the bounds.
    """
    return mean_of(MeanSample(n, total, total_of_squares), bounds)


def mean_weighted(w: float, wx: float, wxx: float, w2: float, n: int, bounds: Bounds | None = None) -> Estimate:
    """Weighted mean Σwx / Σw with the interval of `mean` at Kish's effective sample size.

    `w`, `wx`, `wxx`, `w2`: Σw, Σwx, Σwx², Σw²; `n`: number of answers. Without `bounds` no interval is given
    where the effective size is not above 1.
    """
    return mean_of(MeanSample(n, wx, wxx, w, w2), bounds)


def mean_of(sample: MeanSample, bounds: Bounds | None = None) -> Estimate:
    """`mean` or `mean_weighted` of a sample."""
    if bounds is not None:
        check_bounds(bounds)
    if sample.empty:
        return nothing()
    size, value, deviations = sample.effective()
    if bounds is None:
        if size <= 1 or deviations == 0:
            return without_interval(value, sample.n)
        half = student(size - 1) * math.sqrt(deviations / (size - 1) / size)
        return Estimate(value, value - half, value + half, sample.n, "t")
    centre, variance = bounded_moments(size, value, deviations, bounds)
    half = Z * math.sqrt(variance / (size + 3))
    low, high = max(centre - half, bounds[0]), min(centre + half, bounds[1])
    return around(value, low, high, sample.n, "mean_plus_one")


def check_bounds(bounds: Bounds) -> None:
    """Raise ValueError unless the lower bound is below the upper."""
    refuse_non_finite(lower_bound=bounds[0], upper_bound=bounds[1])
    if not bounds[0] < bounds[1]:
        raise ValueError(f"bounds must be (lowest, highest), got {bounds!r}")


def bounded_moments(size: float, value: float, deviations: float, bounds: Bounds) -> tuple[float, float]:
    """Mean and variance per answer after adding one answer at each end of the scale and one in the middle."""
    low, high = bounds
    slack = 1e-9 * (high - low)
    if not low - slack <= value <= high + slack:
        raise ValueError(f"a mean of {value!r} lies outside the scale {bounds!r}")
    middle = (low + high) / 2
    added = (low - value, middle - value, high - value)
    shift = sum(added) / (size + 3)
    return value + shift, (deviations + sum(a * a for a in added)) / (size + 3) - shift * shift


def ratio(n: int, y: float, x: float, yy: float, xx: float, xy: float, bounds: Bounds | None = None) -> Estimate:
    """A ratio of two sums, R = Σy / Σx, such as revenue churn = lost revenue / revenue, over n customers.

    `y`, `x`, `yy`, `xx`, `xy`: Σy, Σx, Σy², Σx², Σxy. Interval (`ratio_t`): the linearised ratio estimator
    (Cochran, Sampling Techniques, 1977, section 6.4): variance = n / (n − 1) × Σ(y − Rx)² / (Σx)², Student's
    quantile with n − 1 degrees of freedom, clipped to `bounds` (0..1 for churn) if given. Good when Σx itself
    is well determined (coefficient of variation of x over √n below about 0.1).

    No denominator (Σx = 0) gives no value; n = 1 or no scatter around the ratio gives no interval.
    Raises ValueError for NaN, a negative n or negative sums of squares.
    """
    refuse_fractional(n=n)
    refuse_non_finite(y=y, x=x, xy=xy)
    refuse_negative(yy=yy, xx=xx)
    if bounds is not None:
        check_bounds(bounds)
    if n == 0:
        return nothing()
    if x == 0:
        return Estimate(None, None, None, n, "none")
    value = float(y / x)
    residual = yy - 2 * value * xy + value * value * xx
    if n == 1 or residual <= 1e-12 * (yy + value * value * xx):
        return without_interval(value, n)
    half = student(n - 1) * math.sqrt(n / (n - 1) * residual) / abs(x)
    low, high = (
        (value - half, value + half)
        if bounds is None
        else (
            max(value - half, bounds[0]),
            min(value + half, bounds[1]),
        )
    )
    return around(value, low, high, n, "ratio_t")
