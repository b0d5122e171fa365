"""Moments of truth: what each customer met, one after the other, as good, neutral or bad.

A **moment** is one of these, at its time:

- a response with a score: good from 9 of NPS, from 5 of an ease of 1–7, else from the second highest score (the highest
  of a scale of three or fewer); bad up to 6 of NPS, else in the lower half of the scale. Of several scores in one
  response the majority counts. Without a score, what was read in its words: positive, negative, else neutral;
- a ticket, at its opening: bad as a complaint, reopened or outside its service level, else neutral;
- a delivery that had a promised time: bad when late, else neutral.

A **run** is a row of good moments of one customer in which no bad one lies (neutral ones neither lengthen nor end it);
the bad moment that ends a run of at least `shortest` **breaks** it. At a touchpoint, `exposed` are all its moments that
came to a customer within such a run, and `breaks` those of them that ended it, so that a busy touchpoint is no worse
for being busy. Merged customers are one. Moments of nobody we know are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cxm.record.eventlog.ask import Answer
from cxm.record.eventlog.scope import Filter, Scope, condition, sql_text
from cxm.stats.comparison import Difference, Verdict, difference_share, verdicts
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share
from cxm.stats.samples import ShareSample
from cxm.understand.metrics.merges import with_customers
from cxm.understand.metrics.scores import fill
from cxm.understand.metrics.tickets import PRESENT
from cxm.understand.text.topics.queries import keys_under

from ..definition import EventRule, FeedbackRule, MapDefinition
from .asking_together import ask_together

GOOD, NEUTRAL, BAD = 1, 0, -1
PLACED = 2  # not a moment: an order was placed
SHORTEST = 2  # good moments that make a run
LONGEST_RUN = 10  # longer ones are shown with it
RATED = ("nps", "csat", "ces", "rating")
SHOWN = 12  # moments of one customer in a list

# The two ends of an answer's scale, and what its score says: 1, 0, −1, or 9 where there is none on the scale.
ENDS = (
    "arrayMap(one -> toFloat64OrZero(one), extractAll(if(scale = '', if(metric = 'nps', '0-10', '1-5'), toString(scale)),"  # noqa: E501  # SQL
    " '\\\\d+(?:\\\\.\\\\d+)?'))"
)
SCORE = """multiIf(
    score IS NULL OR metric NOT IN ('nps', 'csat', 'ces', 'rating') OR length(ends) != 2 OR score < ends[1] OR score > ends[2], 9,
    metric = 'nps', multiIf(score >= 9, 1, score >= 7, 0, -1),
    metric = 'ces' AND ends = [1., 7.], multiIf(score >= 5, 1, score >= 4, 0, -1),
    score >= if(ends[2] - ends[1] >= 3, ends[2] - 1, ends[2]), 1,
    (score - ends[1]) < (ends[2] - ends[1]) / 2, -1, 0)"""  # noqa: E501  # one table of SQL
_FEEDBACK = f"""
SELECT who, max(moment) AS at,
       toInt8(sign(if(countIf(scored != 9) > 0, sumIf(scored, scored != 9), sumIf(felt, felt != 9)))) AS mood,
       max(spot) AS place, maxIf(points, asked) AS rating, max(asked) AS rated, 'answer' AS kind
FROM (
    SELECT $customer AS who, toUnixTimestamp64Milli(occurred_at) AS moment, $place AS spot, {ENDS} AS ends,
           toInt8({SCORE}) AS scored, ifNull(score, -1.) AS points,
           metric = {{outcome:String}} AND scored != 9 AS asked,
           toInt8(multiIf(said.read_mood = '', 9, said.read_mood = 'positive', 1, said.read_mood = 'negative', -1, 0))
           AS felt,
           if(response_id = '', toString(event_id), concat('r', response_id)) AS response
    FROM feedback GLOBAL ANY LEFT JOIN (
        SELECT event_id AS read_event, toString(sentiment) AS read_mood, topics AS about FROM annotations FINAL
        WHERE $workspace AND $whose
    ) AS said ON event_id = said.read_event
    $join $merges WHERE $scope AND $known AND $whose
)
WHERE scored != 9 OR felt != 9
GROUP BY who, response
"""
_TICKETS = f"""
SELECT $customer AS who, toUnixTimestamp64Milli(occurred_at) AS at,
       toInt8(if(ifNull(complaint, false) OR reopened > 0 OR NOT ifNull(sla_met, true), -1, 0)) AS mood,
       $place AS place, toFloat64(-1) AS rating, 0 AS rated, 'ticket' AS kind
FROM tickets $join $merges WHERE $scope AND $known AND $whose
  AND {PRESENT.replace("WHERE $workspace", "WHERE $workspace AND $whose")}
"""
_DELIVERIES = """
SELECT $customer AS who, toUnixTimestamp64Milli(occurred_at) AS at, toInt8(if(at > course.promised, -1, 0)) AS mood,
       $place AS place, toFloat64(-1) AS rating, 0 AS rated, 'delivery' AS kind
FROM order_milestones $join $merges GLOBAL ANY LEFT JOIN (
    SELECT order_id AS course_id, minIf(toUnixTimestamp64Milli(occurred_at), milestone = 'delivered') AS delivered,
           max(toUnixTimestamp64Milli(ifNull(promised_at, toDateTime64(0, 3, 'UTC')))) AS promised
    FROM order_milestones WHERE $workspace AND $theirs GROUP BY order_id
) AS course ON order_id = course.course_id
WHERE $scope AND $known AND $whose AND milestone = 'delivered' AND course.promised > 0
  AND toUnixTimestamp64Milli(occurred_at) = course.delivered
"""
_ORDERS = """
SELECT $customer AS who, toUnixTimestamp64Milli(occurred_at) AS at, toInt8(2) AS mood, '' AS place,
       toFloat64(-1) AS rating, 0 AS rated, 'order' AS kind
FROM order_milestones $join $merges WHERE $scope AND $known AND $whose AND milestone = 'placed'
"""

# The moments of each customer in the order of time; of one time, bad ones last.
_SEQUENCES = """
SELECT who, arraySort(one -> (one.1, -one.2, one.3, one.5), groupArray((at, mood, place, if(rated, rating, -1.), kind)))
       AS everything, arrayFilter(one -> one.2 != 2, everything) AS moments
FROM ($all) GROUP BY who HAVING notEmpty(moments)
"""
# Good moments since the last bad one, before each moment: rows are split behind each bad moment and counted within.
_RUNS = """
SELECT who, moments, arrayReverseSplit(one -> one.2 = -1, moments) AS parts,
       arrayFlatten(arrayMap(part -> arrayMap((one, sum) -> sum - (one.2 = 1), part,
                             arrayCumSum(one -> one.2 = 1, part)), parts)) AS before
FROM ($sequences)
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Where moments come from: all that customers did, or what the touchpoints of a map are bound to."""

    places: Mapping[str, str]  # table: SQL for the touchpoint of a row
    parameters: Mapping[str, Any]


def everywhere() -> Source:
    """Moments by the touchpoint that each event names."""
    return Source(dict.fromkeys(("feedback", "tickets", "order_milestones"), "toString(touchpoint)"), {})


def of_map(definition: MapDefinition, workspace_id: int) -> Source:
    """Moments by the touchpoint of a map whose rules match first; others belong to none."""
    values: dict[str, Any] = {}
    tests: dict[str, list[str]] = {"feedback": [], "tickets": [], "order_milestones": []}
    for number, point in enumerate(definition.touchpoints()):
        binding = point.binding
        said = [all_of(rule, "feedback", f"m{number}_{place}_", values) for place, rule in enumerate(binding.feedback)]
        if binding.topics:
            keys = sorted({key for topic in binding.topics for key in keys_under(workspace_id, topic)})
            said.append(f"hasAny(about, [{', '.join(map(sql_text, keys))}])" if keys else "0")
        asked = [all_of(rule, "tickets", f"t{number}_{place}_", values) for place, rule in enumerate(binding.tickets)]
        came = [
            _came(rule, f"d{number}_{place}", values) for place, rule in enumerate(binding.events)
            if rule.event == "order_delivered"
        ]  # fmt: skip
        for table, found in (("feedback", said), ("tickets", asked), ("order_milestones", came)):
            if found:
                tests[table] += [" OR ".join(found), sql_text(point.key)]
    return Source({table: f"multiIf({', '.join(some)}, '')" if some else "''" for table, some in tests.items()}, values)


def _came(rule: EventRule, name: str, values: dict[str, Any]) -> str:
    """SQL for the deliveries whose event the rule fits; milestones do not hold all that their events do."""
    if not rule.where:
        return "1"
    fits = all_of(FeedbackRule(rule.where), "events", name, values)
    return f"event_id GLOBAL IN (SELECT event_id FROM events WHERE $workspace AND name = 'order_delivered' AND {fits})"


def all_of(rule: FeedbackRule, table: str, name: str, values: dict[str, Any]) -> str:
    """SQL for all tests of the rule; the parameters that it needs are put into `values`, under names with `name`."""
    tests = [
        condition(Filter(test.field, test.operator, test.values), table, f"{name}{number}", values)
        for number, test in enumerate(rule.where)
    ]
    return f"({' AND '.join(tests)})" if tests else "0"


def ask_moments(
    sql: str, scope: Scope, source: Source, row: type[Any], name: str, *, ids: Sequence[UUID] | None = None,
    outcome: str = "nps", orders: bool = False, **more: Any,
) -> Answer[Any]:  # fmt: skip
    """`ids`: of these profiles only. `orders`: with the orders that were placed, as marks that are no moments."""
    whose = theirs = "1"
    if ids is not None:
        whose = "customer_id IN {ids:Array(UUID)}"
        theirs = f"order_id GLOBAL IN (SELECT order_id FROM order_milestones WHERE $workspace AND {whose})"
        more["ids"] = [str(one) for one in ids]
    parts = {"feedback": _FEEDBACK, "tickets": _TICKETS, "order_milestones": _DELIVERIES}
    filled = {
        table: with_customers(fill(part, place=source.places[table], whose=whose, theirs=theirs), scope)
        for table, part in parts.items()
    }
    if orders:
        filled["order_milestones:placed"] = with_customers(fill(_ORDERS, whose=whose), scope)
    sql = fill(sql, runs=_RUNS, sequences=_SEQUENCES).replace("$sequences", _SEQUENCES)
    return ask_together(
        sql, filled, scope, row=row, name=f"moments.{name}", outcome=outcome, **source.parameters, **more
    )


PLACES = """
SELECT moment.3 AS place, count() AS n, countIf(moment.2 = 1) AS good, countIf(moment.2 = -1) AS bad,
       uniqExact(who) AS customers, countIf(run >= {shortest:UInt8}) AS exposed,
       countIf(run >= {shortest:UInt8} AND moment.2 = -1) AS breaks, countIf(number = 1) AS first,
       countIf(number = 1 AND moment.2 = -1) AS first_bad, countIf(number = length(moments)) AS last,
       countIf(number = length(moments) AND moment.2 = -1) AS last_bad
FROM ($runs) ARRAY JOIN moments AS moment, before AS run, arrayEnumerate(moments) AS number
GROUP BY place ORDER BY n DESC, place LIMIT 200
"""


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One touchpoint; `first` and `last`: how often it was a customer's first or last moment."""

    place: str
    n: int
    good: int
    bad: int
    customers: int
    exposed: int
    breaks: int
    first: int
    first_bad: int
    last: int
    last_bad: int


@dataclass(frozen=True, slots=True)
class Breaker:
    """A touchpoint with the share of runs that it breaks, of those that come to it, beside that of all the others.

    `excess`: that share less the others', 0–1. `of_breaks`: its part of all breaks, and `of_exposed` of all moments
    within runs: the two differ by what the touchpoint itself does. `verdict` is over all touchpoints of the page.
    """

    row: PlaceRow
    share: Estimate
    excess: Difference
    verdict: Verdict
    of_breaks: float | None
    of_exposed: float | None


def place_rows(scope: Scope, source: Source, *, shortest: int = SHORTEST) -> Answer[PlaceRow]:
    return ask_moments(PLACES, scope, source, PlaceRow, "places", shortest=shortest)


def places(scope: Scope, source: Source, *, shortest: int = SHORTEST) -> tuple[list[Breaker], Answer[PlaceRow]]:
    """The touchpoints, those that break runs more than others do first."""
    answer = place_rows(scope, source, shortest=shortest)
    return breakers(answer.rows), answer


def breakers(rows: Sequence[PlaceRow]) -> list[Breaker]:
    """Each touchpoint held against all the others together, those that break runs more than others do first."""
    exposed, breaks = sum(row.exposed for row in rows), sum(row.breaks for row in rows)
    differences = [
        difference_share(ShareSample(breaks - row.breaks, exposed - row.exposed), ShareSample(row.breaks, row.exposed))
        for row in rows
    ]
    judged = verdicts(differences)
    found = [
        Breaker(
            row, share(row.breaks, row.exposed), difference, verdict,
            row.breaks / breaks if breaks else None, row.exposed / exposed if exposed else None,
        )
        for row, difference, verdict in zip(rows, differences, judged, strict=True)
    ]  # fmt: skip
    return sorted(found, key=lambda one: (-(one.excess.value if one.excess.value is not None else -2), one.row.place))


LENGTHS = """
SELECT toUInt8(least(arrayCount(one -> one.2 = 1, part), {longest:UInt8})) AS length,
       part[-1].2 = -1 AS broken, count() AS n
FROM ($runs) ARRAY JOIN parts AS part GROUP BY length, broken HAVING length > 0 ORDER BY length, broken
"""
TOTALS = """
SELECT count() AS customers, sum(length(moments)) AS n, sum(arrayCount(one -> one.2 = 1, moments)) AS good,
       sum(arrayCount(one -> one.2 = -1, moments)) AS bad, max(moments[-1].1) AS newest
FROM ($sequences)
"""


@dataclass(frozen=True, slots=True)
class LengthRow:
    """Runs of so many good moments (`LONGEST_RUN`: or more); `broken`: ended by a bad one, else still going."""

    length: int
    broken: int
    n: int


@dataclass(frozen=True, slots=True)
class Totals:
    customers: int
    n: int  # moments
    good: int
    bad: int
    newest: int  # milliseconds since 1970


def lengths(scope: Scope, source: Source) -> list[LengthRow]:
    return ask_moments(LENGTHS, scope, source, LengthRow, "lengths", longest=LONGEST_RUN).rows


def totals(scope: Scope, source: Source) -> Totals:
    """How many customers had moments, and how many of each kind."""
    rows: list[Totals] = ask_moments(TOTALS, scope, source, Totals, "totals").rows
    return rows[0] if rows else Totals(0, 0, 0, 0, 0)


BROKEN = """
SELECT who, moment.1 AS at, moment.3 AS place, toUInt32(run) AS run,
       arrayMap(one -> one.2, arraySlice(moments, greatest(1, toInt64(number) - {shown:UInt8} + 1),
                                         least(number, {shown:UInt8}))) AS moods
FROM ($runs) ARRAY JOIN moments AS moment, before AS run, arrayEnumerate(moments) AS number
WHERE moment.2 = -1 AND run >= {shortest:UInt8} AND ({place:String} = '*' OR moment.3 = {place:String})
ORDER BY at DESC, who LIMIT {most:UInt32} OFFSET {skip:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Broken:
    """A run that was broken: by which customer, when and where, and the moments up to it (1, 0 or −1 each)."""

    who: UUID
    at: int
    place: str
    run: int
    moods: list[int]


def broken(
    scope: Scope, source: Source, *, place: str | None = None, shortest: int = SHORTEST, most: int = 20, skip: int = 0
) -> list[Broken]:
    """The newest broken runs, at one touchpoint or at all."""
    return ask_moments(
        BROKEN, scope, source, Broken, "broken",
        place="*" if place is None else place, shortest=shortest, shown=SHOWN, most=most, skip=skip,
    ).rows  # fmt: skip


SEQUENCE = """
SELECT moment.1 AS at, moment.2 AS mood, moment.3 AS place, moment.5 AS kind
FROM ($sequences) ARRAY JOIN moments AS moment ORDER BY at DESC LIMIT {most:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Moment:
    at: int
    mood: int
    place: str
    kind: str


def sequence(scope: Scope, ids: Sequence[UUID], *, most: int = 200) -> list[Moment]:
    """The moments of one person, by the ids of all their profiles, the newest last."""
    if not ids:
        return []
    rows: list[Moment] = ask_moments(SEQUENCE, scope, everywhere(), Moment, "sequence", ids=ids, most=most).rows
    return rows[::-1]
