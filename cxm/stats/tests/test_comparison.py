"""Differences, verdicts and planning: hand-worked values, a naive oracle, and the size of every test."""

from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxm.stats import comparison, coverage, intervals, planning
from cxm.stats.comparison import Difference
from cxm.stats.estimate import Estimate
from cxm.stats.samples import MeanSample, NpsSample, ShareSample


def _difference(value: float, p_value: float | None) -> Difference:
    return Difference(value, value - 1, value + 1, p_value, 100, 100)


def test_share_of_ten_in_ten_against_five() -> None:
    # Fisher: P(first has 5 | 15 of 20) = C(15,5) C(5,5) / C(20,10) = 3003/184756 = 0.0162539; it is the end
    # of the tail, mid-p doubles half of it: 0.0162539
    assert comparison._p_of_scores((5, 5, 0), (10, 0, 0)) == pytest.approx(0.0162539, abs=1e-6)
    found = comparison.difference_share(ShareSample(5, 10), ShareSample(10, 10))
    assert found.value == 0.5
    # Wilson's: 10 of 10 from 0.722467, 5 of 10 to 0.763407; low = 0.5 − √(0.277533² + 0.263407²) = 0.5 − 0.382633
    assert found.low == pytest.approx(0.117367, abs=1e-5)
    # the interval's own p is smaller: t = 2.262157 × 0.5 / 0.382633 = 2.9560 with 9 degrees of freedom, p = 0.01605
    assert found.p_value == pytest.approx(0.0162539, abs=1e-6)


@settings(max_examples=50)
@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=9, max_size=9))
def test_the_p_value_is_the_tail_of_all_deals(scores: list[int]) -> None:
    first, second = ((part.count(1), part.count(0), part.count(-1)) for part in (scores[:4], scores[4:]))
    # C(9, 4) = 126 ways to deal the nine answers
    sums = [sum(scores[i] for i in chosen) for chosen in combinations(range(9), 4)]
    here = sum(scores[:4])
    tail = min(sum(s < here for s in sums), sum(s > here for s in sums)) + sums.count(here) / 2
    expected = pytest.approx(2 * tail / len(sums))
    assert comparison._p_of_scores(first, second) == expected
    assert comparison._p_of_scores(second, first) == expected


def test_many_answers_use_the_normal_distribution_without_a_jump() -> None:
    exact = comparison._p_of_scores((140, 90, 70), (120, 90, 90))
    saved = comparison._EXACT_CELLS
    try:
        comparison._EXACT_CELLS = 10
        approximate = comparison._p_of_scores((140, 90, 70), (120, 90, 90))
    finally:
        comparison._EXACT_CELLS = saved
    assert approximate == pytest.approx(exact, rel=0.02)


def test_mean_difference_of_equal_sizes_is_students() -> None:
    # 1..10 and 3..12: means 5.5 and 7.5, both variances 55/6, se √(2 × 9.1667 / 10) = 1.354006,
    # t(18) = 2.100922, half 2.844661; t = 1.4771, p = 0.1569
    before, after = MeanSample(10, 55, 385), MeanSample(10, 75, 645)
    found = comparison.difference_mean(before, after)
    assert found.value == 2
    assert (found.low, found.high) == pytest.approx((2 - 2.844661, 2 + 2.844661), abs=1e-5)
    assert found.p_value == pytest.approx(0.1569, abs=1e-4)


def test_a_mean_without_scatter_has_no_p_value() -> None:
    same, other = MeanSample(10, 50, 250), MeanSample(10, 40, 160)
    assert comparison.difference_mean(same, other).p_value is None
    bounded = comparison.difference_mean(same, other, (1, 5))
    assert bounded.p_value is None and bounded.low is not None
    assert comparison.difference_mean(MeanSample(0, 0, 0), other).value is None


def test_the_interval_of_two_estimates_adds_in_squares() -> None:
    before, after = Estimate(10, 7, 14, 50, "x"), Estimate(20, 17, 25, 50, "x")
    found = comparison.difference_from_intervals(before, after)
    # 10 − √(3² + 4²) = 5; 10 + √(5² + 3²) = 15.830952
    assert (found.value, found.low) == (10, 5)
    assert found.high == pytest.approx(15.830952)
    assert found.p_value is not None and found.p_value < 0.001
    unknown = comparison.difference_from_intervals(before, Estimate(20, 17, None, 50, "x"))
    assert (unknown.low, unknown.high, unknown.p_value) == (5, None, None)
    assert comparison.difference_from_intervals(before, Estimate(None, None, None, 0, "none")).value is None


triples = st.tuples(*[st.integers(0, 30)] * 3)


@given(triples, triples)
def test_a_small_p_value_never_contradicts_the_interval(one: tuple[int, ...], two: tuple[int, ...]) -> None:
    found = comparison.difference_nps(NpsSample(*one), NpsSample(*two))
    if min(sum(one), sum(two)) < comparison.LEAST_SAMPLE:
        assert found.p_value is None
        return
    assert found.p_value is not None and found.low is not None and found.high is not None
    if found.p_value < 0.05:
        assert not found.low < 0 < found.high
    back = comparison.difference_nps(NpsSample(*two), NpsSample(*one))
    assert back.p_value == pytest.approx(found.p_value)


def test_weights_reach_the_test() -> None:
    plain = comparison.difference_nps(NpsSample(20, 10, 10), NpsSample(30, 5, 5))
    same = comparison.difference_nps(NpsSample(40, 20, 20, 160, 40), NpsSample(60, 10, 10, 160, 40))
    assert same.p_value == pytest.approx(plain.p_value)
    loose = comparison.difference_nps(NpsSample(40, 20, 20, 320, 40), NpsSample(60, 10, 10, 320, 40))
    assert loose.p_value is not None and plain.p_value is not None and loose.p_value > plain.p_value
    share = comparison.difference_share(ShareSample(40, 80, 160, 40), ShareSample(60, 80, 160, 40))
    assert share.p_value == pytest.approx(comparison.difference_share(ShareSample(20, 40), ShareSample(30, 40)).p_value)


def test_a_shifted_median_is_seen_and_the_same_is_not() -> None:
    values = np.arange(40.0)
    assert comparison.difference_median(values, values).p_value == 1
    found = comparison.difference_median(values, values + 30)
    assert found.value == 30
    assert found.p_value is not None and found.p_value < 1e-4
    assert comparison.difference_median(values[:5], values).p_value is None


def test_benjamini_hochberg_by_hand() -> None:
    # five p-values, thresholds 0.01, 0.02, 0.03, 0.04, 0.05: the third smallest, 0.03, is the last to pass
    assert comparison.benjamini_hochberg([0.03, 0.2, 0.005, 0.045, 0.021]) == [True, False, True, False, True]
    assert comparison.benjamini_hochberg([]) == []
    # one that cannot be judged does not count: 0.05 alone passes
    assert comparison.benjamini_hochberg([None, 0.05]) == [False, True]
    with pytest.raises(ValueError, match="p-value"):
        comparison.benjamini_hochberg([float("nan")])


def test_verdicts_carry_the_direction() -> None:
    page = [_difference(3, 0.001), _difference(-3, 0.01), _difference(5, 0.5), _difference(9, None)]
    assert comparison.verdicts(page) == ["up", "down", "no_evidence", "no_evidence"]


SIZES = [(10, 10), (10, 100), (100, 10), (30, 30)]


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("kind", ["nps", "share", "mean"])
@pytest.mark.parametrize("which", range(4))
def test_p_values_hold_their_size(kind: coverage.Kind, which: int, sizes: tuple[int, int]) -> None:
    shares = coverage._shares(kind, which)
    rng = np.random.default_rng((which, *sizes))
    found = coverage.differences(kind, shares, shares, *sizes, 2000, rng)
    # 3 standard errors of 2000 simulations above the level
    assert coverage.rejection_rate(found) <= 0.05 + 3 * (0.05 * 0.95 / 2000) ** 0.5
    assert coverage.rejection_rate(found, 0.0025) <= 0.0025 + 3 * (0.0025 / 2000) ** 0.5


@pytest.mark.parametrize("sizes", SIZES)
def test_p_values_of_skewed_times_hold_their_size(sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(sizes)
    means, medians = [], []
    for _ in range(1000):
        before, after = (rng.lognormal(size=n) for n in sizes)
        first, second = (MeanSample(v.size, float(v.sum()), float((v * v).sum())) for v in (before, after))
        means.append(comparison.difference_mean(first, second))
        medians.append(comparison.difference_median(before, after))
    allowed = 0.05 + 3 * (0.05 * 0.95 / 1000) ** 0.5
    assert coverage.rejection_rate(means) <= allowed
    assert coverage.rejection_rate(medians) <= allowed


def test_planning_gives_the_published_figures() -> None:
    # 100 × 1.959964 × √(0.7 / 400) = 8.199
    assert planning.half_width_nps(400) == pytest.approx(8.2, abs=0.05)
    assert planning.detectable_change_nps(400) == pytest.approx(16.6, abs=0.05)
    assert planning.detectable_change_nps(1000) == pytest.approx(10.5, abs=0.05)
    assert planning.detectable_change_nps(2000) == pytest.approx(7.4, abs=0.05)
    # 0.25 × (1.959964 / 0.05)² = 384.15
    assert planning.answers_for_half_width_share(0.05) == 385
    assert planning.answers_for_half_width_nps(planning.half_width_nps(400)) == 400
    assert planning.invitations_needed(100, 0.1) == 1000
    # two normal quantiles, 1.959964 + 0.841621, squared: 7.848879; × 2 / 0.3² = 174.42, + 0.96 = 175.38
    assert planning.answers_needed_mean(0.3, 1) == 176
    assert abs(planning.Z_POWER - NormalDist().inv_cdf(0.8)) < 1e-9


@given(st.integers(10, 5000), st.floats(0.05, 1))
def test_what_is_detectable_needs_that_many_answers(n: int, variance: float) -> None:
    change = planning.detectable_change_nps(n, variance)
    if change < 200:
        assert planning.answers_needed_nps(change, variance) == n + 3
    mean = planning.detectable_change_mean(n, 2.0)
    assert abs(planning.answers_needed_mean(mean, 2.0) - n) <= 1
    share = planning.detectable_change_share(n, 0.3)
    assert share == 1 or planning.answers_needed_share(0.3, min(0.3 + share, 1)) <= n + 1


def test_planning_refuses_nonsense() -> None:
    for refused in (
        lambda: planning.answers_needed_nps(0),
        lambda: planning.answers_needed_nps(float("nan")),
        lambda: planning.answers_needed_nps(5, 2),
        lambda: planning.answers_needed_share(0.5, 0.5),
        lambda: planning.answers_needed_share(0.5, 1.5),
        lambda: planning.answers_needed_mean(1, 0),
        lambda: planning.detectable_change_nps(0),
        lambda: planning.detectable_change_mean(1, 1),
        lambda: planning.invitations_needed(10, 0),
    ):
        with pytest.raises(ValueError):
            refused()


def test_intervals_and_differences_share_their_refusals() -> None:
    with pytest.raises(ValueError, match="answers"):
        NpsSample(1, 1, 1, squared_weights=3)
    with pytest.raises(ValueError, match="both"):
        MeanSample(1, 1, 1, weight=2)
    with pytest.raises(ValueError, match="finite"):
        comparison.difference_median([float("nan")], [1])
    assert intervals.nps_of(NpsSample(1, 0, 0)).n == 1
