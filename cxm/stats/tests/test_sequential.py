"""Watching a mean: exact in small samples, few false alarms over ninety looks, and changes are seen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest

from cxm.stats.sequential import BETS, BOLDEST, NONE, Side, Sums, beyond, changed, log_bets
from cxm.testing.effort import full_or

VALUES = np.array([0.0, 0.5, 1.0])  # detractor, passive, promoter
LOOKS = 90
RUNS = full_or(400, 12)  # of each cell


def sums(values: Sequence[float]) -> Sums:
    return Sums(len(values), sum(values), sum(x * x for x in values))


def test_a_bet_is_worth_no_more_than_it_costs_whatever_the_distribution() -> None:
    # All 3^4 samples of four values: the expected e-value is at most 1 exactly where the mean is the one bet against.
    for p in ([0.2, 0.3, 0.5], [0.02, 0.03, 0.95], [0.9, 0.0, 0.1]):
        mean = float(VALUES @ p)
        sides: tuple[Side, ...] = ("below", "above", "both")
        for side in sides:
            expected = 0.0
            for picks in itertools.product(range(3), repeat=4):
                chance = math.prod(p[pick] for pick in picks)
                expected += chance * math.exp(
                    log_bets(sums([float(VALUES[one]) for one in picks]), np.array([mean]), side)[0]
                )
            assert expected <= 1 + 1e-12
            assert expected > 0.5  # and not much less, even where the bets are large


def test_the_bets_are_those_of_the_formula() -> None:
    # A naive loop over values and bets, instead of three sums.
    values = [0.0, 1.0, 1.0, 0.5, 0.0]
    for mean in (0.2, 0.7):
        worth = []
        for sign, b in ((-1, 1 - mean), (1, mean)):
            for bet in np.minimum(BETS, BOLDEST / b):
                psi = (-math.log(1 - bet * b) - bet * b) / b**2
                worth.append(math.exp(sum(bet * sign * (x - mean) - psi * (x - mean) ** 2 for x in values)))
        naive = np.mean(worth)
        assert log_bets(sums(values), np.array([mean]), "both")[0] == pytest.approx(math.log(naive))


def test_the_smallest_over_all_common_means_is_found() -> None:
    before, days = sums([1.0] * 160 + [0.0] * 40), [sums([1.0, 0.0, 0.0] * 8)] * 3
    fine = np.linspace(0, 1, 20_001)
    after = sums([1.0, 0.0, 0.0] * 24)
    # Of three days only the first can be a beginning: half the weight is on it, half still waits at 1.
    naive = np.logaddexp(log_bets(after, fine, "below") + math.log(0.5), math.log(0.5)) + log_bets(
        before, fine, "above"
    )
    found = changed(before, days, "below")
    assert found.alarm
    assert found.log_e == pytest.approx(float(naive.min()), abs=1e-4)
    assert found.start == 0
    # What is no alarm against the smallest is none at all, and its evidence is never said to be smaller than it is.
    for n in range(1, 8):
        few = [sums([1.0, 0.0, 0.0] * n)]
        naive = np.logaddexp(log_bets(few[0], fine, "below") + math.log(0.5), math.log(0.5))
        smallest = float((naive + log_bets(before, fine, "above")).min())
        found = changed(before, few, "below")
        assert found.alarm == (smallest >= math.log(20))
        assert found.log_e >= smallest - 1e-4


@pytest.mark.parametrize("high", [0.6, 0.95, 1.0])
def test_a_share_that_falls_or_rises_is_seen(high: float) -> None:
    # Values of 0 and 1 only. A mean at the end of the scale, which such values rule out, must not explain them.
    def share(p: float, n: int) -> Sums:
        return Sums(n, round(p * n), round(p * n))

    much, little = share(high, 1000), share(1 - high, 1000)
    cells: list[tuple[Sums, Sums, Side]] = [(much, share(1 - high, 100), "below"), (little, share(high, 100), "above")]
    for before, after, side in cells:
        other: Side = "above" if side == "below" else "below"
        assert changed(before, [after] * 5, side).alarm
        assert changed(before, [after] * 5).alarm
        assert not changed(before, [after] * 5, other).alarm


def test_samples_beside_each_other_bet_as_each_alone() -> None:
    samples, means = [sums([1.0, 0.5]), NONE, sums([0.0] * 9)], np.array([0.1, 0.4])
    sides: tuple[Side, ...] = ("below", "above", "both")
    for side in sides:
        alone = [log_bets(one, means, side) for one in samples]
        assert np.allclose(log_bets(samples, means, side), alone, rtol=1e-12)


def drawn(chance: np.random.Generator, p: Sequence[float], a_day: float, days: int) -> list[Sums]:
    found = []
    for _day in range(days):
        counts = chance.multinomial(chance.poisson(a_day), p)
        found.append(Sums(int(counts.sum()), float(counts @ VALUES), float(counts @ VALUES**2)))
    return found


def total(days: Sequence[Sums]) -> Sums:
    found = NONE
    for one in days:
        found += one
    return found


def naive_alarm(before: Sums, after: Sums) -> bool:
    """What a dashboard would do every day: two means, z beyond 1.96."""
    if before.n < 2 or after.n < 2:
        return False
    spread = sum((one.squares / one.n - one.mean**2) / one.n for one in (before, after))
    return spread > 0 and abs(before.mean - after.mean) > 1.96 * math.sqrt(spread)


def test_ninety_daily_looks_raise_few_false_alarms_where_the_usual_test_raises_many() -> None:
    chance = np.random.default_rng(20261122)
    false = {"changed": 0, "beyond": 0, "naive": 0}
    cells = list(itertools.product(([0.2, 0.3, 0.5], [0.02, 0.08, 0.9], [0.5, 0.0, 0.5]), (3.0, 30.0)))
    for p, a_day in cells:
        here = dict.fromkeys(false, 0)
        for _run in range(RUNS):
            before, days = total(drawn(chance, p, a_day, 30)), drawn(chance, p, a_day, LOOKS)
            looks = range(1, LOOKS + 1)
            here["changed"] += any(changed(before, days[:look]).alarm for look in looks)
            here["beyond"] += any(beyond(days[:look], float(VALUES @ p), "below").alarm for look in looks)
            here["naive"] += any(naive_alarm(before, total(days[:look])) for look in looks)
        # At most 5 % are promised; three standard errors for the luck of the simulation.
        most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / RUNS)
        assert here["changed"] / RUNS <= most
        assert here["beyond"] / RUNS <= most
        false = {name: false[name] + here[name] for name in false}
    assert false["naive"] / (RUNS * len(cells)) > 0.2  # looked at daily, "95 %" means one false alarm in four and more
    print({name: n / (RUNS * len(cells)) for name, n in false.items()})


def test_a_fall_of_twenty_points_is_seen_within_weeks() -> None:
    chance = np.random.default_rng(1)
    waited = []
    for _run in range(full_or(100, 10)):
        before = total(drawn(chance, [0.2, 0.3, 0.5], 30, 60))
        days = drawn(chance, [0.2, 0.3, 0.5], 30, 30) + drawn(chance, [0.3, 0.3, 0.4], 30, 60)  # NPS 30, then 10
        waited.append(next((look - 30 for look in range(31, 91) if changed(before, days[:look], "below").alarm), 99))
    assert np.median(waited) <= 25
    assert np.mean(np.array(waited) < 60) >= 0.9


@pytest.mark.parametrize("bad", [(1, 2.0, 1.0), (2, 1.0, 1.5), (-1, 0.0, 0.0), (1, -0.5, 0.1)])
def test_what_are_no_values_between_0_and_1_is_refused(bad: tuple[int, float, float]) -> None:
    with pytest.raises(ValueError):  # each names its own number
        Sums(*bad)


def test_nothing_is_no_evidence() -> None:
    assert not changed(NONE, [sums([1.0])]).alarm
    assert not changed(sums([1.0]), []).alarm
    assert beyond([], 0.5, "below").e == 1.0
    with pytest.raises(ValueError, match="outside"):
        beyond([sums([1.0])], 1.5, "below")
