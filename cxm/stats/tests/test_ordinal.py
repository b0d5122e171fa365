"""Ordinal regression against a naive oracle, and whether its intervals hold what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from cxm.stats.ordinal import CannotFit, cross_validated, fit
from cxm.stats.refusals import Floats
from cxm.testing.effort import full_or

pytestmark = pytest.mark.once
CUTS, SLOPES = np.array([-1.5, -0.5, 0.5, 1.5]), np.array([0.8, -0.5])


def drawn(rng: np.random.Generator, n: int, slopes: Floats = SLOPES) -> tuple[Floats, Floats]:
    """n rows of a normal column and a yes-or-no column, with answers of 1 to 5."""
    rows = np.column_stack([rng.normal(size=n), rng.random(n) < 0.4]).astype(float)
    latent = rows @ slopes + rng.logistic(size=n)
    return rows, 1 + (latent[:, None] > CUTS).sum(axis=1).astype(float)


def test_the_maximum_is_that_of_a_naive_search() -> None:
    rows, answers = drawn(np.random.default_rng(7), 250)

    def minus_log_likelihood(at: Floats) -> float:
        cuts = np.concatenate([[-np.inf], np.cumsum([at[0], *np.exp(at[1:4])]), [np.inf]])
        eta = rows @ at[4:]
        place = answers.astype(int)
        return -float(np.log(expit(cuts[place] - eta) - expit(cuts[place - 1] - eta)).sum())

    best = minimize(minus_log_likelihood, np.zeros(6), method="BFGS", options={"gtol": 1e-7})
    model = fit(rows, answers)
    assert list(model.levels) == [1, 2, 3, 4, 5]
    assert model.n == 250
    # The prior of the coefficients is so wide that it moves the fourth digit at most.
    assert model.coefficients == pytest.approx(best.x[4:], rel=2e-3)
    assert model.cuts == pytest.approx(np.cumsum([best.x[0], *np.exp(best.x[1:4])]), abs=2e-3)
    assert model.log_likelihood == pytest.approx(-best.fun, abs=1e-4)
    # Half a coefficient further down the likelihood falls as the interval says: by about z² / 2 at its end.
    end = model.coefficient(0).low
    assert end is not None

    def at_its_best(rest: Floats) -> float:
        return minus_log_likelihood(np.concatenate([rest[:4], [end], rest[4:]]))

    fall = minimize(at_its_best, np.delete(best.x, 4), method="BFGS").fun - best.fun
    assert fall == pytest.approx(1.92, abs=0.25)


def test_two_levels_are_logistic_regression_and_units_do_not_matter() -> None:
    # 30 of 40 with the property answer 1, 10 of 40 without: odds ratio (30/10) / (10/30) = 9.
    rows = np.array([[1.0]] * 40 + [[0.0]] * 40)
    answers = np.array([1.0] * 30 + [0.0] * 10 + [1.0] * 10 + [0.0] * 30)
    model = fit(rows, answers)
    assert np.exp(model.coefficients[0]) == pytest.approx(9, rel=2e-3)  # the prior takes a little
    # Woolf: the variance of a log odds ratio is 1/30 + 1/10 + 1/10 + 1/30.
    assert model.covariance[1, 1] == pytest.approx(2 / 30 + 2 / 10, rel=2e-3)
    in_minutes = fit(rows * 60, answers)
    assert in_minutes.coefficients[0] * 60 == pytest.approx(model.coefficients[0], rel=1e-6)
    assert model.probabilities([[1.0], [0.0]])[:, 1] == pytest.approx([0.75, 0.25], abs=1e-3)
    found = model.mean([1.0])
    # The mean of a share of 30 in 40: its standard error is √(0.75 × 0.25 / 40) = 0.0685.
    assert found.value == pytest.approx(0.75, abs=1e-3) and found.half_width == pytest.approx(1.96 * 0.0685, rel=0.02)


def test_what_cannot_be_told_is_refused_and_separation_stays_finite() -> None:
    with pytest.raises(CannotFit):
        fit(np.zeros((20, 1)), np.ones(20))
    with pytest.raises(CannotFit):
        fit(np.eye(4), np.array([1.0, 2, 3, 3]))
    for wrong in ([[np.nan], [1.0]], [1.0, 2.0], [[1.0]]):
        with pytest.raises(ValueError, match="rows"):
            fit(wrong, [1.0, 2.0])
    told = np.repeat([0.0, 1.0], 20)
    perfect = fit(told[:, None], told)
    assert 5 < perfect.coefficients[0] < 60 and np.isfinite(perfect.covariance).all()
    still = fit(np.column_stack([told, np.ones(40)]), np.tile([1.0, 2.0], 20))
    assert still.coefficients[1] == pytest.approx(0, abs=1e-9)


def test_intervals_cover_and_noise_is_not_called_better_than_the_mean() -> None:
    """In `rounds` simulated firms with 200 answers each; 99.9 % of honest runs lie within these bounds."""
    rounds = full_or(2000, 150)
    rng = np.random.default_rng(20261122)
    person = np.array([0.5, 1.0])
    below = expit(CUTS - person @ SLOPES)
    truth = 5 - below.sum()
    slope, mean = 0, 0
    for _round in range(rounds):
        model = fit(*drawn(rng, 200))
        one, other = model.coefficient(0), model.mean(person)
        assert one.low is not None and one.high is not None and other.low is not None and other.high is not None
        slope += one.low <= SLOPES[0] <= one.high
        mean += other.low <= truth <= other.high
    slack = 3.3 * np.sqrt(0.95 * 0.05 / rounds)
    assert abs(slope / rounds - 0.95) < 0.01 + slack
    assert abs(mean / rounds - 0.95) < 0.01 + slack
    found = [cross_validated(*drawn(rng, 120, SLOPES * 0), folds=5).better_than_the_mean for _ in range(rounds // 10)]
    assert np.mean(found) <= 0.05 + 3.3 * np.sqrt(0.05 * 0.95 / len(found))
    real = cross_validated(*drawn(rng, 600, SLOPES * 2))
    assert real.better_than_the_mean and real.r_squared.value is not None and 0.2 < real.r_squared.value < 0.6
