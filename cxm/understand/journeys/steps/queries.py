"""Core questions to the steps of a process.

Each takes the process and a scope and returns frozen rows, with the question as the engine saw it for "why this
number?". A scope's period and filters choose *steps*: a transition counts when the step that it leaves is in the
scope. What is said of a whole journey (variants, durations, starts) counts journeys whose first step is in the scope,
and tells their whole way, also beyond the period.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import Scope

from ..models import Process

Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Found(Generic[Row]):
    """The rows, and the question that they answer."""

    rows: tuple[Row, ...]
    sql: str
    parameters: Mapping[str, Any]


def _ask(sql: str, process: Process, scope: Scope, row: type[Row], name: str, **more: Any) -> Found[Row]:
    answer = ask(sql, scope, row=row, name=f"journeys.{name}", table="steps", process=process.pk, **more)
    return Found(tuple(answer.rows), answer.sql, answer.parameters)


def _whole(scope: Scope) -> bool:
    """Nothing is cut away: then numbers counted when the steps were written hold."""
    return scope.since is None and scope.until is None and not scope.filters


@dataclass(frozen=True, slots=True)
class Transition:
    """How often `next` follows `label` directly (empty: the journey ends), in how many journeys, after how long.

    Times are in seconds; None where the journey ends.
    """

    label: str
    next: str
    n: int
    journeys: int
    mean_s: float | None
    median_s: float | None
    p90_s: float | None


# Journeys are counted by their first pass; where steps are cut away, that may be the one that is missing.
# One function for both quantiles: each would gather the gaps for itself.
TRANSITIONS = """
{head} SELECT label, next, count() AS n, {journeys} AS journeys,
       {mean} AS mean_s, {median} AS median_s, {p90} AS p90_s
FROM steps $join WHERE $scope AND process = {{process:UInt32}}
GROUP BY label, next ORDER BY n DESC, label, next
"""


def transitions(process: Process, scope: Scope, *, times: bool = True) -> Found[Transition]:
    """The directly-follows graph; without `times` three times as fast, with None for each of them.

    Quantiles are those of the sorted gaps at position q·(n - 1), interpolated.
    """
    nothing = "CAST(NULL, 'Nullable(Float64)')"
    sql = TRANSITIONS.format(
        journeys="countIf(pass = 1)" if _whole(scope) else "uniqExact(journey)",
        head="WITH quantilesExactInclusive(0.5, 0.9)(gap_ms) AS reaches" if times else "",
        mean="if(next = '', NULL, avg(gap_ms) / 1000)" if times else nothing,
        median="if(next = '', NULL, reaches[1] / 1000)" if times else nothing,
        p90="if(next = '', NULL, reaches[2] / 1000)" if times else nothing,
    )
    return _ask(sql, process, scope, Transition, "transitions")


@dataclass(frozen=True, slots=True)
class Cell:
    """How many journeys have `label` as their step `number`, and their share of those that begin in the scope."""

    number: int
    label: str
    n: int
    share: float


STEP_MATRIX = """
SELECT number, label, count() AS n,
       n / (SELECT count() FROM steps $join WHERE $scope AND process = {{process:UInt32}} AND {side} = 1) AS share
FROM steps $join WHERE $scope AND process = {{process:UInt32}} AND {side} <= {{most:UInt32}}
GROUP BY {side} AS number, label ORDER BY number, n DESC, label
"""


def step_matrix(process: Process, scope: Scope, *, first: int = 20, last: int = 0) -> Found[Cell]:
    """Which label the first steps have; with `last`, the last ones, `number` counted from the end."""
    sql = STEP_MATRIX.format(side="from_end" if last else "number")
    sql = sql.replace("SELECT number, label", f"SELECT {'from_end' if last else 'number'} AS number, label")
    sql = sql.replace(f"GROUP BY {'from_end' if last else 'number'} AS number", "GROUP BY number")
    return _ask(sql, process, scope, Cell, "step_matrix", most=last or first)


@dataclass(frozen=True, slots=True)
class Flow:
    """How many journeys go from `label` as their step `number` to `next`; empty: they end there.

    Of the last steps, `number` counts from the end, and the flow leads to step `number` - 1.
    """

    number: int
    label: str
    next: str
    n: int


SANKEY = """
SELECT {side} AS number, label, next, count() AS n
FROM steps $join WHERE $scope AND process = {{process:UInt32}} AND {side} BETWEEN {low} AND {{most:UInt32}}
GROUP BY number, label, next ORDER BY number, n DESC, label, next
"""


def sankey(process: Process, scope: Scope, *, first: int = 6, last: int = 0) -> Found[Flow]:
    """The flows between the first steps (six nodes have five flows between them and ends), or between the last."""
    sql = SANKEY.format(side="from_end" if last else "number", low=2 if last else 1)
    return _ask(sql, process, scope, Flow, "sankey", most=last or max(first - 1, 1))


@dataclass(frozen=True, slots=True)
class Variant:
    """A way that journeys take: its labels, how many take it, their share of all, and how long they take.

    `path` names it in `journeys_of`. Seconds from the first to the last step.
    """

    path: int
    labels: tuple[str, ...]
    n: int
    share: float
    median_s: float
    mean_s: float


@dataclass(frozen=True, slots=True)
class _VariantRow:
    path: int
    n: int
    every: int
    distinct: int
    median_s: float
    mean_s: float
    example: UUID


@dataclass(frozen=True, slots=True)
class _WayRow:
    journey: UUID
    labels: list[str]


VARIANTS = """
SELECT path, count() AS n, sum(n) OVER () AS every, count() OVER () AS distinct,
       quantileExactInclusive(0.5)(left_ms) / 1000 AS median_s, avg(left_ms) / 1000 AS mean_s, min(journey) AS example
FROM steps $join WHERE $scope AND process = {process:UInt32} AND number = 1
GROUP BY path ORDER BY n DESC, path LIMIT {most:UInt32} OFFSET {skipped:UInt32}
"""
WAYS = """
SELECT journey, arrayMap(x -> x.2, arraySort(groupArray((number, CAST(label, 'String'))))) AS labels
FROM steps WHERE $scope AND process = {process:UInt32} AND journey IN {journeys:Array(UUID)}
GROUP BY journey
"""


@dataclass(frozen=True, slots=True)
class Variants(Found[Variant]):
    """`distinct` is how many variants there are, `journeys` how many journeys they have together."""

    distinct: int
    journeys: int


def variants(process: Process, scope: Scope, *, limit: int = 20, offset: int = 0) -> Variants:
    """The most frequent ways of the journeys that begin in the scope."""
    found = _ask(VARIANTS, process, scope, _VariantRow, "variants", most=limit, skipped=offset)
    ways = labels_of(process, scope, [row.example for row in found.rows])
    rows = tuple(
        Variant(row.path, ways[row.example], row.n, row.n / row.every, row.median_s, row.mean_s) for row in found.rows
    )
    first = found.rows[0] if found.rows else None
    return Variants(rows, found.sql, found.parameters, first.distinct if first else 0, first.every if first else 0)


def labels_of(process: Process, scope: Scope, journeys: list[UUID]) -> dict[UUID, tuple[str, ...]]:
    """The whole way of each of these journeys."""
    whole = Scope(scope.workspace_id)
    found = _ask(WAYS, process, whole, _WayRow, "ways", journeys=[str(one) for one in journeys])
    return {row.journey: tuple(row.labels) for row in found.rows}


@dataclass(frozen=True, slots=True)
class Edge:
    """How often a label is the first, the last, and any step; in how many journeys it is; how often it comes again."""

    label: str
    n: int
    journeys: int
    starts: int
    ends: int
    repeats: int


ENDS = """
SELECT label, count() AS n, {journeys} AS journeys, countIf(number = 1) AS starts, countIf(from_end = 1) AS ends,
       n - journeys AS repeats
FROM steps $join WHERE $scope AND process = {{process:UInt32}} GROUP BY label ORDER BY n DESC, label
"""


def starts_and_ends(process: Process, scope: Scope) -> Found[Edge]:
    """Each label with where it stands in the journeys."""
    sql = ENDS.format(journeys="countIf(visit = 1)" if _whole(scope) else "uniqExact(journey)")
    return _ask(sql, process, scope, Edge, "starts_and_ends")


@dataclass(frozen=True, slots=True)
class Journey:
    """One journey. `customer_id` is that of its first step, as the event carries it; `duration_s`: first to last."""

    journey: UUID
    customer_id: UUID
    started_at: Any
    steps: int
    duration_s: float


JOURNEYS = """
SELECT journey, argMin(customer_id, number) AS customer_id, min(occurred_at) AS started_at, toUInt64(count()) AS steps,
       max(left_ms) / 1000 AS duration_s
FROM steps WHERE {plain} AND process = {{process:UInt32}} AND (case_id, journey) GLOBAL IN (
    SELECT case_id, journey FROM steps $join WHERE $scope AND process = {{process:UInt32}} AND {which}
)
GROUP BY journey ORDER BY started_at DESC, journey LIMIT {{most:UInt32}} OFFSET {{skipped:UInt32}}
"""
COUNTED = """
SELECT uniqExact(journey) AS journeys, uniqExact(customer_id) AS customers
FROM steps $join WHERE $scope AND process = {{process:UInt32}} AND {which}
"""


@dataclass(frozen=True, slots=True)
class Behind:
    """What is behind a number: which steps. A node is a label, an edge a pair of labels (next empty: the end).

    `number` and `from_end` ask for the place of the label in the journey, `path` for a variant, `journeys` for a drop
    of a funnel (`funnel_journeys`). What is None is not asked.
    """

    label: str | None = None
    next: str | None = None
    number: int | None = None
    from_end: int | None = None
    path: int | None = None

    def sql(self) -> tuple[str, dict[str, Any]]:
        kinds = {"label": "String", "next": "String", "number": "UInt32", "from_end": "UInt32", "path": "UInt64"}
        asked = {name: value for name in kinds if (value := getattr(self, name)) is not None}
        parts = [f"{name} = {{behind_{name}:{kinds[name]}}}" for name in asked]
        if self.path is not None:
            parts.append("number = 1")
        return " AND ".join(parts) or "number = 1", {f"behind_{name}": value for name, value in asked.items()}


@dataclass(frozen=True, slots=True)
class Count:
    journeys: int
    customers: int


def journeys_of(
    process: Process, scope: Scope, behind: Behind, *, limit: int = 50, offset: int = 0
) -> Found[Journey]:  # fmt: skip
    """The journeys behind a node, an edge or a variant, the newest first; those that begin in the scope for none."""
    which, asked = behind.sql()
    sql = JOURNEYS.format(which=which, plain="$workspace")
    return _ask(sql, process, scope, Journey, "journeys_of", most=limit, skipped=offset, **asked)


def count_of(process: Process, scope: Scope, behind: Behind) -> Count:
    """How many journeys and customers (as events carry them) are behind it."""
    which, asked = behind.sql()
    return _ask(COUNTED.format(which=which), process, scope, Count, "count_of", **asked).rows[0]
