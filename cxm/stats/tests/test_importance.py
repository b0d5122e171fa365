"""Shares of R² against a naive oracle, R's relaimpo, and hand-worked cases; simulations of what is promised."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from cxm.stats import alllogits
from cxm.stats import importance as module
from cxm.stats.importance import importance, slopes, what_if
from cxm.stats.refusals import Floats
from cxm.testing.effort import full_or

pytestmark = pytest.mark.once

# Fertility, agriculture, examination, education, Catholic, infant mortality of 47 Swiss provinces in 1888 (Mosteller
# and Tukey 1977), the data of the paper that describes relaimpo (Grömping, Journal of Statistical Software 17, 2006).
SWISS = """
80.2 17 15 12 9.96 22.2; 83.1 45.1 6 9 84.84 22.2; 92.5 39.7 5 5 93.4 20.2
85.8 36.5 12 7 33.77 20.3; 76.9 43.5 17 15 5.16 20.6; 76.1 35.3 9 7 90.57 26.6
83.8 70.2 16 7 92.85 23.6; 92.4 67.8 14 8 97.16 24.9; 82.4 53.3 12 7 97.67 21
82.9 45.2 16 13 91.38 24.4; 87.1 64.5 14 6 98.61 24.5; 64.1 62 21 12 8.52 16.5
66.9 67.5 14 7 2.27 19.1; 68.9 60.7 19 12 4.43 22.7; 61.7 69.3 22 5 2.82 18.7
68.3 72.6 18 2 24.2 21.2; 71.7 34 17 8 3.3 20; 55.7 19.4 26 28 12.11 20.2
54.3 15.2 31 20 2.15 10.8; 65.1 73 19 9 2.84 20; 65.5 59.8 22 10 5.23 18
65 55.1 14 3 4.52 22.4; 56.6 50.9 22 12 15.14 16.7; 57.4 54.1 20 6 4.2 15.3
72.5 71.2 12 1 2.4 21; 74.2 58.1 14 8 5.23 23.8; 72 63.5 6 3 2.56 18
60.5 60.8 16 10 7.72 16.3; 58.3 26.8 25 19 18.46 20.9; 65.4 49.5 15 8 6.1 22.5
75.5 85.9 3 2 99.71 15.1; 69.3 84.9 7 6 99.68 19.8; 77.3 89.7 5 2 100 18.3
70.5 78.2 12 6 98.96 19.4; 79.4 64.9 7 3 98.22 20.2; 65 75.9 9 9 99.06 17.8
92.2 84.6 3 3 99.46 16.3; 79.3 63.1 13 13 96.83 18.1; 70.4 38.4 26 12 5.62 20.3
65.7 7.7 29 11 13.79 20.5; 72.7 16.7 22 13 11.22 18.9; 64.4 17.6 35 32 16.92 23
77.6 37.6 15 7 4.97 20; 67.6 18.7 25 7 8.65 19.5; 35 1.2 37 53 42.34 18
44.7 46.6 16 29 50.43 18.2; 42.8 27.7 22 29 58.33 19.3
"""


def swiss() -> Floats:
    rows = SWISS.replace("\n", ";").split(";")
    return np.array([[float(one) for one in row.split()] for row in rows if row.strip()])


def r2_of(x: Floats, y: Floats, w: Floats) -> float:
    design = np.column_stack([np.ones(len(y)), x]) * np.sqrt(w)[:, None]
    slope = np.linalg.lstsq(design, y * np.sqrt(w), rcond=None)[0]
    left = ((y * np.sqrt(w) - design @ slope) ** 2).sum()
    return float(1 - left / (w * (y - np.average(y, weights=w)) ** 2).sum())


def naive(x: Floats, y: Floats, sizes: Sequence[int], w: Floats | None = None) -> Floats:
    """All orders one by one, each subset by `lstsq`."""
    ends = np.cumsum(sizes)
    own = [list(range(end - size, end)) for end, size in zip(ends, sizes, strict=True)]
    w = np.ones(len(y)) if w is None else w
    known: dict[frozenset[int], float] = {frozenset(): 0.0}
    shares = np.zeros(len(sizes))
    orders = list(itertools.permutations(range(len(sizes))))
    for order in orders:
        for place, driver in enumerate(order):
            before, after = frozenset(order[:place]), frozenset(order[: place + 1])
            if after not in known:
                known[after] = r2_of(x[:, [column for one in after for column in own[one]]], y, w)
            shares[driver] += known[after] - known[before]
    return shares / len(orders)


def values(found: module.Importance) -> list[float]:
    return [one.share.value or 0.0 for one in found.shares]


def test_shares_are_those_of_relaimpo() -> None:
    table = swiss()
    assert table.shape == (47, 6)
    found = importance(table[:, 1:], table[:, 0], replications=200)
    # calc.relimp(swiss, type = "lmg") of relaimpo 2.2-7
    assert values(found) == pytest.approx(
        [0.05709122077, 0.17117302890, 0.26013467862, 0.10557015037, 0.11276592293], abs=1e-10
    )
    assert sum(values(found)) == pytest.approx(0.706735, abs=1e-6)
    assert found.r2.value == pytest.approx(sum(values(found)), abs=1e-12)


def test_shares_are_means_over_all_orders_also_of_groups_and_with_weights() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(120, 6)) @ rng.normal(size=(6, 6))
    y = x @ np.array([1.0, 0.5, 0, 0, -0.3, 0.2]) + rng.normal(size=120)
    w = rng.integers(1, 4, 120).astype(float)
    assert values(importance(x, y, replications=100)) == pytest.approx(list(naive(x, y, [1] * 6)), abs=1e-10)
    grouped = importance(x, y, groups=[2, 1, 3], weights=w, replications=100)
    assert values(grouped) == pytest.approx(list(naive(x, y, [2, 1, 3], w)), abs=1e-10)
    # A row with weight 3 is three rows.
    repeated = np.repeat(np.arange(120), w.astype(int))
    again = importance(x[repeated], y[repeated], groups=[2, 1, 3], replications=100)
    assert values(again) == pytest.approx(values(grouped), abs=1e-10)
    model, twice = slopes(x, y, weights=w), slopes(x[repeated], y[repeated])
    assert model.values == pytest.approx(twice.values) and model.r2 == pytest.approx(twice.r2)
    # The order in which drivers are named changes nothing.
    turned = importance(x[:, ::-1], y, replications=100)
    assert values(turned)[::-1] == pytest.approx(values(importance(x, y, replications=100)), abs=1e-10)


def test_beyond_fifteen_drivers_orders_are_drawn_and_the_error_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(400, 9)) @ (np.eye(9) + 0.3)
    y = x @ np.linspace(1, 0, 9) + 3 * rng.normal(size=400)
    exact = importance(x, y, groups=[2, *[1] * 7], replications=200)
    monkeypatch.setattr(module, "EXACT_UP_TO", 3)
    drawn = importance(x, y, groups=[2, *[1] * 7], replications=200)
    assert exact.error == 0 < drawn.error < 0.005
    assert values(drawn) == pytest.approx(values(exact), abs=5 * drawn.error)
    assert sum(values(drawn)) == pytest.approx(sum(values(exact)), abs=1e-10)
    assert [one.matters for one in drawn.shares] == [one.matters for one in exact.shares]
    for one, other in zip(drawn.shares, exact.shares, strict=True):
        assert (one.share.low, one.share.high) == pytest.approx((other.share.low, other.share.high), abs=0.02)


def test_beyond_ten_drivers_of_a_yes_or_no_outcome_orders_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    x = rng.normal(size=(800, 7)) @ (np.eye(7) + 0.3)
    y = (rng.random(800) < 1 / (1 + np.exp(-x @ np.linspace(1, 0, 7)))).astype(float)
    exact = importance(x, y, groups=[2, *[1] * 5], binary=True, replications=100)
    monkeypatch.setattr(module, "BINARY_EXACT_UP_TO", 3)
    monkeypatch.setattr(alllogits, "FITS", 120)  # twenty orders of six
    drawn = importance(x, y, groups=[2, *[1] * 5], binary=True, replications=100)
    assert exact.error == 0 < drawn.error < 0.01
    assert values(drawn) == pytest.approx(values(exact), abs=5 * drawn.error)
    # In each order what is added is the whole, so no drawing changes the sum.
    assert sum(values(drawn)) == pytest.approx(sum(values(exact)), abs=1e-10)
    assert [one.matters for one in drawn.shares] == [one.matters for one in exact.shares]
    for one, other in zip(drawn.shares, exact.shares, strict=True):
        assert (one.share.low, one.share.high) == pytest.approx((other.share.low, other.share.high), abs=0.03)


def test_what_follows_from_other_drivers_is_said() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(200, 3))
    y = x[:, 0] + rng.normal(size=200)
    free = importance(x, y, replications=100)
    assert all(one.vif is not None and one.vif < 1.1 for one in free.shares)
    assert free.condition is not None and free.condition < 1.5
    tied = importance(np.column_stack([x, x[:, 0]]), y, replications=100)
    assert [one.vif is None for one in tied.shares] == [True, False, False, True] and tied.condition is None
    assert values(tied)[0] == pytest.approx(values(tied)[3])  # twins share what either would have
    # Two columns with the correlation 0.6: 1 / (1 − 0.36) = 1.5625, and √(1.6 / 0.4) = 2.
    a, b = np.array([1.0, -1, 1, -1] * 10), np.array([1.0, 1, -1, -1] * 10)
    pair = importance(np.column_stack([a, 0.6 * a + 0.8 * b]), rng.normal(size=40), replications=100)
    assert [one.vif for one in pair.shares] == pytest.approx([1.5625, 1.5625])
    assert pair.condition == pytest.approx(2.0)


def test_shares_of_a_yes_or_no_outcome_add_up_to_mcfaddens_r2() -> None:
    # One driver of yes and no: 30 of 40 against 10 of 40. Deviance without it 2·80·ln 2 = 110.9035, with it
    # −2·(60·ln 0.75 + 20·ln 0.25) = 89.9736, so R² = 0.188722, and the slope is ln 9 = 2.197225.
    x = np.repeat([1.0, 0.0], 40)
    y = np.concatenate([np.ones(30), np.zeros(10), np.ones(10), np.zeros(30)])
    found = importance(x[:, None], y, binary=True, replications=100)
    assert found.r2.value == pytest.approx(0.188722, abs=1e-5)
    model = slopes(x[:, None], y, binary=True)
    assert model.values[0] == pytest.approx(2.197225, abs=1e-4) and model.r2 == pytest.approx(0.188722, abs=1e-5)
    # Were nobody in the first group, 10 of 40 would say yes in it too: 20 of 80 fewer.
    less = what_if(model, x[:, None], -x[:, None])
    assert less.value == pytest.approx(-0.25, abs=1e-4)
    # Of independent drivers the shares are close to what each explains alone.
    rng = np.random.default_rng(5)
    z = rng.normal(size=(3000, 3))
    told = (rng.random(3000) < 1 / (1 + np.exp(-z[:, 0]))).astype(float)
    several = importance(z, told, binary=True, replications=100)
    whole = slopes(z, told, binary=True).r2
    alone = slopes(z[:, :1], told, binary=True).r2
    assert sum(values(several)) == pytest.approx(whole, abs=1e-6)
    assert values(several)[0] == pytest.approx(alone, abs=0.002)
    assert [one.matters for one in several.shares] == [True, False, False]


def test_effects_of_a_change() -> None:
    # y = 2 + 3a exactly but for one ±1 pattern that has nothing to do with a: the slope is 3.
    a = np.array([0.0, 0, 1, 1, 2, 2, 3, 3] * 5)
    y = 2 + 3 * a + np.array([1.0, -1] * 20)
    model = slopes(a[:, None], y)
    assert (model.intercept, model.values[0]) == pytest.approx((2, 3))
    capped = np.minimum(1.0, 3 - a)  # a quarter is at the end of the scale
    found = what_if(model, a[:, None], capped[:, None])
    assert found.value == pytest.approx(2.25)
    # HC1 of least squares, worked out: Σ(a − ā)²·e² / (Σ(a − ā)²)² · n/(n − 2) = 50/2500 · 40/38, of 0.75 steps.
    half = 1.959964 * 0.75 * (50 / 2500 * 40 / 38) ** 0.5
    assert (found.low, found.high) == pytest.approx((2.25 - half, 2.25 + half), abs=1e-6)


@pytest.mark.parametrize(
    ("x", "y", "more"),
    [
        (np.ones((10, 6)), np.arange(10.0), {}),
        (np.ones((50, 1)), np.ones(50), {}),
        (np.full((50, 1), np.nan), np.arange(50.0), {}),
        (np.ones((50, 1)), np.arange(50.0), {"binary": True}),
        (np.ones((50, 2)), np.arange(50.0), {"groups": [1]}),
        (np.ones((50, 1)), np.arange(50.0), {"weights": -np.ones(50)}),
        (np.ones((200, 41)), np.arange(200.0), {}),
        (np.ones((200, 21)), np.arange(200.0) % 2, {"binary": True}),
    ],
)
def test_what_makes_no_sense_is_refused(x: Floats, y: Floats, more: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        importance(x, y, **more)


# Simulations: six drivers with planted weights, correlated from 0 to 0.8, and two of noise; 1 000 rows; R² 0.5.
WEIGHTS = np.array([1.0, 0.8, 0.6, 0.4, 0.2, 0.0])
ROWS = 1000


def true_shares(correlation: float) -> tuple[Floats, float]:
    """The shares of the population, by the same oracle as above on its correlations; and the residual variance."""
    p = len(WEIGHTS)
    inner = np.full((p, p), correlation) + np.eye(p) * (1 - correlation)
    along = inner @ WEIGHTS
    explained = float(WEIGHTS @ along)
    whole = explained / 0.5
    known: dict[tuple[int, ...], float] = {}
    shares = np.zeros(p)
    orders = list(itertools.permutations(range(p)))
    for order in orders:
        before = 0.0
        for place in range(p):
            inside = tuple(sorted(order[: place + 1]))
            if inside not in known:
                of = np.array(inside)
                known[inside] = float(along[of] @ np.linalg.solve(inner[np.ix_(of, of)], along[of])) / whole
            shares[order[place]] += known[inside] - before
            before = known[inside]
    return shares / len(orders), whole - explained


def test_simulated_drivers_are_ranked_covered_and_told_from_noise() -> None:
    runs = full_or(1000, 60)
    truths = {step: true_shares(step) for step in (0.0, 0.2, 0.4, 0.6, 0.8)}
    ranks, covered, covered_effects, alarms, sums = [], 0, 0, 0, []
    for run in range(runs):
        rng = np.random.default_rng(run)
        correlation = (0.0, 0.2, 0.4, 0.6, 0.8)[run % 5]
        truth, noise = truths[correlation]
        common = rng.normal(size=(ROWS, 1)) * correlation**0.5
        x = common + rng.normal(size=(ROWS, len(WEIGHTS))) * (1 - correlation) ** 0.5
        y = x @ WEIGHTS + rng.normal(size=ROWS) * noise**0.5
        x = np.column_stack([x, rng.normal(size=(ROWS, 2))])
        found = importance(x, y, seed=run, replications=500)
        shares = np.array(values(found))
        sums.append(abs(shares.sum() - r2_of(x, y, np.ones(ROWS))))
        places = [np.argsort(np.argsort(one)) for one in (shares[:6], truth)]
        ranks.append(np.corrcoef(places[0], places[1])[0, 1])
        for one, true in zip(found.shares, truth, strict=False):
            covered += (one.share.low or 0) <= true <= (one.share.high or 0)
        alarms += any(one.matters for one in found.shares[6:])
        model = slopes(x, y)
        for place, true in enumerate(WEIGHTS):
            step = np.zeros_like(x)
            step[:, place] = 1.0
            effect = what_if(model, x, step)
            covered_effects += (effect.low or 0) <= true <= (effect.high or 0)
    n = runs * len(WEIGHTS)
    print(f"rank {np.mean(ranks):.4f}, covered {covered / n:.4f}, noise called important {alarms / runs:.4f}")
    print(f"effects covered {covered_effects / n:.4f}")
    assert max(sums) < 1e-6
    assert np.mean(ranks) >= full_or(950, 930) / 1000
    assert full_or(90, 88) <= 100 * covered / n <= full_or(980, 995) / 10
    assert 90 <= 100 * covered_effects / n <= 98
    assert alarms / runs <= full_or(50, 84) / 1000
