"""Conformance: how the journeys that customers make differ from the path that the map expects.

The expected path is the touchpoints of the map that are bound to events, in the order of the map. Those that are
optional may be passed by, and a journey may end well at any touchpoint marked so, or at the last. A journey is aligned
with the path so that as little as possible has to be explained (van der Aalst, Adriansyah and van Dongen, WIREs Data
Mining and Knowledge Discovery 2, 2012): each step that is not on the path then costs 1, each expected touchpoint
without a step costs 1. As a touchpoint is on the path once, the best alignment is the heaviest rising row of places,
where a required touchpoint weighs 2 (it saves a step and a gap) and an optional one 1.

**Fitness** of a journey: 1 − cost ÷ (its steps + the required touchpoints of the shortest way through the map), 0–1. It
*conforms* where the cost is 0. What deviates is named: a touchpoint is *skipped* (the journey went on without it), *not
reached* (it ended before), *out of order* (passed, but not in its place), *repeated* (passed again), or *beyond*
(behind an end). Journeys that are still going on are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Literal
from uuid import UUID

from cxm.record.eventlog.ask import Answer, ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.comparison import Difference, Verdict, difference_nps, difference_share, verdicts
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import mean, nps_of, share, share_of
from cxm.stats.samples import NpsSample, ShareSample
from cxm.understand.metrics.merges import with_customers
from cxm.understand.metrics.scores import fill

from ..definition import MapDefinition
from .moments import ENDS, SCORE
from .queries import Behind

Kind = Literal["skipped", "not_reached", "out_of_order", "repeated", "beyond"]
KINDS: tuple[Kind, ...] = ("skipped", "not_reached", "out_of_order", "repeated", "beyond")
PATIENCE_S = 30 * 86_400  # a journey without a step for so long is over, where the map says no other time
MOST_JOURNEYS = 20_000  # of more, so many are drawn: always the same ones
ANSWER_WITHIN_MS = 30 * 86_400_000  # behind the last step, an answer still is about the journey
SHOWN_WAYS = 10
UNKNOWN = 9  # nobody asked


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected path: keys in order; `required` and `ends` by place."""

    keys: tuple[str, ...]
    required: tuple[bool, ...]
    ends: tuple[bool, ...]

    def shortest(self) -> int:
        """Required touchpoints of the shortest way through the map."""
        passed, found = 0, []
        for required, end in zip(self.required, self.ends, strict=True):
            passed += required
            if end:
                found.append(passed)
        return min(found, default=0)


def expected_path(definition: MapDefinition) -> Expected:
    points = [one for one in definition.touchpoints() if one.binding.events]
    last = len(points) - 1
    return Expected(
        tuple(one.key for one in points),
        tuple(not one.optional for one in points),
        tuple(one.ends or place == last for place, one in enumerate(points)),
    )


@dataclass(frozen=True, slots=True)
class Alignment:
    cost: int
    fitness: float
    deviations: tuple[tuple[Kind, str], ...]  # each kind and touchpoint once


def align(path: Expected, steps: Sequence[str]) -> Alignment:
    """One journey against the expected path; steps that are no touchpoints of it are passed over."""
    place_of = {key: place for place, key in enumerate(path.keys)}
    places = [place_of[step] for step in steps if step in place_of]
    rows = _heaviest(path, places)
    end, cost, at = -1, 0, 0
    best: tuple[int, frozenset[int]] = 0, frozenset()
    matched = best[1]
    for place, (required, may_end) in enumerate(zip(path.required, path.ends, strict=True)):
        at += required
        # Of two rows that weigh the same, the one that gets further.
        best = max(rows.get(place, best), best, key=lambda row: row[0])
        if may_end:
            here = len(places) + at - best[0]
            # Of two ends that explain as much, the later one: what was passed beyond the first is then on the path.
            if end < 0 or here <= cost:
                end, cost, matched = place, here, best[1]
    worst = len(places) + path.shortest()
    return Alignment(cost, 1 - cost / worst if worst else 1.0, _named(path, places, matched, end))


def _heaviest(path: Expected, places: Sequence[int]) -> dict[int, tuple[int, frozenset[int]]]:
    """For each place passed: the heaviest rising row of places that ends there, as its weight and its places."""
    found: dict[int, tuple[int, frozenset[int]]] = {}
    for place in places:
        below = [(weight, -one) for one, (weight, _row) in found.items() if one < place]
        weight, last = max(below, default=(0, 1))
        weight += 2 if path.required[place] else 1
        if weight > found.get(place, (0,))[0]:
            found[place] = weight, (found[-last][1] if last <= 0 else frozenset()) | {place}
    return found


def _named(path: Expected, places: Sequence[int], matched: frozenset[int], end: int) -> tuple[tuple[Kind, str], ...]:
    found: dict[tuple[Kind, str], None] = {}
    furthest = max(matched, default=-1)
    seen: set[int] = set()
    for place in places:
        if place in matched:
            if place in seen:
                found["repeated", path.keys[place]] = None
            seen.add(place)
        else:
            found["beyond" if place > end else "out_of_order", path.keys[place]] = None
    there = set(places)
    for place in range(end + 1):
        if path.required[place] and place not in there:
            found["skipped" if place < furthest else "not_reached", path.keys[place]] = None
    return tuple(found)


# Journeys that begin in the scope and are over, with their labels in order; of very many, so many are drawn by the hash
# of their id.
JUDGED = """
SELECT journey, argMin(customer_id, number) AS customer_id,
       arrayMap(one -> one.2, arraySort(groupArray((number, CAST(label, 'String'))))) AS labels,
       min(toUnixTimestamp64Milli(occurred_at)) AS started, max(toUnixTimestamp64Milli(occurred_at)) AS ended
FROM steps WHERE $workspace AND process = {process:UInt32} AND journey GLOBAL IN (
    SELECT journey FROM steps $join WHERE $scope AND process = {process:UInt32} AND number = 1
    ORDER BY cityHash64(journey), journey LIMIT {most:UInt32}
)
GROUP BY journey HAVING ended <= {over:Int64} OR has({ends:Array(String)}, labels[-1])
"""
EACH = f"SELECT customer_id, started AS at, labels FROM ({JUDGED}) ORDER BY at DESC, customer_id, journey"
# The same by their ways, with the last answer of their customer from their first step to a while behind their last one.
WAYS = f"""
SELECT labels, mood, count() AS n, sum(count()) OVER () AS judged FROM (
    SELECT labels, if(answer.at >= started, answer.said, toInt8({UNKNOWN})) AS mood FROM (
        SELECT $customer AS who, labels, started, ended + {{within:Int64}} AS until FROM (
            {JUDGED}
        ) AS journeys $merges
    ) AS way ASOF LEFT JOIN (
        SELECT who, moment AS at, scored AS said FROM (
            SELECT $customer AS who, toUnixTimestamp64Milli(occurred_at) AS moment, {ENDS} AS ends,
                   toInt8({SCORE}) AS scored
            FROM feedback $merges WHERE $workspace AND $known AND metric = {{metric:String}}
        ) WHERE scored != 9
    ) AS answer ON way.who = answer.who AND way.until >= answer.at
) GROUP BY labels, mood ORDER BY n DESC, labels, mood
"""
COUNT = "SELECT count() AS journeys FROM steps $join WHERE $scope AND process = {process:UInt32} AND number = 1"


@dataclass(frozen=True, slots=True)
class WayRow:
    labels: list[str]
    mood: int
    n: int
    judged: int


@dataclass(frozen=True, slots=True)
class EachRow:
    customer_id: UUID
    at: int
    labels: list[str]


@dataclass(frozen=True, slots=True)
class CountRow:
    journeys: int


@dataclass(frozen=True, slots=True)
class Deviation:
    """A way to deviate: how many journeys do, their share, and the score of those who do less that of the others.

    Scores are those of the map's metric: NPS in points, else the share of good answers, 0–1.
    """

    kind: Kind
    key: str
    n: int
    share: Estimate
    with_it: Estimate
    without_it: Estimate
    difference: Difference
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Way:
    labels: tuple[str, ...]
    n: int
    share: float
    alignment: Alignment

    @property
    def id(self) -> str:
        return way_id(self.labels)


@dataclass(frozen=True, slots=True)
class Conformance:
    """`judged` of `journeys` are over and were looked at; `conforms` is the share that differs in nothing.

    `unit`: of scores, points or percent. `conforming` and `deviating`: their scores.
    """

    journeys: int
    judged: int
    conforms: Estimate
    fitness: Estimate
    unit: str
    conforming: Estimate
    deviating: Estimate
    difference: Difference
    verdict: Verdict
    deviations: list[Deviation]
    ways: list[Way]
    sql: str


def conformance(definition: MapDefinition, process: int, scope: Scope, now: datetime) -> Conformance:
    """How the journeys that begin in the scope keep to the map. Raises EventlogError, UnknownField."""
    path = expected_path(definition)
    count = ask(COUNT, scope, row=CountRow, name="conformance.count", table="steps", process=process).rows[0].journeys
    answer: Answer[WayRow] = ask(
        with_customers(fill(WAYS), scope), scope, row=WayRow, name="conformance.ways", table="steps", process=process,
        within=ANSWER_WITHIN_MS, metric=definition.metric, **_over(definition, path, now),
    )  # fmt: skip
    return judge(path, answer.rows, definition.metric, count, answer.sql)


def deviating(
    definition: MapDefinition, process: int, scope: Scope, now: datetime, *, kind: str, key: str
) -> list[Behind]:  # fmt: skip
    """The judged journeys that deviate so at the touchpoint `key`, the newest first: as many as the deviation counts.

    `at` is when they began, `times` how often they passed the touchpoint.
    """
    path = expected_path(definition)
    rows = _each(definition, process, scope, now, lambda labels: (kind, key) in align(path, labels).deviations)
    return [Behind(row.customer_id, row.at, row.labels.count(key), None) for row in rows]


def taking(
    definition: MapDefinition, process: int, scope: Scope, now: datetime, way: str
) -> tuple[tuple[str, ...], list[Behind]]:
    """The labels of that way (see `way_id`), and the judged journeys that take it, the newest first.

    They are as many as the way counts; `at` is when they began, `times` how many steps they have.
    """
    rows = _each(definition, process, scope, now, lambda labels: way_id(labels) == way)
    labels = tuple(rows[0].labels) if rows else ()
    return labels, [Behind(row.customer_id, row.at, len(row.labels), None) for row in rows]


def way_id(labels: Sequence[str]) -> str:
    """Names a way in addresses."""
    return blake2b("\0".join(labels).encode(), digest_size=8).hexdigest()


def _each(
    definition: MapDefinition, process: int, scope: Scope, now: datetime, fits: Callable[[tuple[str, ...]], bool]
) -> list[EachRow]:  # fmt: skip
    rows = ask(
        EACH, scope, row=EachRow, name="conformance.each", table="steps", process=process,
        **_over(definition, expected_path(definition), now),
    ).rows  # fmt: skip
    known = {labels: fits(labels) for labels in {tuple(row.labels) for row in rows}}
    return [row for row in rows if known[tuple(row.labels)]]


def _over(definition: MapDefinition, path: Expected, now: datetime) -> dict[str, Any]:
    """Which journeys are over, and how many of them are judged."""
    return {
        "most": MOST_JOURNEYS, "over": int((now.timestamp() - (definition.gap_s or PATIENCE_S)) * 1000),
        "ends": [key for key, end in zip(path.keys, path.ends, strict=True) if end],
    }  # fmt: skip


def judge(path: Expected, rows: Sequence[WayRow], metric: str, journeys: int, sql: str = "") -> Conformance:
    known: dict[tuple[str, ...], Alignment] = {}
    counts: dict[tuple[str, ...], int] = {}
    for row in rows:
        labels = tuple(row.labels)
        counts[labels] = counts.get(labels, 0) + row.n
        if labels not in known:
            known[labels] = align(path, labels)
    judged = sum(counts.values())
    good = sum(n for labels, n in counts.items() if known[labels].cost == 0)
    fits = [(known[labels].fitness, n) for labels, n in counts.items()]
    every = _Scores(metric, ((row.mood, row.n) for row in rows))
    well = _Scores(metric, ((row.mood, row.n) for row in rows if known[tuple(row.labels)].cost == 0))
    named = sorted({one for alignment in known.values() for one in alignment.deviations})
    found = []
    for kind, key in named:
        those = [row for row in rows if (kind, key) in known[tuple(row.labels)].deviations]
        scores = _Scores(metric, ((row.mood, row.n) for row in those))
        found.append((kind, key, sum(row.n for row in those), scores, every.less(scores)))
    differences = [every.less(well).differs(well)] + [rest.differs(some) for *_, some, rest in found]
    first, *others = verdicts(differences)
    deviations = [
        Deviation(kind, key, n, share(n, judged), some.estimate(), rest.estimate(), difference, verdict)
        for (kind, key, n, some, rest), difference, verdict in zip(found, differences[1:], others, strict=True)
    ]
    deviations.sort(key=lambda one: (-one.n, KINDS.index(one.kind), one.key))
    ways = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:SHOWN_WAYS]
    return Conformance(
        journeys, judged, share(good, judged),
        mean(judged, sum(fit * n for fit, n in fits), sum(fit * fit * n for fit, n in fits), (0.0, 1.0)),
        "points" if metric == "nps" else "percent", well.estimate(), every.less(well).estimate(), differences[0], first,
        deviations, [Way(labels, n, n / judged, known[labels]) for labels, n in ways], sql,
    )  # fmt: skip


class _Scores:
    """Good, neutral and bad answers, and what the metric makes of them."""

    def __init__(self, metric: str, moods: Any) -> None:
        self.metric = metric
        self.counts = {1: 0, 0: 0, -1: 0}
        for mood, n in moods:
            if mood != UNKNOWN:
                self.counts[mood] += n

    def less(self, other: _Scores) -> _Scores:
        return _Scores(self.metric, ((mood, n - other.counts[mood]) for mood, n in self.counts.items()))

    def _nps(self) -> NpsSample:
        return NpsSample(self.counts[1], self.counts[0], self.counts[-1])

    def _share(self) -> ShareSample:
        return ShareSample(self.counts[1], sum(self.counts.values()))

    def estimate(self) -> Estimate:
        return nps_of(self._nps()) if self.metric == "nps" else share_of(self._share())

    def differs(self, other: _Scores) -> Difference:
        """`other` less this."""
        if self.metric == "nps":
            return difference_nps(self._nps(), other._nps())
        return difference_share(self._share(), other._share())
