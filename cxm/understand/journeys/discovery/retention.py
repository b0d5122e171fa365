"""Retention: of the customers who began, the share who come back later.

A customer begins with their first step within the scope, or their first `first` where one is named. They came back in
the k-th stretch (of a day, a week or 30 days) if any step, or a step `then`, lies in it; the first stretch begins one
stretch after the beginning. Customers whose k-th stretch is not over yet are left out of that share. Merged customers
count once; unknown ones do not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Grain, Scope
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share
from cxm.understand.journeys.models import Process
from cxm.understand.metrics.merges import with_customers

Unit = Literal["day", "week", "month"]
DAYS: Mapping[Unit, int] = {"day": 1, "week": 7, "month": 30}
GRAINS: Mapping[Unit, Grain] = {"day": "day", "week": "week", "month": "month"}
STRETCHES = 8
COHORTS = 24  # the newest ones

SQL = """
SELECT cohort, k, toUInt64(countIf(has(back, k))) AS hits, toUInt64(count()) AS total
FROM (
  SELECT $period AS cohort, began_ms, back FROM (
    SELECT customer_key, fromUnixTimestamp64Milli(began_ms, 'UTC') AS occurred_at, began_ms,
           arrayDistinct(arrayMap(at -> toUInt32(intDiv(at - began_ms, {stretch_ms:Int64})),
                                  arrayFilter(at -> at >= began_ms, ats))) AS back
    FROM (
      SELECT $customer AS customer_key,
             minIf(toUnixTimestamp64Milli(steps.occurred_at), {first:String} IN ('', label)) AS began_ms,
             groupArrayIf(toUnixTimestamp64Milli(steps.occurred_at), {then:String} IN ('', label)) AS ats
      FROM steps $join $merges WHERE $scope AND process = {process:UInt32} AND $known
      GROUP BY customer_key HAVING began_ms > 0
    )
  )
) ARRAY JOIN arrayMap(one -> toUInt32(one), range(1, {stretches:UInt32} + 1)) AS k
WHERE began_ms + (k + 1) * {stretch_ms:Int64} <= {seen_until_ms:Int64}
GROUP BY cohort, k ORDER BY cohort DESC, k LIMIT {most:UInt32}
"""


@dataclass(frozen=True, slots=True)
class Row:
    cohort: date
    k: int
    hits: int
    total: int


@dataclass(frozen=True, slots=True)
class Retention:
    """`cohorts`: first day → the share of each stretch, None where it is not over. `all` is over all cohorts."""

    unit: Unit
    cohorts: Mapping[date, list[Estimate | None]]
    all: list[Estimate | None]
    sql: str
    parameters: Mapping[str, Any]


def retention(
    process: Process, scope: Scope, now: datetime, *, unit: Unit = "week", first: str = "", then: str = ""
) -> Retention:  # fmt: skip
    until = min(scope.until or now, now)
    answer = ask(
        with_customers(SQL, scope), scope, row=Row, name="journeys.retention", table="steps", grain=GRAINS[unit],
        process=process.pk, first=first, then=then, stretch_ms=DAYS[unit] * 86_400_000, stretches=STRETCHES,
        seen_until_ms=int(until.timestamp() * 1000), most=5000,
    )  # fmt: skip
    cohorts: dict[date, list[Estimate | None]] = {}
    sums = [[0, 0] for _ in range(STRETCHES)]
    for row in answer.rows:
        cohorts.setdefault(row.cohort, [None] * STRETCHES)[row.k - 1] = share(row.hits, row.total)
        sums[row.k - 1][0] += row.hits
        sums[row.k - 1][1] += row.total
    kept = dict(sorted(cohorts.items())[-COHORTS:])
    everybody = [share(hits, total) if total else None for hits, total in sums]
    return Retention(unit, kept, everybody, answer.sql, answer.parameters)
