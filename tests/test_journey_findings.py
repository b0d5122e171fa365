"""Faults that were planted into journeys are found on their map, and healthy touchpoints are left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from cxm.stats.intervals import share
from cxm.testing.effort import full_or
from cxm.understand.journeys.definition import Binding, EventRule, MapDefinition, Promise, Stage, Touchpoint
from cxm.understand.journeys.evidence.figures import Figures, Kept
from cxm.understand.journeys.evidence.findings import find
from cxm.understand.journeys.evidence.numbers import level_of, mood_of, number, score_of

JOURNEYS = 5_000
NOW = 1_780_000_000_000
DAY = 86_400_000
Planted = tuple[str, str]  # kind of the finding, touchpoint


def a_map(partner: int, asked_from: int = 0) -> MapDefinition:
    """Twelve touchpoints in four stages, one of them a partner's, and two that journeys may pass by."""
    points = [
        Touchpoint(
            f"t{k}", f"T{k}", partner="PayLink" if k == partner else "", channel="web",
            binding=Binding(events=(EventRule(f"t{k}"),)), promises=(Promise("soon", 3600),) if k == 2 else (),
        )
        for k in range(12)
    ]  # fmt: skip
    help_points = [
        Touchpoint(f"h{k}", f"H{k}", channel="phone", optional=True, binding=Binding(events=(EventRule(f"h{k}"),)))
        for k in range(2)
    ]
    stages = (points[:3], points[3:6], [*points[6:9], help_points[0]], [*points[9:], help_points[1]])
    return MapDefinition(stages=tuple(Stage(f"s{k}", f"S{k}", tuple(some)) for k, some in enumerate(stages)))


def figures_of(definition: MapDefinition, rng: np.random.Generator, faults: dict[str, str], n: int) -> list[Figures]:
    """What the log would say of `n` journeys; each touchpoint has its own rates, as in life. `faults` by touchpoint."""
    made = []
    here = n
    for point in definition.touchpoints():
        fault = faults.get(point.key, "")
        passed = int(rng.binomial(n, 0.06)) if point.optional else here
        loss = 0.08 if fault == "loses" else rng.uniform(0.0, 0.025)
        lost = int(rng.binomial(passed, loss))
        if not point.optional:
            here -= lost
        asked = 0 if fault == "dark" else int(rng.binomial(passed, rng.uniform(0.08, 0.2)))
        spoken = int(rng.binomial(asked, 0.6))
        moods = np.clip(rng.normal(rng.normal(0.25, 0.03) - (0.5 if fault == "worse" else 0), 0.55, spoken), -1, 1)
        weights = np.array([4, 6, 15, 40, 35]) if fault != "worse" else np.array([16, 22, 22, 25, 15])
        scores = {
            float(k + 1): int(many)
            for k, many in enumerate(rng.multinomial(asked, rng.dirichlet(weights * 4)))
        }  # fmt: skip
        repeated, back = (int(rng.binomial(passed, rng.uniform(0.0, 0.06))) for _ in range(2))
        score, unit = score_of("csat", "1-5", scores)
        made.append(
            Figures(
                point.key, passed + repeated, passed, passed, passed, passed - lost,
                number(share(passed - lost, passed)), repeated=repeated, back=back, answers=asked, metric="csat",
                unit=unit, scale="1-5", score=score, level=level_of("csat", "1-5", scores), texts=spoken,
                mood=mood_of(spoken, float(moods.sum()), float((moods**2).sum())),
                passed_at=NOW - DAY, heard_at=NOW - DAY if asked else 0,
                promises=tuple(
                    Kept(one.text, "", passed, int(rng.binomial(passed, 0.03))) for one in point.promises
                ),
            )
        )  # fmt: skip
    return made


def runs(many: int, n: int, seed: int = 7) -> Iterator[tuple[set[Planted], set[Planted]]]:
    """Of each simulated map: what was planted, and what was found."""
    rng = np.random.default_rng(seed)
    for _ in range(many):
        loses, worse, dark = (int(k) for k in rng.choice(np.arange(1, 11), 3, replace=False))
        definition = a_map(partner=loses)
        faults = {f"t{loses}": "loses", f"t{worse}": "worse", f"t{dark}": "dark"}
        found = find(definition, figures_of(definition, rng, faults, n), NOW)
        planted = {("handover", f"t{loses}"), ("worse", f"t{worse}"), ("dark", f"t{dark}")}
        yield planted, {(one.kind, one.key) for one in found}


@pytest.mark.once
def test_planted_faults_are_found_and_healthy_touchpoints_are_not_accused() -> None:
    many = full_or(1_000, 150)
    hits: Counter[str] = Counter()
    false = healthy = 0
    for planted, found in runs(many, JOURNEYS):
        hits.update(kind for kind, key in planted & found)
        false += len(found - planted)
        healthy += 14 - 3
    recall = sum(hits.values()) / (3 * many)
    assert recall >= 0.95, hits
    assert false / healthy <= 1 / 20, false
    # Each kind by itself, not only their mean.
    assert min(hits[kind] for kind in ("handover", "worse", "dark")) >= 0.95 * many, hits


@pytest.mark.once
def test_a_map_without_faults_has_next_to_no_findings() -> None:
    rng, false, many = np.random.default_rng(11), 0, full_or(500, 100)
    for _ in range(many):
        definition = a_map(partner=5)
        false += len(find(definition, figures_of(definition, rng, {}, JOURNEYS), NOW))
    assert false / (14 * many) <= 1 / 20


def test_promises_of_the_same_words_are_two() -> None:
    """The engine of promises knows them by their number: one of them may be broken where the other is kept."""
    points = tuple(Touchpoint(key, key, binding=Binding(events=(EventRule(key),))) for key in ("order", "pack"))
    definition = MapDefinition(stages=(Stage("s", "S", points),))
    kept = (Kept("Soon", "", 100, 60, 0), Kept("Soon", "pack", 100, 50, 1), Kept("Soon", "pack", 100, 2, 2))
    both = [Figures(one.key, 100, 100, 100, passed_at=NOW, heard_at=NOW, answers=50) for one in points]
    both[0] = msgspec.structs.replace(both[0], promises=kept)
    assert [(one.kind, one.key, one.about, one.hits) for one in find(definition, both, NOW)] == [
        ("broken_promise", "order", "0", 60), ("broken_promise", "order", "1", 50),
    ]  # fmt: skip
