"""Do two answers go together? Tables of counts of two questions: independence, rank tests, and how strong it is.

Rows and columns are answers, cells are people. Which test: `independence` for answers without an order (chi-square,
or an exact one where cells are small), `rank_by_group` where one of the two is a score (Kruskal and Wallis), and
`rank_correlation` where both are (Spearman). The strength of a table is Cramér's V with its interval.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import scipy  # `scipy.special` loads at its first use, which keeps it out of the start of the server
from numpy.typing import ArrayLike

from cxm.stats.estimate import CONFIDENCE, Estimate, Z, around, nothing, without_interval
from cxm.stats.refusals import Floats

LEAST_EXPECTED: Final = 5.0
"""Chi-square is used where no expected count is below 1 and at most a fifth are below this (Cochran 1954)."""

SEED: Final = 20260101
_DRAWS = 9_999
_MOST_LABELS = 40_000_000  # labels dealt anew in all draws together: about two seconds

Statistic = Callable[[Floats], Floats]
Test = Literal["chi_square", "fisher", "permutation", "kruskal_wallis", "spearman", "none"]


@dataclass(frozen=True, slots=True)
class Association:
    """How two answers go together among `n` people.

    `p_value`: two-sided, for "they have nothing to do with each other"; None where there is nothing to test.
    `strength`: Cramér's V from 0 to 1, or Spearman's rank correlation from −1 to 1, with its 95 % interval.
    `small`: cells whose expected count is below 5.
    """

    test: Test
    statistic: float | None
    df: int
    p_value: float | None
    n: int
    strength: Estimate
    small: int = 0


def expected_counts(counts: ArrayLike) -> Floats:
    """What each cell would hold if rows and columns had nothing to do with each other."""
    table = _checked(counts)
    total = table.sum()
    if total == 0:
        return np.zeros_like(table)
    found: Floats = np.outer(table.sum(axis=1), table.sum(axis=0)) / total
    return found


def independence(counts: ArrayLike) -> Association:
    """Pearson's chi-square without continuity correction; where cells are small, Fisher's exact test of a table of
    two by two (two-sided: all tables that are not more probable), else the same statistic against tables dealt at
    random with the same margins (with 9 999 draws and a fixed seed, so that the p-value is the same each time).

    Raises ValueError for counts that are negative, fractional or no table.
    """
    table = _filled(counts)
    n = int(table.sum())
    if min(table.shape) < 2:
        return Association("none", None, 0, None, n, nothing())
    expected = expected_counts(table)
    statistic = chi_square_of(table, expected)
    df = (table.shape[0] - 1) * (table.shape[1] - 1)
    small = int((expected < LEAST_EXPECTED).sum())
    strength = cramers_v(table)
    if (expected >= 1).all() and small <= expected.size / 5:
        p_value = float(scipy.special.chdtrc(df, statistic))
        return Association("chi_square", statistic, df, p_value, n, strength, small)
    if table.shape == (2, 2):
        return Association("fisher", None, df, _fisher(table), n, strength, small)
    p_value = _dealt(table, statistic, lambda dealt: ((dealt - expected) ** 2 / expected).sum(axis=(1, 2)))
    return Association("permutation", statistic, df, p_value, n, strength, small)


def rank_by_group(counts: ArrayLike) -> Association:
    """Kruskal and Wallis' test (JASA 47, 1952): do the rows differ in the order of the columns?

    Rows are groups, columns are scores from the lowest to the highest. Corrected for ties; the p-value is that of
    chi-square with groups − 1 degrees of freedom, or from dealing scores anew where a group has fewer than 5 people.
    """
    table = _filled(counts)
    n = int(table.sum())
    if min(table.shape) < 2:
        return Association("none", None, 0, None, n, nothing())
    ranks = _middle_ranks(table.sum(axis=0))
    ties = 1 - float((table.sum(axis=0) ** 3 - table.sum(axis=0)).sum()) / (n**3 - n)
    sizes = table.sum(axis=1)
    df = table.shape[0] - 1
    small = int((expected_counts(table) < LEAST_EXPECTED).sum())

    def statistic(tables: Floats) -> Floats:
        sums = tables @ ranks
        found: Floats = (12 / (n * (n + 1)) * (sums**2 / sizes).sum(axis=-1) - 3 * (n + 1)) / ties
        return found

    found = float(statistic(table))
    p_value = float(scipy.special.chdtrc(df, found)) if sizes.min() >= 5 else _dealt(table, found, statistic)
    return Association("kruskal_wallis", found, df, p_value, n, cramers_v(table), small)


def rank_correlation(counts: ArrayLike) -> Association:
    """Spearman's rank correlation of two scores, ties at their middle rank.

    Interval: Fisher's transformation with the variance (1 + r²/2) / (n − 3) of Bonett and Wright (Psychometrika 65,
    2000); p-value: Student's t of r with n − 2 degrees of freedom. Fewer than 10 people give neither.
    """
    table = _filled(counts)
    n = int(table.sum())
    if min(table.shape) < 2:
        return Association("none", None, 0, None, n, nothing())
    rows, columns = _middle_ranks(table.sum(axis=1)), _middle_ranks(table.sum(axis=0))
    a, b = rows - (n + 1) / 2, columns - (n + 1) / 2
    spread = math.sqrt(float(table.sum(axis=1) @ a**2) * float(table.sum(axis=0) @ b**2))
    value = max(-1.0, min(1.0, float(a @ table @ b) / spread))
    small = int((expected_counts(table) < LEAST_EXPECTED).sum())
    if n < 10:
        return Association("spearman", value, n - 2, None, n, without_interval(value, n), small)
    if abs(value) >= 1 - 1e-12:
        return Association("spearman", value, n - 2, 0.0, n, without_interval(value, n), small)
    t = value * math.sqrt((n - 2) / (1 - value * value))
    p_value = 2 * float(scipy.special.stdtr(n - 2, -abs(t)))
    half = Z * math.sqrt((1 + value * value / 2) / (n - 3))
    low, high = math.tanh(math.atanh(value) - half), math.tanh(math.atanh(value) + half)
    return Association("spearman", value, n - 2, p_value, n, around(value, low, high, n, "fisher_z"), small)


def cramers_v(counts: ArrayLike) -> Estimate:
    """√(χ² / (n × (least side − 1))), from 0 (nothing to do with each other) to 1.

    Interval (`noncentral_chi_square`): the noncentrality parameters under which χ² would lie at its 2.5th and 97.5th
    percentile, on the same scale (Steiger 2004, Psychological Methods 9), stretched to contain the value, which is
    too high by chance in small samples.
    """
    table = _filled(counts)
    n = int(table.sum())
    if min(table.shape) < 2:
        return nothing()
    statistic = chi_square_of(table, expected_counts(table))
    df = (table.shape[0] - 1) * (table.shape[1] - 1)
    most = n * (min(table.shape) - 1)

    def shown(noncentrality: float) -> float:
        return min(math.sqrt(noncentrality / most), 1.0)

    tail = (1 - CONFIDENCE) / 2
    low, high = _noncentrality(statistic, df, 1 - tail), _noncentrality(statistic, df, tail)
    return around(shown(statistic), shown(low), shown(high), n, "noncentral_chi_square")


def chi_square_of(table: Floats, expected: Floats) -> float:
    return float(((table - expected) ** 2 / expected).sum())


def _noncentrality(statistic: float, df: int, level: float) -> float:
    """The noncentrality under which chi-square is below `statistic` with probability `level`; 0 where none is."""
    if scipy.special.chdtr(df, statistic) <= level:
        return 0.0
    low, high = 0.0, statistic + 10 * math.sqrt(statistic + df) + 40
    for _step in range(60):
        middle = (low + high) / 2
        if scipy.special.chndtr(statistic, df, middle) > level:
            low = middle
        else:
            high = middle
    return low


def _checked(counts: ArrayLike) -> Floats:
    table: Floats = np.asarray(counts, dtype=np.float64)
    if table.ndim != 2 or not np.isfinite(table).all() or (table < 0).any() or (table != np.floor(table)).any():
        raise ValueError("a table is rows of whole counts from 0, all of one length")
    return table


def _filled(counts: ArrayLike) -> Floats:
    """The table without rows and columns in which there is nobody."""
    table = _checked(counts)
    filled: Floats = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    return filled


def _middle_ranks(totals: Floats) -> Floats:
    found: Floats = np.cumsum(totals) - (totals - 1) / 2
    return found


def _fisher(table: Floats) -> float:
    (a, b), (c, _d) = table
    first, column, n = a + b, a + c, table.sum()
    possible = np.arange(max(0.0, first + column - n), min(first, column) + 1)

    def log_choose(n: float, k: Floats) -> Floats:
        found: Floats = scipy.special.gammaln(n + 1) - scipy.special.gammaln(k + 1) - scipy.special.gammaln(n - k + 1)
        return found

    weights = log_choose(column, possible) + log_choose(n - column, first - possible)
    weights = np.exp(weights - weights.max())
    seen = weights[int(a - possible[0])]
    return min(1.0, float(weights[weights <= seen * (1 + 1e-9)].sum() / weights.sum()))


def _dealt(table: Floats, observed: float, statistic: Statistic) -> float:
    """How often tables with the same margins, dealt at random, are at least as far out; the observed one counts."""
    rows, columns = (table.sum(axis=axis).astype(np.int64) for axis in (1, 0))
    n = int(rows.sum())
    labels = np.repeat(np.arange(len(columns)), columns)
    owner = np.repeat(np.arange(len(rows)), rows) * len(columns)
    rng = np.random.default_rng(SEED)
    draws = max(min(_DRAWS, _MOST_LABELS // n), 199)
    as_far = 0
    at_once = max(1, 2_000_000 // n)
    for start in range(0, draws, at_once):
        some = min(at_once, draws - start)
        dealt = rng.permuted(np.broadcast_to(labels, (some, n)), axis=1) + owner
        offsets = np.arange(some)[:, None] * table.size
        counted = np.bincount((dealt + offsets).ravel(), minlength=some * table.size)
        tables = counted.reshape(some, *table.shape).astype(np.float64)
        as_far += int((statistic(tables) >= observed * (1 - 1e-9)).sum())
    return (as_far + 1) / (draws + 1)
