"""Watching a mean day after day without raising false alarms: e-processes over sums.

A test that is made anew each day finds a "significant" change sooner or later although nothing has changed. An
e-process does not: under the hypothesis it is a non-negative process that starts at 1 and is not expected to grow, so
the chance that it *ever* reaches 1/α is at most α (Ville's inequality), however often and whenever one looks.

For values x in 0..1 with mean m, y = m - x (or x - m), which is never below -b, and λ in 0..1/b,

    exp(λ Σy - ψ(λ) Σy²),   ψ(λ) = (-log(1 - λb) - λb) / b²

is one, in finite samples and for any distribution (Fan, Grama and Liu, Electronic Journal of Probability 20, 2015,
which Waudby-Smith and Ramdas, JRSS B 86, 2024, use as the "empirical Bernstein" bet). It needs three sums only: n, Σx
and Σx². Averages of e-processes are e-processes: over a grid of λ, so that nobody has to know how large a change will
be; over both directions; and over the days on which it may have begun, so that a change after a long calm is seen soon
(e-detectors: Shin, Ramdas and Rinaldo, New England Journal of Statistics in Data Science, 2024).

Where the mean before is itself estimated, the product of an e-value from the sample before and an e-process from the
sample after is one for each m that could be the common mean; the smallest over all m counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cxm.stats.refusals import refuse_fractional, refuse_negative

Side = Literal["below", "above", "both"]
ALPHA = 0.05
# λ from "thousands of answers, a small change" to "a handful that hardly differ", evenly in their logarithm. They do
# not scale with b: against a mean near the end of the scale, small ones are what sees values far from it.
BETS: NDArray[np.float64] = np.geomspace(0.01, 160, 16)
BOLDEST = 0.8  # of λb: nearer to 1, a single value could cost everything
SMALLEST = 0.005  # for b, where the mean lies at the end of the scale
MEANS = 33  # common means that are tried at a time
REFINED = 3  # times that the smallest is looked for more closely around where it was
EVERY = 3  # days from one possible beginning of a change to the next


@dataclass(frozen=True, slots=True)
class Sums:
    """n values in 0..1, Σx and Σx²."""

    n: int
    total: float
    squares: float

    def __post_init__(self) -> None:
        refuse_fractional(n=self.n)
        refuse_negative(total=self.total, squares=self.squares)
        if self.total > self.n * (1 + 1e-9) or self.squares > self.total * (1 + 1e-9) + 1e-9:
            raise ValueError("these are no sums of values between 0 and 1")

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.n + other.n, self.total + other.total, self.squares + other.squares)

    @property
    def mean(self) -> float:
        """Not for an empty sample."""
        return self.total / self.n


NONE = Sums(0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """`e` is the e-value of the last day; `log_e` its natural logarithm, which does not overflow.

    `start`: number of the day from which on the evidence is strongest; None before there is a day. `alarm`: whether
    the process has reached 1/α by now.
    """

    log_e: float
    start: int | None
    alarm: bool

    @property
    def e(self) -> float:
        return math.exp(min(self.log_e, 700.0))


def log_bets(sums: Sums | Sequence[Sums], means: NDArray[np.float64], side: Side) -> NDArray[np.float64]:
    """log of the average bet that the mean lies on that side of each of `means` (0..1).

    Shape of `means`; for several samples (one at least), a row for each.
    """
    given = (sums,) if isinstance(sums, Sums) else sums
    n, totals, squares = np.array([(one.n, one.total, one.squares) for one in given], dtype=np.float64).T[:, :, None]
    away = totals - n * means  # Σ(x - m)
    spread = np.maximum(squares - 2 * means * totals + n * means * means, 0.0)
    sides = {"below": (-1,), "above": (1,), "both": (-1, 1)}[side]
    result: NDArray[np.float64] = _log_mean(np.concatenate([_logs(sign, away, spread, means) for sign in sides]))
    return result[0] if isinstance(sums, Sums) else result


def _logs(
    sign: int, away: NDArray[np.float64], spread: NDArray[np.float64], means: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The logarithms of what each bet (first axis) is worth; `away` and `spread` have a row for each sample."""
    b = np.maximum(means if sign > 0 else 1 - means, SMALLEST)
    bets = np.minimum(BETS[:, None], BOLDEST / b)[:, None]
    costs = (np.log1p(-bets * b) + bets * b) / (b * b)
    logs: NDArray[np.float64] = bets * (sign * away) + costs * spread
    return logs


def _log_mean(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """log of the mean of exp over the first axis."""
    highest = logs.max(axis=0)
    found: NDArray[np.float64] = highest + np.log(np.exp(logs - highest).mean(axis=0))
    return found


def beyond(days: Sequence[Sums], target: float, side: Side, *, alpha: float = ALPHA) -> Evidence:
    """Evidence that the mean has come to lie beyond `target` (0..1) on that side, on the last of these days.

    Under "the mean of each value, given those before, is never beyond the target", the chance that this is ever an
    alarm is at most `alpha`, over all looks at growing `days`.
    """
    if not 0 <= target <= 1:
        raise ValueError(f"target {target!r} lies outside 0..1")
    watch = _Watch(days, side, alpha)
    return watch.said(*watch.at(np.array([target])), 0) if days else QUIET


def changed(before: Sums, days: Sequence[Sums], side: Side = "both", *, alpha: float = ALPHA) -> Evidence:
    """Evidence that the mean of `days` differs from that of the sample `before`, which lies wholly before them.

    Under "all values have the same mean", the chance that this is ever an alarm is at most `alpha`, over all looks at
    growing `days`. `side` is where the new mean lies. Where the mean of all values explains them, no other is tried:
    the evidence of what is no alarm may be smaller than `log_e` says.
    """
    watch = _Watch(days, side, alpha)
    seen = [one.mean for one in (before, *watch.sums) if one.n]
    if not days or not before.n or len(seen) < 2:
        return QUIET
    # The sample before bets against each mean in the other direction: both together rule a common mean out.
    opposite: dict[Side, Side] = {"below": "above", "above": "below", "both": "both"}

    def ruled_out(means: NDArray[np.float64]) -> tuple[Evidence, int]:
        """The smallest evidence against a common mean, and its place."""
        mixed, rows = watch.at(means)
        mixed = mixed + log_bets(before, means, opposite[side])
        worst = int(mixed.argmin())
        return watch.said(mixed, rows, worst), worst

    found, _only = ruled_out(np.array([(before + watch.sums[0]).mean]))
    # The smallest lies between the means that were seen, or near them; everywhere else is looked at, too.
    means = np.unique(np.concatenate([np.linspace(0.0, 1.0, MEANS), np.linspace(min(seen), max(seen), MEANS)]))
    for _round in range(REFINED + 1):
        if not found.alarm:
            break
        found, worst = ruled_out(means)
        means = np.linspace(means[max(worst - 1, 0)], means[min(worst + 1, len(means) - 1)], MEANS)
    return found


QUIET = Evidence(0.0, None, False)


class _Watch:
    """The e-processes of some days, one for each day on which it may have begun (every third is tried)."""

    def __init__(self, days: Sequence[Sums], side: Side, alpha: float) -> None:
        if not 0 < alpha < 1:
            raise ValueError(f"alpha {alpha!r} lies outside 0..1")
        self.side, self.alpha = side, alpha
        starts = range(0, len(days), EVERY)
        self.sums, since = [NONE] * len(starts), NONE
        for place in range(len(starts) - 1, -1, -1):
            for day in days[starts[place] : starts[place] + EVERY]:
                since += day
            self.sums[place] = since
        # The weights 1/(k(k+1)) of all beginnings, those to come with them, add up to 1: so nobody says when it ends.
        weights = [1 / ((k + 1) * (k + 2)) for k in range(len(starts))]
        self.weights = np.log(np.array([*weights, 1 - sum(weights)]))  # the rest has not begun, and is still 1

    def at(self, means: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """log of the process for each mean; and of its parts, a row for each beginning."""
        rows = np.vstack([log_bets(self.sums, means, self.side), np.zeros_like(means)]) + self.weights[:, None]
        highest = rows.max(axis=0)
        return highest + np.log(np.exp(rows - highest).sum(axis=0)), rows[:-1]

    def said(self, mixed: NDArray[np.float64], rows: NDArray[np.float64], place: int) -> Evidence:
        log_e = float(mixed[place])
        return Evidence(log_e, EVERY * int(rows[:, place].argmax()), log_e >= -math.log(self.alpha))
