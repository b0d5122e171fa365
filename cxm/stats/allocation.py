"""How many people of each group to invite, so that figures reach their half-widths with the fewest invitations.

An answer from group h costs 1 / r_h invitations, r_h its response rate. Wanted are at most e_h for each group and at
most e for the whole, whose estimate weights the groups by their sizes W_h:

    minimise Σ n_h / r_h   subject to   z² S_h² (1/n_h − 1/N_h) ≤ e_h²   and   z² Σ W_h² S_h² (1/n_h − 1/N_h) ≤ e²

Within the bounds, the best n_h is proportional to W_h S_h √r_h (Cochran, Sampling Techniques, 1977, 5.5). As the
problem is convex, one multiplier λ solves it with all bounds: n_h = clip(W_h S_h √(r_h / λ), lower, upper). Half-widths
are those to expect at the given response rates; nobody can promise who answers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cxm.stats.estimate import Z
from cxm.stats.refusals import refuse_fractional, refuse_negative


@dataclass(frozen=True, slots=True)
class Group:
    """`size` people, of whom a share `response_rate` (0 to 1) answers; `deviation` of one answer in the figure's unit.

    `half_width` is what is wanted for the group itself; None: only the whole matters.
    """

    name: str
    size: int
    response_rate: float
    deviation: float
    half_width: float | None = None

    def __post_init__(self) -> None:
        refuse_fractional(size=self.size)
        refuse_negative(deviation=self.deviation)
        if not 0 < self.response_rate <= 1:
            raise ValueError(f"response_rate must lie above 0 and up to 1, got {self.response_rate!r}")
        if self.half_width is not None and self.half_width <= 0:
            raise ValueError("half_width must be positive")


@dataclass(frozen=True, slots=True)
class Share:
    """What falls to one group: invitations, the answers to expect, and the half-width that they give."""

    name: str
    invitations: int
    answers: float
    half_width: float
    reached: bool  # the wanted half-width; False where even everybody is not enough


@dataclass(frozen=True, slots=True)
class Plan:
    """`half_width` is that of the whole; `reached` says whether it is what was wanted."""

    shares: tuple[Share, ...]
    half_width: float
    reached: bool

    @property
    def invitations(self) -> int:
        return sum(one.invitations for one in self.shares)


def half_width(deviation: float, answers: float, size: int) -> float:
    """z S √(1/n − 1/N): of a mean of n answers out of a group of N. Infinite for no answers."""
    if answers <= 0:
        return math.inf if size and deviation else 0.0
    return Z * deviation * math.sqrt(max(1 / answers - 1 / max(size, answers), 0.0))


def answers_for(deviation: float, wanted: float, size: int) -> float:
    """Answers that bring the half-width down to `wanted`, with the correction for a finite group."""
    if deviation == 0:
        return min(1.0, size)
    return 1 / ((wanted / (Z * deviation)) ** 2 + 1 / size) if size else 0.0


def fewest(groups: Sequence[Group], overall: float | None = None) -> Plan:
    """The plan with the fewest invitations. `overall`: the half-width wanted for the whole; None: only for groups."""
    return _plan(groups, _best(groups, overall), overall)


def proportional(groups: Sequence[Group], overall: float | None = None) -> Plan:
    """The usual plan for comparison: the same share of every group, as small as the wanted half-widths allow."""

    def good(share: float) -> bool:
        answers = [share * one.size * one.response_rate for one in groups]
        return _fulfils(groups, answers, overall)

    low, high = 0.0, 1.0
    for _round in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if good(middle) else (middle, high)
    return _plan(groups, [high * one.size * one.response_rate for one in groups], overall)


def _best(groups: Sequence[Group], overall: float | None) -> list[float]:
    total = sum(one.size for one in groups)
    most = [one.size * one.response_rate for one in groups]
    least = [
        min(answers_for(one.deviation, one.half_width, one.size), top) if one.half_width is not None else 0.0
        for one, top in zip(groups, most, strict=True)
    ]
    if overall is None or not total or _fulfils(groups, least, overall, alone=False):
        return least
    if not _fulfils(groups, most, overall, alone=False):
        return most

    def at(factor: float) -> list[float]:
        return [
            min(max(factor * one.size / total * one.deviation * math.sqrt(one.response_rate), low), high)
            for one, low, high in zip(groups, least, most, strict=True)
        ]

    low, high = 0.0, 1.0
    while not _fulfils(groups, at(high), overall, alone=False):
        high *= 2
    for _round in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if _fulfils(groups, at(middle), overall, alone=False) else (middle, high)
    return at(high)


def whole_half_width(groups: Sequence[Group], answers: Sequence[float]) -> float:
    """Of the whole: z √(Σ W_h² S_h² (1/n_h − 1/N_h)); infinite where a group that matters has no answer."""
    total = sum(one.size for one in groups)
    if not total:
        return math.inf
    squares = [
        (one.size / total * half_width(one.deviation, n, one.size)) ** 2
        for one, n in zip(groups, answers, strict=True)
        if one.size
    ]
    return math.sqrt(sum(squares))


def _fulfils(groups: Sequence[Group], answers: Sequence[float], overall: float | None, *, alone: bool = True) -> bool:
    if overall is not None and whole_half_width(groups, answers) > overall * (1 + 1e-12):
        return False
    return not alone or all(
        one.half_width is None or half_width(one.deviation, n, one.size) <= one.half_width * (1 + 1e-12)
        for one, n in zip(groups, answers, strict=True)
    )


def _plan(groups: Sequence[Group], answers: Sequence[float], overall: float | None) -> Plan:
    shares = []
    for one, n in zip(groups, answers, strict=True):
        invitations = min(math.ceil(round(n / one.response_rate, 6)), one.size)
        expected = invitations * one.response_rate
        width = half_width(one.deviation, expected, one.size)
        reached = one.half_width is None or width <= one.half_width * (1 + 1e-9)
        shares.append(Share(one.name, invitations, expected, width, reached))
    width = whole_half_width(groups, [one.answers for one in shares])
    return Plan(tuple(shares), width, overall is None or width <= overall * (1 + 1e-9))
