"""The time between two steps of one journey.

Of each journey that has the step `first` within the scope, the time from its first `first` to the first `then` after
it, which lies in the scope too. Journeys that never come to `then` have no time and count in the share only. Steps of
one moment are zero apart. Of `first` = `then`, it is the time to the first repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.estimate import Estimate, nothing
from cxm.stats.intervals import mean_of, share
from cxm.stats.quantiles import quantile_from_ranks, quantile_ranks
from cxm.stats.samples import MeanSample
from cxm.understand.journeys.models import Process

HOUR = 3600
EDGES_S = (60, 300, 900, HOUR, 4 * HOUR, 24 * HOUR, 72 * HOUR, 168 * HOUR, 720 * HOUR)  # upper edges of the columns
ROUNDS = 3

WAITS_SQL = """
SELECT journey, minIf(number, label = {first:String}) AS began,
       minIf(toUnixTimestamp64Milli(occurred_at), label = {first:String}) AS began_ms,
       groupArrayIf((number, toUnixTimestamp64Milli(occurred_at)), label = {then:String}) AS thens,
       arrayFilter(one -> one.1 > began, thens) AS later,
       notEmpty(later) AS reached, (arrayMin(arrayMap(one -> one.2, later)) - began_ms) / 1000 AS wait
FROM steps $join WHERE $scope AND process = {process:UInt32} AND label IN ({first:String}, {then:String})
GROUP BY journey HAVING began > 0
"""
SUMS_SQL = f"""
SELECT toUInt64(count()) AS begun, toUInt64(countIf(reached)) AS reached_n, sumIf(wait, reached) AS total,
       sumIf(wait * wait, reached) AS squares,
       arrayMap(edge -> toUInt64(edge), sumForEachIf(
           arrayMap(edge -> wait < edge ? 1 : 0, {{edges:Array(Float64)}}), reached)) AS under
FROM ({WAITS_SQL})
"""
RANKS_SQL = f"""
SELECT toUInt64(length(sorted)) AS n, arrayMap(rank -> sorted[rank], {{ranks:Array(UInt32)}}) AS fetched
FROM (SELECT arraySort(groupArrayIf(wait, reached)) AS sorted FROM ({WAITS_SQL}))
"""


@dataclass(frozen=True, slots=True)
class SumsRow:
    begun: int
    reached_n: int
    total: float
    squares: float
    under: list[int]


@dataclass(frozen=True, slots=True)
class RanksRow:
    n: int
    fetched: list[float]


@dataclass(frozen=True, slots=True)
class Between:
    """Times in seconds. `reached` is the share that comes to the second step. `columns`: (from, up to, n)."""

    begun: int
    reached: Estimate
    mean: Estimate
    median: Estimate
    p90: Estimate
    columns: list[tuple[float, float | None, int]]
    sql: str
    parameters: Mapping[str, Any]


def time_between(process: Process, scope: Scope, first: str, then: str) -> Between:
    given: dict[str, Any] = {"process": process.pk, "first": first, "then": then}
    for _round in range(ROUNDS):
        sums = ask(
            SUMS_SQL, scope, row=SumsRow, name="journeys.between", table="steps",
            edges=[float(edge) for edge in EDGES_S], **given,
        )  # fmt: skip
        row = sums.rows[0]
        if not row.reached_n:
            reached = share(0, row.begun) if row.begun else nothing()
            return Between(row.begun, reached, nothing(), nothing(), nothing(), [], sums.sql, sums.parameters)
        middle, high = quantile_ranks(row.reached_n, 0.5), quantile_ranks(row.reached_n, 0.9)
        wanted = sorted({*middle.needed, *high.needed})
        found = ask(RANKS_SQL, scope, row=RanksRow, name="journeys.between", table="steps", ranks=wanted, **given).rows[
            0
        ]
        if found.n == row.reached_n:  # else some arrived between the two questions
            break
    values = dict(zip(wanted, found.fetched, strict=True))
    return Between(
        row.begun,
        share(row.reached_n, row.begun),
        _mean(row),
        quantile_from_ranks(middle, {rank: values[rank] for rank in middle.needed}),
        quantile_from_ranks(high, {rank: values[rank] for rank in high.needed}),
        _columns(row),
        sums.sql,
        sums.parameters,
    )


def _mean(row: SumsRow) -> Estimate:
    """Student's interval knows no end; a time has one."""
    found = mean_of(MeanSample(row.reached_n, row.total, row.squares))
    return found if found.low is None else replace(found, low=max(found.low, 0.0))


def _columns(row: SumsRow) -> list[tuple[float, float | None, int]]:
    edges: list[float] = [0.0, *EDGES_S]
    under = [0, *(row.under or [0] * len(EDGES_S)), row.reached_n]
    upper: list[float | None] = [*EDGES_S, None]
    return [
        (low, high, under[place + 1] - under[place]) for place, (low, high) in enumerate(zip(edges, upper, strict=True))
    ]
