"""Charts as the browser takes them: labels and texts ready in the reader's language, raw numbers for the picture.

The script (frontend/src/charts.js) places shapes and never writes a sentence; the table behind a chart, and its CSV,
come from the same values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, assert_never

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cxm.lib import numbers
from cxm.lib.charts import Bars, Bin, Bubbles, Chart, Distribution, Histogram, Sparkline, Survival, Trend

Cell = str | float | None


@dataclass(frozen=True, slots=True)
class Table:
    """The data behind a chart. `raw` is for the CSV, `shown` for readers; `texts` columns come before the numbers."""

    columns: list[str]
    raw: list[list[Cell]]
    shown: list[list[str]]
    texts: int

    @property
    def rows(self) -> list[list[tuple[str, bool]]]:
        """Each cell with whether it is a number."""
        return [[(cell, place >= self.texts) for place, cell in enumerate(row)] for row in self.shown]


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart, ready to draw: `data` for the script, `legend` the (name, colour class) pairs, and the table."""

    kind: str
    size: str
    data: dict[str, Any]
    table: Table
    legend: list[tuple[str, str]]


def draw(chart: Chart) -> Drawing:
    """The drawing of a chart in the active language and time zone."""
    match chart:
        case Trend():
            return _trend(chart)
        case Bars():
            return _bars(chart)
        case Histogram():
            return _histogram(chart)
        case Survival():
            return _survival(chart)
        case Distribution():
            return _distribution(chart)
        case Bubbles():
            return _bubbles(chart)
        case _:
            assert_never(chart)


def _no_rows() -> tuple[list[list[Cell]], list[list[str]]]:
    """The raw and the shown rows of a table, still to be filled."""
    return [], []


def _value_columns() -> list[str]:
    return [_("Value"), _("Lower bound"), _("Upper bound"), _("n")]


def _legend(names: Iterable[str]) -> list[tuple[str, str]]:
    """Names with their colours; a single series needs no legend."""
    pairs = [(name, f"c{place % 7 + 1}") for place, name in enumerate(names)]
    return pairs if len(pairs) > 1 else []


def _trend(chart: Trend) -> Drawing:
    starts = sorted({point.start for series in chart.series for point in series.points})
    place = {start: index for index, start in enumerate(starts)}
    series_data = []
    raw, shown = _no_rows()
    for series in chart.series:
        points: list[dict[str, Any] | None] = [None] * len(starts)
        for point in sorted(series.points, key=lambda one: one.start):
            text = numbers.statement(point.value, point.low, point.high, point.n, chart.unit, chart.currency)
            points[place[point.start]] = {"v": point.value, "l": point.low, "h": point.high, "t": text}
            label = numbers.period(point.start, chart.step)
            bounds = [numbers.amount(x, chart.unit, chart.currency) for x in (point.value, point.low, point.high)]
            raw.append([series.name, point.start.isoformat(), point.value, point.low, point.high, point.n])
            shown.append([series.name, label, *bounds, numbers.amount(point.n, "count")])
        series_data.append({"name": series.name, "points": points})
    marks = [{"at": place[mark.start], "label": mark.label} for mark in chart.marks if mark.start in place]
    labels = [numbers.period(start, chart.step) for start in starts]
    return Drawing(
        kind="trend",
        size=chart.size,
        data={
            "labels": labels, "series": series_data, "marks": marks, "unit": chart.unit, "currency": chart.currency,
        },
        table=Table([_("Series"), _("Period"), *_value_columns()], raw, shown, 2),
        legend=_legend(series.name for series in chart.series),
    )  # fmt: skip


def _bars(chart: Bars) -> Drawing:
    bars = list(chart.bars)
    if chart.sort:
        bars.sort(key=lambda bar: (bar.value is None, -(bar.value or 0)))
    data = []
    raw, shown = _no_rows()
    for bar in bars:
        data.append(
            {
                "label": bar.label,
                "n": _("n = %(n)s") % {"n": numbers.amount(bar.n, "count")} if bar.n is not None else "",
                "v": bar.value, "l": bar.low, "h": bar.high, "url": bar.url, "colour": bar.tone,
                "s": numbers.amount(bar.value, chart.unit, chart.currency),
                "t": numbers.statement(bar.value, bar.low, bar.high, bar.n, chart.unit, chart.currency),
            }
        )  # fmt: skip
        bounds = [numbers.amount(x, chart.unit, chart.currency) for x in (bar.value, bar.low, bar.high)]
        raw.append([bar.label, bar.value, bar.low, bar.high, bar.n])
        shown.append([bar.label, *bounds, numbers.amount(bar.n, "count")])
    return Drawing(
        kind="bars",
        size="fitted",
        data={"bars": data, "unit": chart.unit, "currency": chart.currency},
        table=Table([chart.group or _("Group"), *_value_columns()], raw, shown, 1),
        legend=[],
    )


def _bin_label(one: Bin, chart: Histogram) -> str:
    if one.label:
        return one.label
    if one.low is not None and one.high is not None:
        return numbers.interval(one.low, one.high, chart.unit, chart.currency)
    if one.low is not None:
        return _("%(low)s or more") % {"low": numbers.amount(one.low, chart.unit, chart.currency)}
    return _("under %(high)s") % {"high": numbers.amount(one.high, chart.unit, chart.currency)}


def _histogram(chart: Histogram) -> Drawing:
    total = sum(one.count for one in chart.bins) or 1
    data = []
    raw, shown = _no_rows()
    for one in chart.bins:
        label, share = _bin_label(one, chart), one.count / total
        text = _share_text(one.count, share)
        data.append({"label": label, "v": one.count, "t": text})
        raw.append([label, one.count, share])
        shown.append([label, numbers.amount(one.count, "count"), numbers.amount(share, "percent")])
    return Drawing(
        kind="histogram",
        size=chart.size,
        data={"bins": data, "unit": "count"},
        table=Table([_("Value"), _("Count"), _("Share")], raw, shown, 1),
        legend=[],
    )


def _share_text(count: float, share: float) -> str:
    return _("%(count)s (%(share)s)") % {
        "count": numbers.amount(count, "count"),
        "share": numbers.amount(share, "percent"),
    }


def _survival(chart: Survival) -> Drawing:
    curves = []
    raw, shown = _no_rows()
    for curve in chart.curves:
        points = []
        for moment in curve.moments:
            text = numbers.statement(moment.value, moment.low, moment.high, moment.n, "percent")
            time = numbers.amount(moment.time, chart.time_unit)
            points.append(
                {"x": moment.time, "v": moment.value, "l": moment.low, "h": moment.high, "t": text, "at": time}
            )
            bounds = [numbers.amount(x, "percent") for x in (moment.value, moment.low, moment.high)]
            raw.append([curve.name, moment.time, moment.value, moment.low, moment.high, moment.n])
            shown.append([curve.name, time, *bounds, numbers.amount(moment.n, "count")])
        curves.append({"name": curve.name, "points": points})
    units = {"days": _("Days"), "weeks": _("Weeks"), "months": _("Months")}
    return Drawing(
        kind="survival",
        size=chart.size,
        data={"curves": curves, "unit": "percent", "axis": units.get(chart.time_unit, "")},
        table=Table([_("Curve"), _("Time"), _("Share left"), *_value_columns()[1:3], _("At risk")], raw, shown, 1),
        legend=_legend(curve.name for curve in chart.curves),
    )


def _distribution(chart: Distribution) -> Drawing:
    stacks = []
    raw, shown = _no_rows()
    for stack in chart.stacks:
        total = sum(part.count for part in stack.parts) or 1
        parts = []
        for part in stack.parts:
            share = part.count / total
            shown_share = numbers.amount(share, "percent")
            parts.append({"v": share, "s": shown_share, "t": _share_text(part.count, share)})
            raw.append([stack.label, part.label, part.count, share])
            shown.append([stack.label, part.label, numbers.amount(part.count, "count"), shown_share])
        stacks.append({"label": stack.label, "parts": parts})
    first = chart.stacks[0].parts if chart.stacks else ()
    legend = [(part.label, part.tone or f"c{place % 7 + 1}") for place, part in enumerate(first)]
    return Drawing(
        kind="distribution",
        size="fitted",
        data={"stacks": stacks, "parts": [{"name": name, "colour": colour} for name, colour in legend]},
        table=Table([_("Group"), _("Part"), _("Count"), _("Share")], raw, shown, 2),
        legend=legend,
    )


def _bubbles(chart: Bubbles) -> Drawing:
    data = []
    raw, shown = _no_rows()
    written = numbers.signed if chart.is_change else numbers.amount
    colours = {tone: tone or f"c{place % 7 + 1}" for place, tone in enumerate(chart.tones)}
    for one in sorted(chart.bubbles, key=lambda bubble: -bubble.size):
        x, y = numbers.amount(one.x, chart.x_unit), written(one.y, chart.y_unit)
        size, verdict = numbers.amount(one.size, "count"), chart.tones.get(one.tone, "")
        data.append({
            "label": one.label, "x": one.x, "y": one.y, "n": one.size, "url": one.url,
            "colour": colours.get(one.tone, one.tone),
            "t": [[chart.x_title, x], [chart.y_title, y], [chart.size_title, size], [verdict, ""]],
        })  # fmt: skip
        raw.append([one.label, verdict, one.x, one.y, one.size])
        shown.append([one.label, verdict, x, y, size])
    return Drawing(
        kind="bubbles",
        size=chart.size,
        data={
            "bubbles": data, "x": {"title": chart.x_title, "unit": chart.x_unit, "line": chart.x_line},
            "y": {"title": chart.y_title, "unit": chart.y_unit, "line": chart.y_line},
        },
        table=Table(
            [_("Group"), pgettext("chart", "Judgement"), chart.x_title, chart.y_title, chart.size_title], raw, shown, 2
        ),
        legend=[(words, colours[tone]) for tone, words in chart.tones.items()],
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spark:
    """SVG paths in a box of 100 × 30."""

    line: str
    band: str
    dot: str


def spark(chart: Sparkline) -> Spark:
    """The paths of a sparkline. Gaps stay gaps; a flat line lies in the middle."""
    known = [v for values in (chart.values, chart.low, chart.high) for v in values if v is not None]
    if not known:
        return Spark("", "", "")
    bottom, top = min(known), max(known)
    steps = max(len(chart.values) - 1, 1)

    def point(place: int, number: float) -> str:
        height = 15.0 if top == bottom else 28 - 26 * (number - bottom) / (top - bottom)
        return f"{100 * place / steps:.2f} {height:.2f}"

    def path(values: Iterable[tuple[int, float | None]]) -> str:
        text, pen_down = "", False
        for place, number in values:
            if number is not None:
                text += f"{'L' if pen_down else 'M'}{point(place, number)}"
            pen_down = number is not None
        return text

    band = ""
    pairs = [
        (place, low, high)
        for place, (low, high) in enumerate(zip(chart.low, chart.high, strict=True))
        if low is not None and high is not None
    ]
    if len(pairs) > 1:
        there = [point(place, high) for place, _low, high in pairs]
        back = [point(place, low) for place, low, _high in reversed(pairs)]
        band = "M" + "L".join([*there, *back]) + "Z"
    last = next(((p, v) for p, v in reversed(list(enumerate(chart.values))) if v is not None), None)
    dot = f"M{point(*last)}h0.01" if last else ""
    return Spark(path(enumerate(chart.values)), band, dot)
