"""Did the play work? Simulated customers with a known effect, through the functions that the page uses.

A case opens when a customer answers 6 or less. Their mood swings around what it usually is, so most of them answer
better the next time, whatever is done (regression to the mean); and agents reach those who are easier to please. Both
make a play that does nothing look like a success to whoever compares before with after, or called with not called.
Chance that holds some out, and counting everybody by what chance said, does not fall for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from uuid import UUID

import numpy as np
import pytest
from numpy.typing import NDArray

from cxm.stats.comparison import Difference
from cxm.stats.recovery import (
    Plan,
    bounds_of_the_same,
    change_of_rate,
    cost_per_recovered,
    difference_in_differences,
    effect_on_mean,
    effect_on_share,
    is_held_out,
    results,
    smallest_effect,
)
from cxm.stats.samples import MeanSample, ShareSample

RUNS = 2000
PLAN = Plan(customers=400, hold_out=0.3)
NONE, SMALL, LARGE = 0.0, 0.5, 2.0  # points that a call adds to the next score of who is called
HIGHER = {"next_score": True, "recovered": True, "repeat_contact": False, "churn": False, "revenue": True}
Array = NDArray[np.float64]


@dataclass(frozen=True)
class World:
    """Runs × customers with a case. `held`: what would be seen without the play; `helped`: with it; `arm`: 1 helped."""

    arm: NDArray[np.bool_]
    called: NDArray[np.bool_]
    answered: NDArray[np.bool_]
    first: Array
    held: dict[str, Array]
    helped: dict[str, Array]

    def seen(self, outcome: str) -> Array:
        return np.where(self.arm, self.helped[outcome], self.held[outcome])

    def truth(self, outcome: str) -> float:
        """The effect of offering the play, over all simulated customers, not only those that a run happened to help."""
        change = self.helped[outcome] - self.held[outcome]
        return float(change[self.answered].mean() if outcome == "next_score" else change.mean())


@cache
def world(effect: float, seed: int = 47) -> World:
    rng = np.random.default_rng(seed)
    wanted = RUNS * PLAN.customers
    mood = rng.normal(6.5, 1.8, wanted * 3)
    first = np.clip(np.round(mood + rng.normal(0, 1.5, mood.size)), 0, 10)
    opened = np.flatnonzero(first <= 6)[:wanted]
    assert opened.size == wanted
    shape = (RUNS, PLAN.customers)
    mood, first = mood[opened].reshape(shape), first[opened].reshape(shape)
    arm = rng.random(shape) >= PLAN.hold_out
    # Of the helped, the easier ones are reached; of the held out, some are called all the same.
    reached, anyway = rng.random(shape) < sigmoid(mood - 5), rng.random(shape) < 0.05
    answered = rng.random(shape) < 0.4 + 0.04 * np.clip(mood, 0, 10)
    swing, leaves, writes, buys = rng.normal(0, 1.5, shape), rng.random(shape), rng.random(shape), rng.random(shape)
    basket = rng.lognormal(3, 0.8, shape)

    def outcomes(called: NDArray[np.bool_]) -> dict[str, Array]:
        better = effect * called
        score = np.clip(np.round(mood + swing + better), 0, 10)
        return {
            "next_score": score,
            "recovered": (answered & (score >= 7)).astype(float),
            "repeat_contact": (writes < 0.35 - 0.05 * better).astype(float),
            "churn": (leaves < sigmoid(-(mood - 3 + 0.7 * better))).astype(float),
            "revenue": np.where(buys < 0.5 + 0.05 * better, basket, 0.0),
        }

    called = np.where(arm, reached | anyway, anyway)
    return World(arm, called, answered, first, outcomes(anyway), outcomes(reached | anyway))


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def compared(outcome: str, values: Array, second: NDArray[np.bool_], counts: NDArray[np.bool_]) -> Difference:
    """The estimate of one run, by the public functions: `second` is the helped side, `counts` who is looked at."""
    held_out, helped = [values[counts & ~second], values[counts & second]]
    if outcome in ("recovered", "repeat_contact", "churn"):
        return effect_on_share(share(held_out), share(helped))
    return effect_on_mean(mean(held_out), mean(helped), (0.0, 10.0) if outcome == "next_score" else None)


def share(values: Array) -> ShareSample:
    return ShareSample(float(values.sum()), values.size)


def mean(values: Array) -> MeanSample:
    return MeanSample(values.size, float(values.sum()), float((values**2).sum()))


@cache
def effects(effect: float) -> dict[str, list[Difference]]:
    made = world(effect)
    every = np.ones(PLAN.customers, bool)
    return {
        outcome: [
            compared(outcome, values[run], made.arm[run], made.answered[run] if outcome == "next_score" else every)
            for run in range(RUNS)
        ]
        for outcome in HIGHER
        for values in [made.seen(outcome)]
    }


@pytest.mark.parametrize("effect", [NONE, SMALL, LARGE])
def test_the_effect_is_unbiased_and_its_interval_covers_it(effect: float) -> None:
    for outcome, found in effects(effect).items():
        truth = world(effect).truth(outcome)
        values = np.array([one.value for one in found])
        bias = abs(values.mean() - truth) / values.std()
        covered = np.mean([one.low <= truth <= one.high for one in found])  # type: ignore[operator]  # large enough
        assert bias < 0.2, (outcome, bias)
        assert 0.93 <= covered <= 0.97, (outcome, covered)


def works_in_any(runs: list[dict[str, Difference]]) -> float:
    """Share of the runs whose page says "works" of anything."""
    said = [results([(one, HIGHER[name]) for name, one in run.items()], complete=True) for run in runs]
    return float(np.mean(["works" in run for run in said]))


def by_run(found: dict[str, list[Difference]]) -> list[dict[str, Difference]]:
    return [{name: values[run] for name, values in found.items()} for run in range(RUNS)]


def test_a_play_that_does_nothing_seldom_works_and_a_good_one_mostly_does() -> None:
    assert works_in_any(by_run(effects(NONE))) <= 0.05
    assert works_in_any(by_run(effects(LARGE))) >= 0.8
    early = results([(effects(LARGE)["next_score"][0], True)], complete=False)
    assert early == ["too_early"]


def test_the_naive_comparisons_praise_a_play_that_does_nothing() -> None:
    made = world(NONE)
    scores, before_after, called = made.seen("next_score"), [], []
    for run in range(RUNS):
        score, first, met = scores[run], made.first[run], made.called[run]
        known = made.answered[run]
        both = np.concatenate([first[known], score[known]])
        later = np.repeat([False, True], int(known.sum()))
        before_after.append(compared("next_score", both, later, np.ones(both.size, bool)))
        called.append(compared("next_score", score, met, known))
    truth = made.truth("next_score")
    assert truth == 0
    for naive, least in ((before_after, 0.99), (called, 0.9)):
        praised = np.mean([one.low is not None and one.low > 0 for one in naive])
        assert praised >= least, praised
        assert np.mean([one.value for one in naive]) > 0.5  # half a point that is not there
    honest = effects(NONE)["next_score"]
    assert np.mean([one.low is not None and one.low > 0 for one in honest]) <= 0.035


def test_looking_every_day_for_a_success_finds_one_too_often() -> None:
    """Why a test has its number of customers from the beginning: forty looks at a play that does nothing."""
    made = world(NONE)
    values, arm = made.seen("repeat_contact"), made.arm
    helped, held = np.cumsum(values * arm, 1), np.cumsum(values * ~arm, 1)
    n_helped, n_held = np.cumsum(arm, 1), np.cumsum(~arm, 1)
    looks = range(39, PLAN.customers, 9)
    fooled = 0
    for run in range(400):
        fooled += any(
            one.high is not None and one.high < 0
            for look in looks
            for one in [
                effect_on_share(
                    ShareSample(held[run, look], int(n_held[run, look])),
                    ShareSample(helped[run, look], int(n_helped[run, look])),
                )
            ]
        )
    assert fooled / 400 > 0.08  # in one direction; a single look: 0.025


def test_without_a_control_the_change_is_set_against_that_of_others() -> None:
    """Both groups came by a bad day, so both go back alike: the difference of the changes is the effect of the play."""
    rng = np.random.default_rng(5)
    for effect in (0.0, 1.0):
        values, covered = [], 0
        for _run in range(RUNS):
            back = rng.normal(1.5, 0.2)
            others = back + rng.normal(0, 2.0, 120)
            helped = back + effect + rng.normal(0, 2.5, 80)
            found = difference_in_differences(others, helped)
            assert found.value is not None and found.low is not None and found.high is not None
            values.append(found.value)
            covered += found.low <= effect <= found.high
        assert abs(np.mean(values) - effect) / np.std(values) < 0.2
        assert 0.93 <= covered / RUNS <= 0.97
    # Where the others had no bad day, the assumption does not hold, and the answer is wrong by all of the way back.
    assert difference_in_differences(rng.normal(0, 2, 5000), rng.normal(1.5, 2, 5000)).low > 1  # type: ignore[operator]  # there is scatter


def test_who_answers_because_of_the_play_is_told_apart_by_bounds() -> None:
    # Held out: 2 of 4 answer (3, 7). Helped: 4 of 4 answer (2, 4, 6, 8), of whom half would have answered anyway: the
    # lower half has the mean 3, the upper half 7, the held out 5.
    assert bounds_of_the_same([3, 7], [2, 4, 6, 8], 4, 4) == (-2.0, 2.0)
    # The other way about: helped 2 of 4 (3, 7), held out all: 5 − 7 and 5 − 3.
    assert bounds_of_the_same([2, 4, 6, 8], [3, 7], 4, 4) == (-2.0, 2.0)
    # Three quarters of three are 2.25 customers: (2 + 4 + 0.25 × 6) / 2.25 = 3.3333, (6 + 4 + 0.25 × 2) / 2.25 = 4.6667
    low, high = bounds_of_the_same([5, 5, 5], [2, 4, 6], 4, 3)
    assert [low, high] == pytest.approx([10 / 3 - 5, 14 / 3 - 5])
    with pytest.raises(ValueError, match="needs an answer"):
        bounds_of_the_same([], [1], 2, 2)


def test_chance_holds_out_the_share_that_was_asked_for_and_stays_with_a_customer() -> None:
    customers = [UUID(int=number) for number in range(20_000)]
    held = [is_held_out("a secret", one, 0.2) for one in customers]
    assert abs(np.mean(held) - 0.2) < 4 * np.sqrt(0.2 * 0.8 / 20_000)
    assert held == [is_held_out("a secret", one, 0.2) for one in customers]
    other = [is_held_out("another", one, 0.2) for one in customers]
    assert abs(np.mean(np.array(held) & np.array(other)) - 0.04) < 0.006  # two plays deal independently
    assert not any(is_held_out("a secret", one, 0) for one in customers[:100])
    assert all(is_held_out("a secret", one, 1) for one in customers[:100])


def test_what_a_recovered_customer_costs_has_no_end_where_the_effect_may_be_nothing() -> None:
    clear = Difference(0.2, 0.1, 0.4, 0.001, 100, 300)
    found = cost_per_recovered(10, clear)
    # 10 / 0.2, 10 / 0.4, 10 / 0.1
    assert (found.value, found.low, found.high, found.n) == (50, 25, 100, 400)
    found = cost_per_recovered(10, Difference(0.1, -0.02, 0.25, 0.2, 100, 300))
    assert (found.value, found.low, found.high) == (100, 40, None)
    found = cost_per_recovered(10, Difference(-0.1, -0.2, -0.02, 0.2, 100, 300))
    assert (found.value, found.low, found.high) == (None, None, None)


def test_the_smallest_effect_is_found_in_four_of_five_tests() -> None:
    step = smallest_effect(PLAN, 2.0)
    # (1.95996 + 0.84162) × 2 × √(1/120 + 1/280)
    assert step == pytest.approx(0.6114, abs=1e-4)
    rng = np.random.default_rng(3)
    held, helped = rng.normal(0, 2, (RUNS, 120)), rng.normal(step, 2, (RUNS, 280))
    found = [effect_on_mean(mean(a), mean(b)) for a, b in zip(held, helped, strict=True)]
    assert abs(np.mean([one.low is not None and one.low > 0 for one in found]) - 0.8) < 0.03


def test_a_count_per_week_is_compared_as_its_weeks_scatter() -> None:
    found = change_of_rate([10, 12, 8, 10], [4, 6, 5, 5])
    assert (found.value, found.n_before, found.n_after) == (-5, 4, 4)
    # Student's with 6 degrees of freedom: squared deviations 8 and 2, 2.44691 × √(10/6 × (1/4 + 1/4)) = 2.2337; Welch's
    # with 4.41 degrees of freedom is wider: 2.6777 × √(8/3/4 + 2/3/4) = 2.4444
    assert found.low == pytest.approx(-7.444, abs=2e-3)
    assert found.p_value is None  # too few weeks
    with pytest.raises(ValueError, match="counts"):
        change_of_rate([-1], [2])
