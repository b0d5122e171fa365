"""What a chart hands to the browser, and the table behind it."""

from __future__ import annotations

import html
import json
from datetime import date

import pytest
from django.template import Context, Template
from django.test import RequestFactory

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
from cxm.web.charts import draw, spark

TREND = Trend(
    title="NPS <by> month",
    unit="points",
    marks=[Mark(start=date(2026, 2, 1), label="Shift"), Mark(start=date(2030, 1, 1), label="Outside")],
    series=[
        Series(name="A", points=[Point(start=date(2026, 2, 1), value=40.0, low=36.5, high=43.5, n=1200)]),
        Series(name="=B", points=[Point(start=date(2026, 1, 1), value=None)]),
    ],
)


def test_series_of_a_trend_share_their_periods() -> None:
    drawing = draw(TREND)
    assert drawing.data["labels"] == ["Jan 2026", "Feb 2026"]
    assert drawing.data["series"][0]["points"] == [
        None,
        {"v": 40.0, "l": 36.5, "h": 43.5, "t": "40.0 (36.5 to 43.5), n = 1,200"},
    ]
    assert drawing.data["series"][1]["points"][0]["v"] is None
    assert drawing.data["marks"] == [{"at": 1, "label": "Shift"}]  # the other one lies outside of the picture
    assert drawing.legend == [("A", "c1"), ("=B", "c2")]
    assert drawing.table.raw[0] == ["A", "2026-02-01", 40.0, 36.5, 43.5, 1200]
    assert drawing.table.shown[0] == ["A", "Feb 2026", "40.0", "36.5", "43.5", "1,200"]


def test_bars_stand_from_the_largest_to_the_unknown() -> None:
    bars = [Bar(label="low", value=-3), Bar(label="none", value=None), Bar(label="high", value=9, n=10)]
    assert [row[0] for row in draw(Bars(title="", bars=bars)).table.raw] == ["high", "low", "none"]
    assert [row[0] for row in draw(Bars(title="", bars=bars, sort=False)).table.raw] == ["low", "none", "high"]


def test_a_histogram_names_its_columns_and_gives_shares() -> None:
    bins = [Bin(low=0, high=10, count=3), Bin(low=10, high=None, count=1)]
    table = draw(Histogram(title="", bins=bins, unit="count")).table
    assert table.shown == [["0 to 10", "3", "75.0%"], ["10 or more", "1", "25.0%"]]


def test_a_distribution_sums_to_the_whole() -> None:
    parts = [Part(label="Detractors", count=1, tone="bad"), Part(label="Promoters", count=3, tone="good")]
    drawing = draw(Distribution(title="", stacks=[Stack(label="All", parts=parts)]))
    assert [part["v"] for part in drawing.data["stacks"][0]["parts"]] == [0.25, 0.75]
    assert drawing.legend == [("Detractors", "bad"), ("Promoters", "good")]


def test_a_distribution_of_nobody_is_drawn() -> None:
    drawing = draw(Distribution(title="", stacks=[Stack(label="All", parts=[Part(label="Promoters", count=0)])]))
    assert drawing.data["stacks"][0]["parts"][0]["v"] == 0


def test_a_survival_curve_tells_who_is_at_risk() -> None:
    curve = Curve(name="All", moments=[Moment(time=30, value=0.9, low=0.85, high=0.94, n=1500)])
    assert draw(Survival(title="", curves=[curve])).table.shown == [
        ["All", "30 days", "90.0%", "85.0%", "94.0%", "1,500"]
    ]


@pytest.mark.parametrize("values", [[], [None, None], [5.0], [5.0, 5.0], [1.0, None, 3.0]])
def test_a_sparkline_of_any_values_is_drawn(values: list[float | None]) -> None:
    assert "nan" not in spark(Sparkline(values=values, label="")).line


def test_the_band_of_a_sparkline_goes_there_and_back() -> None:
    # 1 … 5 over a box of 30 with a margin of 2: 28 is 1, 15 is 3, 2 is 5
    paths = spark(Sparkline(values=[3, 3], low=[1, 1], high=[5, 5], label=""))
    assert paths.line == "M0.00 15.00L100.00 15.00"
    assert paths.band == "M0.00 2.00L100.00 2.00L100.00 28.00L0.00 28.00Z"


def render(template: str, **context: object) -> str:
    request = RequestFactory().get("/")
    return Template("{% load charts %}" + template).render(Context({"request": request, **context}))


def test_a_chart_comes_with_its_table_and_one_script() -> None:
    page = render("{% chart spec %}{% chart spec %}", spec=TREND)
    assert page.count("<script") == 1
    assert page.count('<td class="number">1,200</td>') == 2
    assert "NPS &lt;by&gt; month" in page
    assert "style=" not in page


def test_the_data_of_a_chart_survive_the_page() -> None:
    page = render("{% chart spec %}", spec=Trend(title="a\"b'<c>&d", series=TREND.series))
    attribute = page.split('data-chart="')[1].split('"')[0]
    assert json.loads(html.unescape(attribute))["title"] == "a\"b'<c>&d"


def test_a_chart_of_nothing_says_so() -> None:
    page = render("{% chart spec %}", spec=Bars(title="NPS by channel", bars=[]))
    assert "There is nothing to show for this period." in page
    assert "chart-picture" not in page
