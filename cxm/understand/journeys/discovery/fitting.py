"""How well a path that was taken fits the path that is expected: the cheapest alignment of the two.

A step of the expected path that is missing costs one, a step that is not expected costs one. Fitness is 1 − cost /
(cost of a journey that has nothing in common with the path), as in process mining (van der Aalst, Process Mining,
2016, section 8.3): 1 for the path itself, 0 for nothing in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fit:
    """`skipped` are expected steps that are missing, `extra` steps that are not expected.

    `moved` are labels that are among both: they were taken, but not where they were expected.
    """

    fitness: float
    skipped: tuple[str, ...]
    extra: tuple[str, ...]
    moved: tuple[str, ...]

    @property
    def perfect(self) -> bool:
        return not self.skipped and not self.extra and not self.moved


def fit(expected: Sequence[str], taken: Sequence[str], optional: frozenset[str] = frozenset()) -> Fit:
    """The fit of one journey; expected steps that are `optional` may be missing at no cost. O(len × len)."""
    skip = [0 if label in optional else 1 for label in expected]
    rows, columns = len(expected), len(taken)
    cost = [[0] * (columns + 1) for _ in range(rows + 1)]
    for i in range(rows - 1, -1, -1):
        cost[i][columns] = cost[i + 1][columns] + skip[i]
    for j in range(columns - 1, -1, -1):
        cost[rows][j] = columns - j
    for i in range(rows - 1, -1, -1):
        for j in range(columns - 1, -1, -1):
            best = min(cost[i + 1][j] + skip[i], cost[i][j + 1] + 1)
            cost[i][j] = min(best, cost[i + 1][j + 1]) if expected[i] == taken[j] else best
    skipped, extra = [], []
    i = j = 0
    while i < rows or j < columns:
        if i < rows and j < columns and expected[i] == taken[j] and cost[i][j] == cost[i + 1][j + 1]:
            i, j = i + 1, j + 1
        elif i < rows and cost[i][j] == cost[i + 1][j] + skip[i]:
            if skip[i]:
                skipped.append(expected[i])
            i += 1
        else:
            extra.append(taken[j])
            j += 1
    moved = []
    for label in list(extra):
        if label in skipped:
            skipped.remove(label)
            extra.remove(label)
            moved.append(label)
    worst = sum(skip) + columns
    return Fit(1 - cost[0][0] / worst if worst else 1.0, tuple(skipped), tuple(extra), tuple(moved))
