"""Invitations for wanted half-widths: by hand, against every other allocation, and against a proportional sample."""

from __future__ import annotations

import itertools
import math
import random
from typing import Any

import pytest

from cxm.stats.allocation import Group, answers_for, fewest, half_width, proportional, whole_half_width
from cxm.stats.estimate import Z


def test_answers_for_a_half_width_by_hand() -> None:
    # ± 0.1 at a deviation of 1: (1.95996 / 0.1)² = 384.15 of an endless group; of 1,000 people
    # 1 / (1/384.15 + 1/1000) = 277.5.
    assert answers_for(1, 0.1, 10**9) == pytest.approx(384.15, abs=0.01)
    assert answers_for(1, 0.1, 1000) == pytest.approx(277.54, abs=0.01)
    assert half_width(1, 277.54, 1000) == pytest.approx(0.1, abs=1e-4)
    assert half_width(1, 1000, 1000) == 0.0  # everybody answered
    assert half_width(1, 0, 1000) == math.inf


def test_each_group_alone_by_hand() -> None:
    groups = [Group("small", 1000, 0.5, 1, 0.1), Group("large", 100_000, 0.1, 1, 0.1)]
    plan = fewest(groups)
    # small: 277.54 / 0.5 = 555.07; large: 1 / (1/384.15 + 1/100000) = 382.67, / 0.1 = 3826.7.
    assert [one.invitations for one in plan.shares] == [556, 3827]
    assert plan.reached
    assert all(one.reached and one.half_width <= 0.1 for one in plan.shares)


def test_the_whole_by_hand() -> None:
    # Equal groups, equal deviations, rates 0.4 and 0.1: n is proportional to √r, so n1 = 2 n2.
    groups = [Group("a", 10**8, 0.4, 1), Group("b", 10**8, 0.1, 1)]
    plan = fewest(groups, overall=0.05)
    # variance (1/4)(1/n1 + 1/n2) = (3/8) / n2 → n2 = 0.375 (1.95996/0.05)² = 576.2, n1 = 1152.4
    assert plan.shares[1].answers == pytest.approx(576.2, abs=0.2)
    assert plan.shares[0].answers == pytest.approx(1152.4, abs=0.5)
    assert plan.half_width == pytest.approx(0.05, abs=1e-4)
    # 2881 + 5762 invitations; the same share of both groups needs n1 = 4 n2 and more people.
    assert plan.invitations == 2882 + 5763
    assert proportional(groups, overall=0.05).invitations > plan.invitations


def test_a_group_that_is_too_small_says_so() -> None:
    plan = fewest([Group("tiny", 20, 0.2, 1, 0.1), Group("none", 0, 0.2, 1, 0.1)])
    assert plan.shares[0].invitations == 20
    assert not plan.shares[0].reached
    assert plan.shares[0].half_width == pytest.approx(Z * math.sqrt(1 / 4 - 1 / 20))
    assert plan.shares[1].invitations == 0
    assert not fewest([Group("tiny", 20, 0.2, 1)], overall=0.1).reached


def test_no_other_allocation_needs_fewer_invitations() -> None:
    """Against a search over a fine grid of three groups."""
    chance = random.Random(4)
    checked = 0
    for _case in range(8):
        groups = [
            Group(str(number), chance.randint(200, 4000), chance.uniform(0.1, 0.6), chance.uniform(0.4, 1.5),
                  chance.choice([None, 0.3]))
            for number in range(3)
        ]  # fmt: skip
        overall = 0.12
        best = sum(
            one.answers / group.response_rate for one, group in zip(fewest(groups, overall).shares, groups, strict=True)
        )
        grid = [[part * one.size * one.response_rate / 40 for part in range(41)] for one in groups]
        found = [
            sum(n / one.response_rate for n, one in zip(answers, groups, strict=True))
            for answers in itertools.product(*grid)
            if whole_half_width(groups, answers) <= overall
            and all(
                one.half_width is None or half_width(one.deviation, n, one.size) <= one.half_width
                for n, one in zip(answers, groups, strict=True)
            )
        ]
        if not found:
            continue
        checked += 1
        assert best <= min(found) + 3 + 1e-6, "three for rounding up"
    assert checked >= 5


def test_a_skewed_population_needs_a_fifth_fewer_invitations_than_proportional_sampling() -> None:
    """NPS of ± 8 points for every segment and ± 4 for the whole, deviation 84 points (variance 0.7)."""
    sizes = {
        "private": (60_000, 0.08),
        "small firms": (9_000, 0.18),
        "firms": (1_500, 0.30),
        "key accounts": (500, 0.45),
    }
    groups = [Group(name, size, rate, 83.67, 8 if size > 1000 else 10) for name, (size, rate) in sizes.items()]
    ours, usual = fewest(groups, overall=4), proportional(groups, overall=4)
    assert ours.reached
    assert usual.reached
    assert ours.invitations <= 0.8 * usual.invitations


def test_nonsense_is_refused() -> None:
    good: dict[str, Any] = {"name": "a", "size": 10, "response_rate": 0.5, "deviation": 1.0}
    for wrong in ({"response_rate": 0.0}, {"response_rate": 1.2}, {"half_width": 0.0}, {"deviation": -1.0}):
        with pytest.raises(ValueError):
            Group(**{**good, **wrong})
