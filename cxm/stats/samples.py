"""Sufficient statistics of one sample: the few sums a query returns, plain or weighted.

A weighted sample (raking weights) keeps its weighted sums and is given Kish's effective size,
n_eff = (Σw)² / Σw² (Kish, Survey Sampling, 1965, section 11.7): the number of equally weighted answers that
would be as informative. Intervals use the sums scaled so that they add up to n_eff. It is never taken as
larger than n.
"""

from dataclasses import dataclass

from cxm.stats.refusals import refuse_fractional, refuse_negative, refuse_non_finite, variance_sum


def effective_size(total_weight: float, total_of_squared_weights: float) -> float:
    """Kish's effective sample size (Σw)² / Σw²; 0 for no answers.

    Raises ValueError for negative or non-finite sums, or weights whose squares add up to nothing.
    """
    refuse_negative(total_weight=total_weight, total_of_squared_weights=total_of_squared_weights)
    if total_weight == 0:
        return 0.0
    if total_of_squared_weights <= 0:
        raise ValueError("total_of_squared_weights must be positive where there is weight")
    return total_weight * total_weight / total_of_squared_weights


def _scale(total_weight: float, squared_weights: float | None, n: int) -> float:
    if squared_weights is None or n == 0 or total_weight == 0:
        return 1.0
    return min(effective_size(total_weight, squared_weights), float(n)) / total_weight


@dataclass(frozen=True, slots=True)
class NpsSample:
    """Counts of promoters (9–10), passives (7–8) and detractors (0–6); sums of weights when weighted.

    A weighted sample also states `squared_weights` (Σw² over all answers) and `answers` (how many).
    """

    promoters: float
    passives: float
    detractors: float
    squared_weights: float | None = None
    answers: int | None = None

    def __post_init__(self) -> None:
        check = refuse_fractional if self.squared_weights is None else refuse_negative
        check(promoters=self.promoters, passives=self.passives, detractors=self.detractors)
        if self.squared_weights is not None:
            if self.answers is None:
                raise ValueError("a weighted sample states how many answers it has")
            refuse_fractional(answers=self.answers)
            refuse_negative(squared_weights=self.squared_weights)

    @property
    def total(self) -> float:
        """Sum of the three: answers, or weights."""
        return self.promoters + self.passives + self.detractors

    @property
    def n(self) -> int:
        """Number of answers."""
        return int(self.total) if self.answers is None else self.answers

    def effective(self) -> tuple[float, float, float]:
        """The three counts scaled to the effective sample size (unchanged when unweighted)."""
        scale = _scale(self.total, self.squared_weights, self.n)
        return self.promoters * scale, self.passives * scale, self.detractors * scale


@dataclass(frozen=True, slots=True)
class ShareSample:
    """`successes` out of `total`; both are sums of weights when `squared_weights` and `answers` are given."""

    successes: float
    total: float
    squared_weights: float | None = None
    answers: int | None = None

    def __post_init__(self) -> None:
        check = refuse_fractional if self.squared_weights is None else refuse_negative
        check(successes=self.successes, n=self.total)
        if self.successes > self.total * (1 + 1e-9):
            raise ValueError(f"successes {self.successes!r} cannot exceed the total {self.total!r}")
        if self.squared_weights is not None:
            if self.answers is None:
                raise ValueError("a weighted sample states how many answers it has")
            refuse_fractional(answers=self.answers)
            refuse_negative(squared_weights=self.squared_weights)

    @property
    def n(self) -> int:
        """Number of answers."""
        return int(self.total) if self.answers is None else self.answers

    def effective(self) -> tuple[float, float]:
        """Successes and failures scaled to the effective sample size (unchanged when unweighted)."""
        scale = _scale(self.total, self.squared_weights, self.n)
        return self.successes * scale, max(self.total - self.successes, 0.0) * scale


@dataclass(frozen=True, slots=True)
class MeanSample:
    """Number of answers, Σx and Σx²; with `weight` and `squared_weights`, the sums are Σwx and Σwx²."""

    n: int
    total: float
    total_of_squares: float
    weight: float | None = None
    squared_weights: float | None = None

    def __post_init__(self) -> None:
        refuse_fractional(n=self.n)
        refuse_non_finite(total=self.total)
        refuse_negative(total_of_squares=self.total_of_squares)
        if (self.weight is None) != (self.squared_weights is None):
            raise ValueError("a weighted sample states both the sum of weights and the sum of their squares")
        if self.weight is not None and self.squared_weights is not None:
            refuse_negative(weight=self.weight, squared_weights=self.squared_weights)
        elif self.n > 0:
            variance_sum(self.n, self.total, self.total_of_squares)

    @property
    def empty(self) -> bool:
        """True when there is nothing to take a mean of."""
        return self.n == 0 or self.weight == 0

    def effective(self) -> tuple[float, float, float]:
        """(effective n, mean, Σ of squared deviations scaled to the effective n); not for an empty sample."""
        weight = float(self.n) if self.weight is None else self.weight
        size = min(weight * _scale(weight, self.squared_weights, self.n), float(self.n))
        deviations = variance_sum(weight, self.total, self.total_of_squares)
        return float(size), float(self.total / weight), float(deviations * size / weight)
