"""Raking: by hand, on contradictions, and how much of a planted bias it removes."""

from __future__ import annotations

import numpy as np
import pytest

from cxm.stats.raking import rake


def test_one_characteristic_by_hand() -> None:
    # 3 of 4 answers are from a, half of the people are: a counts (1/2) / (3/4) = 2/3, b (1/2) / (1/4) = 2.
    fit = rake({"x": ["a", "a", "a", "b"]}, {"x": {"a": 50, "b": 50}})
    assert fit.weights == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    assert fit.converged
    assert (fit.rounds, fit.missing) == (1, ())
    # n Σw² / (Σw)² = 4 (3 · 4/9 + 4) / 16 = 4/3; 3 equally weighted answers would tell as much.
    assert fit.design_effect == pytest.approx(4 / 3)
    assert fit.effective == pytest.approx(3)


def test_answers_that_look_like_the_people_keep_weight_one() -> None:
    fit = rake({"x": ["a", "b"], "y": ["u", "v"]}, {"x": {"a": 0.5, "b": 0.5}, "y": {"u": 0.5, "v": 0.5}})
    assert fit.weights == pytest.approx([1, 1])
    assert (fit.rounds, fit.design_effect) == (0, 1)


def test_two_characteristics_agree_with_the_known_fit() -> None:
    # Deming and Stephan's fit keeps the odds ratio of the table: 40·20 / (10·30) = 2.667.
    column = {"x": ["a"] * 50 + ["b"] * 50, "y": ["u"] * 40 + ["v"] * 10 + ["u"] * 30 + ["v"] * 20}
    fit = rake(column, {"x": {"a": 0.3, "b": 0.7}, "y": {"u": 0.5, "v": 0.5}})
    assert fit.converged
    cells: dict[str, float] = {}
    for x, y, weight in zip(column["x"], column["y"], fit.weights, strict=True):
        cells[x + y] = cells.get(x + y, 0.0) + float(weight)
    assert cells["au"] + cells["av"] == pytest.approx(30, abs=1e-3)
    assert cells["au"] + cells["bu"] == pytest.approx(50, abs=1e-3)
    assert cells["au"] * cells["bv"] / (cells["av"] * cells["bu"]) == pytest.approx(8 / 3, abs=1e-6)


def test_a_category_without_an_answer_is_named_and_the_fit_is_not_called_good() -> None:
    fit = rake({"x": ["a", "b"]}, {"x": {"a": 0.25, "b": 0.25, "c": 0.5}})
    assert fit.missing == (("x", "c"),)
    assert not fit.converged
    assert fit.weights == pytest.approx([1, 1])


def test_targets_that_contradict_each_other_do_not_converge() -> None:
    # Everybody in a is in u: a cannot be half and u a quarter.
    fit = rake({"x": ["a", "b"], "y": ["u", "v"]}, {"x": {"a": 0.5, "b": 0.5}, "y": {"u": 0.25, "v": 0.75}})
    assert not fit.converged
    assert fit.off > 0.1


def test_a_largest_weight_is_kept_and_the_rest_is_said() -> None:
    fit = rake({"x": ["a"] * 99 + ["b"]}, {"x": {"a": 0.5, "b": 0.5}}, largest=5)
    assert not fit.converged
    assert fit.weights.max() <= 5.001
    assert fit.off > 0.4


def test_answers_of_which_nothing_is_known_keep_their_share() -> None:
    fit = rake({"x": ["a", "a", "b", ""]}, {"x": {"a": 1, "b": 1}})
    assert fit.weights == pytest.approx([0.75, 0.75, 1.5, 1])


def test_no_answers_are_no_fit() -> None:
    assert not rake({"x": []}, {"x": {"a": 1}}).converged
    with pytest.raises(ValueError, match="each answer"):
        rake({"x": ["a"], "y": []}, {"x": {"a": 1}, "y": {"b": 1}})
    with pytest.raises(ValueError, match="add up"):
        rake({"x": ["a"]}, {"x": {"a": 0}})


@pytest.mark.parametrize("seed", range(5))
def test_it_removes_two_thirds_of_a_planted_bias(seed: int) -> None:
    """Happy plans and young people answer more often; the weights know plan and age, not happiness itself."""
    chance = np.random.default_rng(seed)
    n = 60_000
    plan, age = chance.integers(0, 3, n), chance.integers(0, 4, n)
    score = np.clip(np.round(7.5 - 1.8 * plan + 0.7 * age + chance.normal(0, 1.5, n)), 0, 10)
    rate = 0.04 + 0.12 * (plan == 0) + 0.02 * age
    answered = chance.random(n) < rate
    columns = {"plan": plan.astype(str), "age": age.astype(str)}
    targets = {name: {one: float((column == one).mean()) for one in set(column)} for name, column in columns.items()}
    fit = rake({name: list(column[answered]) for name, column in columns.items()}, targets)
    raw = float(score[answered].mean() - score.mean())
    raked = float(np.average(score[answered], weights=fit.weights) - score.mean())
    assert fit.converged
    assert abs(raw) > 0.4
    assert abs(raked) <= abs(raw) / 3
