"""Addresses of boards (under /w/<slug>/) and of metric pages (under /w/<slug>/metrics/).

The pages of metrics and of survey results stand on this shelf, because they compare and judge; their addresses are
the metrics' and the surveys' own.
"""

from __future__ import annotations

from django.urls import path

from .views import boards, metrics
from .views.surveys import comparing, exports, responses, sharing, summary

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
result_urls = (
    [
        path("results/", comparing.combined, name="combined"),
        path("<int:survey_id>/results/", summary.summary, name="survey"),
        path("<int:survey_id>/results/drop-off/", summary.dropoff, name="dropoff"),
        path("<int:survey_id>/results/texts/", comparing.texts, name="texts"),
        path("<int:survey_id>/results/two-questions/", comparing.crosstab, name="crosstab"),
        path("<int:survey_id>/results/compare/", comparing.compare, name="compare"),
        path("<int:survey_id>/results/responses/", responses.table, name="responses"),
        path("<int:survey_id>/results/responses/<uuid:response_id>/", responses.response, name="response"),
        path("<int:survey_id>/results/responses/<uuid:response_id>/deal/", responses.deal, name="deal"),
        path("<int:survey_id>/results/export/", exports.export, name="export"),
        path("<int:survey_id>/results/export/<uuid:export_id>/", exports.fetch, name="fetch"),
        path("<int:survey_id>/results/share/", sharing.share, name="share"),
    ],
    "results",
)
public_urls = [path("r/<str:token>", sharing.public, name="public_results")]
