"""Quantiles against numpy, and their ranks against a binomial worked out in full."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.stats import quantiles
from cxm.stats.estimate import Estimate
from cxm.stats.resampling import bootstrap

numbers = st.lists(st.integers(-50, 50), min_size=1, max_size=80)
levels = st.sampled_from([0.1, 0.25, 0.3, 0.5, 0.9, 0.95])


def test_median_of_ten() -> None:
    # Binomial(10, ½): P(≤ 1) = 11/1024 ≤ 0.025 < P(≤ 2) = 56/1024, so ranks 2 and 9
    found = quantiles.median(range(1, 11))
    assert found == Estimate(5.5, 2, 9, 10, "order_statistics")


@pytest.mark.parametrize(
    ("n", "lower", "upper"),
    # Conover, Practical Nonparametric Statistics, table of the sign test: 6 → 1, 6; 20 → 6, 15; 30 → 10, 21
    [(1, None, None), (5, None, None), (6, 1, 6), (20, 6, 15), (30, 10, 21)],
)
def test_ranks_of_the_median(n: int, lower: int | None, upper: int | None) -> None:
    ranks = quantiles.quantile_ranks(n, 0.5)
    assert (ranks.lower, ranks.position, ranks.upper) == (lower, (n + 1) / 2, upper)


def test_the_upper_side_of_a_high_percentile_needs_36_values() -> None:
    # 0.9³⁵ = 0.02503 > 0.025 ≥ 0.9³⁶ = 0.02253
    assert quantiles.quantile_ranks(35, 0.9).upper is None
    assert quantiles.quantile_ranks(36, 0.9).upper == 36
    found = quantiles.quantile(range(1, 21), 0.9)
    # position 1 + 19 × 0.9 = 18.1
    assert found.value == pytest.approx(18.1)
    assert found.high is None and found.half_width is None


@given(st.integers(1, 60), levels)
def test_ranks_are_the_closest_that_hold(n: int, q: float) -> None:
    mass = [comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(n + 1)]
    below = [rank for rank in range(1, n + 1) if sum(mass[:rank]) <= 0.025]
    above = [rank for rank in range(1, n + 1) if sum(mass[rank:]) <= 0.025]
    ranks = quantiles.quantile_ranks(n, q)
    assert ranks.lower == (max(below) if below else None)
    assert ranks.upper == (min(above) if above else None)


@given(numbers, levels)
def test_the_value_is_numpys_and_a_histogram_gives_the_same(values: list[int], q: float) -> None:
    found = quantiles.quantile(values, q)
    assert found.value == pytest.approx(float(np.quantile(values, q)), abs=1e-9)
    distinct, counts = np.unique(values, return_counts=True)
    assert quantiles.quantile_from_counts(distinct[::-1], counts[::-1], q) == found


@given(numbers, levels)
def test_a_database_may_fetch_the_ranks(values: list[int], q: float) -> None:
    ranks = quantiles.quantile_ranks(len(values), q)
    ordered = sorted(values)
    fetched = {rank: float(ordered[rank - 1]) for rank in ranks.needed}
    assert len(fetched) <= 4
    assert quantiles.quantile_from_ranks(ranks, fetched) == quantiles.quantile(values, q)


def test_no_values_and_one() -> None:
    assert quantiles.median([]) == Estimate(None, None, None, 0, "none")
    assert quantiles.quantile_from_counts([], [], 0.5).n == 0
    assert quantiles.median([7]) == Estimate(7, None, None, 1, "none")


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        quantiles.median([1, float("nan")])
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantiles.quantile([1], 1.0)
    with pytest.raises(ValueError, match="no ranks"):
        quantiles.quantile_ranks(0, 0.5)
    with pytest.raises(ValueError, match="same length"):
        quantiles.quantile_from_counts([1, 2], [1], 0.5)
    with pytest.raises(ValueError, match="whole"):
        quantiles.quantile_from_counts([1], [1.5], 0.5)
    with pytest.raises(ValueError, match="rank 6"):
        quantiles.quantile_from_ranks(quantiles.quantile_ranks(6, 0.5), {1: 0.0, 3: 1.0, 4: 1.0})


def test_the_bootstrap_is_near_the_t_interval_and_repeats() -> None:
    values = np.random.default_rng(1).standard_normal(200)
    found = bootstrap(values, lambda rows: float(rows.mean()), seed=3)
    half = 1.96 * float(values.std()) / 200**0.5
    assert found.half_width == pytest.approx(half, rel=0.1)
    assert found == bootstrap(values, lambda rows: float(rows.mean()), seed=3)


@settings(max_examples=5)
@given(st.integers(0, 3))
def test_the_bootstrap_says_nothing_of_one_row(seed: int) -> None:
    assert bootstrap([4.0], lambda rows: float(rows.mean()), seed) == Estimate(4, None, None, 1, "none")


def test_the_bootstrap_draws_rows_together_and_refuses_nan() -> None:
    rows = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    assert bootstrap(rows, lambda r: float(r[:, 0].sum() / r[:, 1].sum()), 1).half_width is None  # always ½
    assert bootstrap([], lambda r: 0.0, 1).n == 0
    with pytest.raises(ValueError, match="finite"):
        bootstrap([1.0, float("nan")], lambda r: float(r.mean()), 1)
    with pytest.raises(ValueError, match="replications"):
        bootstrap([1.0, 2.0], lambda r: float(r.mean()), 1, 10)
