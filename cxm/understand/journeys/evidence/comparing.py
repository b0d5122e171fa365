"""Two maps side by side: the same touchpoints in two periods, segments, regions, channels or partners, or two maps.

Each side is a scope, and may be narrowed to the journeys that used a channel, or that passed a touchpoint of a partner;
of answers and tickets then those of the customers of these journeys count. Touchpoints are matched by their key.

Compared are the share that goes on, the time until it does (as a ratio of geometric means), the score, the mood of
texts and the tickets for each visit, each with the test made for its kind of number. All comparisons of the page are
judged together at a false-discovery rate of 5 %.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.comparison import Difference, Verdict, difference_mean, difference_nps, difference_share, verdicts
from cxm.stats.estimate import Estimate, nothing
from cxm.stats.intervals import mean_of, nps_of, share_of
from cxm.stats.samples import MeanSample, NpsSample, ShareSample
from cxm.understand.metrics.scores import bounds_of, default_scale, top_of

from ..definition import MapDefinition
from . import queries
from .computing import put_together
from .figures import Figures
from .moments import all_of
from .numbers import MOODS, on_scale

Measure = Literal["on", "time", "score", "mood", "tickets"]
MEASURES: tuple[Measure, ...] = ("on", "time", "score", "mood", "tickets")
WORSE_WHEN_UP: tuple[Measure, ...] = ("time", "tickets")
Better = Literal["better", "worse", "no_evidence"]

# The time until a later touchpoint of the expected path was reached, as logarithms of seconds.
TIMES = f"""
SELECT place, count() AS n, sum(log(reach)) AS total, sum(log(reach) * log(reach)) AS squares,
       quantileExactInclusive(0.5)(reach) AS median_s
FROM (
    SELECT place, arrayMin(arrayFilter((moment, one) -> one = place, moments, places)) AS first,
           arrayFilter((moment, one) -> one > place AND {{core:Array(UInt8)}}[one] = 1 AND moment > first,
                       moments, places) AS later, (arrayMin(later) - first) / 1000 AS reach
    FROM ({queries.JOURNEYS}) ARRAY JOIN arrayDistinct(places) AS place WHERE notEmpty(later)
)
GROUP BY place ORDER BY place {queries.IN_ORDER}
"""


@dataclass(frozen=True, slots=True)
class TimeRow:
    place: int
    n: int
    total: float
    squares: float
    median_s: float


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: a map, its process, and whose journeys. `channel`, `partner`: only journeys that met it."""

    definition: MapDefinition
    process: int
    scope: Scope
    channel: str = ""
    partner: str = ""

    def narrowed(self, sql: str, table: str) -> str:
        """The question, put to the journeys or customers of this side only."""
        tests = ["channel = {side_channel:String}"] if self.channel else []
        tests += ["label IN {side_keys:Array(String)}"] if self.partner else []
        if not tests:
            return sql
        column = "journey" if table == "steps" else "customer_id"
        which = "".join(
            f" AND {column} GLOBAL IN (SELECT {column} FROM steps WHERE $workspace"
            f" AND process = {{side_process:UInt32}} AND {test})" for test in tests
        )  # fmt: skip
        return sql.replace("$scope", f"$scope{which}")

    def values(self) -> dict[str, Any]:
        if not self.channel and not self.partner:
            return {}
        keys = [one.key for one in self.definition.touchpoints() if one.partner == self.partner]
        values: dict[str, Any] = {"side_process": self.process}
        values |= {"side_channel": self.channel} if self.channel else {}
        return values | ({"side_keys": keys} if self.partner else {})


@dataclass(frozen=True, slots=True)
class Seen:
    """What the log says of one side."""

    journeys: int
    customers: int
    figures: dict[str, Figures]
    opinions: dict[str, list[queries.Opinion]]
    times: dict[str, TimeRow]


def look(side: Side, now: datetime) -> Seen:
    """Raises EventlogError, UnknownField."""
    definition, points = side.definition, side.definition.touchpoints()
    keys = [one.key for one in points]
    moment = min(now, side.scope.until) if side.scope.until else now
    at = int(moment.astimezone(UTC).timestamp() * 1000)

    def steps(sql: str, row: type[Any], name: str, **more: Any) -> list[Any]:
        sql = side.narrowed(sql.replace("$customers", "uniqExact(who)"), "steps")
        return ask(
            sql, side.scope, row=row, name=f"comparing.{name}", table="steps", process=side.process, keys=keys,
            **side.values(), **more,
        ).rows  # fmt: skip

    total = steps(queries.TOTALS, queries.Totals, "totals")[0]
    core = queries.core(definition)
    passes = steps(queries.PASSES, queries.Pass, "passes", core=core, at=at)
    times = {keys[row.place - 1]: row for row in steps(TIMES, TimeRow, "times", core=core)}
    opinions, tickets = _opinions(side), _tickets(side)
    figures = put_together(definition, passes, opinions, tickets, {}, [], Counter())
    said: dict[str, list[queries.Opinion]] = {}
    for row in opinions:
        said.setdefault(keys[row.place - 1], []).append(row)
    return Seen(total.journeys, total.customers, {one.key: one for one in figures}, said, times)


def _opinions(side: Side) -> list[queries.Opinion]:
    values: dict[str, Any] = {}
    places = queries.feedback_places(side.definition, side.scope.workspace_id, values)
    if places is None:
        return []
    sql = side.narrowed(queries.OPINIONS.replace("$places", places), "feedback")
    return ask(
        sql, side.scope, row=queries.Opinion, name="comparing.opinions", table="feedback", **values, **side.values()
    ).rows  # fmt: skip


def _tickets(side: Side) -> list[queries.TicketRow]:
    values: dict[str, Any] = {}
    parts = []
    for place, point in enumerate(side.definition.touchpoints(), 1):
        rules = enumerate(point.binding.tickets)
        if tests := [all_of(rule, "tickets", f"t{place}_{number}_", values) for number, rule in rules]:
            parts.append(f"if({' OR '.join(tests)}, [{place}], [])")
    if not parts:
        return []
    places = f"arrayConcat({', '.join(parts)}, CAST([] AS Array(UInt8)))"
    sql = side.narrowed(queries.TICKETS.replace("$places", places), "tickets")
    return ask(
        sql, side.scope, row=queries.TicketRow, name="comparing.tickets", table="tickets", **values, **side.values()
    ).rows  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compared:
    """One number on both sides. `difference`: the second less the first; of times the ratio less one.

    `unit`: percent (0–1), points, score or seconds; `metric` names the score.
    """

    measure: Measure
    unit: str
    first: Estimate
    second: Estimate
    difference: Difference
    verdict: Verdict = "no_evidence"
    better: Better = "no_evidence"
    metric: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One touchpoint on both sides; `on_first` and `on_second`: whether the map of that side has it."""

    key: str
    name: str
    stage: str
    on_first: bool
    on_second: bool
    journeys: tuple[int, int]
    numbers: dict[Measure, Compared]


@dataclass(frozen=True, slots=True)
class Comparison:
    journeys: tuple[int, int]
    customers: tuple[int, int]
    rows: list[Row]

    @property
    def found(self) -> int:
        """How many numbers differ by more than chance."""
        return sum(one.better != "no_evidence" for row in self.rows for one in row.numbers.values())


def compare(first: Side, second: Side, now: datetime) -> Comparison:
    """Both sides, touchpoint by touchpoint. Raises EventlogError, UnknownField."""
    return judge(first.definition, second.definition, look(first, now), look(second, now))


def judge(one: MapDefinition, two: MapDefinition, first: Seen, second: Seen) -> Comparison:
    places = _places(one, two)
    compared = [
        (key, name, stage, _numbers(one.metric, key, first, second)) for key, name, stage in places
    ]  # fmt: skip
    every = [number for *_, numbers in compared for number in numbers]
    judged = iter(verdicts([number.difference for number in every]))
    known = [{point.key for point in definition.touchpoints()} for definition in (one, two)]
    rows = [
        Row(
            key, name, stage, key in known[0], key in known[1],
            (_figures(first, key).journeys, _figures(second, key).journeys),
            {number.measure: _judged(number, next(judged)) for number in numbers},
        )
        for key, name, stage, numbers in compared
    ]  # fmt: skip
    return Comparison((first.journeys, second.journeys), (first.customers, second.customers), rows)


def _places(one: MapDefinition, two: MapDefinition) -> list[tuple[str, str, str]]:
    """Key, name and stage of each touchpoint, those of the second map alone at the end."""
    found: dict[str, tuple[str, str, str]] = {}
    for definition in (one, two):
        for stage in definition.stages:
            for point in stage.touchpoints:
                found.setdefault(point.key, (point.key, point.name, stage.name))
    return list(found.values())


def _judged(number: Compared, verdict: Verdict) -> Compared:
    better: Better = "no_evidence"
    if verdict != "no_evidence":
        better = "better" if (verdict == "up") != (number.measure in WORSE_WHEN_UP) else "worse"
    return Compared(
        number.measure, number.unit, number.first, number.second, number.difference, verdict, better, number.metric
    )


def _figures(seen: Seen, key: str) -> Figures:
    return seen.figures.get(key, Figures(key))


def _numbers(metric: str, key: str, first: Seen, second: Seen) -> list[Compared]:
    one, two = _figures(first, key), _figures(second, key)
    found = [_shares("on", ShareSample(one.went_on, one.on.n), ShareSample(two.went_on, two.on.n))]
    found.append(_times(first.times.get(key), second.times.get(key)))
    if score := _scores(metric, first.opinions.get(key, []), second.opinions.get(key, [])):
        found.append(score)
    found.append(_means("mood", _mood(first.opinions.get(key, [])), _mood(second.opinions.get(key, [])), MOODS))
    found.append(_shares("tickets", _with_tickets(one), _with_tickets(two)))
    return [number for number in found if number.first.n or number.second.n]


def _shares(measure: Measure, first: ShareSample, second: ShareSample) -> Compared:
    return Compared(measure, "percent", share_of(first), share_of(second), difference_share(first, second))


def _with_tickets(one: Figures) -> ShareSample:
    return ShareSample(min(one.tickets, one.steps), one.steps)


def _means(
    measure: Measure, first: MeanSample, second: MeanSample, bounds: tuple[float, float] | None, metric: str = ""
) -> Compared:
    difference = difference_mean(first, second, bounds)
    return Compared(measure, "score", _mean(first, bounds), _mean(second, bounds), difference, metric=metric)


def _mean(sample: MeanSample, bounds: tuple[float, float] | None) -> Estimate:
    return nothing() if sample.empty else mean_of(sample, bounds)


def _times(first: TimeRow | None, second: TimeRow | None) -> Compared:
    one, two = (MeanSample(row.n, row.total, row.squares) if row else MeanSample(0, 0, 0) for row in (first, second))
    logs = difference_mean(one, two)

    def ratio(number: float | None) -> float | None:
        return None if number is None else math.expm1(min(number, 50.0))

    difference = Difference(
        ratio(logs.value), ratio(logs.low), ratio(logs.high), logs.p_value, logs.n_before, logs.n_after
    )  # fmt: skip
    return Compared("time", "seconds", _seconds(one), _seconds(two), difference)


def _seconds(sample: MeanSample) -> Estimate:
    """The geometric mean in seconds."""
    logs = _mean(sample, None)
    ends = [None if end is None else math.exp(min(end, 50.0)) for end in (logs.value, logs.low, logs.high)]
    return Estimate(ends[0], ends[1], ends[2], logs.n, logs.method)


def _scores(metric: str, first: Sequence[queries.Opinion], second: Sequence[queries.Opinion]) -> Compared | None:
    """By the map's metric where it was asked on either side, else by what was asked most; on one scale."""
    asked: Counter[tuple[str, str]] = Counter()
    sides: list[dict[tuple[str, str], dict[float, int]]] = [{}, {}]
    for rows, side in zip((first, second), sides, strict=True):
        for row in rows:
            scores = on_scale(row.metric, row.scale, dict(zip(*row.scores, strict=True)))
            kind = row.metric, row.scale or default_scale((row.metric,))
            n_answers = sum(scores.values())
            if row.metric in ("nps", "csat", "ces", "rating") and n_answers:
                asked[kind] += n_answers
                known = side.setdefault(kind, {})
                for score, n in scores.items():
                    known[score] = known.get(score, 0) + n
    if not asked:
        return None
    name, scale = max(asked, key=lambda kind: (kind[0] == metric, asked[kind], kind))
    one, two = (side.get((name, scale), {}) for side in sides)
    if name == "nps":
        before, after = _nps(one), _nps(two)
        return Compared("score", "points", nps_of(before), nps_of(after), difference_nps(before, after), metric=name)
    if name == "csat":
        return replace(_shares("score", _tops(one, scale), _tops(two, scale)), metric=name)
    return _means("score", _sums(one), _sums(two), bounds_of(scale), name)


def _tops(scores: dict[float, int], scale: str) -> ShareSample:
    return ShareSample(sum(n for score, n in scores.items() if score >= top_of(scale)), sum(scores.values()))


def _nps(scores: dict[float, int]) -> NpsSample:
    good = sum(n for score, n in scores.items() if score >= 9)
    bad = sum(n for score, n in scores.items() if score <= 6)
    return NpsSample(good, sum(scores.values()) - good - bad, bad)


def _sums(scores: dict[float, int]) -> MeanSample:
    return MeanSample(
        sum(scores.values()), sum(score * n for score, n in scores.items()),
        sum(score * score * n for score, n in scores.items()),
    )  # fmt: skip


def _mood(rows: Sequence[queries.Opinion]) -> MeanSample:
    return MeanSample(
        sum(row.texts for row in rows), sum(row.mood for row in rows) / queries.BILLION,
        sum(row.mood_squares for row in rows) / queries.BILLION**2,
    )  # fmt: skip
