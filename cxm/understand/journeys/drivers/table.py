"""One row for each outcome with what is known of its drivers, asked from the log.

Every question holds the outcomes (`$units`: unit, response, person, moment, about, outcome, heft) as a subquery, and
gives back one array for each unit of which it knows something. What happened after the moment of the outcome never
counts, nor what lies further back than the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import numpy as np

from cxm.accounts.models import Workspace
from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Filter, Scope, expression, sql_text
from cxm.stats.refusals import Floats
from cxm.understand.metrics.asking import read_filters
from cxm.understand.metrics.churn import PRESENT
from cxm.understand.metrics.fields import AskedQuestion, questions
from cxm.understand.metrics.merges import with_customers
from cxm.understand.metrics.scores import bounds_of, default_scale, fill
from cxm.understand.metrics.tickets import PRESENT as PRESENT_TICKET
from cxm.understand.text.topics.queries import keys_under

from .definition import FACTS, Asked, Driver, DriverDefinition

MOST_UNITS: Final = 100_000  # the newest outcomes; more tell no more about drivers
NOBODY: Final = UUID(int=0)
SOURCE: Final = {"answer": "feedback", "left": "subscriptions", "returned": "order_milestones"}

ANSWERS_SQL = """
  SELECT event_id AS unit, if(response_id = '', toString(event_id), response_id) AS response, $customer AS person,
         occurred_at AS moment, toString(properties.order_id) AS about, toFloat64(assumeNotNull(score)) AS outcome,
         weight AS heft, $groups AS groups
  FROM feedback $join $merges
  WHERE $scope AND metric = {metric:String} AND question = {question:String}
    AND score BETWEEN {low:Float64} AND {high:Float64}
  ORDER BY occurred_at DESC, event_id LIMIT {most:UInt32}
"""
LEFT_SQL = """
  SELECT $customer AS unit, '' AS response, unit AS person,
         max(if(status = 'active', {now:DateTime64(3, 'UTC')}, ifNull(ended_at, occurred_at))) AS moment, '' AS about,
         toFloat64(countIf(status = 'active') = 0) AS outcome, toFloat64(1) AS heft, $any_groups AS groups
  FROM subscriptions $join $merges
  WHERE $scope AND $present AND $known
  GROUP BY unit ORDER BY moment DESC, unit LIMIT {most:UInt32}
"""
RETURNED_SQL = """
  SELECT first.person AS unit, '' AS response, first.person AS person, first.landmark AS moment, '' AS about,
         toFloat64(countIf(later.placed > first.landmark
           AND later.placed <= first.landmark + toIntervalDay({days:UInt32})) > 0) AS outcome,
         toFloat64(1) AS heft, any(first.groups) AS groups
  FROM (
    SELECT $customer AS person, min(occurred_at) + toIntervalDay({window:UInt32}) AS landmark, $any_groups AS groups
    FROM order_milestones $join $merges
    WHERE $scope AND milestone = 'placed' AND $known
    GROUP BY person HAVING landmark + toIntervalDay({days:UInt32}) <= {now:DateTime64(3, 'UTC')}
  ) AS first
  GLOBAL INNER JOIN (
    SELECT $customer AS person, occurred_at AS placed FROM order_milestones $merges
    WHERE $workspace AND milestone = 'placed' AND $known
  ) AS later ON first.person = later.person
  GROUP BY first.person, first.landmark ORDER BY moment DESC, unit LIMIT {most:UInt32}
"""
UNITS_SQL = "SELECT unit, person, outcome, heft, groups FROM ($units)"
IN_WINDOW = "fact.happened <= u.moment AND fact.happened > u.moment - toIntervalDay({window:UInt32})"
BY_RESPONSE = "fact.response = u.response"
BY_PERSON = "fact.person = u.person"
RATINGS_SQL = """
SELECT u.unit AS unit, [$values] AS values
FROM (
  SELECT if(response_id = '', toString(event_id), response_id) AS response, $customer AS person,
         occurred_at AS happened, toString(metric) AS metric, toString(question) AS question, score
  FROM feedback $merges
  WHERE $workspace AND question IN {questions:Array(String)} AND score IS NOT NULL
) AS fact GLOBAL INNER JOIN ($units) AS u ON $same
WHERE $when GROUP BY unit
"""
TOPICS_SQL = """
SELECT u.unit AS unit, [$values] AS values
FROM (
  SELECT if(response_id = '', toString(event_id), response_id) AS response, $customer AS person,
         occurred_at AS happened, reading.topics AS topics, reading.felt AS felt
  FROM texts GLOBAL INNER JOIN (
    SELECT event_id AS read_event, topics, topic_sentiments AS felt FROM annotations FINAL
    WHERE $workspace AND hasAny(topics, {topics:Array(String)})
  ) AS reading ON event_id = reading.read_event $merges
  WHERE $workspace
) AS fact GLOBAL INNER JOIN ($units) AS u ON $same
WHERE $when GROUP BY unit
"""
TICKETS_SQL = """
SELECT u.unit AS unit,
       [toFloat64(count()),
        sum(dateDiff('second', fact.happened, least(ifNull(fact.answered, u.moment), u.moment)) / 3600),
        toFloat64(sum(fact.reassigned)), toFloat64(sum(fact.reopened))] AS values
FROM (
  SELECT $customer AS person, occurred_at AS happened, ifNull(first_responded_at, resolved_at) AS answered, reassigned,
         reopened
  FROM tickets $merges WHERE $workspace AND $known AND $present_ticket
) AS fact GLOBAL INNER JOIN ($units) AS u ON fact.person = u.person
WHERE $when GROUP BY unit
"""
# An order is late by the days from its promise to its delivery, or to the outcome while it has not come.
LATENESS_SQL = """
SELECT u.unit AS unit,
       [max(greatest(0, dateDiff('second', fact.happened,
          least(if(fact.delivered = 0, u.moment, toDateTime64(fact.delivered / 1000, 3, 'UTC')), u.moment)) / 86400)
       )] AS values
FROM (
  SELECT any($customer) AS person, order_id, max(promised_at) AS promised, assumeNotNull(promised) AS happened,
         toFloat64(maxIf(toUnixTimestamp64Milli(occurred_at), milestone = 'delivered')) AS delivered
  FROM order_milestones $merges WHERE $workspace AND $known
  GROUP BY order_id HAVING promised IS NOT NULL AND countIf(milestone = 'cancelled') = 0
) AS fact GLOBAL INNER JOIN ($units) AS u ON fact.person = u.person
WHERE if(u.about = '', $when, fact.order_id = u.about AND fact.happened <= u.moment) GROUP BY unit
"""
PASSED_SQL = """
SELECT u.unit AS unit, [$values] AS values
FROM (
  SELECT $customer AS person, occurred_at AS happened, process, toString(label) AS label
  FROM steps $merges WHERE $workspace AND $known AND process IN {processes:Array(UInt32)}
) AS fact GLOBAL INNER JOIN ($units) AS u ON fact.person = u.person
WHERE $when GROUP BY unit
"""


@dataclass(frozen=True, slots=True)
class UnitRow:
    unit: UUID
    person: UUID
    outcome: float
    heft: float
    groups: list[float]


@dataclass(frozen=True, slots=True)
class ValuesRow:
    unit: UUID
    values: list[float]


@dataclass(frozen=True, slots=True)
class Column:
    """What is known of one driver, row by row, NaN where nothing is. `low`, `high`: the ends of its scale, if it has
    any. Of a topic, `values` is its sentiment (−1..1, 0 where it is not mentioned) and `mentioned` 0 or 1."""

    driver: Driver
    values: Floats
    low: float | None = None
    high: float | None = None
    mentioned: Floats | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """`outcome`: n numbers; `weights`: of the answers. `scale`: of the outcome, if it is an answer."""

    outcome: Floats
    weights: Floats
    columns: list[Column]
    asked: list[Asked]
    scale: tuple[float, float] | None


def table_of(workspace: Workspace, definition: DriverDefinition, now: datetime) -> Table:
    """Raises EventlogError, UnknownField and metrics' Refused."""
    return _Asking(workspace, definition, now).table()


class _Asking:
    def __init__(self, workspace: Workspace, definition: DriverDefinition, now: datetime) -> None:
        self.workspace, self.definition = workspace, definition
        since = now - timedelta(days=definition.period_days) if definition.period_days else None
        filters: tuple[Filter, ...] = read_filters(definition.filters, workspace.pk)
        self.scope = Scope(workspace.pk, workspace.time_zone, since=since, filters=filters)
        self.kind = definition.outcome.kind
        self.known = {(one.metric, one.question): one for one in reversed(questions(workspace.pk))}
        self.groups = [one for one in definition.drivers if one.kind == "group"]
        self.scale = scale_of(self.known, definition.outcome.metric, definition.outcome.question)
        self.parameters: dict[str, Any] = {
            "metric": definition.outcome.metric, "question": definition.outcome.question, "low": self.scale[0],
            "high": self.scale[1], "most": MOST_UNITS, "window": definition.window_days,
            "days": definition.outcome.days, "now": now.astimezone(UTC),
        }  # fmt: skip
        self.asked: list[Asked] = []
        self.by = next((one.key for one in self.groups if one.key.startswith("trait.")), None)  # brings its join along

    def table(self) -> Table:
        units = self._ask("drivers.outcomes", UNITS_SQL, UnitRow)
        self.place = {one.unit: row for row, one in enumerate(units)}
        self.unknown = np.array([one.person == NOBODY for one in units], dtype=bool)
        families = {
            "rating": self._ratings, "topic": self._topics, "fact": self._facts, "passed": self._passed,
        }  # fmt: skip
        found: dict[str, Column] = {}
        for kind, family in families.items():
            drivers = [one for one in self.definition.drivers if one.kind == kind]
            if drivers:
                found |= {column.driver.name: column for column in family(drivers)}
        told = np.array([one.groups for one in units], dtype=np.float64).reshape(len(units), len(self.groups))
        found |= {one.name: Column(one, told[:, place], 0, 1) for place, one in enumerate(self.groups)}
        return Table(
            outcome=np.array([one.outcome for one in units]), weights=np.array([one.heft for one in units]),
            columns=[found[one.name] for one in self.definition.drivers], asked=self.asked,
            scale=self.scale if self.kind == "answer" else None,
        )  # fmt: skip

    def _units_sql(self) -> str:
        table = SOURCE[self.kind]
        fields = [
            f"toFloat64({expression(one.key, table)} = {sql_text(one.value)})" for one in self.groups
        ]  # fmt: skip
        sql = {"answer": ANSWERS_SQL, "left": LEFT_SQL, "returned": RETURNED_SQL}[self.kind]
        plain = f"[{', '.join(fields)}]" if fields else "emptyArrayFloat64()"
        some = f"[{', '.join(f'max({one})' for one in fields)}]" if fields else plain
        return fill(sql, groups=plain, any_groups=some, present=PRESENT)

    def _ask(self, name: str, sql: str, row: type[Any], **parameters: Any) -> list[Any]:
        whole = with_customers(fill(sql, units=self._units_sql()), self.scope)
        answer = ask(
            whole, self.scope, row=row, name=name, table=SOURCE[self.kind], by=self.by,
            **(self.parameters | parameters),
        )  # fmt: skip
        said = {key: str(value) for key, value in answer.parameters.items()}
        self.asked.append(Asked(name, answer.sql, said))
        return answer.rows

    def _filled(self, rows: Sequence[ValuesRow], width: int, otherwise: float) -> Floats:
        found: Floats = np.full((len(self.place), width), otherwise)
        for one in rows:
            found[self.place[one.unit]] = one.values
        return found

    def _together(self, sql: str, values: Sequence[str]) -> str:
        """Of an answer, what the same response says; of a customer, what was said in the window."""
        same, when = (BY_RESPONSE, "1") if self.kind == "answer" else (f"{BY_PERSON}", IN_WINDOW)
        return fill(sql, values=", ".join(values), same=same, when=when)

    def _ratings(self, drivers: list[Driver]) -> list[Column]:
        scales, values = [], []
        for one in drivers:
            low, high = scale_of(self.known, one.metric, one.key)
            test = (
                f"fact.metric = {sql_text(one.metric)} AND fact.question = {sql_text(one.key)}"
                f" AND fact.score BETWEEN {low!r} AND {high!r}"
            )
            values.append(f"if(countIf({test}) = 0, nan, avgIf(toFloat64(assumeNotNull(fact.score)), {test}))")
            scales.append((low, high))
        sql = self._together(RATINGS_SQL, values)
        rows = self._ask("drivers.ratings", sql, ValuesRow, questions=sorted({one.key for one in drivers}))
        found = self._filled(rows, len(drivers), np.nan)
        return [Column(one, found[:, place], *scales[place]) for place, one in enumerate(drivers)]

    def _topics(self, drivers: list[Driver]) -> list[Column]:
        values, topics = [], set()
        for one in drivers:
            keys = keys_under(self.workspace.pk, one.key)
            topics |= set(keys)
            of = f"[{', '.join(map(sql_text, keys))}]"
            mine = f"hasAny(fact.topics, {of})"
            felt = f"arrayAvg(arrayFilter((feeling, topic) -> has({of}, topic), fact.felt, fact.topics))"
            values += [f"toFloat64(max({mine}))", f"ifNotFinite(avgIf(if({mine}, {felt}, 0), {mine}), 0)"]
        rows = self._ask("drivers.topics", self._together(TOPICS_SQL, values), ValuesRow, topics=sorted(topics))
        found = self._filled(rows, 2 * len(drivers), 0.0)
        return [
            Column(one, found[:, 2 * place + 1], -1, 1, mentioned=found[:, 2 * place])
            for place, one in enumerate(drivers)
        ]  # fmt: skip

    def _facts(self, drivers: list[Driver]) -> list[Column]:
        """Nothing happened to a customer of whom nothing is known to have happened; of nobody, nothing is known."""
        found: dict[str, Floats] = {}
        if any(one.key != "days_late" for one in drivers):
            sql = fill(TICKETS_SQL, present_ticket=PRESENT_TICKET, when=IN_WINDOW)
            rows = self._ask("drivers.tickets", sql, ValuesRow)
            found |= dict(zip(FACTS, self._filled(rows, 4, 0.0).T, strict=False))
        if any(one.key == "days_late" for one in drivers):
            rows = self._ask("drivers.lateness", fill(LATENESS_SQL, when=IN_WINDOW), ValuesRow)
            found["days_late"] = self._filled(rows, 1, 0.0)[:, 0]
        return [Column(one, np.where(self.unknown, np.nan, found[one.key]), 0) for one in drivers]

    def _passed(self, drivers: list[Driver]) -> list[Column]:
        values = [
            f"toFloat64(max(fact.process = {one.process} AND fact.label = {sql_text(one.key)}))" for one in drivers
        ]
        sql = fill(PASSED_SQL, values=", ".join(values), when=IN_WINDOW)
        rows = self._ask("drivers.passed", sql, ValuesRow, processes=sorted({one.process for one in drivers}))
        found = self._filled(rows, len(drivers), 0.0)
        return [
            Column(one, np.where(self.unknown, np.nan, found[:, place]), 0, 1) for place, one in enumerate(drivers)
        ]  # fmt: skip


def scale_of(known: dict[tuple[str, str], AskedQuestion], metric: str, question: str) -> tuple[float, float]:
    """The ends of the scale on which a question was answered most."""
    usual = default_scale((metric,))
    asked = known.get((metric, question))
    return bounds_of((asked.scale if asked else "") or usual) or bounds_of(usual) or (1.0, 5.0)
