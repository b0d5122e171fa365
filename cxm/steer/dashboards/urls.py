"""Addresses of boards (under /w/<slug>/) and of metric pages (under /w/<slug>/metrics/).

The pages of metrics stand on this shelf, because they compare and judge; their addresses are the metrics' own.
"""

from __future__ import annotations

from django.urls import path

from .views import boards, metrics

app_name = "dashboards"
urlpatterns = [
    path("", boards.home, name="home"),
    path("board/", boards.arrange, name="arrange"),
    path("report/", boards.report, name="report"),
    path("report/board.csv", boards.board_csv, name="csv"),
]
metric_urls = (
    [
        path("", metrics.index, name="index"),
        path("<slug:key>/", metrics.metric, name="metric"),
        path("<slug:key>/why/", metrics.why, name="why"),
        path("<slug:key>/<slug:table>.csv", metrics.csv, name="csv"),
    ],
    "metrics",
)
