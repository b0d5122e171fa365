"""How many answers are needed: to see a change between two periods, or to reach a half-width.

A change counts as seen with 80 % power at 5 % two-sided, one comparison by itself; a page of many
comparisons (`comparison.verdicts`) asks for more. Both periods have the same number of answers.

For NPS and shares the tests judge by the spread of the pooled answers, which a change itself widens, so
n = (z √(2 (σ² + change² / 4)) + z' √(2 σ²))² / change², z = 1.95996, z' = 0.84162, σ² the mean variance of
both periods (Fleiss, Statistical Methods for Rates and Proportions, 1981, section 3.2), and a few answers
more for the steps of an exact test. Measured power: docs/reference/intervals.md.
"""

import math
from typing import Final

from cxm.stats.estimate import Z
from cxm.stats.refusals import refuse_fractional, refuse_negative, refuse_outside_unit

POWER: Final = 0.80
Z_POWER: Final = 0.8416212335729143
"""Standard normal quantile at POWER."""

NPS_VARIANCE: Final = 0.7
"""Variance of one answer scored −1, 0, +1 where nothing is known yet: P + D − (P − D)², between 0 and 1."""


def answers_needed_nps(change: float, variance: float = NPS_VARIANCE) -> int:
    """Answers in each period to see the NPS move by `change` points (sign ignored).

    `variance`: of one answer scored −1, 0, +1, the mean of both periods; take P + D − (P − D)² of the last
    wave. The formula above plus 3 answers. Raises ValueError for a change of 0 or beyond 200, or a variance
    outside (0, 1].
    """
    _check_nps(variance)
    step = _change(change, 200.0) / 100
    spread = Z * math.sqrt(2 * (variance + step * step / 4)) + Z_POWER * math.sqrt(2 * variance)
    return math.ceil(round((spread / step) ** 2, 6)) + 3


def answers_needed_share(before: float, after: float) -> int:
    """Answers in each period to see a share move from `before` to `after` (fractions).

    n = (z √(2 p̄ (1 − p̄)) + z' √(p₁(1 − p₁) + p₂(1 − p₂)))² / change² + 1 / (4 change), p̄ the mean of the two;
    the last term is an eighth of Fleiss's continuity correction, as the test is mid-p. Raises ValueError for
    equal shares or shares outside [0, 1].
    """
    refuse_negative(before=before, after=after)
    if before > 1 or after > 1:
        raise ValueError("shares are fractions from 0 to 1")
    change = _change(after - before, 1.0)
    middle = (before + after) / 2
    spread = Z * math.sqrt(2 * middle * (1 - middle))
    spread += Z_POWER * math.sqrt(before * (1 - before) + after * (1 - after))
    return math.ceil((spread / change) ** 2 + 1 / (4 * change))


def answers_needed_mean(change: float, standard_deviation: float) -> int:
    """Answers in each period to see a mean move by `change`, in the unit of `standard_deviation`.

    2 ((z + z') σ / change)² + z² / 4, the last term for Student's quantile (Guenther, The American
    Statistician 35, 1981). Raises ValueError for a change of 0 or a standard deviation that is not positive.
    """
    refuse_negative(standard_deviation=standard_deviation)
    if standard_deviation == 0:
        raise ValueError("standard_deviation must be positive")
    size = abs(_change(change, math.inf)) / standard_deviation
    return max(2, math.ceil(2 * ((Z + Z_POWER) / size) ** 2 + Z * Z / 4))


def detectable_change_nps(n: int, variance: float = NPS_VARIANCE) -> float:
    """Smallest change of the NPS in points that n answers in each period show, at most 200."""
    _check_nps(variance)
    # the formula above without the three answers, solved for the change
    part, square = Z_POWER * math.sqrt(2 * variance), _periods(n) - Z * Z / 2
    if square <= 0:
        return 200.0
    linear = math.sqrt(n) * part
    step = (linear + math.sqrt(linear * linear + square * (2 * Z * Z * variance - part * part))) / square
    return min(200.0, 100 * step)


def detectable_change_share(n: int, before: float) -> float:
    """Smallest fraction by which a share must move from `before`, towards one half, to be seen by n answers.

    (From exactly one half: upwards.) 1 where even the whole way is not enough.
    """
    refuse_outside_unit(before=before)
    start = before if before <= 0.5 else 1 - before
    low, high = 0.0, 1 - start
    if answers_needed_share(start, 1.0) > _periods(n):
        return 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if middle > 0 and answers_needed_share(start, min(start + middle, 1.0)) <= n:
            high = middle
        else:
            low = middle
    return high


def detectable_change_mean(n: int, standard_deviation: float) -> float:
    """Smallest change of a mean that n answers (3 or more) in each period show, in the deviation's unit."""
    refuse_negative(standard_deviation=standard_deviation)
    if _periods(n) < 3:
        raise ValueError("a mean needs 3 answers or more in each period")
    return (Z + Z_POWER) * standard_deviation * math.sqrt(2 / (n - Z * Z / 4))


def half_width_nps(n: int, variance: float = NPS_VARIANCE) -> float:
    """Half-width in points to expect of an NPS from n answers: 100 z √(variance / n)."""
    _check_nps(variance)
    return 100 * Z * math.sqrt(variance / _periods(n))


def answers_for_half_width_nps(half_width: float, variance: float = NPS_VARIANCE) -> int:
    """Answers for an NPS of ± `half_width` points."""
    _check_nps(variance)
    return math.ceil(round(variance * (100 * Z / _change(half_width, 100.0)) ** 2, 9))


def answers_for_half_width_share(half_width: float, expected: float = 0.5) -> int:
    """Answers for a share of ± `half_width` (a fraction) where about `expected` is awaited."""
    refuse_outside_unit(expected=expected)
    return math.ceil(round(expected * (1 - expected) * (Z / _change(half_width, 1.0)) ** 2, 9))


def invitations_needed(answers: int, response_rate: float) -> int:
    """Invitations to send for so many answers at a response rate (fraction, above 0 up to 1)."""
    refuse_fractional(answers=answers)
    refuse_negative(response_rate=response_rate)
    if not 0 < response_rate <= 1:
        raise ValueError(f"response_rate must lie above 0 and up to 1, got {response_rate!r}")
    return math.ceil(round(answers / response_rate, 9))


def _change(change: float, largest: float) -> float:
    refuse_negative(change=abs(change))
    if change == 0 or abs(change) > largest:
        raise ValueError(f"a change must differ from 0 and be at most {largest:g}, got {change!r}")
    return abs(change)


def _check_nps(variance: float) -> None:
    if not 0 < variance <= 1:
        raise ValueError(f"variance must lie above 0 and up to 1, got {variance!r}")


def _periods(n: int) -> int:
    refuse_fractional(n=n)
    if n < 1:
        raise ValueError("n must be 1 or more")
    return n
