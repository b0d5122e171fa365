"""Raking: weights that make the answers look like the people who were asked, one characteristic after the other.

Iterative proportional fitting (Deming and Stephan, Annals of Mathematical Statistics 11, 1940): each round multiplies
the weights within every category by target share / weighted share, until all shares agree. What it costs is Kish's
design effect, n Σw² / (Σw)² (Survey Sampling, 1965, section 11.7): that many times fewer answers would tell as much.

Weighting removes what the characteristics explain of the bias, and nothing else. Where a category of the target has no
answer, no weight can stand for it, and the fit says so instead of pretending.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-6  # largest difference of shares that counts as agreement
ROUNDS = 500


@dataclass(frozen=True, slots=True)
class Raking:
    """`weights` have the mean 1, in the order of the answers. `missing`: (characteristic, category) without an answer.

    `converged` is False where the targets contradict each other, or the limits do not allow them; `off` is the largest
    difference of a share that remains.
    """

    weights: NDArray[np.float64]
    converged: bool
    rounds: int
    off: float
    missing: tuple[tuple[str, str], ...] = field(default=())

    @property
    def design_effect(self) -> float:
        """n Σw² / (Σw)²; 1 for equal weights, and for none."""
        total = float(self.weights.sum())
        return float(len(self.weights) * (self.weights**2).sum() / total**2) if total else 1.0

    @property
    def effective(self) -> float:
        """The number of equally weighted answers that would tell as much."""
        return len(self.weights) / self.design_effect


def rake(
    answers: Mapping[str, Sequence[str]],
    targets: Mapping[str, Mapping[str, float]],
    *,
    largest: float | None = None,
    rounds: int = ROUNDS,
) -> Raking:
    """Fit `answers` (characteristic -> category of each answer) to `targets` (characteristic -> category -> share).

    Shares of a characteristic are scaled to add up to 1; categories of the target without an answer are named in
    `missing`, and the others share their part. An answer whose category has no target keeps its share. `largest` bounds
    a weight, as a multiple of the mean. Raises ValueError for lists of different lengths or no positive target.
    """
    sizes = {len(column) for column in answers.values()}
    if len(sizes) > 1:
        raise ValueError("every characteristic needs a category for each answer")
    n = sizes.pop() if sizes else 0
    if largest is not None and largest < 1:
        raise ValueError("largest is a multiple of the mean weight, at least 1")
    weights = np.ones(n)
    if not n:
        return Raking(weights, False, 0, 1.0)
    margins: list[tuple[NDArray[np.intp], NDArray[np.float64]]] = []
    missing: list[tuple[str, str]] = []
    for name, shares in targets.items():
        margin, empty = _margin(answers[name], shares)
        margins.append(margin)
        missing += [(name, category) for category in empty]
    done, off = 0, _off(margins, weights)
    while off > TOLERANCE and done < rounds:
        for codes, wanted in margins:
            now = np.bincount(codes, weights, len(wanted)) / weights.sum()
            weights *= np.divide(wanted, now, out=np.ones_like(wanted), where=now > 0)[codes]
        if largest is not None:
            weights = _capped(weights, largest)
        done += 1
        before, off = off, _off(margins, weights)
        if done > 20 and abs(before - off) < TOLERANCE * 1e-3:  # it oscillates, or the limit holds it
            break
    return Raking(weights / weights.mean(), off <= TOLERANCE and not missing, done, off, tuple(missing))


def _capped(weights: NDArray[np.float64], largest: float) -> NDArray[np.float64]:
    """No weight above `largest` times the mean; cutting lowers the mean, so it is repeated."""
    for _round in range(100):
        limit = largest * weights.mean()
        if weights.max() <= limit * (1 + 1e-9):
            break
        weights = np.minimum(weights, limit)
    return weights


def _margin(
    column: Sequence[str], shares: Mapping[str, float]
) -> tuple[tuple[NDArray[np.intp], NDArray[np.float64]], list[str]]:
    """Codes of the categories and the share that each should have; and the categories that nobody answered from."""
    if any(share < 0 for share in shares.values()) or sum(shares.values()) <= 0:
        raise ValueError("target shares are not negative and add up to more than nothing")
    categories, codes, counts = np.unique(np.asarray(column, dtype=str), return_inverse=True, return_counts=True)
    present = [str(one) for one in categories]
    own = counts / counts.sum()
    known = np.array([one in shares for one in present])
    wanted = np.where(known, [shares.get(one, 0.0) for one in present], 0.0)
    free = float(own[~known].sum())  # of answers of which nothing is known
    if wanted.sum() > 0:
        wanted = wanted / wanted.sum() * (1 - free)
    wanted = np.where(known, wanted, own)
    empty = [name for name, share in shares.items() if share > 0 and name not in present]
    return (codes.astype(np.intp), wanted / wanted.sum()), empty


def _off(margins: Sequence[tuple[NDArray[np.intp], NDArray[np.float64]]], weights: NDArray[np.float64]) -> float:
    total = weights.sum()
    return max(
        (float(np.abs(np.bincount(codes, weights, len(wanted)) / total - wanted).max()) for codes, wanted in margins),
        default=0.0,
    )
