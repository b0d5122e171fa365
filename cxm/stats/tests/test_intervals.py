"""Intervals of NPS, shares, means and ratios against numbers worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.stats import intervals
from cxm.stats.estimate import Estimate

counts = st.integers(0, 400)


def test_nps_of_eight_one_one() -> None:
    # (8 − 1) / 10 = 70; adjusted 9/2/2 of 13: e = 7/13, variance 11/13 − 49/169 = 94/169 = 0.556213,
    # half-width 1.959964 × √(0.556213 / 13) = 0.405413: 13.30 to 94.39
    found = intervals.nps(8, 1, 1)
    assert found.value == 70
    assert found.low == pytest.approx(13.3048, abs=1e-3)
    assert found.high == pytest.approx(94.3875, abs=1e-3)
    assert (found.n, found.method) == (10, "nps_plus_one")


def test_nps_of_ten_promoters_ends_at_a_hundred() -> None:
    # adjusted 11/1/1 of 13: e = 10/13 = 0.769231, variance 12/13 − 100/169 = 56/169, half 0.312913
    found = intervals.nps(10, 0, 0)
    assert (found.value, found.high) == (100, 100)
    assert found.low == pytest.approx(45.6318, abs=1e-3)


@pytest.mark.parametrize(
    "empty",
    [
        intervals.nps(0, 0, 0),
        intervals.nps_weighted(0, 0, 0, 0, 0),
        intervals.share(0, 0),
        intervals.share_weighted(0, 0, 0, 0),
        intervals.mean(0, 0, 0),
        intervals.mean_weighted(0, 0, 0, 0, 0),
        intervals.ratio(0, 0, 0, 0, 0, 0),
    ],
)
def test_no_answers_give_no_number(empty: Estimate) -> None:
    assert empty == Estimate(None, None, None, 0, "none")
    assert empty.half_width is None


def test_one_answer_has_a_wide_interval() -> None:
    found = intervals.nps(1, 0, 0)
    # adjusted 2/1/1 of 4: e = 1/4, variance 3/4 − 1/16 = 11/16, half 1.959964 × √(11/64) = 0.812559
    assert found.low == pytest.approx(-56.2559, abs=1e-3)
    assert found.high == 100  # 106 clipped


@given(counts, counts, counts)
def test_the_nps_interval_contains_the_value_and_mirrors(p: int, s: int, d: int) -> None:
    found, mirrored = intervals.nps(p, s, d), intervals.nps(d, s, p)
    if p + s + d == 0:
        return
    assert found.value is not None and found.low is not None and found.high is not None
    assert -100 <= found.low <= found.value <= found.high <= 100
    assert mirrored.low == pytest.approx(-found.high)


@given(counts, counts, counts, st.floats(0.1, 10))
def test_equal_weights_change_nothing(p: int, s: int, d: int, w: float) -> None:
    n = p + s + d
    plain, weighted = intervals.nps(p, s, d), intervals.nps_weighted(w * p, w * s, w * d, w * w * n, n)
    assert weighted.n == plain.n
    if n:
        assert (weighted.low, weighted.high) == pytest.approx((plain.low, plain.high))


def test_unequal_weights_widen_the_interval() -> None:
    # 10 answers of weight 1, 10 of weight 3: n_eff = 40² / (10 + 90) = 16
    weighted = intervals.nps_weighted(20, 10, 10, 100, 20)
    same = intervals.nps(8, 4, 4)
    assert (weighted.value, weighted.n) == (25, 20)
    assert (weighted.low, weighted.high) == pytest.approx((same.low, same.high))


def test_share_of_eight_in_ten() -> None:
    # centre (8 + 1.920729) / (10 + 3.841459) = 0.716740; half 1.959964 √(10 × 0.8 × 0.2 + 0.960365) / 13.841459
    # = 0.226578: the textbook's 0.4902, 0.9433
    found = intervals.share(8, 10)
    assert (found.value, found.n, found.method) == (0.8, 10, "wilson")
    assert (found.low, found.high) == pytest.approx((0.490162, 0.943318), abs=1e-5)


def test_share_of_none_in_ten() -> None:
    # Wilson's upper end for 0 of n is z² / (n + z²) = 3.841459 / 13.841459
    found = intervals.share(0, 10)
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(0.277533, abs=1e-6)


@given(st.integers(1, 500), st.data())
def test_a_share_at_the_end_of_its_interval_is_just_not_refused(n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, n))
    found = intervals.share(k, n)
    assert found.low is not None and found.high is not None
    assert 0 <= found.low <= k / n <= found.high <= 1
    for end in {found.low, found.high} - {0.0, 1.0}:  # the score test: distance in standard errors of the end itself
        assert abs(k / n - end) / math.sqrt(end * (1 - end) / n) == pytest.approx(1.959964, abs=1e-4)
    weighted = intervals.share_weighted(2.0 * k, 2.0 * n, 4.0 * n, n)
    assert (weighted.low, weighted.high) == pytest.approx((found.low, found.high))


def test_a_weighted_share_has_the_interval_of_its_effective_size() -> None:
    # 10 answers of weight 1 (2 yes), 10 of weight 3 (6 yes): Σw = 40, yes 20, n_eff = 40² / (10 + 90) = 16: 8 of 16
    weighted, same = intervals.share_weighted(20, 40, 100, 20), intervals.share(8, 16)
    assert (weighted.value, weighted.n, weighted.method) == (0.5, 20, "wilson")
    assert (weighted.low, weighted.high) == pytest.approx((same.low, same.high))


def test_mean_of_one_two_three() -> None:
    # mean 2, s = 1, t(2 df) = 4.302653, half 4.302653 / √3 = 2.484138
    found = intervals.mean(3, 6, 14)
    assert found.value == 2
    assert found.half_width == pytest.approx(2.484138, abs=1e-5)
    assert found.method == "t"


def test_mean_with_bounds_adds_three_answers() -> None:
    # 1, 2, 3 and 1, 3, 5: mean 15/6 = 2.5; Σx² = 49, variance 49/6 − 6.25 = 1.916667,
    # half 1.959964 √(1.916667 / 6) = 1.107754
    found = intervals.mean(3, 6, 14, (1, 5))
    assert found.value == 2
    assert (found.low, found.high) == pytest.approx((1.392246, 3.607754), abs=1e-5)
    assert found.method == "mean_plus_one"


@given(counts, counts, counts)
def test_a_mean_of_scores_is_an_nps(p: int, s: int, d: int) -> None:
    n = p + s + d
    found, nps = intervals.mean(n, p - d, p + d, (-1, 1)), intervals.nps(p, s, d)
    if n:
        assert found.low is not None and found.high is not None
        assert (100 * found.low, 100 * found.high) == pytest.approx((nps.low, nps.high))


@pytest.mark.parametrize(("n", "total", "squares"), [(1, 5, 25), (4, 20, 100), (3, 0.3, 0.03)])
def test_no_spread_gives_no_interval_but_the_scale_does(n: int, total: float, squares: float) -> None:
    assert intervals.mean(n, total, squares).half_width is None
    assert intervals.mean(n, total, squares, (0, 10)).half_width is not None


@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(0.1, 5)), min_size=2, max_size=40))
def test_weighted_mean_matches_the_sum_over_answers(rows: list[tuple[float, float]]) -> None:
    x, w = np.array(rows).T
    found = intervals.mean_weighted(w.sum(), (w * x).sum(), (w * x * x).sum(), (w * w).sum(), len(rows))
    assert found.value == pytest.approx(float(np.average(x, weights=w)), abs=1e-9)


def test_equal_weights_of_means_change_nothing() -> None:
    plain, weighted = intervals.mean(3, 6, 14), intervals.mean_weighted(6, 12, 28, 12, 3)
    assert (weighted.low, weighted.high) == pytest.approx((plain.low, plain.high))


def test_ratio_of_three_customers() -> None:
    # y = 0, 10, 0 of x = 10, 10, 20: R = 1/4; residuals −2.5, 7.5, −5, squares 87.5;
    # half 4.302653 × √(3/2 × 87.5) / 40 = 1.232328
    found = intervals.ratio(3, 10, 40, 100, 600, 100)
    assert found.value == 0.25
    assert found.half_width == pytest.approx(1.232328, abs=1e-4)
    clipped = intervals.ratio(3, 10, 40, 100, 600, 100, (0, 1))
    assert (clipped.low, clipped.high) == (0, 1)


def test_ratio_without_denominator_or_scatter() -> None:
    assert intervals.ratio(3, 0, 0, 0, 0, 0).value is None
    assert intervals.ratio(2, 2, 4, 2, 8, 4) == Estimate(0.5, None, None, 2, "none")


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_bad_numbers_are_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="promoters"):
        intervals.nps(bad, 1, 1)  # type: ignore[arg-type]  # what a NULL turned into NaN would be
    with pytest.raises(ValueError, match="n must"):
        intervals.share(0, bad)  # type: ignore[arg-type]  # as above
    with pytest.raises(ValueError, match="n must"):
        intervals.mean(bad, 1, 1)  # type: ignore[arg-type]  # as above
    with pytest.raises(ValueError, match="yy"):
        intervals.ratio(3, 1, 1, bad, 1, 1)


def test_impossible_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="whole number"):
        intervals.nps(1.5, 1, 1)  # type: ignore[arg-type]  # weights in the unweighted call
    with pytest.raises(ValueError, match="exceed"):
        intervals.share(4, 3)
    with pytest.raises(ValueError, match="too small"):
        intervals.mean(2, 10, 10)
    with pytest.raises(ValueError, match="outside the scale"):
        intervals.mean(1, 9, 81, (1, 5))
    with pytest.raises(ValueError, match="bounds"):
        intervals.mean(1, 3, 9, (5, 1))
