"""Paths: w/<slug>/journeys/paths/."""

from __future__ import annotations

from django.urls import path

from .views import exports, judged, pages, processes, timing

app_name = "paths"
urlpatterns = [
    path("", processes.show_list, name="list"),
    path("new/", processes.new, name="new"),
    path("<int:process_id>/edit/", processes.edit, name="edit"),
    path("<int:process_id>/remove/", processes.remove, name="remove"),
    path("<int:process_id>/build/", processes.build, name="build"),
    path("<int:process_id>/map/", processes.make_map, name="make_map"),
    path("<int:process_id>/", pages.graph, name="graph"),
    path("<int:process_id>/step-by-step/", pages.matrix, name="matrix"),
    path("<int:process_id>/streams/", pages.streams, name="streams"),
    path("<int:process_id>/variants/", judged.variants, name="variants"),
    path("<int:process_id>/groups/", judged.groups, name="groups"),
    path("<int:process_id>/funnel/", timing.funnel, name="funnel"),
    path("<int:process_id>/times/", timing.times, name="times"),
    path("<int:process_id>/returning/", timing.returning, name="returning"),
    path("<int:process_id>/journeys/", pages.journeys, name="journeys"),
    path("<int:process_id>/<slug:table>.csv", exports.csv, name="csv"),
]
