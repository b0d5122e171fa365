"""Figures as charts: what the chart of a trend, a breakdown, a spread or a survival curve shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from django.utils.translation import gettext as _

from cxm.lib import numbers
from cxm.lib.charts import (
    Bar,
    Bars,
    Bin,
    Curve,
    Distribution,
    Histogram,
    Moment,
    Part,
    Point,
    Series,
    Stack,
    Survival,
    Tone,
    Trend,
)
from cxm.record.customers.segments import segment_names
from cxm.record.eventlog.scope import SEGMENT, TEXT_FIELDS
from cxm.stats.survival import CurveRow
from cxm.understand.metrics import queries as metrics
from cxm.understand.metrics.figure import Figure
from cxm.understand.metrics.periods import first_day, next_period
from cxm.understand.text.naming import value_name
from cxm.understand.text.understanding import topic_names

from .asking import Asked
from .names import GRAINS, PARTS, field_name


def scaled(value: float | None, figure: Figure) -> float | None:
    """Charts want shares as 0 to 1; figures hold them in percent."""
    return value / 100 if value is not None and figure.unit == "percent" else value


def points(figures: Sequence[Figure]) -> list[Point]:
    return [
        Point(
            start=figure.period or date(1970, 1, 1),
            value=scaled(figure.value, figure),
            low=scaled(figure.low, figure),
            high=scaled(figure.high, figure),
            n=figure.n,
        )
        for figure in figures
    ]


def trend_chart(asked: Asked, figures: Sequence[Figure], *, title: str = "", other: Sequence[Figure] = ()) -> Trend:
    """The trend of a view; with the other segment beside it where two segments are compared."""
    metric, grain = asked.metric, asked.grain
    series = [Series(name=str(metric.name) if not other else _("This segment"), points=points(figures))]
    if other:
        series.append(Series(name=_("Other segment"), points=points(other)))
    first = figures[0] if figures else None
    return Trend(
        title=title or _("Trend by %(step)s") % {"step": str(GRAINS[grain]).lower()},
        series=series,
        step="day" if grain == "all" else grain,
        unit=metric.unit,
        currency=first.currency if first else "",
        note=_note(asked, figures),
        name=f"{metric.key}-by-{grain}",
    )


def _note(asked: Asked, figures: Sequence[Figure]) -> str:
    """What the band is, and that a first or last step cut by the period counts only its days in it."""
    days, grain = asked.days, asked.grain
    last = min(days.last, asked.today) if days.last else asked.today
    cut = days.first is not None and first_day(days.first, grain) != days.first
    if grain != "all" and figures:
        cut = cut or next_period(first_day(last, grain), grain) != last + timedelta(days=1)
    band = _("Band: 95 % interval of each point")
    if cut:
        band = _("Band: 95 % interval of each point. The first and the last may hold only a part of their days.")
    unit = unit_note(asked.metric.unit)
    return _("%(unit)s. %(band)s") % {"unit": unit, "band": band} if unit else band


def unit_note(unit: str) -> str:
    """The unit that the axis of a chart has no room for."""
    return {"hours": _("In hours"), "days": _("In days")}.get(unit, "")


def bars_chart(asked: Asked, figures: Sequence[Figure], urls: Mapping[str, str]) -> Bars:
    by = asked.view.by
    names = group_names(asked, [figure.by for figure in figures])
    return Bars(
        title=_("Broken down by %(field)s") % {"field": field_name(by)},
        bars=[
            Bar(
                label=names[figure.by],
                value=scaled(figure.value, figure),
                low=scaled(figure.low, figure),
                high=scaled(figure.high, figure),
                n=figure.n,
                url=urls.get(figure.by, ""),
            )
            for figure in figures
        ],
        group=field_name(by),
        unit=asked.metric.unit,
        currency=figures[0].currency if figures else "",
        note=_("Lines: 95 % interval"),
        name=f"{asked.metric.key}-by-{by}",
    )


def group_name(value: str) -> str:
    return value or _("(empty)")


def group_names(asked: Asked, values: Iterable[str]) -> dict[str, str]:
    """What the groups of the breakdown are called."""
    by = asked.view.by
    if by == SEGMENT:
        names = segment_names(asked.workspace.pk)
        return {value: names.get(value, value) for value in values}
    if by not in TEXT_FIELDS:
        return {value: group_name(value) for value in values}
    topics = topic_names(asked.workspace.pk) if by == "text.topic" else {}
    return {value: topics.get(value) or (value_name(by, value) if value else group_name(value)) for value in values}


def parts_chart(figure: Figure, before: Figure | None, names: tuple[str, str]) -> Distribution | None:
    """Detractors, passives and promoters; None for a metric that is not made of them."""
    order: tuple[tuple[str, Tone], ...] = (("detractors", "bad"), ("passives", "passive"), ("promoters", "good"))
    sides = [(names[0], figure), *([(names[1], before)] if before and before.n else [])]
    if not all(key in figure.parts for key, _tone in order):
        return None
    return Distribution(
        title=_("Promoters, passives and detractors"),
        stacks=[
            Stack(
                label=name if len(sides) > 1 else "",
                parts=[Part(label=str(PARTS[key]), count=side.parts[key], tone=tone) for key, tone in order],
            )
            for name, side in sides
        ],
        name=f"{figure.metric}-shares",
    )


def score_chart(asked: Asked, bars: Sequence[metrics.Bar]) -> Histogram | None:
    if not bars:
        return None
    scales = {bar.scale for bar in bars}
    return Histogram(
        title=_("How often each score was given"),
        bins=[
            Bin(count=bar.weight if asked.view.weighted else bar.n, label=_bin_label(bar, len(scales) > 1))
            for bar in bars
        ],
        unit="count",
        name=f"{asked.metric.key}-scores",
    )


def _bin_label(bar: metrics.Bar, with_scale: bool) -> str:
    score = f"{bar.score:g}"
    return _("%(score)s (scale %(scale)s)") % {"score": score, "scale": bar.scale} if with_scale else score


def survival_chart(curves: Mapping[str, Sequence[CurveRow]]) -> Survival | None:
    """Kaplan–Meier curves, by group where there is a breakdown; at most seven, the largest."""
    largest = sorted(curves.items(), key=lambda pair: -pair[1][0].at_risk if pair[1] else 0)[:7]
    drawn = [
        Curve(
            name=group_name(name) if len(curves) > 1 else _("Still there"),
            moments=[Moment(time=0, value=1.0, n=rows[0].at_risk)]
            + [Moment(time=row.time, value=row.survival, low=row.low, high=row.high, n=row.at_risk) for row in rows],
        )
        for name, rows in largest
        if rows
    ]
    if not drawn:
        return None
    return Survival(title=_("Share still there, by months since the start"), curves=drawn, time_unit="months")


def count_text(number: float) -> str:
    return numbers.amount(number, "count")
