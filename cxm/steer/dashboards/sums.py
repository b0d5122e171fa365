"""Numbers that are sums: the whole is its parts together, so that one question can answer several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean_of, nps_of, share_of
from cxm.stats.samples import MeanSample, NpsSample, ShareSample
from cxm.understand.metrics.metric import Cell, Means, Sample

Number = TypeVar("Number", int, float)
# Metrics in which every record counts once and for itself. Those that count customers are not: one customer can be in
# two periods, or in two groups.
ADDITIVE: Final = frozenset(
    {
        "nps", "csat", "csat_mean", "ces", "ces_easy", "rating", "rating_top", "commented", "resolution_satisfaction",
        "complaint_rate", "first_contact", "reopening", "sla", "late",
    }
)  # fmt: skip


def summed(cells: Sequence[Cell]) -> Cell | None:
    """One cell for several; None where their sums do not say it."""
    samples = [cell.sample for cell in cells]
    total = samples[0] if samples else None
    for sample in samples[1:]:
        total = _added(total, sample) if total is not None and sample is not None else None
    if total is None:
        return None
    return Cell(cells[0].period, "", estimate_of(total), total, {}, cells[0].currency)


def _added(one: Sample, other: Sample) -> Sample | None:
    match one, other:
        case NpsSample(), NpsSample():
            return NpsSample(
                one.promoters + other.promoters, one.passives + other.passives, one.detractors + other.detractors,
                _sum(one.squared_weights, other.squared_weights), _sum(one.answers, other.answers),
            )  # fmt: skip
        case ShareSample(), ShareSample():
            return ShareSample(
                one.successes + other.successes, one.total + other.total,
                _sum(one.squared_weights, other.squared_weights), _sum(one.answers, other.answers),
            )  # fmt: skip
        case Means(), Means() if one.bounds == other.bounds:
            first, second = one.sample, other.sample
            return Means(
                MeanSample(
                    first.n + second.n, first.total + second.total, first.total_of_squares + second.total_of_squares,
                    _sum(first.weight, second.weight), _sum(first.squared_weights, second.squared_weights),
                ),
                one.bounds,
            )  # fmt: skip
    return None


def _sum(one: Number | None, other: Number | None) -> Number | None:
    return None if one is None or other is None else one + other


def estimate_of(sample: Sample) -> Estimate:
    match sample:
        case NpsSample():
            return nps_of(sample)
        case ShareSample():
            return share_of(sample)
        case Means():
            return mean_of(sample.sample, sample.bounds)
