"""Kaplan–Meier: which share of customers is still there after a time (JASA 53, 1958).

Time is in any one unit (months of tenure, days since sign-up), from 0. Someone whose leaving was not seen
(still a customer) is censored at the last time known. At a tie, those who leave at t leave before those
censored at t, so both are at risk at t. The interval is Greenwood's variance on the log(−log) scale
(Kalbfleisch and Prentice, The Statistical Analysis of Failure Time Data, 2002, section 1.4): it stays within
0..1. Censoring is assumed to say nothing about the time of leaving.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from cxm.stats.estimate import Estimate, Z, nothing, without_interval
from cxm.stats.refusals import finite_array, refuse_fractional, refuse_negative

_METHOD = "greenwood_log_log"


@dataclass(frozen=True, slots=True)
class CurveRow:
    """One step: at `time`, `ended` of the `at_risk` left; `survival` is the share still there just after.

    `low`, `high`: 95 % interval; None while nobody has left or once nobody is left, where it is undefined.
    """

    time: float
    at_risk: int
    ended: int
    survival: float
    low: float | None
    high: float | None


def kaplan_meier(durations: ArrayLike, ended: ArrayLike) -> list[CurveRow]:
    """The curve from one duration per customer and whether it ended (1, True) or is still running (0, False).

    One row for every distinct duration, ascending, also those with censoring only. Empty for no customers.
    Raises ValueError for arrays of different length, NaN, negative durations, or `ended` other than 0 and 1.
    """
    times, flags = finite_array("durations", durations), finite_array("ended", ended)
    if times.shape != flags.shape:
        raise ValueError("durations and ended must have the same length")
    if not np.isin(flags, (0.0, 1.0)).all():
        raise ValueError("ended must be 0 or 1 for each duration")
    distinct, place = np.unique(times, return_inverse=True)
    everyone = np.bincount(place, minlength=distinct.size)
    left = np.bincount(place, weights=flags, minlength=distinct.size).astype(np.int64)
    return kaplan_meier_from_counts(
        (float(t), int(d), int(c - d)) for t, d, c in zip(distinct, left, everyone, strict=True)
    )


def kaplan_meier_from_counts(counts: Iterable[tuple[float, int, int]]) -> list[CurveRow]:
    """The curve from (time, how many ended, how many were censored) in any order; equal times are added up.

    Raises ValueError for NaN, negative times, negative or fractional counts.
    """
    grouped: dict[float, list[int]] = {}
    for time, gone, censored in counts:
        refuse_negative(time=time)
        refuse_fractional(ended=gone, censored=censored)
        sums = grouped.setdefault(float(time), [0, 0])
        sums[0] += int(gone)
        sums[1] += int(censored)
    at_risk = sum(gone + censored for gone, censored in grouped.values())
    survival, greenwood = 1.0, 0.0
    rows = []
    for time in sorted(grouped):
        gone, censored = grouped[time]
        if gone + censored == 0:
            continue
        survival *= 1 - gone / at_risk
        greenwood += gone / (at_risk * (at_risk - gone)) if gone < at_risk else math.inf
        rows.append(CurveRow(time, at_risk, gone, survival, *_limits(survival, greenwood)))
        at_risk -= gone + censored
    return rows


def _limits(survival: float, greenwood: float) -> tuple[float | None, float | None]:
    if survival in (0.0, 1.0):
        return None, None
    reach = math.exp(Z * math.sqrt(greenwood) / abs(math.log(survival)))
    return survival**reach, survival ** (1 / reach)


def survival_at(curve: Sequence[CurveRow], time: float) -> Estimate:
    """Share still there at `time`, as a fraction, n being all customers of the curve.

    Before the first row it is 1, without an interval. Beyond the last row the curve is unknown (value None)
    unless it has reached 0. Raises ValueError for a negative or NaN time.
    """
    refuse_negative(time=time)
    if not curve:
        return nothing()
    n = curve[0].at_risk
    place = bisect_right([row.time for row in curve], time) - 1
    if place < 0:
        return without_interval(1.0, n)
    row = curve[place]
    if time > row.time and place == len(curve) - 1 and row.survival > 0:
        return Estimate(None, None, None, n, "none")
    return Estimate(row.survival, row.low, row.high, n, _METHOD if row.low is not None else "none")


def median_survival(curve: Sequence[CurveRow]) -> Estimate:
    """The first time at which half or fewer are still there, in the curve's unit.

    Interval (Brookmeyer and Crowley, Biometrics 38, 1982): from the first time at which the lower limit of
    the curve is at most one half to the first at which the upper limit is; a side that never gets there, and
    a median that was not reached, are None.
    """
    if not curve:
        return nothing()
    n = curve[0].at_risk
    value = next((row.time for row in curve if row.survival <= 0.5), None)
    lows = ((row.time, 0.0 if row.survival == 0 else row.low) for row in curve)
    low = next((time for time, limit in lows if limit is not None and limit <= 0.5), None)
    high = next((row.time for row in curve if row.high is not None and row.high <= 0.5), None)
    return Estimate(value, low, high, n, _METHOD if low is not None or high is not None else "none")
