"""What is asked of the log about a map: few questions, each over all its touchpoints at once.

Touchpoints go by their place in the map, from 1. Sums are of whole numbers, so that the same log gives the same sums in
whatever order the engine reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, log2
from typing import Any
from uuid import UUID

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Filter, Scope, condition, quoted
from cxm.understand.metrics.tickets import PRESENT
from cxm.understand.text.topics.queries import keys_under

from ..definition import CUSTOMER, FeedbackRule, MapDefinition, Promise, Touchpoint

BILLION = 1_000_000_000  # sentiments are summed in so many parts of one
CLASSES = 8  # of age, to a doubling
VERBATIMS = 2  # of each sentiment at each touchpoint

# The steps of each journey as two arrays, place and moment. The table is in this order, so journeys stream by.
JOURNEYS = """
    SELECT journey, any(customer_id) AS who, groupArray(toUInt16(indexOf({keys:Array(String)}, label))) AS places,
           groupArray(toUnixTimestamp64Milli(occurred_at)) AS moments
    FROM steps $join WHERE $scope AND process = {process:UInt32} AND label IN {keys:Array(String)}
    GROUP BY workspace_id, process, case_id, journey
"""
IN_ORDER = "SETTINGS optimize_aggregation_in_order = 1"

# `on`: a later touchpoint of the expected path was reached after the first visit. Ages are counted in classes, eight
# to a doubling, so that journeys too young to judge can be left out once it is known how long going on takes.
VISITS = f"""
    SELECT place, journey, who,
           arrayFilter((moment, one) -> one = place, moments, places) AS mine,
           length(mine) AS times, arrayMin(mine) AS first, arrayMax(mine) AS last,
           arrayFilter((moment, one) -> one > place AND {{core:Array(UInt8)}}[one] = 1 AND moment >= first,
                       moments, places) AS later,
           notEmpty(later) AS on, if(on, arrayMin(later) - first, 0) AS reach,
           arrayExists((moment, one) -> one < place AND {{core:Array(UInt8)}}[one] = 1 AND moment > first,
                       moments, places) AS back,
           toUInt16(floor(log2(greatest(1, ({{at:Int64}} - first) / 1000)) * {CLASSES})) AS age
    FROM ({JOURNEYS}) ARRAY JOIN arrayDistinct(places) AS place
"""
PASSES = f"""
SELECT place, count() AS journeys, sum(times) AS steps, $customers AS customers, countIf(times > 1) AS repeated,
       countIf(back) AS back, quantilesExactIf(0.5, 0.9, 0.99)(reach, on) AS reaches, max(last) AS passed_at,
       sumMap([age], [toUInt64(1)]) AS passed, sumMap([age], [toUInt64(on)]) AS went
FROM ({VISITS})
GROUP BY place ORDER BY place
{IN_ORDER}
"""


@dataclass(frozen=True, slots=True)
class Pass:
    """`passed` and `went` count journeys by the class of their age: (classes, counts)."""

    place: int
    journeys: int
    steps: int
    customers: int
    repeated: int
    back: int
    reaches: list[float]  # milliseconds: median, 90th and 99th percentile
    passed_at: int
    passed: tuple[list[int], list[int]]
    went: tuple[list[int], list[int]]


def passes(definition: MapDefinition, process: int, scope: Scope, at: int) -> list[Pass]:
    """How journeys pass each touchpoint. `at`: the moment, in milliseconds, that ages are counted from."""
    customers = "count()" if definition.case == CUSTOMER else "uniqExact(who)"
    sql = PASSES.replace("$customers", customers)
    return _ask_steps(sql, Pass, definition, process, scope, "passes", at=at)


def core(definition: MapDefinition) -> list[int]:
    """1 for each touchpoint of the expected path, 0 for those that it may pass by."""
    return [int(not one.optional) for one in definition.touchpoints()]


def _ask_steps(
    sql: str, row: type[Any], definition: MapDefinition, process: int, scope: Scope, name: str, **more: Any
) -> list[Any]:
    keys = [one.key for one in definition.touchpoints()]
    if "{core:" in sql:
        more["core"] = core(definition)
    return ask(
        sql, scope, row=row, name=f"evidence.{name}", table="steps", process=process, keys=keys, **more
    ).rows  # fmt: skip


# The answers of journeys, told apart by how long the way from a touchpoint to a later one took. `slow`: longer than for
# nine in ten.
HANDOVERS = f"""
SELECT place, scale, sum(many) AS n, sumIf(many, slow) AS slow_n, sumIf(points, slow) AS slow_total,
       sumIf(squared, slow) AS slow_squares, sumIf(many, NOT slow) AS rest_n, sumIf(points, NOT slow) AS rest_total,
       sumIf(squared, NOT slow) AS rest_squares
FROM (
    SELECT place, journey, reach > {{limits:Array(Float64)}}[place] AS slow FROM ({VISITS}) WHERE on
) AS passed GLOBAL INNER JOIN (
    SELECT journey, toString(scale) AS scale, count() AS many,
           sum(toInt64(round(assumeNotNull(score) * 1000))) AS points,
           sum(toInt64(round(assumeNotNull(score) * assumeNotNull(score) * 1000))) AS squared
    FROM feedback $journeys
    WHERE $workspace AND metric = {{metric:String}} AND score IS NOT NULL
    GROUP BY journey, scale
) AS said USING (journey)
GROUP BY place, scale ORDER BY place, n DESC, scale LIMIT 1 BY place
"""
# Which journey an answer is about: that of its customer, or that of its order.
OF_CUSTOMER = """GLOBAL ANY INNER JOIN (
        SELECT customer_id, any(journey) AS journey FROM steps WHERE $workspace AND process = {process:UInt32}
        GROUP BY customer_id
    ) AS whose USING (customer_id)"""
OF_CASE = "ARRAY JOIN [reinterpretAsUUID(sipHash128({case:String}, $text))] AS journey"


@dataclass(frozen=True, slots=True)
class HandoverRow:
    """Sums of scores in thousandths."""

    place: int
    scale: str
    n: int
    slow_n: int
    slow_total: int
    slow_squares: int
    rest_n: int
    rest_total: int
    rest_squares: int


def handovers(
    definition: MapDefinition, process: int, scope: Scope, at: int, limits: Sequence[float]
) -> list[HandoverRow]:
    """Scores of slow journeys and of the others, by touchpoint. `limits`: what is slow, by place, in milliseconds."""
    values: dict[str, Any] = {"at": at, "limits": list(limits), "metric": definition.metric}
    if definition.case == CUSTOMER:
        whose = OF_CUSTOMER
    elif definition.gap_s is None:
        whose = OF_CASE.replace("$text", f"toString(properties.{quoted(definition.case)})")
        values["case"] = definition.case
    else:
        return []  # the journeys of one case are told apart by time only
    sql = HANDOVERS.replace("$journeys", whose)
    return _ask_steps(sql, HandoverRow, definition, process, scope, "handovers", **values)


# Whose journeys are behind a figure, the newest first.
WHO: Mapping[str, str] = {
    "passed": "1",
    "lost": "NOT on AND age >= {patience:UInt16}",
    "on": "on",
    "again": "times > 1",
    "back": "back",
}
BEHIND = f"""
SELECT who AS customer_id, first AS at, toUInt32(times) AS times, if(on, reach, NULL) AS reach
FROM ({VISITS}) WHERE place = {{place:UInt16}} AND $kind
ORDER BY at DESC, customer_id LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}
{IN_ORDER}
"""
COUNT = f"SELECT count() AS n FROM ({VISITS}) WHERE place = {{place:UInt16}} AND $kind {IN_ORDER}"


@dataclass(frozen=True, slots=True)
class Behind:
    """A journey at a touchpoint: whose, when it first came (milliseconds), how often, and how long until it went on
    (None: it did not)."""

    customer_id: UUID
    at: int
    times: int
    reach: int | None


@dataclass(frozen=True, slots=True)
class Count:
    n: int


def behind(
    definition: MapDefinition, process: int, scope: Scope, at: int, *, key: str, kind: str, patience_s: float,
    limit: int, offset: int = 0,
) -> tuple[list[Behind], int]:  # fmt: skip
    """The journeys behind a figure of the touchpoint `key`, and how many there are. `kind`: a key of WHO."""
    places = {one.key: place for place, one in enumerate(definition.touchpoints(), 1)}
    values = {"at": at, "place": places[key], "patience": first_class(patience_s)}
    rows = _ask_steps(
        BEHIND.replace("$kind", WHO[kind]), Behind, definition, process, scope, "behind",
        limit=limit, offset=offset, **values,
    )  # fmt: skip
    [count] = _ask_steps(COUNT.replace("$kind", WHO[kind]), Count, definition, process, scope, "count", **values)
    return rows, count.n


def first_class(patience_s: float) -> int:
    """The first class of age that lies wholly behind that time."""
    return ceil(log2(max(patience_s, 1.0)) * CLASSES - 1e-9)


# The journeys that went on from a touchpoint beside the expected path, on another channel.
SWITCHED = """
SELECT who AS customer_id, at, times, reach FROM (
    SELECT any(customer_id) AS who, min(toUnixTimestamp64Milli(occurred_at)) AS at, toUInt32(count()) AS times,
           toNullable(min(gap_ms)) AS reach
    FROM steps $join WHERE $scope AND process = {process:UInt32} AND label = {here:String}
                       AND next IN {beside:Array(String)}
    GROUP BY journey
)
"""


def beside(definition: MapDefinition, point: Touchpoint) -> list[str]:
    """The touchpoints beside the expected path that are on another channel than `point`."""
    return [
        one.key for one in definition.touchpoints()
        if one.optional and one.channel and point.channel and one.channel != point.channel
    ]  # fmt: skip


def switched(
    definition: MapDefinition, process: int, scope: Scope, *, key: str, limit: int, offset: int = 0
) -> tuple[list[Behind], int]:
    """The journeys that changed the channel after the touchpoint `key`, and how many there are. `times`: how often."""
    point = next(one for one in definition.touchpoints() if one.key == key)
    values = {"here": key, "beside": beside(definition, point)}
    page = f"{SWITCHED} ORDER BY at DESC, customer_id LIMIT {{limit:UInt32}} OFFSET {{offset:UInt32}}"
    rows = _ask_steps(page, Behind, definition, process, scope, "switched", limit=limit, offset=offset, **values)
    count = f"SELECT count() AS n FROM ({SWITCHED})"
    [n] = _ask_steps(count, Count, definition, process, scope, "switched_count", **values)
    return rows, n.n


TOTALS = f"""
SELECT count() AS journeys, $customers AS customers, max(arrayMax(moments)) AS at FROM ({JOURNEYS}) {IN_ORDER}
"""


@dataclass(frozen=True, slots=True)
class Totals:
    journeys: int
    customers: int
    at: int


def totals(definition: MapDefinition, process: int, scope: Scope) -> Totals:
    customers = "count()" if definition.case == CUSTOMER else "uniqExact(who)"
    sql = TOTALS.replace("$customers", customers)
    return _ask_steps(sql, Totals, definition, process, scope, "totals")[0]  # type: ignore[no-any-return]  # one row


FLOWS = """
SELECT toString(label) AS label, toString(next) AS next, count() AS n, quantileExact(0.5)(gap_ms) AS gap_ms
FROM steps $join WHERE $scope AND process = {process:UInt32} AND label IN {keys:Array(String)}
GROUP BY label, next ORDER BY label, next
"""


@dataclass(frozen=True, slots=True)
class FlowRow:
    label: str
    next: str
    n: int
    gap_ms: int


def flows(definition: MapDefinition, process: int, scope: Scope) -> list[FlowRow]:
    return _ask_steps(FLOWS, FlowRow, definition, process, scope, "flows")


# Of the journeys that had the time: how many were not there in time. `to` 0: the next of the expected path.
PROMISED_WITHIN = f"""
    SELECT number, within, who, length(arrayFilter((moment, one) -> one = place, moments, places)) AS times,
           arrayMin(arrayFilter((moment, one) -> one = place, moments, places)) AS first,
           arrayFilter((moment, one) -> if(target = 0, one > place AND {{core:Array(UInt8)}}[one] = 1, one = target)
                                        AND moment >= first, moments, places) AS there,
           if(empty(there), NULL, arrayMin(there) - first) AS reach,
           {{at:Int64}} - first AS age, age >= within AND (empty(there) OR assumeNotNull(reach) > within) AS late
    FROM ({JOURNEYS})
    ARRAY JOIN {{numbers:Array(UInt16)}} AS number, {{froms:Array(UInt16)}} AS place, {{tos:Array(UInt16)}} AS target,
               {{withins:Array(Int64)}} AS within
    WHERE has(places, place)
"""
PROMISES = f"""
SELECT number, countIf(age >= within) AS n, countIf(late) AS late FROM ({PROMISED_WITHIN})
GROUP BY number ORDER BY number
{IN_ORDER}
"""
# The same where each journey was promised a moment of its own, by a property of the event.
PROMISED_UNTIL = """
    SELECT journey, any(customer_id) AS who, max(moment) AS promised,
           minIf(toUnixTimestamp64Milli(occurred_at), label IN {there:Array(String)}) AS came,
           minIf(toUnixTimestamp64Milli(occurred_at), label = {here:String}) AS first,
           countIf(label = {here:String}) AS times, if(came = 0, NULL, greatest(came - first, 0)) AS reach,
           came = 0 OR came > promised AS late
    FROM steps GLOBAL ANY LEFT JOIN (
        SELECT event_id, toUnixTimestamp64Milli(ifNull(parseDateTime64BestEffortOrNull(
                   JSONExtractString(properties, {property:String}), 3, 'UTC'), toDateTime64(0, 3, 'UTC'))) AS moment
        FROM events WHERE $workspace AND name IN {names:Array(String)}
    ) AS said USING (event_id)
    $join WHERE $scope AND process = {process:UInt32} AND label IN {keys:Array(String)}
    GROUP BY journey
"""
PROMISED = f"""
SELECT toUInt16(0) AS number, count() AS n, countIf(late) AS late
FROM ({PROMISED_UNTIL}) WHERE promised > 0 AND promised <= {{at:Int64}}
"""
# Whose journeys were late, the newest first.
LATE = """
SELECT who AS customer_id, toInt64(first) AS at, toUInt32(times) AS times, toInt64(reach) AS reach
FROM ($promised) WHERE late AND $over ORDER BY at DESC, customer_id LIMIT {limit:UInt32} OFFSET {offset:UInt32}
"""
LATE_COUNT = "SELECT count() AS n FROM ($promised) WHERE late AND $over"


@dataclass(frozen=True, slots=True)
class PromiseRow:
    number: int
    n: int
    late: int


def promises(definition: MapDefinition, process: int, scope: Scope, at: int) -> dict[tuple[str, int], PromiseRow]:
    """How promises were kept, by touchpoint and the promise's number there."""
    made = _checked(definition)
    found: dict[tuple[str, int], PromiseRow] = {}
    plain = [each for each in made if not each[2].until]
    if plain:
        rows = _ask_steps(
            PROMISES, PromiseRow, definition, process, scope, "promises", at=at, **_within(definition, plain)
        )
        found |= {(plain[row.number][0].key, plain[row.number][1]): row for row in rows}
    for one, number, promise in made:
        if promise.until:
            [row] = _ask_steps(
                PROMISED, PromiseRow, definition, process, scope, "promised", at=at, **_until(definition, one, promise)
            )
            found[one.key, number] = row
    return found


def late(
    definition: MapDefinition, process: int, scope: Scope, at: int, *, key: str, number: int, limit: int,
    offset: int = 0,
) -> tuple[list[Behind], int]:  # fmt: skip
    """The journeys that the promise `number` of the touchpoint `key` was broken to, and how many there are."""
    chosen = [each for each in _checked(definition) if each[0].key == key and each[1] == number]
    if not chosen:
        return [], 0
    [(point, _number, promise)] = chosen
    if promise.until:
        promised, over, values = (
            PROMISED_UNTIL,
            "promised > 0 AND promised <= {at:Int64}",
            _until(definition, point, promise),
        )
    else:
        promised, over, values = PROMISED_WITHIN, "1", _within(definition, chosen)

    def asked(sql: str) -> str:
        return sql.replace("$promised", promised).replace("$over", over)

    rows = _ask_steps(
        asked(LATE), Behind, definition, process, scope, "late", at=at, limit=limit, offset=offset, **values
    )
    [count] = _ask_steps(asked(LATE_COUNT), Count, definition, process, scope, "late_count", at=at, **values)
    return rows, count.n


def _checked(definition: MapDefinition) -> list[tuple[Touchpoint, int, Promise]]:
    """The promises that can be checked, with their touchpoint and their number there."""
    points, following = definition.touchpoints(), definition.following()
    bound = {one.key for one in points if one.binding.events}
    return [
        (one, number, promise) for one in points for number, promise in enumerate(one.promises)
        # A promise about what follows the last touchpoint leaves no trace in the steps.
        if (promise.reaches in bound if promise.reaches else one.key in following)
        and (promise.until or promise.within_s > 0)
    ]  # fmt: skip


def _within(definition: MapDefinition, promised: Sequence[tuple[Touchpoint, int, Promise]]) -> dict[str, Any]:
    places = {one.key: place for place, one in enumerate(definition.touchpoints(), 1)}
    return {
        "numbers": list(range(len(promised))), "froms": [places[one.key] for one, _, _ in promised],
        "tos": [places[promise.reaches] if promise.reaches else 0 for _, _, promise in promised],
        "withins": [promise.within_s * 1000 for _, _, promise in promised],
    }  # fmt: skip


def _until(definition: MapDefinition, point: Touchpoint, promise: Promise) -> dict[str, Any]:
    points = definition.touchpoints()
    place = next(number for number, one in enumerate(points) if one.key == point.key)
    later = [two.key for two in points[place + 1 :] if not two.optional]
    return {
        "property": promise.until, "there": [promise.reaches] if promise.reaches else later, "here": point.key,
        "names": sorted({rule.event for rule in point.binding.events}),
    }  # fmt: skip


READING = """GLOBAL ANY LEFT JOIN (
    SELECT event_id AS read_event, 1 AS known, sentiment AS mood,
           toInt64(round(toFloat64(sentiment_score) * 1000000000)) AS mood_score, emotion, effort AS effortful,
           topics AS about
    FROM annotations FINAL WHERE $workspace
) AS reading ON event_id = reading.read_event"""


@dataclass(frozen=True, slots=True)
class Opinion:
    """The answers of one metric and scale at one touchpoint; `scores`: how many of each score."""

    place: int
    metric: str
    scale: str
    n: int
    scores: tuple[list[float], list[int]]
    texts: int
    mood: int
    mood_squares: int
    effort: int
    emotions: tuple[list[str], list[int]]
    heard_at: int


OPINIONS = f"""
SELECT toUInt16(place) AS place, toString(metric) AS metric, toString(scale) AS scale, count() AS n,
       sumMap([ifNull(score, 0)], [toUInt64(score IS NOT NULL)]) AS scores,
       sum(known) AS texts, sum(mood_score) AS mood, sum(toInt128(mood_score) * mood_score) AS mood_squares,
       sum(effortful) AS effort, sumMap([toString(emotion)], [toUInt64(known)]) AS emotions,
       max(toUnixTimestamp64Milli(occurred_at)) AS heard_at
FROM feedback {READING} $join ARRAY JOIN $places AS place
WHERE $scope GROUP BY place, metric, scale ORDER BY place, metric, scale
"""


def opinions(definition: MapDefinition, scope: Scope) -> list[Opinion]:
    """What was answered and said, of all that belongs to a touchpoint; one answer may belong to several."""
    values: dict[str, Any] = {}
    places = feedback_places(definition, scope.workspace_id, values)
    if places is None:
        return []
    sql = OPINIONS.replace("$places", places)
    return ask(sql, scope, row=Opinion, name="evidence.opinions", table="feedback", **values).rows


def feedback_places(definition: MapDefinition, workspace_id: int, values: dict[str, Any]) -> str | None:
    """SQL for the places that a row of `feedback` joined with READING belongs to; None where nothing is bound."""
    parts = []
    for place, one in enumerate(definition.touchpoints(), 1):
        tests = [_all_of(rule, "feedback", f"f{place}_{number}_", values)
                 for number, rule in enumerate(one.binding.feedback)]  # fmt: skip
        if one.binding.topics:
            keys = sorted({key for topic in one.binding.topics for key in keys_under(workspace_id, topic)})
            values[f"f{place}_topics"] = keys
            tests.append(f"hasAny(about, {{f{place}_topics:Array(String)}})")
        if tests:
            parts.append(f"if({' OR '.join(tests)}, [{place}], [])")
    return f"arrayConcat({', '.join(parts)}, CAST([] AS Array(UInt8)))" if parts else None


def _all_of(rule: FeedbackRule, table: str, name: str, values: dict[str, Any]) -> str:
    tests = [
        condition(Filter(test.field, test.operator, test.values), table, f"{name}{number}", values)
        for number, test in enumerate(rule.where)
    ]
    return f"({' AND '.join(tests)})" if tests else "0"


# Words that tell the story: of each sentiment those of a length that is read at a glance, the newest first.
VERBATIM = f"""
SELECT place, event_id, mood FROM (
    SELECT toUInt16(place) AS place, event_id, toString(mood) AS mood, occurred_at,
           lengthUTF8(comment) BETWEEN 40 AND 280 AS handy, abs(mood_score) AS strength
    FROM feedback {READING} $join ARRAY JOIN $places AS place
    WHERE $scope AND known = 1 AND mood IN ('negative', 'positive', 'mixed')
) ORDER BY place, mood, handy DESC, strength > 300000000 DESC, occurred_at DESC, event_id
LIMIT {VERBATIMS} BY place, mood
"""


@dataclass(frozen=True, slots=True)
class VerbatimRow:
    place: int
    event_id: UUID
    mood: str


def verbatims(definition: MapDefinition, scope: Scope) -> list[VerbatimRow]:
    values: dict[str, Any] = {}
    places = feedback_places(definition, scope.workspace_id, values)
    if places is None:
        return []
    sql = VERBATIM.replace("$places", places)
    return ask(sql, scope, row=VerbatimRow, name="evidence.verbatims", table="feedback", **values).rows


TICKETS = f"""
SELECT toUInt16(place) AS place, count() AS n, countIf(complaint = true) AS complaints,
       countIf(reopened > 0) AS reopened, max(toUnixTimestamp64Milli(occurred_at)) AS heard_at
FROM tickets $join ARRAY JOIN $places AS place WHERE $scope AND {PRESENT}
GROUP BY place ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class TicketRow:
    place: int
    n: int
    complaints: int
    reopened: int
    heard_at: int


def tickets(definition: MapDefinition, scope: Scope) -> list[TicketRow]:
    values: dict[str, Any] = {}
    parts = []
    for place, one in enumerate(definition.touchpoints(), 1):
        tests = [_all_of(rule, "tickets", f"t{place}_{number}_", values)
                 for number, rule in enumerate(one.binding.tickets)]  # fmt: skip
        if tests:
            parts.append(f"if({' OR '.join(tests)}, [{place}], [])")
    if not parts:
        return []
    sql = TICKETS.replace("$places", f"arrayConcat({', '.join(parts)}, CAST([] AS Array(UInt8)))")
    return ask(sql, scope, row=TicketRow, name="evidence.tickets", table="tickets", **values).rows


# What is new in the log, or gone, or read anew changes one of these.
MARK = """
SELECT concat(toString(count()), ' ', toString(toUnixTimestamp64Milli(max(received_at))), ' ',
              toString((SELECT count() FROM annotations WHERE $workspace))) AS mark FROM events WHERE $scope
"""


@dataclass(frozen=True, slots=True)
class Mark:
    mark: str


def mark(workspace_id: int) -> str:
    """Whether the log moved: the same text as long as it did not."""
    return ask(MARK, Scope(workspace_id), row=Mark, name="evidence.mark", table="events").rows[0].mark


# The texts of verbatims, by their ids.
WORDS = """
SELECT event_id, customer_id, occurred_at, comment, toString(language) AS language, toString(metric) AS metric, score,
       toString(scale) AS scale, toString(channel) AS channel
FROM texts WHERE $scope AND event_id IN {ids:Array(UUID)} LIMIT 1 BY event_id
"""


@dataclass(frozen=True, slots=True)
class Words:
    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    comment: str
    language: str
    metric: str
    score: float | None
    scale: str
    channel: str


def words(workspace_id: int, ids: Sequence[UUID]) -> dict[UUID, Words]:
    if not ids:
        return {}
    rows = ask(
        WORDS, Scope(workspace_id), row=Words, name="evidence.words", table="texts", ids=[str(one) for one in ids]
    ).rows  # fmt: skip
    return {row.event_id: row for row in rows}


def bound(point: Touchpoint) -> bool:
    binding = point.binding
    return bool(binding.events or binding.feedback or binding.topics or binding.tickets)
