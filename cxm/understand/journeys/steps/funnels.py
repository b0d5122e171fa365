"""Funnels: how many journeys come how far through given steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from cxm.record.eventlog.scope import Scope, expression, sql_text

from ..models import Process
from .queries import Found, _ask

MOST_STEPS = 12
FOREVER_MS = 10**15


@dataclass(frozen=True, slots=True)
class Reached:
    """How many journeys came to the step `level` (from 1) at least, in the group `by` (empty without a breakdown)."""

    by: str
    level: int
    n: int


@dataclass(frozen=True, slots=True)
class Levels:
    by: str
    level: int
    n: int


@dataclass(frozen=True, slots=True)
class Which:
    journey: UUID
    customer_id: UUID
    by: str


PER_JOURNEY = """
SELECT journey, any(case_id) AS case_id, argMin(customer_id, number) AS customer_id,
       {by} AS by, toUInt8({level}) AS level
FROM {rows}
GROUP BY journey HAVING level > 0
"""
ROWS = "(SELECT journey, case_id, customer_id, number, occurred_at, label, $by AS value FROM steps $join" \
       " WHERE $scope AND process = {process:UInt32} AND label IN {used:Array(String)})"  # fmt: skip


def funnel(
    process: Process, scope: Scope, steps: Sequence[str], *, within_s: float | None = None, ordered: bool = True,
    exclusions: Sequence[str] = (), by: str | None = None,
) -> Found[Reached]:  # fmt: skip
    """How many journeys do `steps` one after the other, with others in between, within so long after the first.

    Without `ordered` in any order: a journey has come to step k when the first k of them all happened within that
    time. Of steps of one moment any may be the earlier. A label of `exclusions` in between ends an attempt; another
    one may begin after it. With `by` (touchpoint, channel, trait.NAME, property.NAME of the event) the group is
    that of the journey's first step of the funnel. Raises ValueError for fewer than two steps, too many, or one that
    is there twice.
    """
    sql, asked = _levels(steps, within_s, ordered, exclusions, by)
    found = _ask(
        f"SELECT by, level, count() AS n FROM ({sql}) GROUP BY by, level ORDER BY by, level",
        process, scope, Levels, "funnel", by=by, **asked,
    )  # fmt: skip
    reached = [
        Reached(group, level, sum(row.n for row in found.rows if row.by == group and row.level >= level))
        for group in dict.fromkeys(row.by for row in found.rows) for level in range(1, len(steps) + 1)
    ]  # fmt: skip
    if not reached and by is None:
        reached = [Reached("", level, 0) for level in range(1, len(steps) + 1)]
    return Found(tuple(reached), found.sql, found.parameters)


def funnel_journeys(
    process: Process, scope: Scope, steps: Sequence[str], level: int, *, dropped: bool, within_s: float | None = None,
    ordered: bool = True, exclusions: Sequence[str] = (), by: str | None = None, group: str | None = None,
    limit: int = 50, offset: int = 0,
) -> Found[Which]:  # fmt: skip
    """The journeys that came to step `level` (from 1); with `dropped`, those that came no further. With `group`, those
    of that group of `by`."""
    sql, asked = _levels(steps, within_s, ordered, exclusions, by)
    wanted = "" if group is None else " AND by = {asked_group:String}"
    return _ask(
        f"SELECT journey, customer_id, by FROM ({sql}) WHERE level {'=' if dropped else '>='} {{asked_level:UInt8}}"
        f"{wanted} ORDER BY journey LIMIT {{most:UInt32}} OFFSET {{skipped:UInt32}}",
        process, scope, Which, "funnel_journeys", by=by, asked_level=level, asked_group=group or "", most=limit,
        skipped=offset, **asked,
    )  # fmt: skip


def _levels(
    steps: Sequence[str], within_s: float | None, ordered: bool, exclusions: Sequence[str], by: str | None
) -> tuple[str, dict[str, Any]]:
    """One row for each journey that begins the funnel: journey, case_id, customer_id, by, level."""
    if not 2 <= len(steps) <= MOST_STEPS or len(set(steps)) < len(steps):
        raise ValueError("A funnel has two to twelve different steps.")
    if set(steps) & set(exclusions):
        raise ValueError("A step of a funnel cannot be excluded from it.")
    within = FOREVER_MS if within_s is None else round(within_s * 1000)
    tests = [f"label = {sql_text(one)}" for one in steps]
    at = "toUInt64(toUnixTimestamp64Milli(occurred_at) + 100000000000000)"  # never negative
    rows, used = ROWS, list(steps)
    group = "argMin(value, (NOT (" + (tests[0] if ordered else "1") + "), number))" if by else "''"
    if exclusions:
        used += exclusions
        out = "label IN {excluded:Array(String)}"
        rows = (
            f"(SELECT *, countIf({out}) OVER (PARTITION BY journey ORDER BY number"
            f" ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS attempt FROM {ROWS})"
        )
    level = f"windowFunnel({within})({at}, {', '.join(tests)})" if ordered else _any_order(tests, at, within)
    sql = PER_JOURNEY.format(by=group, level=level, rows=rows)
    if exclusions:
        inner = sql.replace("GROUP BY journey HAVING level > 0", "GROUP BY journey, attempt HAVING level > 0")
        inner = inner.replace("toUInt8(", "min(number) AS begun, toUInt8(", 1)
        sql = (
            "SELECT journey, any(case_id) AS case_id, argMin(customer_id, begun) AS customer_id,"
            f" argMin(by, begun) AS by, max(level) AS level FROM ({inner}) GROUP BY journey"
        )
    return sql, {"used": used, "excluded": list(exclusions)}


def _any_order(tests: Sequence[str], at: str, within: int) -> str:
    """The largest k for which the first k steps all happened within one stretch of that length."""
    times = [f"groupArrayIf({at}, {test})" for test in tests]
    found = []
    for k in range(1, len(tests) + 1):
        reached = " AND ".join(f"arrayExists(t -> t BETWEEN s AND s + {within}, {one})" for one in times[:k])
        found.append(f"arrayExists(s -> {reached}, arrayConcat({', '.join(times[:k])}))")
    return " + ".join(f"({one})" for one in found)


def known_breakdown(by: str) -> bool:
    """Whether a funnel can be split by that field."""
    try:
        expression(by, "steps")
    except ValueError:
        return False
    return all(ord(letter) >= 32 for letter in by)
