"""How well the methods of this package keep their promises: coverage, false verdicts, power.

Coverage of NPS and shares is exact: every possible sample, with its probability. The rest is simulated with
fixed seeds. The functions measured are the public ones, answer by answer, not copies of them.
"""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np
import scipy  # `scipy.special` loads at its first use, which keeps it out of the start of the server
from numpy.typing import NDArray

from cxm.stats import comparison, intervals, planning
from cxm.stats.comparison import Difference
from cxm.stats.estimate import Estimate
from cxm.stats.quantiles import quantile_ranks
from cxm.stats.samples import MeanSample, NpsSample, ShareSample

SIZES: Final = (10, 20, 30, 50, 100, 400)
REPLICATIONS: Final = 20_000

SPLITS: Final = ((0.45, 0.30, 0.25), (0.75, 0.20, 0.05), (0.15, 0.25, 0.60), (0.92, 0.06, 0.02))
"""Promoters, passives, detractors: ordinary, good, bad, nearly all delighted."""

SHARES: Final = (0.45, 0.75, 0.15, 0.93)
"""Top-box shares: ordinary, good, bad, nearly all content."""

WEAK_SHARES: Final = (0.30, 0.90, 0.92, 0.95, 0.98, 0.99)
"""Shares that Wilson's interval covers badly at some of `SIZES`. 10 % is as 90 %, and so on."""

ALL_SHARES: Final = tuple(percent / 100 for percent in range(1, 100))

FIVE_POINT: Final = (
    (0.05, 0.10, 0.20, 0.35, 0.30),
    (0.02, 0.03, 0.05, 0.20, 0.70),
    (0.40, 0.25, 0.15, 0.10, 0.10),
    (0.01, 0.01, 0.02, 0.06, 0.90),
)
"""Shares of the answers 1 to 5: ordinary, good, bad, nearly all delighted."""

POINTS: Final = np.arange(1, 6)
SCALE: Final = (1.0, 5.0)

Kind = Literal["nps", "share", "mean"]
Tile = tuple[Kind, int, int, int]
"""Kind of number, index of its distribution, answers before, answers after."""

_NEAR = 1e-9


def holds(estimate: Estimate, truth: float) -> bool:
    """Whether the interval contains the truth; a missing side contains everything on it."""
    above = estimate.low is None or estimate.low <= truth + _NEAR
    return above and (estimate.high is None or truth - _NEAR <= estimate.high)


def nps_coverage(n: int) -> list[float]:
    """Exact coverage of `intervals.nps` at n answers, for each of `SPLITS`."""
    samples = [(p, n - p - d, d) for p in range(n + 1) for d in range(n - p + 1)]
    found = [intervals.nps(*sample) for sample in samples]
    counts = np.array(samples, dtype=np.float64)
    ways = scipy.special.gammaln(n + 1.0) - scipy.special.gammaln(counts + 1).sum(axis=1)
    return [
        _probability(ways + counts @ np.log(split), [holds(e, 100 * (split[0] - split[2])) for e in found])
        for split in SPLITS
    ]


def share_coverage(n: int, shares: Sequence[float] = SHARES) -> list[float]:
    """Exact coverage of a share's interval at n answers, for each true share."""
    found = [intervals.share(k, n) for k in range(n + 1)]
    k = np.arange(n + 1.0)
    ways = scipy.special.gammaln(n + 1.0) - scipy.special.gammaln(k + 1) - scipy.special.gammaln(n - k + 1)
    return [_probability(ways + k * np.log(p) + (n - k) * np.log1p(-p), [holds(e, p) for e in found]) for p in shares]


def _probability(logs: NDArray[np.float64], which: list[bool]) -> float:
    return float(np.exp(logs)[np.array(which)].sum())


def mean_coverage(n: int, seed: int, bounded: bool = True) -> list[float]:
    """Simulated coverage of a five-point mean, for each of `FIVE_POINT`; Student's interval if unbounded."""
    rng = np.random.default_rng((seed, n))
    result = []
    for shares in FIVE_POINT:
        answers = rng.multinomial(n, shares, REPLICATIONS)
        sums = np.stack([answers @ POINTS, answers @ POINTS**2], axis=1)
        distinct, times = np.unique(sums, axis=0, return_counts=True)
        truth = float(np.dot(shares, POINTS))
        inside = sum(
            int(count)
            for (s, ss), count in zip(distinct.tolist(), times, strict=True)
            if _has_interval(e := intervals.mean(n, s, ss, SCALE if bounded else None)) and holds(e, truth)
        )
        result.append(inside / REPLICATIONS)
    return result


def _has_interval(estimate: Estimate) -> bool:
    return estimate.half_width is not None


def skewed_mean_coverage(n: int, seed: int) -> list[float]:
    """Simulated coverage of Student's interval for the mean of normal and of exponential times."""
    rng = np.random.default_rng((seed, n))
    result = []
    for draw in (rng.standard_normal, rng.standard_exponential):
        times = draw((REPLICATIONS, n)) + 10
        truth = 10.0 if draw == rng.standard_normal else 11.0
        sums = zip(times.sum(axis=1).tolist(), (times**2).sum(axis=1).tolist(), strict=True)
        result.append(sum(holds(intervals.mean(n, s, ss), truth) for s, ss in sums) / REPLICATIONS)
    return result


def quantile_coverage(n: int, q: float) -> float:
    """Exact coverage of a quantile's interval for any continuous distribution."""
    ranks = quantile_ranks(n, q)
    upper = 1.0 if ranks.upper is None else float(scipy.special.bdtr(ranks.upper - 1, n, q))
    return upper - (0.0 if ranks.lower is None else float(scipy.special.bdtr(ranks.lower - 1, n, q)))


MIXED_BOARD: Final[tuple[Tile, ...]] = (
    *(("nps", i % 4, (10, 30)[i // 4], 30) for i in range(8)),
    *(("share", i % 4, (10, 100)[i // 4], 100) for i in range(8)),
    *(("mean", i, 30, 100) for i in range(4)),
)
SMALL_BOARD: Final[tuple[Tile, ...]] = (
    *(("nps", i % 4, 10, 10) for i in range(8)),
    *(("share", i % 4, 10, 10) for i in range(6)),
    *(("mean", i % 4, 10, 10) for i in range(6)),
)
UNEQUAL_BOARD: Final[tuple[Tile, ...]] = (
    *(("nps", i % 4, 10, 50) for i in range(4)),
    *(("share", i % 4, 10, 400) for i in range(8)),
    *(("mean", i % 4, 10, 400) for i in range(8)),
)
LARGE_BOARD: Final[tuple[Tile, ...]] = (
    *(("share", i % 4, 400, 400) for i in range(10)),
    *(("mean", i % 4, 100, 400) for i in range(10)),
)
BOARDS: Final = {
    "10 to 100 answers": MIXED_BOARD,
    "10 and 10 answers": SMALL_BOARD,
    "10 then 50 or 400 answers": UNEQUAL_BOARD,
    "100 to 400 answers (shares, means)": LARGE_BOARD,
}


def false_boards(board: Sequence[Tile], boards: int, seed: int) -> float:
    """Share of boards of tiles, nothing having changed, that show at least one up or down."""
    rng = np.random.default_rng(seed)
    columns = [
        differences(kind, _shares(kind, which), _shares(kind, which), before, after, boards, rng)
        for kind, which, before, after in board
    ]
    pages = (comparison.verdicts(row) for row in zip(*columns, strict=True))
    return sum(any(verdict != "no_evidence" for verdict in page) for page in pages) / boards


def _shares(kind: Kind, which: int) -> tuple[float, ...]:
    if kind == "nps":
        return SPLITS[which]
    return (SHARES[which], 1 - SHARES[which]) if kind == "share" else FIVE_POINT[which]


def differences(
    kind: Kind,
    shares_before: Sequence[float],
    shares_after: Sequence[float],
    n_before: int,
    n_after: int,
    replications: int,
    rng: np.random.Generator,
) -> list[Difference]:
    """So many simulated comparisons of two samples; equal samples are compared once."""
    before = rng.multinomial(n_before, shares_before, replications)
    after = rng.multinomial(n_after, shares_after, replications)
    if kind == "mean":
        moments = np.stack([POINTS, POINTS**2], axis=1)
        before, after = before @ moments, after @ moments
    known: dict[tuple[int, ...], Difference] = {}
    result = []
    for one, two in zip(before.tolist(), after.tolist(), strict=True):
        key = (*one, *two)
        if key not in known:
            known[key] = _difference(kind, one, two, n_before, n_after)
        result.append(known[key])
    return result


def _difference(kind: Kind, one: list[int], two: list[int], n_before: int, n_after: int) -> Difference:
    if kind == "nps":
        return comparison.difference_nps(NpsSample(*one), NpsSample(*two))
    if kind == "share":
        return comparison.difference_share(ShareSample(one[0], n_before), ShareSample(two[0], n_after))
    return comparison.difference_mean(MeanSample(n_before, *one), MeanSample(n_after, *two), SCALE)


def rejection_rate(found: Sequence[Difference], level: float = 0.05) -> float:
    """Share of the comparisons whose p-value is at most `level`."""
    return sum(d.p_value is not None and d.p_value <= level for d in found) / len(found)


def promised_power(seed: int, replications: int = 4000) -> dict[str, tuple[int, float]]:
    """Name of a planned comparison -> (answers that planning asks for, share of simulations that see it)."""
    rng = np.random.default_rng(seed)
    # scores moving from -15 to +15 points with a variance of 0.7 before and after: P + D = 0.7 + 0.15²
    worse, better = (0.28625, 0.27750, 0.43625), (0.43625, 0.27750, 0.28625)
    fair, good = FIVE_POINT[0], (0.03, 0.07, 0.18, 0.35, 0.37)
    spread = ((_variance(fair) + _variance(good)) / 2) ** 0.5
    change = float(np.dot(good, POINTS) - np.dot(fair, POINTS))
    content, delighted = (0.445, 0.410, 0.145), (0.67625, 0.19750, 0.12625)
    mean_plan = planning.answers_needed_mean(change, spread)
    planned: dict[str, tuple[Kind, int, Sequence[float], Sequence[float]]] = {
        "NPS, −15 to +15 points": ("nps", planning.answers_needed_nps(30), worse, better),
        "NPS, 30 to 55 points": ("nps", planning.answers_needed_nps(25, 0.5), content, delighted),
        "share, 80 % to 70 %": ("share", planning.answers_needed_share(0.8, 0.7), (0.8, 0.2), (0.7, 0.3)),
        "share, 50 % to 70 %": ("share", planning.answers_needed_share(0.5, 0.7), (0.5, 0.5), (0.7, 0.3)),
        f"five-point mean, up by {change:.2f}": ("mean", mean_plan, fair, good),
    }
    return {
        name: (n, rejection_rate(differences(kind, one, two, n, n, replications, rng)))
        for name, (kind, n, one, two) in planned.items()
    }


def _variance(shares: Sequence[float]) -> float:
    centre = float(np.dot(shares, POINTS))
    return float(np.dot(shares, (POINTS - centre) ** 2))
