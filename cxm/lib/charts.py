"""What a chart shows, as plain values: any shelf can say it, the web shelf draws it (docs/reference/charts.md).

Every kind has a `title` (one plain sentence or noun), a `note` under it, a `unit` of cxm.lib.numbers, and a `name` for
the files that a reader saves. Values are numbers in that unit (percent: a share of 0–1), never formatted text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

Size = Literal["small", "medium", "large"]
Step = Literal["hour", "day", "week", "month", "quarter", "year"]
Tone = Literal["bad", "passive", "good", ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One period of a trend, by its first day (an hour by its start). value None: nothing was measured, a gap."""

    start: date
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something that happened in the period that starts then, such as a break that a test found."""

    start: date
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Lines over periods, each with its interval as a band."""

    title: str
    series: Sequence[Series]
    step: Step = "month"
    marks: Sequence[Mark] = ()
    unit: str = "score"
    currency: str = ""
    note: str = ""
    name: str = "trend"
    size: Size = "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    url: str = ""
    tone: Tone = ""  # passive: grey


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """A breakdown: one bar a group with its interval and n, the largest value first unless sort is off."""

    title: str
    bars: Sequence[Bar]
    group: str = ""  # what the groups are: the heading of the first column of the table
    sort: bool = True
    unit: str = "score"
    currency: str = ""
    note: str = ""
    name: str = "breakdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """A column of a histogram: values of low ≤ x < high, or the answer `label`."""

    count: float
    low: float | None = None
    high: float | None = None
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How many of each value. unit is that of the values."""

    title: str
    bins: Sequence[Bin]
    unit: str = "score"
    currency: str = ""
    note: str = ""
    name: str = "histogram"
    size: Size = "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A step of a survival curve: the share alive from `time` on; n at risk."""

    time: float
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    name: str
    moments: Sequence[Moment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survival:
    """Shares that are still there over time (Kaplan–Meier), as steps with bands."""

    title: str
    curves: Sequence[Curve]
    time_unit: str = "days"  # days, weeks or months
    note: str = ""
    name: str = "survival"
    size: Size = "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    label: str
    count: float
    tone: Tone = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One bar of 100 %. Every stack of a chart has the same parts in the same order."""

    label: str
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Shares of a whole, such as detractors, passives and promoters."""

    title: str
    stacks: Sequence[Stack]
    note: str = ""
    name: str = "distribution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    label: str
    x: float
    y: float
    size: float  # shown as area
    tone: Tone = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubbles:
    """Things by two numbers and a size. `tones` says what the colours mean, in words.

    `x_line` and `y_line` part the picture in four. `is_change`: y is a change, shown with its sign.
    """

    title: str
    bubbles: Sequence[Bubble]
    x_title: str
    y_title: str
    size_title: str
    tones: Mapping[Tone, str]
    x_unit: str = "score"
    y_unit: str = "score"
    x_line: float | None = None
    y_line: float | None = 0.0
    is_change: bool = True
    note: str = ""
    name: str = "bubbles"
    size: Size = "large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparkline:
    """A line without axes, drawn on the server; `label` says in words what it shows."""

    values: Sequence[float | None]
    label: str
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


Chart = Trend | Bars | Histogram | Survival | Distribution | Bubbles
