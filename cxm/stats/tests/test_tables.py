"""Tables of two answers, against values worked out by hand and against scipy's own tests."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from cxm.stats.tables import cramers_v, independence, rank_by_group, rank_correlation


def test_chi_square_of_a_table_worked_out_by_hand() -> None:
    # 30 + 20 and 15 + 35 of 100: expected 22.5, 27.5 in both rows; 2 × 7.5²/22.5 + 2 × 7.5²/27.5 = 5 + 4.0909
    found = independence([[30, 20], [15, 35]])
    assert found.test == "chi_square" and found.df == 1 and found.n == 100
    assert found.statistic == pytest.approx(9.0909, abs=1e-4)
    assert found.p_value == pytest.approx(0.002569, abs=1e-6)
    assert found.strength.value == pytest.approx(math.sqrt(9.0909 / 100), abs=1e-4)  # √(χ² / (n × 1))
    assert found.strength.low is not None and found.strength.high is not None
    assert found.strength.low == pytest.approx(0.1056, abs=1e-3)  # (√9.0909 − 1.96)² / 100, by the normal
    assert found.strength.high == pytest.approx(0.4975, abs=1e-3)


def test_a_small_table_of_two_by_two_has_fishers_exact_test() -> None:
    # The lady tasting tea: 3 of 4 right. (16 + 1 + 16 + 1) / 70 = 34 / 70
    found = independence([[3, 1], [1, 3]])
    assert found.test == "fisher" and found.small == 4
    assert found.p_value == pytest.approx(34 / 70)


def test_small_tables_agree_with_scipy() -> None:
    rng = np.random.default_rng(3)
    for _case in range(40):
        table = rng.integers(0, 6, (2, 2))
        if (table.sum(axis=0) > 0).all() and (table.sum(axis=1) > 0).all():
            found = independence(table)
            if found.test == "fisher":
                assert found.p_value == pytest.approx(float(scipy.stats.fisher_exact(table)[1]))


def test_larger_tables_agree_with_scipy() -> None:
    table = [[20, 30, 25], [40, 20, 10], [15, 25, 35]]
    theirs = scipy.stats.chi2_contingency(table, correction=False)
    ours = independence(table)
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs[0], theirs[1]))
    assert ours.strength.value == pytest.approx(float(scipy.stats.contingency.association(table)))


def test_a_sparse_table_is_dealt_at_random_and_always_gives_the_same() -> None:
    table = [[8, 1, 0], [1, 2, 6], [0, 3, 2]]
    found = independence(table)
    assert found.test == "permutation" and found == independence(table)
    method = scipy.stats.PermutationMethod(n_resamples=9_999, rng=np.random.default_rng(1))
    theirs = scipy.stats.chi2_contingency(table, correction=False, method=method)
    assert found.p_value == pytest.approx(theirs.pvalue, abs=0.003)


def test_empty_rows_and_columns_do_not_count() -> None:
    assert independence([[30, 0, 20], [0, 0, 0], [15, 0, 35]]) == independence([[30, 20], [15, 35]])
    assert independence([[30, 20], [0, 0]]).test == "none"
    assert independence([[0, 0], [0, 0]]).p_value is None


def test_groups_are_compared_by_the_order_of_their_scores() -> None:
    scores = [[1, 1, 2, 3, 5, 5], [2, 3, 3, 4, 5, 5, 5], [1, 1, 1, 2, 2, 4]]
    table = [[group.count(score) for score in range(1, 6)] for group in scores]
    ours, theirs = rank_by_group(table), scipy.stats.kruskal(*scores)
    assert ours.test == "kruskal_wallis" and ours.df == 2
    assert (ours.statistic, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue))


def test_a_tiny_group_has_its_scores_dealt_anew() -> None:
    # 3 against 3, completely apart: 2 of the 20 ways to deal are as far out
    found = rank_by_group([[3, 0], [0, 3]])
    assert found.p_value == pytest.approx(0.1, abs=0.01)


def test_two_scores_have_a_rank_correlation() -> None:
    rng = np.random.default_rng(7)
    first = rng.integers(0, 11, 200)
    second = np.clip(first + rng.integers(-3, 4, 200), 0, 10)
    table = np.zeros((11, 11))
    np.add.at(table, (first, second), 1)
    ours, theirs = rank_correlation(table), scipy.stats.spearmanr(first, second)
    assert ours.strength.value == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue)
    assert ours.strength.low is not None and ours.strength.low < theirs.statistic < (ours.strength.high or 0)


def test_nonsense_is_refused() -> None:
    bad = (
        np.array([[1, -1], [2, 3]]),
        np.array([[0.5, 1], [1, 1]]),
        np.array([1, 2]),
        np.array([[math.nan, 1], [1, 1]]),
    )
    for one in bad:
        with pytest.raises(ValueError, match="table"):
            independence(one)


def test_the_interval_of_cramers_v_holds_the_truth() -> None:
    """In 95 of 100 samples of 200 people, give or take; the truth is worked out from the probabilities."""
    chances = np.array([[0.20, 0.10, 0.10], [0.08, 0.22, 0.30]])
    n, draws = 200, 1000
    expected = np.outer(chances.sum(axis=1), chances.sum(axis=0))
    truth = math.sqrt(float(((chances - expected) ** 2 / expected).sum()))
    rng = np.random.default_rng(11)
    held = 0
    for sample in rng.multinomial(n, chances.ravel(), draws):
        found = cramers_v(sample.reshape(2, 3))
        assert found.low is not None and found.high is not None
        held += found.low <= truth <= found.high
    assert 0.94 < held / draws < 0.985  # measured: 97.0 %
