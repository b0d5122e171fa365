"""What the REST API of paths takes and gives."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from ninja import Field, Schema

from cxm.accounts.rest import EstimateOut
from cxm.understand.journeys.steps.funnels import MOST_STEPS

from .outcomes import Outcome
from .reading import MOST
from .retention import STRETCHES, Unit


class ScopeQuery(Schema):
    since: str | None = Field(None, max_length=40, description="A date or a time, included; see the metrics")
    until: str | None = Field(None, max_length=40, description="A date or a time, not included")
    filter: list[str] = Field(
        [],
        description="field:operator:value; fields are label, channel, touchpoint, trait.NAME, property.NAME, segment",
    )


class ProcessIn(Schema):
    name: str = Field(max_length=200)
    definition: dict[str, Any] = Field(
        description="case, events, label_by, labels, collapse, gap_s: see the guide of paths"
    )


class ProcessOut(Schema):
    id: int
    name: str
    definition: dict[str, Any]
    map: UUID | None = Field(description="Of a map: its steps are the touchpoints")
    steps: int
    journeys: int
    built_at: datetime | None
    up_to: datetime = Field(description="Everything that was received until then is taken in")
    building: bool


class LabelOut(Schema):
    label: str
    n: int
    journeys: int
    starts: int
    ends: int
    repeats: int


class TransitionOut(Schema):
    label: str
    next: str = Field(description="Empty: the journey ends")
    n: int
    journeys: int
    mean_s: float | None
    median_s: float | None
    p90_s: float | None


class GraphOut(Schema):
    labels: list[LabelOut]
    transitions: list[TransitionOut]
    sql: str


class CellOut(Schema):
    number: int
    label: str
    n: int
    share: float


class FlowOut(Schema):
    number: int
    label: str
    next: str
    n: int


class PathOut(Schema):
    path: list[str]
    key: str = Field(description="Names it in the list of journeys: path=…")
    n: int
    share: EstimateOut
    median_s: float
    score: EstimateOut | None
    fitness: float | None


class PathsOut(Schema):
    paths: list[PathOut]
    journeys: int
    variants: int
    expected: list[str]
    conforming: EstimateOut
    fitness: float | None
    outcome: str | None
    scale: str | None


class LevelOut(Schema):
    number: int
    label: str
    n: int
    of_first: EstimateOut
    of_before: EstimateOut | None
    dropped: int


class FunnelGroupOut(Schema):
    by: str
    levels: list[LevelOut]


class BetweenOut(Schema):
    begun: int
    reached: EstimateOut
    mean: EstimateOut = Field(description="Seconds")
    median: EstimateOut
    p90: EstimateOut


class SessionsOut(Schema):
    sessions: int
    journeys: int
    mean_steps: float | None
    median_steps: float | None
    single: EstimateOut
    median_s: float | None
    p90_s: float | None


class CohortOut(Schema):
    began: date
    stretches: list[EstimateOut | None] = Field(description="null: not over yet")


class RetentionOut(Schema):
    unit: str
    cohorts: list[CohortOut]
    all: list[EstimateOut | None]


class MarkOut(Schema):
    label: str
    inside: float
    outside: float


class GroupOut(Schema):
    number: int
    n: int
    share: EstimateOut
    marks: list[MarkOut]
    path: list[str] = Field(description="The path that most of its journeys take")
    path_share: EstimateOut = Field(description="Of its journeys: those that take it")
    customers: int = Field(description="As events carry them")
    steps: float
    median_s: float
    score: EstimateOut | None


class GroupsOut(Schema):
    groups: list[GroupOut]
    sampled: int
    silhouette: float


class JourneyOut(Schema):
    journey: UUID
    customer: UUID | None
    started_at: datetime
    duration_s: float
    steps: list[str]


class JourneysOut(Schema):
    title: str
    journeys: int
    customers: int | None
    items: list[JourneyOut]


class StepsQuery(ScopeQuery):
    first: int = Field(6, ge=1, le=50)
    last: int = Field(0, ge=0, le=50, description="Of the last steps instead, counted from the end")


class PathsQuery(ScopeQuery):
    outcome: Outcome | None = None
    expected: list[str] = Field([], description="The expected path; the most frequent one unless told")


class FunnelQuery(ScopeQuery):
    step: list[str] = Field(min_length=2, max_length=12)
    within: str = Field("", max_length=8, description="30m, 12h, 7d; no limit unless told")
    ordered: bool = True
    without: list[str] = []
    by: str | None = Field(None, max_length=200, description="channel, touchpoint, trait.NAME or property.NAME")


class BetweenQuery(ScopeQuery):
    first: str = Field(max_length=500)
    then: str = Field(max_length=500)


class SessionsQuery(ScopeQuery):
    gap_s: int = Field(1800, ge=1, le=31_536_000)


class RetentionQuery(ScopeQuery):
    unit: Unit = "week"
    first: str = Field("", max_length=500)
    then: str = Field("", max_length=500)


class GroupsQuery(ScopeQuery):
    groups: int = Field(0, ge=0, le=8, description="0: as many as fit best")
    outcome: Outcome | None = None


class JourneysQuery(ScopeQuery):
    step: str = Field("", max_length=500)
    next: str = Field("", max_length=500)
    ends: Literal["", "1"] = ""
    number: int = Field(0, ge=0, le=9_999_999)
    from_end: int = Field(0, ge=0, le=9_999_999)
    step_not: list[str] = Field([], max_length=MOST)
    next_not: list[str] = Field([], max_length=MOST)
    path: str = Field("", max_length=20)
    first: str = Field("", max_length=500)
    then: str = Field("", max_length=500)
    reached: Literal["0", "1"] = "1"
    funnel: list[str] = Field([], max_length=MOST_STEPS)
    within: str = Field("", max_length=8, description="Of a funnel: 30m, 12h, 7d")
    any: Literal["", "1"] = Field("", description="Of a funnel: in any order")
    without: list[str] = Field([], max_length=MOST, description="Of a funnel: steps that may not lie in between")
    by: str = Field("", max_length=200, description="Of a funnel: told apart by that; see `of`")
    of: str = Field("", max_length=500, description="Of a funnel: the group is:VALUE of `by`, or is_not_set")
    level: int = Field(1, ge=1, le=MOST_STEPS)
    dropped: Literal["", "1"] = Field("", description="Who came no further")
    group: int = Field(0, ge=0, le=8)
    groups: int = Field(0, ge=0, le=8)
    stretch: int = Field(0, ge=0, le=STRETCHES)
    unit: Unit = "week"
    cohort: date | None = None
    back: Literal["", "1"] = ""
    page: int = Field(1, ge=1, le=100_000)
    limit: int = Field(50, ge=1, le=500)
