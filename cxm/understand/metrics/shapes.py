"""What the REST calls of metrics take and give."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Field, Schema

from cxm.record.eventlog.scope import Grain

FILTER = (
    "field:operator:value, repeated for several. Fields are columns, property.NAME or trait.NAME; operators are is,"
    " is_not, contains, at_least, at_most, is_set and is_not_set (these two without a value). The same field and"
    " operator again adds another value that will do."
)


class MetricOut(Schema):
    key: str
    name: str
    definition: str
    formula: str
    interval: str
    unit: str
    direction: str
    table: str
    weighted: bool
    source: str
    events: str
    options: list[OptionOut]


class OptionOut(Schema):
    key: str
    name: str
    kind: str
    default: Any = None
    values: list[str]


class FigureOut(Schema):
    """`value`, `low` and `high` in the unit of the answer (shares in percent, 0–100); null where unknown."""

    period: date | None
    by: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    currency: str
    since: datetime | None
    until: datetime | None
    parts: dict[str, float]


class FiguresOut(Schema):
    metric: str
    name: str
    definition: str
    formula: str
    unit: str
    direction: str
    weighted: bool
    grain: str
    by: str
    time_zone: str
    since: datetime | None
    until: datetime | None
    filters: list[str]
    options: dict[str, Any]
    sql: str
    parameters: dict[str, Any]
    figures: list[FigureOut]


class ChangeOut(Schema):
    by: str
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    n_before: int
    n_after: int
    unit: str
    verdict: Literal["up", "down", "no_evidence"]
    before: FigureOut
    after: FigureOut


class RecordOut(Schema):
    event_id: UUID
    customer_id: UUID
    occurred_at: datetime
    title: str
    score: float | None
    weight: float
    comment: str
    channel: str
    touchpoint: str
    details: dict[str, Any]


class RecordsOut(Schema):
    total: int
    page: int
    size: int
    records: list[RecordOut]


class BarOut(Schema):
    scale: str
    score: float
    n: int
    weight: float


class WhyOut(Schema):
    name: str
    definition: str
    formula: str
    method: str
    source: str
    filters: list[str]
    excluded: dict[str, int]
    sql: str
    parameters: dict[str, Any]


class StepOut(Schema):
    time: float
    at_risk: int
    ended: int
    survival: float
    low: float | None
    high: float | None


class CurveOut(Schema):
    by: str
    median: EstimateOut
    steps: list[StepOut]


class EstimateOut(Schema):
    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str


class ModelOut(Schema):
    """Parameters with 95 % intervals: r, alpha (weeks), a, b of BG/NBD; p, q, v of Gamma–Gamma."""

    customers: int
    returning: int
    purchases: dict[str, EstimateOut] | None
    values: dict[str, EstimateOut] | None
    expected_purchases: float | None
    expected_value: float | None
    problem: str
    sql: str


class FieldsOut(Schema):
    questions: list[dict[str, Any]]
    fields: dict[str, list[dict[str, Any]]]


class ScopeQuery(Schema):
    since: str = Field("", max_length=60, description="Included. A date in the workspace's time zone, or a time.")
    until: str = Field("", max_length=60, description="Not included.")
    filter: list[str] = Field([], max_length=50, description=FILTER)
    weighted: bool = Field(False, description="Use the answers' weights.")


class FiguresQuery(ScopeQuery):
    grain: Grain = Field("all", description="One figure for each of these; weeks are ISO weeks.")
    by: str = Field("", max_length=300, description="A column, property.NAME, trait.NAME or segment to split by.")


class CompareQuery(ScopeQuery):
    by: str = Field("", max_length=300, description="A field: every value of it is compared.")
    before_since: str = Field("", max_length=60, description="Of the earlier side; without it, the same as since.")
    before_until: str = Field("", max_length=60)
    before_filter: list[str] = Field([], max_length=50, description="Filters of the earlier side only.")
    after_filter: list[str] = Field([], max_length=50, description="Filters of the later side only.")


class RecordsQuery(ScopeQuery):
    page: int = Field(1, ge=1, le=100_000)
    size: int = Field(50, ge=1, le=1000)


class ModelQuery(ScopeQuery):
    weeks: float = Field(52, ge=0, le=520, description="How far to look ahead.")
    frequency: int | None = Field(None, ge=0, le=100_000, description="Purchases after the first, of one customer.")
    recency: float = Field(0, ge=0, le=10_000, description="Weeks from the first to the last purchase.")
    age: float = Field(0, ge=0, le=10_000, description="Weeks from the first purchase to the end.")
    mean_value: float = Field(0, ge=0, le=1e12, description="Mean value of those purchases.")
