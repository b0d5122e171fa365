"""What is not as it should be on a map, found by tests and not by thresholds alone. Pure: figures in, findings out.

Each touchpoint is held against the others of its map, and the question is always one-sided: is it worse than what is
usual here (the median of the others) by more than a margin that nobody would mind? So a healthy map that loses two
per cent everywhere has no dead end, and one in which everything varies by chance has no finding. All tests of a map
are judged together, at a false discovery rate of 5 % (Benjamini and Hochberg).

*Stale* is no test: it is a number of days. Findings come by kind, the worst first, then by how many journeys they
concern.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import scipy  # `scipy.special` loads at its first use

from cxm.stats.comparison import benjamini_hochberg
from cxm.stats.estimate import Z
from cxm.stats.intervals import share

from ..definition import MapDefinition, Touchpoint
from .figures import KINDS, Figures, Finding, Number
from .numbers import number

LEAST = 20  # journeys, or answers, below which nothing is said
DROP_MARGIN = 0.03  # share of journeys lost beyond the usual
DETOUR_MARGIN = 0.10  # share of journeys that come again, go back, or change the channel
MOOD_MARGIN = 0.15  # of −1 … 1
SCORE_MARGIN = 0.05  # of the length of the scale
DARK = 5  # asked so many times less often than usual
USUAL_ASKING = 0.05  # answers for each visit, where no touchpoint of the map has any
KEEPING = 0.05  # share of promises that may be broken
DAY = 86_400_000
ORDER = {kind: place for place, kind in enumerate(KINDS)}


@dataclass(frozen=True, slots=True)
class Place:
    """A touchpoint with its figures and the next one of the expected path."""

    point: Touchpoint
    figures: Figures
    next: Touchpoint | None


def find(definition: MapDefinition, figures: Sequence[Figures], at: int, whole: bool = True) -> list[Finding]:
    """The findings of a map whose figures these are, in the order of its touchpoints. `at`: now, in milliseconds.

    `whole`: of all time and everybody; else nothing is said of what never happened.
    """
    places = _places(definition, figures)
    tested = [
        *_drops(places), *_detours(places), *_worse(places), *_below_target(places), *_dark(places),
        *_broken(places),
    ]  # fmt: skip
    held = benjamini_hochberg([one.p_value for one in tested])
    found = [one for one, is_real in zip(tested, held, strict=True) if is_real]
    old = _stale(places, at, definition.stale_after_days)
    old = [one for one in old if whole or one.about != "never"]
    silent = {one.key for one in old}
    found = [one for one in found if not (one.kind == "dark" and one.key in silent)]
    order = {place.point.key: number for number, place in enumerate(places)}
    return sorted([*_once(found), *old], key=lambda one: (ORDER[one.kind], -one.lost, order[one.key], one.about))


def _places(definition: MapDefinition, figures: Sequence[Figures]) -> list[Place]:
    following = definition.following()
    return [
        Place(point, one, following.get(point.key))
        for point, one in zip(definition.touchpoints(), figures, strict=True)
    ]  # fmt: skip


def _once(found: Iterable[Finding]) -> list[Finding]:
    """A worse score and a worse mood at one touchpoint are one finding, and a missed target is told with it."""
    seen: dict[tuple[str, str, str], Finding] = {}
    for one in found:
        seen.setdefault((one.kind, one.key, one.about if one.kind == "broken_promise" else ""), one)
    return list(seen.values())


def _above(hits: int, n: int, null: float) -> float:
    """P(X ≥ hits) of n tries at the share `null`."""
    return float(scipy.special.bdtrc(hits - 1, n, null)) if hits > 0 else 1.0


def _usual(places: Sequence[Place], of: Callable[[Figures], tuple[int, int]], left_out: str) -> float:
    """The median of a share at the other touchpoints."""
    shares = []
    for place in places:
        hits, n = of(place.figures)
        if n >= LEAST and place.point.key != left_out:
            shares.append(hits / n)
    return median(shares) if shares else 0.0


def _drops(places: list[Place]) -> list[Finding]:
    """Journeys that came here and, given the time that others took, reached nothing further on the expected path."""
    # Beside the path (a call for help) are those who were lost already: that is no fault of the call.
    going = [one for one in places if one.next and not one.point.ends and not one.point.optional]
    found = []
    for place in going:
        figures, after = place.figures, place.next
        lost, n = figures.settled - figures.went_on, figures.settled
        if n < LEAST or after is None:
            continue
        usual = _usual(going, lambda one: (one.settled - one.went_on, one.settled), place.point.key)
        between = place.point.partner != after.partner or bool(place.point.partner)
        found.append(
            Finding(
                "handover" if between else "dead_end", place.point.key, "drop", after.key, lost, n,
                number(share(lost, n)), usual, lost, _above(lost, n, min(usual + DROP_MARGIN, 1)),
            )
        )  # fmt: skip
    return found


def _detours(places: list[Place]) -> list[Finding]:
    """Loops and switches: they come again, go back to what was behind them, or try another channel."""
    kinds: tuple[tuple[str, Callable[[Figures], tuple[int, int]]], ...] = (
        ("repeat", lambda one: (one.repeated, one.journeys)),
        ("back", lambda one: (one.back, one.journeys)),
        ("switch", lambda one: (min(one.switched, one.steps), one.steps)),
    )
    found = []
    for about, of in kinds:
        for place in places:
            hits, n = of(place.figures)
            # Whoever calls for help goes back to where help was needed: that is no detour of the call.
            if n < LEAST or (about == "back" and place.point.optional):
                continue
            usual = _usual(places, of, place.point.key)
            p_value = _above(hits, n, min(usual + DETOUR_MARGIN, 1))
            found.append(
                Finding("detour", place.point.key, about, "", hits, n, number(share(hits, n)), usual, hits, p_value)
            )
    return found


def _worse(places: list[Place]) -> list[Finding]:
    """A score, or the mood of what is said, below that of the other touchpoints."""
    kinds: tuple[tuple[str, Callable[[Figures], Number], float], ...] = (
        ("score", lambda one: one.level, SCORE_MARGIN),
        ("mood", lambda one: one.mood, MOOD_MARGIN),
    )
    found = []
    for about, of, margin in kinds:
        known = {one.point.key: of(one.figures) for one in places if of(one.figures).n >= LEAST}
        for place in places:
            mine = known.get(place.point.key)
            others = [one.value or 0.0 for key, one in known.items() if key != place.point.key]
            if mine is None or mine.value is None or mine.low is None or mine.high is None or len(others) < 2:
                continue
            usual = median(others)
            spread = max((mine.high - mine.low) / 2 / Z, 1e-9)
            p_value = float(scipy.special.stdtr(mine.n - 1, (mine.value - (usual - margin)) / spread))
            found.append(
                Finding("worse", place.point.key, about, "", 0, mine.n, mine, usual, _touched(place.figures), p_value)
            )
    return found


def _below_target(places: list[Place]) -> list[Finding]:
    found = []
    for place in places:
        mine, target = place.figures.score, place.point.target
        if target is None or mine.n < LEAST or mine.value is None or mine.low is None or mine.high is None:
            continue
        if place.figures.unit == "percent":  # targets are written per cent, figures are shares
            target /= 100
        spread = max((mine.high - mine.low) / 2 / Z, 1e-9)
        p_value = float(scipy.special.stdtr(mine.n - 1, (mine.value - target) / spread))
        found.append(
            Finding("worse", place.point.key, "target", "", 0, mine.n, mine, target, _touched(place.figures), p_value)
        )
    return found


def _touched(figures: Figures) -> int:
    """Whom a bad touchpoint concerns: the journeys that pass it, or where none are bound those who spoke."""
    return figures.journeys or figures.answers


def _dark(places: list[Place]) -> list[Finding]:
    """Customers pass, and next to nobody is asked: less than a fifth as often as is usual on this map."""
    rates = [one.figures.answers / one.figures.steps for one in places if one.figures.steps and one.figures.answers]
    usual = min(median(rates), 1.0) if rates else USUAL_ASKING
    found = []
    for place in places:
        one = place.figures
        if one.steps < LEAST:
            continue
        asked = min(one.answers, one.steps)
        p_value = float(scipy.special.bdtr(asked, one.steps, usual / DARK))
        found.append(
            Finding(
                "dark", place.point.key, "", "", asked, one.steps, number(share(asked, one.steps)), usual,
                one.journeys, p_value,
            )
        )  # fmt: skip
    return found


def _broken(places: list[Place]) -> list[Finding]:
    found = []
    for place in places:
        for kept in place.figures.promises:
            if kept.n < LEAST:
                continue
            to = kept.reaches or (place.next.key if place.next else "")
            found.append(
                Finding(
                    "broken_promise", place.point.key, str(kept.number), to, kept.late, kept.n,
                    number(share(kept.late, kept.n)), KEEPING, kept.late, _above(kept.late, kept.n, KEEPING), kept.text,
                )
            )  # fmt: skip
    return found


def _stale(places: list[Place], at: int, days: int) -> list[Finding]:
    """Nothing has been seen or heard here for so long, or ever, or nothing is bound that could be."""
    found = []
    for place in places:
        one, binding = place.figures, place.point.binding
        newest = max(one.passed_at, one.heard_at)
        if not (binding.events or binding.feedback or binding.topics or binding.tickets):
            found.append(Finding("stale", place.point.key, "unbound"))
        elif not newest:
            found.append(Finding("stale", place.point.key, "never"))
        elif at - newest > days * DAY:
            found.append(Finding("stale", place.point.key, "old", n=int((at - newest) // DAY)))
        elif one.heard_at and at - one.heard_at > days * DAY:
            found.append(Finding("stale", place.point.key, "unasked", n=int((at - one.heard_at) // DAY)))
    return found
