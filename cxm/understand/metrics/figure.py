"""Figures: a number never travels alone. It carries its interval, n, unit, period, definition and question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from cxm.record.eventlog.scope import Filter, Grain

Unit = Literal["points", "percent", "score", "hours", "days", "purchases", "money", "count", "per_100"]
Direction = Literal["higher", "lower", "neutral"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number and all that is needed to trust it and to get it again.

    `value`, `low`, `high`: in `unit` (shares in percent 0–100, NPS in points, money in `currency`); all None where
    there is nothing to measure, `low` or `high` alone where the data do not bound that side. `n`: answers, tickets or
    customers behind the value, unweighted. `method` names the interval. `parts`: the sums the value is made of, such
    as promoters, passives and detractors (sums of weights when weighted). `since` is included, `until` is not; None
    leaves a side open. `period`: first day of the period in `time_zone`, None over all time. `by`: the group's value of
    the field `by_field`. `sql` and `parameters`: the question as the engine saw it.
    """

    workspace_id: int
    metric: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    unit: Unit
    method: str
    weighted: bool
    since: datetime | None
    until: datetime | None
    time_zone: str
    grain: Grain
    period: date | None
    by_field: str
    by: str
    filters: tuple[Filter, ...]
    options: Mapping[str, Any]
    sql: str
    parameters: Mapping[str, Any]
    parts: Mapping[str, float] = field(default_factory=dict)
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """`after` minus `before`, with its 95 % interval, in the unit of both.

    `p_value`: two-sided, for "no change"; None when a side has too few answers. What it means for a page is said by
    `judge` over all changes that the page shows.
    """

    metric: str
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    n_before: int
    n_after: int
    unit: Unit
    before: Figure
    after: Figure
