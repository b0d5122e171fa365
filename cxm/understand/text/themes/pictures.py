"""Charts of themes."""

from __future__ import annotations

from collections.abc import Sequence

from django.urls import reverse
from django.utils.translation import gettext as _

from cxm.lib.charts import Bubble, Bubbles, Distribution, Part, Point, Series, Stack, Tone, Trend

from .queries import Figures, Month, Overview

MOST = 30  # bubbles: more would hide each other
TONES: dict[str, Tone] = {"up": "good", "down": "bad", "no_evidence": "passive"}


def bubbles(overview: Overview, slug: str) -> Bubbles:
    """How each theme feels and how much it grows; the area is its size."""
    return Bubbles(
        title=_("Themes by size, mood and change"),
        note=_("A bubble to the right is spoken of with more pleasure, one further up more often than in the period"
               " before. Colour says whether the change of the mood is real."),
        name="themes",
        x_title=_("Mood (% positive − % negative)"), x_unit="points",
        y_title=_("Change of the share of all texts, in percentage points"), y_unit="points",
        size_title=_("Texts"),
        bubbles=[
            Bubble(
                label=one.theme.name, x=one.mood.value, y=100 * one.share_change.value, size=one.now.n,
                tone=TONES[one.mood_verdict], url=reverse("themes:show", args=[slug, one.theme.pk]),
            )
            for one in overview.themes[:MOST]
            if one.theme and one.now.n and one.mood.value is not None and one.share_change.value is not None
        ],
        tones={"good": _("Better"), "bad": _("Worse"), "passive": _("No evidence of change")},
    )  # fmt: skip


def moods(overview: Overview) -> Distribution:
    """What is said of each theme, as shares of its texts."""

    def parts(one: Figures) -> list[Part]:
        return [
            Part(label=_("Negative"), count=one.now.negative, tone="bad"),
            Part(label=_("Neutral or mixed"), count=one.now.neither, tone="passive"),
            Part(label=_("Positive"), count=one.now.positive, tone="good"),
        ]

    return Distribution(
        title=_("Mood of the largest themes"),
        name="moods",
        stacks=[
            Stack(label=one.theme.name, parts=parts(one))
            for one in overview.themes[:12] if one.theme and one.mood.n
        ],
    )  # fmt: skip


def trend(months: Sequence[Month]) -> Trend:
    points = []
    for month in months:
        share = month.share
        points.append(Point(start=month.start, value=share.value, low=share.low, high=share.high, n=month.total))
    return Trend(
        title=_("Share of all texts by month"), name="theme-by-month", unit="percent", step="month", size="small",
        series=[Series(name=_("This theme"), points=points)],
    )  # fmt: skip
