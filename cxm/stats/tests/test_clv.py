"""BG/NBD and Gamma–Gamma: the CDNOW customers, a planted population, and naive sums."""

import csv
import gzip
from collections import defaultdict
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cxm.stats import clv
from cxm.stats.refusals import Floats

CDNOW = Path(__file__).resolve().parents[3] / "../shared/data/cdnow"
needs_cdnow = pytest.mark.skipif(not CDNOW.exists(), reason="the shared CDNOW data are not here")

FITTED = clv.BgNbd(0.242593, 4.413531, 0.792886, 2.425753, 2357, 0.0, {}, {})
SPENDING = clv.GammaGamma(6.25, 3.74, 15.44, 946, 0.0, {}, {})


def _summary() -> tuple[Floats, Floats, Floats]:
    with gzip.open(CDNOW / "cdnow_customers_summary.csv.gz", "rt", encoding="utf-8") as file:
        rows = [(float(r["frequency"]), float(r["recency"]), float(r["T"])) for r in csv.DictReader(file)]
    x, t_x, age = np.array(rows).T
    return x, t_x, age


def _repeat_days_in_cents() -> list[list[int]]:
    """Money of each repeat purchase day up to 1997-09-30, one list per returning customer."""
    days: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    with gzip.open(CDNOW / "CDNOW_sample.txt.gz", "rt", encoding="ascii") as file:
        for line in file:
            customer, _, day, _, dollars = line.split()
            when = date.fromisoformat(day)
            if when <= date(1997, 9, 30):
                days[customer][when] += round(float(dollars) * 100)
    repeats = ([cents for _, cents in sorted(spent.items())[1:]] for spent in days.values())
    return [cents for cents in repeats if cents]


@needs_cdnow
def test_bg_nbd_on_cdnow() -> None:
    x, t_x, age = _summary()
    model = clv.fit_bg_nbd(x, t_x, age)
    # /shared/data/README.md, the lifetimes package; also Fader, Hardie and Lee 2005, table 2: 0.243, 4.414,
    # 0.793, 2.426, log-likelihood −9582.4
    assert (model.r, model.alpha) == pytest.approx((0.242593, 4.413531), abs=1e-6)
    assert (model.a, model.b) == pytest.approx((0.792886, 2.425753), abs=1e-6)
    assert model.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert model.n == 2357
    for name in ("r", "alpha", "a", "b"):
        found = model.intervals[name]
        assert found.low is not None and found.high is not None
        assert 0 < found.low < getattr(model, name) < found.high
    # a customer with x = 2, t_x = 30.43, T = 38.86 in 39 weeks: 1.2259
    assert clv.expected_purchases(model, 39, [2], [30.43], [38.86])[0] == pytest.approx(1.2259, abs=5e-5)


@needs_cdnow
def test_rows_with_counts_and_another_unit_fit_the_same() -> None:
    x, t_x, age = _summary()
    rows, times = np.unique(np.stack([x, t_x, age], axis=1), axis=0, return_counts=True)
    weeks = clv.fit_bg_nbd(rows[:, 0], rows[:, 1], rows[:, 2], times)
    assert weeks.n == 2357 and len(rows) < 1100
    days = clv.fit_bg_nbd(rows[:, 0], rows[:, 1] * 7, rows[:, 2] * 7, times)
    assert weeks.alpha == pytest.approx(4.413531, abs=1e-6)
    assert (days.r, days.alpha) == pytest.approx((weeks.r, weeks.alpha * 7), rel=1e-7)


@needs_cdnow
def test_gamma_gamma_on_cdnow() -> None:
    repeats = _repeat_days_in_cents()
    assert len(repeats) == 946
    x = np.array([len(days) for days in repeats], dtype=np.float64)
    # the published summary rounds each mean to a whole cent, halves up
    m = np.array([(2 * sum(days) + len(days)) // (2 * len(days)) / 100 for days in repeats])
    model = clv.fit_gamma_gamma(x, m)
    # lifetimes stops its search short of the maximum, by 2 in the sixth digit of p and 4 in that of v
    assert (model.p, model.q, model.v) == pytest.approx((6.248804, 3.744588, 15.447744), abs=5e-6)
    there, _ = clv._gamma_gamma_loss(np.log([6.248804, 3.744588, 15.447744]), x, m, np.ones_like(x))
    assert -there * 946 <= model.log_likelihood + 1e-9
    unrounded = clv.fit_gamma_gamma(x, [sum(days) / len(days) / 100 for days in repeats])
    assert unrounded.p == pytest.approx(6.249572, abs=1e-6)
    assert unrounded.intervals["p"].low is not None


def test_planted_parameters_are_found() -> None:
    rng = np.random.default_rng(4)
    size, age = 4000, 52.0
    x, t_x = np.zeros(size), np.zeros(size)
    for i in range(size):
        rate, leaving = rng.gamma(1.2) / 8, rng.beta(0.8, 2.5)
        now = rng.exponential(1 / rate)
        while now <= age:
            x[i], t_x[i] = x[i] + 1, now
            if rng.random() < leaving:
                break
            now += rng.exponential(1 / rate)
    model = clv.fit_bg_nbd(x, t_x, np.full(size, age))
    for name, truth in (("r", 1.2), ("alpha", 8.0), ("a", 0.8), ("b", 2.5)):
        assert abs(getattr(model, name) - truth) < 3 * model.errors[name]
    orders = 1.0 + rng.poisson(3, size)
    m = np.array([rng.gamma(3 * k, 1 / rng.gamma(4, 1 / 20)) / k for k in orders])
    money = clv.fit_gamma_gamma(orders, m)
    for name, truth in (("p", 3.0), ("q", 4.0), ("v", 20.0)):
        assert abs(getattr(money, name) - truth) < 3 * money.errors[name]


@pytest.mark.parametrize("loss", ["bg_nbd", "gamma_gamma"])
def test_gradients_are_slopes(loss: str) -> None:
    x, t, age, w = (np.array(v, dtype=np.float64) for v in ([0, 1, 4], [0, 2, 9], [5, 6, 10], [3, 1, 2]))

    def objective(logs: Floats) -> tuple[float, Floats]:
        if loss == "bg_nbd":
            return clv._bg_nbd_loss(logs, x, t, age, w)
        return clv._gamma_gamma_loss(logs, x + 1, age, w)

    at = np.log([0.5, 2.0, 1.5, 3.0][: 4 if loss == "bg_nbd" else 3])
    steps = 1e-6 * np.eye(at.size)
    slopes = [(objective(at + step)[0] - objective(at - step)[0]) / 2e-6 for step in steps]
    assert objective(at)[1] == pytest.approx(slopes, abs=1e-7)


def test_who_never_came_back_is_alive_by_construction() -> None:
    alive = clv.probability_alive(FITTED, [0, 2, 500], [0, 30.43, 1], [38.86, 38.86, 500])
    # 1 / (1 + a/(b+1) × ((α+T)/(α+t_x))^(r+2)) = 1 / (1 + 0.231450 × (43.2735/34.8435)^2.242593) = 0.7266
    assert alive == pytest.approx([1, 0.7266, 0], abs=1e-4)


def test_expected_purchases_cross_the_singular_a_of_one_smoothly() -> None:
    # at a = 1 the formula is 0/0
    below, at, above = (clv.BgNbd(0.5, 3.0, a, 2.0, 1, 0.0, {}, {}) for a in (1 - 1e-5, 1.0, 1 + 1e-5))
    values = [clv.expected_purchases(m, 10, [3], [8], [12])[0] for m in (below, at, above)]
    assert values[1] == pytest.approx((values[0] + values[2]) / 2, rel=1e-5)
    assert clv.expected_purchases(FITTED, 0, [3], [8], [12])[0] == pytest.approx(0, abs=1e-12)
    many = clv.expected_purchases(FITTED, 52, [900], [51.9], [52])[0]
    assert np.isfinite(many) and many > 0


def test_expected_value_shrinks_to_the_population() -> None:
    # x = 0: p v / (q − 1) = 6.25 × 15.44 / 2.74 = 35.2190; x = 1, m = 50: 6.25 × 65.44 / 8.99 = 45.4950
    found = clv.expected_average_value(SPENDING, [0, 1], [0, 50])
    assert found == pytest.approx([35.2190, 45.4950], abs=1e-3)


def test_lifetime_value_is_the_discounted_sum() -> None:
    history = ([2, 0], [30.43, 0], [38.86, 38.86])
    steps = [clv.expected_purchases(FITTED, t, *history) for t in (0, 4, 8)]
    by_hand = 20 * 0.5 * ((steps[1] - steps[0]) / 1.1 + (steps[2] - steps[1]) / 1.21)
    found = clv.lifetime_value(FITTED, [20, 20], *history, periods=2, period_length=4, discount_rate=0.1, margin=0.5)
    assert found == pytest.approx(by_hand)


def test_bad_histories_are_refused() -> None:
    for frequency, recency, age, words in (
        ([1], [2], [1], "between 0 and age"),
        ([1.5], [1], [2], "whole"),
        ([1], [float("nan")], [2], "finite"),
        ([1, 2], [1], [2], "same length"),
    ):
        with pytest.raises(ValueError, match=words):
            clv.fit_bg_nbd(frequency, recency, age)
    with pytest.raises(clv.NotFitted, match="twice"):
        clv.fit_bg_nbd([0, 0], [0, 0], [5, 6])
    with pytest.raises(clv.NotFitted):
        clv.fit_bg_nbd([], [], [])
    with pytest.raises(clv.NotFitted):
        clv.fit_gamma_gamma([2, 2], [10, 10])
    with pytest.raises(ValueError, match="positive mean"):
        clv.fit_gamma_gamma([1], [0])
    with pytest.raises(ValueError, match="multiplicity"):
        clv.fit_bg_nbd([1], [1], [2], [-1])
