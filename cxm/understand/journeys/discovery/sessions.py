"""Sessions: the steps of a journey, parted wherever nothing happened for longer than a gap.

A session lies wholly in one journey. Its time runs from its first step to its last, so that a session of one step takes
none. Steps outside of the scope count in no session.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope
from cxm.stats.estimate import Estimate
from cxm.stats.intervals import share
from cxm.understand.journeys.models import Process

UP_TO = (1, 2, 3, 5, 10)  # steps of a session, and sessions of a journey: the upper ends of the columns

SQL = """
SELECT toUInt64(count()) AS sessions, toUInt64(uniqExact(journey)) AS journeys,
       avg(size) AS mean_steps, quantileExact(0.5)(size) AS median_steps, toUInt64(countIf(size = 1)) AS single,
       quantileExactIf(0.5)(took, size > 1) AS median_s, quantileExactIf(0.9)(took, size > 1) AS p90_s,
       arrayMap(n -> toUInt64(n), sumForEach(arrayMap(edge -> size <= edge ? 1 : 0, {edges:Array(UInt32)}))) AS sizes
FROM (
  SELECT journey, toFloat64(length(part)) AS size, (part[-1].2 - part[1].2) / 1000 AS took
  FROM (
    SELECT journey, arraySort(groupArray((number, toUnixTimestamp64Milli(occurred_at), gap_ms))) AS all_steps
    FROM steps $join WHERE $scope AND process = {process:UInt32}
    GROUP BY journey
  )
  ARRAY JOIN arrayReverseSplit(one -> one.3 > {gap_ms:Int64}, all_steps) AS part
)
"""


@dataclass(frozen=True, slots=True)
class Row:
    sessions: int
    journeys: int
    mean_steps: float
    median_steps: float
    single: int
    median_s: float
    p90_s: float
    sizes: list[int]


@dataclass(frozen=True, slots=True)
class Sessions:
    """`columns`: (fewest steps, most steps or None, sessions). Times are those of sessions with several steps."""

    sessions: int
    journeys: int
    mean_steps: float | None
    median_steps: float | None
    single: Estimate
    median_s: float | None
    p90_s: float | None
    columns: list[tuple[int, int | None, int]]
    sql: str
    parameters: Mapping[str, Any]


def sessions(process: Process, scope: Scope, gap_s: int) -> Sessions:
    answer = ask(
        SQL, scope, row=Row, name="journeys.sessions", table="steps", process=process.pk, gap_ms=gap_s * 1000,
        edges=list(UP_TO),
    )  # fmt: skip
    row = answer.rows[0]
    under = [0, *(row.sizes or [0] * len(UP_TO)), row.sessions]
    columns: list[tuple[int, int | None, int]] = [
        (
            (UP_TO[place - 1] if place else 0) + 1,
            UP_TO[place] if place < len(UP_TO) else None,
            under[place + 1] - under[place],
        )
        for place in range(len(UP_TO) + 1)
    ]
    several = row.sessions > row.single
    return Sessions(
        row.sessions, row.journeys,
        row.mean_steps if row.sessions else None, row.median_steps if row.sessions else None,
        share(row.single, row.sessions),
        row.median_s if several else None, row.p90_s if several else None,
        columns if row.sessions else [], answer.sql, answer.parameters,
    )  # fmt: skip
