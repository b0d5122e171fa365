"""A page with every component and chart, for the tests of the frame: ROOT_URLCONF = "cxm.testing.showcase"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import path

from cxm.accounts.access import membership_for
from cxm.lib.charts import (
    Bar,
    Bars,
    Bin,
    Curve,
    Distribution,
    Histogram,
    Mark,
    Moment,
    Part,
    Point,
    Series,
    Sparkline,
    Stack,
    Survival,
    Trend,
)
from cxm.web.urls import urlpatterns as product


@dataclass(frozen=True)
class Shown:
    value: float
    low: float | None
    high: float | None
    n: int
    unit: str
    currency: str = ""


class ShowcaseForm(forms.Form):
    name = forms.CharField(help_text="Shown in lists.")
    kind = forms.ChoiceField(choices=[("a", "CSV"), ("b", "XLSX")])
    role = forms.ChoiceField(choices=[("a", "Viewer"), ("b", "Analyst")], widget=forms.RadioSelect)
    since = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    mail = forms.EmailField(label="E-mail", required=False)
    weekly = forms.BooleanField(label="Send me the report every week", required=False)


def _months(count: int) -> list[date]:
    return [date(2025 + month // 12, month % 12 + 1, 1) for month in range(count)]


def _line(base: float, phase: float, months: int = 18, drop: float = 0) -> list[Point]:
    points = []
    for place, start in enumerate(_months(months)):
        value = base + 4 * math.sin(place / 2 + phase) - (drop if place > 11 else 0)
        wide = 3 + 2 * math.cos(place)
        points.append(Point(start=start, value=value, low=value - wide, high=value + wide, n=700 + 31 * place))
    return points


def charts() -> dict[str, object]:
    """One chart of each kind, with invented numbers."""
    nps = _line(40, 0, drop=9)
    low, high = [point.low for point in nps], [point.high for point in nps]
    return {
        "trend": Trend(
            title="Net Promoter Score by month",
            note="Band: 95 % interval",
            name="nps-by-month",
            unit="points",
            series=[Series(name="All customers", points=nps)],
            marks=[Mark(start=date(2026, 1, 1), label="Level shift")],
        ),
        "two": Trend(
            title="CSAT by channel",
            unit="percent",
            step="week",
            series=[_weekly("E-mail", 0.71), _weekly("Web chat", 0.8), _weekly("Phone", 0.64)],
        ),
        "bars": Bars(
            title="NPS by touchpoint",
            group="Touchpoint",
            unit="points",
            note="Whiskers: 95 % interval",
            bars=[
                Bar(label="Delivery", value=-12.4, low=-18, high=-7.1, n=1204, url="#delivery"),
                Bar(label="Product page on the web site of the shop", value=42.2, low=38.7, high=45.6, n=2746),
                Bar(label="Customer service", value=31.3, low=22.4, high=39.6, n=388),
                Bar(label="Billing", value=18.8, low=3.2, high=33.1, n=92),
            ],
        ),
        "histogram": Histogram(
            title="How likely are you to recommend us?",
            note="Answers from 0 to 10",
            bins=[Bin(label=str(x), count=c) for x, c in enumerate((31, 12, 25, 30, 41, 88, 97, 240, 410, 520, 612))],
        ),
        "survival": Survival(
            title="Customers who stay",
            note="Kaplan–Meier, with 95 % band",
            time_unit="months",
            curves=[_curve("Fibre", 0.02), _curve("DSL", 0.045)],
        ),
        "distribution": Distribution(
            title="Detractors, passives and promoters",
            stacks=[
                _stack("This month", 212, 380, 1032),
                _stack("Last month", 310, 402, 890),
                _stack("Черкаси 臺北", 12, 40, 59),
            ],
        ),
        "spark": Sparkline(values=[p.value for p in nps], low=low, high=high, label="NPS, last 18 months"),
        "empty_chart": Trend(title="Nothing yet", series=[]),
    }


def _weekly(name: str, base: float) -> Series:
    points = []
    for week in range(14):
        value = base + 0.04 * math.sin(week + base * 9)
        start = date(2026, 1, 5) + timedelta(weeks=week)
        gap = week == 6
        points.append(
            Point(start=start, value=None if gap else value, low=value - 0.03, high=value + 0.03, n=0 if gap else 120)
        )
    return Series(name=name, points=points)


def _curve(name: str, rate: float) -> Curve:
    moments = []
    for month in range(25):
        alive = math.exp(-rate * month)
        wide = 0.004 * month
        moments.append(
            Moment(time=month, value=alive, low=alive - wide, high=min(1, alive + wide), n=4000 - 120 * month)
        )
    return Curve(name=name, moments=moments)


def _stack(label: str, bad: int, passive: int, good: int) -> Stack:
    return Stack(
        label=label,
        parts=[
            Part(label="Detractors", count=bad, tone="bad"),
            Part(label="Passives", count=passive, tone="passive"),
            Part(label="Promoters", count=good, tone="good"),
        ],
    )


def showcase(request: HttpRequest, slug: str) -> HttpResponse:
    membership = membership_for(request.user, slug)
    messages.success(request, "The import is finished: 2,746 answers.")
    messages.error(request, "Three rows were refused.")
    figures = [
        ("NPS", Shown(39.8, 37.0, 42.6, 2746, "points")),
        ("CSAT", Shown(0.812, 0.794, 0.829, 1903, "percent")),
        ("Resolution time", Shown(27.5, 26.1, 29.0, 588, "hours")),
        ("Customer value", Shown(1234.5, 1180, 1300, 8000, "money", "EUR")),
    ]
    context = RequestContext(
        request,
        {
            "membership": membership, "workspace": membership.workspace, "figures": figures,
            "form": ShowcaseForm(request.POST or ({} if "errors" in request.GET else None)),
            "page_obj": Paginator(range(500), 20).get_page(4), "month": date(2026, 3, 1), **charts(),
        },
    )  # fmt: skip
    return HttpResponse(Template(SOURCE.read_text(encoding="utf-8")).render(context))


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a page that fails, on purpose")


SOURCE = Path(__file__).with_name("showcase.html")
urlpatterns = [
    path("w/<slug:slug>/showcase", showcase, name="showcase"),
    path("broken", broken, name="broken"),
    *product,
]
