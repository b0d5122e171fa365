"""Estimates as data of a map: rounded to twelve digits, so that the same sums are the same bytes on every machine."""

from __future__ import annotations

from collections.abc import Mapping

from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of, nps_of, share_of
from cxm.stats.samples import MeanSample, NpsSample, ShareSample
from cxm.understand.metrics.scores import bounds_of, default_scale, top_of

from .figures import Number

DIGITS = 12
MOODS = (-1.0, 1.0)


def rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}") + 0.0


def number(estimate: Estimate) -> Number:
    return Number(rounded(estimate.value), rounded(estimate.low), rounded(estimate.high), estimate.n)


def on_scale(metric: str, scale: str, scores: Mapping[float, int]) -> dict[float, int]:
    """The scores that lie on their scale."""
    bounds = bounds_of(scale or default_scale((metric,)))
    return {score: n for score, n in scores.items() if bounds and bounds[0] <= score <= bounds[1]}


def score_of(metric: str, scale: str, scores: Mapping[float, int]) -> tuple[Number, str]:
    """The score as the metric of that name states it, and its unit: NPS in points, satisfaction as the share of the two
    highest scores, ease and ratings as means."""
    n = sum(scores.values())
    if metric == "nps":
        good = sum(many for score, many in scores.items() if score >= 9)
        bad = sum(many for score, many in scores.items() if score <= 6)
        return number(nps_of(NpsSample(good, n - good - bad, bad))), "points"
    named = scale or default_scale((metric,))
    if metric == "csat":
        top = top_of(named)
        return number(share_of(ShareSample(sum(many for score, many in scores.items() if score >= top), n))), "percent"
    return number(mean_of(_sample(scores), bounds_of(named))), "score"


def level_of(metric: str, scale: str, scores: Mapping[float, int]) -> Number:
    """The mean score as a share of its scale, 0–1."""
    bounds = bounds_of(scale or default_scale((metric,)))
    if bounds is None or not scores:
        return Number()
    low, high = bounds
    placed = {(score - low) / (high - low): many for score, many in scores.items()}
    return number(mean_of(_sample(placed), (0.0, 1.0)))


def mood_of(n: int, total: float, squares: float) -> Number:
    """Mean sentiment with its interval, from sums of values between −1 and 1."""
    return number(mean_of(MeanSample(n, total, squares), MOODS)) if n else Number()


def _sample(scores: Mapping[float, int]) -> MeanSample:
    items = sorted(scores.items())
    return MeanSample(
        sum(many for _, many in items),
        sum(score * many for score, many in items),
        sum(score * score * many for score, many in items),
    )


