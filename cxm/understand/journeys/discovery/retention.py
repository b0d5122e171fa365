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
from uuid import UUID

from django.http import QueryDict

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

# Each customer with when they began, the journey that they began with, and the stretches that they came back in.
BEGUN = """
  SELECT customer_key, journey, $period AS cohort, began_ms, back FROM (
    SELECT customer_key, journey, fromUnixTimestamp64Milli(began_ms, 'UTC') AS occurred_at, began_ms,
           arrayDistinct(arrayMap(at -> toUInt32(intDiv(at - began_ms, {stretch_ms:Int64})),
                                  arrayFilter(at -> at >= began_ms, ats))) AS back
    FROM (
      SELECT $customer AS customer_key,
             minIf(toUnixTimestamp64Milli(steps.occurred_at), {first:String} IN ('', label)) AS began_ms,
             argMinIf(steps.journey, (steps.occurred_at, steps.number), {first:String} IN ('', label)) AS journey,
             groupArrayIf(toUnixTimestamp64Milli(steps.occurred_at), {then:String} IN ('', label)) AS ats
      FROM steps $join $merges WHERE $scope AND process = {process:UInt32} AND $known
      GROUP BY customer_key HAVING began_ms > 0
    )
  )
"""
SQL = f"""
SELECT cohort, k, toUInt64(countIf(has(back, k))) AS hits, toUInt64(count()) AS total
FROM ({BEGUN}) ARRAY JOIN arrayMap(one -> toUInt32(one), range(1, {{stretches:UInt32}} + 1)) AS k
WHERE began_ms + (k + 1) * {{stretch_ms:Int64}} <= {{seen_until_ms:Int64}}
GROUP BY cohort, k ORDER BY cohort DESC, k LIMIT {{most:UInt32}}
"""
# The same customers one by one: those of a cell of the table.
CELL = f"""
FROM ({BEGUN})
WHERE began_ms + ({{k:UInt32}} + 1) * {{stretch_ms:Int64}} <= {{seen_until_ms:Int64}}
      AND {{cohort:String}} IN ('', toString(cohort)) AND ({{back:UInt8}} = 0 OR has(back, {{k:UInt32}}))
"""
MEMBERS = f"""
SELECT customer_key, journey {CELL}
ORDER BY began_ms DESC, customer_key LIMIT {{size:UInt32}} OFFSET {{start:UInt32}}
"""
SIZE = f"SELECT count() AS n {CELL}"


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


@dataclass(frozen=True, slots=True)
class Cell:
    """What a list of customers is asked for. `cohort`: the first day of a period, or empty for all; `back`: only those
    who came back in the stretch `k`."""

    unit: Unit
    cohort: str
    k: int
    back: bool
    first: str
    then: str


@dataclass(frozen=True, slots=True)
class Member:
    customer_key: UUID
    journey: UUID


@dataclass(frozen=True, slots=True)
class Size:
    n: int


def hits_of(one: Estimate) -> int:
    """How many of a share's customers came back."""
    return round((one.value or 0.0) * one.n)


def read_cell(given: QueryDict, k: int) -> Cell:
    return Cell(
        read_unit(given), given.get("cohort", "")[:10], min(k, STRETCHES), given.get("back") == "1",
        given.get("first", ""), given.get("then", ""),
    )  # fmt: skip


def read_unit(given: QueryDict) -> Unit:
    return next((one for one in DAYS if one == given.get("unit")), "week")


def cell_size(process: Process, scope: Scope, now: datetime, cell: Cell) -> int:
    """How many customers the list of a cell has: its hits with `back`, else its total."""
    [size] = _members(SIZE, Size, "retention_size", process, scope, now, cell)
    return int(size.n)


def cell_rows(process: Process, scope: Scope, now: datetime, cell: Cell, *, start: int, size: int) -> list[Member]:
    """Some of them, those who began last first."""
    return _members(MEMBERS, Member, "retention_members", process, scope, now, cell, start=start, size=size)


def _members(
    sql: str, row: type[Any], name: str, process: Process, scope: Scope, now: datetime, cell: Cell, **more: Any
) -> list[Any]:  # fmt: skip
    return ask(
        with_customers(sql, scope), scope, row=row, name=f"journeys.{name}", table="steps", grain=GRAINS[cell.unit],
        process=process.pk, first=cell.first, then=cell.then, stretch_ms=DAYS[cell.unit] * 86_400_000, k=cell.k,
        seen_until_ms=_seen_until(scope, now), cohort=cell.cohort, back=int(cell.back), **more,
    ).rows  # fmt: skip


def _seen_until(scope: Scope, now: datetime) -> int:
    return int(min(scope.until or now, now).timestamp() * 1000)


def retention(
    process: Process, scope: Scope, now: datetime, *, unit: Unit = "week", first: str = "", then: str = ""
) -> Retention:  # fmt: skip
    answer = ask(
        with_customers(SQL, scope), scope, row=Row, name="journeys.retention", table="steps", grain=GRAINS[unit],
        process=process.pk, first=first, then=then, stretch_ms=DAYS[unit] * 86_400_000, stretches=STRETCHES,
        seen_until_ms=_seen_until(scope, now), most=5000,
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
