"""Paths: w/<slug>/journeys/paths/."""

from __future__ import annotations

from django.urls import path

from .views import exports, judged, pages, processes, timing

app_name = "paths"
urlpatterns = [
    path("", processes.show_list, name="list"),
    path("new/", processes.new, name="new"),
    path("<int:number>/edit/", processes.edit, name="edit"),
    path("<int:number>/remove/", processes.remove, name="remove"),
    path("<int:number>/build/", processes.build, name="build"),
    path("<int:number>/map/", processes.make_map, name="make_map"),
    path("<int:number>/", pages.graph, name="graph"),
    path("<int:number>/step-by-step/", pages.matrix, name="matrix"),
    path("<int:number>/streams/", pages.streams, name="streams"),
    path("<int:number>/variants/", judged.variants, name="variants"),
    path("<int:number>/groups/", judged.groups, name="groups"),
    path("<int:number>/funnel/", timing.funnel, name="funnel"),
    path("<int:number>/times/", timing.times, name="times"),
    path("<int:number>/returning/", timing.returning, name="returning"),
    path("<int:number>/journeys/", pages.journeys, name="journeys"),
    path("<int:number>/<slug:table>.csv", exports.csv, name="csv"),
]
