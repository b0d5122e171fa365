"""The shape in which every number leaves this package: a value, its 95 % interval, and the n behind it."""

from dataclasses import dataclass
from typing import Final

CONFIDENCE: Final = 0.95
"""The one confidence level of the product, two-sided. A per-page choice would invite shopping for stars."""

Z: Final = 1.959963984540054
"""Standard normal quantile at (1 + CONFIDENCE) / 2."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval.

    `value`, `low`, `high`: in the unit of the function that made it. All None when there is nothing to
    estimate (`n` is 0). `low` or `high` alone may be None: the data do not bound that side at 95 %.
    `n`: number of answers (customers, orders) behind the value, unweighted.
    `method`: snake_case name of the interval's method (`nps_plus_one`, `wilson`, `t`,
    `mean_plus_one`, `order_statistics`, `bootstrap`, `ratio_t`, `greenwood_log_log`); `none` when there is
    no interval on either side.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str

    @property
    def half_width(self) -> float | None:
        """Half the length of the interval, in the value's unit; None where a side is missing."""
        if self.low is None or self.high is None:
            return None
        return (self.high - self.low) / 2


def nothing() -> Estimate:
    """The estimate from no data."""
    return Estimate(None, None, None, 0, "none")


def without_interval(value: float, n: int) -> Estimate:
    """A value whose uncertainty the data cannot tell."""
    return Estimate(value, None, None, n, "none")


def around(value: float, low: float, high: float, n: int, method: str) -> Estimate:
    """An estimate whose interval is stretched, where needed, to contain the plain value."""
    return Estimate(value, min(low, value), max(high, value), n, method)
