"""Why a number is what it is: its definition, filters and exclusions, the records behind it, and their spread."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.functional import Promise

from cxm.record.eventlog.ask import ask
from cxm.record.eventlog.scope import SEGMENT, Filter, Scope

from .complaints import RESOLUTION_SATISFACTION, about_resolution
from .figure import Figure
from .measuring import question_of
from .metric import Metric, Question
from .periods import utc
from .registry import metric_called
from .scores import answers_filter, ask_scores, asked, bounds_of, fill, limit_marks

MOST_RECORDS = 10_000  # on one page


@dataclass(frozen=True, slots=True)
class Why:
    """All that is needed to check a figure by hand."""

    name: Promise
    definition: Promise
    formula: str
    method: str
    source: str
    filters: tuple[Filter, ...]
    excluded: Mapping[str, int]
    sql: str
    parameters: Mapping[str, Any]


def why(figure: Figure) -> Why:
    """Definition, filters, what was left out (counted now, in the figure's own scope), SQL and its parameters."""
    metric = metric_called(figure.metric)
    question = question_of(metric, scope_of(figure), weighted=figure.weighted, options=figure.options)
    return Why(
        name=metric.name,
        definition=metric.definition,
        formula=metric.formula,
        method=figure.method,
        source=metric.source,
        filters=question.scope.filters,
        excluded=metric.excluded(question) if metric.excluded else {},
        sql=figure.sql,
        parameters=figure.parameters,
    )


def scope_of(figure: Figure) -> Scope:
    """The scope of one figure alone: its period, its filters and, with a breakdown, its group."""
    filters = figure.filters
    if figure.by_field and figure.by_field != SEGMENT:  # that of a segment has its filter already
        filters = (*filters, Filter(figure.by_field, "is", (figure.by,)))
    return Scope(figure.workspace_id, figure.time_zone, figure.since, figure.until, filters)


@dataclass(frozen=True, slots=True)
class Record:
    """One answer, ticket, order, subscription or event. `title`: the question, or the number of the ticket …"""

    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    title: str
    score: float | None
    weight: float
    comment: str
    channel: str
    touchpoint: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    records: list[Record]
    total: int
    page: int
    size: int


@dataclass(frozen=True, slots=True)
class TotalRow:
    n: int


TITLES = {
    "feedback": "question",
    "tickets": "ticket_id",
    "order_milestones": "order_id",
    "subscriptions": "subscription_id",
    "events": "name",
}
PLACES = {"feedback", "tickets", "order_milestones"}  # tables with channel and touchpoint
RECORDS_SQL = """
SELECT event_id, customer_id, occurred_at, toString($title) AS title, $score AS score, $weight AS weight,
       $comment AS comment, $channel AS channel, $touchpoint AS touchpoint, $details AS details
FROM $from $join
WHERE $scope AND $counted AND $after
ORDER BY occurred_at DESC, event_id LIMIT {size:UInt32} OFFSET {skip:UInt64}
"""
# Records after one of them, in this order: rows that come meanwhile shift nothing.
AFTER_SQL = (
    "(occurred_at < {after_at:DateTime64(3, 'UTC')}"
    " OR (occurred_at = {after_at:DateTime64(3, 'UTC')} AND event_id > {after_id:UUID}))"
)
TOTAL_SQL = "SELECT count() AS n FROM $from $join WHERE $scope AND $counted"


def answers_behind(
    metric: str,
    scope: Scope,
    *,
    page: int = 1,
    size: int = 50,
    after: Record | None = None,
    now: datetime | None = None,
    options: Mapping[str, Any] | None = None,
    **more: Any,
) -> Page:
    """A page of the records that a figure of this scope counts, newest first; `page` counts from 1.

    `after` gives the page that follows this record, whatever its number: for walking through all of them.
    """
    found = metric_called(metric)
    question = question_of(found, scope, now=now, options={**(options or {}), **more})
    if found is RESOLUTION_SATISFACTION:
        question = about_resolution(question)
    size = max(1, min(size, MOST_RECORDS))
    answers, place = found.table == "feedback", found.table in PLACES
    marks = {
        "from": found.table,
        "title": TITLES[found.table],
        "score": "score" if answers else "CAST(NULL, 'Nullable(Float64)')",
        "weight": "weight" if answers else "1.",
        "comment": "comment" if answers else "''",
        "channel": "toString(channel)" if place else "''",
        "touchpoint": "toString(touchpoint)" if place else "''",
        "details": "properties" if found.table == "events" else "toJSONString(properties)",
        "counted": counted(found, question),
    }
    parameters = asked(question) if answers else {}
    place_of: dict[str, Any] = {"after_at": after.occurred_at, "after_id": after.event_id} if after else {}
    (total,) = ask(
        fill(TOTAL_SQL, **marks), question.scope, row=TotalRow, name="metrics.behind", table=found.table, **parameters
    ).rows
    rows = ask(
        fill(RECORDS_SQL, **marks, after=AFTER_SQL if after else "1"), question.scope, row=Record,
        name="metrics.behind", table=found.table, size=size, skip=0 if after else (max(page, 1) - 1) * size,
        **parameters, **place_of,
    ).rows  # fmt: skip
    records = [
        replace(row, occurred_at=utc(row.occurred_at), details=json.loads(str(row.details) or "{}")) for row in rows
    ]
    return Page(records, total.n, max(page, 1), size)


def counted(metric: Metric, question: Question) -> str:
    """SQL for the records that count."""
    if metric.table != "feedback":
        return f"({metric.counted})"
    kinds = kinds_of(metric, question)
    marks = limit_marks(question, kinds) if "$low" in metric.counted else {}
    return f"{answers_filter(question, kinds)} AND ({fill(metric.counted, **marks)})"


def kinds_of(metric: Metric, question: Question) -> tuple[str, ...]:
    kind = question.options.get("kind", "any")
    return metric.kinds if kind == "any" else (kind,)


@dataclass(frozen=True, slots=True)
class Bar:
    """How many answers gave a score; `weight` is the sum of their weights."""

    scale: str
    score: float
    n: int
    weight: float


@dataclass(frozen=True, slots=True)
class BarRow:
    scale_name: str
    point: float
    answers: int
    weights: float


BARS_SQL = """
SELECT toString($scale) AS scale_name, assumeNotNull(score) AS point, toUInt64(sum($n)) AS answers,
       toFloat64(sum($w)) AS weights
FROM $table $join
WHERE $scope AND $answers AND score BETWEEN $low AND $high
GROUP BY $scale, point ORDER BY scale_name, point
"""


def distribution(
    metric: str,
    scope: Scope,
    *,
    weighted: bool = False,
    now: datetime | None = None,
    options: Mapping[str, Any] | None = None,
    **more: Any,
) -> list[Bar]:
    """How often each score was given, on each scale, with zeros for whole scores that nobody gave.

    Empty for metrics that are not made of scores.
    """
    found = metric_called(metric)
    question = question_of(found, scope, weighted=weighted, now=now, options={**(options or {}), **more})
    kinds = kinds_of(found, question)
    if found.table != "feedback" or "score" not in found.counted:
        return []
    if found is RESOLUTION_SATISFACTION:
        question = about_resolution(question)
    rows = [
        Bar(row.scale_name, row.point, row.answers, row.weights)
        for row in ask_scores(question, BARS_SQL, BarRow, name="distribution", kinds=kinds).rows
    ]
    bars = {(row.scale, row.score): row for row in rows}
    for scale in {row.scale for row in rows}:
        low, high = bounds_of(scale) or (0, -1)
        for score in range(int(low), int(high) + 1) if high - low <= 100 else ():
            bars.setdefault((scale, float(score)), Bar(scale, float(score), 0, 0.0))
    return [bars[key] for key in sorted(bars)]
