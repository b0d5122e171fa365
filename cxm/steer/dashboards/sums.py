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
    total = _total([cell.sample for cell in cells])
    if total is None:
        return None
    return Cell(cells[0].period, "", estimate_of(total), total, {}, cells[0].currency)


def _total(samples: Sequence[Sample | None]) -> Sample | None:
    if not samples:
        return None
    if len(samples) == 1:
        return samples[0]
    scores = [sample for sample in samples if isinstance(sample, NpsSample)]
    shares = [sample for sample in samples if isinstance(sample, ShareSample)]
    means = [sample for sample in samples if isinstance(sample, Means)]
    if len(scores) == len(samples):
        return NpsSample(
            sum(one.promoters for one in scores), sum(one.passives for one in scores),
            sum(one.detractors for one in scores), _sum([one.squared_weights for one in scores]),
            _sum([one.answers for one in scores]),
        )  # fmt: skip
    if len(shares) == len(samples):
        return ShareSample(
            sum(one.successes for one in shares), sum(one.total for one in shares),
            _sum([one.squared_weights for one in shares]), _sum([one.answers for one in shares]),
        )  # fmt: skip
    if len(means) == len(samples) and len({one.bounds for one in means}) == 1:
        parts = [one.sample for one in means]
        return Means(
            MeanSample(
                sum(one.n for one in parts), sum(one.total for one in parts),
                sum(one.total_of_squares for one in parts), _sum([one.weight for one in parts]),
                _sum([one.squared_weights for one in parts]),
            ),
            means[0].bounds,
        )  # fmt: skip
    return None


def _sum(numbers: Sequence[Number | None]) -> Number | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if len(known) == len(numbers) else None


def estimate_of(sample: Sample) -> Estimate:
    match sample:
        case NpsSample():
            return nps_of(sample)
        case ShareSample():
            return share_of(sample)
        case Means():
            return mean_of(sample.sample, sample.bounds)
