"""Kaplan–Meier by hand, against a naive product, and on the telco customers."""

import csv
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxm.stats import survival
from cxm.stats.estimate import Estimate

TELCO = Path(__file__).resolve().parents[3] / "../shared/data/telco/Telco-Customer-Churn.csv.gz"
people = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=60)


def test_five_customers() -> None:
    # left at 1 and 3; censored at 2, 3, 4. S(1) = 4/5; at 3 there are 3 at risk: 4/5 × 2/3 = 8/15.
    # Greenwood at 1: 1/(5 × 4) = 0.05; √0.05 / ln(0.8)⁻¹: 1.959964 × 0.223607 / 0.223144 = 1.964033,
    # e^… = 7.12801; low 0.8^7.12801 = 0.20381, high 0.8^(1/7.12801) = 0.96918
    curve = survival.kaplan_meier([1, 2, 3, 3, 4], [1, 0, 1, 0, 0])
    steps = [(row.time, row.at_risk, row.ended) for row in curve]
    assert steps == [(1, 5, 1), (2, 4, 0), (3, 3, 1), (4, 1, 0)]
    assert [row.survival for row in curve] == pytest.approx([0.8, 0.8, 8 / 15, 8 / 15])
    assert (curve[0].low, curve[0].high) == pytest.approx((0.20381, 0.96918), abs=1e-4)
    assert survival.survival_at(curve, 0) == Estimate(1, None, None, 5, "none")
    assert survival.survival_at(curve, 2.5).value == pytest.approx(0.8)
    assert survival.survival_at(curve, 5).value is None
    assert survival.median_survival(curve).value is None


def test_all_gone() -> None:
    curve = survival.kaplan_meier([1, 2, 3, 4], [1, 1, 1, 1])
    assert survival.survival_at(curve, 9) == Estimate(0, None, None, 4, "none")
    assert survival.median_survival(curve).value == 2


def test_nobody_and_nobody_left() -> None:
    assert survival.kaplan_meier([], []) == []
    assert survival.survival_at([], 1) == Estimate(None, None, None, 0, "none")
    assert survival.median_survival([]).n == 0
    (row,) = survival.kaplan_meier([3], [0])
    assert (row.survival, row.low) == (1, None)


@given(people)
def test_the_curve_is_the_naive_product_and_groups_agree(rows: list[tuple[int, bool]]) -> None:
    curve = survival.kaplan_meier([t for t, _ in rows], [e for _, e in rows])
    for row in curve:
        naive = 1.0
        for time in sorted({t for t, ended in rows if ended and t <= row.time}):
            naive *= 1 - rows.count((time, True)) / sum(t >= time for t, _ in rows)
        assert row.survival == pytest.approx(naive, abs=1e-12)
        assert row.low is None or row.high is None or 0 <= row.low <= row.survival <= row.high <= 1
    assert survival.kaplan_meier_from_counts([(t, int(e), int(not e)) for t, e in rows]) == curve


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        survival.kaplan_meier([float("nan")], [1])
    with pytest.raises(ValueError, match="0 or 1"):
        survival.kaplan_meier([1], [2])
    with pytest.raises(ValueError, match="same length"):
        survival.kaplan_meier([1], [1, 0])
    with pytest.raises(ValueError, match="negative"):
        survival.kaplan_meier([-1], [1])
    with pytest.raises(ValueError, match="negative"):
        survival.survival_at([], -1)


@pytest.mark.skipif(not TELCO.exists(), reason="the shared telco data are not here")
def test_telco_customers() -> None:
    with gzip.open(TELCO, "rt", encoding="utf-8") as file:
        rows = [(float(row["tenure"]), row["Churn"] == "Yes") for row in csv.DictReader(file)]
    curve = survival.kaplan_meier([t for t, _ in rows], [e for _, e in rows])
    # /shared/data/README.md, by an independent package
    for months, share in ((12, 0.843200), (24, 0.788736), (60, 0.664404)):
        found = survival.survival_at(curve, months)
        assert found.value == pytest.approx(share, abs=1e-6)
        assert found.n == 7043
        assert found.half_width is not None and found.half_width < 0.02
    assert survival.median_survival(curve).value is None
